/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * External fragmentation: the metrics, the tables and the one finding, with the documentation's
 * advice worked out for the traced machine. Reads the state that extfrag.c gathers.
 */
#include <stdlib.h>

#include "extfrag_internal.h"
#include "trust.h"
#include "words.h"

enum {
	EXTFRAG_EVENTS,
	EXTFRAG_FRAGMENTING,
	EXTFRAG_SEVERE,
	EXTFRAG_OWNERSHIP_CHANGES,
	EXTFRAG_ADVISED,
	EXTFRAG_NR_METRICS,
};

#define METRIC(i) (&extfrag_metric_defs[i])
#define DEF(suffix, kind_, unit_, better_, labels_, title_)                                 \
	{                                                                                   \
		.name = "extfrag." suffix, .kind = kind_, .unit = unit_, .better = better_, \
		.labels = labels_, .title = title_                                          \
	}

const struct kma_metric_def extfrag_metric_defs[EXTFRAG_NR_METRICS + 1] = {
	[EXTFRAG_EVENTS] = DEF("events_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER,
			       "alloc_order fallback_order alloc_migratetype,fallback_migratetype",
			       "fallbacks to another migratetype"),
	[EXTFRAG_FRAGMENTING] = DEF("fragmenting_total", KMA_COUNTER, KMA_UNIT_COUNT,
				    KMA_BETTER_LOWER, "", "fragmenting (less than a pageblock)"),
	[EXTFRAG_SEVERE] = DEF("severe_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER, "",
			       "severe (order 3 or less)"),
	[EXTFRAG_OWNERSHIP_CHANGES] = DEF("ownership_changes_total", KMA_COUNTER, KMA_UNIT_COUNT,
					  KMA_BETTER_NONE, "",
					  "pageblocks that changed migratetype"),
	[EXTFRAG_ADVISED] = DEF("advised_min_free_kbytes_increase", KMA_GAUGE, KMA_UNIT_BYTES,
				KMA_BETTER_NONE, "", "advised increase of min_free_kbytes"),
	[EXTFRAG_NR_METRICS] = { .name = NULL },
};

/* Documentation/trace/events-kmem: 3 * pageblock_size * nr_online_nodes */
#define ADVISED_PAGEBLOCKS 3
/* The documentation speaks of large numbers: some at boot or under a burst are ordinary. */
#define MANY_FALLBACKS 100

struct telling {
	const struct kma_state *state;
	const struct kma_summary *summary;
	struct kma_report *report;

	int pageblock_order;	  /* -1: unknown */
	const char *no_events;	  /* the reason, when there are none */
	const char *no_pageblock; /* the same of pageblock_order */
	struct kma_status counted, advised;
	uint32_t nodes;
	uint64_t advised_bytes;
	const struct extfrag_pair **pairs; /* most events first, as the next */
	const struct extfrag_task **tasks;
	size_t nr_pairs, nr_tasks;
};

/* ---- working it out ---- */

static int compare_pairs(const void *left, const void *right)
{
	const struct extfrag_pair *a = *(const struct extfrag_pair *const *)left;
	const struct extfrag_pair *b = *(const struct extfrag_pair *const *)right;

	if (a->events != b->events)
		return a->events > b->events ? -1 : 1;
	if (a->alloc != b->alloc)
		return a->alloc < b->alloc ? -1 : 1;
	return a->fallback < b->fallback ? -1 : a->fallback > b->fallback;
}

static int compare_tasks(const void *left, const void *right)
{
	const struct extfrag_task *a = *(const struct extfrag_task *const *)left;
	const struct extfrag_task *b = *(const struct extfrag_task *const *)right;

	if (a->events != b->events)
		return a->events > b->events ? -1 : 1;
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

static int sort(struct telling *t)
{
	const struct kma_state *state = t->state;

	t->pairs = calloc(state->nr_pairs, sizeof(*t->pairs));
	t->tasks = calloc(state->nr_tasks, sizeof(*t->tasks));
	if (!t->pairs || !t->tasks)
		return -1;
	for (uint32_t i = 0; i < state->nr_pairs; i++)
		if (state->pairs[i].events)
			t->pairs[t->nr_pairs++] = &state->pairs[i];
	for (uint32_t i = 0; i < state->nr_tasks; i++)
		if (state->tasks[i].events)
			t->tasks[t->nr_tasks++] = &state->tasks[i];
	qsort(t->pairs, t->nr_pairs, sizeof(*t->pairs), compare_pairs);
	qsort(t->tasks, t->nr_tasks, sizeof(*t->tasks), compare_tasks);
	return 0;
}

static uint32_t count_nodes(const struct kma_state *state)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < sizeof(state->nodes_seen) / sizeof(state->nodes_seen[0]); i++)
		nr += (uint32_t)__builtin_popcountll(state->nodes_seen[i]);
	return nr;
}

static void advise(struct telling *t)
{
	const struct kma_trace *trace = t->state->trace;
	uint32_t seen = count_nodes(t->state);

	t->nodes = trace->nodes ? trace->nodes : seen ? seen : 1;
	if (!trace->nodes)
		t->advised = (struct kma_status){
			KMA_LOWER_BOUND,
			seen ? kma_report_printf(t->report,
						 "%" PRIu32
						 " node%s seen in the trace, there may be "
						 "more: give --nodes N",
						 seen, seen == 1 ? " was" : "s were")
			     : "the trace names no node, there is at least 1: give --nodes N",
		};
	if (t->pageblock_order >= 0)
		t->advised_bytes = ADVISED_PAGEBLOCKS *
				   ((uint64_t)trace->page_size << t->pageblock_order) * t->nodes;
}

static void judge(struct telling *t)
{
	const char *reason = NULL;

	if (t->summary->lost)
		reason = kma_report_printf(t->report, "at least %s records were lost",
					   kma_words_count(t->report, t->summary->lost));
	if (t->summary->truncated)
		reason = reason ? kma_report_printf(t->report, "%s; the trace is cut short", reason)
				: "the trace is cut short";
	if (reason) {
		t->counted = (struct kma_status){ KMA_LOWER_BOUND, reason };
		kma_report_status(t->report, t->counted);
	}
	if (!t->state->events)
		kma_report_status(t->report, (struct kma_status){ KMA_UNAVAILABLE, t->no_events });
}

/* ---- metrics ---- */

static void tell(struct telling *t, unsigned int metric, struct kma_labels labels, uint64_t value)
{
	kma_report_value(t->report, METRIC(metric), labels, t->counted, kma_int((int64_t)value));
}

static void tell_if(struct telling *t, unsigned int metric, const char *why_not, uint64_t value)
{
	if (why_not)
		kma_report_unavailable(t->report, METRIC(metric), kma_no_labels(), why_not);
	else
		tell(t, metric, kma_no_labels(), value);
}

static struct kma_value type_value(const struct telling *t, const struct extfrag_pair *pair,
				   int32_t migratetype)
{
	return pair == &t->state->pairs[0] ? kma_text("other") : kma_int(migratetype);
}

static void tell_metrics(struct telling *t)
{
	const struct kma_state *state = t->state;
	const char *no_pageblock = t->no_events ? t->no_events : t->no_pageblock;
	const char *no_ownership = t->no_events			  ? t->no_events
				   : !state->has_change_ownership ? "this kernel does not record "
								    "change_ownership"
								  : NULL;

	tell_if(t, EXTFRAG_EVENTS, t->no_events, state->events);
	for (int order = 0; order <= EXTFRAG_MAX_ORDER; order++)
		if (state->alloc_orders[order])
			tell(t, EXTFRAG_EVENTS, kma_label1("alloc_order", kma_int(order)),
			     state->alloc_orders[order]);
	for (int order = 0; order <= EXTFRAG_MAX_ORDER; order++)
		if (state->fallback_orders[order])
			tell(t, EXTFRAG_EVENTS, kma_label1("fallback_order", kma_int(order)),
			     state->fallback_orders[order]);
	for (size_t i = 0; i < t->nr_pairs; i++) {
		const struct extfrag_pair *pair = t->pairs[i];

		tell(t, EXTFRAG_EVENTS,
		     kma_label2("alloc_migratetype", type_value(t, pair, pair->alloc),
				"fallback_migratetype", type_value(t, pair, pair->fallback)),
		     pair->events);
	}
	tell_if(t, EXTFRAG_FRAGMENTING, no_pageblock, state->fragmenting);
	tell_if(t, EXTFRAG_SEVERE, t->no_events, state->severe);
	tell_if(t, EXTFRAG_OWNERSHIP_CHANGES, no_ownership, state->changed);
	if (no_pageblock)
		kma_report_unavailable(t->report, METRIC(EXTFRAG_ADVISED), kma_no_labels(),
				       no_pageblock);
	else
		kma_report_value(t->report, METRIC(EXTFRAG_ADVISED), kma_no_labels(), t->advised,
				 kma_int((int64_t)t->advised_bytes));
}

/* ---- tables and series ---- */

#define NR_COLUMNS(columns) (sizeof(columns) / sizeof((columns)[0]))

static const char *severity_of(const struct telling *t, int order)
{
	if (order <= EXTFRAG_SEVERE_ORDER)
		return "severe";
	if (t->pageblock_order < 0)
		return "unknown";
	return order < t->pageblock_order ? "fragmenting" : "a whole pageblock";
}

static void table_of_orders(struct telling *t)
{
	static const struct kma_column columns[] = {
		{ "order", "order", KMA_UNIT_COUNT, 0 },
		{ "alloc", "asked for", KMA_UNIT_COUNT, 0 },
		{ "fallback", "taken", KMA_UNIT_COUNT, 12 },
		{ "severity", "taking it is", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(
		t->report, "orders", "Orders",
		t->no_pageblock
			? "taken = the block found in another migratetype's pageblock"
			: kma_report_printf(t->report,
					    "taken = the block found in another migratetype's "
					    "pageblock; a pageblock is order %d",
					    t->pageblock_order),
		columns, NR_COLUMNS(columns));
	for (int order = 0; order <= EXTFRAG_MAX_ORDER; order++) {
		uint64_t alloc = t->state->alloc_orders[order];
		uint64_t fallback = t->state->fallback_orders[order];
		struct kma_value cells[NR_COLUMNS(columns)] = {
			kma_int(order),
			kma_int((int64_t)alloc),
			kma_int((int64_t)fallback),
			fallback ? kma_text(severity_of(t, order)) : kma_none(),
		};

		if (alloc || fallback)
			kma_report_row(t->report, cells);
	}
}

/* As a cell, which has the name for people; labels are plain numbers. */
static struct kma_value named_type(const struct telling *t, const struct extfrag_pair *pair,
				   int32_t migratetype)
{
	return pair == &t->state->pairs[0] ? kma_text("other") : kma_migratetype(migratetype);
}

static void table_of_pairs(struct telling *t)
{
	static const struct kma_column columns[] = {
		{ "alloc_migratetype", "allocation", KMA_UNIT_COUNT, 0 },
		{ "fallback_migratetype", "taken from", KMA_UNIT_COUNT, 0 },
		{ "events", "fallbacks", KMA_UNIT_COUNT, 12 },
		{ "severe", "severe", KMA_UNIT_COUNT, 0 },
		{ "changed", "pageblock changed", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(t->report, "migratetypes", "Migratetypes",
			 "the kernel's numbers; named where a report proves the name, or by "
			 "--migratetypes; a pageblock that changed belongs to the allocation's "
			 "migratetype now",
			 columns, NR_COLUMNS(columns));
	for (size_t i = 0; i < t->nr_pairs; i++) {
		const struct extfrag_pair *pair = t->pairs[i];
		struct kma_value cells[NR_COLUMNS(columns)] = {
			named_type(t, pair, pair->alloc),
			named_type(t, pair, pair->fallback),
			kma_int((int64_t)pair->events),
			kma_int((int64_t)pair->severe),
			t->state->has_change_ownership ? kma_int((int64_t)pair->changed)
						       : kma_none(),
		};

		kma_report_row(t->report, cells);
	}
}

static void table_of_tasks(struct telling *t)
{
	static const struct kma_column columns[] = {
		{ "task", "task", KMA_UNIT_COUNT, 0 },
		{ "events", "fallbacks", KMA_UNIT_COUNT, 12 },
		{ "severe", "severe", KMA_UNIT_COUNT, 0 },
	};

	kma_report_table(t->report, "tasks", "Tasks whose allocations fell back", NULL, columns,
			 NR_COLUMNS(columns));
	for (size_t i = 0; i < t->nr_tasks; i++) {
		const struct extfrag_task *task = t->tasks[i];
		struct kma_value cells[NR_COLUMNS(columns)] = {
			task == &t->state->tasks[0] ? kma_text("other") : kma_task(task->pid),
			kma_int((int64_t)task->events),
			kma_int((int64_t)task->severe),
		};

		kma_report_row(t->report, cells);
	}
}

static void tell_series(struct telling *t)
{
	static const char *const names[] = {
		[EXTFRAG_ROW_SEVERE] = "severe",
		[EXTFRAG_ROW_FRAGMENTING] = "fragmenting",
		[EXTFRAG_ROW_OTHER] = "none",
	};
	const struct kma_bins *bins = &t->state->bins;

	if (t->state->trace->clock == KMA_CLOCK_TICKS)
		return;
	for (uint32_t row = 0; row < EXTFRAG_NR_ROWS && row < bins->nr_rows; row++) {
		const char *name = row == EXTFRAG_ROW_OTHER && t->no_pageblock ? "unknown"
									       : names[row];

		if (bins->rows[row])
			kma_report_series(t->report, "fallbacks", "fallbacks", KMA_UNIT_COUNT,
					  kma_label1("severity", kma_text(name)), bins->start,
					  UINT64_C(1) << bins->shift, bins->rows[row],
					  kma_bins_used(bins, t->summary->last_ts));
	}
}

/* ---- the finding ---- */

static const char *advice_text(struct telling *t)
{
	static const char why[] = "The kernel's documentation advises to raise min_free_kbytes in "
				  "steps of 3 x pageblock "
				  "size x online nodes";

	if (t->no_pageblock)
		return kma_report_printf(
			t->report,
			"%s; the trace does not tell the pageblock size (pagetypeinfo in /proc "
			"names its "
			"order). Record again after each step: blocks should be taken less often.",
			why);
	return kma_report_printf(
		t->report,
		"%s: here %" PRIu64 " kB (3 x %" PRIu64 " kB x %" PRIu32 " node%s%s). Raise "
		"vm.min_free_kbytes by that much and record again; while blocks are still taken as "
		"often, raise it once more.",
		why, t->advised_bytes / 1024,
		((uint64_t)t->state->trace->page_size << t->pageblock_order) / 1024, t->nodes,
		t->nodes == 1 ? "" : "s",
		t->state->trace->nodes ? "" : "; as many as the trace shows, give --nodes N");
}

static const char *rate_text(struct telling *t)
{
	double span = (double)(t->summary->last_ts - t->summary->first_ts) / 1e9;

	if (t->state->trace->clock == KMA_CLOCK_TICKS || !(span > 0))
		return "";
	return kma_report_printf(t->report, " (%.1f per second)", (double)t->state->events / span);
}

static void find_fragmentation(struct telling *t)
{
	const struct kma_state *state = t->state;
	uint64_t counts = t->no_pageblock ? state->events : state->fragmenting;
	const char *split = "";
	size_t finding;

	if (!counts)
		return;
	if (!t->no_pageblock)
		split = kma_report_printf(
			t->report,
			" Of blocks smaller than a pageblock (order %d), which mixes "
			"migratetypes for good: %s.",
			t->pageblock_order, kma_words_count(t->report, state->fragmenting));
	finding = kma_report_finding(
		t->report, "extfrag.fragmentation", counts >= MANY_FALLBACKS ? KMA_WARN : KMA_INFO,
		advice_text(t),
		"%s allocation%s%s found no free block of the right migratetype and took one "
		"from another's pageblock.%s Severe (order %d or less): %s. In large numbers "
		"this leads to high-order allocations that fail.",
		kma_words_count(t->report, state->events), state->events == 1 ? "" : "s",
		rate_text(t), split, EXTFRAG_SEVERE_ORDER,
		kma_words_count(t->report, state->severe));
	kma_report_proof(t->report, finding, METRIC(EXTFRAG_EVENTS), kma_no_labels());
	if (!t->no_pageblock)
		kma_report_proof(t->report, finding, METRIC(EXTFRAG_FRAGMENTING), kma_no_labels());
	kma_report_proof(t->report, finding, METRIC(EXTFRAG_SEVERE), kma_no_labels());
	if (!t->no_pageblock)
		kma_report_proof(t->report, finding, METRIC(EXTFRAG_ADVISED), kma_no_labels());
}

int extfrag_report(const struct kma_state *state, const struct kma_summary *summary,
		   struct kma_report *report)
{
	struct telling t = {
		.state = state,
		.summary = summary,
		.report = report,
		.pageblock_order = state->trace->pageblock_order,
	};
	int ret = sort(&t);

	if (!ret) {
		if (!state->events)
			t.no_events = kma_no_record(t.report, t.state->trace,
						    KMA_PAGE_ALLOC_EXTFRAG);
		if (t.pageblock_order < 0)
			t.no_pageblock =
				"the trace's format of mm_page_alloc_extfrag does not tell "
				"the pageblock order";
		advise(&t);
		judge(&t);
		tell_metrics(&t);
		if (state->events) {
			table_of_orders(&t);
			table_of_pairs(&t);
			table_of_tasks(&t);
			tell_series(&t);
			find_fragmentation(&t);
		}
	}
	free(t.pairs);
	free(t.tasks);
	return ret;
}
