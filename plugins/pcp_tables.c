/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Per-CPU page lists: the tables and series for people. Works out nothing by itself. */
#include <math.h>

#include "pcp_report.h"

/* A number that the trace tells, or none. */
static struct kma_value if_known(bool known, uint64_t value)
{
	return known ? kma_int((int64_t)value) : kma_none();
}

static struct kma_value if_number(double value)
{
	return isnan(value) ? kma_none() : kma_real(value);
}

static void table_of_cpus(struct pcp_telling *t)
{
	static const struct kma_column columns[] = {
		{ "cpu", "cpu", KMA_UNIT_COUNT, 0 },
		{ "refilled_pages", "refilled", KMA_UNIT_PAGES, 0 },
		{ "drained_pages", "drained", KMA_UNIT_PAGES, 0 },
		{ "net_pages", "net", KMA_UNIT_PAGES, 0 },
		{ "batches", "batches", KMA_UNIT_COUNT, 0 },
		{ "pages_per_batch", "pages/batch", KMA_UNIT_PAGES, 0 },
		{ "swing_pages", "swing", KMA_UNIT_PAGES, 0 },
		{ "turnover", "turnover", KMA_UNIT_COUNT, 8 },
		{ "thrash_correlation", "r", KMA_UNIT_COEFFICIENT, 0 },
	};
	enum { NR = sizeof(columns) / sizeof(columns[0]) };

	kma_report_table(t->report, "cpus", "CPUs",
			 "net = refilled - drained; swing = highest - lowest net; "
			 "turnover = times the swing was filled and emptied",
			 columns, NR);
	for (size_t i = 0; i < t->nr_cpus; i++) {
		const struct pcp_cpu_row *row = &t->cpus[i];
		const struct pcp_cpu *cpu = row->cpu;
		uint64_t pages = cpu->pages[PCP_REFILL] + cpu->pages[PCP_DRAIN];
		uint64_t batches = row->batches[PCP_REFILL] + row->batches[PCP_DRAIN];
		struct kma_value cells[NR] = {
			kma_int(row->id),
			if_known(t->have[PCP_REFILL], cpu->pages[PCP_REFILL]),
			if_known(t->have[PCP_DRAIN], cpu->pages[PCP_DRAIN]),
			if_known(t->have_both, (uint64_t)pcp_balance(cpu)),
			if_known(batches, batches),
			if_number(batches && pages ? (double)pages / (double)batches : NAN),
			if_known(t->have_both, row->swing),
			if_number(t->have_both ? row->turnover : NAN),
			if_number(row->correlation),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_flows(struct pcp_telling *t)
{
	static const struct kma_column columns[] = {
		{ "from", "from cpu", KMA_UNIT_COUNT, 0 },
		{ "to", "to cpu", KMA_UNIT_COUNT, 0 },
		{ "moved_pages", "pages", KMA_UNIT_PAGES, 0 },
		{ "share", "share", KMA_UNIT_RATIO, 12 },
		{ "correlation", "r", KMA_UNIT_COEFFICIENT, 0 },
	};
	enum { NR = sizeof(columns) / sizeof(columns[0]) };

	kma_report_table(t->report, "flows", "Where refilled pages were drained",
			 "matched by page frame number; from = to: it came back where it was taken",
			 columns, NR);
	for (size_t i = 0; i < t->nr_flows; i++) {
		const struct pcp_flow *flow = &t->flows[i];
		struct kma_value cells[NR] = {
			kma_int(flow->from),
			kma_int(flow->to),
			kma_int((int64_t)flow->pages),
			kma_real((double)flow->pages / (double)t->moved),
			if_number(i < PCP_MAX_FLOW_CORRELATIONS
					  ? pcp_correlation(t, flow->from, flow->to)
					  : NAN),
		};

		kma_report_row(t->report, cells);
	}
}

static void rows_of_parts(struct pcp_telling *t, const struct pcp_part *parts, size_t nr,
			  bool are_types)
{
	for (size_t i = 0; i < nr; i++) {
		struct kma_value cells[] = {
			are_types ? kma_migratetype((int32_t)parts[i].id) : kma_int(parts[i].id),
			if_known(t->have[PCP_REFILL], parts[i].events[PCP_REFILL]),
			if_known(t->have[PCP_REFILL], parts[i].pages[PCP_REFILL]),
			if_known(t->have[PCP_DRAIN], parts[i].events[PCP_DRAIN]),
			if_known(t->have[PCP_DRAIN], parts[i].pages[PCP_DRAIN]),
		};

		kma_report_row(t->report, cells);
	}
}

#define PART_COLUMNS(id)                                                                          \
	{                                                                                         \
		{ id, id, KMA_UNIT_COUNT, 0 }, { "refill_events", "refills", KMA_UNIT_COUNT, 0 }, \
			{ "refilled_pages", "refilled", KMA_UNIT_PAGES, 0 },                      \
			{ "drain_events", "drains", KMA_UNIT_COUNT, 0 },                          \
			{ "drained_pages", "drained", KMA_UNIT_PAGES, 0 },                        \
	}

static void table_of_orders(struct pcp_telling *t)
{
	static const struct kma_column columns[] = PART_COLUMNS("order");

	kma_report_table(t->report, "orders", "Orders", "an event moves a block of 2^order pages",
			 columns, sizeof(columns) / sizeof(columns[0]));
	rows_of_parts(t, t->orders, t->nr_orders, false);
}

static void table_of_types(struct pcp_telling *t)
{
	static const struct kma_column columns[] = PART_COLUMNS("migratetype");

	kma_report_table(
		t->report, "migratetypes", "Migratetypes",
		"the kernel's numbers; named where a report proves the name, or by --migratetypes",
		columns, sizeof(columns) / sizeof(columns[0]));
	rows_of_parts(t, t->types, t->nr_types, true);
}

/* Busiest CPU first, so that who shows only a few shows those. */
static void tell_series(struct pcp_telling *t)
{
	const struct kma_bins *bins = &t->view->bins;

	if (t->trace->clock == KMA_CLOCK_TICKS)
		return;
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++) {
		for (size_t i = 0; i < t->nr_cpus; i++) {
			uint32_t row = 2 * t->cpus[i].id + d;

			if (t->cpus[i].cpu->events[d])
				kma_report_series(
					t->report, d == PCP_REFILL ? "refill_pages" : "drain_pages",
					d == PCP_REFILL ? "pages refilled" : "pages drained",
					KMA_UNIT_PAGES, pcp_cpu_label(t->cpus[i].id), bins->start,
					UINT64_C(1) << bins->shift, bins->rows[row], t->nr_bins);
		}
	}
}

void pcp_tell_tables(struct pcp_telling *t)
{
	table_of_cpus(t);
	if (t->nr_flows)
		table_of_flows(t);
	if (!t->have[PCP_REFILL] && !t->have[PCP_DRAIN])
		return;
	table_of_orders(t);
	table_of_types(t);
	tell_series(t);
}
