// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files cut off anywhere: at every border of their parts and at random places. What is complete
 * before the cut must be reported, the rest must be told, and nothing may be invented.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze.h"
#include "decode/page.h"
#include "input.h"
#include "source/source.h"
#include "walk.h"

#define RANDOM_CUTS 200
#define REAL_CUTS 40
#define MAX_REAL_SIZE (4u << 20)

/* A page of the whole file, and how long a file must be to hold it and to tell where it is. */
struct page {
	size_t needs;
	unsigned int records;
};

struct truth {
	struct page *pages;
	size_t nr, max;
	size_t complete;	/* a file at least this long is not cut */
	uint64_t records, lost;
};

static void add_page(struct truth *truth, size_t needs, unsigned int records)
{
	if (truth->nr == truth->max) {
		truth->max = 2 * truth->max + 64;
		truth->pages = realloc(truth->pages, truth->max * sizeof(*truth->pages));
		if (!truth->pages)
			case_fail("out of memory");
	}
	truth->pages[truth->nr++] = (struct page){ needs, records };
	truth->records += records;
	if (needs > truth->complete)
		truth->complete = needs;
}

static void collect_truth(const struct input *input, const struct walk *walk, struct truth *truth)
{
	struct kma_error err;
	struct kma_source *source = kma_source_open_memory(input->data, input->size, &err);
	struct kma_piece piece;

	if (!source)
		case_fail("%s", err.message);
	for (uint32_t lane = 0; lane < source->info.nr_lanes; lane++) {
		const struct kma_buffer_info *buffer =
			&source->info.buffers[source->info.lanes[lane].buffer];
		size_t described = walk_described(walk, buffer->name);

		while (source->ops->next(source, lane, &piece, &err) > 0) {
			size_t needs = (size_t)(piece.page + piece.page_size - input->data);
			struct kma_page_cursor cursor;
			struct kma_record record;
			unsigned int nr = 0;

			kma_page_open(&source->info.page_format, piece.page, piece.page_size,
				      buffer->page_size, &cursor);
			while (kma_page_next(&source->info.page_format, &cursor, &record))
				nr++;
			/* compressed pages stand before their description */
			if (needs > input->size || needs < described)
				needs = described;
			add_page(truth, needs, nr);
		}
		if (described > truth->complete)
			truth->complete = described;
	}
	kma_source_close(source);
}

static void check_message(const char *message)
{
	if (!*message || strchr(message, '\n'))
		case_fail("not one line: \"%s\"", message);
	if (strlen(message) < 25 || !strpbrk(message, ":;"))
		case_fail("says too little: \"%s\"", message);
}

static void cut(const struct input *input, const struct truth *truth, size_t size)
{
	/* a copy of exactly this size, so that reading past its end is noticed */
	void *data = malloc(size ? size : 1);
	struct outcome outcome;
	uint64_t expected = 0;

	case_begin("%s cut at %zu of %zu", input->name, size, input->size);
	if (!data)
		case_fail("out of memory");
	memcpy(data, input->data, size);
	for (size_t i = 0; i < truth->nr; i++)
		if (truth->pages[i].needs <= size)
			expected += truth->pages[i].records;
	analyze_memory(data, size, true, &outcome);
	if (!outcome.ok) {
		check_message(outcome.err.message);
		if (expected)
			case_fail("%llu records are lost: %s", (unsigned long long)expected,
				  outcome.err.message);
		if (outcome.err.code != KMA_ERR_INPUT && outcome.err.code != KMA_ERR_DAMAGED)
			case_fail("error %d: %s", outcome.err.code, outcome.err.message);
	} else {
		if (outcome.records < expected || outcome.records > truth->records)
			case_fail("%llu records, not %llu to %llu",
				  (unsigned long long)outcome.records, (unsigned long long)expected,
				  (unsigned long long)truth->records);
		if (size < truth->complete && !outcome.truncated)
			case_fail("is not told");
		if (size >= truth->complete && outcome.truncated)
			case_fail("is told without need: %s", outcome.note);
		if (outcome.truncated && (!outcome.nr_notes || !*outcome.note))
			case_fail("no note says what is missing");
	}
	free(data);
	case_end();
}

static void cut_everywhere(const struct input *input, unsigned int random, size_t max_borders)
{
	struct walk *walk = walk_file(input->data, input->size);
	uint64_t seed = 0xabcdef + input->size;
	struct truth truth = { 0 };
	struct outcome whole;
	size_t step;

	case_begin("%s", input->name);
	if (walk->failed || !walk->nr_buffers)
		case_fail("the test does not understand this file");
	collect_truth(input, walk, &truth);
	analyze_memory(input->data, input->size, true, &whole);
	if (!whole.ok || whole.truncated || whole.records != truth.records || !truth.records)
		case_fail("the whole file is not read: %s%s", whole.err.message, whole.note);
	case_end();
	step = walk->nr_borders / max_borders + 1;
	for (size_t i = 0; i < walk->nr_borders; i += step) {
		size_t at = walk->borders[i];

		cut(input, &truth, at);
		if (at)
			cut(input, &truth, at - 1);
		if (at < input->size)
			cut(input, &truth, at + 1);
	}
	for (unsigned int i = 0; i < random; i++)
		cut(input, &truth, input_random(&seed) % (input->size + 1));
	for (unsigned int i = 0; i < random; i++)
		cut(input, &truth, input_random(&seed) % (walk->metadata + 1));
	printf("%s: %zu borders, %zu pages, %llu records\n", input->name, walk->nr_borders,
	       truth.nr, (unsigned long long)truth.records);
	free(truth.pages);
	free(walk);
}

static void cut_real(const char *path)
{
	struct input input;

	if (!input_read(&input, path))
		return;
	/* the walk reads little-endian files, and large ones take too long */
	if (input.size <= MAX_REAL_SIZE && input.size > 13 && !input.data[12])
		cut_everywhere(&input, REAL_CUTS / 4, REAL_CUTS / 8);
	input_free(&input);
}

int main(int argc, char **argv)
{
	const char *traces = getenv("KMA_TRACES");

	for (const struct input_form *form = input_forms; form->name; form++) {
		struct input input;

		input_make(&input, form);
		cut_everywhere(&input, RANDOM_CUTS, SIZE_MAX);
		input_free(&input);
	}
	for (int i = 1; i < argc; i++)
		input_each(argv[i], cut_real);
	if (traces && *traces)
		input_each(traces, cut_real);
	return 0;
}
