/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of printed events; see printed.h. */
#include "decode/printed.h"

#include <stdio.h>
#include <string.h>

#include "util/arena.h"
#include "util/names.h"

#define WORDS	       offsetof(struct kma_event, words)
#define STRINGS	       (KMA_PRINTED_HEAD + sizeof(((struct kma_event *)0)->words))
#define ANY	       UINT64_MAX
#define BIT(kind)      KMA_KIND_BIT(kind)
#define ZONE_LOCKS     (BIT(KMA_ZONE_LOCK_CONTENDED) | BIT(KMA_ZONE_LOCKED) | BIT(KMA_ZONE_LOCK_UNLOCK))
#define MIGRATE_EVENTS (BIT(KMA_MIGRATE_PAGES_START) | BIT(KMA_MIGRATE_PAGES))
#define CONTENTION     (BIT(KMA_CONTENTION_BEGIN) | BIT(KMA_CONTENTION_END))

static const char *const modes[] = { "MIGRATE_ASYNC", "MIGRATE_SYNC_LIGHT", "MIGRATE_SYNC",
				     "MIGRATE_SYNC_NO_COPY", NULL };
static const char *const reasons[] = { "compaction",
				       "memory_failure",
				       "memory_hotplug",
				       "syscall_or_cpuset",
				       "mempolicy_mbind",
				       "numa_misplaced",
				       "contig_range",
				       "longterm_pin",
				       "demotion",
				       "damon",
				       NULL };

/* KMA_WAIT_*, by bit */
static const char *const waits[] = { "SPIN", "READ", "WRITE", "RT", "PERCPU", "MUTEX", NULL };

/* Where what is printed is not a number under the field's own name. The first that fits counts. */
static const struct {
	uint64_t kinds;
	const char *field, *key;
	enum kma_printed_form form;
	const char *const *names;
} prints[] = {
	{ ZONE_LOCKS, "node_id", "node", KMA_PRINTED_NUMBER, NULL },
	{ ZONE_LOCKS, "name", "zone", KMA_PRINTED_STRING_VALUE, NULL },
	{ ZONE_LOCKS, "wait_ns", "wait", KMA_PRINTED_NUMBER, NULL },
	{ ZONE_LOCKS, "caller", "caller", KMA_PRINTED_SYMBOL, NULL },
	{ BIT(KMA_MIGRATE_PAGES), "succeeded", "nr_succeeded", KMA_PRINTED_NUMBER, NULL },
	{ BIT(KMA_MIGRATE_PAGES), "failed", "nr_failed", KMA_PRINTED_NUMBER, NULL },
	{ MIGRATE_EVENTS, "mode", "mode", KMA_PRINTED_NAME, modes },
	{ MIGRATE_EVENTS, "reason", "reason", KMA_PRINTED_NAME, reasons },
	{ CONTENTION, "lock_addr", "lock_addr", KMA_PRINTED_POINTER, NULL },
	{ BIT(KMA_CONTENTION_BEGIN), "flags", "flags", KMA_PRINTED_BITS, waits },
	{ ANY, "name", "name", KMA_PRINTED_STRING_VALUE, NULL },
	{ ANY, "call_site", "call_site", KMA_PRINTED_SYMBOL, NULL },
	{ ANY, "ptr", "ptr", KMA_PRINTED_POINTER, NULL },
	{ ANY, "page", "page", KMA_PRINTED_POINTER, NULL },
	{ ANY, "base_addr", "base_addr", KMA_PRINTED_POINTER, NULL },
	{ ANY, "mapping", "mapping", KMA_PRINTED_POINTER, NULL },
	{ ANY, "gfp_flags", "gfp_flags", KMA_PRINTED_GFP, NULL },
	{ ANY, "flags", "flags", KMA_PRINTED_FLAGS, NULL },
};

/* Bits of our own: text has names only, and their bits differ between kernels. */
#define GFP_NAMES(NAME)                                                                          \
	NAME(DMA)                                                                                \
	NAME(HIGHMEM)                                                                            \
	NAME(DMA32)                                                                              \
	NAME(MOVABLE) NAME(RECLAIMABLE) NAME(HIGH) NAME(IO) NAME(FS) NAME(ZERO) NAME(ATOMIC)     \
		NAME(DIRECT_RECLAIM) NAME(KSWAPD_RECLAIM) NAME(WRITE) NAME(NOWARN)               \
			NAME(RETRY_MAYFAIL) NAME(NOFAIL) NAME(NORETRY) NAME(MEMALLOC) NAME(COMP) \
				NAME(NOMEMALLOC) NAME(HARDWALL) NAME(THISNODE) NAME(ACCOUNT)     \
					NAME(ZEROTAGS) NAME(SKIP_ZERO) NAME(SKIP_KASAN)          \
						NAME(NOLOCKDEP) NAME(NO_OBJ_EXT) NAME(OTHER)

enum {
#define GFP_NUMBER(name) N_##name,
	GFP_NAMES(GFP_NUMBER)
#undef GFP_NUMBER
		NR_GFP_NAMES,
};

_Static_assert(NR_GFP_NAMES <= 32, "gfp_flags has 32 bits");

enum {
#define GFP_BIT(name) name = 1u << N_##name,
	GFP_NAMES(GFP_BIT)
#undef GFP_BIT
};

#define RECLAIM		(DIRECT_RECLAIM | KSWAPD_RECLAIM)
#define KERNEL		(RECLAIM | IO | FS)
#define USER		(KERNEL | HARDWALL)
#define HIGHUSER	(USER | HIGHMEM)
#define TRANSHUGE_LIGHT (IO | FS | HARDWALL | HIGHMEM | MOVABLE | COMP | NOMEMALLOC | NOWARN)

const struct kma_flag_name kma_printed_gfp_flags[] = {
	{ "GFP_TRANSHUGE", TRANSHUGE_LIGHT | DIRECT_RECLAIM },
	{ "GFP_TRANSHUGE_LIGHT", TRANSHUGE_LIGHT },
	{ "GFP_HIGHUSER_MOVABLE", HIGHUSER | MOVABLE },
	{ "GFP_HIGHUSER", HIGHUSER },
	{ "GFP_USER", USER },
	{ "GFP_KERNEL_ACCOUNT", KERNEL | ACCOUNT },
	{ "GFP_KERNEL", KERNEL },
	{ "GFP_NOFS", RECLAIM | IO },
	{ "GFP_ATOMIC", HIGH | KSWAPD_RECLAIM },
	{ "GFP_NOIO", RECLAIM },
	{ "GFP_NOWAIT", KSWAPD_RECLAIM },
	{ "GFP_DMA", DMA },
	{ "GFP_DMA32", DMA32 },
	{ "__GFP_RECLAIM", RECLAIM },
	{ "flags of unknown name", OTHER },
#define GFP_ROW(name) { "__GFP_" #name, name },
	GFP_NAMES(GFP_ROW)
#undef GFP_ROW
		{ NULL, 0 },
};

void kma_printed_init(struct kma_printed *printed, enum kma_kind kind)
{
	memset(printed, 0, sizeof(*printed));
	memset(printed->order, -1, sizeof(printed->order));
	printed->kind = kind;
	printed->bare = CONTENTION & BIT(kind);
	for (const struct kma_field *field = kma_fields[kind]; field && field->name; field++) {
		struct kma_printed_field *to = &printed->fields[printed->nr];

		*to = (struct kma_printed_field){
			.key = field->name,
			.field = field->name,
			.form = KMA_PRINTED_NUMBER,
			.type = field->type,
			.to = KMA_PRINTED_HEAD + field->to - WORDS,
			.optional = field->optional,
		};
		for (size_t i = 0; i < sizeof(prints) / sizeof(prints[0]); i++)
			if ((prints[i].kinds & BIT(kind)) &&
			    !strcmp(prints[i].field, field->name)) {
				to->key = prints[i].key;
				to->form = prints[i].form;
				to->names = prints[i].names;
				break;
			}
		to->length = strlen(to->key);
		/* the page's address is none of its number */
		if (field->otherwise && strcmp(field->otherwise, "page"))
			to->other = field->otherwise;
		if (!field->optional)
			printed->required |= 1u << printed->nr;
		printed->nr++;
	}
}

static bool hex_digit(char c, unsigned int *digit)
{
	unsigned int low = (unsigned char)c | 32;

	if (c >= '0' && c <= '9')
		*digit = (unsigned char)c - '0';
	else if (low - 'a' < 6u)
		*digit = low - 'a' + 10;
	else
		return false;
	return true;
}

/* False unless all of the text is hex digits. */
static bool read_hex(const char *p, const char *end, uint64_t *value)
{
	uint64_t v = 0;
	unsigned int digit;
	bool any = p < end;

	for (; p < end && hex_digit(*p, &digit); p++)
		v = v << 4 | digit;
	*value = v;
	return any && p == end;
}

static bool has_0x(const char *p, const char *end)
{
	return end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
}

static bool read_number(const char *p, const char *end, uint64_t *value)
{
	bool negative = p < end && *p == '-';
	uint64_t v = 0;

	if (has_0x(p, end))
		return read_hex(p + 2, end, value);
	p += negative;
	if (p == end)
		return false;
	for (; p < end && (unsigned char)(*p - '0') < 10; p++)
		v = 10 * v + (unsigned char)(*p - '0');
	*value = negative ? -v : v;
	return p == end;
}

/* The kernel hashes what it prints with %p to 32 bits, which it fills up with zeros. */
static bool read_pointer(const char *p, const char *end, struct kma_printed_doubts *doubts,
			 uint64_t *value)
{
	if (has_0x(p, end))
		return read_hex(p + 2, end, value);
	if (read_hex(p, end, value)) {
		doubts->hashed += *value && *value <= UINT32_MAX && end - p >= 8;
		return true;
	}
	*value = 0;
	if (end - p >= 5 && (!memcmp(p, "(nil)", 5) || !memcmp(p, "(null", 5)))
		return true;
	doubts->unprinted++;
	return end > p && *p == '(';
}

uint64_t kma_printed_symbol(struct kma_names *symbols, const char *name, size_t length)
{
	uint32_t number = kma_names_number(symbols, name, length);

	return number == KMA_NAMES_FULL ? 0 : KMA_PRINTED_SYMBOLS + number;
}

static uint64_t read_symbol(const char *p, const char *end, struct kma_names *symbols)
{
	const char *slash;
	uint64_t value;

	if (has_0x(p, end) ? read_hex(p + 2, end, &value) : read_hex(p, end, &value))
		return value;
	slash = memchr(p, '/', end - p);
	return kma_printed_symbol(symbols, p, (slash ? slash : end) - p);
}

/* The text of the line may hold any byte, zeros included. */
static bool same_text(const char *name, const char *p, size_t length)
{
	return strlen(name) == length && !memcmp(name, p, length);
}

static uint32_t read_gfp(const char *p, const char *end, struct kma_printed_doubts *doubts)
{
	uint32_t flags = 0;
	uint64_t number;

	while (p < end) {
		const char *bar = memchr(p, '|', end - p), *stop = bar ? bar : end;
		const struct kma_flag_name *name = kma_printed_gfp_flags;
		size_t length = stop - p;

		while (name->name && !same_text(name->name, p, length))
			name++;
		if (name->name) {
			flags |= name->mask;
		} else if (!(length == 4 && !memcmp(p, "none", 4)) &&
			   !(read_number(p, stop, &number) && !number)) {
			flags |= OTHER;
			doubts->other_flags++;
		}
		p = bar ? bar + 1 : end;
	}
	return flags;
}

static bool read_name(const char *p, const char *end, const char *const *names, uint64_t *value)
{
	for (size_t i = 0; names[i]; i++)
		if (same_text(names[i], p, end - p)) {
			*value = i;
			return true;
		}
	return read_number(p, end, value);
}

/* A number, or names; those of no known bit say nothing. */
static uint64_t read_bits(const char *p, const char *end, const char *const *names)
{
	uint64_t bits = 0, value;

	while (p < end) {
		const char *bar = memchr(p, '|', end - p), *stop = bar ? bar : end;

		if (read_number(p, stop, &value)) {
			bits |= value;
		} else {
			for (size_t i = 0; names[i]; i++)
				if (same_text(names[i], p, stop - p))
					bits |= UINT64_C(1) << i;
		}
		p = bar ? bar + 1 : end;
	}
	return bits;
}

static uint32_t gfp_again(struct kma_printed_gfp *last, const char *p, const char *end,
			  struct kma_printed_doubts *doubts)
{
	size_t length = end - p;
	uint64_t others = doubts->other_flags;
	uint32_t flags;

	if (length && last->length == length && !memcmp(last->text, p, length))
		return last->flags;
	flags = read_gfp(p, end, doubts);
	if (length <= sizeof(last->text) && doubts->other_flags == others) {
		memcpy(last->text, p, length);
		last->length = length;
		last->flags = flags;
	}
	return flags;
}

/* One value into the record; false if it cannot be read. */
static bool take(struct kma_printed *printed, const struct kma_printed_field *field, const char *p,
		 const char *end, struct kma_names *symbols, struct kma_printed_doubts *doubts,
		 uint8_t *record, size_t *size)
{
	uint64_t value = 0;
	uint32_t word;
	size_t length;
	bool good = true;

	switch (field->form) {
	case KMA_PRINTED_NUMBER:
		good = read_number(p, end, &value);
		break;
	case KMA_PRINTED_POINTER:
		good = read_pointer(p, end, doubts, &value);
		break;
	case KMA_PRINTED_SYMBOL:
		value = read_symbol(p, end, symbols);
		break;
	case KMA_PRINTED_GFP:
		value = gfp_again(&printed->gfp, p, end, doubts);
		break;
	case KMA_PRINTED_FLAGS:
		if (!read_number(p, end, &value))
			value = 0;
		break;
	case KMA_PRINTED_NAME:
		good = read_name(p, end, field->names, &value);
		break;
	case KMA_PRINTED_BITS:
		value = read_bits(p, end, field->names);
		break;
	case KMA_PRINTED_STRING_VALUE:
		length = (size_t)(end - p) < KMA_PRINTED_STRING ? (size_t)(end - p)
								: KMA_PRINTED_STRING;
		if (*size + length > KMA_PRINTED_MAX)
			return false;
		memcpy(record + *size, p, length);
		value = length << 16 | *size;
		*size += length;
		break;
	}
	if (field->type == KMA_FIELD_U64) {
		memcpy(record + field->to, &value, 8);
	} else {
		word = (uint32_t)value;
		memcpy(record + field->to, &word, 4);
	}
	return good;
}

static int find_field(const struct kma_printed *printed, const char *key, size_t length)
{
	for (int i = 0; i < printed->nr; i++) {
		const struct kma_printed_field *field = &printed->fields[i];

		if ((field->length == length && !memcmp(field->key, key, length)) ||
		    (field->other && strlen(field->other) == length &&
		     !memcmp(field->other, key, length)))
			return i;
	}
	return -1;
}

size_t kma_printed_read(struct kma_printed *printed, const char *text, const char *end,
			struct kma_names *symbols, struct kma_printed_doubts *doubts,
			uint8_t *record, uint32_t *seen)
{
	size_t size = STRINGS;
	unsigned int token = 0;
	uint64_t pfn;

	memset(record + KMA_PRINTED_HEAD, 0, STRINGS - KMA_PRINTED_HEAD);
	*seen = 0;
	for (const char *p = text; p < end; token++) {
		const char *stop, *equals, *value_end;
		const struct kma_printed_field *field;
		int known;

		while (p < end && *p == ' ')
			p++;
		stop = memchr(p, ' ', end - p);
		if (!stop)
			stop = end;
		value_end = stop;
		if (printed->bare && token && stop - p > 2 && *p == '(' && stop[-1] == ')') {
			p++;
			value_end--;
		}
		known = token < KMA_PRINTED_MAX_TOKENS ? printed->order[token] : -1;
		field = &printed->fields[known >= 0 ? known : 0];
		if (known >= 0 && (size_t)(stop - p) > field->length && p[field->length] == '=' &&
		    !memcmp(p, field->key, field->length)) {
			equals = p + field->length;
		} else {
			equals = memchr(p, '=', stop - p);
			known = equals			  ? find_field(printed, p, equals - p)
				: printed->bare && !token ? 0
							  : -1;
			if (token < KMA_PRINTED_MAX_TOKENS)
				printed->order[token] = known;
		}
		/* the first of a name counts: a value may hold one that looks like it */
		if (known >= 0 && !(*seen >> known & 1) &&
		    take(printed, &printed->fields[known], equals ? equals + 1 : p, value_end,
			 symbols, doubts, record, &size))
			*seen |= 1u << known;
		p = stop;
	}
	/* a failed allocation has no page, and is printed as page 0, which nobody ever gets */
	if (printed->kind == KMA_PAGE_ALLOC || printed->kind == KMA_PAGE_ALLOC_ZONE_LOCKED) {
		memcpy(&pfn, record + KMA_PRINTED_HEAD, 8);
		if (!pfn && (*seen & 1)) {
			pfn = UINT64_MAX;
			memcpy(record + KMA_PRINTED_HEAD, &pfn, 8);
		}
	}
	return size;
}

_Static_assert(offsetof(struct kma_event, page.pfn) == WORDS &&
		       offsetof(struct kma_event, pcpu_page.pfn) == WORDS,
	       "the pfn is the first word");

const char *kma_printed_format(const struct kma_printed *printed, uint16_t id, uint32_t seen,
			       struct kma_arena *arena)
{
	char text[2000];
	size_t used =
		snprintf(text, sizeof(text),
			 "name: %s\nID: %u\nformat:\n"
			 "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
			 "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n",
			 kma_kind_name(printed->kind), id);

	if (printed->kind == KMA_KERNEL_STACK)
		used += snprintf(text + used, sizeof(text) - used,
				 "\tfield:unsigned long caller[8];\toffset:%u;\tsize:64;"
				 "\tsigned:0;\n",
				 KMA_PRINTED_STACK);
	for (unsigned int i = 0; i < printed->nr; i++) {
		const struct kma_printed_field *field = &printed->fields[i];
		bool string = field->type == KMA_FIELD_STRING;

		if (!(seen >> i & 1))
			continue;
		used += snprintf(text + used, sizeof(text) - used,
				 "\tfield:%s %s;\toffset:%u;\tsize:%u;\tsigned:0;\n",
				 string				? "__data_loc char[]"
				 : field->type == KMA_FIELD_U64 ? "unsigned long long"
								: "unsigned int",
				 field->field, field->to, field->type == KMA_FIELD_U64 ? 8 : 4);
	}
	snprintf(text + used, sizeof(text) - used, "\nprint fmt: \"\"\n");
	return kma_arena_strdup(arena, text);
}
