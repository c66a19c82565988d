/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace's facts and the quality ledger as JSON values.
 */
#include <inttypes.h>

#include "render/json_trace.h"
#include "render/json_writer.h"
#include "result/result.h"

static struct json_object *buffers_array(struct kma_json *w, const struct kma_facts *facts)
{
	struct json_object *array = kma_json_array(w);

	for (size_t i = 0; i < facts->nr_buffers; i++) {
		struct json_object *o = kma_json_object(w);

		kma_json_add_string(w, o, "name",
				    facts->buffers[i].name ? facts->buffers[i].name : "");
		kma_json_add_string(w, o, "clock", facts->buffers[i].clock);
		kma_json_add(w, o, "analysed", kma_json_boolean(facts->buffers[i].analysed));
		kma_json_append(w, array, o);
	}
	return array;
}

static struct json_object *events_array(struct kma_json *w, const struct kma_facts *facts)
{
	struct json_object *array = kma_json_array(w);

	for (size_t i = 0; i < facts->nr_events; i++) {
		const struct kma_event_count *event = &facts->events[i];
		struct json_object *o;
		char name[400];

		if (!event->count)
			continue;
		snprintf(name, sizeof(name), "%s:%s", event->system, event->name);
		o = kma_json_object(w);
		kma_json_add_string(w, o, "event", name);
		kma_json_add(w, o, "count", kma_json_whole(event->count));
		kma_json_append(w, array, o);
	}
	return array;
}

static struct json_object *command_object(struct kma_json *w,
					  const struct kma_command_facts *command)
{
	struct json_object *o = kma_json_object(w);

	kma_json_add(w, o, "words", kma_json_strings(w, command->words, command->nr_words));
	kma_json_add(w, o, "ended", kma_json_boolean(command->ended));
	if (command->ended && command->exit_status >= 0)
		kma_json_add(w, o, "exit_status", kma_json_whole((uint64_t)command->exit_status));
	else
		kma_json_add_null(w, o, "exit_status");
	if (command->ended && command->signal)
		kma_json_add(w, o, "signal", kma_json_whole((uint64_t)command->signal));
	else
		kma_json_add_null(w, o, "signal");
	return o;
}

static struct json_object *live_object(struct kma_json *w, const struct kma_live_facts *live)
{
	struct json_object *o = kma_json_object(w);

	kma_json_add_string(w, o, "instance", live->instance);
	kma_json_add(w, o, "buffer_kb", kma_json_whole(live->buffer_kb));
	kma_json_add(w, o, "own_pid", kma_json_whole((uint64_t)live->own_pid));
	kma_json_add(w, o, "elapsed_ns", kma_json_whole(live->elapsed_ns));
	kma_json_add_string(w, o, "ended_by", live->ended_by);
	kma_json_add(w, o, "events", kma_json_strings(w, live->events, live->nr_events));
	if (live->command)
		kma_json_add(w, o, "command", command_object(w, live->command));
	else
		kma_json_add_null(w, o, "command");
	return o;
}

static struct json_object *migratetypes_array(struct kma_json *w, const struct kma_result *result)
{
	struct json_object *array = kma_json_array(w);

	for (size_t i = 0; i < result->nr_migratetypes; i++) {
		const struct kma_migratetype *type = &result->migratetypes[i];
		struct json_object *o = kma_json_object(w);

		kma_json_add(w, o, "number", json_object_new_int64(type->number));
		kma_json_add_string(w, o, "name", type->name);
		kma_json_add_string(w, o, "from", type->by_user ? "user" : "trace");
		kma_json_append(w, array, o);
	}
	return array;
}

struct json_object *kma_json_trace(struct kma_json *w, const struct kma_result *result)
{
	const struct kma_facts *facts = &result->facts;
	struct json_object *o = kma_json_object(w);
	char id[20];

	kma_json_add_string(w, o, "source", facts->source);
	kma_json_add_string(w, o, "kernel", facts->kernel);
	kma_json_add(w, o, "file_version", kma_json_whole(facts->file_version));
	kma_json_add_string(w, o, "compression", facts->compression);
	kma_json_add(w, o, "cpus", kma_json_whole(facts->cpus));
	kma_json_add(w, o, "page_size", kma_json_whole(facts->page_size));
	kma_json_add(w, o, "long_size", kma_json_whole(facts->long_size));
	kma_json_add_string(w, o, "endian", facts->big_endian ? "big" : "little");
	kma_json_add_string(w, o, "clock", facts->clock);
	kma_json_add_string(w, o, "clock_note", facts->clock_note);
	kma_json_add_string(w, o, "time_unit", facts->ticks ? "ticks" : "ns");
	kma_json_add(w, o, "buffers", buffers_array(w, facts));
	if (facts->records) {
		kma_json_add(w, o, "first_ts", kma_json_whole(facts->first_ts));
		kma_json_add(w, o, "last_ts", kma_json_whole(facts->last_ts));
	} else {
		kma_json_add_null(w, o, "first_ts");
		kma_json_add_null(w, o, "last_ts");
	}
	if (facts->records && !facts->ticks)
		kma_json_add(w, o, "span_ns", kma_json_whole(facts->last_ts - facts->first_ts));
	else
		kma_json_add_null(w, o, "span_ns");
	snprintf(id, sizeof(id), "%016" PRIx64, facts->trace_id);
	kma_json_add_string(w, o, "trace_id", facts->trace_id ? id : NULL);
	if (result->nr_migratetypes)
		kma_json_add(w, o, "migratetypes", migratetypes_array(w, result));
	kma_json_add(w, o, "events", events_array(w, facts));
	if (facts->live)
		kma_json_add(w, o, "live", live_object(w, facts->live));
	return o;
}

static struct json_object *gaps_array(struct kma_json *w, const struct kma_quality *quality)
{
	struct json_object *array = kma_json_array(w);

	for (size_t i = 0; i < quality->nr_gaps; i++) {
		const struct kma_gap *gap = &quality->gaps[i];
		struct json_object *o = kma_json_object(w);

		kma_json_add_string(w, o, "buffer", gap->buffer ? gap->buffer : "");
		kma_json_add(w, o, "cpu", kma_json_whole(gap->cpu));
		kma_json_add(w, o, "count", kma_json_whole(gap->count));
		kma_json_add(w, o, "counted", kma_json_boolean(gap->counted));
		if (gap->from_ts)
			kma_json_add(w, o, "from_ts", kma_json_whole(gap->from_ts));
		else
			kma_json_add_null(w, o, "from_ts");
		kma_json_add(w, o, "to_ts", kma_json_whole(gap->to_ts));
		kma_json_append(w, array, o);
	}
	return array;
}

static struct json_object *cpus_array(struct kma_json *w, const struct kma_quality *quality)
{
	struct json_object *array = kma_json_array(w);

	for (size_t i = 0; i < quality->nr_cpus; i++) {
		const struct kma_cpu_coverage *cpu = &quality->cpus[i];
		struct json_object *o = kma_json_object(w);

		kma_json_add_string(w, o, "buffer", cpu->buffer ? cpu->buffer : "");
		kma_json_add(w, o, "cpu", kma_json_whole(cpu->cpu));
		kma_json_add(w, o, "records", kma_json_whole(cpu->records));
		kma_json_add(w, o, "lost", kma_json_whole(cpu->lost));
		kma_json_add(w, o, "lost_counted", kma_json_boolean(cpu->lost_counted));
		if (cpu->records) {
			kma_json_add(w, o, "first_ts", kma_json_whole(cpu->first_ts));
			kma_json_add(w, o, "last_ts", kma_json_whole(cpu->last_ts));
		} else {
			kma_json_add_null(w, o, "first_ts");
			kma_json_add_null(w, o, "last_ts");
		}
		kma_json_add(w, o, "starts_late", kma_json_boolean(cpu->starts_late));
		kma_json_add(w, o, "ends_early", kma_json_boolean(cpu->ends_early));
		if (cpu->has_overrun)
			kma_json_add(w, o, "overrun", kma_json_whole(cpu->overrun));
		else
			kma_json_add_null(w, o, "overrun");
		kma_json_append(w, array, o);
	}
	return array;
}

static struct json_object *absences_array(struct kma_json *w, const struct kma_quality *quality)
{
	struct json_object *array = kma_json_array(w);

	for (size_t i = 0; i < quality->nr_absences; i++) {
		const struct kma_absence *absence = &quality->absences[i];
		struct json_object *o = kma_json_object(w);

		kma_json_add_string(w, o, "report", absence->report);
		kma_json_add_string(w, o, "event", absence->event);
		kma_json_add_string(w, o, "what_for", absence->what_for);
		kma_json_add(w, o, "required", kma_json_boolean(absence->required));
		kma_json_add(w, o, "format_known", kma_json_boolean(absence->format_known));
		kma_json_append(w, array, o);
	}
	return array;
}

struct json_object *kma_json_quality(struct kma_json *w, const struct kma_quality *quality)
{
	struct json_object *o = kma_json_object(w);

	kma_json_add_string(w, o, "reader", quality->reader);
	kma_json_add(w, o, "truncated", kma_json_boolean(quality->truncated));
	kma_json_add(w, o, "lost_events", kma_json_whole(quality->lost));
	kma_json_add(w, o, "lost_counted",
		     kma_json_boolean(!quality->lost || quality->lost_counted));
	kma_json_add(w, o, "lost_ranges", gaps_array(w, quality));
	kma_json_add(w, o, "more_lost_ranges", kma_json_whole(quality->more_gaps));
	kma_json_add(w, o, "cpus", cpus_array(w, quality));
	kma_json_add(w, o, "absent_events", absences_array(w, quality));
	kma_json_add(w, o, "notes", kma_json_strings(w, quality->notes, quality->nr_notes));
	return o;
}
