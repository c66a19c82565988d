/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the alloc_lock numbers point at, when they do: locks that cost time, and what to do. */
#include <stdlib.h>

#include "alloc_lock_internal.h"
#include "words.h"

/* Fewer waits than this are chance. */
#define MIN_CONTENDED 10
/* Time waited, in all, against the time of the trace: of one CPU, one hundredth is worth knowing,
 * and one twentieth is a problem. */
#define CONTENDED_SHARE	      0.01
#define BADLY_CONTENDED_SHARE 0.05
/* So long a wait, with interrupts or preemption off, shows as latency elsewhere. */
#define LONG_WAIT_NS 1000000
/* Callers that a finding names. */
#define WORST 3

static const struct {
	const char *name, *advice;
} locks[AL_OTHER] = {
	[AL_ZONE] = { "zone->lock (the free pages of a zone)",
		      "Larger per-CPU page lists take it less often: "
		      "vm.percpu_pagelist_high_fraction. Spreading the work over NUMA nodes "
		      "divides it. Compaction, CMA and readers of /proc/pagetypeinfo hold it for "
		      "long." },
	[AL_LRUVEC] = { "lru_lock (the page lists of reclaim)",
			"There is one for each memory cgroup and node: splitting the load over "
			"cgroups divides it. Large folios (transparent huge pages, large folios of "
			"the file system) take it less often for the same memory." },
	[AL_SLAB_NODE] = { "a slab cache's lists of a node",
			   "Objects that are freed on another CPU than they were allocated on, and "
			   "bursts larger than the CPU's own stock, take their lock: the slab "
			   "report names them. A larger cpu_partial of the cache "
			   "(/sys/kernel/slab/CACHE), where the kernel has it, makes the stock "
			   "larger." },
	[AL_PERCPU] = { "the per-CPU allocator (pcpu_lock, pcpu_alloc_mutex)",
			"The whole machine shares its locks: make and destroy fewer things that "
			"have per-CPU memory (cgroups, network namespaces, BPF maps). The percpu "
			"report names who does." },
	[AL_PCP] = { "a CPU's page lists (pcp->lock)",
		     "Only draining CPUs' lists from elsewhere waits for it: look for what drains "
		     "all of them (compaction, CMA, memory offlining, vm.compact_memory)." },
};

static int by_wait(const void *a, const void *b)
{
	const struct al_row *x = *(const struct al_row *const *)a,
			    *y = *(const struct al_row *const *)b;

	if (x->wait.sum != y->wait.sum)
		return x->wait.sum > y->wait.sum ? -1 : 1;
	return (x > y) - (x < y); /* both in one array */
}

/* " Worst: get_page_from_freelist+0x27f (61 %), ..." with those who waited longest in all. */
static const char *worst_callers(const struct al_view *view, const struct al_row *lock,
				 struct kma_report *report, const struct al_row **worst)
{
	const struct al_row **rows = calloc(view->nr_callers + 1, sizeof(*rows));
	const char *text = "";
	size_t nr = 0;

	*worst = NULL;
	for (size_t i = 0; rows && i < view->nr_callers; i++)
		if (view->callers[i].which == lock->which && view->callers[i].caller &&
		    view->callers[i].wait.sum)
			rows[nr++] = &view->callers[i];
	if (nr) {
		qsort(rows, nr, sizeof(*rows), by_wait);
		*worst = rows[0];
	}
	for (size_t i = 0; i < nr && i < WORST && text; i++)
		text = kma_report_printf(report, "%s%s" KMA_PRI_SYM " (%.0f %%)", text,
					 i ? ", " : " Worst: ", rows[i]->caller,
					 100 * (double)rows[i]->wait.sum / (double)lock->wait.sum);
	free(rows);
	return !text ? "" : *worst ? kma_report_printf(report, "%s.", text) : text;
}

static void contended_lock(const struct al_view *view, const struct al_row *row,
			   struct kma_report *report)
{
	double share = view->span_ns ? (double)row->wait.sum / (double)view->span_ns : 0;
	struct kma_labels labels = kma_label1("lock", kma_kept_text(al_class_names[row->which]));
	const struct al_row *worst;
	const char *callers;
	uint64_t p99;
	size_t id;

	if (row->wait.count < MIN_CONTENDED)
		return;
	p99 = kma_histogram_percentile(&row->wait, 0.99);
	if (share < CONTENDED_SHARE && p99 < LONG_WAIT_NS)
		return;
	callers = worst_callers(view, row, report, &worst);
	id = kma_report_finding(
		report, "alloc_lock.contended",
		share >= BADLY_CONTENDED_SHARE || p99 >= LONG_WAIT_NS ? KMA_WARN : KMA_INFO,
		locks[row->which].advice,
		"%s waits for %s on %" PRIu32
		" CPU%s: %s in all (%.1f %% of one CPU's time), 99 %% of them up to %s, the "
		"longest %s.%s",
		kma_words_count(report, row->contended), locks[row->which].name, row->cpus,
		row->cpus == 1 ? "" : "s", kma_words_time(report, (double)row->wait.sum),
		100 * share, kma_words_time(report, (double)p99),
		kma_words_time(report, (double)row->wait.max), callers);
	kma_report_proof(report, id, &al_metrics[AL_WAIT], labels);
	if (worst)
		kma_report_proof(report, id, &al_metrics[AL_WAIT],
				 kma_label2("lock", labels.label[0].value, "caller",
					    kma_address(worst->caller)));
}

/* Waits of no known lock: nothing can be said of the allocators' locks. */
static void without_stacks(const struct al_view *view, struct kma_report *report)
{
	uint64_t blind = view->state->without_stack;
	size_t id;

	if (!blind || blind * 2 < view->total.contended)
		return;
	id = kma_report_finding(
		report, "alloc_lock.no_stacks", KMA_INFO,
		"Record stacks: trace-cmd record -T -C mono -e lock:contention_begin -e "
		"lock:contention_end COMMAND, or kmem-analyze live -r alloc_lock.",
		"Of %s of %s waits it is not known which lock they were for: no kernel_stack "
		"record follows them.",
		kma_words_count(report, blind), kma_words_count(report, view->total.contended));
	kma_report_proof(report, id, &al_metrics[AL_CONTENDED], kma_no_labels());
}

void al_findings(const struct al_view *view, struct kma_report *report)
{
	const struct al_row *rows[AL_OTHER];

	for (int which = 0; which < AL_OTHER; which++)
		rows[which] = &view->classes[which];
	qsort(rows, AL_OTHER, sizeof(*rows), by_wait);
	for (int i = 0; view->waits.code != KMA_UNAVAILABLE && i < AL_OTHER; i++)
		contended_lock(view, rows[i], report);
	without_stacks(view, report);
}
