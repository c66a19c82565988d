/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sentences about thresholds. It must not know in which format they end up. */
#include "render/judgement.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "render/format.h"
#include "util/arena.h"

const char *kma_say(struct kma_wording *w, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = kma_arena_vprintf(w->arena, fmt, ap);
	va_end(ap);
	w->failed |= !text;
	return text ? text : "";
}

static const char *number(struct kma_wording *w, enum kma_unit unit, bool per_second, double value)
{
	struct kma_number n = kma_format_real(unit, value);

	return kma_say(w, "%s%s%s%s", n.digits, *n.unit ? " " : "", n.unit, per_second ? "/s" : "");
}

/* For two numbers that look the same when rounded */
static const char *exact_number(struct kma_wording *w, enum kma_unit unit, bool per_second,
				double value)
{
	const char *name = "";

	switch (unit) {
	case KMA_UNIT_NS:
		name = " ns";
		break;
	case KMA_UNIT_BYTES:
		name = " B";
		break;
	case KMA_UNIT_PAGES:
		name = " pages";
		break;
	case KMA_UNIT_NS_PER_PAGE:
		name = " ns/page";
		break;
	case KMA_UNIT_RATIO:
		value *= 100;
		name = " %";
		break;
	case KMA_UNIT_COUNT:
	case KMA_UNIT_COEFFICIENT:
	case KMA_UNIT_TIMESTAMP: /* of no metric */
		break;
	}
	return kma_say(w, "%.15g%s%s", value, name, per_second ? "/s" : "");
}

const char *kma_say_outcome(const struct kma_check *check)
{
	switch (check->outcome) {
	case KMA_PASS:
		return "held";
	case KMA_INCONCLUSIVE:
		return "inconclusive";
	case KMA_VIOLATED:
		break;
	}
	return check->warn ? "violated (only a warning)" : "violated";
}

const char *kma_say_sum(struct kma_wording *w, const struct kma_judgement *judgement)
{
	const char *text = kma_say(w, "%zu of %zu thresholds violated", judgement->violated,
				   judgement->nr_checks);

	if (!judgement->violated)
		text = kma_say(w, "%zu of %zu thresholds held", judgement->passed,
			       judgement->nr_checks);
	if (judgement->warned)
		text = kma_say(w, "%s (%zu only a warning)", text, judgement->warned);
	if (judgement->inconclusive)
		text = kma_say(w, "%s, %zu inconclusive", text, judgement->inconclusive);
	return text;
}

static const char *must_be(const char *op)
{
	static const char *const words[][2] = {
		{ "<", "below" },     { "<=", "at most" }, { ">", "above" },
		{ ">=", "at least" }, { "==", "exactly" }, { "!=", "anything but" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i][0], op))
			return words[i][1];
	return op;
}

const char *kma_say_value(struct kma_wording *w, const struct kma_judged *judged)
{
	double value = judged->delta && judged->has_base ? judged->value - judged->base
							 : judged->value;
	const char *text, *limit;

	if (!judged->has_value || (judged->delta && !judged->has_base))
		return "-";
	text = number(w, judged->unit, judged->per_second, value);
	limit = number(w, judged->unit, judged->per_second, judged->limit);
	if (strcmp(text, limit) != 0 || value == judged->limit)
		return text;
	return exact_number(w, judged->unit, judged->per_second, value);
}

const char *kma_say_limit(struct kma_wording *w, const struct kma_judged *judged)
{
	double value = judged->delta && judged->has_base ? judged->value - judged->base
							 : judged->value;
	const char *text;

	if (judged->reason && judged->outcome == KMA_PASS)
		return "-";
	if (!judged->has_value)
		return "-";
	text = number(w, judged->unit, judged->per_second, judged->limit);
	if (value == judged->limit ||
	    strcmp(text, number(w, judged->unit, judged->per_second, value)) != 0)
		return text;
	return exact_number(w, judged->unit, judged->per_second, judged->limit);
}

/* " (+49 %)" */
static const char *change(struct kma_wording *w, double value, double base)
{
	double percent = base ? 100 * (value - base) / fabs(base) : 0;

	if (!base || value == base)
		return "";
	if (fabs(percent) >= 1000)
		return kma_say(w, " (%.3g times that)", value / base);
	return kma_say(w, fabs(percent) < 10 ? " (%+.1f %%)" : " (%+.0f %%)", percent);
}

const char *kma_say_base(struct kma_wording *w, const struct kma_judged *judged)
{
	if (!judged->has_base)
		return "-";
	return kma_say(w, "%s%s", number(w, judged->unit, judged->per_second, judged->base),
		       change(w, judged->value, judged->base));
}

const char *kma_say_condition(struct kma_wording *w, const struct kma_judged *judged)
{
	const char *text;

	if (!judged->has_value || (judged->reason && !judged->has_base))
		return kma_say(w, "%s: %s", judged->text, judged->reason);
	if (judged->reason)
		return kma_say(w, "%s is %s, %s in the baseline: %s", judged->statistic,
			       number(w, judged->unit, judged->per_second, judged->value),
			       number(w, judged->unit, judged->per_second, judged->base),
			       judged->reason);
	if (judged->delta)
		return kma_say(w, "%s differs by %s from the baseline's %s, must be %s %s",
			       judged->statistic, kma_say_value(w, judged),
			       number(w, judged->unit, judged->per_second, judged->base),
			       must_be(judged->op), kma_say_limit(w, judged));
	text = kma_say(w, "%s is %s, must be %s %s", judged->statistic, kma_say_value(w, judged),
		       must_be(judged->op), kma_say_limit(w, judged));
	if (!judged->has_base)
		return text;
	return kma_say(w, "%s; %s in the baseline%s", text,
		       number(w, judged->unit, judged->per_second, judged->base),
		       change(w, judged->value, judged->base));
}

const char *kma_say_check(struct kma_wording *w, const struct kma_check *check)
{
	const char *text = "";

	if (check->reason)
		return check->reason;
	for (size_t i = 0; i < check->nr_conditions; i++) {
		const struct kma_judged *judged = &check->conditions[i];

		/* of a violation, what held is of no interest */
		if (check->outcome != KMA_PASS && judged->outcome == KMA_PASS)
			continue;
		text = kma_say(w, "%s%s%s", text, *text ? "; " : "", kma_say_condition(w, judged));
	}
	if (check->status.code == KMA_APPROXIMATE)
		text = kma_say(w, "%s (approximate: %s)", text, check->status.reason);
	return text;
}

static const char *say_cause(struct kma_wording *w, const struct kma_check *check,
			     const struct kma_cause *cause)
{
	const struct kma_judged *judged = check->conditions;
	const char *text;

	while (judged->outcome != KMA_VIOLATED)
		judged++;
	text = kma_say(w, "%s %s: %s", cause->keys, cause->part,
		       number(w, judged->unit, judged->per_second, cause->value));
	if (cause->has_base)
		text = kma_say(w, "%s, %s in the baseline", text,
			       number(w, judged->unit, judged->per_second, cause->base));
	else if (judged->has_base)
		text = kma_say(w, "%s, not in the baseline", text);
	if (cause->has_share)
		text = kma_say(w, "%s: %.0f %% of the %s", text, 100 * cause->share,
			       cause->of_change ? "change" : "whole");
	return text;
}

const char *kma_say_explanation(struct kma_wording *w, const struct kma_check *check, size_t i)
{
	if (i < check->nr_causes)
		return say_cause(w, check, &check->causes[i]);
	i -= check->nr_causes;
	if (i < check->nr_findings)
		return kma_say(w, "%s: %s",
			       check->new_finding[i] ? "found, and not in the baseline" : "found",
			       check->findings[i]->message);
	return NULL;
}
