/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A value for each of many page frames, of which neighbours are often alive together: slots for 64
 * frames lie side by side in a group, and a table for 512 groups (128 MiB of 4 KiB pages) finds
 * them. 8 bytes a page where pages are dense, at worst 520 and the tables' 2 KiB each. Groups that
 * hold nothing are given back for reuse. The value 0 says: nothing.
 */
#ifndef KMA_UTIL_PAGEMAP_H
#define KMA_UTIL_PAGEMAP_H

#include "u64map.h"

#define KMA_PAGEMAP_SLOTS_SHIFT	 6
#define KMA_PAGEMAP_SLOTS	 (1u << KMA_PAGEMAP_SLOTS_SHIFT)
#define KMA_PAGEMAP_GROUPS_SHIFT 9
#define KMA_PAGEMAP_GROUPS	 (1u << KMA_PAGEMAP_GROUPS_SHIFT)
/* 256 MiB of groups, 128 MiB of tables (8 TiB) at most: a broken trace can name any page. */
#define KMA_PAGEMAP_MAX_GROUPS (1u << 19)
#define KMA_PAGEMAP_MAX_TABLES (1u << 16)
/* Tables that are found without a search: 2 GiB of 4 KiB pages in one piece. */
#define KMA_PAGEMAP_CACHE 16
/* Groups are allocated so many at a time. */
#define KMA_PAGEMAP_BLOCK 1024u

struct kma_pagemap_group {
	uint64_t slot[KMA_PAGEMAP_SLOTS];
};

struct kma_pagemap_table {
	uint32_t group[KMA_PAGEMAP_GROUPS]; /* 1 + the group's number; 0: none */
};

struct kma_pagemap {
	struct kma_u64map index; /* pfn >> 15 to number of the table */
	struct kma_pagemap_table **tables;
	uint32_t nr_tables;
	struct kma_pagemap_group **blocks;
	uint8_t *live; /* values in each group */
	uint32_t nr_groups, nr_blocks;
	uint32_t *unused; /* numbers of groups given back */
	uint32_t nr_unused;
	/* tables found lately, by the low bits of their key; valid while table is not NULL */
	struct {
		uint64_t key;
		struct kma_pagemap_table *table;
	} cache[KMA_PAGEMAP_CACHE];
};

void kma_pagemap_free(struct kma_pagemap *map);
/* The place of @pfn's group number, made if need be. 0; 1: the map is at its limit; -1: out of
 * memory. */
int kma_pagemap_add_group(struct kma_pagemap *map, uint64_t pfn, uint32_t *number);
/* Group @number of @pfn holds nothing any more. */
void kma_pagemap_drop_group(struct kma_pagemap *map, uint64_t pfn, uint32_t number);
/* The table of @key, found by a search and remembered, or NULL. */
struct kma_pagemap_table *kma_pagemap_search(struct kma_pagemap *map, uint64_t key);

/* Where the number of @pfn's group is, plus one: 0 if there is none; NULL without a table. */
static inline uint32_t *kma_pagemap_entry(struct kma_pagemap *map, uint64_t pfn)
{
	uint64_t key = pfn >> (KMA_PAGEMAP_SLOTS_SHIFT + KMA_PAGEMAP_GROUPS_SHIFT);
	struct kma_pagemap_table *table = map->cache[key % KMA_PAGEMAP_CACHE].table;

	if (__builtin_expect(!table || map->cache[key % KMA_PAGEMAP_CACHE].key != key, 0)) {
		table = kma_pagemap_search(map, key);
		if (!table)
			return NULL;
	}
	return &table->group[(pfn >> KMA_PAGEMAP_SLOTS_SHIFT) % KMA_PAGEMAP_GROUPS];
}

/* The number of @pfn's group; UINT32_MAX if there is none. */
static inline uint32_t kma_pagemap_find(struct kma_pagemap *map, uint64_t pfn)
{
	const uint32_t *entry = kma_pagemap_entry(map, pfn);

	return entry ? *entry - 1 : UINT32_MAX;
}

static inline uint64_t *kma_pagemap_slot(const struct kma_pagemap *map, uint64_t pfn,
					 uint32_t number)
{
	return &map->blocks[number / KMA_PAGEMAP_BLOCK][number % KMA_PAGEMAP_BLOCK]
			.slot[pfn % KMA_PAGEMAP_SLOTS];
}

/* Gives @pfn the value @value, which is not 0. 0; 1: the map is at its limit; -1: out of memory. */
static inline int kma_pagemap_set(struct kma_pagemap *map, uint64_t pfn, uint64_t value)
{
	uint32_t number = kma_pagemap_find(map, pfn);
	uint64_t *slot;
	int ret;

	if (number == UINT32_MAX) {
		ret = kma_pagemap_add_group(map, pfn, &number);
		if (ret)
			return ret;
	}
	slot = kma_pagemap_slot(map, pfn, number);
	map->live[number] += !*slot;
	*slot = value;
	return 0;
}

/* Takes the value of @pfn out of the map; 0 if it had none. */
static inline uint64_t kma_pagemap_take(struct kma_pagemap *map, uint64_t pfn)
{
	uint32_t number = kma_pagemap_find(map, pfn);
	uint64_t *slot, value;

	if (number == UINT32_MAX)
		return 0;
	slot = kma_pagemap_slot(map, pfn, number);
	value = *slot;
	if (!value)
		return 0;
	*slot = 0;
	if (!--map->live[number])
		kma_pagemap_drop_group(map, pfn, number);
	return value;
}

/*
 * Asks for the memory that @pfn's value is in, some events ahead. Before that, for the place that
 * says where this is: a miss there would hold up the asking. (Not always_inline, a function that
 * only prefetches would have no effect in gcc's eyes, and be left out.)
 */
static inline __attribute__((always_inline)) void kma_pagemap_prefetch(struct kma_pagemap *map,
								       uint64_t pfn)
{
	uint32_t number = kma_pagemap_find(map, pfn);

	if (number != UINT32_MAX)
		__builtin_prefetch(kma_pagemap_slot(map, pfn, number), 1);
}

static inline __attribute__((always_inline)) void
kma_pagemap_prefetch_entry(struct kma_pagemap *map, uint64_t pfn)
{
	const uint32_t *entry = kma_pagemap_entry(map, pfn);

	if (entry)
		__builtin_prefetch(entry);
}

#endif
