/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The per-CPU allocator analysis, fed by hand: what it reports is checked against numbers worked
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
#define FIRST	    UINT64_C(0xff11000000000000) /* chunks */
#define SECOND	    UINT64_C(0xffd1ffffbfe00000)
#define SITE_A	    UINT64_C(0xffffffff81000010)
#define SITE_B	    UINT64_C(0xffffffff81000020)

struct fixture {
	struct kma_trace trace;
	struct kma_summary summary;
	struct kma_state *state;
	struct kma_event *events; /* not fed yet */
	size_t nr;
	uint64_t now;
	uint64_t stacks[64];
	size_t nr_words;
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
		.possible_cpus = 4,
		.page_size = 4096,
		.start_ts = 1000,
		.formats = ALL_FORMATS,
		.optional_fields[KMA_PERCPU_ALLOC] = KMA_HAS_CALL_SITE | KMA_HAS_BYTES_ALLOC |
						     KMA_HAS_GFP_FLAGS,
	};
	f->now = 1000;
	f->nr_words = 1;
	f->summary.first_ts = 1000;
	*state = f;
	return f->events ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kma_percpu_analysis.close(f->state);
	kma_result_free(f->result);
	free(f->events);
	free(f);
	return 0;
}

static void feed(struct fixture *f)
{
	struct kma_batch batch = { .events = f->events, .nr = f->nr, .stacks = f->stacks };
	struct kma_error error = { 0 };

	if (!f->state)
		f->state = kma_percpu_analysis.open(&f->trace, &error);
	assert_non_null(f->state);
	assert_int_equal(kma_percpu_analysis.feed(f->state, &batch), 0);
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

/* On 4 CPUs, with two more words of memcg bookkeeping: 6 times the size. */
static struct kma_event *alloc_at(struct fixture *f, uint64_t site, uint64_t base, int32_t off,
				  uint32_t size)
{
	struct kma_event *e = add(f, KMA_PERCPU_ALLOC);

	e->percpu_alloc = (struct kma_percpu_alloc){ .base_addr = base,
						     .off = off,
						     .size = size,
						     .call_site = site,
						     .bytes_alloc = 6 * size };
	return e;
}

static struct kma_event *free_at(struct fixture *f, uint64_t base, int32_t off)
{
	struct kma_event *e = add(f, KMA_PERCPU_FREE);

	e->percpu_chunk = (struct kma_percpu_chunk){ .base_addr = base, .off = off };
	return e;
}

static void chunk_event(struct fixture *f, enum kma_kind kind, uint64_t base)
{
	add(f, kind)->percpu_chunk = (struct kma_percpu_chunk){ .base_addr = base };
}

static struct kma_event *record_failure(struct fixture *f, uint32_t size, uint32_t align,
					uint32_t atomic, uint32_t reserved)
{
	struct kma_event *e = add(f, KMA_PERCPU_ALLOC_FAIL);

	e->percpu_fail = (struct kma_percpu_fail){
		.size = size, .align = align, .is_atomic = atomic, .reserved = reserved
	};
	return e;
}

static void lose(struct fixture *f, uint64_t count)
{
	struct kma_lost lost = { .cpu = 0, .counted = 1, .count = count };

	feed(f);
	lost.from_ts = f->now;
	lost.to_ts = f->now + 5;
	f->summary.lost += count;
	assert_int_equal(kma_percpu_analysis.lost(f->state, &lost), 0);
}

static void report(struct fixture *f)
{
	feed(f);
	kma_result_free(f->result);
	f->result = kma_result_new();
	assert_non_null(f->result);
	f->report = kma_result_report(f->result, kma_percpu_analysis.name, kma_percpu_analysis.title);
	assert_int_equal(kma_percpu_analysis.report(f->state, &f->summary, f->report), 0);
	assert_false(f->report->failed);
}

/* @site 0: the whole */
static const struct kma_metric *find(const struct fixture *f, const char *name, uint64_t site)
{
	for (size_t i = 0; i < f->report->nr_metrics; i++) {
		const struct kma_metric *metric = &f->report->metrics[i];

		if (strcmp(metric->def->name, name) || metric->labels.nr != (site ? 1 : 0))
			continue;
		if (!site || (metric->labels.label[0].value.type == KMA_VALUE_ADDRESS &&
			      metric->labels.label[0].value.address == site))
			return metric;
	}
	return NULL;
}

/* The part that belongs to no call site. */
static const struct kma_metric *other(const struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->report->nr_metrics; i++) {
		const struct kma_metric *metric = &f->report->metrics[i];

		if (!strcmp(metric->def->name, name) && metric->labels.nr == 1 &&
		    metric->labels.label[0].value.type == KMA_VALUE_STRING)
			return metric;
	}
	return NULL;
}

static const struct kma_metric *whole(const struct fixture *f, const char *name)
{
	const struct kma_metric *metric = find(f, name, 0);

	assert_non_null(metric);
	return metric;
}

static int64_t value(const struct fixture *f, const char *name)
{
	assert_int_not_equal(whole(f, name)->status.code, KMA_UNAVAILABLE);
	return whole(f, name)->value.i;
}

static int64_t part(const struct fixture *f, const char *name, uint64_t site)
{
	assert_non_null(find(f, name, site));
	return find(f, name, site)->value.i;
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

static const struct kma_table *table(const struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->report->nr_tables; i++)
		if (!strcmp(f->report->tables[i].name, name))
			return &f->report->tables[i];
	return NULL;
}

static const struct kma_value *cell(const struct fixture *f, const char *name, size_t row,
				    const char *column)
{
	const struct kma_table *t = table(f, name);

	assert_non_null(t);
	assert_true(row < t->nr_rows);
	for (size_t i = 0; i < t->nr_columns; i++)
		if (!strcmp(t->columns[i].name, column))
			return &t->cells[row * t->nr_columns + i];
	fail_msg("no column %s", column);
	return NULL;
}

/* ---- counters ---- */

static void counts_by_call_site(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, FIRST, 0, 16);
	alloc_at(f, SITE_A, FIRST, 64, 32);
	alloc_at(f, SITE_B, FIRST, 128, 8);
	free_at(f, FIRST, 64);
	free_at(f, FIRST, 4096); /* from before the trace */
	report(f);
	assert_int_equal(value(f, "percpu.alloc_total"), 3);
	assert_int_equal(value(f, "percpu.free_total"), 2);
	assert_int_equal(value(f, "percpu.net_objects"), 1);
	assert_int_equal(value(f, "percpu.alloc_bytes_total"), 6 * 56);
	assert_int_equal(value(f, "percpu.outstanding_objects"), 2);
	assert_int_equal(value(f, "percpu.outstanding_bytes"), 6 * 24);
	assert_int_equal(value(f, "percpu.outstanding_bytes_per_cpu"), 24);
	assert_int_equal(value(f, "percpu.max_objects"), 3);
	assert_int_equal(value(f, "percpu.free_unknown_total"), 1);
	assert_int_equal(value(f, "percpu.missed_free_total"), 0);
	assert_int_equal(part(f, "percpu.alloc_total", SITE_A), 2);
	assert_int_equal(part(f, "percpu.alloc_total", SITE_B), 1);
	assert_int_equal(part(f, "percpu.alloc_bytes_total", SITE_A), 6 * 48);
	assert_int_equal(part(f, "percpu.free_total", SITE_A), 1);
	assert_int_equal(part(f, "percpu.free_total", SITE_B), 0);
	assert_int_equal(other(f, "percpu.free_total")->value.i, 1); /* the parts add up */
	assert_int_equal(part(f, "percpu.outstanding_objects", SITE_A), 1);
	assert_int_equal(part(f, "percpu.outstanding_bytes", SITE_A), 6 * 16);
	assert_int_equal(find(f, "percpu.size_bytes", SITE_A)->dist->count, 2);
	assert_int_equal(find(f, "percpu.size_bytes", SITE_A)->dist->sum, 48);
	assert_int_equal(find(f, "percpu.size_bytes", SITE_B)->dist->max, 8);
	assert_int_equal(whole(f, "percpu.size_bytes")->dist->sum, 56);
	assert_int_equal(whole(f, "percpu.lifetime_ns")->dist->count, 1);
	assert_int_equal(whole(f, "percpu.lifetime_ns")->dist->sum, 20);
	check_status(whole(f, "percpu.alloc_total"), KMA_EXACT, NULL);
	check_status(whole(f, "percpu.outstanding_bytes"), KMA_EXACT, NULL);
	check_status(whole(f, "percpu.lifetime_ns"), KMA_EXACT, NULL);
	assert_int_equal(f->report->status.code, KMA_EXACT);
}

static void every_metric_is_reported(void **state)
{
	struct fixture *f = *state;

	for (int with_records = 0; with_records < 2; with_records++) {
		if (with_records) {
			alloc_at(f, SITE_A, FIRST, 0, 16);
			free_at(f, FIRST, 0);
		}
		report(f);
		for (const struct kma_metric_def *def = kma_percpu_analysis.metrics; def->name; def++)
			assert_non_null(find(f, def->name, 0));
	}
}

static void absent_events_are_unavailable(void **state)
{
	struct fixture *f = *state;

	f->trace.formats = KMA_KIND_BIT(KMA_PERCPU_ALLOC) | KMA_KIND_BIT(KMA_PERCPU_ALLOC_FAIL);
	alloc_at(f, SITE_A, FIRST, 0, 16);
	report(f);
	assert_int_equal(value(f, "percpu.alloc_total"), 1);
	check_status(whole(f, "percpu.free_total"), KMA_UNAVAILABLE,
		     "percpu:percpu_free_percpu is not in the trace");
	check_status(whole(f, "percpu.outstanding_objects"), KMA_UNAVAILABLE, "percpu_free_percpu");
	check_status(whole(f, "percpu.max_objects"), KMA_UNAVAILABLE, "percpu_free_percpu");
	check_status(whole(f, "percpu.net_objects"), KMA_UNAVAILABLE, "percpu_free_percpu");
	check_status(whole(f, "percpu.missed_free_total"), KMA_UNAVAILABLE, "percpu_free_percpu");
	check_status(whole(f, "percpu.lifetime_ns"), KMA_UNAVAILABLE, "percpu_free_percpu");
	check_status(whole(f, "percpu.failed_total"), KMA_UNAVAILABLE,
		     "percpu:percpu_alloc_percpu_fail has no record");
	check_status(whole(f, "percpu.chunks_created_total"), KMA_UNAVAILABLE,
		     "percpu:percpu_create_chunk is not in the trace");
	check_status(whole(f, "percpu.chunks_destroyed_total"), KMA_UNAVAILABLE,
		     "percpu:percpu_destroy_chunk");
	assert_int_equal(f->report->status.code, KMA_APPROXIMATE);
	assert_null(finding(f, "percpu.outstanding_growth"));
}

static void only_frees(void **state)
{
	struct fixture *f = *state;

	free_at(f, FIRST, 0);
	report(f);
	assert_int_equal(value(f, "percpu.free_total"), 1);
	check_status(whole(f, "percpu.alloc_total"), KMA_UNAVAILABLE, "percpu_alloc_percpu");
	check_status(whole(f, "percpu.free_unknown_total"), KMA_UNAVAILABLE, "percpu_alloc_percpu");
	check_status(whole(f, "percpu.size_bytes"), KMA_UNAVAILABLE, "percpu_alloc_percpu");
}

static void nothing_is_unavailable(void **state)
{
	struct fixture *f = *state;

	report(f);
	assert_int_equal(f->report->status.code, KMA_UNAVAILABLE);
	assert_int_equal(f->report->nr_findings, 0);
	for (size_t i = 0; i < f->report->nr_metrics; i++)
		assert_int_equal(f->report->metrics[i].status.code, KMA_UNAVAILABLE);
}

static void without_bytes_alloc_it_is_size_times_cpus(void **state)
{
	struct fixture *f = *state;

	f->trace.optional_fields[KMA_PERCPU_ALLOC] = KMA_HAS_CALL_SITE;
	alloc_at(f, SITE_A, FIRST, 0, 16);
	alloc_at(f, SITE_A, FIRST, 64, 8);
	free_at(f, FIRST, 0);
	report(f);
	assert_int_equal(value(f, "percpu.alloc_bytes_total"), 4 * 24);
	check_status(whole(f, "percpu.alloc_bytes_total"), KMA_APPROXIMATE, "size x 4 CPUs");
	assert_int_equal(value(f, "percpu.outstanding_bytes"), 4 * 8);
	check_status(whole(f, "percpu.outstanding_bytes"), KMA_APPROXIMATE, "no bytes_alloc");
	check_status(whole(f, "percpu.outstanding_bytes_per_cpu"), KMA_EXACT, NULL);
	assert_int_equal(part(f, "percpu.alloc_bytes_total", SITE_A), 4 * 24);
	f->trace.possible_cpus = 0;
	report(f);
	check_status(whole(f, "percpu.alloc_bytes_total"), KMA_UNAVAILABLE, "bytes_alloc");
	check_status(whole(f, "percpu.outstanding_bytes"), KMA_UNAVAILABLE, "bytes_alloc");
}

static void without_call_site_there_are_no_parts(void **state)
{
	struct fixture *f = *state;

	f->trace.optional_fields[KMA_PERCPU_ALLOC] = 0;
	alloc_at(f, SITE_A, FIRST, 0, 16); /* what stands in a field that is none */
	free_at(f, FIRST, 0);
	report(f);
	for (size_t i = 0; i < f->report->nr_metrics; i++)
		assert_int_equal(f->report->metrics[i].labels.nr, 0);
	assert_null(table(f, "call_sites"));
	assert_int_equal(value(f, "percpu.alloc_total"), 1);
}

static void stacks_tell_call_sites_apart(void **state)
{
	struct fixture *f = *state;
	struct kma_event *e;

	f->trace.stack_depth = 2;
	/* two stacks: words behind the count */
	memcpy(f->stacks, (uint64_t[]){ 0, 2, SITE_A, SITE_B, 2, SITE_A, SITE_A }, 7 * 8);
	e = alloc_at(f, SITE_A, FIRST, 0, 16);
	e->stack = 1;
	e = alloc_at(f, SITE_A, FIRST, 64, 16);
	e->stack = 4;
	free_at(f, FIRST, 0);
	e = record_failure(f, 64, 8, 1, 0);
	e->stack = 4;
	report(f);
	assert_int_equal(table(f, "call_sites")->nr_rows, 2);
	assert_int_equal(value(f, "percpu.failed_total"), 1);
	assert_int_equal(other(f, "percpu.alloc_total")->value.i, 1);
}

/* ---- what is live ---- */

static void addresses_are_used_again(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, FIRST, 64, 16);
	free_at(f, FIRST, 64);
	alloc_at(f, SITE_B, FIRST, 64, 32);
	alloc_at(f, SITE_A, SECOND, 64, 8); /* the same offset elsewhere */
	free_at(f, FIRST, 64);
	free_at(f, FIRST, 64); /* nothing is there any more */
	report(f);
	assert_int_equal(value(f, "percpu.missed_free_total"), 0);
	assert_int_equal(value(f, "percpu.outstanding_objects"), 1);
	assert_int_equal(value(f, "percpu.outstanding_bytes"), 48);
	assert_int_equal(value(f, "percpu.free_unknown_total"), 1);
	assert_int_equal(value(f, "percpu.max_objects"), 2);
	assert_int_equal(whole(f, "percpu.lifetime_ns")->dist->count, 2);
}

static void an_allocation_in_a_live_place_missed_a_free(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, FIRST, 64, 16);
	alloc_at(f, SITE_B, FIRST, 64, 32);
	free_at(f, FIRST, 64);
	report(f);
	assert_int_equal(value(f, "percpu.missed_free_total"), 1);
	assert_int_equal(value(f, "percpu.outstanding_objects"), 0);
	assert_int_equal(value(f, "percpu.max_objects"), 1);
	assert_int_equal(whole(f, "percpu.lifetime_ns")->dist->sum, 10); /* the second one's */
	check_status(whole(f, "percpu.outstanding_objects"), KMA_APPROXIMATE, "no free seen");
	check_status(whole(f, "percpu.alloc_total"), KMA_EXACT, NULL);
}

static void a_destroyed_chunk_was_empty(void **state)
{
	struct fixture *f = *state;

	chunk_event(f, KMA_PERCPU_CREATE_CHUNK, SECOND);
	alloc_at(f, SITE_A, SECOND, 0, 16);
	alloc_at(f, SITE_A, SECOND, 16, 16);
	alloc_at(f, SITE_A, FIRST, 0, 16);
	free_at(f, SECOND, 16);
	chunk_event(f, KMA_PERCPU_DESTROY_CHUNK, SECOND);
	alloc_at(f, SITE_A, SECOND, 0, 16); /* another chunk at its address */
	report(f);
	assert_int_equal(value(f, "percpu.missed_free_total"), 1);
	assert_int_equal(value(f, "percpu.outstanding_objects"), 2);
	assert_int_equal(value(f, "percpu.chunks_created_total"), 1);
	assert_int_equal(value(f, "percpu.chunks_destroyed_total"), 1);
	assert_int_equal(table(f, "chunks")->nr_rows, 3);
	assert_string_equal(cell(f, "chunks", 0, "life")->string, "there before");
	assert_string_equal(cell(f, "chunks", 2, "life")->string, "created, destroyed");
	assert_int_equal(cell(f, "chunks", 2, "live")->i, 0);
}

static void a_created_chunk_replaces_the_one_before(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, SECOND, 0, 16);
	chunk_event(f, KMA_PERCPU_CREATE_CHUNK, SECOND);
	alloc_at(f, SITE_A, SECOND, 32, 16);
	free_at(f, SECOND, 0);
	report(f);
	assert_int_equal(value(f, "percpu.missed_free_total"), 1);
	assert_int_equal(value(f, "percpu.free_unknown_total"), 1);
	assert_int_equal(value(f, "percpu.outstanding_objects"), 1);
	assert_string_equal(cell(f, "chunks", 1, "life")->string, "replaced");
}

static void chunk_layout(void **state)
{
	struct fixture *f = *state;

	chunk_event(f, KMA_PERCPU_CREATE_CHUNK, SECOND);
	alloc_at(f, SITE_A, SECOND, 0, 8);
	alloc_at(f, SITE_A, SECOND, 8, 8);
	alloc_at(f, SITE_A, SECOND, 24, 4);
	alloc_at(f, SITE_A, SECOND, 60, 4);
	free_at(f, SECOND, 8);
	report(f);
	assert_int_equal(cell(f, "chunk_maps", 0, "span_bytes")->i, 64);
	assert_int_equal(cell(f, "chunk_maps", 0, "live_bytes")->i, 16);
	assert_int_equal(cell(f, "chunk_maps", 0, "largest_gap_bytes")->i, 32);
	assert_string_equal(cell(f, "chunk_maps", 0, "map")->string,
			    "####........##................##");
}

static void the_gap_at_the_end_counts(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, FIRST, 1000, 24);
	alloc_at(f, SITE_A, FIRST, 2000, 48);
	free_at(f, FIRST, 2000);
	report(f);
	assert_int_equal(cell(f, "chunk_maps", 0, "span_bytes")->i, 1048);
	assert_int_equal(cell(f, "chunk_maps", 0, "largest_gap_bytes")->i, 1024);
}

static void areas_that_overlap_count_once(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, FIRST, 0, 64);
	alloc_at(f, SITE_A, FIRST, 32, 8); /* inside: the free of the first was missed */
	alloc_at(f, SITE_A, FIRST, 96, 32);
	free_at(f, FIRST, 4096);
	report(f);
	assert_int_equal(cell(f, "chunk_maps", 0, "live_bytes")->i, 96);
	assert_int_equal(cell(f, "chunk_maps", 0, "largest_gap_bytes")->i, 4096 - 128);
}

static void reporting_changes_nothing(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, FIRST, 0, 16);
	alloc_at(f, SITE_A, FIRST, 64, 16);
	free_at(f, FIRST, 64);
	for (int i = 0; i < 2; i++) {
		report(f);
		assert_int_equal(value(f, "percpu.outstanding_objects"), 1);
		assert_int_equal(value(f, "percpu.max_objects"), 2);
		assert_int_equal(whole(f, "percpu.lifetime_ns")->dist->count, 1);
	}
	free_at(f, FIRST, 0);
	report(f);
	assert_int_equal(value(f, "percpu.outstanding_objects"), 0);
	assert_int_equal(whole(f, "percpu.lifetime_ns")->dist->count, 2);
}

static void damaged_records_are_survived(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, UINT64_MAX, UINT64_MAX, -1, UINT32_MAX);
	alloc_at(f, 0, 0, INT32_MIN, UINT32_MAX);
	alloc_at(f, 0, 0, -1, UINT32_MAX);
	free_at(f, UINT64_MAX, -1);
	free_at(f, 0, -1);
	chunk_event(f, KMA_PERCPU_CREATE_CHUNK, UINT64_MAX);
	chunk_event(f, KMA_PERCPU_DESTROY_CHUNK, UINT64_MAX);
	chunk_event(f, KMA_PERCPU_DESTROY_CHUNK, 12345);
	f->events[f->nr - 1].cpu = UINT32_MAX;
	report(f);
	assert_int_equal(value(f, "percpu.alloc_total"), 3);
	assert_int_equal(value(f, "percpu.outstanding_objects"), 1);
	check_status(whole(f, "percpu.outstanding_objects"), KMA_APPROXIMATE, "1 areas could not");
}

/* ---- how far it can be trusted ---- */

static void lost_records(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, FIRST, 0, 16);
	lose(f, 5);
	alloc_at(f, SITE_A, FIRST, 64, 16);
	free_at(f, FIRST, 0);
	record_failure(f, 8, 8, 1, 0);
	report(f);
	check_status(whole(f, "percpu.alloc_total"), KMA_LOWER_BOUND, "at least 5 records");
	check_status(whole(f, "percpu.failed_total"), KMA_LOWER_BOUND, "at least 5 records");
	check_status(whole(f, "percpu.alloc_bytes_total"), KMA_LOWER_BOUND, "at least 5 records");
	check_status(find(f, "percpu.alloc_total", SITE_A), KMA_LOWER_BOUND, "at least 5 records");
	check_status(whole(f, "percpu.net_objects"), KMA_APPROXIMATE, "at least 5 records");
	check_status(whole(f, "percpu.outstanding_objects"), KMA_APPROXIMATE, "at least 5 records");
	check_status(whole(f, "percpu.free_unknown_total"), KMA_APPROXIMATE, "at least 5 records");
	check_status(whole(f, "percpu.lifetime_ns"), KMA_APPROXIMATE, "at least 5 records");
	check_status(whole(f, "percpu.size_bytes"), KMA_APPROXIMATE, "at least 5 records");
	/* an area is known by its place: the free beyond the gap is its own */
	assert_int_equal(whole(f, "percpu.lifetime_ns")->dist->count, 1);
	assert_int_equal(f->report->status.code, KMA_APPROXIMATE);
}

static void cut_traces(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, FIRST, 0, 16);
	free_at(f, FIRST, 0);
	f->trace.filtered = true;
	report(f);
	check_status(whole(f, "percpu.outstanding_objects"), KMA_APPROXIMATE, "picked");
	check_status(whole(f, "percpu.free_unknown_total"), KMA_APPROXIMATE, "picked");
	check_status(whole(f, "percpu.alloc_total"), KMA_EXACT, NULL);
	f->trace.filtered = false;
	f->summary.truncated = true;
	report(f);
	check_status(whole(f, "percpu.outstanding_objects"), KMA_APPROXIMATE, "cut short");
	check_status(whole(f, "percpu.alloc_total"), KMA_LOWER_BOUND, "cut short");
}

static void clocks(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_LOCAL;
	f->trace.clock_name = "local";
	alloc_at(f, SITE_A, FIRST, 0, 16);
	alloc_at(f, SITE_A, FIRST, 64, 16);
	free_at(f, FIRST, 0);
	report(f);
	check_status(whole(f, "percpu.lifetime_ns"), KMA_EXACT, NULL);
	free_at(f, FIRST, 64)->cpu = 1;
	report(f);
	check_status(whole(f, "percpu.lifetime_ns"), KMA_APPROXIMATE, "local clock");
	check_status(whole(f, "percpu.outstanding_objects"), KMA_EXACT, NULL);
	assert_true(f->report->nr_series > 0);
	f->trace.clock = KMA_CLOCK_TICKS;
	f->trace.clock_name = "counter";
	report(f);
	check_status(whole(f, "percpu.lifetime_ns"), KMA_UNAVAILABLE, "counter clock");
	assert_int_equal(f->report->nr_series, 0);
	assert_int_equal(cell(f, "chunks", 0, "first_ns")->type, KMA_VALUE_NONE);
}

/* ---- findings ---- */

/* @nr areas that are freed at once, and so say how long an area of the site lives. */
static void churn(struct fixture *f, uint64_t site, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		alloc_at(f, site, FIRST, 4, 16);
		free_at(f, FIRST, 4);
	}
}

static void finds_what_outlives_the_rest(void **state)
{
	struct fixture *f = *state;

	churn(f, SITE_A, 16);
	for (int i = 0; i < 8; i++)
		alloc_at(f, SITE_A, FIRST, 1024 + 512 * i, 512);
	churn(f, SITE_A, 10);
	report(f);
	assert_non_null(finding(f, "percpu.outstanding_growth"));
	assert_int_equal(finding(f, "percpu.outstanding_growth")->severity, KMA_WARN);
	assert_non_null(
		strstr(finding(f, "percpu.outstanding_growth")->message, "8 areas of 512 B"));
	assert_non_null(strstr(finding(f, "percpu.outstanding_growth")->message,
			       "than any of the 26 freed areas"));
	assert_non_null(
		strstr(finding(f, "percpu.outstanding_growth")->message, "24.0 KiB on all CPUs"));
	assert_non_null(strstr(finding(f, "percpu.outstanding_growth")->message, "burst"));
	assert_int_equal(cell(f, "outstanding", 0, "live")->i, 8);
}

static void what_is_younger_than_the_rest_is_normal(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, FIRST, 4, 16);
	f->now += 1000000;
	free_at(f, FIRST, 4); /* they may live so long */
	churn(f, SITE_A, 10);
	for (int i = 0; i < 8; i++)
		alloc_at(f, SITE_A, FIRST, 1024 + 512 * i, 512);
	report(f);
	assert_null(finding(f, "percpu.outstanding_growth"));
}

static void finds_steady_growth_without_a_free(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 40; i++) {
		alloc_at(f, SITE_A, FIRST, 1024 + 64 * i, 64);
		churn(f, SITE_B, 2);
	}
	report(f);
	assert_non_null(finding(f, "percpu.outstanding_growth"));
	assert_non_null(strstr(finding(f, "percpu.outstanding_growth")->message,
			       "Nothing from there was ever freed"));
	assert_non_null(strstr(finding(f, "percpu.outstanding_growth")->message, "grow steadily"));
	assert_int_equal(finding(f, "percpu.outstanding_growth")->severity, KMA_WARN);
}

static void little_memory_is_no_warning(void **state)
{
	struct fixture *f = *state;

	churn(f, SITE_A, 16);
	for (int i = 0; i < 8; i++)
		alloc_at(f, SITE_A, FIRST, 1024 + 8 * i, 8);
	churn(f, SITE_A, 10);
	report(f);
	assert_non_null(finding(f, "percpu.outstanding_growth"));
	assert_int_equal(finding(f, "percpu.outstanding_growth")->severity, KMA_INFO);
}

static void few_areas_are_no_growth(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 8; i++) {
		alloc_at(f, SITE_A, FIRST, 1024 + 512 * i, 512);
		churn(f, SITE_B, 2);
	}
	report(f);
	assert_null(finding(f, "percpu.outstanding_growth"));
}

static void a_burst_without_a_free_is_no_suspect(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 40; i++)
		alloc_at(f, SITE_A, FIRST, 1024 + 16 * i, 16); /* set up once, to stay */
	churn(f, SITE_B, 200);
	report(f);
	assert_null(finding(f, "percpu.outstanding_growth"));
}

static void lost_records_make_suspects_uncertain(void **state)
{
	struct fixture *f = *state;

	churn(f, SITE_A, 10);
	for (int i = 0; i < 8; i++)
		alloc_at(f, SITE_A, FIRST, 1024 + 512 * i, 512);
	lose(f, 1);
	churn(f, SITE_A, 10);
	report(f);
	assert_non_null(finding(f, "percpu.outstanding_growth"));
	assert_int_equal(finding(f, "percpu.outstanding_growth")->severity, KMA_INFO);
	assert_non_null(strstr(finding(f, "percpu.outstanding_growth")->message,
			       "8 of them may have been freed unseen"));
}

static void finds_failures(void **state)
{
	struct fixture *f = *state;

	alloc_at(f, SITE_A, FIRST, 0, 8000);
	free_at(f, FIRST, 0);
	for (int i = 0; i < 5; i++)
		record_failure(f, 8000, 8, 1, 0);
	record_failure(f, 16, 4, 1, 0);
	record_failure(f, 32768, 4096, 0, 0);
	record_failure(f, 64, 64, 0, 1);
	report(f);
	assert_int_equal(value(f, "percpu.failed_total"), 8);
	assert_non_null(finding(f, "percpu.atomic_failures"));
	assert_non_null(
		strstr(finding(f, "percpu.atomic_failures")->message,
		       "6 per-CPU allocations in atomic context failed: 5 of them asked for "
		       "8000 B aligned to 8, while 1 of this size succeeded"));
	assert_non_null(finding(f, "percpu.failures"));
	assert_int_equal(finding(f, "percpu.failures")->severity, KMA_ERROR);
	assert_non_null(strstr(finding(f, "percpu.failures")->message, "32768 B aligned to 4096"));
	assert_non_null(finding(f, "percpu.reserved_failures"));
	assert_int_equal(table(f, "failures")->nr_rows, 4);
	assert_int_equal(cell(f, "failures", 0, "failed")->i, 5);
	assert_int_equal(cell(f, "failures", 0, "size_bytes")->i, 8000);
	assert_int_equal(cell(f, "failures", 1, "size_bytes")->i, 32768);
}

static void failures_of_any_shape_are_bounded(void **state)
{
	struct fixture *f = *state;
	int64_t sum = 0;

	for (uint32_t i = 0; i < 1000; i++)
		record_failure(f, 8 * i, 8, 1, 0);
	report(f);
	assert_int_equal(value(f, "percpu.failed_total"), 1000);
	assert_int_equal(table(f, "failures")->nr_rows, 257);
	for (size_t i = 0; i < 257; i++)
		sum += cell(f, "failures", i, "failed")->i;
	assert_int_equal(sum, 1000);
	assert_int_equal(cell(f, "failures", 0, "size_bytes")->type, KMA_VALUE_NONE);
}

static void finds_what_keeps_a_chunk(void **state)
{
	struct fixture *f = *state;

	chunk_event(f, KMA_PERCPU_CREATE_CHUNK, SECOND);
	for (int i = 0; i < 64; i++)
		alloc_at(f, SITE_A, SECOND, 512 * i, 512);
	alloc_at(f, SITE_B, SECOND, 512 * 64, 16);
	report(f);
	assert_null(finding(f, "percpu.almost_empty_chunk")); /* it is full */
	for (int i = 0; i < 64; i++)
		free_at(f, SECOND, 512 * i);
	report(f);
	assert_non_null(finding(f, "percpu.almost_empty_chunk"));
	assert_non_null(
		strstr(finding(f, "percpu.almost_empty_chunk")->message, "0xffd1ffffbfe00000"));
	assert_non_null(
		strstr(finding(f, "percpu.almost_empty_chunk")->message, "1 area of 16 B from"));
	assert_int_equal(table(f, "chunk_keepers")->nr_rows, 1);
	assert_int_equal(cell(f, "chunk_keepers", 0, "call_site")->address, SITE_B);
	free_at(f, SECOND, 512 * 64);
	report(f);
	assert_null(finding(f, "percpu.almost_empty_chunk")); /* it is empty: nobody keeps it */
}

static void an_older_chunk_may_hold_what_is_not_seen(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 64; i++)
		alloc_at(f, SITE_A, SECOND, 512 * i, 512);
	alloc_at(f, SITE_B, SECOND, 512 * 64, 16);
	for (int i = 0; i < 64; i++)
		free_at(f, SECOND, 512 * i);
	report(f);
	assert_null(finding(f, "percpu.almost_empty_chunk"));
	assert_null(table(f, "chunk_keepers"));
}

static void finds_the_multiplied_cost(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 16; i++)
		alloc_at(f, SITE_A, FIRST, 512 * i, 512)->percpu_alloc.bytes_alloc = 512 * 258;
	free_at(f, FIRST, 100000);
	report(f);
	assert_non_null(finding(f, "percpu.cost"));
	assert_non_null(
		strstr(finding(f, "percpu.cost")->message, "look like 8.0 KiB, but take 2.0 MiB"));
}

static void noise_is_no_finding(void **state)
{
	struct fixture *f = *state;

	churn(f, SITE_A, 100);
	alloc_at(f, SITE_A, FIRST, 1024, 16);
	alloc_at(f, SITE_A, FIRST, 2048, 16);
	churn(f, SITE_A, 100);
	report(f);
	assert_int_equal(f->report->nr_findings, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_by_call_site),
		TEST(every_metric_is_reported),
		TEST(absent_events_are_unavailable),
		TEST(only_frees),
		TEST(nothing_is_unavailable),
		TEST(without_bytes_alloc_it_is_size_times_cpus),
		TEST(without_call_site_there_are_no_parts),
		TEST(stacks_tell_call_sites_apart),
		TEST(addresses_are_used_again),
		TEST(an_allocation_in_a_live_place_missed_a_free),
		TEST(a_destroyed_chunk_was_empty),
		TEST(a_created_chunk_replaces_the_one_before),
		TEST(chunk_layout),
		TEST(the_gap_at_the_end_counts),
		TEST(areas_that_overlap_count_once),
		TEST(reporting_changes_nothing),
		TEST(damaged_records_are_survived),
		TEST(lost_records),
		TEST(cut_traces),
		TEST(clocks),
		TEST(finds_what_outlives_the_rest),
		TEST(what_is_younger_than_the_rest_is_normal),
		TEST(finds_steady_growth_without_a_free),
		TEST(little_memory_is_no_warning),
		TEST(few_areas_are_no_growth),
		TEST(a_burst_without_a_free_is_no_suspect),
		TEST(lost_records_make_suspects_uncertain),
		TEST(finds_failures),
		TEST(failures_of_any_shape_are_bounded),
		TEST(finds_what_keeps_a_chunk),
		TEST(an_older_chunk_may_hold_what_is_not_seen),
		TEST(finds_the_multiplied_cost),
		TEST(noise_is_no_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
