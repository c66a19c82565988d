/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One pass of a trace: lanes are decoded, merged into batches, and the batches fed to analyses, by
 * one thread or several. What can be done next is picked by whoever is free; each analysis is fed
 * by one thread at a time and gets every batch in order, so that the outcome does not depend on
 * their number. Knows nothing of what the analyses are.
 */
#ifndef KMA_STREAM_FLOW_H
#define KMA_STREAM_FLOW_H

#include <kmem-analyze/analysis.h>

#include "stream/merge.h"

/* Batches between the merge and the slowest analysis. */
#define KMA_FLOW_BATCHES 16

/* An analysis that takes part. */
struct kma_consumer {
	const struct kma_analysis *analysis;
	struct kma_state *state;
	uint64_t kinds; /* a batch without any of these is not fed */
	uint64_t taken; /* batches behind it */
	bool busy;	/* a thread feeds it */
};

struct kma_flow {
	/* To be set: */
	struct kma_lane *lanes; /* in the order of (cpu, buffer) */
	uint32_t nr_lanes;
	struct kma_consumer *consumers;
	size_t nr_consumers;
	unsigned int jobs; /* threads */
	bool eager;	   /* decode lanes before they are needed: not where reading may block */
	/* Both may be NULL, and are called by one thread at a time. lost() returns -1 when out of
	 * memory. */
	int (*lost)(struct kma_flow *flow, const struct kma_lost *lost);
	void (*progress)(struct kma_flow *flow, uint64_t bytes); /* of the lanes, read so far */

	uint64_t bytes; /* of the source, once it has run */
	/*
	 * Of a live source: the newest event so far, and how many were older than one that went
	 * before, as their records were written later than the source allows for. They are fed all
	 * the same. Both go on from round to round.
	 */
	bool live;
	uint64_t newest, late;

	/* Its own: */
	struct kma_crew crew;
	struct kma_ahead ahead;
	struct kma_merge merge;
	struct kma_merged batches[KMA_FLOW_BATCHES]; /* number i at i % KMA_FLOW_BATCHES */
	uint64_t made;
	bool merging, ended, failed;
};

int kma_flow_run(struct kma_flow *flow, struct kma_error *err);

#endif
