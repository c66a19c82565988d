/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What extfrag.c gathers and extfrag_report.c tells: the state of the analysis of external
 * fragmentation. Private to these files.
 */
#ifndef KMA_PLUGINS_EXTFRAG_INTERNAL_H
#define KMA_PLUGINS_EXTFRAG_INTERNAL_H

#include <kmem-analyze/analysis.h>

#include "result/bins.h"
#include "util/u64map.h"

/* Orders below 0 or beyond this one are damage: they count as this one. */
#define EXTFRAG_MAX_ORDER 31
/* The documentation's severe case: a small block out of another migratetype's pageblock. */
#define EXTFRAG_SEVERE_ORDER 3
/* A broken trace can hold any number: those beyond are added up in number 0, "other". */
#define EXTFRAG_MAX_PAIRS 4096u
#define EXTFRAG_MAX_TASKS 65536u
/* More nodes than any kernel can have. */
#define EXTFRAG_MAX_NODES 1024

/* Rows of the time bins. */
enum extfrag_row {
	EXTFRAG_ROW_SEVERE,
	EXTFRAG_ROW_FRAGMENTING,
	EXTFRAG_ROW_OTHER,
	EXTFRAG_NR_ROWS
};

struct extfrag_pair {
	int32_t alloc, fallback; /* migratetypes */
	uint64_t events, severe, changed;
};

struct extfrag_task {
	int32_t pid;
	uint64_t events, severe;
};

struct kma_state {
	const struct kma_trace *trace;
	bool has_change_ownership;

	uint64_t events, fragmenting, severe, changed;
	uint64_t alloc_orders[EXTFRAG_MAX_ORDER + 1], fallback_orders[EXTFRAG_MAX_ORDER + 1];
	struct kma_u64map pair_numbers, task_numbers;
	struct extfrag_pair *pairs;
	struct extfrag_task *tasks;
	uint32_t nr_pairs, max_pairs, nr_tasks, max_tasks;
	struct kma_bins bins; /* enum extfrag_row */

	uint64_t nodes_seen[EXTFRAG_MAX_NODES / 64]; /* a bit each */
};

extern const struct kma_metric_def extfrag_metric_defs[];

int extfrag_report(const struct kma_state *state, const struct kma_summary *summary,
		   struct kma_report *report);

#endif
