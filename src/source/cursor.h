/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading numbers and strings of a file's byte order from memory: nothing is read past the end. */
#ifndef KMA_SOURCE_CURSOR_H
#define KMA_SOURCE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kma_cursor {
	const uint8_t *data;
	size_t size, at;
	bool swap;
	bool past_end; /* sticks once a read asked for more than there is; such reads give 0 */
};

uint8_t kma_cursor_u8(struct kma_cursor *cursor);
uint16_t kma_cursor_u16(struct kma_cursor *cursor);
uint32_t kma_cursor_u32(struct kma_cursor *cursor);
uint64_t kma_cursor_u64(struct kma_cursor *cursor);
/* A NUL-terminated string in place; "" when there is none. */
const char *kma_cursor_string(struct kma_cursor *cursor);
/* @size bytes in place; NULL when there are fewer. */
const uint8_t *kma_cursor_bytes(struct kma_cursor *cursor, uint64_t size);

#endif
