/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that judge a trace: thresholds, baselines, verdicts, and what CI reads. */
#ifndef KMA_CLI_GATE_OPTIONS_H
#define KMA_CLI_GATE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kmem-analyze/error.h>

#include "result/judgement.h"

/* Where thresholds come from, in the order given */
struct kma_threshold_source {
	const char *text; /* an expression, or a file's path */
	bool is_file;
};

struct kma_gate_config {
	struct kma_threshold_source *thresholds;
	size_t nr_thresholds;
	const char *baseline, *save_baseline;
	double max_lost; /* events, or a share of all */
	bool max_lost_is_share;
	uint64_t min_samples;
	enum kma_doubt doubt;
	bool github; /* annotations */
	const char *junit, *sarif, *markdown;
	const char *first; /* the first option given that says nothing without thresholds */
};

void kma_gate_config_init(struct kma_gate_config *gate);
void kma_gate_config_free(struct kma_gate_config *gate);
int kma_gate_option(struct kma_gate_config *gate, int id, const char *value, struct kma_error *err);
/* Do they go together? */
int kma_gate_check(const struct kma_gate_config *gate, struct kma_error *err);

#endif
