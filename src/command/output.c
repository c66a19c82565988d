/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command has to say, to where the command line wants it; see output.h. */
#include "command/output.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int kma_finish_output(FILE *out, const char *path, int ret, struct kma_error *err)
{
	if (ret < 0 || fflush(out) || ferror(out))
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static int render_json(const struct kma_answer *answer, FILE *out)
{
	return answer->comparison ? kma_render_diff_json(answer->comparison, out)
				  : kma_render_json(answer->result, out);
}

static int render_text(const struct kma_answer *answer, const struct kma_text_options *text,
		       FILE *out)
{
	return answer->comparison ? kma_render_diff_text(answer->comparison, text, out)
				  : kma_render_text(answer->result, text, out);
}

static int write_json(const struct kma_config *config, const struct kma_answer *answer,
		      struct kma_error *err)
{
	FILE *out;
	int ret;

	if (!config->json_path)
		return kma_finish_output(stdout, "to standard output", render_json(answer, stdout),
					 err);
	out = fopen(config->json_path, "w");
	if (!out)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", config->json_path,
				strerror(errno));
	ret = kma_finish_output(out, config->json_path, render_json(answer, out), err);
	if (fclose(out) && !ret)
		ret = kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", config->json_path,
			       strerror(errno));
	return ret;
}

struct kma_text_options kma_text_options(const struct kma_config *config, int fd)
{
	const char *no_color = getenv("NO_COLOR");

	return (struct kma_text_options){
		.top = config->top,
		.color = !config->no_color && !(no_color && *no_color) && isatty(fd),
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
	};
}

bool kma_prints_text(const struct kma_config *config)
{
	return !config->quiet && (!config->json || config->json_path);
}

int kma_write_answer(const struct kma_config *config, const struct kma_answer *answer,
		     struct kma_error *err)
{
	struct kma_text_options text = kma_text_options(config, STDOUT_FILENO);

	if (config->json && write_json(config, answer, err) < 0)
		return -1;
	if (!kma_prints_text(config))
		return 0;
	return kma_finish_output(stdout, "to standard output", render_text(answer, &text, stdout),
				 err);
}

int kma_write_result(const struct kma_config *config, const struct kma_result *result,
		     struct kma_error *err)
{
	return kma_write_answer(config, &(struct kma_answer){ .result = result }, err);
}
