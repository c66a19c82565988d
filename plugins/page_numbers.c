/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks, migratetypes and gfp flags of the page analysis as small numbers, in the order of
 * appearance and up to a limit. Must not know what is counted for them.
 */
#include <stdlib.h>
#include <string.h>

#include "page_internal.h"

/* @array with room for @max elements, those from @nr on zeroed; NULL: out of memory. */
#define GROW(array, nr, max)                                                          \
	({                                                                            \
		typeof(array) larger_ = reallocarray(array, max, sizeof(*(array)));   \
                                                                                      \
		if (larger_)                                                          \
			memset(larger_ + (nr), 0, ((max) - (nr)) * sizeof(*larger_)); \
		larger_;                                                              \
	})

static int add_task(struct kma_state *state, int32_t pid)
{
	if (state->nr_tasks == state->max_tasks) {
		uint32_t max = state->max_tasks ? 2 * state->max_tasks : 64;
		struct page_task *tasks = GROW(state->tasks, state->nr_tasks, max);

		if (!tasks)
			return -1;
		state->tasks = tasks;
		state->max_tasks = max;
	}
	state->tasks[state->nr_tasks++].pid = pid;
	return 0;
}

static int add_type(struct kma_state *state, int32_t migratetype)
{
	if (state->nr_types == state->max_types) {
		uint32_t max = state->max_types ? 2 * state->max_types : 8;
		struct page_type *types = GROW(state->types, state->nr_types, max);

		if (!types)
			return -1;
		state->types = types;
		state->max_types = max;
	}
	state->types[state->nr_types++].migratetype = migratetype;
	return 0;
}

static int add_gfp(struct kma_state *state, uint32_t flags)
{
	if (state->nr_gfps == state->max_gfps) {
		uint32_t max = state->max_gfps ? 2 * state->max_gfps : 64;
		struct page_gfp *gfps = GROW(state->gfps, state->nr_gfps, max);

		if (!gfps)
			return -1;
		state->gfps = gfps;
		state->max_gfps = max;
	}
	state->gfps[state->nr_gfps++].flags = flags;
	return 0;
}

/* Remembers @number for @key where the next look-up will look first. */
static int64_t remember(struct page_numbers *numbers, uint32_t key, uint64_t number)
{
	uint32_t slot = page_cache_slot(key);

	if (number) {
		numbers->cache[slot].key = key;
		numbers->cache[slot].number = (uint32_t)number;
	}
	return (int64_t)number;
}

int64_t page_find_task(struct kma_state *state, int32_t pid)
{
	struct page_numbers *numbers = &state->task_numbers;
	const uint64_t *number = kma_u64map_get(&numbers->map, (uint32_t)pid);

	if (number)
		return remember(numbers, (uint32_t)pid, *number);
	if (state->nr_tasks == PAGE_MAX_TASKS)
		return PAGE_OTHER_TASK;
	if (add_task(state, pid) ||
	    kma_u64map_put(&numbers->map, (uint32_t)pid, state->nr_tasks - 1, NULL))
		return -1;
	return remember(numbers, (uint32_t)pid, state->nr_tasks - 1);
}

int64_t page_find_type(struct kma_state *state, int32_t migratetype)
{
	const uint64_t *number = kma_u64map_get(&state->type_numbers, (uint32_t)migratetype);

	if (number)
		return (int64_t)*number;
	if (state->nr_types == PAGE_MAX_TYPES)
		return PAGE_OTHER_TYPE;
	if (add_type(state, migratetype) ||
	    kma_u64map_put(&state->type_numbers, (uint32_t)migratetype, state->nr_types - 1, NULL))
		return -1;
	if ((uint32_t)migratetype < PAGE_NR_USUAL_TYPES)
		state->usual_types[migratetype] = state->nr_types - 1;
	return state->nr_types - 1;
}

int64_t page_find_gfp(struct kma_state *state, uint32_t flags)
{
	struct page_numbers *numbers = &state->gfp_numbers;
	const uint64_t *number = kma_u64map_get(&numbers->map, flags);

	if (number)
		return remember(numbers, flags, *number);
	if (state->nr_gfps == PAGE_MAX_GFPS)
		return PAGE_OTHER_GFP;
	if (add_gfp(state, flags) || kma_u64map_put(&numbers->map, flags, state->nr_gfps - 1, NULL))
		return -1;
	return remember(numbers, flags, state->nr_gfps - 1);
}

/* Number 0 of each is "other". */
int page_open_numbers(struct kma_state *state)
{
	return add_task(state, 0) || add_type(state, 0) || add_gfp(state, 0) ? -1 : 0;
}

void page_close_numbers(struct kma_state *state)
{
	kma_u64map_free(&state->task_numbers.map);
	kma_u64map_free(&state->gfp_numbers.map);
	kma_u64map_free(&state->type_numbers);
	free(state->tasks);
	free(state->types);
	free(state->gfps);
}
