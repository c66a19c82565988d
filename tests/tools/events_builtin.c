// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fields of the kernel's memory events: Linux 6.12, plus the proposed zone lock events. Must
 * not know other kernels' layouts: a scenario declares those itself.
 */
#include <stddef.h>
#include <string.h>

#include "events_builtin.h"

#define GFP(flag, name) "{(unsigned long)((gfp_t)" flag "), \"" name "\"}"
#define GFP_NAMES \
	GFP("0x100ccau", "GFP_HIGHUSER_MOVABLE") ", " GFP("0x100cc0u", "GFP_USER") ", " \
	GFP("0x400cc0u", "GFP_KERNEL_ACCOUNT") ", " GFP("0xcc0u", "GFP_KERNEL") ", " \
	GFP("0xc40u", "GFP_NOFS") ", " GFP("0x820u", "GFP_ATOMIC") ", " \
	GFP("0x2800u", "GFP_NOWAIT") ", " GFP("0x08u", "__GFP_MOVABLE") ", " \
	GFP("0x10u", "__GFP_RECLAIMABLE") ", " GFP("0x100u", "__GFP_ZERO") ", " \
	GFP("0x2000u", "__GFP_NOWARN") ", " GFP("0x40000u", "__GFP_COMP") ", " \
	GFP("0x400000u", "__GFP_ACCOUNT") ", " GFP("0x200000u", "__GFP_THISNODE")
#define GFP_PRINT \
	"(REC->gfp_flags) ? __print_flags(REC->gfp_flags, \"|\", " GFP_NAMES ") : \"none\""

#define PFN_OR_ZERO "REC->pfn != -1UL ? REC->pfn : 0"
#define ORDER_TYPE_PRINT \
	"\"pfn=0x%lx order=%d migratetype=%d\", REC->pfn, REC->order, REC->migratetype"
#define ORDER_TYPE "unsigned long pfn, unsigned int order, int migratetype"
#define SLAB_ALLOC \
	"unsigned long call_site, const void * ptr, size_t bytes_req, size_t bytes_alloc, " \
	"unsigned long gfp_flags, int node"
#define SLAB_PRINT(more_format, more) \
	"\"call_site=%pS ptr=%p bytes_req=%zu bytes_alloc=%zu gfp_flags=%s node=%d" more_format \
	"\", (void *)REC->call_site, REC->ptr, REC->bytes_req, REC->bytes_alloc, " GFP_PRINT \
	", REC->node" more
#define SLAB_NODE_OLD \
	"unsigned long call_site, const void * ptr, size_t bytes_req, size_t bytes_alloc, " \
	"gfp_t gfp_flags, int node"
#define ZONE_LOCK "int node_id, __data_loc char[] name, int count"
#define ZONE_LOCK_PRINT \
	"\"node=%d zone=%-8s count=%-5d caller=%pS\", REC->node_id, __get_str(name), " \
	"REC->count, (void *)REC->caller"
#define ZONE_PCP "int nid, int zid, int nr_pages"
#define ZONE_POINTER "struct zone *zone, bool success"
#define PAGE_REF \
	"unsigned long pfn, unsigned long flags, int count, int mapcount, void * mapping, " \
	"int mt, int val"
#define CMA_PAGE \
	"__data_loc char[] name, unsigned long pfn, const struct page * page, unsigned long count"
#define MIGRATE_MODE "enum migrate_mode mode, int reason"
#define PTE "unsigned long addr, unsigned long pte, int order"

/* The default pageblock order of x86-64; readers find it nowhere but in this text. */
#define PAGEBLOCK "(9 < 10 ? 9 : 10)"

static const struct builtin_event events[] = {
	{ "ftrace", "print", 5, "unsigned long ip, char buf[]",
	  "\"%ps: %s\", (void *)REC->ip, REC->buf" },

	{ "kmem", "kmalloc", 0, SLAB_ALLOC,
	  SLAB_PRINT(" accounted=%s", ", (1 && (REC->gfp_flags & "
		     "(unsigned long)((gfp_t)0x400000u))) ? \"true\" : \"false\"") },
	{ "kmem", "kmem_cache_alloc", 0, SLAB_ALLOC ", bool accounted",
	  SLAB_PRINT(" accounted=%s", ", REC->accounted ? \"true\" : \"false\"") },
	{ "kmem", "kmalloc_node", 0, SLAB_NODE_OLD, SLAB_PRINT("", "") },
	{ "kmem", "kmem_cache_alloc_node", 0, SLAB_NODE_OLD, SLAB_PRINT("", "") },
	{ "kmem", "kfree", 0, "unsigned long call_site, const void * ptr", NULL },
	{ "kmem", "kmem_cache_free", 0,
	  "unsigned long call_site, const void * ptr, __data_loc char[] name", NULL },
	{ "kmem", "mm_page_alloc", 0,
	  "unsigned long pfn, unsigned int order, unsigned long gfp_flags, int migratetype",
	  "\"pfn=0x%lx order=%d migratetype=%d gfp_flags=%s\", " PFN_OR_ZERO
	  ", REC->order, REC->migratetype, " GFP_PRINT },
	{ "kmem", "mm_page_free", 0, "unsigned long pfn, unsigned int order",
	  "\"pfn=0x%lx order=%d\", REC->pfn, REC->order" },
	{ "kmem", "mm_page_free_batched", 0, "unsigned long pfn", NULL },
	{ "kmem", "mm_page_alloc_zone_locked", 0, ORDER_TYPE ", int percpu_refill",
	  "\"pfn=0x%lx order=%u migratetype=%d percpu_refill=%d\", " PFN_OR_ZERO
	  ", REC->order, REC->migratetype, REC->percpu_refill" },
	{ "kmem", "mm_page_pcpu_drain", 0, ORDER_TYPE, ORDER_TYPE_PRINT },
	{ "kmem", "mm_page_pcpu_refill", 0, ORDER_TYPE, ORDER_TYPE_PRINT },
	{ "kmem", "mm_page_pcpu_refill_zone_locked", 0, ZONE_PCP, NULL },
	{ "kmem", "mm_page_pcpu_drain_zone_locked", 0, ZONE_PCP, NULL },
	{ "kmem", "mm_zone_lock_contended", 0, ZONE_LOCK ", unsigned long caller",
	  ZONE_LOCK_PRINT },
	{ "kmem", "mm_zone_locked", 0,
	  ZONE_LOCK ", bool contended, unsigned long caller, u64 wait_ns",
	  "\"node=%d zone=%-8s count=%-5d contended=%d caller=%pS wait=%llu ns\", REC->node_id, "
	  "__get_str(name), REC->count, REC->contended, (void *)REC->caller, REC->wait_ns" },
	{ "kmem", "mm_zone_lock_unlock", 0, ZONE_LOCK ", unsigned long caller", ZONE_LOCK_PRINT },
	{ "kmem", "mm_page_alloc_extfrag", 0,
	  "unsigned long pfn, int alloc_order, int fallback_order, int alloc_migratetype, "
	  "int fallback_migratetype, int change_ownership",
	  "\"pfn=0x%lx alloc_order=%d fallback_order=%d pageblock_order=%d alloc_migratetype=%d "
	  "fallback_migratetype=%d fragmenting=%d change_ownership=%d\", REC->pfn, "
	  "REC->alloc_order, REC->fallback_order, " PAGEBLOCK ", REC->alloc_migratetype, "
	  "REC->fallback_migratetype, REC->fallback_order < " PAGEBLOCK ", REC->change_ownership" },
	{ "kmem", "mm_alloc_contig_migrate_range_info", 0,
	  "unsigned long start, unsigned long end, unsigned long nr_migrated, "
	  "unsigned long nr_reclaimed, unsigned long nr_mapped, int migratetype", NULL },
	{ "kmem", "rss_stat", 0, "unsigned int mm_id, unsigned int curr, int member, long size",
	  "\"mm_id=%u curr=%d type=%s size=%ldB\", REC->mm_id, REC->curr, "
	  "__print_symbolic(REC->member, { 0, \"MM_FILEPAGES\" }, { 1, \"MM_ANONPAGES\" }, "
	  "{ 2, \"MM_SWAPENTS\" }, { 3, \"MM_SHMEMPAGES\" }), REC->size" },

	{ "percpu", "percpu_alloc_percpu", 0,
	  "unsigned long call_site, bool reserved, bool is_atomic, size_t size, size_t align, "
	  "void * base_addr, int off, void * ptr, size_t bytes_alloc, unsigned long gfp_flags",
	  "\"call_site=%pS reserved=%d is_atomic=%d size=%zu align=%zu base_addr=%p off=%d ptr=%p "
	  "bytes_alloc=%zu gfp_flags=%s\", (void *)REC->call_site, REC->reserved, REC->is_atomic, "
	  "REC->size, REC->align, REC->base_addr, REC->off, REC->ptr, REC->bytes_alloc, "
	  GFP_PRINT },
	{ "percpu", "percpu_free_percpu", 0, "void * base_addr, int off, void * ptr", NULL },
	{ "percpu", "percpu_alloc_percpu_fail", 0,
	  "bool reserved, bool is_atomic, size_t size, size_t align", NULL },
	{ "percpu", "percpu_create_chunk", 0, "void * base_addr", NULL },
	{ "percpu", "percpu_destroy_chunk", 0, "void * base_addr", NULL },

	{ "page_ref", "page_ref_set", 0, PAGE_REF, NULL },
	{ "page_ref", "page_ref_mod", 0, PAGE_REF, NULL },
	{ "page_ref", "page_ref_mod_and_test", 0, PAGE_REF ", int ret", NULL },
	{ "page_ref", "page_ref_mod_and_return", 0, PAGE_REF ", int ret", NULL },
	{ "page_ref", "page_ref_mod_unless", 0, PAGE_REF ", int ret", NULL },
	{ "page_ref", "page_ref_freeze", 0, PAGE_REF ", int ret", NULL },
	{ "page_ref", "page_ref_unfreeze", 0, PAGE_REF, NULL },

	{ "page_isolation", "test_pages_isolated", 0,
	  "unsigned long start_pfn, unsigned long end_pfn, unsigned long fin_pfn",
	  "\"start_pfn=0x%lx end_pfn=0x%lx fin_pfn=0x%lx ret=%s\", REC->start_pfn, REC->end_pfn, "
	  "REC->fin_pfn, REC->end_pfn <= REC->fin_pfn ? \"success\" : \"fail\"" },

	{ "cma", "cma_alloc_start", 0,
	  "__data_loc char[] name, unsigned long count, unsigned int align", NULL },
	{ "cma", "cma_alloc_finish", 0, CMA_PAGE ", unsigned int align, int errorno", NULL },
	{ "cma", "cma_alloc_busy_retry", 0, CMA_PAGE ", unsigned int align", NULL },
	{ "cma", "cma_release", 0, CMA_PAGE, NULL },

	{ "migrate", "mm_migrate_pages_start", 0, MIGRATE_MODE, NULL },
	{ "migrate", "mm_migrate_pages", 0,
	  "unsigned long succeeded, unsigned long failed, unsigned long thp_succeeded, "
	  "unsigned long thp_failed, unsigned long thp_split, unsigned long large_folio_split, "
	  MIGRATE_MODE, NULL },
	{ "migrate", "set_migration_pte", 0, PTE, NULL },
	{ "migrate", "remove_migration_pte", 0, PTE, NULL },

	{ "lock", "contention_begin", 0, "void * lock_addr, unsigned int flags",
	  "\"%p (flags=%s)\", REC->lock_addr, __print_flags(REC->flags, \"|\", "
	  "{ (1U << 0), \"SPIN\" }, { (1U << 1), \"READ\" }, { (1U << 2), \"WRITE\" }, "
	  "{ (1U << 3), \"RT\" }, { (1U << 4), \"PERCPU\" }, { (1U << 5), \"MUTEX\" } )" },
	{ "lock", "contention_end", 0, "void * lock_addr, int ret",
	  "\"%p (ret=%d)\", REC->lock_addr, REC->ret" },

	{ "zone_lock", "zone_lock_start_locking", 0, ZONE_POINTER, NULL },
	{ "zone_lock", "zone_lock_acquire_returned", 0, ZONE_POINTER, NULL },
	{ "zone_lock", "zone_lock_released", 0, ZONE_POINTER, NULL },
};

const struct builtin_event *builtin_event(const char *system, const char *name)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (!strcmp(events[i].name, name) && (!system || !strcmp(events[i].system, system)))
			return &events[i];
	return NULL;
}
