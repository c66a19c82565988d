/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of migratetypes: what the user's list means, what gfp flags prove, what holds where two
 * disagree, and where names show. Knows no kernel: numbers here are not those of any.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kmem-analyze/analysis.h>

#include "cli/migratetypes.h"
#include "plugins.h"
#include "render/render.h"
#include "result/result.h"

#define MOVABLE	    0x8u
#define RECLAIMABLE 0x10u

static const struct kma_metric_def total = { "t.total",	      KMA_COUNTER,   KMA_UNIT_COUNT,
					     KMA_BETTER_NONE, "migratetype", "records" };
static const struct kma_column columns[] = {
	{ .name = "migratetype", .title = "migratetype", .unit = KMA_UNIT_COUNT },
	{ .name = "n", .title = "n", .unit = KMA_UNIT_COUNT },
};
static const struct kma_status exact = { KMA_EXACT, NULL };

static struct kma_result *result;
static struct kma_report *report;

static int setup(void **state)
{
	(void)state;
	result = kma_result_new();
	report = result ? kma_result_report(result, "t", "T") : NULL;
	return report ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	kma_result_free(result);
	result = NULL;
	return 0;
}

static void settle(void)
{
	assert_int_equal(kma_result_resolve(result, NULL, NULL, NULL), 0);
}

static void assert_name(int64_t number, const char *name)
{
	const char *known = kma_result_migratetype(result, number);

	if (!name)
		assert_null(known);
	else
		assert_string_equal(known ? known : "(none)", name);
}

/* ---- what holds ---- */

static void names_come_from_user_and_trace(void **state)
{
	(void)state;
	kma_report_migratetype(report, 7, "Movable");
	kma_report_migratetype(report, 7, "Movable");
	kma_report_migratetype(report, 3, "CMA");
	assert_int_equal(kma_result_add_migratetype(result, 5, "Isolate"), 0);
	assert_int_equal(kma_result_add_migratetype(result, 3, "CMA"), 0);
	settle();
	assert_int_equal(result->nr_migratetypes, 3);
	assert_int_equal(result->migratetypes[0].number, 3);
	assert_true(result->migratetypes[0].by_user);
	assert_int_equal(result->migratetypes[1].number, 5);
	assert_true(result->migratetypes[1].by_user);
	assert_int_equal(result->migratetypes[2].number, 7);
	assert_false(result->migratetypes[2].by_user);
	assert_name(3, "CMA");
	assert_name(5, "Isolate");
	assert_name(7, "Movable");
	assert_name(0, NULL);
	assert_name(INT64_C(7) << 32 | 7, NULL);
	assert_int_equal(result->quality.nr_notes, 0);
}

static void contradictions_drop_both(void **state)
{
	(void)state;
	kma_report_migratetype(report, 1, "Movable");
	kma_report_migratetype(report, 1, "CMA");
	kma_report_migratetype(report, 1, "Movable"); /* said again: still not sure */
	kma_report_migratetype(report, 2, "Isolate");
	kma_report_migratetype(report, 3, "Isolate");
	kma_report_migratetype(report, 4, "Unmovable");
	settle();
	assert_int_equal(result->nr_migratetypes, 1);
	assert_name(1, NULL);
	assert_name(2, NULL);
	assert_name(3, NULL);
	assert_name(4, "Unmovable");
	assert_int_equal(result->quality.nr_notes, 0);
}

static void the_user_goes_first_and_is_told(void **state)
{
	(void)state;
	kma_report_migratetype(report, 1, "Movable");
	kma_report_migratetype(report, 2, "Reclaimable");
	kma_report_migratetype(report, 0, "Unmovable");
	assert_int_equal(kma_result_add_migratetype(result, 0, "Unmovable"), 0);
	assert_int_equal(kma_result_add_migratetype(result, 1, "CMA"), 0);
	assert_int_equal(kma_result_add_migratetype(result, 9, "Reclaimable"), 0);
	settle();
	assert_name(0, "Unmovable");
	assert_name(1, "CMA");
	assert_name(2, NULL); /* the user says that another one is Reclaimable */
	assert_name(9, "Reclaimable");
	assert_int_equal(result->nr_migratetypes, 3);
	assert_int_equal(result->quality.nr_notes, 1);
	assert_non_null(strstr(result->quality.notes[0], "Movable is 1, Reclaimable is 2"));
	assert_null(strstr(result->quality.notes[0], "Unmovable"));
}

static void what_the_trace_is_not_sure_of_is_no_contradiction(void **state)
{
	(void)state;
	kma_report_migratetype(report, 1, "Movable");
	kma_report_migratetype(report, 1, "CMA");
	assert_int_equal(kma_result_add_migratetype(result, 1, "Isolate"), 0);
	settle();
	assert_name(1, "Isolate");
	assert_int_equal(result->quality.nr_notes, 0);
}

static void hostile_claims_are_bounded(void **state)
{
	char name[200];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int32_t i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%08d", i);
		name[8] = 'x';
		kma_report_migratetype(report, i, name);
	}
	settle();
	assert_int_equal(result->nr_migratetypes, KMA_MAX_MIGRATETYPES);
	assert_int_equal(strlen(result->migratetypes[0].name), KMA_MIGRATETYPE_NAME_MAX);
}

/* ---- where names show ---- */

static char *rendered(bool json)
{
	struct kma_text_options options = { .top = 10 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(json ? kma_render_json(result, out)
			      : kma_render_text(result, &options, out),
			 0);
	fclose(out);
	return text;
}

static void fill_report(void)
{
	struct kma_labels label = kma_label1("migratetype", kma_int(1));
	static const uint64_t values[] = { 1, 2 };
	size_t finding;

	kma_report_value(report, &total, label, exact, kma_int(12));
	kma_report_value(report, &total, kma_label1("migratetype", kma_int(6)), exact, kma_int(13));
	kma_report_value(report, &total, kma_label1("order", kma_int(1)), exact, kma_int(14));
	kma_report_table(report, "types", "Types", NULL, columns, 2);
	kma_report_row(report, (struct kma_value[]){ kma_migratetype(1), kma_int(12) });
	kma_report_row(report, (struct kma_value[]){ kma_migratetype(6), kma_int(13) });
	kma_report_series(report, "s", "records", KMA_UNIT_COUNT,
			  kma_label2("alloc_migratetype", kma_int(1), "order", kma_int(1)), 0, 1,
			  values, 2);
	finding = kma_report_finding(report, "t.bad", KMA_INFO, "Mind " KMA_PRI_MIGRATETYPE ".",
				     "Those of " KMA_PRI_MIGRATETYPE ", " KMA_PRI_MIGRATETYPE
				     " and " KMA_PRI_MIGRATETYPE ", not \001m\001 or \001m1x\001.",
				     1, 6, -1);
	kma_report_proof(report, finding, &total, label);
	kma_report_proof(report, finding, &total, kma_label1("migratetype", kma_int(6)));
	kma_report_proof(report, finding, &total, kma_label1("order", kma_int(1)));
}

static void names_show_in_the_text(void **state)
{
	char *text;

	(void)state;
	fill_report();
	kma_report_migratetype(report, 1, "Movable");
	settle();
	text = rendered(false);
	assert_non_null(strstr(text, "\n    migratetype   n\n    1 Movable    12\n"
				     "    6            13\n"));
	assert_non_null(strstr(text, "records (migratetype 1 Movable): 12\n"));
	assert_non_null(strstr(text, "records (migratetype 6): 13\n"));
	assert_non_null(strstr(text, "records (order 1): 14\n"));
	assert_non_null(strstr(text, "    alloc_migratetype 1 Movable, order 1"));
	assert_non_null(strstr(text, "Those of 1 (Movable), 6 and -1, not "));
	free(text);
	assert_string_equal(report->findings[0].message,
			    "Those of 1 (Movable), 6 and -1, not \001m\001 or \001m1x\001.");
}

static void numbers_stay_where_no_name_is_known(void **state)
{
	char *text, *json;

	(void)state;
	fill_report();
	settle();
	text = rendered(false);
	json = rendered(true);
	assert_non_null(strstr(text, "\n    migratetype   n\n              1  12\n"
				     "              6  13\n"));
	assert_non_null(strstr(text, "records (migratetype 1): 12\n"));
	assert_non_null(strstr(text, "Those of 1, 6 and -1, not "));
	assert_null(strstr(json, "\"migratetypes\""));
	free(text);
	free(json);
}

static void json_has_numbers_and_names_once(void **state)
{
	char *json;

	(void)state;
	fill_report();
	kma_report_migratetype(report, 1, "Movable");
	assert_int_equal(kma_result_add_migratetype(result, 0, "Un"), 0);
	settle();
	json = rendered(true);
	assert_non_null(strstr(json, "\"migratetypes\":[{\"number\":0,\"name\":\"Un\","
				     "\"from\":\"user\"},{\"number\":1,\"name\":\"Movable\","
				     "\"from\":\"trace\"}],"));
	assert_non_null(strstr(json, "[1,12]"));
	assert_non_null(strstr(json, "[6,13]"));
	assert_non_null(strstr(json, "\"labels\":{\"migratetype\":\"1\"}"));
	assert_non_null(strstr(json, "\"t.total{migratetype=1}\""));
	free(json);
}

/* ---- what gfp flags prove ---- */

static const struct kma_flag_name flags[] = {
	{ "GFP_HIGHUSER_MOVABLE", 0x100cca },
	{ "__GFP_RECLAIMABLE", RECLAIMABLE },
	{ "__GFP_MOVABLE", MOVABLE },
	{ 0 },
};

struct ask {
	uint32_t gfp_flags;
	int32_t migratetype;
	bool fails;
};

/* The page analysis of allocations that ask so; up to a flag of 0xffffffff. */
static void analyse(const struct kma_flag_name *names, const struct ask *asks)
{
	struct kma_trace trace = {
		.clock_name = "mono",
		.formats = ~UINT64_C(0),
		.gfp_flags = names,
		.optional_fields[KMA_PAGE_ALLOC] = KMA_HAS_PFN,
		.optional_fields[KMA_PAGE_FREE] = KMA_HAS_PFN,
	};
	struct kma_summary summary = { .last_ts = 1 };
	struct kma_state *page = kma_page_analysis.open(&trace, NULL);

	assert_non_null(page);
	for (size_t i = 0; asks[i].gfp_flags != UINT32_MAX; i++) {
		struct kma_event event = {
			.kind = KMA_PAGE_ALLOC,
			.pid = 1,
			.page = { .pfn = asks[i].fails ? UINT64_MAX : 4 * i,
				  .gfp_flags = asks[i].gfp_flags,
				  .migratetype = asks[i].migratetype },
		};
		struct kma_batch batch = { .events = &event, .nr = 1 };

		assert_int_equal(kma_page_analysis.feed(page, &batch), 0);
	}
	assert_int_equal(kma_page_analysis.report(page, &summary, report), 0);
	kma_page_analysis.close(page);
	settle();
}

#define ANALYSE(names, ...) \
	analyse(names, (const struct ask[]){ __VA_ARGS__, { .gfp_flags = UINT32_MAX } })

static void flags_prove_names(void **state)
{
	(void)state;
	ANALYSE(flags, { 0, 4, false }, { MOVABLE, 6, false }, { 0xcc0, 4, false },
		{ 0x100cca, 6, false }, { RECLAIMABLE | 0xcc0, 0, false });
	assert_int_equal(result->nr_migratetypes, 3);
	assert_name(4, "Unmovable");
	assert_name(6, "Movable");
	assert_name(0, "Reclaimable");
}

static void failures_tell_too(void **state)
{
	(void)state;
	ANALYSE(flags, { 0xcc0, 0, true }, { MOVABLE, 100, true });
	assert_name(0, "Unmovable");
	assert_name(100, "Movable");
}

static void failures_contradict_too(void **state)
{
	(void)state;
	ANALYSE(flags, { 0xcc0, 0, false }, { MOVABLE, 1, false }, { MOVABLE, 2, true });
	assert_name(0, "Unmovable");
	assert_name(1, NULL);
	assert_name(2, NULL);
}

static void one_contradiction_is_enough(void **state)
{
	(void)state;
	/* movable ones got two types; another one was got by two that ask for different things */
	ANALYSE(flags, { MOVABLE, 1, false }, { MOVABLE, 1, false }, { MOVABLE | 0x40, 3, false },
		{ 0, 0, false }, { RECLAIMABLE, 2, false });
	assert_name(1, NULL);
	assert_name(3, NULL);
	assert_name(0, "Unmovable");
	assert_name(2, "Reclaimable");
}

static void a_type_of_two_is_not_named(void **state)
{
	(void)state;
	ANALYSE(flags, { MOVABLE, 1, false }, { RECLAIMABLE, 1, false }, { 0, 0, false });
	assert_name(1, NULL);
	assert_name(0, "Unmovable");
}

/* A kernel with little memory gives all of them its unmovable type. */
static void without_grouping_nothing_is_movable(void **state)
{
	(void)state;
	ANALYSE(flags, { MOVABLE, 0, false }, { RECLAIMABLE, 0, false }, { 0, 0, false });
	assert_name(0, NULL);
}

static void movable_alone_proves_nothing(void **state)
{
	(void)state;
	ANALYSE(flags, { MOVABLE, 0, false });
	assert_name(0, NULL);
}

static void unmovable_alone_is_proven(void **state)
{
	(void)state;
	ANALYSE(flags, { 0xcc0, 3, false });
	assert_name(3, "Unmovable");
}

static void both_flags_mean_nothing(void **state)
{
	(void)state;
	ANALYSE(flags, { MOVABLE | RECLAIMABLE, 3, false }, { 0, 0, false }, { MOVABLE, 1, false });
	assert_int_equal(result->nr_migratetypes, 2);
	assert_name(3, NULL);
	assert_name(1, "Movable");
}

static void old_kernels_write_flags_without_underscores(void **state)
{
	static const struct kma_flag_name old[] = {
		{ "GFP_RECLAIMABLE", 0x80000 },
		{ "GFP_MOVABLE", 0x100000 },
		{ 0 },
	};

	(void)state;
	ANALYSE(old, { 0x100000, 2, false }, { 0x80000, 1, false });
	assert_name(2, "Movable");
	assert_name(1, "Reclaimable");
}

static void flags_without_names_prove_nothing(void **state)
{
	static const struct kma_flag_name half[] = { { "__GFP_MOVABLE", MOVABLE }, { 0 } };
	static const struct kma_flag_name wide[] = {
		{ "__GFP_MOVABLE", MOVABLE | 1 },
		{ "__GFP_RECLAIMABLE", RECLAIMABLE },
		{ 0 },
	};
	const struct kma_flag_name *const all[] = { NULL, half, wide };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		ANALYSE(all[i], { MOVABLE, 1, false }, { 0, 0, false });
		assert_int_equal(result->nr_migratetypes, 0);
	}
}

static void too_many_types_are_no_kernel(void **state)
{
	struct ask asks[42] = { [41] = { .gfp_flags = UINT32_MAX } };

	(void)state;
	for (int32_t i = 0; i < 41; i++)
		asks[i] = (struct ask){ .gfp_flags = i ? MOVABLE | RECLAIMABLE : 0,
					.migratetype = i };
	analyse(flags, asks);
	assert_int_equal(result->nr_migratetypes, 0);
}

/* ---- the user's list ---- */

static void lists_are_read(void **state)
{
	struct kma_migratetype_names names;

	(void)state;
	assert_int_equal(kma_parse_migratetypes("Unmovable,Movable", &names, NULL), 0);
	assert_int_equal(names.nr, 2);
	assert_int_equal(names.list[1].number, 1);
	assert_string_equal(names.list[1].name, "Movable");
	assert_int_equal(kma_parse_migratetypes("4=CMA,0=Un-mov_2", &names, NULL), 0);
	assert_int_equal(names.nr, 2);
	assert_int_equal(names.list[0].number, 4);
	assert_string_equal(names.list[0].name, "CMA");
	assert_int_equal(names.list[1].number, 0);
	assert_string_equal(names.list[1].name, "Un-mov_2");
}

static void bad_lists_are_refused(void **state)
{
	static const char *const lists[] = {
		"",	   ",",	      "A,",	 ",A",	     "A,,B",	 "0=",	  "=A",
		"A=0",	   "0=A,B",   "A,1=B",	 "0=A,0=B",  "0=A,1=A",	 "A,A",	  "256=A",
		"-1=A",	   "0=1",     "0 =A",	 "A B",	     "0=A=B",	 "1,2",	  "\xff",
		"0=A\001", "99999999999999999999=A", "Abcdefghijklmnopqrstuvwxyzabcdef",
		"A,B,C,D,E,F,G,H,I,J,K,L,M,N,O,P,Q,R,S,T,U,V,W,X,Y,Z,a,b,c,d,e,f,g",
	};
	struct kma_migratetype_names names;

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct kma_error err = { .code = KMA_OK };

		if (!kma_parse_migratetypes(lists[i], &names, &err))
			fail_msg("took \"%s\"", lists[i]);
		assert_int_equal(err.code, KMA_ERR_USAGE);
		assert_non_null(strstr(err.message, "--migratetypes"));
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_come_from_user_and_trace),
		TEST(contradictions_drop_both),
		TEST(the_user_goes_first_and_is_told),
		TEST(what_the_trace_is_not_sure_of_is_no_contradiction),
		TEST(hostile_claims_are_bounded),
		TEST(names_show_in_the_text),
		TEST(numbers_stay_where_no_name_is_known),
		TEST(json_has_numbers_and_names_once),
		TEST(flags_prove_names),
		TEST(failures_tell_too),
		TEST(failures_contradict_too),
		TEST(one_contradiction_is_enough),
		TEST(a_type_of_two_is_not_named),
		TEST(without_grouping_nothing_is_movable),
		TEST(movable_alone_proves_nothing),
		TEST(unmovable_alone_is_proven),
		TEST(both_flags_mean_nothing),
		TEST(old_kernels_write_flags_without_underscores),
		TEST(flags_without_names_prove_nothing),
		TEST(too_many_types_are_no_kernel),
		TEST(lists_are_read),
		TEST(bad_lists_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
