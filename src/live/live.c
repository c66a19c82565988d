/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The live command; see live.h. */
#include "live/live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command/output.h"
#include "live/child.h"
#include "live/choice.h"
#include "live/show.h"
#include "source/live.h"
#include "util/arena.h"

#define SECOND UINT64_C(1000000000)

/* Each CPU's buffer, and all of them together. */
#define BUFFER_KB 8192u
#define ALL_KB	  (256u << 10)
#define LEAST_KB  256u

/* How long to sleep between two looks at the buffers: so that they fill to a quarter at most. */
#define LEAST_SLEEP_NS 5000000
#define MOST_SLEEP_NS  100000000
#define WANTED_FILL    0.25
/* A command that ignores Ctrl-C is not waited for longer. */
#define PATIENCE_NS (2 * SECOND)

struct live {
	const struct kma_config *config;
	struct kma_tracefs fs;
	struct kma_source *source;
	struct kma_pipeline *pipeline;
	struct kma_child child;
	uint64_t kinds;

	sigset_t mask; /* as it was before */
	int signals;   /* what would end us arrives here */
	uint64_t begin, deadline, sleep_ns;
	const char *ended_by; /* NULL: it goes on */

	/* what is told meanwhile */
	struct kma_show show;
	FILE *lines; /* JSON, one line each; NULL: none */
	uint64_t interval, next_time;
	struct kma_result *now, *before;
	uint64_t now_time, before_time;
	double own_seconds, own_cpu; /* used at now_time; since then, of one CPU */
};

static uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

static uint32_t buffer_kb(const struct live *live)
{
	uint32_t share = ALL_KB / live->fs.cpus;

	if (live->config->live.buffer_kb)
		return live->config->live.buffer_kb;
	return share > BUFFER_KB ? BUFFER_KB : share < LEAST_KB ? LEAST_KB : share;
}

/* From here on nothing ends us but ourselves, short of SIGKILL. */
static int catch_signals(struct live *live, struct kma_error *err)
{
	static const int caught[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGTSTP, SIGWINCH
	};
	struct sigaction action;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++) {
		/* nohup means it */
		if (caught[i] != SIGHUP || sigaction(SIGHUP, NULL, &action) < 0 ||
		    action.sa_handler != SIG_IGN)
			sigaddset(&set, caught[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, &live->mask) < 0 ||
	    (live->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return kma_fail(err, KMA_ERR_INTERNAL, "cannot catch signals: %s", strerror(errno));
	return 0;
}

static int open_live(struct live *live, struct kma_error *err)
{
	const struct kma_config *config = live->config;
	bool named = config->reports_picked;
	struct kma_selection selection = { .analyses = config->analyses,
					   .stack_depth = config->stack_depth,
					   .nodes = config->nodes };
	struct kma_live_config recording = { .kbytes = buffer_kb(live), .save = config->live.save };

	live->kinds = kma_live_kinds(config->analyses, named, live->fs.kinds);
	recording.kinds = live->kinds;
	recording.stack_kinds = kma_live_stacks(config->analyses, named, config->stack_depth);
	live->source = kma_live_open(&live->fs, &recording, err);
	if (!live->source)
		return -1;
	live->pipeline = kma_pipeline_open(live->source, &selection, err);
	return live->pipeline ? 0 : -1;
}

/* A screen needs a terminal that nobody else writes to. */
static int open_display(struct live *live, struct kma_error *err)
{
	const struct kma_config *config = live->config;
	bool screen = !config->quiet && !config->json && !config->live.command &&
		      isatty(STDOUT_FILENO);

	live->interval = config->live.interval_ns ? config->live.interval_ns : SECOND;
	if (config->live.interval_ns && config->json) {
		live->lines = config->json_path ? fopen(config->json_path, "we") : stdout;
		if (!live->lines)
			return kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s",
					config->json_path, strerror(errno));
	} else if (config->live.interval_ns && !screen) {
		return kma_fail(
			err, KMA_ERR_USAGE,
			"--interval is for the screen, which needs a terminal and no command, "
			"or for --json");
	}
	if (!screen)
		return 0;
	live->show.options = kma_text_options(config, STDOUT_FILENO);
	if (kma_screen_open(&live->show.screen, stdout) < 0)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot use the terminal: %s",
				strerror(errno));
	return 0;
}

static int start(struct live *live, struct kma_error *err)
{
	const struct kma_config *config = live->config;
	char **command = config->live.command;

	if (kma_live_start(live->source, err) < 0)
		return -1;
	live->begin = clock_now();
	live->next_time = live->begin + live->interval;
	live->deadline = config->live.for_ns ? live->begin + config->live.for_ns : UINT64_MAX;
	live->sleep_ns = LEAST_SLEEP_NS;
	/* standard output is for JSON alone */
	return command ? kma_child_start(&live->child, command, &live->mask,
					 config->json && !config->json_path, err)
		       : 0;
}

static int lookup_symbols(void *source, const uint64_t *addresses, const char **names, size_t nr,
			  struct kma_arena *arena)
{
	return kma_source_symbols(source, addresses, names, nr, arena);
}

static int lookup_tasks(void *source, const int32_t *pids, const char **names, size_t nr,
			struct kma_arena *arena)
{
	return kma_live_tasks(source, pids, names, nr, arena);
}

static const struct kma_command_facts *command_facts(const struct live *live,
						     struct kma_arena *arena)
{
	struct kma_command_facts *facts = kma_arena_alloc(arena, sizeof(*facts));
	char **words = live->config->live.command;
	int status = live->child.status;

	if (!facts)
		return NULL;
	facts->ended = live->child.ended;
	facts->exit_status = facts->ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	facts->signal = facts->ended && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	while (words[facts->nr_words])
		facts->nr_words++;
	facts->words = kma_arena_alloc(arena, facts->nr_words * sizeof(*facts->words));
	for (size_t i = 0; facts->words && i < facts->nr_words; i++)
		facts->words[i] = words[i]; /* argv lives longer than any result */
	return facts->words ? facts : NULL;
}

static int add_facts(const struct live *live, struct kma_result *result, struct kma_error *err)
{
	const struct kma_instance *instance = kma_live_instance(live->source);
	struct kma_live_facts *facts = kma_arena_alloc(result->arena, sizeof(*facts));

	if (!facts)
		goto nomem;
	facts->instance = kma_arena_strdup(result->arena, instance->name);
	facts->buffer_kb = instance->kbytes;
	facts->own_pid = (int)getpid();
	facts->elapsed_ns = clock_now() - live->begin;
	facts->ended_by = live->ended_by;
	facts->events = kma_arena_alloc(result->arena, KMA_NR_KINDS * sizeof(*facts->events));
	if (!facts->instance || !facts->events)
		goto nomem;
	for (int kind = 1; kind < KMA_NR_KINDS; kind++) {
		if (!(live->kinds & KMA_KIND_BIT(kind)))
			continue;
		facts->events[facts->nr_events] = kma_arena_printf(
			result->arena, "%s:%s", kma_kind_system(kind), kma_kind_name(kind));
		if (!facts->events[facts->nr_events++])
			goto nomem;
	}
	if (live->config->live.command && !(facts->command = command_facts(live, result->arena)))
		goto nomem;
	result->facts.live = facts;
	return 0;
nomem:
	return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
}

/* How things stand, complete and named. NULL with @err. */
static struct kma_result *make_result(struct live *live, struct kma_error *err)
{
	struct kma_result *result = kma_result_new();

	if (!result) {
		kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		return NULL;
	}
	if (kma_pipeline_report(live->pipeline, result, err) == 0 &&
	    add_facts(live, result, err) == 0 &&
	    kma_result_name_tasks(result, lookup_tasks, live->source, err) == 0 &&
	    kma_result_resolve(result, lookup_symbols, live->source, err) == 0)
		return result;
	kma_result_free(result);
	return NULL;
}

static void measure_own_cpu(struct live *live, uint64_t between)
{
	struct rusage usage;
	double seconds;

	if (getrusage(RUSAGE_SELF, &usage) < 0 || !between)
		return;
	seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	live->own_cpu = (seconds - live->own_seconds) * 1e9 / (double)between;
	live->own_seconds = seconds;
}

static int draw(struct live *live, struct kma_error *err)
{
	struct kma_overview overview = { .now = live->now,
					 .before = live->before,
					 .between_ns = live->now_time - live->before_time };
	struct kma_show_head head = { .elapsed_ns = live->now_time - live->begin,
				      .own_cpu = live->own_cpu };

	if (!live->show.screen.open || !live->now)
		return 0;
	head.lossy = live->now->quality.lost > (live->before ? live->before->quality.lost : 0);
	if (kma_show_draw(&live->show, &overview, &head) < 0)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write to the terminal: %s",
				strerror(errno));
	return 0;
}

/* What is due: a line, or a picture. */
static int tell(struct live *live, struct kma_error *err)
{
	uint64_t time = clock_now();
	struct kma_result *result;

	if (time < live->next_time || (!live->lines && !live->show.screen.open))
		return 0;
	/* late is late: no two in a row to catch up */
	live->next_time += live->interval;
	if (live->next_time < time)
		live->next_time = time + live->interval;
	if (live->show.screen.open && live->show.paused)
		return 0;
	result = make_result(live, err);
	if (!result)
		return -1;
	kma_result_free(live->before);
	live->before = live->now;
	live->before_time = live->now ? live->now_time : live->begin;
	live->now = result;
	live->now_time = time;
	measure_own_cpu(live, time - live->before_time);
	if (live->lines && kma_render_json_line(result, live->lines) < 0)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write JSON: %s", strerror(errno));
	return draw(live, err);
}

/* Ctrl-Z: the terminal is given back while we are stopped; recording goes on in the kernel. */
static int stop_and_go_on(struct live *live, struct kma_error *err)
{
	bool open = live->show.screen.open;

	kma_screen_close(&live->show.screen);
	raise(SIGSTOP);
	if (open && kma_screen_open(&live->show.screen, stdout) < 0)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot use the terminal: %s",
				strerror(errno));
	return draw(live, err);
}

static void end_by(struct live *live, const char *why)
{
	if (!live->ended_by)
		live->ended_by = why;
}

static int take_signals(struct live *live, struct kma_error *err)
{
	struct signalfd_siginfo info;
	bool runs;

	while (read(live->signals, &info, sizeof(info)) == sizeof(info)) {
		runs = live->child.pid && !live->child.ended;
		switch (info.ssi_signo) {
		case SIGCHLD:
			kma_child_check(&live->child);
			if (live->child.ended)
				end_by(live, "command");
			break;
		case SIGWINCH:
			if (draw(live, err) < 0)
				return -1;
			break;
		case SIGTSTP:
			if (stop_and_go_on(live, err) < 0)
				return -1;
			break;
		case SIGINT:
		case SIGQUIT:
			/* from the terminal the command has got it too, and is waited for a little
			 */
			if (runs && info.ssi_code == SI_KERNEL &&
			    live->deadline > clock_now() + PATIENCE_NS)
				live->deadline = clock_now() + PATIENCE_NS;
			else
				end_by(live, "signal");
			break;
		default:
			/* nobody else tells the command */
			if (runs)
				kill(live->child.pid, (int)info.ssi_signo);
			end_by(live, "signal");
		}
	}
	return 0;
}

static int take_keys(struct live *live, struct kma_error *err)
{
	int keys[64];
	size_t nr = kma_screen_keys(&live->show.screen, keys, 64);
	bool quit = false, changed = false;

	for (size_t i = 0; i < nr; i++)
		changed |= kma_show_key(&live->show, keys[i], &quit);
	if (quit)
		end_by(live, "user");
	return changed ? draw(live, err) : 0;
}

/* Sleeps until there should be something to read, or something else happens. */
static int wait_for_more(struct live *live, bool more, struct kma_error *err)
{
	bool screen = live->show.screen.open && live->show.screen.keys >= 0;
	struct pollfd fds[2] = { { .fd = live->signals, .events = POLLIN },
				 { .fd = screen ? live->show.screen.keys : -1, .events = POLLIN } };
	uint64_t time = clock_now(), until = time + live->sleep_ns;
	struct timespec timeout = { 0 };

	if (until > live->deadline)
		until = live->deadline;
	if ((live->lines || live->show.screen.open) && until > live->next_time)
		until = live->next_time;
	if (!more && until > time)
		timeout.tv_nsec = (long)(until - time);
	if (ppoll(fds, 2, &timeout, NULL) < 0 && errno != EINTR)
		return kma_fail(err, KMA_ERR_INTERNAL, "cannot wait: %s", strerror(errno));
	if (fds[0].revents && take_signals(live, err) < 0)
		return -1;
	if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL))
		end_by(live, "signal"); /* the terminal is gone */
	else if (fds[1].revents && take_keys(live, err) < 0)
		return -1;
	if (clock_now() >= live->deadline)
		end_by(live,
		       live->config->live.for_ns &&
				       live->deadline >= live->begin + live->config->live.for_ns
			       ? "time"
			       : "signal");
	return 0;
}

/* Soon again when the buffers fill fast; seldom when little happens. */
static void adapt_sleep(struct live *live)
{
	double fill = kma_live_fill(live->source);
	double sleep = fill > 0 ? (double)live->sleep_ns * WANTED_FILL / fill : MOST_SLEEP_NS;

	if (sleep > 2 * (double)live->sleep_ns)
		sleep = 2 * (double)live->sleep_ns;
	live->sleep_ns = sleep < LEAST_SLEEP_NS	 ? LEAST_SLEEP_NS
			 : sleep > MOST_SLEEP_NS ? MOST_SLEEP_NS
						 : (uint64_t)sleep;
}

static int record(struct live *live, struct kma_error *err)
{
	while (!live->ended_by) {
		int ret = kma_pipeline_pump(live->pipeline, NULL, err);

		if (ret < 0 || tell(live, err) < 0)
			return -1;
		if (ret == KMA_PUMP_WAIT)
			adapt_sleep(live);
		if (wait_for_more(live, ret == KMA_PUMP_MORE, err) < 0)
			return -1;
	}
	return 0;
}

/* What is still in the buffers, but not for ever. */
static int drain(struct live *live, struct kma_error *err)
{
	int ret = KMA_PUMP_MORE;

	if (kma_live_stop(live->source, err) < 0)
		return -1;
	while (ret == KMA_PUMP_MORE || ret == KMA_PUMP_WAIT)
		ret = kma_pipeline_pump(live->pipeline, NULL, err);
	return ret < 0 ? -1 : 0;
}

static int write_last(struct live *live, const struct kma_result *result, struct kma_error *err)
{
	struct kma_config text = *live->config;

	if (!live->lines)
		return kma_write_result(live->config, result, err);
	if (kma_render_json_line(result, live->lines) < 0)
		return kma_fail(err, KMA_ERR_OUTPUT, "cannot write JSON: %s", strerror(errno));
	text.json = false;
	return live->config->json_path ? kma_write_result(&text, result, err) : 0;
}

/* A report that was named has nothing to say: the kernel lacks events of it, or they did not come.
 */
static int say_empty(const struct live *live, const struct kma_report *report,
		     const struct kma_analysis *analysis, struct kma_error *err)
{
	double seconds = (double)report->result->facts.live->elapsed_ns / 1e9;
	char missing[400];

	kma_live_missing(analysis, live->fs.kinds, missing, sizeof(missing));
	return kma_fail(
		err, KMA_ERR_POOR,
		"none of the events that %s needs came in %.1f seconds%s%s; to see what this "
		"kernel can tell: kmem-analyze doctor -r %s",
		report->name, seconds, *missing ? ", and this kernel has no " : "", missing,
		report->name);
}

/* Does what came answer what was asked? */
static int judge(const struct live *live, const struct kma_result *result, struct kma_error *err)
{
	if (result->quality.truncated)
		return kma_fail(err, KMA_ERR_DAMAGED, "only partly read: %s",
				result->quality.damage ? result->quality.damage
						       : "a CPU is missing");
	for (size_t i = 0; live->config->reports_picked && i < result->nr_reports; i++)
		if (result->reports[i].status.code == KMA_UNAVAILABLE)
			return say_empty(live, &result->reports[i], live->config->analyses[i], err);
	if (!result->facts.records)
		return kma_fail(err, KMA_ERR_POOR, "no event came in %.1f seconds",
				(double)result->facts.live->elapsed_ns / 1e9);
	return 0;
}

static int finish(struct live *live, struct kma_error *err)
{
	struct kma_result *result;
	int ret;

	kma_screen_close(&live->show.screen);
	result = make_result(live, err);
	if (!result)
		return -1;
	ret = write_last(live, result, err);
	if (!ret)
		ret = kma_live_save(live->source, err);
	if (!ret)
		ret = judge(live, result, err);
	kma_result_free(result);
	return ret;
}

static int close_live(struct live *live, int ret, struct kma_error *err)
{
	kma_screen_close(&live->show.screen);
	kma_pipeline_close(live->pipeline);
	if (live->source && kma_live_close(live->source, ret ? NULL : err) < 0)
		ret = -1;
	kma_result_free(live->now);
	kma_result_free(live->before);
	if (live->lines && live->lines != stdout && fclose(live->lines) && !ret)
		ret = kma_fail(err, KMA_ERR_OUTPUT, "cannot write %s: %s", live->config->json_path,
			       strerror(errno));
	kma_tracefs_close(&live->fs);
	if (live->signals >= 0)
		close(live->signals);
	return ret;
}

int kma_live_run(const struct kma_config *config, struct kma_error *err)
{
	struct live live = { .config = config, .signals = -1 };
	int ret = -1;

	if (kma_tracefs_open(&live.fs, err) < 0)
		return -1;
	if (kma_live_check(config->analyses, config->reports_picked, live.fs.kinds, err) == 0 &&
	    catch_signals(&live, err) == 0 && open_live(&live, err) == 0 &&
	    open_display(&live, err) == 0 && start(&live, err) == 0) {
		ret = record(&live, err);
		/* an error midway does not take away what was recorded before it */
		if (drain(&live, ret ? NULL : err) < 0)
			ret = -1;
		if (finish(&live, ret ? NULL : err) < 0)
			ret = -1;
	}
	return close_live(&live, ret, err);
}
