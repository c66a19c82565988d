/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Property test: random schedules, written as trace.dat files of many variants, must come out with
 * exactly the numbers that are true of them, through both readers.
 *
 *   test_schedules              500 seeds
 *   test_schedules --seeds N    N seeds
 *   test_schedules SEED         this one, with the file kept
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins.h"
#include "render/render.h"
#include "result/result.h"
#include "stream/pipeline.h"
#include "truth.h"

#define DEFAULT_SEEDS 500
#define MAX_FAILURES  10

struct tally {
	unsigned int seeds, failed, both_readers;
	size_t records;
};

/* For the leak checker of a sanitizer build: libtraceevent 1.7 does not free the names it reads from kallsyms. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:isoc99_vsscanf\n";
}

static int symbols(void *source, const uint64_t *addresses, const char **names, size_t nr,
		   struct kma_arena *arena)
{
	return kma_source_symbols(source, addresses, names, nr, arena);
}

/* NULL after a message on @out. Without @named addresses stay numbers. */
static struct kma_result *analyse(const char *path, enum kma_reader reader, bool named, FILE *out)
{
	static const struct kma_analysis *const analyses[] = { &kma_zone_lock_analysis,
							       &kma_pcp_analysis, NULL };
	const struct kma_selection selection = { .analyses = analyses };
	struct kma_error err = { .code = KMA_OK };
	struct kma_source *source = kma_source_open(path, reader, &err);
	struct kma_result *result = source ? kma_result_new() : NULL;

	if (result && (kma_pipeline_run(source, &selection, NULL, result, &err) ||
		       kma_result_resolve(result, named ? symbols : NULL, source, &err))) {
		kma_result_free(result);
		result = NULL;
	}
	if (!result)
		fprintf(out, "  %s\n", err.message);
	kma_source_close(source);
	return result;
}

/* The notes tell of damage, and there is none. */
static unsigned int check_quality(const struct kma_result *result, FILE *out)
{
	for (size_t i = 0; i < result->quality.nr_notes; i++)
		fprintf(out, "  note: %s\n", result->quality.notes[i]);
	if (result->quality.truncated)
		fprintf(out, "  the file is said to be damaged\n");
	return (unsigned int)result->quality.nr_notes + result->quality.truncated;
}

static unsigned int check_numbers(const struct schedule *s, const char *path, FILE *out)
{
	struct kma_result *result = analyse(path, KMA_READER_OWN, false, out);
	struct expect *x = expect_new();
	unsigned int differences = 1;

	if (result) {
		truth_of_trace(s, x);
		truth_of_zone_lock(s, x);
		truth_of_pcp(s, result, x);
		differences = expect_compare(x, result, out) + check_series(s, result, out) +
			      check_quality(result, out);
	}
	expect_free(x);
	kma_result_free(result);
	return differences;
}

/* The JSON, with the reader's name made the same. NULL if there is none. */
static char *render(const char *path, enum kma_reader reader, FILE *out)
{
	static const char own[] = "\"own\"", other[] = "\"libtracecmd\"";
	struct kma_result *result = analyse(path, reader, true, out);
	char *text = NULL, *at;
	size_t size;
	FILE *stream;

	if (!result)
		return NULL;
	stream = open_memstream(&text, &size);
	if (!stream || kma_render_json(result, stream))
		abort();
	fclose(stream);
	kma_result_free(result);
	at = strstr(text, other);
	if (at) {
		memcpy(at, own, sizeof(own) - 1);
		memmove(at + sizeof(own) - 1, at + sizeof(other) - 1,
			strlen(at + sizeof(other) - 1) + 1);
	}
	return text;
}

static unsigned int check_readers(const char *path, FILE *out)
{
	char *own = render(path, KMA_READER_OWN, out),
	     *other = render(path, KMA_READER_TRACECMD, out);
	bool same = own && other && !strcmp(own, other);

	if (own && other && !same) {
		size_t at = 0;

		while (own[at] == other[at])
			at++;
		at = at > 60 ? at - 60 : 0;
		fprintf(out, "  the readers differ:\n    own         ...%.150s\n    libtracecmd ...%.150s\n",
			own + at, other + at);
	}
	free(own);
	free(other);
	return !same;
}

static void describe(const struct schedule *s, FILE *out)
{
	static const char *const compressions[] = { "none", "zstd", "zlib" };

	fprintf(out,
		"  version=%u endian=%s long=%u page=%u bufferpage=%u compression=%s chunk=%u "
		"clock=%s%s buffers=%u "
		"cpus=%u records=%zu lost=%llu, events:",
		s->version, s->big_endian ? "big" : "little", s->long_size, s->page_size,
		s->buffer_page_size, compressions[s->compression], s->chunk_pages, s->clock,
		s->tsc2nsec ? "+tsc2nsec" : "", s->nr_buffers, s->nr_cpus, s->nr_order,
		(unsigned long long)schedule_lost(s));
	for (unsigned int ev = 0; ev < NR_EV; ev++)
		if (is_enabled(s, ev))
			fprintf(out, " %s", strchr(event_name(ev), ':') + 1);
	fputc('\n', out);
}

static void run_seed(unsigned int seed, const char *path, bool keep, struct tally *tally)
{
	struct schedule s;
	char *messages = NULL;
	size_t size;
	FILE *out = open_memstream(&messages, &size);
	unsigned int differences = 1;

	if (!out)
		abort();
	schedule_make(&s, seed);
	if (!schedule_write(&s, path)) {
		differences = check_numbers(&s, path, out);
		if (schedule_is_common(&s) && (seed % 4 == 0 || keep)) {
			differences += check_readers(path, out);
			tally->both_readers++;
		}
	}
	tally->seeds++;
	tally->records += s.nr_order;
	tally->failed += differences > 0;
	if (differences || keep)
		describe(&s, out);
	fclose(out);
	if (differences)
		printf("seed %u: %u differences, in %s\n%s", seed, differences, path, messages);
	else if (keep)
		printf("seed %u: fine, in %s\n%s", seed, path, messages);
	else
		unlink(path);
	free(messages);
	schedule_free(&s);
}

int main(int argc, char **argv)
{
	const char *dir = getenv("TMPDIR");
	bool one = argc == 2 && argv[1][0] != '-', many = argc == 3 && !strcmp(argv[1], "--seeds");
	unsigned int first = 1, nr = DEFAULT_SEEDS;
	struct tally tally = { 0 };
	char path[256];

	if (argc > 1 && !one && !many) {
		fprintf(stderr, "usage: test_schedules [SEED | --seeds N]\n");
		return 2;
	}
	if (one)
		first = (unsigned int)strtoul(argv[1], NULL, 10);
	if (argc > 1)
		nr = one ? 1 : (unsigned int)strtoul(argv[2], NULL, 10);
	for (unsigned int i = 0; i < nr && tally.failed < MAX_FAILURES; i++) {
		snprintf(path, sizeof(path), "%s/kma-schedule-%d-%u.dat",
			 dir && *dir ? dir : "/tmp", (int)getpid(), first + i);
		run_seed(first + i, path, one, &tally);
	}
	printf("%u schedules, %zu records, %u read by both readers: %u differ\n", tally.seeds,
	       tally.records, tally.both_readers, tally.failed);
	return tally.failed ? 1 : 0;
}
