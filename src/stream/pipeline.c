/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run of a trace through the analyses; see pipeline.h. */
#include "stream/pipeline.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/printfmt.h"
#include "result/namer.h"
#include "stream/facts.h"
#include "stream/flow.h"
#include "util/arena.h"

/* Lanes share this much for decoded events, whatever their number. */
#define LANES_BUDGET	(4u << 20)
#define MAX_LANE_EVENTS 256
#define MIN_LANE_EVENTS 8
/* More threads than this help no trace, and one is fastest with less to read than this for each. */
#define MAX_USEFUL_JOBS 8
#define BYTES_PER_JOB	(1u << 20)

struct pipeline {
	struct kma_flow flow; /* first: one is cast to the other */
	struct kma_run run;
	struct kma_lane_config config;
	struct kma_schema *schema;
	struct kma_strings *strings;
	struct kma_lane *lanes;
	bool *buffer_used;
	struct kma_trace trace;
	struct kma_state **states; /* by analysis */
	size_t nr_analyses;
	uint32_t nr_opened; /* lanes of the source that were opened, picked or not */
	uint64_t total_bytes, bytes_before; /* of all passes; of the passes before this one */
	struct kma_namer namer;
	struct kma_address_range *tracing;
	bool *again; /* by analysis: takes part in the second pass */
	struct kma_consumer *consumers;
	struct kma_result *result;
	struct kma_progress *progress;
};

static uint64_t needed_kinds(const struct kma_analysis *analysis)
{
	uint64_t kinds = 0;

	for (const struct kma_need *need = analysis->needs; need->kind; need++)
		kinds |= KMA_KIND_BIT(need->kind);
	return kinds;
}

/* Whether the analysis leaves something for a second pass. */
static bool is_twice(const struct pipeline *p, const struct kma_analysis *analysis)
{
	return analysis->second_pass && !p->trace.one_pass;
}

/* What the pass reads: all that is needed, but in the first what can wait for the second. */
static uint64_t wanted_kinds(const struct pipeline *p, const struct kma_selection *selection,
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
static int pick_buffers(struct pipeline *p, const struct kma_selection *selection,
			struct kma_error *err)
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

static int by_cpu(const void *a, const void *b)
{
	const struct kma_lane *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return (x->buffer > y->buffer) - (x->buffer < y->buffer);
}

/* All CPUs of the buffers, from the source's lane @first on: those that are not picked still tell
 * when the trace began. */
static int open_lanes(struct pipeline *p, uint32_t first, struct kma_lane **lanes, uint32_t *nr,
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

static int set_stacks(struct pipeline *p, bool stacks, struct kma_error *err)
{
	p->config.stacks = stacks;
	if (!stacks || p->tracing)
		return 0;
	if (kma_source_functions(p->run.source, kma_tracing_functions, &p->tracing,
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
	/* two buffers each */
	share = with_data ? LANES_BUDGET / 2 / with_data / sizeof(struct kma_event) : 0;
	return share > MAX_LANE_EVENTS	 ? MAX_LANE_EVENTS
	       : share < MIN_LANE_EVENTS ? MIN_LANE_EVENTS
					 : share;
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
static void measure_lanes(struct pipeline *p)
{
	for (uint32_t i = 0; i < p->run.nr_lanes; i++) {
		const struct kma_lane *lane = &p->lanes[i];

		if (!p->run.source->ops->more)
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
	if (info->printed) {
		p->trace.gfp_flags = info->gfp_flags;
		p->trace.pageblock_order = info->pageblock_order;
	}
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
	p->trace.pfns = selection->pfns;
	p->trace.cma_migratetype = selection->cma_migratetype > 0 ? selection->cma_migratetype : -1;
	p->trace.has_ptr = selection->has_ptr;
	p->trace.ptr = selection->ptr;
	p->namer.arena = arena;
	p->trace.namer = &p->namer;
	if (p->run.source->info.resolution == 1000)
		p->trace.coarse = "times are printed in microseconds";
	else if (p->run.source->info.resolution > 1)
		p->trace.coarse = "times are printed with few digits";
	print_facts(p, arena);
	while (selection->analyses[p->nr_analyses])
		p->nr_analyses++;
	p->states = calloc(p->nr_analyses + 1, sizeof(*p->states));
	p->again = calloc(p->nr_analyses + 1, sizeof(*p->again));
	p->consumers = calloc(p->nr_analyses + 1, sizeof(*p->consumers));
	if (!p->states || !p->again || !p->consumers)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (size_t i = 0; i < p->nr_analyses; i++) {
		p->states[i] = selection->analyses[i]->open(&p->trace, err);
		if (!p->states[i])
			return -1;
	}
	return 0;
}

static int note_gap(struct kma_flow *flow, const struct kma_lost *lost)
{
	struct pipeline *p = (struct pipeline *)flow;
	struct kma_arena *arena = p->result->arena;

	if (p->run.nr_gaps == KMA_MAX_GAPS) {
		p->run.more_gaps++;
		return 0;
	}
	if (!p->run.gaps)
		p->run.gaps = kma_arena_alloc(arena, KMA_MAX_GAPS * sizeof(*p->run.gaps));
	if (!p->run.gaps)
		return -1;
	p->run.gaps[p->run.nr_gaps++] = (struct kma_gap){
		.buffer = kma_arena_strdup(arena, p->run.source->info.buffers[lost->buffer].name),
		.cpu = lost->cpu,
		.counted = lost->counted,
		.count = lost->count,
		.from_ts = lost->from_ts,
		.to_ts = lost->to_ts,
	};
	return 0;
}

static void report_progress(struct kma_flow *flow, uint64_t bytes)
{
	struct pipeline *p = (struct pipeline *)flow;

	p->progress->update(p->progress, p->bytes_before + bytes, p->total_bytes);
}

/* As many threads as there are CPUs for this process, where nothing else was asked for. */
static unsigned int find_jobs(const struct pipeline *p, const struct kma_selection *selection)
{
	uint64_t useful = p->total_bytes / BYTES_PER_JOB;
	cpu_set_t cpus;
	uint64_t nr;

	/* rounds are too short to share */
	if (p->run.source->ops->more)
		return 1;
	if (selection->jobs)
		return selection->jobs;
	nr = sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : CPU_COUNT(&cpus);
	nr = nr < MAX_USEFUL_JOBS ? nr : MAX_USEFUL_JOBS;
	if (!p->trace.one_pass && nr > useful)
		nr = useful;
	return nr ? nr : 1;
}

static int stream_round(struct pipeline *p, const struct kma_selection *selection,
			struct kma_lane *lanes, uint32_t nr_lanes, bool second,
			struct kma_error *err)
{
	size_t nr = 0;

	for (size_t i = 0; i < p->nr_analyses; i++)
		if (!second || p->again[i])
			p->consumers[nr++] = (struct kma_consumer){
				.analysis = selection->analyses[i],
				.state = p->states[i],
				.kinds = needed_kinds(selection->analyses[i]),
			};
	p->flow = (struct kma_flow){
		.lanes = lanes,
		.nr_lanes = nr_lanes,
		.consumers = p->consumers,
		.nr_consumers = nr,
		.jobs = find_jobs(p, selection),
		.eager = !p->trace.one_pass,
		.lost = second ? NULL : note_gap,
		.progress = p->progress ? report_progress : NULL,
	};
	return kma_flow_run(&p->flow, err);
}

/* What the first pass analyses is what the facts are told of. */
static void set_lanes(struct pipeline *p, struct kma_lane *lanes, uint32_t nr)
{
	p->lanes = lanes;
	p->run.lanes = lanes;
	p->run.nr_lanes = nr;
	p->run.buffer_used = p->buffer_used;
	measure_lanes(p);
}

/* The lanes go on, and those of CPUs and buffers seen for the first time join them. */
static int join_lanes(struct pipeline *p, const struct kma_selection *selection,
		      struct kma_lane **lanes, uint32_t *nr, struct kma_error *err)
{
	for (uint32_t i = 0; i < *nr; i++)
		if (kma_lane_resume(&(*lanes)[i], err) < 0)
			return -1;
	if (p->run.source->info.nr_lanes == p->nr_opened)
		return 0;
	if (pick_buffers(p, selection, err) < 0 || open_lanes(p, p->nr_opened, lanes, nr, err) < 0)
		return -1;
	drop_unpicked_lanes(selection, *lanes, nr);
	return 0;
}

static int stream(struct pipeline *p, const struct kma_selection *selection,
		  struct kma_lane **lanes, uint32_t *nr_lanes, bool second, struct kma_error *err)
{
	struct kma_source *source = p->run.source;
	int ret;

	for (;;) {
		if (stream_round(p, selection, *lanes, *nr_lanes, second, err) < 0)
			return -1;
		if (source->ops->more)
			p->bytes_before += p->flow.bytes;
		ret = source->ops->more ? source->ops->more(source, err) : 0;
		if (source->info.printed)
			p->trace.pageblock_order = source->info.pageblock_order;
		if (ret <= 0)
			return ret;
		ret = join_lanes(p, selection, lanes, nr_lanes, err);
		if (!second)
			set_lanes(p, *lanes, *nr_lanes);
		if (ret < 0)
			return -1;
	}
}

static void close_lanes(struct kma_lane *lanes, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		kma_lane_close(&lanes[i]);
	free(lanes);
}

/* The analyses that want it see the trace once more; the facts stay those of the first pass. */
static int stream_again(struct pipeline *p, const struct kma_selection *selection,
			struct kma_error *err)
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
	ret = open_lanes(p, 0, &lanes, &nr, err);
	if (!ret) {
		drop_unpicked_lanes(selection, lanes, &nr);
		ret = stream(p, selection, &lanes, &nr, true, err);
	}
	close_lanes(lanes, nr);
	return ret;
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

/* Durations out of times that have few digits. */
static void blur(struct kma_report *report, const char *coarse)
{
	struct kma_status status = { KMA_APPROXIMATE, coarse };
	bool any = false;

	for (size_t i = 0; i < report->nr_metrics; i++) {
		struct kma_metric *metric = &report->metrics[i];

		if ((metric->def->unit != KMA_UNIT_NS &&
		     metric->def->unit != KMA_UNIT_NS_PER_PAGE) ||
		    metric->status.code != KMA_EXACT)
			continue;
		metric->status = status;
		any = true;
	}
	if (any)
		kma_report_status(report, status);
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

		if (!report || analysis->report(p->states[i], &summary, report) < 0)
			return -1;
		if (p->trace.coarse)
			blur(report, p->trace.coarse);
		if (report->failed || absences(p, analysis, &summary, result) < 0)
			return -1;
	}
	return 0;
}

static int run(struct pipeline *p, const struct kma_selection *selection, struct kma_result *result,
	       struct kma_error *err)
{
	struct kma_source *source = p->run.source;
	uint64_t first, wanted = 0, now;
	struct kma_lane *lanes;
	uint32_t nr;
	bool stacks;

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
	    open_lanes(p, 0, &p->lanes, &p->run.nr_lanes, err) < 0)
		return -1;
	p->run.lanes = p->lanes;
	first = first_timestamp(p);
	drop_unpicked_lanes(selection, p->lanes, &p->run.nr_lanes);
	set_lanes(p, p->lanes, p->run.nr_lanes);
	p->config.from_ts = limit(&selection->from, first, 0);
	p->config.to_ts = limit(&selection->to, first, UINT64_MAX);
	if (open_analyses(p, selection, first > p->config.from_ts ? first : p->config.from_ts,
			  result->arena, err) < 0)
		return -1;
	lanes = p->lanes;
	nr = p->run.nr_lanes;
	if (stream(p, selection, &lanes, &nr, false, err) < 0 ||
	    stream_again(p, selection, err) < 0)
		return -1;
	if (fill_reports(p, selection, result) < 0)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return 0;
}

static int source_symbols(void *source, const uint64_t *addresses, const char **names, size_t nr,
			  struct kma_arena *arena)
{
	return kma_source_symbols(source, addresses, names, nr, arena);
}

int kma_pipeline_run(struct kma_source *source, const struct kma_selection *selection,
		     struct kma_progress *progress, struct kma_result *result,
		     struct kma_error *err)
{
	struct pipeline p = { .run.source = source,
			      .namer = { .lookup = source_symbols, .source = source },
			      .result = result,
			      .progress = progress };
	int ret = run(&p, selection, result, err);

	for (size_t i = 0; p.states && i < p.nr_analyses; i++)
		if (p.states[i])
			selection->analyses[i]->close(p.states[i]);
	free(p.states);
	free(p.again);
	free(p.consumers);
	close_lanes(p.lanes, p.lanes ? p.run.nr_lanes : 0);
	free(p.buffer_used);
	free(p.tracing);
	kma_schema_free(p.schema);
	kma_strings_free(p.strings);
	return ret;
}
