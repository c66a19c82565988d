/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file in memory. If it shrinks while it is mapped, what is gone reads as zeros instead of
 * killing the process, and kma_mapping_shrunk() tells.
 */
#ifndef KMA_SOURCE_MAPPING_H
#define KMA_SOURCE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kmem-analyze/error.h>

struct kma_mapping {
	const uint8_t *data;
	size_t size;
	bool mapped; /* false: memory of somebody else */
	int fd;	     /* of a mapped file: to see whether it shrinks */
};

/* @name: as the user calls it, for messages. */
int kma_mapping_open(struct kma_mapping *mapping, const char *path, const char *name,
		     struct kma_error *err);
void kma_mapping_close(struct kma_mapping *mapping);
bool kma_mapping_shrunk(const struct kma_mapping *mapping);

#endif
