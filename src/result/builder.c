/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How reports come to be: every array grows in the result's arena, every string is copied. It must
 * not know any analysis, nor how a result is printed. A memory failure is remembered in the report.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "result/histogram.h"
#include "result/result.h"
#include "util/arena.h"

struct kma_result *kma_result_new(void)
{
	struct kma_result *result = calloc(1, sizeof(*result));

	if (!result)
		return NULL;
	result->arena = kma_arena_new();
	if (!result->arena) {
		free(result);
		return NULL;
	}
	result->trace.name = "trace";
	result->trace.title = "Trace";
	result->trace.result = result;
	result->trace.arena = result->arena;
	return result;
}

void kma_result_free(struct kma_result *result)
{
	if (!result)
		return;
	kma_arena_free(result->arena);
	free(result);
}

/* @array with room for one more than @nr elements of @size bytes, or NULL; *@max is the room there
 * is. */
static void *with_room(struct kma_arena *arena, void *array, size_t nr, size_t *max, size_t size)
{
	size_t larger = *max ? *max * 2 : 8;
	void *copy;

	if (nr < *max)
		return array;
	if (larger > SIZE_MAX / size)
		return NULL;
	/* full: all of it is kept */
	copy = kma_arena_grow(arena, array, *max * size, larger * size);
	if (!copy)
		return NULL;
	*max = larger;
	return copy;
}

struct kma_report *kma_result_report(struct kma_result *result, const char *name, const char *title)
{
	struct kma_report *reports = with_room(result->arena, result->reports, result->nr_reports,
					       &result->max_reports, sizeof(*reports));
	struct kma_report *report;

	if (!reports)
		return NULL;
	result->reports = reports;
	report = &reports[result->nr_reports++];
	*report = (struct kma_report){
		.name = name, .title = title, .result = result, .arena = result->arena
	};
	return report;
}

int kma_result_note(struct kma_result *result, const char *fmt, ...)
{
	struct kma_quality *quality = &result->quality;
	const char **notes;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = kma_arena_vprintf(result->arena, fmt, ap);
	va_end(ap);
	notes = with_room(result->arena, quality->notes, quality->nr_notes, &quality->max_notes,
			  sizeof(*notes));
	if (!text || !notes)
		return -1;
	quality->notes = notes;
	notes[quality->nr_notes++] = text;
	return 0;
}

static const char *copy_text(struct kma_report *report, const char *text)
{
	const char *copy = kma_arena_strdup(report->arena, text ? text : "");

	if (!copy) {
		report->failed = true;
		return "";
	}
	return copy;
}

static struct kma_value copy_value(struct kma_report *report, struct kma_value value)
{
	if (value.type == KMA_VALUE_STRING && !value.kept)
		value.string = copy_text(report, value.string);
	return value;
}

static struct kma_labels copy_labels(struct kma_report *report, struct kma_labels labels)
{
	if (labels.nr > KMA_MAX_LABELS)
		labels.nr = KMA_MAX_LABELS;
	for (unsigned int i = 0; i < labels.nr; i++)
		labels.label[i].value = copy_value(report, labels.label[i].value);
	return labels;
}

/* Metrics come in runs with one and the same reason: those share one copy. */
static struct kma_status copy_status(struct kma_report *report, struct kma_status status)
{
	const struct kma_metric *last = report->nr_metrics
						? &report->metrics[report->nr_metrics - 1]
						: NULL;

	if (status.code == KMA_EXACT)
		status.reason = NULL;
	else if (!status.reason)
		status.reason = "no reason known";
	else if (last && last->status.reason && !strcmp(last->status.reason, status.reason))
		status.reason = last->status.reason;
	else
		status.reason = copy_text(report, status.reason);
	return status;
}

/* The next metric, without a value; NULL when out of memory. */
static struct kma_metric *new_metric(struct kma_report *report, const struct kma_metric_def *def,
				     struct kma_labels labels, struct kma_status status)
{
	struct kma_metric *metrics, *metric;

	metrics = with_room(report->arena, report->metrics, report->nr_metrics,
			    &report->max_metrics, sizeof(*metrics));
	if (!metrics) {
		report->failed = true;
		return NULL;
	}
	report->metrics = metrics;
	metric = &metrics[report->nr_metrics];
	*metric = (struct kma_metric){
		.def = def,
		.labels = copy_labels(report, labels),
		.status = copy_status(report, status),
		.value = kma_none(),
	};
	report->nr_metrics++;
	return metric;
}

void kma_report_unavailable(struct kma_report *report, const struct kma_metric_def *def,
			    struct kma_labels labels, const char *reason)
{
	new_metric(report, def, labels, (struct kma_status){ KMA_UNAVAILABLE, reason });
}

void kma_report_value(struct kma_report *report, const struct kma_metric_def *def,
		      struct kma_labels labels, struct kma_status status, struct kma_value value)
{
	struct kma_metric *metric;

	if (status.code != KMA_UNAVAILABLE &&
	    (value.type == KMA_VALUE_NONE ||
	     (value.type == KMA_VALUE_REAL && !isfinite(value.real))))
		status = (struct kma_status){ KMA_UNAVAILABLE, "not defined for these records" };
	metric = new_metric(report, def, labels, status);
	if (metric && status.code != KMA_UNAVAILABLE)
		metric->value = value;
}

static size_t count_buckets(const struct kma_histogram *h)
{
	size_t nr = 0;

	for (unsigned int o = 0; o < KMA_HISTOGRAM_OCTAVES; o++) {
		for (unsigned int i = 0; h->octave[o] && i < KMA_OCTAVE_BUCKETS; i++)
			nr += h->octave[o][i] != 0;
	}
	return nr;
}

static void fill_buckets(struct kma_dist *dist, const struct kma_histogram *h)
{
	struct kma_bucket *bucket = dist->buckets;

	for (unsigned int o = 0; o < KMA_HISTOGRAM_OCTAVES; o++) {
		for (unsigned int i = 0; h->octave[o] && i < KMA_OCTAVE_BUCKETS; i++) {
			if (!h->octave[o][i])
				continue;
			bucket->low = o ? (uint64_t)(KMA_OCTAVE_BUCKETS + i) << (o - 1) : i;
			bucket->count = h->octave[o][i];
			bucket++;
		}
	}
}

static struct kma_dist *new_dist(struct kma_report *report, const struct kma_histogram *h)
{
	struct kma_dist *dist = kma_arena_alloc(report->arena, sizeof(*dist));

	if (!dist || !h || !h->count)
		return dist;
	dist->count = h->count;
	dist->sum = h->sum;
	dist->min = h->min;
	dist->max = h->max;
	dist->mean = (double)h->sum / (double)h->count;
	dist->p50 = kma_histogram_percentile(h, 0.5);
	dist->p90 = kma_histogram_percentile(h, 0.9);
	dist->p99 = kma_histogram_percentile(h, 0.99);
	dist->p999 = kma_histogram_percentile(h, 0.999);
	dist->nr_buckets = count_buckets(h);
	dist->buckets = kma_arena_alloc(report->arena, dist->nr_buckets * sizeof(*dist->buckets));
	if (!dist->buckets)
		return NULL;
	fill_buckets(dist, h);
	return dist;
}

void kma_report_dist(struct kma_report *report, const struct kma_metric_def *def,
		     struct kma_labels labels, struct kma_status status,
		     const struct kma_histogram *histogram)
{
	struct kma_metric *metric = new_metric(report, def, labels, status);

	if (!metric || status.code == KMA_UNAVAILABLE)
		return;
	metric->dist = new_dist(report, histogram);
	if (!metric->dist)
		report->failed = true;
}

void kma_report_table(struct kma_report *report, const char *name, const char *title,
		      const char *note, const struct kma_column *columns, size_t nr_columns)
{
	struct kma_table *tables = with_room(report->arena, report->tables, report->nr_tables,
					     &report->max_tables, sizeof(*tables));

	if (!tables) {
		report->failed = true;
		return;
	}
	report->tables = tables;
	tables[report->nr_tables++] = (struct kma_table){
		.name = copy_text(report, name),
		.title = copy_text(report, title),
		.note = note ? copy_text(report, note) : NULL,
		.columns = columns,
		.nr_columns = nr_columns,
	};
}

/* A table's room follows from its rows: 8, then each power of two. */
static bool table_is_full(const struct kma_table *table)
{
	size_t nr = table->nr_rows;

	return !nr || (nr >= 8 && !(nr & (nr - 1)));
}

void kma_report_row(struct kma_report *report, const struct kma_value *cells)
{
	struct kma_table *table;
	size_t width;

	if (!report->nr_tables || report->failed)
		return;
	table = &report->tables[report->nr_tables - 1];
	width = table->nr_columns;
	if (table_is_full(table)) {
		size_t rows = table->nr_rows ? table->nr_rows * 2 : 8;
		struct kma_value *larger;

		larger = kma_arena_grow(report->arena, table->cells,
					table->nr_rows * width * sizeof(*larger),
					rows * width * sizeof(*larger));
		if (!larger) {
			report->failed = true;
			return;
		}
		table->cells = larger;
	}
	for (size_t c = 0; c < width; c++)
		table->cells[table->nr_rows * width + c] = copy_value(report, cells[c]);
	table->nr_rows++;
}

void kma_report_table_is_timeline(struct kma_report *report)
{
	if (report->nr_tables)
		report->tables[report->nr_tables - 1].timeline = true;
}

void kma_report_series(struct kma_report *report, const char *name, const char *title,
		       enum kma_unit unit, struct kma_labels labels, uint64_t start_ns,
		       uint64_t bin_ns, const uint64_t *values, size_t nr)
{
	struct kma_series *all = with_room(report->arena, report->series, report->nr_series,
					   &report->max_series, sizeof(*all));
	double *copy = kma_arena_alloc(report->arena, nr * sizeof(*copy));

	if (!all || !copy) {
		report->failed = true;
		return;
	}
	for (size_t i = 0; i < nr; i++)
		copy[i] = (double)values[i];
	report->series = all;
	all[report->nr_series++] = (struct kma_series){
		.name = copy_text(report, name),
		.title = copy_text(report, title),
		.unit = unit,
		.labels = copy_labels(report, labels),
		.start_ns = start_ns,
		.bin_ns = bin_ns,
		.values = copy,
		.nr = nr,
	};
}

void kma_report_series_is_level(struct kma_report *report)
{
	if (report->nr_series)
		report->series[report->nr_series - 1].level = true;
}

size_t kma_report_finding(struct kma_report *report, const char *id, enum kma_severity severity,
			  const char *advice, const char *message, ...)
{
	struct kma_finding *findings;
	char *text;
	va_list ap;

	va_start(ap, message);
	text = kma_arena_vprintf(report->arena, message, ap);
	va_end(ap);
	findings = with_room(report->arena, report->findings, report->nr_findings,
			     &report->max_findings, sizeof(*findings));
	if (!text || !findings) {
		report->failed = true;
		return SIZE_MAX;
	}
	report->findings = findings;
	findings[report->nr_findings] = (struct kma_finding){
		.id = id,
		.severity = severity,
		.message = text,
		.advice = advice ? copy_text(report, advice) : NULL,
	};
	return report->nr_findings++;
}

void kma_report_proof(struct kma_report *report, size_t finding, const struct kma_metric_def *def,
		      struct kma_labels labels)
{
	struct kma_finding *f;
	const char **metrics;
	char *key;
	size_t max;

	if (finding >= report->nr_findings)
		return;
	f = &report->findings[finding];
	key = kma_metric_key(report->arena, def, &labels);
	max = f->nr_metrics; /* a handful: grown one by one */
	metrics = kma_arena_alloc(report->arena, (max + 1) * sizeof(*metrics));
	if (!key || !metrics) {
		report->failed = true;
		return;
	}
	if (max)
		memcpy(metrics, f->metrics, max * sizeof(*metrics));
	metrics[max] = key;
	f->metrics = metrics;
	f->nr_metrics++;
}

void kma_report_status(struct kma_report *report, struct kma_status status)
{
	const char **reasons;

	status = status.code == KMA_EXACT ? (struct kma_status){ KMA_EXACT, NULL }
					  : copy_status(report, status);
	if (status.code > report->status.code)
		report->status = status;
	if (!status.reason)
		return;
	for (size_t i = 0; i < report->nr_reasons; i++) {
		if (!strcmp(report->reasons[i], status.reason))
			return;
	}
	reasons = with_room(report->arena, report->reasons, report->nr_reasons,
			    &report->max_reasons, sizeof(*reasons));
	if (!reasons) {
		report->failed = true;
		return;
	}
	report->reasons = reasons;
	reasons[report->nr_reasons++] = status.reason;
}

const char *kma_report_printf(struct kma_report *report, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = kma_arena_vprintf(report->arena, fmt, ap);
	va_end(ap);
	if (!text) {
		report->failed = true;
		return "";
	}
	return text;
}
