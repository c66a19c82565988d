/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The field tables; see fields.h. */
#include "fields.h"

#define TO(member) offsetof(struct kma_event, member)
#define U32(name, member)                                \
	{                                                \
		name, KMA_FIELD_U32, TO(member), 0, NULL \
	}
#define U64(name, member)                                \
	{                                                \
		name, KMA_FIELD_U64, TO(member), 0, NULL \
	}
#define STRING(name, member)                                \
	{                                                   \
		name, KMA_FIELD_STRING, TO(member), 0, NULL \
	}
#define U32_OPTIONAL(bit, name, member)                    \
	{                                                  \
		name, KMA_FIELD_U32, TO(member), bit, NULL \
	}
#define U64_OPTIONAL(bit, name, member)                    \
	{                                                  \
		name, KMA_FIELD_U64, TO(member), bit, NULL \
	}
#define STRING_OPTIONAL(bit, name, member)                    \
	{                                                     \
		name, KMA_FIELD_STRING, TO(member), bit, NULL \
	}
/* old kernels gave the struct page's address, newer ones give its number */
#define PFN(member)                                                   \
	{                                                             \
		"pfn", KMA_FIELD_U64, TO(member), KMA_HAS_PFN, "page" \
	}

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
	U32_OPTIONAL(KMA_HAS_SUCCESS, "success", zone_lock_alt.success),
	{ 0 },
};

static const struct kma_field pcpu_page_fields[] = {
	PFN(pcpu_page.pfn),
	U32("order", pcpu_page.order),
	U32("migratetype", pcpu_page.migratetype),
	{ 0 },
};

static const struct kma_field page_alloc_zone_locked_fields[] = {
	PFN(pcpu_page.pfn),
	U32("order", pcpu_page.order),
	U32("migratetype", pcpu_page.migratetype),
	U32_OPTIONAL(KMA_HAS_PERCPU_REFILL, "percpu_refill", pcpu_page.percpu_refill),
	{ 0 },
};

static const struct kma_field pcpu_zone_locked_fields[] = {
	U32("nid", pcpu_zone_locked.nid),
	U32("zid", pcpu_zone_locked.zid),
	U32("nr_pages", pcpu_zone_locked.nr_pages),
	{ 0 },
};

static const struct kma_field page_alloc_fields[] = {
	PFN(page.pfn),
	U32("order", page.order),
	U32("gfp_flags", page.gfp_flags),
	U32("migratetype", page.migratetype),
	{ 0 },
};

static const struct kma_field page_free_fields[] = {
	PFN(page.pfn),
	U32("order", page.order),
	{ 0 },
};

static const struct kma_field page_free_batched_fields[] = {
	PFN(page.pfn),
	{ 0 },
};

static const struct kma_field extfrag_fields[] = {
	{ "pfn", KMA_FIELD_U64, TO(extfrag.pfn), KMA_HAS_PFN, "page" },
	U32("alloc_order", extfrag.alloc_order),
	U32("fallback_order", extfrag.fallback_order),
	U32("alloc_migratetype", extfrag.alloc_migratetype),
	U32("fallback_migratetype", extfrag.fallback_migratetype),
	U32_OPTIONAL(KMA_HAS_CHANGE_OWNERSHIP, "change_ownership", extfrag.change_ownership),
	{ 0 },
};

static const struct kma_field slab_alloc_fields[] = {
	U64("call_site", slab_alloc.call_site),
	U64("ptr", slab_alloc.ptr),
	U32("bytes_req", slab_alloc.bytes_req),
	U32("bytes_alloc", slab_alloc.bytes_alloc),
	U32("gfp_flags", slab_alloc.gfp_flags),
	U32_OPTIONAL(KMA_HAS_NODE, "node", slab_alloc.node),
	STRING_OPTIONAL(KMA_HAS_NAME, "name", slab_alloc.name),
	{ 0 },
};

static const struct kma_field slab_free_fields[] = {
	U64("call_site", slab_free.call_site),
	U64("ptr", slab_free.ptr),
	STRING_OPTIONAL(KMA_HAS_NAME, "name", slab_free.name),
	{ 0 },
};

static const struct kma_field percpu_alloc_fields[] = {
	U64("base_addr", percpu_alloc.base_addr),
	U32("off", percpu_alloc.off),
	U32("size", percpu_alloc.size),
	U64("ptr", percpu_alloc.ptr),
	U64_OPTIONAL(KMA_HAS_CALL_SITE, "call_site", percpu_alloc.call_site),
	U32_OPTIONAL(KMA_HAS_BYTES_ALLOC, "bytes_alloc", percpu_alloc.bytes_alloc),
	U32_OPTIONAL(KMA_HAS_GFP_FLAGS, "gfp_flags", percpu_alloc.gfp_flags),
	{ 0 },
};

static const struct kma_field percpu_free_fields[] = {
	U64("base_addr", percpu_chunk.base_addr),
	U32("off", percpu_chunk.off),
	U64("ptr", percpu_chunk.ptr),
	{ 0 },
};

static const struct kma_field percpu_chunk_fields[] = {
	U64("base_addr", percpu_chunk.base_addr),
	{ 0 },
};

static const struct kma_field percpu_fail_fields[] = {
	U32("size", percpu_fail.size),
	U32("align", percpu_fail.align),
	U32("reserved", percpu_fail.reserved),
	U32("is_atomic", percpu_fail.is_atomic),
	{ 0 },
};

#define PAGE_REF                                                                                  \
	U64("pfn", page_ref.pfn), U64("mapping", page_ref.mapping), U32("count", page_ref.count), \
		U32("mapcount", page_ref.mapcount), U32("val", page_ref.val),                     \
		U32("mt", page_ref.mt), U32("flags", page_ref.flags)

static const struct kma_field page_ref_fields[] = {
	PAGE_REF,
	{ 0 },
};

static const struct kma_field page_ref_ret_fields[] = {
	PAGE_REF,
	U32("ret", page_ref.ret),
	{ 0 },
};

static const struct kma_field isolation_fields[] = {
	U64("start_pfn", isolation.start_pfn),
	U64("end_pfn", isolation.end_pfn),
	U64("fin_pfn", isolation.fin_pfn),
	{ 0 },
};

/* since 5.13 the events of an area tell its name */
#define CMA_NAME  STRING_OPTIONAL(KMA_HAS_NAME, "name", cma.name)
#define CMA_RANGE U64("pfn", cma.pfn), U64("page", cma.page), U64("count", cma.count)

static const struct kma_field cma_start_fields[] = {
	CMA_NAME,
	/* the newest kernels tell the area's pages too, and call what is asked for request_count */
	{ "count", KMA_FIELD_U64, TO(cma.count), KMA_HAS_COUNT, "request_count" },
	U32("align", cma.align),
	{ 0 },
};

static const struct kma_field cma_finish_fields[] = {
	CMA_NAME,
	CMA_RANGE,
	U32("align", cma.align),
	U32_OPTIONAL(KMA_HAS_ERRORNO, "errorno", cma.errorno),
	{ 0 },
};

static const struct kma_field cma_alloc_fields[] = {
	CMA_NAME,
	CMA_RANGE,
	U32("align", cma.align),
	{ 0 },
};

static const struct kma_field cma_release_fields[] = {
	CMA_NAME,
	CMA_RANGE,
	{ 0 },
};

static const struct kma_field migrate_start_fields[] = {
	U32("mode", migrate.mode),
	U32("reason", migrate.reason),
	{ 0 },
};

static const struct kma_field migrate_fields[] = {
	U64("succeeded", migrate.succeeded),
	U64("failed", migrate.failed),
	U32("mode", migrate.mode),
	U32("reason", migrate.reason),
	{ 0 },
};

static const struct kma_field contention_begin_fields[] = {
	U64("lock_addr", contention.lock_addr),
	U32("flags", contention.flags),
	{ 0 },
};

static const struct kma_field contention_end_fields[] = {
	U64("lock_addr", contention.lock_addr),
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
	[KMA_PAGE_ALLOC] = page_alloc_fields,
	[KMA_PAGE_FREE] = page_free_fields,
	[KMA_PAGE_FREE_BATCHED] = page_free_batched_fields,
	[KMA_PAGE_ALLOC_EXTFRAG] = extfrag_fields,
	[KMA_KMALLOC] = slab_alloc_fields,
	[KMA_KMALLOC_NODE] = slab_alloc_fields,
	[KMA_KMEM_CACHE_ALLOC] = slab_alloc_fields,
	[KMA_KMEM_CACHE_ALLOC_NODE] = slab_alloc_fields,
	[KMA_KFREE] = slab_free_fields,
	[KMA_KMEM_CACHE_FREE] = slab_free_fields,
	[KMA_PERCPU_ALLOC] = percpu_alloc_fields,
	[KMA_PERCPU_FREE] = percpu_free_fields,
	[KMA_PERCPU_ALLOC_FAIL] = percpu_fail_fields,
	[KMA_PERCPU_CREATE_CHUNK] = percpu_chunk_fields,
	[KMA_PERCPU_DESTROY_CHUNK] = percpu_chunk_fields,
	[KMA_PAGE_REF_SET] = page_ref_fields,
	[KMA_PAGE_REF_MOD] = page_ref_fields,
	[KMA_PAGE_REF_MOD_AND_TEST] = page_ref_ret_fields,
	[KMA_PAGE_REF_MOD_AND_RETURN] = page_ref_ret_fields,
	[KMA_PAGE_REF_MOD_UNLESS] = page_ref_ret_fields,
	[KMA_PAGE_REF_FREEZE] = page_ref_ret_fields,
	[KMA_PAGE_REF_UNFREEZE] = page_ref_fields,
	[KMA_TEST_PAGES_ISOLATED] = isolation_fields,
	[KMA_CMA_ALLOC_START] = cma_start_fields,
	[KMA_CMA_ALLOC_FINISH] = cma_finish_fields,
	[KMA_CMA_ALLOC_BUSY_RETRY] = cma_alloc_fields,
	[KMA_CMA_ALLOC] = cma_alloc_fields,
	[KMA_CMA_RELEASE] = cma_release_fields,
	[KMA_MIGRATE_PAGES_START] = migrate_start_fields,
	[KMA_MIGRATE_PAGES] = migrate_fields,
	[KMA_CONTENTION_BEGIN] = contention_begin_fields,
	[KMA_CONTENTION_END] = contention_end_fields,
};
