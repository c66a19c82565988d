/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random allocation histories: every metric of the slab report against the same number worked out
 * naively, from a plain list of objects and by the words of docs/reports.md. Shares no code
 * with the analysis.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/strings.h"
#include "plugins.h"
#include "result/result.h"

#define SEEDS	   400
#define MAX_EVENTS 6000
#define NR_SITES   8
#define NR_ADDRS   600
#define NR_CACHES  4
#define START	   1000000

enum { KMALLOC_FAMILY, CACHE_FAMILY, NR_FAMILIES };

static uint64_t seed;

static uint64_t random64(void)
{
	uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)(random64() % n);
}

/* ---- the history ---- */

struct history {
	struct kma_event events[MAX_EVENTS];
	size_t nr;
	struct kma_trace trace;
	struct kma_summary summary;
	struct kma_strings *strings;
	uint32_t cache[NR_CACHES];
	bool alloc_names;
	bool lost;
};

static const char *const cache_names[NR_CACHES] = { "dentry", "filp", "inode_cache",
						    "vm_area_struct" };

/* How a call site behaves in this history */
struct habit {
	uint32_t family, cache, req;
	unsigned int leaks;  /* of 100 objects */
	unsigned int unseen; /* frees of 100 that leave no record */
	unsigned int sizes;
};

static void generate(struct history *h, uint64_t number)
{
	struct habit habits[NR_SITES];
	uint64_t ts = START, pace = UINT64_C(1) << below(22);
	bool used[NR_ADDRS] = { false }, keep[NR_ADDRS] = { false };
	uint32_t of[NR_ADDRS] = { 0 };
	unsigned int without = below(6); /* sometimes a kind of event was not recorded */
	size_t max = 200 + below(MAX_EVENTS - 200);

	seed = number * 7919 + 1;
	memset(h->events, 0, sizeof(h->events));
	h->nr = 0;
	h->alloc_names = below(2);
	h->lost = !below(5);
	for (unsigned int s = 0; s < NR_SITES; s++)
		habits[s] = (struct habit){ .family = below(2),
					    .cache = below(NR_CACHES),
					    .req = 1 + below(2000),
					    .leaks = below(2) * below(100),
					    .unseen = below(3) ? 0 : below(100),
					    .sizes = below(3) ? 1 : 1 + below(20) };
	while (h->nr < max) {
		struct kma_event *e = &h->events[h->nr];
		unsigned int a = below(NR_ADDRS),
			     s = below(1 + below(1 + below(NR_SITES))); /* unequal shares */
		uint64_t ptr = UINT64_C(0xffff888000001000) + 64 * (uint64_t)a;

		/* no two at once, so that a timestamp tells the event */
		ts += 1 + (below(4) ? below(100) * pace / 16 : below(3000) * pace / 16);
		*e = (struct kma_event){ .ts = ts, .cpu = below(3), .pid = 1 };
		if (!below(60)) {
			/* nothing, or what nobody saw allocated */
			e->kind = below(2) ? KMA_KFREE : KMA_KMALLOC;
			if (e->kind == KMA_KFREE)
				e->slab_free = (struct kma_slab_free){ .call_site = 0xf000,
								       .ptr = below(3) * 16 };
			else
				e->slab_alloc = (struct kma_slab_alloc){ .call_site = 0xa000,
									 .ptr = below(2) * 16,
									 .bytes_req = 100,
									 .bytes_alloc = 128 };
		} else if (used[a] && below(100) < 97) {
			const struct habit *habit = &habits[of[a]];

			if (keep[a])
				continue;
			used[a] = false;
			if (below(100) < habit->unseen)
				continue;
			e->kind = habit->family == KMALLOC_FAMILY || !below(30)
					  ? KMA_KFREE
					  : KMA_KMEM_CACHE_FREE;
			e->slab_free.call_site = 0xf000 + 16 * below(3);
			e->slab_free.ptr = ptr;
			if (e->kind == KMA_KMEM_CACHE_FREE)
				e->slab_free.name = h->cache[below(40) ? habit->cache : 0];
		} else {
			const struct habit *habit = &habits[s];
			uint32_t req = habit->req + 8 * below(habit->sizes);

			used[a] = true;
			keep[a] = below(100) < habit->leaks;
			of[a] = s;
			e->kind = habit->family == KMALLOC_FAMILY
					  ? (below(5) ? KMA_KMALLOC : KMA_KMALLOC_NODE)
					  : (below(5) ? KMA_KMEM_CACHE_ALLOC
						      : KMA_KMEM_CACHE_ALLOC_NODE);
			e->slab_alloc = (struct kma_slab_alloc){
				.call_site = s ? 0xa000 + 16 * s : 0,
				.ptr = ptr,
				.bytes_req = req,
				.bytes_alloc = habit->family == KMALLOC_FAMILY ? (req + 255) / 256 * 256
									       : req + 8,
				.name = habit->family == CACHE_FAMILY && h->alloc_names
						? h->cache[habit->cache]
						: 0,
			};
		}
		if ((without == 0 && e->kind == KMA_KFREE) ||
		    (without == 1 && e->kind == KMA_KMEM_CACHE_FREE) ||
		    (without == 2 && (e->kind == KMA_KMALLOC || e->kind == KMA_KMALLOC_NODE)))
			continue;
		h->nr++;
	}
	h->trace = (struct kma_trace){
		.clock = KMA_CLOCK_GLOBAL,
		.clock_name = "global",
		.nr_cpus = 3,
		.start_ts = START,
		.formats = ~UINT64_C(0),
		.page_size = 4096,
		.strings = h->strings,
		.optional_fields[KMA_KMEM_CACHE_ALLOC] = h->alloc_names ? KMA_HAS_NAME : 0,
		.optional_fields[KMA_KMEM_CACHE_FREE] = KMA_HAS_NAME,
	};
	h->summary = (struct kma_summary){
		.first_ts = START,
		.last_ts = ts + below(2) * below(1000) * pace,
		.lost = h->lost,
	};
	for (size_t i = 0; i < h->nr; i++)
		h->summary.records[h->events[i].kind]++;
}

/* ---- the truth ---- */

struct object {
	uint64_t ptr, birth, age; /* age: when gone, or at the end */
	uint64_t site;
	uint32_t req, size, cache, family, cpu;
	bool live, freed, crossed; /* neither live nor freed: missed */
};

struct truth {
	struct object objects[MAX_EVENTS];
	size_t nr;
	struct {
		char key[96];
		bool unavailable, real;
		double value;
	} metrics[2000];
	size_t nr_metrics;
	/* records of frees, not no-ops */
	struct {
		uint64_t by;
		uint32_t family, name;
		bool unknown;
	} frees[MAX_EVENTS];
	size_t nr_frees;
	uint64_t failed[NR_SITES], nr_failed, nr_zero, noop[3], nr_noop;
	uint64_t peak_bytes, peak_objects;
};

static void expect(struct truth *t, const char *metric, const char *label, const char *value,
		   double number, bool real)
{
	assert_true(t->nr_metrics < 2000);
	if (label)
		snprintf(t->metrics[t->nr_metrics].key, 96, "slab.%s{%s=%s}", metric, label, value);
	else
		snprintf(t->metrics[t->nr_metrics].key, 96, "slab.%s", metric);
	t->metrics[t->nr_metrics].unavailable = isnan(number);
	t->metrics[t->nr_metrics].real = real;
	t->metrics[t->nr_metrics++].value = number;
}

static void expect_if_any(struct truth *t, const char *metric, const char *label, const char *value,
			  double number)
{
	if (number > 0)
		expect(t, metric, label, value, number, false);
}

static bool is_free(const struct kma_event *e)
{
	return e->kind == KMA_KFREE || e->kind == KMA_KMEM_CACHE_FREE;
}

static struct object *find_live(struct truth *t, uint64_t ptr)
{
	for (size_t i = t->nr; i-- > 0;)
		if (t->objects[i].live && t->objects[i].ptr == ptr)
			return &t->objects[i];
	return NULL;
}

static void live_through(struct truth *t, const struct history *h)
{
	uint64_t bytes = 0, nr = 0;

	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < h->nr; i++) {
		const struct kma_event *e = &h->events[i];
		uint64_t ptr = is_free(e) ? e->slab_free.ptr : e->slab_alloc.ptr;
		struct object *o = find_live(t, ptr);

		if (ptr == 0 || ptr == 16) {
			t->nr_noop += is_free(e);
			t->noop[0] += is_free(e);
			t->nr_failed += !is_free(e) && !ptr;
			t->nr_zero += !is_free(e) && ptr;
			continue;
		}
		if (o) {
			o->live = false;
			o->freed = is_free(e);
			o->age = e->ts - o->birth;
			o->crossed = o->freed && o->cpu != e->cpu;
			bytes -= o->size;
			nr--;
		}
		if (is_free(e)) {
			t->frees[t->nr_frees].by = e->slab_free.call_site;
			t->frees[t->nr_frees].family = e->kind == KMA_KMEM_CACHE_FREE;
			t->frees[t->nr_frees].name = e->slab_free.name;
			t->frees[t->nr_frees++].unknown = !o;
			continue;
		}
		t->objects[t->nr++] = (struct object){
			.ptr = ptr,
			.birth = e->ts,
			.age = h->summary.last_ts - e->ts,
			.site = e->slab_alloc.call_site,
			.req = e->slab_alloc.bytes_req,
			.size = e->slab_alloc.bytes_alloc,
			.cache = e->slab_alloc.name,
			.family = e->kind == KMA_KMEM_CACHE_ALLOC ||
				  e->kind == KMA_KMEM_CACHE_ALLOC_NODE,
			.cpu = e->cpu,
			.live = true,
		};
		bytes += e->slab_alloc.bytes_alloc;
		nr++;
		t->peak_bytes = bytes > t->peak_bytes ? bytes : t->peak_bytes;
		t->peak_objects = nr > t->peak_objects ? nr : t->peak_objects;
	}
}

/* Without names in the allocations: the one name that all frees of that site and those sizes gave. */
static uint32_t cache_of(const struct truth *t, const struct history *h, const struct object *o)
{
	uint32_t name = 0;

	if (o->family == KMALLOC_FAMILY || h->alloc_names)
		return o->cache;
	for (size_t i = 0; i < h->nr; i++) {
		const struct kma_event *e = &h->events[i];

		if (e->kind != KMA_KMEM_CACHE_FREE)
			continue;
		for (size_t k = 0; k < t->nr; k++) {
			const struct object *other = &t->objects[k];

			if (other->freed && other->ptr == e->slab_free.ptr &&
			    other->birth + other->age == e->ts && other->site == o->site &&
			    other->req == o->req && other->size == o->size &&
			    other->family == o->family) {
				if (name && name != e->slab_free.name)
					return 0;
				name = e->slab_free.name;
			}
		}
	}
	return name;
}

struct sums {
	double allocs, req, size, live, live_bytes, crossed, missed;
};

static void add_object(struct sums *s, const struct object *o)
{
	s->allocs++;
	s->req += o->req;
	s->size += o->size;
	s->live += o->live;
	s->live_bytes += o->live ? o->size : 0;
	s->crossed += o->crossed;
	s->missed += !o->live && !o->freed;
}

static void expect_sums(struct truth *t, const char *label, const char *value, const struct sums *s,
			bool allocs, bool pairs)
{
	expect(t, "alloc_total", label, value, allocs ? s->allocs : NAN, false);
	expect(t, "req_bytes_total", label, value, allocs ? s->req : NAN, false);
	expect(t, "alloc_bytes_total", label, value, allocs ? s->size : NAN, false);
	expect(t, "waste_bytes_total", label, value, allocs ? s->size - s->req : NAN, false);
	expect(t, "waste_ratio", label, value,
	       allocs && s->size ? (s->size - s->req) / s->size : NAN, true);
	if (!label)
		return;
	if (pairs) {
		expect(t, "outstanding_objects", label, value, s->live, false);
		expect(t, "outstanding_bytes", label, value, s->live_bytes, false);
	}
	expect_if_any(t, "cross_cpu_free_total", label, value, s->crossed);
	expect_if_any(t, "missed_free_total", label, value, s->missed);
}

static const char *site_name(uint64_t site, char buf[32])
{
	snprintf(buf, 32, "0x%llx", (unsigned long long)site);
	return site ? buf : "other";
}

/* ---- the truth about leaks ---- */

/* A bin of ages: four to a power of two, from 1024 ns on. */
static int bin_of(uint64_t age)
{
	double low = 1024;
	int bin = 0;

	while (bin < 127) {
		double next = low * (1 + (bin % 4 + 1) / 4.0);

		if ((double)age < next)
			break;
		bin++;
		if (bin % 4 == 0)
			low *= 2;
	}
	return age < 1024 ? 0 : bin;
}

static double middle_bytes(const struct truth *t, const struct history *h, uint64_t site)
{
	uint64_t last = h->events[h->nr - 1].ts - START, middle = (h->summary.last_ts - START) / 2;
	uint64_t at;
	unsigned int shift = 10;
	double bytes = 0;

	while (last >> shift >= 32)
		shift++;
	at = START + (middle >> shift << shift);
	for (size_t i = 0; i < t->nr; i++) {
		const struct object *o = &t->objects[i];

		if (o->site == site && o->birth < at && (o->live || o->birth + o->age >= at))
			bytes += o->size;
	}
	return bytes;
}

/* -1: no suspect; else the grade, and the bytes suspected */
static int judge(const struct truth *t, const struct history *h, uint64_t site, double *late_bytes)
{
	double gone[128] = { 0 }, live[128] = { 0 }, fresh[128] = { 0 }, due = 0, missed = 0,
	       all_live = 0, all_gone = 0, live_bytes = 0;
	int youngest = bin_of((h->summary.last_ts - START) / 100), late_bin = youngest, first = 0;
	uint64_t last_birth = 0, since = 0;
	double expected = 0, stays = 1, late = 0, early = 0;
	bool growing;

	for (size_t i = 0; i < t->nr; i++) {
		const struct object *o = &t->objects[i];

		if (o->site != site)
			continue;
		missed += !o->live && !o->freed;
		live_bytes += o->live ? o->size : 0;
		if (!o->live && o->birth > last_birth)
			last_birth = o->birth;
	}
	for (size_t i = 0; i < t->nr; i++) {
		const struct object *o = &t->objects[i];

		if (o->site != site)
			continue;
		gone[bin_of(o->age)] += !o->live;
		live[bin_of(o->age)] += o->live;
		fresh[bin_of(o->age)] += o->live && o->birth > last_birth;
		all_live += o->live;
		all_gone += !o->live;
	}
	growing = live_bytes >= 1.25 * middle_bytes(t, h, site);
	if (all_live < 10 || missed > all_gone - missed)
		return -1;
	if (all_gone < 10) {
		for (int b = youngest + 1; b < 128; b++)
			late += live[b];
		if (late < 10 || !growing)
			return -1;
		goto judged;
	}
	for (int b = 126; b >= 0; b--) {
		double before = 0, risk = 0, later = 0, sum = 0, chance = 1, here = 0;

		for (int i = b < 3 ? 0 : b - 3; i <= b; i++) {
			before += gone[i];
			for (int k = i; k < 128; k++)
				risk += gone[k] + live[k];
		}
		for (int i = b + 1; i < 128; i++) {
			later += gone[i];
			if (i > youngest) {
				here += live[i];
				sum += live[i] * (1 - chance);
			}
			chance *= 1 - before / risk;
		}
		if (here >= 10 && gone[b] && later <= 0.1 * sum && sum > due) {
			due = sum;
			late_bin = b > youngest ? b : youngest;
		}
	}
	for (early = gone[0]; early < 0.1 * all_gone; early += gone[first])
		first++;
	if (first < youngest)
		first = youngest;
	for (int b = 0; b < 128; b++) {
		double risk = 0;

		for (int k = b; k < 128; k++)
			risk += gone[k] + live[k] - fresh[k];
		if (b > first) {
			late += fresh[b];
			expected += fresh[b] * (1 - stays);
		}
		if (gone[b])
			stays *= 1 - gone[b] / risk;
	}
	if (late >= 10 && expected > due) {
		due = expected;
		late_bin = first;
		since = last_birth;
	}
	if (due < 3 || (due < 10 && !growing))
		return -1;
judged:
	*late_bytes = 0;
	for (size_t i = 0; i < t->nr; i++) {
		const struct object *o = &t->objects[i];

		if (o->site == site && o->live && bin_of(o->age) > late_bin && o->birth > since)
			*late_bytes += o->size;
	}
	if (all_gone < 10)
		return 2;
	return due >= 10 && growing && !h->summary.lost ? 0 : 1;
}

static void expect_leaks(struct truth *t, const struct history *h, bool have[NR_FAMILIES], bool any)
{
	static const char *const grades[] = { "strong", "moderate", "weak" };
	double nr[3] = { 0 }, bytes[3] = { 0 };
	char buf[32];

	if (!any) {
		expect(t, "leak_suspects_total", NULL, NULL, NAN, false);
		expect(t, "leak_suspect_bytes", NULL, NULL, NAN, false);
		return;
	}
	for (unsigned int s = 1; s < NR_SITES; s++) {
		uint64_t site = 0xa000 + 16 * s;
		double late_bytes = 0;
		bool pairs = true;
		int grade;

		for (size_t i = 0; i < t->nr; i++)
			pairs &= t->objects[i].site != site || have[t->objects[i].family];
		grade = pairs ? judge(t, h, site, &late_bytes) : -1;
		if (grade < 0)
			continue;
		nr[grade]++;
		bytes[grade] += late_bytes;
		expect(t, "leak_suspect_bytes", "call_site", site_name(site, buf), late_bytes, false);
	}
	expect(t, "leak_suspects_total", NULL, NULL, nr[0] + nr[1] + nr[2], false);
	expect(t, "leak_suspect_bytes", NULL, NULL, bytes[0] + bytes[1] + bytes[2], false);
	for (int g = 0; g < 3; g++) {
		expect(t, "leak_suspects_total", "grade", grades[g], nr[g], false);
		expect(t, "leak_suspect_bytes", "grade", grades[g], bytes[g], false);
	}
}

/* ---- the truth about caches of their own ---- */

static double peak_of(const struct truth *t, uint64_t site, uint32_t req)
{
	double peak = 0;

	for (size_t i = 0; i < t->nr; i++) {
		double nr = 0;

		if (t->objects[i].site != site || t->objects[i].req != req || t->objects[i].family)
			continue;
		for (size_t k = 0; k <= i; k++) {
			const struct object *o = &t->objects[k];

			/* one that gave its address to this very object is gone already */
			nr += o->site == site && o->req == req && !o->family &&
			      (o->live || o->birth + o->age > t->objects[i].birth);
		}
		peak = nr > peak ? nr : peak;
	}
	return peak;
}

static void expect_saving(struct truth *t, const struct history *h, bool known)
{
	double all = 0, seconds = (double)(h->summary.last_ts - START) / 1e9;
	char buf[32];

	for (unsigned int s = 0; known && s < NR_SITES; s++) {
		uint64_t site = s ? 0xa000 + 16 * s : 0;
		double kmallocs = 0, same = 0, saving;
		uint32_t req = 0, size = 0;

		for (size_t i = 0; i < t->nr; i++) {
			double n = 0;

			if (t->objects[i].site != site || t->objects[i].family)
				continue;
			kmallocs++;
			for (size_t k = 0; k < t->nr; k++)
				n += t->objects[k].site == site && !t->objects[k].family &&
				     t->objects[k].req == t->objects[i].req;
			if (n > same) {
				same = n;
				req = t->objects[i].req;
				size = t->objects[i].size;
			}
		}
		saving = (double)size - (req + 7) / 8 * 8;
		if (same < 500 || same < 100 * seconds || same < 0.9 * kmallocs || size > 8192 ||
		    saving <= 0 || saving < 0.2 * size)
			continue;
		saving *= peak_of(t, site, req);
		if (saving < 4096)
			continue;
		all += saving;
		expect(t, "dedicated_cache_saving_bytes", "call_site", site_name(site, buf), saving,
		       false);
	}
	expect(t, "dedicated_cache_saving_bytes", NULL, NULL, known ? all : NAN, false);
}

/* ---- all of it ---- */

static void expect_sites(struct truth *t, const struct history *h, const bool have[NR_FAMILIES],
			 bool any_free)
{
	char buf[32];

	(void)h;
	for (unsigned int s = 0; s < NR_SITES; s++) {
		uint64_t site = s ? 0xa000 + 16 * s : 0;
		struct sums sums = { 0 };
		bool pairs = true;

		for (size_t i = 0; i < t->nr; i++) {
			if (t->objects[i].site != site)
				continue;
			add_object(&sums, &t->objects[i]);
			pairs &= have[t->objects[i].family];
		}
		if (sums.allocs)
			expect_sums(t, "call_site", site_name(site, buf), &sums, true, pairs);
	}
	expect_if_any(t, "alloc_failed_total", "call_site", "0xa000", t->nr_failed);
	if (any_free)
		expect_if_any(t, "noop_free_total", "call_site", "0xf000", t->nr_noop);
	for (unsigned int s = 0; s < 3; s++) {
		double frees = 0, unknown = 0;

		for (size_t i = 0; i < t->nr_frees; i++)
			if (t->frees[i].by == 0xf000 + 16 * s) {
				frees++;
				unknown += t->frees[i].unknown;
			}
		expect_if_any(t, "free_total", "call_site", site_name(0xf000 + 16 * s, buf), frees);
		expect_if_any(t, "free_unknown_total", "call_site", site_name(0xf000 + 16 * s, buf),
			      unknown);
	}
}

static void expect_caches(struct truth *t, const struct history *h, bool have_frees)
{
	uint32_t caches[MAX_EVENTS];

	for (size_t i = 0; i < t->nr; i++) {
		const struct object *o = &t->objects[i];

		caches[i] = UINT32_MAX;
		for (size_t k = 0; k < i && caches[i] == UINT32_MAX; k++)
			if (t->objects[k].site == o->site && t->objects[k].req == o->req &&
			    t->objects[k].size == o->size && t->objects[k].family == o->family &&
			    t->objects[k].cache == o->cache)
				caches[i] = caches[k];
		if (caches[i] == UINT32_MAX)
			caches[i] = cache_of(t, h, o);
	}
	for (unsigned int c = 0; c < NR_CACHES; c++) {
		struct sums sums = { 0 };
		double frees = 0;

		for (size_t i = 0; i < t->nr; i++)
			if (caches[i] == h->cache[c])
				add_object(&sums, &t->objects[i]);
		for (size_t i = 0; i < t->nr_frees; i++)
			frees += t->frees[i].family == CACHE_FAMILY &&
				 t->frees[i].name == h->cache[c];
		if (sums.allocs)
			expect_sums(t, "cache", cache_names[c], &sums, true, have_frees);
		expect_if_any(t, "free_total", "cache", cache_names[c], frees);
	}
}

static void work_out(struct truth *t, const struct history *h)
{
	static const char *const families[] = { "kmalloc", "kmem_cache" };
	const uint64_t *records = h->summary.records;
	bool allocs[NR_FAMILIES] = { records[KMA_KMALLOC] || records[KMA_KMALLOC_NODE],
				     records[KMA_KMEM_CACHE_ALLOC] ||
					     records[KMA_KMEM_CACHE_ALLOC_NODE] };
	bool frees[NR_FAMILIES] = { records[KMA_KFREE], records[KMA_KMEM_CACHE_FREE] };
	bool any_alloc = allocs[0] || allocs[1], any_free = frees[0] || frees[1];
	bool any = any_alloc && any_free;
	bool pairs = any && (!allocs[0] || frees[0]) && (!allocs[1] || frees[1]);
	struct sums all = { 0 }, family[NR_FAMILIES];
	double unknown = 0;

	live_through(t, h);
	memset(family, 0, sizeof(family));
	for (size_t i = 0; i < t->nr; i++) {
		add_object(&all, &t->objects[i]);
		add_object(&family[t->objects[i].family], &t->objects[i]);
	}
	for (size_t i = 0; i < t->nr_frees; i++)
		unknown += t->frees[i].unknown;
	expect_sums(t, NULL, NULL, &all, any_alloc, pairs);
	expect(t, "alloc_failed_total", NULL, NULL, any_alloc ? (double)t->nr_failed : NAN, false);
	expect(t, "zero_size_alloc_total", NULL, NULL, any_alloc ? (double)t->nr_zero : NAN, false);
	expect(t, "missed_free_total", NULL, NULL, any_alloc ? all.missed : NAN, false);
	expect(t, "free_total", NULL, NULL, any_free ? (double)t->nr_frees : NAN, false);
	expect(t, "noop_free_total", NULL, NULL, any_free ? (double)t->nr_noop : NAN, false);
	expect(t, "outstanding_objects", NULL, NULL, pairs ? all.live : NAN, false);
	expect(t, "outstanding_bytes", NULL, NULL, pairs ? all.live_bytes : NAN, false);
	expect(t, "peak_objects", NULL, NULL, pairs ? (double)t->peak_objects : NAN, false);
	expect(t, "peak_bytes", NULL, NULL, pairs ? (double)t->peak_bytes : NAN, false);
	expect(t, "cross_cpu_free_total", NULL, NULL, any ? all.crossed : NAN, false);
	expect(t, "cross_cpu_free_ratio", NULL, NULL,
	       any && all.allocs - all.live - all.missed
		       ? all.crossed / (all.allocs - all.live - all.missed)
		       : NAN,
	       true);
	expect(t, "free_unknown_total", NULL, NULL, any ? unknown : NAN, false);
	for (unsigned int f = 0; f < NR_FAMILIES; f++) {
		double nr = 0;

		for (size_t i = 0; i < t->nr_frees; i++)
			nr += t->frees[i].family == f;
		expect_sums(t, "family", families[f], &family[f], allocs[f], allocs[f] && frees[f]);
		if (!allocs[f] || !frees[f]) {
			expect(t, "outstanding_objects", "family", families[f], NAN, false);
			expect(t, "outstanding_bytes", "family", families[f], NAN, false);
		}
		expect(t, "free_total", "family", families[f], frees[f] ? nr : NAN, false);
	}
	expect_sites(t, h, frees, any_free);
	expect_caches(t, h, frees[CACHE_FAMILY]);
	expect_leaks(t, h, frees, any);
	expect_saving(t, h, allocs[KMALLOC_FAMILY] && frees[KMALLOC_FAMILY]);
}

/* ---- comparing ---- */

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void check_lifetimes(const struct truth *t, const struct kma_metric *metric, uint64_t number)
{
	static uint64_t ages[MAX_EVENTS];
	const double ranks[] = { 0.5, 0.9, 0.99, 0.999 };
	uint64_t nr = 0, sum = 0;

	for (size_t i = 0; i < t->nr; i++)
		if (t->objects[i].freed) {
			ages[nr++] = t->objects[i].age;
			sum += t->objects[i].age;
		}
	if (metric->status.code == KMA_UNAVAILABLE)
		return;
	assert_int_equal(metric->dist->count, nr);
	if (!nr)
		return;
	qsort(ages, nr, sizeof(ages[0]), compare_u64);
	assert_int_equal(metric->dist->sum, sum);
	assert_int_equal(metric->dist->min, ages[0]);
	assert_int_equal(metric->dist->max, ages[nr - 1]);
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t p = (&metric->dist->p50)[i];
		double want = (double)ages[(size_t)ceil(ranks[i] * (double)nr) - 1];

		if (fabs((double)p - want) > 0.01 * want + 1)
			fail_msg("history %llu: percentile %g is %llu, not %g",
				 (unsigned long long)number, ranks[i], (unsigned long long)p, want);
	}
}

static void check_report(const struct truth *t, const struct kma_report *report, uint64_t number)
{
	for (size_t i = 0; i < t->nr_metrics; i++) {
		const struct kma_metric *m = kma_report_find(report, t->metrics[i].key);
		double got;

		if (!m)
			fail_msg("history %llu: no %s", (unsigned long long)number,
				 t->metrics[i].key);
		if ((m->status.code == KMA_UNAVAILABLE) != t->metrics[i].unavailable)
			fail_msg("history %llu: %s has status %d", (unsigned long long)number,
				 t->metrics[i].key, m->status.code);
		if (t->metrics[i].unavailable)
			continue;
		got = m->value.type == KMA_VALUE_INT ? (double)m->value.i : m->value.real;
		if (fabs(got - t->metrics[i].value) > (t->metrics[i].real ? 1e-12 : 0))
			fail_msg("history %llu: %s is %.17g, not %.17g", (unsigned long long)number,
				 t->metrics[i].key, got, t->metrics[i].value);
	}
	check_lifetimes(t, kma_report_find(report, "slab.lifetime_ns"), number);
	/* and nothing beyond these and the lifetimes */
	if (report->nr_metrics != t->nr_metrics + 1) {
		for (size_t i = 0; i < report->nr_metrics; i++) {
			char buf[KMA_VALUE_TEXT];
			const struct kma_metric *m = &report->metrics[i];

			print_message("%s %s\n", m->def->name,
				      m->labels.nr ? kma_value_text(&m->labels.label[0].value, buf)
						   : "");
		}
		fail_msg("history %llu: %zu metrics, not %zu", (unsigned long long)number,
			 report->nr_metrics, t->nr_metrics + 1);
	}
}

/* In batches of any size, with reports in between, which must not change anything. */
static void run(const struct history *h, struct truth *t, uint64_t number)
{
	struct kma_error error = { 0 };
	struct kma_state *state = kma_slab_analysis.open(&h->trace, &error);
	struct kma_result *result;
	struct kma_report *report;

	assert_non_null(state);
	for (size_t at = 0; at < h->nr;) {
		size_t nr = 1 + below(1000);
		struct kma_batch batch = { .events = h->events + at,
					   .nr = nr < h->nr - at ? nr : h->nr - at };

		assert_int_equal(kma_slab_analysis.feed(state, &batch), 0);
		at += batch.nr;
		if (!below(10)) {
			result = kma_result_new();
			report = kma_result_report(result, "slab", "");
			assert_int_equal(kma_slab_analysis.report(state, &h->summary, report), 0);
			kma_result_free(result);
		}
	}
	if (h->lost) {
		struct kma_lost lost = { .count = 1, .counted = 1 };

		assert_int_equal(kma_slab_analysis.lost(state, &lost), 0);
	}
	result = kma_result_new();
	report = kma_result_report(result, "slab", "");
	assert_int_equal(kma_slab_analysis.report(state, &h->summary, report), 0);
	assert_false(report->failed);
	check_report(t, report, number);
	kma_result_free(result);
	kma_slab_analysis.close(state);
}

static void histories_are_told_truly(void **state)
{
	static struct history h;
	static struct truth t;
	unsigned int suspects = 0, candidates = 0;

	(void)state;
	for (uint64_t number = 0; number < SEEDS; number++) {
		h.strings = kma_strings_new();
		for (unsigned int c = 0; c < NR_CACHES; c++)
			h.cache[c] = kma_strings_intern(h.strings, cache_names[c],
							strlen(cache_names[c]));
		seed = number;
		generate(&h, number);
		work_out(&t, &h);
		run(&h, &t, number);
		for (size_t i = 0; i < t.nr_metrics; i++) {
			suspects += strstr(t.metrics[i].key, "suspect_bytes{call_site") != NULL;
			candidates += strstr(t.metrics[i].key, "saving_bytes{call_site") != NULL;
		}
		kma_strings_free(h.strings);
	}
	/* or else the histories are too tame */
	print_message("%u suspects, %u candidates\n", suspects, candidates);
	assert_true(suspects > 50);
	assert_true(candidates > 10);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories_are_told_truly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
