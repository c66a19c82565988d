/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The truth about the zone_lock.* metrics. The lock is held by one CPU at a time, so holds do not overlap. */
#include <stdlib.h>

#include "truth.h"

#define NR_LABEL_SETS 4

/* One acquisition that is in the trace, with what is known of its section. */
struct taken {
	const struct rec *lock, *unlock; /* unlock NULL: unpaired */
	bool waited;			 /* there is a wait to tell of */
	uint64_t wait, hold, pages, blamed;
	bool moved; /* by refill or drain records */
};

struct zone_truth {
	const struct schedule *s;
	struct expect *x;
	struct taken *taken; /* in the order of the lock records */
	size_t nr;
	bool other, have_locked, have_unlock, have_refill, have_drain;
	bool unsure_refill, unsure_drain;
	uint64_t lost;
};

typedef const char *label_sets[NR_LABEL_SETS];

/* zone_lock:* events tell a CPU only. */
static unsigned int labels_of(const struct zone_truth *t, const struct rec *rec, label_sets sets)
{
	const struct zone *zone = &t->s->zones[rec->zone];

	sets[0] = "";
	sets[1] = label("{cpu=%u}", t->s->cpu_id[rec->cpu]);
	if (t->other)
		return 2;
	sets[2] = label("{node=%d,zone=%s}", zone->node, zone->name);
	sets[3] = label("{caller=0x%llx}", (unsigned long long)t->s->callers[rec->caller]);
	return 4;
}

static const char *zone_label(const struct zone_truth *t, unsigned int zone)
{
	return label("{node=%d,zone=%s}", t->s->zones[zone].node, t->s->zones[zone].name);
}

static void add(struct zone_truth *t, const char *name, const struct rec *rec, int64_t amount)
{
	label_sets sets;
	unsigned int nr = labels_of(t, rec, sets);

	for (unsigned int i = 0; i < nr; i++)
		expect_add(t->x, name, sets[i], amount);
}

static void sample(struct zone_truth *t, const char *name, const struct rec *rec, uint64_t value)
{
	label_sets sets;
	unsigned int nr = labels_of(t, rec, sets);

	for (unsigned int i = 0; i < nr; i++)
		expect_sample(t->x, name, sets[i], value);
}

static const struct rec *in_trace_or_null(const struct rec *rec)
{
	return in_trace(rec) ? rec : NULL;
}

/* Pages of a section whose two ends are known. */
static void count_pages(struct zone_truth *t, struct taken *one)
{
	int64_t rest = one->unlock->count;

	for (size_t i = one->lock->place + 1; i < one->unlock->place; i++) {
		const struct rec *rec = t->s->order[i];

		if (rec->cpu != one->lock->cpu || (rec->ev != EV_REFILL && rec->ev != EV_DRAIN))
			continue;
		one->pages += UINT64_C(1) << rec->order;
		one->moved = true;
	}
	if (one->moved)
		return;
	if (rest > 0) {
		one->pages = (uint64_t)rest;
		t->unsure_refill |= !t->have_refill;
	} else if (!t->have_drain && one->lock->count > rest) {
		one->pages = (uint64_t)(one->lock->count - rest);
		t->unsure_drain = true;
	}
}

static void look_at_section(struct zone_truth *t, const struct section *section)
{
	const struct rec *recs = t->s->recs;
	unsigned int later = t->other; /* zone_lock:* records come just after those of kmem */
	const struct rec *asked = section->asked < 0 ? NULL : in_trace_or_null(&recs[section->asked]);
	const struct rec *lock = section->lock < 0 ? NULL
						   : in_trace_or_null(&recs[section->lock + later]);
	const struct rec *unlock = section->unlock < 0
					   ? NULL
					   : in_trace_or_null(&recs[section->unlock + later]);
	bool paired = lock && unlock && !schedule_gap_between(t->s, lock, unlock);
	struct taken *one = &t->taken[t->nr];

	if (unlock && !paired)
		add(t, "zone_lock.unpaired_unlocks_total", unlock, 1);
	if (!lock)
		return;
	*one = (struct taken){ .lock = lock, .unlock = paired ? unlock : NULL };
	t->nr++;
	if (t->other) {
		one->waited = asked && !schedule_gap_between(t->s, asked, lock);
		one->wait = one->waited ? lock->ts - asked->ts : 0;
	} else {
		one->waited = lock->contended;
		one->wait = lock->contended ? lock->wait_ns : 0;
	}
	if (!paired)
		return;
	one->hold = unlock->ts - lock->ts;
	if (!t->other)
		count_pages(t, one);
}

static int by_place(const void *a, const void *b)
{
	const struct taken *x = a, *y = b;

	return x->lock->place < y->lock->place ? -1 : x->lock->place > y->lock->place;
}

static void count_taken(struct zone_truth *t)
{
	for (size_t i = 0; i < t->nr; i++) {
		const struct taken *one = &t->taken[i];

		add(t, "zone_lock.acquisitions_total", one->lock, 1);
		if (!t->other)
			add(t, "zone_lock.contended_total", one->lock, one->waited);
		if (one->waited)
			sample(t, "zone_lock.wait_ns", one->lock, one->wait);
		if (!one->unlock) {
			add(t, "zone_lock.unpaired_locks_total", one->lock, 1);
			continue;
		}
		sample(t, "zone_lock.hold_ns", one->lock, one->hold);
		sample(t, "zone_lock.irqs_off_ns", one->lock, one->wait + one->hold);
		if (!t->other)
			add(t, "zone_lock.pages_total", one->lock, (int64_t)one->pages);
	}
}

static void contended_ratios(struct zone_truth *t)
{
	for (size_t i = 0; i < t->nr; i++) {
		label_sets sets;
		unsigned int nr = labels_of(t, t->taken[i].lock, sets);

		for (unsigned int k = 0; k < nr; k++)
			expect_real(t->x, "zone_lock.contended_ratio", sets[k],
				    (double)expect_sum(t->x, "zone_lock.contended_total", sets[k]) /
					    (double)expect_sum(t->x, "zone_lock.acquisitions_total",
							       sets[k]));
	}
}

/* hold_ns_per_page of everything that shares a label set with @one; the loop repeats work, and that is fine. */
static void cost_per_page(struct zone_truth *t, const struct taken *one)
{
	label_sets sets;
	unsigned int nr = labels_of(t, one->lock, sets);
	uint64_t hold[NR_LABEL_SETS] = { 0 }, pages[NR_LABEL_SETS] = { 0 };

	for (size_t i = 0; i < t->nr; i++) {
		const struct taken *other = &t->taken[i];
		const bool same[NR_LABEL_SETS] = { true, other->lock->cpu == one->lock->cpu,
						   other->lock->zone == one->lock->zone,
						   other->lock->caller == one->lock->caller };

		for (unsigned int k = 0; k < nr && other->unlock && other->pages; k++) {
			hold[k] += same[k] ? other->hold : 0;
			pages[k] += same[k] ? other->pages : 0;
		}
	}
	for (unsigned int k = 0; k < nr; k++)
		expect_real(t->x, "zone_lock.hold_ns_per_page", sets[k],
			    (double)hold[k] / (double)pages[k]);
}

/* Least squares from the mean of both: hold = fixed + per_page * pages. */
static bool fit(struct zone_truth *t, unsigned int caller)
{
	const char *labels = label("{caller=0x%llx}", (unsigned long long)t->s->callers[caller]);
	double n = 0, mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;

	for (size_t i = 0; i < t->nr; i++) {
		const struct taken *one = &t->taken[i];

		if (one->lock->caller != caller || !one->unlock || !one->pages)
			continue;
		n++;
		mean_x += (double)one->pages;
		mean_y += (double)one->hold;
	}
	if (n < 2)
		return false;
	mean_x /= n;
	mean_y /= n;
	for (size_t i = 0; i < t->nr; i++) {
		const struct taken *one = &t->taken[i];
		double dx = (double)one->pages - mean_x, dy = (double)one->hold - mean_y;

		if (one->lock->caller != caller || !one->unlock || !one->pages)
			continue;
		xx += dx * dx;
		xy += dx * dy;
		yy += dy * dy;
	}
	if (xx < 1e-6)
		return false;
	expect_real(t->x, "zone_lock.fit_ns_per_page", labels, xy / xx);
	expect_real(t->x, "zone_lock.fit_fixed_ns", labels, mean_y - mean_x * xy / xx);
	expect_real(t->x, "zone_lock.fit_r2", labels, yy > 0 ? xy * xy / (xx * yy) : 1);
	return true;
}

static uint64_t overlap(int64_t a, int64_t b, int64_t c, int64_t d)
{
	int64_t from = a > c ? a : c, to = b < d ? b : d;

	return to > from ? (uint64_t)(to - from) : 0;
}

static int64_t wait_begin(const struct taken *one)
{
	return (int64_t)one->lock->ts - (int64_t)one->wait;
}

static bool same_zone(const struct taken *a, const struct taken *b)
{
	return a->lock->zone == b->lock->zone;
}

static void blame(struct zone_truth *t)
{
	static const char name[] = "zone_lock.blamed_wait_ns_total";

	expect_add(t->x, name, "", 0);
	expect_add(t->x, "zone_lock.unattributed_wait_ns_total", "", 0);
	for (size_t w = 0; w < t->nr; w++) {
		struct taken *waiter = &t->taken[w];

		if (!waiter->waited)
			continue;
		for (size_t h = 0; h < t->nr; h++) {
			const struct taken *holder = &t->taken[h];
			uint64_t part;

			if (!holder->unlock || !same_zone(holder, waiter) ||
			    holder->lock->cpu == waiter->lock->cpu)
				continue;
			part = overlap(wait_begin(waiter), (int64_t)waiter->lock->ts,
				       (int64_t)holder->lock->ts, (int64_t)holder->unlock->ts);
			if (!part)
				continue;
			waiter->blamed += part;
			expect_add(t->x, name,
				   label("{waiter=0x%llx,holder=0x%llx}",
					 (unsigned long long)t->s->callers[waiter->lock->caller],
					 (unsigned long long)t->s->callers[holder->lock->caller]),
				   (int64_t)part);
		}
		expect_add(t->x, name, "", (int64_t)waiter->blamed);
		expect_add(t->x, name, zone_label(t, waiter->lock->zone), (int64_t)waiter->blamed);
		add(t, "zone_lock.unattributed_wait_ns_total", waiter->lock,
		    (int64_t)(waiter->wait - waiter->blamed));
	}
}

/* How many wait at the end of each wait: the most is reached at some end. */
static void queue(struct zone_truth *t)
{
	int64_t most[MAX_ZONES] = { 0 };

	for (size_t i = 0; i < t->nr; i++) {
		const struct taken *one = &t->taken[i];
		int64_t here = 0;

		for (size_t k = 0; k < t->nr; k++)
			here += t->taken[k].waited && same_zone(&t->taken[k], one) &&
				wait_begin(&t->taken[k]) <= (int64_t)one->lock->ts &&
				t->taken[k].lock->ts >= one->lock->ts;
		if (one->waited && here > most[one->lock->zone])
			most[one->lock->zone] = here;
	}
	for (unsigned int zone = 0; zone < t->s->nr_zones; zone++)
		expect_add(t->x, "zone_lock.max_waiters", zone_label(t, zone), most[zone]);
}

static void convoys(struct zone_truth *t, unsigned int zone)
{
	const struct taken *before = NULL;
	int64_t number = 0, longest = 0, length = 0;

	for (size_t i = 0; i < t->nr; i++) {
		const struct taken *one = &t->taken[i];

		if (one->lock->zone != zone)
			continue;
		if (before && before->unlock && one->waited &&
		    wait_begin(one) < (int64_t)before->unlock->ts)
			length++;
		else
			length = 0;
		number += length == 2;
		if (length >= 2 && length > longest)
			longest = length;
		before = one;
	}
	expect_add(t->x, "zone_lock.convoys_total", zone_label(t, zone), number);
	expect_add(t->x, "zone_lock.convoy_max_length", zone_label(t, zone), longest);
}

static void refuse(struct zone_truth *t, const char *const *names)
{
	for (; *names; names++)
		expect_unavailable(t->x, label("zone_lock.%s", *names));
}

/* Contention alone, from the records of it. */
static void contended_only(struct zone_truth *t)
{
	static const char *const refused[] = { "acquisitions_total",
					       "contended_ratio",
					       "wait_ns",
					       "hold_ns",
					       "irqs_off_ns",
					       "pages_total",
					       "hold_ns_per_page",
					       "fit_fixed_ns",
					       "fit_ns_per_page",
					       "fit_r2",
					       "utilization_ratio",
					       "unpaired_unlocks_total",
					       "unpaired_locks_total",
					       "blamed_wait_ns_total",
					       "unattributed_wait_ns_total",
					       "max_waiters",
					       "convoys_total",
					       "convoy_max_length",
					       NULL };

	refuse(t, refused);
	if (!schedule_count(t->s, EV_CONTENDED)) {
		expect_unavailable(t->x, "zone_lock.contended_total");
		return;
	}
	for (size_t i = 0; i < t->s->nr_order; i++)
		if (t->s->order[i]->ev == EV_CONTENDED)
			add(t, "zone_lock.contended_total", t->s->order[i], 1);
	if (t->lost)
		expect_status(t->x, "zone_lock.contended_total", NULL, ST_LOWER_BOUND);
}

static void statuses(struct zone_truth *t)
{
	static const char *const counters[] = { "acquisitions_total", "contended_total" };
	static const char *const rest[] = {
		"contended_ratio",     "wait_ns",	    "hold_ns",
		"irqs_off_ns",	       "utilization_ratio", "unpaired_unlocks_total",
		"unpaired_locks_total"
	};
	static const char *const of_pages[] = { "hold_ns_per_page", "fit_fixed_ns",
						"fit_ns_per_page", "fit_r2" };
	static const char *const waits[] = { "blamed_wait_ns_total", "unattributed_wait_ns_total",
					     "max_waiters", "convoys_total", "convoy_max_length" };
	bool unsure = t->unsure_refill || t->unsure_drain;

	for (size_t i = 0; i < 2 && t->lost; i++)
		expect_status(t->x, label("zone_lock.%s", counters[i]), NULL, ST_LOWER_BOUND);
	for (size_t i = 0; i < 7 && t->lost; i++)
		expect_status(t->x, label("zone_lock.%s", rest[i]), NULL, ST_APPROXIMATE);
	if (t->lost || unsure) {
		/* where both apply, it is not at least anything */
		expect_status(t->x, "zone_lock.pages_total", NULL,
			      unsure ? ST_APPROXIMATE : ST_LOWER_BOUND);
		for (size_t i = 0; i < 4; i++)
			expect_status(t->x, label("zone_lock.%s", of_pages[i]), NULL, ST_APPROXIMATE);
	}
	/* zero is zero by any clock */
	for (size_t i = 0; i < 5; i++)
		expect_status(t->x, label("zone_lock.%s", waits[i]), NULL, ST_APPROXIMATE);
	if (t->other && t->nr)
		expect_status(t->x, "zone_lock.wait_ns", NULL, ST_APPROXIMATE);
}

static void zone_lock_kmem(struct zone_truth *t)
{
	static const char *const of_unlock[] = { "hold_ns",
						 "irqs_off_ns",
						 "pages_total",
						 "hold_ns_per_page",
						 "fit_fixed_ns",
						 "fit_ns_per_page",
						 "fit_r2",
						 "utilization_ratio",
						 "unpaired_unlocks_total",
						 "unpaired_locks_total",
						 "blamed_wait_ns_total",
						 "unattributed_wait_ns_total",
						 "convoys_total",
						 "convoy_max_length",
						 NULL };
	static const char *const of_time[] = { "hold_ns",
					       "irqs_off_ns",
					       "hold_ns_per_page",
					       "fit_fixed_ns",
					       "fit_ns_per_page",
					       "fit_r2",
					       "utilization_ratio",
					       "blamed_wait_ns_total",
					       "unattributed_wait_ns_total",
					       "max_waiters",
					       "convoys_total",
					       "convoy_max_length",
					       NULL };
	bool any_fit = false;

	expect_add(t->x, "zone_lock.acquisitions_total", "", 0);
	expect_add(t->x, "zone_lock.pages_total", "", 0);
	expect_add(t->x, "zone_lock.unpaired_locks_total", "", 0);
	expect_add(t->x, "zone_lock.unpaired_unlocks_total", "", 0);
	expect_samples(t->x, "zone_lock.wait_ns", "");
	expect_samples(t->x, "zone_lock.hold_ns", "");
	expect_samples(t->x, "zone_lock.irqs_off_ns", "");
	count_taken(t);
	contended_ratios(t);
	for (size_t i = 0; i < t->nr; i++)
		if (t->taken[i].unlock && t->taken[i].pages)
			cost_per_page(t, &t->taken[i]);
	for (unsigned int caller = 0; caller < t->s->nr_callers; caller++)
		any_fit |= fit(t, caller);
	for (unsigned int zone = 0; zone < t->s->nr_zones; zone++) {
		uint64_t hold = 0;

		for (size_t i = 0; i < t->nr; i++)
			hold += t->taken[i].lock->zone == zone ? t->taken[i].hold : 0;
		if (schedule_span(t->s))
			expect_real(t->x, "zone_lock.utilization_ratio", zone_label(t, zone),
				    (double)hold / (double)schedule_span(t->s));
		convoys(t, zone);
	}
	blame(t);
	queue(t);
	if (!t->have_unlock)
		refuse(t, of_unlock);
	else if (t->s->ticks)
		refuse(t, of_time);
	else if (!any_fit)
		refuse(t, (const char *const[]){ "fit_fixed_ns", "fit_ns_per_page", "fit_r2", NULL });
	if (t->s->ticks && !t->have_unlock)
		expect_unavailable(t->x, "zone_lock.max_waiters");
	if (!schedule_span(t->s))
		expect_unavailable(t->x, "zone_lock.utilization_ratio");
}

static void zone_lock_other(struct zone_truth *t)
{
	static const char *const never[] = { "contended_total",
					     "contended_ratio",
					     "pages_total",
					     "hold_ns_per_page",
					     "fit_fixed_ns",
					     "fit_ns_per_page",
					     "fit_r2",
					     "utilization_ratio",
					     "blamed_wait_ns_total",
					     "unattributed_wait_ns_total",
					     "max_waiters",
					     "convoys_total",
					     "convoy_max_length",
					     NULL };

	refuse(t, never);
	expect_add(t->x, "zone_lock.acquisitions_total", "", 0);
	expect_add(t->x, "zone_lock.unpaired_locks_total", "", 0);
	expect_add(t->x, "zone_lock.unpaired_unlocks_total", "", 0);
	expect_samples(t->x, "zone_lock.wait_ns", "");
	expect_samples(t->x, "zone_lock.hold_ns", "");
	expect_samples(t->x, "zone_lock.irqs_off_ns", "");
	count_taken(t);
	if (!t->have_unlock || t->s->ticks)
		refuse(t, (const char *const[]){ "hold_ns", "irqs_off_ns", NULL });
	if (!t->have_unlock)
		refuse(t, (const char *const[]){ "unpaired_unlocks_total", "unpaired_locks_total",
						 NULL });
	if (!t->s->ticks && schedule_count(t->s, EV_START_LOCKING))
		return;
	expect_unavailable(t->x, "zone_lock.wait_ns");
	expect_unavailable(t->x, "zone_lock.irqs_off_ns");
}

void truth_of_zone_lock(const struct schedule *s, struct expect *x)
{
	struct zone_truth t = {
		.s = s,
		.x = x,
		.lost = schedule_lost(s),
		.taken = calloc(s->nr_sections + 1, sizeof(*t.taken)),
		.other = !s->declare_all && !(s->enabled & (EV_BIT(EV_LOCKED) | EV_BIT(EV_CONTENDED))),
		.have_refill = schedule_count(s, EV_REFILL),
		.have_drain = schedule_count(s, EV_DRAIN),
	};

	if (!t.taken)
		abort();
	t.have_locked = schedule_count(s, t.other ? EV_RETURNED : EV_LOCKED);
	t.have_unlock = schedule_count(s, t.other ? EV_RELEASED : EV_UNLOCK);
	if (!t.have_locked) {
		contended_only(&t);
	} else {
		for (size_t i = 0; i < s->nr_sections; i++)
			look_at_section(&t, &s->sections[i]);
		qsort(t.taken, t.nr, sizeof(*t.taken), by_place);
		if (t.other)
			zone_lock_other(&t);
		else
			zone_lock_kmem(&t);
		statuses(&t);
	}
	free(t.taken);
}
