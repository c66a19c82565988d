/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole result: what the trace is, how good it is, and the finished reports. Filled by main and
 * the pipeline through the functions below; renderers and the gate see it const.
 */
#ifndef KMA_RESULT_RESULT_H
#define KMA_RESULT_RESULT_H

#include <kmem-analyze/error.h>
#include <kmem-analyze/result.h>

struct kma_arena;

struct kma_event_count {
	const char *system, *name;
	uint64_t count;
};

struct kma_buffer_facts {
	const char *name; /* "" is the top buffer */
	const char *clock;
	bool analysed;
};

/* A command that was run while recording. */
struct kma_command_facts {
	const char **words;
	size_t nr_words;
	bool ended;
	int exit_status; /* -1: ended by a signal */
	int signal;	 /* 0: none */
};

/* How a live recording was made. */
struct kma_live_facts {
	const char *instance; /* of tracefs */
	uint32_t buffer_kb;   /* of each CPU */
	int own_pid;	      /* whose events were left out */
	uint64_t elapsed_ns;
	const char *ended_by; /* "command", "time", "signal", "user"; NULL: it goes on */
	const char **events;  /* that were enabled */
	size_t nr_events;
	const struct kma_command_facts *command; /* NULL: none */
};

/* The trace as it is; strings live in the result's arena, NULL where the file does not say. */
struct kma_facts {
	const char *source;	   /* path as given */
	const char *kernel;	   /* uname */
	uint64_t trace_id;	   /* 0: none */
	unsigned int file_version; /* 6, 7 */
	const char *compression;   /* "none", "zstd", "zlib" */
	uint32_t cpus;		   /* CPUs of the traced machine */
	uint32_t page_size, long_size;
	bool big_endian;
	const char *clock;
	bool ticks; /* timestamps are no nanoseconds, and nothing tells how to convert them */
	const char
		*clock_note; /* "converted from TSC to ns", "ticks: durations unavailable", ... */
	struct kma_buffer_facts *buffers;
	size_t nr_buffers;
	uint64_t first_ts, last_ts;	/* of the records analysed; both 0 without any */
	uint64_t records;		/* in the analysed range and CPUs, wanted or not */
	struct kma_event_count *events; /* sorted by system, name */
	size_t nr_events;
	const struct kma_live_facts *live; /* NULL: a file */
};

struct kma_gap {
	const char *buffer;
	uint32_t cpu;
	bool counted;
	uint64_t count; /* lower bound unless counted */
	uint64_t from_ts, to_ts;
};

struct kma_cpu_coverage {
	const char *buffer;
	uint32_t cpu;
	uint64_t records, lost;
	bool lost_counted;
	uint64_t first_ts, last_ts;   /* meaningless without records */
	bool starts_late, ends_early; /* against the trace as a whole */
	bool has_overrun;
	uint64_t overrun; /* the kernel's own count of overwritten events (CPUSTAT) */
};

struct kma_absence {
	const char *report;   /* "zone_lock" */
	const char *event;    /* "kmem:mm_zone_lock_unlock" */
	const char *what_for; /* "hold times" */
	bool required;
	bool format_known; /* the trace describes the event, yet holds no record of it */
};

struct kma_quality {
	const char *reader; /* "own", "libtracecmd" */
	bool truncated;
	const char *damage;   /* when truncated: the first thing that is missing or broken */
	struct kma_gap *gaps; /* at most KMA_MAX_GAPS, in time order; the rest only counted */
	size_t nr_gaps;
	uint64_t more_gaps;
	uint64_t lost;		       /* events lost in all */
	bool lost_counted;	       /* false: a lower bound */
	struct kma_cpu_coverage *cpus; /* one per lane */
	size_t nr_cpus;
	struct kma_absence *absences;
	size_t nr_absences;
	const char **notes; /* whole sentences: damage, clocks, double counting, ... */
	size_t nr_notes, max_notes;
};

#define KMA_MAX_GAPS 1000

/* Kernels have 4 to 7; what an analysis says beyond this many is not kept. */
#define KMA_MAX_MIGRATETYPES	 64
#define KMA_MIGRATETYPE_NAME_MAX 31

struct kma_migratetype {
	int32_t number;
	const char *name;
	bool by_user; /* else proven by the trace */
};

struct kma_report {
	const char *name, *title;
	struct kma_status status; /* the worst one said; its reason is the first with that code */
	const char **reasons;	  /* all of them, each once */
	size_t nr_reasons, max_reasons;
	struct kma_metric *metrics;
	size_t nr_metrics, max_metrics;
	struct kma_table *tables;
	size_t nr_tables, max_tables;
	struct kma_series *series;
	size_t nr_series, max_series;
	struct kma_finding *findings;
	size_t nr_findings, max_findings;
	struct kma_result *result; /* that it is part of */
	struct kma_arena *arena;   /* the result's */
	bool failed;		   /* out of memory while building */
};

struct kma_result {
	struct kma_arena *arena; /* owns every string and array below */
	struct kma_facts facts;
	struct kma_quality quality;
	struct kma_report trace; /* trace.* metrics: a report without tables */
	struct kma_report *reports;
	size_t nr_reports, max_reports;
	/* All that was said of them; once resolved, what holds, by number. */
	struct kma_migratetype migratetypes[KMA_MAX_MIGRATETYPES];
	size_t nr_migratetypes;
};

struct kma_result *kma_result_new(void);
void kma_result_free(struct kma_result *result);

/* A new report of @result; static strings. NULL when out of memory. Valid until the next one is
 * added. */
struct kma_report *kma_result_report(struct kma_result *result, const char *name,
				     const char *title);

/* Adds a sentence to the quality ledger. */
int kma_result_note(struct kma_result *result, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The user's word for a migratetype; at most KMA_MIGRATETYPE_NAME_MAX characters of it are kept. 0,
 * or -1 when out of memory. */
int kma_result_add_migratetype(struct kma_result *result, int32_t number, const char *name);
/* Drops what contradicts itself or the user, and says so of the latter; sorts. Part of resolving.
 * 0, or -1 when out of memory. */
int kma_result_settle_migratetypes(struct kma_result *result);
/* The name of migratetype @number, or NULL. After resolving. */
const char *kma_result_migratetype(const struct kma_result *result, int64_t number);

/*
 * Fills result->trace from the facts and the quality ledger: trace.events_total,
 * trace.lost_events_total, trace.span_ns. Call once, when both are complete. 0, or -1 when out of
 * memory.
 */
int kma_result_trace_metrics(struct kma_result *result);
extern const struct kma_metric_def kma_trace_metric_defs[]; /* ends with a NULL name; for --list */

/* The report of that name, or NULL. */
const struct kma_report *kma_result_find_report(const struct kma_result *result, const char *name);
/* The metric of @report that @key names ("zone_lock.hold_ns{node=0,zone=Normal}"), or NULL. After
 * resolving. */
const struct kma_metric *kma_report_find(const struct kma_report *report, const char *key);

/*
 * A label's or cell's value as bare text: numbers in decimal, addresses as 0x..., strings as they
 * are ("-" for none). Returns the string itself or @buf filled.
 */
#define KMA_VALUE_TEXT 40
const char *kma_value_text(const struct kma_value *value, char buf[KMA_VALUE_TEXT]);
/* "zone_lock.hold_ns{node=0,zone=Normal}" in @arena; NULL when out of memory. */
char *kma_metric_key(struct kma_arena *arena, const struct kma_metric_def *def,
		     const struct kma_labels *labels);

/*
 * Gives every KMA_VALUE_TASK its name. @lookup gets the pids sorted and without duplicates and
 * fills names[i] (arena strings "COMM-PID") or leaves NULL, which prints as the pid. @lookup may be
 * NULL. Call it before kma_result_resolve().
 */
typedef int (*kma_task_lookup)(void *source, const int32_t *pids, const char **names, size_t nr,
			       struct kma_arena *arena);
int kma_result_name_tasks(struct kma_result *result, kma_task_lookup lookup, void *source,
			  struct kma_error *err);

/*
 * Gives every address in the result its name. @lookup gets the addresses sorted and without
 * duplicates and fills names[i] (arena strings "function+0xoff") or leaves NULL, which prints as
 * raw hex (@lookup itself may be NULL). Two addresses with one name (static functions of the same
 * name) are told apart by the address behind it. Also sorts metrics: by definition's first use,
 * then by label keys and values (names by bytes, numbers by value), so that output is stable. Fails
 * also when memory ran out while a report was built. Settles the names of migratetypes, too.
 */
typedef int (*kma_symbol_lookup)(void *source, const uint64_t *addresses, const char **names,
				 size_t nr, struct kma_arena *arena);
int kma_result_resolve(struct kma_result *result, kma_symbol_lookup lookup, void *source,
		       struct kma_error *err);

#endif
