/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judging a kernel or a trace; see doctor.h. */
#include "doctor/doctor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command/input.h"
#include "command/output.h"
#include "decode/schema.h"
#include "doctor/checkup.h"
#include "live/choice.h"
#include "source/tracefs.h"
#include "stream/facts.h"
#include "util/arena.h"

/* A person reads a few; the trace's own report has all. */
#define MAX_REASONS 12
#define MAX_FIGURES 3

static int add_reason(struct kma_checkup *checkup, struct kma_diagnosis *d, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Each once; whatever there is to say makes a report less than exact. */
static int add_reason(struct kma_checkup *checkup, struct kma_diagnosis *d, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = kma_arena_vprintf(checkup->arena, fmt, ap);
	va_end(ap);
	if (!text)
		return -1;
	if (d->verdict == KMA_VERDICT_EXACT)
		d->verdict = KMA_VERDICT_DEGRADED;
	if (!d->reasons)
		d->reasons = kma_arena_alloc(checkup->arena, MAX_REASONS * sizeof(*d->reasons));
	if (!d->reasons)
		return -1;
	for (size_t i = 0; i < d->nr_reasons; i++)
		if (!strcmp(d->reasons[i], text))
			return 0;
	if (d->nr_reasons < MAX_REASONS)
		d->reasons[d->nr_reasons++] = text;
	return 0;
}

/* What is to be recorded where it is not known what the kernel has. */
static uint64_t missed_kinds(const struct kma_analysis *analysis)
{
	uint64_t kinds = analysis->record;

	for (const struct kma_need *need = analysis->needs; need->kind; need++)
		if (need->what_for)
			kinds |= KMA_KIND_BIT(need->kind);
	return kinds;
}

static uint64_t needed_kinds(const struct kma_need *need)
{
	uint64_t kinds = 0;

	for (; need && need->kind; need++)
		kinds |= KMA_KIND_BIT(need->kind);
	return kinds & ~KMA_KIND_BIT(KMA_KERNEL_STACK);
}

static int write_recipes(struct kma_checkup *checkup, struct kma_diagnosis *d)
{
	const char *clock = checkup->clock;
	uint64_t stacks = d->analysis->stacks == KMA_STACKS_ALWAYS ? UINT64_MAX : 0;

	if (d->events && kma_recipe_make(&d->recipe, d->events, stacks, clock, d->analysis->name,
					 checkup->arena) < 0)
		return -1;
	if (d->cheap &&
	    kma_recipe_make(&d->cheap_recipe, d->cheap, 0, clock, NULL, checkup->arena) < 0)
		return -1;
	d->cheap_recipe.live = NULL; /* that records all that the report needs */
	return 0;
}

/* The figures of @report for the whole trace that are less than exact for @reason. */
static const char *figures(struct kma_checkup *checkup, const struct kma_report *report,
			   const char *reason)
{
	const char *text = "";
	size_t nr = 0;

	for (size_t i = 0; text && i < report->nr_metrics; i++) {
		const struct kma_metric *metric = &report->metrics[i];

		if (metric->labels.nr || metric->status.code == KMA_EXACT ||
		    strcmp(metric->status.reason, reason))
			continue;
		if (nr++ < MAX_FIGURES)
			text = kma_arena_printf(checkup->arena, "%s%s%s", text, *text ? ", " : "",
						metric->def->title);
	}
	if (text && nr > MAX_FIGURES)
		text = kma_arena_printf(checkup->arena, "%s and %zu more", text, nr - MAX_FIGURES);
	return text;
}

/* What the report says of its own figures. */
static int own_reasons(struct kma_checkup *checkup, struct kma_diagnosis *d,
		       const struct kma_report *report)
{
	for (size_t i = 0; i < report->nr_metrics; i++) {
		const struct kma_metric *metric = &report->metrics[i];
		const char *text;

		if (metric->labels.nr || metric->status.code == KMA_EXACT)
			continue;
		text = figures(checkup, report, metric->status.reason);
		if (!text || add_reason(checkup, d, "%s: %s", metric->status.reason, text) < 0)
			return -1;
	}
	return 0;
}

static int diagnose_kernel(struct kma_checkup *checkup, struct kma_diagnosis *d,
			   const struct kma_schema *schema, enum kma_clock clock)
{
	bool possible = kma_live_possible(d->analysis, schema->formats);

	d->events = possible ? needed_kinds(d->analysis->needs) & schema->formats : 0;
	d->cheap = needed_kinds(d->analysis->cheap) & schema->formats;
	for (const struct kma_need *need = d->analysis->needs; need->kind; need++) {
		const char *system = kma_kind_system(need->kind), *name = kma_kind_name(need->kind);

		if ((schema->formats | KMA_KIND_BIT(KMA_KERNEL_STACK)) & KMA_KIND_BIT(need->kind))
			continue;
		if (schema->problems[need->kind] &&
		    add_reason(checkup, d, "%s", schema->problems[need->kind]) < 0)
			return -1;
		if (possible && need->what_for && !schema->problems[need->kind] &&
		    add_reason(checkup, d, "the kernel has no %s:%s: %s", system, name,
			       need->what_for) < 0)
			return -1;
		if (!possible && need->required && need->what_for &&
		    add_reason(checkup, d, "the kernel has no %s:%s: %s", system, name,
			       need->what_for) < 0)
			return -1;
	}
	if (!possible && (schema->formats & KMA_KIND_BIT(d->analysis->instead.kind)) &&
	    add_reason(checkup, d, "%s", d->analysis->instead.says) < 0)
		return -1;
	if (!possible)
		d->verdict = KMA_VERDICT_IMPOSSIBLE;
	else if (clock != KMA_CLOCK_GLOBAL &&
		 add_reason(checkup, d, "the kernel has no trace clock that compares CPUs") < 0)
		return -1;
	return write_recipes(checkup, d);
}

static int open_reports(struct kma_checkup *checkup, const struct kma_config *config)
{
	while (config->analyses[checkup->nr_reports])
		checkup->nr_reports++;
	checkup->reports = kma_arena_alloc(checkup->arena,
					   (checkup->nr_reports + 1) * sizeof(*checkup->reports));
	if (!checkup->reports)
		return -1;
	for (size_t i = 0; i < checkup->nr_reports; i++) {
		const struct kma_analysis *analysis = config->analyses[i];

		checkup->reports[i].analysis = analysis;
		checkup->reports[i].name = analysis->name;
		checkup->reports[i].cheap_tells = analysis->cheap ? analysis->cheap->what_for
								  : NULL;
	}
	return 0;
}

/* A single recording for all of them. What one report sees in a second pass would flood the others.
 */
static int recipe_for_all(struct kma_checkup *checkup)
{
	uint64_t events = 0, stacks = 0;

	for (size_t i = 0; i < checkup->nr_reports; i++) {
		events |= checkup->reports[i].events & ~checkup->reports[i].analysis->second;
		stacks |= checkup->reports[i].analysis->stack_kinds;
	}
	return events ? kma_recipe_make(&checkup->all, events, stacks, checkup->clock, NULL,
					checkup->arena)
		      : 0;
}

static int check_kernel(struct kma_checkup *checkup, const struct kma_config *config,
			struct kma_error *err)
{
	static const struct kma_time_conversion none;
	struct kma_schema *schema = NULL;
	struct kma_tracefs fs;
	uint64_t wanted = 0;
	int ret;

	if (kma_tracefs_open(&fs, err) < 0)
		return -1;
	checkup->subject = "this kernel";
	checkup->kernel = kma_arena_strdup(checkup->arena, fs.kernel ? fs.kernel : "");
	checkup->clock = fs.clock;
	ret = open_reports(checkup, config);
	for (size_t i = 0; !ret && i < checkup->nr_reports; i++)
		wanted |= needed_kinds(checkup->reports[i].analysis->needs);
	if (!ret) {
		schema = kma_schema_new(fs.formats, fs.nr_formats, wanted,
					fs.page_format.big_endian, fs.page_format.commit_size, err);
		ret = schema ? 0 : -1;
	}
	for (size_t i = 0; !ret && i < checkup->nr_reports; i++)
		ret = diagnose_kernel(checkup, &checkup->reports[i], schema,
				      kma_clock_class(fs.clock, &none));
	if (!ret)
		ret = recipe_for_all(checkup);
	kma_schema_free(schema);
	kma_tracefs_close(&fs);
	return ret < 0 ? kma_fail(err, KMA_ERR_INTERNAL, "out of memory") : 0;
}

/* The events that a report would have liked and says nothing of. */
static int absent_events(struct kma_checkup *checkup, struct kma_diagnosis *d,
			 const struct kma_quality *quality)
{
	for (size_t i = 0; i < quality->nr_absences; i++) {
		const struct kma_absence *absence = &quality->absences[i];
		bool told = strcmp(absence->report, d->name) != 0;

		for (size_t r = 0; r < d->nr_reasons; r++)
			told |= strstr(d->reasons[r], absence->event) != NULL;
		if (!told &&
		    add_reason(checkup, d, "%s %s: %s", absence->event,
			       absence->format_known ? "has no record" : "is not in the trace",
			       absence->what_for) < 0)
			return -1;
	}
	return 0;
}

static const struct kma_absence *absence_of(const struct kma_quality *quality, const char *report,
					    const char *reason)
{
	for (size_t i = 0; i < quality->nr_absences; i++) {
		const struct kma_absence *absence = &quality->absences[i];
		size_t length = strlen(absence->event);

		if (!absence->format_known && !strcmp(absence->report, report) &&
		    !strncmp(reason, absence->event, length) && reason[length] == ' ')
			return absence;
	}
	return NULL;
}

/* Why there is no such report; of several events that are not there in one sentence. */
static int why_not(struct kma_checkup *checkup, struct kma_diagnosis *d,
		   const struct kma_report *report, const struct kma_quality *quality)
{
	const char *events = "";
	size_t nr = 0, told = 0;

	for (size_t i = 0; i < report->nr_reasons; i++)
		nr += absence_of(quality, d->name, report->reasons[i]) != NULL;
	for (size_t i = 0; i < report->nr_reasons; i++) {
		const char *reason = report->reasons[i];
		const struct kma_absence *absence = absence_of(quality, d->name, reason);

		if (!absence || nr == 1) {
			if (add_reason(checkup, d, "%s", reason) < 0)
				return -1;
			continue;
		}
		events = kma_arena_printf(checkup->arena, "%s%s%s", events,
					  !told		  ? ""
					  : told + 1 < nr ? ", "
							  : " and ",
					  absence->event);
		if (!events)
			return -1;
		told++;
	}
	return told ? add_reason(checkup, d,
				 "%s are not in the trace: the kernel lacks them, or they were not "
				 "recorded",
				 events)
		    : 0;
}

/* The reports themselves say how far they can be trusted. */
static int diagnose_trace(struct kma_checkup *checkup, struct kma_diagnosis *d,
			  const struct kma_result *result)
{
	const struct kma_report *report = kma_result_find_report(result, d->analysis->name);

	d->events = missed_kinds(d->analysis) & ~KMA_KIND_BIT(KMA_KERNEL_STACK);
	d->cheap = needed_kinds(d->analysis->cheap);
	if (report->status.code == KMA_UNAVAILABLE) {
		if (why_not(checkup, d, report, &result->quality) < 0)
			return -1;
		d->verdict = KMA_VERDICT_IMPOSSIBLE;
	} else if (own_reasons(checkup, d, report) < 0 ||
		   absent_events(checkup, d, &result->quality) < 0) {
		return -1;
	}
	return write_recipes(checkup, d);
}

static int lookup_symbols(void *source, const uint64_t *addresses, const char **names, size_t nr,
			  struct kma_arena *arena)
{
	return kma_source_symbols(source, addresses, names, nr, arena);
}

static int check_trace(struct kma_checkup *checkup, const struct kma_config *config,
		       struct kma_error *err)
{
	struct kma_selection selection = { .analyses = config->analyses };
	struct kma_source *source = kma_open_input(config, config->path, false, NULL, err);
	struct kma_result *result;
	int ret;

	if (!source)
		return -1;
	checkup->subject = config->path;
	checkup->trace = true;
	if (source->info.uname)
		checkup->kernel = kma_arena_strdup(checkup->arena, source->info.uname);
	checkup->clock = "mono"; /* for the next recording; this one's stands in its report */
	result = kma_result_new();
	ret = result ? kma_pipeline_run(source, &selection, NULL, result, err)
		     : kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	if (!ret)
		ret = kma_result_resolve(result, lookup_symbols, source, err);
	if (!ret) {
		ret = open_reports(checkup, config);
		for (size_t i = 0; !ret && i < checkup->nr_reports; i++)
			ret = diagnose_trace(checkup, &checkup->reports[i], result);
		if (!ret)
			ret = recipe_for_all(checkup);
		if (ret)
			kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	}
	kma_result_free(result);
	kma_source_close(source);
	return ret;
}

static int write_checkup(const struct kma_checkup *checkup, const struct kma_config *config,
			 FILE *out, struct kma_error *err)
{
	struct kma_text_options options = kma_text_options(config, fileno(out));
	FILE *json = out;
	int ret;

	if (config->json && config->json_path)
		json = fopen(config->json_path, "w");
	if (!json)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s", config->json_path);
	if (config->json &&
	    kma_finish_output(json, config->json_path ? config->json_path : "to standard output",
			      kma_doctor_json(checkup, json), err) < 0)
		return -1;
	ret = json != out && fclose(json) ? -1 : 0;
	if (ret < 0)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s", config->json_path);
	if (config->json && !config->json_path)
		return 0;
	return kma_finish_output(out, "to standard output", kma_doctor_text(checkup, &options, out),
				 err);
}

int kma_doctor_run(const struct kma_config *config, FILE *out, struct kma_error *err)
{
	struct kma_checkup checkup = { .arena = kma_arena_new() };
	int ret = -1;

	if (!checkup.arena)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	ret = config->path ? check_trace(&checkup, config, err)
			   : check_kernel(&checkup, config, err);
	if (!ret)
		ret = write_checkup(&checkup, config, out, err);
	for (size_t i = 0; !ret && config->reports_picked && i < checkup.nr_reports; i++)
		if (checkup.reports[i].verdict == KMA_VERDICT_IMPOSSIBLE)
			ret = kma_fail(err, KMA_ERR_POOR, "%s is not possible with %s",
				       checkup.reports[i].analysis->name, checkup.subject);
	kma_arena_free(checkup.arena);
	return ret;
}
