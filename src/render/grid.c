/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fitting columns onto the page: titles wrap first, then decoration goes, then columns move closer,
 * then names lose their middles, and at last columns go from the right. It must not know what
 * stands in them.
 */
#include <stdint.h>
#include <string.h>

#include "render/grid.h"
#include "render/page.h"
#include "render/utf8.h"
#include "util/arena.h"

#define WIDE_GAP      2
#define NARROW_GAP    1
#define LONGEST_TEXT  40
#define SHORTEST_TEXT 10

struct fitted {
	size_t width;
	size_t cells; /* width that the cells take */
	size_t title; /* width of the longest word of the title */
	size_t title_lines;
	bool gone;
};

struct kma_grid *kma_grid_new(struct kma_page *page, size_t nr_columns, size_t nr_rows)
{
	struct kma_grid *grid = kma_page_alloc(page, 1, sizeof(*grid));

	if (!grid || (nr_rows && nr_columns > SIZE_MAX / sizeof(*grid->cells) / nr_rows))
		return NULL;
	grid->nr_columns = nr_columns;
	grid->nr_rows = nr_rows;
	grid->columns = kma_page_alloc(page, nr_columns, sizeof(*grid->columns));
	grid->cells = kma_page_alloc(page, nr_rows * nr_columns, sizeof(*grid->cells));
	if (!grid->columns || !grid->cells)
		return NULL;
	for (size_t i = 0; i < nr_rows * nr_columns; i++)
		grid->cells[i] = "";
	return grid;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Titles wrap at blanks. Returns the bytes of @text's first line within @width, and how many to
 * skip for the next. */
static size_t title_line(const char *text, size_t width, size_t *skip)
{
	size_t best = strlen(text);

	*skip = best;
	if (kma_utf8_width(text) <= width)
		return best;
	/* The last blank within the width, else the first one */
	for (size_t at = strcspn(text, " "), columns = at; text[at];
	     at += 1 + strcspn(text + at + 1, " ")) {
		columns = at;
		if (best != strlen(text) && columns > width)
			break;
		best = at;
		*skip = at + 1;
	}
	return best;
}

static size_t longest_word(const char *text)
{
	size_t longest = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		longest = larger(longest,
				 len); /* titles are ours, and ASCII but for a sign or two */
		text += len + (text[len] != '\0');
	}
	return longest;
}

static size_t count_lines(const char *text, size_t width)
{
	size_t lines = 0, skip;

	for (; *text; text += skip, lines++)
		title_line(text, width, &skip);
	return lines;
}

static size_t total_width(const struct kma_grid *grid, const struct fitted *f, size_t gap)
{
	size_t total = 0, shown = 0;

	for (size_t c = 0; c < grid->nr_columns; c++) {
		if (f[c].gone)
			continue;
		total += f[c].width;
		shown++;
	}
	return total + (shown ? (shown - 1) * gap : 0);
}

static void measure(const struct kma_grid *grid, struct fitted *f)
{
	for (size_t c = 0; c < grid->nr_columns; c++) {
		const struct kma_grid_column *column = &grid->columns[c];

		for (size_t r = 0; r < grid->nr_rows; r++)
			f[c].cells = larger(f[c].cells,
					    kma_utf8_width(grid->cells[r * grid->nr_columns + c]));
		if (!column->right && !column->decoration)
			f[c].cells = smaller(f[c].cells, LONGEST_TEXT);
		f[c].title = column->title ? longest_word(column->title) : 0;
		f[c].width = larger(f[c].cells, column->title ? kma_utf8_width(column->title) : 0);
		/* A long title over short cells wastes the line: two lines will do. */
		if (column->title && f[c].width > f[c].cells + 6)
			f[c].width = larger(larger(f[c].cells, f[c].title),
					    (f[c].width + 1) / 2 + 1);
	}
}

/* Takes one column's width from the widest that may still shrink, until all fits or none may. */
static void shrink(const struct kma_grid *grid, struct fitted *f, size_t gap, size_t room,
		   bool names)
{
	while (total_width(grid, f, gap) > room) {
		size_t widest = SIZE_MAX;

		for (size_t c = 0; c < grid->nr_columns; c++) {
			bool name = !grid->columns[c].right && !grid->columns[c].decoration;
			size_t least = names && name ? smaller(f[c].cells, SHORTEST_TEXT)
						     : larger(f[c].cells, f[c].title);

			if (names != name && names)
				continue;
			if (!f[c].gone && f[c].width > least &&
			    (widest == SIZE_MAX || f[c].width > f[widest].width))
				widest = c;
		}
		if (widest == SIZE_MAX)
			return;
		f[widest].width--;
	}
}

/* Returns the number of columns with content that had to go; *@gap is what stands between the
 * others. */
static size_t fit_columns(const struct kma_grid *grid, struct fitted *f, size_t room, size_t *gap)
{
	size_t gone = 0;

	*gap = WIDE_GAP;
	measure(grid, f);
	shrink(grid, f, *gap, room, false);
	for (size_t c = grid->nr_columns; c-- && total_width(grid, f, *gap) > room;)
		f[c].gone = grid->columns[c].decoration;
	if (total_width(grid, f, *gap) > room)
		*gap = NARROW_GAP;
	shrink(grid, f, *gap, room, true);
	for (size_t c = grid->nr_columns; c-- > 1 && total_width(grid, f, *gap) > room;) {
		if (f[c].gone)
			continue;
		f[c].gone = true;
		gone++;
	}
	if (total_width(grid, f, *gap) > room)
		f[0].width = room;
	return gone;
}

static void put_cell(struct kma_page *page, enum kma_style style, const struct fitted *f,
		     bool right, size_t at, const char *text)
{
	const char *fit = kma_page_fit(page, text, f->width);

	kma_page_move(page, at + (right ? f->width - kma_utf8_width(fit) : 0));
	kma_page_put(page, style, fit);
}

static void print_titles(struct kma_page *page, size_t indent, const struct kma_grid *grid,
			 struct fitted *f, size_t gap)
{
	size_t lines = 0;

	for (size_t c = 0; c < grid->nr_columns; c++) {
		f[c].title_lines = !f[c].gone && grid->columns[c].title
					   ? count_lines(grid->columns[c].title, f[c].width)
					   : 0;
		lines = larger(lines, f[c].title_lines);
	}
	for (size_t line = 0; line < lines; line++) {
		size_t at = indent;

		for (size_t c = 0; c < grid->nr_columns; c++) {
			const char *text = grid->columns[c].title;
			size_t skip, bytes;

			if (f[c].gone)
				continue;
			/* titles of fewer lines stand at the bottom */
			if (lines - line <= f[c].title_lines) {
				for (size_t k = lines - f[c].title_lines; k < line;
				     k++, text += skip)
					title_line(text, f[c].width, &skip);
				bytes = title_line(text, f[c].width, &skip);
				text = kma_arena_strndup(page->scratch, text, bytes);
				page->failed |= !text;
				put_cell(page, KMA_DIM, &f[c], grid->columns[c].right, at,
					 text ? text : "");
			}
			at += f[c].width + gap;
		}
		kma_page_newline(page);
	}
}

size_t kma_grid_print(struct kma_page *page, size_t indent, const struct kma_grid *grid)
{
	struct fitted *f = grid ? kma_page_alloc(page, grid->nr_columns, sizeof(*f)) : NULL;
	size_t gone, gap;

	if (!f)
		return 0;
	gone = fit_columns(grid, f, kma_page_columns(page) - indent, &gap);
	print_titles(page, indent, grid, f, gap);
	for (size_t r = 0; r < grid->nr_rows; r++) {
		size_t at = indent;

		for (size_t c = 0; c < grid->nr_columns; c++) {
			if (f[c].gone)
				continue;
			put_cell(page, KMA_PLAIN, &f[c], grid->columns[c].right, at,
				 grid->cells[r * grid->nr_columns + c]);
			at += f[c].width + gap;
		}
		kma_page_newline(page);
	}
	return gone;
}
