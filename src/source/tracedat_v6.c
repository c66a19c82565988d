/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace.dat version 6: one section after the other, none of them compressed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/tracedat.h"
#include "util/arena.h"

static int cut(struct kma_tracedat *dat, const struct kma_cursor *cursor, const char *where,
	       struct kma_error *err)
{
	return kma_fail(err, KMA_ERR_DAMAGED,
			"%s: %s at %s (offset %zu of %zu): no event data can be found",
			dat->source.info.path, cursor->past_end ? "is cut off" : "is damaged",
			where, cursor->at, dat->map.size);
}

/* A named buffer: where its own "flyrecord" mark and table of CPU data stand. */
struct instance {
	uint64_t offset;
	const char *name;
	struct instance *next;
};

static int read_instance_option(struct kma_tracedat *dat, struct kma_cursor *option,
				struct instance ***tail)
{
	struct instance *instance = kma_arena_alloc(dat->source.arena, sizeof(*instance));

	if (!instance)
		return -1;
	instance->offset = kma_cursor_u64(option);
	instance->name = kma_arena_strdup(dat->source.arena, kma_cursor_string(option));
	if (!instance->name)
		return -1;
	if (option->past_end)
		return 0;
	**tail = instance;
	*tail = &instance->next;
	return 0;
}

static int read_options(struct kma_tracedat *dat, struct kma_cursor *cursor,
			struct instance ***tail, bool *has_clock)
{
	for (;;) {
		unsigned int id = kma_cursor_u16(cursor);
		struct kma_cursor option = { .swap = cursor->swap };

		if (cursor->past_end)
			return -1;
		if (id == KMA_DAT_DONE)
			return 0;
		option.size = kma_cursor_u32(cursor);
		option.data = kma_cursor_bytes(cursor, option.size);
		if (!option.data)
			return -1;
		if (id == KMA_DAT_TRACECLOCK)
			*has_clock = true;
		if (id == KMA_DAT_BUFFER ? read_instance_option(dat, &option, tail) < 0
					 : kma_dat_option(dat, id, &option) < 0)
			return -1;
	}
}

/* The mark before the table of CPU data; text data has none. */
static bool is_flyrecord(struct kma_tracedat *dat, struct kma_cursor *cursor)
{
	const uint8_t *mark = kma_cursor_bytes(cursor, 10);

	if (!mark)
		return false;
	if (!memcmp(mark, "latency", 7))
		dat->text_data = true;
	return !memcmp(mark, "flyrecord", 10);
}

static int read_table(struct kma_tracedat *dat, struct kma_cursor *cursor, uint32_t cpus,
		      const char *name)
{
	int buffer;

	if (dat->source.info.nr_buffers >= KMA_DAT_MAX_BUFFERS || cpus > KMA_DAT_MAX_CPUS ||
	    cpus > (cursor->size - cursor->at) / 16 ||
	    cpus > (dat->map.size / 16) - dat->nr_lanes) {
		cursor->past_end = true;
		return -1;
	}
	buffer = kma_dat_add_buffer(dat, name, NULL, dat->source.info.page_size);
	if (buffer < 0)
		return -1;
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		uint64_t offset = kma_cursor_u64(cursor);
		uint64_t size = kma_cursor_u64(cursor);

		if (kma_dat_add_lane(dat, buffer, cpu, offset, size, false) < 0)
			return -1;
	}
	return 0;
}

int kma_dat_open_v6(struct kma_tracedat *dat, struct kma_cursor *cursor, struct kma_error *err)
{
	struct kma_source_info *info = &dat->source.info;
	struct instance *instances = NULL, **tail = &instances;
	bool has_clock = false;
	const uint8_t *mark;

	if (kma_dat_header_info(dat, cursor) < 0)
		return cut(dat, cursor, "the ring buffer's description", err);
	if (kma_dat_ftrace_formats(dat, cursor) < 0)
		return cut(dat, cursor, "the ftrace event formats", err);
	if (kma_dat_event_formats(dat, cursor) < 0)
		return cut(dat, cursor, "the event formats", err);
	dat->kallsyms_offset = cursor->at;
	if (!kma_cursor_bytes(cursor, kma_cursor_u32(cursor)))
		return cut(dat, cursor, "the kernel's symbols", err);
	if (!kma_cursor_bytes(cursor, kma_cursor_u32(cursor)))
		return cut(dat, cursor, "the printk formats", err);
	dat->cmdlines_offset = cursor->at;
	if (!kma_cursor_bytes(cursor, kma_cursor_u64(cursor)))
		return cut(dat, cursor, "the command lines", err);
	info->cpus = kma_cursor_u32(cursor);
	mark = kma_cursor_bytes(cursor, 10);
	if (!mark)
		return cut(dat, cursor, "the options", err);
	if (!memcmp(mark, "options", 7)) {
		if (read_options(dat, cursor, &tail, &has_clock) < 0)
			return cut(dat, cursor, "the options", err);
	} else {
		cursor->at -= 10;
	}
	if (!is_flyrecord(dat, cursor)) {
		if (dat->text_data)
			return 0;
		return cut(dat, cursor, "the table of CPU data", err);
	}
	if (read_table(dat, cursor, info->cpus, "") < 0)
		return cut(dat, cursor, "the table of CPU data", err);
	if (has_clock && !info->clock) {
		uint64_t size = kma_cursor_u64(cursor);
		const uint8_t *text = kma_cursor_bytes(cursor, size);

		if (text)
			info->clock = kma_dat_clock(dat, (const char *)text, size);
	}
	for (; instances; instances = instances->next) {
		struct kma_cursor at = kma_dat_cursor(dat, instances->offset);

		if ((!is_flyrecord(dat, &at) ||
		     read_table(dat, &at, info->cpus, instances->name) < 0) &&
		    kma_source_damage(&dat->source,
				      "the table of CPU data of buffer \"%s\" is missing",
				      instances->name) < 0)
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	}
	return 0;
}

char *kma_dat_text_v6(struct kma_tracedat *dat, uint64_t offset, unsigned int size_bytes)
{
	struct kma_cursor cursor = kma_dat_cursor(dat, offset);

	return kma_dat_sized_text(&cursor, size_bytes);
}
