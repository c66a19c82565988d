// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Event formats: lays declared fields out as the kernel's compiler does, writes the text of the
 * format files, and encodes records. Must not know pages, nor the file around them.
 */
#include <ctype.h>
#include <stdlib.h>

#include "datpriv.h"

#define COMMON_SIZE	8
#define FIRST_ID	300		/* below are ftrace's own events */
#define STACK_ID	4

static const struct {
	const char *name;
	unsigned int size;		/* 0: a long */
	bool is_signed;
} types[] = {
	{ "bool", 1, false }, { "short", 2, true }, { "int", 4, true }, { "long", 0, true },
	{ "long long", 8, true }, { "unsigned", 4, false },
	{ "u8", 1, false }, { "u16", 2, false }, { "u32", 4, false }, { "u64", 8, false },
	{ "s8", 1, true }, { "s16", 2, true }, { "s32", 4, true }, { "s64", 8, true },
	{ "uint8_t", 1, false }, { "uint16_t", 2, false }, { "uint32_t", 4, false },
	{ "uint64_t", 8, false }, { "int8_t", 1, true }, { "int16_t", 2, true },
	{ "int32_t", 4, true }, { "int64_t", 8, true },
	{ "size_t", 0, false }, { "ssize_t", 0, true }, { "ino_t", 0, false },
	{ "gfp_t", 4, false }, { "isolate_mode_t", 4, false }, { "dev_t", 4, false },
	{ "pid_t", 4, true }, { "loff_t", 8, true },
};

static char *copy_range(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	return strndup(from, (size_t)(to - from));
}

/* Sets size and sign of one item of @type; false if the type is unknown. */
static bool resolve_type(const struct dat_writer *w, struct dat_field *f)
{
	unsigned int long_size = w->config.long_size;
	const char *t = f->type;
	bool is_unsigned;

	if (strchr(t, '*')) {
		f->item_size = long_size;
		return true;
	}
	if (!strncmp(t, "const ", 6))
		t += 6;
	if (!strncmp(t, "enum ", 5)) {
		f->item_size = 4;
		return true;
	}
	is_unsigned = !strncmp(t, "unsigned ", 9);
	if (is_unsigned)
		t += 9;
	if (!strcmp(t, "char")) {
		/* Plain char is signed on i386, and unsigned elsewhere or in newer kernels. */
		f->item_size = 1;
		f->is_signed = !is_unsigned && long_size == 4;
		return true;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(t, types[i].name))
			continue;
		f->item_size = types[i].size ? types[i].size : long_size;
		f->is_signed = types[i].is_signed && !is_unsigned;
		return true;
	}
	return false;
}

/* Splits "unsigned long caller[8]" and gives the field its place behind the fields before it. */
static int parse_field(struct dat_writer *w, struct dat_event *e, struct dat_field *f,
		       const char *from, const char *to, unsigned int *max_align)
{
	unsigned int items = 1, align, long_size = w->config.long_size;
	const char *name, *end;

	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	end = to;
	if (to > from && to[-1] == ']')
		while (end > from && *end != '[')
			end--;
	name = end;
	while (name > from && (isalnum((unsigned char)name[-1]) || name[-1] == '_'))
		name--;
	f->type = copy_range(from, name);
	f->name = copy_range(name, end);
	f->array = copy_range(end, to);
	if (!f->type || !f->name || !f->array)
		return dat_fail(w, "out of memory");
	if (!*f->type || !*f->name)
		return dat_fail(w, "%s: '%.*s' is not a declaration", e->name, (int)(to - from),
				from);
	if (!strcmp(f->type, "__data_loc char[]")) {
		f->kind = DAT_DATA_LOC;
		f->item_size = 4;
		f->is_signed = long_size == 4;
	} else if (!resolve_type(w, f)) {
		return dat_fail(w, "%s: unknown type '%s'", e->name, f->type);
	}
	if (*f->array) {
		items = (unsigned int)strtoul(f->array + 1, NULL, 10);
		if (f->item_size == 1)
			f->kind = items ? DAT_CHARS : DAT_FLEXIBLE;
	}
	/* i386 aligns 64-bit numbers to 4. */
	align = f->item_size > long_size ? long_size : f->item_size;
	if (align > *max_align)
		*max_align = align;
	f->offset = (unsigned int)dat_align(e->fixed_end, align);
	f->size = items * f->item_size;
	e->fixed_end = f->offset + f->size;
	return 0;
}

void dat_event_free(struct dat_event *event)
{
	if (!event)
		return;
	for (unsigned int i = 0; i < event->nr_fields; i++) {
		free(event->fields[i].type);
		free(event->fields[i].name);
		free(event->fields[i].array);
	}
	free(event->fields);
	free(event->system);
	free(event->name);
	free(event->print_fmt);
	free(event);
}

static int parse_fields(struct dat_writer *w, struct dat_event *e, const char *fields)
{
	unsigned int max_align = 4;

	e->fixed_end = COMMON_SIZE;
	while (fields && *fields) {
		const char *end = strchrnul(fields, ',');
		struct dat_field *grown = realloc(e->fields, (e->nr_fields + 1) * sizeof(*grown));

		if (!grown)
			return dat_fail(w, "out of memory");
		e->fields = grown;
		memset(&grown[e->nr_fields], 0, sizeof(*grown));
		e->nr_fields++;
		if (parse_field(w, e, &grown[e->nr_fields - 1], fields, end, &max_align))
			return -1;
		fields = *end ? end + 1 : end;
	}
	e->fixed_size = (unsigned int)dat_align(e->fixed_end, max_align);
	return 0;
}

struct dat_event *dat_add_event(struct dat_writer *w, const char *system, const char *name,
				unsigned int id, const char *fields, const char *print_fmt)
{
	struct dat_event **grown, *e;

	if (w->error[0])
		return NULL;
	if (dat_find_event(w, system, name)) {
		dat_fail(w, "event %s:%s is declared twice", system, name);
		return NULL;
	}
	if (!id)
		id = w->last_id < FIRST_ID ? FIRST_ID : w->last_id + 1;
	for (unsigned int i = 0; i < w->nr_events; i++) {
		if (w->events[i]->id == id) {
			dat_fail(w, "%s and %s have the same id", name, w->events[i]->name);
			return NULL;
		}
	}
	grown = realloc(w->events, (w->nr_events + 1) * sizeof(struct dat_event *));
	if (grown)
		w->events = grown;
	e = calloc(1, sizeof(*e));
	if (!grown || !e) {
		free(e);
		dat_fail(w, "out of memory");
		return NULL;
	}
	w->events[w->nr_events++] = e;
	w->last_id = id > w->last_id ? id : w->last_id;
	e->id = id;
	e->system = strdup(system);
	e->name = strdup(name);
	if (!e->system || !e->name) {
		dat_fail(w, "out of memory");
		return NULL;
	}
	if (parse_fields(w, e, fields) || (print_fmt && dat_set_print_fmt(w, e, print_fmt)))
		return NULL;
	return e;
}

int dat_set_print_fmt(struct dat_writer *w, struct dat_event *event, const char *print_fmt)
{
	free(event->print_fmt);
	event->print_fmt = strdup(print_fmt);
	return event->print_fmt ? 0 : dat_fail(w, "out of memory");
}

struct dat_event *dat_find_event(struct dat_writer *w, const char *system, const char *name)
{
	for (unsigned int i = 0; i < w->nr_events; i++) {
		struct dat_event *e = w->events[i];

		if (!strcmp(e->name, name) && (!system || !strcmp(e->system, system)))
			return e;
	}
	return NULL;
}

unsigned int dat_nr_fields(const struct dat_event *event)
{
	return event->nr_fields;
}

int dat_find_field(const struct dat_event *event, const char *name)
{
	for (unsigned int i = 0; i < event->nr_fields; i++)
		if (!strcmp(event->fields[i].name, name))
			return (int)i;
	return -1;
}

bool dat_field_is_text(const struct dat_event *event, unsigned int field)
{
	return event->fields[field].kind != DAT_NUMBER;
}

static void format_field(struct dat_buf *out, const struct dat_field *f)
{
	dat_buf_printf(out, "\tfield:%s %s%s;\toffset:%u;\tsize:%u;\tsigned:%d;\n", f->type,
		       f->name, f->array, f->offset, f->size, f->is_signed);
}

static bool is_code_address(const char *name)
{
	return !strcmp(name, "caller") || !strcmp(name, "call_site") || !strcmp(name, "ip");
}

static const char *conversion(const struct dat_field *f)
{
	if (f->kind != DAT_NUMBER)
		return "%s";
	if (strchr(f->type, '*'))
		return "%p";
	if (is_code_address(f->name))
		return "%pS";
	if (strstr(f->name, "pfn") || strstr(f->name, "flags"))
		return "0x%lx";
	if (f->item_size == 8 && strcmp(f->type, "long") && strcmp(f->type, "unsigned long") &&
	    strcmp(f->type, "size_t"))
		return f->is_signed ? "%lld" : "%llu";
	if (!strcmp(f->type, "size_t"))
		return "%zu";
	if (strstr(f->type, "long"))
		return f->is_signed ? "%ld" : "%lu";
	return f->is_signed || f->item_size == 1 ? "%d" : "%u";
}

static void format_print(struct dat_buf *out, const struct dat_event *e)
{
	dat_buf_printf(out, "\"");
	for (unsigned int i = 0; i < e->nr_fields; i++)
		dat_buf_printf(out, "%s%s=%s", i ? " " : "", e->fields[i].name,
			       conversion(&e->fields[i]));
	dat_buf_printf(out, "\"");
	for (unsigned int i = 0; i < e->nr_fields; i++) {
		const struct dat_field *f = &e->fields[i];

		if (f->kind == DAT_DATA_LOC)
			dat_buf_printf(out, ", __get_str(%s)", f->name);
		else if (f->kind == DAT_NUMBER && is_code_address(f->name))
			dat_buf_printf(out, ", (void *)REC->%s", f->name);
		else
			dat_buf_printf(out, ", REC->%s", f->name);
	}
}

void dat_format_event(const struct dat_event *event, struct dat_buf *out)
{
	static const struct dat_field common[] = {
		{ "unsigned short", "common_type", "", 0, 2, 2, false, DAT_NUMBER },
		{ "unsigned char", "common_flags", "", 2, 1, 1, false, DAT_NUMBER },
		{ "unsigned char", "common_preempt_count", "", 3, 1, 1, false, DAT_NUMBER },
		{ "int", "common_pid", "", 4, 4, 4, true, DAT_NUMBER },
	};

	dat_buf_printf(out, "name: %s\nID: %u\nformat:\n", event->name, event->id);
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		format_field(out, &common[i]);
	dat_buf_printf(out, "\n");
	for (unsigned int i = 0; i < event->nr_fields; i++)
		format_field(out, &event->fields[i]);
	dat_buf_printf(out, "\nprint fmt: ");
	if (event->print_fmt)
		dat_buf_printf(out, "%s", event->print_fmt);
	else
		format_print(out, event);
	dat_buf_printf(out, "\n");
}

void dat_format_header_page(const struct dat_writer *w, struct dat_buf *out)
{
	unsigned int long_size = w->config.long_size;

	dat_buf_printf(out,
		       "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		       "\tfield: local_t commit;\toffset:8;\tsize:%u;\tsigned:1;\n"
		       "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
		       "\tfield: char data;\toffset:%u;\tsize:%u;\tsigned:%d;\n",
		       long_size, w->page_header, w->config.buffer_page_size - w->page_header,
		       long_size == 4);
}

void dat_format_header_event(struct dat_buf *out)
{
	dat_buf_printf(out,
		       "# compressed entry header\n"
		       "\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n"
		       "\tarray       :   32 bits\n\n"
		       "\tpadding     : type == 29\n\ttime_extend : type == 30\n"
		       "\ttime_stamp : type == 31\n\tdata max type_len  == 28\n");
}

static void put_common(const struct dat_writer *w, uint8_t *to, const struct dat_record *rec,
		       unsigned int id)
{
	dat_put_num(w->config.big_endian, to, 2, id);
	to[2] = rec->flags;
	to[3] = rec->preempt_count;
	dat_put_num(w->config.big_endian, to + 4, 4, (uint32_t)rec->pid);
}

/* A fresh zeroed payload of @len bytes, or NULL. */
static uint8_t *payload_start(struct dat_writer *w, unsigned int len)
{
	w->payload.len = 0;
	if (!dat_buf_extend(&w->payload, len)) {
		dat_fail(w, "out of memory");
		return NULL;
	}
	memset(w->payload.data, 0, len);
	return (uint8_t *)w->payload.data;
}

int dat_write(struct dat_writer *w, const struct dat_record *rec, const struct dat_event *event,
	      const struct dat_value *values)
{
	unsigned int len = event->fixed_size, text_at = event->fixed_end;
	bool big = w->config.big_endian;
	uint8_t *to;

	if (w->error[0])
		return -1;
	for (unsigned int i = 0; i < event->nr_fields; i++)
		if (event->fields[i].kind == DAT_DATA_LOC || event->fields[i].kind == DAT_FLEXIBLE)
			len += (values[i].text ? strlen(values[i].text) : 0) + 1;
	to = payload_start(w, len);
	if (!to)
		return -1;
	put_common(w, to, rec, event->id);
	for (unsigned int i = 0; i < event->nr_fields; i++) {
		const struct dat_field *f = &event->fields[i];
		const char *text = values[i].text ? values[i].text : "";
		unsigned int n;

		if (f->kind == DAT_NUMBER) {
			dat_put_num(big, to + f->offset, f->item_size, values[i].num);
			continue;
		}
		n = (unsigned int)strlen(text) + 1;
		if (f->kind == DAT_CHARS) {
			memcpy(to + f->offset, text, n < f->size ? n : f->size - 1);
			continue;
		}
		if (f->kind == DAT_DATA_LOC)
			dat_put_num(big, to + f->offset, 4, n << 16 | text_at);
		memcpy(to + text_at, text, n);
		text_at += n;
	}
	return dat_append(w, rec, to, len);
}

int dat_write_stack(struct dat_writer *w, const struct dat_record *rec, const uint64_t *ips,
		    unsigned int nr)
{
	static const char print_fmt[] =
		"\"\\t=> %ps\\n\\t=> %ps\\n\\t=> %ps\\n\" \"\\t=> %ps\\n\\t=> %ps\\n\\t=> %ps\\n\" "
		"\"\\t=> %ps\\n\\t=> %ps\\n\", (void *)REC->caller[0], (void *)REC->caller[1], "
		"(void *)REC->caller[2], (void *)REC->caller[3], (void *)REC->caller[4], "
		"(void *)REC->caller[5], (void *)REC->caller[6], (void *)REC->caller[7]";
	unsigned int long_size = w->config.long_size, offset;
	uint8_t *to;

	if (!w->stack_event)
		w->stack_event = dat_add_event(w, "ftrace", "kernel_stack", STACK_ID,
					       "int size, unsigned long caller[8]", print_fmt);
	if (!w->stack_event)
		return -1;
	/* The record has as many addresses as the stack, whatever the format says. */
	offset = w->stack_event->fields[1].offset;
	to = payload_start(w, offset + nr * long_size);
	if (!to)
		return -1;
	put_common(w, to, rec, STACK_ID);
	dat_put_num(w->config.big_endian, to + 8, 4, nr);
	for (unsigned int i = 0; i < nr; i++)
		dat_put_num(w->config.big_endian, to + offset + i * long_size, long_size, ips[i]);
	return dat_append(w, rec, to, offset + nr * long_size);
}
