// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The statements of a scenario, turned into calls of the trace.dat writer. Must not know the file
 * format; the grammar is in the header.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "datwriter.h"
#include "events_builtin.h"
#include "scenario.h"

#define MAX_WORDS	128

struct symbol {
	char *name;
	uint64_t address;
};

struct last_record {
	uint64_t ts;
	int pid;
	bool seen;
};

struct scenario {
	const char *name;
	unsigned int line;
	FILE *errors;
	struct dat_config config;
	char *clock;
	struct dat_writer *w;		/* made by the first statement that is not "file" */
	char *const *sets;
	unsigned int nr_sets;
	unsigned int buffer, nr_buffers;
	char **buffers;
	struct symbol *symbols;
	size_t nr_symbols;
	struct last_record last[DAT_MAX_CPUS];	/* in the current buffer */
	uint64_t now;
	char *words[MAX_WORDS];
	unsigned int nr_words;
	char *rest;			/* of the line behind the second word, unsplit */
};

static int fail(struct scenario *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct scenario *s, const char *fmt, ...)
{
	va_list ap;

	fprintf(s->errors, "%s:%u: ", s->name, s->line);
	va_start(ap, fmt);
	vfprintf(s->errors, fmt, ap);
	va_end(ap);
	fputc('\n', s->errors);
	return -1;
}

/* The result of a writer's call, which leaves its message in the writer. */
static int check(struct scenario *s, int ret)
{
	return ret < 0 ? fail(s, "%s", dat_error(s->w)) : 0;
}

/* Splits in place. A quoted part may begin within a word: name="a b". Backslash escapes. */
static int split(struct scenario *s, char *line)
{
	s->nr_words = 0;
	for (;;) {
		bool quoted = false;
		char *to;

		while (isspace((unsigned char)*line))
			line++;
		if (!*line || *line == '#')
			return 0;
		if (s->nr_words == MAX_WORDS)
			return fail(s, "too many words");
		s->words[s->nr_words++] = to = line;
		while (*line && (quoted || !isspace((unsigned char)*line))) {
			if (*line == '"') {
				quoted = !quoted;
				line++;
				continue;
			}
			if (quoted && *line == '\\' && line[1])
				line++;
			*to++ = *line++;
		}
		if (quoted)
			return fail(s, "missing quote");
		if (*line)
			line++;
		*to = '\0';
	}
}

static bool parse_num(const char *text, int base, uint64_t *value)
{
	bool negative = *text == '-';
	char *end;

	text += negative;
	if (!isxdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &end, base);
	if (negative)
		*value = -*value;
	return !*end && !errno;
}

static bool parse_uint(const char *text, unsigned int *value)
{
	uint64_t v;

	if (!parse_num(text, 0, &v) || v > UINT_MAX)
		return false;
	*value = (unsigned int)v;
	return true;
}

/* "cpu0", "cpu=0", "pid148" ... */
static bool parse_prefixed(const char *word, const char *prefix, uint64_t *value)
{
	size_t len = strlen(prefix);

	if (strncmp(word, prefix, len))
		return false;
	word += len;
	return parse_num(word + (*word == '='), 0, value);
}

static int parse_cpu(struct scenario *s, const char *word, unsigned int *cpu)
{
	uint64_t value;

	if (!word || !parse_prefixed(word, "cpu", &value) || value >= DAT_MAX_CPUS)
		return fail(s, "expected cpuN, found '%s'", word ? word : "");
	*cpu = (unsigned int)value;
	return 0;
}

/* A number, a truth value, or a symbol with or without an offset. */
static bool parse_value(const struct scenario *s, const char *text, uint64_t *value)
{
	size_t len = strcspn(text, "+");
	uint64_t offset = 0;

	if (parse_num(text, 0, value))
		return true;
	if (!strcmp(text, "true") || !strcmp(text, "false")) {
		*value = *text == 't';
		return true;
	}
	if (text[len] && !parse_num(text + len + 1, 0, &offset))
		return false;
	for (size_t i = 0; i < s->nr_symbols; i++) {
		if (strlen(s->symbols[i].name) != len || strncmp(s->symbols[i].name, text, len))
			continue;
		*value = s->symbols[i].address + offset;
		return true;
	}
	return false;
}

static bool parse_time(const struct scenario *s, const char *text, uint64_t *ts)
{
	char *end;

	if (*text == '+') {
		bool ok = parse_num(text + 1, 10, ts);

		*ts += s->now;
		return ok;
	}
	if (!isdigit((unsigned char)*text))
		return false;
	*ts = strtoull(text, &end, 10);
	if (*end == '.') {
		uint64_t unit = 1000000000;

		*ts *= unit;
		for (end++; isdigit((unsigned char)*end) && unit > 1; end++) {
			unit /= 10;
			*ts += unit * (uint64_t)(*end - '0');
		}
	}
	return !*end;
}

/* The index of @word in the list of @nr names, or -1. */
static int index_of(const char *word, const char *const *names, int nr)
{
	for (int i = 0; i < nr; i++)
		if (!strcmp(word, names[i]))
			return i;
	return -1;
}

static int set_config(struct scenario *s, const char *word)
{
	static const char *const endians[] = { "little", "big" };
	static const char *const compressions[] = { "none", "zstd", "zlib" };
	static const char *const paddings[] = { "none", "null" };
	static const char *const widths[] = { "wide", "narrow" };
	static const char *const switches[] = { "on", "off" };
	struct dat_config *c = &s->config;
	const struct {
		const char *key;
		unsigned int *number;
		bool *flag;
		const char *const *names;
	} keys[] = {
		{ "version", &c->version, NULL, NULL },
		{ "long", &c->long_size, NULL, NULL },
		{ "userlong", &c->user_long_size, NULL, NULL },
		{ "page", &c->page_size, NULL, NULL },
		{ "bufferpage", &c->buffer_page_size, NULL, NULL },
		{ "chunk", &c->chunk_pages, NULL, NULL },
		{ "cpus", &c->cpus, NULL, NULL },
		{ "endian", NULL, &c->big_endian, endians },
		{ "padding", NULL, &c->pad_pages, paddings },
		{ "flags", NULL, &c->narrow_flags, widths },
		{ "cpustat", NULL, &c->no_cpustat, switches },
	};
	const char *value = strchr(word, '=');
	size_t len = value ? (size_t)(value - word) : 0;
	int at;

	if (!value)
		return fail(s, "expected key=value, found '%s'", word);
	value++;
	if (!strncmp(word, "clock=", 6)) {
		free(s->clock);
		s->clock = strdup(value);
		c->clock = s->clock;
		return s->clock ? 0 : fail(s, "out of memory");
	}
	if (!strncmp(word, "compression=", 12)) {
		at = index_of(value, compressions, 3);
		c->compression = (enum dat_compression)at;
		return at < 0 ? fail(s, "unknown compression '%s'", value) : 0;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].key) != len || strncmp(word, keys[i].key, len))
			continue;
		if (keys[i].number)
			return parse_uint(value, keys[i].number) ? 0 :
			       fail(s, "'%s' is not a number", value);
		at = index_of(value, keys[i].names, 2);
		*keys[i].flag = at == 1;
		return at < 0 ? fail(s, "%s is '%s' or '%s'", keys[i].key, keys[i].names[0],
				     keys[i].names[1]) : 0;
	}
	return fail(s, "unknown key in '%s'", word);
}

static int start(struct scenario *s)
{
	for (unsigned int i = 0; i < s->nr_sets; i++)
		if (set_config(s, s->sets[i]))
			return -1;
	s->w = dat_new(&s->config);
	if (!s->w)
		return fail(s, "no file can be made with these settings: %s", strerror(errno));
	return 0;
}

static int do_time_shift(struct scenario *s)
{
	struct dat_time_sample samples[64];
	uint64_t peer, offset = 0;

	if (s->config.cpus > sizeof(samples) / sizeof(samples[0]))
		return fail(s, "too many CPUs for a time shift");
	if (!parse_num(s->words[2], 0, &peer))
		return fail(s, "'%s' is not a number", s->words[2]);
	for (unsigned int cpu = 0; cpu < s->config.cpus; cpu++) {
		if (3 + cpu < s->nr_words && !parse_num(s->words[3 + cpu], 0, &offset))
			return fail(s, "'%s' is not a number", s->words[3 + cpu]);
		samples[cpu] = (struct dat_time_sample){ .offset = (int64_t)offset, .scaling = 1 };
	}
	return check(s, dat_option_time_shift(s->w, peer, 0, samples, 1));
}

static int do_option(struct scenario *s)
{
	static const struct {
		const char *name;
		enum dat_option_id id;
	} texts[] = {
		{ "date", DAT_OPTION_DATE }, { "cpustat", DAT_OPTION_CPUSTAT },
		{ "clock", DAT_OPTION_TRACECLOCK }, { "uname", DAT_OPTION_UNAME },
		{ "offset", DAT_OPTION_OFFSET }, { "version", DAT_OPTION_VERSION },
	};
	const char *what = s->nr_words > 2 ? s->words[1] : "";
	uint64_t n[3] = { 0 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(what, texts[i].name))
			return check(s, dat_option_text(s->w, texts[i].id, s->words[2]));
	if (!strcmp(what, "timeshift"))
		return do_time_shift(s);
	for (unsigned int i = 2; i < s->nr_words && i < 5; i++)
		if (!parse_num(s->words[i], 0, &n[i - 2]))
			return fail(s, "'%s' is not a number", s->words[i]);
	if (!strcmp(what, "traceid"))
		return check(s, dat_option_trace_id(s->w, n[0]));
	if (!strcmp(what, "tsc2nsec"))
		return check(s, dat_option_tsc2nsec(s->w, (uint32_t)n[0], (uint32_t)n[1], n[2]));
	return fail(s, "unknown option");
}

static int do_symbol(struct scenario *s)
{
	struct symbol *grown;
	uint64_t address;

	if (s->nr_words < 3 || !parse_num(s->words[1], 16, &address))
		return fail(s, "expected: symbol ADDRESS NAME [MODULE]");
	grown = realloc(s->symbols, (s->nr_symbols + 1) * sizeof(*grown));
	if (!grown)
		return fail(s, "out of memory");
	s->symbols = grown;
	grown[s->nr_symbols].address = address;
	grown[s->nr_symbols].name = strdup(s->words[2]);
	if (!grown[s->nr_symbols++].name)
		return fail(s, "out of memory");
	return check(s, dat_add_symbol(s->w, address, s->words[2],
				       s->nr_words > 3 ? s->words[3] : NULL));
}

static int do_task(struct scenario *s)
{
	uint64_t pid;

	if (s->nr_words != 3 || !parse_num(s->words[1], 0, &pid))
		return fail(s, "expected: task PID NAME");
	return check(s, dat_add_task(s->w, (int)pid, s->words[2]));
}

static int do_printk(struct scenario *s)
{
	uint64_t address;

	if (s->nr_words != 3 || !parse_num(s->words[1], 16, &address))
		return fail(s, "expected: printk ADDRESS \"FORMAT\"");
	return check(s, dat_add_printk(s->w, address, s->words[2]));
}

static int do_buffer(struct scenario *s)
{
	const char *clock = NULL;
	char **grown;
	int index;

	if (s->nr_words < 2)
		return fail(s, "expected: buffer NAME [clock=CLOCK]");
	memset(s->last, 0, sizeof(s->last));
	if (!strcmp(s->words[1], "top")) {
		s->buffer = 0;
		return 0;
	}
	index = index_of(s->words[1], (const char *const *)s->buffers, (int)s->nr_buffers);
	if (index >= 0) {
		s->buffer = (unsigned int)index + 1;
		return 0;
	}
	if (s->nr_words > 2) {
		if (strncmp(s->words[2], "clock=", 6))
			return fail(s, "expected clock=, found '%s'", s->words[2]);
		clock = s->words[2] + 6;
	}
	grown = realloc(s->buffers, (s->nr_buffers + 1) * sizeof(*grown));
	if (!grown)
		return fail(s, "out of memory");
	s->buffers = grown;
	grown[s->nr_buffers] = strdup(s->words[1]);
	if (!grown[s->nr_buffers++])
		return fail(s, "out of memory");
	s->buffer = s->nr_buffers;
	return check(s, dat_add_buffer(s->w, s->words[1], clock));
}

static int do_text(struct scenario *s)
{
	if (s->nr_words != 2)
		return fail(s, "expected: text \"LINE\"");
	return dat_add_text(s->w, s->buffer, s->words[1]) || dat_add_text(s->w, s->buffer, "\n") ?
	       check(s, -1) : 0;
}

/* "kmem:kfree" or "kfree"; *@system is NULL in the latter case. */
static char *split_event_name(char *word, char **system)
{
	char *colon = strchr(word, ':');

	*system = colon ? word : NULL;
	if (!colon)
		return word;
	*colon = '\0';
	return colon + 1;
}

/* The event if it is declared already; otherwise a known one is declared now. */
static const struct dat_event *use_event(struct scenario *s, const char *system, const char *name)
{
	const struct dat_event *event = dat_find_event(s->w, system, name);
	const struct builtin_event *known;

	if (event)
		return event;
	known = builtin_event(system, name);
	if (!known) {
		fail(s, "unknown event '%s'", name);
		return NULL;
	}
	event = dat_add_event(s->w, known->system, known->name, known->id, known->fields,
			      known->print_fmt);
	if (!event)
		check(s, -1);
	return event;
}

static int do_event(struct scenario *s)
{
	char *system, *name, *fields = s->rest;
	unsigned long id = 0;

	if (s->nr_words < 2)
		return fail(s, "expected: event SYSTEM:NAME [id=ID] [FIELDS]");
	name = split_event_name(s->words[1], &system);
	if (!strncmp(fields, "id=", 3))
		id = strtoul(fields + 3, &fields, 10);
	fields += strspn(fields, " \t");
	if (!*fields && !id)
		return use_event(s, system, name) ? 0 : -1;
	if (!system)
		return fail(s, "a declaration needs SYSTEM:NAME");
	return dat_add_event(s->w, system, name, (unsigned int)id, fields, NULL) ? 0 : check(s, -1);
}

static int do_printfmt(struct scenario *s)
{
	struct dat_event *event;
	char *system, *name;

	if (s->nr_words < 3)
		return fail(s, "expected: printfmt EVENT \"FORMAT\", ...");
	name = split_event_name(s->words[1], &system);
	event = dat_find_event(s->w, system, name);
	if (!event)
		return fail(s, "event '%s' is not declared", name);
	return check(s, dat_set_print_fmt(s->w, event, s->rest));
}

static int set_field(struct scenario *s, const struct dat_event *event, char *word,
		     struct dat_value *values)
{
	char *text = strchr(word, '=');
	int field;

	if (!text)
		return fail(s, "expected field=value, found '%s'", word);
	*text++ = '\0';
	field = dat_find_field(event, word);
	if (field < 0)
		return fail(s, "the event has no field '%s'", word);
	if (dat_field_is_text(event, (unsigned int)field))
		values[field].text = text;
	else if (!parse_value(s, text, &values[field].num))
		return fail(s, "'%s' is neither a number nor a symbol", text);
	return 0;
}

static int do_record(struct scenario *s, unsigned int at, bool discard)
{
	struct dat_record rec = { .buffer = s->buffer, .discard = discard };
	struct dat_value *values;
	const struct dat_event *event;
	char *system, *name;
	uint64_t number;
	int ret = 0;

	if (s->nr_words < at + 4)
		return fail(s, "expected: TIME cpuN pidN EVENT [FIELD=VALUE]...");
	if (!parse_time(s, s->words[at], &rec.ts))
		return fail(s, "'%s' is not a time", s->words[at]);
	if (parse_cpu(s, s->words[at + 1], &rec.cpu))
		return -1;
	if (!parse_prefixed(s->words[at + 2], "pid", &number))
		return fail(s, "expected pidN, found '%s'", s->words[at + 2]);
	rec.pid = (int)number;
	for (at += 3; at < s->nr_words; at++) {
		if (parse_prefixed(s->words[at], "flags", &number))
			rec.flags = (uint8_t)number;
		else if (parse_prefixed(s->words[at], "preempt", &number))
			rec.preempt_count = (uint8_t)number;
		else
			break;
	}
	if (at == s->nr_words)
		return fail(s, "no event");
	name = split_event_name(s->words[at++], &system);
	event = use_event(s, system, name);
	if (!event)
		return -1;
	values = calloc(dat_nr_fields(event) + 1, sizeof(*values));
	if (!values)
		return fail(s, "out of memory");
	for (; !ret && at < s->nr_words; at++)
		ret = set_field(s, event, s->words[at], values);
	if (!ret)
		ret = check(s, dat_write(s->w, &rec, event, values));
	free(values);
	s->now = rec.ts;
	s->last[rec.cpu] = (struct last_record){ rec.ts, rec.pid, true };
	return ret;
}

static int do_stack(struct scenario *s)
{
	struct dat_record rec = { .buffer = s->buffer };
	uint64_t ips[MAX_WORDS];

	if (parse_cpu(s, s->nr_words > 1 ? s->words[1] : NULL, &rec.cpu))
		return -1;
	if (!s->last[rec.cpu].seen)
		return fail(s, "no record before on this CPU");
	rec.ts = s->last[rec.cpu].ts;
	rec.pid = s->last[rec.cpu].pid;
	for (unsigned int i = 2; i < s->nr_words; i++)
		if (!parse_value(s, s->words[i], &ips[i - 2]))
			return fail(s, "'%s' is neither a number nor a symbol", s->words[i]);
	return check(s, dat_write_stack(s->w, &rec, ips, s->nr_words - 2));
}

static int do_cpu_statement(struct scenario *s)
{
	const char *what = s->words[0];
	int64_t count = -1;
	unsigned int cpu = 0;

	if (parse_cpu(s, s->nr_words > 1 ? s->words[1] : NULL, &cpu))
		return -1;
	if (!strcmp(what, "page"))
		return check(s, dat_new_page(s->w, s->buffer, cpu));
	if (!strcmp(what, "timestamp"))
		return check(s, dat_timestamp(s->w, s->buffer, cpu));
	if (s->nr_words != 3 || strncmp(s->words[2], "count=", 6))
		return fail(s, "expected: lost cpuN count=N");
	if (strcmp(s->words[2] + 6, "?") && !parse_num(s->words[2] + 6, 0, (uint64_t *)&count))
		return fail(s, "'%s' is not a number", s->words[2] + 6);
	return check(s, dat_lost(s->w, s->buffer, cpu, count));
}

static int do_statement(struct scenario *s)
{
	static const struct {
		const char *word;
		int (*run)(struct scenario *s);
	} statements[] = {
		{ "option", do_option }, { "symbol", do_symbol }, { "task", do_task },
		{ "printk", do_printk }, { "buffer", do_buffer }, { "text", do_text },
		{ "event", do_event }, { "printfmt", do_printfmt }, { "stack", do_stack },
		{ "lost", do_cpu_statement }, { "page", do_cpu_statement },
		{ "timestamp", do_cpu_statement },
	};
	const char *word = s->words[0];

	if (!strcmp(word, "file")) {
		if (s->w)
			return fail(s, "'file' must come first");
		for (unsigned int i = 1; i < s->nr_words; i++)
			if (set_config(s, s->words[i]))
				return -1;
		return 0;
	}
	if (!s->w && start(s))
		return -1;
	if (isdigit((unsigned char)*word) || *word == '+')
		return do_record(s, 0, false);
	if (!strcmp(word, "discard"))
		return do_record(s, 1, true);
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (!strcmp(word, statements[i].word))
			return statements[i].run(s);
	return fail(s, "unknown statement '%s'", word);
}

/* Behind the second word, without the blanks around; declarations are not split into words. */
static void keep_rest(struct scenario *s, const char *line)
{
	size_t len;

	for (int i = 0; i < 2; i++) {
		line += strspn(line, " \t");
		line += strcspn(line, " \t\n");
	}
	line += strspn(line, " \t");
	strcpy(s->rest, line);
	len = strlen(s->rest);
	while (len && isspace((unsigned char)s->rest[len - 1]))
		s->rest[--len] = '\0';
}

static int read_lines(struct scenario *s, FILE *in)
{
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	while (!ret && getline(&line, &size, in) >= 0) {
		char *grown = realloc(s->rest, size);

		s->line++;
		if (!grown) {
			ret = fail(s, "out of memory");
			break;
		}
		s->rest = grown;
		keep_rest(s, line);
		ret = split(s, line);
		if (!ret && s->nr_words)
			ret = do_statement(s);
	}
	free(line);
	if (!ret && ferror(in))
		ret = fail(s, "%s", strerror(errno));
	return !ret && !s->w ? start(s) : ret;
}

struct dat_writer *scenario_read(FILE *in, const char *name, char *const *sets,
				 unsigned int nr_sets, FILE *errors)
{
	struct scenario *s = calloc(1, sizeof(*s));
	struct dat_writer *w;

	if (!s) {
		fprintf(errors, "%s: out of memory\n", name);
		return NULL;
	}
	s->name = name;
	s->errors = errors;
	s->sets = sets;
	s->nr_sets = nr_sets;
	if (read_lines(s, in)) {
		dat_free(s->w);
		s->w = NULL;
	}
	w = s->w;
	for (size_t i = 0; i < s->nr_symbols; i++)
		free(s->symbols[i].name);
	for (unsigned int i = 0; i < s->nr_buffers; i++)
		free(s->buffers[i]);
	free(s->symbols);
	free(s->buffers);
	free(s->rest);
	free(s->clock);
	free(s);
	return w;
}
