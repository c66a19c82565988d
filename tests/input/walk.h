/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where what stands in a sound little-endian trace.dat: its parts' borders and its number fields,
 * so that tests can break it there. Written against the manual pages, not the reader under test.
 */
#ifndef KMA_TESTS_WALK_H
#define KMA_TESTS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WALK_MAX_FIELDS 20000
#define WALK_MAX_BORDERS 4000
#define WALK_MAX_BUFFERS 16

struct walk {
	const uint8_t *data;
	size_t size;
	bool failed;			/* not a file this walk understands */
	struct walk_field {
		size_t at;
		unsigned int size;	/* 2, 4 or 8 */
	} fields[WALK_MAX_FIELDS];
	size_t nr_fields;
	size_t borders[WALK_MAX_BORDERS];
	size_t nr_borders;
	size_t metadata;		/* event data begins behind this */
	struct walk_buffer {
		char name[32];
		size_t described;	/* a file at least this long tells where its data is */
	} buffers[WALK_MAX_BUFFERS];
	unsigned int nr_buffers;
};

/* Too large for the stack: free() it. */
struct walk *walk_file(const void *data, size_t size);
/* From when on the data of buffer @name can be found; SIZE_MAX if there is none. */
size_t walk_described(const struct walk *walk, const char *name);

#endif
