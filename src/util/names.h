/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names numbered in the order of their first appearance, up to a limit. */
#ifndef KMA_UTIL_NAMES_H
#define KMA_UTIL_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define KMA_NAMES_FULL UINT32_MAX

struct kma_names;

/* Never more than @limit names. NULL when out of memory. */
struct kma_names *kma_names_new(uint32_t limit);
void kma_names_free(struct kma_names *names);
/*
 * The number of the first @length bytes of @name, or those before a zero; copied when they are new.
 * KMA_NAMES_FULL when there is no room.
 */
uint32_t kma_names_number(struct kma_names *names, const char *name, size_t length);
uint32_t kma_names_count(const struct kma_names *names);
const char *kma_names_text(const struct kma_names *names, uint32_t number);

#endif
