// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Feeds any bytes to the parser of thresholds, and what it accepts to the judge. First byte: '{' is
 * a file of thresholds, anything else one threshold. What is refused must be refused with a column
 * in the text.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kmem-analyze/analysis.h>

#include "gate/judge.h"
#include "gate/threshold.h"
#include "result/histogram.h"
#include "result/judgement.h"
#include "result/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void broken(const char *what)
{
	fprintf(stderr, "fuzz_threshold: %s\n", what);
	abort();
}

/* One number for each metric of each analysis, with and without labels */
static struct kma_result *make_result(void)
{
	static const struct kma_status exact = { KMA_EXACT, NULL };
	struct kma_result *result = kma_result_new();
	struct kma_histogram h = { 0 };

	kma_histogram_add(&h, 1000, 50);
	for (size_t i = 0; kma_analyses[i]; i++) {
		struct kma_report *report = kma_result_report(result, kma_analyses[i]->name, "t");

		for (const struct kma_metric_def *def = kma_analyses[i]->metrics; def->name;
		     def++) {
			for (int part = 0; part < 2; part++) {
				struct kma_labels labels = { 0 };

				if (part)
					labels = kma_label1("cpu", kma_int(1));
				if (def->kind == KMA_DISTRIBUTION)
					kma_report_dist(report, def, labels, exact, &h);
				else
					kma_report_value(report, def, labels, exact, kma_int(part));
			}
		}
	}
	kma_histogram_free(&h);
	result->facts.records = 1;
	result->facts.last_ts = 1000000000;
	if (kma_result_trace_metrics(result) || kma_result_resolve(result, NULL, NULL, NULL))
		broken("no result");
	return result;
}

static void check_column(const char *text, const char *message)
{
	size_t column;

	if (sscanf(message, "t: column %zu of", &column) == 1 &&
	    (!column || column > strlen(text) + 1))
		broken("a column outside of the text");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kma_judge_options options = { .min_samples = 10 };
	static struct kma_result *result;
	struct kma_thresholds *all = kma_thresholds_new();
	struct kma_error err = { .code = KMA_OK };
	char *text = malloc(size + 1);
	int ret;

	if (!result)
		result = make_result();
	if (!all || !text)
		broken("out of memory");
	memcpy(text, data, size);
	text[size] = '\0';
	if (*text == '{')
		ret = kma_thresholds_parse_json(all, text, size, "t", &err);
	else
		ret = kma_thresholds_add(all, text, "t", NULL, &err);
	if (ret < 0 ? err.code != KMA_ERR_USAGE || !*err.message : err.code != KMA_OK)
		broken("the error and the return value differ");
	if (*text != '{' && ret < 0)
		check_column(text, err.message);
	for (int base = 0; base < 2; base++) {
		struct kma_judgement *judgement;
		bool relative = false;

		for (size_t i = 0; i < all->nr; i++)
			relative |= all->list[i].base;
		if (relative != (base != 0)) /* without one, refused before anything is judged */
			continue;
		judgement = kma_judge(all, result, base ? result : NULL, "b", NULL, &options);
		if (!judgement || judgement->nr_checks < all->nr)
			broken("a threshold that nobody judged");
		kma_judgement_free(judgement);
	}
	kma_thresholds_free(all);
	free(text);
	return 0;
}
