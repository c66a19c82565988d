/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of slab objects (call site, sizes, cache) as small numbers. Counts nothing itself. */
#include <stdlib.h>
#include <string.h>

#include "slab_internal.h"

#define FIRST_BITS 9
#define GOLDEN	   UINT64_C(0x9e3779b97f4a7c15)

static inline size_t home_of(const struct slab_kind *kind, unsigned int bits)
{
	uint64_t hash = ((uint64_t)kind->site << 32 | kind->bytes_req) * GOLDEN;

	hash ^= ((uint64_t)kind->bytes_alloc << 32 | (kind->cache << 1 | kind->family)) +
		(hash >> 29);
	return hash * GOLDEN >> (64 - bits);
}

static inline bool is_same(const struct slab_kind *a, const struct slab_kind *b)
{
	return a->site == b->site && a->bytes_req == b->bytes_req &&
	       a->bytes_alloc == b->bytes_alloc && a->cache == b->cache && a->family == b->family;
}

/* Its slot, or the free one where it belongs. */
static inline uint32_t *find_slot(const struct slab_kinds *kinds, const struct slab_kind *kind)
{
	size_t mask = ((size_t)1 << kinds->bits) - 1, at = home_of(kind, kinds->bits);

	while (kinds->slots[at] && !is_same(&kinds->kind[kinds->slots[at]], kind))
		at = (at + 1) & mask;
	return &kinds->slots[at];
}

/* Twice the room; at most half of the slots are in use. */
static int grow(struct slab_kinds *kinds)
{
	unsigned int bits = kinds->slots ? kinds->bits + 1 : FIRST_BITS;
	uint32_t max = 1u << (bits - 1), *slots = calloc((size_t)1 << bits, sizeof(*slots));
	struct slab_kind *kind = aligned_alloc(sizeof(*kind), max * sizeof(*kind));

	if (!kind || !slots) {
		free(kind);
		free(slots);
		return -1;
	}
	if (kinds->slots)
		memcpy(kind, kinds->kind, kinds->nr * sizeof(*kind));
	else
		kinds->nr = 1; /* number 0 is none */
	free(kinds->kind);
	free(kinds->slots);
	kinds->kind = kind;
	kinds->slots = slots;
	kinds->bits = bits;
	kinds->max = max;
	for (uint32_t i = 1; i < kinds->nr; i++)
		*find_slot(kinds, &kind[i]) = i;
	return 0;
}

/* Seen for the first time: once per kind. */
static __attribute__((noinline)) int add(struct slab_kinds *kinds, struct slab_site *site,
					 struct slab_kind wanted, uint32_t *number)
{
	uint32_t *slot;

	*number = 0;
	if (site->nr_kinds >= SLAB_MAX_SITE_KINDS) {
		wanted.bytes_req = SLAB_MIXED;
		*number = kinds->slots ? *find_slot(kinds, &wanted) : 0;
		if (*number)
			return 0;
	}
	if (kinds->nr >= SLAB_MAX_KINDS)
		return 0;
	if (kinds->nr >= kinds->max && grow(kinds))
		return -1;
	slot = find_slot(kinds, &wanted);
	*slot = *number = kinds->nr++;
	kinds->kind[*number] = wanted;
	site->nr_kinds++;
	return 0;
}

int slab_kinds_find(struct slab_kinds *kinds, struct slab_site *site, struct slab_kind wanted,
		    uint32_t *number)
{
	if (__builtin_expect(kinds->slots != NULL, 1)) {
		*number = *find_slot(kinds, &wanted);
		if (__builtin_expect(*number, 1))
			return 0;
	}
	return add(kinds, site, wanted, number);
}

void slab_kinds_free(struct slab_kinds *kinds)
{
	free(kinds->kind);
	free(kinds->slots);
	*kinds = (struct slab_kinds){ 0 };
}
