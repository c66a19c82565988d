/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page frames as sorted ranges; see pfnset.h. */
#include "pfnset.h"

#include <stdlib.h>
#include <string.h>

void pfnset_free(struct pfnset *set)
{
	free(set->ranges);
	memset(set, 0, sizeof(*set));
}

/* The first range that ends at @pfn or behind it. */
static size_t first_from(const struct pfnset *set, uint64_t pfn)
{
	size_t low = 0, high = set->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->ranges[middle].end < pfn)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool pfnset_search(struct pfnset *set, uint64_t pfn)
{
	/* a range's end is outside: what ends at @pfn does not hold it */
	size_t i = first_from(set, pfn + 1);

	if (pfn == UINT64_MAX || i == set->nr || set->ranges[i].start > pfn)
		return false;
	set->last = i;
	return true;
}

int pfnset_add(struct pfnset *set, uint64_t start, uint64_t end)
{
	size_t first = first_from(set, start), next = first;

	if (start >= end)
		return 0;
	while (next < set->nr && set->ranges[next].start <= end) {
		if (set->ranges[next].start < start)
			start = set->ranges[next].start;
		if (set->ranges[next].end > end)
			end = set->ranges[next].end;
		next++;
	}
	if (next == first) {
		if (set->nr == PFNSET_MAX_RANGES)
			return 1;
		if (set->nr == set->max) {
			size_t max = set->max ? 2 * set->max : 16;
			struct kma_pfn_range *ranges = reallocarray(set->ranges, max,
								    sizeof(*ranges));

			if (!ranges)
				return -1;
			set->ranges = ranges;
			set->max = max;
		}
	}
	memmove(set->ranges + first + 1, set->ranges + next,
		(set->nr - next) * sizeof(*set->ranges));
	set->nr = set->nr - (next - first) + 1;
	set->ranges[first] = (struct kma_pfn_range){ start, end };
	return 0;
}
