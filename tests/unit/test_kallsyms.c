/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Naming addresses from the text of kallsyms, against a search that reads each line with sscanf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/source.h"
#include "util/arena.h"

#define LINES	  400
#define ADDRESSES 300

static const char *current;

static char *copy_text(struct kma_source *source)
{
	(void)source;
	return strdup(current);
}

static const struct kma_source_ops ops = { .name = "text", .kallsyms = copy_text };

/* The nearest function at or below @address, of several the first; false: there is none. */
static bool slow(uint64_t address, char *expected, size_t size)
{
	unsigned long long best = 0;
	bool found = false;

	for (const char *line = current, *end; *line; line = *end ? end + 1 : end) {
		unsigned long long at;
		char type, name[64];

		end = strchrnul(line, '\n');
		if (sscanf(line, "%llx %c %63s", &at, &type, name) == 3 && strchr("tTwW", type) &&
		    at <= address && (!found || at > best)) {
			best = at;
			found = true;
			snprintf(expected, size, "%s+0x%llx", name, (unsigned long long)address - at);
		}
	}
	return found;
}

static void compare(const uint64_t *addresses, size_t nr, bool keep)
{
	struct kma_source source = { .ops = &ops, .sort_symbols = keep };
	struct kma_arena *arena = kma_arena_new();
	const char *names[ADDRESSES] = { NULL };
	char expected[128];

	assert_int_equal(kma_source_symbols(&source, addresses, names, nr, arena), 0);
	for (size_t i = 0; i < nr; i++) {
		if (slow(addresses[i], expected, sizeof(expected)))
			assert_string_equal(names[i], expected);
		else
			assert_null(names[i]);
	}
	kma_source_forget_symbols(&source);
	kma_arena_free(arena);
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void all_kinds_of_lines(void **unused)
{
	static const uint64_t addresses[] = { 0, 0xfff, 0x1000, 0x1009, 0xc0008000, 0xc0009fff,
					      0xffffffff81000000, 0xffffffff8100000f,
					      0xffffffff81abcdef, 0xffffffffc0000010, UINT64_MAX };

	(void)unused;
	current = "1000 t short_address\n"
		  "C0008000 T upper_case\n"
		  "c0009ffe d data\n"
		  "\n"
		  "ffffffff81000000 T first_name\n"
		  "ffffffff81000000 T second_name\n"
		  "ffffffff8100000: T no_digit\n"
		  "ffffffff8100000g T no_digit_either\n"
		  "ffffffff81abcdef W weak\n"
		  "ffffffffc0000010 t of_module\t[module]\n"
		  "ffffffffc0000010 t\n"
		  "fffffffffffffff0 w last_without_line_end";
	for (int keep = 0; keep < 2; keep++)
		compare(addresses, sizeof(addresses) / sizeof(*addresses), keep);
}

static void random_lines(void **unused)
{
	static char text[LINES * 64];
	uint64_t addresses[ADDRESSES];
	unsigned int seed = 1;

	(void)unused;
	current = text;
	for (int turn = 0; turn < 40; turn++) {
		uint64_t at = UINT64_C(0xffffffff81000000);
		char *end = text;

		for (int i = 0; i < LINES; i++) {
			at += rand_r(&seed) % 3 * 0x10;
			if (rand_r(&seed) % 40 == 0) /* modules follow in any order */
				at = UINT64_C(0xffffffff80000000) + rand_r(&seed) % 0x2000000;
			end += sprintf(end, "%016llx %c f%d%s\n", (unsigned long long)at,
				       "tTwWdDbBrA"[rand_r(&seed) % 10], i, i % 3 ? "" : "\t[m]");
		}
		for (int i = 0; i < ADDRESSES; i++)
			addresses[i] = rand_r(&seed) % 2 ? at + rand_r(&seed) % 0x400
							 : UINT64_C(0xffffffff80000000) +
								   rand_r(&seed) % 0x2000000;
		qsort(addresses, ADDRESSES, sizeof(*addresses), ascending);
		for (int keep = 0; keep < 2; keep++)
			compare(addresses, ADDRESSES, keep);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds_of_lines),
		cmocka_unit_test(random_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
