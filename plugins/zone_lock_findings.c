/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the zone_lock numbers point at, when they do: problems, how sure, and what to do. */
#include <string.h>

#include "words.h"
#include "zone_lock_internal.h"

/* Fewer contended acquisitions than this are chance. */
#define MIN_CONTENDED 10
/* A lock that one in a hundred has to wait for is contended; one in twenty is a problem. */
#define CONTENDED_RATIO	      0.01
#define BADLY_CONTENDED_RATIO 0.05
/* Interrupts off for so long shows as latency elsewhere. */
#define LONG_IRQS_OFF_NS 1000000
/* More than half is "dominates"; the fit has to explain half of what it is used for, from enough
 * sections. */
#define DOMINANT	 0.5
#define MIN_FIT_R2	 0.5
#define MIN_FIT_SECTIONS 30
/* A share of the hold time that makes one of the two costs the one to work on. */
#define COST_SHARE 0.7
/* Two hand-overs in a row happen by chance; three say that the lock never gets free. */
#define LONG_CONVOY 3

static double ratio(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / whole : 0;
}

static const char *zone_name(const struct zl_view *view, const struct zl_zone *zone)
{
	return kma_string(view->state->trace->strings, zone->name);
}

static void prove(struct kma_report *report, size_t finding, enum zl_metric metric,
		  const struct zl_row *row)
{
	kma_report_proof(report, finding, &zl_metrics[metric], row->labels);
}

static void contended_zone(const struct zl_view *view, const struct zl_row *row,
			   struct kma_report *report)
{
	const struct zl_group *group = row->group;
	double share = ratio(group->contended, group->acquisitions);
	double hidden = ratio(group->wait.sum - row->blamed_ns, group->wait.sum);
	const char *advice;
	size_t id;

	if (group->contended < MIN_CONTENDED || share < CONTENDED_RATIO)
		return;
	if (view->blamed.code != KMA_UNAVAILABLE && hidden > DOMINANT)
		advice = "Most of the wait has no visible holder: something holds the lock without "
			 "records. Look for "
			 "compaction, page isolation (CMA, hotplug), and readers of "
			 "/proc/pagetypeinfo or /proc/zoneinfo, "
			 "for example with: perf record -g -e kmem:mm_zone_lock_contended -a, and "
			 "a profile of the other "
			 "CPUs.";
	else
		advice = "See who waited for whom below. Fewer, larger batches "
			 "(vm.percpu_pagelist_high_fraction) take "
			 "the lock less often; spreading the work over nodes divides it.";
	id = kma_report_finding(report, "zone_lock.contended",
				share < BADLY_CONTENDED_RATIO ? KMA_INFO : KMA_WARN, advice,
				"Zone %s of node %d is contended: %s of %s acquisitions (%.1f %%) "
				"had to wait, %s in all, "
				"the longest %s.",
				zone_name(view, row->zone), row->zone->node_id,
				kma_words_count(report, group->contended),
				kma_words_count(report, group->acquisitions), 100 * share,
				kma_words_time(report, group->wait.sum),
				kma_words_time(report, group->wait.max));
	prove(report, id, ZL_CONTENDED_RATIO, row);
	prove(report, id, ZL_WAIT, row);
	if (view->blamed.code != KMA_UNAVAILABLE)
		prove(report, id, ZL_UNATTRIBUTED, row);
}

/* Traces of contended acquisitions only: counts are all there is. */
static void contended_only(const struct zl_view *view, struct kma_report *report)
{
	const struct zl_row *worst = NULL;
	size_t id;

	for (uint32_t i = 0; i < view->state->nr_zones; i++) {
		const struct zl_row *row = &view->zones[i];

		if (row->group &&
		    (!worst || row->group->contended_records > worst->group->contended_records))
			worst = row;
	}
	if (!worst || worst->group->contended_records < MIN_CONTENDED)
		return;
	id = kma_report_finding(
		report, "zone_lock.contended_count", KMA_INFO,
		"To see how long and for whom, record kmem:mm_zone_locked and "
		"kmem:mm_zone_lock_unlock too.",
		"Zone %s of node %d was contended %s times in %s; how many acquisitions there "
		"were, and "
		"how long they waited, was not recorded.",
		zone_name(view, worst->zone), worst->zone->node_id,
		kma_words_count(report, worst->group->contended_records),
		kma_words_time(report, view->span_ns));
	prove(report, id, ZL_CONTENDED, worst);
}

static void long_irqs_off(const struct zl_view *view, struct kma_report *report)
{
	const struct kma_histogram *all = &view->total.group->irqs_off;
	const struct zl_row *worst = NULL;
	bool waited;
	size_t id;

	if (view->pairs.code == KMA_UNAVAILABLE || !all->count || all->max < LONG_IRQS_OFF_NS)
		return;
	for (uint32_t i = 0; i < view->state->nr_callers; i++) {
		const struct zl_row *row = &view->callers[i];

		if (row->group && row->group->irqs_off.count &&
		    (!worst || row->group->irqs_off.max > worst->group->irqs_off.max))
			worst = row;
	}
	if (!worst)
		return;
	waited = worst->group->hold.max < all->max / 2;
	id = kma_report_finding(
		report, "zone_lock.long_irqs_off",
		kma_histogram_percentile(all, 0.99) >= LONG_IRQS_OFF_NS ? KMA_WARN : KMA_INFO,
		waited ? "The time went into waiting for the lock, not into holding it: see who "
			 "waited for whom."
		       : "On a virtual machine a preempted vCPU looks the same: compare with steal "
			 "time. Otherwise look at "
			 "what these sections move (pages, below): smaller batches bound them, and "
			 "vm.percpu_pagelist_high_fraction limits how much is moved at once.",
		"Interrupts were off for up to %s around the lock (99 %% of the sections: up to "
		"%s), longest in " KMA_PRI_SYM "%s.",
		kma_words_time(report, all->max),
		kma_words_time(report, kma_histogram_percentile(all, 0.99)),
		worst->labels.label[0].value.address,
		waited ? ", waiting for it most of that time" : "");
	prove(report, id, ZL_IRQS_OFF, &view->total);
	prove(report, id, ZL_IRQS_OFF, worst);
}

static void dominant_caller(const struct zl_view *view, struct kma_report *report)
{
	uint64_t all = view->total.group->hold.sum;
	unsigned int callers = 0;
	const struct zl_row *top = NULL;
	size_t id;

	if (view->pairs.code == KMA_UNAVAILABLE)
		return;
	for (uint32_t i = 1; i < view->state->nr_callers; i++) {
		const struct zl_row *row = &view->callers[i];

		if (!row->group)
			continue;
		callers++;
		if (!top || row->group->hold.sum > top->group->hold.sum)
			top = row;
	}
	if (callers < 2 || ratio(top->group->hold.sum, all) <= DOMINANT ||
	    view->total.group->contended < MIN_CONTENDED)
		return;
	id = kma_report_finding(
		report, "zone_lock.dominant_caller", KMA_INFO, "To shorten waits, begin there.",
		KMA_PRI_SYM
		" accounts for %.0f %% of the time that the lock was held, with %.0f %% of the "
		"acquisitions.",
		top->labels.label[0].value.address, 100 * ratio(top->group->hold.sum, all),
		100 * ratio(top->group->acquisitions, view->total.group->acquisitions));
	prove(report, id, ZL_HOLD, top);
}

/* Is it the pages of a batch, or the number of batches, that costs? Only worth a word when somebody
 * waits. */
static void batch_cost(const struct zl_view *view, const struct zl_row *row,
		       struct kma_report *report)
{
	const struct zl_cost *cost = &row->cost;
	double per_page, fixed;
	struct zl_fit fit;
	size_t id;

	if (cost->sections < MIN_FIT_SECTIONS || !zl_fit(cost, &fit) || fit.r2 < MIN_FIT_R2 ||
	    ratio(row->group->hold.sum, view->total.group->hold.sum) < 1 - COST_SHARE)
		return;
	per_page = fit.per_page_ns * cost->pages / cost->hold_ns;
	fixed = fit.fixed_ns * cost->sections / cost->hold_ns;
	if (per_page > COST_SHARE)
		id = kma_report_finding(
			report, "zone_lock.batch_too_large", KMA_INFO,
			"Smaller batches would shorten each hold (and each wait) without much more "
			"work "
			"in all.",
			"In " KMA_PRI_SYM
			", %.0f %% of the hold time goes with the pages (%s each, %.0f "
			"pages a section): the batch is what makes holds long.",
			row->labels.label[0].value.address, 100 * per_page,
			kma_words_time(report, fit.per_page_ns),
			ratio(cost->pages, cost->sections));
	else if (fixed > COST_SHARE)
		id = kma_report_finding(
			report, "zone_lock.too_many_takers", KMA_INFO,
			"Larger batches would take the lock less often: raise the per-CPU lists "
			"(vm.percpu_pagelist_high_fraction).",
			"In " KMA_PRI_SYM
			", %.0f %% of the hold time is the fixed cost of taking the lock "
			"(%s each of %s times), not the pages moved.",
			row->labels.label[0].value.address, 100 * fixed,
			kma_words_time(report, fit.fixed_ns),
			kma_words_count(report, cost->sections));
	else
		return;
	prove(report, id, ZL_FIT_FIXED, row);
	prove(report, id, ZL_FIT_PER_PAGE, row);
}

static void convoy(const struct zl_view *view, const struct zl_row *row, struct kma_report *report)
{
	size_t id;

	if (view->blamed.code == KMA_UNAVAILABLE || row->zone->longest_convoy < LONG_CONVOY)
		return;
	id = kma_report_finding(report, "zone_lock.convoy", KMA_WARN,
				"The lock is handed from waiter to waiter and never gets free: "
				"throughput is that of one "
				"CPU. Divide the load over nodes, or make CPUs need the lock less "
				"often (larger per-CPU "
				"lists).",
				"Waiters for the lock of zone %s of node %d form convoys (%s "
				"seen): in the longest, %u "
				"acquisitions in a row had waited since before the one before them "
				"let go; up to %u CPUs "
				"queued.",
				zone_name(view, row->zone), row->zone->node_id,
				kma_words_count(report, row->zone->convoys),
				row->zone->longest_convoy, row->zone->max_waiters);
	prove(report, id, ZL_CONVOYS, row);
	prove(report, id, ZL_CONVOY_LENGTH, row);
}

void zl_findings(const struct zl_view *view, struct kma_report *report)
{
	const struct kma_state *state = view->state;

	if (state->alternative)
		return;
	if (!view->summary->records[KMA_ZONE_LOCKED]) {
		contended_only(view, report);
		return;
	}
	for (uint32_t i = 0; i < state->nr_zones; i++) {
		if (!view->zones[i].group)
			continue;
		contended_zone(view, &view->zones[i], report);
		convoy(view, &view->zones[i], report);
	}
	long_irqs_off(view, report);
	dominant_caller(view, report);
	if (view->pairs.code == KMA_UNAVAILABLE || view->pages.code == KMA_UNAVAILABLE ||
	    view->total.group->contended < MIN_CONTENDED)
		return;
	for (uint32_t i = 1; i < state->nr_callers; i++)
		if (view->callers[i].group)
			batch_cost(view, &view->callers[i], report);
}
