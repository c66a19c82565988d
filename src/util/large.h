/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that may be large, on huge pages where it is. */
#ifndef KMA_UTIL_LARGE_H
#define KMA_UTIL_LARGE_H

#include <stddef.h>

/* @size bytes of any content, at the start of a cache line; free() them. NULL when out of memory.
 */
void *kma_alloc_large(size_t size);

#endif
