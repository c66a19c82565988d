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
	KMA_OPT_FOR = 350,
	KMA_OPT_INTERVAL,
	KMA_OPT_BUFFER_SIZE,
	KMA_OPT_SAVE,
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
	enum { KMA_ONE_TRACE, KMA_TRACE_OR_NONE, KMA_COMMAND_OR_NONE } operand;
	const char *help;
};

extern const struct kma_command_word kma_command_words[]; /* by enum kma_command */

#endif
