/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result to where the command line wants it; see output.h. */
#include "cli/output.h"

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

static int write_json(const struct kma_config *config, const struct kma_result *result,
		      struct kma_error *err)
{
	FILE *out;
	int ret;

	if (!config->json_path)
		return kma_finish_output(stdout, "to standard output",
					 kma_render_json(result, stdout), err);
	out = fopen(config->json_path, "w");
	if (!out)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", config->json_path,
				strerror(errno));
	ret = kma_finish_output(out, config->json_path, kma_render_json(result, out), err);
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

int kma_write_result(const struct kma_config *config, const struct kma_result *result,
		     struct kma_error *err)
{
	struct kma_text_options text = kma_text_options(config, STDOUT_FILENO);

	if (config->json && write_json(config, result, err) < 0)
		return -1;
	if (config->quiet || (config->json && !config->json_path))
		return 0;
	return kma_finish_output(stdout, "to standard output",
				 kma_render_text(result, &text, stdout), err);
}
