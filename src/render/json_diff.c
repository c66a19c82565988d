/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A comparison as JSON: every number that was compared, those without a change too. One change,
 * part or finding is one line. It must not leave out or round what the comparison holds.
 */
#include <math.h>

#include <kmem-analyze/version.h>

#include "render/json_writer.h"
#include "render/render.h"
#include "result/compare.h"
#include "result/words.h"

#define KMA_DIFF_SCHEMA "kmem-analyze-diff/1"

static const char *const sides[] = { [KMA_BASE] = "base", [KMA_NEW] = "new" };
static const char *const verdicts[] = {
	[KMA_WORSE] = "worse", [KMA_IMPROVED] = "better", [KMA_CHANGED] = "changed",
	[KMA_SAME] = "same",   [KMA_UNKNOWN] = "unknown",
};

static struct json_object *labels_object(struct kma_json *w, const struct kma_labels *labels)
{
	struct json_object *o = kma_json_object(w);
	char buf[KMA_VALUE_TEXT];

	for (unsigned int i = 0; i < labels->nr; i++)
		kma_json_add_string(w, o, labels->label[i].key,
				    kma_value_text(&labels->label[i].value, buf));
	return o;
}

static struct json_object *traces_array(struct kma_json *w, const struct kma_side *side)
{
	struct json_object *array = kma_json_array(w);

	for (size_t i = 0; i < side->nr; i++) {
		const struct kma_facts *facts = &side->results[i]->facts;
		const struct kma_quality *quality = &side->results[i]->quality;
		struct json_object *o = kma_json_object(w);

		kma_json_add_string(w, o, "source", facts->source);
		kma_json_add_string(w, o, "kernel", facts->kernel);
		if (facts->records && !facts->ticks)
			kma_json_add(w, o, "span_ns",
				     kma_json_whole(facts->last_ts - facts->first_ts));
		else
			kma_json_add_null(w, o, "span_ns");
		kma_json_add(w, o, "lost_events", kma_json_whole(quality->lost));
		kma_json_add(w, o, "truncated", kma_json_boolean(quality->truncated));
		kma_json_append(w, array, o);
	}
	return array;
}

static struct json_object *ranks_object(struct kma_json *w, const struct kma_change *change)
{
	const struct kma_ranks *r = &change->ranks;
	struct json_object *o = kma_json_object(w);

	kma_json_add(w, o, "n_base", kma_json_whole(change->nr[KMA_BASE]));
	kma_json_add(w, o, "n_new", kma_json_whole(change->nr[KMA_NEW]));
	kma_json_add_real(w, o, "u", r->u);
	kma_json_add_real(w, o, "p", r->p);
	kma_json_add_real(w, o, "q", change->q);
	kma_json_add(w, o, "exact", kma_json_boolean(r->exact));
	kma_json_add_real(w, o, "delta", r->delta);
	kma_json_add_real(w, o, "shift", r->shift);
	kma_json_add_real(w, o, "low", r->low);
	kma_json_add_real(w, o, "high", r->high);
	kma_json_add_real(w, o, "confidence", r->confidence);
	kma_json_add_real(w, o, "spread", r->spread);
	kma_json_add_real(w, o, "floor", change->floor);
	return o;
}

static struct json_object *part_object(struct kma_json *w, const struct kma_part *part)
{
	struct json_object *o = kma_json_object(w);

	kma_json_add(w, o, "labels", labels_object(w, part->labels));
	kma_json_add_real(w, o, "base", part->value[KMA_BASE]);
	kma_json_add_real(w, o, "new", part->value[KMA_NEW]);
	kma_json_add_real(w, o, "share", part->share);
	return o;
}

static struct json_object *split_object(struct kma_json *w, const struct kma_split *split)
{
	struct json_object *o = kma_json_object(w), *parts = kma_json_array(w);

	kma_json_add_string(w, o, "by", split->keys);
	for (size_t i = 0; i < split->nr; i++)
		kma_json_append(w, parts, part_object(w, &split->parts[i]));
	kma_json_add(w, o, "parts", parts);
	return o;
}

/* base and new; null where there is no such number */
static void add_pair(struct kma_json *w, struct json_object *o, const double pair[KMA_SIDES])
{
	for (unsigned int side = 0; side < KMA_SIDES; side++)
		kma_json_add_real(w, o, sides[side], pair[side]);
}

static struct json_object *change_object(struct kma_json *w, const struct kma_comparison *c,
					 const struct kma_change *change)
{
	struct json_object *o = kma_json_object(w), *splits = kma_json_array(w);

	kma_json_add_string(w, o, "metric", change->def->name);
	kma_json_add(w, o, "labels", labels_object(w, change->labels));
	kma_json_add_string(w, o, "report", change->report);
	kma_json_add_string(w, o, "stat", kma_stat_words[change->stat]);
	kma_json_add_string(w, o, "unit", kma_unit_words[change->def->unit]);
	kma_json_add_string(w, o, "better", kma_better_words[change->def->better]);
	kma_json_add_string(w, o, "verdict", verdicts[change->verdict]);
	if (change->verdict == KMA_UNKNOWN) {
		kma_json_add_string(w, o, "reason", change->reason);
	} else if (change->status.code != KMA_EXACT) {
		kma_json_add_string(w, o, "reason", change->status.reason);
	}
	kma_json_add_string(w, o, "status",
			    kma_status_words[change->verdict == KMA_UNKNOWN ? KMA_UNAVAILABLE
									    : change->status.code]);
	kma_json_add(w, o, "unsure", kma_json_boolean(change->unsure));
	add_pair(w, o, change->value);
	if (isfinite(change->rate[KMA_BASE]) || isfinite(change->rate[KMA_NEW])) {
		struct json_object *rate = kma_json_object(w);

		add_pair(w, rate, change->rate);
		kma_json_add(w, o, "per_second", rate);
	}
	kma_json_add_real(w, o, "score", change->score);
	if (c->several && change->verdict != KMA_UNKNOWN)
		kma_json_add(w, o, "test", ranks_object(w, change));
	for (size_t i = 0; i < change->nr_splits; i++)
		kma_json_append(w, splits, split_object(w, &change->splits[i]));
	kma_json_add(w, o, "explained", splits);
	return o;
}

static struct json_object *presence_object(struct kma_json *w, const struct kma_presence *p)
{
	struct json_object *o = kma_json_object(w);

	kma_json_add_string(w, o, "report", p->report);
	kma_json_add_string(w, o, "metric", p->def->name);
	kma_json_add(w, o, "labels", labels_object(w, p->labels));
	kma_json_add_real(w, o, "value", p->value);
	kma_json_add_real(w, o, "share", p->share);
	return o;
}

static void put_presences(struct kma_json *w, const struct kma_comparison *c, unsigned int side)
{
	size_t nr = 0;

	for (size_t i = 0; i < c->nr_presences; i++) {
		if (c->presences[i].side != side)
			continue;
		kma_json_separate(w, nr++);
		kma_json_put(w, presence_object(w, &c->presences[i]), false);
	}
}

static void put_moves(struct kma_json *w, const struct kma_comparison *c)
{
	for (size_t i = 0; i < c->nr_moves; i++) {
		const struct kma_move *move = &c->moves[i];
		struct json_object *o = split_object(w, move->split);

		kma_json_add_string(w, o, "report", move->report);
		kma_json_add_string(w, o, "metric", move->def->name);
		kma_json_add_real(w, o, "moved", move->moved);
		kma_json_add_real(w, o, "share", move->share);
		kma_json_separate(w, i);
		kma_json_put(w, o, false);
	}
}

static void put_findings(struct kma_json *w, const struct kma_comparison *c)
{
	for (size_t i = 0; i < c->nr_findings; i++) {
		const struct kma_finding_change *f = &c->findings[i];
		struct json_object *o = kma_json_object(w);

		kma_json_add_string(w, o, "id", f->finding->id);
		kma_json_add_string(w, o, "severity", kma_severity_words[f->finding->severity]);
		kma_json_add_string(w, o, "report", f->report);
		kma_json_add(w, o, "in_base", kma_json_whole(f->nr[KMA_BASE]));
		kma_json_add(w, o, "in_new", kma_json_whole(f->nr[KMA_NEW]));
		kma_json_add_string(w, o, "message", f->finding->message);
		kma_json_separate(w, i);
		kma_json_put(w, o, false);
	}
}

static struct json_object *counts_object(struct kma_json *w, const struct kma_comparison *c)
{
	struct json_object *o = kma_json_object(w);

	for (int v = 0; v < KMA_NR_VERDICTS; v++)
		kma_json_add(w, o, verdicts[v], kma_json_whole(c->count[v]));
	kma_json_add(w, o, "in_neither", kma_json_whole(c->nr_neither));
	return o;
}

int kma_render_diff_json(const struct kma_comparison *c, FILE *out)
{
	struct kma_json w = { .out = out };

	fputs("{\"schema\":\"" KMA_DIFF_SCHEMA "\",\n"
	      "\"tool\":{\"name\":\"kmem-analyze\",\"version\":\"" KMA_VERSION "\"}",
	      out);
	for (unsigned int side = 0; side < KMA_SIDES; side++) {
		fprintf(out, ",\n\"%s\":", sides[side]);
		kma_json_put(&w, traces_array(&w, &c->sides[side]), false);
	}
	fprintf(out, ",\n\"several\":%s,\"weak\":%s", c->several ? "true" : "false",
		c->weak ? "true" : "false");
	fputs(",\n\"differences\":", out);
	kma_json_put(&w, kma_json_strings(&w, c->differences, c->nr_differences), false);
	fputs(",\n\"counts\":", out);
	kma_json_put(&w, counts_object(&w, c), false);
	fputs(",\n\"findings\":[", out);
	put_findings(&w, c);
	fputs("],\n\"changes\":[", out);
	for (size_t i = 0; i < c->nr_changes; i++) {
		kma_json_separate(&w, i);
		kma_json_put(&w, change_object(&w, c, &c->changes[i]), false);
	}
	fputs("],\n\"moved\":[", out);
	put_moves(&w, c);
	fputs("],\n\"appeared\":[", out);
	put_presences(&w, c, KMA_NEW);
	fputs("],\n\"vanished\":[", out);
	put_presences(&w, c, KMA_BASE);
	fputs("]}\n", out);
	return w.failed || ferror(out) || fflush(out) ? -1 : 0;
}
