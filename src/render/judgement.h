/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a judgement is said: the sentences that all its formats share. */
#ifndef KMA_RENDER_JUDGEMENT_H
#define KMA_RENDER_JUDGEMENT_H

#include <stdbool.h>

#include "result/judgement.h"

/* Sentences live in @arena; a failure sticks. */
struct kma_wording {
	struct kma_arena *arena;
	bool failed; /* out of memory */
};

const char *kma_say(struct kma_wording *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "violated", "held", "inconclusive"; "violated (a warning)" */
const char *kma_say_outcome(const struct kma_check *check);
/* "2 of 5 thresholds violated, 1 inconclusive"; a pattern's parts count one by one */
const char *kma_say_sum(struct kma_wording *w, const struct kma_judgement *judgement);
/* "p99 is 1.65 ms, must be at most 1.16 ms; 1.11 ms in the baseline (+49 %)" */
const char *kma_say_condition(struct kma_wording *w, const struct kma_judged *judged);
/* All that there is to say of the check's conditions, separated by "; " */
const char *kma_say_check(struct kma_wording *w, const struct kma_check *check);
/*
 * Explanation number @i, or NULL when there are no more: the parts behind a violation ("caller
 * rmqueue_bulk+0x70: 23.1 ms, 4 ms in the baseline: 71 % of the change"), then what the report
 * found.
 */
const char *kma_say_explanation(struct kma_wording *w, const struct kma_check *check, size_t i);
/* The measured number, the limit, the baseline's, each with its unit; "-" where there is none */
const char *kma_say_value(struct kma_wording *w, const struct kma_judged *judged);
const char *kma_say_limit(struct kma_wording *w, const struct kma_judged *judged);
const char *kma_say_base(struct kma_wording *w, const struct kma_judged *judged);

#endif
