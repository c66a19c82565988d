/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where bytes come from. A source says what the trace is and hands out, lane by lane (one per CPU
 * and buffer), pieces in file order: ring-buffer pages in place, or records. It knows nothing of
 * what a record means. next() of different lanes may be called from different threads.
 */
#ifndef KMA_SOURCE_SOURCE_H
#define KMA_SOURCE_SOURCE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kmem-analyze/analysis.h>
#include <kmem-analyze/error.h>

#include "decode/page.h"
#include "decode/schema.h"
#include "source/timeshift.h"

struct kma_arena;
struct kma_source;
struct kma_symbols;

/* The clock of printed events, which do not tell it, but count seconds. */
#define KMA_CLOCK_PRINTED "unknown"

struct kma_buffer_info {
	const char *name;  /* "" is the top buffer */
	const char *clock; /* "local", ... */
	uint32_t page_size;
};

struct kma_lane_info {
	uint16_t buffer; /* index into kma_source_info.buffers */
	uint32_t cpu;
	uint64_t bytes; /* in the file, for progress; 0: no data; 1: not known how much */
};

/* By CPU, then buffer: for qsort() and bsearch(). */
int kma_compare_cpu_stats(const void *a, const void *b);

/* The kernel's own per-CPU counters at the end of the recording. */
struct kma_cpu_stat {
	const char *buffer;
	uint32_t cpu;
	uint64_t overrun; /* overwritten before they were read */
};

/* From recorded to reported time: (ts * mult >> shift) + offset; mult 0 leaves ts as it is. */
struct kma_time_conversion {
	uint32_t mult, shift;
	int64_t offset;
};

struct kma_source_info {
	const char *path;
	unsigned int version;
	const char *compression;
	bool big_endian;
	uint32_t page_size, long_size, cpus;
	const char *uname; /* NULL: not stored */
	uint64_t trace_id; /* 0: not stored */
	const char *clock; /* of the top buffer */
	struct kma_page_format page_format;
	struct kma_time_conversion time;
	struct kma_time_shifts shifts; /* of a guest, before that conversion */
	struct kma_buffer_info *buffers;
	uint32_t nr_buffers;
	/* sorted by cpu, then buffer; in rounds (see more()) new ones come at the end */
	struct kma_lane_info *lanes;
	uint32_t nr_lanes;
	struct kma_cpu_stat *cpu_stats; /* sorted by kma_compare_cpu_stats() */
	size_t nr_cpu_stats;
	struct kma_format *formats;
	size_t nr_formats;
	/* what is told otherwise than by print formats: the names of the bits in gfp_flags (ends
	 * with a NULL name) or NULL, and the order of a pageblock or -1, maybe known only later;
	 * looked at when printed */
	const struct kma_flag_name *gfp_flags;
	int pageblock_order;
	bool printed;	     /* the events came as text */
	uint32_t resolution; /* of the timestamps, in ns; 0: as the clock has it */
	bool truncated;	     /* something of the file is missing or unreadable */
	const char *damage;  /* what, first */
	const char **notes;  /* what, as sentences */
	size_t nr_notes;
};

/* What @cpu's times are shifted by, or NULL. */
static inline const struct kma_time_shift *kma_source_shift(const struct kma_source_info *info,
							    uint32_t cpu)
{
	return cpu < info->shifts.nr && info->shifts.cpus[cpu].nr ? &info->shifts.cpus[cpu] : NULL;
}

/* The time of a record, reported, from the recorded one. */
static inline uint64_t kma_source_time(const struct kma_time_conversion *time,
				       const struct kma_time_shift *shift, uint64_t ts)
{
	if (__builtin_expect(shift != NULL, 0))
		ts = kma_time_shift(shift, ts);
	if (time->mult)
		ts = (unsigned __int128)ts * time->mult >> time->shift;
	return ts + (uint64_t)time->offset;
}

enum kma_piece_type { KMA_PIECE_PAGE, KMA_PIECE_RECORDS };

/* Valid until the next call for the same lane. */
struct kma_piece {
	enum kma_piece_type type;
	union {
		struct {
			const uint8_t *page;
			size_t page_size;
		};
		struct {
			const struct kma_record *records;
			size_t nr;
			uint64_t lost; /* before the first record; 0: none; 1 when not counted */
			bool lost_counted;
			uint64_t bytes; /* of the input that they stand for, 0: not known */
		};
	};
};

enum kma_next {
	KMA_NEXT_END,	/* of the lane */
	KMA_NEXT_PIECE, /* here it is */
	KMA_NEXT_AGAIN, /* nothing now, but perhaps later: only where there is now() */
};

struct kma_source_ops {
	const char *name; /* of the reader: "own", "libtracecmd" */
	/* An enum kma_next; -1 with @err when the rest of the lane cannot be read */
	int (*next)(struct kma_source *source, uint32_t lane, struct kma_piece *piece,
		    struct kma_error *err);
	/*
	 * NULL: the lanes are complete. Else the input is a stream, read round by round, and a
	 * lane's end is that of its round. 1: a further round is there, where all lanes go on, and
	 * info may have got further lanes and buffers; 0: there is none.
	 */
	int (*more)(struct kma_source *source, struct kma_error *err);
	/* The next piece of every lane is its first again. NULL: the input can be read once. */
	int (*rewind)(struct kma_source *source, struct kma_error *err);
	/* The text of /proc/kallsyms at recording time, NUL-terminated; free() it. NULL: none, or
	 * not readable. */
	char *(*kallsyms)(struct kma_source *source);
	/* Instead of kallsyms, which then is NULL: as kma_source_symbols(). */
	int (*symbols)(struct kma_source *source, const uint64_t *addresses, const char **names,
		       size_t nr, struct kma_arena *arena);
	/* The saved command lines, "PID COMM" a line, the same way. */
	char *(*cmdlines)(struct kma_source *source);
	/*
	 * NULL: all is recorded already. Else a time on the trace's clock: a lane that is asked
	 * after this call and says KMA_NEXT_AGAIN will not give a record older than it.
	 */
	uint64_t (*now)(struct kma_source *source);
	/* True once the input changed or failed while it was read, see kma_source_info.notes for
	 * what else. */
	bool (*failed)(const struct kma_source *source);
	void (*close)(struct kma_source *source);
};

struct kma_source {
	const struct kma_source_ops *ops;
	struct kma_source_info info;
	struct kma_arena *arena; /* owns the strings and arrays of info */
	bool sort_symbols;	 /* they will be asked for again and again */
	struct kma_symbols *symbols;
};

enum kma_reader { KMA_READER_OWN, KMA_READER_TRACECMD };

/* Told now and then how far it is; never on the way of an event. @total 0: not known. */
struct kma_progress {
	void (*update)(struct kma_progress *progress, uint64_t done, uint64_t total);
};

#define KMA_SPOOL_LIMIT (UINT64_C(16) << 30) /* bytes, unless said otherwise */

/* A JSON document, free() the text. */
struct kma_json_text {
	char *text;
	size_t size;
};

struct kma_input {
	const char *path; /* "-": standard input */
	enum kma_reader reader;
	uint64_t spool_limit;	       /* of a trace.dat that comes through a pipe, in bytes */
	struct kma_progress *progress; /* of keeping that; may be NULL */
	/* where that goes which a command under trace-cmd record prints, or -1 */
	int pass_on;
	const volatile sig_atomic_t *stop; /* set: a pipe is as if it ended here; may be NULL */
	struct kma_json_text *json;	   /* for callers that can read it; may be NULL */
};

/*
 * Opens whatever the input is, by its content: a trace.dat or printed events, from a file or a
 * pipe; or, where the pipe comes from trace-cmd record, the file that this wrote meanwhile. A JSON
 * document goes to input->json, if that is not NULL: then there is no source, and no error.
 */
struct kma_source *kma_input_open(const struct kma_input *input, struct kma_error *err);
/* The same of a file. */
struct kma_source *kma_source_open(const char *path, enum kma_reader reader, struct kma_error *err);
/* The same from memory, which stays the caller's: always the own reader. */
struct kma_source *kma_source_open_memory(const void *data, size_t size, struct kma_error *err);
void kma_source_close(struct kma_source *source);

/* How the functions' names begin that a stack begins with when the kernel was not built to leave
 * its own tracing out; ends with NULL. */
extern const char *const kma_tracing_functions[];

/*
 * The functions whose names begin with one of @prefixes (ends with NULL): sorted, disjoint ranges,
 * to be freed. Without symbols, or such names, there are none. 0, or -1 when out of memory.
 */
struct kma_address_range {
	uint64_t start, end; /* @end is outside */
};
int kma_source_functions(struct kma_source *source, const char *const *prefixes,
			 struct kma_address_range **ranges, size_t *nr);

/* Adds a sentence to info.notes and marks the source truncated. */
int kma_source_damage(struct kma_source *source, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int kma_source_note(struct kma_source *source, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Names addresses from the source's kallsyms: "function+0xoff" in @arena, or NULL where none lies
 * below. @addresses are sorted. Shape of
 * kma_symbol_lookup in result/result.h.
 */
int kma_source_symbols(struct kma_source *source, const uint64_t *addresses, const char **names,
		       size_t nr, struct kma_arena *arena);
/* Frees what is kept of them; kma_source_close() does so, too. */
void kma_source_forget_symbols(struct kma_source *source);

/* Names tasks from the saved command lines: "COMM-PID", or NULL. Shape of kma_task_lookup in
 * result/result.h. */
int kma_source_tasks(struct kma_source *source, const int32_t *pids, const char **names, size_t nr,
		     struct kma_arena *arena);

#endif
