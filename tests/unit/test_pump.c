/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A source that gives its records bit by bit, as a kernel does, against the same trace read at once: the analyses are
 * fed the same events in the same order, with the same stacks and gaps, whenever a CPU is idle and however late a
 * record can be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "datwriter.h"
#include "stream/pipeline.h"
#include "util/arena.h"

#define CPUS 4
#define EVENTS 3000
#define MAX_HEARD (EVENTS + 100)
#define LATEST_NS 500 /* after its time a record can be read at the latest */

struct heard {
	uint64_t ts, pfn, nr_addresses, lost, cpu; /* no padding: compared as memory */
};

struct log {
	struct heard heard[MAX_HEARD];
	size_t nr;
};

static struct log *listening;

struct kma_state {
	int unused;
};

static struct kma_state listener;

static struct kma_state *open_listener(const struct kma_trace *trace, struct kma_error *err)
{
	(void)trace;
	(void)err;
	return &listener;
}

static int listen(struct kma_state *state, const struct kma_batch *batch)
{
	(void)state;
	for (size_t i = 0; i < batch->nr; i++) {
		const struct kma_event *e = &batch->events[i];

		assert_true(listening->nr < MAX_HEARD);
		listening->heard[listening->nr++] = (struct heard){
			.ts = e->ts,
			.pfn = e->pcpu_page.pfn,
			.nr_addresses = e->stack ? batch->stacks[e->stack] : 0,
			.cpu = e->cpu,
		};
	}
	return 0;
}

static int lost(struct kma_state *state, const struct kma_lost *gap)
{
	(void)state;
	assert_true(listening->nr < MAX_HEARD);
	listening->heard[listening->nr++] =
		(struct heard){ .ts = gap->to_ts, .lost = gap->count, .cpu = gap->cpu };
	return 0;
}

static int report(const struct kma_state *state, const struct kma_summary *summary, struct kma_report *to)
{
	(void)state;
	(void)summary;
	(void)to;
	return 0;
}

static void close_listener(struct kma_state *state)
{
	(void)state;
}

static const struct kma_need needs[] = { { KMA_PCPU_DRAIN, true, "" }, { 0 } };
static const struct kma_metric_def no_metrics[] = { { 0 } };
static const struct kma_analysis analysis = {
	.name = "listener",
	.title = "listener",
	.needs = needs,
	.metrics = no_metrics,
	.stacks = KMA_STACKS_ALWAYS,
	.open = open_listener,
	.feed = listen,
	.lost = lost,
	.report = report,
	.close = close_listener,
};
static const struct kma_analysis *const analyses[] = { &analysis, NULL };
static const struct kma_selection selection = { .analyses = analyses };

/* One lane's records, and when each can be read. */
struct drip_lane {
	struct kma_record *records;
	uint64_t *readable, *lost;
	size_t nr, at;
};

struct drip {
	struct kma_source source;
	struct kma_source *from;
	struct drip_lane lanes[CPUS];
	uint64_t clock;
	unsigned int seed;
	bool late; /* it promises more than it keeps */
	unsigned int again;
};

static unsigned int pick(struct drip *drip, unsigned int below)
{
	return (unsigned int)rand_r(&drip->seed) % below;
}

static int drip_next(struct kma_source *source, uint32_t index, struct kma_piece *piece, struct kma_error *err)
{
	struct drip *drip = (struct drip *)source;
	struct drip_lane *lane = &drip->lanes[index];
	size_t nr = 0, most = 1 + pick(drip, 20);

	(void)err;
	drip->clock += pick(drip, 100);
	if (lane->at == lane->nr)
		return drip->clock > lane->readable[lane->nr - 1] + 2000 ? KMA_NEXT_END : KMA_NEXT_AGAIN;
	while (nr < most && lane->at + nr < lane->nr && lane->readable[lane->at + nr] <= drip->clock &&
	       (!nr || !lane->lost[lane->at + nr]))
		nr++;
	if (!nr) {
		drip->again++;
		return KMA_NEXT_AGAIN;
	}
	*piece = (struct kma_piece){ .type = KMA_PIECE_RECORDS,
				     .records = &lane->records[lane->at],
				     .nr = nr,
				     .lost = lane->lost[lane->at],
				     .lost_counted = true };
	lane->at += nr;
	return KMA_NEXT_PIECE;
}

static uint64_t drip_now(struct kma_source *source)
{
	struct drip *drip = (struct drip *)source;

	drip->clock += pick(drip, 300);
	return drip->late ? drip->clock + LATEST_NS : drip->clock - LATEST_NS - 1;
}

static char *no_text(struct kma_source *source)
{
	(void)source;
	return NULL;
}

static bool never_failed(const struct kma_source *source)
{
	(void)source;
	return false;
}

static const struct kma_source_ops drip_ops = {
	.name = "drip",
	.next = drip_next,
	.now = drip_now,
	.kallsyms = no_text,
	.cmdlines = no_text,
	.failed = never_failed,
};

/* All records of the lane, copied, as the page they stand in does not stay. */
static void take_lane(struct drip *drip, uint32_t index, struct kma_arena *arena)
{
	const struct kma_page_format *format = &drip->from->info.page_format;
	struct drip_lane *lane = &drip->lanes[index];
	struct kma_error err;
	struct kma_piece piece;
	uint64_t readable = 0;

	lane->records = calloc(3 * EVENTS, sizeof(*lane->records));
	lane->readable = calloc(3 * EVENTS, sizeof(*lane->readable));
	lane->lost = calloc(3 * EVENTS, sizeof(*lane->lost));
	assert_non_null(lane->lost);
	while (drip->from->ops->next(drip->from, index, &piece, &err) == KMA_NEXT_PIECE) {
		struct kma_page_cursor page;
		struct kma_record record;
		uint64_t gap;

		assert_int_equal(piece.type, KMA_PIECE_PAGE);
		kma_page_open(format, piece.page, piece.page_size, piece.page_size, &page);
		gap = page.lost;
		while (kma_page_next(format, &page, &record)) {
			uint64_t when = record.ts + pick(drip, LATEST_NS);
			uint8_t *data = kma_arena_alloc(arena, record.size);

			assert_non_null(data);
			assert_true(lane->nr < 3 * EVENTS);
			memcpy(data, record.data, record.size);
			record.data = data;
			/* what is written later cannot be read before it */
			readable = when > readable ? when : readable;
			lane->records[lane->nr] = record;
			lane->lost[lane->nr] = gap;
			lane->readable[lane->nr++] = readable;
			gap = 0;
		}
	}
}

static struct kma_source *write_trace(unsigned int seed)
{
	struct dat_writer *w = dat_new(&(struct dat_config){ .version = 7, .page_size = 1024 });
	struct dat_event *drain = dat_add_event(w, "kmem", "mm_page_pcpu_drain", 0,
						"unsigned long pfn, unsigned int order, int migratetype", NULL);
	uint64_t ts = 10000, silent_until[CPUS] = { 0 }, ips[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	char path[] = "/tmp/kma-pump-XXXXXX";
	struct kma_source *source;
	struct kma_error err;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_non_null(drain);
	for (uint64_t pfn = 0; pfn < EVENTS; pfn++) {
		struct dat_value values[] = { { .num = pfn }, { .num = 0 }, { .num = 0 } };
		struct dat_record record = { .cpu = (unsigned int)rand_r(&seed) % CPUS, .pid = 7 };

		record.ts = ts += (unsigned int)rand_r(&seed) % 40;
		if (silent_until[record.cpu] > ts)
			record.cpu = CPUS - 1;
		else if (rand_r(&seed) % 50 == 0)
			silent_until[record.cpu] = ts + (unsigned int)rand_r(&seed) % 20000;
		if (rand_r(&seed) % 100 == 0)
			assert_int_equal(dat_lost(w, 0, record.cpu, 1 + rand_r(&seed) % 9), 0);
		assert_int_equal(dat_write(w, &record, drain, values), 0);
		if (rand_r(&seed) % 3)
			assert_int_equal(dat_write_stack(w, &record, ips, 1 + (unsigned int)rand_r(&seed) % 8), 0);
	}
	assert_int_equal(dat_finish(w, path), 0);
	dat_free(w);
	close(fd);
	source = kma_source_open(path, KMA_READER_OWN, &err);
	assert_non_null(source);
	unlink(path);
	return source;
}

/* Returns how many records the pipeline says came late. */
static unsigned long drip_through(struct drip *drip, struct log *log)
{
	struct kma_arena *arena = kma_arena_new();
	struct kma_result *result;
	struct kma_pipeline *pipeline;
	struct kma_error err;
	unsigned long late = 0;
	unsigned int reports = 0;
	int ret;

	assert_non_null(arena);
	listening = log;
	drip->source.ops = &drip_ops;
	drip->source.info = drip->from->info;
	drip->source.arena = arena;
	drip->clock = 10000;
	for (uint32_t i = 0; i < drip->from->info.nr_lanes; i++)
		take_lane(drip, i, arena);
	pipeline = kma_pipeline_open(&drip->source, &selection, &err);
	assert_non_null(pipeline);
	do {
		ret = kma_pipeline_pump(pipeline, NULL, &err);
		assert_true(ret >= 0);
		/* a report in between changes nothing */
		if (reports++ % 16 && ret != KMA_PUMP_END)
			continue;
		result = kma_result_new();
		assert_non_null(result);
		assert_int_equal(kma_pipeline_report(pipeline, result, &err), 0);
		for (size_t i = 0; i < result->quality.nr_notes; i++)
			if (strstr(result->quality.notes[i], "came so late"))
				late = strtoul(result->quality.notes[i], NULL, 10);
		kma_result_free(result);
	} while (ret != KMA_PUMP_END);
	kma_pipeline_close(pipeline);
	kma_source_forget_symbols(&drip->source);
	for (int i = 0; i < CPUS; i++) {
		free(drip->lanes[i].records);
		free(drip->lanes[i].readable);
		free(drip->lanes[i].lost);
	}
	kma_arena_free(arena);
	return late;
}

static void read_at_once(struct kma_source *source, struct log *log)
{
	struct kma_result *result = kma_result_new();
	struct kma_error err;

	listening = log;
	assert_int_equal(kma_pipeline_run(source, &selection, NULL, result, &err), 0);
	kma_result_free(result);
	assert_int_equal(source->ops->rewind(source, &err), 0);
}

static struct log at_once, dripped;

static void same_as_at_once(void **unused)
{
	(void)unused;
	for (unsigned int seed = 1; seed <= 60; seed++) {
		struct drip drip = { .seed = seed };

		at_once.nr = dripped.nr = 0;
		drip.from = write_trace(seed);
		read_at_once(drip.from, &at_once);
		assert_int_equal(drip_through(&drip, &dripped), 0);
		assert_true(drip.again > 100);
		assert_true(at_once.nr > EVENTS);
		assert_int_equal(dripped.nr, at_once.nr);
		for (size_t i = 0; i < at_once.nr; i++)
			assert_memory_equal(&dripped.heard[i], &at_once.heard[i], sizeof(struct heard));
		kma_source_close(drip.from);
	}
}

static int by_pfn(const void *a, const void *b)
{
	const struct heard *x = a, *y = b;

	return (x->pfn > y->pfn) - (x->pfn < y->pfn);
}

/* A source that promises too much: all events come, none twice, and those out of order are counted. */
static void late_ones_are_counted(void **unused)
{
	struct drip drip = { .seed = 5, .late = true };
	unsigned long late, backwards = 0;
	uint64_t newest = 0;
	size_t nr = 0;

	(void)unused;
	at_once.nr = dripped.nr = 0;
	drip.from = write_trace(5);
	late = drip_through(&drip, &dripped);
	for (size_t i = 0; i < dripped.nr; i++) {
		if (dripped.heard[i].lost)
			continue;
		backwards += dripped.heard[i].ts < newest;
		newest = dripped.heard[i].ts > newest ? dripped.heard[i].ts : newest;
		dripped.heard[nr++] = dripped.heard[i];
	}
	assert_true(backwards > 0);
	assert_int_equal(late, backwards);
	qsort(dripped.heard, nr, sizeof(*dripped.heard), by_pfn);
	assert_int_equal(nr, EVENTS);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(dripped.heard[i].pfn, i);
	kma_source_close(drip.from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_at_once),
		cmocka_unit_test(late_ones_are_counted),
	};

	return cmocka_run_group_tests_name("pump", tests, NULL, NULL);
}
