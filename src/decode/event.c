/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of the event kinds. */
#include <kmem-analyze/event.h>

static const struct {
	const char *system, *name;
} names[KMA_NR_KINDS] = {
#define KMA_KIND_NAMES(kind, system, name) [kind] = { system, name },
	KMA_EVENT_KINDS(KMA_KIND_NAMES)
#undef KMA_KIND_NAMES
};

const char *kma_kind_system(enum kma_kind kind)
{
	return names[kind].system;
}

const char *kma_kind_name(enum kma_kind kind)
{
	return names[kind].name;
}
