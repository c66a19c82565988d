/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of an event's format file, as a trace from anywhere holds it: what it names, and a
 * checked version of it that can be handed to libtraceevent, which trusts its input.
 */
#ifndef KMA_DECODE_FORMAT_H
#define KMA_DECODE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KMA_MAX_EVENT_NAME 255

/* One event's format file as the trace holds it. Borrowed, not NUL-terminated. */
struct kma_format {
	const char *system;
	const char *text;
	size_t size;
};

/* "name: NAME" and "ID: NUMBER", the first two lines. *@name points into the text. */
bool kma_format_head(const struct kma_format *format, const char **name, size_t *name_length,
		     uint16_t *id);

/*
 * The format with the fields that have the form the kernel writes, and with an empty print format,
 * which is most of the text and not needed for decoding. Other lines are left out: such fields do
 * not exist. NULL when out of memory.
 */
char *kma_format_checked(const struct kma_format *format, const char *name, size_t name_length,
			 uint16_t id, size_t *size);

#endif
