/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The head of a printed event; see textline.h. */
#include "source/textline.h"

#include <string.h>

#define COMM_COLUMNS 16 /* a task's name is printed right-aligned in so many */

static bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

/* False without digits; stops at a value that no sane text has. */
static bool take_number(const char **at, const char *end, uint64_t *value)
{
	const char *p = *at;
	uint64_t v = 0;

	for (; p < end && is_digit(*p) && v < UINT64_MAX / 20; p++)
		v = 10 * v + (unsigned char)(*p - '0');
	if (p == *at || (p < end && is_digit(*p)))
		return false;
	*at = p;
	*value = v;
	return true;
}

static void skip_blanks(const char **at, const char *end)
{
	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
}

static bool skip(const char **at, const char *end, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(end - *at) < length || memcmp(*at, word, length))
		return false;
	*at += length;
	return true;
}

static struct kma_text_span trimmed(const char *at, const char *end)
{
	skip_blanks(&at, end);
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct kma_text_span){ at, end - at };
}

/* "[003] d..2.  275.532274: " behind the bracket's place */
static bool take_time(const char *at, const char *end, struct kma_text_line *to,
		      const char **behind)
{
	static const uint32_t scale[] = { 0,	 100000000, 10000000, 1000000, 100000,
					  10000, 1000,	    100,      10,      1 };
	uint64_t cpu, seconds, fraction;
	const char *dot;

	if (!skip(&at, end, "[") || !take_number(&at, end, &cpu) || cpu > KMA_TEXT_MAX_CPU ||
	    !skip(&at, end, "]"))
		return false;
	skip_blanks(&at, end);
	if (at < end && !is_digit(*at)) { /* a column of flags */
		while (at < end && *at != ' ')
			at++;
		skip_blanks(&at, end);
	}
	if (!take_number(&at, end, &seconds))
		return false;
	to->cpu = cpu;
	if (skip(&at, end, ".")) {
		dot = at;
		if (!take_number(&at, end, &fraction) || at - dot > 9 ||
		    seconds > UINT64_MAX / 2000000000)
			return false;
		to->digits = at - dot;
		to->ts = seconds * 1000000000 + fraction * scale[to->digits];
	} else {
		to->digits = 0;
		to->ts = seconds;
	}
	*behind = at;
	return skip(behind, end, ":");
}

/* "          <idle>-0  " or, of perf, "            perf   659 ", maybe with a buffer's name before
 * it; @end is the bracket's place. */
static bool take_task(const char *line, const char *end, struct kma_text_line *to)
{
	struct kma_text_span head = trimmed(line, end);
	const char *stop = head.at + head.length, *p, *first;
	uint64_t pid;

	/* the thread group, if its column is on */
	if (stop > head.at && stop[-1] == ')') {
		p = stop;
		while (p > head.at && *p != '(')
			p--;
		head = trimmed(head.at, p);
		stop = head.at + head.length;
	}
	p = stop;
	while (p > head.at && is_digit(p[-1]))
		p--;
	first = p;
	if (!take_number(&p, stop, &pid) || p != stop || pid > INT32_MAX || first == head.at)
		return false;
	to->pid = (int32_t)pid;
	to->perf = first[-1] == ' ' || first[-1] == '/';
	if (to->perf) {
		if (first[-1] == '/') /* PROCESS/THREAD */
			for (first--; first > head.at && is_digit(first[-1]); first--)
				;
		to->comm = trimmed(head.at, first);
		return to->comm.length > 0;
	}
	if (first[-1] != '-')
		return false;
	first--;
	/* what is left of the columns of the task's name is the buffer's */
	p = first - line > COMM_COLUMNS ? first - COMM_COLUMNS : line;
	to->buffer = trimmed(line, p);
	if (to->buffer.length && to->buffer.at[to->buffer.length - 1] == ':') {
		to->buffer.length--;
	} else {
		to->buffer.length = 0;
		p = line;
	}
	to->comm = trimmed(p, first);
	return true;
}

/* "kmalloc: call_site=..." or "kmem:kmalloc: ..." */
static bool take_event(const char *at, const char *end, struct kma_text_line *to)
{
	const char *stop, *colon;

	skip_blanks(&at, end);
	if (to->perf && at < end && is_digit(*at)) { /* the period, if it is on */
		while (at < end && *at != ' ')
			at++;
		skip_blanks(&at, end);
	}
	stop = memchr(at, ' ', end - at);
	if (!stop)
		stop = end;
	if (end - at >= 6 && !memcmp(at, "<stack", 6)) {
		to->system = (struct kma_text_span){ "ftrace", 6 };
		to->name = (struct kma_text_span){ "kernel_stack", 12 };
		to->body = to->end = end;
		return true;
	}
	if (stop == at || stop[-1] != ':' || stop - 1 == at)
		return false;
	to->body = stop;
	to->end = end;
	while (to->end > to->body && (to->end[-1] == '\r' || to->end[-1] == ' '))
		to->end--;
	colon = memchr(at, ':', stop - at);
	to->system = (struct kma_text_span){ at, 0 };
	if (to->perf && colon != stop - 1) {
		to->system.length = colon - at;
		at = colon + 1;
	}
	to->name = (struct kma_text_span){ at, stop - 1 - at };
	return to->name.length > 0;
}

/* " PERF_RECORD_LOST lost 123" */
static bool take_perf_lost(const char *at, const char *end, struct kma_text_line *to)
{
	skip_blanks(&at, end);
	if (!skip(&at, end, "PERF_RECORD_LOST"))
		return false;
	skip(&at, end, "_SAMPLES");
	skip_blanks(&at, end);
	if (!skip(&at, end, "lost ") || !take_number(&at, end, &to->lost))
		return false;
	to->lost_counted = true;
	return to->lost > 0;
}

/* "CPU:2 [LOST 771 EVENTS]" of the kernel, "CPU:1 [126 EVENTS DROPPED]" of trace-cmd, both also
 * without a number */
static bool take_lost(const char *line, const char *end, struct kma_text_line *to)
{
	const char *at = line;
	uint64_t cpu;

	while (at < end && *at != '[')
		at++;
	/* back to "CPU:N " */
	while (at > line && at[-1] == ' ')
		at--;
	while (at > line && is_digit(at[-1]))
		at--;
	if (at - line < 4 || memcmp(at - 4, "CPU:", 4))
		return false;
	to->buffer = trimmed(line, at - 4);
	if (!take_number(&at, end, &cpu) || cpu > KMA_TEXT_MAX_CPU || !skip(&at, end, " ["))
		return false;
	to->cpu = cpu;
	skip(&at, end, "LOST ");
	to->lost_counted = take_number(&at, end, &to->lost);
	if (!to->lost_counted)
		to->lost = 1;
	else if (!skip(&at, end, " "))
		return false;
	if (!skip(&at, end, "EVENTS"))
		return false;
	if (to->buffer.length && to->buffer.at[to->buffer.length - 1] == ':')
		to->buffer.length--;
	return to->lost > 0;
}

/* " => func+0x12/0x34", "=> func (ffffffff812b8346)", or of perf
 * "\tffffffff812b8346 func+0x12 ([kernel.kallsyms])" */
static bool take_frame(const char *line, const char *end, struct kma_text_line *to)
{
	const char *at = line, *stop;

	skip_blanks(&at, end);
	if (skip(&at, end, "=> ")) {
		stop = memchr(at, ' ', end - at);
		to->name = (struct kma_text_span){ at, (stop ? stop : end) - at };
		return to->name.length > 0;
	}
	if (at == line)
		return false;
	stop = at;
	while (stop < end &&
	       ((unsigned char)(*stop - '0') < 10 || (unsigned char)((*stop | 32) - 'a') < 6))
		stop++;
	if (stop - at < (*line == '\t' ? 1 : 4) || stop - at > 16 || !skip(&stop, end, " "))
		return false;
	at = stop;
	while (at < end && *at != '(')
		at++;
	/* only the kernel's own: its text and modules are named in brackets */
	to->name = trimmed(stop, at);
	if (!skip(&at, end, "([") || (end - at > 7 && !memcmp(at, "unknown", 7)) ||
	    (end - at > 4 && !memcmp(at, "vdso", 4)))
		to->name.length = 0;
	to->perf = true;
	return true;
}

/* "cpus=4" of trace-cmd, "# entries-in-buffer/entries-written: 295/300   #P:4" of the kernel */
static bool take_header(const char *line, const char *end, struct kma_text_line *to)
{
	const char *at = line;
	uint64_t cpus, there, written;

	if (!skip(&at, end, "cpus=")) {
		at = line;
		if (!skip(&at, end, "# entries-in-buffer/entries-written: ") ||
		    !take_number(&at, end, &there) || !skip(&at, end, "/") ||
		    !take_number(&at, end, &written))
			return false;
		to->lost = written > there ? written - there : 0;
		while (at < end && *at != '#')
			at++;
		if (!skip(&at, end, "#P:"))
			return false;
	}
	if (!take_number(&at, end, &cpus) || cpus > KMA_TEXT_MAX_CPU)
		return false;
	to->cpu = cpus;
	return true;
}

void kma_text_line(const char *line, const char *end, struct kma_text_line *to)
{
	const char *behind, *at;

	*to = (struct kma_text_line){ 0 };
	for (at = memchr(line, '[', end - line); at; at = memchr(at + 1, '[', end - at - 1)) {
		if (!take_time(at, end, to, &behind))
			continue;
		if (!take_task(line, at, to))
			break;
		if (take_event(behind, end, to))
			to->type = KMA_TEXT_EVENT;
		else if (take_perf_lost(behind, end, to))
			to->type = KMA_TEXT_LOST;
		if (to->type != KMA_TEXT_OTHER)
			return;
		break;
	}
	at = line;
	skip_blanks(&at, end);
	if (take_header(line, end, to))
		to->type = KMA_TEXT_CPUS;
	else if (take_frame(line, end, to))
		to->type = KMA_TEXT_FRAME;
	else if (take_lost(line, end, to))
		to->type = KMA_TEXT_LOST;
	else if (at == end || *at == '#' || *at == '\r')
		to->type = KMA_TEXT_EMPTY;
}
