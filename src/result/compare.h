/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comparing results: one with one, or several with several. Each result is one trace, and gives one
 * value for each number: events within a trace depend on each other and are never taken for
 * samples.
 */
#ifndef KMA_RESULT_COMPARE_H
#define KMA_RESULT_COMPARE_H

#include "result/ranks.h"
#include "result/result.h"

/* Fewer traces on a side than this say little. */
#define KMA_ENOUGH_TRACES 5

enum { KMA_BASE, KMA_NEW, KMA_SIDES };

struct kma_side {
	const struct kma_result *const *results; /* resolved */
	size_t nr;				 /* at least one */
};

enum kma_verdict {
	KMA_WORSE,
	KMA_IMPROVED,
	KMA_CHANGED, /* neither direction is better */
	KMA_SAME,    /* no more than noise */
	KMA_UNKNOWN, /* cannot be compared: see the reason */
	KMA_NR_VERDICTS,
};

/* Which number of a metric is compared */
enum kma_stat { KMA_STAT_VALUE, KMA_STAT_SUM, KMA_STAT_MEAN, KMA_STAT_P50, KMA_STAT_P99 };
extern const char *const kma_stat_words[]; /* "value", "sum", ... */

/* One labelled part of a metric; means where a side has several results, for they add up. */
struct kma_part {
	const struct kma_labels *labels;
	double value[KMA_SIDES];
	double share; /* of the whole's change; 0 where the whole did not change */
	bool in_all[KMA_SIDES], in_none[KMA_SIDES]; /* the side's results that have it */
};

/* The parts of a metric under one set of label keys, the largest change first. */
struct kma_split {
	const char *keys; /* "node,zone" */
	struct kma_part *parts;
	size_t nr;
};

struct kma_change {
	const char *report;
	const struct kma_metric_def *def;
	const struct kma_labels *labels;
	enum kma_stat stat;
	enum kma_verdict verdict;
	bool unsure;		  /* the value that can only be more is the smaller one */
	const char *reason;	  /* when unknown */
	struct kma_status status; /* the worst on either side */
	enum kma_status_code code[KMA_SIDES]; /* the worst on each side */
	double value[KMA_SIDES];	      /* medians where a side has several results */
	double rate[KMA_SIDES];		      /* per second of trace, of what adds up; else NAN */
	size_t nr[KMA_SIDES];		      /* results that have the number */
	double score;			      /* importance: 0 without a change */
	/* the metric itself, of a comparison of one with one */
	const struct kma_metric *metric[KMA_SIDES];
	/* of a comparison of several */
	struct kma_ranks ranks;
	double q;     /* see kma_false_discovery() */
	double floor; /* the least shift that counts as more than noise */
	/* what makes the change, of what adds up */
	struct kma_split *splits;
	size_t nr_splits;
};

/* A part that only one side has. */
struct kma_presence {
	const char *report;
	const struct kma_metric_def *def;
	const struct kma_labels *labels;
	unsigned int side;
	double value, share; /* of the whole on its side */
};

/* What moved between the parts of a metric, beyond what its whole changed by. */
struct kma_move {
	const char *report;
	const struct kma_metric_def *def;
	const struct kma_split *split; /* the parts that moved most */
	double moved, share;	       /* of the whole */
};

struct kma_finding_change {
	const char *report;
	const struct kma_finding *finding; /* as the first result with it has it */
	size_t nr[KMA_SIDES];		   /* results with it */
};

struct kma_comparison {
	struct kma_side sides[KMA_SIDES];
	bool several;	  /* on either side: ranks decide, else what counting alone would explain */
	bool weak;	  /* several, but too few */
	bool by_function; /* call sites are matched without their offsets: the kernels differ */
	const char **differences; /* sentences: what beside memory differs between the traces */
	size_t nr_differences;
	struct kma_change *changes; /* by verdict, the most important first */
	size_t nr_changes;
	size_t count[KMA_NR_VERDICTS];
	size_t nr_neither;		/* numbers that no trace can tell: not among the changes */
	struct kma_presence *presences; /* the largest share first */
	size_t nr_presences;
	struct kma_move *moves; /* the same */
	size_t nr_moves;
	struct kma_finding_change *findings; /* of mostly one side; the most severe first */
	size_t nr_findings;
	struct kma_arena *arena; /* owns all of it */
};

/* NULL when out of memory. The results must outlive it. */
struct kma_comparison *kma_compare(const struct kma_side sides[KMA_SIDES]);
void kma_comparison_free(struct kma_comparison *comparison);

#endif
