/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CMA allocations and why they fail: gathers allocations, retries and isolations that failed. The
 * pages in their way are followed by cma_pages.c, in a second pass where the input can be read
 * twice: which pages matter is known only then.
 */
#include <stdlib.h>
#include <string.h>

#include "cma_internal.h"
#include "plugins.h"

static const struct kma_need needs[] = {
	{ KMA_CMA_ALLOC_START, false, "how long CMA allocations take" },
	{ KMA_CMA_ALLOC_FINISH, true, "CMA allocations that fail" },
	{ KMA_CMA_ALLOC_BUSY_RETRY, false, "ranges that CMA allocations gave up" },
	{ KMA_CMA_ALLOC, true, NULL },
	{ KMA_CMA_RELEASE, true, NULL },
	{ KMA_TEST_PAGES_ISOLATED, true, "the page that blocks an isolation" },
	{ KMA_PAGE_REF_SET, true, "pages' references: who allocated the page" },
	{ KMA_PAGE_REF_MOD, true, "pages' references: taken and given back" },
	{ KMA_PAGE_REF_MOD_AND_TEST, true, "pages' references: given back" },
	{ KMA_PAGE_REF_MOD_AND_RETURN, true, NULL },
	{ KMA_PAGE_REF_MOD_UNLESS, true, "pages' references: pins" },
	{ KMA_PAGE_REF_FREEZE, true, NULL },
	{ KMA_PAGE_REF_UNFREEZE, true, NULL },
	{ KMA_MIGRATE_PAGES_START, false, NULL },
	{ KMA_KIND_NONE, false, NULL },
};

#define PAGE_REF_KINDS                                                                         \
	(KMA_KIND_BIT(KMA_PAGE_REF_SET) | KMA_KIND_BIT(KMA_PAGE_REF_MOD) |                     \
	 KMA_KIND_BIT(KMA_PAGE_REF_MOD_AND_TEST) | KMA_KIND_BIT(KMA_PAGE_REF_MOD_AND_RETURN) | \
	 KMA_KIND_BIT(KMA_PAGE_REF_MOD_UNLESS) | KMA_KIND_BIT(KMA_PAGE_REF_FREEZE) |           \
	 KMA_KIND_BIT(KMA_PAGE_REF_UNFREEZE))

/* Events between asking for memory and using it. */
#define FAR_AHEAD  16
#define NEAR_AHEAD 8

/* ---- what is learnt of the machine ---- */

/* The area of that name; number 0 when there are too many. -1: out of memory. */
static int find_area(struct kma_state *state, uint32_t name, uint32_t *number)
{
	for (*number = 1; *number < state->nr_areas; (*number)++)
		if (state->areas[*number].name == name)
			return 0;
	if (state->nr_areas == CMA_MAX_AREAS) {
		*number = 0;
		return 0;
	}
	if (state->nr_areas == state->max_areas) {
		uint32_t max = 2 * state->max_areas;
		struct cma_area *areas = reallocarray(state->areas, max, sizeof(*areas));

		if (!areas)
			return -1;
		state->areas = areas;
		state->max_areas = max;
	}
	state->areas[state->nr_areas++] = (struct cma_area){ .name = name };
	return 0;
}

/* A range that a cma event names: pages of an area. */
static int learn_range(struct kma_state *state, uint32_t area, uint64_t pfn, uint64_t count)
{
	struct cma_area *a = &state->areas[area];

	if (!pfn || !count || pfn + count < pfn)
		return 0;
	if (!a->end || pfn < a->start)
		a->start = pfn;
	if (pfn + count > a->end)
		a->end = pfn + count;
	if (pfnset_add(&state->areas_seen, pfn, pfn + count) < 0 ||
	    pfnset_add(&state->ranges, pfn, pfn + count) < 0)
		return -1;
	return 0;
}

/* ---- allocations ---- */

static int new_alloc(struct kma_state *state, const struct cma_alloc *alloc, uint32_t *number)
{
	*number = CMA_NOTHING;
	if (state->nr_spare) {
		*number = state->spare_allocs[--state->nr_spare];
	} else if (state->nr_allocs == CMA_MAX_ALLOCS) {
		state->forgotten++;
		return 0;
	} else {
		if (state->nr_allocs == state->max_allocs) {
			uint32_t max = state->max_allocs ? 2 * state->max_allocs : 64;
			struct cma_alloc *allocs = reallocarray(state->allocs, max,
								sizeof(*allocs));
			uint32_t *spare;

			if (!allocs)
				return -1;
			state->allocs = allocs;
			spare = reallocarray(state->spare_allocs, max, sizeof(*spare));
			if (!spare)
				return -1;
			state->spare_allocs = spare;
			state->max_allocs = max;
		}
		*number = state->nr_allocs++;
	}
	state->allocs[*number] = *alloc;
	return 0;
}

/* One that went well without a hitch is only counted. */
static void drop_alloc(struct kma_state *state, uint32_t number)
{
	state->allocs[number] = (struct cma_alloc){ .outcome = CMA_SUCCEEDED,
						    .first_failure = CMA_NOTHING,
						    .last_failure = CMA_NOTHING };
	state->spare_allocs[state->nr_spare++] = number;
}

static struct cma_alloc *running_alloc(struct kma_state *state, int32_t pid, uint32_t *number)
{
	const uint64_t *found = kma_u64map_get(&state->running, (uint32_t)pid);

	if (!found)
		return NULL;
	*number = (uint32_t)*found;
	return &state->allocs[*found];
}

static int feed_start(struct kma_state *state, const struct kma_batch *batch,
		      const struct kma_event *e)
{
	struct cma_alloc alloc = { .start_ts = e->ts,
				   .window_ts = e->ts,
				   .count = e->cma.count,
				   .align = e->cma.align,
				   .pid = e->pid,
				   .cpu = e->cpu,
				   .first_failure = CMA_NOTHING,
				   .last_failure = CMA_NOTHING };
	uint32_t number;

	/* the finish of the one before was not recorded */
	kma_u64map_remove(&state->lone, (uint32_t)e->pid, NULL);
	if (running_alloc(state, e->pid, &number)) {
		kma_u64map_remove(&state->running, (uint32_t)e->pid, NULL);
		if (!state->allocs[number].nr_failures)
			drop_alloc(state, number);
	}
	if (state->running.nr == CMA_MAX_RUNNING)
		return 0;
	if (find_area(state, e->cma.name, &alloc.area) ||
	    cma_stack(state, batch, e, &alloc.stack) || new_alloc(state, &alloc, &number))
		return -1;
	if (number == CMA_NOTHING)
		return 0;
	return kma_u64map_put(&state->running, (uint32_t)e->pid, number, NULL);
}

/* ---- failures ---- */

static int add_failure(struct kma_state *state, const struct cma_failure *failure)
{
	uint32_t number = state->nr_failures;

	if (number == CMA_MAX_FAILURES) {
		state->forgotten++;
		return 0;
	}
	if (number == state->max_failures) {
		uint32_t max = state->max_failures ? 2 * state->max_failures : 64;
		struct cma_failure *failures = reallocarray(state->failures, max,
							    sizeof(*failures));

		if (!failures)
			return -1;
		state->failures = failures;
		state->max_failures = max;
	}
	state->failures[number] = *failure;
	state->nr_failures++;
	if (failure->alloc != CMA_NOTHING) {
		struct cma_alloc *alloc = &state->allocs[failure->alloc];

		if (alloc->last_failure == CMA_NOTHING)
			alloc->first_failure = number;
		else
			state->failures[alloc->last_failure].next = number;
		alloc->last_failure = number;
		alloc->nr_failures++;
	}
	return state->following ? cma_pages_hold(state, number) : 0;
}

/* A failure that belongs to no allocation as yet: one whose start was not recorded may claim it. */
static int add_lone(struct kma_state *state, int32_t pid, uint32_t number)
{
	const uint64_t *found = kma_u64map_get(&state->lone, (uint32_t)pid);
	uint64_t first = number;

	if (number >= state->nr_failures || (!found && state->lone.nr == CMA_MAX_RUNNING))
		return 0;
	if (found) {
		first = *found >> 32;
		state->failures[(uint32_t)*found].next = number;
	}
	return kma_u64map_put(&state->lone, (uint32_t)pid, first << 32 | number, NULL);
}

static void adopt_lone(struct kma_state *state, uint32_t number)
{
	struct cma_alloc *alloc = &state->allocs[number];
	uint64_t found;

	if (!kma_u64map_remove(&state->lone, (uint32_t)alloc->pid, &found))
		return;
	alloc->first_failure = (uint32_t)(found >> 32);
	alloc->last_failure = (uint32_t)found;
	for (uint32_t f = alloc->first_failure; f != CMA_NOTHING; f = state->failures[f].next) {
		state->failures[f].alloc = number;
		alloc->nr_failures++;
	}
}

static int watch(struct kma_state *state, uint64_t pfn)
{
	if (pfn == KMA_U64MAP_FREE || state->watched.nr == CMA_MAX_WATCHED)
		return 0;
	return kma_u64map_put(&state->watched, pfn, 1, NULL);
}

static int feed_isolation(struct kma_state *state, const struct kma_batch *batch,
			  const struct kma_event *e)
{
	const struct kma_isolation *test = &e->isolation;
	struct cma_failure failure = { .ts = e->ts,
				       .window_ts = e->ts,
				       .start_pfn = test->start_pfn,
				       .end_pfn = test->end_pfn,
				       .fin_pfn = test->fin_pfn,
				       .alloc = CMA_NOTHING,
				       .cpu = e->cpu,
				       .pid = e->pid,
				       .next = CMA_NOTHING,
				       .holdings = CMA_NOTHING,
				       .tested = true };
	uint64_t migrating = 0;
	bool known = kma_u64map_remove(&state->migrating, (uint32_t)e->pid, &migrating);
	struct cma_alloc *alloc;
	uint32_t number;

	state->isolations++;
	if (test->fin_pfn >= test->end_pfn)
		return 0;
	state->isolation_failures++;
	alloc = running_alloc(state, e->pid, &number);
	if (alloc) {
		failure.alloc = number;
		failure.window_ts = alloc->window_ts;
		alloc->window_ts = e->ts;
	} else if (known) {
		failure.window_ts = migrating;
	}
	if (pfnset_add(&state->ranges, test->start_pfn, test->end_pfn) < 0 ||
	    cma_stack(state, batch, e, &failure.stack) || watch(state, test->fin_pfn) ||
	    add_failure(state, &failure))
		return -1;
	return alloc ? 0 : add_lone(state, e->pid, state->nr_failures - 1);
}

/* Where the isolation itself was not recorded, the event that follows it has to do. */
static int untested_failure(struct kma_state *state, uint32_t number, uint64_t pfn, uint64_t count,
			    const struct kma_event *e)
{
	struct cma_alloc *alloc = &state->allocs[number];
	struct cma_failure failure = { .ts = e->ts,
				       .window_ts = alloc->window_ts,
				       .start_pfn = pfn,
				       .end_pfn = pfn + count < pfn ? pfn : pfn + count,
				       .fin_pfn = CMA_NO_PFN,
				       .alloc = number,
				       .cpu = e->cpu,
				       .pid = e->pid,
				       .next = CMA_NOTHING,
				       .holdings = CMA_NOTHING };

	alloc->window_ts = e->ts;
	return add_failure(state, &failure);
}

static int feed_retry(struct kma_state *state, const struct kma_event *e)
{
	struct cma_alloc *alloc;
	uint32_t area, number;

	if (find_area(state, e->cma.name, &area) ||
	    learn_range(state, area, e->cma.pfn, e->cma.count))
		return -1;
	state->areas[area].retries++;
	alloc = running_alloc(state, e->pid, &number);
	if (!alloc)
		return 0;
	alloc->retries++;
	/* an isolation that failed comes before each retry: as many of them were told */
	if (alloc->nr_failures < alloc->retries)
		return untested_failure(state, number, e->cma.pfn, e->cma.count, e);
	alloc->window_ts = e->ts;
	return 0;
}

static bool is_failed(const struct kma_state *state, const struct kma_event *e)
{
	const struct kma_cma *cma = &e->cma;

	if (e->kind == KMA_CMA_ALLOC_FINISH &&
	    (state->trace->optional_fields[e->kind] & KMA_HAS_ERRORNO))
		return cma->errorno != 0;
	/* older kernels have no errno, but a range that is none */
	return !cma->pfn || !cma->count || !cma->page || cma->pfn == UINT64_MAX ||
	       cma->pfn == UINT32_MAX;
}

/* cma_alloc_finish, or the one event that older kernels have of an allocation */
static int feed_finish(struct kma_state *state, const struct kma_batch *batch,
		       const struct kma_event *e)
{
	bool failed = is_failed(state, e);
	bool ranged = !failed || state->trace->optional_fields[e->kind] & KMA_HAS_ERRORNO;
	struct cma_alloc *alloc;
	uint32_t area, number;

	/* where a failure has its errno it also has the range tried last */
	if (find_area(state, e->cma.name, &area) ||
	    (ranged && learn_range(state, area, e->cma.pfn, e->cma.count)))
		return -1;
	state->areas[area].allocs++;
	state->areas[area].failed += failed;
	alloc = running_alloc(state, e->pid, &number);
	if (alloc) {
		kma_u64map_remove(&state->running, (uint32_t)e->pid, NULL);
		if (kma_histogram_add(&state->areas[area].latency, e->ts - alloc->start_ts, 1))
			return -1;
	} else {
		struct cma_alloc late = { .count = e->cma.count,
					  .window_ts = e->ts,
					  .align = e->cma.align,
					  .area = area,
					  .pid = e->pid,
					  .cpu = e->cpu,
					  .first_failure = CMA_NOTHING,
					  .last_failure = CMA_NOTHING };

		state->latency_unknown++;
		if (!failed && !kma_u64map_get(&state->lone, (uint32_t)e->pid))
			return 0;
		if (cma_stack(state, batch, e, &late.stack) || new_alloc(state, &late, &number))
			return -1;
		if (number == CMA_NOTHING)
			return 0;
		alloc = &state->allocs[number];
		adopt_lone(state, number);
	}
	alloc->end_ts = e->ts;
	alloc->pfn = failed ? 0 : e->cma.pfn;
	alloc->errorno = state->trace->optional_fields[e->kind] & KMA_HAS_ERRORNO ? e->cma.errorno
										  : 0;
	alloc->outcome = failed ? CMA_FAILED : CMA_SUCCEEDED;
	if (failed && !alloc->nr_failures)
		return untested_failure(state, number, 0, 0, e);
	if (!failed && !alloc->nr_failures)
		drop_alloc(state, number);
	else if (!failed)
		state->areas[area].delayed++;
	return 0;
}

static int feed_release(struct kma_state *state, const struct kma_event *e)
{
	uint32_t area;

	return find_area(state, e->cma.name, &area) ||
			       learn_range(state, area, e->cma.pfn, e->cma.count)
		       ? -1
		       : 0;
}

/* Without cma events this is the first sign of an attempt to empty a range. */
static int feed_migrate(struct kma_state *state, const struct kma_event *e)
{
	if (kma_u64map_get(&state->migrating, (uint32_t)e->pid) ||
	    state->migrating.nr == CMA_MAX_RUNNING)
		return 0;
	return kma_u64map_put(&state->migrating, (uint32_t)e->pid, e->ts, NULL);
}

static const struct kma_event *ref_ahead(const struct kma_batch *batch, size_t i)
{
	return i < batch->nr && (KMA_KIND_BIT(batch->events[i].kind) & PAGE_REF_KINDS)
		       ? &batch->events[i]
		       : NULL;
}

/* Pages move at random: their places in memory are asked for in time, in two steps. */
static void look_ahead(struct kma_state *state, const struct kma_batch *batch, size_t i)
{
	const struct kma_event *far = ref_ahead(batch, i + FAR_AHEAD);
	const struct kma_event *near = ref_ahead(batch, i + NEAR_AHEAD);

	if (far)
		kma_pagemap_prefetch(&state->refs.numbers, far->page_ref.pfn);
	if (near)
		pagerefs_prefetch(&state->refs, near->page_ref.pfn);
}

static int cma_feed(struct kma_state *state, const struct kma_batch *batch)
{
	for (size_t i = 0; i < batch->nr; i++) {
		const struct kma_event *e = &batch->events[i];
		int ret = 0;

		if (state->following)
			look_ahead(state, batch, i);

		switch (e->kind) {
		case KMA_CMA_ALLOC_START:
			ret = feed_start(state, batch, e);
			break;
		case KMA_CMA_ALLOC_FINISH:
		case KMA_CMA_ALLOC:
			ret = feed_finish(state, batch, e);
			break;
		case KMA_CMA_ALLOC_BUSY_RETRY:
			ret = feed_retry(state, e);
			break;
		case KMA_CMA_RELEASE:
			ret = feed_release(state, e);
			break;
		case KMA_TEST_PAGES_ISOLATED:
			ret = feed_isolation(state, batch, e);
			break;
		case KMA_MIGRATE_PAGES_START:
			ret = feed_migrate(state, e);
			break;
		default:
			if (state->following && (KMA_KIND_BIT(e->kind) & PAGE_REF_KINDS))
				ret = cma_pages_feed(state, batch, e);
			break;
		}
		if (ret < 0)
			return -1;
	}
	return 0;
}

static int cma_lost(struct kma_state *state, const struct kma_lost *lost)
{
	state->lost += lost->count;
	return 0;
}

/* ---- passes ---- */

static void reset_allocs(struct kma_state *state)
{
	for (uint32_t i = 0; i < state->nr_areas; i++) {
		struct cma_area *area = &state->areas[i];

		kma_histogram_free(&area->latency);
		*area = (struct cma_area){ .name = area->name,
					   .start = area->start,
					   .end = area->end };
	}
	kma_u64map_free(&state->running);
	kma_u64map_free(&state->migrating);
	kma_u64map_free(&state->lone);
	state->nr_allocs = state->nr_spare = state->nr_failures = 0;
	state->isolations = state->isolation_failures = state->forgotten = 0;
	state->latency_unknown = state->lost = 0;
}

/* The bulk of the events is worth reading only if they tell of pages that matter. */
static bool cma_second_pass(struct kma_state *state, const struct kma_summary *summary)
{
	uint64_t refs = 0;

	for (int kind = 0; kind < KMA_NR_KINDS; kind++)
		if (KMA_KIND_BIT(kind) & PAGE_REF_KINDS)
			refs += summary->records[kind];
	if (!refs || (!state->ranges.nr && state->trace->cma_migratetype < 0))
		return false;
	reset_allocs(state);
	state->following = true;
	return true;
}

static void cma_close(struct kma_state *state)
{
	if (!state)
		return;
	cma_pages_close(state);
	for (uint32_t i = 0; i < state->nr_areas; i++)
		kma_histogram_free(&state->areas[i].latency);
	pfnset_free(&state->ranges);
	pfnset_free(&state->areas_seen);
	kma_u64map_free(&state->watched);
	kma_u64map_free(&state->running);
	kma_u64map_free(&state->migrating);
	kma_u64map_free(&state->lone);
	free(state->areas);
	free(state->allocs);
	free(state->spare_allocs);
	free(state->failures);
	free(state);
}

static struct kma_state *cma_open(const struct kma_trace *trace, struct kma_error *err)
{
	struct kma_state *state = calloc(1, sizeof(*state));

	if (state) {
		state->trace = trace;
		state->following = state->follow_all = trace->one_pass;
		state->cma_migratetype = trace->cma_migratetype;
		state->max_areas = 8;
		state->nr_areas = 1;
		state->areas = calloc(state->max_areas, sizeof(*state->areas));
	}
	if (!state || !state->areas || cma_pages_open(state) ||
	    pfnset_add(&state->ranges, trace->pfns.start, trace->pfns.end) < 0) {
		cma_close(state);
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory for the cma report");
		return NULL;
	}
	return state;
}

const struct kma_analysis kma_cma_analysis = {
	.name = "cma",
	.title = "CMA: allocations, and the page references in their way",
	.needs = needs,
	.metrics = cma_metric_defs,
	.stacks = KMA_STACKS_ALWAYS,
	.second = PAGE_REF_KINDS,
	.record = PAGE_REF_KINDS | KMA_KIND_BIT(KMA_MIGRATE_PAGES_START),
	.open = cma_open,
	.feed = cma_feed,
	.lost = cma_lost,
	.second_pass = cma_second_pass,
	.report = cma_report,
	.close = cma_close,
};
