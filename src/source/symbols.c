/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's symbols of a source. Their text is large (2 to 10 MB) and mostly compressed: it is
 * read once, when it is asked for first, and kept.
 */
#include <stdlib.h>

#include "source/kallsyms.h"
#include "source/source.h"
#include "util/arena.h"

struct kma_symbols {
	char *text;		    /* NULL: the source has none */
	struct kma_function *table; /* with sort_symbols */
	size_t nr;
};

/* NULL: out of memory. */
static struct kma_symbols *get_symbols(struct kma_source *source)
{
	if (!source->symbols) {
		source->symbols = calloc(1, sizeof(*source->symbols));
		if (source->symbols)
			source->symbols->text = source->ops->kallsyms(source);
	}
	return source->symbols;
}

void kma_source_forget_symbols(struct kma_source *source)
{
	if (!source->symbols)
		return;
	free(source->symbols->text);
	free(source->symbols->table);
	free(source->symbols);
	source->symbols = NULL;
}

static int find_nearest(struct kma_source *source, const uint64_t *addresses,
			struct kma_function *nearest, size_t nr)
{
	struct kma_symbols *symbols = get_symbols(source);

	if (!symbols)
		return -1;
	if (!symbols->text)
		return 0;
	if (!source->sort_symbols) {
		kma_functions_scan(symbols->text, addresses, nearest, nr);
		return 0;
	}
	if (!symbols->table && kma_functions_sort(symbols->text, &symbols->table, &symbols->nr) < 0)
		return -1;
	kma_functions_look_up(symbols->table, symbols->nr, addresses, nearest, nr);
	return 0;
}

int kma_source_symbols(struct kma_source *source, const uint64_t *addresses, const char **names,
		       size_t nr, struct kma_arena *arena)
{
	struct kma_function *nearest;
	int ret;

	if (!nr)
		return 0;
	if (source->ops->symbols)
		return source->ops->symbols(source, addresses, names, nr, arena);
	nearest = calloc(nr, sizeof(*nearest));
	if (!nearest)
		return -1;
	ret = find_nearest(source, addresses, nearest, nr);
	for (size_t i = 0; !ret && i < nr; i++) {
		if (i && (!nearest[i].name || nearest[i].address < nearest[i - 1].address))
			nearest[i] = nearest[i - 1];
		if (!nearest[i].name)
			continue;
		names[i] = kma_arena_printf(
			arena, "%.*s+0x%llx", (int)kma_function_name_length(nearest[i].name),
			nearest[i].name, (unsigned long long)(addresses[i] - nearest[i].address));
		if (!names[i])
			ret = -1;
	}
	free(nearest);
	return ret;
}

const char *const kma_tracing_functions[] = {
	"trace_event_raw_event_",
	"trace_event_buffer_",
	"__page_ref_",
	"__traceiter_",
	"__do_trace_",
	"perf_trace_",
	NULL,
};

int kma_source_functions(struct kma_source *source, const char *const *prefixes,
			 struct kma_address_range **ranges, size_t *nr)
{
	struct kma_symbols *symbols;

	*ranges = NULL;
	*nr = 0;
	if (!source->ops->kallsyms)
		return 0;
	symbols = get_symbols(source);
	if (!symbols)
		return -1;
	return symbols->text ? kma_functions_find(symbols->text, prefixes, ranges, nr) : 0;
}
