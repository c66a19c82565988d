/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which differences are more than chance. Between single results it can only be estimated: events
 * are taken to come independently, which they do not quite, so what this calls noise is noise, and
 * what it does not may be. Between several, ranks decide.
 */
#include <math.h>
#include <stdbool.h>

#include "result/compare_priv.h"

#define LEAST_DISTANCE 3     /* standard deviations, where one trace stands against one */
#define LEAST_EFFECT   0.014 /* doublings: 1 % */
#define LEAST_SHARE    0.01  /* of the median: no smaller shift is called */
#define NOT_EXACT      0.7   /* what such a change counts beside an exact one */
#define RATIO_EVENTS   1000
#define MOST_P	       0.05

/* What one event adds to a unit's numbers: bytes and nanoseconds come in portions. */
static double grain(const struct kma_metric_def *def)
{
	switch (def->unit) {
	case KMA_UNIT_BYTES:
		return 256;
	case KMA_UNIT_NS:
		return 100000;
	case KMA_UNIT_RATIO:
		return 0.01;
	case KMA_UNIT_COEFFICIENT:
		return 0.1;
	default:
		return 1;
	}
}

double kma_effect(const struct kma_metric_def *def, double before, double after)
{
	bool small = def->unit == KMA_UNIT_RATIO || def->unit == KMA_UNIT_COEFFICIENT;
	double least = small ? grain(def) : 1, effect;

	if (before < 0 || after < 0) /* a balance: how large the step is beside what it went from */
		effect = 2 * fabs(after - before) / (fabs(before) + fabs(after) + least);
	else
		effect = fabs(log2((after + least) / (before + least)));
	return effect < 10 ? effect : 10;
}

double kma_count_distance(const struct kma_metric_def *def, double before, double after)
{
	double sum = fabs(before) + fabs(after);

	return sum > 0 ? fabs(after - before) / sqrt(sum * grain(def)) : 0;
}

static double bucket_middle(const struct kma_bucket *bucket)
{
	double low = (double)bucket->low;

	/* 64 buckets per power of two: a 128th beyond the low end, none where they are 1 wide */
	return bucket->low < 128 ? low : low * (1 + 1.0 / 160);
}

/* Mean of the squares: of values, not of their distances from the mean */
static double mean_square(const struct kma_dist *dist)
{
	double sum = 0;

	for (size_t i = 0; i < dist->nr_buckets; i++) {
		double x = bucket_middle(&dist->buckets[i]);

		sum += x * x * (double)dist->buckets[i].count;
	}
	return sum / (double)dist->count;
}

/* Variance of the mean; few samples do not show how far the others may lie. */
static double mean_variance(const struct kma_dist *dist)
{
	double n = (double)dist->count;
	double variance = mean_square(dist) - dist->mean * dist->mean;
	double least = dist->mean * dist->mean / (n * n);

	return (variance > least ? variance : least) / n;
}

static double dist_distance(const struct kma_change *change, const struct kma_dist *a,
			    const struct kma_dist *b)
{
	double step = fabs(change->value[KMA_NEW] - change->value[KMA_BASE]), scale, fewer;

	switch (change->stat) {
	case KMA_STAT_MEAN:
		scale = sqrt(mean_variance(a) + mean_variance(b));
		break;
	case KMA_STAT_SUM:
		scale = sqrt((a->count ? mean_square(a) * (double)a->count : 0) +
			     (b->count ? mean_square(b) * (double)b->count : 0));
		break;
	default: /* as many samples as lie beyond it carry a percentile */
		fewer = (double)(a->count < b->count ? a->count : b->count);
		fewer *= change->stat == KMA_STAT_P99 ? 0.01 : 0.5;
		return fabs(log((change->value[KMA_NEW] + 1) / (change->value[KMA_BASE] + 1))) *
		       sqrt(fewer);
	}
	return scale > 0 ? step / scale : 0;
}

/* Standard deviations between the two values, if no more than chance in counting were at work */
static double noise_distance(const struct kma_change *change)
{
	const struct kma_metric *a = change->metric[KMA_BASE], *b = change->metric[KMA_NEW];
	double before = change->value[KMA_BASE], after = change->value[KMA_NEW];

	if (a && b && a->dist && b->dist)
		return dist_distance(change, a->dist, b->dist);
	switch (change->def->unit) {
	case KMA_UNIT_RATIO: /* of how many is not known: as if of a thousand */
		return before + after > 0
			       ? fabs(after - before) / sqrt((before + after) / RATIO_EVENTS)
			       : 0;
	case KMA_UNIT_COEFFICIENT:
		return fabs(after - before) / (2 * grain(change->def));
	case KMA_UNIT_NS_PER_PAGE:
		return kma_effect(change->def, before, after) / 0.1;
	default:
		return kma_count_distance(change->def, before, after);
	}
}

static void judge_ranks(struct kma_change *change, const bool bound[KMA_SIDES])
{
	struct kma_ranks *r = &change->ranks;

	change->floor = fabs(r->median_a) * LEAST_SHARE;
	if (r->spread > change->floor)
		change->floor = r->spread;
	if (r->p > MOST_P || fabs(r->shift) <= change->floor)
		return;
	change->score = kma_effect(change->def, r->median_a, r->median_b) * fabs(r->delta);
	change->verdict = KMA_CHANGED;
	change->unsure = kma_adds_up(change->def, change->stat) &&
			 bound[r->shift > 0 ? KMA_BASE : KMA_NEW];
}

static void judge_counts(struct kma_change *change, const bool bound[KMA_SIDES])
{
	double before = change->value[KMA_BASE], after = change->value[KMA_NEW];
	double distance = noise_distance(change);
	double effect = kma_effect(change->def, before, after);

	if (!(distance >= LEAST_DISTANCE) || effect < LEAST_EFFECT)
		return;
	/* what is hardly more than noise, or not exact, counts for less */
	change->score = effect * distance * distance / (distance * distance + 3 * LEAST_DISTANCE);
	if (change->status.code != KMA_EXACT)
		change->score *= NOT_EXACT;
	change->verdict = KMA_CHANGED;
	change->unsure = kma_adds_up(change->def, change->stat) &&
			 bound[after > before ? KMA_BASE : KMA_NEW];
}

void kma_judge_change(const struct kma_comparison *c, struct kma_change *change,
		      const bool bound[KMA_SIDES])
{
	double step;

	change->verdict = KMA_SAME;
	if (c->several)
		judge_ranks(change, bound);
	else
		judge_counts(change, bound);
	step = change->value[KMA_NEW] - change->value[KMA_BASE];
	if (change->verdict == KMA_CHANGED && change->def->better != KMA_BETTER_NONE)
		change->verdict = (step > 0) == (change->def->better == KMA_BETTER_HIGHER)
					  ? KMA_IMPROVED
					  : KMA_WORSE;
}
