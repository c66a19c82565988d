/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the trace.dat writer share: growing buffers, numbers in the byte order of the
 * file, and the writer's state. For the dat*.c files only.
 */
#ifndef KMA_TESTS_DATPRIV_H
#define KMA_TESTS_DATPRIV_H

#include <stdio.h>
#include <string.h>

#include "datwriter.h"

struct dat_buf {
	char *data;
	size_t len, size;
	bool failed;			/* memory ran out; stays set */
};

enum dat_kind { DAT_NUMBER, DAT_DATA_LOC, DAT_CHARS, DAT_FLEXIBLE };

struct dat_field {
	char *type, *name, *array;	/* as in "unsigned long" "caller" "[8]" */
	unsigned int offset, size, item_size;
	bool is_signed;
	enum dat_kind kind;
};

struct dat_event {
	char *system, *name, *print_fmt;
	unsigned int id, nr_fields;
	unsigned int fixed_end;		/* where the last field ends */
	unsigned int fixed_size;	/* sizeof the kernel's struct, which may be larger */
	struct dat_field *fields;
};

struct dat_extent {
	uint64_t offset, len;		/* in the spool */
};

/* The pages of one CPU in one buffer. */
struct dat_stream {
	uint8_t *chunk;			/* chunk_pages pages */
	unsigned int chunk_used;	/* complete pages in it */
	bool page_open;
	unsigned int fill;		/* data bytes on the open page */
	uint64_t ts;			/* of the last record */
	bool lost, page_lost;		/* before the next page; before the open page */
	int64_t lost_count, page_lost_count;
	bool want_stamp;
	struct dat_extent *extents;
	size_t nr_extents;
	uint64_t bytes;			/* in the spool */
	uint32_t chunks;
	uint64_t entries, overrun, data_bytes, first_ts;	/* for CPUSTAT */
};

struct dat_buffer {
	char *name, *clock;
	struct dat_stream *streams[DAT_MAX_CPUS];
	struct dat_buf text;
	bool is_text;
};

struct dat_writer {
	struct dat_config config;
	unsigned int cpus;
	unsigned int page_header;	/* bytes before the data of a page */
	char error[256];
	struct dat_event **events;
	unsigned int nr_events, last_id;
	struct dat_event *stack_event;
	struct dat_buffer **buffers;
	unsigned int nr_buffers;
	struct dat_buf options;		/* encoded, without the closing one */
	struct dat_buf kallsyms, printk, cmdlines, strings;
	FILE *spool;			/* complete chunks of all streams */
	uint64_t spooled;
	struct dat_buf payload, packed;	/* scratch */
};

static inline void dat_put_num(bool big_endian, void *to, unsigned int size, uint64_t value)
{
	bool swap = big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	uint16_t v16 = (uint16_t)value;
	uint32_t v32 = (uint32_t)value;

	switch (size) {
	case 1:
		*(uint8_t *)to = (uint8_t)value;
		break;
	case 2:
		v16 = swap ? __builtin_bswap16(v16) : v16;
		memcpy(to, &v16, 2);
		break;
	case 4:
		v32 = swap ? __builtin_bswap32(v32) : v32;
		memcpy(to, &v32, 4);
		break;
	default:
		value = swap ? __builtin_bswap64(value) : value;
		memcpy(to, &value, 8);
	}
}

static inline uint64_t dat_align(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

/* datwriter.c */
int dat_fail(struct dat_writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Returns @len fresh bytes at the end of @buf, or NULL. */
char *dat_buf_extend(struct dat_buf *buf, size_t len);
void dat_buf_add(struct dat_buf *buf, const void *data, size_t len);
void dat_buf_num(const struct dat_writer *w, struct dat_buf *buf, unsigned int size,
		 uint64_t value);
void dat_buf_printf(struct dat_buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* datfile.c */
/* Appends @len bytes at @data to @out, compressed as configured, behind the two sizes. */
int dat_compress(struct dat_writer *w, struct dat_buf *out, const void *data, size_t len);

/* datformat.c */
void dat_event_free(struct dat_event *event);
void dat_format_header_page(const struct dat_writer *w, struct dat_buf *out);
void dat_format_header_event(struct dat_buf *out);
void dat_format_event(const struct dat_event *event, struct dat_buf *out);

/* datpages.c */
int dat_append(struct dat_writer *w, const struct dat_record *rec, const void *payload,
	       unsigned int len);
int dat_flush_stream(struct dat_writer *w, struct dat_stream *s);
/* Copies the chunks of @s from the spool to @out. */
int dat_copy_stream(struct dat_writer *w, const struct dat_stream *s, FILE *out);
void dat_stream_free(struct dat_stream *s);

#endif
