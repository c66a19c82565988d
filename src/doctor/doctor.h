/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The doctor command: what each report can tell of this kernel, or of a trace, why not more, and
 * the command lines that record what it needs. All of it follows from what the analyses declare.
 */
#ifndef KMA_DOCTOR_DOCTOR_H
#define KMA_DOCTOR_DOCTOR_H

#include "cli/config.h"

/* Writes the answer to @out. -1 with @err when there is none, or a report that was named is not
 * possible. */
int kma_doctor_run(const struct kma_config *config, FILE *out, struct kma_error *err);

#endif
