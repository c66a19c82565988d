/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a source to a filled result: lanes, merge, analyses, and the facts and the quality ledger on
 * the way. Knows analyses only by their contract, and nothing of output.
 */
#ifndef KMA_STREAM_PIPELINE_H
#define KMA_STREAM_PIPELINE_H

#include <kmem-analyze/analysis.h>

#include "result/result.h"
#include "source/source.h"

/* A time on the trace's clock, or an offset from the trace's first record. */
struct kma_time_limit {
	bool set, relative;
	uint64_t ns;
};

struct kma_selection {
	const struct kma_analysis *const *analyses; /* ends with NULL */
	const uint32_t *cpus;			    /* sorted; NULL: all */
	size_t nr_cpus;
	const char *buffer; /* NULL: all */
	struct kma_time_limit from, to;
	uint32_t stack_depth, nodes; /* as in struct kma_trace */
	struct kma_pfn_range pfns;   /* the same */
	int32_t cma_migratetype;     /* the same, where it is above 0 */
	bool has_ptr;		     /* the same */
	uint64_t ptr;
	unsigned int jobs; /* threads; 0: as many as help */
};

/*
 * Runs the whole trace through the analyses and fills @result. @progress may be NULL. On failure
 * nothing of @result is usable; damage in the input is no failure but a note, with
 * result->quality.truncated.
 */
int kma_pipeline_run(struct kma_source *source, const struct kma_selection *selection,
		     struct kma_progress *progress, struct kma_result *result,
		     struct kma_error *err);

#endif
