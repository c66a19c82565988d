/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A map from uint64_t keys to small values for state that grows and shrinks with what is alive:
 * open addressing, linear probing, deletion without tombstones, at most 3/4 full. The key
 * KMA_U64MAP_FREE is not allowed.
 */
#ifndef KMA_UTIL_U64MAP_H
#define KMA_UTIL_U64MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KMA_U64MAP_FREE UINT64_MAX

struct kma_u64map_entry {
	uint64_t key;
	uint64_t value;
};

struct kma_u64map {
	struct kma_u64map_entry *entries; /* 1 << bits of them, or NULL while empty */
	unsigned int bits;
	size_t nr;
};

/*
 * Where the search for @key begins. Four keys that differ in their last two bits only, such as
 * neighbouring pages, get the four slots of one cache line.
 */
static inline size_t kma_u64map_slot(const struct kma_u64map *map, uint64_t key)
{
	return ((key >> 2) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - map->bits)) ^ (key & 3);
}

void kma_u64map_free(struct kma_u64map *map);
/* The value's place, or NULL; valid until the next put or remove. */
uint64_t *kma_u64map_get(const struct kma_u64map *map, uint64_t key);
/*
 * Sets the value of @key; *was (unless NULL) tells whether it was there before. 0, or -1 when out
 * of memory, and the map is as it was.
 */
int kma_u64map_put(struct kma_u64map *map, uint64_t key, uint64_t value, bool *was);
/* Removes @key; false if it was not there. *value (unless NULL) receives what it had. */
bool kma_u64map_remove(struct kma_u64map *map, uint64_t key, uint64_t *value);

#endif
