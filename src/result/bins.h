/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values over equal time bins when the span is not known beforehand: the bin width doubles, and
 * neighbours are added up, whenever a value falls past the last bin. Sets that share a clock stay
 * aligned.
 */
#ifndef KMA_RESULT_BINS_H
#define KMA_RESULT_BINS_H

#include <stdint.h>

#define KMA_NR_BINS 256

/* The time axis shared by many rows: [start + i * width, start + (i + 1) * width). */
struct kma_bins {
	uint64_t start;
	unsigned int shift; /* width = 1 << shift ns; begins at 10 (about 1 us) */
	uint64_t **rows;    /* rows[r] has KMA_NR_BINS values; NULL: all zero */
	uint32_t nr_rows;
};

void kma_bins_init(struct kma_bins *bins, uint64_t start);
void kma_bins_free(struct kma_bins *bins);
/* Makes row @row exist and the axis long enough for @offset ns after its start. 0, or -1 when out
 * of memory. */
int kma_bins_make_room(struct kma_bins *bins, uint32_t row, uint64_t offset);

/* Adds @value to row @row at @ts (earlier than start counts as start). Rows appear as they are
 * named. 0 or -1. */
static inline int kma_bins_add(struct kma_bins *bins, uint32_t row, uint64_t ts, uint64_t value)
{
	uint64_t offset = ts > bins->start ? ts - bins->start : 0;

	if (__builtin_expect(row >= bins->nr_rows || !bins->rows[row] ||
				     offset >> bins->shift >= KMA_NR_BINS,
			     0) &&
	    kma_bins_make_room(bins, row, offset))
		return -1;
	bins->rows[row][offset >> bins->shift] += value;
	return 0;
}

/* Bins in use up to and including @last_ts: 1 to KMA_NR_BINS. */
unsigned int kma_bins_used(const struct kma_bins *bins, uint64_t last_ts);
/* Pearson correlation of two rows over the first @nr bins; NAN when either does not vary. */
double kma_bins_correlation(const struct kma_bins *bins, uint32_t a, uint32_t b, unsigned int nr);

#endif
