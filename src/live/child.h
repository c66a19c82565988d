/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command that a live recording watches. */
#ifndef KMA_LIVE_CHILD_H
#define KMA_LIVE_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include <kmem-analyze/error.h>

struct kma_child {
	pid_t pid; /* 0: none */
	bool ended;
	int status; /* as waitpid() says, once it has ended */
};

/*
 * Runs it. @mask is the signal mask it gets; @quiet: its standard output goes to standard error.
 * Fails when there is no such command.
 */
int kma_child_start(struct kma_child *child, char **command, const sigset_t *mask, bool quiet,
		    struct kma_error *err);
/* After SIGCHLD. */
void kma_child_check(struct kma_child *child);

#endif
