/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A page of text, never wider than kma_page_columns() whatever is put on it. All text goes through
 * kma_page_clean() before it is measured or printed: strings of a trace may hold anything.
 */
#ifndef KMA_RENDER_PAGE_H
#define KMA_RENDER_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define KMA_PAGE_COLUMNS 100u /* but where the options say otherwise */

struct kma_arena;
struct kma_result;
struct kma_text_options;

struct kma_page {
	FILE *out;
	const struct kma_text_options *options;
	const struct kma_result *result; /* whose names text.h's wording uses; NULL: of several */
	struct kma_arena *scratch;	 /* lives as long as the page */
	size_t column;			 /* where the line goes on, with pending blanks */
	size_t blanks;			 /* asked for, not yet printed: none at a line's end */
	bool failed;			 /* out of memory */
};

size_t kma_page_columns(const struct kma_page *page);

enum kma_style { KMA_PLAIN, KMA_BOLD, KMA_DIM, KMA_RED, KMA_YELLOW, KMA_CYAN };

/* @s as one line of harmless printable text (ASCII only, if so wished); never NULL. */
const char *kma_page_clean(struct kma_page *page, const char *s);
/* Clean text, put together; never NULL. */
const char *kma_page_printf(struct kma_page *page, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Clean @text, its middle left out if it takes more than @columns. */
const char *kma_page_fit(struct kma_page *page, const char *text, size_t columns);
/* Zeroed scratch memory; NULL when out of memory, which the page remembers. */
void *kma_page_alloc(struct kma_page *page, size_t nr, size_t size);

/* Prints clean @text where the line stands; the caller sees to its width. */
void kma_page_put(struct kma_page *page, enum kma_style style, const char *text);
/* Moves to @column of this line. */
void kma_page_move(struct kma_page *page, size_t column);
void kma_page_newline(struct kma_page *page);
/*
 * Prints clean @text behind what the line has, or on a new line at @indent if there is no room for
 * all of it; broken up only when a whole line does not hold it.
 */
void kma_page_item(struct kma_page *page, size_t indent, const char *text);
/* Prints clean @text from here on, wrapped at the page's edge, further lines indented; ends the
 * line. */
void kma_page_flow(struct kma_page *page, size_t indent, const char *text);
/* An empty line, @title, and a line under it. */
void kma_page_heading(struct kma_page *page, const char *title);
/* @title, in a line of its own after an empty one */
void kma_page_subheading(struct kma_page *page, const char *title);

#endif
