/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The raw pages of a live recording as a trace.dat, version 6: the one that every trace-cmd and
 * KernelShark reads. Each CPU's pages go to a file without a name until all are there.
 */
#ifndef KMA_SOURCE_SAVE_H
#define KMA_SOURCE_SAVE_H

#include "source/instance.h"
#include "source/source.h"

struct kma_save;

/* @path must outlive it. NULL with @err, also when @path cannot be written. */
struct kma_save *kma_save_new(const char *path, uint32_t nr_lanes, struct kma_error *err);
/* What fails here is told at the end. */
void kma_save_page(struct kma_save *save, uint32_t lane, const uint8_t *page, size_t size);
/* Writes the file. Once. */
int kma_save_finish(struct kma_save *save, const struct kma_tracefs *fs,
		    const struct kma_instance *instance, const struct kma_source_info *info,
		    struct kma_error *err);
void kma_save_free(struct kma_save *save);

#endif
