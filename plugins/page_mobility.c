/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which migratetypes are Movable, Reclaimable and Unmovable: those that allocations got whose gfp
 * flags ask for it. Knows no number and no mask by itself: the trace tells all.
 */
#include <string.h>

#include "page_report.h"

enum mobility { UNMOVABLE, MOVABLE, RECLAIMABLE, NR_MOBILITIES };

/* As /proc/pagetypeinfo calls them. */
static const char *const names[NR_MOBILITIES] = {
	[UNMOVABLE] = "Unmovable",
	[MOVABLE] = "Movable",
	[RECLAIMABLE] = "Reclaimable",
};

/* The one bit of a flag, which newer kernels write with underscores before; 0: unknown. */
static uint64_t mask_of(const struct kma_flag_name *flags, const char *name)
{
	for (; flags && flags->name; flags++) {
		const char *bare = strncmp(flags->name, "__", 2) ? flags->name : flags->name + 2;

		if (!strcmp(bare, name) && !(flags->mask & (flags->mask - 1)))
			return flags->mask;
	}
	return 0;
}

/* The migratetypes seen with each mobility, as bits. False: the trace does not tell them all. */
static bool gather(const struct page_telling *t, uint32_t seen[NR_MOBILITIES])
{
	uint64_t movable = mask_of(t->trace->gfp_flags, "GFP_MOVABLE");
	uint64_t reclaimable = mask_of(t->trace->gfp_flags, "GFP_RECLAIMABLE");
	const struct kma_state *state = t->state;

	if (!movable || !reclaimable || state->nr_types > PAGE_MAX_NAMED_TYPES ||
	    state->gfps[PAGE_OTHER_GFP].types)
		return false;
	for (uint32_t i = 0; i < state->nr_gfps; i++) {
		uint32_t flags = state->gfps[i].flags;

		if ((flags & movable) && (flags & reclaimable))
			continue; /* nothing that the kernel means */
		seen[flags & movable	   ? MOVABLE
		     : flags & reclaimable ? RECLAIMABLE
					   : UNMOVABLE] |= state->gfps[i].types;
	}
	return true;
}

/*
 * A mobility must have come with one migratetype, and that one with no other mobility. A kernel
 * with too little memory to group pages gives all of them the unmovable one: that it does group
 * shows when another mobility has another migratetype. Who asks for neither always gets that one.
 */
static bool is_proven(const uint32_t seen[NR_MOBILITIES], enum mobility which)
{
	uint32_t others = 0;

	for (int i = 0; i < NR_MOBILITIES; i++)
		others |= i == (int)which ? 0 : seen[i];
	return seen[which] && !(seen[which] & (seen[which] - 1)) && !(seen[which] & others) &&
	       (others || which == UNMOVABLE);
}

void page_tell_mobility(struct page_telling *t)
{
	uint32_t seen[NR_MOBILITIES] = { 0 };

	if (!gather(t, seen))
		return;
	for (int i = 0; i < NR_MOBILITIES; i++)
		if (is_proven(seen, i))
			kma_report_migratetype(t->report,
					       t->state->types[__builtin_ctz(seen[i])].migratetype,
					       names[i]);
}
