/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Do two small samples differ? Rank statistics, which ask nothing of the values' distribution: the
 * Mann-Whitney test, Cliff's delta, and the Hodges-Lehmann shift with its confidence interval.
 */
#ifndef KMA_RESULT_RANKS_H
#define KMA_RESULT_RANKS_H

#include <stdbool.h>
#include <stddef.h>

/* Up to this many pairs of values p is exact, beyond it a normal approximation. */
#define KMA_MOST_EXACT_PAIRS 400

struct kma_ranks {
	double median_a, median_b;
	/*
	 * Pairs with b > a, and half of those with b == a: the Mann-Whitney U of @b.
	 * p is two-sided, twice the smaller tail: how often a split of the same values into sides
	 * of these sizes, all splits being equally likely, has a U as far out or farther on this
	 * side. Ties are no approximation: the splits are those of the values at hand.
	 */
	double u, p;
	bool exact;
	double least_p; /* no p can be less with so few values */
	double delta;	/* Cliff's: -1 (all of b below all of a) to 1 */
	/* Hodges-Lehmann: the median of all differences b - a, and an interval made of such
	 * differences. */
	double shift, low, high;
	/*
	 * How often such an interval holds the true shift: at least 95 %, or as near as so few
	 * values allow. With ties it is at least this.
	 */
	double confidence;
	/* The larger of the sides' own spreads: 1.4826 times the median distance from the median.
	 */
	double spread;
};

/* @a and @b: @nr_a and @nr_b finite values, at least one each. 0, or -1 when out of memory. */
int kma_ranks(const double *a, size_t nr_a, const double *b, size_t nr_b, struct kma_ranks *ranks);

/* Median of @nr values, at least one; sorts them. */
double kma_median(double *values, size_t nr);

/*
 * Benjamini-Hochberg: q[i] is the least share of false calls at which test @i would be called when
 * all of @p are judged together. 0, or -1 when out of memory.
 */
int kma_false_discovery(const double *p, double *q, size_t nr);

#endif
