/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The integer map against a naive model: growth, removal in runs, runs that wrap around the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/u64map.h"

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void check_load(const struct kma_u64map *map)
{
	assert_true(map->nr <= ((size_t)3 << map->bits) / 4);
}

static void empty_map(void **unused)
{
	struct kma_u64map map = { 0 };

	(void)unused;
	assert_null(kma_u64map_get(&map, 1));
	assert_false(kma_u64map_remove(&map, 1, NULL));
	kma_u64map_free(&map);
	assert_null(map.entries);
}

static void put_replaces(void **unused)
{
	struct kma_u64map map = { 0 };
	uint64_t value = 0;
	bool was = true;

	(void)unused;
	assert_int_equal(kma_u64map_put(&map, 0, 10, &was), 0);
	assert_false(was);
	assert_int_equal(kma_u64map_put(&map, 0, 11, &was), 0);
	assert_true(was);
	assert_int_equal(map.nr, 1);
	assert_int_equal(*kma_u64map_get(&map, 0), 11);
	assert_true(kma_u64map_remove(&map, 0, &value));
	assert_int_equal(value, 11);
	assert_int_equal(map.nr, 0);
	assert_null(kma_u64map_get(&map, 0));
	kma_u64map_free(&map);
	assert_int_equal(kma_u64map_put(&map, UINT64_MAX - 1, 1, NULL), 0);
	assert_int_equal(*kma_u64map_get(&map, UINT64_MAX - 1), 1);
	kma_u64map_free(&map);
}

static void growth_keeps_everything(void **unused)
{
	const uint64_t nr = 200000;
	struct kma_u64map map = { 0 };
	uint64_t value;

	(void)unused;
	for (uint64_t key = 0; key < nr; key++) {
		assert_int_equal(kma_u64map_put(&map, key * 4096, key, NULL), 0);
		check_load(&map);
	}
	assert_int_equal(map.nr, nr);
	for (uint64_t key = 0; key < nr; key++)
		assert_int_equal(*kma_u64map_get(&map, key * 4096), key);
	for (uint64_t key = 0; key < nr; key++) {
		assert_true(kma_u64map_remove(&map, key * 4096, &value));
		assert_int_equal(value, key);
	}
	assert_int_equal(map.nr, 0);
	for (size_t i = 0; i < (size_t)1 << map.bits; i++)
		assert_true(map.entries[i].key == KMA_U64MAP_FREE);
	kma_u64map_free(&map);
}

/* Keys by the slot they want, so that runs can be laid over the end of the table. */
static uint64_t key_at(const struct kma_u64map *map, size_t slot, uint64_t *from)
{
	while (kma_u64map_slot(map, *from) != slot)
		++*from;
	return (*from)++;
}

static void removal_in_a_run_around_the_end(void **unused)
{
	enum { NR = 12 };
	static const size_t homes[NR] = { 61, 61, 62, 63, 63, 62, 0, 1, 61, 2, 0, 63 };

	(void)unused;
	for (size_t gone = 0; gone < NR; gone++) {
		for (size_t also = 0; also < NR; also++) {
			struct kma_u64map map = { 0 };
			uint64_t keys[NR], from = 0;

			assert_int_equal(kma_u64map_put(&map, 0, 0, NULL), 0);
			assert_true(kma_u64map_remove(&map, 0, NULL));
			assert_int_equal(map.bits, 6);
			for (size_t i = 0; i < NR; i++) {
				keys[i] = key_at(&map, homes[i], &from);
				assert_int_equal(kma_u64map_put(&map, keys[i], i, NULL), 0);
			}
			assert_true(kma_u64map_remove(&map, keys[gone], NULL));
			assert_int_equal(kma_u64map_remove(&map, keys[also], NULL), gone != also);
			for (size_t i = 0; i < NR; i++) {
				uint64_t *value = kma_u64map_get(&map, keys[i]);

				if (i == gone || i == also) {
					assert_null(value);
				} else {
					assert_non_null(value);
					assert_int_equal(*value, i);
				}
			}
			kma_u64map_free(&map);
		}
	}
}

static void random_operations_match_the_model(void **unused)
{
	enum { NR_KEYS = 3000 };
	static uint64_t model[NR_KEYS];
	static bool there[NR_KEYS];
	struct kma_u64map map = { 0 };
	uint64_t seed = 88172645463325252u;
	size_t alive = 0;

	(void)unused;
	for (unsigned int i = 0; i < 1000000; i++) {
		/* the share of removals swings, so that the map fills up and empties again */
		bool removes = next_random(&seed) % 8 < ((i / 50000) & 1 ? 5u : 3u);
		size_t k = next_random(&seed) % NR_KEYS;
		uint64_t key = k * UINT64_C(0x10001), value = next_random(&seed), got = 0;
		bool was = false;

		if (removes) {
			assert_int_equal(kma_u64map_remove(&map, key, &got), there[k]);
			if (there[k]) {
				assert_true(got == model[k]);
				alive--;
			}
			there[k] = false;
		} else {
			assert_int_equal(kma_u64map_put(&map, key, value, &was), 0);
			assert_int_equal(was, there[k]);
			alive += !there[k];
			there[k] = true;
			model[k] = value;
		}
		assert_int_equal(map.nr, alive);
		check_load(&map);
		k = next_random(&seed) % NR_KEYS;
		uint64_t *found = kma_u64map_get(&map, k * UINT64_C(0x10001));

		assert_int_equal(found != NULL, there[k]);
		if (found)
			assert_true(*found == model[k]);
	}
	kma_u64map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_map),
		cmocka_unit_test(put_replaces),
		cmocka_unit_test(growth_keeps_everything),
		cmocka_unit_test(removal_in_a_run_around_the_end),
		cmocka_unit_test(random_operations_match_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
