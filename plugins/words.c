/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers in sentences; see words.h. */
#include "words.h"

#include <math.h>

const char *kma_words_count(struct kma_report *report, uint64_t count)
{
	if (count < 1000)
		return kma_report_printf(report, "%" PRIu64, count);
	return kma_report_printf(report, "%s,%03u", kma_words_count(report, count / 1000),
				 (unsigned int)(count % 1000));
}

const char *kma_words_time(struct kma_report *report, double ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	unsigned int unit = 0;
	double value = ns;

	/* 999.6 would print as 1000 of the smaller unit */
	while (unit < 3 && fabs(value) >= 999.5) {
		value /= 1000;
		unit++;
	}
	return kma_report_printf(report, "%.*f %s",
				 fabs(value) >= 99.95 || !unit ? 0
				 : fabs(value) >= 9.995	       ? 1
							       : 2,
				 value, units[unit]);
}

const char *kma_words_timestamp(struct kma_report *report, const struct kma_trace *trace,
				uint64_t ts)
{
	if (trace->clock == KMA_CLOCK_TICKS)
		return kma_report_printf(report, "%" PRIu64, ts);
	return kma_report_printf(report, "%" PRIu64 ".%06" PRIu64, ts / 1000000000,
				 ts % 1000000000 / 1000);
}
