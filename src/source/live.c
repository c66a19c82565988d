/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running kernel as a source; see live.h. */
#include "source/live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "source/save.h"
#include "util/arena.h"

/*
 * A record has its time from before it is written, and can be read only when that is done. Between
 * the two lie nanoseconds, or as long as an interrupt or a hypervisor keeps that CPU busy. What is
 * older than this is taken to be there.
 */
#define WRITING_NS 20000000

struct lane {
	int fd;
	uint8_t *page;
	uint64_t read; /* since kma_live_fill() was asked */
};

struct live {
	struct kma_source source; /* first: one is cast to the other */
	const struct kma_tracefs *fs;
	struct kma_instance *instance;
	struct kma_save *save; /* NULL: not asked for */
	struct lane *lanes;
	clockid_t clock;
	bool has_clock; /* user space can read the trace's clock; else from the kernel's statistics
			 */
	bool started, stopped;
};

static struct live *live_of(struct kma_source *source)
{
	return (struct live *)source;
}

static int next(struct kma_source *source, uint32_t index, struct kma_piece *piece,
		struct kma_error *err)
{
	struct live *live = live_of(source);
	struct lane *lane = &live->lanes[index];
	uint32_t page_size = source->info.page_size;
	ssize_t n;

	do
		n = read(lane->fd, lane->page, page_size);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == EAGAIN))
		return live->stopped ? KMA_NEXT_END : KMA_NEXT_AGAIN;
	if (n < 0)
		return kma_fail(err, KMA_ERR_INPUT,
				"cannot read %s/per_cpu/cpu%u/trace_pipe_raw: %s",
				live->instance->path, source->info.lanes[index].cpu,
				strerror(errno));
	lane->read += (uint64_t)n;
	if (live->save)
		kma_save_page(live->save, index, lane->page, (size_t)n);
	*piece = (struct kma_piece){ .type = KMA_PIECE_PAGE,
				     .page = lane->page,
				     .page_size = (size_t)n };
	return KMA_NEXT_PIECE;
}

/* "now ts: 12914.746916" of per_cpu/cpu0/stats */
static uint64_t kernel_now(struct live *live)
{
	unsigned long long seconds = 0, us = 0;
	char file[64], *text;
	const char *p;

	snprintf(file, sizeof(file), "per_cpu/cpu%u/stats", live->source.info.lanes[0].cpu);
	text = kma_instance_read(live->instance, file);
	p = text ? strstr(text, "now ts:") : NULL;
	if (!p || sscanf(p, "now ts: %llu.%llu", &seconds, &us) != 2)
		seconds = us = 0;
	free(text);
	return seconds * 1000000000 + us * 1000;
}

static uint64_t now(struct kma_source *source)
{
	struct live *live = live_of(source);
	struct timespec ts;
	uint64_t ns;

	if (live->stopped)
		return UINT64_MAX;
	if (!live->has_clock || clock_gettime(live->clock, &ts) < 0)
		ns = kernel_now(live);
	else
		ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	if (!live->started)
		return ns;
	return ns > WRITING_NS ? ns - WRITING_NS : 0;
}

static char *kallsyms(struct kma_source *source)
{
	(void)source;
	return kma_read_text("/proc/kallsyms", NULL);
}

static char *cmdlines(struct kma_source *source)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/saved_cmdlines", live_of(source)->fs->dir);
	return kma_read_text(path, NULL);
}

static bool failed(const struct kma_source *source)
{
	(void)source;
	return false;
}

int kma_live_close(struct kma_source *source, struct kma_error *err)
{
	struct live *live = live_of(source);
	int ret = 0;

	for (uint32_t i = 0; live->lanes && i < source->info.nr_lanes; i++) {
		if (live->lanes[i].fd >= 0)
			close(live->lanes[i].fd);
		free(live->lanes[i].page);
	}
	free(live->lanes);
	kma_save_free(live->save);
	if (live->instance)
		ret = kma_instance_free(live->instance, err);
	kma_source_forget_symbols(source);
	free(source->info.notes);
	free(source->info.cpu_stats);
	kma_arena_free(source->arena);
	free(live);
	return ret;
}

static void close_live(struct kma_source *source)
{
	kma_live_close(source, NULL);
}

static const struct kma_source_ops ops = {
	.name = "live",
	.next = next,
	.now = now,
	.kallsyms = kallsyms,
	.cmdlines = cmdlines,
	.failed = failed,
	.close = close_live,
};

/* A lane for each CPU that the instance has a buffer for. */
static int open_lanes(struct live *live, struct kma_error *err)
{
	struct kma_source_info *info = &live->source.info;

	info->lanes = kma_arena_alloc(live->source.arena, live->fs->cpus * sizeof(*info->lanes));
	live->lanes = calloc(live->fs->cpus, sizeof(*live->lanes));
	if (!info->lanes || !live->lanes)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (uint32_t cpu = 0; cpu < live->fs->cpus; cpu++) {
		struct lane *lane = &live->lanes[info->nr_lanes];
		char file[64];

		snprintf(file, sizeof(file), "per_cpu/cpu%u/trace_pipe_raw", cpu);
		lane->fd = kma_instance_open(live->instance, file, O_RDONLY | O_NONBLOCK);
		if (lane->fd < 0 && errno == ENOENT)
			continue;
		if (lane->fd < 0)
			return kma_fail(err, KMA_ERR_INPUT, "cannot open %s/%s: %s%s",
					live->instance->path, file, strerror(errno),
					kma_tracefs_advice(errno));
		info->lanes[info->nr_lanes++] = (struct kma_lane_info){
			.cpu = cpu, .bytes = (uint64_t)live->instance->kbytes << 10
		};
		lane->page = aligned_alloc(64, (info->page_size + 63) & ~63u);
		if (!lane->page)
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	}
	return info->nr_lanes ? 0
			      : kma_fail(err, KMA_ERR_INPUT, "%s has no buffer of any CPU",
					 live->instance->path);
}

/* An instance made just now may have larger pages than header_page tells of. */
static uint32_t page_size(const struct live *live)
{
	char *text = kma_instance_read(live->instance, "buffer_subbuf_size_kb");
	unsigned long kbytes = text ? strtoul(text, NULL, 10) : 0;

	free(text);
	return kbytes && kbytes <= 65536 ? (uint32_t)(kbytes << 10) : live->fs->page_size;
}

static int describe(struct live *live, struct kma_error *err)
{
	static const struct {
		const char *name;
		clockid_t id;
	} clocks[] = { { "mono", CLOCK_MONOTONIC },
		       { "mono_raw", CLOCK_MONOTONIC_RAW },
		       { "boot", CLOCK_BOOTTIME },
		       { "tai", CLOCK_TAI } };
	struct kma_source_info *info = &live->source.info;
	const struct kma_tracefs *fs = live->fs;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		if (strcmp(clocks[i].name, fs->clock))
			continue;
		live->clock = clocks[i].id;
		live->has_clock = true;
	}
	info->path = "this kernel, live";
	info->compression = "none";
	info->big_endian = fs->page_format.big_endian;
	info->page_format = fs->page_format;
	info->page_size = page_size(live);
	info->long_size = fs->page_format.commit_size;
	info->cpus = fs->cpus;
	info->uname = fs->kernel;
	info->clock = fs->clock;
	info->formats = fs->formats;
	info->nr_formats = fs->nr_formats;
	info->buffers = kma_arena_alloc(live->source.arena, sizeof(*info->buffers));
	if (!info->buffers)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	info->buffers[0] = (struct kma_buffer_info){ .name = "",
						     .clock = info->clock,
						     .page_size = info->page_size };
	info->nr_buffers = 1;
	if (kma_source_note(&live->source,
			    "what kmem-analyze (pid %ld) allocates and frees itself is left out",
			    (long)getpid()) < 0)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return 0;
}

struct kma_source *kma_live_open(const struct kma_tracefs *fs, const struct kma_live_config *config,
				 struct kma_error *err)
{
	struct kma_instance_config wanted = { .kinds = config->kinds,
					      .kbytes = config->kbytes,
					      .stack_kinds = config->stack_kinds,
					      .clock = fs->clock };
	struct live *live = calloc(1, sizeof(*live));

	if (!live || !(live->source.arena = kma_arena_new())) {
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		free(live);
		return NULL;
	}
	live->source.ops = &ops;
	live->source.sort_symbols = true;
	live->fs = fs;
	live->instance = kma_instance_new(fs, &wanted, err);
	if (live->instance && describe(live, err) == 0 && open_lanes(live, err) == 0) {
		if (!config->save)
			return &live->source;
		live->save = kma_save_new(config->save, live->source.info.nr_lanes, err);
		if (live->save)
			return &live->source;
	}
	kma_live_close(&live->source, NULL);
	return NULL;
}

int kma_live_start(struct kma_source *source, struct kma_error *err)
{
	struct live *live = live_of(source);

	live->started = true;
	return kma_instance_record(live->instance, true, err);
}

/* A line of per_cpu/cpuN/stats */
static uint64_t statistic(const char *text, const char *name)
{
	const char *p = text ? strstr(text, name) : NULL;

	return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}

/* The kernel's own counts: how much was overwritten where the pages have no room for the number,
 * and what was never written, which the pages do not tell at all. */
static int read_statistics(struct live *live, struct kma_error *err)
{
	struct kma_source_info *info = &live->source.info;
	uint64_t unwritten = 0;

	info->cpu_stats = calloc(info->nr_lanes, sizeof(*info->cpu_stats));
	if (!info->cpu_stats)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (uint32_t i = 0; i < info->nr_lanes; i++) {
		char file[64], *text;

		snprintf(file, sizeof(file), "per_cpu/cpu%u/stats", info->lanes[i].cpu);
		text = kma_instance_read(live->instance, file);
		unwritten += statistic(text, "\ncommit overrun: ") +
			     statistic(text, "\ndropped events: ");
		info->cpu_stats[info->nr_cpu_stats++] =
			(struct kma_cpu_stat){ .buffer = "",
					       .cpu = info->lanes[i].cpu,
					       .overrun = statistic(text, "\noverrun: ") };
		free(text);
	}
	if (unwritten && kma_source_note(&live->source,
					 "the kernel found no room to write %llu events of "
					 "interrupts that came on top of others",
					 (unsigned long long)unwritten) < 0)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	return 0;
}

int kma_live_stop(struct kma_source *source, struct kma_error *err)
{
	struct live *live = live_of(source);

	if (live->stopped)
		return 0;
	if (kma_instance_record(live->instance, false, err) < 0)
		return -1;
	live->stopped = true;
	return read_statistics(live, err);
}

int kma_live_save(struct kma_source *source, struct kma_error *err)
{
	struct live *live = live_of(source);

	return live->save
		       ? kma_save_finish(live->save, live->fs, live->instance, &source->info, err)
		       : 0;
}

const struct kma_instance *kma_live_instance(const struct kma_source *source)
{
	return ((const struct live *)source)->instance;
}

double kma_live_fill(struct kma_source *source)
{
	struct live *live = live_of(source);
	uint64_t most = 0;

	for (uint32_t i = 0; i < source->info.nr_lanes; i++) {
		if (live->lanes[i].read > most)
			most = live->lanes[i].read;
		live->lanes[i].read = 0;
	}
	return (double)most / ((double)live->instance->kbytes * 1024);
}

int kma_live_tasks(struct kma_source *source, const int32_t *pids, const char **names, size_t nr,
		   struct kma_arena *arena)
{
	if (kma_source_tasks(source, pids, names, nr, arena) < 0)
		return -1;
	for (size_t i = 0; i < nr; i++) {
		char path[64], *comm;

		if (names[i])
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", pids[i]);
		comm = kma_read_text(path, NULL);
		if (!comm)
			continue;
		comm[strcspn(comm, "\n")] = '\0';
		names[i] = kma_arena_printf(arena, "%s-%d", comm, pids[i]);
		free(comm);
		if (!names[i])
			return -1;
	}
	return 0;
}
