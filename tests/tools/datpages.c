// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ring-buffer pages: lays records out on the pages of a CPU as the kernel does, and spools
 * complete pages, compressed if asked for. Must not know events, nor the file around the pages.
 */
#include <errno.h>
#include <stdlib.h>

#include "datpriv.h"

#define TS_BITS		27
#define TS_MASK		((1u << TS_BITS) - 1)
#define EXTEND_BITS	(TS_BITS + 32)
#define MAX_SMALL	112		/* larger payloads have a length word */

#define MISSED_EVENTS	(1ull << 31)
#define MISSED_STORED	(1ull << 30)

enum { TYPE_PADDING = 29, TYPE_TIME_EXTEND = 30, TYPE_TIME_STAMP = 31 };

static struct dat_stream *get_stream(struct dat_writer *w, unsigned int buffer, unsigned int cpu)
{
	struct dat_stream *s;

	if (w->error[0])
		return NULL;
	if (buffer >= w->nr_buffers || cpu >= DAT_MAX_CPUS) {
		dat_fail(w, "no buffer %u or CPU %u", buffer, cpu);
		return NULL;
	}
	s = w->buffers[buffer]->streams[cpu];
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s)
		s->chunk = calloc(w->config.chunk_pages, w->config.buffer_page_size);
	if (!s || !s->chunk) {
		free(s);
		dat_fail(w, "out of memory");
		return NULL;
	}
	w->buffers[buffer]->streams[cpu] = s;
	if (cpu >= w->cpus)
		w->cpus = cpu + 1;
	return s;
}

static uint8_t *page_start(const struct dat_writer *w, const struct dat_stream *s)
{
	return s->chunk + (size_t)s->chunk_used * w->config.buffer_page_size;
}

static uint8_t *page_data(const struct dat_writer *w, const struct dat_stream *s)
{
	return page_start(w, s) + w->page_header;
}

/* A bit field is allocated from the low end on little endian, from the high end on big endian. */
static void put_header(const struct dat_writer *w, struct dat_stream *s, unsigned int type_len,
		       uint32_t delta)
{
	uint32_t word = w->config.big_endian ? type_len << TS_BITS | delta : type_len | delta << 5;

	dat_put_num(w->config.big_endian, page_data(w, s) + s->fill, 4, word);
	s->fill += 4;
}

static void put_word(const struct dat_writer *w, struct dat_stream *s, uint32_t value)
{
	dat_put_num(w->config.big_endian, page_data(w, s) + s->fill, 4, value);
	s->fill += 4;
}

static int spool_chunk(struct dat_writer *w, struct dat_stream *s)
{
	size_t len = (size_t)s->chunk_used * w->config.buffer_page_size;
	const void *data = s->chunk;
	struct dat_extent *last = s->nr_extents ? &s->extents[s->nr_extents - 1] : NULL;

	if (!len)
		return 0;
	if (w->config.compression != DAT_NONE) {
		w->packed.len = 0;
		if (dat_compress(w, &w->packed, s->chunk, len))
			return -1;
		data = w->packed.data;
		len = w->packed.len;
	}
	if (fwrite(data, 1, len, w->spool) != len)
		return dat_fail(w, "temporary file: %s", strerror(errno));
	if (!last || last->offset + last->len != w->spooled) {
		last = realloc(s->extents, (s->nr_extents + 1) * sizeof(*last));
		if (!last)
			return dat_fail(w, "out of memory");
		s->extents = last;
		last += s->nr_extents++;
		*last = (struct dat_extent){ .offset = w->spooled };
	}
	last->len += len;
	w->spooled += len;
	s->bytes += len;
	s->chunks++;
	s->chunk_used = 0;
	return 0;
}

static int close_page(struct dat_writer *w, struct dat_stream *s)
{
	const struct dat_config *c = &w->config;
	unsigned int room = c->buffer_page_size - w->page_header - s->fill;
	uint64_t commit;

	if (!s->page_open)
		return 0;
	s->data_bytes += s->fill;
	if (c->pad_pages && room >= 4) {
		put_header(w, s, TYPE_PADDING, 0);
		/* Nothing follows a padding without delta; libtraceevent still wants a length. */
		if (room >= 8)
			put_word(w, s, room - 4);
		s->fill = c->buffer_page_size - w->page_header;
		room = 0;
	}
	commit = s->fill;
	if (s->page_lost) {
		commit |= MISSED_EVENTS;
		if (s->page_lost_count >= 0 && room >= c->long_size) {
			dat_put_num(c->big_endian, page_data(w, s) + s->fill, c->long_size,
				    (uint64_t)s->page_lost_count);
			commit |= MISSED_STORED;
		}
		/* The kernel adds the flag as a negative int to a long. */
		if (!c->narrow_flags)
			commit |= 0xffffffffull << 32;
	}
	dat_put_num(c->big_endian, page_start(w, s) + 8, c->long_size, commit);
	s->page_open = false;
	return ++s->chunk_used == c->chunk_pages ? spool_chunk(w, s) : 0;
}

static void open_page(struct dat_writer *w, struct dat_stream *s, uint64_t ts)
{
	memset(page_start(w, s), 0, w->config.buffer_page_size);
	dat_put_num(w->config.big_endian, page_start(w, s), 8, ts);
	s->page_open = true;
	s->fill = 0;
	s->ts = ts;
	s->page_lost = s->lost;
	s->page_lost_count = s->lost_count;
	s->lost = false;
}

/* Opens, extends or stamps the page so that a record at @ts follows; its delta, or -1. */
static int64_t prepare_page(struct dat_writer *w, struct dat_stream *s, uint64_t ts,
			    unsigned int need)
{
	unsigned int room = w->config.buffer_page_size - w->page_header;
	bool stamp = s->want_stamp;
	uint64_t delta = ts - s->ts;
	bool extended = stamp || delta > TS_MASK;

	if (s->page_open && (s->fill + need + (extended ? 8 : 0) > room ||
			     (!stamp && delta >> EXTEND_BITS))) {
		if (close_page(w, s))
			return -1;
	}
	if (!s->page_open) {
		open_page(w, s, ts);
		delta = 0;
	}
	if (stamp || delta > TS_MASK) {
		uint64_t value = stamp ? ts : delta;

		put_header(w, s, stamp ? TYPE_TIME_STAMP : TYPE_TIME_EXTEND, value & TS_MASK);
		put_word(w, s, (uint32_t)(value >> TS_BITS));
		s->want_stamp = false;
		delta = 0;
	}
	s->ts = ts;
	return (int64_t)delta;
}

int dat_append(struct dat_writer *w, const struct dat_record *rec, const void *payload,
	       unsigned int len)
{
	struct dat_stream *s = get_stream(w, rec->buffer, rec->cpu);
	unsigned int padded = (unsigned int)dat_align(len, 4);
	bool large = padded > MAX_SMALL;
	unsigned int need = 4 + padded + (large ? 4 : 0);
	unsigned int start;
	int64_t delta;

	if (!s)
		return -1;
	if (need + 8 > w->config.buffer_page_size - w->page_header)
		return dat_fail(w, "a record of %u bytes does not fit on a page", len);
	if (rec->ts < s->ts && !s->want_stamp)
		return dat_fail(w, "time runs backwards on CPU %u: %llu after %llu", rec->cpu,
				(unsigned long long)rec->ts, (unsigned long long)s->ts);
	delta = prepare_page(w, s, rec->ts, need);
	if (delta < 0)
		return -1;
	/* Padding without a delta would end the page. */
	if (rec->discard && !delta) {
		delta = 1;
		s->ts++;
	}
	put_header(w, s, rec->discard ? TYPE_PADDING : large ? 0 : padded / 4, (uint32_t)delta);
	start = s->fill;
	if (large)
		put_word(w, s, padded + 4);
	memcpy(page_data(w, s) + s->fill, payload, len);
	s->fill += padded;
	if (rec->discard) {
		/* The length takes the place of the first word; the rest stays as it was. */
		dat_put_num(w->config.big_endian, page_data(w, s) + start, 4, need - 4);
	} else if (!s->entries++) {
		s->first_ts = rec->ts;
	}
	return 0;
}

int dat_new_page(struct dat_writer *w, unsigned int buffer, unsigned int cpu)
{
	struct dat_stream *s = get_stream(w, buffer, cpu);

	return s ? close_page(w, s) : -1;
}

int dat_lost(struct dat_writer *w, unsigned int buffer, unsigned int cpu, int64_t count)
{
	if (dat_new_page(w, buffer, cpu))
		return -1;

	struct dat_stream *s = w->buffers[buffer]->streams[cpu];

	s->lost = true;
	s->lost_count = count;
	s->overrun += count > 0 ? (uint64_t)count : 0;
	return 0;
}

int dat_timestamp(struct dat_writer *w, unsigned int buffer, unsigned int cpu)
{
	struct dat_stream *s = get_stream(w, buffer, cpu);

	if (!s)
		return -1;
	s->want_stamp = true;
	return 0;
}

int dat_flush_stream(struct dat_writer *w, struct dat_stream *s)
{
	if (close_page(w, s) || spool_chunk(w, s))
		return -1;
	free(s->chunk);
	s->chunk = NULL;
	return 0;
}

int dat_copy_stream(struct dat_writer *w, const struct dat_stream *s, FILE *out)
{
	char block[65536];

	for (size_t i = 0; i < s->nr_extents; i++) {
		uint64_t left = s->extents[i].len;

		if (fseeko(w->spool, (off_t)s->extents[i].offset, SEEK_SET))
			return dat_fail(w, "temporary file: %s", strerror(errno));
		while (left) {
			size_t n = left < sizeof(block) ? (size_t)left : sizeof(block);

			if (fread(block, 1, n, w->spool) != n)
				return dat_fail(w, "temporary file: short read");
			if (fwrite(block, 1, n, out) != n)
				return dat_fail(w, "cannot write: %s", strerror(errno));
			left -= n;
		}
	}
	return 0;
}

void dat_stream_free(struct dat_stream *s)
{
	if (!s)
		return;
	free(s->chunk);
	free(s->extents);
	free(s);
}
