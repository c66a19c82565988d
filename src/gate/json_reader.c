/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON from a file, taken apart with every type and range checked. It must not know what the
 * document is about.
 */
#include "gate/json_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/arena.h"

#define MAX_DEPTH 24	       /* our documents need 8 */
#define MAX_SIZE  (1ull << 30) /* the tree takes several times as much */

/* One document, fed piece by piece */
struct feeder {
	struct json_tokener *tokener;
	struct json_object *root;
	const char *name;
	uint64_t line, fed;
	bool complete;
};

static int bad_syntax(struct feeder *feeder, const char *text, size_t size, struct kma_error *err)
{
	enum json_tokener_error code = json_tokener_get_error(feeder->tokener);
	size_t end = json_tokener_get_parse_end(feeder->tokener);

	for (size_t i = 0; i < end && i < size; i++)
		feeder->line += text[i] == '\n';
	return kma_fail(err, KMA_ERR_INPUT, "%s: no valid JSON: line %" PRIu64 ": %s", feeder->name,
			feeder->line, json_tokener_error_desc(code));
}

static int feed(struct feeder *feeder, const char *text, size_t size, struct kma_error *err)
{
	feeder->fed += size;
	if (feeder->fed > MAX_SIZE)
		return kma_fail(err, KMA_ERR_INPUT, "%s: larger than %llu MiB", feeder->name,
				MAX_SIZE >> 20);
	for (size_t i = 0; feeder->complete && i < size; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return kma_fail(err, KMA_ERR_INPUT,
					"%s: no valid JSON: more text behind the document",
					feeder->name);
	if (feeder->complete || !size)
		return 0;
	feeder->root = json_tokener_parse_ex(feeder->tokener, text, (int)size);
	switch (json_tokener_get_error(feeder->tokener)) {
	case json_tokener_continue:
		for (size_t i = 0; i < size; i++)
			feeder->line += text[i] == '\n';
		return 0;
	case json_tokener_success: {
		size_t end = json_tokener_get_parse_end(feeder->tokener);

		feeder->complete = true;
		feeder->fed -= size - end;
		return feed(feeder, text + end, size - end, err);
	}
	default:
		return bad_syntax(feeder, text, size, err);
	}
}

/* @ret of the last feed(): the tree, or NULL */
static struct json_object *finish(struct feeder *feeder, int ret, struct kma_error *err)
{
	if (!ret && !feeder->complete && feeder->fed)
		/* a number at the very end is over only when something follows */
		ret = feed(feeder, "\n", 1, err);
	if (!ret && !feeder->complete)
		ret = kma_fail(err, KMA_ERR_INPUT, "%s: no valid JSON: %s", feeder->name,
			       feeder->fed ? "it ends too early" : "it is empty");
	json_tokener_free(feeder->tokener);
	if (!ret && feeder->root)
		return feeder->root;
	if (!ret)
		kma_fail(err, KMA_ERR_INPUT, "%s: only a null", feeder->name);
	json_object_put(feeder->root);
	return NULL;
}

static int begin(struct feeder *feeder, const char *name, struct kma_error *err)
{
	*feeder = (struct feeder){ .name = name, .line = 1 };
	feeder->tokener = json_tokener_new_ex(MAX_DEPTH);
	if (!feeder->tokener)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	json_tokener_set_flags(feeder->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
							JSON_TOKENER_ALLOW_TRAILING_CHARS);
	return 0;
}

struct json_object *kma_json_parse(const char *text, size_t size, const char *name,
				   struct kma_error *err)
{
	struct feeder feeder;
	int ret;

	if (begin(&feeder, name, err) < 0)
		return NULL;
	ret = size > MAX_SIZE ? kma_fail(err, KMA_ERR_INPUT, "%s: larger than %llu MiB", name,
					 MAX_SIZE >> 20)
			      : feed(&feeder, text, size, err);
	return finish(&feeder, ret, err);
}

struct json_object *kma_json_read_file(const char *path, struct kma_error *err)
{
	FILE *file = fopen(path, "r");
	struct feeder feeder;
	char piece[65536];
	int ret = 0;
	size_t n;

	if (!file) {
		kma_fail(err, KMA_ERR_INPUT, "cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	if (begin(&feeder, path, err) < 0) {
		fclose(file);
		return NULL;
	}
	while (!ret && (n = fread(piece, 1, sizeof(piece), file)) > 0)
		ret = feed(&feeder, piece, n, err);
	if (!ret && ferror(file))
		ret = kma_fail(err, KMA_ERR_INPUT, "cannot read %s: %s", path, strerror(errno));
	fclose(file);
	return finish(&feeder, ret, err);
}

/* Writes the way to @at; returns its length. */
static size_t put_place(const struct kma_json_at *at, char *text, size_t size)
{
	size_t used;
	int n;

	if (!at->up)
		return 0;
	used = put_place(at->up, text, size);
	if (at->key)
		n = snprintf(text + used, size - used, "%s%.60s", used ? "." : "", at->key);
	else
		n = snprintf(text + used, size - used, "[%zu]", at->index);
	return used + n < size ? used + n : size - 1;
}

/* Words of the document may hold anything. */
static void one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

int kma_json_bad(struct kma_json_in *in, const struct kma_json_at *at, const char *fmt, ...)
{
	char place[300] = "", what[400];
	va_list ap;

	if (in->failed)
		return -1;
	in->failed = true;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	put_place(at, place, sizeof(place));
	one_line(what);
	one_line(place);
	return kma_fail(in->err, KMA_ERR_INPUT, "%s: %s%s%s", in->source, place, *place ? ": " : "",
			what);
}

void *kma_json_alloc(struct kma_json_in *in, size_t nr, size_t size)
{
	void *p = nr <= SIZE_MAX / size ? kma_arena_alloc(in->arena, nr * size) : NULL;

	if (!p && !in->failed) {
		in->failed = true;
		kma_fail(in->err, KMA_ERR_INTERNAL, "out of memory");
	}
	return p;
}

bool kma_json_has(const struct kma_json_at *object, const char *key)
{
	return json_object_object_get_ex(object->value, key, NULL);
}

/* What stands in for a value that is not there, so that reading can go on */
static struct kma_json_at nothing(const struct kma_json_at *up, const char *key, size_t index)
{
	return (struct kma_json_at){ .up = up, .key = key, .index = index };
}

static void check_type(struct kma_json_in *in, struct kma_json_at *at, enum json_type type)
{
	if (in->failed || json_object_get_type(at->value) == type)
		return;
	kma_json_bad(in, at, "must be %s %s, is %s",
		     type == json_type_int || type == json_type_array || type == json_type_object
			     ? "an"
			     : "a",
		     json_type_to_name(type), json_type_to_name(json_object_get_type(at->value)));
	at->value = NULL;
}

struct kma_json_at kma_json_get_any(struct kma_json_in *in, const struct kma_json_at *object,
				    const char *key)
{
	struct kma_json_at at = nothing(object, key, 0);

	if (in->failed)
		return at;
	if (!json_object_object_get_ex(object->value, key, &at.value))
		kma_json_bad(in, object, "lacks \"%s\"", key);
	return at;
}

struct kma_json_at kma_json_get(struct kma_json_in *in, const struct kma_json_at *object,
				const char *key, enum json_type type)
{
	struct kma_json_at at = kma_json_get_any(in, object, key);

	check_type(in, &at, type);
	return at;
}

size_t kma_json_length(const struct kma_json_at *array)
{
	return array->value ? json_object_array_length(array->value) : 0;
}

struct kma_json_at kma_json_element(struct kma_json_in *in, const struct kma_json_at *array,
				    size_t index, enum json_type type)
{
	struct kma_json_at at = nothing(array, NULL, index);

	if (in->failed)
		return at;
	at.value = json_object_array_get_idx(array->value, index);
	check_type(in, &at, type);
	return at;
}

const char *kma_json_text(struct kma_json_in *in, const struct kma_json_at *at)
{
	const char *text, *copy;

	if (in->failed)
		return "";
	text = json_object_get_string(at->value);
	if (strlen(text) != (size_t)json_object_get_string_len(at->value)) {
		kma_json_bad(in, at, "holds a zero byte");
		return "";
	}
	copy = kma_arena_strdup(in->arena, text);
	if (!copy) {
		in->failed = true;
		kma_fail(in->err, KMA_ERR_INTERNAL, "out of memory");
		return "";
	}
	return copy;
}

const char *kma_json_get_text(struct kma_json_in *in, const struct kma_json_at *object,
			      const char *key)
{
	struct kma_json_at at = kma_json_get(in, object, key, json_type_string);

	return kma_json_text(in, &at);
}

const char *kma_json_get_text_or_null(struct kma_json_in *in, const struct kma_json_at *object,
				      const char *key)
{
	struct kma_json_at at = kma_json_get_any(in, object, key);

	if (!at.value)
		return NULL;
	check_type(in, &at, json_type_string);
	return kma_json_text(in, &at);
}

uint64_t kma_json_whole_at(struct kma_json_in *in, const struct kma_json_at *at, uint64_t max)
{
	uint64_t n;

	if (in->failed)
		return 0;
	n = json_object_get_uint64(at->value);
	if (json_object_get_int64(at->value) < 0)
		kma_json_bad(in, at, "is below 0");
	else if (n > max)
		kma_json_bad(in, at, "is above %" PRIu64, max);
	return in->failed ? 0 : n;
}

uint64_t kma_json_get_whole(struct kma_json_in *in, const struct kma_json_at *object,
			    const char *key, uint64_t max)
{
	struct kma_json_at at = kma_json_get(in, object, key, json_type_int);

	return kma_json_whole_at(in, &at, max);
}

uint64_t kma_json_get_whole_or_null(struct kma_json_in *in, const struct kma_json_at *object,
				    const char *key)
{
	struct kma_json_at at = kma_json_get_any(in, object, key);

	if (!at.value)
		return 0;
	check_type(in, &at, json_type_int);
	return kma_json_whole_at(in, &at, UINT64_MAX);
}

bool kma_json_get_bool(struct kma_json_in *in, const struct kma_json_at *object, const char *key)
{
	struct kma_json_at at = kma_json_get(in, object, key, json_type_boolean);

	return !in->failed && json_object_get_boolean(at.value);
}

unsigned int kma_json_get_word(struct kma_json_in *in, const struct kma_json_at *object,
			       const char *key, const char *const *words)
{
	struct kma_json_at at = kma_json_get(in, object, key, json_type_string);
	const char *text;

	if (in->failed)
		return 0;
	text = json_object_get_string(at.value);
	for (unsigned int i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	kma_json_bad(in, &at, "is \"%.60s\", a word that this version does not know", text);
	return 0;
}

const char **kma_json_texts(struct kma_json_in *in, const struct kma_json_at *array, size_t *nr)
{
	size_t length = kma_json_length(array);
	const char **texts = kma_json_alloc(in, length, sizeof(*texts));

	*nr = 0;
	for (size_t i = 0; i < length && !in->failed; i++) {
		struct kma_json_at at = kma_json_element(in, array, i, json_type_string);

		texts[i] = kma_json_text(in, &at);
	}
	*nr = in->failed ? 0 : length;
	return texts;
}
