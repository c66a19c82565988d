/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The zone_lock report: statuses and metrics. Definitions: docs/reports.md. */
#include <stdlib.h>

#include "words.h"
#include "zone_lock_internal.h"

#define SPLITS "node,zone caller cpu"
#define ABSENT                                                              \
	"kmem:mm_zone_locked is not in the trace: the kernel lacks it, or " \
	"it was not recorded"

const struct kma_metric_def zl_metrics[] = {
	[ZL_ACQUISITIONS] = { "zone_lock.acquisitions_total", KMA_COUNTER, KMA_UNIT_COUNT,
			      KMA_BETTER_NONE, SPLITS, "lock acquisitions" },
	[ZL_CONTENDED] = { "zone_lock.contended_total", KMA_COUNTER, KMA_UNIT_COUNT,
			   KMA_BETTER_LOWER, SPLITS, "contended acquisitions" },
	[ZL_CONTENDED_RATIO] = { "zone_lock.contended_ratio", KMA_GAUGE, KMA_UNIT_RATIO,
				 KMA_BETTER_LOWER, SPLITS, "share contended" },
	[ZL_WAIT] = { "zone_lock.wait_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_LOWER, SPLITS,
		      "wait for the lock" },
	[ZL_HOLD] = { "zone_lock.hold_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_LOWER, SPLITS,
		      "lock held" },
	[ZL_IRQS_OFF] = { "zone_lock.irqs_off_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_LOWER,
			  SPLITS, "interrupts off (wait + hold)" },
	[ZL_PAGES] = { "zone_lock.pages_total", KMA_COUNTER, KMA_UNIT_PAGES, KMA_BETTER_NONE,
		       SPLITS, "pages moved under the lock" },
	[ZL_HOLD_PER_PAGE] = { "zone_lock.hold_ns_per_page", KMA_GAUGE, KMA_UNIT_NS_PER_PAGE,
			       KMA_BETTER_LOWER, SPLITS, "hold per page moved" },
	[ZL_FIT_FIXED] = { "zone_lock.fit_fixed_ns", KMA_GAUGE, KMA_UNIT_NS, KMA_BETTER_LOWER,
			   "caller", "fixed cost of a section (fit)" },
	[ZL_FIT_PER_PAGE] = { "zone_lock.fit_ns_per_page", KMA_GAUGE, KMA_UNIT_NS_PER_PAGE,
			      KMA_BETTER_LOWER, "caller", "cost per page (fit)" },
	[ZL_FIT_R2] = { "zone_lock.fit_r2", KMA_GAUGE, KMA_UNIT_RATIO, KMA_BETTER_NONE, "caller",
			"share of the variance that the fit explains" },
	[ZL_UTILIZATION] = { "zone_lock.utilization_ratio", KMA_GAUGE, KMA_UNIT_RATIO,
			     KMA_BETTER_LOWER, "node,zone", "share of the time held" },
	[ZL_UNPAIRED_UNLOCKS] = { "zone_lock.unpaired_unlocks_total", KMA_COUNTER, KMA_UNIT_COUNT,
				  KMA_BETTER_NONE, SPLITS, "unlocks without a lock seen" },
	[ZL_UNPAIRED_LOCKS] = { "zone_lock.unpaired_locks_total", KMA_COUNTER, KMA_UNIT_COUNT,
				KMA_BETTER_LOWER, SPLITS, "locks without an unlock seen" },
	[ZL_BLAMED] = { "zone_lock.blamed_wait_ns_total", KMA_COUNTER, KMA_UNIT_NS,
			KMA_BETTER_LOWER, "node,zone waiter,holder", "wait with a visible holder" },
	[ZL_UNATTRIBUTED] = { "zone_lock.unattributed_wait_ns_total", KMA_COUNTER, KMA_UNIT_NS,
			      KMA_BETTER_LOWER, SPLITS, "wait with no visible holder" },
	[ZL_MAX_WAITERS] = { "zone_lock.max_waiters", KMA_GAUGE, KMA_UNIT_COUNT, KMA_BETTER_LOWER,
			     "node,zone", "most CPUs waiting at once" },
	[ZL_CONVOYS] = { "zone_lock.convoys_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER,
			 "node,zone", "convoys" },
	[ZL_CONVOY_LENGTH] = { "zone_lock.convoy_max_length", KMA_GAUGE, KMA_UNIT_COUNT,
			       KMA_BETTER_LOWER, "node,zone", "longest convoy" },
	[ZL_NR_METRICS] = { 0 },
};

bool zl_fit(const struct zl_cost *cost, struct zl_fit *fit)
{
	double n = cost->sections, x = cost->pages, y = cost->hold_ns;
	double sxx = n * cost->xx - x * x, sxy = n * cost->xy - x * y, syy = n * cost->yy - y * y;

	/* all pages alike give 0 but for rounding */
	if (cost->sections < 2 || sxx <= 1e-9 * n * cost->xx)
		return false;
	fit->per_page_ns = sxy / sxx;
	fit->fixed_ns = (y - fit->per_page_ns * x) / n;
	fit->r2 = syy > 0 ? sxy * sxy / (sxx * syy) : 1;
	return true;
}

static void add_costs(struct zl_cost *to, const struct zl_cost *from)
{
	to->sections += from->sections;
	to->pages += from->pages;
	to->hold_ns += from->hold_ns;
	to->xx += from->xx;
	to->xy += from->xy;
	to->yy += from->yy;
}

static int add_group(struct zl_group *to, const struct zl_group *from)
{
	to->acquisitions += from->acquisitions;
	to->contended += from->contended;
	to->contended_records += from->contended_records;
	to->unpaired_unlocks += from->unpaired_unlocks;
	to->unpaired_locks += from->unpaired_locks;
	to->blamed_ns += from->blamed_ns;
	add_costs(&to->cost, &from->cost);
	add_costs(&to->unclear, &from->unclear);
	return kma_histogram_merge(&to->wait, &from->wait) ||
			       kma_histogram_merge(&to->hold, &from->hold) ||
			       kma_histogram_merge(&to->irqs_off, &from->irqs_off)
		       ? -1
		       : 0;
}

static void fill_row(const struct zl_view *view, struct zl_row *row, const struct zl_group *group)
{
	if (!group->acquisitions && !group->contended_records && !group->unpaired_unlocks)
		return;
	row->group = group;
	row->unpaired_locks = group->unpaired_locks;
	row->blamed_ns = group->blamed_ns;
	row->cost = group->cost;
	/* where drains are recorded, a section without one did not drain: it was a refill that got
	 * nothing */
	if (!view->summary->records[KMA_PCPU_DRAIN])
		add_costs(&row->cost, &group->unclear);
}

/* What is open when the report is made: no unlock yet, and its wait not settled yet. */
static int add_open(struct zl_view *view)
{
	const struct kma_state *state = view->state;

	for (uint32_t c = 0; c < state->nr_cpus; c++) {
		for (uint32_t z = 0; state->cpus[c].nr_open && z < state->cpus[c].max_open; z++) {
			const struct zl_open *open = &state->cpus[c].open[z];
			struct zl_row *rows[] = { &view->total, &view->zones[z],
						  &view->callers[open->caller], &view->cpus[c] };
			uint64_t blamed = 0;

			if (!open->active)
				continue;
			if (open->contended && state->trace->clock != KMA_CLOCK_TICKS &&
			    zl_blame(&state->zones[z], open, c, &view->blame, &blamed) < 0)
				return -1;
			for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
				rows[i]->unpaired_locks++;
				rows[i]->blamed_ns += blamed;
			}
		}
	}
	return 0;
}

static int copy_map(struct kma_u64map *to, const struct kma_u64map *from)
{
	for (size_t i = 0; from->entries && i < (size_t)1 << from->bits; i++)
		if (from->entries[i].key != KMA_U64MAP_FREE &&
		    kma_u64map_put(to, from->entries[i].key, from->entries[i].value, NULL) < 0)
			return -1;
	return 0;
}

static struct kma_status status(enum kma_status_code code, const char *reason)
{
	return (struct kma_status){ code, reason };
}

static const struct kma_status exact = { KMA_EXACT, NULL };

static void judge(struct zl_view *view, struct kma_report *report)
{
	const struct kma_state *state = view->state;
	const struct kma_summary *summary = view->summary;
	enum kma_clock clock = state->trace->clock;
	bool no_unlock = !summary->records[state->alternative ? KMA_ZONE_LOCK_RELEASED
							      : KMA_ZONE_LOCK_UNLOCK];
	bool no_lock = !summary->records[state->alternative ? KMA_ZONE_LOCK_ACQUIRE_RETURNED
							    : KMA_ZONE_LOCKED];
	const char *lost = NULL;

	if (summary->lost)
		lost = kma_report_printf(report, "%s records were lost while recording",
					 kma_words_count(report, summary->lost));
	else if (summary->truncated)
		lost = "part of the trace is missing";
	else if (state->dropped_events)
		lost = "the trace names more zones than are kept apart";
	view->records_pair = !no_unlock && !no_lock;
	view->counts = lost ? status(KMA_LOWER_BOUND, lost) : exact;
	view->waits = lost ? status(KMA_APPROXIMATE, lost) : exact;
	if (no_lock)
		view->waits = status(
			KMA_UNAVAILABLE,
			state->alternative
				? "no zone_lock:zone_lock_acquire_returned record in the trace"
				: "no kmem:mm_zone_locked record in the trace: it was not "
				  "recorded, or did not happen");
	else if (state->alternative && !summary->records[KMA_ZONE_LOCK_START_LOCKING])
		view->waits = status(KMA_UNAVAILABLE,
				     "no zone_lock:zone_lock_start_locking record in the trace");
	else if (state->alternative && clock == KMA_CLOCK_TICKS)
		view->waits = status(KMA_UNAVAILABLE,
				     "the trace's clock does not count nanoseconds");
	else if (state->alternative)
		view->waits = status(KMA_APPROXIMATE,
				     "the time to take the lock, of uncontended acquisitions too");

	view->pairs = lost ? status(KMA_APPROXIMATE, lost) : exact;
	if (no_unlock || no_lock)
		view->pairs =
			no_lock ? status(KMA_UNAVAILABLE,
					 "no record of a lock being taken in the trace")
				: status(KMA_UNAVAILABLE,
					 state->alternative
						 ? "no zone_lock:zone_lock_released record in the "
						   "trace"
						 : "no kmem:mm_zone_lock_unlock record in the "
						   "trace");
	else if (clock == KMA_CLOCK_TICKS)
		view->pairs = status(KMA_UNAVAILABLE,
				     "the trace's clock does not count nanoseconds");
	else if (!lost && state->trace->filtered)
		view->pairs = status(KMA_APPROXIMATE,
				     "CPUs or a time range were picked: sections may be cut");
	else if (!lost && state->trace->coarse)
		view->pairs = status(KMA_APPROXIMATE, state->trace->coarse);

	view->pages = lost ? status(KMA_LOWER_BOUND, lost) : exact;
	if (state->alternative)
		view->pages = status(KMA_UNAVAILABLE, "zone_lock:* events do not count pages");
	else if (no_unlock || no_lock)
		view->pages = view->pairs;
	else if (state->sections[ZL_MOVED].sections && !summary->records[KMA_PCPU_REFILL])
		view->pages = status(
			KMA_APPROXIMATE,
			"without mm_page_pcpu_refill records, a block of any order counts as "
			"one page");
	else if (state->sections[ZL_UNCLEAR].pages && !summary->records[KMA_PCPU_DRAIN])
		view->pages =
			status(KMA_APPROXIMATE,
			       "without mm_page_pcpu_drain records, a section that moved nothing "
			       "counts as a drain");

	view->blamed = view->pairs;
	if (state->alternative)
		view->blamed = status(KMA_UNAVAILABLE, "zone_lock:* events do not name callers");
	else if (view->blamed.code != KMA_UNAVAILABLE)
		view->blamed = status(KMA_APPROXIMATE,
				      clock == KMA_CLOCK_LOCAL
					      ? "waits are timed by another clock than the trace, "
						"whose own clock differs "
						"between CPUs"
					      : "waits are timed by another clock than the trace");
	view->queue = view->blamed;
	/* the queue needs waits only */
	if (view->queue.code == KMA_UNAVAILABLE && !state->alternative && !no_lock &&
	    clock != KMA_CLOCK_TICKS)
		view->queue = status(KMA_APPROXIMATE,
				     "waits are timed by another clock than the trace");
}

static int build(struct zl_view *view, struct kma_report *report)
{
	const struct kma_state *state = view->state;

	view->zones = calloc(state->nr_zones + 1, sizeof(*view->zones));
	view->callers = calloc(state->nr_callers + 1, sizeof(*view->callers));
	view->cpus = calloc(state->nr_cpus + 1, sizeof(*view->cpus));
	if (!view->zones || !view->callers || !view->cpus ||
	    copy_map(&view->blame, &state->blame) < 0)
		return -1;
	for (uint32_t i = 0; i < state->nr_zones; i++) {
		const struct zl_zone *zone = &state->zones[i];

		if (add_group(&view->total_group, &zone->group) < 0)
			return -1;
		fill_row(view, &view->zones[i], &zone->group);
		view->zones[i].zone = zone;
		view->zones[i].labels =
			kma_label2("node", kma_int(zone->node_id), "zone",
				   kma_text(kma_string(state->trace->strings, zone->name)));
	}
	for (uint32_t i = 0; i < state->nr_callers; i++) {
		fill_row(view, &view->callers[i], &state->callers[i].group);
		view->callers[i].labels = kma_label1(
			"caller", i ? kma_address(state->callers[i].address) : kma_text("other"));
	}
	for (uint32_t i = 0; i < state->nr_cpus; i++) {
		fill_row(view, &view->cpus[i], &state->cpus[i].group);
		view->cpus[i].labels = kma_label1("cpu", kma_int(i));
	}
	fill_row(view, &view->total, &view->total_group);
	view->total.group = &view->total_group;
	view->span_ns = view->summary->last_ts - view->summary->first_ts;
	if (add_open(view) < 0)
		return -1;
	judge(view, report);
	return 0;
}

/* A value, or why there is none. */
static void put(struct kma_report *report, enum zl_metric metric, const struct zl_row *row,
		struct kma_status st, struct kma_value value)
{
	if (st.code == KMA_UNAVAILABLE)
		kma_report_unavailable(report, &zl_metrics[metric], row->labels, st.reason);
	else
		kma_report_value(report, &zl_metrics[metric], row->labels, st, value);
}

static void put_dist(struct kma_report *report, enum zl_metric metric, const struct zl_row *row,
		     struct kma_status st, const struct kma_histogram *histogram)
{
	if (st.code == KMA_UNAVAILABLE)
		kma_report_unavailable(report, &zl_metrics[metric], row->labels, st.reason);
	else
		kma_report_dist(report, &zl_metrics[metric], row->labels, st, histogram);
}

/* A ratio is as good as its parts, but never a bound. */
static struct kma_status ratio_status(struct kma_status st)
{
	return st.code == KMA_LOWER_BOUND ? status(KMA_APPROXIMATE, st.reason) : st;
}

static void put_contention(const struct zl_view *view, const struct zl_row *row,
			   struct kma_report *report)
{
	const struct kma_state *state = view->state;
	const struct zl_group *group = row->group;
	bool locked = view->summary->records[KMA_ZONE_LOCKED];
	struct kma_status st = view->counts;

	if (state->alternative)
		st = status(KMA_UNAVAILABLE, "zone_lock:* events do not tell contention");
	else if (!locked && !view->summary->records[KMA_ZONE_LOCK_CONTENDED])
		st = status(
			KMA_UNAVAILABLE,
			"neither mm_zone_locked nor mm_zone_lock_contended records in the trace");
	put(report, ZL_CONTENDED, row, st,
	    kma_int(locked ? group->contended : group->contended_records));
	if (!locked && !state->alternative)
		st = status(KMA_UNAVAILABLE, "no kmem:mm_zone_locked record in the trace: it was "
					     "not recorded, or did not "
					     "happen");
	else if (!group->acquisitions && st.code != KMA_UNAVAILABLE)
		return;
	put(report, ZL_CONTENDED_RATIO, row, ratio_status(st),
	    kma_real(group->acquisitions ? (double)group->contended / group->acquisitions : 0));
}

static void put_row(const struct zl_view *view, const struct zl_row *row, struct kma_report *report)
{
	const struct kma_state *state = view->state;
	const struct zl_group *group = row->group;
	uint64_t wait = group->wait.sum;
	struct kma_status acquisitions = view->counts, unpaired = view->counts,
			  per_page = view->pages;

	if (!view->summary->records[state->alternative ? KMA_ZONE_LOCK_ACQUIRE_RETURNED
						       : KMA_ZONE_LOCKED])
		acquisitions = view->waits;
	put(report, ZL_ACQUISITIONS, row, acquisitions, kma_int(group->acquisitions));
	put_contention(view, row, report);
	put_dist(report, ZL_WAIT, row, view->waits, &group->wait);
	put_dist(report, ZL_HOLD, row, view->pairs, &group->hold);
	/* without the waits, the holds alone would pass for it */
	put_dist(report, ZL_IRQS_OFF, row,
		 view->waits.code == KMA_UNAVAILABLE ? view->waits : view->pairs, &group->irqs_off);
	put(report, ZL_PAGES, row, view->pages, kma_int(row->cost.pages));
	if (view->pairs.code == KMA_UNAVAILABLE)
		per_page = view->pairs;
	if (per_page.code == KMA_UNAVAILABLE)
		put(report, ZL_HOLD_PER_PAGE, row, per_page, kma_none());
	else if (row->cost.pages)
		put(report, ZL_HOLD_PER_PAGE, row, ratio_status(per_page),
		    kma_real((double)row->cost.hold_ns / row->cost.pages));
	if (!view->records_pair)
		unpaired = view->pairs;
	else if (unpaired.code == KMA_LOWER_BOUND)
		unpaired = status(KMA_APPROXIMATE,
				  unpaired.reason); /* losses leave halves behind */
	else if (state->trace->filtered)
		unpaired = status(KMA_APPROXIMATE,
				  "CPUs or a time range were picked: sections may be cut");
	put(report, ZL_UNPAIRED_UNLOCKS, row, unpaired, kma_int(group->unpaired_unlocks));
	put(report, ZL_UNPAIRED_LOCKS, row, unpaired, kma_int(row->unpaired_locks));
	put(report, ZL_UNATTRIBUTED, row, view->blamed, kma_int(wait - row->blamed_ns));
}

static void put_zone(const struct zl_view *view, const struct zl_row *row,
		     struct kma_report *report)
{
	const struct zl_zone *zone = row->zone;
	struct kma_status st = ratio_status(view->pairs);

	if (!view->span_ns && st.code != KMA_UNAVAILABLE)
		st = status(KMA_UNAVAILABLE, "the trace spans no time");
	put(report, ZL_UTILIZATION, row, st,
	    kma_real(view->span_ns ? (double)row->group->hold.sum / view->span_ns : 0));
	put(report, ZL_BLAMED, row, view->blamed, kma_int(row->blamed_ns));
	put(report, ZL_MAX_WAITERS, row, view->queue, kma_int(zone->max_waiters));
	put(report, ZL_CONVOYS, row, view->blamed, kma_int(zone->convoys));
	put(report, ZL_CONVOY_LENGTH, row, view->blamed, kma_int(zone->longest_convoy));
}

static void put_fits(const struct zl_view *view, struct kma_report *report)
{
	struct kma_status st = view->pairs.code == KMA_UNAVAILABLE ? view->pairs
								   : ratio_status(view->pages);
	bool any = false;

	if (st.code == KMA_EXACT && view->state->trace->coarse)
		st = status(KMA_APPROXIMATE, view->state->trace->coarse);
	for (uint32_t i = 0; st.code != KMA_UNAVAILABLE && i < view->state->nr_callers; i++) {
		const struct zl_row *row = &view->callers[i];
		struct zl_fit fit;

		if (!row->group || !zl_fit(&row->cost, &fit))
			continue;
		any = true;
		put(report, ZL_FIT_FIXED, row, st, kma_real(fit.fixed_ns));
		put(report, ZL_FIT_PER_PAGE, row, st, kma_real(fit.per_page_ns));
		put(report, ZL_FIT_R2, row, st, kma_real(fit.r2));
	}
	for (int metric = ZL_FIT_FIXED; !any && metric <= ZL_FIT_R2; metric++)
		kma_report_unavailable(report, &zl_metrics[metric], kma_no_labels(),
				       st.code == KMA_UNAVAILABLE
					       ? st.reason
					       : "no caller's sections differ in pages");
}

static void put_blame(const struct zl_view *view, struct kma_report *report)
{
	const struct kma_state *state = view->state;
	const struct kma_u64map *blame = &view->blame;

	put(report, ZL_BLAMED, &view->total, view->blamed, kma_int(view->total.blamed_ns));
	if (view->blamed.code == KMA_UNAVAILABLE)
		return;
	for (size_t i = 0; blame->entries && i < (size_t)1 << blame->bits; i++) {
		uint64_t key = blame->entries[i].key;
		struct zl_row row = { 0 };

		if (key == KMA_U64MAP_FREE)
			continue;
		row.labels = kma_label2("waiter", kma_address(state->callers[key >> 32].address),
					"holder",
					kma_address(state->callers[(uint32_t)key].address));
		put(report, ZL_BLAMED, &row, view->blamed, kma_int(blame->entries[i].value));
	}
}

static void put_metrics(const struct zl_view *view, struct kma_report *report)
{
	const struct kma_state *state = view->state;
	static const enum zl_metric per_zone[] = { ZL_UTILIZATION, ZL_MAX_WAITERS, ZL_CONVOYS,
						   ZL_CONVOY_LENGTH };
	bool any_zone = false;

	put_row(view, &view->total, report);
	put_blame(view, report);
	/* zone_lock:* know zones by address only, and no callers */
	for (uint32_t i = 0; !state->alternative && i < state->nr_zones; i++) {
		if (!view->zones[i].group)
			continue;
		any_zone = true;
		put_row(view, &view->zones[i], report);
		put_zone(view, &view->zones[i], report);
	}
	for (size_t i = 0; !any_zone && i < sizeof(per_zone) / sizeof(per_zone[0]); i++)
		kma_report_unavailable(report, &zl_metrics[per_zone[i]], kma_no_labels(),
				       state->alternative ? "zone_lock:* events do not name zones"
							  : "no zone is named in the trace");
	for (uint32_t i = 0; !state->alternative && i < state->nr_callers; i++) {
		if (view->callers[i].group)
			put_row(view, &view->callers[i], report);
	}
	put_fits(view, report);
	for (uint32_t i = 0; i < state->nr_cpus; i++)
		if (view->cpus[i].group)
			put_row(view, &view->cpus[i], report);
}

static bool any_records(const struct kma_summary *summary)
{
	return summary->records[KMA_ZONE_LOCKED] || summary->records[KMA_ZONE_LOCK_CONTENDED] ||
	       summary->records[KMA_ZONE_LOCK_ACQUIRE_RETURNED];
}

static void free_view(struct zl_view *view)
{
	kma_histogram_free(&view->total_group.wait);
	kma_histogram_free(&view->total_group.hold);
	kma_histogram_free(&view->total_group.irqs_off);
	kma_u64map_free(&view->blame);
	free(view->zones);
	free(view->callers);
	free(view->cpus);
}

int zl_report(const struct kma_state *state, const struct kma_summary *summary,
	      struct kma_report *report)
{
	struct zl_view view = { .state = state, .summary = summary };
	int ret = -1;

	if (build(&view, report) == 0) {
		put_metrics(&view, report);
		if (any_records(summary)) {
			zl_tables(&view, report);
			zl_findings(&view, report);
		} else {
			kma_report_status(report, status(KMA_UNAVAILABLE,
							 summary->records[KMA_CONTENTION_BEGIN]
								 ? ABSENT "; " ZL_INSTEAD
								 : ABSENT));
		}
		ret = 0;
	}
	free_view(&view);
	return ret;
}
