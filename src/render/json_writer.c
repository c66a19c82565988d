/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building JSON values with json-c and writing them. It must not know the result model.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/json_writer.h"
#include "render/utf8.h"

#define ADD_FLAGS   (JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY)
#define WRITE_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

struct json_object *kma_json_object(struct kma_json *w)
{
	struct json_object *o = json_object_new_object();

	w->failed |= !o;
	return o;
}

struct json_object *kma_json_array(struct kma_json *w)
{
	struct json_object *o = json_object_new_array();

	w->failed |= !o;
	return o;
}

void kma_json_add(struct kma_json *w, struct json_object *object, const char *key,
		  struct json_object *value)
{
	if (!object || !value || json_object_object_add_ex(object, key, value, ADD_FLAGS)) {
		json_object_put(value);
		w->failed = true;
	}
}

void kma_json_add_null(struct kma_json *w, struct json_object *object, const char *key)
{
	w->failed |= !object || json_object_object_add_ex(object, key, NULL, ADD_FLAGS);
}

void kma_json_append_null(struct kma_json *w, struct json_object *array)
{
	w->failed |= !array || json_object_array_add(array, NULL);
}

void kma_json_append(struct kma_json *w, struct json_object *array, struct json_object *value)
{
	if (!array || !value || json_object_array_add(array, value)) {
		json_object_put(value);
		w->failed = true;
	}
}

struct json_object *kma_json_whole(uint64_t n)
{
	return json_object_new_uint64(n);
}

struct json_object *kma_json_boolean(bool is)
{
	return json_object_new_boolean(is);
}

struct json_object *kma_json_real(double value)
{
	char text[40];
	char *comma;

	if (value == floor(value) && fabs(value) < 9e15)
		return json_object_new_int64((int64_t)value);
	/* the fewest digits that read back as the same number */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	comma = strchr(text, ',');
	if (comma)
		*comma = '.';
	return json_object_new_double_s(value, text);
}

void kma_json_add_real(struct kma_json *w, struct json_object *object, const char *key,
		       double value)
{
	if (isfinite(value))
		kma_json_add(w, object, key, kma_json_real(value));
	else
		kma_json_add_null(w, object, key);
}

struct json_object *kma_json_string(const char *s)
{
	struct json_object *o = NULL;
	char *text, *to;
	uint32_t c;
	size_t len;

	text = to = malloc(strlen(s) * 4 + 1);
	if (!text)
		return NULL;
	while (*s) {
		len = kma_utf8_next(s, &c);
		if (len) {
			memcpy(to, s, len);
			to += len;
			s += len;
		} else {
			to += sprintf(to, "\\x%02x", (unsigned char)*s++);
		}
	}
	o = json_object_new_string_len(text, (int)(to - text));
	free(text);
	return o;
}

void kma_json_add_string(struct kma_json *w, struct json_object *object, const char *key,
			 const char *s)
{
	if (s)
		kma_json_add(w, object, key, kma_json_string(s));
	else
		kma_json_add_null(w, object, key);
}

void kma_json_put(struct kma_json *w, struct json_object *object, bool open)
{
	const char *text;
	size_t len;

	if (!object)
		return;
	text = json_object_to_json_string_length(object, WRITE_FLAGS, &len);
	if (!text)
		w->failed = true;
	else
		fwrite(text, 1, open ? len - 1 : len, w->out);
	json_object_put(object);
}

void kma_json_separate(struct kma_json *w, size_t i)
{
	fputs(i ? ",\n" : "\n", w->out);
}

struct json_object *kma_json_strings(struct kma_json *w, const char *const *strings, size_t nr)
{
	struct json_object *array = kma_json_array(w);

	for (size_t i = 0; i < nr; i++)
		kma_json_append(w, array, kma_json_string(strings[i]));
	return array;
}
