/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The readers behind kma_source_open(), for source.c to choose from. */
#ifndef KMA_SOURCE_OPEN_H
#define KMA_SOURCE_OPEN_H

#include "source/source.h"

/* *@time_shift: the file has guest time shifts, which this reader leaves out. */
struct kma_source *kma_tracedat_open(const char *path, bool *time_shift, struct kma_error *err);
struct kma_source *kma_tracecmd_open(const char *path, struct kma_error *err);

#endif
