/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a threshold's text from left to right, with errors that name the column. */
#ifndef KMA_GATE_THRESHOLD_CURSOR_H
#define KMA_GATE_THRESHOLD_CURSOR_H

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <kmem-analyze/error.h>

struct kma_arena;
struct kma_metric_def;

struct kma_cursor_text {
	const char *text, *p; /* all of it, and where reading stands */
	const char *origin;
	struct kma_arena *arena;
	struct kma_error *err;
};

/* "--threshold: column 12 of "...": what"; returns -1. */
int kma_threshold_bad(const struct kma_cursor_text *c, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static inline void kma_skip_blanks(struct kma_cursor_text *c)
{
	while (isspace((unsigned char)*c->p))
		c->p++;
}

/* Takes @word, blanks before it too, if it comes next. */
static inline bool kma_take(struct kma_cursor_text *c, const char *word)
{
	kma_skip_blanks(c);
	if (strncmp(c->p, word, strlen(word)) != 0)
		return false;
	c->p += strlen(word);
	return true;
}

/* The length of the word of letters, digits, "_" and "." that comes next */
static inline size_t kma_word_length(const struct kma_cursor_text *c)
{
	size_t n = 0;

	while (isalnum((unsigned char)c->p[n]) || c->p[n] == '_' || c->p[n] == '.')
		n++;
	return n;
}

/* The metric that comes next, with a hint at what was meant when there is none. NULL with the error
 * filled. */
const struct kma_metric_def *kma_threshold_metric(struct kma_cursor_text *c);
/*
 * The number that comes next, with its unit, in the unit of @def; *@percent when that was "%" and
 * may be: @may_be_percent. @per_second: the number is a rate. @plain: a number of samples or of
 * times, without a unit.
 */
struct kma_amount {
	bool may_be_percent, per_second, plain;
	double value;
	bool percent;
};
int kma_threshold_amount(struct kma_cursor_text *c, const struct kma_metric_def *def,
			 struct kma_amount *amount);

#endif
