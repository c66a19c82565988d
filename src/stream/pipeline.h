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

struct kma_pipeline;

/* @source and what @selection points to must outlive the pipeline. NULL with @err. */
struct kma_pipeline *kma_pipeline_open(struct kma_source *source,
				       const struct kma_selection *selection,
				       struct kma_error *err);

enum kma_pump {
	KMA_PUMP_END,  /* all has been fed, in as many passes as it takes */
	KMA_PUMP_WAIT, /* a live source has nothing to give now */
	KMA_PUMP_MORE, /* it has more: pump again at once, but for what else there is to do */
};

/* Feeds the analyses what the source has: an enum kma_pump, or -1. @progress may be NULL. */
int kma_pipeline_pump(struct kma_pipeline *pipeline, struct kma_progress *progress,
		      struct kma_error *err);
/*
 * Fills a new @result with how things stand: at the end, and of a live source between any two
 * pumps, as often as wanted. On failure nothing of @result is usable; damage in the input is no
 * failure but a note, with result->quality.truncated. @result may outlive the pipeline.
 */
int kma_pipeline_report(struct kma_pipeline *pipeline, struct kma_result *result,
			struct kma_error *err);
void kma_pipeline_close(struct kma_pipeline *pipeline);

/* All of that at once: runs the whole trace through the analyses and fills @result. */
int kma_pipeline_run(struct kma_source *source, const struct kma_selection *selection,
		     struct kma_progress *progress, struct kma_result *result,
		     struct kma_error *err);

#endif
