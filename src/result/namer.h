/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of addresses for analyses that judge by them; see kma_name_addresses() in analysis.h. */
#ifndef KMA_RESULT_NAMER_H
#define KMA_RESULT_NAMER_H

#include <kmem-analyze/analysis.h>

#include "result/result.h"

struct kma_namer {
	kma_symbol_lookup lookup; /* NULL: no address has a name */
	void *source;
	struct kma_arena *arena; /* where the names live */
};

#endif
