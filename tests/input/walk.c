// SPDX-License-Identifier: GPL-2.0-or-later
/* The parts and number fields of a trace.dat; see walk.h. */
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAYLOAD_FIELDS 16
#define MAX_PAGES_PER_CPU 4	/* whose headers are worth breaking */

enum { OPTION_BUFFER = 3, SECTION_FIRST = 16, SECTION_KALLSYMS = 19, SECTION_LAST = 21 };

static void border(struct walk *walk, size_t at)
{
	if (at <= walk->size && walk->nr_borders < WALK_MAX_BORDERS)
		walk->borders[walk->nr_borders++] = at;
}

static uint64_t number(struct walk *walk, size_t *at, unsigned int size)
{
	uint64_t value = 0;

	if (*at > walk->size || size > walk->size - *at) {
		walk->failed = true;
		return 0;
	}
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)walk->data[*at + i] << (8 * i);
	if (walk->nr_fields < WALK_MAX_FIELDS)
		walk->fields[walk->nr_fields++] = (struct walk_field){ *at, size };
	*at += size;
	return value;
}

static void skip(struct walk *walk, size_t *at, uint64_t size)
{
	if (*at > walk->size || size > walk->size - *at)
		walk->failed = true;
	else
		*at += size;
}

static const char *string(struct walk *walk, size_t *at)
{
	const char *text = (const char *)walk->data + *at;
	const char *end = *at < walk->size ? memchr(text, '\0', walk->size - *at) : NULL;

	if (!end) {
		walk->failed = true;
		return "";
	}
	*at += (size_t)(end - text) + 1;
	return text;
}

static void formats(struct walk *walk, size_t *at)
{
	uint64_t nr = number(walk, at, 4);

	for (uint64_t i = 0; i < nr && !walk->failed; i++)
		skip(walk, at, number(walk, at, 8));
}

static void section_content(struct walk *walk, size_t *at, unsigned int id)
{
	uint64_t systems;

	switch (id) {
	case SECTION_FIRST:
		for (int i = 0; i < 2; i++) {
			string(walk, at);
			skip(walk, at, number(walk, at, 8));
			border(walk, *at);
		}
		break;
	case SECTION_FIRST + 1:
		formats(walk, at);
		break;
	case SECTION_FIRST + 2:
		systems = number(walk, at, 4);
		for (uint64_t i = 0; i < systems && !walk->failed; i++) {
			string(walk, at);
			formats(walk, at);
			border(walk, *at);
		}
		break;
	default:
		skip(walk, at, number(walk, at, id == SECTION_LAST ? 8 : 4));
		break;
	}
	border(walk, *at);
}

static void payload(struct walk *walk, size_t at, size_t size)
{
	for (size_t i = 0; i + 4 <= size && i < 4 * MAX_PAYLOAD_FIELDS; i += 4) {
		size_t field = at + i;

		number(walk, &field, 4);
	}
	for (size_t i = 0; i + 8 <= size && i < 8; i += 8) {
		size_t field = at + i;

		number(walk, &field, 8);
	}
}

static void pages(struct walk *walk, size_t at, size_t size, size_t page_size)
{
	unsigned int nr = 0;

	for (size_t end = at + size; at + page_size <= end && !walk->failed;
	     at += page_size, nr++) {
		size_t field = at;

		border(walk, at);
		if (nr >= MAX_PAGES_PER_CPU)
			continue;
		number(walk, &field, 8);
		number(walk, &field, 8);
		number(walk, &field, 4);
		number(walk, &field, 4);
	}
	border(walk, at);
}

static void chunks(struct walk *walk, size_t at)
{
	uint64_t nr = number(walk, &at, 4);

	for (uint64_t i = 0; i < nr && !walk->failed; i++) {
		uint64_t size = number(walk, &at, 4);

		border(walk, at);
		number(walk, &at, 4);
		skip(walk, &at, size);
		border(walk, at);
	}
}

static void add_buffer(struct walk *walk, const char *name, size_t described)
{
	struct walk_buffer *buffer = &walk->buffers[walk->nr_buffers];

	if (walk->nr_buffers == WALK_MAX_BUFFERS) {
		walk->failed = true;
		return;
	}
	snprintf(buffer->name, sizeof(buffer->name), "%s", name);
	buffer->described = described;
	walk->nr_buffers++;
}

/* "flyrecord" and the table behind it; returns where it ends. */
static size_t table(struct walk *walk, size_t at, uint64_t cpus, const char *name, size_t page_size)
{
	string(walk, &at);
	border(walk, at);
	for (uint64_t i = 0; i < cpus && !walk->failed; i++) {
		uint64_t offset = number(walk, &at, 8), size = number(walk, &at, 8);

		border(walk, at);
		if (size)
			pages(walk, offset, size, page_size);
	}
	add_buffer(walk, name, at);
	return at;
}

static void walk_v6(struct walk *walk, size_t at, size_t page_size)
{
	struct { size_t offset; const char *name; } instances[WALK_MAX_BUFFERS];
	unsigned int nr = 0;
	uint64_t cpus;

	for (unsigned int id = SECTION_FIRST; id <= SECTION_LAST && !walk->failed; id++)
		section_content(walk, &at, id);
	cpus = number(walk, &at, 4);
	string(walk, &at);
	while (!walk->failed) {
		unsigned int id = (unsigned int)number(walk, &at, 2);
		size_t size, option;

		if (!id)
			break;
		size = number(walk, &at, 4);
		option = at;
		payload(walk, at, size);
		if (id == OPTION_BUFFER && nr < WALK_MAX_BUFFERS) {
			instances[nr].offset = number(walk, &option, 8);
			instances[nr++].name = string(walk, &option);
		}
		skip(walk, &at, size);
		border(walk, at);
	}
	at = table(walk, at, cpus, "", page_size);
	skip(walk, &at, number(walk, &at, 8));
	border(walk, at);
	walk->metadata = at;
	for (unsigned int i = 0; i < nr && !walk->failed; i++)
		table(walk, instances[i].offset, cpus, instances[i].name, page_size);
}

/* A section's head; returns where its content begins. */
static size_t section(struct walk *walk, size_t at, bool *compressed)
{
	border(walk, at);
	number(walk, &at, 2);
	*compressed = number(walk, &at, 2) & 1;
	number(walk, &at, 4);
	number(walk, &at, 8);
	border(walk, at);
	return at;
}

static void buffer_option(struct walk *walk, size_t at)
{
	size_t data = number(walk, &at, 8);
	const char *name = string(walk, &at);
	bool compressed;
	uint64_t page_size, cpus;

	string(walk, &at);
	page_size = number(walk, &at, 4);
	cpus = number(walk, &at, 4);
	section(walk, data, &compressed);
	for (uint64_t i = 0; i < cpus && !walk->failed; i++) {
		uint64_t offset, size;

		number(walk, &at, 4);
		offset = number(walk, &at, 8);
		size = number(walk, &at, 8);
		if (size && compressed)
			chunks(walk, offset);
		else if (size)
			pages(walk, offset, size, page_size);
	}
	add_buffer(walk, name, at);
}

static void section_option(struct walk *walk, size_t at, unsigned int id)
{
	size_t content;
	bool compressed;

	content = section(walk, number(walk, &at, 8), &compressed);
	if (compressed) {
		size_t size = number(walk, &content, 4);

		number(walk, &content, 4);
		border(walk, content + size);
	} else {
		section_content(walk, &content, id);
	}
}

static void walk_v7(struct walk *walk, size_t at)
{
	string(walk, &at);
	string(walk, &at);
	border(walk, at);
	at = number(walk, &at, 8);
	while (at && !walk->failed) {
		unsigned int first = walk->nr_buffers;
		bool compressed;

		at = section(walk, at, &compressed);
		if (compressed)
			walk->failed = true;
		while (!walk->failed) {
			unsigned int id = (unsigned int)number(walk, &at, 2);
			size_t size = number(walk, &at, 4), option = at;

			if (!id) {
				if (!walk->metadata)
					walk->metadata = option + size;
				while (first < walk->nr_buffers)
					walk->buffers[first++].described = option + size;
				at = number(walk, &option, 8);
				break;
			}
			payload(walk, at, size);
			skip(walk, &at, size);
			border(walk, at);
			if (id == OPTION_BUFFER)
				buffer_option(walk, option);
			else if (id >= SECTION_FIRST && id <= SECTION_LAST)
				section_option(walk, option, id);
		}
	}
}

struct walk *walk_file(const void *data, size_t size)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	size_t at = 10, page_size;
	const char *version;

	if (!walk)
		abort();
	walk->data = data;
	walk->size = size;
	version = string(walk, &at);
	border(walk, at);
	at += 2;
	page_size = number(walk, &at, 4);
	border(walk, at);
	if (!strcmp(version, "6"))
		walk_v6(walk, at, page_size);
	else
		walk_v7(walk, at);
	return walk;
}

size_t walk_described(const struct walk *walk, const char *name)
{
	for (unsigned int i = 0; i < walk->nr_buffers; i++)
		if (!strcmp(walk->buffers[i].name, name))
			return walk->buffers[i].described;
	return SIZE_MAX;
}
