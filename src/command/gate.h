/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judging a trace by thresholds: from the command line to every output that tells of it. */
#ifndef KMA_COMMAND_GATE_H
#define KMA_COMMAND_GATE_H

#include <stdbool.h>
#include <stdio.h>

#include <kmem-analyze/error.h>

struct kma_config;
struct kma_result;
struct kma_text_options;
struct kma_thresholds;

/*
 * The thresholds that @config names, before anything else is read. *@thresholds is NULL without
 * any. 0, or -1 with @err filled: a threshold is wrong, or needs a baseline that is not given.
 */
int kma_gate_prepare(const struct kma_config *config, struct kma_thresholds **thresholds,
		     struct kma_error *err);

/*
 * Holds @result against @thresholds (NULL: none) and writes what is asked for: text to @out unless
 * @out is NULL, annotations to @annotations, and files. 0, or -1 with @err filled:
 * KMA_ERR_VIOLATED, KMA_ERR_POOR when inconclusive, or what went wrong.
 */
int kma_gate_run(const struct kma_config *config, const struct kma_thresholds *thresholds,
		 const struct kma_result *result, const struct kma_text_options *text, FILE *out,
		 FILE *annotations, struct kma_error *err);

/* Saves @result where --save-baseline says, if at all: when all is well. */
int kma_gate_save(const struct kma_config *config, const struct kma_result *result,
		  struct kma_error *err);

#endif
