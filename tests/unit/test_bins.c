/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time bins: nothing is lost while they widen, rows stay aligned, correlations come out as by hand.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "result/bins.h"

static uint64_t row_sum(const struct kma_bins *bins, uint32_t row)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < KMA_NR_BINS; i++)
		sum += bins->rows[row][i];
	return sum;
}

static void widening_keeps_every_value_in_its_place(void **state)
{
	const uint64_t start = 5000000;
	uint64_t ts[2000], step = 1;
	struct kma_bins bins;

	(void)state;
	kma_bins_init(&bins, start);
	for (unsigned int i = 0; i < 2000; i++) {
		ts[i] = start + (uint64_t)i * step;
		step += i % 7;
		assert_int_equal(kma_bins_add(&bins, 3, ts[i], i), 0);
		assert_int_equal(kma_bins_add(&bins, 1, ts[i] - 1, 1), 0);
	}
	assert_true(bins.nr_rows >= 4 && !bins.rows[0] && !bins.rows[2]);
	assert_true(row_sum(&bins, 3) == 1999 * 2000 / 2);
	assert_true(row_sum(&bins, 1) == 2000);
	assert_true((ts[1999] - start) >> bins.shift < KMA_NR_BINS);
	assert_true((ts[1999] - start) >> (bins.shift - 1) >= KMA_NR_BINS);
	for (unsigned int b = 0; b < KMA_NR_BINS; b++) {
		uint64_t want = 0;

		for (unsigned int i = 0; i < 2000; i++) {
			if ((ts[i] - start) >> bins.shift == b)
				want += i;
		}
		assert_true(bins.rows[3][b] == want);
	}
	kma_bins_free(&bins);
	assert_null(bins.rows);
}

static void extreme_timestamps(void **state)
{
	struct kma_bins bins;

	(void)state;
	kma_bins_init(&bins, 100);
	assert_int_equal(kma_bins_add(&bins, 0, 0, 7), 0); /* before the start */
	assert_true(bins.rows[0][0] == 7);
	assert_int_equal(kma_bins_used(&bins, 0), 1);
	assert_int_equal(kma_bins_used(&bins, 100 + 1023), 1);
	assert_int_equal(kma_bins_used(&bins, 100 + 1024), 2);
	assert_int_equal(kma_bins_used(&bins, UINT64_MAX), KMA_NR_BINS);
	assert_int_equal(kma_bins_add(&bins, 0, UINT64_MAX, 1), 0);
	assert_true(row_sum(&bins, 0) == 8);
	assert_int_equal(kma_bins_add(&bins, UINT32_MAX, 0, 1), -1);
	kma_bins_free(&bins);
}

static void add_row(struct kma_bins *bins, uint32_t row, const uint64_t *values, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		assert_int_equal(kma_bins_add(bins, row, i * 1024, values[i]), 0);
}

static void correlation(void **state)
{
	static const uint64_t x[] = { 1, 2, 3, 4, 5 }, twice[] = { 12, 14, 16, 18, 20 };
	static const uint64_t back[] = { 5, 4, 3, 2, 1 }, flat[] = { 3, 3, 3, 3, 3 };
	static const uint64_t some[] = { 2, 1, 4, 3, 5 };
	struct kma_bins bins;

	(void)state;
	kma_bins_init(&bins, 0);
	add_row(&bins, 0, x, 5);
	add_row(&bins, 1, twice, 5);
	add_row(&bins, 2, back, 5);
	add_row(&bins, 3, flat, 5);
	add_row(&bins, 4, some, 5);
	assert_true(fabs(kma_bins_correlation(&bins, 0, 1, 5) - 1) < 1e-12);
	assert_true(fabs(kma_bins_correlation(&bins, 0, 2, 5) + 1) < 1e-12);
	assert_true(fabs(kma_bins_correlation(&bins, 0, 4, 5) - 0.8) < 1e-12);
	assert_true(isnan(kma_bins_correlation(&bins, 0, 3, 5))); /* does not vary */
	assert_true(isnan(kma_bins_correlation(&bins, 0, 9, 5))); /* no such row */
	assert_true(isnan(kma_bins_correlation(&bins, 0, 1, 0)));
	kma_bins_free(&bins);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widening_keeps_every_value_in_its_place),
		cmocka_unit_test(extreme_timestamps),
		cmocka_unit_test(correlation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
