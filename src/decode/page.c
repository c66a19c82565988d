/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header of a ring-buffer page; its records are read by the inline functions in page.h. */
#include "page.h"

/*
 * The commit word holds the number of bytes used, and flags. Some kernels sign-extend the flags
 * into the upper half of a 64-bit word, so only the lower half is looked at.
 */
#define COMMIT_MISSED_EVENTS (1u << 31)
#define COMMIT_MISSED_STORED (1u << 30)
#define COMMIT_LENGTH_MASK   ((1u << 27) - 1)

void kma_page_open(const struct kma_page_format *format, const uint8_t *page, size_t size,
		   size_t full, struct kma_page_cursor *cursor)
{
	uint32_t commit, length;

	memset(cursor, 0, sizeof(*cursor));
	cursor->next = cursor->end = page;
	cursor->damaged = size < full;
	if (size < format->data_offset)
		return;
	cursor->ts = kma_get64(page, format->swap);
	if (format->commit_size == 8)
		commit = (uint32_t)kma_get64(page + 8, format->swap);
	else
		commit = kma_get32(page + 8, format->swap);
	length = commit & COMMIT_LENGTH_MASK;
	if (length > full - format->data_offset) {
		cursor->damaged = true;
		return;
	}
	if (length > size - format->data_offset)
		length = size - format->data_offset;
	cursor->next = page + format->data_offset;
	cursor->end = cursor->next + length;
	if (commit & COMMIT_MISSED_EVENTS) {
		cursor->lost = 1;
		if ((commit & COMMIT_MISSED_STORED) &&
		    size - format->data_offset - length >= format->commit_size) {
			uint64_t lost = format->commit_size == 8
						? kma_get64(cursor->end, format->swap)
						: kma_get32(cursor->end, format->swap);
			/* no recording loses more: the word is damaged, and sums must not wrap */
			if (lost && lost >> 48 == 0) {
				cursor->lost = lost;
				cursor->lost_counted = true;
			}
		}
	}
}
