/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the live screen shows: the overview or one report, and what the keys do with it. Reads
 * results; makes none. */
#ifndef KMA_LIVE_SHOW_H
#define KMA_LIVE_SHOW_H

#include "live/screen.h"
#include "render/overview.h"

struct kma_show {
	struct kma_screen screen;
	struct kma_text_options options;
	size_t view; /* 0: the overview; else 1 + the report's number */
	size_t nr_views, scroll;
	bool paused;
};

/* What stands in the first line. */
struct kma_show_head {
	uint64_t elapsed_ns;
	double own_cpu; /* of one CPU */
	bool lossy;	/* lost since the last picture */
};

/* Returns true when the picture is another one now. *@quit is set when the user wants to end. */
bool kma_show_key(struct kma_show *show, int key, bool *quit);
int kma_show_draw(struct kma_show *show, const struct kma_overview *overview,
		  const struct kma_show_head *head);

#endif
