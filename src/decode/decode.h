/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a record's bytes to a typed event. Pure but for the interned strings; every access is inside
 * the record.
 */
#ifndef KMA_DECODE_DECODE_H
#define KMA_DECODE_DECODE_H

#include "decode/page.h"
#include "decode/schema.h"
#include "decode/strings.h"

static inline uint16_t kma_record_id(const struct kma_schema *schema,
				     const struct kma_record *record)
{
	return kma_get16(record->data + schema->type_offset, schema->swap);
}

static inline int32_t kma_record_pid(const struct kma_schema *schema,
				     const struct kma_record *record)
{
	return (int32_t)kma_get32(record->data + schema->pid_offset, schema->swap);
}

/* Shorter than this, a record has no id and no pid. */
static inline uint32_t kma_record_min(const struct kma_schema *schema)
{
	uint32_t type_end = schema->type_offset + 2u, pid_end = schema->pid_offset + 4u;

	return type_end > pid_end ? type_end : pid_end;
}

/*
 * Fills kind, pid and the kind's own fields of @event. False if the record is shorter than its
 * format says.
 * @record is at least kma_record_min() long.
 */
bool kma_decode(const struct kma_schema *schema, const struct kma_plan *plan,
		const struct kma_record *record, struct kma_strings *strings,
		struct kma_string_cache *cache, struct kma_event *event);

/*
 * Copies the addresses of a kernel_stack record to @to, at most @max, and returns how many. The end
 * mark (all ones) and what is behind it are left out.
 */
size_t kma_decode_stack(const struct kma_schema *schema, const struct kma_record *record,
			uint64_t *to, size_t max);

#endif
