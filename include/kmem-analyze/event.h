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
#define KMA_EVENT_KINDS(KIND)                                                                      \
	KIND(KMA_ZONE_LOCK_CONTENDED, "kmem", "mm_zone_lock_contended")                            \
	KIND(KMA_ZONE_LOCKED, "kmem", "mm_zone_locked")                                            \
	KIND(KMA_ZONE_LOCK_UNLOCK, "kmem", "mm_zone_lock_unlock")                                  \
	KIND(KMA_ZONE_LOCK_START_LOCKING, "zone_lock", "zone_lock_start_locking")                  \
	KIND(KMA_ZONE_LOCK_ACQUIRE_RETURNED, "zone_lock", "zone_lock_acquire_returned")            \
	KIND(KMA_ZONE_LOCK_RELEASED, "zone_lock", "zone_lock_released")                            \
	KIND(KMA_PCPU_REFILL, "kmem", "mm_page_pcpu_refill")                                       \
	KIND(KMA_PCPU_DRAIN, "kmem", "mm_page_pcpu_drain")                                         \
	KIND(KMA_PCPU_REFILL_ZONE_LOCKED, "kmem", "mm_page_pcpu_refill_zone_locked")               \
	KIND(KMA_PCPU_DRAIN_ZONE_LOCKED, "kmem", "mm_page_pcpu_drain_zone_locked")                 \
	KIND(KMA_PAGE_ALLOC_ZONE_LOCKED, "kmem", "mm_page_alloc_zone_locked")                      \
	KIND(KMA_KERNEL_STACK, "ftrace", "kernel_stack")

enum kma_kind {
	KMA_KIND_NONE,
#define KMA_KIND_ENUM(kind, system, name) kind,
	KMA_EVENT_KINDS(KMA_KIND_ENUM)
#undef KMA_KIND_ENUM
	KMA_NR_KINDS,
};

#define KMA_KIND_BIT(kind) (UINT64_C(1) << (kind))

/* mm_zone_lock_contended, mm_zone_locked, mm_zone_lock_unlock; the last two fields only in mm_zone_locked */
struct kma_zone_lock {
	int32_t node_id;
	uint32_t name;		/* interned: the zone's name */
	int32_t count;
	uint32_t contended;
	uint64_t caller;
	uint64_t wait_ns;
};

/* zone_lock:*; success only in acquire_returned */
struct kma_zone_lock_alt {
	uint64_t zone;		/* address of the struct zone */
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
	int32_t nr_pages;	/* the target, in base pages */
};

struct kma_event {
	uint64_t ts;		/* ns on the trace's clock (ticks where struct kma_trace says so) */
	uint32_t cpu;
	int32_t pid;
	uint16_t kind;		/* enum kma_kind */
	uint16_t buffer;	/* index of the trace buffer it stood in */
	uint32_t stack;		/* where its stack begins in kma_batch.stacks; 0: it has none */
	union {
		struct kma_zone_lock zone_lock;
		struct kma_zone_lock_alt zone_lock_alt;
		struct kma_pcpu_page pcpu_page;
		struct kma_pcpu_zone_locked pcpu_zone_locked;
		uint64_t words[5];
	};
};

_Static_assert(sizeof(struct kma_event) == 64, "an event is one cache line");

/*
 * Events in the order (ts, cpu, buffer, position). Everything is borrowed until feed() returns. A stack is
 * stacks[e->stack] addresses, leaf first, in the words behind it.
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
	uint8_t counted;	/* 0: the kernel stored no count; @count is then 1, a lower bound */
	uint64_t count;
	uint64_t from_ts;	/* last record before the gap; 0 if there was none */
	uint64_t to_ts;		/* first record after it */
};

/* "kmem", "mm_zone_locked" */
const char *kma_kind_system(enum kma_kind kind);
const char *kma_kind_name(enum kma_kind kind);

#endif
