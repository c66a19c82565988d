/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --migratetypes: what the user says the kernel's migratetypes are called. */
#ifndef KMA_CLI_MIGRATETYPES_H
#define KMA_CLI_MIGRATETYPES_H

#include <stddef.h>
#include <stdint.h>

struct kma_error;

#define KMA_MAX_MIGRATETYPE_NAMES 32

struct kma_migratetype_names {
	struct {
		int32_t number;
		char name[32];
	} list[KMA_MAX_MIGRATETYPE_NAMES];
	size_t nr;
};

/* "Unmovable,Movable", from 0 on, or "0=Unmovable,4=CMA"; each number and each name once. */
int kma_parse_migratetypes(const char *text, struct kma_migratetype_names *names,
			   struct kma_error *err);

/* The number of @name; -1: the user did not say. */
int32_t kma_find_migratetype(const struct kma_migratetype_names *names, const char *name);

#endif
