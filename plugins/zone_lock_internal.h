/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of the zone_lock analysis: written by zone_lock.c, read by its report. */
#ifndef KMA_PLUGINS_ZONE_LOCK_INTERNAL_H
#define KMA_PLUGINS_ZONE_LOCK_INTERNAL_H

#include <kmem-analyze/analysis.h>

#include "result/histogram.h"
#include "util/u64map.h"

/* Hold time against pages, over the sections that moved any. Sums for a least-squares line. */
struct zl_cost {
	uint64_t sections, pages, hold_ns;
	double xx, xy, yy; /* of pages (x) and hold (y); n, x and y are the integers above */
};

/* What was between a lock and its unlock. */
enum zl_section {
	ZL_REFILL,  /* refill records */
	ZL_DRAIN,   /* drain records */
	ZL_MOVED,   /* neither, and the unlock counts what was moved */
	ZL_UNCLEAR, /* neither, and the unlock counts none: a drain, or a refill in vain */
	ZL_NR_SECTIONS,
};

struct zl_section_sum {
	uint64_t sections, pages, hold_ns;
};

/* All that is added up for one zone, one caller or one CPU. */
struct zl_group {
	uint64_t acquisitions, contended;
	uint64_t contended_records;		   /* mm_zone_lock_contended */
	uint64_t unpaired_unlocks, unpaired_locks; /* locks still open at the end not included */
	uint64_t blamed_ns;
	struct kma_histogram wait, hold, irqs_off;
	struct zl_cost cost;	/* of sections whose pages are known */
	struct zl_cost unclear; /* of ZL_UNCLEAR sections, as if they were drains */
};

/* A section that is over. */
struct zl_hold {
	uint64_t start, end;
	uint32_t caller, cpu;
};

/* The end of a wait, and how many waited at that instant as far as is known. */
struct zl_wait {
	uint64_t end;
	uint32_t waiters;
};

/* The last so many of either, oldest overwritten; grows up to ZL_RING. */
struct zl_ring {
	uint32_t nr, max; /* nr counts on; entry i is at i & (max - 1) */
};

#define ZL_RING (1u << 14)

struct zl_zone {
	int32_t node_id;
	uint32_t name;
	struct zl_group group;
	struct zl_ring hold_ring, wait_ring;
	struct zl_hold *holds;
	struct zl_wait *waits;
	uint64_t cut_waits; /* waits that reach back past what the rings hold */
	uint32_t max_waiters;
	/* the acquisition last begun, for convoys */
	uint32_t last_cpu;
	uint64_t last_lock, last_unlock;
	bool last_known, last_paired;
	uint32_t chain; /* contended hand-overs in a row, up to now */
	uint32_t longest_convoy;
	uint64_t convoys; /* complete ones */
};

struct zl_caller {
	uint64_t address;
	struct zl_group group;
};

/* An acquisition that is not over. */
struct zl_open {
	bool active, contended, refill, drain;
	uint32_t caller;
	int32_t count;
	uint64_t ts, wait_ns;
	uint64_t pages; /* of the refill and drain records so far */
};

struct zl_cpu {
	struct zl_group group;
	struct zl_open *open; /* by zone */
	uint32_t max_open, nr_open;
	/* zone_lock:* events: a lock being asked for */
	uint64_t asked_zone, asked_ts;
	bool asked;
};

struct kma_state {
	const struct kma_trace *trace;
	bool alternative; /* fed by zone_lock:* events */
	struct zl_zone *zones;
	uint32_t nr_zones, max_zones;
	struct zl_caller *callers; /* [0]: no caller known, or past ZL_MAX_CALLERS */
	uint32_t nr_callers, max_callers;
	struct zl_cpu *cpus;
	uint32_t nr_cpus, max_cpus;
	struct kma_u64map zone_index, caller_index; /* -> index */
	struct kma_u64map blame; /* waiter << 32 | holder (caller indices) -> ns */
	struct zl_section_sum sections[ZL_NR_SECTIONS];
	uint64_t dropped_events;  /* of zones past ZL_MAX_ZONES */
	uint64_t dropped_by_loss; /* open acquisitions given up at a gap */
};

/* What stock kernels tell of the lock. */
#define ZL_INSTEAD "waits for zone->lock are in the alloc_lock report, from lock:contention_begin"

/* More than any machine has: what exceeds it comes from a broken trace. */
#define ZL_MAX_ZONES   4096
#define ZL_MAX_CALLERS 4096

static inline bool zl_is_open(const struct zl_cpu *cpu, uint32_t zone)
{
	return zone < cpu->max_open && cpu->open[zone].active;
}

/*
 * Who held the zone while @open's acquisition waited: calls back through the blame map of @blame,
 * per holder's caller. Returns the time blamed in all. Formula: docs/reports.md, Blame.
 */
int zl_blame(const struct zl_zone *zone, const struct zl_open *open, uint32_t cpu,
	     struct kma_u64map *blame, uint64_t *blamed);

enum zl_metric {
	ZL_ACQUISITIONS,
	ZL_CONTENDED,
	ZL_CONTENDED_RATIO,
	ZL_WAIT,
	ZL_HOLD,
	ZL_IRQS_OFF,
	ZL_PAGES,
	ZL_HOLD_PER_PAGE,
	ZL_FIT_FIXED,
	ZL_FIT_PER_PAGE,
	ZL_FIT_R2,
	ZL_UTILIZATION,
	ZL_UNPAIRED_UNLOCKS,
	ZL_UNPAIRED_LOCKS,
	ZL_BLAMED,
	ZL_UNATTRIBUTED,
	ZL_MAX_WAITERS,
	ZL_CONVOYS,
	ZL_CONVOY_LENGTH,
	ZL_NR_METRICS,
};

extern const struct kma_metric_def zl_metrics[]; /* by enum zl_metric, ends with a NULL name */

/* kma_analysis.report */
int zl_report(const struct kma_state *state, const struct kma_summary *summary,
	      struct kma_report *report);

/*
 * For the length of one report: the state with what is still open added in, so that nothing of the
 * state itself changes. A row is one label set with all that is known about it.
 */
struct zl_row {
	const struct zl_group *group;
	const struct zl_zone *zone; /* of a zone's row */
	struct kma_labels labels;
	uint64_t unpaired_locks, blamed_ns; /* the group's, and what is open */
	struct zl_cost cost;		    /* as far as the trace tells pages */
};

struct zl_view {
	const struct kma_state *state;
	const struct kma_summary *summary;
	struct zl_group total_group;
	struct zl_row total;
	struct zl_row *zones, *callers,
		*cpus;		 /* by index in the state; group NULL: nothing to tell */
	struct kma_u64map blame; /* as in the state */
	uint64_t span_ns;
	bool records_pair;	  /* there are both locks and unlocks */
	struct kma_status counts; /* of counters of records */
	struct kma_status pairs;  /* of whatever needs lock and unlock */
	struct kma_status pages, waits, blamed, queue;
};

/* Least squares of hold over pages. False when there is no line: fewer than two, or one number of
 * pages. */
struct zl_fit {
	double fixed_ns, per_page_ns, r2;
};
bool zl_fit(const struct zl_cost *cost, struct zl_fit *fit);

void zl_tables(const struct zl_view *view, struct kma_report *report);
void zl_findings(const struct zl_view *view, struct kma_report *report);

#endif
