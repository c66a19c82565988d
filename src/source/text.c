/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Printed events as a source: what they tell of the trace, and what they cannot. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/open.h"
#include "source/textblocks.h"
#include "util/arena.h"

static int nomem(struct kma_error *err)
{
	return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
}

static int text_next(struct kma_source *source, uint32_t index, struct kma_piece *piece,
		     struct kma_error *err)
{
	struct kma_text *t = (struct kma_text *)source;
	struct kma_text_lane *lane = &t->lanes[index];
	size_t stop = lane->end;

	(void)err;
	*piece = (struct kma_piece){ .type = KMA_PIECE_RECORDS };
	if (lane->gap < lane->nr_gaps && lane->gaps[lane->gap].at == lane->at &&
	    (lane->at < lane->end || t->lines.ended)) {
		piece->lost = lane->gaps[lane->gap].lost;
		piece->lost_counted = lane->gaps[lane->gap].counted;
		lane->gap++;
	} else if (lane->at == lane->end) {
		return 0;
	}
	if (lane->gap < lane->nr_gaps && lane->gaps[lane->gap].at < stop)
		stop = lane->gaps[lane->gap].at;
	if (lane->records)
		piece->records = lane->records + lane->at;
	piece->nr = stop - lane->at;
	lane->at = stop;
	piece->bytes = lane->bytes;
	lane->bytes = 0;
	return 1;
}

static int note(struct kma_text *t, uint64_t number, const char *text)
{
	return number ? kma_source_note(&t->source, "%" PRIu64 " %s", number, text) : 0;
}

static void tell_fields(struct kma_text *t, enum kma_kind kind)
{
	const struct kma_text_records *r = &t->records;
	const char *name = kma_kind_name(kind);

	if (r->incomplete[kind])
		kma_source_damage(&t->source,
				  "%" PRIu64 " lines of %s lack a value, or have one that cannot "
				  "be read: left out",
				  r->incomplete[kind], name);
	if (r->partial[kind])
		kma_source_note(&t->source,
				"%" PRIu64 " lines of %s lack a value that others have: read as 0",
				r->partial[kind], name);
	/* only caches have names */
	if (kind == KMA_KMALLOC || kind == KMA_KMALLOC_NODE || kind == KMA_KFREE)
		return;
	for (unsigned int i = 0; r->lines[kind] && i < r->printed[kind].nr; i++)
		if (!((r->seen[kind] | r->printed[kind].required) >> i & 1))
			kma_source_note(&t->source, "events %s are printed without their %s", name,
					r->printed[kind].fields[i].field);
}

/* What text could not give, and how it ended. */
static void tell_doubts(struct kma_text *t)
{
	const struct kma_text_records *r = &t->records;

	note(t, r->doubts.hashed,
	     "pointers were printed hashed: they tell objects apart, but are no addresses");
	note(t, r->doubts.unprinted,
	     "pointers were not printed at all: their events cannot be paired");
	note(t, r->doubts.other_flags, "gfp flags have a name that is not known");
	for (int kind = 1; kind < KMA_NR_KINDS; kind++)
		tell_fields(t, kind);
	note(t, r->more_names, "events are of more kinds than are told apart");
	note(t, t->others, "lines are no printed event: left out");
	note(t, t->overwritten,
	     "events were overwritten in the kernel's buffer before it was printed");
	if (t->mixed_clocks)
		kma_source_damage(&t->source, "some times are seconds, others are not: the text "
					      "is of more than one recording");
	if (t->lines.overlong)
		kma_source_damage(&t->source, "%" PRIu64 " lines are too long: left out",
				  t->lines.overlong);
	if (t->lines.error)
		kma_source_damage(&t->source, "reading failed: %s", strerror(t->lines.error));
	if (t->lines.stopped)
		kma_source_damage(&t->source, "interrupted: the rest was not read");
	else if (t->lines.cut)
		kma_source_damage(&t->source, "ends within a line: what printed it was "
					      "interrupted, or the copy was cut");
}

static int text_more(struct kma_source *source, struct kma_error *err)
{
	struct kma_text *t = (struct kma_text *)source;
	bool young = !t->lines.ended;

	for (uint32_t i = 0; i < source->info.nr_lanes; i++)
		young |= t->lanes[i].end < t->lanes[i].nr || t->lanes[i].gap < t->lanes[i].nr_gaps;
	if (young)
		return kma_text_round(t) < 0 ? nomem(err) : 1;
	if (!t->told)
		tell_doubts(t);
	t->told = true;
	return 0;
}

static int begin(struct kma_text *t, struct kma_error *err)
{
	if (kma_text_block(t) < 0)
		return nomem(err);
	if (!t->events)
		return kma_fail(
			err, KMA_ERR_POOR,
			"%s: holds no event: nothing was recorded, or its form is not known "
			"(lines of trace-cmd report or stream, trace_pipe, trace, and perf "
			"script are)",
			t->source.info.path);
	return kma_text_round(t) < 0 ? nomem(err) : 0;
}

static int text_rewind(struct kma_source *source, struct kma_error *err)
{
	struct kma_text *t = (struct kma_text *)source;

	if (kma_lines_rewind(&t->lines) < 0)
		return kma_fail(err, KMA_ERR_DAMAGED, "%s: cannot be read again: %s",
				source->info.path, strerror(errno));
	for (uint32_t i = 0; i < source->info.nr_lanes; i++) {
		struct kma_text_lane *lane = &t->lanes[i];

		lane->nr = lane->end = lane->at = lane->nr_gaps = lane->gap = 0;
	}
	t->max_ts = t->bytes_told = 0;
	t->line_ahead = false;
	return begin(t, err);
}

static int text_symbols(struct kma_source *source, const uint64_t *addresses, const char **names,
			size_t nr, struct kma_arena *arena)
{
	const struct kma_names *symbols = ((struct kma_text *)source)->records.symbols;

	for (size_t i = 0; i < nr; i++) {
		uint64_t number = addresses[i] - KMA_PRINTED_SYMBOLS;

		if (number >= kma_names_count(symbols))
			continue;
		names[i] = kma_arena_strdup(arena, kma_names_text(symbols, number));
		if (!names[i])
			return -1;
	}
	return 0;
}

static char *text_cmdlines(struct kma_source *source)
{
	const struct kma_text_records *records = &((struct kma_text *)source)->records;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; out && records->tasks.entries && i >> records->tasks.bits == 0; i++) {
		const struct kma_u64map_entry *entry = &records->tasks.entries[i];

		if (entry->key != KMA_U64MAP_FREE)
			fprintf(out, "%" PRIu64 " %s\n", entry->key,
				kma_names_text(records->comms, entry->value));
	}
	if (out && fclose(out)) {
		free(text);
		text = NULL;
	}
	return text;
}

/* What failed is told as damage. */
static bool text_failed(const struct kma_source *source)
{
	(void)source;
	return false;
}

static void text_close(struct kma_source *source)
{
	struct kma_text *t = (struct kma_text *)source;

	for (uint32_t i = 0; i < source->info.nr_lanes; i++) {
		free(t->lanes[i].records);
		free(t->lanes[i].gaps);
	}
	free(t->lanes);
	free(t->block[0]);
	free(t->block[1]);
	free(source->info.lanes);
	free(source->info.buffers);
	free(source->info.formats);
	free(source->info.notes);
	kma_u64map_free(&t->lane_of);
	kma_names_free(t->buffers);
	kma_text_records_close(&t->records);
	kma_lines_close(&t->lines);
	kma_arena_free(source->arena);
	close(t->fd);
	free(t);
}

#define OPS                                                                            \
	.name = "text", .next = text_next, .more = text_more, .symbols = text_symbols, \
	.cmdlines = text_cmdlines, .failed = text_failed, .close = text_close

static const struct kma_source_ops pipe_ops = { OPS };
static const struct kma_source_ops file_ops = { OPS, .rewind = text_rewind };

static void fill_info(struct kma_text *t)
{
	struct kma_source_info *info = &t->source.info;
	uint32_t ns = 1;

	info->clock = t->perf ? "perf" : t->ticks ? "ticks" : KMA_CLOCK_PRINTED;
	for (uint32_t i = 0; i < info->nr_buffers; i++)
		info->buffers[i].clock = info->clock;
	for (unsigned int digits = t->digits; digits < 9 && !t->ticks; digits++)
		ns *= 10;
	info->resolution = ns;
	info->gfp_flags = kma_printed_gfp_flags;
	if (ns == 1000)
		kma_source_note(&t->source, "times are printed in microseconds: what is computed "
					    "from two of them can be off by one");
	else if (ns > 1)
		kma_source_note(&t->source,
				"times are printed to %u ns: what is computed from two of them can "
				"be off by as much",
				ns);
	kma_source_note(&t->source,
			"printed events do not tell the machine's page size: %u bytes are assumed",
			KMA_TEXT_PAGE_SIZE);
	if (t->perf && t->records.lines[KMA_KERNEL_STACK])
		kma_source_note(&t->source,
				"perf script prints stacks with their events: here each "
				"counts as a record of its own");
	if (t->perf)
		kma_source_note(&t->source, "perf script tells of lost events only with "
					    "--show-lost-events");
}

/* Memory for all but the lines, and what does not depend on the text. */
static int prepare(struct kma_text *t, const struct kma_text_input *input)
{
	struct kma_source_info *info = &t->source.info;
	struct kma_text_span top = { "", 0 };
	uint32_t number;

	t->source.arena = kma_arena_new();
	t->buffers = kma_names_new(KMA_TEXT_MAX_BUFFERS);
	t->block[0] = malloc(KMA_TEXT_BLOCK_BYTES);
	t->block[1] = malloc(KMA_TEXT_BLOCK_BYTES);
	info->buffers = calloc(KMA_TEXT_MAX_BUFFERS, sizeof(*info->buffers));
	if (kma_text_records_open(&t->records) < 0 || !t->source.arena || !t->buffers ||
	    !t->block[0] || !t->block[1] || !info->buffers ||
	    kma_lines_open(&t->lines, t->fd, input->first, input->size) < 0)
		return -1;
	t->lines.stop = input->stop;
	t->source.ops = input->can_rewind ? &file_ops : &pipe_ops;
	info->path = kma_arena_strdup(t->source.arena, input->name);
	info->clock = "";
	info->compression = "none";
	info->big_endian = BYTE_ORDER == BIG_ENDIAN;
	info->page_size = KMA_TEXT_PAGE_SIZE;
	info->long_size = 8;
	info->page_format = (struct kma_page_format){ .big_endian = info->big_endian,
						      .commit_size = 8,
						      .data_offset = 16 };
	info->printed = true;
	info->pageblock_order = -1;
	return info->path ? kma_text_buffer(t, &top, &number) : -1;
}

struct kma_source *kma_text_open(const struct kma_text_input *input, struct kma_error *err)
{
	struct kma_text *t = calloc(1, sizeof(*t));
	int ret;

	if (!t) {
		close(input->fd);
		nomem(err);
		return NULL;
	}
	t->fd = input->fd;
	ret = prepare(t, input) < 0 ? nomem(err) : begin(t, err);
	if (!ret && kma_text_formats(&t->records, t->lines.ended, &t->source.info) < 0)
		ret = nomem(err);
	if (ret < 0) {
		text_close(&t->source);
		return NULL;
	}
	fill_info(t);
	return &t->source;
}

bool kma_text_sounds_right(const char *text, size_t size)
{
	const char *end = text + size;
	struct kma_text_line line;

	while (text < end) {
		const char *stop = memchr(text, '\n', end - text);

		if (!stop)
			break;
		kma_text_line(text, stop, &line);
		if (line.type == KMA_TEXT_EVENT || line.type == KMA_TEXT_LOST ||
		    line.type == KMA_TEXT_CPUS)
			return true;
		text = stop + 1;
	}
	return false;
}
