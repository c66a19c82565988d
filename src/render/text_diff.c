/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A comparison for a person at a terminal: what got worse, what got better, and what makes it so,
 * the most important first. This file has the order, the head and the lists of numbers.
 */
#include <math.h>
#include <string.h>

#include "render/format.h"
#include "render/render.h"
#include "render/text.h"
#include "render/text_diff.h"
#include "util/arena.h"

#define HEAD_COLUMN 9
#define MOST_NAMES  6

/* The right edges of a list's columns */
enum { NAME_COLUMN = 2, NAME_WIDTH = 38 };
static const size_t single_edges[] = { 54, 67, 79, 92 };
static const size_t several_edges[] = { 51, 62, 71, 89, 97 };

const char *kma_diff_number(struct kma_page *page, enum kma_unit unit, double value)
{
	struct kma_value v = kma_real(value);

	if (!isfinite(value))
		return "-";
	if (value == floor(value) && fabs(value) < 9e15)
		v = kma_int((int64_t)value);
	return kma_text_value(page, unit, &v, false);
}

const char *kma_diff_step(struct kma_page *page, double before, double after)
{
	double ratio = after / before;

	if (!isfinite(before) || !isfinite(after))
		return "";
	if (before == 0)
		return after == 0 ? "" : "from 0";
	if (before < 0 || after < 0)
		return "";
	if (ratio >= 99.95)
		return kma_page_printf(page, "x %.0f", ratio);
	if (ratio >= 2)
		return kma_page_printf(page, ratio < 9.995 ? "x %.2f" : "x %.1f", ratio);
	return kma_page_printf(page, "%+.*f %%", fabs(ratio - 1) < 0.0995 || ratio < 0.1 ? 1 : 0,
			       100 * (ratio - 1));
}

const char *kma_diff_name(struct kma_page *page, const struct kma_change *change)
{
	const char *name = change->def->name, *labels = kma_text_labels(page, change->labels);

	if (change->stat != KMA_STAT_VALUE)
		name = kma_page_printf(page, "%s %s", name, kma_stat_words[change->stat]);
	return *labels ? kma_page_printf(page, "%s {%s}", name, labels) : name;
}

static void at_edge(struct kma_page *page, size_t edge, const char *text)
{
	size_t width =
		strlen(text); /* digits, units and signs: ASCII but for what kma_page_put() does */

	kma_page_move(page, edge > width ? edge - width : 0);
	kma_page_put(page, KMA_PLAIN, text);
}

/* The number of one side, marked where it is not exact */
static const char *side_number(struct kma_page *page, const struct kma_change *change,
			       unsigned int side)
{
	/* bytes, not columns, are what at_edge() counts: keep to ASCII */
	const char *mark = change->code[side] == KMA_LOWER_BOUND   ? ">="
			   : change->code[side] == KMA_APPROXIMATE ? "~"
								   : "";

	return kma_page_printf(page, "%s%s", mark,
			       kma_diff_number(page, change->def->unit, change->value[side]));
}

static const char *p_text(struct kma_page *page, double p)
{
	return kma_page_printf(page, p < 0.0001 ? "%.0e" : "%.4f", p);
}

static void list_line(struct kma_page *page, const struct kma_comparison *c,
		      const struct kma_change *change)
{
	const size_t *edges = c->several ? several_edges : single_edges;
	enum kma_unit unit = change->def->unit;
	const char *name = kma_diff_name(page, change);

	kma_page_move(page, NAME_COLUMN);
	kma_page_put(page, KMA_BOLD, kma_page_fit(page, name, NAME_WIDTH));
	at_edge(page, edges[0], side_number(page, change, KMA_BASE));
	at_edge(page, edges[1], side_number(page, change, KMA_NEW));
	at_edge(page, edges[2],
		kma_diff_step(page, change->value[KMA_BASE], change->value[KMA_NEW]));
	if (c->several) {
		const struct kma_ranks *r = &change->ranks;

		at_edge(page, edges[3],
			kma_page_printf(page, "%s..%s", kma_diff_number(page, unit, r->low),
					kma_diff_number(page, unit, r->high)));
		at_edge(page, edges[4], p_text(page, r->p));
		if (change->q > 0.05)
			kma_page_put(page, KMA_PLAIN, " ?");
	} else {
		at_edge(page, edges[3],
			kma_diff_step(page, change->rate[KMA_BASE], change->rate[KMA_NEW]));
	}
	kma_page_newline(page);
	if (change->unsure) {
		kma_page_move(page, 6);
		kma_page_flow(page, 6,
			      kma_page_printf(page,
					      "not sure: the smaller one can only be more: %s",
					      kma_page_clean(page, change->status.reason)));
	}
	if (change->nr[KMA_BASE] < c->sides[KMA_BASE].nr ||
	    change->nr[KMA_NEW] < c->sides[KMA_NEW].nr) {
		kma_page_move(page, 6);
		kma_page_flow(page, 6,
			      kma_page_printf(page,
					      "from %zu of base and %zu of new only: the "
					      "others do not tell",
					      change->nr[KMA_BASE], change->nr[KMA_NEW]));
	}
	kma_diff_splits(page, change);
}

static void list_titles(struct kma_page *page, const struct kma_comparison *c)
{
	static const char *const single[] = { "base", "new", "change", "per second" };
	static const char *const several[] = { "base", "new", "change", "step by", "p" };
	const size_t *edges = c->several ? several_edges : single_edges;
	size_t nr = c->several ? 5 : 4;

	for (size_t i = 0; i < nr; i++)
		at_edge(page, edges[i], c->several ? several[i] : single[i]);
	kma_page_newline(page);
}

static void list(struct kma_page *page, const struct kma_comparison *c, enum kma_verdict verdict,
		 const char *title)
{
	size_t nr = c->count[verdict], shown = kma_text_top(page, nr), done = 0;

	if (!nr)
		return;
	kma_page_heading(page, kma_page_printf(page, "%s: %zu", title, nr));
	list_titles(page, c);
	for (size_t i = 0; i < c->nr_changes && done < shown; i++) {
		if (c->changes[i].verdict != verdict)
			continue;
		list_line(page, c, &c->changes[i]);
		done++;
	}
	kma_text_more(page, nr, "number");
}

/* Numbers that cannot be compared, for one reason each */
static void unknown(struct kma_page *page, const struct kma_comparison *c)
{
	size_t reasons = 0;

	if (!c->count[KMA_UNKNOWN])
		return;
	kma_page_heading(page,
			 kma_page_printf(page, "Cannot be compared: %zu", c->count[KMA_UNKNOWN]));
	for (size_t i = 0; i < c->nr_changes; i++) {
		const struct kma_change *change = &c->changes[i];
		const char *text;
		size_t nr = 0;

		if (change->verdict != KMA_UNKNOWN)
			continue;
		for (size_t k = 0; k < i && !nr; k++)
			nr = c->changes[k].verdict == KMA_UNKNOWN &&
			     !strcmp(c->changes[k].reason, change->reason);
		if (nr)
			continue;
		if (page->options->top && reasons++ >= page->options->top)
			continue;
		text = kma_page_printf(page, "%s:", kma_page_clean(page, change->reason));
		for (size_t k = i; k < c->nr_changes; k++) {
			if (c->changes[k].verdict != KMA_UNKNOWN ||
			    strcmp(c->changes[k].reason, change->reason))
				continue;
			if (nr++ < MOST_NAMES)
				text = kma_page_printf(page, "%s%s %s", text, nr > 1 ? "," : "",
						       kma_diff_name(page, &c->changes[k]));
		}
		if (nr > MOST_NAMES)
			text = kma_page_printf(page, "%s and %zu more", text, nr - MOST_NAMES);
		kma_page_move(page, 2);
		kma_page_flow(page, 4, text);
	}
	if (page->options->top && reasons > page->options->top) {
		kma_page_move(page, 2);
		kma_page_flow(page, 2,
			      kma_page_printf(page,
					      "... and for %zu other reasons (--top 0 shows all)",
					      reasons - page->options->top));
	}
}

static const char *span_text(struct kma_page *page, const struct kma_facts *facts)
{
	if (!facts->records)
		return "no events";
	if (facts->ticks)
		return "no durations";
	return kma_text_uint(page, KMA_UNIT_NS, facts->last_ts - facts->first_ts);
}

static const char *events_text(struct kma_page *page, const struct kma_result *result)
{
	const struct kma_metric *events = kma_report_find(&result->trace, "trace.events_total");

	if (!events || events->value.type != KMA_VALUE_INT)
		return "";
	return kma_page_printf(page, ", %s events",
			       kma_text_value(page, KMA_UNIT_COUNT, &events->value, false));
}

static void side_head(struct kma_page *page, const struct kma_side *side, const char *what)
{
	for (size_t i = 0; i < side->nr; i++) {
		const struct kma_result *result = side->results[i];

		kma_page_put(page, KMA_BOLD, i ? "" : what);
		kma_page_move(page, HEAD_COLUMN);
		kma_page_flow(page, HEAD_COLUMN,
			      kma_page_printf(
				      page, "%s: %s%s", kma_page_clean(page, result->facts.source),
				      span_text(page, &result->facts), events_text(page, result)));
	}
}

static void differences(struct kma_page *page, const struct kma_comparison *c)
{
	for (size_t i = 0; i < c->nr_differences; i++) {
		kma_page_put(page, KMA_BOLD, i ? "" : "Differ");
		kma_page_move(page, HEAD_COLUMN);
		kma_page_flow(page, HEAD_COLUMN + 2, kma_page_clean(page, c->differences[i]));
	}
}

static const char *verdict_text(struct kma_page *page, const struct kma_comparison *c)
{
	static const char *const words[] = { "worse", "better", "changed otherwise",
					     "no more than noise", "cannot be compared" };
	const char *text = "";

	for (int v = 0; v < KMA_NR_VERDICTS; v++) {
		if (c->count[v])
			text = kma_page_printf(page, "%s%s%zu %s", text, *text ? ", " : "",
					       c->count[v], words[v]);
	}
	if (!*text)
		return "nothing to compare";
	return c->nr_neither
		       ? kma_page_printf(page, "%s; %zu that no trace tells", text, c->nr_neither)
		       : text;
}

/* What to think of calls from so many, or so few, traces */
static void test_note(struct kma_page *page, const struct kma_comparison *c)
{
	size_t tested = c->nr_changes - c->count[KMA_UNKNOWN], unsure = 0;
	double least = 1;

	for (size_t i = 0; i < c->nr_changes; i++) {
		const struct kma_change *change = &c->changes[i];

		if (change->verdict == KMA_UNKNOWN)
			continue;
		unsure += change->verdict != KMA_SAME && change->q > 0.05;
		if (change->ranks.least_p < least)
			least = change->ranks.least_p;
	}
	kma_page_put(page, KMA_BOLD, "Test");
	kma_page_move(page, HEAD_COLUMN);
	kma_page_flow(page, HEAD_COLUMN,
		      kma_page_printf(page,
				      "Mann-Whitney over %zu and %zu traces, one value from each; "
				      "called: p <= 0.05 and a step beyond both sides' spread. %zu "
				      "numbers were tested, so chance alone may call %.1f%s",
				      c->sides[KMA_BASE].nr, c->sides[KMA_NEW].nr, tested,
				      0.05 * (double)tested,
				      unsure ? "; ? marks calls that may be such (false discovery "
					       "rate above 5 %)."
					     : "."));
	if (!c->weak)
		return;
	kma_page_put(page, KMA_BOLD, "Weak");
	kma_page_move(page, HEAD_COLUMN);
	kma_page_flow(
		page, HEAD_COLUMN,
		kma_page_printf(page, "fewer than %d traces on a side say little: %s (%s)",
				KMA_ENOUGH_TRACES,
				least > 0.05 ? "nothing can be called, whatever the values"
					     : "a change must be large in each of them",
				kma_page_printf(page, "the least p they allow is %.3f", least)));
}

static void per_second_note(struct kma_page *page, const struct kma_comparison *c)
{
	double span[KMA_SIDES];

	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		const struct kma_facts *facts = &c->sides[side].results[0]->facts;

		span[side] = facts->ticks ? 0 : (double)(facts->last_ts - facts->first_ts);
	}
	if (c->several || !(span[KMA_BASE] > 0) || !(span[KMA_NEW] > 0) ||
	    fabs(span[KMA_NEW] / span[KMA_BASE] - 1) < 0.05)
		return;
	kma_page_put(page, KMA_BOLD, "Span");
	kma_page_move(page, HEAD_COLUMN);
	kma_page_flow(
		page, HEAD_COLUMN,
		kma_page_printf(page,
				"new covers %.2f times the time of base. For one and the same "
				"piece of work compare totals, for a service that always runs "
				"the column per second.",
				span[KMA_NEW] / span[KMA_BASE]));
}

int kma_render_diff_text(const struct kma_comparison *c, const struct kma_text_options *options,
			 FILE *out)
{
	struct kma_page page = { .out = out, .options = options, .scratch = kma_arena_new() };

	if (!page.scratch)
		return -1;
	side_head(&page, &c->sides[KMA_BASE], "Base");
	side_head(&page, &c->sides[KMA_NEW], "New");
	differences(&page, c);
	per_second_note(&page, c);
	kma_page_put(&page, KMA_BOLD, "Numbers");
	kma_page_move(&page, HEAD_COLUMN);
	kma_page_flow(&page, HEAD_COLUMN, verdict_text(&page, c));
	if (c->several)
		test_note(&page, c);
	kma_diff_findings(&page, c);
	list(&page, c, KMA_WORSE, "Worse");
	list(&page, c, KMA_IMPROVED, "Better");
	list(&page, c, KMA_CHANGED, "Changed, neither good nor bad by itself");
	kma_diff_moves(&page, c);
	kma_diff_presences(&page, c);
	kma_diff_histograms(&page, c);
	unknown(&page, c);
	kma_arena_free(page.scratch);
	return page.failed || ferror(out) || fflush(out) ? -1 : 0;
}
