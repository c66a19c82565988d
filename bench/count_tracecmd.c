/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The yardstick: counts the records of a trace.dat with libtracecmd's own loop, buffer by buffer,
 * and does nothing else.
 */
#include <stdio.h>

#include <trace-cmd/trace-cmd.h>

static unsigned long long records;

static int count(struct tracecmd_input *handle, struct tep_record *record, int cpu, void *data)
{
	(void)handle;
	(void)record;
	(void)cpu;
	(void)data;
	records++;
	return 0;
}

int main(int argc, char **argv)
{
	struct tracecmd_input *handle;

	if (argc != 2) {
		fprintf(stderr, "usage: count_tracecmd TRACE\n");
		return 2;
	}
	handle = tracecmd_open(argv[1], TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!handle) {
		fprintf(stderr, "%s: libtracecmd cannot open it\n", argv[1]);
		return 3;
	}
	tracecmd_iterate_events(handle, NULL, 0, count, NULL);
	for (int i = 0; i < tracecmd_buffer_instances(handle); i++) {
		struct tracecmd_input *instance = tracecmd_buffer_instance_handle(handle, i);

		if (!instance)
			continue;
		tracecmd_iterate_events(instance, NULL, 0, count, NULL);
		tracecmd_close(instance);
	}
	printf("%llu\n", records);
	tracecmd_close(handle);
	return 0;
}
