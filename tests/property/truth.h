/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is true of a schedule by the definitions in docs/reports.md: worked out from what the CPUs
 * did, slowly and plainly, and by no code of the program under test.
 */
#ifndef KMA_TESTS_TRUTH_H
#define KMA_TESTS_TRUTH_H

#include "expect.h"
#include "schedule.h"

struct kma_result;

void truth_of_trace(const struct schedule *s, struct expect *x);
void truth_of_zone_lock(const struct schedule *s, struct expect *x);
/* From @result only the time axis of its series is taken: how wide its bins are is not defined. */
void truth_of_pcp(const struct schedule *s, const struct kma_result *result, struct expect *x);

/* Compares the series of pages with the records; prints differences, returns their number. */
unsigned int check_series(const struct schedule *s, const struct kma_result *result, FILE *out);

static inline uint64_t schedule_lost(const struct schedule *s)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < s->nr_order; i++)
		if (s->order[i]->gap)
			lost += s->order[i]->gap > 0 ? (uint64_t)s->order[i]->gap : 1;
	return lost;
}

static inline uint64_t schedule_span(const struct schedule *s)
{
	return s->nr_order ? s->order[s->nr_order - 1]->ts - s->order[0]->ts : 0;
}

#endif
