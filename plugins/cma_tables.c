/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of the cma report: failures, what was in their way, and who holds CMA pages. */
#include <stdlib.h>
#include <string.h>

#include "cma_internal.h"
#include "words.h"

/* Pages told step by step: to people, to tools; and how many steps of the first. */
#define MOST_SHOWN   1
#define MOST_LEDGERS 16
#define STEPS_BEFORE 4
#define STEPS_AFTER  2
#define TABLE_DEPTH  2

static const char *const operations[KMA_NR_KINDS] = {
	[KMA_PAGE_REF_SET] = "set",
	[KMA_PAGE_REF_MOD] = "mod",
	[KMA_PAGE_REF_MOD_AND_TEST] = "mod_and_test",
	[KMA_PAGE_REF_MOD_AND_RETURN] = "mod_and_return",
	[KMA_PAGE_REF_MOD_UNLESS] = "mod_unless",
	[KMA_PAGE_REF_FREEZE] = "freeze",
	[KMA_PAGE_REF_UNFREEZE] = "unfreeze",
};

static struct kma_value pfn_value(struct kma_report *report, uint64_t pfn)
{
	return pfn == CMA_NO_PFN ? kma_none()
				 : kma_text(kma_report_printf(report, "0x%" PRIx64, pfn));
}

static struct kma_value task_value(int32_t pid)
{
	return pid == PAGEREF_NOBODY ? kma_none() : kma_task(pid);
}

static struct kma_value time_value(const struct cma_view *view, uint64_t ts)
{
	return ts ? kma_text(kma_words_timestamp(view->report, view->state->trace, ts))
		  : kma_none();
}

/* From @from to @to; none where a time is not known, or is no time */
static struct kma_value span_value(const struct cma_view *view, uint64_t from, uint64_t to)
{
	return view->ticks || !from || !to ? kma_none() : kma_int((int64_t)(to - from));
}

static struct kma_value stack_value(const struct cma_view *view, uint32_t stack)
{
	const char *text = cma_names_text(view->names, view->report, stack, CMA_STACK_DEPTH);

	return text ? kma_text(text) : kma_none();
}

/* As much of it as a table has room for */
static struct kma_value where_value(const struct cma_view *view, uint32_t stack)
{
	const char *text = cma_names_text(view->names, view->report, stack, TABLE_DEPTH);

	return text ? kma_text(text) : kma_none();
}

static void failure_row(const struct cma_view *view, const struct cma_failure *failure,
			const struct cma_blame *blame, const char *outcome)
{
	const struct kma_state *state = view->state;
	const struct cma_alloc *alloc = failure->alloc == CMA_NOTHING
						? NULL
						: &state->allocs[failure->alloc];
	const struct cma_holding *holding = blame->holding;
	bool range = failure->start_pfn != failure->end_pfn;
	const struct kma_value cells[] = {
		time_value(view, failure->ts),
		kma_task(failure->pid),
		alloc ? kma_int((int64_t)alloc->count)
		      : kma_int((int64_t)(failure->end_pfn - failure->start_pfn)),
		pfn_value(view->report, blame->pfn),
		kma_text(cma_verdict_id(blame->verdict)),
		holding ? task_value(holding->ref.pid) : kma_none(),
		holding ? span_value(view, holding->ref.ts, failure->ts) : kma_none(),
		holding ? span_value(view, failure->ts, holding->put_ts) : kma_none(),
		kma_text(outcome),
		alloc ? kma_text(cma_area_name(state, alloc->area)) : kma_none(),
		alloc && alloc->errorno ? kma_text(cma_error_name(view->report, alloc->errorno))
					: kma_none(),
		alloc && alloc->end_ts ? span_value(view, alloc->start_ts, alloc->end_ts)
				       : kma_none(),
		alloc ? kma_int(alloc->retries) : kma_none(),
		range ? pfn_value(view->report, failure->start_pfn) : kma_none(),
		range ? pfn_value(view->report, failure->end_pfn) : kma_none(),
		range ? kma_int(blame->others) : kma_none(),
		holding ? kma_int(blame->more) : kma_none(),
		holding ? time_value(view, holding->ref.ts) : kma_none(),
		holding && holding->ref.ts ? kma_int(holding->ref.cpu) : kma_none(),
		holding ? stack_value(view, holding->ref.stack) : kma_none(),
		holding ? time_value(view, holding->put_ts) : kma_none(),
		holding ? task_value(holding->put_pid) : kma_none(),
		holding && holding->put_ts ? kma_int(holding->put_cpu) : kma_none(),
		holding ? stack_value(view, holding->put_stack) : kma_none(),
		holding ? span_value(view, holding->ref.ts, holding->put_ts) : kma_none(),
		kma_text(blame->approximate ? "approximate" : "exact"),
		stack_value(view, failure->stack),
	};

	kma_report_row(view->report, cells);
}

static void failure_tables(const struct cma_view *view)
{
	static const struct kma_column columns[] = {
		{ "time", "at", KMA_UNIT_COUNT, 0 },
		{ "task", "task", KMA_UNIT_COUNT, 0 },
		{ "pages", "pages", KMA_UNIT_PAGES, 0 },
		{ "blocked_by", "blocked by", KMA_UNIT_COUNT, 0 },
		{ "verdict", "verdict", KMA_UNIT_COUNT, 0 },
		{ "holder", "held by", KMA_UNIT_COUNT, 0 },
		{ "held_before_ns", "since", KMA_UNIT_NS, 0 },
		{ "given_back_after_ns", "back after", KMA_UNIT_NS, 0 },
		{ "outcome", NULL, KMA_UNIT_COUNT, 0 },
		{ "area", NULL, KMA_UNIT_COUNT, 0 },
		{ "error", NULL, KMA_UNIT_COUNT, 0 },
		{ "latency_ns", NULL, KMA_UNIT_NS, 0 },
		{ "retries", NULL, KMA_UNIT_COUNT, 0 },
		{ "start_pfn", NULL, KMA_UNIT_COUNT, 0 },
		{ "end_pfn", NULL, KMA_UNIT_COUNT, 0 },
		{ "other_pages", NULL, KMA_UNIT_COUNT, 0 },
		{ "other_refs", NULL, KMA_UNIT_COUNT, 0 },
		{ "taken_at", NULL, KMA_UNIT_COUNT, 0 },
		{ "taken_cpu", NULL, KMA_UNIT_COUNT, 0 },
		{ "taken_stack", NULL, KMA_UNIT_COUNT, 0 },
		{ "given_back_at", NULL, KMA_UNIT_COUNT, 0 },
		{ "given_back_by", NULL, KMA_UNIT_COUNT, 0 },
		{ "given_back_cpu", NULL, KMA_UNIT_COUNT, 0 },
		{ "given_back_stack", NULL, KMA_UNIT_COUNT, 0 },
		{ "held_ns", NULL, KMA_UNIT_NS, 0 },
		{ "match", NULL, KMA_UNIT_COUNT, 0 },
		{ "stack", NULL, KMA_UNIT_COUNT, 0 },
	};
	const size_t nr = sizeof(columns) / sizeof(columns[0]);

	kma_report_table(view->report, "failures", "Failures, and what was in their way",
			 "since: how long before the failure the reference had been taken; back "
			 "after: how long after it it was given back (negative: before)",
			 columns, nr);
	for (size_t i = 0; i < view->nr_failed; i++)
		failure_row(view, view->failed[i], &view->blames[i],
			    view->failed[i]->alloc == CMA_NOTHING ? "isolation failed"
								  : "allocation failed");
	kma_report_table(view->report, "delays", "Allocations that had to try again",
			 "each line is one attempt that failed", columns, nr);
	for (size_t i = 0; i < view->nr_delayed; i++) {
		const struct cma_alloc *alloc = view->delayed[i];

		for (uint32_t f = alloc->first_failure; f != CMA_NOTHING;
		     f = view->state->failures[f].next) {
			const struct cma_failure *failure = &view->state->failures[f];
			struct cma_blame blame = cma_blame(view->state, view->names, failure);

			failure_row(view, failure, &blame,
				    alloc->outcome == CMA_SUCCEEDED ? "then succeeded"
								    : "not finished");
		}
	}
}

/* ---- the blocking page, event by event ---- */

static const char *sign(struct kma_report *report, int32_t delta)
{
	return kma_report_printf(report, delta > 0 ? "+%d" : "%d", delta);
}

static void step_row(const struct cma_view *view, const struct cma_step *step, uint64_t failed_ts)
{
	struct kma_report *report = view->report;
	int64_t distance = (int64_t)(step->ts - failed_ts);
	const struct kma_value cells[] = {
		pfn_value(report, step->pfn),
		time_value(view, step->ts),
		view->ticks ? kma_none() : kma_int(distance),
		kma_int(step->cpu),
		task_value(step->pid),
		kma_text(kma_report_printf(report, "%s %d%s", operations[step->kind], step->val,
					   step->refused ? " refused" : "")),
		kma_text(sign(report, step->delta)),
		kma_int(step->count),
		where_value(view, step->stack),
		stack_value(view, step->stack),
		kma_int(step->after),
		kma_int(step->missed),
		kma_int(step->mapcount),
		kma_migratetype(step->mt),
		time_value(view, step->taken_ts),
		task_value(step->taken_pid),
		kma_text(step->delta >= 0 ? "-"
			 : step->sure	  ? "exact"
					  : "approximate"),
	};

	kma_report_row(report, cells);
}

static void mark_row(const struct cma_view *view, const struct cma_failure *failure,
		     uint64_t failed_ts)
{
	const struct kma_value cells[] = {
		pfn_value(view->report, failure->fin_pfn),
		time_value(view, failure->ts),
		view->ticks ? kma_none() : kma_int((int64_t)(failure->ts - failed_ts)),
		kma_int(failure->cpu),
		kma_task(failure->pid),
		kma_text("isolation failed"),
		kma_none(),
		kma_none(),
		where_value(view, failure->stack),
		stack_value(view, failure->stack),
		kma_none(),
		kma_none(),
		kma_none(),
		kma_none(),
		kma_none(),
		kma_none(),
		kma_text("-"),
	};

	kma_report_row(view->report, cells);
}

/* The page's steps around the failure, or all of them */
static void page_steps(const struct cma_view *view, const struct cma_failure *failure,
		       const struct cma_holding *holding, bool all)
{
	const struct kma_state *state = view->state;
	uint32_t before = 0, after = 0, f = 0;

	for (uint32_t i = 0; i < state->nr_steps; i++)
		before += state->steps[i].pfn == failure->fin_pfn &&
			  state->steps[i].ts < failure->ts;
	for (uint32_t i = 0; i <= state->nr_steps; i++) {
		const struct cma_step *step = i < state->nr_steps ? &state->steps[i] : NULL;
		bool near;

		for (; f < state->nr_failures && (!step || state->failures[f].ts <= step->ts); f++)
			if (state->failures[f].fin_pfn == failure->fin_pfn &&
			    (all || &state->failures[f] == failure))
				mark_row(view, &state->failures[f], failure->ts);
		if (!step || step->pfn != failure->fin_pfn)
			continue;
		near = step->ts < failure->ts ? before-- <= STEPS_BEFORE : after++ < STEPS_AFTER;
		if (all || near ||
		    (holding && (step->ts == holding->ref.ts || step->ts == holding->put_ts)))
			step_row(view, step, failure->ts);
	}
}

/* The same columns twice: for people what lies around the failure, for tools every step. */
#define SHOWN(title)  title
#define HIDDEN(title) NULL
#define LEDGER_COLUMNS(text)                                                                      \
	{ "pfn", text("page"), KMA_UNIT_COUNT, 0 }, { "time", NULL, KMA_UNIT_COUNT, 0 },          \
		{ "distance_ns", text("from failure"), KMA_UNIT_NS, 0 },                          \
		{ "cpu", text("CPU"), KMA_UNIT_COUNT, 0 },                                        \
		{ "task", text("task"), KMA_UNIT_COUNT, 0 },                                      \
		{ "operation", text("operation"), KMA_UNIT_COUNT, 0 },                            \
		{ "change", text(""), KMA_UNIT_COUNT, 0 },                                        \
		{ "count", text("refs"), KMA_UNIT_COUNT, 0 },                                     \
		{ "where", text("in"), KMA_UNIT_COUNT, 0 }, { "stack", NULL, KMA_UNIT_COUNT, 0 }, \
		{ "ledger_count", NULL, KMA_UNIT_COUNT, 0 },                                      \
		{ "missed", NULL, KMA_UNIT_COUNT, 0 }, { "mapcount", NULL, KMA_UNIT_COUNT, 0 },   \
		{ "migratetype", NULL, KMA_UNIT_COUNT, 0 },                                       \
		{ "taken_at", NULL, KMA_UNIT_COUNT, 0 }, { "taken_by", NULL, KMA_UNIT_COUNT, 0 }, \
	{                                                                                         \
		"match", NULL, KMA_UNIT_COUNT, 0                                                  \
	}

static void ledger_rows(const struct cma_view *view, unsigned int most, bool all)
{
	uint64_t told[MOST_LEDGERS];
	unsigned int nr_told = 0;

	for (size_t i = 0; i < view->nr_failed && nr_told < most && view->state->nr_steps; i++) {
		bool again = !view->failed[i]->tested;

		for (unsigned int k = 0; k < nr_told; k++)
			again |= told[k] == view->failed[i]->fin_pfn;
		if (again)
			continue;
		told[nr_told++] = view->failed[i]->fin_pfn;
		page_steps(view, view->failed[i], view->blames[i].holding, all);
	}
}

static void ledger_tables(const struct cma_view *view)
{
	static const struct kma_column shown[] = { LEDGER_COLUMNS(SHOWN) };
	static const struct kma_column hidden[] = { LEDGER_COLUMNS(HIDDEN) };

	kma_report_table(view->report, "ledger",
			 "References of the blocking page, near the failure",
			 "refs: the page's references after the operation, as the kernel counted "
			 "them; kmem-analyze story --pfn shows all its life",
			 shown, sizeof(shown) / sizeof(shown[0]));
	ledger_rows(view, MOST_SHOWN, false);
	kma_report_table(view->report, "steps", "References of the blocking pages, every step",
			 NULL, hidden, sizeof(hidden) / sizeof(hidden[0]));
	ledger_rows(view, MOST_LEDGERS, true);
}

/* ---- the other pages of the range ---- */

static int by_page(const void *a, const void *b)
{
	const struct cma_holding *x = *(const struct cma_holding *const *)a;
	const struct cma_holding *y = *(const struct cma_holding *const *)b;

	if (x->pfn != y->pfn)
		return x->pfn < y->pfn ? -1 : 1;
	if (x->ref.ts != y->ref.ts)
		return x->ref.ts > y->ref.ts ? -1 : 1;
	return (x > y) - (x < y);
}

static void other_pages_table(const struct cma_view *view)
{
	static const struct kma_column columns[] = {
		{ "failed_at", NULL, KMA_UNIT_COUNT, 0 },
		{ "pfn", "page", KMA_UNIT_COUNT, 0 },
		{ "holder", "held by", KMA_UNIT_COUNT, 0 },
		{ "held_before_ns", "since", KMA_UNIT_NS, 0 },
		{ "given_back_after_ns", "back after", KMA_UNIT_NS, 0 },
		{ "where", "taken in", KMA_UNIT_COUNT, 0 },
		{ "taken_stack", NULL, KMA_UNIT_COUNT, 0 },
		{ "taken_at", NULL, KMA_UNIT_COUNT, 0 },
		{ "taken_cpu", NULL, KMA_UNIT_COUNT, 0 },
		{ "given_back_by", NULL, KMA_UNIT_COUNT, 0 },
		{ "given_back_at", NULL, KMA_UNIT_COUNT, 0 },
		{ "given_back_cpu", NULL, KMA_UNIT_COUNT, 0 },
		{ "given_back_stack", NULL, KMA_UNIT_COUNT, 0 },
	};
	const struct kma_state *state = view->state;
	const struct cma_holding **list = calloc(state->nr_holdings + 1, sizeof(*list));

	kma_report_table(view->report, "other_pages",
			 "Other pages of the failed ranges that were referenced",
			 "the test stops at the first page: these would have been next", columns,
			 sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; list && i < view->nr_failed; i++) {
		const struct cma_failure *failure = view->failed[i];
		size_t nr = 0;

		for (uint32_t h = failure->holdings; h != CMA_NOTHING; h = state->holdings[h].next)
			if (state->holdings[h].pfn != view->blames[i].pfn)
				list[nr++] = &state->holdings[h];
		qsort(list, nr, sizeof(*list), by_page);
		for (size_t k = 0; k < nr; k++) {
			const struct cma_holding *holding = list[k];
			const struct kma_value cells[] = {
				time_value(view, failure->ts),
				pfn_value(view->report, holding->pfn),
				task_value(holding->ref.pid),
				span_value(view, holding->ref.ts, failure->ts),
				span_value(view, failure->ts, holding->put_ts),
				where_value(view, holding->ref.stack),
				stack_value(view, holding->ref.stack),
				time_value(view, holding->ref.ts),
				holding->ref.ts ? kma_int(holding->ref.cpu) : kma_none(),
				task_value(holding->put_pid),
				time_value(view, holding->put_ts),
				holding->put_ts ? kma_int(holding->put_cpu) : kma_none(),
				stack_value(view, holding->put_stack),
			};

			kma_report_row(view->report, cells);
		}
	}
	free(list);
}

/* ---- who holds references, by where they are taken ---- */

struct site_row {
	uint32_t stack;
	const struct cma_site *site;
	const struct cma_open *open;
	const struct kma_sites *stacks;
};

static int by_open(const void *a, const void *b)
{
	const struct site_row *x = a, *y = b;

	if (x->open->nr != y->open->nr)
		return x->open->nr > y->open->nr ? -1 : 1;
	if (x->site->longest_ns != y->site->longest_ns)
		return x->site->longest_ns > y->site->longest_ns ? -1 : 1;
	return kma_sites_compare(x->stacks, x->stack, y->stack);
}

static void holder_table(const struct cma_view *view)
{
	static const struct kma_column columns[] = {
		{ "open", "not back", KMA_UNIT_COUNT, 0 },
		{ "oldest_ns", "oldest", KMA_UNIT_NS, 0 },
		{ "oldest_pfn", "its page", KMA_UNIT_COUNT, 0 },
		{ "given_back", "given back", KMA_UNIT_COUNT, 0 },
		{ "held_mean_ns", "held mean", KMA_UNIT_NS, 0 },
		{ "held_max_ns", "longest", KMA_UNIT_NS, 0 },
		{ "where", "taken in", KMA_UNIT_COUNT, 0 },
		{ "stack", NULL, KMA_UNIT_COUNT, 0 },
		{ "oldest_task", NULL, KMA_UNIT_COUNT, 0 },
		{ "taken", NULL, KMA_UNIT_COUNT, 0 },
	};
	const struct kma_state *state = view->state;
	uint32_t nr_stacks = kma_sites_nr(state->stacks), nr = 0;
	struct site_row *rows = calloc(nr_stacks, sizeof(*rows));

	kma_report_table(view->report, "holders", "References beside mappings, by where taken",
			 "not back: given back nowhere in the trace", columns,
			 sizeof(columns) / sizeof(columns[0]));
	for (uint32_t i = 0; rows && i < nr_stacks && i < state->nr_sites; i++)
		if (view->open[i].nr || state->sites[i].given)
			rows[nr++] = (struct site_row){ i, &state->sites[i], &view->open[i],
							state->stacks };
	qsort(rows, nr, sizeof(*rows), by_open);
	for (uint32_t i = 0; i < nr; i++) {
		const struct cma_site *site = rows[i].site;
		const struct cma_open *open = rows[i].open;
		bool timed = !view->ticks && site->given;
		const struct kma_value cells[] = {
			kma_int((int64_t)open->nr),
			open->nr ? span_value(view, open->oldest_ts, view->summary->last_ts)
				 : kma_none(),
			open->nr ? pfn_value(view->report, open->oldest_pfn) : kma_none(),
			kma_int((int64_t)site->given),
			timed ? kma_real((double)site->held_ns / (double)site->given) : kma_none(),
			timed ? kma_int((int64_t)site->longest_ns) : kma_none(),
			where_value(view, rows[i].stack),
			stack_value(view, rows[i].stack),
			open->nr ? kma_task(open->oldest_pid) : kma_none(),
			kma_int((int64_t)site->taken),
		};

		kma_report_row(view->report, cells);
	}
	free(rows);
}

static void area_table(const struct cma_view *view)
{
	static const struct kma_column columns[] = {
		{ "area", "area", KMA_UNIT_COUNT, 0 },
		{ "allocations", "allocations", KMA_UNIT_COUNT, 0 },
		{ "failed", "failed", KMA_UNIT_COUNT, 0 },
		{ "delayed", "delayed", KMA_UNIT_COUNT, 0 },
		{ "busy_retries", "ranges busy", KMA_UNIT_COUNT, 0 },
		{ "latency_p50_ns", "took p50", KMA_UNIT_NS, 0 },
		{ "latency_max_ns", "max", KMA_UNIT_NS, 0 },
		{ "start_pfn", "seen from", KMA_UNIT_COUNT, 0 },
		{ "end_pfn", "up to", KMA_UNIT_COUNT, 0 },
	};
	const struct kma_state *state = view->state;
	bool retries = view->summary->records[KMA_CMA_ALLOC_BUSY_RETRY];

	kma_report_table(view->report, "areas", "CMA areas", NULL, columns,
			 sizeof(columns) / sizeof(columns[0]));
	for (uint32_t i = 0; i < state->nr_areas; i++) {
		const struct cma_area *area = &state->areas[i];
		bool timed = !view->ticks && area->latency.count;
		const struct kma_value cells[] = {
			kma_text(cma_area_name(state, i)),
			view->has_cma ? kma_int((int64_t)area->allocs) : kma_none(),
			view->has_cma ? kma_int((int64_t)area->failed) : kma_none(),
			view->has_cma ? kma_int((int64_t)area->delayed) : kma_none(),
			retries ? kma_int((int64_t)area->retries) : kma_none(),
			timed ? kma_int((int64_t)kma_histogram_percentile(&area->latency, 0.5))
			      : kma_none(),
			timed ? kma_int((int64_t)area->latency.max) : kma_none(),
			area->end ? pfn_value(view->report, area->start) : kma_none(),
			area->end ? pfn_value(view->report, area->end) : kma_none(),
		};

		if (i || area->allocs || area->retries)
			kma_report_row(view->report, cells);
	}
}

void cma_tables(const struct cma_view *view)
{
	failure_tables(view);
	ledger_tables(view);
	other_pages_table(view);
	area_table(view);
	holder_table(view);
}
