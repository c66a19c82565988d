/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The per-CPU allocator: counts allocations by call site and size, frees, failures and chunks.
 * What is live is percpu_chunk.c's business, what the numbers mean percpu_report.c's.
 */
#include <stdlib.h>

#include "percpu_internal.h"
#include "plugins.h"

static const struct kma_need needs[] = {
	{ KMA_PERCPU_ALLOC, true, "allocations, their sizes, and what stays allocated" },
	{ KMA_PERCPU_FREE, true, "frees, lifetimes, and what stays allocated" },
	{ KMA_PERCPU_ALLOC_FAIL, false, "failed allocations" },
	{ KMA_PERCPU_CREATE_CHUNK, false, "chunks created, and which are wholly visible" },
	{ KMA_PERCPU_DESTROY_CHUNK, false, "chunks destroyed" },
	{ KMA_KIND_NONE, false, NULL },
};

static int add_group(struct kma_state *state, uint32_t site, uint32_t size)
{
	if (state->nr_groups == state->max_groups) {
		uint32_t nr = state->max_groups ? 2 * state->max_groups : 64;
		struct percpu_group *groups = reallocarray(state->groups, nr, sizeof(*groups));

		if (!groups)
			return -1;
		state->groups = groups;
		state->max_groups = nr;
	}
	state->groups[state->nr_groups++] = (struct percpu_group){ .site = site, .size = size };
	return 0;
}

static int find_group(struct kma_state *state, uint32_t site, uint32_t size, uint32_t *number)
{
	uint64_t key = (uint64_t)site << 32 | size;
	uint64_t *place = kma_u64map_get(&state->group_index, key);

	*number = 0;
	if (place)
		*number = (uint32_t)*place;
	if (place || state->nr_groups == PERCPU_MAX_GROUPS)
		return 0;
	*number = state->nr_groups;
	if (kma_u64map_put(&state->group_index, key, *number, NULL))
		return -1;
	return add_group(state, site, size);
}

static int feed_alloc(struct kma_state *state, const struct kma_batch *batch,
		      const struct kma_event *e)
{
	const struct kma_percpu_alloc *alloc = &e->percpu_alloc;
	uint64_t bytes = state->has_bytes ? alloc->bytes_alloc : 0;
	uint32_t site, group;

	if (kma_sites_find(state->sites, batch, e, state->has_call_site ? alloc->call_site : 0,
			   &site) ||
	    find_group(state, site, alloc->size, &group))
		return -1;
	state->allocs++;
	state->bytes += bytes;
	state->groups[group].allocs++;
	state->groups[group].bytes += percpu_cost(state, alloc->size, bytes);
	if (kma_histogram_add(&state->sizes, alloc->size, 1) ||
	    kma_bins_add(&state->bins, PERCPU_ROW_ALLOCS, e->ts, 1))
		return -1;
	return percpu_object_begin(state, e, group);
}

static int feed_free(struct kma_state *state, const struct kma_event *e)
{
	state->frees++;
	if (kma_bins_add(&state->bins, PERCPU_ROW_FREES, e->ts, 1))
		return -1;
	return percpu_object_end(state, e);
}

/* There are few shapes, and failures are rare: looking through all of them is fast enough. */
static struct percpu_failure *find_failure(struct kma_state *state, const struct kma_event *e)
{
	const struct kma_percpu_fail *fail = &e->percpu_fail;
	struct percpu_failure shape = {
		.size = fail->size,
		.align = fail->align,
		.atomic = fail->is_atomic,
		.reserved = fail->reserved,
		.first_ts = e->ts,
	};

	for (uint32_t i = 0; i < state->nr_failures; i++) {
		struct percpu_failure *f = &state->failures[i];

		if (f->other || (f->size == shape.size && f->align == shape.align &&
				 f->atomic == shape.atomic && f->reserved == shape.reserved))
			return f;
	}
	if (state->nr_failures == PERCPU_MAX_FAILURES)
		shape = (struct percpu_failure){ .other = true, .first_ts = e->ts };
	state->failures[state->nr_failures] = shape;
	return &state->failures[state->nr_failures++];
}

static int feed_fail(struct kma_state *state, const struct kma_batch *batch,
		     const struct kma_event *e)
{
	struct percpu_failure *failure = find_failure(state, e);
	uint64_t *count;
	uint32_t site;

	state->failed++;
	failure->count++;
	failure->last_ts = e->ts;
	/* the event names no call site: only a stack does */
	if (!state->trace->stack_depth)
		return 0;
	if (kma_sites_find(state->sites, batch, e, 0, &site))
		return -1;
	count = kma_u64map_get(&state->failed_sites, site);
	if (!count)
		return kma_u64map_put(&state->failed_sites, site, 1, NULL);
	++*count;
	return 0;
}

static int feed_event(struct kma_state *state, const struct kma_batch *batch,
		      const struct kma_event *e)
{
	switch (e->kind) {
	case KMA_PERCPU_ALLOC:
		return feed_alloc(state, batch, e);
	case KMA_PERCPU_FREE:
		return feed_free(state, e);
	case KMA_PERCPU_ALLOC_FAIL:
		return feed_fail(state, batch, e);
	case KMA_PERCPU_CREATE_CHUNK:
		state->created++;
		return percpu_chunk_create(state, e);
	case KMA_PERCPU_DESTROY_CHUNK:
		state->destroyed++;
		return percpu_chunk_destroy(state, e);
	default:
		return 0;
	}
}

static int percpu_feed(struct kma_state *state, const struct kma_batch *batch)
{
	for (size_t i = 0; i < batch->nr; i++)
		if (feed_event(state, batch, &batch->events[i]))
			return -1;
	return 0;
}

/*
 * An area is known by its address, whatever was lost before: what is live stays live, but up to the
 * end of the gap its free may be among the lost.
 */
static int percpu_lost(struct kma_state *state, const struct kma_lost *lost)
{
	if (lost->to_ts > state->gap_ts)
		state->gap_ts = lost->to_ts;
	return 0;
}

static void percpu_close(struct kma_state *state)
{
	if (!state)
		return;
	kma_sites_free(state->sites);
	free(state->objects);
	kma_u64map_free(&state->index);
	free(state->chunks);
	free(state->free_slots);
	kma_u64map_free(&state->chunk_index);
	free(state->groups);
	kma_u64map_free(&state->group_index);
	free(state->failures);
	kma_u64map_free(&state->failed_sites);
	kma_histogram_free(&state->sizes);
	kma_histogram_free(&state->lifetimes);
	kma_bins_free(&state->bins);
	free(state);
}

static struct kma_state *percpu_open(const struct kma_trace *trace, struct kma_error *err)
{
	uint32_t fields = trace->optional_fields[KMA_PERCPU_ALLOC];
	struct kma_state *state = calloc(1, sizeof(*state));

	if (state) {
		state->trace = trace;
		state->has_bytes = fields & KMA_HAS_BYTES_ALLOC;
		state->has_call_site = fields & KMA_HAS_CALL_SITE;
		state->unused = PERCPU_NONE;
		kma_bins_init(&state->bins, trace->start_ts);
		state->sites = kma_sites_new(trace->stack_depth);
		state->failures = calloc(PERCPU_MAX_FAILURES + 1, sizeof(*state->failures));
	}
	if (!state || !state->sites || !state->failures || add_group(state, KMA_SITE_OTHER, 0)) {
		percpu_close(state);
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory for the percpu report");
		return NULL;
	}
	return state;
}

const struct kma_analysis kma_percpu_analysis = {
	.name = "percpu",
	.title = "Per-CPU allocator",
	.needs = needs,
	.metrics = percpu_metric_defs,
	.stacks = KMA_STACKS_WHEN_ASKED,
	.open = percpu_open,
	.feed = percpu_feed,
	.lost = percpu_lost,
	.report = percpu_report,
	.close = percpu_close,
};
