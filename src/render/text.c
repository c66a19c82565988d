/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result for a person at a terminal: what the trace is, how far it can be trusted, what is
 * wrong, and then the numbers. This file has the order and the head; it must not compute anything.
 */
#include <inttypes.h>
#include <string.h>

#include <kmem-analyze/version.h>

#include "render/page.h"
#include "render/render.h"
#include "render/text.h"
#include "util/arena.h"

#define HEAD_COLUMN 9
#define MOST_KINDS  8

static void head_line(struct kma_page *page, const char *what, const char *text)
{
	if (!*text)
		return;
	kma_page_put(page, KMA_BOLD, what);
	kma_page_move(page, HEAD_COLUMN);
	kma_page_flow(page, HEAD_COLUMN, text);
}

static const char *source_text(struct kma_page *page, const struct kma_facts *facts)
{
	const char *text = kma_page_clean(page, facts->source);

	if (facts->live)
		return text;
	if (!facts->file_version)
		return kma_page_printf(page, "%s (printed events)", text);
	return kma_page_printf(
		page, "%s (trace.dat version %u%s%s)", text, facts->file_version,
		facts->compression && strcmp(facts->compression, "none") ? ", " : "",
		facts->compression && strcmp(facts->compression, "none") ? facts->compression : "");
}

static const char *live_text(struct kma_page *page, const struct kma_facts *facts)
{
	const struct kma_live_facts *live = facts->live;

	if (!live)
		return "";
	return kma_page_printf(page, "%s, %s of buffer for each CPU, %zu events enabled",
			       kma_text_uint(page, KMA_UNIT_NS, live->elapsed_ns),
			       kma_text_uint(page, KMA_UNIT_BYTES, (uint64_t)live->buffer_kb << 10),
			       live->nr_events);
}

static const char *command_text(struct kma_page *page, const struct kma_facts *facts)
{
	const struct kma_command_facts *command = facts->live ? facts->live->command : NULL;
	const char *text = "";

	for (size_t i = 0; command && i < command->nr_words; i++)
		text = kma_page_printf(page, "%s%s%s", text, i ? " " : "", command->words[i]);
	if (!command)
		return text;
	if (!command->ended)
		return kma_page_printf(page, "%s (still runs)", text);
	if (command->signal)
		return kma_page_printf(page, "%s (ended by signal %d)", text, command->signal);
	return kma_page_printf(page, "%s (exit status %d)", text, command->exit_status);
}

static const char *machine_text(struct kma_page *page, const struct kma_facts *facts)
{
	const char *text = "";

	if (facts->cpus)
		text = kma_page_printf(page, "%u CPU%s", facts->cpus, facts->cpus == 1 ? "" : "s");
	if (facts->page_size)
		text = kma_page_printf(page, "%s%s%u-byte pages", text, *text ? ", " : "",
				       facts->page_size);
	if (facts->long_size)
		text = kma_page_printf(page, "%s%s%u-bit %s-endian", text, *text ? ", " : "",
				       facts->long_size * 8, facts->big_endian ? "big" : "little");
	return text;
}

static const char *clock_text(struct kma_page *page, const struct kma_facts *facts)
{
	if (!facts->clock_note || !*facts->clock_note)
		return kma_page_clean(page, facts->clock);
	return kma_page_printf(page, "%s (%s)", facts->clock ? facts->clock : "unknown",
			       facts->clock_note);
}

static const char *span_text(struct kma_page *page, const struct kma_result *result)
{
	const struct kma_facts *facts = &result->facts;
	const char *span;

	if (!facts->records)
		return "";
	span = facts->ticks ? kma_page_printf(page, "%" PRIu64 " ticks",
					      facts->last_ts - facts->first_ts)
			    : kma_text_uint(page, KMA_UNIT_NS, facts->last_ts - facts->first_ts);
	return kma_page_printf(page, "%s, from %s to %s", span,
			       kma_text_time(page, result, facts->first_ts),
			       kma_text_time(page, result, facts->last_ts));
}

/* The event with the most records of those that rank behind @last; NULL when there is none */
static const struct kma_event_count *next_kind(const struct kma_facts *facts,
					       const struct kma_event_count *last)
{
	const struct kma_event_count *best = NULL;

	for (const struct kma_event_count *e = facts->events; e < facts->events + facts->nr_events;
	     e++) {
		if (!e->count ||
		    (last && (e->count > last->count || (e->count == last->count && e <= last))))
			continue;
		if (!best || e->count > best->count)
			best = e;
	}
	return best;
}

static void events_line(struct kma_page *page, const struct kma_facts *facts)
{
	const struct kma_event_count *event = NULL;
	size_t nr = 0, shown = 0, most;

	for (size_t i = 0; i < facts->nr_events; i++)
		nr += facts->events[i].count != 0;
	most = nr > MOST_KINDS + 1 ? MOST_KINDS : nr;
	kma_page_put(page, KMA_BOLD, "Events");
	kma_page_move(page, HEAD_COLUMN);
	kma_page_item(page, HEAD_COLUMN,
		      kma_page_printf(page, "%s%s",
				      kma_text_uint(page, KMA_UNIT_COUNT, facts->records),
				      most ? ":" : ""));
	while (shown < most && (event = next_kind(facts, event))) {
		shown++;
		kma_page_item(page, HEAD_COLUMN,
			      kma_page_printf(page, "%s %s%s", event->name,
					      kma_text_uint(page, KMA_UNIT_COUNT, event->count),
					      shown < nr ? "," : ""));
	}
	if (nr > most)
		kma_page_item(page, HEAD_COLUMN,
			      kma_page_printf(page, "%zu other kinds", nr - most));
	kma_page_newline(page);
}

static const char *buffers_text(struct kma_page *page, const struct kma_facts *facts)
{
	const char *text = "";

	for (size_t i = 0; facts->nr_buffers > 1 && i < facts->nr_buffers; i++) {
		const struct kma_buffer_facts *buffer = &facts->buffers[i];

		text = kma_page_printf(page, "%s%s%s%s", text, i ? ", " : "",
				       buffer->name && *buffer->name ? buffer->name : "(main)",
				       buffer->analysed ? "" : " (left out)");
	}
	return text;
}

static void head(struct kma_page *page, const struct kma_result *result)
{
	const struct kma_facts *facts = &result->facts;

	head_line(page, "Trace", source_text(page, facts));
	head_line(page, "Live", live_text(page, facts));
	head_line(page, "Command", command_text(page, facts));
	head_line(page, "Kernel", kma_page_clean(page, facts->kernel));
	head_line(page, "Machine", machine_text(page, facts));
	head_line(page, "Clock", clock_text(page, facts));
	head_line(page, "Span", span_text(page, result));
	events_line(page, facts);
	head_line(page, "Buffers", buffers_text(page, facts));
}

/* What holds for the report as a whole, unless a metric's own reason says the same further down */
static void report_reasons(struct kma_page *page, const struct kma_report *report)
{
	for (size_t i = 0; i < report->nr_reasons; i++) {
		bool repeated = false;

		for (size_t m = 0; m < report->nr_metrics && !repeated; m++) {
			const char *reason = report->metrics[m].status.reason;

			repeated = reason && !strcmp(reason, report->reasons[i]);
		}
		if (repeated && report->status.code != KMA_UNAVAILABLE)
			continue;
		kma_page_move(page, 2);
		kma_page_flow(page, 4, kma_page_clean(page, report->reasons[i]));
	}
}

static void report_text(struct kma_page *page, const struct kma_result *result,
			const struct kma_report *report)
{
	kma_page_heading(page, report->title);
	report_reasons(page, report);
	kma_text_metrics(page, report);
	for (size_t i = 0; i < report->nr_tables; i++)
		kma_text_table(page, &report->tables[i]);
	kma_text_series(page, result, report);
}

/* Reports that the trace has nothing for: a line each, behind those that have. */
static void empty_reports(struct kma_page *page, const struct kma_result *result)
{
	bool any = false;

	for (size_t i = 0; i < result->nr_reports; i++) {
		const struct kma_report *report = &result->reports[i];

		if (report->status.code != KMA_UNAVAILABLE)
			continue;
		if (!any)
			kma_page_heading(page, "Not in this trace");
		any = true;
		kma_page_move(page, 2);
		kma_page_flow(page, 4,
			      kma_page_printf(page, "%s: %s", kma_page_clean(page, report->name),
					      kma_page_clean(page, report->nr_reasons
									   ? report->reasons[0]
									   : "no data")));
	}
}

int kma_render_text(const struct kma_result *result, const struct kma_text_options *options,
		    FILE *out)
{
	struct kma_page page = {
		.out = out, .options = options, .result = result, .scratch = kma_arena_new()
	};

	if (!page.scratch)
		return -1;
	head(&page, result);
	kma_text_quality(&page, result);
	kma_text_findings(&page, result);
	for (size_t i = 0; i < result->nr_reports; i++)
		if (result->reports[i].status.code != KMA_UNAVAILABLE)
			report_text(&page, result, &result->reports[i]);
	empty_reports(&page, result);
	kma_arena_free(page.scratch);
	return page.failed || ferror(out) || fflush(out) ? -1 : 0;
}

int kma_render_report(const struct kma_result *result, const struct kma_report *report,
		      const struct kma_text_options *options, FILE *out)
{
	struct kma_page page = {
		.out = out, .options = options, .result = result, .scratch = kma_arena_new()
	};
	struct kma_result view = *result;

	if (!page.scratch)
		return -1;
	view.reports = (struct kma_report *)report;
	view.nr_reports = 1;
	if (report->status.code != KMA_UNAVAILABLE)
		report_text(&page, &view, report);
	else
		empty_reports(&page, &view);
	if (report->nr_findings)
		kma_text_findings(&page, &view);
	kma_arena_free(page.scratch);
	return page.failed || ferror(out) || fflush(out) ? -1 : 0;
}
