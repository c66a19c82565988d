/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interned strings: zone, cache and area names as small ids. Ids depend on the order of appearance,
 * so nothing that is printed may be ordered by them. Safe to call from several threads.
 */
#ifndef KMA_DECODE_STRINGS_H
#define KMA_DECODE_STRINGS_H

#include <stddef.h>
#include <stdint.h>

struct kma_strings;

/* The id of "", and of every string once the table is full or memory is out. */
#define KMA_STRING_NONE 0

struct kma_strings *kma_strings_new(void);
void kma_strings_free(struct kma_strings *strings);
/* The id of the @length bytes at @s. The table is capped at 65536 strings: a broken trace can name
 * any number. */
uint32_t kma_strings_intern(struct kma_strings *strings, const char *s, size_t length);

/* A few ids remembered without a lock, for one caller that sees the same names again and again. */
struct kma_string_cache {
	struct {
		char text[24];
		uint8_t length;
		uint32_t id;
	} slot[8];
};

uint32_t kma_strings_intern_cached(struct kma_strings *strings, struct kma_string_cache *cache,
				   const char *s, size_t length);

#endif
