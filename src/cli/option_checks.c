/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a command have what it needs? See option_checks.h. */
#include "cli/option_checks.h"

#include <string.h>

#include "cli/options.h"

int kma_check_option(enum kma_command command, int id, struct kma_error *err)
{
	const struct kma_option *option = kma_options;
	const char *word = kma_command_words[command].word, *other;
	int first = 0;

	while (option->id != id)
		option++;
	if (option->commands & 1u << command)
		return 0;
	while (!(option->commands & 1u << first))
		first++;
	other = kma_command_words[first].word;
	return kma_fail(
		err, KMA_ERR_USAGE,
		"--%s says nothing to kmem-analyze%s%s, but to kmem-analyze %s; --help tells",
		option->name, word ? " " : "", word ? word : "", other ? other : "TRACE");
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

int kma_check_live(struct kma_config *config, char **command, struct kma_error *err)
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

static size_t count_stdin(const struct kma_files *files)
{
	size_t nr = 0;

	for (size_t i = 0; i < files->nr; i++)
		nr += !strcmp(files->paths[i], "-");
	return nr;
}

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

int kma_check_files(struct kma_config *config, struct kma_error *err)
{
	const char *baseline = config->gate.baseline;

	if (check_files(config, err) < 0)
		return -1;
	if (count_stdin(&config->files) + count_stdin(&config->base) + count_stdin(&config->new) +
		    (baseline && !strcmp(baseline, "-")) >
	    1)
		return kma_fail(
			err, KMA_ERR_USAGE,
			"\"-\" stands twice, but standard input can be read once: put one of "
			"them into a file");
	return 0;
}
