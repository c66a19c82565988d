/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a failure travels: a code that decides the exit status, and one line of text for a person.
 * Nothing below main() prints or exits.
 */
#ifndef KMEM_ANALYZE_ERROR_H
#define KMEM_ANALYZE_ERROR_H

#include <stddef.h>

enum kma_error_code {
	KMA_OK = 0,
	KMA_ERR_USAGE,	  /* the command line asks for what cannot be */
	KMA_ERR_INTERNAL, /* out of memory, a broken invariant */
	KMA_ERR_INPUT,	  /* the input cannot be opened or is no trace */
	KMA_ERR_DAMAGED,  /* the input is a trace, but broken here; what came before was read */
	KMA_ERR_POOR,	  /* the input is sound, but holds nothing to answer with */
	KMA_ERR_VIOLATED, /* a threshold does not hold */
	KMA_ERR_OUTPUT,	  /* what was to be written could not be */
};

struct kma_error {
	enum kma_error_code code;
	char message[1000]; /* what, where in the file, what to do; no newline at the end */
};

/* Fills @err (which may be NULL) and returns -1, so that a caller can `return kma_fail(...)`. */
int kma_fail(struct kma_error *err, enum kma_error_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
