/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Merging lanes by time; see merge.h. */
#include "stream/merge.h"

#include <stdlib.h>

#define BATCH 512

static inline bool before(const struct kma_lane *a, const struct kma_lane *b)
{
	uint64_t x = a->events[a->at].ts, y = b->events[b->at].ts;

	/* lanes stand in one array in the order of (cpu, buffer) */
	return x != y ? x < y : a < b;
}

static void sift_down(struct kma_merge *merge, uint32_t i)
{
	struct kma_lane *lane = merge->heap[i];

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= merge->nr)
			break;
		if (child + 1 < merge->nr && before(merge->heap[child + 1], merge->heap[child]))
			child++;
		if (!before(merge->heap[child], lane))
			break;
		merge->heap[i] = merge->heap[child];
		i = child;
	}
	merge->heap[i] = lane;
}

static void make_heap(struct kma_merge *merge)
{
	for (uint32_t i = merge->nr / 2; i-- > 0;)
		sift_down(merge, i);
}

int kma_merge_open(struct kma_merge *merge, struct kma_lane *lanes, uint32_t nr,
		   struct kma_error *err)
{
	memset(merge, 0, sizeof(*merge));
	merge->heap = calloc(nr ? nr : 1, sizeof(*merge->heap));
	merge->events = aligned_alloc(64, BATCH * sizeof(*merge->events));
	if (!merge->heap || !merge->events)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (uint32_t i = 0; i < nr; i++)
		if (kma_lane_fill(&lanes[i]))
			merge->heap[merge->nr++] = &lanes[i];
	make_heap(merge);
	return 0;
}

void kma_merge_resume(struct kma_merge *merge)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < merge->nr; i++) {
		struct kma_lane *lane = merge->heap[i];

		if (!kma_lane_is_idle(lane) || kma_lane_fill(lane))
			merge->heap[kept++] = lane;
	}
	merge->nr = kept;
	make_heap(merge);
}

void kma_merge_close(struct kma_merge *merge)
{
	free(merge->heap);
	free(merge->events);
	free(merge->stacks);
	memset(merge, 0, sizeof(*merge));
}

/* The stack moves from the lane's words to the batch's. */
static void move_stack(struct kma_merge *merge, const struct kma_lane *lane,
		       struct kma_event *event)
{
	const uint64_t *words = &lane->stacks[event->stack];
	uint32_t nr = words[0] + 1;

	if (!merge->nr_stacks)
		merge->nr_stacks = 1; /* 0 says: no stack */
	if (merge->max_stacks < merge->nr_stacks + nr) {
		uint32_t max = 2 * merge->max_stacks + nr + 4096;
		uint64_t *stacks = realloc(merge->stacks, max * sizeof(*stacks));

		if (!stacks) {
			event->stack = 0;
			return;
		}
		merge->stacks = stacks;
		merge->max_stacks = max;
	}
	memcpy(&merge->stacks[merge->nr_stacks], words, nr * sizeof(*words));
	event->stack = merge->nr_stacks;
	merge->nr_stacks += nr;
}

/* The lane on top gave all it had: refill it, or take it out. */
static void refill_top(struct kma_merge *merge)
{
	if (!kma_lane_fill(merge->heap[0]))
		merge->heap[0] = merge->heap[--merge->nr];
	if (merge->nr)
		sift_down(merge, 0);
}

bool kma_merge_next(struct kma_merge *merge, struct kma_batch *batch, const struct kma_event **gap)
{
	uint32_t nr = 0;

	*gap = NULL;
	merge->nr_stacks = 0;
	while (merge->nr && nr < BATCH && !*gap) {
		struct kma_lane *lane = merge->heap[0];
		const struct kma_lane *rival = NULL;

		/* as long as no other lane comes first, the heap need not be touched */
		if (merge->nr > 1) {
			rival = merge->heap[1];
			if (merge->nr > 2 && before(merge->heap[2], rival))
				rival = merge->heap[2];
		}
		do {
			struct kma_event *event = &merge->events[nr++];

			*event = lane->events[lane->at++];
			if (event->stack)
				move_stack(merge, lane, event);
			if (event->kind >= KMA_KIND_GAP) {
				nr--;
				if (event->kind == KMA_KIND_GAP) {
					*gap = event;
					break;
				}
				lane->at--; /* the mark stays until all are asked again */
				goto out;
			}
		} while (nr < BATCH && lane->at < lane->nr && (!rival || before(lane, rival)));
		if (lane->at == lane->nr)
			refill_top(merge);
		else
			sift_down(merge, 0);
	}
out:
	*batch = (struct kma_batch){ .events = merge->events, .nr = nr, .stacks = merge->stacks };
	return nr || *gap;
}
