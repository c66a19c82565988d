/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The numbers that a result must hold: whole sums, plain lists of samples, real numbers. Compares
 * them with every metric of a result. Must not know what any metric means.
 */
#ifndef KMA_TESTS_EXPECT_H
#define KMA_TESTS_EXPECT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct kma_result;
struct expect;

/* The statuses that a metric may have, or'ed. */
enum { ST_EXACT = 1, ST_APPROXIMATE = 2, ST_LOWER_BOUND = 4 };

struct expect *expect_new(void);
void expect_free(struct expect *x);

/* @labels: "{cpu=3}", or "" for the whole. What is added to first comes into being as zero, or empty. */
void expect_add(struct expect *x, const char *name, const char *labels, int64_t amount);
void expect_sample(struct expect *x, const char *name, const char *labels, uint64_t value);
void expect_real(struct expect *x, const char *name, const char *labels, double value);
/* A distribution that may be empty. */
void expect_samples(struct expect *x, const char *name, const char *labels);

/* Reads back what was added; 0 if nothing was. */
int64_t expect_sum(const struct expect *x, const char *name, const char *labels);

/* Of all metrics of that name; @labels NULL, or else of one only. Without it a metric must be exact. */
void expect_status(struct expect *x, const char *name, const char *labels, unsigned int statuses);
/* No metric of that name may have a number, and at least one must say so. */
void expect_unavailable(struct expect *x, const char *name);

/* Prints each difference as "metric: expected ..., got ..."; their number. */
unsigned int expect_compare(const struct expect *x, const struct kma_result *result, FILE *out);

/* "{key=value}" in one of a few static buffers. */
const char *label(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
