/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines that record given events. Knows the tools' options, and nothing of reports. */
#include <string.h>

#include <kmem-analyze/event.h>

#include "doctor/checkup.h"
#include "util/arena.h"

/* KiB of each CPU's buffer: so much that little is lost, and still small for a server. */
#define BUFFER_KB 32768

/* @behind: what follows each event of @stacks */
static const char *list_events(uint64_t events, uint64_t stacks, const char *behind,
			       struct kma_arena *arena)
{
	const char *text = "";

	for (int kind = 1; text && kind < KMA_NR_KINDS; kind++)
		if (kind != KMA_KERNEL_STACK && (events & KMA_KIND_BIT(kind)))
			text = kma_arena_printf(arena, "%s%s-e %s:%s%s", text, *text ? " " : "",
						kma_kind_system(kind), kma_kind_name(kind),
						stacks & KMA_KIND_BIT(kind) ? behind : "");
	return text;
}

/* perf names clocks as clock_gettime() does, and takes no other; without one, its own. */
static const char *perf_clock(const char *clock)
{
	static const char *const names[][2] = { { "mono", "-k mono " },
						{ "mono_raw", "-k raw " },
						{ "boot", "-k boot " },
						{ "tai", "-k tai " } };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i][0], clock))
			return names[i][1];
	return "";
}

int kma_recipe_make(struct kma_recipe *recipe, uint64_t events, uint64_t stacks, const char *clock,
		    const char *reports, struct kma_arena *arena)
{
	bool all_stacks = stacks == UINT64_MAX;
	uint64_t some = all_stacks ? 0 : stacks;
	const char *list = list_events(events, some, " -R stacktrace", arena);
	const char *perf_list = list_events(events, some, "/call-graph=fp/", arena);

	if (!list || !perf_list)
		return -1;
	recipe->trace_cmd = kma_arena_printf(arena, "trace-cmd record -b %d -C %s %s%s COMMAND",
					     BUFFER_KB, clock, all_stacks ? "-T " : "", list);
	recipe->perf = kma_arena_printf(arena,
					"perf record -a %s%s%s COMMAND && perf script --ns | "
					"kmem-analyze -",
					perf_clock(clock), all_stacks ? "-g " : "", perf_list);
	recipe->live = kma_arena_printf(arena, "kmem-analyze live%s%s -- COMMAND",
					reports ? " -r " : "", reports ? reports : "");
	return recipe->trace_cmd && recipe->perf && recipe->live ? 0 : -1;
}
