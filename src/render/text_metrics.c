/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report's figures for the whole trace, and why some are marked or missing. Parts (metrics with
 * labels) are left to the tables.
 */
#include <string.h>

#include "render/format.h"
#include "render/grid.h"
#include "render/text.h"

#define MOST_REASONS 8
#define MOST_TITLES  4

enum { VALUE_TITLE, VALUE_MARK, VALUE_DIGITS, VALUE_UNIT, VALUE_COLUMNS };
enum {
	DIST_TITLE,
	DIST_MARK,
	DIST_COUNT,
	DIST_MEAN,
	DIST_P50,
	DIST_P99,
	DIST_MAX,
	DIST_SUM,
	DIST_COLUMNS
};

static bool is_shown(const struct kma_metric *metric, bool dist)
{
	return !metric->labels.nr && metric->status.code != KMA_UNAVAILABLE &&
	       !metric->dist == !dist;
}

static size_t count_shown(const struct kma_report *report, bool dist)
{
	size_t nr = 0;

	for (size_t i = 0; i < report->nr_metrics; i++)
		nr += is_shown(&report->metrics[i], dist);
	return nr;
}

static void fill_value(struct kma_page *page, struct kma_grid *grid, size_t row,
		       const struct kma_metric *metric)
{
	struct kma_number n = kma_format_value(metric->def->unit, &metric->value);

	*kma_grid_cell(grid, row, VALUE_TITLE) = kma_page_clean(page, metric->def->title);
	*kma_grid_cell(grid, row, VALUE_MARK) = kma_text_mark(page, metric->status.code);
	*kma_grid_cell(grid, row, VALUE_DIGITS) = kma_page_clean(page, n.digits);
	if (metric->def->unit != KMA_UNIT_PAGES || !strstr(metric->def->title, "page"))
		*kma_grid_cell(grid, row, VALUE_UNIT) = n.unit;
}

static void print_values(struct kma_page *page, const struct kma_report *report)
{
	struct kma_grid *grid = kma_grid_new(page, VALUE_COLUMNS, count_shown(report, false));
	size_t row = 0;

	if (!grid)
		return;
	grid->columns[VALUE_MARK].right = true;
	grid->columns[VALUE_DIGITS].right = true;
	for (size_t i = 0; i < report->nr_metrics; i++) {
		if (is_shown(&report->metrics[i], false))
			fill_value(page, grid, row++, &report->metrics[i]);
	}
	kma_grid_print(page, 2, grid);
}

static void fill_dist(struct kma_page *page, struct kma_grid *grid, size_t row,
		      const struct kma_metric *metric)
{
	const struct kma_dist *dist = metric->dist;
	enum kma_unit unit = metric->def->unit;
	const uint64_t numbers[] = { dist->p50, dist->p99, dist->max, dist->sum };
	const struct kma_value mean = kma_real(dist->mean);

	*kma_grid_cell(grid, row, DIST_TITLE) = kma_page_clean(page, metric->def->title);
	*kma_grid_cell(grid, row, DIST_MARK) = kma_text_mark(page, metric->status.code);
	*kma_grid_cell(grid, row, DIST_COUNT) = kma_text_uint(page, KMA_UNIT_COUNT, dist->count);
	if (!dist->count)
		return;
	*kma_grid_cell(grid, row, DIST_MEAN) = kma_text_value(page, unit, &mean, false);
	for (size_t i = 0; i < 4; i++) {
		struct kma_number n = kma_format_uint(unit, numbers[i]);
		bool bare = !*n.unit || unit == KMA_UNIT_PAGES; /* the title says pages */

		*kma_grid_cell(grid, row, DIST_P50 + i) =
			kma_page_printf(page, bare ? "%s" : "%s %s", n.digits, n.unit);
	}
}

static void print_dists(struct kma_page *page, const struct kma_report *report)
{
	static const char *const titles[] = { NULL,  NULL,  "count", "mean",
					      "p50", "p99", "max",   "total" };
	size_t nr = count_shown(report, true), row = 0;
	struct kma_grid *grid = nr ? kma_grid_new(page, DIST_COLUMNS, nr) : NULL;

	if (!grid)
		return;
	for (size_t c = DIST_MARK; c < DIST_COLUMNS; c++)
		grid->columns[c] = (struct kma_grid_column){ .title = titles[c], .right = true };
	for (size_t i = 0; i < report->nr_metrics; i++) {
		if (is_shown(&report->metrics[i], true))
			fill_dist(page, grid, row++, &report->metrics[i]);
	}
	kma_page_newline(page);
	kma_grid_print(page, 2, grid);
}

/* All metrics that are less than exact for one and the same reason */
struct group {
	enum kma_status_code code;
	const char *reason;
	const struct kma_metric_def *defs[MOST_TITLES];
	size_t nr_defs;
	bool whole; /* of the whole trace: the mark stands in a list above */
};

struct groups {
	struct group group[MOST_REASONS];
	size_t nr, more;
};

static struct group *group_of(struct groups *groups, const struct kma_status *status)
{
	for (size_t i = 0; i < groups->nr; i++) {
		if (groups->group[i].code == status->code &&
		    !strcmp(groups->group[i].reason, status->reason))
			return &groups->group[i];
	}
	if (groups->nr == MOST_REASONS) {
		groups->more++;
		return NULL;
	}
	groups->group[groups->nr] = (struct group){ .code = status->code,
						    .reason = status->reason };
	return &groups->group[groups->nr++];
}

static void add_to_group(struct groups *groups, const struct kma_metric *metric)
{
	struct group *group = group_of(groups, &metric->status);

	if (!group)
		return;
	group->whole |= !metric->labels.nr;
	for (size_t i = 0; i < group->nr_defs && i < MOST_TITLES; i++) {
		if (group->defs[i] == metric->def)
			return;
	}
	if (group->nr_defs < MOST_TITLES)
		group->defs[group->nr_defs] = metric->def;
	group->nr_defs++;
}

/* Whether the metric @of the whole trace is less than exact for this very reason */
static bool same_as_whole(const struct kma_report *report, const struct kma_metric *of)
{
	for (size_t i = 0; i < report->nr_metrics; i++) {
		const struct kma_metric *m = &report->metrics[i];

		if (m->def == of->def && !m->labels.nr)
			return m->status.code == of->status.code && m->status.reason &&
			       !strcmp(m->status.reason, of->status.reason);
	}
	return false;
}

static const char *titles_text(struct kma_page *page, const struct group *group)
{
	const char *text = "";

	for (size_t i = 0; i < group->nr_defs && i < MOST_TITLES; i++)
		text = kma_page_printf(page, "%s%s%s", text, i ? ", " : "", group->defs[i]->title);
	if (group->nr_defs > MOST_TITLES)
		text = kma_page_printf(page, "%s and more", text);
	return text;
}

static bool is_only_one(const struct groups *groups, const struct group *group)
{
	for (size_t i = 0; i < groups->nr; i++) {
		if (&groups->group[i] != group && groups->group[i].code == group->code)
			return false;
	}
	return group->whole;
}

static void print_group(struct kma_page *page, const struct groups *groups,
			const struct group *group)
{
	static const char *const words[] = {
		[KMA_EXACT] = "exact",
		[KMA_APPROXIMATE] = "approximate",
		[KMA_LOWER_BOUND] = "at least this much",
		[KMA_UNAVAILABLE] = "unknown",
	};
	const char *titles = titles_text(page, group), *text;

	if (group->code != KMA_UNAVAILABLE && is_only_one(groups, group))
		text = kma_page_printf(page, "%s: %s", words[group->code], group->reason);
	else
		text = kma_page_printf(page, "%s%s (%s): %s", words[group->code],
				       group->whole ? "" : ", for some parts", titles,
				       group->reason);
	kma_page_move(page, 2);
	kma_page_put(page, KMA_BOLD, kma_text_mark(page, group->code));
	kma_page_move(page, 5);
	kma_page_flow(page, 5, text);
}

static void print_reasons(struct kma_page *page, const struct kma_report *report)
{
	struct groups groups = { .nr = 0 };

	/* Whole figures first: their reasons matter most when there is no room for all. */
	for (size_t i = 0; i < report->nr_metrics; i++) {
		if (report->metrics[i].status.reason && !report->metrics[i].labels.nr)
			add_to_group(&groups, &report->metrics[i]);
	}
	for (size_t i = 0; i < report->nr_metrics; i++) {
		const struct kma_metric *metric = &report->metrics[i];

		if (metric->status.reason && metric->labels.nr && !same_as_whole(report, metric))
			add_to_group(&groups, metric);
	}
	if (!groups.nr)
		return;
	kma_page_newline(page);
	for (enum kma_status_code code = KMA_APPROXIMATE; code <= KMA_UNAVAILABLE; code++) {
		for (size_t i = 0; i < groups.nr; i++) {
			if (groups.group[i].code == code)
				print_group(page, &groups, &groups.group[i]);
		}
	}
	if (groups.more) {
		kma_page_move(page, 5);
		kma_page_flow(page, 5,
			      "... and other reasons, which the JSON output gives in full");
	}
}

void kma_text_metrics(struct kma_page *page, const struct kma_report *report)
{
	print_values(page, report);
	print_dists(page, report);
	print_reasons(page, report);
}
