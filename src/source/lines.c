/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A buffer over read(); see lines.h. */
#include "source/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (256u << 10)

int kma_lines_open(struct kma_lines *lines, int fd, const char *first, size_t size)
{
	*lines = (struct kma_lines){ .fd = fd };
	lines->max = size > BUFFER_BYTES ? size : BUFFER_BYTES;
	lines->buffer = malloc(lines->max);
	if (!lines->buffer)
		return -1;
	if (size)
		memcpy(lines->buffer, first, size);
	lines->filled = size;
	return 0;
}

void kma_lines_close(struct kma_lines *lines)
{
	free(lines->buffer);
	lines->buffer = NULL;
}

int kma_lines_rewind(struct kma_lines *lines)
{
	if (lseek(lines->fd, 0, SEEK_SET) < 0)
		return -1;
	lines->at = lines->filled = 0;
	lines->bytes = lines->overlong = 0;
	lines->error = 0;
	lines->ended = lines->cut = lines->skipping = false;
	return 0;
}

/* More of the input behind what is not handed out yet; false at the end. */
static bool fill(struct kma_lines *lines)
{
	ssize_t n;

	memmove(lines->buffer, lines->buffer + lines->at, lines->filled - lines->at);
	lines->filled -= lines->at;
	lines->at = 0;
	do {
		lines->stopped |= lines->stop && *lines->stop;
		if (lines->stopped)
			return false;
		n = read(lines->fd, lines->buffer + lines->filled, lines->max - lines->filled);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		lines->error = errno;
	if (n <= 0)
		return false;
	lines->filled += n;
	return true;
}

bool kma_lines_next(struct kma_lines *lines, const char **line, const char **end)
{
	size_t searched = 0;

	while (!lines->ended) {
		char *at = lines->buffer + lines->at;
		size_t left = lines->filled - lines->at;
		char *newline = memchr(at + searched, '\n', left - searched);

		if (newline) {
			*line = at;
			*end = newline;
			lines->at += newline + 1 - at;
			lines->bytes += newline + 1 - at;
			searched = 0;
			if (!lines->skipping)
				return true;
			lines->skipping = false; /* it was the rest of an overlong one */
			continue;
		}
		searched = left;
		if (left == lines->max) {
			lines->overlong += !lines->skipping;
			lines->skipping = true;
			lines->bytes += left;
			lines->at = lines->filled = searched = 0;
		}
		if (!fill(lines)) {
			lines->ended = true;
			lines->cut = lines->filled > lines->at || lines->skipping;
		}
	}
	return false;
}
