/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The output formats. Each reads the finished (resolved) result and writes one stream; none changes
 * anything.
 */
#ifndef KMA_RENDER_RENDER_H
#define KMA_RENDER_RENDER_H

#include <stdbool.h>
#include <stdio.h>

struct kma_comparison;
struct kma_judgement;
struct kma_report;
struct kma_result;

struct kma_text_options {
	unsigned int top;     /* rows per table and series; 0: all */
	bool color;	      /* escape sequences for colour */
	bool utf8;	      /* characters beyond ASCII */
	unsigned int columns; /* the width, at least 40; 0: 100 */
};

/* For people, at most 100 columns wide, or what @options say. 0, or -1 when out of memory or @out
 * cannot be written. */
int kma_render_text(const struct kma_result *result, const struct kma_text_options *options,
		    FILE *out);

/* One report alone, and what was found in it; @report is one of @result's. The same otherwise. */
int kma_render_report(const struct kma_result *result, const struct kma_report *report,
		      const struct kma_text_options *options, FILE *out);

/* docs/kmem-analyze-1.schema.json describes it. 0, or -1 as above. */
int kma_render_json(const struct kma_result *result, FILE *out);
/* The same document in one line. */
int kma_render_json_line(const struct kma_result *result, FILE *out);

/* A comparison: the same, and docs/kmem-analyze-diff-1.schema.json. */
int kma_render_diff_text(const struct kma_comparison *comparison,
			 const struct kma_text_options *options, FILE *out);
int kma_render_diff_json(const struct kma_comparison *comparison, FILE *out);

/* What became of thresholds. 0, or -1 as above. */
int kma_render_text_judgement(const struct kma_judgement *judgement,
			      const struct kma_text_options *options, FILE *out);
int kma_render_junit(const struct kma_judgement *judgement, FILE *out);
int kma_render_sarif(const struct kma_judgement *judgement, FILE *out);
int kma_render_markdown(const struct kma_judgement *judgement, FILE *out);
/* Workflow commands of GitHub Actions */
int kma_render_github(const struct kma_judgement *judgement, FILE *out);

#endif
