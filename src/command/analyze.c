/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reports over one trace, and the story of a page or object in it: made, written, judged. */
#include "command/analyze.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/gate.h"
#include "command/load.h"
#include "command/output.h"
#include "gate/threshold.h"
#include "result/result.h"

/* True if any of the events that @name needs one of is there. */
static bool report_has_events(const struct kma_result *result, const struct kma_analysis *analysis)
{
	for (const struct kma_need *need = analysis->needs; need->kind; need++)
		for (size_t i = 0; need->required && i < result->facts.nr_events; i++)
			if (!strcmp(result->facts.events[i].system, kma_kind_system(need->kind)) &&
			    !strcmp(result->facts.events[i].name, kma_kind_name(need->kind)))
				return true;
	return false;
}

/* "kmem:kmalloc (1234), kmem:kfree (1200) and 7 more" */
static void list_events(const struct kma_result *result, char *text, size_t size)
{
	size_t used = 0, i;

	for (i = 0; i < result->facts.nr_events && used + 80 < size; i++) {
		const struct kma_event_count *event = &result->facts.events[i];
		int n = snprintf(text + used, size - used, "%s%.30s:%.30s (%llu)", i ? ", " : "",
				 event->system, event->name, (unsigned long long)event->count);

		used += n < (int)(size - used) ? (size_t)n : size - used - 1;
	}
	if (!i)
		snprintf(text, size, "no event at all");
	else if (i < result->facts.nr_events)
		snprintf(text + used, size - used, " and %zu more", result->facts.nr_events - i);
}

/* "-e kmem:kmalloc -e kmem:kfree": the events that fill the report; NULL: any report. */
static void list_options(const struct kma_analysis *analysis, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "-e kmem -e percpu");
	for (const struct kma_need *need = analysis ? analysis->needs : NULL; need && need->kind;
	     need++)
		if (need->what_for && used + 80 < size)
			used += snprintf(text + used, size - used, "%s-e %s:%s", used ? " " : "",
					 kma_kind_system(need->kind), kma_kind_name(need->kind));
}

/* Is what was asked for answered? Reports picked by name must each have something to say, else at
 * least one. */
static int judge(const struct kma_config *config, const struct kma_result *result,
		 struct kma_error *err)
{
	const struct kma_analysis *missing = NULL;
	const char *path = result->facts.source;
	char events[260], options[400];
	bool any = false;

	if (result->quality.truncated) {
		const char *what = result->quality.damage;

		return kma_fail(err, KMA_ERR_DAMAGED, "%s: only partly readable: %s", path,
				what ? what : "the file became shorter while it was read");
	}
	for (size_t i = 0; config->analyses[i]; i++) {
		bool has = report_has_events(result, config->analyses[i]);

		any |= has;
		if (!has && !missing)
			missing = config->analyses[i];
	}
	if (!missing || (any && !config->reports_picked))
		return 0;
	if (!result->facts.records &&
	    (config->cpus || config->buffer || config->from.set || config->to.set))
		return kma_fail(err, KMA_ERR_POOR,
				"%s: holds no event in what --cpu, --buffer, --from and --to pick",
				path);
	if (!config->reports_picked)
		missing = NULL;
	list_events(result, events, sizeof(events));
	list_options(missing, options, sizeof(options));
	return kma_fail(err, KMA_ERR_POOR,
			"%s: holds none of the events that %s needs; it holds %s. Record with: "
			"trace-cmd record -C mono %s",
			path, missing ? missing->name : "any report", events, options);
}

/* A story tells of the page or object, or that there is nothing to tell. */
static int judge_story(const struct kma_config *config, const struct kma_result *result,
		       struct kma_error *err)
{
	const struct kma_report *report = kma_result_find_report(result, "story");

	if (judge(config, result, err) < 0)
		return -1;
	if (report->status.code == KMA_UNAVAILABLE)
		return kma_fail(err, KMA_ERR_POOR, "%s: %s", config->path, report->status.reason);
	return 0;
}

int kma_story(const struct kma_config *config, struct kma_error *err)
{
	struct kma_result *result = kma_load_trace(config, config->path, err);
	int ret = result ? kma_write_result(config, result, err) : -1;

	if (!ret)
		ret = judge_story(config, result, err);
	kma_result_free(result);
	return ret;
}

/*
 * The trace itself and its thresholds, each with its own verdict. A violation is certain, so it
 * goes first; then what is wrong with the trace, which tells more than that nothing could be
 * judged.
 */
static int judge_all(const struct kma_config *config, const struct kma_thresholds *thresholds,
		     const struct kma_result *result, struct kma_error *err)
{
	struct kma_text_options text = kma_text_options(config, STDOUT_FILENO);
	bool json = config->json && !config->json_path;
	struct kma_error poor = { .code = KMA_OK };
	int ret = kma_gate_run(config, thresholds, result, &text,
			       kma_prints_text(config) ? stdout : NULL, json ? stderr : stdout,
			       err);

	if (ret && err->code != KMA_ERR_POOR)
		return -1;
	judge(config, result, &poor);
	if (poor.code == KMA_ERR_DAMAGED ||
	    (poor.code == KMA_ERR_POOR && config->gate.doubt != KMA_DOUBT_PASSES)) {
		*err = poor;
		return -1;
	}
	return ret ? -1 : kma_gate_save(config, result, err);
}

int kma_analyze(const struct kma_config *config, struct kma_error *err)
{
	struct kma_thresholds *thresholds;
	struct kma_result *result = NULL;
	int ret;

	if (kma_gate_prepare(config, &thresholds, err) < 0)
		return -1;
	result = kma_load(config, config->path, err);
	ret = result ? kma_write_result(config, result, err) : -1;
	if (!ret)
		ret = judge_all(config, thresholds, result, err);
	kma_result_free(result);
	kma_thresholds_free(thresholds);
	return ret;
}
