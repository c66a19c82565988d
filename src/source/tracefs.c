/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running kernel's tracefs; see tracefs.h. */
#include "source/tracefs.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <tracefs/tracefs.h>

#include <kmem-analyze/event.h>

#include "util/arena.h"

/* Comparable across CPUs, the best first; the last one is what every kernel has. */
static const char *const clocks[] = { "mono", "boot", "tai", "mono_raw", "global", "local" };

char *kma_read_text(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0, max = 0;
	char *text = NULL;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	while (n > 0) {
		if (max - used < 4096) {
			char *larger = realloc(text, max = max ? 2 * max : 16384);

			if (!larger) {
				n = -1;
				errno = ENOMEM;
				break;
			}
			text = larger;
		}
		n = read(fd, text + used, max - used - 1);
		if (n > 0)
			used += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (n < 0) {
		int error = errno;

		free(text);
		text = NULL;
		errno = error;
	} else {
		text[used] = '\0';
		if (size)
			*size = used;
	}
	close(fd);
	return text;
}

static bool is_locked_down(void)
{
	char *text = kma_read_text("/sys/kernel/security/lockdown", NULL);
	bool locked = text && strstr(text, "[confidentiality]");

	free(text);
	return locked;
}

const char *kma_tracefs_advice(int error)
{
	if (error == EPERM && is_locked_down())
		return "; the kernel is locked down: boot it with lockdown=integrity, or without "
		       "lockdown=";
	if ((error == EPERM || error == EACCES) && geteuid())
		return "; run it as root: sudo kmem-analyze ...";
	if (error == EPERM || error == EACCES)
		return "; root is not enough here (a container?): run it on the host, or let the "
		       "container write to tracefs";
	if (error == EROFS)
		return "; mount it writable: mount -o remount,rw /sys/kernel/tracing";
	if (error == ENOMEM)
		return "; ask for less: --buffer-size 512K";
	return "";
}

static int find_dir(struct kma_tracefs *fs, struct kma_error *err)
{
	const char *path = NULL;
	char *systems;
	bool known;

	if (tracefs_tracing_dir_is_mounted(false, &path) > 0 && path) {
		tracefs_set_loglevel(TEP_LOG_NONE);
		fs->dir = kma_arena_strdup(fs->arena, path);
		return fs->dir ? 0 : kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	}
	systems = kma_read_text("/proc/filesystems", NULL);
	known = systems && strstr(systems, "\ttracefs\n");
	free(systems);
	if (known)
		return kma_fail(err, KMA_ERR_INPUT,
				"tracefs is not mounted; as root: mount -t tracefs nodev "
				"/sys/kernel/tracing");
	return kma_fail(
		err, KMA_ERR_INPUT,
		"this kernel has no tracefs: it was built without CONFIG_FTRACE; boot one that "
		"has it, and see: grep CONFIG_FTRACE= /boot/config-*");
}

/* Of all events that we know, those that the kernel has. */
static int read_formats(struct kma_tracefs *fs, struct kma_error *err)
{
	fs->formats = kma_arena_alloc(fs->arena, KMA_NR_KINDS * sizeof(*fs->formats));
	if (!fs->formats)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	for (int kind = 1; kind < KMA_NR_KINDS; kind++) {
		struct kma_format *format = &fs->formats[fs->nr_formats];
		int size;
		char *text;

		if (!tracefs_event_file_exists(NULL, kma_kind_system(kind), kma_kind_name(kind),
					       "format"))
			continue;
		text = tracefs_event_file_read(NULL, kma_kind_system(kind), kma_kind_name(kind),
					       "format", &size);
		if (!text)
			return kma_fail(err, KMA_ERR_INPUT, "cannot read %s/events/%s/%s: %s%s",
					fs->dir, kma_kind_system(kind), kma_kind_name(kind),
					strerror(errno), kma_tracefs_advice(errno));
		format->size = (size_t)size;
		format->system = kma_kind_system(kind);
		format->text = kma_arena_strdup(fs->arena, text);
		free(text);
		if (!format->text)
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		fs->nr_formats++;
		fs->kinds |= KMA_KIND_BIT(kind);
	}
	return 0;
}

/* "[local] global counter ...": the words, with the present one in brackets. */
static bool has_clock(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *p = text; (p = strstr(p, name)); p += length)
		if ((p == text || strchr(" [", p[-1])) && strchr(" ]\n", p[length]))
			return true;
	return false;
}

static int pick_clock(struct kma_tracefs *fs, struct kma_error *err)
{
	const char *path = kma_arena_printf(fs->arena, "%s/trace_clock", fs->dir);
	char *text = path ? kma_read_text(path, NULL) : NULL;
	size_t i = 0;

	if (!text)
		return kma_fail(err, KMA_ERR_INPUT, "cannot read %s/trace_clock: %s%s", fs->dir,
				strerror(errno), kma_tracefs_advice(errno));
	while (i + 1 < sizeof(clocks) / sizeof(*clocks) && !has_clock(text, clocks[i]))
		i++;
	fs->clock = clocks[i];
	free(text);
	return 0;
}

static int read_layout(struct kma_tracefs *fs, struct kma_error *err)
{
	const char *path = kma_arena_printf(fs->arena, "%s/events/header_page", fs->dir);
	char *text = path ? kma_read_text(path, NULL) : NULL;
	unsigned int size = 0, offset = 0, length = 0;
	const char *p;

	if (!text)
		return kma_fail(err, KMA_ERR_INPUT, "cannot read %s/events/header_page: %s%s",
				fs->dir, strerror(errno), kma_tracefs_advice(errno));
	p = strstr(text, " commit;");
	if (!p || sscanf(p, " commit; offset:%*u; size:%u;", &size) != 1)
		size = sizeof(long);
	p = strstr(text, " data;");
	if (!p || sscanf(p, " data; offset:%u; size:%u;", &offset, &length) != 2) {
		offset = 8 + size;
		length = (uint32_t)sysconf(_SC_PAGESIZE) - offset;
	}
	free(text);
	fs->page_format = (struct kma_page_format){ .big_endian = BYTE_ORDER == BIG_ENDIAN,
						    .commit_size = (uint8_t)size,
						    .data_offset = (uint16_t)offset };
	fs->page_size = offset + length;
	return 0;
}

int kma_tracefs_open(struct kma_tracefs *fs, struct kma_error *err)
{
	struct utsname name;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	memset(fs, 0, sizeof(*fs));
	fs->arena = kma_arena_new();
	if (!fs->arena)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	fs->cpus = cpus > 0 ? (uint32_t)cpus : 1;
	if (uname(&name) == 0)
		fs->kernel = kma_arena_printf(fs->arena, "%s %s %s %s", name.sysname, name.nodename,
					      name.release, name.machine);
	if (find_dir(fs, err) == 0 && pick_clock(fs, err) == 0 && read_layout(fs, err) == 0 &&
	    read_formats(fs, err) == 0)
		return 0;
	kma_tracefs_close(fs);
	return -1;
}

void kma_tracefs_close(struct kma_tracefs *fs)
{
	kma_arena_free(fs->arena);
	memset(fs, 0, sizeof(*fs));
}
