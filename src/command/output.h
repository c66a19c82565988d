/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command has to say, to where the command line wants it, in the forms it wants. */
#ifndef KMA_COMMAND_OUTPUT_H
#define KMA_COMMAND_OUTPUT_H

#include "cli/config.h"
#include "render/render.h"

/* One of them */
struct kma_answer {
	const struct kma_result *result;
	const struct kma_comparison *comparison;
};

/* How text for @fd looks: colour, characters, rows. */
struct kma_text_options kma_text_options(const struct kma_config *config, int fd);
/* Whether standard output is for text: else it is JSON's, or nobody's. */
bool kma_prints_text(const struct kma_config *config);
/* Text, JSON, or both, as the command line says. */
int kma_write_answer(const struct kma_config *config, const struct kma_answer *answer,
		     struct kma_error *err);
int kma_write_result(const struct kma_config *config, const struct kma_result *result,
		     struct kma_error *err);
/* What is left to do when @ret says how the writing went: output errors (a full disk) often show
 * only with the last bytes. */
int kma_finish_output(FILE *out, const char *path, int ret, struct kma_error *err);

#endif
