/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hands a schedule to the trace.dat writer. Must not know how the program under test reads it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datwriter.h"
#include "schedule.h"

#define TSC_SHIFT   2 /* ns = ticks / 4 + TSC_OFFSET */
#define TSC_OFFSET  1000
#define ZONE_LOCK   "int node_id, __data_loc char[] name, int count"
#define PAGE	    "unsigned long pfn, unsigned int order, int migratetype"
#define PCPU_LOCKED "int nid, int zid, int nr_pages"

static const char *fields_of(const struct schedule *s, enum ev ev)
{
	switch (ev) {
	case EV_CONTENDED:
	case EV_UNLOCK:
		return ZONE_LOCK ", unsigned long caller";
	case EV_LOCKED:
		return ZONE_LOCK ", bool contended, unsigned long caller, u64 wait_ns";
	case EV_REFILL:
	case EV_DRAIN:
		return PAGE;
	case EV_ALLOC_LOCKED:
		return s->no_percpu_refill_field ? PAGE : PAGE ", int percpu_refill";
	case EV_REFILL_LOCKED:
	case EV_DRAIN_LOCKED:
		return PCPU_LOCKED;
	case EV_RETURNED:
		return s->no_success_field ? "struct zone *zone" : "struct zone *zone, bool success";
	case EV_START_LOCKING:
	case EV_RELEASED:
		return "struct zone *zone";
	default:
		return "int a, unsigned long b";
	}
}

static void fill_values(const struct schedule *s, const struct rec *rec, struct dat_value *v)
{
	const struct zone *zone = &s->zones[rec->zone];

	switch (rec->ev) {
	case EV_LOCKED:
		v[3].num = rec->contended;
		v[4].num = s->callers[rec->caller];
		v[5].num = rec->wait_ns;
		break;
	case EV_CONTENDED:
	case EV_UNLOCK:
		v[3].num = s->callers[rec->caller];
		break;
	case EV_REFILL:
	case EV_DRAIN:
	case EV_ALLOC_LOCKED:
		v[0].num = rec->pfn;
		v[1].num = rec->order;
		v[2].num = (uint64_t)rec->migratetype;
		if (!s->no_percpu_refill_field)
			v[3].num = (uint64_t)rec->percpu_refill;
		return;
	case EV_REFILL_LOCKED:
	case EV_DRAIN_LOCKED:
		v[0].num = (uint64_t)zone->node;
		v[1].num = rec->zone;
		v[2].num = (uint64_t)rec->count;
		return;
	case EV_START_LOCKING:
	case EV_RETURNED:
	case EV_RELEASED:
		v[0].num = zone->address;
		v[1].num = rec->success;
		return;
	default:
		v[0].num = rec->ts;
		return;
	}
	v[0].num = (uint64_t)zone->node;
	v[1].text = zone->name;
	v[2].num = (uint64_t)rec->count;
}

static uint64_t raw_time(const struct schedule *s, uint64_t ts)
{
	return s->tsc2nsec ? ts << TSC_SHIFT | 1 : ts;
}

/* A discarded event must differ in time from its neighbours, or the ring buffer takes it for the page's end. */
static bool has_room(const struct schedule *s, const struct rec *rec, uint64_t before)
{
	uint64_t after = UINT64_MAX;

	for (const struct rec *next = rec + 1; next < s->recs + s->nr_recs; next++) {
		if (next->cpu == rec->cpu && next->buffer == rec->buffer && !next->absent) {
			after = next->ts;
			break;
		}
	}
	return rec->ts > before && after > rec->ts + 1;
}

static int write_rec(const struct schedule *s, struct dat_writer *w,
		     struct dat_event *const *events, const struct rec *rec, uint64_t *last)
{
	struct dat_record at = {
		.buffer = rec->buffer,
		.cpu = s->cpu_id[rec->cpu],
		.ts = raw_time(s, rec->ts),
		.pid = rec->pid,
		.discard = rec->discarded,
	};
	struct dat_value values[8] = { 0 };

	if (rec->page && dat_new_page(w, rec->buffer, at.cpu))
		return -1;
	if (rec->absent || (rec->discarded && !has_room(s, rec, *last)))
		return 0;
	if (rec->gap && dat_lost(w, rec->buffer, at.cpu, rec->gap))
		return -1;
	if (rec->stamp && dat_timestamp(w, rec->buffer, at.cpu))
		return -1;
	*last = rec->ts + rec->discarded;
	if (rec->ev == EV_STACK)
		return dat_write_stack(w, &at, s->callers, s->nr_callers);
	fill_values(s, rec, values);
	return dat_write(w, &at, events[rec->ev], values);
}

static int declare(const struct schedule *s, struct dat_writer *w, struct dat_event **events)
{
	for (unsigned int ev = 0; ev < EV_STACK; ev++) {
		const char *name = event_name(ev), *colon = strchr(name, ':');
		bool other = ev == EV_START_LOCKING || ev == EV_RETURNED || ev == EV_RELEASED;
		char system[16];

		if (!is_enabled(s, ev) && (!s->declare_all || other))
			continue;
		snprintf(system, sizeof(system), "%.*s", (int)(colon - name), name);
		events[ev] = dat_add_event(w, system, colon + 1, 0, fields_of(s, ev), NULL);
		if (!events[ev])
			return -1;
	}
	return 0;
}

static int write_all(const struct schedule *s, struct dat_writer *w)
{
	struct dat_event *events[NR_EV] = { 0 };
	uint64_t last[MAX_CPUS][MAX_BUFFERS] = { 0 };

	for (unsigned int i = 1; i < s->nr_buffers; i++)
		if (dat_add_buffer(w, i == 1 ? "zones" : "pages", NULL) < 0)
			return -1;
	if (s->tsc2nsec && dat_option_tsc2nsec(w, 1, TSC_SHIFT, TSC_OFFSET))
		return -1;
	for (unsigned int i = 0; i < s->nr_callers; i++) {
		char name[] = "caller_A";

		name[7] += (char)i;
		if (dat_add_symbol(w, s->callers[i] - 0x7f, name, NULL))
			return -1;
	}
	if (declare(s, w, events))
		return -1;
	for (size_t i = 0; i < s->nr_recs; i++) {
		const struct rec *rec = &s->recs[i];

		if (write_rec(s, w, events, rec, &last[rec->cpu][rec->buffer]))
			return -1;
	}
	return 0;
}

int schedule_write(const struct schedule *s, const char *path)
{
	const struct dat_config config = {
		.version = s->version,
		.big_endian = s->big_endian,
		.long_size = s->long_size,
		.page_size = s->page_size,
		.buffer_page_size = s->buffer_page_size,
		.compression = (enum dat_compression)s->compression,
		.chunk_pages = s->chunk_pages,
		.cpus = s->nr_cpus,
		.clock = s->clock,
		.pad_pages = s->pad_pages,
		.narrow_flags = s->narrow_flags,
		.no_cpustat = s->no_cpustat,
	};
	struct dat_writer *w = dat_new(&config);
	int ret;

	if (!w) {
		fprintf(stderr, "seed %u: the writer refuses its settings\n", s->seed);
		return -1;
	}
	ret = write_all(s, w) || dat_finish(w, path) ? -1 : 0;
	if (ret)
		fprintf(stderr, "seed %u: %s\n", s->seed, dat_error(w));
	dat_free(w);
	return ret;
}

bool schedule_is_common(const struct schedule *s)
{
	/* it takes the first thing on a page for the record behind the gap, even when that is a time stamp */
	for (size_t i = 0; i < s->nr_order; i++)
		if (s->order[i]->gap && s->order[i]->stamp)
			return false;
	/* and it reads past the end of a page whose last four bytes are padding */
	return s->compression != DAT_ZLIB && s->page_size != 1024 &&
	       s->buffer_page_size == s->page_size && !s->pad_pages;
}
