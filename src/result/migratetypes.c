/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said of the migratetypes' names, by the user and by analyses that can prove it, and what
 * of it holds. It must not know any name by itself: they depend on the kernel's configuration.
 */
#include <stdlib.h>
#include <string.h>

#include "result/result.h"
#include "util/arena.h"

static int add(struct kma_result *result, int32_t number, const char *name, bool by_user)
{
	struct kma_migratetype *all = result->migratetypes;
	const char *copy;

	for (size_t i = 0; i < result->nr_migratetypes; i++)
		if (all[i].by_user == by_user && all[i].number == number &&
		    !strncmp(all[i].name, name, KMA_MIGRATETYPE_NAME_MAX))
			return 0;
	if (result->nr_migratetypes == KMA_MAX_MIGRATETYPES)
		return 0;
	copy = kma_arena_strndup(result->arena, name, strnlen(name, KMA_MIGRATETYPE_NAME_MAX));
	if (!copy)
		return -1;
	all[result->nr_migratetypes++] = (struct kma_migratetype){ number, copy, by_user };
	return 0;
}

int kma_result_add_migratetype(struct kma_result *result, int32_t number, const char *name)
{
	return add(result, number, name, true);
}

void kma_report_migratetype(struct kma_report *report, int32_t number, const char *name)
{
	if (add(report->result, number, name, false))
		report->failed = true;
}

/* Exactly one of the two is the same. */
static bool contradict(const struct kma_migratetype *a, const struct kma_migratetype *b)
{
	return (a->number == b->number) != !strcmp(a->name, b->name);
}

/* Whether nothing else that the user, or else the trace, says stands against it. */
static bool is_sure(const struct kma_result *result, const struct kma_migratetype *what)
{
	const struct kma_migratetype *all = result->migratetypes;

	for (size_t i = 0; i < result->nr_migratetypes; i++)
		if (all[i].by_user == what->by_user && contradict(&all[i], what))
			return false;
	return true;
}

/* Whether the user has a word on the number or the name, and another one. */
static bool user_knows(const struct kma_result *result, const struct kma_migratetype *what,
		       bool *differs)
{
	const struct kma_migratetype *all = result->migratetypes;
	bool knows = false;

	*differs = false;
	for (size_t i = 0; i < result->nr_migratetypes; i++) {
		if (!all[i].by_user)
			continue;
		knows |= all[i].number == what->number || !strcmp(all[i].name, what->name);
		*differs |= contradict(&all[i], what);
	}
	return knows;
}

/* Whether @what goes on to be a name; what the user overrides is added to @overridden. */
static bool holds(const struct kma_result *result, const struct kma_migratetype *what,
		  const char **overridden)
{
	bool differs;

	if (!is_sure(result, what))
		return false;
	if (what->by_user || !user_knows(result, what, &differs))
		return true;
	if (differs && *overridden)
		*overridden = kma_arena_printf(result->arena, "%s%s%s is %" PRId32, *overridden,
					       **overridden ? ", " : "", what->name, what->number);
	return false;
}

static int by_number(const void *left, const void *right)
{
	const struct kma_migratetype *a = left, *b = right;

	return (a->number > b->number) - (a->number < b->number);
}

int kma_result_settle_migratetypes(struct kma_result *result)
{
	bool keep[KMA_MAX_MIGRATETYPES];
	const char *overridden = "";
	size_t kept = 0;

	for (size_t i = 0; i < result->nr_migratetypes; i++)
		keep[i] = holds(result, &result->migratetypes[i], &overridden);
	for (size_t i = 0; i < result->nr_migratetypes; i++)
		if (keep[i])
			result->migratetypes[kept++] = result->migratetypes[i];
	result->nr_migratetypes = kept;
	qsort(result->migratetypes, kept, sizeof(result->migratetypes[0]), by_number);
	if (!overridden)
		return -1;
	/* the list may be another machine's */
	return *overridden ? kma_result_note(result,
					     "--migratetypes does not fit this trace, which shows "
					     "otherwise (%s): compare it with /proc/pagetypeinfo "
					     "of the traced machine",
					     overridden)
			   : 0;
}

const char *kma_result_migratetype(const struct kma_result *result, int64_t number)
{
	for (size_t i = 0; i < result->nr_migratetypes; i++)
		if (result->migratetypes[i].number == number)
			return result->migratetypes[i].name;
	return NULL;
}
