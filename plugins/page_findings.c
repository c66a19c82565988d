/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page allocator: what is wrong, how to see it, and what to do about it. */
#include <math.h>

#include "page_report.h"
#include "words.h"

/* When a finding is worth a person's time: fewer are a few MiB, or a few batches. */
#define MIN_FINDING_RECORDS 1024
#define MIN_FINDING_PAGES   1024
/* Tasks named per finding: the worst ones. */
#define MOST_TASKS 3
/* Of the task's frees: below half, it batches where it matters. Of all: others matter more. */
#define MIN_UNBATCHED_SHARE 0.5
#define MIN_SHARE_OF_ALL    0.1
/* Even if a batch saved 100 ns a page, below this rate that is less than 0.01 % of a CPU. */
#define MIN_UNBATCHED_PER_SECOND 1000.0
/*
 * Reclaim frees nearly all in batches, but so do tasks that exit: it counts as the rule only. Those
 * that exit free what they allocated, kswapd what others did (as does who deletes a file); else
 * only a high rate is worth a look. These events alone never prove it: failures back it up.
 */
#define MIN_BATCHED_SHARE      0.5
#define MIN_RISE	       1.5
#define MIN_FOREIGN_SHARE      0.5
#define MIN_BATCHED_PER_SECOND 10000.0
/* Per-CPU lists serve orders 0 to 3 and huge pages: a fifth past them is no rare exception. */
#define MIN_DIRECT_RATIO 0.2
/* Growth: in three of four parts of the time, and a quarter of all it allocated has stayed. */
#define MIN_GROWTH_PARTS 8
#define MIN_RISING_SHARE 0.75
#define MIN_KEPT_SHARE	 0.25

static double percent(uint64_t part, uint64_t whole)
{
	return 100 * (double)part / (double)whole;
}

/* 0 when there is no clock in nanoseconds, or no time passed. */
static double seconds(const struct page_telling *t)
{
	if (t->trace->clock == KMA_CLOCK_TICKS)
		return 0;
	return (double)(t->summary->last_ts - t->summary->first_ts) / 1e9;
}

/* ", 1,234 per second", where that is known. */
static const char *rate_text(struct page_telling *t, uint64_t count)
{
	double span = seconds(t);

	if (!(span > 0))
		return "";
	return kma_report_printf(t->report, ", %s per second",
				 kma_words_count(t->report, llround((double)count / span)));
}

static const char *task_text(struct page_telling *t, const struct page_task *task)
{
	if (task == &t->state->tasks[PAGE_OTHER_TASK])
		return "The tasks that are not told apart";
	return kma_report_printf(t->report, "Task %" PRId32, task->pid);
}

/* ---- failures ---- */

static void find_failures(struct page_telling *t)
{
	static const char advice[] =
		"A caller that cannot wait (no __GFP_DIRECT_RECLAIM) fails when the free lists are "
		"low: raise vm.min_free_kbytes. A large order fails when memory is fragmented: "
		"look "
		"at the extfrag report and /proc/buddyinfo, let compaction run earlier "
		"(vm.compaction_proactiveness), or make the caller fall back to smaller blocks "
		"(kvmalloc). With __GFP_NORETRY or __GFP_NOWARN the caller expects to fail at "
		"times "
		"and has a fallback.";
	const struct page_failure *worst = t->nr_failures ? &t->failures[0] : NULL;
	const struct page_type *type;
	size_t finding;

	if (!worst)
		return;
	type = &t->state->types[worst->type];
	finding = kma_report_finding(
		t->report, "page.alloc_failed", KMA_WARN, advice,
		"%s of %s page allocations failed; most often (%s times) those of order %" PRIu32
		", migratetype %s, with %s.",
		kma_words_count(t->report, t->failed),
		kma_words_count(t->report, t->failed + t->total_allocs),
		kma_words_count(t->report, worst->count), worst->order,
		page_is_other_type(t, type)
			? "other"
			: kma_report_printf(t->report, KMA_PRI_MIGRATETYPE, type->migratetype),
		page_gfp_text(t, worst->gfp));
	kma_report_proof(t->report, finding, PAGE_METRIC(PAGE_ALLOC_FAILED), kma_no_labels());
	kma_report_proof(t->report, finding, PAGE_METRIC(PAGE_ALLOC_FAILED),
			 kma_label1("order", kma_int(worst->order)));
}

/* ---- frees ---- */

static void tell_unbatched(struct page_telling *t, const struct page_task *task)
{
	static const char advice[] =
		"Every page freed on its own pays for the whole path to the CPU's list. If the "
		"task "
		"has many to free at a time, its code should hand them over together "
		"(release_pages(), free_pages_bulk() or folio_batch in the kernel; one munmap() or "
		"ftruncate() over a range, larger buffers, or huge pages from user space). "
		"Compaction "
		"that gives back the free pages it had set aside looks the same and needs no "
		"change. "
		"Record with stacks (trace-cmd record -T, --stacks) to see which code it is.";
	uint64_t unbatched = page_unbatched(task);
	size_t finding;

	finding = kma_report_finding(
		t->report, "page.free_one_by_one", KMA_INFO, advice,
		"%s freed %s blocks one by one%s: %.0f %% of all it freed, and %.0f %% of "
		"all that was freed one by one.",
		task_text(t, task), kma_words_count(t->report, unbatched), rate_text(t, unbatched),
		percent(unbatched, task->frees), percent(unbatched, t->unbatched));
	kma_report_proof(t->report, finding, PAGE_METRIC(PAGE_FREE_UNBATCHED), kma_no_labels());
	kma_report_proof(t->report, finding, PAGE_METRIC(PAGE_FREE), kma_no_labels());
}

static void find_unbatched(struct page_telling *t)
{
	double span = seconds(t);

	for (size_t i = 0; i < t->nr_freeers && i < MOST_TASKS; i++) {
		const struct page_task *task = t->freeers[i];
		double unbatched = (double)page_unbatched(task);

		if (unbatched < MIN_FINDING_RECORDS ||
		    unbatched < MIN_UNBATCHED_SHARE * (double)task->frees ||
		    unbatched < MIN_SHARE_OF_ALL * (double)t->unbatched ||
		    (span > 0 && unbatched < MIN_UNBATCHED_PER_SECOND * span))
			continue;
		tell_unbatched(t, task);
	}
}

struct pressure {
	size_t high, active;	/* parts of the time: mostly batched; with frees at all */
	uint64_t first, second; /* batched frees in the first and second half */
	uint64_t foreign;	/* by tasks that freed more than they had allocated: the surplus */
};

static struct pressure measure_pressure(const struct page_telling *t)
{
	struct pressure p = { 0 };

	for (size_t i = 0; i < t->nr_slices; i++) {
		uint64_t frees = t->slices[i].records[PAGE_ROW_FREE];
		uint64_t batched = t->slices[i].records[PAGE_ROW_BATCHED];

		p.active += frees != 0;
		p.high += frees && (double)batched >= MIN_BATCHED_SHARE * (double)frees;
		if (2 * i < t->nr_slices)
			p.first += batched;
		else
			p.second += batched;
	}
	for (size_t i = 0; i < t->nr_freeers; i++) {
		const struct page_task *task = t->freeers[i];

		if (task->batched > task->allocs)
			p.foreign += task->batched - task->allocs;
	}
	return p;
}

static void find_pressure(struct page_telling *t)
{
	static const char advice[] =
		"Page reclaim frees in batches, and contends on lru_lock; but so do tasks that "
		"unmap, "
		"exit or delete cached files. If pgscan_direct and pgsteal_kswapd in /proc/vmstat "
		"or "
		"/proc/pressure/memory rise meanwhile, memory is short: give the workload more, "
		"cap "
		"what grows (memory.high), or raise vm.min_free_kbytes and "
		"vm.watermark_scale_factor "
		"so that kswapd starts earlier. If they do not, nothing is wrong.";
	struct pressure p = measure_pressure(t);
	bool rises = t->nr_slices >= PAGE_SLICES && (double)p.second >= MIN_RISE * (double)p.first;
	bool lasts = t->nr_slices >= PAGE_SLICES && 2 * p.high >= PAGE_SLICES;
	uint64_t batched = t->frees - t->unbatched;
	bool foreign = (double)p.foreign >= MIN_FOREIGN_SHARE * (double)batched;
	size_t finding;

	if (!foreign && !((double)batched >= MIN_BATCHED_PER_SECOND * seconds(t)))
		return;
	if (batched < MIN_FINDING_RECORDS ||
	    (double)batched < MIN_BATCHED_SHARE * (double)t->frees || (!rises && !lasts))
		return;
	finding = kma_report_finding(
		t->report, "page.memory_pressure", foreign && t->failed ? KMA_WARN : KMA_INFO,
		advice,
		"%.0f %% of all frees (%s%s) came in batches, %.0f %% of these from tasks that "
		"freed more than they allocated, as page reclaim does under memory pressure. That "
		"was "
		"most of the frees in %zu of %zu parts of the time%s.",
		percent(batched, t->frees), kma_words_count(t->report, batched),
		rate_text(t, batched), percent(p.foreign, batched), p.high, t->nr_slices,
		rises ? kma_report_printf(
				t->report,
				", and more in the second half (%s) than in the first (%s)",
				kma_words_count(t->report, p.second),
				kma_words_count(t->report, p.first))
		      : "");
	kma_report_proof(t->report, finding, PAGE_METRIC(PAGE_BATCHED_RATIO), kma_no_labels());
	kma_report_proof(t->report, finding, PAGE_METRIC(PAGE_FREE_BATCHED), kma_no_labels());
}

/* ---- zone->lock ---- */

static void find_direct_buddy(struct page_telling *t)
{
	static const char advice[] =
		"Each of these blocks takes zone->lock with interrupts off and dirties the zone's "
		"cache lines; per-CPU lists keep only small orders (0 to 3, and huge pages) of the "
		"ordinary migratetypes. Ask for smaller blocks where the code allows it (kvmalloc, "
		"page fragments, a pool of its own), or keep the blocks for reuse. The zone_lock "
		"report tells whether CPUs wait for the lock.";
	uint64_t all = t->zone_locked[0] + t->zone_locked[1];
	unsigned int worst = 0;
	size_t finding;

	if (t->zone_locked[0] < MIN_FINDING_RECORDS ||
	    (double)t->zone_locked[0] < MIN_DIRECT_RATIO * (double)all)
		return;
	for (unsigned int order = 0; order <= PAGE_MAX_ORDER; order++)
		if (t->state->zone_locked[0][order] > t->state->zone_locked[0][worst])
			worst = order;
	finding = kma_report_finding(
		t->report, "page.direct_buddy", KMA_WARN, advice,
		"%s of %s blocks taken under zone->lock (%.0f %%%s) were of an order or "
		"migratetype that "
		"per-CPU lists do not keep, most of them (%s) of order %u.",
		kma_words_count(t->report, t->zone_locked[0]), kma_words_count(t->report, all),
		percent(t->zone_locked[0], all), rate_text(t, t->zone_locked[0]),
		kma_words_count(t->report, t->state->zone_locked[0][worst]), worst);
	kma_report_proof(t->report, finding, PAGE_METRIC(PAGE_DIRECT_BUDDY_RATIO), kma_no_labels());
	kma_report_proof(t->report, finding, PAGE_METRIC(PAGE_ZONE_LOCKED),
			 kma_label1("percpu_refill", kma_int(0)));
}

/* ---- growth ---- */

struct growth {
	unsigned int parts, rising;
	int64_t half; /* outstanding pages when half of the parts were over */
};

static struct growth measure_growth(const struct page_telling *t, const struct page_task *task)
{
	uint64_t start = t->state->bins.start;
	uint64_t last = t->summary->last_ts > start ? t->summary->last_ts - start : 0;
	struct growth g = { 0 };

	last >>= t->state->growth_shift;
	g.parts = last < PAGE_GROWTH_PARTS ? (unsigned int)last + 1 : PAGE_GROWTH_PARTS;
	for (unsigned int i = 0; i < g.parts; i++) {
		g.rising += task->net[i] > 0;
		if (2 * i < g.parts)
			g.half += task->net[i];
	}
	return g;
}

static void find_growth_of(struct page_telling *t, const struct page_task *task)
{
	static const char advice[] =
		"See what the pages are: RssAnon and RssFile in /proc/PID/status (page cache and "
		"heap "
		"that fill up are no leak), /proc/meminfo and the slab report for kernel memory. "
		"Record longer: what is a cache levels off, what leaks does not. With stacks "
		"(trace-cmd record -T, --stacks) the code that allocates shows.";
	struct growth g = measure_growth(t, task);
	size_t finding;

	if (task == &t->state->tasks[PAGE_OTHER_TASK] || task->outstanding < MIN_FINDING_PAGES ||
	    g.parts < MIN_GROWTH_PARTS || g.rising < MIN_RISING_SHARE * g.parts ||
	    (double)task->outstanding < MIN_KEPT_SHARE * (double)task->alloc_pages)
		return;
	finding = kma_report_finding(t->report, "page.growth", KMA_INFO, advice,
				     "The pages that task %" PRId32
				     " allocated and nobody freed grew in %u of %u equal "
				     "parts of the time: %" PRId64
				     " at half time, %s at the end, %.0f %% of all it allocated.",
				     task->pid, g.rising, g.parts, g.half,
				     kma_words_count(t->report, task->outstanding),
				     percent(task->outstanding, task->alloc_pages));
	kma_report_proof(t->report, finding, PAGE_METRIC(PAGE_OUTSTANDING), kma_no_labels());
	kma_report_proof(t->report, finding, PAGE_METRIC(PAGE_PEAK), kma_no_labels());
}

void page_tell_findings(struct page_telling *t)
{
	find_failures(t);
	if (t->have_free && t->have_batched) {
		find_pressure(t);
		find_unbatched(t);
	}
	if (t->have_zone_locked)
		find_direct_buddy(t);
	for (size_t i = 0; t->can_follow && i < t->nr_owners && i < MOST_TASKS; i++)
		find_growth_of(t, t->owners[i]);
}
