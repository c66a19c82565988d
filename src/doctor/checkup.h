/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's answer, which its two renderers read and nothing else. */
#ifndef KMA_DOCTOR_CHECKUP_H
#define KMA_DOCTOR_CHECKUP_H

#include <stddef.h>
#include <stdint.h>

#include "render/render.h"

struct kma_analysis;
struct kma_arena;

enum kma_verdict { KMA_VERDICT_EXACT, KMA_VERDICT_DEGRADED, KMA_VERDICT_IMPOSSIBLE };

/* Ways to record some events; NULL where there is none. */
struct kma_recipe {
	const char *trace_cmd, *perf, *live;
};

struct kma_diagnosis {
	const struct kma_analysis *analysis;
	const char *name;
	enum kma_verdict verdict;
	const char **reasons;
	size_t nr_reasons, max_reasons;
	uint64_t events; /* KMA_KIND_BIT of those to record */
	struct kma_recipe recipe;
	uint64_t cheap; /* the same, of the cheap mode; 0: there is none, or not here */
	const char *cheap_tells;
	struct kma_recipe cheap_recipe;
};

struct kma_checkup {
	struct kma_arena *arena; /* owns all below */
	const char *subject;	 /* "this kernel", or the trace's path */
	bool trace;
	const char *kernel; /* uname; NULL: not known */
	const char *clock;
	struct kma_diagnosis *reports;
	size_t nr_reports;
	struct kma_recipe all; /* of every report that is possible */
};

/* What to type to record @events with @clock, with stacks behind those of @stacks (UINT64_MAX:
 * behind all); @reports is what -r takes, NULL: all. */
int kma_recipe_make(struct kma_recipe *recipe, uint64_t events, uint64_t stacks, const char *clock,
		    const char *reports, struct kma_arena *arena);

int kma_doctor_text(const struct kma_checkup *checkup, const struct kma_text_options *options,
		    FILE *out);
/* docs/kmem-analyze-doctor-1.schema.json describes it. */
int kma_doctor_json(const struct kma_checkup *checkup, FILE *out);

#endif
