// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes the fuzzers' first inputs: a small trace in many forms, and their pages, each behind the
 * byte that tells fuzz_page how to read it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "datwriter.h"
#include "decode/page.h"
#include "scenario.h"
#include "source/source.h"

static const char scenario[] =
	"file page=1024 clock=mono cpus=2\n"
	"option uname \"Linux 6.12\"\n"
	"option timeshift 7 500 -20\n"
	"symbol ffffffff81000100 get_page_from_freelist\n"
	"1.5 cpu0 pid1 mm_zone_lock_contended node_id=1 name=Normal count=2 "
	"caller=0xffffffff81000110\n"
	"+90 cpu0 pid1 mm_zone_locked node_id=1 name=Normal count=2 contended=1 "
	"caller=0xffffffff81000110 wait_ns=80\n"
	"stack cpu0 0xffffffff81000110 0xffffffff81000190\n"
	"+10 cpu0 pid1 mm_page_pcpu_refill pfn=77 order=0 migratetype=1\n"
	"discard +1000 cpu0 pid9 kfree call_site=1 ptr=2\n"
	"+10 cpu0 pid1 mm_zone_lock_unlock node_id=1 name=Normal count=2 "
	"caller=0xffffffff81000110\n"
	"lost cpu1 count=9\n"
	"+700000000 cpu1 pid2 mm_page_pcpu_drain pfn=77 order=0 migratetype=1\n"
	"timestamp cpu1\n"
	"+10 cpu1 pid2 mm_page_alloc_zone_locked pfn=78 order=0 migratetype=1 percpu_refill=1\n"
	"buffer zones clock=mono\n"
	"+10 cpu1 pid2 mm_page_pcpu_drain pfn=78 order=0 migratetype=1\n";

static const struct {
	const char *name;
	const char *sets[4];
} forms[] = {
	{ "v6", { "version=6" } },
	{ "v6-big", { "version=6", "endian=big", "long=4" } },
	{ "none", { "version=7" } },
	{ "none-big", { "version=7", "endian=big" } },
	{ "none-32", { "version=7", "long=4" } },
	{ "zstd", { "version=7", "compression=zstd", "chunk=1" } },
	{ "zlib", { "version=7", "compression=zlib", "chunk=2" } },
};

static int make_file(unsigned int form, const char *path)
{
	FILE *in = fmemopen((void *)scenario, sizeof(scenario) - 1, "r");
	unsigned int nr = 0;
	struct dat_writer *w;
	int ret;

	while (forms[form].sets[nr])
		nr++;
	w = in ? scenario_read(in, "seed", (char *const *)forms[form].sets, nr, stderr) : NULL;
	ret = w ? dat_finish(w, path) : -1;
	if (w && ret)
		fprintf(stderr, "%s\n", dat_error(w));
	dat_free(w);
	if (in)
		fclose(in);
	return ret;
}

static int write_page(const struct kma_source_info *info, const struct kma_piece *piece,
		      const char *path)
{
	uint8_t head = 0x54 | (info->big_endian ? 1 : 0) |
		       (info->page_format.commit_size == 4 ? 2 : 0);
	FILE *out = fopen(path, "wb");
	int ret;

	if (!out)
		return -1;
	ret = fwrite(&head, 1, 1, out) == 1 &&
	      fwrite(piece->page, 1, piece->page_size, out) == piece->page_size ? 0 : -1;
	return fclose(out) ? -1 : ret;
}

static int make_pages(const char *from, const char *dir, const char *name)
{
	struct kma_error err;
	struct kma_source *source = kma_source_open(from, KMA_READER_OWN, &err);
	struct kma_piece piece;
	unsigned int nr = 0;
	int ret = 0;

	if (!source)
		return -1;
	for (uint32_t lane = 0; !ret && lane < source->info.nr_lanes; lane++)
		while (!ret && source->ops->next(source, lane, &piece, &err) > 0) {
			char path[4096];

			snprintf(path, sizeof(path), "%s/%s-%u", dir, name, nr++);
			ret = write_page(&source->info, &piece, path);
		}
	kma_source_close(source);
	return ret;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: make_seeds TRACEDAT_DIR PAGE_DIR\n", stderr);
		return 2;
	}
	mkdir(argv[1], 0777);
	mkdir(argv[2], 0777);
	for (unsigned int i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s.dat", argv[1], forms[i].name);
		if (make_file(i, path) || make_pages(path, argv[2], forms[i].name)) {
			fprintf(stderr, "make_seeds: cannot make %s\n", path);
			return 1;
		}
	}
	return 0;
}
