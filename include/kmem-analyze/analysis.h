/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contract of an analysis (one file in plugins/): what it needs, and five functions. It sees
 * events and fills a report; it knows nothing of files, options or output formats.
 */
#ifndef KMEM_ANALYZE_ANALYSIS_H
#define KMEM_ANALYZE_ANALYSIS_H

#include <stdbool.h>
#include <stdint.h>

#include <kmem-analyze/error.h>
#include <kmem-analyze/event.h>
#include <kmem-analyze/result.h>

enum kma_clock {
	KMA_CLOCK_GLOBAL, /* nanoseconds, comparable across CPUs */
	KMA_CLOCK_LOCAL,  /* nanoseconds, comparable on one CPU only */
	KMA_CLOCK_TICKS,  /* no nanoseconds: durations are unavailable */
};

struct kma_strings;
struct kma_namer;

/* Page frames from @start up to, not including, @end; none where both are the same. */
struct kma_pfn_range {
	uint64_t start, end;
};

/* A name for flags that has all bits of @mask set. */
struct kma_flag_name {
	const char *name;
	uint64_t mask;
};

/* What is known before the first event. */
struct kma_trace {
	enum kma_clock clock;
	const char *clock_name; /* "local", "mono", ... */
	uint32_t nr_cpus;	/* highest CPU id with a lane, plus one */
	uint64_t start_ts;	/* no event is older */
	uint64_t formats;	/* KMA_KIND_BIT of each event whose format the trace holds */
	uint32_t optional_fields[KMA_NR_KINDS]; /* per kind: KMA_HAS_* */
	uint32_t page_size;			/* of the traced machine */
	uint32_t possible_cpus; /* of the traced machine, as far as the file tells */
	int pageblock_order;	/* from a print format; -1: no format tells */
	/* from a print format, in its order; ends with a NULL name */
	const struct kma_flag_name *gfp_flags;
	uint32_t nodes;	      /* online nodes, when the user said so; 0: as seen in the trace */
	uint32_t stack_depth; /* addresses of a stack that tell call sites apart; 0: no stacks */
	const char *coarse;   /* why times have few digits; NULL: they are as the clock gave them */
	bool filtered;	      /* CPUs or a time range were picked: pairs may be cut */
	bool one_pass;	      /* the input cannot be read twice: second_pass() is never called */
	struct kma_pfn_range pfns; /* pages that the user wants followed; may be none */
	int32_t cma_migratetype;   /* of CMA's pageblocks, when the user said so; else -1 */
	bool has_ptr;		   /* an object that the user wants followed */
	uint64_t ptr;
	const struct kma_strings *strings;
	const struct kma_namer *namer; /* for kma_name_addresses() */
};

/* The text of an interned string; valid as long as the trace. */
const char *kma_string(const struct kma_strings *strings, uint32_t id);

/*
 * Names @nr addresses, in any order: names[i] is "function+0xoff", or NULL where the trace does not
 * tell. The names live as long as the trace. Slow (it reads all of the trace's symbols): for
 * report(), a few times. 0, or -1 when out of memory.
 */
int kma_name_addresses(const struct kma_namer *namer, const uint64_t *addresses, const char **names,
		       size_t nr);

/* What is known after the last event so far. */
struct kma_summary {
	uint64_t first_ts, last_ts; /* of all records, wanted or not */
	uint64_t records[KMA_NR_KINDS];
	uint64_t lost;	/* records lost; lower bound */
	bool truncated; /* the input ended early */
};

struct kma_need {
	enum kma_kind kind;
	bool required;	      /* without any of the required ones the report is empty */
	const char *what_for; /* "hold times"; NULL: used, but not missed when absent */
};

/* An event that another report makes something of. */
struct kma_instead {
	enum kma_kind kind; /* it is only counted: see kma_summary.records */
	const char *says;
};

enum kma_stack_use {
	KMA_STACKS_NEVER,
	KMA_STACKS_WHEN_ASKED, /* kma_event.stack is filled when the user asked for stacks */
	KMA_STACKS_ALWAYS,     /* it is always filled, in the last pass */
};

struct kma_state;  /* each analysis completes it in its own file */
struct kma_report; /* being built, see result.h */

struct kma_analysis {
	const char *name; /* also the report's and the prefix of its metrics */
	const char *title;
	const struct kma_need *needs;	      /* ends with KMA_KIND_NONE */
	const struct kma_metric_def *metrics; /* ends with a NULL name */
	enum kma_stack_use stacks;
	uint64_t stack_kinds; /* KMA_KIND_BIT of the needs whose stacks matter; 0: all */
	uint64_t second;      /* KMA_KIND_BIT of the needs wanted in the second pass only */
	/* KMA_KIND_BIT of needs that are not missed when absent, but that a kernel has wherever it
	 * has the others: to be recorded, too */
	uint64_t record;
	/* Optional: those needs that are worth recording alone where all of them cost too much, and
	 * what that tells; ends with KMA_KIND_NONE */
	const struct kma_need *cheap;
	/* Optional: where to look when none of the required needs is there, but that event is */
	struct kma_instead instead;

	/* NULL with @err filled when out of memory. @trace outlives the state. */
	struct kma_state *(*open)(const struct kma_trace *trace, struct kma_error *err);
	/* 0, or -1 when out of memory */
	int (*feed)(struct kma_state *state, const struct kma_batch *batch);
	int (*lost)(struct kma_state *state, const struct kma_lost *lost);
	/*
	 * Optional: for an analysis that can tell which events matter only once it knows what the
	 * trace holds. Called after the last event; true: the whole trace comes once more, now
	 * with the kinds in @second too. Where the input cannot be read twice
	 * (kma_trace.one_pass), all needs are fed in the only pass and this is not called.
	 */
	bool (*second_pass)(struct kma_state *state, const struct kma_summary *summary);
	/* May be called many times; never changes what a later call or feed() sees. */
	int (*report)(const struct kma_state *state, const struct kma_summary *summary,
		      struct kma_report *report);
	void (*close)(struct kma_state *state);
};

/* The static list of analyses, in the order of their reports; ends with NULL. */
extern const struct kma_analysis *const kma_analyses[];
/* Not among them: the story of the first page of kma_trace.pfns, or of the object at kma_trace.ptr.
 */
extern const struct kma_analysis kma_story_page_analysis, kma_story_object_analysis;

#endif
