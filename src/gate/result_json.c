/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A result read back from JSON. The order is render/json.c's; it must not trust the file: every
 * type, range and sum that others rely on is checked. It must not judge what it reads.
 */
#include "gate/result_json.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <kmem-analyze/analysis.h>

#include "gate/json_reader.h"
#include "gate/trace_json.h"
#include "result/result.h"
#include "result/words.h"
#include "util/arena.h"

#define SCHEMA "kmem-analyze/1"

struct reader {
	struct kma_json_in in;
	struct kma_result *result;
	struct lh_table *defs; /* by name; those of the analyses and those made up */
};

static void add_defs(struct lh_table *table, const struct kma_metric_def *def)
{
	for (; def->name; def++)
		lh_table_insert(table, (void *)def->name, (void *)def);
}

static int open_defs(struct reader *r)
{
	r->defs = lh_kchar_table_new(512, NULL);
	if (!r->defs)
		return kma_fail(r->in.err, KMA_ERR_INTERNAL, "out of memory");
	add_defs(r->defs, kma_trace_metric_defs);
	for (size_t i = 0; kma_analyses[i]; i++)
		add_defs(r->defs, kma_analyses[i]->metrics);
	return 0;
}

/* The definition of that name and nature; another version's may be another. */
static const struct kma_metric_def *find_def(struct reader *r, const struct kma_json_at *o)
{
	struct kma_metric_def def = {
		.name = kma_json_get_text(&r->in, o, "name"),
		.kind = kma_json_get_word(&r->in, o, "kind", kma_metric_kind_words),
		.unit = kma_json_get_word(&r->in, o, "unit", kma_unit_words),
		.better = kma_json_get_word(&r->in, o, "better", kma_better_words),
		.labels = "",
	};
	const struct kma_metric_def *known;
	struct kma_metric_def *copy;
	struct lh_entry *entry;

	if (r->in.failed)
		return NULL;
	if (!strchr(def.name, '.') || strpbrk(def.name, "{} \t\n")) {
		kma_json_bad(&r->in, o, "\"%.60s\" is no name of a metric", def.name);
		return NULL;
	}
	entry = lh_table_lookup_entry(r->defs, def.name);
	known = entry ? lh_entry_v(entry) : NULL;
	if (known && known->kind == def.kind && known->unit == def.unit &&
	    known->better == def.better)
		return known;
	copy = kma_json_alloc(&r->in, 1, sizeof(*copy));
	if (!copy)
		return NULL;
	def.title = def.name;
	*copy = def;
	if (entry)
		lh_table_delete_entry(r->defs, entry);
	lh_table_insert(r->defs, (void *)copy->name, copy);
	return copy;
}

/* Numbers sort as numbers: what reads back as the same text becomes one. */
static struct kma_value label_value(const char *text)
{
	int64_t number = 0;
	char back[24];

	if (!isdigit((unsigned char)*text) || sscanf(text, "%18" SCNd64, &number) != 1)
		return kma_text(text);
	snprintf(back, sizeof(back), "%" PRId64, number);
	return strcmp(back, text) ? kma_text(text) : kma_int(number);
}

static struct kma_labels read_labels(struct reader *r, const struct kma_json_at *o)
{
	struct kma_json_at labels = kma_json_get(&r->in, o, "labels", json_type_object);
	struct kma_labels to = { 0 };

	if (r->in.failed)
		return to;
	json_object_object_foreach(labels.value, key, value)
	{
		struct kma_json_at at = { value, &labels, key, 0 };
		char *copy = kma_arena_strdup(r->in.arena, key);

		if (to.nr == KMA_MAX_LABELS) {
			kma_json_bad(&r->in, &labels, "more than %d labels", KMA_MAX_LABELS);
			break;
		}
		if (json_object_get_type(value) != json_type_string) {
			kma_json_bad(&r->in, &at, "must be a string");
			break;
		}
		if (!copy) {
			kma_json_bad(&r->in, &labels, "out of memory");
			break;
		}
		to.label[to.nr++] = (struct kma_label){ copy,
							label_value(kma_json_text(&r->in, &at)) };
	}
	return to;
}

/* A number as it was before it was written */
static struct kma_value number_value(struct reader *r, const struct kma_json_at *at)
{
	double real;

	if (json_object_get_type(at->value) == json_type_int)
		return kma_int(json_object_get_int64(at->value));
	real = json_object_get_double(at->value);
	if (json_object_get_type(at->value) != json_type_double || !isfinite(real)) {
		kma_json_bad(&r->in, at, "must be a finite number");
		return kma_none();
	}
	return kma_real(real);
}

static void read_buckets(struct reader *r, const struct kma_json_at *o, struct kma_dist *dist)
{
	struct kma_json_at array = kma_json_get(&r->in, o, "buckets", json_type_array);
	size_t nr = kma_json_length(&array);
	uint64_t count = 0;

	dist->buckets = kma_json_alloc(&r->in, nr, sizeof(*dist->buckets));
	for (size_t i = 0; i < nr && !r->in.failed; i++) {
		struct kma_json_at pair = kma_json_element(&r->in, &array, i, json_type_array);
		struct kma_bucket *bucket = &dist->buckets[i];
		struct kma_json_at low = kma_json_element(&r->in, &pair, 0, json_type_int);
		struct kma_json_at samples = kma_json_element(&r->in, &pair, 1, json_type_int);

		bucket->low = kma_json_whole_at(&r->in, &low, UINT64_MAX);
		bucket->count = kma_json_whole_at(&r->in, &samples, UINT64_MAX);
		if (!r->in.failed && i && bucket->low <= bucket[-1].low)
			kma_json_bad(&r->in, &pair, "buckets must ascend");
		if (!r->in.failed &&
		    (!bucket->count || __builtin_add_overflow(count, bucket->count, &count)))
			kma_json_bad(&r->in, &pair, "impossible number of samples");
	}
	dist->nr_buckets = r->in.failed ? 0 : nr;
	if (!r->in.failed && count != dist->count)
		kma_json_bad(&r->in, &array, "hold %" PRIu64 " samples, not %" PRIu64, count,
			     dist->count);
}

static struct kma_dist *read_dist(struct reader *r, const struct kma_json_at *o)
{
	struct kma_dist *dist = kma_json_alloc(&r->in, 1, sizeof(*dist));
	struct kma_json_at mean;

	if (!dist)
		return NULL;
	dist->count = kma_json_get_whole(&r->in, o, "count", UINT64_MAX);
	dist->sum = kma_json_get_whole(&r->in, o, "sum", UINT64_MAX);
	if (dist->count) {
		dist->min = kma_json_get_whole(&r->in, o, "min", UINT64_MAX);
		dist->max = kma_json_get_whole(&r->in, o, "max", UINT64_MAX);
		dist->p50 = kma_json_get_whole(&r->in, o, "p50", UINT64_MAX);
		dist->p90 = kma_json_get_whole(&r->in, o, "p90", UINT64_MAX);
		dist->p99 = kma_json_get_whole(&r->in, o, "p99", UINT64_MAX);
		dist->p999 = kma_json_get_whole(&r->in, o, "p999", UINT64_MAX);
		mean = kma_json_get_any(&r->in, o, "mean");
		if (!r->in.failed) {
			struct kma_value value = number_value(r, &mean);

			dist->mean = value.type == KMA_VALUE_INT ? (double)value.i : value.real;
		}
		if (!r->in.failed && (dist->min > dist->max || dist->p50 > dist->p90 ||
				      dist->p90 > dist->p99 || dist->p99 > dist->p999))
			kma_json_bad(&r->in, o, "min, percentiles and max must ascend");
	}
	read_buckets(r, o, dist);
	return dist;
}

static struct kma_status read_status(struct reader *r, const struct kma_json_at *o)
{
	struct kma_status status = {
		.code = kma_json_get_word(&r->in, o, "status", kma_status_words),
	};

	if (!r->in.failed && status.code != KMA_EXACT)
		status.reason = kma_json_get_text(&r->in, o, "reason");
	return status;
}

static void read_metrics(struct reader *r, const struct kma_json_at *o, struct kma_report *report)
{
	struct kma_json_at array = kma_json_get(&r->in, o, "metrics", json_type_array);
	size_t nr = kma_json_length(&array);

	report->metrics = kma_json_alloc(&r->in, nr, sizeof(*report->metrics));
	for (size_t i = 0; i < nr && !r->in.failed; i++) {
		struct kma_json_at m = kma_json_element(&r->in, &array, i, json_type_object);
		struct kma_metric *metric = &report->metrics[i];

		metric->def = find_def(r, &m);
		metric->labels = read_labels(r, &m);
		metric->status = read_status(r, &m);
		metric->value = kma_none();
		if (r->in.failed)
			return;
		/* runs of metrics share one reason */
		if (i && metric->status.reason && metric[-1].status.reason &&
		    !strcmp(metric->status.reason, metric[-1].status.reason))
			metric->status.reason = metric[-1].status.reason;
		if (metric->status.code != KMA_UNAVAILABLE &&
		    metric->def->kind == KMA_DISTRIBUTION) {
			metric->dist = read_dist(r, &m);
		} else if (metric->status.code != KMA_UNAVAILABLE) {
			struct kma_json_at value = kma_json_get_any(&r->in, &m, "value");

			if (!r->in.failed)
				metric->value = number_value(r, &value);
		}
		report->nr_metrics = report->max_metrics = i + 1;
	}
}

static struct kma_value cell_value(struct reader *r, const struct kma_json_at *at)
{
	if (!at->value)
		return kma_none();
	if (json_object_get_type(at->value) == json_type_string)
		return kma_text(kma_json_text(&r->in, at));
	return number_value(r, at);
}

static void read_columns(struct reader *r, const struct kma_json_at *t, struct kma_table *table)
{
	struct kma_json_at array = kma_json_get(&r->in, t, "columns", json_type_array);
	size_t nr = kma_json_length(&array);
	struct kma_column *columns = kma_json_alloc(&r->in, nr, sizeof(*columns));

	for (size_t i = 0; i < nr && !r->in.failed; i++) {
		struct kma_json_at c = kma_json_element(&r->in, &array, i, json_type_object);

		columns[i].name = columns[i].title = kma_json_get_text(&r->in, &c, "name");
		columns[i].unit = kma_json_get_word(&r->in, &c, "unit", kma_unit_words);
	}
	table->columns = columns;
	table->nr_columns = r->in.failed ? 0 : nr;
	if (!r->in.failed && !nr)
		kma_json_bad(&r->in, &array, "is empty");
}

static void read_table(struct reader *r, const struct kma_json_at *t, struct kma_table *table)
{
	struct kma_json_at array;
	size_t nr, room = 8;

	table->name = kma_json_get_text(&r->in, t, "name");
	table->title = kma_json_get_text(&r->in, t, "title");
	read_columns(r, t, table);
	array = kma_json_get(&r->in, t, "rows", json_type_array);
	nr = kma_json_length(&array);
	if (r->in.failed || !nr)
		return;
	while (room < nr) /* the room that kma_report_row() expects */
		room *= 2;
	for (size_t i = 0; i < nr && !r->in.failed; i++) {
		struct kma_json_at row = kma_json_element(&r->in, &array, i, json_type_array);

		if (!r->in.failed && kma_json_length(&row) != table->nr_columns)
			kma_json_bad(&r->in, &row, "has %zu cells, not %zu", kma_json_length(&row),
				     table->nr_columns);
	}
	if (r->in.failed)
		return;
	table->cells = kma_json_alloc(&r->in, room, table->nr_columns * sizeof(*table->cells));
	for (size_t i = 0; i < nr && !r->in.failed; i++) {
		struct kma_json_at row = kma_json_element(&r->in, &array, i, json_type_array);

		for (size_t c = 0; c < table->nr_columns && !r->in.failed; c++) {
			struct kma_json_at cell = { json_object_array_get_idx(row.value, c), &row,
						    NULL, c };

			table->cells[i * table->nr_columns + c] = cell_value(r, &cell);
		}
		table->nr_rows = i + 1;
	}
}

static void read_series(struct reader *r, const struct kma_json_at *s, struct kma_series *series)
{
	struct kma_json_at array;
	size_t nr;

	series->name = kma_json_get_text(&r->in, s, "name");
	series->title = kma_json_get_text(&r->in, s, "title");
	series->unit = kma_json_get_word(&r->in, s, "unit", kma_unit_words);
	series->labels = read_labels(r, s);
	series->start_ns = kma_json_get_whole(&r->in, s, "start_ns", UINT64_MAX);
	series->bin_ns = kma_json_get_whole(&r->in, s, "bin_ns", UINT64_MAX);
	if (!r->in.failed && !series->bin_ns)
		kma_json_bad(&r->in, s, "bin_ns is 0");
	/* not in documents of the first versions */
	series->level = kma_json_has(s, "level") && kma_json_get_bool(&r->in, s, "level");
	array = kma_json_get(&r->in, s, "values", json_type_array);
	nr = kma_json_length(&array);
	series->values = kma_json_alloc(&r->in, nr, sizeof(*series->values));
	for (size_t i = 0; i < nr && !r->in.failed; i++) {
		struct kma_json_at at = { json_object_array_get_idx(array.value, i), &array, NULL,
					  i };
		struct kma_value value = number_value(r, &at);

		series->values[i] = value.type == KMA_VALUE_INT ? (double)value.i : value.real;
		series->nr = i + 1;
	}
}

static void read_tables(struct reader *r, const struct kma_json_at *o, struct kma_report *report)
{
	struct kma_json_at tables = kma_json_get(&r->in, o, "tables", json_type_array);
	struct kma_json_at series = kma_json_get(&r->in, o, "series", json_type_array);
	size_t nr_tables = kma_json_length(&tables), nr_series = kma_json_length(&series);

	report->tables = kma_json_alloc(&r->in, nr_tables, sizeof(*report->tables));
	for (size_t i = 0; i < nr_tables && !r->in.failed; i++) {
		struct kma_json_at t = kma_json_element(&r->in, &tables, i, json_type_object);

		read_table(r, &t, &report->tables[i]);
		report->nr_tables = report->max_tables = i + 1;
	}
	report->series = kma_json_alloc(&r->in, nr_series, sizeof(*report->series));
	for (size_t i = 0; i < nr_series && !r->in.failed; i++) {
		struct kma_json_at s = kma_json_element(&r->in, &series, i, json_type_object);

		read_series(r, &s, &report->series[i]);
		report->nr_series = report->max_series = i + 1;
	}
}

static void read_report(struct reader *r, const struct kma_json_at *o)
{
	const char *name = kma_json_get_text(&r->in, o, "name");
	const char *title = kma_json_get_text(&r->in, o, "title");
	struct kma_json_at reasons;
	struct kma_report *report;

	if (r->in.failed)
		return;
	if (kma_result_find_report(r->result, name)) {
		kma_json_bad(&r->in, o, "a second report \"%.60s\"", name);
		return;
	}
	report = kma_result_report(r->result, name, title);
	if (!report) {
		r->in.failed = true;
		kma_fail(r->in.err, KMA_ERR_INTERNAL, "out of memory");
		return;
	}
	report->status.code = kma_json_get_word(&r->in, o, "status", kma_status_words);
	reasons = kma_json_get(&r->in, o, "reasons", json_type_array);
	report->reasons = kma_json_texts(&r->in, &reasons, &report->nr_reasons);
	report->max_reasons = report->nr_reasons;
	if (report->status.code != KMA_EXACT)
		report->status.reason = report->nr_reasons ? report->reasons[0] : "no reason known";
	read_metrics(r, o, report);
	read_tables(r, o, report);
}

static void read_finding(struct reader *r, const struct kma_json_at *o)
{
	const char *name = kma_json_get_text(&r->in, o, "report");
	const char *id = kma_json_get_text(&r->in, o, "id");
	enum kma_severity severity = kma_json_get_word(&r->in, o, "severity", kma_severity_words);
	const char *message = kma_json_get_text(&r->in, o, "message");
	const char *advice = kma_json_get_text_or_null(&r->in, o, "advice");
	struct kma_json_at metrics = kma_json_get(&r->in, o, "metrics", json_type_array);
	struct kma_report *report;
	size_t nr, finding;
	const char **keys = kma_json_texts(&r->in, &metrics, &nr);

	if (r->in.failed)
		return;
	report = (struct kma_report *)kma_result_find_report(r->result, name);
	if (!report) {
		kma_json_bad(&r->in, o, "belongs to the report \"%.60s\", which is not there",
			     name);
		return;
	}
	finding = kma_report_finding(report, id, severity, advice, "%s", message);
	if (report->failed) {
		r->in.failed = true;
		kma_fail(r->in.err, KMA_ERR_INTERNAL, "out of memory");
		return;
	}
	report->findings[finding].metrics = keys;
	report->findings[finding].nr_metrics = nr;
}

/* How many records there were is said by a metric alone. */
static uint64_t count_records(const struct kma_result *result)
{
	const struct kma_metric *total = kma_report_find(&result->trace, "trace.events_total");

	return total && total->value.type == KMA_VALUE_INT && total->value.i > 0
		       ? (uint64_t)total->value.i
		       : result->facts.records;
}

static void read_document(struct reader *r, const struct kma_json_at *root,
			  struct kma_document *document)
{
	struct kma_json_at trace, quality, tool, reports, findings;

	document->schema = kma_json_get_text(&r->in, root, "schema");
	if (!r->in.failed && strcmp(document->schema, SCHEMA)) {
		kma_json_bad(&r->in, root, "its schema is \"%.60s\"; this version reads " SCHEMA,
			     document->schema);
		return;
	}
	tool = kma_json_get(&r->in, root, "tool", json_type_object);
	document->version = kma_json_get_text(&r->in, &tool, "version");
	trace = kma_json_get(&r->in, root, "trace", json_type_object);
	kma_trace_read_json(&r->in, &trace, r->result);
	read_metrics(r, &trace, &r->result->trace);
	quality = kma_json_get(&r->in, root, "quality", json_type_object);
	kma_quality_read_json(&r->in, &quality, &r->result->quality);
	reports = kma_json_get(&r->in, root, "reports", json_type_array);
	for (size_t i = 0; i < kma_json_length(&reports) && !r->in.failed; i++) {
		struct kma_json_at o = kma_json_element(&r->in, &reports, i, json_type_object);

		read_report(r, &o);
	}
	findings = kma_json_get(&r->in, root, "findings", json_type_array);
	for (size_t i = 0; i < kma_json_length(&findings) && !r->in.failed; i++) {
		struct kma_json_at o = kma_json_element(&r->in, &findings, i, json_type_object);

		read_finding(r, &o);
	}
	if (r->result->facts.records)
		r->result->facts.records = count_records(r->result);
}

/* Takes @root. */
static struct kma_result *read_tree(struct json_object *root, const char *name,
				    struct kma_document *document, struct kma_error *err)
{
	struct kma_json_at at = { .value = root };
	struct kma_document unused;
	struct reader r = { .in = { .source = name, .err = err } };

	if (!root)
		return NULL;
	r.result = kma_result_new();
	if (!r.result || !(r.in.arena = r.result->arena)) {
		json_object_put(root);
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		return NULL;
	}
	if (open_defs(&r) < 0)
		r.in.failed = true;
	else if (json_object_get_type(root) != json_type_object)
		kma_json_bad(&r.in, &at, "is no JSON object, so no result of kmem-analyze --json");
	else if (!kma_json_has(&at, "schema"))
		kma_json_bad(&r.in, &at,
			     "is no result of kmem-analyze --json: it lacks \"schema\"");
	else
		read_document(&r, &at, document ? document : &unused);
	if (r.defs)
		lh_table_free(r.defs);
	json_object_put(root);
	if (!r.in.failed)
		return r.result;
	kma_result_free(r.result);
	return NULL;
}

struct kma_result *kma_result_parse_json(const char *text, size_t size, const char *name,
					 struct kma_document *document, struct kma_error *err)
{
	return read_tree(kma_json_parse(text, size, name, err), name, document, err);
}
