/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The limit for compressed traces: decompresses all chunks of a trace.dat, each CPU's by one of N
 * threads, and does nothing else. Where they are it asks the tool's reader.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/tracedat.h"

struct worker {
	pthread_t thread;
	struct kma_tracedat *dat;
	uint32_t first, step;
	uint64_t bytes;
	bool failed;
};

static void *unpack(void *of)
{
	struct worker *worker = of;
	uint8_t *to = NULL;
	size_t max = 0;

	for (uint32_t i = worker->first; i < worker->dat->nr_lanes; i += worker->step) {
		const struct kma_dat_lane *lane = &worker->dat->lanes[i];
		struct kma_cursor cursor = { .data = lane->data, .size = lane->size };

		if (!lane->size)
			continue;
		for (uint32_t left = kma_cursor_u32(&cursor); left && !worker->failed; left--) {
			uint32_t size = kma_cursor_u32(&cursor), to_size = kma_cursor_u32(&cursor);
			const uint8_t *from = kma_cursor_bytes(&cursor, size);

			if (to_size > max) {
				max = to_size;
				free(to);
				to = malloc(max);
			}
			worker->failed = !from || !to ||
					 kma_decompress(worker->dat->compress, from, size, to,
							to_size) < 0;
			worker->bytes += to_size;
		}
	}
	free(to);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned int nr = argc == 3 ? (unsigned int)atoi(argv[1]) : 0;
	struct worker workers[64] = { 0 };
	struct kma_source *source;
	struct kma_error err;
	uint64_t bytes = 0;
	bool failed = false;

	if (!nr || nr > 64) {
		fprintf(stderr, "usage: unpack_chunks THREADS TRACE\n");
		return 2;
	}
	source = kma_source_open(argv[2], KMA_READER_OWN, &err);
	if (!source) {
		fprintf(stderr, "%s\n", err.message);
		return 3;
	}
	for (unsigned int i = 0; i < nr; i++) {
		workers[i] = (struct worker){ .dat = (struct kma_tracedat *)source,
					      .first = i,
					      .step = nr };
		failed |= pthread_create(&workers[i].thread, NULL, unpack, &workers[i]) != 0;
	}
	for (unsigned int i = 0; i < nr && !failed; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned int i = 0; i < nr; i++) {
		bytes += workers[i].bytes;
		failed |= workers[i].failed;
	}
	printf("%llu\n", (unsigned long long)bytes);
	if (!failed)
		kma_source_close(source);
	return failed ? 3 : 0;
}
