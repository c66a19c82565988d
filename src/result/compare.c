/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which numbers of two sides of results go together, whether each got better or worse, and which
 * matter most. It must not know any metric by name.
 */
#include "result/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "result/compare_priv.h"
#include "util/arena.h"

#define SPLIT_MISMATCH 0.02
#define NS_PER_SECOND  1e9

const char *const kma_stat_words[] = {
	[KMA_STAT_VALUE] = "value", [KMA_STAT_SUM] = "sum", [KMA_STAT_MEAN] = "mean",
	[KMA_STAT_P50] = "p50",	    [KMA_STAT_P99] = "p99",
};

/* Room doubles at each power of two from 8 on. */
void *kma_compare_room(struct kma_comparison *c, void *array, size_t nr, size_t size)
{
	void *larger;

	if (nr && (nr < 8 || nr & (nr - 1)))
		return array;
	larger = kma_arena_alloc(c->arena, (nr ? 2 * nr : 8) * size);
	if (larger && nr)
		memcpy(larger, array, nr * size);
	return larger;
}

bool kma_metric_number(const struct kma_metric *metric, enum kma_stat stat, double *number)
{
	const struct kma_dist *dist = metric ? metric->dist : NULL;

	if (!metric || metric->status.code == KMA_UNAVAILABLE)
		return false;
	if (stat == KMA_STAT_VALUE) {
		*number = metric->value.type == KMA_VALUE_INT ? (double)metric->value.i
							      : metric->value.real;
		return metric->value.type == KMA_VALUE_INT ||
		       (metric->value.type == KMA_VALUE_REAL && isfinite(*number));
	}
	if (!dist || (!dist->count && stat != KMA_STAT_SUM))
		return false;
	*number = stat == KMA_STAT_SUM	  ? (double)dist->sum
		  : stat == KMA_STAT_MEAN ? dist->mean
		  : stat == KMA_STAT_P50  ? (double)dist->p50
					  : (double)dist->p99;
	return true;
}

bool kma_adds_up(const struct kma_metric_def *def, enum kma_stat stat)
{
	return stat == KMA_STAT_SUM || (stat == KMA_STAT_VALUE && def->kind == KMA_COUNTER);
}

static const struct kma_metric *find(const struct kma_result *result,
				     const struct kma_family *family,
				     const struct kma_labels *labels)
{
	const struct kma_report *report = kma_result_find_report(result, family->report);
	char a[KMA_VALUE_TEXT], b[KMA_VALUE_TEXT];

	for (size_t i = 0; report && i < report->nr_metrics; i++) {
		const struct kma_metric *m = &report->metrics[i];
		bool same = m->labels.nr == labels->nr && !strcmp(m->def->name, family->def->name);

		for (unsigned int l = 0; same && l < labels->nr; l++)
			same = !strcmp(m->labels.label[l].key, labels->label[l].key) &&
			       !strcmp(kma_value_text(&m->labels.label[l].value, a),
				       kma_value_text(&labels->label[l].value, b));
		if (same)
			return m;
	}
	return NULL;
}

static const struct kma_labels no_labels;

const struct kma_metric *kma_family_whole(const struct kma_comparison *c,
					  const struct kma_family *family, unsigned int side,
					  size_t index)
{
	return find(c->sides[side].results[index], family, &no_labels);
}

static double span(const struct kma_result *result)
{
	const struct kma_facts *facts = &result->facts;

	return facts->records && !facts->ticks ? (double)(facts->last_ts - facts->first_ts) : 0;
}

/* The values of one number on one side, one for each result that has it */
struct samples {
	double *values, *rates;
	size_t nr, nr_rates;
	const char *missing; /* why the first that lacks it does */
	bool bound;	     /* one of them can only be more */
};

static void take_sample(struct kma_change *change, unsigned int side, struct samples *s,
			const struct kma_result *result, const struct kma_metric *metric)
{
	double number;

	if (!kma_metric_number(metric, change->stat, &number)) {
		if (!s->missing)
			s->missing = !metric ? "it has no such number"
				     : metric->status.code == KMA_UNAVAILABLE
					     ? metric->status.reason
					     : "it has no samples";
		return;
	}
	s->values[s->nr++] = number;
	if (span(result) > 0)
		s->rates[s->nr_rates++] = number / span(result) * NS_PER_SECOND;
	if (metric->status.code > change->code[side])
		change->code[side] = metric->status.code;
	if (metric->status.code > change->status.code)
		change->status = metric->status;
	s->bound |= metric->status.code == KMA_LOWER_BOUND;
}

static const char *reason_of(struct kma_comparison *c, const struct samples s[KMA_SIDES])
{
	unsigned int side = s[KMA_BASE].nr ? KMA_NEW : KMA_BASE;

	return kma_arena_printf(c->arena, "%s: %s", side == KMA_NEW ? "new" : "base",
				s[side].missing ? s[side].missing : "it has no such number");
}

/* 1 when there is nothing to compare. */
static int fill(struct kma_comparison *c, const struct kma_family *family,
		struct kma_change *change, struct samples s[KMA_SIDES])
{
	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		for (size_t i = 0; i < c->sides[side].nr; i++) {
			const struct kma_result *result = c->sides[side].results[i];
			const struct kma_metric *m = find(result, family, change->labels);

			take_sample(change, side, &s[side], result, m);
			if (!c->several)
				change->metric[side] = m;
		}
		change->nr[side] = s[side].nr;
		change->rate[side] = NAN;
	}
	if (!s[KMA_BASE].nr && !s[KMA_NEW].nr)
		return 1;
	/* a part without a whole, like a caller's fit: there is nothing on the other side */
	if (change->labels->nr && (!s[KMA_BASE].nr || !s[KMA_NEW].nr))
		return 1;
	if (s[KMA_BASE].nr && s[KMA_NEW].nr && c->several &&
	    kma_ranks(s[KMA_BASE].values, s[KMA_BASE].nr, s[KMA_NEW].values, s[KMA_NEW].nr,
		      &change->ranks))
		return -1;
	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		change->value[side] = s[side].nr ? kma_median(s[side].values, s[side].nr) : NAN;
		if (kma_adds_up(change->def, change->stat) && s[side].nr_rates)
			change->rate[side] = kma_median(s[side].rates, s[side].nr_rates);
	}
	if (s[KMA_BASE].nr && s[KMA_NEW].nr) {
		const bool bound[KMA_SIDES] = { s[KMA_BASE].bound, s[KMA_NEW].bound };

		kma_judge_change(c, change, bound);
		return 0;
	}
	change->verdict = KMA_UNKNOWN;
	change->reason = reason_of(c, s);
	return change->reason ? 0 : -1;
}

static int add_change(struct kma_comparison *c, const struct kma_family *family,
		      const struct kma_labels *labels, enum kma_stat stat)
{
	struct kma_change *room = kma_compare_room(c, c->changes, c->nr_changes, sizeof(*room));
	size_t most = c->sides[KMA_BASE].nr + c->sides[KMA_NEW].nr;
	double *values = calloc(4 * most, sizeof(*values));
	struct samples s[KMA_SIDES];
	int ret = -1;

	if (room && values) {
		for (unsigned int side = 0; side < KMA_SIDES; side++)
			s[side] = (struct samples){ .values = values + 2 * side * most,
						    .rates = values + (2 * side + 1) * most };
		c->changes = room;
		room[c->nr_changes] = (struct kma_change){ .report = family->report,
							   .def = family->def,
							   .labels = labels,
							   .stat = stat,
							   .q = 1 };
		ret = fill(c, family, &room[c->nr_changes], s);
		c->nr_changes += !ret;
		c->nr_neither += ret > 0;
	}
	free(values);
	return ret < 0 ? -1 : 0;
}

/* The numbers of a metric that are compared */
static size_t stats_of(const struct kma_comparison *c, const struct kma_metric_def *def,
		       enum kma_stat stats[4])
{
	size_t nr = 0;

	if (def->kind != KMA_DISTRIBUTION) {
		stats[nr++] = KMA_STAT_VALUE;
		return nr;
	}
	if (def->unit == KMA_UNIT_NS && def->better == KMA_BETTER_LOWER)
		stats[nr++] = KMA_STAT_SUM; /* time lost in all */
	stats[nr++] = KMA_STAT_MEAN;
	if (c->several)
		stats[nr++] = KMA_STAT_P50;
	stats[nr++] = KMA_STAT_P99;
	return nr;
}

/* Whether every result has the whole metric: what it lists no part for is then 0. */
static bool all_have_whole(const struct kma_comparison *c, const struct kma_family *family,
			   enum kma_stat stat)
{
	double number;

	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		for (size_t i = 0; i < c->sides[side].nr; i++) {
			if (!kma_metric_number(kma_family_whole(c, family, side, i), stat, &number))
				return false;
		}
	}
	return true;
}

static double mean_of_wholes(const struct kma_comparison *c, const struct kma_family *family,
			     enum kma_stat stat, unsigned int side)
{
	double sum = 0, number;

	for (size_t i = 0; i < c->sides[side].nr; i++) {
		if (kma_metric_number(kma_family_whole(c, family, side, i), stat, &number))
			sum += number;
	}
	return sum / (double)c->sides[side].nr;
}

/* Parts of gauges need not add up to the whole: such ones explain nothing. */
static bool explains(const struct kma_split *split, const struct kma_change *change,
		     const double wholes[KMA_SIDES])
{
	if (kma_adds_up(change->def, change->stat))
		return true;
	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		double rest = wholes[side], whole = fabs(wholes[side]);

		for (size_t i = 0; i < split->nr; i++)
			rest -= split->parts[i].value[side];
		if (fabs(rest) > SPLIT_MISMATCH * whole)
			return false;
	}
	return true;
}

static int explain(struct kma_comparison *c, const struct kma_family *family,
		   struct kma_change *change)
{
	double wholes[KMA_SIDES];
	struct kma_split *splits;
	size_t nr;

	if (change->stat != KMA_STAT_SUM && change->stat != KMA_STAT_VALUE)
		return 0;
	if (change->verdict == KMA_SAME || change->verdict == KMA_UNKNOWN ||
	    change->def->unit == KMA_UNIT_RATIO || change->def->unit == KMA_UNIT_COEFFICIENT ||
	    change->def->unit == KMA_UNIT_NS_PER_PAGE || !all_have_whole(c, family, change->stat))
		return 0;
	if (kma_family_splits(c, family, change->stat, &splits, &nr))
		return -1;
	for (unsigned int side = 0; side < KMA_SIDES; side++)
		wholes[side] = mean_of_wholes(c, family, change->stat, side);
	for (size_t i = 0; i < nr; i++) {
		if (!explains(&splits[i], change, wholes))
			continue;
		kma_split_share(&splits[i], wholes[KMA_NEW] - wholes[KMA_BASE]);
		splits[change->nr_splits++] = splits[i];
	}
	change->splits = splits;
	return 0;
}

static int parts_of(struct kma_comparison *c, const struct kma_family *family)
{
	enum kma_stat stat = family->def->kind == KMA_COUNTER ? KMA_STAT_VALUE : KMA_STAT_SUM;
	struct kma_split *splits;
	size_t nr;

	if (family->def->kind == KMA_GAUGE || !all_have_whole(c, family, stat))
		return 0;
	if (kma_family_splits(c, family, stat, &splits, &nr))
		return -1;
	for (size_t i = 0; i < nr; i++)
		kma_split_share(&splits[i], 0);
	return kma_compare_parts(c, family, splits, nr);
}

static int compare_family(struct kma_comparison *c, const struct kma_family *family)
{
	struct kma_split *splits = NULL;
	enum kma_stat stats[4];
	size_t nr_stats = stats_of(c, family->def, stats), nr_splits = 0;

	if (!family->has_whole && kma_family_splits(c, family, stats[0], &splits, &nr_splits))
		return -1;
	for (size_t i = 0; i < nr_stats; i++) {
		size_t before = c->nr_changes;

		if (family->has_whole) {
			if (add_change(c, family, &no_labels, stats[i]) ||
			    (c->nr_changes > before && explain(c, family, &c->changes[before])))
				return -1;
			continue;
		}
		for (size_t s = 0; s < nr_splits; s++) {
			for (size_t p = 0; p < splits[s].nr; p++) {
				if (add_change(c, family, splits[s].parts[p].labels, stats[i]))
					return -1;
			}
		}
	}
	return family->has_whole ? parts_of(c, family) : 0;
}

struct families {
	struct kma_family *all;
	size_t nr;
};

static int add_families(struct kma_comparison *c, struct families *f,
			const struct kma_report *report)
{
	size_t at = 0;

	for (size_t i = 0; i < report->nr_metrics; i++) {
		const struct kma_metric *m = &report->metrics[i];

		/* metrics of one name stand together: most often it is the one found last */
		if (!i || strcmp(m->def->name, report->metrics[i - 1].def->name))
			for (at = 0; at < f->nr; at++) {
				if (!strcmp(f->all[at].def->name, m->def->name))
					break;
			}
		if (at == f->nr) {
			struct kma_family *room = kma_compare_room(c, f->all, f->nr, sizeof(*room));

			if (!room)
				return -1;
			f->all = room;
			room[f->nr++] = (struct kma_family){ .report = report->name,
							     .def = m->def };
		}
		f->all[at].has_whole |= !m->labels.nr;
	}
	return 0;
}

static int compare_metrics(struct kma_comparison *c)
{
	struct families f = { .nr = 0 };

	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		for (size_t i = 0; i < c->sides[side].nr; i++) {
			const struct kma_result *result = c->sides[side].results[i];

			for (size_t r = 0; r < result->nr_reports; r++) {
				if (add_families(c, &f, &result->reports[r]))
					return -1;
			}
		}
	}
	for (size_t i = 0; i < f.nr; i++) {
		if (compare_family(c, &f.all[i]))
			return -1;
	}
	return 0;
}

/* How sure each call is, with so many numbers looked at */
static int discover(struct kma_comparison *c)
{
	double *p = calloc(c->nr_changes + 1, 2 * sizeof(*p)), *q;
	size_t nr = 0;
	int ret;

	if (!p)
		return -1;
	q = p + c->nr_changes + 1;
	for (size_t i = 0; i < c->nr_changes; i++) {
		if (c->changes[i].verdict != KMA_UNKNOWN)
			p[nr++] = c->changes[i].ranks.p;
	}
	ret = kma_false_discovery(p, q, nr);
	nr = 0;
	for (size_t i = 0; i < c->nr_changes; i++) {
		if (c->changes[i].verdict != KMA_UNKNOWN)
			c->changes[i].q = q[nr++];
	}
	free(p);
	return ret;
}

static int compare_changes(const void *x, const void *y)
{
	const struct kma_change *a = x, *b = y;

	if (a->verdict != b->verdict)
		return a->verdict < b->verdict ? -1 : 1;
	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return 0;
}

/* Stable, so that what is equal stays in the order of the reports */
static int sort_changes(struct kma_comparison *c)
{
	struct kma_change *sorted = kma_arena_alloc(c->arena,
						    (c->nr_changes + 1) * sizeof(*sorted));
	const struct kma_change **order = calloc(c->nr_changes + 1, sizeof(*order));

	if (!sorted || !order) {
		free(order);
		return -1;
	}
	for (size_t i = 0; i < c->nr_changes; i++) {
		size_t at = i;

		for (; at && compare_changes(order[at - 1], &c->changes[i]) > 0; at--)
			order[at] = order[at - 1];
		order[at] = &c->changes[i];
	}
	for (size_t i = 0; i < c->nr_changes; i++) {
		sorted[i] = *order[i];
		c->count[sorted[i].verdict]++;
	}
	c->changes = sorted;
	free(order);
	return 0;
}

struct kma_comparison *kma_compare(const struct kma_side sides[KMA_SIDES])
{
	struct kma_comparison *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->arena = kma_arena_new();
	memcpy(c->sides, sides, sizeof(c->sides));
	c->several = sides[KMA_BASE].nr > 1 || sides[KMA_NEW].nr > 1;
	c->weak = c->several &&
		  (sides[KMA_BASE].nr < KMA_ENOUGH_TRACES || sides[KMA_NEW].nr < KMA_ENOUGH_TRACES);
	if (!c->arena || kma_compare_facts(c) || compare_metrics(c) ||
	    (c->several && discover(c)) || sort_changes(c) || kma_compare_findings(c)) {
		kma_comparison_free(c);
		return NULL;
	}
	kma_sort_parts(c);
	return c;
}

void kma_comparison_free(struct kma_comparison *comparison)
{
	if (comparison && comparison->arena)
		kma_arena_free(comparison->arena);
	free(comparison);
}
