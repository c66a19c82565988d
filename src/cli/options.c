/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: words in order, by the option table, into a struct kma_config. */
#include "cli/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/config.h"
#include "cli/option_checks.h"
#include "cli/option_values.h"

#define MAX_OPTIONS	    96
#define DEFAULT_STACK_DEPTH 8
#define MAX_STACK_DEPTH	    64
#define MAX_JOBS	    64

static void add_file(struct kma_files *files, const char *path)
{
	files->paths[files->nr++] = path;
}

/* The option's value is the first of a list that goes on with what stands behind it. */
static int begin_list(struct kma_files *files, const char *option, const char *path,
		      struct kma_error *err)
{
	if (*path == '-' && path[1])
		return kma_fail(err, KMA_ERR_USAGE, "--%s takes files, not \"%s\"", option, path);
	add_file(files, path);
	return 0;
}

static int parse_option(struct kma_config *config, int id, const char *value, struct kma_error *err)
{
	switch (id) {
	case KMA_OPT_BASE:
		return begin_list(&config->base, "base", value, err);
	case KMA_OPT_NEW:
		return begin_list(&config->new, "new", value, err);
	case KMA_OPT_REPORT:
		return kma_parse_reports(value, config, err);
	case KMA_OPT_TOP:
		return kma_parse_count(value, "top", &config->top, err);
	case KMA_OPT_CPU:
		return kma_parse_cpus(value, config, err);
	case KMA_OPT_BUFFER:
		config->buffer = value;
		return 0;
	case KMA_OPT_FROM:
		return kma_parse_time(value, "from", &config->from, err);
	case KMA_OPT_TO:
		return kma_parse_time(value, "to", &config->to, err);
	case KMA_OPT_STACKS:
		config->stack_depth = config->command == KMA_COMMAND_STORY ? MAX_STACK_DEPTH
									   : DEFAULT_STACK_DEPTH;
		if (value && kma_parse_count(value, "stacks", &config->stack_depth, err) < 0)
			return -1;
		if (!config->stack_depth || config->stack_depth > MAX_STACK_DEPTH)
			return kma_fail(err, KMA_ERR_USAGE, "--stacks takes a depth from 1 to %d",
					MAX_STACK_DEPTH);
		return 0;
	case KMA_OPT_NODES:
		return kma_parse_count(value, "nodes", &config->nodes, err);
	case KMA_OPT_MIGRATETYPES:
		return kma_parse_migratetypes(value, &config->migratetypes, err);
	case KMA_OPT_PFN:
		return kma_parse_pfns(value, &config->pfns, err);
	case KMA_OPT_PTR:
		config->has_ptr = true;
		return kma_parse_address(value, &config->ptr, err);
	case KMA_OPT_JOBS:
		if (kma_parse_count(value, "jobs", &config->jobs, err) < 0)
			return -1;
		if (!config->jobs || config->jobs > MAX_JOBS)
			return kma_fail(err, KMA_ERR_USAGE, "--jobs takes a number from 1 to %d",
					MAX_JOBS);
		return 0;
	case KMA_OPT_JSON:
		config->json = true;
		config->json_path = value && strcmp(value, "-") ? value : NULL;
		return 0;
	case KMA_OPT_READER:
		if (!strcmp(value, "own"))
			config->reader = KMA_READER_OWN;
		else if (!strcmp(value, "libtracecmd"))
			config->reader = KMA_READER_TRACECMD;
		else
			return kma_fail(err, KMA_ERR_USAGE,
					"--reader takes own or libtracecmd, not \"%s\"", value);
		return 0;
	case KMA_OPT_FAIL_ON_WORSE:
		config->fail_on_worse = true;
		return 0;
	case KMA_OPT_SPOOL_LIMIT:
		return kma_parse_size(value, "spool-limit", &config->spool_limit, err);
	case KMA_OPT_QUIET:
		config->quiet = true;
		return 0;
	case KMA_OPT_NO_COLOR:
		config->no_color = true;
		return 0;
	case KMA_OPT_FOR:
		return kma_parse_duration(value, "for", &config->live.for_ns, err);
	case KMA_OPT_INTERVAL:
		return kma_parse_duration(value, "interval", &config->live.interval_ns, err);
	case KMA_OPT_BUFFER_SIZE:
		return kma_parse_buffer_size(value, &config->live.buffer_kb, err);
	case KMA_OPT_SAVE:
		config->live.save = value;
		return 0;
	case KMA_OPT_LIST:
		config->command = KMA_COMMAND_LIST;
		return 0;
	case KMA_OPT_VERSION:
		config->command = KMA_COMMAND_VERSION;
		return 0;
	case KMA_OPT_HELP:
		config->command = KMA_COMMAND_HELP;
		return 0;
	default:
		return kma_gate_option(&config->gate, id, value, err);
	}
}

/* getopt_long()'s two tables, made from ours. */
static void getopt_tables(struct option *longs, char *shorts)
{
	*shorts++ = '-'; /* files in their places among the options */
	*shorts++ = ':';
	for (const struct kma_option *option = kma_options; option->name; option++) {
		*longs++ = (struct option){
			.name = option->name,
			.has_arg = !option->argument	      ? no_argument
				   : *option->argument == '[' ? optional_argument
							      : required_argument,
			.val = option->id,
		};
		if (option->id >= 256)
			continue;
		*shorts++ = option->id;
		if (option->argument)
			*shorts++ = ':';
	}
	*longs = (struct option){ 0 };
	*shorts = '\0';
}

/* What getopt_long() does not take: an option we have with a value it does not want, or one that we
 * do not have. */
static int bad_option(char **argv, struct kma_error *err)
{
	for (const struct kma_option *option = kma_options; option->name; option++)
		if (option->id == optopt)
			return kma_fail(err, KMA_ERR_USAGE,
					"option \"--%s\" takes no value; --help lists them",
					option->name);
	if (optopt) /* maybe in the middle of a word of several: only the letter is sure */
		return kma_fail(err, KMA_ERR_USAGE, "unknown option \"-%c\"; --help lists them",
				optopt);
	return kma_fail(err, KMA_ERR_USAGE, "unknown or ambiguous option \"%s\"; --help lists them",
			argv[optind - 1]);
}

/* A first word that names a command; a file of that name is reached as ./NAME. */
static enum kma_command find_command(int argc, char **argv)
{
	for (int command = 0; argc > 1 && command < KMA_NR_WORDS; command++)
		if (kma_command_words[command].word &&
		    !strcmp(argv[1], kma_command_words[command].word))
			return command;
	return KMA_COMMAND_ANALYZE;
}

static int parse_words(struct kma_config *config, int argc, char **argv, struct kma_error *err)
{
	enum kma_command command = config->command;
	struct kma_files *list = &config->files;
	struct option longs[MAX_OPTIONS];
	char shorts[2 * MAX_OPTIONS];
	int id;

	getopt_tables(longs, shorts);
	opterr = 0;
	optind = kma_command_words[command].word ? 2 : 1;
	while ((id = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (id == '?')
			return bad_option(argv, err);
		if (id == ':')
			return kma_fail(err, KMA_ERR_USAGE,
					"option \"%s\" needs a value; --help tells",
					argv[optind - 1]);
		if (id == 1) {
			add_file(list, optarg);
			continue;
		}
		if (kma_check_option(command, id, err) < 0 ||
		    parse_option(config, id, optarg, err) < 0)
			return -1;
		if (id == KMA_OPT_BASE)
			list = &config->base;
		else if (id == KMA_OPT_NEW)
			list = &config->new;
	}
	if (command == KMA_COMMAND_LIVE)
		return config->command == command ? kma_check_live(config, argv + optind, err) : 0;
	while (optind < argc)
		add_file(list, argv[optind++]);
	return config->command < KMA_NR_WORDS ? kma_check_files(config, err) : 0;
}

int kma_config_parse(struct kma_config *config, int argc, char **argv, struct kma_error *err)
{
	memset(config, 0, sizeof(*config));
	config->command = find_command(argc, argv);
	config->top = config->command == KMA_COMMAND_STORY ? 100 : 10;
	config->spool_limit = KMA_SPOOL_LIMIT;
	kma_gate_config_init(&config->gate);
	for (size_t i = 0; kma_analyses[i]; i++)
		config->analyses[i] = kma_analyses[i];
	config->files.paths = calloc(argc + 1, sizeof(*config->files.paths));
	config->base.paths = calloc(argc + 1, sizeof(*config->base.paths));
	config->new.paths = calloc(argc + 1, sizeof(*config->new.paths));
	if (!config->files.paths || !config->base.paths || !config->new.paths)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return parse_words(config, argc, argv, err);
}

void kma_config_free(struct kma_config *config)
{
	free(config->cpus);
	config->cpus = NULL;
	kma_gate_config_free(&config->gate);
	free(config->files.paths);
	free(config->base.paths);
	free(config->new.paths);
	config->files.paths = config->base.paths = config->new.paths = NULL;
}
