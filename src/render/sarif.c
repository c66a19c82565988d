/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A judgement as SARIF 2.1.0: each threshold is a rule, each part of its metric a result.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include <kmem-analyze/version.h>

#include "render/json_writer.h"
#include "render/judgement.h"
#include "render/render.h"
#include "util/arena.h"

#define SARIF_SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static struct json_object *message(struct kma_json *json, const char *text)
{
	struct json_object *o = kma_json_object(json);

	kma_json_add_string(json, o, "text", text);
	return o;
}

static uint64_t hash(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* "zone_lock.hold_ns/1f4c...": the same threshold keeps its name from run to run */
static const char *rule_id(struct kma_wording *w, const struct kma_check *check)
{
	return kma_say(w, "%.*s/%016" PRIx64, (int)strcspn(check->key, "{ "), check->key,
		       hash(check->threshold));
}

/* Is it the first check of its threshold? */
static bool begins_rule(const struct kma_judgement *judgement, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!strcmp(judgement->checks[i].threshold, judgement->checks[at].threshold))
			return false;
	return true;
}

static struct json_object *rule(struct kma_json *json, struct kma_wording *w,
				const struct kma_check *check)
{
	struct json_object *o = kma_json_object(json), *level = kma_json_object(json);

	kma_json_add_string(json, o, "id", rule_id(w, check));
	kma_json_add(json, o, "shortDescription", message(json, check->threshold));
	kma_json_add(json, o, "fullDescription",
		     message(json, check->why ? check->why : check->threshold));
	kma_json_add_string(json, level, "level", check->warn ? "warning" : "error");
	kma_json_add(json, o, "defaultConfiguration", level);
	return o;
}

static const char *kind(const struct kma_check *check)
{
	switch (check->outcome) {
	case KMA_PASS:
		return "pass";
	case KMA_INCONCLUSIVE:
		return "open";
	case KMA_VIOLATED:
		break;
	}
	return "fail";
}

/* A path as an URI reference */
static const char *uri(struct kma_wording *w, const char *path)
{
	static const char digits[] = "0123456789ABCDEF";
	char *text = kma_arena_alloc(w->arena, 3 * strlen(path) + 8), *to = text;

	if (!text) {
		w->failed = true;
		return "";
	}
	if (*path == '/')
		to = stpcpy(to, "file://");
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if ((c < 0x80 && isalnum(c)) || strchr("-._~/", c)) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		}
	}
	return text;
}

static struct json_object *locations(struct kma_json *json, struct kma_wording *w,
				     const struct kma_judgement *judgement,
				     const struct kma_check *check)
{
	struct json_object *array = kma_json_array(json), *o = kma_json_object(json);
	struct json_object *physical = kma_json_object(json), *artifact = kma_json_object(json);
	struct json_object *logicals = kma_json_array(json), *logical = kma_json_object(json);

	kma_json_add_string(json, artifact, "uri",
			    uri(w, judgement->trace ? judgement->trace : "trace"));
	kma_json_add(json, physical, "artifactLocation", artifact);
	kma_json_add(json, o, "physicalLocation", physical);
	kma_json_add_string(json, logical, "fullyQualifiedName", check->key);
	kma_json_append(json, logicals, logical);
	kma_json_add(json, o, "logicalLocations", logicals);
	kma_json_append(json, array, o);
	return array;
}

static struct json_object *result(struct kma_json *json, struct kma_wording *w,
				  const struct kma_judgement *judgement,
				  const struct kma_check *check)
{
	struct json_object *o = kma_json_object(json), *prints = kma_json_object(json);
	const char *text = kma_say(w, "%s %s: %s", check->key, kma_say_outcome(check),
				   kma_say_check(w, check));
	const char *more;

	for (size_t i = 0; (more = kma_say_explanation(w, check, i)); i++)
		text = kma_say(w, "%s\n- %s", text, more);
	kma_json_add_string(json, o, "ruleId", rule_id(w, check));
	kma_json_add_string(json, o, "kind", kind(check));
	kma_json_add_string(json, o, "level",
			    check->outcome != KMA_VIOLATED ? "none"
			    : check->warn		   ? "warning"
							   : "error");
	kma_json_add(json, o, "message", message(json, text));
	kma_json_add(json, o, "locations", locations(json, w, judgement, check));
	kma_json_add_string(json, prints, "thresholdAndPart/v1",
			    kma_say(w, "%016" PRIx64,
				    hash(kma_say(w, "%s %s", check->threshold, check->key))));
	kma_json_add(json, o, "partialFingerprints", prints);
	return o;
}

int kma_render_sarif(const struct kma_judgement *judgement, FILE *out)
{
	struct kma_wording w = { .arena = kma_arena_new() };
	struct kma_json json = { .out = out };
	size_t nr = 0;

	if (!w.arena)
		return -1;
	fputs("{\"$schema\":\"" SARIF_SCHEMA "\",\"version\":\"2.1.0\",\n\"runs\":[{\"tool\":"
	      "{\"driver\":{\"name\":\"kmem-analyze\",\"version\":\"" KMA_VERSION
	      "\",\n\"rules\":[",
	      out);
	for (size_t i = 0; i < judgement->nr_checks; i++) {
		if (!begins_rule(judgement, i))
			continue;
		kma_json_separate(&json, nr++);
		kma_json_put(&json, rule(&json, &w, &judgement->checks[i]), false);
	}
	fputs("]}},\n\"results\":[", out);
	for (size_t i = 0; i < judgement->nr_checks; i++) {
		kma_json_separate(&json, i);
		kma_json_put(&json, result(&json, &w, judgement, &judgement->checks[i]), false);
	}
	fputs("]}]}\n", out);
	kma_arena_free(w.arena);
	return json.failed || w.failed || ferror(out) || fflush(out) ? -1 : 0;
}
