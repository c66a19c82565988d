/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rank statistics against the same numbers worked out the slow way: all splits enumerated, all
 * intervals tried. Values are small whole numbers, so that many are equal.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "result/ranks.h"

#define MOST 7

static uint64_t state = 88172645463325252u;

static unsigned int some(unsigned int below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)(state >> 33) % below;
}

/* U by its definition */
static double slow_u(const double *a, size_t nr_a, const double *b, size_t nr_b)
{
	double u = 0;

	for (size_t i = 0; i < nr_a; i++)
		for (size_t k = 0; k < nr_b; k++)
			u += b[k] > a[i] ? 1 : b[k] == a[i] ? 0.5 : 0;
	return u;
}

/* Every way to split @all into sides of these sizes */
static double slow_p(const double *all, size_t nr_a, size_t nr_b, double u)
{
	size_t nr = nr_a + nr_b, splits = 0, below = 0, above = 0;

	for (unsigned int mask = 0; mask < 1u << nr; mask++) {
		double a[2 * MOST], b[2 * MOST];
		size_t na = 0, nb = 0;

		if ((size_t)__builtin_popcount(mask) != nr_b)
			continue;
		for (size_t i = 0; i < nr; i++) {
			if (mask >> i & 1)
				b[nb++] = all[i];
			else
				a[na++] = all[i];
		}
		splits++;
		below += slow_u(a, na, b, nb) <= u;
		above += slow_u(a, na, b, nb) >= u;
	}
	return fmin(1, 2 * (double)(below < above ? below : above) / (double)splits);
}

static void p_is_that_of_all_splits(void **unused)
{
	(void)unused;
	for (unsigned int round = 0; round < 300; round++) {
		size_t nr_a = 1 + some(MOST), nr_b = 1 + some(MOST);
		unsigned int range = 2 + some(round % 3 ? 12 : 1000);
		double all[2 * MOST], *b = all + nr_a, u;
		struct kma_ranks r;

		for (size_t i = 0; i < nr_a + nr_b; i++)
			all[i] = some(range);
		u = slow_u(all, nr_a, b, nr_b);
		assert_int_equal(kma_ranks(all, nr_a, b, nr_b, &r), 0);
		assert_true(r.exact);
		assert_true(r.u == u);
		assert_true(fabs(r.p - slow_p(all, nr_a, nr_b, u)) < 1e-12);
		assert_true(r.p >= r.least_p - 1e-12);
		assert_true(fabs(r.delta - (2 * u / (double)(nr_a * nr_b) - 1)) < 1e-12);
	}
}

/* How often the k-th smallest to the k-th largest difference holds a shift of 0: over all orders */
static double slow_confidence(size_t nr_a, size_t nr_b, size_t k)
{
	size_t nr = nr_a + nr_b, splits = 0, holds = 0;

	for (unsigned int mask = 0; mask < 1u << nr; mask++) {
		size_t above = 0, a_below = 0;

		if ((size_t)__builtin_popcount(mask) != nr_b)
			continue;
		for (size_t i = 0; i < nr; i++) {
			if (mask >> i & 1)
				above += a_below;
			else
				a_below++;
		}
		splits++;
		/* 0 is inside when at least k differences are on either side */
		holds += above >= k && nr_a * nr_b - above >= k;
	}
	return (double)holds / (double)splits;
}

static int compare(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static void the_interval_is_the_shortest_that_is_sure_enough(void **unused)
{
	(void)unused;
	for (size_t nr_a = 1; nr_a <= MOST; nr_a++) {
		for (size_t nr_b = 1; nr_b <= MOST; nr_b++) {
			double a[MOST], b[MOST], d[MOST * MOST];
			size_t pairs = nr_a * nr_b, k = 1;
			struct kma_ranks r;

			for (size_t i = 0; i < nr_a; i++)
				a[i] = some(1u << 30);
			for (size_t i = 0; i < nr_b; i++)
				b[i] = some(1u << 30);
			for (size_t i = 0; i < pairs; i++)
				d[i] = b[i % nr_b] - a[i / nr_b];
			qsort(d, pairs, sizeof(*d), compare);
			while (k < (pairs + 1) / 2 && slow_confidence(nr_a, nr_b, k + 1) >= 0.95)
				k++;
			assert_int_equal(kma_ranks(a, nr_a, b, nr_b, &r), 0);
			assert_true(r.low == d[k - 1]);
			assert_true(r.high == d[pairs - k]);
			assert_true(fabs(r.confidence - slow_confidence(nr_a, nr_b, k)) < 1e-12);
			assert_true(r.shift == (pairs % 2 ? d[pairs / 2]
							  : d[pairs / 2 - 1] / 2 + d[pairs / 2] / 2));
		}
	}
}

static void known_values(void **unused)
{
	static const double a[] = { 1, 2, 3, 4, 5 }, b[] = { 6, 7, 8, 9, 10 };
	static const double same[] = { 4, 4, 4 };
	struct kma_ranks r;

	(void)unused;
	assert_int_equal(kma_ranks(a, 5, b, 5, &r), 0);
	assert_true(r.median_a == 3 && r.median_b == 8 && r.shift == 5 && r.u == 25);
	assert_true(fabs(r.p - 2.0 / 252) < 1e-15 && r.p == r.least_p && r.delta == 1);
	assert_true(fabs(r.spread - 1.4826) < 1e-12);
	/* the tables' critical value for 5 and 5 at 5 % is U = 2: the third difference from either end */
	assert_true(r.low == 2 && r.high == 8);
	assert_int_equal(kma_ranks(b, 5, a, 5, &r), 0);
	assert_true(r.delta == -1 && r.shift == -5 && r.low == -8 && r.high == -2);
	assert_int_equal(kma_ranks(same, 3, same, 3, &r), 0);
	assert_true(r.p == 1 && r.delta == 0 && r.shift == 0 && r.spread == 0);
	assert_true(fabs(r.least_p - 0.1) < 1e-12);
	assert_int_equal(kma_ranks(a, 1, b, 1, &r), 0);
	assert_true(r.p == 1 && r.least_p == 1 && r.confidence == 0);
}

/* Where both ways work they agree, so that nothing jumps where one takes over from the other */
static void many_values(void **unused)
{
	double a[400], b[400];
	struct kma_ranks exact, normal;

	(void)unused;
	for (size_t i = 0; i < 400; i++) {
		a[i] = some(1000);
		b[i] = some(1000) + (i < 21 ? 250 : 60);
	}
	assert_int_equal(kma_ranks(a, 20, b, 20, &exact), 0);
	assert_int_equal(kma_ranks(a, 21, b, 20, &normal), 0);
	assert_true(exact.exact && !normal.exact);
	assert_true(fabs(log(exact.p / normal.p)) < 1.5);
	assert_true(normal.low <= normal.shift && normal.shift <= normal.high);
	assert_int_equal(kma_ranks(a, 1, b, 400, &exact), 0);
	assert_true(exact.exact && exact.p > 0 && exact.p <= 1);
	assert_int_equal(kma_ranks(a, 400, b, 400, &normal), 0);
	assert_true(normal.p < 0.05 && normal.low > 0 && normal.low < 60 && normal.high > 60);
}

static void false_discoveries(void **unused)
{
	/* worked out by hand: p times 8 over its place, never more than a larger p has */
	static const double p[] = { 0.205, 0.001, 0.039, 0.041, 0.042, 0.06, 0.074, 0.008 };
	static const double want[] = { 0.205,	   0.008,	 0.0672, 0.0672,
				       0.0672,	   0.08,	 0.074 * 8 / 7, 0.032 };
	double q[8];

	(void)unused;
	assert_int_equal(kma_false_discovery(p, q, 8), 0);
	for (size_t i = 0; i < 8; i++)
		assert_true(fabs(q[i] - want[i]) < 1e-12);
	assert_int_equal(kma_false_discovery(p, q, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p_is_that_of_all_splits),
		cmocka_unit_test(the_interval_is_the_shortest_that_is_sure_enough),
		cmocka_unit_test(known_values),
		cmocka_unit_test(many_values),
		cmocka_unit_test(false_discoveries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
