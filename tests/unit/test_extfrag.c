/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The analysis of external fragmentation, fed by hand: what it reports is checked against numbers
 * worked out on paper. Knows nothing of traces, only of events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugins.h"
#include "result/result.h"

#define ALL_FORMATS (~UINT64_C(0))
#define MAX_EVENTS  20000
#define MIB	    (1024 * 1024)

struct fixture {
	struct kma_trace trace;
	struct kma_summary summary;
	struct kma_state *state;
	struct kma_event *events; /* not fed yet */
	size_t nr;
	uint64_t now;
	struct kma_result *result;
	struct kma_report *report;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->events = calloc(MAX_EVENTS, sizeof(*f->events));
	f->trace = (struct kma_trace){
		.clock = KMA_CLOCK_GLOBAL,
		.clock_name = "global",
		.nr_cpus = 4,
		.page_size = 4096,
		.pageblock_order = 9,
		.start_ts = 1000,
		.formats = ALL_FORMATS,
		.optional_fields[KMA_PAGE_ALLOC_EXTFRAG] = KMA_HAS_PFN | KMA_HAS_CHANGE_OWNERSHIP,
	};
	f->now = 1000;
	f->summary.first_ts = 1000;
	*state = f;
	return f->events ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kma_extfrag_analysis.close(f->state);
	kma_result_free(f->result);
	free(f->events);
	free(f);
	return 0;
}

static void feed(struct fixture *f)
{
	struct kma_batch batch = { .events = f->events, .nr = f->nr };
	struct kma_error error = { 0 };

	if (!f->state)
		f->state = kma_extfrag_analysis.open(&f->trace, &error);
	assert_non_null(f->state);
	assert_int_equal(kma_extfrag_analysis.feed(f->state, &batch), 0);
	f->nr = 0;
}

static struct kma_event *add(struct fixture *f, enum kma_kind kind)
{
	assert_true(f->nr < MAX_EVENTS);
	f->now += 10;
	f->summary.last_ts = f->now;
	f->summary.records[kind]++;
	f->events[f->nr] = (struct kma_event){ .ts = f->now, .pid = 7, .kind = kind };
	return &f->events[f->nr++];
}

static struct kma_event *fall_back(struct fixture *f, int32_t order, int32_t fallback_order,
				   int32_t type, int32_t fallback_type)
{
	struct kma_event *e = add(f, KMA_PAGE_ALLOC_EXTFRAG);

	e->extfrag = (struct kma_extfrag){
		.pfn = 1,
		.alloc_order = order,
		.fallback_order = fallback_order,
		.alloc_migratetype = type,
		.fallback_migratetype = fallback_type,
	};
	return e;
}

static void see_node(struct fixture *f, int32_t node)
{
	add(f, KMA_ZONE_LOCKED)->zone_lock.node_id = node;
}

static void report(struct fixture *f)
{
	feed(f);
	kma_result_free(f->result);
	f->result = kma_result_new();
	assert_non_null(f->result);
	f->report = kma_result_report(f->result, kma_extfrag_analysis.name,
				      kma_extfrag_analysis.title);
	assert_int_equal(kma_extfrag_analysis.report(f->state, &f->summary, f->report), 0);
	assert_false(f->report->failed);
}

static const struct kma_metric *find(const struct fixture *f, const char *key)
{
	struct kma_error error = { 0 };
	const struct kma_metric *metric;

	assert_int_equal(kma_result_resolve(f->result, NULL, NULL, &error), 0);
	metric = kma_report_find(f->report, key);
	assert_non_null(metric);
	return metric;
}

static void check(const struct fixture *f, const char *key, int64_t value)
{
	const struct kma_metric *metric = find(f, key);

	assert_int_not_equal(metric->status.code, KMA_UNAVAILABLE);
	assert_int_equal(metric->value.i, value);
}

static void check_status(const struct fixture *f, const char *key, enum kma_status_code code,
			 const char *reason)
{
	const struct kma_metric *metric = find(f, key);

	assert_int_equal(metric->status.code, code);
	if (reason)
		assert_non_null(strstr(metric->status.reason, reason));
	else
		assert_null(metric->status.reason);
}

static void parts_add_up(void **state)
{
	struct fixture *f = *state;

	fall_back(f, 0, 10, 0, 1)->extfrag.change_ownership = 1;
	fall_back(f, 0, 9, 0, 1);
	fall_back(f, 2, 8, 0, 2);
	fall_back(f, 2, 3, 1, 0);
	fall_back(f, 0, 0, 1, 0);
	report(f);
	check(f, "extfrag.events_total", 5);
	check(f, "extfrag.events_total{alloc_order=0}", 3);
	check(f, "extfrag.events_total{alloc_order=2}", 2);
	check(f, "extfrag.events_total{fallback_order=10}", 1);
	check(f, "extfrag.events_total{fallback_order=3}", 1);
	check(f, "extfrag.events_total{alloc_migratetype=0,fallback_migratetype=1}", 2);
	check(f, "extfrag.events_total{alloc_migratetype=1,fallback_migratetype=0}", 2);
	check(f, "extfrag.events_total{alloc_migratetype=0,fallback_migratetype=2}", 1);
	check(f, "extfrag.fragmenting_total", 3); /* 9 is a whole pageblock */
	check(f, "extfrag.severe_total", 2);
	check(f, "extfrag.ownership_changes_total", 1);
	check_status(f, "extfrag.events_total", KMA_EXACT, NULL);
	assert_int_equal(f->report->nr_findings, 1);
	assert_string_equal(f->report->tables[1].name, "migratetypes");
	/* most events first, then by migratetype */
	assert_int_equal(f->report->tables[1].cells[0].i, 0);
	assert_int_equal(f->report->tables[1].cells[1].i, 1);
}

static void the_trace_may_not_tell_the_pageblock(void **state)
{
	struct fixture *f = *state;

	f->trace.pageblock_order = -1;
	fall_back(f, 0, 3, 0, 1);
	report(f);
	check(f, "extfrag.events_total", 1);
	check(f, "extfrag.severe_total", 1);
	check_status(f, "extfrag.fragmenting_total", KMA_UNAVAILABLE, "pageblock order");
	check_status(f, "extfrag.advised_min_free_kbytes_increase", KMA_UNAVAILABLE,
		     "pageblock order");
	assert_int_equal(f->report->nr_findings, 1);
}

static void old_kernels_lack_change_ownership(void **state)
{
	struct fixture *f = *state;

	f->trace.optional_fields[KMA_PAGE_ALLOC_EXTFRAG] = KMA_HAS_PFN;
	fall_back(f, 0, 3, 0, 1);
	report(f);
	check_status(f, "extfrag.ownership_changes_total", KMA_UNAVAILABLE, "change_ownership");
}

static void advice_for_the_nodes_given(void **state)
{
	struct fixture *f = *state;

	f->trace.nodes = 4;
	see_node(f, 0);
	fall_back(f, 0, 3, 0, 1);
	report(f);
	check(f, "extfrag.advised_min_free_kbytes_increase", 3 * 4 * 2 * MIB);
	check_status(f, "extfrag.advised_min_free_kbytes_increase", KMA_EXACT, NULL);
	assert_non_null(strstr(f->report->findings[0].advice, "24576 kB"));
}

static void advice_for_the_nodes_seen(void **state)
{
	struct fixture *f = *state;

	fall_back(f, 0, 3, 0, 1);
	report(f);
	check(f, "extfrag.advised_min_free_kbytes_increase", 3 * 2 * MIB);
	check_status(f, "extfrag.advised_min_free_kbytes_increase", KMA_LOWER_BOUND, "--nodes N");
	see_node(f, 0);
	see_node(f, 3);
	see_node(f, 3);
	see_node(f, -1);
	see_node(f, 1 << 20);
	report(f);
	check(f, "extfrag.advised_min_free_kbytes_increase", 3 * 2 * 2 * MIB);
	check_status(f, "extfrag.advised_min_free_kbytes_increase", KMA_LOWER_BOUND,
		     "2 nodes were");
}

static void no_event_is_not_zero(void **state)
{
	struct fixture *f = *state;

	see_node(f, 0);
	report(f);
	for (const struct kma_metric_def *def = kma_extfrag_analysis.metrics; def->name; def++)
		check_status(f, def->name, KMA_UNAVAILABLE, "mm_page_alloc_extfrag has no record");
	assert_int_equal(f->report->status.code, KMA_UNAVAILABLE);
	assert_int_equal(f->report->nr_findings, 0);
	f->trace.formats = 0;
	report(f);
	check_status(f, "extfrag.events_total", KMA_UNAVAILABLE, "is not in the trace");
}

static void whole_pageblocks_are_no_finding(void **state)
{
	struct fixture *f = *state;

	fall_back(f, 0, 10, 0, 1);
	report(f);
	check(f, "extfrag.fragmenting_total", 0);
	assert_int_equal(f->report->nr_findings, 0);
}

static void many_are_a_warning(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 99; i++)
		fall_back(f, 0, 1, 0, 1);
	report(f);
	assert_int_equal(f->report->findings[0].severity, KMA_INFO);
	fall_back(f, 0, 1, 0, 1);
	report(f);
	assert_int_equal(f->report->findings[0].severity, KMA_WARN);
}

static void lost_and_cut(void **state)
{
	struct fixture *f = *state;
	struct kma_lost lost = { .counted = 1, .count = 5 };

	fall_back(f, 0, 3, 0, 1);
	feed(f);
	assert_int_equal(kma_extfrag_analysis.lost(f->state, &lost), 0);
	f->summary.lost = 5;
	f->summary.truncated = true;
	report(f);
	check_status(f, "extfrag.events_total", KMA_LOWER_BOUND,
		     "5 records were lost; the trace is");
	check_status(f, "extfrag.severe_total", KMA_LOWER_BOUND, "lost");
}

static void damaged_records(void **state)
{
	struct fixture *f = *state;

	fall_back(f, -1, -5, -1, -1);
	fall_back(f, 1000, 1000, 0, 0);
	fall_back(f, 0, 0, INT32_MIN, INT32_MAX);
	report(f);
	check(f, "extfrag.events_total", 3);
	check(f, "extfrag.events_total{fallback_order=31}", 2);
	check(f, "extfrag.severe_total", 1);
	check(f, "extfrag.fragmenting_total", 1);
	check(f, "extfrag.events_total{alloc_migratetype=other,fallback_migratetype=other}", 1);
	check(f, "extfrag.events_total{alloc_migratetype=0,fallback_migratetype=0}", 1);
}

static void ticks_have_no_series(void **state)
{
	struct fixture *f = *state;

	fall_back(f, 0, 3, 0, 1);
	report(f);
	assert_int_equal(f->report->nr_series, 1);
	f->trace.clock = KMA_CLOCK_TICKS;
	report(f);
	assert_int_equal(f->report->nr_series, 0);
	check(f, "extfrag.events_total", 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parts_add_up),
		TEST(the_trace_may_not_tell_the_pageblock),
		TEST(old_kernels_lack_change_ownership),
		TEST(advice_for_the_nodes_given),
		TEST(advice_for_the_nodes_seen),
		TEST(no_event_is_not_zero),
		TEST(whole_pageblocks_are_no_finding),
		TEST(many_are_a_warning),
		TEST(lost_and_cut),
		TEST(damaged_records),
		TEST(ticks_have_no_series),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
