/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts and quality of a run; see facts.h. */
#include "stream/facts.h"

#include <stdlib.h>
#include <string.h>

#include "util/arena.h"

/* A CPU that is silent for so much of the span at either end is worth a word. */
#define EDGE_SHARE 10

enum kma_clock kma_clock_class(const char *name, const struct kma_time_conversion *time)
{
	static const char *const global[] = { "global", "mono", "mono_raw", "boot",
					      "tai",	"perf", "tsc2nsec" };

	if (time->mult)
		return KMA_CLOCK_GLOBAL;
	if (!strcmp(name, "local") || !strcmp(name, KMA_CLOCK_PRINTED))
		return KMA_CLOCK_LOCAL;
	for (size_t i = 0; i < sizeof(global) / sizeof(global[0]); i++)
		if (!strcmp(name, global[i]))
			return KMA_CLOCK_GLOBAL;
	return KMA_CLOCK_TICKS;
}

static const struct kma_cpu_stat *find_stat(const struct kma_run *run, const struct kma_lane *lane)
{
	const struct kma_source_info *info = &run->source->info;
	struct kma_cpu_stat key = { .cpu = lane->cpu, .buffer = info->buffers[lane->buffer].name };

	return info->nr_cpu_stats ? bsearch(&key, info->cpu_stats, info->nr_cpu_stats, sizeof(key),
					    kma_compare_cpu_stats)
				  : NULL;
}

/* Gaps that the pages do not count are at least what the kernel says it overwrote. */
static uint64_t lost_on(const struct kma_run *run, const struct kma_lane *lane)
{
	const struct kma_cpu_stat *stat = lane->lost && !lane->lost_counted ? find_stat(run, lane)
									    : NULL;

	return stat && stat->overrun > lane->lost ? stat->overrun : lane->lost;
}

void kma_run_summary(const struct kma_run *run, struct kma_summary *summary)
{
	bool any = false;

	memset(summary, 0, sizeof(*summary));
	summary->truncated = run->source->info.truncated;
	for (uint32_t i = 0; i < run->nr_lanes; i++) {
		const struct kma_lane *lane = &run->lanes[i];

		summary->lost += lost_on(run, lane);
		summary->truncated |= lane->failed || lane->damaged_pages;
		if (!lane->records)
			continue;
		if (!any || lane->first_ts < summary->first_ts)
			summary->first_ts = lane->first_ts;
		if (!any || lane->last_ts > summary->last_ts)
			summary->last_ts = lane->last_ts;
		any = true;
		for (size_t k = 0; k < run->schema->nr_known; k++)
			summary->records[run->schema->known[k].kind] += lane->counts[k + 1];
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
	const struct kma_schema *schema = run->schema;
	struct kma_facts *facts = &result->facts;

	facts->events = kma_arena_alloc(result->arena,
					(schema->nr_known + 1) * sizeof(*facts->events));
	if (!facts->events)
		return -1;
	for (uint32_t i = 0; i < run->nr_lanes; i++)
		facts->records += run->lanes[i].records;
	for (size_t k = 0; k <= schema->nr_known; k++) {
		struct kma_event_count *event = &facts->events[facts->nr_events];

		for (uint32_t i = 0; i < run->nr_lanes; i++)
			event->count += run->lanes[i].counts ? run->lanes[i].counts[k] : 0;
		if (!event->count)
			continue;
		facts->nr_events++;
		event->system = k ? kma_arena_strdup(result->arena, schema->known[k - 1].system)
				  : "unknown";
		event->name = k ? kma_arena_strdup(result->arena, schema->known[k - 1].name)
				: "not-described";
		if (!event->system || !event->name)
			return -1;
	}
	qsort(facts->events, facts->nr_events, sizeof(*facts->events), by_name);
	return 0;
}

static const char *clock_note(const struct kma_run *run)
{
	const struct kma_source_info *info = &run->source->info;

	if (info->printed && !info->time.mult && strcmp(run->clock, "perf"))
		return kma_clock_class(run->clock, &info->time) == KMA_CLOCK_TICKS
			       ? "not nanoseconds: durations are unavailable"
			       : "printed events do not tell their clock: comparing CPUs is "
				 "approximate";
	if (info->time.mult)
		return "converted to nanoseconds as the file says";
	switch (kma_clock_class(run->clock, &info->time)) {
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
	facts->clock = kma_arena_strdup(result->arena, run->clock);
	facts->clock_note = clock_note(run);
	facts->ticks = kma_clock_class(run->clock, &info->time) == KMA_CLOCK_TICKS;
	facts->first_ts = summary.first_ts;
	facts->last_ts = summary.last_ts;
	facts->nr_buffers = info->nr_buffers;
	facts->buffers = kma_arena_alloc(result->arena,
					 (info->nr_buffers + 1) * sizeof(*facts->buffers));
	if (!facts->source || (info->uname && !facts->kernel) || !facts->compression ||
	    !facts->clock || !facts->buffers)
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

static int cover_lanes(const struct kma_run *run, struct kma_result *result)
{
	struct kma_quality *quality = &result->quality;
	const struct kma_facts *facts = &result->facts;
	uint64_t edge = (facts->last_ts - facts->first_ts) / EDGE_SHARE;

	quality->cpus = kma_arena_alloc(result->arena,
					(run->nr_lanes + 1) * sizeof(*quality->cpus));
	if (!quality->cpus)
		return -1;
	quality->lost_counted = true;
	for (uint32_t i = 0; i < run->nr_lanes; i++) {
		const struct kma_lane *lane = &run->lanes[i];
		const struct kma_cpu_stat *stat = find_stat(run, lane);
		struct kma_cpu_coverage *cpu = &quality->cpus[quality->nr_cpus++];

		cpu->buffer = facts->buffers[lane->buffer].name;
		cpu->cpu = lane->cpu;
		cpu->records = lane->records;
		cpu->lost = lost_on(run, lane);
		cpu->lost_counted = lane->lost_counted;
		cpu->first_ts = lane->first_ts;
		cpu->last_ts = lane->last_ts;
		cpu->starts_late = lane->records && lane->first_ts - facts->first_ts > edge;
		cpu->ends_early = lane->records && facts->last_ts - lane->last_ts > edge;
		cpu->has_overrun = stat != NULL;
		cpu->overrun = stat ? stat->overrun : 0;
		quality->lost += cpu->lost;
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

		if ((lane->failed || lane->damaged_pages) && !result->quality.damage)
			result->quality.damage =
				kma_arena_printf(result->arena, "%s",
						 lane->failed ? lane->error.message
							      : "damaged or cut pages of events");
		if (lane->failed)
			ret |= kma_result_note(result, "%s: the rest of that CPU is missing",
					       lane->error.message);
		if (lane->damaged_pages)
			ret |= kma_result_note(
				result,
				"CPU %u: %llu damaged or cut pages; their other records are "
				"lost",
				lane->cpu, (unsigned long long)lane->damaged_pages);
		if (lane->short_records)
			ret |= kma_result_note(
				result,
				"CPU %u: %llu records are shorter than their format says and "
				"were left out",
				lane->cpu, (unsigned long long)lane->short_records);
		if (lane->backwards)
			ret |= kma_result_note(result,
					       "CPU %u: the clock went backwards %llu times",
					       lane->cpu, (unsigned long long)lane->backwards);
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

		if (known->kind == KMA_KERNEL_STACK)
			continue;
		for (uint32_t i = 0; i < run->nr_lanes; i++) {
			const struct kma_lane *lane = &run->lanes[i];

			if (!lane->counts || !lane->counts[k + 1])
				continue;
			twice |= first && first->buffer != lane->buffer;
			first = lane;
		}
		if (twice)
			ret |= kma_result_note(
				result,
				"%s:%s stands in more than one buffer and may be counted "
				"twice; pick one with --buffer",
				known->system, known->name);
	}
	return ret;
}

static int copy_gaps(const struct kma_run *run, struct kma_result *result)
{
	struct kma_quality *quality = &result->quality;

	if (!run->nr_gaps)
		return 0;
	quality->gaps = kma_arena_alloc(result->arena, run->nr_gaps * sizeof(*quality->gaps));
	if (!quality->gaps)
		return -1;
	for (; quality->nr_gaps < run->nr_gaps; quality->nr_gaps++) {
		struct kma_gap *gap = &quality->gaps[quality->nr_gaps];

		*gap = run->gaps[quality->nr_gaps];
		gap->buffer = kma_arena_strdup(result->arena, gap->buffer);
		if (!gap->buffer)
			return -1;
	}
	return 0;
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
	if (copy_gaps(run, result) < 0)
		return -1;
	quality->more_gaps = run->more_gaps;
	if (info->damage)
		quality->damage = kma_arena_strdup(result->arena, info->damage);
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
