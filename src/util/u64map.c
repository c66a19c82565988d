/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Open addressing with linear probing; a removal moves the rest of its run back instead of leaving
 * a tombstone, so that look-ups stay short however often keys come and go. Knows nothing of what
 * keys and values mean.
 */
#include "u64map.h"

#include <stdlib.h>
#include <string.h>

#include "large.h"

#define FIRST_BITS 6

/* Where @key is, or the free slot that ends its run. There is always one: the map is never full. */
static inline size_t find(const struct kma_u64map *map, uint64_t key)
{
	size_t mask = ((size_t)1 << map->bits) - 1;
	size_t slot = kma_u64map_slot(map, key);

	while (map->entries[slot].key != key && map->entries[slot].key != KMA_U64MAP_FREE)
		slot = (slot + 1) & mask;
	return slot;
}

static struct kma_u64map_entry *new_entries(size_t bytes)
{
	struct kma_u64map_entry *entries = kma_alloc_large(bytes);

	if (!entries)
		return NULL;
	/* all ones: every key is KMA_U64MAP_FREE */
	memset(entries, 0xff, bytes);
	return entries;
}

static int grow(struct kma_u64map *map)
{
	struct kma_u64map larger = { .bits = map->entries ? map->bits + 1 : FIRST_BITS,
				     .nr = map->nr };
	size_t nr_slots = map->entries ? (size_t)1 << map->bits : 0;
	size_t bytes;

	if (larger.bits >= 8 * sizeof(size_t) - 1 ||
	    __builtin_mul_overflow((size_t)1 << larger.bits, sizeof(*larger.entries), &bytes))
		return -1;
	larger.entries = new_entries(bytes);
	if (!larger.entries)
		return -1;
	for (size_t i = 0; i < nr_slots; i++)
		if (map->entries[i].key != KMA_U64MAP_FREE)
			larger.entries[find(&larger, map->entries[i].key)] = map->entries[i];
	free(map->entries);
	*map = larger;
	return 0;
}

void kma_u64map_free(struct kma_u64map *map)
{
	free(map->entries);
	*map = (struct kma_u64map){ 0 };
}

uint64_t *kma_u64map_get(const struct kma_u64map *map, uint64_t key)
{
	size_t slot;

	if (!map->entries)
		return NULL;
	slot = find(map, key);
	return map->entries[slot].key == key ? &map->entries[slot].value : NULL;
}

int kma_u64map_put(struct kma_u64map *map, uint64_t key, uint64_t value, bool *was)
{
	size_t slot = 0;
	bool found = false;

	if (map->entries) {
		slot = find(map, key);
		found = map->entries[slot].key == key;
	}
	if (!found) {
		if (!map->entries || map->nr >= ((size_t)3 << map->bits) / 4) {
			if (grow(map))
				return -1;
			slot = find(map, key);
		}
		map->nr++;
	}
	map->entries[slot] = (struct kma_u64map_entry){ key, value };
	if (was)
		*was = found;
	return 0;
}

bool kma_u64map_remove(struct kma_u64map *map, uint64_t key, uint64_t *value)
{
	struct kma_u64map_entry *entries = map->entries;
	size_t mask, hole;

	if (!entries)
		return false;
	hole = find(map, key);
	if (entries[hole].key != key)
		return false;
	if (value)
		*value = entries[hole].value;
	mask = ((size_t)1 << map->bits) - 1;
	for (size_t i = (hole + 1) & mask; entries[i].key != KMA_U64MAP_FREE; i = (i + 1) & mask) {
		size_t home = kma_u64map_slot(map, entries[i].key);

		/* it may move back only to its home; distances go backwards, around the end */
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			entries[hole] = entries[i];
			hole = i;
		}
	}
	entries[hole].key = KMA_U64MAP_FREE;
	map->nr--;
	return true;
}
