/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A JSON document where a trace could have been: recognised by its beginning, and read whole for
 * whoever knows such documents.
 */
#ifndef KMA_SOURCE_DOCUMENT_H
#define KMA_SOURCE_DOCUMENT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include <kmem-analyze/error.h>

struct kma_json_text;

/* The first character that is no white space opens an object: no trace begins so. */
bool kma_document_begins(const char *first, size_t size);
/*
 * The @size bytes at @first, and what @fd holds behind them, into @to. @stop, which may be NULL,
 * ends the reading early. 0, or -1 with @err filled.
 */
int kma_document_read(int fd, const char *name, const char *first, size_t size,
		      const volatile sig_atomic_t *stop, struct kma_json_text *to,
		      struct kma_error *err);

#endif
