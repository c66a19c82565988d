/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a live recording shows at a glance: rates, and the few numbers that tell whether the
 * allocators are in trouble. Made from two results and the time between them, and nothing else.
 */
#ifndef KMA_RENDER_OVERVIEW_H
#define KMA_RENDER_OVERVIEW_H

#include <stdint.h>
#include <stdio.h>

#include "render/render.h"

struct kma_overview {
	const struct kma_result *now, *before; /* @before is NULL at first: then rates are means */
	uint64_t between_ns;		       /* since @before, or since the begin */
	unsigned int rows;		       /* lines at most, 8 at least */
};

/* 0, or -1 as the other renderers. */
int kma_render_overview(const struct kma_overview *overview, const struct kma_text_options *options,
			FILE *out);
/* "12,345", "0.4": how much more of a counter without labels there is in a second; "-" when it is
 * unknown. */
#define KMA_RATE_TEXT 48
const char *kma_overview_rate(const struct kma_overview *overview, const char *report,
			      const char *metric, char text[KMA_RATE_TEXT]);

#endif
