/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tables and the findings of a story share: its lives, one by one. */
#ifndef KMA_PLUGINS_STORY_REPORT_H
#define KMA_PLUGINS_STORY_REPORT_H

#include "story_internal.h"

struct story_life {
	uint64_t number;
	const struct story_step *first;
	const struct story_step *last; /* that ended it; NULL: none */
	uint64_t steps, taken, given_back;
	bool has_count;
	bool partial; /* some of its steps are not kept */
	int32_t most; /* references at once */
};

struct story_lives {
	struct story_life *life;
	size_t nr;
};

/* story_findings.c */
void story_findings(const struct kma_state *state, const struct story_lives *lives,
		    const struct story_where *wheres, struct kma_report *report);

#endif
