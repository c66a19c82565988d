/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The static list of analyses: the one place to add a new one. */
#include "plugins.h"

const struct kma_analysis *const kma_analyses[] = {
	&kma_zone_lock_analysis,
	&kma_pcp_analysis,
	&kma_page_analysis,
	&kma_extfrag_analysis,
	&kma_slab_analysis,
	&kma_percpu_analysis,
	&kma_cma_analysis,
	&kma_alloc_lock_analysis,
	NULL,
};
