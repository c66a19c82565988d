/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that is freed all at once: a list of zeroed chunks, handed out from the front. It must not
 * know what it holds, and it gives no single piece back but a large one that has grown.
 */
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"

#define FIRST_CHUNK   (4u << 10)
#define LARGEST_CHUNK (256u << 10)
#define ALIGNMENT     alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

struct kma_arena {
	struct chunk *chunks; /* the one at the head is being filled */
	size_t next_size;
};

struct kma_arena *kma_arena_new(void)
{
	struct kma_arena *arena = calloc(1, sizeof(*arena));

	if (arena)
		arena->next_size = FIRST_CHUNK;
	return arena;
}

void kma_arena_free(struct kma_arena *arena)
{
	struct chunk *chunk, *next;

	if (!arena)
		return;
	for (chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

static struct chunk *new_chunk(size_t size)
{
	struct chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + size);
	if (chunk)
		chunk->size = size;
	return chunk;
}

void *kma_arena_alloc(struct kma_arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	void *piece;

	if (size > SIZE_MAX - ALIGNMENT)
		return NULL;
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!size)
		size = ALIGNMENT;

	if (!chunk || chunk->size - chunk->used < size) {
		size_t want = size > arena->next_size / 2 ? size : arena->next_size;

		chunk = new_chunk(want);
		if (!chunk)
			return NULL;
		if (want == size && arena->chunks) {
			/* A large piece gets a chunk of its own; the open chunk stays open. */
			chunk->used = size;
			chunk->next = arena->chunks->next;
			arena->chunks->next = chunk;
			return chunk->bytes;
		}
		chunk->next = arena->chunks;
		arena->chunks = chunk;
		if (arena->next_size < LARGEST_CHUNK)
			arena->next_size *= 2;
	}

	piece = chunk->bytes + chunk->used;
	chunk->used += size;
	return piece;
}

/* The chunk that is all of the piece, if there is one. */
static void drop_own_chunk(struct kma_arena *arena, const void *piece, size_t size)
{
	for (struct chunk **link = &arena->chunks; *link; link = &(*link)->next) {
		struct chunk *chunk = *link;

		if (chunk->bytes != piece)
			continue;
		if (chunk->size == (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT) {
			*link = chunk->next;
			free(chunk);
		}
		return;
	}
}

void *kma_arena_grow(struct kma_arena *arena, void *piece, size_t size, size_t larger)
{
	void *grown = kma_arena_alloc(arena, larger);

	if (!grown || !size)
		return grown;
	memcpy(grown, piece, size);
	/* smaller ones are not worth the search */
	if (size >= LARGEST_CHUNK / 2)
		drop_own_chunk(arena, piece, size);
	return grown;
}

static char *copy_bytes(struct kma_arena *arena, const char *s, size_t len)
{
	char *copy = kma_arena_alloc(arena, len + 1);

	if (copy)
		memcpy(copy, s, len);
	return copy;
}

char *kma_arena_strndup(struct kma_arena *arena, const char *s, size_t n)
{
	return copy_bytes(arena, s, strnlen(s, n));
}

char *kma_arena_strdup(struct kma_arena *arena, const char *s)
{
	return copy_bytes(arena, s, strlen(s));
}

char *kma_arena_vprintf(struct kma_arena *arena, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		return NULL;
	text = kma_arena_alloc(arena, (size_t)len + 1);
	if (text)
		vsnprintf(text, (size_t)len + 1, fmt, ap);
	return text;
}

char *kma_arena_printf(struct kma_arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = kma_arena_vprintf(arena, fmt, ap);
	va_end(ap);
	return text;
}
