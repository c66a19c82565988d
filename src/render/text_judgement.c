/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thresholds and what became of them, for people: what failed first, and why. */
#include "render/judgement.h"
#include "render/render.h"
#include "render/text.h"
#include "util/arena.h"

#define TEXT_COLUMN 14
#define MOST_HELD   20

static const char *mark(const struct kma_check *check, enum kma_style *style)
{
	switch (check->outcome) {
	case KMA_PASS:
		*style = KMA_PLAIN;
		return "held";
	case KMA_INCONCLUSIVE:
		*style = KMA_YELLOW;
		return "INCONCLUSIVE";
	case KMA_VIOLATED:
		break;
	}
	*style = check->warn ? KMA_YELLOW : KMA_RED;
	return check->warn ? "WARNING" : "VIOLATED";
}

static void line(struct kma_page *page, const char *text)
{
	kma_page_move(page, TEXT_COLUMN);
	kma_page_flow(page, TEXT_COLUMN + 2, kma_page_clean(page, text));
}

static void check_text(struct kma_page *page, struct kma_wording *w, const struct kma_check *check)
{
	enum kma_style style;
	const char *word = mark(check, &style), *text;

	kma_page_put(page, style, word);
	kma_page_move(page, TEXT_COLUMN);
	kma_page_flow(page, TEXT_COLUMN, kma_page_clean(page, check->key));
	line(page, kma_say_check(w, check));
	if (check->outcome == KMA_PASS)
		return;
	line(page, kma_say(w, "threshold: %s", check->threshold));
	if (check->why)
		line(page, kma_say(w, "it is there because: %s", check->why));
	for (size_t i = 0; (text = kma_say_explanation(w, check, i)); i++)
		line(page, text);
}

static void baseline_text(struct kma_page *page, struct kma_wording *w,
			  const struct kma_judgement *judgement)
{
	if (!judgement->baseline)
		return;
	kma_page_put(page, KMA_BOLD, "Baseline");
	kma_page_move(page, TEXT_COLUMN);
	kma_page_flow(page, TEXT_COLUMN + 2, kma_page_clean(page, judgement->baseline));
	for (size_t i = 0; i < judgement->nr_differences; i++)
		line(page, kma_say(w, "differs: %s", judgement->differences[i]));
}

int kma_render_text_judgement(const struct kma_judgement *judgement,
			      const struct kma_text_options *options, FILE *out)
{
	struct kma_page page = { .out = out, .options = options, .scratch = kma_arena_new() };
	struct kma_wording w = { .arena = page.scratch };
	size_t held = 0;

	if (!page.scratch)
		return -1;
	kma_page_heading(&page, kma_say(&w, "Thresholds: %s", kma_say_sum(&w, judgement)));
	baseline_text(&page, &w, judgement);
	for (size_t i = 0; i < judgement->nr_checks; i++) {
		const struct kma_check *check = &judgement->checks[i];

		if (check->outcome == KMA_PASS && held++ >= MOST_HELD)
			continue;
		check_text(&page, &w, check);
	}
	if (held > MOST_HELD)
		line(&page, kma_say(&w, "and %zu more that held", held - MOST_HELD));
	kma_arena_free(page.scratch);
	return page.failed || w.failed || ferror(out) || fflush(out) ? -1 : 0;
}
