/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slab objects: the sums by call site, cache and size that a report is made of, and the sites that
 * might have a cache of their own. Tells nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "slab_report.h"
#include "util/u64map.h"

/* When a cache of its own is worth a thought: often enough, */
#define MIN_CANDIDATE_ALLOCS 500
#define MIN_CANDIDATE_RATE   100.0 /* per second */
/* nearly all of one size, */
#define MIN_DOMINANT_SHARE 0.9
/* and a fifth of the memory empty: kmalloc's sizes lie a third to a half apart. */
#define MIN_CANDIDATE_WASTE 0.2
/* Larger ones come from the page allocator or nearly fill a slab: a cache packs them no better. */
#define MAX_CANDIDATE_PAGES 2
/* What kmem_cache_create() rounds a size to on most machines. */
#define CACHE_ALIGN 8

static void add_kind(struct slab_sum *sum, const struct slab_kind *kind)
{
	sum->allocs += kind->allocs;
	sum->req_bytes += kind->req_bytes;
	sum->alloc_bytes += kind->allocs * kind->bytes_alloc;
	sum->freed += kind->freed;
	sum->cross_cpu += kind->cross_cpu;
	sum->missed += kind->allocs - kind->live - kind->freed;
	sum->live += kind->live;
	sum->live_bytes += slab_kind_live_bytes(kind);
}

static void add_rest(struct slab_sum *sum, const struct slab_rest *rest)
{
	sum->allocs += rest->allocs;
	sum->req_bytes += rest->req_bytes;
	sum->alloc_bytes += rest->alloc_bytes;
}

/* qsort() knows no context, and sites are compared by their addresses: a merge sort of our own. */
static bool goes_first(const struct slab_telling *t, const struct slab_site_row *a,
		       const struct slab_site_row *b)
{
	if (a->sum.alloc_bytes != b->sum.alloc_bytes)
		return a->sum.alloc_bytes > b->sum.alloc_bytes;
	return kma_sites_compare(t->state->sites, a->id, b->id) <= 0;
}

static void sort_sites(const struct slab_telling *t, struct slab_site_row *rows,
		       struct slab_site_row *spare, size_t nr)
{
	size_t half = nr / 2, a = 0, b = half;

	if (nr < 2)
		return;
	sort_sites(t, rows, spare, half);
	sort_sites(t, rows + half, spare, nr - half);
	for (size_t i = 0; i < nr; i++)
		spare[i] = a < half && (b == nr || goes_first(t, &rows[a], &rows[b])) ? rows[a++]
										      : rows[b++];
	memcpy(rows, spare, nr * sizeof(*rows));
}

static bool has_records(const struct slab_site_row *row)
{
	return row->sum.allocs || row->site->failed || row->site->frees || row->site->noop_frees;
}

static int sum_sites(struct slab_telling *t)
{
	const struct kma_state *state = t->state;
	uint32_t nr = kma_sites_nr(state->sites);
	struct slab_site_row *spare;

	if (nr > state->max_sites)
		nr = state->max_sites;
	t->sites = calloc(nr + 1, sizeof(*t->sites));
	spare = calloc(nr + 1, sizeof(*spare));
	if (!t->sites || !spare) {
		free(spare);
		return -1;
	}
	for (uint32_t s = 0; s < nr; s++) {
		t->sites[s].id = s;
		t->sites[s].site = &state->site[s];
	}
	for (uint32_t k = 1; k < state->kinds.nr; k++) {
		const struct slab_kind *kind = &state->kinds.kind[k];
		struct slab_site_row *row = &t->sites[kind->site];

		add_kind(&row->sum, kind);
		add_kind(&t->family[kind->family], kind);
		row->kmallocs += kind->family == SLAB_KMALLOC ? kind->allocs : 0;
	}
	for (unsigned int f = 0; f < SLAB_NR_FAMILIES; f++) {
		add_rest(&t->sites[KMA_SITE_OTHER].sum, &state->rest[f]);
		add_rest(&t->family[f], &state->rest[f]);
		t->unfollowed += state->rest[f].allocs;
	}
	for (uint32_t s = 0; s < nr; s++)
		if (has_records(&t->sites[s]))
			t->sites[t->nr_sites++] = t->sites[s];
	sort_sites(t, t->sites, spare, t->nr_sites);
	free(spare);
	return 0;
}

static uint32_t cache_of(const struct slab_kind *kind, bool *learned)
{
	*learned = kind->cache == SLAB_NO_CACHE;
	if (!*learned)
		return kind->cache;
	return kind->family == SLAB_KMEM_CACHE && kind->freed_cache != SLAB_MANY_CACHES
		       ? kind->freed_cache
		       : SLAB_NO_CACHE;
}

static int compare_caches(const void *left, const void *right)
{
	const struct slab_cache_row *a = left, *b = right;

	if (a->sum.alloc_bytes != b->sum.alloc_bytes)
		return a->sum.alloc_bytes > b->sum.alloc_bytes ? -1 : 1;
	return strcmp(a->text, b->text);
}

static int sum_caches(struct slab_telling *t)
{
	const struct kma_state *state = t->state;
	struct kma_u64map rows = { 0 };
	int ret = 0;

	/* each kind names one cache at most, and so does each counter of frees */
	t->caches = calloc((size_t)state->kinds.nr + state->max_caches + 1, sizeof(*t->caches));
	if (!t->caches)
		return -1;
	for (uint32_t i = 1; !ret && i < state->kinds.nr + state->max_caches; i++) {
		const struct slab_kind *kind = i < state->kinds.nr ? &state->kinds.kind[i] : NULL;
		bool learned = false;
		uint32_t name = kind ? cache_of(kind, &learned) : i - state->kinds.nr;
		uint64_t frees = kind ? 0 : state->cache_frees[name], *place;
		struct slab_cache_row *row;

		if (name == SLAB_NO_CACHE || (!kind && !frees))
			continue;
		place = kma_u64map_get(&rows, name);
		row = &t->caches[place ? *place : t->nr_caches];
		if (!place) {
			row->name = name;
			row->text = kma_string(t->trace->strings, name);
			ret = kma_u64map_put(&rows, name, t->nr_caches++, NULL);
		}
		if (kind)
			add_kind(&row->sum, kind);
		row->learned |= learned;
		row->frees += frees;
	}
	kma_u64map_free(&rows);
	qsort(t->caches, t->nr_caches, sizeof(*t->caches), compare_caches);
	return ret;
}

static int compare_sizes(const void *left, const void *right)
{
	const struct slab_size_row *a = left, *b = right;

	return (a->bytes_alloc > b->bytes_alloc) - (a->bytes_alloc < b->bytes_alloc);
}

static void merge_sums(struct slab_sum *to, const struct slab_sum *from)
{
	to->allocs += from->allocs;
	to->req_bytes += from->req_bytes;
	to->alloc_bytes += from->alloc_bytes;
	to->freed += from->freed;
	to->cross_cpu += from->cross_cpu;
	to->missed += from->missed;
	to->live += from->live;
	to->live_bytes += from->live_bytes;
}

static int sum_sizes(struct slab_telling *t)
{
	const struct slab_kinds *kinds = &t->state->kinds;
	size_t nr = 0;

	t->sizes = calloc((size_t)kinds->nr + 1, sizeof(*t->sizes));
	if (!t->sizes)
		return -1;
	for (uint32_t k = 1; k < kinds->nr; k++) {
		if (kinds->kind[k].family != SLAB_KMALLOC)
			continue;
		t->sizes[nr].bytes_alloc = kinds->kind[k].bytes_alloc;
		add_kind(&t->sizes[nr++].sum, &kinds->kind[k]);
	}
	qsort(t->sizes, nr, sizeof(*t->sizes), compare_sizes);
	for (size_t i = 0; i < nr; i++) {
		struct slab_size_row *last = t->nr_sizes ? &t->sizes[t->nr_sizes - 1] : NULL;

		if (last && last->bytes_alloc == t->sizes[i].bytes_alloc)
			merge_sums(&last->sum, &t->sizes[i].sum);
		else
			t->sizes[t->nr_sizes++] = t->sizes[i];
	}
	return 0;
}

int slab_sum_up(struct slab_telling *t)
{
	if (sum_sites(t) || sum_caches(t) || sum_sizes(t))
		return -1;
	for (unsigned int f = 0; f < SLAB_NR_FAMILIES; f++)
		merge_sums(&t->all, &t->family[f]);
	return 0;
}

/* ---- caches of their own ---- */

static int compare_candidates(const void *left, const void *right)
{
	const struct slab_candidate *a = left, *b = right;

	if (a->peak_saving != b->peak_saving)
		return a->peak_saving > b->peak_saving ? -1 : 1;
	if (a->traffic_saving != b->traffic_saving)
		return a->traffic_saving > b->traffic_saving ? -1 : 1;
	/* the order of the sites is total */
	return a->row < b->row ? -1 : a->row > b->row;
}

static bool is_frequent(const struct slab_telling *t, uint64_t allocs)
{
	double seconds = (double)(t->now - t->summary->first_ts) / 1e9;

	return allocs >= MIN_CANDIDATE_ALLOCS &&
	       (!t->have_ns || (double)allocs >= MIN_CANDIDATE_RATE * seconds);
}

static void judge_candidate(struct slab_telling *t, const struct slab_site_row *row,
			    const struct slab_kind *kind)
{
	uint64_t object = ((uint64_t)kind->bytes_req + CACHE_ALIGN - 1) / CACHE_ALIGN * CACHE_ALIGN;
	uint64_t saving;

	if (kind->bytes_req == SLAB_MIXED || object >= kind->bytes_alloc ||
	    kind->bytes_alloc > MAX_CANDIDATE_PAGES * (uint64_t)t->trace->page_size ||
	    !is_frequent(t, kind->allocs) ||
	    (double)kind->allocs < MIN_DOMINANT_SHARE * (double)row->kmallocs)
		return;
	saving = kind->bytes_alloc - object;
	/* a cache costs at least a partly filled page */
	if ((double)saving < MIN_CANDIDATE_WASTE * kind->bytes_alloc ||
	    kind->peak * saving < t->trace->page_size)
		return;
	t->candidates[t->nr_candidates++] = (struct slab_candidate){
		.row = row,
		.kind = kind,
		.object_bytes = (uint32_t)object,
		.peak_saving = kind->peak * saving,
		.traffic_saving = kind->allocs * saving,
	};
}

int slab_find_candidates(struct slab_telling *t)
{
	const struct kma_state *state = t->state;
	uint32_t *dominant = calloc(state->max_sites, sizeof(*dominant));

	t->candidates = calloc(t->nr_sites + 1, sizeof(*t->candidates));
	if (!dominant || !t->candidates) {
		free(dominant);
		return -1;
	}
	for (uint32_t k = 1; k < state->kinds.nr; k++) {
		const struct slab_kind *kind = &state->kinds.kind[k];
		uint32_t *best = &dominant[kind->site];

		/* more than half: there is no tie to break */
		if (kind->family == SLAB_KMALLOC &&
		    (!*best || kind->allocs > state->kinds.kind[*best].allocs))
			*best = k;
	}
	for (size_t i = 0; i < t->nr_sites; i++)
		if (dominant[t->sites[i].id])
			judge_candidate(t, &t->sites[i],
					&state->kinds.kind[dominant[t->sites[i].id]]);
	free(dominant);
	qsort(t->candidates, t->nr_candidates, sizeof(*t->candidates), compare_candidates);
	return 0;
}
