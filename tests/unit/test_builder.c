/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building a result and finishing it: copies, statuses, growth, names for addresses, order of metrics.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "result/histogram.h"
#include "result/result.h"
#include "util/arena.h"

static const struct kma_metric_def total = { "t.total",	      KMA_COUNTER,  KMA_UNIT_COUNT,
					     KMA_BETTER_NONE, "cpu caller", "total" };
static const struct kma_metric_def hold = { "t.hold_ns",      KMA_DISTRIBUTION, KMA_UNIT_NS,
					    KMA_BETTER_LOWER, "caller",		"hold" };
static const struct kma_metric_def ratio = { "t.ratio",	       KMA_GAUGE, KMA_UNIT_RATIO,
					     KMA_BETTER_LOWER, "",	  "ratio" };
static const struct kma_column columns[] = { { "caller", "caller", KMA_UNIT_COUNT, 0 },
					     { "n", "n", KMA_UNIT_COUNT, 0 } };
static const struct kma_status exact = { KMA_EXACT, NULL };

struct seen {
	uint64_t addresses[16];
	size_t nr, calls;
};

static int lookup(void *source, const uint64_t *addresses, const char **names, size_t nr,
		  struct kma_arena *arena)
{
	struct seen *seen = source;

	seen->calls++;
	seen->nr = nr;
	for (size_t i = 0; i < nr && i < 16; i++) {
		seen->addresses[i] = addresses[i];
		if (addresses[i] < 0x1000)
			names[i] = kma_arena_printf(arena, "f%d+0x1", (int)addresses[i] % 2);
	}
	return 0;
}

static int failing_lookup(void *source, const uint64_t *addresses, const char **names, size_t nr,
			  struct kma_arena *arena)
{
	(void)source, (void)addresses, (void)names, (void)nr, (void)arena;
	return -1;
}

static const char *label_text(const struct kma_metric *metric)
{
	static char buf[KMA_VALUE_TEXT];

	return kma_value_text(&metric->labels.label[0].value, buf);
}

static void addresses_get_names_once(void **state)
{
	struct kma_result *result = kma_result_new();
	struct kma_report *report = kma_result_report(result, "t", "T");
	struct seen seen = { .nr = 0 };
	struct kma_error err;
	size_t f;

	(void)state;
	kma_report_value(report, &total, kma_label1("caller", kma_address(0x11)), exact, kma_int(1));
	kma_report_value(report, &total, kma_label1("caller", kma_address(0xfff0)), exact,
			 kma_int(2));
	kma_report_table(report, "by_caller", "By caller", NULL, columns, 2);
	kma_report_row(report, (struct kma_value[]){ kma_address(0x11), kma_int(1) });
	kma_report_row(report, (struct kma_value[]){ kma_address(0x20), kma_none() });
	f = kma_report_finding(report, "t.bad", KMA_WARN, "see " KMA_PRI_SYM,
			       "at " KMA_PRI_SYM " and " KMA_PRI_SYM "!", (uint64_t)0x11,
			       (uint64_t)UINT64_MAX);
	assert_int_equal(f, 0);
	kma_report_proof(report, f, &total, kma_label1("caller", kma_address(0x11)));
	kma_report_proof(report, f, &total, kma_no_labels());
	kma_result_note(result, "stray \001 and \001zz\001 stay");

	assert_int_equal(kma_result_resolve(result, lookup, &seen, &err), 0);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.nr, 4);
	assert_true(seen.addresses[0] == 0x11 && seen.addresses[1] == 0x20);
	assert_true(seen.addresses[2] == 0xfff0 && seen.addresses[3] == UINT64_MAX);
	assert_string_equal(label_text(&report->metrics[0]), "0xfff0");
	assert_string_equal(label_text(&report->metrics[1]), "f1+0x1");
	assert_int_equal(report->tables[0].cells[0].type, KMA_VALUE_STRING);
	assert_string_equal(report->tables[0].cells[0].string, "f1+0x1");
	assert_string_equal(report->tables[0].cells[2].string, "f0+0x1");
	assert_string_equal(report->findings[0].message, "at f1+0x1 and 0xffffffffffffffff!");
	assert_string_equal(report->findings[0].metrics[0], "t.total{caller=f1+0x1}");
	assert_string_equal(report->findings[0].metrics[1], "t.total");
	assert_ptr_equal(kma_report_find(report, report->findings[0].metrics[0]),
			 &report->metrics[1]);
	assert_null(kma_report_find(report, "t.total{caller=f1+0x1}x"));
	assert_null(kma_report_find(report, "t.tot"));
	assert_string_equal(result->quality.notes[0], "stray \001 and \001zz\001 stay");
	assert_ptr_equal(kma_result_find_report(result, "t"), report);
	assert_null(kma_result_find_report(result, "u"));
	kma_result_free(result);
}

static void twins_stay_apart(void **state)
{
	struct kma_result *result = kma_result_new();
	struct kma_report *report = kma_result_report(result, "t", "T");
	struct seen seen = { .nr = 0 };

	(void)state;
	for (uint64_t a = 1; a <= 4; a++)
		kma_report_value(report, &total, kma_label1("caller", kma_address(a)), exact,
				 kma_int((int64_t)a));
	assert_int_equal(kma_result_resolve(result, lookup, &seen, NULL), 0);
	assert_string_equal(label_text(&report->metrics[0]), "f0+0x1 (0x2)");
	assert_string_equal(label_text(&report->metrics[1]), "f0+0x1 (0x4)");
	assert_string_equal(label_text(&report->metrics[2]), "f1+0x1 (0x1)");
	assert_string_equal(label_text(&report->metrics[3]), "f1+0x1 (0x3)");
	kma_result_free(result);
}

static void no_lookup_gives_hex_and_failure_is_told(void **state)
{
	struct kma_error err = { .code = KMA_OK };
	struct kma_result *result = kma_result_new();
	struct kma_report *report = kma_result_report(result, "t", "T");

	(void)state;
	kma_report_value(report, &total, kma_label1("caller", kma_address(0xab)), exact, kma_int(1));
	assert_int_equal(kma_result_resolve(result, failing_lookup, NULL, &err), -1);
	assert_int_equal(err.code, KMA_ERR_INTERNAL);
	assert_int_equal(kma_result_resolve(result, NULL, NULL, &err), 0);
	assert_string_equal(label_text(&report->metrics[0]), "0xab");
	report->failed = true;
	assert_int_equal(kma_result_resolve(result, NULL, NULL, NULL), -1);
	kma_result_free(result);
}

static void metrics_are_sorted(void **state)
{
	static const int cpus[] = { 10, 9, 2, -1 };
	struct kma_result *result = kma_result_new();
	struct kma_report *report = kma_result_report(result, "t", "T");

	(void)state;
	kma_report_value(report, &ratio, kma_no_labels(), exact, kma_real(0.5));
	for (size_t i = 0; i < 4; i++)
		kma_report_value(report, &total, kma_label1("cpu", kma_int(cpus[i])), exact,
				 kma_int(1));
	kma_report_value(report, &total, kma_label1("caller", kma_text("b")), exact, kma_int(1));
	kma_report_value(report, &total, kma_label1("caller", kma_text("a")), exact, kma_int(1));
	kma_report_value(report, &total, kma_no_labels(), exact, kma_int(4));
	assert_int_equal(kma_result_resolve(result, NULL, NULL, NULL), 0);
	assert_ptr_equal(report->metrics[0].def, &ratio);
	assert_int_equal(report->metrics[1].labels.nr, 0);
	assert_string_equal(label_text(&report->metrics[2]), "a");
	assert_string_equal(label_text(&report->metrics[3]), "b");
	assert_string_equal(label_text(&report->metrics[4]), "-1");
	assert_string_equal(label_text(&report->metrics[5]), "2");
	assert_string_equal(label_text(&report->metrics[7]), "10");
	kma_result_free(result);
}

static void everything_is_copied_and_grows(void **state)
{
	struct kma_result *result = kma_result_new();
	struct kma_report *report;
	char text[64];

	(void)state;
	for (int r = 0; r < 20; r++) {
		report = kma_result_report(result, "t", "T");
		kma_report_table(report, "table", "Table", "note", columns, 2);
		for (int i = 0; i < 1000; i++) {
			snprintf(text, sizeof(text), "name %d", i);
			kma_report_value(report, &total, kma_label1("caller", kma_text(text)),
					 (struct kma_status){ KMA_LOWER_BOUND, text }, kma_int(i));
			kma_report_row(report, (struct kma_value[]){ kma_text(text), kma_int(i) });
			kma_result_note(result, "%s", text);
		}
		memset(text, 'x', sizeof(text) - 1);
	}
	for (int r = 0; r < 20; r++) {
		report = &result->reports[r];
		assert_int_equal(report->nr_metrics, 1000);
		assert_int_equal(report->tables[0].nr_rows, 1000);
		assert_string_equal(label_text(&report->metrics[999]), "name 999");
		assert_string_equal(report->metrics[7].status.reason, "name 7");
		assert_string_equal(report->tables[0].cells[2 * 999].string, "name 999");
		assert_true(report->tables[0].cells[2 * 999 + 1].i == 999);
	}
	assert_int_equal(result->quality.nr_notes, 20000);
	assert_string_equal(result->quality.notes[8], "name 8");
	kma_result_free(result);
}

static void distributions(void **state)
{
	struct kma_result *result = kma_result_new();
	struct kma_report *report = kma_result_report(result, "t", "T");
	struct kma_histogram h = { 0 };
	const struct kma_dist *dist;
	uint64_t in_buckets = 0;

	(void)state;
	kma_report_dist(report, &hold, kma_no_labels(), exact, &h);
	for (uint64_t v = 1; v <= 1000; v++)
		assert_int_equal(kma_histogram_add(&h, v * v, 2), 0);
	kma_report_dist(report, &hold, kma_label1("caller", kma_text("f")), exact, &h);
	kma_histogram_free(&h);

	assert_true(report->metrics[0].dist->count == 0 && !report->metrics[0].dist->nr_buckets);
	dist = report->metrics[1].dist;
	assert_true(dist->count == 2000 && dist->min == 1 && dist->max == 1000000);
	assert_true(dist->sum == 2 * UINT64_C(333833500));
	assert_true(fabs(dist->mean - 333833.5) < 1e-6);
	assert_true(dist->p50 > 247500 && dist->p50 < 252500);
	for (size_t i = 0; i < dist->nr_buckets; i++) {
		assert_true(dist->buckets[i].count > 0);
		assert_true(!i || dist->buckets[i].low > dist->buckets[i - 1].low);
		assert_true(kma_histogram_bucket_low(dist->buckets[i].low) == dist->buckets[i].low);
		in_buckets += dist->buckets[i].count;
	}
	assert_true(in_buckets == 2000);
	kma_result_free(result);
}

static void statuses(void **state)
{
	struct kma_result *result = kma_result_new();
	struct kma_report *report = kma_result_report(result, "t", "T");

	(void)state;
	kma_report_unavailable(report, &total, kma_no_labels(), "no such event");
	kma_report_value(report, &ratio, kma_no_labels(), exact, kma_real(NAN));
	kma_report_value(report, &total, kma_no_labels(),
			 (struct kma_status){ KMA_UNAVAILABLE, "x" }, kma_int(7));
	kma_report_value(report, &total, kma_no_labels(),
			 (struct kma_status){ KMA_APPROXIMATE, NULL }, kma_int(7));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(report->metrics[i].status.code, KMA_UNAVAILABLE);
		assert_int_equal(report->metrics[i].value.type, KMA_VALUE_NONE);
	}
	for (size_t i = 0; i < 4; i++)
		assert_non_null(report->metrics[i].status.reason);

	kma_report_status(report, (struct kma_status){ KMA_APPROXIMATE, "a" });
	kma_report_status(report, (struct kma_status){ KMA_UNAVAILABLE, "b" });
	kma_report_status(report, (struct kma_status){ KMA_LOWER_BOUND, "c" });
	kma_report_status(report, (struct kma_status){ KMA_APPROXIMATE, "a" });
	kma_report_status(report, exact);
	assert_int_equal(report->status.code, KMA_UNAVAILABLE);
	assert_string_equal(report->status.reason, "b");
	assert_int_equal(report->nr_reasons, 3);
	assert_string_equal(report->reasons[2], "c");
	kma_result_free(result);
}

static void trace_metrics(void **state)
{
	struct kma_event_count events[] = { { "kmem", "a", 3 }, { "kmem", "b", 0 } };
	struct kma_cpu_coverage cpus[] = {
		{ .cpu = 1, .lost = 2, .lost_counted = true },
		{ .cpu = 0, .lost = 0, .lost_counted = false },
		{ .cpu = 1, .lost = 1, .lost_counted = false },
	};
	struct kma_result *result = kma_result_new();
	const struct kma_report *trace = &result->trace;

	(void)state;
	result->facts.records = 3;
	result->facts.events = events;
	result->facts.nr_events = 2;
	result->facts.first_ts = 100;
	result->facts.last_ts = 350;
	result->quality.lost = 3;
	result->quality.cpus = cpus;
	result->quality.nr_cpus = 3;
	assert_int_equal(kma_result_trace_metrics(result), 0);
	assert_int_equal(kma_result_resolve(result, NULL, NULL, NULL), 0);
	assert_true(kma_report_find(trace, "trace.events_total")->value.i == 3);
	assert_true(kma_report_find(trace, "trace.events_total{event=kmem:a}")->value.i == 3);
	assert_null(kma_report_find(trace, "trace.events_total{event=kmem:b}"));
	assert_int_equal(kma_report_find(trace, "trace.lost_events_total")->status.code,
			 KMA_LOWER_BOUND);
	assert_int_equal(kma_report_find(trace, "trace.lost_events_total{cpu=0}")->status.code,
			 KMA_EXACT);
	assert_true(kma_report_find(trace, "trace.lost_events_total{cpu=1}")->value.i == 3);
	assert_int_equal(kma_report_find(trace, "trace.lost_events_total{cpu=1}")->status.code,
			 KMA_LOWER_BOUND);
	assert_true(kma_report_find(trace, "trace.span_ns")->value.i == 250);
	assert_int_equal(trace->nr_metrics, 6);
	kma_result_free(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_get_names_once),
		cmocka_unit_test(twins_stay_apart),
		cmocka_unit_test(no_lookup_gives_hex_and_failure_is_told),
		cmocka_unit_test(metrics_are_sorted),
		cmocka_unit_test(everything_is_copied_and_grows),
		cmocka_unit_test(distributions),
		cmocka_unit_test(statuses),
		cmocka_unit_test(trace_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
