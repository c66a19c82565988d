/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a long stretch of a mapped file with a window that moves over it: what comes is asked for
 * in time, what was read is given back. Knows nothing of what is in the file.
 */
#ifndef KMA_SOURCE_WINDOW_H
#define KMA_SOURCE_WINDOW_H

#include "source/mapping.h"

#define KMA_WINDOW_BYTES ((size_t)4 << 20)

struct kma_window {
	size_t begin; /* of the window, in the stretch */
	size_t asked; /* where what was asked for ends */
	bool started;
	bool cold, cold_next; /* it, and the next one, were not in the page cache before */
};

/*
 * The stretch of @size bytes at @data is read up to @at: moves the window where it is time to.
 * Called often, and does little then. At the end of the stretch, and for @at 0 again, it starts
 * anew.
 */
void kma_window_slide(struct kma_window *window, const struct kma_mapping *map, const uint8_t *data,
		      size_t size, size_t at);

static inline void kma_window_move(struct kma_window *window, const struct kma_mapping *map,
				   const uint8_t *data, size_t size, size_t at)
{
	if (!window->started || at - window->begin >= KMA_WINDOW_BYTES || at == size)
		kma_window_slide(window, map, data, size, at);
}

#endif
