/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names for a few pids out of the saved command lines: "PID COMM", one a line. */
#include <stdlib.h>
#include <string.h>

#include "source/source.h"
#include "util/arena.h"

static int by_pid(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

int kma_source_tasks(struct kma_source *source, const int32_t *pids, const char **names, size_t nr,
		     struct kma_arena *arena)
{
	char *text = nr ? source->ops->cmdlines(source) : NULL, *rest = text, *line;
	int ret = 0;

	/* no kernel saves a name for the idle tasks, which all have pid 0 */
	for (size_t i = 0; i < nr; i++)
		if (!pids[i])
			names[i] = "<idle>-0";
	while ((line = strsep(&rest, "\n"))) {
		char *comm;
		int32_t pid = (int32_t)strtol(line, &comm, 10);
		const int32_t *found = bsearch(&pid, pids, nr, sizeof(*pids), by_pid);

		if (comm == line || *comm != ' ' || !found || names[found - pids])
			continue;
		names[found - pids] = kma_arena_printf(arena, "%s-%d", comm + 1, pid);
		if (!names[found - pids])
			ret = -1;
	}
	free(text);
	return ret;
}
