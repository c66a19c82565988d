/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pages of the ranges that matter to CMA: their references, kept as long as they are held; of
 * those that stood in an isolation's way also who gave them back; of the pages that blocked one,
 * every event. Whose fault that was is cma_blame.c's business.
 */
#include <stdlib.h>
#include <string.h>

#include "cma_internal.h"

int cma_pages_open(struct kma_state *state)
{
	pagerefs_init(&state->refs);
	state->stacks = kma_sites_new(CMA_STACK_DEPTH);
	state->keys = kma_sites_new(CMA_KEY_DEPTH);
	return state->stacks && state->keys ? 0 : -1;
}

void cma_pages_close(struct kma_state *state)
{
	pagerefs_free(&state->refs);
	kma_sites_free(state->stacks);
	kma_sites_free(state->keys);
	kma_histogram_free(&state->held);
	free(state->sites);
	free(state->holdings);
	free(state->steps);
	free(state->recent);
}

int cma_stack(struct kma_state *state, const struct kma_batch *batch, const struct kma_event *e,
	      uint32_t *stack)
{
	return kma_sites_find(state->stacks, batch, e, 0, stack);
}

static int open_site(struct kma_state *state, uint32_t stack)
{
	uint32_t max = state->nr_sites ? state->nr_sites : 64;
	struct cma_site *sites;

	if (stack < state->nr_sites)
		return 0;
	while (max <= stack)
		max *= 2;
	sites = reallocarray(state->sites, max, sizeof(*sites));
	if (!sites)
		return -1;
	memset(sites + state->nr_sites, 0, (max - state->nr_sites) * sizeof(*sites));
	state->sites = sites;
	state->nr_sites = max;
	return 0;
}

static bool is_watched(const struct kma_state *state, uint64_t pfn)
{
	return pfn != KMA_U64MAP_FREE && kma_u64map_get(&state->watched, pfn);
}

/* Taken by an allocation that was emptying its range: no holder, but the remedy. */
static bool is_of_attempt(const struct kma_state *state, const struct pageref *ref)
{
	const uint64_t *number = state->running.nr
					 ? kma_u64map_get(&state->running, (uint32_t)ref->pid)
					 : NULL;

	return number && state->allocs[*number].start_ts <= ref->ts;
}

/* ---- references given back ---- */

static int remember(struct kma_state *state, uint64_t pfn, const struct pageref *ref,
		    const struct kma_event *e, uint32_t stack, bool sure, bool last)
{
	if (!state->recent) {
		state->recent = calloc(CMA_RECENT, sizeof(*state->recent));
		if (!state->recent)
			return -1;
	}
	state->recent[state->nr_recent++ % CMA_RECENT] = (struct cma_recent){
		.pfn = pfn,
		.ref = *ref,
		.put_ts = e->ts,
		.put_pid = e->pid,
		.put_cpu = e->cpu,
		.put_stack = stack,
		.sure = sure,
		.put_last = last,
	};
	return 0;
}

/* @seen: by @e, whose match may be @sure; @last: with it the last reference went */
static int give_back(struct kma_state *state, const struct pageref *ref, const struct kma_event *e,
		     uint32_t stack, bool seen, const struct pageref_step *step)
{
	bool sure = seen && step->sure, last = seen && !step->after;

	for (uint32_t h = ref->mark; h; h = state->holdings[h - 1].same) {
		struct cma_holding *holding = &state->holdings[h - 1];

		if (holding->put_ts)
			continue;
		holding->put_ts = e->ts;
		holding->put_pid = seen ? e->pid : PAGEREF_NOBODY;
		holding->put_cpu = e->cpu;
		holding->put_stack = seen ? stack : KMA_SITE_OTHER;
		holding->put_role = ref->role;
		holding->put_last = last;
		holding->sure = sure;
	}
	if (!seen)
		return 0;
	if ((state->follow_all || is_watched(state, e->page_ref.pfn)) &&
	    remember(state, e->page_ref.pfn, ref, e, stack, sure, last))
		return -1;
	if (ref->pid == PAGEREF_NOBODY || ref->kind == KMA_PAGE_REF_SET ||
	    ref->role != PAGEREF_OTHER || is_of_attempt(state, ref))
		return 0;
	if (open_site(state, ref->stack) ||
	    kma_histogram_add(&state->held, e->ts - ref->ts, (uint64_t)ref->nr))
		return -1;
	state->sites[ref->stack].given += (uint64_t)ref->nr;
	state->sites[ref->stack].held_ns += (uint64_t)ref->nr * (e->ts - ref->ts);
	if (e->ts - ref->ts > state->sites[ref->stack].longest_ns)
		state->sites[ref->stack].longest_ns = e->ts - ref->ts;
	return 0;
}

/* ---- every event of the pages that blocked ---- */

static struct cma_step *new_step(struct kma_state *state)
{
	if (state->nr_steps == CMA_MAX_STEPS) {
		state->steps_dropped++;
		return NULL;
	}
	if (state->nr_steps == state->max_steps) {
		uint32_t max = state->max_steps ? 2 * state->max_steps : 256;
		struct cma_step *steps = reallocarray(state->steps, max, sizeof(*steps));

		if (!steps)
			return NULL;
		state->steps = steps;
		state->max_steps = max;
	}
	return &state->steps[state->nr_steps++];
}

static void keep_step(struct kma_state *state, const struct kma_event *e, uint32_t stack,
		      const struct pageref_step *step)
{
	const struct pageref *closed = step->closed ? pagerefs_get(&state->refs, step->closed)
						    : NULL;
	struct cma_step *kept = new_step(state);

	if (!kept)
		return;
	*kept = (struct cma_step){
		.ts = e->ts,
		.pfn = e->page_ref.pfn,
		.mapping = e->page_ref.mapping,
		.cpu = e->cpu,
		.stack = stack,
		.pid = e->pid,
		.val = e->page_ref.val,
		.delta = step->delta,
		.count = e->page_ref.count,
		.after = step->after,
		.missed = step->missed,
		.mapcount = e->page_ref.mapcount,
		.mt = e->page_ref.mt,
		.taken_ts = closed ? closed->ts : 0,
		.taken_pid = closed ? closed->pid : PAGEREF_NOBODY,
		.kind = (uint8_t)e->kind,
		.refused = (e->kind == KMA_PAGE_REF_MOD_UNLESS || e->kind == KMA_PAGE_REF_FREEZE) &&
			   !e->page_ref.ret,
		.sure = step->sure,
	};
}

/* ---- feeding ---- */

static void learn_migratetype(struct kma_state *state, const struct kma_page_ref *ref)
{
	if (!pfnset_has(&state->areas_seen, ref->pfn))
		return;
	if (ref->mt < 0 || ref->mt >= CMA_MAX_MT)
		state->mt_strange = true;
	else if (state->running.nr)
		state->mt_busy[ref->mt]++;
	else if (!state->mt_quiet[ref->mt]++ && state->cma_migratetype < 0)
		state->cma_migratetype = ref->mt;
}

/* A page of an area that events named, or in a pageblock of the same migratetype. */
static bool is_followed(struct kma_state *state, const struct kma_page_ref *ref)
{
	return state->follow_all || pfnset_has(&state->ranges, ref->pfn) ||
	       (state->cma_migratetype >= 0 && ref->mt == state->cma_migratetype);
}

int cma_pages_feed(struct kma_state *state, const struct kma_batch *batch,
		   const struct kma_event *e)
{
	struct pageref_step step;
	uint32_t stack, key;
	int ret;

	if (!is_followed(state, &e->page_ref))
		return 0;
	state->ref_events++;
	learn_migratetype(state, &e->page_ref);
	if (cma_stack(state, batch, e, &stack) || kma_sites_find(state->keys, batch, e, 0, &key))
		return -1;
	ret = pageref_apply(&state->refs, e, stack, key, &step);
	if (ret) {
		state->not_followed += ret > 0;
		return ret < 0 ? -1 : 0;
	}
	state->missed += (uint64_t)llabs(step.missed);
	if (step.opened && e->kind != KMA_PAGE_REF_SET) {
		if (open_site(state, stack))
			return -1;
		state->sites[stack].taken += (uint64_t)step.delta;
	}
	for (uint32_t i = step.closed; i; i = pagerefs_get(&state->refs, i)->next)
		if (give_back(state, pagerefs_get(&state->refs, i), e, stack, true, &step))
			return -1;
	for (uint32_t i = step.vanished; i; i = pagerefs_get(&state->refs, i)->next)
		if (give_back(state, pagerefs_get(&state->refs, i), e, stack, false, &step))
			return -1;
	if (state->watched.nr && is_watched(state, e->page_ref.pfn))
		keep_step(state, e, stack, &step);
	return 0;
}

/* ---- who holds what when an isolation fails ---- */

static struct cma_holding *new_holding(struct kma_state *state, struct cma_failure *failure)
{
	struct cma_holding *holding;

	if (state->nr_holdings == CMA_MAX_HOLDINGS) {
		state->holdings_dropped++;
		return NULL;
	}
	if (state->nr_holdings == state->max_holdings) {
		uint32_t max = state->max_holdings ? 2 * state->max_holdings : 64;
		struct cma_holding *holdings = reallocarray(state->holdings, max,
							    sizeof(*holdings));

		if (!holdings)
			return NULL;
		state->holdings = holdings;
		state->max_holdings = max;
	}
	holding = &state->holdings[state->nr_holdings];
	*holding = (struct cma_holding){ .put_pid = PAGEREF_NOBODY, .next = failure->holdings };
	failure->holdings = state->nr_holdings++;
	return holding;
}

static bool is_own(const struct cma_failure *failure, const struct pageref *ref)
{
	return ref->pid == failure->pid && ref->ts >= failure->window_ts && ref->ts;
}

static void hold_page(struct kma_state *state, struct cma_failure *failure,
		      const struct pageref_page *page)
{
	bool fin = page->pfn == failure->fin_pfn, others = false;

	/* frozen: held by nobody, but about to be freed or moved */
	if (page->frozen)
		return;
	for (uint32_t i = page->refs; i; i = pagerefs_get(&state->refs, i)->next) {
		struct pageref *ref = pagerefs_get(&state->refs, i);
		struct cma_holding *holding;

		if (is_own(failure, ref) || (!fin && ref->role == PAGEREF_MAPPING))
			continue;
		others |= !fin;
		holding = new_holding(state, failure);
		if (!holding)
			break;
		holding->pfn = page->pfn;
		holding->ref = *ref;
		holding->same = ref->mark;
		ref->mark = state->nr_holdings;
	}
	failure->nr_pages += others;
}

/* Given back while the attempt lasted: the migration may have failed for it all the same. */
static void hold_early(struct kma_state *state, struct cma_failure *failure)
{
	uint64_t oldest = state->nr_recent > CMA_RECENT ? state->nr_recent - CMA_RECENT : 0;

	for (uint64_t i = state->nr_recent; i > oldest; i--) {
		const struct cma_recent *recent = &state->recent[(i - 1) % CMA_RECENT];
		struct cma_holding *holding;

		if (recent->put_ts < failure->window_ts)
			return;
		/* who migrates the page away takes it out of the page tables */
		if (recent->pfn != failure->fin_pfn || is_own(failure, &recent->ref) ||
		    (recent->ref.role != PAGEREF_OTHER && recent->put_pid == failure->pid))
			continue;
		holding = new_holding(state, failure);
		if (!holding)
			return;
		holding->pfn = recent->pfn;
		holding->ref = recent->ref;
		holding->put_ts = recent->put_ts;
		holding->put_pid = recent->put_pid;
		holding->put_cpu = recent->put_cpu;
		holding->put_stack = recent->put_stack;
		holding->put_role = recent->ref.role;
		holding->put_last = recent->put_last;
		holding->sure = recent->sure;
		holding->early = true;
	}
}

/* Page by page, or, of a range with few pages in the ledger, all that are in the ledger. */
static void hold_range(struct kma_state *state, struct cma_failure *failure)
{
	struct pagerefs *refs = &state->refs;
	uint64_t pages = failure->end_pfn - failure->start_pfn;

	if (pages / KMA_PAGEMAP_SLOTS > refs->nr_pages) {
		for (uint32_t i = 1; i < refs->nr_pages; i++) {
			const struct pageref_page *page = &refs->pages[i];

			if (page->refs && page->pfn - failure->start_pfn < pages)
				hold_page(state, failure, page);
		}
		state->scanned += refs->nr_pages;
		return;
	}
	for (uint64_t pfn = failure->start_pfn; pfn < failure->end_pfn; pfn++) {
		uint32_t group = kma_pagemap_find(&refs->numbers, pfn);
		uint64_t found;

		state->scanned++;
		if (group == UINT32_MAX) {
			pfn |= KMA_PAGEMAP_SLOTS - 1;
			continue;
		}
		found = *kma_pagemap_slot(&refs->numbers, pfn, group);
		if (found)
			hold_page(state, failure, &refs->pages[found]);
	}
}

int cma_pages_hold(struct kma_state *state, uint32_t number)
{
	struct cma_failure *failure = &state->failures[number];
	struct pagerefs *refs = &state->refs;
	const struct pageref_page *page = failure->fin_pfn == CMA_NO_PFN
						  ? NULL
						  : pagerefs_find(refs, failure->fin_pfn);

	/* without cma and migrate events, the page itself shows when its block was isolated */
	if (failure->alloc == CMA_NOTHING && failure->window_ts == failure->ts && page &&
	    page->mt_ts)
		failure->window_ts = page->mt_ts;
	if (state->scanned < CMA_MAX_SCANNED) {
		hold_range(state, failure);
	} else {
		state->not_scanned++;
		if (page)
			hold_page(state, failure, page);
	}
	if (failure->fin_pfn != CMA_NO_PFN)
		hold_early(state, failure);
	return 0;
}
