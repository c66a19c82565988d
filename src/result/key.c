/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values as bare text, metrics by their full name, and finding them again. It must not know units
 * or how people like their numbers: that is the renderers' business.
 */
#include <stdio.h>
#include <string.h>

#include "result/result.h"
#include "util/arena.h"

const char *kma_value_text(const struct kma_value *value, char buf[KMA_VALUE_TEXT])
{
	switch (value->type) {
	case KMA_VALUE_STRING:
		return value->string;
	case KMA_VALUE_INT:
	case KMA_VALUE_TASK:
	case KMA_VALUE_MIGRATETYPE:
		snprintf(buf, KMA_VALUE_TEXT, "%" PRId64, value->i);
		return buf;
	case KMA_VALUE_REAL:
		snprintf(buf, KMA_VALUE_TEXT, "%.9g", value->real);
		return buf;
	case KMA_VALUE_ADDRESS:
		snprintf(buf, KMA_VALUE_TEXT, "0x%" PRIx64, value->address);
		return buf;
	case KMA_VALUE_NONE:
		break;
	}
	return "-";
}

/* An address that still waits for its name is written as a marker, for kma_result_resolve() to
 * replace. */
static const char *key_text(const struct kma_value *value, char buf[KMA_VALUE_TEXT])
{
	if (value->type != KMA_VALUE_ADDRESS)
		return kma_value_text(value, buf);
	snprintf(buf, KMA_VALUE_TEXT, KMA_PRI_SYM, value->address);
	return buf;
}

_Static_assert(KMA_MAX_LABELS == 2, "kma_metric_key() writes two labels");

char *kma_metric_key(struct kma_arena *arena, const struct kma_metric_def *def,
		     const struct kma_labels *labels)
{
	const struct kma_label *l = labels->label;
	char buf[KMA_MAX_LABELS][KMA_VALUE_TEXT];

	if (!labels->nr)
		return kma_arena_strdup(arena, def->name);
	if (labels->nr == 1)
		return kma_arena_printf(arena, "%s{%s=%s}", def->name, l[0].key,
					key_text(&l[0].value, buf[0]));
	return kma_arena_printf(arena, "%s{%s=%s,%s=%s}", def->name, l[0].key,
				key_text(&l[0].value, buf[0]), l[1].key,
				key_text(&l[1].value, buf[1]));
}

/* What follows @prefix in @text, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text && !strncmp(text, prefix, len) ? text + len : NULL;
}

static bool has_key(const struct kma_metric *metric, const char *key)
{
	char buf[KMA_VALUE_TEXT];
	const char *rest = behind(key, metric->def->name);

	for (unsigned int i = 0; rest && i < metric->labels.nr; i++) {
		const struct kma_label *label = &metric->labels.label[i];

		rest = behind(rest, i ? "," : "{");
		rest = behind(rest, label->key);
		rest = behind(rest, "=");
		rest = behind(rest, kma_value_text(&label->value, buf));
	}
	if (metric->labels.nr)
		rest = behind(rest, "}");
	return rest && !*rest;
}

const struct kma_metric *kma_report_find(const struct kma_report *report, const char *key)
{
	for (size_t i = 0; i < report->nr_metrics; i++) {
		if (has_key(&report->metrics[i], key))
			return &report->metrics[i];
	}
	return NULL;
}

const struct kma_report *kma_result_find_report(const struct kma_result *result, const char *name)
{
	for (size_t i = 0; i < result->nr_reports; i++) {
		if (!strcmp(result->reports[i].name, name))
			return &result->reports[i];
	}
	return NULL;
}
