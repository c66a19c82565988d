/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace instance of our own; see instance.h. */
#include "source/instance.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tracefs/tracefs.h>

#include <kmem-analyze/event.h>

/*
 * kmem-analyze-PID-STARTTIME: pids come again, but not with the same start time. What bears a name
 * whose process is gone is left over.
 */
#define PREFIX "kmem-analyze-"

/* TRACE_FLAG_HARDIRQ, _SOFTIRQ and _NMI in common_flags */
#define IN_INTERRUPT 0x58

/* A stack behind the events of one kind that the filter lets through. */
#define TRIGGER "stacktrace if "

/* In clock ticks since boot, the 22nd word of /proc/PID/stat; 0 when there is no such process. */
static unsigned long long start_time(long pid)
{
	unsigned long long ticks = 0;
	char path[64], *text;
	const char *p;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	text = kma_read_text(path, NULL);
	/* the second word may hold anything, blanks and brackets too */
	p = text ? strrchr(text, ')') : NULL;
	for (int word = 3; p && word <= 22; word++)
		p = strchr(p + 1, ' ');
	if (p)
		ticks = strtoull(p, NULL, 10);
	free(text);
	return ticks;
}

static bool is_left_over(const char *name)
{
	unsigned long long ticks;
	long pid;
	char *end;

	if (strncmp(name, PREFIX, strlen(PREFIX)) || !isdigit((unsigned char)name[strlen(PREFIX)]))
		return false;
	pid = strtol(name + strlen(PREFIX), &end, 10);
	if (*end != '-' || !isdigit((unsigned char)end[1]))
		return false;
	ticks = strtoull(end + 1, &end, 10);
	return !*end && start_time(pid) != ticks;
}

/*
 * A process may also be out of sight, in another pid namespace: its instance cannot be removed as
 * it holds files of it open, and nothing but the removal is tried here.
 */
static void remove_left_over(const struct kma_tracefs *fs)
{
	struct dirent *entry;
	char path[600];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/instances", fs->dir);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (!is_left_over(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/instances/%.255s", fs->dir, entry->d_name);
		rmdir(path);
	}
	if (dir)
		closedir(dir);
}

static int write_file(const struct kma_instance *instance, const char *file, const char *text)
{
	errno = 0;
	return tracefs_instance_file_write(instance->tracefs, file, text) < 0 ? -1 : 0;
}

static int set(const struct kma_instance *instance, const char *file, const char *text,
	       struct kma_error *err)
{
	if (write_file(instance, file, text) == 0)
		return 0;
	return kma_fail(err, KMA_ERR_INPUT, "cannot write \"%s\" to %s/%s: %s%s", text,
			instance->path, file, strerror(errno), kma_tracefs_advice(errno));
}

/* What a new instance takes over from the top one, or has by default, is set here where it matters.
 */
static int set_options(const struct kma_instance *instance,
		       const struct kma_instance_config *config, struct kma_error *err)
{
	/* children of ours are to be seen */
	static const char *const off[] = { "options/event-fork", "options/pause-on-trace" };
	bool all_stacks = config->stack_kinds == UINT64_MAX;

	/* the oldest are overwritten: those losses the pages tell, in place */
	if (set(instance, "options/overwrite", "1", err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++)
		if (write_file(instance, off[i], "0") < 0 && errno != ENOENT)
			return kma_fail(err, KMA_ERR_INPUT, "cannot write to %s/%s: %s",
					instance->path, off[i], strerror(errno));
	if (write_file(instance, "options/stacktrace", all_stacks ? "1" : "0") < 0 &&
	    (all_stacks || errno != ENOENT))
		return kma_fail(err, KMA_ERR_INPUT,
				"cannot record stacks: %s; without them: leave --stacks out",
				strerror(errno));
	return 0;
}

/*
 * We do not trace ourselves. A filter on the pid alone, or set_event_notrace_pid, would also drop
 * what interrupts do while we run, such as the frees of others' objects.
 */
static int enable_events(const struct kma_instance *instance,
			 const struct kma_instance_config *config, struct kma_error *err)
{
	char trigger[120], file[600];
	const char *filter = trigger + sizeof(TRIGGER) - 1, *system = "";

	snprintf(trigger, sizeof(trigger), TRIGGER "common_pid != %ld || common_flags & %d",
		 (long)getpid(), IN_INTERRUPT);
	for (int kind = 1; kind < KMA_NR_KINDS; kind++) {
		if (!(config->kinds & KMA_KIND_BIT(kind)) || kind == KMA_KERNEL_STACK)
			continue;
		/* kinds of one system stand together: one filter serves all */
		if (strcmp(system, kma_kind_system(kind))) {
			system = kma_kind_system(kind);
			snprintf(file, sizeof(file), "events/%s/filter", system);
			if (set(instance, file, filter, err) < 0)
				return -1;
		}
		/* a kernel without triggers records no such stacks, and the report says so */
		if (config->stack_kinds != UINT64_MAX &&
		    (config->stack_kinds & KMA_KIND_BIT(kind))) {
			snprintf(file, sizeof(file), "events/%s/%s/trigger", system,
				 kma_kind_name(kind));
			write_file(instance, file, trigger);
		}
		snprintf(file, sizeof(file), "events/%s/%s/enable", system, kma_kind_name(kind));
		if (set(instance, file, "1", err) < 0)
			return -1;
	}
	return 0;
}

static int set_up(struct kma_instance *instance, const struct kma_instance_config *config,
		  struct kma_error *err)
{
	char number[32], *text;

	snprintf(number, sizeof(number), "%u", config->kbytes);
	if (set(instance, "tracing_on", "0", err) < 0 ||
	    set(instance, "trace_clock", config->clock, err) < 0 ||
	    set(instance, "buffer_size_kb", number, err) < 0 ||
	    set_options(instance, config, err) < 0 || enable_events(instance, config, err) < 0)
		return -1;
	instance->kbytes = config->kbytes;
	text = kma_instance_read(instance, "buffer_size_kb");
	if (text && strtoul(text, NULL, 10))
		instance->kbytes = (uint32_t)strtoul(text, NULL, 10);
	free(text);
	return 0;
}

struct kma_instance *kma_instance_new(const struct kma_tracefs *fs,
				      const struct kma_instance_config *config,
				      struct kma_error *err)
{
	struct kma_instance *instance = calloc(1, sizeof(*instance));

	remove_left_over(fs);
	if (!instance || asprintf(&instance->name, PREFIX "%ld-%llu", (long)getpid(),
				  start_time(getpid())) < 0) {
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		free(instance);
		return NULL;
	}
	if (asprintf(&instance->path, "%s/instances/%s", fs->dir, instance->name) < 0) {
		instance->path = NULL;
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	} else if (mkdir(instance->path, 0700) < 0) { /* here, so that errno is its own */
		kma_fail(err, KMA_ERR_INPUT, "cannot make a trace instance in %s/instances: %s%s",
			 fs->dir, strerror(errno), kma_tracefs_advice(errno));
	} else if (!(instance->tracefs = tracefs_instance_create(instance->name))) {
		rmdir(instance->path);
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	} else if (set_up(instance, config, err) == 0) {
		return instance;
	}
	kma_instance_free(instance, NULL);
	return NULL;
}

int kma_instance_record(const struct kma_instance *instance, bool on, struct kma_error *err)
{
	return set(instance, "tracing_on", on ? "1" : "0", err);
}

int kma_instance_open(const struct kma_instance *instance, const char *file, int flags)
{
	int fd = tracefs_instance_file_open(instance->tracefs, file, flags);

	/* a command that we start must not hold the instance */
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

char *kma_instance_read(const struct kma_instance *instance, const char *file)
{
	return tracefs_instance_file_read(instance->tracefs, file, NULL);
}

int kma_instance_free(struct kma_instance *instance, struct kma_error *err)
{
	int ret = 0;

	/* removing it takes its events, filters and buffers along */
	if (instance->tracefs && tracefs_instance_destroy(instance->tracefs) < 0)
		ret = kma_fail(err, KMA_ERR_INTERNAL,
			       "cannot remove the trace instance: %s; as root: rmdir %s",
			       strerror(errno), instance->path ? instance->path : instance->name);
	tracefs_instance_free(instance->tracefs);
	free(instance->path);
	free(instance->name);
	free(instance);
	return ret;
}
