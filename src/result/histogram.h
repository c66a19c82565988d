/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A histogram of uint64_t values, log-linear: 64 equal buckets per power of two (values below 128
 * are exact), so a bucket's middle is within 1 % of every value in it. Exact count, sum, min, max.
 * An octave's counters are allocated when first hit: a few KiB for what a trace holds.
 */
#ifndef KMA_RESULT_HISTOGRAM_H
#define KMA_RESULT_HISTOGRAM_H

#include <stdint.h>

#include <kmem-analyze/result.h>

#define KMA_HISTOGRAM_OCTAVES 59
#define KMA_OCTAVE_BUCKETS    64

struct kma_histogram {
	uint64_t count, sum, min, max;		 /* sum stops at UINT64_MAX instead of wrapping */
	uint64_t *octave[KMA_HISTOGRAM_OCTAVES]; /* NULL until used */
};

/*
 * Number of the bucket that holds @value, counted over all octaves: the value's seven leading bits
 * within its octave, which below 128 is the value itself.
 */
static inline unsigned int kma_histogram_bucket(uint64_t value)
{
	unsigned int shift = 57 - (unsigned int)__builtin_clzll(value | KMA_OCTAVE_BUCKETS);

	return shift * KMA_OCTAVE_BUCKETS + (unsigned int)(value >> shift);
}

/* All zero is an empty histogram. */
void kma_histogram_free(struct kma_histogram *h);
/* Allocates octave @octave. 0, or -1 when out of memory. */
int kma_histogram_open_octave(struct kma_histogram *h, unsigned int octave);

/* @weight samples of @value. 0, or -1 when out of memory. */
static inline int kma_histogram_add(struct kma_histogram *h, uint64_t value, uint64_t weight)
{
	unsigned int bucket = kma_histogram_bucket(value);
	unsigned int octave = bucket / KMA_OCTAVE_BUCKETS;
	uint64_t total;

	if (!weight)
		return 0;
	if (__builtin_expect(!h->octave[octave], 0) && kma_histogram_open_octave(h, octave))
		return -1;
	h->octave[octave][bucket % KMA_OCTAVE_BUCKETS] += weight;
	if (value < h->min || !h->count)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count += weight;
	if (__builtin_expect(__builtin_mul_overflow(value, weight, &total) ||
				     __builtin_add_overflow(h->sum, total, &h->sum),
			     0))
		h->sum = UINT64_MAX;
	return 0;
}

/* Adds all of @from to @to. 0, or -1 when out of memory. */
int kma_histogram_merge(struct kma_histogram *to, const struct kma_histogram *from);
/* Nearest-rank percentile, 0 < p <= 1 (used to six decimals), of a histogram with count > 0; within
 * [min, max]. */
uint64_t kma_histogram_percentile(const struct kma_histogram *h, double p);
/* Smallest value of the bucket that holds @value. */
uint64_t kma_histogram_bucket_low(uint64_t value);

#endif
