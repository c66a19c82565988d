/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that is freed all at once. */
#ifndef KMA_UTIL_ARENA_H
#define KMA_UTIL_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct kma_arena;

struct kma_arena *kma_arena_new(void);
void kma_arena_free(struct kma_arena *arena);
/* Zeroed, aligned for any type; NULL when out of memory. */
void *kma_arena_alloc(struct kma_arena *arena, size_t size);
/* @piece, all @size bytes of it, as the first of @larger; nobody may use it at its old place. */
void *kma_arena_grow(struct kma_arena *arena, void *piece, size_t size, size_t larger);
char *kma_arena_strdup(struct kma_arena *arena, const char *s);
char *kma_arena_strndup(struct kma_arena *arena, const char *s, size_t n);
char *kma_arena_printf(struct kma_arena *arena, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
char *kma_arena_vprintf(struct kma_arena *arena, const char *fmt, va_list ap);

#endif
