/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Getting and giving back the groups of a page map; see pagemap.h. Knows nothing of what values
 * mean. */
#include "pagemap.h"

#include <stdlib.h>
#include <string.h>

#define KEY_SHIFT (KMA_PAGEMAP_SLOTS_SHIFT + KMA_PAGEMAP_GROUPS_SHIFT)

void kma_pagemap_free(struct kma_pagemap *map)
{
	for (uint32_t i = 0; i < map->nr_blocks; i++)
		free(map->blocks[i]);
	for (uint32_t i = 0; i < map->nr_tables; i++)
		free(map->tables[i]);
	free(map->blocks);
	free(map->tables);
	free(map->live);
	free(map->unused);
	kma_u64map_free(&map->index);
	*map = (struct kma_pagemap){ 0 };
}

struct kma_pagemap_table *kma_pagemap_search(struct kma_pagemap *map, uint64_t key)
{
	const uint64_t *number = kma_u64map_get(&map->index, key);

	if (!number)
		return NULL;
	map->cache[key % KMA_PAGEMAP_CACHE].key = key;
	return map->cache[key % KMA_PAGEMAP_CACHE].table = map->tables[*number];
}

static int add_table(struct kma_pagemap *map, uint64_t pfn)
{
	struct kma_pagemap_table **tables, *table;

	if (map->nr_tables == KMA_PAGEMAP_MAX_TABLES)
		return 1;
	/* a power of two at a time: tables are few, but a terabyte has thousands */
	if (!(map->nr_tables & (map->nr_tables - 1))) {
		tables = reallocarray(map->tables, map->nr_tables ? 2 * map->nr_tables : 1,
				      sizeof(*tables));
		if (!tables)
			return -1;
		map->tables = tables;
	}
	table = aligned_alloc(64, sizeof(*table));
	if (!table)
		return -1;
	memset(table, 0, sizeof(*table));
	if (kma_u64map_put(&map->index, pfn >> KEY_SHIFT, map->nr_tables, NULL)) {
		free(table);
		return -1;
	}
	map->tables[map->nr_tables++] = table;
	return 0;
}

static int add_block(struct kma_pagemap *map)
{
	uint32_t nr = (map->nr_blocks + 1) * KMA_PAGEMAP_BLOCK;
	struct kma_pagemap_group **blocks;
	uint32_t *unused;
	uint8_t *live;

	blocks = reallocarray(map->blocks, map->nr_blocks + 1, sizeof(*blocks));
	if (!blocks)
		return -1;
	map->blocks = blocks;
	live = realloc(map->live, nr);
	if (!live)
		return -1;
	map->live = live;
	unused = reallocarray(map->unused, nr, sizeof(*unused));
	if (!unused)
		return -1;
	map->unused = unused;
	blocks[map->nr_blocks] = aligned_alloc(64, KMA_PAGEMAP_BLOCK * sizeof(**blocks));
	if (!blocks[map->nr_blocks])
		return -1;
	map->nr_blocks++;
	return 0;
}

int kma_pagemap_add_group(struct kma_pagemap *map, uint64_t pfn, uint32_t *number)
{
	uint32_t *entry = kma_pagemap_entry(map, pfn);
	int ret;

	if (!entry) {
		ret = add_table(map, pfn);
		if (ret)
			return ret;
		entry = kma_pagemap_entry(map, pfn);
	}
	if (map->nr_unused) {
		*number = map->unused[--map->nr_unused];
	} else {
		if (map->nr_groups == KMA_PAGEMAP_MAX_GROUPS)
			return 1;
		if (map->nr_groups == map->nr_blocks * KMA_PAGEMAP_BLOCK && add_block(map))
			return -1;
		*number = map->nr_groups++;
	}
	*entry = *number + 1;
	map->live[*number] = 0;
	memset(&map->blocks[*number / KMA_PAGEMAP_BLOCK][*number % KMA_PAGEMAP_BLOCK], 0,
	       sizeof(struct kma_pagemap_group));
	return 0;
}

void kma_pagemap_drop_group(struct kma_pagemap *map, uint64_t pfn, uint32_t number)
{
	*kma_pagemap_entry(map, pfn) = 0;
	map->unused[map->nr_unused++] = number;
}
