/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines out of a file or pipe, in bounded memory. Knows nothing of what they say. */
#ifndef KMA_SOURCE_LINES_H
#define KMA_SOURCE_LINES_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kma_lines {
	int fd;
	const volatile sig_atomic_t *stop; /* set: as if the input ended here; may be NULL */
	char *buffer;
	size_t at, filled, max;
	uint64_t bytes;	   /* handed out, with newlines */
	uint64_t overlong; /* lines that were longer than the buffer: cut */
	int error;	   /* errno of the read that failed */
	bool ended, stopped;
	bool cut; /* the input ended within a line */
	bool skipping;
};

/* @first, @size bytes, were read from @fd before, which stays the caller's. 0, or -1 when out of
 * memory. */
int kma_lines_open(struct kma_lines *lines, int fd, const char *first, size_t size);
void kma_lines_close(struct kma_lines *lines);
/* Begins anew; for a seekable file only. */
int kma_lines_rewind(struct kma_lines *lines);
/* Without its newline, valid until the next call. A line that the input's end cut is not given. */
bool kma_lines_next(struct kma_lines *lines, const char **line, const char **end);

#endif
