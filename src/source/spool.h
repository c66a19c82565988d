/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pipe's bytes into a temporary file that has no name. */
#ifndef KMA_SOURCE_SPOOL_H
#define KMA_SOURCE_SPOOL_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include <kmem-analyze/error.h>

struct kma_progress;

struct kma_spool {
	int from;
	const char *name;  /* as the user calls it */
	const char *first; /* what was read of it before */
	size_t size;
	uint64_t limit;			   /* in bytes */
	struct kma_progress *progress;	   /* may be NULL */
	const volatile sig_atomic_t *stop; /* set: the input ends here; may be NULL */
	uint64_t bytes;			   /* result */
};

/* Copies up to the end of the input; the file, or -1. */
int kma_spool(struct kma_spool *spool, struct kma_error *err);

#endif
