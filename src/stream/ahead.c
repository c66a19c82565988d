/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lanes decoded ahead of the merge; see ahead.h. */
#include "stream/ahead.h"

#include <stdlib.h>

int kma_ahead_open(struct kma_ahead *ahead, struct kma_crew *crew, struct kma_lane *lanes,
		   uint32_t nr, bool eager, struct kma_error *err)
{
	*ahead = (struct kma_ahead){
		.crew = crew,
		.lanes = lanes,
		.nr = nr,
		.eager = eager,
		.of = calloc(nr + 1, sizeof(*ahead->of)),
		.queue = calloc(nr + 1, sizeof(*ahead->queue)),
	};
	return ahead->of && ahead->queue ? 0 : kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
}

void kma_ahead_close(struct kma_ahead *ahead)
{
	free(ahead->of);
	free(ahead->queue);
	*ahead = (struct kma_ahead){ 0 };
}

static void enqueue(struct kma_ahead *ahead, uint32_t i)
{
	ahead->queue[(ahead->first + ahead->queued++) % ahead->nr] = i;
}

bool kma_ahead_next(struct kma_ahead *ahead, struct kma_lane *lane,
		    const struct kma_lane_buffer **buffer)
{
	uint32_t i = (uint32_t)(lane - ahead->lanes);
	struct kma_ahead_lane *of = &ahead->of[i];

	kma_crew_lock(ahead->crew);
	if (of->state == KMA_LANE_FILLING) {
		kma_crew_unlock(ahead->crew);
		return false;
	}
	if (of->state == KMA_LANE_EMPTY) {
		/* it may stand in the queue still: picking leaves it out */
		of->state = KMA_LANE_FILLING;
		kma_crew_unlock(ahead->crew);
		of->filled = kma_lane_fill(lane);
		kma_crew_lock(ahead->crew);
	}
	*buffer = of->filled;
	if (*buffer) {
		ahead->bytes += (*buffer)->bytes;
		of->state = KMA_LANE_EMPTY;
		if (ahead->eager && !of->queued) {
			of->queued = true;
			enqueue(ahead, i);
		}
	} else {
		of->state = KMA_LANE_FILLED;
	}
	kma_crew_unlock(ahead->crew);
	return true;
}

bool kma_ahead_is_filling(const struct kma_ahead *ahead, const struct kma_lane *lane)
{
	return ahead->of[lane - ahead->lanes].state == KMA_LANE_FILLING;
}

struct kma_lane *kma_ahead_pick(struct kma_ahead *ahead)
{
	while (ahead->queued) {
		uint32_t i = ahead->queue[ahead->first];
		struct kma_ahead_lane *of = &ahead->of[i];

		ahead->first = (ahead->first + 1) % ahead->nr;
		ahead->queued--;
		of->queued = false;
		if (of->state == KMA_LANE_EMPTY) {
			of->state = KMA_LANE_FILLING;
			return &ahead->lanes[i];
		}
	}
	return NULL;
}

void kma_ahead_fill(struct kma_ahead *ahead, struct kma_lane *lane)
{
	struct kma_ahead_lane *of = &ahead->of[lane - ahead->lanes];
	const struct kma_lane_buffer *buffer = kma_lane_fill(lane);

	kma_crew_lock(ahead->crew);
	of->filled = buffer;
	of->state = KMA_LANE_FILLED;
	kma_crew_unlock(ahead->crew);
}
