/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the histogram that are not hot. It knows numbers only: no units, no metrics.
 */
#include <stdlib.h>

#include "result/histogram.h"

#define MILLION UINT64_C(1000000)

void kma_histogram_free(struct kma_histogram *h)
{
	for (unsigned int o = 0; o < KMA_HISTOGRAM_OCTAVES; o++)
		free(h->octave[o]);
	*h = (struct kma_histogram){ 0 };
}

int kma_histogram_open_octave(struct kma_histogram *h, unsigned int octave)
{
	h->octave[octave] = calloc(KMA_OCTAVE_BUCKETS, sizeof(*h->octave[octave]));
	return h->octave[octave] ? 0 : -1;
}

int kma_histogram_merge(struct kma_histogram *to, const struct kma_histogram *from)
{
	if (!from->count)
		return 0;
	/* All memory first, so that a failure leaves @to as it was. */
	for (unsigned int o = 0; o < KMA_HISTOGRAM_OCTAVES; o++) {
		if (from->octave[o] && !to->octave[o] && kma_histogram_open_octave(to, o))
			return -1;
	}
	for (unsigned int o = 0; o < KMA_HISTOGRAM_OCTAVES; o++) {
		if (!from->octave[o])
			continue;
		for (unsigned int i = 0; i < KMA_OCTAVE_BUCKETS; i++)
			to->octave[o][i] += from->octave[o][i];
	}
	if (!to->count || from->min < to->min)
		to->min = from->min;
	if (from->max > to->max)
		to->max = from->max;
	to->count += from->count;
	if (__builtin_add_overflow(to->sum, from->sum, &to->sum))
		to->sum = UINT64_MAX;
	return 0;
}

static uint64_t bucket_low(unsigned int octave, unsigned int i)
{
	return octave ? (uint64_t)(KMA_OCTAVE_BUCKETS + i) << (octave - 1) : i;
}

static uint64_t bucket_middle(unsigned int octave, unsigned int i)
{
	uint64_t width = octave ? UINT64_C(1) << (octave - 1) : 1;

	return bucket_low(octave, i) + (width - 1) / 2;
}

uint64_t kma_histogram_bucket_low(uint64_t value)
{
	unsigned int bucket = kma_histogram_bucket(value);

	return bucket_low(bucket / KMA_OCTAVE_BUCKETS, bucket % KMA_OCTAVE_BUCKETS);
}

/* ceil(p * count) in integers: 0.99 is no binary fraction, and its product may land above a whole
 * number. */
static uint64_t nearest_rank(uint64_t count, double p)
{
	uint64_t ppm, rank;

	if (!(p > 0))
		return 1;
	if (p >= 1)
		return count;
	ppm = (uint64_t)(p * (double)MILLION + 0.5);
	rank = count / MILLION * ppm + (count % MILLION * ppm + MILLION - 1) / MILLION;
	return rank ? rank : 1;
}

uint64_t kma_histogram_percentile(const struct kma_histogram *h, double p)
{
	uint64_t rank = nearest_rank(h->count, p);
	uint64_t seen = 0, value;

	if (rank >= h->count)
		return h->max;
	for (unsigned int o = 0; o < KMA_HISTOGRAM_OCTAVES; o++) {
		if (!h->octave[o])
			continue;
		for (unsigned int i = 0; i < KMA_OCTAVE_BUCKETS; i++) {
			seen += h->octave[o][i];
			if (seen < rank)
				continue;
			value = bucket_middle(o, i);
			if (value < h->min)
				return h->min;
			return value > h->max ? h->max : value;
		}
	}
	return h->max;
}
