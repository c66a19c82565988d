/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The story as numbers and tables: every step, every life, and how far they can be trusted. */
#include <stdlib.h>

#include "story_internal.h"
#include "story_report.h"
#include "trust.h"
#include "words.h"

enum { STEPS, LIVES, TAKEN, GIVEN_BACK };

const struct kma_metric_def story_metrics[] = {
	[STEPS] = { "story.steps_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE, "",
		    "steps" },
	[LIVES] = { "story.lives_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE, "",
		    "lives" },
	[TAKEN] = { "story.references_taken_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE,
		    "", "references taken" },
	[GIVEN_BACK] = { "story.references_given_back_total", KMA_COUNTER, KMA_UNIT_COUNT,
			 KMA_BETTER_NONE, "", "references given back" },
	{ 0 },
};

static bool has_references(const struct kma_summary *summary)
{
	for (int kind = KMA_PAGE_REF_SET; kind <= KMA_PAGE_REF_UNFREEZE; kind++)
		if (summary->records[kind])
			return true;
	return false;
}

static struct kma_status trust(const struct kma_state *state, struct kma_report *report)
{
	struct kma_status status = { .code = KMA_EXACT };
	uint64_t before;

	if (state->lossy)
		kma_weaken(report, &status, KMA_LOWER_BOUND,
			   "events were lost: steps may be missing");
	if (state->unplaced)
		kma_weaken(
			report, &status, KMA_LOWER_BOUND,
			kma_report_printf(report,
					  "%s events tell the address of a struct page, not the "
					  "page's number, as older kernels do: they are left out",
					  kma_words_count(report, state->unplaced)));
	if (state->trace->filtered)
		kma_weaken(report, &status, KMA_LOWER_BOUND,
			   "CPUs or times were picked: what happened elsewhere is missing");
	if (status.code != KMA_EXACT)
		kma_report_status(report, status);
	if (story_left_out(state, &before))
		kma_report_status(
			report,
			(struct kma_status){
				KMA_LOWER_BOUND,
				kma_report_printf(report,
						  "%s steps between the first %s and the last %s "
						  "are counted, "
						  "but not told",
						  kma_words_count(report,
								  story_left_out(state, &before)),
						  kma_words_count(report, STORY_KEPT),
						  kma_words_count(report, STORY_KEPT)) });
	return status;
}

/* What depends on the order of steps is less sure where CPUs' clocks differ. */
static struct kma_status trust_order(const struct kma_state *state, struct kma_status status,
				     struct kma_report *report)
{
	if (state->trace->clock == KMA_CLOCK_GLOBAL || !state->several_cpus)
		return status;
	kma_weaken(report, &status, KMA_APPROXIMATE,
		   kma_report_printf(report,
				     "clock %s differs between CPUs: steps on different CPUs may "
				     "stand in the wrong order",
				     state->trace->clock_name));
	kma_report_status(report, status);
	return status;
}

static void metrics(const struct kma_state *state, const struct kma_summary *summary,
		    struct kma_status status, struct kma_report *report)
{
	kma_report_value(report, &story_metrics[STEPS], kma_no_labels(), status,
			 kma_int((int64_t)state->events));
	kma_report_value(report, &story_metrics[LIVES], kma_no_labels(),
			 trust_order(state, status, report), kma_int((int64_t)state->lives));
	if (state->object)
		return;
	if (!has_references(summary)) {
		const char *reason = "no event of page_ref was recorded";

		kma_report_unavailable(report, &story_metrics[TAKEN], kma_no_labels(), reason);
		kma_report_unavailable(report, &story_metrics[GIVEN_BACK], kma_no_labels(), reason);
		return;
	}
	kma_report_value(report, &story_metrics[TAKEN], kma_no_labels(), status,
			 kma_int((int64_t)state->gets));
	kma_report_value(report, &story_metrics[GIVEN_BACK], kma_no_labels(), status,
			 kma_int((int64_t)state->puts));
}

/* All that is known is that nothing is: what to look at. */
static void nothing(const struct kma_state *state, struct kma_report *report)
{
	const char *what = story_name(state, report);
	const char *reason;

	if (state->seen)
		reason = kma_report_printf(
			report,
			"no event concerns %s: the %ss that the trace's events tell of lie "
			"between 0x%" PRIx64 " and 0x%" PRIx64 "%s%s",
			what, state->object ? "object" : "page", state->low, state->high,
			state->object ? "; is it the start of an object, or inside of one?"
				      : "; a hexadecimal number needs 0x in front",
			state->trace->filtered ? "; --cpu, --from and --to leave events out" : "");
	else if (state->unplaced)
		reason = kma_report_printf(
			report,
			"no event can be told to concern %s: all %s events with pages tell the "
			"address of a struct page, as older kernels do; page_ref events have the "
			"number",
			what, kma_words_count(report, state->unplaced));
	else
		reason = kma_report_printf(report, "no event concerns %s, nor any other %s", what,
					   state->object ? "object" : "page");
	kma_report_status(report, (struct kma_status){ KMA_UNAVAILABLE, reason });
}

/* Text is needed once for each kind, site and so on, not once for each step. */
struct texts {
	const char *events[KMA_NR_KINDS];
	struct story_where *wheres;
};

enum {
	COL_LIFE,
	COL_TIME,
	COL_SINCE,
	COL_CPU,
	COL_TASK,
	COL_EVENT,
	COL_WHAT,
	COL_CHANGE,
	COL_COUNT,
	COL_MAPCOUNT,
	COL_ENTRY,
	COL_WHERE,
	COL_STACK,
	NR_COLUMNS,
};

#define STEP_COLUMNS(stack_look)                                                           \
	{                                                                                  \
		[COL_LIFE] = { "life", "life", KMA_UNIT_COUNT, KMA_LOOK_GROUP },           \
		[COL_TIME] = { "time", "time", KMA_UNIT_TIMESTAMP, KMA_LOOK_PLAIN },       \
		[COL_SINCE] = { "since_ns", "after", KMA_UNIT_NS, KMA_LOOK_PLAIN },        \
		[COL_CPU] = { "cpu", "CPU", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },              \
		[COL_TASK] = { "task", "task", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },           \
		[COL_EVENT] = { "event", "event", KMA_UNIT_COUNT, KMA_LOOK_JSON_ONLY },    \
		[COL_WHAT] = { "what", "what happened", KMA_UNIT_COUNT, KMA_LOOK_WORDS },  \
		[COL_CHANGE] = { "change", "change", KMA_UNIT_COUNT, KMA_LOOK_JSON_ONLY }, \
		[COL_COUNT] = { "count", "refs", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },         \
		[COL_MAPCOUNT] = { "mapcount", "maps", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },   \
		[COL_ENTRY] = { "entry", "in", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },           \
		[COL_WHERE] = { "where", "where", KMA_UNIT_COUNT, KMA_LOOK_CHAIN },        \
		[COL_STACK] = { "stack", "stack", KMA_UNIT_COUNT, stack_look },            \
	}

static struct kma_value text_or_none(const char *text)
{
	return text ? kma_kept_text(text) : kma_none();
}

static void step_row(const struct kma_state *state, struct texts *texts,
		     const struct story_step *step, const struct story_step *before,
		     struct kma_report *report)
{
	const struct story_where *where = &texts->wheres[step->e.stack];
	bool event = step->e.kind != STORY_GAP;
	struct kma_value cells[NR_COLUMNS];

	if (event && !texts->events[step->e.kind])
		texts->events[step->e.kind] = kma_report_printf(report, "%s:%s",
								kma_kind_system(step->e.kind),
								kma_kind_name(step->e.kind));
	cells[COL_LIFE] = step->life ? kma_int((int64_t)step->life) : kma_none();
	cells[COL_TIME] = kma_int((int64_t)step->e.ts);
	cells[COL_SINCE] = before && state->trace->clock != KMA_CLOCK_TICKS &&
					   step->e.ts >= before->e.ts
				   ? kma_int((int64_t)(step->e.ts - before->e.ts))
				   : kma_none();
	cells[COL_CPU] = event || !step->several_cpus ? kma_int(step->e.cpu) : kma_none();
	cells[COL_TASK] = event ? kma_task(step->e.pid) : kma_none();
	cells[COL_EVENT] = event ? kma_kept_text(texts->events[step->e.kind]) : kma_none();
	cells[COL_WHAT] = kma_kept_text(story_words(state, step, report));
	cells[COL_CHANGE] = step->has_change ? kma_int(step->change) : kma_none();
	cells[COL_COUNT] = step->has_count ? kma_int(step->count) : kma_none();
	cells[COL_MAPCOUNT] = step->has_count ? kma_int(step->mapcount) : kma_none();
	cells[COL_ENTRY] = text_or_none(where->entry);
	cells[COL_WHERE] = text_or_none(where->chain);
	cells[COL_STACK] = text_or_none(where->stack);
	kma_report_row(report, cells);
}

static void left_out_row(uint64_t nr, struct kma_report *report)
{
	struct kma_value cells[NR_COLUMNS] = { 0 };

	cells[COL_WHAT] = kma_kept_text(
		kma_report_printf(report, "(%s steps are not kept)", kma_words_count(report, nr)));
	kma_report_row(report, cells);
}

static void steps_table(const struct kma_state *state, struct texts *texts,
			struct kma_report *report)
{
	static const struct kma_column columns[] = STEP_COLUMNS(KMA_LOOK_JSON_ONLY);
	static const struct kma_column with_stacks[] = STEP_COLUMNS(KMA_LOOK_LINES);
	uint64_t nr = story_nr(state), before;
	const struct story_step *last = NULL;
	uint64_t cut = story_left_out(state, &before);

	kma_report_table(report, "steps", "Step by step", NULL,
			 state->trace->stack_depth ? with_stacks : columns, NR_COLUMNS);
	kma_report_table_is_timeline(report);
	for (uint64_t i = 0; i < nr; i++) {
		const struct story_step *step = story_step(state, i);

		if (cut && i == before) {
			left_out_row(cut, report);
			last = NULL;
		}
		step_row(state, texts, step, last, report);
		last = step;
	}
}

static void lives_table(const struct kma_state *state, const struct story_lives *lives,
			struct kma_report *report)
{
	static const struct kma_column columns[] = {
		{ "life", "life", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },
		{ "from", "from", KMA_UNIT_TIMESTAMP, KMA_LOOK_PLAIN },
		{ "to", "to", KMA_UNIT_TIMESTAMP, KMA_LOOK_PLAIN },
		{ "lasted_ns", "lasted", KMA_UNIT_NS, KMA_LOOK_PLAIN },
		{ "allocated_by", "allocated by", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },
		{ "freed_by", "freed by", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },
		{ "steps", "steps", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },
		{ "references_taken", "taken", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },
		{ "references_given_back", "given back", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },
		{ "most_references", "most refs", KMA_UNIT_COUNT, KMA_LOOK_PLAIN },
	};

	kma_report_table(report, "lives", "Lives", NULL, columns,
			 sizeof(columns) / sizeof(columns[0]));
	kma_report_table_is_timeline(report);
	for (size_t i = 0; i < lives->nr; i++) {
		const struct story_life *life = &lives->life[i];
		bool born = life->first->begins && !life->first->unseen;
		bool counted = life->has_count && !life->partial;
		bool whole = born && life->last && state->trace->clock != KMA_CLOCK_TICKS &&
			     life->last->e.ts >= life->first->e.ts;

		kma_report_row(
			report,
			(struct kma_value[]){
				kma_int((int64_t)life->number),
				born ? kma_int((int64_t)life->first->e.ts) : kma_none(),
				life->last ? kma_int((int64_t)life->last->e.ts) : kma_none(),
				whole ? kma_int((int64_t)(life->last->e.ts - life->first->e.ts))
				      : kma_none(),
				born ? kma_task(life->first->e.pid) : kma_none(),
				life->last ? kma_task(life->last->e.pid) : kma_none(),
				life->partial ? kma_none() : kma_int((int64_t)life->steps),
				counted ? kma_int((int64_t)life->taken) : kma_none(),
				counted ? kma_int((int64_t)life->given_back) : kma_none(),
				counted ? kma_int(life->most) : kma_none(),
			});
	}
}

/* The lives that the kept steps tell of. */
static int gather_lives(const struct kma_state *state, struct story_lives *lives)
{
	uint64_t nr = story_nr(state), cut;
	bool is_cut = story_left_out(state, &cut);
	size_t max = 0;

	for (uint64_t i = 0; i < nr; i++) {
		const struct story_step *step = story_step(state, i);
		struct story_life *life;

		if (is_cut && i == cut && lives->nr)
			lives->life[lives->nr - 1].partial |= !lives->life[lives->nr - 1].last;
		if (!step->life || step->e.kind == STORY_GAP)
			continue;
		if (!lives->nr || lives->life[lives->nr - 1].number != step->life) {
			if (lives->nr == max) {
				max = max ? 2 * max : 16;
				life = reallocarray(lives->life, max, sizeof(*life));
				if (!life)
					return -1;
				lives->life = life;
			}
			lives->life[lives->nr++] = (struct story_life){
				.number = step->life,
				.first = step,
				.partial = !step->begins,
			};
		}
		life = &lives->life[lives->nr - 1];
		life->steps++;
		if (step->ends)
			life->last = step;
		life->taken += step->change > 0 ? step->change : 0;
		life->given_back += step->change < 0 ? -(int64_t)step->change : 0;
		if (step->has_count && (!life->has_count || step->count > life->most))
			life->most = step->count;
		life->has_count |= step->has_count;
	}
	return 0;
}

int story_report(const struct kma_state *state, const struct kma_summary *summary,
		 struct kma_report *report)
{
	struct story_lives lives = { 0 };
	struct texts texts = { 0 };
	int ret = -1;

	if (!state->events) {
		nothing(state, report);
		return 0;
	}
	texts.wheres = story_wheres(state, report);
	if (texts.wheres && !gather_lives(state, &lives)) {
		story_findings(state, &lives, texts.wheres, report);
		metrics(state, summary, trust(state, report), report);
		steps_table(state, &texts, report);
		if (lives.nr > 1)
			lives_table(state, &lives, report);
		ret = 0;
	}
	free(texts.wheres);
	free(lives.life);
	return ret;
}
