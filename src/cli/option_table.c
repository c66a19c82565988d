/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands and options there are, as data. It must not know what becomes of them. */
#include <stddef.h>

#include "cli/config.h"
#include "cli/options.h"

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
	  "pages to follow (cma), or the one page (story): 0x1000aa, 0x1000-0x17ff" },
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
	{ KMA_OPT_LIST, ANALYZE, "list", NULL,
	  "list the reports, their metrics, and the events they need" },
	{ KMA_OPT_VERSION, KMA_FOR_ALL, "version", NULL, "print the version" },
	{ KMA_OPT_HELP, KMA_FOR_ALL, "help", NULL, "print this help" },
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
	{ KMA_OPT_BASE, DIFF, "base", "FILES",
	  "traces or results before, all up to the next option" },
	{ KMA_OPT_NEW, DIFF, "new", "FILES", "traces or results after, all up to the next option" },
	{ KMA_OPT_FAIL_ON_WORSE, DIFF, "fail-on-worse", NULL,
	  "exit with 1 when something got worse" },
	{ KMA_OPT_FOR, LIVE, "for", "TIME", "end after this time: 10s, 500ms, 5m" },
	{ KMA_OPT_INTERVAL, LIVE, "interval", "TIME",
	  "with --json, a line so often; else how often the screen is drawn (1s)" },
	{ KMA_OPT_BUFFER_SIZE, LIVE, "buffer-size", "SIZE",
	  "of each CPU's buffer in the kernel: 8M (less with many CPUs), 512K" },
	{ KMA_OPT_SAVE, LIVE, "save", "FILE", "keep the recording as a trace.dat" },
	{ 0 },
};
