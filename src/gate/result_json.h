/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A JSON document of ours (docs/kmem-analyze-1.schema.json) read back as a result. */
#ifndef KMA_GATE_RESULT_JSON_H
#define KMA_GATE_RESULT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <kmem-analyze/error.h>

struct kma_result;

/* What the document says of itself; the text lives as long as the result. */
struct kma_document {
	const char *schema;  /* "kmem-analyze/1" */
	const char *version; /* of the tool that wrote it */
};

/*
 * The result that the document holds, complete: written again, it is the same bytes (but for the
 * tool's version, and members that this version does not know). What JSON does not hold is empty:
 * tables have no note, columns are titled by their names. Definitions of metrics are those of
 * the analyses, or made up where this version has none of that name, kind and unit. NULL with @err
 * filled when it is not such a document; @name is for messages. @document may be NULL.
 */
struct kma_result *kma_result_parse_json(const char *text, size_t size, const char *name,
					 struct kma_document *document, struct kma_error *err);

#endif
