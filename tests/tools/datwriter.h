/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes trace.dat files for the tests: any file version, byte order, long size, page size and
 * compression, whatever the host is. Knows the file and ring-buffer formats; must not know what
 * any event means, nor anything of the program under test.
 */
#ifndef KMA_TESTS_DATWRITER_H
#define KMA_TESTS_DATWRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAT_MAX_CPUS	4096

enum dat_compression { DAT_NONE, DAT_ZSTD, DAT_ZLIB };

/* Zero in an unsigned member asks for the default. */
struct dat_config {
	unsigned int version;		/* 6 or 7 (default) */
	bool big_endian;
	unsigned int long_size;		/* of the kernel: 4 or 8 (default) */
	unsigned int user_long_size;	/* byte in the file's head; default: long_size */
	unsigned int page_size;		/* in the file's head; default 4096 */
	unsigned int buffer_page_size;	/* of the ring buffers; default: page_size */
	enum dat_compression compression;	/* version 7 only */
	unsigned int chunk_pages;	/* pages compressed together; default 10, as trace-cmd */
	unsigned int cpus;		/* of the machine; raised to the highest CPU used */
	const char *clock;		/* of the top buffer; default "local" */
	bool pad_pages;			/* close full pages with a counted null padding record */
	bool narrow_flags;		/* do not sign-extend the flags in a 64-bit commit word */
	bool no_cpustat;		/* leave out the CPUSTAT options */
};

enum dat_option_id {
	DAT_OPTION_DATE = 1,
	DAT_OPTION_CPUSTAT = 2,
	DAT_OPTION_BUFFER = 3,
	DAT_OPTION_TRACECLOCK = 4,
	DAT_OPTION_UNAME = 5,
	DAT_OPTION_OFFSET = 7,
	DAT_OPTION_CPUCOUNT = 8,
	DAT_OPTION_VERSION = 9,
	DAT_OPTION_TRACEID = 11,
	DAT_OPTION_TIME_SHIFT = 12,
	DAT_OPTION_TSC2NSEC = 14,
	DAT_OPTION_BUFFER_TEXT = 22,
};

struct dat_writer;
struct dat_event;

/* Where and when a record is written, and its common fields. */
struct dat_record {
	unsigned int buffer;		/* 0: the top buffer; else from dat_add_buffer() */
	unsigned int cpu;
	uint64_t ts;			/* in units of the buffer's clock */
	int pid;
	uint8_t flags;
	uint8_t preempt_count;
	bool discard;			/* write it as the kernel leaves a discarded event */
};

/* A field's value: text for strings, num for everything else. */
struct dat_value {
	uint64_t num;
	const char *text;
};

/*
 * Functions that return int give 0 (or the index asked for), or -1 after which dat_error() tells
 * why and every further call fails. All strings and data passed in are copied.
 */

/* @config is copied. NULL if it makes no sense (errno is EINVAL) or memory is short. */
struct dat_writer *dat_new(const struct dat_config *config);
void dat_free(struct dat_writer *w);
const char *dat_error(const struct dat_writer *w);
/* As given, with the defaults filled in. */
const struct dat_config *dat_config(const struct dat_writer *w);

/* Completes the pages and writes the file. The writer can only be freed afterwards. */
int dat_finish(struct dat_writer *w, const char *path);

/* Options are written in the order given, behind TRACECLOCK and before CPUSTAT and CPUCOUNT. */
int dat_option(struct dat_writer *w, enum dat_option_id id, const void *data, size_t size);
int dat_option_text(struct dat_writer *w, enum dat_option_id id, const char *text);
int dat_option_trace_id(struct dat_writer *w, uint64_t id);
int dat_option_tsc2nsec(struct dat_writer *w, uint32_t mult, uint32_t shift, uint64_t offset);
/* One correction for each of config.cpus CPUs: @offset ns, scale 1. */
/* What trace-cmd measured of a guest's clock: @nr samples for each CPU, those of CPU 0 first. */
struct dat_time_sample {
	uint64_t time;
	int64_t offset;
	uint64_t scaling, fraction;
};
int dat_option_time_shift(struct dat_writer *w, uint64_t peer_id, uint32_t flags,
			  const struct dat_time_sample *samples, unsigned int nr);

int dat_add_symbol(struct dat_writer *w, uint64_t address, const char *name, const char *module);
int dat_add_task(struct dat_writer *w, int pid, const char *comm);
int dat_add_printk(struct dat_writer *w, uint64_t address, const char *format);

/*
 * Declares an event. @fields is a list of C declarations separated by commas, e.g.
 * "int node_id, __data_loc char[] name, unsigned long caller"; they are laid out as the kernel
 * of the configured long size does. @id 0 picks a free one, @print_fmt NULL makes one.
 */
struct dat_event *dat_add_event(struct dat_writer *w, const char *system, const char *name,
				unsigned int id, const char *fields, const char *print_fmt);
int dat_set_print_fmt(struct dat_writer *w, struct dat_event *event, const char *print_fmt);
/* @system may be NULL. */
struct dat_event *dat_find_event(struct dat_writer *w, const char *system, const char *name);
unsigned int dat_nr_fields(const struct dat_event *event);
/* Index of the field called @name, or -1. */
int dat_find_field(const struct dat_event *event, const char *name);
bool dat_field_is_text(const struct dat_event *event, unsigned int field);

/* Returns the index of a new instance; the top buffer is 0 and always there. */
int dat_add_buffer(struct dat_writer *w, const char *name, const char *clock);
/* Appends to the latency text of @buffer, which then has no records. Version 6: only buffer 0. */
int dat_add_text(struct dat_writer *w, unsigned int buffer, const char *text);

/* Writes a record of @event; @values are in the order of its fields. */
int dat_write(struct dat_writer *w, const struct dat_record *rec, const struct dat_event *event,
	      const struct dat_value *values);
/* Writes a record of ftrace:kernel_stack, which is declared at its first use. */
int dat_write_stack(struct dat_writer *w, const struct dat_record *rec, const uint64_t *ips,
		    unsigned int nr);
/* The next record of this CPU begins a new page. Also gives the CPU an (empty) stream. */
int dat_new_page(struct dat_writer *w, unsigned int buffer, unsigned int cpu);
/* The same, and the page says that @count (negative: unknown) events were lost before it. */
int dat_lost(struct dat_writer *w, unsigned int buffer, unsigned int cpu, int64_t count);
/* An absolute time stamp precedes the next record, which then may also lie in the past. */
int dat_timestamp(struct dat_writer *w, unsigned int buffer, unsigned int cpu);

#endif
