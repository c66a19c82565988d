// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: any bytes as a ring-buffer page. The decoder must stay on the page. Where the
 * page is one that a kernel could have made, libtraceevent's kbuffer must find the same records; on
 * others it is no reference: it reads past the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <traceevent/kbuffer.h>

#include "decode/page.h"

#define MAX_PAGE 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void differ(const char *what)
{
	fprintf(stderr, "kbuffer does not agree: %s\n", what);
	abort();
}

static uint64_t touch(const struct kma_record *record)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < record->size; i++)
		sum += record->data[i];
	return sum;
}

/* Reads the whole page; false if it is damaged. @size of @full bytes are there. */
static bool decode(const struct kma_page_format *format, const uint8_t *page, size_t size,
		   size_t full)
{
	uint64_t sum = 0;
	struct kma_page_cursor cursor;
	struct kma_record record;

	kma_page_open(format, page, size, full, &cursor);
	while (kma_page_next(format, &cursor, &record)) {
		if (record.data < page || record.data + record.size > page + size)
			differ("a record is not on the page");
		sum += touch(&record);
	}
	/* what is read must not be optimised away */
	__asm__ volatile("" : : "r"(sum));
	return !cursor.damaged;
}

/* All lengths are whole words, and nothing follows the padding that ends a page. */
static bool regular(const struct kma_page_format *format, const uint8_t *page, size_t size)
{
	struct kma_page_cursor cursor;

	kma_page_open(format, page, size, size, &cursor);
	if ((cursor.end - cursor.next) % 4)
		return false;
	while (cursor.end - cursor.next >= 4) {
		uint32_t head = kma_get32(cursor.next, format->swap), length;
		unsigned int type = format->big_endian ? head >> 27 : head & 31;
		uint32_t delta = format->big_endian ? head & 0x7ffffff : head >> 5;

		cursor.next += 4;
		if (type && type <= KMA_RB_MAX_DATA) {
			length = 4 * type;
		} else if (cursor.end - cursor.next < 4) {
			return false;
		} else {
			length = kma_get32(cursor.next, format->swap);
			if (type == KMA_RB_TIME_EXTEND || type == KMA_RB_TIME_STAMP)
				length = 4;
			else if (type == KMA_RB_PADDING && !delta)
				return length == cursor.end - cursor.next;
		}
		/* an event without data is none */
		if (length % 4 || length < (type ? 4 : 8) || length > cursor.end - cursor.next)
			return false;
		cursor.next += length;
	}
	return true;
}

static void compare(const struct kma_page_format *format, const uint8_t *page, size_t size)
{
	struct kbuffer *kbuf = kbuffer_alloc(
		format->commit_size == 8 ? KBUFFER_LSIZE_8 : KBUFFER_LSIZE_4,
		format->big_endian ? KBUFFER_ENDIAN_BIG : KBUFFER_ENDIAN_LITTLE);
	struct kma_page_cursor cursor;
	struct kma_record record;
	unsigned long long ts;
	bool upper_bits;
	void *event;

	if (!kbuf)
		return;
	kma_page_open(format, page, size, size, &cursor);
	upper_bits = cursor.ts >> KMA_RB_TS_BITS;
	if (kbuffer_load_subbuffer(kbuf, (void *)page))
		differ("not a page");
	for (event = kbuffer_read_event(kbuf, &ts); event; event = kbuffer_next_event(kbuf, &ts)) {
		if (!kma_page_next(format, &cursor, &record))
			differ("it has more records");
		if (record.data != event || record.size != (uint32_t)kbuffer_event_size(kbuf))
			differ("another record");
		/* older versions leave out the upper bits of an absolute time stamp */
		upper_bits |= record.ts >> KMA_RB_TS_BITS;
		if (record.ts != ts && !upper_bits)
			differ("another time");
	}
	if (kma_page_next(format, &cursor, &record))
		differ("it has fewer records");
	kbuffer_free(kbuf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kma_page_format format = { 0 };
	uint8_t *page;
	size_t part;

	if (size < 65 || size - 1 > MAX_PAGE)
		return 0;
	format.big_endian = data[0] & 1;
	format.swap = format.big_endian;
	format.commit_size = data[0] & 2 ? 4 : 8;
	format.data_offset = 8 + format.commit_size;
	part = (size - 1) * (data[0] >> 2) / 63;
	data++;
	size--;
	/* in memory of its own, so that the sanitizer sees every byte past the end */
	page = malloc(size);
	if (!page)
		return 0;
	memcpy(page, data, size);
	if (decode(&format, page, size, size) && regular(&format, page, size))
		compare(&format, page, size);
	free(page);
	page = malloc(part ? part : 1);
	if (!page)
		return 0;
	memcpy(page, data, part);
	decode(&format, page, part, size);
	free(page);
	return 0;
}
