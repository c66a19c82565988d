/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of --migratetypes; see migratetypes.h. Must not know any name by itself. */
#include "cli/migratetypes.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <kmem-analyze/error.h>

#define MAX_NUMBER 255

static int bad_list(const char *text, struct kma_error *err)
{
	return kma_fail(err, KMA_ERR_USAGE,
			"--migratetypes takes names like Unmovable,Movable,Reclaimable, from "
			"number 0 on, or 0=Unmovable,4=CMA (up to %d), as /proc/pagetypeinfo has "
			"them, not \"%s\"",
			MAX_NUMBER, text);
}

/* "4=": fills @number and returns what stands behind, or @text itself, or NULL. */
static const char *parse_number(const char *text, int32_t *number)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)*text))
		return text;
	value = strtoul(text, &end, 10);
	if (*end != '=' || value > MAX_NUMBER)
		return NULL;
	*number = (int32_t)value;
	return end + 1;
}

static bool is_name(const char *text, size_t length, size_t max)
{
	if (!length || length >= max || !isalpha((unsigned char)*text))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-')
			return false;
	return true;
}

static bool is_new(const struct kma_migratetype_names *names, int32_t number, const char *name)
{
	for (size_t i = 0; i < names->nr; i++)
		if (names->list[i].number == number || !strcmp(names->list[i].name, name))
			return false;
	return true;
}

int kma_parse_migratetypes(const char *text, struct kma_migratetype_names *names,
			   struct kma_error *err)
{
	bool numbered = isdigit((unsigned char)*text);

	memset(names, 0, sizeof(*names));
	for (const char *p = text;; p++) {
		int32_t number = (int32_t)names->nr;
		const char *name = parse_number(p, &number);
		size_t length = name ? strcspn(name, ",") : 0;
		char *copy;

		if (!name || (name != p) != numbered || names->nr == KMA_MAX_MIGRATETYPE_NAMES ||
		    !is_name(name, length, sizeof(names->list[0].name)))
			return bad_list(text, err);
		copy = names->list[names->nr].name;
		memcpy(copy, name, length);
		if (!is_new(names, number, copy))
			return kma_fail(err, KMA_ERR_USAGE,
					"--migratetypes takes each number and each name once: "
					"%d=%s comes too often in \"%s\"",
					number, copy, text);
		names->list[names->nr++].number = number;
		p = name + length;
		if (!*p)
			return 0;
	}
}

int32_t kma_find_migratetype(const struct kma_migratetype_names *names, const char *name)
{
	for (size_t i = 0; i < names->nr; i++)
		if (!strcmp(names->list[i].name, name))
			return names->list[i].number;
	return -1;
}
