/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pids become task names, once, over labels and table cells. It must not know where names come
 * from. */
#include <stdlib.h>

#include "result/result.h"
#include "util/arena.h"

struct tasks {
	struct kma_value **values; /* all task values of the result */
	size_t nr, max;
	bool failed;
};

static void collect(struct tasks *tasks, struct kma_value *value)
{
	if (value->type != KMA_VALUE_TASK)
		return;
	if (tasks->nr == tasks->max) {
		size_t max = tasks->max ? 2 * tasks->max : 64;
		struct kma_value **values = reallocarray(tasks->values, max, sizeof(*values));

		if (!values) {
			tasks->failed = true;
			return;
		}
		tasks->values = values;
		tasks->max = max;
	}
	tasks->values[tasks->nr++] = value;
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
	const struct kma_value *x = *(struct kma_value *const *)a,
			       *y = *(struct kma_value *const *)b;

	return (x->i > y->i) - (x->i < y->i);
}

static int name_all(struct tasks *tasks, kma_task_lookup lookup, void *source,
		    struct kma_arena *arena)
{
	int32_t *pids = calloc(tasks->nr, sizeof(*pids));
	const char **names = calloc(tasks->nr, sizeof(*names));
	size_t nr = 0;
	int ret = -1;

	if (!pids || !names)
		goto out;
	qsort(tasks->values, tasks->nr, sizeof(*tasks->values), by_pid);
	for (size_t i = 0; i < tasks->nr; i++)
		if (!nr || pids[nr - 1] != tasks->values[i]->i)
			pids[nr++] = (int32_t)tasks->values[i]->i;
	if (lookup && lookup(source, pids, names, nr, arena))
		goto out;
	for (size_t i = 0, at = 0; i < tasks->nr; i++) {
		while (pids[at] != tasks->values[i]->i)
			at++;
		if (!names[at])
			names[at] = kma_arena_printf(arena, "%d", (int)pids[at]);
		if (!names[at])
			goto out;
		*tasks->values[i] = kma_text(names[at]);
	}
	ret = 0;
out:
	free(pids);
	free(names);
	return ret;
}

int kma_result_name_tasks(struct kma_result *result, kma_task_lookup lookup, void *source,
			  struct kma_error *err)
{
	struct tasks tasks = { 0 };
	int ret = 0;

	for (size_t i = 0; i < result->nr_reports; i++)
		collect_report(&tasks, &result->reports[i]);
	if (tasks.failed || (tasks.nr && name_all(&tasks, lookup, source, result->arena)))
		ret = kma_fail(err, KMA_ERR_INTERNAL, "out of memory while naming tasks");
	free(tasks.values);
	return ret;
}
