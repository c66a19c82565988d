/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The alloc_lock report: statuses and metrics. Definitions: docs/reports.md. */
#include "alloc_lock_internal.h"
#include "trust.h"
#include "words.h"

#define SPLITS "lock lock,caller cpu"

const struct kma_metric_def al_metrics[] = {
	[AL_CONTENDED] = { "alloc_lock.contended_total", KMA_COUNTER, KMA_UNIT_COUNT,
			   KMA_BETTER_LOWER, SPLITS, "waits for locks" },
	[AL_WAIT] = { "alloc_lock.wait_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_LOWER, SPLITS,
		      "wait for a lock" },
	[AL_UNFINISHED] = { "alloc_lock.unfinished_waits_total", KMA_COUNTER, KMA_UNIT_COUNT,
			    KMA_BETTER_NONE, "cpu", "waits whose end was not seen" },
	[AL_UNPAIRED_ENDS] = { "alloc_lock.unpaired_ends_total", KMA_COUNTER, KMA_UNIT_COUNT,
			       KMA_BETTER_NONE, "cpu", "ends of waits not seen to begin" },
	[AL_NR_METRICS] = { 0 },
};

static struct kma_status status(enum kma_status_code code, const char *reason)
{
	return (struct kma_status){ code, reason };
}

static void judge_classes(struct al_view *view, struct kma_report *report)
{
	const struct kma_state *state = view->state;
	struct kma_status *both[] = { &view->class_counts, &view->class_waits };
	const char *reason =
		"which lock it is follows from the names of the functions that wait for it";

	if (state->without_stack == view->total.contended)
		reason = "no kernel_stack record behind lock:contention_begin: which locks these "
			 "are is not known";
	view->class_counts = view->counts;
	view->class_waits = view->waits;
	for (size_t i = 0; i < 2; i++) {
		if (both[i]->code == KMA_UNAVAILABLE)
			continue;
		kma_weaken(report, both[i], KMA_APPROXIMATE, reason);
		if (state->groups[0].contended)
			kma_weaken(report, both[i], KMA_APPROXIMATE,
				   "more locks and callers than are kept apart: the rest counts as "
				   "other");
	}
}

static void judge(struct al_view *view, struct kma_report *report)
{
	const struct kma_state *state = view->state;
	const struct kma_summary *summary = view->summary;
	static const struct kma_status exact = { KMA_EXACT, NULL };
	const char *lost = NULL;

	if (summary->lost)
		lost = kma_report_printf(report, "%s records were lost while recording",
					 kma_words_count(report, summary->lost));
	else if (summary->truncated)
		lost = "part of the trace is missing";
	view->counts = lost ? status(KMA_LOWER_BOUND, lost) : exact;
	view->waits = view->pairs = lost ? status(KMA_APPROXIMATE, lost) : exact;
	view->no_ends = !summary->records[KMA_CONTENTION_END];
	if (!summary->records[KMA_CONTENTION_BEGIN]) {
		view->counts = view->waits = view->pairs = status(
			KMA_UNAVAILABLE, kma_no_record(report, state->trace, KMA_CONTENTION_BEGIN));
	} else if (view->no_ends) {
		view->waits = view->pairs = status(
			KMA_UNAVAILABLE, kma_no_record(report, state->trace, KMA_CONTENTION_END));
	} else {
		if (state->trace->filtered) {
			const char *cut = "CPUs or a time range were picked: waits may be cut";

			kma_weaken(report, &view->counts, KMA_APPROXIMATE, cut);
			kma_weaken(report, &view->waits, KMA_APPROXIMATE, cut);
			kma_weaken(report, &view->pairs, KMA_APPROXIMATE, cut);
		}
		if (state->unfollowed) {
			const char *many = "more tasks wait at once than are followed";

			kma_weaken(report, &view->waits, KMA_APPROXIMATE, many);
			kma_weaken(report, &view->pairs, KMA_APPROXIMATE, many);
		}
		if (state->trace->clock == KMA_CLOCK_TICKS)
			view->waits = status(KMA_UNAVAILABLE,
					     "the trace's clock does not count nanoseconds");
		else if (state->trace->clock == KMA_CLOCK_LOCAL && state->moved)
			kma_weaken(report, &view->waits, KMA_APPROXIMATE,
				   "waits that end on another CPU are timed by two clocks");
	}
	judge_classes(view, report);
}

static void put(struct kma_report *report, enum al_metric metric, struct kma_labels labels,
		struct kma_status st, uint64_t value)
{
	if (st.code == KMA_UNAVAILABLE)
		kma_report_unavailable(report, &al_metrics[metric], labels, st.reason);
	else
		kma_report_value(report, &al_metrics[metric], labels, st, kma_int((int64_t)value));
}

static void put_dist(struct kma_report *report, struct kma_labels labels, struct kma_status st,
		     const struct kma_histogram *wait)
{
	if (st.code == KMA_UNAVAILABLE)
		kma_report_unavailable(report, &al_metrics[AL_WAIT], labels, st.reason);
	else
		kma_report_dist(report, &al_metrics[AL_WAIT], labels, st, wait);
}

static void put_total(const struct al_view *view, struct kma_report *report)
{
	const struct kma_state *state = view->state;
	uint64_t unpaired_ends = 0;

	for (uint32_t cpu = 0; cpu < state->nr_cpus; cpu++)
		unpaired_ends += state->cpus[cpu].unpaired_ends;
	put(report, AL_CONTENDED, kma_no_labels(), view->counts, view->total.contended);
	put_dist(report, kma_no_labels(), view->waits, &view->total.wait);
	put(report, AL_UNFINISHED, kma_no_labels(), view->pairs,
	    view->total.contended - view->total.wait.count);
	put(report, AL_UNPAIRED_ENDS, kma_no_labels(), view->pairs, unpaired_ends);
}

static void put_parts(const struct al_view *view, struct kma_report *report)
{
	const struct kma_state *state = view->state;

	for (int which = 0; which < AL_NR_CLASSES; which++) {
		const struct al_row *row = &view->classes[which];
		struct kma_labels labels = kma_label1("lock", kma_kept_text(al_class_names[which]));

		if (!row->contended)
			continue;
		put(report, AL_CONTENDED, labels, view->class_counts, row->contended);
		put_dist(report, labels, view->class_waits, &row->wait);
	}
	for (size_t i = 0; i < view->nr_callers; i++) {
		const struct al_row *row = &view->callers[i];
		struct kma_labels labels =
			kma_label2("lock", kma_kept_text(al_class_names[row->which]), "caller",
				   row->caller ? kma_address(row->caller) : kma_text("other"));

		put(report, AL_CONTENDED, labels, view->class_counts, row->contended);
		put_dist(report, labels, view->class_waits, &row->wait);
	}
	for (uint32_t i = 0; i < state->nr_cpus; i++) {
		const struct al_cpu *cpu = &state->cpus[i];
		struct kma_labels labels = kma_label1("cpu", kma_int(i));

		if (!cpu->contended && !cpu->unpaired_ends)
			continue;
		put(report, AL_CONTENDED, labels, view->counts, cpu->contended);
		put_dist(report, labels, view->waits, &cpu->wait);
		put(report, AL_UNFINISHED, labels, view->pairs, cpu->contended - cpu->wait.count);
		put(report, AL_UNPAIRED_ENDS, labels, view->pairs, cpu->unpaired_ends);
	}
}

int al_report(const struct kma_state *state, const struct kma_summary *summary,
	      struct kma_report *report)
{
	struct al_view view;
	int ret = al_view_make(&view, state, summary);

	if (!ret) {
		judge(&view, report);
		put_total(&view, report);
		if (view.counts.code == KMA_UNAVAILABLE) {
			kma_report_status(report, view.counts);
		} else {
			put_parts(&view, report);
			al_tables(&view, report);
			al_findings(&view, report);
		}
	}
	al_view_free(&view);
	return ret;
}
