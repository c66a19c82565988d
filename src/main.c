/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Picks the command, connects source, pipeline and renderers, and maps outcomes to exit statuses.
 * The only file that prints to the standard streams and ends the process.
 */
#include <ctype.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kmem-analyze/version.h>

#include "cli/config.h"
#include "cli/progress.h"
#include "render/render.h"
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

/* Output errors (a full disk) often show only when the last bytes are written. */
static int finish(FILE *out, const char *path, int ret, struct kma_error *err)
{
	if (ret < 0 || fflush(out) || ferror(out))
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static int write_json(const struct kma_config *config, const struct kma_result *result,
		      struct kma_error *err)
{
	FILE *out;
	int ret;

	if (!config->json_path)
		return finish(stdout, "to standard output", kma_render_json(result, stdout), err);
	out = fopen(config->json_path, "w");
	if (!out)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", config->json_path,
				strerror(errno));
	ret = finish(out, config->json_path, kma_render_json(result, out), err);
	if (fclose(out) && !ret)
		ret = kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", config->json_path,
			       strerror(errno));
	return ret;
}

static int write_result(const struct kma_config *config, const struct kma_result *result,
			struct kma_error *err)
{
	const char *no_color = getenv("NO_COLOR");
	struct kma_text_options text = {
		.top = config->top,
		.color = !config->no_color && !(no_color && *no_color) && isatty(STDOUT_FILENO),
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
	};

	if (config->json && write_json(config, result, err) < 0)
		return -1;
	if (config->quiet || (config->json && !config->json_path))
		return 0;
	return finish(stdout, "to standard output", kma_render_text(result, &text, stdout), err);
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

/*
 * Ctrl-C reaches all of a pipeline. The first one is for the producer, which ends: what came is
 * reported. If it does not end, the second one ends the reading, and the third one us.
 */
static volatile sig_atomic_t interrupts, stop_reading, say_interrupted;

static void on_interrupt(int sig)
{
	static const char text[] =
		"\nkmem-analyze: waiting for the pipe to end; Ctrl-C again reports what came\n";

	if (++interrupts > 2) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	stop_reading = interrupts == 2;
	if (interrupts == 1 && say_interrupted && write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		say_interrupted = 0;
}

static void outlive_interrupts(const char *path, bool say)
{
	struct sigaction action = { .sa_handler = on_interrupt }; /* reads are to be interrupted */
	bool is_stdin = !strcmp(path, "-");
	struct stat st;

	if ((is_stdin ? fstat(STDIN_FILENO, &st) : stat(path, &st)) < 0 ||
	    (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return;
	say_interrupted = say;
	sigaction(SIGINT, &action, NULL);
}

static struct kma_source *open_input(const struct kma_config *config, bool show_progress,
				     struct kma_error *err)
{
	struct kma_terminal_progress progress;
	struct kma_input input = {
		.path = config->path,
		.reader = config->reader,
		.spool_limit = config->spool_limit,
		.progress = show_progress ? &progress.progress : NULL,
		.pass_on = STDERR_FILENO,
		.stop = &stop_reading,
	};
	struct kma_source *source;

	outlive_interrupts(config->path, show_progress);
	if (show_progress)
		kma_progress_begin(&progress, stderr);
	source = kma_input_open(&input, err);
	if (show_progress)
		kma_progress_end(&progress);
	return source;
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
	struct kma_source *source = open_input(config, show_progress, err);
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
		ret = write_result(config, result, err);
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
			finish(stdout, "to standard output", 0, &err);
			break;
		case KMA_COMMAND_VERSION:
			puts("kmem-analyze " KMA_VERSION);
			finish(stdout, "to standard output", 0, &err);
			break;
		case KMA_COMMAND_LIST:
			kma_print_list(stdout);
			finish(stdout, "to standard output", 0, &err);
			break;
		case KMA_COMMAND_ANALYZE:
			analyze(&config, &err);
			break;
		}
	}
	if (err.code != KMA_OK)
		complain(&err);
	kma_config_free(&config);
	return exit_status(&err);
}
