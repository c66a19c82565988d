/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Picks the command, connects source, pipeline and renderers, and maps outcomes to exit statuses.
 * The only file that prints errors and ends the process.
 */
#include <ctype.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kmem-analyze/version.h>

#include "cli/config.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "doctor/doctor.h"
#include "live/live.h"
#include "result/result.h"

enum {
	EXIT_OK = 0,
	EXIT_ERROR = 2,	       /* usage, internal, output */
	EXIT_INCONCLUSIVE = 3, /* the input is missing, unreadable, cut off or too poor */
};

static int exit_status(const struct kma_error *err)
{
	switch (err->code) {
	case KMA_OK:
		return EXIT_OK;
	case KMA_ERR_INPUT:
	case KMA_ERR_DAMAGED:
	case KMA_ERR_POOR:
		return EXIT_INCONCLUSIVE;
	default:
		return EXIT_ERROR;
	}
}

static void complain(const struct kma_error *err)
{
	char line[sizeof(err->message)];
	size_t i;

	/* a path or a name out of the trace may hold anything: still one line, and no escape
	 * sequences */
	for (i = 0; err->message[i]; i++)
		line[i] = iscntrl((unsigned char)err->message[i]) ? '?' : err->message[i];
	line[i] = '\0';
	fprintf(stderr, "kmem-analyze: %s\n", line);
}

static int symbols(void *source, const uint64_t *addresses, const char **names, size_t nr,
		   struct kma_arena *arena)
{
	return kma_source_symbols(source, addresses, names, nr, arena);
}

static int tasks(void *source, const int32_t *pids, const char **names, size_t nr,
		 struct kma_arena *arena)
{
	return kma_source_tasks(source, pids, names, nr, arena);
}

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
	char events[260], options[400];
	bool any = false;

	if (result->quality.truncated) {
		const char *what = result->quality.damage;

		return kma_fail(err, KMA_ERR_DAMAGED, "%s: only partly readable: %s", config->path,
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
				config->path);
	if (!config->reports_picked)
		missing = NULL;
	list_events(result, events, sizeof(events));
	list_options(missing, options, sizeof(options));
	return kma_fail(err, KMA_ERR_POOR,
			"%s: holds none of the events that %s needs; it holds %s. Record with: "
			"trace-cmd record -C mono %s",
			config->path, missing ? missing->name : "any report", events, options);
}

static int analyze(const struct kma_config *config, struct kma_error *err)
{
	struct kma_selection selection = {
		.analyses = config->analyses,
		.cpus = config->cpus,
		.nr_cpus = config->nr_cpus,
		.buffer = config->buffer,
		.from = config->from,
		.to = config->to,
		.stack_depth = config->stack_depth,
		.nodes = config->nodes,
	};
	struct kma_terminal_progress progress;
	bool show_progress = !config->quiet && isatty(STDERR_FILENO);
	struct kma_source *source = kma_source_open(config->path, config->reader, err);
	struct kma_result *result;
	int ret;

	if (!source)
		return -1;
	result = kma_result_new();
	if (!result) {
		kma_source_close(source);
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	}
	if (show_progress)
		kma_progress_begin(&progress, stderr);
	ret = kma_pipeline_run(source, &selection, show_progress ? &progress.progress : NULL,
			       result, err);
	if (show_progress)
		kma_progress_end(&progress);
	if (!ret)
		ret = kma_result_name_tasks(result, tasks, source, err);
	if (!ret)
		ret = kma_result_resolve(result, symbols, source, err);
	if (!ret)
		ret = kma_write_result(config, result, err);
	if (!ret)
		ret = judge(config, result, err);
	kma_result_free(result);
	kma_source_close(source);
	return ret;
}

int main(int argc, char **argv)
{
	struct kma_config config;
	struct kma_error err = { .code = KMA_OK };

	setlocale(LC_CTYPE, "");
	if (kma_config_parse(&config, argc, argv, &err) == 0) {
		switch (config.command) {
		case KMA_COMMAND_HELP:
			kma_print_help(stdout);
			kma_finish_output(stdout, "to standard output", 0, &err);
			break;
		case KMA_COMMAND_VERSION:
			puts("kmem-analyze " KMA_VERSION);
			kma_finish_output(stdout, "to standard output", 0, &err);
			break;
		case KMA_COMMAND_LIST:
			kma_print_list(stdout);
			kma_finish_output(stdout, "to standard output", 0, &err);
			break;
		case KMA_COMMAND_ANALYZE:
			analyze(&config, &err);
			break;
		case KMA_COMMAND_LIVE:
			kma_live_run(&config, &err);
			break;
		case KMA_COMMAND_DOCTOR:
			kma_doctor_run(&config, stdout, &err);
			break;
		}
	}
	if (err.code != KMA_OK)
		complain(&err);
	kma_config_free(&config);
	return exit_status(&err);
}
