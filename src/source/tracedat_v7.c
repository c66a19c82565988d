/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace.dat version 7: options that point at sections, each compressed or not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/tracedat.h"
#include "util/arena.h"
#include "util/large.h"

#define SECTION_COMPRESSED  1
#define MAX_OPTION_SECTIONS 64	 /* real files have two or three */
#define MIN_MAX_LANES	    4096 /* a small file may list this many CPUs without data */

/*
 * A cursor over the content of the section at @offset, decompressed if need be; *@owned is then to
 * be freed, and has room for one byte more. Returns 0, or -1 (*@owned untouched) if the section is
 * not there, is another one, or is damaged.
 */
static int open_section(struct kma_tracedat *dat, uint64_t offset, unsigned int id,
			struct kma_cursor *content, uint8_t **owned)
{
	struct kma_cursor cursor = kma_dat_cursor(dat, offset);
	unsigned int found = kma_cursor_u16(&cursor);
	unsigned int flags = kma_cursor_u16(&cursor);
	uint32_t size32, to_size;
	uint64_t size;
	const uint8_t *from;

	kma_cursor_u32(&cursor); /* the description's id */
	size = kma_cursor_u64(&cursor);
	*owned = NULL;
	if (cursor.past_end || found != id)
		return -1;
	if (!(flags & SECTION_COMPRESSED)) {
		size_t left = cursor.size - cursor.at;

		*content = (struct kma_cursor){ .data = cursor.data + cursor.at,
						.size = size < left ? size : left,
						.swap = dat->swap };
		return 0;
	}
	size32 = kma_cursor_u32(&cursor);
	to_size = kma_cursor_u32(&cursor);
	from = kma_cursor_bytes(&cursor, size32);
	if (!from || !dat->compress || !kma_is_credible(size32, to_size))
		return -1;
	*owned = kma_alloc_large((size_t)to_size + 1);
	if (!*owned)
		return -1;
	if (kma_decompress(dat->compress, from, size32, *owned, to_size) < 0) {
		free(*owned);
		*owned = NULL;
		return -1;
	}
	*content = (struct kma_cursor){ .data = *owned, .size = to_size, .swap = dat->swap };
	return 0;
}

static int keep(struct kma_tracedat *dat, uint8_t *section)
{
	uint8_t **sections;

	if (!section)
		return 0;
	sections = realloc(dat->sections, (dat->nr_sections + 1) * sizeof(*sections));
	if (!sections) {
		free(section);
		return -1;
	}
	dat->sections = sections;
	sections[dat->nr_sections++] = section;
	return 0;
}

static int read_section(struct kma_tracedat *dat, unsigned int id, uint64_t offset,
			const char *what, int (*parse)(struct kma_tracedat *, struct kma_cursor *))
{
	struct kma_cursor content;
	uint8_t *owned;

	if (dat->sections_seen &
	    (1u << id)) /* a file has one of each: more would only be read again */
		return 0;
	dat->sections_seen |= 1u << id;
	if (open_section(dat, offset, id, &content, &owned) < 0)
		return kma_source_damage(&dat->source, "%s at offset %llu cannot be read", what,
					 (unsigned long long)offset);
	if (keep(dat, owned) < 0)
		return -1;
	if (parse(dat, &content) < 0)
		return kma_source_damage(&dat->source, "%s at offset %llu end early", what,
					 (unsigned long long)offset);
	return 0;
}

/* Where the CPU data is: data offset, name, clock, page size, and per CPU its id, offset and size.
 */
static int read_buffer(struct kma_tracedat *dat, struct kma_cursor *option)
{
	uint64_t offset = kma_cursor_u64(option);
	const char *name = kma_cursor_string(option);
	const char *clock_text = kma_cursor_string(option);
	uint32_t page_size = kma_cursor_u32(option);
	uint32_t cpus = kma_cursor_u32(option);
	struct kma_cursor section = kma_dat_cursor(dat, offset);
	unsigned int id = kma_cursor_u16(&section), flags = kma_cursor_u16(&section);
	const char *clock;
	int buffer;

	if (option->past_end || cpus > (option->size - option->at) / 20)
		return kma_source_damage(&dat->source,
					 "the list of CPU data of buffer \"%s\" is damaged", name);
	if (section.past_end || id != KMA_DAT_BUFFER)
		return kma_source_damage(&dat->source,
					 "the data of buffer \"%s\" at offset %llu is missing",
					 name, (unsigned long long)offset);
	if (dat->source.info.nr_buffers >= KMA_DAT_MAX_BUFFERS)
		return kma_source_damage(
			&dat->source, "buffer \"%s\" is left out: a file with so many is damaged",
			name);
	clock = kma_dat_clock(dat, clock_text, strlen(clock_text));
	buffer = clock ? kma_dat_add_buffer(dat, name, clock, page_size) : -1;
	if (buffer < 0)
		return -1;
	for (uint32_t i = 0; i < cpus; i++) {
		uint32_t cpu = kma_cursor_u32(option);
		uint64_t data = kma_cursor_u64(option);
		uint64_t size = kma_cursor_u64(option);

		if (cpu >= KMA_DAT_MAX_CPUS || dat->nr_lanes > MIN_MAX_LANES + dat->map.size / 16) {
			if (kma_source_damage(&dat->source,
					      "the data of CPU %u is left out: damaged", cpu) < 0)
				return -1;
			continue;
		}
		if (kma_dat_add_lane(dat, buffer, cpu, data, size,
				     dat->compress && (flags & SECTION_COMPRESSED)) < 0)
			return -1;
	}
	return 0;
}

static int read_option(struct kma_tracedat *dat, unsigned int id, struct kma_cursor *option,
		       bool *any_buffer)
{
	switch (id) {
	case KMA_DAT_HEADER_INFO:
		return read_section(dat, id, kma_cursor_u64(option),
				    "the ring buffer's description", kma_dat_header_info);
	case KMA_DAT_FTRACE_EVENTS:
		return read_section(dat, id, kma_cursor_u64(option), "the ftrace event formats",
				    kma_dat_ftrace_formats);
	case KMA_DAT_EVENT_FORMATS:
		return read_section(dat, id, kma_cursor_u64(option), "the event formats",
				    kma_dat_event_formats);
	case KMA_DAT_KALLSYMS:
		dat->kallsyms_offset = kma_cursor_u64(option);
		return 0;
	case KMA_DAT_CMDLINES:
		dat->cmdlines_offset = kma_cursor_u64(option);
		return 0;
	case KMA_DAT_BUFFER:
		*any_buffer = true;
		return read_buffer(dat, option);
	case KMA_DAT_BUFFER_TEXT:
		*any_buffer = true;
		dat->text_data = true;
		return 0;
	default:
		return kma_dat_option(dat, id, option);
	}
}

/* One section of options. *@next is where the following one is, 0 after the last. */
static int read_options(struct kma_tracedat *dat, uint64_t offset, uint64_t *next, bool *any_buffer)
{
	struct kma_cursor content;
	uint8_t *owned;
	int ret = 0;

	*next = 0;
	if (open_section(dat, offset, KMA_DAT_DONE, &content, &owned) < 0)
		return kma_source_damage(
			&dat->source,
			"the file is cut off or damaged: options at offset %llu cannot "
			"be read",
			(unsigned long long)offset);
	while (!ret) {
		unsigned int id = kma_cursor_u16(&content);
		struct kma_cursor option = { .swap = content.swap };

		option.size = kma_cursor_u32(&content);
		option.data = kma_cursor_bytes(&content, option.size);
		if (!option.data) {
			ret = kma_source_damage(&dat->source,
						"the options at offset %llu end early",
						(unsigned long long)offset);
			break;
		}
		if (id == KMA_DAT_DONE) {
			if (option.size >= 8)
				*next = kma_cursor_u64(&option);
			break;
		}
		ret = read_option(dat, id, &option, any_buffer);
	}
	free(owned);
	return ret;
}

int kma_dat_open_v7(struct kma_tracedat *dat, struct kma_cursor *cursor, struct kma_error *err)
{
	struct kma_source_info *info = &dat->source.info;
	const char *compression = kma_cursor_string(cursor);
	bool any_buffer = false, known;
	uint64_t next, visited[MAX_OPTION_SECTIONS];

	kma_cursor_string(cursor); /* the compression library's version */
	next = kma_cursor_u64(cursor);
	if (cursor->past_end)
		return kma_fail(err, KMA_ERR_DAMAGED,
				"%s: ends within its first %zu bytes: no data to read", info->path,
				dat->map.size);
	if (strcmp(compression, "none")) {
		dat->compress = kma_compress_new(compression, &known);
		if (!known)
			return kma_fail(err, KMA_ERR_INPUT,
					"%s: is compressed with \"%.32s\"; zstd, zlib and none can "
					"be read (trace-cmd "
					"convert --compression zstd makes one)",
					info->path, compression);
		if (!dat->compress)
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		info->compression = kma_arena_strdup(dat->source.arena, compression);
		if (!info->compression)
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	}
	if (!next)
		return kma_fail(err, KMA_ERR_DAMAGED,
				"%s: holds a header and nothing else: the recording was stopped "
				"early, or written to "
				"a pipe, which trace-cmd cannot do; record with -o FILE",
				info->path);
	for (unsigned int i = 0; next; i++) {
		for (unsigned int k = 0; k < i; k++)
			if (visited[k] == next)
				i = MAX_OPTION_SECTIONS;
		if (i == MAX_OPTION_SECTIONS)
			return kma_fail(err, KMA_ERR_DAMAGED, "%s: its options never end: damaged",
					info->path);
		visited[i] = next;
		if (read_options(dat, next, &next, &any_buffer) < 0)
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	}
	if (!any_buffer &&
	    kma_source_damage(&dat->source, "the list that tells where each CPU's data is, at the "
					    "end of a complete file, is "
					    "missing: no event can be read") < 0)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return 0;
}

char *kma_dat_text_v7(struct kma_tracedat *dat, unsigned int id, uint64_t offset,
		      unsigned int size_bytes)
{
	struct kma_cursor content;
	uint8_t *owned;
	const uint8_t *text;
	uint64_t size;

	if (open_section(dat, offset, id, &content, &owned) < 0)
		return NULL;
	if (!owned)
		return kma_dat_sized_text(&content, size_bytes);
	/* the kernel's symbols are large: moved to the front, they need no memory of their own */
	size = size_bytes == 8 ? kma_cursor_u64(&content) : kma_cursor_u32(&content);
	text = kma_cursor_bytes(&content, size);
	if (!text) {
		free(owned);
		return NULL;
	}
	memmove(owned, text, size);
	owned[size] = '\0';
	return (char *)owned;
}
