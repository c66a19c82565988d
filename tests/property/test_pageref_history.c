/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random histories of pages that tasks allocate, map, pin and let go, told to the ledger of page
 * references: it must know who holds what at any time, and find its way back when events are
 * missing. "test_pageref_history SEED" runs one history.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pageref.h"

#define NR_SEEDS  400
#define NR_PAGES  24
#define NR_TASKS  5
#define NR_EVENTS 4000
#define MAX_REFS  (4 * NR_TASKS) /* more than they can have */

/* Call sites; those of pins are each task's own. */
enum { ALLOC = 1, FORK, UNMAP, LRU_GET, LRU_PUT, PIN = 10, UNPIN = 30 };

struct ref {
	int task, site;
	bool unmapped; /* and gathered, to be given back with others */
};

/* As it truly is */
struct page {
	struct ref refs[MAX_REFS];
	int nr, mapped;
};

struct history {
	uint64_t seed, random, now;
	struct page pages[NR_PAGES];
	struct pagerefs ledger;
	int lose; /* of 100 events; 0: none */
	uint64_t missed, lost;
	int failed;
};

static uint32_t below(struct history *h, uint32_t limit)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return (uint32_t)((h->random >> 20) % limit);
}

static void fail(struct history *h, const char *what, int pfn, long expected, long got)
{
	if (!h->failed)
		printf("seed %" PRIu64 ": %s of page %d at %" PRIu64 ": %ld expected, %ld got\n",
		       h->seed, what, pfn, h->now, expected, got);
	h->failed = 1;
}

static void tell(struct history *h, int pfn, enum kma_kind kind, int val, int task, int site)
{
	const struct page *page = &h->pages[pfn];
	struct kma_event e = { .ts = ++h->now, .kind = kind, .pid = task };
	struct pageref_step step;

	e.page_ref.pfn = (uint64_t)pfn;
	e.page_ref.count = page->nr;
	e.page_ref.mapcount = page->mapped - 1;
	e.page_ref.mapping = page->mapped ? 0x1001 : 0;
	e.page_ref.val = val;
	e.page_ref.ret = kind == KMA_PAGE_REF_MOD_AND_TEST ? !page->nr : 1;
	if (h->lose && (int)below(h, 100) < h->lose) {
		h->lost++;
		return;
	}
	if (pageref_apply(&h->ledger, &e, (uint32_t)site, (uint32_t)site, &step))
		abort();
	h->missed += (uint64_t)llabs(step.missed);
	if (!h->lose && step.missed)
		fail(h, "missed", pfn, 0, step.missed);
	if (!h->lose && step.after != page->nr)
		fail(h, "count", pfn, page->nr, step.after);
}

/* The first reference of that site, and of that task if it is not negative; else -1. */
static int find(const struct page *page, int site, int task)
{
	for (int i = 0; i < page->nr; i++)
		if (page->refs[i].site == site && (task < 0 || page->refs[i].task == task))
			return i;
	return -1;
}

static void take(struct history *h, int pfn, int task, int site)
{
	struct page *page = &h->pages[pfn];

	if (page->nr == MAX_REFS)
		abort();
	page->refs[page->nr++] = (struct ref){ .task = task, .site = site };
	tell(h, pfn,
	     site == ALLOC ? KMA_PAGE_REF_SET
	     : site >= PIN ? KMA_PAGE_REF_MOD_UNLESS
			   : KMA_PAGE_REF_MOD,
	     1, task, site);
}

static void give(struct history *h, int pfn, int ref, int task, int site)
{
	struct page *page = &h->pages[pfn];

	memmove(page->refs + ref, page->refs + ref + 1,
		(size_t)(--page->nr - ref) * sizeof(*page->refs));
	tell(h, pfn, KMA_PAGE_REF_MOD_AND_TEST, -1, task, site);
}

static bool is_mapping(const struct ref *ref)
{
	return ref->site == ALLOC || ref->site == FORK;
}

/* Faulted in: allocated, mapped, and on its way to the LRU lists */
static void fault(struct history *h, int pfn, int task)
{
	take(h, pfn, task, ALLOC);
	h->pages[pfn].mapped++;
	take(h, pfn, task, LRU_GET);
}

/* Its mapping goes; the reference with it, or later: pages to be freed are gathered. */
static void unmap(struct history *h, int pfn, int task)
{
	struct page *page = &h->pages[pfn];

	for (int i = 0; i < page->nr; i++) {
		if (!is_mapping(&page->refs[i]) || page->refs[i].task != task)
			continue;
		page->mapped -= !page->refs[i].unmapped;
		if (page->refs[i].unmapped || below(h, 2))
			give(h, pfn, i, task, UNMAP);
		else
			page->refs[i].unmapped = true;
		return;
	}
}

static void act(struct history *h)
{
	int pfn = (int)below(h, NR_PAGES), task = 1 + (int)below(h, NR_TASKS), ref;
	struct page *page = &h->pages[pfn];

	if (!page->nr) {
		fault(h, pfn, task);
		return;
	}
	switch (below(h, 6)) {
	case 0: /* each CPU's batch is put by who fills it */
		ref = find(page, LRU_GET, -1);
		if (ref >= 0)
			give(h, pfn, ref, task, LRU_PUT);
		break;
	case 1:
		if (find(page, PIN + task, task) < 0)
			take(h, pfn, task, PIN + task);
		break;
	case 2:
		ref = find(page, PIN + task, task);
		if (ref >= 0)
			give(h, pfn, ref, task, UNPIN + task);
		break;
	case 3: /* a child of who maps it */
		if (page->mapped && find(page, ALLOC, task) < 0 && find(page, FORK, task) < 0) {
			take(h, pfn, task, FORK);
			page->mapped++;
			/* one that went before the next event would hide that this one came */
			tell(h, pfn, KMA_PAGE_REF_MOD, 0, task, 0);
		}
		break;
	case 4:
		unmap(h, pfn, task);
		break;
	default: /* a reference that comes to nothing */
		tell(h, pfn, KMA_PAGE_REF_MOD, 0, task, 0);
		break;
	}
}

/* Every way of taking is seen once where there is no choice. */
static void warm_up(struct history *h)
{
	fault(h, 0, 1);
	give(h, 0, find(&h->pages[0], LRU_GET, -1), 1, LRU_PUT);
	for (int task = 1; task <= NR_TASKS; task++) {
		take(h, 0, task, PIN + task);
		give(h, 0, find(&h->pages[0], PIN + task, task), task, UNPIN + task);
	}
}

/* Who holds page @pfn beside mappings, in the ledger against the truth. */
static void compare_holders(struct history *h, int pfn)
{
	const struct page *page = &h->pages[pfn];
	const struct pageref_page *known = pagerefs_find(&h->ledger, (uint64_t)pfn);
	int truth[2 * UNPIN] = { 0 }, open = 0;

	for (int i = 0; i < page->nr; i++)
		truth[page->refs[i].site]++;
	for (uint32_t i = known ? known->refs : 0; i; i = pagerefs_get(&h->ledger, i)->next) {
		const struct pageref *ref = pagerefs_get(&h->ledger, i);

		truth[ref->stack] -= ref->nr;
		open += ref->nr;
		if (ref->stack > PIN && ref->pid != (int)ref->stack - PIN)
			fail(h, "holder", pfn, (long)ref->stack - PIN, ref->pid);
	}
	if (open != page->nr)
		fail(h, "references", pfn, page->nr, open);
	/* whose mapping went is not always told: by the next event, which may be another task's */
	truth[ALLOC] += truth[FORK];
	truth[FORK] = 0;
	for (int site = 0; site < 2 * UNPIN; site++)
		if (truth[site])
			fail(h, "references taken at one site", pfn, site, truth[site]);
}

/* All is let go: nothing may be left. */
static void let_go(struct history *h)
{
	for (int pfn = 0; pfn < NR_PAGES; pfn++) {
		struct page *page = &h->pages[pfn];

		while (page->nr) {
			struct ref ref = page->refs[below(h, (uint32_t)page->nr)];
			int at = find(page, ref.site, ref.task);

			page->mapped -= is_mapping(&ref) && !ref.unmapped;
			give(h, pfn, at, ref.task,
			     ref.site >= PIN	  ? UNPIN + ref.task
			     : ref.site == LRU_GET ? LRU_PUT
						   : UNMAP);
		}
	}
	if (!h->lose && h->ledger.live)
		fail(h, "pages left", 0, 0, (long)h->ledger.live);
}

static int run(struct history *h, uint64_t seed, int lose)
{
	memset(h, 0, sizeof(*h));
	h->seed = seed;
	h->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	pagerefs_init(&h->ledger);
	warm_up(h);
	h->lose = lose;
	for (int i = 0; i < NR_EVENTS && !h->failed; i++) {
		act(h);
		if (!lose && !below(h, 20))
			compare_holders(h, (int)below(h, NR_PAGES));
	}
	if (lose) {
		int agreed = 0;

		if (h->lost && !h->missed)
			fail(h, "missed, with events lost", 0, (long)h->lost, 0);
		/* no more is lost: two events of a page, and its count is right again */
		h->lose = 0;
		for (int pfn = 0; pfn < NR_PAGES; pfn++) {
			struct kma_event e = { .kind = KMA_PAGE_REF_MOD, .pid = 1 };
			struct pageref_step step = { 0 };

			e.page_ref.pfn = (uint64_t)pfn;
			e.page_ref.count = h->pages[pfn].nr;
			e.page_ref.mapcount = h->pages[pfn].mapped - 1;
			for (int i = 0; i < 3; i++)
				if (pageref_apply(&h->ledger, &e, 0, 0, &step))
					abort();
			agreed += step.after == h->pages[pfn].nr;
		}
		if (agreed != NR_PAGES)
			fail(h, "counts that agree again", 0, NR_PAGES, agreed);
	}
	let_go(h);
	if (h->ledger.live)
		fail(h, "pages left", 0, 0, (long)h->ledger.live);
	pagerefs_free(&h->ledger);
	return h->failed;
}

int main(int argc, char **argv)
{
	struct history *h = malloc(sizeof(*h));
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	int failed = 0, nr = argc > 1 ? 1 : NR_SEEDS;

	if (!h)
		return 2;
	for (uint64_t seed = first; seed < first + (uint64_t)nr; seed++) {
		failed += run(h, seed, 0) != 0;
		failed += run(h, seed, 1 + (int)(seed % 20)) != 0;
	}
	free(h);
	printf("%d histories, %d failed\n", 2 * nr, failed);
	return failed != 0;
}
