/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Printed events as records: which event gets which id, and what the records' formats are. Keeps
 * the names that text has in place of addresses and ids, and what text could not give.
 */
#ifndef KMA_SOURCE_TEXTRECORD_H
#define KMA_SOURCE_TEXTRECORD_H

#include "decode/page.h"
#include "decode/printed.h"
#include "source/source.h"
#include "source/textline.h"
#include "util/names.h"
#include "util/u64map.h"

#define KMA_TEXT_FIRST_ID   64 /* of events that nobody needs; below: enum kma_kind */
#define KMA_TEXT_MAX_EVENTS 1024
#define KMA_TEXT_MAX_STACK  127

/* No record is longer. */
#define KMA_TEXT_MAX_RECORD (KMA_PRINTED_STACK + 8 * KMA_TEXT_MAX_STACK)

struct kma_text_records {
	struct kma_names *events, *symbols, *comms;
	struct kma_u64map tasks; /* pid: number of its name */
	struct kma_printed printed[KMA_NR_KINDS];
	uint8_t *kinds;			/* by number in events: enum kma_kind */
	const char **systems;		/* the same: as printed, or NULL */
	struct kma_text_span last_name; /* of the event before, in events */
	uint32_t last_number;
	uint32_t fields[KMA_NR_KINDS]; /* that the formats have: bits of printed.fields */
	uint32_t seen[KMA_NR_KINDS];   /* in the first line of the kind */
	uint64_t lines[KMA_NR_KINDS];
	uint64_t incomplete[KMA_NR_KINDS]; /* lines without a field that is needed: left out */
	uint64_t partial[KMA_NR_KINDS];	   /* without one that the formats have: read as 0 */
	uint64_t more_names;		   /* events beyond KMA_TEXT_MAX_EVENTS names */
	bool formats_made;
	bool stack_done; /* the stack being read has its first function that is no tracing */
	int pageblock_order;
	struct kma_printed_doubts doubts;
	struct kma_arena *arena;
};

int kma_text_records_open(struct kma_text_records *records);
void kma_text_records_close(struct kma_text_records *records);
/*
 * The record of an event's line in @to, which has room for KMA_TEXT_MAX_RECORD bytes. Its size, or
 * 0 when the line lacks what the event cannot do without.
 */
size_t kma_text_record(struct kma_text_records *records, const struct kma_text_line *line,
		       uint8_t *to);
bool kma_text_is_stack(const struct kma_record *record);
/* A kernel_stack of @pid without functions; its size. */
size_t kma_text_stack(int32_t pid, uint8_t *to);
/* One more function of a stack at @to, of @size so far; its size now. */
size_t kma_text_frame(struct kma_text_records *records, const struct kma_text_line *line,
		      uint8_t *to, size_t size);
/*
 * The formats of the events seen so far and, unless @complete, of those that may come. 0, or -1
 * when out of memory.
 */
int kma_text_formats(struct kma_text_records *records, bool complete, struct kma_source_info *info);

#endif
