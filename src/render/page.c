/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines, wrapping, truncation and colour. It must not know what the text is about.
 */
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "render/page.h"
#include "render/render.h"
#include "render/utf8.h"
#include "util/arena.h"

static const char *remember(struct kma_page *page, const char *text)
{
	page->failed |= !text;
	return text ? text : "";
}

void *kma_page_alloc(struct kma_page *page, size_t nr, size_t size)
{
	void *memory = nr && size > SIZE_MAX / nr ? NULL
						  : kma_arena_alloc(page->scratch, nr * size);

	page->failed |= !memory;
	return memory;
}

/* What stands for a character on a terminal that knows ASCII only */
static const char *ascii_for(uint32_t c)
{
	static const struct {
		uint32_t c;
		const char *ascii;
	} known[] = {
		{ 0xa0, " " },	  { 0xb1, "+-" },    { 0xb2, "^2" },   { 0xb5, "u" },
		{ 0xb7, "*" },	  { 0xd7, "x" },     { 0x3bc, "u" },   { 0x2013, "-" },
		{ 0x2014, "-" },  { 0x2018, "'" },   { 0x2019, "'" },  { 0x201c, "\"" },
		{ 0x201d, "\"" }, { 0x2026, "..." }, { 0x2192, "->" }, { 0x2248, "~" },
		{ 0x2264, "<=" }, { 0x2265, ">=" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i].c == c)
			return known[i].ascii;
	}
	return "?";
}

const char *kma_page_clean(struct kma_page *page, const char *s)
{
	char *text, *to;
	uint32_t c;
	size_t len;

	if (!s)
		return "";
	/* a byte becomes "\xNN" at worst, a character of three or four bytes "\u{10ffff}" */
	text = to = kma_arena_alloc(page->scratch, strlen(s) * 4 + 1);
	if (!text)
		return remember(page, NULL);
	while (*s) {
		len = kma_utf8_next(s, &c);
		if (!len)
			to += sprintf(to, "\\x%02x", (unsigned char)*s);
		else if (c == '\n' || c == '\t')
			*to++ = ' ';
		else if (!kma_utf8_printable(c))
			to += sprintf(to, c < 0x100 ? "\\x%02x" : "\\u{%x}", c);
		else if (c >= 0x80 && !page->options->utf8)
			to += sprintf(to, "%s", ascii_for(c));
		else
			to = (char *)memcpy(to, s, len) + len;
		s += len ? len : 1;
	}
	return text;
}

const char *kma_page_printf(struct kma_page *page, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = kma_arena_vprintf(page->scratch, fmt, ap);
	va_end(ap);
	return kma_page_clean(page, remember(page, text));
}

/* Bytes of the longest beginning of @text that fits into @columns */
static size_t beginning(const char *text, size_t columns)
{
	size_t bytes = 0, width = 0, len;
	uint32_t c;

	while ((len = kma_utf8_next(text + bytes, &c))) {
		width += kma_utf8_columns(c);
		if (width > columns)
			break;
		bytes += len;
	}
	return bytes;
}

/* The longest end of @text that fits into @columns */
static const char *ending(const char *text, size_t columns)
{
	size_t width = kma_utf8_width(text), len;
	uint32_t c;

	for (; width > columns && (len = kma_utf8_next(text, &c)); text += len)
		width -= kma_utf8_columns(c);
	return text;
}

const char *kma_page_fit(struct kma_page *page, const char *text, size_t columns)
{
	const char *gap = page->options->utf8 ? "…" : "..";
	size_t keep, gap_columns = kma_utf8_width(gap);

	if (kma_utf8_width(text) <= columns)
		return text;
	if (columns < gap_columns + 4)
		return remember(page,
				kma_arena_strndup(page->scratch, text, beginning(text, columns)));
	/* Both ends tell something: the name's beginning, and the offset or suffix behind it. */
	keep = columns - gap_columns;
	return remember(page, kma_arena_printf(page->scratch, "%.*s%s%s",
					       (int)beginning(text, keep - keep / 2), text, gap,
					       ending(text, keep / 2)));
}

void kma_page_put(struct kma_page *page, enum kma_style style, const char *text)
{
	static const char *const start[] = {
		[KMA_BOLD] = "\033[1m",	     [KMA_DIM] = "\033[2m",	[KMA_RED] = "\033[1;31m",
		[KMA_YELLOW] = "\033[1;33m", [KMA_CYAN] = "\033[1;36m",
	};
	bool styled = style != KMA_PLAIN && page->options->color;
	size_t bytes = strlen(text), trailing = 0;

	/* Blanks at the end wait until something follows them. */
	for (; bytes && text[bytes - 1] == ' '; trailing++)
		bytes--;
	if (bytes) {
		if (page->blanks)
			fprintf(page->out, "%*s", (int)page->blanks, "");
		page->blanks = 0;
		fprintf(page->out, "%s%.*s%s", styled ? start[style] : "", (int)bytes, text,
			styled ? "\033[0m" : "");
	}
	page->blanks += trailing;
	page->column += kma_utf8_width(text);
}

size_t kma_page_columns(const struct kma_page *page)
{
	return page->options->columns ? page->options->columns : KMA_PAGE_COLUMNS;
}

void kma_page_move(struct kma_page *page, size_t column)
{
	if (column <= page->column)
		return;
	page->blanks += column - page->column;
	page->column = column;
}

void kma_page_newline(struct kma_page *page)
{
	putc('\n', page->out);
	page->column = 0;
	page->blanks = 0;
}

void kma_page_item(struct kma_page *page, size_t indent, const char *text)
{
	size_t blank = page->column && !page->blanks ? 1 : 0;
	size_t fits;

	if (page->column > indent &&
	    page->column + blank + kma_utf8_width(text) > kma_page_columns(page))
		kma_page_newline(page);
	else
		kma_page_move(page, page->column + blank);
	while (*text) {
		if (!page->column)
			kma_page_move(page, indent);
		fits = beginning(text, kma_page_columns(page) - page->column);
		kma_page_put(page, KMA_PLAIN,
			     remember(page, kma_arena_strndup(page->scratch, text, fits)));
		text += fits;
		if (*text)
			kma_page_newline(page);
	}
}

void kma_page_flow(struct kma_page *page, size_t indent, const char *text)
{
	while (*(text += strspn(text, " "))) {
		size_t bytes = strcspn(text, " ");

		kma_page_item(page, indent,
			      remember(page, kma_arena_strndup(page->scratch, text, bytes)));
		text += bytes;
	}
	kma_page_newline(page);
}

void kma_page_heading(struct kma_page *page, const char *title)
{
	const char *text = kma_page_fit(page, kma_page_clean(page, title), kma_page_columns(page));
	size_t width = kma_utf8_width(text);

	kma_page_newline(page);
	kma_page_put(page, KMA_BOLD, text);
	kma_page_newline(page);
	while (page->column < width)
		kma_page_put(page, KMA_DIM, page->options->utf8 ? "─" : "-");
	kma_page_newline(page);
}

void kma_page_subheading(struct kma_page *page, const char *title)
{
	kma_page_newline(page);
	kma_page_move(page, 2);
	kma_page_put(page, KMA_BOLD,
		     kma_page_fit(page, kma_page_clean(page, title), kma_page_columns(page) - 2));
	kma_page_newline(page);
}
