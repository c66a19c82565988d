/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Printed events: from the "key=value key=value" that a kernel, trace-cmd or perf prints of an
 * event to a record like those of a trace file, and the format that describes such records. Which
 * key is which field stands here, beside fields.c. Knows nothing of what stands before the values.
 */
#ifndef KMA_DECODE_PRINTED_H
#define KMA_DECODE_PRINTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kmem-analyze/analysis.h>

#include "decode/fields.h"

struct kma_arena;
struct kma_names;

/* A record: the common fields, the event's words, its strings. */
#define KMA_PRINTED_HEAD   8
#define KMA_PRINTED_STRING 120 /* a longer one is cut */
#define KMA_PRINTED_MAX	   (KMA_PRINTED_HEAD + 40 + 2 * KMA_PRINTED_STRING)
/* A kernel_stack: its addresses begin here. */
#define KMA_PRINTED_STACK 16

enum kma_printed_form {
	KMA_PRINTED_NUMBER,  /* decimal, or 0x and hex */
	KMA_PRINTED_POINTER, /* hex, with 0x or without; hashed where the kernel printed it */
	KMA_PRINTED_SYMBOL,  /* function+0xoff[/0xsize], or hex */
	KMA_PRINTED_GFP,     /* names joined by | */
	KMA_PRINTED_FLAGS,   /* other names: only a number can be used */
	KMA_PRINTED_NAME,    /* one of a list */
	KMA_PRINTED_BITS,    /* names of a list joined by |: a bit each */
	KMA_PRINTED_STRING_VALUE,
};

struct kma_printed_field {
	const char *key; /* as printed */
	size_t length;
	const char *other; /* what other kernels print instead, or NULL */
	const char *field; /* as the kernel names it */
	enum kma_printed_form form;
	enum kma_field_type type;
	uint8_t to; /* offset in the record */
	uint32_t optional;
	const char *const *names; /* of KMA_PRINTED_NAME and _BITS, by value; ends with NULL */
};

/* What was seen that text cannot give in full: for the quality ledger. */
struct kma_printed_doubts {
	uint64_t hashed;      /* pointers that the kernel printed hashed */
	uint64_t unprinted;   /* pointers that it did not print at all: (____ptrval____) */
	uint64_t other_flags; /* gfp flags of unknown name */
};

#define KMA_PRINTED_MAX_TOKENS 24

/* The gfp flags that were read last: neighbouring events have the same ones. */
struct kma_printed_gfp {
	char text[96];
	size_t length;
	uint32_t flags;
};

/* How an event is printed; the order of its keys is learned from its lines. */
struct kma_printed {
	enum kma_kind kind;
	uint8_t nr;
	bool bare; /* "VALUE (key=value)": the first field's value stands alone */
	struct kma_printed_field fields[KMA_MAX_FIELDS];
	uint32_t required;		      /* bits of fields[] */
	int8_t order[KMA_PRINTED_MAX_TOKENS]; /* by token: the field it was last, or -1 */
	struct kma_printed_gfp gfp;
};

/*
 * Functions that are printed by name have no address: "function+0xoff" gets one of these, by its
 * number. No kernel has its own code there.
 */
#define KMA_PRINTED_SYMBOLS UINT64_C(0x4000000000000000)

/* The address of @name, which lives in @symbols; 0 when there is no room for more names. */
uint64_t kma_printed_symbol(struct kma_names *symbols, const char *name, size_t length);
void kma_printed_init(struct kma_printed *printed, enum kma_kind kind);
/*
 * Reads the values in @text..@end into @record (KMA_PRINTED_MAX bytes), whose head is the caller's.
 * Returns its size; *@seen has a bit for each of printed->fields that was there.
 */
size_t kma_printed_read(struct kma_printed *printed, const char *text, const char *end,
			struct kma_names *symbols, struct kma_printed_doubts *doubts,
			uint8_t *record, uint32_t *seen);
/* The format file of such records with the fields in @seen, in @arena; NULL when out of memory. */
const char *kma_printed_format(const struct kma_printed *printed, uint16_t id, uint32_t seen,
			       struct kma_arena *arena);

/* What the bits of gfp_flags mean in these records, in the kernel's order; ends with NULL. */
extern const struct kma_flag_name kma_printed_gfp_flags[];

#endif
