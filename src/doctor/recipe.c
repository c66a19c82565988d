/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines that record given events. Knows the tools' options, and nothing of reports. */
#include <string.h>

#include <kmem-analyze/event.h>

#include "doctor/checkup.h"
#include "util/arena.h"

/* KiB of each CPU's buffer: so much that little is lost, and still small for a server. */
#define BUFFER_KB 32768

static const char *list_events(uint64_t events, struct kma_arena *arena)
{
	const char *text = "";

	for (int kind = 1; text && kind < KMA_NR_KINDS; kind++)
		if (kind != KMA_KERNEL_STACK && (events & KMA_KIND_BIT(kind)))
			text = kma_arena_printf(arena, "%s%s-e %s:%s", text, *text ? " " : "",
						kma_kind_system(kind), kma_kind_name(kind));
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

int kma_recipe_make(struct kma_recipe *recipe, uint64_t events, bool stacks, const char *clock,
		    const char *reports, struct kma_arena *arena)
{
	const char *list = list_events(events, arena);

	if (!list)
		return -1;
	recipe->trace_cmd = kma_arena_printf(arena, "trace-cmd record -b %d -C %s %s%s COMMAND",
					     BUFFER_KB, clock, stacks ? "-T " : "", list);
	recipe->perf = kma_arena_printf(arena,
					"perf record -a %s%s%s COMMAND && perf script --ns | "
					"kmem-analyze -",
					perf_clock(clock), stacks ? "-g " : "", list);
	recipe->live = kma_arena_printf(arena, "kmem-analyze live%s%s -- COMMAND",
					reports ? " -r " : "", reports ? reports : "");
	return recipe->trace_cmd && recipe->perf && recipe->live ? 0 : -1;
}
