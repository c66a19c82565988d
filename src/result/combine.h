/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many results as one: counters and histograms add up, and what does not add up is worked out again
 * from what does, bounded, or said to be unavailable.
 */
#ifndef KMA_RESULT_COMBINE_H
#define KMA_RESULT_COMBINE_H

#include "result/result.h"

enum kma_combine_how {
	KMA_COMBINE_ADD,   /* balances: they add up as counters do */
	KMA_COMBINE_MAX,   /* the most of one machine: the largest of all */
	KMA_COMBINE_PEAK,  /* the most at one time: at least the largest, at most the sum */
	KMA_COMBINE_SAME,  /* what all have alike */
	KMA_COMBINE_RATIO, /* a quotient of metrics, with the labels of its own */
};

/* How a gauge is combined; one without a rule is unavailable. Counters and distributions need none.
 */
struct kma_combine_rule {
	const char *metric;
	enum kma_combine_how how;
	const char *over, *under; /* of a ratio; of a distribution its sum counts */
	bool rest;		  /* 1 - over / under */
	bool labels_differ;	  /* of @over only the parts whose two labels differ */
	const char *key, *value;  /* of @over only this part */
};

/* Those of the analyses, beside which they stand; ends with a NULL metric. */
extern const struct kma_combine_rule kma_combine_rules[];

/*
 * The combination of @nr results (at least one), which stay as they are; @names are for messages,
 * @rules ends with a NULL metric. Parts are matched by the text of their labels. Tables and series
 * belong to one trace each and are left out, but for tables made from the combined parts. NULL with
 * @err filled when out of memory, or when records would count twice.
 */
struct kma_result *kma_combine(const struct kma_result *const *results, const char *const *names,
			       size_t nr, const struct kma_combine_rule *rules,
			       struct kma_error *err);

#endif
