/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A threshold, from text to a structure whose metric is known:
 *
 *   [warn:|error:] METRIC [{LABEL=PATTERN,...}] : CONDITION [&& CONDITION]...
 *   CONDITION: STATISTIC OP LIMIT, or delta OP LIMIT
 *   LIMIT:     NUMBER[UNIT] | base [* NUMBER] [+|- NUMBER[UNIT|%]]...
 */
#ifndef KMA_GATE_THRESHOLD_H
#define KMA_GATE_THRESHOLD_H

#include <stdbool.h>
#include <stdint.h>

#include <kmem-analyze/error.h>
#include <kmem-analyze/result.h>

struct kma_arena;

enum kma_statistic {
	KMA_STATISTIC_VALUE,
	KMA_STATISTIC_RATE, /* per second of the trace */
	KMA_STATISTIC_COUNT,
	KMA_STATISTIC_SUM,
	KMA_STATISTIC_MIN,
	KMA_STATISTIC_MAX,
	KMA_STATISTIC_MEAN,
	KMA_STATISTIC_PERCENTILE,
};

struct kma_measure {
	enum kma_statistic statistic;
	uint32_t ppm;	  /* of a percentile: p99 is 990000 */
	const char *name; /* as written: "p99" */
};

enum kma_operator { KMA_LESS, KMA_AT_MOST, KMA_MORE, KMA_AT_LEAST, KMA_EQUAL, KMA_NOT_EQUAL };
extern const char *const kma_operator_words[];

struct kma_condition {
	struct kma_measure measure;
	bool delta; /* not the statistic, but what it differs by from the baseline's */
	enum kma_operator op;
	/* the limit: baseline * factor + |baseline| * share + add, in the metric's unit */
	bool base;
	double factor, share, add;
	const char *text; /* as written: "p99 <= base + 5%" */
};

/* Nothing but a factor and a share of the baseline, which says nothing where that is 0. */
static inline bool kma_condition_is_relative(const struct kma_condition *c)
{
	return c->base && !c->add && (c->share || (c->factor != 1 && !c->delta));
}

/* In a pattern: any text, and any one character */
#define KMA_PATTERN_ANY '\001'
#define KMA_PATTERN_ONE '\002'

struct kma_label_pattern {
	const char *key, *pattern;
};

#define KMA_MAX_CONDITIONS 8

struct kma_threshold {
	const char *text;   /* as written */
	const char *origin; /* "--threshold", "limits.json: thresholds[2]" */
	const char *why;    /* what it is for, or NULL */
	const char *part;   /* the metric with its labels, as written */
	bool warn;	    /* its violation is said, but fails nothing */
	bool base;	    /* some condition needs a baseline */
	const struct kma_metric_def *def;
	struct kma_label_pattern labels[KMA_MAX_LABELS];
	unsigned int nr_labels;
	struct kma_condition conditions[KMA_MAX_CONDITIONS];
	unsigned int nr_conditions;
};

struct kma_thresholds {
	struct kma_arena *arena;
	struct kma_threshold *list;
	size_t nr, max;
};

struct kma_thresholds *kma_thresholds_new(void);
void kma_thresholds_free(struct kma_thresholds *thresholds);

/*
 * Adds the threshold @text, found in @origin, there for @why (may be NULL). -1 with @err filled,
 * which tells the column: it cannot be read, or names a metric, label, statistic or unit that there
 * is not.
 */
int kma_thresholds_add(struct kma_thresholds *thresholds, const char *text, const char *origin,
		       const char *why, struct kma_error *err);
/* Adds those of a file (docs/kmem-analyze-thresholds-1.schema.json). */
int kma_thresholds_read(struct kma_thresholds *thresholds, const char *path, struct kma_error *err);
/* The same of @size bytes in memory; @name is for messages. */
int kma_thresholds_parse_json(struct kma_thresholds *thresholds, const char *text, size_t size,
			      const char *name, struct kma_error *err);

/* Are the labels' keys those of the threshold, whatever the values? */
bool kma_threshold_has_labels(const struct kma_threshold *threshold,
			      const struct kma_labels *labels);
/* Are these the labels, whatever their order, that the threshold is about? */
bool kma_threshold_matches(const struct kma_threshold *threshold, const struct kma_labels *labels);

#endif
