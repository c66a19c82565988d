/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call sites as small numbers: a hash table from addresses, one or a few, to numbers in the order
 * of appearance. Knows nothing of what is counted by them.
 */
#include <stdlib.h>
#include <string.h>

#include "site.h"

/* Deeper stacks than this tell no call sites apart that shorter ones do not. */
#define MAX_DEPTH  64
#define FIRST_BITS 8
#define GOLDEN	   UINT64_C(0x9e3779b97f4a7c15)

struct slot {
	uint64_t hash;
	uint32_t site;
	uint32_t nr; /* addresses; 0: the slot is free */
};

struct kma_sites {
	uint32_t depth;
	struct slot *slots; /* 1 << bits of them, at most half in use */
	unsigned int bits;
	/* site i: addresses[start[i]] up to, not including, addresses[start[i + 1]] */
	uint32_t *start;
	uint64_t *addresses;
	uint32_t nr, max;
	size_t max_addresses;
};

static struct slot *new_slots(unsigned int bits)
{
	return calloc((size_t)1 << bits, sizeof(struct slot));
}

struct kma_sites *kma_sites_new(uint32_t depth)
{
	struct kma_sites *sites = calloc(1, sizeof(*sites));

	if (!sites)
		return NULL;
	sites->depth = depth < MAX_DEPTH ? depth : MAX_DEPTH;
	sites->bits = FIRST_BITS;
	sites->slots = new_slots(FIRST_BITS);
	sites->max = 1 << (FIRST_BITS - 1);
	sites->start = calloc(sites->max + 1, sizeof(*sites->start));
	sites->max_addresses = sites->max;
	sites->addresses = calloc(sites->max_addresses, sizeof(*sites->addresses));
	/* number 0, "other", has no address */
	sites->nr = 1;
	if (!sites->slots || !sites->start || !sites->addresses) {
		kma_sites_free(sites);
		return NULL;
	}
	return sites;
}

void kma_sites_free(struct kma_sites *sites)
{
	if (!sites)
		return;
	free(sites->slots);
	free(sites->start);
	free(sites->addresses);
	free(sites);
}

static inline size_t home_of(uint64_t hash, unsigned int bits)
{
	return hash >> (64 - bits);
}

/* Twice the slots, and room for as many sites as half of them. */
static int grow(struct kma_sites *sites)
{
	unsigned int bits = sites->bits + 1;
	size_t nr_slots = (size_t)1 << sites->bits, mask = 2 * nr_slots - 1;
	struct slot *slots;
	uint32_t *start = reallocarray(sites->start, nr_slots + 1, sizeof(*start));

	if (!start)
		return -1;
	sites->start = start;
	slots = new_slots(bits);
	if (!slots)
		return -1;
	for (size_t i = 0; i < nr_slots; i++) {
		size_t at = home_of(sites->slots[i].hash, bits);

		if (!sites->slots[i].nr)
			continue;
		while (slots[at].nr)
			at = (at + 1) & mask;
		slots[at] = sites->slots[i];
	}
	free(sites->slots);
	sites->slots = slots;
	sites->bits = bits;
	sites->max = (uint32_t)nr_slots;
	return 0;
}

static int add_addresses(struct kma_sites *sites, const uint64_t *addresses, uint32_t nr)
{
	size_t used = sites->start[sites->nr];

	if (used + nr > sites->max_addresses) {
		size_t max = 2 * sites->max_addresses + nr;
		uint64_t *larger = reallocarray(sites->addresses, max, sizeof(*larger));

		if (!larger)
			return -1;
		sites->addresses = larger;
		sites->max_addresses = max;
	}
	memcpy(sites->addresses + used, addresses, nr * sizeof(*addresses));
	return 0;
}

/* Seen for the first time: once per site. */
static __attribute__((noinline)) int add(struct kma_sites *sites, const uint64_t *addresses,
					 uint32_t nr, uint64_t hash, uint32_t *site)
{
	size_t at;

	*site = KMA_SITE_OTHER;
	if (sites->nr >= KMA_MAX_SITES)
		return 0;
	if ((sites->nr == sites->max && grow(sites)) || add_addresses(sites, addresses, nr))
		return -1;
	for (at = home_of(hash, sites->bits); sites->slots[at].nr;)
		at = (at + 1) & (((size_t)1 << sites->bits) - 1);
	*site = sites->nr++;
	sites->start[sites->nr] = sites->start[*site] + nr;
	sites->slots[at] = (struct slot){ .hash = hash, .site = *site, .nr = nr };
	return 0;
}

static inline bool is_same(const struct kma_sites *sites, const struct slot *slot,
			   const uint64_t *addresses, uint32_t nr)
{
	const uint64_t *known = sites->addresses + sites->start[slot->site];

	if (slot->nr != nr)
		return false;
	for (uint32_t i = 0; i < nr; i++)
		if (known[i] != addresses[i])
			return false;
	return true;
}

int kma_sites_find(struct kma_sites *sites, const struct kma_batch *batch,
		   const struct kma_event *e, uint64_t address, uint32_t *site)
{
	const uint64_t *addresses = &address;
	uint64_t hash = 0;
	uint32_t nr = 1;
	size_t at, mask;

	if (sites->depth && e->stack && batch->stacks && batch->stacks[e->stack]) {
		uint64_t length = batch->stacks[e->stack];

		addresses = &batch->stacks[e->stack + 1];
		nr = length < sites->depth ? (uint32_t)length : sites->depth;
	} else if (!address) {
		*site = KMA_SITE_OTHER;
		return 0;
	}
	/* the upper bits decide, and a multiplication moves what differs upwards only */
	for (uint32_t i = 0; i < nr; i++) {
		hash = (hash ^ addresses[i]) * GOLDEN;
		hash ^= hash >> 32;
	}
	hash *= GOLDEN;
	mask = ((size_t)1 << sites->bits) - 1;
	for (at = home_of(hash, sites->bits); sites->slots[at].nr; at = (at + 1) & mask) {
		const struct slot *slot = &sites->slots[at];

		if (slot->hash == hash && is_same(sites, slot, addresses, nr)) {
			*site = slot->site;
			return 0;
		}
	}
	return add(sites, addresses, nr, hash, site);
}

uint32_t kma_sites_nr(const struct kma_sites *sites)
{
	return sites->nr;
}

const uint64_t *kma_sites_addresses(const struct kma_sites *sites, uint32_t site, uint32_t *nr)
{
	*nr = 0;
	if (site == KMA_SITE_OTHER || site >= sites->nr)
		return NULL;
	*nr = sites->start[site + 1] - sites->start[site];
	return sites->addresses + sites->start[site];
}

struct kma_value kma_sites_value(const struct kma_sites *sites, uint32_t site,
				 struct kma_report *report)
{
	const uint64_t *addresses;
	const char *text;
	uint32_t nr;

	addresses = kma_sites_addresses(sites, site, &nr);
	if (!addresses)
		return kma_text("other");
	if (nr == 1)
		return kma_address(addresses[0]);
	text = kma_report_printf(report, KMA_PRI_SYM, addresses[0]);
	for (uint32_t i = 1; i < nr; i++)
		text = kma_report_printf(report, "%s < " KMA_PRI_SYM, text, addresses[i]);
	return kma_text(text);
}

int kma_sites_compare(const struct kma_sites *sites, uint32_t a, uint32_t b)
{
	uint32_t nr_a = sites->start[a + 1] - sites->start[a];
	uint32_t nr_b = sites->start[b + 1] - sites->start[b];
	const uint64_t *x = sites->addresses + sites->start[a];
	const uint64_t *y = sites->addresses + sites->start[b];

	for (uint32_t i = 0; i < nr_a && i < nr_b; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return (nr_a > nr_b) - (nr_a < nr_b);
}
