/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many lanes into one stream in the order (ts, cpu, buffer, position): a heap of the lanes' next
 * events, of which only the lane just taken from is moved.
 */
#ifndef KMA_STREAM_MERGE_H
#define KMA_STREAM_MERGE_H

#include "stream/lane.h"

struct kma_merge {
	struct kma_lane **heap; /* lanes with an event to give; the smallest on top */
	uint32_t nr;
	struct kma_event *events; /* the batch being made */
	uint64_t *stacks;
	uint32_t nr_stacks, max_stacks;
};

/*
 * Of a source that waits for more: a lane that has nothing now stands in the heap with a mark,
 * whose time is the one up to which nothing can follow on that lane. An idle CPU so holds back only
 * what is newer than that, and the order is kept. When the mark comes first, the lanes have to be
 * asked again, with a new horizon.
 */

/* @lanes in the order of (cpu, buffer). Fills each for the first time. */
int kma_merge_open(struct kma_merge *merge, struct kma_lane *lanes, uint32_t nr,
		   struct kma_error *err);
void kma_merge_close(struct kma_merge *merge);
/*
 * The next events, as many as fit, up to the next gap. *@gap is NULL, or the gap behind them; both
 * are valid until the next call. False when nothing is left. -1 is never returned: memory is taken
 * at open, but for stacks, whose loss only drops the stack.
 */
bool kma_merge_next(struct kma_merge *merge, struct kma_batch *batch, const struct kma_event **gap);

/* True when nothing is left only for now. */
static inline bool kma_merge_waits(const struct kma_merge *merge)
{
	return merge->nr > 0;
}

/* Asks all lanes that had nothing once more. */
void kma_merge_resume(struct kma_merge *merge);

#endif
