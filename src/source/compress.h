/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two compressions a trace.dat can have, one block at a time. Contexts are kept for reuse and
 * shared between threads.
 */
#ifndef KMA_SOURCE_COMPRESS_H
#define KMA_SOURCE_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kma_compress;

/* NULL when out of memory; @known is false when there is no such compression here. */
struct kma_compress *kma_compress_new(const char *name, bool *known);
void kma_compress_free(struct kma_compress *compress);
/* Exactly @to_size bytes must come out of the @size at @from. 0, or -1 when the block is damaged.
 */
int kma_decompress(struct kma_compress *compress, const uint8_t *from, size_t size, uint8_t *to,
		   size_t to_size);

/*
 * A claim that a block shrank more than this is damage, and believing it would let a small file ask
 * for any amount of memory. Up to a chunk of the largest usual pages any claim is believed: pages
 * that are nearly all zero shrink without limit.
 */
#define KMA_MAX_COMPRESSION 1100
#define KMA_SMALL_BLOCK	    (1u << 20)

static inline bool kma_is_credible(uint64_t size, uint64_t to_size)
{
	return to_size <= KMA_SMALL_BLOCK || to_size / KMA_MAX_COMPRESSION <= size;
}

#endif
