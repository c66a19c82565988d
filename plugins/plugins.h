/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every analysis by name, for the static list only. */
#ifndef KMA_PLUGINS_PLUGINS_H
#define KMA_PLUGINS_PLUGINS_H

#include <kmem-analyze/analysis.h>

extern const struct kma_analysis kma_zone_lock_analysis;
extern const struct kma_analysis kma_pcp_analysis;
extern const struct kma_analysis kma_page_analysis;
extern const struct kma_analysis kma_extfrag_analysis;
extern const struct kma_analysis kma_percpu_analysis;
extern const struct kma_analysis kma_slab_analysis;
extern const struct kma_analysis kma_cma_analysis;
extern const struct kma_analysis kma_alloc_lock_analysis;

#endif
