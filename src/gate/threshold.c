/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar of thresholds. What it accepts is known to mean something: metric, labels, statistic
 * and units are looked up on the way. It must not know any result.
 */
#include "gate/threshold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/threshold_cursor.h"
#include "result/result.h"
#include "util/arena.h"

const char *const kma_operator_words[] = {
	[KMA_LESS] = "<",      [KMA_AT_MOST] = "<=", [KMA_MORE] = ">",
	[KMA_AT_LEAST] = ">=", [KMA_EQUAL] = "==",   [KMA_NOT_EQUAL] = "!=",
};

struct kma_thresholds *kma_thresholds_new(void)
{
	struct kma_thresholds *thresholds = calloc(1, sizeof(*thresholds));

	if (!thresholds)
		return NULL;
	thresholds->arena = kma_arena_new();
	if (thresholds->arena)
		return thresholds;
	free(thresholds);
	return NULL;
}

void kma_thresholds_free(struct kma_thresholds *thresholds)
{
	if (!thresholds)
		return;
	kma_arena_free(thresholds->arena);
	free(thresholds->list);
	free(thresholds);
}

static int no_memory(const struct kma_cursor_text *c)
{
	return kma_fail(c->err, KMA_ERR_INTERNAL, "out of memory");
}

/* Does one of the metric's label sets have this key? @sets: "node,zone caller cpu" */
static bool has_key(const char *sets, const char *key, size_t len)
{
	for (const char *p = sets; *p; p += strcspn(p, ", "), p += *p != '\0')
		if (strcspn(p, ", ") == len && !memcmp(p, key, len))
			return true;
	return false;
}

/* Is there a label set of exactly these keys? */
static bool has_set(const struct kma_threshold *t)
{
	const char *set = t->def->labels;

	while (*set) {
		size_t len = strcspn(set, " ");
		unsigned int nr = 1, found = 0;

		for (size_t i = 0; i < len; i++)
			nr += set[i] == ',';
		for (unsigned int i = 0; i < t->nr_labels; i++) {
			char one[200];

			memcpy(one, set, len < sizeof(one) ? len : sizeof(one) - 1);
			one[len < sizeof(one) ? len : sizeof(one) - 1] = '\0';
			found += has_key(one, t->labels[i].key, strlen(t->labels[i].key));
		}
		if (nr == t->nr_labels && found == nr)
			return true;
		set += len;
		set += *set == ' ';
	}
	return false;
}

/* "{node,zone}, {caller}" */
static const char *show_sets(const char *sets, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (const char *p = sets; *p && used + 80 < size; p += *p == ' ') {
		size_t len = strcspn(p, " ");

		used += snprintf(text + used, size - used, "%s{%.*s}", used ? ", " : "", (int)len,
				 p);
		p += len;
	}
	return used ? text : "nothing";
}

/* A value up to the next "," or "}": "*" and "?" stand for any text and any character, but not
 * within quotes. */
static const char *read_pattern(struct kma_cursor_text *c)
{
	char *pattern = kma_arena_alloc(c->arena, strlen(c->p) + 1), *to = pattern;
	const char *begin = c->p;

	if (!pattern) {
		no_memory(c);
		return NULL;
	}
	while (*c->p && *c->p != ',' && *c->p != '}') {
		if (*c->p == '"') {
			const char *quote = c->p++;

			while (*c->p && *c->p != '"')
				*to++ = *c->p++;
			if (!*c->p++) {
				kma_threshold_bad(c, quote, "this quote is never closed");
				return NULL;
			}
		} else {
			*to++ = *c->p == '*'   ? KMA_PATTERN_ANY
				: *c->p == '?' ? KMA_PATTERN_ONE
					       : *c->p;
			c->p++;
		}
	}
	while (to > pattern && c->p[-1] != '"' && to[-1] == ' ') /* before the "," */
		to--;
	*to = '\0';
	if (to == pattern && c->p == begin) {
		kma_threshold_bad(c, c->p, "a label's value must stand here; * is any");
		return NULL;
	}
	return pattern;
}

static int read_label(struct kma_cursor_text *c, struct kma_threshold *t)
{
	struct kma_label_pattern *label = &t->labels[t->nr_labels];
	const char *begin;
	char sets[400];
	size_t len;

	kma_skip_blanks(c);
	begin = c->p;
	len = kma_word_length(c);
	if (!len)
		return kma_threshold_bad(c, begin, "the name of a label must stand here");
	if (!has_key(t->def->labels, begin, len))
		return kma_threshold_bad(c, begin,
					 "%s has no label \"%.*s\": it can be split by %s",
					 t->def->name, len > 40 ? 40 : (int)len, begin,
					 show_sets(t->def->labels, sets, sizeof(sets)));
	for (unsigned int i = 0; i < t->nr_labels; i++)
		if (strlen(t->labels[i].key) == len && !memcmp(t->labels[i].key, begin, len))
			return kma_threshold_bad(c, begin, "the label \"%.*s\" stands here twice",
						 (int)len, begin);
	if (t->nr_labels == KMA_MAX_LABELS)
		return kma_threshold_bad(c, begin, "more than %d labels", KMA_MAX_LABELS);
	label->key = kma_arena_strndup(c->arena, begin, len);
	if (!label->key)
		return no_memory(c);
	c->p += len;
	if (!kma_take(c, "="))
		return kma_threshold_bad(c, c->p, "\"=\" must stand here");
	kma_skip_blanks(c);
	label->pattern = read_pattern(c);
	t->nr_labels++;
	return label->pattern ? 0 : -1;
}

static int read_labels(struct kma_cursor_text *c, struct kma_threshold *t)
{
	const char *begin;
	char sets[400];

	kma_skip_blanks(c);
	begin = c->p;
	if (!kma_take(c, "{") || kma_take(c, "}"))
		return 0;
	do {
		if (read_label(c, t) < 0)
			return -1;
	} while (kma_take(c, ","));
	if (!kma_take(c, "}"))
		return kma_threshold_bad(c, c->p, "\",\" or \"}\" must stand here");
	if (!has_set(t))
		return kma_threshold_bad(c, begin, "%s is not split by these labels, but by %s",
					 t->def->name,
					 show_sets(t->def->labels, sets, sizeof(sets)));
	return 0;
}

static const struct {
	const char *word;
	enum kma_statistic statistic;
	uint32_t ppm;
} statistics[] = {
	{ "value", KMA_STATISTIC_VALUE, 0 },
	{ "rate", KMA_STATISTIC_RATE, 0 },
	{ "count", KMA_STATISTIC_COUNT, 0 },
	{ "sum", KMA_STATISTIC_SUM, 0 },
	{ "min", KMA_STATISTIC_MIN, 0 },
	{ "max", KMA_STATISTIC_MAX, 0 },
	{ "mean", KMA_STATISTIC_MEAN, 0 },
	{ "p50", KMA_STATISTIC_PERCENTILE, 500000 },
	{ "p90", KMA_STATISTIC_PERCENTILE, 900000 },
	{ "p99", KMA_STATISTIC_PERCENTILE, 990000 },
	{ "p999", KMA_STATISTIC_PERCENTILE, 999000 },
};

#define NR_STATISTICS (sizeof(statistics) / sizeof(*statistics))

/* "p(99.95)": up to four decimals */
static int read_percentile(struct kma_cursor_text *c, uint32_t *ppm)
{
	const char *begin = c->p, *p = begin;
	uint32_t n = 0, unit = 10000;

	for (; *p >= '0' && *p <= '9' && n <= 100; p++)
		n = 10 * n + (*p - '0');
	n *= 10000;
	if (*p == '.' && p > begin)
		for (p++; *p >= '0' && *p <= '9' && unit > 1; p++)
			n += (*p - '0') * (unit /= 10);
	c->p = p;
	if (p == begin || !kma_take(c, ")") || !n || n > 1000000)
		return kma_threshold_bad(c, begin,
					 "p(N) takes a percentage above 0 and up to 100, with up "
					 "to four decimals");
	*ppm = n;
	return 0;
}

static int read_measure(struct kma_cursor_text *c, const struct kma_metric_def *def,
			struct kma_measure *measure)
{
	bool distribution = def->kind == KMA_DISTRIBUTION, fits, known = false;
	const char *begin = c->p;
	size_t len = kma_word_length(c);

	if (len == 1 && *begin == 'p' && begin[1] == '(') {
		c->p += 2;
		measure->statistic = KMA_STATISTIC_PERCENTILE;
		if (read_percentile(c, &measure->ppm) < 0)
			return -1;
		known = true;
	}
	for (size_t i = 0; !known && i < NR_STATISTICS; i++)
		if (strlen(statistics[i].word) == len && !memcmp(statistics[i].word, begin, len)) {
			measure->statistic = statistics[i].statistic;
			measure->ppm = statistics[i].ppm;
			c->p += len;
			known = true;
			break;
		}
	if (!known)
		return kma_threshold_bad(c, begin,
					 "a statistic must stand here: value, rate, count, sum, "
					 "min, max, mean, p50, p90, p99, p999, p(N) or delta");
	switch (measure->statistic) {
	case KMA_STATISTIC_VALUE:
		fits = !distribution;
		break;
	case KMA_STATISTIC_RATE:
		fits = def->kind != KMA_GAUGE;
		break;
	default:
		fits = distribution;
	}
	measure->name = kma_arena_strndup(c->arena, begin, c->p - begin);
	if (!measure->name)
		return no_memory(c);
	if (fits)
		return 0;
	return kma_threshold_bad(c, begin, "%s is a %s, which has no %s: it has %s", def->name,
				 distribution		  ? "distribution"
				 : def->kind == KMA_GAUGE ? "gauge"
							  : "counter",
				 measure->name,
				 distribution ? "rate (samples per second), count, sum, min, max, "
						"mean, p50, p90, p99, p999, p(N)"
				 : def->kind == KMA_GAUGE ? "value"
							  : "value and rate");
}

static int read_operator(struct kma_cursor_text *c, enum kma_operator *op)
{
	/* the longer ones first */
	static const enum kma_operator order[] = { KMA_AT_MOST,	  KMA_AT_LEAST, KMA_EQUAL,
						   KMA_NOT_EQUAL, KMA_LESS,	KMA_MORE };

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (kma_take(c, kma_operator_words[order[i]])) {
			*op = order[i];
			return 0;
		}
	return kma_threshold_bad(c, c->p, "one of < <= > >= == != must stand here");
}

/* "base", "base * 1.1", "base + 5%", "base * 2 + 3ms" */
static int read_base(struct kma_cursor_text *c, const struct kma_metric_def *def,
		     struct kma_condition *condition, struct kma_amount amount)
{
	condition->base = true;
	condition->factor = 1;
	if (condition->delta)
		return kma_threshold_bad(
			c, c->p - strlen("base"),
			"delta is a difference from the baseline already: limit it "
			"by a number or a percentage");
	if (kma_take(c, "*")) {
		struct kma_amount factor = { .plain = true };
		const char *begin = c->p;

		if (kma_threshold_amount(c, def, &factor) < 0)
			return -1;
		if (factor.value < 0)
			return kma_threshold_bad(c, begin, "a factor below 0");
		condition->factor = factor.value;
	}
	amount.may_be_percent = true;
	for (;;) {
		double sign = kma_take(c, "+") ? 1 : kma_take(c, "-") ? -1 : 0;

		if (!sign)
			return 0;
		if (kma_threshold_amount(c, def, &amount) < 0)
			return -1;
		if (amount.percent)
			condition->share += sign * amount.value;
		else
			condition->add += sign * amount.value;
	}
}

static int read_limit(struct kma_cursor_text *c, const struct kma_metric_def *def,
		      struct kma_condition *condition)
{
	const struct kma_measure *measure = &condition->measure;
	struct kma_amount amount = {
		.per_second = measure->statistic == KMA_STATISTIC_RATE,
		.plain = measure->statistic == KMA_STATISTIC_COUNT ||
			 (measure->statistic == KMA_STATISTIC_RATE &&
			  def->kind == KMA_DISTRIBUTION),
		.may_be_percent = condition->delta,
	};

	kma_skip_blanks(c);
	if (kma_word_length(c) == 4 && kma_take(c, "base"))
		return read_base(c, def, condition, amount);
	if (isalpha((unsigned char)*c->p))
		return kma_threshold_bad(c, c->p, "a number or base must stand here");
	if (kma_threshold_amount(c, def, &amount) < 0)
		return -1;
	condition->base = condition->delta;
	condition->factor = 0;
	if (amount.percent)
		condition->share = amount.value;
	else
		condition->add = amount.value;
	return 0;
}

static int read_condition(struct kma_cursor_text *c, struct kma_threshold *t)
{
	struct kma_condition *condition = &t->conditions[t->nr_conditions];
	const char *begin;
	size_t len;

	kma_skip_blanks(c);
	begin = c->p;
	if (t->nr_conditions == KMA_MAX_CONDITIONS)
		return kma_threshold_bad(c, begin, "more than %d conditions", KMA_MAX_CONDITIONS);
	if (kma_word_length(c) == 5 && kma_take(c, "delta")) {
		if (!t->nr_conditions && t->def->kind == KMA_DISTRIBUTION)
			return kma_threshold_bad(
				c, begin,
				"delta of what? A condition on a statistic must stand before it, "
				"like p99 <= base + 5%% && delta <= 1ms");
		condition->measure = t->nr_conditions ? condition[-1].measure
						      : (struct kma_measure){ KMA_STATISTIC_VALUE,
									      0, "value" };
		condition->delta = true;
	} else if (read_measure(c, t->def, &condition->measure) < 0) {
		return -1;
	}
	if (read_operator(c, &condition->op) < 0 || read_limit(c, t->def, condition) < 0)
		return -1;
	len = c->p - begin;
	while (len && isspace((unsigned char)begin[len - 1]))
		len--;
	condition->text = kma_arena_strndup(c->arena, begin, len);
	if (!condition->text)
		return no_memory(c);
	t->base |= condition->base;
	t->nr_conditions++;
	return 0;
}

static int read_threshold(struct kma_cursor_text *c, struct kma_threshold *t)
{
	const char *begin;
	size_t len;

	if (kma_take(c, "warn:"))
		t->warn = true;
	else
		kma_take(c, "error:");
	kma_skip_blanks(c);
	begin = c->p;
	t->def = kma_threshold_metric(c);
	if (!t->def || read_labels(c, t) < 0)
		return -1;
	len = c->p - begin;
	t->part = kma_arena_strndup(c->arena, begin, len);
	if (!t->part)
		return no_memory(c);
	if (!kma_take(c, ":"))
		return kma_threshold_bad(c, c->p, "\":\" must stand here");
	do {
		if (read_condition(c, t) < 0)
			return -1;
	} while (kma_take(c, "&&"));
	kma_skip_blanks(c);
	if (*c->p)
		return kma_threshold_bad(c, c->p, "the end or && must stand here");
	return 0;
}

int kma_thresholds_add(struct kma_thresholds *thresholds, const char *text, const char *origin,
		       const char *why, struct kma_error *err)
{
	struct kma_arena *arena = thresholds->arena;
	struct kma_threshold t = { 0 };
	struct kma_cursor_text c = { .arena = arena, .err = err };

	if (thresholds->nr == thresholds->max) {
		size_t max = thresholds->max ? 2 * thresholds->max : 8;
		struct kma_threshold *list = reallocarray(thresholds->list, max, sizeof(*list));

		if (!list)
			return no_memory(&c);
		thresholds->list = list;
		thresholds->max = max;
	}
	t.text = c.text = c.p = kma_arena_strdup(arena, text);
	t.origin = c.origin = kma_arena_strdup(arena, origin);
	t.why = why ? kma_arena_strdup(arena, why) : NULL;
	if (!t.text || !t.origin || (why && !t.why))
		return no_memory(&c);
	if (read_threshold(&c, &t) < 0)
		return -1;
	thresholds->list[thresholds->nr++] = t;
	return 0;
}

/* With a step back to the last "*" only: never more than length times length */
static bool fits(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == KMA_PATTERN_ANY) {
			star = ++pattern;
			from = text;
		} else if (*pattern == KMA_PATTERN_ONE || (*pattern == *text && *pattern)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == KMA_PATTERN_ANY)
		pattern++;
	return !*pattern;
}

static const char *pattern_of(const struct kma_threshold *threshold, const char *key)
{
	for (unsigned int i = 0; i < threshold->nr_labels; i++)
		if (!strcmp(threshold->labels[i].key, key))
			return threshold->labels[i].pattern;
	return NULL;
}

bool kma_threshold_has_labels(const struct kma_threshold *threshold,
			      const struct kma_labels *labels)
{
	if (labels->nr != threshold->nr_labels)
		return false;
	for (unsigned int i = 0; i < labels->nr; i++)
		if (!pattern_of(threshold, labels->label[i].key))
			return false;
	return true;
}

bool kma_threshold_matches(const struct kma_threshold *threshold, const struct kma_labels *labels)
{
	if (!kma_threshold_has_labels(threshold, labels))
		return false;
	for (unsigned int i = 0; i < labels->nr; i++) {
		const struct kma_label *label = &labels->label[i];
		char buf[KMA_VALUE_TEXT];

		if (!fits(pattern_of(threshold, label->key), kma_value_text(&label->value, buf)))
			return false;
	}
	return true;
}
