/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses become names, once, over the whole result, and so do migratetypes inside of text; then
 * metrics get their final order. It must not know where the names come from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "result/result.h"
#include "util/arena.h"

#define MARK '\001'

struct resolver {
	const struct kma_result *result; /* knows the migratetypes */
	struct kma_arena *arena;
	uint64_t *addresses; /* first as they come, then sorted, each once */
	const char **names;  /* NULL while addresses are being collected */
	size_t nr, max;
	bool failed; /* out of memory */
};

static void collect(struct resolver *r, uint64_t address)
{
	if (r->nr == r->max) {
		size_t max = r->max ? r->max * 2 : 256;
		uint64_t *larger = reallocarray(r->addresses, max, sizeof(*larger));

		if (!larger) {
			r->failed = true;
			return;
		}
		r->addresses = larger;
		r->max = max;
	}
	r->addresses[r->nr++] = address;
}

static int compare_addresses(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static const char *name_of(const struct resolver *r, uint64_t address)
{
	const uint64_t *found = bsearch(&address, r->addresses, r->nr, sizeof(*r->addresses),
					compare_addresses);

	return r->names[found - r->addresses];
}

/* Whether an address in markers begins at @text; where the text behind it goes on. */
static bool parse_marker(const char *text, uint64_t *address, const char **end)
{
	unsigned int digits = 0;

	*address = 0;
	if (*text++ != MARK)
		return false;
	for (; *text && *text != MARK; text++, digits++) {
		if (*text >= '0' && *text <= '9')
			*address = *address << 4 | (uint64_t)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			*address = *address << 4 | (uint64_t)(*text - 'a' + 10);
		else
			return false;
	}
	*end = text + 1;
	return *text == MARK && digits && digits <= 16;
}

#define MIGRATETYPE_TEXT (KMA_MIGRATETYPE_NAME_MAX + 16)

/* Whether a migratetype in markers begins at @text: what stands for it, and where the text goes on.
 */
static bool name_migratetype(const struct resolver *r, const char *text, char buf[MIGRATETYPE_TEXT],
			     const char **end)
{
	const char *name;
	char *digits_end;
	long number;

	if (text[0] != MARK || text[1] != 'm' ||
	    !(text[2] == '-' || (text[2] >= '0' && text[2] <= '9')))
		return false;
	number = strtol(text + 2, &digits_end, 10);
	if (*digits_end != MARK || number < INT32_MIN || number > INT32_MAX)
		return false;
	name = kma_result_migratetype(r->result, number);
	snprintf(buf, MIGRATETYPE_TEXT, name ? "%ld (%s)" : "%ld", number, name);
	*end = digits_end + 1;
	return true;
}

/* Writes @text with names into @out (NULL: only measures). Returns the length. */
static size_t replace_markers(const struct resolver *r, const char *text, char *out)
{
	char migratetype[MIGRATETYPE_TEXT];
	size_t len = 0, piece;
	uint64_t address;
	const char *end;

	while (*text) {
		const char *from = text;

		if (parse_marker(text, &address, &end)) {
			from = name_of(r, address);
			piece = strlen(from);
			text = end;
		} else if (name_migratetype(r, text, migratetype, &end)) {
			from = migratetype;
			piece = strlen(from);
			text = end;
		} else {
			piece = 1 + strcspn(text + 1, "\001");
			text += piece;
		}
		if (out)
			memcpy(out + len, from, piece);
		len += piece;
	}
	return len;
}

static void visit_text(struct resolver *r, const char **text)
{
	const char *at, *end;
	uint64_t address;
	char *copy;

	if (!*text || !strchr(*text, MARK))
		return;
	if (!r->names) {
		for (at = strchr(*text, MARK); at; at = strchr(at, MARK)) {
			if (parse_marker(at, &address, &end)) {
				collect(r, address);
				at = end;
			} else {
				at++;
			}
		}
		return;
	}
	copy = kma_arena_alloc(r->arena, replace_markers(r, *text, NULL) + 1);
	if (!copy) {
		r->failed = true;
		return;
	}
	replace_markers(r, *text, copy);
	*text = copy;
}

static void visit_value(struct resolver *r, struct kma_value *value)
{
	if (value->type == KMA_VALUE_STRING)
		visit_text(r, &value->string);
	else if (value->type != KMA_VALUE_ADDRESS)
		return;
	else if (!r->names)
		collect(r, value->address);
	else
		*value = kma_text(name_of(r, value->address));
}

static void visit_labels(struct resolver *r, struct kma_labels *labels)
{
	for (unsigned int i = 0; i < labels->nr; i++)
		visit_value(r, &labels->label[i].value);
}

static void visit_report(struct resolver *r, struct kma_report *report)
{
	visit_text(r, &report->status.reason);
	for (size_t i = 0; i < report->nr_reasons; i++)
		visit_text(r, &report->reasons[i]);
	for (size_t i = 0; i < report->nr_metrics; i++) {
		visit_labels(r, &report->metrics[i].labels);
		visit_text(r, &report->metrics[i].status.reason);
	}
	for (size_t i = 0; i < report->nr_tables; i++) {
		struct kma_table *table = &report->tables[i];

		visit_text(r, &table->title);
		visit_text(r, &table->note);
		for (size_t c = 0; c < table->nr_rows * table->nr_columns; c++)
			visit_value(r, &table->cells[c]);
	}
	for (size_t i = 0; i < report->nr_series; i++) {
		visit_text(r, &report->series[i].title);
		visit_labels(r, &report->series[i].labels);
	}
	for (size_t i = 0; i < report->nr_findings; i++) {
		struct kma_finding *finding = &report->findings[i];

		visit_text(r, &finding->message);
		visit_text(r, &finding->advice);
		for (size_t m = 0; m < finding->nr_metrics; m++)
			visit_text(r, &finding->metrics[m]);
	}
}

static void visit_result(struct resolver *r, struct kma_result *result)
{
	visit_report(r, &result->trace);
	for (size_t i = 0; i < result->nr_reports; i++)
		visit_report(r, &result->reports[i]);
	for (size_t i = 0; i < result->quality.nr_notes; i++)
		visit_text(r, &result->quality.notes[i]);
}

static void sort_addresses(struct resolver *r)
{
	size_t kept = 0;

	if (!r->nr)
		return;
	qsort(r->addresses, r->nr, sizeof(*r->addresses), compare_addresses);
	for (size_t i = 1; i < r->nr; i++) {
		if (r->addresses[i] != r->addresses[kept])
			r->addresses[++kept] = r->addresses[i];
	}
	r->nr = kept + 1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(**(const char **const *)a, **(const char **const *)b);
}

/* Parts of a metric must not collapse into one because two static functions share their name. */
static int tell_twins_apart(struct resolver *r)
{
	const char ***order = calloc(r->nr ? r->nr : 1, sizeof(*order));
	bool failed = !order;

	for (size_t i = 0; order && i < r->nr; i++)
		order[i] = &r->names[i];
	if (order)
		qsort(order, r->nr, sizeof(*order), compare_names);
	for (size_t i = 0, end; !failed && i < r->nr; i = end) {
		const char *name = *order[i];

		for (end = i + 1; end < r->nr && !strcmp(*order[end], name); end++)
			;
		for (size_t k = i; end - i > 1 && k < end; k++) {
			*order[k] = kma_arena_printf(r->arena, "%s (0x%" PRIx64 ")", name,
						     r->addresses[order[k] - r->names]);
			failed |= !*order[k];
		}
	}
	free(order);
	return failed ? -1 : 0;
}

static int name_addresses(struct resolver *r, kma_symbol_lookup lookup, void *source)
{
	r->names = calloc(r->nr ? r->nr : 1, sizeof(*r->names));
	if (!r->names)
		return -1;
	if (!r->nr)
		return 0;
	if (lookup && lookup(source, r->addresses, r->names, r->nr, r->arena))
		return -1;
	for (size_t i = 0; i < r->nr; i++) {
		if (!r->names[i])
			r->names[i] = kma_arena_printf(r->arena, "0x%" PRIx64, r->addresses[i]);
		if (!r->names[i])
			return -1;
	}
	return tell_twins_apart(r);
}

/* What a metric is sorted by, beside its labels. */
struct place {
	struct kma_metric metric;
	size_t def; /* the how-manieth definition it is of */
	size_t was; /* where it stood: makes the order total */
};

static int compare_values(const struct kma_value *a, const struct kma_value *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->type == KMA_VALUE_INT || a->type == KMA_VALUE_MIGRATETYPE)
		return (a->i > b->i) - (a->i < b->i);
	if (a->type == KMA_VALUE_STRING)
		return strcmp(a->string, b->string);
	return 0;
}

static int compare_places(const void *x, const void *y)
{
	const struct place *a = x, *b = y;
	const struct kma_labels *la = &a->metric.labels, *lb = &b->metric.labels;
	int order;

	if (a->def != b->def)
		return a->def < b->def ? -1 : 1;
	/* All of one set of labels stand together: keys first, then values. */
	for (unsigned int i = 0; i < la->nr && i < lb->nr; i++) {
		/* mostly one and the same constant */
		order = la->label[i].key == lb->label[i].key
				? 0
				: strcmp(la->label[i].key, lb->label[i].key);
		if (order)
			return order;
	}
	if (la->nr != lb->nr)
		return la->nr < lb->nr ? -1 : 1;
	for (unsigned int i = 0; i < la->nr; i++) {
		order = compare_values(&la->label[i].value, &lb->label[i].value);
		if (order)
			return order;
	}
	return a->was < b->was ? -1 : 1;
}

static int sort_metrics(struct kma_report *report)
{
	size_t nr = report->nr_metrics, nr_defs = 0;
	const struct kma_metric_def **defs;
	struct place *places;

	if (nr < 2)
		return 0;
	places = calloc(nr, sizeof(*places));
	defs = calloc(nr, sizeof(*defs));
	if (!places || !defs) {
		free(places);
		free(defs);
		return -1;
	}
	for (size_t i = 0; i < nr; i++) {
		size_t d = 0;

		while (d < nr_defs && defs[d] != report->metrics[i].def)
			d++;
		if (d == nr_defs)
			defs[nr_defs++] = report->metrics[i].def;
		places[i] = (struct place){ report->metrics[i], d, i };
	}
	qsort(places, nr, sizeof(*places), compare_places);
	for (size_t i = 0; i < nr; i++)
		report->metrics[i] = places[i].metric;
	free(places);
	free(defs);
	return 0;
}

static int finish(struct kma_result *result, struct resolver *r, kma_symbol_lookup lookup,
		  void *source)
{
	if (kma_result_settle_migratetypes(result))
		return -1;
	visit_result(r, result);
	if (r->failed)
		return -1;
	sort_addresses(r);
	if (name_addresses(r, lookup, source))
		return -1;
	visit_result(r, result);
	if (r->failed || sort_metrics(&result->trace) || result->trace.failed)
		return -1;
	for (size_t i = 0; i < result->nr_reports; i++) {
		if (result->reports[i].failed || sort_metrics(&result->reports[i]))
			return -1;
	}
	return 0;
}

int kma_result_resolve(struct kma_result *result, kma_symbol_lookup lookup, void *source,
		       struct kma_error *err)
{
	struct resolver r = { .result = result, .arena = result->arena };
	int ret = finish(result, &r, lookup, source);

	free(r.addresses);
	free(r.names);
	return ret ? kma_fail(err, KMA_ERR_INTERNAL,
			      "out of memory while putting the reports together")
		   : 0;
}
