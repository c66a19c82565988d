/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The post-mortem in sentences: what failed, which page, whose reference, and what to do. */
#include <string.h>

#include "cma_internal.h"
#include "words.h"

/* Failures told one by one; those that follow are in the table. */
#define MOST_TOLD     3
#define FINDING_STACK 8
#define PAGES_NAMED   5
/* Pages held for longer than this without a sign of an end are worth a word. */
#define LONG_HELD_NS UINT64_C(1000000000)

static const char *task_text(const struct cma_view *view, int32_t pid, uint32_t cpu)
{
	return kma_report_printf(view->report, KMA_PRI_TASK " on CPU %" PRIu32, pid, cpu);
}

static const char *span_text(const struct cma_view *view, uint64_t from, uint64_t to)
{
	return view->ticks ? kma_report_printf(view->report, "%" PRIu64 " clock ticks", to - from)
			   : kma_words_time(view->report, (double)(to - from));
}

static const char *stack_text(const struct cma_view *view, uint32_t stack)
{
	const char *text = cma_names_text(view->names, view->report, stack, FINDING_STACK);

	return text ? kma_report_printf(view->report, ", in %s", text) : "";
}

static const char *area_text(const struct cma_view *view, uint32_t area)
{
	const char *name = cma_area_name(view->state, area);

	return strcmp(name, "?") ? kma_report_printf(view->report, "area \"%s\"", name)
				 : "an unnamed area";
}

static const char *error_text(const struct cma_view *view, int32_t errorno)
{
	return errorno ? kma_report_printf(view->report, " (%s%s)",
					   cma_error_name(view->report, errorno),
					   errorno == CMA_EINTR ? ": a signal was pending" : "")
		       : "";
}

/* What failed, where and when */
static const char *failure_text(const struct cma_view *view, const struct cma_failure *failure)
{
	const struct kma_state *state = view->state;
	struct kma_report *report = view->report;
	const struct cma_alloc *alloc = failure->alloc == CMA_NOTHING
						? NULL
						: &state->allocs[failure->alloc];
	const char *took;

	if (!alloc)
		return kma_report_printf(
			report,
			"The isolation of %s pages (0x%" PRIx64 " to 0x%" PRIx64
			") by %s failed at %s",
			kma_words_count(report, failure->end_pfn - failure->start_pfn),
			failure->start_pfn, failure->end_pfn - 1,
			task_text(view, failure->pid, failure->cpu),
			kma_words_timestamp(report, view->state->trace, failure->ts));
	took = alloc->start_ts ? kma_report_printf(report, ", after %s",
						   span_text(view, alloc->start_ts, alloc->end_ts))
			       : "";
	return kma_report_printf(
		report, "The CMA allocation of %s page%s from %s by %s failed at %s%s%s%s",
		kma_words_count(report, alloc->count), alloc->count == 1 ? "" : "s",
		area_text(view, alloc->area), task_text(view, alloc->pid, alloc->cpu),
		kma_words_timestamp(report, view->state->trace, alloc->end_ts), took,
		error_text(view, alloc->errorno),
		alloc->nr_failures > 1
			? kma_report_printf(report, ", the last of %s ranges tried",
					    kma_words_count(report, alloc->nr_failures))
			: "");
}

static const char *taken_text(const struct cma_view *view, const struct cma_failure *failure,
			      const struct cma_holding *holding)
{
	struct kma_report *report = view->report;

	if (holding->ref.pid == PAGEREF_NOBODY)
		return "No record shows who took the reference in the way";
	return kma_report_printf(report,
				 "The reference in the way was taken by %s at %s, %s before %s%s",
				 task_text(view, holding->ref.pid, holding->ref.cpu),
				 kma_words_timestamp(report, view->state->trace, holding->ref.ts),
				 span_text(view, holding->ref.ts, failure->ts),
				 failure->tested ? "the isolation failed" : "the attempt failed",
				 stack_text(view, holding->ref.stack));
}

static const char *given_back_text(const struct cma_view *view, const struct cma_failure *failure,
				   const struct cma_holding *holding)
{
	struct kma_report *report = view->report;
	const char *held;

	if (!holding->put_ts)
		return kma_report_printf(report,
					 "It was not given back by the end of the trace, %s later",
					 span_text(view, failure->ts, view->summary->last_ts));
	if (holding->put_pid == PAGEREF_NOBODY)
		return kma_report_printf(report, "It was gone by %s, given back without a record",
					 kma_words_timestamp(report, view->state->trace,
							     holding->put_ts));
	held = holding->ref.ts
		       ? kma_report_printf(report, "; held %s",
					   span_text(view, holding->ref.ts, holding->put_ts))
		       : "";
	if (holding->early)
		return kma_report_printf(
			report,
			"It was given back by %s%s, %s before that, while the pages were being "
			"moved: too late for the migration%s",
			task_text(view, holding->put_pid, holding->put_cpu),
			stack_text(view, holding->put_stack),
			span_text(view, holding->put_ts, failure->ts), held);
	return kma_report_printf(report, "It was given back %s after the failure by %s%s%s",
				 span_text(view, failure->ts, holding->put_ts),
				 task_text(view, holding->put_pid, holding->put_cpu),
				 stack_text(view, holding->put_stack), held);
}

/* " 5 other pages of the range were referenced too: 0x100200, ..." */
static const char *others_text(const struct cma_view *view, const struct cma_failure *failure,
			       const struct cma_blame *blame)
{
	const struct kma_state *state = view->state;
	struct kma_report *report = view->report;
	const char *text = "";
	uint64_t last = blame->pfn == CMA_NO_PFN ? 0 : blame->pfn, found = 0;

	if (!blame->others)
		return "";
	/* the lowest numbers in order, each once: the test stops at them first */
	for (unsigned int i = 0; i < PAGES_NAMED; i++) {
		uint64_t next = CMA_NO_PFN;

		for (uint32_t h = failure->holdings; h != CMA_NOTHING; h = state->holdings[h].next)
			if (state->holdings[h].pfn > last && state->holdings[h].pfn < next &&
			    !state->holdings[h].early)
				next = state->holdings[h].pfn;
		if (next == CMA_NO_PFN)
			break;
		text = kma_report_printf(report, "%s%s0x%" PRIx64, text, *text ? ", " : ": ", next);
		last = next;
		found++;
	}
	return kma_report_printf(
		report,
		" %s other page%s of the range %s referenced too and would have been next%s%s.",
		kma_words_count(report, blame->others), blame->others == 1 ? "" : "s",
		blame->others == 1 ? "was" : "were", text, found < blame->others ? ", ..." : "");
}

static const char *advice(enum cma_verdict verdict)
{
	switch (verdict) {
	case CMA_VERDICT_BATCH_EXIT:
		return "Pages of an exiting task are gathered and freed together: for that moment "
		       "they cannot be moved. Trying again a moment later succeeds; a caller that "
		       "must not fail should.";
	case CMA_VERDICT_BATCH_UNMAP:
		return "Unmapped pages are gathered and freed together: for that moment they "
		       "cannot be moved. Trying again a moment later succeeds.";
	case CMA_VERDICT_BATCH_LRU:
		return "Each CPU gathers pages before it puts them on the LRU lists. "
		       "alloc_contig_range drains these lists once; a page that came later stays "
		       "in the way until the batch is full. Trying again succeeds.";
	case CMA_VERDICT_SHORT_PIN:
	case CMA_VERDICT_PIN:
		return "Pins for an I/O end with it: trying again succeeds. If it happens often, "
		       "look at what pins (taken in, above) so much memory of the area.";
	case CMA_VERDICT_LONG_PIN:
		return "Who pins memory for long must say so (FOLL_LONGTERM, pin_user_pages): the "
		       "kernel then moves the pages out of CMA first. If the code in the stack "
		       "does not, that is the bug; otherwise stop this use before allocating.";
	case CMA_VERDICT_LEAKED:
		return "Nobody gave the reference back while the trace lasted. Record longer to "
		       "see "
		       "whether it is a leak or a long pin, and look at the code that took it.";
	case CMA_VERDICT_NOT_VISIBLE:
		return "No recorded reference explains it. Make sure that page_ref events of all "
		       "pages of the area were recorded, from before the page was allocated, "
		       "without losses. Otherwise the page is free but not isolated, poisoned, or "
		       "of a kind that cannot be moved: see its life with kmem-analyze story "
		       "--pfn.";
	case CMA_VERDICT_NO_RANGE:
		return "The area has no free range of that size and alignment: it is in use or "
		       "fragmented. See who allocates from it (cma events), and the area's size "
		       "(cma= on the command line).";
	case CMA_VERDICT_UNKNOWN:
	default:
		return "To see whose reference it is, record the page's references too: trace-cmd "
		       "record -T -e cma -e page_isolation -e page_ref (needs a kernel with "
		       "CONFIG_DEBUG_PAGE_REF).";
	}
}

static const char *culprit_text(const struct cma_view *view, const struct cma_failure *failure,
				const struct cma_blame *blame)
{
	struct kma_report *report = view->report;
	const struct cma_holding *holding = blame->holding;

	if (blame->verdict == CMA_VERDICT_NO_RANGE)
		return ": there was no range of that size to try.";
	if (!holding)
		return kma_report_printf(
			report, "%s%s.%s",
			blame->pfn == CMA_NO_PFN
				? ""
				: kma_report_printf(report, ": page 0x%" PRIx64 " was in the way",
						    blame->pfn),
			blame->verdict == CMA_VERDICT_UNKNOWN
				? "; page references were not recorded"
				: ", but no reference of it beside those of mappings is visible in "
				  "the trace",
			others_text(view, failure, blame));
	return kma_report_printf(
		report, ": page 0x%" PRIx64 " could not be moved away. %s. %s: %s%s.%s%s",
		blame->pfn, taken_text(view, failure, holding),
		given_back_text(view, failure, holding), cma_verdict_text(blame->verdict),
		blame->approximate ? " (which reference it was is a best guess)" : "",
		blame->more ? kma_report_printf(report, " The page had %s more such reference%s.",
						kma_words_count(report, blame->more),
						blame->more == 1 ? "" : "s")
			    : "",
		others_text(view, failure, blame));
}

static void failed(const struct cma_view *view)
{
	for (size_t i = 0; i < view->nr_failed && i < MOST_TOLD; i++) {
		const struct cma_failure *failure = view->failed[i];
		const struct cma_blame *blame = &view->blames[i];
		size_t id = kma_report_finding(view->report,
					       failure->alloc == CMA_NOTHING
						       ? "cma.isolation_failed"
						       : "cma.allocation_failed",
					       failure->alloc == CMA_NOTHING ? KMA_WARN : KMA_ERROR,
					       advice(blame->verdict), "%s%s",
					       failure_text(view, failure),
					       culprit_text(view, failure, blame));

		cma_prove(view, id, CMA_PROOF_FAILURE);
	}
	if (view->nr_failed > MOST_TOLD) {
		size_t id = kma_report_finding(
			view->report, "cma.more_failures", KMA_ERROR,
			"They are in the table of failures, with the culprit of each.",
			"%s more failures.",
			kma_words_count(view->report, view->nr_failed - MOST_TOLD));

		cma_prove(view, id, CMA_PROOF_FAILURE);
	}
}

/* The one that waited longest: it had to try again, and then went well. */
static void delayed(const struct cma_view *view)
{
	const struct kma_state *state = view->state;
	const struct cma_alloc *worst = NULL;
	const struct cma_failure *failure;
	struct cma_blame blame;
	size_t id;

	for (size_t i = 0; i < view->nr_delayed; i++) {
		const struct cma_alloc *alloc = view->delayed[i];

		if (alloc->outcome == CMA_SUCCEEDED && alloc->start_ts &&
		    (!worst || alloc->end_ts - alloc->start_ts > worst->end_ts - worst->start_ts))
			worst = alloc;
	}
	if (!worst)
		return;
	failure = &state->failures[worst->first_failure];
	blame = cma_blame(state, view->names, failure);
	id = kma_report_finding(
		view->report, "cma.allocation_delayed", KMA_INFO, advice(blame.verdict),
		"A CMA allocation of %s pages from %s by %s took %s, as %s attempt%s "
		"failed before one went well. The first failed %s after its start%s",
		kma_words_count(view->report, worst->count), area_text(view, worst->area),
		task_text(view, worst->pid, worst->cpu),
		span_text(view, worst->start_ts, worst->end_ts),
		kma_words_count(view->report, worst->nr_failures),
		worst->nr_failures == 1 ? "" : "s", span_text(view, worst->start_ts, failure->ts),
		culprit_text(view, failure, &blame));
	cma_prove(view, id, CMA_PROOF_DELAY);
}

/* Without a failure: who holds pages for so long that one is to be expected. */
static void held_long(const struct cma_view *view)
{
	const struct kma_state *state = view->state;
	struct kma_report *report = view->report;
	uint64_t last = view->summary->last_ts, nr = 0;
	const struct cma_open *worst = NULL;
	uint32_t stack = 0;
	size_t id;

	if (view->nr_failed || view->ticks || !state->ref_events)
		return;
	for (uint32_t i = 0; i < kma_sites_nr(state->stacks); i++) {
		const struct cma_open *open = &view->open[i];

		if (!open->nr || last - open->oldest_ts < LONG_HELD_NS)
			continue;
		nr += open->nr;
		if (!worst || open->nr > worst->nr) {
			worst = open;
			stack = i;
		}
	}
	if (!worst)
		return;
	id = kma_report_finding(
		report, "cma.held_long", KMA_INFO,
		"As long as they are held these pages cannot be allocated: see who holds them, "
		"below, and whether they should be in CMA at all.",
		"%s reference%s of CMA pages had not been given back by the end of the trace, the "
		"oldest of a call site for over a second; the most, %s, were taken%s: the oldest "
		"of them, of page 0x%" PRIx64 ", %s before by " KMA_PRI_TASK ".",
		kma_words_count(report, nr), nr == 1 ? "" : "s", kma_words_count(report, worst->nr),
		stack_text(view, stack), worst->oldest_pfn,
		kma_words_time(report, (double)(last - worst->oldest_ts)), worst->oldest_pid);
	cma_prove(view, id, CMA_PROOF_HELD);
}

void cma_findings(const struct cma_view *view)
{
	failed(view);
	delayed(view);
	held_long(view);
}
