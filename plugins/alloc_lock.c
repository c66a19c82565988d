/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits for locks: pairs the beginning of a wait with its end, and adds up by lock, place and CPU.
 * Whose lock it was is found out when the report is made, in alloc_lock_view.c.
 */
#include <stdlib.h>
#include <string.h>

#include "alloc_lock_internal.h"
#include "plugins.h"

/* No record names a CPU that high: pid 0 of CPU n is task NOBODY + n. */
#define NOBODY (UINT64_C(1) << 32)

/* ---- looking up, and adding at the first sight ---- */

/* Room for one more at @nr in *@array; false when out of memory. */
static bool make_room(void **array, uint32_t nr, uint32_t *max, size_t size)
{
	uint32_t larger = *max ? 2 * *max : 16;
	void *grown;

	if (nr < *max)
		return true;
	grown = reallocarray(*array, larger, size);
	if (!grown)
		return false;
	*array = grown;
	*max = larger;
	return true;
}

static struct al_cpu *get_cpu(struct kma_state *state, uint32_t cpu)
{
	if (cpu >= state->max_cpus) {
		uint32_t max = state->max_cpus ? state->max_cpus : 8;
		struct al_cpu *cpus;

		while (max <= cpu)
			max *= 2;
		cpus = reallocarray(state->cpus, max, sizeof(*cpus));
		if (!cpus)
			return NULL;
		memset(cpus + state->max_cpus, 0, (max - state->max_cpus) * sizeof(*cpus));
		state->cpus = cpus;
		state->max_cpus = max;
	}
	if (cpu >= state->nr_cpus)
		state->nr_cpus = cpu + 1;
	return &state->cpus[cpu];
}

/* The number of the lock; 0 when there are too many. */
static int find_lock(struct kma_state *state, uint64_t address, uint32_t *lock)
{
	const uint64_t *known = address == KMA_U64MAP_FREE
					? NULL
					: kma_u64map_get(&state->lock_index, address);

	*lock = known ? (uint32_t)*known : 0;
	if (known || address == KMA_U64MAP_FREE || state->nr_groups == AL_MAX_GROUPS)
		return 0;
	*lock = (uint32_t)state->lock_index.nr + 1;
	return kma_u64map_put(&state->lock_index, address, *lock, NULL);
}

static int find_group(struct kma_state *state, const struct kma_batch *batch,
		      const struct kma_event *e, uint32_t *group)
{
	uint32_t lock, site;
	const uint64_t *known;
	uint64_t key;

	if (find_lock(state, e->contention.lock_addr, &lock) < 0 ||
	    kma_sites_find(state->sites, batch, e, 0, &site) < 0)
		return -1;
	state->without_stack += site == KMA_SITE_OTHER;
	key = (uint64_t)lock << 32 | site;
	known = kma_u64map_get(&state->group_index, key);
	*group = known ? (uint32_t)*known : 0;
	if (known || state->nr_groups == AL_MAX_GROUPS)
		return 0;
	if (!make_room((void **)&state->groups, state->nr_groups, &state->max_groups,
		       sizeof(*state->groups)) ||
	    kma_u64map_put(&state->group_index, key, state->nr_groups, NULL) < 0)
		return -1;
	state->groups[state->nr_groups] = (struct al_group){ .lock = lock, .site = site };
	*group = state->nr_groups++;
	return 0;
}

static int find_share(struct kma_state *state, uint32_t group, uint32_t cpu, uint32_t *share)
{
	uint64_t key = (uint64_t)group << 32 | cpu;
	const uint64_t *known = kma_u64map_get(&state->share_index, key);

	*share = known ? (uint32_t)*known : 0;
	if (known || state->nr_shares == AL_MAX_SHARES)
		return 0;
	if (!make_room((void **)&state->shares, state->nr_shares, &state->max_shares,
		       sizeof(*state->shares)) ||
	    kma_u64map_put(&state->share_index, key, state->nr_shares, NULL) < 0)
		return -1;
	state->shares[state->nr_shares] = (struct al_share){ .group = group, .cpu = cpu };
	*share = state->nr_shares++;
	return 0;
}

/* ---- waits that are not over ---- */

/* Every CPU has a task 0 of its own. */
static uint64_t task_of(int32_t pid, uint32_t cpu)
{
	return pid ? (uint32_t)pid : NOBODY + cpu;
}

/* The wait of that task for that lock. *@above is the one that interrupted it, or AL_NOTHING. */
static uint32_t find_wait(const struct kma_state *state, uint64_t task, uint64_t lock_addr,
			  uint32_t *above)
{
	const uint64_t *newest = kma_u64map_get(&state->newest, task);
	uint32_t at = newest ? (uint32_t)*newest : AL_NOTHING;

	*above = AL_NOTHING;
	while (at != AL_NOTHING && state->waits[at].lock_addr != lock_addr) {
		*above = at;
		at = state->waits[at].below;
	}
	return at;
}

static int push_wait(struct kma_state *state, uint64_t task, const struct al_wait *wait)
{
	const uint64_t *newest = kma_u64map_get(&state->newest, task);
	uint32_t at = state->spare;

	if (at != AL_NOTHING) {
		state->spare = state->waits[at].below;
	} else if (state->nr_waits == AL_MAX_OPEN) {
		state->unfollowed++;
		return 0;
	} else {
		if (!make_room((void **)&state->waits, state->nr_waits, &state->max_waits,
			       sizeof(*state->waits)))
			return -1;
		at = state->nr_waits++;
	}
	state->waits[at] = *wait;
	state->waits[at].below = newest ? (uint32_t)*newest : AL_NOTHING;
	if (kma_u64map_put(&state->newest, task, at, NULL) == 0)
		return 0;
	state->waits[at] = (struct al_wait){ .below = state->spare };
	state->spare = at;
	return -1;
}

static int take_wait(struct kma_state *state, uint64_t task, uint32_t at, uint32_t above)
{
	uint32_t below = state->waits[at].below;

	if (above != AL_NOTHING)
		state->waits[above].below = below;
	else if (below == AL_NOTHING)
		kma_u64map_remove(&state->newest, task, NULL);
	else if (kma_u64map_put(&state->newest, task, below, NULL) < 0)
		return -1;
	state->waits[at] = (struct al_wait){ .below = state->spare };
	state->spare = at;
	return 0;
}

/* ---- events ---- */

static int begin(struct kma_state *state, const struct kma_batch *batch, const struct kma_event *e)
{
	uint64_t task = task_of(e->pid, e->cpu);
	uint32_t above, at = find_wait(state, task, e->contention.lock_addr, &above);
	struct al_wait wait = { .lock_addr = e->contention.lock_addr,
				.ts = e->ts,
				.cpu = e->cpu,
				.pid = e->pid,
				.open = true,
				.sleeps = !(e->contention.flags & KMA_WAIT_SPIN) };
	struct al_cpu *cpu;

	/* a mutex says so each time it turns from spinning to sleeping and back: one wait */
	if (at != AL_NOTHING && (e->contention.flags & KMA_WAIT_MUTEX)) {
		state->waits[at].sleeps = wait.sleeps;
		return 0;
	}
	/* nobody waits twice for a lock: the end of that one was not seen */
	if (at != AL_NOTHING && take_wait(state, task, at, above) < 0)
		return -1;
	cpu = get_cpu(state, e->cpu);
	if (!cpu || find_group(state, batch, e, &wait.group) < 0 ||
	    find_share(state, wait.group, e->cpu, &wait.share) < 0)
		return -1;
	cpu->contended++;
	state->groups[wait.group].contended++;
	state->shares[wait.share].contended++;
	return push_wait(state, task, &wait);
}

static int end(struct kma_state *state, const struct kma_event *e)
{
	uint64_t task = task_of(e->pid, e->cpu), wait_ns;
	uint32_t above, at = find_wait(state, task, e->contention.lock_addr, &above);
	struct al_wait wait;
	struct al_cpu *cpu;

	if (at == AL_NOTHING) {
		cpu = get_cpu(state, e->cpu);
		if (cpu)
			cpu->unpaired_ends++;
		return cpu ? 0 : -1;
	}
	wait = state->waits[at];
	if (take_wait(state, task, at, above) < 0)
		return -1;
	wait_ns = e->ts > wait.ts ? e->ts - wait.ts : 0;
	state->moved += e->cpu != wait.cpu;
	state->shares[wait.share].wait_ns += wait_ns;
	if (kma_histogram_add(&state->groups[wait.group].wait, wait_ns, 1) < 0 ||
	    kma_histogram_add(&state->cpus[wait.cpu].wait, wait_ns, 1) < 0)
		return -1;
	return kma_bins_add(&state->bins, wait.group, e->ts, wait_ns);
}

static int al_feed(struct kma_state *state, const struct kma_batch *batch)
{
	int ret = 0;

	for (size_t i = 0; i < batch->nr && !ret; i++) {
		const struct kma_event *e = &batch->events[i];

		if (e->kind == KMA_CONTENTION_BEGIN)
			ret = begin(state, batch, e);
		else if (e->kind == KMA_CONTENTION_END)
			ret = end(state, e);
	}
	return ret;
}

/* The ends of what spins on that CPU may be gone, and of what sleeps anywhere: it may wake up
 * there.
 */
static int al_lost(struct kma_state *state, const struct kma_lost *lost)
{
	for (uint32_t i = 0; i < state->nr_waits; i++) {
		const struct al_wait *wait = &state->waits[i];
		uint64_t task = task_of(wait->pid, wait->cpu);
		uint32_t above;

		if (!wait->open || (wait->cpu != lost->cpu && !wait->sleeps))
			continue;
		find_wait(state, task, wait->lock_addr, &above);
		if (take_wait(state, task, i, above) < 0)
			return -1;
	}
	return 0;
}

/* ---- life ---- */

static void al_close(struct kma_state *state)
{
	for (uint32_t i = 0; i < state->nr_groups; i++)
		kma_histogram_free(&state->groups[i].wait);
	for (uint32_t i = 0; i < state->nr_cpus; i++)
		kma_histogram_free(&state->cpus[i].wait);
	kma_sites_free(state->sites);
	kma_bins_free(&state->bins);
	kma_u64map_free(&state->lock_index);
	kma_u64map_free(&state->group_index);
	kma_u64map_free(&state->share_index);
	kma_u64map_free(&state->newest);
	free(state->groups);
	free(state->shares);
	free(state->cpus);
	free(state->waits);
	free(state);
}

static struct kma_state *al_open(const struct kma_trace *trace, struct kma_error *err)
{
	struct kma_state *state = calloc(1, sizeof(*state));

	if (state) {
		state->trace = trace;
		state->spare = AL_NOTHING;
		kma_bins_init(&state->bins, trace->start_ts);
		state->sites = kma_sites_new(AL_DEPTH);
		if (make_room((void **)&state->groups, 0, &state->max_groups,
			      sizeof(*state->groups)))
			state->groups[state->nr_groups++] = (struct al_group){ 0 };
		if (make_room((void **)&state->shares, 0, &state->max_shares,
			      sizeof(*state->shares)))
			state->shares[state->nr_shares++] = (struct al_share){ 0 };
	}
	if (state && state->sites && state->groups && state->shares)
		return state;
	if (state)
		al_close(state);
	kma_fail(err, KMA_ERR_INTERNAL, "out of memory for the alloc_lock report");
	return NULL;
}

static const struct kma_need needs[] = {
	{ KMA_CONTENTION_BEGIN, true, "waits for the allocators' locks" },
	{ KMA_CONTENTION_END, false, "how long each wait for a lock was" },
	{ KMA_KERNEL_STACK, false, "which lock it was that somebody waited for, and who" },
	{ KMA_KIND_NONE, false, NULL },
};

const struct kma_analysis kma_alloc_lock_analysis = {
	.name = "alloc_lock",
	.title = "The allocators' locks: who waited for them",
	.needs = needs,
	.metrics = al_metrics,
	.stacks = KMA_STACKS_ALWAYS,
	.stack_kinds = KMA_KIND_BIT(KMA_CONTENTION_BEGIN),
	.open = al_open,
	.feed = al_feed,
	.lost = al_lost,
	.report = al_report,
	.close = al_close,
};
