/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thresholds and baseline in, judgement out in all formats, and the exit status that follows. It
 * must not know how thresholds are judged, nor how a format looks.
 */
#include "command/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/config.h"
#include "command/load.h"
#include "gate/judge.h"
#include "gate/result_json.h"
#include "gate/threshold.h"
#include "render/judgement.h"
#include "render/render.h"
#include "result/judgement.h"
#include "result/result.h"
#include "util/arena.h"

static int needs_baseline(const struct kma_threshold *t, struct kma_error *err)
{
	return kma_fail(err, KMA_ERR_USAGE,
			"%s: \"%.300s\" compares with a baseline: give one with --baseline",
			t->origin, t->text);
}

/* Its report is among those that are made, or it could never be judged. */
static int check_report(const struct kma_config *config, const struct kma_threshold *t,
			struct kma_error *err)
{
	size_t len = strcspn(t->def->name, ".");

	if (len == strlen("trace") && !memcmp(t->def->name, "trace", len))
		return 0;
	for (size_t i = 0; config->analyses[i]; i++)
		if (strlen(config->analyses[i]->name) == len &&
		    !memcmp(config->analyses[i]->name, t->def->name, len))
			return 0;
	return kma_fail(err, KMA_ERR_USAGE,
			"%s: \"%.300s\" needs the report %.*s, which --report leaves out",
			t->origin, t->text, (int)len, t->def->name);
}

static int read_thresholds(const struct kma_config *config, struct kma_thresholds *to,
			   struct kma_error *err)
{
	const struct kma_gate_config *gate = &config->gate;

	for (size_t i = 0; i < gate->nr_thresholds; i++) {
		const struct kma_threshold_source *source = &gate->thresholds[i];
		int ret = source->is_file
				  ? kma_thresholds_read(to, source->text, err)
				  : kma_thresholds_add(to, source->text, "--threshold", NULL, err);

		if (ret < 0)
			return -1;
	}
	for (size_t i = 0; i < to->nr; i++) {
		if (to->list[i].base && !gate->baseline)
			return needs_baseline(&to->list[i], err);
		if (check_report(config, &to->list[i], err) < 0)
			return -1;
	}
	return 0;
}

int kma_gate_prepare(const struct kma_config *config, struct kma_thresholds **thresholds,
		     struct kma_error *err)
{
	*thresholds = NULL;
	if (!config->gate.nr_thresholds)
		return 0;
	*thresholds = kma_thresholds_new();
	if (!*thresholds)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	if (read_thresholds(config, *thresholds, err) == 0)
		return 0;
	kma_thresholds_free(*thresholds);
	*thresholds = NULL;
	return -1;
}

static int cannot_write(const char *path, struct kma_error *err)
{
	return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", path, strerror(errno));
}

static int write_file(const char *path, const struct kma_judgement *judgement,
		      int (*render)(const struct kma_judgement *judgement, FILE *out),
		      struct kma_error *err)
{
	FILE *out;
	int ret;

	if (!path)
		return 0;
	out = fopen(path, "w");
	if (!out)
		return cannot_write(path, err);
	ret = render(judgement, out);
	if (fclose(out) || ret < 0)
		return cannot_write(path, err);
	return 0;
}

/* A failure here must not be lost behind the verdict, nor keep the other outputs from being
 * written: the first one is told. */
static int write_outputs(const struct kma_gate_config *gate, const struct kma_judgement *judgement,
			 const struct kma_text_options *text, FILE *out, FILE *annotations,
			 struct kma_error *err)
{
	struct kma_error later;
	int ret = 0;

	if (out && kma_render_text_judgement(judgement, text, out) < 0)
		ret = cannot_write("to standard output", err);
	if (gate->github && kma_render_github(judgement, annotations) < 0)
		ret = cannot_write("annotations", ret ? &later : err);
	if (write_file(gate->junit, judgement, kma_render_junit, ret ? &later : err) < 0)
		ret = -1;
	if (write_file(gate->sarif, judgement, kma_render_sarif, ret ? &later : err) < 0)
		ret = -1;
	if (write_file(gate->markdown, judgement, kma_render_markdown, ret ? &later : err) < 0)
		ret = -1;
	return ret;
}

/* The verdict as an error: the sum, and the first thing behind it. */
static int verdict(const struct kma_judgement *judgement, struct kma_error *err)
{
	struct kma_wording w = { .arena = judgement->arena };
	const struct kma_check *first = NULL;
	bool doubt = judgement->outcome == KMA_INCONCLUSIVE;

	if (judgement->outcome == KMA_PASS || (doubt && judgement->doubt == KMA_DOUBT_PASSES))
		return 0;
	for (size_t i = 0; !first && i < judgement->nr_checks; i++)
		if (!judgement->checks[i].warn &&
		    judgement->checks[i].outcome == judgement->outcome)
			first = &judgement->checks[i];
	return kma_fail(
		err, doubt && judgement->doubt == KMA_DOUBT_STAYS ? KMA_ERR_POOR : KMA_ERR_VIOLATED,
		"%s: %s: %.200s: %.500s", judgement->trace ? judgement->trace : "the trace",
		kma_say_sum(&w, judgement), first ? first->key : "",
		first ? kma_say_check(&w, first) : "");
}

static struct kma_judgement *judge(const struct kma_config *config,
				   const struct kma_thresholds *thresholds,
				   const struct kma_result *result, const struct kma_result *base,
				   const char *version, struct kma_error *err)
{
	const struct kma_judge_options options = {
		.max_lost = config->gate.max_lost,
		.max_lost_is_share = config->gate.max_lost_is_share,
		.min_samples = config->gate.min_samples,
	};
	struct kma_judgement *judgement = kma_judge(thresholds, result, base, config->gate.baseline,
						    version, &options);

	if (!judgement)
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	else
		judgement->doubt = config->gate.doubt;
	return judgement;
}

int kma_gate_run(const struct kma_config *config, const struct kma_thresholds *thresholds,
		 const struct kma_result *result, const struct kma_text_options *text, FILE *out,
		 FILE *annotations, struct kma_error *err)
{
	const struct kma_gate_config *gate = &config->gate;
	struct kma_document document = { 0 };
	struct kma_judgement *judgement;
	struct kma_result *base = NULL;
	int ret = -1;

	if (!thresholds)
		return 0;
	if (gate->baseline)
		base = kma_load_baseline(config, gate->baseline, &document, err);
	if (gate->baseline && !base)
		return -1;
	judgement = judge(config, thresholds, result, base, document.version, err);
	if (judgement) {
		ret = write_outputs(gate, judgement, text, out, annotations, err);
		if (!ret)
			ret = verdict(judgement, err);
		kma_judgement_free(judgement);
	}
	kma_result_free(base);
	return ret;
}

/* Written beside its place and moved there when complete: a baseline is whole or not there. */
static int replace_file(const char *path, const struct kma_result *result, struct kma_error *err)
{
	size_t len = strlen(path) + sizeof(".XXXXXX");
	char *temporary = malloc(len);
	mode_t mask = umask(0);
	FILE *out = NULL;
	int fd, ret = -1;

	umask(mask);
	if (!temporary)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	snprintf(temporary, len, "%s.XXXXXX", path);
	fd = mkstemp(temporary);
	if (fd >= 0 && fchmod(fd, 0666 & ~mask) == 0)
		out = fdopen(fd, "w");
	if (out) {
		ret = kma_render_json(result, out);
		if (fclose(out) || (!ret && rename(temporary, path) != 0))
			ret = -1;
	} else if (fd >= 0) {
		close(fd);
	}
	if (ret) {
		cannot_write(path, err);
		if (fd >= 0)
			unlink(temporary);
	}
	free(temporary);
	return ret;
}

/* A pipe, or a terminal: it stays what it is. */
static int write_in_place(const char *path, const struct kma_result *result, struct kma_error *err)
{
	FILE *out = fopen(path, "w");
	int ret;

	if (!out)
		return cannot_write(path, err);
	ret = kma_render_json(result, out);
	return fclose(out) || ret < 0 ? cannot_write(path, err) : 0;
}

int kma_gate_save(const struct kma_config *config, const struct kma_result *result,
		  struct kma_error *err)
{
	const char *path = config->gate.save_baseline;
	struct stat st;
	char *target;
	int ret;

	if (!path)
		return 0;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return write_in_place(path, result, err);
	target = realpath(path, NULL); /* a link stays one */
	ret = replace_file(target ? target : path, result, err);
	free(target);
	return ret;
}
