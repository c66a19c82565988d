/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an analysis sees of the trace: typed events in time order, in batches. Fields have the
 * kernel's names; integers are widened to 32 or 64 bits; strings are interned ids.
 */
#ifndef KMEM_ANALYZE_EVENT_H
#define KMEM_ANALYZE_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* Every event that is decoded: KIND(kind, system, event name). */
#define KMA_EVENT_KINDS(KIND)                                                           \
	KIND(KMA_ZONE_LOCK_CONTENDED, "kmem", "mm_zone_lock_contended")                 \
	KIND(KMA_ZONE_LOCKED, "kmem", "mm_zone_locked")                                 \
	KIND(KMA_ZONE_LOCK_UNLOCK, "kmem", "mm_zone_lock_unlock")                       \
	KIND(KMA_ZONE_LOCK_START_LOCKING, "zone_lock", "zone_lock_start_locking")       \
	KIND(KMA_ZONE_LOCK_ACQUIRE_RETURNED, "zone_lock", "zone_lock_acquire_returned") \
	KIND(KMA_ZONE_LOCK_RELEASED, "zone_lock", "zone_lock_released")                 \
	KIND(KMA_PCPU_REFILL, "kmem", "mm_page_pcpu_refill")                            \
	KIND(KMA_PCPU_DRAIN, "kmem", "mm_page_pcpu_drain")                              \
	KIND(KMA_PCPU_REFILL_ZONE_LOCKED, "kmem", "mm_page_pcpu_refill_zone_locked")    \
	KIND(KMA_PCPU_DRAIN_ZONE_LOCKED, "kmem", "mm_page_pcpu_drain_zone_locked")      \
	KIND(KMA_PAGE_ALLOC_ZONE_LOCKED, "kmem", "mm_page_alloc_zone_locked")           \
	KIND(KMA_PAGE_ALLOC, "kmem", "mm_page_alloc")                                   \
	KIND(KMA_PAGE_FREE, "kmem", "mm_page_free")                                     \
	KIND(KMA_PAGE_FREE_BATCHED, "kmem", "mm_page_free_batched")                     \
	KIND(KMA_PAGE_ALLOC_EXTFRAG, "kmem", "mm_page_alloc_extfrag")                   \
	KIND(KMA_KMALLOC, "kmem", "kmalloc")                                            \
	KIND(KMA_KMALLOC_NODE, "kmem", "kmalloc_node")                                  \
	KIND(KMA_KMEM_CACHE_ALLOC, "kmem", "kmem_cache_alloc")                          \
	KIND(KMA_KMEM_CACHE_ALLOC_NODE, "kmem", "kmem_cache_alloc_node")                \
	KIND(KMA_KFREE, "kmem", "kfree")                                                \
	KIND(KMA_KMEM_CACHE_FREE, "kmem", "kmem_cache_free")                            \
	KIND(KMA_PERCPU_ALLOC, "percpu", "percpu_alloc_percpu")                         \
	KIND(KMA_PERCPU_FREE, "percpu", "percpu_free_percpu")                           \
	KIND(KMA_PERCPU_ALLOC_FAIL, "percpu", "percpu_alloc_percpu_fail")               \
	KIND(KMA_PERCPU_CREATE_CHUNK, "percpu", "percpu_create_chunk")                  \
	KIND(KMA_PERCPU_DESTROY_CHUNK, "percpu", "percpu_destroy_chunk")                \
	KIND(KMA_PAGE_REF_SET, "page_ref", "page_ref_set")                              \
	KIND(KMA_PAGE_REF_MOD, "page_ref", "page_ref_mod")                              \
	KIND(KMA_PAGE_REF_MOD_AND_TEST, "page_ref", "page_ref_mod_and_test")            \
	KIND(KMA_PAGE_REF_MOD_AND_RETURN, "page_ref", "page_ref_mod_and_return")        \
	KIND(KMA_PAGE_REF_MOD_UNLESS, "page_ref", "page_ref_mod_unless")                \
	KIND(KMA_PAGE_REF_FREEZE, "page_ref", "page_ref_freeze")                        \
	KIND(KMA_PAGE_REF_UNFREEZE, "page_ref", "page_ref_unfreeze")                    \
	KIND(KMA_TEST_PAGES_ISOLATED, "page_isolation", "test_pages_isolated")          \
	KIND(KMA_CMA_ALLOC_START, "cma", "cma_alloc_start")                             \
	KIND(KMA_CMA_ALLOC_FINISH, "cma", "cma_alloc_finish")                           \
	KIND(KMA_CMA_ALLOC_BUSY_RETRY, "cma", "cma_alloc_busy_retry")                   \
	KIND(KMA_CMA_ALLOC, "cma", "cma_alloc")                                         \
	KIND(KMA_CMA_RELEASE, "cma", "cma_release")                                     \
	KIND(KMA_MIGRATE_PAGES_START, "migrate", "mm_migrate_pages_start")              \
	KIND(KMA_MIGRATE_PAGES, "migrate", "mm_migrate_pages")                          \
	KIND(KMA_CONTENTION_BEGIN, "lock", "contention_begin")                          \
	KIND(KMA_CONTENTION_END, "lock", "contention_end")                              \
	KIND(KMA_KERNEL_STACK, "ftrace", "kernel_stack")

enum kma_kind {
	KMA_KIND_NONE,
#define KMA_KIND_ENUM(kind, system, name) kind,
	KMA_EVENT_KINDS(KMA_KIND_ENUM)
#undef KMA_KIND_ENUM
		KMA_NR_KINDS,
};

#define KMA_KIND_BIT(kind) (UINT64_C(1) << (kind))

/* mm_zone_lock_contended, mm_zone_locked, mm_zone_lock_unlock; the last two fields only in
 * mm_zone_locked */
struct kma_zone_lock {
	int32_t node_id;
	uint32_t name; /* interned: the zone's name */
	int32_t count;
	uint32_t contended;
	uint64_t caller;
	uint64_t wait_ns;
};

/* zone_lock:*; success only in acquire_returned */
struct kma_zone_lock_alt {
	uint64_t zone; /* address of the struct zone */
	uint32_t success;
};

/* mm_page_pcpu_refill, mm_page_pcpu_drain, mm_page_alloc_zone_locked (percpu_refill only there) */
struct kma_pcpu_page {
	uint64_t pfn;
	uint32_t order;
	int32_t migratetype;
	int32_t percpu_refill;
};

/* mm_page_pcpu_refill_zone_locked, mm_page_pcpu_drain_zone_locked */
struct kma_pcpu_zone_locked {
	int32_t nid;
	int32_t zid;
	int32_t nr_pages; /* the target, in base pages */
};

/* mm_page_alloc, mm_page_free, mm_page_free_batched (pfn only) */
struct kma_page {
	uint64_t pfn; /* all ones: the allocation failed; old kernels: address of the struct page,
			 see KMA_HAS_PFN */
	uint32_t order;
	uint32_t gfp_flags;
	int32_t migratetype;
};

/* mm_page_alloc_extfrag */
struct kma_extfrag {
	uint64_t pfn;
	int32_t alloc_order, fallback_order;
	int32_t alloc_migratetype, fallback_migratetype;
	uint32_t change_ownership;
};

/* kmalloc, kmalloc_node, kmem_cache_alloc, kmem_cache_alloc_node */
struct kma_slab_alloc {
	uint64_t call_site;
	uint64_t ptr; /* 0: the allocation failed */
	uint32_t bytes_req, bytes_alloc;
	uint32_t gfp_flags;
	int32_t node;  /* as asked for, -1: any; only with KMA_HAS_NODE */
	uint32_t name; /* interned: the cache; KMA_HAS_NAME */
};

/* kfree, kmem_cache_free (name only there, KMA_HAS_NAME) */
struct kma_slab_free {
	uint64_t call_site;
	uint64_t ptr;
	uint32_t name;
};

/* percpu_alloc_percpu; the last three since 2022, KMA_HAS_CALL_SITE and KMA_HAS_BYTES_ALLOC */
struct kma_percpu_alloc {
	uint64_t base_addr; /* of the chunk */
	uint64_t ptr;	    /* what its users know it by */
	uint64_t call_site;
	int32_t off; /* in the chunk: with base_addr the allocation's identity */
	uint32_t size;
	uint32_t bytes_alloc; /* on all possible CPUs, with the memcg bookkeeping */
	uint32_t gfp_flags;
};

/* percpu_free_percpu; percpu_create_chunk and percpu_destroy_chunk: base_addr only */
struct kma_percpu_chunk {
	uint64_t base_addr;
	uint64_t ptr; /* percpu_free_percpu */
	int32_t off;
};

/* percpu_alloc_percpu_fail */
struct kma_percpu_fail {
	uint32_t size, align;
	uint32_t reserved, is_atomic;
};

/* page_ref:*; @ret not in set, mod and unfreeze */
struct kma_page_ref {
	uint64_t pfn;
	uint64_t
		mapping; /* address of the struct address_space, lowest bit set: anonymous memory */
	int32_t count;	 /* the page's reference count after the operation */
	int32_t mapcount; /* as the kernel at hand counts: unmapped is -1 on newer ones, else 0 */
	int32_t val;	  /* what was set, added, or (freeze, unfreeze) expected or set */
	int32_t ret;
	int32_t mt;	/* the pageblock's migratetype */
	uint32_t flags; /* page flags, the lower half */
};

/* test_pages_isolated: all of the range is free and isolated up to @fin_pfn */
struct kma_isolation {
	uint64_t start_pfn, end_pfn, fin_pfn;
};

/* cma:*; which have which stands in fields.c */
struct kma_cma {
	uint64_t pfn;  /* alloc_finish, alloc_busy_retry, alloc, release: the first page */
	uint64_t page; /* the same as an address; 0: alloc_finish failed, as on older kernels */
	uint64_t count;
	uint32_t name; /* interned: the area; KMA_HAS_NAME */
	uint32_t align;
	int32_t errorno; /* alloc_finish: 0 or negative; KMA_HAS_ERRORNO */
};

/* mm_migrate_pages_start (mode, reason only), mm_migrate_pages */
struct kma_migrate {
	uint64_t succeeded, failed; /* pages */
	uint32_t mode;
	int32_t reason;
};

/* contention_begin, contention_end (lock_addr only) */
struct kma_contention {
	uint64_t lock_addr;
	uint32_t flags; /* KMA_WAIT_* */
};

/* Bits of kma_contention.flags: the kernel's LCB_F_*, numbered alike wherever the event exists. */
enum {
	KMA_WAIT_SPIN = 1,
	KMA_WAIT_READ = 2,
	KMA_WAIT_WRITE = 4,
	KMA_WAIT_RT = 8,
	KMA_WAIT_PERCPU = 16, /* a per-CPU rw semaphore */
	KMA_WAIT_MUTEX = 32,
};

/* Bits of kma_trace.optional_fields. */
enum {
	KMA_HAS_SUCCESS = 1,	      /* zone_lock_acquire_returned */
	KMA_HAS_PERCPU_REFILL = 2,    /* mm_page_alloc_zone_locked, beside KMA_HAS_PFN; else
					 percpu_refill is order == 0 */
	KMA_HAS_PFN = 1,	      /* mm_page_*; else pfn is an address of a struct page */
	KMA_HAS_NODE = 1,	      /* kmalloc, kmem_cache_alloc */
	KMA_HAS_NAME = 2,	      /* kmem_cache_alloc, kmem_cache_free, cma:* */
	KMA_HAS_ERRORNO = 4,	      /* cma_alloc_finish */
	KMA_HAS_COUNT = 8,	      /* cma_alloc_start: by this name */
	KMA_HAS_CALL_SITE = 1,	      /* percpu_alloc_percpu */
	KMA_HAS_BYTES_ALLOC = 2,      /* percpu_alloc_percpu */
	KMA_HAS_GFP_FLAGS = 4,	      /* percpu_alloc_percpu */
	KMA_HAS_CHANGE_OWNERSHIP = 2, /* mm_page_alloc_extfrag */
};

struct kma_event {
	uint64_t ts; /* ns on the trace's clock (ticks where struct kma_trace says so) */
	uint32_t cpu;
	int32_t pid;
	uint16_t kind;	 /* enum kma_kind */
	uint16_t buffer; /* index of the trace buffer it stood in */
	uint32_t stack;	 /* where its stack begins in kma_batch.stacks; 0: it has none */
	union {
		struct kma_zone_lock zone_lock;
		struct kma_zone_lock_alt zone_lock_alt;
		struct kma_pcpu_page pcpu_page;
		struct kma_pcpu_zone_locked pcpu_zone_locked;
		struct kma_page page;
		struct kma_extfrag extfrag;
		struct kma_slab_alloc slab_alloc;
		struct kma_slab_free slab_free;
		struct kma_percpu_alloc percpu_alloc;
		struct kma_percpu_chunk percpu_chunk;
		struct kma_percpu_fail percpu_fail;
		struct kma_page_ref page_ref;
		struct kma_isolation isolation;
		struct kma_cma cma;
		struct kma_migrate migrate;
		struct kma_contention contention;
		uint64_t words[5];
	};
};

_Static_assert(sizeof(struct kma_event) == 64, "an event is one cache line");

/*
 * Events in the order (ts, cpu, buffer, position). Everything is borrowed until feed() returns. A
 * stack is stacks[e->stack] addresses, leaf first, in the words behind it.
 */
struct kma_batch {
	const struct kma_event *events;
	size_t nr;
	const uint64_t *stacks;
};

/* A gap on one CPU: it lies after all that was fed before, and before what is fed next. */
struct kma_lost {
	uint32_t cpu;
	uint16_t buffer;
	uint8_t counted; /* 0: the kernel stored no count; @count is then 1, a lower bound */
	uint64_t count;
	uint64_t from_ts; /* last record before the gap; 0 if there was none */
	uint64_t to_ts;	  /* first record after it */
};

/* "kmem", "mm_zone_locked" */
const char *kma_kind_system(enum kma_kind kind);
const char *kma_kind_name(enum kma_kind kind);

#endif
