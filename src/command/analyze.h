/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands that read one trace. */
#ifndef KMA_COMMAND_ANALYZE_H
#define KMA_COMMAND_ANALYZE_H

struct kma_config;
struct kma_error;

/* Both write what they find, and then tell in @err what is wrong with it. */
int kma_analyze(const struct kma_config *config, struct kma_error *err);
int kma_story(const struct kma_config *config, struct kma_error *err);

#endif
