/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened at a step, in plain words, from the event alone. */
#include "story_internal.h"
#include "words.h"

const char *story_time(const struct kma_state *state, uint64_t ts, struct kma_report *report)
{
	return kma_words_timestamp(report, state->trace, ts);
}

const char *story_name(const struct kma_state *state, struct kma_report *report)
{
	return kma_report_printf(report, "%s 0x%" PRIx64, state->object ? "object" : "page",
				 state->what);
}

static const char *range(uint64_t start, uint64_t nr, struct kma_report *report)
{
	return kma_report_printf(report, "0x%" PRIx64 "-0x%" PRIx64, start, start + nr - 1);
}

/* ", order 0, migratetype 1 (Movable)", or of a larger block */
static const char *block(uint64_t pfn, uint32_t order, int32_t migratetype,
			 struct kma_report *report)
{
	const char *what = order ? kma_report_printf(report,
						     ", in a block of order %" PRIu32
						     " from 0x%" PRIx64,
						     order, pfn)
				 : ", order 0";

	if (migratetype < 0)
		return what;
	return kma_report_printf(report, "%s, migratetype " KMA_PRI_MIGRATETYPE, what, migratetype);
}

static const char *reference(const struct story_step *step, struct kma_report *report)
{
	const struct kma_page_ref *ref = &step->e.page_ref;

	switch (step->e.kind) {
	case KMA_PAGE_REF_SET:
		return kma_report_printf(report,
					 step->begins ? "allocated, count %" PRId32
						      : "count set to %" PRId32,
					 ref->val);
	case KMA_PAGE_REF_FREEZE:
		return ref->ret ? kma_report_printf(report, "frozen at count %" PRId32, ref->val)
				: kma_report_printf(report, "not frozen: the count is not %" PRId32,
						    ref->val);
	case KMA_PAGE_REF_UNFREEZE:
		return kma_report_printf(report, "thawed, count set to %" PRId32, ref->val);
	case KMA_PAGE_REF_MOD_UNLESS:
		if (!ref->ret)
			return kma_report_printf(report, "reference %+" PRId32 " refused",
						 ref->val);
		break;
	default:
		break;
	}
	if (step->ends)
		return kma_report_printf(report, "reference %+" PRId32 ", the last", ref->val);
	if (!ref->val)
		return "reference +0, no change";
	return kma_report_printf(report, "reference %+" PRId32, ref->val);
}

static const char *migrated(const struct story_step *step, struct kma_report *report)
{
	if (!step->migrated && !step->not_migrated)
		return "";
	return kma_report_printf(
		report, " (its task had migrated %s pages%s%s%s)",
		kma_words_count(report, step->migrated), step->not_migrated ? ", and " : "",
		step->not_migrated ? kma_words_count(report, step->not_migrated) : "",
		step->not_migrated ? " could not be" : "");
}

static const char *isolation(const struct kma_state *state, const struct story_step *step,
			     struct kma_report *report)
{
	const struct kma_isolation *test = &step->e.isolation;
	const char *what = range(test->start_pfn, test->end_pfn - test->start_pfn, report);
	const char *before = migrated(step, report);

	if (test->fin_pfn >= test->end_pfn)
		return kma_report_printf(report, "all of %s found isolated%s", what, before);
	if (test->fin_pfn == state->what)
		return kma_report_printf(report, "blocked the isolation of %s%s", what, before);
	return kma_report_printf(report, "isolation of %s failed, blocked by page 0x%" PRIx64 "%s",
				 what, test->fin_pfn, before);
}

static const char *area(const struct kma_state *state, const struct kma_event *e)
{
	if (!(state->trace->optional_fields[e->kind] & KMA_HAS_NAME))
		return "";
	return kma_string(state->trace->strings, e->cma.name);
}

static const char *contiguous(const struct kma_state *state, const struct story_step *step,
			      struct kma_report *report)
{
	const struct kma_event *e = &step->e;
	const char *name = area(state, e), *blank = *name ? " " : "", *after = "";
	bool ticks = state->trace->clock == KMA_CLOCK_TICKS;

	if (step->asked_ts && e->ts > step->asked_ts && !ticks)
		after = kma_report_printf(report, ", after %s",
					  kma_words_time(report, e->ts - step->asked_ts));
	if (step->failed)
		return kma_report_printf(
			report, "cma_alloc of %s pages from %s%sfailed%s%s",
			kma_words_count(report, e->cma.count ? e->cma.count : step->asked),
			*name ? name : "its area", " ",
			e->cma.errorno ? kma_report_printf(report, " (%" PRId32 ")", e->cma.errorno)
				       : "",
			after);
	name = kma_report_printf(report, "%s%s%s", name, blank,
				 range(e->cma.pfn, e->cma.count, report));
	switch (e->kind) {
	case KMA_CMA_RELEASE:
		return kma_report_printf(report, "given back by cma_release, in %s", name);
	case KMA_CMA_ALLOC_BUSY_RETRY:
		return kma_report_printf(report, "cma_alloc found %s busy, and tries elsewhere",
					 name);
	default:
		return kma_report_printf(report, "given out by cma_alloc, in %s%s", name, after);
	}
}

/* What more there is to know of the page's own allocations and lists. */
static const char *page(const struct kma_state *state, const struct story_step *step,
			struct kma_report *report)
{
	const struct kma_event *e = &step->e;
	const struct kma_pcpu_page *pcpu = &e->pcpu_page;

	switch (e->kind) {
	case KMA_PAGE_ALLOC:
		return kma_report_printf(report, "allocated%s",
					 block(e->page.pfn, e->page.order, e->page.migratetype,
					       report));
	case KMA_PAGE_FREE:
		return kma_report_printf(report, "freed%s",
					 block(e->page.pfn, e->page.order, -1, report));
	case KMA_PAGE_FREE_BATCHED:
		return "freed in a batch";
	case KMA_PCPU_REFILL:
		return kma_report_printf(report, "refilled to CPU %" PRIu32 "'s list%s", e->cpu,
					 block(pcpu->pfn, pcpu->order, pcpu->migratetype, report));
	case KMA_PCPU_DRAIN:
		return kma_report_printf(report, "drained to the zone by CPU %" PRIu32 "%s", e->cpu,
					 block(pcpu->pfn, pcpu->order, pcpu->migratetype, report));
	case KMA_PAGE_ALLOC_ZONE_LOCKED:
		return kma_report_printf(report, "taken from the zone%s",
					 block(pcpu->pfn, pcpu->order, pcpu->migratetype, report));
	case KMA_PAGE_ALLOC_EXTFRAG:
		return kma_report_printf(report,
					 "its free block of order %" PRId32 " from 0x%" PRIx64
					 " served migratetype " KMA_PRI_MIGRATETYPE
					 " instead of " KMA_PRI_MIGRATETYPE,
					 e->extfrag.fallback_order, e->extfrag.pfn,
					 e->extfrag.alloc_migratetype,
					 e->extfrag.fallback_migratetype);
	case KMA_TEST_PAGES_ISOLATED:
		return isolation(state, step, report);
	case KMA_CMA_ALLOC_FINISH:
	case KMA_CMA_ALLOC_BUSY_RETRY:
	case KMA_CMA_ALLOC:
	case KMA_CMA_RELEASE:
		return contiguous(state, step, report);
	default:
		return reference(step, report);
	}
}

static const char *inside(const struct kma_state *state, uint64_t ptr, struct kma_report *report)
{
	if (ptr == state->what)
		return "";
	return kma_report_printf(report, ", as part of 0x%" PRIx64, ptr);
}

/* " from cache filp" */
static const char *cache(const struct kma_state *state, const struct kma_event *e, const char *how,
			 uint32_t name, struct kma_report *report)
{
	if (!(state->trace->optional_fields[e->kind] & KMA_HAS_NAME))
		return "";
	return kma_report_printf(report, " %s cache %s", how,
				 kma_string(state->trace->strings, name));
}

static const char *object(const struct kma_state *state, const struct story_step *step,
			  struct kma_report *report)
{
	const struct kma_event *e = &step->e;
	const struct kma_slab_alloc *alloc = &e->slab_alloc;
	const char *part;

	switch (e->kind) {
	case KMA_KMALLOC:
	case KMA_KMALLOC_NODE:
		return kma_report_printf(report, "kmalloc of %s bytes, got %s%s",
					 kma_words_count(report, alloc->bytes_req),
					 kma_words_count(report, alloc->bytes_alloc),
					 inside(state, alloc->ptr, report));
	case KMA_KMEM_CACHE_ALLOC:
	case KMA_KMEM_CACHE_ALLOC_NODE:
		part = cache(state, e, "from", alloc->name, report);
		return kma_report_printf(report, "allocated%s%s, %s bytes%s", part,
					 *part ? "" : " by kmem_cache_alloc",
					 kma_words_count(report, alloc->bytes_alloc),
					 inside(state, alloc->ptr, report));
	case KMA_PERCPU_ALLOC:
		return kma_report_printf(report, "per-CPU area of %s bytes allocated%s",
					 kma_words_count(report, e->percpu_alloc.size),
					 inside(state, e->percpu_alloc.ptr, report));
	case KMA_PERCPU_FREE:
		return "per-CPU area freed";
	case KMA_KMEM_CACHE_FREE:
		return kma_report_printf(report, "freed%s",
					 cache(state, e, "to", e->slab_free.name, report));
	default:
		return "freed (kfree)";
	}
}

static const char *gap(const struct story_step *step, struct kma_report *report)
{
	return kma_report_printf(
		report, "%s%s events lost on %s%s: steps may be missing",
		step->counted ? "" : "at least ", kma_words_count(report, step->lost),
		step->several_cpus ? "several CPUs"
				   : kma_report_printf(report, "CPU %" PRIu32, step->e.cpu),
		step->places > 1 ? kma_report_printf(report, ", in %s places",
						     kma_words_count(report, step->places))
				 : "");
}

const char *story_words(const struct kma_state *state, const struct story_step *step,
			struct kma_report *report)
{
	const char *words;

	if (step->e.kind == STORY_GAP)
		return gap(step, report);
	words = state->object ? object(state, step, report) : page(state, step, report);
	if (!step->unseen)
		return words;
	return kma_report_printf(report, "%s (%s)", words,
				 step->life == 1 ? "allocated before the trace"
						 : "its allocation was not seen");
}
