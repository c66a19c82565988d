/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table whose rows are a course of events: what repeats is said once, a long one shows its two
 * ends, what is the same in all rows stands above. It must not know what happens in it.
 */
#include <inttypes.h>
#include <string.h>

#include "render/render.h"
#include "render/text.h"
#include "render/utf8.h"
#include "util/arena.h"

#define INDENT	       2
#define GAP	       2
#define LONGEST_PERIOD 4 /* rows that repeat together */
#define LEAST_CHAIN    40
#define LEAST_TEXT     24
#define WIDEST_TEXT    38 /* longer words may have to wrap */

struct column {
	size_t at, width;
	bool shown, right, wraps;
};

struct timeline {
	struct kma_page *page;
	const struct kma_table *table;
	struct column *columns;
	size_t text;  /* the column with the words */
	size_t lines; /* the column that stands below its row, and the one above a group */
	size_t group;
	size_t below; /* the chain that found no room in its row */
};

/* What is printed: a row, or words about rows. */
struct line {
	size_t row;
	const char *words; /* instead of the row's own, or NULL */
};

static const struct kma_value *cell(const struct kma_table *table, size_t row, size_t column)
{
	return &table->cells[row * table->nr_columns + column];
}

static bool is_time(const struct kma_column *column)
{
	return column->unit == KMA_UNIT_TIMESTAMP || column->unit == KMA_UNIT_NS;
}

static bool same_value(const struct kma_value *a, const struct kma_value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case KMA_VALUE_NONE:
		return true;
	case KMA_VALUE_STRING:
		return a->string == b->string || !strcmp(a->string, b->string);
	case KMA_VALUE_REAL:
		return a->real == b->real;
	default:
		return a->i == b->i;
	}
}

/* Whether two rows differ in nothing but when they were. */
static bool same_row(const struct kma_table *table, size_t a, size_t b)
{
	for (size_t c = 0; c < table->nr_columns; c++)
		if (!is_time(&table->columns[c]) && table->columns[c].bar != KMA_LOOK_GROUP &&
		    !same_value(cell(table, a, c), cell(table, b, c)))
			return false;
	return true;
}

/* How many rows from @row on only repeat the @period rows before it. */
static size_t repeats(const struct kma_table *table, size_t row, size_t period)
{
	size_t end = row;

	while (end < table->nr_rows && same_row(table, end, end - period))
		end++;
	return (end - row) / period;
}

/* The rows that tell something new, and what stands for the others. Returns how many. */
static size_t fold(struct timeline *t, struct line *lines)
{
	const struct kma_table *table = t->table;
	bool has_words = t->text < table->nr_columns;
	size_t nr = 0, fresh = 0;

	for (size_t row = 0; row < table->nr_rows;) {
		size_t best = 0, times = 0;

		for (size_t period = 1; has_words && period <= LONGEST_PERIOD && period <= fresh;
		     period++) {
			size_t n = repeats(table, row, period);

			if (n > 1 && n * period > best * times) {
				best = period;
				times = n;
			}
		}
		if (best) {
			const char *what = best == 1 ? "the same"
						     : kma_page_printf(t->page, "these %zu steps",
								       best);

			row += best * times;
			lines[nr++] = (struct line){
				.row = row - 1,
				.words = kma_page_printf(t->page, "... %s %s times more", what,
							 kma_text_uint(t->page, KMA_UNIT_COUNT,
								       times)),
			};
			fresh = 0;
		} else {
			lines[nr++] = (struct line){ .row = row++ };
			fresh++;
		}
	}
	return nr;
}

static const char *text_of(struct timeline *t, size_t row, size_t column)
{
	const struct kma_value *value = cell(t->table, row, column);

	return value->type == KMA_VALUE_NONE
		       ? "-"
		       : kma_text_value(t->page, t->table->columns[column].unit, value, false);
}

static bool is_number(const struct kma_table *table, size_t column)
{
	for (size_t r = 0; r < table->nr_rows; r++)
		if (cell(table, r, column)->type == KMA_VALUE_STRING)
			return false;
	return true;
}

static bool is_constant(const struct kma_table *table, size_t column)
{
	for (size_t r = 1; r < table->nr_rows; r++)
		if (!same_value(cell(table, 0, column), cell(table, r, column)))
			return false;
	return true;
}

/* Which columns there are, and how wide their texts. Says above what is the same in all rows. */
static void measure(struct timeline *t, const struct line *lines, size_t nr)
{
	const struct kma_table *table = t->table;
	const char *same = "";

	for (size_t c = 0; c < table->nr_columns; c++) {
		const struct kma_column *def = &table->columns[c];
		struct column *column = &t->columns[c];
		bool constant = is_constant(table, c);
		const struct kma_value *first = cell(table, 0, c);

		if (def->bar == KMA_LOOK_JSON_ONLY)
			continue;
		if (def->bar == KMA_LOOK_LINES) {
			t->lines = c;
			continue;
		}
		if (def->bar == KMA_LOOK_GROUP) {
			t->group = constant ? t->group : c;
			continue;
		}
		column->right = is_number(table, c);
		if (constant && first->type == KMA_VALUE_NONE)
			continue;
		column->width = kma_utf8_width(def->title);
		for (size_t i = 0; i < nr; i++) {
			const char *text = lines[i].words && c == t->text
						   ? lines[i].words
						   : text_of(t, lines[i].row, c);
			size_t width = kma_utf8_width(text);

			column->width = width > column->width ? width : column->width;
		}
		column->wraps = def->bar == KMA_LOOK_WORDS;
		if (constant && table->nr_rows > 2 && def->bar == KMA_LOOK_PLAIN && !is_time(def) &&
		    !column->wraps) {
			same = kma_page_printf(t->page, "%s%s%s %s", same, *same ? ", " : "",
					       def->title, text_of(t, 0, c));
			continue;
		}
		column->shown = true;
	}
	if (*same) {
		kma_page_move(t->page, INDENT);
		kma_page_flow(t->page, INDENT, kma_page_printf(t->page, "In every row: %s.", same));
	}
}

/* The columns' room beside the one of @but (nr_columns: none). */
static size_t room_of(const struct timeline *t, size_t but)
{
	size_t used = INDENT;

	for (size_t c = 0; c < t->table->nr_columns; c++)
		if (t->columns[c].shown && c != but)
			used += t->columns[c].width + GAP;
	return used;
}

/* Puts the columns side by side. A chain without enough room goes below its row, and has all of a
 * line. */
static void place(struct timeline *t)
{
	const struct kma_table *table = t->table;
	size_t chain = table->nr_columns, least = 0, natural, used, at = INDENT;
	struct column *text = t->text < table->nr_columns ? &t->columns[t->text] : NULL;

	for (size_t c = 0; c < table->nr_columns; c++)
		if (t->columns[c].shown && table->columns[c].bar == KMA_LOOK_CHAIN)
			chain = c;
	if (chain < table->nr_columns) {
		least = t->columns[chain].width < LEAST_CHAIN ? t->columns[chain].width
							      : LEAST_CHAIN;
		/* the stack below tells all of it */
		t->columns[chain].shown = t->lines == table->nr_columns;
	}
	natural = text ? text->width : 0;
	if (text && text->width > WIDEST_TEXT)
		text->width = WIDEST_TEXT;
	used = room_of(t, chain);
	if (chain < table->nr_columns && t->columns[chain].shown && text &&
	    used + least > KMA_PAGE_COLUMNS) {
		size_t over = used + least - KMA_PAGE_COLUMNS;

		if (text->width >= over + LEAST_TEXT) {
			text->width -= over;
		} else {
			t->columns[chain].shown = false;
			t->below = chain;
		}
	}
	used = room_of(t, table->nr_columns);
	if (text && chain < table->nr_columns && !t->columns[chain].shown &&
	    used > KMA_PAGE_COLUMNS + GAP) {
		size_t over = used - KMA_PAGE_COLUMNS - GAP;

		text->width -= text->width > over + LEAST_TEXT ? over : text->width - LEAST_TEXT;
	}
	/* what is left over is better filled with words than empty */
	used = room_of(t, table->nr_columns);
	if (text && used < KMA_PAGE_COLUMNS + GAP) {
		size_t more = KMA_PAGE_COLUMNS + GAP - used;

		text->width = natural < text->width + more ? natural : text->width + more;
	}
	for (size_t c = 0; c < table->nr_columns; c++) {
		struct column *column = &t->columns[c];
		size_t left = at < KMA_PAGE_COLUMNS ? KMA_PAGE_COLUMNS - at : 0;

		if (!column->shown)
			continue;
		column->at = at;
		if (column->width > left)
			column->width = left;
		column->shown = column->width > 0;
		at += column->width + GAP;
	}
}

/* As many names of "a < b < c" as fit. */
static const char *fit_chain(struct timeline *t, const char *text, size_t width)
{
	size_t best = 0, at = 0;

	if (kma_utf8_width(text) <= width)
		return text;
	for (const char *next = strstr(text, " < "); next; next = strstr(next + 3, " < ")) {
		at = (size_t)(next - text);
		if (at + 2 > width) /* with the sign that more follows */
			break;
		best = at;
	}
	if (!best)
		best = strcspn(text, " ");
	return kma_page_fit(t->page,
			    kma_page_printf(t->page, "%.*s%s", (int)best, text,
					    best + 2 <= width ? " <" : ""),
			    width);
}

/* The bytes of @text's first line within @width; *@skip to the next. */
static size_t wrap(const char *text, size_t width, size_t *skip)
{
	size_t bytes = strlen(text), best = 0;

	*skip = bytes;
	if (kma_utf8_width(text) <= width)
		return bytes;
	for (size_t at = strcspn(text, " "); text[at] && at <= width;
	     at += 1 + strcspn(text + at + 1, " "))
		best = at;
	if (!best) /* a word longer than the column: it is ours, but a name in it may be anything */
		best = strcspn(text, " ");
	*skip = best + (text[best] == ' ');
	return best;
}

static void put_cell(struct timeline *t, size_t c, const char *text, enum kma_style style)
{
	const struct column *column = &t->columns[c];
	const char *fit = t->table->columns[c].bar == KMA_LOOK_CHAIN
				  ? fit_chain(t, text, column->width)
				  : kma_page_fit(t->page, text, column->width);
	size_t width = kma_utf8_width(fit);

	kma_page_move(t->page, column->at + (column->right ? column->width - width : 0));
	kma_page_put(t->page, style, fit);
}

static void put_titles(struct timeline *t)
{
	for (size_t c = 0; c < t->table->nr_columns; c++)
		if (t->columns[c].shown)
			put_cell(t, c, t->table->columns[c].title, KMA_DIM);
	kma_page_newline(t->page);
}

static void put_below(struct timeline *t, const char *chain)
{
	size_t at = t->text < t->table->nr_columns ? t->columns[t->text].at : INDENT;

	while (*chain) {
		const char *end = strstr(chain, " < ");
		size_t bytes = end ? (size_t)(end - chain) : strlen(chain);
		const char *name = kma_page_printf(t->page, "%.*s", (int)bytes, chain);

		kma_page_move(t->page, at + 2);
		kma_page_put(t->page, KMA_DIM,
			     kma_page_fit(t->page, name, KMA_PAGE_COLUMNS - at - 2));
		kma_page_newline(t->page);
		chain += bytes + (end ? 3 : 0);
	}
}

static void put_line(struct timeline *t, const struct line *line)
{
	const struct kma_table *table = t->table;
	const char *rest = "";

	for (size_t c = 0; c < table->nr_columns; c++) {
		const char *text = text_of(t, line->row, c);

		if (!t->columns[c].shown)
			continue;
		if (line->words && c != t->text && table->columns[c].unit != KMA_UNIT_TIMESTAMP)
			continue;
		if (line->words && c == t->text)
			text = line->words;
		if (t->columns[c].wraps && c == t->text) {
			size_t skip, bytes = wrap(text, t->columns[c].width, &skip);

			rest = text + skip;
			text = kma_page_printf(t->page, "%.*s", (int)bytes, text);
		}
		put_cell(t, c, text, line->words ? KMA_DIM : KMA_PLAIN);
	}
	kma_page_newline(t->page);
	while (*rest) {
		size_t skip, bytes = wrap(rest, t->columns[t->text].width - 2, &skip);

		kma_page_move(t->page, t->columns[t->text].at + 2);
		kma_page_put(t->page, KMA_PLAIN,
			     kma_page_fit(t->page,
					  kma_page_printf(t->page, "%.*s", (int)bytes, rest),
					  t->columns[t->text].width));
		kma_page_newline(t->page);
		rest += skip;
	}
	if (line->words)
		return;
	if (t->below < table->nr_columns &&
	    cell(table, line->row, t->below)->type == KMA_VALUE_STRING) {
		size_t at = t->columns[t->text].at + 2;

		kma_page_move(t->page, at);
		kma_page_put(t->page, KMA_DIM,
			     fit_chain(t, text_of(t, line->row, t->below), KMA_PAGE_COLUMNS - at));
		kma_page_newline(t->page);
	}
	if (t->lines < table->nr_columns &&
	    cell(table, line->row, t->lines)->type == KMA_VALUE_STRING)
		put_below(t, kma_page_clean(t->page, cell(table, line->row, t->lines)->string));
}

/* What the rows from here on have in common, unless the line before had it too. */
static void put_group(struct timeline *t, const struct line *line, const struct line *before)
{
	const struct kma_column *def = &t->table->columns[t->group];
	const struct kma_value *value;

	if (t->group == t->table->nr_columns || line->words)
		return;
	value = cell(t->table, line->row, t->group);
	if (before && same_value(value, cell(t->table, before->row, t->group)))
		return;
	kma_page_move(t->page, INDENT);
	kma_page_put(t->page, KMA_BOLD,
		     value->type == KMA_VALUE_NONE
			     ? kma_page_printf(t->page, "in no %s", def->title)
			     : kma_page_printf(t->page, "%s %s", def->title,
					       text_of(t, line->row, t->group)));
	kma_page_newline(t->page);
}

static void left_out(struct timeline *t, size_t lines)
{
	kma_page_move(t->page, INDENT);
	kma_page_put(t->page, KMA_DIM,
		     kma_page_printf(t->page, "... %s lines left out (--top %zu shows all)",
				     kma_text_uint(t->page, KMA_UNIT_COUNT,
						   lines - kma_text_top(t->page, lines)),
				     lines));
	kma_page_newline(t->page);
}

void kma_text_timeline(struct kma_page *page, const struct kma_table *table)
{
	struct timeline t = {
		.page = page, .table = table, .lines = table->nr_columns, .group = table->nr_columns
	};
	struct line *lines = kma_page_alloc(page, table->nr_rows, sizeof(*lines));
	size_t nr, shown;

	t.columns = kma_page_alloc(page, table->nr_columns, sizeof(*t.columns));
	if (!lines || !t.columns)
		return;
	for (size_t c = 0; c < table->nr_columns; c++)
		if (table->columns[c].bar == KMA_LOOK_WORDS)
			t.text = c;
	nr = fold(&t, lines);
	shown = kma_text_top(page, nr);
	/* both ends, the beginning a bit longer */
	if (shown < nr)
		memmove(lines + (shown + 1) / 2, lines + nr - shown / 2,
			shown / 2 * sizeof(*lines));
	measure(&t, lines, shown);
	place(&t);
	put_titles(&t);
	for (size_t i = 0; i < shown; i++) {
		if (shown < nr && i == (shown + 1) / 2)
			left_out(&t, nr);
		put_group(&t, &lines[i], i ? &lines[i - 1] : NULL);
		put_line(&t, &lines[i]);
	}
}
