// SPDX-License-Identifier: GPL-2.0-or-later
/* Who writes a pipe: command lines of trace-cmd, and real processes in /proc. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/producer.h"

/* @words are separated by blanks; "~" is an empty one. */
static bool parse(const char *words, const char *comm, struct kma_producer *producer)
{
	char args[1000];
	size_t size = 0;

	for (const char *p = words; *p;) {
		size_t length = strcspn(p, " ");

		if (length != 1 || *p != '~') {
			memcpy(args + size, p, length);
			size += length;
		}
		args[size++] = '\0';
		p += length;
		p += strspn(p, " ");
	}
	return kma_producer_parse(args, size, comm, "/srv/u", producer);
}

static void test_record(void **unused)
{
	static const struct {
		const char *words, *file;
	} lines[] = {
		{ "trace-cmd record -e kmem", "/srv/u/trace.dat" },
		{ "/usr/bin/trace-cmd record -e kmem make -o x", "/srv/u/trace.dat" },
		{ "trace-cmd record -o a.dat -e kmem true", "/srv/u/a.dat" },
		{ "trace-cmd record -oa.dat -e kmem true", "/srv/u/a.dat" },
		{ "trace-cmd record -e kmem -o /tmp/a.dat true", "/tmp/a.dat" },
		{ "trace-cmd record -qTo d/a.dat true", "/srv/u/d/a.dat" },
		{ "trace-cmd record -o - true", "/srv/u/-" },
		{ "trace-cmd record -e -o true -o x", "/srv/u/trace.dat" },
		{ "trace-cmd record -b 100 -C mono -o b.dat -- sh -o c.dat", "/srv/u/b.dat" },
		{ "trace-cmd record -e kmem -- -o c.dat", "/srv/u/trace.dat" },
		{ "trace-cmd record --file-version 6 -o b.dat true", "/srv/u/b.dat" },
		{ "trace-cmd record --compression=zstd -o b.dat true", "/srv/u/b.dat" },
		{ "trace-cmd record --date -o b.dat true", "/srv/u/b.dat" },
		{ "trace-cmd record -o a -o b true", "/srv/u/b" },
		{ "/bin/sh /opt/bin/trace-cmd record -o b.dat true", "/srv/u/b.dat" },
		{ "trace-cmd record -e kmem -o", "/srv/u/trace.dat" },
	};
	struct kma_producer producer;

	(void)unused;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(parse(lines[i].words, "x", &producer));
		assert_int_equal(producer.type, KMA_PRODUCER_RECORD);
		assert_string_equal(producer.file, lines[i].file);
	}
}

static void test_others(void **unused)
{
	struct kma_producer producer;

	(void)unused;
	assert_true(parse("trace-cmd record -N host:1 -e kmem", "trace-cmd", &producer));
	assert_int_equal(producer.type, KMA_PRODUCER_REMOTE);
	assert_true(parse("trace-cmd stream -e kmem", "trace-cmd", &producer));
	assert_int_equal(producer.type, KMA_PRODUCER_STREAM);
	assert_true(parse("trace-cmd report", "trace-cmd", &producer));
	assert_int_equal(producer.type, KMA_PRODUCER_REPORT);
	assert_true(parse("trace-cmd", "trace-cmd", &producer));
	assert_int_equal(producer.type, KMA_PRODUCER_UNKNOWN);
	assert_false(parse("cat trace.dat", "cat", &producer));
	assert_false(parse("sudo trace-cmd-record record", "sudo", &producer));
	assert_false(parse("echo a trace-cmd record", "echo", &producer));
	assert_false(parse("", "trace-cmd", &producer));
	/* a name that replaced argv[0] */
	assert_true(parse("renamed record -o a", "trace-cmd", &producer));
	assert_string_equal(producer.file, "/srv/u/a");
	/* cut within an argument */
	assert_false(kma_producer_parse("trace-cmd", 9, "trace-cmd", "/", &producer));
}

static void test_find(void **unused)
{
	struct kma_producer producer;
	int pipes[2], ready[2], hold[2], status;
	pid_t pid;
	char c;

	(void)unused;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(hold), 0);
	assert_false(kma_producer_find("/proc", pipes[0], &producer));
	pid = fork();
	if (!pid) {
		/* a shell that calls itself as trace-cmd does, says so, and waits */
		dup2(hold[0], 0);
		dup2(pipes[1], 1);
		dup2(ready[1], 2);
		close(pipes[0]);
		close(pipes[1]);
		close(hold[1]);
		execl("/bin/sh", "/usr/bin/trace-cmd", "-c", "echo >&2; read x; exit 0", "record",
		      (char *)NULL);
		_exit(1);
	}
	assert_true(pid > 0);
	close(pipes[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_true(kma_producer_find("/proc", pipes[0], &producer));
	assert_int_equal(producer.pid, pid);
	/* "-c" is no command of trace-cmd */
	assert_int_equal(producer.type, KMA_PRODUCER_UNKNOWN);
	assert_false(kma_producer_find("/nonexistent", pipes[0], &producer));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(kma_producer_find("/proc", pipes[0], &producer));
	close(pipes[0]);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(hold[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
