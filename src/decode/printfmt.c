/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two facts that are taken from print formats; see printfmt.h. Must not know what they are used
 * for.
 */
#include "decode/printfmt.h"

#include "decode/expression.h"
#include "util/arena.h"

#define MAX_FLAGS     256
#define MAX_FLAG_NAME 63
/* The kernel's page blocks have at most 2^17 pages or so. */
#define MAX_PAGEBLOCK_ORDER 31

/* ---- print formats ---- */

/* What stands behind "print fmt: ", up to the end of the line. */
static bool find_print_format(const struct kma_format *format, struct text *print)
{
	struct text text = { format->text, format->text + format->size };

	while (text.at < text.end) {
		const char *end = memchr(text.at, '\n', text.end - text.at);
		struct text line = { text.at, end ? end : text.end };

		if (skip(&line, "print fmt: ")) {
			*print = line;
			return true;
		}
		text.at = end ? end + 1 : text.end;
	}
	return false;
}

/* A string with its quotes; *@inside is without. */
static bool skip_string(struct text *text, struct text *inside)
{
	if (!skip_token(text, "\""))
		return false;
	for (inside->at = text->at; text->at < text->end; text->at++) {
		if (*text->at == '\\' && text->end - text->at > 1) {
			text->at++;
		} else if (*text->at == '"') {
			inside->end = text->at++;
			return true;
		}
	}
	return false;
}

/* Everything up to a comma or closing bracket that belongs to none of the brackets inside. */
static bool skip_argument(struct text *text, struct text *argument)
{
	struct text string;
	size_t open = 0;

	skip_blanks(text);
	argument->at = text->at;
	while (text->at < text->end) {
		char c = *text->at;

		if (c == '"') {
			if (!skip_string(text, &string))
				return false;
			continue;
		}
		if (!open && (c == ',' || c == ')' || c == '}'))
			break;
		if (c == '(' || c == '{')
			open++;
		else if (c == ')' || c == '}')
			open--;
		text->at++;
	}
	argument->end = text->at;
	return !open;
}

/* ---- gfp flags ---- */

static bool is_flag_name(const struct text *name)
{
	size_t length = name->end - name->at;

	if (!length || length > MAX_FLAG_NAME || !is_letter(*name->at))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_letter(name->at[i]) && !is_digit(name->at[i]))
			return false;
	return true;
}

/*
 * One {mask, "name"}, with its braces. True also for a pair that is of no use, such as the kernel's
 * end mark: its name is then empty.
 */
static bool skip_flag(struct text *text, uint64_t *mask, struct text *name)
{
	struct text expression, argument;
	uint64_t value;

	*name = (struct text){ 0 };
	if (!skip_token(text, "{") || !skip_argument(text, &expression) || !skip_token(text, ",") ||
	    !skip_argument(text, &argument) || !skip_token(text, "}"))
		return false;
	if (!kma_evaluate(expression, &value) || !value || !skip_string(&argument, name) ||
	    !is_flag_name(name)) {
		*name = (struct text){ 0 };
		return true;
	}
	*mask = value;
	return true;
}

/* Behind "__print_flags(REC->gfp_flags, DELIMITER,". */
static bool find_flags(struct text *text)
{
	static const char call[] = "__print_flags";
	struct text word, delimiter;

	while (text->at < text->end) {
		const char *found = memmem(text->at, text->end - text->at, call, sizeof(call) - 1);

		if (!found)
			return false;
		text->at = found + sizeof(call) - 1;
		if (skip_token(text, "(") && skip_token(text, "REC->") && next_word(text, &word) &&
		    word_is(&word, "gfp_flags") && skip_token(text, ",") &&
		    skip_string(text, &delimiter) && skip_token(text, ","))
			return true;
	}
	return false;
}

const struct kma_flag_name *kma_print_gfp_flags(const struct kma_format *format,
						struct kma_arena *arena)
{
	struct kma_flag_name flags[MAX_FLAGS], *copy;
	struct text text, name;
	uint64_t mask = 0;
	size_t nr = 0;

	if (!find_print_format(format, &text) || !find_flags(&text))
		return NULL;
	do {
		if (!skip_flag(&text, &mask, &name))
			return NULL;
		if (!name.at)
			continue;
		if (nr == MAX_FLAGS)
			return NULL;
		flags[nr].mask = mask;
		flags[nr].name = kma_arena_strndup(arena, name.at, name.end - name.at);
		if (!flags[nr++].name)
			return NULL;
	} while (skip_token(&text, ","));
	if (!nr || !skip_token(&text, ")"))
		return NULL;
	copy = kma_arena_alloc(arena, (nr + 1) * sizeof(*copy));
	if (copy)
		memcpy(copy, flags, nr * sizeof(*copy));
	return copy;
}

/* ---- pageblock order ---- */

/* How many conversions stand before "NAME=%" in the format string. */
static bool find_conversion(struct text string, const char *name, unsigned int *before)
{
	*before = 0;
	for (bool begins = true; string.at < string.end; begins = string.at[-1] == ' ') {
		if (begins && skip(&string, name) && skip(&string, "=%"))
			return true;
		if (string.at == string.end)
			return false;
		if (*string.at == '%') {
			if (string.end - string.at > 1 && string.at[1] == '%')
				string.at++;
			else
				++*before;
		}
		string.at++;
	}
	return false;
}

int kma_print_pageblock_order(const struct kma_format *format)
{
	struct text text, string, argument = { 0 };
	uint64_t value;
	unsigned int before;

	if (!find_print_format(format, &text) || !skip_string(&text, &string) ||
	    !find_conversion(string, "pageblock_order", &before))
		return -1;
	for (unsigned int i = 0; i <= before; i++)
		if (!skip_token(&text, ",") || !skip_argument(&text, &argument))
			return -1;
	if (!kma_evaluate(argument, &value) || value > MAX_PAGEBLOCK_ORDER)
		return -1;
	return (int)value;
}
