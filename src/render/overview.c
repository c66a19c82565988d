/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The live overview; see overview.h. */
#include "render/overview.h"

#include <stdlib.h>
#include <string.h>

#include "render/format.h"
#include "render/grid.h"
#include "render/text.h"
#include "util/arena.h"

#define BAR 20

/* One part of a metric: what its label says, how much there is, and how much came since. */
struct part {
	const char *name;
	double value, more;
};

struct parts {
	struct part *part;
	size_t nr;
};

static const struct kma_report *find_report(const struct kma_result *result, const char *name)
{
	if (!result)
		return NULL;
	return strcmp(name, "trace") ? kma_result_find_report(result, name) : &result->trace;
}

static bool is_part(const struct kma_metric *metric, const char *name, const char *label)
{
	return !strcmp(metric->def->name, name) && metric->value.type == KMA_VALUE_INT &&
	       metric->labels.nr == (label ? 1 : 0) &&
	       (!label || !strcmp(metric->labels.label[0].key, label));
}

/* The next metric of @report from *@at on that is such a part; NULL at the end. */
static const struct kma_metric *next_part(const struct kma_report *report, size_t *at,
					  const char *name, const char *label)
{
	while (report && *at < report->nr_metrics) {
		const struct kma_metric *metric = &report->metrics[(*at)++];

		if (is_part(metric, name, label))
			return metric;
	}
	return NULL;
}

/* Parts have an order, and one that is there stays: both results are walked once. */
static struct parts find_parts(struct kma_page *page, const struct kma_overview *overview,
			       const char *report, const char *name, const char *label)
{
	const struct kma_report *now = find_report(overview->now, report),
				*before = find_report(overview->before, report);
	const struct kma_metric *metric, *old;
	size_t at = 0, old_at = 0, nr = 0;
	struct parts parts = { 0 };
	char text[KMA_VALUE_TEXT], old_text[KMA_VALUE_TEXT];

	while (next_part(now, &at, name, label))
		nr++;
	parts.part = kma_page_alloc(page, nr + 1, sizeof(*parts.part));
	if (!parts.part)
		return parts;
	at = 0;
	old = next_part(before, &old_at, name, label);
	while ((metric = next_part(now, &at, name, label))) {
		struct part *part = &parts.part[parts.nr++];

		part->name =
			label ? kma_page_clean(page,
					       kma_value_text(&metric->labels.label[0].value, text))
			      : "";
		part->value = part->more = (double)metric->value.i;
		if (!old ||
		    (label && strcmp(kma_value_text(&metric->labels.label[0].value, text),
				     kma_value_text(&old->labels.label[0].value, old_text))))
			continue;
		part->more -= (double)old->value.i;
		old = next_part(before, &old_at, name, label);
	}
	return parts;
}

static int by_rate(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->more != y->more)
		return x->more < y->more ? 1 : -1;
	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return strcmp(x->name, y->name);
}

static double per_second(const struct kma_overview *overview, double more)
{
	return overview->between_ns ? more * 1e9 / (double)overview->between_ns : 0;
}

/* Few are told with a digit behind the point. */
static const char *rate_text(struct kma_page *page, const struct kma_overview *overview,
			     double more)
{
	double rate = per_second(overview, more);
	bool few = rate > -10 && rate < 10 && rate != 0;

	return few ? kma_page_printf(page, "%.1f", rate)
		   : kma_text_value(page, KMA_UNIT_COUNT,
				    &(struct kma_value){ .type = KMA_VALUE_INT,
							 .i = (int64_t)rate },
				    false);
}

static const char *whole_text(struct kma_page *page, double value)
{
	const struct kma_value whole = kma_int((int64_t)value);

	return kma_text_value(page, KMA_UNIT_COUNT, &whole, false);
}

const char *kma_overview_rate(const struct kma_overview *overview, const char *report,
			      const char *metric, char text[KMA_RATE_TEXT])
{
	size_t at = 0, old_at = 0;
	const struct kma_metric *now = next_part(find_report(overview->now, report), &at, metric,
						 NULL),
				*before = next_part(find_report(overview->before, report), &old_at,
						    metric, NULL);
	double more;

	if (!now)
		return "-";
	more = (double)now->value.i - (before ? (double)before->value.i : 0);
	snprintf(text, KMA_RATE_TEXT, "%s",
		 kma_format_int(KMA_UNIT_COUNT, (int64_t)per_second(overview, more)).digits);
	return text;
}

static const char *bar_text(struct kma_page *page, double share)
{
	char text[BAR * 3 + 1] = "";
	int length = (int)(share * BAR + 0.5);

	for (int i = 0; i < length && i < BAR; i++)
		strcat(text, page->options->utf8 ? "█" : "#");
	return kma_page_printf(page, "%s", text);
}

static void put_events(struct kma_page *page, const struct kma_overview *overview, size_t rows)
{
	struct parts parts = find_parts(page, overview, "trace", "trace.events_total", "event");
	size_t shown = parts.nr < rows ? parts.nr : rows;
	struct kma_grid *grid = kma_grid_new(page, 4, shown);

	if (!grid)
		return;
	qsort(parts.part, parts.nr, sizeof(*parts.part), by_rate);
	grid->columns[0].title = "events";
	grid->columns[1] = (struct kma_grid_column){ .title = "per second", .right = true };
	grid->columns[2] = (struct kma_grid_column){ .title = "in all", .right = true };
	grid->columns[3].decoration = true;
	for (size_t i = 0; i < shown; i++) {
		const struct part *part = &parts.part[i];

		*kma_grid_cell(grid, i, 0) = part->name;
		*kma_grid_cell(grid, i, 1) = rate_text(page, overview, part->more);
		*kma_grid_cell(grid, i, 2) = whole_text(page, part->value);
		*kma_grid_cell(grid, i, 3) = bar_text(
			page, parts.part[0].more > 0 ? part->more / parts.part[0].more : 0);
	}
	kma_grid_print(page, 0, grid);
}

/* The live screen shows report number N when N is pressed. */
static const char *why_not(struct kma_page *page, const struct kma_overview *overview,
			   const char *report)
{
	for (size_t i = 0; i < overview->now->nr_reports; i++)
		if (!strcmp(overview->now->reports[i].name, report))
			return kma_page_printf(page, "unknown; %zu tells why", i + 1);
	return "not among the reports asked for";
}

static const struct part *same_name(const struct parts *parts, const char *name)
{
	for (size_t i = 0; i < parts->nr; i++)
		if (!strcmp(parts->part[i].name, name))
			return &parts->part[i];
	return NULL;
}

/* One line. */
static void put_zone_lock(struct kma_page *page, const struct kma_overview *overview)
{
	const struct kma_report *report = find_report(overview->now, "zone_lock");
	struct parts contended = find_parts(page, overview, "zone_lock",
					    "zone_lock.contended_total", NULL),
		     all = find_parts(page, overview, "zone_lock", "zone_lock.acquisitions_total",
				      NULL);
	const struct kma_metric *wait = report ? kma_report_find(report, "zone_lock.wait_ns")
					       : NULL;
	struct parts waits = find_parts(page, overview, "alloc_lock", "alloc_lock.contended_total",
					"lock");
	const struct part *zone = same_name(&waits, "zone");
	const char *text;

	if (!contended.nr && zone) {
		/* a stock kernel */
		text = kma_page_printf(page, "waited for %s times, %s in a second",
				       whole_text(page, zone->value),
				       rate_text(page, overview, zone->more));
	} else if (!contended.nr) {
		text = why_not(page, overview, "zone_lock");
	} else {
		text = kma_page_printf(page, "contended %s times, %s in a second",
				       whole_text(page, contended.part[0].value),
				       rate_text(page, overview, contended.part[0].more));
		if (all.nr)
			text = kma_page_printf(page, "%s, of %s", text,
					       whole_text(page, all.part[0].value));
		if (wait && wait->dist && wait->dist->count)
			text = kma_page_printf(page, "%s; p99 %s", text,
					       kma_text_uint(page, KMA_UNIT_NS, wait->dist->p99));
	}
	kma_page_put(page, KMA_BOLD, "zone->lock");
	kma_page_move(page, 12);
	kma_page_put(page, KMA_PLAIN, kma_page_fit(page, text, kma_page_columns(page) - 12));
	kma_page_newline(page);
}

static struct parts cpu_parts(struct kma_page *page, const struct kma_overview *overview,
			      const char *metric)
{
	return find_parts(page, overview, "pcp", metric, "cpu");
}

/* The busiest CPUs first. */
static void put_pcp(struct kma_page *page, const struct kma_overview *overview, size_t rows)
{
	struct parts refill = cpu_parts(page, overview, "pcp.refill_pages_total"),
		     drain = cpu_parts(page, overview, "pcp.drain_pages_total"),
		     net = cpu_parts(page, overview, "pcp.net_pages"),
		     *order = refill.nr ? &refill : &drain;
	size_t shown = order->nr < rows ? order->nr : rows;
	struct kma_grid *grid = shown ? kma_grid_new(page, 4, shown) : NULL;

	if (!grid) {
		kma_page_put(page, KMA_BOLD, "CPU lists");
		kma_page_move(page, 12);
		kma_page_put(page, KMA_PLAIN,
			     kma_page_fit(page, why_not(page, overview, "pcp"),
					  kma_page_columns(page) - 12));
		kma_page_newline(page);
		return;
	}
	qsort(order->part, order->nr, sizeof(*order->part), by_rate);
	grid->columns[0] = (struct kma_grid_column){ .title = "CPU", .right = true };
	grid->columns[1] = (struct kma_grid_column){ .title = "pages refilled/s", .right = true };
	grid->columns[2] = (struct kma_grid_column){ .title = "drained/s", .right = true };
	grid->columns[3] = (struct kma_grid_column){ .title = "net in all", .right = true };
	for (size_t i = 0; i < shown; i++) {
		const char *cpu = order->part[i].name;
		const struct part *in = same_name(&refill, cpu), *out = same_name(&drain, cpu),
				  *rest = same_name(&net, cpu);

		*kma_grid_cell(grid, i, 0) = cpu;
		*kma_grid_cell(grid, i, 1) = in ? rate_text(page, overview, in->more) : "-";
		*kma_grid_cell(grid, i, 2) = out ? rate_text(page, overview, out->more) : "-";
		*kma_grid_cell(grid, i, 3) = rest ? whole_text(page, rest->value) : "-";
	}
	kma_grid_print(page, 0, grid);
}

/* Who does most: the first of these that the reports can tell. */
static void put_sites(struct kma_page *page, const struct kma_overview *overview, size_t rows)
{
	static const struct {
		const char *report, *metric, *label, *title;
	} sources[] = {
		{ "slab", "slab.alloc_total", "call_site", "slab call sites" },
		{ "zone_lock", "zone_lock.acquisitions_total", "caller", "zone->lock callers" },
		{ "percpu", "percpu.alloc_total", "call_site", "percpu call sites" },
	};
	struct parts parts = { 0 };
	struct kma_grid *grid;
	size_t i = 0, shown;

	for (; !parts.nr && i < sizeof(sources) / sizeof(*sources); i++)
		parts = find_parts(page, overview, sources[i].report, sources[i].metric,
				   sources[i].label);
	if (!parts.nr)
		return;
	shown = parts.nr < rows ? parts.nr : rows;
	grid = kma_grid_new(page, 3, shown);
	if (!grid)
		return;
	qsort(parts.part, parts.nr, sizeof(*parts.part), by_rate);
	grid->columns[0].title = sources[i - 1].title;
	grid->columns[1] = (struct kma_grid_column){ .title = "per second", .right = true };
	grid->columns[2] = (struct kma_grid_column){ .title = "in all", .right = true };
	for (size_t row = 0; row < shown; row++) {
		*kma_grid_cell(grid, row, 0) = parts.part[row].name;
		*kma_grid_cell(grid, row, 1) = rate_text(page, overview, parts.part[row].more);
		*kma_grid_cell(grid, row, 2) = whole_text(page, parts.part[row].value);
	}
	kma_grid_print(page, 0, grid);
}

int kma_render_overview(const struct kma_overview *overview, const struct kma_text_options *options,
			FILE *out)
{
	struct kma_page page = { .out = out, .options = options, .scratch = kma_arena_new() };
	size_t rows = overview->rows > 15 ? overview->rows - 7 : 8, cpus, events;

	if (!page.scratch)
		return -1;
	/* three titles, three empty lines and the lock's take seven */
	cpus = cpu_parts(&page, overview, "pcp.refill_pages_total").nr;
	if (!cpus)
		cpus = cpu_parts(&page, overview, "pcp.drain_pages_total").nr;
	cpus = cpus < rows / 4 ? cpus : rows / 4;
	events = (rows - cpus) / 2;
	put_events(&page, overview, events);
	kma_page_newline(&page);
	put_zone_lock(&page, overview);
	kma_page_newline(&page);
	put_pcp(&page, overview, cpus);
	kma_page_newline(&page);
	put_sites(&page, overview, rows - cpus - events);
	kma_arena_free(page.scratch);
	return page.failed || ferror(out) || fflush(out) ? -1 : 0;
}
