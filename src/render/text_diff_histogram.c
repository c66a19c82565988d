/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two histograms side by side: the same powers of two on both sides, each side's share of its own
 * samples, so that shapes compare even where the numbers of samples do not.
 */
#include <string.h>

#include "render/render.h"
#include "render/text.h"
#include "render/text_diff.h"

#define POWERS	      64
#define MOST_LINES    16
#define MOST_TOGETHER 4 /* powers of two to a line */
#define BAR	      24
/* columns: range, base's count and share and bar, new's */
enum { RANGE_EDGE = 20, BASE_EDGE = 30, BASE_BAR = 32, NEW_EDGE = 66, NEW_BAR = 68 };

/* Line 0 is the value 0, line i the values from 2^(i-1) up to below 2^i. */
static unsigned int power_of(uint64_t value)
{
	return value ? 64 - (unsigned int)__builtin_clzll(value) : 0;
}

struct sides {
	uint64_t counts[KMA_SIDES][POWERS + 1];
	uint64_t total[KMA_SIDES];
	unsigned int first, last;
};

static void count(struct sides *s, unsigned int side, const struct kma_dist *dist)
{
	for (size_t i = 0; i < dist->nr_buckets; i++) {
		unsigned int at = power_of(dist->buckets[i].low);

		s->counts[side][at] += dist->buckets[i].count;
		s->total[side] += dist->buckets[i].count;
		if (at < s->first)
			s->first = at;
		if (at > s->last)
			s->last = at;
	}
}

static void put_right(struct kma_page *page, size_t edge, const char *text)
{
	size_t width = strlen(text);

	kma_page_move(page, edge > width ? edge - width : 0);
	kma_page_put(page, KMA_PLAIN, text);
}

static void put_bar(struct kma_page *page, size_t column, uint64_t nr, uint64_t total,
		    uint64_t most, uint64_t most_total)
{
	double share = total ? (double)nr / (double)total : 0;
	double largest = most_total ? (double)most / (double)most_total : 0;
	unsigned int width = largest > 0 ? (unsigned int)(share / largest * BAR + 0.5) : 0;

	kma_page_move(page, column);
	if (nr && !width)
		kma_page_put(page, KMA_DIM, page->options->utf8 ? "▏" : ".");
	for (; width; width--)
		kma_page_put(page, KMA_CYAN, page->options->utf8 ? "█" : "#");
}

static void put_line(struct kma_page *page, const struct sides *s, enum kma_unit unit,
		     unsigned int from, unsigned int to, uint64_t most, uint64_t most_total)
{
	static const size_t edges[] = { BASE_EDGE, NEW_EDGE }, bars[] = { BASE_BAR, NEW_BAR };

	put_right(page, RANGE_EDGE,
		  to ? kma_page_printf(page, "< %s",
				       to < 64 ? kma_text_uint(page, unit, UINT64_C(1) << to)
					       : "2^64")
		     : kma_text_uint(page, unit, 0));
	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		uint64_t nr = 0;

		for (unsigned int i = from; i <= to; i++)
			nr += s->counts[side][i];
		put_right(page, edges[side], kma_text_uint(page, KMA_UNIT_COUNT, nr));
		put_bar(page, bars[side], nr, s->total[side], most, most_total);
	}
	kma_page_newline(page);
}

/* The largest share that a line has on either side, as a fraction, and how many powers a line takes
 */
static unsigned int scale(const struct sides *s, uint64_t *most, uint64_t *most_total)
{
	unsigned int together = 1;

	while (together < MOST_TOGETHER && (s->last - s->first) / together >= MOST_LINES)
		together *= 2;
	*most = 0;
	*most_total = 1;
	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		for (unsigned int from = s->first; from <= s->last; from += together) {
			uint64_t nr = 0;

			for (unsigned int i = from; i < from + together && i <= s->last; i++)
				nr += s->counts[side][i];
			if ((double)nr * (double)*most_total >
			    (double)*most * (double)s->total[side]) {
				*most = nr;
				*most_total = s->total[side];
			}
		}
	}
	return together;
}

static void stats_line(struct kma_page *page, enum kma_unit unit, const char *what,
		       const struct kma_dist *dist)
{
	kma_page_move(page, 4);
	if (!dist->count) {
		kma_page_flow(page, 10, kma_page_printf(page, "%s: none", what));
		return;
	}
	kma_page_flow(page, 10,
		      kma_page_printf(page, "%s: %s, mean %s, p50 %s, p90 %s, p99 %s, max %s", what,
				      kma_text_uint(page, KMA_UNIT_COUNT, dist->count),
				      kma_diff_number(page, unit, dist->mean),
				      kma_text_uint(page, unit, dist->p50),
				      kma_text_uint(page, unit, dist->p90),
				      kma_text_uint(page, unit, dist->p99),
				      kma_text_uint(page, unit, dist->max)));
}

static void histogram(struct kma_page *page, const struct kma_metric *base,
		      const struct kma_metric *now)
{
	struct sides s = { .first = POWERS };
	uint64_t most, most_total;
	unsigned int together;

	count(&s, KMA_BASE, base->dist);
	count(&s, KMA_NEW, now->dist);
	if (s.first > s.last)
		return;
	kma_page_subheading(page,
			    kma_page_printf(page, "%s (%s)", base->def->name, base->def->title));
	stats_line(page, base->def->unit, "base", base->dist);
	stats_line(page, base->def->unit, "new", now->dist);
	together = scale(&s, &most, &most_total);
	put_right(page, BASE_EDGE, "base");
	put_right(page, NEW_EDGE, "new");
	kma_page_newline(page);
	for (unsigned int from = s.first; from <= s.last; from += together) {
		unsigned int to = from + together - 1;

		put_line(page, &s, base->def->unit, from, to < s.last ? to : s.last, most,
			 most_total);
	}
}

/* Was an earlier change of the same metric? */
static bool is_repeated(const struct kma_comparison *c, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (c->changes[i].metric[KMA_BASE] == c->changes[at].metric[KMA_BASE] &&
		    c->changes[i].metric[KMA_NEW] == c->changes[at].metric[KMA_NEW])
			return true;
	}
	return false;
}

static bool is_shown(const struct kma_comparison *c, size_t at)
{
	const struct kma_change *change = &c->changes[at];
	const struct kma_metric *base = change->metric[KMA_BASE], *now = change->metric[KMA_NEW];

	return change->verdict < KMA_SAME && base && now && base->dist && now->dist &&
	       !is_repeated(c, at);
}

void kma_diff_histograms(struct kma_page *page, const struct kma_comparison *c)
{
	size_t nr = 0, shown = 0;

	for (size_t i = 0; i < c->nr_changes; i++)
		nr += is_shown(c, i);
	if (!nr)
		return;
	kma_page_heading(page, "Distributions that changed");
	for (size_t i = 0; i < c->nr_changes && shown < kma_text_top(page, nr); i++) {
		if (!is_shown(c, i))
			continue;
		shown++;
		histogram(page, c->changes[i].metric[KMA_BASE], c->changes[i].metric[KMA_NEW]);
	}
	kma_text_more(page, nr, "distribution");
}
