/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as they stand in the sentences of findings: "7,304", "35.3 ms". */
#ifndef KMA_PLUGINS_WORDS_H
#define KMA_PLUGINS_WORDS_H

#include <kmem-analyze/result.h>

/* Both live as long as the report. */
const char *kma_words_count(struct kma_report *report, uint64_t count);
const char *kma_words_time(struct kma_report *report, double ns);

#endif
