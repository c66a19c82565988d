// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer target: any bytes as a trace.dat, through the whole program to both output formats. */
#include <stdio.h>
#include <stdlib.h>

#include "analyze.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome outcome;

	analyze_memory(data, size, true, &outcome);
	if (!outcome.ok && (!*outcome.err.message || outcome.err.code == KMA_ERR_INTERNAL)) {
		fprintf(stderr, "no proper failure: %d \"%s\"\n", outcome.err.code,
			outcome.err.message);
		abort();
	}
	return 0;
}
