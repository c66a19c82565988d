/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page allocator analysis, fed by hand: what it reports is checked against numbers worked out
 * on paper. Knows nothing of traces, only of events.
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
#define MAX_EVENTS  100000
#define GFP_KERNEL  0xcc0u

struct fixture {
	struct kma_trace trace;
	struct kma_summary summary;
	struct kma_state *state;
	struct kma_event *events; /* not fed yet */
	size_t nr;
	uint64_t now, step;
	uint64_t stacks[64];
	struct kma_result *result;
	struct kma_report *report;
};

static const struct kma_flag_name gfp_names[] = {
	{ "GFP_KERNEL", GFP_KERNEL },
	{ "__GFP_IO", 0x40 },
	{ "__GFP_ZERO", 0x100 },
	{ 0 },
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
		.start_ts = 1000,
		.formats = ALL_FORMATS,
		.gfp_flags = gfp_names,
		.optional_fields[KMA_PAGE_ALLOC] = KMA_HAS_PFN,
		.optional_fields[KMA_PAGE_FREE] = KMA_HAS_PFN,
		.optional_fields[KMA_PAGE_FREE_BATCHED] = KMA_HAS_PFN,
		.optional_fields[KMA_PAGE_ALLOC_ZONE_LOCKED] = KMA_HAS_PERCPU_REFILL,
	};
	f->now = 1000;
	f->step = 10;
	f->summary.first_ts = 1000;
	*state = f;
	return f->events ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kma_page_analysis.close(f->state);
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
		f->state = kma_page_analysis.open(&f->trace, &error);
	assert_non_null(f->state);
	assert_int_equal(kma_page_analysis.feed(f->state, &batch), 0);
	f->nr = 0;
}

static struct kma_event *add(struct fixture *f, enum kma_kind kind, int32_t pid)
{
	assert_true(f->nr < MAX_EVENTS);
	f->now += f->step;
	f->summary.last_ts = f->now;
	f->summary.records[kind]++;
	f->events[f->nr] = (struct kma_event){ .ts = f->now, .pid = pid, .kind = kind };
	return &f->events[f->nr++];
}

static struct kma_event *alloc(struct fixture *f, int32_t pid, uint64_t pfn, uint32_t order)
{
	struct kma_event *e = add(f, KMA_PAGE_ALLOC, pid);

	e->page = (struct kma_page){
		.pfn = pfn, .order = order, .gfp_flags = GFP_KERNEL, .migratetype = 1
	};
	return e;
}

static struct kma_event *release(struct fixture *f, int32_t pid, uint64_t pfn, uint32_t order)
{
	struct kma_event *e = add(f, KMA_PAGE_FREE, pid);

	e->page = (struct kma_page){ .pfn = pfn, .order = order };
	return e;
}

static void release_batched(struct fixture *f, int32_t pid, uint64_t pfn)
{
	release(f, pid, pfn, 0);
	add(f, KMA_PAGE_FREE_BATCHED, pid)->page.pfn = pfn;
}

static void zone_locked(struct fixture *f, uint32_t order, int32_t percpu_refill)
{
	add(f, KMA_PAGE_ALLOC_ZONE_LOCKED, 7)->pcpu_page =
		(struct kma_pcpu_page){ .pfn = 1, .order = order, .percpu_refill = percpu_refill };
}

static void lose(struct fixture *f, uint64_t count)
{
	struct kma_lost lost = { .counted = 1, .count = count, .from_ts = f->now };

	feed(f);
	f->summary.lost += count;
	assert_int_equal(kma_page_analysis.lost(f->state, &lost), 0);
}

static void report(struct fixture *f)
{
	feed(f);
	kma_result_free(f->result);
	f->result = kma_result_new();
	assert_non_null(f->result);
	f->report = kma_result_report(f->result, kma_page_analysis.name, kma_page_analysis.title);
	assert_int_equal(kma_page_analysis.report(f->state, &f->summary, f->report), 0);
	assert_false(f->report->failed);
}

static const struct kma_metric *find(const struct fixture *f, const char *name, const char *key,
				     int64_t value)
{
	for (size_t i = 0; i < f->report->nr_metrics; i++) {
		const struct kma_metric *metric = &f->report->metrics[i];

		if (strcmp(metric->def->name, name) || metric->labels.nr != (key ? 1 : 0))
			continue;
		if (!key || (!strcmp(metric->labels.label[0].key, key) &&
			     metric->labels.label[0].value.type == KMA_VALUE_INT &&
			     metric->labels.label[0].value.i == value))
			return metric;
	}
	return NULL;
}

static const struct kma_metric *whole(const struct fixture *f, const char *name)
{
	const struct kma_metric *metric = find(f, name, NULL, 0);

	assert_non_null(metric);
	return metric;
}

static void check(const struct fixture *f, const char *name, int64_t value)
{
	const struct kma_metric *metric = whole(f, name);

	assert_int_not_equal(metric->status.code, KMA_UNAVAILABLE);
	assert_int_equal(metric->value.i, value);
}

static void check_part(const struct fixture *f, const char *name, const char *key, int64_t label,
		       int64_t value)
{
	const struct kma_metric *metric = find(f, name, key, label);

	assert_non_null(metric);
	assert_int_equal(metric->value.i, value);
}

static void check_status(const struct fixture *f, const char *name, enum kma_status_code code,
			 const char *reason)
{
	const struct kma_metric *metric = whole(f, name);

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

/* ---- counters ---- */

static void parts_add_up(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, 100, 0);
	alloc(f, 1, 200, 3);
	alloc(f, 2, 300, 0)->page.migratetype = -1;
	release(f, 1, 100, 0);
	release_batched(f, 2, 300);
	zone_locked(f, 0, 1);
	zone_locked(f, 4, 0);
	zone_locked(f, 0, 1);
	zone_locked(f, 1, 1);
	report(f);
	check(f, "page.alloc_total", 3);
	check(f, "page.alloc_pages_total", 10);
	check_part(f, "page.alloc_total", "order", 0, 2);
	check_part(f, "page.alloc_pages_total", "order", 3, 8);
	check_part(f, "page.alloc_pages_total", "migratetype", 1, 9);
	check_part(f, "page.alloc_total", "migratetype", -1, 1);
	check(f, "page.alloc_failed_total", 0);
	check(f, "page.free_total", 2);
	check(f, "page.free_batched_total", 1);
	check(f, "page.free_unbatched_total", 1);
	assert_true(whole(f, "page.batched_ratio")->value.real == 0.5);
	check(f, "page.zone_locked_total", 4);
	check_part(f, "page.zone_locked_total", "percpu_refill", 0, 1);
	check_part(f, "page.zone_locked_total", "percpu_refill", 1, 3);
	assert_true(whole(f, "page.direct_buddy_ratio")->value.real == 0.25);
	check(f, "page.outstanding_pages", 8);
	check_part(f, "page.outstanding_pages", "order", 3, 8);
	check_part(f, "page.outstanding_pages", "order", 0, 0);
	check_part(f, "page.outstanding_pages", "migratetype", 1, 8);
	check(f, "page.peak_outstanding_pages", 10);
	check(f, "page.missed_free_pages_total", 0);
	check(f, "page.free_unknown_pages_total", 0);
	check_status(f, "page.alloc_total", KMA_EXACT, NULL);
	check_status(f, "page.outstanding_pages", KMA_EXACT, NULL);
	check_status(f, "page.lifetime_ns", KMA_EXACT, NULL);
	/* the kernel derives percpu_refill from order and migratetype */
	check_status(f, "page.direct_buddy_ratio", KMA_APPROXIMATE, "percpu_refill");
	assert_int_equal(whole(f, "page.lifetime_ns")->dist->count, 2);
	assert_int_equal(whole(f, "page.lifetime_ns")->dist->sum, 30 + 20);
}

static void every_metric_is_reported(void **state)
{
	struct fixture *f = *state;

	for (int with_records = 0; with_records < 2; with_records++) {
		report(f);
		for (const struct kma_metric_def *def = kma_page_analysis.metrics; def->name; def++)
			assert_non_null(find(f, def->name, NULL, 0));
		alloc(f, 1, 1, 0);
		release_batched(f, 1, 1);
		zone_locked(f, 0, 1);
	}
}

static void absent_events_are_unavailable(void **state)
{
	struct fixture *f = *state;

	f->trace.formats = ALL_FORMATS & ~KMA_KIND_BIT(KMA_PAGE_FREE);
	alloc(f, 1, 1, 0);
	report(f);
	check(f, "page.alloc_total", 1);
	check_status(f, "page.free_total", KMA_UNAVAILABLE, "mm_page_free is not in the trace");
	check_status(f, "page.free_unbatched_total", KMA_UNAVAILABLE, "mm_page_free ");
	check_status(f, "page.free_batched_total", KMA_UNAVAILABLE,
		     "mm_page_free_batched has no record");
	check_status(f, "page.zone_locked_total", KMA_UNAVAILABLE, "mm_page_alloc_zone_locked");
	check_status(f, "page.direct_buddy_ratio", KMA_UNAVAILABLE, "mm_page_alloc_zone_locked");
	/* without frees everything would look outstanding */
	check_status(f, "page.outstanding_pages", KMA_UNAVAILABLE, "mm_page_free");
	check_status(f, "page.lifetime_ns", KMA_UNAVAILABLE, "mm_page_free");
	assert_null(find(f, "page.outstanding_pages", "order", 0));
	assert_int_equal(f->report->status.code, KMA_APPROXIMATE);
}

static void only_frees(void **state)
{
	struct fixture *f = *state;

	release(f, 1, 1, 2);
	report(f);
	check(f, "page.free_total", 1);
	check(f, "page.free_pages_total", 4);
	check_status(f, "page.alloc_total", KMA_UNAVAILABLE, "mm_page_alloc has no record");
	check_status(f, "page.alloc_failed_total", KMA_UNAVAILABLE, "mm_page_alloc");
	check_status(f, "page.outstanding_pages", KMA_UNAVAILABLE, "mm_page_alloc");
	/* no record of a batch: whether there was one cannot be told */
	check_status(f, "page.free_unbatched_total", KMA_UNAVAILABLE, "mm_page_free_batched");
}

static void nothing_at_all(void **state)
{
	struct fixture *f = *state;

	report(f);
	assert_int_equal(f->report->status.code, KMA_UNAVAILABLE);
	assert_int_equal(f->report->nr_tables, 0);
	assert_int_equal(f->report->nr_findings, 0);
}

/* ---- failures ---- */

static void a_failed_allocation_is_no_page(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, UINT64_MAX, 4)->page.gfp_flags = 0x140;
	alloc(f, 1, UINT32_MAX, 4)->page.gfp_flags = 0x140; /* -1 of a 32-bit kernel */
	alloc(f, 1, 8, 0);
	release(f, 1, 8, 0);
	report(f);
	check(f, "page.alloc_total", 1);
	check(f, "page.alloc_failed_total", 2);
	check_part(f, "page.alloc_failed_total", "order", 4, 2);
	check(f, "page.outstanding_pages", 0);
	assert_non_null(finding(f, "page.alloc_failed"));
	assert_non_null(strstr(finding(f, "page.alloc_failed")->message, "__GFP_IO|__GFP_ZERO"));
	assert_int_equal(table(f, "failures")->nr_rows, 1);
	assert_int_equal(table(f, "failures")->cells[0].i, 2);
	assert_int_equal(table(f, "failures")->cells[1].i, 4);
}

static void old_kernels_give_addresses(void **state)
{
	struct fixture *f = *state;

	f->trace.optional_fields[KMA_PAGE_ALLOC] = 0;
	f->trace.optional_fields[KMA_PAGE_FREE] = 0;
	alloc(f, 1, 0, 0); /* no struct page */
	alloc(f, 1, 0xffffea0000001000, 1);
	release(f, 1, 0xffffea0000001000, 1);
	report(f);
	check(f, "page.alloc_total", 1);
	check(f, "page.alloc_failed_total", 1);
	check_status(f, "page.outstanding_pages", KMA_UNAVAILABLE, "struct pages");
}

/* ---- following pages ---- */

static void a_block_is_freed_in_pieces(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, 64, 3); /* at 1010 */
	release(f, 1, 64, 0);
	release(f, 1, 66, 1);
	report(f);
	check(f, "page.outstanding_pages", 5);
	check_part(f, "page.outstanding_pages", "order", 3, 5);
	release(f, 1, 65, 0);
	release(f, 1, 68, 2); /* at 1050 */
	report(f);
	check(f, "page.outstanding_pages", 0);
	check(f, "page.free_unknown_pages_total", 0);
	assert_int_equal(whole(f, "page.lifetime_ns")->dist->count, 8);
	assert_int_equal(whole(f, "page.lifetime_ns")->dist->sum, 10 + 2 * 20 + 30 + 4 * 40);
}

/* Pages allocated one by one go back as one block, some of them never seen. */
static void pieces_are_freed_as_a_block(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, 128, 0);
	alloc(f, 2, 129, 0)->page.migratetype = 0;
	alloc(f, 2, 131, 0);
	release(f, 3, 128, 2);
	report(f);
	check(f, "page.outstanding_pages", 0);
	check_part(f, "page.outstanding_pages", "migratetype", 0, 0);
	check(f, "page.free_unknown_pages_total", 1);
	assert_int_equal(whole(f, "page.lifetime_ns")->dist->count, 3);
}

static void a_huge_page_spans_groups(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, 512, 9);
	alloc(f, 1, 30, 2); /* over the edge of a group of pages */
	release(f, 1, 31, 0);
	release(f, 1, 512 + 256, 8);
	report(f);
	check(f, "page.outstanding_pages", 256 + 3);
	check_part(f, "page.outstanding_pages", "order", 9, 256);
	check(f, "page.peak_outstanding_pages", 516);
}

static void a_live_page_is_allocated_again(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, 64, 2);
	alloc(f, 2, 66, 0)->page.migratetype = 0;
	release(f, 2, 66, 0);
	report(f);
	check(f, "page.outstanding_pages", 3);
	check_part(f, "page.outstanding_pages", "order", 2, 3);
	check_part(f, "page.outstanding_pages", "order", 0, 0);
	check_part(f, "page.outstanding_pages", "migratetype", 0, 0);
	check(f, "page.missed_free_pages_total", 1);
	/* the lifetime is that of the second one */
	assert_int_equal(whole(f, "page.lifetime_ns")->dist->sum, 10);
	check_status(f, "page.outstanding_pages", KMA_APPROXIMATE, "allocated again");
	check_status(f, "page.alloc_total", KMA_EXACT, NULL);
}

static void born_before_the_trace(void **state)
{
	struct fixture *f = *state;

	release(f, 1, 64, 2);
	alloc(f, 1, 64, 2);
	release(f, 1, 64, 2);
	release(f, 1, 64, 2);
	report(f);
	check(f, "page.free_unknown_pages_total", 8);
	check(f, "page.outstanding_pages", 0);
	/* normal at the start of every trace */
	check_status(f, "page.outstanding_pages", KMA_EXACT, NULL);
}

static void damaged_records_are_not_followed(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, UINT64_MAX - 1, 0);
	alloc(f, 1, 0, 15);
	alloc(f, 1, 0, UINT32_MAX);
	release(f, 1, UINT64_MAX, 3);
	release(f, 1, 0, 40);
	alloc(f, 1, 5, 0);
	report(f);
	check(f, "page.alloc_total", 4);
	check_part(f, "page.alloc_total", "order", 31, 1);
	check(f, "page.outstanding_pages", 1);
	check_status(f, "page.outstanding_pages", KMA_APPROXIMATE, "could not be followed");
}

static void too_late_for_a_time(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, 5, 0)->ts = UINT64_C(1) << 50;
	release(f, 1, 5, 0)->ts = (UINT64_C(1) << 50) + 10;
	report(f);
	check(f, "page.outstanding_pages", 0);
	check_status(f, "page.lifetime_ns", KMA_APPROXIMATE, "2^48");
	check_status(f, "page.outstanding_pages", KMA_EXACT, NULL);
}

/* ---- how far the numbers can be trusted ---- */

static void a_gap_keeps_live_pages(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, 5, 0);
	lose(f, 3);
	release(f, 1, 5, 0);
	alloc(f, 1, 6, 0);
	add(f, KMA_PAGE_FREE_BATCHED, 1);
	report(f);
	check(f, "page.outstanding_pages", 1);
	check_status(f, "page.alloc_total", KMA_LOWER_BOUND, "3 records were lost");
	check_status(f, "page.free_batched_total", KMA_LOWER_BOUND, "lost");
	check_status(f, "page.outstanding_pages", KMA_APPROXIMATE, "lost");
	check_status(f, "page.free_unbatched_total", KMA_APPROXIMATE, "lost");
	check_status(f, "page.lifetime_ns", KMA_APPROXIMATE, "lost");
}

/* The page's own record is in the gap, that of its batch is not. */
static void more_batched_than_freed(void **state)
{
	struct fixture *f = *state;

	release_batched(f, 1, 5);
	add(f, KMA_PAGE_FREE_BATCHED, 1);
	report(f);
	check(f, "page.free_unbatched_total", 0);
	assert_true(whole(f, "page.batched_ratio")->value.real == 1);
}

static void clocks(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_LOCAL;
	f->trace.clock_name = "local";
	alloc(f, 1, 5, 0);
	release(f, 1, 5, 0);
	report(f);
	check_status(f, "page.lifetime_ns", KMA_EXACT, NULL);
	alloc(f, 1, 5, 0)->cpu = 2;
	release(f, 1, 5, 0)->cpu = 3;
	report(f);
	check_status(f, "page.lifetime_ns", KMA_APPROXIMATE, "local clock");
	check_status(f, "page.outstanding_pages", KMA_EXACT, NULL);
}

static void ticks_are_no_time(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_TICKS;
	f->trace.clock_name = "counter";
	alloc(f, 1, 5, 0);
	release(f, 1, 5, 0);
	report(f);
	check_status(f, "page.lifetime_ns", KMA_UNAVAILABLE, "counter clock");
	check(f, "page.outstanding_pages", 0);
	assert_int_equal(f->report->nr_series, 0);
	assert_null(table(f, "time"));
}

static void filtered_and_cut(void **state)
{
	struct fixture *f = *state;

	f->trace.filtered = true;
	alloc(f, 1, 5, 0);
	release(f, 1, 5, 0);
	report(f);
	check_status(f, "page.outstanding_pages", KMA_APPROXIMATE, "outside the CPUs");
	check_status(f, "page.alloc_total", KMA_EXACT, NULL);
	f->summary.truncated = true;
	report(f);
	check_status(f, "page.alloc_total", KMA_LOWER_BOUND, "cut short");
}

static void reporting_changes_nothing(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, 64, 3);
	release(f, 1, 1000, 0);
	report(f);
	check(f, "page.outstanding_pages", 8);
	report(f);
	check(f, "page.outstanding_pages", 8);
	release(f, 1, 64, 3);
	report(f);
	check(f, "page.outstanding_pages", 0);
}

static void hostile_variety_is_bounded(void **state)
{
	struct fixture *f = *state;
	uint64_t other = 0;

	for (uint32_t i = 0; i < 20000; i++) {
		struct kma_event *e = alloc(f, (int32_t)(i * 7919), i, 0);

		e->page.migratetype = (int32_t)(i * 104729);
		e->page.gfp_flags = i * 31;
	}
	report(f);
	check(f, "page.alloc_total", 20000);
	for (size_t i = 0; i < f->report->nr_metrics; i++) {
		const struct kma_metric *metric = &f->report->metrics[i];

		if (!strcmp(metric->def->name, "page.alloc_total") && metric->labels.nr == 1 &&
		    metric->labels.label[0].value.type == KMA_VALUE_STRING)
			other = (uint64_t)metric->value.i;
	}
	assert_int_equal(other, 20000 - 255);
	assert_int_equal(table(f, "gfp_flags")->nr_rows, 4096);
	assert_int_equal(table(f, "migratetypes")->nr_rows, 256);
}

/* ---- tables and findings ---- */

static void flags_have_names(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, 1, 0)->page.gfp_flags = GFP_KERNEL | 0x100;
	alloc(f, 1, 2, 0)->page.gfp_flags = GFP_KERNEL | 0x8000;
	alloc(f, 1, 3, 0)->page.gfp_flags = 0;
	report(f);
	assert_string_equal(table(f, "gfp_flags")->cells[3].string, "none");
	assert_string_equal(table(f, "gfp_flags")->cells[7].string, "GFP_KERNEL|__GFP_ZERO");
	assert_string_equal(table(f, "gfp_flags")->cells[11].string, "GFP_KERNEL|0x8000");
	f->trace.gfp_flags = NULL;
	report(f);
	assert_string_equal(table(f, "gfp_flags")->cells[7].string, "0xdc0");
}

static void stacks_split_sites(void **state)
{
	struct fixture *f = *state;
	const struct kma_table *sites;

	f->trace.stack_depth = 2;
	f->stacks[1] = 2;
	f->stacks[2] = 0xffffffff81000010;
	f->stacks[3] = 0xffffffff81000020;
	f->stacks[4] = 2;
	f->stacks[5] = 0xffffffff81000010;
	f->stacks[6] = 0xffffffff81000030;
	alloc(f, 1, 8, 1)->stack = 1;
	alloc(f, 1, 16, 0)->stack = 4;
	alloc(f, 1, 17, 0);
	release(f, 1, 8, 0)->stack = 1;
	report(f);
	sites = table(f, "alloc_sites");
	assert_non_null(sites);
	assert_int_equal(sites->nr_rows, 3);
	assert_int_equal(sites->cells[0].i, 1);
	assert_int_equal(sites->cells[1].i, 2);
	assert_int_equal(sites->cells[2].i, 1);
	assert_int_equal(table(f, "free_sites")->nr_rows, 1);
	check(f, "page.outstanding_pages", 3);
}

static void no_stacks_no_sites(void **state)
{
	struct fixture *f = *state;

	alloc(f, 1, 8, 1);
	report(f);
	assert_null(table(f, "alloc_sites"));
}

static void finds_who_frees_one_by_one(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < 3000; i++) {
		release(f, 42, i, 0);
		release_batched(f, 43, 100000 + i);
	}
	report(f);
	assert_non_null(finding(f, "page.free_one_by_one"));
	assert_non_null(strstr(finding(f, "page.free_one_by_one")->message, "Task 42 freed 3,000"));
	assert_int_equal(table(f, "freeing_tasks")->cells[0].type, KMA_VALUE_TASK);
	assert_int_equal(table(f, "freeing_tasks")->cells[0].i, 42);
	assert_int_equal(table(f, "freeing_tasks")->cells[3].i, 3000);
}

static void slow_frees_are_no_finding(void **state)
{
	struct fixture *f = *state;

	f->step = 10000000; /* 100 a second */
	release_batched(f, 43, 1);
	for (uint64_t i = 0; i < 3000; i++)
		release(f, 42, i, 0);
	report(f);
	assert_null(finding(f, "page.free_one_by_one"));
}

static void finds_pressure(void **state)
{
	struct fixture *f = *state;

	f->step = 10000;
	for (uint64_t i = 0; i < 5000; i++)
		release_batched(f, 43, i);
	report(f);
	assert_non_null(finding(f, "page.memory_pressure"));
	assert_int_equal(finding(f, "page.memory_pressure")->severity, KMA_INFO);
	/* failures back it up */
	alloc(f, 1, UINT64_MAX, 0);
	report(f);
	assert_int_equal(finding(f, "page.memory_pressure")->severity, KMA_WARN);
}

/* Who exits frees what it allocated: at an ordinary rate that is no pressure. */
static void exits_are_no_pressure(void **state)
{
	struct fixture *f = *state;

	f->step = 100000;
	for (uint64_t i = 0; i < 5000; i++) {
		alloc(f, 43, i, 0);
		release_batched(f, 43, i);
	}
	report(f);
	assert_null(finding(f, "page.memory_pressure"));
}

static void finds_direct_buddy(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2000; i++) {
		zone_locked(f, 4, 0);
		zone_locked(f, 0, 1);
	}
	report(f);
	assert_non_null(finding(f, "page.direct_buddy"));
	assert_non_null(strstr(finding(f, "page.direct_buddy")->message, "of order 4"));
}

static void finds_growth(void **state)
{
	struct fixture *f = *state;

	f->step = 100000;
	for (uint64_t i = 0; i < 5000; i++) {
		alloc(f, 42, i, 0);
		alloc(f, 43, 100000 + i, 0);
		release(f, 43, 100000 + i, 0);
	}
	report(f);
	assert_non_null(finding(f, "page.growth"));
	assert_non_null(strstr(finding(f, "page.growth")->message, "task 42"));
	assert_int_equal(f->report->nr_findings, 1);
	assert_int_equal(table(f, "tasks")->cells[0].i, 42);
	assert_int_equal(table(f, "tasks")->cells[3].i, 5000);
}

/* Alive at the end, and that is all: allocated at once, then kept. */
static void alive_is_no_growth(void **state)
{
	struct fixture *f = *state;

	f->step = 10;
	for (uint64_t i = 0; i < 5000; i++)
		alloc(f, 42, i, 0);
	f->step = 100000;
	for (uint64_t i = 0; i < 1000; i++) {
		alloc(f, 43, 100000 + i, 0);
		release(f, 43, 100000 + i, 0);
	}
	report(f);
	check(f, "page.outstanding_pages", 5000);
	assert_null(finding(f, "page.growth"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parts_add_up),
		TEST(every_metric_is_reported),
		TEST(absent_events_are_unavailable),
		TEST(only_frees),
		TEST(nothing_at_all),
		TEST(a_failed_allocation_is_no_page),
		TEST(old_kernels_give_addresses),
		TEST(a_block_is_freed_in_pieces),
		TEST(pieces_are_freed_as_a_block),
		TEST(a_huge_page_spans_groups),
		TEST(a_live_page_is_allocated_again),
		TEST(born_before_the_trace),
		TEST(damaged_records_are_not_followed),
		TEST(too_late_for_a_time),
		TEST(a_gap_keeps_live_pages),
		TEST(more_batched_than_freed),
		TEST(clocks),
		TEST(ticks_are_no_time),
		TEST(filtered_and_cut),
		TEST(reporting_changes_nothing),
		TEST(hostile_variety_is_bounded),
		TEST(flags_have_names),
		TEST(stacks_split_sites),
		TEST(no_stacks_no_sites),
		TEST(finds_who_frees_one_by_one),
		TEST(slow_frees_are_no_finding),
		TEST(finds_pressure),
		TEST(exits_are_no_pressure),
		TEST(finds_direct_buddy),
		TEST(finds_growth),
		TEST(alive_is_no_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
