/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of functions that take the allocators' locks, Linux 5.19 to 7.0; see
 * alloc_lock_class.h. Knows names only: no events, no addresses.
 */
#include "alloc_lock_class.h"

#include <string.h>

const char *const al_class_names[AL_NR_CLASSES] = {
	[AL_ZONE] = "zone",	[AL_LRUVEC] = "lruvec", [AL_SLAB_NODE] = "slab_node",
	[AL_PERCPU] = "percpu", [AL_PCP] = "pcp",	[AL_OTHER] = "other",
};

/* A name that ends with '*' stands for all that begin so. */
static const char *const primitives[] = {
	/* spinlocks, of each architecture and with each debugging option */
	"native_queued_spin_lock_slowpath",
	"__pv_queued_spin_lock_slowpath",
	"queued_spin_lock_slowpath",
	"queued_read_lock_slowpath",
	"queued_write_lock_slowpath",
	"_raw_spin_lock*",
	"_raw_read_lock*",
	"_raw_write_lock*",
	"__raw_spin_lock*",
	"do_raw_spin_lock*",
	"do_raw_read_lock*",
	"do_raw_write_lock*",
	"arch_spin_lock*",
	"__raw_callee_save_*",
	"resilient_queued_spin_lock_slowpath",
	"_atomic_dec_and_lock*",
	"_atomic_dec_and_raw_lock*",
	"refcount_dec_and_lock*",
	/* what sleeps */
	"mutex_lock*",
	"__mutex_lock*",
	"ww_mutex_lock*",
	"__ww_mutex_lock*",
	"atomic_dec_and_mutex_lock",
	"refcount_dec_and_mutex_lock",
	"down_read*",
	"down_write*",
	"__down_read*",
	"__down_write*",
	"rwsem_down_*",
	"percpu_down_*",
	"__percpu_down_*",
	"percpu_rwsem_wait",
	"down",
	"down_interruptible",
	"down_killable",
	"down_timeout",
	"__down",
	"__down_common",
	"___down_common",
	"__down_interruptible",
	"__down_killable",
	"__down_timeout",
	/* PREEMPT_RT */
	"rt_spin_lock*",
	"rt_read_lock*",
	"rt_write_lock*",
	"rtlock_slowlock*",
	"rt_mutex_lock*",
	"rt_mutex_slowlock*",
	"__rt_mutex_*",
	"rwbase_*",
	"__rwbase_*",
	/* compaction's own way to take zone->lock and lru_lock alike */
	"compact_lock_irqsave",
	/* the tracing */
	"__traceiter_*",
	"trace_contention_*",
	"trace_event_*",
	"__do_trace_*",
	"perf_trace_*",
	"bpf_trace_run*",
	"__bpf_trace_*",
	NULL,
};

/* They are functions of their own on every kernel, and nothing but the lock is in them. */
static const char *const lruvec_wrappers[] = { "folio_lruvec_lock*", "folio_lruvec_relock*",
					       "lock_page_lruvec*", "relock_page_lruvec*", NULL };

/* Allocating and freeing under the lock; most are static, and inlined into each other at will. */
static const char *const zone_functions[] = {
	"rmqueue_bulk",
	"__rmqueue_pcplist",
	"rmqueue",
	"rmqueue_buddy",
	"rmqueue_pcplist",
	"get_page_from_freelist",
	"free_pcppages_bulk",
	"free_one_page",
	"__free_pages_ok",
	"split_free_page",
	"split_large_buddy",
	"reserve_highatomic_pageblock",
	"unreserve_highatomic_pageblock",
	/* compaction, isolation, offlining, bad memory */
	"isolate_freepages_block",
	"isolate_freepages",
	"isolate_freepages_range",
	"fast_isolate_freepages",
	"set_migratetype_isolate",
	"unset_migratetype_isolate",
	"isolate_single_pageblock",
	"start_isolate_page_range",
	"undo_isolate_page_range",
	"test_pages_isolated",
	"__offline_isolated_pages",
	"offline_pages",
	"take_page_off_buddy",
	"put_page_back_buddy",
	"is_free_buddy_page",
	/* reporting to the host, memory not accepted yet, hibernation */
	"page_reporting_cycle",
	"page_reporting_process",
	"page_reporting_process_zone",
	"try_to_accept_memory_one",
	"cond_accept_memory",
	"accept_page",
	"__accept_page",
	"__free_unaccepted",
	"mark_free_pages",
	/* watermarks, and those who only read */
	"__setup_per_zone_wmarks",
	"walk_zones_in_node",
	"pagetypeinfo_showfree_print",
	"pagetypeinfo_showfree",
	"pagetypeinfo_show",
	"frag_show",
	"frag_show_print",
	"show_free_areas",
	"__show_free_areas",
	"__show_mem",
	"show_mem",
	NULL,
};

/* The CPU's list is taken with a trylock here, which never waits; what does is the zone's lock.
 * Others have a lock of their own besides. */
static const char *const zone_likely[] = {
	"free_unref_page",
	"free_unref_page_commit",
	"free_frozen_page_commit",
	"free_unref_folios",
	"__free_frozen_pages",
	"___free_pages",
	"free_frozen_pages",
	"__free_pages",
	"free_pages",
	"alloc_pages_bulk_noprof",
	"__alloc_pages_bulk",
	"balance_pgdat",
	"setup_per_zone_wmarks",
	"alloc_contig_range",
	"alloc_contig_range_noprof",
	"alloc_contig_frozen_range_noprof",
	NULL,
};

/* Inlined accessors leave the lock in whoever moves pages between the lists. */
static const char *const lruvec_functions[] = {
	"folio_batch_move_lru",
	"__folio_batch_add_and_move",
	"pagevec_lru_move_fn",
	"__pagevec_lru_add",
	"lru_add_drain_cpu",
	"folio_activate",
	"lru_note_cost",
	"lru_note_cost_unlock_irq",
	"lru_note_cost_refault",
	"lru_note_cost_folio",
	"__page_cache_release",
	"release_pages",
	"folios_put_refs",
	"folio_isolate_lru",
	"isolate_lru_page",
	"check_move_unevictable_pages",
	"check_move_unevictable_folios",
	"mlock_folio_batch",
	"mlock_pagevec",
	"__mlock_folio",
	"__mlock_page",
	"__munlock_folio",
	"__munlock_page",
	"__mlock_new_folio",
	"__mlock_new_page",
	"isolate_migratepages_block",
	"shrink_inactive_list",
	"shrink_active_list",
	"move_folios_to_lru",
	"move_pages_to_lru",
	"shrink_lruvec",
	"evict_folios",
	"lru_gen_change_state",
	"inc_max_seq",
	"try_to_inc_max_seq",
	"walk_mm",
	"lru_gen_look_around",
	"__split_huge_page",
	"__split_unmapped_folio",
	NULL,
};

static const char *const slab_functions[] = {
	/* SLUB: partial slabs of a node */
	"get_partial_node",
	"get_any_partial",
	"get_partial",
	"__slab_free",
	"free_to_partial_list",
	"free_debug_processing",
	"alloc_single_from_new_slab",
	"put_cpu_partial",
	"__put_partials",
	"__unfreeze_partials",
	"unfreeze_partials",
	"put_partials_cpu",
	"deactivate_slab",
	"flush_slab",
	"count_partial",
	"get_slabinfo",
	"validate_slab_node",
	"show_slab_objects",
	"__kmem_cache_do_shrink",
	"__kmem_cache_shutdown",
	"free_partial",
	"refill_objects",
	"__refill_objects_node",
	"get_partial_node_bulk",
	"__refill_objects_any",
	/* SLUB since 6.18: a node's barn of sheaves */
	"barn_*",
	"__pcs_replace_empty_main",
	"__pcs_replace_full_main",
	"alloc_from_pcs",
	"alloc_from_pcs_bulk",
	"free_to_pcs",
	"free_to_pcs_bulk",
	"rcu_free_sheaf",
	/* SLAB, up to 6.7 */
	"cache_alloc_refill",
	"____cache_alloc_node",
	"cache_grow_end",
	"cache_flusharray",
	"drain_array",
	"do_drain",
	"drain_freelist",
	"__cache_free_alien",
	"cache_free_alien",
	"drain_alien_cache",
	"cache_reap",
	"slab_out_of_memory",
	NULL,
};

/* The fast paths may have any of these inlined, and more. */
static const char *const slab_likely[] = {
	"___slab_alloc",
	"__slab_alloc",
	"kmem_cache_alloc_bulk_noprof",
	"kmem_cache_free",
	"kmem_cache_free_bulk",
	"kfree",
	"__kmem_cache_alloc_bulk",
	"kmem_cache_prefill_sheaf",
	"kmem_cache_refill_sheaf",
	"kmem_cache_return_sheaf",
	"__kmem_cache_free_bulk",
	NULL,
};

static const char *const percpu_functions[] = {
	"pcpu_alloc",
	"pcpu_alloc_noprof",
	"free_percpu",
	"pcpu_balance_workfn",
	"pcpu_balance_populated",
	"pcpu_balance_free",
	"pcpu_reclaim_populated",
	"percpu_stats_show",
	NULL,
};

/* What empties a CPU's lists has to have their lock, and then takes the zone's too. */
static const char *const pcp_likely[] = {
	"drain_pages_zone",  "drain_pages",	  "drain_zone_pages",	  "decay_pcp_high",
	"drain_local_pages", "__drain_all_pages", "free_unref_page_list", NULL,
};

static const struct {
	const char *const *names;
	struct al_function function;
} tables[] = {
	{ primitives, { AL_PRIMITIVE, AL_OTHER } },
	{ lruvec_wrappers, { AL_WRAPPER, AL_LRUVEC } },
	{ zone_functions, { AL_SURE, AL_ZONE } },
	{ zone_likely, { AL_LIKELY, AL_ZONE } },
	{ lruvec_functions, { AL_SURE, AL_LRUVEC } },
	{ slab_functions, { AL_SURE, AL_SLAB_NODE } },
	{ slab_likely, { AL_LIKELY, AL_SLAB_NODE } },
	{ percpu_functions, { AL_SURE, AL_PERCPU } },
	{ pcp_likely, { AL_LIKELY, AL_PCP } },
};

static int is_one_of(const char *name, size_t length, const char *const *list)
{
	for (; *list; list++) {
		size_t known = strlen(*list);
		int open = (*list)[known - 1] == '*';

		known -= open;
		if ((open ? length >= known : length == known) && !memcmp(name, *list, known))
			return 1;
	}
	return 0;
}

struct al_function al_judge_function(const char *name)
{
	/* without what the compiler has put behind it: ".constprop.0", ".isra.0", ".cold" */
	size_t length = name ? strcspn(name, "+./") : 0;

	for (size_t i = 0; length && i < sizeof(tables) / sizeof(tables[0]); i++)
		if (is_one_of(name, length, tables[i].names))
			return tables[i].function;
	return (struct al_function){ AL_UNKNOWN, AL_OTHER };
}
