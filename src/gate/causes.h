/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which labelled parts of a metric made its whole break a threshold. */
#ifndef KMA_GATE_CAUSES_H
#define KMA_GATE_CAUSES_H

#include "gate/threshold.h"
#include "result/judgement.h"
#include "result/result.h"

/*
 * Fills @check->causes: of each way to split the metric, the parts that matter most. Of what adds
 * up, by their shares: of the change where there is a baseline, else of the whole. Of anything
 * else, the parts that are worst themselves. @base may be NULL. 0, or -1 when out
 * of memory.
 */
int kma_find_causes(const struct kma_result *result, const struct kma_result *base,
		    const struct kma_metric *whole, const struct kma_measure *measure,
		    const struct kma_judged *judged, struct kma_check *check,
		    struct kma_arena *arena);

/* Fills @check->findings: what @result's report found with @metric as proof, the most severe first.
 */
void kma_find_findings(const struct kma_result *result, const struct kma_result *base,
		       const struct kma_metric *metric, struct kma_check *check);

#endif
