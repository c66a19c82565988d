/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Large memory; see large.h. Knows nothing of what it holds. */
#include "large.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define CACHE_LINE ((size_t)64)
#define HUGE_PAGE  ((size_t)2 << 20)

void *kma_alloc_large(size_t size)
{
	/* from here on most look-ups would miss the TLB, and page faults cost more than clearing */
	size_t unit = size > HUGE_PAGE / 4 * 3 ? HUGE_PAGE : CACHE_LINE;
	void *memory;

	if (size > SIZE_MAX - HUGE_PAGE)
		return NULL;
	size = (size + unit - 1) & ~(unit - 1);
	memory = aligned_alloc(unit, size ? size : unit);
	/* advice only: without huge pages it is slower, not wrong */
	if (memory && unit == HUGE_PAGE)
		madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}
