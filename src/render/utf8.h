/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings from a trace are bytes from anywhere: which of them are text, and how wide they print. */
#ifndef KMA_RENDER_UTF8_H
#define KMA_RENDER_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length in bytes (1 to 4) of the well-formed character at @s, its number in *@c; 0 if there is
 * none. */
size_t kma_utf8_next(const char *s, uint32_t *c);
/* False for what controls a terminal or the direction of text, and for what cannot be seen. */
bool kma_utf8_printable(uint32_t c);
/* Columns that a printable character takes: 1 or 2. */
unsigned int kma_utf8_columns(uint32_t c);
/* Columns that well-formed printable text takes. */
size_t kma_utf8_width(const char *s);

#endif
