/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expected numbers, and how they compare with a result; see expect.h. */
#include "expect.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "result/result.h"
#include "util/arena.h"

#define NR_SLOTS 16384

enum type { SUM, SAMPLES, REAL, STATUS, UNAVAILABLE };

struct entry {
	char *key; /* "name{labels}", behind the type's number for STATUS and UNAVAILABLE */
	enum type type;
	int64_t sum;
	double real;
	uint64_t *samples;
	size_t nr, max;
	unsigned int statuses;
};

struct expect {
	struct entry slots[NR_SLOTS];
	size_t used;
};

/* What is compared now, and how it goes. */
struct comparison {
	const struct expect *x;
	bool seen[NR_SLOTS];
	FILE *out;
	unsigned int differences;
};

struct expect *expect_new(void)
{
	struct expect *x = calloc(1, sizeof(*x));

	if (!x)
		abort();
	return x;
}

void expect_free(struct expect *x)
{
	for (size_t i = 0; i < NR_SLOTS; i++) {
		free(x->slots[i].key);
		free(x->slots[i].samples);
	}
	free(x);
}

const char *label(const char *fmt, ...)
{
	static char texts[32][96];
	static unsigned int at;
	char *text = texts[at++ % 32];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(texts[0]), fmt, ap);
	va_end(ap);
	return text;
}

static size_t slot_of(const struct expect *x, const char *key)
{
	uint64_t hash = 0;

	for (const char *c = key; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3) + 7;
	hash = (hash ^ hash >> 29) % NR_SLOTS;
	while (x->slots[hash].key && strcmp(x->slots[hash].key, key))
		hash = (hash + 1) % NR_SLOTS;
	return hash;
}

static struct entry *find(const struct expect *x, const char *prefix, const char *name,
			  const char *labels)
{
	char key[600];
	size_t slot;

	snprintf(key, sizeof(key), "%s%s%s", prefix, name, labels);
	slot = slot_of(x, key);
	return x->slots[slot].key ? (struct entry *)&x->slots[slot] : NULL;
}

static struct entry *get(struct expect *x, const char *prefix, const char *name, const char *labels,
			 enum type type)
{
	struct entry *entry = find(x, prefix, name, labels);
	char *key;

	if (entry)
		return entry;
	if (++x->used > NR_SLOTS / 2 || asprintf(&key, "%s%s%s", prefix, name, labels) < 0)
		abort();
	entry = &x->slots[slot_of(x, key)];
	*entry = (struct entry){ .key = key, .type = type };
	return entry;
}

void expect_add(struct expect *x, const char *name, const char *labels, int64_t amount)
{
	get(x, "", name, labels, SUM)->sum += amount;
}

void expect_real(struct expect *x, const char *name, const char *labels, double value)
{
	get(x, "", name, labels, REAL)->real = value;
}

void expect_samples(struct expect *x, const char *name, const char *labels)
{
	get(x, "", name, labels, SAMPLES);
}

void expect_sample(struct expect *x, const char *name, const char *labels, uint64_t value)
{
	struct entry *entry = get(x, "", name, labels, SAMPLES);

	if (entry->nr == entry->max) {
		entry->max = entry->max ? 2 * entry->max : 16;
		entry->samples = realloc(entry->samples, entry->max * sizeof(*entry->samples));
		if (!entry->samples)
			abort();
	}
	entry->samples[entry->nr++] = value;
}

int64_t expect_sum(const struct expect *x, const char *name, const char *labels)
{
	const struct entry *entry = find(x, "", name, labels);

	return entry ? entry->sum : 0;
}

void expect_status(struct expect *x, const char *name, const char *labels, unsigned int statuses)
{
	get(x, "status:", name, labels ? labels : "*", STATUS)->statuses = statuses;
}

void expect_unavailable(struct expect *x, const char *name)
{
	get(x, "unavailable:", name, "", UNAVAILABLE);
}

static void differ(struct comparison *c, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void differ(struct comparison *c, const char *key, const char *fmt, ...)
{
	va_list ap;

	fprintf(c->out, "  %s: ", key);
	va_start(ap, fmt);
	vfprintf(c->out, fmt, ap);
	va_end(ap);
	fputc('\n', c->out);
	c->differences++;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t nearest_rank(const struct entry *entry, unsigned int per_mille)
{
	return entry->samples[(entry->nr * per_mille + 999) / 1000 - 1];
}

static void compare_whole(struct comparison *c, const char *key, const char *what, uint64_t mine,
			  uint64_t theirs)
{
	if (mine != theirs)
		differ(c, key, "%s: expected %" PRIu64 ", got %" PRIu64, what, mine, theirs);
}

static void compare_percentile(struct comparison *c, const char *key, const struct entry *entry,
			       unsigned int per_mille, uint64_t theirs)
{
	uint64_t mine = nearest_rank(entry, per_mille);
	uint64_t off = mine > theirs ? mine - theirs : theirs - mine;

	if (off > mine / 100)
		differ(c, key, "p%u: expected %" PRIu64 " within 1 %%, got %" PRIu64, per_mille,
		       mine, theirs);
}

static void compare_samples(struct comparison *c, const char *key, const struct entry *entry,
			    const struct kma_dist *dist)
{
	uint64_t sum = 0, in_buckets = 0;

	compare_whole(c, key, "count", entry->nr, dist->count);
	if (!entry->nr || entry->nr != dist->count)
		return;
	qsort(entry->samples, entry->nr, sizeof(*entry->samples), by_value);
	for (size_t i = 0; i < entry->nr; i++)
		sum += entry->samples[i];
	for (size_t i = 0; i < dist->nr_buckets; i++)
		in_buckets += dist->buckets[i].count;
	compare_whole(c, key, "sum", sum, dist->sum);
	compare_whole(c, key, "min", entry->samples[0], dist->min);
	compare_whole(c, key, "max", entry->samples[entry->nr - 1], dist->max);
	compare_whole(c, key, "count of its buckets", entry->nr, in_buckets);
	if (fabs(dist->mean - (double)sum / (double)entry->nr) > 1e-9 * dist->mean)
		differ(c, key, "mean: expected %.17g, got %.17g", (double)sum / (double)entry->nr,
		       dist->mean);
	compare_percentile(c, key, entry, 500, dist->p50);
	compare_percentile(c, key, entry, 900, dist->p90);
	compare_percentile(c, key, entry, 990, dist->p99);
	compare_percentile(c, key, entry, 999, dist->p999);
}

static void compare_status(struct comparison *c, const char *key, const struct kma_metric *metric)
{
	static const char *const names[] = { "exact", "approximate", "lower-bound", "unavailable" };
	const struct entry *entry = find(c->x, "status:", key, "");
	unsigned int allowed = ST_EXACT;

	if (!entry)
		entry = find(c->x, "status:", metric->def->name, "*");
	if (entry)
		allowed = entry->statuses;
	if (!(allowed & 1u << metric->status.code))
		differ(c, key, "status: expected%s%s%s, got %s", allowed & ST_EXACT ? " exact" : "",
		       allowed & ST_APPROXIMATE ? " approximate" : "",
		       allowed & ST_LOWER_BOUND ? " lower-bound" : "", names[metric->status.code]);
	if ((metric->status.code == KMA_EXACT) != !metric->status.reason)
		differ(c, key, "status %s, reason %s", names[metric->status.code],
		       metric->status.reason ? metric->status.reason : "missing");
}

static bool is_empty(const struct kma_metric *metric)
{
	if (metric->dist)
		return !metric->dist->count;
	return metric->value.type == KMA_VALUE_INT ? !metric->value.i : metric->value.real == 0;
}

static void compare_value(struct comparison *c, const char *key, const struct entry *entry,
			  const struct kma_metric *metric)
{
	double theirs = metric->value.type == KMA_VALUE_INT ? (double)metric->value.i
							    : metric->value.real;

	if (entry->type == SAMPLES) {
		if (metric->dist)
			compare_samples(c, key, entry, metric->dist);
		else
			differ(c, key, "is no distribution");
	} else if (metric->dist || metric->value.type == KMA_VALUE_NONE) {
		differ(c, key, "is no number");
	} else if (entry->type == SUM) {
		if (metric->value.type != KMA_VALUE_INT || metric->value.i != entry->sum)
			differ(c, key, "expected %" PRId64 ", got %.17g", entry->sum, theirs);
	} else if (fabs(theirs - entry->real) > 1e-6 * (fabs(entry->real) + 1e-6)) {
		differ(c, key, "expected %.17g, got %.17g", entry->real, theirs);
	}
}

static void compare_metric(struct comparison *c, const char *key, const struct kma_metric *metric)
{
	const struct entry *refused = find(c->x, "unavailable:", metric->def->name, "");
	const struct entry *entry = find(c->x, "", key, "");

	if (metric->status.code == KMA_UNAVAILABLE) {
		if (!refused)
			differ(c, key, "is unavailable: %s", metric->status.reason);
		else
			c->seen[refused - c->x->slots] = true;
		return;
	}
	if (refused) {
		differ(c, key, "should be unavailable");
		return;
	}
	if (!entry && !is_empty(metric)) {
		differ(c, key, "is not expected");
		return;
	}
	compare_status(c, key, metric);
	if (!entry)
		return;
	if (c->seen[entry - c->x->slots])
		differ(c, key, "stands there twice");
	c->seen[entry - c->x->slots] = true;
	compare_value(c, key, entry, metric);
}

static void compare_report(struct comparison *c, const struct kma_report *report)
{
	struct kma_arena *arena = kma_arena_new();

	for (size_t i = 0; arena && i < report->nr_metrics; i++)
		compare_metric(
			c, kma_metric_key(arena, report->metrics[i].def, &report->metrics[i].labels),
			&report->metrics[i]);
	kma_arena_free(arena);
}

/* A part that is zero or empty may be left out; the whole may not. */
static void find_missing(struct comparison *c)
{
	for (size_t i = 0; i < NR_SLOTS; i++) {
		const struct entry *entry = &c->x->slots[i];
		bool is_part = entry->key && strchr(entry->key, '{'), is_zero;
		char name[256];

		if (!entry->key || c->seen[i] || entry->type == STATUS)
			continue;
		if (entry->type == UNAVAILABLE) {
			differ(c, entry->key, "nothing says so");
			continue;
		}
		is_zero = entry->type == SUM	? !entry->sum
			  : entry->type == REAL ? entry->real == 0
						: !entry->nr;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(entry->key, "{"), entry->key);
		if (find(c->x, "unavailable:", name, "") || (is_part && is_zero))
			continue;
		if (entry->type == SAMPLES)
			differ(c, entry->key, "expected %zu samples, got nothing", entry->nr);
		else
			differ(c, entry->key, "expected %.17g, got nothing",
			       entry->type == SUM ? (double)entry->sum : entry->real);
	}
}

unsigned int expect_compare(const struct expect *x, const struct kma_result *result, FILE *out)
{
	struct comparison *c = calloc(1, sizeof(*c));
	unsigned int differences;

	if (!c)
		abort();
	c->x = x;
	c->out = out;
	compare_report(c, &result->trace);
	for (size_t i = 0; i < result->nr_reports; i++)
		compare_report(c, &result->reports[i]);
	find_missing(c);
	differences = c->differences;
	free(c);
	return differences;
}
