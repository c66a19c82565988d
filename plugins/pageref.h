/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ledger of page references, out of page_ref events: who holds which reference of a page, and
 * which one an operation gives back. The kernel does not say that: a reference given back is
 * matched with one taken, see pageref_apply(). Knows nothing of ranges, failures and reports.
 */
#ifndef KMA_PLUGINS_PAGEREF_H
#define KMA_PLUGINS_PAGEREF_H

#include <kmem-analyze/analysis.h>

#include "util/pagemap.h"

/* Pages and references followed at the same time; a broken trace can name any number. */
#define PAGEREF_MAX_PAGES (1u << 22)
#define PAGEREF_MAX_REFS  (1u << 23)
/* Pairs of call sites that are learnt; a kernel has some hundreds. */
#define PAGEREF_MAX_PAIRS (1u << 18)

/* The task that took a reference which no record shows being taken. */
#define PAGEREF_NOBODY INT32_MIN

enum pageref_role {
	PAGEREF_OTHER,	  /* a pin, a batch, the allocation of a page that is not mapped */
	PAGEREF_MAPPING,  /* a page table's, or the page cache's: migration expects it */
	PAGEREF_UNMAPPED, /* was one of those; the mapping is gone, the reference is not */
};

/* References taken by one operation and not given back. */
struct pageref {
	uint64_t ts; /* 0: not known */
	uint64_t mapping;
	int32_t pid; /* or PAGEREF_NOBODY */
	uint32_t cpu;
	uint32_t stack, key; /* as given to pageref_apply() */
	uint32_t next;	     /* the one taken before it; 0: none */
	uint32_t mark;	     /* the owner's, 0 at first */
	int32_t nr;
	uint8_t kind; /* enum kma_kind of the operation */
	uint8_t role; /* enum pageref_role */
};

struct pageref_page {
	uint64_t pfn;
	uint64_t mapping;
	uint32_t refs;	    /* taken last; 0: none, as of pages not in use */
	int32_t count;	    /* of references, as the ledger has it */
	int32_t mapcount;   /* of the last event */
	int32_t mt;	    /* the same */
	int32_t skew;	    /* the last event's count less ours: another CPU may have been faster */
	bool frozen;	    /* all references are held back by one task */
	uint32_t next_free; /* of pages not in use */
	uint64_t mt_ts;	    /* when @mt was first seen after another; 0: never another */
};

struct pagerefs {
	struct kma_pagemap numbers; /* pfn to number of its page */
	struct pageref_page *pages; /* number 0 is not used, as with the references */
	uint32_t nr_pages, max_pages, free_page;
	struct pageref *refs;
	uint32_t nr_refs, max_refs, free_ref;
	/* by call sites, where there was no choice: how often who took it this way gave it back
	 * that way */
	struct kma_u64map pairs;
	uint32_t closed, vanished; /* of the last step: free at the next */
	bool raw_mapcount;	   /* unmapped pages have -1: seen */
	uint64_t live;		   /* pages with references */
};

/* What one event did. */
struct pageref_step {
	int32_t delta;	   /* references taken (> 0) or given back by the operation */
	int32_t after;	   /* the ledger's count, made to agree with the kernel's */
	int32_t missed;	   /* references that must have come (> 0) or gone without a record */
	int32_t mapped;	   /* by how much the mappings changed since the event before */
	bool known;	   /* the page was in the ledger before */
	bool sure;	   /* what was given back could be no other */
	uint32_t opened;   /* the reference taken; 0: none */
	uint32_t closed;   /* references given back, chained by next; valid until the next step */
	uint32_t vanished; /* the same, of those that went without a record */
};

void pagerefs_init(struct pagerefs *refs);
void pagerefs_free(struct pagerefs *refs);
/*
 * Applies a page_ref event. @stack and @key are numbers of call sites: of the whole stack, and of
 * its innermost functions, by which taking and giving back are learnt to belong together; 0: not
 * known. 0; 1: no room, the page is not followed; -1: out of memory.
 *
 * A reference given back is, of those open: first one whose call site is known to give back this
 * way; one that just lost its mapping; one that the same task took; one taken for the same mapping;
 * among equals the youngest. Those of mappings come last.
 */
int pageref_apply(struct pagerefs *refs, const struct kma_event *e, uint32_t stack, uint32_t key,
		  struct pageref_step *step);
/* NULL: it has no references that the trace would show. Valid until the next step. */
struct pageref_page *pagerefs_find(struct pagerefs *refs, uint64_t pfn);

/* Asks for the memory of @pfn's page: use some events ahead. */
static inline void pagerefs_prefetch(struct pagerefs *refs, uint64_t pfn)
{
	const struct pageref_page *page = pagerefs_find(refs, pfn);

	if (page)
		__builtin_prefetch(page, 1);
}

static inline struct pageref *pagerefs_get(const struct pagerefs *refs, uint32_t number)
{
	return &refs->refs[number];
}

#endif
