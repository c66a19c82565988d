/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one result model: analyses fill it through the builder below, renderers and the gate only
 * read it. Every metric says how far it can be trusted.
 */
#ifndef KMEM_ANALYZE_RESULT_H
#define KMEM_ANALYZE_RESULT_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kma_status_code {
	KMA_EXACT,
	KMA_APPROXIMATE,
	KMA_LOWER_BOUND,
	KMA_UNAVAILABLE,
};

struct kma_status {
	enum kma_status_code code;
	const char *reason; /* NULL only when exact */
};

enum kma_metric_kind { KMA_COUNTER, KMA_GAUGE, KMA_DISTRIBUTION };
enum kma_better { KMA_BETTER_NONE, KMA_BETTER_LOWER, KMA_BETTER_HIGHER };

enum kma_unit {
	KMA_UNIT_COUNT, /* events, objects: a plain number */
	KMA_UNIT_NS,
	KMA_UNIT_BYTES,
	KMA_UNIT_PAGES,
	KMA_UNIT_RATIO,	      /* 0..1, for people in % */
	KMA_UNIT_COEFFICIENT, /* -1..1, a correlation */
	KMA_UNIT_NS_PER_PAGE,
	KMA_UNIT_TIMESTAMP, /* a time on the trace's clock */
};

/* Declared once per metric, as static data of its analysis; --list is made from it. */
struct kma_metric_def {
	const char *name; /* "zone_lock.hold_ns" */
	enum kma_metric_kind kind;
	enum kma_unit unit;
	enum kma_better better;
	const char *labels; /* label sets besides none: "node,zone caller cpu"; "" if only none */
	const char *title;  /* what a person reads: "hold time" */
};

enum kma_value_type {
	KMA_VALUE_NONE, /* there is none: shown as a dash, null in JSON */
	KMA_VALUE_INT,
	KMA_VALUE_REAL,
	KMA_VALUE_STRING,  /* copied by the builder */
	KMA_VALUE_ADDRESS, /* a kernel address: becomes a string, function+0xoff, by
			      kma_result_resolve() */
	KMA_VALUE_TASK, /* a pid in @i: becomes "COMM-PID", or "PID" where the name is not known */
	KMA_VALUE_MIGRATETYPE, /* its number in @i; for people with the name, where it is known */
};

struct kma_value {
	enum kma_value_type type;
	bool kept; /* a STRING that lives as long as the report: not copied */
	union {
		int64_t i;
		double real;
		const char *string;
		uint64_t address;
	};
};

static inline struct kma_value kma_none(void)
{
	return (struct kma_value){ .type = KMA_VALUE_NONE };
}

static inline struct kma_value kma_int(int64_t i)
{
	return (struct kma_value){ .type = KMA_VALUE_INT, .i = i };
}

static inline struct kma_value kma_real(double real)
{
	return (struct kma_value){ .type = KMA_VALUE_REAL, .real = real };
}

static inline struct kma_value kma_text(const char *string)
{
	return (struct kma_value){ .type = KMA_VALUE_STRING, .string = string };
}

/* Of kma_report_printf(), or static. */
static inline struct kma_value kma_kept_text(const char *string)
{
	return (struct kma_value){ .type = KMA_VALUE_STRING, .kept = true, .string = string };
}

static inline struct kma_value kma_address(uint64_t address)
{
	return (struct kma_value){ .type = KMA_VALUE_ADDRESS, .address = address };
}

static inline struct kma_value kma_task(int32_t pid)
{
	return (struct kma_value){ .type = KMA_VALUE_TASK, .i = pid };
}

static inline struct kma_value kma_migratetype(int32_t number)
{
	return (struct kma_value){ .type = KMA_VALUE_MIGRATETYPE, .i = number };
}

/* Key and value of one label; keys are static text. */
struct kma_label {
	const char *key;
	/* INT, STRING, ADDRESS or TASK; an INT whose key ends in "migratetype" gets its name */
	struct kma_value value;
};

#define KMA_MAX_LABELS 2

struct kma_labels {
	unsigned int nr;
	struct kma_label label[KMA_MAX_LABELS];
};

static inline struct kma_labels kma_no_labels(void)
{
	return (struct kma_labels){ 0 };
}

static inline struct kma_labels kma_label1(const char *key, struct kma_value value)
{
	return (struct kma_labels){ .nr = 1, .label = { { key, value } } };
}

static inline struct kma_labels kma_label2(const char *key, struct kma_value value,
					   const char *key2, struct kma_value value2)
{
	return (struct kma_labels){ .nr = 2, .label = { { key, value }, { key2, value2 } } };
}

struct kma_bucket {
	uint64_t low; /* smallest value that falls into it */
	uint64_t count;
};

struct kma_dist {
	uint64_t count, sum, min, max; /* count 0: the rest is meaningless */
	double mean;
	uint64_t p50, p90, p99, p999; /* nearest rank, within 1 % */
	struct kma_bucket *buckets;   /* only those with a count, ascending */
	size_t nr_buckets;
};

struct kma_metric {
	const struct kma_metric_def *def;
	struct kma_labels labels;
	struct kma_status status;
	struct kma_value value; /* INT or REAL; NONE when unavailable or a distribution */
	struct kma_dist *dist;	/* of a distribution, NULL when unavailable */
};

/* How the text of a timeline shows a column. */
enum kma_column_look {
	KMA_LOOK_PLAIN,
	KMA_LOOK_WORDS,	    /* what the row says: wraps where it is too long */
	KMA_LOOK_CHAIN,	    /* "a < b < c": as much of it as fits, from its beginning */
	KMA_LOOK_LINES,	    /* the same, one a line below its row */
	KMA_LOOK_GROUP,	    /* in a line above the rows that have it in common */
	KMA_LOOK_JSON_ONLY, /* not at all */
};

struct kma_column {
	const char *name;   /* JSON: "wait_ns" */
	const char *title;  /* text: "wait"; NULL: the column is in the JSON only */
	enum kma_unit unit; /* of its numbers */
	/* text: draw a bar of this width behind the number; 0: none; in a timeline an enum
	 * kma_column_look */
	unsigned int bar;
};

struct kma_table {
	const char *name, *title;
	const char *note;		  /* one line under the title, or NULL */
	const struct kma_column *columns; /* static data of the analysis */
	size_t nr_columns;
	struct kma_value *cells; /* nr_rows * nr_columns; most important row first */
	size_t nr_rows;
	bool timeline; /* rows stand in the order of time, and matter alike */
};

struct kma_series {
	const char *name, *title;
	enum kma_unit unit;
	struct kma_labels labels;
	uint64_t start_ns,
		bin_ns; /* the first bin's start on the trace clock, and each bin's width */
	double *values;
	size_t nr;
	bool level; /* each value is how much there was, not how much came: they do not add up */
};

enum kma_severity { KMA_INFO, KMA_WARN, KMA_ERROR };

struct kma_finding {
	const char *id; /* "zone_lock.long_hold": static text */
	enum kma_severity severity;
	const char *message;  /* what is wrong, with its numbers */
	const char *advice;   /* what to do */
	const char **metrics; /* the proof: "zone_lock.hold_ns{node=0,zone=Normal}" */
	size_t nr_metrics;
};

/*
 * The builder. All pointers handed in are copied unless called static; memory failures stick to the
 * report and surface when it is finished, so calls need no checks.
 */
struct kma_report;
struct kma_histogram;

void kma_report_value(struct kma_report *report, const struct kma_metric_def *def,
		      struct kma_labels labels, struct kma_status status, struct kma_value value);
/* @histogram may be empty: count 0, the rest absent */
void kma_report_dist(struct kma_report *report, const struct kma_metric_def *def,
		     struct kma_labels labels, struct kma_status status,
		     const struct kma_histogram *histogram);
/* A metric that the trace cannot tell, and why. */
void kma_report_unavailable(struct kma_report *report, const struct kma_metric_def *def,
			    struct kma_labels labels, const char *reason);

/* Begins a table; the rows that follow belong to it. @columns is static. */
void kma_report_table(struct kma_report *report, const char *name, const char *title,
		      const char *note, const struct kma_column *columns, size_t nr_columns);
/* One row of the table begun last: as many cells as it has columns. */
void kma_report_row(struct kma_report *report, const struct kma_value *cells);
/* The table begun last is a timeline. */
void kma_report_table_is_timeline(struct kma_report *report);
/* @values: @nr numbers, copied */
void kma_report_series(struct kma_report *report, const char *name, const char *title,
		       enum kma_unit unit, struct kma_labels labels, uint64_t start_ns,
		       uint64_t bin_ns, const uint64_t *values, size_t nr);

/* The series added last holds levels. */
void kma_report_series_is_level(struct kma_report *report);

/* An address in a finding's text, a label or a cell: print it with this format, it becomes
 * function+0xoff. */
#define KMA_PRI_SYM "\001%" PRIx64 "\001"
/* A pid in a finding's text: it becomes "COMM-PID", or "PID". */
#define KMA_PRI_TASK "\001t%" PRId32 "\001"
/* The same for a migratetype's number: it becomes "1 (Movable)" where the name is known. */
#define KMA_PRI_MIGRATETYPE "\001m%" PRId32 "\001"

/* @id is static. Returns the finding's number, for kma_report_proof(). */
size_t kma_report_finding(struct kma_report *report, const char *id, enum kma_severity severity,
			  const char *advice, const char *message, ...)
	__attribute__((format(printf, 5, 6)));
/* Names a metric that proves finding @finding. */
void kma_report_proof(struct kma_report *report, size_t finding, const struct kma_metric_def *def,
		      struct kma_labels labels);

/*
 * The trace proves that migratetype @number is what the kernel calls @name. Said before: no matter.
 * Where two names are said of one number, or one name of two numbers, none of them holds. What the
 * user says goes first.
 */
void kma_report_migratetype(struct kma_report *report, int32_t number, const char *name);

/* The report as a whole is not (wholly) possible: why. The worst status wins, reasons add up. */
void kma_report_status(struct kma_report *report, struct kma_status status);
/* Text that lives as long as the report, for reasons put together at run time. */
const char *kma_report_printf(struct kma_report *report, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
