// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The file: places everything the writer collected in a trace.dat of version 6 or 7, as described
 * by trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5). Must not know how pages or formats are built.
 */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "datpriv.h"

#define SECTION_COMPRESSED	1

/* Sections and the options that point to them have the same ids. */
enum section {
	SECTION_OPTIONS = 0,
	SECTION_BUFFER = 3,
	SECTION_STRINGS = 15,
	SECTION_HEADERS = 16,		/* these six follow each other in the file */
	SECTION_FTRACE,
	SECTION_EVENTS,
	SECTION_KALLSYMS,
	SECTION_PRINTK,
	SECTION_CMDLINES,
	SECTION_TEXT = 22,
};

struct out {
	struct dat_writer *w;
	FILE *file;
	uint64_t pos;
};

static size_t compress_bound(const struct dat_writer *w, size_t len)
{
	return w->config.compression == DAT_ZSTD ? ZSTD_compressBound(len) : compressBound(len);
}

static int compress_zstd(struct dat_writer *w, void *to, size_t *to_len, const void *from,
			 size_t len)
{
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t n;

	if (!ctx)
		return dat_fail(w, "out of memory");
	/* Like trace-cmd: readers cannot take the size from the frame. */
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, 0);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, 1);
	n = ZSTD_compress2(ctx, to, *to_len, from, len);
	ZSTD_freeCCtx(ctx);
	if (ZSTD_isError(n))
		return dat_fail(w, "zstd: %s", ZSTD_getErrorName(n));
	*to_len = n;
	return 0;
}

int dat_compress(struct dat_writer *w, struct dat_buf *out, const void *data, size_t len)
{
	size_t at = out->len, packed = compress_bound(w, len);
	uLongf zlib_len = packed;
	char *to = dat_buf_extend(out, packed + 8);

	if (!to)
		return dat_fail(w, "out of memory");
	if (w->config.compression == DAT_ZSTD) {
		if (compress_zstd(w, to + 8, &packed, data, len))
			return -1;
	} else {
		if (compress2((Bytef *)to + 8, &zlib_len, data, len, 1) != Z_OK)
			return dat_fail(w, "zlib failed");
		packed = zlib_len;
	}
	dat_put_num(w->config.big_endian, to, 4, packed);
	dat_put_num(w->config.big_endian, to + 4, 4, len);
	out->len = at + 8 + packed;
	return 0;
}

static int put(struct out *out, const void *data, size_t len)
{
	if (len && fwrite(data, 1, len, out->file) != len)
		return dat_fail(out->w, "cannot write: %s", strerror(errno));
	out->pos += len;
	return 0;
}

static int put_num(struct out *out, unsigned int size, uint64_t value)
{
	uint8_t bytes[8];

	dat_put_num(out->w->config.big_endian, bytes, size, value);
	return put(out, bytes, size);
}

static int put_buf(struct out *out, struct dat_buf *buf)
{
	int ret = buf->failed ? dat_fail(out->w, "out of memory") : put(out, buf->data, buf->len);

	free(buf->data);
	*buf = (struct dat_buf){ 0 };
	return ret;
}

static int pad_to(struct out *out, uint64_t align)
{
	uint64_t to = dat_align(out->pos, align);

	while (out->pos < to)
		if (put(out, "", 1))
			return -1;
	return 0;
}

/* Overwrites a number written before. */
static int patch(struct out *out, uint64_t pos, uint64_t value)
{
	uint64_t end = out->pos;

	if (fseeko(out->file, (off_t)pos, SEEK_SET) || put_num(out, 8, value) ||
	    fseeko(out->file, 0, SEEK_END))
		return dat_fail(out->w, "cannot write: %s", strerror(errno));
	out->pos = end;
	return 0;
}

static void collect_headers(struct dat_writer *w, struct dat_buf *buf)
{
	struct dat_buf text = { 0 };

	dat_buf_add(buf, "header_page", sizeof("header_page"));
	dat_format_header_page(w, &text);
	dat_buf_num(w, buf, 8, text.len);
	dat_buf_add(buf, text.data, text.len);
	text.len = 0;
	dat_format_header_event(&text);
	dat_buf_add(buf, "header_event", sizeof("header_event"));
	dat_buf_num(w, buf, 8, text.len);
	dat_buf_add(buf, text.data, text.len);
	buf->failed |= text.failed;
	free(text.data);
}

/* The number of events of @system, then their formats. */
static void collect_system(struct dat_writer *w, const char *system, struct dat_buf *buf)
{
	struct dat_buf text = { 0 };
	unsigned int nr = 0;

	for (unsigned int i = 0; i < w->nr_events; i++)
		nr += !strcmp(w->events[i]->system, system);
	dat_buf_num(w, buf, 4, nr);
	for (unsigned int i = 0; i < w->nr_events; i++) {
		if (strcmp(w->events[i]->system, system))
			continue;
		text.len = 0;
		dat_format_event(w->events[i], &text);
		dat_buf_num(w, buf, 8, text.len);
		dat_buf_add(buf, text.data, text.len);
	}
	buf->failed |= text.failed;
	free(text.data);
}

static bool is_first_of_system(const struct dat_writer *w, unsigned int event)
{
	const char *system = w->events[event]->system;

	if (!strcmp(system, "ftrace"))
		return false;
	for (unsigned int i = 0; i < event; i++)
		if (!strcmp(w->events[i]->system, system))
			return false;
	return true;
}

static void collect_events(struct dat_writer *w, struct dat_buf *buf)
{
	unsigned int systems = 0;

	for (unsigned int i = 0; i < w->nr_events; i++)
		systems += is_first_of_system(w, i);
	dat_buf_num(w, buf, 4, systems);
	for (unsigned int i = 0; i < w->nr_events; i++) {
		if (!is_first_of_system(w, i))
			continue;
		dat_buf_add(buf, w->events[i]->system, strlen(w->events[i]->system) + 1);
		collect_system(w, w->events[i]->system, buf);
	}
}

static void collect_sized(struct dat_writer *w, unsigned int size_size, const struct dat_buf *from,
			  struct dat_buf *buf)
{
	dat_buf_num(w, buf, size_size, from->len);
	dat_buf_add(buf, from->data, from->len);
	buf->failed |= from->failed;
}

static void add_option(struct dat_writer *w, struct dat_buf *buf, unsigned int id, const void *data,
		       size_t size)
{
	dat_buf_num(w, buf, 2, id);
	dat_buf_num(w, buf, 4, size);
	dat_buf_add(buf, data, size);
}

static void add_clock_option(struct dat_writer *w, struct dat_buf *buf)
{
	static const char *const clocks[] = { "local", "global", "counter", "uptime", "perf",
					      "mono", "mono_raw", "boot", "tai", "x86-tsc" };
	const char *clock = w->buffers[0]->clock;
	struct dat_buf text = { 0 };
	bool found = false;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		bool this = !strcmp(clocks[i], clock);

		dat_buf_printf(&text, this ? "%s[%s]" : "%s%s", i ? " " : "", clocks[i]);
		found |= this;
	}
	if (!found)
		dat_buf_printf(&text, " [%s]", clock);
	dat_buf_printf(&text, "\n%c", '\0');
	add_option(w, buf, DAT_OPTION_TRACECLOCK, text.data, text.len);
	buf->failed |= text.failed;
	free(text.data);
}

/* What per_cpu/cpuN/stats says of every CPU; empty for CPUs without records. */
static void add_cpustat_options(struct dat_writer *w, struct dat_buf *buf)
{
	static const struct dat_stream none;
	struct dat_buf text = { 0 };

	for (unsigned int i = 0; i < w->nr_buffers; i++) {
		if (i) {
			text.len = 0;
			dat_buf_printf(&text, "\nBuffer: %s\n\n%c", w->buffers[i]->name, '\0');
			add_option(w, buf, DAT_OPTION_CPUSTAT, text.data, text.len);
		}
		for (unsigned int cpu = 0; cpu < w->cpus; cpu++) {
			const struct dat_stream *s = w->buffers[i]->streams[cpu];

			s = s ? s : &none;
			text.len = 0;
			dat_buf_printf(&text,
				       "CPU: %u\nentries: %llu\noverrun: %llu\n"
				       "commit overrun: 0\nbytes: %llu\n"
				       "oldest event ts: %5llu.%06llu\nnow ts: %5llu.%06llu\n"
				       "dropped events: 0\nread events: 0\n%c",
				       cpu, (unsigned long long)s->entries,
				       (unsigned long long)s->overrun,
				       (unsigned long long)s->data_bytes,
				       (unsigned long long)(s->first_ts / 1000000000),
				       (unsigned long long)(s->first_ts / 1000 % 1000000),
				       (unsigned long long)(s->ts / 1000000000),
				       (unsigned long long)(s->ts / 1000 % 1000000), '\0');
			add_option(w, buf, DAT_OPTION_CPUSTAT, text.data, text.len);
		}
	}
	buf->failed |= text.failed;
	free(text.data);
}

static void collect_options(struct dat_writer *w, struct dat_buf *buf)
{
	uint8_t cpus[4];

	/* Readers of version 6 would look for the clock's text in front of the latency text. */
	if (w->config.version != 6 || !w->buffers[0]->is_text)
		add_clock_option(w, buf);
	dat_buf_add(buf, w->options.data, w->options.len);
	if (!w->config.no_cpustat)
		add_cpustat_options(w, buf);
	dat_put_num(w->config.big_endian, cpus, 4, w->cpus);
	add_option(w, buf, DAT_OPTION_CPUCOUNT, cpus, 4);
}

static int put_head(struct out *out)
{
	const struct dat_config *c = &out->w->config;
	char head[] = "\x17\x08\x44tracing?";

	head[sizeof(head) - 2] = c->version == 6 ? '6' : '7';
	return put(out, head, sizeof(head)) || put_num(out, 1, c->big_endian) ||
	       put_num(out, 1, c->user_long_size) || put_num(out, 4, c->page_size) ? -1 : 0;
}

/* "flyrecord", the table of all CPUs, the clock of the top buffer, and the pages. */
static int put_buffer_v6(struct out *out, const struct dat_buffer *b)
{
	struct dat_writer *w = out->w;
	char clock[64];
	uint64_t at, clock_len = 0;

	if (b == w->buffers[0])
		clock_len = (uint64_t)snprintf(clock, sizeof(clock), "[%s]", b->clock);
	at = out->pos + 10 + 16 * w->cpus + (clock_len ? 8 + clock_len : 0);
	at = dat_align(at, w->config.page_size);
	if (put(out, "flyrecord", 10))
		return -1;
	for (unsigned int cpu = 0; cpu < w->cpus; cpu++) {
		uint64_t size = b->streams[cpu] ? b->streams[cpu]->bytes : 0;

		if (put_num(out, 8, at) || put_num(out, 8, size))
			return -1;
		at += size;
	}
	if (clock_len && (put_num(out, 8, clock_len) || put(out, clock, clock_len)))
		return -1;
	if (pad_to(out, w->config.page_size))
		return -1;
	for (unsigned int cpu = 0; cpu < w->cpus; cpu++) {
		if (!b->streams[cpu])
			continue;
		if (dat_copy_stream(w, b->streams[cpu], out->file))
			return -1;
		out->pos += b->streams[cpu]->bytes;
	}
	return 0;
}

static int put_v6(struct out *out)
{
	struct dat_writer *w = out->w;
	uint64_t *slots = calloc(w->nr_buffers, sizeof(*slots));
	struct dat_buf buf = { 0 };
	int ret = -1;

	if (!slots)
		return dat_fail(w, "out of memory");
	if (put_head(out))
		goto out;
	collect_headers(w, &buf);
	collect_system(w, "ftrace", &buf);
	collect_events(w, &buf);
	collect_sized(w, 4, &w->kallsyms, &buf);
	collect_sized(w, 4, &w->printk, &buf);
	collect_sized(w, 8, &w->cmdlines, &buf);
	dat_buf_num(w, &buf, 4, w->cpus);
	dat_buf_add(&buf, "options  ", 10);
	collect_options(w, &buf);
	for (unsigned int i = 1; i < w->nr_buffers; i++) {
		size_t len = strlen(w->buffers[i]->name) + 1;

		dat_buf_num(w, &buf, 2, DAT_OPTION_BUFFER);
		dat_buf_num(w, &buf, 4, 8 + len);
		slots[i] = out->pos + buf.len;
		dat_buf_num(w, &buf, 8, 0);
		dat_buf_add(&buf, w->buffers[i]->name, len);
	}
	dat_buf_num(w, &buf, 2, 0);
	if (put_buf(out, &buf))
		goto out;
	if (w->buffers[0]->is_text) {
		ret = put(out, "latency  ", 10) || put_buf(out, &w->buffers[0]->text) ? -1 : 0;
		goto out;
	}
	if (put_buffer_v6(out, w->buffers[0]))
		goto out;
	for (unsigned int i = 1; i < w->nr_buffers; i++) {
		if (pad_to(out, w->config.page_size) || patch(out, slots[i], out->pos) ||
		    put_buffer_v6(out, w->buffers[i]))
			goto out;
	}
	ret = 0;
out:
	free(buf.data);
	free(slots);
	return ret;
}

static int put_section_header(struct out *out, enum section id, bool compressed, const char *what,
			      uint64_t size)
{
	uint64_t string = out->w->strings.len;

	dat_buf_add(&out->w->strings, what, strlen(what) + 1);
	return put_num(out, 2, id) || put_num(out, 2, compressed ? SECTION_COMPRESSED : 0) ||
	       put_num(out, 4, string) || put_num(out, 8, size) ? -1 : 0;
}

/* Writes and empties @buf. */
static int put_section(struct out *out, enum section id, bool compress, const char *what,
		       struct dat_buf *buf)
{
	struct dat_writer *w = out->w;
	int ret;

	if (w->config.compression == DAT_NONE)
		compress = false;
	if (compress && !buf->failed) {
		struct dat_buf packed = { 0 };

		if (dat_compress(w, &packed, buf->data, buf->len)) {
			free(packed.data);
			return -1;
		}
		free(buf->data);
		*buf = packed;
	}
	ret = put_section_header(out, id, compress, what, buf->len);
	return ret ? ret : put_buf(out, buf);
}

/*
 * An options section, never compressed, as those of trace-cmd. The sections form a chain: *@link
 * is where the section before keeps the place of this one, and becomes where this one does so.
 */
static int put_options(struct out *out, struct dat_buf *buf, uint64_t *link)
{
	dat_buf_num(out->w, buf, 2, 0);
	dat_buf_num(out->w, buf, 4, 8);
	dat_buf_num(out->w, buf, 8, 0);
	if (patch(out, *link, out->pos) ||
	    put_section(out, SECTION_OPTIONS, false, "options", buf))
		return -1;
	*link = out->pos - 8;
	return 0;
}

static int put_text_v7(struct out *out, struct dat_buffer *b, const char *what)
{
	struct dat_writer *w = out->w;
	bool compress = w->config.compression != DAT_NONE;
	struct dat_buf packed = { 0 };

	if (compress) {
		dat_buf_num(w, &packed, 4, 1);
		if (dat_compress(w, &packed, b->text.data, b->text.len)) {
			free(packed.data);
			return -1;
		}
		free(b->text.data);
		b->text = packed;
	}
	return put_section_header(out, SECTION_TEXT, compress, what, b->text.len) ||
	       put_buf(out, &b->text) ? -1 : 0;
}

/* The pages of all CPUs; their places are added to the option @desc. */
static int put_pages_v7(struct out *out, const struct dat_buffer *b, const char *what,
			struct dat_buf *desc)
{
	struct dat_writer *w = out->w;
	bool compress = w->config.compression != DAT_NONE;
	uint64_t start = out->pos;
	unsigned int nr = 0;

	for (unsigned int cpu = 0; cpu < w->cpus; cpu++)
		nr += b->streams[cpu] != NULL;
	dat_buf_num(w, desc, 4, w->config.buffer_page_size);
	dat_buf_num(w, desc, 4, nr);
	if (put_section_header(out, SECTION_BUFFER, compress, what, 0))
		return -1;
	for (unsigned int cpu = 0; cpu < w->cpus; cpu++) {
		const struct dat_stream *s = b->streams[cpu];

		if (!s)
			continue;
		if (pad_to(out, w->config.page_size))
			return -1;
		/* As in the files of trace-cmd, the size leaves out the number of chunks. */
		dat_buf_num(w, desc, 4, cpu);
		dat_buf_num(w, desc, 8, out->pos);
		dat_buf_num(w, desc, 8, s->bytes);
		if ((compress && put_num(out, 4, s->chunks)) || dat_copy_stream(w, s, out->file))
			return -1;
		out->pos += s->bytes;
	}
	return patch(out, start + 8, out->pos - start - 16);
}

/* The section of a buffer, and the options section that describes it. */
static int put_buffer_v7(struct out *out, struct dat_buffer *b, uint64_t *link)
{
	struct dat_writer *w = out->w;
	struct dat_buf desc = { 0 }, options = { 0 };
	char what[128];
	int ret;

	snprintf(what, sizeof(what), "buffer %s %s", b->is_text ? "text" : "flyrecord", b->name);
	dat_buf_num(w, &desc, 8, out->pos);
	dat_buf_add(&desc, b->name, strlen(b->name) + 1);
	dat_buf_add(&desc, b->clock, strlen(b->clock) + 1);
	ret = b->is_text ? put_text_v7(out, b, what) : put_pages_v7(out, b, what, &desc);
	if (!ret) {
		add_option(w, &options, b->is_text ? DAT_OPTION_BUFFER_TEXT : DAT_OPTION_BUFFER,
			   desc.data, desc.len);
		options.failed |= desc.failed;
		ret = put_options(out, &options, link);
	}
	free(desc.data);
	free(options.data);
	return ret;
}

static void collect_section(struct dat_writer *w, enum section id, struct dat_buf *buf)
{
	switch (id) {
	case SECTION_HEADERS:
		collect_headers(w, buf);
		break;
	case SECTION_FTRACE:
		collect_system(w, "ftrace", buf);
		break;
	case SECTION_EVENTS:
		collect_events(w, buf);
		break;
	case SECTION_KALLSYMS:
		collect_sized(w, 4, &w->kallsyms, buf);
		break;
	case SECTION_PRINTK:
		collect_sized(w, 4, &w->printk, buf);
		break;
	default:
		collect_sized(w, 8, &w->cmdlines, buf);
	}
}

static int put_v7(struct out *out)
{
	static const char *const names[] = { "headers", "ftrace events", "events format",
					     "kallsyms", "printk", "command lines" };
	static const char *const algorithms[][2] = {
		[DAT_NONE] = { "none", "" },
		[DAT_ZSTD] = { "zstd", ZSTD_VERSION_STRING },
		[DAT_ZLIB] = { "zlib", ZLIB_VERSION },
	};
	struct dat_writer *w = out->w;
	const char *const *algorithm = algorithms[w->config.compression];
	struct dat_buf options = { 0 }, buf = { 0 };
	uint64_t link;
	int ret = -1;

	if (put_head(out) || put(out, algorithm[0], strlen(algorithm[0]) + 1) ||
	    put(out, algorithm[1], strlen(algorithm[1]) + 1))
		return -1;
	link = out->pos;
	if (put_num(out, 8, 0))
		return -1;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint8_t place[8];

		dat_put_num(w->config.big_endian, place, 8, out->pos);
		add_option(w, &options, SECTION_HEADERS + i, place, 8);
		collect_section(w, SECTION_HEADERS + i, &buf);
		if (put_section(out, SECTION_HEADERS + i, true, names[i], &buf))
			goto out;
	}
	collect_options(w, &options);
	if (put_options(out, &options, &link))
		goto out;
	for (unsigned int i = 0; i < w->nr_buffers; i++)
		if (put_buffer_v7(out, w->buffers[i], &link))
			goto out;
	/* The header of this section adds the last string to itself. */
	dat_buf_add(&buf, w->strings.data, w->strings.len);
	dat_buf_add(&buf, "strings", sizeof("strings"));
	ret = put_section(out, SECTION_STRINGS, true, "strings", &buf);
out:
	free(options.data);
	free(buf.data);
	return ret;
}

int dat_finish(struct dat_writer *w, const char *path)
{
	struct out out = { .w = w };
	int ret = -1;

	if (w->error[0])
		return -1;
	w->cpus = w->cpus ? w->cpus : 1;
	for (unsigned int i = 0; i < w->nr_buffers; i++) {
		const struct dat_buffer *b = w->buffers[i];

		for (unsigned int cpu = 0; cpu < w->cpus; cpu++) {
			if (!b->streams[cpu])
				continue;
			if (b->is_text || (w->config.version == 6 && w->buffers[0]->is_text))
				return dat_fail(w, "a file cannot have records beside this text");
			if (dat_flush_stream(w, b->streams[cpu]))
				return -1;
		}
	}
	out.file = fopen(path, "wb");
	if (!out.file)
		return dat_fail(w, "%s: %s", path, strerror(errno));
	ret = w->config.version == 6 ? put_v6(&out) : put_v7(&out);
	if (fclose(out.file) && !ret)
		ret = dat_fail(w, "%s: %s", path, strerror(errno));
	return ret;
}
