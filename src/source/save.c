/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A live recording as a trace.dat; see save.h. The file's form is that of trace-cmd.dat.v6(5). */
#include "source/save.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tracefs/tracefs.h>

#include "source/tracedat.h"

#define SPOOL_BUFFER (256u << 10)

struct kma_save {
	const char *path;
	FILE *out;
	FILE **spools; /* by lane: opened with its first page */
	uint64_t *bytes;
	uint32_t nr_lanes;
	int error; /* the first errno of a page that could not be kept */
};

/* A file without a name beside the one to be written, where there is room for as much. */
static FILE *open_spool(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
	FILE *file = NULL;
	char *name = NULL;
	int fd = -1;

	if (dir)
		fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	/* not every file system has files without a name */
	if (dir && fd < 0 && asprintf(&name, "%s/.kmem-analyze-XXXXXX", dir) >= 0) {
		fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0)
			unlink(name);
		free(name);
	}
	free(dir);
	if (fd >= 0)
		file = fdopen(fd, "w+");
	if (file)
		setvbuf(file, NULL, _IOFBF, SPOOL_BUFFER);
	else if (fd >= 0)
		close(fd);
	return file;
}

struct kma_save *kma_save_new(const char *path, uint32_t nr_lanes, struct kma_error *err)
{
	struct kma_save *save = calloc(1, sizeof(*save));

	if (save) {
		save->path = path;
		save->nr_lanes = nr_lanes;
		save->spools = calloc(nr_lanes, sizeof(*save->spools));
		save->bytes = calloc(nr_lanes, sizeof(*save->bytes));
	}
	if (!save || !save->spools || !save->bytes) {
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		kma_save_free(save);
		return NULL;
	}
	save->out = fopen(path, "we");
	if (!save->out) {
		kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", path, strerror(errno));
		kma_save_free(save);
		return NULL;
	}
	return save;
}

void kma_save_free(struct kma_save *save)
{
	if (!save)
		return;
	for (uint32_t i = 0; save->spools && i < save->nr_lanes; i++)
		if (save->spools[i])
			fclose(save->spools[i]);
	free(save->spools);
	free(save->bytes);
	if (save->out)
		fclose(save->out);
	free(save);
}

void kma_save_page(struct kma_save *save, uint32_t lane, const uint8_t *page, size_t size)
{
	if (save->error)
		return;
	if (!save->spools[lane])
		save->spools[lane] = open_spool(save->path);
	if (save->spools[lane] && fwrite(page, 1, size, save->spools[lane]) == size)
		save->bytes[lane] += size;
	else
		save->error = errno ? errno : EIO;
}

static void put(FILE *out, const void *data, size_t size)
{
	fwrite(data, 1, size, out);
}

/* Numbers are in the byte order of this machine, as the head says. */
static void put16(FILE *out, uint16_t n)
{
	put(out, &n, sizeof(n));
}

static void put32(FILE *out, uint32_t n)
{
	put(out, &n, sizeof(n));
}

static void put64(FILE *out, uint64_t n)
{
	put(out, &n, sizeof(n));
}

/* What cannot be read is empty: the file can be read without it. */
static void put_file(FILE *out, unsigned int size_bytes, const char *fmt, ...)
{
	size_t size = 0;
	char path[600], *text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	text = kma_read_text(path, &size);
	if (size_bytes == 8)
		put64(out, size);
	else
		put32(out, (uint32_t)size);
	if (text)
		put(out, text, size);
	free(text);
}

/* All events of a system: their number, then their formats. */
static void put_system(FILE *out, const struct kma_tracefs *fs, const char *system)
{
	char **events = tracefs_system_events(fs->dir, system);
	uint32_t nr = 0;

	for (char **event = events; event && *event; event++)
		nr += tracefs_event_file_exists(NULL, system, *event, "format");
	put32(out, nr);
	for (char **event = events; event && *event; event++)
		if (tracefs_event_file_exists(NULL, system, *event, "format"))
			put_file(out, 8, "%s/events/%s/%s/format", fs->dir, system, *event);
	tracefs_list_free(events);
}

/* The systems of the events that we know: no other is recorded. */
static void put_systems(FILE *out, const struct kma_tracefs *fs)
{
	uint32_t nr = 0;

	for (int counting = 1; counting >= 0; counting--) {
		const char *last = "ftrace";

		for (size_t i = 0; i < fs->nr_formats; i++) {
			const char *system = fs->formats[i].system;

			if (!strcmp(system, last) || !strcmp(system, "ftrace"))
				continue;
			last = system;
			if (counting) {
				nr++;
				continue;
			}
			put(out, system, strlen(system) + 1);
			put_system(out, fs, system);
		}
		if (counting)
			put32(out, nr);
	}
}

static void put_option(FILE *out, unsigned int id, const void *data, size_t size)
{
	put16(out, (uint16_t)id);
	put32(out, (uint32_t)size);
	put(out, data, size);
}

static void put_text_option(FILE *out, unsigned int id, const char *text)
{
	put_option(out, id, text, strlen(text) + 1);
}

static void put_options(FILE *out, const struct kma_instance *instance,
			const struct kma_source_info *info, const char *clock, uint32_t cpus)
{
	for (uint32_t i = 0; i < info->nr_lanes; i++) {
		char file[64], *text, *stat;

		snprintf(file, sizeof(file), "per_cpu/cpu%u/stats", info->lanes[i].cpu);
		text = kma_instance_read(instance, file);
		if (text && asprintf(&stat, "CPU: %u\n%s", info->lanes[i].cpu, text) >= 0) {
			put_text_option(out, KMA_DAT_CPUSTAT, stat);
			free(stat);
		}
		free(text);
	}
	put_text_option(out, KMA_DAT_TRACECLOCK, clock);
	if (info->uname)
		put_text_option(out, KMA_DAT_UNAME, info->uname);
	put_option(out, KMA_DAT_CPUCOUNT, &cpus, sizeof(cpus));
	put16(out, KMA_DAT_DONE);
}

static void put_head(FILE *out, const struct kma_tracefs *fs, const struct kma_source_info *info)
{
	static const char magic[] = {
		0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g', '6', '\0'
	};
	const char machine[] = { BYTE_ORDER == BIG_ENDIAN, (char)sizeof(long) };

	put(out, magic, sizeof(magic));
	put(out, machine, sizeof(machine));
	put32(out, info->page_size);
	put(out, "header_page", sizeof("header_page"));
	put_file(out, 8, "%s/events/header_page", fs->dir);
	put(out, "header_event", sizeof("header_event"));
	put_file(out, 8, "%s/events/header_event", fs->dir);
	put_system(out, fs, "ftrace");
	put_systems(out, fs);
	put_file(out, 4, "/proc/kallsyms");
	put_file(out, 4, "%s/printk_formats", fs->dir);
	put_file(out, 8, "%s/saved_cmdlines", fs->dir);
}

static uint64_t bytes_of(const struct kma_save *save, const struct kma_source_info *info,
			 uint32_t cpu)
{
	for (uint32_t i = 0; i < info->nr_lanes; i++)
		if (info->lanes[i].cpu == cpu)
			return save->bytes[i];
	return 0;
}

static void put_table(struct kma_save *save, const struct kma_source_info *info, const char *clock,
		      uint32_t cpus)
{
	uint64_t length = strlen(clock), at;
	off_t here;

	put(save->out, "flyrecord", sizeof("flyrecord"));
	here = ftello(save->out);
	at = (uint64_t)here + 16 * (uint64_t)cpus + 8 + length;
	at = (at + info->page_size - 1) / info->page_size * info->page_size;
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		uint64_t size = bytes_of(save, info, cpu);

		put64(save->out, at);
		put64(save->out, size);
		at += size;
	}
	put64(save->out, length);
	put(save->out, clock, length);
	while (ftello(save->out) % info->page_size && !ferror(save->out))
		fputc(0, save->out);
}

static int copy(FILE *from, FILE *to)
{
	char buffer[16384];
	size_t n;

	if (fflush(from))
		return -1;
	rewind(from);
	while ((n = fread(buffer, 1, sizeof(buffer), from)))
		if (fwrite(buffer, 1, n, to) != n)
			return -1;
	return ferror(from) ? -1 : 0;
}

int kma_save_finish(struct kma_save *save, const struct kma_tracefs *fs,
		    const struct kma_instance *instance, const struct kma_source_info *info,
		    struct kma_error *err)
{
	uint32_t cpus = info->lanes[info->nr_lanes - 1].cpu + 1;
	char *clock;
	int ret = 0;

	if (save->error)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot keep the recording for %s: %s",
				save->path, strerror(save->error));
	clock = kma_instance_read(instance, "trace_clock");
	if (!clock)
		return kma_fail(err, KMA_ERR_INPUT, "cannot read %s/trace_clock: %s",
				instance->path, strerror(errno));
	errno = 0;
	put_head(save->out, fs, info);
	put32(save->out, cpus);
	put(save->out, "options  ", sizeof("options  "));
	put_options(save->out, instance, info, clock, cpus);
	put_table(save, info, clock, cpus);
	free(clock);
	/* lanes stand in the order of their CPUs */
	for (uint32_t i = 0; !ret && i < save->nr_lanes; i++)
		if (save->spools[i])
			ret = copy(save->spools[i], save->out);
	if (ferror(save->out))
		ret = -1;
	if (fclose(save->out))
		ret = -1;
	save->out = NULL;
	return ret ? kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", save->path,
			      strerror(errno ? errno : EIO))
		   : 0;
}
