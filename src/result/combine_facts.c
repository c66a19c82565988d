/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the combined traces are, and how good. Traces of different machines share no clock: their
 * times are laid one behind the other. It must not look at any report.
 */
#include <stdlib.h>
#include <string.h>

#include "result/combine_priv.h"
#include "util/arena.h"

#define MOST_NAMES 3

static const struct kma_facts *facts_of(const struct kma_combining *c, size_t i)
{
	return &c->results[i]->facts;
}

/* NULL unless all results have the same text */
static const char *common(struct kma_combining *c, const char *first, size_t offset)
{
	for (size_t i = 1; i < c->nr; i++) {
		const char *other = *(const char *const *)((const char *)facts_of(c, i) + offset);

		if (!kma_same_text(first, other))
			return NULL;
	}
	return first ? kma_arena_strdup(c->to->arena, first) : NULL;
}

#define COMMON(c, member) common(c, facts_of(c, 0)->member, offsetof(struct kma_facts, member))

static uint32_t common_number(const struct kma_combining *c, size_t offset)
{
	uint32_t first = *(const uint32_t *)((const char *)facts_of(c, 0) + offset);

	for (size_t i = 1; i < c->nr; i++) {
		if (*(const uint32_t *)((const char *)facts_of(c, i) + offset) != first)
			return 0;
	}
	return first;
}

#define COMMON_NUMBER(c, member) common_number(c, offsetof(struct kma_facts, member))

static void add_to_group(struct kma_combining *c, size_t i, size_t g)
{
	const struct kma_facts *facts = facts_of(c, i);
	struct kma_combine_group *group = &c->groups[g];

	c->group_of[i] = g;
	group->nr++;
	c->parts |= group->nr > 1;
	if (!facts->records || facts->ticks)
		return;
	if (!group->timed || facts->first_ts < group->first_ts)
		group->first_ts = facts->first_ts;
	if (!group->timed || facts->last_ts > group->last_ts)
		group->last_ts = facts->last_ts;
	group->timed = true;
}

static int find_groups(struct kma_combining *c)
{
	uint64_t end = 0;

	c->groups = kma_arena_alloc(c->to->arena, c->nr * sizeof(*c->groups));
	c->group_of = kma_arena_alloc(c->to->arena, c->nr * sizeof(*c->group_of));
	if (!c->groups || !c->group_of)
		return -1;
	for (size_t i = 0; i < c->nr; i++) {
		size_t g = c->nr_groups;

		for (size_t k = 0; k < i && facts_of(c, i)->trace_id; k++) {
			if (facts_of(c, k)->trace_id == facts_of(c, i)->trace_id)
				g = c->group_of[k];
		}
		add_to_group(c, i, g);
		c->nr_groups += g == c->nr_groups;
	}
	for (size_t g = 0; g < c->nr_groups; g++) {
		struct kma_combine_group *group = &c->groups[g];

		/* one trace keeps its times; several run on from 0 */
		group->offset = c->nr_groups == 1 ? group->first_ts : end;
		end += group->last_ts - group->first_ts;
	}
	return 0;
}

/* The CPU that both have records of at the same time, or NULL */
static const struct kma_cpu_coverage *overlap(const struct kma_result *a,
					      const struct kma_result *b)
{
	for (size_t i = 0; i < a->quality.nr_cpus; i++) {
		const struct kma_cpu_coverage *x = &a->quality.cpus[i], *y;

		y = kma_combine_lane(b, x->buffer ? x->buffer : "", x->cpu);
		if (y && x->records && y->records && x->first_ts <= y->last_ts &&
		    y->first_ts <= x->last_ts)
			return x;
	}
	return NULL;
}

static bool is_same_result(const struct kma_facts *a, const struct kma_facts *b)
{
	return a->records && b->records && a->first_ts == b->first_ts && a->last_ts == b->last_ts &&
	       kma_same_text(a->source, b->source) && kma_same_text(a->kernel, b->kernel) &&
	       a->trace_id == b->trace_id && a->nr_events == b->nr_events;
}

static int check_twice(const struct kma_combining *c, struct kma_error *err)
{
	for (size_t i = 0; i < c->nr; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct kma_cpu_coverage *lane;

			if (is_same_result(facts_of(c, k), facts_of(c, i)))
				return kma_fail(err, KMA_ERR_USAGE,
						"%s and %s are results of the same records: they "
						"would count twice",
						c->names[k], c->names[i]);
			if (c->group_of[i] != c->group_of[k])
				continue;
			lane = overlap(c->results[k], c->results[i]);
			if (lane)
				return kma_fail(err, KMA_ERR_USAGE,
						"%s and %s hold the same trace, and both CPU %u at "
						"the same time: its records would count twice",
						c->names[k], c->names[i], lane->cpu);
		}
	}
	return 0;
}

static const char *source_text(struct kma_combining *c)
{
	const char *text;

	if (c->nr == 1)
		return facts_of(c, 0)->source
			       ? kma_arena_strdup(c->to->arena, facts_of(c, 0)->source)
			       : NULL;
	text = kma_arena_printf(c->to->arena, "%zu results:", c->nr);
	for (size_t i = 0; text && i < c->nr && i < MOST_NAMES; i++)
		text = kma_arena_printf(c->to->arena, "%s%s %s", text, i ? "," : "",
					facts_of(c, i)->source ? facts_of(c, i)->source : "-");
	if (text && c->nr > MOST_NAMES)
		text = kma_arena_printf(c->to->arena, "%s and %zu more", text, c->nr - MOST_NAMES);
	return text;
}

static int compare_events(const void *x, const void *y)
{
	const struct kma_event_count *a = x, *b = y;
	int order = strcmp(a->system, b->system);

	return order ? order : strcmp(a->name, b->name);
}

static int combine_events(struct kma_combining *c)
{
	struct kma_facts *to = &c->to->facts;
	size_t most = 0, kept = 0;

	for (size_t i = 0; i < c->nr; i++)
		most += facts_of(c, i)->nr_events;
	to->events = kma_arena_alloc(c->to->arena, (most + 1) * sizeof(*to->events));
	if (!to->events)
		return -1;
	for (size_t i = 0; i < c->nr; i++) {
		for (size_t k = 0; k < facts_of(c, i)->nr_events; k++) {
			struct kma_event_count *e = &to->events[to->nr_events++];

			*e = facts_of(c, i)->events[k];
			e->system = kma_arena_strdup(c->to->arena, e->system);
			e->name = kma_arena_strdup(c->to->arena, e->name);
			if (!e->system || !e->name)
				return -1;
		}
	}
	if (to->nr_events)
		qsort(to->events, to->nr_events, sizeof(*to->events), compare_events);
	for (size_t i = 0; i < to->nr_events; i++) {
		if (kept && !compare_events(&to->events[kept - 1], &to->events[i]))
			to->events[kept - 1].count += to->events[i].count;
		else
			to->events[kept++] = to->events[i];
	}
	to->nr_events = kept;
	return 0;
}

static int combine_buffers(struct kma_combining *c)
{
	struct kma_facts *to = &c->to->facts;
	size_t most = 0;

	for (size_t i = 0; i < c->nr; i++)
		most += facts_of(c, i)->nr_buffers;
	to->buffers = kma_arena_alloc(c->to->arena, (most + 1) * sizeof(*to->buffers));
	if (!to->buffers)
		return -1;
	for (size_t i = 0; i < c->nr; i++) {
		for (size_t k = 0; k < facts_of(c, i)->nr_buffers; k++) {
			const struct kma_buffer_facts *b = &facts_of(c, i)->buffers[k];
			size_t at = 0;

			while (at < to->nr_buffers &&
			       !kma_same_text(to->buffers[at].name, b->name ? b->name : ""))
				at++;
			if (at < to->nr_buffers) {
				if (!kma_same_text(to->buffers[at].clock, b->clock))
					to->buffers[at].clock = NULL;
				to->buffers[at].analysed |= b->analysed;
				continue;
			}
			to->buffers[at] = *b;
			to->buffers[at].name = kma_arena_strdup(c->to->arena,
								b->name ? b->name : "");
			if (b->clock)
				to->buffers[at].clock = kma_arena_strdup(c->to->arena, b->clock);
			if (!to->buffers[at].name || (b->clock && !to->buffers[at].clock))
				return -1;
			to->nr_buffers++;
		}
	}
	return 0;
}

static int combine_span(struct kma_combining *c)
{
	struct kma_facts *to = &c->to->facts;
	bool any = false;

	to->ticks = true;
	for (size_t i = 0; i < c->nr; i++) {
		const struct kma_combine_group *group = &c->groups[c->group_of[i]];

		to->ticks &= facts_of(c, i)->ticks;
		to->records += facts_of(c, i)->records;
		if (!group->timed)
			continue;
		if (!any || group->offset < to->first_ts)
			to->first_ts = group->offset;
		if (!any || group->offset + (group->last_ts - group->first_ts) > to->last_ts)
			to->last_ts = group->offset + (group->last_ts - group->first_ts);
		any = true;
	}
	if (c->nr_groups > 1 &&
	    kma_result_note(c->to,
			    "%zu results of %zu traces as one: times begin at 0 and run on from "
			    "one trace to the next, and the span is the sum of theirs. A CPU, node "
			    "or zone stands for those of that number or name on all machines.",
			    c->nr, c->nr_groups))
		return -1;
	return 0;
}

static int check_alike(struct kma_combining *c)
{
	for (size_t i = 1; i < c->nr; i++) {
		if (facts_of(c, i)->page_size != facts_of(c, 0)->page_size)
			return kma_result_note(c->to,
					       "The machines' page sizes differ (%u and %u bytes): "
					       "numbers of pages add up pages of different sizes.",
					       facts_of(c, 0)->page_size,
					       facts_of(c, i)->page_size);
	}
	return 0;
}

int kma_combine_facts(struct kma_combining *c, struct kma_error *err)
{
	struct kma_facts *to = &c->to->facts;

	if (find_groups(c))
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	if (check_twice(c, err))
		return -1;
	to->source = source_text(c);
	to->kernel = COMMON(c, kernel);
	to->compression = COMMON(c, compression);
	to->clock = COMMON(c, clock);
	to->clock_note = COMMON(c, clock_note);
	to->file_version = COMMON_NUMBER(c, file_version);
	to->cpus = COMMON_NUMBER(c, cpus);
	to->page_size = COMMON_NUMBER(c, page_size);
	to->long_size = COMMON_NUMBER(c, long_size);
	to->big_endian = facts_of(c, 0)->big_endian;
	to->trace_id = c->nr_groups == 1 ? facts_of(c, 0)->trace_id : 0;
	if (combine_events(c) || combine_buffers(c) || combine_span(c) || check_alike(c) ||
	    kma_combine_quality(c))
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return 0;
}
