/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Per-CPU allocator: what is wrong, how to see it, and what to do about it. */
#include "percpu_report.h"
#include "words.h"

/*
 * Areas of one size from one call site that outlived all that was freed there: two or three are how
 * a trace happens to be cut.
 */
#define MIN_OLD_AREAS 4
/* Without frees to compare with, only growth is evidence: that needs more of them. */
#define MIN_GROWN_AREAS 16
/* Frees that say how long an area of this call site normally lives. */
#define MIN_FREES 4
/* On all CPUs together: less is a remark, however sure. */
#define WORTH_A_WARNING 4096
/* A suspect has a finding of its own when it keeps a fifth of what all suspects keep. */
#define OWN_FINDING_SHARE 5
#define MAX_SUSPECTS	  3
/* Further ones that one finding names; what follows is in the tables. */
#define MAX_MORE_SUSPECTS 4
#define MAX_CHUNKS	  3
/* Kept by one call site on all CPUs together: what a person would look for in Percpu of meminfo. */
#define COSTLY_BYTES	  (UINT64_C(1) << 20)
#define VERY_COSTLY_BYTES (UINT64_C(64) << 20)

/* "552 ms" */
static const char *time_text(struct percpu_telling *t, uint64_t ns)
{
	double x = (double)ns;

	if (x < 999.5)
		return kma_report_printf(t->report, "%s ns", kma_words_count(t->report, ns));
	if (x < 999.5e3)
		return kma_report_printf(t->report, "%.3g us", x / 1e3);
	if (x < 999.5e6)
		return kma_report_printf(t->report, "%.3g ms", x / 1e6);
	return kma_report_printf(t->report, x < 999.5e9 ? "%.3g s" : "%.0f s", x / 1e9);
}

/* "444.0 KiB" */
static const char *bytes_text(struct percpu_telling *t, uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024)
		return kma_report_printf(t->report, "%s B", kma_words_count(t->report, bytes));
	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	return kma_report_printf(t->report, "%.1f %s", value, units[unit]);
}

static const char *plural(uint64_t nr)
{
	return nr == 1 ? "" : "s";
}

/* The call site as text: the symbol is filled in later where it is an address. */
static const char *site_text(struct percpu_telling *t, uint32_t site)
{
	struct kma_value value;

	if (site == KMA_SITE_OTHER)
		return "an unknown call site";
	value = kma_sites_value(t->state->sites, site, t->report);
	if (value.type == KMA_VALUE_ADDRESS)
		return kma_report_printf(t->report, KMA_PRI_SYM, value.address);
	return value.string;
}

static void prove(struct percpu_telling *t, size_t finding, unsigned int metric)
{
	kma_report_proof(t->report, finding, PERCPU_METRIC(metric), kma_no_labels());
}

static void prove_site(struct percpu_telling *t, size_t finding, unsigned int metric, uint32_t site)
{
	if (t->have_sites)
		kma_report_proof(t->report, finding, PERCPU_METRIC(metric),
				 percpu_site_label(t, site));
}

/* ---- failures ---- */

/* How often that size was allocated all the same. */
static uint64_t successes(const struct percpu_telling *t, uint32_t size)
{
	uint64_t nr = 0;

	for (uint32_t i = 1; i < t->state->nr_groups; i++)
		if (t->state->groups[i].size == size)
			nr += t->state->groups[i].allocs;
	return nr;
}

/* @nr_failed: all failures of that kind */
static const char *shape_text(struct percpu_telling *t, const struct percpu_failure *worst,
			      uint64_t nr_failed)
{
	const char *also = "", *part = "";

	if (worst->count < nr_failed)
		part = kma_report_printf(t->report, "%s of them ",
					 kma_words_count(t->report, worst->count));

	if (t->have_allocs) {
		uint64_t nr = successes(t, worst->size);

		also = nr ? kma_report_printf(t->report, ", while %s of this size succeeded",
					      kma_words_count(t->report, nr))
			  : ", and none of this size succeeded";
	}
	return kma_report_printf(t->report, "%sasked for %" PRIu32 " B aligned to %" PRIu32 "%s",
				 part, worst->size, worst->align, also);
}

enum failure_kind { RESERVED, ATOMIC, SLEEPING, NR_FAILURE_KINDS };

static enum failure_kind kind_of(const struct percpu_failure *f)
{
	return f->reserved ? RESERVED : f->atomic ? ATOMIC : SLEEPING;
}

static void find_failures(struct percpu_telling *t, enum failure_kind kind)
{
	static const char *const advice[] = {
		[RESERVED] =
			"Static per-CPU variables of modules live in a small reserved area, which "
			"is full or too fragmented: load fewer modules with per-CPU variables, or "
			"have the module use alloc_percpu().",
		[ATOMIC] =
			"An atomic allocation (GFP_NOWAIT, GFP_ATOMIC) gets only memory that is "
			"populated already; a worker populates more a moment later, so bursts and "
			"large areas fail first. Allocate where sleeping is allowed (GFP_KERNEL), "
			"ahead of need: for BPF maps, preallocate (no BPF_F_NO_PREALLOC). Or "
			"make the area smaller, or retry later.",
		[SLEEPING] =
			"An allocation that may sleep fails when no chunk has room and no new one "
			"can be made: too little memory on every node at once, or no vmalloc space "
			"for a chunk (32-bit machines; NUMA nodes far apart: try "
			"percpu_alloc=page; vmalloc= makes more room). Large or widely aligned "
			"areas suffer first, from fragmentation: see the largest gaps of the "
			"chunks.",
	};
	static const char *const ids[] = { "percpu.reserved_failures", "percpu.atomic_failures",
					   "percpu.failures" };
	static const char *const names[] = { " for a module's static variables",
					     " in atomic context", " that may sleep" };
	const struct percpu_failure *worst = NULL;
	uint64_t nr = 0;
	size_t finding;

	for (uint32_t i = 0; i < t->state->nr_failures; i++) {
		const struct percpu_failure *f = &t->failures[i];

		if (f->other || kind_of(f) != kind)
			continue;
		nr += f->count;
		if (!worst)
			worst = f;
	}
	if (!worst)
		return;
	finding = kma_report_finding(t->report, ids[kind], kind == SLEEPING ? KMA_ERROR : KMA_WARN,
				     advice[kind], "%s per-CPU allocation%s%s failed: %s.",
				     kma_words_count(t->report, nr), plural(nr), names[kind],
				     shape_text(t, worst, nr));
	prove(t, finding, PERCPU_FAILED);
	if (t->have_allocs)
		prove(t, finding, PERCPU_ALLOC);
}

/* ---- what stays allocated ---- */

static unsigned int parts_with_births(const struct percpu_group_row *row)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < PERCPU_PARTS; i++)
		nr += row->born[i] != 0;
	return nr;
}

static bool grows(const struct percpu_group_row *row)
{
	return row->live >= MIN_GROWN_AREAS && parts_with_births(row) >= PERCPU_PARTS - 1;
}

/* Older than the site's freed areas ever became, or allocated all through the trace. */
static bool is_suspect(const struct percpu_group_row *row)
{
	if (row->old < MIN_OLD_AREAS || 2 * row->old < row->live)
		return false;
	return row->site->frees >= MIN_FREES || grows(row);
}

static const char *age_text(struct percpu_telling *t, const struct percpu_group_row *row)
{
	const struct percpu_site_row *site = row->site;
	const char *oldest = "";
	uint64_t now = t->summary->last_ts;

	if (t->have_time)
		oldest = kma_report_printf(t->report, " (the oldest is %s old)",
					   time_text(t, now > row->first_ts ? now - row->first_ts
									    : 0));
	if (!site->frees)
		return kma_report_printf(t->report, "Nothing from there was ever freed%s.", oldest);
	return kma_report_printf(
		t->report, "%s older%s than any of the %s freed area%s from there became%s.",
		row->old == row->live ? "All are"
				      : kma_report_printf(t->report, "%s of them are",
							  kma_words_count(t->report, row->old)),
		oldest, kma_words_count(t->report, site->frees), plural(site->frees),
		t->have_time ? kma_report_printf(t->report, " (%s at most)",
						 time_text(t, site->life_max))
			     : "");
}

static const char *growth_text(struct percpu_telling *t, const struct percpu_group_row *row)
{
	unsigned int parts = parts_with_births(row);

	return kma_report_printf(
		t->report,
		"%s: %s, %s, %s and %s were allocated in the four quarters of the trace.",
		parts >= PERCPU_PARTS - 1 ? "They grow steadily"
		: parts == 1		  ? "They came in a burst"
					  : "They came in part of the time",
		kma_words_count(t->report, row->born[0]), kma_words_count(t->report, row->born[1]),
		kma_words_count(t->report, row->born[2]), kma_words_count(t->report, row->born[3]));
}

static const char *doubt_text(struct percpu_telling *t, const struct percpu_group_row *row)
{
	if (row->doubtful)
		return kma_report_printf(
			t->report, " Records were lost: %s of them may have been freed unseen.",
			kma_words_count(t->report, row->doubtful));
	if (t->trace->filtered)
		return " Only part of the trace was looked at: they may have been freed outside.";
	return "";
}

static bool is_certain(const struct percpu_telling *t, const struct percpu_group_row *row)
{
	return grows(row) ||
	       (row->site->frees >= MIN_FREES && !row->doubtful && !t->trace->filtered);
}

static enum kma_severity severity(const struct percpu_telling *t, bool certain, uint64_t bytes)
{
	return certain && (!t->have_cost || bytes >= WORTH_A_WARNING) ? KMA_WARN : KMA_INFO;
}

static const char suspect_advice[] =
	"Find who calls this and what should call free_percpu(): an object count that follows "
	"(cgroups, BPF maps and their elements, network namespaces, mounts, devices) names the "
	"owner; --stacks shows the way there. If it is meant to stay, it should stop growing: "
	"record again, longer, and compare.";

static void tell_suspect(struct percpu_telling *t, const struct percpu_group_row *row)
{
	const char *cost = t->have_cost ? kma_report_printf(t->report, ", %s on all CPUs",
							    bytes_text(t, row->bytes))
					: "";
	size_t finding = kma_report_finding(
		t->report, "percpu.outstanding_growth", severity(t, is_certain(t, row), row->bytes),
		suspect_advice,
		"%s area%s of %" PRIu32 " B allocated at %s are still there%s. %s %s%s",
		kma_words_count(t->report, row->live), plural(row->live), row->group->size,
		site_text(t, row->group->site), cost, age_text(t, row), growth_text(t, row),
		doubt_text(t, row));

	prove_site(t, finding, PERCPU_OUTSTANDING, row->group->site);
	prove_site(t, finding, PERCPU_OUTSTANDING_BYTES, row->group->site);
	prove_site(t, finding, PERCPU_ALLOC, row->group->site);
	prove_site(t, finding, PERCPU_FREE, row->group->site);
	if (!t->have_sites)
		prove(t, finding, PERCPU_OUTSTANDING);
}

/* The smaller suspects, from kept[@from] on, in one finding. */
static void tell_more_suspects(struct percpu_telling *t, size_t from)
{
	const struct percpu_group_row *named[MAX_MORE_SUSPECTS];
	const char *text = "", *more = "";
	uint64_t nr = 0, areas = 0, bytes = 0;
	bool certain = false;
	size_t finding;

	for (size_t i = from; i < t->nr_kept; i++) {
		const struct percpu_group_row *row = &t->kept[i];

		if (!is_suspect(row))
			continue;
		if (nr < MAX_MORE_SUSPECTS) {
			named[nr] = row;
			text = kma_report_printf(t->report, "%s%s%s x %" PRIu32 " B at %s", text,
						 nr ? ", " : "",
						 kma_words_count(t->report, row->live),
						 row->group->size, site_text(t, row->group->site));
		}
		nr++;
		areas += row->live;
		bytes += row->bytes;
		certain |= is_certain(t, row);
	}
	if (!nr)
		return;
	if (nr > MAX_MORE_SUSPECTS)
		more = kma_report_printf(t->report, ", and %s more call sites or sizes",
					 kma_words_count(t->report, nr - MAX_MORE_SUSPECTS));
	finding = kma_report_finding(
		t->report, "percpu.outstanding_more", severity(t, certain, bytes),
		"What goes up and down together belongs together: equal numbers point at one owner "
		"(a cgroup, a mount or a network namespace has several areas each). Ages and times "
		"are in the table of what is still allocated.",
		"Also still there, most of them longer than what was freed there lived or "
		"allocated "
		"all through the trace: %s%s; together %s areas%s.",
		text, more, kma_words_count(t->report, areas),
		t->have_cost
			? kma_report_printf(t->report, ", %s on all CPUs", bytes_text(t, bytes))
			: "");
	for (size_t i = 0; t->have_sites && i < nr && i < MAX_MORE_SUSPECTS; i++)
		prove_site(t, finding, PERCPU_OUTSTANDING, named[i]->group->site);
	if (!t->have_sites)
		prove(t, finding, PERCPU_OUTSTANDING);
}

static void find_growth(struct percpu_telling *t)
{
	unsigned int told = 0;
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < t->nr_kept; i++)
		if (is_suspect(&t->kept[i]))
			bytes += t->kept[i].bytes;
	/* kept has most bytes first: those with a finding of their own come first */
	for (i = 0; i < t->nr_kept && told < MAX_SUSPECTS; i++) {
		if (!is_suspect(&t->kept[i]))
			continue;
		if (told && t->kept[i].bytes < bytes / OWN_FINDING_SHARE)
			break;
		tell_suspect(t, &t->kept[i]);
		told++;
	}
	tell_more_suspects(t, i);
}

/* One area times all CPUs: the multiplication is what surprises people. */
static void find_cost(struct percpu_telling *t)
{
	static const char advice[] =
		"Every possible CPU has its copy, also those that never use it. Ask whether each "
		"object needs per-CPU data at all, make the area smaller, share it between "
		"objects, or boot with fewer possible CPUs (possible_cpus=, nr_cpus=) where the "
		"firmware announces more than there are.";
	const struct percpu_group_row *worst = t->nr_kept ? &t->kept[0] : NULL;
	size_t finding;

	if (!worst || !t->have_cost || worst->bytes < COSTLY_BYTES)
		return;
	finding = kma_report_finding(
		t->report, "percpu.cost", worst->bytes < VERY_COSTLY_BYTES ? KMA_INFO : KMA_WARN,
		advice,
		"%s areas of %" PRIu32 " B from %s look like %s, but take %s: an area "
		"exists once for each possible CPU (one of them takes %s in all).",
		kma_words_count(t->report, worst->live), worst->group->size,
		site_text(t, worst->group->site), bytes_text(t, worst->live * worst->group->size),
		bytes_text(t, worst->bytes), bytes_text(t, worst->bytes / worst->live));
	prove_site(t, finding, PERCPU_OUTSTANDING_BYTES, worst->group->site);
	prove(t, finding, PERCPU_OUTSTANDING_BYTES);
	prove(t, finding, PERCPU_OUTSTANDING_SIZE);
}

/* ---- chunks ---- */

/* The group with most bytes in the chunk: kept is in the order of bytes, but on all chunks. */
static const struct percpu_group *main_keeper(struct percpu_telling *t,
					      const struct percpu_chunk_row *row, uint64_t *nr)
{
	const struct percpu_group *best = NULL;

	*nr = 0;
	for (size_t k = 0; k < t->nr_kept && k < 64; k++) {
		const struct percpu_group *group = t->kept[k].group;
		uint64_t here = 0;

		for (size_t i = 0; i < row->nr_areas; i++)
			here += &t->state->groups[row->areas[i].group] == group;
		if (!best || here * group->size > *nr * best->size) {
			best = group;
			*nr = here;
		}
	}
	return best;
}

static void find_almost_empty(struct percpu_telling *t, const struct percpu_chunk_row *row)
{
	static const char advice[] =
		"A chunk goes back to the system only when nothing is left in it, and areas cannot "
		"move. Long-lived areas that are allocated in the middle of a burst of short-lived "
		"ones do this: allocate them before, or free them with the rest. Percpu in "
		"/proc/meminfo shows what it costs.";
	const struct percpu_chunk *chunk = row->chunk;
	const struct percpu_group *group;
	uint64_t nr;
	size_t finding;

	group = main_keeper(t, row, &nr);
	if (!group || !nr)
		return;
	finding = kma_report_finding(
		t->report, "percpu.almost_empty_chunk", KMA_INFO, advice,
		"Chunk %s, created during the trace, once held %s per CPU and now holds %s, in "
		"%" PRIu32
		" area%s; a chunk has room for %s at least. Most of that is %s area%s of %" PRIu32
		" B from %s.",
		percpu_address(t, chunk->base_addr), bytes_text(t, chunk->peak_size),
		bytes_text(t, chunk->live_size), chunk->live, plural(chunk->live),
		bytes_text(t, t->capacity), kma_words_count(t->report, nr), plural(nr), group->size,
		site_text(t, group->site));
	prove(t, finding, PERCPU_CHUNKS_CREATED);
	prove_site(t, finding, PERCPU_OUTSTANDING, group->site);
	if (!t->have_sites)
		prove(t, finding, PERCPU_OUTSTANDING);
}

void percpu_tell_findings(struct percpu_telling *t)
{
	unsigned int told = 0;

	for (unsigned int kind = 0; kind < NR_FAILURE_KINDS; kind++)
		find_failures(t, kind);
	if (!t->have_both)
		return;
	find_growth(t);
	find_cost(t);
	for (size_t i = 0; i < t->nr_chunks && told < MAX_CHUNKS; i++) {
		if (!percpu_is_almost_empty(t, &t->chunks[i]))
			continue;
		find_almost_empty(t, &t->chunks[i]);
		told++;
	}
}
