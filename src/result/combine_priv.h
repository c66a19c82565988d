/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that combine results share. */
#ifndef KMA_RESULT_COMBINE_PRIV_H
#define KMA_RESULT_COMBINE_PRIV_H

#include "result/combine.h"

/* Results of one trace (its parts), or a result alone */
struct kma_combine_group {
	uint64_t first_ts, last_ts;
	uint64_t offset; /* where its time begins in the combination */
	size_t nr;
	bool timed; /* it has records, with times in nanoseconds */
};

struct kma_combining {
	const struct kma_result *const *results;
	const char *const *names;
	size_t nr;
	const struct kma_combine_rule *rules;
	struct kma_result *to;
	struct kma_combine_group *groups;
	size_t *group_of; /* by result */
	size_t nr_groups;
	bool parts; /* some results are parts of one trace */
};

/* A metric in one result */
struct kma_combine_entry {
	const char *keys, *text;
	const struct kma_metric *metric;
	size_t index;
};

/* All metrics of one name, sorted by keys, text and result */
struct kma_combine_family {
	const struct kma_metric_def *def; /* copied */
	const struct kma_combine_rule *rule;
	struct kma_combine_entry *entries;
	size_t nr;
	const struct kma_metric **wholes; /* by result; NULL: it has none */
	bool has_whole;
	double *rests; /* by result: what the parts of the keys at hand leave of the whole */
};

/* Those of one set of labels, in order of results, with what results without one say instead */
struct kma_combine_set {
	const struct kma_combine_entry *entries;
	size_t nr;
	struct kma_status *statuses; /* of those that have the number */
	size_t nr_statuses, unknown;
	const char *why; /* the first unknown one's reason */
};

/* Each returns 0, or -1 when out of memory (or as @err says). */

/* Facts and the quality ledger; fills in the groups first. */
int kma_combine_facts(struct kma_combining *c, struct kma_error *err);
int kma_combine_quality(struct kma_combining *c);
/* The metrics of report @name ("trace": of the traces themselves) into @to */
int kma_combine_metrics(struct kma_combining *c, const char *name, struct kma_report *to);
int kma_combine_findings(struct kma_combining *c, const char *name, struct kma_report *to);
/* Tables of the parts in @report, which is sorted */
int kma_combine_tables(struct kma_report *report);

/* The report of that name in result @index, or NULL */
const struct kma_report *kma_combine_report(const struct kma_combining *c, size_t index,
					    const char *name);
/*
 * The status of a number made from those of several results: @statuses of those that have it;
 * @unknown of all @nr results do not, because of @why.
 */
struct kma_status kma_combine_status(struct kma_report *to, const struct kma_status *statuses,
				     size_t nr_statuses, size_t unknown, size_t nr,
				     const char *why);

/* A gauge from those of @set, of which @status has been made; into @to */
int kma_combine_gauge(const struct kma_combining *c, struct kma_report *to,
		      const struct kma_combine_family *f, struct kma_combine_set *g,
		      struct kma_labels labels, struct kma_status status);
/* It is there and has a number, or samples. */
bool kma_combine_known(const struct kma_metric *m);
/* That number, or how many samples */
double kma_combine_amount(const struct kma_metric *m);
struct kma_value kma_combine_sum(const struct kma_combine_set *g);
/* One more result does not tell, because of @why. */
void kma_combine_forget(struct kma_combine_set *g, const char *why);

bool kma_same_text(const char *a, const char *b);
const struct kma_cpu_coverage *kma_combine_lane(const struct kma_result *result, const char *buffer,
						uint32_t cpu);

#endif
