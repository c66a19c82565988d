/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding a pipe's writer; see producer.h. */
#include "source/producer.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARGS_SIZE 65536

/* trace-cmd record's options that take a value, as getopt knows them. */
static const char short_with_value[] = "efApcCoOsrVglnPNbRBmMH";
static const char *const long_with_value[] = {
	"ts-offset",   "max-graph-depth", "cmdlines-size", "module",	  "tsync-interval", "user",
	"compression", "file-version",	  "proxy",	   "stderr-file", "name",	    NULL
};

struct args {
	const char *at, *end;
};

static const char *next_arg(struct args *args)
{
	const char *arg = args->at;

	if (arg >= args->end)
		return NULL;
	args->at += strlen(arg) + 1;
	return arg;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The arguments behind trace-cmd: it is what runs, or the script that an interpreter runs. */
static bool skip_program(struct args *args, const char *comm)
{
	const char *first = next_arg(args), *second;

	if (!first)
		return false;
	if (!strcmp(base_name(first), "trace-cmd"))
		return true;
	second = args->at < args->end ? args->at : "";
	if (strcmp(base_name(second), "trace-cmd"))
		return !strcmp(comm, "trace-cmd");
	next_arg(args);
	return true;
}

static bool takes_value(const char *name)
{
	for (size_t i = 0; long_with_value[i]; i++)
		if (!strcmp(long_with_value[i], name))
			return true;
	return false;
}

/* The options up to the command that is recorded; what -o names, or NULL. */
static const char *output_option(struct args *args, bool *remote)
{
	const char *output = NULL, *arg;

	*remote = false;
	while ((arg = next_arg(args)) && arg[0] == '-' && arg[1]) {
		if (arg[1] == '-') {
			if (!arg[2])
				break;
			if (takes_value(arg + 2))
				next_arg(args);
			continue;
		}
		for (arg++; *arg; arg++) {
			char option = *arg;
			const char *value;

			if (!strchr(short_with_value, option))
				continue;
			value = arg[1] ? arg + 1 : next_arg(args);
			if (option == 'o')
				output = value;
			*remote |= option == 'N';
			break;
		}
	}
	return output;
}

bool kma_producer_parse(const char *args, size_t size, const char *comm, const char *cwd,
			struct kma_producer *producer)
{
	struct args rest = { args, args + size };
	const char *word, *output;
	bool remote;
	int n;

	producer->type = KMA_PRODUCER_UNKNOWN;
	if (!size || args[size - 1] || !skip_program(&rest, comm))
		return false;
	word = next_arg(&rest);
	if (!word)
		return true;
	if (!strcmp(word, "stream")) {
		producer->type = KMA_PRODUCER_STREAM;
	} else if (!strcmp(word, "report")) {
		producer->type = KMA_PRODUCER_REPORT;
	} else if (!strcmp(word, "record")) {
		output = output_option(&rest, &remote);
		if (!output)
			output = "trace.dat";
		producer->type = remote ? KMA_PRODUCER_REMOTE : KMA_PRODUCER_RECORD;
		n = snprintf(producer->file, sizeof(producer->file), "%s%s%s",
			     *output == '/' ? "" : cwd, *output == '/' ? "" : "/", output);
		if (n < 0 || n >= (int)sizeof(producer->file))
			producer->type = KMA_PRODUCER_UNKNOWN;
	}
	return true;
}

static ssize_t read_file(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	while (used < size && (n = read(fd, to + used, size - used)) > 0)
		used += n;
	close(fd);
	return n < 0 ? -1 : (ssize_t)used;
}

static bool may_write(const char *path)
{
	char text[512], *flags;
	ssize_t n = read_file(path, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	flags = strstr(text, "flags:");
	return flags && (strtoul(flags + 6, NULL, 8) & O_ACCMODE) != O_RDONLY;
}

/* Does the process @pid hold the pipe's writing end? */
static bool holds(const char *proc, const char *pid, const char *pipe)
{
	char path[PATH_MAX], link[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%.20s/fd", proc, pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		if (strcmp(link, pipe))
			continue;
		snprintf(path, sizeof(path), "%s/%.20s/fdinfo/%.20s", proc, pid, entry->d_name);
		found = may_write(path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool examine(const char *proc, const char *pid, struct kma_producer *producer)
{
	char path[PATH_MAX], comm[64] = "", cwd[PATH_MAX];
	char *args = malloc(MAX_ARGS_SIZE);
	ssize_t size, n;
	bool found;

	if (!args)
		return false;
	snprintf(path, sizeof(path), "%s/%.20s/cmdline", proc, pid);
	size = read_file(path, args, MAX_ARGS_SIZE);
	if (size == MAX_ARGS_SIZE) /* too many: the last one is cut */
		args[--size] = '\0', size++;
	snprintf(path, sizeof(path), "%s/%.20s/comm", proc, pid);
	n = read_file(path, comm, sizeof(comm) - 1);
	if (n > 0)
		comm[strcspn(comm, "\n")] = '\0';
	snprintf(path, sizeof(path), "%s/%.20s/cwd", proc, pid);
	n = readlink(path, cwd, sizeof(cwd) - 1);
	cwd[n > 0 ? n : 0] = '\0';
	found = size > 0 && kma_producer_parse(args, size, comm, cwd, producer);
	free(args);
	producer->pid = (pid_t)strtol(pid, NULL, 10);
	return found;
}

bool kma_producer_find(const char *proc, int fd, struct kma_producer *producer)
{
	char path[64], pipe[PATH_MAX], self[24];
	struct dirent *entry;
	bool found = false;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, pipe, sizeof(pipe) - 1);
	if (n <= 0)
		return false;
	pipe[n] = '\0';
	snprintf(self, sizeof(self), "%d", (int)getpid());
	dir = opendir(proc);
	while (dir && !found && (entry = readdir(dir)))
		found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
			strcmp(entry->d_name, self) && holds(proc, entry->d_name, pipe) &&
			examine(proc, entry->d_name, producer);
	if (dir)
		closedir(dir);
	return found;
}
