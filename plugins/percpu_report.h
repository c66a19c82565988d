/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one call of the percpu report works out before it tells anything: shared by the metrics
 * (percpu_report.c), the layout of chunks (percpu_layout.c), the tables and series
 * (percpu_tables.c) and the findings (percpu_findings.c), and by nothing else.
 */
#ifndef KMA_PLUGINS_PERCPU_REPORT_H
#define KMA_PLUGINS_PERCPU_REPORT_H

#include "percpu_internal.h"

/* Places in percpu_metric_defs. */
enum {
	PERCPU_ALLOC,
	PERCPU_FREE,
	PERCPU_NET,
	PERCPU_FAILED,
	PERCPU_ALLOC_BYTES,
	PERCPU_OUTSTANDING,
	PERCPU_OUTSTANDING_BYTES,
	PERCPU_OUTSTANDING_SIZE,
	PERCPU_MAX,
	PERCPU_FREE_UNKNOWN,
	PERCPU_MISSED_FREE,
	PERCPU_CHUNKS_CREATED,
	PERCPU_CHUNKS_DESTROYED,
	PERCPU_SIZE,
	PERCPU_LIFETIME,
	PERCPU_NR_METRICS,
};

#define PERCPU_METRIC(i) (&percpu_metric_defs[i])

/* Equal parts of the trace, to see whether what stays was allocated at once or bit by bit. */
#define PERCPU_PARTS 4

/* All of one call site. */
struct percpu_site_row {
	uint32_t site;
	uint64_t allocs, bytes, frees, missed, failed;
	uint64_t live, live_size, live_bytes; /* live_bytes: on all CPUs */
	uint64_t life_max;		      /* of its freed areas */
};

/* What is live of one group. */
struct percpu_group_row {
	const struct percpu_group *group;
	const struct percpu_site_row *site;
	uint64_t live, bytes;	    /* bytes: on all CPUs */
	uint64_t old;		    /* of live: older than any freed area of the site became */
	uint64_t doubtful;	    /* of live: the free may be among lost records */
	uint64_t first_ts, last_ts; /* when the oldest and the youngest of them were allocated */
	uint64_t born[PERCPU_PARTS];
};

/* A live area, by place. */
struct percpu_area {
	uint64_t start, end; /* offsets in the chunk */
	uint64_t ts;
	uint32_t group;
};

#define PERCPU_CELLS 32

struct percpu_chunk_row {
	const struct percpu_chunk *chunk;
	bool gone;
	struct percpu_area *areas; /* live ones by offset, in percpu_telling.areas */
	size_t nr_areas;
	uint64_t covered,
		gap; /* bytes of the span that live areas cover; longest part they do not */
	char cells[PERCPU_CELLS + 1];
};

struct percpu_telling {
	const struct kma_trace *trace;
	const struct kma_state *state;
	const struct kma_summary *summary;
	struct kma_report *report;

	bool have_allocs, have_frees, have_failures, have_created, have_destroyed;
	bool have_both, have_cost, have_sites, have_time;
	const char *no_allocs, *no_frees, *no_failures, *no_created, *no_destroyed;
	const char *not_both, *no_cost, *no_time; /* the reasons, where they are not there */

	struct kma_status counted; /* records */
	struct kma_status sized;   /* distributions of them */
	struct kma_status costed;  /* bytes on all CPUs */
	struct kma_status net;	   /* allocations against frees */
	struct kma_status matched; /* frees with their allocations */
	struct kma_status matched_cost;
	struct kma_status timed;   /* lifetimes */
	struct kma_status by_site; /* what a call site is said to have: weakens all of the above */

	struct percpu_site_row *sites; /* by number */
	uint32_t nr_sites;
	struct percpu_site_row **by_cost; /* those with any records: most outstanding bytes first */
	size_t nr_by_cost;
	uint32_t *by_site_size;	       /* groups by site and size */
	struct percpu_group_row *kept; /* groups with live areas: most bytes first */
	size_t nr_kept;
	struct percpu_failure *failures; /* most first */
	struct percpu_area *areas;
	struct percpu_chunk_row *chunks; /* by first record, those that are gone last */
	size_t nr_chunks;
	uint64_t capacity; /* of a chunk, as far as seen: the highest offset in any */
	uint64_t doubtful;
	unsigned int nr_bins;
};

/* Fills areas, chunks, capacity. 0, or -1 when out of memory. */
int percpu_work_out_layout(struct percpu_telling *t);
/*
 * A chunk that the trace saw from its creation, whose areas are few against what it once held and
 * against what a chunk can hold.
 */
bool percpu_is_almost_empty(const struct percpu_telling *t, const struct percpu_chunk_row *row);

/* 0, or -1 when out of memory. */
int percpu_tell_tables(struct percpu_telling *t);
void percpu_tell_findings(struct percpu_telling *t);

/* "0xff1100010ec2f000": a chunk's address is no symbol, even where one lies below it */
const char *percpu_address(struct percpu_telling *t, uint64_t address);
struct kma_labels percpu_site_label(struct percpu_telling *t, uint32_t site);

#endif
