/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turning numbers into short text with a fitting unit. It must not know where on the page they go.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "render/format.h"

static void keep_point(char *text)
{
	char *comma = strchr(text, ',');

	if (comma) /* some locale's decimal point */
		*comma = '.';
}

/* Decimal digits with a comma before each group of three */
static void grouped(char *to, uint64_t magnitude, bool negative)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, magnitude);

	if (negative)
		*to++ = '-';
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
}

/* @significant digits, or as many as stand before the point */
static void rounded(char *to, size_t size, double x, unsigned int significant)
{
	double magnitude = fabs(x), limit = 9.9999999999;
	unsigned int decimals = significant - 1;

	/* What would round up to the next power of ten has one decimal less. */
	for (; decimals && magnitude >= limit - 0.5 * pow(10, -(double)decimals); limit *= 10)
		decimals--;
	if (magnitude >= 999.5 && magnitude < 1e18) {
		grouped(to, (uint64_t)(magnitude + 0.5), x < 0);
		return;
	}
	snprintf(to, size, "%.*f", (int)decimals, x);
	keep_point(to);
}

struct scale {
	double from; /* used for magnitudes from here on */
	double divisor;
	const char *unit;
};

/* The largest fitting unit; a value that would print as 1000 of one takes the next. */
static struct kma_number scaled(double x, const struct scale *scales, size_t nr,
				unsigned int significant)
{
	struct kma_number n;
	size_t i = nr - 1;

	while (i && fabs(x) < scales[i].from)
		i--;
	if (!i && x == floor(x)) /* a count of the smallest unit */
		snprintf(n.digits, sizeof(n.digits), "%.0f", x);
	else
		rounded(n.digits, sizeof(n.digits), x / scales[i].divisor, significant);
	n.unit = scales[i].unit;
	return n;
}

static struct kma_number time_of(double ns)
{
	static const struct scale scales[] = {
		{ 0, 1, "ns" },
		{ 999.5, 1e3, "us" },
		{ 999.5e3, 1e6, "ms" },
		{ 999.5e6, 1e9, "s" },
	};

	return scaled(ns, scales, 4, 3);
}

static struct kma_number time_per_page(double ns)
{
	static const struct scale scales[] = {
		{ 0, 1, "ns/page" },
		{ 999.5, 1e3, "us/page" },
		{ 999.5e3, 1e6, "ms/page" },
		{ 999.5e6, 1e9, "s/page" },
	};

	return scaled(ns, scales, 4, 3);
}

static struct kma_number bytes_of(double bytes)
{
	static const struct scale scales[] = {
		{ 0, 1, "B" },
		{ 1023.5, 1024, "KiB" },
		{ 1023.5 * 1024, 1024.0 * 1024, "MiB" },
		{ 1023.5 * 1024 * 1024, 1024.0 * 1024 * 1024, "GiB" },
		{ 1023.5 * 1024 * 1024 * 1024, 1024.0 * 1024 * 1024 * 1024, "TiB" },
	};
	struct kma_number n = scaled(bytes, scales, 5, 3);

	if (strcmp(n.unit, "B") && strchr(n.digits, '.')) {
		/* one decimal says enough: "3.1 MiB" */
		for (size_t i = 4; i; i--) {
			if (!strcmp(n.unit, scales[i].unit))
				snprintf(n.digits, sizeof(n.digits), "%.1f",
					 bytes / scales[i].divisor);
		}
		keep_point(n.digits);
	}
	return n;
}

static struct kma_number percent_of(double ratio)
{
	double percent = ratio * 100, magnitude = fabs(percent);
	struct kma_number n = { .unit = "%" };

	if (magnitude > 0 && magnitude < 0.005)
		snprintf(n.digits, sizeof(n.digits), percent < 0 ? ">-0.01" : "<0.01");
	else if (magnitude == 0 || magnitude >= 999.5)
		rounded(n.digits, sizeof(n.digits), percent, 1);
	else
		snprintf(n.digits, sizeof(n.digits), magnitude < 0.9995 ? "%.2f" : "%.1f", percent);
	keep_point(n.digits);
	return n;
}

static struct kma_number plain(double x)
{
	struct kma_number n = { .unit = "" };

	rounded(n.digits, sizeof(n.digits), x, x == floor(x) ? 1 : 3);
	return n;
}

struct kma_number kma_format_real(enum kma_unit unit, double value)
{
	struct kma_number n = { .digits = "-", .unit = "" };

	if (!isfinite(value))
		return n;
	if (fabs(value) >= 1e18) {
		snprintf(n.digits, sizeof(n.digits), "%.3g", value);
		keep_point(n.digits);
		n.unit = unit == KMA_UNIT_NS ? "ns" : unit == KMA_UNIT_BYTES ? "B" : "";
		return n;
	}
	switch (unit) {
	case KMA_UNIT_NS:
		return time_of(value);
	case KMA_UNIT_NS_PER_PAGE:
		return time_per_page(value);
	case KMA_UNIT_BYTES:
		return bytes_of(value);
	case KMA_UNIT_RATIO:
		return percent_of(value);
	case KMA_UNIT_COEFFICIENT:
		snprintf(n.digits, sizeof(n.digits), "%.2f", value);
		return n;
	case KMA_UNIT_PAGES:
		n = plain(value);
		n.unit = "pages";
		return n;
	case KMA_UNIT_COUNT:
	case KMA_UNIT_TIMESTAMP: /* text_words.c words those */
		break;
	}
	return plain(value);
}

static struct kma_number format_whole(enum kma_unit unit, uint64_t magnitude, bool negative)
{
	struct kma_number n = { .unit = unit == KMA_UNIT_PAGES ? "pages" : "" };

	if (unit != KMA_UNIT_COUNT && unit != KMA_UNIT_PAGES)
		return kma_format_real(unit, negative ? -(double)magnitude : (double)magnitude);
	grouped(n.digits, magnitude, negative);
	if (magnitude == 1 && *n.unit)
		n.unit = "page";
	return n;
}

struct kma_number kma_format_uint(enum kma_unit unit, uint64_t value)
{
	return format_whole(unit, value, false);
}

struct kma_number kma_format_int(enum kma_unit unit, int64_t value)
{
	/* 0 - x as unsigned: also right for INT64_MIN, which has no positive counterpart */
	return format_whole(unit, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

struct kma_number kma_format_value(enum kma_unit unit, const struct kma_value *value)
{
	if (value->type == KMA_VALUE_INT)
		return kma_format_int(unit, value->i);
	return kma_format_real(unit, value->type == KMA_VALUE_REAL ? value->real : NAN);
}
