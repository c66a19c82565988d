// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkbig: makes a large trace.dat of zone lock sections, page and slab events, for benchmarks. A
 * small model of two zones and their pages keeps the records consistent; it must not depend on
 * anything but its arguments, so that the same arguments give the same file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datwriter.h"
#include "events_builtin.h"

#define NR_NODES	2
#define NR_BLOCKS	100000		/* per node */
#define NR_OBJECTS	50000
#define MAX_BATCH	63

enum event {
	CONTENDED, LOCKED, UNLOCK, REFILL, DRAIN, PAGE_ALLOC, PAGE_FREE, KMALLOC, KFREE, NR_EVENTS
};

static const char *const event_names[] = {
	"mm_zone_lock_contended", "mm_zone_locked", "mm_zone_lock_unlock", "mm_page_pcpu_refill",
	"mm_page_pcpu_drain", "mm_page_alloc", "mm_page_free", "kmalloc", "kfree",
};

enum symbol { RMQUEUE, FREE_PCPPAGES, SITE_A, SITE_B, SITE_C, SITE_D, NR_SYMBOLS };

static const char *const symbol_names[] = {
	"get_page_from_freelist", "free_unref_page_commit", "alloc_skb", "single_open",
	"kernfs_fop_open", "load_elf_binary",
};

/* Items move between pools by index; the order within a pool is of no meaning. */
struct pool {
	uint32_t *items;
	uint32_t nr;
};

struct block {
	uint64_t pfn;
	unsigned int order;
};

struct node {
	struct block *blocks;
	struct pool buddy, lists, used;		/* free; on per-CPU lists; allocated */
	int owner;				/* CPU that holds the zone lock, or -1 */
};

struct cpu {
	uint64_t now, spin_start;
	unsigned int others;			/* page and slab records until the next section */
	bool spins, locked, refill;
	unsigned int node, at, nr;		/* of the section */
	uint32_t batch[MAX_BATCH];
	int pid;
};

struct model {
	struct dat_writer *w;
	struct dat_event *events[NR_EVENTS];
	struct node nodes[NR_NODES];
	struct pool free_objects, live_objects;
	uint32_t live;				/* so many objects at least; then nothing but slab events */
	struct cpu *cpus;
	unsigned int nr_cpus;
	uint64_t written, seed;
};

static uint64_t symbol_address(enum symbol symbol)
{
	return 0xffffffff81000000 + symbol * 0x1000ull;
}

/* xorshift64*, below @limit */
static uint32_t roll(struct model *m, uint32_t limit)
{
	m->seed ^= m->seed >> 12;
	m->seed ^= m->seed << 25;
	m->seed ^= m->seed >> 27;
	return (uint32_t)((m->seed * 0x2545f4914f6cdd1d >> 33) % limit);
}

static bool pool_new(struct pool *pool, uint32_t size, bool full)
{
	pool->items = calloc(size, sizeof(*pool->items));
	if (!pool->items)
		return false;
	pool->nr = full ? size : 0;
	for (uint32_t i = 0; i < pool->nr; i++)
		pool->items[i] = i;
	return true;
}

static uint32_t pool_take(struct model *m, struct pool *pool)
{
	uint32_t at = roll(m, pool->nr), item = pool->items[at];

	pool->items[at] = pool->items[--pool->nr];
	return item;
}

static void pool_put(struct pool *pool, uint32_t item)
{
	pool->items[pool->nr++] = item;
}

static int emit(struct model *m, unsigned int cpu, enum event event, const struct dat_value *values)
{
	struct cpu *c = &m->cpus[cpu];
	struct dat_record rec = { .cpu = cpu, .ts = c->now, .pid = c->pid };

	m->written++;
	c->now += 100 + roll(m, 400);
	return dat_write(m->w, &rec, m->events[event], values);
}

static int emit_lock(struct model *m, unsigned int cpu, enum event event, int count, uint64_t wait)
{
	const struct cpu *c = &m->cpus[cpu];
	uint64_t caller = c->refill ? symbol_address(RMQUEUE) + 0x27f :
				      symbol_address(FREE_PCPPAGES) + 0x207;
	struct dat_value values[6] = { { .num = c->node }, { .text = "Normal" },
				       { .num = (uint64_t)count }, { .num = caller } };

	if (event == LOCKED) {
		values[3].num = wait != 0;
		values[4].num = caller;
		values[5].num = wait;
	}
	return emit(m, cpu, event, values);
}

/* Chooses direction and pages of the next section, which begins with taking the lock. */
static void plan_section(struct model *m, struct cpu *c, unsigned int cpu)
{
	struct node *n;

	c->node = cpu * NR_NODES / m->nr_cpus;
	if (!roll(m, 10))
		c->node = (c->node + 1) % NR_NODES;
	n = &m->nodes[c->node];
	c->refill = n->lists.nr < NR_BLOCKS / 10 || (n->buddy.nr > NR_BLOCKS / 10 && roll(m, 2));
	c->nr = 1 + roll(m, MAX_BATCH);
	c->at = 0;
}

static int take_lock(struct model *m, unsigned int cpu)
{
	struct cpu *c = &m->cpus[cpu];
	struct node *n = &m->nodes[c->node];
	struct pool *from = c->refill ? &n->buddy : &n->lists;
	uint64_t wait = c->spins ? c->now - c->spin_start : 0;
	unsigned int pages = 0;

	if (n->owner >= 0) {
		int ret = 0;

		if (!c->spins) {
			c->spins = true;
			c->spin_start = c->now;
			ret = emit_lock(m, cpu, CONTENDED, (int)c->nr, 0);
		}
		c->now += 50;
		return ret;
	}
	n->owner = (int)cpu;
	c->spins = false;
	c->locked = true;
	/* Other CPUs took from the pool since this was planned. */
	c->nr = c->nr < from->nr ? c->nr : from->nr;
	for (unsigned int i = 0; i < c->nr; i++) {
		c->batch[i] = pool_take(m, from);
		pages += 1u << n->blocks[c->batch[i]].order;
	}
	return emit_lock(m, cpu, LOCKED, (int)(c->refill ? c->nr : pages), wait);
}

static int step_section(struct model *m, unsigned int cpu)
{
	struct cpu *c = &m->cpus[cpu];
	struct node *n = &m->nodes[c->node];
	const struct block *b;
	struct dat_value values[3];

	if (!c->locked)
		return take_lock(m, cpu);
	if (c->at == c->nr) {
		n->owner = -1;
		c->locked = false;
		if (emit_lock(m, cpu, UNLOCK, c->refill ? (int)c->nr : 0, 0))
			return -1;
		c->others = roll(m, (c->nr + 2) * 6 / 7 + 1);	/* 3/7 on average: 30 % of all */
		/* Untraced work, so that contention stays an exception; at times a long idle. */
		c->now += roll(m, c->nr * m->nr_cpus * 1800 + 1);
		if (!roll(m, 1000))
			c->now += roll(m, 200000000);
		plan_section(m, c, cpu);
		return 0;
	}
	b = &n->blocks[c->batch[c->at]];
	values[0].num = b->pfn;
	values[1].num = b->order;
	values[2].num = b->pfn % 3;
	pool_put(c->refill ? &n->lists : &n->buddy, c->batch[c->at]);
	c->at++;
	return emit(m, cpu, c->refill ? REFILL : DRAIN, values);
}

static int step_page(struct model *m, unsigned int cpu, struct node *n, bool alloc)
{
	uint32_t item = pool_take(m, alloc ? &n->lists : &n->used);
	const struct block *b = &n->blocks[item];
	struct dat_value values[4] = { { .num = b->pfn }, { .num = b->order }, { .num = 0x100cca },
				       { .num = b->pfn % 3 } };

	pool_put(alloc ? &n->used : &n->lists, item);
	return emit(m, cpu, alloc ? PAGE_ALLOC : PAGE_FREE, values);
}

static int step_slab(struct model *m, unsigned int cpu, bool alloc)
{
	uint32_t item = pool_take(m, alloc ? &m->free_objects : &m->live_objects);
	uint64_t size = 64ull << item % 4;
	uint64_t site = symbol_address(SITE_A + item % 4) + 0x40;
	struct dat_value values[6] = { { .num = site },
				       { .num = 0xff11000100000000 + item * 1024ull },
				       { .num = size - item % 32 }, { .num = size },
				       { .num = 0xcc0 }, { .num = (uint64_t)-1 } };

	pool_put(alloc ? &m->live_objects : &m->free_objects, item);
	return emit(m, cpu, alloc ? KMALLOC : KFREE, values);
}

static int step(struct model *m, unsigned int cpu)
{
	struct cpu *c = &m->cpus[cpu];
	struct node *n = &m->nodes[c->node];

	if (m->live) {
		c->now += 100 + roll(m, 100);
		return step_slab(m, cpu, m->live_objects.nr < m->live ||
				 (m->free_objects.nr && roll(m, 2)));
	}
	if (!c->others)
		return step_section(m, cpu);
	c->others--;
	if (roll(m, 2))
		return step_slab(m, cpu, m->live_objects.nr < NR_OBJECTS / 10 ||
				 (m->free_objects.nr && roll(m, 2)));
	/* Keep enough on the lists for any batch another CPU may have planned. */
	if (n->lists.nr > NR_BLOCKS / 20 && n->used.nr < NR_BLOCKS / 3 &&
	    (!n->used.nr || roll(m, 2)))
		return step_page(m, cpu, n, true);
	return n->used.nr ? step_page(m, cpu, n, false) : step_slab(m, cpu, m->free_objects.nr > 0);
}

static bool node_new(struct model *m, struct node *n, uint64_t pfn)
{
	/* 1.13 pages a block, as on a machine under a mixed load */
	static const unsigned int orders[] = { 1, 1, 2, 3, 3, 3 };

	n->owner = -1;
	n->blocks = calloc(NR_BLOCKS, sizeof(*n->blocks));
	if (!n->blocks || !pool_new(&n->buddy, NR_BLOCKS, true) ||
	    !pool_new(&n->lists, NR_BLOCKS, false) || !pool_new(&n->used, NR_BLOCKS, false))
		return false;
	for (unsigned int i = 0; i < NR_BLOCKS; i++) {
		unsigned int order = roll(m, 32) ? 0 : orders[roll(m, 6)];

		pfn = (pfn + (1ull << order) - 1) >> order << order;
		n->blocks[i] = (struct block){ pfn, order };
		pfn += 1ull << order;
	}
	/* The machine has been running for a while. */
	for (unsigned int i = 0; i < NR_BLOCKS / 4; i++)
		pool_put(&n->lists, pool_take(m, &n->buddy));
	return true;
}

static bool model_init(struct model *m)
{
	uint32_t objects = m->live > NR_OBJECTS / 2 ? 2 * m->live : NR_OBJECTS;

	if (!pool_new(&m->free_objects, objects, true) ||
	    !pool_new(&m->live_objects, objects, false))
		return false;
	for (unsigned int i = 0; i < NR_NODES; i++)
		if (!node_new(m, &m->nodes[i], 0x100000 + i * 0x1000000ull))
			return false;
	m->cpus = calloc(m->nr_cpus, sizeof(*m->cpus));
	if (!m->cpus)
		return false;
	for (unsigned int i = 0; i < m->nr_cpus; i++) {
		char name[32];

		snprintf(name, sizeof(name), "worker-%u", i);
		m->cpus[i].pid = 1000 + (int)i;
		m->cpus[i].now = 1000000000 + roll(m, 10000);
		if (dat_add_task(m->w, m->cpus[i].pid, name))
			return false;
		plan_section(m, &m->cpus[i], i);
	}
	for (unsigned int i = 0; i < NR_EVENTS; i++) {
		const struct builtin_event *e = builtin_event("kmem", event_names[i]);

		m->events[i] = dat_add_event(m->w, e->system, e->name, e->id, e->fields,
					     e->print_fmt);
		if (!m->events[i])
			return false;
	}
	for (unsigned int i = 0; i < NR_SYMBOLS; i++)
		if (dat_add_symbol(m->w, symbol_address(i), symbol_names[i], NULL))
			return false;
	return !dat_add_symbol(m->w, symbol_address(NR_SYMBOLS), "_etext", NULL) &&
	       !dat_option_text(m->w, DAT_OPTION_UNAME, "Linux mkbig 6.12.0 x86_64");
}

static void model_free(struct model *m)
{
	for (unsigned int i = 0; i < NR_NODES; i++) {
		free(m->nodes[i].blocks);
		free(m->nodes[i].buddy.items);
		free(m->nodes[i].lists.items);
		free(m->nodes[i].used.items);
	}
	free(m->free_objects.items);
	free(m->live_objects.items);
	free(m->cpus);
	dat_free(m->w);
}

/* Always steps the CPU that is furthest behind, so that the model sees one order of events. */
static int run(struct model *m, uint64_t events)
{
	while (m->written < events) {
		unsigned int next = 0;

		for (unsigned int i = 1; i < m->nr_cpus; i++)
			if (m->cpus[i].now < m->cpus[next].now)
				next = i;
		if (step(m, next))
			return -1;
	}
	return 0;
}

static bool parse_args(int argc, char **argv, struct dat_config *c, uint64_t *events,
		       uint32_t *live)
{
	static const char *const compressions[] = { "none", "zstd", "zlib" };
	int i;

	for (i = 1; i + 2 < argc; i += 2) {
		uint64_t number = strtoull(argv[i + 1], NULL, 10);

		if (!strcmp(argv[i], "--events") && number) {
			*events = number;
		} else if (!strcmp(argv[i], "--cpus") && number && number <= DAT_MAX_CPUS) {
			c->cpus = (unsigned int)number;
		} else if (!strcmp(argv[i], "--live") && number && number < 1u << 28) {
			*live = (uint32_t)number;
		} else if (!strcmp(argv[i], "--version")) {
			c->version = (unsigned int)number;
		} else if (!strcmp(argv[i], "--compression")) {
			int at = 0;

			while (at < 3 && strcmp(argv[i + 1], compressions[at]))
				at++;
			if (at == 3)
				return false;
			c->compression = (enum dat_compression)at;
		} else {
			return false;
		}
	}
	return i + 1 == argc && argv[i][0] != '-';
}

int main(int argc, char **argv)
{
	struct dat_config config = { .cpus = 8, .clock = "mono" };
	struct model m = { .seed = 0x9e3779b97f4a7c15 };
	uint64_t events = 1000000;
	int ret = 1;

	if (!parse_args(argc, argv, &config, &events, &m.live)) {
		fputs("usage: mkbig [--events N] [--cpus C] [--compression none|zstd|zlib] "
		      "[--version 6|7] [--live OBJECTS] OUT.dat\n", stderr);
		return 2;
	}
	m.nr_cpus = config.cpus;
	m.w = dat_new(&config);
	if (!m.w)
		fprintf(stderr, "mkbig: these settings do not go together\n");
	else if (model_init(&m) && !run(&m, events) && !dat_finish(m.w, argv[argc - 1]))
		ret = 0;
	else
		fprintf(stderr, "mkbig: %s\n", dat_error(m.w) ? dat_error(m.w) : "out of memory");
	model_free(&m);
	return ret;
}
