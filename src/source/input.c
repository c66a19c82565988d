/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the input is, by its content and, of a pipe, by who writes it; which reader it then gets.
 * Knows nothing of what the readers find.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "source/document.h"
#include "source/open.h"
#include "source/producer.h"
#include "source/spool.h"

#define FIRST_BYTES  (64u << 10) /* enough to know printed events by */
#define FIRST_LOOK   20		 /* ms, then twice as long each time */
#define LONGEST_LOOK 1000
#define STDIN_NAME   "standard input"

static const uint8_t magic[] = { 0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g' };

/* Other files that people give, and what makes them readable. */
static const struct {
	const char *magic;
	size_t length;
	const char *is, *instead;
} others[] = {
	{ "\x1f\x8b", 2, "compressed by gzip", "zcat FILE | kmem-analyze -" },
	{ "\x28\xb5\x2f\xfd", 4, "compressed by zstd", "zstdcat FILE | kmem-analyze -" },
	{ "\xfd"
	  "7zXZ",
	  5, "compressed by xz", "xzcat FILE | kmem-analyze -" },
	{ "PERFILE2", 8, "a recording of perf", "perf script -i FILE | kmem-analyze -" },
};

/* The beginning of a pipe, and who writes it. */
struct stream {
	const struct kma_input *input;
	const char *name;
	int fd;
	bool pipe;
	struct timespec start; /* on the clock of files */
	struct kma_producer producer;
	bool produced; /* the producer is known */
	char *first;
	size_t size;
	uint64_t more; /* bytes behind first that were dropped */
	bool ended;
};

static bool is_tracedat(const char *first, size_t size)
{
	return size >= sizeof(magic) && !memcmp(first, magic, sizeof(magic));
}

static bool may_be_tracedat(const char *first, size_t size)
{
	return !memcmp(first, magic, size < sizeof(magic) ? size : sizeof(magic));
}

static int not_a_trace(const char *name, bool pipe, const char *first, size_t size,
		       struct kma_error *err)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (size >= others[i].length && !memcmp(first, others[i].magic, others[i].length))
			return kma_fail(err, KMA_ERR_INPUT, "%s: is %s; type: %s", name,
					others[i].is, others[i].instead);
	if (pipe)
		return kma_fail(
			err, KMA_ERR_INPUT,
			"%s: what came is neither a trace.dat nor printed events (of trace-cmd "
			"report or stream, trace_pipe, or perf script); if a command printed it "
			"under trace-cmd record, type: kmem-analyze trace.dat (or what -o named)",
			name);
	return kma_fail(
		err, KMA_ERR_INPUT,
		"%s: is neither a trace.dat file nor printed events (of trace-cmd report or "
		"stream, trace_pipe, or perf script); record one with: trace-cmd record -e "
		"kmem",
		name);
}

static int only_own_reader(const struct kma_input *input, const char *name, struct kma_error *err)
{
	if (input->reader != KMA_READER_TRACECMD)
		return 0;
	return kma_fail(err, KMA_ERR_USAGE,
			"%s: is printed events, which libtracecmd cannot read: leave out --reader",
			name);
}

/* A regular file: text if it sounds like it; all else is the trace.dat readers' to judge. */
static struct kma_source *open_file(const struct kma_input *input, const char *path,
				    const char *name, int fd, struct kma_error *err)
{
	char *first = malloc(FIRST_BYTES);
	ssize_t size = first ? pread(fd, first, FIRST_BYTES, 0) : -1;
	bool text = size > 0 && !is_tracedat(first, size) && kma_text_sounds_right(first, size);
	bool json = input->json && size > 0 && kma_document_begins(first, size);
	bool bad = size >= (ssize_t)sizeof(magic) && !is_tracedat(first, size) && !text;

	if (json) {
		kma_document_read(fd, name, NULL, 0, input->stop, input->json, err);
		free(first);
		close(fd);
		return NULL;
	}
	if (bad)
		not_a_trace(name, false, first, size, err);
	free(first);
	if (text && only_own_reader(input, name, err) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return kma_text_open(
			&(struct kma_text_input){
				.fd = fd, .name = name, .can_rewind = true, .stop = input->stop },
			err);
	close(fd);
	return bad || text ? NULL : kma_reader_open(path, name, input->reader, err);
}

static ssize_t read_some(struct stream *s, char *to, size_t size)
{
	ssize_t n;

	do {
		if (s->input->stop && *s->input->stop)
			return 0;
		n = read(s->fd, to, size);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* Commands print all kinds of JSON: here it must look like a result of ours. */
static bool is_document(const struct stream *s)
{
	static const char schema[] = "\"kmem-analyze/";

	return s->input->json && kma_document_begins(s->first, s->size) &&
	       memmem(s->first, s->size, schema, sizeof(schema) - 1);
}

/* Waits for data, and meanwhile looks who will send it. */
static void look_around(struct stream *s)
{
	struct pollfd poll_fd = { .fd = s->fd, .events = POLLIN };
	int patience = FIRST_LOOK;

	while (s->pipe && !s->produced) {
		s->produced = kma_producer_find("/proc", s->fd, &s->producer);
		if (s->produced)
			return;
		if (poll(&poll_fd, 1, patience) > 0 || (s->input->stop && *s->input->stop))
			break;
		patience = patience * 2 < LONGEST_LOOK ? patience * 2 : LONGEST_LOOK;
	}
	/* it may have become what it is only just before it sent something */
	if (s->pipe && !s->produced)
		s->produced = kma_producer_find("/proc", s->fd, &s->producer);
}

static bool is_recording(const struct stream *s)
{
	return s->produced &&
	       (s->producer.type == KMA_PRODUCER_RECORD || s->producer.type == KMA_PRODUCER_REMOTE);
}

/* Reads until it is clear what comes. */
static int read_first(struct stream *s, struct kma_error *err)
{
	while (s->size < FIRST_BYTES && !is_tracedat(s->first, s->size)) {
		ssize_t n;

		if (s->size && !may_be_tracedat(s->first, s->size) &&
		    (is_recording(s) || kma_text_sounds_right(s->first, s->size)))
			break;
		look_around(s);
		n = read_some(s, s->first + s->size, FIRST_BYTES - s->size);
		if (n < 0)
			return kma_fail(err, KMA_ERR_INPUT, "%s: reading failed: %s", s->name,
					strerror(errno));
		s->size += n;
		s->ended = !n;
		if (!n)
			break;
	}
	return 0;
}

static void pass_on(const struct stream *s, const char *data, size_t size)
{
	while (size && s->input->pass_on >= 0) {
		ssize_t n = write(s->input->pass_on, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* whoever would read it is gone */
			return;
		data += n;
		size -= n;
	}
}

/* The rest of what is no trace: a command's output under trace-cmd record. */
static void drain(struct stream *s, bool known)
{
	char chunk[4096];
	ssize_t n;

	if (known)
		pass_on(s, s->first, s->size);
	while (!s->ended && (n = read_some(s, chunk, sizeof(chunk))) > 0) {
		if (known)
			pass_on(s, chunk, n);
		else
			s->more += n;
	}
	s->ended = true;
}

/* Is @path a file that was completed after we began to listen? */
static bool is_new(const struct stream *s, const char *path, bool *exists)
{
	struct stat st;

	*exists = stat(path, &st) == 0;
	return *exists && S_ISREG(st.st_mode) &&
	       (st.st_mtim.tv_sec > s->start.tv_sec ||
		(st.st_mtim.tv_sec == s->start.tv_sec && st.st_mtim.tv_nsec > s->start.tv_nsec));
}

static struct kma_source *open_found(struct stream *s, const char *path, const char *how,
				     struct kma_error *err)
{
	struct kma_source *source = kma_source_open(path, s->input->reader, err);

	if (source)
		kma_source_note(source, "read %s, which %s while the pipe was open", path, how);
	return source;
}

static struct kma_source *open_recorded(struct stream *s, struct kma_error *err)
{
	const char *file = s->producer.file;
	bool exists;

	drain(s, true);
	if (s->producer.type == KMA_PRODUCER_REMOTE) {
		kma_fail(err, KMA_ERR_INPUT,
			 "%s: trace-cmd record -N sent its trace to another machine: analyze the "
			 "file there",
			 s->name);
		return NULL;
	}
	if (is_new(s, file, &exists))
		return open_found(s, file, "trace-cmd record wrote", err);
	if (exists)
		kma_fail(err, KMA_ERR_INPUT,
			 "%s: trace-cmd record wrote no new trace: %s is older; see what it says, "
			 "or type: kmem-analyze %s",
			 s->name, file, file);
	else
		kma_fail(err, KMA_ERR_INPUT,
			 "%s: trace-cmd record wrote no trace: there is no %s; see what it says",
			 s->name, file);
	return NULL;
}

static int empty(const struct stream *s, struct kma_error *err)
{
	if (s->produced && s->producer.type == KMA_PRODUCER_STREAM)
		return kma_fail(
			err, KMA_ERR_POOR,
			"%s: trace-cmd stream printed no event, which happens often; record "
			"instead: trace-cmd record -e kmem COMMAND, then: kmem-analyze "
			"trace.dat",
			s->name);
	if (s->produced && s->producer.type == KMA_PRODUCER_REPORT)
		return kma_fail(err, KMA_ERR_POOR,
				"%s: trace-cmd report printed nothing; see what it says, or type: "
				"kmem-analyze FILE",
				s->name);
	return kma_fail(
		err, KMA_ERR_POOR,
		"%s: nothing came through the pipe; if that was trace-cmd record, its trace "
		"is in a file, type: kmem-analyze trace.dat (or what -o named)",
		s->name);
}

/* Nothing that came is a trace, and /proc did not tell of trace-cmd: it may belong to somebody
 * else, or have been too quick. */
static struct kma_source *open_fallback(struct stream *s, struct kma_error *err)
{
	bool exists;

	if (s->pipe)
		drain(s, false);
	if (s->pipe && is_new(s, "trace.dat", &exists)) {
		pass_on(s, s->first, s->size);
		return open_found(s, "trace.dat", "was written in this directory", err);
	}
	if (s->size)
		not_a_trace(s->name, s->pipe, s->first, s->size, err);
	else
		empty(s, err);
	return NULL;
}

static struct kma_source *open_spooled(struct stream *s, struct kma_error *err)
{
	struct kma_spool spool = { .from = s->fd,
				   .name = s->name,
				   .first = s->first,
				   .size = s->size,
				   .limit = s->input->spool_limit,
				   .progress = s->input->progress,
				   .stop = s->input->stop };
	struct kma_source *source;
	char path[40];
	int fd = kma_spool(&spool, err);

	if (fd < 0)
		return NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	source = kma_reader_open(path, s->name, s->input->reader, err);
	close(fd);
	if (source && s->input->stop && *s->input->stop)
		kma_source_damage(source, "interrupted: the rest was not read");
	return source;
}

static struct kma_source *open_text(struct stream *s, struct kma_error *err)
{
	struct kma_text_input text = {
		.name = s->name, .first = s->first, .size = s->size, .stop = s->input->stop
	};

	if (only_own_reader(s->input, s->name, err) < 0)
		return NULL;
	text.fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	if (text.fd < 0) {
		kma_fail(err, KMA_ERR_INTERNAL, "%s: %s", s->name, strerror(errno));
		return NULL;
	}
	return kma_text_open(&text, err);
}

static struct kma_source *take_document(struct stream *s, struct kma_error *err)
{
	kma_document_read(s->fd, s->name, s->first, s->size, s->input->stop, s->input->json, err);
	return NULL;
}

static struct kma_source *open_stream(const struct kma_input *input, const char *name, int fd,
				      bool pipe, struct timespec start, struct kma_error *err)
{
	struct stream s = { .input = input, .name = name, .fd = fd, .pipe = pipe, .start = start };
	struct kma_source *source = NULL;

	s.first = malloc(FIRST_BYTES);
	if (!s.first)
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	else if (read_first(&s, err) == 0)
		source = is_tracedat(s.first, s.size)		  ? open_spooled(&s, err)
			 : is_recording(&s)			  ? open_recorded(&s, err)
			 : is_document(&s)			  ? take_document(&s, err)
			 : kma_text_sounds_right(s.first, s.size) ? open_text(&s, err)
								  : open_fallback(&s, err);
	free(s.first);
	close(fd);
	return source;
}

struct kma_source *kma_input_open(const struct kma_input *input, struct kma_error *err)
{
	bool is_stdin = !strcmp(input->path, "-");
	const char *path = is_stdin ? "/dev/stdin" : input->path;
	const char *name = is_stdin ? STDIN_NAME : input->path;
	struct timespec start;
	struct stat st;
	int fd;

	clock_gettime(CLOCK_REALTIME_COARSE, &start); /* the one that stamps files */
	/* a FIFO is waited for; what cannot be opened, or is a directory, the reader explains */
	if (is_stdin)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && is_stdin) {
		kma_fail(err, KMA_ERR_INPUT, "%s: is closed: give a trace, or pipe one in", name);
		return NULL;
	}
	if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return kma_reader_open(path, name, input->reader, err);
	}
	if (S_ISREG(st.st_mode))
		return open_file(input, path, name, fd, err);
	if (isatty(fd)) {
		close(fd);
		kma_fail(err, KMA_ERR_INPUT, "%s: is a terminal: give a trace, or pipe one in",
			 name);
		return NULL;
	}
	return open_stream(input, name, fd, S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode), start,
			   err);
}

struct kma_source *kma_source_open(const char *path, enum kma_reader reader, struct kma_error *err)
{
	return kma_input_open(&(struct kma_input){ .path = path,
						   .reader = reader,
						   .spool_limit = KMA_SPOOL_LIMIT,
						   .pass_on = -1 },
			      err);
}
