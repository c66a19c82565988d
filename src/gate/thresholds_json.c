/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thresholds kept in a file, each with what it is for. It must not know their grammar. */
#include <stdio.h>
#include <string.h>

#include "gate/json_reader.h"
#include "gate/threshold.h"
#include "util/arena.h"

#define SCHEMA "kmem-analyze-thresholds/1"

/* A member that nobody knows is a slip of the pen, and a threshold lost must not go unnoticed. */
static void check_members(struct kma_json_in *in, const struct kma_json_at *object,
			  const char *const *known)
{
	if (in->failed)
		return;
	json_object_object_foreach(object->value, key, value)
	{
		const char *const *word = known;

		(void)value;
		while (*word && strcmp(*word, key) != 0)
			word++;
		if (!*word)
			kma_json_bad(in, object, "unknown member \"%.60s\"", key);
	}
}

static void read_one(struct kma_json_in *in, const struct kma_json_at *o,
		     struct kma_thresholds *thresholds, const char *name, size_t number)
{
	static const char *const members[] = { "threshold", "why", NULL };
	const char *text, *why, *origin;

	check_members(in, o, members);
	text = kma_json_get_text(in, o, "threshold");
	why = kma_json_get_text(in, o, "why");
	if (!in->failed && !*why)
		kma_json_bad(in, o, "\"why\" is empty: say what the threshold protects");
	if (in->failed)
		return;
	origin = kma_arena_printf(in->arena, "%s: thresholds[%zu]", name, number);
	if (!origin)
		kma_json_bad(in, o, "out of memory");
	else if (kma_thresholds_add(thresholds, text, origin, why, in->err) < 0)
		in->failed = true;
}

/* Takes @root. */
static int read_tree(struct kma_thresholds *thresholds, struct json_object *root, const char *name,
		     struct kma_error *err)
{
	static const char *const members[] = { "$schema", "schema", "about", "thresholds", NULL };
	struct kma_json_in in = { .source = name, .arena = thresholds->arena, .err = err };
	struct kma_json_at top = { .value = root }, array;
	const char *schema;

	/* a broken file of thresholds is a fault of what is asked for, not of the trace */
	if (!root) {
		if (err && err->code == KMA_ERR_INPUT)
			err->code = KMA_ERR_USAGE;
		return -1;
	}
	if (json_object_get_type(root) != json_type_object)
		kma_json_bad(&in, &top, "must be a JSON object");
	schema = kma_json_get_text(&in, &top, "schema");
	if (!in.failed && strcmp(schema, SCHEMA) != 0)
		kma_json_bad(&in, &top, "its schema is \"%.60s\"; this version reads " SCHEMA,
			     schema);
	check_members(&in, &top, members);
	array = kma_json_get(&in, &top, "thresholds", json_type_array);
	if (!in.failed && !kma_json_length(&array))
		kma_json_bad(&in, &array, "is empty: nothing would be judged");
	for (size_t i = 0; i < kma_json_length(&array) && !in.failed; i++) {
		struct kma_json_at o = kma_json_element(&in, &array, i, json_type_object);

		read_one(&in, &o, thresholds, name, i);
	}
	json_object_put(root);
	if (in.failed && err && err->code == KMA_ERR_INPUT)
		err->code = KMA_ERR_USAGE;
	return in.failed ? -1 : 0;
}

int kma_thresholds_parse_json(struct kma_thresholds *thresholds, const char *text, size_t size,
			      const char *name, struct kma_error *err)
{
	return read_tree(thresholds, kma_json_parse(text, size, name, err), name, err);
}

int kma_thresholds_read(struct kma_thresholds *thresholds, const char *path, struct kma_error *err)
{
	return read_tree(thresholds, kma_json_read_file(path, err), path, err);
}
