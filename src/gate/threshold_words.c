/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of a threshold that stand for something else: names of metrics, numbers with units. It
 * must not know how they are put together.
 */
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <kmem-analyze/analysis.h>

#include "gate/threshold_cursor.h"
#include "result/result.h"

int kma_threshold_bad(const struct kma_cursor_text *c, const char *at, const char *fmt, ...)
{
	size_t column = 1;
	char what[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	for (const char *p = c->text; p < at; p++)
		column += ((unsigned char)*p & 0xc0) != 0x80; /* characters, not bytes */
	return kma_fail(c->err, KMA_ERR_USAGE, "%s: column %zu of \"%.*s\": %s", c->origin, column,
			240, c->text, what);
}

/* How many letters must change to make one word of the other, for words of up to 63 letters */
static unsigned int distance(const char *a, size_t len, const char *b)
{
	unsigned int row[65], last, here;
	size_t lb = strlen(b);

	if (len > 63 || lb > 63)
		return 99;
	for (unsigned int i = 0; i <= lb; i++)
		row[i] = i;
	for (size_t i = 0; i < len; i++) {
		last = row[0]++;
		for (size_t k = 0; k < lb; k++) {
			here = row[k + 1];
			if (a[i] != b[k]) {
				if (here < last)
					last = here;
				if (row[k] < last)
					last = row[k];
				last++;
			}
			row[k + 1] = last;
			last = here;
		}
	}
	return row[lb];
}

struct guess {
	const char *word;
	size_t len;
	const struct kma_metric_def *found;
	const char *nearest;
	unsigned int away;
};

static void look(struct guess *guess, const struct kma_metric_def *def)
{
	for (; def->name && !guess->found; def++) {
		unsigned int away;

		if (strlen(def->name) == guess->len && !memcmp(def->name, guess->word, guess->len))
			guess->found = def;
		away = distance(guess->word, guess->len, def->name);
		if (away < guess->away) {
			guess->away = away;
			guess->nearest = def->name;
		}
	}
}

const struct kma_metric_def *kma_threshold_metric(struct kma_cursor_text *c)
{
	struct guess guess = { .away = 6 };

	kma_skip_blanks(c);
	guess.word = c->p;
	guess.len = kma_word_length(c);
	if (!guess.len) {
		kma_threshold_bad(c, c->p, "the name of a metric must stand here");
		return NULL;
	}
	look(&guess, kma_trace_metric_defs);
	for (size_t i = 0; kma_analyses[i]; i++)
		look(&guess, kma_analyses[i]->metrics);
	if (!guess.found)
		kma_threshold_bad(c, guess.word, "no metric \"%.*s\"%s%s%s; --list names them all",
				  guess.len > 80 ? 80 : (int)guess.len, guess.word,
				  guess.nearest ? ": is it " : "",
				  guess.nearest ? guess.nearest : "", guess.nearest ? "?" : "");
	else
		c->p += guess.len;
	return guess.found;
}

struct unit_word {
	const char *word;
	enum kma_unit unit;
	double factor;
};

static const struct unit_word unit_words[] = {
	{ "ns", KMA_UNIT_NS, 1 },
	{ "us", KMA_UNIT_NS, 1e3 },
	{ "ms", KMA_UNIT_NS, 1e6 },
	{ "s", KMA_UNIT_NS, 1e9 },
	{ "B", KMA_UNIT_BYTES, 1 },
	{ "KiB", KMA_UNIT_BYTES, 1024 },
	{ "MiB", KMA_UNIT_BYTES, 1024.0 * 1024 },
	{ "GiB", KMA_UNIT_BYTES, 1024.0 * 1024 * 1024 },
	{ "pages", KMA_UNIT_PAGES, 1 },
	{ "page", KMA_UNIT_PAGES, 1 },
	{ "ns/page", KMA_UNIT_NS_PER_PAGE, 1 },
	{ "us/page", KMA_UNIT_NS_PER_PAGE, 1e3 },
	{ "ms/page", KMA_UNIT_NS_PER_PAGE, 1e6 },
	{ "%", KMA_UNIT_RATIO, 0.01 },
};

#define NR_UNIT_WORDS (sizeof(unit_words) / sizeof(*unit_words))

static const char *units_of(enum kma_unit unit)
{
	switch (unit) {
	case KMA_UNIT_NS:
		return "ns, us, ms or s";
	case KMA_UNIT_BYTES:
		return "B, KiB, MiB or GiB";
	case KMA_UNIT_PAGES:
		return "pages, or nothing";
	case KMA_UNIT_RATIO:
		return "%, or nothing for a share of 1";
	case KMA_UNIT_NS_PER_PAGE:
		return "ns/page, us/page or ms/page";
	case KMA_UNIT_COUNT:
	case KMA_UNIT_COEFFICIENT:
	case KMA_UNIT_TIMESTAMP: /* of no metric */
		break;
	}
	return "no unit";
}

/* "12", "-0.5", "1e6" without any locale; NULL when there is none, else what follows */
static const char *read_number(const char *p, double *value)
{
	char text[48], *end;
	size_t n = 0;

	if (p[n] == '-')
		n++;
	if (!isdigit((unsigned char)p[n]) && !(p[n] == '.' && isdigit((unsigned char)p[n + 1])))
		return NULL;
	while (isdigit((unsigned char)p[n]) || p[n] == '.')
		n++;
	if ((p[n] == 'e' || p[n] == 'E') &&
	    (isdigit((unsigned char)p[n + 1]) ||
	     ((p[n + 1] == '-' || p[n + 1] == '+') && isdigit((unsigned char)p[n + 2])))) {
		for (n += 2; isdigit((unsigned char)p[n]); n++)
			;
	}
	if (n >= sizeof(text))
		return NULL;
	memcpy(text, p, n);
	text[n] = '\0';
	*value = strtod(text, &end);
	return *end || !isfinite(*value) ? NULL : p + n;
}

static size_t unit_length(const char *p)
{
	size_t n = *p == '%';

	while (!n || isalpha((unsigned char)p[n])) {
		if (!isalpha((unsigned char)p[n]))
			return n;
		n++;
	}
	if (!strncmp(p + n, "/page", 5))
		n += 5;
	return n;
}

int kma_threshold_amount(struct kma_cursor_text *c, const struct kma_metric_def *def,
			 struct kma_amount *amount)
{
	enum kma_unit unit = amount->plain ? KMA_UNIT_COUNT : def->unit;
	const struct unit_word *word = NULL;
	const char *begin, *end;
	size_t n;

	kma_skip_blanks(c);
	begin = c->p;
	end = read_number(begin, &amount->value);
	if (!end)
		return kma_threshold_bad(c, begin, "a number must stand here");
	c->p = end;
	amount->percent = false;
	kma_skip_blanks(c);
	n = unit_length(c->p);
	for (size_t i = 0; i < NR_UNIT_WORDS; i++)
		if (strlen(unit_words[i].word) == n && !memcmp(unit_words[i].word, c->p, n))
			word = &unit_words[i];
	if (n && !word)
		return kma_threshold_bad(c, c->p, "no unit \"%.*s\": %s takes %s",
					 n > 30 ? 30 : (int)n, c->p, def->name, units_of(unit));
	if (word && word->unit == KMA_UNIT_RATIO && amount->may_be_percent) {
		amount->percent = true;
		amount->value /= 100;
		c->p += n;
		return 0;
	}
	if (word && word->unit != unit)
		return kma_threshold_bad(c, c->p, "%s does not go with %s, which takes %s",
					 word->word, amount->plain ? "this statistic" : def->name,
					 units_of(unit));
	if (!word && amount->value &&
	    (unit == KMA_UNIT_NS || unit == KMA_UNIT_BYTES || unit == KMA_UNIT_NS_PER_PAGE))
		return kma_threshold_bad(c, c->p, "the number needs a unit: %s", units_of(unit));
	if (word)
		amount->value *= word->factor;
	c->p += n;
	if (amount->per_second)
		kma_take(c, "/s");
	return 0;
}
