/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names for a few addresses out of a hundred thousand symbols: one pass over the text that keeps,
 * for each wanted address, the nearest function at or below it.
 */
#include <stdlib.h>
#include <string.h>

#include "source/source.h"
#include "util/arena.h"

struct nearest {
	uint64_t address;
	const char *name; /* in the text; NULL: none yet */
	size_t length;
};

static uint64_t parse_hex(const char **text)
{
	const char *p = *text;
	uint64_t value = 0;

	for (;; p++) {
		unsigned int c = (unsigned char)*p, digit;

		if (c - '0' < 10)
			digit = c - '0';
		else if ((c | 32) - 'a' < 6)
			digit = (c | 32) - 'a' + 10;
		else
			break;
		value = value << 4 | digit;
	}
	*text = p;
	return value;
}

static size_t lower_bound(const uint64_t *addresses, size_t nr, uint64_t address)
{
	size_t low = 0, high = nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addresses[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Lines are "ADDRESS TYPE NAME" and, for modules, "\t[MODULE]". */
static void scan(const char *text, const uint64_t *addresses, struct nearest *nearest, size_t nr)
{
	while (*text) {
		const char *line = text;
		const char *end = strchrnul(text, '\n');
		uint64_t address = parse_hex(&line);

		text = *end ? end + 1 : end;
		if (end - line < 4 || line[0] != ' ' || !strchr("tTwW", line[1]) || line[2] != ' ')
			continue;
		if (address > addresses[nr - 1])
			continue;
		struct nearest *best = &nearest[lower_bound(addresses, nr, address)];

		if (best->name && best->address >= address)
			continue;
		best->address = address;
		best->name = line + 3;
		best->length = strcspn(best->name, " \t\n");
	}
}

/* All functions by address, for a source that is asked again and again. */
struct symbol {
	uint64_t address;
	const char *name; /* in the text */
};

struct kma_symbols {
	char *text;
	struct symbol *table;
	size_t nr;
};

/* Of several names for one place, the one that the text lists first. */
static int compare_symbols(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

static int index_symbols(struct kma_symbols *symbols)
{
	size_t max = 1;

	for (const char *p = symbols->text; (p = strchr(p, '\n')); p++)
		max++;
	symbols->table = calloc(max, sizeof(*symbols->table));
	if (!symbols->table)
		return -1;
	for (const char *text = symbols->text; *text;) {
		const char *line = text, *end = strchrnul(text, '\n');
		uint64_t address = parse_hex(&line);

		text = *end ? end + 1 : end;
		if (end - line < 4 || line[0] != ' ' || !strchr("tTwW", line[1]) || line[2] != ' ')
			continue;
		symbols->table[symbols->nr++] = (struct symbol){ address, line + 3 };
	}
	qsort(symbols->table, symbols->nr, sizeof(*symbols->table), compare_symbols);
	return 0;
}

static void look_up(const struct kma_symbols *symbols, const uint64_t *addresses,
		    struct nearest *nearest, size_t nr)
{
	size_t at = 0; /* addresses are sorted, too */

	for (size_t i = 0; i < nr; i++) {
		size_t high = symbols->nr;

		/* the last place at or below, then the first of its names */
		while (at < high) {
			size_t middle = at + (high - at) / 2;

			if (symbols->table[middle].address <= addresses[i])
				at = middle + 1;
			else
				high = middle;
		}
		if (!at)
			continue;
		high = at - 1;
		while (high && symbols->table[high - 1].address == symbols->table[high].address)
			high--;
		nearest[i] =
			(struct nearest){ .address = symbols->table[high].address,
					  .name = symbols->table[high].name,
					  .length = strcspn(symbols->table[high].name, " \t\n") };
	}
}

void kma_source_forget_symbols(struct kma_source *source)
{
	if (source->symbols) {
		free(source->symbols->text);
		free(source->symbols->table);
	}
	free(source->symbols);
	source->symbols = NULL;
}

static int keep_symbols(struct kma_source *source)
{
	source->symbols = calloc(1, sizeof(*source->symbols));
	if (!source->symbols)
		return -1;
	source->symbols->text = source->ops->kallsyms(source);
	return source->symbols->text ? index_symbols(source->symbols) : 0;
}

/* @text is what the names point into, to be freed; NULL where the source keeps it. */
static int find_nearest(struct kma_source *source, const uint64_t *addresses,
			struct nearest *nearest, size_t nr, char **text)
{
	if (source->keep_symbols) {
		if (!source->symbols && keep_symbols(source) < 0)
			return -1;
		look_up(source->symbols, addresses, nearest, nr);
		return 0;
	}
	*text = source->ops->kallsyms(source);
	if (*text)
		scan(*text, addresses, nearest, nr);
	return 0;
}

int kma_source_symbols(struct kma_source *source, const uint64_t *addresses, const char **names,
		       size_t nr, struct kma_arena *arena)
{
	struct nearest *nearest;
	char *text = NULL;
	int ret;

	if (!nr)
		return 0;
	if (source->ops->symbols)
		return source->ops->symbols(source, addresses, names, nr, arena);
	nearest = calloc(nr, sizeof(*nearest));
	if (!nearest)
		return -1;
	ret = find_nearest(source, addresses, nearest, nr, &text);
	for (size_t i = 0; !ret && i < nr; i++) {
		if (i && (!nearest[i].name || nearest[i].address < nearest[i - 1].address))
			nearest[i] = nearest[i - 1];
		if (!nearest[i].name)
			continue;
		names[i] = kma_arena_printf(
			arena, "%.*s+0x%llx", (int)nearest[i].length, nearest[i].name,
			(unsigned long long)(addresses[i] - nearest[i].address));
		if (!names[i])
			ret = -1;
	}
	free(nearest);
	free(text);
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

static bool has_prefix(const char *name, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (!strncmp(name, *prefixes, strlen(*prefixes)))
			return true;
	return false;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct kma_address_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* The text lists functions by address, but for modules, which follow one another in any order: a
 * function ends where the next line's begins. */
static int find_functions(const char *text, const char *const *prefixes,
			  struct kma_address_range **ranges, size_t *nr)
{
	size_t max = 0;
	bool open = false;

	while (*text) {
		const char *line = text, *end = strchrnul(text, '\n');
		uint64_t address = parse_hex(&line);

		text = *end ? end + 1 : end;
		if (end - line < 4 || line[0] != ' ' || !strchr("tTwW", line[1]) || line[2] != ' ')
			continue;
		if (open && address > (*ranges)[*nr - 1].start)
			(*ranges)[*nr - 1].end = address;
		open = has_prefix(line + 3, prefixes);
		if (!open)
			continue;
		if (*nr == max) {
			struct kma_address_range *larger;

			max = max ? 2 * max : 256;
			larger = reallocarray(*ranges, max, sizeof(*larger));
			if (!larger)
				return -1;
			*ranges = larger;
		}
		(*ranges)[(*nr)++] = (struct kma_address_range){ address, address + 1 };
	}
	return 0;
}

int kma_source_functions(struct kma_source *source, const char *const *prefixes,
			 struct kma_address_range **ranges, size_t *nr)
{
	char *text = source->ops->symbols ? NULL : source->ops->kallsyms(source);
	size_t kept = 0;

	*ranges = NULL;
	*nr = 0;
	if (!text)
		return 0;
	if (find_functions(text, prefixes, ranges, nr) < 0) {
		free(text);
		free(*ranges);
		*ranges = NULL;
		return -1;
	}
	free(text);
	if (*nr)
		qsort(*ranges, *nr, sizeof(**ranges), compare_ranges);
	for (size_t i = 1; i < *nr; i++) {
		if ((*ranges)[i].start < (*ranges)[kept].end)
			continue; /* a second name of the same place */
		(*ranges)[++kept] = (*ranges)[i];
	}
	*nr = *nr ? kept + 1 : 0;
	return 0;
}
