/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any percentile of a distribution, from its buckets. It must not know where they come from. */
#include "result/dist.h"

#include "result/histogram.h"

#define MILLION 1000000u

static uint64_t middle(const struct kma_bucket *bucket)
{
	unsigned int octave = kma_histogram_bucket(bucket->low) / KMA_OCTAVE_BUCKETS;
	uint64_t width = octave ? UINT64_C(1) << (octave - 1) : 1;

	return bucket->low + (width - 1) / 2;
}

uint64_t kma_dist_percentile(const struct kma_dist *dist, uint32_t ppm)
{
	uint64_t count = dist->count, seen = 0, value;
	/* ceil(count * ppm / million), without overflow */
	uint64_t rank = count / MILLION * ppm + (count % MILLION * ppm + MILLION - 1) / MILLION;

	for (size_t i = 0; rank < count && i < dist->nr_buckets; i++) {
		seen += dist->buckets[i].count;
		if (seen < rank || !seen)
			continue;
		value = middle(&dist->buckets[i]);
		if (value < dist->min)
			return dist->min;
		return value > dist->max ? dist->max : value;
	}
	return dist->max;
}
