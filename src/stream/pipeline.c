/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run of a trace through the analyses; see pipeline.h. */
#include "stream/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/printfmt.h"
#include "stream/facts.h"
#include "stream/merge.h"
#include "util/arena.h"

/* Lanes share this much for decoded events, whatever their number. */
#define LANES_BUDGET	 (16u << 20)
#define MAX_LANE_EVENTS	 256
#define MIN_LANE_EVENTS	 8
#define PROGRESS_BATCHES 256

struct pipeline {
	struct kma_run run;
	struct kma_lane_config config;
	struct kma_schema *schema;
	struct kma_strings *strings;
	struct kma_lane *lanes;
	bool *buffer_used;
	struct kma_merge merge;
	struct kma_trace trace;
	struct kma_state **states; /* by analysis */
	size_t nr_analyses;
	uint64_t total_bytes;
};

static uint64_t wanted_kinds(const struct kma_selection *selection, bool *stacks)
{
	/* kernel_stack is always known, so that it never counts as an event without a format */
	uint64_t wanted = KMA_KIND_BIT(KMA_KERNEL_STACK);

	*stacks = false;
	for (size_t i = 0; selection->analyses[i]; i++) {
		for (const struct kma_need *need = selection->analyses[i]->needs; need->kind;
		     need++)
			wanted |= KMA_KIND_BIT(need->kind);
		*stacks |= selection->analyses[i]->stacks && selection->stack_depth;
	}
	return wanted;
}

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
static int pick_buffers(struct pipeline *p, const struct kma_selection *selection,
			struct kma_error *err)
{
	const struct kma_source_info *info = &p->run.source->info;
	const struct kma_buffer_info *first = NULL;
	bool found = false;

	p->buffer_used = calloc(info->nr_buffers + 1, sizeof(*p->buffer_used));
	if (!p->buffer_used)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (uint32_t i = 0; i < info->nr_buffers; i++) {
		const struct kma_buffer_info *buffer = &info->buffers[i];
		bool has_data = false;

		for (uint32_t lane = 0; lane < info->nr_lanes; lane++)
			has_data |= info->lanes[lane].buffer == i && info->lanes[lane].bytes;
		p->buffer_used[i] = selection->buffer ? !strcmp(buffer->name, selection->buffer)
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
	if (selection->buffer && !found)
		return no_such_buffer(info, selection->buffer, err);
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

/* All CPUs of the buffers: those that are not picked still tell when the trace began. */
static int open_lanes(struct pipeline *p, struct kma_error *err)
{
	const struct kma_source_info *info = &p->run.source->info;
	uint32_t with_data = 0, share;

	for (uint32_t i = 0; i < info->nr_lanes; i++)
		with_data += info->lanes[i].bytes > 0;
	share = with_data ? LANES_BUDGET / with_data / sizeof(struct kma_event) : 0;
	p->config.max_events = share > MAX_LANE_EVENTS	 ? MAX_LANE_EVENTS
			       : share < MIN_LANE_EVENTS ? MIN_LANE_EVENTS
							 : share;
	p->lanes = calloc(info->nr_lanes + 1, sizeof(*p->lanes));
	if (!p->lanes)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	p->run.lanes = p->lanes;
	for (uint32_t i = 0; i < info->nr_lanes; i++) {
		if (!p->buffer_used[info->lanes[i].buffer])
			continue;
		if (kma_lane_open(&p->lanes[p->run.nr_lanes++], &p->config, i, err) < 0)
			return -1;
	}
	return 0;
}

/* The oldest first record of any lane; 0 without any. */
static uint64_t first_timestamp(struct pipeline *p)
{
	uint64_t first = UINT64_MAX, ts;

	for (uint32_t i = 0; i < p->run.nr_lanes; i++)
		if (kma_lane_peek(&p->lanes[i], &ts) && ts < first)
			first = ts;
	return first == UINT64_MAX ? 0 : first;
}

static void drop_unpicked_lanes(struct pipeline *p, const struct kma_selection *selection)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < p->run.nr_lanes; i++) {
		struct kma_lane *lane = &p->lanes[i];

		if (!cpu_picked(selection, lane->cpu)) {
			kma_lane_close(lane);
			continue;
		}
		p->total_bytes += p->run.source->info.lanes[lane->index].bytes;
		if (lane->cpu >= p->trace.nr_cpus)
			p->trace.nr_cpus = lane->cpu + 1;
		p->lanes[nr++] = *lane;
	}
	p->run.nr_lanes = nr;
}

static uint64_t limit(const struct kma_time_limit *limit, uint64_t first, uint64_t otherwise)
{
	if (!limit->set)
		return otherwise;
	return limit->relative ? first + limit->ns : limit->ns;
}

static const struct kma_format *find_format(const struct kma_source_info *info, enum kma_kind kind)
{
	const char *name;
	size_t length;
	uint16_t id;

	for (size_t i = 0; i < info->nr_formats; i++)
		if (!strcmp(info->formats[i].system, kma_kind_system(kind)) &&
		    kma_format_head(&info->formats[i], &name, &length, &id) &&
		    length == strlen(kma_kind_name(kind)) &&
		    !memcmp(name, kma_kind_name(kind), length))
			return &info->formats[i];
	return NULL;
}

/* What only print formats tell. Every event with gfp flags has the same table of their names. */
static void print_facts(struct pipeline *p, struct kma_arena *arena)
{
	static const enum kma_kind kinds[] = { KMA_PAGE_ALLOC, KMA_KMALLOC, KMA_KMEM_CACHE_ALLOC,
					       KMA_PERCPU_ALLOC };
	const struct kma_source_info *info = &p->run.source->info;
	const struct kma_format *format;

	for (size_t i = 0; !p->trace.gfp_flags && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		format = find_format(info, kinds[i]);
		if (format)
			p->trace.gfp_flags = kma_print_gfp_flags(format, arena);
	}
	format = find_format(info, KMA_PAGE_ALLOC_EXTFRAG);
	p->trace.pageblock_order = format ? kma_print_pageblock_order(format) : -1;
}

static int open_analyses(struct pipeline *p, const struct kma_selection *selection, uint64_t start,
			 struct kma_arena *arena, struct kma_error *err)
{
	p->trace.start_ts = start;
	p->trace.formats = p->schema->formats;
	memcpy(p->trace.optional_fields, p->schema->optional_fields,
	       sizeof(p->trace.optional_fields));
	p->trace.filtered = selection->cpus || selection->from.set || selection->to.set;
	p->trace.strings = p->strings;
	p->trace.page_size = p->run.source->info.page_size;
	p->trace.possible_cpus = p->run.source->info.cpus;
	p->trace.nodes = selection->nodes;
	p->trace.stack_depth = selection->stack_depth;
	print_facts(p, arena);
	while (selection->analyses[p->nr_analyses])
		p->nr_analyses++;
	p->states = calloc(p->nr_analyses + 1, sizeof(*p->states));
	if (!p->states)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (size_t i = 0; i < p->nr_analyses; i++) {
		p->states[i] = selection->analyses[i]->open(&p->trace, err);
		if (!p->states[i])
			return -1;
	}
	return 0;
}

static int deliver_gap(struct pipeline *p, const struct kma_selection *selection,
		       const struct kma_event *gap, struct kma_result *result)
{
	struct kma_lost lost = {
		.cpu = gap->cpu,
		.buffer = gap->buffer,
		.counted = kma_gap_counted(gap),
		.count = kma_gap_count(gap),
		.from_ts = kma_gap_from(gap),
		.to_ts = gap->ts,
	};

	if (p->run.nr_gaps < KMA_MAX_GAPS) {
		if (!p->run.gaps)
			p->run.gaps = kma_arena_alloc(result->arena,
						      KMA_MAX_GAPS * sizeof(*p->run.gaps));
		if (!p->run.gaps)
			return -1;
		p->run.gaps[p->run.nr_gaps++] = (struct kma_gap){
			.buffer = kma_arena_strdup(result->arena,
						   p->run.source->info.buffers[lost.buffer].name),
			.cpu = lost.cpu,
			.counted = lost.counted,
			.count = lost.count,
			.from_ts = lost.from_ts,
			.to_ts = lost.to_ts,
		};
	} else {
		p->run.more_gaps++;
	}
	for (size_t i = 0; i < p->nr_analyses; i++)
		if (selection->analyses[i]->lost(p->states[i], &lost) < 0)
			return -1;
	return 0;
}

static void report_progress(struct pipeline *p, struct kma_progress *progress)
{
	uint64_t done = 0;

	for (uint32_t i = 0; i < p->run.nr_lanes; i++)
		done += p->lanes[i].bytes;
	progress->update(progress, done, p->total_bytes);
}

static int stream(struct pipeline *p, const struct kma_selection *selection,
		  struct kma_progress *progress, struct kma_result *result)
{
	const struct kma_event *gap;
	struct kma_batch batch;

	for (uint64_t n = 1; kma_merge_next(&p->merge, &batch, &gap); n++) {
		if (batch.nr)
			for (size_t i = 0; i < p->nr_analyses; i++)
				if (selection->analyses[i]->feed(p->states[i], &batch) < 0)
					return -1;
		if (gap && deliver_gap(p, selection, gap, result) < 0)
			return -1;
		if (progress && n % PROGRESS_BATCHES == 0)
			report_progress(p, progress);
	}
	return 0;
}

/* Which of the events an analysis would like are not there. */
static int absences(struct pipeline *p, const struct kma_analysis *analysis,
		    const struct kma_summary *summary, struct kma_result *result)
{
	struct kma_quality *quality = &result->quality;

	for (const struct kma_need *need = analysis->needs; need->kind; need++) {
		struct kma_absence *absence;

		if (summary->records[need->kind] || !need->what_for)
			continue;
		absence = &quality->absences[quality->nr_absences++];
		absence->report = analysis->name;
		absence->event = kma_arena_printf(result->arena, "%s:%s",
						  kma_kind_system(need->kind),
						  kma_kind_name(need->kind));
		absence->what_for = need->what_for;
		absence->required = need->required;
		absence->format_known = p->schema->formats & KMA_KIND_BIT(need->kind);
		if (!absence->event)
			return -1;
	}
	return 0;
}

static int fill_reports(struct pipeline *p, const struct kma_selection *selection,
			struct kma_result *result)
{
	struct kma_summary summary;
	size_t nr_needs = 0;

	if (kma_run_facts(&p->run, result) < 0 || kma_run_quality(&p->run, result) < 0 ||
	    kma_result_trace_metrics(result) < 0)
		return -1;
	kma_run_summary(&p->run, &summary);
	for (size_t i = 0; i < p->nr_analyses; i++)
		for (const struct kma_need *need = selection->analyses[i]->needs; need->kind;
		     need++)
			nr_needs++;
	result->quality.absences =
		kma_arena_alloc(result->arena, (nr_needs + 1) * sizeof(*result->quality.absences));
	if (!result->quality.absences)
		return -1;
	for (size_t i = 0; i < p->nr_analyses; i++) {
		const struct kma_analysis *analysis = selection->analyses[i];
		struct kma_report *report = kma_result_report(result, analysis->name,
							      analysis->title);

		if (!report || analysis->report(p->states[i], &summary, report) < 0 ||
		    report->failed || absences(p, analysis, &summary, result) < 0)
			return -1;
	}
	return 0;
}

static void close_lanes(struct pipeline *p)
{
	for (uint32_t i = 0; i < p->run.nr_lanes; i++)
		kma_lane_close(&p->lanes[i]);
	free(p->lanes);
	p->lanes = NULL;
	p->run.nr_lanes = 0;
}

static int run(struct pipeline *p, const struct kma_selection *selection,
	       struct kma_progress *progress, struct kma_result *result, struct kma_error *err)
{
	struct kma_source *source = p->run.source;
	uint64_t first;
	bool stacks;

	p->schema = kma_schema_new(source->info.formats, source->info.nr_formats,
				   wanted_kinds(selection, &stacks), source->info.big_endian,
				   source->info.page_format.commit_size, err);
	if (!p->schema)
		return -1;
	p->strings = kma_strings_new();
	if (!p->strings)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	p->config = (struct kma_lane_config){
		.source = source, .schema = p->schema, .strings = p->strings, .stacks = stacks
	};
	p->run.schema = p->schema;
	if (pick_buffers(p, selection, err) < 0 || open_lanes(p, err) < 0)
		return -1;
	first = first_timestamp(p);
	drop_unpicked_lanes(p, selection);
	p->config.from_ts = limit(&selection->from, first, 0);
	p->config.to_ts = limit(&selection->to, first, UINT64_MAX);
	p->run.buffer_used = p->buffer_used;
	if (open_analyses(p, selection, first > p->config.from_ts ? first : p->config.from_ts,
			  result->arena, err) < 0)
		return -1;
	if (kma_merge_open(&p->merge, p->lanes, p->run.nr_lanes, err) < 0)
		return -1;
	if (stream(p, selection, progress, result) < 0 || fill_reports(p, selection, result) < 0)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return 0;
}

int kma_pipeline_run(struct kma_source *source, const struct kma_selection *selection,
		     struct kma_progress *progress, struct kma_result *result,
		     struct kma_error *err)
{
	struct pipeline p = { .run.source = source };
	int ret = run(&p, selection, progress, result, err);

	for (size_t i = 0; p.states && i < p.nr_analyses; i++)
		if (p.states[i])
			selection->analyses[i]->close(p.states[i]);
	free(p.states);
	kma_merge_close(&p.merge);
	close_lanes(&p);
	free(p.buffer_used);
	kma_schema_free(p.schema);
	kma_strings_free(p.strings);
	return ret;
}
