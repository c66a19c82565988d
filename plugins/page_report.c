/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page allocator: how far the gathered numbers can be trusted, and the metrics. Reads what
 * page_sums.c works out and never changes the state.
 */
#include <stdlib.h>

#include "page_report.h"
#include "page_sums.h"
#include "trust.h"
#include "words.h"

#define DEF(suffix, kind_, unit_, better_, labels_, title_)                              \
	{                                                                                \
		.name = "page." suffix, .kind = kind_, .unit = unit_, .better = better_, \
		.labels = labels_, .title = title_                                       \
	}

const struct kma_metric_def page_metric_defs[PAGE_NR_METRICS + 1] = {
	[PAGE_ALLOC] = DEF("alloc_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER,
			   "order migratetype call_site", "allocations"),
	[PAGE_ALLOC_PAGES] = DEF("alloc_pages_total", KMA_COUNTER, KMA_UNIT_PAGES, KMA_BETTER_LOWER,
				 "order migratetype call_site", "allocated pages"),
	[PAGE_ALLOC_FAILED] = DEF("alloc_failed_total", KMA_COUNTER, KMA_UNIT_COUNT,
				  KMA_BETTER_LOWER, "order", "failed allocations"),
	[PAGE_FREE] = DEF("free_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE, "order",
			  "frees"),
	[PAGE_FREE_PAGES] = DEF("free_pages_total", KMA_COUNTER, KMA_UNIT_PAGES, KMA_BETTER_NONE,
				"order", "freed pages"),
	[PAGE_FREE_BATCHED] = DEF("free_batched_total", KMA_COUNTER, KMA_UNIT_COUNT,
				  KMA_BETTER_NONE, "", "frees in a batch"),
	[PAGE_FREE_UNBATCHED] = DEF("free_unbatched_total", KMA_COUNTER, KMA_UNIT_COUNT,
				    KMA_BETTER_LOWER, "", "frees one by one"),
	[PAGE_BATCHED_RATIO] = DEF("batched_ratio", KMA_GAUGE, KMA_UNIT_RATIO, KMA_BETTER_NONE, "",
				   "share of frees in a batch"),
	[PAGE_ZONE_LOCKED] = DEF("zone_locked_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER,
				 "percpu_refill", "blocks taken under zone->lock"),
	[PAGE_DIRECT_BUDDY_RATIO] = DEF("direct_buddy_ratio", KMA_GAUGE, KMA_UNIT_RATIO,
					KMA_BETTER_LOWER, "",
					"of these blocks, past the per-CPU lists"),
	[PAGE_OUTSTANDING] = DEF("outstanding_pages", KMA_GAUGE, KMA_UNIT_PAGES, KMA_BETTER_LOWER,
				 "order migratetype call_site", "pages outstanding at the end"),
	[PAGE_PEAK] = DEF("peak_outstanding_pages", KMA_GAUGE, KMA_UNIT_PAGES, KMA_BETTER_LOWER, "",
			  "most pages outstanding at a time"),
	[PAGE_MISSED_FREE] = DEF("missed_free_pages_total", KMA_COUNTER, KMA_UNIT_PAGES,
				 KMA_BETTER_NONE, "", "pages allocated again, free not seen"),
	[PAGE_FREE_UNKNOWN] = DEF("free_unknown_pages_total", KMA_COUNTER, KMA_UNIT_PAGES,
				  KMA_BETTER_NONE, "", "pages freed, allocation not seen"),
	[PAGE_LIFETIME_NS] = DEF("lifetime_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_NONE, "",
				 "time from allocation to free"),
	[PAGE_NR_METRICS] = { .name = NULL },
};

/* ---- how far the numbers can be trusted ---- */

/* Everything that sets an allocation against its free. */
static void weaken_followed(struct page_telling *t, const char *reason)
{
	kma_weaken(t->report, &t->followed, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->balanced, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->timed, KMA_APPROXIMATE, reason);
}

static void weaken_all(struct page_telling *t, const char *reason)
{
	kma_weaken(t->report, &t->counted, KMA_LOWER_BOUND, reason);
	kma_weaken(t->report, &t->compared, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->direct, KMA_APPROXIMATE, reason);
	weaken_followed(t, reason);
	kma_report_status(t->report, (struct kma_status){ KMA_APPROXIMATE, reason });
}

static void judge_followed(struct page_telling *t)
{
	const struct kma_state *state = t->state;
	bool local = t->trace->clock == KMA_CLOCK_LOCAL;

	if (t->trace->filtered)
		weaken_followed(t, "pages may have been allocated or freed outside the CPUs or the "
				   "time picked");
	if (state->unfollowed)
		weaken_followed(
			t, kma_report_printf(t->report, "%s pages could not be followed by pfn",
					     kma_words_count(t->report, state->unfollowed)));
	if (state->missed)
		kma_weaken(t->report, &t->balanced, KMA_APPROXIMATE,
			   kma_report_printf(t->report,
					     "%s pages were allocated again without a free in "
					     "between%s: others may have been freed unseen too",
					     kma_words_count(t->report, state->missed),
					     local ? ", or in the wrong order by the "
						     "local clock"
						   : ""));
	if (local && state->crossed)
		kma_weaken(t->report, &t->timed, KMA_APPROXIMATE,
			   kma_report_printf(t->report, "the %s clock differs between CPUs",
					     t->trace->clock_name));
	if (state->late)
		kma_weaken(t->report, &t->timed, KMA_APPROXIMATE,
			   "pages were allocated more than 2^48 ns after the start");
}

static void judge(struct page_telling *t)
{
	if (t->summary->lost)
		weaken_all(t, kma_report_printf(t->report, "at least %s records were lost",
						kma_words_count(t->report, t->summary->lost)));
	if (t->summary->truncated)
		weaken_all(t, "the trace is cut short");
	kma_weaken(t->report, &t->direct, KMA_APPROXIMATE,
		   t->trace->optional_fields[KMA_PAGE_ALLOC_ZONE_LOCKED] & KMA_HAS_PERCPU_REFILL
			   ? "percpu_refill follows from order and migratetype, not from where the "
			     "block "
			     "went"
			   : "this kernel does not record percpu_refill: order 0 is taken for it");
	judge_followed(t);
	if (!t->have_alloc && !t->have_free) {
		kma_report_status(t->report, (struct kma_status){ KMA_UNAVAILABLE, t->no_alloc });
		kma_report_status(t->report, (struct kma_status){ KMA_UNAVAILABLE, t->no_free });
		return;
	}
	if (!t->have_alloc)
		kma_report_status(t->report, (struct kma_status){ KMA_APPROXIMATE, t->no_alloc });
	if (!t->have_free)
		kma_report_status(t->report, (struct kma_status){ KMA_APPROXIMATE, t->no_free });
}

/* ---- metrics ---- */

static void unavailable(struct page_telling *t, unsigned int metric, const char *reason)
{
	kma_report_unavailable(t->report, PAGE_METRIC(metric), kma_no_labels(), reason);
}

static void tell(struct page_telling *t, unsigned int metric, struct kma_labels labels,
		 struct kma_status status, uint64_t value)
{
	kma_report_value(t->report, PAGE_METRIC(metric), labels, status, kma_int((int64_t)value));
}

static void tell_ratio(struct page_telling *t, unsigned int metric, struct kma_status status,
		       uint64_t part, uint64_t whole)
{
	kma_report_value(t->report, PAGE_METRIC(metric), kma_no_labels(), status,
			 kma_real((double)part / (double)whole));
}

/* Allocations of one part, and what is left of them. */
static void tell_part(struct page_telling *t, struct kma_labels labels, uint64_t allocs,
		      uint64_t pages, uint64_t outstanding)
{
	tell(t, PAGE_ALLOC, labels, t->counted, allocs);
	tell(t, PAGE_ALLOC_PAGES, labels, t->counted, pages);
	if (t->can_follow)
		tell(t, PAGE_OUTSTANDING, labels, t->balanced, outstanding);
}

static void tell_type(struct page_telling *t, const struct page_type *type)
{
	struct kma_value number = page_is_other_type(t, type) ? kma_text("other")
							      : kma_int(type->migratetype);

	tell_part(t, kma_label1("migratetype", number), page_type_allocs(type),
		  page_type_pages(type), page_type_outstanding(type));
}

static void tell_site(struct page_telling *t, uint32_t number)
{
	const struct page_site *site = &t->state->site[number];

	tell_part(t, kma_label1("call_site", kma_sites_value(t->state->sites, number, t->report)),
		  site->allocs, site->pages, site->outstanding);
}

static void tell_allocs(struct page_telling *t)
{
	if (!t->have_alloc) {
		unavailable(t, PAGE_ALLOC, t->no_alloc);
		unavailable(t, PAGE_ALLOC_PAGES, t->no_alloc);
		unavailable(t, PAGE_ALLOC_FAILED, t->no_alloc);
		return;
	}
	tell(t, PAGE_ALLOC, kma_no_labels(), t->counted, t->total_allocs);
	tell(t, PAGE_ALLOC_PAGES, kma_no_labels(), t->counted, t->alloc_pages);
	tell(t, PAGE_ALLOC_FAILED, kma_no_labels(), t->counted, t->failed);
	for (unsigned int order = 0; order <= PAGE_MAX_ORDER; order++) {
		struct kma_labels label = kma_label1("order", kma_int(order));

		if (t->allocs[order])
			tell_part(t, label, t->allocs[order], t->allocs[order] << order,
				  t->outstanding[order]);
		if (t->state->failed[order])
			tell(t, PAGE_ALLOC_FAILED, label, t->counted, t->state->failed[order]);
	}
	for (size_t i = 0; i < t->nr_types; i++)
		tell_type(t, t->types[i]);
	for (size_t i = 0; i < t->nr_alloc_sites; i++)
		tell_site(t, t->alloc_sites[i]);
}

static void tell_frees(struct page_telling *t)
{
	if (t->have_free) {
		tell(t, PAGE_FREE, kma_no_labels(), t->counted, t->frees);
		tell(t, PAGE_FREE_PAGES, kma_no_labels(), t->counted, t->free_pages);
	} else {
		unavailable(t, PAGE_FREE, t->no_free);
		unavailable(t, PAGE_FREE_PAGES, t->no_free);
	}
	for (unsigned int order = 0; order <= PAGE_MAX_ORDER; order++) {
		struct kma_labels label = kma_label1("order", kma_int(order));
		uint64_t frees = t->state->frees[order];

		if (frees) {
			tell(t, PAGE_FREE, label, t->counted, frees);
			tell(t, PAGE_FREE_PAGES, label, t->counted, frees << order);
		}
	}
	if (t->have_batched)
		tell(t, PAGE_FREE_BATCHED, kma_no_labels(), t->counted, t->state->batched);
	else
		unavailable(t, PAGE_FREE_BATCHED, t->no_batched);
	if (t->have_free && t->have_batched) {
		tell(t, PAGE_FREE_UNBATCHED, kma_no_labels(), t->compared, t->unbatched);
		tell_ratio(t, PAGE_BATCHED_RATIO, t->compared, t->frees - t->unbatched, t->frees);
	} else {
		unavailable(t, PAGE_FREE_UNBATCHED, t->have_free ? t->no_batched : t->no_free);
		unavailable(t, PAGE_BATCHED_RATIO, t->have_free ? t->no_batched : t->no_free);
	}
}

static void tell_zone_locked(struct page_telling *t)
{
	if (!t->have_zone_locked) {
		unavailable(t, PAGE_ZONE_LOCKED, t->no_zone_locked);
		unavailable(t, PAGE_DIRECT_BUDDY_RATIO, t->no_zone_locked);
		return;
	}
	tell(t, PAGE_ZONE_LOCKED, kma_no_labels(), t->counted,
	     t->zone_locked[0] + t->zone_locked[1]);
	for (unsigned int refill = 0; refill < 2; refill++)
		tell(t, PAGE_ZONE_LOCKED, kma_label1("percpu_refill", kma_int(refill)), t->counted,
		     t->zone_locked[refill]);
	tell_ratio(t, PAGE_DIRECT_BUDDY_RATIO, t->direct, t->zone_locked[0],
		   t->zone_locked[0] + t->zone_locked[1]);
}

static void tell_followed(struct page_telling *t)
{
	static const unsigned int metrics[] = { PAGE_OUTSTANDING, PAGE_PEAK, PAGE_MISSED_FREE,
						PAGE_FREE_UNKNOWN, PAGE_LIFETIME_NS };

	if (!t->can_follow) {
		for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
			unavailable(t, metrics[i], t->no_follow);
		return;
	}
	tell(t, PAGE_OUTSTANDING, kma_no_labels(), t->balanced, t->state->outstanding);
	tell(t, PAGE_PEAK, kma_no_labels(), t->balanced, t->state->peak);
	tell(t, PAGE_MISSED_FREE, kma_no_labels(), t->followed, t->state->missed);
	tell(t, PAGE_FREE_UNKNOWN, kma_no_labels(), t->followed, t->state->unknown);
	if (t->trace->clock == KMA_CLOCK_TICKS)
		unavailable(t, PAGE_LIFETIME_NS,
			    kma_report_printf(t->report, "the %s clock does not count nanoseconds",
					      t->trace->clock_name));
	else
		kma_report_dist(t->report, PAGE_METRIC(PAGE_LIFETIME_NS), kma_no_labels(), t->timed,
				&t->state->lifetime);
}

/* ---- the report ---- */

static void look(struct page_telling *t)
{
	const struct kma_state *state = t->state;

	t->have_alloc = t->total_allocs || t->failed;
	t->have_free = t->frees;
	t->have_batched = state->batched;
	t->have_zone_locked = t->zone_locked[0] || t->zone_locked[1];
	t->no_alloc = kma_no_record(t->report, t->trace, KMA_PAGE_ALLOC);
	t->no_free = kma_no_record(t->report, t->trace, KMA_PAGE_FREE);
	t->no_batched = kma_no_record(t->report, t->trace, KMA_PAGE_FREE_BATCHED);
	t->no_zone_locked = kma_no_record(t->report, t->trace, KMA_PAGE_ALLOC_ZONE_LOCKED);
	t->can_follow = t->have_alloc && t->have_free && state->has_pfn[KMA_PAGE_ALLOC] &&
			state->has_pfn[KMA_PAGE_FREE];
	t->no_follow = !t->have_alloc ? t->no_alloc
		       : !t->have_free
			       ? t->no_free
			       : "this kernel records addresses of struct pages, not page frame "
				 "numbers: pages inside a block cannot be told";
}

int page_report(const struct kma_state *state, const struct kma_summary *summary,
		struct kma_report *report)
{
	struct page_telling t = {
		.trace = state->trace,
		.state = state,
		.summary = summary,
		.report = report,
	};
	int ret = page_work_out(&t);

	if (!ret) {
		look(&t);
		judge(&t);
		tell_allocs(&t);
		tell_frees(&t);
		tell_zone_locked(&t);
		tell_followed(&t);
		page_tell_tables(&t);
		page_tell_findings(&t);
		page_tell_mobility(&t);
	}
	page_forget(&t);
	return ret;
}
