/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-CPU allocator: what the gathered numbers amount to, how far each can be trusted, and the
 * metrics. Reads the state that percpu.c gathers and never changes it.
 */
#include <stdlib.h>

#include "percpu_report.h"
#include "trust.h"
#include "words.h"

#define DEF(suffix, kind_, unit_, better_, labels_, title_)                                \
	{                                                                                  \
		.name = "percpu." suffix, .kind = kind_, .unit = unit_, .better = better_, \
		.labels = labels_, .title = title_                                         \
	}

const struct kma_metric_def percpu_metric_defs[PERCPU_NR_METRICS + 1] = {
	[PERCPU_ALLOC] = DEF("alloc_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE,
			     "call_site", "areas allocated"),
	[PERCPU_FREE] = DEF("free_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_NONE, "call_site",
			    "areas freed"),
	[PERCPU_NET] = DEF("net_objects", KMA_GAUGE, KMA_UNIT_COUNT, KMA_BETTER_LOWER, "",
			   "net areas (allocated - freed)"),
	[PERCPU_FAILED] = DEF("failed_total", KMA_COUNTER, KMA_UNIT_COUNT, KMA_BETTER_LOWER,
			      "call_site", "failed allocations"),
	[PERCPU_ALLOC_BYTES] = DEF("alloc_bytes_total", KMA_COUNTER, KMA_UNIT_BYTES,
				   KMA_BETTER_LOWER, "call_site", "memory allocated, on all CPUs"),
	[PERCPU_OUTSTANDING] = DEF("outstanding_objects", KMA_GAUGE, KMA_UNIT_COUNT,
				   KMA_BETTER_LOWER, "call_site", "areas allocated and not freed"),
	[PERCPU_OUTSTANDING_BYTES] = DEF("outstanding_bytes", KMA_GAUGE, KMA_UNIT_BYTES,
					 KMA_BETTER_LOWER, "call_site",
					 "their memory, on all CPUs"),
	[PERCPU_OUTSTANDING_SIZE] = DEF("outstanding_bytes_per_cpu", KMA_GAUGE, KMA_UNIT_BYTES,
					KMA_BETTER_LOWER, "call_site", "their memory, on one CPU"),
	[PERCPU_MAX] = DEF("max_objects", KMA_GAUGE, KMA_UNIT_COUNT, KMA_BETTER_LOWER, "",
			   "most areas at once, of those seen"),
	[PERCPU_FREE_UNKNOWN] = DEF("free_unknown_total", KMA_COUNTER, KMA_UNIT_COUNT,
				    KMA_BETTER_NONE, "", "frees of areas not seen allocated"),
	[PERCPU_MISSED_FREE] = DEF("missed_free_total", KMA_COUNTER, KMA_UNIT_COUNT,
				   KMA_BETTER_LOWER, "", "frees that were not seen"),
	[PERCPU_CHUNKS_CREATED] = DEF("chunks_created_total", KMA_COUNTER, KMA_UNIT_COUNT,
				      KMA_BETTER_LOWER, "", "chunks created"),
	[PERCPU_CHUNKS_DESTROYED] = DEF("chunks_destroyed_total", KMA_COUNTER, KMA_UNIT_COUNT,
					KMA_BETTER_NONE, "", "chunks destroyed"),
	[PERCPU_SIZE] = DEF("size_bytes", KMA_DISTRIBUTION, KMA_UNIT_BYTES, KMA_BETTER_NONE,
			    "call_site", "size of an area on one CPU"),
	[PERCPU_LIFETIME] = DEF("lifetime_ns", KMA_DISTRIBUTION, KMA_UNIT_NS, KMA_BETTER_NONE, "",
				"lifetime of freed areas"),
	[PERCPU_NR_METRICS] = { .name = NULL },
};

const char *percpu_address(struct percpu_telling *t, uint64_t address)
{
	return kma_report_printf(t->report, "0x%" PRIx64, address);
}

struct kma_labels percpu_site_label(struct percpu_telling *t, uint32_t site)
{
	return kma_label1("call_site", kma_sites_value(t->state->sites, site, t->report));
}

/* ---- working it out ---- */

static struct kma_u64map_entry *next_entry(const struct kma_u64map *map, size_t *slot)
{
	size_t nr_slots = map->entries ? (size_t)1 << map->bits : 0;

	while (*slot < nr_slots) {
		struct kma_u64map_entry *entry = &map->entries[(*slot)++];

		if (entry->key != KMA_U64MAP_FREE)
			return entry;
	}
	return NULL;
}

/* Numbers follow the order of appearance: with them the order is total. */
static int compare_sites(const void *left, const void *right)
{
	const struct percpu_site_row *a = *(struct percpu_site_row *const *)left;
	const struct percpu_site_row *b = *(struct percpu_site_row *const *)right;

	if (a->live_bytes != b->live_bytes)
		return a->live_bytes > b->live_bytes ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	if (a->allocs != b->allocs)
		return a->allocs > b->allocs ? -1 : 1;
	return a->site < b->site ? -1 : a->site > b->site;
}

static int work_out_sites(struct percpu_telling *t)
{
	const struct kma_state *state = t->state;
	const struct kma_u64map_entry *entry;
	size_t slot = 0;

	t->nr_sites = kma_sites_nr(state->sites);
	t->sites = calloc(t->nr_sites, sizeof(*t->sites));
	t->by_cost = calloc(t->nr_sites, sizeof(struct percpu_site_row *));
	if (!t->sites || !t->by_cost)
		return -1;
	for (uint32_t i = 0; i < state->nr_groups; i++) {
		const struct percpu_group *group = &state->groups[i];
		struct percpu_site_row *row = &t->sites[group->site];
		uint64_t size = (uint64_t)group->live * group->size;

		row->allocs += group->allocs;
		row->bytes += group->bytes;
		row->frees += group->frees;
		row->missed += group->missed;
		row->live += group->live;
		row->live_size += size;
		row->live_bytes += percpu_cost(state, size, group->live_bytes);
		if (group->life_max > row->life_max)
			row->life_max = group->life_max;
	}
	while ((entry = next_entry(&state->failed_sites, &slot)))
		t->sites[entry->key].failed = entry->value;
	/* what nobody knows the allocation of belongs to nobody: so the parts add up */
	t->sites[KMA_SITE_OTHER].frees += state->unknown;
	for (uint32_t i = 0; i < t->nr_sites; i++) {
		struct percpu_site_row *row = &t->sites[i];

		row->site = i;
		if (row->allocs || row->frees || row->failed)
			t->by_cost[t->nr_by_cost++] = row;
	}
	qsort(t->by_cost, t->nr_by_cost, sizeof(struct percpu_site_row *), compare_sites);
	return 0;
}

static int compare_kept(const void *left, const void *right)
{
	const struct percpu_group_row *a = left, *b = right;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	if (a->live != b->live)
		return a->live > b->live ? -1 : 1;
	if (a->group->site != b->group->site)
		return a->group->site < b->group->site ? -1 : 1;
	return a->group->size < b->group->size ? -1 : a->group->size > b->group->size;
}

static void add_live_area(struct percpu_telling *t, struct percpu_group_row *row,
			  const struct percpu_area *area)
{
	uint64_t first = t->summary->first_ts, last = t->summary->last_ts;
	uint64_t age = last > area->ts ? last - area->ts : 0;
	uint64_t since = area->ts > first ? area->ts - first : 0;
	uint64_t width = (last - first) / PERCPU_PARTS + 1;
	uint64_t part = since / width;

	row->live++;
	row->old += age > row->site->life_max;
	row->doubtful += area->ts < t->state->gap_ts;
	row->born[part < PERCPU_PARTS ? part : PERCPU_PARTS - 1]++;
	if (row->live == 1 || area->ts < row->first_ts)
		row->first_ts = area->ts;
	if (area->ts > row->last_ts)
		row->last_ts = area->ts;
}

static int work_out_kept(struct percpu_telling *t)
{
	const struct kma_state *state = t->state;
	struct percpu_group_row *rows = calloc(state->nr_groups, sizeof(*rows));

	t->kept = rows;
	if (!rows)
		return -1;
	for (uint32_t i = 0; i < state->nr_groups; i++) {
		const struct percpu_group *group = &state->groups[i];

		rows[i].group = group;
		rows[i].site = &t->sites[group->site];
		rows[i].bytes = percpu_cost(state, (uint64_t)group->live * group->size,
					    group->live_bytes);
	}
	for (size_t i = 0; i < state->live; i++)
		add_live_area(t, &rows[t->areas[i].group], &t->areas[i]);
	for (uint32_t i = 0; i < state->nr_groups; i++) {
		t->doubtful += rows[i].doubtful;
		if (rows[i].live)
			rows[t->nr_kept++] = rows[i];
	}
	qsort(rows, t->nr_kept, sizeof(*rows), compare_kept);
	return 0;
}

/* What a qsort() comparison could not see: the groups that the numbers stand for. */
struct group_place {
	uint64_t site_size;
	uint32_t number;
};

static int compare_places(const void *left, const void *right)
{
	const struct group_place *a = left, *b = right;

	return a->site_size < b->site_size ? -1 : a->site_size > b->site_size;
}

static int work_out_order(struct percpu_telling *t)
{
	const struct kma_state *state = t->state;
	struct group_place *places = calloc(state->nr_groups, sizeof(*places));

	t->by_site_size = calloc(state->nr_groups, sizeof(*t->by_site_size));
	if (!places || !t->by_site_size) {
		free(places);
		return -1;
	}
	for (uint32_t i = 0; i < state->nr_groups; i++) {
		const struct percpu_group *group = &state->groups[i];

		places[i] = (struct group_place){ (uint64_t)group->site << 32 | group->size, i };
	}
	qsort(places, state->nr_groups, sizeof(*places), compare_places);
	for (uint32_t i = 0; i < state->nr_groups; i++)
		t->by_site_size[i] = places[i].number;
	free(places);
	return 0;
}

static int compare_failures(const void *left, const void *right)
{
	const struct percpu_failure *a = left, *b = right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	if (a->align != b->align)
		return a->align > b->align ? -1 : 1;
	if (a->atomic != b->atomic)
		return a->atomic ? -1 : 1;
	return (int)b->reserved - (int)a->reserved;
}

static int work_out_failures(struct percpu_telling *t)
{
	uint32_t nr = t->state->nr_failures;

	t->failures = calloc(nr + 1, sizeof(*t->failures));
	if (!t->failures)
		return -1;
	for (uint32_t i = 0; i < nr; i++)
		t->failures[i] = t->state->failures[i];
	qsort(t->failures, nr, sizeof(*t->failures), compare_failures);
	return 0;
}

static int work_out(struct percpu_telling *t)
{
	const struct kma_state *state = t->state;

	t->nr_bins = kma_bins_used(&state->bins, t->summary->last_ts);
	if (percpu_work_out_layout(t) || work_out_sites(t) || work_out_kept(t) ||
	    work_out_order(t) || work_out_failures(t))
		return -1;
	t->have_allocs = state->allocs;
	t->have_frees = state->frees;
	t->have_failures = state->failed;
	t->have_created = state->created;
	t->have_destroyed = state->destroyed;
	t->have_both = t->have_allocs && t->have_frees;
	t->have_cost = state->has_bytes || t->trace->possible_cpus;
	t->have_sites = state->has_call_site || t->trace->stack_depth;
	t->have_time = t->trace->clock != KMA_CLOCK_TICKS;
	t->no_allocs = kma_no_record(t->report, t->trace, KMA_PERCPU_ALLOC);
	t->no_frees = kma_no_record(t->report, t->trace, KMA_PERCPU_FREE);
	t->no_failures = kma_no_record(t->report, t->trace, KMA_PERCPU_ALLOC_FAIL);
	t->no_created = kma_no_record(t->report, t->trace, KMA_PERCPU_CREATE_CHUNK);
	t->no_destroyed = kma_no_record(t->report, t->trace, KMA_PERCPU_DESTROY_CHUNK);
	t->not_both = t->have_allocs ? t->no_frees : t->no_allocs;
	t->no_cost = "percpu:percpu_alloc_percpu has no bytes_alloc here, and the trace does not "
		     "tell the number of CPUs";
	t->no_time = kma_report_printf(t->report, "the %s clock does not count nanoseconds",
				       t->trace->clock_name);
	return 0;
}

/* ---- how far the numbers can be trusted ---- */

static void weaken_matches(struct percpu_telling *t, const char *reason)
{
	kma_weaken(t->report, &t->matched, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->matched_cost, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->timed, KMA_APPROXIMATE, reason);
}

static void weaken_all(struct percpu_telling *t, const char *reason)
{
	kma_weaken(t->report, &t->counted, KMA_LOWER_BOUND, reason);
	kma_weaken(t->report, &t->costed, KMA_LOWER_BOUND, reason);
	kma_weaken(t->report, &t->sized, KMA_APPROXIMATE, reason);
	kma_weaken(t->report, &t->net, KMA_APPROXIMATE, reason);
	weaken_matches(t, reason);
	kma_report_status(t->report, (struct kma_status){ KMA_APPROXIMATE, reason });
}

static void judge_losses(struct percpu_telling *t)
{
	if (t->summary->lost)
		weaken_all(t, kma_report_printf(t->report, "at least %s records were lost",
						kma_words_count(t->report, t->summary->lost)));
	if (t->summary->truncated)
		weaken_all(t, "the trace is cut short");
	if (t->trace->filtered)
		weaken_matches(t, "areas may have been allocated or freed outside the CPUs or the "
				  "time picked");
}

static void judge_matches(struct percpu_telling *t)
{
	const struct kma_state *state = t->state;

	if (state->missed)
		weaken_matches(
			t, kma_report_printf(t->report,
					     "%s areas ended with no free seen: their place was "
					     "allocated again, or their chunk went",
					     kma_words_count(t->report, state->missed)));
	if (state->unfollowed)
		weaken_matches(t, kma_report_printf(t->report, "%s areas could not be followed",
						    kma_words_count(t->report, state->unfollowed)));
	if (t->trace->clock == KMA_CLOCK_LOCAL && state->crossed)
		kma_weaken(t->report, &t->timed, KMA_APPROXIMATE,
			   kma_report_printf(t->report, "the %s clock differs between CPUs",
					     t->trace->clock_name));
	if (state->groups[0].allocs)
		kma_weaken(t->report, &t->by_site, KMA_APPROXIMATE,
			   "the trace holds more call sites and sizes than are told apart");
}

static void judge(struct percpu_telling *t)
{
	const struct kma_state *state = t->state;

	judge_losses(t);
	judge_matches(t);
	if (!state->has_bytes && t->trace->possible_cpus) {
		const char *reason = kma_report_printf(
			t->report,
			"percpu:percpu_alloc_percpu has no bytes_alloc here: size x %" PRIu32
			" CPUs, without the memory cgroups' bookkeeping",
			t->trace->possible_cpus);

		kma_weaken(t->report, &t->costed, KMA_APPROXIMATE, reason);
		kma_weaken(t->report, &t->matched_cost, KMA_APPROXIMATE, reason);
	}
	if (t->have_allocs != t->have_frees)
		kma_report_status(t->report, (struct kma_status){ KMA_APPROXIMATE, t->not_both });
	if (t->have_allocs || t->have_frees)
		return;
	/* failures and chunks can stand alone */
	if (t->have_failures || t->have_created || t->have_destroyed) {
		kma_report_status(t->report, (struct kma_status){ KMA_APPROXIMATE, t->no_allocs });
		kma_report_status(t->report, (struct kma_status){ KMA_APPROXIMATE, t->no_frees });
		return;
	}
	kma_report_status(t->report, (struct kma_status){ KMA_UNAVAILABLE, t->no_allocs });
	kma_report_status(t->report, (struct kma_status){ KMA_UNAVAILABLE, t->no_frees });
}

/* ---- metrics ---- */

static void tell(struct percpu_telling *t, unsigned int metric, struct kma_labels labels,
		 struct kma_status status, uint64_t value)
{
	if (labels.nr && t->by_site.code != KMA_EXACT)
		kma_weaken(t->report, &status, t->by_site.code, t->by_site.reason);
	kma_report_value(t->report, PERCPU_METRIC(metric), labels, status, kma_int((int64_t)value));
}

static void tell_not(struct percpu_telling *t, unsigned int metric, const char *reason)
{
	kma_report_unavailable(t->report, PERCPU_METRIC(metric), kma_no_labels(), reason);
}

/* The whole of a metric: @value, or why there is none. */
static void tell_whole(struct percpu_telling *t, unsigned int metric, const char *reason,
		       struct kma_status status, uint64_t value)
{
	if (reason)
		tell_not(t, metric, reason);
	else
		tell(t, metric, kma_no_labels(), status, value);
}

static void tell_totals(struct percpu_telling *t)
{
	const struct kma_state *state = t->state;
	const char *no_allocs = t->have_allocs ? NULL : t->no_allocs;
	const char *no_frees = t->have_frees ? NULL : t->no_frees;
	const char *not_both = t->have_both ? NULL : t->not_both;
	const char *no_cost = t->have_cost ? NULL : t->no_cost;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < state->nr_groups; i++)
		bytes += state->groups[i].bytes;
	tell_whole(t, PERCPU_ALLOC, no_allocs, t->counted, state->allocs);
	tell_whole(t, PERCPU_FREE, no_frees, t->counted, state->frees);
	tell_whole(t, PERCPU_NET, not_both, t->net, state->allocs - state->frees);
	tell_whole(t, PERCPU_FAILED, t->have_failures ? NULL : t->no_failures, t->counted,
		   state->failed);
	tell_whole(t, PERCPU_ALLOC_BYTES, no_allocs ? no_allocs : no_cost, t->costed, bytes);
	tell_whole(t, PERCPU_OUTSTANDING, not_both, t->matched, state->live);
	tell_whole(t, PERCPU_OUTSTANDING_BYTES, not_both ? not_both : no_cost, t->matched_cost,
		   percpu_cost(state, state->live_size, state->live_bytes));
	tell_whole(t, PERCPU_OUTSTANDING_SIZE, not_both, t->matched, state->live_size);
	tell_whole(t, PERCPU_MAX, not_both, t->matched, state->live_max);
	tell_whole(t, PERCPU_FREE_UNKNOWN, not_both, t->matched, state->unknown);
	tell_whole(t, PERCPU_MISSED_FREE, not_both, t->matched, state->missed);
	tell_whole(t, PERCPU_CHUNKS_CREATED, t->have_created ? NULL : t->no_created, t->counted,
		   state->created);
	tell_whole(t, PERCPU_CHUNKS_DESTROYED, t->have_destroyed ? NULL : t->no_destroyed,
		   t->counted, state->destroyed);
}

static void tell_site(struct percpu_telling *t, const struct percpu_site_row *row)
{
	struct kma_labels label = percpu_site_label(t, row->site);

	if (t->have_allocs) {
		tell(t, PERCPU_ALLOC, label, t->counted, row->allocs);
		if (t->have_cost)
			tell(t, PERCPU_ALLOC_BYTES, label, t->costed, row->bytes);
	}
	if (t->have_both) {
		/* whose free it is comes from the match, so that is as good as the match */
		tell(t, PERCPU_FREE, label, t->matched, row->frees);
		tell(t, PERCPU_OUTSTANDING, label, t->matched, row->live);
		tell(t, PERCPU_OUTSTANDING_SIZE, label, t->matched, row->live_size);
		if (t->have_cost)
			tell(t, PERCPU_OUTSTANDING_BYTES, label, t->matched_cost, row->live_bytes);
	}
	if (t->have_failures && t->trace->stack_depth)
		tell(t, PERCPU_FAILED, label, t->counted, row->failed);
}

/* by_site_size has the sites one after the other. */
static int tell_site_sizes(struct percpu_telling *t)
{
	const struct percpu_group *groups = t->state->groups;
	struct kma_status status = t->sized;
	uint32_t nr = t->state->nr_groups;

	if (t->by_site.code != KMA_EXACT)
		kma_weaken(t->report, &status, t->by_site.code, t->by_site.reason);
	for (uint32_t i = 0, next; i < nr; i = next) {
		uint32_t site = groups[t->by_site_size[i]].site;
		struct kma_histogram sizes = { 0 };

		for (next = i; next < nr && groups[t->by_site_size[next]].site == site; next++) {
			uint32_t number = t->by_site_size[next];

			/* group 0 has any size */
			if (number &&
			    kma_histogram_add(&sizes, groups[number].size, groups[number].allocs)) {
				kma_histogram_free(&sizes);
				return -1;
			}
		}
		if (sizes.count)
			kma_report_dist(t->report, PERCPU_METRIC(PERCPU_SIZE),
					percpu_site_label(t, site), status, &sizes);
		kma_histogram_free(&sizes);
	}
	return 0;
}

static int tell_dists(struct percpu_telling *t)
{
	if (!t->have_allocs)
		tell_not(t, PERCPU_SIZE, t->no_allocs);
	else
		kma_report_dist(t->report, PERCPU_METRIC(PERCPU_SIZE), kma_no_labels(), t->sized,
				&t->state->sizes);
	if (!t->have_both || !t->have_time)
		tell_not(t, PERCPU_LIFETIME, t->have_both ? t->no_time : t->not_both);
	else
		kma_report_dist(t->report, PERCPU_METRIC(PERCPU_LIFETIME), kma_no_labels(),
				t->timed, &t->state->lifetimes);
	return t->have_sites ? tell_site_sizes(t) : 0;
}

int percpu_report(const struct kma_state *state, const struct kma_summary *summary,
		  struct kma_report *report)
{
	struct percpu_telling t = {
		.trace = state->trace,
		.state = state,
		.summary = summary,
		.report = report,
	};
	int result = work_out(&t);

	if (!result) {
		judge(&t);
		tell_totals(&t);
		for (size_t i = 0; t.have_sites && i < t.nr_by_cost; i++)
			tell_site(&t, t.by_cost[i]);
		result = tell_dists(&t);
		if (!result)
			result = percpu_tell_tables(&t);
		percpu_tell_findings(&t);
	}
	free(t.sites);
	free(t.by_cost);
	free(t.by_site_size);
	free(t.kept);
	free(t.failures);
	free(t.areas);
	free(t.chunks);
	return result;
}
