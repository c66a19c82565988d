/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What fits a command and what does not: options, files, a command to run. Each gives -1 with a
 * line that says what to type. It must not know how the words are read.
 */
#ifndef KMA_CLI_OPTION_CHECKS_H
#define KMA_CLI_OPTION_CHECKS_H

#include "cli/config.h"

/* What an option does not go with, before anybody wonders why it does nothing. */
int kma_check_option(enum kma_command command, int id, struct kma_error *err);
/* Does the command have the files that it needs, and no others? */
int kma_check_files(struct kma_config *config, struct kma_error *err);
/* What the live command runs stands behind "--", so that its own options are not taken for ours. */
int kma_check_live(struct kma_config *config, char **command, struct kma_error *err);

#endif
