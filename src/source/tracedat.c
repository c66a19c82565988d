/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The own trace.dat reader: the file's head, what both versions share, and handing out pages. The
 * file is mapped and trusted with nothing.
 */
#include "source/tracedat.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/open.h"
#include "util/arena.h"

#define MIN_PAGE_SIZE 64u
#define MAX_PAGE_SIZE (1u << 26)

struct kma_cursor kma_dat_cursor(const struct kma_tracedat *dat, uint64_t offset)
{
	struct kma_cursor cursor = { .data = dat->map.data,
				     .size = dat->map.size,
				     .swap = dat->swap };

	if (offset > cursor.size)
		cursor.past_end = true;
	else
		cursor.at = offset;
	return cursor;
}

char *kma_dat_sized_text(struct kma_cursor *cursor, unsigned int size_bytes)
{
	uint64_t size = size_bytes == 8 ? kma_cursor_u64(cursor) : kma_cursor_u32(cursor);
	const uint8_t *text = kma_cursor_bytes(cursor, size);

	return text ? strndup((const char *)text, size) : NULL;
}

int kma_dat_add_buffer(struct kma_tracedat *dat, const char *name, const char *clock,
		       uint32_t page_size)
{
	struct kma_source_info *info = &dat->source.info;
	struct kma_buffer_info *buffer;

	if (info->nr_buffers == UINT16_MAX)
		return -1;
	if (info->nr_buffers == dat->max_buffers) {
		uint32_t max = dat->max_buffers ? 2 * dat->max_buffers : 4;
		struct kma_buffer_info *buffers = realloc(info->buffers, max * sizeof(*buffers));

		if (!buffers)
			return -1;
		info->buffers = buffers;
		dat->max_buffers = max;
	}
	buffer = &info->buffers[info->nr_buffers];
	buffer->name = kma_arena_strndup(dat->source.arena, name, KMA_DAT_MAX_NAME);
	buffer->clock = clock ? kma_arena_strdup(dat->source.arena, clock) : NULL;
	buffer->page_size = page_size;
	if (!buffer->name || (clock && !buffer->clock))
		return -1;
	return info->nr_buffers++;
}

int kma_dat_add_lane(struct kma_tracedat *dat, uint16_t buffer, uint32_t cpu, uint64_t offset,
		     uint64_t size, bool compressed)
{
	struct kma_dat_lane *lane;

	if (dat->nr_lanes == dat->max_lanes) {
		uint32_t max = dat->max_lanes ? 2 * dat->max_lanes : 16;
		struct kma_dat_lane *lanes = realloc(dat->lanes, max * sizeof(*lanes));

		if (!lanes)
			return -1;
		dat->lanes = lanes;
		dat->max_lanes = max;
	}
	if (size && compressed)
		size += 4; /* the number of chunks, which the recorded size leaves out */
	if (size && (offset > dat->map.size || size > dat->map.size - offset)) {
		uint64_t have = offset < dat->map.size ? dat->map.size - offset : 0;

		if (kma_source_damage(&dat->source,
				      "the file is cut off: CPU %u's data should be %llu bytes at "
				      "offset %llu, of "
				      "which %llu are there",
				      cpu, (unsigned long long)size, (unsigned long long)offset,
				      (unsigned long long)have) < 0)
			return -1;
		size = have;
	}
	/* CPUs do not share data: more than the file holds can only be damage, and would let it
	 * blow up */
	if (size > dat->map.size - dat->lane_bytes) {
		if (kma_source_damage(&dat->source,
				      "CPU %u's data overlaps that of other CPUs: left out",
				      cpu) < 0)
			return -1;
		size = 0;
	}
	dat->lane_bytes += size;
	lane = &dat->lanes[dat->nr_lanes++];
	*lane = (struct kma_dat_lane){
		.cpu = cpu,
		.buffer = buffer,
		.compressed = compressed,
		.data = size ? dat->map.data + offset : NULL,
		.size = size,
	};
	return 0;
}

static int next_chunk(struct kma_tracedat *dat, struct kma_dat_lane *lane, struct kma_error *err)
{
	struct kma_cursor cursor = {
		.data = lane->data, .size = lane->size, .at = lane->at, .swap = dat->swap
	};
	const uint8_t *from;
	uint32_t size, to_size;

	if (!lane->started) {
		lane->started = true;
		lane->chunks_left = kma_cursor_u32(&cursor);
	}
	lane->chunk_size = lane->chunk_at = 0;
	kma_window_move(&lane->window, &dat->map, lane->data, lane->size, lane->at);
	if (!lane->chunks_left && !cursor.past_end)
		return 0;
	size = kma_cursor_u32(&cursor);
	to_size = kma_cursor_u32(&cursor);
	from = kma_cursor_bytes(&cursor, size);
	if (!from)
		return kma_fail(err, KMA_ERR_DAMAGED,
				"CPU %u: compressed data ends in the middle of a chunk", lane->cpu);
	if (!kma_is_credible(size, to_size))
		return kma_fail(err, KMA_ERR_DAMAGED,
				"CPU %u: a chunk of %u bytes claims to hold %u", lane->cpu, size,
				to_size);
	if (to_size > lane->chunk_max) {
		uint8_t *chunk = realloc(lane->chunk, to_size);

		if (!chunk)
			return kma_fail(err, KMA_ERR_INTERNAL,
					"out of memory for a chunk of %u bytes", to_size);
		lane->chunk = chunk;
		lane->chunk_max = to_size;
	}
	if (kma_decompress(dat->compress, from, size, lane->chunk, to_size) < 0)
		return kma_fail(err, KMA_ERR_DAMAGED,
				"CPU %u: a compressed chunk at offset %zu is damaged", lane->cpu,
				(size_t)(from - dat->map.data));
	lane->at = cursor.at;
	lane->chunks_left--;
	lane->chunk_size = to_size;
	return 1;
}

static int dat_next(struct kma_source *source, uint32_t index, struct kma_piece *piece,
		    struct kma_error *err)
{
	struct kma_tracedat *dat = (struct kma_tracedat *)source;
	struct kma_dat_lane *lane = &dat->lanes[index];
	uint32_t page_size = source->info.buffers[lane->buffer].page_size;
	size_t left;
	int ret;

	if (!lane->size || lane->ended)
		return 0;
	piece->type = KMA_PIECE_PAGE;
	if (lane->compressed) {
		while (lane->chunk_at == lane->chunk_size) {
			ret = next_chunk(dat, lane, err);
			if (ret > 0)
				continue;
			lane->ended = true;
			free(lane->chunk);
			lane->chunk = NULL;
			lane->chunk_max = 0;
			return ret;
		}
		left = lane->chunk_size - lane->chunk_at;
		piece->page = lane->chunk + lane->chunk_at;
		piece->page_size = left < page_size ? left : page_size;
		lane->chunk_at += piece->page_size;
		return 1;
	}
	left = lane->size - lane->at;
	kma_window_move(&lane->window, &dat->map, lane->data, lane->size, lane->at);
	if (!left)
		return 0;
	piece->page = lane->data + lane->at;
	piece->page_size = left < page_size ? left : page_size;
	lane->at += piece->page_size;
	return 1;
}

static int dat_rewind(struct kma_source *source, struct kma_error *err)
{
	struct kma_tracedat *dat = (struct kma_tracedat *)source;

	(void)err;
	for (uint32_t i = 0; i < dat->nr_lanes; i++) {
		struct kma_dat_lane *lane = &dat->lanes[i];

		lane->at = 0;
		lane->window = (struct kma_window){ 0 };
		lane->started = lane->ended = false;
		lane->chunk_size = lane->chunk_at = 0;
	}
	return 0;
}

static char *read_text(struct kma_tracedat *dat, unsigned int id, uint64_t offset,
		       unsigned int size_bytes)
{
	if (!offset)
		return NULL;
	return dat->source.info.version >= 7 ? kma_dat_text_v7(dat, id, offset, size_bytes)
					     : kma_dat_text_v6(dat, offset, size_bytes);
}

static char *dat_kallsyms(struct kma_source *source)
{
	struct kma_tracedat *dat = (struct kma_tracedat *)source;

	return read_text(dat, KMA_DAT_KALLSYMS, dat->kallsyms_offset, 4);
}

static char *dat_cmdlines(struct kma_source *source)
{
	struct kma_tracedat *dat = (struct kma_tracedat *)source;

	return read_text(dat, KMA_DAT_CMDLINES, dat->cmdlines_offset, 8);
}

static bool dat_failed(const struct kma_source *source)
{
	return kma_mapping_shrunk(&((const struct kma_tracedat *)source)->map);
}

static void dat_close(struct kma_source *source)
{
	struct kma_tracedat *dat = (struct kma_tracedat *)source;

	for (uint32_t i = 0; i < dat->nr_lanes; i++)
		free(dat->lanes[i].chunk);
	for (size_t i = 0; i < dat->nr_sections; i++)
		free(dat->sections[i]);
	free(dat->sections);
	free(dat->lanes);
	free(source->info.lanes);
	free(source->info.buffers);
	free(source->info.formats);
	free(source->info.cpu_stats);
	free(source->info.notes);
	kma_compress_free(dat->compress);
	kma_mapping_close(&dat->map);
	kma_arena_free(source->arena);
	free(dat);
}

static const struct kma_source_ops dat_ops = {
	.name = "own",
	.next = dat_next,
	.rewind = dat_rewind,
	.kallsyms = dat_kallsyms,
	.cmdlines = dat_cmdlines,
	.failed = dat_failed,
	.close = dat_close,
};

static int by_cpu(const void *a, const void *b)
{
	const struct kma_dat_lane *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return (x->buffer > y->buffer) - (x->buffer < y->buffer);
}

/* What is known only once all options are read. */
static int finish(struct kma_tracedat *dat, struct kma_error *err)
{
	struct kma_source_info *info = &dat->source.info;

	if (dat->nr_lanes)
		qsort(dat->lanes, dat->nr_lanes, sizeof(*dat->lanes), by_cpu);
	if (info->nr_cpu_stats)
		qsort(info->cpu_stats, info->nr_cpu_stats, sizeof(*info->cpu_stats),
		      kma_compare_cpu_stats);
	info->lanes = calloc(dat->nr_lanes ? dat->nr_lanes : 1, sizeof(*info->lanes));
	if (!info->lanes)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	info->nr_lanes = dat->nr_lanes;
	for (uint32_t i = 0; i < dat->nr_lanes; i++) {
		const struct kma_dat_lane *lane = &dat->lanes[i];

		info->lanes[i] = (struct kma_lane_info){ .buffer = lane->buffer,
							 .cpu = lane->cpu,
							 .bytes = lane->size };
		if (lane->cpu >= info->cpus)
			info->cpus = lane->cpu + 1;
	}
	if (!info->clock)
		info->clock =
			"local"; /* the kernel's default, and what files without the option have */
	for (uint32_t i = 0; i < info->nr_buffers; i++) {
		struct kma_buffer_info *buffer = &info->buffers[i];

		if (!buffer->clock || !*buffer->clock)
			buffer->clock = info->clock;
		if (!*buffer->name)
			info->clock = buffer->clock;
		if (buffer->page_size < MIN_PAGE_SIZE || buffer->page_size > MAX_PAGE_SIZE)
			return kma_fail(err, KMA_ERR_DAMAGED,
					"%s: buffer \"%s\" claims pages of %u bytes: damaged",
					info->path, buffer->name, buffer->page_size);
	}
	if (!dat->lane_bytes && dat->text_data)
		return kma_fail(
			err, KMA_ERR_INPUT,
			"%s: holds a latency tracer's text, not events; record events with: "
			"trace-cmd record -e kmem",
			info->path);
	if (!dat->lane_bytes && dat->entries && !info->truncated)
		return kma_fail(err, KMA_ERR_DAMAGED,
				"%s: holds no event data although the kernel recorded %llu events: "
				"it was probably written to a pipe, which trace-cmd cannot do; "
				"record with -o FILE, then: kmem-analyze FILE",
				info->path, (unsigned long long)dat->entries);
	return 0;
}

static int read_head(struct kma_tracedat *dat, struct kma_error *err)
{
	static const uint8_t magic[] = { 0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g' };
	struct kma_source_info *info = &dat->source.info;
	struct kma_cursor cursor = kma_dat_cursor(dat, 0);
	const uint8_t *head = kma_cursor_bytes(&cursor, sizeof(magic));
	const char *version;

	if (!head || memcmp(head, magic, sizeof(magic)))
		return kma_fail(
			err, KMA_ERR_INPUT,
			"%s: is neither a trace.dat file nor printed events; record one with: "
			"trace-cmd record -e kmem",
			info->path);
	version = kma_cursor_string(&cursor);
	info->version = strtoul(version, NULL, 10);
	if (!cursor.past_end && info->version != 6 && info->version != 7)
		return kma_fail(err, KMA_ERR_INPUT,
				"%s: has format version %.16s; 6 and 7 can be read (trace-cmd "
				"convert makes one)",
				info->path, version);
	info->big_endian = kma_cursor_u8(&cursor);
	info->long_size = kma_cursor_u8(&cursor);
	dat->swap = cursor.swap = info->big_endian != (BYTE_ORDER == BIG_ENDIAN);
	info->page_size = kma_cursor_u32(&cursor);
	if (cursor.past_end)
		return kma_fail(err, KMA_ERR_DAMAGED,
				"%s: ends within its first %zu bytes: no data to read", info->path,
				dat->map.size);
	if (info->long_size != 4 && info->long_size != 8)
		return kma_fail(err, KMA_ERR_DAMAGED, "%s: claims longs of %u bytes: damaged",
				info->path, info->long_size);
	if (info->page_size < MIN_PAGE_SIZE || info->page_size > MAX_PAGE_SIZE)
		return kma_fail(err, KMA_ERR_DAMAGED, "%s: claims pages of %u bytes: damaged",
				info->path, info->page_size);
	info->page_format = (struct kma_page_format){
		.big_endian = info->big_endian,
		.swap = dat->swap,
		.commit_size = info->long_size,
		.data_offset = 8 + info->long_size,
	};
	info->compression = "none";
	return info->version == 7 ? kma_dat_open_v7(dat, &cursor, err)
				  : kma_dat_open_v6(dat, &cursor, err);
}

static struct kma_source *dat_open(const char *name, const struct kma_mapping *map,
				   struct kma_error *err)
{
	struct kma_tracedat *dat = calloc(1, sizeof(*dat));

	if (!dat) {
		struct kma_mapping mapping = *map;

		kma_mapping_close(&mapping);
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		return NULL;
	}
	dat->map = *map;
	dat->source.ops = &dat_ops;
	dat->stat_buffer = "";
	dat->source.arena = kma_arena_new();
	if (dat->source.arena)
		dat->source.info.path = kma_arena_strdup(dat->source.arena, name);
	if (!dat->source.info.path) {
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	} else if (read_head(dat, err) == 0 && finish(dat, err) == 0) {
		return &dat->source;
	}
	dat_close(&dat->source);
	return NULL;
}

struct kma_source *kma_tracedat_open(const char *path, const char *name, struct kma_error *err)
{
	struct kma_mapping map;

	if (kma_mapping_open(&map, path, name, err) < 0)
		return NULL;
	return dat_open(name, &map, err);
}

struct kma_source *kma_source_open_memory(const void *data, size_t size, struct kma_error *err)
{
	struct kma_mapping map = { .data = data, .size = size };

	return dat_open("(memory)", &map, err);
}
