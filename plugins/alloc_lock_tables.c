/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables and the series of the alloc_lock report: the metrics, chosen and ordered for people.
 */
#include <stdlib.h>

#include "alloc_lock_internal.h"

#define NR(columns) (sizeof(columns) / sizeof((columns)[0]))

static const char *const what[AL_NR_CLASSES] = {
	[AL_ZONE] = "zone->lock: free pages of a zone",
	[AL_LRUVEC] = "lru_lock: page lists of reclaim",
	[AL_SLAB_NODE] = "a slab cache's lists of a node",
	[AL_PERCPU] = "the per-CPU allocator's locks",
	[AL_PCP] = "a CPU's own page lists",
	[AL_OTHER] = "none of the allocators'",
};

static struct kma_value time_cell(const struct al_view *view, uint64_t ns)
{
	return view->waits.code == KMA_UNAVAILABLE ? kma_none() : kma_int((int64_t)ns);
}

/* Of waits whose end was not seen there is no time. */
static struct kma_value sum_cell(const struct al_view *view, const struct al_row *row)
{
	return row->wait.count ? time_cell(view, row->wait.sum) : kma_none();
}

static struct kma_value dist_cell(const struct al_view *view, const struct al_row *row, double p)
{
	if (view->waits.code == KMA_UNAVAILABLE || !row->wait.count)
		return kma_none();
	return kma_int((int64_t)kma_histogram_percentile(&row->wait, p));
}

/* Waited longest first, other locks last; what came first in order breaks ties. */
static int by_wait(const void *a, const void *b)
{
	const struct al_row *x = *(const struct al_row *const *)a,
			    *y = *(const struct al_row *const *)b;

	if ((x->which == AL_OTHER) != (y->which == AL_OTHER))
		return x->which == AL_OTHER ? 1 : -1;
	if (x->wait.sum != y->wait.sum)
		return x->wait.sum > y->wait.sum ? -1 : 1;
	if (x->contended != y->contended)
		return x->contended > y->contended ? -1 : 1;
	return (x > y) - (x < y); /* both in one array */
}

/* Rows of @rows that have waits, in the order to print them; NULL when out of memory. */
static const struct al_row **sorted(const struct al_row *rows, size_t nr, size_t *nr_sorted)
{
	const struct al_row **list = calloc(nr + 1, sizeof(*list));

	*nr_sorted = 0;
	for (size_t i = 0; list && i < nr; i++)
		if (rows[i].contended)
			list[(*nr_sorted)++] = &rows[i];
	if (list)
		qsort(list, *nr_sorted, sizeof(*list), by_wait);
	return list;
}

static void class_table(const struct al_view *view, struct kma_report *report)
{
	static const struct kma_column columns[] = {
		{ "lock", "lock", KMA_UNIT_COUNT, 0 },
		{ "what", "what it is", KMA_UNIT_COUNT, 0 },
		{ "contended", "waits", KMA_UNIT_COUNT, 0 },
		{ "wait_sum_ns", "waited", KMA_UNIT_NS, 0 },
		{ "wait_p50_ns", "p50", KMA_UNIT_NS, 0 },
		{ "wait_p99_ns", "p99", KMA_UNIT_NS, 0 },
		{ "wait_max_ns", "longest", KMA_UNIT_NS, 0 },
		{ "cpus", "CPUs", KMA_UNIT_COUNT, 0 },
	};
	size_t nr;
	const struct al_row **rows = sorted(view->classes, AL_NR_CLASSES, &nr);

	kma_report_table(
		report, "locks", "By lock",
		"told by the functions that wait; a spinlock's first waiter is recorded by "
		"paravirtual guests only",
		columns, NR(columns));
	for (size_t i = 0; i < nr; i++)
		kma_report_row(report, (struct kma_value[]){
					       kma_kept_text(al_class_names[rows[i]->which]),
					       kma_kept_text(what[rows[i]->which]),
					       kma_int((int64_t)rows[i]->contended),
					       sum_cell(view, rows[i]),
					       dist_cell(view, rows[i], 0.5),
					       dist_cell(view, rows[i], 0.99),
					       dist_cell(view, rows[i], 1),
					       kma_int(rows[i]->cpus),
				       });
	free(rows);
}

/* The allocators' locks only. */
static void caller_table(const struct al_view *view, struct kma_report *report)
{
	static const struct kma_column columns[] = {
		{ "lock", "lock", KMA_UNIT_COUNT, 0 },
		{ "caller", "who waited", KMA_UNIT_COUNT, 0 },
		{ "contended", "waits", KMA_UNIT_COUNT, 0 },
		{ "wait_sum_ns", "waited", KMA_UNIT_NS, 0 },
		{ "share", "of all", KMA_UNIT_RATIO, 12 },
		{ "wait_p99_ns", "p99", KMA_UNIT_NS, 0 },
		{ "wait_max_ns", "longest", KMA_UNIT_NS, 0 },
	};
	uint64_t all = 0;
	size_t nr;
	const struct al_row **rows = sorted(view->callers, view->nr_callers, &nr);

	for (int which = 0; which < AL_OTHER; which++)
		all += view->classes[which].wait.sum;
	while (nr && rows[nr - 1]->which == AL_OTHER)
		nr--;
	if (nr)
		kma_report_table(report, "callers", "By caller",
				 "of all: of the time that was waited for the allocators' locks",
				 columns, NR(columns));
	for (size_t i = 0; i < nr; i++)
		kma_report_row(
			report,
			(struct kma_value[]){
				kma_kept_text(al_class_names[rows[i]->which]),
				rows[i]->caller ? kma_address(rows[i]->caller) : kma_text("other"),
				kma_int((int64_t)rows[i]->contended),
				sum_cell(view, rows[i]),
				view->waits.code == KMA_UNAVAILABLE || !rows[i]->wait.count || !all
					? kma_none()
					: kma_real((double)rows[i]->wait.sum / (double)all),
				dist_cell(view, rows[i], 0.99),
				dist_cell(view, rows[i], 1),
			});
	free(rows);
}

static int by_cpu_wait(const void *a, const void *b)
{
	const struct al_cpu_row *x = a, *y = b;

	if (x->wait_ns != y->wait_ns)
		return x->wait_ns > y->wait_ns ? -1 : 1;
	if (x->contended != y->contended)
		return x->contended > y->contended ? -1 : 1;
	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

static void cpu_table(const struct al_view *view, struct kma_report *report)
{
	static const struct kma_column columns[] = {
		{ "cpu", "CPU", KMA_UNIT_COUNT, 0 },
		{ "contended", "waits", KMA_UNIT_COUNT, 0 },
		{ "wait_sum_ns", "waited", KMA_UNIT_NS, 12 },
		{ "zone_ns", "zone", KMA_UNIT_NS, 0 },
		{ "lruvec_ns", "lruvec", KMA_UNIT_NS, 0 },
		{ "slab_node_ns", "slab_node", KMA_UNIT_NS, 0 },
		{ "percpu_ns", "percpu", KMA_UNIT_NS, 0 },
		{ "pcp_ns", "pcp", KMA_UNIT_NS, 0 },
	};
	struct al_cpu_row *rows = calloc(view->nr_cpus + 1, sizeof(*rows));

	for (size_t i = 0; rows && i < view->nr_cpus; i++)
		rows[i] = view->cpus[i];
	if (rows && view->nr_cpus) {
		qsort(rows, view->nr_cpus, sizeof(*rows), by_cpu_wait);
		kma_report_table(report, "cpus", "By CPU",
				 "waits for the allocators' locks that began there", columns,
				 NR(columns));
	}
	for (size_t i = 0; rows && i < view->nr_cpus; i++)
		kma_report_row(report, (struct kma_value[]){
					       kma_int(rows[i].cpu),
					       kma_int((int64_t)rows[i].contended),
					       time_cell(view, rows[i].wait_ns),
					       time_cell(view, rows[i].class_ns[AL_ZONE]),
					       time_cell(view, rows[i].class_ns[AL_LRUVEC]),
					       time_cell(view, rows[i].class_ns[AL_SLAB_NODE]),
					       time_cell(view, rows[i].class_ns[AL_PERCPU]),
					       time_cell(view, rows[i].class_ns[AL_PCP]),
				       });
	free(rows);
}

/* The time of the waits that ended in each bin; the lock that was waited for longest comes first.
 */
static void class_series(const struct al_view *view, struct kma_report *report)
{
	const struct kma_bins *bins = &view->state->bins;
	size_t nr;
	const struct al_row **rows = sorted(view->classes, AL_OTHER, &nr);

	if (view->waits.code == KMA_UNAVAILABLE)
		nr = 0;
	for (size_t i = 0; i < nr; i++) {
		uint64_t values[KMA_NR_BINS] = { 0 };

		if (!rows[i]->wait.count)
			continue;
		for (uint32_t row = 0; row < bins->nr_rows && row < view->state->nr_groups; row++)
			for (size_t b = 0; bins->rows[row] &&
					   view->class_of[row] == rows[i]->which && b < KMA_NR_BINS;
			     b++)
				values[b] += bins->rows[row][b];
		kma_report_series(report, "wait_ns", "waited for the lock", KMA_UNIT_NS,
				  kma_label1("lock", kma_kept_text(al_class_names[rows[i]->which])),
				  bins->start, UINT64_C(1) << bins->shift, values,
				  kma_bins_used(bins, view->summary->last_ts));
	}
	free(rows);
}

void al_tables(const struct al_view *view, struct kma_report *report)
{
	class_table(view, report);
	caller_table(view, report);
	cpu_table(view, report);
	class_series(view, report);
}
