/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: from the option table to a struct kma_config. */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/config.h"

const struct kma_command_word kma_command_words[KMA_NR_WORDS] = {
	[KMA_COMMAND_ANALYZE] = { NULL, "TRACE", "the reports over a trace" },
	[KMA_COMMAND_STORY] = { "story", "{--pfn N | --ptr ADDRESS} TRACE",
				"the whole life of one page or object, step by step" },
	[KMA_COMMAND_DIFF] = { "diff", "BASE NEW | --base BASE... --new NEW...",
			       "what got better and worse, and why" },
	[KMA_COMMAND_MERGE] = { "merge", "RESULT...", "results of many machines or parts as one" },
	[KMA_COMMAND_LIVE] = { "live", "[-- COMMAND...]",
			       "the reports over this kernel, while it runs" },
	[KMA_COMMAND_DOCTOR] = { "doctor", "[TRACE]",
				 "what this kernel, or a trace, can tell, and how to record it" },
};

#define ANALYZE	   KMA_FOR(ANALYZE)
#define STORY	   KMA_FOR(STORY)
#define DIFF	   KMA_FOR(DIFF)
#define MERGE	   KMA_FOR(MERGE)
#define LIVE	   KMA_FOR(LIVE)
#define DOCTOR	   KMA_FOR(DOCTOR)
#define REPORTS	   (ANALYZE | DIFF | MERGE)
#define READ_TRACE (REPORTS | STORY)

const struct kma_option kma_options[] = {
	{ KMA_OPT_REPORT, REPORTS | LIVE | DOCTOR, "report", "LIST",
	  "only these reports, by name, separated by commas (see --list)" },
	{ KMA_OPT_TOP, READ_TRACE | LIVE, "top", "N",
	  "rows of each table in the text (default 10; of a story 100)" },
	{ KMA_OPT_CPU, READ_TRACE, "cpu", "LIST", "only these CPUs: 0,2-5" },
	{ KMA_OPT_BUFFER, READ_TRACE, "buffer", "NAME",
	  "only this trace buffer (instance); \"\" is the top one" },
	{ KMA_OPT_FROM, READ_TRACE, "from", "TIME",
	  "from this time on: seconds on the trace's clock, or +S from its start" },
	{ KMA_OPT_TO, READ_TRACE, "to", "TIME", "up to this time: the same" },
	{ KMA_OPT_STACKS, READ_TRACE | LIVE, "stacks", "[DEPTH]",
	  "tell call sites apart by stacks, DEPTH deep (8); story: show them (all)" },
	{ KMA_OPT_NODES, REPORTS | LIVE, "nodes", "N",
	  "the machine's online NUMA nodes (default: those seen in the trace)" },
	{ KMA_OPT_MIGRATETYPES, READ_TRACE, "migratetypes", "LIST",
	  "their names, from 0 on or as 0=Unmovable,4=CMA (see /proc/pagetypeinfo)" },
	{ KMA_OPT_PFN, READ_TRACE, "pfn", "RANGE",
	  "pages to follow (cma), or the one page (story): 0x1000aa, 0x100000-0x1007ff" },
	{ KMA_OPT_PTR, STORY, "ptr", "ADDRESS", "the object at this kernel address" },
	{ KMA_OPT_JSON, READ_TRACE | LIVE | DOCTOR, "json", "[FILE]",
	  "JSON instead of text, or into FILE beside the text" },
	{ KMA_OPT_READER, READ_TRACE | DOCTOR, "reader", "NAME",
	  "own (default) or libtracecmd (slower, the reference)" },
	{ KMA_OPT_JOBS, READ_TRACE, "jobs", "N",
	  "threads that work on it (default: one for each CPU, if they help)" },
	{ KMA_OPT_SPOOL_LIMIT, READ_TRACE, "spool-limit", "SIZE",
	  "keep at most so much of a trace.dat from a pipe: 500M, 20G (16G)" },
	{ KMA_OPT_QUIET, READ_TRACE | LIVE, "quiet", NULL,
	  "no text and no progress; only errors, the exit status and JSON" },
	{ KMA_OPT_NO_COLOR, READ_TRACE | LIVE | DOCTOR, "no-color", NULL,
	  "no colour (also with NO_COLOR set, or when not on a terminal)" },
	{ KMA_OPT_BASE, DIFF, "base", "FILES",
	  "traces or results before, all up to the next option" },
	{ KMA_OPT_NEW, DIFF, "new", "FILES", "traces or results after, all up to the next option" },
	{ KMA_OPT_THRESHOLD, ANALYZE, "threshold", "EXPR",
	  "judge: \"zone_lock.hold_ns: p99 <= base + 5%\" (repeatable; see the manual)" },
	{ KMA_OPT_THRESHOLDS, ANALYZE, "thresholds", "FILE", "thresholds from a JSON file" },
	{ KMA_OPT_BASELINE, ANALYZE, "baseline", "FILE",
	  "what base is in a threshold: a result in JSON, or a trace" },
	{ KMA_OPT_SAVE_BASELINE, ANALYZE, "save-baseline", "FILE",
	  "write the result for later, unless a threshold does not hold" },
	{ KMA_OPT_MAX_LOST, ANALYZE, "max-lost", "N",
	  "more lost events, or N% of all, are too many to judge (0)" },
	{ KMA_OPT_MIN_SAMPLES, ANALYZE, "min-samples", "N",
	  "fewer samples of a distribution are too few to judge (10)" },
	{ KMA_OPT_INCONCLUSIVE, ANALYZE, "inconclusive", "WHAT",
	  "what cannot be judged shall pass or fail (else: status 3)" },
	{ KMA_OPT_ANNOTATE, ANALYZE, "annotate", "KIND",
	  "github: also say it as annotations of GitHub Actions" },
	{ KMA_OPT_JUNIT, ANALYZE, "junit", "FILE", "what became of the thresholds, as JUnit XML" },
	{ KMA_OPT_SARIF, ANALYZE, "sarif", "FILE", "the same as SARIF 2.1.0" },
	{ KMA_OPT_MARKDOWN, ANALYZE, "markdown", "FILE", "the same as a Markdown page" },
	{ KMA_OPT_FAIL_ON_WORSE, DIFF, "fail-on-worse", NULL,
	  "exit with 1 when something got worse" },
	{ KMA_OPT_FOR, LIVE, "for", "TIME", "live: end after this time: 10s, 500ms, 5m" },
	{ KMA_OPT_INTERVAL, LIVE, "interval", "TIME",
	  "live: with --json, a line so often; else how often the screen is drawn (1s)" },
	{ KMA_OPT_BUFFER_SIZE, LIVE, "buffer-size", "SIZE",
	  "live: of each CPU's buffer in the kernel: 8M (less with many CPUs), 512K" },
	{ KMA_OPT_SAVE, LIVE, "save", "FILE", "live: keep the recording as a trace.dat" },
	{ KMA_OPT_LIST, ANALYZE, "list", NULL,
	  "list the reports, their metrics, and the events they need" },
	{ KMA_OPT_VERSION, KMA_FOR_ALL, "version", NULL, "print the version" },
	{ KMA_OPT_HELP, KMA_FOR_ALL, "help", NULL, "print this help" },
	{ 0 },
};

#define MAX_OPTIONS	    96
#define DEFAULT_STACK_DEPTH 8
#define MAX_STACK_DEPTH	    64
#define MAX_JOBS	    64

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

/* "500M": bytes, or with a unit of 1024 */
static int parse_size(const char *text, const char *option, uint64_t *value, struct kma_error *err)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit)
		end++;
	if (*text < '0' || *text > '9' || *end || errno || !n || n > UINT32_MAX)
		return kma_fail(err, KMA_ERR_USAGE,
				"--%s takes a size like 500M or 20G, not \"%s\"", option, text);
	*value = unit ? n << (10 * (unit - units + 1)) : n;
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

static bool parse_hex_or_decimal(const char **text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(*text, &end, strncmp(*text, "0x", 2) ? 10 : 16);
	if (**text < '0' || **text > '9' || end == *text || errno)
		return false;
	*text = end;
	return true;
}

/* "0x1000aa", "0x100000-0x1007ff" or "0x100000+2048" */
static int parse_pfns(const char *text, struct kma_pfn_range *range, struct kma_error *err)
{
	const char *p = text;
	uint64_t first, last;
	bool good = parse_hex_or_decimal(&p, &first);

	last = first;
	if (good && (*p == '-' || *p == '+')) {
		bool count = *p++ == '+';

		good = parse_hex_or_decimal(&p, &last);
		if (good && count) {
			good = last && first + last > first;
			last += first - 1;
		}
	}
	if (!good || *p || last < first || last == UINT64_MAX)
		return kma_fail(err, KMA_ERR_USAGE,
				"--pfn takes a page frame number or a range, like 0x1000aa, "
				"0x100000-0x1007ff or 0x100000+2048, not \"%s\"",
				text);
	*range = (struct kma_pfn_range){ .start = first, .end = last + 1 };
	return 0;
}

/* With or without 0x: addresses are never decimal. */
static int parse_address(const char *text, uint64_t *address, struct kma_error *err)
{
	const char *p = text + 2 * !strncmp(text, "0x", 2);

	if (!*p || strlen(p) > 16 || strspn(p, "0123456789abcdefABCDEF") != strlen(p))
		return kma_fail(err, KMA_ERR_USAGE,
				"--ptr takes a kernel address, like 0xffff888003c41500, not \"%s\"",
				text);
	*address = strtoull(p, NULL, 16);
	return 0;
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
		config->stack_depth = config->command == KMA_COMMAND_STORY ? MAX_STACK_DEPTH
									   : DEFAULT_STACK_DEPTH;
		if (value && parse_count(value, "stacks", &config->stack_depth, err) < 0)
			return -1;
		if (!config->stack_depth || config->stack_depth > MAX_STACK_DEPTH)
			return kma_fail(err, KMA_ERR_USAGE, "--stacks takes a depth from 1 to %d",
					MAX_STACK_DEPTH);
		return 0;
	case KMA_OPT_NODES:
		return parse_count(value, "nodes", &config->nodes, err);
	case KMA_OPT_MIGRATETYPES:
		return kma_parse_migratetypes(value, &config->migratetypes, err);
	case KMA_OPT_PFN:
		return parse_pfns(value, &config->pfns, err);
	case KMA_OPT_PTR:
		config->has_ptr = true;
		return parse_address(value, &config->ptr, err);
	case KMA_OPT_JOBS:
		if (parse_count(value, "jobs", &config->jobs, err) < 0)
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
		return parse_size(value, "spool-limit", &config->spool_limit, err);
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

static int check_story(struct kma_config *config, struct kma_error *err)
{
	bool page = config->pfns.end;

	if (page == config->has_ptr)
		return kma_fail(err, KMA_ERR_USAGE,
				"story takes a page (--pfn 0x1000aa) or an object "
				"(--ptr 0xffff888003c41500), one of the two");
	if (page && config->pfns.end - config->pfns.start != 1)
		return kma_fail(err, KMA_ERR_USAGE, "story tells of one page: --pfn N");
	config->reports_picked = true;
	config->analyses[0] = page ? &kma_story_page_analysis : &kma_story_object_analysis;
	config->analyses[1] = NULL;
	return 0;
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

static int too_few(enum kma_command command, const char *what, struct kma_error *err)
{
	const struct kma_command_word *word = &kma_command_words[command];

	return kma_fail(err, KMA_ERR_USAGE,
			"%s given: kmem-analyze %s%s[OPTION]... %s; --help tells more", what,
			word->word ? word->word : "", word->word ? " " : "", word->synopsis);
}

static int check_trace(struct kma_config *config, struct kma_error *err)
{
	const struct kma_files *files = &config->files;

	if (!files->nr)
		return too_few(config->command, "no trace", err);
	if (files->nr > 1)
		return kma_fail(err, KMA_ERR_USAGE, "one trace at a time, not also \"%s\"",
				files->paths[1]);
	config->path = files->paths[0];
	return 0;
}

/* What the live command runs stands behind "--", so that its own options are not taken for ours. */
static int check_live(struct kma_config *config, char **command, struct kma_error *err)
{
	if (config->files.nr)
		return kma_fail(
			err, KMA_ERR_USAGE,
			"put \"--\" before the command: kmem-analyze live [OPTION]... -- %s "
			"...",
			config->files.paths[0]);
	config->live.command = *command ? command : NULL;
	return 0;
}

/* Does the command have the files that it needs, and no others? */
static int check_files(struct kma_config *config, struct kma_error *err)
{
	const struct kma_files *files = &config->files;

	switch (config->command) {
	case KMA_COMMAND_DIFF:
		if (config->base.nr || config->new.nr) {
			if (files->nr)
				return kma_fail(err, KMA_ERR_USAGE,
						"\"%s\" stands before --base and --new: on which "
						"side is it?",
						files->paths[0]);
			if (!config->base.nr || !config->new.nr)
				return too_few(config->command, "no file to compare with", err);
			return 0;
		}
		if (files->nr > 2)
			return kma_fail(
				err, KMA_ERR_USAGE,
				"\"%s\" is a third file: --base FILES --new FILES compare several",
				files->paths[2]);
		if (files->nr < 2)
			return too_few(config->command, "no two files", err);
		return 0;
	case KMA_COMMAND_STORY:
		if (check_trace(config, err) < 0)
			return -1;
		return check_story(config, err);
	case KMA_COMMAND_DOCTOR:
		return files->nr ? check_trace(config, err) : 0;
	case KMA_COMMAND_MERGE:
		return files->nr ? 0 : too_few(config->command, "no result", err);
	default:
		if (check_trace(config, err) < 0)
			return -1;
		return kma_gate_check(&config->gate, err);
	}
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
		if (check_command(command, id, err) < 0 ||
		    parse_option(config, id, optarg, err) < 0)
			return -1;
		if (id == KMA_OPT_BASE)
			list = &config->base;
		else if (id == KMA_OPT_NEW)
			list = &config->new;
	}
	if (command == KMA_COMMAND_LIVE)
		return config->command == command ? check_live(config, argv + optind, err) : 0;
	while (optind < argc)
		add_file(list, argv[optind++]);
	return config->command < KMA_NR_WORDS ? check_files(config, err) : 0;
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
