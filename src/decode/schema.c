/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Event formats through libtraceevent, which gets them checked and without their print format. */
#include "decode/schema.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <traceevent/event-parse.h>

#define MAX_RECORD_OFFSET 4096 /* no sane field lies further into its record */

static enum kma_kind find_kind(const char *system, const char *name, size_t length)
{
	for (int kind = 1; kind < KMA_NR_KINDS; kind++)
		if (!strcmp(kma_kind_system(kind), system) &&
		    strlen(kma_kind_name(kind)) == length &&
		    !memcmp(kma_kind_name(kind), name, length))
			return kind;
	return KMA_KIND_NONE;
}

static void problem(struct kma_schema *schema, enum kma_kind kind, const char *what,
		    const char *field)
{
	free(schema->problems[kind]);
	if (asprintf(&schema->problems[kind], "%s:%s %s%s%s: its records are ignored",
		     kma_kind_system(kind), kma_kind_name(kind), what, field ? " " : "",
		     field ? field : "") < 0)
		schema->problems[kind] = NULL;
}

static int integer_load(const struct tep_format_field *field)
{
	bool is_signed = field->flags & TEP_FIELD_IS_SIGNED;

	switch (field->size) {
	case 1:
		return is_signed ? KMA_LOAD_S8 : KMA_LOAD_8;
	case 2:
		return is_signed ? KMA_LOAD_S16 : KMA_LOAD_16;
	case 4:
		return is_signed ? KMA_LOAD_S32 : KMA_LOAD_32;
	case 8:
		return KMA_LOAD_64;
	default:
		return -1;
	}
}

static int string_load(const struct tep_format_field *field)
{
	if (field->flags & TEP_FIELD_IS_DYNAMIC) {
		if (field->size != 4)
			return -1;
		return field->flags & TEP_FIELD_IS_RELATIVE ? KMA_LOAD_REL_LOC : KMA_LOAD_DATA_LOC;
	}
	if ((field->flags & TEP_FIELD_IS_ARRAY) && field->size > 0)
		return KMA_LOAD_CHARS;
	return -1;
}

static bool plausible(const struct tep_format_field *field)
{
	return field->offset >= 0 && field->size > 0 &&
	       field->offset + field->size <= MAX_RECORD_OFFSET;
}

/* Does the step copy its bytes unchanged? Then it may become part of a run of words. */
static unsigned int plain_bytes(const struct kma_step *step)
{
	if (step->load == KMA_LOAD_64 && step->wide)
		return 8;
	return (step->load == KMA_LOAD_32 || step->load == KMA_LOAD_S32) && !step->wide ? 4 : 0;
}

/* Most events have fields in the order and size of ours: those are copied by the word, not one by
 * one. */
static void merge_steps(struct kma_plan *plan)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < plan->nr_steps;) {
		struct kma_step run = plan->steps[i];
		unsigned int bytes = 0, words = 0, next = i, end = i;

		while (next < plan->nr_steps && plain_bytes(&plan->steps[next]) &&
		       plan->steps[next].from == run.from + bytes &&
		       plan->steps[next].to == run.to + bytes) {
			bytes += plain_bytes(&plan->steps[next++]);
			if (bytes % 8 == 0) {
				words = bytes;
				end = next;
			}
		}
		if (words) {
			run.load = KMA_LOAD_WORDS;
			run.length = words;
			i = end;
		} else {
			i++;
		}
		plan->steps[nr++] = run;
	}
	plan->nr_steps = nr;
}

static bool plan_fields(struct kma_schema *schema, enum kma_kind kind, struct tep_event *event)
{
	struct kma_plan *plan = &schema->plans[kind];

	plan->min_size = schema->pid_offset + 4;
	for (const struct kma_field *want = kma_fields[kind]; want && want->name; want++) {
		struct tep_format_field *field = tep_find_any_field(event, want->name);
		struct kma_step *step = &plan->steps[plan->nr_steps];
		bool instead = !field && want->otherwise;
		int load = -1;

		if (instead)
			field = tep_find_any_field(event, want->otherwise);
		if (!field && want->optional && !want->otherwise) {
			plan->clear = true;
			continue;
		}
		if (!field) {
			problem(schema, kind, "has no field", want->name);
			return false;
		}
		if (plausible(field))
			load = want->type == KMA_FIELD_STRING ? string_load(field)
							      : integer_load(field);
		if (load < 0) {
			problem(schema, kind, "has an unusable field", want->name);
			return false;
		}
		step->load = load;
		step->wide = want->type == KMA_FIELD_U64;
		step->to = want->to;
		step->from = field->offset;
		step->length = load == KMA_LOAD_CHARS ? field->size : 0;
		plan->nr_steps++;
		if (!instead)
			schema->optional_fields[kind] |= want->optional;
		if (field->offset + field->size > plan->min_size)
			plan->min_size = field->offset + field->size;
	}
	plan->derive_refill = kind == KMA_PAGE_ALLOC_ZONE_LOCKED &&
			      !(schema->optional_fields[kind] & KMA_HAS_PERCPU_REFILL);
	if (!schema->swap)
		merge_steps(plan);
	return true;
}

/* kernel_stack's addresses: behind the element count where there is one, to the record's end. */
static bool plan_stack(struct kma_schema *schema, struct tep_event *event)
{
	struct tep_format_field *field = tep_find_field(event, "caller");

	if (!field || !plausible(field)) {
		problem(schema, KMA_KERNEL_STACK, "has no usable field", "caller");
		return false;
	}
	schema->stack_offset = field->offset;
	/* newer kernels declare the array dynamic: the field is then the location word, the data is
	 * behind it */
	if (field->flags & TEP_FIELD_IS_DYNAMIC)
		schema->stack_offset += field->size;
	schema->plans[KMA_KERNEL_STACK].min_size = schema->stack_offset;
	return true;
}

static void common_field(struct tep_event *event, const char *name, int size, uint16_t *offset)
{
	struct tep_format_field *field = tep_find_common_field(event, name);

	if (field && field->size == size && field->offset >= 0 && field->offset <= 64)
		*offset = field->offset;
}

static int resolve(struct kma_schema *schema, struct tep_handle *tep,
		   const struct kma_format *format, enum kma_kind kind, uint16_t id)
{
	struct kma_plan *plan = &schema->plans[kind];
	struct tep_event *event;
	size_t size;
	char *text = kma_format_checked(format, kma_kind_name(kind), strlen(kma_kind_name(kind)),
					id, &size);

	if (!text)
		return -1;
	tep_parse_event(tep, text, size, format->system);
	free(text);
	event = tep_find_event(tep, id);
	if (!event || strcmp(event->name, kma_kind_name(kind))) {
		problem(schema, kind, "has a format that cannot be parsed", NULL);
		return 0;
	}
	common_field(event, "common_type", 2, &schema->type_offset);
	common_field(event, "common_pid", 4, &schema->pid_offset);
	memset(plan, 0, sizeof(*plan));
	if (kind == KMA_KERNEL_STACK ? plan_stack(schema, event)
				     : plan_fields(schema, kind, event)) {
		plan->kind = kind;
		schema->formats |= KMA_KIND_BIT(kind);
		schema->known[schema->nr_known - 1].kind = kind;
	}
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct kma_known_event *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

struct kma_schema *kma_schema_new(const struct kma_format *formats, size_t nr, uint64_t wanted,
				  bool big_endian, unsigned int long_size, struct kma_error *err)
{
	struct kma_schema *schema = calloc(1, sizeof(*schema));
	struct tep_handle *tep = tep_alloc();
	bool host_big = BYTE_ORDER == BIG_ENDIAN;
	uint64_t seen[(UINT16_MAX + 1) / 64] = { 0 }; /* ids: what is described twice counts once */

	if (!schema || !tep)
		goto nomem;
	tep_set_loglevel(TEP_LOG_NONE);
	tep_set_file_bigendian(tep, big_endian ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	tep_set_local_bigendian(tep, host_big ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	tep_set_long_size(tep, long_size);
	schema->swap = big_endian != host_big;
	schema->long_size = long_size;
	schema->pid_offset = 4; /* where every kernel has had it */
	schema->by_id = calloc(UINT16_MAX + 1, sizeof(*schema->by_id));
	schema->known = calloc(nr ? nr : 1, sizeof(*schema->known));
	if (!schema->by_id || !schema->known)
		goto nomem;
	for (size_t i = 0; i < nr; i++) {
		struct kma_known_event *known = &schema->known[schema->nr_known];
		enum kma_kind kind;
		const char *name;
		size_t length;
		uint16_t id;

		if (!kma_format_head(&formats[i], &name, &length, &id) ||
		    (seen[id / 64] >> id % 64 & 1))
			continue;
		seen[id / 64] |= UINT64_C(1) << id % 64;
		known->id = id;
		known->system = strdup(formats[i].system);
		known->name = strndup(name, length);
		schema->nr_known++;
		if (!known->system || !known->name)
			goto nomem;
		kind = find_kind(formats[i].system, name, length);
		if (kind != KMA_KIND_NONE && (wanted & KMA_KIND_BIT(kind)) &&
		    schema->plans[kind].kind == KMA_KIND_NONE &&
		    resolve(schema, tep, &formats[i], kind, id) < 0)
			goto nomem;
	}
	qsort(schema->known, schema->nr_known, sizeof(*schema->known), by_id);
	kma_schema_select(schema, wanted);
	tep_free(tep);
	return schema;
nomem:
	kma_fail(err, KMA_ERR_INTERNAL, "out of memory while reading event formats");
	if (tep)
		tep_free(tep);
	kma_schema_free(schema);
	return NULL;
}

void kma_schema_select(struct kma_schema *schema, uint64_t kinds)
{
	for (size_t i = 0; i < schema->nr_known; i++) {
		const struct kma_known_event *known = &schema->known[i];
		enum kma_kind kind = kinds & KMA_KIND_BIT(known->kind) ? known->kind
								       : KMA_KIND_NONE;

		schema->by_id[known->id] = (uint32_t)(i + 1) << 8 | kind;
	}
}

void kma_schema_free(struct kma_schema *schema)
{
	if (!schema)
		return;
	for (size_t i = 0; i < schema->nr_known; i++) {
		free(schema->known[i].system);
		free(schema->known[i].name);
	}
	for (int kind = 0; kind < KMA_NR_KINDS; kind++)
		free(schema->problems[kind]);
	free(schema->known);
	free(schema->by_id);
	free(schema);
}
