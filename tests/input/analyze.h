/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole way of a trace through the program, from memory and without output: what the tests of
 * bad input and the fuzz targets call. Knows no file format.
 */
#ifndef KMA_TESTS_ANALYZE_H
#define KMA_TESTS_ANALYZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kmem-analyze/error.h>

struct kma_source;

struct outcome {
	bool ok;			/* a result was made and rendered; else @err says why not */
	struct kma_error err;
	bool truncated;
	uint64_t records, lost;
	size_t nr_notes;
	char note[400];			/* the first one */
};

/* @rendered: also as text and JSON, which takes as long as all the rest. */
void analyze_memory(const void *data, size_t size, bool rendered, struct outcome *outcome);
/* The same with a source that is open; closes it. */
void analyze_source(struct kma_source *source, bool rendered, struct outcome *outcome);

#endif
