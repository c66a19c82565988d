/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thresholds against a result, and a baseline where they ask for one. Only what is certain passes
 * or is violated; all else is inconclusive, with its reason. It must not know how that is said.
 */
#include "gate/judge.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <kmem-analyze/version.h>

#include "gate/causes.h"
#include "gate/measure.h"
#include "gate/threshold.h"
#include "result/compare.h"
#include "result/judgement.h"
#include "util/arena.h"

struct judge {
	const struct kma_result *result, *base;
	const struct kma_judge_options *options;
	struct kma_judgement *to;
	const char *poor, *base_poor; /* why nothing at all can be said of a side, or NULL */
	const struct kma_comparison *comparison; /* with the baseline, if there is one */
	bool failed;
};

void kma_judgement_free(struct kma_judgement *judgement)
{
	if (!judgement)
		return;
	kma_arena_free(judgement->arena);
	free(judgement->checks);
	free(judgement);
}

/* Why a trace is too poor to judge by, or NULL */
static const char *why_poor(struct judge *j, const struct kma_result *result, const char *whose)
{
	const struct kma_quality *quality = &result->quality;
	double lost = (double)quality->lost, all = lost + (double)result->facts.records;
	const struct kma_judge_options *o = j->options;
	const char *text;

	if (quality->truncated)
		text = kma_arena_printf(j->to->arena, "%s is cut off", whose);
	else if (lost > (o->max_lost_is_share ? o->max_lost * all : o->max_lost))
		text = kma_arena_printf(j->to->arena,
					"%s lost %s%" PRIu64 " of %.0f events, more than "
					"--max-lost allows (%.6g%s)",
					whose, quality->lost_counted ? "" : "at least ",
					quality->lost, all,
					o->max_lost_is_share ? o->max_lost * 100 : o->max_lost,
					o->max_lost_is_share ? " %" : "");
	else
		return NULL;
	j->failed |= !text;
	return text;
}

static bool holds(double x, enum kma_operator op, double limit)
{
	switch (op) {
	case KMA_LESS:
		return x < limit;
	case KMA_AT_MOST:
		return x <= limit;
	case KMA_MORE:
		return x > limit;
	case KMA_AT_LEAST:
		return x >= limit;
	case KMA_EQUAL:
		return x == limit;
	case KMA_NOT_EQUAL:
		return x != limit;
	}
	return false;
}

/*
 * Would it be so too if the numbers were as large as they can be? What is a lower bound may be
 * more: @more and @less say that the left side may, @limit_more that the limit may.
 */
static bool is_certain(enum kma_operator op, bool held, bool more, bool less, bool limit_more)
{
	bool upper = op == KMA_LESS || op == KMA_AT_MOST;

	if (op == KMA_EQUAL || op == KMA_NOT_EQUAL)
		return !more && !less && !limit_more;
	if (upper == held) /* it is below, and must stay there */
		return !more;
	return !less && !limit_more;
}

static void inconclusive(struct kma_judged *to, const char *reason)
{
	to->outcome = KMA_INCONCLUSIVE;
	to->reason = reason;
}

/* The baseline's reading for the same part; its reason tells why there is none. */
static struct kma_reading read_base(struct judge *j, const struct kma_metric *metric,
				    const struct kma_measure *measure)
{
	const struct kma_metric *part;
	struct kma_reading reading;
	const char *reason;

	if (j->base_poor)
		return (struct kma_reading){ .reason = j->base_poor };
	part = kma_find_part(j->base, metric->def->name, &metric->labels);
	if (!part)
		return (struct kma_reading){ .reason = "the baseline has no such part" };
	if (part->def->kind != metric->def->kind || part->def->unit != metric->def->unit)
		return (struct kma_reading){ .reason = "the baseline has it in another unit" };
	reading = kma_measure(j->base, part, measure, j->options->min_samples, j->to->arena);
	if (!reading.reason)
		return reading;
	reason = kma_arena_printf(j->to->arena, "in the baseline: %s", reading.reason);
	j->failed |= !reason;
	reading.reason = reason;
	return reading;
}

static void judge_condition(struct judge *j, const struct kma_condition *c,
			    const struct kma_metric *metric, bool has_absolute,
			    struct kma_judged *to)
{
	struct kma_reading x = kma_measure(j->result, metric, &c->measure, j->options->min_samples,
					   j->to->arena);
	struct kma_reading base = { 0 };
	bool held;

	*to = (struct kma_judged){
		.text = c->text,
		.statistic = c->measure.name,
		.delta = c->delta,
		.has_value = !x.reason,
		.unit = c->measure.statistic == KMA_STATISTIC_COUNT ||
					(c->measure.statistic == KMA_STATISTIC_RATE &&
					 metric->def->kind == KMA_DISTRIBUTION)
				? KMA_UNIT_COUNT
				: metric->def->unit,
		.per_second = c->measure.statistic == KMA_STATISTIC_RATE,
		.value = x.value,
		.op = kma_operator_words[c->op],
	};
	if (x.reason) {
		inconclusive(to, x.reason);
		return;
	}
	if (c->base) {
		base = read_base(j, metric, &c->measure);
		if (base.reason) {
			inconclusive(to, base.reason);
			return;
		}
		to->has_base = true;
		to->base = base.value;
	}
	if (!base.value && kma_condition_is_relative(c)) {
		if (has_absolute)
			to->reason = "set aside: a share of a baseline of 0 says nothing";
		else
			inconclusive(to, "the baseline is 0, of which a share says nothing: add an "
					 "absolute bound, like && delta <= ...");
		return;
	}
	to->limit = base.value * c->factor + fabs(base.value) * c->share + c->add;
	held = holds(c->delta ? x.value - base.value : x.value, c->op, to->limit);
	if (is_certain(c->op, held, x.lower_bound, c->delta && base.lower_bound,
		       base.lower_bound && (c->factor || c->share)))
		to->outcome = held ? KMA_PASS : KMA_VIOLATED;
	else
		inconclusive(to, x.lower_bound
					 ? "the number is a lower bound: it may be more"
					 : "the baseline's number is a lower bound: it may be "
					   "more");
}

static struct kma_check *new_check(struct judge *j, const struct kma_threshold *t, const char *key)
{
	struct kma_judgement *to = j->to;
	struct kma_check *check;

	if (to->nr_checks == to->max_checks) {
		size_t max = to->max_checks ? 2 * to->max_checks : 16;
		struct kma_check *checks = reallocarray(to->checks, max, sizeof(*checks));

		if (!checks) {
			j->failed = true;
			return NULL;
		}
		to->checks = checks;
		to->max_checks = max;
	}
	check = &to->checks[to->nr_checks];
	*check = (struct kma_check){
		.number = to->nr_checks++,
		.threshold = t->text,
		.origin = t->origin,
		.why = t->why,
		.key = key,
		.warn = t->warn,
	};
	j->failed |= !key;
	return check;
}

static void judge_part(struct judge *j, const struct kma_threshold *t,
		       const struct kma_metric *metric)
{
	struct kma_check *check =
		new_check(j, t, kma_metric_key(j->to->arena, metric->def, &metric->labels));
	bool has_absolute = false;

	if (!check)
		return;
	check->status = metric->status;
	check->conditions = kma_arena_alloc(j->to->arena,
					    t->nr_conditions * sizeof(*check->conditions));
	if (!check->conditions) {
		j->failed = true;
		return;
	}
	check->nr_conditions = t->nr_conditions;
	for (unsigned int i = 0; i < t->nr_conditions; i++)
		has_absolute |= !kma_condition_is_relative(&t->conditions[i]);
	for (unsigned int i = 0; i < t->nr_conditions; i++) {
		struct kma_judged *to = &check->conditions[i];

		judge_condition(j, &t->conditions[i], metric, has_absolute, to);
		if (to->outcome > check->outcome)
			check->outcome = to->outcome;
	}
	if (j->poor) {
		check->outcome = KMA_INCONCLUSIVE;
		check->reason = j->poor;
	} else if (check->outcome == KMA_VIOLATED) {
		unsigned int i = 0;

		while (check->conditions[i].outcome != KMA_VIOLATED)
			i++;
		if (kma_find_causes(j->result, j->base, metric, &t->conditions[i].measure,
				    &check->conditions[i], check, j->to->arena) < 0)
			j->failed = true;
		kma_find_findings(j->result, j->base, metric, check);
	}
}

#define MAX_PARTS_TOLD 4

/* Parts that the threshold could have meant; NULL: there are none. */
static const char *tell_parts(struct judge *j, const struct kma_threshold *t,
			      const struct kma_report *report)
{
	const char *parts = NULL;
	size_t nr = 0;

	for (size_t i = 0; i < report->nr_metrics && !j->failed; i++) {
		const struct kma_metric *metric = &report->metrics[i];
		const char *key;

		if (strcmp(metric->def->name, t->def->name) != 0 || !metric->labels.nr ||
		    !kma_threshold_has_labels(t, &metric->labels) || nr++ >= MAX_PARTS_TOLD)
			continue;
		key = kma_metric_key(j->to->arena, metric->def, &metric->labels);
		parts = key ? kma_arena_printf(j->to->arena, "%s%s%s", parts ? parts : "",
					       parts ? ", " : "", key + strlen(t->def->name))
			    : NULL;
		j->failed |= !parts;
	}
	if (!parts)
		return NULL;
	if (nr > MAX_PARTS_TOLD)
		parts = kma_arena_printf(j->to->arena, "no such part; there are %s and %zu more",
					 parts, nr - MAX_PARTS_TOLD);
	else
		parts = kma_arena_printf(j->to->arena, "no such part; there %s %s",
					 nr > 1 ? "are" : "is only", parts);
	j->failed |= !parts;
	return parts;
}

/* No part of the metric is there: that is no pass. */
static void judge_absent(struct judge *j, const struct kma_threshold *t)
{
	const struct kma_report *report = kma_report_of(j->result, t->def->name);
	struct kma_check *check = new_check(j, t, t->part);

	if (!check)
		return;
	check->outcome = KMA_INCONCLUSIVE;
	check->status.code = KMA_UNAVAILABLE;
	if (j->poor)
		check->reason = j->poor;
	else if (!report)
		check->reason = "absent: its report was not made";
	else if (report->status.code == KMA_UNAVAILABLE)
		check->reason = report->status.reason;
	else
		check->reason = tell_parts(j, t, report);
	if (!check->reason)
		check->reason = "absent: the trace holds nothing that it could be told from";
}

static void judge_threshold(struct judge *j, const struct kma_threshold *t)
{
	const struct kma_report *report = kma_report_of(j->result, t->def->name);
	size_t before = j->to->nr_checks;

	for (size_t i = 0; report && i < report->nr_metrics; i++)
		if (!strcmp(report->metrics[i].def->name, t->def->name) &&
		    kma_threshold_matches(t, &report->metrics[i].labels))
			judge_part(j, t, &report->metrics[i]);
	if (j->to->nr_checks == before)
		judge_absent(j, t);
}

static int weight(const struct kma_check *check)
{
	if (check->outcome == KMA_VIOLATED)
		return check->warn ? 1 : 0;
	return check->outcome == KMA_INCONCLUSIVE ? 2 : 3;
}

static int by_weight(const void *x, const void *y)
{
	const struct kma_check *a = x, *b = y;

	if (weight(a) != weight(b))
		return weight(a) - weight(b);
	return (a->number > b->number) - (a->number < b->number);
}

static void sum_up(struct kma_judgement *to)
{
	for (size_t i = 0; i < to->nr_checks; i++) {
		const struct kma_check *check = &to->checks[i];

		to->passed += check->outcome == KMA_PASS;
		to->inconclusive += check->outcome == KMA_INCONCLUSIVE;
		to->violated += check->outcome == KMA_VIOLATED;
		to->warned += check->outcome == KMA_VIOLATED && check->warn;
		if (!check->warn && check->outcome > to->outcome)
			to->outcome = check->outcome;
	}
	if (to->nr_checks)
		qsort(to->checks, to->nr_checks, sizeof(*to->checks), by_weight);
}

/* What differs beside memory, so that nobody takes another machine for a regression */
static int tell_differences(struct judge *j, const char *version)
{
	size_t nr = j->comparison->nr_differences;
	const char **texts = kma_arena_alloc(j->to->arena, (nr + 1) * sizeof(*texts));

	if (!texts)
		return -1;
	for (size_t i = 0; i < nr; i++) {
		texts[i] = kma_arena_strdup(j->to->arena, j->comparison->differences[i]);
		if (!texts[i])
			return -1;
	}
	j->to->differences = texts;
	j->to->nr_differences = nr;
	if (!version || !strcmp(version, KMA_VERSION))
		return 0;
	texts[nr] = kma_arena_printf(
		j->to->arena, "version of kmem-analyze: %s then, " KMA_VERSION " now", version);
	j->to->nr_differences++;
	return texts[nr] ? 0 : -1;
}

static int run(struct judge *j, const struct kma_thresholds *thresholds, const char *version)
{
	struct kma_side sides[KMA_SIDES] = {
		[KMA_BASE] = { &j->base, 1 },
		[KMA_NEW] = { &j->result, 1 },
	};
	struct kma_comparison *comparison = NULL;
	int ret = -1;

	j->poor = why_poor(j, j->result, "the trace");
	if (j->base) {
		j->base_poor = why_poor(j, j->base, "the baseline");
		comparison = kma_compare(sides);
		if (!comparison)
			return -1;
		j->comparison = comparison;
		if (tell_differences(j, version) < 0)
			goto out;
	}
	for (size_t i = 0; i < thresholds->nr; i++)
		judge_threshold(j, &thresholds->list[i]);
	sum_up(j->to);
	ret = j->failed ? -1 : 0;
out:
	kma_comparison_free(comparison);
	return ret;
}

struct kma_judgement *kma_judge(const struct kma_thresholds *thresholds,
				const struct kma_result *result, const struct kma_result *base,
				const char *baseline_name, const char *baseline_version,
				const struct kma_judge_options *options)
{
	struct judge j = { .result = result, .base = base, .options = options };

	j.to = calloc(1, sizeof(*j.to));
	if (!j.to)
		return NULL;
	j.to->arena = kma_arena_new();
	j.to->trace = result->facts.source;
	j.to->baseline = base ? baseline_name : NULL;
	if (j.to->arena && run(&j, thresholds, baseline_version) == 0)
		return j.to;
	if (j.to->arena)
		kma_judgement_free(j.to);
	else
		free(j.to);
	return NULL;
}
