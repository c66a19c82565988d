/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The number that a threshold speaks of, taken from a result. */
#ifndef KMA_GATE_MEASURE_H
#define KMA_GATE_MEASURE_H

#include <stdint.h>

#include "gate/threshold.h"
#include "result/result.h"

struct kma_reading {
	double value;
	bool lower_bound;
	const char *reason; /* NULL, or why there is no number */
};

/* @metric of @result; @min_samples: fewer say nothing. Reasons live in @arena. */
struct kma_reading kma_measure(const struct kma_result *result, const struct kma_metric *metric,
			       const struct kma_measure *measure, uint64_t min_samples,
			       struct kma_arena *arena);
/* Does this number add up over parts and time? */
bool kma_measure_adds_up(const struct kma_metric_def *def, const struct kma_measure *measure);

/* The report that holds metrics of that name ("zone_lock.hold_ns"); NULL when it was not made. */
const struct kma_report *kma_report_of(const struct kma_result *result, const char *metric_name);
/* The metric of that name with those labels, in any order; NULL: none. */
const struct kma_metric *kma_find_part(const struct kma_result *result, const char *name,
				       const struct kma_labels *labels);

#endif
