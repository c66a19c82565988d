/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cells of text in aligned columns that always fit the page. */
#ifndef KMA_RENDER_GRID_H
#define KMA_RENDER_GRID_H

#include <stdbool.h>
#include <stddef.h>

struct kma_page;

struct kma_grid_column {
	const char *title; /* NULL: none */
	bool right;	   /* numbers: right-aligned, never shortened */
	bool decoration;   /* the first to go where the page is too narrow */
};

struct kma_grid {
	struct kma_grid_column *columns;
	size_t nr_columns;
	const char **cells; /* nr_rows * nr_columns, clean */
	size_t nr_rows;
};

/* With room for @nr_rows; NULL when out of memory, which the page remembers. */
struct kma_grid *kma_grid_new(struct kma_page *page, size_t nr_columns, size_t nr_rows);
static inline const char **kma_grid_cell(struct kma_grid *grid, size_t row, size_t column)
{
	return &grid->cells[row * grid->nr_columns + column];
}

/* Prints @grid (NULL: nothing) from column @indent on. Returns how many columns found no place. */
size_t kma_grid_print(struct kma_page *page, size_t indent, const struct kma_grid *grid);

#endif
