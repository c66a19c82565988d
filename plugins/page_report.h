/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one call of the page report works out before it tells anything: shared by the metrics
 * (page_report.c), the tables and series (page_tables.c) and the findings (page_findings.c), and by
 * nothing else.
 */
#ifndef KMA_PLUGINS_PAGE_REPORT_H
#define KMA_PLUGINS_PAGE_REPORT_H

#include "page_internal.h"

/* Places in page_metric_defs. */
enum {
	PAGE_ALLOC,
	PAGE_ALLOC_PAGES,
	PAGE_ALLOC_FAILED,
	PAGE_FREE,
	PAGE_FREE_PAGES,
	PAGE_FREE_BATCHED,
	PAGE_FREE_UNBATCHED,
	PAGE_BATCHED_RATIO,
	PAGE_ZONE_LOCKED,
	PAGE_DIRECT_BUDDY_RATIO,
	PAGE_OUTSTANDING,
	PAGE_PEAK,
	PAGE_MISSED_FREE,
	PAGE_FREE_UNKNOWN,
	PAGE_LIFETIME_NS,
	PAGE_NR_METRICS,
};

#define PAGE_METRIC(i) (&page_metric_defs[i])

/* Rows of the table over time: as many as a table shows. */
#define PAGE_SLICES 10

struct page_slice {
	uint64_t from; /* since the trace's start */
	uint64_t records[PAGE_NR_ROWS];
};

struct page_failure {
	uint32_t order, type, gfp;
	uint64_t count;
};

struct page_telling {
	const struct kma_trace *trace;
	const struct kma_state *state;
	const struct kma_summary *summary;
	struct kma_report *report;

	/* there are records of it; else the reason why not */
	bool have_alloc, have_free, have_batched, have_zone_locked, can_follow;
	const char *no_alloc, *no_free, *no_batched, *no_zone_locked, *no_follow;

	struct kma_status counted;  /* records */
	struct kma_status compared; /* differences and ratios of counts */
	struct kma_status direct;   /* the ratio that rests on percpu_refill */
	struct kma_status followed; /* pages from allocation to free */
	struct kma_status balanced; /* outstanding pages */
	struct kma_status timed;    /* lifetimes */

	/* sorted for the tables; without those that have nothing */
	const struct page_task **owners;  /* most outstanding pages first */
	const struct page_task **freeers; /* most frees one by one first */
	const struct page_type **types;	  /* most pages first, as the next */
	const struct page_gfp **gfps;
	uint32_t *alloc_sites, *free_sites;
	struct page_failure *failures; /* most failures first */
	size_t nr_owners, nr_freeers, nr_types, nr_gfps, nr_alloc_sites, nr_free_sites, nr_failures;
	struct page_slice slices[PAGE_SLICES];
	size_t nr_slices;
	unsigned int nr_bins;

	uint64_t allocs[PAGE_MAX_ORDER + 1], outstanding[PAGE_MAX_ORDER + 1]; /* by order */
	uint64_t total_allocs, alloc_pages, failed, frees, free_pages, unbatched;
	uint64_t zone_locked[2]; /* by percpu_refill */
};

void page_tell_tables(struct page_telling *t);
void page_tell_findings(struct page_telling *t);
/* The names of migratetypes that gfp flags ask for. */
void page_tell_mobility(struct page_telling *t);
/* "GFP_KERNEL|__GFP_ZERO", as the kernel prints flags; raw hex where no name fits. */
const char *page_gfp_text(struct page_telling *t, uint32_t number);

/* 0 where the difference would be negative: records are missing. */
static inline uint64_t page_unbatched(const struct page_task *task)
{
	return task->frees > task->batched ? task->frees - task->batched : 0;
}

static inline struct kma_value page_task_value(const struct page_telling *t,
					       const struct page_task *task)
{
	return task == &t->state->tasks[PAGE_OTHER_TASK] ? kma_text("other") : kma_task(task->pid);
}

static inline bool page_is_other_type(const struct page_telling *t, const struct page_type *type)
{
	return type == &t->state->types[PAGE_OTHER_TYPE];
}

/* As a cell; labels are plain numbers. */
static inline struct kma_value page_type_value(const struct page_telling *t,
					       const struct page_type *type)
{
	return page_is_other_type(t, type) ? kma_text("other") : kma_migratetype(type->migratetype);
}

#endif
