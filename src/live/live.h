/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The live command: records this kernel, shows what the reports say meanwhile, and reports at the
 * end. */
#ifndef KMA_LIVE_LIVE_H
#define KMA_LIVE_LIVE_H

#include "cli/config.h"

/* Whatever ends it, tracefs is as it was. -1 with @err: what was recorded is reported all the same.
 */
int kma_live_run(const struct kma_config *config, struct kma_error *err);

#endif
