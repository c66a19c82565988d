/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoding UTF-8 without trusting it. Independent of the locale, so that output is the same
 * everywhere.
 */
#include "render/utf8.h"

size_t kma_utf8_next(const char *s, uint32_t *c)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *b = (const unsigned char *)s;
	size_t len;

	if (b[0] < 0x80) {
		*c = b[0];
		return b[0] ? 1 : 0;
	}
	if ((b[0] & 0xe0) == 0xc0)
		len = 2;
	else if ((b[0] & 0xf0) == 0xe0)
		len = 3;
	else if ((b[0] & 0xf8) == 0xf0)
		len = 4;
	else
		return 0;

	*c = b[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((b[i] & 0xc0) != 0x80) /* also the end of the string */
			return 0;
		*c = *c << 6 | (b[i] & 0x3fu);
	}
	if (*c < smallest[len] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return len;
}

struct range {
	uint32_t from, to;
};

static bool within(const struct range *ranges, size_t nr, uint32_t c)
{
	for (size_t i = 0; i < nr; i++) {
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	}
	return false;
}

bool kma_utf8_printable(uint32_t c)
{
	static const struct range hidden[] = {
		{ 0, 0x1f },	    { 0x7f, 0x9f },	{ 0xad, 0xad },	    { 0x61c, 0x61c },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xe000, 0xf8ff }, { 0xe0000, 0x10ffff },
	};

	return !within(hidden, sizeof(hidden) / sizeof(*hidden), c);
}

unsigned int kma_utf8_columns(uint32_t c)
{
	/* East Asian wide and full-width characters, and pictographs */
	static const struct range wide[] = {
		{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2329, 0x232a },
		{ 0x23e9, 0x23f3 },   { 0x25fd, 0x25fe },   { 0x2614, 0x27bf },
		{ 0x2b1b, 0x2b55 },   { 0x2e80, 0xa4cf },   { 0xa960, 0xa97c },
		{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe10, 0xfe6f },
		{ 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x16fe0, 0x18aff },
		{ 0x1b000, 0x1b2ff }, { 0x1f000, 0x1faff }, { 0x20000, 0x3fffd },
	};

	if (c < 0x1100)
		return 1;
	return within(wide, sizeof(wide) / sizeof(*wide), c) ? 2 : 1;
}

size_t kma_utf8_width(const char *s)
{
	size_t width = 0, len;
	uint32_t c;

	for (; (len = kma_utf8_next(s, &c)); s += len)
		width += kma_utf8_columns(c);
	return width;
}
