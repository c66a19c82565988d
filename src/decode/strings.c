/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interned strings; see strings.h. */
#include "decode/strings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <kmem-analyze/analysis.h>

#include "util/arena.h"

#define MAX_STRINGS 65536

struct kma_strings {
	pthread_mutex_t lock;
	struct kma_arena *arena;
	const char **text; /* by id */
	uint32_t nr, max;
	uint32_t *slots; /* hash table of ids, 0: free; twice as long as max */
};

static uint32_t hash(const char *s, size_t length)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < length; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h;
}

static int grow(struct kma_strings *strings, uint32_t max)
{
	const char **text = realloc(strings->text, max * sizeof(*text));
	uint32_t *slots;

	if (!text)
		return -1;
	strings->text = text;
	slots = calloc(2 * (size_t)max, sizeof(*slots));
	if (!slots)
		return -1;
	for (uint32_t id = 1; id < strings->nr; id++) {
		uint32_t i = hash(text[id], strlen(text[id])) & (2 * max - 1);

		while (slots[i])
			i = (i + 1) & (2 * max - 1);
		slots[i] = id;
	}
	free(strings->slots);
	strings->slots = slots;
	strings->max = max;
	return 0;
}

struct kma_strings *kma_strings_new(void)
{
	struct kma_strings *strings = calloc(1, sizeof(*strings));

	if (!strings)
		return NULL;
	pthread_mutex_init(&strings->lock, NULL);
	strings->arena = kma_arena_new();
	if (!strings->arena || grow(strings, 64) < 0) {
		kma_strings_free(strings);
		return NULL;
	}
	strings->text[strings->nr++] = "";
	return strings;
}

void kma_strings_free(struct kma_strings *strings)
{
	if (!strings)
		return;
	kma_arena_free(strings->arena);
	free(strings->text);
	free(strings->slots);
	pthread_mutex_destroy(&strings->lock);
	free(strings);
}

uint32_t kma_strings_intern(struct kma_strings *strings, const char *s, size_t length)
{
	uint32_t id = KMA_STRING_NONE, i;

	length = strnlen(s, length);
	if (!length)
		return KMA_STRING_NONE;
	pthread_mutex_lock(&strings->lock);
	for (i = hash(s, length) & (2 * strings->max - 1); strings->slots[i];
	     i = (i + 1) & (2 * strings->max - 1)) {
		const char *known = strings->text[strings->slots[i]];

		if (strlen(known) == length && !memcmp(known, s, length)) {
			id = strings->slots[i];
			goto out;
		}
	}
	if (strings->nr == strings->max) {
		if (strings->max >= MAX_STRINGS || grow(strings, 2 * strings->max) < 0)
			goto out;
		for (i = hash(s, length) & (2 * strings->max - 1); strings->slots[i];
		     i = (i + 1) & (2 * strings->max - 1))
			;
	}
	strings->text[strings->nr] = kma_arena_strndup(strings->arena, s, length);
	if (!strings->text[strings->nr])
		goto out;
	id = strings->nr++;
	strings->slots[i] = id;
out:
	pthread_mutex_unlock(&strings->lock);
	return id;
}

uint32_t kma_strings_intern_cached(struct kma_strings *strings, struct kma_string_cache *cache,
				   const char *s, size_t length)
{
	size_t n;

	length = strnlen(s, length);
	if (!length)
		return KMA_STRING_NONE;
	if (length > sizeof(cache->slot[0].text))
		return kma_strings_intern(strings, s, length);
	n = (length + (uint8_t)s[0] + (uint8_t)s[length - 1]) %
	    (sizeof(cache->slot) / sizeof(cache->slot[0]));
	if (cache->slot[n].length != length || memcmp(cache->slot[n].text, s, length)) {
		memcpy(cache->slot[n].text, s, length);
		cache->slot[n].length = length;
		cache->slot[n].id = kma_strings_intern(strings, s, length);
	}
	return cache->slot[n].id;
}

const char *kma_string(const struct kma_strings *strings, uint32_t id)
{
	return id < strings->nr ? strings->text[id] : "";
}
