/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as people read them: "1,359", "12.4 us", "3.1 MiB", "4.2 %". */
#ifndef KMA_RENDER_FORMAT_H
#define KMA_RENDER_FORMAT_H

#include <stdint.h>

#include <kmem-analyze/result.h>

struct kma_number {
	char digits[40];
	const char *unit; /* "" where the number stands alone */
};

/* A whole number with its thousands set apart; INT64_MIN and UINT64_MAX included. */
struct kma_number kma_format_int(enum kma_unit unit, int64_t value);
struct kma_number kma_format_uint(enum kma_unit unit, uint64_t value);
/* Not finite: "-". */
struct kma_number kma_format_real(enum kma_unit unit, double value);
/* INT or REAL; "-" for all else. */
struct kma_number kma_format_value(enum kma_unit unit, const struct kma_value *value);

#endif
