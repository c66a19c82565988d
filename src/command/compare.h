/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands that take several traces or results. */
#ifndef KMA_COMMAND_COMPARE_H
#define KMA_COMMAND_COMPARE_H

struct kma_config;
struct kma_error;

/* Both write what they find, and then tell in @err what is wrong with it. */
int kma_diff(const struct kma_config *config, struct kma_error *err);
int kma_merge(const struct kma_config *config, struct kma_error *err);

#endif
