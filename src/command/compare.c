/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several results: against one another, or as one. */
#include "command/compare.h"

#include "command/load.h"
#include "command/output.h"
#include "result/combine.h"
#include "result/compare.h"
#include "result/result.h"

/* Inputs that were read only in part make all that came of them doubtful. */
static int judge_inputs(const struct kma_files *files, struct kma_result *const *results,
			struct kma_error *err)
{
	for (size_t i = 0; i < files->nr; i++) {
		const struct kma_quality *quality = &results[i]->quality;

		if (quality->truncated)
			return kma_fail(err, KMA_ERR_DAMAGED, "%s: only partly readable: %s",
					files->paths[i],
					quality->damage ? quality->damage : "it is cut off");
	}
	return 0;
}

/* With --fail-on-worse: does the comparison pass, and could it have failed? */
static int judge_comparison(const struct kma_comparison *comparison, struct kma_error *err)
{
	const struct kma_change *worst = NULL;
	size_t nr = 0;
	bool callable = !comparison->several;

	for (size_t i = 0; i < comparison->nr_changes; i++) {
		const struct kma_change *change = &comparison->changes[i];

		callable |= change->verdict != KMA_UNKNOWN && change->ranks.least_p <= 0.05;
		if (change->verdict != KMA_WORSE || change->unsure)
			continue;
		nr++;
		if (!worst)
			worst = change;
	}
	/* what fails now and did not before is no matter of how often */
	for (size_t i = 0; i < comparison->nr_findings && !comparison->several; i++) {
		const struct kma_finding_change *change = &comparison->findings[i];

		if (change->finding->severity == KMA_ERROR && !change->nr[KMA_BASE])
			return kma_fail(err, KMA_ERR_VIOLATED, "a new error (%s): %s",
					change->finding->id, change->finding->message);
	}
	if (worst)
		return kma_fail(err, KMA_ERR_VIOLATED, "%zu number%s got worse, above all %s (%s)",
				nr, nr == 1 ? "" : "s", worst->def->name,
				kma_stat_words[worst->stat]);
	if (!callable)
		return kma_fail(
			err, KMA_ERR_POOR,
			"%zu and %zu traces are too few to call anything worse, whatever their "
			"values: 5 on each side are advised",
			comparison->sides[KMA_BASE].nr, comparison->sides[KMA_NEW].nr);
	return 0;
}

static int compare(const struct kma_config *config, const struct kma_files *base,
		   const struct kma_files *new, struct kma_result **before,
		   struct kma_result **after, struct kma_error *err)
{
	const struct kma_side sides[KMA_SIDES] = {
		[KMA_BASE] = { (const struct kma_result *const *)before, base->nr },
		[KMA_NEW] = { (const struct kma_result *const *)after, new->nr },
	};
	struct kma_comparison *comparison = kma_compare(sides);
	int ret;

	if (!comparison)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	ret = kma_write_answer(config, &(struct kma_answer){ .comparison = comparison }, err);
	if (!ret)
		ret = judge_inputs(base, before, err);
	if (!ret)
		ret = judge_inputs(new, after, err);
	if (!ret && comparison->nr_changes == comparison->count[KMA_UNKNOWN])
		ret = kma_fail(err, KMA_ERR_POOR, "%s and %s: no number is in both", base->paths[0],
			       new->paths[0]);
	if (!ret && config->fail_on_worse)
		ret = judge_comparison(comparison, err);
	kma_comparison_free(comparison);
	return ret;
}

int kma_diff(const struct kma_config *config, struct kma_error *err)
{
	struct kma_files base = config->base, new = config->new;
	struct kma_result **before, **after;
	int ret = -1;

	if (!base.nr) {
		base = (struct kma_files){ config->files.paths, 1 };
		new = (struct kma_files){ config->files.paths + 1, 1 };
	}
	before = kma_load_all(config, &base, err);
	after = before ? kma_load_all(config, &new, err) : NULL;
	if (after)
		ret = compare(config, &base, &new, before, after, err);
	kma_free_all(after, new.nr);
	kma_free_all(before, base.nr);
	return ret;
}

int kma_merge(const struct kma_config *config, struct kma_error *err)
{
	const struct kma_files *files = &config->files;
	struct kma_result **results = kma_load_all(config, files, err);
	struct kma_result *combined;
	int ret = -1;

	if (!results)
		return -1;
	combined = kma_combine((const struct kma_result *const *)results, files->paths, files->nr,
			       kma_combine_rules, err);
	if (combined)
		ret = kma_write_result(config, combined, err);
	if (!ret)
		ret = judge_inputs(files, results, err);
	kma_result_free(combined);
	kma_free_all(results, files->nr);
	return ret;
}
