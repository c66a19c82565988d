/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is worth recording for which reports, from what the analyses declare and the kernel has. */
#ifndef KMA_LIVE_CHOICE_H
#define KMA_LIVE_CHOICE_H

#include <stddef.h>

#include <kmem-analyze/analysis.h>

/*
 * The events that are worth recording for @analyses of those that the kernel has (@kinds). What a
 * report would see in a second pass only is a flood when it has to be taken at once, and so are
 * stacks behind every event: they are recorded for reports that were named.
 */
uint64_t kma_live_kinds(const struct kma_analysis *const *analyses, bool named, uint64_t kinds);
/* The events to record stacks behind, KMA_KIND_BIT; UINT64_MAX: all. Where few events need them
 * they are no flood. */
uint64_t kma_live_stacks(const struct kma_analysis *const *analyses, bool named, bool asked);
/* True if any of the events that the report needs one of is in @kinds. */
bool kma_live_possible(const struct kma_analysis *analysis, uint64_t kinds);
/* Those of them that are not: "cma:cma_alloc_finish, ...", as far as there is room. */
void kma_live_missing(const struct kma_analysis *analysis, uint64_t kinds, char *text, size_t size);
/* A report that was named must be possible, else at least one: -1 with @err. */
int kma_live_check(const struct kma_analysis *const *analyses, bool named, uint64_t kinds,
		   struct kma_error *err);

#endif
