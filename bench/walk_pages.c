/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The limit: walks the ring-buffer pages of a mapped, uncompressed trace.dat and counts records per
 * event id, and does nothing else: no times, no order, no fields. Where the pages are it asks the
 * tool's reader. With --kbuffer, the same through libtraceevent's kbuffer.
 */
#include <stdio.h>
#include <string.h>

#include <traceevent/kbuffer.h>

#include "source/tracedat.h"

static uint64_t counts[1 << 16];

static void walk_page(const struct kma_page_format *format, const uint8_t *page, size_t size)
{
	uint32_t length = kma_get32(page + 8, false) & ((1u << 27) - 1);
	const uint8_t *p = page + format->data_offset, *end = p + length;

	if (length > size - format->data_offset)
		return;
	while (end - p >= 4) {
		uint32_t head = kma_get32(p, false), type = head & 31;

		p += 4;
		if (type && type <= KMA_RB_MAX_DATA) {
			if (end - p < 4 * (ptrdiff_t)type)
				return;
			counts[kma_get16(p, false)]++;
			p += 4 * type;
		} else if (type == KMA_RB_TIME_EXTEND || type == KMA_RB_TIME_STAMP) {
			p += 4;
		} else {
			if ((type == KMA_RB_PADDING && !(head >> 5)) || end - p < 8)
				return;
			length = (kma_get32(p, false) + 3) & ~3u;
			if (length < 4 || length > end - p)
				return;
			if (!type)
				counts[kma_get16(p + 4, false)]++;
			p += length;
		}
	}
}

static void walk_kbuffer(struct kbuffer *kbuf, const uint8_t *page)
{
	unsigned long long ts;

	kbuffer_load_subbuffer(kbuf, (void *)page);
	for (const uint8_t *data = kbuffer_read_event(kbuf, &ts); data;
	     data = kbuffer_next_event(kbuf, &ts))
		counts[kma_get16(data, false)]++;
}

int main(int argc, char **argv)
{
	bool with_kbuffer = argc == 3 && !strcmp(argv[1], "--kbuffer");
	struct kma_error err;
	struct kma_source *source;
	struct kma_tracedat *dat;
	struct kbuffer *kbuf;
	unsigned long long records = 0;

	if (argc != 2 && !with_kbuffer) {
		fprintf(stderr, "usage: walk_pages [--kbuffer] TRACE\n");
		return 2;
	}
	source = kma_source_open(argv[argc - 1], KMA_READER_OWN, &err);
	if (!source) {
		fprintf(stderr, "%s\n", err.message);
		return 3;
	}
	dat = (struct kma_tracedat *)source;
	if (dat->compress || dat->swap || source->info.big_endian || source->info.long_size != 8) {
		fprintf(stderr, "%s: only uncompressed, of a 64-bit little-endian machine\n",
			argv[argc - 1]);
		kma_source_close(source);
		return 3;
	}
	kbuf = kbuffer_alloc(KBUFFER_LSIZE_8, KBUFFER_ENDIAN_LITTLE);
	for (uint32_t i = 0; kbuf && i < dat->nr_lanes; i++) {
		const struct kma_dat_lane *lane = &dat->lanes[i];
		size_t size = source->info.buffers[lane->buffer].page_size;

		for (size_t at = 0; at + size <= lane->size; at += size) {
			if (with_kbuffer)
				walk_kbuffer(kbuf, lane->data + at);
			else
				walk_page(&source->info.page_format, lane->data + at, size);
		}
	}
	for (size_t id = 0; id < sizeof(counts) / sizeof(counts[0]); id++)
		records += counts[id];
	printf("%llu\n", records);
	kbuffer_free(kbuf);
	kma_source_close(source);
	return 0;
}
