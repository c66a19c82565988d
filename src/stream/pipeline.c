/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run of a trace through the analyses; see pipeline.h. */
#include "stream/pipeline.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "decode/printfmt.h"
#include "stream/pipeline_internal.h"
#include "util/arena.h"

/* More threads than this help no trace, and one is fastest with less to read than this for each. */
#define MAX_USEFUL_JOBS 8
#define BYTES_PER_JOB	(1u << 20)

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
static uint64_t wanted_kinds(const struct kma_pipeline *p, bool second, uint64_t *stack_kinds)
{
	/* kernel_stack is always known, so that it never counts as an event without a format */
	uint64_t wanted = KMA_KIND_BIT(KMA_KERNEL_STACK);

	*stack_kinds = 0;
	for (size_t i = 0; p->selection.analyses[i]; i++) {
		const struct kma_analysis *analysis = p->selection.analyses[i];
		bool wait = !second && is_twice(p, analysis);

		if (second && !p->again[i])
			continue;
		wanted |= needed_kinds(analysis) & ~(wait ? analysis->second : 0);
		if ((analysis->stacks == KMA_STACKS_WHEN_ASKED && p->selection.stack_depth) ||
		    (analysis->stacks == KMA_STACKS_ALWAYS && !wait))
			*stack_kinds |= analysis->stack_kinds ? analysis->stack_kinds
							      : needed_kinds(analysis);
	}
	return wanted;
}

/* Stacks of events that the trace does not hold are not worth looking for. */
static int set_stacks(struct kma_pipeline *p, uint64_t kinds, struct kma_error *err)
{
	p->config.stack_kinds = kinds & p->schema->formats;
	if (!p->config.stack_kinds || p->tracing)
		return 0;
	if (kma_source_functions(p->run.source, kma_tracing_functions, &p->tracing,
				 &p->config.nr_tracing) < 0)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	p->config.tracing = p->tracing;
	return 0;
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
	if (info->printed) {
		p->trace.gfp_flags = info->gfp_flags;
		p->trace.pageblock_order = info->pageblock_order;
	}
}

static int open_analyses(struct kma_pipeline *p, uint64_t start, struct kma_error *err)
{
	p->trace.start_ts = start;
	p->trace.formats = p->schema->formats;
	memcpy(p->trace.optional_fields, p->schema->optional_fields,
	       sizeof(p->trace.optional_fields));
	p->trace.filtered = p->selection.cpus || p->selection.from.set || p->selection.to.set;
	p->trace.strings = p->strings;
	p->trace.page_size = p->run.source->info.page_size;
	p->trace.possible_cpus = p->run.source->info.cpus;
	p->trace.nodes = p->selection.nodes;
	p->trace.stack_depth = p->selection.stack_depth;
	p->trace.pfns = p->selection.pfns;
	p->trace.cma_migratetype = p->selection.cma_migratetype > 0 ? p->selection.cma_migratetype
								    : -1;
	p->trace.has_ptr = p->selection.has_ptr;
	p->trace.ptr = p->selection.ptr;
	p->trace.namer = &p->namer;
	if (p->run.source->info.resolution == 1000)
		p->trace.coarse = "times are printed in microseconds";
	else if (p->run.source->info.resolution > 1)
		p->trace.coarse = "times are printed with few digits";
	print_facts(p, p->arena);
	while (p->selection.analyses[p->nr_analyses])
		p->nr_analyses++;
	p->states = calloc(p->nr_analyses + 1, sizeof(*p->states));
	p->again = calloc(p->nr_analyses + 1, sizeof(*p->again));
	p->consumers = calloc(p->nr_analyses + 1, sizeof(*p->consumers));
	if (!p->states || !p->again || !p->consumers)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (size_t i = 0; i < p->nr_analyses; i++) {
		p->states[i] = p->selection.analyses[i]->open(&p->trace, err);
		if (!p->states[i])
			return -1;
	}
	return 0;
}

static int note_gap(struct kma_flow *flow, const struct kma_lost *lost)
{
	struct kma_pipeline *p = (struct kma_pipeline *)flow;

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

static void report_progress(struct kma_flow *flow, uint64_t bytes)
{
	struct kma_pipeline *p = (struct kma_pipeline *)flow;

	p->progress->update(p->progress, p->bytes_before + bytes, p->total_bytes);
}

/* As many threads as there are CPUs for this process, where nothing else was asked for. */
static unsigned int find_jobs(const struct kma_pipeline *p)
{
	uint64_t useful = p->total_bytes / BYTES_PER_JOB;
	cpu_set_t cpus;
	uint64_t nr;

	/* rounds are too short to share */
	if (p->run.source->ops->more || p->run.source->ops->now)
		return 1;
	if (p->selection.jobs)
		return p->selection.jobs;
	nr = sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : CPU_COUNT(&cpus);
	nr = nr < MAX_USEFUL_JOBS ? nr : MAX_USEFUL_JOBS;
	if (!p->trace.one_pass && nr > useful)
		nr = useful;
	return nr ? nr : 1;
}

static int stream_round(struct kma_pipeline *p, struct kma_lane *lanes, uint32_t nr_lanes,
			bool second, struct kma_error *err)
{
	size_t nr = 0;
	int ret;

	for (size_t i = 0; i < p->nr_analyses; i++)
		if (!second || p->again[i])
			p->consumers[nr++] = (struct kma_consumer){
				.analysis = p->selection.analyses[i],
				.state = p->states[i],
				.kinds = needed_kinds(p->selection.analyses[i]),
			};
	p->flow = (struct kma_flow){
		.lanes = lanes,
		.nr_lanes = nr_lanes,
		.consumers = p->consumers,
		.nr_consumers = nr,
		.jobs = find_jobs(p),
		.eager = !p->trace.one_pass,
		.lost = second ? NULL : note_gap,
		.progress = p->progress ? report_progress : NULL,
		.live = p->run.source->ops->now,
		.newest = p->newest,
		.late = p->late,
	};
	ret = kma_flow_run(&p->flow, err);
	p->newest = p->flow.newest;
	p->late = p->flow.late;
	return ret;
}

/* The lanes go on behind their round, and those of CPUs and buffers seen for the first time join
 * them. */
static int next_round(struct kma_pipeline *p, struct kma_lane **lanes, uint32_t *nr,
		      struct kma_error *err)
{
	for (uint32_t i = 0; i < *nr; i++)
		if (kma_lane_resume(&(*lanes)[i], err) < 0)
			return -1;
	if (p->run.source->info.nr_lanes == p->nr_opened)
		return 0;
	if (kma_pick_buffers(p, err) < 0 || kma_open_lanes(p, p->nr_opened, lanes, nr, err) < 0)
		return -1;
	kma_drop_unpicked_lanes(p, *lanes, nr);
	return 0;
}

/* What the first pass analyses is what the facts are told of. */
static void set_lanes(struct kma_pipeline *p, struct kma_lane *lanes, uint32_t nr)
{
	p->lanes = lanes;
	p->run.lanes = lanes;
	p->run.nr_lanes = nr;
	p->run.buffer_used = p->buffer_used;
	kma_measure_lanes(p);
}

static bool any_waits(const struct kma_lane *lanes, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (lanes[i].waits)
			return true;
	return false;
}

/* One round of a pass: an enum kma_pump, or -1. All is one round where the source has no more. */
static int stream(struct kma_pipeline *p, struct kma_lane *lanes, uint32_t nr, bool second,
		  struct kma_error *err)
{
	struct kma_source *source = p->run.source;
	int ret;

	if (stream_round(p, lanes, nr, second, err) < 0)
		return -1;
	if (source->ops->now)
		return any_waits(lanes, nr) ? KMA_PUMP_WAIT : KMA_PUMP_END;
	if (!source->ops->more)
		return KMA_PUMP_END;
	p->bytes_before += p->flow.bytes;
	ret = source->ops->more(source, err);
	if (source->info.printed)
		p->trace.pageblock_order = source->info.pageblock_order;
	return ret > 0 ? KMA_PUMP_MORE : ret < 0 ? -1 : KMA_PUMP_END;
}

/* The analyses that want it see the trace once more; the facts stay those of the first pass. */
static int stream_again(struct kma_pipeline *p, struct kma_error *err)
{
	struct kma_source *source = p->run.source;
	struct kma_lane *lanes = NULL;
	struct kma_summary summary;
	uint64_t stack_kinds;
	bool any = false;
	uint32_t nr = 0;
	int ret;

	kma_run_summary(&p->run, &summary);
	for (size_t i = 0; i < p->nr_analyses; i++) {
		const struct kma_analysis *analysis = p->selection.analyses[i];

		p->again[i] = is_twice(p, analysis) &&
			      analysis->second_pass(p->states[i], &summary);
		any |= p->again[i];
	}
	if (!any)
		return 0;
	p->bytes_before = p->total_bytes;
	p->total_bytes *= 2;
	kma_schema_select(p->schema, wanted_kinds(p, true, &stack_kinds));
	if (source->ops->rewind(source, err) < 0 || set_stacks(p, stack_kinds, err) < 0)
		return -1;
	ret = kma_open_lanes(p, 0, &lanes, &nr, err);
	if (!ret) {
		kma_drop_unpicked_lanes(p, lanes, &nr);
		ret = stream(p, lanes, nr, true, err);
	}
	while (ret == KMA_PUMP_MORE) {
		ret = next_round(p, &lanes, &nr, err);
		if (!ret)
			ret = stream(p, lanes, nr, true, err);
	}
	kma_close_lanes(lanes, nr);
	return ret < 0 ? -1 : 0;
}

static int open_pipeline(struct kma_pipeline *p, struct kma_error *err)
{
	struct kma_source *source = p->run.source;
	uint64_t first, wanted = 0, now, stack_kinds;

	p->arena = kma_arena_new();
	if (!p->arena)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	p->trace.one_pass = !source->ops->rewind;
	for (size_t i = 0; p->selection.analyses[i]; i++)
		wanted |= needed_kinds(p->selection.analyses[i]) |
			  KMA_KIND_BIT(p->selection.analyses[i]->instead.kind);
	now = wanted_kinds(p, false, &stack_kinds);
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
					      .max_events = kma_lane_events(&source->info) };
	p->run.schema = p->schema;
	if (set_stacks(p, stack_kinds, err) < 0 || kma_pick_buffers(p, err) < 0 ||
	    kma_open_lanes(p, 0, &p->lanes, &p->run.nr_lanes, err) < 0)
		return -1;
	p->run.lanes = p->lanes;
	first = source->ops->now ? source->ops->now(source) : kma_first_timestamp(p);
	kma_drop_unpicked_lanes(p, p->lanes, &p->run.nr_lanes);
	set_lanes(p, p->lanes, p->run.nr_lanes);
	p->config.from_ts = limit(&p->selection.from, first, 0);
	p->config.to_ts = limit(&p->selection.to, first, UINT64_MAX);
	return open_analyses(p, first > p->config.from_ts ? first : p->config.from_ts, err);
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
	struct kma_lane *lanes = p->lanes;
	uint32_t nr = p->run.nr_lanes;
	int ret = 0;

	if (p->ended)
		return KMA_PUMP_END;
	p->progress = progress;
	/* read before the lanes are asked: what they do not give now is not older */
	if (source->ops->now)
		p->config.horizon = source->ops->now(source);
	if (p->started) {
		ret = next_round(p, &lanes, &nr, err);
		set_lanes(p, lanes, nr);
	}
	p->started = true;
	if (!ret)
		ret = stream(p, p->lanes, p->run.nr_lanes, false, err);
	if (ret != KMA_PUMP_END)
		return ret;
	p->ended = true;
	return stream_again(p, err) < 0 ? -1 : KMA_PUMP_END;
}

int kma_pipeline_report(struct kma_pipeline *p, struct kma_result *result, struct kma_error *err)
{
	int ret;

	p->namer.arena = result->arena;
	ret = kma_fill_reports(p, result);
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
	free(p->consumers);
	kma_close_lanes(p->lanes, p->lanes ? p->run.nr_lanes : 0);
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
	int ret = p ? KMA_PUMP_MORE : -1;

	while (ret == KMA_PUMP_WAIT || ret == KMA_PUMP_MORE)
		ret = kma_pipeline_pump(p, progress, err);
	if (ret == KMA_PUMP_END)
		ret = kma_pipeline_report(p, result, err);
	kma_pipeline_close(p);
	return ret < 0 ? -1 : 0;
}
