/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command that a live recording watches: it waits until recording has begun. */
#ifndef KMA_LIVE_CHILD_H
#define KMA_LIVE_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include <kmem-analyze/error.h>

struct kma_child {
	pid_t pid; /* 0: none */
	int go, failure;
	bool ended;
	int status; /* as waitpid() says, once it has ended */
};

/* @mask is the signal mask it gets; @quiet: its standard output goes to standard error. */
int kma_child_start(struct kma_child *child, char **command, const sigset_t *mask, bool quiet,
		    struct kma_error *err);
/* Lets it run. Fails when there is no such command. */
int kma_child_go(struct kma_child *child, char **command, struct kma_error *err);
/* After SIGCHLD. */
void kma_child_check(struct kma_child *child);
/* One that was not let run is gone then; one that runs goes on. */
void kma_child_leave(struct kma_child *child);

#endif
