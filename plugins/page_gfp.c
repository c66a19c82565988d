/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gfp flags by name, as the kernel prints them. Knows no flag by itself: the trace tells all. */
#include "page_report.h"

static const char *join(struct page_telling *t, const char *text, const char *name)
{
	return kma_report_printf(t->report, "%s%s%s", text, *text ? "|" : "", name);
}

/* What the kernel's __print_flags() does: each name in its order takes its bits. */
const char *page_gfp_text(struct page_telling *t, uint32_t number)
{
	const struct kma_flag_name *names = t->trace->gfp_flags;
	uint64_t flags = t->state->gfps[number].flags;
	const char *text = "";

	if (number == PAGE_OTHER_GFP)
		return "other";
	if (!flags)
		return "none";
	for (size_t i = 0; names && names[i].name && flags; i++) {
		if (!names[i].mask || (flags & names[i].mask) != names[i].mask)
			continue;
		text = join(t, text, names[i].name);
		flags &= ~names[i].mask;
	}
	if (flags)
		text = join(t, text, kma_report_printf(t->report, "0x%" PRIx64, flags));
	return text;
}
