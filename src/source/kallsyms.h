/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions in the text of /proc/kallsyms: a hundred thousand lines "ADDRESS TYPE NAME", of which a
 * few are wanted.
 */
#ifndef KMA_SOURCE_KALLSYMS_H
#define KMA_SOURCE_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

struct kma_address_range;

struct kma_function {
	uint64_t address;
	const char *name; /* in the text, not ended there; NULL: none */
};

size_t kma_function_name_length(const char *name);
/*
 * One pass over @text. nearest[i], which the caller cleared, gets the nearest function at or below
 * addresses[i] but above addresses[i - 1], if there is one. @addresses are sorted; @nr is not 0.
 */
void kma_functions_scan(const char *text, const uint64_t *addresses, struct kma_function *nearest,
			size_t nr);
/* All of them by address, to be freed; -1 when out of memory. */
int kma_functions_sort(const char *text, struct kma_function **table, size_t *nr);
/* As kma_functions_scan(), in such a table, but whatever addresses[i - 1] is. */
void kma_functions_look_up(const struct kma_function *table, size_t nr_table,
			   const uint64_t *addresses, struct kma_function *nearest, size_t nr);
/* As kma_source_functions() in source.h. */
int kma_functions_find(const char *text, const char *const *prefixes,
		       struct kma_address_range **ranges, size_t *nr);

#endif
