/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pids become task names, once, over labels, table cells and what is said in words. It must not
 * know where names come from.
 */
#include <stdlib.h>
#include <string.h>

#include "result/result.h"
#include "util/arena.h"

/* Where a pid stands: a value, or markers in a text. */
struct place {
	int32_t pid;
	struct kma_value *value; /* NULL: markers */
};

struct tasks {
	struct kma_arena *arena;
	struct place *places;
	size_t nr, max;
	/* once all are collected: sorted, each once */
	int32_t *pids;
	const char **names; /* NULL while they are being collected */
	size_t nr_pids;
	bool failed;
};

static void add_place(struct tasks *tasks, int32_t pid, struct kma_value *value)
{
	if (tasks->nr == tasks->max) {
		size_t max = tasks->max ? 2 * tasks->max : 64;
		struct place *places = reallocarray(tasks->places, max, sizeof(*places));

		if (!places) {
			tasks->failed = true;
			return;
		}
		tasks->places = places;
		tasks->max = max;
	}
	tasks->places[tasks->nr++] = (struct place){ pid, value };
}

static void collect(struct tasks *tasks, struct kma_value *value)
{
	if (value->type == KMA_VALUE_TASK)
		add_place(tasks, (int32_t)value->i, value);
}

/* The next pid in markers; NULL: none. */
static const char *find_marker(const char *text, int32_t *pid, const char **end)
{
	for (; (text = strstr(text, "\001t")); text++) {
		char *behind;
		long number = strtol(text + 2, &behind, 10);

		if (behind > text + 2 && *behind == '\001' && number == (int32_t)number) {
			*pid = (int32_t)number;
			*end = behind + 1;
			return text;
		}
	}
	return NULL;
}

static int compare_pids(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static void visit_text(struct tasks *tasks, const char **text)
{
	const char *from = *text, *at, *end, *done = "";
	int32_t pid;

	while (from && (at = find_marker(from, &pid, &end))) {
		if (tasks->names) {
			const int32_t *found = bsearch(&pid, tasks->pids, tasks->nr_pids,
						       sizeof(pid), compare_pids);

			done = kma_arena_printf(tasks->arena, "%s%.*s%s", done, (int)(at - from),
						from, tasks->names[found - tasks->pids]);
			if (!done) {
				tasks->failed = true;
				return;
			}
		} else {
			add_place(tasks, pid, NULL);
		}
		from = end;
	}
	if (tasks->names && from != *text) {
		*text = kma_arena_printf(tasks->arena, "%s%s", done, from);
		tasks->failed |= !*text;
	}
}

static void visit_texts(struct tasks *tasks, struct kma_report *report)
{
	for (size_t i = 0; i < report->nr_tables && !tasks->failed; i++)
		visit_text(tasks, &report->tables[i].note);
	for (size_t i = 0; i < report->nr_findings && !tasks->failed; i++) {
		visit_text(tasks, &report->findings[i].message);
		if (!tasks->failed)
			visit_text(tasks, &report->findings[i].advice);
	}
}

static void collect_labels(struct tasks *tasks, struct kma_labels *labels)
{
	for (unsigned int i = 0; i < labels->nr; i++)
		collect(tasks, &labels->label[i].value);
}

static void collect_report(struct tasks *tasks, struct kma_report *report)
{
	for (size_t i = 0; i < report->nr_metrics; i++)
		collect_labels(tasks, &report->metrics[i].labels);
	for (size_t i = 0; i < report->nr_series; i++)
		collect_labels(tasks, &report->series[i].labels);
	for (size_t i = 0; i < report->nr_tables; i++)
		for (size_t c = 0; c < report->tables[i].nr_rows * report->tables[i].nr_columns;
		     c++)
			collect(tasks, &report->tables[i].cells[c]);
}

static int by_pid(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return compare_pids(&x->pid, &y->pid);
}

static int name_all(struct tasks *tasks, struct kma_result *result, kma_task_lookup lookup,
		    void *source)
{
	const char **names = calloc(tasks->nr, sizeof(*names));

	tasks->pids = calloc(tasks->nr, sizeof(*tasks->pids));
	tasks->names = names;
	if (!tasks->pids || !names)
		return -1;
	qsort(tasks->places, tasks->nr, sizeof(*tasks->places), by_pid);
	for (size_t i = 0; i < tasks->nr; i++)
		if (!i || tasks->places[i - 1].pid != tasks->places[i].pid)
			tasks->pids[tasks->nr_pids++] = tasks->places[i].pid;
	if (lookup && lookup(source, tasks->pids, names, tasks->nr_pids, tasks->arena))
		return -1;
	for (size_t i = 0, at = 0; i < tasks->nr; i++) {
		while (tasks->pids[at] != tasks->places[i].pid)
			at++;
		if (!names[at])
			names[at] = kma_arena_printf(tasks->arena, "%d", (int)tasks->pids[at]);
		if (!names[at])
			return -1;
		if (tasks->places[i].value)
			*tasks->places[i].value = kma_kept_text(names[at]);
	}
	for (size_t i = 0; i < result->nr_reports; i++)
		visit_texts(tasks, &result->reports[i]);
	return tasks->failed ? -1 : 0;
}

int kma_result_name_tasks(struct kma_result *result, kma_task_lookup lookup, void *source,
			  struct kma_error *err)
{
	struct tasks tasks = { .arena = result->arena };
	int ret = 0;

	for (size_t i = 0; i < result->nr_reports; i++) {
		collect_report(&tasks, &result->reports[i]);
		visit_texts(&tasks, &result->reports[i]);
	}
	if (tasks.failed || (tasks.nr && name_all(&tasks, result, lookup, source)))
		ret = kma_fail(err, KMA_ERR_INTERNAL, "out of memory while naming tasks");
	free(tasks.places);
	free(tasks.pids);
	free(tasks.names);
	return ret;
}
