/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong, the most severe first, with what to do and the numbers that prove it.
 */
#include <string.h>

#include "render/text.h"

#define TEXT_COLUMN  9
#define PROOF_COLUMN 19
#define MOST_PROOFS  6

static const struct {
	const char *name, *one, *many;
	enum kma_style style;
} severities[] = {
	[KMA_INFO] = { "NOTE", "note", "notes", KMA_CYAN },
	[KMA_WARN] = { "WARNING", "warning", "warnings", KMA_YELLOW },
	[KMA_ERROR] = { "ERROR", "error", "errors", KMA_RED },
};

/* "mean 170 us, p99 1.47 ms, max 2.1 ms of 13" */
static const char *dist_text(struct kma_page *page, const struct kma_metric *metric)
{
	const struct kma_dist *dist = metric->dist;
	enum kma_unit unit = metric->def->unit;

	if (!dist->count)
		return "none";
	return kma_page_printf(
		page, "mean %s, p99 %s, max %s of %s",
		kma_text_value(page, unit,
			       &(struct kma_value){ .type = KMA_VALUE_REAL, .real = dist->mean },
			       true),
		kma_text_uint(page, unit, dist->p99), kma_text_uint(page, unit, dist->max),
		kma_text_uint(page, KMA_UNIT_COUNT, dist->count));
}

/* "contended share (node 1, zone Normal): 4.2 %" */
static const char *proof_text(struct kma_page *page, const struct kma_report *report,
			      const char *key)
{
	const struct kma_metric *metric = kma_report_find(report, key);
	const char *labels, *value, *mark = "";

	if (!metric)
		return kma_page_clean(page, key);
	labels = kma_text_labels(page, &metric->labels);
	if (metric->status.code == KMA_UNAVAILABLE)
		value = "unknown";
	else if (metric->dist)
		value = dist_text(page, metric);
	else
		value = kma_text_value(page, metric->def->unit, &metric->value,
				       !strstr(metric->def->title, "page"));
	if (metric->status.code != KMA_UNAVAILABLE)
		mark = kma_text_mark(page, metric->status.code);
	return kma_page_printf(page, "%s%s%s%s: %s%s%s", metric->def->title, *labels ? " (" : "",
			       labels, *labels ? ")" : "", mark, *mark ? " " : "", value);
}

static void proofs(struct kma_page *page, const struct kma_report *report,
		   const struct kma_finding *finding)
{
	if (!finding->nr_metrics)
		return;
	kma_page_move(page, TEXT_COLUMN);
	kma_page_put(page, KMA_BOLD, "Evidence:");
	for (size_t i = 0; i < finding->nr_metrics && i < MOST_PROOFS; i++) {
		kma_page_move(page, PROOF_COLUMN);
		kma_page_flow(page, PROOF_COLUMN + 2,
			      proof_text(page, report, finding->metrics[i]));
	}
	if (finding->nr_metrics > MOST_PROOFS) {
		kma_page_move(page, PROOF_COLUMN);
		kma_page_flow(page, PROOF_COLUMN,
			      kma_page_printf(page, "and %zu more",
					      finding->nr_metrics - MOST_PROOFS));
	}
}

static void paragraph(struct kma_page *page, const char *what, const char *text)
{
	if (!*text)
		return;
	kma_page_move(page, TEXT_COLUMN);
	kma_page_put(page, KMA_BOLD, what);
	kma_page_flow(page, TEXT_COLUMN, text);
}

static void finding_text(struct kma_page *page, const struct kma_report *report,
			 const struct kma_finding *finding)
{
	kma_page_put(page, severities[finding->severity].style, severities[finding->severity].name);
	kma_page_move(page, TEXT_COLUMN);
	kma_page_flow(page, TEXT_COLUMN, kma_page_clean(page, finding->message));
	paragraph(page, "What to do:", kma_page_clean(page, finding->advice));
	proofs(page, report, finding);
}

static size_t count(const struct kma_result *result, int severity)
{
	size_t nr = 0;

	for (size_t r = 0; r < result->nr_reports; r++) {
		for (size_t f = 0; f < result->reports[r].nr_findings; f++)
			nr += (int)result->reports[r].findings[f].severity == severity;
	}
	return nr;
}

void kma_text_findings(struct kma_page *page, const struct kma_result *result)
{
	const char *title = "Findings", *separator = ": ";
	bool first = true;

	for (int s = KMA_ERROR; s >= KMA_INFO; s--) {
		size_t nr = count(result, s);

		if (!nr)
			continue;
		title = kma_page_printf(page, "%s%s%zu %s", title, separator, nr,
					nr == 1 ? severities[s].one : severities[s].many);
		separator = ", ";
	}
	kma_page_heading(page, title);
	for (int s = KMA_ERROR; s >= KMA_INFO; s--) {
		for (size_t r = 0; r < result->nr_reports; r++) {
			const struct kma_report *report = &result->reports[r];

			for (size_t f = 0; f < report->nr_findings; f++) {
				if ((int)report->findings[f].severity != s)
					continue;
				if (!first)
					kma_page_newline(page);
				first = false;
				finding_text(page, report, &report->findings[f]);
			}
		}
	}
	if (first) {
		bool figures = false;

		for (size_t r = 0; r < result->nr_reports; r++)
			figures |= result->reports[r].status.code != KMA_UNAVAILABLE;
		kma_page_move(page, 2);
		kma_page_flow(page, 2,
			      figures ? "None: nothing in the figures below points at a problem."
				      : "None: there are no figures to judge.");
	}
}
