/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much memory a piece of work takes at most, counted at every allocation of the program. */
#ifndef KMA_TESTS_PEAK_H
#define KMA_TESTS_PEAK_H

#include <stdbool.h>
#include <stddef.h>

/* False where it cannot be counted. */
bool peak_begin(void);
/* The most that was allocated at a time since, on top of what was then. */
size_t peak_end(void);

#endif
