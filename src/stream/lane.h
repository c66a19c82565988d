/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One CPU's stream: pieces of a source decoded into typed events, in the order they stand in the
 * trace, gaps in place. A lane touches nothing that another lane writes, so each may run on its own
 * thread.
 */
#ifndef KMA_STREAM_LANE_H
#define KMA_STREAM_LANE_H

#include "decode/decode.h"
#include "source/source.h"

/* In a lane's output, between events: a gap. Never reaches an analysis as an event. */
#define KMA_KIND_GAP KMA_NR_KINDS
/* What all lanes of a run share. */
struct kma_lane_config {
	struct kma_source *source;
	const struct kma_schema *schema;
	struct kma_strings *strings;
	uint64_t from_ts, to_ts; /* records outside are as if not recorded */
	uint64_t stack_kinds;	 /* events to attach kernel_stack records to: KMA_KIND_BIT */
	/* what a stack begins with is left out while it lies in these: the tracing itself */
	const struct kma_address_range *tracing;
	size_t nr_tracing;
	uint32_t max_events; /* decoded at a time */
	/* of a live source: newer records wait for the next round, see kma_source_ops.now() */
	uint64_t horizon;
};

/* Events in order; behind the first nr lie those held back. Stack words as in kma_batch. */
struct kma_lane_buffer {
	struct kma_event *events;
	uint32_t nr;
	uint64_t *stacks;
	uint32_t nr_stacks, max_stacks;
	uint64_t bytes; /* of the source, read for these events */
};

struct kma_lane {
	const struct kma_lane_config *config;
	uint32_t index; /* in the source */
	uint32_t cpu;
	uint16_t buffer;

	/* Output: one buffer is filled while what is in the other is taken. */
	struct kma_lane_buffer buffers[2];
	bool filling; /* which of them */

	/* Facts, complete once the lane has ended. */
	uint64_t *counts; /* records by KMA_ID_COUNTER, from_ts..to_ts, wanted or not */
	uint64_t records, lost, first_ts, last_ts;
	bool lost_counted;	/* every gap had a count */
	uint64_t backwards;	/* records older than the one before */
	uint64_t short_records; /* shorter than their format says: left out */
	uint64_t damaged_pages;
	bool failed; /* the source gave up; @error says why */
	struct kma_error error;

	/* Where in the source it is. */
	struct kma_page_cursor page;
	struct kma_piece piece;
	size_t record; /* next of a piece of records */
	bool have_piece, ended;
	bool waits;		 /* the source has nothing now */
	struct kma_record ahead; /* read by kma_lane_peek() */
	bool has_ahead;
	uint64_t gap; /* lost before the next record; 0: none */
	bool gap_counted;
	struct kma_string_cache strings;
	uint32_t kept; /* decoded behind nr, held back because a stack may follow */
	enum { KMA_AFTER_OTHER, KMA_AFTER_EVENT, KMA_AFTER_STACK } after;
};

int kma_lane_open(struct kma_lane *lane, const struct kma_lane_config *config, uint32_t index,
		  struct kma_error *err);
void kma_lane_close(struct kma_lane *lane);
/* The lane goes on behind its end, in the source's next round. */
int kma_lane_resume(struct kma_lane *lane, struct kma_error *err);
/* The time of the lane's first record, before anything is decoded. False if it has none. */
bool kma_lane_peek(struct kma_lane *lane, uint64_t *ts);
/*
 * Decodes the next events into the buffer that the last call did not fill, and returns it: what
 * that call returned stays as it is until then. NULL at the end of the lane. A source that fails
 * ends its lane early, with lane->failed set. Never allocates but for stacks, and for those rarely.
 */
const struct kma_lane_buffer *kma_lane_fill(struct kma_lane *lane);

/* The fields of a gap's pseudo event; its ts is that of the first record behind the gap. */
static inline uint64_t kma_gap_count(const struct kma_event *gap)
{
	return gap->words[0];
}

static inline bool kma_gap_counted(const struct kma_event *gap)
{
	return gap->words[1];
}

static inline uint64_t kma_gap_from(const struct kma_event *gap)
{
	return gap->words[2];
}

#endif
