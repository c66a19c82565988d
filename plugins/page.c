/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page allocator: gathers allocations and frees and follows every base page from one to the
 * other. What the numbers mean and how they are told is page_report.c's business.
 */
#include <stdlib.h>
#include <string.h>

#include "page_internal.h"
#include "plugins.h"

/* Events between asking for a page's words and needing them: about what one cache miss takes. */
#define PREFETCH_AHEAD 12
/* Base pages in one group of the page map: each has two slots. */
#define GROUP_PAGES (KMA_PAGEMAP_SLOTS / 2)

static const struct kma_need needs[] = {
	{ KMA_PAGE_ALLOC, true, "allocations, failures, outstanding pages and lifetimes" },
	{ KMA_PAGE_FREE, true, "frees, outstanding pages and lifetimes" },
	{ KMA_PAGE_FREE_BATCHED, false, "frees in batches, and so those one by one" },
	{ KMA_PAGE_ALLOC_ZONE_LOCKED, false, "blocks taken under zone->lock" },
	{ KMA_KIND_NONE, false, NULL },
};

/* ---- who ---- */

static inline int64_t find_task(struct kma_state *state, int32_t pid)
{
	uint32_t slot = page_cache_slot((uint32_t)pid);

	if (__builtin_expect(state->task_numbers.cache[slot].key == (uint32_t)pid &&
				     state->task_numbers.cache[slot].number,
			     1))
		return state->task_numbers.cache[slot].number;
	return page_find_task(state, pid);
}

static inline int64_t find_type(struct kma_state *state, int32_t migratetype)
{
	if (__builtin_expect((uint32_t)migratetype < PAGE_NR_USUAL_TYPES &&
				     state->usual_types[migratetype],
			     1))
		return state->usual_types[migratetype];
	return page_find_type(state, migratetype);
}

static inline int64_t find_gfp(struct kma_state *state, uint32_t flags)
{
	uint32_t slot = page_cache_slot(flags);

	if (__builtin_expect(state->gfp_numbers.cache[slot].key == flags &&
				     state->gfp_numbers.cache[slot].number,
			     1))
		return state->gfp_numbers.cache[slot].number;
	return page_find_gfp(state, flags);
}

static int find_site(struct kma_state *state, const struct kma_batch *batch,
		     const struct kma_event *e, uint32_t *site)
{
	if (kma_sites_find(state->sites, batch, e, 0, site))
		return -1;
	if (*site >= state->max_sites) {
		uint32_t max = *site < 64 ? 128 : 2 * *site;
		struct page_site *larger = reallocarray(state->site, max, sizeof(*larger));

		if (!larger)
			return -1;
		memset(larger + state->max_sites, 0, (max - state->max_sites) * sizeof(*larger));
		state->site = larger;
		state->max_sites = max;
	}
	return 0;
}

/* ---- live pages ---- */

static void double_growth_parts(struct kma_state *state)
{
	for (uint32_t t = 0; t < state->nr_tasks; t++) {
		int64_t *net = state->tasks[t].net;

		for (unsigned int i = 0; i < PAGE_GROWTH_PARTS / 2; i++)
			net[i] = net[2 * i] + net[2 * i + 1];
		memset(net + PAGE_GROWTH_PARTS / 2, 0, PAGE_GROWTH_PARTS / 2 * sizeof(*net));
	}
	state->growth_shift++;
}

static inline unsigned int growth_part(struct kma_state *state, uint64_t time)
{
	while (__builtin_expect(time >> state->growth_shift >= PAGE_GROWTH_PARTS, 0))
		double_growth_parts(state);
	return (unsigned int)(time >> state->growth_shift);
}

static inline void begin_pages(struct kma_state *state, const struct page_owner *owner,
			       uint64_t pages, uint64_t time)
{
	struct page_task *task = &state->tasks[owner->task];

	task->outstanding += pages;
	task->net[growth_part(state, time)] += (int64_t)pages;
	state->types[owner->type].outstanding[owner->order] += pages;
	if (state->sites)
		state->site[owner->site].outstanding += pages;
	state->outstanding += pages;
	if (state->outstanding > state->peak)
		state->peak = state->outstanding;
}

/* @nr pages that share the word @whose are live no more. */
static inline void end_pages(struct kma_state *state, uint64_t whose, uint64_t nr, uint64_t time)
{
	struct page_owner owner = page_unpack(whose);
	struct page_task *task = &state->tasks[owner.task];

	task->outstanding -= nr;
	task->net[growth_part(state, time)] -= (int64_t)nr;
	state->types[owner.type].outstanding[owner.order] -= nr;
	if (state->sites)
		state->site[owner.site].outstanding -= nr;
	state->outstanding -= nr;
}

static inline int free_pages(struct kma_state *state, uint64_t when, uint64_t whose, uint64_t nr,
			     uint32_t cpu, uint64_t time)
{
	uint64_t since = (when & PAGE_TIME_MASK) - 1;

	end_pages(state, whose, nr, time);
	if (when >> PAGE_TIME_BITS != (cpu & 0xffff))
		state->crossed += nr;
	return kma_histogram_add(&state->lifetime, time > since ? time - since : 0, nr);
}

/* Pages of a block from @pfn on that share a group of the page map. */
static inline uint64_t pages_in_group(uint64_t pfn, uint64_t end)
{
	uint64_t nr = GROUP_PAGES - pfn % GROUP_PAGES;

	return nr < end - pfn ? nr : end - pfn;
}

/* Pages of one group become live: their two words, and who had them before. */
static inline void fill_group(struct kma_state *state, uint64_t *slot, uint64_t nr, uint8_t *live,
			      const uint64_t words[2], uint64_t time)
{
	for (uint64_t i = 0; i < nr; i++, slot += 2) {
		if (__builtin_expect(slot[0] != 0, 0)) {
			end_pages(state, slot[1], 1, time);
			state->missed++;
		} else {
			++*live;
		}
		slot[0] = words[0];
		slot[1] = words[1];
	}
}

static int follow(struct kma_state *state, const struct kma_event *e,
		  const struct page_owner *owner, uint64_t time)
{
	uint64_t pfn = e->page.pfn, end = pfn + (UINT64_C(1) << owner->order), nr;
	uint64_t words[2] = { (uint64_t)e->cpu << PAGE_TIME_BITS, page_pack(owner) };

	if (__builtin_expect(time >= PAGE_TIME_MASK - 1, 0)) {
		state->late += end - pfn;
		words[0] |= PAGE_TIME_MASK;
	} else {
		words[0] |= time + 1;
	}
	for (; pfn < end; pfn += nr) {
		uint32_t number = kma_pagemap_find(&state->live, 2 * pfn);
		int ret;

		nr = pages_in_group(pfn, end);
		if (number == UINT32_MAX) {
			ret = kma_pagemap_add_group(&state->live, 2 * pfn, &number);
			if (ret < 0)
				return -1;
			if (ret) {
				state->unfollowed += nr;
				continue;
			}
		}
		fill_group(state, kma_pagemap_slot(&state->live, 2 * pfn, number), nr,
			   &state->live.live[number], words, time);
		begin_pages(state, owner, nr, time);
	}
	return 0;
}

/* Pages of one group are freed, those that belong together at a time. */
static inline int drain_group(struct kma_state *state, uint64_t *slot, uint64_t nr, uint8_t *live,
			      uint32_t cpu, uint64_t time)
{
	uint64_t run;

	for (uint64_t i = 0; i < nr; i += run) {
		uint64_t when = slot[2 * i], whose = slot[2 * i + 1];

		for (run = 0; i + run < nr && slot[2 * (i + run)] == when &&
			      (!when || slot[2 * (i + run) + 1] == whose);
		     run++)
			slot[2 * (i + run)] = 0;
		if (!when) {
			state->unknown += run;
			continue;
		}
		*live -= run;
		if (free_pages(state, when, whose, run, cpu, time))
			return -1;
	}
	return 0;
}

static int unfollow(struct kma_state *state, const struct kma_event *e, uint32_t order,
		    uint64_t time)
{
	uint64_t pfn = e->page.pfn, end = pfn + (UINT64_C(1) << order), nr;

	for (; pfn < end; pfn += nr) {
		uint32_t number = kma_pagemap_find(&state->live, 2 * pfn);

		nr = pages_in_group(pfn, end);
		if (number == UINT32_MAX) {
			state->unknown += nr;
			continue;
		}
		if (drain_group(state, kma_pagemap_slot(&state->live, 2 * pfn, number), nr,
				&state->live.live[number], e->cpu, time))
			return -1;
		if (!state->live.live[number])
			kma_pagemap_drop_group(&state->live, 2 * pfn, number);
	}
	return 0;
}

/* ---- events ---- */

/* A page of a damaged record may lie at the end of the address space. */
static inline bool can_follow(const struct kma_state *state, const struct kma_event *e,
			      uint32_t order)
{
	return state->has_pfn[e->kind] && order <= PAGE_MAX_FOLLOWED_ORDER &&
	       e->page.pfn < UINT64_MAX / 4;
}

/* -1 of the kernel's unsigned long, which may have had 32 bits; or no struct page. */
static inline bool has_failed(const struct kma_state *state, const struct kma_event *e)
{
	if (!state->has_pfn[KMA_PAGE_ALLOC])
		return !e->page.pfn;
	return e->page.pfn == UINT64_MAX || e->page.pfn == UINT32_MAX;
}

static inline uint32_t order_of(const struct kma_event *e)
{
	return e->page.order < PAGE_MAX_ORDER ? e->page.order : PAGE_MAX_ORDER;
}

static inline uint64_t time_of(const struct kma_state *state, const struct kma_event *e)
{
	return e->ts > state->bins.start ? e->ts - state->bins.start : 0;
}

static int count_failure(struct kma_state *state, uint32_t order, uint32_t type, uint32_t gfp)
{
	uint64_t key = page_failure_key(order, type, gfp);
	uint64_t *count = kma_u64map_get(&state->failures, key);

	state->failed[order]++;
	state->gfps[gfp].failed++;
	if (count) {
		++*count;
		return 0;
	}
	if (state->failures.nr == PAGE_MAX_FAILURES)
		return 0;
	return kma_u64map_put(&state->failures, key, 1, NULL);
}

static inline int feed_alloc(struct kma_state *state, const struct kma_batch *batch,
			     const struct kma_event *e)
{
	struct page_owner owner = { .order = order_of(e), .site = KMA_SITE_OTHER };
	int64_t task = find_task(state, e->pid), type = find_type(state, e->page.migratetype);
	int64_t gfp = find_gfp(state, e->page.gfp_flags);
	uint64_t pages = UINT64_C(1) << owner.order;

	if (__builtin_expect(task < 0 || type < 0 || gfp < 0, 0))
		return -1;
	owner.task = (uint32_t)task;
	owner.type = (uint32_t)type;
	state->gfps[gfp].types |=
		page_type_bit(owner.type); /* a failure, too, tells what it asked */
	if (__builtin_expect(has_failed(state, e), 0))
		return count_failure(state, owner.order, owner.type, (uint32_t)gfp);
	if (state->sites) {
		if (find_site(state, batch, e, &owner.site))
			return -1;
		state->site[owner.site].allocs++;
		state->site[owner.site].pages += pages;
	}
	state->types[type].allocs[owner.order]++;
	state->gfps[gfp].allocs++;
	state->gfps[gfp].pages += pages;
	state->tasks[task].allocs++;
	state->tasks[task].alloc_pages += pages;
	if (kma_bins_add(&state->bins, PAGE_ROW_ALLOC, e->ts, 1))
		return -1;
	if (__builtin_expect(!can_follow(state, e, owner.order), 0)) {
		state->unfollowed += pages;
		return 0;
	}
	return follow(state, e, &owner, time_of(state, e));
}

static inline int feed_free(struct kma_state *state, const struct kma_batch *batch,
			    const struct kma_event *e)
{
	uint32_t order = order_of(e), site;
	uint64_t pages = UINT64_C(1) << order;
	int64_t task = find_task(state, e->pid);

	if (__builtin_expect(task < 0, 0))
		return -1;
	if (state->sites) {
		if (find_site(state, batch, e, &site))
			return -1;
		state->site[site].frees++;
		state->site[site].free_pages += pages;
	}
	state->frees[order]++;
	state->tasks[task].frees++;
	if (kma_bins_add(&state->bins, PAGE_ROW_FREE, e->ts, 1))
		return -1;
	if (__builtin_expect(!can_follow(state, e, order), 0)) {
		state->unfollowed += pages;
		return 0;
	}
	return unfollow(state, e, order, time_of(state, e));
}

static inline int feed_batched(struct kma_state *state, const struct kma_event *e)
{
	int64_t task = find_task(state, e->pid);

	if (__builtin_expect(task < 0, 0))
		return -1;
	state->batched++;
	state->tasks[task].batched++;
	return kma_bins_add(&state->bins, PAGE_ROW_BATCHED, e->ts, 1);
}

static inline void feed_zone_locked(struct kma_state *state, const struct kma_event *e)
{
	uint32_t order = e->pcpu_page.order < PAGE_MAX_ORDER ? e->pcpu_page.order : PAGE_MAX_ORDER;

	state->zone_locked[e->pcpu_page.percpu_refill != 0][order]++;
}

static inline int feed_event(struct kma_state *state, const struct kma_batch *batch,
			     const struct kma_event *e)
{
	switch (e->kind) {
	case KMA_PAGE_ALLOC:
		return feed_alloc(state, batch, e);
	case KMA_PAGE_FREE:
		return feed_free(state, batch, e);
	case KMA_PAGE_FREE_BATCHED:
		return feed_batched(state, e);
	case KMA_PAGE_ALLOC_ZONE_LOCKED:
		feed_zone_locked(state, e);
		return 0;
	default:
		return 0;
	}
}

static inline bool is_followed(const struct kma_event *e)
{
	return e->kind == KMA_PAGE_ALLOC || e->kind == KMA_PAGE_FREE;
}

static int page_feed(struct kma_state *state, const struct kma_batch *batch)
{
	for (size_t i = 0; i < batch->nr; i++) {
		const struct kma_event *ahead = &batch->events[i + PREFETCH_AHEAD];

		if (i + PREFETCH_AHEAD < batch->nr && is_followed(ahead))
			kma_pagemap_prefetch(&state->live, 2 * ahead->page.pfn);
		ahead += PREFETCH_AHEAD;
		if (i + 2 * PREFETCH_AHEAD < batch->nr && is_followed(ahead))
			kma_pagemap_prefetch_entry(&state->live, 2 * ahead->page.pfn);
		if (feed_event(state, batch, &batch->events[i]))
			return -1;
	}
	return 0;
}

/* Live pages stay: which of them went in the gap shows when they are allocated again. */
static int page_lost(struct kma_state *state, const struct kma_lost *lost)
{
	(void)state;
	(void)lost;
	return 0;
}

static void page_close(struct kma_state *state)
{
	if (!state)
		return;
	page_close_numbers(state);
	kma_sites_free(state->sites);
	free(state->site);
	kma_u64map_free(&state->failures);
	kma_pagemap_free(&state->live);
	kma_histogram_free(&state->lifetime);
	kma_bins_free(&state->bins);
	free(state);
}

static struct kma_state *page_open(const struct kma_trace *trace, struct kma_error *err)
{
	struct kma_state *state = calloc(1, sizeof(*state));

	if (!state)
		goto nomem;
	state->trace = trace;
	state->growth_shift = PAGE_GROWTH_SHIFT;
	kma_bins_init(&state->bins, trace->start_ts);
	for (int kind = 0; kind < KMA_NR_KINDS; kind++)
		state->has_pfn[kind] = trace->optional_fields[kind] & KMA_HAS_PFN;
	if (page_open_numbers(state))
		goto nomem;
	if (trace->stack_depth) {
		state->sites = kma_sites_new(trace->stack_depth);
		if (!state->sites)
			goto nomem;
	}
	return state;
nomem:
	page_close(state);
	kma_fail(err, KMA_ERR_INTERNAL, "out of memory for the page report");
	return NULL;
}

const struct kma_analysis kma_page_analysis = {
	.name = "page",
	.title = "Page allocator",
	.needs = needs,
	.metrics = page_metric_defs,
	.stacks = KMA_STACKS_WHEN_ASKED,
	.open = page_open,
	.feed = page_feed,
	.lost = page_lost,
	.report = page_report,
	.close = page_close,
};
