/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --help and --list print, made from the option table and the analyses' own declarations. */
#include <string.h>

#include "cli/config.h"
#include "cli/options.h"

#define HELP_COLUMN 27

/* What the options are for from here on. */
static void print_heading(FILE *out, int id)
{
	if (id == KMA_OPT_THRESHOLD)
		fputs("\nJudging a trace:\n", out);
	else if (id == KMA_OPT_BASE)
		fputs("\nFor diff:\n", out);
	else if (id == KMA_OPT_FOR)
		fputs("\nFor live:\n", out);
}

void kma_print_help(FILE *out)
{
	for (int command = 0; command < KMA_NR_WORDS; command++) {
		const struct kma_command_word *word = &kma_command_words[command];

		fprintf(out, "%s kmem-analyze %s%s[OPTION]... %s\n",
			command ? "      " : "Usage:", word->word ? word->word : "",
			word->word ? " " : "", word->synopsis);
	}
	fputs("\nSays what the kernel's memory allocators did in a trace: who held and who "
	      "waited for zone->lock,\n"
	      "how pages moved through the per-CPU lists, ... Each number says how far it can be "
	      "trusted.\n\n"
	      "Record a trace with:  trace-cmd record -C mono -e 'kmem:mm_*' COMMAND\n\n",
	      out);
	for (int command = 1; command < KMA_NR_WORDS; command++)
		fprintf(out, "%s  %-10s %s\n", command == 1 ? "Commands:\n" : "",
			kma_command_words[command].word, kma_command_words[command].help);
	fputs("\nOptions:\n", out);
	for (const struct kma_option *option = kma_options; option->name; option++) {
		int n;

		print_heading(out, option->id);
		if (option->id < 256)
			n = fprintf(out, "  -%c, --%s", option->id, option->name);
		else
			n = fprintf(out, "      --%s", option->name);
		if (option->argument && *option->argument == '[')
			n += fprintf(out, "[=%.*s]", (int)strcspn(option->argument + 1, "]"),
				     option->argument + 1);
		else if (option->argument)
			n += fprintf(out, " %s", option->argument);
		fprintf(out, "%*s%s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", option->help);
	}
	fputs("\nExit status: 0 all well; 1 a threshold was violated; 2 wrong usage or an internal "
	      "error; 3 the trace\n"
	      "is missing, unreadable, cut off, or too poor for the reports or the thresholds.\n",
	      out);
}

static void print_metric(FILE *out, const struct kma_metric_def *def)
{
	static const char *const kinds[] = { "counter", "gauge", "distribution" };
	int n = fprintf(out, "    %-36s %s", def->name, kinds[def->kind]);

	if (*def->labels) {
		char labels[200];

		/* sets are separated by blanks, keys by commas */
		snprintf(labels, sizeof(labels), "%s", def->labels);
		for (char *set = strtok(labels, " "); set; set = strtok(NULL, " ")) {
			fprintf(out, "%*s{%s}", n < 55 ? 55 - n : 1, "", set);
			n = 55;
		}
	}
	fputc('\n', out);
}

void kma_print_list(FILE *out)
{
	for (size_t i = 0; kma_analyses[i]; i++) {
		const struct kma_analysis *analysis = kma_analyses[i];

		fprintf(out, "%s%s: %s\n", i ? "\n" : "", analysis->name, analysis->title);
		fputs("  metrics, and how each can be split:\n", out);
		for (const struct kma_metric_def *def = analysis->metrics; def->name; def++)
			print_metric(out, def);
		fputs("  events (* one of these is needed):\n", out);
		for (const struct kma_need *need = analysis->needs; need->kind; need++)
			fprintf(out, "  %c %s:%-*s %s\n", need->required ? '*' : ' ',
				kma_kind_system(need->kind),
				(int)(44 - strlen(kma_kind_system(need->kind))),
				kma_kind_name(need->kind),
				need->what_for ? need->what_for : "used where it is there");
	}
}
