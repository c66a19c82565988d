/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts and quality of a run; see facts.h. */
#include "stream/facts.h"

#include <stdlib.h>
#include <string.h>

#include "util/arena.h"

#define NR_IDS (UINT16_MAX + 1)
/* A CPU that is silent for so much of the span at either end is worth a word. */
#define EDGE_SHARE 10

enum kma_clock kma_clock_class(const char *name, const struct kma_time_conversion *time)
{
	static const char *const global[] = { "global", "mono", "mono_raw", "boot", "tai", "perf", "tsc2nsec" };

	if (time->mult)
		return KMA_CLOCK_GLOBAL;
	if (!strcmp(name, "local"))
		return KMA_CLOCK_LOCAL;
	for (size_t i = 0; i < sizeof(global) / sizeof(global[0]); i++)
		if (!strcmp(name, global[i]))
			return KMA_CLOCK_GLOBAL;
	return KMA_CLOCK_TICKS;
}

void kma_run_summary(const struct kma_run *run, struct kma_summary *summary)
{
	bool any = false;

	memset(summary, 0, sizeof(*summary));
	summary->truncated = run->source->info.truncated;
	for (uint32_t i = 0; i < run->nr_lanes; i++) {
		const struct kma_lane *lane = &run->lanes[i];

		summary->lost += lane->lost;
		summary->truncated |= lane->failed || lane->damaged_pages;
		if (!lane->records)
			continue;
		if (!any || lane->first_ts < summary->first_ts)
			summary->first_ts = lane->first_ts;
		if (!any || lane->last_ts > summary->last_ts)
			summary->last_ts = lane->last_ts;
		any = true;
		for (size_t k = 0; k < run->schema->nr_known; k++) {
			uint16_t id = run->schema->known[k].id;

			summary->records[run->schema->by_id[id]] += lane->counts[id];
		}
	}
	summary->records[KMA_KIND_NONE] = 0;
}

static int by_name(const void *a, const void *b)
{
	const struct kma_event_count *x = a, *y = b;
	int order = strcmp(x->system, y->system);

	return order ? order : strcmp(x->name, y->name);
}

static int count_events(const struct kma_run *run, struct kma_result *result)
{
	struct kma_facts *facts = &result->facts;
	uint64_t *counts = calloc(NR_IDS, sizeof(*counts));
	int ret = -1;

	if (!counts)
		return -1;
	for (uint32_t i = 0; i < run->nr_lanes; i++) {
		facts->records += run->lanes[i].records;
		for (uint32_t id = 0; run->lanes[i].counts && id < NR_IDS; id++)
			counts[id] += run->lanes[i].counts[id];
	}
	for (uint32_t id = 0; id < NR_IDS; id++)
		facts->nr_events += counts[id] > 0;
	facts->events = kma_arena_alloc(result->arena, (facts->nr_events + 1) * sizeof(*facts->events));
	if (!facts->events)
		goto out;
	facts->nr_events = 0;
	for (uint32_t id = 0; id < NR_IDS; id++) {
		const struct kma_known_event *known;
		struct kma_event_count *event;

		if (!counts[id])
			continue;
		known = kma_schema_known(run->schema, id);
		event = &facts->events[facts->nr_events++];
		event->count = counts[id];
		event->system = known ? kma_arena_strdup(result->arena, known->system) : "unknown";
		event->name = known ? kma_arena_strdup(result->arena, known->name)
				    : kma_arena_printf(result->arena, "id-%u", id);
		if (!event->system || !event->name)
			goto out;
	}
	qsort(facts->events, facts->nr_events, sizeof(*facts->events), by_name);
	ret = 0;
out:
	free(counts);
	return ret;
}

static const char *clock_note(const struct kma_source_info *info)
{
	if (info->time.mult)
		return "converted to nanoseconds as the file says";
	switch (kma_clock_class(info->clock, &info->time)) {
	case KMA_CLOCK_TICKS:
		return "not nanoseconds: durations are unavailable";
	case KMA_CLOCK_LOCAL:
		return "per CPU: comparing CPUs is approximate";
	default:
		return NULL;
	}
}

int kma_run_facts(const struct kma_run *run, struct kma_result *result)
{
	const struct kma_source_info *info = &run->source->info;
	struct kma_facts *facts = &result->facts;
	struct kma_summary summary;

	kma_run_summary(run, &summary);
	facts->source = kma_arena_strdup(result->arena, info->path);
	facts->kernel = info->uname ? kma_arena_strdup(result->arena, info->uname) : NULL;
	facts->trace_id = info->trace_id;
	facts->file_version = info->version;
	facts->compression = kma_arena_strdup(result->arena, info->compression);
	facts->cpus = info->cpus;
	facts->page_size = info->page_size;
	facts->long_size = info->page_format.commit_size;
	facts->big_endian = info->big_endian;
	facts->clock = kma_arena_strdup(result->arena, info->clock);
	facts->clock_note = clock_note(info);
	facts->ticks = kma_clock_class(info->clock, &info->time) == KMA_CLOCK_TICKS;
	facts->first_ts = summary.first_ts;
	facts->last_ts = summary.last_ts;
	facts->nr_buffers = info->nr_buffers;
	facts->buffers = kma_arena_alloc(result->arena, (info->nr_buffers + 1) * sizeof(*facts->buffers));
	if (!facts->source || (info->uname && !facts->kernel) || !facts->compression || !facts->clock ||
	    !facts->buffers)
		return -1;
	for (uint32_t i = 0; i < info->nr_buffers; i++) {
		facts->buffers[i].name = kma_arena_strdup(result->arena, info->buffers[i].name);
		facts->buffers[i].clock = kma_arena_strdup(result->arena, info->buffers[i].clock);
		facts->buffers[i].analysed = run->buffer_used[i];
		if (!facts->buffers[i].name || !facts->buffers[i].clock)
			return -1;
	}
	return count_events(run, result);
}

static void find_overrun(const struct kma_source_info *info, struct kma_cpu_coverage *cpu)
{
	for (size_t i = 0; i < info->nr_cpu_stats; i++) {
		const struct kma_cpu_stat *stat = &info->cpu_stats[i];

		if (stat->cpu == cpu->cpu && !strcmp(stat->buffer, cpu->buffer)) {
			cpu->has_overrun = true;
			cpu->overrun = stat->overrun;
		}
	}
}

static int cover_lanes(const struct kma_run *run, struct kma_result *result)
{
	struct kma_quality *quality = &result->quality;
	const struct kma_facts *facts = &result->facts;
	uint64_t edge = (facts->last_ts - facts->first_ts) / EDGE_SHARE;

	quality->cpus = kma_arena_alloc(result->arena, (run->nr_lanes + 1) * sizeof(*quality->cpus));
	if (!quality->cpus)
		return -1;
	quality->lost_counted = true;
	for (uint32_t i = 0; i < run->nr_lanes; i++) {
		const struct kma_lane *lane = &run->lanes[i];
		struct kma_cpu_coverage *cpu = &quality->cpus[quality->nr_cpus++];

		cpu->buffer = facts->buffers[lane->buffer].name;
		cpu->cpu = lane->cpu;
		cpu->records = lane->records;
		cpu->lost = lane->lost;
		cpu->lost_counted = lane->lost_counted;
		cpu->first_ts = lane->first_ts;
		cpu->last_ts = lane->last_ts;
		cpu->starts_late = lane->records && lane->first_ts - facts->first_ts > edge;
		cpu->ends_early = lane->records && facts->last_ts - lane->last_ts > edge;
		find_overrun(&run->source->info, cpu);
		quality->lost += lane->lost;
		quality->lost_counted &= lane->lost_counted;
	}
	return 0;
}

/* What each lane had to complain of, once per lane. */
static int note_lanes(const struct kma_run *run, struct kma_result *result)
{
	int ret = 0;

	for (uint32_t i = 0; i < run->nr_lanes; i++) {
		const struct kma_lane *lane = &run->lanes[i];

		if (lane->failed)
			ret |= kma_result_note(result, "%s: the rest of that CPU is missing", lane->error.message);
		if (lane->damaged_pages)
			ret |= kma_result_note(result, "CPU %u: %llu damaged or cut pages; their other records are "
					       "lost", lane->cpu, (unsigned long long)lane->damaged_pages);
		if (lane->short_records)
			ret |= kma_result_note(result, "CPU %u: %llu records are shorter than their format says and "
					       "were left out", lane->cpu, (unsigned long long)lane->short_records);
		if (lane->backwards)
			ret |= kma_result_note(result, "CPU %u: the clock went backwards %llu times", lane->cpu,
					       (unsigned long long)lane->backwards);
	}
	return ret;
}

/* The same event in several buffers may be the same happening recorded twice. */
static int note_double_counting(const struct kma_run *run, struct kma_result *result)
{
	int ret = 0;

	for (size_t k = 0; k < run->schema->nr_known; k++) {
		const struct kma_known_event *known = &run->schema->known[k];
		const struct kma_lane *first = NULL;
		bool twice = false;

		if (run->schema->by_id[known->id] == KMA_KERNEL_STACK)
			continue;
		for (uint32_t i = 0; i < run->nr_lanes; i++) {
			const struct kma_lane *lane = &run->lanes[i];

			if (!lane->counts || !lane->counts[known->id])
				continue;
			twice |= first && first->buffer != lane->buffer;
			first = lane;
		}
		if (twice)
			ret |= kma_result_note(result, "%s:%s stands in more than one buffer and may be counted "
					       "twice; pick one with --buffer", known->system, known->name);
	}
	return ret;
}

int kma_run_quality(const struct kma_run *run, struct kma_result *result)
{
	const struct kma_source_info *info = &run->source->info;
	struct kma_quality *quality = &result->quality;
	struct kma_summary summary;
	int ret;

	kma_run_summary(run, &summary);
	quality->reader = run->source->ops->name;
	quality->truncated = summary.truncated;
	quality->gaps = run->gaps;
	quality->nr_gaps = run->nr_gaps;
	quality->more_gaps = run->more_gaps;
	ret = cover_lanes(run, result);
	for (size_t i = 0; i < info->nr_notes; i++)
		ret |= kma_result_note(result, "%s", info->notes[i]);
	if (run->source->ops->failed(run->source)) {
		quality->truncated = true;
		ret |= kma_result_note(result, "the file became shorter while it was read");
	}
	for (int kind = 0; kind < KMA_NR_KINDS; kind++)
		if (run->schema->problems[kind])
			ret |= kma_result_note(result, "%s", run->schema->problems[kind]);
	ret |= note_lanes(run, result);
	ret |= note_double_counting(run, result);
	return ret ? -1 : 0;
}
