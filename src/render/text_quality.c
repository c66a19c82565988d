/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The quality ledger in words: what is missing from the trace, where, and what that does to the
 * numbers. Silent about a trace that has nothing missing.
 */
#include <inttypes.h>
#include <string.h>

#include "render/text.h"

#define EACH_GAP 3 /* a CPU's gaps are told one by one up to here */

static void line(struct kma_page *page, const char *text)
{
	kma_page_move(page, 2);
	kma_page_flow(page, 4, text);
}

static const char *lane_name(struct kma_page *page, uint32_t cpu, const char *buffer)
{
	return buffer && *buffer ? kma_page_printf(page, "CPU %u of buffer %s", cpu, buffer)
				 : kma_page_printf(page, "CPU %u", cpu);
}

static bool same_lane(const struct kma_gap *gap, const struct kma_cpu_coverage *cpu)
{
	return gap->cpu == cpu->cpu &&
	       !strcmp(gap->buffer ? gap->buffer : "", cpu->buffer ? cpu->buffer : "");
}

static const char *gap_text(struct kma_page *page, const struct kma_result *result, uint64_t from,
			    uint64_t to)
{
	const char *end = kma_text_time(page, result, to);

	return from ? kma_page_printf(page, "%s to %s", kma_text_time(page, result, from), end)
		    : kma_page_printf(page, "before %s", end);
}

static void lost_on_cpu(struct kma_page *page, const struct kma_result *result,
			const struct kma_cpu_coverage *cpu)
{
	const struct kma_quality *quality = &result->quality;
	uint64_t from = 0, to = 0;
	const char *where = "";
	size_t nr = 0;

	for (size_t i = 0; i < quality->nr_gaps; i++) {
		const struct kma_gap *gap = &quality->gaps[i];

		if (!same_lane(gap, cpu))
			continue;
		if (!nr++)
			from = gap->from_ts;
		to = gap->to_ts;
		if (nr <= EACH_GAP)
			where = kma_page_printf(page, "%s%s%s", where, nr > 1 ? "; " : "",
						gap_text(page, result, gap->from_ts, gap->to_ts));
	}
	if (nr > EACH_GAP)
		where = kma_page_printf(page, "in %zu places, %s", nr,
					gap_text(page, result, from, to));
	kma_page_move(page, 4);
	kma_page_flow(page, 6,
		      kma_page_printf(page, "%s: %s%s lost%s%s",
				      lane_name(page, cpu->cpu, cpu->buffer),
				      cpu->lost_counted ? "" : "at least ",
				      kma_text_uint(page, KMA_UNIT_COUNT, cpu->lost),
				      nr ? ", " : "", where));
}

static void lost(struct kma_page *page, const struct kma_result *result)
{
	const struct kma_quality *quality = &result->quality;
	size_t lanes = 0, shown = 0;

	if (!quality->lost)
		return;
	line(page,
	     kma_page_printf(page,
			     "%s%s event%s lost while recording. Figures that this touches are "
			     "marked. Larger buffers (trace-cmd record -b) lose less.",
			     quality->lost_counted ? "" : "At least ",
			     kma_text_uint(page, KMA_UNIT_COUNT, quality->lost),
			     quality->lost == 1 ? " was" : "s were"));
	for (size_t i = 0; i < quality->nr_cpus; i++)
		lanes += quality->cpus[i].lost != 0;
	for (size_t i = 0; i < quality->nr_cpus && shown < kma_text_top(page, lanes); i++) {
		if (!quality->cpus[i].lost)
			continue;
		lost_on_cpu(page, result, &quality->cpus[i]);
		shown++;
	}
	kma_text_more(page, lanes, "CPU");
}

/* The kernel says that nothing was overwritten: then the CPU had nothing to record. */
static bool was_idle(const struct kma_cpu_coverage *cpu)
{
	return cpu->has_overrun && !cpu->overrun;
}

/* One line for all CPUs that begin late, or that end early */
static void uneven(struct kma_page *page, const struct kma_result *result, bool late)
{
	const struct kma_quality *quality = &result->quality;
	const char *list = "";
	size_t nr = 0;

	for (size_t i = 0; i < quality->nr_cpus; i++) {
		const struct kma_cpu_coverage *cpu = &quality->cpus[i];

		if (!(late ? cpu->starts_late : cpu->ends_early) || was_idle(cpu))
			continue;
		if (nr++ < kma_text_top(page, quality->nr_cpus))
			list = kma_page_printf(page, "%s%s%s (%s)", list, nr > 1 ? ", " : "",
					       lane_name(page, cpu->cpu, cpu->buffer),
					       kma_text_time(page, result,
							     late ? cpu->first_ts : cpu->last_ts));
	}
	if (nr > kma_text_top(page, quality->nr_cpus))
		list = kma_page_printf(page, "%s, ... (%zu in all)", list, nr);
	if (nr)
		line(page, kma_page_printf(page, "%s: %s. The trace as a whole %s at %s.",
					   late ? "Records begin late on" : "Records end early on",
					   list, late ? "begins" : "ends",
					   kma_text_time(page, result,
							 late ? result->facts.first_ts
							      : result->facts.last_ts)));
}

static void overruns(struct kma_page *page, const struct kma_quality *quality)
{
	const char *list = "";
	size_t nr = 0;

	for (size_t i = 0; i < quality->nr_cpus; i++) {
		const struct kma_cpu_coverage *cpu = &quality->cpus[i];

		if (!cpu->has_overrun || !cpu->overrun)
			continue;
		if (nr++ < kma_text_top(page, quality->nr_cpus))
			list = kma_page_printf(page, "%s%s%s (%s)", list, nr > 1 ? ", " : "",
					       lane_name(page, cpu->cpu, cpu->buffer),
					       kma_text_uint(page, KMA_UNIT_COUNT, cpu->overrun));
	}
	if (nr)
		line(page,
		     kma_page_printf(
			     page,
			     "The kernel counted events overwritten before they were read, on: "
			     "%s%s.",
			     list, nr > kma_text_top(page, quality->nr_cpus) ? ", ..." : ""));
}

static bool report_is_empty(const struct kma_result *result, const char *name)
{
	const struct kma_report *report = kma_result_find_report(result, name);

	return !report || report->status.code == KMA_UNAVAILABLE;
}

static bool missed(const struct kma_result *result, const struct kma_absence *absence)
{
	return absence->what_for && !report_is_empty(result, absence->report);
}

/* What the reports would do with the event of absence @i; NULL if an earlier one told it already.
 */
static const char *uses(struct kma_page *page, const struct kma_result *result, size_t i)
{
	const struct kma_quality *quality = &result->quality;
	const char *event = quality->absences[i].event, *list = "";

	for (size_t k = 0; k < quality->nr_absences; k++) {
		const struct kma_absence *absence = &quality->absences[k];

		if (!missed(result, absence) || strcmp(absence->event, event))
			continue;
		if (k < i)
			return NULL;
		list = kma_page_printf(page, "%s%s%s", list, *list ? "; " : "", absence->what_for);
	}
	return list;
}

/* Events that only part of a report wants; a report that is empty says so itself. */
static const char *absent_events(struct kma_page *page, const struct kma_result *result)
{
	const struct kma_quality *quality = &result->quality;
	const char *list = "";

	for (size_t i = 0; i < quality->nr_absences; i++) {
		const struct kma_absence *absence = &quality->absences[i];
		const char *what_for = missed(result, absence) ? uses(page, result, i) : NULL;

		if (what_for)
			list = kma_page_printf(page, "%s%s%s (%s)", list, *list ? ", " : "",
					       absence->event, what_for);
	}
	return list;
}

/* Notes are written to stand in the middle of a line as well. */
static const char *sentence(struct kma_page *page, const char *note)
{
	const char *clean = kma_page_clean(page, note);

	return *clean >= 'a' && *clean <= 'z'
		       ? kma_page_printf(page, "%c%s", *clean - 'a' + 'A', clean + 1)
		       : clean;
}

void kma_text_quality(struct kma_page *page, const struct kma_result *result)
{
	const struct kma_quality *quality = &result->quality;
	const char *absent = absent_events(page, result);
	bool trouble = quality->truncated || quality->lost || quality->nr_notes || *absent;

	for (size_t i = 0; i < quality->nr_cpus; i++)
		trouble |= ((quality->cpus[i].starts_late || quality->cpus[i].ends_early) &&
			    !was_idle(&quality->cpus[i])) ||
			   (quality->cpus[i].has_overrun && quality->cpus[i].overrun);
	if (!trouble)
		return;
	kma_page_heading(page, "How complete the trace is");
	if (quality->truncated)
		line(page, "Part of the trace could not be read. What could be read is reported:");
	lost(page, result);
	uneven(page, result, true);
	uneven(page, result, false);
	overruns(page, quality);
	if (*absent)
		line(page,
		     kma_page_printf(page,
				     "Events that would tell more, but are not in this trace: %s.",
				     absent));
	for (size_t i = 0; i < quality->nr_notes; i++)
		line(page, sentence(page, quality->notes[i]));
}
