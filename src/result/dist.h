/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers out of a finished distribution, beyond those it holds ready. */
#ifndef KMA_RESULT_DIST_H
#define KMA_RESULT_DIST_H

#include <kmem-analyze/result.h>

/*
 * Nearest-rank percentile, in parts per million (1..1000000), of a distribution with count > 0:
 * what kma_histogram_percentile() says of the histogram it was made from.
 */
uint64_t kma_dist_percentile(const struct kma_dist *dist, uint32_t ppm);

#endif
