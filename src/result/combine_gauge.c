/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gauge out of those of several results, by its rule: added up, the largest, a bound, or a
 * quotient worked out again.
 */
#include <string.h>

#include "result/combine_priv.h"

#define PART_OF_TRACE                                                                           \
	"added up over parts of one trace: what began in one part and ended in another counts " \
	"wrongly"

static struct kma_value largest_value(const struct kma_combine_set *g)
{
	struct kma_value most = kma_none();

	for (size_t i = 0; i < g->nr; i++) {
		const struct kma_metric *m = g->entries[i].metric;

		if (!kma_combine_known(m))
			continue;
		if (most.type == KMA_VALUE_NONE ||
		    kma_combine_amount(m) >
			    (most.type == KMA_VALUE_INT ? (double)most.i : most.real))
			most = m->value;
	}
	return most;
}

static bool all_alike(const struct kma_combine_set *g)
{
	for (size_t i = 0; i < g->nr; i++) {
		if (!kma_combine_known(g->entries[i].metric) ||
		    kma_combine_amount(g->entries[i].metric) !=
			    kma_combine_amount(g->entries[0].metric))
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
	const struct kma_report *r = kma_combine_report(c, index, report);
	bool any = false;

	*sum = 0;
	for (size_t i = 0; r && i < r->nr_metrics; i++) {
		const struct kma_metric *m = &r->metrics[i];

		if (strcmp(m->def->name, name))
			continue;
		/* of parts that differ in their labels there may be none: then their sum is 0 */
		any |= (rule->labels_differ || rule->key) && !m->labels.nr && kma_combine_known(m);
		if (!kma_combine_known(m) || !passes(m, rule, labels))
			continue;
		any = true;
		*sum += m->dist ? (double)m->dist->sum : kma_combine_amount(m);
	}
	return any;
}

/* The span of the trace that entry @at is of; 0 when an earlier one of its parts gave it already */
static double span_of(const struct kma_combining *c, const struct kma_combine_set *g, size_t at)
{
	const struct kma_combine_group *of = &c->groups[c->group_of[g->entries[at].index]];

	for (size_t i = 0; i < at; i++) {
		if (kma_combine_known(g->entries[i].metric) &&
		    &c->groups[c->group_of[g->entries[i].index]] == of)
			return 0;
	}
	return (double)(of->last_ts - of->first_ts);
}

static int put_ratio(const struct kma_combining *c, struct kma_report *to,
		     const struct kma_combine_family *f, struct kma_combine_set *g,
		     struct kma_labels labels)
{
	static const struct kma_combine_rule plain;
	const struct kma_combine_rule *rule = f->rule;
	bool of_trace = !strncmp(rule->under, "trace.", 6);
	double over = 0, under = 0;
	struct kma_status status;

	g->nr_statuses = 0;
	for (size_t i = 0; i < g->nr; i++) {
		const struct kma_combine_entry *e = &g->entries[i];
		double x, y = 0;

		if (!kma_combine_known(e->metric))
			continue;
		if (!part_of_ratio(c, e->index, to->name, rule->over, rule, &labels, &x) ||
		    (!of_trace &&
		     !part_of_ratio(c, e->index, to->name, rule->under, &plain, &labels, &y))) {
			kma_combine_forget(g, "the parts of the ratio are not in it");
			continue;
		}
		over += x;
		under += of_trace ? span_of(c, g, i) : y;
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

int kma_combine_gauge(const struct kma_combining *c, struct kma_report *to,
		      const struct kma_combine_family *f, struct kma_combine_set *g,
		      struct kma_labels labels, struct kma_status status)
{
	struct kma_value sum = kma_combine_sum(g);
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
		if (status.code == KMA_LOWER_BOUND) /* what is not known may well be negative */
			status.code = KMA_APPROXIMATE;
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
