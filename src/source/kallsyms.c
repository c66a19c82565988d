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

int kma_source_symbols(struct kma_source *source, const uint64_t *addresses, const char **names,
		       size_t nr, struct kma_arena *arena)
{
	struct nearest *nearest;
	char *text;
	int ret = 0;

	if (!nr)
		return 0;
	text = source->ops->kallsyms(source);
	if (!text)
		return 0;
	nearest = calloc(nr, sizeof(*nearest));
	if (!nearest) {
		free(text);
		return -1;
	}
	scan(text, addresses, nearest, nr);
	for (size_t i = 0; i < nr; i++) {
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
