/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger of page references, fed by hand: what is taken and given back, what the counts say is
 * missing, and numbers that no kernel writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pageref.h"

#define PFN 0x1004

struct fixture {
	struct pagerefs refs;
	struct pageref_step step;
	uint64_t now;
	int32_t pid, mapcount;
	uint64_t mapping;
	uint32_t key;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	pagerefs_init(&f->refs);
	f->now = 1000;
	f->pid = 20;
	f->mapcount = -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pagerefs_free(&f->refs);
	free(f);
	return 0;
}

static void apply(struct fixture *f, enum kma_kind kind, int32_t val, int32_t count, int32_t ret)
{
	struct kma_event e = { .ts = f->now += 10, .kind = kind, .pid = f->pid };

	e.page_ref.pfn = PFN;
	e.page_ref.mapping = f->mapping;
	e.page_ref.count = count;
	e.page_ref.mapcount = f->mapcount;
	e.page_ref.val = val;
	e.page_ref.ret = ret;
	assert_int_equal(pageref_apply(&f->refs, &e, f->key, f->key, &f->step), 0);
}

static void set(struct fixture *f)
{
	apply(f, KMA_PAGE_REF_SET, 1, 1, 0);
}

static void get(struct fixture *f, int32_t count)
{
	apply(f, KMA_PAGE_REF_MOD_UNLESS, 1, count, 1);
}

static void put(struct fixture *f, int32_t count)
{
	apply(f, KMA_PAGE_REF_MOD_AND_TEST, -1, count, !count);
}

static int32_t count_of(struct fixture *f)
{
	const struct pageref_page *page = pagerefs_find(&f->refs, PFN);
	int32_t sum = 0;

	if (!page)
		return 0;
	for (uint32_t i = page->refs; i; i = pagerefs_get(&f->refs, i)->next)
		sum += pagerefs_get(&f->refs, i)->nr;
	assert_int_equal(sum, page->count);
	return sum;
}

/* Who holds what, youngest first, as "pid:nr pid:nr" */
static const char *holders(struct fixture *f)
{
	static char text[256];
	const struct pageref_page *page = pagerefs_find(&f->refs, PFN);
	size_t length = 0;

	text[0] = '\0';
	for (uint32_t i = page ? page->refs : 0; i; i = pagerefs_get(&f->refs, i)->next)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%d:%d",
					   length ? " " : "",
					   pagerefs_get(&f->refs, i)->pid == PAGEREF_NOBODY
						   ? -1
						   : pagerefs_get(&f->refs, i)->pid,
					   pagerefs_get(&f->refs, i)->nr);
	return text;
}

static void test_life(void **state)
{
	struct fixture *f = *state;

	set(f);
	assert_false(f->step.known);
	assert_int_equal(f->step.delta, 1);
	get(f, 2);
	assert_true(f->step.known && f->step.opened);
	put(f, 1);
	assert_int_equal(f->step.delta, -1);
	assert_int_equal(f->step.missed, 0);
	put(f, 0);
	assert_true(f->step.sure);
	assert_null(pagerefs_find(&f->refs, PFN));
	assert_int_equal(f->refs.live, 0);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	set(f);
	apply(f, KMA_PAGE_REF_MOD_UNLESS, 1, 1, 0);
	assert_int_equal(f->step.delta, 0);
	assert_int_equal(f->step.opened, 0);
	apply(f, KMA_PAGE_REF_FREEZE, 2, 1, 0);
	assert_int_equal(f->step.delta, 0);
	assert_int_equal(f->step.missed, 0);
	assert_false(pagerefs_find(&f->refs, PFN)->frozen);
	assert_int_equal(count_of(f), 1);
	apply(f, KMA_PAGE_REF_MOD, 0, 1, 0);
	assert_int_equal(count_of(f), 1);
}

/* A page moved away: frozen, thawed with a reference less, and given up. */
static void test_freeze(void **state)
{
	struct fixture *f = *state;

	set(f);
	f->mapping = 0x8000;
	get(f, 2);
	f->pid = 10;
	get(f, 3);
	apply(f, KMA_PAGE_REF_FREEZE, 3, 0, 1);
	assert_int_equal(f->step.after, 0);
	assert_int_equal(f->step.missed, 0);
	assert_non_null(pagerefs_find(&f->refs, PFN));
	apply(f, KMA_PAGE_REF_MOD_UNLESS, 1, 0, 0);
	assert_int_equal(f->step.missed, 0);
	f->mapping = 0;
	apply(f, KMA_PAGE_REF_UNFREEZE, 2, 2, 0);
	assert_int_equal(f->step.delta, -1);
	assert_int_equal(f->step.missed, 0);
	assert_int_equal(count_of(f), 2);
	/* thawed with more: a new reference */
	apply(f, KMA_PAGE_REF_FREEZE, 2, 0, 1);
	apply(f, KMA_PAGE_REF_UNFREEZE, 3, 3, 0);
	assert_int_equal(f->step.delta, 1);
	assert_int_equal(count_of(f), 3);
	/* frozen to be freed: the next life begins with nothing missing */
	apply(f, KMA_PAGE_REF_FREEZE, 3, 0, 1);
	set(f);
	assert_int_equal(f->step.missed, 0);
	assert_int_equal(count_of(f), 1);
}

static void test_several_at_once(void **state)
{
	struct fixture *f = *state;

	set(f);
	apply(f, KMA_PAGE_REF_MOD, 5, 6, 0);
	assert_string_equal(holders(f), "20:5 20:1");
	f->pid = 21;
	apply(f, KMA_PAGE_REF_MOD_AND_TEST, -3, 3, 0);
	assert_string_equal(holders(f), "20:2 20:1");
	apply(f, KMA_PAGE_REF_MOD_AND_RETURN, -3, 0, 0);
	assert_null(pagerefs_find(&f->refs, PFN));
}

static void test_own_task_first(void **state)
{
	struct fixture *f = *state;

	set(f);
	f->mapcount = 0;
	get(f, 2);
	f->pid = 21;
	get(f, 3);
	f->pid = 20;
	put(f, 2);
	assert_string_equal(holders(f), "21:1 20:1");
	f->pid = 22;
	put(f, 1);
	assert_string_equal(holders(f), "20:1");
	assert_true(f->step.sure);
}

/* Whose mapping went gives the reference back, though a pin of the same task is younger. */
static void test_unmapped(void **state)
{
	struct fixture *f = *state;

	set(f);
	f->mapcount = 0;
	apply(f, KMA_PAGE_REF_MOD, 0, 1, 0);
	get(f, 2);
	f->mapcount = -1;
	put(f, 1);
	assert_int_equal(pagerefs_get(&f->refs, f->step.closed)->kind, KMA_PAGE_REF_SET);
	assert_int_equal(pagerefs_get(&f->refs, f->step.closed)->role, PAGEREF_UNMAPPED);
}

/* What two events in a row say is true, and what an operation returned. */
static void test_missed(void **state)
{
	struct fixture *f = *state;

	set(f);
	get(f, 3);
	assert_int_equal(f->step.missed, 0);
	get(f, 4);
	assert_int_equal(f->step.missed, 1);
	assert_int_equal(count_of(f), 4);
	put(f, 2);
	assert_int_equal(f->step.missed, 0);
	put(f, 1);
	assert_int_equal(f->step.missed, -1);
	assert_int_equal(count_of(f), 1);
	apply(f, KMA_PAGE_REF_MOD_AND_RETURN, -1, 4, 4);
	assert_int_equal(f->step.missed, 4);
	apply(f, KMA_PAGE_REF_MOD_AND_TEST, -1, 0, 1);
	assert_int_equal(f->step.missed, -3);
	assert_null(pagerefs_find(&f->refs, PFN));
}

/* Two CPUs at the same time: the first to be recorded counts both. */
static void test_race(void **state)
{
	struct fixture *f = *state;

	set(f);
	get(f, 3);
	get(f, 3);
	assert_int_equal(f->step.missed, 0);
	put(f, 1);
	put(f, 1);
	assert_int_equal(f->step.missed, 0);
	assert_int_equal(count_of(f), 1);
}

static void test_seen_late(void **state)
{
	struct fixture *f = *state;

	f->mapcount = 1;
	get(f, 4);
	assert_false(f->step.known);
	assert_int_equal(f->step.missed, 0);
	assert_int_equal(count_of(f), 4);
	set(f);
	assert_int_equal(f->step.missed, -4);
	assert_int_equal(count_of(f), 1);
	put(f, 0);
	/* given back before anybody was seen to take it */
	put(f, 1);
	assert_int_equal(f->step.missed, 0);
	assert_int_equal(count_of(f), 1);
}

/* After many that were clear, a batch gives back what a batch took. */
static void test_learnt(void **state)
{
	enum { LRU_GET = 1, LRU_PUT, PIN, UNPIN };
	struct fixture *f = *state;

	set(f);
	f->mapcount = 0;
	f->key = LRU_GET;
	get(f, 2);
	f->key = LRU_PUT;
	put(f, 1);
	f->key = PIN;
	get(f, 2);
	f->key = UNPIN;
	put(f, 1);
	f->key = LRU_GET;
	get(f, 2);
	f->key = PIN;
	get(f, 3);
	f->key = LRU_PUT;
	put(f, 2);
	assert_int_equal(pagerefs_get(&f->refs, f->step.closed)->key, LRU_GET);
	f->key = LRU_GET;
	get(f, 3);
	f->key = UNPIN;
	put(f, 2);
	assert_int_equal(pagerefs_get(&f->refs, f->step.closed)->key, PIN);
}

static void test_absurd(void **state)
{
	struct fixture *f = *state;

	apply(f, KMA_PAGE_REF_MOD, INT32_MAX, INT32_MAX, 0);
	apply(f, KMA_PAGE_REF_MOD, INT32_MAX, -2, 0);
	apply(f, KMA_PAGE_REF_MOD, INT32_MIN, -5, 0);
	apply(f, KMA_PAGE_REF_MOD_AND_RETURN, INT32_MIN, INT32_MIN, INT32_MIN);
	apply(f, KMA_PAGE_REF_MOD_AND_TEST, INT32_MIN, INT32_MIN, 1);
	apply(f, KMA_PAGE_REF_UNFREEZE, INT32_MIN, INT32_MAX, 0);
	apply(f, KMA_PAGE_REF_UNFREEZE, INT32_MAX, INT32_MAX, 0);
	apply(f, KMA_PAGE_REF_SET, INT32_MIN, INT32_MIN, 0);
	apply(f, KMA_PAGE_REF_SET, INT32_MAX, INT32_MAX, 0);
	f->mapcount = INT32_MAX;
	get(f, INT32_MIN);
	f->mapcount = INT32_MIN;
	put(f, INT32_MAX);
	apply(f, KMA_PAGE_REF_SET, 1, 1, 0);
	apply(f, KMA_PAGE_REF_MOD, 0, 1, 0);
	apply(f, KMA_PAGE_REF_MOD, 0, 1, 0);
	assert_int_equal(count_of(f), 1);
}

/* A broken trace can pile up any number of references on one page: each event stays cheap. */
static void test_crowd(void **state)
{
	struct fixture *f = *state;

	set(f);
	for (int i = 0; i < 100000; i++) {
		f->pid = i % 7;
		f->mapcount = i % 3 ? i : i / 2;
		get(f, i + 2);
	}
	assert_int_equal(count_of(f), 100001);
	for (int i = 0; i < 100000; i++) {
		f->mapcount = i % 3;
		put(f, 100000 - i);
	}
	assert_int_equal(count_of(f), 1);
}

/* Random fields on a few pages: whatever they say, the chains add up to the counts. */
static void test_random(void **state)
{
	static const int32_t odd[] = { 0, 1, -1, 2, -2, 3, 100, INT32_MAX, INT32_MIN, 1 << 30 };
	struct fixture *f = *state;
	uint64_t random = 88172645463325252u;

	for (int i = 0; i < 200000; i++) {
		struct kma_event e = { .ts = (uint64_t)i };
		int32_t sum = 0;
		const struct pageref_page *page;
		uint32_t length = 0;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		e.kind = (enum kma_kind)(KMA_PAGE_REF_SET + (int)(random >> 8) % 7);
		if (e.kind < KMA_PAGE_REF_SET || e.kind > KMA_PAGE_REF_UNFREEZE)
			e.kind = KMA_PAGE_REF_MOD;
		e.pid = (int32_t)(random >> 12 & 3);
		e.page_ref.pfn = (random >> 16 & 7) == 7 ? UINT64_MAX : random >> 16 & 7;
		/* small numbers mostly, or all would be absurd for good */
		e.page_ref.val = odd[(random >> 20) % (random >> 60 ? 6 : 10)];
		e.page_ref.count = odd[(random >> 28) % (random >> 60 ? 6 : 10)];
		e.page_ref.mapcount = odd[(random >> 36) % (random >> 60 ? 6 : 10)];
		e.page_ref.ret = odd[(random >> 44) % (random >> 60 ? 6 : 10)];
		e.page_ref.mapping = random >> 52 & 7;
		assert_in_range(pageref_apply(&f->refs, &e, 1, (uint32_t)(random >> 56 & 3),
					      &f->step),
				0, 1);
		page = pagerefs_find(&f->refs, e.page_ref.pfn);
		for (uint32_t r = page ? page->refs : 0; r; r = pagerefs_get(&f->refs, r)->next) {
			assert_true(pagerefs_get(&f->refs, r)->nr > 0);
			sum = (int32_t)((uint32_t)sum + (uint32_t)pagerefs_get(&f->refs, r)->nr);
			assert_true(++length < 1000000);
		}
		if (page)
			assert_int_equal(sum, page->count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freeze, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_task_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmapped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_race, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seen_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_learnt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_absurd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
