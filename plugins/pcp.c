/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-CPU page lists: gathers refills and drains, their batches and the way of each page. What the
 * numbers mean and how they are told is pcp_report.c's business.
 */
#include <stdlib.h>
#include <string.h>

#include "pcp_internal.h"
#include "plugins.h"

/* Events between asking for a page's slot and needing it: about what one cache miss takes. */
#define PREFETCH_AHEAD 12

static const struct kma_need needs[] = {
	{ KMA_PCPU_REFILL, true, "refills; mm_page_alloc_zone_locked can stand in for it" },
	{ KMA_PCPU_DRAIN, true, "drains, net pages, and where pages move" },
	{ KMA_PAGE_ALLOC_ZONE_LOCKED, true, NULL },
	{ KMA_PCPU_REFILL_ZONE_LOCKED, false, NULL },
	{ KMA_PCPU_DRAIN_ZONE_LOCKED, false, NULL },
	{ KMA_ZONE_LOCKED, false, "exact batches" },
	{ KMA_ZONE_LOCK_UNLOCK, false, "exact batches" },
	{ KMA_KIND_NONE, false, NULL },
};

static void free_moved(struct pcp_cpu *cpu)
{
	for (uint32_t i = 0; i < cpu->nr_moved; i++)
		free(cpu->moved[i]);
	free(cpu->moved);
}

static void free_view(struct pcp_view *view)
{
	if (!view)
		return;
	for (uint32_t i = 0; i < view->nr_cpus; i++)
		free_moved(&view->cpus[i]);
	free(view->cpus);
	free(view->types);
	free(view->migratetypes);
	kma_u64map_free(&view->other_types);
	kma_pagemap_free(&view->live);
	kma_histogram_free(&view->residency);
	for (unsigned int d = 0; d < PCP_NR_DIRECTIONS; d++)
		kma_histogram_free(&view->batch_pages[d]);
	kma_bins_free(&view->bins);
	free(view);
}

/* Called rarely: the array is as large as the trace said, unless it said too little. */
static int add_cpus(struct pcp_view *view, uint32_t nr)
{
	struct pcp_cpu *cpus;

	if (nr <= view->nr_cpus)
		return 0;
	cpus = aligned_alloc(_Alignof(struct pcp_cpu), nr * sizeof(*cpus));
	if (!cpus)
		return -1;
	if (view->nr_cpus)
		memcpy(cpus, view->cpus, view->nr_cpus * sizeof(*cpus));
	free(view->cpus);
	view->cpus = cpus;
	for (; view->nr_cpus < nr; view->nr_cpus++)
		cpus[view->nr_cpus] = (struct pcp_cpu){ .open = PCP_NONE };
	return 0;
}

static int add_types(struct pcp_view *view)
{
	uint32_t nr = view->max_types ? 2 * view->max_types : PCP_NR_USUAL_TYPES;
	struct pcp_type *types = reallocarray(view->types, nr, sizeof(*types));
	int32_t *migratetypes;

	if (!types)
		return -1;
	view->types = types;
	migratetypes = reallocarray(view->migratetypes, nr, sizeof(*migratetypes));
	if (!migratetypes)
		return -1;
	view->migratetypes = migratetypes;
	view->max_types = nr;
	return 0;
}

static void new_type(struct pcp_view *view, int32_t migratetype)
{
	view->types[view->nr_types] = (struct pcp_type){ 0 };
	view->migratetypes[view->nr_types++] = migratetype;
}

static struct pcp_view *new_view(const struct kma_trace *trace)
{
	struct pcp_view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	kma_bins_init(&view->bins, trace->start_ts);
	if (add_types(view) ||
	    add_cpus(view, trace->nr_cpus < PCP_MAX_CPUS ? trace->nr_cpus : PCP_MAX_CPUS)) {
		free_view(view);
		return NULL;
	}
	for (int32_t i = 0; i < PCP_NR_USUAL_TYPES; i++)
		new_type(view, i);
	return view;
}

static struct pcp_cpu *find_new_cpu(struct pcp_view *view, uint32_t cpu)
{
	uint32_t nr;

	if (cpu >= PCP_MAX_CPUS)
		cpu = PCP_MAX_CPUS - 1;
	/* by doubling, in case the trace said nothing of its CPUs */
	nr = cpu < 2 * view->nr_cpus ? 2 * view->nr_cpus : cpu + 1;
	if (add_cpus(view, nr < PCP_MAX_CPUS ? nr : PCP_MAX_CPUS))
		return NULL;
	return &view->cpus[cpu];
}

static inline struct pcp_cpu *find_cpu(struct pcp_view *view, uint32_t cpu)
{
	if (__builtin_expect(cpu >= view->nr_cpus, 0))
		return find_new_cpu(view, cpu);
	return &view->cpus[cpu];
}

static struct pcp_type *find_unusual_type(struct pcp_view *view, int32_t migratetype)
{
	uint64_t *place = kma_u64map_get(&view->other_types, (uint32_t)migratetype);

	if (place)
		return &view->types[*place];
	if ((view->nr_types == view->max_types && add_types(view)) ||
	    kma_u64map_put(&view->other_types, (uint32_t)migratetype, view->nr_types, NULL))
		return NULL;
	new_type(view, migratetype);
	return &view->types[view->nr_types - 1];
}

static inline struct pcp_type *find_type(struct pcp_view *view, int32_t migratetype)
{
	if (__builtin_expect((uint32_t)migratetype >= PCP_NR_USUAL_TYPES, 0))
		return find_unusual_type(view, migratetype);
	return &view->types[migratetype];
}

static void vote(struct pcp_vote *vote, int32_t pid, uint64_t pages)
{
	if (vote->pid == pid) {
		vote->lead += pages;
	} else if (vote->lead >= pages) {
		vote->lead -= pages;
	} else {
		vote->pid = pid;
		vote->lead = pages - vote->lead;
	}
}

/* Within a batch the balance moves one way only, so its extremes lie between batches. */
static void note_balance(struct pcp_cpu *cpu)
{
	int64_t balance = pcp_balance(cpu);

	if (balance < cpu->low)
		cpu->low = balance;
	if (balance > cpu->high)
		cpu->high = balance;
}

/* @at_unlock: it is the unlock record that ends the batch. */
static int close_batch(struct pcp_view *view, struct pcp_cpu *cpu, bool at_unlock)
{
	enum pcp_direction dir = cpu->open;
	uint64_t pages;

	if (dir == PCP_NONE)
		return 0;
	pages = pcp_open_pages(cpu);
	cpu->open = PCP_NONE;
	cpu->batches[dir]++;
	if (!cpu->open_announced && !(cpu->open_locked && at_unlock))
		view->loose[dir]++;
	note_balance(cpu);
	vote(&cpu->vote[dir], cpu->open_pid, pages);
	return kma_histogram_add(&view->batch_pages[dir], pages, 1);
}

static void open_batch(struct pcp_cpu *cpu, enum pcp_direction dir, int32_t pid, bool announced)
{
	cpu->open = dir;
	cpu->open_pid = pid;
	cpu->pages_before = cpu->pages[dir];
	cpu->open_announced = announced;
	/* one lock hold makes one batch: a second one behind the same record has none of its own */
	cpu->open_locked = cpu->locked;
	cpu->locked = false;
}

static int feed_lock(struct pcp_view *view, const struct kma_event *e)
{
	struct pcp_cpu *cpu = find_cpu(view, e->cpu);

	if (!cpu || close_batch(view, cpu, e->kind == KMA_ZONE_LOCK_UNLOCK))
		return -1;
	cpu->locked = e->kind == KMA_ZONE_LOCKED;
	return 0;
}

static int feed_announced(struct pcp_view *view, const struct kma_event *e, enum pcp_direction dir)
{
	struct pcp_cpu *cpu = find_cpu(view, e->cpu);

	if (!cpu || close_batch(view, cpu, false))
		return -1;
	open_batch(cpu, dir, e->pid, true);
	view->announced[dir]++;
	return 0;
}

/* A page of a damaged record may lie at the end of the address space. */
static inline bool can_follow(const struct kma_event *e)
{
	return e->pcpu_page.order <= PCP_MAX_MATCHED_ORDER &&
	       e->pcpu_page.pfn < UINT64_MAX - (UINT64_C(1) << PCP_MAX_MATCHED_ORDER);
}

static inline int refill_page(struct pcp_view *view, uint64_t pfn, uint32_t cpu, uint64_t time)
{
	if (__builtin_expect(time < PCP_TIME_MASK, 1)) {
		int ret = kma_pagemap_set(&view->live, pfn, pcp_live(cpu, time));

		if (ret <= 0)
			return ret;
	}
	/* what was known of the page is out of date all the same */
	kma_pagemap_take(&view->live, pfn);
	view->unfollowed++;
	return 0;
}

static int open_moved(struct pcp_cpu *to, uint32_t block)
{
	if (block >= to->nr_moved) {
		uint64_t **moved = reallocarray(to->moved, block + 1, sizeof(*moved));

		if (!moved)
			return -1;
		while (to->nr_moved <= block)
			moved[to->nr_moved++] = NULL;
		to->moved = moved;
	}
	to->moved[block] = calloc(PCP_MOVED_BLOCK, sizeof(**to->moved));
	return to->moved[block] ? 0 : -1;
}

static inline void raise_later(struct pcp_view *view, uint64_t *counter)
{
	uint64_t **pending = &view->pending[view->next_pending++ % PCP_PENDING];

	__builtin_prefetch(counter, 1);
	if (*pending)
		(**pending)++;
	*pending = counter;
}

static void raise_pending(struct pcp_view *view)
{
	for (uint32_t i = 0; i < PCP_PENDING; i++) {
		if (view->pending[i])
			(*view->pending[i])++;
		view->pending[i] = NULL;
	}
}

static inline int drain_page(struct pcp_view *view, uint64_t pfn, struct pcp_cpu *to, uint64_t time)
{
	uint64_t live = kma_pagemap_take(&view->live, pfn), since;
	uint32_t from, block;

	if (!live)
		return 0;
	from = (uint32_t)pcp_live_cpu(live);
	since = pcp_live_time(live);
	block = from / PCP_MOVED_BLOCK;
	if (__builtin_expect(block >= to->nr_moved || !to->moved[block], 0) &&
	    open_moved(to, block))
		return -1;
	raise_later(view, &to->moved[block][from % PCP_MOVED_BLOCK]);
	return kma_histogram_add(&view->residency, time > since ? time - since : 0, 1);
}

/* Inlined for each direction: this is nearly all of the work. */
static inline __attribute__((always_inline)) int
feed_page(struct pcp_view *view, const struct kma_event *e, enum pcp_direction dir)
{
	uint32_t order = e->pcpu_page.order < PCP_MAX_ORDER ? e->pcpu_page.order : PCP_MAX_ORDER;
	uint64_t time = e->ts > view->bins.start ? e->ts - view->bins.start : 0;
	struct pcp_type *type = find_type(view, e->pcpu_page.migratetype);
	struct pcp_cpu *cpu = find_cpu(view, e->cpu);
	uint64_t pages = UINT64_C(1) << order;
	uint64_t pfn = e->pcpu_page.pfn;
	uint32_t id;

	if (__builtin_expect(!cpu || !type, 0))
		return -1;
	if (cpu->open != dir || cpu->open_pid != e->pid) {
		if (close_batch(view, cpu, false))
			return -1;
		open_batch(cpu, dir, e->pid, false);
	}
	cpu->events[dir]++;
	cpu->pages[dir] += pages;
	type->events[dir][order]++;
	id = (uint32_t)(cpu - view->cpus);
	if (kma_bins_add(&view->bins, 2 * id + dir, e->ts, pages))
		return -1;
	if (__builtin_expect(!can_follow(e), 0)) {
		view->unfollowed += pages;
		return 0;
	}
	do {
		if (dir == PCP_REFILL ? refill_page(view, pfn, id, time)
				      : drain_page(view, pfn, cpu, time))
			return -1;
	} while (++pfn < e->pcpu_page.pfn + pages);
	return 0;
}

/* Inlined for each source of refills. */
static inline __attribute__((always_inline)) int
feed_view(struct pcp_view *view, const struct kma_event *e, enum kma_kind refill)
{
	if (e->kind == refill) {
		if (refill == KMA_PAGE_ALLOC_ZONE_LOCKED && e->pcpu_page.percpu_refill != 1)
			return 0;
		return feed_page(view, e, PCP_REFILL);
	}
	switch (e->kind) {
	case KMA_PCPU_DRAIN:
		return feed_page(view, e, PCP_DRAIN);
	case KMA_ZONE_LOCKED:
	case KMA_ZONE_LOCK_UNLOCK:
		return feed_lock(view, e);
	case KMA_PCPU_REFILL_ZONE_LOCKED:
		return feed_announced(view, e, PCP_REFILL);
	case KMA_PCPU_DRAIN_ZONE_LOCKED:
		return feed_announced(view, e, PCP_DRAIN);
	default:
		return 0;
	}
}

static inline void prefetch(struct pcp_view *view, const struct kma_event *e, enum kma_kind refill)
{
	if (e->kind == KMA_PCPU_DRAIN || e->kind == refill)
		kma_pagemap_prefetch(&view->live, e->pcpu_page.pfn);
}

static inline __attribute__((always_inline)) int
feed_all(struct pcp_view *view, const struct kma_event *events, size_t nr, enum kma_kind refill)
{
	for (size_t i = 0; i < nr; i++) {
		if (i + PREFETCH_AHEAD < nr)
			prefetch(view, &events[i + PREFETCH_AHEAD], refill);
		if (feed_view(view, &events[i], refill))
			return -1;
	}
	raise_pending(view);
	return 0;
}

static bool has_refill(const struct kma_batch *batch)
{
	for (size_t i = 0; i < batch->nr; i++)
		if (batch->events[i].kind == KMA_PCPU_REFILL)
			return true;
	return false;
}

static int pcp_feed(struct kma_state *state, const struct kma_batch *batch)
{
	if (state->real && state->fallback && has_refill(batch)) {
		free_view(state->fallback);
		state->fallback = NULL;
	}
	if (state->real && feed_all(state->real, batch->events, batch->nr, KMA_PCPU_REFILL))
		return -1;
	if (state->fallback &&
	    feed_all(state->fallback, batch->events, batch->nr, KMA_PAGE_ALLOC_ZONE_LOCKED))
		return -1;
	return 0;
}

/* The rest of an open batch is in the gap: its size would be wrong, so it is none. */
static void drop_batch(struct pcp_view *view, uint32_t cpu_id)
{
	struct pcp_cpu *cpu;

	if (!view || cpu_id >= view->nr_cpus)
		return;
	cpu = &view->cpus[cpu_id];
	if (cpu->open != PCP_NONE) {
		view->dropped[cpu->open]++;
		note_balance(cpu);
		cpu->open = PCP_NONE;
	}
	cpu->locked = false;
}

static int pcp_lost(struct kma_state *state, const struct kma_lost *lost)
{
	drop_batch(state->real, lost->cpu);
	drop_batch(state->fallback, lost->cpu);
	return 0;
}

static void pcp_close(struct kma_state *state)
{
	if (!state)
		return;
	free_view(state->real);
	free_view(state->fallback);
	free(state);
}

static struct kma_state *pcp_open(const struct kma_trace *trace, struct kma_error *err)
{
	bool fallback = trace->formats & KMA_KIND_BIT(KMA_PAGE_ALLOC_ZONE_LOCKED);
	bool real = (trace->formats & KMA_KIND_BIT(KMA_PCPU_REFILL)) || !fallback;
	struct kma_state *state = calloc(1, sizeof(*state));

	if (state) {
		state->trace = trace;
		if (real)
			state->real = new_view(trace);
		if (fallback)
			state->fallback = new_view(trace);
	}
	if (!state || (real && !state->real) || (fallback && !state->fallback)) {
		pcp_close(state);
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory for the pcp report");
		return NULL;
	}
	return state;
}

const struct kma_analysis kma_pcp_analysis = {
	.name = "pcp",
	.title = "Per-CPU page lists",
	.needs = needs,
	.metrics = pcp_metric_defs,
	.open = pcp_open,
	.feed = pcp_feed,
	.lost = pcp_lost,
	.report = pcp_report,
	.close = pcp_close,
};
