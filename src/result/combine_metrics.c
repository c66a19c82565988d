/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One number out of those that several results have for it. What a result does not tell is never
 * taken for 0: only a part that its parts leave no room for is.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "result/combine_priv.h"
#include "result/histogram.h"
#include "util/arena.h"

#define MOST_REASONS 3

static const char *no_report = "the report is not in it";
static const char *no_number = "it has no such number";

const struct kma_report *kma_combine_report(const struct kma_combining *c, size_t index,
					    const char *name)
{
	const struct kma_result *result = c->results[index];

	return !strcmp(name, "trace") ? &result->trace : kma_result_find_report(result, name);
}

struct kma_status kma_combine_status(struct kma_report *to, const struct kma_status *statuses,
				     size_t nr_statuses, size_t unknown, size_t nr, const char *why)
{
	const char *reasons[MOST_REASONS], *text = "";
	enum kma_status_code code = unknown ? KMA_LOWER_BOUND : KMA_EXACT;
	size_t nr_reasons = 0, more = 0;

	if (!nr_statuses)
		return (struct kma_status){ KMA_UNAVAILABLE, why };
	if (unknown)
		text = kma_report_printf(to, "not known in %zu of %zu results: %s", unknown, nr,
					 why);
	for (size_t i = 0; i < nr_statuses; i++) {
		bool known = statuses[i].code == KMA_EXACT;

		if (statuses[i].code == KMA_APPROXIMATE)
			code = KMA_APPROXIMATE;
		else if (statuses[i].code == KMA_LOWER_BOUND && code == KMA_EXACT)
			code = KMA_LOWER_BOUND;
		for (size_t r = 0; r < nr_reasons && !known; r++)
			known = !strcmp(reasons[r], statuses[i].reason);
		if (known)
			continue;
		if (nr_reasons == MOST_REASONS) {
			more++;
			continue;
		}
		reasons[nr_reasons++] = statuses[i].reason;
		text = kma_report_printf(to, "%s%s%s", text, *text ? "; " : "", statuses[i].reason);
	}
	if (more)
		text = kma_report_printf(to, "%s; and other reasons", text);
	return (struct kma_status){ code, code == KMA_EXACT ? NULL : text };
}

bool kma_combine_known(const struct kma_metric *m)
{
	return m && m->status.code != KMA_UNAVAILABLE &&
	       (m->dist || m->value.type == KMA_VALUE_INT || m->value.type == KMA_VALUE_REAL);
}

/* What adds up: samples of a distribution */
double kma_combine_amount(const struct kma_metric *m)
{
	if (m->dist)
		return (double)m->dist->count;
	return m->value.type == KMA_VALUE_INT ? (double)m->value.i : m->value.real;
}

void kma_combine_forget(struct kma_combine_set *g, const char *why)
{
	g->unknown++;
	if (!g->why)
		g->why = why;
}

/*
 * Is a part that result @index does not list 0 there? Yes when its parts of these keys leave
 * nothing of the whole. A metric without a whole, of zones say, is one of what there is.
 */
static bool is_nothing(const struct kma_combining *c, const struct kma_combine_family *f,
		       const struct kma_combine_entry *entry, size_t index, const char *report)
{
	const struct kma_metric *whole = f->wholes[index];

	if (!f->has_whole) {
		const struct kma_report *r = kma_combine_report(c, index, report);

		return r && r->status.code != KMA_UNAVAILABLE;
	}
	if (!entry->metric->labels.nr || !kma_combine_known(whole))
		return false;
	if (f->rule && f->rule->how == KMA_COMBINE_RATIO) /* no part: nothing to divide there */
		return true;
	return fabs(f->rests[index]) <= 1e-9 * fabs(kma_combine_amount(whole));
}

/* No part, in a whole that is not exact: there may be one */
static void nothing_status(const struct kma_combine_family *f, struct kma_combine_set *g,
			   size_t index)
{
	if (f->wholes[index] && f->wholes[index]->status.code != KMA_EXACT)
		g->statuses[g->nr_statuses++] = f->wholes[index]->status;
}

static void fill_group(const struct kma_combining *c, const struct kma_combine_family *f,
		       struct kma_combine_set *g, const char *report)
{
	size_t at = 0;

	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_metric *m = NULL;

		if (at < g->nr && g->entries[at].index == i)
			m = g->entries[at++].metric;
		if (m && kma_combine_known(m))
			g->statuses[g->nr_statuses++] = m->status;
		else if (m)
			kma_combine_forget(g, m->status.code == KMA_UNAVAILABLE ? m->status.reason
										: no_number);
		else if (is_nothing(c, f, g->entries, i, report))
			nothing_status(f, g, i);
		else
			kma_combine_forget(g, !kma_combine_report(c, i, report) ? no_report
					      : f->wholes[i] && f->wholes[i]->status.code ==
									KMA_UNAVAILABLE
						      ? f->wholes[i]->status.reason
						      : no_number);
	}
}

static int add_dist(struct kma_histogram *h, const struct kma_dist *dist)
{
	struct kma_histogram part = {
		.count = dist->count, .sum = dist->sum, .min = dist->min, .max = dist->max
	};
	int ret = 0;

	for (size_t i = 0; i < dist->nr_buckets && !ret; i++) {
		unsigned int bucket = kma_histogram_bucket(dist->buckets[i].low);
		unsigned int octave = bucket / KMA_OCTAVE_BUCKETS;

		if (!part.octave[octave])
			ret = kma_histogram_open_octave(&part, octave);
		if (!ret)
			part.octave[octave][bucket % KMA_OCTAVE_BUCKETS] += dist->buckets[i].count;
	}
	if (!ret)
		ret = kma_histogram_merge(h, &part);
	kma_histogram_free(&part);
	return ret;
}

static int put_dist(struct kma_report *to, const struct kma_combine_family *f,
		    const struct kma_combine_set *g, struct kma_labels labels,
		    struct kma_status status)
{
	struct kma_histogram h = { 0 };
	int ret = 0;

	for (size_t i = 0; i < g->nr && !ret; i++) {
		if (kma_combine_known(g->entries[i].metric) && g->entries[i].metric->dist)
			ret = add_dist(&h, g->entries[i].metric->dist);
	}
	if (!ret)
		kma_report_dist(to, f->def, labels, status, &h);
	kma_histogram_free(&h);
	return ret;
}

/* Whole numbers as long as they all are and fit */
struct kma_value kma_combine_sum(const struct kma_combine_set *g)
{
	bool whole = true;
	int64_t sum = 0;
	double real = 0;

	for (size_t i = 0; i < g->nr; i++) {
		const struct kma_metric *m = g->entries[i].metric;

		if (!kma_combine_known(m))
			continue;
		real += kma_combine_amount(m);
		whole = whole && m->value.type == KMA_VALUE_INT &&
			!__builtin_add_overflow(sum, m->value.i, &sum);
	}
	return whole ? kma_int(sum) : kma_real(real);
}

/* Numbers as numbers again, so that they sort as such; keys that outlive the results */
static struct kma_labels copy_labels(struct kma_report *to, const struct kma_labels *from)
{
	struct kma_labels labels = *from;

	for (unsigned int i = 0; i < labels.nr; i++) {
		struct kma_label *label = &labels.label[i];
		const char *text = label->value.string;
		char *key = kma_arena_strdup(to->arena, label->key);

		to->failed |= !key;
		label->key = key ? key : "";
		if (label->value.type == KMA_VALUE_STRING && *text && strlen(text) < 18 &&
		    strspn(text, "0123456789") == strlen(text) && (*text != '0' || !text[1]))
			label->value = kma_int(atoll(text));
	}
	return labels;
}

static int put_group(const struct kma_combining *c, struct kma_report *to,
		     const struct kma_combine_family *f, struct kma_combine_set *g)
{
	struct kma_labels labels = copy_labels(to, &g->entries[0].metric->labels);
	struct kma_status status;

	fill_group(c, f, g, to->name);
	status = kma_combine_status(to, g->statuses, g->nr_statuses, g->unknown, c->nr, g->why);
	if (!g->nr_statuses) {
		kma_report_unavailable(to, f->def, labels, g->why);
		return 0;
	}
	if (f->def->kind == KMA_DISTRIBUTION)
		return put_dist(to, f, g, labels, status);
	if (f->def->kind == KMA_GAUGE)
		return kma_combine_gauge(c, to, f, g, labels, status);
	kma_report_value(to, f->def, labels, status, kma_combine_sum(g));
	return 0;
}

static int compare_entries(const void *x, const void *y)
{
	const struct kma_combine_entry *a = x, *b = y;
	int order = strcmp(a->keys, b->keys);

	if (!order)
		order = strcmp(a->text, b->text);
	if (!order && a->index != b->index)
		order = a->index < b->index ? -1 : 1;
	return order;
}

_Static_assert(KMA_MAX_LABELS == 2, "name_entry() writes two labels");

static void name_entry(struct kma_report *to, struct kma_combine_entry *e)
{
	const struct kma_label *l = e->metric->labels.label;
	char a[KMA_VALUE_TEXT], b[KMA_VALUE_TEXT];

	switch (e->metric->labels.nr) {
	case 0:
		e->keys = e->text = "";
		break;
	case 1:
		e->keys = l[0].key;
		e->text = kma_report_printf(to, "%s", kma_value_text(&l[0].value, a));
		break;
	default:
		e->keys = kma_report_printf(to, "%s,%s", l[0].key, l[1].key);
		e->text = kma_report_printf(to, "%s\n%s", kma_value_text(&l[0].value, a),
					    kma_value_text(&l[1].value, b));
	}
}

static void gather(const struct kma_combining *c, struct kma_report *to,
		   struct kma_combine_family *f)
{
	f->nr = 0;
	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_report *r = kma_combine_report(c, i, to->name);

		for (size_t m = 0; r && m < r->nr_metrics; m++) {
			const struct kma_metric *metric = &r->metrics[m];
			struct kma_combine_entry *e = &f->entries[f->nr];

			if (strcmp(metric->def->name, f->def->name))
				continue;
			*e = (struct kma_combine_entry){ .metric = metric, .index = i };
			name_entry(to, e);
			f->nr++;
			if (metric->labels.nr)
				continue;
			f->wholes[i] = metric;
			f->has_whole = true;
		}
	}
}

static const struct kma_combine_rule *rule_of(const struct kma_combining *c, const char *name)
{
	for (const struct kma_combine_rule *r = c->rules; r->metric; r++) {
		if (!strcmp(r->metric, name))
			return r;
	}
	return NULL;
}

static const struct kma_metric_def *copy_def(struct kma_report *to,
					     const struct kma_metric_def *def)
{
	struct kma_metric_def *copy = kma_arena_alloc(to->arena, sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *def;
	copy->name = kma_arena_strdup(to->arena, def->name);
	copy->labels = kma_arena_strdup(to->arena, def->labels ? def->labels : "");
	copy->title = kma_arena_strdup(to->arena, def->title ? def->title : def->name);
	return copy->name && copy->labels && copy->title ? copy : NULL;
}

/* For the entries from @first on that have its keys */
static void count_rests(const struct kma_combining *c, struct kma_combine_family *f, size_t first)
{
	for (size_t i = 0; i < c->nr; i++)
		f->rests[i] = kma_combine_known(f->wholes[i]) ? kma_combine_amount(f->wholes[i])
							      : 0;
	for (size_t i = first; i < f->nr && !strcmp(f->entries[i].keys, f->entries[first].keys);
	     i++) {
		const struct kma_combine_entry *e = &f->entries[i];

		if (kma_combine_known(e->metric))
			f->rests[e->index] -= kma_combine_amount(e->metric);
	}
}

static int put_family(const struct kma_combining *c, struct kma_report *to,
		      struct kma_combine_family *f)
{
	struct kma_status *statuses = calloc(c->nr, sizeof(*statuses));
	int ret = statuses ? 0 : -1;

	for (size_t i = 0, end; i < f->nr && !ret; i = end) {
		struct kma_combine_set g = { .entries = f->entries + i, .statuses = statuses };

		if (!i || strcmp(f->entries[i].keys, f->entries[i - 1].keys))
			count_rests(c, f, i);
		for (end = i + 1;
		     end < f->nr && !strcmp(f->entries[end].keys, f->entries[i].keys) &&
		     !strcmp(f->entries[end].text, f->entries[i].text);
		     end++)
			;
		g.nr = end - i;
		ret = put_group(c, to, f, &g);
	}
	free(statuses);
	return ret;
}

static int combine_family(const struct kma_combining *c, struct kma_report *to,
			  const struct kma_metric_def *def, size_t most)
{
	struct kma_combine_family f = { .def = copy_def(to, def), .rule = rule_of(c, def->name) };
	int ret = -1;

	f.entries = calloc(most, sizeof(*f.entries));
	f.wholes = calloc(c->nr, sizeof(*f.wholes));
	f.rests = calloc(c->nr, sizeof(*f.rests));
	if (f.def && f.entries && f.wholes && f.rests) {
		gather(c, to, &f);
		qsort(f.entries, f.nr, sizeof(*f.entries), compare_entries);
		ret = to->failed ? -1 : put_family(c, to, &f);
	}
	free(f.entries);
	free(f.wholes);
	free(f.rests);
	return ret;
}

/* The span follows from the facts, whose times were laid out. */
static void put_span(const struct kma_combining *c, struct kma_report *to,
		     const struct kma_metric_def *def)
{
	const struct kma_facts *facts = &c->to->facts;
	struct kma_status statuses[2] = { { 0 } };

	if (facts->ticks || !facts->records) {
		kma_report_unavailable(to, def, kma_no_labels(),
				       "no trace has times in nanoseconds");
		return;
	}
	if (c->to->quality.truncated)
		statuses[0] = (struct kma_status){ KMA_LOWER_BOUND, "a trace is cut off" };
	kma_report_value(to, def, kma_no_labels(),
			 kma_combine_status(to, statuses, 1, 0, c->nr, NULL),
			 kma_int((int64_t)(facts->last_ts - facts->first_ts)));
}

int kma_combine_metrics(struct kma_combining *c, const char *name, struct kma_report *to)
{
	size_t most = 0;

	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_report *r = kma_combine_report(c, i, name);

		most += r ? r->nr_metrics : 0;
	}
	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_report *r = kma_combine_report(c, i, name);

		for (size_t m = 0; r && m < r->nr_metrics; m++) {
			const struct kma_metric_def *def = r->metrics[m].def;
			bool done = m && r->metrics[m - 1].def == def;

			for (size_t k = 0; k < to->nr_metrics && !done; k++)
				done = !strcmp(to->metrics[k].def->name, def->name);
			if (done)
				continue;
			if (!strcmp(def->name, "trace.span_ns"))
				put_span(c, to, copy_def(to, def));
			else if (combine_family(c, to, def, most))
				return -1;
		}
	}
	return to->failed ? -1 : 0;
}
