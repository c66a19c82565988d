/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command that a live recording watches; see child.h. */
#include "live/child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: nothing of ours is left open but the standard streams. */
static void run(char **command, const sigset_t *mask, bool quiet, int go, int failure)
{
	char byte;
	int error;

	if (quiet)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (read(go, &byte, 1) != 1)
		_exit(127); /* there will be no recording */
	execvp(command[0], command);
	error = errno;
	if (write(failure, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

int kma_child_start(struct kma_child *child, char **command, const sigset_t *mask, bool quiet,
		    struct kma_error *err)
{
	int go[2] = { -1, -1 }, failure[2] = { -1, -1 };

	memset(child, 0, sizeof(*child));
	child->go = child->failure = -1;
	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(failure, O_CLOEXEC) < 0)
		goto fail;
	child->pid = fork();
	if (child->pid < 0)
		goto fail;
	if (!child->pid) {
		close(go[1]);
		close(failure[0]);
		run(command, mask, quiet, go[0], failure[1]);
	}
	close(go[0]);
	close(failure[1]);
	child->go = go[1];
	child->failure = failure[0];
	return 0;
fail:
	kma_fail(err, KMA_ERR_INTERNAL, "cannot start %s: %s", command[0], strerror(errno));
	child->pid = 0;
	for (int i = 0; i < 2; i++) {
		if (go[i] >= 0)
			close(go[i]);
		if (failure[i] >= 0)
			close(failure[i]);
	}
	return -1;
}

static void close_pipes(struct kma_child *child)
{
	if (child->go >= 0)
		close(child->go);
	if (child->failure >= 0)
		close(child->failure);
	child->go = child->failure = -1;
}

int kma_child_go(struct kma_child *child, char **command, struct kma_error *err)
{
	int error = 0;
	ssize_t n;

	if (write(child->go, "", 1) != 1)
		error = errno;
	do
		n = error ? 0 : read(child->failure, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	close_pipes(child);
	return error ? kma_fail(err, KMA_ERR_USAGE, "cannot run %s: %s", command[0],
				strerror(error))
		     : 0;
}

void kma_child_check(struct kma_child *child)
{
	if (child->pid && !child->ended &&
	    waitpid(child->pid, &child->status, WNOHANG) == child->pid)
		child->ended = true;
}

void kma_child_leave(struct kma_child *child)
{
	bool waits = child->go >= 0;

	close_pipes(child);
	if (child->pid && waits && !child->ended)
		waitpid(child->pid, &child->status, 0);
}
