/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holding a result against thresholds. */
#ifndef KMA_GATE_JUDGE_H
#define KMA_GATE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

struct kma_judgement;
struct kma_result;
struct kma_thresholds;

struct kma_judge_options {
	double max_lost; /* events, or their share of all */
	bool max_lost_is_share;
	uint64_t min_samples; /* that a statistic of a distribution needs */
};

/*
 * @base may be NULL; @baseline_name is how it was given, @baseline_version the version that wrote
 * it (NULL: this one). NULL when out of memory. The judgement refers to @thresholds and @result,
 * which must outlive it.
 */
struct kma_judgement *kma_judge(const struct kma_thresholds *thresholds,
				const struct kma_result *result, const struct kma_result *base,
				const char *baseline_name, const char *baseline_version,
				const struct kma_judge_options *options);

#endif
