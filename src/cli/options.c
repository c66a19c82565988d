/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: from the option table to a struct kma_config. */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/config.h"

const struct kma_command_word kma_command_words[KMA_NR_WORDS] = {
	[KMA_COMMAND_ANALYZE] = { NULL, "TRACE", KMA_ONE_TRACE, "the reports over a trace" },
	[KMA_COMMAND_LIVE] = { "live", "[-- COMMAND...]", KMA_COMMAND_OR_NONE,
			       "the reports over this kernel, while it runs" },
	[KMA_COMMAND_DOCTOR] = { "doctor", "[TRACE]", KMA_TRACE_OR_NONE,
				 "what this kernel, or a trace, can tell, and how to record it" },
};

#define LIVE	   KMA_FOR(LIVE)
#define DOCTOR	   KMA_FOR(DOCTOR)
#define ANALYZE	   (KMA_FOR(ANALYZE) | LIVE)
#define READ_TRACE KMA_FOR(ANALYZE)

const struct kma_option kma_options[] = {
	{ KMA_OPT_REPORT, ANALYZE | DOCTOR, "report", "LIST",
	  "only these reports, by name, separated by commas (see --list)" },
	{ KMA_OPT_TOP, ANALYZE, "top", "N", "rows of each table in the text (default 10)" },
	{ KMA_OPT_CPU, READ_TRACE, "cpu", "LIST", "only these CPUs: 0,2-5" },
	{ KMA_OPT_BUFFER, READ_TRACE, "buffer", "NAME",
	  "only this trace buffer (instance); \"\" is the top one" },
	{ KMA_OPT_FROM, READ_TRACE, "from", "TIME",
	  "from this time on: seconds on the trace's clock, or +S from its start" },
	{ KMA_OPT_TO, READ_TRACE, "to", "TIME", "up to this time: the same" },
	{ KMA_OPT_STACKS, ANALYZE, "stacks", "[DEPTH]",
	  "tell call sites apart by whole stacks, DEPTH functions deep (8)" },
	{ KMA_OPT_NODES, ANALYZE, "nodes", "N",
	  "the machine's online NUMA nodes (default: those seen in the trace)" },
	{ KMA_OPT_JSON, ANALYZE | DOCTOR, "json", "[FILE]",
	  "JSON instead of text, or into FILE beside the text" },
	{ KMA_OPT_READER, READ_TRACE | DOCTOR, "reader", "NAME",
	  "own (default) or libtracecmd (slower, the reference)" },
	{ KMA_OPT_QUIET, ANALYZE, "quiet", NULL,
	  "no text and no progress; only errors, the exit status and JSON" },
	{ KMA_OPT_NO_COLOR, ANALYZE | DOCTOR, "no-color", NULL,
	  "no colour (also with NO_COLOR set, or when not on a terminal)" },
	{ KMA_OPT_FOR, LIVE, "for", "TIME", "live: end after this time: 10s, 500ms, 5m" },
	{ KMA_OPT_INTERVAL, LIVE, "interval", "TIME",
	  "live: with --json, a line so often; else how often the screen is drawn (1s)" },
	{ KMA_OPT_BUFFER_SIZE, LIVE, "buffer-size", "SIZE",
	  "live: of each CPU's buffer in the kernel: 8M (less with many CPUs), 512K" },
	{ KMA_OPT_SAVE, LIVE, "save", "FILE", "live: keep the recording as a trace.dat" },
	{ KMA_OPT_LIST, KMA_FOR(ANALYZE), "list", NULL,
	  "list the reports, their metrics, and the events they need" },
	{ KMA_OPT_VERSION, KMA_FOR_ALL, "version", NULL, "print the version" },
	{ KMA_OPT_HELP, KMA_FOR_ALL, "help", NULL, "print this help" },
	{ 0 },
};

#define MAX_OPTIONS	    64
#define DEFAULT_STACK_DEPTH 8
#define MAX_STACK_DEPTH	    64

static int parse_count(const char *text, const char *option, unsigned int *value,
		       struct kma_error *err)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n > 1000000)
		return kma_fail(err, KMA_ERR_USAGE, "--%s takes a number up to 1000000, not \"%s\"",
				option, text);
	*value = n;
	return 0;
}

/* "12.5" or "+0.25": seconds, to the nanosecond */
static int parse_time(const char *text, const char *option, struct kma_time_limit *limit,
		      struct kma_error *err)
{
	const char *p = text;
	uint64_t seconds = 0, ns = 0, unit = 1000000000;
	bool digits = false;

	*limit = (struct kma_time_limit){ .set = true, .relative = *p == '+' };
	if (limit->relative)
		p++;
	for (; *p >= '0' && *p <= '9' && seconds < UINT64_MAX / 20000000000; p++, digits = true)
		seconds = 10 * seconds + (*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, digits = true)
			ns += (*p - '0') * (unit /= 10);
	if (*p || !digits)
		return kma_fail(
			err, KMA_ERR_USAGE,
			"--%s takes seconds, like 12.5, or +2.5 from the trace's start, not \"%s\"",
			option, text);
	limit->ns = seconds * 1000000000 + ns;
	return 0;
}

/* "10s", "500ms", "5m", "10": seconds when nothing else is said */
static int parse_duration(const char *text, const char *option, uint64_t *ns, struct kma_error *err)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "s", 1e9 }, { "", 1e9 }, { "ms", 1e6 }, { "m", 6e10 }, { "h", 3.6e12 } };
	double value;
	char *end;

	value = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		double all = value * units[i].ns;

		if (strcmp(end, units[i].name) || *text < '0' || *text > '9' || !(all >= 1e6) ||
		    all > 3.6e15)
			continue;
		*ns = (uint64_t)all;
		return 0;
	}
	return kma_fail(err, KMA_ERR_USAGE,
			"--%s takes a time from 1ms to 1000h, like 10s, 500ms or 5m, not \"%s\"",
			option, text);
}

/* "8M", "512K": KiB when nothing else is said, as in trace-cmd record -b */
static int parse_buffer_size(const char *text, uint32_t *kbytes, struct kma_error *err)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !errno && n < 1ull << 32) {
		if (!strcasecmp(end, "m"))
			n <<= 10;
		else if (!strcasecmp(end, "g"))
			n <<= 20;
		else if (*end && strcasecmp(end, "k"))
			n = 0;
		if (n >= 8 && n <= 16u << 20) {
			*kbytes = (uint32_t)n;
			return 0;
		}
	}
	return kma_fail(err, KMA_ERR_USAGE,
			"--buffer-size takes 8K to 16G for each CPU, like 8M or 512K, not \"%s\"",
			text);
}

static int compare_cpus(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* "0,2-5" */
static int parse_cpus(const char *text, struct kma_config *config, struct kma_error *err)
{
	const char *p = text;

	free(config->cpus);
	config->cpus = NULL;
	config->nr_cpus = 0;
	do {
		unsigned long first, last;
		uint32_t *cpus;
		char *end;

		if (*p < '0' || *p > '9')
			goto bad;
		first = last = strtoul(p, &end, 10);
		if (*end == '-') {
			p = end + 1;
			if (*p < '0' || *p > '9')
				goto bad;
			last = strtoul(p, &end, 10);
		}
		if (last < first || last > UINT16_MAX || (*end && *end != ',') ||
		    config->nr_cpus > UINT16_MAX)
			goto bad;
		cpus = realloc(config->cpus, (config->nr_cpus + last - first + 1) * sizeof(*cpus));
		if (!cpus)
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		config->cpus = cpus;
		for (; first <= last; first++)
			cpus[config->nr_cpus++] = first;
		p = *end ? end + 1 : end;
	} while (*p);
	qsort(config->cpus, config->nr_cpus, sizeof(*config->cpus), compare_cpus);
	return 0;
bad:
	return kma_fail(err, KMA_ERR_USAGE, "--cpu takes a list like 0,2-5, not \"%s\"", text);
}

static int parse_reports(const char *text, struct kma_config *config, struct kma_error *err)
{
	size_t nr = 0;

	config->reports_picked = true;
	/* in the order of the static list, each once, whatever order was asked for */
	for (size_t i = 0; kma_analyses[i]; i++) {
		size_t length = strlen(kma_analyses[i]->name);

		for (const char *p = text; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
			if (strcspn(p, ",") == length &&
			    !memcmp(p, kma_analyses[i]->name, length)) {
				config->analyses[nr++] = kma_analyses[i];
				break;
			}
	}
	config->analyses[nr] = NULL;
	for (const char *p = text; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		bool known = false;

		for (size_t i = 0; i < nr; i++)
			known |= strlen(config->analyses[i]->name) == strcspn(p, ",") &&
				 !strncmp(p, config->analyses[i]->name, strcspn(p, ","));
		if (!known)
			return kma_fail(err, KMA_ERR_USAGE, "no report \"%.*s\"; --list names them",
					(int)strcspn(p, ","), p);
	}
	return 0;
}

static int parse_option(struct kma_config *config, int id, const char *value, struct kma_error *err)
{
	switch (id) {
	case KMA_OPT_REPORT:
		return parse_reports(value, config, err);
	case KMA_OPT_TOP:
		return parse_count(value, "top", &config->top, err);
	case KMA_OPT_CPU:
		return parse_cpus(value, config, err);
	case KMA_OPT_BUFFER:
		config->buffer = value;
		return 0;
	case KMA_OPT_FROM:
		return parse_time(value, "from", &config->from, err);
	case KMA_OPT_TO:
		return parse_time(value, "to", &config->to, err);
	case KMA_OPT_STACKS:
		config->stack_depth = DEFAULT_STACK_DEPTH;
		if (value && parse_count(value, "stacks", &config->stack_depth, err) < 0)
			return -1;
		if (!config->stack_depth || config->stack_depth > MAX_STACK_DEPTH)
			return kma_fail(err, KMA_ERR_USAGE, "--stacks takes a depth from 1 to %d",
					MAX_STACK_DEPTH);
		return 0;
	case KMA_OPT_NODES:
		return parse_count(value, "nodes", &config->nodes, err);
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
	case KMA_OPT_QUIET:
		config->quiet = true;
		return 0;
	case KMA_OPT_NO_COLOR:
		config->no_color = true;
		return 0;
	case KMA_OPT_FOR:
		return parse_duration(value, "for", &config->live.for_ns, err);
	case KMA_OPT_INTERVAL:
		return parse_duration(value, "interval", &config->live.interval_ns, err);
	case KMA_OPT_BUFFER_SIZE:
		return parse_buffer_size(value, &config->live.buffer_kb, err);
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
		return kma_fail(err, KMA_ERR_INTERNAL, "option %d without a meaning", id);
	}
}

/* getopt_long()'s two tables, made from ours. */
static void getopt_tables(struct option *longs, char *shorts)
{
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

/* What an option does not go with, before anybody wonders why it does nothing. */
static int check_command(enum kma_command command, int id, struct kma_error *err)
{
	const struct kma_option *option = kma_options;
	const char *word = kma_command_words[command].word;

	while (option->id != id)
		option++;
	if (option->commands & 1u << command)
		return 0;
	return kma_fail(err, KMA_ERR_USAGE, "--%s says nothing to kmem-analyze%s%s; --help tells",
			option->name, word ? " " : "", word ? word : "");
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

/* What stands behind the options. */
static int parse_operands(struct kma_config *config, int argc, char **argv, struct kma_error *err)
{
	const struct kma_command_word *word = &kma_command_words[config->command];

	if (word->operand == KMA_COMMAND_OR_NONE) {
		if (optind < argc && strcmp(argv[optind - 1], "--"))
			return kma_fail(
				err, KMA_ERR_USAGE,
				"put \"--\" before the command: kmem-analyze %s [OPTION]... -- "
				"%s ...",
				word->word, argv[optind]);
		config->live.command = optind < argc ? argv + optind : NULL;
		return 0;
	}
	if (optind == argc && word->operand == KMA_TRACE_OR_NONE)
		return 0;
	if (optind == argc)
		return kma_fail(
			err, KMA_ERR_USAGE,
			"no trace given: kmem-analyze %s%s[OPTION]... %s; --help tells more",
			word->word ? word->word : "", word->word ? " " : "", word->synopsis);
	if (optind + 1 < argc)
		return kma_fail(err, KMA_ERR_USAGE, "one trace at a time, not also \"%s\"",
				argv[optind + 1]);
	config->path = strcmp(argv[optind], "-") ? argv[optind] : "/dev/stdin";
	return 0;
}

int kma_config_parse(struct kma_config *config, int argc, char **argv, struct kma_error *err)
{
	enum kma_command command = find_command(argc, argv);
	struct option longs[MAX_OPTIONS];
	char shorts[2 * MAX_OPTIONS];
	int id;

	memset(config, 0, sizeof(*config));
	config->command = command;
	config->top = 10;
	for (size_t i = 0; kma_analyses[i]; i++)
		config->analyses[i] = kma_analyses[i];
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
		if (check_command(command, id, err) < 0 ||
		    parse_option(config, id, optarg, err) < 0)
			return -1;
	}
	if (config->command >= KMA_NR_WORDS)
		return 0;
	return parse_operands(config, argc, argv, err);
}

void kma_config_free(struct kma_config *config)
{
	free(config->cpus);
	config->cpus = NULL;
}
