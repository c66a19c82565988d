/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slab analysis, fed by hand: what it reports is checked against numbers worked out on paper.
 * Knows nothing of traces, only of events.
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
#include "slab_live.h"

#define ALL_FORMATS (~UINT64_C(0))
#define MAX_EVENTS  40000
#define MS	    UINT64_C(1000000)

/* Call sites */
#define A 0xa000
#define B 0xb000
#define F 0xf000 /* one that frees */

struct fixture {
	struct kma_trace trace;
	struct kma_summary summary;
	struct kma_strings *strings;
	struct kma_state *state;
	struct kma_event *events; /* not fed yet */
	size_t nr;
	uint64_t now;
	uint64_t stacks[64];
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
	f->trace = (struct kma_trace){
		.clock = KMA_CLOCK_GLOBAL,
		.clock_name = "global",
		.nr_cpus = 4,
		.start_ts = 1000,
		.formats = ALL_FORMATS,
		.optional_fields[KMA_KMEM_CACHE_FREE] = KMA_HAS_NAME,
		.page_size = 4096,
		.strings = f->strings,
	};
	f->now = 1000;
	f->summary.first_ts = 1000;
	*state = f;
	return f->events && f->strings ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kma_slab_analysis.close(f->state);
	kma_result_free(f->result);
	kma_strings_free(f->strings);
	free(f->events);
	free(f);
	return 0;
}

static void feed(struct fixture *f)
{
	struct kma_batch batch = { .events = f->events, .nr = f->nr, .stacks = f->stacks };
	struct kma_error error = { 0 };

	if (!f->state)
		f->state = kma_slab_analysis.open(&f->trace, &error);
	assert_non_null(f->state);
	assert_int_equal(kma_slab_analysis.feed(f->state, &batch), 0);
	f->nr = 0;
}

static struct kma_event *add(struct fixture *f, enum kma_kind kind, uint32_t cpu)
{
	assert_true(f->nr < MAX_EVENTS);
	f->now += 10;
	f->summary.last_ts = f->now;
	f->summary.records[kind]++;
	f->events[f->nr] = (struct kma_event){ .ts = f->now, .cpu = cpu, .pid = 1, .kind = kind };
	return &f->events[f->nr++];
}

static struct kma_slab_alloc *alloc(struct fixture *f, enum kma_kind kind, uint64_t site,
				    uint64_t ptr, uint32_t req, uint32_t size)
{
	struct kma_event *e = add(f, kind, 0);

	e->slab_alloc = (struct kma_slab_alloc){
		.call_site = site, .ptr = ptr, .bytes_req = req, .bytes_alloc = size
	};
	return &e->slab_alloc;
}

static void kmalloc(struct fixture *f, uint64_t site, uint64_t ptr, uint32_t req, uint32_t size)
{
	alloc(f, KMA_KMALLOC, site, ptr, req, size);
}

static void kfree_on(struct fixture *f, uint32_t cpu, uint64_t ptr)
{
	add(f, KMA_KFREE, cpu)->slab_free = (struct kma_slab_free){ .call_site = F, .ptr = ptr };
}

static void kfree(struct fixture *f, uint64_t ptr)
{
	kfree_on(f, 0, ptr);
}

static uint32_t name_id(struct fixture *f, const char *name)
{
	return kma_strings_intern(f->strings, name, strlen(name));
}

static void cache_free(struct fixture *f, uint64_t ptr, const char *name)
{
	add(f, KMA_KMEM_CACHE_FREE, 0)->slab_free =
		(struct kma_slab_free){ .call_site = F, .ptr = ptr, .name = name_id(f, name) };
}

static void lose(struct fixture *f, uint64_t count)
{
	struct kma_lost lost = { .cpu = 0, .counted = 1, .count = count, .from_ts = f->now };

	feed(f);
	f->summary.lost += count;
	assert_int_equal(kma_slab_analysis.lost(f->state, &lost), 0);
}

static void report(struct fixture *f)
{
	feed(f);
	kma_result_free(f->result);
	f->result = kma_result_new();
	assert_non_null(f->result);
	f->report = kma_result_report(f->result, kma_slab_analysis.name, kma_slab_analysis.title);
	assert_int_equal(kma_slab_analysis.report(f->state, &f->summary, f->report), 0);
	assert_false(f->report->failed);
}

/* "slab.alloc_total" or "slab.alloc_total{cache=filp}"; addresses as in 0xa000 */
static const struct kma_metric *find(const struct fixture *f, const char *key)
{
	return kma_report_find(f->report, key);
}

static const struct kma_metric *get(const struct fixture *f, const char *key)
{
	const struct kma_metric *metric = find(f, key);

	if (!metric)
		fail_msg("no metric %s", key);
	return metric;
}

static void check(const struct fixture *f, const char *key, int64_t value)
{
	const struct kma_metric *metric = get(f, key);

	if (metric->value.type != KMA_VALUE_INT || metric->value.i != value)
		fail_msg("%s is %lld, not %lld", key, (long long)metric->value.i, (long long)value);
}

static void check_status(const struct fixture *f, const char *key, enum kma_status_code code,
			 const char *reason)
{
	const struct kma_metric *metric = get(f, key);

	if (metric->status.code != code)
		fail_msg("%s has status %d", key, metric->status.code);
	if (reason && !strstr(metric->status.reason, reason))
		fail_msg("%s: %s", key, metric->status.reason);
}

static const struct kma_finding *finding(const struct fixture *f, const char *id)
{
	for (size_t i = 0; i < f->report->nr_findings; i++)
		if (!strcmp(f->report->findings[i].id, id))
			return &f->report->findings[i];
	return NULL;
}

static const struct kma_table *table(const struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->report->nr_tables; i++)
		if (!strcmp(f->report->tables[i].name, name))
			return &f->report->tables[i];
	return NULL;
}

/* ---- counts ---- */

static void parts_add_up(void **state)
{
	struct fixture *f = *state;

	kmalloc(f, A, 0x100, 10, 16);
	kmalloc(f, A, 0x200, 100, 128);
	alloc(f, KMA_KMALLOC_NODE, B, 0x300, 32, 32);
	alloc(f, KMA_KMEM_CACHE_ALLOC, B, 0x400, 56, 64);
	alloc(f, KMA_KMEM_CACHE_ALLOC_NODE, B, 0x500, 56, 64);
	kfree(f, 0x100);
	cache_free(f, 0x400, "filp");
	report(f);
	check(f, "slab.alloc_total", 5);
	check(f, "slab.alloc_total{call_site=0xa000}", 2);
	check(f, "slab.alloc_total{call_site=0xb000}", 3);
	check(f, "slab.alloc_total{family=kmalloc}", 3);
	check(f, "slab.alloc_total{family=kmem_cache}", 2);
	check(f, "slab.req_bytes_total", 254);
	check(f, "slab.alloc_bytes_total", 304);
	check(f, "slab.waste_bytes_total", 50);
	check(f, "slab.waste_bytes_total{call_site=0xa000}", 34);
	assert_true(get(f, "slab.waste_ratio")->value.real == 50.0 / 304.0);
	check(f, "slab.free_total", 2);
	check(f, "slab.free_total{call_site=0xf000}", 2);
	check(f, "slab.free_total{family=kmalloc}", 1);
	check(f, "slab.free_total{cache=filp}", 1);
	check(f, "slab.outstanding_objects", 3);
	check(f, "slab.outstanding_bytes", 128 + 32 + 64);
	check(f, "slab.outstanding_bytes{call_site=0xa000}", 128);
	check(f, "slab.outstanding_objects{family=kmem_cache}", 1);
	check(f, "slab.peak_objects", 5);
	check(f, "slab.peak_bytes", 304);
	check_status(f, "slab.outstanding_bytes", KMA_EXACT, NULL);
	assert_int_equal(get(f, "slab.lifetime_ns")->dist->count, 2);
	assert_int_equal(get(f, "slab.lifetime_ns")->dist->min, 30);
	assert_int_equal(get(f, "slab.lifetime_ns")->dist->max, 50);
}

static void every_metric_is_reported(void **state)
{
	struct fixture *f = *state;

	for (int with_records = 0; with_records < 2; with_records++) {
		if (with_records) {
			kmalloc(f, A, 0x100, 10, 16);
			kfree(f, 0x100);
		}
		report(f);
		for (const struct kma_metric_def *def = kma_slab_analysis.metrics; def->name; def++)
			assert_non_null(find(f, def->name));
	}
}

static void failed_allocations_are_no_objects(void **state)
{
	struct fixture *f = *state;

	kmalloc(f, A, 0, 4096, 4096);
	kmalloc(f, B, 0x100, 8, 8);
	report(f);
	check(f, "slab.alloc_total", 1);
	check(f, "slab.req_bytes_total", 8);
	check(f, "slab.alloc_failed_total", 1);
	check(f, "slab.alloc_failed_total{call_site=0xa000}", 1);
	check_status(f, "slab.outstanding_objects", KMA_UNAVAILABLE, "kmem:kfree");
	assert_non_null(finding(f, "slab.alloc_failed"));
}

static void frees_of_nothing_are_no_frees(void **state)
{
	struct fixture *f = *state;

	kmalloc(f, A, 0x100, 8, 8);
	kmalloc(f, A, 16, 0, 0); /* a request for 0 bytes */
	kfree(f, 0);
	kfree(f, 16);
	kfree(f, 0x100);
	report(f);
	check(f, "slab.alloc_total", 1);
	check(f, "slab.zero_size_alloc_total", 1);
	check(f, "slab.free_total", 1);
	check(f, "slab.noop_free_total", 2);
	check(f, "slab.noop_free_total{call_site=0xf000}", 2);
	check(f, "slab.free_unknown_total", 0);
	check(f, "slab.outstanding_objects", 0);
}

static void unknown_frees_were_born_before(void **state)
{
	struct fixture *f = *state;

	kfree(f, 0x900);
	kmalloc(f, A, 0x100, 8, 8);
	kfree(f, 0x100);
	kfree(f, 0x100); /* and a second free of the same address */
	report(f);
	check(f, "slab.free_total", 3);
	check(f, "slab.free_unknown_total", 2);
	check(f, "slab.free_unknown_total{call_site=0xf000}", 2);
	assert_int_equal(get(f, "slab.lifetime_ns")->dist->count, 1);
}

static void an_allocation_of_a_live_address_closes_the_old_object(void **state)
{
	struct fixture *f = *state;

	kmalloc(f, A, 0x100, 8, 8);
	kmalloc(f, B, 0x100, 60, 64);
	kfree(f, 0x100);
	report(f);
	check(f, "slab.missed_free_total", 1);
	check(f, "slab.missed_free_total{call_site=0xa000}", 1);
	assert_null(find(f, "slab.missed_free_total{call_site=0xb000}"));
	check(f, "slab.outstanding_objects", 0);
	check(f, "slab.outstanding_bytes", 0);
	check(f, "slab.peak_objects", 1);
	check(f, "slab.peak_bytes", 64);
	/* only the second object's lifetime is known */
	assert_int_equal(get(f, "slab.lifetime_ns")->dist->count, 1);
	assert_int_equal(get(f, "slab.lifetime_ns")->dist->max, 10);
}

static void frees_on_other_cpus_are_counted_where_allocated(void **state)
{
	struct fixture *f = *state;

	kmalloc(f, A, 0x100, 8, 8);
	kmalloc(f, B, 0x200, 8, 8);
	kfree_on(f, 3, 0x100);
	kfree_on(f, 0, 0x200);
	report(f);
	check(f, "slab.cross_cpu_free_total", 1);
	check(f, "slab.cross_cpu_free_total{call_site=0xa000}", 1);
	check(f, "slab.cross_cpu_free_total{family=kmalloc}", 1);
	assert_null(find(f, "slab.cross_cpu_free_total{call_site=0xb000}"));
	assert_true(get(f, "slab.cross_cpu_free_ratio")->value.real == 0.5);
}

static void a_local_clock_makes_lifetimes_across_cpus_approximate(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_LOCAL;
	f->trace.clock_name = "local";
	kmalloc(f, A, 0x100, 8, 8);
	kfree(f, 0x100);
	report(f);
	check_status(f, "slab.lifetime_ns", KMA_EXACT, NULL);
	kmalloc(f, A, 0x100, 8, 8);
	kfree_on(f, 1, 0x100);
	report(f);
	check_status(f, "slab.lifetime_ns", KMA_APPROXIMATE, "local clock");
}

static void ticks_are_no_durations(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_TICKS;
	f->trace.clock_name = "counter";
	kmalloc(f, A, 0x100, 8, 8);
	kfree(f, 0x100);
	report(f);
	check(f, "slab.alloc_total", 1);
	check_status(f, "slab.lifetime_ns", KMA_UNAVAILABLE, "counter");
	check_status(f, "slab.leak_suspects_total", KMA_UNAVAILABLE, "counter");
	check_status(f, "slab.outstanding_objects", KMA_EXACT, NULL);
	assert_int_equal(f->report->nr_series, 0);
}

/* ---- caches ---- */

static void the_cache_is_learned_from_frees(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 1; i <= 3; i++)
		alloc(f, KMA_KMEM_CACHE_ALLOC, A, 0x1000 * i, 180, 192);
	alloc(f, KMA_KMEM_CACHE_ALLOC, A, 0x8000, 20, 24); /* another size: never freed, not known */
	cache_free(f, 0x1000, "filp");
	report(f);
	check(f, "slab.alloc_total{cache=filp}", 3);
	check(f, "slab.outstanding_bytes{cache=filp}", 384);
	check(f, "slab.waste_bytes_total{cache=filp}", 36);
	check(f, "slab.free_total{cache=filp}", 1);
	check_status(f, "slab.alloc_total{cache=filp}", KMA_APPROXIMATE, "does not name the cache");
	check_status(f, "slab.free_total{cache=filp}", KMA_EXACT, NULL);
	/* a second cache of the same call site and sizes: nobody knows which is which */
	cache_free(f, 0x2000, "dentry");
	report(f);
	assert_null(find(f, "slab.alloc_total{cache=filp}"));
	assert_null(find(f, "slab.alloc_total{cache=dentry}"));
	check(f, "slab.free_total{cache=dentry}", 1);
}

static void the_cache_that_allocations_name_counts(void **state)
{
	struct fixture *f = *state;

	f->trace.optional_fields[KMA_KMEM_CACHE_ALLOC] = KMA_HAS_NODE | KMA_HAS_NAME;
	alloc(f, KMA_KMEM_CACHE_ALLOC, A, 0x1000, 180, 192)->name = name_id(f, "filp");
	alloc(f, KMA_KMEM_CACHE_ALLOC, A, 0x2000, 180, 192)->name = name_id(f, "dentry");
	cache_free(f, 0x1000, "filp");
	report(f);
	check(f, "slab.alloc_total{cache=filp}", 1);
	check(f, "slab.alloc_total{cache=dentry}", 1);
	check(f, "slab.outstanding_objects{cache=dentry}", 1);
	check(f, "slab.alloc_total{call_site=0xa000}", 2);
	check_status(f, "slab.alloc_total{cache=filp}", KMA_EXACT, NULL);
}

static void a_cache_object_may_be_freed_by_kfree(void **state)
{
	struct fixture *f = *state;

	alloc(f, KMA_KMEM_CACHE_ALLOC, A, 0x1000, 180, 192);
	kfree(f, 0x1000);
	report(f);
	check(f, "slab.free_total{family=kmalloc}", 1);
	check_status(f, "slab.free_total{family=kmem_cache}", KMA_UNAVAILABLE, "kmem_cache_free");
	assert_int_equal(get(f, "slab.lifetime_ns")->dist->count, 1);
}

/* ---- what is missing ---- */

static void absent_events_are_unavailable(void **state)
{
	struct fixture *f = *state;

	f->trace.formats = KMA_KIND_BIT(KMA_KMALLOC);
	kmalloc(f, A, 0x100, 8, 8);
	report(f);
	check(f, "slab.alloc_total{family=kmalloc}", 1);
	check_status(f, "slab.alloc_total", KMA_LOWER_BOUND, "kmem:kmem_cache_alloc");
	check_status(f, "slab.alloc_total{family=kmem_cache}", KMA_UNAVAILABLE, "kmem_cache_alloc");
	check_status(f, "slab.free_total", KMA_UNAVAILABLE, "kmem:kfree");
	check_status(f, "slab.outstanding_objects", KMA_UNAVAILABLE, "kmem:kfree");
	check_status(f, "slab.peak_bytes", KMA_UNAVAILABLE, "kmem:kfree");
	check_status(f, "slab.lifetime_ns", KMA_UNAVAILABLE, "kmem:kfree");
	check_status(f, "slab.free_unknown_total", KMA_UNAVAILABLE, "kmem:kfree");
	assert_null(find(f, "slab.outstanding_objects{call_site=0xa000}"));
	assert_null(finding(f, "slab.hardly_freed"));
	assert_int_equal(f->report->status.code, KMA_APPROXIMATE);
}

static void one_family_without_frees_spoils_the_whole_only(void **state)
{
	struct fixture *f = *state;

	kmalloc(f, A, 0x100, 8, 8);
	alloc(f, KMA_KMEM_CACHE_ALLOC, B, 0x200, 8, 8);
	cache_free(f, 0x200, "filp");
	report(f);
	check_status(f, "slab.outstanding_objects", KMA_UNAVAILABLE, "kmem:kfree");
	check_status(f, "slab.outstanding_objects{family=kmalloc}", KMA_UNAVAILABLE, "kmem:kfree");
	check(f, "slab.outstanding_objects{family=kmem_cache}", 0);
	check(f, "slab.outstanding_objects{call_site=0xb000}", 0);
	assert_null(find(f, "slab.outstanding_objects{call_site=0xa000}"));
}

static void frees_alone_are_counted(void **state)
{
	struct fixture *f = *state;

	kfree(f, 0x100);
	report(f);
	check_status(f, "slab.alloc_total", KMA_UNAVAILABLE, "kmem:kmalloc");
	check(f, "slab.free_total", 1);
	check_status(f, "slab.free_unknown_total", KMA_UNAVAILABLE, "kmem:kmalloc");
	assert_int_equal(f->report->status.code, KMA_UNAVAILABLE);
}

static void nothing_is_unavailable(void **state)
{
	struct fixture *f = *state;

	add(f, KMA_PAGE_ALLOC, 0);
	report(f);
	assert_int_equal(f->report->status.code, KMA_UNAVAILABLE);
	assert_int_equal(f->report->nr_findings, 0);
	assert_int_equal(f->report->nr_tables, 0);
}

static void lost_records_weaken(void **state)
{
	struct fixture *f = *state;

	kmalloc(f, A, 0x100, 8, 8);
	lose(f, 5);
	kfree(f, 0x100);
	report(f);
	check_status(f, "slab.alloc_total", KMA_LOWER_BOUND, "5 records were lost");
	check_status(f, "slab.free_total", KMA_LOWER_BOUND, "lost");
	check_status(f, "slab.outstanding_objects", KMA_APPROXIMATE, "lost");
	check_status(f, "slab.lifetime_ns", KMA_APPROXIMATE, "lost");
	check_status(f, "slab.leak_suspects_total", KMA_APPROXIMATE, "lost");
	check_status(f, "slab.waste_ratio", KMA_APPROXIMATE, "lost");
	/* what is live stays so: a free of any object may be in the gap */
	assert_int_equal(get(f, "slab.lifetime_ns")->dist->count, 1);
}

static void filters_weaken_pairs(void **state)
{
	struct fixture *f = *state;

	f->trace.filtered = true;
	kmalloc(f, A, 0x100, 8, 8);
	kfree(f, 0x100);
	alloc(f, KMA_KMEM_CACHE_ALLOC, B, 0x200, 8, 8);
	cache_free(f, 0x200, "filp");
	report(f);
	check_status(f, "slab.alloc_total", KMA_EXACT, NULL);
	check_status(f, "slab.outstanding_bytes", KMA_APPROXIMATE, "picked");
	check_status(f, "slab.leak_suspects_total", KMA_APPROXIMATE, "picked");
}

/* ---- leaks ---- */

/* Objects of site A that live for 1 ms, one every ms, up to @end. Addresses repeat. */
static void churn(struct fixture *f, uint64_t end)
{
	for (; f->now < end; f->now += MS) {
		kmalloc(f, A, 0x100000, 100, 128);
		f->now += MS;
		kfree(f, 0x100000);
	}
}

static int64_t suspects(const struct fixture *f, const char *grade)
{
	char key[80];

	snprintf(key, sizeof(key), "slab.leak_suspects_total{grade=%s}", grade);
	return get(f, key)->value.i;
}

static void young_objects_are_no_suspects(void **state)
{
	struct fixture *f = *state;

	churn(f, 400 * MS);
	/* a burst at the very end, and it is only as old as others become */
	for (uint64_t i = 0; i < 500; i++)
		kmalloc(f, A, 0x200000 + 0x80 * i, 100, 128);
	f->summary.last_ts += MS / 2;
	report(f);
	check(f, "slab.outstanding_objects", 500);
	check(f, "slab.leak_suspects_total", 0);
	assert_null(table(f, "leak_suspects"));
}

static void what_outlives_others_and_grows_is_strong_evidence(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < 40; i++) {
		churn(f, 10 * MS * i);
		kmalloc(f, A, 0x200000 + 0x80 * i, 100, 128);
	}
	report(f);
	check(f, "slab.outstanding_objects", 40);
	assert_int_equal(suspects(f, "strong"), 1);
	assert_non_null(finding(f, "slab.leak"));
	assert_int_equal(finding(f, "slab.leak")->severity, KMA_WARN);
	/* those of the last milliseconds are not old enough to count */
	assert_in_range(get(f, "slab.leak_suspect_bytes")->value.i, 35 * 128, 39 * 128);
	/* the same with lost records: the frees may be among them */
	lose(f, 1);
	report(f);
	assert_int_equal(suspects(f, "strong"), 0);
	assert_int_equal(suspects(f, "moderate"), 1);
}

static void what_stopped_growing_is_moderate_evidence(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < 40; i++) {
		churn(f, MS * i);
		kmalloc(f, A, 0x200000 + 0x80 * i, 100, 128);
	}
	churn(f, 400 * MS);
	report(f);
	assert_int_equal(suspects(f, "strong"), 0);
	assert_int_equal(suspects(f, "moderate"), 1);
	assert_non_null(finding(f, "slab.leak_possible"));
}

static void frees_that_stop_are_strong_evidence(void **state)
{
	struct fixture *f = *state;

	churn(f, 400 * MS);
	for (uint64_t i = 0; i < 100; i++)
		kmalloc(f, A, 0x200000 + 0x80 * i, 100, 128);
	f->summary.last_ts += 100 * MS;
	report(f);
	assert_int_equal(suspects(f, "strong"), 1);
	check(f, "slab.leak_suspect_bytes{call_site=0xa000}", 100 * 128);
}

static void never_freed_is_weak_evidence(void **state)
{
	struct fixture *f = *state;

	kmalloc(f, B, 0x100, 8, 8);
	kfree(f, 0x100);
	for (uint64_t i = 0; i < 100; i++, f->now += MS)
		kmalloc(f, A, 0x200000 + 0x80 * i, 100, 128);
	report(f);
	assert_int_equal(suspects(f, "weak"), 1);
	check(f, "slab.leak_suspects_total", 1);
	assert_non_null(finding(f, "slab.hardly_freed"));
	assert_null(finding(f, "slab.leak"));
}

static void unseen_frees_are_no_evidence(void **state)
{
	struct fixture *f = *state;

	kmalloc(f, B, 0x100, 8, 8);
	kfree(f, 0x100);
	/* addresses come again and again, with no free: kfree_rcu() */
	for (uint64_t i = 0; i < 400; i++, f->now += MS)
		kmalloc(f, A, 0x200000 + 0x80 * (i % 100), 100, 128);
	report(f);
	check(f, "slab.outstanding_objects", 100);
	check(f, "slab.missed_free_total", 300);
	check(f, "slab.leak_suspects_total", 0);
	assert_non_null(finding(f, "slab.unseen_frees"));
}

/* ---- caches of their own ---- */

static void one_wasteful_size_is_a_candidate(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < 1000; i++)
		kmalloc(f, A, 0x200000 + 0x400 * i, 521, 1024); /* 528 with a cache of its own */
	for (uint64_t i = 0; i < 1000; i++)
		kmalloc(f, B, 0x800000 + 0x400 * i, 500 + i % 3, 1024); /* no one size */
	for (uint64_t i = 0; i < 1000; i++)
		kfree(f, 0x200000 + 0x400 * i);
	report(f);
	check(f, "slab.dedicated_cache_saving_bytes", 1000 * 496);
	check(f, "slab.dedicated_cache_saving_bytes{call_site=0xa000}", 1000 * 496);
	assert_int_equal(table(f, "dedicated_caches")->nr_rows, 1);
	assert_non_null(finding(f, "slab.dedicated_cache"));
}

/* ---- robustness ---- */

static void stacks_tell_call_sites_apart(void **state)
{
	struct fixture *f = *state;

	f->trace.stack_depth = 2;
	f->stacks[1] = 3;
	memcpy(&f->stacks[2], (uint64_t[]){ 0x1000, 0x2000, 0x3000 }, 24);
	f->stacks[5] = 2;
	memcpy(&f->stacks[6], (uint64_t[]){ 0x1000, 0x4000 }, 16);
	kmalloc(f, A, 0x100, 8, 8);
	f->events[f->nr - 1].stack = 1;
	kmalloc(f, A, 0x200, 8, 8);
	f->events[f->nr - 1].stack = 5;
	kmalloc(f, A, 0x300, 8, 8); /* no stack: its address */
	report(f);
	check(f, "slab.alloc_total{call_site=0xa000}", 1);
	check(f,
	      "slab.alloc_total{call_site=\001"
	      "1000\001 < \001"
	      "2000\001}",
	      1);
	check(f,
	      "slab.alloc_total{call_site=\001"
	      "1000\001 < \001"
	      "4000\001}",
	      1);
}

static void nonsense_is_survived(void **state)
{
	struct fixture *f = *state;

	alloc(f, KMA_KMEM_CACHE_ALLOC, 0, UINT64_MAX, UINT32_MAX, UINT32_MAX)->name = UINT32_MAX;
	kmalloc(f, UINT64_MAX, 1, UINT32_MAX, 0);
	add(f, KMA_KMEM_CACHE_FREE, UINT32_MAX)->slab_free =
		(struct kma_slab_free){ .ptr = UINT64_MAX, .name = UINT32_MAX };
	kfree(f, 1);
	add(f, KMA_KFREE, 0)->ts = UINT64_MAX;
	f->summary.last_ts = 0;
	report(f);
	check(f, "slab.outstanding_objects", 0);
	check(f, "slab.waste_bytes_total", -(int64_t)UINT32_MAX);
	check(f, "slab.alloc_total{call_site=other}", 1);
	f->summary.last_ts = UINT64_MAX;
	report(f);
}

static void many_sizes_share_a_kind(void **state)
{
	struct fixture *f = *state;
	int64_t req = 0;

	for (uint32_t i = 1; i <= 3000; i++) {
		kmalloc(f, A, 0x10000 * (uint64_t)i, i, i <= 1500 ? 2048 : 4096);
		req += i;
	}
	for (uint32_t i = 1; i <= 3000; i += 2)
		kfree(f, 0x10000 * (uint64_t)i);
	report(f);
	check(f, "slab.req_bytes_total", req);
	check(f, "slab.alloc_bytes_total{call_site=0xa000}", 1500 * (2048 + 4096));
	check(f, "slab.outstanding_bytes", 750 * (2048 + 4096));
	check_status(f, "slab.outstanding_bytes{family=kmalloc}", KMA_EXACT, NULL);
}

static void reporting_changes_nothing(void **state)
{
	struct fixture *f = *state;
	size_t nr_metrics;

	churn(f, 100 * MS);
	for (uint64_t i = 0; i < 50; i++)
		kmalloc(f, A, 0x200000 + 0x80 * i, 100, 128);
	report(f);
	nr_metrics = f->report->nr_metrics;
	report(f);
	assert_int_equal(f->report->nr_metrics, nr_metrics);
	check(f, "slab.outstanding_objects", 50);
	kfree(f, 0x200000);
	report(f);
	check(f, "slab.outstanding_objects", 49);
}

/* ---- the table of live objects ---- */

static void live_objects_survive_each_other(void **state)
{
	struct slab_live live = { 0 };
	struct slab_object old, object;
	enum { NR = 5000 };
	bool there[NR] = { false };
	uint64_t x = 1;
	size_t nr = 0;

	(void)state;
	assert_false(slab_live_take(&live, 8, &object));
	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int k;

		x = x * 6364136223846793005 + 1442695040888963407;
		k = (unsigned int)(x >> 40) % NR;
		object = (struct slab_object){ .ptr = 8 * (uint64_t)k, .ts = k, .kind = k + 1 };
		if (x >> 63) {
			assert_int_equal(slab_live_put(&live, &object, &old), 0);
			assert_int_equal(old.kind, there[k] ? k + 1 : 0);
			nr += !there[k];
			there[k] = true;
		} else {
			assert_int_equal(slab_live_take(&live, 8 * (uint64_t)k, &old), there[k]);
			if (there[k])
				assert_int_equal(old.ts, k);
			nr -= there[k];
			there[k] = false;
		}
		assert_int_equal(live.nr, nr);
	}
	slab_live_free(&live);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(parts_add_up),
		TEST(every_metric_is_reported),
		TEST(failed_allocations_are_no_objects),
		TEST(frees_of_nothing_are_no_frees),
		TEST(unknown_frees_were_born_before),
		TEST(an_allocation_of_a_live_address_closes_the_old_object),
		TEST(frees_on_other_cpus_are_counted_where_allocated),
		TEST(a_local_clock_makes_lifetimes_across_cpus_approximate),
		TEST(ticks_are_no_durations),
		TEST(the_cache_is_learned_from_frees),
		TEST(the_cache_that_allocations_name_counts),
		TEST(a_cache_object_may_be_freed_by_kfree),
		TEST(absent_events_are_unavailable),
		TEST(one_family_without_frees_spoils_the_whole_only),
		TEST(frees_alone_are_counted),
		TEST(nothing_is_unavailable),
		TEST(lost_records_weaken),
		TEST(filters_weaken_pairs),
		TEST(young_objects_are_no_suspects),
		TEST(what_outlives_others_and_grows_is_strong_evidence),
		TEST(what_stopped_growing_is_moderate_evidence),
		TEST(frees_that_stop_are_strong_evidence),
		TEST(never_freed_is_weak_evidence),
		TEST(unseen_frees_are_no_evidence),
		TEST(one_wasteful_size_is_a_candidate),
		TEST(stacks_tell_call_sites_apart),
		TEST(nonsense_is_survived),
		TEST(many_sizes_share_a_kind),
		TEST(reporting_changes_nothing),
		TEST(live_objects_survive_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
