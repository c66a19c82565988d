/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-CPU allocator: where the live areas lie in their chunks, and how much room is between them.
 * Knows nothing of call sites and of how it is told.
 */
#include <stdlib.h>

#include "percpu_report.h"

/*
 * An eighth of a chunk in use, a quarter of what it once held: what is left could lie in the other
 * chunks, whose areas come and go all the time.
 */
#define ALMOST_EMPTY_SHARE 8
#define ALMOST_EMPTY_DROP  4

static int compare_areas(const void *left, const void *right)
{
	const struct percpu_area *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static int compare_chunks(const void *left, const void *right)
{
	const struct percpu_chunk_row *a = left, *b = right;
	const struct percpu_chunk *x = a->chunk, *y = b->chunk;

	if (a->gone != b->gone)
		return a->gone ? 1 : -1;
	if (x->first_ts != y->first_ts)
		return x->first_ts < y->first_ts ? -1 : 1;
	if (x->base_addr != y->base_addr)
		return x->base_addr < y->base_addr ? -1 : 1;
	return x->last_ts < y->last_ts ? -1 : x->last_ts > y->last_ts;
}

/* How much of each cell, a PERCPU_CELLS-th of the span, live areas cover. */
static void draw(struct percpu_chunk_row *row, uint64_t low, uint64_t high)
{
	static const char marks[] = ".-+#"; /* none, below half, half or more, all */
	uint64_t span = high - low;
	size_t area = 0;

	for (unsigned int i = 0; i < PERCPU_CELLS; i++) {
		/* cells of a short span may be empty: those show what lies at their first byte */
		uint64_t from = low + span * i / PERCPU_CELLS;
		uint64_t to = low + span * (i + 1) / PERCPU_CELLS;
		uint64_t covered = 0, reached = from;

		if (to == from)
			to++;
		while (area && row->areas[area - 1].end > from)
			area--;
		for (; area < row->nr_areas && row->areas[area].start < to; area++) {
			const struct percpu_area *a = &row->areas[area];
			uint64_t start = a->start > reached ? a->start : reached;
			uint64_t end = a->end < to ? a->end : to;

			if (end > start) {
				covered += end - start;
				reached = end;
			}
		}
		row->cells[i] = marks[!covered			 ? 0
				      : covered == to - from	 ? 3
				      : 2 * covered >= to - from ? 2
								 : 1];
	}
	row->cells[PERCPU_CELLS] = '\0';
}

/* Areas of a trace that misses frees may overlap: what is covered twice counts once. */
static void measure(struct percpu_chunk_row *row)
{
	uint64_t low = row->chunk->low, high = row->chunk->high, reached = low;

	for (size_t i = 0; i < row->nr_areas; i++) {
		const struct percpu_area *area = &row->areas[i];

		if (area->start > reached && area->start - reached > row->gap)
			row->gap = area->start - reached;
		if (area->end > reached) {
			row->covered += area->end - (area->start > reached ? area->start : reached);
			reached = area->end;
		}
	}
	if (high > reached && high - reached > row->gap)
		row->gap = high - reached;
	if (high > low)
		draw(row, low, high);
}

static void add_row(struct percpu_telling *t, const struct percpu_chunk *chunk, bool gone)
{
	t->chunks[t->nr_chunks++] = (struct percpu_chunk_row){ .chunk = chunk, .gone = gone };
	if (chunk->high > t->capacity)
		t->capacity = chunk->high;
}

static size_t collect_areas(struct percpu_telling *t, struct percpu_chunk_row *row, size_t nr)
{
	const struct kma_state *state = t->state;

	row->areas = &t->areas[nr];
	for (uint32_t i = row->chunk->head; i != PERCPU_NONE; i = state->objects[i].next) {
		const struct percpu_object *object = &state->objects[i];
		uint64_t end = (uint64_t)object->off + state->groups[object->group].size;

		row->areas[row->nr_areas++] = (struct percpu_area){
			.start = object->off,
			.end = end < UINT32_MAX ? end : UINT32_MAX,
			.ts = object->ts,
			.group = object->group,
		};
	}
	qsort(row->areas, row->nr_areas, sizeof(*row->areas), compare_areas);
	measure(row);
	return nr + row->nr_areas;
}

int percpu_work_out_layout(struct percpu_telling *t)
{
	const struct kma_state *state = t->state;
	size_t nr_past = state->nr_past < PERCPU_MAX_PAST ? state->nr_past : PERCPU_MAX_PAST;
	size_t nr = 0;

	t->areas = calloc(state->live + 1, sizeof(*t->areas));
	t->chunks = calloc(state->nr_chunks + nr_past + 1, sizeof(*t->chunks));
	if (!t->areas || !t->chunks)
		return -1;
	for (uint32_t i = 0; i < state->nr_chunks; i++)
		if (state->chunks[i].in_use)
			add_row(t, &state->chunks[i], false);
	for (size_t i = 0; i < nr_past; i++)
		add_row(t, &state->past[i], true);
	qsort(t->chunks, t->nr_chunks, sizeof(*t->chunks), compare_chunks);
	for (size_t i = 0; i < t->nr_chunks && !t->chunks[i].gone; i++)
		nr = collect_areas(t, &t->chunks[i], nr);
	return 0;
}

bool percpu_is_almost_empty(const struct percpu_telling *t, const struct percpu_chunk_row *row)
{
	const struct percpu_chunk *chunk = row->chunk;

	return chunk->created && !row->gone && chunk->live && t->capacity > t->trace->page_size &&
	       chunk->live_size <= t->capacity / ALMOST_EMPTY_SHARE &&
	       chunk->live_size <= chunk->peak_size / ALMOST_EMPTY_DROP;
}
