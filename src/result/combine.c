/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order in which results are combined, their findings, and tables made from the parts. It must
 * not know any metric by name.
 */
#include "result/combine.h"

#include <stdlib.h>
#include <string.h>

#include "result/combine_priv.h"
#include "util/arena.h"

#define MOST_COLUMNS 6 /* of numbers, in a table of parts */

static const char *dup(struct kma_report *to, const char *text)
{
	return text ? kma_report_printf(to, "%s", text) : NULL;
}

static const struct kma_finding *find_finding(const struct kma_report *report, const char *id)
{
	const struct kma_finding *worst = NULL;

	for (size_t i = 0; report && i < report->nr_findings; i++) {
		const struct kma_finding *f = &report->findings[i];

		if (!strcmp(f->id, id) && (!worst || f->severity > worst->severity))
			worst = f;
	}
	return worst;
}

/* Once for each kind of finding: how many results have it, and the first of the most severe. */
static void combine_finding(struct kma_combining *c, const char *name, struct kma_report *to,
			    const char *id)
{
	const struct kma_finding *worst = NULL;
	size_t nr = 0, where = 0;

	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_finding *f = find_finding(kma_combine_report(c, i, name), id);

		nr += f != NULL;
		if (!f || (worst && f->severity <= worst->severity))
			continue;
		worst = f;
		where = i;
	}
	if (c->nr == 1)
		kma_report_finding(to, dup(to, id), worst->severity, worst->advice, "%s",
				   worst->message);
	else
		kma_report_finding(to, dup(to, id), worst->severity, worst->advice,
				   "In %zu of %zu results, here %s: %s", nr, c->nr,
				   c->results[where]->facts.source ? c->results[where]->facts.source
								   : c->names[where],
				   worst->message);
}

int kma_combine_findings(struct kma_combining *c, const char *name, struct kma_report *to)
{
	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_report *r = kma_combine_report(c, i, name);

		for (size_t f = 0; r && f < r->nr_findings; f++) {
			if (!find_finding(to, r->findings[f].id))
				combine_finding(c, name, to, r->findings[f].id);
		}
	}
	return to->failed ? -1 : 0;
}

/* What the reports say of themselves as a whole */
static int combine_report_status(struct kma_combining *c, const char *name, struct kma_report *to)
{
	struct kma_status *statuses = calloc(c->nr, sizeof(*statuses));
	const char *why = NULL;
	size_t nr = 0, unknown = 0;

	if (!statuses)
		return -1;
	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_report *r = kma_combine_report(c, i, name);

		if (r && r->status.code != KMA_UNAVAILABLE) {
			statuses[nr++] = r->status;
			continue;
		}
		unknown++;
		if (!why)
			why = r ? r->status.reason : "the report is not in it";
	}
	kma_report_status(to, kma_combine_status(to, statuses, nr, unknown, c->nr, why));
	for (size_t i = 0; i < c->nr && nr; i++) {
		const struct kma_report *r = kma_combine_report(c, i, name);

		for (size_t k = 0; r && r->status.code != KMA_UNAVAILABLE && k < r->nr_reasons; k++)
			kma_report_status(to, (struct kma_status){ r->status.code, r->reasons[k] });
	}
	free(statuses);
	return to->failed ? -1 : 0;
}

/* A name and what one part has of each metric */
struct row {
	const struct kma_labels *labels;
	double weight;
	size_t was;
	const struct kma_metric *metrics[MOST_COLUMNS];
};

static bool same_keys(const struct kma_labels *a, const struct kma_labels *b)
{
	if (a->nr != b->nr)
		return false;
	for (unsigned int i = 0; i < a->nr; i++) {
		if (strcmp(a->label[i].key, b->label[i].key))
			return false;
	}
	return true;
}

static bool same_labels(const struct kma_labels *a, const struct kma_labels *b)
{
	char x[KMA_VALUE_TEXT], y[KMA_VALUE_TEXT];

	if (!same_keys(a, b))
		return false;
	for (unsigned int i = 0; i < a->nr; i++) {
		if (strcmp(kma_value_text(&a->label[i].value, x),
			   kma_value_text(&b->label[i].value, y)))
			return false;
	}
	return true;
}

static int compare_rows(const void *x, const void *y)
{
	const struct row *a = x, *b = y;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return (a->was > b->was) - (a->was < b->was);
}

static struct kma_value cell(const struct kma_metric *m)
{
	if (!m || m->status.code == KMA_UNAVAILABLE)
		return kma_none();
	if (!m->dist)
		return m->value;
	return m->dist->sum > INT64_MAX ? kma_real((double)m->dist->sum)
					: kma_int((int64_t)m->dist->sum);
}

static double weight(const struct kma_metric *m)
{
	struct kma_value v = cell(m);

	return v.type == KMA_VALUE_INT ? (double)v.i : v.type == KMA_VALUE_REAL ? v.real : 0;
}

/* The metrics that have parts of these keys and add up; of a distribution, its sum */
static size_t choose_columns(const struct kma_report *r, const struct kma_labels *keys,
			     const struct kma_metric_def **defs)
{
	size_t nr = 0;

	for (size_t i = 0; i < r->nr_metrics && nr < MOST_COLUMNS; i++) {
		const struct kma_metric *m = &r->metrics[i];

		if ((nr && defs[nr - 1] == m->def) || m->def->kind == KMA_GAUGE ||
		    !same_keys(&m->labels, keys))
			continue;
		defs[nr++] = m->def;
	}
	return nr;
}

static size_t collect_rows(const struct kma_report *r, const struct kma_labels *keys,
			   const struct kma_metric_def *const *defs, size_t nr_defs,
			   struct row *rows)
{
	size_t nr = 0, last = 0, hint = 0;

	for (size_t i = 0; i < r->nr_metrics; i++) {
		const struct kma_metric *m = &r->metrics[i];
		size_t d = 0, at;

		while (d < nr_defs && defs[d] != m->def)
			d++;
		if (d == nr_defs || !same_keys(&m->labels, keys))
			continue;
		/* the parts of the first metric come first, and the others stand in the same order
		 */
		if (d != last) {
			last = d;
			hint = 0;
		}
		for (at = d ? hint : nr; at < nr && !same_labels(rows[at].labels, &m->labels);)
			at++;
		for (size_t k = 0; d && at == nr && k < hint; k++) {
			if (same_labels(rows[k].labels, &m->labels))
				at = k;
		}
		hint = at + 1;
		if (at == nr)
			rows[nr++] = (struct row){ .labels = &m->labels, .was = at };
		rows[at].metrics[d] = m;
	}
	for (size_t i = 0; i < nr; i++)
		rows[i].weight = weight(rows[i].metrics[0]);
	if (nr)
		qsort(rows, nr, sizeof(*rows), compare_rows);
	return nr;
}

static int put_table(struct kma_report *r, const struct kma_labels *keys,
		     const struct kma_metric_def *const *defs, size_t nr_defs,
		     const struct row *rows, size_t nr_rows)
{
	size_t width = keys->nr + nr_defs;
	struct kma_column *columns = kma_arena_alloc(r->arena, width * sizeof(*columns));
	const char *by = keys->nr == 1 ? keys->label[0].key
				       : kma_report_printf(r, "%s_%s", keys->label[0].key,
							   keys->label[1].key);
	struct kma_value cells[KMA_MAX_LABELS + MOST_COLUMNS];

	if (!columns)
		return -1;
	for (unsigned int i = 0; i < keys->nr; i++)
		columns[i] = (struct kma_column){ keys->label[i].key, keys->label[i].key,
						  KMA_UNIT_COUNT, 0 };
	for (size_t d = 0; d < nr_defs; d++) {
		const char *name = strchr(defs[d]->name, '.');

		columns[keys->nr + d] = (struct kma_column){ name ? name + 1 : defs[d]->name,
							     defs[d]->title, defs[d]->unit, 0 };
	}
	kma_report_table(r, kma_report_printf(r, "combined_by_%s", by),
			 kma_report_printf(r, "All results by %s", by), NULL, columns, width);
	for (size_t i = 0; i < nr_rows; i++) {
		for (unsigned int k = 0; k < keys->nr; k++)
			cells[k] = rows[i].labels->label[k].value;
		for (size_t d = 0; d < nr_defs; d++)
			cells[keys->nr + d] = cell(rows[i].metrics[d]);
		kma_report_row(r, cells);
	}
	return r->failed ? -1 : 0;
}

int kma_combine_tables(struct kma_report *r)
{
	struct row *rows = calloc(r->nr_metrics + 1, sizeof(*rows));
	int ret = rows ? 0 : -1;

	for (size_t i = 0; i < r->nr_metrics && !ret; i++) {
		const struct kma_labels *keys = &r->metrics[i].labels;
		const struct kma_metric_def *defs[MOST_COLUMNS];
		bool done = !keys->nr || r->metrics[i].def->kind == KMA_GAUGE;
		size_t nr_defs;

		for (size_t k = 0; k < i && !done; k++)
			done = r->metrics[k].def->kind != KMA_GAUGE &&
			       same_keys(&r->metrics[k].labels, keys);
		if (done)
			continue;
		nr_defs = choose_columns(r, keys, defs);
		ret = put_table(r, keys, defs, nr_defs, rows,
				collect_rows(r, keys, defs, nr_defs, rows));
	}
	free(rows);
	return ret;
}

static int combine_reports(struct kma_combining *c)
{
	for (size_t i = 0; i < c->nr; i++) {
		for (size_t r = 0; r < c->results[i]->nr_reports; r++) {
			const struct kma_report *from = &c->results[i]->reports[r];
			struct kma_report *to;
			char *name, *title;

			if (kma_result_find_report(c->to, from->name))
				continue;
			name = kma_arena_strdup(c->to->arena, from->name);
			title = kma_arena_strdup(c->to->arena, from->title);
			to = name && title ? kma_result_report(c->to, name, title) : NULL;
			if (!to || combine_report_status(c, name, to) ||
			    kma_combine_metrics(c, name, to) || kma_combine_findings(c, name, to))
				return -1;
		}
	}
	return 0;
}

/* What two results call by different names gets none: resolving sees to that. */
static void name_migratetypes(struct kma_combining *c)
{
	for (size_t i = 0; i < c->nr; i++)
		for (size_t k = 0; k < c->results[i]->nr_migratetypes; k++)
			kma_report_migratetype(&c->to->trace, c->results[i]->migratetypes[k].number,
					       c->results[i]->migratetypes[k].name);
}

static int combine(struct kma_combining *c, struct kma_error *err)
{
	const struct kma_metric *events;

	if (kma_combine_facts(c, err))
		return -1;
	if (kma_combine_metrics(c, "trace", &c->to->trace) || combine_reports(c))
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	name_migratetypes(c);
	if (kma_result_resolve(c->to, NULL, NULL, err))
		return -1;
	for (size_t i = 0; i < c->to->nr_reports; i++) {
		if (kma_combine_tables(&c->to->reports[i]))
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	}
	/* a result read back knows only whether there were records */
	events = kma_report_find(&c->to->trace, "trace.events_total");
	if (events && events->value.type == KMA_VALUE_INT && events->value.i > 0)
		c->to->facts.records = (uint64_t)events->value.i;
	return 0;
}

struct kma_result *kma_combine(const struct kma_result *const *results, const char *const *names,
			       size_t nr, const struct kma_combine_rule *rules,
			       struct kma_error *err)
{
	struct kma_combining c = { .results = results, .names = names, .nr = nr, .rules = rules };

	c.to = kma_result_new();
	if (!c.to) {
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		return NULL;
	}
	if (combine(&c, err)) {
		kma_result_free(c.to);
		return NULL;
	}
	return c.to;
}
