/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The truth about the pcp.* metrics and the series of pages over time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "result/result.h"
#include "truth.h"

#define NR_PFNS	 (0x1000 * (MAX_ZONES + 1))
#define MAX_BINS 1024

enum { REFILL, DRAIN, NEITHER };

struct pcp_truth {
	const struct schedule *s;
	struct expect *x;
	bool fallback;		    /* refills are mm_page_alloc_zone_locked */
	bool have[2], announced[2]; /* page records, *_zone_locked records */
	int64_t pages[MAX_CPUS][2];
	uint64_t lost;
	uint64_t flows[MAX_CPUS][MAX_CPUS];
	bool loose[2], dropped[2], open[2]; /* batches without lock records, cut, or not ended */
};

static const char *const words[2] = { "refill", "drain" };

static const char *metric(int direction, const char *rest)
{
	return label("pcp.%s_%s", words[direction], rest);
}

static const char *cpu_label(const struct pcp_truth *t, unsigned int cpu)
{
	return label("{cpu=%u}", t->s->cpu_id[cpu]);
}

static int direction_of(const struct pcp_truth *t, const struct rec *rec)
{
	if (rec->ev == EV_DRAIN)
		return DRAIN;
	if (rec->ev == EV_REFILL)
		return REFILL;
	if (rec->ev == EV_ALLOC_LOCKED && t->fallback &&
	    (t->s->no_percpu_refill_field ? !rec->order : rec->percpu_refill))
		return REFILL;
	return NEITHER;
}

static void count_blocks(struct pcp_truth *t)
{
	for (int d = 0; d < 2; d++) {
		expect_add(t->x, metric(d, "events_total"), "", 0);
		expect_add(t->x, metric(d, "pages_total"), "", 0);
	}
	for (size_t i = 0; i < t->s->nr_order; i++) {
		const struct rec *rec = t->s->order[i];
		int d = direction_of(t, rec);
		int64_t pages = INT64_C(1) << rec->order;

		if (d == NEITHER)
			continue;
		const char *sets[] = { "", cpu_label(t, rec->cpu), label("{order=%u}", rec->order),
				       label("{migratetype=%d}", rec->migratetype) };

		for (int k = 0; k < 4; k++) {
			expect_add(t->x, metric(d, "events_total"), sets[k], 1);
			expect_add(t->x, metric(d, "pages_total"), sets[k], pages);
		}
		t->have[d] = true;
		t->pages[rec->cpu][d] += pages;
	}
}

/* A run of refills or drains. */
struct run {
	int direction;
	int pid;
	int64_t pages;
	bool announced, first_behind_lock;
};

static void end_run(struct pcp_truth *t, unsigned int cpu, struct run *run, enum ev by)
{
	int d = run->direction;

	run->direction = NEITHER;
	if (d == NEITHER)
		return;
	expect_add(t->x, metric(d, "batches_total"), "", 1);
	expect_add(t->x, metric(d, "batches_total"), cpu_label(t, cpu), 1);
	expect_sample(t->x, metric(d, "batch_pages"), "", (uint64_t)run->pages);
	t->loose[d] |= !run->announced &&
		       !(run->first_behind_lock && (by == EV_UNLOCK || by == NR_EV));
	t->open[d] |= by == NR_EV;
}

static void find_batches(struct pcp_truth *t, unsigned int cpu)
{
	struct run run = { .direction = NEITHER };
	bool locked = false;

	for (size_t i = 0; i < t->s->nr_order; i++) {
		const struct rec *rec = t->s->order[i];
		int d = direction_of(t, rec);

		if (rec->cpu != cpu)
			continue;
		if (rec->gap) {
			if (run.direction != NEITHER)
				t->dropped[run.direction] = true;
			run.direction = NEITHER;
			locked = false;
		}
		if (rec->ev == EV_LOCKED || rec->ev == EV_UNLOCK) {
			end_run(t, cpu, &run, rec->ev);
			locked = rec->ev == EV_LOCKED;
		} else if (rec->ev == EV_REFILL_LOCKED || rec->ev == EV_DRAIN_LOCKED) {
			end_run(t, cpu, &run, rec->ev);
			run = (struct run){ rec->ev == EV_REFILL_LOCKED ? REFILL : DRAIN, rec->pid,
					    0, true, locked };
			t->announced[run.direction] = true;
			locked = false;
		} else if (d != NEITHER) {
			if (run.direction != d || run.pid != rec->pid) {
				end_run(t, cpu, &run, rec->ev);
				run = (struct run){ d, rec->pid, 0, false, locked };
				locked = false;
			}
			run.pages += INT64_C(1) << rec->order;
		}
	}
	end_run(t, cpu, &run, NR_EV);
}

/* Highest - lowest net pages of a CPU; within a run they only rise or only fall, so any moment will do. */
static int64_t swing_of(const struct pcp_truth *t, unsigned int cpu)
{
	int64_t net = 0, low = 0, high = 0;

	for (size_t i = 0; i < t->s->nr_order; i++) {
		const struct rec *rec = t->s->order[i];
		int d = direction_of(t, rec);

		if (rec->cpu != cpu || d == NEITHER)
			continue;
		net += d == REFILL ? INT64_C(1) << rec->order : -(INT64_C(1) << rec->order);
		low = net < low ? net : low;
		high = net > high ? net : high;
	}
	return high - low;
}

static void balance(struct pcp_truth *t)
{
	int64_t all = 0, uneven = 0, swings = 0, turned = 0;

	expect_add(t->x, "pcp.net_pages", "", 0);
	for (unsigned int cpu = 0; cpu < t->s->nr_cpus; cpu++) {
		int64_t in = t->pages[cpu][REFILL], out = t->pages[cpu][DRAIN],
			swing = swing_of(t, cpu);
		int64_t smaller = in < out ? in : out;

		expect_add(t->x, "pcp.net_pages", "", in - out);
		expect_add(t->x, "pcp.net_pages", cpu_label(t, cpu), in - out);
		expect_add(t->x, "pcp.swing_pages", "", swing);
		expect_add(t->x, "pcp.swing_pages", cpu_label(t, cpu), swing);
		if (swing)
			expect_real(t->x, "pcp.turnover", cpu_label(t, cpu),
				    (double)smaller / (double)swing);
		all += in + out;
		uneven += in > out ? in - out : out - in;
		swings += swing;
		turned += smaller;
	}
	expect_real(t->x, "pcp.imbalance_ratio", "", (double)uneven / (double)all);
	expect_real(t->x, "pcp.turnover", "", (double)turned / (double)swings);
}

/* Who refilled each page last, if nobody drained it since. */
static void follow_pages(struct pcp_truth *t)
{
	const struct rec **refilled = calloc(NR_PFNS, sizeof(*refilled));
	int64_t moved = 0, crossed = 0;

	if (!refilled)
		abort();
	expect_samples(t->x, "pcp.residency_ns", "");
	for (size_t i = 0; i < t->s->nr_order; i++) {
		const struct rec *rec = t->s->order[i];
		int d = direction_of(t, rec);

		for (uint64_t pfn = rec->pfn;
		     d != NEITHER && pfn < rec->pfn + (UINT64_C(1) << rec->order); pfn++) {
			const struct rec *from = refilled[pfn];

			refilled[pfn] = d == REFILL ? rec : NULL;
			if (d == REFILL || !from)
				continue;
			moved++;
			crossed += from->cpu != rec->cpu;
			t->flows[from->cpu][rec->cpu]++;
			expect_sample(t->x, "pcp.residency_ns", "", rec->ts - from->ts);
			expect_add(t->x, "pcp.moved_pages_total",
				   label("{from=%u,to=%u}", t->s->cpu_id[from->cpu],
					 t->s->cpu_id[rec->cpu]),
				   1);
		}
	}
	free(refilled);
	expect_add(t->x, "pcp.moved_pages_total", "", moved);
	if (moved)
		expect_real(t->x, "pcp.cross_cpu_ratio", "", (double)crossed / (double)moved);
	else
		expect_unavailable(t->x, "pcp.cross_cpu_ratio");
	if (t->s->local_clock && crossed && !t->lost && !t->fallback)
		expect_status(t->x, "pcp.residency_ns", NULL, ST_APPROXIMATE);
}

static const struct kma_series *any_series(const struct kma_result *result)
{
	const struct kma_report *report = kma_result_find_report(result, "pcp");

	return report && report->nr_series ? &report->series[0] : NULL;
}

/* Pages per bin of the axis of @axis; false if a record lies outside. */
static bool fill_bins(const struct pcp_truth *t, const struct kma_series *axis, unsigned int cpu,
		      int direction, double *bins)
{
	memset(bins, 0, MAX_BINS * sizeof(*bins));
	for (size_t i = 0; i < t->s->nr_order; i++) {
		const struct rec *rec = t->s->order[i];
		uint64_t bin = (rec->ts - t->s->order[0]->ts) / axis->bin_ns;

		if (rec->cpu != cpu || direction_of(t, rec) != direction)
			continue;
		if (bin >= axis->nr || bin >= MAX_BINS)
			return false;
		bins[bin] += (double)(UINT64_C(1) << rec->order);
	}
	return true;
}

static double pearson(const double *x, const double *y, size_t nr)
{
	double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;

	for (size_t i = 0; i < nr; i++) {
		mean_x += x[i] / (double)nr;
		mean_y += y[i] / (double)nr;
	}
	for (size_t i = 0; i < nr; i++) {
		xx += (x[i] - mean_x) * (x[i] - mean_x);
		yy += (y[i] - mean_y) * (y[i] - mean_y);
		xy += (x[i] - mean_x) * (y[i] - mean_y);
	}
	return xx > 1e-9 && yy > 1e-9 ? xy / sqrt(xx * yy) : NAN;
}

static void correlate(struct pcp_truth *t, const struct kma_result *result)
{
	const struct kma_series *axis = any_series(result);
	double x[MAX_BINS], y[MAX_BINS];
	bool any = false;

	for (unsigned int from = 0; axis && from < t->s->nr_cpus; from++) {
		if (!fill_bins(t, axis, from, REFILL, x))
			continue;
		for (unsigned int to = 0; to < t->s->nr_cpus; to++) {
			const char *labels = label("{from=%u,to=%u}", t->s->cpu_id[from],
						   t->s->cpu_id[to]);
			double r;

			if ((from != to && !t->flows[from][to]) || !fill_bins(t, axis, to, DRAIN, y))
				continue;
			r = pearson(x, y, axis->nr);
			if (isnan(r))
				continue;
			any = true;
			expect_real(t->x, "pcp.correlation", labels, r);
			if (from != to && t->s->local_clock)
				expect_status(t->x, "pcp.correlation", labels, ST_APPROXIMATE);
		}
	}
	if (!any)
		expect_unavailable(t->x, "pcp.correlation");
}

static void statuses(struct pcp_truth *t)
{
	static const char *const both[] = { "net_pages",	 "swing_pages",
					    "turnover",		 "imbalance_ratio",
					    "moved_pages_total", "cross_cpu_ratio",
					    "residency_ns",	 "correlation" };

	for (int d = 0; d < 2; d++) {
		bool unsure = t->fallback && d == REFILL;
		unsigned int counted = unsure	 ? ST_APPROXIMATE
				       : t->lost ? ST_LOWER_BOUND
						 : ST_EXACT;
		unsigned int batches = counted | (t->loose[d] ? ST_APPROXIMATE : 0);

		if (t->loose[d] && !t->lost)
			batches = ST_APPROXIMATE;
		if (unsure && t->announced[d] && !t->loose[d])
			batches = ST_EXACT | ST_APPROXIMATE | ST_LOWER_BOUND;
		expect_status(t->x, metric(d, "events_total"), NULL, counted);
		expect_status(t->x, metric(d, "pages_total"), NULL, counted);
		expect_status(t->x, metric(d, "batches_total"), NULL, batches);
		expect_status(t->x, metric(d, "batch_pages"), NULL,
			      t->lost || unsure || t->loose[d] ? ST_APPROXIMATE
			      : t->open[d]		       ? ST_EXACT | ST_APPROXIMATE
							       : ST_EXACT);
	}
	if (!t->lost && !t->fallback)
		return;
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		expect_status(t->x, label("pcp.%s", both[i]), NULL, ST_APPROXIMATE);
}

static void refuse(struct pcp_truth *t)
{
	static const char *const both[] = { "net_pages",	 "swing_pages",
					    "turnover",		 "imbalance_ratio",
					    "moved_pages_total", "cross_cpu_ratio",
					    "residency_ns",	 "correlation" };

	for (int d = 0; d < 2; d++) {
		if (t->have[d])
			continue;
		expect_unavailable(t->x, metric(d, "events_total"));
		expect_unavailable(t->x, metric(d, "pages_total"));
		expect_unavailable(t->x, metric(d, "batch_pages"));
		if (!t->announced[d])
			expect_unavailable(t->x, metric(d, "batches_total"));
	}
	for (size_t i = 0;
	     i < sizeof(both) / sizeof(both[0]) && !(t->have[REFILL] && t->have[DRAIN]); i++)
		expect_unavailable(t->x, label("pcp.%s", both[i]));
}

void truth_of_pcp(const struct schedule *s, const struct kma_result *result, struct expect *x)
{
	struct pcp_truth t = { .s = s, .x = x, .lost = schedule_lost(s) };

	t.fallback = !schedule_count(s, EV_REFILL) && schedule_count(s, EV_ALLOC_LOCKED);
	count_blocks(&t);
	t.fallback &= t.have[REFILL];
	for (int d = 0; d < 2; d++) {
		expect_add(x, metric(d, "batches_total"), "", 0);
		expect_samples(x, metric(d, "batch_pages"), "");
	}
	for (unsigned int cpu = 0; cpu < s->nr_cpus; cpu++)
		find_batches(&t, cpu);
	if (t.have[REFILL] && t.have[DRAIN]) {
		balance(&t);
		follow_pages(&t);
		correlate(&t, result);
		if (s->ticks)
			expect_unavailable(x, "pcp.residency_ns");
	}
	refuse(&t);
	statuses(&t);
}

unsigned int check_series(const struct schedule *s, const struct kma_result *result, FILE *out)
{
	const struct kma_report *report = kma_result_find_report(result, "pcp");
	struct pcp_truth t = { .s = s };
	unsigned int differences = 0;
	double bins[MAX_BINS];

	t.fallback = !schedule_count(s, EV_REFILL) && schedule_count(s, EV_ALLOC_LOCKED);
	for (unsigned int cpu = 0; cpu < s->nr_cpus; cpu++) {
		for (int d = 0; d < 2; d++) {
			const struct kma_series *found = NULL;
			bool any = false;

			for (size_t i = 0; i < s->nr_order; i++)
				any |= s->order[i]->cpu == cpu && direction_of(&t, s->order[i]) == d;
			for (size_t i = 0; i < report->nr_series; i++)
				if (!strcmp(report->series[i].name,
					    d ? "drain_pages" : "refill_pages") &&
				    report->series[i].labels.label[0].value.i == s->cpu_id[cpu])
					found = &report->series[i];
			if (!found != (!any || s->ticks)) {
				fprintf(out, "  %s series of CPU %u: %s\n", words[d],
					s->cpu_id[cpu], found ? "unexpected" : "missing");
				differences++;
				continue;
			}
			if (found && (found->start_ns != s->order[0]->ts ||
				      !fill_bins(&t, found, cpu, d, bins) ||
				      memcmp(bins, found->values, found->nr * sizeof(*bins)))) {
				fprintf(out, "  %s series of CPU %u differs\n", words[d],
					s->cpu_id[cpu]);
				differences++;
			}
		}
	}
	return differences;
}
