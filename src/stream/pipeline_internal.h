/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the pipeline share. Private to them. */
#ifndef KMA_STREAM_PIPELINE_INTERNAL_H
#define KMA_STREAM_PIPELINE_INTERNAL_H

#include "result/namer.h"
#include "stream/facts.h"
#include "stream/flow.h"
#include "stream/pipeline.h"

struct kma_pipeline {
	struct kma_flow flow; /* first: one is cast to the other */
	struct kma_run run;
	struct kma_selection selection;
	struct kma_arena *arena; /* what lives as long as the pipeline */
	struct kma_lane_config config;
	struct kma_schema *schema;
	struct kma_strings *strings;
	struct kma_lane *lanes; /* of the first pass: those that the facts are told of */
	bool *buffer_used;
	struct kma_trace trace;
	struct kma_state **states; /* by analysis */
	size_t nr_analyses;
	uint32_t nr_opened; /* lanes of the source that were opened, picked or not */
	uint64_t total_bytes, bytes_before; /* of all passes; read before this round */
	struct kma_namer namer;
	struct kma_address_range *tracing;
	bool *again; /* by analysis: takes part in the second pass */
	struct kma_consumer *consumers;
	struct kma_progress *progress;
	bool started, ended;
	uint64_t newest, late; /* of a live source, see struct kma_flow */
};

/* ---- lanes.c: which buffers and CPUs are read ---- */

int kma_pick_buffers(struct kma_pipeline *p, struct kma_error *err);
/* All CPUs of the buffers, from the source's lane @first on: those that are not picked still tell
 * when the trace began. */
int kma_open_lanes(struct kma_pipeline *p, uint32_t first, struct kma_lane **lanes, uint32_t *nr,
		   struct kma_error *err);
void kma_close_lanes(struct kma_lane *lanes, uint32_t nr);
void kma_drop_unpicked_lanes(const struct kma_pipeline *p, struct kma_lane *lanes, uint32_t *nr);
/* How many events a lane decodes at a time: they share a budget, so that many CPUs take no more
 * memory than a few. */
uint32_t kma_lane_events(const struct kma_source_info *info);
/* The oldest first record of any lane; 0 without any. */
uint64_t kma_first_timestamp(struct kma_pipeline *p);
/* How much there is to read, and of how many CPUs. */
void kma_measure_lanes(struct kma_pipeline *p);

/* ---- reports.c: from the analyses' states to a result ---- */

int kma_fill_reports(struct kma_pipeline *p, struct kma_result *result);

#endif
