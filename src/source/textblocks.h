/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of printed events sorted into lanes, block by block. A round hands out what is no younger
 * than the blocks before, so that events printed in a slightly wrong order are put right and no
 * more than two blocks are kept. Knows nothing of who asks for the records.
 */
#ifndef KMA_SOURCE_TEXTBLOCKS_H
#define KMA_SOURCE_TEXTBLOCKS_H

#include "source/lines.h"
#include "source/textrecord.h"

#define KMA_TEXT_BLOCK_BYTES (2u << 20)
#define KMA_TEXT_MAX_BUFFERS 64
#define KMA_TEXT_PAGE_SIZE   4096 /* not printed: what nearly all machines have */

struct kma_text_gap {
	size_t at; /* before this record */
	uint64_t lost;
	bool counted;
};

struct kma_text_lane {
	struct kma_record *records; /* those of the round up to end, behind them younger ones */
	size_t nr, max, end, at;
	struct kma_text_gap *gaps;
	size_t nr_gaps, max_gaps, gap;
	uint64_t bytes; /* of the input, told with the next piece */
};

struct kma_text {
	struct kma_source source; /* first: one is cast to the other */
	int fd;
	struct kma_lines lines;
	struct kma_text_records records;
	struct kma_text_lane *lanes;
	uint32_t max_lanes;
	struct kma_u64map lane_of; /* (buffer, cpu) */
	struct kma_names *buffers;
	uint8_t *block[2];
	unsigned int reading; /* the block that is read into */
	size_t used;	      /* of it */
	struct kma_text_line line;
	bool line_ahead;	   /* it is read, but belongs to the next block */
	struct kma_record *stack;  /* of the event whose stack is being read */
	struct kma_text_line last; /* the event before: whose stack may follow */
	bool has_last;
	uint64_t max_ts;
	uint32_t next_buffer; /* a loss tells the buffer of the event behind it */
	bool has_next_buffer;
	bool told; /* the doubts */
	uint64_t events, others, bytes_told;
	unsigned int digits;
	bool ticks, perf, mixed_clocks;
	uint64_t overwritten;
	uint32_t told_cpus;
};

/* These return 0, or -1 when out of memory. */
/* Reads the next block; begins a stream. */
int kma_text_block(struct kma_text *t);
/* The next round: another block is read, and all up to the youngest of those before is let go. */
int kma_text_round(struct kma_text *t);
/* The index of the buffer @name; that without a name, which must be the first, is the top one. */
int kma_text_buffer(struct kma_text *t, const struct kma_text_span *name, uint32_t *number);

#endif
