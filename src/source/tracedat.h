/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the own trace.dat reader share: the parts of a file that versions 6 and 7 have
 * in common. */
#ifndef KMA_SOURCE_TRACEDAT_H
#define KMA_SOURCE_TRACEDAT_H

#include "source/compress.h"
#include "source/cursor.h"
#include "source/mapping.h"
#include "source/source.h"
#include "source/window.h"

/* Option ids. In version 7 the same numbers name sections. */
enum {
	KMA_DAT_DONE = 0,
	KMA_DAT_DATE = 1,
	KMA_DAT_CPUSTAT = 2,
	KMA_DAT_BUFFER = 3,
	KMA_DAT_TRACECLOCK = 4,
	KMA_DAT_UNAME = 5,
	KMA_DAT_OFFSET = 7,
	KMA_DAT_CPUCOUNT = 8,
	KMA_DAT_TRACEID = 11,
	KMA_DAT_TIME_SHIFT = 12,
	KMA_DAT_TSC2NSEC = 14,
	KMA_DAT_HEADER_INFO = 16,
	KMA_DAT_FTRACE_EVENTS = 17,
	KMA_DAT_EVENT_FORMATS = 18,
	KMA_DAT_KALLSYMS = 19,
	KMA_DAT_CMDLINES = 21,
	KMA_DAT_BUFFER_TEXT = 22,
};

#define KMA_DAT_MAX_CPUS    8192 /* no kernel can be built for more */
#define KMA_DAT_MAX_BUFFERS 1024 /* people make a handful */
#define KMA_DAT_MAX_NAME    255	 /* of a system or a buffer: they are directories */

/* One CPU's data of one buffer. */
struct kma_dat_lane {
	uint32_t cpu;
	uint16_t buffer;
	bool compressed;
	const uint8_t *data; /* in the mapping */
	size_t size, at;
	struct kma_window window;
	/* compressed: the chunk being handed out */
	bool started, ended;
	uint32_t chunks_left;
	uint8_t *chunk;
	size_t chunk_max, chunk_size, chunk_at;
};

struct kma_tracedat {
	struct kma_source source; /* first: one is cast to the other */
	struct kma_mapping map;
	bool swap;
	struct kma_compress *compress; /* NULL: not compressed */
	struct kma_dat_lane *lanes;
	uint32_t nr_lanes, max_lanes;
	uint32_t max_buffers;
	uint64_t lane_bytes; /* of all lanes: no more than the file has */
	size_t max_formats;
	uint64_t entries;	 /* what the kernel says it recorded, from CPUSTAT */
	const char *stat_buffer; /* the buffer that the next CPUSTAT belongs to */
	bool text_data;		 /* has latency (text) data */
	uint32_t sections_seen;	 /* v7: bit per section id */
	uint8_t **sections;	 /* decompressed sections that info points into */
	size_t nr_sections;
	/* where these are: they are read when asked for */
	uint64_t kallsyms_offset; /* v7: of its section; v6: of its size word; 0: none */
	uint64_t cmdlines_offset; /* the same */
};

struct kma_cursor kma_dat_cursor(const struct kma_tracedat *dat, uint64_t offset);

/* Versions; each fills info, buffers and lanes. 0, or -1 with @err when nothing of the file can be
 * used. */
int kma_dat_open_v6(struct kma_tracedat *dat, struct kma_cursor *cursor, struct kma_error *err);
int kma_dat_open_v7(struct kma_tracedat *dat, struct kma_cursor *cursor, struct kma_error *err);
/* The text of the section @id at @offset (v7), or behind the size word there (v6); to be freed.
 * NULL: not readable. */
char *kma_dat_text_v7(struct kma_tracedat *dat, unsigned int id, uint64_t offset,
		      unsigned int size_bytes);
char *kma_dat_text_v6(struct kma_tracedat *dat, uint64_t offset, unsigned int size_bytes);

/* Shared parts. They return 0, or -1 when memory is out or the cursor ran past its end (see
 * cursor->past_end). */
int kma_dat_header_info(struct kma_tracedat *dat, struct kma_cursor *cursor);
int kma_dat_ftrace_formats(struct kma_tracedat *dat, struct kma_cursor *cursor);
int kma_dat_event_formats(struct kma_tracedat *dat, struct kma_cursor *cursor);
/* An option that means the same in both versions; @option holds its data and nothing else. */
int kma_dat_option(struct kma_tracedat *dat, unsigned int id, struct kma_cursor *option);
/* The name in brackets of "[local] global ..."; the text itself without brackets; NULL when out of
 * memory. */
const char *kma_dat_clock(struct kma_tracedat *dat, const char *text, size_t size);
/* The buffer's index, or -1 */
int kma_dat_add_buffer(struct kma_tracedat *dat, const char *name, const char *clock,
		       uint32_t page_size);
/* Data outside the file is cut off and told. */
int kma_dat_add_lane(struct kma_tracedat *dat, uint16_t buffer, uint32_t cpu, uint64_t offset,
		     uint64_t size, bool compressed);
/* The size word at the cursor, its text; a copy, or NULL. */
char *kma_dat_sized_text(struct kma_cursor *cursor, unsigned int size_bytes);

#endif
