// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads a JSON result and writes it again, through the result model: rewrite FILE. What comes out
 * must be the same bytes. Exit status 1 with a line on standard error when it cannot be read.
 */
#include <stdio.h>

#include "gate/result_json.h"
#include "render/render.h"
#include "result/result.h"

int main(int argc, char **argv)
{
	struct kma_error err;
	struct kma_result *result;
	int ret;

	if (argc != 2) {
		fputs("usage: rewrite FILE\n", stderr);
		return 2;
	}
	result = kma_result_read_json(argv[1], NULL, &err);
	if (!result) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	ret = kma_render_json(result, stdout);
	kma_result_free(result);
	return ret ? 2 : 0;
}
