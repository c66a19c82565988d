/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lanes decoded ahead of the merge: while it takes from one buffer of a lane, any thread may fill
 * the other. Knows nothing of what the events are for.
 */
#ifndef KMA_STREAM_AHEAD_H
#define KMA_STREAM_AHEAD_H

#include "stream/crew.h"
#include "stream/lane.h"

enum kma_lane_state {
	KMA_LANE_EMPTY,	  /* its buffer that is not taken from can be filled */
	KMA_LANE_FILLING, /* a thread is at it */
	KMA_LANE_FILLED,  /* @filled is the buffer; NULL: the lane has ended */
};

struct kma_ahead_lane {
	enum kma_lane_state state;
	bool queued;
	const struct kma_lane_buffer *filled;
};

struct kma_ahead {
	struct kma_crew *crew;
	struct kma_lane *lanes; /* in the order of (cpu, buffer) */
	uint32_t nr;
	bool eager;		   /* lanes may be filled before they are needed */
	struct kma_ahead_lane *of; /* by lane */
	uint32_t *queue;	   /* numbers of lanes to fill: a ring of nr, from first on */
	uint32_t first, queued;
	uint64_t bytes; /* of the source, taken so far */
};

int kma_ahead_open(struct kma_ahead *ahead, struct kma_crew *crew, struct kma_lane *lanes,
		   uint32_t nr, bool eager, struct kma_error *err);
void kma_ahead_close(struct kma_ahead *ahead);
/*
 * For the merge: *@buffer is what comes next of @lane, filled here if nobody did, or NULL at its
 * end; the buffer it got before can be filled again. False if another thread is just filling it.
 */
bool kma_ahead_next(struct kma_ahead *ahead, struct kma_lane *lane,
		    const struct kma_lane_buffer **buffer);
/* Whether another thread is just filling @lane. The crew's lock is held. */
bool kma_ahead_is_filling(const struct kma_ahead *ahead, const struct kma_lane *lane);
/* A lane to fill, now taken, or NULL. The crew's lock is held. */
struct kma_lane *kma_ahead_pick(struct kma_ahead *ahead);
/* Fills a lane that was picked. The crew's lock is not held. */
void kma_ahead_fill(struct kma_ahead *ahead, struct kma_lane *lane);

#endif
