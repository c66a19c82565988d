/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Acts out a schedule: CPUs that take zone->lock (which one CPU holds at a time), move page blocks
 * under it, and idle. Must not know what anybody computes from the records.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schedule.h"

static uint64_t random_state;

/* splitmix64 */
uint64_t random_below(uint64_t n)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % n;
}

void seed_random(unsigned int seed)
{
	random_state = seed * UINT64_C(0xd1342543de82ef95);
	random_state = random_below(UINT64_MAX); /* neighbouring seeds have nothing in common */
}

const char *event_name(enum ev ev)
{
	static const char *const names[NR_EV] = {
		"kmem:mm_zone_lock_contended",
		"kmem:mm_zone_locked",
		"kmem:mm_zone_lock_unlock",
		"kmem:mm_page_pcpu_refill",
		"kmem:mm_page_pcpu_drain",
		"kmem:mm_page_alloc_zone_locked",
		"kmem:mm_page_pcpu_refill_zone_locked",
		"kmem:mm_page_pcpu_drain_zone_locked",
		"zone_lock:zone_lock_start_locking",
		"zone_lock:zone_lock_acquire_returned",
		"zone_lock:zone_lock_released",
		"test:noise",
		"ftrace:kernel_stack",
	};

	return names[ev];
}

/* Blocks of pages on their way: taken from the zone, not given back yet. */
struct block {
	uint64_t pfn;
	unsigned int order, zone, cpu;
};

struct actors {
	struct schedule *s;
	uint64_t now[MAX_CPUS];
	int pid[MAX_CPUS];
	uint64_t free_at[MAX_ZONES]; /* when the lock was or will be released last */
	unsigned int hot_zone;
	bool used[MAX_ZONES][POOL_PAGES];
	struct block blocks[MAX_ZONES * POOL_PAGES];
	size_t nr_blocks;
	unsigned int usual_order, flow_to;
	unsigned int contention, idle, foreign; /* percent */
	uint64_t slow;				/* factor of all durations */
};

static void *grow(void *array, size_t nr, size_t *max, size_t size)
{
	if (nr < *max)
		return array;
	*max = *max ? 2 * *max : 256;
	array = realloc(array, *max * size);
	if (!array)
		abort();
	return array;
}

static struct rec *record(struct actors *a, enum ev ev, unsigned int cpu, uint64_t ts, int section)
{
	struct schedule *s = a->s;
	struct rec *rec;

	s->recs = grow(s->recs, s->nr_recs, &s->max_recs, sizeof(*s->recs));
	rec = &s->recs[s->nr_recs++];
	*rec = (struct rec){ .ts = ts,
			     .cpu = cpu,
			     .buffer = s->buffer_of[ev],
			     .pid = a->pid[cpu],
			     .ev = ev,
			     .section = section };
	rec->absent = !is_enabled(s, ev);
	if (section >= 0)
		rec->zone = s->sections[section].zone;
	return rec;
}

/* Some time, long or short, at times none. */
static uint64_t moment(const struct actors *a, uint64_t usual)
{
	if (chance(5) && a->s->nr_buffers == 1)
		return 0;
	return a->slow * random_between(1, chance(10) ? 8 * usual : usual);
}

static bool take_block(struct actors *a, unsigned int zone, unsigned int order, unsigned int cpu,
		       struct block *block)
{
	uint64_t size = UINT64_C(1) << order;

	for (int attempt = 0; attempt < 20; attempt++) {
		uint64_t at = random_below(POOL_PAGES / size) * size;
		bool is_free = true;

		for (uint64_t i = at; i < at + size; i++)
			is_free &= !a->used[zone][i];
		if (!is_free)
			continue;
		memset(&a->used[zone][at], true, size);
		*block = (struct block){ a->s->zones[zone].first_pfn + at, order, zone, cpu };
		a->blocks[a->nr_blocks++] = *block;
		return true;
	}
	return false;
}

/* A block for @cpu to give back: mostly one it took itself, or what flows to it. At times a part of it only. */
static bool give_block(struct actors *a, unsigned int zone, unsigned int cpu, struct block *block)
{
	for (int attempt = 0; attempt < 40 && a->nr_blocks; attempt++) {
		struct block *from = &a->blocks[random_below(a->nr_blocks)];

		if (from->zone != zone ||
		    (from->cpu != cpu && a->flow_to != cpu && !chance(a->foreign)))
			continue;
		*block = *from;
		if (from->order && chance(20)) {
			block->order = (unsigned int)random_below(from->order);
			/* the halves that stay: the first piece goes, the rest is as large as it was cut */
			for (unsigned int order = block->order; order < from->order; order++)
				a->blocks[a->nr_blocks++] = (struct block){
					block->pfn + (UINT64_C(1) << order), order, zone, from->cpu
				};
		}
		*from = a->blocks[--a->nr_blocks];
		memset(&a->used[zone][block->pfn - a->s->zones[zone].first_pfn], false,
		       UINT64_C(1) << block->order);
		return true;
	}
	return false;
}

static void page_record(struct actors *a, enum ev ev, const struct block *block, unsigned int cpu,
			uint64_t ts, int section, int migratetype)
{
	struct rec *rec = record(a, ev, cpu, ts, section);

	rec->zone = block->zone;
	rec->pfn = block->pfn;
	rec->order = block->order;
	rec->migratetype = migratetype;
	rec->percpu_refill = ev == EV_ALLOC_LOCKED && section >= 0;
}

static int usual_type(void)
{
	return chance(3) ? (int)random_below(30) - 3 : (int)random_below(3);
}

/* Moves blocks; the time after, how many blocks and pages. */
static uint64_t move_refill(struct actors *a, unsigned int cpu, unsigned int zone, int section,
			    uint64_t ts, int want, int *blocks)
{
	unsigned int order = chance(80) ? a->usual_order : (unsigned int)random_below(5);
	int type = usual_type();
	struct block block;

	if (chance(5))
		want = 0; /* the zone has none left */
	for (*blocks = 0; *blocks < want && take_block(a, zone, order, cpu, &block); ++*blocks) {
		ts += moment(a, 300);
		if (chance(95))
			page_record(a, EV_ALLOC_LOCKED, &block, cpu, ts, section, type);
		ts += a->slow * random_between(a->s->nr_buffers > 1, 2);
		page_record(a, EV_REFILL, &block, cpu, ts, section, type);
	}
	return ts;
}

static uint64_t move_drain(struct actors *a, unsigned int cpu, unsigned int zone, int section,
			   uint64_t ts, int want, int *pages)
{
	struct block block;

	*pages = 0;
	while (*pages < want && give_block(a, zone, cpu, &block)) {
		ts += moment(a, 300);
		page_record(a, EV_DRAIN, &block, cpu, ts, section, usual_type());
		*pages += 1 << block.order;
	}
	return ts;
}

static struct rec *lock_record(struct actors *a, enum ev ev, unsigned int cpu, uint64_t ts,
			       int section, int count, unsigned int caller)
{
	struct rec *rec = record(a, ev, cpu, ts, section);

	rec->count = count;
	rec->caller = caller;
	return rec;
}

static long last_index(const struct actors *a)
{
	return (long)a->s->nr_recs - 1;
}

/* What wait_ns says: another clock, begun a little before or after the request. Now and then far off. */
static uint64_t waited(const struct actors *a, uint64_t asked, uint64_t locked)
{
	uint64_t wait = locked - asked + random_below(40);

	if (chance(3))
		return random_below(3);
	if (chance(3))
		wait += a->slow * random_below(20000);
	return wait > 20 ? wait - 20 : wait;
}

enum path { PATH_REFILL, PATH_DRAIN, PATH_FREE_ONE, PATH_TRYLOCK, PATH_HIDDEN, NR_PATHS };

static void announce(struct actors *a, enum path path, unsigned int cpu, uint64_t ts, int section,
		     int count)
{
	if (path != PATH_REFILL && path != PATH_DRAIN)
		return;
	record(a, path == PATH_REFILL ? EV_REFILL_LOCKED : EV_DRAIN_LOCKED, cpu, ts, section)->count =
		count;
}

/* Records of different buffers at one time would be taken in another order than they happened. */
static uint64_t step(const struct actors *a)
{
	return a->s->nr_buffers > 1 ? a->slow : 0;
}

/* One hold of the lock, from asking for it to its release. */
static void hold_lock(struct actors *a, unsigned int cpu, unsigned int zone, enum path path)
{
	struct schedule *s = a->s;
	uint64_t asked = a->now[cpu], ts = asked, released;
	bool contended = a->free_at[zone] > asked;
	unsigned int caller = (unsigned int)random_below(s->nr_callers);
	int count = (int)random_between(1, chance(10) ? 60 : 12), unlock_count = count, moved = 0;
	int section = (int)s->nr_sections;
	struct rec *rec;

	s->sections = grow(s->sections, s->nr_sections, &s->max_sections, sizeof(*s->sections));
	s->sections[s->nr_sections++] = (struct section){ .cpu = cpu, .zone = zone, -1, -1, -1 };
	if (contended && (path == PATH_TRYLOCK || path == PATH_HIDDEN)) {
		s->nr_sections--;
		return;
	}
	if (path < PATH_TRYLOCK) {
		lock_record(a, EV_START_LOCKING, cpu, ts, section, 0, caller);
		s->sections[section].asked = last_index(a);
		if (contended)
			lock_record(a, EV_CONTENDED, cpu, ts + a->slow * random_below(3), section,
				    count, caller);
		/* another CPU sees a release later than it happens: one that waited for it has a later time stamp */
		ts = contended ? a->free_at[zone] + 1 + moment(a, 60) : ts + moment(a, 60);
		if (contended && ts < asked + 3 * a->slow)
			ts = asked + 3 * a->slow;
		rec = lock_record(a, EV_LOCKED, cpu, ts, section, count, caller);
		rec->contended = contended;
		rec->wait_ns = contended ? waited(a, asked, ts) : chance(1) ? 77777 : 0;
		s->sections[section].lock = last_index(a);
		lock_record(a, EV_RETURNED, cpu, ts, section, 0, caller)->success = true;
	}
	ts += step(a);
	if (chance(90))
		announce(a, path, cpu, ts, section, count);
	if (path == PATH_REFILL) {
		ts = move_refill(a, cpu, zone, section, ts, count, &moved);
		unlock_count = moved;
	} else if (path == PATH_DRAIN) {
		ts = move_drain(a, cpu, zone, section, ts, count, &moved);
		unlock_count = count - moved;
	} else if (path == PATH_FREE_ONE) {
		unlock_count = s->recs[s->sections[section].lock].count = count = 1
										  << random_below(5);
	} else {
		ts += moment(a, 2000);
	}
	ts += moment(a, 200);
	released = ts + moment(a, 30);
	if (path != PATH_HIDDEN) {
		lock_record(a, EV_UNLOCK, cpu, ts, section, unlock_count, caller);
		s->sections[section].unlock = last_index(a);
		lock_record(a, EV_RELEASED, cpu, ts, section, 0, caller);
	}
	a->free_at[zone] = released;
	a->now[cpu] = released;
}

/* zone_lock:* only: a trylock that fails is asked for and returned, but not taken. */
static void fail_trylock(struct actors *a, unsigned int cpu, unsigned int zone)
{
	if (a->s->no_success_field)
		return;
	record(a, EV_START_LOCKING, cpu, a->now[cpu], -1)->zone = zone;
	a->now[cpu] += a->slow;
	record(a, EV_RETURNED, cpu, a->now[cpu], -1)->zone = zone;
}

static void make_noise(struct actors *a, unsigned int cpu)
{
	struct block block;

	if (chance(30) && take_block(a, 0, (unsigned int)random_below(4), cpu, &block))
		page_record(a, EV_ALLOC_LOCKED, &block, cpu, a->now[cpu], -1, usual_type());
	else
		record(a, chance(80) ? EV_NOISE : EV_STACK, cpu, a->now[cpu], -1);
}

/* Mostly short pauses; some need a time extend (2^27 ns), a few more than 32 bits of it. */
static uint64_t pause_between(const struct actors *a)
{
	if (!chance(a->idle))
		return moment(a, 400);
	return chance(97)   ? random_below(1 << 20)
	       : chance(90) ? random_below(1u << 29)
			    : random_below(UINT64_C(1) << 37);
}

static void act(struct actors *a, unsigned int actions)
{
	static const unsigned int weights[NR_PATHS] = { 35, 35, 15, 8, 7 };

	while (actions--) {
		unsigned int cpu = 0, zone, dice = (unsigned int)random_below(100), path = 0;

		/* who is behind the others goes first: so the lock is given in the order it is asked for */
		for (unsigned int i = 1; i < a->s->nr_cpus; i++)
			if (a->now[i] < a->now[cpu])
				cpu = i;
		a->now[cpu] += pause_between(a);
		if (chance(5))
			a->pid[cpu] = 100 + (int)random_below(5);
		zone = chance(a->contention) ? a->hot_zone
					     : (unsigned int)random_below(a->s->nr_zones);
		if (chance(8)) {
			make_noise(a, cpu);
			a->now[cpu] += a->s->nr_buffers > 1 || chance(50);
			continue;
		}
		if (chance(2)) {
			fail_trylock(a, cpu, zone);
			continue;
		}
		while (dice >= weights[path])
			dice -= weights[path++];
		hold_lock(a, cpu, zone, path);
	}
}

static void pick_machine(struct schedule *s)
{
	static const char *const names[] = { "Normal", "DMA32", "Movable", "DMA" };
	bool narrow = s->long_size == 4;

	s->nr_cpus = (unsigned int)random_between(chance(10) ? 1 : 2, MAX_CPUS);
	for (unsigned int i = 0; i < s->nr_cpus; i++)
		s->cpu_id[i] = i;
	if (chance(10))
		s->cpu_id[s->nr_cpus - 1] = 100 + (unsigned int)random_below(100);
	s->nr_zones = (unsigned int)random_between(1, MAX_ZONES);
	for (unsigned int i = 0; i < s->nr_zones; i++)
		s->zones[i] = (struct zone){
			.node = (int)i / 2,
			.name = names[i % 2],
			.first_pfn = 0x1000 * (i + 1),
			.address = (narrow ? 0xc8000000 : UINT64_C(0xffff888000000000)) + 0x600 * i,
		};
	s->nr_callers = (unsigned int)random_between(1, MAX_CALLERS);
	for (unsigned int i = 0; i < s->nr_callers; i++)
		s->callers[i] = (narrow ? 0xc1000000 : UINT64_C(0xffffffff81000000)) + 0x10000 * i +
				0x7f;
}

static void pick_file(struct schedule *s)
{
	s->version = chance(30) ? 6 : 7;
	s->long_size = chance(25) ? 4 : 8;
	s->big_endian = chance(25);
	s->page_size = chance(15) ? 1024 : chance(15) ? 65536 : chance(10) ? 16384 : 4096;
	s->buffer_page_size = s->version == 7 && chance(5) ? 8192 : s->page_size;
	s->compression = s->version == 6 || chance(30) ? 0 : chance(70) ? 1 : 2;
	s->chunk_pages = (unsigned int)random_between(1, 10);
	s->pad_pages = chance(30);
	s->narrow_flags = chance(30);
	s->no_cpustat = chance(20);
}

static void pick_clock(struct schedule *s)
{
	static const char *const clocks[] = { "local", "mono",	   "global",  "boot",
					      "tai",   "mono_raw", "counter", "x86-tsc" };
	unsigned int clock = (unsigned int)random_below(sizeof(clocks) / sizeof(clocks[0]));

	if (clock >= 6 && chance(40))
		clock = 1;
	s->clock = clocks[clock];
	s->local_clock = clock == 0;
	s->tsc2nsec = clock == 7 && chance(70);
	s->ticks = clock >= 6 && !s->tsc2nsec;
}

/* Which events were recorded, and into which buffer. */
static void pick_events(struct schedule *s)
{
	const unsigned int locks = EV_BIT(EV_CONTENDED) | EV_BIT(EV_LOCKED) | EV_BIT(EV_UNLOCK);
	const unsigned int other = EV_BIT(EV_START_LOCKING) | EV_BIT(EV_RETURNED) |
				   EV_BIT(EV_RELEASED);
	const unsigned int pages = EV_BIT(EV_REFILL) | EV_BIT(EV_DRAIN);
	unsigned int kind = (unsigned int)random_below(100);

	s->enabled = locks | pages |
		     (chance(50) ? EV_BIT(EV_NOISE) | EV_BIT(EV_STACK) : EV_BIT(EV_NOISE));
	if (chance(30))
		s->enabled |= EV_BIT(EV_ALLOC_LOCKED);
	if (chance(20))
		s->enabled |= EV_BIT(EV_REFILL_LOCKED) | EV_BIT(EV_DRAIN_LOCKED);
	if (kind < 6)
		s->enabled &= ~EV_BIT(EV_UNLOCK);
	else if (kind < 12)
		s->enabled &= ~(EV_BIT(EV_LOCKED) | EV_BIT(EV_UNLOCK) | (chance(50) ? pages : 0));
	else if (kind < 22)
		s->enabled = (s->enabled & ~EV_BIT(EV_REFILL)) | EV_BIT(EV_ALLOC_LOCKED);
	else if (kind < 27)
		s->enabled &= ~EV_BIT(EV_REFILL);
	else if (kind < 32)
		s->enabled &= ~EV_BIT(EV_DRAIN);
	else if (kind < 38)
		s->enabled &= ~locks;
	else if (kind < 44)
		s->enabled &= ~pages;
	else if (kind < 52)
		s->enabled = (s->enabled & ~locks) | other;
	else if (kind < 54)
		s->enabled = (s->enabled & ~locks) |
			     (other & ~EV_BIT(random_between(EV_START_LOCKING, EV_RELEASED)));
	s->declare_all = chance(50) && !(s->enabled & other);
	s->no_percpu_refill_field = chance(30);
	s->no_success_field = chance(20);
	s->nr_buffers = chance(70) ? 1 : (unsigned int)random_between(2, MAX_BUFFERS);
	for (unsigned int ev = 0; ev < NR_EV; ev++)
		s->buffer_of[ev] = (unsigned int)random_below(s->nr_buffers);
}

void schedule_make(struct schedule *s, unsigned int seed)
{
	struct actors *a = calloc(1, sizeof(*a));
	uint64_t start;

	if (!a)
		abort();
	memset(s, 0, sizeof(*s));
	s->seed = seed;
	seed_random(seed);
	pick_file(s);
	pick_machine(s);
	pick_clock(s);
	pick_events(s);
	a->s = s;
	a->hot_zone = (unsigned int)random_below(s->nr_zones);
	a->usual_order = chance(70) ? 0 : (unsigned int)random_below(4);
	a->flow_to = chance(40) ? (unsigned int)random_below(s->nr_cpus) : MAX_CPUS;
	a->contention = (unsigned int)random_below(100);
	a->foreign = (unsigned int)random_below(30);
	a->idle = (unsigned int)random_below(chance(50) ? 60 : 5);
	a->slow = chance(80) ? 1 : random_between(2, 50);
	start = chance(10)   ? 0
		: chance(50) ? random_below(UINT64_C(1) << 36)
			     : random_below(UINT64_C(1) << 50);
	for (unsigned int i = 0; i < MAX_CPUS; i++) {
		a->now[i] = start + random_below(1000);
		a->pid[i] = 100 + (int)i % 3;
	}
	act(a, (unsigned int)random_between(chance(20) ? 1 : 40, chance(10) ? 700 : 200));
	free(a);
	schedule_damage(s);
}

void schedule_free(struct schedule *s)
{
	free(s->recs);
	free(s->sections);
	free(s->order);
}
