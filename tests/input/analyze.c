// SPDX-License-Identifier: GPL-2.0-or-later
/* Source, pipeline, naming and both renderers in a row; see analyze.h. */
#include "analyze.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render/render.h"
#include "result/result.h"
#include "stream/pipeline.h"

static int symbols(void *source, const uint64_t *addresses, const char **names, size_t nr,
		   struct kma_arena *arena)
{
	return kma_source_symbols(source, addresses, names, nr, arena);
}

static void render(const struct kma_result *result)
{
	const struct kma_text_options text = { .top = 10, .color = true, .utf8 = true };
	static FILE *null;

	if (!null)
		null = fopen("/dev/null", "w");
	if (!null || kma_render_json(result, null) < 0 ||
	    kma_render_text(result, &text, null) < 0 || fflush(null)) {
		fputs("the result could not be rendered\n", stderr);
		abort();
	}
}

void analyze_source(struct kma_source *source, bool rendered, struct outcome *outcome)
{
	const struct kma_selection selection = { .analyses = kma_analyses };
	struct kma_result *result = kma_result_new();

	memset(outcome, 0, sizeof(*outcome));
	if (!result)
		abort();
	if (kma_pipeline_run(source, &selection, NULL, result, &outcome->err) == 0 &&
	    kma_result_resolve(result, symbols, source, &outcome->err) == 0) {
		outcome->ok = true;
		outcome->truncated = result->quality.truncated;
		outcome->records = result->facts.records;
		outcome->lost = result->quality.lost;
		outcome->nr_notes = result->quality.nr_notes;
		if (outcome->nr_notes)
			snprintf(outcome->note, sizeof(outcome->note), "%s",
				 result->quality.notes[0]);
		if (rendered)
			render(result);
	}
	kma_result_free(result);
	kma_source_close(source);
}

void analyze_memory(const void *data, size_t size, bool rendered, struct outcome *outcome)
{
	struct kma_error err = { .code = KMA_OK };
	struct kma_source *source = kma_source_open_memory(data, size, &err);

	if (source) {
		analyze_source(source, rendered, outcome);
	} else {
		memset(outcome, 0, sizeof(*outcome));
		outcome->err = err;
	}
}
