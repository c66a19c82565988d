/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reference reader: records through libtracecmd, which also corrects guest time shifts. What
 * the trace is (formats, symbols, lanes) comes from the own reader, as libtracecmd does not hand
 * out the formats' text.
 */
#include <pthread.h>
#include <stdlib.h>

#include <trace-cmd/trace-cmd.h>

#include "source/open.h"
#include "util/arena.h"

#define BATCH 64

struct lane {
	struct tracecmd_input *handle;
	struct tep_record *held[BATCH]; /* what the last piece points into */
	size_t nr_held;
	struct tep_record *ahead; /* read, but behind a gap: begins the next piece */
	struct kma_record records[BATCH];
};

struct tracecmd {
	struct kma_source source;
	struct kma_source *meta; /* the own reader on the same file */
	struct tracecmd_input *handle;
	struct tracecmd_input **handles; /* by buffer */
	struct lane **lanes;		 /* allocated when first read */
	pthread_mutex_t lock;		 /* libtracecmd's handles are not for several threads */
};

static struct tep_record *read_record(struct tracecmd *tc, struct lane *lane, uint32_t index)
{
	struct tep_record *record = lane->ahead;

	lane->ahead = NULL;
	return record ? record : tracecmd_read_data(lane->handle, tc->source.info.lanes[index].cpu);
}

static void release(struct lane *lane)
{
	while (lane->nr_held)
		tracecmd_free_record(lane->held[--lane->nr_held]);
}

static int fill(struct tracecmd *tc, uint32_t index, struct kma_piece *piece)
{
	struct lane *lane = tc->lanes[index];
	struct tep_record *record;

	release(lane);
	piece->type = KMA_PIECE_RECORDS;
	piece->records = lane->records;
	piece->nr = 0;
	piece->lost = 0;
	piece->lost_counted = false;
	while (piece->nr < BATCH && (record = read_record(tc, lane, index))) {
		if (record->missed_events) {
			if (piece->nr) {
				lane->ahead = record;
				break;
			}
			piece->lost_counted = record->missed_events > 0;
			piece->lost = piece->lost_counted ? record->missed_events : 1;
		}
		lane->records[piece->nr++] = (struct kma_record){ .ts = record->ts,
								  .data = record->data,
								  .size = record->size };
		lane->held[lane->nr_held++] = record;
	}
	return piece->nr > 0;
}

static int tracecmd_next(struct kma_source *source, uint32_t index, struct kma_piece *piece,
			 struct kma_error *err)
{
	struct tracecmd *tc = (struct tracecmd *)source;
	struct tracecmd_input *handle = tc->handles[source->info.lanes[index].buffer];
	int ret;

	if (!source->info.lanes[index].bytes)
		return 0;
	pthread_mutex_lock(&tc->lock);
	if (!tc->lanes[index]) {
		tc->lanes[index] = calloc(1, sizeof(*tc->lanes[index]));
		if (tc->lanes[index])
			tc->lanes[index]->handle = handle;
	}
	if (tc->lanes[index])
		ret = fill(tc, index, piece);
	else
		ret = kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	pthread_mutex_unlock(&tc->lock);
	return ret;
}

static int tracecmd_rewind(struct kma_source *source, struct kma_error *err)
{
	struct tracecmd *tc = (struct tracecmd *)source;

	(void)err;
	for (uint32_t i = 0; i < source->info.nr_lanes; i++) {
		struct lane *lane = tc->lanes[i];

		if (!lane)
			continue;
		release(lane);
		if (lane->ahead)
			tracecmd_free_record(lane->ahead);
		lane->ahead = tracecmd_read_cpu_first(lane->handle, source->info.lanes[i].cpu);
	}
	return 0;
}

static char *kallsyms(struct kma_source *source)
{
	struct kma_source *meta = ((struct tracecmd *)source)->meta;

	return meta->ops->kallsyms(meta);
}

static char *cmdlines(struct kma_source *source)
{
	struct kma_source *meta = ((struct tracecmd *)source)->meta;

	return meta->ops->cmdlines(meta);
}

static bool failed(const struct kma_source *source)
{
	const struct kma_source *meta = ((const struct tracecmd *)source)->meta;

	return meta->ops->failed(meta);
}

static void close_tracecmd(struct kma_source *source)
{
	struct tracecmd *tc = (struct tracecmd *)source;

	for (uint32_t i = 0; tc->lanes && i < source->info.nr_lanes; i++) {
		if (!tc->lanes[i])
			continue;
		release(tc->lanes[i]);
		if (tc->lanes[i]->ahead)
			tracecmd_free_record(tc->lanes[i]->ahead);
		free(tc->lanes[i]);
	}
	for (uint32_t i = 0; tc->handles && i < source->info.nr_buffers; i++)
		if (tc->handles[i] && tc->handles[i] != tc->handle)
			tracecmd_close(tc->handles[i]);
	if (tc->handle)
		tracecmd_close(tc->handle);
	free(tc->handles);
	free(tc->lanes);
	free(source->info.notes);
	kma_arena_free(source->arena);
	kma_source_close(tc->meta);
	pthread_mutex_destroy(&tc->lock);
	free(tc);
}

static const struct kma_source_ops ops = {
	.name = "libtracecmd",
	.next = tracecmd_next,
	.rewind = tracecmd_rewind,
	.kallsyms = kallsyms,
	.cmdlines = cmdlines,
	.failed = failed,
	.close = close_tracecmd,
};

static struct tracecmd_input *find_instance(struct tracecmd_input *handle, const char *name)
{
	int nr = tracecmd_buffer_instances(handle);

	for (int i = 0; i < nr; i++)
		if (!strcmp(tracecmd_buffer_instance_name(handle, i), name))
			return tracecmd_buffer_instance_handle(handle, i);
	return NULL;
}

static int open_handles(struct tracecmd *tc, const char *path, const char *name,
			struct kma_error *err)
{
	struct kma_source_info *info = &tc->source.info;

	tep_set_loglevel(TEP_LOG_NONE);
	tracecmd_set_loglevel(TEP_LOG_NONE);
	tc->handles = calloc(info->nr_buffers ? info->nr_buffers : 1, sizeof(*tc->handles));
	tc->lanes = calloc(info->nr_lanes ? info->nr_lanes : 1, sizeof(*tc->lanes));
	if (!tc->handles || !tc->lanes)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	tc->handle = tracecmd_open(path, TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!tc->handle)
		return kma_fail(err, KMA_ERR_INPUT,
				"%s: libtracecmd cannot read it; try --reader=own", name);
	for (uint32_t i = 0; i < info->nr_buffers; i++) {
		const char *buffer = info->buffers[i].name;

		tc->handles[i] = *buffer ? find_instance(tc->handle, buffer) : tc->handle;
		if (!tc->handles[i])
			return kma_fail(err, KMA_ERR_INPUT,
					"%s: libtracecmd finds no buffer \"%s\"; try --reader=own",
					name, buffer);
	}
	return 0;
}

struct kma_source *kma_tracecmd_open(const char *path, const char *name, struct kma_error *err)
{
	struct tracecmd *tc = calloc(1, sizeof(*tc));

	if (!tc) {
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&tc->lock, NULL);
	tc->meta = kma_tracedat_open(path, name, err);
	if (!tc->meta) {
		pthread_mutex_destroy(&tc->lock);
		free(tc);
		return NULL;
	}
	tc->source.ops = &ops;
	tc->source.info = tc->meta->info;
	/* libtracecmd's times are final: to be taken as they are, yet known to be converted; its
	 * notes are its own */
	tc->source.info.time = (struct kma_time_conversion){ .mult = tc->meta->info.time.mult ? 1
											      : 0 };
	tc->source.info.shifts = (struct kma_time_shifts){ 0 };
	tc->source.info.notes = NULL;
	tc->source.info.nr_notes = 0;
	tc->source.arena = kma_arena_new();
	if (!tc->source.arena)
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	else if (open_handles(tc, path, name, err) == 0)
		goto notes;
	close_tracecmd(&tc->source);
	return NULL;
notes:
	for (size_t i = 0; i < tc->meta->info.nr_notes; i++)
		kma_source_note(&tc->source, "%s", tc->meta->info.notes[i]);
	return &tc->source;
}
