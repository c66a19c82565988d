// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: any bytes as printed events, through the whole pipeline. Besides staying within
 * its memory, the reader must give a file and a pipe alike, and count as many records as it says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kmem-analyze/analysis.h>

#include "result/result.h"
#include "source/open.h"
#include "source/source.h"
#include "stream/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Opens the text with its first @first bytes already read. */
static struct kma_source *open_text(const uint8_t *data, size_t size, size_t first, bool can_rewind)
{
	struct kma_text_input input = { .name = "fuzz",
					.first = (const char *)data,
					.size = first,
					.can_rewind = can_rewind };
	struct kma_error err;

	input.fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (input.fd < 0 || write(input.fd, data, size) != (ssize_t)size ||
	    lseek(input.fd, first, SEEK_SET) < 0)
		abort();
	return kma_text_open(&input, &err);
}

static uint64_t run(struct kma_source *source)
{
	struct kma_selection selection = { .analyses = kma_analyses, .stack_depth = 8 };
	struct kma_result *result = kma_result_new();
	struct kma_error err;
	uint64_t records = 0, counted = 0;

	if (!result)
		abort();
	if (kma_pipeline_run(source, &selection, NULL, result, &err) == 0) {
		records = result->facts.records;
		for (size_t i = 0; i < result->facts.nr_events; i++)
			counted += result->facts.events[i].count;
		if (counted != records)
			abort();
	}
	kma_result_free(result);
	kma_source_close(source);
	return records;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kma_source *file = open_text(data, size, 0, true), *pipe;

	pipe = open_text(data, size, size / 2, false);
	if (!file != !pipe)
		abort();
	if (file && run(file) != run(pipe))
		abort();
	return 0;
}
