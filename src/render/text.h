/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the text output, and how they word what several of them show. */
#ifndef KMA_RENDER_TEXT_H
#define KMA_RENDER_TEXT_H

#include <stdint.h>

#include "render/page.h"
#include "result/result.h"

/* Each prints one part; nothing when it has nothing to say. */
void kma_text_quality(struct kma_page *page, const struct kma_result *result);
void kma_text_findings(struct kma_page *page, const struct kma_result *result);
void kma_text_metrics(struct kma_page *page, const struct kma_report *report);
void kma_text_table(struct kma_page *page, const struct kma_table *table);
/* The body of kma_text_table() for a timeline */
void kma_text_timeline(struct kma_page *page, const struct kma_table *table);
void kma_text_series(struct kma_page *page, const struct kma_result *result,
		     const struct kma_report *report);

/* Wording: all clean, in the page's scratch memory. */

/* "12.4 us"; strings as they are; "1 Movable"; "-" for none. @pages: whether to say "pages" behind
 * a number of them */
const char *kma_text_value(struct kma_page *page, enum kma_unit unit, const struct kma_value *value,
			   bool pages);
const char *kma_text_uint(struct kma_page *page, enum kma_unit unit, uint64_t value);
/* The name of the migratetype that @value is, clean, or NULL */
const char *kma_text_migratetype(struct kma_page *page, const struct kma_value *value);
/* "node 1, zone Normal", "migratetype 1 Movable" */
const char *kma_text_labels(struct kma_page *page, const struct kma_labels *labels);
/* A timestamp as trace-cmd prints it: "15.371768" */
const char *kma_text_time(struct kma_page *page, const struct kma_result *result, uint64_t ts);
/* "~", ">=", "-"; "" for exact */
const char *kma_text_mark(const struct kma_page *page, enum kma_status_code code);
/* "... and 12 more rows (--top 22 shows all)", indented, if @nr exceeds what --top allows */
void kma_text_more(struct kma_page *page, size_t nr, const char *what);
/* How many of @nr rows --top allows */
size_t kma_text_top(const struct kma_page *page, size_t nr);

#endif
