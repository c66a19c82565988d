/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line asks for. */
#ifndef KMA_CLI_CONFIG_H
#define KMA_CLI_CONFIG_H

#include <stdio.h>

#include <kmem-analyze/analysis.h>

#include "cli/gate_options.h"
#include "cli/migratetypes.h"
#include "source/source.h"
#include "stream/pipeline.h"

enum kma_command {
	KMA_COMMAND_ANALYZE, /* without a word for it */
	KMA_COMMAND_STORY,
	KMA_COMMAND_DIFF,
	KMA_COMMAND_MERGE,
	KMA_COMMAND_LIVE,
	KMA_COMMAND_DOCTOR,
	KMA_NR_WORDS, /* those above are what the first word picks; those below are options */
	KMA_COMMAND_HELP = KMA_NR_WORDS,
	KMA_COMMAND_VERSION,
	KMA_COMMAND_LIST,
};

/* Files named on the command line; "-" is standard input */
struct kma_files {
	const char **paths;
	size_t nr;
};

/* What only the live command asks for. */
struct kma_live_options {
	uint64_t for_ns;      /* 0: until stopped */
	uint64_t interval_ns; /* 0: not said */
	uint32_t buffer_kb;   /* of each CPU; 0: by default */
	const char *save;     /* NULL: not kept */
	char **command;	      /* ends with NULL; NULL: none to run */
};

struct kma_config {
	enum kma_command command;
	const char *path;	    /* of the one trace; NULL: none given, where none is needed */
	struct kma_files files;	    /* all that stand alone; for diff without lists: base, new */
	struct kma_files base, new; /* those of --base and --new */
	enum kma_reader reader;
	uint64_t spool_limit;			 /* bytes */
	bool reports_picked;			 /* by -r; else all */
	const struct kma_analysis *analyses[64]; /* ends with NULL */
	uint32_t *cpus;				 /* sorted; NULL: all */
	size_t nr_cpus;
	const char *buffer;
	struct kma_time_limit from, to;
	unsigned int top;
	unsigned int stack_depth;  /* 0: no stacks */
	unsigned int nodes;	   /* 0: as seen in the trace */
	unsigned int jobs;	   /* threads; 0: as many as help */
	struct kma_pfn_range pfns; /* --pfn */
	bool has_ptr;
	uint64_t ptr; /* --ptr */
	struct kma_migratetype_names migratetypes;
	bool json;
	const char *json_path; /* NULL: standard output, instead of the text */
	bool quiet, no_color;
	bool fail_on_worse;
	struct kma_gate_config gate;
	struct kma_live_options live;
};

/* Fills @config from the command line. @argv's strings must outlive it. */
int kma_config_parse(struct kma_config *config, int argc, char **argv, struct kma_error *err);
void kma_config_free(struct kma_config *config);

void kma_print_help(FILE *out);
/* Reports, their metrics and the events they need. */
void kma_print_list(FILE *out);

#endif
