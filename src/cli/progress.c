/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The progress line; see progress.h. */
#include "cli/progress.h"

#include <inttypes.h>
#include <time.h>

#define FIRST_NS 1000000000 /* short work needs no line */
#define EVERY_NS 200000000

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

static void update(struct kma_progress *base, uint64_t done, uint64_t total)
{
	struct kma_terminal_progress *progress = (struct kma_terminal_progress *)base;
	uint64_t ns = now(), elapsed = ns - progress->start_ns;

	if (elapsed < FIRST_NS || ns - progress->last_ns < EVERY_NS)
		return;
	progress->last_ns = ns;
	progress->shown = true;
	if (!total) {
		fprintf(progress->out, "\rreading: %" PRIu64 " MiB \033[K", done >> 20);
		fflush(progress->out);
		return;
	}
	fprintf(progress->out,
		"\rreading: %3" PRIu64 " %% of %" PRIu64 " MiB, %" PRIu64 " s left \033[K",
		100 * done / total, total >> 20,
		done ? (uint64_t)((double)elapsed / done * (total - done) / 1e9) + 1 : 0);
	fflush(progress->out);
}

void kma_progress_begin(struct kma_terminal_progress *progress, FILE *out)
{
	*progress = (struct kma_terminal_progress){ .progress.update = update,
						    .out = out,
						    .start_ns = now() };
}

void kma_progress_end(struct kma_terminal_progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", progress->out);
	fflush(progress->out);
}
