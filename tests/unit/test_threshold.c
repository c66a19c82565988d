/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar of thresholds, files of them, and every verdict, on results whose numbers are known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <kmem-analyze/analysis.h>

#include "gate/judge.h"
#include "gate/threshold.h"
#include "result/histogram.h"
#include "result/judgement.h"
#include "result/result.h"

static void accepted(void **state)
{
	static const char *const texts[] = {
		"zone_lock.acquisitions_total: value < 10",
		"  error:zone_lock.acquisitions_total:value<10  ",
		"warn: zone_lock.hold_ns: p99 <= 1.5ms && max < 1s && count > 0",
		"zone_lock.hold_ns{}: p(99.95) <= 2us",
		"zone_lock.hold_ns{zone=Normal,node=0}: mean > 0",
		"zone_lock.hold_ns { caller = get_page* } : p50 <= base",
		"zone_lock.hold_ns{caller=\"a,b}*\"}: p50 <= base * 1.1 + 5us - 1%",
		"zone_lock.hold_ns: rate <= 100/s",
		"zone_lock.hold_ns: rate <= base + 100/s",
		"zone_lock.contended_ratio: value <= 5%",
		"zone_lock.contended_ratio: value <= base + 5% && delta <= 0.01",
		"zone_lock.pages_total: delta <= 100 pages && rate < 1e6",
		"zone_lock.hold_ns_per_page: value <= 3us/page",
		"zone_lock.hold_ns: sum == 0 && min != 0",
		"pcp.net_pages: value >= -5",
		"trace.lost_events_total{cpu=*}: value == 0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct kma_thresholds *all = kma_thresholds_new();
		struct kma_error err = { 0 };

		if (kma_thresholds_add(all, texts[i], "t", NULL, &err) < 0)
			fail_msg("%s: %s", texts[i], err.message);
		assert_int_equal(all->nr, 1);
		kma_thresholds_free(all);
	}
}

/* The column of each error, and words that must be in the message */
static void rejected(void **state)
{
	static const struct {
		const char *text;
		unsigned int column;
		const char *words;
	} bad[] = {
		{ "", 1, "name of a metric" },
		{ "zone_lock.hold_nss: p99 < 1ms", 1, "is it zone_lock.hold_ns?" },
		{ "warn: nothing.like_it: value < 1", 7, "no metric \"nothing.like_it\"" },
		{ "zone_lock.hold_ns p99 < 1ms", 19, "\":\" must stand here" },
		{ "zone_lock.hold_ns: p98x < 1ms", 20, "a statistic must stand here" },
		{ "zone_lock.hold_ns: value < 1ms", 20, "has no value" },
		{ "zone_lock.acquisitions_total: p99 < 1", 31, "has no p99" },
		{ "pcp.net_pages: rate < 1", 16, "is a gauge, which has no rate" },
		{ "zone_lock.hold_ns: p99 =< 1ms", 24, "one of < <= > >= == !=" },
		{ "zone_lock.hold_ns: p99 < ms", 26, "number or base" },
		{ "zone_lock.hold_ns: p99 < -", 26, "a number" },
		{ "zone_lock.hold_ns: p99 < 1", 27, "needs a unit: ns, us, ms or s" },
		{ "zone_lock.hold_ns: p99 < 1 KiB", 28, "KiB does not go with" },
		{ "zone_lock.hold_ns: p99 < 1parsec", 27, "no unit \"parsec\"" },
		{ "zone_lock.hold_ns: p99 < 5%", 27, "% does not go with" },
		{ "zone_lock.hold_ns: count < 5ms", 29, "ms does not go with this statistic" },
		{ "zone_lock.hold_ns: p(0) < 1ms", 22, "percentage above 0" },
		{ "zone_lock.hold_ns: p(100.1) < 1ms", 22, "percentage above 0" },
		{ "zone_lock.hold_ns: p(99 < 1ms", 22, "percentage above 0" },
		{ "zone_lock.hold_ns: p99 < 1ms && ", 33, "a statistic" },
		{ "zone_lock.hold_ns: p99 < 1ms || max < 1ms", 30, "the end or &&" },
		{ "zone_lock.hold_ns: p99 < 1ms extra", 30, "the end or &&" },
		{ "zone_lock.hold_ns: delta < 1ms", 20, "delta of what?" },
		{ "zone_lock.hold_ns: p99 < base && delta < base", 42,
		  "a difference from the baseline" },
		{ "zone_lock.hold_ns: p99 < base * -1", 32, "factor below 0" },
		{ "zone_lock.hold_ns: p99 < base + 5", 34, "needs a unit" },
		{ "zone_lock.hold_ns{cpux=1}: p99 < 1ms", 19, "no label \"cpux\"" },
		{ "zone_lock.hold_ns{node=1}: p99 < 1ms", 18, "not split by these labels" },
		{ "zone_lock.hold_ns{caller=a,cpu=1}: p99 < 1ms", 18, "not split by these" },
		{ "zone_lock.hold_ns{cpu=1,cpu=2}: p99 < 1ms", 25, "twice" },
		{ "zone_lock.hold_ns{cpu=}: p99 < 1ms", 23, "value must stand here" },
		{ "zone_lock.hold_ns{cpu 1}: p99 < 1ms", 23, "\"=\" must stand here" },
		{ "zone_lock.hold_ns{cpu=1: p99 < 1ms", 35, "\",\" or \"}\"" },
		{ "zone_lock.hold_ns{caller=\"a}: p99 < 1ms", 26, "never closed" },
		{ "zone_lock.hold_ns{caller=\xc3\xa9\xc3\xa9}: p98 < 1ms", 31, "a statistic" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct kma_thresholds *all = kma_thresholds_new();
		struct kma_error err = { 0 };
		char column[40];

		snprintf(column, sizeof(column), "here: column %u of \"", bad[i].column);
		assert_int_equal(kma_thresholds_add(all, bad[i].text, "here", NULL, &err), -1);
		assert_int_equal(err.code, KMA_ERR_USAGE);
		if (strncmp(err.message, column, strlen(column)) != 0 ||
		    !strstr(err.message, bad[i].words))
			fail_msg("%s: not %s %s: %s", bad[i].text, column, bad[i].words,
				 err.message);
		assert_int_equal(all->nr, 0);
		kma_thresholds_free(all);
	}
}

static void patterns(void **state)
{
	static const struct {
		const char *threshold, *key, *value;
		bool fits;
	} cases[] = {
		{ "zone_lock.hold_ns{caller=*}: max < 1s", "caller", "", true },
		{ "zone_lock.hold_ns{caller=a*c}: max < 1s", "caller", "abcbc", true },
		{ "zone_lock.hold_ns{caller=a*c}: max < 1s", "caller", "abcb", false },
		{ "zone_lock.hold_ns{caller=a?c}: max < 1s", "caller", "abc", true },
		{ "zone_lock.hold_ns{caller=a?c}: max < 1s", "caller", "ac", false },
		{ "zone_lock.hold_ns{caller=\"a*\"}: max < 1s", "caller", "a*", true },
		{ "zone_lock.hold_ns{caller=\"a*\"}: max < 1s", "caller", "ab", false },
		{ "zone_lock.hold_ns{caller=f+0x1 }: max < 1s", "caller", "f+0x1", true },
		{ "zone_lock.hold_ns{cpu=3}: max < 1s", "cpu", "3", true },
		{ "zone_lock.hold_ns{cpu=3}: max < 1s", "cpu", "13", false },
		{ "zone_lock.hold_ns{cpu=3}: max < 1s", "caller", "3", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct kma_thresholds *all = kma_thresholds_new();
		struct kma_labels labels = kma_label1(cases[i].key, kma_text(cases[i].value));

		assert_int_equal(kma_thresholds_add(all, cases[i].threshold, "t", NULL, NULL), 0);
		if (kma_threshold_matches(&all->list[0], &labels) != cases[i].fits)
			fail_msg("%s and %s", cases[i].threshold, cases[i].value);
		kma_thresholds_free(all);
	}
}

static void files(void **state)
{
#define HEAD "{\"schema\":\"kmem-analyze-thresholds/1\","
	static const struct {
		const char *json, *words; /* NULL: is good */
	} cases[] = {
		{ HEAD "\"thresholds\":[{\"threshold\":\"zone_lock.hold_ns: p99 < "
		       "1ms\",\"why\":\"w\"}]}",
		  NULL },
		{ HEAD
		  "\"about\":\"x\",\"thresholds\":[{\"threshold\":\"zone_lock.hold_ns: p99 < 1ms\","
		  "\"why\":\"w\"},{\"threshold\":\"zone_lock.hold_ns: p9 < 1ms\",\"why\":\"w\"}]}",
		  "f: thresholds[1]: column 20 of " },
		{ HEAD "\"thresholds\":[]}", "f: thresholds: is empty" },
		{ HEAD "\"thresholds\":[{\"threshold\":\"zone_lock.hold_ns: p99 < 1ms\"}]}",
		  "f: thresholds[0]: lacks \"why\"" },
		{ HEAD
		  "\"thresholds\":[{\"threshold\":\"zone_lock.hold_ns: p99 < 1ms\",\"why\":\"\"}]}",
		  "\"why\" is empty" },
		{ HEAD "\"thresholds\":[{\"expr\":\"x\",\"why\":\"w\"}]}",
		  "f: thresholds[0]: unknown member \"expr\"" },
		{ HEAD "\"thresholds\":[{\"threshold\":7,\"why\":\"w\"}]}",
		  "f: thresholds[0].threshold: must be a string, is int" },
		{ HEAD "\"treshold\":[]}", "unknown member \"treshold\"" },
		{ "{\"schema\":\"kmem-analyze-thresholds/2\"}", "this version reads" },
		{ "{}", "f: lacks \"schema\"" },
		{ "[]", "f: must be a JSON object" },
		{ "", "f: no valid JSON: it is empty" },
		{ "null", "f: only a null" },
		{ "{\n\n\"a\":1,}", "f: no valid JSON: line 3" },
		{ "{} x", "more text behind the document" },
		{ "{\"schema\"", "it ends too early" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct kma_thresholds *all = kma_thresholds_new();
		struct kma_error err = { 0 };
		int ret = kma_thresholds_parse_json(all, cases[i].json, strlen(cases[i].json), "f",
						    &err);

		if (!cases[i].words) {
			assert_int_equal(ret, 0);
			assert_string_equal(all->list[0].why, "w");
			assert_string_equal(all->list[0].origin, "f: thresholds[0]");
		} else if (ret == 0 || !strstr(err.message, cases[i].words)) {
			fail_msg("%s: not \"%s\": %s", cases[i].json, cases[i].words,
				 ret ? err.message : "accepted");
		}
		kma_thresholds_free(all);
	}
}

/* Verdicts */

static const struct kma_status exact = { KMA_EXACT, NULL };
static const struct kma_status bound = { KMA_LOWER_BOUND, "events were lost" };

static const struct kma_metric_def *def_of(const char *name)
{
	for (size_t i = 0; kma_analyses[i]; i++)
		for (const struct kma_metric_def *def = kma_analyses[i]->metrics; def->name; def++)
			if (!strcmp(def->name, name))
				return def;
	fail_msg("no metric %s", name);
	return NULL;
}

static void add_dist(struct kma_report *report, const char *name, struct kma_labels labels,
		     uint64_t step, unsigned int nr)
{
	struct kma_histogram h = { 0 };

	for (unsigned int i = 1; i <= nr; i++)
		assert_int_equal(kma_histogram_add(&h, i * step, 1), 0);
	kma_report_dist(report, def_of(name), labels, exact, &h);
	kma_histogram_free(&h);
}

/*
 * In the tenfold of @scale: 100 holds of 1, 2, ... 100 times 10 ns; 4 waits. Ten seconds long.
 */
static struct kma_result *make(int64_t scale)
{
	struct kma_result *result = kma_result_new();
	struct kma_report *report = kma_result_report(result, "zone_lock", "Zone locks");

	result->facts.source = "made";
	result->facts.records = 1000;
	result->facts.last_ts = 10000000000;
	kma_report_value(report, def_of("zone_lock.acquisitions_total"), kma_no_labels(), exact,
			 kma_int(scale * 10));
	kma_report_value(report, def_of("zone_lock.acquisitions_total"),
			 kma_label1("caller", kma_text("fast")), exact,
			 kma_int(scale > 1 ? 15 : 8));
	kma_report_value(report, def_of("zone_lock.acquisitions_total"),
			 kma_label1("caller", kma_text("slow")), exact,
			 kma_int(scale * 10 - (scale > 1 ? 15 : 8)));
	kma_report_value(report, def_of("zone_lock.contended_total"), kma_no_labels(), exact,
			 kma_int(10 * (scale - 1)));
	kma_report_value(report, def_of("zone_lock.contended_ratio"), kma_no_labels(), exact,
			 kma_real(0.01 * (double)scale));
	kma_report_value(report, def_of("zone_lock.pages_total"), kma_no_labels(), bound,
			 kma_int(scale * 100));
	kma_report_unavailable(report, def_of("zone_lock.hold_ns_per_page"), kma_no_labels(),
			       "no refills");
	add_dist(report, "zone_lock.hold_ns", kma_no_labels(), 10 * scale, 100);
	add_dist(report, "zone_lock.hold_ns", kma_label1("caller", kma_text("fast")), 10, 50);
	if (scale > 1)
		add_dist(report, "zone_lock.hold_ns", kma_label1("caller", kma_text("new")), 10,
			 50);
	add_dist(report, "zone_lock.wait_ns", kma_no_labels(), 1000, 4);
	report = kma_result_report(result, "pcp", "Per-CPU lists");
	kma_report_value(report, def_of("pcp.net_pages"), kma_no_labels(), exact,
			 kma_int(-100 * scale));
	assert_int_equal(kma_result_trace_metrics(result), 0);
	assert_int_equal(kma_result_resolve(result, NULL, NULL, NULL), 0);
	return result;
}

static struct kma_judgement *judge_text(const char *text, const struct kma_result *now,
					const struct kma_result *base,
					const struct kma_judge_options *options,
					struct kma_thresholds **all)
{
	struct kma_error err = { 0 };
	struct kma_judgement *judgement;

	*all = kma_thresholds_new();
	if (kma_thresholds_add(*all, text, "t", NULL, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	judgement = kma_judge(*all, now, base, "base.json", NULL, options);
	assert_non_null(judgement);
	return judgement;
}

static const struct kma_judge_options ten = { .min_samples = 10 };

/* The reason for the first check to be as it is, or "" */
static const char *reason_of(const struct kma_judgement *judgement)
{
	const struct kma_check *check = &judgement->checks[0];

	if (check->reason)
		return check->reason;
	for (size_t i = 0; i < check->nr_conditions; i++)
		if (check->conditions[i].reason)
			return check->conditions[i].reason;
	return "";
}

static void verdicts(void **state)
{
	static const struct {
		const char *text;
		enum kma_outcome outcome;
		const char *reason;
	} cases[] = {
		/* now: 20 acquisitions in 10 s, 10 contended; then: 10 and 0 */
		{ "zone_lock.acquisitions_total: value < 20", KMA_VIOLATED, "" },
		{ "zone_lock.acquisitions_total: value <= 20", KMA_PASS, "" },
		{ "zone_lock.acquisitions_total: value > 20", KMA_VIOLATED, "" },
		{ "zone_lock.acquisitions_total: value >= 20", KMA_PASS, "" },
		{ "zone_lock.acquisitions_total: value == 20", KMA_PASS, "" },
		{ "zone_lock.acquisitions_total: value != 20", KMA_VIOLATED, "" },
		{ "zone_lock.acquisitions_total: rate <= 2/s", KMA_PASS, "" },
		{ "zone_lock.acquisitions_total: rate < 2", KMA_VIOLATED, "" },
		{ "zone_lock.acquisitions_total: value <= base + 99%", KMA_VIOLATED, "" },
		{ "zone_lock.acquisitions_total: value <= base + 100%", KMA_PASS, "" },
		{ "zone_lock.acquisitions_total: value <= base * 1.9", KMA_VIOLATED, "" },
		{ "zone_lock.acquisitions_total: value <= base * 2", KMA_PASS, "" },
		{ "zone_lock.acquisitions_total: value <= base * 1.5 + 5", KMA_PASS, "" },
		{ "zone_lock.acquisitions_total: value <= base * 1.5 + 4", KMA_VIOLATED, "" },
		{ "zone_lock.acquisitions_total: delta <= 9", KMA_VIOLATED, "" },
		{ "zone_lock.acquisitions_total: delta <= 10", KMA_PASS, "" },
		{ "zone_lock.acquisitions_total: delta <= 99%", KMA_VIOLATED, "" },
		{ "zone_lock.acquisitions_total: delta <= 100%", KMA_PASS, "" },
		{ "zone_lock.acquisitions_total: value >= base - 10%", KMA_PASS, "" },
		{ "zone_lock.acquisitions_total: value <= 20 && value > 20", KMA_VIOLATED, "" },
		{ "zone_lock.contended_ratio: value <= 2%", KMA_PASS, "" },
		{ "zone_lock.contended_ratio: value < 0.02", KMA_VIOLATED, "" },
		/* 100 holds of 20, 40, ... 2000 ns; then half of it */
		{ "zone_lock.hold_ns: max == 2us && min == 20ns && count == 100", KMA_PASS, "" },
		{ "zone_lock.hold_ns: sum == 101us && mean == 1.01us", KMA_PASS, "" },
		{ "zone_lock.hold_ns: p50 >= 0.99us && p50 <= 1.01us", KMA_PASS, "" },
		{ "zone_lock.hold_ns: p(75) >= 1.485us && p(75) <= 1.515us", KMA_PASS, "" },
		{ "zone_lock.hold_ns: p(100) == 2us && rate == 10/s", KMA_PASS, "" },
		{ "zone_lock.hold_ns: p99 <= base + 5%", KMA_VIOLATED, "" },
		{ "zone_lock.hold_ns: max <= base + 1us", KMA_PASS, "" },
		{ "zone_lock.hold_ns: max <= base + 999ns", KMA_VIOLATED, "" },
		{ "zone_lock.hold_ns: max <= base * 2 && delta < 1us", KMA_VIOLATED, "" },
		/* the whole of a baseline of 0 is 0, and a share of it too */
		{ "zone_lock.contended_total: value <= base + 5%", KMA_INCONCLUSIVE,
		  "the baseline is 0" },
		{ "zone_lock.contended_total: value <= base * 1.1", KMA_INCONCLUSIVE,
		  "the baseline is 0" },
		{ "zone_lock.contended_total: delta <= 5%", KMA_INCONCLUSIVE, "the baseline is 0" },
		{ "zone_lock.contended_total: value <= base * 1.1 && delta <= 10", KMA_PASS,
		  "set aside" },
		{ "zone_lock.contended_total: value <= base * 1.1 && delta <= 9", KMA_VIOLATED,
		  "set aside" },
		{ "zone_lock.contended_total: value <= base", KMA_VIOLATED, "" },
		/* a lower bound: 200 or more; then 100 or more */
		{ "zone_lock.pages_total: value <= 200", KMA_INCONCLUSIVE, "lower bound" },
		{ "zone_lock.pages_total: value <= 199", KMA_VIOLATED, "" },
		{ "zone_lock.pages_total: value >= 200", KMA_PASS, "" },
		{ "zone_lock.pages_total: value >= 201", KMA_INCONCLUSIVE, "lower bound" },
		{ "zone_lock.pages_total: value == 200", KMA_INCONCLUSIVE, "lower bound" },
		{ "zone_lock.pages_total: value <= base", KMA_INCONCLUSIVE, "lower bound" },
		{ "zone_lock.pages_total: delta <= 1", KMA_INCONCLUSIVE, "lower bound" },
		/* below 0: -200, then -100: a share is one of the size */
		{ "pcp.net_pages: value >= base - 101%", KMA_PASS, "" },
		{ "pcp.net_pages: value >= base - 99%", KMA_VIOLATED, "" },
		{ "pcp.net_pages: value <= base + 5%", KMA_PASS, "" },
		{ "pcp.net_pages: delta >= -100%", KMA_PASS, "" },
		{ "pcp.net_pages: delta >= -99%", KMA_VIOLATED, "" },
		/* what is not there */
		{ "zone_lock.hold_ns_per_page: value <= 1us/page", KMA_INCONCLUSIVE,
		  "unavailable: no refills" },
		{ "zone_lock.wait_ns: p99 <= 1s", KMA_INCONCLUSIVE, "too few samples: 4" },
		{ "zone_lock.wait_ns: count == 4 && sum == 10us", KMA_PASS, "" },
		{ "zone_lock.hold_ns{caller=gone}: max <= 1s", KMA_INCONCLUSIVE,
		  "no such part; there are {caller=fast}, {caller=new}" },
		{ "slab.alloc_total: value <= 1", KMA_INCONCLUSIVE, "report was not made" },
		{ "zone_lock.hold_ns{caller=new}: max <= base", KMA_INCONCLUSIVE,
		  "the baseline has no such part" },
		{ "warn: zone_lock.acquisitions_total: value < 20", KMA_VIOLATED, "" },
	};
	struct kma_result *now = make(2), *base = make(1);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool warn = !strncmp(cases[i].text, "warn:", 5);
		struct kma_thresholds *all;
		struct kma_judgement *judgement = judge_text(cases[i].text, now, base, &ten, &all);

		if (judgement->nr_checks != 1 || judgement->checks[0].outcome != cases[i].outcome ||
		    judgement->outcome != (warn ? KMA_PASS : cases[i].outcome) ||
		    !strstr(reason_of(judgement), cases[i].reason) ||
		    (!*cases[i].reason && *reason_of(judgement)))
			fail_msg("%s: outcome %u, not %u: %s", cases[i].text,
				 judgement->checks[0].outcome, cases[i].outcome,
				 reason_of(judgement));
		kma_judgement_free(judgement);
		kma_thresholds_free(all);
	}
	kma_result_free(now);
	kma_result_free(base);
}

/* Each part that fits is judged; violations come first. */
static void wildcards(void **state)
{
	struct kma_result *now = make(2), *base = make(1);
	struct kma_thresholds *all;
	struct kma_judgement *judgement = judge_text(
		"zone_lock.acquisitions_total{caller=*}: value <= 10", now, base, &ten, &all);

	(void)state;
	assert_int_equal(judgement->nr_checks, 2);
	assert_int_equal(judgement->passed, 1);
	assert_int_equal(judgement->violated, 1);
	assert_string_equal(judgement->checks[0].key, "zone_lock.acquisitions_total{caller=fast}");
	assert_string_equal(judgement->checks[1].key, "zone_lock.acquisitions_total{caller=slow}");
	kma_judgement_free(judgement);
	kma_thresholds_free(all);
	kma_result_free(now);
	kma_result_free(base);
}

/* A changed total names the parts that make the change: 7 and 3 of 10. */
static void causes(void **state)
{
	struct kma_result *now = make(2), *base = make(1);
	struct kma_thresholds *all;
	struct kma_judgement *judgement = judge_text("zone_lock.acquisitions_total: value <= base",
						     now, base, &ten, &all);
	const struct kma_check *check = &judgement->checks[0];

	(void)state;
	assert_int_equal(check->nr_causes, 2);
	assert_string_equal(check->causes[0].part, "fast");
	assert_true(check->causes[0].share > 0.699 && check->causes[0].share < 0.701);
	assert_true(check->causes[0].base == 8 && check->causes[0].value == 15);
	assert_string_equal(check->causes[1].part, "slow");
	assert_true(check->causes[1].share > 0.299 && check->causes[1].share < 0.301);
	kma_judgement_free(judgement);
	kma_thresholds_free(all);

	/* without a baseline, the parts of the whole: 15 and 5 of 20 */
	judgement = judge_text("zone_lock.acquisitions_total: value <= 1", now, NULL, &ten, &all);
	check = &judgement->checks[0];
	assert_int_equal(check->nr_causes, 2);
	assert_true(check->causes[0].share == 0.75 && !check->causes[0].of_change);
	kma_judgement_free(judgement);
	kma_thresholds_free(all);
	kma_result_free(now);
	kma_result_free(base);
}

/* A side that lost too much is judged by nothing. */
static void lost(void **state)
{
	static const struct {
		struct kma_judge_options options;
		enum kma_outcome outcome;
	} cases[] = {
		{ { .max_lost = 0 }, KMA_INCONCLUSIVE },
		{ { .max_lost = 9 }, KMA_INCONCLUSIVE },
		{ { .max_lost = 10 }, KMA_VIOLATED },
		/* 10 of 1010 */
		{ { .max_lost = 0.0099, .max_lost_is_share = true }, KMA_INCONCLUSIVE },
		{ { .max_lost = 0.01, .max_lost_is_share = true }, KMA_VIOLATED },
	};
	struct kma_result *now = make(2), *base = make(1);
	struct kma_judgement *judgement;
	struct kma_thresholds *all;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		now->quality.lost = 10;
		now->quality.lost_counted = true;
		judgement = judge_text("zone_lock.acquisitions_total: value < 1", now, NULL,
				       &cases[i].options, &all);
		assert_int_equal(judgement->outcome, cases[i].outcome);
		kma_judgement_free(judgement);
		kma_thresholds_free(all);
		/* the baseline's loss: only what is held against it is in doubt */
		now->quality.lost = 0;
		base->quality.lost = 10;
		judgement = judge_text("zone_lock.acquisitions_total: value <= base", now, base,
				       &cases[i].options, &all);
		assert_int_equal(judgement->outcome, cases[i].outcome);
		kma_judgement_free(judgement);
		kma_thresholds_free(all);
		judgement = judge_text("zone_lock.acquisitions_total: value < 1", now, base,
				       &cases[i].options, &all);
		assert_int_equal(judgement->outcome, KMA_VIOLATED);
		kma_judgement_free(judgement);
		kma_thresholds_free(all);
	}
	now->quality.truncated = true;
	judgement = judge_text("zone_lock.acquisitions_total: value < 1", now, NULL, &ten, &all);
	assert_int_equal(judgement->outcome, KMA_INCONCLUSIVE);
	assert_string_equal(judgement->checks[0].reason, "the trace is cut off");
	kma_judgement_free(judgement);
	kma_thresholds_free(all);
	kma_result_free(now);
	kma_result_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted), cmocka_unit_test(rejected), cmocka_unit_test(patterns),
		cmocka_unit_test(files),    cmocka_unit_test(verdicts), cmocka_unit_test(wildcards),
		cmocka_unit_test(causes),   cmocka_unit_test(lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
