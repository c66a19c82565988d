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

/* Lanes are moved in memory: a number, no pointer, tells which. */
static inline struct kma_lane_buffer *filling(struct kma_lane *lane)
{
	return &lane->buffers[lane->filling];
}

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
	lane->counts = calloc(config->schema->nr_known + 1, sizeof(*lane->counts));
	if (!lane->counts)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return kma_lane_resume(lane, err);
}

int kma_lane_resume(struct kma_lane *lane, struct kma_error *err)
{
	size_t size = ((size_t)lane->config->max_events + MAX_NESTED + 2) *
		      sizeof(struct kma_event);

	if (!lane->counts)
		return 0; /* it never has data */
	lane->ended = false;
	lane->waits = false;
	for (unsigned int i = 0; i < 2; i++) {
		struct kma_lane_buffer *buffer = &lane->buffers[i];

		if (!buffer->events)
			buffer->events = aligned_alloc(64, size);
		if (!buffer->events)
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	}
	return 0;
}

void kma_lane_close(struct kma_lane *lane)
{
	for (unsigned int i = 0; i < 2; i++) {
		free(lane->buffers[i].events);
		free(lane->buffers[i].stacks);
		lane->buffers[i] = (struct kma_lane_buffer){ 0 };
	}
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
		filling(lane)->bytes += lane->piece.bytes;
		if (lane->piece.lost)
			add_gap(lane, lane->piece.lost, lane->piece.lost_counted);
		return true;
	}
	filling(lane)->bytes += lane->piece.page_size;
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

bool kma_lane_peek(struct kma_lane *lane, uint64_t *ts)
{
	const struct kma_source_info *info = &lane->config->source->info;

	if (lane->ended || !next_record(lane, &lane->ahead))
		return false;
	lane->has_ahead = true;
	*ts = kma_source_time(&info->time, kma_source_shift(info, lane->cpu), lane->ahead.ts);
	return true;
}

static void put_gap(struct kma_lane *lane, uint64_t ts, bool any_before)
{
	struct kma_event *event = &filling(lane)->events[lane->kept++];

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
static uint64_t *stack_room(struct kma_lane_buffer *buffer)
{
	if (buffer->max_stacks < buffer->nr_stacks + MAX_STACK + 1) {
		uint32_t max = buffer->max_stacks ? 2 * buffer->max_stacks : 4096;
		uint64_t *stacks = realloc(buffer->stacks, max * sizeof(*stacks));

		if (!stacks)
			return NULL;
		buffer->stacks = stacks;
		buffer->max_stacks = max;
	}
	return &buffer->stacks[buffer->nr_stacks];
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
	struct kma_lane_buffer *buffer = filling(lane);
	uint32_t end = lane->kept, first = end > MAX_NESTED ? end - MAX_NESTED : 0;
	int32_t pid = kma_record_pid(schema, record);
	uint64_t *words;
	size_t skip;

	if (lane->after == KMA_AFTER_OTHER)
		return;
	while (end-- > first) {
		struct kma_event *event = &buffer->events[end];

		if (event->kind == KMA_KIND_GAP)
			return;
		if (event->stack || event->pid != pid) {
			if (lane->after == KMA_AFTER_EVENT)
				return;
			continue;
		}
		words = stack_room(buffer);
		if (!words)
			return;
		event->stack = buffer->nr_stacks++;
		words[0] = 0;
		/* nobody reads it, but it is known whose it was */
		if (!(lane->config->stack_kinds & KMA_KIND_BIT(event->kind)))
			return;
		words[0] = kma_decode_stack(schema, record, words + 1, MAX_STACK);
		if (!words[0])
			return;
		skip = tracing_depth(lane->config, words + 1, words[0]);
		words[0] -= skip;
		if (skip)
			memmove(words + 1, words + 1 + skip, words[0] * sizeof(*words));
		buffer->nr_stacks += words[0];
		return;
	}
}

/* Turns to the other buffer: events held back move there, with their stacks. */
static void turn(struct kma_lane *lane)
{
	const struct kma_lane_buffer *from = filling(lane);
	struct kma_lane_buffer *to = &lane->buffers[!lane->filling];

	to->nr_stacks = 1; /* 0 says: no stack */
	to->nr = 0;
	to->bytes = 0;
	lane->filling = !lane->filling;
	memcpy(to->events, from->events + from->nr, lane->kept * sizeof(*to->events));
	for (uint32_t i = 0; i < lane->kept; i++) {
		struct kma_event *event = &to->events[i];
		const uint64_t *words;
		uint64_t *room;

		if (!event->stack)
			continue;
		words = &from->stacks[event->stack];
		room = stack_room(to);
		event->stack = room ? to->nr_stacks : 0;
		if (!room)
			continue;
		memcpy(room, words, (words[0] + 1) * sizeof(*words));
		to->nr_stacks += words[0] + 1;
	}
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
	const struct kma_time_shift *shift;
};

/* A record that somebody wants. */
static void take_event(struct kma_lane *lane, const struct kma_record *record, uint64_t ts,
		       unsigned int kind)
{
	const struct kma_lane_config *config = lane->config;
	const struct kma_schema *schema = config->schema;
	struct kma_event *event;

	if (kind == KMA_KERNEL_STACK) {
		if (config->stack_kinds)
			attach_stack(lane, record);
		lane->after = KMA_AFTER_STACK;
		return;
	}
	event = &filling(lane)->events[lane->kept];
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

/* A record that is not to be taken, or not yet: true in the latter case. */
static bool leave_record(struct kma_lane *lane, const struct kma_record *record, uint64_t ts)
{
	const struct kma_lane_config *config = lane->config;

	if (config->horizon && ts >= config->horizon && ts <= config->to_ts) {
		/* the stack of what was taken belongs to it */
		if (lane->after != KMA_AFTER_OTHER &&
		    record->size >= kma_record_min(config->schema) &&
		    KMA_ID_KIND(config->schema->by_id[kma_record_id(config->schema, record)]) ==
			    KMA_KERNEL_STACK)
			return false;
		lane->ahead = *record;
		lane->has_ahead = true;
		lane->waits = true;
		return true;
	}
	/* it lies outside, or touches the edge where nothing is open anyway */
	lane->gap = 0;
	return true;
}

/* False: it waits for the next round, and all behind it. */
static inline __attribute__((always_inline)) bool
take_record(struct kma_lane *lane, struct tally *tally, const struct kma_record *record, bool swap)
{
	uint64_t ts = kma_source_time(&tally->time, tally->shift, record->ts);
	uint32_t entry;

	if (__builtin_expect(ts - tally->from_ts > tally->range, 0) &&
	    leave_record(lane, record, ts))
		return !lane->has_ahead;
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
		return true;
	}
	entry = tally->by_id[kma_get16(record->data + tally->type_offset, swap)];
	tally->counts[KMA_ID_COUNTER(entry)]++;
	if (KMA_ID_KIND(entry) == KMA_KIND_NONE)
		lane->after = KMA_AFTER_OTHER;
	else
		take_event(lane, record, ts, KMA_ID_KIND(entry));
	return true;
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
		if (!take_record(lane, tally, &record, format->swap))
			break;
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

/* Of the records to take now */
static uint64_t last_ts(const struct kma_lane_config *config)
{
	return config->horizon && config->horizon <= config->to_ts ? config->horizon - 1
								   : config->to_ts;
}

const struct kma_lane_buffer *kma_lane_fill(struct kma_lane *lane)
{
	const struct kma_lane_config *config = lane->config;
	uint32_t held = config->stack_kinds ? MAX_NESTED : 0, max = config->max_events + held;
	struct kma_record record;

	if (lane->ended)
		return NULL;
	struct tally tally = {
		.from_ts = config->from_ts,
		.range = last_ts(config) - config->from_ts,
		.records = lane->records,
		.last_ts = lane->last_ts,
		.backwards = lane->backwards,
		.counts = lane->counts,
		.by_id = config->schema->by_id,
		.min_size = kma_record_min(config->schema),
		.type_offset = config->schema->type_offset,
		.time = config->source->info.time,
		.shift = kma_source_shift(&config->source->info, lane->cpu),
	};

	turn(lane);
	while (lane->kept < max && next_record(lane, &record)) {
		if (!take_record(lane, &tally, &record, config->schema->swap))
			break;
		if (lane->piece.type != KMA_PIECE_PAGE)
			continue;
		if (config->schema->swap)
			take_foreign_page(lane, &tally, max);
		else
			take_native_page(lane, &tally, max);
		if (lane->has_ahead)
			break;
	}
	lane->records = tally.records;
	lane->last_ts = tally.last_ts;
	lane->backwards = tally.backwards;
	if (lane->kept < max || lane->has_ahead) {
		lane->ended = true;
		if (lane->gap && !lane->waits) { /* at the very end: known only to have followed */
			lane->lost += lane->gap;
			lane->lost_counted &= lane->gap_counted;
			lane->gap = 0;
		}
		held = 0;
	}
	filling(lane)->nr = lane->kept > held ? lane->kept - held : 0;
	lane->kept -= filling(lane)->nr;
	return filling(lane)->nr ? filling(lane) : NULL;
}
