/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running kernel as a source: the pages of a trace instance of our own, read as they fill. It
 * can be read once, and waits for more until it is stopped.
 */
#ifndef KMA_SOURCE_LIVE_H
#define KMA_SOURCE_LIVE_H

#include "source/instance.h"
#include "source/source.h"

struct kma_live_config {
	uint64_t kinds;	      /* events to record: those that the kernel has */
	uint32_t kbytes;      /* of each CPU's buffer */
	uint64_t stack_kinds; /* events to record stacks behind; UINT64_MAX: all */
	const char *save;     /* the file for the raw recording; NULL: none */
};

/* Nothing is recorded yet. @fs must outlive it. NULL with @err, and then nothing is left behind. */
struct kma_source *kma_live_open(const struct kma_tracefs *fs, const struct kma_live_config *config,
				 struct kma_error *err);
int kma_live_start(struct kma_source *source, struct kma_error *err);
/* What is in the buffers can still be read, and then the lanes end. */
int kma_live_stop(struct kma_source *source, struct kma_error *err);
/* Writes the file that was asked for, once the lanes have ended. */
int kma_live_save(struct kma_source *source, struct kma_error *err);
/* kma_source_close(), but tells whether the instance could be removed. */
int kma_live_close(struct kma_source *source, struct kma_error *err);

const struct kma_instance *kma_live_instance(const struct kma_source *source);
/* Bytes of the fullest buffer read since the last call, as a share of its size: how soon to come
 * again. */
double kma_live_fill(struct kma_source *source);

/* Names tasks from the saved command lines, and from /proc where those have forgotten them. Shape
 * of kma_task_lookup in result/result.h. */
int kma_live_tasks(struct kma_source *source, const int32_t *pids, const char **names, size_t nr,
		   struct kma_arena *arena);

#endif
