/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The live slab objects by address: open addressing with the objects in the table itself, so that
 * an allocation or a free costs one cache miss. Knows nothing of events.
 *
 * 24 bytes a slot, 3/8 to 3/4 of them in use: 32 to 64 bytes per live object.
 */
#ifndef KMA_PLUGINS_SLAB_LIVE_H
#define KMA_PLUGINS_SLAB_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1.6 GB at most, 50 million objects: a broken trace can hold any number. */
#define SLAB_LIVE_MAX_BITS 26

struct slab_object {
	uint64_t ptr;
	uint64_t ts;   /* of its allocation */
	uint32_t kind; /* never 0: that is a free slot */
	uint16_t cpu;  /* where it was allocated */
};

_Static_assert(sizeof(struct slab_object) == 24, "what a live object costs");

struct slab_live {
	struct slab_object *slots; /* 1 << bits of them, or NULL while empty */
	unsigned int bits;
	size_t nr;
};

static inline size_t slab_live_home(const struct slab_live *live, uint64_t ptr)
{
	/* objects lie at multiples of 8; the upper bits of the product depend on all of ptr */
	return (ptr >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - live->bits);
}

/*
 * Asks for the memory that @ptr's look-up will touch: use some events ahead. (Not always_inline, a
 * function that does nothing but prefetch would have no effect in gcc's eyes, and be left out.)
 */
static inline __attribute__((always_inline)) void slab_live_prefetch(const struct slab_live *live,
								     uint64_t ptr)
{
	const struct slab_object *slot;

	if (!live->slots)
		return;
	slot = &live->slots[slab_live_home(live, ptr)];
	__builtin_prefetch(slot, 1);
	/* a run of slots often goes on in the next cache line */
	__builtin_prefetch(slot + 2, 1);
}

void slab_live_free(struct slab_live *live);
/*
 * Adds @object, or puts it in place of the one at the same address, which *old receives (else
 * old->kind is 0). 0; 1: the table is at its limit, @object was not added; -1: out of memory.
 */
int slab_live_put(struct slab_live *live, const struct slab_object *object,
		  struct slab_object *old);
/* Takes the object at @ptr out; false if there is none. */
bool slab_live_take(struct slab_live *live, uint64_t ptr, struct slab_object *object);

/* The slots, free ones (kind 0) among them, for reports. */
static inline size_t slab_live_nr_slots(const struct slab_live *live)
{
	return live->slots ? (size_t)1 << live->bits : 0;
}

#endif
