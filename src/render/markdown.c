/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A judgement as Markdown (GitHub's, with tables), for a summary page or a comment. */
#include <string.h>

#include "render/judgement.h"
#include "render/render.h"
#include "render/utf8.h"
#include "util/arena.h"

#define MOST_HELD 50

/* Plain text on one line, whatever it holds: nothing in it is markup. */
static void put(FILE *out, const char *s)
{
	while (*s) {
		uint32_t c;
		size_t len = kma_utf8_next(s, &c);

		if (!len)
			fprintf(out, "\\\\x%02x", (unsigned char)*s);
		else if (c == '\n' || c == '\t')
			putc(' ', out);
		else if (!kma_utf8_printable(c))
			fprintf(out, "\\\\u{%x}", (unsigned int)c);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '&')
			fputs("&amp;", out);
		else if (c == '@') /* else somebody of that name is called */
			fputs("&#64;", out);
		else if (c < 0x80 && strchr("\\`*_{}[]>#|~!", (int)c))
			fprintf(out, "\\%c", (int)c);
		else
			fwrite(s, 1, len, out);
		s += len ? len : 1;
	}
}

static void put_row(struct kma_wording *w, const struct kma_check *check,
		    const struct kma_judged *judged, FILE *out)
{
	bool held = judged ? judged->outcome == KMA_PASS : check->outcome == KMA_PASS;

	fputs(check->outcome == KMA_VIOLATED && !held ? "| **" : "| ", out);
	put(out, held && check->outcome != KMA_PASS ? "held" : kma_say_outcome(check));
	fputs(check->outcome == KMA_VIOLATED && !held ? "** | " : " | ", out);
	put(out, check->key);
	fputs(" | ", out);
	put(out, judged ? judged->text : check->threshold);
	fputs(" | ", out);
	put(out, judged ? kma_say_value(w, judged) : "-");
	fputs(" | ", out);
	put(out, judged && judged->has_value ? kma_say_limit(w, judged) : "-");
	fputs(" | ", out);
	put(out, judged ? kma_say_base(w, judged) : "-");
	fputs(" |\n", out);
}

static void put_table(struct kma_wording *w, const struct kma_judgement *judgement, FILE *out)
{
	size_t held = 0;

	fputs("| | metric | condition | measured | limit | baseline |\n"
	      "|---|---|---|---:|---:|---:|\n",
	      out);
	for (size_t i = 0; i < judgement->nr_checks; i++) {
		const struct kma_check *check = &judgement->checks[i];

		if (check->outcome == KMA_PASS && held++ >= MOST_HELD)
			continue;
		if (!check->nr_conditions)
			put_row(w, check, NULL, out);
		for (size_t k = 0; k < check->nr_conditions; k++)
			put_row(w, check, &check->conditions[k], out);
	}
	if (held > MOST_HELD)
		fprintf(out, "\nand %zu more that held\n", held - MOST_HELD);
}

static void put_reasons(struct kma_wording *w, const struct kma_judgement *judgement, FILE *out)
{
	for (size_t i = 0; i < judgement->nr_checks; i++) {
		const struct kma_check *check = &judgement->checks[i];
		const char *text;

		if (check->outcome == KMA_PASS)
			continue;
		fputs("\n### ", out);
		put(out, kma_say(w, "%s: %s", check->key, kma_say_outcome(check)));
		fputs("\n\n", out);
		put(out, kma_say_check(w, check));
		fputs("\n", out);
		if (check->why) {
			fputs("\nThe threshold is there because: ", out);
			put(out, check->why);
			fputs("\n", out);
		}
		for (size_t k = 0; (text = kma_say_explanation(w, check, k)); k++) {
			fputs(k ? "- " : "\n- ", out);
			put(out, text);
			fputs("\n", out);
		}
	}
}

int kma_render_markdown(const struct kma_judgement *judgement, FILE *out)
{
	struct kma_wording w = { .arena = kma_arena_new() };

	if (!w.arena)
		return -1;
	fputs("## kmem-analyze: ", out);
	put(out, kma_say_sum(&w, judgement));
	fputs("\n\nTrace: ", out);
	put(out, judgement->trace ? judgement->trace : "-");
	if (judgement->baseline) {
		fputs("; baseline: ", out);
		put(out, judgement->baseline);
	}
	fputs("\n", out);
	for (size_t i = 0; i < judgement->nr_differences; i++) {
		fputs(i ? "- the baseline differs: " : "\n- the baseline differs: ", out);
		put(out, judgement->differences[i]);
		fputs("\n", out);
	}
	fputs("\n", out);
	put_table(&w, judgement, out);
	put_reasons(&w, judgement, out);
	kma_arena_free(w.arena);
	return w.failed || ferror(out) || fflush(out) ? -1 : 0;
}
