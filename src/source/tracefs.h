/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running kernel's tracefs offers: where it is, which of the known events there are, which
 * clocks. It only reads; what recording changes is instance.h's.
 */
#ifndef KMA_SOURCE_TRACEFS_H
#define KMA_SOURCE_TRACEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kmem-analyze/error.h>

#include "decode/format.h"
#include "decode/page.h"

struct kma_arena;

struct kma_tracefs {
	struct kma_arena *arena; /* owns all below */
	const char *dir;	 /* "/sys/kernel/tracing" */
	const char *kernel;	 /* uname */
	struct kma_format *formats;
	size_t nr_formats;
	uint64_t kinds;	   /* KMA_KIND_BIT of each known event that the kernel has */
	const char *clock; /* the best it has for comparing CPUs */
	struct kma_page_format page_format;
	uint32_t page_size; /* of the ring buffer, at its usual size */
	uint32_t cpus;	    /* configured */
};

/* 0, or -1: the message says what is missing and the command that helps. */
int kma_tracefs_open(struct kma_tracefs *fs, struct kma_error *err);
void kma_tracefs_close(struct kma_tracefs *fs);

/* Why something in tracefs failed with @error (an errno), and what to do; "" when nothing is known.
 */
const char *kma_tracefs_advice(int error);

/* The whole of a file, whatever its stat says; NUL-terminated, to be freed. NULL: errno says why.
 */
char *kma_read_text(const char *path, size_t *size);

#endif
