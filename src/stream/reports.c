/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the states of the analyses to their reports, with what the trace lacks for them. */
#include "stream/pipeline_internal.h"
#include "util/arena.h"

/* Which of the events an analysis would like are not there. */
static int absences(struct kma_pipeline *p, const struct kma_analysis *analysis,
		    const struct kma_summary *summary, struct kma_result *result)
{
	struct kma_quality *quality = &result->quality;

	for (const struct kma_need *need = analysis->needs; need->kind; need++) {
		struct kma_absence *absence;

		if (summary->records[need->kind] || !need->what_for)
			continue;
		absence = &quality->absences[quality->nr_absences++];
		absence->report = analysis->name;
		absence->event = kma_arena_printf(result->arena, "%s:%s",
						  kma_kind_system(need->kind),
						  kma_kind_name(need->kind));
		absence->what_for = need->what_for;
		absence->required = need->required;
		absence->format_known = p->schema->formats & KMA_KIND_BIT(need->kind);
		if (!absence->event)
			return -1;
	}
	return 0;
}

/* Durations out of times that have few digits. */
static void blur(struct kma_report *report, const char *coarse)
{
	struct kma_status status = { KMA_APPROXIMATE, coarse };
	bool any = false;

	for (size_t i = 0; i < report->nr_metrics; i++) {
		struct kma_metric *metric = &report->metrics[i];

		if ((metric->def->unit != KMA_UNIT_NS &&
		     metric->def->unit != KMA_UNIT_NS_PER_PAGE) ||
		    metric->status.code != KMA_EXACT)
			continue;
		metric->status = status;
		any = true;
	}
	if (any)
		kma_report_status(report, status);
}

int kma_fill_reports(struct kma_pipeline *p, struct kma_result *result)
{
	struct kma_summary summary;
	size_t nr_needs = 0;

	if (kma_run_facts(&p->run, result) < 0 || kma_run_quality(&p->run, result) < 0 ||
	    kma_result_trace_metrics(result) < 0)
		return -1;
	if (p->late && kma_result_note(result,
				       "%llu records came so late that others, newer than they, "
				       "went before",
				       (unsigned long long)p->late) < 0)
		return -1;
	kma_run_summary(&p->run, &summary);
	for (size_t i = 0; i < p->nr_analyses; i++)
		for (const struct kma_need *need = p->selection.analyses[i]->needs; need->kind;
		     need++)
			nr_needs++;
	result->quality.absences =
		kma_arena_alloc(result->arena, (nr_needs + 1) * sizeof(*result->quality.absences));
	if (!result->quality.absences)
		return -1;
	for (size_t i = 0; i < p->nr_analyses; i++) {
		const struct kma_analysis *analysis = p->selection.analyses[i];
		struct kma_report *report = kma_result_report(result, analysis->name,
							      analysis->title);

		if (!report || analysis->report(p->states[i], &summary, report) < 0)
			return -1;
		if (p->trace.coarse)
			blur(report, p->trace.coarse);
		if (report->failed || absences(p, analysis, &summary, result) < 0)
			return -1;
	}
	return 0;
}
