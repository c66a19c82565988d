/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What percpu.c gathers and percpu_report.c and its neighbours tell: the state of the per-CPU
 * allocator analysis. Knows nothing of how it is told. Private to these files.
 */
#ifndef KMA_PLUGINS_PERCPU_INTERNAL_H
#define KMA_PLUGINS_PERCPU_INTERNAL_H

#include <kmem-analyze/analysis.h>

#include "result/bins.h"
#include "result/histogram.h"
#include "util/u64map.h"

#include "site.h"

/*
 * Limits that no machine reaches, against damaged traces: what lies beyond is counted, but not
 * followed. Chunks are a MiB and more per CPU each.
 */
#define PERCPU_MAX_CHUNKS   (1u << 16)
#define PERCPU_MAX_OBJECTS  (1u << 24)
#define PERCPU_MAX_GROUPS   (1u << 18)
#define PERCPU_MAX_FAILURES 256
/* Chunks that are gone of which the report still tells; all are counted. */
#define PERCPU_MAX_PAST 64

#define PERCPU_NONE UINT32_MAX

/* A live area: 32 bytes, and 16 in state.index. The size is the group's. */
struct percpu_object {
	uint64_t ts;
	uint32_t off, group;
	uint32_t bytes;	     /* bytes_alloc; 0 where the field does not exist */
	uint32_t prev, next; /* in its chunk, PERCPU_NONE ends; next also links unused ones */
	uint16_t chunk, cpu;
};

_Static_assert(sizeof(struct percpu_object) == 32, "documented as 32 bytes");

/* All areas of one size from one call site. */
struct percpu_group {
	uint32_t site, size;
	uint64_t allocs, bytes; /* bytes: sum of bytes_alloc */
	uint64_t frees, missed; /* how its areas ended: seen, or only concluded */
	uint64_t life_max;	/* of the freed ones */
	uint64_t live_bytes;	/* sum of bytes_alloc of what is live */
	uint32_t live;
};

struct percpu_chunk {
	uint64_t base_addr;
	uint64_t first_ts, last_ts; /* of any record that names it */
	uint64_t allocs, frees;	    /* frees: also of unknown areas */
	uint64_t unknown, missed;
	uint64_t live_size, peak_size; /* on one CPU */
	uint32_t live, head;	       /* the live areas: their number, the first one */
	uint32_t low, high;	       /* offsets seen: [low, high) */
	bool in_use;		       /* the slot is taken */
	bool created, destroyed;       /* the trace has the record */
	bool touched;		       /* low and high mean something */
};

/* Failed allocations of one shape. */
struct percpu_failure {
	uint32_t size, align;
	bool atomic, reserved;
	bool other; /* all shapes past PERCPU_MAX_FAILURES */
	uint64_t count, first_ts, last_ts;
};

/* Rows of state.bins. */
enum {
	PERCPU_ROW_ALLOCS,
	PERCPU_ROW_FREES, /* whether the area is known or not */
};

struct kma_state {
	const struct kma_trace *trace;
	bool has_bytes, has_call_site;
	struct kma_sites *sites;

	struct percpu_object *objects;
	uint32_t nr_objects, max_objects; /* ever used at once; allocated */
	uint32_t unused;		  /* first of the unused ones below nr_objects */
	struct kma_u64map index;	  /* chunk << 32 | off to object */

	struct percpu_chunk *chunks;
	uint32_t nr_chunks, max_chunks;
	uint32_t *free_slots; /* chunk slots to use again, max_chunks of room */
	uint32_t nr_free_slots;
	struct kma_u64map chunk_index; /* base_addr to chunk, but for base_addr all ones */
	struct percpu_chunk past[PERCPU_MAX_PAST]; /* the last ones gone, at nr_past % MAX */
	uint64_t nr_past;

	struct percpu_group *groups; /* [0]: past PERCPU_MAX_GROUPS, not followed, size unknown */
	uint32_t nr_groups, max_groups;
	struct kma_u64map group_index; /* site << 32 | size to group */

	struct percpu_failure *failures;
	uint32_t nr_failures;
	struct kma_u64map failed_sites; /* site to count; only with stacks */

	uint64_t allocs, frees, failed, created, destroyed;
	uint64_t bytes; /* sum of bytes_alloc */
	uint64_t unknown, missed;
	uint64_t live, live_max, live_size, live_bytes;
	uint64_t crossed;    /* lifetimes from one CPU to another */
	uint64_t unfollowed; /* allocations past a limit */
	uint64_t gap_ts;     /* end of the last gap; 0: none */
	struct kma_histogram sizes, lifetimes;
	struct kma_bins bins;
};

/* percpu_chunk.c: which areas are live, in which chunk. All return 0, or -1 when out of memory. */

/* The chunk at @base_addr, made if need be. *number is PERCPU_NONE when it cannot be followed. */
int percpu_chunk_find(struct kma_state *state, uint64_t base_addr, uint64_t ts, uint32_t *number);
/* An allocation at @e->percpu_alloc's place. Ends what is live there. */
int percpu_object_begin(struct kma_state *state, const struct kma_event *e, uint32_t group);
/* A free at @e->percpu_chunk's place, of whatever is live there. */
int percpu_object_end(struct kma_state *state, const struct kma_event *e);
int percpu_chunk_create(struct kma_state *state, const struct kma_event *e);
int percpu_chunk_destroy(struct kma_state *state, const struct kma_event *e);

extern const struct kma_metric_def percpu_metric_defs[];

int percpu_report(const struct kma_state *state, const struct kma_summary *summary,
		  struct kma_report *report);

/* What @bytes (bytes_alloc) or else @size take on all CPUs together. */
static inline uint64_t percpu_cost(const struct kma_state *state, uint64_t size, uint64_t bytes)
{
	return state->has_bytes ? bytes : size * state->trace->possible_cpus;
}

#endif
