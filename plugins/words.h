/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as they stand in the sentences of findings: "7,304", "35.3 ms". */
#ifndef KMA_PLUGINS_WORDS_H
#define KMA_PLUGINS_WORDS_H

#include <kmem-analyze/analysis.h>

/* All live as long as the report. */
const char *kma_words_count(struct kma_report *report, uint64_t count);
const char *kma_words_time(struct kma_report *report, double ns);

/* A time on the trace's clock in seconds, not rounded: the digits of trace-cmd report -t. Ticks
 * stay as they are. */
const char *kma_words_timestamp(struct kma_report *report, const struct kma_trace *trace,
				uint64_t ts);

#endif
