/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mapping a file, and surviving its truncation; see mapping.h. */
#include "source/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The handler has no other way to know what it may patch. One file is mapped at a time. */
static struct {
	uintptr_t begin, end;
	size_t page;
	volatile sig_atomic_t shrunk;
} guard;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	(void)context;

	if (address >= guard.begin && address < guard.end) {
		void *page = (void *)(address & ~(uintptr_t)(guard.page - 1));

		if (mmap(page, guard.page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			 0) == page) {
			guard.shrunk = 1;
			return;
		}
	}
	signal(sig, SIG_DFL); /* not ours: fault again and die as usual */
}

static int guard_begin(const struct kma_mapping *mapping)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	guard.page = sysconf(_SC_PAGESIZE);
	guard.begin = (uintptr_t)mapping->data;
	guard.end = guard.begin + mapping->size;
	guard.shrunk = 0;
	sigemptyset(&action.sa_mask);
	return sigaction(SIGBUS, &action, NULL);
}

int kma_mapping_open(struct kma_mapping *mapping, const char *path, const char *name,
		     struct kma_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	void *data;

	memset(mapping, 0, sizeof(*mapping));
	if (fd < 0)
		return kma_fail(err, KMA_ERR_INPUT, "%s: cannot be opened: %s%s", name,
				strerror(errno),
				errno == ENOENT
					? "; trace-cmd record writes trace.dat, or what -o names"
					: "");
	if (fstat(fd, &st) < 0) {
		kma_fail(err, KMA_ERR_INPUT, "%s: %s", name, strerror(errno));
		goto fail;
	}
	if (S_ISDIR(st.st_mode)) {
		kma_fail(err, KMA_ERR_INPUT, "%s: is a directory; give the trace.dat file in it",
			 name);
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		kma_fail(err, KMA_ERR_INPUT,
			 "%s: is not a regular file; save the trace to a file first", name);
		goto fail;
	}
	if (!st.st_size) {
		kma_fail(err, KMA_ERR_INPUT,
			 "%s: is empty; did the recording finish? trace-cmd writes the file when "
			 "it stops",
			 name);
		goto fail;
	}
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		kma_fail(err, KMA_ERR_INPUT, "%s: cannot map it: %s", name, strerror(errno));
		goto fail;
	}
	mapping->fd = fd;
	mapping->data = data;
	mapping->size = st.st_size;
	mapping->mapped = true;
	if (guard_begin(mapping) < 0) {
		kma_mapping_close(mapping);
		return kma_fail(err, KMA_ERR_INTERNAL, "sigaction: %s", strerror(errno));
	}
	return 0;
fail:
	close(fd);
	return -1;
}

void kma_mapping_close(struct kma_mapping *mapping)
{
	if (mapping->mapped) {
		munmap((void *)mapping->data, mapping->size);
		close(mapping->fd);
		guard.begin = guard.end = 0;
	}
	memset(mapping, 0, sizeof(*mapping));
}

bool kma_mapping_shrunk(const struct kma_mapping *mapping)
{
	struct stat st;

	if (!mapping->mapped)
		return false;
	/* the rest of a page that was cut within reads as zeros and raises no signal */
	return guard.shrunk ||
	       (fstat(mapping->fd, &st) == 0 && (uint64_t)st.st_size < mapping->size);
}
