/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The truth about the trace.* metrics. */
#include "truth.h"

void truth_of_trace(const struct schedule *s, struct expect *x)
{
	bool all_counted = true, counted[MAX_CPUS];

	expect_add(x, "trace.events_total", "", 0);
	expect_add(x, "trace.lost_events_total", "", 0);
	for (unsigned int cpu = 0; cpu < s->nr_cpus; cpu++)
		counted[cpu] = true;
	for (size_t i = 0; i < s->nr_order; i++) {
		const struct rec *rec = s->order[i];

		expect_add(x, "trace.events_total", "", 1);
		expect_add(x, "trace.events_total", label("{event=%s}", event_name(rec->ev)), 1);
		if (!rec->gap)
			continue;
		/* where the kernel stored no number, one at least */
		expect_add(x, "trace.lost_events_total", "", rec->gap > 0 ? rec->gap : 1);
		expect_add(x, "trace.lost_events_total", label("{cpu=%u}", s->cpu_id[rec->cpu]),
			   rec->gap > 0 ? rec->gap : 1);
		if (rec->gap < 0)
			all_counted = counted[rec->cpu] = false;
	}
	if (!all_counted)
		expect_status(x, "trace.lost_events_total", "", ST_LOWER_BOUND);
	for (unsigned int cpu = 0; cpu < s->nr_cpus; cpu++)
		if (!counted[cpu])
			expect_status(x, "trace.lost_events_total",
				      label("{cpu=%u}", s->cpu_id[cpu]), ST_LOWER_BOUND);
	if (s->ticks || !s->nr_order)
		expect_unavailable(x, "trace.span_ns");
	else
		expect_add(x, "trace.span_ns", "", (int64_t)schedule_span(s));
}
