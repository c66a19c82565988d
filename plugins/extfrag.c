/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * External fragmentation: gathers the fallbacks of one migratetype to another's free blocks. What
 * the numbers mean and how they are told is extfrag_report.c's business.
 */
#include <stdlib.h>

#include "extfrag_internal.h"
#include "plugins.h"

static const struct kma_need needs[] = {
	{ KMA_PAGE_ALLOC_EXTFRAG, true, "fallbacks to another migratetype's blocks" },
	/* only for the numbers of nodes in them */
	{ KMA_ZONE_LOCKED, false, NULL },
	{ KMA_ZONE_LOCK_CONTENDED, false, NULL },
	{ KMA_ZONE_LOCK_UNLOCK, false, NULL },
	{ KMA_PCPU_REFILL_ZONE_LOCKED, false, NULL },
	{ KMA_PCPU_DRAIN_ZONE_LOCKED, false, NULL },
	{ KMA_KIND_NONE, false, NULL },
};

static int add_pair(struct kma_state *state, int32_t alloc, int32_t fallback)
{
	if (state->nr_pairs == state->max_pairs) {
		uint32_t max = state->max_pairs ? 2 * state->max_pairs : 16;
		struct extfrag_pair *pairs = reallocarray(state->pairs, max, sizeof(*pairs));

		if (!pairs)
			return -1;
		state->pairs = pairs;
		state->max_pairs = max;
	}
	state->pairs[state->nr_pairs++] = (struct extfrag_pair){ .alloc = alloc,
								 .fallback = fallback };
	return 0;
}

static int add_task(struct kma_state *state, int32_t pid)
{
	if (state->nr_tasks == state->max_tasks) {
		uint32_t max = state->max_tasks ? 2 * state->max_tasks : 16;
		struct extfrag_task *tasks = reallocarray(state->tasks, max, sizeof(*tasks));

		if (!tasks)
			return -1;
		state->tasks = tasks;
		state->max_tasks = max;
	}
	state->tasks[state->nr_tasks++] = (struct extfrag_task){ .pid = pid };
	return 0;
}

static struct extfrag_pair *find_pair(struct kma_state *state, int32_t alloc, int32_t fallback)
{
	uint64_t key = (uint64_t)(uint32_t)alloc << 32 | (uint32_t)fallback;
	const uint64_t *number;

	/* -1 to -1, the one key that the map cannot have: no migratetypes */
	if (key == KMA_U64MAP_FREE)
		return &state->pairs[0];
	number = kma_u64map_get(&state->pair_numbers, key);
	if (number)
		return &state->pairs[*number];
	if (state->nr_pairs == EXTFRAG_MAX_PAIRS)
		return &state->pairs[0];
	if (add_pair(state, alloc, fallback) ||
	    kma_u64map_put(&state->pair_numbers, key, state->nr_pairs - 1, NULL))
		return NULL;
	return &state->pairs[state->nr_pairs - 1];
}

static struct extfrag_task *find_task(struct kma_state *state, int32_t pid)
{
	const uint64_t *number = kma_u64map_get(&state->task_numbers, (uint32_t)pid);

	if (number)
		return &state->tasks[*number];
	if (state->nr_tasks == EXTFRAG_MAX_TASKS)
		return &state->tasks[0];
	if (add_task(state, pid) ||
	    kma_u64map_put(&state->task_numbers, (uint32_t)pid, state->nr_tasks - 1, NULL))
		return NULL;
	return &state->tasks[state->nr_tasks - 1];
}

static int order_of(int32_t order)
{
	return order < 0 || order > EXTFRAG_MAX_ORDER ? EXTFRAG_MAX_ORDER : order;
}

static int feed_fallback(struct kma_state *state, const struct kma_event *e)
{
	struct extfrag_pair *pair = find_pair(state, e->extfrag.alloc_migratetype,
					      e->extfrag.fallback_migratetype);
	struct extfrag_task *task = find_task(state, e->pid);
	int fallback_order = order_of(e->extfrag.fallback_order);
	bool fragmenting = fallback_order < state->trace->pageblock_order;
	bool severe = fallback_order <= EXTFRAG_SEVERE_ORDER;
	bool changed = state->has_change_ownership && e->extfrag.change_ownership;

	if (!pair || !task)
		return -1;
	state->events++;
	state->fragmenting += fragmenting;
	state->severe += severe;
	state->changed += changed;
	state->alloc_orders[order_of(e->extfrag.alloc_order)]++;
	state->fallback_orders[fallback_order]++;
	pair->events++;
	pair->severe += severe;
	pair->changed += changed;
	task->events++;
	task->severe += severe;
	return kma_bins_add(&state->bins,
			    severe	  ? EXTFRAG_ROW_SEVERE
			    : fragmenting ? EXTFRAG_ROW_FRAGMENTING
					  : EXTFRAG_ROW_OTHER,
			    e->ts, 1);
}

static inline void see_node(struct kma_state *state, int32_t node)
{
	if (node >= 0 && node < EXTFRAG_MAX_NODES)
		state->nodes_seen[node / 64] |= UINT64_C(1) << (node % 64);
}

static int extfrag_feed(struct kma_state *state, const struct kma_batch *batch)
{
	for (size_t i = 0; i < batch->nr; i++) {
		const struct kma_event *e = &batch->events[i];

		switch (e->kind) {
		case KMA_PAGE_ALLOC_EXTFRAG:
			if (feed_fallback(state, e))
				return -1;
			break;
		case KMA_ZONE_LOCKED:
		case KMA_ZONE_LOCK_CONTENDED:
		case KMA_ZONE_LOCK_UNLOCK:
			see_node(state, e->zone_lock.node_id);
			break;
		case KMA_PCPU_REFILL_ZONE_LOCKED:
		case KMA_PCPU_DRAIN_ZONE_LOCKED:
			see_node(state, e->pcpu_zone_locked.nid);
			break;
		default:
			break;
		}
	}
	return 0;
}

/* Each record stands for itself: a gap leaves nothing in doubt but the counts. */
static int extfrag_lost(struct kma_state *state, const struct kma_lost *lost)
{
	(void)state;
	(void)lost;
	return 0;
}

static void extfrag_close(struct kma_state *state)
{
	if (!state)
		return;
	kma_u64map_free(&state->pair_numbers);
	kma_u64map_free(&state->task_numbers);
	kma_bins_free(&state->bins);
	free(state->pairs);
	free(state->tasks);
	free(state);
}

static struct kma_state *extfrag_open(const struct kma_trace *trace, struct kma_error *err)
{
	struct kma_state *state = calloc(1, sizeof(*state));

	if (state) {
		state->trace = trace;
		state->has_change_ownership = trace->optional_fields[KMA_PAGE_ALLOC_EXTFRAG] &
					      KMA_HAS_CHANGE_OWNERSHIP;
		kma_bins_init(&state->bins, trace->start_ts);
	}
	if (!state || add_pair(state, 0, 0) || add_task(state, 0)) {
		extfrag_close(state);
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory for the extfrag report");
		return NULL;
	}
	return state;
}

const struct kma_analysis kma_extfrag_analysis = {
	.name = "extfrag",
	.title = "External fragmentation",
	.needs = needs,
	.metrics = extfrag_metric_defs,
	.open = extfrag_open,
	.feed = extfrag_feed,
	.lost = extfrag_lost,
	.report = extfrag_report,
	.close = extfrag_close,
};
