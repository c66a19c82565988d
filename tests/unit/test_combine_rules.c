/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules for combining gauges name metrics that there are, of the right kinds: a rule for a
 * misspelled metric would silently do nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <kmem-analyze/analysis.h>

#include "result/combine.h"

static const struct kma_metric_def *find(const char *name)
{
	for (size_t i = 0; kma_analyses[i]; i++) {
		for (const struct kma_metric_def *d = kma_analyses[i]->metrics; d->name; d++) {
			if (!strcmp(d->name, name))
				return d;
		}
	}
	for (const struct kma_metric_def *d = kma_trace_metric_defs; d->name; d++) {
		if (!strcmp(d->name, name))
			return d;
	}
	return NULL;
}

static void rules_name_metrics(void **unused)
{
	size_t nr = 0;

	(void)unused;
	for (const struct kma_combine_rule *r = kma_combine_rules; r->metric; r++, nr++) {
		const struct kma_metric_def *def = find(r->metric);

		assert_non_null(def);
		assert_int_equal(def->kind, KMA_GAUGE);
		assert_int_equal(r->how == KMA_COMBINE_RATIO, r->over && r->under);
		/* a share is never a sum or a largest value, and only a share is a quotient */
		assert_int_equal(r->how == KMA_COMBINE_RATIO, def->unit == KMA_UNIT_RATIO);
		for (const struct kma_combine_rule *other = kma_combine_rules; other < r; other++)
			assert_string_not_equal(other->metric, r->metric);
		if (r->how != KMA_COMBINE_RATIO)
			continue;
		assert_non_null(find(r->over));
		assert_non_null(find(r->under));
	}
	assert_true(nr > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rules_name_metrics) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
