/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What slab.c gathers and slab_report.c and its neighbours tell: the state of the slab analysis.
 * Knows nothing of how it is told. Private to these files.
 */
#ifndef KMA_PLUGINS_SLAB_INTERNAL_H
#define KMA_PLUGINS_SLAB_INTERNAL_H

#include <kmem-analyze/analysis.h>

#include "result/histogram.h"
#include "site.h"
#include "slab_live.h"

enum slab_family {
	SLAB_KMALLOC,
	SLAB_KMEM_CACHE,
	SLAB_NR_FAMILIES,
};

/* No object lies below: the kernel's answer to a request for 0 bytes is 16. */
#define SLAB_ZERO_SIZE_PTR 16

/* Ages in nanoseconds, four bins per power of two: up to 1 us in bin 0, over an hour in the last.
 */
#define SLAB_AGE_BINS  128
#define SLAB_AGE_SHIFT 10

/* The outstanding bytes of each site are looked at so many times, at equal distances. */
#define SLAB_SAMPLES		32
#define SLAB_FIRST_SAMPLE_SHIFT 10 /* about 1 us */

/*
 * Objects of one call site, one size and one cache. All counts by call site, by cache and by size
 * are sums over kinds. Number 0 is not used.
 */
#define SLAB_MAX_KINDS (1u << 20)
/* A site's further sizes are told apart by bytes_alloc only, with this as their bytes_req. */
#define SLAB_MAX_SITE_KINDS 256
#define SLAB_MIXED	    UINT32_MAX
#define SLAB_NO_CACHE	    0 /* the interned empty string */
#define SLAB_MANY_CACHES    UINT32_MAX

struct slab_kind {
	uint32_t site;
	uint32_t bytes_req, bytes_alloc;
	uint32_t cache;	      /* as the allocation named it */
	uint32_t freed_cache; /* as the frees of its objects named it */
	uint32_t family;
	uint32_t live, peak;
	uint64_t allocs, req_bytes;
	uint64_t freed;	    /* with a record; what is neither live nor freed was missed */
	uint64_t cross_cpu; /* of freed: on another CPU */
};

_Static_assert(sizeof(struct slab_kind) == 64, "a kind is one cache line");

/* What does not depend on the size, or is not an allocation. */
struct slab_site {
	uint64_t failed;
	uint64_t frees, unknown_frees, noop_frees; /* records where this site frees */
	uint64_t last_gone_birth; /* when the youngest of its objects that are gone was allocated */
	uint64_t longest;	  /* of the lifetimes seen */
	uint32_t *gone;		  /* SLAB_AGE_BINS: objects gone, by age; NULL until the first */
	uint32_t nr_kinds;
};

/* Allocations beyond the limits above: counted, not followed. */
struct slab_rest {
	uint64_t allocs, req_bytes, alloc_bytes;
};

struct slab_kinds {
	struct slab_kind *kind;
	uint32_t nr, max;
	uint32_t *slots; /* numbers of kinds by hash, 1 << bits of them */
	unsigned int bits;
};

struct kma_state {
	const struct kma_trace *trace;
	struct kma_sites *sites;
	struct slab_site *site; /* by number */
	uint32_t max_sites;
	struct slab_kinds kinds;
	struct slab_live live;
	uint64_t live_bytes, peak_bytes, peak_objects;

	uint64_t allocs[SLAB_NR_FAMILIES], frees[SLAB_NR_FAMILIES];
	uint64_t failed, zero_size;
	uint64_t unknown_frees, noop_frees, missed_frees, cross_cpu;
	struct slab_rest rest[SLAB_NR_FAMILIES];
	uint64_t *cache_frees; /* by interned name */
	uint32_t max_caches;
	bool alloc_has_name, free_has_name;
	struct kma_histogram lifetime;

	/* outstanding bytes at the end of time bin i: site s at [s * SLAB_SAMPLES + i] */
	uint64_t *samples;
	uint64_t all_samples[SLAB_SAMPLES];
	unsigned int nr_samples, sample_shift;
	uint64_t next_sample; /* the end of bin nr_samples */
};

static inline unsigned int slab_age_bin(uint64_t ns)
{
	unsigned int octave, bin;

	if (ns >> SLAB_AGE_SHIFT == 0)
		return 0;
	octave = 63 - (unsigned int)__builtin_clzll(ns);
	bin = 4 * (octave - SLAB_AGE_SHIFT) + (unsigned int)(ns >> (octave - 2) & 3);
	return bin < SLAB_AGE_BINS ? bin : SLAB_AGE_BINS - 1;
}

/* Smallest age of bin @bin. */
static inline uint64_t slab_age_low(unsigned int bin)
{
	return bin ? (uint64_t)(4 + bin % 4) << (SLAB_AGE_SHIFT + bin / 4 - 2) : 0;
}

static inline uint64_t slab_kind_live_bytes(const struct slab_kind *kind)
{
	return (uint64_t)kind->live * kind->bytes_alloc;
}

/*
 * The number of the kind in *@number, made if need be, or 0 at the limit. A size beyond the site's
 * share falls together with its others. 0, or -1 when out of memory.
 */
int slab_kinds_find(struct slab_kinds *kinds, struct slab_site *site, struct slab_kind wanted,
		    uint32_t *number);
void slab_kinds_free(struct slab_kinds *kinds);

extern const struct kma_metric_def slab_metric_defs[];
int slab_report(const struct kma_state *state, const struct kma_summary *summary,
		struct kma_report *report);

#endif
