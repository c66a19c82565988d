/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Merging lanes by time; see merge.h. */
#include "stream/merge.h"

#include <stdlib.h>

int kma_merged_open(struct kma_merged *merged, struct kma_error *err)
{
	*merged = (struct kma_merged){
		.events = aligned_alloc(64, KMA_BATCH_EVENTS * sizeof(*merged->events)),
	};
	return merged->events ? 0 : kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
}

void kma_merged_close(struct kma_merged *merged)
{
	free(merged->events);
	free(merged->stacks);
	*merged = (struct kma_merged){ 0 };
}

/* @ts and @lane are those of an input: it comes before @b. */
static inline bool before(uint64_t ts, const struct kma_lane *lane, const struct kma_merge_input *b)
{
	/* lanes stand in one array in the order of (cpu, buffer) */
	return ts != b->ts ? ts < b->ts : lane < b->lane;
}

static void sift_down(struct kma_merge *merge, uint32_t i)
{
	struct kma_merge_input input = merge->heap[i];

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= merge->nr)
			break;
		if (child + 1 < merge->nr &&
		    before(merge->heap[child + 1].ts, merge->heap[child + 1].lane,
			   &merge->heap[child]))
			child++;
		if (before(input.ts, input.lane, &merge->heap[child]))
			break;
		merge->heap[i] = merge->heap[child];
		i = child;
	}
	merge->heap[i] = input;
}

static void use_buffer(struct kma_merge_input *input, const struct kma_lane_buffer *buffer)
{
	input->next = buffer->events;
	input->end = buffer->events + buffer->nr;
	input->stacks = buffer->stacks;
	input->ts = input->next->ts;
}

int kma_merge_open(struct kma_merge *merge, struct kma_ahead *ahead, struct kma_error *err)
{
	*merge = (struct kma_merge){ .ahead = ahead };
	merge->heap = calloc(ahead->nr + 1, sizeof(*merge->heap));
	if (!merge->heap)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (uint32_t i = 0; i < ahead->nr; i++) {
		const struct kma_lane_buffer *buffer;

		/* nobody else fills yet: it is there, or the lane has none */
		kma_ahead_next(ahead, &ahead->lanes[i], &buffer);
		if (!buffer)
			continue;
		merge->heap[merge->nr].lane = &ahead->lanes[i];
		use_buffer(&merge->heap[merge->nr++], buffer);
	}
	for (uint32_t i = merge->nr / 2; i-- > 0;)
		sift_down(merge, i);
	return 0;
}

void kma_merge_close(struct kma_merge *merge)
{
	free(merge->heap);
	*merge = (struct kma_merge){ 0 };
}

/* The stack moves from the lane's words to the batch's. */
static void move_stack(struct kma_merged *merged, const uint64_t *stacks, struct kma_event *event)
{
	const uint64_t *words = &stacks[event->stack];
	uint32_t nr = words[0] + 1;

	if (!merged->nr_stacks)
		merged->nr_stacks = 1; /* 0 says: no stack */
	if (merged->max_stacks < merged->nr_stacks + nr) {
		uint32_t max = 2 * merged->max_stacks + nr + 4096;
		uint64_t *larger = realloc(merged->stacks, max * sizeof(*larger));

		if (!larger) {
			event->stack = 0;
			return;
		}
		merged->stacks = larger;
		merged->max_stacks = max;
	}
	memcpy(&merged->stacks[merged->nr_stacks], words, nr * sizeof(*words));
	event->stack = merged->nr_stacks;
	merged->nr_stacks += nr;
}

static void put_gap(struct kma_merged *merged, const struct kma_event *gap)
{
	merged->has_gap = true;
	merged->gap = (struct kma_lost){
		.cpu = gap->cpu,
		.buffer = gap->buffer,
		.counted = kma_gap_counted(gap),
		.count = kma_gap_count(gap),
		.from_ts = kma_gap_from(gap),
		.to_ts = gap->ts,
	};
}

/* The lane on top gave all it had: goes on with what is next of it, or takes it out. False: it is
 * not there yet. */
static bool refill_top(struct kma_merge *merge)
{
	const struct kma_lane_buffer *buffer;

	merge->want = !kma_ahead_next(merge->ahead, merge->heap[0].lane, &buffer);
	if (merge->want)
		return false;
	if (buffer)
		use_buffer(&merge->heap[0], buffer);
	else
		merge->heap[0] = merge->heap[--merge->nr];
	if (merge->nr)
		sift_down(merge, 0);
	return true;
}

bool kma_merge_next(struct kma_merge *merge, struct kma_merged *merged)
{
	if (merge->want && !refill_top(merge))
		return false;
	while (merge->nr && merged->nr < KMA_BATCH_EVENTS && !merged->has_gap) {
		struct kma_merge_input *top = &merge->heap[0];
		const struct kma_merge_input *rival = NULL;
		const struct kma_event *next = top->next, *end = top->end;
		struct kma_event *to = merged->events + merged->nr;
		uint32_t room = KMA_BATCH_EVENTS - merged->nr;

		if (end - next > room)
			end = next + room;
		/* as long as no other lane comes first, the heap need not be touched */
		if (merge->nr > 1) {
			rival = &merge->heap[1];
			if (merge->nr > 2 && before(merge->heap[2].ts, merge->heap[2].lane, rival))
				rival = &merge->heap[2];
		}
		do {
			if (__builtin_expect(next->kind == KMA_KIND_GAP, 0)) {
				put_gap(merged, next++);
				break;
			}
			*to = *next++;
			merged->kinds |= KMA_KIND_BIT(to->kind);
			if (to->stack)
				move_stack(merged, top->stacks, to);
			to++;
		} while (next < end && (!rival || before(next->ts, top->lane, rival)));
		merged->nr = to - merged->events;
		top->next = next;
		if (next == top->end) {
			if (!refill_top(merge))
				return false;
		} else {
			top->ts = next->ts;
			sift_down(merge, 0);
		}
	}
	return true;
}
