/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading JSON that anybody may have written: a file becomes json-c's tree, and values are taken
 * out of it with their type and range checked. The first failure sticks, with the place where it
 * is, so calls need no checks: what follows a failure is empty.
 */
#ifndef KMA_GATE_JSON_READER_H
#define KMA_GATE_JSON_READER_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>
#include <kmem-analyze/error.h>

struct kma_arena;

struct kma_json_in {
	const char *source; /* the file's name, for messages */
	struct kma_arena *arena;
	struct kma_error *err;
	bool failed;
};

/* A value and the way to it: reports[2].metrics[7].status */
struct kma_json_at {
	struct json_object *value; /* NULL is JSON's null */
	const struct kma_json_at *up;
	const char *key; /* NULL: element @index of an array */
	size_t index;
};

/*
 * The file @path as a tree, to be given back with json_object_put(). NULL with @err filled: it
 * cannot be read, is no JSON, nests too deep or is too large.
 */
struct json_object *kma_json_read_file(const char *path, struct kma_error *err);
/* The same of @size bytes in memory; @name is for messages. */
struct json_object *kma_json_parse(const char *text, size_t size, const char *name,
				   struct kma_error *err);

/* Records a failure at @at; returns -1. */
int kma_json_bad(struct kma_json_in *in, const struct kma_json_at *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Is there a member @key? (It may be null.) */
bool kma_json_has(const struct kma_json_at *object, const char *key);
/* The member @key, which must be there and of that type. */
struct kma_json_at kma_json_get(struct kma_json_in *in, const struct kma_json_at *object,
				const char *key, enum json_type type);
/* The member @key, which must be there, and may be of any type, null too. */
struct kma_json_at kma_json_get_any(struct kma_json_in *in, const struct kma_json_at *object,
				    const char *key);
size_t kma_json_length(const struct kma_json_at *array);
/* Element @index, which must be of that type. */
struct kma_json_at kma_json_element(struct kma_json_in *in, const struct kma_json_at *array,
				    size_t index, enum json_type type);

/* Members of an object; text is copied to the arena. */
const char *kma_json_get_text(struct kma_json_in *in, const struct kma_json_at *object,
			      const char *key);
/* NULL where it is null */
const char *kma_json_get_text_or_null(struct kma_json_in *in, const struct kma_json_at *object,
				      const char *key);
uint64_t kma_json_get_whole(struct kma_json_in *in, const struct kma_json_at *object,
			    const char *key, uint64_t max);
/* 0 where it is null */
uint64_t kma_json_get_whole_or_null(struct kma_json_in *in, const struct kma_json_at *object,
				    const char *key);
bool kma_json_get_bool(struct kma_json_in *in, const struct kma_json_at *object, const char *key);
/* The number of the word; @words ends with NULL. */
unsigned int kma_json_get_word(struct kma_json_in *in, const struct kma_json_at *object,
			       const char *key, const char *const *words);

/* The value itself */
const char *kma_json_text(struct kma_json_in *in, const struct kma_json_at *at);
uint64_t kma_json_whole_at(struct kma_json_in *in, const struct kma_json_at *at, uint64_t max);
/* An array's strings */
const char **kma_json_texts(struct kma_json_in *in, const struct kma_json_at *array, size_t *nr);

/* Zeroed room for @nr things in the arena. */
void *kma_json_alloc(struct kma_json_in *in, size_t nr, size_t size);

#endif
