/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line on the terminal that tells how far a long run is. */
#ifndef KMA_CLI_PROGRESS_H
#define KMA_CLI_PROGRESS_H

#include <stdint.h>
#include <stdio.h>

#include "stream/pipeline.h"

struct kma_terminal_progress {
	struct kma_progress progress; /* first: one is cast to the other */
	FILE *out;
	uint64_t start_ns, last_ns;
	bool shown;
};

/* @out is a terminal. Nothing appears in the first second. */
void kma_progress_begin(struct kma_terminal_progress *progress, FILE *out);
/* Takes the line away again. */
void kma_progress_end(struct kma_terminal_progress *progress);

#endif
