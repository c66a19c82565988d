/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace's own metrics, made from its facts and the quality ledger. It must not look at any
 * report.
 */
#include "result/result.h"
#include "util/arena.h"

enum { EVENTS_TOTAL, LOST_EVENTS_TOTAL, SPAN_NS };

const struct kma_metric_def kma_trace_metric_defs[] = {
	[EVENTS_TOTAL] = { "trace.events_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE,
			   "event", "events" },
	[LOST_EVENTS_TOTAL] = { "trace.lost_events_total", KMA_COUNTER, KMA_UNIT_COUNT,
				KMA_BETTER_LOWER, "cpu", "lost events" },
	[SPAN_NS] = { "trace.span_ns", KMA_GAUGE, KMA_UNIT_NS, KMA_BETTER_NONE, "",
		      "time covered" },
	{ 0 },
};

static const struct kma_status exact = { KMA_EXACT, NULL };

static struct kma_value whole(uint64_t n)
{
	return kma_int(n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

/* What is cut off cannot be counted. */
static struct kma_status record_status(const struct kma_result *result)
{
	if (result->quality.truncated)
		return (struct kma_status){ KMA_LOWER_BOUND, "the trace is cut off" };
	return exact;
}

static void events_total(struct kma_result *result)
{
	const struct kma_metric_def *def = &kma_trace_metric_defs[EVENTS_TOTAL];
	const struct kma_facts *facts = &result->facts;
	struct kma_status status = record_status(result);

	kma_report_value(&result->trace, def, kma_no_labels(), status, whole(facts->records));
	for (size_t i = 0; i < facts->nr_events; i++) {
		const struct kma_event_count *event = &facts->events[i];

		if (!event->count) /* known by its format only: perhaps it was not enabled */
			continue;
		kma_report_value(&result->trace, def,
				 kma_label1("event", kma_text(kma_report_printf(
							     &result->trace, "%s:%s", event->system,
							     event->name))),
				 status, whole(event->count));
	}
}

static struct kma_status lost_status(const struct kma_result *result, uint64_t lost, bool counted)
{
	if (lost && !counted)
		return (struct kma_status){
			KMA_LOWER_BOUND, "the kernel noted that events were lost, but not how many"
		};
	return record_status(result);
}

static void lost_events_total(struct kma_result *result)
{
	const struct kma_metric_def *def = &kma_trace_metric_defs[LOST_EVENTS_TOTAL];
	const struct kma_quality *quality = &result->quality;

	kma_report_value(&result->trace, def, kma_no_labels(),
			 lost_status(result, quality->lost, quality->lost_counted),
			 whole(quality->lost));
	/* A CPU has one lane per buffer: they add up where the CPU is seen first. */
	for (size_t i = 0; i < quality->nr_cpus; i++) {
		uint32_t cpu = quality->cpus[i].cpu;
		uint64_t lost = 0;
		bool counted = true, first = true;

		for (size_t k = 0; k < i; k++)
			first &= quality->cpus[k].cpu != cpu;
		for (size_t k = i; first && k < quality->nr_cpus; k++) {
			if (quality->cpus[k].cpu != cpu)
				continue;
			lost += quality->cpus[k].lost;
			counted &= !quality->cpus[k].lost || quality->cpus[k].lost_counted;
		}
		if (first)
			kma_report_value(&result->trace, def, kma_label1("cpu", kma_int(cpu)),
					 lost_status(result, lost, counted), whole(lost));
	}
}

static void span_ns(struct kma_result *result)
{
	const struct kma_metric_def *def = &kma_trace_metric_defs[SPAN_NS];
	const struct kma_facts *facts = &result->facts;

	if (!facts->records)
		kma_report_unavailable(&result->trace, def, kma_no_labels(),
				       "the trace holds no records");
	else if (facts->ticks)
		kma_report_unavailable(&result->trace, def, kma_no_labels(),
				       "the trace clock does not count nanoseconds");
	else
		kma_report_value(&result->trace, def, kma_no_labels(), record_status(result),
				 whole(facts->last_ts - facts->first_ts));
}

int kma_result_trace_metrics(struct kma_result *result)
{
	events_total(result);
	lost_events_total(result);
	span_ns(result);
	return result->trace.failed ? -1 : 0;
}
