/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A trace instance of our own: made, set up, switched on and off, and removed with all that was set
 * in it. The only file that changes anything in tracefs, and only inside that instance. Knows
 * nothing of what the events mean.
 */
#ifndef KMA_SOURCE_INSTANCE_H
#define KMA_SOURCE_INSTANCE_H

#include "source/tracefs.h"

struct kma_instance_config {
	uint64_t kinds;	      /* KMA_KIND_BIT of the events to record */
	uint32_t kbytes;      /* of each CPU's buffer */
	uint64_t stack_kinds; /* a kernel_stack record behind each of these; UINT64_MAX: all */
	const char *clock;
};

struct tracefs_instance;

struct kma_instance {
	struct tracefs_instance *tracefs;
	char *name, *path;
	uint32_t kbytes; /* as the kernel has rounded it */
};

/*
 * Removes what killed runs have left, then makes an instance that is not recording yet. It takes no
 * event of this process, but those of interrupts during its run. NULL with @err.
 */
struct kma_instance *kma_instance_new(const struct kma_tracefs *fs,
				      const struct kma_instance_config *config,
				      struct kma_error *err);
int kma_instance_record(const struct kma_instance *instance, bool on, struct kma_error *err);
/* Opens a file in it for reading. -1: errno says why. */
int kma_instance_open(const struct kma_instance *instance, const char *file, int flags);
/* The text of a file in it, to be freed. */
char *kma_instance_read(const struct kma_instance *instance, const char *file);
/* Whoever has opened its files has closed them. -1 with @err when it could not be removed. */
int kma_instance_free(struct kma_instance *instance, struct kma_error *err);

#endif
