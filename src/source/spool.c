/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace.dat that comes through a pipe: its parts point forth and back, so it is read from a file;
 * see spool.h. */
#include "source/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/source.h"

#define CHUNK (1u << 20)

static int open_in(const char *dir)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600), n;

	if (fd >= 0 ||
	    (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL))
		return fd;
	/* a file system, or kernel, without nameless files */
	n = snprintf(path, sizeof(path), "%s/kmem-analyze-XXXXXX", dir);
	if (n < 0 || n >= (int)sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* Where large files may lie: /tmp is often memory. */
static int open_temporary(const char **dir)
{
	static const char *const dirs[] = { "/var/tmp", "/tmp", NULL };
	const char *chosen = getenv("TMPDIR");
	int fd = -1;

	if (chosen && *chosen) {
		*dir = chosen;
		return open_in(chosen);
	}
	for (size_t i = 0; fd < 0 && dirs[i]; i++) {
		*dir = dirs[i];
		fd = open_in(dirs[i]);
	}
	return fd;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		size -= n;
	}
	return 0;
}

static int too_much(const struct kma_spool *spool, struct kma_error *err)
{
	bool whole = spool->limit >= 1u << 20;

	return kma_fail(err, KMA_ERR_INPUT,
			"%s: more than %" PRIu64 " %s came: allow more with --spool-limit, or save "
			"the trace to a file and give that",
			spool->name, spool->limit >> (whole ? 20 : 0), whole ? "MiB" : "bytes");
}

static int copy(struct kma_spool *spool, int fd, const char *dir, char *chunk,
		struct kma_error *err)
{
	const char *data = spool->first;
	ssize_t n = (ssize_t)spool->size;

	for (;;) {
		spool->bytes += n;
		if (spool->bytes > spool->limit)
			return too_much(spool, err);
		if (write_all(fd, data, n) < 0)
			return kma_fail(err, KMA_ERR_INPUT,
					"%s: cannot be kept in %s: %s; name a directory with more "
					"room in TMPDIR, or save the trace to a file and give that",
					spool->name, dir, strerror(errno));
		if (spool->progress)
			spool->progress->update(spool->progress, spool->bytes, 0);
		do {
			n = spool->stop && *spool->stop ? 0 : read(spool->from, chunk, CHUNK);
		} while (n < 0 && errno == EINTR);
		if (n < 0)
			return kma_fail(err, KMA_ERR_INPUT, "%s: reading failed: %s", spool->name,
					strerror(errno));
		if (!n)
			return 0;
		data = chunk;
	}
}

int kma_spool(struct kma_spool *spool, struct kma_error *err)
{
	const char *dir = "";
	int fd = open_temporary(&dir), ret;
	char *chunk;

	if (fd < 0)
		return kma_fail(err, KMA_ERR_INPUT,
				"%s: no temporary file in %s: %s; name a directory in TMPDIR, or "
				"save the trace to a file and give that",
				spool->name, dir, strerror(errno));
	chunk = malloc(CHUNK);
	spool->bytes = 0;
	ret = chunk ? copy(spool, fd, dir, chunk, err)
		    : kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	free(chunk);
	if (ret < 0) {
		close(fd);
		return -1;
	}
	return fd;
}
