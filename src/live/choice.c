/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is worth recording; see choice.h. */
#include "live/choice.h"

#include <stdio.h>

uint64_t kma_live_kinds(const struct kma_analysis *const *analyses, bool named, uint64_t kinds)
{
	uint64_t wanted = 0;

	for (; *analyses; analyses++)
		for (const struct kma_need *need = (*analyses)->needs; need->kind; need++)
			if (named || !((*analyses)->second & KMA_KIND_BIT(need->kind)))
				wanted |= KMA_KIND_BIT(need->kind);
	return wanted & kinds & ~KMA_KIND_BIT(KMA_KERNEL_STACK);
}

uint64_t kma_live_stacks(const struct kma_analysis *const *analyses, bool named, bool asked)
{
	uint64_t kinds = 0;

	for (; *analyses; analyses++) {
		const struct kma_analysis *analysis = *analyses;

		if (analysis->stacks == KMA_STACKS_WHEN_ASKED && asked)
			return UINT64_MAX;
		if (analysis->stacks != KMA_STACKS_ALWAYS)
			continue;
		if (named && !analysis->stack_kinds)
			return UINT64_MAX;
		kinds |= analysis->stack_kinds;
	}
	return kinds;
}

bool kma_live_possible(const struct kma_analysis *analysis, uint64_t kinds)
{
	for (const struct kma_need *need = analysis->needs; need->kind; need++)
		if (need->required && (kinds & KMA_KIND_BIT(need->kind)))
			return true;
	return false;
}

void kma_live_missing(const struct kma_analysis *analysis, uint64_t kinds, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (const struct kma_need *need = analysis->needs; need->kind && used < size; need++)
		if (need->required && need->what_for && !(kinds & KMA_KIND_BIT(need->kind)))
			used += (size_t)snprintf(text + used, size - used, "%s%s:%s",
						 used ? ", " : "", kma_kind_system(need->kind),
						 kma_kind_name(need->kind));
}

int kma_live_check(const struct kma_analysis *const *analyses, bool named, uint64_t kinds,
		   struct kma_error *err)
{
	const struct kma_analysis *missing = NULL;
	bool any = false;

	for (; *analyses; analyses++) {
		bool possible = kma_live_possible(*analyses, kinds);

		any |= possible;
		if (!possible && !missing)
			missing = *analyses;
	}
	if (!missing || (any && !named))
		return 0;
	if (!named)
		return kma_fail(err, KMA_ERR_POOR,
				"this kernel has none of the events that the reports need; to see "
				"which: kmem-analyze doctor");
	return kma_fail(
		err, KMA_ERR_POOR,
		"this kernel has none of the events that %s needs (%s:%s ...); to see what it "
		"can tell: kmem-analyze doctor",
		missing->name, kma_kind_system(missing->needs[0].kind),
		kma_kind_name(missing->needs[0].kind));
}
