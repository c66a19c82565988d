/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger of page references; see pageref.h. */
#include "pageref.h"

#include <stdlib.h>
#include <string.h>

/* Open references of a page that are looked through for the one given back. */
#define MAX_LOOKED_AT 256
/* The same for one that became a mapping, or ceased to be one: libraries have many. */
#define MAX_MAPPINGS 1024
/* More than any page has, and so little that sums of some are numbers still: a broken trace can
 * name any. */
#define MAX_COUNT (1 << 28)

/* What speaks for an open reference being the one given back: each outweighs all below it. */
enum {
	SCORE_MAPPING = 1,    /* taken for the same mapping */
	SCORE_TASK = 4,	      /* by the same task */
	SCORE_UNMAPPED = 6,   /* its mapping is gone: somebody will give it back */
	SCORE_FREE = 16,      /* it is no mapping's */
	SCORE_JUST_FELL = 64, /* its mapping went since the event before, which others may tell */
	SCORE_LEARNT = 256    /* its call site is known to give back at this one */
};

void pagerefs_init(struct pagerefs *refs)
{
	memset(refs, 0, sizeof(*refs));
	refs->nr_pages = refs->nr_refs = 1;
}

void pagerefs_free(struct pagerefs *refs)
{
	kma_pagemap_free(&refs->numbers);
	kma_u64map_free(&refs->pairs);
	free(refs->pages);
	free(refs->refs);
	memset(refs, 0, sizeof(*refs));
}

static uint64_t number_of(struct pagerefs *refs, uint64_t pfn)
{
	uint32_t group = kma_pagemap_find(&refs->numbers, pfn);

	return group == UINT32_MAX ? 0 : *kma_pagemap_slot(&refs->numbers, pfn, group);
}

struct pageref_page *pagerefs_find(struct pagerefs *refs, uint64_t pfn)
{
	uint64_t number = number_of(refs, pfn);

	return number ? &refs->pages[number] : NULL;
}

/* 0, 1 at the limit, -1 out of memory; as all that make room */
static int add_page(struct pagerefs *refs, uint64_t pfn, struct pageref_page **page)
{
	uint32_t number = refs->free_page;
	int ret;

	if (!number) {
		if (refs->nr_pages == PAGEREF_MAX_PAGES)
			return 1;
		if (refs->nr_pages >= refs->max_pages) {
			uint32_t max = refs->max_pages ? 2 * refs->max_pages : 1024;
			struct pageref_page *pages = reallocarray(refs->pages, max, sizeof(*pages));

			if (!pages)
				return -1;
			refs->pages = pages;
			refs->max_pages = max;
		}
		number = refs->nr_pages;
	}
	ret = kma_pagemap_set(&refs->numbers, pfn, number);
	if (ret)
		return ret;
	if (number == refs->nr_pages)
		refs->nr_pages++;
	else
		refs->free_page = refs->pages[number].next_free;
	refs->live++;
	*page = &refs->pages[number];
	**page = (struct pageref_page){ .pfn = pfn };
	return 0;
}

static void drop_page(struct pagerefs *refs, struct pageref_page *page)
{
	uint32_t number = (uint32_t)kma_pagemap_take(&refs->numbers, page->pfn);

	page->next_free = refs->free_page;
	refs->free_page = number;
	refs->live--;
}

static int new_ref(struct pagerefs *refs, uint32_t *number)
{
	*number = refs->free_ref;
	if (*number) {
		refs->free_ref = refs->refs[*number].next;
		return 0;
	}
	if (refs->nr_refs == PAGEREF_MAX_REFS)
		return 1;
	if (refs->nr_refs >= refs->max_refs) {
		uint32_t max = refs->max_refs ? 2 * refs->max_refs : 1024;
		struct pageref *larger = reallocarray(refs->refs, max, sizeof(*larger));

		if (!larger)
			return -1;
		refs->refs = larger;
		refs->max_refs = max;
	}
	*number = refs->nr_refs++;
	return 0;
}

/* The references of the step before are nobody's any more. */
static void release(struct pagerefs *refs, uint32_t *chain)
{
	while (*chain) {
		uint32_t number = *chain;

		*chain = refs->refs[number].next;
		refs->refs[number].next = refs->free_ref;
		refs->free_ref = number;
	}
}

static int open_ref(struct pagerefs *refs, struct pageref_page *page, const struct pageref *ref,
		    uint32_t *number)
{
	int32_t room = 2 * MAX_COUNT - page->count, nr = ref->nr < room ? ref->nr : room;
	int ret;

	*number = 0;
	if (!nr)
		return 0;
	ret = new_ref(refs, number);
	if (ret)
		return ret;
	refs->refs[*number] = *ref;
	refs->refs[*number].nr = nr;
	refs->refs[*number].next = page->refs;
	page->refs = *number;
	page->count += nr;
	return 0;
}

/* References that are there although nothing shows who took them. */
static int open_unknown(struct pagerefs *refs, struct pageref_page *page, int32_t nr,
			enum pageref_role role)
{
	uint32_t number;

	return nr <= 0 ? 0
		       : open_ref(
				 refs, page,
				 &(struct pageref){ .pid = PAGEREF_NOBODY, .nr = nr, .role = role },
				 &number);
}

/* Moves @nr references of the one at *@link to *@chain. */
static int close_ref(struct pagerefs *refs, struct pageref_page *page, uint32_t *link, int32_t nr,
		     uint32_t *chain)
{
	uint32_t number = *link;

	if (nr == refs->refs[number].nr) {
		*link = refs->refs[number].next;
	} else {
		/* a part of several: the rest stays. @link may move with the array: it is not used
		 * again */
		uint32_t part;
		int ret = new_ref(refs, &part);

		if (ret)
			return ret;
		refs->refs[part] = refs->refs[number];
		refs->refs[part].nr = nr;
		refs->refs[number].nr -= nr;
		number = part;
	}
	page->count -= nr;
	refs->refs[number].next = *chain;
	*chain = number;
	return 0;
}

static uint64_t pair_key(uint32_t taken, uint32_t given)
{
	return (uint64_t)taken << 32 | given;
}

static bool is_learnt(const struct pagerefs *refs, const struct pageref *ref, uint32_t key)
{
	return key && ref->key && kma_u64map_get(&refs->pairs, pair_key(ref->key, key));
}

/* What is given back, and how to tell. */
struct giving {
	const struct kma_event *e; /* NULL: nobody knows who */
	uint32_t key;
	int32_t fell;	      /* mappings lost since the event before */
	bool mappings_first;  /* the mapping's own reference goes */
	unsigned int choices; /* references it could have been */
};

static unsigned int score(const struct pagerefs *refs, const struct pageref *ref,
			  const struct giving *giving)
{
	unsigned int score = 0;

	if (ref->role == PAGEREF_MAPPING)
		score = giving->mappings_first ? SCORE_JUST_FELL : 0;
	else
		score = SCORE_FREE;
	if (ref->role == PAGEREF_UNMAPPED)
		score += giving->fell > 0 ? SCORE_JUST_FELL : SCORE_UNMAPPED;
	if (!giving->e)
		return score;
	if (is_learnt(refs, ref, giving->key))
		score += SCORE_LEARNT;
	if (ref->pid == giving->e->pid)
		score += SCORE_TASK;
	if (ref->mapping == giving->e->page_ref.mapping)
		score += SCORE_MAPPING;
	return score;
}

/* The link to the reference that is most likely the one given back. */
static uint32_t *pick(struct pagerefs *refs, struct pageref_page *page, struct giving *giving)
{
	uint32_t *best = NULL;
	unsigned int best_score = 0, looked_at = 0;

	giving->choices = 0;
	for (uint32_t *link = &page->refs; *link && looked_at < MAX_LOOKED_AT;
	     link = &refs->refs[*link].next, looked_at++) {
		unsigned int points = score(refs, &refs->refs[*link], giving);

		giving->choices += points >= SCORE_FREE;
		if (best && points <= best_score)
			continue;
		best = link;
		best_score = points;
	}
	return best;
}

static int learn(struct pagerefs *refs, const struct pageref *ref, const struct giving *giving)
{
	if (giving->choices != 1 || refs->pairs.nr >= PAGEREF_MAX_PAIRS || !giving->key ||
	    !ref->key || ref->role == PAGEREF_MAPPING || is_learnt(refs, ref, giving->key))
		return 0;
	return kma_u64map_put(&refs->pairs, pair_key(ref->key, giving->key), 1, NULL);
}

static int give_back(struct pagerefs *refs, struct pageref_page *page, int32_t nr,
		     struct giving *giving, uint32_t *chain)
{
	while (nr > 0) {
		uint32_t *link = pick(refs, page, giving);
		int32_t part;
		int ret;

		if (!link)
			return 0;
		part = refs->refs[*link].nr < nr ? refs->refs[*link].nr : nr;
		if (learn(refs, &refs->refs[*link], giving))
			return -1;
		ret = close_ref(refs, page, link, part, chain);
		if (ret)
			return ret;
		nr -= part;
	}
	return 0;
}

/* A mapping comes right after its reference was taken: the youngest that is not yet one. */
static void mappings_rose(struct pagerefs *refs, struct pageref_page *page, int32_t nr)
{
	unsigned int looked_at = 0;

	for (uint32_t i = page->refs; i && nr > 0 && looked_at < MAX_MAPPINGS;
	     i = refs->refs[i].next, looked_at++) {
		if (refs->refs[i].role != PAGEREF_OTHER)
			continue;
		refs->refs[i].role = PAGEREF_MAPPING;
		nr -= refs->refs[i].nr;
	}
}

static void mappings_fell(struct pagerefs *refs, struct pageref_page *page, int32_t nr, int32_t pid)
{
	for (int own = 1; own >= 0; own--) {
		unsigned int looked_at = 0;

		for (uint32_t i = page->refs; i && nr > 0 && looked_at < MAX_MAPPINGS;
		     i = refs->refs[i].next, looked_at++) {
			struct pageref *ref = &refs->refs[i];

			if (ref->role != PAGEREF_MAPPING || (own && ref->pid != pid))
				continue;
			ref->role = PAGEREF_UNMAPPED;
			nr -= ref->nr;
		}
	}
}

/* The page cache's: neither anonymous memory's nor that of a driver's movable pages */
static bool is_cached(uint64_t mapping)
{
	return mapping && !(mapping & 3);
}

/* Mappings are not in the events, but their number is: what changed, changed since the event
 * before. */
static int32_t follow_mappings(struct pagerefs *refs, struct pageref_page *page,
			       const struct kma_event *e)
{
	const struct kma_page_ref *now = &e->page_ref;
	int64_t change = (int64_t)now->mapcount - page->mapcount;

	change += is_cached(now->mapping) - is_cached(page->mapping);
	if (change > INT32_MAX || change < -INT32_MAX)
		change = 0; /* a broken trace, or a page that is something else now */
	if (change > 0)
		mappings_rose(refs, page, (int32_t)change);
	else if (change < 0)
		mappings_fell(refs, page, (int32_t)-change, e->pid);
	return (int32_t)change;
}

static int32_t delta_of(const struct kma_event *e)
{
	switch (e->kind) {
	case KMA_PAGE_REF_MOD:
	case KMA_PAGE_REF_MOD_AND_TEST:
	case KMA_PAGE_REF_MOD_AND_RETURN:
		return e->page_ref.val;
	case KMA_PAGE_REF_MOD_UNLESS:
		return e->page_ref.ret ? e->page_ref.val : 0;
	default:
		return 0;
	}
}

/* A page that the trace shows for the first time has what it has after the event, less what the
 * event did. */
static int open_page(struct pagerefs *refs, const struct kma_event *e, struct pageref_page **page)
{
	const struct kma_page_ref *now = &e->page_ref;
	bool thawed = e->kind == KMA_PAGE_REF_FREEZE && now->ret;
	int64_t before = (int64_t)now->count + (thawed ? now->val : -(int64_t)delta_of(e));
	int64_t mapped = now->mapcount + refs->raw_mapcount + is_cached(now->mapping);
	int ret = add_page(refs, now->pfn, page);

	if (ret)
		return ret;
	if (e->kind == KMA_PAGE_REF_SET || before < 0 || before > INT32_MAX)
		before = 0;
	if (mapped < 0)
		mapped = 0;
	if (mapped > before)
		mapped = before;
	ret = open_unknown(refs, *page, (int32_t)mapped, PAGEREF_MAPPING);
	return ret ? ret : open_unknown(refs, *page, (int32_t)(before - mapped), PAGEREF_OTHER);
}

static int take(struct pagerefs *refs, struct pageref_page *page, const struct kma_event *e,
		int32_t nr, uint32_t stack, uint32_t key, struct pageref_step *step)
{
	return open_ref(refs, page,
			&(struct pageref){ .ts = e->ts,
					   .mapping = e->page_ref.mapping,
					   .pid = e->pid,
					   .cpu = e->cpu,
					   .stack = stack,
					   .key = key,
					   .nr = nr,
					   .kind = (uint8_t)e->kind },
			&step->opened);
}

static int apply(struct pagerefs *refs, struct pageref_page *page, const struct kma_event *e,
		 uint32_t stack, uint32_t key, struct pageref_step *step)
{
	struct giving giving = { .e = e, .key = key, .fell = -step->mapped };
	int32_t before = page->count;
	int ret = 0;

	step->delta = delta_of(e);
	switch (e->kind) {
	case KMA_PAGE_REF_SET:
		/* a new life of the page: what is open belonged to the last one. Frozen pages are
		 * freed as they are. */
		step->missed = page->frozen ? 0 : -page->count;
		ret = give_back(refs, page, page->count, &(struct giving){ 0 }, &step->vanished);
		page->frozen = false;
		step->delta = e->page_ref.val > 0 ? e->page_ref.val : 0;
		break;
	case KMA_PAGE_REF_FREEZE:
		page->frozen |= e->page_ref.ret != 0;
		break;
	case KMA_PAGE_REF_UNFREEZE:
		page->frozen = false;
		step->delta = e->page_ref.val > 0 ? e->page_ref.val - page->count : 0;
		giving.mappings_first = true;
		break;
	default:
		break;
	}
	if (!ret && step->delta > 0)
		ret = take(refs, page, e, step->delta, stack, key, step);
	if (ret || step->delta >= 0)
		return ret;
	ret = give_back(refs, page, -step->delta, &giving, &step->closed);
	step->sure = giving.choices <= 1;
	/* more given back than was there: it was taken unseen, and is gone now */
	if (!ret && page->count > before + step->delta)
		step->missed += page->count - before - step->delta;
	return ret;
}

/*
 * The event's count is read after the operation, and not in one with it: another CPU's operation
 * may have come between, and then the next event agrees again. What two events in a row say, or the
 * operation itself returned, is true, and records are missing.
 */
static int agree(struct pagerefs *refs, struct pageref_page *page, const struct kma_event *e,
		 struct pageref_step *step)
{
	int32_t ours = page->frozen ? 0 : page->count, skew = e->page_ref.count - ours;
	bool certain = skew == page->skew;
	int ret = 0;

	if (e->kind == KMA_PAGE_REF_MOD_AND_TEST && e->page_ref.ret) {
		skew = -ours;
		certain = true;
	} else if (e->kind == KMA_PAGE_REF_MOD_AND_RETURN) {
		skew = e->page_ref.ret - ours;
		certain = true;
	}
	page->skew = skew;
	if (!skew || !certain || page->frozen)
		return 0;
	page->skew = 0;
	step->missed += skew;
	if (skew > 0)
		ret = open_unknown(refs, page, skew, PAGEREF_OTHER);
	else
		ret = give_back(refs, page, -skew, &(struct giving){ 0 }, &step->vanished);
	return ret;
}

static int32_t limit(int32_t count)
{
	return count > MAX_COUNT ? MAX_COUNT : count < -MAX_COUNT ? -MAX_COUNT : count;
}

int pageref_apply(struct pagerefs *refs, const struct kma_event *e, uint32_t stack, uint32_t key,
		  struct pageref_step *step)
{
	struct pageref_page *page = pagerefs_find(refs, e->page_ref.pfn);
	struct kma_event limited;
	int ret;

	if (__builtin_expect(limit(e->page_ref.val) != e->page_ref.val ||
				     limit(e->page_ref.count) != e->page_ref.count ||
				     limit(e->page_ref.mapcount) != e->page_ref.mapcount ||
				     limit(e->page_ref.ret) != e->page_ref.ret,
			     0)) {
		limited = *e;
		limited.page_ref.val = limit(e->page_ref.val);
		limited.page_ref.count = limit(e->page_ref.count);
		limited.page_ref.mapcount = limit(e->page_ref.mapcount);
		limited.page_ref.ret = limit(e->page_ref.ret);
		e = &limited;
	}
	release(refs, &refs->closed);
	release(refs, &refs->vanished);
	*step = (struct pageref_step){ .known = page != NULL };
	refs->raw_mapcount |= e->page_ref.mapcount == -1;
	if (!page) {
		ret = open_page(refs, e, &page);
		if (ret)
			return ret;
		page->mt = e->page_ref.mt;
	} else {
		step->mapped = follow_mappings(refs, page, e);
	}
	page->mapcount = e->page_ref.mapcount;
	page->mapping = e->page_ref.mapping;
	if (page->mt != e->page_ref.mt) {
		page->mt = e->page_ref.mt;
		page->mt_ts = e->ts;
	}
	ret = apply(refs, page, e, stack, key, step);
	if (!ret)
		ret = agree(refs, page, e, step);
	refs->closed = step->closed;
	refs->vanished = step->vanished;
	step->after = page->frozen ? 0 : page->count;
	if (!page->count && !page->frozen && !page->skew)
		drop_page(refs, page);
	return ret;
}
