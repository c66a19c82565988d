/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connects source, pipeline and names into one finished result. It must not know what becomes of
 * it.
 */
#include "command/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/progress.h"
#include "command/input.h"
#include "gate/result_json.h"
#include "result/result.h"
#include "source/source.h"
#include "stream/pipeline.h"

static int symbols(void *source, const uint64_t *addresses, const char **names, size_t nr,
		   struct kma_arena *arena)
{
	return kma_source_symbols(source, addresses, names, nr, arena);
}

static int tasks(void *source, const int32_t *pids, const char **names, size_t nr,
		 struct kma_arena *arena)
{
	return kma_source_tasks(source, pids, names, nr, arena);
}

static int add_migratetypes(const struct kma_config *config, struct kma_result *result,
			    struct kma_error *err)
{
	const struct kma_migratetype_names *names = &config->migratetypes;

	for (size_t i = 0; i < names->nr; i++)
		if (kma_result_add_migratetype(result, names->list[i].number, names->list[i].name))
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return 0;
}

static int run(const struct kma_config *config, struct kma_source *source,
	       struct kma_result *result, struct kma_error *err)
{
	struct kma_selection selection = {
		.analyses = config->analyses,
		.cpus = config->cpus,
		.nr_cpus = config->nr_cpus,
		.buffer = config->buffer,
		.from = config->from,
		.to = config->to,
		.stack_depth = config->stack_depth,
		.nodes = config->nodes,
		.jobs = config->jobs,
		.pfns = config->pfns,
		.cma_migratetype = kma_find_migratetype(&config->migratetypes, "CMA"),
		.has_ptr = config->has_ptr,
		.ptr = config->ptr,
	};
	struct kma_terminal_progress progress;
	bool show_progress = !config->quiet && isatty(STDERR_FILENO);
	int ret;

	if (show_progress)
		kma_progress_begin(&progress, stderr);
	ret = kma_pipeline_run(source, &selection, show_progress ? &progress.progress : NULL,
			       result, err);
	if (show_progress)
		kma_progress_end(&progress);
	if (!ret)
		ret = add_migratetypes(config, result, err);
	if (!ret)
		ret = kma_result_name_tasks(result, tasks, source, err);
	if (!ret)
		ret = kma_result_resolve(result, symbols, source, err);
	return ret;
}

/* A result read from JSON when @document is not NULL and the input is that: its schema is set. */
static struct kma_result *load(const struct kma_config *config, const char *path,
			       struct kma_document *document, struct kma_error *err)
{
	bool show_progress = !config->quiet && isatty(STDERR_FILENO);
	struct kma_json_text json = { 0 };
	struct kma_source *source = kma_open_input(config, path, show_progress,
						   document ? &json : NULL, err);
	struct kma_result *result;

	if (json.text) {
		result = kma_result_parse_json(json.text, json.size,
					       strcmp(path, "-") ? path : "standard input",
					       document, err);
		free(json.text);
		return result;
	}
	if (!source)
		return NULL;
	result = kma_result_new();
	if (!result) {
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	} else if (run(config, source, result, err)) {
		kma_result_free(result);
		result = NULL;
	}
	kma_source_close(source);
	return result;
}

static bool is_picked(const struct kma_config *config, const char *report)
{
	for (size_t i = 0; config->analyses[i]; i++) {
		if (!strcmp(config->analyses[i]->name, report))
			return true;
	}
	return false;
}

/* What picks records comes too late for those of a result. */
static const char *misplaced_option(const struct kma_config *config)
{
	return config->cpus		 ? "cpu"
	       : config->buffer		 ? "buffer"
	       : config->from.set	 ? "from"
	       : config->to.set		 ? "to"
	       : config->stack_depth	 ? "stacks"
	       : config->nodes		 ? "nodes"
	       : config->migratetypes.nr ? "migratetypes"
	       : config->pfns.end	 ? "pfn"
					 : NULL;
}

struct kma_result *kma_load_trace(const struct kma_config *config, const char *path,
				  struct kma_error *err)
{
	return load(config, path, NULL, err);
}

struct kma_result *kma_load_baseline(const struct kma_config *config, const char *path,
				     struct kma_document *document, struct kma_error *err)
{
	return load(config, path, document, err);
}

struct kma_result *kma_load(const struct kma_config *config, const char *path,
			    struct kma_error *err)
{
	struct kma_document document = { 0 };
	struct kma_result *result = load(config, path, &document, err);
	const char *option = misplaced_option(config);
	size_t kept = 0;

	if (!result || !document.schema)
		return result;
	if (option) {
		kma_fail(err, KMA_ERR_USAGE, "--%s needs a trace, and %s is a JSON result", option,
			 path);
		kma_result_free(result);
		return NULL;
	}
	for (size_t i = 0; config->reports_picked && i < result->nr_reports; i++) {
		if (is_picked(config, result->reports[i].name))
			result->reports[kept++] = result->reports[i];
	}
	if (config->reports_picked)
		result->nr_reports = kept;
	return result;
}

struct kma_result **kma_load_all(const struct kma_config *config, const struct kma_files *files,
				 struct kma_error *err)
{
	struct kma_result **results = calloc(files->nr + 1, sizeof(struct kma_result *));

	if (!results) {
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < files->nr; i++) {
		results[i] = kma_load(config, files->paths[i], err);
		if (!results[i]) {
			kma_free_all(results, i);
			return NULL;
		}
	}
	return results;
}

void kma_free_all(struct kma_result **results, size_t nr)
{
	for (size_t i = 0; results && i < nr; i++)
		kma_result_free(results[i]);
	free(results);
}
