/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "trace" and "quality" of a JSON document read back. The order is render/json_trace.c's.
 */
#include "gate/trace_json.h"

#include <stdlib.h>
#include <string.h>

#include "gate/json_reader.h"
#include "result/result.h"

static void read_buffers(struct kma_json_in *in, const struct kma_json_at *trace,
			 struct kma_facts *facts)
{
	struct kma_json_at array = kma_json_get(in, trace, "buffers", json_type_array);
	size_t nr = kma_json_length(&array);

	facts->buffers = kma_json_alloc(in, nr, sizeof(*facts->buffers));
	for (size_t i = 0; i < nr && !in->failed; i++) {
		struct kma_json_at o = kma_json_element(in, &array, i, json_type_object);

		facts->buffers[i] = (struct kma_buffer_facts){
			.name = kma_json_get_text(in, &o, "name"),
			.clock = kma_json_get_text_or_null(in, &o, "clock"),
			.analysed = kma_json_get_bool(in, &o, "analysed"),
		};
		facts->nr_buffers = i + 1;
	}
}

static void read_events(struct kma_json_in *in, const struct kma_json_at *trace,
			struct kma_facts *facts)
{
	struct kma_json_at array = kma_json_get(in, trace, "events", json_type_array);
	size_t nr = kma_json_length(&array);

	facts->events = kma_json_alloc(in, nr, sizeof(*facts->events));
	for (size_t i = 0; i < nr && !in->failed; i++) {
		struct kma_json_at o = kma_json_element(in, &array, i, json_type_object);
		const char *event = kma_json_get_text(in, &o, "event");
		const char *colon = strchr(event, ':');
		char *system;

		if (!in->failed && !colon)
			kma_json_bad(in, &o, "the event \"%.60s\" is not SYSTEM:NAME", event);
		if (in->failed)
			return;
		system = kma_json_alloc(in, colon - event + 1, 1);
		if (!system)
			return;
		memcpy(system, event, colon - event);
		facts->events[i] = (struct kma_event_count){
			.system = system,
			.name = colon + 1,
			.count = kma_json_get_whole(in, &o, "count", UINT64_MAX),
		};
		facts->nr_events = i + 1;
	}
}

/* There only where names are known. */
static void read_migratetypes(struct kma_json_in *in, const struct kma_json_at *trace,
			      struct kma_result *result)
{
	static const char *const sources[] = { "trace", "user", NULL };
	struct kma_json_at array;
	size_t nr;

	if (!kma_json_has(trace, "migratetypes"))
		return;
	array = kma_json_get(in, trace, "migratetypes", json_type_array);
	nr = kma_json_length(&array);
	if (nr > KMA_MAX_MIGRATETYPES)
		kma_json_bad(in, &array, "no kernel has %zu migratetypes", nr);
	for (size_t i = 0; i < nr && !in->failed; i++) {
		struct kma_json_at o = kma_json_element(in, &array, i, json_type_object);

		result->migratetypes[i] = (struct kma_migratetype){
			.number = (int32_t)kma_json_get_whole(in, &o, "number", INT32_MAX),
			.name = kma_json_get_text(in, &o, "name"),
			.by_user = kma_json_get_word(in, &o, "from", sources),
		};
		result->nr_migratetypes = i + 1;
	}
}

/* 16 hexadecimal digits, or null */
static uint64_t read_id(struct kma_json_in *in, const struct kma_json_at *trace)
{
	const char *text = kma_json_get_text_or_null(in, trace, "trace_id");

	if (in->failed || !text)
		return 0;
	if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		kma_json_bad(in, trace, "trace_id must be 16 hexadecimal digits");
	return strtoull(text, NULL, 16);
}

void kma_trace_read_json(struct kma_json_in *in, const struct kma_json_at *trace,
			 struct kma_result *result)
{
	struct kma_facts *facts = &result->facts;
	static const char *const endians[] = { "little", "big", NULL };
	static const char *const time_units[] = { "ns", "ticks", NULL };
	struct kma_json_at first;

	facts->source = kma_json_get_text_or_null(in, trace, "source");
	facts->kernel = kma_json_get_text_or_null(in, trace, "kernel");
	facts->file_version = kma_json_get_whole(in, trace, "file_version", UINT32_MAX);
	facts->compression = kma_json_get_text_or_null(in, trace, "compression");
	facts->cpus = kma_json_get_whole(in, trace, "cpus", UINT32_MAX);
	facts->page_size = kma_json_get_whole(in, trace, "page_size", UINT32_MAX);
	facts->long_size = kma_json_get_whole(in, trace, "long_size", UINT32_MAX);
	facts->big_endian = kma_json_get_word(in, trace, "endian", endians);
	facts->clock = kma_json_get_text_or_null(in, trace, "clock");
	facts->clock_note = kma_json_get_text_or_null(in, trace, "clock_note");
	facts->ticks = kma_json_get_word(in, trace, "time_unit", time_units);
	read_buffers(in, trace, facts);
	first = kma_json_get_any(in, trace, "first_ts");
	facts->records = first.value != NULL;
	facts->first_ts = kma_json_get_whole_or_null(in, trace, "first_ts");
	facts->last_ts = kma_json_get_whole_or_null(in, trace, "last_ts");
	if (!in->failed && facts->last_ts < facts->first_ts)
		kma_json_bad(in, trace, "ends before it begins");
	facts->trace_id = read_id(in, trace);
	read_migratetypes(in, trace, result);
	read_events(in, trace, facts);
}

static void read_gaps(struct kma_json_in *in, const struct kma_json_at *at,
		      struct kma_quality *quality)
{
	struct kma_json_at array = kma_json_get(in, at, "lost_ranges", json_type_array);
	size_t nr = kma_json_length(&array);

	quality->gaps = kma_json_alloc(in, nr, sizeof(*quality->gaps));
	for (size_t i = 0; i < nr && !in->failed; i++) {
		struct kma_json_at o = kma_json_element(in, &array, i, json_type_object);

		quality->gaps[i] = (struct kma_gap){
			.buffer = kma_json_get_text(in, &o, "buffer"),
			.cpu = kma_json_get_whole(in, &o, "cpu", UINT32_MAX),
			.count = kma_json_get_whole(in, &o, "count", UINT64_MAX),
			.counted = kma_json_get_bool(in, &o, "counted"),
			.from_ts = kma_json_get_whole_or_null(in, &o, "from_ts"),
			.to_ts = kma_json_get_whole(in, &o, "to_ts", UINT64_MAX),
		};
		quality->nr_gaps = i + 1;
	}
}

static void read_cpus(struct kma_json_in *in, const struct kma_json_at *at,
		      struct kma_quality *quality)
{
	struct kma_json_at array = kma_json_get(in, at, "cpus", json_type_array);
	size_t nr = kma_json_length(&array);

	quality->cpus = kma_json_alloc(in, nr, sizeof(*quality->cpus));
	for (size_t i = 0; i < nr && !in->failed; i++) {
		struct kma_json_at o = kma_json_element(in, &array, i, json_type_object);

		quality->cpus[i] = (struct kma_cpu_coverage){
			.buffer = kma_json_get_text(in, &o, "buffer"),
			.cpu = kma_json_get_whole(in, &o, "cpu", UINT32_MAX),
			.records = kma_json_get_whole(in, &o, "records", UINT64_MAX),
			.lost = kma_json_get_whole(in, &o, "lost", UINT64_MAX),
			.lost_counted = kma_json_get_bool(in, &o, "lost_counted"),
			.first_ts = kma_json_get_whole_or_null(in, &o, "first_ts"),
			.last_ts = kma_json_get_whole_or_null(in, &o, "last_ts"),
			.starts_late = kma_json_get_bool(in, &o, "starts_late"),
			.ends_early = kma_json_get_bool(in, &o, "ends_early"),
			.overrun = kma_json_get_whole_or_null(in, &o, "overrun"),
			.has_overrun = kma_json_get_any(in, &o, "overrun").value,
		};
		quality->nr_cpus = i + 1;
	}
}

static void read_absences(struct kma_json_in *in, const struct kma_json_at *at,
			  struct kma_quality *quality)
{
	struct kma_json_at array = kma_json_get(in, at, "absent_events", json_type_array);
	size_t nr = kma_json_length(&array);

	quality->absences = kma_json_alloc(in, nr, sizeof(*quality->absences));
	for (size_t i = 0; i < nr && !in->failed; i++) {
		struct kma_json_at o = kma_json_element(in, &array, i, json_type_object);

		quality->absences[i] = (struct kma_absence){
			.report = kma_json_get_text_or_null(in, &o, "report"),
			.event = kma_json_get_text(in, &o, "event"),
			.what_for = kma_json_get_text_or_null(in, &o, "what_for"),
			.required = kma_json_get_bool(in, &o, "required"),
			.format_known = kma_json_get_bool(in, &o, "format_known"),
		};
		quality->nr_absences = i + 1;
	}
}

void kma_quality_read_json(struct kma_json_in *in, const struct kma_json_at *at,
			   struct kma_quality *quality)
{
	struct kma_json_at notes;

	quality->reader = kma_json_get_text_or_null(in, at, "reader");
	quality->truncated = kma_json_get_bool(in, at, "truncated");
	quality->lost = kma_json_get_whole(in, at, "lost_events", UINT64_MAX);
	quality->lost_counted = kma_json_get_bool(in, at, "lost_counted");
	read_gaps(in, at, quality);
	quality->more_gaps = kma_json_get_whole(in, at, "more_lost_ranges", UINT64_MAX);
	read_cpus(in, at, quality);
	read_absences(in, at, quality);
	notes = kma_json_get(in, at, "notes", json_type_array);
	quality->notes = kma_json_texts(in, &notes, &quality->nr_notes);
	quality->max_notes = quality->nr_notes;
}
