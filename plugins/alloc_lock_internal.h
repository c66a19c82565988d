/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the alloc_lock analysis share: waits as alloc_lock.c gathers them, and the sums
 * of a report. */
#ifndef KMA_PLUGINS_ALLOC_LOCK_INTERNAL_H
#define KMA_PLUGINS_ALLOC_LOCK_INTERNAL_H

#include <kmem-analyze/analysis.h>

#include "alloc_lock_class.h"
#include "result/bins.h"
#include "result/histogram.h"
#include "site.h"
#include "util/u64map.h"

/* Innermost addresses that are kept of a stack: lock primitives take up to four of them. */
#define AL_DEPTH 6
/* Kept apart; what is beyond goes to group 0, and is counted. */
#define AL_MAX_GROUPS 16384u
#define AL_MAX_SHARES (1u << 18)
/* Waits that are not over. Beyond it a wait is counted, but its end is not known. */
#define AL_MAX_OPEN 65536u
#define AL_NOTHING  UINT32_MAX

/* The waits for one lock from one place. */
struct al_group {
	uint32_t lock, site; /* lock 0: which one is not kept; site 0: the place is not known */
	uint64_t contended;
	struct kma_histogram wait; /* of those whose end was seen */
};

/* The part of a group that one CPU has. */
struct al_share {
	uint32_t group, cpu;
	uint64_t contended, wait_ns;
};

struct al_cpu {
	uint64_t contended, unpaired_ends;
	struct kma_histogram wait;
};

/* A wait that is not over. */
struct al_wait {
	uint64_t lock_addr, ts;
	uint32_t group, share, cpu;
	int32_t pid;
	uint32_t below; /* the wait of the same task that this one interrupted; AL_NOTHING */
	bool open, sleeps;
};

struct kma_state {
	const struct kma_trace *trace;
	struct kma_sites *sites;
	struct al_group *groups; /* [0]: past AL_MAX_GROUPS */
	uint32_t nr_groups, max_groups;
	struct kma_u64map lock_index;  /* address -> number, from 1 on */
	struct kma_u64map group_index; /* lock << 32 | site -> group */
	struct al_share *shares;       /* [0]: past AL_MAX_SHARES */
	uint32_t nr_shares, max_shares;
	struct kma_u64map share_index; /* group << 32 | cpu -> share */
	struct al_cpu *cpus;
	uint32_t nr_cpus, max_cpus;
	struct kma_bins bins; /* wait_ns, a row for each group */

	struct al_wait *waits;
	uint32_t nr_waits, max_waits;
	uint32_t spare;		  /* chain of free entries through below; AL_NOTHING */
	struct kma_u64map newest; /* task -> the wait it began last */

	uint64_t without_stack; /* waits */
	uint64_t moved;		/* waits that ended on another CPU than they began on */
	uint64_t unfollowed;	/* waits past AL_MAX_OPEN */
};

enum al_metric { AL_CONTENDED, AL_WAIT, AL_UNFINISHED, AL_UNPAIRED_ENDS, AL_NR_METRICS };

extern const struct kma_metric_def al_metrics[]; /* by enum al_metric, ends with a NULL name */

/* kma_analysis.report */
int al_report(const struct kma_state *state, const struct kma_summary *summary,
	      struct kma_report *report);

/* ---- for the length of one report ---- */

/* The waits of one label set. */
struct al_row {
	enum al_class which;
	uint64_t caller; /* 0: not known */
	uint64_t contended;
	struct kma_histogram wait;
	uint32_t cpus; /* that waited; of classes only */
};

/* What one CPU waited for each class. */
struct al_cpu_row {
	uint32_t cpu;
	uint64_t contended, wait_ns; /* of the allocators' locks */
	uint64_t class_ns[AL_NR_CLASSES];
};

struct al_view {
	const struct kma_state *state;
	const struct kma_summary *summary;
	enum al_class *class_of; /* by group */
	struct al_row total;
	struct al_row classes[AL_NR_CLASSES];
	struct al_row *callers; /* by class, then caller; AL_OTHER has one row without a caller */
	size_t nr_callers;
	struct al_cpu_row *cpus; /* those that waited for an allocator's lock, by number */
	size_t nr_cpus;
	uint64_t span_ns;
	struct kma_status counts, waits, pairs; /* counters of waits; durations; halves of pairs */
	struct kma_status class_counts, class_waits; /* the same, by lock */
	bool no_ends;
};

/* -1: out of memory; to be freed in any case. Fills all but the statuses. */
int al_view_make(struct al_view *view, const struct kma_state *state,
		 const struct kma_summary *summary);
void al_view_free(struct al_view *view);

void al_tables(const struct al_view *view, struct kma_report *report);
void al_findings(const struct al_view *view, struct kma_report *report);

#endif
