/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a trace.dat tells of itself: the layout of pages and events, and options. Both versions have
 * the same, in different places, which this must not know.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/tracedat.h"
#include "util/arena.h"

/* "field: local_t commit;\toffset:8;\tsize:8;..." gives the kernel's long; "data;\toffset:16" where
 * records begin */
static void page_layout(struct kma_tracedat *dat, const char *text, size_t size)
{
	struct kma_page_format *format = &dat->source.info.page_format;
	char copy[2048];
	const char *p;
	unsigned int offset, length;

	if (size >= sizeof(copy))
		size = sizeof(copy) - 1;
	memcpy(copy, text, size);
	copy[size] = '\0';
	p = strstr(copy, " commit;");
	if (p && sscanf(p, " commit; offset:%u; size:%u;", &offset, &length) == 2 && offset == 8 &&
	    (length == 4 || length == 8))
		format->commit_size = length;
	format->data_offset = 8 + format->commit_size;
	p = strstr(copy, " data;");
	if (p && sscanf(p, " data; offset:%u;", &offset) == 1 && offset >= format->data_offset &&
	    offset <= 64)
		format->data_offset = offset;
}

int kma_dat_header_info(struct kma_tracedat *dat, struct kma_cursor *cursor)
{
	const uint8_t *text;
	uint64_t size;

	if (strcmp(kma_cursor_string(cursor), "header_page"))
		return -1;
	size = kma_cursor_u64(cursor);
	text = kma_cursor_bytes(cursor, size);
	if (!text)
		return -1;
	page_layout(dat, (const char *)text, size);
	if (strcmp(kma_cursor_string(cursor), "header_event"))
		return -1;
	size = kma_cursor_u64(cursor);
	return kma_cursor_bytes(cursor, size) ? 0 : -1;
}

static int add_format(struct kma_tracedat *dat, const char *system, const uint8_t *text,
		      size_t size)
{
	struct kma_source_info *info = &dat->source.info;

	if (info->nr_formats > UINT16_MAX) /* an id has 16 bits */
		return -1;
	if (info->nr_formats == dat->max_formats) {
		size_t max = dat->max_formats ? 2 * dat->max_formats : 64;
		struct kma_format *formats = realloc(info->formats, max * sizeof(*formats));

		if (!formats)
			return -1;
		info->formats = formats;
		dat->max_formats = max;
	}
	info->formats[info->nr_formats++] =
		(struct kma_format){ .system = system, .text = (const char *)text, .size = size };
	return 0;
}

static int system_formats(struct kma_tracedat *dat, struct kma_cursor *cursor, const char *system)
{
	uint32_t nr = kma_cursor_u32(cursor);

	for (uint32_t i = 0; i < nr; i++) {
		uint64_t size = kma_cursor_u64(cursor);
		const uint8_t *text = kma_cursor_bytes(cursor, size);

		if (!text || add_format(dat, system, text, size) < 0)
			return -1;
	}
	return cursor->past_end ? -1 : 0;
}

int kma_dat_ftrace_formats(struct kma_tracedat *dat, struct kma_cursor *cursor)
{
	return system_formats(dat, cursor, "ftrace");
}

int kma_dat_event_formats(struct kma_tracedat *dat, struct kma_cursor *cursor)
{
	uint32_t systems = kma_cursor_u32(cursor);

	for (uint32_t i = 0; i < systems; i++) {
		const char *system = kma_cursor_string(cursor);

		if (cursor->past_end || strlen(system) > KMA_DAT_MAX_NAME ||
		    system_formats(dat, cursor, system) < 0)
			return -1;
	}
	return cursor->past_end ? -1 : 0;
}

const char *kma_dat_clock(struct kma_tracedat *dat, const char *text, size_t size)
{
	const char *open = memchr(text, '[', size);
	const char *close = open ? memchr(open, ']', text + size - open) : NULL;

	if (close)
		return kma_arena_strndup(dat->source.arena, open + 1, close - open - 1);
	return kma_arena_strndup(dat->source.arena, text,
				 size < KMA_DAT_MAX_NAME ? size : KMA_DAT_MAX_NAME);
}

/* The text of per_cpu/cpuN/stats, and for instances a line "Buffer: NAME" of its own before them.
 */
static int cpu_stat(struct kma_tracedat *dat, const char *text, size_t size)
{
	struct kma_source_info *info = &dat->source.info;
	char *copy = strndup(text, size), *line, *rest = copy;
	struct kma_cpu_stat stat = { .buffer = dat->stat_buffer };
	bool has_cpu = false;
	int ret = 0;

	if (!copy)
		return -1;
	while ((line = strsep(&rest, "\n"))) {
		unsigned long long value;
		unsigned int cpu;

		if (!strncmp(line, "Buffer: ", 8)) {
			dat->stat_buffer = kma_arena_strdup(dat->source.arena, line + 8);
			stat.buffer = dat->stat_buffer;
			if (!stat.buffer)
				ret = -1;
		} else if (sscanf(line, "CPU: %u", &cpu) == 1) {
			stat.cpu = cpu;
			has_cpu = true;
		} else if (sscanf(line, "entries: %llu", &value) == 1) {
			dat->entries += value;
		} else if (sscanf(line, "overrun: %llu", &value) == 1) {
			stat.overrun = value;
		}
	}
	free(copy);
	if (has_cpu && !ret) {
		struct kma_cpu_stat *stats = realloc(info->cpu_stats,
						     (info->nr_cpu_stats + 1) * sizeof(*stats));

		if (!stats)
			return -1;
		info->cpu_stats = stats;
		stats[info->nr_cpu_stats++] = stat;
	}
	return ret;
}

static int64_t option_number(const struct kma_cursor *option)
{
	char text[32] = "";

	memcpy(text, option->data, option->size < sizeof(text) ? option->size : sizeof(text) - 1);
	return strtoll(text, NULL, 0);
}

static int time_shift(struct kma_tracedat *dat, struct kma_cursor *option)
{
	struct kma_source *source = &dat->source;
	int ret = kma_time_shifts_read(option, source->arena, &source->info.shifts);

	if (ret > 0)
		return kma_source_damage(source,
					 "what the guest's clock differs by from its host's is "
					 "damaged: times are the guest's own");
	if (!ret)
		ret = kma_source_note(source, "times are a guest's, moved to its host's clock by "
					      "the differences that trace-cmd measured");
	return ret;
}

int kma_dat_option(struct kma_tracedat *dat, unsigned int id, struct kma_cursor *option)
{
	struct kma_source_info *info = &dat->source.info;
	const char *text = (const char *)option->data;

	switch (id) {
	case KMA_DAT_DATE: /* microseconds */
		info->time.offset = (int64_t)((uint64_t)info->time.offset +
					      (uint64_t)option_number(option) * 1000);
		break;
	case KMA_DAT_OFFSET:
		info->time.offset =
			(int64_t)((uint64_t)info->time.offset + (uint64_t)option_number(option));
		break;
	case KMA_DAT_CPUSTAT:
		return cpu_stat(dat, text, strnlen(text, option->size));
	case KMA_DAT_TRACECLOCK:
		if (option->size)
			info->clock = kma_dat_clock(dat, text, strnlen(text, option->size));
		return info->clock || !option->size ? 0 : -1;
	case KMA_DAT_UNAME:
		info->uname = kma_arena_strndup(dat->source.arena, text, option->size);
		return info->uname ? 0 : -1;
	case KMA_DAT_CPUCOUNT:
		if (option->size >= 4)
			info->cpus = kma_cursor_u32(option);
		break;
	case KMA_DAT_TRACEID:
		if (option->size >= 8)
			info->trace_id = kma_cursor_u64(option);
		break;
	case KMA_DAT_TIME_SHIFT:
		return time_shift(dat, option);
	case KMA_DAT_TSC2NSEC:
		if (option->size >= 16) {
			info->time.mult = kma_cursor_u32(option);
			info->time.shift = kma_cursor_u32(option);
			if (info->time.shift > 63)
				info->time.mult = 0;
		}
		break;
	default: /* of no meaning for the records */
		break;
	}
	return 0;
}
