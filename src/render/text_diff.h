/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a comparison's text. */
#ifndef KMA_RENDER_TEXT_DIFF_H
#define KMA_RENDER_TEXT_DIFF_H

#include "render/page.h"
#include "result/compare.h"

/* Each prints one part; nothing when it has nothing to say. */
void kma_diff_findings(struct kma_page *page, const struct kma_comparison *c);
void kma_diff_splits(struct kma_page *page, const struct kma_change *change);
void kma_diff_moves(struct kma_page *page, const struct kma_comparison *c);
void kma_diff_presences(struct kma_page *page, const struct kma_comparison *c);
/* The distributions that changed, both sides side by side */
void kma_diff_histograms(struct kma_page *page, const struct kma_comparison *c);

/* "zone_lock.wait_ns p99", with labels where it has some */
const char *kma_diff_name(struct kma_page *page, const struct kma_change *change);
/* "x 11.8", "-12 %", "from 0" */
const char *kma_diff_step(struct kma_page *page, double before, double after);
/* "12.4 us", of a number that may have been counted */
const char *kma_diff_number(struct kma_page *page, enum kma_unit unit, double value);

#endif
