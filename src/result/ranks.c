/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rank statistics over two lists of numbers. It must not know what the numbers are.
 */
#include "result/ranks.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALPHA 0.05
/* A normal distribution has this many standard deviations in a median distance from its median. */
#define MAD_TO_DEVIATION 1.4826

static int compare_doubles(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static double middle(const double *sorted, size_t nr)
{
	return nr % 2 ? sorted[nr / 2] : sorted[nr / 2 - 1] / 2 + sorted[nr / 2] / 2;
}

double kma_median(double *values, size_t nr)
{
	qsort(values, nr, sizeof(*values), compare_doubles);
	return middle(values, nr);
}

/*
 * Ways to draw @draw of @nr values by the sum of their ranks: ways[draw * (most + 1) + sum]. Counts
 * are doubles: the largest, C(40,20) and somewhat above, are whole numbers there, and even
 * C(401,200) only rounds in the last digit, for all terms are positive.
 */
static double *count_draws(const unsigned int *ranks, size_t nr, size_t draw, size_t most)
{
	double *ways = calloc((draw + 1) * (most + 1), sizeof(*ways));

	if (!ways)
		return NULL;
	ways[0] = 1;
	for (size_t i = 0; i < nr; i++) {
		for (size_t k = i + 1 < draw ? i + 1 : draw; k; k--) {
			double *to = ways + k * (most + 1) + ranks[i];
			const double *from = ways + (k - 1) * (most + 1);

			for (size_t s = 0; s + ranks[i] <= most; s++)
				to[s] += from[s];
		}
	}
	return ways;
}

/* Twice each value's rank among all, equal values sharing the middle of theirs; @all is sorted. */
static void double_ranks(const double *all, size_t nr, unsigned int *ranks)
{
	for (size_t i = 0, end; i < nr; i = end) {
		for (end = i + 1; end < nr && all[end] == all[i]; end++)
			;
		for (size_t k = i; k < end; k++)
			ranks[k] = (unsigned int)(i + 1 + end);
	}
}

struct draws {
	double *ways; /* by twice the rank sum of the side drawn */
	size_t draw, most;
	double total;
};

/* The distribution of twice the rank sum of @draw of the values whose doubled ranks are @ranks */
static int draws_open(struct draws *d, const unsigned int *ranks, size_t nr, size_t draw)
{
	const double *row;

	d->draw = draw;
	d->most = 0;
	for (size_t i = nr - draw; i < nr; i++) /* ranks ascend */
		d->most += ranks[i];
	d->ways = count_draws(ranks, nr, draw, d->most);
	if (!d->ways)
		return -1;
	row = d->ways + draw * (d->most + 1);
	d->total = 0;
	for (size_t s = 0; s <= d->most; s++)
		d->total += row[s];
	return 0;
}

/* Twice the share of draws whose doubled sum is as far out as @at or farther, on its side */
static double draws_beyond(const struct draws *d, size_t at)
{
	const double *row = d->ways + d->draw * (d->most + 1);
	double below = 0, above = 0, p;

	for (size_t s = 0; s <= d->most; s++) {
		if (s <= at)
			below += row[s];
		if (s >= at)
			above += row[s];
	}
	p = 2 * (below < above ? below : above) / d->total;
	return p < 1 ? p : 1;
}

static double normal_p(const double *all, size_t nr, size_t nr_a, size_t nr_b, double distance)
{
	double n = (double)nr, ties = 0, variance, z;

	for (size_t i = 0, end; i < nr; i = end) {
		double t;

		for (end = i + 1; end < nr && all[end] == all[i]; end++)
			;
		t = (double)(end - i);
		ties += t * t * t - t;
	}
	variance = (double)nr_a * (double)nr_b / 12 * (n + 1 - ties / (n * (n - 1)));
	if (!(variance > 0))
		return 1;
	/* half a step towards the middle: U goes in whole steps */
	z = (distance > 0.5 ? distance - 0.5 : 0) / sqrt(variance);
	return erfc(z / sqrt(2));
}

/*
 * The interval of differences: the @k-th smallest to the @k-th largest holds the shift unless U is
 * below @k or above its counterpart. @ways: of U without ties, its ranks beginning at the least
 * sum.
 */
static size_t interval_rank(const double *row, size_t most, size_t least, double total,
			    size_t pairs, double *confidence)
{
	double below = 0;
	size_t k = 0;

	/* doubled sums without ties are even: U = (sum - least) / 2 */
	while (k < (pairs + 1) / 2 && least + 2 * k <= most) {
		double with = below + row[least + 2 * k] / total;

		if (k && with > ALPHA / 2)
			break;
		below = with;
		k++;
	}
	*confidence = 1 - 2 * below;
	return k;
}

static int shift_interval(struct kma_ranks *r, const double *differences, size_t nr_a, size_t nr_b,
			  unsigned int *ranks)
{
	size_t pairs = nr_a * nr_b, fewer = nr_a < nr_b ? nr_a : nr_b, k;

	if (r->exact) {
		struct draws d;

		for (size_t i = 0; i < nr_a + nr_b; i++)
			ranks[i] = 2 * (unsigned int)(i + 1);
		if (draws_open(&d, ranks, nr_a + nr_b, fewer))
			return -1;
		k = interval_rank(d.ways + fewer * (d.most + 1), d.most, fewer * (fewer + 1),
				  d.total, pairs, &r->confidence);
		free(d.ways);
	} else {
		double deviation = sqrt((double)pairs * (double)(nr_a + nr_b + 1) / 12);
		double rank = floor((double)pairs / 2 - 1.959964 * deviation);

		k = rank < 1 ? 1 : (size_t)rank;
		r->confidence = 1 - ALPHA;
	}
	r->low = differences[k - 1];
	r->high = differences[pairs - k];
	return 0;
}

static double spread_of(const double *values, size_t nr, double median, double *room)
{
	for (size_t i = 0; i < nr; i++)
		room[i] = fabs(values[i] - median);
	return MAD_TO_DEVIATION * kma_median(room, nr);
}

/* 2 / C(n, m): the two splits without overlap, of all */
static double least_p(size_t nr_a, size_t nr_b)
{
	double splits = 1;

	for (size_t i = 1; i <= nr_a; i++)
		splits *= (double)(nr_b + i) / (double)i;
	return splits > 2 ? 2 / splits : 1;
}

static int test(struct kma_ranks *r, const double *all, size_t nr_a, size_t nr_b,
		unsigned int *ranks)
{
	size_t nr = nr_a + nr_b, pairs = nr_a * nr_b, fewer = nr_a < nr_b ? nr_a : nr_b;
	double u = nr_b <= nr_a ? r->u : (double)pairs - r->u; /* of the side that is drawn */
	struct draws d;

	r->exact = pairs <= KMA_MOST_EXACT_PAIRS;
	if (!r->exact) {
		r->p = normal_p(all, nr, nr_a, nr_b, fabs(u - (double)pairs / 2));
		return 0;
	}
	double_ranks(all, nr, ranks);
	if (draws_open(&d, ranks, nr, fewer))
		return -1;
	/* U is the sum of ranks less the least there can be; doubled, it is whole */
	r->p = draws_beyond(&d, (size_t)(2 * u) + fewer * (fewer + 1));
	free(d.ways);
	return 0;
}

static void pairwise(struct kma_ranks *r, const double *a, size_t nr_a, const double *b,
		     size_t nr_b, double *differences)
{
	size_t above = 0, below = 0, pairs = nr_a * nr_b;

	for (size_t i = 0; i < nr_a; i++) {
		for (size_t k = 0; k < nr_b; k++) {
			differences[i * nr_b + k] = b[k] - a[i];
			above += b[k] > a[i];
			below += b[k] < a[i];
		}
	}
	r->u = (double)above + (double)(pairs - above - below) / 2;
	r->delta = ((double)above - (double)below) / (double)pairs;
	r->shift = kma_median(differences, pairs);
}

int kma_ranks(const double *a, size_t nr_a, const double *b, size_t nr_b, struct kma_ranks *r)
{
	size_t nr = nr_a + nr_b, pairs = nr_a * nr_b;
	double *all = calloc(2 * nr + pairs, sizeof(*all));
	unsigned int *ranks = calloc(nr, sizeof(*ranks));
	double *room, *differences, other;
	int ret = -1;

	*r = (struct kma_ranks){ 0 };
	if (!all || !ranks)
		goto out;
	room = all + nr;
	differences = room + nr;
	memcpy(room, a, nr_a * sizeof(*a));
	r->median_a = kma_median(room, nr_a);
	memcpy(room, b, nr_b * sizeof(*b));
	r->median_b = kma_median(room, nr_b);
	r->spread = spread_of(a, nr_a, r->median_a, room);
	other = spread_of(b, nr_b, r->median_b, room);
	if (other > r->spread)
		r->spread = other;
	memcpy(all, a, nr_a * sizeof(*a));
	memcpy(all + nr_a, b, nr_b * sizeof(*b));
	qsort(all, nr, sizeof(*all), compare_doubles);
	pairwise(r, a, nr_a, b, nr_b, differences);
	r->least_p = least_p(nr_a, nr_b);
	if (!test(r, all, nr_a, nr_b, ranks) && !shift_interval(r, differences, nr_a, nr_b, ranks))
		ret = 0;
out:
	free(all);
	free(ranks);
	return ret;
}

struct ranked {
	double p;
	size_t was;
};

static int compare_ranked(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	if (a->p != b->p)
		return a->p < b->p ? -1 : 1;
	return (a->was > b->was) - (a->was < b->was);
}

int kma_false_discovery(const double *p, double *q, size_t nr)
{
	struct ranked *order = calloc(nr ? nr : 1, sizeof(*order));
	double least = 1;

	if (!order)
		return -1;
	for (size_t i = 0; i < nr; i++)
		order[i] = (struct ranked){ p[i], i };
	qsort(order, nr, sizeof(*order), compare_ranked);
	for (size_t i = nr; i--;) {
		double level = order[i].p * (double)nr / (double)(i + 1);

		if (level < least)
			least = level;
		q[order[i].was] = least;
	}
	free(order);
	return 0;
}
