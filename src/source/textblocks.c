/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks, lanes and rounds; see textblocks.h. */
#include "source/textblocks.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_LINES 16384

int kma_text_buffer(struct kma_text *t, const struct kma_text_span *name, uint32_t *number)
{
	struct kma_source_info *info = &t->source.info;
	uint32_t before = kma_names_count(t->buffers);

	*number = kma_names_number(t->buffers, name->at ? name->at : "", name->length);
	if (*number == KMA_NAMES_FULL)
		*number = 0;
	if (kma_names_count(t->buffers) == before)
		return 0;
	info->buffers[*number] = (struct kma_buffer_info){
		.name = kma_names_text(t->buffers, *number),
		.clock = info->clock,
		.page_size = KMA_TEXT_PAGE_SIZE,
	};
	info->nr_buffers = *number + 1;
	return 0;
}

static struct kma_text_lane *add_lane(struct kma_text *t, uint64_t key, uint32_t buffer,
				      uint32_t cpu)
{
	struct kma_source_info *info = &t->source.info;

	if (info->nr_lanes == t->max_lanes) {
		uint32_t max = t->max_lanes ? 2 * t->max_lanes : 16;
		struct kma_text_lane *lanes = reallocarray(t->lanes, max, sizeof(*lanes));
		struct kma_lane_info *infos;

		if (!lanes)
			return NULL;
		t->lanes = lanes;
		infos = reallocarray(info->lanes, max, sizeof(*infos));
		if (!infos)
			return NULL;
		info->lanes = infos;
		t->max_lanes = max;
	}
	if (kma_u64map_put(&t->lane_of, key, info->nr_lanes, NULL) < 0)
		return NULL;
	t->lanes[info->nr_lanes] = (struct kma_text_lane){ 0 };
	info->lanes[info->nr_lanes] =
		(struct kma_lane_info){ .buffer = buffer, .cpu = cpu, .bytes = 1 };
	if (cpu >= info->cpus && !t->told_cpus)
		info->cpus = cpu + 1;
	return &t->lanes[info->nr_lanes++];
}

static struct kma_text_lane *find_lane(struct kma_text *t, uint32_t buffer, uint32_t cpu)
{
	uint64_t key = (uint64_t)buffer << 32 | cpu;
	uint64_t *known = kma_u64map_get(&t->lane_of, key);

	return known ? &t->lanes[*known] : add_lane(t, key, buffer, cpu);
}

static int add_gap(struct kma_text_lane *lane, uint64_t lost, bool counted)
{
	struct kma_text_gap *gap = lane->nr_gaps ? &lane->gaps[lane->nr_gaps - 1] : NULL;

	if (gap && gap->at == lane->nr) {
		gap->counted &= counted;
		gap->lost += lost;
		return 0;
	}
	if (lane->nr_gaps == lane->max_gaps) {
		size_t max = lane->max_gaps ? 2 * lane->max_gaps : 16;
		struct kma_text_gap *gaps = reallocarray(lane->gaps, max, sizeof(*gaps));

		if (!gaps)
			return -1;
		lane->gaps = gaps;
		lane->max_gaps = max;
	}
	lane->gaps[lane->nr_gaps++] = (struct kma_text_gap){ lane->nr, lost, counted };
	return 0;
}

/* The next record of @lane; its data is what is free of the block. */
static struct kma_record *add_record(struct kma_text *t, struct kma_text_lane *lane, uint64_t ts)
{
	struct kma_record *record;

	if (lane->nr == lane->max) {
		size_t max = lane->max ? 2 * lane->max : 256;
		struct kma_record *records = reallocarray(lane->records, max, sizeof(*records));

		if (!records)
			return NULL;
		lane->records = records;
		lane->max = max;
	}
	record = &lane->records[lane->nr++];
	*record = (struct kma_record){ .ts = ts, .data = t->block[t->reading] + t->used };
	if (ts > t->max_ts)
		t->max_ts = ts;
	return record;
}

static void end_stack(struct kma_text *t)
{
	if (!t->stack)
		return;
	t->used += (t->stack->size + 7) & ~(size_t)7;
	t->stack = NULL;
}

static int take_frame(struct kma_text *t)
{
	struct kma_text_lane *lane;

	if (!t->stack) {
		/* perf prints a stack without a head of its own behind its event */
		if (!t->has_last || !t->line.perf)
			return 0;
		t->has_last = false;
		lane = find_lane(t, 0, t->last.cpu);
		t->stack = lane ? add_record(t, lane, t->last.ts) : NULL;
		if (!t->stack)
			return -1;
		t->stack->size = kma_text_stack(t->last.pid, (uint8_t *)t->stack->data);
		t->records.lines[KMA_KERNEL_STACK]++;
	}
	t->stack->size = kma_text_frame(&t->records, &t->line, (uint8_t *)t->stack->data,
					t->stack->size);
	return 0;
}

static int line_buffer(struct kma_text *t, uint32_t *buffer)
{
	if (!t->line.buffer.length && t->has_next_buffer) {
		*buffer = t->next_buffer;
		t->has_next_buffer = false;
		return 0;
	}
	t->has_next_buffer = false;
	return kma_text_buffer(t, &t->line.buffer, buffer);
}

static int take_event(struct kma_text *t)
{
	struct kma_text_lane *lane;
	struct kma_record *record;
	uint32_t buffer;

	if (line_buffer(t, &buffer) < 0)
		return -1;
	lane = find_lane(t, buffer, t->line.cpu);
	record = lane ? add_record(t, lane, t->line.ts) : NULL;
	if (!record)
		return -1;
	if (!t->events++) {
		t->digits = t->line.digits;
		t->ticks = !t->line.digits;
		t->perf = t->line.perf;
	}
	t->mixed_clocks |= t->ticks != !t->line.digits;
	if (t->line.digits < t->digits)
		t->digits = t->line.digits;
	record->size = kma_text_record(&t->records, &t->line, (uint8_t *)record->data);
	if (!record->size) {
		lane->nr--;
		t->has_last = false;
		return 0;
	}
	t->last = t->line;
	t->has_last = t->perf;
	if (kma_text_is_stack(record))
		t->stack = record;
	else
		t->used += (record->size + 7) & ~(size_t)7;
	return 0;
}

static int take_loss(struct kma_text *t)
{
	struct kma_text_lane *lane;
	uint32_t buffer;

	if (kma_text_buffer(t, &t->line.buffer, &buffer) < 0)
		return -1;
	t->next_buffer = buffer;
	t->has_next_buffer = t->line.buffer.length;
	lane = find_lane(t, buffer, t->line.cpu);
	return lane ? add_gap(lane, t->line.lost, t->line.lost_counted) : -1;
}

static int take_line(struct kma_text *t)
{
	struct kma_source_info *info = &t->source.info;

	if (t->line.type != KMA_TEXT_FRAME)
		end_stack(t);
	switch (t->line.type) {
	case KMA_TEXT_EVENT:
		return take_event(t);
	case KMA_TEXT_LOST:
		return take_loss(t);
	case KMA_TEXT_FRAME:
		return take_frame(t);
	case KMA_TEXT_CPUS:
		t->overwritten += t->line.lost;
		if (t->line.cpu && !t->events) {
			t->told_cpus = t->line.cpu;
			info->cpus = t->line.cpu;
		}
		return 0;
	case KMA_TEXT_OTHER:
		t->others++;
		return 0;
	case KMA_TEXT_EMPTY:
		return 0;
	}
	return 0;
}

/* Only before an event begins is a block at its end: a stack stays with its event. */
int kma_text_block(struct kma_text *t)
{
	const char *line, *end;

	t->used = 0;
	t->has_last = false;
	for (unsigned int nr = 0;; nr++) {
		if (!t->line_ahead) {
			if (!kma_lines_next(&t->lines, &line, &end))
				break;
			kma_text_line(line, end, &t->line);
		}
		t->line_ahead = t->line.type == KMA_TEXT_EVENT &&
				(nr >= BLOCK_LINES ||
				 t->used + 2 * KMA_TEXT_MAX_RECORD > KMA_TEXT_BLOCK_BYTES);
		if (t->line_ahead)
			break;
		if (take_line(t) < 0)
			return -1;
	}
	end_stack(t);
	return 0;
}

/* What was handed out goes, what is younger stays. */
static void shift(struct kma_text_lane *lane)
{
	size_t gaps = 0;

	if (lane->records)
		memmove(lane->records, lane->records + lane->end,
			(lane->nr - lane->end) * sizeof(*lane->records));
	for (size_t i = 0; i < lane->nr_gaps; i++)
		if (lane->gaps[i].at >= lane->end && i >= lane->gap) {
			lane->gaps[gaps] = lane->gaps[i];
			lane->gaps[gaps++].at -= lane->end;
		}
	lane->nr_gaps = gaps;
	lane->nr -= lane->end;
	lane->end = lane->at = lane->gap = 0;
}

int kma_text_round(struct kma_text *t)
{
	uint64_t youngest = t->max_ts;

	for (uint32_t i = 0; i < t->source.info.nr_lanes; i++)
		if (t->lanes[i].end || t->lanes[i].gap)
			shift(&t->lanes[i]);
	if (!t->lines.ended) {
		t->reading ^= 1;
		if (kma_text_block(t) < 0)
			return -1;
	}
	t->source.info.pageblock_order = t->records.pageblock_order;
	/* whose they are does not matter: they are for the sum of all lanes */
	if (t->source.info.nr_lanes)
		t->lanes[0].bytes += t->lines.bytes - t->bytes_told;
	t->bytes_told = t->lines.bytes;
	for (uint32_t i = 0; i < t->source.info.nr_lanes; i++) {
		struct kma_text_lane *lane = &t->lanes[i];

		if (t->lines.ended)
			lane->end = lane->nr;
		while (lane->end < lane->nr && (lane->records[lane->end].ts <= youngest ||
						kma_text_is_stack(&lane->records[lane->end])))
			lane->end++;
	}
	return 0;
}
