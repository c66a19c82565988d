/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A document from its first bytes to its end; see document.h. */
#include "source/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/source.h"

#define MAX_SIZE (1ul << 30) /* results are a few MiB */

bool kma_document_begins(const char *first, size_t size)
{
	size_t i = 0;

	while (i < size && strchr(" \t\r\n", first[i]) && first[i])
		i++;
	return i < size && first[i] == '{';
}

static int make_room(struct kma_json_text *to, size_t *max)
{
	char *larger;

	if (to->size < *max)
		return 0;
	*max = *max ? 2 * *max : 256u << 10;
	larger = realloc(to->text, *max);
	if (!larger)
		return -1;
	to->text = larger;
	return 0;
}

int kma_document_read(int fd, const char *name, const char *first, size_t size,
		      const volatile sig_atomic_t *stop, struct kma_json_text *to,
		      struct kma_error *err)
{
	size_t max = 0;
	ssize_t n = 1;
	int ret = 0;

	*to = (struct kma_json_text){ 0 };
	while (!ret && n && !(stop && *stop)) {
		if (make_room(to, &max) < 0) {
			ret = kma_fail(err, KMA_ERR_INTERNAL, "%s: out of memory", name);
			break;
		}
		n = size < max - to->size ? (ssize_t)size : (ssize_t)(max - to->size);
		if (n)
			memcpy(to->text + to->size, first, n);
		else
			n = read(fd, to->text + to->size, max - to->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			ret = kma_fail(err, KMA_ERR_INPUT, "%s: reading failed: %s", name,
				       strerror(errno));
		else if ((to->size += n) > MAX_SIZE)
			ret = kma_fail(err, KMA_ERR_INPUT, "%s: a JSON document of over %lu MiB",
				       name, MAX_SIZE >> 20);
		if (size) {
			first += n;
			size -= n;
		}
	}
	if (ret) {
		free(to->text);
		*to = (struct kma_json_text){ 0 };
	}
	return ret;
}
