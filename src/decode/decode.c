/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a record's bytes to a typed event; see decode.h. */
#include "decode/decode.h"

static uint32_t intern(struct kma_strings *strings, struct kma_string_cache *cache,
		       const struct kma_record *record, uint32_t offset, uint32_t length)
{
	if (offset > record->size || length > record->size - offset)
		return KMA_STRING_NONE;
	return kma_strings_intern_cached(strings, cache, (const char *)record->data + offset,
					 length);
}

bool kma_decode(const struct kma_schema *schema, const struct kma_plan *plan,
		const struct kma_record *record, struct kma_strings *strings,
		struct kma_string_cache *cache, struct kma_event *event)
{
	bool swap = schema->swap;

	if (record->size < plan->min_size)
		return false;
	if (plan->clear)
		memset(event->words, 0, sizeof(event->words));
	event->kind = plan->kind;
	event->pid = kma_record_pid(schema, record);
	for (unsigned int i = 0; i < plan->nr_steps; i++) {
		const struct kma_step *step = &plan->steps[i];
		const uint8_t *from = record->data + step->from;
		uint8_t *to = (uint8_t *)event + step->to;
		uint64_t value;
		uint32_t word;

		switch ((enum kma_load)step->load) {
		case KMA_LOAD_8:
			value = *from;
			break;
		case KMA_LOAD_S8:
			value = (uint64_t)(int8_t)*from;
			break;
		case KMA_LOAD_16:
			value = kma_get16(from, swap);
			break;
		case KMA_LOAD_S16:
			value = (uint64_t)(int16_t)kma_get16(from, swap);
			break;
		case KMA_LOAD_32:
			value = kma_get32(from, swap);
			break;
		case KMA_LOAD_S32:
			value = (uint64_t)(int32_t)kma_get32(from, swap);
			break;
		case KMA_LOAD_64:
			value = kma_get64(from, swap);
			break;
		case KMA_LOAD_WORDS:
			for (unsigned int at = 0; at < step->length; at += 8)
				memcpy(to + at, from + at, 8);
			continue;
		case KMA_LOAD_DATA_LOC:
			word = kma_get32(from, swap);
			value = intern(strings, cache, record, word & 0xffff, word >> 16);
			break;
		case KMA_LOAD_REL_LOC:
			word = kma_get32(from, swap);
			value = intern(strings, cache, record, step->from + 4 + (word & 0xffff),
				       word >> 16);
			break;
		case KMA_LOAD_CHARS:
		default:
			value = intern(strings, cache, record, step->from, step->length);
			break;
		}
		if (step->wide) {
			memcpy(to, &value, 8);
		} else {
			word = (uint32_t)value;
			memcpy(to, &word, 4);
		}
	}
	if (plan->derive_refill)
		event->pcpu_page.percpu_refill = event->pcpu_page.order == 0;
	return true;
}

size_t kma_decode_stack(const struct kma_schema *schema, const struct kma_record *record,
			uint64_t *to, size_t max)
{
	size_t nr = 0, word = schema->long_size;

	if (record->size < schema->stack_offset)
		return 0;
	for (const uint8_t *p = record->data + schema->stack_offset;
	     nr < max && (size_t)(record->data + record->size - p) >= word; p += word) {
		uint64_t end = word == 8 ? UINT64_MAX : UINT32_MAX;
		uint64_t address = word == 8 ? kma_get64(p, schema->swap)
					     : kma_get32(p, schema->swap);

		if (!address || address == end)
			break;
		to[nr++] = address;
	}
	return nr;
}
