// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The writer's state: configuration, options, symbols, tasks and buffers, and the growing memory
 * they are collected in. Must not know how they are placed in a file.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "datpriv.h"

int dat_fail(struct dat_writer *w, const char *fmt, ...)
{
	va_list ap;

	if (!w->error[0]) {
		va_start(ap, fmt);
		vsnprintf(w->error, sizeof(w->error), fmt, ap);
		va_end(ap);
	}
	return -1;
}

char *dat_buf_extend(struct dat_buf *buf, size_t len)
{
	if (buf->failed)
		return NULL;
	if (buf->len + len > buf->size) {
		size_t size = (buf->len + len) * 2 + 64;
		char *grown = realloc(buf->data, size);

		if (!grown) {
			buf->failed = true;
			return NULL;
		}
		buf->data = grown;
		buf->size = size;
	}
	buf->len += len;
	return buf->data + buf->len - len;
}

void dat_buf_add(struct dat_buf *buf, const void *data, size_t len)
{
	char *to = len ? dat_buf_extend(buf, len) : NULL;

	if (to)
		memcpy(to, data, len);
}

void dat_buf_num(const struct dat_writer *w, struct dat_buf *buf, unsigned int size, uint64_t value)
{
	char *to = dat_buf_extend(buf, size);

	if (to)
		dat_put_num(w->config.big_endian, to, size, value);
}

void dat_buf_printf(struct dat_buf *buf, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		buf->failed = true;
		return;
	}
	dat_buf_add(buf, text, (size_t)len);
	free(text);
}

static bool is_page_size(unsigned int size)
{
	return size >= 1024 && size <= 1 << 26 && !(size & (size - 1));
}

static bool set_defaults(struct dat_config *c)
{
	c->version = c->version ? c->version : 7;
	c->long_size = c->long_size ? c->long_size : 8;
	c->user_long_size = c->user_long_size ? c->user_long_size : c->long_size;
	c->page_size = c->page_size ? c->page_size : 4096;
	c->buffer_page_size = c->buffer_page_size ? c->buffer_page_size : c->page_size;
	c->chunk_pages = c->chunk_pages ? c->chunk_pages : 10;
	if (!c->clock)
		c->clock = "local";
	if (c->version != 6 && c->version != 7)
		return false;
	if ((c->long_size != 4 && c->long_size != 8) ||
	    (c->user_long_size != 4 && c->user_long_size != 8))
		return false;
	if (!is_page_size(c->page_size) || !is_page_size(c->buffer_page_size))
		return false;
	/* Version 6 knows neither compression nor a second page size. */
	if (c->version == 6 &&
	    (c->compression != DAT_NONE || c->buffer_page_size != c->page_size))
		return false;
	return c->cpus <= DAT_MAX_CPUS &&
	       (uint64_t)c->chunk_pages * c->buffer_page_size <= 1u << 30;
}

struct dat_writer *dat_new(const struct dat_config *config)
{
	struct dat_config c = *config;
	struct dat_writer *w;

	if (!set_defaults(&c)) {
		errno = EINVAL;
		return NULL;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->config = c;
	w->page_header = 8 + c.long_size;
	w->cpus = c.cpus;
	w->spool = tmpfile();
	if (!w->spool || dat_add_buffer(w, "", c.clock) < 0) {
		dat_free(w);
		return NULL;
	}
	w->config.clock = w->buffers[0]->clock;
	return w;
}

void dat_free(struct dat_writer *w)
{
	if (!w)
		return;
	for (unsigned int i = 0; i < w->nr_events; i++)
		dat_event_free(w->events[i]);
	for (unsigned int i = 0; i < w->nr_buffers; i++) {
		for (unsigned int cpu = 0; cpu < DAT_MAX_CPUS; cpu++)
			dat_stream_free(w->buffers[i]->streams[cpu]);
		free(w->buffers[i]->name);
		free(w->buffers[i]->clock);
		free(w->buffers[i]->text.data);
		free(w->buffers[i]);
	}
	free(w->events);
	free(w->buffers);
	free(w->options.data);
	free(w->kallsyms.data);
	free(w->printk.data);
	free(w->cmdlines.data);
	free(w->strings.data);
	free(w->payload.data);
	free(w->packed.data);
	if (w->spool)
		fclose(w->spool);
	free(w);
}

const char *dat_error(const struct dat_writer *w)
{
	return w->error[0] ? w->error : NULL;
}

const struct dat_config *dat_config(const struct dat_writer *w)
{
	return &w->config;
}

int dat_option(struct dat_writer *w, enum dat_option_id id, const void *data, size_t size)
{
	dat_buf_num(w, &w->options, 2, id);
	dat_buf_num(w, &w->options, 4, size);
	dat_buf_add(&w->options, data, size);
	return w->options.failed ? dat_fail(w, "out of memory") : 0;
}

int dat_option_text(struct dat_writer *w, enum dat_option_id id, const char *text)
{
	return dat_option(w, id, text, strlen(text) + 1);
}

static int option_from(struct dat_writer *w, enum dat_option_id id, struct dat_buf *buf)
{
	int ret = buf->failed ? dat_fail(w, "out of memory") :
				dat_option(w, id, buf->data, buf->len);

	free(buf->data);
	return ret;
}

int dat_option_trace_id(struct dat_writer *w, uint64_t id)
{
	struct dat_buf buf = { 0 };

	dat_buf_num(w, &buf, 8, id);
	return option_from(w, DAT_OPTION_TRACEID, &buf);
}

int dat_option_tsc2nsec(struct dat_writer *w, uint32_t mult, uint32_t shift, uint64_t offset)
{
	struct dat_buf buf = { 0 };

	dat_buf_num(w, &buf, 4, mult);
	dat_buf_num(w, &buf, 4, shift);
	dat_buf_num(w, &buf, 8, offset);
	return option_from(w, DAT_OPTION_TSC2NSEC, &buf);
}

int dat_option_time_shift(struct dat_writer *w, uint64_t peer_id, uint32_t flags,
			  const struct dat_time_sample *samples, unsigned int nr)
{
	unsigned int cpus = w->config.cpus ? w->config.cpus : 1;
	struct dat_buf buf = { 0 };

	dat_buf_num(w, &buf, 8, peer_id);
	dat_buf_num(w, &buf, 4, flags);
	dat_buf_num(w, &buf, 4, cpus);
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		dat_buf_num(w, &buf, 4, nr);
		for (unsigned int i = 0; i < nr; i++)
			dat_buf_num(w, &buf, 8, samples[cpu * nr + i].time);
		for (unsigned int i = 0; i < nr; i++)
			dat_buf_num(w, &buf, 8, (uint64_t)samples[cpu * nr + i].offset);
		for (unsigned int i = 0; i < nr; i++)
			dat_buf_num(w, &buf, 8, samples[cpu * nr + i].scaling);
	}
	for (unsigned int i = 0; i < cpus * nr; i++)
		dat_buf_num(w, &buf, 8, samples[i].fraction);
	return option_from(w, DAT_OPTION_TIME_SHIFT, &buf);
}

int dat_add_symbol(struct dat_writer *w, uint64_t address, const char *name, const char *module)
{
	dat_buf_printf(&w->kallsyms, "%0*llx T %s", (int)w->config.long_size * 2,
		       (unsigned long long)address, name);
	if (module)
		dat_buf_printf(&w->kallsyms, "\t[%s]", module);
	dat_buf_printf(&w->kallsyms, "\n");
	return w->kallsyms.failed ? dat_fail(w, "out of memory") : 0;
}

int dat_add_task(struct dat_writer *w, int pid, const char *comm)
{
	dat_buf_printf(&w->cmdlines, "%d %s\n", pid, comm);
	return w->cmdlines.failed ? dat_fail(w, "out of memory") : 0;
}

int dat_add_printk(struct dat_writer *w, uint64_t address, const char *format)
{
	dat_buf_printf(&w->printk, "0x%llx : \"%s\"\n", (unsigned long long)address, format);
	return w->printk.failed ? dat_fail(w, "out of memory") : 0;
}

int dat_add_buffer(struct dat_writer *w, const char *name, const char *clock)
{
	struct dat_buffer **grown, *b;

	if (w->error[0])
		return -1;
	grown = realloc(w->buffers, (w->nr_buffers + 1) * sizeof(struct dat_buffer *));
	if (!grown)
		return dat_fail(w, "out of memory");
	w->buffers = grown;
	b = calloc(1, sizeof(*b));
	if (!b)
		return dat_fail(w, "out of memory");
	w->buffers[w->nr_buffers++] = b;
	b->name = strdup(name);
	b->clock = strdup(clock ? clock : w->config.clock);
	if (!b->name || !b->clock)
		return dat_fail(w, "out of memory");
	return (int)w->nr_buffers - 1;
}

int dat_add_text(struct dat_writer *w, unsigned int buffer, const char *text)
{
	if (buffer >= w->nr_buffers || (buffer && w->config.version == 6))
		return dat_fail(w, "buffer %u cannot hold text", buffer);
	w->buffers[buffer]->is_text = true;
	dat_buf_add(&w->buffers[buffer]->text, text, strlen(text));
	return w->buffers[buffer]->text.failed ? dat_fail(w, "out of memory") : 0;
}
