/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The story in a few sentences, and what in it points at a problem. */
#include "story_report.h"
#include "words.h"

#define MOST_TOLD    3	/* lives told one by one */
#define MOST_HOLDERS 64 /* references looked at for who may hold them */

/* " by wl-224 in vmsplice() (try_get_folio)" */
static const char *by(const struct story_step *step, const struct story_where *wheres,
		      struct kma_report *report)
{
	const struct story_where *where = &wheres[step->e.stack];

	return kma_report_printf(report, " by " KMA_PRI_TASK "%s%s%s%s%s", step->e.pid,
				 where->entry ? " in " : "", where->entry ? where->entry : "",
				 where->leaf ? " (" : "", where->leaf ? where->leaf : "",
				 where->leaf ? ")" : "");
}

static const char *life_words(const struct kma_state *state, const struct story_life *life,
			      const struct story_where *wheres, struct kma_report *report)
{
	const char *from, *to, *references = "";
	bool ticks = state->trace->clock == KMA_CLOCK_TICKS;

	if (!life->first->begins)
		from = kma_report_printf(report, "allocated in steps left out, before %s",
					 story_time(state, life->first->e.ts, report));
	else if (life->first->unseen)
		from = kma_report_printf(report, "allocated unseen before %s",
					 story_time(state, life->first->e.ts, report));
	else
		from = kma_report_printf(report, "allocated at %s%s",
					 story_time(state, life->first->e.ts, report),
					 by(life->first, wheres, report));
	if ((life->taken || life->given_back) && !life->partial)
		references = kma_report_printf(
			report,
			"; %s reference%s taken and %s given back, at most %" PRId32 " at once",
			kma_words_count(report, life->taken), life->taken == 1 ? "" : "s",
			kma_words_count(report, life->given_back), life->most);
	if (!life->last)
		to = "; its end is not in the trace";
	else if (!life->first->begins || life->first->unseen || ticks ||
		 life->last->e.ts < life->first->e.ts)
		to = kma_report_printf(report, "; freed at %s%s",
				       story_time(state, life->last->e.ts, report),
				       by(life->last, wheres, report));
	else
		to = kma_report_printf(
			report, "; freed at %s%s, after %s",
			story_time(state, life->last->e.ts, report), by(life->last, wheres, report),
			kma_words_time(report, life->last->e.ts - life->first->e.ts));
	return kma_report_printf(report, "%s%s%s.", from, references, to);
}

static void summary(const struct kma_state *state, const struct story_lives *lives,
		    const struct story_where *wheres, struct kma_report *report)
{
	const char *text;

	text = kma_report_printf(report, "%s 0x%" PRIx64 ": %s step%s",
				 state->object ? "Object" : "Page", state->what,
				 kma_words_count(report, state->events),
				 state->events == 1 ? "" : "s");
	if (!lives->nr)
		text = kma_report_printf(report,
					 state->object
						 ? "%s; none allocates or frees it."
						 : "%s; none allocates, references or frees it.",
					 text);
	else if (lives->nr == 1)
		text = kma_report_printf(report, "%s, %s", text,
					 life_words(state, &lives->life[0], wheres, report));
	else
		text = kma_report_printf(report, "%s in %s lives.", text,
					 kma_words_count(report, state->lives));
	for (size_t i = 0; lives->nr > 1 && i < lives->nr; i++) {
		/* the first ones and the last */
		if (i + 1 < lives->nr && i + 1 >= MOST_TOLD)
			continue;
		text = kma_report_printf(report, "%s Life %" PRIu64 ": %s", text,
					 lives->life[i].number,
					 life_words(state, &lives->life[i], wheres, report));
	}
	kma_report_finding(report, "story.summary", KMA_INFO, NULL, "%s", text);
}

struct holder {
	const struct story_step *step;
	int64_t references;
};

/* Which references were not given back before step @at: the last one taken is the first one given
 * back, as far as the order tells. Returns how many steps took them. */
static size_t find_holders(const struct kma_state *state, uint64_t at, struct holder *holders)
{
	uint64_t life = story_step(state, at)->life, from = at;
	size_t nr = 0;

	while (from && story_step(state, from - 1)->e.kind != STORY_GAP &&
	       story_step(state, from - 1)->life == life)
		from--;
	for (uint64_t i = from; i < at; i++) {
		const struct story_step *step = story_step(state, i);
		int64_t back = step->change < 0 ? -(int64_t)step->change : 0;

		/* the one that it began with is not in the way */
		if (step->change > 0 && !(step->begins && !step->unseen) && nr < MOST_HOLDERS)
			holders[nr++] = (struct holder){ step, step->change };
		while (back && nr) {
			int64_t part = holders[nr - 1].references < back
					       ? holders[nr - 1].references
					       : back;

			back -= part;
			holders[nr - 1].references -= part;
			nr -= !holders[nr - 1].references;
		}
	}
	return nr;
}

static const char *holders_words(const struct kma_state *state, uint64_t at,
				 const struct story_where *wheres, struct kma_report *report)
{
	struct holder holders[MOST_HOLDERS];
	size_t nr = find_holders(state, at, holders), told = 0;
	const char *text = "";

	for (size_t i = nr; i-- && told < MOST_TOLD; told++)
		text = kma_report_printf(report, "%s%sat %s%s", text, told ? ", " : "",
					 story_time(state, holders[i].step->e.ts, report),
					 by(holders[i].step, wheres, report));
	if (!nr)
		return " No step of this life took a reference that was not given back by then.";
	return kma_report_printf(
		report,
		" Taken and, as the order of steps goes, not given back by then: "
		"%s%s.",
		text, nr > told ? kma_report_printf(report, ", and %zu more", nr - told) : "");
}

static const char *next_put(const struct kma_state *state, uint64_t at,
			    const struct story_where *wheres, struct kma_report *report)
{
	uint64_t nr = story_nr(state);
	const struct story_step *block = story_step(state, at);

	for (uint64_t i = at + 1; i < nr; i++) {
		const struct story_step *step = story_step(state, i);
		const char *later = "";

		if (step->change >= 0)
			continue;
		if (state->trace->clock != KMA_CLOCK_TICKS && step->e.ts >= block->e.ts)
			later = kma_report_printf(report, "%s later, ",
						  kma_words_time(report, step->e.ts - block->e.ts));
		return kma_report_printf(report, " The next reference was given back %sat %s%s.",
					 later, story_time(state, step->e.ts, report),
					 by(step, wheres, report));
	}
	return " No reference was given back after that.";
}

/* It is the page that held up somebody who wanted contiguous memory. */
static void blocked(const struct kma_state *state, const struct story_where *wheres,
		    struct kma_report *report)
{
	uint64_t nr = story_nr(state), first = nr, times = 0;
	const struct story_step *step;
	const char *count = "";

	for (uint64_t i = 0; i < nr; i++) {
		step = story_step(state, i);
		if (step->e.kind != KMA_TEST_PAGES_ISOLATED ||
		    step->e.isolation.fin_pfn != state->what ||
		    step->e.isolation.fin_pfn >= step->e.isolation.end_pfn)
			continue;
		if (!times++)
			first = i;
	}
	if (!times)
		return;
	step = story_step(state, first);
	if (step->has_count)
		count = kma_report_printf(report, ", its count at %" PRId32, step->count);
	kma_report_finding(
		report, "story.blocked", KMA_WARN,
		"Find out from the stacks (--stacks) what the reference was for. A page that stays "
		"referenced long should not lie in a CMA area or a movable block: FOLL_LONGTERM "
		"moves it out before it is pinned, plain get_user_pages and vmsplice do not.",
		"Page 0x%" PRIx64 " blocked the isolation of 0x%" PRIx64 "-0x%" PRIx64
		" at %s%s%s.%s%s",
		state->what, step->e.isolation.start_pfn, step->e.isolation.end_pfn - 1,
		story_time(state, step->e.ts, report), count,
		times > 1 ? kma_report_printf(report, ", and did so %s times in all",
					      kma_words_count(report, times))
			  : "",
		holders_words(state, first, wheres, report),
		next_put(state, first, wheres, report));
}

void story_findings(const struct kma_state *state, const struct story_lives *lives,
		    const struct story_where *wheres, struct kma_report *report)
{
	if (!state->object)
		blocked(state, wheres, report);
	summary(state, lives, wheres, report);
}
