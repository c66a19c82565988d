/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random histories of the per-CPU allocator: the numbers of the percpu analysis against those of a
 * naive reading of the same records, which keeps everything in one list and looks through all of it
 * each time. The two share nothing but the records.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins.h"
#include "result/result.h"

#define NR_SEEDS    400
#define MAX_RECORDS 3000
#define NR_CHUNKS   5
#define NR_SITES    4
#define NR_OFFSETS  40
#define BASE(i)	    (UINT64_C(0xff11000000000000) + (uint64_t)(i)*0x200000)
#define SITE(i)	    (UINT64_C(0xffffffff81000000) + (uint64_t)(i)*16)
#define CPUS	    4

/* ---- random numbers ---- */

static uint64_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 20) % below;
}

/* ---- the history ---- */

struct history {
	bool has_bytes, has_call_site, lossy;
	struct kma_event events[MAX_RECORDS];
	size_t nr;
	size_t gap; /* records before it; 0: none */
};

/* What the generator knows: where something really lies. */
static bool occupied[NR_CHUNKS][NR_OFFSETS];

static struct kma_event *append(struct history *h, uint64_t *now, enum kma_kind kind)
{
	struct kma_event *e = &h->events[h->nr++];

	*now += pick(1000);
	*e = (struct kma_event){ .ts = *now, .cpu = pick(CPUS), .pid = 1, .kind = kind };
	return e;
}

static void append_alloc(struct history *h, uint64_t *now, uint32_t chunk, uint32_t place)
{
	uint32_t size = 4u << pick(6);
	struct kma_event *e = append(h, now, KMA_PERCPU_ALLOC);

	e->percpu_alloc = (struct kma_percpu_alloc){
		.base_addr = BASE(chunk),
		.off = (int32_t)place * 256,
		.size = size,
		.call_site = h->has_call_site && pick(10) ? SITE(pick(NR_SITES)) : 0,
		.bytes_alloc = h->has_bytes ? size * (CPUS + 2) : 0,
	};
	occupied[chunk][place] = true;
}

static void append_chunk(struct history *h, uint64_t *now, uint32_t chunk, enum kma_kind kind)
{
	append(h, now, kind)->percpu_chunk.base_addr = BASE(chunk);
	memset(occupied[chunk], 0, sizeof(occupied[chunk]));
}

static void append_free(struct history *h, uint64_t *now, uint32_t chunk, uint32_t place)
{
	struct kma_event *e = append(h, now, KMA_PERCPU_FREE);

	e->percpu_chunk = (struct kma_percpu_chunk){ .base_addr = BASE(chunk),
						     .off = (int32_t)place * 256 };
	occupied[chunk][place] = false;
}

static void append_failure(struct history *h, uint64_t *now)
{
	append(h, now, KMA_PERCPU_ALLOC_FAIL)->percpu_fail = (struct kma_percpu_fail){
		.size = 4096u << pick(4), .align = 8, .reserved = !pick(5), .is_atomic = pick(2)
	};
}

/* One record, or none. Odds differ between seeds, so that some grow, some shrink, some never free. */
static void step(struct history *h, uint64_t *now, uint32_t free_odds)
{
	uint32_t chunk = pick(NR_CHUNKS), place = pick(NR_OFFSETS), what = pick(100);

	if (what < 1)
		append_chunk(h, now, chunk, KMA_PERCPU_CREATE_CHUNK);
	else if (what < 2)
		append_chunk(h, now, chunk, KMA_PERCPU_DESTROY_CHUNK);
	else if (what < 5)
		append_failure(h, now);
	else if (what < 7) /* whatever is there: unknown, or a live place */
		pick(2) ? append_free(h, now, chunk, place) : append_alloc(h, now, chunk, place);
	else if (occupied[chunk][place] && pick(100) < free_odds)
		append_free(h, now, chunk, place);
	else if (!occupied[chunk][place])
		append_alloc(h, now, chunk, place);
}

static void make(struct history *h, uint64_t seed)
{
	uint32_t length = 0, free_odds;
	uint64_t now = 1000;

	random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (int i = 0; i < 8; i++)
		pick(2);
	memset(occupied, 0, sizeof(occupied));
	*h = (struct history){ .has_bytes = pick(3), .has_call_site = pick(3), .lossy = !pick(4) };
	length = pick(MAX_RECORDS - 1) + 1;
	free_odds = pick(101);
	while (h->nr < length) {
		size_t before = h->nr;

		step(h, &now, free_odds);
		if (h->nr == before && !free_odds && pick(50) == 0)
			break;
	}
	if (h->lossy)
		h->gap = 1 + pick((uint32_t)h->nr);
}

/* ---- the truth ---- */

struct entry {
	uint64_t base, site, ts, size, bytes;
	int64_t off;
	bool alive;
};

struct numbers {
	uint64_t allocs, frees, failed, created, destroyed, bytes;
	uint64_t live, live_bytes, live_size, max, unknown, missed;
	uint64_t sizes, size_sum, size_min, size_max;
	uint64_t lives, life_sum, life_min, life_max;
};

static struct entry entries[MAX_RECORDS];
static size_t nr_entries;

static uint64_t cost_of(const struct history *h, const struct kma_percpu_alloc *alloc)
{
	return h->has_bytes ? alloc->bytes_alloc : (uint64_t)alloc->size * CPUS;
}

static void sample(uint64_t value, uint64_t *nr, uint64_t *sum, uint64_t *min, uint64_t *max)
{
	if (!*nr || value < *min)
		*min = value;
	if (value > *max)
		*max = value;
	++*nr;
	*sum += value;
}

static uint64_t count_alive(void)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < nr_entries; i++)
		nr += entries[i].alive;
	return nr;
}

static void read_alloc(const struct history *h, const struct kma_event *e, struct numbers *n)
{
	const struct kma_percpu_alloc *alloc = &e->percpu_alloc;
	uint64_t alive;

	for (size_t i = 0; i < nr_entries; i++)
		if (entries[i].alive && entries[i].base == alloc->base_addr &&
		    entries[i].off == alloc->off) {
			entries[i].alive = false;
			n->missed++;
		}
	entries[nr_entries++] = (struct entry){
		.base = alloc->base_addr,
		.off = alloc->off,
		.site = h->has_call_site ? alloc->call_site : 0,
		.ts = e->ts,
		.size = alloc->size,
		.bytes = cost_of(h, alloc),
		.alive = true,
	};
	n->allocs++;
	n->bytes += cost_of(h, alloc);
	sample(alloc->size, &n->sizes, &n->size_sum, &n->size_min, &n->size_max);
	alive = count_alive();
	if (alive > n->max)
		n->max = alive;
}

static void read_free(const struct kma_event *e, struct numbers *n)
{
	n->frees++;
	for (size_t i = 0; i < nr_entries; i++)
		if (entries[i].alive && entries[i].base == e->percpu_chunk.base_addr &&
		    entries[i].off == e->percpu_chunk.off) {
			entries[i].alive = false;
			sample(e->ts - entries[i].ts, &n->lives, &n->life_sum, &n->life_min,
			       &n->life_max);
			return;
		}
	n->unknown++;
}

static void read_chunk(const struct kma_event *e, struct numbers *n)
{
	for (size_t i = 0; i < nr_entries; i++)
		if (entries[i].alive && entries[i].base == e->percpu_chunk.base_addr) {
			entries[i].alive = false;
			n->missed++;
		}
}

static struct numbers read_history(const struct history *h)
{
	struct numbers n = { 0 };

	nr_entries = 0;
	for (size_t i = 0; i < h->nr; i++) {
		const struct kma_event *e = &h->events[i];

		if (e->kind == KMA_PERCPU_ALLOC) {
			read_alloc(h, e, &n);
		} else if (e->kind == KMA_PERCPU_FREE) {
			read_free(e, &n);
		} else if (e->kind == KMA_PERCPU_ALLOC_FAIL) {
			n.failed++;
		} else {
			read_chunk(e, &n);
			n.created += e->kind == KMA_PERCPU_CREATE_CHUNK;
			n.destroyed += e->kind == KMA_PERCPU_DESTROY_CHUNK;
		}
	}
	n.live = count_alive();
	for (size_t i = 0; i < nr_entries; i++) {
		n.live_size += entries[i].alive ? entries[i].size : 0;
		n.live_bytes += entries[i].alive ? entries[i].bytes : 0;
	}
	return n;
}

/* ---- comparing ---- */

static uint64_t seed_now;
static unsigned int nr_errors;

static void differ(const char *name, const char *what, uint64_t got, uint64_t want)
{
	fprintf(stderr, "seed %" PRIu64 ": %s: %s is %" PRIu64 ", not %" PRIu64 "\n", seed_now,
		name, what, got, want);
	nr_errors++;
}

static const struct kma_metric *find(const struct kma_report *report, const char *name)
{
	for (size_t i = 0; i < report->nr_metrics; i++)
		if (!strcmp(report->metrics[i].def->name, name) && !report->metrics[i].labels.nr)
			return &report->metrics[i];
	differ(name, "their number", 0, 1);
	return NULL;
}

static void check_status(const struct kma_metric *metric, enum kma_status_code status)
{
	if (metric->status.code != status)
		differ(metric->def->name, "the status", metric->status.code, status);
}

static void check(const struct kma_report *report, const char *name, bool known, uint64_t want,
		  enum kma_status_code status)
{
	const struct kma_metric *metric = find(report, name);

	if (!metric)
		return;
	check_status(metric, known ? status : KMA_UNAVAILABLE);
	if (known && (uint64_t)metric->value.i != want)
		differ(name, "the value", (uint64_t)metric->value.i, want);
}

static void check_dist(const struct kma_report *report, const char *name, bool known, uint64_t nr,
		       uint64_t sum, uint64_t min, uint64_t max)
{
	const struct kma_metric *metric = find(report, name);

	if (!metric)
		return;
	if (!known) {
		check_status(metric, KMA_UNAVAILABLE);
		return;
	}
	if (!metric->dist || metric->dist->count != nr) {
		differ(name, "the count", metric->dist ? metric->dist->count : 0, nr);
		return;
	}
	if (!nr)
		return;
	if (metric->dist->sum != sum)
		differ(name, "the sum", metric->dist->sum, sum);
	if (metric->dist->min != min)
		differ(name, "the smallest", metric->dist->min, min);
	if (metric->dist->max != max)
		differ(name, "the largest", metric->dist->max, max);
}

static void check_whole(const struct history *h, const struct numbers *n,
			const struct kma_report *report)
{
	bool both = n->allocs && n->frees;
	enum kma_status_code counted = h->lossy ? KMA_LOWER_BOUND : KMA_EXACT;
	enum kma_status_code net = h->lossy ? KMA_APPROXIMATE : KMA_EXACT;
	enum kma_status_code matched = h->lossy || n->missed ? KMA_APPROXIMATE : KMA_EXACT;

	check(report, "percpu.alloc_total", n->allocs, n->allocs, counted);
	check(report, "percpu.free_total", n->frees, n->frees, counted);
	check(report, "percpu.net_objects", both, n->allocs - n->frees, net);
	check(report, "percpu.failed_total", n->failed, n->failed, counted);
	check(report, "percpu.alloc_bytes_total", n->allocs, n->bytes,
	      h->has_bytes ? counted : KMA_APPROXIMATE);
	check(report, "percpu.outstanding_objects", both, n->live, matched);
	check(report, "percpu.outstanding_bytes", both, n->live_bytes,
	      h->has_bytes ? matched : KMA_APPROXIMATE);
	check(report, "percpu.outstanding_bytes_per_cpu", both, n->live_size, matched);
	check(report, "percpu.max_objects", both, n->max, matched);
	check(report, "percpu.free_unknown_total", both, n->unknown, matched);
	check(report, "percpu.missed_free_total", both, n->missed, matched);
	check(report, "percpu.chunks_created_total", n->created, n->created, counted);
	check(report, "percpu.chunks_destroyed_total", n->destroyed, n->destroyed, counted);
	check_dist(report, "percpu.size_bytes", n->allocs, n->sizes, n->size_sum, n->size_min,
		   n->size_max);
	check_dist(report, "percpu.lifetime_ns", both, n->lives, n->life_sum, n->life_min,
		   n->life_max);
}

/* The value of the part that has call site @site (0: other), 0 if there is none. */
static uint64_t part(const struct kma_report *report, const char *name, uint64_t site)
{
	for (size_t i = 0; i < report->nr_metrics; i++) {
		const struct kma_metric *m = &report->metrics[i];
		const struct kma_value *label = &m->labels.label[0].value;

		if (strcmp(m->def->name, name) || m->labels.nr != 1)
			continue;
		if (label->type == KMA_VALUE_ADDRESS ? label->address != site : site != 0)
			continue;
		return m->dist ? m->dist->sum : (uint64_t)m->value.i;
	}
	return 0;
}

static void check_part(const struct kma_report *report, const char *name, uint64_t site, uint64_t want)
{
	uint64_t got = part(report, name, site);

	if (got != want)
		differ(name, "a call site's", got, want);
}

/* The list is complete: each area ever allocated is in it. */
static void check_site(const struct kma_report *report, const struct numbers *n, uint64_t site)
{
	uint64_t allocs = 0, bytes = 0, sizes = 0, live = 0, live_bytes = 0;
	bool both = n->allocs && n->frees;

	for (size_t i = 0; i < nr_entries; i++) {
		const struct entry *entry = &entries[i];

		if (entry->site != site)
			continue;
		allocs++;
		bytes += entry->bytes;
		sizes += entry->size;
		live += entry->alive;
		live_bytes += entry->alive ? entry->bytes : 0;
	}
	check_part(report, "percpu.alloc_total", site, allocs);
	check_part(report, "percpu.alloc_bytes_total", site, bytes);
	check_part(report, "percpu.size_bytes", site, sizes);
	check_part(report, "percpu.outstanding_objects", site, both ? live : 0);
	check_part(report, "percpu.outstanding_bytes", site, both ? live_bytes : 0);
}

static void check_parts(const struct history *h, const struct numbers *n,
			const struct kma_report *report)
{
	uint64_t frees = 0;

	for (size_t i = 0; i < report->nr_metrics; i++) {
		const struct kma_metric *m = &report->metrics[i];

		if (m->labels.nr && !h->has_call_site)
			differ(m->def->name, "the number of labels", m->labels.nr, 0);
		if (m->labels.nr && !strcmp(m->def->name, "percpu.free_total"))
			frees += (uint64_t)m->value.i;
	}
	if (!h->has_call_site)
		return;
	for (int i = 0; i < NR_SITES; i++)
		check_site(report, n, SITE(i));
	check_site(report, n, 0);
	if (n->allocs && n->frees && frees != n->frees)
		differ("percpu.free_total", "the sum of the parts", frees, n->frees);
}

/* Chunks' live areas add up, and the largest gap is what the list leaves free. */
static void check_chunks(const struct numbers *n, const struct kma_report *report)
{
	uint64_t live = 0;

	for (size_t i = 0; i < report->nr_tables; i++) {
		const struct kma_table *t = &report->tables[i];

		if (strcmp(t->name, "chunks"))
			continue;
		for (size_t row = 0; row < t->nr_rows; row++)
			live += (uint64_t)t->cells[row * t->nr_columns + 6].i;
	}
	if (n->allocs && n->frees && live != n->live)
		differ("chunks", "the sum of live", live, n->live);
}

/* ---- running the analysis ---- */

static int feed(struct kma_state *state, const struct kma_event *events, size_t nr)
{
	/* in batches of any size */
	while (nr) {
		size_t now = 1 + pick(nr < 200 ? (uint32_t)nr : 200);
		struct kma_batch batch = { .events = events, .nr = now < nr ? now : nr };

		if (kma_percpu_analysis.feed(state, &batch))
			return -1;
		events += batch.nr;
		nr -= batch.nr;
	}
	return 0;
}

static int run(const struct history *h, struct kma_report *report, struct kma_result *result)
{
	struct kma_trace trace = {
		.clock = KMA_CLOCK_GLOBAL,
		.clock_name = "global",
		.nr_cpus = CPUS,
		.possible_cpus = CPUS,
		.page_size = 4096,
		.start_ts = 1000,
		.formats = ~UINT64_C(0),
		.optional_fields[KMA_PERCPU_ALLOC] = (h->has_bytes ? KMA_HAS_BYTES_ALLOC : 0) |
						     (h->has_call_site ? KMA_HAS_CALL_SITE : 0),
	};
	struct kma_summary summary = {
		.first_ts = h->events[0].ts,
		.last_ts = h->events[h->nr - 1].ts,
		.lost = h->lossy ? 3 : 0,
	};
	struct kma_lost lost = { .counted = 1, .count = 3, .to_ts = summary.last_ts };
	struct kma_state *state = kma_percpu_analysis.open(&trace, NULL);
	int ret = -1;

	if (!state)
		return -1;
	if (!feed(state, h->events, h->gap) && (!h->gap || !kma_percpu_analysis.lost(state, &lost)) &&
	    /* a report in between changes nothing */
	    !kma_percpu_analysis.report(state, &summary,
					kma_result_report(result, "between", "between")) &&
	    !feed(state, h->events + h->gap, h->nr - h->gap))
		ret = kma_percpu_analysis.report(state, &summary, report);
	kma_percpu_analysis.close(state);
	return ret;
}

static int run_seed(struct history *h, uint64_t seed)
{
	struct kma_result *between = kma_result_new(), *result = kma_result_new();
	struct kma_report *report = result ? kma_result_report(result, "percpu", "percpu") : NULL;
	struct numbers truth;
	int ret = -1;

	seed_now = seed;
	make(h, seed);
	truth = read_history(h);
	if (between && report)
		ret = run(h, report, between);
	if (!ret) {
		check_whole(h, &truth, report);
		check_parts(h, &truth, report);
		check_chunks(&truth, report);
	}
	kma_result_free(between);
	kma_result_free(result);
	return ret;
}

int main(int argc, char **argv)
{
	struct history *h = malloc(sizeof(*h));
	uint64_t from = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t nr = argc > 1 ? 1 : NR_SEEDS;

	if (!h)
		return 2;
	for (uint64_t seed = from; seed < from + nr; seed++)
		if (run_seed(h, seed)) {
			fprintf(stderr, "seed %" PRIu64 ": out of memory\n", seed);
			nr_errors++;
		}
	free(h);
	printf("%" PRIu64 " histories, %u differences\n", nr, nr_errors);
	return nr_errors != 0;
}
