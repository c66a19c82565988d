/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page analysis: totals, and tasks, migratetypes, gfp flags, call sites and failures sorted.
 * Every order is total, so that reports are stable. Tells nothing by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "page_sums.h"

uint64_t page_type_allocs(const struct page_type *type)
{
	uint64_t sum = 0;

	for (unsigned int order = 0; order <= PAGE_MAX_ORDER; order++)
		sum += type->allocs[order];
	return sum;
}

uint64_t page_type_pages(const struct page_type *type)
{
	uint64_t sum = 0;

	for (unsigned int order = 0; order <= PAGE_MAX_ORDER; order++)
		sum += type->allocs[order] << order;
	return sum;
}

uint64_t page_type_outstanding(const struct page_type *type)
{
	uint64_t sum = 0;

	for (unsigned int order = 0; order <= PAGE_MAX_ORDER; order++)
		sum += type->outstanding[order];
	return sum;
}

/* The larger number first. */
static int descending(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int ascending(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_outstanding(const void *left, const void *right)
{
	const struct page_task *a = *(const struct page_task *const *)left;
	const struct page_task *b = *(const struct page_task *const *)right;
	int order = descending(a->outstanding, b->outstanding);

	if (!order)
		order = descending(a->alloc_pages, b->alloc_pages);
	return order ? order : ascending(a->pid, b->pid);
}

static int by_unbatched(const void *left, const void *right)
{
	const struct page_task *a = *(const struct page_task *const *)left;
	const struct page_task *b = *(const struct page_task *const *)right;
	int order = descending(page_unbatched(a), page_unbatched(b));

	if (!order)
		order = descending(a->frees, b->frees);
	return order ? order : ascending(a->pid, b->pid);
}

static int by_type_pages(const void *left, const void *right)
{
	const struct page_type *a = *(const struct page_type *const *)left;
	const struct page_type *b = *(const struct page_type *const *)right;
	int order = descending(page_type_pages(a), page_type_pages(b));

	return order ? order : ascending(a->migratetype, b->migratetype);
}

static int by_gfp_pages(const void *left, const void *right)
{
	const struct page_gfp *a = *(const struct page_gfp *const *)left;
	const struct page_gfp *b = *(const struct page_gfp *const *)right;
	int order = descending(a->pages, b->pages);

	if (!order)
		order = descending(a->failed, b->failed);
	return order ? order : ascending(a->flags, b->flags);
}

static int by_count(const void *left, const void *right)
{
	const struct page_failure *a = left, *b = right;
	int order = descending(a->count, b->count);

	if (!order)
		order = ascending(a->order, b->order);
	if (!order)
		order = ascending(a->type, b->type);
	return order ? order : ascending(a->gfp, b->gfp);
}

static int by_site_pages(const void *left, const void *right, void *context)
{
	const struct kma_state *state = context;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	int order = descending(state->site[a].pages, state->site[b].pages);

	return order ? order : kma_sites_compare(state->sites, a, b);
}

static int by_site_frees(const void *left, const void *right, void *context)
{
	const struct kma_state *state = context;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	int order = descending(state->site[a].frees, state->site[b].frees);

	return order ? order : kma_sites_compare(state->sites, a, b);
}

static int sum_tasks(struct page_telling *t)
{
	const struct kma_state *state = t->state;

	t->owners = calloc(state->nr_tasks, sizeof(*t->owners));
	t->freeers = calloc(state->nr_tasks, sizeof(*t->freeers));
	if (!t->owners || !t->freeers)
		return -1;
	for (uint32_t i = 0; i < state->nr_tasks; i++) {
		const struct page_task *task = &state->tasks[i];

		if (task->allocs)
			t->owners[t->nr_owners++] = task;
		if (task->frees || task->batched)
			t->freeers[t->nr_freeers++] = task;
	}
	qsort(t->owners, t->nr_owners, sizeof(*t->owners), by_outstanding);
	qsort(t->freeers, t->nr_freeers, sizeof(*t->freeers), by_unbatched);
	return 0;
}

static int sum_types(struct page_telling *t)
{
	const struct kma_state *state = t->state;

	t->types = calloc(state->nr_types, sizeof(*t->types));
	if (!t->types)
		return -1;
	for (uint32_t i = 0; i < state->nr_types; i++) {
		const struct page_type *type = &state->types[i];

		if (page_type_allocs(type))
			t->types[t->nr_types++] = type;
		for (unsigned int order = 0; order <= PAGE_MAX_ORDER; order++) {
			t->allocs[order] += type->allocs[order];
			t->outstanding[order] += type->outstanding[order];
		}
	}
	qsort(t->types, t->nr_types, sizeof(*t->types), by_type_pages);
	return 0;
}

static int sum_gfps(struct page_telling *t)
{
	const struct kma_state *state = t->state;

	t->gfps = calloc(state->nr_gfps, sizeof(*t->gfps));
	if (!t->gfps)
		return -1;
	for (uint32_t i = 0; i < state->nr_gfps; i++)
		if (state->gfps[i].allocs || state->gfps[i].failed)
			t->gfps[t->nr_gfps++] = &state->gfps[i];
	qsort(t->gfps, t->nr_gfps, sizeof(*t->gfps), by_gfp_pages);
	return 0;
}

static int sum_failures(struct page_telling *t)
{
	const struct kma_u64map *map = &t->state->failures;
	size_t nr_slots = map->entries ? (size_t)1 << map->bits : 0;

	t->failures = calloc(map->nr + 1, sizeof(*t->failures));
	if (!t->failures)
		return -1;
	for (size_t i = 0; i < nr_slots; i++) {
		uint64_t key = map->entries[i].key;

		if (key == KMA_U64MAP_FREE)
			continue;
		t->failures[t->nr_failures++] = (struct page_failure){
			.order = key & 0xff,
			.type = key >> 8 & 0xff,
			.gfp = (uint32_t)(key >> 16),
			.count = map->entries[i].value,
		};
	}
	qsort(t->failures, t->nr_failures, sizeof(*t->failures), by_count);
	return 0;
}

static int sum_sites(struct page_telling *t)
{
	struct kma_state *state = (struct kma_state *)t->state; /* qsort_r() takes no const */
	uint32_t nr;

	if (!state->sites)
		return 0;
	nr = kma_sites_nr(state->sites);
	if (nr == 1) /* no record has a stack */
		return 0;
	if (nr > state->max_sites)
		nr = state->max_sites;
	t->alloc_sites = calloc(nr + 1, sizeof(*t->alloc_sites));
	t->free_sites = calloc(nr + 1, sizeof(*t->free_sites));
	if (!t->alloc_sites || !t->free_sites)
		return -1;
	for (uint32_t i = 0; i < nr; i++) {
		if (state->site[i].allocs)
			t->alloc_sites[t->nr_alloc_sites++] = i;
		if (state->site[i].frees)
			t->free_sites[t->nr_free_sites++] = i;
	}
	qsort_r(t->alloc_sites, t->nr_alloc_sites, sizeof(*t->alloc_sites), by_site_pages, state);
	qsort_r(t->free_sites, t->nr_free_sites, sizeof(*t->free_sites), by_site_frees, state);
	return 0;
}

static void sum_slices(struct page_telling *t)
{
	const struct kma_bins *bins = &t->state->bins;

	t->nr_bins = kma_bins_used(bins, t->summary->last_ts);
	t->nr_slices = t->nr_bins < PAGE_SLICES ? t->nr_bins : PAGE_SLICES;
	for (size_t i = 0; i < t->nr_slices; i++) {
		size_t from = i * t->nr_bins / t->nr_slices;
		size_t to = (i + 1) * t->nr_bins / t->nr_slices;

		t->slices[i].from = (uint64_t)from << bins->shift;
		for (uint32_t row = 0; row < PAGE_NR_ROWS && row < bins->nr_rows; row++)
			for (size_t b = from; b < to && bins->rows[row]; b++)
				t->slices[i].records[row] += bins->rows[row][b];
	}
}

int page_work_out(struct page_telling *t)
{
	const struct kma_state *state = t->state;

	if (sum_tasks(t) || sum_types(t) || sum_gfps(t) || sum_failures(t) || sum_sites(t))
		return -1;
	sum_slices(t);
	for (unsigned int order = 0; order <= PAGE_MAX_ORDER; order++) {
		t->total_allocs += t->allocs[order];
		t->alloc_pages += t->allocs[order] << order;
		t->failed += state->failed[order];
		t->frees += state->frees[order];
		t->free_pages += state->frees[order] << order;
		for (unsigned int refill = 0; refill < 2; refill++)
			t->zone_locked[refill] += state->zone_locked[refill][order];
	}
	t->unbatched = t->frees > state->batched ? t->frees - state->batched : 0;
	return 0;
}

void page_forget(struct page_telling *t)
{
	free(t->owners);
	free(t->freeers);
	free(t->types);
	free(t->gfps);
	free(t->failures);
	free(t->alloc_sites);
	free(t->free_sites);
}
