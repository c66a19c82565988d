/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbered names: a hash table of numbers over an array of texts; see names.h. */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"

struct text {
	const char *text;
	uint32_t length, hash;
};

struct kma_names {
	struct kma_arena *arena;
	struct text *texts;
	uint32_t nr, max, limit;
	uint32_t *slots; /* number + 1, 0: free; twice as many as max, a power of two */
};

static uint32_t hash_of(const char *s, size_t length)
{
	uint64_t h = length;

	for (; length >= 8; s += 8, length -= 8) {
		uint64_t word;

		memcpy(&word, s, 8);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	for (; length; s++, length--)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x9e3779b97f4a7c15);
	return h >> 32;
}

static int grow(struct kma_names *names, uint32_t max)
{
	struct text *texts = reallocarray(names->texts, max, sizeof(*texts));
	uint32_t *slots;

	if (!texts)
		return -1;
	names->texts = texts;
	slots = calloc(2 * (size_t)max, sizeof(*slots));
	if (!slots)
		return -1;
	for (uint32_t number = 0; number < names->nr; number++) {
		uint32_t i = texts[number].hash & (2 * max - 1);

		while (slots[i])
			i = (i + 1) & (2 * max - 1);
		slots[i] = number + 1;
	}
	free(names->slots);
	names->slots = slots;
	names->max = max;
	return 0;
}

struct kma_names *kma_names_new(uint32_t limit)
{
	struct kma_names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	names->limit = limit;
	names->arena = kma_arena_new();
	if (!names->arena || grow(names, 64) < 0) {
		kma_names_free(names);
		return NULL;
	}
	return names;
}

void kma_names_free(struct kma_names *names)
{
	if (!names)
		return;
	kma_arena_free(names->arena);
	free(names->texts);
	free(names->slots);
	free(names);
}

uint32_t kma_names_number(struct kma_names *names, const char *name, size_t length)
{
	struct text text;
	uint32_t hash, i;

	length = strnlen(name, length);
	hash = hash_of(name, length);
	i = hash & (2 * names->max - 1);
	text = (struct text){ .length = (uint32_t)length, .hash = hash };
	for (; names->slots[i]; i = (i + 1) & (2 * names->max - 1)) {
		const struct text *known = &names->texts[names->slots[i] - 1];

		if (known->hash == hash && known->length == length &&
		    !memcmp(known->text, name, length))
			return names->slots[i] - 1;
	}
	if (names->nr == names->limit)
		return KMA_NAMES_FULL;
	if (names->nr == names->max) {
		if (grow(names, 2 * names->max) < 0)
			return KMA_NAMES_FULL;
		for (i = hash & (2 * names->max - 1); names->slots[i];
		     i = (i + 1) & (2 * names->max - 1))
			;
	}
	text.text = kma_arena_strndup(names->arena, name, length);
	if (!text.text)
		return KMA_NAMES_FULL;
	names->texts[names->nr] = text;
	names->slots[i] = ++names->nr;
	return names->nr - 1;
}

uint32_t kma_names_count(const struct kma_names *names)
{
	return names->nr;
}

const char *kma_names_text(const struct kma_names *names, uint32_t number)
{
	return names->texts[number].text;
}
