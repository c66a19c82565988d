/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input of a command: a file or a pipe, opened by what it holds. */
#ifndef KMA_COMMAND_INPUT_H
#define KMA_COMMAND_INPUT_H

#include <stdbool.h>

struct kma_config;
struct kma_error;
struct kma_json_text;
struct kma_source;

/*
 * @path is "-" for standard input. NULL with @err filled; or, where @json is not NULL and the input
 * is a JSON document, with that in @json, whose text the caller frees.
 */
struct kma_source *kma_open_input(const struct kma_config *config, const char *path,
				  bool show_progress, struct kma_json_text *json,
				  struct kma_error *err);

#endif
