/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that compare results share. */
#ifndef KMA_RESULT_COMPARE_PRIV_H
#define KMA_RESULT_COMPARE_PRIV_H

#include "result/compare.h"

/* All metrics of one name in one report, as they stand on both sides. */
struct kma_family {
	const char *report;
	const struct kma_metric_def *def;
	bool has_whole; /* any side has it without labels */
};

/* The number of @metric (NULL: none) that @stat asks for; false where there is none. */
bool kma_metric_number(const struct kma_metric *metric, enum kma_stat stat, double *number);
/* The metric of that family without labels, in result @index of side @side; or NULL */
const struct kma_metric *kma_family_whole(const struct kma_comparison *c,
					  const struct kma_family *family, unsigned int side,
					  size_t index);
/* Whether the numbers of this stat add up over parts and over time */
bool kma_adds_up(const struct kma_metric_def *def, enum kma_stat stat);

/* Fills in the verdict and the score; @bound: the side's number can only be more. */
void kma_judge_change(const struct kma_comparison *c, struct kma_change *change,
		      const bool bound[KMA_SIDES]);
/* How large the change is whatever the noise: doublings, from 0 to 10. */
double kma_effect(const struct kma_metric_def *def, double before, double after);
/* Distance in standard deviations of two counts in the metric's unit. */
double kma_count_distance(const struct kma_metric_def *def, double before, double after);

/* Each returns 0, or -1 when out of memory. */

/* All parts of @family, by set of keys; @splits in the arena. */
int kma_family_splits(struct kma_comparison *c, const struct kma_family *family, enum kma_stat stat,
		      struct kma_split **splits, size_t *nr);
/* Puts the parts in order for a whole that changed by @change. */
void kma_split_share(struct kma_split *split, double change);
/* What appeared, vanished or moved among the parts of @family. */
int kma_compare_parts(struct kma_comparison *c, const struct kma_family *family,
		      const struct kma_split *splits, size_t nr_splits);
void kma_sort_parts(struct kma_comparison *c);
/* What beside memory differs between the traces, and the findings. */
int kma_compare_facts(struct kma_comparison *c);
int kma_compare_findings(struct kma_comparison *c);

/* @array with room for one more than @nr elements of @size bytes; NULL when out of memory. */
void *kma_compare_room(struct kma_comparison *c, void *array, size_t nr, size_t size);

#endif
