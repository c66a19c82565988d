// SPDX-License-Identifier: GPL-2.0-or-later
/* Trace files in memory, random numbers and the watch; see input.h. */
#include "input.h"

#include <fts.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "datwriter.h"
#include "scenario.h"

#define NR_CPUS 3
#define NR_ROUNDS 150
#define CASE_SECONDS 20

const struct input_form input_forms[] = {
	{ "v6", { "version=6" } },
	{ "v7-none", { "version=7" } },
	{ "v7-zstd", { "version=7", "compression=zstd", "chunk=2" } },
	{ "v7-zlib", { "version=7", "compression=zlib", "chunk=3" } },
	{ 0 },
};

static char case_name[200];
static struct timespec case_start;

uint64_t input_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static void on_alarm(int sig)
{
	static const char text[] = ": does not end\n";

	(void)sig;
	if (write(STDERR_FILENO, case_name, strlen(case_name)) < 0 ||
	    write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

void case_begin(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(case_name, sizeof(case_name), fmt, ap);
	va_end(ap);
	signal(SIGALRM, on_alarm);
	alarm(CASE_SECONDS);
	clock_gettime(CLOCK_MONOTONIC, &case_start);
}

double case_end(void)
{
	struct timespec now;

	alarm(0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - case_start.tv_sec) +
	       (double)(now.tv_nsec - case_start.tv_nsec) / 1e9;
}

void case_fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", case_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* One lock section of @cpu: contended, locked, refills, unlock, each with or without a stack. */
static void write_section(FILE *out, unsigned int cpu, uint64_t *seed)
{
	const char *zone = input_random(seed) % 3 ? "Normal" : "DMA32";
	unsigned int node = cpu & 1, pid = 100 + cpu, nr = 1 + input_random(seed) % 5;
	bool contended = input_random(seed) % 4 == 0;

	if (contended)
		fprintf(out, "+%u cpu%u pid%u mm_zone_lock_contended node_id=%u name=%s count=%u "
			"caller=get_page_from_freelist+0x27f\n",
			(unsigned int)(input_random(seed) % 900), cpu, pid, node, zone, nr);
	fprintf(out, "+%u cpu%u pid%u mm_zone_locked node_id=%u name=%s count=%u contended=%d "
		"caller=get_page_from_freelist+0x27f wait_ns=%u\n",
		(unsigned int)(input_random(seed) % 5000), cpu, pid, node, zone, nr, contended,
		contended ? (unsigned int)(input_random(seed) % 100000) : 0);
	if (input_random(seed) % 8 == 0) {
		fprintf(out, "stack cpu%u", cpu);
		for (unsigned int i = input_random(seed) % 40; i > 0; i--)
			fprintf(out, " free_unref_page_commit+%u", i);
		fputc('\n', out);
	}
	for (unsigned int i = 0; i < nr; i++)
		fprintf(out, "+%u cpu%u pid%u mm_page_pcpu_refill pfn=%u order=0 migratetype=1\n",
			(unsigned int)(input_random(seed) % 300), cpu, pid,
			(unsigned int)(input_random(seed) % 1000000));
	fprintf(out, "+%u cpu%u pid%u mm_zone_lock_unlock node_id=%u name=%s count=%u "
		"caller=get_page_from_freelist+0x27f\n",
		(unsigned int)(input_random(seed) % 4000), cpu, pid, node, zone, nr);
}

static void write_other(FILE *out, unsigned int cpu, uint64_t *seed)
{
	switch (input_random(seed) % 12) {
	case 0:
		fprintf(out, "lost cpu%u count=%u\n", cpu,
			1 + (unsigned int)(input_random(seed) % 99));
		break;
	case 1:
		fprintf(out, "lost cpu%u count=?\n", cpu);
		break;
	case 2:
		fprintf(out, "discard +1000 cpu%u pid9 kfree call_site=1 ptr=2\n", cpu);
		break;
	case 3:
		fprintf(out, "timestamp cpu%u\n", cpu);
		break;
	case 4:		/* needs a time extend */
		fprintf(out, "+%u cpu%u pid9 kfree call_site=1 ptr=2\n", 1u << 29, cpu);
		break;
	case 5:
		fprintf(out, "+10 cpu%u pid9 mm_page_pcpu_drain pfn=77 order=3 migratetype=0\n",
			cpu);
		break;
	default:
		fprintf(out, "+10 cpu%u pid9 kmalloc call_site=0xffffffff81000100 ptr=0xffff0 "
			"bytes_req=100 bytes_alloc=128\n", cpu);
		break;
	}
}

static void write_scenario(FILE *out)
{
	uint64_t seed = 0x1234567;

	fputs("file page=1024 clock=mono cpus=3\n"
	      "option uname \"Linux test 6.12.0 x86_64\"\n"
	      "option traceid 77\n"
	      "option timeshift 78 1000 -1000\n"
	      "symbol ffffffff81000100 get_page_from_freelist\n"
	      "symbol ffffffff81000900 free_unref_page_commit\n"
	      "symbol ffffffff81001900 _etext\n"
	      "task 100 worker\n"
	      "1.5 cpu0 pid100 kfree call_site=1 ptr=2\n", out);
	for (unsigned int i = 0; i < NR_ROUNDS; i++) {
		if (i == NR_ROUNDS * 2 / 3)
			fputs("buffer zones clock=mono\n", out);
		write_section(out, input_random(&seed) % NR_CPUS, &seed);
		write_other(out, input_random(&seed) % NR_CPUS, &seed);
	}
}

bool input_read(struct input *input, const char *path)
{
	FILE *in = fopen(path, "rb");
	const char *base = strrchr(path, '/');
	struct stat st;
	bool ok = false;

	if (!in)
		return false;
	memset(input, 0, sizeof(*input));
	snprintf(input->name, sizeof(input->name), "%s", base ? base + 1 : path);
	if (!fstat(fileno(in), &st) && st.st_size > 0) {
		input->size = (size_t)st.st_size;
		input->data = malloc(input->size);
		ok = input->data && fread(input->data, 1, input->size, in) == input->size;
	}
	fclose(in);
	if (!ok)
		input_free(input);
	return ok;
}

void input_make(struct input *input, const struct input_form *form)
{
	int file = memfd_create("trace", 0);
	char *text = NULL, path[64];
	struct dat_writer *w;
	unsigned int nr = 0;
	size_t size = 0;
	FILE *f;

	case_begin("making %s", form->name);
	while (nr < 4 && form->sets[nr])
		nr++;
	f = open_memstream(&text, &size);
	if (!f || file < 0)
		case_fail("out of memory");
	write_scenario(f);
	fclose(f);
	f = fmemopen(text, size, "r");
	w = f ? scenario_read(f, form->name, (char *const *)form->sets, nr, stderr) : NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (!w)
		case_fail("the scenario is wrong");
	if (dat_finish(w, path) < 0)
		case_fail("%s", dat_error(w));
	if (!input_read(input, path))
		case_fail("cannot be read back");
	snprintf(input->name, sizeof(input->name), "%s", form->name);
	dat_free(w);
	fclose(f);
	free(text);
	close(file);
	case_end();
}

void input_free(struct input *input)
{
	free(input->data);
	memset(input, 0, sizeof(*input));
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

unsigned int input_each(const char *dir, void (*each)(const char *path))
{
	char *const paths[] = { (char *)dir, NULL };
	FTS *fts = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
	unsigned int nr = 0;
	FTSENT *entry;

	while (fts && (entry = fts_read(fts))) {
		size_t length = strlen(entry->fts_name);

		if (entry->fts_info != FTS_F || length < 4 ||
		    strcmp(entry->fts_name + length - 4, ".dat"))
			continue;
		each(entry->fts_path);
		nr++;
	}
	if (fts)
		fts_close(fts);
	return nr;
}
