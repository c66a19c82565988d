/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a tracer does to the records of a schedule: it loses some, takes some back, and leaves out
 * others. Decides what is in the trace, and in which order.
 */
#include <stdlib.h>

#include "schedule.h"

/* The records of one CPU and buffer, as they happened. */
struct stream {
	struct rec **recs;
	size_t nr;
};

static struct stream stream_of(struct schedule *s, unsigned int cpu, unsigned int buffer)
{
	struct stream stream = { calloc(s->nr_recs + 1, sizeof(*stream.recs)), 0 };

	if (!stream.recs)
		abort();
	for (size_t i = 0; i < s->nr_recs; i++)
		if (s->recs[i].cpu == cpu && s->recs[i].buffer == buffer && !s->recs[i].absent)
			stream.recs[stream.nr++] = &s->recs[i];
	return stream;
}

/*
 * At times a run of records is lost; the next record tells. Its page ends soon, so that it has room
 * for the number, unless padding takes it.
 */
static void lose(const struct schedule *s, struct stream *stream, unsigned int per_mille)
{
	size_t i = 0;

	while (i < stream->nr) {
		size_t lost = random_between(1, chance(80) ? 6 : 40);
		struct rec *after;

		if (random_below(1000) >= (i ? per_mille : 10 * per_mille)) {
			i++;
			continue;
		}
		for (size_t k = i; k < i + lost && k < stream->nr; k++)
			stream->recs[k]->absent = true;
		i += lost;
		if (i >= stream->nr)
			break;
		after = stream->recs[i];
		after->discarded = false;
		after->gap = s->pad_pages || chance(30) ? -1 : (int64_t)lost;
		i += random_between(1, 8);
		if (i < stream->nr)
			stream->recs[i]->page = true;
	}
}

static void leave_out(struct schedule *s)
{
	bool some_discarded = chance(40), some_missing = chance(25);

	for (size_t i = 0; i < s->nr_recs; i++) {
		struct rec *rec = &s->recs[i];

		rec->stamp = chance(1) && chance(30);
		rec->page = chance(1);
		if (some_missing && rec->ev == EV_UNLOCK && chance(4))
			rec->absent = true;
		if (some_discarded && rec->ev != EV_START_LOCKING && rec->ev != EV_RETURNED &&
		    rec->ev != EV_STACK)
			rec->discarded = chance(3);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct rec *x = *(struct rec *const *)a, *y = *(struct rec *const *)b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	if (x->buffer != y->buffer)
		return x->buffer < y->buffer ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void put_in_order(struct schedule *s)
{
	free(s->order);
	s->order = calloc(s->nr_recs + 1, sizeof(*s->order));
	s->nr_order = 0;
	if (!s->order)
		abort();
	for (size_t i = 0; i < s->nr_recs; i++)
		if (in_trace(&s->recs[i]))
			s->order[s->nr_order++] = &s->recs[i];
	qsort(s->order, s->nr_order, sizeof(*s->order), by_time);
	for (size_t i = 0; i < s->nr_order; i++)
		s->order[i]->place = i;
}

bool schedule_gap_between(const struct schedule *s, const struct rec *from, const struct rec *to)
{
	for (size_t i = from->place + 1; i <= to->place; i++)
		if (s->order[i]->cpu == to->cpu && s->order[i]->gap)
			return true;
	return false;
}

size_t schedule_count(const struct schedule *s, enum ev ev)
{
	size_t nr = 0;

	for (size_t i = 0; i < s->nr_order; i++)
		nr += s->order[i]->ev == ev;
	return nr;
}

/*
 * An unlock whose own lock is not in the trace must not follow a lock whose own unlock is not:
 * nobody could tell that they do not belong together. @later: 0 for the kmem events, 1 for
 * zone_lock:*, whose records are the next ones.
 */
static void untangle(struct schedule *s, int later)
{
	struct rec *open[MAX_CPUS][MAX_ZONES] = { 0 };

	for (size_t i = 0; i < s->nr_sections; i++) {
		const struct section *section = &s->sections[i];
		struct rec *lock = section->lock < 0 ? NULL : &s->recs[section->lock + later];
		struct rec *unlock = section->unlock < 0 ? NULL : &s->recs[section->unlock + later];
		struct rec **slot = &open[section->cpu][section->zone];

		if (lock && in_trace(lock))
			*slot = lock;
		if (!unlock || !in_trace(unlock))
			continue;
		if (*slot && *slot != lock && !schedule_gap_between(s, *slot, unlock))
			unlock->absent = true;
		else
			*slot = NULL;
	}
}

void schedule_damage(struct schedule *s)
{
	unsigned int per_mille = chance(40) ? (unsigned int)random_between(1, 15) : 0;

	leave_out(s);
	for (unsigned int cpu = 0; cpu < s->nr_cpus; cpu++) {
		for (unsigned int buffer = 0; buffer < s->nr_buffers; buffer++) {
			struct stream stream = stream_of(s, cpu, buffer);

			lose(s, &stream, per_mille);
			free(stream.recs);
		}
	}
	put_in_order(s);
	untangle(s, 0);
	untangle(s, 1);
	put_in_order(s);
}
