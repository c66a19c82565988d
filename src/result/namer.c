/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of addresses, a batch at a time; see namer.h. */
#include "result/namer.h"

#include <stdlib.h>

static int compare_addresses(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int kma_name_addresses(const struct kma_namer *namer, const uint64_t *addresses, const char **names,
		       size_t nr)
{
	uint64_t *sorted = calloc(nr ? nr : 1, sizeof(*sorted));
	const char **found = calloc(nr ? nr : 1, sizeof(*found));
	size_t kept = 0;
	int ret = sorted && found ? 0 : -1;

	for (size_t i = 0; i < nr; i++) {
		names[i] = NULL;
		if (!ret)
			sorted[i] = addresses[i];
	}
	if (!ret && nr && namer && namer->lookup) {
		qsort(sorted, nr, sizeof(*sorted), compare_addresses);
		for (size_t i = 1; i < nr; i++)
			if (sorted[i] != sorted[kept])
				sorted[++kept] = sorted[i];
		ret = namer->lookup(namer->source, sorted, found, kept + 1, namer->arena);
	}
	for (size_t i = 0; !ret && i < nr; i++) {
		const uint64_t *at = bsearch(&addresses[i], sorted, kept + 1, sizeof(*sorted),
					     compare_addresses);

		names[i] = at ? found[at - sorted] : NULL;
	}
	free(sorted);
	free(found);
	return ret;
}
