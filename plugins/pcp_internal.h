/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pcp.c gathers and pcp_report.c and its neighbours tell: the state of the per-CPU page list
 * analysis. Knows nothing of how it is told. Private to these files.
 */
#ifndef KMA_PLUGINS_PCP_INTERNAL_H
#define KMA_PLUGINS_PCP_INTERNAL_H

#include <kmem-analyze/analysis.h>

#include "result/bins.h"
#include "result/histogram.h"
#include "util/pagemap.h"

enum pcp_direction {
	PCP_REFILL, /* from the buddy allocator to a CPU's list */
	PCP_DRAIN,  /* back */
	PCP_NR_DIRECTIONS,
	PCP_NONE = PCP_NR_DIRECTIONS,
};

/* Orders of the trace beyond this one are damage: they count as this one. */
#define PCP_MAX_ORDER 63
/* Blocks above this order (64 MiB of 4 KiB pages) are not followed by pfn: no list holds them. */
#define PCP_MAX_MATCHED_ORDER 14
/* More CPUs than any kernel can have; a page's CPU is kept in 16 bits. */
#define PCP_MAX_CPUS 65536
/* A live page's value: CPU above, below it 1 + nanoseconds since the trace's start, so never 0. */
#define PCP_TIME_BITS 48
#define PCP_TIME_MASK ((UINT64_C(1) << PCP_TIME_BITS) - 1)

static inline uint64_t pcp_live(uint32_t cpu, uint64_t time)
{
	return (uint64_t)cpu << PCP_TIME_BITS | (time + 1);
}

static inline uint64_t pcp_live_cpu(uint64_t live)
{
	return live >> PCP_TIME_BITS;
}

static inline uint64_t pcp_live_time(uint64_t live)
{
	return (live & PCP_TIME_MASK) - 1;
}

/* The task with most pages, by majority vote: certain when its lead is over half of all pages. */
struct pcp_vote {
	int32_t pid;
	uint64_t lead;
};

#define PCP_MOVED_BLOCK 64
#define PCP_PENDING	16

struct pcp_cpu {
	uint64_t events[PCP_NR_DIRECTIONS];
	uint64_t pages[PCP_NR_DIRECTIONS];
	uint64_t batches[PCP_NR_DIRECTIONS]; /* closed ones */
	/* lowest and highest balance (refilled - drained) so far, as of the last closed batch */
	int64_t low, high;
	struct pcp_vote vote[PCP_NR_DIRECTIONS];

	/* the open batch */
	uint64_t pages_before; /* pages[open] when it was opened */
	int32_t open_pid;
	uint8_t open;	     /* enum pcp_direction; PCP_NONE: no batch is open */
	bool open_announced; /* behind a *_zone_locked record: one lock hold for certain */
	bool open_locked;    /* the first batch behind a mm_zone_locked record */
	bool locked;	     /* a mm_zone_locked record, and no batch nor unlock since */

	/* pages drained here, by the CPU that refilled them: see pcp_moved(). In blocks of
	 * CPUs, as on large machines not all exchange pages with all; NULL until used. */
	uint64_t **moved;
	uint32_t nr_moved;
} __attribute__((aligned(64)));

/* Records of one migratetype, by direction and order; all other counts by order or type follow. */
struct pcp_type {
	uint64_t events[PCP_NR_DIRECTIONS][PCP_MAX_ORDER + 1];
};

/* Migratetypes found without a look-up: kernels have 4 to 7. */
#define PCP_NR_USUAL_TYPES 8

/* All that follows from one source of refills. Grows with CPUs, pairs of CPUs and live pages only.
 */
struct pcp_view {
	struct pcp_cpu *cpus;
	uint32_t nr_cpus;
	uint32_t nr_types, max_types;
	struct pcp_type *types;	       /* the usual ones first, then others as they came */
	int32_t *migratetypes;	       /* of each of types */
	struct kma_u64map other_types; /* migratetype to place in types */

	struct kma_pagemap live; /* pfn to CPU and time of the refill */
	struct kma_histogram residency;
	struct kma_histogram batch_pages[PCP_NR_DIRECTIONS];
	struct kma_bins bins; /* pages; row = 2 * cpu + direction */
	/* Counters in moved that are to be raised: with hundreds of CPUs no cache holds them all,
	 * so they are asked for and raised some pages later. NULL: none. Empty between batches. */
	uint64_t *pending[PCP_PENDING];
	uint32_t next_pending;

	uint64_t announced[PCP_NR_DIRECTIONS]; /* *_zone_locked records */
	uint64_t loose[PCP_NR_DIRECTIONS]; /* closed batches that may be more than one lock hold */
	uint64_t dropped[PCP_NR_DIRECTIONS]; /* batches cut by lost records */
	uint64_t unfollowed;		     /* base pages that could not be followed by pfn */
};

struct kma_state {
	const struct kma_trace *trace;
	/*
	 * Which records are refills is known only when the first mm_page_pcpu_refill comes, or
	 * never does: until then both views are kept, as far as the trace describes the event they
	 * need.
	 */
	struct pcp_view *real;	   /* refills are mm_page_pcpu_refill */
	struct pcp_view *fallback; /* refills are mm_page_alloc_zone_locked with percpu_refill */
};

extern const struct kma_metric_def pcp_metric_defs[];

int pcp_report(const struct kma_state *state, const struct kma_summary *summary,
	       struct kma_report *report);

static inline int64_t pcp_balance(const struct pcp_cpu *cpu)
{
	return (int64_t)(cpu->pages[PCP_REFILL] - cpu->pages[PCP_DRAIN]);
}

/* Pages refilled on CPU @from and drained on @to. */
static inline uint64_t pcp_moved(const struct pcp_cpu *to, uint32_t from)
{
	uint32_t block = from / PCP_MOVED_BLOCK;

	return block < to->nr_moved && to->moved[block] ? to->moved[block][from % PCP_MOVED_BLOCK]
							: 0;
}

/* Pages of the open batch. */
static inline uint64_t pcp_open_pages(const struct pcp_cpu *cpu)
{
	return cpu->pages[cpu->open] - cpu->pages_before;
}

static inline bool pcp_cpu_is_active(const struct pcp_cpu *cpu)
{
	return cpu->events[PCP_REFILL] || cpu->events[PCP_DRAIN] || cpu->batches[PCP_REFILL] ||
	       cpu->batches[PCP_DRAIN] || cpu->open != PCP_NONE;
}

#endif
