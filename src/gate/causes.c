/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a metric behind its whole, most important first. It must not judge. */
#include "gate/causes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate/measure.h"
#include "util/arena.h"

#define CAUSES_PER_SPLIT 2
#define LEAST_SHARE	 0.05
/* A part's percentile of less than this is an accident. */
#define LEAST_SAMPLES 5

struct search {
	const struct kma_result *result, *base;
	const struct kma_metric *whole;
	const struct kma_measure *measure;
	const struct kma_judged *judged;
	struct kma_arena *arena;
	struct kma_cause *causes; /* all parts of one set of keys */
	double *weights;
	size_t nr;
	bool failed;
};

/* "node,zone" of @labels into @text; returns the length */
static const char *keys_of(struct kma_arena *arena, const struct kma_labels *labels)
{
	if (labels->nr == 1)
		return labels->label[0].key;
	return kma_arena_printf(arena, "%s,%s", labels->label[0].key, labels->label[1].key);
}

static const char *values_of(struct kma_arena *arena, const struct kma_labels *labels)
{
	char a[KMA_VALUE_TEXT], b[KMA_VALUE_TEXT];

	if (labels->nr == 1)
		return kma_arena_strdup(arena, kma_value_text(&labels->label[0].value, a));
	return kma_arena_printf(arena, "%s,%s", kma_value_text(&labels->label[0].value, a),
				kma_value_text(&labels->label[1].value, b));
}

static bool same_keys(const struct kma_labels *a, const struct kma_labels *b)
{
	if (a->nr != b->nr)
		return false;
	for (unsigned int i = 0; i < a->nr; i++)
		if (strcmp(a->label[i].key, b->label[i].key) != 0)
			return false;
	return true;
}

static double base_of(const struct search *s, const struct kma_metric *part, bool *has)
{
	const struct kma_metric *was =
		s->base ? kma_find_part(s->base, part->def->name, &part->labels) : NULL;
	struct kma_reading reading = { 0 };

	*has = false;
	if (!was || was->def->kind != part->def->kind || was->def->unit != part->def->unit)
		return 0;
	reading = kma_measure(s->base, was, s->measure, 1, s->arena);
	*has = !reading.reason;
	return *has ? reading.value : 0;
}

/* Is the part itself past the limit, and no better than it was? Else it is not what did it. */
static bool is_guilty(const struct search *s, const struct kma_cause *cause, double sign)
{
	const struct kma_judged *judged = s->judged;
	double limit = judged->delta ? judged->base + judged->limit : judged->limit;

	if (judged->op[0] == '=' || judged->op[0] == '!')
		return true;
	return sign * (cause->value - limit) > 0 &&
	       !(cause->has_base && sign * (cause->value - cause->base) <= 0);
}

static void weigh(struct search *s, const struct kma_metric *part, double sign)
{
	struct kma_reading reading = kma_measure(s->result, part, s->measure, LEAST_SAMPLES,
						 s->arena);
	struct kma_cause *cause = &s->causes[s->nr];
	const struct kma_judged *judged = s->judged;

	if (reading.reason)
		return;
	*cause = (struct kma_cause){
		.keys = keys_of(s->arena, &part->labels),
		.part = values_of(s->arena, &part->labels),
		.has_value = true,
		.value = reading.value,
	};
	cause->base = base_of(s, part, &cause->has_base);
	cause->has_share = kma_measure_adds_up(s->whole->def, s->measure);
	cause->of_change = judged->has_base;
	if (cause->has_share) {
		double whole = judged->has_base ? judged->value - judged->base : judged->value;
		double own = judged->has_base ? cause->value - cause->base : cause->value;

		cause->share = whole ? own / whole : 0;
		s->weights[s->nr] = cause->share;
	} else {
		s->weights[s->nr] = is_guilty(s, cause, sign) ? sign * cause->value : -INFINITY;
	}
	s->failed |= !cause->keys || !cause->part;
	s->nr++;
}

/* The heaviest cause not yet taken; ties go to the one that came first */
static size_t heaviest(const struct search *s)
{
	size_t best = 0;

	for (size_t i = 1; i < s->nr; i++)
		if (s->weights[i] > s->weights[best])
			best = i;
	return best;
}

static void take(struct search *s, struct kma_check *check)
{
	struct kma_cause *causes =
		kma_arena_alloc(s->arena, (check->nr_causes + CAUSES_PER_SPLIT) * sizeof(*causes));

	if (!causes) {
		s->failed = true;
		return;
	}
	if (check->nr_causes)
		memcpy(causes, check->causes, check->nr_causes * sizeof(*causes));
	check->causes = causes;
	for (size_t n = 0; n < CAUSES_PER_SPLIT && n < s->nr; n++) {
		size_t i = heaviest(s);

		if (s->weights[i] == -INFINITY ||
		    (s->causes[i].has_share && s->weights[i] < LEAST_SHARE))
			break;
		causes[check->nr_causes++] = s->causes[i];
		s->weights[i] = -INFINITY;
	}
}

static void search_split(struct search *s, const struct kma_report *report, size_t first,
			 struct kma_check *check)
{
	const struct kma_labels *keys = &report->metrics[first].labels;
	double sign = s->judged->op[0] == '>' ? -1 : 1;

	s->nr = 0;
	for (size_t i = first; i < report->nr_metrics; i++)
		if (!strcmp(report->metrics[i].def->name, s->whole->def->name) &&
		    same_keys(&report->metrics[i].labels, keys))
			weigh(s, &report->metrics[i], sign);
	take(s, check);
}

/* Is this the first metric with these keys? */
static bool begins_split(const struct search *s, const struct kma_report *report, size_t at)
{
	const struct kma_metric *metric = &report->metrics[at];

	if (strcmp(metric->def->name, s->whole->def->name) != 0 || !metric->labels.nr)
		return false;
	/* parts with the same keys stand together */
	return !at || strcmp(report->metrics[at - 1].def->name, s->whole->def->name) != 0 ||
	       !same_keys(&report->metrics[at - 1].labels, &metric->labels);
}

int kma_find_causes(const struct kma_result *result, const struct kma_result *base,
		    const struct kma_metric *whole, const struct kma_measure *measure,
		    const struct kma_judged *judged, struct kma_check *check,
		    struct kma_arena *arena)
{
	const struct kma_report *report = kma_report_of(result, whole->def->name);
	struct search s = {
		.result = result,
		.base = judged->has_base ? base : NULL,
		.whole = whole,
		.measure = measure,
		.judged = judged,
		.arena = arena,
	};

	if (whole->labels.nr || !report)
		return 0; /* a part itself is what there is to say */
	s.causes = calloc(report->nr_metrics, sizeof(*s.causes));
	s.weights = calloc(report->nr_metrics, sizeof(*s.weights));
	s.failed = !s.causes || !s.weights;
	for (size_t i = 0; !s.failed && i < report->nr_metrics; i++)
		if (begins_split(&s, report, i))
			search_split(&s, report, i, check);
	free(s.causes);
	free(s.weights);
	return s.failed ? -1 : 0;
}

static bool proves(const struct kma_finding *finding, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < finding->nr_metrics; i++)
		if (!strncmp(finding->metrics[i], name, len) &&
		    (!finding->metrics[i][len] || finding->metrics[i][len] == '{'))
			return true;
	return false;
}

static bool has_finding(const struct kma_report *report, const char *id)
{
	for (size_t i = 0; report && i < report->nr_findings; i++)
		if (!strcmp(report->findings[i].id, id))
			return true;
	return false;
}

void kma_find_findings(const struct kma_result *result, const struct kma_result *base,
		       const struct kma_metric *metric, struct kma_check *check)
{
	const char *name = metric->def->name;
	const struct kma_report *report = kma_report_of(result, name);
	const struct kma_report *was = base ? kma_report_of(base, name) : NULL;

	for (int severity = KMA_ERROR; report && severity >= KMA_INFO; severity--)
		for (size_t i = 0; i < report->nr_findings; i++) {
			const struct kma_finding *finding = &report->findings[i];

			if ((int)finding->severity != severity || !proves(finding, name) ||
			    check->nr_findings == KMA_MAX_RELATED)
				continue;
			check->new_finding[check->nr_findings] = base &&
								 !has_finding(was, finding->id);
			check->findings[check->nr_findings++] = finding;
		}
}
