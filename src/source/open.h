/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The readers behind kma_source_open(), for input.c and source.c to choose from. @name is what the
 * user calls what @path leads to. */
#ifndef KMA_SOURCE_OPEN_H
#define KMA_SOURCE_OPEN_H

#include <signal.h>

#include "source/source.h"

struct kma_source *kma_tracedat_open(const char *path, const char *name, struct kma_error *err);
struct kma_source *kma_tracecmd_open(const char *path, const char *name, struct kma_error *err);
/* A trace.dat by whichever of them fits. */
struct kma_source *kma_reader_open(const char *path, const char *name, enum kma_reader reader,
				   struct kma_error *err);

struct kma_text_input {
	int fd;		   /* the source closes it, also when opening fails */
	const char *name;  /* as the user calls it */
	const char *first; /* what was read of it before */
	size_t size;
	bool can_rewind;
	const volatile sig_atomic_t *stop; /* set: the input ends here; may be NULL */
};

struct kma_source *kma_text_open(const struct kma_text_input *input, struct kma_error *err);
/* Is there a line of printed events, or of what stands around them? */
bool kma_text_sounds_right(const char *text, size_t size);

#endif
