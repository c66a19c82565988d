/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the lanes and the source to the result's facts and quality ledger, once all is read. */
#ifndef KMA_STREAM_FACTS_H
#define KMA_STREAM_FACTS_H

#include <kmem-analyze/analysis.h>

#include "result/result.h"
#include "stream/lane.h"

/* The lanes analysed, and what the pipeline saw go by. */
struct kma_run {
	struct kma_source *source;
	const struct kma_schema *schema;
	struct kma_lane *lanes;
	uint32_t nr_lanes;
	const bool *buffer_used; /* by buffer */
	const char *clock;	 /* of the buffers analysed */
	struct kma_gap *gaps;	 /* the source's names */
	size_t nr_gaps;
	uint64_t more_gaps;
};

/* Both return 0, or -1 when out of memory. */
int kma_run_facts(const struct kma_run *run, struct kma_result *result);
int kma_run_quality(const struct kma_run *run, struct kma_result *result);
/* Records by kind, first and last timestamp, losses: what reports are made with. */
void kma_run_summary(const struct kma_run *run, struct kma_summary *summary);
/* Which clock class a trace_clock name is, given the file's time conversion. */
enum kma_clock kma_clock_class(const char *name, const struct kma_time_conversion *time);

#endif
