/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading C text word by word, within its bounds. Knows no grammar. */
#ifndef KMA_DECODE_SCAN_H
#define KMA_DECODE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What is left of a text. Every function that takes one moves it only over what it recognises. */
struct text {
	const char *at, *end;
};

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline char peek(const struct text *text)
{
	return text->at < text->end ? *text->at : '\0';
}

static inline void skip_blanks(struct text *text)
{
	while (peek(text) == ' ' || peek(text) == '\t')
		text->at++;
}

static inline bool skip(struct text *text, const char *token)
{
	size_t length = strlen(token);

	if ((size_t)(text->end - text->at) < length || memcmp(text->at, token, length))
		return false;
	text->at += length;
	return true;
}

/* The same behind blanks. */
static inline bool skip_token(struct text *text, const char *token)
{
	struct text rest = *text;

	skip_blanks(&rest);
	if (!skip(&rest, token))
		return false;
	*text = rest;
	return true;
}

static inline bool next_word(struct text *text, struct text *word)
{
	skip_blanks(text);
	word->at = text->at;
	if (!is_letter(peek(text)))
		return false;
	while (is_letter(peek(text)) || is_digit(peek(text)))
		text->at++;
	word->end = text->at;
	return true;
}

static inline bool word_is(const struct text *word, const char *name)
{
	size_t length = word->end - word->at;

	return strlen(name) == length && !memcmp(word->at, name, length);
}

#endif
