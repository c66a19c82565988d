/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands behind a comparison's numbers: findings, the parts that make a change, those that
 * moved, came or went. It must not compute any of it.
 */
#include <math.h>
#include <string.h>

#include "render/render.h"
#include "render/text.h"
#include "render/text_diff.h"
#include "render/utf8.h"

#define MOST_PARTS     4
#define LEAST_SHARE    0.02
#define SPLIT_COLUMN   6
#define FINDING_COLUMN 9
#define MOST_WIDTH     170 /* of what stands on two lines of 100 */

static const char *step_text(struct kma_page *page, enum kma_unit unit, double step)
{
	return kma_page_printf(page, "%s%s", step < 0 ? "-" : "+",
			       kma_diff_number(page, unit, fabs(step)));
}

static const char *share_text(struct kma_page *page, double share)
{
	const double percent = 100 * share;

	return kma_page_printf(page, fabs(percent) < 10 && percent != 0 ? "%.1f %%" : "%.0f %%",
			       percent);
}

static double step(const struct kma_part *part)
{
	return part->value[KMA_NEW] - part->value[KMA_BASE];
}

/* A label's key stands before all parts: "by caller: free_pages+0x1f" */
static const char *part_name(struct kma_page *page, const struct kma_labels *labels)
{
	char buf[KMA_VALUE_TEXT];

	if (labels->nr != 1 || !strcmp(labels->label[0].key, "cpu"))
		return kma_text_labels(page, labels);
	return kma_page_clean(page, kma_value_text(&labels->label[0].value, buf));
}

/* "CPU 2 +663 (51 %); CPU 3 +632 (49 %); 2 others +12 (0.9 %)": the first @nr parts and the rest */
static const char *parts_text(struct kma_page *page, const struct kma_change *change,
			      const struct kma_split *split, size_t nr)
{
	enum kma_unit unit = change->def->unit;
	double rest = 0, rest_share = 0;
	const char *text = kma_page_printf(page, "by %s:", split->keys);
	size_t others = 0;

	for (size_t i = 0; i < split->nr; i++) {
		const struct kma_part *part = &split->parts[i];

		if (i >= nr) {
			others += step(part) != 0;
			rest += step(part);
			rest_share += part->share;
			continue;
		}
		text = kma_page_printf(page, "%s%s %s %s (%s)", text, i ? ";" : "",
				       part_name(page, part->labels),
				       step_text(page, unit, step(part)),
				       share_text(page, part->share));
	}
	if (others)
		text = kma_page_printf(page, "%s; %zu other%s %s (%s)", text, others,
				       others == 1 ? "" : "s", step_text(page, unit, rest),
				       share_text(page, rest_share));
	return text;
}

/* As many parts as two lines hold, but those that hardly count */
static const char *split_text(struct kma_page *page, const struct kma_change *change,
			      const struct kma_split *split)
{
	const char *text;
	size_t nr = 1;

	while (nr < split->nr && nr < MOST_PARTS && fabs(split->parts[nr].share) >= LEAST_SHARE)
		nr++;
	do
		text = parts_text(page, change, split, nr);
	while (kma_utf8_width(text) > MOST_WIDTH && --nr);
	return nr ? text : parts_text(page, change, split, 1);
}

void kma_diff_splits(struct kma_page *page, const struct kma_change *change)
{
	for (size_t i = 0; i < change->nr_splits; i++) {
		const struct kma_split *split = &change->splits[i];

		kma_page_move(page, SPLIT_COLUMN);
		kma_page_flow(page, SPLIT_COLUMN + 4, split_text(page, change, split));
	}
}

void kma_diff_findings(struct kma_page *page, const struct kma_comparison *c)
{
	static const char *const words[] = {
		[KMA_INFO] = "NOTE", [KMA_WARN] = "WARNING", [KMA_ERROR] = "ERROR"
	};
	static const enum kma_style styles[] = {
		[KMA_INFO] = KMA_CYAN, [KMA_WARN] = KMA_YELLOW, [KMA_ERROR] = KMA_RED
	};

	for (int side = KMA_NEW; side >= KMA_BASE; side--) {
		bool any = false;

		for (size_t i = 0; i < c->nr_findings; i++) {
			const struct kma_finding_change *f = &c->findings[i];
			const char *where = "";

			if ((f->nr[KMA_NEW] * c->sides[KMA_BASE].nr >
			     f->nr[KMA_BASE] * c->sides[KMA_NEW].nr) != (side == KMA_NEW))
				continue;
			if (!any)
				kma_page_heading(page, side == KMA_NEW
							       ? "Findings that came with new"
							       : "Findings that base had");
			any = true;
			if (c->several)
				where = kma_page_printf(page, "[base %zu of %zu, new %zu of %zu] ",
							f->nr[KMA_BASE], c->sides[KMA_BASE].nr,
							f->nr[KMA_NEW], c->sides[KMA_NEW].nr);
			kma_page_put(page, styles[f->finding->severity],
				     words[f->finding->severity]);
			kma_page_move(page, FINDING_COLUMN);
			kma_page_flow(page, FINDING_COLUMN,
				      kma_page_printf(page, "%s%s", where,
						      kma_page_clean(page, f->finding->message)));
		}
	}
}

void kma_diff_moves(struct kma_page *page, const struct kma_comparison *c)
{
	size_t shown = kma_text_top(page, c->nr_moves);

	if (!c->nr_moves)
		return;
	kma_page_heading(page, "Moved between parts, while the whole changed less");
	for (size_t i = 0; i < shown; i++) {
		const struct kma_move *move = &c->moves[i];
		const char *text = "";
		size_t nr = 0;

		for (size_t p = 0; p < move->split->nr && p < MOST_PARTS; p++) {
			const struct kma_part *part = &move->split->parts[p];

			if (step(part) != 0)
				text = kma_page_printf(page, "%s%s%s %s", text, nr++ ? "; " : "",
						       kma_text_labels(page, part->labels),
						       step_text(page, move->def->unit,
								 step(part)));
		}
		kma_page_move(page, 2);
		kma_page_flow(page, SPLIT_COLUMN,
			      kma_page_printf(page, "%s by %s: %s of it: %s", move->def->name,
					      move->split->keys, share_text(page, move->share),
					      text));
	}
	kma_text_more(page, c->nr_moves, "metric");
}

static void presences_of(struct kma_page *page, const struct kma_comparison *c, unsigned int side,
			 const char *title)
{
	size_t nr = 0, shown = 0;

	for (size_t i = 0; i < c->nr_presences; i++)
		nr += c->presences[i].side == side;
	if (!nr)
		return;
	kma_page_heading(page, kma_page_printf(page, "%s: %zu", title, nr));
	for (size_t i = 0; i < c->nr_presences && shown < kma_text_top(page, nr); i++) {
		const struct kma_presence *p = &c->presences[i];

		if (p->side != side)
			continue;
		shown++;
		kma_page_move(page, 2);
		kma_page_flow(page, SPLIT_COLUMN,
			      kma_page_printf(page, "%s: %s of %s (%s)",
					      kma_text_labels(page, p->labels),
					      kma_diff_number(page, p->def->unit, p->value),
					      p->def->name, share_text(page, p->share)));
	}
	kma_text_more(page, nr, "part");
}

void kma_diff_presences(struct kma_page *page, const struct kma_comparison *c)
{
	presences_of(page, c, KMA_NEW, "Appeared");
	presences_of(page, c, KMA_BASE, "Vanished");
}
