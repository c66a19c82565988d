/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up schedule: what every CPU did (sections under zone->lock, page blocks taken and given back), and the
 * records that a tracer left of it. Knows nothing of files, nor of the program under test.
 */
#ifndef KMA_TESTS_SCHEDULE_H
#define KMA_TESTS_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CPUS    8
#define MAX_ZONES   4
#define MAX_CALLERS 5
#define MAX_BUFFERS 3
#define POOL_PAGES  512 /* of each zone */

enum ev {
	EV_CONTENDED, /* kmem:mm_zone_lock_contended and so on, see event_name() */
	EV_LOCKED,
	EV_UNLOCK,
	EV_REFILL,
	EV_DRAIN,
	EV_ALLOC_LOCKED,
	EV_REFILL_LOCKED,
	EV_DRAIN_LOCKED,
	EV_START_LOCKING,
	EV_RETURNED,
	EV_RELEASED,
	EV_NOISE,
	EV_STACK,
	NR_EV,
};

#define EV_BIT(ev) (1u << (ev))

/* "kmem:mm_zone_locked" */
const char *event_name(enum ev ev);

struct rec {
	uint64_t ts;
	unsigned int cpu, buffer; /* cpu: index into schedule.cpu_id */
	int pid;
	enum ev ev;
	int section;	  /* -1: none */
	bool discarded;	  /* the kernel took it back: not in the trace */
	bool absent;	  /* lost, or never recorded: not in the trace */
	bool stamp, page; /* an absolute time stamp, a new page before it */
	int64_t gap;	  /* lost just before it: a number, -1 unknown, 0 none */
	unsigned int zone, caller;
	int count; /* of locks; nr_pages of the *_zone_locked records */
	bool contended, success;
	uint64_t wait_ns;
	uint64_t pfn;
	unsigned int order;
	int migratetype, percpu_refill;
	size_t place; /* in the order of the trace */
};

/* One time that zone->lock was held. */
struct section {
	unsigned int cpu, zone;
	long asked, lock, unlock; /* indices into recs; -1: the code path has no such record */
};

struct zone {
	int node;
	const char *name;
	uint64_t address, first_pfn;
};

struct schedule {
	unsigned int seed;
	/* the traced machine */
	unsigned int nr_cpus, nr_zones, nr_callers, nr_buffers;
	unsigned int cpu_id[MAX_CPUS];
	struct zone zones[MAX_ZONES];
	uint64_t callers[MAX_CALLERS];
	/* what was recorded */
	unsigned int enabled; /* EV_BIT of each */
	unsigned int buffer_of[NR_EV];
	bool no_percpu_refill_field, no_success_field, declare_all;
	const char *clock;
	bool ticks, local_clock, tsc2nsec;
	/* the file */
	unsigned int version, long_size, page_size, buffer_page_size, chunk_pages;
	int compression; /* enum dat_compression */
	bool big_endian, pad_pages, narrow_flags, no_cpustat;

	struct rec *recs;
	size_t nr_recs, max_recs;
	struct section *sections;
	size_t nr_sections, max_sections;
	struct rec **order; /* what is in the trace, as the reports take it */
	size_t nr_order;
};

/* Fills all of @s. The same seed gives the same schedule. */
void schedule_make(struct schedule *s, unsigned int seed);
void schedule_free(struct schedule *s);

/* The random numbers of the schedule being made. */
void seed_random(unsigned int seed);
uint64_t random_below(uint64_t n);
static inline uint64_t random_between(uint64_t low, uint64_t high)
{
	return low + random_below(high - low + 1);
}

static inline bool chance(unsigned int percent)
{
	return random_below(100) < percent;
}

/* What the tracer did to the records: loss, discards, time stamps, and then the order of the trace. */
void schedule_damage(struct schedule *s);

/* Writes the file; 0, or -1 after a message on stderr. */
int schedule_write(const struct schedule *s, const char *path);
/* Whether libtracecmd can read such a file. */
bool schedule_is_common(const struct schedule *s);

static inline bool is_enabled(const struct schedule *s, enum ev ev)
{
	return s->enabled & EV_BIT(ev);
}

/* How many records of @ev are in the trace. */
size_t schedule_count(const struct schedule *s, enum ev ev);
/* Whether a gap lies on the CPU of both, behind @from and not behind @to. */
bool schedule_gap_between(const struct schedule *s, const struct rec *from, const struct rec *to);

static inline bool in_trace(const struct rec *rec)
{
	return !rec->absent && !rec->discarded;
}

#endif
