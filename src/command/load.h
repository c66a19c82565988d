/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an input named on the command line to a finished result. */
#ifndef KMA_COMMAND_LOAD_H
#define KMA_COMMAND_LOAD_H

#include <stddef.h>

#include <kmem-analyze/error.h>

struct kma_config;
struct kma_result;

/*
 * Reads the trace at @path through the analyses that @config asks for, resolved and ready to be
 * rendered; shows progress on a terminal's standard error unless @config is quiet. Damage is noted
 * in the result, not an error. NULL with @err filled.
 */
struct kma_result *kma_load_trace(const struct kma_config *config, const char *path,
				  struct kma_error *err);

/*
 * The same of a trace or of a JSON result of ours, of which only the reports asked for are kept. A
 * JSON result has no records: options that pick some are an error with it.
 */
struct kma_result *kma_load(const struct kma_config *config, const char *path,
			    struct kma_error *err);

struct kma_document;

/* What is compared with: the same, but a JSON result is taken as it is, and @document told of it. */
struct kma_result *kma_load_baseline(const struct kma_config *config, const char *path,
				     struct kma_document *document, struct kma_error *err);

struct kma_files;

/* All of them: files->nr results, to be given back together. NULL with @err filled. */
struct kma_result **kma_load_all(const struct kma_config *config, const struct kma_files *files,
				 struct kma_error *err);
void kma_free_all(struct kma_result **results, size_t nr);

#endif
