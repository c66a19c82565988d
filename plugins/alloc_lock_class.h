/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of the allocators' locks a function takes, told by its name. A judgement: names move from
 * kernel to kernel, and the compiler moves code from function to function.
 */
#ifndef KMA_PLUGINS_ALLOC_LOCK_CLASS_H
#define KMA_PLUGINS_ALLOC_LOCK_CLASS_H

#include <stddef.h>

enum al_class {
	AL_ZONE,      /* zone->lock: the free lists of the page allocator */
	AL_LRUVEC,    /* lruvec->lru_lock: the lists that reclaim works on */
	AL_SLAB_NODE, /* a cache's lists of one node: partial slabs, sheaves */
	AL_PERCPU,    /* pcpu_lock and pcpu_alloc_mutex */
	AL_PCP,	      /* a CPU's page lists */
	AL_OTHER,
	AL_NR_CLASSES,
};

enum al_role {
	AL_UNKNOWN,   /* it takes no lock of an allocator, as far as is known */
	AL_PRIMITIVE, /* part of taking any lock, or of the tracing: who called it matters */
	AL_WRAPPER,   /* it takes one kind of lock for others: who called it waits */
	AL_SURE,      /* it takes this lock and no other */
	AL_LIKELY,    /* it takes this lock, and may have another's taking inlined */
};

struct al_function {
	enum al_role role;
	enum al_class which; /* AL_OTHER of unknown functions and primitives */
};

/* @name: "function", "function+0xoff", "function.constprop.0+0xoff"; NULL: not known */
struct al_function al_judge_function(const char *name);

/* "zone", as in labels */
extern const char *const al_class_names[AL_NR_CLASSES];

#endif
