/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one call of the pcp report works out before it tells anything: shared by the metrics
 * (pcp_report.c), the tables and series (pcp_tables.c) and the findings (pcp_findings.c), and by
 * nothing else.
 */
#ifndef KMA_PLUGINS_PCP_REPORT_H
#define KMA_PLUGINS_PCP_REPORT_H

#include "pcp_internal.h"

/* Places in pcp_metric_defs. Drains lie behind refills: add the direction. */
enum {
	PCP_REFILL_EVENTS,
	PCP_DRAIN_EVENTS,
	PCP_REFILL_PAGES,
	PCP_DRAIN_PAGES,
	PCP_REFILL_BATCHES,
	PCP_DRAIN_BATCHES,
	PCP_REFILL_BATCH_PAGES,
	PCP_DRAIN_BATCH_PAGES,
	PCP_NET_PAGES,
	PCP_IMBALANCE_RATIO,
	PCP_SWING_PAGES,
	PCP_TURNOVER,
	PCP_MOVED_PAGES,
	PCP_CROSS_CPU_RATIO,
	PCP_RESIDENCY_NS,
	PCP_CORRELATION,
	PCP_NR_METRICS,
};

#define PCP_METRIC(i) (&pcp_metric_defs[i])

/* Pairs of CPUs whose correlation is told: the largest flows. All would grow with the square. */
#define PCP_MAX_FLOW_CORRELATIONS 64

struct pcp_flow {
	uint32_t from, to;
	uint64_t pages;
};

/* A CPU's numbers, with its open batch counted in. */
struct pcp_cpu_row {
	uint32_t id;
	const struct pcp_cpu *cpu;
	uint64_t batches[PCP_NR_DIRECTIONS];
	uint64_t round_trips; /* pages that came and went: the smaller of refilled and drained */
	uint64_t swing;
	double turnover;
	double correlation; /* of its refills with its drains; NAN: none */
};

/* The records of one order, or of one migratetype. */
struct pcp_part {
	int64_t id;
	uint64_t events[PCP_NR_DIRECTIONS], pages[PCP_NR_DIRECTIONS];
};

struct pcp_telling {
	const struct kma_trace *trace;
	const struct pcp_view *view;
	const struct kma_summary *summary;
	struct kma_report *report;

	bool have[PCP_NR_DIRECTIONS]; /* there are records of pages */
	bool have_both;
	bool have_batches[PCP_NR_DIRECTIONS];
	const char *missing[PCP_NR_DIRECTIONS]; /* the reason, where there are none */

	struct kma_status counted[PCP_NR_DIRECTIONS]; /* events, pages */
	struct kma_status batched[PCP_NR_DIRECTIONS]; /* number of batches */
	struct kma_status sized[PCP_NR_DIRECTIONS];   /* pages of a batch */
	struct kma_status balanced;		      /* refills against drains */
	struct kma_status matched;		      /* by pfn */
	struct kma_status timed;		      /* residency */
	struct kma_status correlated, correlated_across;

	/* most pages first, then by id */
	struct pcp_cpu_row *cpus;
	struct pcp_flow *flows;
	struct pcp_part *orders, *types;
	size_t nr_cpus, nr_flows, nr_orders, nr_types;

	uint64_t events[PCP_NR_DIRECTIONS], pages[PCP_NR_DIRECTIONS], batches[PCP_NR_DIRECTIONS];
	uint64_t open[PCP_NR_DIRECTIONS]; /* batches open at the end */
	struct kma_histogram batch_pages[PCP_NR_DIRECTIONS];
	uint64_t moved, crossed, swing, round_trips;
	unsigned int nr_bins;
};

/* Of pages refilled on @from with pages drained on @to, over the time bins; NAN: there is none. */
double pcp_correlation(const struct pcp_telling *t, uint32_t from, uint32_t to);

void pcp_tell_tables(struct pcp_telling *t);
void pcp_tell_findings(struct pcp_telling *t);

static inline struct kma_labels pcp_cpu_label(uint32_t cpu)
{
	return kma_label1("cpu", kma_int(cpu));
}

static inline struct kma_labels pcp_flow_label(uint32_t from, uint32_t to)
{
	return kma_label2("from", kma_int(from), "to", kma_int(to));
}

static inline uint64_t pcp_smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Without the overflow that abs() of the lowest number has. */
static inline uint64_t pcp_magnitude(int64_t value)
{
	return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

#endif
