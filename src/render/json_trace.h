/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two parts of the JSON output that tell about the trace rather than about memory. */
#ifndef KMA_RENDER_JSON_TRACE_H
#define KMA_RENDER_JSON_TRACE_H

struct json_object;
struct kma_json;
struct kma_quality;
struct kma_result;

/* The value of "trace", without its metrics */
struct json_object *kma_json_trace(struct kma_json *w, const struct kma_result *result);
/* The value of "quality" */
struct json_object *kma_json_quality(struct kma_json *w, const struct kma_quality *quality);

#endif
