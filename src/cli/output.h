/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A finished result to where the command line wants it, in the forms it wants. */
#ifndef KMA_CLI_OUTPUT_H
#define KMA_CLI_OUTPUT_H

#include "cli/config.h"
#include "render/render.h"

/* How text for @fd looks: colour, characters, rows. */
struct kma_text_options kma_text_options(const struct kma_config *config, int fd);
/* Text, JSON, or both, as the command line says. */
int kma_write_result(const struct kma_config *config, const struct kma_result *result,
		     struct kma_error *err);
/* What is left to do when @ret says how the writing went: output errors (a full disk) often show
 * only with the last bytes. */
int kma_finish_output(FILE *out, const char *path, int ret, struct kma_error *err);

#endif
