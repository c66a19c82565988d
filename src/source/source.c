/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Choosing a reader, and what all sources share. */
#include "source/source.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "source/open.h"
#include "util/arena.h"

struct kma_source *kma_reader_open(const char *path, const char *name, enum kma_reader reader,
				   struct kma_error *err)
{
	return reader == KMA_READER_TRACECMD ? kma_tracecmd_open(path, name, err)
					     : kma_tracedat_open(path, name, err);
}

void kma_source_close(struct kma_source *source)
{
	if (!source)
		return;
	kma_source_forget_symbols(source);
	source->ops->close(source);
}

int kma_compare_cpu_stats(const void *a, const void *b)
{
	const struct kma_cpu_stat *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return strcmp(x->buffer, y->buffer);
}

static int add_note(struct kma_source *source, const char *fmt, va_list ap)
{
	struct kma_source_info *info = &source->info;
	const char **notes = realloc(info->notes, (info->nr_notes + 1) * sizeof(*notes));

	if (!notes)
		return -1;
	info->notes = notes;
	notes[info->nr_notes] = kma_arena_vprintf(source->arena, fmt, ap);
	if (!notes[info->nr_notes])
		return -1;
	info->nr_notes++;
	return 0;
}

int kma_source_note(struct kma_source *source, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = add_note(source, fmt, ap);
	va_end(ap);
	return ret;
}

/* A file can be broken in many places; a person reads a few. */
#define MAX_DAMAGE_NOTES 20

int kma_source_damage(struct kma_source *source, const char *fmt, ...)
{
	va_list ap;
	int ret;

	source->info.truncated = true;
	if (source->info.nr_notes >= MAX_DAMAGE_NOTES)
		return 0;
	va_start(ap, fmt);
	ret = add_note(source, fmt, ap);
	va_end(ap);
	if (!ret && !source->info.damage)
		source->info.damage = source->info.notes[source->info.nr_notes - 1];
	return ret;
}
