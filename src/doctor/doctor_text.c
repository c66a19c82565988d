/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's answer for a person; at most 100 columns, and commands that can be pasted. */
#include <string.h>

#include "doctor/checkup.h"
#include "render/page.h"
#include "util/arena.h"

#define VERDICT_COLUMN 13
#define REASON_COLUMN  25

static const char *const verdicts[] = { "exact", "degraded", "impossible" };
static const enum kma_style styles[] = { KMA_CYAN, KMA_YELLOW, KMA_RED };

/* A shell command over several lines, each but the last ending with a backslash. */
static void put_command(struct kma_page *page, size_t indent, const char *command)
{
	size_t edge = kma_page_columns(page) - 2, column = indent;

	kma_page_move(page, indent);
	for (const char *word = command; *word;) {
		size_t length = strcspn(word, " ");
		/* an option and its value stay together */
		size_t pair = *word == '-' && word[length] && length == 2
				      ? length + 1 + strcspn(word + length + 1, " ")
				      : length;

		if (column > indent && column + pair + 1 > edge) {
			kma_page_put(page, KMA_PLAIN, " \\");
			kma_page_newline(page);
			kma_page_move(page, indent + 4);
			column = indent + 4;
		} else if (column > indent) {
			kma_page_put(page, KMA_PLAIN, " ");
			column++;
		}
		kma_page_put(page, KMA_PLAIN, kma_page_printf(page, "%.*s", (int)pair, word));
		column += pair;
		word += pair;
		word += *word == ' ';
	}
	kma_page_newline(page);
}

static void put_recipe(struct kma_page *page, const char *title, const struct kma_recipe *recipe)
{
	kma_page_newline(page);
	kma_page_move(page, 2);
	kma_page_put(page, KMA_BOLD, title);
	kma_page_newline(page);
	put_command(page, 4, recipe->trace_cmd);
	put_command(page, 4, recipe->perf);
	if (recipe->live)
		put_command(page, 4, recipe->live);
}

static void put_verdict(struct kma_page *page, const struct kma_diagnosis *d)
{
	kma_page_move(page, 2);
	kma_page_put(page, KMA_BOLD, kma_page_clean(page, d->name));
	kma_page_move(page, VERDICT_COLUMN);
	kma_page_put(page, styles[d->verdict], verdicts[d->verdict]);
	if (!d->nr_reasons)
		kma_page_newline(page);
	for (size_t i = 0; i < d->nr_reasons; i++) {
		kma_page_move(page, REASON_COLUMN);
		kma_page_flow(page, REASON_COLUMN + 2, kma_page_clean(page, d->reasons[i]));
	}
}

int kma_doctor_text(const struct kma_checkup *checkup, const struct kma_text_options *options,
		    FILE *out)
{
	struct kma_page page = { .out = out, .options = options, .scratch = kma_arena_new() };
	bool cheap = false;

	if (!page.scratch)
		return -1;
	kma_page_flow(&page, 0,
		      kma_page_printf(&page, "What the reports can tell of %s%s%s%s",
				      kma_page_clean(&page, checkup->subject),
				      checkup->kernel ? " (" : "",
				      checkup->kernel ? kma_page_clean(&page, checkup->kernel) : "",
				      checkup->kernel ? ")" : ""));
	kma_page_newline(&page);
	for (size_t i = 0; i < checkup->nr_reports; i++)
		put_verdict(&page, &checkup->reports[i]);
	kma_page_heading(&page, checkup->trace ? "How to record more" : "How to record it");
	if (checkup->all.trace_cmd && checkup->nr_reports > 1)
		put_recipe(&page, "all of that at once", &checkup->all);
	for (size_t i = 0; i < checkup->nr_reports; i++) {
		const struct kma_diagnosis *d = &checkup->reports[i];

		if (d->recipe.trace_cmd)
			put_recipe(&page, kma_page_clean(&page, d->name), &d->recipe);
		cheap |= d->cheap_recipe.trace_cmd != NULL;
	}
	if (cheap)
		kma_page_heading(&page, "Cheap enough to leave on in production");
	for (size_t i = 0; i < checkup->nr_reports; i++) {
		const struct kma_diagnosis *d = &checkup->reports[i];

		if (!d->cheap_recipe.trace_cmd)
			continue;
		put_recipe(&page, kma_page_clean(&page, d->name), &d->cheap_recipe);
		kma_page_move(&page, 4);
		kma_page_flow(&page, 4, kma_page_printf(&page, "It tells %s.", d->cheap_tells));
	}
	kma_arena_free(page.scratch);
	return page.failed || ferror(out) || fflush(out) ? -1 : 0;
}
