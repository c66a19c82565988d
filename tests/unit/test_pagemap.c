/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page map against a plain array: sparse and dense pages, groups given back, far-away frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/pagemap.h"

#define NR 4096u

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void empty(void **unused)
{
	struct kma_pagemap map = { 0 };

	(void)unused;
	assert_int_equal(kma_pagemap_take(&map, 5), 0);
	kma_pagemap_prefetch(&map, 5);
	kma_pagemap_free(&map);
}

static void set_replaces(void **unused)
{
	struct kma_pagemap map = { 0 };

	(void)unused;
	assert_int_equal(kma_pagemap_set(&map, 7, 1), 0);
	assert_int_equal(kma_pagemap_set(&map, 7, 2), 0);
	assert_int_equal(kma_pagemap_take(&map, 7), 2);
	assert_int_equal(kma_pagemap_take(&map, 7), 0);
	kma_pagemap_free(&map);
}

/* Frames spread so that groups, tables and the index all come and go. */
static void random_operations(void **unused)
{
	static const unsigned int strides[] = { 1, 37, 4099, 1u << 20 };
	uint64_t seed = 88172645463325252, model[NR];

	(void)unused;
	for (size_t s = 0; s < sizeof(strides) / sizeof(strides[0]); s++) {
		struct kma_pagemap map = { 0 };

		memset(model, 0, sizeof(model));
		for (unsigned int i = 0; i < 200000; i++) {
			uint64_t n = next_random(&seed) % NR, pfn = 0x100000 + n * strides[s];

			if (next_random(&seed) & 1) {
				model[n] = 1 + next_random(&seed) % 1000;
				assert_int_equal(kma_pagemap_set(&map, pfn, model[n]), 0);
			} else {
				kma_pagemap_prefetch(&map, pfn);
				assert_int_equal(kma_pagemap_take(&map, pfn), model[n]);
				model[n] = 0;
			}
		}
		for (uint64_t n = 0; n < NR; n++)
			assert_int_equal(kma_pagemap_take(&map, 0x100000 + n * strides[s]), model[n]);
		assert_int_equal(map.nr_unused, map.nr_groups);
		kma_pagemap_free(&map);
	}
}

static void empty_groups_are_used_again(void **unused)
{
	struct kma_pagemap map = { 0 };

	(void)unused;
	for (uint64_t pfn = 0; pfn < 1000000; pfn++) {
		assert_int_equal(kma_pagemap_set(&map, pfn, 1), 0);
		assert_int_equal(kma_pagemap_take(&map, pfn), 1);
	}
	assert_int_equal(map.nr_groups, 1);
	kma_pagemap_free(&map);
}

static void full(void **unused)
{
	struct kma_pagemap map = { 0 };
	uint64_t pfn = 0;
	int ret;

	(void)unused;
	while ((ret = kma_pagemap_set(&map, pfn, 1)) == 0)
		pfn += UINT64_C(1) << 15;	/* a table each */
	assert_int_equal(ret, 1);
	assert_int_equal(map.nr_tables, KMA_PAGEMAP_MAX_TABLES);
	assert_int_equal(kma_pagemap_take(&map, 0), 1);
	kma_pagemap_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(set_replaces),
		cmocka_unit_test(random_operations),
		cmocka_unit_test(empty_groups_are_used_again),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests_name("pagemap", tests, NULL, NULL);
}
