/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The per-CPU page list analysis, fed by hand: what it reports is checked against numbers worked
 * out on paper. Knows nothing of traces, only of events.
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
		.start_ts = 1000,
		.formats = ALL_FORMATS,
	};
	f->now = 1000;
	f->summary.first_ts = 1000;
	*state = f;
	return f->events ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kma_pcp_analysis.close(f->state);
	kma_result_free(f->result);
	free(f->events);
	free(f);
	return 0;
}

static void open_analysis(struct fixture *f)
{
	struct kma_error error = { 0 };

	if (f->state)
		return;
	f->state = kma_pcp_analysis.open(&f->trace, &error);
	assert_non_null(f->state);
}

static void feed(struct fixture *f)
{
	struct kma_batch batch = { .events = f->events, .nr = f->nr };

	open_analysis(f);
	assert_int_equal(kma_pcp_analysis.feed(f->state, &batch), 0);
	f->nr = 0;
}

static struct kma_event *add(struct fixture *f, enum kma_kind kind, uint32_t cpu, int32_t pid)
{
	assert_true(f->nr < MAX_EVENTS);
	f->now += 10;
	f->summary.last_ts = f->now;
	f->summary.records[kind]++;
	f->events[f->nr] = (struct kma_event){ .ts = f->now, .cpu = cpu, .pid = pid, .kind = kind };
	return &f->events[f->nr++];
}

static void page(struct fixture *f, enum kma_kind kind, uint32_t cpu, int32_t pid, uint64_t pfn,
		 uint32_t order)
{
	add(f, kind, cpu, pid)->pcpu_page =
		(struct kma_pcpu_page){ .pfn = pfn, .order = order, .migratetype = 1 };
}

static void refill(struct fixture *f, uint32_t cpu, int32_t pid, uint64_t pfn, uint32_t order)
{
	page(f, KMA_PCPU_REFILL, cpu, pid, pfn, order);
}

static void drain(struct fixture *f, uint32_t cpu, int32_t pid, uint64_t pfn, uint32_t order)
{
	page(f, KMA_PCPU_DRAIN, cpu, pid, pfn, order);
}

static void alloc_locked(struct fixture *f, uint32_t cpu, uint64_t pfn, int32_t percpu_refill)
{
	page(f, KMA_PAGE_ALLOC_ZONE_LOCKED, cpu, 7, pfn, 0);
	f->events[f->nr - 1].pcpu_page.percpu_refill = percpu_refill;
}

static void lock(struct fixture *f, uint32_t cpu)
{
	add(f, KMA_ZONE_LOCKED, cpu, 7);
}

static void unlock(struct fixture *f, uint32_t cpu)
{
	add(f, KMA_ZONE_LOCK_UNLOCK, cpu, 7);
}

static void lose(struct fixture *f, uint32_t cpu, uint64_t count)
{
	struct kma_lost lost = { .cpu = cpu, .counted = 1, .count = count, .from_ts = f->now };

	feed(f);
	f->summary.lost += count;
	assert_int_equal(kma_pcp_analysis.lost(f->state, &lost), 0);
}

static void report(struct fixture *f)
{
	feed(f);
	kma_result_free(f->result);
	f->result = kma_result_new();
	assert_non_null(f->result);
	f->report = kma_result_report(f->result, kma_pcp_analysis.name, kma_pcp_analysis.title);
	assert_int_equal(kma_pcp_analysis.report(f->state, &f->summary, f->report), 0);
	assert_false(f->report->failed);
}

static bool label_is(const struct kma_metric *metric, unsigned int i, const char *key, int64_t value)
{
	return !strcmp(metric->labels.label[i].key, key) && metric->labels.label[i].value.i == value;
}

static const struct kma_metric *find(const struct fixture *f, const char *name, const char *key,
				     int64_t a, const char *key2, int64_t b)
{
	unsigned int nr = key2 ? 2 : key ? 1 : 0;

	for (size_t i = 0; i < f->report->nr_metrics; i++) {
		const struct kma_metric *metric = &f->report->metrics[i];

		if (strcmp(metric->def->name, name) || metric->labels.nr != nr)
			continue;
		if ((nr < 1 || label_is(metric, 0, key, a)) &&
		    (nr < 2 || label_is(metric, 1, key2, b)))
			return metric;
	}
	return NULL;
}

static const struct kma_metric *whole(const struct fixture *f, const char *name)
{
	const struct kma_metric *metric = find(f, name, NULL, 0, NULL, 0);

	assert_non_null(metric);
	return metric;
}

static const struct kma_metric *part(const struct fixture *f, const char *name, const char *key,
				     int64_t value)
{
	const struct kma_metric *metric = find(f, name, key, value, NULL, 0);

	assert_non_null(metric);
	return metric;
}

static int64_t moved(const struct fixture *f, int64_t from, int64_t to)
{
	const struct kma_metric *metric = find(f, "pcp.moved_pages_total", "from", from, "to", to);

	return metric ? metric->value.i : 0;
}

static void check_status(const struct kma_metric *metric, enum kma_status_code code,
			 const char *reason)
{
	assert_int_equal(metric->status.code, code);
	if (reason)
		assert_non_null(strstr(metric->status.reason, reason));
	else
		assert_null(metric->status.reason);
}

static const struct kma_finding *finding(const struct fixture *f, const char *id)
{
	for (size_t i = 0; i < f->report->nr_findings; i++)
		if (!strcmp(f->report->findings[i].id, id))
			return &f->report->findings[i];
	return NULL;
}

/* ---- counters ---- */

static void parts_add_up(void **state)
{
	struct fixture *f = *state;

	refill(f, 0, 1, 100, 0);
	refill(f, 0, 1, 200, 3);
	refill(f, 2, 1, 300, 1);
	drain(f, 2, 1, 300, 1);
	f->events[f->nr - 1].pcpu_page.migratetype = -1;
	drain(f, 6, 1, 100, 0); /* more CPUs than the trace said */
	f->events[f->nr - 1].pcpu_page.migratetype = 1000000;
	report(f);
	assert_int_equal(whole(f, "pcp.refill_events_total")->value.i, 3);
	assert_int_equal(whole(f, "pcp.refill_pages_total")->value.i, 11);
	assert_int_equal(part(f, "pcp.refill_events_total", "cpu", 0)->value.i, 2);
	assert_int_equal(part(f, "pcp.refill_pages_total", "cpu", 0)->value.i, 9);
	assert_int_equal(part(f, "pcp.refill_pages_total", "cpu", 2)->value.i, 2);
	assert_int_equal(part(f, "pcp.refill_pages_total", "cpu", 6)->value.i, 0);
	assert_int_equal(part(f, "pcp.refill_events_total", "order", 3)->value.i, 1);
	assert_int_equal(part(f, "pcp.refill_pages_total", "order", 3)->value.i, 8);
	assert_int_equal(part(f, "pcp.refill_pages_total", "migratetype", 1)->value.i, 11);
	assert_int_equal(whole(f, "pcp.drain_pages_total")->value.i, 3);
	assert_int_equal(part(f, "pcp.drain_pages_total", "cpu", 6)->value.i, 1);
	assert_int_equal(part(f, "pcp.drain_pages_total", "migratetype", -1)->value.i, 2);
	assert_int_equal(part(f, "pcp.drain_events_total", "migratetype", 1000000)->value.i, 1);
	assert_null(find(f, "pcp.drain_events_total", "migratetype", 1, NULL, 0));
	assert_null(find(f, "pcp.refill_pages_total", "cpu", 1, NULL, 0));
	assert_int_equal(whole(f, "pcp.net_pages")->value.i, 8);
	assert_int_equal(part(f, "pcp.net_pages", "cpu", 0)->value.i, 9);
	assert_int_equal(part(f, "pcp.net_pages", "cpu", 6)->value.i, -1);
	assert_true(whole(f, "pcp.imbalance_ratio")->value.real == 10.0 / 14.0);
	check_status(whole(f, "pcp.refill_pages_total"), KMA_EXACT, NULL);
}

static void every_metric_is_reported(void **state)
{
	struct fixture *f = *state;

	for (int with_records = 0; with_records < 2; with_records++) {
		if (with_records) {
			refill(f, 0, 1, 100, 0);
			drain(f, 0, 1, 100, 0);
		}
		report(f);
		for (const struct kma_metric_def *def = kma_pcp_analysis.metrics; def->name; def++) {
			bool there = false;

			for (size_t i = 0; i < f->report->nr_metrics; i++)
				there |= f->report->metrics[i].def == def;
			assert_true(there);
		}
	}
}

static void absent_events_are_unavailable(void **state)
{
	struct fixture *f = *state;

	f->trace.formats = KMA_KIND_BIT(KMA_PCPU_REFILL);
	refill(f, 0, 1, 100, 0);
	report(f);
	assert_int_equal(whole(f, "pcp.refill_events_total")->value.i, 1);
	check_status(whole(f, "pcp.drain_events_total"), KMA_UNAVAILABLE, "kmem:mm_page_pcpu_drain");
	check_status(whole(f, "pcp.drain_batches_total"), KMA_UNAVAILABLE, "kmem:mm_page_pcpu_drain");
	check_status(whole(f, "pcp.moved_pages_total"), KMA_UNAVAILABLE, "kmem:mm_page_pcpu_drain");
	check_status(whole(f, "pcp.net_pages"), KMA_UNAVAILABLE, "kmem:mm_page_pcpu_drain");
	assert_null(find(f, "pcp.net_pages", "cpu", 0, NULL, 0));
	assert_int_equal(f->report->status.code, KMA_APPROXIMATE);
}

static void nothing_is_unavailable(void **state)
{
	struct fixture *f = *state;

	alloc_locked(f, 0, 100, 0);
	lock(f, 0);
	unlock(f, 0);
	report(f);
	check_status(whole(f, "pcp.refill_events_total"), KMA_UNAVAILABLE, "no record");
	check_status(whole(f, "pcp.drain_events_total"), KMA_UNAVAILABLE, "no record");
	assert_int_equal(f->report->status.code, KMA_UNAVAILABLE);
	assert_int_equal(f->report->nr_findings, 0);
}

/* ---- batches ---- */

static void locks_bracket_batches(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		lock(f, 0);
		refill(f, 0, 1, 100 + 2 * i, 0);
		refill(f, 0, 1, 101 + 2 * i, 0);
		unlock(f, 0);
	}
	lock(f, 1);
	unlock(f, 1); /* took nothing: no batch without a record of its own */
	unlock(f, 0); /* an orphan */
	lock(f, 0);
	drain(f, 0, 1, 100, 0);
	unlock(f, 0);
	report(f);
	assert_int_equal(whole(f, "pcp.refill_batches_total")->value.i, 3);
	assert_int_equal(part(f, "pcp.refill_batches_total", "cpu", 0)->value.i, 3);
	assert_int_equal(whole(f, "pcp.drain_batches_total")->value.i, 1);
	check_status(whole(f, "pcp.refill_batches_total"), KMA_EXACT, NULL);
	check_status(whole(f, "pcp.refill_batch_pages"), KMA_EXACT, NULL);
	assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->min, 2);
	assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->max, 2);
}

static void one_lock_anchors_one_batch(void **state)
{
	struct fixture *f = *state;

	lock(f, 0);
	refill(f, 0, 1, 100, 0);
	refill(f, 0, 2, 101, 0); /* not by the same task: another hold, unseen */
	unlock(f, 0);
	report(f);
	assert_int_equal(whole(f, "pcp.refill_batches_total")->value.i, 2);
	check_status(whole(f, "pcp.refill_batches_total"), KMA_APPROXIMATE, "2 of 2 batches");
}

static void runs_make_batches_without_locks(void **state)
{
	struct fixture *f = *state;

	refill(f, 0, 1, 100, 0);
	refill(f, 1, 9, 500, 0); /* another CPU does not end a run */
	refill(f, 0, 1, 101, 0);
	drain(f, 0, 1, 100, 0); /* the other direction does */
	refill(f, 0, 1, 102, 0);
	refill(f, 0, 2, 103, 0); /* and so does another task */
	report(f);
	assert_int_equal(part(f, "pcp.refill_batches_total", "cpu", 0)->value.i, 3);
	assert_int_equal(part(f, "pcp.refill_batches_total", "cpu", 1)->value.i, 1);
	assert_int_equal(whole(f, "pcp.drain_batches_total")->value.i, 1);
	assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->count, 4);
	assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->sum, 5);
	assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->max, 2);
	check_status(whole(f, "pcp.refill_batches_total"), KMA_APPROXIMATE, "no lock records");
}

static void reporting_changes_nothing(void **state)
{
	struct fixture *f = *state;

	lock(f, 0);
	refill(f, 0, 1, 100, 0);
	for (int i = 0; i < 2; i++) {
		report(f);
		assert_int_equal(whole(f, "pcp.refill_batches_total")->value.i, 1);
		assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->sum, 1);
		check_status(whole(f, "pcp.refill_batch_pages"), KMA_APPROXIMATE, "open at the end");
	}
	refill(f, 0, 1, 101, 0);
	unlock(f, 0);
	report(f);
	assert_int_equal(whole(f, "pcp.refill_batches_total")->value.i, 1);
	assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->sum, 2);
	check_status(whole(f, "pcp.refill_batch_pages"), KMA_EXACT, NULL);
}

static void announced_batches_may_be_empty(void **state)
{
	struct fixture *f = *state;

	add(f, KMA_PCPU_REFILL_ZONE_LOCKED, 0, 1);
	refill(f, 0, 1, 100, 0);
	refill(f, 0, 1, 101, 0);
	add(f, KMA_PCPU_REFILL_ZONE_LOCKED, 0, 1);
	add(f, KMA_PCPU_DRAIN_ZONE_LOCKED, 0, 1);
	drain(f, 0, 1, 100, 0);
	add(f, KMA_PCPU_DRAIN_ZONE_LOCKED, 0, 1);
	report(f);
	assert_int_equal(whole(f, "pcp.refill_batches_total")->value.i, 2);
	assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->count, 2);
	assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->min, 0);
	assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->sum, 2);
	assert_int_equal(whole(f, "pcp.drain_batches_total")->value.i, 2);
	check_status(whole(f, "pcp.refill_batches_total"), KMA_EXACT, NULL);
	check_status(whole(f, "pcp.drain_batches_total"), KMA_EXACT, NULL);
}

static void announced_batches_count_without_pages(void **state)
{
	struct fixture *f = *state;

	f->trace.formats = KMA_KIND_BIT(KMA_PCPU_REFILL_ZONE_LOCKED) | KMA_KIND_BIT(KMA_PCPU_DRAIN);
	add(f, KMA_PCPU_REFILL_ZONE_LOCKED, 3, 1);
	add(f, KMA_PCPU_REFILL_ZONE_LOCKED, 3, 1);
	drain(f, 3, 1, 100, 0);
	report(f);
	assert_int_equal(part(f, "pcp.refill_batches_total", "cpu", 3)->value.i, 2);
	check_status(whole(f, "pcp.refill_batches_total"), KMA_EXACT, NULL);
	check_status(whole(f, "pcp.refill_batch_pages"), KMA_UNAVAILABLE, "kmem:mm_page_pcpu_refill");
	check_status(whole(f, "pcp.refill_pages_total"), KMA_UNAVAILABLE, "kmem:mm_page_pcpu_refill");
}

static void a_gap_drops_the_batch(void **state)
{
	struct fixture *f = *state;

	lock(f, 0);
	refill(f, 0, 1, 100, 0);
	lock(f, 1);
	refill(f, 1, 2, 200, 0);
	lose(f, 0, 5);
	refill(f, 0, 1, 101, 0);
	refill(f, 0, 1, 102, 0);
	unlock(f, 0);
	unlock(f, 1);
	report(f);
	assert_int_equal(part(f, "pcp.refill_batches_total", "cpu", 0)->value.i, 1);
	assert_int_equal(part(f, "pcp.refill_batches_total", "cpu", 1)->value.i, 1);
	assert_int_equal(whole(f, "pcp.refill_batch_pages")->dist->sum, 3);
	check_status(whole(f, "pcp.refill_batches_total"), KMA_APPROXIMATE, "1 batches were cut");
	assert_int_equal(whole(f, "pcp.refill_events_total")->value.i, 4);
	check_status(whole(f, "pcp.refill_events_total"), KMA_LOWER_BOUND, "at least 5 records");
	check_status(part(f, "pcp.refill_pages_total", "cpu", 1), KMA_LOWER_BOUND,
		     "at least 5 records");
}

/* ---- matching ---- */

static void pages_move_base_page_by_base_page(void **state)
{
	struct fixture *f = *state;

	refill(f, 0, 1, 0x100, 3);
	for (int i = 7; i >= 0; i--)
		drain(f, i & 1, 1, 0x100 + i, 0);
	for (int i = 0; i < 6; i++)
		refill(f, i < 2 ? 2 : 3, 1, 0x200 + i, 0);
	drain(f, 1, 1, 0x200, 3); /* its last two pages were taken before the trace */
	drain(f, 1, 1, 0x200, 3); /* nothing is live any more */
	report(f);
	assert_int_equal(whole(f, "pcp.moved_pages_total")->value.i, 14);
	assert_int_equal(moved(f, 0, 0), 4);
	assert_int_equal(moved(f, 0, 1), 4);
	assert_int_equal(moved(f, 2, 1), 2);
	assert_int_equal(moved(f, 3, 1), 4);
	assert_true(whole(f, "pcp.cross_cpu_ratio")->value.real == 10.0 / 14.0);
	assert_int_equal(whole(f, "pcp.residency_ns")->dist->count, 14);
	/* events are 10 ns apart: 10..80, then 60..10 */
	assert_int_equal(whole(f, "pcp.residency_ns")->dist->sum, 360 + 210);
	assert_int_equal(whole(f, "pcp.residency_ns")->dist->min, 10);
	assert_int_equal(whole(f, "pcp.residency_ns")->dist->max, 80);
	check_status(whole(f, "pcp.moved_pages_total"), KMA_EXACT, NULL);
	check_status(whole(f, "pcp.residency_ns"), KMA_EXACT, NULL);
}

static void a_second_refill_replaces_the_first(void **state)
{
	struct fixture *f = *state;

	refill(f, 0, 1, 100, 0);
	refill(f, 1, 1, 100, 0);
	drain(f, 1, 1, 100, 0);
	report(f);
	assert_int_equal(whole(f, "pcp.moved_pages_total")->value.i, 1);
	assert_int_equal(moved(f, 1, 1), 1);
	assert_int_equal(whole(f, "pcp.residency_ns")->dist->sum, 10);
}

static void damaged_records_are_not_followed(void **state)
{
	struct fixture *f = *state;

	refill(f, 0, 1, UINT64_MAX, 0);
	refill(f, 0, 1, UINT64_MAX - 3, 2);
	refill(f, 0, 1, 0, 63);
	refill(f, 0, 1, 0, UINT32_MAX);
	drain(f, UINT32_MAX, 1, UINT64_MAX, 0);
	drain(f, 0, 1, 0, 40);
	report(f);
	assert_int_equal(whole(f, "pcp.moved_pages_total")->value.i, 0);
	check_status(whole(f, "pcp.moved_pages_total"), KMA_APPROXIMATE, "could not be followed");
	check_status(whole(f, "pcp.cross_cpu_ratio"), KMA_UNAVAILABLE, "no refilled page");
	assert_int_equal(part(f, "pcp.refill_events_total", "order", 63)->value.i, 2);
}

static void too_late_to_be_followed(void **state)
{
	struct fixture *f = *state;

	refill(f, 0, 1, 100, 0);
	f->now += UINT64_C(1) << 48;
	refill(f, 0, 1, 100, 0);
	drain(f, 0, 1, 100, 0);
	report(f);
	assert_int_equal(whole(f, "pcp.moved_pages_total")->value.i, 0);
	check_status(whole(f, "pcp.residency_ns"), KMA_APPROXIMATE, "1 pages could not");
}

static void clocks(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_LOCAL;
	f->trace.clock_name = "local";
	refill(f, 0, 1, 100, 0);
	refill(f, 0, 1, 101, 0);
	drain(f, 0, 1, 100, 0);
	report(f);
	check_status(whole(f, "pcp.residency_ns"), KMA_EXACT, NULL);
	drain(f, 1, 1, 101, 0);
	report(f);
	check_status(whole(f, "pcp.residency_ns"), KMA_APPROXIMATE, "local clock");
	check_status(whole(f, "pcp.moved_pages_total"), KMA_EXACT, NULL);
	assert_true(f->report->nr_series > 0);
	f->trace.clock = KMA_CLOCK_TICKS;
	f->trace.clock_name = "counter";
	report(f);
	check_status(whole(f, "pcp.residency_ns"), KMA_UNAVAILABLE, "counter clock");
	check_status(whole(f, "pcp.correlation"), KMA_UNAVAILABLE, "counter clock");
	assert_int_equal(f->report->nr_series, 0);
	assert_int_equal(whole(f, "pcp.moved_pages_total")->value.i, 2);
}

static void cut_traces(void **state)
{
	struct fixture *f = *state;

	refill(f, 0, 1, 100, 0);
	drain(f, 0, 1, 100, 0);
	f->trace.filtered = true;
	report(f);
	check_status(whole(f, "pcp.moved_pages_total"), KMA_APPROXIMATE, "picked");
	check_status(whole(f, "pcp.refill_pages_total"), KMA_EXACT, NULL);
	f->trace.filtered = false;
	f->summary.truncated = true;
	report(f);
	check_status(whole(f, "pcp.moved_pages_total"), KMA_APPROXIMATE, "cut short");
	check_status(whole(f, "pcp.refill_pages_total"), KMA_LOWER_BOUND, "cut short");
}

/* ---- where refills come from ---- */

static void fallback_without_refill_events(void **state)
{
	struct fixture *f = *state;

	alloc_locked(f, 0, 100, 1);
	alloc_locked(f, 0, 101, 0); /* straight to its caller, not to a list */
	alloc_locked(f, 0, 102, 1);
	drain(f, 1, 1, 100, 0);
	report(f);
	assert_int_equal(whole(f, "pcp.refill_events_total")->value.i, 2);
	check_status(whole(f, "pcp.refill_events_total"), KMA_APPROXIMATE,
		     "mm_page_alloc_zone_locked");
	check_status(whole(f, "pcp.refill_batches_total"), KMA_APPROXIMATE,
		     "mm_page_alloc_zone_locked");
	check_status(whole(f, "pcp.moved_pages_total"), KMA_APPROXIMATE, "mm_page_alloc_zone_locked");
	check_status(whole(f, "pcp.drain_events_total"), KMA_EXACT, NULL);
	assert_int_equal(moved(f, 0, 1), 1);
	assert_int_equal(f->report->status.code, KMA_APPROXIMATE);
}

static void fallback_in_a_kernel_without_the_event(void **state)
{
	struct fixture *f = *state;

	f->trace.formats = KMA_KIND_BIT(KMA_PAGE_ALLOC_ZONE_LOCKED) | KMA_KIND_BIT(KMA_PCPU_DRAIN);
	report(f);
	check_status(whole(f, "pcp.refill_events_total"), KMA_UNAVAILABLE, "is not in the trace");
	drain(f, 1, 1, 100, 0);
	alloc_locked(f, 0, 100, 1);
	drain(f, 1, 1, 100, 0);
	report(f);
	assert_int_equal(whole(f, "pcp.refill_pages_total")->value.i, 1);
	assert_int_equal(moved(f, 0, 1), 1);
}

static void the_first_real_refill_ends_the_fallback(void **state)
{
	struct fixture *f = *state;

	alloc_locked(f, 0, 100, 1);
	drain(f, 2, 1, 100, 0);
	drain(f, 2, 1, 900, 0);
	report(f);
	assert_int_equal(whole(f, "pcp.refill_events_total")->value.i, 1);
	assert_int_equal(moved(f, 0, 2), 1);
	alloc_locked(f, 0, 101, 1);
	refill(f, 0, 1, 101, 0);
	alloc_locked(f, 0, 102, 1);
	refill(f, 0, 1, 102, 0);
	drain(f, 1, 1, 102, 0);
	report(f);
	assert_int_equal(whole(f, "pcp.refill_events_total")->value.i, 2);
	check_status(whole(f, "pcp.refill_events_total"), KMA_EXACT, NULL);
	assert_int_equal(whole(f, "pcp.drain_events_total")->value.i, 3);
	assert_int_equal(whole(f, "pcp.moved_pages_total")->value.i, 1);
	assert_int_equal(moved(f, 0, 1), 1);
	assert_int_equal(moved(f, 0, 2), 0);
}

/* ---- findings ---- */

static void move_block(struct fixture *f, enum kma_kind kind, uint32_t cpu, int32_t pid,
		       uint64_t pfn, int pages)
{
	lock(f, cpu);
	for (int i = 0; i < pages; i++)
		page(f, kind, cpu, pid, pfn + i, 0);
	unlock(f, cpu);
	f->now += 100000;
}

static void finds_cross_cpu_flow(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 40; i++) {
		move_block(f, KMA_PCPU_REFILL, 0, 11, i * 63, 63);
		move_block(f, KMA_PCPU_DRAIN, 3, 33, i * 63, 63);
	}
	report(f);
	assert_non_null(finding(f, "pcp.cross_cpu_flow"));
	assert_non_null(strstr(finding(f, "pcp.cross_cpu_flow")->message,
			       "taken on CPU 0 (mostly task 11)"));
	assert_non_null(strstr(finding(f, "pcp.cross_cpu_flow")->message,
			       "given back on CPU 3 (mostly task 33)"));
	assert_non_null(finding(f, "pcp.imbalance"));
	assert_null(finding(f, "pcp.thrash"));
	assert_null(finding(f, "pcp.tiny_refill_batches"));
}

static void finds_thrash(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 40; i++) {
		move_block(f, KMA_PCPU_REFILL, 1, 11, 0x1000, 63);
		move_block(f, KMA_PCPU_DRAIN, 1, 11, 0x1000, 63);
	}
	report(f);
	assert_int_equal(part(f, "pcp.swing_pages", "cpu", 1)->value.i, 63);
	assert_true(part(f, "pcp.turnover", "cpu", 1)->value.real == 40);
	assert_non_null(finding(f, "pcp.thrash"));
	assert_null(finding(f, "pcp.cross_cpu_flow"));
	assert_null(finding(f, "pcp.imbalance"));
	/* the same, spread over an hour, costs nothing worth a change */
	f->summary.last_ts += UINT64_C(3600000000000);
	report(f);
	assert_null(finding(f, "pcp.thrash"));
}

static void one_rise_and_fall_is_no_thrash(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 60; i++)
		move_block(f, KMA_PCPU_REFILL, 1, 11, i * 63, 63);
	for (int i = 0; i < 60; i++)
		move_block(f, KMA_PCPU_DRAIN, 1, 11, i * 63, 63);
	report(f);
	assert_true(part(f, "pcp.turnover", "cpu", 1)->value.real == 1);
	assert_int_equal(f->report->nr_findings, 0);
}

static void finds_tiny_batches(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 120; i++)
		move_block(f, KMA_PCPU_REFILL, 1, 11, i * 8, 2);
	report(f);
	assert_non_null(finding(f, "pcp.tiny_refill_batches"));
	assert_null(finding(f, "pcp.tiny_drain_batches"));
}

static void noise_is_no_finding(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 7; i++) {
		move_block(f, KMA_PCPU_REFILL, 0, 11, i * 63, 63);
		move_block(f, KMA_PCPU_DRAIN, 3, 33, i * 63, 63);
		move_block(f, KMA_PCPU_REFILL, 1, 11, 0x1000, 3);
		move_block(f, KMA_PCPU_DRAIN, 1, 11, 0x1000, 3);
	}
	report(f);
	assert_int_equal(f->report->nr_findings, 0);
}

static void tables_are_ordered(void **state)
{
	struct fixture *f = *state;
	const struct kma_table *table;

	refill(f, 3, 1, 100, 0);
	refill(f, 1, 1, 200, 0);
	refill(f, 2, 1, 300, 2);
	drain(f, 2, 1, 100, 0);
	drain(f, 0, 1, 200, 0);
	report(f);
	table = &f->report->tables[0];
	assert_string_equal(table->name, "cpus");
	assert_int_equal(table->nr_rows, 4);
	assert_int_equal(table->cells[0].i, 2);
	assert_int_equal(table->cells[table->nr_columns].i, 0);
	assert_int_equal(table->cells[2 * table->nr_columns].i, 1);
	assert_int_equal(table->cells[3 * table->nr_columns].i, 3);
	table = &f->report->tables[1];
	assert_string_equal(table->name, "flows");
	assert_int_equal(table->nr_rows, 2);
	assert_int_equal(table->cells[0].i, 1);
	assert_int_equal(table->cells[table->nr_columns].i, 3);
	assert_string_equal(f->report->tables[2].name, "orders");
	assert_int_equal(f->report->tables[2].cells[0].i,
			 0); /* 4 pages each: the lower order first */
	assert_int_equal(f->report->nr_series, 5);
	assert_int_equal(f->report->series[0].labels.label[0].value.i, 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parts_add_up),
		TEST(every_metric_is_reported),
		TEST(absent_events_are_unavailable),
		TEST(nothing_is_unavailable),
		TEST(locks_bracket_batches),
		TEST(one_lock_anchors_one_batch),
		TEST(runs_make_batches_without_locks),
		TEST(reporting_changes_nothing),
		TEST(announced_batches_may_be_empty),
		TEST(announced_batches_count_without_pages),
		TEST(a_gap_drops_the_batch),
		TEST(pages_move_base_page_by_base_page),
		TEST(a_second_refill_replaces_the_first),
		TEST(damaged_records_are_not_followed),
		TEST(too_late_to_be_followed),
		TEST(clocks),
		TEST(cut_traces),
		TEST(fallback_without_refill_events),
		TEST(fallback_in_a_kernel_without_the_event),
		TEST(the_first_real_refill_ends_the_fallback),
		TEST(finds_cross_cpu_flow),
		TEST(finds_thrash),
		TEST(one_rise_and_fall_is_no_thrash),
		TEST(finds_tiny_batches),
		TEST(noise_is_no_finding),
		TEST(tables_are_ordered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
