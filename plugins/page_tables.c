/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page allocator: the tables and series for people. Works out nothing by itself. */
#include "page_report.h"
#include "page_sums.h"

#define NR_COLUMNS(columns) (sizeof(columns) / sizeof((columns)[0]))

/* A number that the trace tells, or none. */
static struct kma_value if_known(bool known, uint64_t value)
{
	return known ? kma_int((int64_t)value) : kma_none();
}

static struct kma_value share_of(bool known, uint64_t part, uint64_t whole)
{
	return known && whole ? kma_real((double)part / (double)whole) : kma_none();
}

static void table_of_owners(struct page_telling *t)
{
	static const struct kma_column columns[] = {
		{ "task", "task", KMA_UNIT_COUNT, 0 },
		{ "allocs", "allocations", KMA_UNIT_COUNT, 0 },
		{ "alloc_pages", "pages", KMA_UNIT_PAGES, 0 },
		{ "outstanding_pages", "outstanding", KMA_UNIT_PAGES, 12 },
		{ "outstanding_share", "of its own", KMA_UNIT_RATIO, 0 },
	};

	kma_report_table(t->report, "tasks", "Tasks that allocate",
			 "outstanding = pages it allocated that nobody has freed by the end; "
			 "interrupts count for the task they interrupt",
			 columns, NR_COLUMNS(columns));
	for (size_t i = 0; i < t->nr_owners; i++) {
		const struct page_task *task = t->owners[i];
		struct kma_value cells[NR_COLUMNS(columns)] = {
			page_task_value(t, task),
			kma_int((int64_t)task->allocs),
			kma_int((int64_t)task->alloc_pages),
			if_known(t->can_follow, task->outstanding),
			share_of(t->can_follow, task->outstanding, task->alloc_pages),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_freeers(struct page_telling *t)
{
	static const struct kma_column columns[] = {
		{ "task", "task", KMA_UNIT_COUNT, 0 },
		{ "frees", "frees", KMA_UNIT_COUNT, 0 },
		{ "batched", "batched", KMA_UNIT_COUNT, 0 },
		{ "unbatched", "one by one", KMA_UNIT_COUNT, 12 },
		{ "unbatched_share", "share", KMA_UNIT_RATIO, 0 },
	};

	kma_report_table(t->report, "freeing_tasks", "Tasks that free",
			 "one by one = mm_page_free without mm_page_free_batched: the caller could "
			 "hand over many at a time",
			 columns, NR_COLUMNS(columns));
	for (size_t i = 0; i < t->nr_freeers; i++) {
		const struct page_task *task = t->freeers[i];
		bool both = t->have_batched && t->have_free;
		struct kma_value cells[NR_COLUMNS(columns)] = {
			page_task_value(t, task),
			if_known(t->have_free, task->frees),
			if_known(t->have_batched, task->batched),
			if_known(both, page_unbatched(task)),
			share_of(both, page_unbatched(task), task->frees),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_orders(struct page_telling *t)
{
	static const struct kma_column columns[] = {
		{ "order", "order", KMA_UNIT_COUNT, 0 },
		{ "allocs", "allocations", KMA_UNIT_COUNT, 0 },
		{ "alloc_pages", "pages", KMA_UNIT_PAGES, 12 },
		{ "failed", "failed", KMA_UNIT_COUNT, 0 },
		{ "frees", "frees", KMA_UNIT_COUNT, 0 },
		{ "outstanding_pages", "outstanding", KMA_UNIT_PAGES, 0 },
		{ "zone_locked", "zone-locked", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(t->report, "orders", "Orders",
			 "a block has 2^order pages; it may be freed in pieces of smaller orders; "
			 "zone-locked = blocks taken under zone->lock",
			 columns, NR_COLUMNS(columns));
	for (unsigned int order = 0; order <= PAGE_MAX_ORDER; order++) {
		uint64_t locked = t->state->zone_locked[0][order] + t->state->zone_locked[1][order];
		struct kma_value cells[NR_COLUMNS(columns)] = {
			kma_int(order),
			if_known(t->have_alloc, t->allocs[order]),
			if_known(t->have_alloc, t->allocs[order] << order),
			if_known(t->have_alloc, t->state->failed[order]),
			if_known(t->have_free, t->state->frees[order]),
			if_known(t->can_follow, t->outstanding[order]),
			if_known(t->have_zone_locked, locked),
		};

		if (t->allocs[order] || t->state->failed[order] || t->state->frees[order] || locked)
			kma_report_row(t->report, cells);
	}
}

static void table_of_types(struct page_telling *t)
{
	static const struct kma_column columns[] = {
		{ "migratetype", "migratetype", KMA_UNIT_COUNT, 0 },
		{ "allocs", "allocations", KMA_UNIT_COUNT, 0 },
		{ "alloc_pages", "pages", KMA_UNIT_PAGES, 12 },
		{ "outstanding_pages", "outstanding", KMA_UNIT_PAGES, 0 },
	};

	kma_report_table(
		t->report, "migratetypes", "Migratetypes",
		"the kernel's numbers; named where a report proves the name, or by --migratetypes",
		columns, NR_COLUMNS(columns));
	for (size_t i = 0; i < t->nr_types; i++) {
		const struct page_type *type = t->types[i];
		struct kma_value cells[NR_COLUMNS(columns)] = {
			page_type_value(t, type),
			kma_int((int64_t)page_type_allocs(type)),
			kma_int((int64_t)page_type_pages(type)),
			if_known(t->can_follow, page_type_outstanding(type)),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_gfps(struct page_telling *t)
{
	static const struct kma_column columns[] = {
		{ "allocs", "allocations", KMA_UNIT_COUNT, 0 },
		{ "alloc_pages", "pages", KMA_UNIT_PAGES, 0 },
		{ "failed", "failed", KMA_UNIT_COUNT, 0 },
		{ "gfp_flags", "gfp flags", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(t->report, "gfp_flags", "What was asked for",
			 t->trace->gfp_flags ? NULL : "the trace does not name the flags", columns,
			 NR_COLUMNS(columns));
	for (size_t i = 0; i < t->nr_gfps; i++) {
		const struct page_gfp *gfp = t->gfps[i];
		struct kma_value cells[NR_COLUMNS(columns)] = {
			kma_int((int64_t)gfp->allocs),
			kma_int((int64_t)gfp->pages),
			kma_int((int64_t)gfp->failed),
			kma_text(page_gfp_text(t, (uint32_t)(gfp - t->state->gfps))),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_failures(struct page_telling *t)
{
	static const struct kma_column columns[] = {
		{ "failed", "failed", KMA_UNIT_COUNT, 0 },
		{ "order", "order", KMA_UNIT_COUNT, 0 },
		{ "migratetype", "migratetype", KMA_UNIT_COUNT, 0 },
		{ "gfp_flags", "gfp flags", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(t->report, "failures", "Failed allocations", NULL, columns,
			 NR_COLUMNS(columns));
	for (size_t i = 0; i < t->nr_failures; i++) {
		const struct page_failure *failure = &t->failures[i];
		struct kma_value cells[NR_COLUMNS(columns)] = {
			kma_int((int64_t)failure->count),
			kma_int(failure->order),
			page_type_value(t, &t->state->types[failure->type]),
			kma_text(page_gfp_text(t, failure->gfp)),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_alloc_sites(struct page_telling *t)
{
	static const struct kma_column columns[] = {
		{ "allocs", "allocations", KMA_UNIT_COUNT, 0 },
		{ "alloc_pages", "pages", KMA_UNIT_PAGES, 0 },
		{ "outstanding_pages", "outstanding", KMA_UNIT_PAGES, 0 },
		{ "call_site", "call site", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(t->report, "alloc_sites", "Where pages are allocated", NULL, columns,
			 NR_COLUMNS(columns));
	for (size_t i = 0; i < t->nr_alloc_sites; i++) {
		const struct page_site *site = &t->state->site[t->alloc_sites[i]];
		struct kma_value cells[NR_COLUMNS(columns)] = {
			kma_int((int64_t)site->allocs),
			kma_int((int64_t)site->pages),
			if_known(t->can_follow, site->outstanding),
			kma_sites_value(t->state->sites, t->alloc_sites[i], t->report),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_free_sites(struct page_telling *t)
{
	static const struct kma_column columns[] = {
		{ "frees", "frees", KMA_UNIT_COUNT, 0 },
		{ "free_pages", "pages", KMA_UNIT_PAGES, 0 },
		{ "call_site", "call site", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(t->report, "free_sites", "Where pages are freed", NULL, columns,
			 NR_COLUMNS(columns));
	for (size_t i = 0; i < t->nr_free_sites; i++) {
		const struct page_site *site = &t->state->site[t->free_sites[i]];
		struct kma_value cells[NR_COLUMNS(columns)] = {
			kma_int((int64_t)site->frees),
			kma_int((int64_t)site->free_pages),
			kma_sites_value(t->state->sites, t->free_sites[i], t->report),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_over_time(struct page_telling *t)
{
	static const struct kma_column columns[] = {
		{ "from_ns", "from", KMA_UNIT_NS, 0 },
		{ "allocs", "allocations", KMA_UNIT_COUNT, 0 },
		{ "frees", "frees", KMA_UNIT_COUNT, 0 },
		{ "batched", "batched", KMA_UNIT_COUNT, 0 },
		{ "batched_share", "share", KMA_UNIT_RATIO, 12 },
	};

	if (t->trace->clock == KMA_CLOCK_TICKS)
		return;
	kma_report_table(
		t->report, "time", "Over time",
		"from = since the first record; share = of the frees, in a batch; a rising share "
		"hints at memory pressure",
		columns, NR_COLUMNS(columns));
	for (size_t i = 0; i < t->nr_slices; i++) {
		const uint64_t *records = t->slices[i].records;
		struct kma_value cells[NR_COLUMNS(columns)] = {
			kma_int((int64_t)t->slices[i].from),
			if_known(t->have_alloc, records[PAGE_ROW_ALLOC]),
			if_known(t->have_free, records[PAGE_ROW_FREE]),
			if_known(t->have_batched, records[PAGE_ROW_BATCHED]),
			share_of(t->have_free && t->have_batched, records[PAGE_ROW_BATCHED],
				 records[PAGE_ROW_FREE]),
		};

		kma_report_row(t->report, cells);
	}
}

static void tell_series(struct page_telling *t)
{
	static const char *const events[] = {
		[PAGE_ROW_ALLOC] = "mm_page_alloc",
		[PAGE_ROW_FREE] = "mm_page_free",
		[PAGE_ROW_BATCHED] = "mm_page_free_batched",
	};
	const struct kma_bins *bins = &t->state->bins;

	if (t->trace->clock == KMA_CLOCK_TICKS)
		return;
	for (uint32_t row = 0; row < PAGE_NR_ROWS && row < bins->nr_rows; row++)
		if (bins->rows[row])
			kma_report_series(t->report, "records", "allocations and frees",
					  KMA_UNIT_COUNT,
					  kma_label1("event", kma_text(events[row])), bins->start,
					  UINT64_C(1) << bins->shift, bins->rows[row], t->nr_bins);
}

void page_tell_tables(struct page_telling *t)
{
	if (!t->have_alloc && !t->have_free && !t->have_batched && !t->have_zone_locked)
		return;
	if (t->have_alloc)
		table_of_owners(t);
	if (t->nr_alloc_sites)
		table_of_alloc_sites(t);
	if (t->nr_freeers)
		table_of_freeers(t);
	if (t->nr_free_sites)
		table_of_free_sites(t);
	table_of_orders(t);
	if (t->nr_types)
		table_of_types(t);
	if (t->nr_gfps)
		table_of_gfps(t);
	if (t->nr_failures)
		table_of_failures(t);
	if (t->have_alloc || t->have_free || t->have_batched) {
		table_over_time(t);
		tell_series(t);
	}
}
