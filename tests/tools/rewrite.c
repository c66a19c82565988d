// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads a JSON result and writes it again, through the result model: rewrite FILE. What comes out
 * must be the same bytes. Exit status 1 with a line on standard error when it cannot be read.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "gate/result_json.h"
#include "render/render.h"
#include "result/result.h"
#include "source/document.h"
#include "source/source.h"

int main(int argc, char **argv)
{
	struct kma_json_text json;
	struct kma_error err;
	struct kma_result *result;
	int fd, ret;

	if (argc != 2) {
		fputs("usage: rewrite FILE\n", stderr);
		return 2;
	}
	fd = open(argv[1], O_RDONLY);
	if (kma_document_read(fd, argv[1], NULL, 0, NULL, &json, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	result = kma_result_parse_json(json.text, json.size, argv[1], NULL, &err);
	free(json.text);
	if (!result) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	ret = kma_render_json(result, stdout);
	kma_result_free(result);
	return ret ? 2 : 0;
}
