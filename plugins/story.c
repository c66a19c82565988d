/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The story of one page or object: picks the events that concern it, with their stacks. What they
 * mean for its life is story_lives.c's business, how it is told story_report.c's.
 */
#include <stdlib.h>

#include "plugins.h"
#include "story_internal.h"

#define STORY_STACK   64 /* functions kept of a stack */
#define ZERO_SIZE_PTR 16 /* what kmalloc(0) gives: no object */

static const struct kma_need page_needs[] = {
	{ KMA_PAGE_REF_SET, true, "reference counts" },
	{ KMA_PAGE_REF_MOD, true, "references" },
	{ KMA_PAGE_REF_MOD_AND_TEST, true, "references given back" },
	{ KMA_PAGE_REF_MOD_AND_RETURN, true, NULL },
	{ KMA_PAGE_REF_MOD_UNLESS, true, "references taken without a lock" },
	{ KMA_PAGE_REF_FREEZE, true, NULL },
	{ KMA_PAGE_REF_UNFREEZE, true, NULL },
	{ KMA_PAGE_ALLOC, true, "who allocated it" },
	{ KMA_PAGE_FREE, true, "who freed it" },
	{ KMA_PAGE_FREE_BATCHED, true, NULL },
	{ KMA_PAGE_ALLOC_ZONE_LOCKED, true, NULL },
	{ KMA_PCPU_REFILL, true, NULL },
	{ KMA_PCPU_DRAIN, true, NULL },
	{ KMA_PAGE_ALLOC_EXTFRAG, true, NULL },
	{ KMA_TEST_PAGES_ISOLATED, true, NULL },
	{ KMA_CMA_ALLOC_START, false, NULL },
	{ KMA_CMA_ALLOC_FINISH, true, NULL },
	{ KMA_CMA_ALLOC_BUSY_RETRY, true, NULL },
	{ KMA_CMA_ALLOC, true, NULL },
	{ KMA_CMA_RELEASE, true, NULL },
	{ KMA_MIGRATE_PAGES, false, NULL },
	{ KMA_KIND_NONE, false, NULL },
};

static const struct kma_need object_needs[] = {
	{ KMA_KMALLOC, true, "objects of kmalloc" },
	{ KMA_KMALLOC_NODE, true, NULL },
	{ KMA_KMEM_CACHE_ALLOC, true, "objects of the slab caches" },
	{ KMA_KMEM_CACHE_ALLOC_NODE, true, NULL },
	{ KMA_KFREE, true, "who freed it" },
	{ KMA_KMEM_CACHE_FREE, true, "who freed it" },
	{ KMA_PERCPU_ALLOC, true, NULL },
	{ KMA_PERCPU_FREE, true, NULL },
	{ KMA_KIND_NONE, false, NULL },
};

/* Kinds that older kernels give the address of a struct page. */
static const enum kma_kind with_pfn[] = {
	KMA_PAGE_ALLOC,	 KMA_PAGE_FREE,	 KMA_PAGE_FREE_BATCHED,	 KMA_PAGE_ALLOC_ZONE_LOCKED,
	KMA_PCPU_REFILL, KMA_PCPU_DRAIN, KMA_PAGE_ALLOC_EXTFRAG,
};

static void st_close(struct kma_state *state)
{
	kma_sites_free(state->sites);
	free(state->steps);
	free(state->last);
	free(state);
}

static struct kma_state *st_open(const struct kma_trace *trace, struct kma_error *err)
{
	struct kma_state *state = calloc(1, sizeof(*state));

	if (!state)
		goto failed;
	state->trace = trace;
	state->object = trace->has_ptr;
	state->what = state->object ? trace->ptr : trace->pfns.start;
	state->low = UINT64_MAX;
	for (size_t i = 0; i < sizeof(with_pfn) / sizeof(with_pfn[0]); i++)
		if (!(trace->optional_fields[with_pfn[i]] & KMA_HAS_PFN))
			state->unplaceable |= KMA_KIND_BIT(with_pfn[i]);
	state->sites = kma_sites_new(STORY_STACK);
	if (state->sites)
		return state;
	st_close(state);
failed:
	kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return NULL;
}

static int grow(struct story_step **steps, size_t *max)
{
	size_t larger = *max ? 2 * *max : 64;
	struct story_step *copy;

	if (larger > STORY_KEPT)
		larger = STORY_KEPT;
	copy = reallocarray(*steps, larger, sizeof(*copy));
	if (!copy)
		return -1;
	*steps = copy;
	*max = larger;
	return 0;
}

static int add_step(struct kma_state *state, const struct story_step *step)
{
	uint64_t at = state->nr;

	if (at < STORY_KEPT) {
		if (at == state->max_steps && grow(&state->steps, &state->max_steps) < 0)
			return -1;
		state->steps[at] = *step;
	} else {
		at -= STORY_KEPT;
		if (at == state->max_last && at < STORY_KEPT &&
		    grow(&state->last, &state->max_last) < 0)
			return -1;
		state->last[at % STORY_KEPT] = *step;
	}
	state->nr++;
	return 0;
}

uint64_t story_nr(const struct kma_state *state)
{
	return state->nr < 2 * STORY_KEPT ? state->nr : 2 * STORY_KEPT;
}

uint64_t story_left_out(const struct kma_state *state, uint64_t *before)
{
	*before = STORY_KEPT;
	return state->nr - story_nr(state);
}

const struct story_step *story_step(const struct kma_state *state, uint64_t nr)
{
	if (nr < STORY_KEPT)
		return &state->steps[nr];
	return &state->last[(nr - STORY_KEPT + state->nr - story_nr(state)) % STORY_KEPT];
}

static struct story_step *newest(struct kma_state *state)
{
	if (!state->nr)
		return NULL;
	return state->nr <= STORY_KEPT ? &state->steps[state->nr - 1]
				       : &state->last[(state->nr - 1 - STORY_KEPT) % STORY_KEPT];
}

/* The task's attempt; with @make a new one if there is none. */
static struct story_attempt *find_attempt(struct kma_state *state, const struct kma_event *e,
					  bool make)
{
	struct story_attempt *oldest = state->attempts;

	for (size_t i = 0; i < STORY_ATTEMPTS; i++) {
		struct story_attempt *attempt = &state->attempts[i];

		if (attempt->used && attempt->pid == e->pid) {
			attempt->ts = e->ts;
			return attempt;
		}
		if (oldest->used && (!attempt->used || attempt->ts < oldest->ts))
			oldest = attempt;
	}
	if (!make)
		return NULL;
	*oldest = (struct story_attempt){ .pid = e->pid, .used = true, .ts = e->ts };
	return oldest;
}

static bool covers(const struct kma_state *state, uint64_t first, uint64_t nr)
{
	return state->what - first < nr;
}

/* Notes which pages the trace knows; true if the block has the one followed. */
static bool in_block(struct kma_state *state, const struct kma_event *e, uint64_t pfn,
		     uint32_t order)
{
	if (state->unplaceable & KMA_KIND_BIT(e->kind)) {
		state->unplaced++;
		return false;
	}
	/* a failed allocation; on 32-bit machines, too */
	if (pfn == UINT64_MAX || pfn == UINT32_MAX)
		return false;
	state->seen++;
	if (pfn < state->low)
		state->low = pfn;
	if (pfn > state->high)
		state->high = pfn;
	return covers(state, pfn, UINT64_C(1) << (order & 63));
}

static bool cma_failed(const struct kma_state *state, const struct kma_event *e)
{
	if (state->trace->optional_fields[e->kind] & KMA_HAS_ERRORNO && e->cma.errorno)
		return true;
	return (e->kind == KMA_CMA_ALLOC_FINISH || e->kind == KMA_CMA_ALLOC) && !e->cma.page;
}

/* A cma or isolation event: does it concern the page, and what came before it? */
static bool pick_attempt(struct kma_state *state, const struct kma_event *e,
			 struct story_step *step)
{
	struct story_attempt *attempt = find_attempt(state, e, false);
	bool ends = e->kind == KMA_CMA_ALLOC_FINISH || e->kind == KMA_CMA_ALLOC, picked;

	if (e->kind == KMA_TEST_PAGES_ISOLATED) {
		picked = e->isolation.start_pfn < e->isolation.end_pfn &&
			 covers(state, e->isolation.start_pfn,
				e->isolation.end_pfn - e->isolation.start_pfn);
	} else {
		step->failed = cma_failed(state, e);
		/* a failure names no pages: it concerns those that were tried before */
		picked = step->failed ? attempt && attempt->concerns
				      : covers(state, e->cma.pfn, e->cma.count);
	}
	if (attempt && e->kind != KMA_CMA_RELEASE) {
		step->asked_ts = attempt->asked_ts;
		step->asked = attempt->asked;
		step->migrated = attempt->migrated;
		step->not_migrated = attempt->not_migrated;
		attempt->concerns |= picked;
		if (e->kind == KMA_TEST_PAGES_ISOLATED)
			attempt->migrated = attempt->not_migrated = 0;
		if (ends)
			attempt->used = false;
	} else if (picked && e->kind == KMA_TEST_PAGES_ISOLATED) {
		find_attempt(state, e, true)->concerns = true;
	}
	return picked;
}

static void note_attempt(struct kma_state *state, const struct kma_event *e)
{
	struct story_attempt *attempt = find_attempt(state, e, true);

	if (e->kind == KMA_CMA_ALLOC_START) {
		*attempt = (struct story_attempt){ .pid = e->pid,
						   .used = true,
						   .ts = e->ts,
						   .asked_ts = e->ts,
						   .asked = e->cma.count };
		return;
	}
	attempt->migrated += e->migrate.succeeded;
	attempt->not_migrated += e->migrate.failed;
}

static bool pick_page(struct kma_state *state, const struct kma_event *e, struct story_step *step)
{
	switch (e->kind) {
	case KMA_PAGE_ALLOC:
	case KMA_PAGE_FREE:
		return in_block(state, e, e->page.pfn, e->page.order);
	case KMA_PAGE_FREE_BATCHED:
		return in_block(state, e, e->page.pfn, 0);
	case KMA_PAGE_ALLOC_ZONE_LOCKED:
	case KMA_PCPU_REFILL:
	case KMA_PCPU_DRAIN:
		return in_block(state, e, e->pcpu_page.pfn, e->pcpu_page.order);
	case KMA_PAGE_ALLOC_EXTFRAG:
		return in_block(state, e, e->extfrag.pfn, (uint32_t)e->extfrag.fallback_order);
	case KMA_PAGE_REF_SET:
	case KMA_PAGE_REF_MOD:
	case KMA_PAGE_REF_MOD_AND_TEST:
	case KMA_PAGE_REF_MOD_AND_RETURN:
	case KMA_PAGE_REF_MOD_UNLESS:
	case KMA_PAGE_REF_FREEZE:
	case KMA_PAGE_REF_UNFREEZE:
		return in_block(state, e, e->page_ref.pfn, 0);
	case KMA_TEST_PAGES_ISOLATED:
	case KMA_CMA_ALLOC_FINISH:
	case KMA_CMA_ALLOC_BUSY_RETRY:
	case KMA_CMA_ALLOC:
	case KMA_CMA_RELEASE:
		return pick_attempt(state, e, step);
	case KMA_CMA_ALLOC_START:
	case KMA_MIGRATE_PAGES:
		note_attempt(state, e);
		return false;
	default:
		return false;
	}
}

static bool in_object(struct kma_state *state, uint64_t ptr, uint64_t size)
{
	if (ptr <= ZERO_SIZE_PTR)
		return false;
	state->seen++;
	if (ptr < state->low)
		state->low = ptr;
	if (ptr > state->high)
		state->high = ptr;
	return state->what - ptr < (size ? size : 1);
}

static bool pick_object(struct kma_state *state, const struct kma_event *e, uint64_t *call_site)
{
	uint64_t start = state->alive ? state->start : state->what;

	switch (e->kind) {
	case KMA_KMALLOC:
	case KMA_KMALLOC_NODE:
	case KMA_KMEM_CACHE_ALLOC:
	case KMA_KMEM_CACHE_ALLOC_NODE:
		*call_site = e->slab_alloc.call_site;
		return in_object(state, e->slab_alloc.ptr, e->slab_alloc.bytes_alloc);
	case KMA_KFREE:
	case KMA_KMEM_CACHE_FREE:
		*call_site = e->slab_free.call_site;
		return in_object(state, e->slab_free.ptr, 0) || e->slab_free.ptr == start;
	case KMA_PERCPU_ALLOC:
		*call_site = e->percpu_alloc.call_site;
		return in_object(state, e->percpu_alloc.ptr, e->percpu_alloc.size);
	case KMA_PERCPU_FREE:
		return in_object(state, e->percpu_chunk.ptr, 0) || e->percpu_chunk.ptr == start;
	default:
		return false;
	}
}

static int st_feed(struct kma_state *state, const struct kma_batch *batch)
{
	for (const struct kma_event *e = batch->events; e < batch->events + batch->nr; e++) {
		struct story_step step = { .e = *e };
		uint64_t call_site = 0;

		if (!(state->object ? pick_object(state, e, &call_site)
				    : pick_page(state, e, &step)))
			continue;
		if (kma_sites_find(state->sites, batch, e, call_site, &step.e.stack) < 0)
			return -1;
		if (!state->events++)
			state->first_cpu = e->cpu;
		state->several_cpus |= e->cpu != state->first_cpu;
		if (state->object)
			story_object_life(state, &step);
		else
			story_page_life(state, &step);
		if (add_step(state, &step) < 0)
			return -1;
	}
	return 0;
}

static int st_lost(struct kma_state *state, const struct kma_lost *lost)
{
	struct story_step *before = newest(state);
	struct story_step gap = {
		.e = { .ts = lost->to_ts,
		       .cpu = lost->cpu,
		       .buffer = lost->buffer,
		       .kind = STORY_GAP },
		.life = state->alive ? state->lives : 0,
		.lost = lost->count,
		.places = 1,
		.counted = lost->counted,
	};

	state->lossy = true;
	state->has_count = false;
	state->doubtful = true;
	state->just_set = false;
	if (!before || before->e.kind != STORY_GAP)
		return add_step(state, &gap);
	before->several_cpus |= before->e.cpu != lost->cpu;
	before->counted &= gap.counted;
	before->lost += gap.lost;
	before->places++;
	return 0;
}

const struct kma_analysis kma_story_page_analysis = {
	.name = "story",
	.title = "The page's story",
	.needs = page_needs,
	.metrics = story_metrics,
	.stacks = KMA_STACKS_ALWAYS,
	.open = st_open,
	.feed = st_feed,
	.lost = st_lost,
	.report = story_report,
	.close = st_close,
};

const struct kma_analysis kma_story_object_analysis = {
	.name = "story",
	.title = "The object's story",
	.needs = object_needs,
	.metrics = story_metrics,
	.stacks = KMA_STACKS_ALWAYS,
	.open = st_open,
	.feed = st_feed,
	.lost = st_lost,
	.report = story_report,
	.close = st_close,
};
