/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text and JSON of results made up to be awkward: names of 300 characters, bytes that are no text, escape
 * sequences, extreme numbers, many columns. KMA_SCHEMA_FILE: docs/kmem-analyze-1.schema.json.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "render/format.h"
#include "render/render.h"
#include "render/utf8.h"
#include "result/histogram.h"
#include "result/result.h"

#define LONG_TITLE \
	"a title that is so long that it cannot stand in one line with anything else beside it"

static const struct kma_metric_def counters[] = {
	{ "t.events_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE, "name", "events" },
	{ "t.pages_total", KMA_COUNTER, KMA_UNIT_PAGES, KMA_BETTER_NONE, "name", LONG_TITLE },
	{ "t.time_ns", KMA_GAUGE, KMA_UNIT_NS, KMA_BETTER_LOWER, "name", "time" },
	{ "t.bytes", KMA_GAUGE, KMA_UNIT_BYTES, KMA_BETTER_LOWER, "name", "memory" },
	{ "t.ratio", KMA_GAUGE, KMA_UNIT_RATIO, KMA_BETTER_HIGHER, "name", "share" },
	{ "t.cost", KMA_GAUGE, KMA_UNIT_NS_PER_PAGE, KMA_BETTER_LOWER, "name", "cost" },
};
static const struct kma_metric_def dist = { "t.hold_ns",      KMA_DISTRIBUTION, KMA_UNIT_NS,
					    KMA_BETTER_LOWER, "name",		LONG_TITLE };
static const struct kma_column columns[] = {
	{ "name", "name", KMA_UNIT_COUNT, 0 },
	{ "other", "other name", KMA_UNIT_COUNT, 0 },
	{ "n", "n", KMA_UNIT_COUNT, 40 },
	{ "pages", LONG_TITLE, KMA_UNIT_PAGES, 8 },
	{ "ns", "some time", KMA_UNIT_NS, 12 },
	{ "bytes", "memory", KMA_UNIT_BYTES, 0 },
	{ "ratio", "share of all", KMA_UNIT_RATIO, 6 },
	{ "cost", "cost", KMA_UNIT_NS_PER_PAGE, 0 },
	{ "n2", "n again", KMA_UNIT_COUNT, 0 },
	{ "n3", "and again", KMA_UNIT_COUNT, 0 },
	{ "n4", "and once more", KMA_UNIT_COUNT, 0 },
};
#define NR_COLUMNS (sizeof(columns) / sizeof(*columns))

static const int64_t numbers[] = { 0,	      1,	  -1,	  9,	   10,	      999,
				   1000,      1359,	  999499, 999500,  -12345,    1000000000,
				   1023,      1024,	  4096,	  1048575, 123456789, INT64_MAX,
				   INT64_MIN, -999999999, 100000 };
#define NR_NUMBERS (sizeof(numbers) / sizeof(*numbers))

static const struct kma_status statuses[] = {
	{ KMA_EXACT, NULL },
	{ KMA_APPROXIMATE, "a reason\nwith \"quotes\", \\ and \033[31mcolour" },
	{ KMA_LOWER_BOUND,
	  "another reason, rather a long one, which goes on and on until the line is "
	  "full, and then some more of it to be sure" },
	{ KMA_UNAVAILABLE, "the event \xff\xfe was not recorded" },
};

static char long_name[301], words[2001];

static const char *const names[] = {
	long_name,
	"Normal",
	"",
	"\xff\xfe\x80 bytes",
	"\033]0;title\007\033[2J",
	"tab\tnewline\nreturn\r",
	"h\xc3\xa9l\xc3\xa8ne \xe2\x80\xae reversed \xe2\x80\x8b",
	"\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6"
	"\x96\x87"
	"\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6"
	"\x96\x87"
	"\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6"
	"\x96\x87",
	"\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82",
	words,
};
#define NR_NAMES (sizeof(names) / sizeof(*names))

static struct kma_value number(size_t i)
{
	return i % 2 ? kma_int(numbers[i % NR_NUMBERS])
		     : kma_real((double)numbers[i % NR_NUMBERS] / (double)(1 + i % 7));
}

static void add_metrics(struct kma_report *report, const struct kma_histogram *h)
{
	size_t n = 0;

	for (size_t d = 0; d < sizeof(counters) / sizeof(*counters); d++) {
		for (size_t s = 0; s < 4; s++)
			kma_report_value(report, &counters[d], kma_no_labels(), statuses[s],
					 number(n++));
		for (size_t i = 0; i < NR_NAMES; i++)
			kma_report_value(report, &counters[d], kma_label1("name", kma_text(names[i])),
					 statuses[i % 4], number(n++));
	}
	for (size_t s = 0; s < 4; s++)
		kma_report_dist(report, &dist, kma_no_labels(), statuses[s], s == 1 ? NULL : h);
}

static void add_table(struct kma_report *report, size_t nr_columns)
{
	struct kma_value cells[NR_COLUMNS];

	kma_report_table(report, long_name, words, words, columns, nr_columns);
	for (size_t r = 0; r < 40; r++) {
		for (size_t c = 0; c < nr_columns; c++)
			cells[c] = c < 2 ? kma_text(names[(r + c) % NR_NAMES]) : number(r * 3 + c);
		if (r % 5 == 4)
			cells[nr_columns - 1] = kma_none();
		kma_report_row(report, cells);
	}
}

static void add_series(struct kma_report *report)
{
	uint64_t values[KMA_MAX_LABELS * 100];

	for (size_t s = 0; s < 30; s++) {
		for (size_t i = 0; i < 200; i++)
			values[i] = i * s % 17 ? i * s : 0;
		kma_report_series(report, s % 10 ? "rate" : "other", words, KMA_UNIT_PAGES,
				  kma_label2("cpu", kma_int((int64_t)s), "name",
					     kma_text(names[s % NR_NAMES])),
				  UINT64_MAX / 2, 1u << 20, values, s == 7 ? 0 : 1 + s * 6);
	}
}

static struct kma_result *hostile_result(void)
{
	static struct kma_event_count events[300];
	static struct kma_cpu_coverage cpus[50];
	static struct kma_gap gaps[100];
	static struct kma_buffer_facts buffers[] = { { "", "local", true },
						     { long_name, NULL, false } };
	static struct kma_absence absences[] = { { "t", "kmem:x", words, false, true },
						 { "none", long_name, NULL, true, false } };
	struct kma_result *result = kma_result_new();
	struct kma_histogram h = { 0 };
	struct kma_report *report;

	assert_non_null(result);
	memset(long_name, 'n', sizeof(long_name) - 1);
	for (size_t i = 0; i + 10 < sizeof(words); i += 10)
		memcpy(words + i, i % 30 ? "some words" : "more words ", 10);
	for (size_t i = 0; i < 300; i++)
		events[i] = (struct kma_event_count){ "kmem", names[i % NR_NAMES], i / 2 };
	for (uint32_t i = 0; i < 50; i++)
		cpus[i] = (struct kma_cpu_coverage){ .buffer = i % 2 ? long_name : NULL,
						     .cpu = i / 2,
						     .records = i,
						     .lost = i % 3,
						     .lost_counted = i % 4,
						     .first_ts = i,
						     .last_ts = UINT64_MAX - i,
						     .starts_late = i % 5 == 0,
						     .ends_early = i % 7 == 0,
						     .has_overrun = i % 2,
						     .overrun = UINT64_MAX };
	for (uint32_t i = 0; i < 100; i++)
		gaps[i] = (struct kma_gap){ .buffer = i % 2 ? long_name : NULL,
					    .cpu = i % 10,
					    .count = UINT64_MAX,
					    .from_ts = i / 10,
					    .to_ts = UINT64_MAX };
	result->facts = (struct kma_facts){ .source = long_name,
					    .kernel = words,
					    .trace_id = UINT64_MAX,
					    .file_version = 7,
					    .compression = "zstd",
					    .cpus = UINT32_MAX,
					    .page_size = 65536,
					    .long_size = 8,
					    .clock = long_name,
					    .clock_note = names[4],
					    .buffers = buffers,
					    .nr_buffers = 2,
					    .first_ts = 1,
					    .last_ts = UINT64_MAX,
					    .records = UINT64_MAX,
					    .events = events,
					    .nr_events = 300 };
	result->quality = (struct kma_quality){ .reader = "own",
						.truncated = true,
						.gaps = gaps,
						.nr_gaps = 100,
						.more_gaps = 7,
						.lost = UINT64_MAX,
						.cpus = cpus,
						.nr_cpus = 50,
						.absences = absences,
						.nr_absences = 2 };
	for (size_t i = 0; i < NR_NAMES; i++)
		kma_result_note(result, "note: %s", names[i]);

	for (size_t i = 0; i < 100; i++)
		assert_int_equal(kma_histogram_add(&h, UINT64_MAX >> i % 64, 1 + i), 0);
	for (size_t r = 0; r < 3; r++) {
		report = kma_result_report(result, "t", r ? "Title" : words);
		add_metrics(report, &h);
		for (size_t c = 1; c <= NR_COLUMNS; c++)
			add_table(report, c);
		add_series(report);
		for (size_t i = 0; i < NR_NAMES; i++) {
			size_t f = kma_report_finding(report, "t.finding", (enum kma_severity)(i % 3),
						      i % 2 ? words : NULL, "Message %s", names[i]);

			for (size_t k = 0; k < i; k++)
				kma_report_proof(report, f, k % 2 ? &dist : &counters[k % 6],
						 kma_label1("name", kma_text(names[k])));
			kma_report_proof(report, f, &dist, kma_no_labels());
		}
		kma_report_status(report, statuses[r + 1]);
	}
	kma_histogram_free(&h);
	assert_int_equal(kma_result_trace_metrics(result), 0);
	assert_int_equal(kma_result_resolve(result, NULL, NULL, NULL), 0);
	return result;
}

static char *render_text(const struct kma_result *result, struct kma_text_options options)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(kma_render_text(result, &options, out), 0);
	fclose(out);
	return text;
}

static char *render_json(const struct kma_result *result)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(kma_render_json(result, out), 0);
	fclose(out);
	return text;
}

/* Lines are at most 100 columns and hold nothing but printable text. */
static void assert_page(char *text, bool utf8)
{
	size_t lines = 0, len;
	uint32_t c;

	assert_true(strlen(text) && text[strlen(text) - 1] == '\n');
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		*end = '\0';
		if (kma_utf8_width(line) > 100)
			fail_msg("line %zu is %zu wide: %s", lines + 1, kma_utf8_width(line), line);
		if (end > line && end[-1] == ' ')
			fail_msg("line %zu ends in a blank: %s", lines + 1, line);
		for (char *s = line; *s; s += len) {
			len = kma_utf8_next(s, &c);
			if (!len || !kma_utf8_printable(c) || (c >= 0x80 && !utf8))
				fail_msg("line %zu has no text in it: %s", lines + 1, s);
		}
	}
	assert_true(lines > 10);
}

static void text_fits_the_page(void **state)
{
	static const unsigned int tops[] = { 0, 1, 10, 39, 40, 1000 };
	struct kma_result *result = hostile_result();

	(void)state;
	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++) {
		for (int utf8 = 0; utf8 < 2; utf8++) {
			char *text = render_text(result, (struct kma_text_options){ .top = tops[i],
										    .utf8 = utf8 });

			assert_page(text, utf8);
			free(text);
		}
	}
	result->facts.ticks = true;
	for (int utf8 = 0; utf8 < 2; utf8++) {
		char *text = render_text(result,
					 (struct kma_text_options){ .top = 10, .utf8 = utf8 });

		assert_page(text, utf8);
		free(text);
	}
	kma_result_free(result);
}

/* Removes "ESC [ ... m". */
static void strip_colours(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\033' && text[1] == '[') {
			text += strcspn(text, "m");
			text += *text == 'm';
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

static void colour_adds_nothing_but_colour(void **state)
{
	struct kma_result *result = hostile_result();
	char *plain = render_text(result, (struct kma_text_options){ .top = 10, .utf8 = true });
	char *coloured = render_text(
		result, (struct kma_text_options){ .top = 10, .utf8 = true, .color = true });

	(void)state;
	assert_string_not_equal(plain, coloured);
	strip_colours(coloured);
	assert_string_equal(plain, coloured);
	free(plain);
	free(coloured);
	kma_result_free(result);
}

static void an_empty_result_renders(void **state)
{
	struct kma_result *result = kma_result_new();
	char *text, *json;

	(void)state;
	assert_int_equal(kma_result_trace_metrics(result), 0);
	assert_int_equal(kma_result_resolve(result, NULL, NULL, NULL), 0);
	text = render_text(result, (struct kma_text_options){ .top = 10 });
	json = render_json(result);
	assert_non_null(strstr(text, "Findings"));
	assert_non_null(strstr(json, "\"span_ns\":null"));
	free(text);
	free(json);
	kma_result_free(result);
}

/* A report alone, as on the live screen, has the same words as in the whole text. */
static void one_report_renders(void **state)
{
	static const struct kma_column migratetypes[] = { { "migratetype", "migratetype",
							    KMA_UNIT_COUNT, 0 } };
	struct kma_result *result = kma_result_new();
	struct kma_text_options options = { .top = 10 };
	struct kma_value cell = kma_migratetype(4);
	struct kma_report *report;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	report = kma_result_report(result, "t", "a report");
	assert_non_null(report);
	kma_report_table(report, "types", "types", NULL, migratetypes, 1);
	kma_report_row(report, &cell);
	assert_int_equal(kma_result_add_migratetype(result, 4, "CMA"), 0);
	assert_int_equal(kma_result_trace_metrics(result), 0);
	assert_int_equal(kma_result_resolve(result, NULL, NULL, NULL), 0);
	assert_int_equal(kma_render_report(result, report, &options, out), 0);
	fclose(out);
	assert_non_null(strstr(text, "4 CMA"));
	free(text);
	kma_result_free(result);
}

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(o, key, &value))
		fail_msg("no member %s", key);
	return value;
}

static void check_metric(struct json_object *metric)
{
	const char *status = json_object_get_string(member(metric, "status"));
	const char *kind = json_object_get_string(member(metric, "kind"));
	bool unavailable = !strcmp(status, "unavailable");
	bool is_dist = !strcmp(kind, "distribution");

	assert_int_equal(json_object_object_get_ex(metric, "value", NULL), !unavailable && !is_dist);
	assert_int_equal(json_object_object_get_ex(metric, "buckets", NULL), !unavailable && is_dist);
	assert_int_equal(json_object_object_get_ex(metric, "reason", NULL),
			 !!strcmp(status, "exact"));
}

static void json_parses_back(void **state)
{
	struct kma_result *result = hostile_result();
	char *text = render_json(result), *again = render_json(result);
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *top, *report, *metrics, *value;

	(void)state;
	assert_string_equal(text, again);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	top = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	assert_int_equal(json_tokener_get_error(tokener), json_tokener_success);
	assert_string_equal(json_object_get_string(member(top, "schema")), "kmem-analyze/1");
	assert_int_equal(json_object_array_length(member(top, "reports")), 3);
	assert_int_equal(json_object_array_length(member(top, "findings")), 3 * NR_NAMES);
	report = json_object_array_get_idx(member(top, "reports"), 0);
	metrics = member(report, "metrics");
	assert_int_equal(json_object_array_length(metrics), result->reports[0].nr_metrics);
	for (size_t i = 0; i < json_object_array_length(metrics); i++)
		check_metric(json_object_array_get_idx(metrics, i));
	value = member(member(top, "trace"), "last_ts");
	assert_true(json_object_get_uint64(value) == UINT64_MAX);
	assert_string_equal(json_object_get_string(member(member(top, "trace"), "trace_id")),
			    "ffffffffffffffff");
	json_object_put(top);
	json_tokener_free(tokener);
	free(text);
	free(again);
	kma_result_free(result);
}

static void json_follows_the_schema(void **state)
{
#ifdef KMA_SCHEMA_FILE
	static const char script[] = "/usr/bin/python3 -c 'import sys, json, jsonschema\n"
				     "schema = json.load(open(sys.argv[1]))\n"
				     "document = json.load(open(sys.argv[2]))\n"
				     "jsonschema.Draft7Validator.check_schema(schema)\n"
				     "jsonschema.Draft7Validator(schema).validate(document)'";
	struct kma_result *results[] = { hostile_result(), kma_result_new() };
	char path[] = "/tmp/kma-json-XXXXXX", command[1000];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *json = render_json(results[i]);
		int fd = mkstemp(path);

		assert_true(fd >= 0);
		assert_true(write(fd, json, strlen(json)) == (ssize_t)strlen(json));
		close(fd);
		free(json);
		kma_result_free(results[i]);
		snprintf(command, sizeof(command), "%s '%s' %s", script, KMA_SCHEMA_FILE, path);
		if (system("/usr/bin/python3 -c 'import jsonschema' 2>/dev/null") == 0)
			assert_int_equal(system(command), 0);
		unlink(path);
		strcpy(path, "/tmp/kma-json-XXXXXX");
	}
#else
	(void)state;
	skip();
#endif
}

static void numbers_read_well(void **state)
{
	static const struct {
		enum kma_unit unit;
		double value;
		const char *digits, *unit_text;
	} expected[] = {
		{ KMA_UNIT_NS, 0, "0", "ns" },
		{ KMA_UNIT_NS, 812, "812", "ns" },
		{ KMA_UNIT_NS, 12400, "12.4", "us" },
		{ KMA_UNIT_NS, 999499, "999", "us" },
		{ KMA_UNIT_NS, 999500, "1.00", "ms" },
		{ KMA_UNIT_NS, 1471000, "1.47", "ms" },
		{ KMA_UNIT_NS, 9996000, "10.0", "ms" },
		{ KMA_UNIT_NS, 99960000, "100", "ms" },
		{ KMA_UNIT_NS, 6.41e9, "6.41", "s" },
		{ KMA_UNIT_NS, 4.613e12, "4,613", "s" },
		{ KMA_UNIT_NS, -12400, "-12.4", "us" },
		{ KMA_UNIT_NS, 12.345, "12.3", "ns" },
		{ KMA_UNIT_BYTES, 512, "512", "B" },
		{ KMA_UNIT_BYTES, 1024, "1.0", "KiB" },
		{ KMA_UNIT_BYTES, 3.1 * 1048576, "3.1", "MiB" },
		{ KMA_UNIT_RATIO, 0, "0", "%" },
		{ KMA_UNIT_RATIO, 0.042, "4.2", "%" },
		{ KMA_UNIT_RATIO, 0.0096, "0.96", "%" },
		{ KMA_UNIT_RATIO, 0.00001, "<0.01", "%" },
		{ KMA_UNIT_RATIO, 1, "100.0", "%" },
		{ KMA_UNIT_RATIO, -0.35, "-35.0", "%" },
		{ KMA_UNIT_COUNT, 1359, "1,359", "" },
		{ KMA_UNIT_COUNT, 32.43, "32.4", "" },
		{ KMA_UNIT_COUNT, 2.5, "2.50", "" },
		{ KMA_UNIT_COUNT, NAN, "-", "" },
		{ KMA_UNIT_PAGES, 66123, "66,123", "pages" },
		{ KMA_UNIT_NS_PER_PAGE, 15682, "15.7", "us/page" },
	};
	struct kma_number n;

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		n = kma_format_real(expected[i].unit, expected[i].value);
		assert_string_equal(n.digits, expected[i].digits);
		assert_string_equal(n.unit, expected[i].unit_text);
	}
	n = kma_format_int(KMA_UNIT_COUNT, INT64_MIN);
	assert_string_equal(n.digits, "-9,223,372,036,854,775,808");
	n = kma_format_uint(KMA_UNIT_COUNT, UINT64_MAX);
	assert_string_equal(n.digits, "18,446,744,073,709,551,615");
	n = kma_format_int(KMA_UNIT_PAGES, 1);
	assert_string_equal(n.unit, "page");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_read_well),
		cmocka_unit_test(text_fits_the_page),
		cmocka_unit_test(colour_adds_nothing_but_colour),
		cmocka_unit_test(an_empty_result_renders),
		cmocka_unit_test(one_report_renders),
		cmocka_unit_test(json_parses_back),
		cmocka_unit_test(json_follows_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
