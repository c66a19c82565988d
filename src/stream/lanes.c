/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which lanes of the source are read: buffers, CPUs, and how much of them at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/pipeline_internal.h"

/* Lanes share this much for decoded events, whatever their number. */
#define LANES_BUDGET	(4u << 20)
#define MAX_LANE_EVENTS 256
#define MIN_LANE_EVENTS 8

static int no_such_buffer(const struct kma_source_info *info, const char *wanted,
			  struct kma_error *err)
{
	char names[200] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < info->nr_buffers && used + 40 < sizeof(names); i++)
		used += snprintf(names + used, sizeof(names) - used, "%s\"%.20s\"", i ? ", " : "",
				 info->buffers[i].name);
	return kma_fail(err, KMA_ERR_USAGE,
			"%s: has no buffer \"%s\"; it has %s (\"\" is the top one)", info->path,
			wanted, names);
}

/* Which buffers are read: the one asked for, or all, which then must share a clock. */
int kma_pick_buffers(struct kma_pipeline *p, struct kma_error *err)
{
	const struct kma_source_info *info = &p->run.source->info;
	const struct kma_buffer_info *first = NULL;
	bool found = false;

	free(p->buffer_used);
	p->buffer_used = calloc(info->nr_buffers + 1, sizeof(*p->buffer_used));
	if (!p->buffer_used)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (uint32_t i = 0; i < info->nr_buffers; i++) {
		const struct kma_buffer_info *buffer = &info->buffers[i];
		bool has_data = false;

		for (uint32_t lane = 0; lane < info->nr_lanes; lane++)
			has_data |= info->lanes[lane].buffer == i && info->lanes[lane].bytes;
		p->buffer_used[i] = p->selection.buffer ? !strcmp(buffer->name, p->selection.buffer)
							: true;
		found |= p->buffer_used[i];
		if (!p->buffer_used[i] || !has_data)
			continue;
		if (first && strcmp(first->clock, buffer->clock))
			return kma_fail(err, KMA_ERR_USAGE,
					"buffers \"%s\" (clock %s) and \"%s\" (clock %s) cannot be "
					"merged: pick one with "
					"--buffer NAME",
					first->name, first->clock, buffer->name, buffer->clock);
		first = buffer;
	}
	if (p->selection.buffer && !found)
		return no_such_buffer(info, p->selection.buffer, err);
	p->trace.clock_name = first ? first->clock : info->clock;
	p->trace.clock = kma_clock_class(p->trace.clock_name, &info->time);
	p->run.clock = p->trace.clock_name;
	return 0;
}

static bool cpu_picked(const struct kma_selection *selection, uint32_t cpu)
{
	if (!selection->cpus)
		return true;
	for (size_t i = 0; i < selection->nr_cpus; i++)
		if (selection->cpus[i] == cpu)
			return true;
	return false;
}

static int by_cpu(const void *a, const void *b)
{
	const struct kma_lane *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return (x->buffer > y->buffer) - (x->buffer < y->buffer);
}

int kma_open_lanes(struct kma_pipeline *p, uint32_t first, struct kma_lane **lanes, uint32_t *nr,
		   struct kma_error *err)
{
	const struct kma_source_info *info = &p->run.source->info;
	struct kma_lane *more;

	p->nr_opened = info->nr_lanes;
	more = reallocarray(*lanes, *nr + info->nr_lanes - first + 1, sizeof(**lanes));
	if (!more)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	*lanes = more;
	for (uint32_t i = first; i < info->nr_lanes; i++) {
		if (!p->buffer_used[info->lanes[i].buffer])
			continue;
		if (kma_lane_open(&(*lanes)[(*nr)++], &p->config, i, err) < 0)
			return -1;
	}
	if (first)
		qsort(*lanes, *nr, sizeof(**lanes), by_cpu);
	return 0;
}

uint32_t kma_lane_events(const struct kma_source_info *info)
{
	uint32_t with_data = 0, share;

	for (uint32_t i = 0; i < info->nr_lanes; i++)
		with_data += info->lanes[i].bytes > 0;
	/* two buffers each */
	share = with_data ? LANES_BUDGET / 2 / with_data / sizeof(struct kma_event) : 0;
	return share > MAX_LANE_EVENTS	 ? MAX_LANE_EVENTS
	       : share < MIN_LANE_EVENTS ? MIN_LANE_EVENTS
					 : share;
}

uint64_t kma_first_timestamp(struct kma_pipeline *p)
{
	uint64_t first = UINT64_MAX, ts;

	for (uint32_t i = 0; i < p->run.nr_lanes; i++)
		if (kma_lane_peek(&p->lanes[i], &ts) && ts < first)
			first = ts;
	return first == UINT64_MAX ? 0 : first;
}

void kma_drop_unpicked_lanes(const struct kma_pipeline *p, struct kma_lane *lanes, uint32_t *nr)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < *nr; i++) {
		if (cpu_picked(&p->selection, lanes[i].cpu))
			lanes[kept++] = lanes[i];
		else
			kma_lane_close(&lanes[i]);
	}
	*nr = kept;
}

void kma_measure_lanes(struct kma_pipeline *p)
{
	for (uint32_t i = 0; i < p->run.nr_lanes; i++) {
		const struct kma_lane *lane = &p->lanes[i];

		if (!p->run.source->ops->more && !p->run.source->ops->now)
			p->total_bytes += p->run.source->info.lanes[lane->index].bytes;
		if (lane->cpu >= p->trace.nr_cpus)
			p->trace.nr_cpus = lane->cpu + 1;
	}
}

void kma_close_lanes(struct kma_lane *lanes, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		kma_lane_close(&lanes[i]);
	free(lanes);
}
