/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one call of the slab report works out before it tells anything: shared by the metrics
 * (slab_report.c), the sums (slab_sums.c), the evidence of leaks (slab_leak.c), the tables and the
 * findings, and by nothing else.
 */
#ifndef KMA_PLUGINS_SLAB_REPORT_H
#define KMA_PLUGINS_SLAB_REPORT_H

#include "slab_internal.h"

/* Places in slab_metric_defs. */
enum {
	SLAB_ALLOC,
	SLAB_FREE,
	SLAB_REQ_BYTES,
	SLAB_ALLOC_BYTES,
	SLAB_WASTE_BYTES,
	SLAB_WASTE_RATIO,
	SLAB_OUTSTANDING_OBJECTS,
	SLAB_OUTSTANDING_BYTES,
	SLAB_PEAK_OBJECTS,
	SLAB_PEAK_BYTES,
	SLAB_LIFETIME_NS,
	SLAB_CROSS_CPU_FREE,
	SLAB_CROSS_CPU_RATIO,
	SLAB_FREE_UNKNOWN,
	SLAB_MISSED_FREE,
	SLAB_ALLOC_FAILED,
	SLAB_ZERO_SIZE,
	SLAB_NOOP_FREE,
	SLAB_LEAK_SUSPECTS,
	SLAB_LEAK_SUSPECT_BYTES,
	SLAB_CACHE_SAVING_BYTES,
	SLAB_NR_METRICS,
};

#define SLAB_METRIC(i) (&slab_metric_defs[i])

struct slab_sum {
	uint64_t allocs, req_bytes, alloc_bytes;
	uint64_t freed, cross_cpu, missed; /* of the objects allocated here */
	uint64_t live, live_bytes;
};

struct slab_site_row {
	uint32_t id;
	struct slab_sum sum;
	uint64_t kmallocs; /* of sum.allocs */
	const struct slab_site *site;
};

struct slab_cache_row {
	uint32_t name;
	const char *text;
	struct slab_sum sum;
	uint64_t frees; /* records that name it */
	bool learned;	/* from frees */
};

struct slab_size_row {
	uint32_t bytes_alloc;
	struct slab_sum sum;
};

enum slab_grade { SLAB_STRONG, SLAB_MODERATE, SLAB_WEAK, SLAB_NR_GRADES };

enum slab_reason {
	SLAB_OVERDUE,	  /* older than what this site's objects live to */
	SLAB_STOPPED,	  /* older ones were freed, none of the newer ones was */
	SLAB_NEVER_FREED, /* too few were freed to compare with */
};

struct slab_suspect {
	const struct slab_site_row *row;
	enum slab_grade grade;
	enum slab_reason reason;
	bool growing;		   /* outstanding bytes, from the middle to the end of the trace */
	uint64_t mid_bytes;	   /* outstanding in the middle */
	double expected;	   /* of the late objects, those that should be gone by now */
	double survival;	   /* Kaplan-Meier: the share that outlives all ages seen */
	uint64_t late, late_bytes; /* the objects that are suspicious */
	uint64_t oldest, median;   /* ages of the outstanding objects */
	unsigned int late_bin;	   /* late are those older than this bin of ages ... */
	uint64_t late_since;	   /* ... and allocated after this */
};

struct slab_candidate {
	const struct slab_site_row *row;
	const struct slab_kind *kind; /* the site's dominant size */
	uint32_t object_bytes;	      /* in a cache of its own */
	uint64_t peak_saving, traffic_saving;
};

struct slab_telling {
	const struct kma_state *state;
	const struct kma_trace *trace;
	const struct kma_summary *summary;
	struct kma_report *report;
	uint64_t now; /* the end of the trace */

	bool have_allocs[SLAB_NR_FAMILIES], have_frees[SLAB_NR_FAMILIES];
	bool have_any_alloc, have_any_free;
	bool have_pairs; /* whatever was allocated could be seen freed */
	bool have_ns;
	const char *no_allocs[SLAB_NR_FAMILIES], *no_frees[SLAB_NR_FAMILIES]; /* reasons */
	const char *no_any_alloc, *no_any_free, *no_pairs, *no_ns;
	uint64_t unfollowed;

	struct kma_status counted; /* records of both families */
	struct kma_status freed;   /* records of frees of both families */
	struct kma_status plain;   /* records of one family */
	struct kma_status ratio;
	struct kma_status matched; /* by address */
	struct kma_status unknown; /* frees without an allocation */
	struct kma_status timed;   /* lifetimes */
	struct kma_status judged;  /* leaks */

	struct slab_sum all, family[SLAB_NR_FAMILIES];
	struct slab_site_row *sites;	   /* most bytes first */
	struct slab_cache_row *caches;	   /* most bytes first */
	struct slab_size_row *sizes;	   /* smallest first; of kmalloc */
	struct slab_suspect *suspects;	   /* best evidence first, then most bytes */
	struct slab_candidate *candidates; /* largest saving first */
	size_t nr_sites, nr_caches, nr_sizes, nr_suspects, nr_candidates;
};

/* Each: 0, or -1 when out of memory. */
int slab_sum_up(struct slab_telling *t);
int slab_find_suspects(struct slab_telling *t);
int slab_find_candidates(struct slab_telling *t);

void slab_tell_tables(struct slab_telling *t);
void slab_tell_findings(struct slab_telling *t);

const char *slab_grade_text(enum slab_grade grade);

static inline struct kma_value slab_site_value(const struct slab_telling *t, uint32_t site)
{
	return kma_sites_value(t->state->sites, site, t->report);
}

static inline struct kma_labels slab_site_label(const struct slab_telling *t, uint32_t site)
{
	return kma_label1("call_site", slab_site_value(t, site));
}

static inline int64_t slab_waste(const struct slab_sum *sum)
{
	return (int64_t)(sum->alloc_bytes - sum->req_bytes);
}

#endif
