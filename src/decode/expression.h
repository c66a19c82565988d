/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Constant C expressions, as the preprocessor leaves them in print formats: integers, casts,
 * operators, ?: and parentheses. The text is hostile until proven otherwise.
 */
#ifndef KMA_DECODE_EXPRESSION_H
#define KMA_DECODE_EXPRESSION_H

#include <stdint.h>

#include "decode/scan.h"

/*
 * The value of the whole of @text, extended to 64 bits by its own sign; long has 64 bits. False
 * where it is no constant expression, where C leaves the outcome open, and where it is longer or
 * deeper than any that the kernel writes.
 */
bool kma_evaluate(struct text text, uint64_t *value);

#endif
