/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Getting and giving back the groups of a page map; see pagemap.h. Knows nothing of what values mean. */
#include "pagemap.h"

#include <stdlib.h>
#include <string.h>

void kma_pagemap_free(struct kma_pagemap *map)
{
	for (uint32_t i = 0; i < map->nr_blocks; i++)
		free(map->blocks[i]);
	free(map->blocks);
	free(map->live);
	free(map->unused);
	kma_u64map_free(&map->index);
	*map = (struct kma_pagemap){ 0 };
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

int kma_pagemap_add_group(struct kma_pagemap *map, uint64_t key)
{
	uint32_t number;

	if (map->nr_unused) {
		number = map->unused[map->nr_unused - 1];
	} else {
		if (map->nr_groups == KMA_PAGEMAP_MAX_GROUPS)
			return 1;
		number = map->nr_groups;
		if (number == map->nr_blocks * KMA_PAGEMAP_BLOCK && add_block(map))
			return -1;
	}
	if (kma_u64map_put(&map->index, key, number, NULL))
		return -1;
	if (map->nr_unused)
		map->nr_unused--;
	else
		map->nr_groups++;
	map->live[number] = 0;
	map->last_key = key;
	map->last_number = number;
	map->last_group = &map->blocks[number / KMA_PAGEMAP_BLOCK][number % KMA_PAGEMAP_BLOCK];
	memset(map->last_group, 0, sizeof(*map->last_group));
	return 0;
}

void kma_pagemap_drop_group(struct kma_pagemap *map)
{
	kma_u64map_remove(&map->index, map->last_key, NULL);
	map->unused[map->nr_unused++] = map->last_number;
	map->last_group = NULL;
}
