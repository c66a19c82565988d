/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Picks the command, and maps its outcome to an exit status. The only file that prints errors and
 * ends the process.
 */
#include <ctype.h>
#include <locale.h>
#include <stdio.h>

#include <kmem-analyze/version.h>

#include "cli/config.h"
#include "command/analyze.h"
#include "command/compare.h"
#include "command/output.h"
#include "doctor/doctor.h"
#include "live/live.h"

enum {
	EXIT_OK = 0,
	EXIT_VIOLATED = 1,     /* a threshold does not hold */
	EXIT_ERROR = 2,	       /* usage, internal, output */
	EXIT_INCONCLUSIVE = 3, /* the input is missing, unreadable, cut off or too poor */
};

static int exit_status(const struct kma_error *err)
{
	switch (err->code) {
	case KMA_OK:
		return EXIT_OK;
	case KMA_ERR_VIOLATED:
		return EXIT_VIOLATED;
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
			kma_analyze(&config, &err);
			break;
		case KMA_COMMAND_STORY:
			kma_story(&config, &err);
			break;
		case KMA_COMMAND_MERGE:
			kma_merge(&config, &err);
			break;
		case KMA_COMMAND_DIFF:
			kma_diff(&config, &err);
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
