/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From printed lines to records; see textrecord.h. */
#include "source/textrecord.h"

#include <stdlib.h>
#include <string.h>

#include "util/arena.h"

#define MAX_SYMBOLS (1u << 20)
#define MAX_COMMS   (1u << 16)
#define MAX_TASKS   (1u << 18)

/* Events that can be printed but whose print is not known. */
#define UNPRINTED                                    \
	(KMA_KIND_BIT(KMA_ZONE_LOCK_START_LOCKING) | \
	 KMA_KIND_BIT(KMA_ZONE_LOCK_ACQUIRE_RETURNED) | KMA_KIND_BIT(KMA_ZONE_LOCK_RELEASED))

int kma_text_records_open(struct kma_text_records *records)
{
	memset(records, 0, sizeof(*records));
	records->pageblock_order = -1;
	records->events = kma_names_new(KMA_TEXT_MAX_EVENTS);
	records->symbols = kma_names_new(MAX_SYMBOLS);
	records->comms = kma_names_new(MAX_COMMS);
	records->arena = kma_arena_new();
	records->kinds = calloc(KMA_TEXT_MAX_EVENTS, sizeof(*records->kinds));
	records->systems = calloc(KMA_TEXT_MAX_EVENTS, sizeof(*records->systems));
	for (int kind = 1; kind < KMA_NR_KINDS; kind++)
		kma_printed_init(&records->printed[kind], kind);
	return records->events && records->symbols && records->comms && records->arena &&
			       records->kinds && records->systems
		       ? 0
		       : -1;
}

void kma_text_records_close(struct kma_text_records *records)
{
	kma_names_free(records->events);
	kma_names_free(records->symbols);
	kma_names_free(records->comms);
	kma_u64map_free(&records->tasks);
	if (records->arena)
		kma_arena_free(records->arena);
	free(records->kinds);
	free(records->systems);
}

static enum kma_kind find_kind(const char *name)
{
	for (int kind = 1; kind < KMA_NR_KINDS; kind++)
		if (!(UNPRINTED >> kind & 1) && !strcmp(kma_kind_name(kind), name))
			return kind;
	return KMA_KIND_NONE;
}

/* The number of the line's event among all that were seen. */
static uint32_t find_event(struct kma_text_records *records, const struct kma_text_line *line)
{
	uint32_t before = kma_names_count(records->events), number;

	if (records->last_name.length == line->name.length &&
	    !memcmp(records->last_name.at, line->name.at, line->name.length))
		return records->last_number;
	number = kma_names_number(records->events, line->name.at, line->name.length);
	if (number == KMA_NAMES_FULL)
		return number;
	if (number == before) {
		records->kinds[number] = find_kind(kma_names_text(records->events, number));
		if (line->system.length)
			records->systems[number] = kma_arena_strndup(
				records->arena, line->system.at, line->system.length);
	}
	records->last_name.at = kma_names_text(records->events, number);
	records->last_name.length = strlen(records->last_name.at);
	records->last_number = number;
	return number;
}

static void put_head(uint8_t *to, uint16_t id, int32_t pid)
{
	memset(to, 0, KMA_PRINTED_HEAD);
	memcpy(to, &id, 2);
	memcpy(to + 4, &pid, 4);
}

/* The name that @pid had first, but not what stands for a name that the kernel lost. */
static void note_task(struct kma_text_records *records, const struct kma_text_line *line)
{
	uint64_t *known = kma_u64map_get(&records->tasks, (uint32_t)line->pid);
	uint32_t number;

	if (known || !line->pid || !line->comm.length || line->comm.at[0] == '<' ||
	    records->tasks.nr == MAX_TASKS)
		return;
	number = kma_names_number(records->comms, line->comm.at, line->comm.length);
	if (number != KMA_NAMES_FULL) /* without memory the task has no name, and that is all */
		kma_u64map_put(&records->tasks, (uint32_t)line->pid, number, NULL);
}

static void note_pageblock_order(struct kma_text_records *records, const struct kma_text_line *line)
{
	static const char key[] = " pageblock_order=";
	const char *at = memmem(line->body, line->end - line->body, key, sizeof(key) - 1);
	int order = 0;

	if (!at)
		return;
	at += sizeof(key) - 1;
	for (; at < line->end && *at >= '0' && *at <= '9' && order < 100; at++)
		order = 10 * order + (*at - '0');
	if (order) /* the kernel has none of 0 */
		records->pageblock_order = order;
}

size_t kma_text_record(struct kma_text_records *records, const struct kma_text_line *line,
		       uint8_t *to)
{
	uint32_t number = find_event(records, line), seen;
	struct kma_printed *printed;
	enum kma_kind kind;
	size_t size;

	note_task(records, line);
	if (number == KMA_NAMES_FULL) {
		records->more_names++;
		put_head(to, UINT16_MAX, line->pid);
		return KMA_PRINTED_HEAD;
	}
	kind = records->kinds[number];
	if (kind == KMA_KIND_NONE) {
		put_head(to, KMA_TEXT_FIRST_ID + number, line->pid);
		return KMA_PRINTED_HEAD;
	}
	put_head(to, kind, line->pid);
	if (kind == KMA_KERNEL_STACK) {
		records->lines[kind]++;
		return kma_text_stack(line->pid, to);
	}
	printed = &records->printed[kind];
	size = kma_printed_read(printed, line->body, line->end, records->symbols, &records->doubts,
				to, &seen);
	if (!records->lines[kind]++)
		records->seen[kind] = seen;
	if (printed->required & ~seen) {
		records->incomplete[kind]++;
		return 0;
	}
	if (records->formats_made)
		records->partial[kind] += (records->fields[kind] & ~seen) != 0;
	if (kind == KMA_PAGE_ALLOC_EXTFRAG && records->pageblock_order < 0)
		note_pageblock_order(records, line);
	return size;
}

bool kma_text_is_stack(const struct kma_record *record)
{
	return kma_get16(record->data, false) == KMA_KERNEL_STACK;
}

size_t kma_text_stack(int32_t pid, uint8_t *to)
{
	put_head(to, KMA_KERNEL_STACK, pid);
	memset(to + KMA_PRINTED_HEAD, 0, KMA_PRINTED_STACK - KMA_PRINTED_HEAD);
	return KMA_PRINTED_STACK;
}

static bool is_tracing(const struct kma_text_span *name)
{
	for (const char *const *prefix = kma_tracing_functions; *prefix; prefix++)
		if (name->length >= strlen(*prefix) && !memcmp(name->at, *prefix, strlen(*prefix)))
			return true;
	return false;
}

size_t kma_text_frame(struct kma_text_records *records, const struct kma_text_line *line,
		      uint8_t *to, size_t size)
{
	const char *slash = memchr(line->name.at, '/', line->name.length);
	uint64_t address;

	if (!line->name.length || size + 8 > KMA_TEXT_MAX_RECORD)
		return size;
	address = kma_printed_symbol(records->symbols, line->name.at,
				     slash ? (size_t)(slash - line->name.at) : line->name.length);
	if (!address)
		return size;
	/* what a stack begins with is left out while it is the tracing itself */
	if (size == KMA_PRINTED_STACK + 8 && !records->stack_done)
		size -= 8;
	if (size == KMA_PRINTED_STACK)
		records->stack_done = !is_tracing(&line->name);
	memcpy(to + size, &address, 8);
	return size + 8;
}

static int add_format(struct kma_source_info *info, const char *system, const char *text)
{
	if (!text)
		return -1;
	info->formats[info->nr_formats++] =
		(struct kma_format){ .system = system, .text = text, .size = strlen(text) };
	return 0;
}

int kma_text_formats(struct kma_text_records *records, bool complete, struct kma_source_info *info)
{
	uint32_t names = kma_names_count(records->events);
	const uint64_t *lines = records->lines;
	int ret = 0;

	info->formats = calloc(KMA_NR_KINDS + names, sizeof(*info->formats));
	if (!info->formats)
		return -1;
	for (int kind = 1; kind < KMA_NR_KINDS; kind++) {
		const struct kma_printed *printed = &records->printed[kind];

		/* where the older event came without the newer one, the kernel has no newer one */
		if ((UNPRINTED >> kind & 1) || (complete && !lines[kind]) ||
		    (kind == KMA_PCPU_REFILL && !lines[kind] && lines[KMA_PAGE_ALLOC_ZONE_LOCKED]))
			continue;
		records->fields[kind] = lines[kind] ? records->seen[kind] | printed->required
						    : (1u << printed->nr) - 1;
		ret |= add_format(info, kma_kind_system(kind),
				  kma_printed_format(printed, kind, records->fields[kind],
						     records->arena));
	}
	for (uint32_t i = 0; i < names; i++)
		if (records->kinds[i] == KMA_KIND_NONE)
			ret |= add_format(info, records->systems[i] ? records->systems[i] : "other",
					  kma_arena_printf(records->arena,
							   "name: %s\nID: %u\nformat:\n\n"
							   "print fmt: \"\"\n",
							   kma_names_text(records->events, i),
							   KMA_TEXT_FIRST_ID + i));
	records->formats_made = true;
	return ret;
}
