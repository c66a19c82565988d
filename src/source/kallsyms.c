/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Searches in the text of /proc/kallsyms; see kallsyms.h. */
#include "source/kallsyms.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "source/source.h"

/* Eight lower-case hexadecimal digits at once: there are a hundred thousand addresses to read. */
static bool parse_eight(const char *p, uint64_t *value)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t chars, letters, digits;

	memcpy(&chars, p, sizeof(chars));
	chars = be64toh(chars);
	letters = chars >> 6 & ones;
	digits = (chars & 0x0f * ones) + 9 * letters;
	if (chars != digits + 0x30 * ones + 0x27 * letters ||
	    ((digits + 6 * (ones - letters)) & 0x10 * ones))
		return false;
	digits = (digits | digits >> 4) & UINT64_C(0x00ff00ff00ff00ff);
	digits = (digits | digits >> 8) & UINT64_C(0x0000ffff0000ffff);
	*value = *value << 32 | (uint32_t)(digits | digits >> 16);
	return true;
}

static uint64_t parse_hex(const char **text, const char *end)
{
	const char *p = *text;
	uint64_t value = 0;

	while (end - p >= 8 && parse_eight(p, &value))
		p += 8;
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

/*
 * The next function at or behind *text, which moves on. Lines are "ADDRESS TYPE NAME" and, for
 * modules, "\t[MODULE]".
 */
static bool next_function(const char **text, uint64_t *address, const char **name)
{
	while (**text) {
		const char *line = *text, *end = strchrnul(line, '\n');

		*text = *end ? end + 1 : end;
		*address = parse_hex(&line, end);
		if (end - line < 4 || line[0] != ' ' || line[2] != ' ' ||
		    ((line[1] | 32) != 't' && (line[1] | 32) != 'w'))
			continue;
		*name = line + 3;
		return true;
	}
	return false;
}

size_t kma_function_name_length(const char *name)
{
	return strcspn(name, " \t\n");
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

void kma_functions_scan(const char *text, const uint64_t *addresses, struct kma_function *nearest,
			size_t nr)
{
	uint64_t address;
	const char *name;
	size_t at = 0;

	while (next_function(&text, &address, &name)) {
		if (address > addresses[nr - 1])
			continue;
		/* most functions follow one another */
		if (address > addresses[at] || (at && address <= addresses[at - 1]))
			at = lower_bound(addresses, nr, address);
		if (!nearest[at].name || nearest[at].address < address)
			nearest[at] = (struct kma_function){ address, name };
	}
}

/* Of several names for one place, the one that the text lists first. */
static int compare_functions(const void *a, const void *b)
{
	const struct kma_function *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

int kma_functions_sort(const char *text, struct kma_function **table, size_t *nr)
{
	struct kma_function function;
	size_t max = 1;

	*nr = 0;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		max++;
	*table = calloc(max, sizeof(**table));
	if (!*table)
		return -1;
	while (next_function(&text, &function.address, &function.name))
		(*table)[(*nr)++] = function;
	qsort(*table, *nr, sizeof(**table), compare_functions);
	return 0;
}

void kma_functions_look_up(const struct kma_function *table, size_t nr_table,
			   const uint64_t *addresses, struct kma_function *nearest, size_t nr)
{
	size_t at = 0; /* addresses are sorted, too */

	for (size_t i = 0; i < nr; i++) {
		size_t high = nr_table;

		/* the last place at or below, then the first of its names */
		while (at < high) {
			size_t middle = at + (high - at) / 2;

			if (table[middle].address <= addresses[i])
				at = middle + 1;
			else
				high = middle;
		}
		if (!at)
			continue;
		high = at - 1;
		while (high && table[high - 1].address == table[high].address)
			high--;
		nearest[i] = table[high];
	}
}

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
static int find_all(const char *text, const char *const *prefixes,
		    struct kma_address_range **ranges, size_t *nr)
{
	uint64_t address;
	const char *name;
	size_t max = 0;
	bool open = false;

	while (next_function(&text, &address, &name)) {
		if (open && address > (*ranges)[*nr - 1].start)
			(*ranges)[*nr - 1].end = address;
		open = has_prefix(name, prefixes);
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

int kma_functions_find(const char *text, const char *const *prefixes,
		       struct kma_address_range **ranges, size_t *nr)
{
	size_t kept = 0;

	*ranges = NULL;
	*nr = 0;
	if (find_all(text, prefixes, ranges, nr) < 0) {
		free(*ranges);
		*ranges = NULL;
		return -1;
	}
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
