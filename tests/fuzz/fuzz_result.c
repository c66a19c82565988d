// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Feeds any bytes to the reader of JSON results. What it accepts is written again, and read again:
 * the second writing must be the first one's bytes. It is also rendered as text and compared with
 * itself, which must find nothing changed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/result_json.h"
#include "render/render.h"
#include "result/compare.h"
#include "result/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void broken(const char *what)
{
	fprintf(stderr, "fuzz_result: %s\n", what);
	abort();
}

static char *write_json(const struct kma_result *result, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	if (!out || kma_render_json(result, out) < 0 || fclose(out))
		broken("cannot write what was read");
	return text;
}

static void write_text(const struct kma_result *result)
{
	static const struct kma_text_options options = { .top = 10 };
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out || kma_render_text(result, &options, out) < 0)
		broken("cannot print what was read");
	fclose(out);
	free(text);
}

static void compare(const struct kma_result *result)
{
	const struct kma_side sides[KMA_SIDES] = { { &result, 1 }, { &result, 1 } };
	struct kma_comparison *comparison = kma_compare(sides);

	if (!comparison)
		broken("cannot compare what was read");
	if (comparison->count[KMA_WORSE] || comparison->count[KMA_IMPROVED] ||
	    comparison->nr_presences)
		broken("a result differs from itself");
	kma_comparison_free(comparison);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kma_error err = { .code = KMA_OK };
	struct kma_result *result, *again;
	char *first, *second;
	size_t first_size, second_size;

	result = kma_result_parse_json((const char *)data, size, "fuzz", NULL, &err);
	if (!result) {
		if (err.code != KMA_ERR_INPUT || strncmp(err.message, "fuzz: ", 6) != 0 ||
		    strchr(err.message, '\n'))
			broken("refused without one line that tells what is wrong");
		return 0;
	}
	first = write_json(result, &first_size);
	again = kma_result_parse_json(first, first_size, "again", NULL, &err);
	if (!again)
		broken(err.message);
	second = write_json(again, &second_size);
	if (first_size != second_size || memcmp(first, second, first_size) != 0)
		broken("what was written and read again is not the same");
	write_text(result);
	compare(result);
	kma_result_free(again);
	kma_result_free(result);
	free(first);
	free(second);
	return 0;
}
