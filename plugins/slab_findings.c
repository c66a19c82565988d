/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slab objects: what is wrong, how sure that is, and what to do about it. */
#include "slab_report.h"
#include "words.h"

/* Suspects named in a finding besides the first: the table has them all. */
#define MAX_NAMED 4
/* Below this a cache of its own is not worth its slabs, a few pages on each CPU. */
#define MIN_SAVING ((uint64_t)64 << 10)
/* Objects that travel: many, and a fifth of all, below which it is tasks that migrate. */
#define MIN_CROSS_CPU	    1000
#define MIN_CROSS_CPU_RATIO 0.2
/* Frees that leave no record: enough to be a habit, and not an accident. */
#define MIN_MISSED	 100
#define MIN_MISSED_SHARE 0.02

static const char *duration(struct slab_telling *t, uint64_t ns)
{
	if (ns >= 10000000000)
		return kma_report_printf(t->report, "%.0f s", (double)ns / 1e9);
	if (ns >= 10000000)
		return kma_report_printf(t->report, "%.0f ms", (double)ns / 1e6);
	if (ns >= 10000)
		return kma_report_printf(t->report, "%.0f us", (double)ns / 1e3);
	return kma_report_printf(t->report, "%s ns", kma_words_count(t->report, ns));
}

static const char *size(struct slab_telling *t, uint64_t bytes)
{
	if (bytes >= (uint64_t)10 << 20)
		return kma_report_printf(t->report, "%.0f MiB", (double)bytes / (1 << 20));
	if (bytes >= 10 << 10)
		return kma_report_printf(t->report, "%.0f KiB", (double)bytes / (1 << 10));
	return kma_report_printf(t->report, "%s bytes", kma_words_count(t->report, bytes));
}

/* "\001address\001" or "leaf < caller": for the text of a finding. */
static const char *site_text(struct slab_telling *t, uint32_t site)
{
	struct kma_value value = slab_site_value(t, site);

	return value.type == KMA_VALUE_ADDRESS
		       ? kma_report_printf(t->report, KMA_PRI_SYM, value.address)
		       : value.string;
}

static const char *evidence_text(struct slab_telling *t, const struct slab_suspect *s)
{
	const struct slab_sum *sum = &s->row->sum;

	if (s->reason == SLAB_OVERDUE)
		return kma_report_printf(
			t->report,
			"they are far older than nearly all of the other %s became; had they been "
			"freed like those, some %.0f would be gone by now",
			kma_words_count(t->report, sum->freed + sum->missed), s->expected);
	return kma_report_printf(
		t->report,
		"%s older objects of this call site were freed, but none that was allocated in the "
		"last %s; by the lifetimes of the older ones, some %.0f would be gone by now",
		kma_words_count(t->report, sum->freed + sum->missed),
		duration(t, t->now > s->late_since ? t->now - s->late_since : 0), s->expected);
}

/* "b+0x1 (12 objects, 34 KiB), ..." behind the first of a grade. */
static const char *other_suspects(struct slab_telling *t, size_t from, size_t to)
{
	const char *text = "";

	for (size_t i = from; i < to && i < from + MAX_NAMED; i++)
		text = kma_report_printf(t->report, "%s%s%s (%s objects, %s)", text,
					 i > from ? ", " : "", site_text(t, t->suspects[i].row->id),
					 kma_words_count(t->report, t->suspects[i].late),
					 size(t, t->suspects[i].late_bytes));
	if (to - from > MAX_NAMED)
		text = kma_report_printf(t->report, "%s, and %zu more", text,
					 to - from - MAX_NAMED);
	return to > from ? kma_report_printf(t->report, " Also: %s.", text) : "";
}

/* One finding for all suspects of a grade, which stand together in the list. */
static void find_leaks(struct slab_telling *t, enum slab_grade grade)
{
	static const char advice[] =
		"Watch whether it grows on: slabtop or /proc/slabinfo over minutes, or a longer "
		"trace. What is kept on purpose looks the same: caches (dentries, inodes) shrink "
		"with 'echo 2 > /proc/sys/vm/drop_caches', queues when their reader catches up. "
		"If it stays: boot with slub_debug=U,CACHE and read "
		"/sys/kernel/debug/slab/CACHE/alloc_traces, which lists who allocated what is "
		"there ('slabinfo -T' for totals); with CONFIG_DEBUG_KMEMLEAK 'echo scan > "
		"/sys/kernel/debug/kmemleak' finds what nothing points to any more. Record with "
		"stacks (trace-cmd record -T) to see the callers.";
	static const char moderate_advice[] =
		"What no longer grows is often a cache that has filled up, or what start-up "
		"leaves behind; a trace that is longer, and has no lost records, tells more. See "
		"with slabtop whether it grows over minutes, and whether 'echo 2 > "
		"/proc/sys/vm/drop_caches' frees it.";
	const struct slab_suspect *s;
	size_t first = 0, end, finding;

	while (first < t->nr_suspects && t->suspects[first].grade != grade)
		first++;
	for (end = first; end < t->nr_suspects && t->suspects[end].grade == grade;)
		end++;
	if (first == end)
		return;
	s = &t->suspects[first];
	finding = kma_report_finding(
		t->report, grade == SLAB_STRONG ? "slab.leak" : "slab.leak_possible",
		grade == SLAB_STRONG ? KMA_WARN : KMA_INFO,
		grade == SLAB_STRONG ? advice : moderate_advice,
		"%zu call site%s allocated objects that are not freed as their others are; the "
		"evidence is %s. %s: %s of its %s outstanding objects (%s): %s. It had %s "
		"outstanding at half time and %s at the "
		"end.%s",
		end - first, end - first == 1 ? "" : "s", slab_grade_text(grade),
		site_text(t, s->row->id), kma_words_count(t->report, s->late),
		kma_words_count(t->report, s->row->sum.live), size(t, s->late_bytes),
		evidence_text(t, s), size(t, s->mid_bytes), size(t, s->row->sum.live_bytes),
		other_suspects(t, first + 1, end));
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_LEAK_SUSPECT_BYTES),
			 kma_label1("grade", kma_text(slab_grade_text(grade))));
	for (size_t i = first; i < end && i <= first + MAX_NAMED; i++)
		kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_OUTSTANDING_OBJECTS),
				 slab_site_label(t, t->suspects[i].row->id));
}

static void find_weak_leaks(struct slab_telling *t)
{
	static const char advice[] = "This is what start-up, filling caches and growing load look "
				     "like too. Trace for longer than such objects live, or twice "
				     "with the same load in between: what leaks is outstanding in "
				     "both, and more the second time.";
	const struct slab_suspect *first = NULL;
	uint64_t nr = 0, bytes = 0;
	size_t finding;

	for (size_t i = 0; i < t->nr_suspects; i++) {
		if (t->suspects[i].grade != SLAB_WEAK)
			continue;
		nr++;
		bytes += t->suspects[i].late_bytes;
		first = first ? first : &t->suspects[i];
	}
	if (!first)
		return;
	finding = kma_report_finding(
		t->report, "slab.hardly_freed", KMA_INFO, advice,
		"%s call site%s allocated objects (%s) of which hardly any was freed in the "
		"trace, the most by %s (%s objects, %s): weak evidence of a leak, for there are no "
		"lifetimes to compare "
		"with.",
		kma_words_count(t->report, nr), nr == 1 ? "" : "s", size(t, bytes),
		site_text(t, first->row->id), kma_words_count(t->report, first->late),
		size(t, first->late_bytes));
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_LEAK_SUSPECT_BYTES),
			 kma_label1("grade", kma_text(slab_grade_text(SLAB_WEAK))));
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_OUTSTANDING_BYTES),
			 slab_site_label(t, first->row->id));
}

static void find_candidates(struct slab_telling *t)
{
	static const char advice[] = "Create a cache for these objects with kmem_cache_create() "
				     "(KMEM_CACHE() for a struct) and allocate with "
				     "kmem_cache_alloc(); or ask for less, where a few bytes "
				     "cross a size of kmalloc. Small gains may not outweigh the "
				     "partly filled slabs of one more cache, and caches of like "
				     "size may be merged (slab_nomerge shows them apart).";
	const struct slab_candidate *first = t->candidates;
	uint64_t nr = 0, saving = 0;
	size_t finding;

	for (size_t i = 0; i < t->nr_candidates; i++) {
		if (t->candidates[i].peak_saving < MIN_SAVING)
			continue;
		nr++;
		saving += t->candidates[i].peak_saving;
	}
	if (!nr || !t->have_frees[SLAB_KMALLOC])
		return;
	finding = kma_report_finding(
		t->report, "slab.dedicated_cache", KMA_INFO, advice,
		"%s kmalloc call site%s would save %s at peak with a cache of %s own; %s asked "
		"%s times for %" PRIu32 " bytes and was given %" PRIu32 " each, up to %" PRIu32
		" at a time: a cache of %" PRIu32 "-byte objects would save %s.",
		kma_words_count(t->report, nr), nr == 1 ? "" : "s", size(t, saving),
		nr == 1 ? "its" : "their", site_text(t, first->row->id),
		kma_words_count(t->report, first->kind->allocs), first->kind->bytes_req,
		first->kind->bytes_alloc, first->kind->peak, first->object_bytes,
		size(t, first->peak_saving));
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_CACHE_SAVING_BYTES),
			 slab_site_label(t, first->row->id));
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_WASTE_BYTES),
			 slab_site_label(t, first->row->id));
}

static void find_cross_cpu(struct slab_telling *t)
{
	static const char advice[] =
		"Such an object goes back through the slower path of the allocator, and its cache "
		"lines move between CPUs. Free where memory was allocated: keep producer and "
		"consumer on CPUs that share a cache (taskset, IRQ affinity, RPS), hand buffers "
		"back for reuse, or free in batches. Objects freed by RCU or by a worker thread "
		"do this by design.";
	const struct slab_site_row *worst = NULL;
	uint64_t paired = t->state->lifetime.count, crossed = t->state->cross_cpu;
	size_t finding;

	if (crossed < MIN_CROSS_CPU || (double)crossed < MIN_CROSS_CPU_RATIO * (double)paired)
		return;
	for (size_t i = 0; i < t->nr_sites; i++)
		if (!worst || t->sites[i].sum.cross_cpu > worst->sum.cross_cpu)
			worst = &t->sites[i];
	finding = kma_report_finding(
		t->report, "slab.cross_cpu", KMA_INFO, advice,
		"%s of %s objects (%.0f %%) were freed on another CPU than the one that "
		"allocated them, the most from %s (%s of %s).",
		kma_words_count(t->report, crossed), kma_words_count(t->report, paired),
		100 * (double)crossed / (double)paired, site_text(t, worst->id),
		kma_words_count(t->report, worst->sum.cross_cpu),
		kma_words_count(t->report, worst->sum.freed));
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_CROSS_CPU_RATIO), kma_no_labels());
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_CROSS_CPU_FREE),
			 slab_site_label(t, worst->id));
}

static void find_failures(struct slab_telling *t)
{
	static const char advice[] = "Look for 'page allocation failure' and 'SLUB: Unable to "
				     "allocate memory' in the kernel log. Callers in interrupts "
				     "(GFP_ATOMIC) fail first: raise vm.min_free_kbytes; in a "
				     "memory cgroup, its limit is what is short. Large requests "
				     "fail from fragmentation: kvmalloc() or smaller pieces help.";
	const struct slab_site_row *worst = NULL;
	size_t finding;

	if (!t->state->failed)
		return;
	for (size_t i = 0; i < t->nr_sites; i++)
		if (!worst || t->sites[i].site->failed > worst->site->failed)
			worst = &t->sites[i];
	finding = kma_report_finding(t->report, "slab.alloc_failed", KMA_WARN, advice,
				     "%s allocation%s failed, the most at %s (%s).",
				     kma_words_count(t->report, t->state->failed),
				     t->state->failed == 1 ? "" : "s", site_text(t, worst->id),
				     kma_words_count(t->report, worst->site->failed));
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_ALLOC_FAILED), kma_no_labels());
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_ALLOC_FAILED),
			 slab_site_label(t, worst->id));
}

static void find_missed(struct slab_telling *t)
{
	static const char advice[] =
		"kfree_rcu() and the bulk interfaces fire no free event on many kernels. Objects "
		"of such call sites stay outstanding here until their address is used again: do "
		"not take them for leaks. The column 'missed' of the call sites shows which they "
		"are.";
	const struct slab_site_row *worst = NULL;
	size_t finding;

	/* with lost records there is a plainer reason */
	if (!t->have_pairs || t->summary->lost || t->trace->filtered ||
	    t->state->missed_frees < MIN_MISSED ||
	    (double)t->state->missed_frees < MIN_MISSED_SHARE * (double)t->all.allocs)
		return;
	for (size_t i = 0; i < t->nr_sites; i++)
		if (!worst || t->sites[i].sum.missed > worst->sum.missed)
			worst = &t->sites[i];
	finding = kma_report_finding(
		t->report, "slab.unseen_frees", KMA_INFO, advice,
		"%s objects were freed with no record: their addresses were handed out again; "
		"the most from %s (%s of %s objects).",
		kma_words_count(t->report, t->state->missed_frees), site_text(t, worst->id),
		kma_words_count(t->report, worst->sum.missed),
		kma_words_count(t->report, worst->sum.allocs));
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_MISSED_FREE), kma_no_labels());
	kma_report_proof(t->report, finding, SLAB_METRIC(SLAB_MISSED_FREE),
			 slab_site_label(t, worst->id));
}

void slab_tell_findings(struct slab_telling *t)
{
	if (!t->have_any_alloc)
		return;
	find_leaks(t, SLAB_STRONG);
	find_leaks(t, SLAB_MODERATE);
	find_weak_leaks(t);
	find_failures(t);
	find_candidates(t);
	find_cross_cpu(t);
	find_missed(t);
}
