// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Damaged files: single bytes changed at random, and number fields overwritten with absurd values.
 * Whatever comes of it, it must come soon, without a crash, and with little memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze.h"
#include "input.h"
#include "peak.h"
#include "walk.h"

#define FLIPS 2000
#define RENDER_EACH 8
#define MAX_SECONDS 2.0
#define BASE_MEMORY ((size_t)64 << 20)
#define MEMORY_PER_BYTE 1100	/* the most that a block of real data can have been compressed */

static unsigned int nr_cases, nr_refused, nr_truncated;
static double slowest;
static size_t largest;

static void run(const uint8_t *data, size_t size)
{
	struct outcome outcome;
	bool counted = peak_begin();
	double seconds;

	analyze_memory(data, size, nr_cases % RENDER_EACH == 0, &outcome);
	seconds = case_end();
	if (counted && peak_end() > BASE_MEMORY + size * MEMORY_PER_BYTE)
		case_fail("took %zu bytes of memory", peak_end());
	if (seconds > MAX_SECONDS)
		case_fail("took %.1f seconds", seconds);
	if (!outcome.ok && !*outcome.err.message)
		case_fail("failed without a message");
	if (!outcome.ok && outcome.err.code == KMA_ERR_INTERNAL)
		case_fail("is no internal error: %s", outcome.err.message);
	nr_cases++;
	nr_refused += !outcome.ok;
	nr_truncated += outcome.truncated;
	if (seconds > slowest)
		slowest = seconds;
	if (counted && peak_end() > largest)
		largest = peak_end();
}

/* Two flips of three fall before the first page of events. */
static void flip_bytes(const struct input *input, const struct walk *walk, uint8_t *copy)
{
	uint64_t seed = 0x5eed + input->size;

	for (unsigned int i = 0; i < FLIPS; i++) {
		size_t range = i % 3 ? walk->metadata : input->size;
		size_t at = input_random(&seed) % range;
		uint8_t mask = i % 2 ? 1u << input_random(&seed) % 8
				     : 1 + input_random(&seed) % 255;

		case_begin("%s: byte %zu with 0x%02x", input->name, at, mask);
		copy[at] ^= mask;
		run(copy, input->size);
		copy[at] ^= mask;
	}
}

static void overwrite_fields(const struct input *input, const struct walk *walk, uint8_t *copy)
{
	static const uint64_t values[] = {
		0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
		0x8000000000000000, 0xfffffffffffffff0, 0xffffffffffffffff,
	};

	for (size_t i = 0; i < walk->nr_fields; i++) {
		const struct walk_field *field = &walk->fields[i];
		unsigned int nr = field->size == 8 ? 10 : 5;

		for (unsigned int v = 0; v < nr; v++) {
			case_begin("%s: %u bytes at %zu are 0x%llx", input->name, field->size,
				   field->at, (unsigned long long)values[v]);
			for (unsigned int b = 0; b < field->size; b++)
				copy[field->at + b] = (uint8_t)(values[v] >> (8 * b));
			run(copy, input->size);
			memcpy(copy + field->at, input->data + field->at, field->size);
		}
		/* sizes that are just wrong do other harm than absurd ones */
		for (int d = -1; d <= 1; d += 2) {
			case_begin("%s: %u bytes at %zu are changed by %d", input->name,
				   field->size, field->at, d);
			copy[field->at] = (uint8_t)(copy[field->at] + d);
			run(copy, input->size);
			copy[field->at] = input->data[field->at];
		}
	}
}

static void break_file(const struct input *input)
{
	struct walk *walk = walk_file(input->data, input->size);
	uint8_t *copy = malloc(input->size);

	if (!copy || walk->failed)
		case_fail("%s: the test does not understand this file", input->name);
	memcpy(copy, input->data, input->size);
	nr_cases = nr_refused = nr_truncated = 0;
	largest = 0;
	slowest = 0;
	flip_bytes(input, walk, copy);
	overwrite_fields(input, walk, copy);
	printf("%s: %u cases, %u refused, %u told as damaged; slowest %.3f s, at most %zu KiB\n",
	       input->name, nr_cases, nr_refused, nr_truncated, slowest, largest >> 10);
	free(copy);
	free(walk);
}

/* Usage: test_flips [FORM] */
int main(int argc, char **argv)
{
	for (const struct input_form *form = input_forms; form->name; form++) {
		struct input input;

		if (argc > 1 && strcmp(argv[1], form->name))
			continue;
		input_make(&input, form);
		break_file(&input);
		input_free(&input);
	}
	return 0;
}
