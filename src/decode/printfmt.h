/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two facts that stand in print formats only: names of gfp flags, and the pageblock order.
 * Constant expressions are evaluated by a small evaluator of our own, because a trace is data from
 * anywhere and the text is hostile until proven otherwise.
 */
#ifndef KMA_DECODE_PRINTFMT_H
#define KMA_DECODE_PRINTFMT_H

#include <kmem-analyze/analysis.h>

#include "decode/schema.h"

struct kma_arena;

/*
 * The {mask, "name"} pairs of the first __print_flags() on gfp_flags, in their order (the widest
 * masks stand first), ending with a NULL name; in @arena. NULL when the format has none that can be
 * read, or memory is out.
 */
const struct kma_flag_name *kma_print_gfp_flags(const struct kma_format *format,
						struct kma_arena *arena);

/* mm_page_alloc_extfrag's pageblock_order; -1 when the format does not tell. */
int kma_print_pageblock_order(const struct kma_format *format);

#endif
