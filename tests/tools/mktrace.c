// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mktrace: makes a trace.dat from a scenario. Only the command line; must not know the formats of
 * either.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datwriter.h"
#include "scenario.h"

static const char usage[] =
	"usage: mktrace [--set KEY=VALUE]... SCENARIO OUT.dat\n"
	"  SCENARIO may be '-' for standard input; KEY is one of the scenario's 'file' line\n";

static int make(const char *scenario, const char *out, char *const *sets, unsigned int nr_sets)
{
	bool is_stdin = !strcmp(scenario, "-");
	FILE *in = is_stdin ? stdin : fopen(scenario, "r");
	struct dat_writer *w;
	int ret = 1;

	if (!in) {
		fprintf(stderr, "mktrace: %s: %s\n", scenario, strerror(errno));
		return 1;
	}
	w = scenario_read(in, is_stdin ? "stdin" : scenario, sets, nr_sets, stderr);
	if (w) {
		ret = dat_finish(w, out) ? 1 : 0;
		if (ret)
			fprintf(stderr, "mktrace: %s\n", dat_error(w));
	}
	dat_free(w);
	if (!is_stdin)
		fclose(in);
	return ret;
}

int main(int argc, char **argv)
{
	unsigned int nr_sets = 0;
	char **sets = calloc((size_t)argc, sizeof(*sets));
	int i, ret = 2;

	if (!sets)
		return 1;
	for (i = 1; i < argc && !strncmp(argv[i], "--", 2); i++) {
		if (!strcmp(argv[i], "--help")) {
			fputs(usage, stdout);
			ret = 0;
			goto out;
		}
		if (strcmp(argv[i], "--set") || i + 1 == argc)
			break;
		sets[nr_sets++] = argv[++i];
	}
	if (argc - i != 2 || !strncmp(argv[i], "--", 2))
		fputs(usage, stderr);
	else
		ret = make(argv[i], argv[i + 1], sets, nr_sets);
out:
	free(sets);
	return ret;
}
