/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Percentiles of a finished distribution: the same as those of the histogram it came from, and as
 * far from a sorted array's as buckets are wide.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "result/dist.h"
#include "result/histogram.h"
#include "result/result.h"

#define NR 5000

static const struct kma_metric_def def = { "t.ns",	KMA_DISTRIBUTION,
					   KMA_UNIT_NS, KMA_BETTER_LOWER,
					   "",		"time" };

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Many small values, few huge ones */
static uint64_t next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*seed >> 33) >> (*seed >> 59);
}

static void check(size_t nr, uint64_t seed)
{
	static uint64_t values[NR];
	struct kma_histogram h = { 0 };
	struct kma_result *result = kma_result_new();
	struct kma_report *report = kma_result_report(result, "t", "t");
	const struct kma_dist *dist;

	for (size_t i = 0; i < nr; i++) {
		values[i] = next(&seed);
		assert_int_equal(kma_histogram_add(&h, values[i], 1), 0);
	}
	qsort(values, nr, sizeof(*values), compare);
	kma_report_dist(report, &def, kma_no_labels(), (struct kma_status){ KMA_EXACT, NULL }, &h);
	dist = report->metrics[0].dist;
	for (uint32_t ppm = 1; ppm <= 1000000; ppm += ppm < 990000 ? 9973 : 101) {
		uint64_t got = kma_dist_percentile(dist, ppm);
		/* the smallest rank that has at least this share at or below it */
		size_t rank = (size_t)(((uint64_t)nr * ppm + 999999) / 1000000);
		uint64_t truth = values[rank - 1];

		assert_int_equal(got, kma_histogram_percentile(&h, ppm / 1e6));
		assert_true(got <= truth + truth / 100 + 1 && truth <= got + got / 100 + 1);
	}
	assert_int_equal(kma_dist_percentile(dist, 1000000), values[nr - 1]);
	assert_int_equal(kma_dist_percentile(dist, 500000), dist->p50);
	assert_int_equal(kma_dist_percentile(dist, 900000), dist->p90);
	assert_int_equal(kma_dist_percentile(dist, 990000), dist->p99);
	assert_int_equal(kma_dist_percentile(dist, 999000), dist->p999);
	kma_histogram_free(&h);
	kma_result_free(result);
}

static void percentiles(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		check(1, seed);
		check(7, seed);
		check(100, seed);
		check(NR, seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(percentiles) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
