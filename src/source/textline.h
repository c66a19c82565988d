/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line of printed events, as the kernel (trace, trace_pipe), trace-cmd (report, stream) and
 * perf (script) write them: who, where, when, which event. Knows nothing of the event's values.
 */
#ifndef KMA_SOURCE_TEXTLINE_H
#define KMA_SOURCE_TEXTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KMA_TEXT_MAX_CPU 8191 /* no kernel can be built for more */

enum kma_text_type {
	KMA_TEXT_OTHER, /* none of these: not understood */
	KMA_TEXT_EMPTY, /* nothing, or a comment */
	KMA_TEXT_EVENT,
	KMA_TEXT_LOST,	/* cpu, lost, lost_counted */
	KMA_TEXT_FRAME, /* of the stack of the event before: name, maybe address */
	KMA_TEXT_CPUS, /* a header tells how many: cpu; and maybe how many events went lost: lost */
};

struct kma_text_span {
	const char *at;
	size_t length;
};

struct kma_text_line {
	enum kma_text_type type;
	struct kma_text_span buffer; /* of an event or loss; no length: the top one, or not told */
	struct kma_text_span comm;
	int32_t pid;
	uint32_t cpu;
	uint64_t ts;	     /* in ns; ticks as they are */
	unsigned int digits; /* of the seconds' fraction; 0: ticks */
	struct kma_text_span system, name;
	const char *body, *end;
	bool perf;
	uint64_t lost;
	bool lost_counted;
};

/* @line..@end is a line without its newline. */
void kma_text_line(const char *line, const char *end, struct kma_text_line *to);

#endif
