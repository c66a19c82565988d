/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slab objects: gathers allocations and frees, what is alive, and how long it lived. What the
 * numbers mean and how they are told is slab_report.c's business.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins.h"
#include "slab_internal.h"

/* Events between asking for an object's slot and needing it: about what one cache miss takes. */
#define PREFETCH_AHEAD 4

static const struct kma_need needs[] = {
	{ KMA_KMALLOC, true, "allocations by kmalloc" },
	{ KMA_KMALLOC_NODE, true, NULL },
	{ KMA_KMEM_CACHE_ALLOC, true, "allocations from named caches" },
	{ KMA_KMEM_CACHE_ALLOC_NODE, true, NULL },
	{ KMA_KFREE, true, "outstanding objects, lifetimes and leaks of kmalloc" },
	{ KMA_KMEM_CACHE_FREE, true, "outstanding objects, lifetimes and leaks of named caches" },
	{ KMA_KIND_NONE, false, NULL },
};

/* ---- sites ---- */

/* Room for the site numbered @nr: rarely, as numbers are dense. */
static __attribute__((noinline)) int add_sites(struct kma_state *state, uint32_t nr)
{
	uint32_t max = state->max_sites ? 2 * state->max_sites : 256;
	struct slab_site *site;
	uint64_t *samples;

	while (max <= nr)
		max *= 2;
	site = reallocarray(state->site, max, sizeof(*site));
	if (!site)
		return -1;
	state->site = site;
	samples = reallocarray(state->samples, max, SLAB_SAMPLES * sizeof(*samples));
	if (!samples)
		return -1;
	state->samples = samples;
	memset(site + state->max_sites, 0, (max - state->max_sites) * sizeof(*site));
	memset(samples + (size_t)state->max_sites * SLAB_SAMPLES, 0,
	       (size_t)(max - state->max_sites) * SLAB_SAMPLES * sizeof(*samples));
	state->max_sites = max;
	return 0;
}

static inline int find_site(struct kma_state *state, const struct kma_batch *batch,
			    const struct kma_event *e, uint64_t address, uint32_t *site)
{
	if (kma_sites_find(state->sites, batch, e, address, site))
		return -1;
	if (__builtin_expect(*site >= state->max_sites, 0))
		return add_sites(state, *site);
	return 0;
}

/* ---- outstanding bytes over time ---- */

static void double_sample_width(struct kma_state *state)
{
	for (uint32_t s = 0; s < state->max_sites; s++) {
		uint64_t *samples = state->samples + (size_t)s * SLAB_SAMPLES;

		for (unsigned int i = 0; i < SLAB_SAMPLES / 2; i++)
			samples[i] = samples[2 * i + 1];
		memset(samples + SLAB_SAMPLES / 2, 0, SLAB_SAMPLES / 2 * sizeof(*samples));
	}
	for (unsigned int i = 0; i < SLAB_SAMPLES / 2; i++)
		state->all_samples[i] = state->all_samples[2 * i + 1];
	state->nr_samples = SLAB_SAMPLES / 2;
	state->sample_shift++;
}

static void set_next_sample(struct kma_state *state)
{
	uint64_t end = (uint64_t)(state->nr_samples + 1) << state->sample_shift;

	state->next_sample = end > UINT64_MAX - state->trace->start_ts
				     ? UINT64_MAX
				     : state->trace->start_ts + end;
}

/* All bins that end by @ts: what is outstanding now was so at the end of each. */
static __attribute__((noinline)) void take_samples(struct kma_state *state, uint64_t ts)
{
	/* a shift beyond this makes no sense, and no clock reaches it */
	while (ts >= state->next_sample && state->sample_shift < 58) {
		unsigned int i = state->nr_samples++;

		for (uint32_t k = 1; k < state->kinds.nr; k++) {
			const struct slab_kind *kind = &state->kinds.kind[k];

			state->samples[(size_t)kind->site * SLAB_SAMPLES + i] +=
				slab_kind_live_bytes(kind);
		}
		state->all_samples[i] = state->live_bytes;
		if (state->nr_samples == SLAB_SAMPLES)
			double_sample_width(state);
		set_next_sample(state);
	}
}

/* ---- events ---- */

/* An object is gone: freed at @age, or known to be freed by then. */
static inline int note_gone(struct slab_site *site, const struct slab_object *object, uint64_t age)
{
	uint32_t *bin;

	if (object->ts > site->last_gone_birth)
		site->last_gone_birth = object->ts;
	if (__builtin_expect(!site->gone, 0)) {
		site->gone = calloc(SLAB_AGE_BINS, sizeof(*site->gone));
		if (!site->gone)
			return -1;
	}
	bin = &site->gone[slab_age_bin(age)];
	*bin += *bin != UINT32_MAX;
	return 0;
}

static inline uint64_t age_of(const struct slab_object *object, uint64_t ts)
{
	return ts > object->ts ? ts - object->ts : 0;
}

/* Its address was handed out again: it was freed before, with no record. */
static int miss_free(struct kma_state *state, const struct slab_object *object, uint64_t ts)
{
	struct slab_kind *kind = &state->kinds.kind[object->kind];

	state->missed_frees++;
	state->live_bytes -= kind->bytes_alloc;
	kind->live--;
	return note_gone(&state->site[kind->site], object, age_of(object, ts));
}

static void add_to_rest(struct slab_rest *rest, const struct kma_slab_alloc *a)
{
	rest->allocs++;
	rest->req_bytes += a->bytes_req;
	rest->alloc_bytes += a->bytes_alloc;
}

/* Beyond the limits: it counts, but what was known of its address is out of date all the same. */
static int do_not_follow(struct kma_state *state, const struct kma_event *e,
			 enum slab_family family)
{
	struct slab_object old;

	add_to_rest(&state->rest[family], &e->slab_alloc);
	if (slab_live_take(&state->live, e->slab_alloc.ptr, &old))
		return miss_free(state, &old, e->ts);
	return 0;
}

static inline int feed_alloc(struct kma_state *state, const struct kma_batch *batch,
			     const struct kma_event *e, enum slab_family family)
{
	const struct kma_slab_alloc *a = &e->slab_alloc;
	struct slab_kind wanted = {
		.bytes_req = a->bytes_req,
		.bytes_alloc = a->bytes_alloc,
		.cache = family == SLAB_KMEM_CACHE && state->alloc_has_name ? a->name
									    : SLAB_NO_CACHE,
		.family = family,
	};
	struct slab_object object = { .ptr = a->ptr, .ts = e->ts, .cpu = (uint16_t)e->cpu }, old;
	struct slab_kind *kind;
	int ret;

	if (find_site(state, batch, e, a->call_site, &wanted.site))
		return -1;
	if (__builtin_expect(a->ptr == 0 || a->ptr == SLAB_ZERO_SIZE_PTR, 0)) {
		state->failed += a->ptr == 0;
		state->site[wanted.site].failed += a->ptr == 0;
		state->zero_size += a->ptr == SLAB_ZERO_SIZE_PTR;
		return 0;
	}
	state->allocs[family]++;
	if (slab_kinds_find(&state->kinds, &state->site[wanted.site], wanted, &object.kind))
		return -1;
	if (__builtin_expect(!object.kind, 0))
		return do_not_follow(state, e, family);
	ret = slab_live_put(&state->live, &object, &old);
	if (__builtin_expect(ret, 0))
		return ret < 0 ? -1 : do_not_follow(state, e, family);
	if (__builtin_expect(old.kind, 0) && miss_free(state, &old, e->ts))
		return -1;
	kind = &state->kinds.kind[object.kind];
	kind->allocs++;
	kind->req_bytes += a->bytes_req;
	if (++kind->live > kind->peak)
		kind->peak = kind->live;
	state->live_bytes += a->bytes_alloc;
	if (state->live_bytes > state->peak_bytes)
		state->peak_bytes = state->live_bytes;
	if (state->live.nr > state->peak_objects)
		state->peak_objects = state->live.nr;
	return 0;
}

static __attribute__((noinline)) int add_caches(struct kma_state *state, uint32_t nr)
{
	uint32_t max = state->max_caches ? 2 * state->max_caches : 64;
	uint64_t *frees;

	while (max <= nr)
		max *= 2;
	frees = reallocarray(state->cache_frees, max, sizeof(*frees));
	if (!frees)
		return -1;
	memset(frees + state->max_caches, 0, (max - state->max_caches) * sizeof(*frees));
	state->cache_frees = frees;
	state->max_caches = max;
	return 0;
}

static inline int note_cache(struct kma_state *state, uint32_t name)
{
	/* interned strings are few: a larger number is not one */
	if (__builtin_expect(name >= state->max_caches, 0) &&
	    (name >= 1 << 20 || add_caches(state, name)))
		return name >= 1 << 20 ? 0 : -1;
	state->cache_frees[name]++;
	return 0;
}

static inline int feed_free(struct kma_state *state, const struct kma_batch *batch,
			    const struct kma_event *e, enum slab_family family)
{
	const struct kma_slab_free *f = &e->slab_free;
	uint32_t name = family == SLAB_KMEM_CACHE && state->free_has_name ? f->name : SLAB_NO_CACHE;
	struct slab_object object;
	struct slab_kind *kind;
	struct slab_site *site;
	uint32_t by;
	uint64_t age;

	if (find_site(state, batch, e, f->call_site, &by))
		return -1;
	if (__builtin_expect(f->ptr == 0 || f->ptr == SLAB_ZERO_SIZE_PTR, 0)) {
		state->noop_frees++;
		state->site[by].noop_frees++;
		return 0;
	}
	state->frees[family]++;
	state->site[by].frees++;
	if (name != SLAB_NO_CACHE && note_cache(state, name))
		return -1;
	if (!slab_live_take(&state->live, f->ptr, &object)) {
		state->unknown_frees++;
		state->site[by].unknown_frees++;
		return 0;
	}
	kind = &state->kinds.kind[object.kind];
	site = &state->site[kind->site];
	age = age_of(&object, e->ts);
	kind->live--;
	kind->freed++;
	state->live_bytes -= kind->bytes_alloc;
	if (object.cpu != (uint16_t)e->cpu) {
		kind->cross_cpu++;
		state->cross_cpu++;
	}
	if (name != SLAB_NO_CACHE && kind->freed_cache != name)
		kind->freed_cache = kind->freed_cache == SLAB_NO_CACHE ? name : SLAB_MANY_CACHES;
	if (age > site->longest)
		site->longest = age;
	if (note_gone(site, &object, age))
		return -1;
	return kma_histogram_add(&state->lifetime, age, 1);
}

/* Allocations and frees keep their address in the same place. */
_Static_assert(offsetof(struct kma_slab_alloc, ptr) == offsetof(struct kma_slab_free, ptr),
	       "what feed() asks for ahead");

static inline bool is_wanted(unsigned int kind)
{
	const uint64_t wanted = KMA_KIND_BIT(KMA_KMALLOC) | KMA_KIND_BIT(KMA_KMALLOC_NODE) |
				KMA_KIND_BIT(KMA_KMEM_CACHE_ALLOC) |
				KMA_KIND_BIT(KMA_KMEM_CACHE_ALLOC_NODE) | KMA_KIND_BIT(KMA_KFREE) |
				KMA_KIND_BIT(KMA_KMEM_CACHE_FREE);

	return wanted >> kind & 1;
}

static int slab_feed(struct kma_state *state, const struct kma_batch *batch)
{
	const struct kma_event *e = batch->events, *end = e + batch->nr;
	int ret = 0;

	for (; e < end && !ret; e++) {
		if (end - e > PREFETCH_AHEAD && is_wanted(e[PREFETCH_AHEAD].kind))
			slab_live_prefetch(&state->live, e[PREFETCH_AHEAD].slab_free.ptr);
		if (!is_wanted(e->kind))
			continue;
		if (__builtin_expect(e->ts >= state->next_sample, 0))
			take_samples(state, e->ts);
		switch (e->kind) {
		case KMA_KMALLOC:
		case KMA_KMALLOC_NODE:
			ret = feed_alloc(state, batch, e, SLAB_KMALLOC);
			break;
		case KMA_KMEM_CACHE_ALLOC:
		case KMA_KMEM_CACHE_ALLOC_NODE:
			ret = feed_alloc(state, batch, e, SLAB_KMEM_CACHE);
			break;
		case KMA_KFREE:
			ret = feed_free(state, batch, e, SLAB_KMALLOC);
			break;
		default:
			ret = feed_free(state, batch, e, SLAB_KMEM_CACHE);
		}
	}
	return ret;
}

/* A free may be in the gap, of any object: all stay, and the report says what that means. */
static int slab_lost(struct kma_state *state, const struct kma_lost *lost)
{
	(void)state;
	(void)lost;
	return 0;
}

static void slab_close(struct kma_state *state)
{
	if (!state)
		return;
	for (uint32_t s = 0; s < state->max_sites; s++)
		free(state->site[s].gone);
	free(state->site);
	free(state->samples);
	free(state->cache_frees);
	kma_sites_free(state->sites);
	slab_kinds_free(&state->kinds);
	slab_live_free(&state->live);
	kma_histogram_free(&state->lifetime);
	free(state);
}

static struct kma_state *slab_open(const struct kma_trace *trace, struct kma_error *err)
{
	struct kma_state *state = calloc(1, sizeof(*state));

	if (state) {
		state->trace = trace;
		state->sites = kma_sites_new(trace->stack_depth);
		state->alloc_has_name = trace->optional_fields[KMA_KMEM_CACHE_ALLOC] & KMA_HAS_NAME;
		state->free_has_name = trace->optional_fields[KMA_KMEM_CACHE_FREE] & KMA_HAS_NAME;
		state->sample_shift = SLAB_FIRST_SAMPLE_SHIFT;
		set_next_sample(state);
	}
	if (!state || !state->sites || add_sites(state, 0)) {
		slab_close(state);
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory for the slab report");
		return NULL;
	}
	return state;
}

const struct kma_analysis kma_slab_analysis = {
	.name = "slab",
	.title = "Slab objects",
	.needs = needs,
	.metrics = slab_metric_defs,
	.stacks = KMA_STACKS_WHEN_ASKED,
	.open = slab_open,
	.feed = slab_feed,
	.lost = slab_lost,
	.report = slab_report,
	.close = slab_close,
};
