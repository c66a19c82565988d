/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The numbers of the cma report, and how far each can be trusted. */
#include <stdlib.h>

#include "cma_internal.h"
#include "trust.h"
#include "words.h"

enum {
	CMA_ALLOCS,
	CMA_FAILS,
	CMA_DELAYED,
	CMA_RETRIES,
	CMA_LATENCY,
	CMA_ISOLATIONS,
	CMA_ISOLATION_FAILS,
	CMA_GIVEN_BACK,
	CMA_REF_EVENTS,
	CMA_MISSED_REFS,
	CMA_HELD,
	CMA_LEAKED_REFS,
	CMA_NR_METRICS,
};

#define METRIC(i) (&cma_metric_defs[i])
#define DEF(suffix, kind_, unit_, better_, labels_, title_)                             \
	{                                                                               \
		.name = "cma." suffix, .kind = kind_, .unit = unit_, .better = better_, \
		.labels = labels_, .title = title_                                      \
	}

const struct kma_metric_def cma_metric_defs[CMA_NR_METRICS + 1] = {
	[CMA_ALLOCS] = DEF("alloc_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE, "area",
			   "CMA allocations"),
	[CMA_FAILS] = DEF("failed_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER, "area",
			  "failed CMA allocations"),
	[CMA_DELAYED] = DEF("delayed_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER, "area",
			    "delayed by a failed attempt"),
	[CMA_RETRIES] = DEF("busy_retry_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER,
			    "area", "busy ranges given up"),
	[CMA_LATENCY] = DEF("alloc_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_LOWER, "area",
			    "CMA allocation, start to finish"),
	[CMA_ISOLATIONS] = DEF("isolation_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE, "",
			       "isolations tested"),
	[CMA_ISOLATION_FAILS] = DEF("isolation_failed_total", KMA_COUNTER, KMA_UNIT_COUNT,
				    KMA_BETTER_LOWER, "", "isolations that failed"),
	[CMA_GIVEN_BACK] = DEF("given_back_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_LOWER, "",
			       "failure until given back"),
	[CMA_REF_EVENTS] = DEF("ref_events_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE, "",
			       "reference operations followed"),
	[CMA_MISSED_REFS] = DEF("missed_refs_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER,
				"", "reference changes not recorded"),
	[CMA_HELD] = DEF("held_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_LOWER, "",
			 "references held"),
	[CMA_LEAKED_REFS] = DEF("leaked_refs_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER,
				"", "references not given back"),
	[CMA_NR_METRICS] = { .name = NULL },
};

const char *cma_area_name(const struct kma_state *state, uint32_t area)
{
	const char *name = area ? kma_string(state->trace->strings, state->areas[area].name)
				: "other";

	return *name ? name : "?";
}

const char *cma_error_name(struct kma_report *report, int32_t errorno)
{
	switch (errorno) {
	case CMA_EINTR:
		return "-EINTR";
	case -12:
		return "-ENOMEM";
	case -16:
		return "-EBUSY";
	case -22:
		return "-EINVAL";
	default:
		return kma_report_printf(report, "error %d", errorno);
	}
}

/* ---- what there is ---- */

static int by_time(const void *a, const void *b)
{
	const struct cma_failure *x = *(const struct cma_failure *const *)a;
	const struct cma_failure *y = *(const struct cma_failure *const *)b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return (x > y) - (x < y); /* they stand in one array, in the order they came */
}

static int by_start(const void *a, const void *b)
{
	const struct cma_alloc *x = *(const struct cma_alloc *const *)a;
	const struct cma_alloc *y = *(const struct cma_alloc *const *)b;

	if (x->start_ts != y->start_ts)
		return x->start_ts < y->start_ts ? -1 : 1;
	return (x > y) - (x < y);
}

static int pick_failures(struct cma_view *view)
{
	const struct kma_state *state = view->state;

	view->failed = calloc(state->nr_failures + 1, sizeof(*view->failed));
	view->delayed = calloc(state->nr_allocs + 1, sizeof(*view->delayed));
	if (!view->failed || !view->delayed)
		return -1;
	for (uint32_t i = 0; i < state->nr_failures; i++)
		if (state->failures[i].alloc == CMA_NOTHING)
			view->failed[view->nr_failed++] = &state->failures[i];
	for (uint32_t i = 0; i < state->nr_allocs; i++) {
		const struct cma_alloc *alloc = &state->allocs[i];

		if (!alloc->nr_failures)
			continue;
		if (alloc->outcome == CMA_FAILED)
			view->failed[view->nr_failed++] = &state->failures[alloc->last_failure];
		else
			view->delayed[view->nr_delayed++] = alloc;
	}
	qsort(view->failed, view->nr_failed, sizeof(*view->failed), by_time);
	qsort(view->delayed, view->nr_delayed, sizeof(*view->delayed), by_start);
	return 0;
}

static bool any_record(const struct kma_summary *summary, enum kma_kind first, enum kma_kind last)
{
	for (int kind = first; kind <= (int)last; kind++)
		if (summary->records[kind])
			return true;
	return false;
}

static void judge_trust(struct cma_view *view)
{
	const struct kma_state *state = view->state;
	struct kma_report *report = view->report;

	if (view->summary->lost)
		kma_weaken(report, &view->counted, KMA_LOWER_BOUND,
			   kma_report_printf(report, "at least %s records were lost",
					     kma_words_count(report, view->summary->lost)));
	if (state->forgotten)
		kma_weaken(report, &view->counted, KMA_LOWER_BOUND,
			   kma_report_printf(report, "%s failures were too many to keep each",
					     kma_words_count(report, state->forgotten)));
	view->followed = view->counted;
	if (view->has_refs)
		kma_weaken(report, &view->followed, KMA_APPROXIMATE,
			   "the kernel does not record which reference is given back: it is "
			   "matched by task, mapping and call site");
	if (state->missed)
		kma_weaken(report, &view->followed, KMA_APPROXIMATE,
			   kma_report_printf(report, "%s references came or went without a record",
					     kma_words_count(report, state->missed)));
	if (state->not_followed)
		kma_weaken(report, &view->followed, KMA_APPROXIMATE,
			   kma_report_printf(report,
					     "%s operations on pages beyond the %u that "
					     "can be followed at a time",
					     kma_words_count(report, state->not_followed),
					     PAGEREF_MAX_PAGES));
	if (state->not_scanned || state->holdings_dropped)
		kma_weaken(report, &view->followed, KMA_LOWER_BOUND,
			   "so many isolations failed that not all pages of their ranges were "
			   "looked at");
}

/* ---- metrics ---- */

static void allocation_metrics(struct cma_view *view)
{
	static const int counters[] = { CMA_ALLOCS, CMA_FAILS, CMA_DELAYED, CMA_RETRIES };
	const struct kma_state *state = view->state;
	struct kma_report *report = view->report;
	const char *no_finish = kma_no_record(report, state->trace, KMA_CMA_ALLOC_FINISH);
	const char *no_retry = view->summary->records[KMA_CMA_ALLOC_BUSY_RETRY]
				       ? NULL
				       : kma_no_record(report, state->trace,
						       KMA_CMA_ALLOC_BUSY_RETRY);
	uint64_t sums[4] = { 0 };

	for (uint32_t a = 0; a < state->nr_areas; a++) {
		const struct cma_area *area = &state->areas[a];
		const uint64_t values[] = { area->allocs, area->failed, area->delayed,
					    area->retries };
		struct kma_labels labels = kma_label1("area", kma_text(cma_area_name(state, a)));

		for (int i = 0; i < 4; i++) {
			sums[i] += values[i];
			if (area->allocs && (i < 3 || !no_retry))
				kma_report_value(report, METRIC(counters[i]), labels, view->counted,
						 kma_int((int64_t)values[i]));
		}
	}
	for (int i = 0; i < 4; i++) {
		const char *reason = i == 3 ? no_retry : view->has_cma ? NULL : no_finish;

		if (reason)
			kma_report_unavailable(report, METRIC(counters[i]), kma_no_labels(),
					       reason);
		else
			kma_report_value(report, METRIC(counters[i]), kma_no_labels(),
					 view->counted, kma_int((int64_t)sums[i]));
	}
}

static int latency_metrics(struct cma_view *view)
{
	const struct kma_state *state = view->state;
	struct kma_report *report = view->report;
	struct kma_status status = view->counted;
	struct kma_histogram all = { 0 };
	int ret = 0;

	if (view->ticks || !view->summary->records[KMA_CMA_ALLOC_START]) {
		kma_report_unavailable(report, METRIC(CMA_LATENCY), kma_no_labels(),
				       view->ticks ? "the trace's clock does not count nanoseconds"
						   : kma_no_record(report, state->trace,
								   KMA_CMA_ALLOC_START));
		return 0;
	}
	if (state->latency_unknown)
		kma_weaken(report, &status, KMA_LOWER_BOUND,
			   kma_report_printf(report, "of %s allocations the start was not seen",
					     kma_words_count(report, state->latency_unknown)));
	for (uint32_t a = 0; a < state->nr_areas; a++) {
		const struct cma_area *area = &state->areas[a];

		ret |= kma_histogram_merge(&all, &area->latency);
		if (area->latency.count)
			kma_report_dist(report, METRIC(CMA_LATENCY),
					kma_label1("area", kma_text(cma_area_name(state, a))),
					status, &area->latency);
	}
	kma_report_dist(report, METRIC(CMA_LATENCY), kma_no_labels(), status, &all);
	kma_histogram_free(&all);
	return ret;
}

static void isolation_metrics(struct cma_view *view)
{
	const struct kma_state *state = view->state;
	struct kma_report *report = view->report;

	if (!view->has_isolation) {
		const char *reason = kma_no_record(report, state->trace, KMA_TEST_PAGES_ISOLATED);

		kma_report_unavailable(report, METRIC(CMA_ISOLATIONS), kma_no_labels(), reason);
		kma_report_unavailable(report, METRIC(CMA_ISOLATION_FAILS), kma_no_labels(),
				       reason);
		return;
	}
	kma_report_value(report, METRIC(CMA_ISOLATIONS), kma_no_labels(), view->counted,
			 kma_int((int64_t)state->isolations));
	kma_report_value(report, METRIC(CMA_ISOLATION_FAILS), kma_no_labels(), view->counted,
			 kma_int((int64_t)state->isolation_failures));
}

static int find_open(struct cma_view *view)
{
	const struct pagerefs *refs = &view->state->refs;

	view->open = calloc(kma_sites_nr(view->state->stacks), sizeof(*view->open));
	if (!view->open)
		return -1;
	for (uint32_t p = 1; p < refs->nr_pages; p++) {
		const struct pageref_page *page = &refs->pages[p];

		for (uint32_t r = page->frozen ? 0 : page->refs; r;
		     r = pagerefs_get(refs, r)->next) {
			const struct pageref *ref = pagerefs_get(refs, r);
			struct cma_open *open = &view->open[ref->stack];

			if (ref->role != PAGEREF_OTHER || ref->kind == KMA_PAGE_REF_SET ||
			    ref->pid == PAGEREF_NOBODY)
				continue;
			if (!open->nr || ref->ts < open->oldest_ts ||
			    (ref->ts == open->oldest_ts && page->pfn < open->oldest_pfn)) {
				open->oldest_ts = ref->ts;
				open->oldest_pfn = page->pfn;
				open->oldest_pid = ref->pid;
			}
			open->nr += (uint64_t)ref->nr;
		}
	}
	return 0;
}

static uint64_t leaked_refs(const struct cma_view *view)
{
	uint64_t leaked = 0;

	for (uint32_t i = 0; i < kma_sites_nr(view->state->stacks); i++)
		leaked += view->open[i].nr;
	return leaked;
}

static int reference_metrics(struct cma_view *view)
{
	static const int all[] = { CMA_GIVEN_BACK, CMA_REF_EVENTS, CMA_MISSED_REFS, CMA_HELD,
				   CMA_LEAKED_REFS };
	const struct kma_state *state = view->state;
	struct kma_report *report = view->report;
	struct kma_histogram given_back = { 0 };
	struct kma_status leaked = view->followed;
	int ret = 0;

	if (!state->ref_events) {
		const char *reason =
			!view->has_refs ? "no page_ref event was recorded"
			: state->ranges.nr
				? "page_ref events of other pages only were recorded"
				: "no CMA area is known: record cma and page_isolation events "
				  "too, or name the pages with --pfn, or CMA's number with "
				  "--migratetypes";

		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			kma_report_unavailable(report, METRIC(all[i]), kma_no_labels(), reason);
		return 0;
	}
	for (size_t i = 0; i < view->nr_failed; i++) {
		const struct cma_holding *holding = view->blames[i].holding;

		if (holding && holding->put_ts > view->failed[i]->ts)
			ret |= kma_histogram_add(&given_back, holding->put_ts - view->failed[i]->ts,
						 1);
	}
	kma_report_value(report, METRIC(CMA_REF_EVENTS), kma_no_labels(), view->counted,
			 kma_int((int64_t)state->ref_events));
	kma_report_value(report, METRIC(CMA_MISSED_REFS), kma_no_labels(), view->counted,
			 kma_int((int64_t)state->missed));
	kma_weaken(report, &leaked, KMA_APPROXIMATE, "they may be given back after the trace");
	kma_report_value(report, METRIC(CMA_LEAKED_REFS), kma_no_labels(), leaked,
			 kma_int((int64_t)leaked_refs(view)));
	if (view->ticks) {
		const char *reason = "the trace's clock does not count nanoseconds";

		kma_report_unavailable(report, METRIC(CMA_GIVEN_BACK), kma_no_labels(), reason);
		kma_report_unavailable(report, METRIC(CMA_HELD), kma_no_labels(), reason);
	} else {
		kma_report_dist(report, METRIC(CMA_GIVEN_BACK), kma_no_labels(), view->followed,
				&given_back);
		kma_report_dist(report, METRIC(CMA_HELD), kma_no_labels(), view->followed,
				&state->held);
	}
	kma_histogram_free(&given_back);
	return ret;
}

static void name_migratetypes(struct cma_view *view)
{
	const struct kma_state *state = view->state;
	int cma = -1, isolate = -1, nr_quiet = 0, nr_busy = 0;

	for (int mt = 0; mt < CMA_MAX_MT; mt++)
		if (state->mt_quiet[mt]) {
			cma = mt;
			nr_quiet++;
		}
	if (nr_quiet != 1 || state->mt_strange)
		return;
	kma_report_migratetype(view->report, cma, "CMA");
	for (int mt = 0; mt < CMA_MAX_MT; mt++)
		if (state->mt_busy[mt] && mt != cma) {
			isolate = mt;
			nr_busy++;
		}
	if (nr_busy == 1)
		kma_report_migratetype(view->report, isolate, "Isolate");
}

void cma_prove(const struct cma_view *view, size_t finding, enum cma_proof proof)
{
	static const int metrics[][3] = {
		[CMA_PROOF_FAILURE] = { CMA_FAILS, CMA_ISOLATION_FAILS, CMA_GIVEN_BACK },
		[CMA_PROOF_DELAY] = { CMA_DELAYED, CMA_RETRIES, CMA_LATENCY },
		[CMA_PROOF_HELD] = { CMA_LEAKED_REFS, CMA_HELD, CMA_REF_EVENTS },
	};

	for (int i = 0; i < 3; i++)
		if (view->has_cma || metrics[proof][i] != CMA_FAILS)
			kma_report_proof(view->report, finding, METRIC(metrics[proof][i]),
					 kma_no_labels());
}

static int blame_failures(struct cma_view *view)
{
	view->blames = calloc(view->nr_failed + 1, sizeof(*view->blames));
	if (!view->blames)
		return -1;
	for (size_t i = 0; i < view->nr_failed; i++)
		view->blames[i] = cma_blame(view->state, view->names, view->failed[i]);
	return 0;
}

static int tell(struct cma_view *view)
{
	if (pick_failures(view) || blame_failures(view) || find_open(view))
		return -1;
	judge_trust(view);
	allocation_metrics(view);
	isolation_metrics(view);
	if (latency_metrics(view) || reference_metrics(view))
		return -1;
	name_migratetypes(view);
	cma_findings(view);
	cma_tables(view);
	return 0;
}

int cma_report(const struct kma_state *state, const struct kma_summary *summary,
	       struct kma_report *report)
{
	struct cma_view view = {
		.state = state,
		.summary = summary,
		.report = report,
		.has_refs = any_record(summary, KMA_PAGE_REF_SET, KMA_PAGE_REF_UNFREEZE),
		.has_cma = summary->records[KMA_CMA_ALLOC_FINISH] ||
			   summary->records[KMA_CMA_ALLOC],
		.has_isolation = summary->records[KMA_TEST_PAGES_ISOLATED],
		.ticks = state->trace->clock == KMA_CLOCK_TICKS,
	};
	int ret;

	if (!view.has_refs && !view.has_isolation &&
	    !any_record(summary, KMA_CMA_ALLOC_START, KMA_CMA_RELEASE)) {
		kma_report_status(report,
				  (struct kma_status){ KMA_UNAVAILABLE,
						       "no cma, page_isolation or page_ref event "
						       "was recorded" });
		return 0;
	}
	view.names = cma_names_new(state);
	ret = view.names ? tell(&view) : -1;
	cma_names_free(view.names);
	free(view.failed);
	free(view.delayed);
	free(view.blames);
	free(view.open);
	return ret;
}
