/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The zone_lock analysis, fed by hand: what it reports is checked against numbers worked out on
 * paper. Knows nothing of traces, only of events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/strings.h"
#include "plugins.h"
#include "result/result.h"

#define ALL_FORMATS (~UINT64_C(0))
#define MAX_EVENTS  140000
#define NORMAL	    "{node=0,zone=Normal}"

struct fixture {
	struct kma_trace trace;
	struct kma_strings *strings;
	struct kma_summary summary;
	struct kma_state *state;
	struct kma_event *events; /* not fed yet */
	size_t nr;
	uint32_t normal, dma32;
	struct kma_result *result;
	struct kma_report *report;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->events = calloc(MAX_EVENTS, sizeof(*f->events));
	f->strings = kma_strings_new();
	if (!f->events || !f->strings)
		return -1;
	f->normal = kma_strings_intern(f->strings, "Normal", 6);
	f->dma32 = kma_strings_intern(f->strings, "DMA32", 5);
	f->trace = (struct kma_trace){
		.clock = KMA_CLOCK_GLOBAL,
		.clock_name = "mono",
		.nr_cpus = 4,
		.formats = ALL_FORMATS,
		.strings = f->strings,
	};
	f->trace.optional_fields[KMA_ZONE_LOCK_ACQUIRE_RETURNED] = 1; /* success */
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->state)
		kma_zone_lock_analysis.close(f->state);
	kma_result_free(f->result);
	kma_strings_free(f->strings);
	free(f->events);
	free(f);
	return 0;
}

static void feed(struct fixture *f)
{
	struct kma_batch batch = { .events = f->events, .nr = f->nr };
	struct kma_error error = { 0 };

	if (!f->state)
		f->state = kma_zone_lock_analysis.open(&f->trace, &error);
	assert_non_null(f->state);
	assert_int_equal(kma_zone_lock_analysis.feed(f->state, &batch), 0);
	f->nr = 0;
}

static struct kma_event *add(struct fixture *f, enum kma_kind kind, uint32_t cpu, uint64_t ts)
{
	assert_true(f->nr < MAX_EVENTS);
	if (!f->summary.first_ts)
		f->summary.first_ts = ts;
	f->summary.last_ts = ts;
	f->summary.records[kind]++;
	f->events[f->nr] = (struct kma_event){ .ts = ts, .cpu = cpu, .pid = 7, .kind = kind };
	return &f->events[f->nr++];
}

/* Callers are 0x100 + CPU, so that a CPU's numbers are also its caller's. */
static struct kma_zone_lock *lock(struct fixture *f, uint32_t cpu, uint64_t ts, int32_t count)
{
	struct kma_event *e = add(f, KMA_ZONE_LOCKED, cpu, ts);

	e->zone_lock =
		(struct kma_zone_lock){ .name = f->normal, .count = count, .caller = 0x100 + cpu };
	return &e->zone_lock;
}

static void contended_lock(struct fixture *f, uint32_t cpu, uint64_t ts, uint64_t wait_ns)
{
	struct kma_zone_lock *zl = lock(f, cpu, ts, 1);

	zl->contended = 1;
	zl->wait_ns = wait_ns;
}

static struct kma_zone_lock *unlock(struct fixture *f, uint32_t cpu, uint64_t ts, int32_t count)
{
	struct kma_event *e = add(f, KMA_ZONE_LOCK_UNLOCK, cpu, ts);

	e->zone_lock =
		(struct kma_zone_lock){ .name = f->normal, .count = count, .caller = 0x100 + cpu };
	return &e->zone_lock;
}

static void hold(struct fixture *f, uint32_t cpu, uint64_t from, uint64_t to)
{
	lock(f, cpu, from, 1);
	unlock(f, cpu, to, 1);
}

static void page(struct fixture *f, enum kma_kind kind, uint32_t cpu, uint64_t ts, uint32_t order)
{
	add(f, kind, cpu, ts)->pcpu_page.order = order;
}

static struct kma_zone_lock_alt *other(struct fixture *f, enum kma_kind kind, uint32_t cpu,
				       uint64_t ts, uint64_t zone)
{
	struct kma_event *e = add(f, kind, cpu, ts);

	e->zone_lock_alt = (struct kma_zone_lock_alt){ .zone = zone, .success = 1 };
	return &e->zone_lock_alt;
}

static void lose(struct fixture *f, uint32_t cpu, uint64_t count)
{
	struct kma_lost lost = {
		.cpu = cpu, .counted = 1, .count = count, .from_ts = f->summary.last_ts
	};

	feed(f);
	f->summary.lost += count;
	assert_int_equal(kma_zone_lock_analysis.lost(f->state, &lost), 0);
}

static void report(struct fixture *f)
{
	struct kma_error error = { 0 };

	feed(f);
	kma_result_free(f->result);
	f->result = kma_result_new();
	assert_non_null(f->result);
	f->report = kma_result_report(f->result, "zone_lock", "");
	assert_int_equal(kma_zone_lock_analysis.report(f->state, &f->summary, f->report), 0);
	assert_int_equal(kma_result_resolve(f->result, NULL, NULL, &error), 0);
}

static const struct kma_metric *find(const struct fixture *f, const char *name, const char *labels)
{
	char key[128];

	snprintf(key, sizeof(key), "zone_lock.%s%s", name, labels);
	return kma_report_find(f->report, key);
}

static const struct kma_metric *known(const struct fixture *f, const char *name, const char *labels)
{
	const struct kma_metric *metric = find(f, name, labels);

	assert_non_null(metric);
	assert_int_not_equal(metric->status.code, KMA_UNAVAILABLE);
	return metric;
}

static int64_t value(const struct fixture *f, const char *name, const char *labels)
{
	const struct kma_metric *metric = known(f, name, labels);

	assert_int_equal(metric->value.type, KMA_VALUE_INT);
	return metric->value.i;
}

static const struct kma_dist *dist(const struct fixture *f, const char *name, const char *labels)
{
	const struct kma_metric *metric = known(f, name, labels);

	assert_non_null(metric->dist);
	return metric->dist;
}

static double real(const struct fixture *f, const char *name, const char *labels)
{
	const struct kma_metric *metric = known(f, name, labels);

	assert_int_equal(metric->value.type, KMA_VALUE_REAL);
	return metric->value.real;
}

static void check_status(const struct fixture *f, const char *name, const char *labels,
			 enum kma_status_code code, const char *reason)
{
	const struct kma_metric *metric = find(f, name, labels);

	assert_non_null(metric);
	assert_int_equal(metric->status.code, code);
	if (reason)
		assert_non_null(strstr(metric->status.reason, reason));
}

static void check_unavailable(const struct fixture *f, const char *name)
{
	check_status(f, name, "", KMA_UNAVAILABLE, NULL);
}

static bool has_finding(const struct fixture *f, const char *id)
{
	for (size_t i = 0; i < f->report->nr_findings; i++)
		if (!strcmp(f->report->findings[i].id, id))
			return true;
	return false;
}

static void test_pair(void **state)
{
	struct fixture *f = *state;

	hold(f, 0, 1000, 1400);
	contended_lock(f, 1, 2000, 300);
	unlock(f, 1, 2500, 1);
	report(f);
	assert_int_equal(value(f, "acquisitions_total", ""), 2);
	assert_int_equal(value(f, "contended_total", ""), 1);
	assert_true(real(f, "contended_ratio", "") == 0.5);
	assert_int_equal(dist(f, "wait_ns", "")->sum, 300);
	assert_int_equal(dist(f, "hold_ns", "")->sum, 900);
	assert_int_equal(dist(f, "hold_ns", "{cpu=0}")->sum, 400);
	assert_int_equal(dist(f, "irqs_off_ns", "{caller=0x101}")->sum, 800);
	assert_true(real(f, "utilization_ratio", NORMAL) == 0.6);
	check_status(f, "hold_ns", "", KMA_EXACT, NULL);
	check_status(f, "acquisitions_total", "", KMA_EXACT, NULL);
}

static void test_orphan_unlock(void **state)
{
	struct fixture *f = *state;

	unlock(f, 0, 1000, 0);
	hold(f, 0, 2000, 2100);
	unlock(f, 0, 9000, 0)->caller = 0x999;
	report(f);
	assert_int_equal(dist(f, "hold_ns", "")->count, 1);
	assert_int_equal(dist(f, "hold_ns", "")->sum, 100);
	assert_int_equal(value(f, "unpaired_unlocks_total", ""), 2);
	assert_int_equal(value(f, "unpaired_unlocks_total", "{caller=0x999}"), 1);
	assert_int_equal(value(f, "unpaired_locks_total", ""), 0);
}

static void test_other_cpu_or_zone_releases_nothing(void **state)
{
	struct fixture *f = *state;

	lock(f, 0, 1000, 1);
	unlock(f, 1, 1100, 1);
	unlock(f, 0, 1200, 1)->name = f->dma32;
	unlock(f, 0, 1300, 1)->node_id = 1;
	report(f);
	assert_int_equal(dist(f, "hold_ns", "")->count, 0);
	assert_int_equal(value(f, "unpaired_unlocks_total", ""), 3);
	assert_int_equal(value(f, "unpaired_locks_total", ""), 1);
	unlock(f, 0, 2000, 1);
	report(f);
	assert_int_equal(dist(f, "hold_ns", "")->sum, 1000);
	assert_int_equal(value(f, "unpaired_locks_total", ""), 0);
}

static void test_newer_lock_replaces(void **state)
{
	struct fixture *f = *state;

	lock(f, 0, 1000, 1);
	hold(f, 0, 5000, 5010);
	report(f);
	assert_int_equal(dist(f, "hold_ns", "")->sum, 10);
	assert_int_equal(value(f, "unpaired_locks_total", ""), 1);
	assert_int_equal(value(f, "unpaired_locks_total", NORMAL), 1);
}

static void test_pages_by_records(void **state)
{
	struct fixture *f = *state;

	lock(f, 0, 1000, 4);
	page(f, KMA_PCPU_REFILL, 0, 1001, 3);
	page(f, KMA_PCPU_REFILL, 1, 1002, 0); /* another CPU's business */
	page(f, KMA_PCPU_REFILL, 0, 1003, 3);
	unlock(f, 0, 1100, 2);
	lock(f, 1, 2000, 7);
	page(f, KMA_PCPU_DRAIN, 1, 2001, 0);
	page(f, KMA_PCPU_DRAIN, 1, 2002, 3);
	unlock(f, 1, 2100, -2);
	lock(f, 2, 3000, 8);
	unlock(f, 2, 3100, 8); /* one block of order 3 is freed */
	lock(f, 3, 4000, 8);
	unlock(f, 3, 4100, 0); /* a refill that got nothing */
	report(f);
	assert_int_equal(value(f, "pages_total", "{cpu=0}"), 16);
	assert_int_equal(value(f, "pages_total", "{cpu=1}"), 9);
	assert_int_equal(value(f, "pages_total", "{cpu=2}"), 8);
	assert_int_equal(value(f, "pages_total", "{cpu=3}"), 0);
	assert_true(real(f, "hold_ns_per_page", "") == 300.0 / 33);
	check_status(f, "pages_total", "", KMA_EXACT, NULL);
}

static void test_pages_by_counts(void **state)
{
	struct fixture *f = *state;

	lock(f, 0, 1000, 7);
	unlock(f, 0, 1100, -2);
	report(f);
	assert_int_equal(value(f, "pages_total", ""), 9);
	check_status(f, "pages_total", "", KMA_APPROXIMATE, "mm_page_pcpu_drain");
	lock(f, 1, 2000, 4);
	unlock(f, 1, 2100, 2);
	report(f);
	assert_int_equal(value(f, "pages_total", ""), 11);
	check_status(f, "pages_total", "", KMA_APPROXIMATE, "mm_page_pcpu_refill");
}

static void test_uncontended_wait_is_garbage(void **state)
{
	struct fixture *f = *state;

	lock(f, 0, 1000, 1)->wait_ns = 123456789;
	unlock(f, 0, 1100, 1);
	report(f);
	assert_int_equal(dist(f, "wait_ns", "")->count, 0);
	assert_int_equal(dist(f, "irqs_off_ns", "")->sum, 100);
}

static void test_blame(void **state)
{
	struct fixture *f = *state;

	hold(f, 3, 1000, 2100); /* its own: no CPU waits for itself */
	lock(f, 2, 2200, 1)->name = f->dma32;
	hold(f, 0, 2500, 3400);
	hold(f, 1, 3600, 4500);
	unlock(f, 2, 4800, 1)->name = f->dma32; /* the other zone's */
	contended_lock(f, 3, 5000, 3000);
	unlock(f, 3, 5100, 1);
	report(f);
	assert_int_equal(value(f, "blamed_wait_ns_total", ""), 1800);
	assert_int_equal(value(f, "blamed_wait_ns_total", "{waiter=0x103,holder=0x100}"), 900);
	assert_int_equal(value(f, "blamed_wait_ns_total", "{waiter=0x103,holder=0x101}"), 900);
	assert_null(find(f, "blamed_wait_ns_total", "{waiter=0x103,holder=0x102}"));
	assert_null(find(f, "blamed_wait_ns_total", "{waiter=0x103,holder=0x103}"));
	assert_int_equal(value(f, "blamed_wait_ns_total", NORMAL), 1800);
	assert_int_equal(value(f, "unattributed_wait_ns_total", ""), 1200);
	assert_int_equal(value(f, "unattributed_wait_ns_total", "{cpu=3}"), 1200);
	check_status(f, "blamed_wait_ns_total", "", KMA_APPROXIMATE, "another clock");
}

/* Damage and skewed clocks make holds overlap: no part of a wait may be blamed twice. */
static void test_overlapping_holds(void **state)
{
	struct fixture *f = *state;

	lock(f, 0, 1000, 1);
	lock(f, 1, 1500, 1);
	unlock(f, 0, 1800, 1);
	unlock(f, 1, 2000, 1);
	contended_lock(f, 2, 2100, 1000);
	unlock(f, 2, 2200, 1);
	report(f);
	assert_int_equal(value(f, "blamed_wait_ns_total", "{waiter=0x102,holder=0x101}"), 500);
	assert_int_equal(value(f, "blamed_wait_ns_total", "{waiter=0x102,holder=0x100}"), 400);
	assert_int_equal(value(f, "unattributed_wait_ns_total", ""), 100);
}

static void test_wait_from_before_time_began(void **state)
{
	struct fixture *f = *state;

	hold(f, 0, 100, 400);
	contended_lock(f, 1, 500, 9000);
	unlock(f, 1, 600, 1);
	contended_lock(f, 2, 700, 9000);
	unlock(f, 2, 800, 1);
	report(f);
	assert_int_equal(value(f, "blamed_wait_ns_total", ""), 300 + 300 + 100);
	assert_int_equal(value(f, "convoys_total", NORMAL), 1);
	assert_int_equal(value(f, "convoy_max_length", NORMAL), 2);
	assert_int_equal(value(f, "max_waiters", NORMAL), 2);
}

/* What is open counts too, and telling it changes nothing. */
static void test_open_at_the_end(void **state)
{
	struct fixture *f = *state;

	hold(f, 0, 1000, 1400);
	contended_lock(f, 1, 1500, 400);
	for (int i = 0; i < 2; i++) {
		report(f);
		assert_int_equal(value(f, "unpaired_locks_total", ""), 1);
		assert_int_equal(value(f, "unpaired_locks_total", "{cpu=1}"), 1);
		assert_int_equal(value(f, "blamed_wait_ns_total", ""), 300);
		assert_int_equal(value(f, "unattributed_wait_ns_total", ""), 100);
	}
	unlock(f, 1, 1700, 1);
	report(f);
	assert_int_equal(value(f, "unpaired_locks_total", ""), 0);
	assert_int_equal(value(f, "blamed_wait_ns_total", ""), 300);
}

static void test_loss_drops_what_is_open(void **state)
{
	struct fixture *f = *state;

	lock(f, 0, 1000, 1);
	lock(f, 1, 1100, 1)->name = f->dma32;
	lose(f, 0, 5);
	unlock(f, 0, 2000, 1);
	unlock(f, 1, 2100, 1)->name = f->dma32;
	report(f);
	assert_int_equal(dist(f, "hold_ns", "")->count, 1);
	assert_int_equal(dist(f, "hold_ns", "{cpu=1}")->sum, 1000);
	assert_int_equal(value(f, "unpaired_locks_total", "{cpu=0}"), 1);
	assert_int_equal(value(f, "unpaired_unlocks_total", "{cpu=0}"), 1);
	check_status(f, "acquisitions_total", "", KMA_LOWER_BOUND, "5");
	check_status(f, "hold_ns", "", KMA_APPROXIMATE, "lost");
	check_status(f, "unpaired_locks_total", "", KMA_APPROXIMATE, "lost");
}

static void test_convoy(void **state)
{
	struct fixture *f = *state;

	hold(f, 0, 1000, 2000);
	contended_lock(f, 1, 2100, 900);
	unlock(f, 1, 3000, 1);
	contended_lock(f, 2, 3100, 1700);
	unlock(f, 2, 4600, 1);
	contended_lock(f, 3, 4700, 3200);
	unlock(f, 3, 4800, 1);
	contended_lock(f, 0, 9000, 100); /* began after the release before it */
	unlock(f, 0, 9100, 1);
	contended_lock(f, 1, 9200, 150); /* one hand-over is no convoy */
	unlock(f, 1, 9300, 1);
	report(f);
	assert_int_equal(value(f, "convoys_total", NORMAL), 1);
	assert_int_equal(value(f, "convoy_max_length", NORMAL), 3);
	assert_int_equal(value(f, "max_waiters", NORMAL), 3);
	assert_true(has_finding(f, "zone_lock.convoy"));
}

/* Nobody knows when a lock without an unlock was released: what follows was handed over from nobody. */
static void test_convoy_needs_pairs(void **state)
{
	struct fixture *f = *state;

	hold(f, 0, 1000, 2000);
	contended_lock(f, 1, 2100, 900);
	unlock(f, 1, 3000, 1);
	contended_lock(f, 2, 3100, 1700);
	contended_lock(f, 3, 4700, 3200);
	unlock(f, 3, 4800, 1);
	report(f);
	assert_int_equal(value(f, "convoy_max_length", NORMAL), 2);
}

static void test_contended_only(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 1; i <= 3; i++)
		add(f, KMA_ZONE_LOCK_CONTENDED, i == 3, 1000 * i)->zone_lock =
			(struct kma_zone_lock){ .name = f->normal, .caller = 0x500 };
	report(f);
	assert_int_equal(value(f, "contended_total", ""), 3);
	assert_int_equal(value(f, "contended_total", "{cpu=0}"), 2);
	assert_int_equal(value(f, "contended_total", "{caller=0x500}"), 3);
	check_unavailable(f, "acquisitions_total");
	check_unavailable(f, "contended_ratio");
	check_unavailable(f, "wait_ns");
	check_unavailable(f, "hold_ns");
	check_unavailable(f, "unpaired_locks_total");
	check_unavailable(f, "blamed_wait_ns_total");
}

static void test_no_unlock(void **state)
{
	struct fixture *f = *state;

	lock(f, 0, 1000, 1);
	contended_lock(f, 1, 2000, 500);
	report(f);
	assert_int_equal(value(f, "acquisitions_total", ""), 2);
	assert_int_equal(dist(f, "wait_ns", "")->sum, 500);
	assert_int_equal(value(f, "max_waiters", NORMAL), 1);
	check_status(f, "hold_ns", "", KMA_UNAVAILABLE, "mm_zone_lock_unlock");
	check_unavailable(f, "irqs_off_ns");
	check_unavailable(f, "pages_total");
	check_unavailable(f, "unpaired_locks_total");
	check_unavailable(f, "unattributed_wait_ns_total");
	check_status(f, "convoys_total", NORMAL, KMA_UNAVAILABLE, NULL);
}

static void test_local_clock(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_LOCAL;
	hold(f, 0, 1000, 1400);
	contended_lock(f, 1, 1500, 400);
	unlock(f, 1, 1600, 1);
	report(f);
	check_status(f, "hold_ns", "", KMA_EXACT, NULL);
	check_status(f, "blamed_wait_ns_total", "", KMA_APPROXIMATE, "differs between CPUs");
}

static void test_ticks(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_TICKS;
	hold(f, 0, 1000, 1400);
	contended_lock(f, 1, 1500, 400);
	unlock(f, 1, 1600, 1);
	report(f);
	assert_int_equal(dist(f, "wait_ns", "")->sum, 400);
	assert_int_equal(value(f, "unpaired_locks_total", ""), 0);
	check_status(f, "hold_ns", "", KMA_UNAVAILABLE, "nanoseconds");
	check_unavailable(f, "blamed_wait_ns_total");
	check_status(f, "max_waiters", NORMAL, KMA_UNAVAILABLE, NULL);
	check_status(f, "utilization_ratio", NORMAL, KMA_UNAVAILABLE, NULL);
}

/* Without unlocks every lock looks unpaired, whatever the clock. */
static void test_ticks_without_unlock(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_TICKS;
	lock(f, 0, 1000, 1);
	report(f);
	check_unavailable(f, "unpaired_locks_total");
	check_unavailable(f, "unpaired_unlocks_total");
}

static void test_fit(void **state)
{
	struct fixture *f = *state;

	for (uint32_t order = 0; order < 4; order++) {
		uint64_t at = 1000 * (order + 1);

		lock(f, 0, at, 8);
		page(f, KMA_PCPU_REFILL, 0, at + 10, order);
		unlock(f, 0, at + 300 + 50 * (UINT64_C(1) << order), 1);
		hold(f, 1, at + 800, at + 810 + order); /* always one page: no line */
	}
	report(f);
	assert_true(real(f, "fit_fixed_ns", "{caller=0x100}") == 300);
	assert_true(real(f, "fit_ns_per_page", "{caller=0x100}") == 50);
	assert_true(real(f, "fit_r2", "{caller=0x100}") > 0.999999);
	assert_null(find(f, "fit_fixed_ns", "{caller=0x101}"));
}

static void test_other_events(void **state)
{
	struct fixture *f = *state;

	f->trace.formats &= ~(KMA_KIND_BIT(KMA_ZONE_LOCKED) | KMA_KIND_BIT(KMA_ZONE_LOCK_CONTENDED));
	other(f, KMA_ZONE_LOCK_START_LOCKING, 0, 1000, 0xa);
	other(f, KMA_ZONE_LOCK_ACQUIRE_RETURNED, 0, 1030, 0xa);
	other(f, KMA_ZONE_LOCK_RELEASED, 0, 1530, 0xa);
	other(f, KMA_ZONE_LOCK_START_LOCKING, 0, 2000, 0xa);
	other(f, KMA_ZONE_LOCK_ACQUIRE_RETURNED, 0, 2010, 0xa)->success = 0; /* took nothing */
	other(f, KMA_ZONE_LOCK_RELEASED, 0, 3000, 0xb);
	report(f);
	assert_int_equal(value(f, "acquisitions_total", ""), 1);
	assert_int_equal(dist(f, "wait_ns", "{cpu=0}")->sum, 30);
	assert_int_equal(dist(f, "hold_ns", "")->sum, 500);
	assert_int_equal(value(f, "unpaired_unlocks_total", ""), 1);
	check_status(f, "wait_ns", "", KMA_APPROXIMATE, "uncontended");
	check_unavailable(f, "contended_total");
	check_unavailable(f, "pages_total");
	check_unavailable(f, "blamed_wait_ns_total");
	check_unavailable(f, "max_waiters");
}

/* Nobody is told of zone_lock:* where a trace has neither. */
static void test_neither_events(void **state)
{
	struct fixture *f = *state;

	f->trace.formats = 0;
	report(f);
	check_status(f, "acquisitions_total", "", KMA_UNAVAILABLE, "mm_zone_locked");
	check_status(f, "wait_ns", "", KMA_UNAVAILABLE, "mm_zone_locked");
}

static void test_other_events_without_start(void **state)
{
	struct fixture *f = *state;

	f->trace.formats &= ~(KMA_KIND_BIT(KMA_ZONE_LOCKED) | KMA_KIND_BIT(KMA_ZONE_LOCK_CONTENDED));
	other(f, KMA_ZONE_LOCK_ACQUIRE_RETURNED, 0, 1030, 0xa);
	other(f, KMA_ZONE_LOCK_RELEASED, 0, 1530, 0xa);
	report(f);
	assert_int_equal(dist(f, "hold_ns", "")->sum, 500);
	check_unavailable(f, "wait_ns");
	check_unavailable(f, "irqs_off_ns");
}

static void test_contended_finding(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 1; i <= 20; i++) {
		contended_lock(f, i & 1, 10000 * i, 3000);
		unlock(f, i & 1, 10000 * i + 100, 1);
	}
	report(f);
	assert_true(has_finding(f, "zone_lock.contended"));
	assert_false(has_finding(f, "zone_lock.convoy"));
	assert_false(has_finding(f, "zone_lock.long_irqs_off"));
}

/* A broken trace can name any number of zones: what is not kept is told. */
static void test_too_many_zones(void **state)
{
	struct fixture *f = *state;

	for (int32_t node = 0; node < 5000; node++) {
		lock(f, 0, 1000 + 2 * (uint64_t)node, 1)->node_id = node;
		unlock(f, 0, 1001 + 2 * (uint64_t)node, 1)->node_id = node;
	}
	report(f);
	assert_int_equal(value(f, "acquisitions_total", ""), 4096);
	check_status(f, "acquisitions_total", "", KMA_LOWER_BOUND, "zones");
}

/* More holds than are remembered: old ones are forgotten, sums go on. */
static void test_many_holds(void **state)
{
	struct fixture *f = *state;
	uint64_t ts = 1000;

	for (uint32_t i = 0; i < 60000; i++, ts += 100)
		hold(f, i & 3, ts, ts + 50);
	contended_lock(f, 0, ts, 1000);
	unlock(f, 0, ts + 10, 1);
	report(f);
	assert_int_equal(dist(f, "hold_ns", "")->count, 60001);
	/* in the last 1,000 ns there were 10 holds of 50 ns, two of them CPU 0's own */
	assert_int_equal(value(f, "blamed_wait_ns_total", ""), 8 * 50);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(pair),
		TEST(orphan_unlock),
		TEST(other_cpu_or_zone_releases_nothing),
		TEST(newer_lock_replaces),
		TEST(pages_by_records),
		TEST(pages_by_counts),
		TEST(uncontended_wait_is_garbage),
		TEST(blame),
		TEST(overlapping_holds),
		TEST(wait_from_before_time_began),
		TEST(open_at_the_end),
		TEST(loss_drops_what_is_open),
		TEST(convoy),
		TEST(convoy_needs_pairs),
		TEST(contended_only),
		TEST(no_unlock),
		TEST(local_clock),
		TEST(ticks),
		TEST(ticks_without_unlock),
		TEST(fit),
		TEST(other_events),
		TEST(neither_events),
		TEST(other_events_without_start),
		TEST(contended_finding),
		TEST(too_many_zones),
		TEST(many_holds),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
