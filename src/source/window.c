/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A window that moves over a file; see window.h. */
#include "source/window.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIN_PAGE 4096

/*
 * Asks for what is not asked for yet of the next two windows' length, without a gap: at one the
 * kernel would begin to read ahead on its own. True if most of it was not in the page cache. (The
 * kernel tells that only to who may write the file; for others all seems to be there, and stays.)
 */
static bool ask_for(struct kma_window *window, const uint8_t *data, size_t size, size_t end)
{
	unsigned char resident[2 * KMA_WINDOW_BYTES / MIN_PAGE + 2];
	uintptr_t page = sysconf(_SC_PAGESIZE), from, to;
	size_t there = 0, nr;

	end = end < size ? end : size;
	if (window->asked >= end)
		return false;
	if (end - window->asked > 2 * KMA_WINDOW_BYTES)
		window->asked = end - 2 * KMA_WINDOW_BYTES;
	from = ((uintptr_t)data + window->asked) & ~(page - 1);
	to = ((uintptr_t)data + end + page - 1) & ~(page - 1);
	window->asked = end;
	nr = (to - from) / page;
	if (mincore((void *)from, to - from, resident))
		return false;
	for (size_t i = 0; i < nr; i++)
		there += resident[i] & 1;
	if (there < nr)
		madvise((void *)from, to - from, MADV_WILLNEED);
	return there < nr - nr / 2;
}

/*
 * What was read need not count as this process's memory. Where reading brought it into the page
 * cache it goes from there too, as a file larger than the memory would push out all else; what was
 * there before is somebody's and stays.
 */
static void give_back(const struct kma_mapping *map, const uint8_t *data, size_t from, size_t to,
		      bool cold)
{
	uintptr_t page = sysconf(_SC_PAGESIZE);
	uintptr_t begin = ((uintptr_t)data + from + page - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)data + to) & ~(page - 1);

	if (end <= begin)
		return;
	madvise((void *)begin, end - begin, MADV_DONTNEED);
	if (!cold)
		return;
	/* the kernel keeps pages in large pieces, and drops one only if all of it is named: so
	 * again the window before, whose last piece may reach into this one */
	begin -= from < KMA_WINDOW_BYTES ? from : KMA_WINDOW_BYTES;
	posix_fadvise(map->fd, (off_t)(begin - (uintptr_t)map->data), (off_t)(end - begin),
		      POSIX_FADV_DONTNEED);
}

void kma_window_slide(struct kma_window *window, const struct kma_mapping *map, const uint8_t *data,
		      size_t size, size_t at)
{
	if (!map->mapped)
		return;
	if (window->started) {
		give_back(map, data, window->begin, at, window->cold);
		window->cold = window->cold_next;
	} else {
		uintptr_t page = sysconf(_SC_PAGESIZE), from = (uintptr_t)data & ~(page - 1);

		/* nothing but what is asked for: the kernel's own guess would count as cached */
		madvise((void *)from, (uintptr_t)data + size - from, MADV_RANDOM);
		window->asked = at;
		window->cold = ask_for(window, data, size, at + KMA_WINDOW_BYTES);
	}
	window->started = at < size;
	window->begin = at;
	window->cold_next = ask_for(window, data, size, at + 2 * KMA_WINDOW_BYTES);
}
