/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options as data: parsing, --help and the tests of the manual read the same table. */
#ifndef KMA_CLI_OPTIONS_H
#define KMA_CLI_OPTIONS_H

enum kma_option_id {
	KMA_OPT_REPORT = 'r',
	KMA_OPT_HELP = 'h',
	KMA_OPT_VERSION = 'V',
	KMA_OPT_TOP = 256,
	KMA_OPT_CPU,
	KMA_OPT_BUFFER,
	KMA_OPT_FROM,
	KMA_OPT_TO,
	KMA_OPT_JSON,
	KMA_OPT_READER,
	KMA_OPT_QUIET = 'q',
	KMA_OPT_NO_COLOR = 300,
	KMA_OPT_LIST,
	KMA_OPT_STACKS,
	KMA_OPT_NODES,
	KMA_OPT_MIGRATETYPES,
	KMA_OPT_PFN,
	KMA_OPT_PTR,
	KMA_OPT_JOBS,
	KMA_OPT_SPOOL_LIMIT,
	KMA_OPT_FOR = 350,
	KMA_OPT_INTERVAL,
	KMA_OPT_BUFFER_SIZE,
	KMA_OPT_SAVE,
	KMA_OPT_THRESHOLD = 400, /* judging: gate_options.c */
	KMA_OPT_THRESHOLDS,
	KMA_OPT_BASELINE,
	KMA_OPT_SAVE_BASELINE,
	KMA_OPT_MAX_LOST,
	KMA_OPT_MIN_SAMPLES,
	KMA_OPT_INCONCLUSIVE,
	KMA_OPT_ANNOTATE,
	KMA_OPT_JUNIT,
	KMA_OPT_SARIF,
	KMA_OPT_MARKDOWN,
	KMA_OPT_BASE,
	KMA_OPT_NEW,
	KMA_OPT_FAIL_ON_WORSE,
};

/* Commands that take an option: bits of 1 << enum kma_command. */
#define KMA_FOR(command) (1u << KMA_COMMAND_##command)
#define KMA_FOR_ALL	 (~0u)

struct kma_option {
	int id; /* below 256: also the short option */
	unsigned int commands;
	const char *name;
	const char *argument; /* NULL: takes none; in brackets: optional */
	const char *help;
};

extern const struct kma_option kma_options[]; /* ends with a NULL name */

struct kma_command_word {
	const char *word;     /* NULL: the command that needs no word */
	const char *synopsis; /* what stands behind it */
	const char *help;
};

extern const struct kma_command_word kma_command_words[]; /* by enum kma_command */

#endif
