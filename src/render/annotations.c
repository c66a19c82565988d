/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A judgement as the workflow commands that GitHub Actions shows beside a run. */
#include <string.h>

#include "render/judgement.h"
#include "render/render.h"
#include "util/arena.h"

/* GitHub shows ten of a kind in each step. */
#define MOST_OF_A_KIND 10

/* A command is one line; in a property, ":" and "," have a meaning too. Other control characters
 * have no place in a log. */
static void put(FILE *out, const char *s, bool property)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ',')))
			fprintf(out, "%%%02X", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			putc(c, out);
	}
}

static const char *command(const struct kma_judgement *judgement, const struct kma_check *check)
{
	if (check->outcome == KMA_VIOLATED && !check->warn)
		return "error";
	if (check->outcome == KMA_INCONCLUSIVE && !check->warn &&
	    judgement->doubt != KMA_DOUBT_PASSES)
		return "error";
	return "warning";
}

static void put_check(struct kma_wording *w, const struct kma_judgement *judgement,
		      const struct kma_check *check, FILE *out)
{
	const char *text;

	fprintf(out, "::%s title=", command(judgement, check));
	put(out, kma_say(w, "Threshold %s: %s", kma_say_outcome(check), check->key), true);
	fputs("::", out);
	put(out, kma_say_check(w, check), false);
	put(out, kma_say(w, "\nthreshold: %s", check->threshold), false);
	if (check->why)
		put(out, kma_say(w, "\nit is there because: %s", check->why), false);
	for (size_t i = 0; (text = kma_say_explanation(w, check, i)); i++)
		put(out, kma_say(w, "\n%s", text), false);
	putc('\n', out);
}

int kma_render_github(const struct kma_judgement *judgement, FILE *out)
{
	struct kma_wording w = { .arena = kma_arena_new() };
	size_t errors = 0, warnings = 0;

	if (!w.arena)
		return -1;
	for (size_t i = 0; i < judgement->nr_checks; i++) {
		const struct kma_check *check = &judgement->checks[i];
		size_t *nr = !strcmp(command(judgement, check), "error") ? &errors : &warnings;

		if (check->outcome != KMA_PASS && (*nr)++ < MOST_OF_A_KIND)
			put_check(&w, judgement, check, out);
	}
	fputs("::notice title=kmem-analyze::", out);
	put(out, kma_say_sum(&w, judgement), false);
	for (size_t i = 0; i < judgement->nr_differences; i++)
		put(out, kma_say(&w, "\nthe baseline differs: %s", judgement->differences[i]),
		    false);
	putc('\n', out);
	kma_arena_free(w.arena);
	return w.failed || ferror(out) || fflush(out) ? -1 : 0;
}
