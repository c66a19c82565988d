/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zone->lock: pairs acquisitions with releases, and adds up who held, who waited, and for whom.
 * What the numbers mean is in docs/reports.md; how they are told is in zone_lock_report.c.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins.h"
#include "zone_lock_internal.h"

static struct kma_state *zl_open_state(const struct kma_trace *trace, struct kma_error *err)
{
	struct kma_state *state = calloc(1, sizeof(*state));

	if (state) {
		state->trace = trace;
		state->alternative =
			(trace->formats & KMA_KIND_BIT(KMA_ZONE_LOCK_ACQUIRE_RETURNED)) &&
			!(trace->formats &
			  (KMA_KIND_BIT(KMA_ZONE_LOCKED) | KMA_KIND_BIT(KMA_ZONE_LOCK_CONTENDED)));
		state->max_callers = 16;
		state->callers = calloc(state->max_callers, sizeof(*state->callers));
		state->nr_callers = 1;
	}
	if (state && state->callers)
		return state;
	free(state);
	kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return NULL;
}

static void free_group(struct zl_group *group)
{
	kma_histogram_free(&group->wait);
	kma_histogram_free(&group->hold);
	kma_histogram_free(&group->irqs_off);
}

static void zl_close(struct kma_state *state)
{
	for (uint32_t i = 0; i < state->nr_zones; i++) {
		free_group(&state->zones[i].group);
		free(state->zones[i].holds);
		free(state->zones[i].waits);
	}
	for (uint32_t i = 0; i < state->nr_callers; i++)
		free_group(&state->callers[i].group);
	for (uint32_t i = 0; i < state->nr_cpus; i++) {
		free_group(&state->cpus[i].group);
		free(state->cpus[i].open);
	}
	free(state->zones);
	free(state->callers);
	free(state->cpus);
	kma_u64map_free(&state->zone_index);
	kma_u64map_free(&state->caller_index);
	kma_u64map_free(&state->blame);
	free(state);
}

/* Looking up, and adding at the first sight: the only places that allocate, a few times per trace.
 */

static struct zl_cpu *get_cpu(struct kma_state *state, uint32_t cpu)
{
	if (cpu >= state->max_cpus) {
		uint32_t max = state->max_cpus ? state->max_cpus : 8;
		struct zl_cpu *cpus;

		while (max <= cpu)
			max *= 2;
		cpus = realloc(state->cpus, max * sizeof(*cpus));
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

#define NO_ZONE UINT32_MAX

/* The zone's index; NO_ZONE with *@ret = 0 when there are too many, -1 when out of memory. */
static uint32_t get_zone(struct kma_state *state, int32_t node_id, uint32_t name, uint64_t key,
			 int *ret)
{
	uint64_t *known = kma_u64map_get(&state->zone_index, key);

	*ret = 0;
	if (known)
		return *known;
	if (state->nr_zones == ZL_MAX_ZONES) {
		state->dropped_events++;
		return NO_ZONE;
	}
	*ret = -1;
	if (state->nr_zones == state->max_zones) {
		uint32_t max = state->max_zones ? 2 * state->max_zones : 8;
		struct zl_zone *zones = realloc(state->zones, max * sizeof(*zones));

		if (!zones)
			return NO_ZONE;
		state->zones = zones;
		state->max_zones = max;
	}
	if (kma_u64map_put(&state->zone_index, key, state->nr_zones, NULL) < 0)
		return NO_ZONE;
	state->zones[state->nr_zones] = (struct zl_zone){ .node_id = node_id, .name = name };
	*ret = 0;
	return state->nr_zones++;
}

static int get_caller(struct kma_state *state, uint64_t address, uint32_t *index)
{
	uint64_t *known = kma_u64map_get(&state->caller_index, address);

	*index = 0;
	if (known)
		*index = *known;
	if (known || state->nr_callers == ZL_MAX_CALLERS || address == KMA_U64MAP_FREE)
		return 0;
	if (state->nr_callers == state->max_callers) {
		struct zl_caller *callers = realloc(state->callers,
						    2 * state->max_callers * sizeof(*callers));

		if (!callers)
			return -1;
		state->callers = callers;
		state->max_callers *= 2;
	}
	if (kma_u64map_put(&state->caller_index, address, state->nr_callers, NULL) < 0)
		return -1;
	state->callers[state->nr_callers] = (struct zl_caller){ .address = address };
	*index = state->nr_callers++;
	return 0;
}

static struct zl_open *get_open(struct zl_cpu *cpu, uint32_t zone)
{
	if (zone >= cpu->max_open) {
		uint32_t max = cpu->max_open ? cpu->max_open : 4;
		struct zl_open *open;

		while (max <= zone)
			max *= 2;
		open = realloc(cpu->open, max * sizeof(*open));
		if (!open)
			return NULL;
		memset(open + cpu->max_open, 0, (max - cpu->max_open) * sizeof(*open));
		cpu->open = open;
		cpu->max_open = max;
	}
	return &cpu->open[zone];
}

/* The three groups that an acquisition counts for. */
struct groups {
	struct zl_group *group[3];
};

#define FOR_EACH_GROUP(g, groups)                             \
	for (struct zl_group * g, **g##_at = (groups)->group; \
	     g##_at < (groups)->group + 3 && (g = *g##_at, true); g##_at++)

static struct groups groups_of(struct kma_state *state, uint32_t zone, uint32_t caller,
			       struct zl_cpu *cpu)
{
	return (struct groups){ { &state->zones[zone].group, &state->callers[caller].group,
				  &cpu->group } };
}

/* Makes room for one more entry of @size bytes; false when out of memory. */
static bool ring_room(struct zl_ring *ring, void **entries, size_t size)
{
	uint32_t max = ring->max ? 2 * ring->max : 64;
	void *grown;

	if (ring->nr < ring->max || ring->max == ZL_RING)
		return true;
	grown = realloc(*entries, max * size);
	if (!grown)
		return false;
	*entries = grown;
	ring->max = max;
	return true;
}

/* Waits are timed by another clock: one may seem to reach back before time began. */
static uint64_t wait_begin(uint64_t ts, uint64_t wait_ns)
{
	return ts > wait_ns ? ts - wait_ns : 0;
}

int zl_blame(const struct zl_zone *zone, const struct zl_open *open, uint32_t cpu,
	     struct kma_u64map *blame, uint64_t *blamed)
{
	uint64_t begin = wait_begin(open->ts, open->wait_ns);
	uint64_t taken = open->ts; /* from here on the wait is blamed on somebody */
	uint32_t kept = zone->hold_ring.nr < zone->hold_ring.max ? zone->hold_ring.nr
								 : zone->hold_ring.max;

	*blamed = 0;
	for (uint32_t back = 1; back <= kept; back++) {
		const struct zl_hold *hold =
			&zone->holds[(zone->hold_ring.nr - back) & (zone->hold_ring.max - 1)];
		uint64_t from = hold->start > begin ? hold->start : begin;
		uint64_t to = hold->end < taken ? hold->end : taken;
		uint64_t key, *sum;

		if (hold->end <= begin)
			break;
		if (hold->cpu == cpu || to <= from)
			continue;
		taken = from;
		*blamed += to - from;
		key = (uint64_t)open->caller << 32 | hold->caller;
		sum = kma_u64map_get(blame, key);
		if (sum)
			*sum += to - from;
		else if (kma_u64map_put(blame, key, to - from, NULL) < 0)
			return -1;
	}
	return 0;
}

/* The wait of an acquisition is judged when its section is over: by then the holds before it are
 * known. */
static int settle_wait(struct kma_state *state, uint32_t zone, struct zl_open *open, uint32_t cpu)
{
	const struct zl_zone *z = &state->zones[zone];
	struct groups groups = groups_of(state, zone, open->caller, &state->cpus[cpu]);
	uint64_t blamed;

	if (!open->contended || state->trace->clock == KMA_CLOCK_TICKS)
		return 0;
	if (zl_blame(z, open, cpu, &state->blame, &blamed) < 0)
		return -1;
	FOR_EACH_GROUP(group, &groups)
	group->blamed_ns += blamed;
	if (z->hold_ring.nr > z->hold_ring.max &&
	    z->holds[z->hold_ring.nr & (z->hold_ring.max - 1)].end >
		    wait_begin(open->ts, open->wait_ns))
		state->zones[zone].cut_waits++;
	return 0;
}

/* An acquisition whose unlock will not be seen, or not be believed. */
static int abandon(struct kma_state *state, uint32_t zone, struct zl_open *open, uint32_t cpu)
{
	struct groups groups = groups_of(state, zone, open->caller, &state->cpus[cpu]);

	FOR_EACH_GROUP(group, &groups)
	group->unpaired_locks++;
	open->active = false;
	state->cpus[cpu].nr_open--;
	return settle_wait(state, zone, open, cpu);
}

/* How many wait at once: each earlier wait that ended during this one had this CPU waiting beside
 * it. */
static int queue(struct zl_zone *zone, uint64_t ts, uint64_t wait_ns)
{
	struct zl_ring *ring = &zone->wait_ring;
	uint64_t begin = wait_begin(ts, wait_ns);
	uint32_t kept = ring->nr < ring->max ? ring->nr : ring->max, back;

	for (back = 1; back <= kept; back++) {
		struct zl_wait *wait = &zone->waits[(ring->nr - back) & (ring->max - 1)];

		if (wait->end < begin)
			break;
		if (++wait->waiters > zone->max_waiters)
			zone->max_waiters = wait->waiters;
	}
	if (back > kept && ring->nr > ring->max)
		zone->cut_waits++;
	if (!zone->max_waiters)
		zone->max_waiters = 1;
	if (!ring_room(ring, (void **)&zone->waits, sizeof(*zone->waits)))
		return -1;
	zone->waits[ring->nr++ & (ring->max - 1)] = (struct zl_wait){ .end = ts, .waiters = 1 };
	return 0;
}

/* Did this acquisition get the lock straight from the one before, having waited for it? */
static void chain(struct zl_zone *zone, const struct kma_event *e, bool contended, uint64_t wait_ns)
{
	if (contended && zone->last_known && zone->last_paired &&
	    wait_begin(e->ts, wait_ns) < zone->last_unlock) {
		if (++zone->chain == 2)
			zone->convoys++;
		if (zone->chain >= 2 && zone->chain > zone->longest_convoy)
			zone->longest_convoy = zone->chain;
	} else {
		zone->chain = 0;
	}
	zone->last_known = true;
	zone->last_paired = false;
	zone->last_cpu = e->cpu;
	zone->last_lock = e->ts;
}

static int lock(struct kma_state *state, const struct kma_event *e, uint32_t zone, uint32_t caller,
		int32_t count, bool contended, uint64_t wait_ns)
{
	struct zl_cpu *cpu = get_cpu(state, e->cpu);
	struct zl_open *open = cpu ? get_open(cpu, zone) : NULL;
	struct groups groups;

	if (!open)
		return -1;
	if (open->active && abandon(state, zone, open, e->cpu) < 0)
		return -1;
	groups = groups_of(state, zone, caller, cpu);
	FOR_EACH_GROUP(group, &groups)
	group->acquisitions++;
	if (contended) {
		FOR_EACH_GROUP(group, &groups)
		{
			group->contended++;
			if (kma_histogram_add(&group->wait, wait_ns, 1) < 0)
				return -1;
		}
		if (queue(&state->zones[zone], e->ts, wait_ns) < 0)
			return -1;
	}
	chain(&state->zones[zone], e, contended, wait_ns);
	*open = (struct zl_open){
		.active = true,
		.contended = contended,
		.caller = caller,
		.count = count,
		.ts = e->ts,
		.wait_ns = wait_ns,
	};
	cpu->nr_open++;
	return 0;
}

static void add_cost(struct zl_cost *cost, uint64_t pages, uint64_t hold_ns)
{
	double x = pages, y = hold_ns;

	cost->sections++;
	cost->pages += pages;
	cost->hold_ns += hold_ns;
	cost->xx += x * x;
	cost->xy += x * y;
	cost->yy += y * y;
}

/* What the section did, and to how many pages: docs/reports.md, Pages of a section. */
static enum zl_section classify(const struct zl_open *open, int32_t unlock_count, uint64_t *pages)
{
	int64_t moved = (int64_t)open->count - unlock_count;

	*pages = open->pages;
	if (open->refill)
		return ZL_REFILL;
	if (open->drain)
		return ZL_DRAIN;
	*pages = unlock_count > 0 ? unlock_count : moved > 0 ? moved : 0;
	return unlock_count > 0 ? ZL_MOVED : ZL_UNCLEAR;
}

static int add_hold(struct kma_state *state, const struct kma_event *e, uint32_t zone,
		    const struct zl_open *open, int32_t unlock_count)
{
	struct groups groups = groups_of(state, zone, open->caller, &state->cpus[e->cpu]);
	uint64_t hold_ns = e->ts > open->ts ? e->ts - open->ts : 0, pages;
	enum zl_section section = classify(open, unlock_count, &pages);

	FOR_EACH_GROUP(group, &groups)
	{
		if (kma_histogram_add(&group->hold, hold_ns, 1) < 0 ||
		    kma_histogram_add(&group->irqs_off, hold_ns + open->wait_ns, 1) < 0)
			return -1;
		if (pages)
			add_cost(section == ZL_UNCLEAR ? &group->unclear : &group->cost, pages,
				 hold_ns);
	}
	state->sections[section].sections++;
	state->sections[section].pages += pages;
	state->sections[section].hold_ns += hold_ns;
	return 0;
}

static int unlock(struct kma_state *state, const struct kma_event *e, uint32_t zone,
		  uint32_t caller, int32_t count)
{
	struct zl_cpu *cpu = get_cpu(state, e->cpu);
	struct zl_zone *z = &state->zones[zone];
	struct zl_open *open;

	if (!cpu)
		return -1;
	if (!zl_is_open(cpu, zone)) {
		struct groups groups = groups_of(state, zone, caller, cpu);

		FOR_EACH_GROUP(group, &groups)
		group->unpaired_unlocks++;
		return 0;
	}
	open = &cpu->open[zone];
	if (settle_wait(state, zone, open, e->cpu) < 0 || add_hold(state, e, zone, open, count) < 0)
		return -1;
	open->active = false;
	cpu->nr_open--;
	if (z->last_known && z->last_cpu == e->cpu && z->last_lock == open->ts) {
		z->last_paired = true;
		z->last_unlock = e->ts;
	}
	if (!ring_room(&z->hold_ring, (void **)&z->holds, sizeof(*z->holds)))
		return -1;
	z->holds[z->hold_ring.nr++ & (z->hold_ring.max - 1)] = (struct zl_hold){
		.start = open->ts, .end = e->ts, .caller = open->caller, .cpu = e->cpu
	};
	return 0;
}

static int zone_event(struct kma_state *state, const struct kma_event *e)
{
	const struct kma_zone_lock *zl = &e->zone_lock;
	uint32_t caller, zone;
	struct groups groups;
	struct zl_cpu *cpu;
	int ret;

	zone = get_zone(state, zl->node_id, zl->name,
			(uint64_t)(uint32_t)zl->node_id << 32 | zl->name, &ret);
	if (zone == NO_ZONE)
		return ret;
	if (get_caller(state, zl->caller, &caller) < 0)
		return -1;
	switch (e->kind) {
	case KMA_ZONE_LOCKED:
		/* wait_ns is defined to be 0 unless contended; some proposals left garbage there */
		return lock(state, e, zone, caller, zl->count, zl->contended,
			    zl->contended ? zl->wait_ns : 0);
	case KMA_ZONE_LOCK_UNLOCK:
		return unlock(state, e, zone, caller, zl->count);
	default:
		cpu = get_cpu(state, e->cpu);
		if (!cpu)
			return -1;
		groups = groups_of(state, zone, caller, cpu);
		FOR_EACH_GROUP(group, &groups)
		group->contended_records++;
		return 0;
	}
}

/* zone_lock:*: a zone is an address, there is no caller, and every acquisition has a wait. */
static int alternative_event(struct kma_state *state, const struct kma_event *e)
{
	uint64_t address = e->zone_lock_alt.zone;
	struct zl_cpu *cpu = get_cpu(state, e->cpu);
	bool asked, known_success;
	uint32_t zone;
	int ret;

	if (!cpu)
		return -1;
	zone = get_zone(state, -1, 0, address, &ret);
	if (zone == NO_ZONE)
		return ret;
	switch (e->kind) {
	case KMA_ZONE_LOCK_START_LOCKING:
		cpu->asked = true;
		cpu->asked_zone = address;
		cpu->asked_ts = e->ts;
		return 0;
	case KMA_ZONE_LOCK_ACQUIRE_RETURNED:
		asked = cpu->asked && cpu->asked_zone == address && e->ts >= cpu->asked_ts;
		cpu->asked = false;
		known_success = state->trace->optional_fields[KMA_ZONE_LOCK_ACQUIRE_RETURNED] &
				KMA_HAS_SUCCESS;
		if (known_success && !e->zone_lock_alt.success)
			return 0;
		/* "contended" marks that there is a wait to add, which here is every one whose
		 * start was seen */
		return lock(state, e, zone, 0, 0, asked, asked ? e->ts - cpu->asked_ts : 0);
	default:
		return unlock(state, e, zone, 0, 0);
	}
}

static void page_event(struct kma_state *state, const struct kma_event *e)
{
	struct zl_cpu *cpu;

	if (e->cpu >= state->nr_cpus)
		return;
	cpu = &state->cpus[e->cpu];
	if (!cpu->nr_open)
		return;
	for (uint32_t zone = 0; zone < cpu->max_open; zone++) {
		struct zl_open *open = &cpu->open[zone];

		if (!open->active)
			continue;
		open->pages += UINT64_C(1) << (e->pcpu_page.order & 63);
		if (e->kind == KMA_PCPU_REFILL)
			open->refill = true;
		else
			open->drain = true;
	}
}

static int zl_feed(struct kma_state *state, const struct kma_batch *batch)
{
	int ret = 0;

	for (size_t i = 0; i < batch->nr && !ret; i++) {
		const struct kma_event *e = &batch->events[i];

		switch (e->kind) {
		case KMA_PCPU_REFILL:
		case KMA_PCPU_DRAIN:
			page_event(state, e);
			break;
		case KMA_ZONE_LOCKED:
		case KMA_ZONE_LOCK_UNLOCK:
		case KMA_ZONE_LOCK_CONTENDED:
			ret = zone_event(state, e);
			break;
		case KMA_ZONE_LOCK_START_LOCKING:
		case KMA_ZONE_LOCK_ACQUIRE_RETURNED:
		case KMA_ZONE_LOCK_RELEASED:
			if (state->alternative)
				ret = alternative_event(state, e);
			break;
		default:
			break;
		}
	}
	return ret;
}

static int zl_lost(struct kma_state *state, const struct kma_lost *lost)
{
	struct zl_cpu *cpu;

	if (lost->cpu >= state->nr_cpus)
		return 0;
	cpu = &state->cpus[lost->cpu];
	cpu->asked = false;
	for (uint32_t zone = 0; cpu->nr_open && zone < cpu->max_open; zone++) {
		if (!cpu->open[zone].active)
			continue;
		state->dropped_by_loss++;
		if (abandon(state, zone, &cpu->open[zone], lost->cpu) < 0)
			return -1;
	}
	return 0;
}

static const struct kma_need zl_needs[] = {
	{ KMA_ZONE_LOCKED, true, "acquisitions and waits" },
	{ KMA_ZONE_LOCK_UNLOCK, false, "hold times, blame and convoys" },
	{ KMA_ZONE_LOCK_CONTENDED, true, NULL },
	{ KMA_PCPU_REFILL, false, "pages per refill under the lock" },
	{ KMA_PCPU_DRAIN, false, "pages per drain under the lock" },
	{ KMA_ZONE_LOCK_START_LOCKING, false, NULL },
	{ KMA_ZONE_LOCK_ACQUIRE_RETURNED, true, NULL },
	{ KMA_ZONE_LOCK_RELEASED, false, NULL },
	{ 0 },
};

static const struct kma_need zl_cheap[] = {
	{ KMA_ZONE_LOCK_CONTENDED, true,
	  "how often each caller, zone and CPU had to wait, but not how long; nothing is written "
	  "while nobody waits" },
	{ 0 },
};

const struct kma_analysis kma_zone_lock_analysis = {
	.name = "zone_lock",
	.title = "zone->lock: who held it, and who waited for whom",
	.needs = zl_needs,
	.cheap = zl_cheap,
	.instead = { KMA_CONTENTION_BEGIN, ZL_INSTEAD },
	.metrics = zl_metrics,
	.open = zl_open_state,
	.feed = zl_feed,
	.lost = zl_lost,
	.report = zl_report,
	.close = zl_close,
};
