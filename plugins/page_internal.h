/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What page.c gathers and page_report.c and its neighbours tell: the state of the page allocator
 * analysis. Knows nothing of how it is told. Private to these files.
 */
#ifndef KMA_PLUGINS_PAGE_INTERNAL_H
#define KMA_PLUGINS_PAGE_INTERNAL_H

#include <kmem-analyze/analysis.h>

#include "result/bins.h"
#include "result/histogram.h"
#include "site.h"
#include "util/pagemap.h"

/* Orders of the trace beyond this one are damage: they count as this one. */
#define PAGE_MAX_ORDER 31
/* Blocks above this order (64 MiB of 4 KiB pages) are not followed by pfn: no kernel has them. */
#define PAGE_MAX_FOLLOWED_ORDER 14

/*
 * A broken trace can hold any number of tasks, migratetypes, gfp flags and kinds of failures: those
 * beyond the limit are added up in one more, which is named "other".
 */
#define PAGE_MAX_TASKS	  (1u << 18)
#define PAGE_MAX_TYPES	  256u
#define PAGE_MAX_GFPS	  4096u
#define PAGE_MAX_FAILURES 4096u
#define PAGE_OTHER_TASK	  0u
#define PAGE_OTHER_TYPE	  0u
#define PAGE_OTHER_GFP	  0u

/* Migratetypes found without a look-up: kernels have 4 to 7. */
#define PAGE_NR_USUAL_TYPES 8
/* Small caches of the numbers of tasks and gfp flags seen last. */
#define PAGE_CACHE_BITS 8
/* The time axis of each task's growth: its parts double in width when they run out. */
#define PAGE_GROWTH_PARTS 16u
#define PAGE_GROWTH_SHIFT 10

/* Rows of the time bins. */
enum page_row { PAGE_ROW_ALLOC, PAGE_ROW_FREE, PAGE_ROW_BATCHED, PAGE_NR_ROWS };

struct page_task {
	int32_t pid;
	uint64_t allocs, alloc_pages;
	uint64_t frees, batched;
	uint64_t outstanding;		/* pages it allocated that are live */
	int64_t net[PAGE_GROWTH_PARTS]; /* how outstanding changed in each part of the time */
};

struct page_type {
	int32_t migratetype;
	uint64_t allocs[PAGE_MAX_ORDER + 1];
	uint64_t outstanding[PAGE_MAX_ORDER + 1];
};

struct page_gfp {
	uint32_t flags;
	uint32_t types; /* places of the migratetypes seen with it, as bits; see page_mobility.c */
	uint64_t allocs, pages, failed;
};

struct page_site {
	uint64_t allocs, pages, outstanding; /* as the site of mm_page_alloc */
	uint64_t frees, free_pages;	     /* as the site of mm_page_free */
};

/* Numbers in the order of appearance, 0 for what is beyond the limit. */
struct page_numbers {
	struct kma_u64map map;
	struct {
		uint32_t key, number; /* number 0: empty */
	} cache[1 << PAGE_CACHE_BITS];
};

/*
 * A live base page is two words side by side: the CPU and 1 + the time of its allocation, so never
 * 0; and whose it is.
 */
#define PAGE_TIME_BITS 48
#define PAGE_TIME_MASK ((UINT64_C(1) << PAGE_TIME_BITS) - 1)

struct page_owner {
	uint32_t task, type, order, site;
};

#define PAGE_SITE_BITS	 20
#define PAGE_TASK_BITS	 18
#define PAGE_TYPE_BITS	 8
#define PAGE_TASK_SHIFT	 PAGE_SITE_BITS
#define PAGE_TYPE_SHIFT	 (PAGE_TASK_SHIFT + PAGE_TASK_BITS)
#define PAGE_ORDER_SHIFT (PAGE_TYPE_SHIFT + PAGE_TYPE_BITS)

_Static_assert(KMA_MAX_SITES <= 1u << PAGE_SITE_BITS, "a site fits a page's word");
_Static_assert(PAGE_MAX_TASKS <= 1u << PAGE_TASK_BITS, "a task fits a page's word");
_Static_assert(PAGE_MAX_TYPES <= 1u << PAGE_TYPE_BITS, "a migratetype fits a page's word");

static inline uint64_t page_pack(const struct page_owner *owner)
{
	return (uint64_t)owner->order << PAGE_ORDER_SHIFT |
	       (uint64_t)owner->type << PAGE_TYPE_SHIFT | (uint64_t)owner->task << PAGE_TASK_SHIFT |
	       owner->site;
}

static inline struct page_owner page_unpack(uint64_t word)
{
	return (struct page_owner){
		.site = word & ((1u << PAGE_SITE_BITS) - 1),
		.task = word >> PAGE_TASK_SHIFT & ((1u << PAGE_TASK_BITS) - 1),
		.type = word >> PAGE_TYPE_SHIFT & ((1u << PAGE_TYPE_BITS) - 1),
		.order = (uint32_t)(word >> PAGE_ORDER_SHIFT),
	};
}

/* Everything grows with tasks, call sites and live pages only. */
struct kma_state {
	const struct kma_trace *trace;
	bool has_pfn[KMA_NR_KINDS];

	struct page_numbers task_numbers, gfp_numbers;
	struct kma_u64map type_numbers;
	uint32_t usual_types[PAGE_NR_USUAL_TYPES]; /* of migratetypes 0, 1, ...; 0: not seen */
	struct page_task *tasks;
	struct page_type *types;
	struct page_gfp *gfps;
	uint32_t nr_tasks, max_tasks, nr_types, max_types, nr_gfps, max_gfps;

	struct kma_sites *sites; /* NULL: no stacks were asked for */
	struct page_site *site;
	uint32_t max_sites;

	uint64_t failed[PAGE_MAX_ORDER + 1];
	struct kma_u64map failures; /* see page_failure_key() */
	uint64_t frees[PAGE_MAX_ORDER + 1];
	uint64_t batched;
	uint64_t zone_locked[2][PAGE_MAX_ORDER + 1]; /* by percpu_refill, order */

	struct kma_pagemap live; /* 2 * pfn and 2 * pfn + 1 to the two words */
	uint64_t outstanding, peak;
	uint64_t missed;     /* pages allocated while they were live */
	uint64_t unknown;    /* pages freed that were not live */
	uint64_t unfollowed; /* pages that could not be followed */
	uint64_t crossed;    /* pages freed on another CPU than allocated */
	uint64_t late; /* pages allocated too long after the start for their time to be kept */
	struct kma_histogram lifetime;

	struct kma_bins bins; /* records; enum page_row */
	unsigned int growth_shift;
};

static inline uint64_t page_failure_key(uint32_t order, uint32_t type, uint32_t gfp)
{
	return (uint64_t)gfp << 16 | type << 8 | order;
}

/* page_numbers.c: who is who. They return the number, or -1 when out of memory. */
int64_t page_find_task(struct kma_state *state, int32_t pid);
int64_t page_find_type(struct kma_state *state, int32_t migratetype);
int64_t page_find_gfp(struct kma_state *state, uint32_t flags);
int page_open_numbers(struct kma_state *state);
void page_close_numbers(struct kma_state *state);

/* Types that the bits of page_gfp tell apart; more are a broken trace. */
#define PAGE_MAX_NAMED_TYPES 32u

static inline uint32_t page_type_bit(uint32_t type)
{
	return UINT32_C(1) << type % PAGE_MAX_NAMED_TYPES;
}

static inline uint32_t page_cache_slot(uint32_t key)
{
	return key * 0x9e3779b1u >> (32 - PAGE_CACHE_BITS);
}

extern const struct kma_metric_def page_metric_defs[];

int page_report(const struct kma_state *state, const struct kma_summary *summary,
		struct kma_report *report);

#endif
