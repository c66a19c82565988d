/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event formats, resolved once per trace: which record id is which kind, and at which offset, size
 * and sign each wanted field stands. Only the formats that are wanted are parsed.
 */
#ifndef KMA_DECODE_SCHEMA_H
#define KMA_DECODE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include <kmem-analyze/error.h>
#include <kmem-analyze/event.h>

#include "decode/fields.h"
#include "decode/format.h"

enum kma_load {
	KMA_LOAD_8,
	KMA_LOAD_S8,
	KMA_LOAD_16,
	KMA_LOAD_S16,
	KMA_LOAD_32,
	KMA_LOAD_S32,
	KMA_LOAD_64,
	KMA_LOAD_DATA_LOC, /* a word: length << 16 | offset from the record's begin */
	KMA_LOAD_REL_LOC,  /* the same, offset from behind the word */
	KMA_LOAD_CHARS,	   /* a fixed array */
	KMA_LOAD_WORDS,	   /* 8-byte words just as they are: neighbours with the same layout on both
			      sides */
};

struct kma_step {
	uint8_t load;	 /* enum kma_load */
	uint8_t wide;	 /* store 64 bits, else 32 */
	uint8_t to;	 /* offset in struct kma_event */
	uint16_t from;	 /* offset in the record */
	uint16_t length; /* KMA_LOAD_CHARS, KMA_LOAD_WORDS: bytes */
};

struct kma_plan {
	uint16_t kind; /* enum kma_kind; KMA_KIND_NONE: nobody wants it */
	uint8_t nr_steps;
	bool clear;	    /* fields that the trace lacks read as 0 */
	bool derive_refill; /* percpu_refill is order == 0 */
	uint16_t min_size;  /* a shorter record is damaged */
	struct kma_step steps[KMA_MAX_FIELDS];
};

/* An event that the trace describes, wanted or not. */
struct kma_known_event {
	uint16_t id;
	uint8_t kind; /* enum kma_kind, if wanted and usable */
	char *system, *name;
};

struct kma_schema {
	bool swap;
	uint8_t long_size;
	uint16_t type_offset, pid_offset; /* of common_type (2 bytes) and common_pid (4) */
	uint16_t stack_offset;		  /* kernel_stack: the first address */
	/*
	 * By record id: its kind (KMA_KIND_NONE if not wanted) in the low byte, above it its
	 * counter: 1 + its index in known, or 0 for all that the trace does not describe.
	 */
	uint32_t *by_id;
	struct kma_plan plans[KMA_NR_KINDS]; /* by kind */
	struct kma_known_event *known;	     /* sorted by id */
	size_t nr_known;
	uint64_t formats; /* KMA_KIND_BIT of each kind described and usable */
	uint32_t optional_fields[KMA_NR_KINDS];
	char *problems[KMA_NR_KINDS]; /* why a described kind is not usable: a sentence */
};

/*
 * Resolves the kinds in @wanted (KMA_KIND_BIT mask) against @formats. An event whose format cannot
 * be used is left out and told in problems[]; the call fails only when memory is out.
 */
struct kma_schema *kma_schema_new(const struct kma_format *formats, size_t nr, uint64_t wanted,
				  bool big_endian, unsigned int long_size, struct kma_error *err);
/* From now on only the kinds in @kinds are events; the others are counted as records nobody wants.
 */
void kma_schema_select(struct kma_schema *schema, uint64_t kinds);
void kma_schema_free(struct kma_schema *schema);

#define KMA_ID_KIND(entry)    ((entry)&0xff)
#define KMA_ID_COUNTER(entry) ((entry) >> 8)

#endif
