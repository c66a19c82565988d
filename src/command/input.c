/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens what a command reads, with progress on a terminal, and outlives Ctrl-C in a pipeline. It
 * must not know what is read.
 */
#include "command/input.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/progress.h"

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

struct kma_source *kma_open_input(const struct kma_config *config, const char *path,
				  bool show_progress, struct kma_json_text *json,
				  struct kma_error *err)
{
	struct kma_terminal_progress progress;
	struct kma_input input = {
		.path = path,
		.reader = config->reader,
		.spool_limit = config->spool_limit,
		.progress = show_progress ? &progress.progress : NULL,
		.pass_on = STDERR_FILENO,
		.stop = &stop_reading,
		.json = json,
	};
	struct kma_source *source;

	outlive_interrupts(path, show_progress);
	if (show_progress)
		kma_progress_begin(&progress, stderr);
	source = kma_input_open(&input, err);
	if (show_progress)
		kma_progress_end(&progress);
	return source;
}
