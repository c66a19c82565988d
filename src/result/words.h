/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result model's enumerations as the words that JSON has for them: written and read back. */
#ifndef KMA_RESULT_WORDS_H
#define KMA_RESULT_WORDS_H

/* each by its enumeration's value, and ends with NULL */
extern const char *const kma_unit_words[];
extern const char *const kma_status_words[];
extern const char *const kma_metric_kind_words[];
extern const char *const kma_better_words[];
extern const char *const kma_severity_words[];

#endif
