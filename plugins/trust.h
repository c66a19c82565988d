/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far a number can be trusted: what the reports of all analyses say alike. */
#ifndef KMA_PLUGINS_TRUST_H
#define KMA_PLUGINS_TRUST_H

#include <kmem-analyze/analysis.h>

/*
 * Makes @status no better than @code, for @reason, which adds to those it has. What can be off
 * either way is not at least anything: approximate wins over lower-bound.
 */
void kma_weaken(struct kma_report *report, struct kma_status *status, enum kma_status_code code,
		const char *reason);

/* Why there is no record of @kind, as far as the trace tells. Lives as long as the report. */
const char *kma_no_record(struct kma_report *report, const struct kma_trace *trace,
			  enum kma_kind kind);

#endif
