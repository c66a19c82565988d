/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slab objects: the tables and series for people. Works out nothing by itself. */
#include "slab_report.h"

#define NR_OF(columns) (sizeof(columns) / sizeof((columns)[0]))
/* Series of single sites: the worst suspects. */
#define MAX_SITE_SERIES 8

static struct kma_value if_known(bool known, uint64_t value)
{
	return known ? kma_int((int64_t)value) : kma_none();
}

static struct kma_value share(int64_t part, uint64_t whole)
{
	return whole ? kma_real((double)part / (double)whole) : kma_none();
}

static const char *const reason_texts[] = {
	[SLAB_OVERDUE] = "overdue",
	[SLAB_STOPPED] = "stopped",
	[SLAB_NEVER_FREED] = "no frees",
};

static void table_of_suspects(struct slab_telling *t)
{
	static const struct kma_column columns[] = {
		{ "call_site", "call site", KMA_UNIT_COUNT, 0 },
		{ "grade", "evidence", KMA_UNIT_COUNT, 0 },
		{ "why", "why", KMA_UNIT_COUNT, 0 },
		{ "late_objects", "objects", KMA_UNIT_COUNT, 0 },
		{ "late_bytes", "bytes", KMA_UNIT_BYTES, 0 },
		{ "expected_frees", "due", KMA_UNIT_COUNT, 0 },
		{ "oldest_ns", "oldest", KMA_UNIT_NS, 0 },
		{ "freed_objects", "freed", KMA_UNIT_COUNT, 0 },
		{ "survival", "survive", KMA_UNIT_RATIO, 0 },
	};

	if (!t->nr_suspects)
		return;
	kma_report_table(t->report, "leak_suspects", "Leak suspects",
			 "overdue: far older than this site's objects live to; stopped: older "
			 "objects were freed, none of these; no frees: too few to compare with; "
			 "due: those that would be gone by now if they lived like the site's "
			 "other objects; survive: share of the site's objects never freed "
			 "(Kaplan-Meier)",
			 columns, NR_OF(columns));
	for (size_t i = 0; i < t->nr_suspects; i++) {
		const struct slab_suspect *s = &t->suspects[i];
		struct kma_value cells[NR_OF(columns)] = {
			slab_site_value(t, s->row->id),
			kma_text(slab_grade_text(s->grade)),
			kma_text(reason_texts[s->reason]),
			kma_int((int64_t)s->late),
			kma_int((int64_t)s->late_bytes),
			if_known(s->reason != SLAB_NEVER_FREED, (uint64_t)(s->expected + 0.5)),
			kma_int((int64_t)s->oldest),
			kma_int((int64_t)s->row->sum.freed),
			kma_real(s->survival),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_sites(struct slab_telling *t)
{
	static const struct kma_column columns[] = {
		{ "call_site", "call site", KMA_UNIT_COUNT, 0 },
		{ "allocs", "allocs", KMA_UNIT_COUNT, 0 },
		{ "freed", "freed", KMA_UNIT_COUNT, 0 },
		{ "outstanding_objects", "outst.", KMA_UNIT_COUNT, 0 },
		{ "outstanding_bytes", "bytes", KMA_UNIT_BYTES, 0 },
		{ "alloc_bytes", "allocated", KMA_UNIT_BYTES, 0 },
		{ "waste_ratio", "waste", KMA_UNIT_RATIO, 0 },
		{ "cross_cpu_frees", "other CPU", KMA_UNIT_COUNT, 0 },
		{ "missed_frees", "missed", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(
		t->report, "call_sites", "By call site",
		"freed, outstanding and its bytes: of the objects this site allocated; other CPU: "
		"freed on another CPU than allocated; missed: freed with no record",
		columns, NR_OF(columns));
	for (size_t i = 0; i < t->nr_sites; i++) {
		const struct slab_sum *sum = &t->sites[i].sum;
		struct kma_value cells[NR_OF(columns)] = {
			slab_site_value(t, t->sites[i].id),
			kma_int((int64_t)sum->allocs),
			if_known(t->have_any_free, sum->freed),
			if_known(t->have_pairs, sum->live),
			if_known(t->have_pairs, sum->live_bytes),
			kma_int((int64_t)sum->alloc_bytes),
			share(slab_waste(sum), sum->alloc_bytes),
			if_known(t->have_any_free, sum->cross_cpu),
			kma_int((int64_t)sum->missed),
		};

		if (sum->allocs)
			kma_report_row(t->report, cells);
	}
}

static void table_of_caches(struct slab_telling *t)
{
	static const struct kma_column columns[] = {
		{ "cache", "cache", KMA_UNIT_COUNT, 0 },
		{ "allocs", "allocs", KMA_UNIT_COUNT, 0 },
		{ "frees", "frees", KMA_UNIT_COUNT, 0 },
		{ "outstanding_objects", "outst.", KMA_UNIT_COUNT, 0 },
		{ "outstanding_bytes", "bytes", KMA_UNIT_BYTES, 0 },
		{ "alloc_bytes", "allocated", KMA_UNIT_BYTES, 0 },
		{ "waste_ratio", "waste", KMA_UNIT_RATIO, 0 },
		{ "cross_cpu_frees", "other CPU", KMA_UNIT_COUNT, 0 },
	};
	bool learned = false;

	if (!t->nr_caches)
		return;
	for (size_t i = 0; i < t->nr_caches; i++)
		learned |= t->caches[i].learned;
	kma_report_table(
		t->report, "caches", "By cache",
		learned ? "allocations do not name the cache here: it is taken from the frees of "
			  "objects of the same call site and sizes"
			: "kmalloc's objects have no cache name in the trace",
		columns, NR_OF(columns));
	for (size_t i = 0; i < t->nr_caches; i++) {
		const struct slab_cache_row *row = &t->caches[i];
		const struct slab_sum *sum = &row->sum;
		bool known = sum->allocs && t->have_frees[SLAB_KMEM_CACHE];
		struct kma_value cells[NR_OF(columns)] = {
			kma_text(row->text),
			if_known(sum->allocs, sum->allocs),
			if_known(row->frees || t->state->free_has_name, row->frees),
			if_known(known, sum->live),
			if_known(known, sum->live_bytes),
			if_known(sum->allocs, sum->alloc_bytes),
			share(slab_waste(sum), sum->alloc_bytes),
			if_known(known, sum->cross_cpu),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_candidates(struct slab_telling *t)
{
	static const struct kma_column columns[] = {
		{ "call_site", "call site", KMA_UNIT_COUNT, 0 },
		{ "allocs", "allocs", KMA_UNIT_COUNT, 0 },
		{ "bytes_req", "asked for", KMA_UNIT_BYTES, 0 },
		{ "bytes_alloc", "given", KMA_UNIT_BYTES, 0 },
		{ "object_bytes", "own cache", KMA_UNIT_BYTES, 0 },
		{ "peak_objects", "peak", KMA_UNIT_COUNT, 0 },
		{ "peak_saving_bytes", "saves at peak", KMA_UNIT_BYTES, 0 },
		{ "traffic_saving_bytes", "in all", KMA_UNIT_BYTES, 0 },
	};

	if (!t->nr_candidates)
		return;
	kma_report_table(t->report, "dedicated_caches", "Candidates for a cache of their own",
			 "kmalloc calls of nearly always one size that kmalloc's sizes do not "
			 "fit; the saving is what a cache of that size would not waste",
			 columns, NR_OF(columns));
	for (size_t i = 0; i < t->nr_candidates; i++) {
		const struct slab_candidate *c = &t->candidates[i];
		bool known = t->have_frees[SLAB_KMALLOC];
		struct kma_value cells[NR_OF(columns)] = {
			slab_site_value(t, c->row->id),	 kma_int((int64_t)c->kind->allocs),
			kma_int(c->kind->bytes_req),	 kma_int(c->kind->bytes_alloc),
			kma_int(c->object_bytes),	 if_known(known, c->kind->peak),
			if_known(known, c->peak_saving), kma_int((int64_t)c->traffic_saving),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_sizes(struct slab_telling *t)
{
	static const struct kma_column columns[] = {
		{ "bytes_alloc", "size", KMA_UNIT_BYTES, 0 },
		{ "allocs", "allocs", KMA_UNIT_COUNT, 12 },
		{ "outstanding_objects", "outst.", KMA_UNIT_COUNT, 0 },
		{ "outstanding_bytes", "bytes", KMA_UNIT_BYTES, 0 },
		{ "alloc_bytes", "allocated", KMA_UNIT_BYTES, 0 },
		{ "waste_bytes", "wasted", KMA_UNIT_BYTES, 0 },
		{ "waste_ratio", "waste", KMA_UNIT_RATIO, 0 },
	};

	if (!t->nr_sizes)
		return;
	kma_report_table(t->report, "kmalloc_sizes", "kmalloc by size",
			 "size: what kmalloc rounded the request up to", columns, NR_OF(columns));
	for (size_t i = 0; i < t->nr_sizes; i++) {
		const struct slab_sum *sum = &t->sizes[i].sum;
		bool known = t->have_frees[SLAB_KMALLOC];
		struct kma_value cells[NR_OF(columns)] = {
			kma_int(t->sizes[i].bytes_alloc),
			kma_int((int64_t)sum->allocs),
			if_known(known, sum->live),
			if_known(known, sum->live_bytes),
			kma_int((int64_t)sum->alloc_bytes),
			kma_int(slab_waste(sum)),
			share(slab_waste(sum), sum->alloc_bytes),
		};

		kma_report_row(t->report, cells);
	}
}

/* The outstanding bytes at the end of each time bin, all and of the worst suspects. */
static void tell_series(struct slab_telling *t)
{
	const struct kma_state *state = t->state;
	uint64_t width = UINT64_C(1) << state->sample_shift;

	if (!t->have_ns || !t->have_pairs || !state->nr_samples)
		return;
	kma_report_series(t->report, "outstanding_bytes", "bytes outstanding", KMA_UNIT_BYTES,
			  kma_no_labels(), t->trace->start_ts, width, state->all_samples,
			  state->nr_samples);
	kma_report_series_is_level(t->report);
	for (size_t i = 0; i < t->nr_suspects && i < MAX_SITE_SERIES; i++) {
		uint32_t site = t->suspects[i].row->id;

		kma_report_series(t->report, "outstanding_bytes", "bytes outstanding",
				  KMA_UNIT_BYTES, slab_site_label(t, site), t->trace->start_ts,
				  width, state->samples + (size_t)site * SLAB_SAMPLES,
				  state->nr_samples);
		kma_report_series_is_level(t->report);
	}
}

void slab_tell_tables(struct slab_telling *t)
{
	if (!t->have_any_alloc && !t->have_any_free)
		return;
	table_of_suspects(t);
	if (t->have_any_alloc)
		table_of_sites(t);
	table_of_caches(t);
	table_of_candidates(t);
	table_of_sizes(t);
	tell_series(t);
}
