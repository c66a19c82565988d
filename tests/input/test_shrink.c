// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file that gets shorter while it is read: what is gone must not kill the program, and the result
 * must say so, wherever the new end is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze.h"
#include "input.h"
#include "source/source.h"

static void shrink(const struct input *input, const char *path, size_t to)
{
	FILE *out = fopen(path, "wb");
	struct kma_source *source;
	struct outcome outcome;
	struct kma_error err;

	case_begin("%s, cut to %zu of %zu while open", input->name, to, input->size);
	if (!out || fwrite(input->data, 1, input->size, out) != input->size || fclose(out))
		case_fail("cannot write %s", path);
	source = kma_source_open(path, KMA_READER_OWN, &err);
	if (!source)
		case_fail("%s", err.message);
	if (truncate(path, (off_t)to))
		case_fail("cannot cut %s", path);
	analyze_source(source, true, &outcome);
	if (!outcome.ok)
		case_fail("%s", outcome.err.message);
	if (!outcome.truncated || !outcome.nr_notes)
		case_fail("is not told");
	case_end();
}

int main(void)
{
	char path[] = "/tmp/kma-shrink-XXXXXX";
	int file = mkstemp(path);

	if (file < 0) {
		printf("skipped: no temporary file can be made\n");
		return EXIT_SKIP;
	}
	close(file);
	for (const struct input_form *form = input_forms; form->name; form++) {
		struct input input;

		input_make(&input, form);
		shrink(&input, path, 0);
		shrink(&input, path, 4096);
		shrink(&input, path, input.size / 2);
		shrink(&input, path, input.size / 2 / 4096 * 4096);
		shrink(&input, path, input.size - 1);
		input_free(&input);
	}
	unlink(path);
	return 0;
}
