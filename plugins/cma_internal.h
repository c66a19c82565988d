/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the cma analysis share: allocations and failures that cma.c gathers, the pages
 * that cma_pages.c follows, the culprits that cma_blame.c finds, and the reports made of them.
 */
#ifndef KMA_PLUGINS_CMA_INTERNAL_H
#define KMA_PLUGINS_CMA_INTERNAL_H

#include <kmem-analyze/analysis.h>

#include "pageref.h"
#include "pfnset.h"
#include "result/histogram.h"
#include "site.h"

/* Kept one by one; what is beyond is only counted. A broken trace, or a driver that tries again and
 * again, can make any number. */
#define CMA_MAX_AREAS	 1024u
#define CMA_MAX_RUNNING	 4096u
#define CMA_MAX_ALLOCS	 65536u
#define CMA_MAX_FAILURES 65536u
#define CMA_MAX_HOLDINGS 262144u
#define CMA_MAX_STEPS	 262144u
#define CMA_MAX_WATCHED	 4096u
#define CMA_RECENT	 16384u /* references given back last */
#define CMA_MAX_MT	 64
#define CMA_MAX_SCANNED	 (1u << 26) /* pages looked at for holders, over all failures */

#define CMA_NO_PFN  UINT64_MAX
#define CMA_NOTHING UINT32_MAX

/* Stacks as they are told, and as much of them as tells a way of taking from another. */
#define CMA_STACK_DEPTH 32
#define CMA_KEY_DEPTH	3

/*
 * A pin that is shorter than this is over before a caller who tries again is back: what it takes
 * is the time of an I/O, not of a user.
 */
#define CMA_SHORT_PIN_NS 10000000
/* A page that is unmapped for longer than this and not freed is in no batch. */
#define CMA_BATCH_NS 50000000

struct cma_area {
	uint32_t name;	     /* interned; the empty string where events do not name areas */
	uint64_t start, end; /* what events showed of it */
	uint64_t allocs, failed, retries, delayed;
	struct kma_histogram latency; /* of allocations that were seen from start to finish */
};

enum cma_outcome { CMA_RUNNING, CMA_SUCCEEDED, CMA_FAILED };

struct cma_alloc {
	uint64_t start_ts, end_ts; /* start 0: not seen */
	uint64_t count, pfn;
	uint64_t window_ts; /* when the attempt on the current range began */
	uint32_t area, align, cpu;
	int32_t pid, errorno; /* errno 0 of a failure: not told */
	uint32_t stack;
	uint32_t retries;
	uint32_t first_failure, last_failure; /* of isolation, in its time; CMA_NOTHING */
	uint32_t nr_failures;
	uint8_t outcome; /* enum cma_outcome */
};

/* An isolation that failed, or the end of an allocation for which no isolation was recorded. */
struct cma_failure {
	uint64_t ts, window_ts; /* of the failure; when the attempt that failed began */
	uint64_t start_pfn, end_pfn, fin_pfn; /* fin: CMA_NO_PFN when no event tells */
	uint32_t alloc; /* in allocs; CMA_NOTHING: of somebody who is no cma_alloc */
	uint32_t cpu, stack;
	int32_t pid;
	uint32_t next;	   /* of the same allocation */
	uint32_t holdings; /* chain; CMA_NOTHING: none */
	uint32_t nr_pages; /* of the range that were referenced besides by mappings */
	bool tested;	   /* an isolation test told it */
};

/* A reference that was there at a failure, or given back in the attempt that failed. */
struct cma_holding {
	uint64_t pfn;
	struct pageref ref; /* as it was then */
	uint64_t put_ts;    /* 0: not given back within the trace */
	int32_t put_pid;    /* PAGEREF_NOBODY: given back without a record */
	uint32_t put_cpu, put_stack;
	uint8_t put_role; /* what it was when it was given back */
	bool put_last;	  /* nobody had a reference any more */
	bool sure;	  /* the match of taking and giving back is the only possible one */
	bool early;	  /* given back before the failure */
	uint32_t next;	  /* of the same failure */
	uint32_t same;	  /* of the same reference, at an earlier failure */
};

/* An event of a watched page. */
struct cma_step {
	uint64_t ts, pfn, mapping;
	uint32_t cpu, stack;
	int32_t pid;
	int32_t val, delta, count, after, missed, mapcount, mt;
	uint64_t taken_ts; /* of the reference given back; 0: none, or not known */
	int32_t taken_pid;
	uint8_t kind;
	bool refused; /* mod_unless or freeze that did nothing */
	bool sure;
};

/* References taken on followed pages and given back, by where they were taken. */
struct cma_site {
	uint64_t taken, given;
	uint64_t held_ns, longest_ns;
};

struct cma_recent {
	uint64_t pfn, put_ts;
	struct pageref ref;
	int32_t put_pid;
	uint32_t put_cpu, put_stack;
	bool sure, put_last;
};

struct kma_state {
	const struct kma_trace *trace;
	bool following;		 /* page references are fed: the second pass, or the only one */
	int32_t cma_migratetype; /* of pages to follow wherever they are; -1: not known */
	bool follow_all;	 /* which pages matter cannot be known beforehand */
	uint64_t lost;		 /* records, at least */

	/* of the trace as a whole, kept from pass to pass */
	struct pfnset ranges;	   /* pages to follow */
	struct pfnset areas_seen;  /* those of them that cma events named */
	struct kma_u64map watched; /* pages on which an isolation failed */

	struct cma_area *areas; /* number 0: of allocations beyond CMA_MAX_AREAS */
	uint32_t nr_areas, max_areas;
	struct kma_u64map running; /* pid to number in allocs */
	struct cma_alloc *allocs;  /* those running, and those that failed or were delayed */
	uint32_t nr_allocs, max_allocs, *spare_allocs, nr_spare, max_spare;
	struct cma_failure *failures;
	uint32_t nr_failures, max_failures;
	struct kma_u64map migrating; /* pid to when it began to migrate pages, not yet tested */
	struct kma_u64map
		lone; /* pid to its first (upper half) and last failure of no allocation */
	uint64_t isolations, isolation_failures, forgotten;
	uint64_t latency_unknown; /* allocations whose start was not seen */

	struct pagerefs refs;
	struct kma_sites *stacks, *keys;
	struct cma_site *sites; /* by number of the stack */
	uint32_t nr_sites;
	struct cma_holding *holdings;
	uint32_t nr_holdings, max_holdings;
	struct cma_step *steps;
	uint32_t nr_steps, max_steps;
	struct cma_recent *recent; /* a ring */
	uint64_t nr_recent;
	struct kma_histogram held;
	uint64_t ref_events, missed, not_followed, steps_dropped, holdings_dropped;
	uint64_t scanned, not_scanned; /* pages, and failures whose pages were not */
	/* by migratetype: events of pages in areas, while no allocation runs and while one does */
	uint64_t mt_quiet[CMA_MAX_MT], mt_busy[CMA_MAX_MT];
	bool mt_strange; /* a migratetype beyond those */
};

/* ---- cma_pages.c: the pages that matter ---- */

int cma_pages_open(struct kma_state *state);
void cma_pages_close(struct kma_state *state);
int cma_pages_feed(struct kma_state *state, const struct kma_batch *batch,
		   const struct kma_event *e);
/* The stack of @e as a number; 0: none. */
int cma_stack(struct kma_state *state, const struct kma_batch *batch, const struct kma_event *e,
	      uint32_t *stack);
/* Keeps who has references on the pages of @failure, its last range. */
int cma_pages_hold(struct kma_state *state, uint32_t failure);

/* ---- cma_blame.c: whose reference it was ---- */

enum cma_verdict {
	CMA_VERDICT_BATCH_EXIT,	 /* a batch of pages of a task that exits */
	CMA_VERDICT_BATCH_UNMAP, /* the same of an unmapping, or one of which no stack tells */
	CMA_VERDICT_BATCH_LRU,	 /* a batch on the way to the LRU lists */
	CMA_VERDICT_SHORT_PIN,
	CMA_VERDICT_LONG_PIN,
	CMA_VERDICT_PIN, /* of unknown length: the clock counts no time, or it began before the
			    trace */
	CMA_VERDICT_LEAKED,
	CMA_VERDICT_NOT_VISIBLE,
	CMA_VERDICT_NO_RANGE, /* the area had no free range to try */
	CMA_VERDICT_UNKNOWN,  /* page references were not recorded */
};

struct cma_blame {
	enum cma_verdict verdict;
	uint64_t pfn;			   /* CMA_NO_PFN: no page is known */
	const struct cma_holding *holding; /* NULL: none */
	uint32_t others;		   /* pages of the range that were referenced, besides */
	uint32_t more;			   /* references in the way on the page itself, besides */
	bool approximate;		   /* the match of taking and giving back is a guess */
};

struct cma_names; /* functions of the stacks, by number */
struct cma_names *cma_names_new(const struct kma_state *state);
void cma_names_free(struct cma_names *names);
/* "try_get_folio < get_user_pages_fast < ...": the @depth innermost functions; NULL: no stack */
const char *cma_names_text(const struct cma_names *names, struct kma_report *report, uint32_t stack,
			   unsigned int depth);

struct cma_blame cma_blame(const struct kma_state *state, const struct cma_names *names,
			   const struct cma_failure *failure);
/* "long_pin", for tables and tools; "a long pin", for sentences */
const char *cma_verdict_id(enum cma_verdict verdict);
const char *cma_verdict_text(enum cma_verdict verdict);

/* ---- the reports ---- */

extern const struct kma_metric_def cma_metric_defs[];

/* References taken, beside by allocations and mappings, and not given back, by where. */
struct cma_open {
	uint64_t nr, oldest_ts, oldest_pfn;
	int32_t oldest_pid;
};

/* What the files of the report share: worked out once. */
struct cma_view {
	const struct kma_state *state;
	const struct kma_summary *summary;
	struct kma_report *report;
	struct cma_names *names;
	const struct cma_failure **failed; /* one of each failed allocation, and each lone failure,
					      in time order */
	size_t nr_failed;
	struct cma_blame *blames;	  /* of each of them */
	const struct cma_alloc **delayed; /* in whose way an isolation failed, but that did not */
	size_t nr_delayed;
	struct cma_open *open; /* by number of the stack */
	bool has_refs, has_cma, has_isolation;
	bool ticks; /* timestamps are no time */
	struct kma_status counted, followed;
};

int cma_report(const struct kma_state *state, const struct kma_summary *summary,
	       struct kma_report *report);
void cma_tables(const struct cma_view *view);
void cma_findings(const struct cma_view *view);
/* The metrics that prove a finding. */
enum cma_proof { CMA_PROOF_FAILURE, CMA_PROOF_DELAY, CMA_PROOF_HELD };
void cma_prove(const struct cma_view *view, size_t finding, enum cma_proof proof);
/* What Linux calls an interrupted allocation, on all its machines. */
#define CMA_EINTR (-4)
/* "-EBUSY", of the errors that CMA gives; "error N" of others. */
const char *cma_error_name(struct kma_report *report, int32_t errorno);
/* The area's name for tables: "?" where events do not name areas. */
const char *cma_area_name(const struct kma_state *state, uint32_t area);

#endif
