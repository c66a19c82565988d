/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of page frames as a few ranges: to look up often, and to add to now and then. */
#ifndef KMA_PLUGINS_PFNSET_H
#define KMA_PLUGINS_PFNSET_H

#include <kmem-analyze/analysis.h>

/* A broken trace can name any number of ranges. */
#define PFNSET_MAX_RANGES 65536u

struct pfnset {
	struct kma_pfn_range *ranges; /* sorted, with gaps between them */
	size_t nr, max;
	size_t last; /* the range found last */
};

void pfnset_free(struct pfnset *set);
/* Ranges that touch become one; none at all is added for an empty one. 0; 1: the set is full; -1:
 * out of memory. */
int pfnset_add(struct pfnset *set, uint64_t start, uint64_t end);
bool pfnset_search(struct pfnset *set, uint64_t pfn);

static inline bool pfnset_has(struct pfnset *set, uint64_t pfn)
{
	if (set->last < set->nr &&
	    pfn - set->ranges[set->last].start <
		    set->ranges[set->last].end - set->ranges[set->last].start)
		return true;
	return set->nr && pfnset_search(set, pfn);
}

#endif
