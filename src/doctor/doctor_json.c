/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's answer for programs. */
#include <kmem-analyze/event.h>
#include <kmem-analyze/version.h>

#include "doctor/checkup.h"
#include "render/json_writer.h"

static struct json_object *recipe_object(struct kma_json *w, const struct kma_recipe *recipe)
{
	struct json_object *o = kma_json_object(w);

	kma_json_add_string(w, o, "trace_cmd", recipe->trace_cmd);
	kma_json_add_string(w, o, "perf", recipe->perf);
	kma_json_add_string(w, o, "live", recipe->live);
	return o;
}

static struct json_object *events_array(struct kma_json *w, uint64_t events)
{
	struct json_object *array = kma_json_array(w);
	char name[400];

	for (int kind = 1; kind < KMA_NR_KINDS; kind++) {
		if (!(events & KMA_KIND_BIT(kind)))
			continue;
		snprintf(name, sizeof(name), "%s:%s", kma_kind_system(kind), kma_kind_name(kind));
		kma_json_append(w, array, kma_json_string(name));
	}
	return array;
}

static struct json_object *report_object(struct kma_json *w, const struct kma_diagnosis *d)
{
	static const char *const verdicts[] = { "exact", "degraded", "impossible" };
	struct json_object *o = kma_json_object(w), *cheap;

	kma_json_add_string(w, o, "name", d->name);
	kma_json_add_string(w, o, "verdict", verdicts[d->verdict]);
	kma_json_add(w, o, "reasons", kma_json_strings(w, d->reasons, d->nr_reasons));
	kma_json_add(w, o, "events", events_array(w, d->events));
	kma_json_add(w, o, "record", recipe_object(w, &d->recipe));
	if (!d->cheap) {
		kma_json_add_null(w, o, "cheap");
		return o;
	}
	cheap = kma_json_object(w);
	kma_json_add(w, cheap, "events", events_array(w, d->cheap));
	kma_json_add_string(w, cheap, "tells", d->cheap_tells);
	kma_json_add(w, cheap, "record", recipe_object(w, &d->cheap_recipe));
	kma_json_add(w, o, "cheap", cheap);
	return o;
}

int kma_doctor_json(const struct kma_checkup *checkup, FILE *out)
{
	struct kma_json w = { .out = out };
	struct json_object *o = kma_json_object(&w), *tool = kma_json_object(&w);

	kma_json_add_string(&w, o, "schema", "kmem-analyze-doctor/1");
	kma_json_add_string(&w, tool, "name", "kmem-analyze");
	kma_json_add_string(&w, tool, "version", KMA_VERSION);
	kma_json_add(&w, o, "tool", tool);
	kma_json_add_string(&w, o, "source", checkup->subject);
	kma_json_add_string(&w, o, "kernel", checkup->kernel);
	kma_json_add_string(&w, o, "clock", checkup->clock);
	kma_json_add(&w, o, "record", recipe_object(&w, &checkup->all));
	kma_json_put(&w, o, true);
	fputs(",\"reports\":[", out);
	for (size_t i = 0; i < checkup->nr_reports; i++) {
		kma_json_separate(&w, i);
		kma_json_put(&w, report_object(&w, &checkup->reports[i]), false);
	}
	fputs("]}\n", out);
	return w.failed || ferror(out) || fflush(out) ? -1 : 0;
}
