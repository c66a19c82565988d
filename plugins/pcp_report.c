/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-CPU page lists: what the gathered numbers amount to, how far each can be trusted, and the
 * metrics. Reads the state that pcp.c gathers and never changes it.
 */
#include <math.h>
#include <stdlib.h>

#include "pcp_report.h"
#include "trust.h"
#include "words.h"

#define DEF(suffix, kind_, unit_, better_, labels_, title_)                             \
	{                                                                               \
		.name = "pcp." suffix, .kind = kind_, .unit = unit_, .better = better_, \
		.labels = labels_, .title = title_                                      \
	}

const struct kma_metric_def pcp_metric_defs[PCP_NR_METRICS + 1] = {
	[PCP_REFILL_EVENTS] = DEF("refill_events_total", KMA_COUNTER, KMA_UNIT_COUNT,
				  KMA_BETTER_LOWER, "cpu order migratetype", "refilled blocks"),
	[PCP_DRAIN_EVENTS] = DEF("drain_events_total", KMA_COUNTER, KMA_UNIT_COUNT,
				 KMA_BETTER_LOWER, "cpu order migratetype", "drained blocks"),
	[PCP_REFILL_PAGES] = DEF("refill_pages_total", KMA_COUNTER, KMA_UNIT_PAGES,
				 KMA_BETTER_LOWER, "cpu order migratetype", "refilled pages"),
	[PCP_DRAIN_PAGES] = DEF("drain_pages_total", KMA_COUNTER, KMA_UNIT_PAGES, KMA_BETTER_LOWER,
				"cpu order migratetype", "drained pages"),
	[PCP_REFILL_BATCHES] = DEF("refill_batches_total", KMA_COUNTER, KMA_UNIT_COUNT,
				   KMA_BETTER_LOWER, "cpu", "refill batches"),
	[PCP_DRAIN_BATCHES] = DEF("drain_batches_total", KMA_COUNTER, KMA_UNIT_COUNT,
				  KMA_BETTER_LOWER, "cpu", "drain batches"),
	[PCP_REFILL_BATCH_PAGES] = DEF("refill_batch_pages", KMA_DISTRIBUTION, KMA_UNIT_PAGES,
				       KMA_BETTER_NONE, "", "pages per refill batch"),
	[PCP_DRAIN_BATCH_PAGES] = DEF("drain_batch_pages", KMA_DISTRIBUTION, KMA_UNIT_PAGES,
				      KMA_BETTER_NONE, "", "pages per drain batch"),
	[PCP_NET_PAGES] = DEF("net_pages", KMA_GAUGE, KMA_UNIT_PAGES, KMA_BETTER_NONE, "cpu",
			      "net pages (refilled - drained)"),
	[PCP_IMBALANCE_RATIO] = DEF("imbalance_ratio", KMA_GAUGE, KMA_UNIT_RATIO, KMA_BETTER_LOWER,
				    "", "imbalance between CPUs"),
	[PCP_SWING_PAGES] = DEF("swing_pages", KMA_GAUGE, KMA_UNIT_PAGES, KMA_BETTER_NONE, "cpu",
				"swing of the net pages"),
	[PCP_TURNOVER] = DEF("turnover", KMA_GAUGE, KMA_UNIT_COUNT, KMA_BETTER_LOWER, "cpu",
			     "times the swing was filled and emptied"),
	[PCP_MOVED_PAGES] = DEF("moved_pages_total", KMA_COUNTER, KMA_UNIT_PAGES, KMA_BETTER_NONE,
				"from,to", "pages refilled, then drained"),
	[PCP_CROSS_CPU_RATIO] = DEF("cross_cpu_ratio", KMA_GAUGE, KMA_UNIT_RATIO, KMA_BETTER_LOWER,
				    "", "moved pages drained on another CPU"),
	[PCP_RESIDENCY_NS] = DEF("residency_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_HIGHER,
				 "", "time from refill to drain"),
	[PCP_CORRELATION] = DEF("correlation", KMA_GAUGE, KMA_UNIT_COEFFICIENT, KMA_BETTER_NONE,
				"from,to", "correlation of refills with drains"),
	[PCP_NR_METRICS] = { .name = NULL },
};

static const enum kma_kind page_kinds[] = { KMA_PCPU_REFILL, KMA_PCPU_DRAIN };

/* ---- working it out ---- */

static int compare_rows(const void *left, const void *right)
{
	const struct pcp_cpu_row *a = left, *b = right;
	uint64_t pages_a = a->cpu->pages[PCP_REFILL] + a->cpu->pages[PCP_DRAIN];
	uint64_t pages_b = b->cpu->pages[PCP_REFILL] + b->cpu->pages[PCP_DRAIN];

	if (pages_a != pages_b)
		return pages_a > pages_b ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int compare_flows(const void *left, const void *right)
{
	const struct pcp_flow *a = left, *b = right;

	if (a->pages != b->pages)
		return a->pages > b->pages ? -1 : 1;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

double pcp_correlation(const struct pcp_telling *t, uint32_t from, uint32_t to)
{
	uint32_t refills = 2 * from + PCP_REFILL, drains = 2 * to + PCP_DRAIN;

	if (t->trace->clock == KMA_CLOCK_TICKS || refills >= t->view->bins.nr_rows ||
	    drains >= t->view->bins.nr_rows)
		return NAN;
	return kma_bins_correlation(&t->view->bins, refills, drains, t->nr_bins);
}

static int work_out_cpu(struct pcp_telling *t, uint32_t id)
{
	const struct pcp_cpu *cpu = &t->view->cpus[id];
	struct pcp_cpu_row *row = &t->cpus[t->nr_cpus++];
	int64_t balance = pcp_balance(cpu);
	int64_t low = balance < cpu->low ? balance : cpu->low;
	int64_t high = balance > cpu->high ? balance : cpu->high;

	*row = (struct pcp_cpu_row){ .id = id, .cpu = cpu };
	row->round_trips = pcp_smaller(cpu->pages[PCP_REFILL], cpu->pages[PCP_DRAIN]);
	row->swing = (uint64_t)high - (uint64_t)low;
	row->turnover = row->swing ? (double)row->round_trips / (double)row->swing : 0;
	row->correlation = pcp_correlation(t, id, id);
	t->swing += row->swing;
	t->round_trips += row->round_trips;
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++) {
		row->batches[d] = cpu->batches[d] + (cpu->open == d);
		t->batches[d] += row->batches[d];
		t->events[d] += cpu->events[d];
		t->pages[d] += cpu->pages[d];
	}
	if (cpu->open == PCP_NONE)
		return 0;
	t->open[cpu->open]++;
	return kma_histogram_add(&t->batch_pages[cpu->open], pcp_open_pages(cpu), 1);
}

static int work_out_cpus(struct pcp_telling *t)
{
	t->cpus = calloc(t->view->nr_cpus + 1, sizeof(*t->cpus));
	if (!t->cpus)
		return -1;
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++)
		if (kma_histogram_merge(&t->batch_pages[d], &t->view->batch_pages[d]))
			return -1;
	for (uint32_t id = 0; id < t->view->nr_cpus; id++)
		if (pcp_cpu_is_active(&t->view->cpus[id]) && work_out_cpu(t, id))
			return -1;
	qsort(t->cpus, t->nr_cpus, sizeof(*t->cpus), compare_rows);
	return 0;
}

static int work_out_flows(struct pcp_telling *t)
{
	const struct pcp_view *view = t->view;
	size_t nr = 0;

	for (uint32_t to = 0; to < view->nr_cpus; to++)
		for (uint32_t from = 0; from < view->cpus[to].nr_moved * PCP_MOVED_BLOCK; from++)
			nr += pcp_moved(&view->cpus[to], from) != 0;
	t->flows = calloc(nr + 1, sizeof(*t->flows));
	if (!t->flows)
		return -1;
	for (uint32_t to = 0; to < view->nr_cpus; to++) {
		const struct pcp_cpu *cpu = &view->cpus[to];

		for (uint32_t from = 0; from < cpu->nr_moved * PCP_MOVED_BLOCK; from++) {
			struct pcp_flow flow = { from, to, pcp_moved(cpu, from) };

			if (!flow.pages)
				continue;
			t->flows[t->nr_flows++] = flow;
			t->moved += flow.pages;
			if (from != to)
				t->crossed += flow.pages;
		}
	}
	qsort(t->flows, t->nr_flows, sizeof(*t->flows), compare_flows);
	return 0;
}

static int compare_parts(const void *left, const void *right)
{
	const struct pcp_part *a = left, *b = right;
	uint64_t pages_a = a->pages[PCP_REFILL] + a->pages[PCP_DRAIN];
	uint64_t pages_b = b->pages[PCP_REFILL] + b->pages[PCP_DRAIN];

	if (pages_a != pages_b)
		return pages_a > pages_b ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void add_to_part(struct pcp_part *part, int64_t id, enum pcp_direction dir,
			unsigned int order, uint64_t events)
{
	part->id = id;
	part->events[dir] += events;
	part->pages[dir] += events << order;
}

/* Moves the parts that have records to the front, and sorts them. Returns their number. */
static size_t sort_parts(struct pcp_part *parts, size_t nr)
{
	size_t kept = 0;

	for (size_t i = 0; i < nr; i++)
		if (parts[i].events[PCP_REFILL] || parts[i].events[PCP_DRAIN])
			parts[kept++] = parts[i];
	qsort(parts, kept, sizeof(*parts), compare_parts);
	return kept;
}

static int work_out_parts(struct pcp_telling *t)
{
	const struct pcp_view *view = t->view;

	t->orders = calloc(PCP_MAX_ORDER + 1, sizeof(*t->orders));
	t->types = calloc(view->nr_types, sizeof(*t->types));
	if (!t->orders || !t->types)
		return -1;
	for (uint32_t i = 0; i < view->nr_types; i++)
		for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++)
			for (unsigned int order = 0; order <= PCP_MAX_ORDER; order++) {
				uint64_t events = view->types[i].events[d][order];

				add_to_part(&t->orders[order], order, d, order, events);
				add_to_part(&t->types[i], view->migratetypes[i], d, order, events);
			}
	t->nr_orders = sort_parts(t->orders, PCP_MAX_ORDER + 1);
	t->nr_types = sort_parts(t->types, view->nr_types);
	return 0;
}

/* ---- how far the numbers can be trusted ---- */

/* Weakens what is counted to lower-bound, and all that is compared or matched to approximate. */
static void weaken_all(struct pcp_telling *t, const char *reason)
{
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++) {
		kma_weaken(t->report, &t->counted[d], KMA_LOWER_BOUND, reason);
		kma_weaken(t->report, &t->batched[d], KMA_LOWER_BOUND, reason);
		kma_weaken(t->report, &t->sized[d], KMA_APPROXIMATE, reason);
	}
	kma_weaken(t->report, &t->balanced, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->matched, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->timed, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->correlated, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->correlated_across, KMA_APPROXIMATE, reason);
	kma_report_status(t->report, (struct kma_status){ KMA_APPROXIMATE, reason });
}

static void weaken_fallback(struct pcp_telling *t)
{
	static const char reason[] =
		"refills are taken from mm_page_alloc_zone_locked with percpu_refill, "
		"not all of which are refills";

	kma_weaken(t->report, &t->counted[PCP_REFILL], KMA_APPROXIMATE, reason);
	/* with a record of its own for each lock hold, the count does not rest on the pages */
	if (t->batches[PCP_REFILL] != t->view->announced[PCP_REFILL])
		kma_weaken(t->report, &t->batched[PCP_REFILL], KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->sized[PCP_REFILL], KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->balanced, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->matched, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->timed, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->correlated, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->correlated_across, KMA_APPROXIMATE, reason);
	kma_report_status(t->report, (struct kma_status){ KMA_APPROXIMATE, reason });
}

static void weaken_batches(struct pcp_telling *t, enum pcp_direction dir)
{
	const struct pcp_view *view = t->view;
	uint64_t loose = view->loose[dir];
	const char *reason;

	for (size_t i = 0; i < t->nr_cpus; i++) {
		const struct pcp_cpu *cpu = t->cpus[i].cpu;

		loose += cpu->open == dir && !cpu->open_announced && !cpu->open_locked;
	}
	if (loose) {
		reason = kma_report_printf(t->report,
					   "%s of %s batches have no lock records around "
					   "them: several lock holds in a row look like one",
					   kma_words_count(t->report, loose),
					   kma_words_count(t->report, t->batches[dir]));
		kma_weaken(t->report, &t->batched[dir], KMA_APPROXIMATE, reason);
		kma_weaken(t->report, &t->sized[dir], KMA_APPROXIMATE, reason);
	}
	if (view->dropped[dir]) {
		reason = kma_report_printf(t->report,
					   "%s batches were cut by lost records and not counted",
					   kma_words_count(t->report, view->dropped[dir]));
		kma_weaken(t->report, &t->batched[dir], KMA_LOWER_BOUND, reason);
		kma_weaken(t->report, &t->sized[dir], KMA_APPROXIMATE, reason);
	}
	if (t->open[dir])
		kma_weaken(t->report, &t->sized[dir], KMA_APPROXIMATE,
			   kma_report_printf(t->report, "%s batches were open at the end",
					     kma_words_count(t->report, t->open[dir])));
}

static void weaken_matches(struct pcp_telling *t)
{
	const char *reason;

	if (t->trace->filtered) {
		reason = "pages may have moved outside the CPUs or the time picked";
		kma_weaken(t->report, &t->matched, KMA_APPROXIMATE, reason);
		kma_weaken(t->report, &t->timed, KMA_APPROXIMATE, reason);
	}
	if (t->view->unfollowed) {
		reason = kma_report_printf(t->report, "%s pages could not be followed by pfn",
					   kma_words_count(t->report, t->view->unfollowed));
		kma_weaken(t->report, &t->matched, KMA_APPROXIMATE, reason);
		kma_weaken(t->report, &t->timed, KMA_APPROXIMATE, reason);
	}
	if (t->trace->clock == KMA_CLOCK_LOCAL) {
		reason = kma_report_printf(t->report, "the %s clock differs between CPUs",
					   t->trace->clock_name);
		if (t->crossed)
			kma_weaken(t->report, &t->timed, KMA_APPROXIMATE, reason);
		kma_weaken(t->report, &t->correlated_across, KMA_APPROXIMATE, reason);
	}
}

static void judge(struct pcp_telling *t, bool fallback)
{
	if (t->summary->lost)
		weaken_all(t, kma_report_printf(t->report, "at least %s records were lost",
						kma_words_count(t->report, t->summary->lost)));
	if (t->summary->truncated)
		weaken_all(t, "the trace is cut short");
	if (fallback)
		weaken_fallback(t);
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++)
		weaken_batches(t, d);
	weaken_matches(t);

	if (!t->have_batches[PCP_REFILL] && !t->have_batches[PCP_DRAIN]) {
		for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++)
			kma_report_status(t->report,
					  (struct kma_status){ KMA_UNAVAILABLE, t->missing[d] });
		return;
	}
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++)
		if (!t->have[d])
			kma_report_status(t->report,
					  (struct kma_status){ KMA_APPROXIMATE, t->missing[d] });
}

/* ---- metrics ---- */

/* Events and pages of one part of the whole. */
static void tell_counters(struct pcp_telling *t, enum pcp_direction dir, struct kma_labels labels,
			  uint64_t events, uint64_t pages)
{
	kma_report_value(t->report, PCP_METRIC(PCP_REFILL_EVENTS + dir), labels, t->counted[dir],
			 kma_int((int64_t)events));
	kma_report_value(t->report, PCP_METRIC(PCP_REFILL_PAGES + dir), labels, t->counted[dir],
			 kma_int((int64_t)pages));
}

static void tell_parts(struct pcp_telling *t, enum pcp_direction dir, const char *label,
		       const struct pcp_part *parts, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (parts[i].events[dir])
			tell_counters(t, dir, kma_label1(label, kma_int(parts[i].id)),
				      parts[i].events[dir], parts[i].pages[dir]);
}

static void tell_pages(struct pcp_telling *t, enum pcp_direction dir)
{
	if (!t->have[dir]) {
		kma_report_unavailable(t->report, PCP_METRIC(PCP_REFILL_EVENTS + dir),
				       kma_no_labels(), t->missing[dir]);
		kma_report_unavailable(t->report, PCP_METRIC(PCP_REFILL_PAGES + dir),
				       kma_no_labels(), t->missing[dir]);
		return;
	}
	tell_counters(t, dir, kma_no_labels(), t->events[dir], t->pages[dir]);
	for (size_t i = 0; i < t->nr_cpus; i++)
		tell_counters(t, dir, pcp_cpu_label(t->cpus[i].id), t->cpus[i].cpu->events[dir],
			      t->cpus[i].cpu->pages[dir]);
	tell_parts(t, dir, "order", t->orders, t->nr_orders);
	tell_parts(t, dir, "migratetype", t->types, t->nr_types);
}

static void tell_batches(struct pcp_telling *t, enum pcp_direction dir)
{
	if (!t->have_batches[dir]) {
		kma_report_unavailable(t->report, PCP_METRIC(PCP_REFILL_BATCHES + dir),
				       kma_no_labels(), t->missing[dir]);
	} else {
		kma_report_value(t->report, PCP_METRIC(PCP_REFILL_BATCHES + dir), kma_no_labels(),
				 t->batched[dir], kma_int((int64_t)t->batches[dir]));
		for (size_t i = 0; i < t->nr_cpus; i++)
			kma_report_value(t->report, PCP_METRIC(PCP_REFILL_BATCHES + dir),
					 pcp_cpu_label(t->cpus[i].id), t->batched[dir],
					 kma_int((int64_t)t->cpus[i].batches[dir]));
	}
	if (t->have[dir])
		kma_report_dist(t->report, PCP_METRIC(PCP_REFILL_BATCH_PAGES + dir),
				kma_no_labels(), t->sized[dir], &t->batch_pages[dir]);
	else
		kma_report_unavailable(t->report, PCP_METRIC(PCP_REFILL_BATCH_PAGES + dir),
				       kma_no_labels(), t->missing[dir]);
}

static void tell_balance(struct pcp_telling *t)
{
	struct kma_report *report = t->report;
	uint64_t unbalanced = 0;

	for (size_t i = 0; i < t->nr_cpus; i++) {
		const struct pcp_cpu_row *row = &t->cpus[i];
		struct kma_labels label = pcp_cpu_label(row->id);

		unbalanced += pcp_magnitude(pcp_balance(row->cpu));
		kma_report_value(report, PCP_METRIC(PCP_NET_PAGES), label, t->balanced,
				 kma_int(pcp_balance(row->cpu)));
		kma_report_value(report, PCP_METRIC(PCP_SWING_PAGES), label, t->balanced,
				 kma_int((int64_t)row->swing));
		kma_report_value(report, PCP_METRIC(PCP_TURNOVER), label, t->balanced,
				 kma_real(row->turnover));
	}
	kma_report_value(report, PCP_METRIC(PCP_NET_PAGES), kma_no_labels(), t->balanced,
			 kma_int((int64_t)(t->pages[PCP_REFILL] - t->pages[PCP_DRAIN])));
	kma_report_value(report, PCP_METRIC(PCP_IMBALANCE_RATIO), kma_no_labels(), t->balanced,
			 kma_real((double)unbalanced /
				  ((double)t->pages[PCP_REFILL] + (double)t->pages[PCP_DRAIN])));
	kma_report_value(report, PCP_METRIC(PCP_SWING_PAGES), kma_no_labels(), t->balanced,
			 kma_int((int64_t)t->swing));
	kma_report_value(report, PCP_METRIC(PCP_TURNOVER), kma_no_labels(), t->balanced,
			 kma_real(t->swing ? (double)t->round_trips / (double)t->swing : 0));
}

static void tell_moves(struct pcp_telling *t)
{
	struct kma_report *report = t->report;

	kma_report_value(report, PCP_METRIC(PCP_MOVED_PAGES), kma_no_labels(), t->matched,
			 kma_int((int64_t)t->moved));
	for (size_t i = 0; i < t->nr_flows; i++)
		kma_report_value(report, PCP_METRIC(PCP_MOVED_PAGES),
				 pcp_flow_label(t->flows[i].from, t->flows[i].to), t->matched,
				 kma_int((int64_t)t->flows[i].pages));
	if (t->moved)
		kma_report_value(report, PCP_METRIC(PCP_CROSS_CPU_RATIO), kma_no_labels(),
				 t->matched, kma_real((double)t->crossed / (double)t->moved));
	else
		kma_report_unavailable(report, PCP_METRIC(PCP_CROSS_CPU_RATIO), kma_no_labels(),
				       "no refilled page was drained within the trace");
	if (t->trace->clock == KMA_CLOCK_TICKS)
		kma_report_unavailable(report, PCP_METRIC(PCP_RESIDENCY_NS), kma_no_labels(),
				       kma_report_printf(report,
							 "the %s clock does not count nanoseconds",
							 t->trace->clock_name));
	else
		kma_report_dist(report, PCP_METRIC(PCP_RESIDENCY_NS), kma_no_labels(), t->timed,
				&t->view->residency);
}

static void tell_correlation(struct pcp_telling *t)
{
	size_t told = 0, across = 0;

	for (size_t i = 0; i < t->nr_cpus; i++) {
		const struct pcp_cpu_row *row = &t->cpus[i];

		if (isnan(row->correlation))
			continue;
		kma_report_value(t->report, PCP_METRIC(PCP_CORRELATION),
				 pcp_flow_label(row->id, row->id), t->correlated,
				 kma_real(row->correlation));
		told++;
	}
	for (size_t i = 0; i < t->nr_flows && across < PCP_MAX_FLOW_CORRELATIONS; i++) {
		const struct pcp_flow *flow = &t->flows[i];
		double r = flow->from == flow->to ? NAN : pcp_correlation(t, flow->from, flow->to);

		if (isnan(r))
			continue;
		kma_report_value(t->report, PCP_METRIC(PCP_CORRELATION),
				 pcp_flow_label(flow->from, flow->to), t->correlated_across,
				 kma_real(r));
		across++;
	}
	if (told || across)
		return;
	kma_report_unavailable(
		t->report, PCP_METRIC(PCP_CORRELATION), kma_no_labels(),
		t->trace->clock == KMA_CLOCK_TICKS
			? kma_report_printf(t->report, "the %s clock does not count nanoseconds",
					    t->trace->clock_name)
			: "no CPU has both refills and drains that vary over time");
}

/* All that sets refills against drains. */
static void tell_both(struct pcp_telling *t)
{
	static const unsigned int metrics[] = {
		PCP_NET_PAGES,	 PCP_IMBALANCE_RATIO, PCP_SWING_PAGES,	PCP_TURNOVER,
		PCP_MOVED_PAGES, PCP_CROSS_CPU_RATIO, PCP_RESIDENCY_NS, PCP_CORRELATION,
	};

	if (t->have_both) {
		tell_balance(t);
		tell_moves(t);
		tell_correlation(t);
		return;
	}
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		kma_report_unavailable(t->report, PCP_METRIC(metrics[i]), kma_no_labels(),
				       t->missing[t->have[PCP_REFILL] ? PCP_DRAIN : PCP_REFILL]);
}

/* ---- the report ---- */

static int work_out(struct pcp_telling *t)
{
	t->nr_bins = kma_bins_used(&t->view->bins, t->summary->last_ts);
	if (work_out_cpus(t) || work_out_flows(t) || work_out_parts(t))
		return -1;
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++) {
		t->have[d] = t->events[d];
		t->have_batches[d] = t->events[d] || t->view->announced[d];
		t->missing[d] = kma_no_record(t->report, t->trace, page_kinds[d]);
	}
	t->have_both = t->have[PCP_REFILL] && t->have[PCP_DRAIN];
	return 0;
}

static bool has_refills(const struct pcp_view *view)
{
	for (uint32_t i = 0; i < view->nr_cpus; i++)
		if (view->cpus[i].events[PCP_REFILL])
			return true;
	return false;
}

int pcp_report(const struct kma_state *state, const struct kma_summary *summary,
	       struct kma_report *report)
{
	bool fallback = state->fallback && (!state->real || has_refills(state->fallback));
	struct pcp_telling t = {
		.trace = state->trace,
		.view = fallback ? state->fallback : state->real,
		.summary = summary,
		.report = report,
	};
	int result = work_out(&t);

	if (!result) {
		judge(&t, fallback && t.have[PCP_REFILL]);
		for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++) {
			tell_pages(&t, d);
			tell_batches(&t, d);
		}
		tell_both(&t);
		if (t.nr_cpus) {
			pcp_tell_tables(&t);
			pcp_tell_findings(&t);
		}
	}
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++)
		kma_histogram_free(&t.batch_pages[d]);
	free(t.cpus);
	free(t.flows);
	free(t.orders);
	free(t.types);
	return result;
}
