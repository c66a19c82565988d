/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Per-CPU allocator: the tables and series for people. Works out nothing by itself. */
#include <stdlib.h>

#include "percpu_report.h"

/* Almost empty chunks of which the table tells. */
#define MAX_KEPT_CHUNKS 64

#define NR(columns) (sizeof(columns) / sizeof(columns[0]))

/* A number that the trace tells, or none. */
static struct kma_value if_known(bool known, uint64_t value)
{
	return known ? kma_int((int64_t)value) : kma_none();
}

static struct kma_value site_value(struct percpu_telling *t, uint32_t site)
{
	return kma_sites_value(t->state->sites, site, t->report);
}

static struct kma_value since_start(const struct percpu_telling *t, uint64_t ts)
{
	uint64_t start = t->summary->first_ts;

	return if_known(t->have_time, ts > start ? ts - start : 0);
}

static struct kma_value age(const struct percpu_telling *t, uint64_t ts)
{
	uint64_t now = t->summary->last_ts;

	return if_known(t->have_time, now > ts ? now - ts : 0);
}

static void table_of_kept(struct percpu_telling *t)
{
	static const struct kma_column columns[] = {
		{ "call_site", "call site", KMA_UNIT_COUNT, 0 },
		{ "size_bytes", "size", KMA_UNIT_BYTES, 0 },
		{ "live", "live", KMA_UNIT_COUNT, 0 },
		{ "live_bytes", "all CPUs", KMA_UNIT_BYTES, 0 },
		{ "freed", "freed", KMA_UNIT_COUNT, 0 },
		{ "oldest_ns", "oldest", KMA_UNIT_NS, 0 },
		{ "longest_life_ns", "longest life", KMA_UNIT_NS, 0 },
		{ "born", "allocated in", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(
		t->report, "outstanding", "What is still allocated",
		"longest life: of the freed areas of that call site; allocated in: the four "
		"quarters of the trace",
		columns, NR(columns));
	for (size_t i = 0; i < t->nr_kept; i++) {
		const struct percpu_group_row *row = &t->kept[i];
		struct kma_value cells[NR(columns)] = {
			site_value(t, row->group->site),
			kma_int(row->group->size),
			kma_int((int64_t)row->live),
			if_known(t->have_cost, row->bytes),
			kma_int((int64_t)row->group->frees),
			age(t, row->first_ts),
			if_known(t->have_time && row->site->frees && row->site->life_max,
				 row->site->life_max),
			kma_text(kma_report_printf(
				t->report, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
				row->born[0], row->born[1], row->born[2], row->born[3])),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_sites(struct percpu_telling *t)
{
	static const struct kma_column columns[] = {
		{ "call_site", "call site", KMA_UNIT_COUNT, 0 },
		{ "allocated", "allocated", KMA_UNIT_COUNT, 0 },
		{ "allocated_bytes", "all CPUs", KMA_UNIT_BYTES, 0 },
		{ "freed", "freed", KMA_UNIT_COUNT, 0 },
		{ "live", "live", KMA_UNIT_COUNT, 0 },
		{ "live_bytes", "all CPUs", KMA_UNIT_BYTES, 8 },
	};

	kma_report_table(
		t->report, "call_sites", "Call sites",
		"freed: areas that this call site had allocated; other: no call site known",
		columns, NR(columns));
	for (size_t i = 0; i < t->nr_by_cost; i++) {
		const struct percpu_site_row *row = t->by_cost[i];
		struct kma_value cells[NR(columns)] = {
			site_value(t, row->site),
			if_known(t->have_allocs, row->allocs),
			if_known(t->have_allocs && t->have_cost, row->bytes),
			if_known(t->have_both, row->frees),
			if_known(t->have_both, row->live),
			if_known(t->have_both && t->have_cost, row->live_bytes),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_failures(struct percpu_telling *t)
{
	static const struct kma_column columns[] = {
		{ "size_bytes", "size", KMA_UNIT_BYTES, 0 },
		{ "align_bytes", "align", KMA_UNIT_BYTES, 0 },
		{ "context", "context", KMA_UNIT_COUNT, 0 },
		{ "from", "from", KMA_UNIT_COUNT, 0 },
		{ "failed", "failed", KMA_UNIT_COUNT, 8 },
		{ "first_ns", "first", KMA_UNIT_NS, 0 },
		{ "last_ns", "last", KMA_UNIT_NS, 0 },
	};

	kma_report_table(t->report, "failures", "Failed allocations",
			 "context: atomic must not sleep; from: reserved is the modules' static "
			 "area; first, last: since the start of the trace",
			 columns, NR(columns));
	for (uint32_t i = 0; i < t->state->nr_failures; i++) {
		const struct percpu_failure *f = &t->failures[i];
		struct kma_value cells[NR(columns)] = {
			if_known(!f->other, f->size),
			if_known(!f->other, f->align),
			kma_text(f->other    ? "any other"
				 : f->atomic ? "atomic"
					     : "may sleep"),
			kma_text(f->other      ? "any"
				 : f->reserved ? "reserved"
					       : "dynamic"),
			kma_int((int64_t)f->count),
			since_start(t, f->first_ts),
			since_start(t, f->last_ts),
		};

		kma_report_row(t->report, cells);
	}
}

/* "created", "destroyed", both or neither: what the trace saw of its life. */
static const char *life_of(const struct percpu_chunk_row *row)
{
	const struct percpu_chunk *chunk = row->chunk;

	if (chunk->destroyed)
		return chunk->created ? "created, destroyed" : "destroyed";
	if (row->gone)
		return "replaced";
	return chunk->created ? "created" : "there before";
}

static void table_of_chunks(struct percpu_telling *t)
{
	static const struct kma_column columns[] = {
		{ "chunk", "chunk", KMA_UNIT_COUNT, 0 },
		{ "life", "life", KMA_UNIT_COUNT, 0 },
		{ "first_ns", "first", KMA_UNIT_NS, 0 },
		{ "last_ns", "last", KMA_UNIT_NS, 0 },
		{ "allocated", "allocated", KMA_UNIT_COUNT, 0 },
		{ "freed", "freed", KMA_UNIT_COUNT, 0 },
		{ "live", "live", KMA_UNIT_COUNT, 0 },
		{ "live_bytes", "one CPU", KMA_UNIT_BYTES, 0 },
		{ "peak_bytes", "peak", KMA_UNIT_BYTES, 0 },
	};

	kma_report_table(
		t->report, "chunks", "Chunks",
		"live, one CPU, peak: of the areas whose allocation was seen; first, last: "
		"record, since the start of the trace",
		columns, NR(columns));
	for (size_t i = 0; i < t->nr_chunks; i++) {
		const struct percpu_chunk *chunk = t->chunks[i].chunk;
		struct kma_value cells[NR(columns)] = {
			kma_text(percpu_address(t, chunk->base_addr)),
			kma_text(life_of(&t->chunks[i])),
			since_start(t, chunk->first_ts),
			since_start(t, chunk->last_ts),
			if_known(t->have_allocs, chunk->allocs),
			if_known(t->have_frees, chunk->frees),
			if_known(t->have_both, chunk->live),
			if_known(t->have_both, chunk->live_size),
			if_known(t->have_both, chunk->peak_size),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_layout(struct percpu_telling *t)
{
	static const struct kma_column columns[] = {
		{ "chunk", "chunk", KMA_UNIT_COUNT, 0 },
		{ "span_bytes", "seen span", KMA_UNIT_BYTES, 0 },
		{ "live_bytes", "live", KMA_UNIT_BYTES, 0 },
		{ "largest_gap_bytes", "largest gap", KMA_UNIT_BYTES, 0 },
		{ "map", "map of the span", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(
		t->report, "chunk_maps", "Where live areas lie in their chunks",
		"on one CPU; . no live area seen, - below half, + half or more, # all; in a "
		"chunk that was there before the trace, older areas are not visible",
		columns, NR(columns));
	for (size_t i = 0; i < t->nr_chunks && !t->chunks[i].gone; i++) {
		const struct percpu_chunk_row *row = &t->chunks[i];
		struct kma_value cells[NR(columns)] = {
			kma_text(percpu_address(t, row->chunk->base_addr)),
			kma_int((int64_t)row->chunk->high - row->chunk->low),
			kma_int((int64_t)row->covered),
			kma_int((int64_t)row->gap),
			kma_text(row->cells),
		};

		if (row->chunk->high > row->chunk->low)
			kma_report_row(t->report, cells);
	}
}

/* What one group has in one chunk. */
struct keeper {
	uint64_t nr, oldest;
};

/* @keepers, by group number, is all zero before and after. Rows in the order of what is kept. */
static void rows_of_keepers(struct percpu_telling *t, const struct percpu_chunk_row *row,
			    struct keeper *keepers)
{
	const struct percpu_group *groups = t->state->groups;

	for (size_t i = 0; i < row->nr_areas; i++) {
		struct keeper *keeper = &keepers[row->areas[i].group];

		if (!keeper->nr++ || row->areas[i].ts < keeper->oldest)
			keeper->oldest = row->areas[i].ts;
	}
	for (size_t k = 0; k < t->nr_kept; k++) {
		const struct percpu_group *group = t->kept[k].group;
		struct keeper *keeper = &keepers[group - groups];
		struct kma_value cells[] = {
			kma_text(percpu_address(t, row->chunk->base_addr)),
			site_value(t, group->site),
			kma_int(group->size),
			kma_int((int64_t)keeper->nr),
			kma_int((int64_t)(keeper->nr * group->size)),
			age(t, keeper->oldest),
		};

		if (keeper->nr)
			kma_report_row(t->report, cells);
		*keeper = (struct keeper){ 0 };
	}
}

static int table_of_keepers(struct percpu_telling *t)
{
	static const struct kma_column columns[] = {
		{ "chunk", "chunk", KMA_UNIT_COUNT, 0 },
		{ "call_site", "call site", KMA_UNIT_COUNT, 0 },
		{ "size_bytes", "size", KMA_UNIT_BYTES, 0 },
		{ "live", "live", KMA_UNIT_COUNT, 0 },
		{ "live_bytes", "one CPU", KMA_UNIT_BYTES, 0 },
		{ "oldest_ns", "oldest", KMA_UNIT_NS, 0 },
	};
	struct keeper *keepers = NULL;
	unsigned int told = 0;

	for (size_t i = 0; i < t->nr_chunks && told < MAX_KEPT_CHUNKS; i++) {
		if (!percpu_is_almost_empty(t, &t->chunks[i]))
			continue;
		if (!keepers)
			keepers = calloc(t->state->nr_groups, sizeof(*keepers));
		if (!keepers)
			return -1;
		if (!told++)
			kma_report_table(t->report, "chunk_keepers",
					 "Who keeps almost empty chunks alive", NULL, columns,
					 NR(columns));
		rows_of_keepers(t, &t->chunks[i], keepers);
	}
	free(keepers);
	return 0;
}

static void tell_series(struct percpu_telling *t)
{
	static const struct {
		const char *name, *title;
		unsigned int row;
	} series[] = {
		{ "allocations", "areas allocated", PERCPU_ROW_ALLOCS },
		{ "frees", "areas freed", PERCPU_ROW_FREES },
	};
	const struct kma_bins *bins = &t->state->bins;

	for (size_t i = 0; i < NR(series); i++)
		if (series[i].row < bins->nr_rows && bins->rows[series[i].row])
			kma_report_series(t->report, series[i].name, series[i].title,
					  KMA_UNIT_COUNT, kma_no_labels(), bins->start,
					  UINT64_C(1) << bins->shift, bins->rows[series[i].row],
					  t->nr_bins);
}

int percpu_tell_tables(struct percpu_telling *t)
{
	int result = 0;

	if (t->have_both && t->nr_kept)
		table_of_kept(t);
	if (t->have_sites && t->nr_by_cost)
		table_of_sites(t);
	if (t->have_failures)
		table_of_failures(t);
	if (t->nr_chunks)
		table_of_chunks(t);
	if (t->have_both && t->nr_chunks) {
		table_of_layout(t);
		result = table_of_keepers(t);
	}
	if (t->have_time)
		tell_series(t);
	return result;
}
