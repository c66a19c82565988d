/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An input that can be read once only: the cma report says the same of it as of a file. Only the
 * blocking page's steps before its failure cannot be told, and of pages outside of all ranges more
 * is counted, as nobody knows yet that they do not matter.
 */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "datwriter.h"
#include "plugins.h"
#include "result/histogram.h"
#include "scenario.h"
#include "stream/pipeline.h"
#include "util/arena.h"

/* They have pages outside of the ranges. */
static bool has_outsiders(const char *scenario)
{
	return !strcmp(scenario, "cma-leak.scn") || !strcmp(scenario, "cma-absurd.scn");
}

static int symbols(void *source, const uint64_t *addresses, const char **names, size_t nr,
		   struct kma_arena *arena)
{
	return kma_source_symbols(source, addresses, names, nr, arena);
}

static void print_metrics(const struct kma_report *report, struct kma_arena *arena, FILE *out)
{
	for (size_t i = 0; i < report->nr_metrics; i++) {
		const struct kma_metric *metric = &report->metrics[i];
		char text[KMA_VALUE_TEXT];

		fprintf(out, "%s %d ", kma_metric_key(arena, metric->def, &metric->labels),
			(int)metric->status.code);
		if (metric->dist)
			fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", metric->dist->count,
				metric->dist->sum, metric->dist->max);
		else
			fprintf(out, "%s\n", kma_value_text(&metric->value, text));
	}
}

static void print_table(const struct kma_table *table, FILE *out)
{
	fprintf(out, "%s\n", table->name);
	for (size_t i = 0; i < table->nr_rows * table->nr_columns; i++) {
		char text[KMA_VALUE_TEXT];

		fprintf(out, "%s%s", kma_value_text(&table->cells[i], text),
			(i + 1) % table->nr_columns ? " | " : "\n");
	}
}

static bool is_told_always(const char *table)
{
	return !strcmp(table, "failures") || !strcmp(table, "delays") ||
	       !strcmp(table, "other_pages");
}

/* What both readings must agree on, as text; to be freed. */
static char *tell(const char *path, bool once, bool all)
{
	const struct kma_analysis *const analyses[] = { &kma_cma_analysis, NULL };
	const struct kma_selection selection = { .analyses = analyses };
	struct kma_error err = { .code = KMA_OK };
	struct kma_source *source = kma_source_open(path, KMA_READER_OWN, &err);
	struct kma_result *result = kma_result_new();
	struct kma_source_ops ops;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(source);
	assert_true(result && out);
	ops = *source->ops;
	if (once)
		ops.rewind = NULL;
	source->ops = &ops;
	assert_int_equal(kma_pipeline_run(source, &selection, NULL, result, &err), 0);
	assert_int_equal(kma_result_resolve(result, symbols, source, &err), 0);
	assert_int_equal(result->nr_reports, 1);
	if (all)
		print_metrics(&result->reports[0], result->arena, out);
	for (size_t i = 0; all && i < result->reports[0].nr_findings; i++)
		fprintf(out, "%s\n", result->reports[0].findings[i].message);
	for (size_t i = 0; i < result->reports[0].nr_tables; i++)
		if (is_told_always(result->reports[0].tables[i].name) ||
		    (all && !strcmp(result->reports[0].tables[i].name, "holders")))
			print_table(&result->reports[0].tables[i], out);
	kma_source_close(source);
	kma_result_free(result);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void compare(const char *path, bool all)
{
	char *twice = tell(path, false, all), *once = tell(path, true, all);

	assert_true(strlen(twice) > strlen("failures\n"));
	if (strcmp(once, twice))
		print_message("%s\n", path);
	assert_string_equal(once, twice);
	free(twice);
	free(once);
}

static void test_scenarios(void **state)
{
	char path[512], out[] = "/tmp/kma-one-pass-XXXXXX";
	DIR *dir = opendir(KMA_GOLDEN_DIR);
	const struct dirent *entry;
	int fd = mkstemp(out), nr = 0;

	(void)state;
	assert_non_null(dir);
	assert_true(fd >= 0);
	close(fd);
	while ((entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, ".scn");
		struct dat_writer *writer;
		FILE *in;

		if (strncmp(entry->d_name, "cma-", 4) || !end || strcmp(end, ".scn"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", KMA_GOLDEN_DIR, entry->d_name);
		in = fopen(path, "r");
		assert_non_null(in);
		writer = scenario_read(in, path, NULL, 0, stderr);
		assert_non_null(writer);
		assert_int_equal(dat_finish(writer, out), 0);
		dat_free(writer);
		fclose(in);
		print_message("%s\n", entry->d_name);
		compare(out, !has_outsiders(entry->d_name));
		nr++;
	}
	assert_true(nr >= 15);
	closedir(dir);
	unlink(out);
}

static void test_real(void **state)
{
	(void)state;
	compare(KMA_TESTDATA_DIR "/cma-pin.dat", true);
	compare(KMA_TESTDATA_DIR "/cma-ok.dat", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
