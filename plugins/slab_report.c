/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slab objects: how far each number can be trusted, and the metrics. Reads the state that slab.c
 * gathers and never changes it.
 */
#include <stdlib.h>

#include "slab_report.h"
#include "trust.h"
#include "words.h"

#define DEF(suffix, kind_, unit_, better_, labels_, title_)                              \
	{                                                                                \
		.name = "slab." suffix, .kind = kind_, .unit = unit_, .better = better_, \
		.labels = labels_, .title = title_                                       \
	}
#define PARTS "call_site cache family"

const struct kma_metric_def slab_metric_defs[SLAB_NR_METRICS + 1] = {
	[SLAB_ALLOC] = DEF("alloc_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER, PARTS,
			   "objects allocated"),
	[SLAB_FREE] = DEF("free_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE, PARTS,
			  "objects freed"),
	[SLAB_REQ_BYTES] = DEF("req_bytes_total", KMA_COUNTER, KMA_UNIT_BYTES, KMA_BETTER_LOWER,
			       PARTS, "bytes requested"),
	[SLAB_ALLOC_BYTES] = DEF("alloc_bytes_total", KMA_COUNTER, KMA_UNIT_BYTES, KMA_BETTER_LOWER,
				 PARTS, "bytes allocated"),
	[SLAB_WASTE_BYTES] = DEF("waste_bytes_total", KMA_COUNTER, KMA_UNIT_BYTES, KMA_BETTER_LOWER,
				 PARTS, "bytes wasted (allocated - requested)"),
	[SLAB_WASTE_RATIO] = DEF("waste_ratio", KMA_GAUGE, KMA_UNIT_RATIO, KMA_BETTER_LOWER, PARTS,
				 "share of allocated bytes wasted"),
	[SLAB_OUTSTANDING_OBJECTS] = DEF("outstanding_objects", KMA_GAUGE, KMA_UNIT_COUNT,
					 KMA_BETTER_LOWER, PARTS, "objects outstanding at the end"),
	[SLAB_OUTSTANDING_BYTES] = DEF("outstanding_bytes", KMA_GAUGE, KMA_UNIT_BYTES,
				       KMA_BETTER_LOWER, PARTS, "bytes outstanding at the end"),
	[SLAB_PEAK_OBJECTS] = DEF("peak_objects", KMA_GAUGE, KMA_UNIT_COUNT, KMA_BETTER_LOWER, "",
				  "most objects outstanding at once"),
	[SLAB_PEAK_BYTES] = DEF("peak_bytes", KMA_GAUGE, KMA_UNIT_BYTES, KMA_BETTER_LOWER, "",
				"most bytes outstanding at once"),
	[SLAB_LIFETIME_NS] = DEF("lifetime_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_NONE, "",
				 "lifetime of freed objects"),
	[SLAB_CROSS_CPU_FREE] = DEF("cross_cpu_free_total", KMA_COUNTER, KMA_UNIT_COUNT,
				    KMA_BETTER_LOWER, "call_site cache family",
				    "objects freed on another CPU"),
	[SLAB_CROSS_CPU_RATIO] = DEF("cross_cpu_free_ratio", KMA_GAUGE, KMA_UNIT_RATIO,
				     KMA_BETTER_LOWER, "", "share freed on another CPU"),
	[SLAB_FREE_UNKNOWN] = DEF("free_unknown_total", KMA_COUNTER, KMA_UNIT_COUNT,
				  KMA_BETTER_NONE, "call_site",
				  "frees of objects older than the trace"),
	[SLAB_MISSED_FREE] = DEF("missed_free_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE,
				 "call_site cache family", "objects freed with no record"),
	[SLAB_ALLOC_FAILED] = DEF("alloc_failed_total", KMA_COUNTER, KMA_UNIT_COUNT,
				  KMA_BETTER_LOWER, "call_site", "failed allocations"),
	[SLAB_ZERO_SIZE] = DEF("zero_size_alloc_total", KMA_COUNTER, KMA_UNIT_COUNT,
			       KMA_BETTER_NONE, "", "requests for 0 bytes"),
	[SLAB_NOOP_FREE] = DEF("noop_free_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE,
			       "call_site", "frees of nothing, as kfree(NULL)"),
	[SLAB_LEAK_SUSPECTS] = DEF("leak_suspects_total", KMA_GAUGE, KMA_UNIT_COUNT,
				   KMA_BETTER_LOWER, "grade", "call sites suspected of leaks"),
	[SLAB_LEAK_SUSPECT_BYTES] = DEF("leak_suspect_bytes", KMA_GAUGE, KMA_UNIT_BYTES,
					KMA_BETTER_LOWER, "call_site grade",
					"bytes suspected to be leaked"),
	[SLAB_CACHE_SAVING_BYTES] = DEF("dedicated_cache_saving_bytes", KMA_GAUGE, KMA_UNIT_BYTES,
					KMA_BETTER_LOWER, "call_site",
					"saved at peak by dedicated caches"),
	[SLAB_NR_METRICS] = { .name = NULL },
};

/* ---- how far the numbers can be trusted ---- */

static void weaken_pairs(struct slab_telling *t, const char *reason)
{
	kma_weaken(t->report, &t->matched, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->unknown, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->timed, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->judged, KMA_APPROXIMATE, reason);
}

static void weaken_all(struct slab_telling *t, const char *reason)
{
	kma_weaken(t->report, &t->counted, KMA_LOWER_BOUND, reason);
	kma_weaken(t->report, &t->freed, KMA_LOWER_BOUND, reason);
	kma_weaken(t->report, &t->plain, KMA_LOWER_BOUND, reason);
	kma_weaken(t->report, &t->ratio, KMA_APPROXIMATE, reason);
	weaken_pairs(t, reason);
	kma_report_status(t->report, (struct kma_status){ KMA_APPROXIMATE, reason });
}

static void judge_absences(struct slab_telling *t)
{
	for (unsigned int f = 0; f < SLAB_NR_FAMILIES; f++) {
		if (!t->have_allocs[f]) {
			if (t->have_any_alloc)
				kma_weaken(t->report, &t->counted, KMA_LOWER_BOUND,
					   t->no_allocs[f]);
			if (t->have_frees[f])
				kma_weaken(t->report, &t->unknown, KMA_APPROXIMATE,
					   kma_report_printf(t->report,
							     "%s; its frees count as unknown",
							     t->no_allocs[f]));
		}
		if (!t->have_frees[f] && t->have_any_free)
			kma_weaken(t->report, &t->freed, KMA_LOWER_BOUND, t->no_frees[f]);
		/* one family's way to free can take an object of the other */
		if (!t->have_frees[f] && t->have_allocs[f] && t->have_any_free)
			weaken_pairs(t, t->no_frees[f]);
		if (!t->have_allocs[f])
			kma_report_status(t->report,
					  (struct kma_status){ t->have_any_alloc ? KMA_APPROXIMATE
										 : KMA_UNAVAILABLE,
							       t->no_allocs[f] });
		if (!t->have_frees[f])
			kma_report_status(t->report,
					  (struct kma_status){ KMA_APPROXIMATE, t->no_frees[f] });
	}
}

static void judge(struct slab_telling *t)
{
	const struct kma_state *state = t->state;

	if (t->summary->lost)
		weaken_all(t, kma_report_printf(t->report,
						"at least %s records were lost, frees "
						"perhaps among them",
						kma_words_count(t->report, t->summary->lost)));
	if (t->summary->truncated)
		weaken_all(t, "the trace is cut short");
	judge_absences(t);
	if (t->trace->filtered)
		weaken_pairs(t, "objects may have been freed outside the CPUs or the time picked");
	if (t->unfollowed)
		weaken_pairs(t,
			     kma_report_printf(t->report, "%s objects were too many to be followed",
					       kma_words_count(t->report, t->unfollowed)));
	if (t->trace->clock == KMA_CLOCK_LOCAL && state->cross_cpu)
		kma_weaken(t->report, &t->timed, KMA_APPROXIMATE,
			   kma_report_printf(t->report, "the %s clock differs between CPUs",
					     t->trace->clock_name));
}

/* ---- what the trace has ---- */

static void look_for_events(struct slab_telling *t)
{
	static const enum kma_kind allocs[][2] = {
		[SLAB_KMALLOC] = { KMA_KMALLOC, KMA_KMALLOC_NODE },
		[SLAB_KMEM_CACHE] = { KMA_KMEM_CACHE_ALLOC, KMA_KMEM_CACHE_ALLOC_NODE },
	};
	static const enum kma_kind frees[] = { KMA_KFREE, KMA_KMEM_CACHE_FREE };
	const uint64_t *records = t->summary->records;

	t->have_pairs = true;
	for (unsigned int f = 0; f < SLAB_NR_FAMILIES; f++) {
		t->have_allocs[f] = records[allocs[f][0]] || records[allocs[f][1]];
		t->have_frees[f] = records[frees[f]];
		t->no_allocs[f] = kma_no_record(t->report, t->trace, allocs[f][0]);
		t->no_frees[f] = kma_no_record(t->report, t->trace, frees[f]);
		t->have_any_alloc |= t->have_allocs[f];
		t->have_any_free |= t->have_frees[f];
		if (t->have_allocs[f] && !t->have_frees[f]) {
			t->have_pairs = false;
			t->no_pairs = t->no_frees[f];
		}
	}
	t->no_any_alloc = kma_report_printf(t->report, "%s; %s", t->no_allocs[SLAB_KMALLOC],
					    t->no_allocs[SLAB_KMEM_CACHE]);
	t->no_any_free = kma_report_printf(t->report, "%s; %s", t->no_frees[SLAB_KMALLOC],
					   t->no_frees[SLAB_KMEM_CACHE]);
	if (!t->have_any_alloc)
		t->no_pairs = t->no_any_alloc;
	else if (!t->have_any_free)
		t->no_pairs = t->no_any_free;
	t->have_pairs &= t->have_any_alloc && t->have_any_free;
	t->have_ns = t->trace->clock != KMA_CLOCK_TICKS;
	if (!t->have_ns)
		t->no_ns = kma_report_printf(t->report, "the %s clock does not count nanoseconds",
					     t->trace->clock_name);
}

/* ---- metrics ---- */

static void tell_count(struct slab_telling *t, unsigned int metric, struct kma_labels labels,
		       struct kma_status status, uint64_t value)
{
	kma_report_value(t->report, SLAB_METRIC(metric), labels, status, kma_int((int64_t)value));
}

static void tell_missing(struct slab_telling *t, unsigned int metric, struct kma_labels labels,
			 const char *reason)
{
	kma_report_unavailable(t->report, SLAB_METRIC(metric), labels, reason);
}

static void tell_allocs(struct slab_telling *t, struct kma_labels labels, struct kma_status counted,
			struct kma_status ratio, const struct slab_sum *sum)
{
	tell_count(t, SLAB_ALLOC, labels, counted, sum->allocs);
	tell_count(t, SLAB_REQ_BYTES, labels, counted, sum->req_bytes);
	tell_count(t, SLAB_ALLOC_BYTES, labels, counted, sum->alloc_bytes);
	kma_report_value(t->report, SLAB_METRIC(SLAB_WASTE_BYTES), labels, counted,
			 kma_int(slab_waste(sum)));
	if (sum->alloc_bytes)
		kma_report_value(t->report, SLAB_METRIC(SLAB_WASTE_RATIO), labels, ratio,
				 kma_real((double)slab_waste(sum) / (double)sum->alloc_bytes));
	else
		tell_missing(t, SLAB_WASTE_RATIO, labels, "nothing was allocated");
}

static void tell_no_allocs(struct slab_telling *t, struct kma_labels labels, const char *reason)
{
	static const unsigned int metrics[] = { SLAB_ALLOC, SLAB_REQ_BYTES, SLAB_ALLOC_BYTES,
						SLAB_WASTE_BYTES, SLAB_WASTE_RATIO };

	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		tell_missing(t, metrics[i], labels, reason);
}

static void tell_outstanding(struct slab_telling *t, struct kma_labels labels,
			     struct kma_status status, const struct slab_sum *sum)
{
	tell_count(t, SLAB_OUTSTANDING_OBJECTS, labels, status, sum->live);
	tell_count(t, SLAB_OUTSTANDING_BYTES, labels, status, sum->live_bytes);
}

/* What is rare has labels only where it happened. */
static void tell_if_any(struct slab_telling *t, unsigned int metric, struct kma_labels labels,
			struct kma_status status, uint64_t value)
{
	if (value)
		tell_count(t, metric, labels, status, value);
}

/* Ends that were seen: they count, and add up to the whole, whether or not every free is recorded.
 */
static void tell_ends(struct slab_telling *t, struct kma_labels labels, struct kma_status status,
		      const struct slab_sum *sum)
{
	tell_if_any(t, SLAB_CROSS_CPU_FREE, labels, status, sum->cross_cpu);
	tell_if_any(t, SLAB_MISSED_FREE, labels, status, sum->missed);
}

static void tell_families(struct slab_telling *t)
{
	static const char *const names[] = { "kmalloc", "kmem_cache" };

	for (unsigned int f = 0; f < SLAB_NR_FAMILIES; f++) {
		struct kma_labels label = kma_label1("family", kma_text(names[f]));

		if (t->have_allocs[f])
			tell_allocs(t, label, t->plain, t->ratio, &t->family[f]);
		else
			tell_no_allocs(t, label, t->no_allocs[f]);
		if (t->have_frees[f])
			tell_count(t, SLAB_FREE, label, t->plain, t->state->frees[f]);
		else
			tell_missing(t, SLAB_FREE, label, t->no_frees[f]);
		if (t->have_allocs[f] && t->have_frees[f]) {
			tell_outstanding(t, label, t->matched, &t->family[f]);
		} else {
			const char *reason = t->have_allocs[f] ? t->no_frees[f] : t->no_allocs[f];

			tell_missing(t, SLAB_OUTSTANDING_OBJECTS, label, reason);
			tell_missing(t, SLAB_OUTSTANDING_BYTES, label, reason);
		}
		tell_ends(t, label, t->matched, &t->family[f]);
	}
}

/* Whether all that this site allocates could be seen freed. */
static bool has_pairs(const struct slab_telling *t, const struct slab_site_row *row)
{
	return (!row->kmallocs || t->have_frees[SLAB_KMALLOC]) &&
	       (row->sum.allocs == row->kmallocs || t->have_frees[SLAB_KMEM_CACHE]);
}

static void tell_sites(struct slab_telling *t)
{
	for (size_t i = 0; i < t->nr_sites; i++) {
		const struct slab_site_row *row = &t->sites[i];
		struct kma_labels label = slab_site_label(t, row->id);

		if (row->sum.allocs) {
			tell_allocs(t, label, t->plain, t->ratio, &row->sum);
			if (has_pairs(t, row))
				tell_outstanding(t, label, t->matched, &row->sum);
			tell_ends(t, label, t->matched, &row->sum);
		}
		tell_if_any(t, SLAB_FREE, label, t->plain, row->site->frees);
		tell_if_any(t, SLAB_FREE_UNKNOWN, label, t->unknown, row->site->unknown_frees);
		tell_if_any(t, SLAB_ALLOC_FAILED, label, t->plain, row->site->failed);
		tell_if_any(t, SLAB_NOOP_FREE, label, t->plain, row->site->noop_frees);
	}
}

static void tell_caches(struct slab_telling *t)
{
	static const char learned[] =
		"kmem:kmem_cache_alloc does not name the cache here: it is taken from the frees "
		"of objects of the same call site and sizes";

	for (size_t i = 0; i < t->nr_caches; i++) {
		const struct slab_cache_row *row = &t->caches[i];
		struct kma_labels label = kma_label1("cache", kma_text(row->text));
		struct kma_status counted = t->plain, ratio = t->ratio, matched = t->matched;

		if (row->learned) {
			kma_weaken(t->report, &counted, KMA_APPROXIMATE, learned);
			kma_weaken(t->report, &ratio, KMA_APPROXIMATE, learned);
			kma_weaken(t->report, &matched, KMA_APPROXIMATE, learned);
		}
		if (row->sum.allocs) {
			tell_allocs(t, label, counted, ratio, &row->sum);
			if (t->have_frees[SLAB_KMEM_CACHE])
				tell_outstanding(t, label, matched, &row->sum);
			tell_ends(t, label, matched, &row->sum);
		}
		tell_if_any(t, SLAB_FREE, label, t->plain, row->frees);
	}
}

static void tell_lifetime(struct slab_telling *t)
{
	if (t->have_ns)
		kma_report_dist(t->report, SLAB_METRIC(SLAB_LIFETIME_NS), kma_no_labels(), t->timed,
				&t->state->lifetime);
	else
		tell_missing(t, SLAB_LIFETIME_NS, kma_no_labels(), t->no_ns);
}

static void tell_suspects(struct slab_telling *t)
{
	uint64_t nr[SLAB_NR_GRADES] = { 0 }, bytes[SLAB_NR_GRADES] = { 0 }, all = 0;

	if (!t->have_ns) {
		tell_missing(t, SLAB_LEAK_SUSPECTS, kma_no_labels(), t->no_ns);
		tell_missing(t, SLAB_LEAK_SUSPECT_BYTES, kma_no_labels(), t->no_ns);
		return;
	}
	for (size_t i = 0; i < t->nr_suspects; i++) {
		const struct slab_suspect *s = &t->suspects[i];

		nr[s->grade]++;
		bytes[s->grade] += s->late_bytes;
		all += s->late_bytes;
		tell_count(t, SLAB_LEAK_SUSPECT_BYTES, slab_site_label(t, s->row->id), t->judged,
			   s->late_bytes);
	}
	tell_count(t, SLAB_LEAK_SUSPECTS, kma_no_labels(), t->judged, t->nr_suspects);
	tell_count(t, SLAB_LEAK_SUSPECT_BYTES, kma_no_labels(), t->judged, all);
	for (unsigned int g = 0; g < SLAB_NR_GRADES; g++) {
		struct kma_labels label = kma_label1("grade", kma_text(slab_grade_text(g)));

		tell_count(t, SLAB_LEAK_SUSPECTS, label, t->judged, nr[g]);
		tell_count(t, SLAB_LEAK_SUSPECT_BYTES, label, t->judged, bytes[g]);
	}
}

/* All that needs both the allocation and the free of an object. */
static void tell_whole_pairs(struct slab_telling *t)
{
	static const unsigned int metrics[] = {
		SLAB_OUTSTANDING_OBJECTS,
		SLAB_OUTSTANDING_BYTES,
		SLAB_PEAK_OBJECTS,
		SLAB_PEAK_BYTES,
	};
	static const unsigned int of_freed[] = {
		SLAB_LIFETIME_NS,  SLAB_CROSS_CPU_FREE, SLAB_CROSS_CPU_RATIO,
		SLAB_FREE_UNKNOWN, SLAB_LEAK_SUSPECTS,	SLAB_LEAK_SUSPECT_BYTES,
	};
	const struct kma_state *state = t->state;
	uint64_t paired = state->lifetime.count;

	if (t->have_pairs) {
		tell_outstanding(t, kma_no_labels(), t->matched, &t->all);
		tell_count(t, SLAB_PEAK_OBJECTS, kma_no_labels(), t->matched, state->peak_objects);
		tell_count(t, SLAB_PEAK_BYTES, kma_no_labels(), t->matched, state->peak_bytes);
	} else {
		for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
			tell_missing(t, metrics[i], kma_no_labels(), t->no_pairs);
	}
	if (!t->have_any_alloc || !t->have_any_free) {
		for (size_t i = 0; i < sizeof(of_freed) / sizeof(of_freed[0]); i++)
			tell_missing(t, of_freed[i], kma_no_labels(), t->no_pairs);
		return;
	}
	tell_lifetime(t);
	tell_count(t, SLAB_CROSS_CPU_FREE, kma_no_labels(), t->matched, state->cross_cpu);
	if (paired)
		kma_report_value(t->report, SLAB_METRIC(SLAB_CROSS_CPU_RATIO), kma_no_labels(),
				 t->matched, kma_real((double)state->cross_cpu / (double)paired));
	else
		tell_missing(t, SLAB_CROSS_CPU_RATIO, kma_no_labels(),
			     "no object was both allocated and freed within the trace");
	tell_count(t, SLAB_FREE_UNKNOWN, kma_no_labels(), t->unknown, state->unknown_frees);
	tell_suspects(t);
}

static void tell_whole(struct slab_telling *t)
{
	const struct kma_state *state = t->state;
	uint64_t saving = 0;

	for (size_t i = 0; i < t->nr_candidates; i++)
		saving += t->candidates[i].peak_saving;
	if (t->have_any_alloc) {
		struct kma_status ratio = t->ratio;

		/* a ratio of sums that lack a part may be off either way */
		if (t->counted.code != KMA_EXACT)
			kma_weaken(t->report, &ratio, KMA_APPROXIMATE, t->counted.reason);
		tell_allocs(t, kma_no_labels(), t->counted, ratio, &t->all);
		tell_count(t, SLAB_ALLOC_FAILED, kma_no_labels(), t->counted, state->failed);
		tell_count(t, SLAB_ZERO_SIZE, kma_no_labels(), t->counted, state->zero_size);
	} else {
		tell_no_allocs(t, kma_no_labels(), t->no_any_alloc);
		tell_missing(t, SLAB_ALLOC_FAILED, kma_no_labels(), t->no_any_alloc);
		tell_missing(t, SLAB_ZERO_SIZE, kma_no_labels(), t->no_any_alloc);
	}
	if (t->have_any_free) {
		tell_count(t, SLAB_FREE, kma_no_labels(), t->freed,
			   state->frees[SLAB_KMALLOC] + state->frees[SLAB_KMEM_CACHE]);
		tell_count(t, SLAB_NOOP_FREE, kma_no_labels(), t->freed, state->noop_frees);
	} else {
		tell_missing(t, SLAB_FREE, kma_no_labels(), t->no_any_free);
		tell_missing(t, SLAB_NOOP_FREE, kma_no_labels(), t->no_any_free);
	}
	tell_whole_pairs(t);
	if (t->have_any_alloc)
		tell_count(t, SLAB_MISSED_FREE, kma_no_labels(), t->matched, state->missed_frees);
	else
		tell_missing(t, SLAB_MISSED_FREE, kma_no_labels(), t->no_any_alloc);
	/* without frees there is no peak to save at */
	if (!t->have_allocs[SLAB_KMALLOC] || !t->have_frees[SLAB_KMALLOC]) {
		tell_missing(t, SLAB_CACHE_SAVING_BYTES, kma_no_labels(),
			     t->have_allocs[SLAB_KMALLOC] ? t->no_frees[SLAB_KMALLOC]
							  : t->no_allocs[SLAB_KMALLOC]);
		return;
	}
	tell_count(t, SLAB_CACHE_SAVING_BYTES, kma_no_labels(), t->matched, saving);
	for (size_t i = 0; i < t->nr_candidates; i++)
		tell_count(t, SLAB_CACHE_SAVING_BYTES, slab_site_label(t, t->candidates[i].row->id),
			   t->matched, t->candidates[i].peak_saving);
}

/* ---- the report ---- */

int slab_report(const struct kma_state *state, const struct kma_summary *summary,
		struct kma_report *report)
{
	struct slab_telling t = {
		.state = state,
		.trace = state->trace,
		.summary = summary,
		.report = report,
		.now = summary->last_ts,
	};
	int ret;

	look_for_events(&t);
	ret = slab_sum_up(&t) || slab_find_suspects(&t) || slab_find_candidates(&t) ? -1 : 0;
	if (!ret) {
		judge(&t);
		tell_whole(&t);
		tell_families(&t);
		tell_sites(&t);
		tell_caches(&t);
		slab_tell_tables(&t);
		slab_tell_findings(&t);
	}
	free(t.sites);
	free(t.caches);
	free(t.sizes);
	free(t.suspects);
	free(t.candidates);
	return ret;
}
