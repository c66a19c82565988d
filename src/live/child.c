/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command that a live recording watches; see child.h. */
#include "live/child.h"

#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int kma_child_start(struct kma_child *child, char **command, const sigset_t *mask, bool quiet,
		    struct kma_error *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int error;

	*child = (struct kma_child){ 0 };
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	error = posix_spawnattr_init(&attributes);
	if (error)
		goto out;
	error = posix_spawn_file_actions_init(&actions);
	if (error)
		goto free_attributes;
	posix_spawnattr_setsigmask(&attributes, mask);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (quiet)
		error = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	if (!error)
		error = posix_spawnp(&child->pid, command[0], &actions, &attributes, command,
				     environ);
	if (error)
		child->pid = 0;
	posix_spawn_file_actions_destroy(&actions);
free_attributes:
	posix_spawnattr_destroy(&attributes);
out:
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
