/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The histogram against sorted arrays: exact count, sum, min, max; percentiles within 1 %.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "result/histogram.h"

static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void assert_within_1_percent(uint64_t got, uint64_t want)
{
	uint64_t off = got > want ? got - want : want - got;

	if (off > want / 100)
		fail_msg("got %ju, want %ju", (uintmax_t)got, (uintmax_t)want);
}

static void check_against_sorted(unsigned int bits, size_t nr)
{
	static const unsigned int per_mille[] = { 1, 10, 100, 250, 500, 900, 990, 999, 1000 };
	uint64_t *values = calloc(nr, sizeof(*values)), sum = 0;
	struct kma_histogram h = { 0 };

	assert_non_null(values);
	for (size_t i = 0; i < nr; i++) {
		/* all magnitudes alike */
		values[i] = next_random() >> (64 - bits) >> next_random() % bits;
		sum += values[i];
		assert_int_equal(kma_histogram_add(&h, values[i], 1), 0);
	}
	qsort(values, nr, sizeof(*values), compare);
	assert_true(h.count == nr);
	assert_true(h.sum == sum);
	assert_true(h.min == values[0]);
	assert_true(h.max == values[nr - 1]);
	for (size_t i = 0; i < sizeof(per_mille) / sizeof(*per_mille); i++) {
		size_t rank = (nr * per_mille[i] + 999) / 1000;

		assert_within_1_percent(kma_histogram_percentile(&h, per_mille[i] / 1000.0),
					values[rank - 1]);
	}
	free(values);
	kma_histogram_free(&h);
	assert_true(h.count == 0 && h.octave[0] == NULL);
}

static void percentiles_are_nearest_rank(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 10, 99, 100, 101, 1000, 12345 };

	(void)state;
	random_state = 88172645463325252u;
	for (unsigned int bits = 1; bits <= 48; bits++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			check_against_sorted(bits, sizes[i]);
	}
}

static void small_values_are_exact(void **state)
{
	struct kma_histogram h = { 0 };

	(void)state;
	for (uint64_t v = 1; v <= 100; v++)
		assert_int_equal(kma_histogram_add(&h, v, 1), 0);
	for (unsigned int p = 1; p <= 100; p++)
		assert_true(kma_histogram_percentile(&h, p / 100.0) == p);
	kma_histogram_free(&h);
}

static void buckets_hold_their_values(void **state)
{
	(void)state;
	for (unsigned int shift = 0; shift < 64; shift++) {
		for (int d = -2; d <= 2; d++) {
			uint64_t value = (UINT64_C(1) << shift) + (uint64_t)d;
			uint64_t low = kma_histogram_bucket_low(value);

			assert_true(low <= value);
			assert_true(value < 128 ? low == value : value - low <= value / 64);
			assert_true(kma_histogram_bucket_low(low) == low);
			if (low)
				assert_true(kma_histogram_bucket(low - 1) ==
					    kma_histogram_bucket(low) - 1);
		}
	}
	assert_true(kma_histogram_bucket(UINT64_MAX) < KMA_HISTOGRAM_OCTAVES * KMA_OCTAVE_BUCKETS);
}

static void extremes_do_not_wrap(void **state)
{
	struct kma_histogram h = { 0 };

	(void)state;
	assert_int_equal(kma_histogram_add(&h, UINT64_MAX, 1), 0);
	assert_int_equal(kma_histogram_add(&h, 0, 0), 0);
	assert_true(h.count == 1 && h.min == UINT64_MAX && h.sum == UINT64_MAX);
	assert_int_equal(kma_histogram_add(&h, UINT64_MAX, 5), 0);
	assert_true(h.count == 6 && h.sum == UINT64_MAX);
	assert_true(kma_histogram_percentile(&h, 0.5) == UINT64_MAX);
	assert_int_equal(kma_histogram_add(&h, 0, 1), 0);
	assert_true(h.min == 0 && kma_histogram_percentile(&h, 0.001) == 0);
	kma_histogram_free(&h);
}

static void merging_equals_adding_all(void **state)
{
	struct kma_histogram a = { 0 }, b = { 0 }, all = { 0 }, empty = { 0 };

	(void)state;
	random_state = 42;
	for (int i = 0; i < 10000; i++) {
		uint64_t value = next_random() >> 20 >> next_random() % 40;
		uint64_t weight = next_random() % 3;

		assert_int_equal(kma_histogram_add(i % 3 ? &a : &b, value, weight), 0);
		assert_int_equal(kma_histogram_add(&all, value, weight), 0);
	}
	assert_int_equal(kma_histogram_merge(&a, &b), 0);
	assert_int_equal(kma_histogram_merge(&a, &empty), 0);
	assert_true(a.count == all.count && a.sum == all.sum);
	assert_true(a.min == all.min && a.max == all.max);
	for (unsigned int p = 1; p <= 1000; p++)
		assert_true(kma_histogram_percentile(&a, p / 1000.0) ==
			    kma_histogram_percentile(&all, p / 1000.0));
	kma_histogram_free(&a);
	kma_histogram_free(&b);
	kma_histogram_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_nearest_rank),
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(buckets_hold_their_values),
		cmocka_unit_test(extremes_do_not_wrap),
		cmocka_unit_test(merging_equals_adding_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
