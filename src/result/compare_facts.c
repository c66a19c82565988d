/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between the traces themselves, and which findings came and went. It must not look at
 * any number of a report.
 */
#include <stdlib.h>
#include <string.h>

#include "result/compare_priv.h"
#include "util/arena.h"

#define MOST_EVENTS 4

static int differ(struct kma_comparison *c, const char *text)
{
	const char **room = kma_compare_room(c, c->differences, c->nr_differences, sizeof(*room));

	if (!room || !text)
		return -1;
	c->differences = room;
	room[c->nr_differences++] = text;
	return 0;
}

static const char *kernel_of(struct kma_comparison *c, const struct kma_facts *facts)
{
	(void)c;
	return facts->kernel ? facts->kernel : "unknown";
}

static const char *cpus_of(struct kma_comparison *c, const struct kma_facts *facts)
{
	return facts->cpus ? kma_arena_printf(c->arena, "%u", facts->cpus) : "unknown";
}

static const char *page_size_of(struct kma_comparison *c, const struct kma_facts *facts)
{
	return kma_arena_printf(c->arena, "%u", facts->page_size);
}

static const char *word_of(struct kma_comparison *c, const struct kma_facts *facts)
{
	return kma_arena_printf(c->arena, "%u-bit %s-endian", facts->long_size * 8,
				facts->big_endian ? "big" : "little");
}

static const char *clock_of(struct kma_comparison *c, const struct kma_facts *facts)
{
	return kma_arena_printf(c->arena, "%s%s", facts->clock ? facts->clock : "unknown",
				facts->ticks ? " (ticks, no durations)" : "");
}

/* What all results of a side have; "various" where they differ; NULL when out of memory */
static const char *fact_of(struct kma_comparison *c, unsigned int side,
			   const char *(*text_of)(struct kma_comparison *,
						  const struct kma_facts *))
{
	const char *text = NULL;

	for (size_t i = 0; i < c->sides[side].nr; i++) {
		const char *other = text_of(c, &c->sides[side].results[i]->facts);

		if (!other)
			return NULL;
		if (text && strcmp(text, other))
			return "various";
		text = other;
	}
	return text;
}

static int compare_fact(struct kma_comparison *c, const char *what,
			const char *(*text_of)(struct kma_comparison *, const struct kma_facts *),
			bool *differs)
{
	const char *base = fact_of(c, KMA_BASE, text_of), *now = fact_of(c, KMA_NEW, text_of);

	*differs = false;
	if (!base || !now)
		return -1;
	if (!strcmp(base, now) && strcmp(base, "various"))
		return 0;
	*differs = true;
	if (!strcmp(base, now))
		return differ(c, kma_arena_printf(c->arena, "%s: various on both sides", what));
	return differ(c, kma_arena_printf(c->arena, "%s: base %s, new %s", what, base, now));
}

static bool has_event(const struct kma_side *side, const struct kma_event_count *event)
{
	for (size_t i = 0; i < side->nr; i++) {
		const struct kma_facts *facts = &side->results[i]->facts;

		for (size_t k = 0; k < facts->nr_events; k++) {
			const struct kma_event_count *e = &facts->events[k];

			if (e->count && !strcmp(e->name, event->name) &&
			    !strcmp(e->system, event->system))
				return true;
		}
	}
	return false;
}

/* Events that only @side has */
static int compare_events(struct kma_comparison *c, unsigned int side)
{
	const char *text = "";
	size_t nr = 0;

	for (size_t i = 0; i < c->sides[side].nr; i++) {
		const struct kma_facts *facts = &c->sides[side].results[i]->facts;

		for (size_t k = 0; k < facts->nr_events; k++) {
			const struct kma_event_count *e = &facts->events[k];
			struct kma_side earlier = { c->sides[side].results, i };

			if (!e->count || has_event(&c->sides[!side], e) || has_event(&earlier, e))
				continue;
			if (nr++ >= MOST_EVENTS)
				continue;
			text = kma_arena_printf(c->arena, "%s%s%s:%s", text, nr > 1 ? ", " : "",
						e->system, e->name);
			if (!text)
				return -1;
		}
	}
	if (!nr)
		return 0;
	if (nr > MOST_EVENTS)
		text = kma_arena_printf(c->arena, "%s and %zu more", text, nr - MOST_EVENTS);
	return differ(c, kma_arena_printf(c->arena, "events only in %s: %s",
					  side == KMA_BASE ? "base" : "new", text ? text : ""));
}

static int compare_quality(struct kma_comparison *c, unsigned int side)
{
	const char *name = side == KMA_BASE ? "base" : "new";
	uint64_t lost = 0;
	size_t truncated = 0, losing = 0;

	for (size_t i = 0; i < c->sides[side].nr; i++) {
		const struct kma_quality *quality = &c->sides[side].results[i]->quality;

		lost += quality->lost;
		losing += quality->lost != 0;
		truncated += quality->truncated;
	}
	if (losing &&
	    differ(c, kma_arena_printf(c->arena,
				       "%s: %zu of %zu traces lost events, %" PRIu64 " in all",
				       name, losing, c->sides[side].nr, lost)))
		return -1;
	if (truncated && differ(c, kma_arena_printf(c->arena, "%s: %zu of %zu traces are cut off",
						    name, truncated, c->sides[side].nr)))
		return -1;
	return 0;
}

int kma_compare_facts(struct kma_comparison *c)
{
	bool kernels, other;

	if (compare_fact(c, "kernel", kernel_of, &kernels) ||
	    compare_fact(c, "CPUs", cpus_of, &other) ||
	    compare_fact(c, "page size", page_size_of, &other) ||
	    compare_fact(c, "machine", word_of, &other) ||
	    compare_fact(c, "clock", clock_of, &other) || compare_events(c, KMA_BASE) ||
	    compare_events(c, KMA_NEW) || compare_quality(c, KMA_BASE) ||
	    compare_quality(c, KMA_NEW))
		return -1;
	c->by_function = kernels;
	return kernels ? differ(c, "call sites are matched by their functions alone, for offsets "
				   "differ between kernels")
		       : 0;
}

static struct kma_finding_change *finding_named(struct kma_comparison *c, const char *id)
{
	for (size_t i = 0; i < c->nr_findings; i++) {
		if (!strcmp(c->findings[i].finding->id, id))
			return &c->findings[i];
	}
	return NULL;
}

static int count_findings(struct kma_comparison *c, unsigned int side,
			  const struct kma_report *report)
{
	for (size_t i = 0; i < report->nr_findings; i++) {
		const struct kma_finding *finding = &report->findings[i];
		struct kma_finding_change *change = finding_named(c, finding->id);
		bool counted = false;

		for (size_t k = 0; k < i; k++)
			counted |= !strcmp(report->findings[k].id, finding->id);
		if (counted)
			continue;
		if (!change) {
			change = kma_compare_room(c, c->findings, c->nr_findings, sizeof(*change));
			if (!change)
				return -1;
			c->findings = change;
			change += c->nr_findings++;
			*change = (struct kma_finding_change){ .report = report->name,
							       .finding = finding };
		}
		change->nr[side]++;
	}
	return 0;
}

/* A report without its events has no findings, and that is no news. */
static bool side_tells(const struct kma_side *side, const char *name)
{
	for (size_t i = 0; i < side->nr; i++) {
		const struct kma_report *report = kma_result_find_report(side->results[i], name);

		if (report && report->status.code != KMA_UNAVAILABLE)
			return true;
	}
	return false;
}

static int compare_severities(const void *x, const void *y)
{
	const struct kma_finding_change *a = x, *b = y;

	if (a->finding->severity != b->finding->severity)
		return a->finding->severity > b->finding->severity ? -1 : 1;
	return strcmp(a->finding->id, b->finding->id);
}

int kma_compare_findings(struct kma_comparison *c)
{
	size_t kept = 0;

	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		for (size_t i = 0; i < c->sides[side].nr; i++) {
			const struct kma_result *result = c->sides[side].results[i];

			for (size_t r = 0; r < result->nr_reports; r++) {
				if (count_findings(c, side, &result->reports[r]))
					return -1;
			}
		}
	}
	/* as many as half of the traces more on one side than on the other */
	for (size_t i = 0; i < c->nr_findings; i++) {
		const struct kma_finding_change *f = &c->findings[i];
		double base = (double)f->nr[KMA_BASE] / (double)c->sides[KMA_BASE].nr;
		double now = (double)f->nr[KMA_NEW] / (double)c->sides[KMA_NEW].nr;

		if ((base - now >= 0.5 || now - base >= 0.5) &&
		    side_tells(&c->sides[KMA_BASE], f->report) &&
		    side_tells(&c->sides[KMA_NEW], f->report))
			c->findings[kept++] = *f;
	}
	c->nr_findings = kept;
	if (kept)
		qsort(c->findings, kept, sizeof(*c->findings), compare_severities);
	return 0;
}
