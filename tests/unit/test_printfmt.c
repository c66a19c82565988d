/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Print formats: what the kernel writes is read, what it does not write is refused, and nothing
 * hostile does harm. Knows print formats as text only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/printfmt.h"
#include "util/arena.h"

#define HEAD                                                                                  \
	"name: mm_page_alloc_extfrag\nID: 500\nformat:\n\tfield:int alloc_order;\toffset:16;" \
	"\tsize:4;\tsigned:1;\n\nprint fmt: "

/* The text without its end mark, where reading behind it is noticed. */
static struct kma_format format_of(const char *text, char **copy)
{
	size_t size = strlen(text);

	*copy = malloc(size ? size : 1);
	assert_non_null(*copy);
	memcpy(*copy, text, size);
	return (struct kma_format){ .system = "kmem", .text = *copy, .size = size };
}

static int order_of(const char *text)
{
	char *copy;
	struct kma_format format = format_of(text, &copy);
	int order = kma_print_pageblock_order(&format);

	free(copy);
	return order;
}

/* The value of an expression, as the pageblock order that it stands for. */
static int value_of(const char *expression)
{
	char text[16384];

	assert_true(strlen(expression) < sizeof(text) - 512);
	snprintf(text, sizeof(text),
		 HEAD
		 "\"page=%%p pfn=0x%%lx pageblock_order=%%d x=%%d\", (((struct page *)vmemmap) + "
		 "(REC->pfn)), REC->pfn, %s, REC->x\n",
		 expression);
	return order_of(text);
}

static void kernels_own(void **state)
{
	(void)state;
	assert_int_equal(value_of("(((unsigned int)((21 - 12))) < ((unsigned int)(11 - 1)) ? "
				  "((unsigned int)((21 - 12))) : ((unsigned int)(11 - 1)))"),
			 9);
	assert_int_equal(value_of("(((unsigned int)((20 - 12))) < ((unsigned int)(11 - 1)) ? "
				  "((unsigned int)((20 - 12))) : ((unsigned int)(11 - 1)))"),
			 8);
	assert_int_equal(value_of("(11 - 1)"), 10);
	assert_int_equal(value_of("9"), 9);
	/* a variable of the running kernel: nobody can tell */
	assert_int_equal(value_of("pageblock_order"), -1);
}

static void arithmetic(void **state)
{
	(void)state;
	assert_int_equal(value_of("2 + 3 * 4"), 14);
	assert_int_equal(value_of("(2 + 3) * 4"), 20);
	assert_int_equal(value_of("20 - 5 - 3"), 12);
	assert_int_equal(value_of("1 << 2 + 1"), 8);
	assert_int_equal(value_of("17 / 5 + 17 % 5"), 5);
	assert_int_equal(value_of("6 & 3 | 8 ^ 1"), 11);
	assert_int_equal(value_of("~0 & 7"), 7);
	assert_int_equal(value_of("-(-5)"), 5);
	assert_int_equal(value_of("+5"), 5);
	assert_int_equal(value_of("!0 + !7"), 1);
	assert_int_equal(value_of("0x1fUL & 0xFu"), 15);
	assert_int_equal(value_of("017"), 15);
	assert_int_equal(value_of("0"), 0);
	assert_int_equal(value_of("1 ? 2 : 3 ? 4 : 5"), 2);
	assert_int_equal(value_of("0 ? 2 : 0 ? 4 : 5"), 5);
	assert_int_equal(value_of("(1 && 2) + (0 || 3) + (0 && 1)"), 2);
	assert_int_equal(value_of("(1 <= 1) + (2 >= 3) + (1 != 2) + (1 == 1)"), 3);
}

/* As C has it: who compares what with what. */
static void types(void **state)
{
	(void)state;
	assert_int_equal(value_of("-1 < 1 ? 1 : 0"), 1);
	assert_int_equal(value_of("-1 < 1u ? 1 : 0"), 0);
	assert_int_equal(value_of("-1 < 1UL ? 1 : 0"), 0);
	assert_int_equal(value_of("-1L < 1u ? 1 : 0"), 1);
	assert_int_equal(value_of("~0u == 0xffffffff ? 1 : 0"), 1);
	assert_int_equal(value_of("(unsigned long)~0u == 0xffffffffUL ? 1 : 0"), 1);
	assert_int_equal(value_of("(unsigned long)~0 == 0xffffffffffffffffUL ? 1 : 0"), 1);
	assert_int_equal(value_of("( gfp_t)-1 == 0xffffffffu ? 1 : 0"), 1);
	assert_int_equal(value_of("(unsigned char)257"), 1);
	assert_int_equal(value_of("(signed char)255 + 2"), 1);
	assert_int_equal(value_of("( u16)65537"), 1);
	assert_int_equal(value_of("(0xffffffffu + 1u) + 4"), 4);
	assert_int_equal(value_of("(-8 >> 2) + 3"), 1);
	assert_int_equal(value_of("4294967296 >> 30"), 4);
}

static void refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"(",
		")",
		"()",
		"1 +",
		"+",
		"1 2",
		"1 ? 2",
		"1 ? : 2",
		"1 / 0",
		"1 % 0",
		"(-9223372036854775807L - 1) / -1",
		"(-9223372036854775807L - 1) % -1",
		"1 << 32",
		"1UL << 64",
		"1 << -1",
		"1 >> 99",
		"32",
		"-1",
		"99999999999999999999999",
		"0xfffffffffffffffff",
		"0x",
		"09",
		"1ulul",
		"1x",
		"sizeof(int)",
		"(struct page)1",
		"(int *)1",
		"REC->x",
		"1 \"a\"",
		"'a'",
		"1;",
		"{1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(value_of(texts[i]), -1);
}

static void deep(void **state)
{
	static const char *const units[] = { "(",    "~",    "-",   "!",  "(int)",
					     "1?", "1?1:", "1+(", "1||" };
	char text[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t length = strlen(units[i]), nr = 8000 / length;

		for (size_t n = 0; n < nr; n++)
			memcpy(text + n * length, units[i], length + 1);
		assert_int_equal(value_of(text), -1);
	}
	/* what is long but flat is cut at a length, what is nested at a depth */
	memset(text, '(', 20);
	strcpy(text + 20, "7");
	memset(text + 21, ')', 20);
	text[41] = '\0';
	assert_int_equal(value_of(text), 7);
}

static void which_argument(void **state)
{
	(void)state;
	assert_int_equal(order_of(HEAD "\"100%% a=%s pageblock_order=%d\", f(1, 2), 9"), 9);
	assert_int_equal(order_of(HEAD "\"pageblock_order=%d\", 9"), 9);
	assert_int_equal(order_of(HEAD "\"a=%d pageblock_order=%d\", \"x, (y\", 9\n"), 9);
	assert_int_equal(order_of(HEAD "\"a=\\\"%d pageblock_order=%d\", {1, 2}, 9"), 9);
	assert_int_equal(order_of(HEAD "\"my_pageblock_order=%d pageblock_order=%d\", 3, 9"), 9);
	assert_int_equal(order_of(HEAD "\"a=%d pageblock_order=%d\", 9"), -1);
	assert_int_equal(order_of(HEAD "\"order=%d\", 9"), -1);
	assert_int_equal(order_of(HEAD "\"pageblock_order=%d"), -1);
	assert_int_equal(order_of(HEAD "pageblock_order=%d, 9"), -1);
	assert_int_equal(order_of(HEAD "\"pageblock_order=%d\", (9"), -1);
	assert_int_equal(order_of(HEAD "\"pageblock_order=%"), -1);
	assert_int_equal(order_of(HEAD "\"%"), -1);
	assert_int_equal(order_of(HEAD "\"a\\"), -1);
	assert_int_equal(order_of(HEAD), -1);
	assert_int_equal(order_of("name: x\nID: 1\n"), -1);
	assert_int_equal(order_of(""), -1);
}

#define FLAGS(list)                                                                      \
	"name: mm_page_alloc\nID: 501\nformat:\n\nprint fmt: \"pfn=0x%lx gfp_flags=%s\"" \
	", REC->pfn, (REC->gfp_flags) ? __print_flags(REC->gfp_flags, \"|\", " list

static const struct kma_flag_name *flags_of(const char *text, struct kma_arena *arena)
{
	char *copy;
	struct kma_format format = format_of(text, &copy);
	const struct kma_flag_name *flags = kma_print_gfp_flags(&format, arena);

	free(copy);
	return flags;
}

static void flags_are_read(void **state)
{
	struct kma_arena *arena = kma_arena_new();
	const struct kma_flag_name *flags;

	(void)state;
	flags = flags_of(
		FLAGS("{( unsigned long)((((( gfp_t)(0x400u|0x800u)) | (( gfp_t)0x40u)) & ~(( "
		      "gfp_t)0x800u)) | (( gfp_t)((((1UL))) << (20)))), \"GFP_A\"}, {( unsigned "
		      "long)(( gfp_t)0x01u), \"GFP_DMA\"}, {( unsigned long)(( gfp_t)0), "
		      "\"__GFP_NEVER\"}, {BIT(3), \"__GFP_STRANGE\"}, { 0, ((void *)0) } ) : "
		      "\"none\"\n"),
		arena);
	assert_non_null(flags);
	assert_string_equal(flags[0].name, "GFP_A");
	assert_int_equal(flags[0].mask, 0x100440);
	assert_string_equal(flags[1].name, "GFP_DMA");
	assert_int_equal(flags[1].mask, 1);
	/* a mask of 0 fits everything, and one that cannot be read fits nothing */
	assert_null(flags[2].name);
	kma_arena_free(arena);
}

static void flags_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"print fmt: ",
		"print fmt: \"x\", REC->gfp_flags",
		"print fmt: __print_flags(",
		"print fmt: __print_flags(REC->gfp_flags",
		"print fmt: __print_flags(REC->flags, \"|\", {1, \"A\"})",
		FLAGS(""),
		FLAGS(")"),
		FLAGS("{1, \"A\"}"),
		FLAGS("{1, \"A\"},"),
		FLAGS("{1, \"A\"}, )"),
		FLAGS("{1, \"A\""),
		FLAGS("{1, \"A"),
		FLAGS("{1 \"A\"})"),
		FLAGS("{})"),
		FLAGS("{{{{{{{{{"),
		FLAGS("{(((((((((, \"A\"})"),
		FLAGS("{0, \"A\"})"),
		/* names that could harm who prints them */
		FLAGS("{1, \"\033[2J\"})"),
		FLAGS("{1, \"A|B\"})"),
		FLAGS("{1, \"\"})"),
	};
	struct kma_arena *arena = kma_arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_null(flags_of(texts[i], arena));
	kma_arena_free(arena);
}

static void too_many_flags(void **state)
{
	struct kma_arena *arena = kma_arena_new();
	char *text = malloc(1 << 16), *to = text;

	(void)state;
	assert_non_null(text);
	to = stpcpy(to, FLAGS("{1, \"A\"}"));
	for (int i = 0; i < 3000; i++)
		to = stpcpy(to, ", {2, \"B\"}");
	strcpy(to, ") : \"none\"");
	assert_null(flags_of(text, arena));
	free(text);
	kma_arena_free(arena);
}

/* Every beginning of a real text, and every real text with one byte changed. */
static void cuts_and_flips(void **state)
{
	static const char order[] = HEAD
		"\"page=%p pageblock_order=%d f=%d\", (vmemmap + (REC->pfn)), (((unsigned "
		"int)((20 - 12))) < ((unsigned int)(11 - 1)) ? ((unsigned int)((20 - 12))) : "
		"((unsigned int)(11 - 1))), REC->f\n";
	static const char flags[] = FLAGS("{( unsigned long)((( gfp_t)(0x400u|0x800u)) | (( "
					  "gfp_t)0x40u)), \"GFP_NOFS\"}, {( unsigned long)(( "
					  "gfp_t)0x01u), \"GFP_DMA\"} ) : \"none\"\n");
	static const char *const texts[] = { order, flags };
	static const char bytes[] = "\0\"\\(){},%?:-~0 \n\xff";

	(void)state;
	for (size_t t = 0; t < 2; t++) {
		size_t size = strlen(texts[t]);

		for (size_t cut = 0; cut <= size; cut++) {
			char *copy = malloc(cut ? cut : 1);
			struct kma_format format = { .system = "kmem", .text = copy, .size = cut };
			struct kma_arena *arena = kma_arena_new();

			memcpy(copy, texts[t], cut);
			kma_print_pageblock_order(&format);
			kma_print_gfp_flags(&format, arena);
			for (size_t b = 0; cut && b < sizeof(bytes) - 1; b++) {
				copy = realloc(copy, size);
				memcpy(copy, texts[t], size);
				copy[cut - 1] = bytes[b];
				format = (struct kma_format){ "kmem", copy, size };
				kma_print_pageblock_order(&format);
				kma_print_gfp_flags(&format, arena);
			}
			kma_arena_free(arena);
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_own),	  cmocka_unit_test(arithmetic),
		cmocka_unit_test(types),	  cmocka_unit_test(refused),
		cmocka_unit_test(deep),		  cmocka_unit_test(which_argument),
		cmocka_unit_test(flags_are_read), cmocka_unit_test(flags_are_refused),
		cmocka_unit_test(too_many_flags), cmocka_unit_test(cuts_and_flips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
