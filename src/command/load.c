/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connects source, pipeline and names into one finished result. It must not know what becomes of
 * it.
 */
#include "command/load.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/progress.h"
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
		ret = kma_result_name_tasks(result, tasks, source, err);
	if (!ret)
		ret = kma_result_resolve(result, symbols, source, err);
	return ret;
}

struct kma_result *kma_load_trace(const struct kma_config *config, const char *path,
				  struct kma_error *err)
{
	struct kma_source *source = kma_source_open(path, config->reader, err);
	struct kma_result *result;

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
