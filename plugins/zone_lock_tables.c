/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of the zone_lock report: the same numbers as the metrics, chosen and ordered for
 * people. */
#include <stdlib.h>
#include <string.h>

#include "zone_lock_internal.h"

/* A number of an unavailable kind is a dash, never 0. */
static struct kma_value if_known(struct kma_status st, struct kma_value value)
{
	return st.code == KMA_UNAVAILABLE ? kma_none() : value;
}

static struct kma_value percentile(struct kma_status st, const struct kma_histogram *histogram,
				   double p)
{
	return st.code == KMA_UNAVAILABLE || !histogram->count
		       ? kma_none()
		       : kma_int(kma_histogram_percentile(histogram, p));
}

static struct kma_value largest(struct kma_status st, const struct kma_histogram *histogram)
{
	return st.code == KMA_UNAVAILABLE || !histogram->count ? kma_none()
							       : kma_int(histogram->max);
}

static uint64_t contended(const struct zl_view *view, const struct zl_group *group)
{
	return view->summary->records[KMA_ZONE_LOCKED] ? group->contended
						       : group->contended_records;
}

/* Most waited for first; then most held, most taken. Rows are in index order before, which breaks
 * ties. */
static int order(const struct zl_row *a, const struct zl_row *b)
{
	const struct zl_group *x = a->group, *y = b->group;

	if (x->wait.sum != y->wait.sum)
		return x->wait.sum > y->wait.sum ? -1 : 1;
	if (x->hold.sum != y->hold.sum)
		return x->hold.sum > y->hold.sum ? -1 : 1;
	if (x->acquisitions != y->acquisitions)
		return x->acquisitions > y->acquisitions ? -1 : 1;
	if (x->contended_records != y->contended_records)
		return x->contended_records > y->contended_records ? -1 : 1;
	return 0;
}

static int compare_labels(const struct zl_row *a, const struct zl_row *b)
{
	for (unsigned int i = 0; i < a->labels.nr; i++) {
		const struct kma_value *x = &a->labels.label[i].value,
				       *y = &b->labels.label[i].value;
		int diff = 0;

		if (x->type != y->type)
			return x->type < y->type ? -1 : 1;
		if (x->type == KMA_VALUE_INT)
			diff = (x->i > y->i) - (x->i < y->i);
		else if (x->type == KMA_VALUE_ADDRESS)
			diff = (x->address > y->address) - (x->address < y->address);
		else
			diff = strcmp(x->string, y->string);
		if (diff)
			return diff;
	}
	return 0;
}

static int by_weight(const void *a, const void *b)
{
	const struct zl_row *x = *(const struct zl_row *const *)a,
			    *y = *(const struct zl_row *const *)b;
	int diff = order(x, y);

	return diff ? diff : compare_labels(x, y);
}

/* The rows that have something to tell, in the order to print them. NULL when out of memory or if
 * there are none. */
static const struct zl_row **sorted(const struct zl_row *rows, uint32_t nr, size_t *nr_sorted)
{
	const struct zl_row **list = calloc(nr + 1, sizeof(*list));

	*nr_sorted = 0;
	for (uint32_t i = 0; list && i < nr; i++)
		if (rows[i].group)
			list[(*nr_sorted)++] = &rows[i];
	if (list)
		qsort(list, *nr_sorted, sizeof(*list), by_weight);
	return list;
}

static void zone_table(const struct zl_view *view, struct kma_report *report)
{
	static const struct kma_column columns[] = {
		{ "node", "node", KMA_UNIT_COUNT, 0 },
		{ "zone", "zone", KMA_UNIT_COUNT, 0 },
		{ "acquisitions", "taken", KMA_UNIT_COUNT, 0 },
		{ "contended", "contended", KMA_UNIT_COUNT, 0 },
		{ "wait_sum_ns", "waited", KMA_UNIT_NS, 0 },
		{ "wait_max_ns", "longest", KMA_UNIT_NS, 0 },
		{ "hold_p50_ns", "hold p50", KMA_UNIT_NS, 0 },
		{ "hold_p99_ns", "p99", KMA_UNIT_NS, 0 },
		{ "utilization_ratio", "held", KMA_UNIT_RATIO, 0 },
		{ "max_waiters", "queue", KMA_UNIT_COUNT, 0 },
		{ "convoys", "convoys", KMA_UNIT_COUNT, 0 },
	};
	size_t nr;
	const struct zl_row **rows = sorted(view->zones, view->state->nr_zones, &nr);

	kma_report_table(report, "zones", "By zone", NULL, columns,
			 sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < nr; i++) {
		const struct zl_group *group = rows[i]->group;

		kma_report_row(report,
			       (struct kma_value[]){
				       rows[i]->labels.label[0].value,
				       rows[i]->labels.label[1].value,
				       if_known(view->waits, kma_int(group->acquisitions)),
				       kma_int(contended(view, group)),
				       if_known(view->waits, kma_int(group->wait.sum)),
				       largest(view->waits, &group->wait),
				       percentile(view->pairs, &group->hold, 0.5),
				       percentile(view->pairs, &group->hold, 0.99),
				       view->span_ns ? if_known(view->pairs,
								kma_real((double)group->hold.sum /
									 view->span_ns))
						     : kma_none(),
				       if_known(view->queue, kma_int(rows[i]->zone->max_waiters)),
				       if_known(view->blamed, kma_int(rows[i]->zone->convoys)),
			       });
	}
	free(rows);
}

/* Callers and CPUs differ in what their rows are named by. */
static void split_table(const struct zl_view *view, struct kma_report *report, const char *name,
			const char *title, const struct kma_column *columns,
			const struct zl_row *all, uint32_t nr_all)
{
	size_t nr;
	const struct zl_row **rows = sorted(all, nr_all, &nr);

	kma_report_table(report, name, title, NULL, columns, 8);
	for (size_t i = 0; i < nr; i++) {
		const struct zl_group *group = rows[i]->group;

		kma_report_row(report, (struct kma_value[]){
					       rows[i]->labels.label[0].value,
					       if_known(view->waits, kma_int(group->acquisitions)),
					       kma_int(contended(view, group)),
					       if_known(view->waits, kma_int(group->wait.sum)),
					       if_known(view->pairs, kma_int(group->hold.sum)),
					       percentile(view->pairs, &group->hold, 0.99),
					       largest(view->pairs, &group->hold),
					       if_known(view->pages, kma_int(rows[i]->cost.pages)),
				       });
	}
	free(rows);
}

#define SPLIT_COLUMNS(name, title)                                       \
	{                                                                \
		{ name, title, KMA_UNIT_COUNT, 0 },                      \
			{ "acquisitions", "taken", KMA_UNIT_COUNT, 0 },  \
			{ "contended", "contended", KMA_UNIT_COUNT, 0 }, \
			{ "wait_sum_ns", "waited", KMA_UNIT_NS, 0 },     \
			{ "hold_sum_ns", "held", KMA_UNIT_NS, 0 },       \
			{ "hold_p99_ns", "hold p99", KMA_UNIT_NS, 0 },   \
			{ "hold_max_ns", "longest", KMA_UNIT_NS, 0 },    \
			{ "pages", "pages", KMA_UNIT_PAGES, 0 },         \
	}

static void section_table(const struct zl_view *view, struct kma_report *report)
{
	static const struct kma_column columns[] = {
		{ "section", "section", KMA_UNIT_COUNT, 0 },
		{ "sections", "number", KMA_UNIT_COUNT, 0 },
		{ "pages", "pages", KMA_UNIT_PAGES, 0 },
		{ "hold_sum_ns", "held", KMA_UNIT_NS, 0 },
		{ "hold_mean_ns", "mean", KMA_UNIT_NS, 0 },
		{ "share", "of all", KMA_UNIT_RATIO, 20 },
	};
	bool drains = view->summary->records[KMA_PCPU_DRAIN];
	bool refills = view->summary->records[KMA_PCPU_REFILL];
	const char *const names[ZL_NR_SECTIONS] = {
		[ZL_REFILL] = "refill of a CPU's list",
		[ZL_DRAIN] = "drain of a CPU's list",
		[ZL_MOVED] = refills ? "free of one block" : "refill, or free of one block",
		[ZL_UNCLEAR] = drains ? "refill that got nothing" : "drain",
	};
	uint64_t all = view->total.group->hold.sum;

	if (view->pairs.code == KMA_UNAVAILABLE || view->state->alternative)
		return;
	kma_report_table(report, "sections", "What the lock was held for", NULL, columns,
			 sizeof(columns) / sizeof(columns[0]));
	for (int i = 0; i < ZL_NR_SECTIONS; i++) {
		const struct zl_section_sum *sum = &view->state->sections[i];

		if (!sum->sections)
			continue;
		kma_report_row(report,
			       (struct kma_value[]){
				       kma_text(names[i]),
				       kma_int(sum->sections),
				       kma_int(i == ZL_UNCLEAR && drains ? 0 : sum->pages),
				       kma_int(sum->hold_ns),
				       kma_real((double)sum->hold_ns / sum->sections),
				       all ? kma_real((double)sum->hold_ns / all) : kma_none(),
			       });
	}
}

struct pair {
	uint64_t waiter, holder, ns;
};

static int by_time(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	if (x->waiter != y->waiter)
		return x->waiter < y->waiter ? -1 : 1;
	return (x->holder > y->holder) - (x->holder < y->holder);
}

static void blame_table(const struct zl_view *view, struct kma_report *report)
{
	static const struct kma_column columns[] = {
		{ "waiter", "who waited", KMA_UNIT_COUNT, 0 },
		{ "holder", "for whom", KMA_UNIT_COUNT, 0 },
		{ "wait_ns", "waited", KMA_UNIT_NS, 0 },
		{ "share", "of all", KMA_UNIT_RATIO, 15 },
	};
	const struct kma_u64map *map = &view->blame;
	uint64_t all = view->total.group->wait.sum, rest = all - view->total.blamed_ns;
	struct pair *pairs;
	size_t nr = 0;

	if (view->blamed.code == KMA_UNAVAILABLE || !all)
		return;
	pairs = calloc(map->nr + 1, sizeof(*pairs));
	if (!pairs)
		return;
	for (size_t i = 0; map->entries && i < (size_t)1 << map->bits; i++)
		if (map->entries[i].key != KMA_U64MAP_FREE)
			pairs[nr++] = (struct pair){
				.waiter = view->state->callers[map->entries[i].key >> 32].address,
				.holder =
					view->state->callers[(uint32_t)map->entries[i].key].address,
				.ns = map->entries[i].value,
			};
	qsort(pairs, nr, sizeof(*pairs), by_time);
	kma_report_table(report, "blame", "Who waited for whom",
			 "nobody visible: compaction, isolation, hotplug and trylock paths take "
			 "the lock unrecorded",
			 columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i <= nr; i++) {
		/* the rest has its place among the pairs by its size, so that it is never cut off
		 * unseen */
		if (rest && (i == nr || pairs[i].ns < rest)) {
			kma_report_row(report,
				       (struct kma_value[]){
					       kma_text("(all)"), kma_text("nobody visible"),
					       kma_int(rest), kma_real((double)rest / all) });
			rest = 0;
		}
		if (i < nr)
			kma_report_row(report,
				       (struct kma_value[]){ kma_address(pairs[i].waiter),
							     kma_address(pairs[i].holder),
							     kma_int(pairs[i].ns),
							     kma_real((double)pairs[i].ns / all) });
	}
	free(pairs);
}

static void cost_table(const struct zl_view *view, struct kma_report *report)
{
	static const struct kma_column columns[] = {
		{ "caller", "caller", KMA_UNIT_COUNT, 0 },
		{ "sections", "sections", KMA_UNIT_COUNT, 0 },
		{ "pages_per_section", "pages each", KMA_UNIT_COUNT, 0 },
		{ "fixed_ns", "fixed", KMA_UNIT_NS, 0 },
		{ "ns_per_page", "per page", KMA_UNIT_NS, 0 },
		{ "r2", "explained", KMA_UNIT_RATIO, 0 },
	};
	bool begun = false;
	size_t nr;
	const struct zl_row **rows = sorted(view->callers, view->state->nr_callers, &nr);

	for (size_t i = 0;
	     view->pairs.code != KMA_UNAVAILABLE && view->pages.code != KMA_UNAVAILABLE && i < nr;
	     i++) {
		const struct zl_cost *cost = &rows[i]->cost;
		struct zl_fit fit;

		if (!zl_fit(cost, &fit))
			continue;
		if (!begun)
			kma_report_table(report, "cost",
					 "What a section costs: fixed + per page x pages",
					 "a straight line through hold times; not shown where it "
					 "explains less than half of them",
					 columns, sizeof(columns) / sizeof(columns[0]));
		begun = true;
		kma_report_row(report,
			       (struct kma_value[]){
				       rows[i]->labels.label[0].value,
				       kma_int(cost->sections),
				       kma_real((double)cost->pages / cost->sections),
				       fit.r2 >= 0.5 && fit.fixed_ns >= 0 ? kma_real(fit.fixed_ns)
									  : kma_none(),
				       fit.r2 >= 0.5 ? kma_real(fit.per_page_ns) : kma_none(),
				       kma_real(fit.r2),
			       });
	}
	free(rows);
}

void zl_tables(const struct zl_view *view, struct kma_report *report)
{
	static const struct kma_column callers[] = SPLIT_COLUMNS("caller", "caller");
	static const struct kma_column cpus[] = SPLIT_COLUMNS("cpu", "CPU");

	if (!view->state->alternative) {
		zone_table(view, report);
		blame_table(view, report);
		split_table(view, report, "callers", "By caller", callers, view->callers,
			    view->state->nr_callers);
	}
	section_table(view, report);
	cost_table(view, report);
	split_table(view, report, "cpus", "By CPU", cpus, view->cpus, view->state->nr_cpus);
}
