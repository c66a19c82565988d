/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report's table: the first rows, numbers with units, bars where the analysis asked for them.
 */
#include <math.h>
#include <string.h>

#include "render/grid.h"
#include "render/render.h"
#include "render/text.h"

#define LONGEST_BAR 30

static double number_of(const struct kma_value *value)
{
	if (value->type == KMA_VALUE_INT)
		return (double)value->i;
	return value->type == KMA_VALUE_REAL && isfinite(value->real) ? value->real : 0;
}

static const struct kma_value *cell(const struct kma_table *table, size_t row, size_t column)
{
	return &table->cells[row * table->nr_columns + column];
}

static double largest(const struct kma_table *table, size_t column)
{
	double most = 0;

	for (size_t r = 0; r < table->nr_rows; r++)
		most = fmax(most, number_of(cell(table, r, column)));
	return most;
}

/* Numbers and dashes only */
static bool is_numeric(struct kma_page *page, const struct kma_table *table, size_t column)
{
	for (size_t r = 0; r < table->nr_rows; r++) {
		const struct kma_value *value = cell(table, r, column);

		if (value->type == KMA_VALUE_STRING || value->type == KMA_VALUE_ADDRESS ||
		    kma_text_migratetype(page, value))
			return false;
	}
	return true;
}

static const char *bar_text(struct kma_page *page, double share, unsigned int width)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	char text[LONGEST_BAR * 3 + 4], *to = text;
	unsigned int parts;

	if (!(share > 0))
		return "";
	if (width > LONGEST_BAR)
		width = LONGEST_BAR;
	parts = (unsigned int)(share * width * 8 + 0.5);
	if (!page->options->utf8) {
		memset(text, '#', (parts + 4) / 8);
		text[(parts + 4) / 8] = '\0';
		return kma_page_clean(page, text);
	}
	if (!parts)
		parts = 1; /* little is not nothing */
	for (unsigned int i = 0; i < parts / 8; i++)
		to = stpcpy(to, "█");
	strcpy(to, eighths[parts % 8]);
	return kma_page_clean(page, text);
}

static size_t grid_columns(const struct kma_column *def)
{
	return !def->title ? 0 : def->bar ? 2 : 1;
}

static size_t count_columns(const struct kma_table *table)
{
	size_t nr = 0;

	for (size_t c = 0; c < table->nr_columns; c++)
		nr += grid_columns(&table->columns[c]);
	return nr;
}

static void fill_column(struct kma_page *page, const struct kma_table *table, size_t column,
			struct kma_grid *grid, size_t to)
{
	const struct kma_column *def = &table->columns[column];
	double most = def->bar ? largest(table, column) : 0;

	grid->columns[to].title = kma_page_clean(page, def->title);
	grid->columns[to].right = is_numeric(page, table, column);
	if (def->bar)
		grid->columns[to + 1].decoration = true;
	for (size_t r = 0; r < grid->nr_rows; r++) {
		const struct kma_value *value = cell(table, r, column);

		*kma_grid_cell(grid, r, to) = kma_text_value(page, def->unit, value, false);
		if (def->bar && most > 0)
			*kma_grid_cell(grid, r, to + 1) = bar_text(page, number_of(value) / most,
								   def->bar);
	}
}

void kma_text_table(struct kma_page *page, const struct kma_table *table)
{
	struct kma_grid *grid;
	size_t to = 0, gone;

	if (!table->nr_rows || !count_columns(table))
		return;
	kma_page_subheading(page, table->title);
	if (table->note) {
		kma_page_move(page, 2);
		kma_page_flow(page, 2, kma_page_clean(page, table->note));
	}
	if (table->timeline) {
		kma_text_timeline(page, table);
		return;
	}
	grid = kma_grid_new(page, count_columns(table), kma_text_top(page, table->nr_rows));
	if (!grid)
		return;
	for (size_t c = 0; c < table->nr_columns; c++) {
		if (!table->columns[c].title)
			continue;
		fill_column(page, table, c, grid, to);
		to += grid_columns(&table->columns[c]);
	}
	gone = kma_grid_print(page, 4, grid);
	kma_text_more(page, table->nr_rows, "row");
	if (gone) {
		kma_page_move(page, 4);
		kma_page_flow(page, 4,
			      kma_page_printf(page, "(%zu more column%s in the JSON output)", gone,
					      gone == 1 ? "" : "s"));
	}
}
