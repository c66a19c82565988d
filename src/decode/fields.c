/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The field tables; see fields.h. */
#include "fields.h"

#define TO(member) offsetof(struct kma_event, member)
#define U32(name, member) { name, KMA_FIELD_U32, TO(member), -1 }
#define U64(name, member) { name, KMA_FIELD_U64, TO(member), -1 }
#define STRING(name, member) { name, KMA_FIELD_STRING, TO(member), -1 }
#define U32_OPTIONAL(bit, name, member) { name, KMA_FIELD_U32, TO(member), bit }

static const struct kma_field zone_lock_fields[] = {
	U32("node_id", zone_lock.node_id),
	STRING("name", zone_lock.name),
	U32("count", zone_lock.count),
	U64("caller", zone_lock.caller),
	{ 0 },
};

static const struct kma_field zone_locked_fields[] = {
	U32("node_id", zone_lock.node_id),
	STRING("name", zone_lock.name),
	U32("count", zone_lock.count),
	U32("contended", zone_lock.contended),
	U64("caller", zone_lock.caller),
	U64("wait_ns", zone_lock.wait_ns),
	{ 0 },
};

static const struct kma_field zone_lock_alt_fields[] = {
	U64("zone", zone_lock_alt.zone),
	U32_OPTIONAL(0, "success", zone_lock_alt.success),
	{ 0 },
};

static const struct kma_field pcpu_page_fields[] = {
	U64("pfn", pcpu_page.pfn),
	U32("order", pcpu_page.order),
	U32("migratetype", pcpu_page.migratetype),
	{ 0 },
};

static const struct kma_field page_alloc_zone_locked_fields[] = {
	U64("pfn", pcpu_page.pfn),
	U32("order", pcpu_page.order),
	U32("migratetype", pcpu_page.migratetype),
	U32_OPTIONAL(0, "percpu_refill", pcpu_page.percpu_refill),
	{ 0 },
};

static const struct kma_field pcpu_zone_locked_fields[] = {
	U32("nid", pcpu_zone_locked.nid),
	U32("zid", pcpu_zone_locked.zid),
	U32("nr_pages", pcpu_zone_locked.nr_pages),
	{ 0 },
};

const struct kma_field *const kma_fields[KMA_NR_KINDS] = {
	[KMA_ZONE_LOCK_CONTENDED] = zone_lock_fields,
	[KMA_ZONE_LOCKED] = zone_locked_fields,
	[KMA_ZONE_LOCK_UNLOCK] = zone_lock_fields,
	[KMA_ZONE_LOCK_START_LOCKING] = zone_lock_alt_fields,
	[KMA_ZONE_LOCK_ACQUIRE_RETURNED] = zone_lock_alt_fields,
	[KMA_ZONE_LOCK_RELEASED] = zone_lock_alt_fields,
	[KMA_PCPU_REFILL] = pcpu_page_fields,
	[KMA_PCPU_DRAIN] = pcpu_page_fields,
	[KMA_PCPU_REFILL_ZONE_LOCKED] = pcpu_zone_locked_fields,
	[KMA_PCPU_DRAIN_ZONE_LOCKED] = pcpu_zone_locked_fields,
	[KMA_PAGE_ALLOC_ZONE_LOCKED] = page_alloc_zone_locked_fields,
};
