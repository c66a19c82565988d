/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose lock each wait was for, and the sums by lock, caller and CPU that a report is made of.
 * Judges by the names of functions; says nothing itself.
 */
#include <stdlib.h>
#include <string.h>

#include "alloc_lock_internal.h"

/* Who waited at a site, and for which lock as far as the functions' names tell. */
struct place {
	struct al_function function;
	uint64_t caller; /* 0: not known */
};

/* Of one lock, by class: the waits at sites that name it for sure, or likely. */
struct votes {
	uint64_t sure[AL_OTHER], likely[AL_OTHER];
};

static int name_sites(const struct kma_state *state, uint32_t nr_sites, const char ***names)
{
	size_t nr = 0, at = 0;
	uint64_t *addresses;
	uint32_t length;
	int ret = -1;

	for (uint32_t site = 0; site < nr_sites; site++) {
		kma_sites_addresses(state->sites, site, &length);
		nr += length;
	}
	addresses = calloc(nr + 1, sizeof(*addresses));
	*names = calloc(nr + 1, sizeof(**names));
	for (uint32_t site = 0; addresses && site < nr_sites; site++) {
		const uint64_t *from = kma_sites_addresses(state->sites, site, &length);

		if (length)
			memcpy(addresses + at, from, length * sizeof(*addresses));
		at += length;
	}
	if (addresses && *names)
		ret = kma_name_addresses(state->trace->namer, addresses, *names, nr);
	free(addresses);
	return ret;
}

/* The innermost function that is neither part of taking a lock nor takes it for another. */
static struct place judge_site(const uint64_t *addresses, const char *const *names, uint32_t nr)
{
	struct place place = { { AL_UNKNOWN, AL_OTHER }, 0 };

	for (uint32_t i = 0; i < nr; i++) {
		struct al_function function = al_judge_function(names[i]);

		if (function.role == AL_PRIMITIVE)
			continue;
		place.caller = addresses[i];
		/* a wrapper has said which lock it is */
		if (place.function.role != AL_WRAPPER)
			place.function = function;
		if (function.role != AL_WRAPPER)
			break;
	}
	if (place.function.role == AL_WRAPPER)
		place.function.role = AL_SURE;
	return place;
}

static struct place *judge_sites(const struct kma_state *state)
{
	uint32_t nr_sites = kma_sites_nr(state->sites), length;
	struct place *places = calloc(nr_sites, sizeof(*places));
	const char **names = NULL;
	size_t at = 0;

	if (!places || name_sites(state, nr_sites, &names) < 0) {
		free(names);
		free(places);
		return NULL;
	}
	for (uint32_t site = 0; site < nr_sites; site++) {
		const uint64_t *addresses = kma_sites_addresses(state->sites, site, &length);

		places[site] = judge_site(addresses, names + at, length);
		at += length;
	}
	free(names);
	return places;
}

/* How many classes have votes; *@found is one of them, AL_OTHER if there is none. */
static unsigned int count_classes(const uint64_t *votes, enum al_class *found)
{
	unsigned int nr = 0;

	*found = AL_OTHER;
	for (int which = 0; which < AL_OTHER; which++) {
		if (!votes[which])
			continue;
		*found = which;
		nr++;
	}
	return nr;
}

/* A function that takes one lock only says which; else the address does, as others name it. */
static enum al_class judge_group(const struct al_function *function, const struct votes *votes)
{
	enum al_class sure = AL_OTHER, likely = AL_OTHER;
	unsigned int nr_sure = votes ? count_classes(votes->sure, &sure) : 0;

	if (function->role == AL_SURE)
		return function->which;
	if (nr_sure == 1)
		return sure;
	if (function->role == AL_LIKELY)
		return function->which;
	/* two that are sure of different locks: there were two, one after the other */
	return !nr_sure && votes && count_classes(votes->likely, &likely) == 1 ? likely : AL_OTHER;
}

static int judge_groups(struct al_view *view, const struct place *places)
{
	const struct kma_state *state = view->state;
	struct votes *votes = calloc(state->lock_index.nr + 1, sizeof(*votes));

	view->class_of = calloc(state->nr_groups, sizeof(*view->class_of));
	if (!votes || !view->class_of) {
		free(votes);
		return -1;
	}
	for (uint32_t i = 1; i < state->nr_groups; i++) {
		const struct al_group *group = &state->groups[i];
		const struct al_function *function = &places[group->site].function;

		if (function->role == AL_SURE)
			votes[group->lock].sure[function->which] += group->contended;
		else if (function->role == AL_LIKELY)
			votes[group->lock].likely[function->which] += group->contended;
	}
	/* of group 0 nothing is known, and of lock 0 it is not known whether it is one */
	view->class_of[0] = AL_OTHER;
	for (uint32_t i = 1; i < state->nr_groups; i++) {
		const struct al_group *group = &state->groups[i];

		view->class_of[i] = judge_group(&places[group->site].function,
						group->lock ? &votes[group->lock] : NULL);
	}
	free(votes);
	return 0;
}

static int add_group(struct al_row *row, const struct al_group *group)
{
	row->contended += group->contended;
	return kma_histogram_merge(&row->wait, &group->wait);
}

/* ---- by caller ---- */

struct member {
	enum al_class which;
	uint64_t caller;
	uint32_t group;
};

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->which != y->which)
		return x->which < y->which ? -1 : 1;
	if (x->caller != y->caller)
		return x->caller < y->caller ? -1 : 1;
	return (x->group > y->group) - (x->group < y->group);
}

static int sum_callers(struct al_view *view, const struct place *places)
{
	const struct kma_state *state = view->state;
	struct member *members = calloc(state->nr_groups, sizeof(*members));
	struct al_row *row = NULL;
	int ret = 0;

	view->callers = calloc(state->nr_groups, sizeof(*view->callers));
	if (!members || !view->callers) {
		free(members);
		return -1;
	}
	for (uint32_t i = 0; i < state->nr_groups; i++) {
		enum al_class which = view->class_of[i];

		/* who waits for other locks is nobody's concern here */
		members[i] = (struct member){ .which = which, .group = i };
		if (which != AL_OTHER)
			members[i].caller = places[state->groups[i].site].caller;
	}
	qsort(members, state->nr_groups, sizeof(*members), compare_members);
	for (uint32_t i = 0; !ret && i < state->nr_groups; i++) {
		if (!state->groups[members[i].group].contended)
			continue;
		if (!row || row->which != members[i].which || row->caller != members[i].caller) {
			row = &view->callers[view->nr_callers++];
			row->which = members[i].which;
			row->caller = members[i].caller;
		}
		ret = add_group(row, &state->groups[members[i].group]);
	}
	free(members);
	return ret;
}

/* ---- by lock, by CPU ---- */

static int sum_classes(struct al_view *view)
{
	const struct kma_state *state = view->state;

	for (int which = 0; which < AL_NR_CLASSES; which++)
		view->classes[which].which = which;
	view->total.which = AL_NR_CLASSES;
	for (uint32_t i = 0; i < state->nr_groups; i++)
		if (add_group(&view->classes[view->class_of[i]], &state->groups[i]) < 0 ||
		    add_group(&view->total, &state->groups[i]) < 0)
			return -1;
	return 0;
}

/* A share past AL_MAX_SHARES belongs to no CPU, and is missing here. */
static int sum_cpus(struct al_view *view)
{
	const struct kma_state *state = view->state;
	uint64_t(*waits)[AL_NR_CLASSES] = calloc(state->nr_cpus + 1, sizeof(*waits));

	view->cpus = calloc(state->nr_cpus + 1, sizeof(*view->cpus));
	if (!waits || !view->cpus) {
		free(waits);
		return -1;
	}
	for (uint32_t i = 1; i < state->nr_shares; i++) {
		const struct al_share *share = &state->shares[i];
		enum al_class which = view->class_of[share->group];

		waits[share->cpu][which] += share->contended;
		view->cpus[share->cpu].class_ns[which] += share->wait_ns;
	}
	for (uint32_t cpu = 0; cpu < state->nr_cpus; cpu++) {
		struct al_cpu_row row = view->cpus[cpu];

		row.cpu = cpu;
		for (int which = 0; which < AL_NR_CLASSES; which++) {
			view->classes[which].cpus += waits[cpu][which] > 0;
			if (which == AL_OTHER)
				continue;
			row.contended += waits[cpu][which];
			row.wait_ns += row.class_ns[which];
		}
		if (row.contended)
			view->cpus[view->nr_cpus++] = row;
	}
	free(waits);
	return 0;
}

int al_view_make(struct al_view *view, const struct kma_state *state,
		 const struct kma_summary *summary)
{
	struct place *places = judge_sites(state);
	int ret = -1;

	*view = (struct al_view){ .state = state,
				  .summary = summary,
				  .span_ns = summary->last_ts - summary->first_ts };
	if (places && judge_groups(view, places) == 0 && sum_classes(view) == 0 &&
	    sum_callers(view, places) == 0 && sum_cpus(view) == 0)
		ret = 0;
	free(places);
	return ret;
}

void al_view_free(struct al_view *view)
{
	kma_histogram_free(&view->total.wait);
	for (int which = 0; which < AL_NR_CLASSES; which++)
		kma_histogram_free(&view->classes[which].wait);
	for (size_t i = 0; view->callers && i < view->nr_callers; i++)
		kma_histogram_free(&view->callers[i].wait);
	free(view->callers);
	free(view->cpus);
	free(view->class_of);
}
