/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Picks the command, connects results and renderers, and maps outcomes to exit statuses.
 * The only file that prints to the standard streams and ends the process.
 */
#include <ctype.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kmem-analyze/version.h>

#include "cli/config.h"
#include "command/gate.h"
#include "command/load.h"
#include "gate/threshold.h"
#include "render/render.h"
#include "result/combine.h"
#include "result/compare.h"
#include "result/result.h"

enum {
	EXIT_OK = 0,
	EXIT_VIOLATED = 1,     /* a threshold does not hold */
	EXIT_ERROR = 2,	       /* usage, internal, output */
	EXIT_INCONCLUSIVE = 3, /* the input is missing, unreadable, cut off or too poor */
};

static int exit_status(const struct kma_error *err)
{
	switch (err->code) {
	case KMA_OK:
		return EXIT_OK;
	case KMA_ERR_VIOLATED:
		return EXIT_VIOLATED;
	case KMA_ERR_INPUT:
	case KMA_ERR_DAMAGED:
	case KMA_ERR_POOR:
		return EXIT_INCONCLUSIVE;
	default:
		return EXIT_ERROR;
	}
}

static void complain(const struct kma_error *err)
{
	char line[sizeof(err->message)];
	size_t i;

	/* a path or a name out of the trace may hold anything: still one line, and no escape
	 * sequences */
	for (i = 0; err->message[i]; i++)
		line[i] = iscntrl((unsigned char)err->message[i]) ? '?' : err->message[i];
	line[i] = '\0';
	fprintf(stderr, "kmem-analyze: %s\n", line);
}

/* Output errors (a full disk) often show only when the last bytes are written. */
static int finish(FILE *out, const char *path, int ret, struct kma_error *err)
{
	if (ret < 0 || fflush(out) || ferror(out))
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

/* What a command has to say: one of them */
struct answer {
	const struct kma_result *result;
	const struct kma_comparison *comparison;
};

static int render_json(const struct answer *answer, FILE *out)
{
	return answer->comparison ? kma_render_diff_json(answer->comparison, out)
				  : kma_render_json(answer->result, out);
}

static int render_text(const struct answer *answer, const struct kma_text_options *text, FILE *out)
{
	return answer->comparison ? kma_render_diff_text(answer->comparison, text, out)
				  : kma_render_text(answer->result, text, out);
}

static int write_json(const struct kma_config *config, const struct answer *answer,
		      struct kma_error *err)
{
	FILE *out;
	int ret;

	if (!config->json_path)
		return finish(stdout, "to standard output", render_json(answer, stdout), err);
	out = fopen(config->json_path, "w");
	if (!out)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", config->json_path,
				strerror(errno));
	ret = finish(out, config->json_path, render_json(answer, out), err);
	if (fclose(out) && !ret)
		ret = kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", config->json_path,
			       strerror(errno));
	return ret;
}

static struct kma_text_options text_options(const struct kma_config *config)
{
	const char *no_color = getenv("NO_COLOR");

	return (struct kma_text_options){
		.top = config->top,
		.color = !config->no_color && !(no_color && *no_color) && isatty(STDOUT_FILENO),
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
	};
}

/* Whether standard output is for text: else it is JSON's, or nobody's */
static bool prints_text(const struct kma_config *config)
{
	return !config->quiet && (!config->json || config->json_path);
}

static int write_answer(const struct kma_config *config, const struct answer *answer,
			struct kma_error *err)
{
	struct kma_text_options text = text_options(config);

	if (config->json && write_json(config, answer, err) < 0)
		return -1;
	if (!prints_text(config))
		return 0;
	return finish(stdout, "to standard output", render_text(answer, &text, stdout), err);
}

static int write_result(const struct kma_config *config, const struct kma_result *result,
			struct kma_error *err)
{
	return write_answer(config, &(struct answer){ .result = result }, err);
}

/* True if any of the events that @name needs one of is there. */
static bool report_has_events(const struct kma_result *result, const struct kma_analysis *analysis)
{
	for (const struct kma_need *need = analysis->needs; need->kind; need++)
		for (size_t i = 0; need->required && i < result->facts.nr_events; i++)
			if (!strcmp(result->facts.events[i].system, kma_kind_system(need->kind)) &&
			    !strcmp(result->facts.events[i].name, kma_kind_name(need->kind)))
				return true;
	return false;
}

/* "kmem:kmalloc (1234), kmem:kfree (1200) and 7 more" */
static void list_events(const struct kma_result *result, char *text, size_t size)
{
	size_t used = 0, i;

	for (i = 0; i < result->facts.nr_events && used + 80 < size; i++) {
		const struct kma_event_count *event = &result->facts.events[i];
		int n = snprintf(text + used, size - used, "%s%.30s:%.30s (%llu)", i ? ", " : "",
				 event->system, event->name, (unsigned long long)event->count);

		used += n < (int)(size - used) ? (size_t)n : size - used - 1;
	}
	if (!i)
		snprintf(text, size, "no event at all");
	else if (i < result->facts.nr_events)
		snprintf(text + used, size - used, " and %zu more", result->facts.nr_events - i);
}

/* "-e kmem:kmalloc -e kmem:kfree": the events that fill the report; NULL: any report. */
static void list_options(const struct kma_analysis *analysis, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "-e kmem -e percpu");
	for (const struct kma_need *need = analysis ? analysis->needs : NULL; need && need->kind;
	     need++)
		if (need->what_for && used + 80 < size)
			used += snprintf(text + used, size - used, "%s-e %s:%s", used ? " " : "",
					 kma_kind_system(need->kind), kma_kind_name(need->kind));
}

/* Is what was asked for answered? Reports picked by name must each have something to say, else at
 * least one. */
static int judge(const struct kma_config *config, const struct kma_result *result,
		 struct kma_error *err)
{
	const struct kma_analysis *missing = NULL;
	const char *path = result->facts.source;
	char events[260], options[400];
	bool any = false;

	if (result->quality.truncated) {
		const char *what = result->quality.damage;

		return kma_fail(err, KMA_ERR_DAMAGED, "%s: only partly readable: %s", path,
				what ? what : "the file became shorter while it was read");
	}
	for (size_t i = 0; config->analyses[i]; i++) {
		bool has = report_has_events(result, config->analyses[i]);

		any |= has;
		if (!has && !missing)
			missing = config->analyses[i];
	}
	if (!missing || (any && !config->reports_picked))
		return 0;
	if (!result->facts.records &&
	    (config->cpus || config->buffer || config->from.set || config->to.set))
		return kma_fail(err, KMA_ERR_POOR,
				"%s: holds no event in what --cpu, --buffer, --from and --to pick",
				path);
	if (!config->reports_picked)
		missing = NULL;
	list_events(result, events, sizeof(events));
	list_options(missing, options, sizeof(options));
	return kma_fail(err, KMA_ERR_POOR,
			"%s: holds none of the events that %s needs; it holds %s. Record with: "
			"trace-cmd record -C mono %s",
			path, missing ? missing->name : "any report", events, options);
}

/* A story tells of the page or object, or that there is nothing to tell. */
static int judge_story(const struct kma_config *config, const struct kma_result *result,
		       struct kma_error *err)
{
	const struct kma_report *report = kma_result_find_report(result, "story");

	if (judge(config, result, err) < 0)
		return -1;
	if (report->status.code == KMA_UNAVAILABLE)
		return kma_fail(err, KMA_ERR_POOR, "%s: %s", config->path, report->status.reason);
	return 0;
}

static int story(const struct kma_config *config, struct kma_error *err)
{
	struct kma_result *result = kma_load_trace(config, config->path, err);
	int ret = result ? write_result(config, result, err) : -1;

	if (!ret)
		ret = judge_story(config, result, err);
	kma_result_free(result);
	return ret;
}

/*
 * The trace itself and its thresholds, each with its own verdict. A violation is certain, so it
 * goes first; then what is wrong with the trace, which tells more than that nothing could be
 * judged.
 */
static int judge_all(const struct kma_config *config, const struct kma_thresholds *thresholds,
		     const struct kma_result *result, struct kma_error *err)
{
	struct kma_text_options text = text_options(config);
	bool json = config->json && !config->json_path;
	struct kma_error poor = { .code = KMA_OK };
	int ret = kma_gate_run(config, thresholds, result, &text,
			       prints_text(config) ? stdout : NULL, json ? stderr : stdout, err);

	if (ret && err->code != KMA_ERR_POOR)
		return -1;
	judge(config, result, &poor);
	if (poor.code == KMA_ERR_DAMAGED ||
	    (poor.code == KMA_ERR_POOR && config->gate.doubt != KMA_DOUBT_PASSES)) {
		*err = poor;
		return -1;
	}
	return ret ? -1 : kma_gate_save(config, result, err);
}

static int analyze(const struct kma_config *config, struct kma_error *err)
{
	struct kma_thresholds *thresholds;
	struct kma_result *result = NULL;
	int ret;

	if (kma_gate_prepare(config, &thresholds, err) < 0)
		return -1;
	result = kma_load_trace(config, config->path, err);
	ret = result ? write_result(config, result, err) : -1;
	if (!ret)
		ret = judge_all(config, thresholds, result, err);
	kma_result_free(result);
	kma_thresholds_free(thresholds);
	return ret;
}

/* Inputs that were read only in part make all that came of them doubtful. */
static int judge_inputs(const struct kma_files *files, struct kma_result *const *results,
			struct kma_error *err)
{
	for (size_t i = 0; i < files->nr; i++) {
		const struct kma_quality *quality = &results[i]->quality;

		if (quality->truncated)
			return kma_fail(err, KMA_ERR_DAMAGED, "%s: only partly readable: %s",
					files->paths[i],
					quality->damage ? quality->damage : "it is cut off");
	}
	return 0;
}

/* With --fail-on-worse: does the comparison pass, and could it have failed? */
static int judge_comparison(const struct kma_comparison *comparison, struct kma_error *err)
{
	const struct kma_change *worst = NULL;
	size_t nr = 0;
	bool callable = !comparison->several;

	for (size_t i = 0; i < comparison->nr_changes; i++) {
		const struct kma_change *change = &comparison->changes[i];

		callable |= change->verdict != KMA_UNKNOWN && change->ranks.least_p <= 0.05;
		if (change->verdict != KMA_WORSE || change->unsure)
			continue;
		nr++;
		if (!worst)
			worst = change;
	}
	if (worst)
		return kma_fail(err, KMA_ERR_VIOLATED, "%zu number%s got worse, above all %s (%s)",
				nr, nr == 1 ? "" : "s", worst->def->name,
				kma_stat_words[worst->stat]);
	if (!callable)
		return kma_fail(
			err, KMA_ERR_POOR,
			"%zu and %zu traces are too few to call anything worse, whatever their "
			"values: 5 on each side are advised",
			comparison->sides[KMA_BASE].nr, comparison->sides[KMA_NEW].nr);
	return 0;
}

static int compare(const struct kma_config *config, const struct kma_files *base,
		   const struct kma_files *new, struct kma_result **before,
		   struct kma_result **after, struct kma_error *err)
{
	const struct kma_side sides[KMA_SIDES] = {
		[KMA_BASE] = { (const struct kma_result *const *)before, base->nr },
		[KMA_NEW] = { (const struct kma_result *const *)after, new->nr },
	};
	struct kma_comparison *comparison = kma_compare(sides);
	int ret;

	if (!comparison)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	ret = write_answer(config, &(struct answer){ .comparison = comparison }, err);
	if (!ret)
		ret = judge_inputs(base, before, err);
	if (!ret)
		ret = judge_inputs(new, after, err);
	if (!ret && comparison->nr_changes == comparison->count[KMA_UNKNOWN])
		ret = kma_fail(err, KMA_ERR_POOR, "%s and %s: no number is in both", base->paths[0],
			       new->paths[0]);
	if (!ret && config->fail_on_worse)
		ret = judge_comparison(comparison, err);
	kma_comparison_free(comparison);
	return ret;
}

static int diff(const struct kma_config *config, struct kma_error *err)
{
	struct kma_files base = config->base, new = config->new;
	struct kma_result **before, **after;
	int ret = -1;

	if (!base.nr) {
		base = (struct kma_files){ config->files.paths, 1 };
		new = (struct kma_files){ config->files.paths + 1, 1 };
	}
	before = kma_load_all(config, &base, err);
	after = before ? kma_load_all(config, &new, err) : NULL;
	if (after)
		ret = compare(config, &base, &new, before, after, err);
	kma_free_all(after, new.nr);
	kma_free_all(before, base.nr);
	return ret;
}

static int merge(const struct kma_config *config, struct kma_error *err)
{
	const struct kma_files *files = &config->files;
	struct kma_result **results = kma_load_all(config, files, err);
	struct kma_result *combined;
	int ret = -1;

	if (!results)
		return -1;
	combined = kma_combine((const struct kma_result *const *)results, files->paths, files->nr,
			       kma_combine_rules, err);
	if (combined)
		ret = write_result(config, combined, err);
	if (!ret)
		ret = judge_inputs(files, results, err);
	kma_result_free(combined);
	kma_free_all(results, files->nr);
	return ret;
}

int main(int argc, char **argv)
{
	struct kma_config config;
	struct kma_error err = { .code = KMA_OK };

	setlocale(LC_CTYPE, "");
	if (kma_config_parse(&config, argc, argv, &err) == 0) {
		switch (config.command) {
		case KMA_COMMAND_HELP:
			kma_print_help(stdout);
			finish(stdout, "to standard output", 0, &err);
			break;
		case KMA_COMMAND_VERSION:
			puts("kmem-analyze " KMA_VERSION);
			finish(stdout, "to standard output", 0, &err);
			break;
		case KMA_COMMAND_LIST:
			kma_print_list(stdout);
			finish(stdout, "to standard output", 0, &err);
			break;
		case KMA_COMMAND_ANALYZE:
			analyze(&config, &err);
			break;
		case KMA_COMMAND_STORY:
			story(&config, &err);
			break;
		case KMA_COMMAND_MERGE:
			merge(&config, &err);
			break;
		case KMA_COMMAND_DIFF:
			diff(&config, &err);
			break;
		}
	}
	if (err.code != KMA_OK)
		complain(&err);
	kma_config_free(&config);
	return exit_status(&err);
}
