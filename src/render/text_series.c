/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values over time as one line of characters each. Series of one name stand together on one scale,
 * so that their heights compare.
 */
#include <math.h>
#include <string.h>

#include "render/grid.h"
#include "render/render.h"
#include "render/text.h"

#define LONGEST_LINE 60

struct family {
	const struct kma_series *series; /* nr of them in a row, all of one name */
	size_t nr;
	double *totals;	   /* of each */
	size_t characters; /* in each line */
	double peak;	   /* largest mean of the bins behind one character */
};

static size_t longest(const struct family *family)
{
	size_t nr = 0;

	for (size_t i = 0; i < family->nr; i++)
		nr = family->series[i].nr > nr ? family->series[i].nr : nr;
	return nr;
}

/* Mean of the bins behind character @i: characters may stand for one bin more or less. */
static double height(const struct family *family, const struct kma_series *series, size_t i)
{
	size_t nr = longest(family);
	size_t from = i * nr / family->characters, to = (i + 1) * nr / family->characters;
	double sum = 0;

	for (size_t b = from; b < to && b < series->nr; b++) {
		if (isfinite(series->values[b]) && series->values[b] > 0)
			sum += series->values[b];
	}
	return to > from ? sum / (double)(to - from) : 0;
}

/* What the line comes to: all of it, or for a level its highest value. */
static double total(const struct kma_series *series)
{
	double sum = 0;

	for (size_t i = 0; series->level && i < series->nr; i++)
		sum = isfinite(series->values[i]) ? fmax(sum, series->values[i]) : sum;
	if (series->level)
		return sum;

	for (size_t i = 0; i < series->nr; i++)
		sum += isfinite(series->values[i]) ? series->values[i] : 0;
	return sum;
}

static void measure(struct family *family)
{
	family->characters = longest(family);
	if (family->characters > LONGEST_LINE)
		family->characters = LONGEST_LINE;
	for (size_t s = 0; s < family->nr; s++) {
		for (size_t i = 0; i < family->characters; i++)
			family->peak = fmax(family->peak, height(family, &family->series[s], i));
	}
}

static const char *line_text(struct kma_page *page, const struct family *family,
			     const struct kma_series *series)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { " ", ".", ":", "-", "=", "+", "*", "%", "#" };
	const char *const *levels = page->options->utf8 ? blocks : ascii;
	char text[LONGEST_LINE * 3 + 3] = "|", *to = text + 1;

	for (size_t i = 0; i < family->characters; i++) {
		double h = height(family, series, i);
		size_t level = 0;

		if (h > 0) /* blank is nothing at all */
			level = 1 + (size_t)fmin(7, h / family->peak * 8);
		to = stpcpy(to, levels[level]);
	}
	strcpy(to, "|");
	return kma_page_clean(page, text);
}

/* Whether a series is among the largest that --top allows */
static bool is_shown(const struct kma_page *page, const struct family *family, size_t which)
{
	double own = family->totals[which];
	size_t before = 0;

	for (size_t i = 0; i < family->nr; i++)
		before += family->totals[i] > own || (!(family->totals[i] < own) && i < which);
	return before < kma_text_top(page, family->nr);
}

static void print_axis(struct kma_page *page, const struct kma_result *result,
		       const struct family *family)
{
	const struct kma_series *series = family->series;
	uint64_t length = longest(family) * series->bin_ns;
	const char *each;

	if (result->facts.ticks)
		each = kma_page_printf(page, "%" PRIu64 " ticks", length / family->characters);
	else
		each = kma_text_uint(page, KMA_UNIT_NS, length / family->characters);
	kma_page_move(page, 4);
	kma_page_flow(page, 4,
		      kma_page_printf(page, "left to right: %s to %s, %s per character",
				      kma_text_time(page, result, series->start_ns),
				      kma_text_time(page, result, series->start_ns + length),
				      each));
}

static void print_family(struct kma_page *page, const struct kma_result *result,
			 struct family *family)
{
	enum { NAME, LINE, SUM, COLUMNS };
	struct kma_grid *grid = kma_grid_new(page, COLUMNS, kma_text_top(page, family->nr));
	size_t row = 0;

	family->totals = kma_page_alloc(page, family->nr, sizeof(*family->totals));
	if (!grid || !family->totals || !longest(family))
		return;
	for (size_t i = 0; i < family->nr; i++)
		family->totals[i] = total(&family->series[i]);
	measure(family);
	grid->columns[LINE].right = true;
	grid->columns[SUM].right = true;
	grid->columns[SUM].title = family->series->level ? "highest" : "total";
	for (size_t i = 0; i < family->nr; i++) {
		const struct kma_series *series = &family->series[i];
		struct kma_value sum = kma_real(family->totals[i]);

		if (!is_shown(page, family, i))
			continue;
		*kma_grid_cell(grid, row, NAME) = series->labels.nr
							  ? kma_text_labels(page, &series->labels)
							  : "all";
		*kma_grid_cell(grid, row, LINE) = line_text(page, family, series);
		*kma_grid_cell(grid, row, SUM) = kma_text_value(page, series->unit, &sum, false);
		row++;
	}
	kma_page_subheading(page, kma_page_printf(page, "%s over time", family->series->title));
	kma_grid_print(page, 4, grid);
	kma_text_more(page, family->nr, "line");
	print_axis(page, result, family);
}

void kma_text_series(struct kma_page *page, const struct kma_result *result,
		     const struct kma_report *report)
{
	for (size_t i = 0, end; i < report->nr_series; i = end) {
		struct family family = { .series = &report->series[i] };

		for (end = i + 1; end < report->nr_series; end++) {
			if (strcmp(report->series[end].name, report->series[i].name))
				break;
		}
		family.nr = end - i;
		print_family(page, result, &family);
	}
}
