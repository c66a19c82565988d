/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A value for each of many page frames, of which neighbours are often alive together: slots for 64
 * frames lie side by side, and a small map finds them. 8 bytes a page where pages are dense, at
 * worst 550. Slots that hold nothing are given back for reuse. The value 0 says: nothing.
 */
#ifndef KMA_UTIL_PAGEMAP_H
#define KMA_UTIL_PAGEMAP_H

#include "u64map.h"

#define KMA_PAGEMAP_SHIFT 6
#define KMA_PAGEMAP_SLOTS (1u << KMA_PAGEMAP_SHIFT)
/* Groups of slots at most, 256 MiB of them: a broken trace can name any page. */
#define KMA_PAGEMAP_MAX_GROUPS (1u << 19)

struct kma_pagemap_group {
	uint64_t slot[KMA_PAGEMAP_SLOTS];
};

struct kma_pagemap {
	struct kma_u64map index; /* pfn >> KMA_PAGEMAP_SHIFT to number of the group */
	struct kma_pagemap_group **blocks; /* groups, KMA_PAGEMAP_BLOCK at a time */
	uint8_t *live;		 /* values in each group */
	uint32_t nr_groups, nr_blocks;
	uint32_t *unused;	 /* numbers of groups given back */
	uint32_t nr_unused;
	/* the group found last, as pages come in runs; valid while last_group is not NULL */
	uint64_t last_key;
	uint32_t last_number;
	struct kma_pagemap_group *last_group;
};

#define KMA_PAGEMAP_BLOCK 1024u

void kma_pagemap_free(struct kma_pagemap *map);
/* Makes the group of @key (a pfn >> KMA_PAGEMAP_SHIFT) the last one. 0; 1: at the limit; -1: out of memory. */
int kma_pagemap_add_group(struct kma_pagemap *map, uint64_t key);
/* The group found last holds nothing any more. */
void kma_pagemap_drop_group(struct kma_pagemap *map);

/* Makes the group of @pfn the last one; false if there is none. */
static inline bool kma_pagemap_find(struct kma_pagemap *map, uint64_t pfn)
{
	uint64_t key = pfn >> KMA_PAGEMAP_SHIFT;
	uint64_t *number;

	if (map->last_group && map->last_key == key)
		return true;
	number = kma_u64map_get(&map->index, key);
	if (!number)
		return false;
	map->last_key = key;
	map->last_number = (uint32_t)*number;
	map->last_group =
		&map->blocks[*number / KMA_PAGEMAP_BLOCK][*number % KMA_PAGEMAP_BLOCK];
	return true;
}

/* Gives @pfn the value @value, which is not 0. 0; 1: the map is at its limit; -1: out of memory. */
static inline int kma_pagemap_set(struct kma_pagemap *map, uint64_t pfn, uint64_t value)
{
	uint64_t *slot;
	int ret;

	if (!kma_pagemap_find(map, pfn)) {
		ret = kma_pagemap_add_group(map, pfn >> KMA_PAGEMAP_SHIFT);
		if (ret)
			return ret;
	}
	slot = &map->last_group->slot[pfn % KMA_PAGEMAP_SLOTS];
	map->live[map->last_number] += !*slot;
	*slot = value;
	return 0;
}

/* Takes the value of @pfn out of the map; 0 if it had none. */
static inline uint64_t kma_pagemap_take(struct kma_pagemap *map, uint64_t pfn)
{
	uint64_t *slot, value;

	if (!kma_pagemap_find(map, pfn))
		return 0;
	slot = &map->last_group->slot[pfn % KMA_PAGEMAP_SLOTS];
	value = *slot;
	if (!value)
		return 0;
	*slot = 0;
	if (!--map->live[map->last_number])
		kma_pagemap_drop_group(map);
	return value;
}

/* Asks for the memory that @pfn's value is in: use some events ahead. */
static inline void kma_pagemap_prefetch(const struct kma_pagemap *map, uint64_t pfn)
{
	const uint64_t *number = kma_u64map_get(&map->index, pfn >> KMA_PAGEMAP_SHIFT);

	if (number)
		__builtin_prefetch(&map->blocks[*number / KMA_PAGEMAP_BLOCK]
					       [*number % KMA_PAGEMAP_BLOCK]
						       .slot[pfn % KMA_PAGEMAP_SLOTS],
				   1);
}

#endif
