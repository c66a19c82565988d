/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which field of which event goes where in struct kma_event: the one place that knows field names.
 * A new event is a kind in event.h, a row here, and nothing else.
 */
#ifndef KMA_DECODE_FIELDS_H
#define KMA_DECODE_FIELDS_H

#include <kmem-analyze/event.h>

enum kma_field_type {
	KMA_FIELD_U32,
	KMA_FIELD_U64,
	KMA_FIELD_STRING, /* interned, stored as u32 */
};

struct kma_field {
	const char *name;
	enum kma_field_type type;
	uint8_t to;	   /* offset in struct kma_event */
	uint32_t optional; /* 0: required; else set in kma_trace.optional_fields where it exists */
	const char *otherwise; /* the field to take in its place, where that exists */
};

#define KMA_MAX_FIELDS 8

/* Ends with a NULL name. NULL for a kind without fields of its own (kernel_stack). */
extern const struct kma_field *const kma_fields[KMA_NR_KINDS];

#endif
