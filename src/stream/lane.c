/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One CPU's stream; see lane.h. */
#include "stream/lane.h"

#include <endian.h>
#include <stdlib.h>

#define MAX_STACK 127 /* addresses kept of one stack */
/*
 * A stack belongs to the event before it. When an interrupt's event and stack come between, it
 * belongs to the event before those: so many events are held back until it is clear that no stack
 * follows.
 */
#define MAX_NESTED 4

int kma_lane_open(struct kma_lane *lane, const struct kma_lane_config *config, uint32_t index,
		  struct kma_error *err)
{
	const struct kma_lane_info *info = &config->source->info.lanes[index];

	memset(lane, 0, sizeof(*lane));
	lane->config = config;
	lane->index = index;
	lane->cpu = info->cpu;
	lane->buffer = info->buffer;
	lane->lost_counted = true;
	lane->ended = !info->bytes;
	if (lane->ended)
		return 0;
	lane->events = aligned_alloc(64, ((size_t)config->max_events + MAX_NESTED + 2) *
						 sizeof(*lane->events));
	lane->counts = calloc(config->schema->nr_known + 1, sizeof(*lane->counts));
	if (!lane->events || !lane->counts)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return 0;
}

/* What a lane no longer needs once it has ended. */
static void release(struct kma_lane *lane)
{
	free(lane->events);
	free(lane->stacks);
	lane->events = NULL;
	lane->stacks = NULL;
}

void kma_lane_close(struct kma_lane *lane)
{
	release(lane);
	free(lane->counts);
	lane->counts = NULL;
}

static void add_gap(struct kma_lane *lane, uint64_t lost, bool counted)
{
	lane->gap_counted = counted && (!lane->gap || lane->gap_counted);
	lane->gap += lost;
}

/* The next piece of the source, with its gap. */
static bool next_piece(struct kma_lane *lane)
{
	struct kma_source *source = lane->config->source;
	uint32_t full = source->info.buffers[lane->buffer].page_size;
	int ret = source->ops->next(source, lane->index, &lane->piece, &lane->error);

	lane->have_piece = ret == KMA_NEXT_PIECE;
	lane->waits = ret == KMA_NEXT_AGAIN;
	if (ret < 0)
		lane->failed = true;
	if (!lane->have_piece)
		return false;
	lane->record = 0;
	if (lane->piece.type == KMA_PIECE_RECORDS) {
		if (lane->piece.lost)
			add_gap(lane, lane->piece.lost, lane->piece.lost_counted);
		return true;
	}
	lane->bytes += lane->piece.page_size;
	kma_page_open(&source->info.page_format, lane->piece.page, lane->piece.page_size, full,
		      &lane->page);
	if (lane->page.lost)
		add_gap(lane, lane->page.lost, lane->page.lost_counted);
	return true;
}

static bool next_record(struct kma_lane *lane, struct kma_record *record)
{
	if (lane->has_ahead) {
		lane->has_ahead = false;
		*record = lane->ahead;
		return true;
	}
	do {
		if (!lane->have_piece)
			continue;
		if (lane->piece.type == KMA_PIECE_RECORDS) {
			if (lane->record < lane->piece.nr) {
				*record = lane->piece.records[lane->record++];
				return true;
			}
		} else {
			if (kma_page_next(&lane->config->source->info.page_format, &lane->page,
					  record))
				return true;
			if (lane->page.damaged) {
				/* what followed on this page is gone */
				lane->damaged_pages++;
				add_gap(lane, 1, false);
			}
		}
	} while (next_piece(lane));
	return false;
}

static uint64_t convert(const struct kma_time_conversion *time, uint64_t ts)
{
	if (time->mult)
		ts = (unsigned __int128)ts * time->mult >> time->shift;
	return ts + (uint64_t)time->offset;
}

bool kma_lane_peek(struct kma_lane *lane, uint64_t *ts)
{
	if (lane->ended || !next_record(lane, &lane->ahead))
		return false;
	lane->has_ahead = true;
	*ts = convert(&lane->config->source->info.time, lane->ahead.ts);
	return true;
}

static void put_gap(struct kma_lane *lane, uint64_t ts, bool any_before)
{
	struct kma_event *event = &lane->events[lane->kept++];

	*event = (struct kma_event){
		.ts = ts, .cpu = lane->cpu, .buffer = lane->buffer, .kind = KMA_KIND_GAP
	};
	event->words[0] = lane->gap;
	event->words[1] = lane->gap_counted;
	event->words[2] = any_before ? lane->last_ts : 0;
	lane->lost += lane->gap;
	lane->lost_counted &= lane->gap_counted;
	lane->gap = 0;
	lane->after = KMA_AFTER_OTHER;
}

/* Room for a stack and its length. */
static uint64_t *stack_room(struct kma_lane *lane)
{
	if (lane->max_stacks < lane->nr_stacks + MAX_STACK + 1) {
		uint32_t max = lane->max_stacks ? 2 * lane->max_stacks : 4096;
		uint64_t *stacks = realloc(lane->stacks, max * sizeof(*stacks));

		if (!stacks)
			return NULL;
		lane->stacks = stacks;
		lane->max_stacks = max;
	}
	return &lane->stacks[lane->nr_stacks];
}

static bool is_tracing(const struct kma_lane_config *config, uint64_t address)
{
	size_t low = 0, high = config->nr_tracing;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (config->tracing[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < config->nr_tracing && config->tracing[low].start <= address;
}

/* How many of the innermost addresses are those of the tracing; never all of them. */
static size_t tracing_depth(const struct kma_lane_config *config, const uint64_t *addresses,
			    size_t nr)
{
	size_t depth = 0;

	while (depth + 1 < nr && is_tracing(config, addresses[depth]))
		depth++;
	return depth;
}

static void attach_stack(struct kma_lane *lane, const struct kma_record *record)
{
	const struct kma_schema *schema = lane->config->schema;
	uint32_t end = lane->kept, first = end > MAX_NESTED ? end - MAX_NESTED : 0;
	int32_t pid = kma_record_pid(schema, record);
	uint64_t *words;
	size_t skip;

	if (lane->after == KMA_AFTER_OTHER)
		return;
	while (end-- > first) {
		struct kma_event *event = &lane->events[end];

		if (event->kind == KMA_KIND_GAP)
			return;
		if (event->stack || event->pid != pid) {
			if (lane->after == KMA_AFTER_EVENT)
				return;
			continue;
		}
		words = stack_room(lane);
		if (!words)
			return;
		words[0] = kma_decode_stack(schema, record, words + 1, MAX_STACK);
		if (!words[0])
			return;
		skip = tracing_depth(lane->config, words + 1, words[0]);
		words[0] -= skip;
		if (skip)
			memmove(words + 1, words + 1 + skip, words[0] * sizeof(*words));
		event->stack = lane->nr_stacks;
		lane->nr_stacks += words[0] + 1;
		return;
	}
}

/* Events held back move to the front, with their stacks. */
static void keep_tail(struct kma_lane *lane)
{
	uint64_t words[MAX_NESTED * (MAX_STACK + 1)];
	uint32_t used = 1; /* 0 says: no stack */

	memmove(lane->events, lane->events + lane->nr, lane->kept * sizeof(*lane->events));
	for (uint32_t i = 0; i < lane->kept; i++) {
		struct kma_event *event = &lane->events[i];
		uint32_t nr;

		if (!event->stack)
			continue;
		nr = lane->stacks[event->stack] + 1;
		memcpy(&words[used - 1], &lane->stacks[event->stack], nr * sizeof(*words));
		event->stack = used;
		used += nr;
	}
	if (used > 1)
		memcpy(&lane->stacks[1], words, (used - 1) * sizeof(*words));
	lane->nr_stacks = used;
	lane->at = lane->nr = 0;
}

/* The lane's counters while it decodes: kept in registers, as most records of a trace touch nothing
 * else. */
struct tally {
	uint64_t from_ts, range; /* records are taken from from_ts up to from_ts + range */
	uint64_t records, last_ts, backwards;
	uint64_t *counts;
	const uint32_t *by_id;
	uint32_t min_size;
	uint16_t type_offset;
	struct kma_time_conversion time;
};

/* A record that somebody wants. */
static void take_event(struct kma_lane *lane, const struct kma_record *record, uint64_t ts,
		       unsigned int kind)
{
	const struct kma_lane_config *config = lane->config;
	const struct kma_schema *schema = config->schema;
	struct kma_event *event;

	if (kind == KMA_KERNEL_STACK) {
		if (config->stacks)
			attach_stack(lane, record);
		lane->after = KMA_AFTER_STACK;
		return;
	}
	event = &lane->events[lane->kept];
	if (!kma_decode(schema, &schema->plans[kind], record, config->strings, &lane->strings,
			event)) {
		lane->short_records++;
		lane->after = KMA_AFTER_OTHER;
		return;
	}
	event->ts = ts;
	event->cpu = lane->cpu;
	event->buffer = lane->buffer;
	event->stack = 0;
	lane->after = KMA_AFTER_EVENT;
	lane->kept++;
}

static inline __attribute__((always_inline)) void
take_record(struct kma_lane *lane, struct tally *tally, const struct kma_record *record, bool swap)
{
	uint64_t ts = convert(&tally->time, record->ts);
	uint32_t entry;

	if (__builtin_expect(ts - tally->from_ts > tally->range, 0)) {
		/* it lies outside, or touches the edge where nothing is open anyway */
		lane->gap = 0;
		return;
	}
	if (__builtin_expect(lane->gap != 0, 0)) {
		lane->last_ts = tally->last_ts;
		put_gap(lane, ts, tally->records);
	}
	if (__builtin_expect(ts < tally->last_ts, 0))
		tally->backwards++;
	else
		tally->last_ts = ts;
	if (__builtin_expect(!tally->records, 0)) {
		lane->first_ts = ts;
		tally->backwards = 0;
		tally->last_ts = ts;
	}
	tally->records++;
	if (__builtin_expect(record->size < tally->min_size, 0)) {
		lane->short_records++;
		return;
	}
	entry = tally->by_id[kma_get16(record->data + tally->type_offset, swap)];
	tally->counts[KMA_ID_COUNTER(entry)]++;
	if (KMA_ID_KIND(entry) == KMA_KIND_NONE)
		lane->after = KMA_AFTER_OTHER;
	else
		take_event(lane, record, ts, KMA_ID_KIND(entry));
}

/* The rest of the page, as far as there is room. Made once for each byte order, so that the test
 * falls away. */
static inline __attribute__((always_inline)) void take_page(struct kma_lane *lane,
							    struct tally *tally, uint32_t max,
							    const struct kma_page_format *format)
{
	struct kma_page_cursor page = lane->page;
	struct kma_record record;

	while (lane->kept < max && kma_page_next(format, &page, &record))
		take_record(lane, tally, &record, format->swap);
	lane->page = page;
}

static void take_native_page(struct kma_lane *lane, struct tally *tally, uint32_t max)
{
	static const struct kma_page_format native = { .big_endian = BYTE_ORDER == BIG_ENDIAN };

	take_page(lane, tally, max, &native);
}

static void take_foreign_page(struct kma_lane *lane, struct tally *tally, uint32_t max)
{
	static const struct kma_page_format foreign = { .big_endian = BYTE_ORDER != BIG_ENDIAN,
							.swap = true };

	take_page(lane, tally, max, &foreign);
}

/*
 * Nothing more for now. What is older than the horizon need not be held back any longer, as a stack
 * that follows would have been there; if there is nothing to give, then the mark.
 */
static void wait_for_more(struct kma_lane *lane, uint32_t held)
{
	uint64_t horizon = lane->config->horizon;
	uint32_t nr = lane->kept > held ? lane->kept - held : 0;

	while (nr < lane->kept && lane->events[nr].ts < horizon)
		nr++;
	if (!nr) {
		memmove(lane->events + 1, lane->events, lane->kept * sizeof(*lane->events));
		lane->events[0] = (struct kma_event){ .ts = horizon,
						      .cpu = lane->cpu,
						      .buffer = lane->buffer,
						      .kind = KMA_KIND_IDLE };
		lane->kept++;
		nr = 1;
	}
	lane->nr = nr;
	lane->kept -= nr;
}

bool kma_lane_fill(struct kma_lane *lane)
{
	const struct kma_lane_config *config = lane->config;
	uint32_t held = config->stacks ? MAX_NESTED : 0, max = config->max_events + held;
	struct kma_record record;

	if (lane->ended)
		return false;
	struct tally tally = {
		.from_ts = config->from_ts,
		.range = config->to_ts - config->from_ts,
		.records = lane->records,
		.last_ts = lane->last_ts,
		.backwards = lane->backwards,
		.counts = lane->counts,
		.by_id = config->schema->by_id,
		.min_size = kma_record_min(config->schema),
		.type_offset = config->schema->type_offset,
		.time = config->source->info.time,
	};

	keep_tail(lane);
	while (lane->kept < max && next_record(lane, &record)) {
		take_record(lane, &tally, &record, config->schema->swap);
		if (lane->piece.type != KMA_PIECE_PAGE)
			continue;
		if (config->schema->swap)
			take_foreign_page(lane, &tally, max);
		else
			take_native_page(lane, &tally, max);
	}
	lane->records = tally.records;
	lane->last_ts = tally.last_ts;
	lane->backwards = tally.backwards;
	if (lane->kept < max && lane->waits) {
		wait_for_more(lane, held);
		return true;
	}
	if (lane->kept < max) {
		lane->ended = true;
		if (lane->gap) { /* at the very end: known only to have followed */
			lane->lost += lane->gap;
			lane->lost_counted &= lane->gap_counted;
			lane->gap = 0;
		}
		held = 0;
	}
	lane->nr = lane->kept > held ? lane->kept - held : 0;
	lane->kept -= lane->nr;
	if (!lane->nr && lane->ended)
		release(lane);
	return lane->nr > 0;
}
