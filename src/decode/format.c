/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and checking the text of event formats; see format.h. */
#include "decode/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is left of a line. Every function that takes one moves it only over what it recognises. */
struct text {
	const char *at, *end;
};

static bool skip(struct text *text, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length))
		return false;
	text->at += length;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* No more digits than fit an int many times over. */
static bool skip_number(struct text *text, unsigned long *value)
{
	unsigned int digits = 0;

	*value = 0;
	for (; text->at < text->end && is_digit(*text->at) && digits < 6; text->at++, digits++)
		*value = 10 * *value + (unsigned long)(*text->at - '0');
	return digits && (text->at == text->end || !is_digit(*text->at));
}

static bool skip_word(struct text *text)
{
	if (text->at == text->end || !is_letter(*text->at))
		return false;
	while (text->at < text->end && (is_letter(*text->at) || is_digit(*text->at)))
		text->at++;
	return true;
}

static bool skip_brackets(struct text *text)
{
	unsigned long length;

	if (!skip(text, "["))
		return false;
	return skip(text, "]") ||
	       ((skip_number(text, &length) || skip_word(text)) && skip(text, "]"));
}

/* "unsigned long pfn", "char comm[16]", "__data_loc char[] name", "const void * ptr" */
static bool skip_declaration(struct text *text)
{
	unsigned int words = 0;
	bool array = false, name = false; /* name: what came last can be the field's */

	for (;;) {
		while (skip(text, " "))
			;
		if (text->at == text->end)
			return false;
		if (*text->at == ';')
			return words >= 2 && name;
		if (skip(text, "*")) {
			if (!words || array)
				return false;
			name = false;
		} else if (*text->at == '[') {
			if (words < 2 || array || !name || !skip_brackets(text))
				return false;
			array = true;
		} else if (skip_word(text)) {
			words++;
			name = true;
		} else {
			return false;
		}
	}
}

/* "\tfield:DECLARATION;\toffset:N;\tsize:N;" and, but for old kernels, "\tsigned:N;" */
static bool is_field(struct text line)
{
	unsigned long n;

	return skip(&line, "\tfield:") && skip_declaration(&line) && skip(&line, ";\toffset:") &&
	       skip_number(&line, &n) && skip(&line, ";\tsize:") && skip_number(&line, &n) &&
	       skip(&line, ";") &&
	       (line.at == line.end || (skip(&line, "\tsigned:") && skip_number(&line, &n) &&
					skip(&line, ";") && line.at == line.end));
}

/* Takes the next line, without its end, from @text. */
static bool next_line(struct text *text, struct text *line)
{
	const char *end;

	if (text->at == text->end)
		return false;
	end = memchr(text->at, '\n', text->end - text->at);
	*line = (struct text){ text->at, end ? end : text->end };
	text->at = end ? end + 1 : text->end;
	return true;
}

bool kma_format_head(const struct kma_format *format, const char **name, size_t *name_length,
		     uint16_t *id)
{
	struct text text = { format->text, format->text + format->size }, line;
	unsigned long number;

	if (!next_line(&text, &line) || !skip(&line, "name: "))
		return false;
	*name = line.at;
	*name_length = line.end - line.at;
	if (!*name_length || *name_length > KMA_MAX_EVENT_NAME)
		return false;
	if (!next_line(&text, &line) || !skip(&line, "ID: ") || !skip_number(&line, &number) ||
	    number > UINT16_MAX)
		return false;
	*id = number;
	return true;
}

char *kma_format_checked(const struct kma_format *format, const char *name, size_t name_length,
			 uint16_t id, size_t *size)
{
	static const char stub[] = "\nprint fmt: \"\"\n";
	struct text text = { format->text, format->text + format->size }, line;
	char *checked = malloc(format->size + name_length + sizeof(stub) + 64);
	bool common = true;
	char *to = checked;

	if (!checked)
		return NULL;
	to += sprintf(to, "name: %.*s\nID: %u\nformat:\n", (int)name_length, name, id);
	while (next_line(&text, &line) && !skip(&line, "print fmt:")) {
		if (line.at == line.end && common) { /* behind the common fields */
			*to++ = '\n';
			common = false;
		} else if (is_field(line)) {
			memcpy(to, line.at, line.end - line.at);
			to += line.end - line.at;
			*to++ = '\n';
		}
	}
	if (common)
		*to++ = '\n';
	memcpy(to, stub, sizeof(stub));
	*size = to + sizeof(stub) - 1 - checked;
	return checked;
}
