/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a JSON document that tell of the trace: its facts and its quality ledger. */
#ifndef KMA_GATE_TRACE_JSON_H
#define KMA_GATE_TRACE_JSON_H

struct kma_result;
struct kma_json_at;
struct kma_json_in;
struct kma_quality;

/* @result->facts.records is 0 or 1: whether there were any. */
void kma_trace_read_json(struct kma_json_in *in, const struct kma_json_at *trace,
			 struct kma_result *result);
void kma_quality_read_json(struct kma_json_in *in, const struct kma_json_at *at,
			   struct kma_quality *quality);

#endif
