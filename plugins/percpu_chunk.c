/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-CPU allocator: which areas are live, and in which chunk. An area is known by its chunk's
 * base address and its offset. Knows nothing of counters beyond those, nor of the report.
 */
#include <stdlib.h>

#include "percpu_internal.h"

static uint64_t key_of(uint32_t chunk, uint32_t off)
{
	return (uint64_t)chunk << 32 | off;
}

/* ---- objects ---- */

static int add_objects(struct kma_state *state)
{
	uint32_t nr = state->max_objects ? 2 * state->max_objects : 256;
	struct percpu_object *objects = reallocarray(state->objects, nr, sizeof(*objects));

	if (!objects)
		return -1;
	state->objects = objects;
	state->max_objects = nr;
	return 0;
}

/* Its number; the caller has made sure that there is room. */
static uint32_t take_object(struct kma_state *state)
{
	uint32_t number = state->unused;

	if (number == PERCPU_NONE)
		return state->nr_objects++;
	state->unused = state->objects[number].next;
	return number;
}

static void link_object(struct kma_state *state, struct percpu_chunk *chunk, uint32_t number)
{
	struct percpu_object *object = &state->objects[number];

	object->prev = PERCPU_NONE;
	object->next = chunk->head;
	if (chunk->head != PERCPU_NONE)
		state->objects[chunk->head].prev = number;
	chunk->head = number;
}

static void unlink_object(struct kma_state *state, struct percpu_chunk *chunk,
			  const struct percpu_object *object)
{
	if (object->prev != PERCPU_NONE)
		state->objects[object->prev].next = object->next;
	else
		chunk->head = object->next;
	if (object->next != PERCPU_NONE)
		state->objects[object->next].prev = object->prev;
}

/* The area is live no more. Its record stays readable until the next one begins. */
static struct percpu_object *end_object(struct kma_state *state, uint32_t number)
{
	struct percpu_object *object = &state->objects[number];
	struct percpu_chunk *chunk = &state->chunks[object->chunk];
	struct percpu_group *group = &state->groups[object->group];

	kma_u64map_remove(&state->index, key_of(object->chunk, object->off), NULL);
	unlink_object(state, chunk, object);
	chunk->live--;
	chunk->live_size -= group->size;
	group->live--;
	group->live_bytes -= object->bytes;
	state->live--;
	state->live_size -= group->size;
	state->live_bytes -= object->bytes;
	object->next = state->unused;
	state->unused = number;
	return object;
}

/* Its end is only concluded from what came later. */
static void miss_object(struct kma_state *state, uint32_t number)
{
	struct percpu_object *object = end_object(state, number);

	state->missed++;
	state->groups[object->group].missed++;
	state->chunks[object->chunk].missed++;
}

/* ---- chunks ---- */

static int add_chunks(struct kma_state *state)
{
	uint32_t nr = state->max_chunks ? 2 * state->max_chunks : 16;
	struct percpu_chunk *chunks = reallocarray(state->chunks, nr, sizeof(*chunks));
	uint32_t *slots;

	if (!chunks)
		return -1;
	state->chunks = chunks;
	slots = reallocarray(state->free_slots, nr, sizeof(*slots));
	if (!slots)
		return -1;
	state->free_slots = slots;
	state->max_chunks = nr;
	return 0;
}

int percpu_chunk_find(struct kma_state *state, uint64_t base_addr, uint64_t ts, uint32_t *number)
{
	uint64_t *place;

	*number = PERCPU_NONE;
	if (base_addr == KMA_U64MAP_FREE)
		return 0;
	place = kma_u64map_get(&state->chunk_index, base_addr);
	if (place) {
		*number = (uint32_t)*place;
		state->chunks[*number].last_ts = ts;
		return 0;
	}
	if (state->nr_free_slots) {
		*number = state->free_slots[--state->nr_free_slots];
	} else {
		if (state->nr_chunks == PERCPU_MAX_CHUNKS)
			return 0;
		if (state->nr_chunks == state->max_chunks && add_chunks(state))
			return -1;
		*number = state->nr_chunks++;
	}
	state->chunks[*number] = (struct percpu_chunk){
		.base_addr = base_addr,
		.first_ts = ts,
		.last_ts = ts,
		.head = PERCPU_NONE,
		.in_use = true,
	};
	return kma_u64map_put(&state->chunk_index, base_addr, *number, NULL);
}

static void touch(struct percpu_chunk *chunk, uint32_t low, uint32_t high)
{
	if (!chunk->touched || low < chunk->low)
		chunk->low = low;
	if (!chunk->touched || high > chunk->high)
		chunk->high = high;
	chunk->touched = true;
}

/* The chunk is gone, and with it all that was live in it. */
static void retire_chunk(struct kma_state *state, uint32_t number)
{
	struct percpu_chunk *chunk = &state->chunks[number];

	while (chunk->head != PERCPU_NONE)
		miss_object(state, chunk->head);
	kma_u64map_remove(&state->chunk_index, chunk->base_addr, NULL);
	state->past[state->nr_past++ % PERCPU_MAX_PAST] = *chunk;
	chunk->in_use = false;
	state->free_slots[state->nr_free_slots++] = number;
}

int percpu_chunk_create(struct kma_state *state, const struct kma_event *e)
{
	uint64_t *known = NULL;
	uint32_t number;

	if (e->percpu_chunk.base_addr != KMA_U64MAP_FREE)
		known = kma_u64map_get(&state->chunk_index, e->percpu_chunk.base_addr);
	/* another chunk had this address: its end was not seen */
	if (known)
		retire_chunk(state, (uint32_t)*known);
	if (percpu_chunk_find(state, e->percpu_chunk.base_addr, e->ts, &number))
		return -1;
	if (number == PERCPU_NONE)
		return 0;
	state->chunks[number].created = true;
	/* all of it is visible, from its first byte */
	touch(&state->chunks[number], 0, 0);
	return 0;
}

int percpu_chunk_destroy(struct kma_state *state, const struct kma_event *e)
{
	uint32_t number;

	if (percpu_chunk_find(state, e->percpu_chunk.base_addr, e->ts, &number))
		return -1;
	if (number == PERCPU_NONE)
		return 0;
	state->chunks[number].destroyed = true;
	retire_chunk(state, number);
	return 0;
}

/* ---- allocations and frees ---- */

int percpu_object_begin(struct kma_state *state, const struct kma_event *e, uint32_t group)
{
	const struct kma_percpu_alloc *alloc = &e->percpu_alloc;
	uint32_t off = (uint32_t)alloc->off, chunk_number, number;
	struct percpu_chunk *chunk = NULL;
	uint64_t *was;

	if (percpu_chunk_find(state, alloc->base_addr, e->ts, &chunk_number))
		return -1;
	if (chunk_number != PERCPU_NONE) {
		chunk = &state->chunks[chunk_number];
		chunk->allocs++;
		touch(chunk, off, alloc->size > UINT32_MAX - off ? UINT32_MAX : off + alloc->size);
		was = kma_u64map_get(&state->index, key_of(chunk_number, off));
		if (was)
			miss_object(state, (uint32_t)*was);
	}
	if (chunk_number == PERCPU_NONE || !group || state->live == PERCPU_MAX_OBJECTS) {
		state->unfollowed++;
		return 0;
	}
	if (state->unused == PERCPU_NONE && state->nr_objects == state->max_objects &&
	    add_objects(state))
		return -1;
	number = take_object(state);
	if (kma_u64map_put(&state->index, key_of(chunk_number, off), number, NULL))
		return -1;
	state->objects[number] = (struct percpu_object){
		.ts = e->ts,
		.off = off,
		.group = group,
		.bytes = state->has_bytes ? alloc->bytes_alloc : 0,
		.chunk = (uint16_t)chunk_number,
		.cpu = e->cpu < UINT16_MAX ? (uint16_t)e->cpu : UINT16_MAX,
	};
	link_object(state, chunk, number);
	chunk->live++;
	chunk->live_size += alloc->size;
	if (chunk->live_size > chunk->peak_size)
		chunk->peak_size = chunk->live_size;
	state->groups[group].live++;
	state->groups[group].live_bytes += state->objects[number].bytes;
	state->live++;
	state->live_size += alloc->size;
	state->live_bytes += state->objects[number].bytes;
	if (state->live > state->live_max)
		state->live_max = state->live;
	return 0;
}

int percpu_object_end(struct kma_state *state, const struct kma_event *e)
{
	uint32_t off = (uint32_t)e->percpu_chunk.off, chunk_number;
	struct percpu_object *object;
	struct percpu_group *group;
	uint64_t *number, life;

	if (percpu_chunk_find(state, e->percpu_chunk.base_addr, e->ts, &chunk_number))
		return -1;
	if (chunk_number == PERCPU_NONE) {
		state->unknown++;
		return 0;
	}
	state->chunks[chunk_number].frees++;
	touch(&state->chunks[chunk_number], off, off);
	number = kma_u64map_get(&state->index, key_of(chunk_number, off));
	if (!number) {
		state->unknown++;
		state->chunks[chunk_number].unknown++;
		return 0;
	}
	object = end_object(state, (uint32_t)*number);
	group = &state->groups[object->group];
	life = e->ts > object->ts ? e->ts - object->ts : 0;
	group->frees++;
	if (life > group->life_max)
		group->life_max = life;
	if (object->cpu != e->cpu)
		state->crossed++;
	return kma_histogram_add(&state->lifetimes, life, 1);
}
