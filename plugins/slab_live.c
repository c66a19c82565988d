/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The live slab objects by address; see slab_live.h. A removal moves the rest of its run back. */
#include "slab_live.h"

#include <stdlib.h>
#include <string.h>

#include "util/large.h"

#define FIRST_BITS 8

static struct slab_object *new_slots(unsigned int bits)
{
	size_t bytes = sizeof(struct slab_object) << bits;
	struct slab_object *slots = kma_alloc_large(bytes);

	if (!slots)
		return NULL;
	memset(slots, 0, bytes);
	return slots;
}

/* Where @ptr is, or the free slot that ends its run: the table is never full. */
static inline struct slab_object *find(const struct slab_live *live, uint64_t ptr)
{
	size_t mask = ((size_t)1 << live->bits) - 1;
	size_t slot = slab_live_home(live, ptr);

	while (live->slots[slot].kind && live->slots[slot].ptr != ptr)
		slot = (slot + 1) & mask;
	return &live->slots[slot];
}

static int grow(struct slab_live *live)
{
	struct slab_live larger = { .bits = live->slots ? live->bits + 1 : FIRST_BITS,
				    .nr = live->nr };
	size_t nr_slots = slab_live_nr_slots(live);

	if (larger.bits > SLAB_LIVE_MAX_BITS)
		return 1;
	larger.slots = new_slots(larger.bits);
	if (!larger.slots)
		return -1;
	for (size_t i = 0; i < nr_slots; i++)
		if (live->slots[i].kind)
			*find(&larger, live->slots[i].ptr) = live->slots[i];
	free(live->slots);
	*live = larger;
	return 0;
}

void slab_live_free(struct slab_live *live)
{
	free(live->slots);
	*live = (struct slab_live){ 0 };
}

int slab_live_put(struct slab_live *live, const struct slab_object *object, struct slab_object *old)
{
	struct slab_object *slot = live->slots ? find(live, object->ptr) : NULL;

	if (!slot || !slot->kind) {
		old->kind = 0;
		if (!slot || live->nr >= ((size_t)3 << live->bits) / 4) {
			int ret = grow(live);

			if (ret)
				return ret;
			slot = find(live, object->ptr);
		}
		live->nr++;
	} else {
		*old = *slot;
	}
	*slot = *object;
	return 0;
}

bool slab_live_take(struct slab_live *live, uint64_t ptr, struct slab_object *object)
{
	struct slab_object *slots = live->slots, *found;
	size_t mask, hole;

	if (!slots)
		return false;
	found = find(live, ptr);
	if (!found->kind)
		return false;
	*object = *found;
	mask = ((size_t)1 << live->bits) - 1;
	hole = (size_t)(found - slots);
	for (size_t i = (hole + 1) & mask; slots[i].kind; i = (i + 1) & mask) {
		size_t home = slab_live_home(live, slots[i].ptr);

		/* it may move back only to its home; distances go backwards, around the end */
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			slots[hole] = slots[i];
			hole = i;
		}
	}
	slots[hole].kind = 0;
	live->nr--;
	return true;
}
