/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and applying the time shifts of a guest; see timeshift.h. */
#include "source/timeshift.h"

#include <stddef.h>
#include <stdlib.h>

#include "source/cursor.h"
#include "util/arena.h"

#define FLAG_INTERPOLATE 1
#define SAMPLE_BYTES	 24 /* time, offset, scaling */
#define MAX_FRACTION	 63

/* The last sample at or before @ts that has another behind it; the first one for times before. */
static const struct kma_time_sample *find_sample(const struct kma_time_shift *shift, int64_t ts)
{
	uint32_t low = 0, high = shift->nr - 2;

	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if (shift->samples[middle].time <= ts)
			low = middle;
		else
			high = middle - 1;
	}
	return &shift->samples[low];
}

uint64_t kma_time_shift(const struct kma_time_shift *shift, uint64_t ts)
{
	const struct kma_time_sample *at;
	__int128 offset;

	if (shift->nr == 1)
		return ts + (uint64_t)shift->samples[0].offset;
	at = find_sample(shift, (int64_t)ts);
	offset = at->offset;
	if (shift->interpolate) {
		__int128 delta = (__int128)at[1].time - at->time;

		offset += (((__int128)(int64_t)ts - at->time) * (at[1].offset - at->offset) +
			   delta / 2) /
			  delta;
	}
	return (uint64_t)(((__int128)ts * at->scaling >> at->fraction) + offset);
}

static int by_time(const void *a, const void *b)
{
	const struct kma_time_sample *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

static void sort_samples(struct kma_time_shift *shift)
{
	uint32_t kept = 0;

	if (!shift->nr)
		return;
	qsort(shift->samples, shift->nr, sizeof(*shift->samples), by_time);
	for (uint32_t i = 1; i < shift->nr; i++)
		if (shift->samples[i].time != shift->samples[kept].time)
			shift->samples[++kept] = shift->samples[i];
	shift->nr = kept + 1;
}

/* 1 when the option does not have what it claims. */
static int read_samples(struct kma_cursor *option, struct kma_arena *arena,
			struct kma_time_shift *shift)
{
	shift->nr = kma_cursor_u32(option);
	if (shift->nr > (option->size - option->at) / SAMPLE_BYTES)
		return 1;
	shift->samples = kma_arena_alloc(arena, (shift->nr + 1) * sizeof(*shift->samples));
	if (!shift->samples)
		return -1;
	for (uint32_t i = 0; i < shift->nr; i++)
		shift->samples[i].time = (int64_t)kma_cursor_u64(option);
	for (uint32_t i = 0; i < shift->nr; i++)
		shift->samples[i].offset = (int64_t)kma_cursor_u64(option);
	for (uint32_t i = 0; i < shift->nr; i++)
		shift->samples[i].scaling = (int64_t)kma_cursor_u64(option);
	return option->past_end;
}

/* Older trace-cmds do not write them: the scaling is whole then. */
static int read_fractions(struct kma_cursor *option, struct kma_time_shifts *shifts)
{
	if (option->at == option->size)
		return 0;
	for (uint32_t cpu = 0; cpu < shifts->nr; cpu++)
		for (uint32_t i = 0; i < shifts->cpus[cpu].nr; i++) {
			struct kma_time_sample *sample = &shifts->cpus[cpu].samples[i];

			sample->fraction = kma_cursor_u64(option);
			if (option->past_end || sample->fraction > MAX_FRACTION)
				return 1;
		}
	return 0;
}

int kma_time_shifts_read(struct kma_cursor *option, struct kma_arena *arena,
			 struct kma_time_shifts *shifts)
{
	struct kma_time_shifts read = { 0 };
	uint32_t flags;
	int ret;

	kma_cursor_u64(option); /* the host's trace */
	flags = kma_cursor_u32(option);
	read.nr = kma_cursor_u32(option);
	if (option->past_end || read.nr > (option->size - option->at) / 4)
		return 1;
	read.cpus = kma_arena_alloc(arena, (read.nr + 1) * sizeof(*read.cpus));
	if (!read.cpus)
		return -1;
	for (uint32_t cpu = 0; cpu < read.nr; cpu++) {
		read.cpus[cpu].interpolate = flags & FLAG_INTERPOLATE;
		ret = read_samples(option, arena, &read.cpus[cpu]);
		if (ret)
			return ret;
	}
	ret = read_fractions(option, &read);
	if (ret)
		return ret;
	for (uint32_t cpu = 0; cpu < read.nr; cpu++)
		sort_samples(&read.cpus[cpu]);
	*shifts = read;
	return 0;
}
