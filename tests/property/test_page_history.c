/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random histories of the page allocator, told to the page and extfrag analyses and to a naive
 * reading of the same events: every metric must agree, and none may be there that should not.
 * "test_page_history SEED" runs one history.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins.h"
#include "result/result.h"

#define NR_SEEDS   600
#define NR_PFNS	   6000
#define MAX_EVENTS 6000
#define MAX_TRUTHS 2000
#define START	   UINT64_C(5000)
#define FIRST_SITE UINT64_C(0xffffffff81000000)

struct page {
	int live, order, type, site;
	uint32_t cpu;
	uint64_t since;
};

struct truth {
	char key[128];
	double value;
	int code; /* status */
};

struct history {
	uint64_t seed, random;
	struct kma_trace trace;
	struct kma_summary summary;
	struct kma_event events[MAX_EVENTS];
	size_t nr;
	uint64_t stacks[64];
	bool has_sites; /* stacks were asked for, and there is one */
	struct page pages[NR_PFNS];
	struct truth truths[MAX_TRUTHS];
	size_t nr_truths;
};

static uint64_t next(struct history *h)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return h->random;
}

static uint32_t below(struct history *h, uint32_t limit)
{
	return (uint32_t)((next(h) >> 20) % limit);
}

static int fail(const struct history *h, const char *what, double expected, double got)
{
	printf("seed %" PRIu64 ": %s: %.17g expected, %.17g got\n", h->seed, what, expected, got);
	return -1;
}

/* ---- making it up ---- */

static uint32_t random_order(struct history *h)
{
	static const uint8_t orders[] = { 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 9 };

	return orders[below(h, sizeof(orders))];
}

static void make_page_event(struct history *h, struct kma_event *e)
{
	uint32_t order = random_order(h), space = NR_PFNS - (1u << order);

	e->page.order = order;
	e->page.pfn = below(h, space);
	/* blocks are aligned, as in the kernel, but not always: the trace says what it says */
	if (below(h, 10))
		e->page.pfn &= ~((UINT64_C(1) << order) - 1);
	if (h->trace.stack_depth && below(h, 4))
		e->stack = 2 * below(h, 5) + 1;
	if (e->kind == KMA_PAGE_FREE_BATCHED) {
		e->page.order = 0;
		e->stack = 0;
	}
	if (e->kind != KMA_PAGE_ALLOC)
		return;
	e->page.migratetype = (int32_t)below(h, 12) - 1;
	e->page.gfp_flags = below(h, 5) << 6;
	if (!below(h, 40))
		e->page.pfn = below(h, 2) ? UINT64_MAX : UINT32_MAX;
}

static void make_extfrag_event(struct history *h, struct kma_event *e)
{
	e->extfrag = (struct kma_extfrag){
		.pfn = below(h, NR_PFNS),
		.alloc_order = (int32_t)below(h, 11),
		.fallback_order = (int32_t)below(h, 11),
		.alloc_migratetype = (int32_t)below(h, 4),
		.fallback_migratetype = (int32_t)below(h, 4),
		.change_ownership = below(h, 2),
	};
}

static void make_event(struct history *h, struct kma_event *e, uint32_t absent)
{
	static const enum kma_kind kinds[] = {
		KMA_PAGE_ALLOC,		KMA_PAGE_ALLOC,	       KMA_PAGE_FREE,
		KMA_PAGE_FREE,		KMA_PAGE_FREE_BATCHED, KMA_KMALLOC,
		KMA_PAGE_ALLOC_EXTFRAG, KMA_ZONE_LOCKED,       KMA_PAGE_ALLOC_ZONE_LOCKED,
	};

	do
		e->kind = kinds[below(h, sizeof(kinds) / sizeof(kinds[0]))];
	while (absent >> e->kind & 1);
	e->pid = (int32_t)below(h, 6);
	e->cpu = below(h, 4);
	switch (e->kind) {
	case KMA_PAGE_ALLOC:
	case KMA_PAGE_FREE:
	case KMA_PAGE_FREE_BATCHED:
		make_page_event(h, e);
		break;
	case KMA_PAGE_ALLOC_ZONE_LOCKED:
		e->pcpu_page.order = random_order(h);
		e->pcpu_page.percpu_refill = (int32_t)below(h, 2);
		break;
	case KMA_PAGE_ALLOC_EXTFRAG:
		make_extfrag_event(h, e);
		break;
	case KMA_ZONE_LOCKED:
		e->zone_lock.node_id = (int32_t)below(h, 3);
		break;
	default:
		break;
	}
}

static void make_history(struct history *h, uint64_t seed)
{
	static const enum kma_kind optional[] = {
		KMA_PAGE_ALLOC,		KMA_PAGE_FREE,
		KMA_PAGE_FREE_BATCHED,	KMA_PAGE_ALLOC_ZONE_LOCKED,
		KMA_PAGE_ALLOC_EXTFRAG, KMA_ZONE_LOCKED
	};
	uint64_t now = START, pace;
	uint32_t absent = 0;

	memset(h, 0, sizeof(*h));
	h->seed = seed;
	h->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (int i = 0; i < 20; i++)
		next(h);
	h->trace = (struct kma_trace){
		.clock = below(h, 5) ? below(h, 2) ? KMA_CLOCK_GLOBAL : KMA_CLOCK_LOCAL
				     : KMA_CLOCK_TICKS,
		.clock_name = "made-up",
		.nr_cpus = 4,
		.start_ts = START,
		.formats = ~UINT64_C(0),
		.page_size = below(h, 2) ? 4096 : 65536,
		.pageblock_order = below(h, 4) ? (int)below(h, 10) : -1,
		.nodes = below(h, 3),
		.stack_depth = below(h, 3) ? 0 : 1,
		.filtered = !below(h, 5),
		.optional_fields[KMA_PAGE_ALLOC] = KMA_HAS_PFN,
		.optional_fields[KMA_PAGE_FREE] = KMA_HAS_PFN,
		.optional_fields[KMA_PAGE_ALLOC_ZONE_LOCKED] = KMA_HAS_PERCPU_REFILL,
		.optional_fields[KMA_PAGE_ALLOC_EXTFRAG] =
			KMA_HAS_PFN | (below(h, 4) ? KMA_HAS_CHANGE_OWNERSHIP : 0),
	};
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		absent |= (uint32_t)!below(h, 6) << optional[i];
	for (uint64_t i = 0; i < 5; i++) {
		h->stacks[2 * i + 1] = 1;
		h->stacks[2 * i + 2] = FIRST_SITE + i;
	}
	h->nr = below(h, 8) ? 1 + below(h, MAX_EVENTS) : below(h, 20);
	pace = UINT64_C(1) << below(h, 24);
	for (size_t i = 0; i < h->nr; i++) {
		now += below(h, 4) ? next(h) % pace : 0;
		h->events[i].ts = now;
		make_event(h, &h->events[i], absent);
		h->summary.records[h->events[i].kind]++;
	}
	h->summary.first_ts = h->nr ? h->events[0].ts : 0;
	h->summary.last_ts = now;
	h->summary.lost = below(h, 4) ? 0 : 1 + below(h, 9);
	h->summary.truncated = !below(h, 6);
}

/* ---- the naive reading ---- */

static struct truth *truth(struct history *h, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The truth of that name, made if need be. */
static struct truth *truth(struct history *h, int code, const char *fmt, ...)
{
	char key[sizeof(h->truths[0].key)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(key, sizeof(key), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < h->nr_truths; i++)
		if (!strcmp(h->truths[i].key, key))
			return &h->truths[i];
	if (h->nr_truths == MAX_TRUTHS)
		abort();
	strcpy(h->truths[h->nr_truths].key, key);
	h->truths[h->nr_truths].code = code;
	h->truths[h->nr_truths].value = 0;
	return &h->truths[h->nr_truths++];
}

static const char *site_text(int site, char text[32])
{
	if (site < 0)
		return "other";
	snprintf(text, 32, "0x%" PRIx64, FIRST_SITE + (uint64_t)site);
	return text;
}

static int site_of(const struct kma_event *e)
{
	return e->stack ? (int)(e->stack / 2) : -1;
}

struct sums {
	double allocs, failed, frees, batched, locked[2];
	double live, peak, missed, unknown, crossed;
	double lives, life_sum, life_min, life_max;
};

static void naive_alloc(struct history *h, const struct kma_event *e, struct sums *s, int counted)
{
	double pages = (double)(1u << e->page.order);
	char text[32];

	if (e->page.pfn == UINT64_MAX || e->page.pfn == UINT32_MAX) {
		s->failed++;
		truth(h, counted, "page.alloc_failed_total{order=%u}", e->page.order)->value++;
		return;
	}
	s->allocs++;
	truth(h, counted, "page.alloc_pages_total")->value += pages;
	truth(h, counted, "page.alloc_total{order=%u}", e->page.order)->value++;
	truth(h, counted, "page.alloc_pages_total{order=%u}", e->page.order)->value += pages;
	truth(h, counted, "page.alloc_total{migratetype=%d}", e->page.migratetype)->value++;
	truth(h, counted, "page.alloc_pages_total{migratetype=%d}", e->page.migratetype)->value +=
		pages;
	if (h->has_sites) {
		const char *site = site_text(site_of(e), text);

		truth(h, counted, "page.alloc_total{call_site=%s}", site)->value++;
		truth(h, counted, "page.alloc_pages_total{call_site=%s}", site)->value += pages;
	}
	for (uint64_t pfn = e->page.pfn; pfn < e->page.pfn + (1u << e->page.order); pfn++) {
		struct page *page = &h->pages[pfn];

		s->missed += page->live;
		s->live += !page->live;
		*page = (struct page){
			.live = 1,
			.order = (int)e->page.order,
			.type = e->page.migratetype,
			.site = site_of(e),
			.cpu = e->cpu,
			.since = e->ts,
		};
	}
	if (s->live > s->peak)
		s->peak = s->live;
}

static void naive_free(struct history *h, const struct kma_event *e, struct sums *s, int counted)
{
	s->frees++;
	truth(h, counted, "page.free_total{order=%u}", e->page.order)->value++;
	truth(h, counted, "page.free_pages_total{order=%u}", e->page.order)->value +=
		1u << e->page.order;
	truth(h, counted, "page.free_pages_total")->value += 1u << e->page.order;
	for (uint64_t pfn = e->page.pfn; pfn < e->page.pfn + (1u << e->page.order); pfn++) {
		struct page *page = &h->pages[pfn];
		double life = (double)(e->ts - page->since);

		if (!page->live) {
			s->unknown++;
			continue;
		}
		page->live = 0;
		s->live--;
		s->crossed += page->cpu != e->cpu;
		if (!s->lives || life < s->life_min)
			s->life_min = life;
		if (!s->lives || life > s->life_max)
			s->life_max = life;
		s->lives++;
		s->life_sum += life;
	}
}

static void naive_outstanding(struct history *h, int code)
{
	char text[32];

	/* every part that allocated has its number, even if nothing is left */
	for (size_t i = 0; i < h->nr; i++) {
		const struct kma_event *e = &h->events[i];

		if (e->kind != KMA_PAGE_ALLOC || e->page.pfn >= NR_PFNS)
			continue;
		truth(h, code, "page.outstanding_pages{order=%u}", e->page.order);
		truth(h, code, "page.outstanding_pages{migratetype=%d}", e->page.migratetype);
		if (h->has_sites)
			truth(h, code, "page.outstanding_pages{call_site=%s}",
			      site_text(site_of(e), text));
	}
	for (size_t pfn = 0; pfn < NR_PFNS; pfn++) {
		const struct page *page = &h->pages[pfn];

		if (!page->live)
			continue;
		truth(h, code, "page.outstanding_pages{order=%d}", page->order)->value++;
		truth(h, code, "page.outstanding_pages{migratetype=%d}", page->type)->value++;
		if (h->has_sites)
			truth(h, code, "page.outstanding_pages{call_site=%s}",
			      site_text(page->site, text))
				->value++;
	}
}

/* The distribution is checked apart: its truths are not metrics. */
static void naive_page(struct history *h, struct sums *s)
{
	bool poor = h->summary.lost || h->summary.truncated;
	int counted = poor ? KMA_LOWER_BOUND : KMA_EXACT,
	    compared = poor ? KMA_APPROXIMATE : KMA_EXACT;
	int followed = poor || h->trace.filtered ? KMA_APPROXIMATE : KMA_EXACT, balanced;
	double unbatched, locked;

	for (size_t i = 0; i < h->nr; i++) {
		const struct kma_event *e = &h->events[i];

		h->has_sites |= e->stack && ((e->kind == KMA_PAGE_ALLOC && e->page.pfn < NR_PFNS) ||
					     e->kind == KMA_PAGE_FREE);
	}
	for (size_t i = 0; i < h->nr; i++) {
		const struct kma_event *e = &h->events[i];

		if (e->kind == KMA_PAGE_ALLOC)
			naive_alloc(h, e, s, counted);
		else if (e->kind == KMA_PAGE_FREE)
			naive_free(h, e, s, counted);
		else if (e->kind == KMA_PAGE_FREE_BATCHED)
			s->batched++;
		else if (e->kind == KMA_PAGE_ALLOC_ZONE_LOCKED)
			s->locked[e->pcpu_page.percpu_refill]++;
	}
	if (s->allocs || s->failed) {
		truth(h, counted, "page.alloc_total")->value = s->allocs;
		truth(h, counted, "page.alloc_pages_total");
		truth(h, counted, "page.alloc_failed_total")->value = s->failed;
	}
	if (s->frees)
		truth(h, counted, "page.free_total")->value = s->frees;
	if (s->batched)
		truth(h, counted, "page.free_batched_total")->value = s->batched;
	if (s->frees && s->batched) {
		unbatched = s->frees > s->batched ? s->frees - s->batched : 0;
		truth(h, compared, "page.free_unbatched_total")->value = unbatched;
		truth(h, compared, "page.batched_ratio")->value = (s->frees - unbatched) / s->frees;
	}
	locked = s->locked[0] + s->locked[1];
	if (locked) {
		truth(h, counted, "page.zone_locked_total")->value = locked;
		truth(h, counted, "page.zone_locked_total{percpu_refill=0}")->value = s->locked[0];
		truth(h, counted, "page.zone_locked_total{percpu_refill=1}")->value = s->locked[1];
		truth(h, KMA_APPROXIMATE, "page.direct_buddy_ratio")->value = s->locked[0] / locked;
	}
	if ((!s->allocs && !s->failed) || !s->frees)
		return;
	balanced = s->missed ? KMA_APPROXIMATE : followed;
	truth(h, balanced, "page.outstanding_pages")->value = s->live;
	truth(h, balanced, "page.peak_outstanding_pages")->value = s->peak;
	truth(h, followed, "page.missed_free_pages_total")->value = s->missed;
	truth(h, followed, "page.free_unknown_pages_total")->value = s->unknown;
	naive_outstanding(h, balanced);
	if (h->trace.clock != KMA_CLOCK_TICKS)
		truth(h,
		      h->trace.clock == KMA_CLOCK_LOCAL && s->crossed ? KMA_APPROXIMATE : followed,
		      "page.lifetime_ns")
			->value = s->lives;
}

static void naive_extfrag(struct history *h)
{
	int counted = h->summary.lost || h->summary.truncated ? KMA_LOWER_BOUND : KMA_EXACT;
	double events = 0, fragmenting = 0, severe = 0, changed = 0, nodes = 0;
	bool seen[3] = { false };

	for (size_t i = 0; i < h->nr; i++) {
		const struct kma_extfrag *x = &h->events[i].extfrag;

		if (h->events[i].kind == KMA_ZONE_LOCKED)
			seen[h->events[i].zone_lock.node_id] = true;
		if (h->events[i].kind != KMA_PAGE_ALLOC_EXTFRAG)
			continue;
		events++;
		fragmenting += x->fallback_order < h->trace.pageblock_order;
		severe += x->fallback_order <= 3;
		changed += x->change_ownership;
		truth(h, counted, "extfrag.events_total{alloc_order=%d}", x->alloc_order)->value++;
		truth(h, counted, "extfrag.events_total{fallback_order=%d}", x->fallback_order)
			->value++;
		truth(h, counted,
		      "extfrag.events_total{alloc_migratetype=%d,fallback_migratetype=%d}",
		      x->alloc_migratetype, x->fallback_migratetype)
			->value++;
	}
	if (!events)
		return;
	truth(h, counted, "extfrag.events_total")->value = events;
	truth(h, counted, "extfrag.severe_total")->value = severe;
	if (h->trace.optional_fields[KMA_PAGE_ALLOC_EXTFRAG] & KMA_HAS_CHANGE_OWNERSHIP)
		truth(h, counted, "extfrag.ownership_changes_total")->value = changed;
	if (h->trace.pageblock_order < 0)
		return;
	truth(h, counted, "extfrag.fragmenting_total")->value = fragmenting;
	nodes = h->trace.nodes ? (int)h->trace.nodes : seen[0] + seen[1] + seen[2];
	truth(h, h->trace.nodes ? KMA_EXACT : KMA_LOWER_BOUND,
	      "extfrag.advised_min_free_kbytes_increase")
		->value = 3.0 * h->trace.page_size * (1 << h->trace.pageblock_order) *
			  (nodes > 0 ? nodes : 1);
}

/* ---- comparing ---- */

static double value_of(const struct kma_metric *metric)
{
	if (metric->dist)
		return (double)metric->dist->count;
	return metric->value.type == KMA_VALUE_REAL ? metric->value.real : (double)metric->value.i;
}

static int compare(const struct history *h, const struct kma_report *report)
{
	size_t told = 0;

	for (size_t i = 0; i < report->nr_metrics; i++)
		told += report->metrics[i].status.code != KMA_UNAVAILABLE;
	for (size_t i = 0; i < h->nr_truths; i++) {
		const struct truth *truth = &h->truths[i];
		const struct kma_metric *metric = kma_report_find(report, truth->key);

		if (!metric)
			return fail(h, truth->key, truth->value, -1);
		if ((int)metric->status.code != truth->code)
			return fail(h, truth->key, truth->code, metric->status.code);
		if (value_of(metric) < truth->value || value_of(metric) > truth->value)
			return fail(h, truth->key, truth->value, value_of(metric));
	}
	if (told != h->nr_truths)
		return fail(h, "metrics told", (double)h->nr_truths, (double)told);
	return 0;
}

static int compare_lifetimes(const struct history *h, const struct kma_report *report,
			     const struct sums *s)
{
	const struct kma_metric *metric = kma_report_find(report, "page.lifetime_ns");

	if (!metric || !metric->dist || !s->lives)
		return 0;
	if ((double)metric->dist->sum < s->life_sum || (double)metric->dist->sum > s->life_sum)
		return fail(h, "sum of lifetimes", s->life_sum, (double)metric->dist->sum);
	if ((double)metric->dist->min < s->life_min || (double)metric->dist->min > s->life_min)
		return fail(h, "shortest lifetime", s->life_min, (double)metric->dist->min);
	if ((double)metric->dist->max < s->life_max || (double)metric->dist->max > s->life_max)
		return fail(h, "longest lifetime", s->life_max, (double)metric->dist->max);
	return 0;
}

static struct kma_report *tell(const struct kma_analysis *analysis, const struct kma_state *state,
			       const struct history *h, struct kma_result *result)
{
	struct kma_report *report = kma_result_report(result, analysis->name, analysis->title);
	struct kma_error error = { 0 };

	if (!report || analysis->report(state, &h->summary, report) || report->failed ||
	    kma_result_name_tasks(result, NULL, NULL, &error) ||
	    kma_result_resolve(result, NULL, NULL, &error))
		abort();
	return report;
}

/* In batches of any size, with a report now and then that must change nothing. */
static struct kma_state *feed(const struct kma_analysis *analysis, struct history *h)
{
	struct kma_error error = { 0 };
	struct kma_state *state = analysis->open(&h->trace, &error);
	size_t nr;

	if (!state)
		abort();
	for (size_t at = 0; at < h->nr; at += nr) {
		struct kma_batch batch = { .events = h->events + at, .stacks = h->stacks };

		nr = 1 + below(h, 300);
		if (nr > h->nr - at)
			nr = h->nr - at;
		batch.nr = nr;
		if (analysis->feed(state, &batch))
			abort();
		if (h->summary.lost && !below(h, 10)) {
			struct kma_lost lost = { .cpu = below(h, 4), .count = 1 };

			if (analysis->lost(state, &lost))
				abort();
		}
		if (!below(h, 10)) {
			struct kma_result *result = kma_result_new();

			tell(analysis, state, h, result);
			kma_result_free(result);
		}
	}
	return state;
}

static int check(const struct kma_analysis *analysis, struct history *h, const struct sums *s)
{
	struct kma_state *state = feed(analysis, h);
	struct kma_result *result = kma_result_new();
	struct kma_report *report = tell(analysis, state, h, result);
	int ret = compare(h, report);

	if (!ret && s)
		ret = compare_lifetimes(h, report, s);
	analysis->close(state);
	kma_result_free(result);
	return ret;
}

static int run(struct history *h, uint64_t seed)
{
	struct sums sums = { 0 };

	make_history(h, seed);
	naive_page(h, &sums);
	if (check(&kma_page_analysis, h, &sums))
		return -1;
	h->nr_truths = 0;
	naive_extfrag(h);
	return check(&kma_extfrag_analysis, h, NULL);
}

int main(int argc, char **argv)
{
	struct history *h = malloc(sizeof(*h));
	int failed = 0;

	if (!h)
		return 2;
	if (argc > 1)
		failed = run(h, strtoull(argv[1], NULL, 10)) != 0;
	for (uint64_t seed = 1; argc == 1 && seed <= NR_SEEDS; seed++)
		failed += run(h, seed) != 0;
	free(h);
	printf("%d histories, %d failed\n", argc > 1 ? 1 : NR_SEEDS, failed);
	return failed != 0;
}
