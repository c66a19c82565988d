/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many lanes into one stream in the order (ts, cpu, buffer, position): a heap of the lanes' next
 * events, of which only the lane just taken from is moved. Knows nothing of threads: where a lane's
 * events are not there yet, it stops and goes on when called again.
 */
#ifndef KMA_STREAM_MERGE_H
#define KMA_STREAM_MERGE_H

#include "stream/ahead.h"

/* Events of a batch. */
#define KMA_BATCH_EVENTS 512

/* What the merge gives: events, and perhaps the gap behind them. */
struct kma_merged {
	struct kma_event *events; /* KMA_BATCH_EVENTS of them */
	uint32_t nr;
	uint64_t kinds; /* KMA_KIND_BIT of each kind among them */
	uint64_t *stacks;
	uint32_t nr_stacks, max_stacks;
	bool has_gap;
	struct kma_lost gap;
};

int kma_merged_open(struct kma_merged *merged, struct kma_error *err);
void kma_merged_close(struct kma_merged *merged);

/* A lane with an event to give. */
struct kma_merge_input {
	uint64_t ts; /* of *next */
	const struct kma_event *next, *end;
	const uint64_t *stacks;
	struct kma_lane *lane;
};

struct kma_merge {
	struct kma_ahead *ahead;
	struct kma_merge_input *heap; /* the smallest on top */
	uint32_t nr;
	bool want; /* the lane on top gave all it had, and its next events are not there yet */
};

/* Fills each lane for the first time. */
int kma_merge_open(struct kma_merge *merge, struct kma_ahead *ahead, struct kma_error *err);
void kma_merge_close(struct kma_merge *merge);
/*
 * Adds the next events to @merged (empty it before), as many as fit, up to the next gap. False when
 * it stopped to wait for the lane on top, and is to be called again with the same @merged. Nothing
 * in @merged says: nothing is left. Takes memory for stacks only, whose loss drops the stack.
 */
bool kma_merge_next(struct kma_merge *merge, struct kma_merged *merged);

#endif
