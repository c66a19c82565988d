/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounds-checked reading; see cursor.h. */
#include "source/cursor.h"

#include <string.h>

#include "decode/page.h"

const uint8_t *kma_cursor_bytes(struct kma_cursor *cursor, uint64_t size)
{
	const uint8_t *p = cursor->data + cursor->at;

	if (cursor->past_end || size > cursor->size - cursor->at) {
		cursor->past_end = true;
		return NULL;
	}
	cursor->at += size;
	return p;
}

uint8_t kma_cursor_u8(struct kma_cursor *cursor)
{
	const uint8_t *p = kma_cursor_bytes(cursor, 1);

	return p ? *p : 0;
}

uint16_t kma_cursor_u16(struct kma_cursor *cursor)
{
	const uint8_t *p = kma_cursor_bytes(cursor, 2);

	return p ? kma_get16(p, cursor->swap) : 0;
}

uint32_t kma_cursor_u32(struct kma_cursor *cursor)
{
	const uint8_t *p = kma_cursor_bytes(cursor, 4);

	return p ? kma_get32(p, cursor->swap) : 0;
}

uint64_t kma_cursor_u64(struct kma_cursor *cursor)
{
	const uint8_t *p = kma_cursor_bytes(cursor, 8);

	return p ? kma_get64(p, cursor->swap) : 0;
}

const char *kma_cursor_string(struct kma_cursor *cursor)
{
	const uint8_t *p = cursor->data + cursor->at;
	const uint8_t *end = cursor->past_end ? NULL : memchr(p, '\0', cursor->size - cursor->at);

	if (!end) {
		cursor->past_end = true;
		return "";
	}
	cursor->at += end - p + 1;
	return (const char *)p;
}
