/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What became of the thresholds that a result was held against: made by the gate, read by
 * renderers. Numbers stand in the metric's unit; texts live in the judgement's arena.
 */
#ifndef KMA_RESULT_JUDGEMENT_H
#define KMA_RESULT_JUDGEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include <kmem-analyze/result.h>

struct kma_arena;

enum kma_outcome { KMA_PASS, KMA_INCONCLUSIVE, KMA_VIOLATED };

/* One condition, judged for one part of the metric */
struct kma_judged {
	const char *text;      /* "p99 <= base + 5%" */
	const char *statistic; /* "p99", or "delta" before it */
	bool delta, has_value, has_base;
	enum kma_unit unit;
	bool per_second;
	double value; /* of a delta: of the statistic itself */
	double base;
	const char *op;
	double limit; /* of the value, or of the difference */
	enum kma_outcome outcome;
	const char *reason; /* when inconclusive; or why it was set aside: the rest decides */
};

/* A labelled part that made the whole what it is */
struct kma_cause {
	const char *keys, *part; /* "caller", "rmqueue_bulk+0x70" */
	bool has_value, has_base;
	double value, base;
	double share;	/* of the change, or of the whole where there is no baseline */
	bool has_share; /* only what adds up has one */
	bool of_change;
};

#define KMA_MAX_RELATED 2

/* One threshold, judged for one part of its metric */
struct kma_check {
	const char *threshold, *origin, *why; /* @why may be NULL */
	const char *key;		      /* "zone_lock.hold_ns{node=0,zone=Normal}" */
	size_t number;			      /* as asked for */
	bool warn;			      /* fails nothing */
	enum kma_outcome outcome;
	const char *reason;	  /* when all of it is inconclusive */
	struct kma_status status; /* of the metric */
	struct kma_judged *conditions;
	size_t nr_conditions;
	struct kma_cause *causes; /* when violated */
	size_t nr_causes;
	/* what the report found wrong, with this metric as proof: the result's own texts */
	const struct kma_finding *findings[KMA_MAX_RELATED];
	bool new_finding[KMA_MAX_RELATED]; /* not in the baseline */
	size_t nr_findings;
};

/* What an inconclusive check does to the exit status */
enum kma_doubt { KMA_DOUBT_STAYS, KMA_DOUBT_PASSES, KMA_DOUBT_FAILS };

struct kma_judgement {
	struct kma_arena *arena;
	const char *trace;
	const char *baseline;	  /* NULL: none */
	const char **differences; /* sentences: what differs between the two beside memory */
	size_t nr_differences;
	struct kma_check *checks; /* violations, warnings, doubts, what held; as asked for */
	size_t nr_checks, max_checks;
	size_t passed, violated, inconclusive; /* errors and warnings */
	size_t warned;			       /* of the violated, those that fail nothing */
	enum kma_outcome outcome;	       /* of those that can fail */
	enum kma_doubt doubt;
};

void kma_judgement_free(struct kma_judgement *judgement);

#endif
