/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The labelled parts of a metric on both sides: which of them make a change, which are on one side
 * only, and what moves between them. Parts are matched by the text of their labels.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "result/compare_priv.h"
#include "util/arena.h"

/* A part that is on one side only, or a move, is worth a line from this share of the whole on. */
#define LEAST_SHARE    0.01
#define LEAST_DISTANCE 3

/* One part in one result */
struct entry {
	const char *keys, *text;
	const struct kma_labels *labels;
	unsigned int side;
	size_t index;
	double value;
};

/* @text without the "+0x1f" behind each function's name */
static const char *without_offsets(struct kma_arena *arena, const char *text)
{
	char *copy = kma_arena_strdup(arena, text), *to = copy;

	for (const char *from = copy; copy && *from;) {
		if (!strncmp(from, "+0x", 3) && isxdigit((unsigned char)from[3])) {
			for (from += 3; isxdigit((unsigned char)*from); from++)
				;
			continue;
		}
		*to++ = *from++;
	}
	if (copy)
		*to = '\0';
	return copy;
}

static const struct kma_labels *labels_without_offsets(struct kma_comparison *c,
						       const struct kma_labels *labels)
{
	struct kma_labels *copy = kma_arena_alloc(c->arena, sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *labels;
	for (unsigned int i = 0; i < copy->nr; i++) {
		struct kma_value *value = &copy->label[i].value;

		if (value->type == KMA_VALUE_STRING && strstr(value->string, "+0x"))
			value->string = without_offsets(c->arena, value->string);
		if (value->type == KMA_VALUE_STRING && !value->string)
			return NULL;
	}
	return copy;
}

_Static_assert(KMA_MAX_LABELS == 2, "name_entry() writes two labels");

static int name_entry(struct kma_comparison *c, struct entry *e)
{
	char buf[KMA_MAX_LABELS][KMA_VALUE_TEXT];
	const struct kma_label *l;

	if (c->by_function)
		e->labels = labels_without_offsets(c, e->labels);
	if (!e->labels)
		return -1;
	l = e->labels->label;
	if (e->labels->nr == 1) {
		e->keys = l[0].key;
		e->text = kma_arena_strdup(c->arena, kma_value_text(&l[0].value, buf[0]));
	} else {
		e->keys = kma_arena_printf(c->arena, "%s,%s", l[0].key, l[1].key);
		e->text = kma_arena_printf(c->arena, "%s,%s", kma_value_text(&l[0].value, buf[0]),
					   kma_value_text(&l[1].value, buf[1]));
	}
	return e->keys && e->text ? 0 : -1;
}

static int compare_entries(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int order = strcmp(a->keys, b->keys);

	if (!order)
		order = strcmp(a->text, b->text);
	if (!order && a->side != b->side)
		order = a->side < b->side ? -1 : 1;
	if (!order && a->index != b->index)
		order = a->index < b->index ? -1 : 1;
	return order;
}

/* Every labelled metric of a family that has the number */
struct gathering {
	struct kma_comparison *c;
	struct entry *entries; /* NULL: only counts */
	size_t nr;
};

static int gather(struct gathering *g, const struct kma_family *family, enum kma_stat stat,
		  unsigned int side, size_t index)
{
	const struct kma_report *report = kma_result_find_report(g->c->sides[side].results[index],
								 family->report);
	bool run = false;

	for (size_t i = 0; report && i < report->nr_metrics; i++) {
		const struct kma_metric *m = &report->metrics[i];
		struct entry e = { .labels = &m->labels, .side = side, .index = index };

		if (strcmp(m->def->name, family->def->name)) {
			if (run) /* metrics of one name stand together */
				break;
			continue;
		}
		run = true;
		if (!m->labels.nr || !kma_metric_number(m, stat, &e.value))
			continue;
		if (g->entries) {
			if (name_entry(g->c, &e))
				return -1;
			g->entries[g->nr] = e;
		}
		g->nr++;
	}
	return 0;
}

static int gather_all(struct gathering *g, const struct kma_family *family, enum kma_stat stat)
{
	g->nr = 0;
	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		for (size_t i = 0; i < g->c->sides[side].nr; i++) {
			if (gather(g, family, stat, side, i))
				return -1;
		}
	}
	return 0;
}

/*
 * One part from its entries. Results without it count as 0: whoever asks has seen that they have
 * the whole. Means add up over the parts; medians would not.
 */
static int fold(const struct kma_comparison *c, const struct entry *entries, size_t nr,
		struct kma_part *part)
{
	*part = (struct kma_part){ .labels = entries[0].labels };
	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		size_t nr_results = c->sides[side].nr, have = 0;
		bool *has = calloc(nr_results, sizeof(*has));

		if (!has)
			return -1;
		for (size_t i = 0; i < nr; i++) {
			if (entries[i].side != side)
				continue;
			part->value[side] += entries[i].value / (double)nr_results;
			has[entries[i].index] = true;
		}
		for (size_t i = 0; i < nr_results; i++)
			have += has[i];
		part->in_all[side] = have == nr_results;
		part->in_none[side] = !have;
		free(has);
	}
	return 0;
}

static int make_splits(struct kma_comparison *c, const struct entry *entries, size_t nr,
		       struct kma_split **splits, size_t *nr_splits)
{
	struct kma_part *parts = kma_arena_alloc(c->arena, nr * sizeof(*parts));
	size_t used = 0;

	if (!parts)
		return -1;
	for (size_t i = 0, end; i < nr; i = end) {
		struct kma_split *split;

		if (!i || strcmp(entries[i].keys, entries[i - 1].keys)) {
			*splits = kma_compare_room(c, *splits, *nr_splits, sizeof(**splits));
			if (!*splits)
				return -1;
			(*splits)[(*nr_splits)++] = (struct kma_split){ .keys = entries[i].keys,
									.parts = parts + used };
		}
		split = &(*splits)[*nr_splits - 1];
		for (end = i + 1; end < nr && !strcmp(entries[end].keys, entries[i].keys) &&
				  !strcmp(entries[end].text, entries[i].text);
		     end++)
			;
		if (fold(c, entries + i, end - i, &parts[used]))
			return -1;
		used++;
		split->nr++;
	}
	return 0;
}

int kma_family_splits(struct kma_comparison *c, const struct kma_family *family, enum kma_stat stat,
		      struct kma_split **splits, size_t *nr)
{
	struct gathering g = { .c = c };
	int ret = -1;

	*splits = NULL;
	*nr = 0;
	if (gather_all(&g, family, stat))
		return -1;
	if (!g.nr)
		return 0;
	g.entries = calloc(g.nr, sizeof(*g.entries));
	if (g.entries && !gather_all(&g, family, stat)) {
		qsort(g.entries, g.nr, sizeof(*g.entries), compare_entries);
		ret = make_splits(c, g.entries, g.nr, splits, nr);
	}
	free(g.entries);
	return ret;
}

static double step(const struct kma_part *part)
{
	return part->value[KMA_NEW] - part->value[KMA_BASE];
}

static int compare_text(const struct kma_labels *a, const struct kma_labels *b)
{
	char x[KMA_VALUE_TEXT], y[KMA_VALUE_TEXT];

	for (unsigned int i = 0; i < a->nr && i < b->nr; i++) {
		const struct kma_value *v = &a->label[i].value, *w = &b->label[i].value;
		int order;

		if (v->type == KMA_VALUE_INT && w->type == KMA_VALUE_INT)
			order = (v->i > w->i) - (v->i < w->i);
		else
			order = strcmp(kma_value_text(v, x), kma_value_text(w, y));
		if (order)
			return order;
	}
	return 0;
}

static int compare_steps(const void *x, const void *y)
{
	const struct kma_part *a = x, *b = y;
	double da = fabs(step(a)), db = fabs(step(b));

	if (da != db)
		return da > db ? -1 : 1;
	return compare_text(a->labels, b->labels);
}

void kma_split_share(struct kma_split *split, double change)
{
	for (size_t i = 0; i < split->nr; i++)
		split->parts[i].share = change != 0 ? step(&split->parts[i]) / change : 0;
	qsort(split->parts, split->nr, sizeof(*split->parts), compare_steps);
}

static double total(const struct kma_split *split, unsigned int side)
{
	double sum = 0;

	for (size_t i = 0; i < split->nr; i++)
		sum += fabs(split->parts[i].value[side]);
	return sum;
}

static int add_presence(struct kma_comparison *c, const struct kma_family *family,
			const struct kma_split *split, const struct kma_part *part,
			unsigned int side)
{
	double sum = total(split, side);
	struct kma_presence *room;

	for (size_t i = 0; i < c->nr_presences; i++) {
		const struct kma_presence *p = &c->presences[i];

		/* one line for a caller, not one for each metric that has it */
		if (p->side == side && p->labels->nr == part->labels->nr &&
		    !strcmp(p->report, family->report) && !compare_text(p->labels, part->labels) &&
		    !strcmp(p->labels->label[0].key, part->labels->label[0].key))
			return 0;
	}
	room = kma_compare_room(c, c->presences, c->nr_presences, sizeof(*room));
	if (!room)
		return -1;
	c->presences = room;
	room[c->nr_presences++] = (struct kma_presence){
		.report = family->report,
		.def = family->def,
		.labels = part->labels,
		.side = side,
		.value = part->value[side],
		.share = part->value[side] / sum,
	};
	return 0;
}

static int presences(struct kma_comparison *c, const struct kma_family *family,
		     const struct kma_split *split)
{
	double sums[KMA_SIDES] = { total(split, KMA_BASE), total(split, KMA_NEW) };

	for (size_t i = 0; i < split->nr; i++) {
		const struct kma_part *part = &split->parts[i];

		for (unsigned int side = 0; side < KMA_SIDES; side++) {
			double value = part->value[side];

			if (!part->in_all[side] || !part->in_none[!side] ||
			    value < LEAST_SHARE * sums[side] ||
			    kma_count_distance(family->def, 0, value) < LEAST_DISTANCE)
				continue;
			if (add_presence(c, family, split, part, side))
				return -1;
		}
	}
	return 0;
}

/* Did the parts change against each other, by more than their whole did? */
static int moves(struct kma_comparison *c, const struct kma_family *family,
		 const struct kma_split *split)
{
	double up = 0, down = 0, moved, whole = total(split, KMA_BASE);
	struct kma_move *room;

	for (size_t i = 0; i < split->nr; i++) {
		double by = step(&split->parts[i]);

		if (by > 0)
			up += by;
		else
			down -= by;
	}
	moved = up < down ? up : down;
	if (total(split, KMA_NEW) > whole)
		whole = total(split, KMA_NEW);
	if (moved < 0.1 * whole || kma_count_distance(family->def, 0, moved) < LEAST_DISTANCE ||
	    (up + down > 4 * moved))
		return 0;
	/* the first metric tells: the others of this report are split in the same way */
	for (size_t i = 0; i < c->nr_moves; i++) {
		if (!strcmp(c->moves[i].report, family->report) &&
		    !strcmp(c->moves[i].split->keys, split->keys))
			return 0;
	}
	room = kma_compare_room(c, c->moves, c->nr_moves, sizeof(*room));
	if (!room)
		return -1;
	c->moves = room;
	room[c->nr_moves++] = (struct kma_move){ family->report, family->def, split, moved,
						 moved / whole };
	return 0;
}

int kma_compare_parts(struct kma_comparison *c, const struct kma_family *family,
		      const struct kma_split *splits, size_t nr_splits)
{
	for (size_t i = 0; i < nr_splits; i++) {
		if (presences(c, family, &splits[i]) || moves(c, family, &splits[i]))
			return -1;
	}
	return 0;
}

static int compare_presences(const void *x, const void *y)
{
	const struct kma_presence *a = x, *b = y;
	int order;

	if (a->side != b->side)
		return a->side > b->side ? -1 : 1;
	if (a->share != b->share)
		return a->share > b->share ? -1 : 1;
	order = strcmp(a->def->name, b->def->name);
	return order ? order : compare_text(a->labels, b->labels);
}

static int compare_moves(const void *x, const void *y)
{
	const struct kma_move *a = x, *b = y;
	int order;

	if (a->share != b->share)
		return a->share > b->share ? -1 : 1;
	order = strcmp(a->def->name, b->def->name);
	return order ? order : strcmp(a->split->keys, b->split->keys);
}

void kma_sort_parts(struct kma_comparison *c)
{
	if (c->nr_presences)
		qsort(c->presences, c->nr_presences, sizeof(*c->presences), compare_presences);
	if (c->nr_moves)
		qsort(c->moves, c->nr_moves, sizeof(*c->moves), compare_moves);
}
