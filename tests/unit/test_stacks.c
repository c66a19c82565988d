/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_stack records find their event: right behind it, over page borders, past an interrupt's event and
 * stack, and never another one's. A written trace through the whole pipeline into an analysis that listens.
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

#define MAX_HEARD 20000

struct heard {
	uint64_t pfn, nr_addresses, first, last;
	uint32_t cpu;
};

static struct heard heard[MAX_HEARD];
static size_t nr_heard;

struct kma_state {
	int unused;
};

static struct kma_state listener;

static struct kma_state *open_listener(const struct kma_trace *trace, struct kma_error *err)
{
	(void)trace;
	(void)err;
	nr_heard = 0;
	return &listener;
}

static int listen(struct kma_state *state, const struct kma_batch *batch)
{
	(void)state;
	for (size_t i = 0; i < batch->nr; i++) {
		const struct kma_event *e = &batch->events[i];
		const uint64_t *words = e->stack ? &batch->stacks[e->stack] : NULL;

		assert_true(nr_heard < MAX_HEARD);
		heard[nr_heard++] = (struct heard){
			.pfn = e->pcpu_page.pfn,
			.nr_addresses = words ? words[0] : 0,
			.first = words ? words[1] : 0,
			.last = words ? words[words[0]] : 0,
			.cpu = e->cpu,
		};
	}
	return 0;
}

static int lost(struct kma_state *state, const struct kma_lost *gap)
{
	(void)state;
	(void)gap;
	return 0;
}

static int report(const struct kma_state *state, const struct kma_summary *summary,
		  struct kma_report *to)
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

static const struct kma_need needs[] = { { KMA_PCPU_DRAIN, true, "something to listen to" }, { 0 } };
static const struct kma_metric_def metrics[] = { { 0 } };

static const struct kma_analysis analysis = {
	.name = "listener",
	.title = "Listener",
	.needs = needs,
	.metrics = metrics,
	.stacks = KMA_STACKS_WHEN_ASKED,
	.open = open_listener,
	.feed = listen,
	.lost = lost,
	.report = report,
	.close = close_listener,
};

struct writing {
	struct dat_writer *w;
	struct dat_event *drain, *other;
	uint64_t ts;
};

static void begin(struct writing *t, const struct dat_config *config)
{
	t->w = dat_new(config);
	assert_non_null(t->w);
	t->drain = dat_add_event(t->w, "kmem", "mm_page_pcpu_drain", 0,
				 "unsigned long pfn, unsigned int order, int migratetype", NULL);
	t->other = dat_add_event(t->w, "sched", "sched_wakeup", 0, "int prio", NULL);
	assert_non_null(t->drain);
	assert_non_null(t->other);
	t->ts = 1000;
}

static struct dat_record at(struct writing *t, unsigned int cpu, int pid)
{
	return (struct dat_record){ .cpu = cpu, .ts = t->ts += 100, .pid = pid };
}

static void drain(struct writing *t, unsigned int cpu, int pid, uint64_t pfn)
{
	struct dat_record record = at(t, cpu, pid);
	struct dat_value values[] = { { .num = pfn }, { .num = 0 }, { .num = 0 } };

	assert_int_equal(dat_write(t->w, &record, t->drain, values), 0);
}

static void other(struct writing *t, unsigned int cpu, int pid)
{
	struct dat_record record = at(t, cpu, pid);
	struct dat_value values[] = { { .num = 1 } };

	assert_int_equal(dat_write(t->w, &record, t->other, values), 0);
}

/* A stack of @nr addresses counting up from @address. */
static void stack(struct writing *t, unsigned int cpu, int pid, uint64_t address, unsigned int nr)
{
	struct dat_record record = at(t, cpu, pid);
	uint64_t ips[64];

	for (unsigned int i = 0; i < nr; i++)
		ips[i] = address + i;
	assert_int_equal(dat_write_stack(t->w, &record, ips, nr), 0);
}

static void run_as(struct writing *t, const struct kma_analysis *listening, uint32_t depth)
{
	const struct kma_analysis *const analyses[] = { listening, NULL };
	struct kma_selection selection = { .analyses = analyses, .stack_depth = depth };
	char path[] = "/tmp/kma-stacks-XXXXXX";
	struct kma_error err = { 0 };
	struct kma_result *result = kma_result_new();
	struct kma_source *source;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(dat_finish(t->w, path), 0);
	dat_free(t->w);
	source = kma_source_open(path, KMA_READER_OWN, &err);
	unlink(path);
	assert_non_null(source);
	assert_int_equal(kma_pipeline_run(source, &selection, NULL, result, &err), 0);
	kma_source_close(source);
	kma_result_free(result);
}

static void run(struct writing *t, uint32_t depth)
{
	run_as(t, &analysis, depth);
}

static void right_behind(void **unused)
{
	static const struct dat_config configs[] = {
		{ .version = 7 },
		{ .version = 6, .big_endian = true, .long_size = 8 },
		{ .version = 7, .long_size = 4, .compression = DAT_ZSTD },
	};
	struct writing t;

	(void)unused;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		begin(&t, &configs[i]);
		drain(&t, 0, 1, 10);
		stack(&t, 0, 1, 0x1000, 3);
		drain(&t, 0, 1, 11);
		drain(&t, 1, 2, 12);
		stack(&t, 1, 2, 0x2000, 5);
		run(&t, 8);
		assert_int_equal(nr_heard, 3);
		assert_int_equal(heard[0].nr_addresses, 3);
		assert_int_equal(heard[0].first, 0x1000);
		assert_int_equal(heard[0].last, 0x1002);
		assert_int_equal(heard[1].nr_addresses, 0);
		assert_int_equal(heard[2].nr_addresses, 5);
		assert_int_equal(heard[2].first, 0x2000);
	}
}

static void not_of_another(void **unused)
{
	struct writing t;

	(void)unused;
	begin(&t, &(struct dat_config){ .version = 7 });
	drain(&t, 0, 1, 10);
	other(&t, 0, 1);
	stack(&t, 0, 1, 0x1000, 3);	/* belongs to the event that nobody wants */
	drain(&t, 0, 1, 11);
	stack(&t, 0, 2, 0x2000, 3);	/* another task's */
	run(&t, 8);
	assert_int_equal(nr_heard, 2);
	assert_int_equal(heard[0].nr_addresses, 0);
	assert_int_equal(heard[1].nr_addresses, 0);
}

/* A stack that nobody reads is still whose it is. */
static void of_some_kinds_only(void **unused)
{
	static const struct kma_need both[] = { { KMA_PCPU_DRAIN, true, "drains" },
						{ KMA_PCPU_REFILL, false, "refills" },
						{ KMA_KIND_NONE, false, NULL } };
	struct kma_analysis picky = analysis;
	struct dat_event *refill;
	struct dat_record record;
	struct writing t;

	(void)unused;
	picky.needs = both;
	picky.stacks = KMA_STACKS_ALWAYS;
	picky.stack_kinds = KMA_KIND_BIT(KMA_PCPU_DRAIN);
	begin(&t, &(struct dat_config){ .version = 7 });
	refill = dat_add_event(t.w, "kmem", "mm_page_pcpu_refill", 0,
			       "unsigned long pfn, unsigned int order, int migratetype", NULL);
	assert_non_null(refill);
	drain(&t, 0, 1, 10);
	record = at(&t, 0, 1);
	assert_int_equal(dat_write(t.w, &record, refill, (struct dat_value[3]){ { .num = 11 } }), 0);
	stack(&t, 0, 1, 0x2000, 2);	/* the refill's, in an interrupt */
	stack(&t, 0, 1, 0x1000, 4);
	run_as(&t, &picky, 0);
	assert_int_equal(nr_heard, 2);
	assert_int_equal(heard[0].nr_addresses, 4);
	assert_int_equal(heard[0].first, 0x1000);
	assert_int_equal(heard[1].nr_addresses, 0);
}

static void past_an_interrupt(void **unused)
{
	struct writing t;

	(void)unused;
	begin(&t, &(struct dat_config){ .version = 7 });
	drain(&t, 0, 1, 10);
	drain(&t, 0, 1, 11);		/* in an interrupt: the same pid */
	stack(&t, 0, 1, 0x2000, 2);
	stack(&t, 0, 1, 0x1000, 4);
	run(&t, 8);
	assert_int_equal(nr_heard, 2);
	assert_int_equal(heard[0].nr_addresses, 4);
	assert_int_equal(heard[0].first, 0x1000);
	assert_int_equal(heard[1].nr_addresses, 2);
	assert_int_equal(heard[1].first, 0x2000);
}

/* Thousands, so that batches, pages and chunks end between an event and its stack in every way. */
static void over_every_border(void **unused)
{
	static const struct dat_config configs[] = {
		{ .version = 7 },
		{ .version = 7, .page_size = 1024, .compression = DAT_ZSTD, .chunk_pages = 1 },
	};
	struct writing t;

	(void)unused;
	for (size_t c = 0; c < sizeof(configs) / sizeof(configs[0]); c++) {
		begin(&t, &configs[c]);
		for (uint64_t i = 0; i < 6000; i++) {
			unsigned int cpu = i % 3;

			drain(&t, cpu, 7, i);
			if (i % 5)
				stack(&t, cpu, 7, 0x10000 + i, 1 + i % 9);
		}
		run(&t, 8);
		assert_int_equal(nr_heard, 6000);
		for (size_t i = 0; i < nr_heard; i++) {
			uint64_t pfn = heard[i].pfn;

			assert_int_equal(pfn, i);
			assert_int_equal(heard[i].nr_addresses, pfn % 5 ? 1 + pfn % 9 : 0);
			if (pfn % 5)
				assert_int_equal(heard[i].first, 0x10000 + pfn);
		}
	}
}

static void only_when_asked_for(void **unused)
{
	struct writing t;

	(void)unused;
	begin(&t, &(struct dat_config){ .version = 7 });
	drain(&t, 0, 1, 10);
	stack(&t, 0, 1, 0x1000, 3);
	run(&t, 0);
	assert_int_equal(nr_heard, 1);
	assert_int_equal(heard[0].nr_addresses, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_behind),	     cmocka_unit_test(not_of_another),
		cmocka_unit_test(past_an_interrupt), cmocka_unit_test(over_every_border),
		cmocka_unit_test(only_when_asked_for), cmocka_unit_test(of_some_kinds_only),
	};

	return cmocka_run_group_tests_name("stacks", tests, NULL, NULL);
}
