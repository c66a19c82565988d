/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Per-CPU page lists: what is wrong, how to see it, and what to do about it. */
#include <math.h>

#include "pcp_report.h"
#include "words.h"

/*
 * When a finding is worth a person's time. A list holds a few hundred pages and is moved some 60 at
 * a time: what fewer pages show is how two or three batches fell, not how the machine works.
 */
#define MIN_FINDING_PAGES   1024
#define MIN_FINDING_BATCHES 100
/* Of all matched pages: below a fifth, moving them is a side effect of threads that migrate. */
#define MIN_CROSS_CPU_RATIO 0.2
/* Of all pages moved, those that some CPUs only take and others only give: a third is no chance. */
#define MIN_ONE_WAY_RATIO 0.33
/*
 * One rise and fall of the memory in use gives a turnover of 1. At 2 the same room was emptied and
 * filled again; slower than once in 2 s, a list costs few lock holds, which are not worth a change.
 */
#define MIN_TURNOVER		 2.0
#define MIN_TURNOVERS_PER_SECOND 0.5
/* Half of what kernels set up for a zone of 200 MiB (15 pages; large zones have 63). */
#define TINY_BATCH_PAGES 8

static const char *const direction_names[] = { "refill", "drain" };

static const struct pcp_cpu *cpu_of(const struct pcp_telling *t, uint32_t id)
{
	return &t->view->cpus[id];
}

/* " (task 123)" when one task surely moved more than half of the CPU's pages in that direction. */
static const char *by_task(struct pcp_telling *t, uint32_t id, enum pcp_direction dir)
{
	const struct pcp_cpu *cpu = cpu_of(t, id);

	if (cpu->vote[dir].lead <= cpu->pages[dir] / 2)
		return "";
	return kma_report_printf(t->report, " (mostly task %" PRId32 ")", cpu->vote[dir].pid);
}

static double percent(uint64_t part, uint64_t whole)
{
	return 100 * (double)part / (double)whole;
}

static void find_flow(struct pcp_telling *t)
{
	static const char advice[] =
		"Free where memory was allocated: pin both tasks to one CPU, or at least to CPUs "
		"of one node that share a cache (taskset, cpuset; for network traffic IRQ "
		"affinity, RPS and RFS), or hand buffers back to the CPU that allocated them for "
		"reuse (a return ring, page_pool). mm_page_alloc and mm_page_free with stacks "
		"show both sides' code.";
	const struct pcp_flow *worst = NULL;
	size_t finding;

	for (size_t i = 0; i < t->nr_flows && !worst; i++)
		if (t->flows[i].from != t->flows[i].to)
			worst = &t->flows[i];
	if (!worst || t->crossed < MIN_FINDING_PAGES ||
	    (double)t->crossed < MIN_CROSS_CPU_RATIO * (double)t->moved)
		return;
	finding = kma_report_finding(
		t->report, "pcp.cross_cpu_flow", KMA_WARN, advice,
		"%s of %s matched pages (%.0f %%) were taken from the zone on one "
		"CPU and given back on another; the largest flow (%s pages) was taken on "
		"CPU %" PRIu32 "%s and given back on CPU %" PRIu32 "%s: their cache lines bounce "
		"between CPUs, and the lists do not get to reuse them.",
		kma_words_count(t->report, t->crossed), kma_words_count(t->report, t->moved),
		percent(t->crossed, t->moved), kma_words_count(t->report, worst->pages),
		worst->from, by_task(t, worst->from, PCP_REFILL), worst->to,
		by_task(t, worst->to, PCP_DRAIN));
	kma_report_proof(t->report, finding, PCP_METRIC(PCP_CROSS_CPU_RATIO), kma_no_labels());
	kma_report_proof(t->report, finding, PCP_METRIC(PCP_MOVED_PAGES),
			 pcp_flow_label(worst->from, worst->to));
	if (!isnan(pcp_correlation(t, worst->from, worst->to)))
		kma_report_proof(t->report, finding, PCP_METRIC(PCP_CORRELATION),
				 pcp_flow_label(worst->from, worst->to));
}

static void find_imbalance(struct pcp_telling *t)
{
	static const char advice[] =
		"Every such page costs both CPUs a share of zone->lock, and the lists save "
		"nothing. Spread the work so that each CPU frees about what it allocates (worker "
		"per CPU instead of producer and consumer CPUs; spread interrupts), or let the "
		"giving side recycle its buffers. Deeper lists do not help here.";
	const struct pcp_cpu_row *taker = NULL, *giver = NULL;
	uint64_t taken = 0, given = 0, one_way;
	uint64_t traffic = t->pages[PCP_REFILL] + t->pages[PCP_DRAIN];
	size_t finding;

	for (size_t i = 0; i < t->nr_cpus; i++) {
		const struct pcp_cpu_row *row = &t->cpus[i];
		int64_t balance = pcp_balance(row->cpu);

		if (balance > 0) {
			taken += pcp_magnitude(balance);
			if (!taker || balance > pcp_balance(taker->cpu))
				taker = row;
		} else if (balance < 0) {
			given += pcp_magnitude(balance);
			if (!giver || balance < pcp_balance(giver->cpu))
				giver = row;
		}
	}
	/* what is only taken is memory use that grows, which is no imbalance between CPUs */
	one_way = pcp_smaller(taken, given);
	if (!taker || !giver || one_way < MIN_FINDING_PAGES ||
	    2 * (double)one_way < MIN_ONE_WAY_RATIO * (double)traffic)
		return;
	finding = kma_report_finding(
		t->report, "pcp.imbalance", KMA_WARN, advice,
		"Some CPUs take what others give back: CPU %" PRIu32 "%s refilled %s pages "
		"more than it drained, CPU %" PRIu32 "%s drained %s more than it refilled; "
		"%.0f %% of all pages moved went one way.",
		taker->id, by_task(t, taker->id, PCP_REFILL),
		kma_words_count(t->report, pcp_magnitude(pcp_balance(taker->cpu))), giver->id,
		by_task(t, giver->id, PCP_DRAIN),
		kma_words_count(t->report, pcp_magnitude(pcp_balance(giver->cpu))),
		percent(2 * one_way, traffic));
	kma_report_proof(t->report, finding, PCP_METRIC(PCP_IMBALANCE_RATIO), kma_no_labels());
	kma_report_proof(t->report, finding, PCP_METRIC(PCP_NET_PAGES), pcp_cpu_label(taker->id));
	kma_report_proof(t->report, finding, PCP_METRIC(PCP_NET_PAGES), pcp_cpu_label(giver->id));
}

static double seconds(const struct pcp_telling *t)
{
	return (double)(t->summary->last_ts - t->summary->first_ts) / 1e9;
}

static bool thrashes(const struct pcp_telling *t, const struct pcp_cpu_row *row)
{
	if (row->round_trips < MIN_FINDING_PAGES)
		return false;
	/* without nanoseconds there is no rate to judge */
	return row->turnover >= MIN_TURNOVER &&
	       (t->trace->clock == KMA_CLOCK_TICKS ||
		row->turnover >= MIN_TURNOVERS_PER_SECOND * seconds(t));
}

static void find_thrash(struct pcp_telling *t)
{
	static const char advice[] =
		"Make the lists larger: look at sysctl vm.percpu_pagelist_high_fraction. Any "
		"value but 0 fixes pcp->high at zone size / value / CPUs of the node and turns "
		"the kernel's own tuning off: set 0 (the default), or a smaller number (8 is the "
		"least, and gives the largest lists). If it is 0 already, raise "
		"vm.min_free_kbytes, from which the default limit follows, or build with a larger "
		"CONFIG_PCP_BATCH_SCALE_MAX for fewer, longer lock holds. 'pagesets' in "
		"/proc/zoneinfo shows each CPU's count, high and batch.";
	const struct pcp_cpu_row *worst = NULL;
	uint64_t swing = 0, round_trips = 0, batches = 0;
	uint32_t nr = 0;
	size_t finding;

	for (size_t i = 0; i < t->nr_cpus; i++) {
		const struct pcp_cpu_row *row = &t->cpus[i];

		if (!thrashes(t, row))
			continue;
		nr++;
		swing += row->swing;
		round_trips += row->round_trips;
		batches += row->batches[PCP_REFILL] + row->batches[PCP_DRAIN];
		if (!worst || row->turnover > worst->turnover)
			worst = row;
	}
	if (!worst)
		return;
	finding = kma_report_finding(
		t->report, "pcp.thrash", KMA_WARN, advice,
		"The lists of %" PRIu32 " CPU%s are too small for the load: CPU %" PRIu32 " took "
		"%s pages from the zone and gave %s back, though its balance never "
		"moved by more than %s pages: the same room was filled and emptied %.1f "
		"times. Lists deeper by about %s pages per CPU would save some %.0f %% of "
		"these moves and of their %s batches, each of which holds zone->lock.",
		nr, nr == 1 ? "" : "s", worst->id,
		kma_words_count(t->report, worst->cpu->pages[PCP_REFILL]),
		kma_words_count(t->report, worst->cpu->pages[PCP_DRAIN]),
		kma_words_count(t->report, worst->swing), worst->turnover,
		kma_words_count(t->report, swing / nr), percent(round_trips - swing, round_trips),
		kma_words_count(t->report, batches));
	kma_report_proof(t->report, finding, PCP_METRIC(PCP_TURNOVER), pcp_cpu_label(worst->id));
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++)
		kma_report_proof(t->report, finding, PCP_METRIC(PCP_REFILL_PAGES + d),
				 pcp_cpu_label(worst->id));
	kma_report_proof(t->report, finding, PCP_METRIC(PCP_SWING_PAGES), pcp_cpu_label(worst->id));
	if (!isnan(worst->correlation))
		kma_report_proof(t->report, finding, PCP_METRIC(PCP_CORRELATION),
				 pcp_flow_label(worst->id, worst->id));
}

static void find_tiny_batches(struct pcp_telling *t, enum pcp_direction dir)
{
	static const char advice[] =
		"Each batch takes zone->lock and disables interrupts for a handful of pages. "
		"'pagesets' in /proc/zoneinfo shows batch and high: if high is below batch the "
		"lists are switched off (memory offlining and the handling of bad pages do that "
		"while they run); otherwise lists hover at their limit: set "
		"vm.percpu_pagelist_high_fraction to 0 or to a smaller number. batch itself "
		"follows the size of the zone.";
	static const char *const ids[] = { "pcp.tiny_refill_batches", "pcp.tiny_drain_batches" };
	const struct kma_histogram *h = &t->batch_pages[dir];
	size_t finding;

	if (!t->have[dir] || h->count < MIN_FINDING_BATCHES ||
	    h->sum >= TINY_BATCH_PAGES * h->count)
		return;
	finding = kma_report_finding(
		t->report, ids[dir], KMA_WARN, advice,
		"%s %s batches moved only %.1f pages each on average: the cost of taking "
		"zone->lock is spread over too few pages.",
		kma_words_count(t->report, h->count), direction_names[dir],
		(double)h->sum / (double)h->count);
	kma_report_proof(t->report, finding, PCP_METRIC(PCP_REFILL_BATCH_PAGES + dir),
			 kma_no_labels());
	kma_report_proof(t->report, finding, PCP_METRIC(PCP_REFILL_BATCHES + dir), kma_no_labels());
}

void pcp_tell_findings(struct pcp_telling *t)
{
	if (t->have_both) {
		find_thrash(t);
		find_flow(t);
		find_imbalance(t);
	}
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++)
		find_tiny_batches(t, d);
}
