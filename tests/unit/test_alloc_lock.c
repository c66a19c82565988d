/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The alloc_lock analysis, fed by hand: functions by name, waits that are nested or cut, tables that
 * are full, and random histories against a model that keeps every wait. Knows nothing of traces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_lock_internal.h"
#include "plugins.h"
#include "result/namer.h"
#include "util/arena.h"

#define MAX_EVENTS 4096
#define LOCK(n)	   (UINT64_C(0xffff888000000000) + 64 * (n))

/* The address of the return into function number @n of these. */
#define AT(n) (UINT64_C(0xffffffff81000010) + 0x1000 * (n))

enum function { SLOWPATH, RAW_SPIN, LRU_LOCK, MUTEX, RMQUEUE, MOVE_LRU, SLAB_FREE, PCPU, DRAIN, NEW, OTHER };

static const char *const functions[] = { "native_queued_spin_lock_slowpath",
					 "_raw_spin_lock_irqsave",
					 "folio_lruvec_lock_irqsave",
					 "__mutex_lock.constprop.0",
					 "rmqueue_bulk",
					 "folio_batch_move_lru",
					 "__slab_free",
					 "pcpu_alloc",
					 "drain_pages_zone",
					 "brand_new",
					 "do_wp_page" };

#define NR_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static int look_up(void *source, const uint64_t *addresses, const char **names, size_t nr,
		   struct kma_arena *arena)
{
	(void)source;
	for (size_t i = 0; i < nr; i++)
		for (size_t n = 0; n < NR_FUNCTIONS; n++)
			if (addresses[i] >= AT(n) - 0x10 && addresses[i] < AT(n) + 0xff0)
				names[i] = kma_arena_printf(arena, "%s+0x%llx", functions[n],
							    (unsigned long long)(addresses[i] -
										 AT(n) + 0x10));
	return 0;
}

struct fixture {
	struct kma_trace trace;
	struct kma_namer namer;
	struct kma_summary summary;
	struct kma_state *state;
	struct kma_event events[MAX_EVENTS];
	uint64_t stacks[8 * MAX_EVENTS];
	size_t nr, nr_words;
	struct kma_result *result;
	struct kma_report *report;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->namer.lookup = look_up;
	f->trace = (struct kma_trace){ .clock = KMA_CLOCK_GLOBAL,
				       .clock_name = "mono",
				       .nr_cpus = 4,
				       .start_ts = 1000,
				       .formats = ~UINT64_C(0),
				       .namer = &f->namer };
	f->nr_words = 1;
	f->summary.first_ts = 1000;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->state)
		kma_alloc_lock_analysis.close(f->state);
	kma_result_free(f->result);
	free(f);
	return 0;
}

static void feed(struct fixture *f)
{
	struct kma_batch batch = { .events = f->events, .nr = f->nr, .stacks = f->stacks };
	struct kma_error error = { 0 };

	if (!f->state)
		f->state = kma_alloc_lock_analysis.open(&f->trace, &error);
	assert_non_null(f->state);
	assert_int_equal(kma_alloc_lock_analysis.feed(f->state, &batch), 0);
	f->nr = 0;
	f->nr_words = 1;
}

static struct kma_event *add(struct fixture *f, enum kma_kind kind, uint64_t ts, uint32_t cpu,
			     int32_t pid, uint64_t lock)
{
	struct kma_event *e;

	if (f->nr == MAX_EVENTS)
		feed(f);
	e = &f->events[f->nr++];
	f->summary.last_ts = ts;
	f->summary.records[kind]++;
	*e = (struct kma_event){ .ts = ts, .cpu = cpu, .pid = pid, .kind = kind };
	e->contention.lock_addr = lock;
	e->contention.flags = KMA_WAIT_SPIN;
	return e;
}

static struct kma_event *begin(struct fixture *f, uint64_t ts, uint32_t cpu, int32_t pid,
			       uint64_t lock)
{
	return add(f, KMA_CONTENTION_BEGIN, ts, cpu, pid, lock);
}

static void end(struct fixture *f, uint64_t ts, uint32_t cpu, int32_t pid, uint64_t lock)
{
	add(f, KMA_CONTENTION_END, ts, cpu, pid, lock);
}

/* A spinning wait in function @n. */
static void spin_in(struct fixture *f, struct kma_event *e, enum function n)
{
	uint64_t words[] = { 3, AT(SLOWPATH), AT(RAW_SPIN), AT(n) };

	e->stack = (uint32_t)f->nr_words;
	memcpy(f->stacks + f->nr_words, words, sizeof(words));
	f->nr_words += 4;
}

static void lose(struct fixture *f, uint32_t cpu)
{
	struct kma_lost lost = { .cpu = cpu, .counted = 1, .count = 1 };

	feed(f);
	f->summary.lost++;
	assert_int_equal(kma_alloc_lock_analysis.lost(f->state, &lost), 0);
}

static void report(struct fixture *f)
{
	struct kma_error error = { 0 };

	feed(f);
	kma_result_free(f->result);
	f->result = kma_result_new();
	assert_non_null(f->result);
	f->namer.arena = f->result->arena;
	f->report = kma_result_report(f->result, kma_alloc_lock_analysis.name,
				      kma_alloc_lock_analysis.title);
	assert_int_equal(kma_alloc_lock_analysis.report(f->state, &f->summary, f->report), 0);
	assert_false(f->report->failed);
	assert_int_equal(kma_result_resolve(f->result, look_up, NULL, &error), 0);
}

static const struct kma_metric *find(const struct fixture *f, const char *key)
{
	const struct kma_metric *metric = kma_report_find(f->report, key);

	if (!metric)
		fail_msg("there is no %s", key);
	return metric;
}

static int64_t value(const struct fixture *f, const char *key)
{
	assert_int_not_equal(find(f, key)->status.code, KMA_UNAVAILABLE);
	return find(f, key)->value.i;
}

static uint64_t sum(const struct fixture *f, const char *key)
{
	assert_non_null(find(f, key)->dist);
	return find(f, key)->dist->count ? find(f, key)->dist->sum : 0;
}

static bool has_finding(const struct fixture *f, const char *id)
{
	for (size_t i = 0; i < f->report->nr_findings; i++)
		if (!strcmp(f->report->findings[i].id, id))
			return true;
	return false;
}

/* ---- functions by name ---- */

static void functions_are_known_by_name(void **unused)
{
	static const struct {
		const char *name;
		enum al_role role;
		enum al_class which;
	} known[] = {
		{ "rmqueue_bulk", AL_SURE, AL_ZONE },
		{ "rmqueue_bulk+0x1c", AL_SURE, AL_ZONE },
		{ "rmqueue_bulk+0x1c/0x200", AL_SURE, AL_ZONE },
		{ "rmqueue_bulk/0x200", AL_SURE, AL_ZONE },
		{ "__free_pages_ok.part.0+0x4", AL_SURE, AL_ZONE },
		{ "free_one_page.constprop.0.isra.0+0x4", AL_SURE, AL_ZONE },
		{ "get_partial_node.cold+0x8", AL_SURE, AL_SLAB_NODE },
		{ "barn_put_full_sheaf+0x1c", AL_SURE, AL_SLAB_NODE },
		{ "cache_alloc_refill+0x9", AL_SURE, AL_SLAB_NODE },
		{ "___slab_alloc+0x9", AL_LIKELY, AL_SLAB_NODE },
		{ "free_percpu+0x9", AL_SURE, AL_PERCPU },
		{ "pcpu_alloc_noprof+0x9", AL_SURE, AL_PERCPU },
		{ "drain_pages_zone+0x9", AL_LIKELY, AL_PCP },
		{ "free_unref_page_commit+0x9", AL_LIKELY, AL_ZONE },
		{ "folio_batch_move_lru+0x9", AL_SURE, AL_LRUVEC },
		{ "folio_lruvec_lock+0x9", AL_WRAPPER, AL_LRUVEC },
		{ "folio_lruvec_lock_irqsave+0x9", AL_WRAPPER, AL_LRUVEC },
		{ "lock_page_lruvec_irq+0x9", AL_WRAPPER, AL_LRUVEC },
		{ "native_queued_spin_lock_slowpath+0x1", AL_PRIMITIVE, AL_OTHER },
		{ "__pv_queued_spin_lock_slowpath+0x1", AL_PRIMITIVE, AL_OTHER },
		{ "_raw_spin_lock_bh+0x1", AL_PRIMITIVE, AL_OTHER },
		{ "do_raw_spin_lock+0x1", AL_PRIMITIVE, AL_OTHER },
		{ "__mutex_lock.constprop.0+0x1", AL_PRIMITIVE, AL_OTHER },
		{ "rwsem_down_read_slowpath+0x1", AL_PRIMITIVE, AL_OTHER },
		{ "compact_lock_irqsave.isra.0+0x1", AL_PRIMITIVE, AL_OTHER },
		{ "trace_event_raw_event_contention_begin+0x1", AL_PRIMITIVE, AL_OTHER },
		/* names that only begin like known ones, and what is no name at all */
		{ "rmqueue_bulk_of_mine+0x1", AL_UNKNOWN, AL_OTHER },
		{ "rmqueue_bul+0x1", AL_UNKNOWN, AL_OTHER },
		{ "pcpu_freelist_push+0x1", AL_UNKNOWN, AL_OTHER },
		{ "downgrade_write+0x1", AL_UNKNOWN, AL_OTHER },
		{ "down_read+0x1", AL_PRIMITIVE, AL_OTHER },
		{ "do_wp_page+0x1", AL_UNKNOWN, AL_OTHER },
		{ "+0x10", AL_UNKNOWN, AL_OTHER },
		{ "", AL_UNKNOWN, AL_OTHER },
		{ NULL, AL_UNKNOWN, AL_OTHER },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct al_function found = al_judge_function(known[i].name);

		if (found.role != known[i].role || found.which != known[i].which)
			fail_msg("%s: role %d, class %d", known[i].name, found.role, found.which);
	}
}

/* ---- waits ---- */

static void nested_waits_end_in_any_order(void **state)
{
	struct fixture *f = *state;

	begin(f, 1000, 0, 7, LOCK(1))->contention.flags = KMA_WAIT_MUTEX;
	begin(f, 1010, 0, 7, LOCK(2));
	begin(f, 1020, 0, 7, LOCK(3));
	end(f, 1025, 0, 7, LOCK(2));	/* the middle one */
	end(f, 1050, 1, 7, LOCK(1));	/* the outermost, on another CPU */
	end(f, 1120, 0, 7, LOCK(3));
	end(f, 1130, 0, 7, LOCK(3));
	report(f);
	assert_int_equal(value(f, "alloc_lock.contended_total"), 3);
	assert_int_equal(sum(f, "alloc_lock.wait_ns"), 15 + 50 + 100);
	assert_int_equal(value(f, "alloc_lock.unpaired_ends_total"), 1);
	assert_int_equal(value(f, "alloc_lock.unfinished_waits_total"), 0);
	assert_int_equal(find(f, "alloc_lock.wait_ns")->status.code, KMA_EXACT);
}

static void another_clock_for_each_cpu_blurs_what_moves(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_LOCAL;
	begin(f, 1000, 0, 7, LOCK(1));
	end(f, 1010, 0, 7, LOCK(1));
	report(f);
	assert_int_equal(find(f, "alloc_lock.wait_ns")->status.code, KMA_EXACT);
	begin(f, 1020, 0, 7, LOCK(1))->contention.flags = 0;
	end(f, 1030, 1, 7, LOCK(1));
	report(f);
	assert_int_equal(find(f, "alloc_lock.wait_ns")->status.code, KMA_APPROXIMATE);
	assert_int_equal(find(f, "alloc_lock.contended_total")->status.code, KMA_EXACT);
}

static void ticks_are_no_time(void **state)
{
	struct fixture *f = *state;

	f->trace.clock = KMA_CLOCK_TICKS;
	begin(f, 1000, 0, 7, LOCK(1));
	end(f, 1010, 0, 7, LOCK(1));
	report(f);
	assert_int_equal(find(f, "alloc_lock.wait_ns")->status.code, KMA_UNAVAILABLE);
	assert_int_equal(value(f, "alloc_lock.contended_total"), 1);
	assert_int_equal(value(f, "alloc_lock.unfinished_waits_total"), 0);
}

static void a_gap_spares_who_spins_elsewhere(void **state)
{
	struct fixture *f = *state;

	begin(f, 1000, 0, 7, LOCK(1));
	begin(f, 1001, 1, 8, LOCK(2));
	begin(f, 1002, 1, 9, LOCK(3))->contention.flags = KMA_WAIT_WRITE;
	lose(f, 0);
	end(f, 1100, 0, 7, LOCK(1));
	end(f, 1101, 1, 8, LOCK(2));
	end(f, 1102, 1, 9, LOCK(3));
	report(f);
	assert_int_equal(value(f, "alloc_lock.contended_total"), 3);
	assert_int_equal(sum(f, "alloc_lock.wait_ns"), 100);
	assert_int_equal(value(f, "alloc_lock.unfinished_waits_total"), 2);
	assert_int_equal(value(f, "alloc_lock.unpaired_ends_total"), 2);
	assert_int_equal(find(f, "alloc_lock.contended_total")->status.code, KMA_LOWER_BOUND);
	assert_int_equal(find(f, "alloc_lock.wait_ns")->status.code, KMA_APPROXIMATE);
}

static void nothing_recorded_is_not_zero(void **state)
{
	struct fixture *f = *state;

	report(f);
	assert_int_equal(find(f, "alloc_lock.contended_total")->status.code, KMA_UNAVAILABLE);
	assert_int_equal(f->report->status.code, KMA_UNAVAILABLE);
	end(f, 1000, 0, 7, LOCK(1));
	report(f);
	assert_int_equal(find(f, "alloc_lock.unpaired_ends_total")->status.code, KMA_UNAVAILABLE);
}

static void a_report_changes_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f, 1000, 0, 7, LOCK(9));
	end(f, 1000, 0, 7, LOCK(9));
	spin_in(f, begin(f, 1000, 0, 7, LOCK(1)), RMQUEUE);
	report(f);
	report(f);
	assert_int_equal(value(f, "alloc_lock.unfinished_waits_total"), 1);
	end(f, 1010, 0, 7, LOCK(1));
	report(f);
	assert_int_equal(value(f, "alloc_lock.unfinished_waits_total"), 0);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=zone,caller=rmqueue_bulk+0x10}"), 10);
}

/* ---- whose lock ---- */

static void callers_of_an_address_help_each_other(void **state)
{
	struct fixture *f = *state;

	/* nobody is sure of lock 1: one guesses, one does not know */
	spin_in(f, begin(f, 1000, 0, 7, LOCK(1)), DRAIN);
	end(f, 1010, 0, 7, LOCK(1));
	spin_in(f, begin(f, 1020, 0, 7, LOCK(1)), NEW);
	end(f, 1040, 0, 7, LOCK(1));
	/* of lock 2 somebody will be */
	spin_in(f, begin(f, 1050, 0, 7, LOCK(2)), DRAIN);
	end(f, 1080, 0, 7, LOCK(2));
	spin_in(f, begin(f, 1090, 0, 7, LOCK(2)), NEW);
	end(f, 1130, 0, 7, LOCK(2));
	begin(f, 1140, 0, 7, LOCK(2));
	end(f, 1190, 0, 7, LOCK(2));
	report(f);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=pcp}"), 10 + 20 + 30 + 40 + 50);
	spin_in(f, begin(f, 1200, 1, 8, LOCK(2)), RMQUEUE);
	end(f, 1260, 1, 8, LOCK(2));
	report(f);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=pcp}"), 10 + 20);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=zone}"), 30 + 40 + 50 + 60);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=zone,caller=other}"), 50);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=zone,caller=brand_new+0x10}"), 40);
	assert_null(kma_report_find(f->report, "alloc_lock.wait_ns{lock=other}"));
	/* memory with another lock in it is there now: they disagree */
	spin_in(f, begin(f, 1300, 1, 8, LOCK(2)), SLAB_FREE);
	end(f, 1370, 1, 8, LOCK(2));
	report(f);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=slab_node}"), 70);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=zone}"), 60);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=pcp}"), 10 + 20 + 30);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=other}"), 40 + 50);
}

static void an_accessor_is_nobody(void **state)
{
	struct fixture *f = *state;
	struct kma_event *e = begin(f, 1000, 0, 7, LOCK(1));
	uint64_t words[] = { 4, AT(SLOWPATH), AT(RAW_SPIN), AT(LRU_LOCK), AT(OTHER) };

	e->stack = 1;
	memcpy(f->stacks + 1, words, sizeof(words));
	end(f, 1010, 0, 7, LOCK(1));
	report(f);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=lruvec,caller=do_wp_page+0x10}"), 10);
}

static void a_stack_of_nothing_but_locking(void **state)
{
	struct fixture *f = *state;
	struct kma_event *e = begin(f, 1000, 0, 7, LOCK(1));
	uint64_t words[] = { 2, AT(SLOWPATH), AT(RAW_SPIN), 0 /* an empty stack */ };

	e->stack = 1;
	memcpy(f->stacks + 1, words, sizeof(words));
	end(f, 1010, 0, 7, LOCK(1));
	begin(f, 1020, 0, 7, LOCK(1))->stack = 4;
	end(f, 1030, 0, 7, LOCK(1));
	report(f);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=other,caller=other}"), 20);
	assert_true(has_finding(f, "alloc_lock.no_stacks"));
}

static void without_names_all_is_other(void **state)
{
	struct fixture *f = *state;

	f->namer.lookup = NULL;
	spin_in(f, begin(f, 1000, 0, 7, LOCK(1)), RMQUEUE);
	end(f, 1010, 0, 7, LOCK(1));
	report(f);
	assert_int_equal(sum(f, "alloc_lock.wait_ns{lock=other}"), 10);
	assert_int_equal(find(f, "alloc_lock.wait_ns{lock=other}")->status.code, KMA_APPROXIMATE);
	assert_false(has_finding(f, "alloc_lock.no_stacks"));
}

/* ---- limits ---- */

static void too_many_locks_are_other(void **state)
{
	struct fixture *f = *state;
	uint64_t ts = 1000;

	for (uint32_t i = 0; i < AL_MAX_GROUPS + 100; i++) {
		spin_in(f, begin(f, ts, 0, 7, LOCK(i)), RMQUEUE);
		end(f, ts + 3, 0, 7, LOCK(i));
		ts += 10;
		if (f->nr > MAX_EVENTS - 4)
			feed(f);
	}
	report(f);
	/* group 0 is none of a lock's own */
	assert_int_equal(value(f, "alloc_lock.contended_total{lock=zone}"), AL_MAX_GROUPS - 1);
	assert_int_equal(value(f, "alloc_lock.contended_total{lock=other}"), 101);
	assert_int_equal(sum(f, "alloc_lock.wait_ns"), 3 * (AL_MAX_GROUPS + 100));
	assert_non_null(strstr(find(f, "alloc_lock.wait_ns{lock=other}")->status.reason,
			       "more locks and callers"));
	assert_int_equal(find(f, "alloc_lock.wait_ns")->status.code, KMA_EXACT);
}

static void too_many_waiters_are_counted(void **state)
{
	struct fixture *f = *state;
	uint64_t ts = 1000;

	for (uint32_t i = 0; i < AL_MAX_OPEN + 50; i++)
		begin(f, ts++, 0, (int32_t)i + 1, LOCK(1));
	for (uint32_t i = 0; i < AL_MAX_OPEN + 50; i++)
		end(f, ts++, 0, (int32_t)i + 1, LOCK(1));
	report(f);
	assert_int_equal(value(f, "alloc_lock.contended_total"), AL_MAX_OPEN + 50);
	assert_int_equal(find(f, "alloc_lock.wait_ns")->dist->count, AL_MAX_OPEN);
	assert_int_equal(value(f, "alloc_lock.unfinished_waits_total"), 50);
	assert_int_equal(find(f, "alloc_lock.wait_ns")->status.code, KMA_APPROXIMATE);
	assert_int_equal(find(f, "alloc_lock.contended_total")->status.code, KMA_EXACT);
}

static void nonsense_is_taken_as_it_is(void **state)
{
	struct fixture *f = *state;

	begin(f, 1000, 3000000, -5, UINT64_MAX)->contention.flags = UINT32_MAX;
	end(f, 1010, 3000000, -5, UINT64_MAX);
	begin(f, 1020, 0, INT32_MIN, 0);
	end(f, 1000, 0, INT32_MIN, 0); /* back in time */
	report(f);
	assert_int_equal(value(f, "alloc_lock.contended_total"), 2);
	assert_int_equal(sum(f, "alloc_lock.wait_ns"), 10);
	assert_int_equal(value(f, "alloc_lock.contended_total{cpu=3000000}"), 1);
}

/* ---- random histories ---- */

#define NR_CPUS	 3
#define NR_TASKS 5 /* 0 is the idle tasks */
#define NR_LOCKS 4
#define STEPS	 20000

struct model {
	/* by task (idle ones by CPU behind the others) and lock */
	struct {
		uint64_t ts;
		uint32_t cpu;
		bool open, sleeps;
	} wait[NR_TASKS + NR_CPUS][NR_LOCKS];
	uint64_t contended[NR_CPUS], waited[NR_CPUS], finished, lone;
	uint64_t by_lock[NR_LOCKS]; /* ns */
};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static void lose_in_model(struct model *m, uint32_t cpu)
{
	for (size_t t = 0; t < NR_TASKS + NR_CPUS; t++)
		for (size_t l = 0; l < NR_LOCKS; l++)
			if (m->wait[t][l].cpu == cpu || m->wait[t][l].sleeps)
				m->wait[t][l].open = false;
}

static void step(struct fixture *f, struct model *m, uint64_t *seed, uint64_t ts)
{
	static const uint32_t flags[] = { KMA_WAIT_SPIN, KMA_WAIT_MUTEX, KMA_WAIT_MUTEX | KMA_WAIT_SPIN,
					  KMA_WAIT_READ };
	static const enum function places[NR_LOCKS] = { RMQUEUE, MOVE_LRU, SLAB_FREE, PCPU };
	uint32_t cpu = draw(seed, NR_CPUS), pid = draw(seed, NR_TASKS), lock = draw(seed, NR_LOCKS);
	uint32_t task = pid ? pid : NR_TASKS + cpu, what = draw(seed, 100);
	struct kma_event *e;

	if (what == 0) {
		lose(f, cpu);
		lose_in_model(m, cpu);
	} else if (what < 50) {
		e = begin(f, ts, cpu, (int32_t)pid, LOCK(lock));
		e->contention.flags = flags[draw(seed, 4)];
		spin_in(f, e, places[lock]);
		if (!m->wait[task][lock].open || !(e->contention.flags & KMA_WAIT_MUTEX)) {
			m->contended[cpu]++;
			m->wait[task][lock].ts = ts;
			m->wait[task][lock].cpu = cpu;
			m->wait[task][lock].open = true;
		}
		m->wait[task][lock].sleeps = !(e->contention.flags & KMA_WAIT_SPIN);
	} else {
		end(f, ts, cpu, (int32_t)pid, LOCK(lock));
		if (m->wait[task][lock].open) {
			m->finished++;
			m->waited[m->wait[task][lock].cpu] += ts - m->wait[task][lock].ts;
			m->by_lock[lock] += ts - m->wait[task][lock].ts;
			m->wait[task][lock].open = false;
		} else {
			m->lone++;
		}
	}
}

static void compare(const struct fixture *f, const struct model *m)
{
	static const char *const names[NR_LOCKS] = { "zone", "lruvec", "slab_node", "percpu" };
	uint64_t contended = 0;
	char key[100];

	for (uint32_t cpu = 0; cpu < NR_CPUS; cpu++) {
		contended += m->contended[cpu];
		snprintf(key, sizeof(key), "alloc_lock.contended_total{cpu=%u}", cpu);
		assert_int_equal(value(f, key), m->contended[cpu]);
		snprintf(key, sizeof(key), "alloc_lock.wait_ns{cpu=%u}", cpu);
		assert_int_equal(sum(f, key), m->waited[cpu]);
	}
	for (uint32_t lock = 0; lock < NR_LOCKS; lock++) {
		snprintf(key, sizeof(key), "alloc_lock.wait_ns{lock=%s}", names[lock]);
		assert_int_equal(sum(f, key), m->by_lock[lock]);
	}
	assert_int_equal(value(f, "alloc_lock.contended_total"), contended);
	assert_int_equal(find(f, "alloc_lock.wait_ns")->dist->count, m->finished);
	assert_int_equal(value(f, "alloc_lock.unfinished_waits_total"), contended - m->finished);
	assert_int_equal(value(f, "alloc_lock.unpaired_ends_total"), m->lone);
}

static void random_histories(void **state)
{
	struct fixture *f = *state;
	struct model m = { 0 };
	uint64_t seed = 20, ts = 1000;

	for (uint32_t i = 0; i < STEPS; i++) {
		ts += 1 + draw(&seed, 50);
		step(f, &m, &seed, ts);
		if (i % 1000 == 999 || i == 50) {
			report(f);
			compare(f, &m);
		}
	}
	assert_true(m.lone > 100 && m.finished > 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_known_by_name),
		TEST(nested_waits_end_in_any_order),
		TEST(another_clock_for_each_cpu_blurs_what_moves),
		TEST(ticks_are_no_time),
		TEST(a_gap_spares_who_spins_elsewhere),
		TEST(nothing_recorded_is_not_zero),
		TEST(a_report_changes_nothing),
		TEST(callers_of_an_address_help_each_other),
		TEST(an_accessor_is_nobody),
		TEST(a_stack_of_nothing_but_locking),
		TEST(without_names_all_is_other),
		TEST(too_many_locks_are_other),
		TEST(too_many_waiters_are_counted),
		TEST(nonsense_is_taken_as_it_is),
		TEST(random_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
