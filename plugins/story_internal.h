/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What story.c gathers and the other story files tell: the steps of one page's or object's life. */
#ifndef KMA_PLUGINS_STORY_INTERNAL_H
#define KMA_PLUGINS_STORY_INTERNAL_H

#include <kmem-analyze/analysis.h>

#include "site.h"

/* Steps kept from the beginning, and as many from the end; those between are counted. */
#define STORY_KEPT     100000u
#define STORY_ATTEMPTS 64u

/* A step that is no event: events were lost. */
#define STORY_GAP KMA_KIND_NONE

struct story_step {
	struct kma_event e; /* its stack: a number of state->sites */
	uint64_t life;	    /* counted from 1; 0: between two lives */
	/* of the page's counts, after the step */
	int32_t count, mapcount;
	int32_t change;	   /* of the count */
	bool has_count;	   /* @count and @mapcount are known */
	bool has_change;   /* @change says something */
	bool begins, ends; /* its life */
	bool unseen;	   /* the life's beginning was not seen: this is the first sign of it */
	bool failed;	   /* cma: what was asked for was not given */
	/* isolation, cma: what the task did since it asked for pages */
	uint64_t asked_ts; /* 0: not known */
	uint64_t asked, migrated, not_migrated;
	/* a gap: */
	uint64_t lost, places;
	bool counted, several_cpus;
};

/* A task on its way to contiguous pages. */
struct story_attempt {
	int32_t pid;
	bool used;
	bool concerns; /* the page followed is in what it wants */
	uint64_t ts;   /* of the last event: the oldest makes room */
	uint64_t asked_ts, asked, migrated, not_migrated;
};

struct kma_state {
	const struct kma_trace *trace;
	bool object;	      /* else a page */
	uint64_t what;	      /* its number or address */
	uint64_t unplaceable; /* kinds that tell an address where a page frame number should be */
	uint64_t low, high;   /* of what the trace does tell of; @seen of them */
	uint64_t seen, unplaced; /* events */

	/* the first half, then a ring */
	struct story_step *steps, *last;
	size_t max_steps, max_last;
	uint64_t nr; /* all steps, gaps included */
	struct kma_sites *sites;

	/* now */
	uint64_t lives;
	bool alive;
	bool freed, freed_batched; /* said of the life that has ended */
	bool just_set; /* the step before set the count of a page that then is said to be allocated
			*/
	int32_t set_pid;
	bool doubtful; /* events were lost since the last reference */
	bool has_count;
	int32_t count, mapcount;
	uint64_t start, size; /* of the live object */
	struct story_attempt attempts[STORY_ATTEMPTS];
	uint64_t events, gets, puts;
	bool lossy; /* events were lost */
	bool several_cpus;
	uint32_t first_cpu;
};

/* The step that is @nr-th of those kept; how many are kept; how many are left out, and before
 * which. */
const struct story_step *story_step(const struct kma_state *state, uint64_t nr);
uint64_t story_nr(const struct kma_state *state);
uint64_t story_left_out(const struct kma_state *state, uint64_t *before);

/* story_lives.c: which life the step is of, what it begins and ends. */
void story_page_life(struct kma_state *state, struct story_step *step);
void story_object_life(struct kma_state *state, struct story_step *step);

/* story_words.c: what happened, in words; what is followed. All live as long as the report. */
const char *story_words(const struct kma_state *state, const struct story_step *step,
			struct kma_report *report);
const char *story_name(const struct kma_state *state, struct kma_report *report);
const char *story_time(const struct kma_state *state, uint64_t ts, struct kma_report *report);

/* story_where.c: the names of all stacks, once per report. */
struct story_where {
	const char *chain; /* functions only: "leaf < caller"; NULL: not known */
	const char *stack; /* with offsets */
	const char *entry; /* what for: "vmsplice()", "page fault", "migration"; NULL: not known */
	const char *leaf;  /* the innermost function */
};

/* By site, kma_sites_nr() of them; NULL when out of memory. To be freed; what it points to lives as
 * long as the report. */
struct story_where *story_wheres(const struct kma_state *state, struct kma_report *report);

/* story_report.c */
int story_report(const struct kma_state *state, const struct kma_summary *summary,
		 struct kma_report *report);
extern const struct kma_metric_def story_metrics[];

#endif
