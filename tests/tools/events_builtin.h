/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The events a scenario can use without declaring them. Knows their fields as text; must not know
 * how they are laid out or written.
 */
#ifndef KMA_TESTS_EVENTS_BUILTIN_H
#define KMA_TESTS_EVENTS_BUILTIN_H

struct builtin_event {
	const char *system, *name;
	unsigned int id;		/* 0: any */
	const char *fields;
	const char *print_fmt;		/* NULL: made from the fields */
};

/* @system may be NULL. NULL if there is no such event. */
const struct builtin_event *builtin_event(const char *system, const char *name);

#endif
