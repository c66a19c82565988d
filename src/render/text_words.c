/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wording that the parts of the text output share.
 */
#include <inttypes.h>
#include <string.h>

#include "render/format.h"
#include "render/render.h"
#include "render/text.h"

static const char *joined(struct kma_page *page, const struct kma_number *n, bool pages)
{
	bool unit = *n->unit && (pages || strncmp(n->unit, "page", 4));

	return kma_page_printf(page, unit ? "%s %s" : "%s", n->digits, n->unit);
}

const char *kma_text_migratetype(struct kma_page *page, const struct kma_value *value)
{
	const char *name = page->result && value->type == KMA_VALUE_MIGRATETYPE
				   ? kma_result_migratetype(page->result, value->i)
				   : NULL;

	return name ? kma_page_clean(page, name) : NULL;
}

static const char *migratetype_text(struct kma_page *page, const struct kma_value *value)
{
	struct kma_number n = kma_format_int(KMA_UNIT_COUNT, value->i);
	const char *name = kma_text_migratetype(page, value);

	return kma_page_printf(page, name ? "%s %s" : "%s", n.digits, name);
}

const char *kma_text_value(struct kma_page *page, enum kma_unit unit, const struct kma_value *value,
			   bool pages)
{
	char buf[KMA_VALUE_TEXT];
	struct kma_number n;

	if (value->type == KMA_VALUE_MIGRATETYPE)
		return migratetype_text(page, value);
	if (unit == KMA_UNIT_TIMESTAMP && value->type == KMA_VALUE_INT)
		return kma_text_time(page, page->result, (uint64_t)value->i);
	if (value->type != KMA_VALUE_INT && value->type != KMA_VALUE_REAL)
		return kma_page_clean(page, kma_value_text(value, buf));
	n = kma_format_value(unit, value);
	return joined(page, &n, pages);
}

const char *kma_text_uint(struct kma_page *page, enum kma_unit unit, uint64_t value)
{
	struct kma_number n = kma_format_uint(unit, value);

	return joined(page, &n, true);
}

/* Labels are what the trace has, numbers as numbers' text: the key tells what they are. */
static bool is_migratetype(const struct kma_label *label)
{
	static const char end[] = "migratetype";
	size_t length = strlen(label->key);

	return label->value.type == KMA_VALUE_INT && length >= sizeof(end) - 1 &&
	       !strcmp(label->key + length - (sizeof(end) - 1), end);
}

const char *kma_text_labels(struct kma_page *page, const struct kma_labels *labels)
{
	const char *text = "";

	for (unsigned int i = 0; i < labels->nr; i++) {
		const struct kma_label *label = &labels->label[i];
		struct kma_value value = label->value;
		char buf[KMA_VALUE_TEXT];
		const char *name;

		if (is_migratetype(label))
			value.type = KMA_VALUE_MIGRATETYPE;
		name = kma_text_migratetype(page, &value);
		text = kma_page_printf(page, "%s%s%s %s%s%s", text, i ? ", " : "",
				       strcmp(label->key, "cpu") ? label->key : "CPU",
				       kma_value_text(&value, buf), name ? " " : "",
				       name ? name : "");
	}
	return text;
}

const char *kma_text_time(struct kma_page *page, const struct kma_result *result, uint64_t ts)
{
	if (result->facts.ticks)
		return kma_page_printf(page, "%" PRIu64, ts);
	/* truncated, not rounded: the digits of trace-cmd report -t */
	return kma_page_printf(page, "%" PRIu64 ".%06" PRIu64, ts / 1000000000,
			       ts % 1000000000 / 1000);
}

const char *kma_text_mark(const struct kma_page *page, enum kma_status_code code)
{
	switch (code) {
	case KMA_APPROXIMATE:
		return "~";
	case KMA_LOWER_BOUND:
		return page->options->utf8 ? "≥" : ">=";
	case KMA_UNAVAILABLE:
		return "-";
	case KMA_EXACT:
		break;
	}
	return "";
}

size_t kma_text_top(const struct kma_page *page, size_t nr)
{
	return page->options->top && nr > page->options->top ? page->options->top : nr;
}

void kma_text_more(struct kma_page *page, size_t nr, const char *what)
{
	size_t shown = kma_text_top(page, nr);

	if (shown == nr)
		return;
	kma_page_move(page, 4);
	kma_page_put(page, KMA_DIM,
		     kma_page_printf(page, "... and %s more %s%s (--top %zu shows all)",
				     kma_text_uint(page, KMA_UNIT_COUNT, nr - shown), what,
				     nr - shown == 1 ? "" : "s", nr));
	kma_page_newline(page);
}
