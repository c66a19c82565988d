/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics of metrics as plain numbers, or why there is none. It must not know limits.
 */
#include "gate/measure.h"

#include <inttypes.h>
#include <string.h>

#include "result/dist.h"
#include "util/arena.h"

static const char *explain(struct kma_arena *arena, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static const char *explain(struct kma_arena *arena, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = kma_arena_vprintf(arena, fmt, ap);
	va_end(ap);
	return text ? text : "out of memory";
}

static double seconds_of(const struct kma_result *result)
{
	const struct kma_metric *span = kma_report_find(&result->trace, "trace.span_ns");

	return span && span->value.type == KMA_VALUE_INT ? (double)span->value.i / 1e9 : 0;
}

static double number(const struct kma_value *value)
{
	return value->type == KMA_VALUE_REAL ? value->real : (double)value->i;
}

static double of_dist(const struct kma_dist *dist, const struct kma_measure *measure)
{
	switch (measure->statistic) {
	case KMA_STATISTIC_COUNT:
	case KMA_STATISTIC_RATE:
		return (double)dist->count;
	case KMA_STATISTIC_SUM:
		return (double)dist->sum;
	case KMA_STATISTIC_MIN:
		return (double)dist->min;
	case KMA_STATISTIC_MAX:
		return (double)dist->max;
	case KMA_STATISTIC_MEAN:
		return dist->mean;
	default:
		break;
	}
	return (double)kma_dist_percentile(dist, measure->ppm);
}

static bool needs_samples(const struct kma_measure *measure)
{
	return measure->statistic >= KMA_STATISTIC_MIN;
}

struct kma_reading kma_measure(const struct kma_result *result, const struct kma_metric *metric,
			       const struct kma_measure *measure, uint64_t min_samples,
			       struct kma_arena *arena)
{
	struct kma_reading reading = { .lower_bound = metric->status.code == KMA_LOWER_BOUND };

	if (metric->status.code == KMA_UNAVAILABLE) {
		reading.reason = explain(arena, "unavailable: %s", metric->status.reason);
		return reading;
	}
	if (!metric->dist != (metric->def->kind != KMA_DISTRIBUTION)) {
		reading.reason = "it has no such statistic there";
		return reading;
	}
	if (metric->dist && needs_samples(measure) && !metric->dist->count) {
		reading.reason = "there are no samples";
		return reading;
	}
	if (metric->dist && needs_samples(measure) && metric->dist->count < min_samples) {
		reading.reason = explain(arena,
					 "too few samples: %" PRIu64
					 ", and --min-samples asks for %" PRIu64,
					 metric->dist->count, min_samples);
		return reading;
	}
	reading.value = metric->dist ? of_dist(metric->dist, measure) : number(&metric->value);
	if (measure->statistic == KMA_STATISTIC_RATE) {
		double seconds = seconds_of(result);

		if (seconds > 0)
			reading.value /= seconds;
		else
			reading.reason = "the trace's length in seconds is not known";
	}
	return reading;
}

bool kma_measure_adds_up(const struct kma_metric_def *def, const struct kma_measure *measure)
{
	if (def->kind == KMA_DISTRIBUTION)
		return measure->statistic == KMA_STATISTIC_SUM ||
		       measure->statistic == KMA_STATISTIC_COUNT ||
		       measure->statistic == KMA_STATISTIC_RATE;
	return def->kind == KMA_COUNTER;
}

const struct kma_report *kma_report_of(const struct kma_result *result, const char *metric_name)
{
	size_t len = strcspn(metric_name, ".");

	if (len == strlen("trace") && !memcmp(metric_name, "trace", len))
		return &result->trace;
	for (size_t i = 0; i < result->nr_reports; i++)
		if (strlen(result->reports[i].name) == len &&
		    !memcmp(result->reports[i].name, metric_name, len))
			return &result->reports[i];
	return NULL;
}

static bool same_labels(const struct kma_labels *a, const struct kma_labels *b)
{
	char x[KMA_VALUE_TEXT], y[KMA_VALUE_TEXT];

	if (a->nr != b->nr)
		return false;
	for (unsigned int i = 0; i < a->nr; i++) {
		unsigned int k = 0;

		while (k < b->nr && strcmp(a->label[i].key, b->label[k].key) != 0)
			k++;
		if (k == b->nr || strcmp(kma_value_text(&a->label[i].value, x),
					 kma_value_text(&b->label[k].value, y)) != 0)
			return false;
	}
	return true;
}

const struct kma_metric *kma_find_part(const struct kma_result *result, const char *name,
				       const struct kma_labels *labels)
{
	const struct kma_report *report = kma_report_of(result, name);

	for (size_t i = 0; report && i < report->nr_metrics; i++)
		if (report->metrics[i].labels.nr == labels->nr &&
		    !strcmp(report->metrics[i].def->name, name) &&
		    same_labels(&report->metrics[i].labels, labels))
			return &report->metrics[i];
	return NULL;
}
