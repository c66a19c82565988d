/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building JSON values and writing them line by line. An error sticks to the writer, so calls need
 * no checks.
 */
#ifndef KMA_RENDER_JSON_WRITER_H
#define KMA_RENDER_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

struct kma_json {
	FILE *out;
	bool failed; /* out of memory */
};

struct json_object *kma_json_object(struct kma_json *w);
struct json_object *kma_json_array(struct kma_json *w);
struct json_object *kma_json_whole(uint64_t n);
struct json_object *kma_json_boolean(bool is);
/* @value is finite. Whole numbers as such, others with nine significant digits; never in the
 * locale's way. */
struct json_object *kma_json_real(double value);
/* A string with "\xNN" for each byte that is no UTF-8. */
struct json_object *kma_json_string(const char *s);
struct json_object *kma_json_strings(struct kma_json *w, const char *const *strings, size_t nr);

/* @value becomes @object's; @key is static text. */
void kma_json_add(struct kma_json *w, struct json_object *object, const char *key,
		  struct json_object *value);
void kma_json_add_null(struct kma_json *w, struct json_object *object, const char *key);
/* null where @value is not finite */
void kma_json_add_real(struct kma_json *w, struct json_object *object, const char *key,
		       double value);
/* null where @s is NULL */
void kma_json_add_string(struct kma_json *w, struct json_object *object, const char *key,
			 const char *s);
/* @value becomes @array's. */
void kma_json_append(struct kma_json *w, struct json_object *array, struct json_object *value);
void kma_json_append_null(struct kma_json *w, struct json_object *array);

/* Writes @object and gives it back; without its last character if @open, so that members can
 * follow. */
void kma_json_put(struct kma_json *w, struct json_object *object, bool open);
/* Between the elements of an array written line by line: before element @i. */
void kma_json_separate(struct kma_json *w, size_t i);

#endif
