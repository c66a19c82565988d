/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slab objects: how suspicious is it that a call site's objects were not freed? An object that is
 * merely young says nothing; the lifetimes of the site's other objects tell what to expect. Tells
 * nothing to people itself.
 */
#include <stdlib.h>

#include "slab_report.h"

/* Fewer suspicious objects, or fewer lifetimes to compare with, are chance. */
#define MIN_LATE 10
#define MIN_GONE 10
/* With so many frees due, seeing none is chance once in 22,000 times (e^-10), or in 20 (e^-3). */
#define MANY_EXPECTED 10.0
#define SOME_EXPECTED 3.0
/* Frees seen after all count as none up to this share of those expected. */
#define MAX_SEEN_SHARE 0.1
/* "Growing": so much more outstanding at the end than in the middle of the trace. */
#define MIN_GROWTH 1.25
/* Objects younger than this part of the trace never are: CPUs do not end at the same instant. */
#define YOUNG_SHARE 100
/* Where frees stopped, objects are suspicious from the age on at which so many others were gone. */
#define EARLY_SHARE 0.1
/* Bins (an octave of age) whose risk of being freed is taken to go on beyond. */
#define RISK_BINS 4

/* The outstanding objects of one site. */
struct ages {
	uint64_t all[SLAB_AGE_BINS];
	uint64_t newer[SLAB_AGE_BINS]; /* those allocated after all that are gone */
	uint64_t oldest;
};

const char *slab_grade_text(enum slab_grade grade)
{
	static const char *const texts[] = { "strong", "moderate", "weak" };

	return texts[grade];
}

static uint64_t age_at_end(const struct slab_telling *t, const struct slab_object *object)
{
	return t->now > object->ts ? t->now - object->ts : 0;
}

/* At risk of being freed at an age: who is gone at that age or later, or outstanding and as old. */
static void at_risk(const uint32_t *gone, const uint64_t *out, const uint64_t * not,
		    uint64_t risk[SLAB_AGE_BINS + 1])
{
	risk[SLAB_AGE_BINS] = 0;
	for (unsigned int i = SLAB_AGE_BINS; i-- > 0;)
		risk[i] = risk[i + 1] + gone[i] + out[i] - (not ? not [i] : 0);
}

/* Kaplan-Meier, the product-limit estimate; who is censored in a bin is at risk in all of it. */
static double survival(const uint32_t *gone, const uint64_t risk[SLAB_AGE_BINS + 1])
{
	double s = 1;

	for (unsigned int i = 0; i < SLAB_AGE_BINS; i++)
		if (gone[i])
			s *= 1 - (double)gone[i] / (double)risk[i];
	return s;
}

/*
 * Objects much older than others live: had the risk of being freed at the ages up to @bin gone on
 * (per bin of the logarithmic axis, so falling with age), how many of those older than that would
 * be gone by now? Looked for at each age, as a few stragglers must not hide a plateau.
 */
static void try_overdue(struct slab_suspect *suspect, const uint32_t *gone, const struct ages *ages,
			unsigned int youngest)
{
	uint64_t risk[SLAB_AGE_BINS + 1], late = 0, later_gone = 0;

	at_risk(gone, ages->all, NULL, risk);
	for (unsigned int bin = SLAB_AGE_BINS - 1; bin-- > 0;) {
		uint64_t gone_before = 0, risk_before = 0;
		double expected = 0, stays = 1, each;

		late += bin + 1 > youngest ? ages->all[bin + 1] : 0;
		later_gone += gone[bin + 1];
		if (late < MIN_LATE || !gone[bin])
			continue;
		for (unsigned int i = bin < RISK_BINS ? 0 : bin + 1 - RISK_BINS; i <= bin; i++) {
			gone_before += gone[i];
			risk_before += risk[i];
		}
		each = (double)gone_before / (double)risk_before;
		/* only whole bins are lived through */
		for (unsigned int i = bin + 1; i < SLAB_AGE_BINS; i++, stays *= 1 - each)
			expected += i > youngest ? (double)ages->all[i] * (1 - stays) : 0;
		if ((double)later_gone > MAX_SEEN_SHARE * expected || expected <= suspect->expected)
			continue;
		suspect->reason = SLAB_OVERDUE;
		suspect->expected = expected;
		suspect->late_bin = bin > youngest ? bin : youngest;
		suspect->late_since = 0;
	}
}

/* None of the newer ones was freed: by the lifetimes of the older ones, how many would be gone? */
static void try_stopped(struct slab_suspect *suspect, const uint32_t *gone, const struct ages *ages,
			const struct slab_site *site, unsigned int youngest)
{
	uint64_t risk[SLAB_AGE_BINS + 1], all = 0, before = 0, late = 0;
	unsigned int first = 0;
	double expected = 0, stays = 1;

	at_risk(gone, ages->all, ages->newer, risk);
	for (unsigned int i = 0; i < SLAB_AGE_BINS; i++)
		all += gone[i];
	/* the age by which the first of the older ones were gone */
	while ((double)(before += gone[first]) < EARLY_SHARE * (double)all)
		first++;
	if (first < youngest)
		first = youngest;
	for (unsigned int i = 0; i < SLAB_AGE_BINS; i++) {
		if (i > first) {
			late += ages->newer[i];
			expected += (double)ages->newer[i] * (1 - stays);
		}
		if (gone[i])
			stays *= 1 - (double)gone[i] / (double)risk[i];
	}
	if (late < MIN_LATE || expected <= suspect->expected)
		return;
	suspect->reason = SLAB_STOPPED;
	suspect->expected = expected;
	suspect->late_bin = first;
	suspect->late_since = site->last_gone_birth;
}

/* Outstanding bytes at the end of the last time bin that ended by the middle of the trace. */
static uint64_t bytes_in_the_middle(const struct slab_telling *t, const struct slab_site_row *row)
{
	const struct kma_state *state = t->state;
	uint64_t start = t->trace->start_ts, middle = t->now > start ? (t->now - start) / 2 : 0;
	uint64_t ended = middle >> state->sample_shift; /* bins that ended by then */

	if (!ended)
		return 0;
	/* nothing was allocated or freed any more by then */
	if (ended > state->nr_samples)
		return row->sum.live_bytes;
	return state->samples[(size_t)row->id * SLAB_SAMPLES + ended - 1];
}

static uint64_t median_age(const struct ages *ages, uint64_t nr)
{
	uint64_t before = 0;
	unsigned int bin = 0;

	while (2 * (before += ages->all[bin]) < nr)
		bin++;
	return slab_age_low(bin);
}

/* Whether the site is suspect, and why. */
static bool judge(struct slab_telling *t, const struct slab_site_row *row, const struct ages *ages,
		  struct slab_suspect *suspect)
{
	static const uint32_t none_gone[SLAB_AGE_BINS];
	const struct slab_sum *sum = &row->sum;
	const uint32_t *gone = row->site->gone ? row->site->gone : none_gone;
	uint64_t risk[SLAB_AGE_BINS + 1], old = 0;
	unsigned int youngest = slab_age_bin((t->now - t->summary->first_ts) / YOUNG_SHARE);

	*suspect = (struct slab_suspect){ .row = row, .oldest = ages->oldest };
	suspect->mid_bytes = bytes_in_the_middle(t, row);
	suspect->growing = (double)sum->live_bytes >= MIN_GROWTH * (double)suspect->mid_bytes;
	suspect->median = median_age(ages, sum->live);
	at_risk(gone, ages->all, NULL, risk);
	suspect->survival = survival(gone, risk);
	/* its objects are freed in a way that leaves no record: being outstanding proves nothing */
	if (sum->missed > sum->freed)
		return false;
	if (sum->freed + sum->missed < MIN_GONE) {
		suspect->grade = SLAB_WEAK;
		suspect->reason = SLAB_NEVER_FREED;
		suspect->late_bin = youngest;
		for (unsigned int i = youngest + 1; i < SLAB_AGE_BINS; i++)
			old += ages->all[i];
		return suspect->growing && old >= MIN_LATE;
	}
	try_overdue(suspect, gone, ages, youngest);
	try_stopped(suspect, gone, ages, row->site, youngest);
	if (suspect->expected < SOME_EXPECTED ||
	    (suspect->expected < MANY_EXPECTED && !suspect->growing))
		return false;
	/* what was lost or left out may have been the frees */
	suspect->grade = suspect->expected >= MANY_EXPECTED && suspect->growing &&
					 !t->summary->lost && !t->trace->filtered
				 ? SLAB_STRONG
				 : SLAB_MODERATE;
	return true;
}

static int compare_suspects(const void *left, const void *right)
{
	const struct slab_suspect *a = left, *b = right;

	if (a->grade != b->grade)
		return a->grade < b->grade ? -1 : 1;
	if (a->late_bytes != b->late_bytes)
		return a->late_bytes > b->late_bytes ? -1 : 1;
	/* the order of the sites is total */
	return a->row < b->row ? -1 : a->row > b->row;
}

/* By number of a site: 1 + the place of what is known about it; 0: nothing. */
struct index {
	uint32_t *place;
};

/* Sites with enough objects outstanding whose frees could have been seen. */
static size_t pick_sites(const struct slab_telling *t, struct index *index)
{
	size_t nr = 0;

	for (size_t i = 0; i < t->nr_sites; i++) {
		const struct slab_site_row *row = &t->sites[i];
		bool kmalloc = row->kmallocs, cache = row->sum.allocs > row->kmallocs;

		if (row->sum.live >= MIN_LATE && row->id != KMA_SITE_OTHER &&
		    (!kmalloc || t->have_frees[SLAB_KMALLOC]) &&
		    (!cache || t->have_frees[SLAB_KMEM_CACHE]))
			index->place[row->id] = (uint32_t)++nr;
	}
	return nr;
}

static void gather_ages(const struct slab_telling *t, const struct index *index, struct ages *ages)
{
	const struct slab_live *live = &t->state->live;

	for (size_t i = 0; i < slab_live_nr_slots(live); i++) {
		const struct slab_object *object = &live->slots[i];
		uint32_t site = object->kind ? t->state->kinds.kind[object->kind].site : 0;
		struct ages *of;
		uint64_t age;

		if (!object->kind || !index->place[site])
			continue;
		of = &ages[index->place[site] - 1];
		age = age_at_end(t, object);
		of->all[slab_age_bin(age)]++;
		if (object->ts > t->state->site[site].last_gone_birth)
			of->newer[slab_age_bin(age)]++;
		if (age > of->oldest)
			of->oldest = age;
	}
}

static void count_late(struct slab_telling *t, const struct index *index)
{
	const struct slab_live *live = &t->state->live;

	for (size_t i = 0; i < slab_live_nr_slots(live); i++) {
		const struct slab_object *object = &live->slots[i];
		const struct slab_kind *kind = &t->state->kinds.kind[object->kind];
		struct slab_suspect *suspect;

		if (!object->kind || !index->place[kind->site])
			continue;
		suspect = &t->suspects[index->place[kind->site] - 1];
		if ((suspect->late_since && object->ts <= suspect->late_since) ||
		    slab_age_bin(age_at_end(t, object)) <= suspect->late_bin)
			continue;
		suspect->late++;
		suspect->late_bytes += kind->bytes_alloc;
	}
}

static int judge_all(struct slab_telling *t, struct index *index, size_t nr)
{
	struct ages *ages = calloc(nr + 1, sizeof(*ages));

	t->suspects = calloc(nr + 1, sizeof(*t->suspects));
	if (!ages || !t->suspects) {
		free(ages);
		return -1;
	}
	gather_ages(t, index, ages);
	for (size_t i = 0; i < t->nr_sites; i++) {
		uint32_t *place = &index->place[t->sites[i].id];

		if (!*place)
			continue;
		if (judge(t, &t->sites[i], &ages[*place - 1], &t->suspects[t->nr_suspects]))
			*place = (uint32_t)++t->nr_suspects;
		else
			*place = 0;
	}
	free(ages);
	count_late(t, index);
	qsort(t->suspects, t->nr_suspects, sizeof(*t->suspects), compare_suspects);
	return 0;
}

int slab_find_suspects(struct slab_telling *t)
{
	struct index index;
	int ret;

	if (!t->have_ns || !t->have_any_alloc || !t->have_any_free)
		return 0;
	index.place = calloc(t->state->max_sites, sizeof(*index.place));
	if (!index.place)
		return -1;
	ret = judge_all(t, &index, pick_sites(t, &index));
	free(index.place);
	return ret;
}
