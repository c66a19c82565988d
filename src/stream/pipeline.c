/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run of a trace through the analyses; see pipeline.h. */
#include "stream/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/printfmt.h"
#include "result/namer.h"
#include "stream/facts.h"
#include "stream/merge.h"
#include "util/arena.h"

/* Lanes share this much for decoded events, whatever their number. */
#define LANES_BUDGET	 (16u << 20)
#define MAX_LANE_EVENTS	 256
#define MIN_LANE_EVENTS	 8
#define PROGRESS_BATCHES 256

/* Of a source that waits for more: a pump ends after so many batches, so that its caller gets to do
 * something else too. */
#define ROUND_BATCHES 256

struct kma_pipeline {
	struct kma_run run;
	struct kma_selection selection;
	struct kma_arena *arena; /* what lives as long as the pipeline */
	struct kma_lane_config config;
	struct kma_schema *schema;
	struct kma_strings *strings;
	struct kma_lane *lanes;
	bool *buffer_used;
	struct kma_merge merge;
	struct kma_trace trace;
	struct kma_state **states; /* by analysis */
	size_t nr_analyses;
	uint64_t total_bytes, bytes_before; /* of all passes; of the passes before this one */
	struct kma_namer namer;
	struct kma_address_range *tracing;
	bool *again; /* by analysis: takes part in the second pass */
	bool merging, ended;
	uint64_t newest, late; /* of a live source: see count_late() */
};

/* How a trace's stacks begin when the kernel was not built to leave its own tracing out. */
static const char *const tracing_functions[] = {
	"trace_event_raw_event_",
	"trace_event_buffer_",
	"__page_ref_",
	"__traceiter_",
	"__do_trace_",
	"perf_trace_",
	NULL,
};

static uint64_t needed_kinds(const struct kma_analysis *analysis)
{
	uint64_t kinds = 0;

	for (const struct kma_need *need = analysis->needs; need->kind; need++)
		kinds |= KMA_KIND_BIT(need->kind);
	return kinds;
}

/* Whether the analysis leaves something for a second pass. */
static bool is_twice(const struct kma_pipeline *p, const struct kma_analysis *analysis)
{
	return analysis->second_pass && !p->trace.one_pass;
}

/* What the pass reads: all that is needed, but in the first what can wait for the second. */
static uint64_t wanted_kinds(const struct kma_pipeline *p, const struct kma_selection *selection,
			     bool second, bool *stacks)
{
	/* kernel_stack is always known, so that it never counts as an event without a format */
	uint64_t wanted = KMA_KIND_BIT(KMA_KERNEL_STACK);

	*stacks = false;
	for (size_t i = 0; selection->analyses[i]; i++) {
		const struct kma_analysis *analysis = selection->analyses[i];
		bool wait = !second && is_twice(p, analysis);

		if (second && !p->again[i])
			continue;
		wanted |= needed_kinds(analysis) & ~(wait ? analysis->second : 0);
		*stacks |= (analysis->stacks == KMA_STACKS_WHEN_ASKED && selection->stack_depth) ||
			   (analysis->stacks == KMA_STACKS_ALWAYS && !wait);
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
static int pick_buffers(struct kma_pipeline *p, const struct kma_selection *selection,
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
static int open_lanes(struct kma_pipeline *p, struct kma_lane **lanes, uint32_t *nr,
		      struct kma_error *err)
{
	const struct kma_source_info *info = &p->run.source->info;

	*lanes = calloc(info->nr_lanes + 1, sizeof(**lanes));
	if (!*lanes)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (uint32_t i = 0; i < info->nr_lanes; i++) {
		if (!p->buffer_used[info->lanes[i].buffer])
			continue;
		if (kma_lane_open(&(*lanes)[(*nr)++], &p->config, i, err) < 0)
			return -1;
	}
	return 0;
}

static int set_stacks(struct kma_pipeline *p, bool stacks, struct kma_error *err)
{
	p->config.stacks = stacks;
	if (!stacks || p->tracing)
		return 0;
	if (kma_source_functions(p->run.source, tracing_functions, &p->tracing,
				 &p->config.nr_tracing) < 0)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	p->config.tracing = p->tracing;
	return 0;
}

/* The lanes share a budget, so that many CPUs take no more memory than a few. */
static uint32_t lane_events(const struct kma_source_info *info)
{
	uint32_t with_data = 0, share;

	for (uint32_t i = 0; i < info->nr_lanes; i++)
		with_data += info->lanes[i].bytes > 0;
	share = with_data ? LANES_BUDGET / with_data / sizeof(struct kma_event) : 0;
	return share > MAX_LANE_EVENTS	 ? MAX_LANE_EVENTS
	       : share < MIN_LANE_EVENTS ? MIN_LANE_EVENTS
					 : share;
}

/* The oldest first record of any lane; 0 without any. */
static uint64_t first_timestamp(struct kma_pipeline *p)
{
	uint64_t first = UINT64_MAX, ts;

	for (uint32_t i = 0; i < p->run.nr_lanes; i++)
		if (kma_lane_peek(&p->lanes[i], &ts) && ts < first)
			first = ts;
	return first == UINT64_MAX ? 0 : first;
}

static void drop_unpicked_lanes(const struct kma_selection *selection, struct kma_lane *lanes,
				uint32_t *nr)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < *nr; i++) {
		if (cpu_picked(selection, lanes[i].cpu))
			lanes[kept++] = lanes[i];
		else
			kma_lane_close(&lanes[i]);
	}
	*nr = kept;
}

/* How much there is to read, and of how many CPUs. */
static void measure_lanes(struct kma_pipeline *p)
{
	for (uint32_t i = 0; i < p->run.nr_lanes; i++) {
		const struct kma_lane *lane = &p->lanes[i];

		p->total_bytes += p->run.source->info.lanes[lane->index].bytes;
		if (lane->cpu >= p->trace.nr_cpus)
			p->trace.nr_cpus = lane->cpu + 1;
	}
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
static void print_facts(struct kma_pipeline *p, struct kma_arena *arena)
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

static int open_analyses(struct kma_pipeline *p, const struct kma_selection *selection,
			 uint64_t start, struct kma_error *err)
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
	p->trace.pfns = selection->pfns;
	p->trace.namer = &p->namer;
	print_facts(p, p->arena);
	while (selection->analyses[p->nr_analyses])
		p->nr_analyses++;
	p->states = calloc(p->nr_analyses + 1, sizeof(*p->states));
	p->again = calloc(p->nr_analyses + 1, sizeof(*p->again));
	if (!p->states || !p->again)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (size_t i = 0; i < p->nr_analyses; i++) {
		p->states[i] = selection->analyses[i]->open(&p->trace, err);
		if (!p->states[i])
			return -1;
	}
	return 0;
}

static int note_gap(struct kma_pipeline *p, const struct kma_lost *lost)
{
	if (p->run.nr_gaps == KMA_MAX_GAPS) {
		p->run.more_gaps++;
		return 0;
	}
	if (!p->run.gaps)
		p->run.gaps = kma_arena_alloc(p->arena, KMA_MAX_GAPS * sizeof(*p->run.gaps));
	if (!p->run.gaps)
		return -1;
	p->run.gaps[p->run.nr_gaps++] = (struct kma_gap){
		.buffer = p->run.source->info.buffers[lost->buffer].name,
		.cpu = lost->cpu,
		.counted = lost->counted,
		.count = lost->count,
		.from_ts = lost->from_ts,
		.to_ts = lost->to_ts,
	};
	return 0;
}

static int deliver_gap(struct kma_pipeline *p, const struct kma_selection *selection,
		       const struct kma_event *gap, bool second)
{
	struct kma_lost lost = {
		.cpu = gap->cpu,
		.buffer = gap->buffer,
		.counted = kma_gap_counted(gap),
		.count = kma_gap_count(gap),
		.from_ts = kma_gap_from(gap),
		.to_ts = gap->ts,
	};

	if (!second && note_gap(p, &lost) < 0)
		return -1;
	for (size_t i = 0; i < p->nr_analyses; i++)
		if ((!second || p->again[i]) &&
		    selection->analyses[i]->lost(p->states[i], &lost) < 0)
			return -1;
	return 0;
}

static void report_progress(struct kma_pipeline *p, const struct kma_lane *lanes, uint32_t nr,
			    struct kma_progress *progress)
{
	uint64_t done = p->bytes_before;

	for (uint32_t i = 0; i < nr; i++)
		done += lanes[i].bytes;
	progress->update(progress, done, p->total_bytes);
}

/*
 * Events of a live source that are older than one that went before: their record was written later
 * than live.c allows for. They are fed all the same, and told.
 */
static void count_late(struct kma_pipeline *p, const struct kma_batch *batch)
{
	for (size_t i = 0; i < batch->nr; i++) {
		if (batch->events[i].ts < p->newest)
			p->late++;
		else
			p->newest = batch->events[i].ts;
	}
}

/* What the merge has: to the end, or until a live source has to be asked again. */
static int stream(struct kma_pipeline *p, const struct kma_selection *selection,
		  const struct kma_lane *lanes, uint32_t nr_lanes, bool second,
		  struct kma_progress *progress, struct kma_error *err)
{
	bool live = p->run.source->ops->now;
	const struct kma_event *gap;
	struct kma_batch batch;

	for (uint64_t n = 1; kma_merge_next(&p->merge, &batch, &gap); n++) {
		for (size_t i = 0; batch.nr && i < p->nr_analyses; i++)
			if ((!second || p->again[i]) &&
			    selection->analyses[i]->feed(p->states[i], &batch) < 0)
				return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		if (gap && deliver_gap(p, selection, gap, second) < 0)
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		if (progress && n % PROGRESS_BATCHES == 0)
			report_progress(p, lanes, nr_lanes, progress);
		if (!live)
			continue;
		count_late(p, &batch);
		if (n == ROUND_BATCHES)
			return KMA_PUMP_MORE;
	}
	return kma_merge_waits(&p->merge) ? KMA_PUMP_WAIT : KMA_PUMP_END;
}

static void close_lanes(struct kma_lane *lanes, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		kma_lane_close(&lanes[i]);
	free(lanes);
}

/* The analyses that want it see the trace once more; the facts stay those of the first pass. */
static int stream_again(struct kma_pipeline *p, const struct kma_selection *selection,
			struct kma_progress *progress, struct kma_error *err)
{
	struct kma_source *source = p->run.source;
	struct kma_lane *lanes = NULL;
	struct kma_summary summary;
	bool any = false, stacks;
	uint32_t nr = 0;
	int ret;

	kma_run_summary(&p->run, &summary);
	for (size_t i = 0; i < p->nr_analyses; i++) {
		const struct kma_analysis *analysis = selection->analyses[i];

		p->again[i] = is_twice(p, analysis) &&
			      analysis->second_pass(p->states[i], &summary);
		any |= p->again[i];
	}
	if (!any)
		return 0;
	p->bytes_before = p->total_bytes;
	p->total_bytes *= 2;
	kma_schema_select(p->schema, wanted_kinds(p, selection, true, &stacks));
	if (source->ops->rewind(source, err) < 0 || set_stacks(p, stacks, err) < 0)
		return -1;
	ret = open_lanes(p, &lanes, &nr, err);
	if (!ret) {
		drop_unpicked_lanes(selection, lanes, &nr);
		kma_merge_close(&p->merge);
		ret = kma_merge_open(&p->merge, lanes, nr, err);
	}
	if (!ret)
		ret = stream(p, selection, lanes, nr, true, progress, err);
	close_lanes(lanes, nr);
	return ret < 0 ? -1 : 0;
}

/* Which of the events an analysis would like are not there. */
static int absences(struct kma_pipeline *p, const struct kma_analysis *analysis,
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

static int fill_reports(struct kma_pipeline *p, const struct kma_selection *selection,
			struct kma_result *result)
{
	struct kma_summary summary;
	size_t nr_needs = 0;

	if (kma_run_facts(&p->run, result) < 0 || kma_run_quality(&p->run, result) < 0 ||
	    kma_result_trace_metrics(result) < 0)
		return -1;
	if (p->late && kma_result_note(result,
				       "%llu records came so late that others, newer than they, "
				       "went before",
				       (unsigned long long)p->late) < 0)
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

static int open_pipeline(struct kma_pipeline *p, struct kma_error *err)
{
	const struct kma_selection *selection = &p->selection;
	struct kma_source *source = p->run.source;
	uint64_t first, wanted = 0, now;
	bool stacks;

	p->arena = kma_arena_new();
	if (!p->arena)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	p->trace.one_pass = !source->ops->rewind;
	for (size_t i = 0; selection->analyses[i]; i++)
		wanted |= needed_kinds(selection->analyses[i]);
	now = wanted_kinds(p, selection, false, &stacks);
	p->schema = kma_schema_new(source->info.formats, source->info.nr_formats, wanted | now,
				   source->info.big_endian, source->info.page_format.commit_size,
				   err);
	if (!p->schema)
		return -1;
	kma_schema_select(p->schema, now);
	p->strings = kma_strings_new();
	if (!p->strings)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	p->config = (struct kma_lane_config){ .source = source,
					      .schema = p->schema,
					      .strings = p->strings,
					      .max_events = lane_events(&source->info) };
	p->run.schema = p->schema;
	if (set_stacks(p, stacks, err) < 0 || pick_buffers(p, selection, err) < 0 ||
	    open_lanes(p, &p->lanes, &p->run.nr_lanes, err) < 0)
		return -1;
	p->run.lanes = p->lanes;
	first = source->ops->now ? source->ops->now(source) : first_timestamp(p);
	drop_unpicked_lanes(selection, p->lanes, &p->run.nr_lanes);
	measure_lanes(p);
	p->config.from_ts = limit(&selection->from, first, 0);
	p->config.to_ts = limit(&selection->to, first, UINT64_MAX);
	p->run.buffer_used = p->buffer_used;
	return open_analyses(p, selection, first > p->config.from_ts ? first : p->config.from_ts,
			     err);
}

static int source_symbols(void *source, const uint64_t *addresses, const char **names, size_t nr,
			  struct kma_arena *arena)
{
	return kma_source_symbols(source, addresses, names, nr, arena);
}

struct kma_pipeline *kma_pipeline_open(struct kma_source *source,
				       const struct kma_selection *selection, struct kma_error *err)
{
	struct kma_pipeline *p = calloc(1, sizeof(*p));

	if (!p) {
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		return NULL;
	}
	p->run.source = source;
	p->selection = *selection;
	p->namer = (struct kma_namer){ .lookup = source_symbols, .source = source };
	if (open_pipeline(p, err) == 0)
		return p;
	kma_pipeline_close(p);
	return NULL;
}

int kma_pipeline_pump(struct kma_pipeline *p, struct kma_progress *progress, struct kma_error *err)
{
	struct kma_source *source = p->run.source;
	int ret;

	if (p->ended)
		return KMA_PUMP_END;
	/* read before the lanes are asked: what they do not give now is not older */
	if (source->ops->now)
		p->config.horizon = source->ops->now(source);
	if (p->merging)
		kma_merge_resume(&p->merge);
	else if (kma_merge_open(&p->merge, p->lanes, p->run.nr_lanes, err) < 0)
		return -1;
	p->merging = true;
	ret = stream(p, &p->selection, p->lanes, p->run.nr_lanes, false, progress, err);
	if (ret != KMA_PUMP_END)
		return ret;
	p->ended = true;
	return stream_again(p, &p->selection, progress, err) < 0 ? -1 : KMA_PUMP_END;
}

int kma_pipeline_report(struct kma_pipeline *p, struct kma_result *result, struct kma_error *err)
{
	int ret;

	p->namer.arena = result->arena;
	ret = fill_reports(p, &p->selection, result);
	p->namer.arena = NULL;
	return ret < 0 ? kma_fail(err, KMA_ERR_INTERNAL, "out of memory") : 0;
}

void kma_pipeline_close(struct kma_pipeline *p)
{
	if (!p)
		return;
	for (size_t i = 0; p->states && i < p->nr_analyses; i++)
		if (p->states[i])
			p->selection.analyses[i]->close(p->states[i]);
	free(p->states);
	free(p->again);
	kma_merge_close(&p->merge);
	close_lanes(p->lanes, p->lanes ? p->run.nr_lanes : 0);
	free(p->buffer_used);
	free(p->tracing);
	kma_schema_free(p->schema);
	kma_strings_free(p->strings);
	kma_arena_free(p->arena);
	free(p);
}

int kma_pipeline_run(struct kma_source *source, const struct kma_selection *selection,
		     struct kma_progress *progress, struct kma_result *result,
		     struct kma_error *err)
{
	struct kma_pipeline *p = kma_pipeline_open(source, selection, err);
	int ret = p ? KMA_PUMP_WAIT : -1;

	while (ret == KMA_PUMP_WAIT || ret == KMA_PUMP_MORE)
		ret = kma_pipeline_pump(p, progress, err);
	if (ret == KMA_PUMP_END)
		ret = kma_pipeline_report(p, result, err);
	kma_pipeline_close(p);
	return ret < 0 ? -1 : 0;
}
