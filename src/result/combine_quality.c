/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How good the combined traces are: what any of them lost, lacks or notes. It must not look at any
 * report.
 */
#include <stdlib.h>
#include <string.h>

#include "result/combine_priv.h"
#include "util/arena.h"

bool kma_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static uint64_t moved(const struct kma_combining *c, size_t i, uint64_t ts)
{
	const struct kma_combine_group *group = &c->groups[c->group_of[i]];

	if (!group->timed || ts < group->first_ts)
		return group->offset;
	return ts - group->first_ts + group->offset;
}

const struct kma_cpu_coverage *kma_combine_lane(const struct kma_result *result, const char *buffer,
						uint32_t cpu)
{
	for (size_t i = 0; i < result->quality.nr_cpus; i++) {
		const struct kma_cpu_coverage *lane = &result->quality.cpus[i];

		if (lane->cpu == cpu && kma_same_text(lane->buffer ? lane->buffer : "", buffer))
			return lane;
	}
	return NULL;
}

static int combine_lanes(struct kma_combining *c)
{
	struct kma_quality *to = &c->to->quality;
	size_t most = 0;

	for (size_t i = 0; i < c->nr; i++)
		most += c->results[i]->quality.nr_cpus;
	to->cpus = kma_arena_alloc(c->to->arena, (most + 1) * sizeof(*to->cpus));
	if (!to->cpus)
		return -1;
	for (size_t i = 0; i < c->nr; i++) {
		for (size_t k = 0; k < c->results[i]->quality.nr_cpus; k++) {
			struct kma_cpu_coverage lane = c->results[i]->quality.cpus[k], *old;

			lane.buffer = kma_arena_strdup(c->to->arena,
						       lane.buffer ? lane.buffer : "");
			if (!lane.buffer)
				return -1;
			if (lane.records) {
				lane.first_ts = moved(c, i, lane.first_ts);
				lane.last_ts = moved(c, i, lane.last_ts);
			}
			old = (struct kma_cpu_coverage *)kma_combine_lane(c->to, lane.buffer,
									  lane.cpu);
			if (!old) {
				to->cpus[to->nr_cpus++] = lane;
				continue;
			}
			if (!old->records || (lane.records && lane.first_ts < old->first_ts))
				old->first_ts = lane.first_ts;
			if (!old->records || (lane.records && lane.last_ts > old->last_ts))
				old->last_ts = lane.last_ts;
			old->records += lane.records;
			old->lost_counted = (!old->lost || old->lost_counted) &&
					    (!lane.lost || lane.lost_counted);
			old->lost += lane.lost;
			old->starts_late |= lane.starts_late;
			old->ends_early |= lane.ends_early;
			old->has_overrun |= lane.has_overrun;
			old->overrun += lane.has_overrun ? lane.overrun : 0;
		}
	}
	return 0;
}

static int compare_gaps(const void *x, const void *y)
{
	const struct kma_gap *a = x, *b = y;

	if (a->to_ts != b->to_ts)
		return a->to_ts < b->to_ts ? -1 : 1;
	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	return strcmp(a->buffer, b->buffer);
}

static int combine_gaps(struct kma_combining *c)
{
	struct kma_quality *to = &c->to->quality;
	size_t most = 0;

	for (size_t i = 0; i < c->nr; i++)
		most += c->results[i]->quality.nr_gaps;
	to->gaps = kma_arena_alloc(c->to->arena, (most + 1) * sizeof(*to->gaps));
	if (!to->gaps)
		return -1;
	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_quality *from = &c->results[i]->quality;

		to->more_gaps += from->more_gaps;
		for (size_t k = 0; k < from->nr_gaps; k++) {
			struct kma_gap *gap = &to->gaps[to->nr_gaps++];

			*gap = from->gaps[k];
			gap->buffer = kma_arena_strdup(c->to->arena,
						       gap->buffer ? gap->buffer : "");
			if (!gap->buffer)
				return -1;
			if (gap->from_ts)
				gap->from_ts = moved(c, i, gap->from_ts);
			gap->to_ts = moved(c, i, gap->to_ts);
		}
	}
	if (to->nr_gaps)
		qsort(to->gaps, to->nr_gaps, sizeof(*to->gaps), compare_gaps);
	if (to->nr_gaps > KMA_MAX_GAPS) {
		to->more_gaps += to->nr_gaps - KMA_MAX_GAPS;
		to->nr_gaps = KMA_MAX_GAPS;
	}
	return 0;
}

static bool is_absent(const struct kma_result *result, const struct kma_absence *absence)
{
	for (size_t i = 0; i < result->quality.nr_absences; i++) {
		const struct kma_absence *a = &result->quality.absences[i];

		if (kma_same_text(a->event, absence->event) &&
		    kma_same_text(a->report, absence->report))
			return true;
	}
	return false;
}

/* What all lack is absent; what some lack is a note, and makes their numbers bounds. */
static int combine_absences(struct kma_combining *c)
{
	struct kma_quality *to = &c->to->quality;
	size_t most = 0;

	for (size_t i = 0; i < c->nr; i++)
		most += c->results[i]->quality.nr_absences;
	to->absences = kma_arena_alloc(c->to->arena, (most + 1) * sizeof(*to->absences));
	if (!to->absences)
		return -1;
	for (size_t i = 0; i < c->nr; i++) {
		for (size_t k = 0; k < c->results[i]->quality.nr_absences; k++) {
			struct kma_absence a = c->results[i]->quality.absences[k];
			size_t lack = 0;
			bool earlier = false;

			for (size_t r = 0; r < c->nr; r++) {
				bool lacks = is_absent(c->results[r], &a);

				lack += lacks;
				earlier |= lacks && r < i;
			}
			if (earlier)
				continue;
			if (lack < c->nr) {
				if (kma_result_note(c->to,
						    "%zu of %zu results hold no %s, which report "
						    "%s would use%s%s.",
						    lack, c->nr, a.event ? a.event : "event",
						    a.report ? a.report : "-",
						    a.what_for ? " for " : "",
						    a.what_for ? a.what_for : ""))
					return -1;
				continue;
			}
			a.report = a.report ? kma_arena_strdup(c->to->arena, a.report) : NULL;
			a.event = a.event ? kma_arena_strdup(c->to->arena, a.event) : NULL;
			a.what_for = a.what_for ? kma_arena_strdup(c->to->arena, a.what_for) : NULL;
			to->absences[to->nr_absences++] = a;
		}
	}
	return 0;
}

static int combine_notes(struct kma_combining *c)
{
	struct kma_quality *to = &c->to->quality;

	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_quality *from = &c->results[i]->quality;

		for (size_t k = 0; k < from->nr_notes; k++) {
			bool known = false;

			for (size_t n = 0; n < to->nr_notes && !known; n++)
				known = !strcmp(to->notes[n], from->notes[k]);
			if (!known && kma_result_note(c->to, "%s", from->notes[k]))
				return -1;
		}
		if (from->truncated && c->nr > 1 &&
		    kma_result_note(c->to, "%s is cut off: its part of the numbers is too small.",
				    c->names[i]))
			return -1;
	}
	return 0;
}

int kma_combine_quality(struct kma_combining *c)
{
	struct kma_quality *to = &c->to->quality;

	to->lost_counted = true;
	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_quality *from = &c->results[i]->quality;

		if (!i && from->reader)
			to->reader = kma_arena_strdup(c->to->arena, from->reader);
		else if (!kma_same_text(to->reader, from->reader))
			to->reader = NULL;
		to->truncated |= from->truncated;
		if (from->damage && !to->damage)
			to->damage = kma_arena_printf(c->to->arena, "%s: %s", c->names[i],
						      from->damage);
		to->lost += from->lost;
		to->lost_counted &= !from->lost || from->lost_counted;
	}
	return combine_lanes(c) || combine_gaps(c) || combine_absences(c) || combine_notes(c) ? -1
											      : 0;
}
