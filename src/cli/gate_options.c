/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that judge a trace. It must not know what thresholds look like. */
#include "cli/gate_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

#define DEFAULT_MIN_SAMPLES 10

void kma_gate_config_init(struct kma_gate_config *gate)
{
	*gate = (struct kma_gate_config){ .min_samples = DEFAULT_MIN_SAMPLES };
}

void kma_gate_config_free(struct kma_gate_config *gate)
{
	free(gate->thresholds);
	gate->thresholds = NULL;
	gate->nr_thresholds = 0;
}

static int add_threshold(struct kma_gate_config *gate, const char *text, bool is_file,
			 struct kma_error *err)
{
	struct kma_threshold_source *sources =
		reallocarray(gate->thresholds, gate->nr_thresholds + 1, sizeof(*sources));

	if (!sources)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	gate->thresholds = sources;
	sources[gate->nr_thresholds++] = (struct kma_threshold_source){ text, is_file };
	return 0;
}

/* "100" events, or "0.5%" of all */
static int parse_max_lost(struct kma_gate_config *gate, const char *text, struct kma_error *err)
{
	char *end;
	double value = strtod(text, &end);

	gate->max_lost_is_share = end > text && *end == '%';
	if (*text < '0' || *text > '9' || end[gate->max_lost_is_share] || !isfinite(value) ||
	    (gate->max_lost_is_share && value > 100))
		return kma_fail(err, KMA_ERR_USAGE,
				"--max-lost takes a number of events, or a share like 0.5%%, not "
				"\"%s\"",
				text);
	gate->max_lost = gate->max_lost_is_share ? value / 100 : value;
	return 0;
}

static int parse_min_samples(struct kma_gate_config *gate, const char *text, struct kma_error *err)
{
	char *end;

	gate->min_samples = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end)
		return kma_fail(err, KMA_ERR_USAGE, "--min-samples takes a number, not \"%s\"",
				text);
	return 0;
}

static int parse_doubt(struct kma_gate_config *gate, const char *text, struct kma_error *err)
{
	if (!strcmp(text, "pass"))
		gate->doubt = KMA_DOUBT_PASSES;
	else if (!strcmp(text, "fail"))
		gate->doubt = KMA_DOUBT_FAILS;
	else
		return kma_fail(err, KMA_ERR_USAGE, "--inconclusive takes pass or fail, not \"%s\"",
				text);
	return 0;
}

static int parse_annotate(struct kma_gate_config *gate, const char *text, struct kma_error *err)
{
	if (strcmp(text, "github") != 0)
		return kma_fail(err, KMA_ERR_USAGE, "--annotate takes github, not \"%s\"", text);
	gate->github = true;
	return 0;
}

static const char *option_name(int id)
{
	for (const struct kma_option *option = kma_options; option->name; option++)
		if (option->id == id)
			return option->name;
	return "";
}

int kma_gate_option(struct kma_gate_config *gate, int id, const char *value, struct kma_error *err)
{
	int ret = 0;

	switch (id) {
	case KMA_OPT_THRESHOLD:
		return add_threshold(gate, value, false, err);
	case KMA_OPT_THRESHOLDS:
		return add_threshold(gate, value, true, err);
	case KMA_OPT_SAVE_BASELINE:
		gate->save_baseline = value;
		return 0;
	case KMA_OPT_BASELINE:
		gate->baseline = value;
		break;
	case KMA_OPT_MAX_LOST:
		ret = parse_max_lost(gate, value, err);
		break;
	case KMA_OPT_MIN_SAMPLES:
		ret = parse_min_samples(gate, value, err);
		break;
	case KMA_OPT_INCONCLUSIVE:
		ret = parse_doubt(gate, value, err);
		break;
	case KMA_OPT_ANNOTATE:
		ret = parse_annotate(gate, value, err);
		break;
	case KMA_OPT_JUNIT:
		gate->junit = value;
		break;
	case KMA_OPT_SARIF:
		gate->sarif = value;
		break;
	case KMA_OPT_MARKDOWN:
		gate->markdown = value;
		break;
	default:
		return kma_fail(err, KMA_ERR_INTERNAL, "option %d without a meaning", id);
	}
	if (!gate->first)
		gate->first = option_name(id);
	return ret;
}

int kma_gate_check(const struct kma_gate_config *gate, struct kma_error *err)
{
	if (gate->first && !gate->nr_thresholds)
		return kma_fail(err, KMA_ERR_USAGE,
				"--%s says nothing without --threshold or --thresholds",
				gate->first);
	return 0;
}
