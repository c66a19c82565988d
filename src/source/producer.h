/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who writes into a pipe, as /proc tells, and, where that is trace-cmd record, which file its trace
 * goes to: it writes none of it into the pipe.
 */
#ifndef KMA_SOURCE_PRODUCER_H
#define KMA_SOURCE_PRODUCER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum kma_producer_type {
	KMA_PRODUCER_UNKNOWN, /* none seen, or one that is not known here */
	KMA_PRODUCER_RECORD,  /* trace-cmd record, into a file */
	KMA_PRODUCER_REMOTE,  /* trace-cmd record, to another machine (-N) */
	KMA_PRODUCER_STREAM,  /* trace-cmd stream */
	KMA_PRODUCER_REPORT,  /* trace-cmd report */
};

struct kma_producer {
	enum kma_producer_type type;
	pid_t pid;
	char file[PATH_MAX]; /* KMA_PRODUCER_RECORD */
};

/*
 * What a process with @args (as in /proc/PID/cmdline: each argument ends with a NUL), @comm and
 * the working directory @cwd would write. False unless it is trace-cmd.
 */
bool kma_producer_parse(const char *args, size_t size, const char *comm, const char *cwd,
			struct kma_producer *producer);
/* Looks through /proc, whose place is @proc, for who holds the writing end of the pipe @fd. */
bool kma_producer_find(const char *proc, int fd, struct kma_producer *producer);

#endif
