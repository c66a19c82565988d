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
#define PART_OF_TRACE                                                                           \
	"added up over parts of one trace: what began in one part and ended in another counts " \
	"wrongly"

/* A metric in one result */
struct entry {
	const char *keys, *text;
	const struct kma_metric *metric;
	size_t index;
};

/* All metrics of one name, sorted by keys, text and result */
struct family {
	const struct kma_metric_def *def; /* copied */
	const struct kma_combine_rule *rule;
	struct entry *entries;
	size_t nr;
	const struct kma_metric **wholes; /* by result; NULL: it has none */
	bool has_whole;
};

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

static bool is_known(const struct kma_metric *m)
{
	return m && m->status.code != KMA_UNAVAILABLE &&
	       (m->dist || m->value.type == KMA_VALUE_INT || m->value.type == KMA_VALUE_REAL);
}

/* What adds up: samples of a distribution */
static double amount(const struct kma_metric *m)
{
	if (m->dist)
		return (double)m->dist->count;
	return m->value.type == KMA_VALUE_INT ? (double)m->value.i : m->value.real;
}

/* The metrics of a group in order of results, with what those without one say instead */
struct group {
	const struct entry *entries;
	size_t nr;
	struct kma_status *statuses; /* of those that have the number */
	size_t nr_statuses, unknown;
	const char *why; /* the first unknown one's reason */
};

static void forget(struct group *g, const char *why)
{
	g->unknown++;
	if (!g->why)
		g->why = why;
}

/*
 * Is a part that result @index does not list 0 there? Yes when its parts of these keys leave
 * nothing of the whole. A metric without a whole, of zones say, is one of what there is.
 */
static bool is_nothing(const struct kma_combining *c, const struct family *f,
		       const struct entry *entry, size_t index, const char *report)
{
	const struct kma_metric *whole = f->wholes[index];
	double rest;

	if (!f->has_whole) {
		const struct kma_report *r = kma_combine_report(c, index, report);

		return r && r->status.code != KMA_UNAVAILABLE;
	}
	if (!entry->metric->labels.nr || !is_known(whole))
		return false;
	if (f->rule && f->rule->how == KMA_COMBINE_RATIO) /* no part: nothing to divide there */
		return true;
	rest = amount(whole);
	for (size_t i = 0; i < f->nr; i++) {
		const struct entry *e = &f->entries[i];

		if (e->index == index && e->metric->labels.nr && !strcmp(e->keys, entry->keys) &&
		    is_known(e->metric))
			rest -= amount(e->metric);
	}
	return fabs(rest) <= 1e-9 * fabs(amount(whole));
}

static void fill_group(const struct kma_combining *c, const struct family *f, struct group *g,
		       const char *report)
{
	size_t at = 0;

	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_metric *m = NULL;

		if (at < g->nr && g->entries[at].index == i)
			m = g->entries[at++].metric;
		if (m && is_known(m))
			g->statuses[g->nr_statuses++] = m->status;
		else if (m)
			forget(g, m->status.code == KMA_UNAVAILABLE ? m->status.reason : no_number);
		else if (!is_nothing(c, f, g->entries, i, report))
			forget(g, !kma_combine_report(c, i, report) ? no_report
				  : f->wholes[i] && f->wholes[i]->status.code == KMA_UNAVAILABLE
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

static int put_dist(struct kma_report *to, const struct family *f, const struct group *g,
		    struct kma_labels labels, struct kma_status status)
{
	struct kma_histogram h = { 0 };
	int ret = 0;

	for (size_t i = 0; i < g->nr && !ret; i++) {
		if (is_known(g->entries[i].metric) && g->entries[i].metric->dist)
			ret = add_dist(&h, g->entries[i].metric->dist);
	}
	if (!ret)
		kma_report_dist(to, f->def, labels, status, &h);
	kma_histogram_free(&h);
	return ret;
}

/* Whole numbers as long as they all are and fit */
static struct kma_value add_values(const struct group *g)
{
	bool whole = true;
	int64_t sum = 0;
	double real = 0;

	for (size_t i = 0; i < g->nr; i++) {
		const struct kma_metric *m = g->entries[i].metric;

		if (!is_known(m))
			continue;
		real += amount(m);
		whole = whole && m->value.type == KMA_VALUE_INT &&
			!__builtin_add_overflow(sum, m->value.i, &sum);
	}
	return whole ? kma_int(sum) : kma_real(real);
}

static struct kma_value largest_value(const struct group *g)
{
	struct kma_value most = kma_none();

	for (size_t i = 0; i < g->nr; i++) {
		const struct kma_metric *m = g->entries[i].metric;

		if (!is_known(m))
			continue;
		if (most.type == KMA_VALUE_NONE ||
		    amount(m) > (most.type == KMA_VALUE_INT ? (double)most.i : most.real))
			most = m->value;
	}
	return most;
}

static bool all_alike(const struct group *g)
{
	for (size_t i = 0; i < g->nr; i++) {
		if (!is_known(g->entries[i].metric) ||
		    amount(g->entries[i].metric) != amount(g->entries[0].metric))
			return false;
	}
	return true;
}

/* A status that is no better than @code, for @reason */
static struct kma_status weaken(struct kma_report *to, struct kma_status status,
				enum kma_status_code code, const char *reason)
{
	struct kma_status both[] = { status, { code, reason } };

	return status.code == KMA_UNAVAILABLE ? status
					      : kma_combine_status(to, both, 2, 0, 0, NULL);
}

static bool passes(const struct kma_metric *m, const struct kma_combine_rule *rule,
		   const struct kma_labels *labels)
{
	const struct kma_label *l = m->labels.label;
	char a[KMA_VALUE_TEXT], b[KMA_VALUE_TEXT];

	if (rule->labels_differ)
		return m->labels.nr == 2 &&
		       strcmp(kma_value_text(&l[0].value, a), kma_value_text(&l[1].value, b));
	if (rule->key)
		return m->labels.nr == 1 && !strcmp(l[0].key, rule->key) &&
		       !strcmp(kma_value_text(&l[0].value, a), rule->value);
	if (m->labels.nr != labels->nr)
		return false;
	for (unsigned int i = 0; i < labels->nr; i++) {
		if (strcmp(l[i].key, labels->label[i].key) ||
		    strcmp(kma_value_text(&l[i].value, a),
			   kma_value_text(&labels->label[i].value, b)))
			return false;
	}
	return true;
}

/* The sum of what passes of @name in result @index; false when there is no such number. */
static bool part_of_ratio(const struct kma_combining *c, size_t index, const char *report,
			  const char *name, const struct kma_combine_rule *rule,
			  const struct kma_labels *labels, double *sum)
{
	const struct kma_report *r =
		kma_combine_report(c, index, strncmp(name, "trace.", 6) ? report : "trace");
	bool any = false;

	*sum = 0;
	for (size_t i = 0; r && i < r->nr_metrics; i++) {
		const struct kma_metric *m = &r->metrics[i];

		if (strcmp(m->def->name, name))
			continue;
		/* of parts that differ in their labels there may be none: then their sum is 0 */
		any |= (rule->labels_differ || rule->key) && !m->labels.nr && is_known(m);
		if (!is_known(m) || !passes(m, rule, labels))
			continue;
		any = true;
		*sum += m->dist ? (double)m->dist->sum : amount(m);
	}
	return any;
}

static int put_ratio(const struct kma_combining *c, struct kma_report *to, const struct family *f,
		     struct group *g, struct kma_labels labels)
{
	static const struct kma_combine_rule plain;
	const struct kma_combine_rule *rule = f->rule;
	bool of_trace = !strncmp(rule->under, "trace.", 6);
	const struct kma_labels none = { 0 };
	double over = 0, under = 0;
	struct kma_status status;

	g->nr_statuses = 0;
	for (size_t i = 0; i < g->nr; i++) {
		const struct entry *e = &g->entries[i];
		double x, y;

		if (!is_known(e->metric))
			continue;
		if (!part_of_ratio(c, e->index, to->name, rule->over, rule, &labels, &x) ||
		    !part_of_ratio(c, e->index, to->name, rule->under, &plain,
				   of_trace ? &none : &labels, &y)) {
			forget(g, "the parts of the ratio are not in it");
			continue;
		}
		over += x;
		under += y;
		g->statuses[g->nr_statuses++] = e->metric->status;
	}
	status = kma_combine_status(to, g->statuses, g->nr_statuses, g->unknown, c->nr, g->why);
	if (status.code == KMA_UNAVAILABLE || !(under > 0)) {
		kma_report_unavailable(to, f->def, labels,
				       g->why ? g->why : "there is nothing to divide by");
		return 0;
	}
	/* a quotient without one result's parts may be off either way */
	if (status.code == KMA_LOWER_BOUND)
		status.code = KMA_APPROXIMATE;
	kma_report_value(to, f->def, labels, status,
			 kma_real(rule->rest ? 1 - over / under : over / under));
	return 0;
}

static int put_gauge(const struct kma_combining *c, struct kma_report *to, const struct family *f,
		     struct group *g, struct kma_labels labels, struct kma_status status)
{
	struct kma_value sum = add_values(g);
	char text[KMA_VALUE_TEXT];

	if (g->nr_statuses && c->nr == 1) {
		kma_report_value(to, f->def, labels, status, g->entries[0].metric->value);
		return 0;
	}
	if (!f->rule || (f->rule->how == KMA_COMBINE_SAME && (g->unknown || !all_alike(g)))) {
		kma_report_unavailable(to, f->def, labels,
				       !g->nr_statuses ? g->why
						       : "it follows from one trace's own records: "
							 "see the single results");
		return 0;
	}
	switch (f->rule->how) {
	case KMA_COMBINE_ADD:
		if (c->parts)
			status = weaken(to, status, KMA_APPROXIMATE, PART_OF_TRACE);
		kma_report_value(to, f->def, labels, status, sum);
		return 0;
	case KMA_COMBINE_MAX:
		if (c->parts)
			status = weaken(to, status, KMA_LOWER_BOUND,
					"the largest of parts of one trace");
		kma_report_value(to, f->def, labels, status, largest_value(g));
		return 0;
	case KMA_COMBINE_PEAK:
		if (g->nr_statuses > 1)
			status = weaken(
				to, status, KMA_LOWER_BOUND,
				kma_report_printf(to,
						  "the largest of %zu peaks, which need not have "
						  "come at one time; all together they are %s",
						  g->nr_statuses, kma_value_text(&sum, text)));
		kma_report_value(to, f->def, labels, status, largest_value(g));
		return 0;
	case KMA_COMBINE_SAME:
		kma_report_value(to, f->def, labels, status, g->entries[0].metric->value);
		return 0;
	case KMA_COMBINE_RATIO:
		return put_ratio(c, to, f, g, labels);
	}
	return -1;
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

static int put_group(const struct kma_combining *c, struct kma_report *to, const struct family *f,
		     struct group *g)
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
		return put_gauge(c, to, f, g, labels, status);
	kma_report_value(to, f->def, labels, status, add_values(g));
	return 0;
}

static int compare_entries(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int order = strcmp(a->keys, b->keys);

	if (!order)
		order = strcmp(a->text, b->text);
	if (!order && a->index != b->index)
		order = a->index < b->index ? -1 : 1;
	return order;
}

_Static_assert(KMA_MAX_LABELS == 2, "name_entry() writes two labels");

static void name_entry(struct kma_report *to, struct entry *e)
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

static void gather(const struct kma_combining *c, struct kma_report *to, struct family *f)
{
	f->nr = 0;
	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_report *r = kma_combine_report(c, i, to->name);

		for (size_t m = 0; r && m < r->nr_metrics; m++) {
			const struct kma_metric *metric = &r->metrics[m];
			struct entry *e = &f->entries[f->nr];

			if (strcmp(metric->def->name, f->def->name))
				continue;
			*e = (struct entry){ .metric = metric, .index = i };
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

static int put_family(const struct kma_combining *c, struct kma_report *to, struct family *f)
{
	struct kma_status *statuses = calloc(c->nr, sizeof(*statuses));
	int ret = statuses ? 0 : -1;

	for (size_t i = 0, end; i < f->nr && !ret; i = end) {
		struct group g = { .entries = f->entries + i, .statuses = statuses };

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
	struct family f = { .def = copy_def(to, def), .rule = rule_of(c, def->name) };
	int ret = -1;

	f.entries = calloc(most, sizeof(*f.entries));
	f.wholes = calloc(c->nr, sizeof(*f.wholes));
	if (f.def && f.entries && f.wholes) {
		gather(c, to, &f);
		qsort(f.entries, f.nr, sizeof(*f.entries), compare_entries);
		ret = to->failed ? -1 : put_family(c, to, &f);
	}
	free(f.entries);
	free(f.wholes);
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
