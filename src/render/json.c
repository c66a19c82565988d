/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result as JSON: the same bytes for the same result, always. One metric, row or finding is one
 * line, so that two outputs can be compared by line. It must not leave out or round what the result
 * holds.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <kmem-analyze/version.h>

#include "render/json_trace.h"
#include "render/json_writer.h"
#include "render/render.h"
#include "result/result.h"
#include "result/words.h"

static struct json_object *labels_object(struct kma_json *w, const struct kma_labels *labels)
{
	struct json_object *o = kma_json_object(w);
	char buf[KMA_VALUE_TEXT];

	for (unsigned int i = 0; i < labels->nr; i++)
		kma_json_add_string(w, o, labels->label[i].key,
				    kma_value_text(&labels->label[i].value, buf));
	return o;
}

static void add_dist(struct kma_json *w, struct json_object *o, const struct kma_dist *dist)
{
	static const char *const absent[] = { "min", "max", "mean", "p50", "p90", "p99", "p999" };
	struct json_object *buckets = kma_json_array(w);

	kma_json_add(w, o, "count", kma_json_whole(dist->count));
	kma_json_add(w, o, "sum", kma_json_whole(dist->sum));
	if (dist->count) {
		kma_json_add(w, o, "min", kma_json_whole(dist->min));
		kma_json_add(w, o, "max", kma_json_whole(dist->max));
		kma_json_add_real(w, o, "mean", dist->mean);
		kma_json_add(w, o, "p50", kma_json_whole(dist->p50));
		kma_json_add(w, o, "p90", kma_json_whole(dist->p90));
		kma_json_add(w, o, "p99", kma_json_whole(dist->p99));
		kma_json_add(w, o, "p999", kma_json_whole(dist->p999));
	} else {
		for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
			kma_json_add_null(w, o, absent[i]);
	}
	for (size_t i = 0; i < dist->nr_buckets; i++) {
		struct json_object *pair = kma_json_array(w);

		kma_json_append(w, pair, kma_json_whole(dist->buckets[i].low));
		kma_json_append(w, pair, kma_json_whole(dist->buckets[i].count));
		kma_json_append(w, buckets, pair);
	}
	kma_json_add(w, o, "buckets", buckets);
}

static struct json_object *metric_object(struct kma_json *w, const struct kma_metric *metric)
{
	struct json_object *o = kma_json_object(w);

	kma_json_add_string(w, o, "name", metric->def->name);
	kma_json_add(w, o, "labels", labels_object(w, &metric->labels));
	kma_json_add_string(w, o, "kind", kma_metric_kind_words[metric->def->kind]);
	kma_json_add_string(w, o, "unit", kma_unit_words[metric->def->unit]);
	kma_json_add_string(w, o, "better", kma_better_words[metric->def->better]);
	kma_json_add_string(w, o, "status", kma_status_words[metric->status.code]);
	if (metric->status.code != KMA_EXACT)
		kma_json_add_string(w, o, "reason", metric->status.reason);
	if (metric->dist)
		add_dist(w, o, metric->dist);
	else if (metric->value.type == KMA_VALUE_INT)
		kma_json_add(w, o, "value", json_object_new_int64(metric->value.i));
	else if (metric->value.type == KMA_VALUE_REAL)
		kma_json_add_real(w, o, "value", metric->value.real);
	return o;
}

/* The member "metrics" and its value, as one more member of an open object */
static void put_metrics(struct kma_json *w, const struct kma_report *report)
{
	fputs(",\"metrics\":[", w->out);
	for (size_t i = 0; i < report->nr_metrics; i++) {
		kma_json_separate(w, i);
		kma_json_put(w, metric_object(w, &report->metrics[i]), false);
	}
	fputs("]", w->out);
}

static struct json_object *value_object(const struct kma_value *value)
{
	char buf[KMA_VALUE_TEXT];

	switch (value->type) {
	case KMA_VALUE_INT:
	case KMA_VALUE_MIGRATETYPE:
		return json_object_new_int64(value->i);
	case KMA_VALUE_REAL:
		return kma_json_real(value->real);
	default:
		return kma_json_string(kma_value_text(value, buf));
	}
}

static bool is_null(const struct kma_value *value)
{
	return value->type == KMA_VALUE_NONE ||
	       (value->type == KMA_VALUE_REAL && !isfinite(value->real));
}

static void put_table(struct kma_json *w, const struct kma_table *table)
{
	struct json_object *o = kma_json_object(w), *columns = kma_json_array(w);

	kma_json_add_string(w, o, "name", table->name);
	kma_json_add_string(w, o, "title", table->title);
	for (size_t c = 0; c < table->nr_columns; c++) {
		struct json_object *column = kma_json_object(w);

		kma_json_add_string(w, column, "name", table->columns[c].name);
		kma_json_add_string(w, column, "unit", kma_unit_words[table->columns[c].unit]);
		kma_json_append(w, columns, column);
	}
	kma_json_add(w, o, "columns", columns);
	kma_json_put(w, o, true);

	fputs(",\"rows\":[", w->out);
	for (size_t r = 0; r < table->nr_rows; r++) {
		struct json_object *row = kma_json_array(w);

		for (size_t c = 0; c < table->nr_columns; c++) {
			const struct kma_value *cell = &table->cells[r * table->nr_columns + c];

			if (!is_null(cell))
				kma_json_append(w, row, value_object(cell));
			else
				kma_json_append_null(w, row);
		}
		kma_json_separate(w, r);
		kma_json_put(w, row, false);
	}
	fputs("]}", w->out);
}

static void put_series(struct kma_json *w, const struct kma_series *series)
{
	struct json_object *o = kma_json_object(w), *values = kma_json_array(w);

	kma_json_add_string(w, o, "name", series->name);
	kma_json_add_string(w, o, "title", series->title);
	kma_json_add_string(w, o, "unit", kma_unit_words[series->unit]);
	kma_json_add(w, o, "labels", labels_object(w, &series->labels));
	kma_json_add(w, o, "start_ns", kma_json_whole(series->start_ns));
	kma_json_add(w, o, "bin_ns", kma_json_whole(series->bin_ns));
	kma_json_add(w, o, "level", kma_json_boolean(series->level));
	for (size_t i = 0; i < series->nr; i++)
		kma_json_append(w, values,
				kma_json_real(isfinite(series->values[i]) ? series->values[i] : 0));
	kma_json_add(w, o, "values", values);
	kma_json_put(w, o, false);
}

static void put_report(struct kma_json *w, const struct kma_report *report)
{
	struct json_object *o = kma_json_object(w);

	kma_json_add_string(w, o, "name", report->name);
	kma_json_add_string(w, o, "title", report->title);
	kma_json_add_string(w, o, "status", kma_status_words[report->status.code]);
	kma_json_add(w, o, "reasons", kma_json_strings(w, report->reasons, report->nr_reasons));
	kma_json_put(w, o, true);
	put_metrics(w, report);
	fputs(",\"tables\":[", w->out);
	for (size_t i = 0; i < report->nr_tables; i++) {
		kma_json_separate(w, i);
		put_table(w, &report->tables[i]);
	}
	fputs("],\"series\":[", w->out);
	for (size_t i = 0; i < report->nr_series; i++) {
		kma_json_separate(w, i);
		put_series(w, &report->series[i]);
	}
	fputs("]}", w->out);
}

static void put_finding(struct kma_json *w, const struct kma_report *report,
			const struct kma_finding *finding)
{
	struct json_object *o = kma_json_object(w);

	kma_json_add_string(w, o, "id", finding->id);
	kma_json_add_string(w, o, "severity", kma_severity_words[finding->severity]);
	kma_json_add_string(w, o, "report", report->name);
	kma_json_add_string(w, o, "message", finding->message);
	kma_json_add_string(w, o, "advice", finding->advice);
	kma_json_add(w, o, "metrics", kma_json_strings(w, finding->metrics, finding->nr_metrics));
	kma_json_put(w, o, false);
}

/* The most severe first, then in the order of the reports */
static void put_findings(struct kma_json *w, const struct kma_result *result)
{
	size_t nr = 0;

	for (int severity = KMA_ERROR; severity >= KMA_INFO; severity--) {
		for (size_t r = 0; r < result->nr_reports; r++) {
			const struct kma_report *report = &result->reports[r];

			for (size_t f = 0; f < report->nr_findings; f++) {
				if ((int)report->findings[f].severity != severity)
					continue;
				kma_json_separate(w, nr++);
				put_finding(w, report, &report->findings[f]);
			}
		}
	}
}

int kma_render_json(const struct kma_result *result, FILE *out)
{
	struct kma_json w = { .out = out };

	fputs("{\"schema\":\"" KMA_SCHEMA "\",\n"
	      "\"tool\":{\"name\":\"kmem-analyze\",\"version\":\"" KMA_VERSION "\"},\n\"trace\":",
	      out);
	kma_json_put(&w, kma_json_trace(&w, result), true);
	put_metrics(&w, &result->trace);
	fputs("},\n\"quality\":", out);
	kma_json_put(&w, kma_json_quality(&w, &result->quality), false);
	fputs(",\n\"reports\":[", out);
	for (size_t i = 0; i < result->nr_reports; i++) {
		kma_json_separate(&w, i);
		put_report(&w, &result->reports[i]);
	}
	fputs("],\n\"findings\":[", out);
	put_findings(&w, result);
	fputs("]}\n", out);
	return w.failed || ferror(out) || fflush(out) ? -1 : 0;
}

/* A line break stands only between two elements: in a string it is written as \n. */
int kma_render_json_line(const struct kma_result *result, FILE *out)
{
	char *text = NULL;
	size_t size, kept = 0;
	FILE *memory = open_memstream(&text, &size);
	int ret = -1;

	if (memory) {
		ret = kma_render_json(result, memory);
		if (fclose(memory))
			ret = -1;
	}
	for (size_t i = 0; !ret && i < size; i++)
		if (text[i] != '\n')
			text[kept++] = text[i];
	if (!ret && (fwrite(text, 1, kept, out) != kept || putc('\n', out) == EOF || fflush(out)))
		ret = -1;
	free(text);
	return ret;
}
