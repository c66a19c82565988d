/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A judgement as JUnit XML, as most CI systems read it: one test case for each threshold and part.
 */
#include <string.h>

#include "render/judgement.h"
#include "render/render.h"
#include "render/utf8.h"
#include "util/arena.h"

/* Text for XML 1.0: markup escaped, and what it has no way to hold spelled out */
static void put(FILE *out, const char *s, bool attribute)
{
	while (*s) {
		uint32_t c;
		size_t len = kma_utf8_next(s, &c);

		if (!len || (c < 0x20 && !strchr("\t\n\r", (int)c)) || c == 0xfffe || c == 0xffff)
			fprintf(out, "\\x%02x", len > 1 ? (unsigned int)c : (unsigned char)*s);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '&')
			fputs("&amp;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else if (c < 0x20 && (attribute || c == '\r')) /* else it would be lost */
			fprintf(out, "&#%u;", (unsigned int)c);
		else
			fwrite(s, 1, len, out);
		s += len ? len : 1;
	}
}

static void put_details(struct kma_wording *w, const struct kma_check *check, FILE *out)
{
	const char *text;

	put(out, kma_say(w, "threshold: %s (%s)\n", check->threshold, check->origin), false);
	if (check->why)
		put(out, kma_say(w, "it is there because: %s\n", check->why), false);
	put(out, kma_say(w, "%s: %s\n", check->key, kma_say_check(w, check)), false);
	for (size_t i = 0; (text = kma_say_explanation(w, check, i)); i++)
		put(out, kma_say(w, "%s\n", text), false);
}

/* The element that says how the case went: NULL if well */
static const char *element(const struct kma_judgement *judgement, const struct kma_check *check)
{
	if (check->outcome == KMA_VIOLATED)
		return check->warn ? NULL : "failure";
	if (check->outcome == KMA_PASS)
		return NULL;
	if (check->warn || judgement->doubt == KMA_DOUBT_PASSES)
		return "skipped";
	return judgement->doubt == KMA_DOUBT_FAILS ? "failure" : "error";
}

static void put_case(struct kma_wording *w, const struct kma_judgement *judgement,
		     const struct kma_check *check, FILE *out)
{
	const char *name = element(judgement, check);

	fputs("    <testcase classname=\"kmem-analyze.", out);
	put(out, kma_say(w, "%.*s", (int)strcspn(check->key, "."), check->key), true);
	fputs("\" name=\"", out);
	put(out, kma_say(w, "%s [%s]", check->threshold, check->key), true);
	fputs("\" time=\"0\">\n", out);
	if (name) {
		fprintf(out, "      <%s message=\"", name);
		put(out, kma_say(w, "%s: %s", check->key, kma_say_check(w, check)), true);
		if (strcmp(name, "skipped") != 0)
			fprintf(out, "\" type=\"%s",
				check->outcome == KMA_VIOLATED ? "threshold" : "inconclusive");
		fputs("\">", out);
		put_details(w, check, out);
		fprintf(out, "</%s>\n", name);
	} else {
		fputs("      <system-out>", out);
		put(out, kma_say(w, "%s\n", kma_say_outcome(check)), false);
		put_details(w, check, out);
		fputs("</system-out>\n", out);
	}
	fputs("    </testcase>\n", out);
}

static size_t count(const struct kma_judgement *judgement, const char *name)
{
	size_t nr = 0;

	for (size_t i = 0; i < judgement->nr_checks; i++) {
		const char *is = element(judgement, &judgement->checks[i]);

		nr += is && !strcmp(is, name);
	}
	return nr;
}

static void put_counts(const struct kma_judgement *judgement, const char *tag, FILE *out)
{
	fprintf(out,
		"<%s name=\"kmem-analyze\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
		"skipped=\"%zu\" time=\"0\">\n",
		tag, judgement->nr_checks, count(judgement, "failure"), count(judgement, "error"),
		count(judgement, "skipped"));
}

static void put_properties(struct kma_wording *w, const struct kma_judgement *judgement, FILE *out)
{
	fputs("    <properties>\n      <property name=\"trace\" value=\"", out);
	put(out, judgement->trace ? judgement->trace : "", true);
	fputs("\"/>\n", out);
	if (judgement->baseline) {
		fputs("      <property name=\"baseline\" value=\"", out);
		put(out, judgement->baseline, true);
		fputs("\"/>\n", out);
	}
	for (size_t i = 0; i < judgement->nr_differences; i++) {
		fprintf(out, "      <property name=\"difference %zu\" value=\"", i + 1);
		put(out, judgement->differences[i], true);
		fputs("\"/>\n", out);
	}
	fputs("      <property name=\"sum\" value=\"", out);
	put(out, kma_say_sum(w, judgement), true);
	fputs("\"/>\n    </properties>\n", out);
}

int kma_render_junit(const struct kma_judgement *judgement, FILE *out)
{
	struct kma_wording w = { .arena = kma_arena_new() };

	if (!w.arena)
		return -1;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
	put_counts(judgement, "testsuites", out);
	fputs("  ", out);
	put_counts(judgement, "testsuite", out);
	put_properties(&w, judgement, out);
	for (size_t i = 0; i < judgement->nr_checks; i++)
		put_case(&w, judgement, &judgement->checks[i], out);
	fputs("  </testsuite>\n</testsuites>\n", out);
	kma_arena_free(w.arena);
	return w.failed || ferror(out) || fflush(out) ? -1 : 0;
}
