/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal as a sheet that is drawn whole, and as keys. Plain escape sequences that terminals
 * have understood since the VT100: what is drawn are lines that our renderers have made, which need
 * no windows, and no library stands between a signal and the terminal's restoration. Knows nothing
 * of what it shows.
 */
#ifndef KMA_LIVE_SCREEN_H
#define KMA_LIVE_SCREEN_H

#include <stdbool.h>
#include <stdio.h>
#include <termios.h>

struct kma_screen {
	FILE *out;
	int keys; /* -1: standard input is no terminal */
	struct termios before;
	bool open;
};

enum kma_key {
	KMA_KEY_NONE,
	KMA_KEY_UP = 256, /* others are characters */
	KMA_KEY_DOWN,
	KMA_KEY_LEFT,
	KMA_KEY_RIGHT,
	KMA_KEY_PAGE_UP,
	KMA_KEY_PAGE_DOWN,
	KMA_KEY_HOME,
	KMA_KEY_END,
};

/* @out is a terminal. -1: errno says why not. */
int kma_screen_open(struct kma_screen *screen, FILE *out);
/* As it was before. May be called twice, and opened again. */
void kma_screen_close(struct kma_screen *screen);
/* How much there is room for; 80 by 24 where the terminal does not tell. */
void kma_screen_size(const struct kma_screen *screen, unsigned int *rows, unsigned int *columns);
/* Shows @text, whose lines fit; those beyond the last row are left out. */
int kma_screen_draw(struct kma_screen *screen, const char *text, unsigned int rows);
/* The keys pressed since, at most @max. */
size_t kma_screen_keys(struct kma_screen *screen, int *keys, size_t max);

#endif
