/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the time bins that are not hot: growing, and comparing two rows. It knows numbers
 * and nanoseconds only.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "result/bins.h"

#define FIRST_SHIFT 10

void kma_bins_init(struct kma_bins *bins, uint64_t start)
{
	*bins = (struct kma_bins){ .start = start, .shift = FIRST_SHIFT };
}

void kma_bins_free(struct kma_bins *bins)
{
	for (uint32_t r = 0; r < bins->nr_rows; r++)
		free(bins->rows[r]);
	free(bins->rows);
	kma_bins_init(bins, bins->start);
}

static void double_width(struct kma_bins *bins)
{
	for (uint32_t r = 0; r < bins->nr_rows; r++) {
		uint64_t *row = bins->rows[r];

		if (!row)
			continue;
		for (unsigned int i = 0; i < KMA_NR_BINS / 2; i++)
			row[i] = row[2 * i] + row[2 * i + 1];
		memset(row + KMA_NR_BINS / 2, 0, KMA_NR_BINS / 2 * sizeof(*row));
	}
	bins->shift++;
}

int kma_bins_make_room(struct kma_bins *bins, uint32_t row, uint64_t offset)
{
	if (row >= bins->nr_rows) {
		uint64_t **rows;

		if (row == UINT32_MAX)
			return -1;
		rows = reallocarray(bins->rows, (size_t)row + 1, sizeof(*rows));
		if (!rows)
			return -1;
		memset(rows + bins->nr_rows, 0, ((size_t)row + 1 - bins->nr_rows) * sizeof(*rows));
		bins->rows = rows;
		bins->nr_rows = row + 1;
	}
	if (!bins->rows[row]) {
		bins->rows[row] = calloc(KMA_NR_BINS, sizeof(*bins->rows[row]));
		if (!bins->rows[row])
			return -1;
	}
	while (offset >> bins->shift >= KMA_NR_BINS)
		double_width(bins);
	return 0;
}

unsigned int kma_bins_used(const struct kma_bins *bins, uint64_t last_ts)
{
	uint64_t last = last_ts > bins->start ? (last_ts - bins->start) >> bins->shift : 0;

	return last < KMA_NR_BINS ? (unsigned int)last + 1 : KMA_NR_BINS;
}

static const uint64_t *row_of(const struct kma_bins *bins, uint32_t row)
{
	return row < bins->nr_rows ? bins->rows[row] : NULL;
}

static double row_mean(const uint64_t *row, unsigned int nr)
{
	double sum = 0;

	for (unsigned int i = 0; i < nr; i++)
		sum += (double)row[i];
	return sum / nr;
}

double kma_bins_correlation(const struct kma_bins *bins, uint32_t a, uint32_t b, unsigned int nr)
{
	const uint64_t *x = row_of(bins, a), *y = row_of(bins, b);
	double mean_x, mean_y, xx = 0, yy = 0, xy = 0, r;

	if (nr > KMA_NR_BINS)
		nr = KMA_NR_BINS;
	if (!x || !y || !nr)
		return NAN;
	/* Two passes: the textbook's one-pass sums cancel badly for large, nearly constant values.
	 */
	mean_x = row_mean(x, nr);
	mean_y = row_mean(y, nr);
	for (unsigned int i = 0; i < nr; i++) {
		double dx = (double)x[i] - mean_x, dy = (double)y[i] - mean_y;

		xx += dx * dx;
		yy += dy * dy;
		xy += dx * dy;
	}
	if (!(xx > 0) || !(yy > 0))
		return NAN;
	r = xy / (sqrt(xx) * sqrt(yy));
	return r > 1 ? 1 : r < -1 ? -1 : r;
}
