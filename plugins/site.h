/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call sites as small numbers: an address, or with stacks the innermost addresses of the event's
 * stack. What the slab, page and percpu analyses add up by.
 */
#ifndef KMA_PLUGINS_SITE_H
#define KMA_PLUGINS_SITE_H

#include <kmem-analyze/analysis.h>

/* Sites told apart; further ones share number 0, which is named "other". A broken trace can hold
 * any number. */
#define KMA_MAX_SITES  (1u << 20)
#define KMA_SITE_OTHER 0

struct kma_sites;

/* @depth: kma_trace.stack_depth. NULL when out of memory. */
struct kma_sites *kma_sites_new(uint32_t depth);
void kma_sites_free(struct kma_sites *sites);
/*
 * The number of the site of @e, which stands in @batch: its stack down to the depth if there is one
 * and stacks are on, else @address (0: the event names no call site: KMA_SITE_OTHER). Numbers are
 * dense, in the order of appearance. 0, or -1 when out of memory.
 */
int kma_sites_find(struct kma_sites *sites, const struct kma_batch *batch,
		   const struct kma_event *e, uint64_t address, uint32_t *site);
/* How many numbers are in use; at least 1. */
uint32_t kma_sites_nr(const struct kma_sites *sites);
/* The addresses of the site, leaf first; NULL and 0 of KMA_SITE_OTHER. */
const uint64_t *kma_sites_addresses(const struct kma_sites *sites, uint32_t site, uint32_t *nr);
/* For labels and cells: "function+0xoff", a stack as "leaf+0x1 < caller+0x2 < ...", or "other". */
struct kma_value kma_sites_value(const struct kma_sites *sites, uint32_t site,
				 struct kma_report *report);
/* Total order by addresses, for stable output: < 0, 0, > 0. */
int kma_sites_compare(const struct kma_sites *sites, uint32_t a, uint32_t b);

#endif
