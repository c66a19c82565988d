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
/*
 * The same, of a source that waits for more: the lane has nothing now, and nothing that it will
 * have is older than this mark. It is the lane's only event until it is filled again.
 */
#define KMA_KIND_IDLE (KMA_NR_KINDS + 1)

/* What all lanes of a run share. */
struct kma_lane_config {
	struct kma_source *source;
	const struct kma_schema *schema;
	struct kma_strings *strings;
	uint64_t from_ts, to_ts; /* records outside are as if not recorded */
	bool stacks;		 /* attach kernel_stack records */
	/* what a stack begins with is left out while it lies in these: the tracing itself */
	const struct kma_address_range *tracing;
	size_t nr_tracing;
	uint32_t max_events; /* decoded at a time */
	uint64_t
		horizon; /* what a source that waits for more said last, see kma_source_ops.now() */
};

struct kma_lane {
	const struct kma_lane_config *config;
	uint32_t index; /* in the source */
	uint32_t cpu;
	uint16_t buffer;

	/* Output: events[at..nr) are decoded and not yet taken. Stack words as in kma_batch. */
	struct kma_event *events;
	uint32_t at, nr;
	uint64_t *stacks;
	uint32_t nr_stacks, max_stacks;

	/* Facts, complete once the lane has ended. */
	uint64_t *counts; /* records by KMA_ID_COUNTER, from_ts..to_ts, wanted or not */
	uint64_t records, lost, first_ts, last_ts;
	bool lost_counted;	/* every gap had a count */
	uint64_t backwards;	/* records older than the one before */
	uint64_t short_records; /* shorter than their format says: left out */
	uint64_t damaged_pages;
	uint64_t bytes; /* read so far */
	bool failed;	/* the source gave up; @error says why */
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
/* The time of the lane's first record, before anything is decoded. False if it has none. */
bool kma_lane_peek(struct kma_lane *lane, uint64_t *ts);
/*
 * Decodes the next events once all are taken (at == nr). False at the end of the lane. A source
 * that fails ends its lane early, with lane->failed set. Never allocates but for stacks, and for
 * those rarely.
 */
bool kma_lane_fill(struct kma_lane *lane);

static inline bool kma_lane_is_idle(const struct kma_lane *lane)
{
	return lane->at < lane->nr && lane->events[lane->at].kind == KMA_KIND_IDLE;
}

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
