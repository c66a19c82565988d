// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two readers, one truth: record by record, the own trace.dat reader against libtracecmd, and on
 * every page the own page decoder against libtraceevent's kbuffer. On real traces, and on made ones
 * of both byte orders, both long sizes and all kinds of records.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <traceevent/kbuffer.h>

#include "datwriter.h"
#include "decode/page.h"
#include "input.h"
#include "source/source.h"

#define MADE_FILES 24
#define MADE_RECORDS 3000

static unsigned int nr_files;
static unsigned long long nr_records, nr_pages;

/* libtracecmd does not free all of what it opened. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libtracecmd\nleak:libtraceevent\nleak:vsscanf\n";
}

/* The records of one lane, whatever the source hands out. */
struct lane {
	struct kma_source *source;
	uint32_t index;
	struct kma_piece piece;
	struct kma_page_cursor page;
	bool have_piece;
	size_t at;
	uint64_t lost;		/* before the next record; UINT64_MAX: not counted */
};

static void check_page(const struct kma_source_info *info, const uint8_t *page, size_t size);

static bool next_piece(struct lane *lane)
{
	const struct kma_source_info *info = &lane->source->info;
	uint32_t full = info->buffers[info->lanes[lane->index].buffer].page_size;
	struct kma_error err;
	int ret = lane->source->ops->next(lane->source, lane->index, &lane->piece, &err);

	if (ret < 0)
		case_fail("lane %u: %s", lane->index, err.message);
	lane->have_piece = ret > 0;
	lane->at = 0;
	if (!ret)
		return false;
	if (lane->piece.type == KMA_PIECE_RECORDS) {
		if (lane->piece.lost)
			lane->lost = lane->piece.lost_counted ? lane->piece.lost : UINT64_MAX;
		return true;
	}
	kma_page_open(&info->page_format, lane->piece.page, lane->piece.page_size, full,
		      &lane->page);
	if (lane->page.lost)
		lane->lost = lane->page.lost_counted ? lane->page.lost : UINT64_MAX;
	if (lane->piece.page_size == full)
		check_page(info, lane->piece.page, full);
	return true;
}

static bool next_record(struct lane *lane, struct kma_record *record, uint64_t *lost)
{
	const struct kma_source_info *info = &lane->source->info;

	do {
		bool found = false;

		if (!lane->have_piece)
			continue;
		if (lane->piece.type == KMA_PIECE_RECORDS) {
			found = lane->at < lane->piece.nr;
			if (found)
				*record = lane->piece.records[lane->at++];
		} else {
			found = kma_page_next(&info->page_format, &lane->page, record);
			if (lane->page.damaged)
				case_fail("lane %u: a damaged page", lane->index);
		}
		if (!found)
			continue;
		record->ts = kma_source_time(&info->time,
					     kma_source_shift(info, info->lanes[lane->index].cpu),
					     record->ts);
		*lost = lane->lost;
		lane->lost = 0;
		return true;
	} while (next_piece(lane));
	return false;
}

static void compare_lane(struct kma_source *own, struct kma_source *reference, uint32_t index)
{
	struct lane a = { .source = own, .index = index };
	struct lane b = { .source = reference, .index = index };
	struct kma_record x, y;
	uint64_t x_lost, y_lost;

	for (unsigned long long n = 0;; n++) {
		bool more = next_record(&a, &x, &x_lost);

		if (more != next_record(&b, &y, &y_lost))
			case_fail("lane %u: %s has more than %llu records", index,
				  more ? "the own reader" : "libtracecmd", n);
		if (!more)
			return;
		nr_records++;
		if (x.ts != y.ts)
			case_fail("lane %u record %llu: time %llu, not %llu", index, n,
				  (unsigned long long)x.ts, (unsigned long long)y.ts);
		if (x.size != y.size || memcmp(x.data, y.data, x.size))
			case_fail("lane %u record %llu: %u bytes are not the same %u bytes",
				  index, n, x.size, y.size);
		if (x_lost != y_lost)
			case_fail("lane %u record %llu: %lld lost, not %lld", index, n,
				  (long long)x_lost, (long long)y_lost);
	}
}

static void compare_infos(const struct kma_source_info *a, const struct kma_source_info *b)
{
	if (a->nr_lanes != b->nr_lanes || a->nr_buffers != b->nr_buffers ||
	    a->nr_formats != b->nr_formats || a->page_size != b->page_size)
		case_fail("the readers do not agree on what the file is");
	for (uint32_t i = 0; i < a->nr_lanes; i++)
		if (a->lanes[i].cpu != b->lanes[i].cpu || a->lanes[i].buffer != b->lanes[i].buffer)
			case_fail("lane %u is another one", i);
}

static struct kma_source *open_reader(const char *path, enum kma_reader reader)
{
	struct kma_error err;
	struct kma_source *source = kma_source_open(path, reader, &err);

	if (!source)
		case_fail("%s", err.message);
	return source;
}

static void compare_readers(const char *path)
{
	struct kma_source *own, *reference;

	case_begin("%s", path);
	own = open_reader(path, KMA_READER_OWN);
	reference = open_reader(path, KMA_READER_TRACECMD);
	compare_infos(&own->info, &reference->info);
	for (uint32_t i = 0; i < own->info.nr_lanes; i++)
		compare_lane(own, reference, i);
	kma_source_close(reference);
	kma_source_close(own);
	nr_files++;
	case_end();
}

/* The same page through kbuffer. */
static void check_page(const struct kma_source_info *info, const uint8_t *page, size_t size)
{
	struct kbuffer *kbuf = kbuffer_alloc(
		info->page_format.commit_size == 8 ? KBUFFER_LSIZE_8 : KBUFFER_LSIZE_4,
		info->big_endian ? KBUFFER_ENDIAN_BIG : KBUFFER_ENDIAN_LITTLE);
	struct kma_page_cursor cursor;
	struct kma_record record;
	unsigned long long ts;
	unsigned int nr = 0;
	int missed;
	void *data;

	if (!kbuf || kbuffer_load_subbuffer(kbuf, (void *)page))
		case_fail("kbuffer does not take the page");
	kma_page_open(&info->page_format, page, size, size, &cursor);
	missed = kbuffer_missed_events(kbuf);
	if ((cursor.lost_counted ? (int)cursor.lost : cursor.lost ? -1 : 0) != missed)
		case_fail("%lld lost, but kbuffer says %d", (long long)cursor.lost, missed);
	for (data = kbuffer_read_event(kbuf, &ts); data; data = kbuffer_next_event(kbuf, &ts)) {
		if (!kma_page_next(&info->page_format, &cursor, &record))
			case_fail("kbuffer has more than %u records on a page", nr);
		if (record.data != data || record.ts != ts ||
		    record.size != (unsigned int)kbuffer_event_size(kbuf))
			case_fail("record %u at %td, %u bytes, time %llu; kbuffer: %td, %d, %llu",
				  nr, record.data - page, record.size,
				  (unsigned long long)record.ts, (uint8_t *)data - page,
				  kbuffer_event_size(kbuf), ts);
		nr++;
	}
	if (kma_page_next(&info->page_format, &cursor, &record))
		case_fail("kbuffer has only %u records on a page", nr);
	if (cursor.damaged)
		case_fail("a page that kbuffer reads counts as damaged");
	nr_pages++;
	kbuffer_free(kbuf);
}

static void write_random(struct dat_writer *w, const struct dat_event *event, uint64_t *seed,
			 uint64_t ts[], unsigned int cpus, unsigned int nr_buffers)
{
	struct dat_record rec = {
		.buffer = input_random(seed) % nr_buffers,
		.cpu = input_random(seed) % cpus,
		.pid = (int)(input_random(seed) % 32768),
		.discard = input_random(seed) % 9 == 0,
	};
	uint64_t *now = &ts[rec.buffer * cpus + rec.cpu];
	struct dat_value values[2] = { { .num = input_random(seed) } };
	uint64_t ips[100];
	char text[400];
	int ret = 0;

	/* mostly small steps, some that need a time extend */
	*now += input_random(seed) % (input_random(seed) % 20 ? 4000 : 1ull << 33);
	if (input_random(seed) % 40 == 0) {
		/* kbuffer tells of a gap only when a page begins with a record that has data */
		ret |= dat_lost(w, rec.buffer, rec.cpu, (int)(input_random(seed) % 1000) - 100);
		rec.discard = false;
	} else if (input_random(seed) % 60 == 0) {
		ret |= dat_new_page(w, rec.buffer, rec.cpu);
	} else if (input_random(seed) % 50 == 0) {
		ret |= dat_timestamp(w, rec.buffer, rec.cpu);
	}
	rec.ts = *now;
	if (input_random(seed) % 10 == 0) {
		unsigned int nr = input_random(seed) % 100;

		for (unsigned int i = 0; i < nr; i++)
			ips[i] = input_random(seed);
		rec.discard = false;
		ret |= dat_write_stack(w, &rec, ips, nr);
	} else {
		memset(text, 'x', sizeof(text));
		text[input_random(seed) % (input_random(seed) % 4 ? 12 : 400)] = '\0';
		text[sizeof(text) - 1] = '\0';
		values[1].text = text;
		ret |= dat_write(w, &rec, event, values);
	}
	/* a discarded record may stand a little later */
	*now += 1;
	if (ret)
		case_fail("%s", dat_error(w));
}

/* A guest's clock, measured one to six times while the records were made. */
static void shift_random(struct dat_writer *w, uint64_t *seed, uint64_t start)
{
	unsigned int nr = 1 + (unsigned int)(input_random(seed) % 6);
	struct dat_time_sample samples[12];

	for (unsigned int i = 0; i < 2 * nr; i++) {
		uint64_t fraction = input_random(seed) % 4;

		if (i % nr && input_random(seed) % 4 == 0) {
			samples[i] = samples[i - 1];
			continue;
		}
		samples[i] = (struct dat_time_sample){
			.time = start + input_random(seed) % (UINT64_C(5) << 36), /* in no order */
			.offset = (int64_t)(input_random(seed) % 2000000) - 1000000,
			.scaling = (UINT64_C(1) << fraction) + input_random(seed) % 2,
			.fraction = fraction,
		};
	}
	if (dat_option_time_shift(w, 77, (uint32_t)(input_random(seed) % 2), samples, nr))
		case_fail("%s", dat_error(w));
}

/* A file of random records; the number decides its form. */
static void make_random(unsigned int number, const char *path)
{
	static const unsigned int page_sizes[] = { 4096, 8192, 65536 };
	uint64_t seed = 99 + number * UINT64_C(7919), ts[8] = { 0 };
	struct dat_config config = {
		.version = number % 3 ? 7 : 6,
		.big_endian = number / 2 % 2,
		.long_size = number % 2 ? 4 : 8,
		.page_size = page_sizes[number % 4 ? 0 : 1 + number / 4 % 2],
		/* no zlib: not every libtracecmd is built with it */
		.compression = number % 3 && number / 3 % 3 ? DAT_ZSTD : DAT_NONE,
		.clock = "mono",
		.cpus = 2,
		.pad_pages = number / 4 % 2,
		.narrow_flags = number / 5 % 2,
	};
	struct dat_writer *w = dat_new(&config);
	const struct dat_event *event;
	unsigned int buffers = 1 + number % 2;

	if (!w)
		case_fail("these settings do not go together");
	event = dat_add_event(w, "kmem", "random", 0, "unsigned long a, __data_loc char[] text",
			      NULL);
	if (!event || (buffers > 1 && dat_add_buffer(w, "second", "mono") < 0))
		case_fail("%s", dat_error(w));
	if (number % 4 == 1 && dat_option_tsc2nsec(w, 1u << 21, 22, 12345))
		case_fail("%s", dat_error(w));
	for (unsigned int i = 0; i < 4; i++)
		ts[i] = UINT64_C(1) << (20 + number);
	/* libtracecmd shifts the top buffer only */
	if (buffers == 1 && number % 3)
		shift_random(w, &seed, ts[0]);
	for (unsigned int i = 0; i < MADE_RECORDS; i++)
		write_random(w, event, &seed, ts, 2, buffers);
	if (dat_finish(w, path) < 0)
		case_fail("%s", dat_error(w));
	dat_free(w);
}

int main(int argc, char **argv)
{
	const char *traces = getenv("KMA_TRACES");
	char path[] = "/tmp/kma-readers-XXXXXX";
	int file = mkstemp(path);

	if (file < 0) {
		printf("skipped: no temporary file can be made\n");
		return EXIT_SKIP;
	}
	close(file);
	for (unsigned int i = 0; i < MADE_FILES; i++) {
		case_begin("made file %u", i);
		make_random(i, path);
		compare_readers(path);
	}
	unlink(path);
	printf("made: %u files, %llu records, %llu pages\n", nr_files, nr_records, nr_pages);
	for (int i = 1; i < argc; i++)
		input_each(argv[i], compare_readers);
	if (traces && *traces)
		input_each(traces, compare_readers);
	else
		printf("KMA_TRACES names no directory: no traces but made ones and those given\n");
	printf("all: %u files, %llu records, %llu pages\n", nr_files, nr_records, nr_pages);
	return 0;
}
