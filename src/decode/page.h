/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ring-buffer pages as the kernel lays them out: from the bytes of one page to its records. Knows
 * nothing of files or of what a record means. Every length is checked against the page.
 */
#ifndef KMA_DECODE_PAGE_H
#define KMA_DECODE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What differs between traced machines. */
struct kma_page_format {
	bool big_endian;
	bool swap;	      /* other byte order than this machine's */
	uint8_t commit_size;  /* the kernel's long: 4 or 8 */
	uint16_t data_offset; /* where the records begin: 12 or 16 */
};

struct kma_record {
	uint64_t ts;	     /* as recorded */
	const uint8_t *data; /* begins with the common fields */
	uint32_t size;
};

struct kma_page_cursor {
	const uint8_t *next, *end;
	uint64_t ts;   /* of the record read last */
	uint64_t lost; /* records lost before this page, 0: none; 1 when not counted */
	bool lost_counted;
	bool damaged; /* a length pointed past the end: the rest of the page was given up */
};

static inline uint16_t kma_get16(const void *p, bool swap)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return swap ? __builtin_bswap16(v) : v;
}

static inline uint32_t kma_get32(const void *p, bool swap)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swap ? __builtin_bswap32(v) : v;
}

static inline uint64_t kma_get64(const void *p, bool swap)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return swap ? __builtin_bswap64(v) : v;
}

/*
 * Reads the header of the page at @page, of which @size bytes of @full are there (less at the end
 * of a cut file). Marks @cursor damaged when the page is cut, or when its header cannot be right:
 * then it has no records.
 */
void kma_page_open(const struct kma_page_format *format, const uint8_t *page, size_t size,
		   size_t full, struct kma_page_cursor *cursor);

enum {
	KMA_RB_MAX_DATA = 28, /* type_len up to here: the payload's length in words */
	KMA_RB_PADDING = 29,
	KMA_RB_TIME_EXTEND = 30,
	KMA_RB_TIME_STAMP = 31,
};

#define KMA_RB_TS_SHIFT 27
/* An absolute time stamp has 59 bits; the five above come from the time before it. */
#define KMA_RB_TS_BITS 59

/* The next record that carries data. False at the end of the page. */
static inline __attribute__((always_inline)) bool
kma_page_next(const struct kma_page_format *format, struct kma_page_cursor *cursor,
	      struct kma_record *record)
{
	const uint8_t *p = cursor->next;
	bool swap = format->swap;

	while ((size_t)(cursor->end - p) >= 4) {
		uint32_t head = kma_get32(p, swap);
		uint32_t type, delta;
		size_t left = (size_t)(cursor->end - p) - 4, length;

		if (format->big_endian) {
			type = head >> KMA_RB_TS_SHIFT;
			delta = head & ((1u << KMA_RB_TS_SHIFT) - 1);
		} else {
			type = head & 31;
			delta = head >> 5;
		}
		p += 4;
		if (type != 0 && type <= KMA_RB_MAX_DATA) {
			length = type * 4;
			if (length > left)
				goto damaged;
			cursor->ts += delta;
			record->ts = cursor->ts;
			record->data = p;
			record->size = length;
			cursor->next = p + length;
			return true;
		}
		/* everything else has a word behind its head, except the page's final padding */
		if (type == KMA_RB_PADDING && delta == 0)
			break;
		if (left < 4)
			goto damaged;
		length = kma_get32(p, swap);
		if (type == KMA_RB_TIME_EXTEND) {
			cursor->ts += ((uint64_t)length << KMA_RB_TS_SHIFT) + delta;
			p += 4;
		} else if (type == KMA_RB_TIME_STAMP) {
			uint64_t low = ((uint64_t)length << KMA_RB_TS_SHIFT) + delta;
			uint64_t ts = (cursor->ts >> KMA_RB_TS_BITS << KMA_RB_TS_BITS) | low;

			if (ts < cursor->ts && cursor->ts >> KMA_RB_TS_BITS)
				ts += UINT64_C(1) << KMA_RB_TS_BITS;
			cursor->ts = ts;
			p += 4;
		} else {
			/* a long record, or a discarded one: the word counts itself and the payload
			 */
			cursor->ts += delta;
			if (length < 4 || length > left ||
			    (length = (length + 3) & ~(size_t)3) > left)
				goto damaged;
			p += length;
			if (type == KMA_RB_PADDING)
				continue;
			record->ts = cursor->ts;
			record->data = p - length + 4;
			record->size = length - 4;
			cursor->next = p;
			return true;
		}
	}
	cursor->next = cursor->end;
	return false;
damaged:
	cursor->next = cursor->end;
	cursor->damaged = true;
	return false;
}

#endif
