/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The set of page frames against a bitmap, and at both ends of what a number can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pfnset.h"

#define NR_PFNS 512u
#define NR_RUNS 300

static uint64_t next(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static void check(struct pfnset *set, const bool *bitmap, uint64_t base, uint64_t *random)
{
	for (unsigned int i = 0; i < NR_PFNS; i++) {
		unsigned int at = next(random) & 1 ? i : (unsigned int)(next(random) % NR_PFNS);

		assert_int_equal(pfnset_has(set, base + at), bitmap[at]);
	}
	/* in order, and a gap between any two */
	for (size_t i = 0; i < set->nr; i++) {
		assert_true(set->ranges[i].start < set->ranges[i].end);
		if (i)
			assert_true(set->ranges[i - 1].end < set->ranges[i].start);
	}
}

static void test_random(void **state)
{
	static const uint64_t bases[] = { 0, UINT64_C(1) << 32, UINT64_MAX - NR_PFNS };
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int run = 0; run < NR_RUNS; run++) {
		uint64_t base = bases[run % 3];
		struct pfnset set = { 0 };
		bool bitmap[NR_PFNS] = { false };
		unsigned int longest = 1 + (unsigned int)(next(&random) % 60);

		assert_false(pfnset_has(&set, base));
		for (int i = 0; i < 40; i++) {
			unsigned int start = (unsigned int)(next(&random) % NR_PFNS);
			unsigned int end = start + (unsigned int)(next(&random) % longest);

			if (end > NR_PFNS)
				end = NR_PFNS;
			assert_int_equal(pfnset_add(&set, base + start, base + end), 0);
			for (unsigned int pfn = start; pfn < end; pfn++)
				bitmap[pfn] = true;
			if (i % 8 == 0)
				check(&set, bitmap, base, &random);
		}
		check(&set, bitmap, base, &random);
		pfnset_free(&set);
	}
}

static void test_ends(void **state)
{
	struct pfnset set = { 0 };

	(void)state;
	assert_int_equal(pfnset_add(&set, 5, 5), 0);
	assert_int_equal(pfnset_add(&set, 6, 5), 0);
	assert_int_equal(set.nr, 0);
	assert_int_equal(pfnset_add(&set, 0, UINT64_MAX), 0);
	assert_int_equal(set.nr, 1);
	assert_true(pfnset_has(&set, 0));
	assert_true(pfnset_has(&set, UINT64_MAX - 1));
	/* the end is outside, so this number can be in no set */
	assert_false(pfnset_has(&set, UINT64_MAX));
	assert_false(pfnset_has(&set, UINT64_MAX));
	assert_int_equal(pfnset_add(&set, 10, 20), 0);
	assert_int_equal(set.nr, 1);
	pfnset_free(&set);
}

static void test_full(void **state)
{
	struct pfnset set = { 0 };

	(void)state;
	for (uint64_t i = 0; i < PFNSET_MAX_RANGES; i++)
		assert_int_equal(pfnset_add(&set, 4 * i + 1, 4 * i + 2), 0);
	assert_int_equal(pfnset_add(&set, 1000002, 1000003), 1);
	assert_false(pfnset_has(&set, 1000002));
	/* what needs no range more is still added, also in front */
	assert_int_equal(pfnset_add(&set, 0, 1), 0);
	assert_true(pfnset_has(&set, 0));
	assert_int_equal(pfnset_add(&set, 2, 5), 0);
	assert_int_equal(set.nr, PFNSET_MAX_RANGES - 1);
	assert_int_equal(pfnset_add(&set, 1000002, 1000003), 0);
	assert_true(pfnset_has(&set, 1000002));
	pfnset_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
