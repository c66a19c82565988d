/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock of a guest against its host's, as trace-cmd measured it now and then while both
 * recorded: the option TIME_SHIFT of a guest's trace.dat, and what it makes of a time.
 */
#ifndef KMA_SOURCE_TIMESHIFT_H
#define KMA_SOURCE_TIMESHIFT_H

#include <stdbool.h>
#include <stdint.h>

struct kma_arena;
struct kma_cursor;

struct kma_time_sample {
	int64_t time; /* the guest's */
	int64_t offset, scaling;
	uint64_t fraction; /* bits of scaling behind the point */
};

/* Of one CPU; no samples: its times are right. */
struct kma_time_shift {
	struct kma_time_sample *samples; /* by time, which differs */
	uint32_t nr;
	bool interpolate; /* between the offsets of neighbouring samples */
};

struct kma_time_shifts {
	struct kma_time_shift *cpus;
	uint32_t nr;
};

/* From a guest's time to its host's; libtracecmd's formula, but without its overflows. */
uint64_t kma_time_shift(const struct kma_time_shift *shift, uint64_t ts);
/* The option's content, in @arena. 0, 1 when it is damaged, -1 when out of memory. */
int kma_time_shifts_read(struct kma_cursor *option, struct kma_arena *arena,
			 struct kma_time_shifts *shifts);

#endif
