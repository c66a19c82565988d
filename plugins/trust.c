/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far a number can be trusted; see trust.h. Knows no analysis. */
#include "trust.h"

void kma_weaken(struct kma_report *report, struct kma_status *status, enum kma_status_code code,
		const char *reason)
{
	if (status->code == KMA_EXACT)
		*status = (struct kma_status){ code, reason };
	else
		*status = (struct kma_status){
			.code = code == KMA_APPROXIMATE ? code : status->code,
			.reason = kma_report_printf(report, "%s; %s", status->reason, reason),
		};
}

const char *kma_no_record(struct kma_report *report, const struct kma_trace *trace,
			  enum kma_kind kind)
{
	return kma_report_printf(
		report,
		trace->formats & KMA_KIND_BIT(kind)
			? "%s:%s has no record: it was not recorded, or did not happen"
			: "%s:%s is not in the trace: the kernel lacks it, or it was not recorded",
		kma_kind_system(kind), kma_kind_name(kind));
}
