/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One pass of a trace; see flow.h. */
#include "stream/flow.h"

#include <stdlib.h>

#define PROGRESS_BATCHES 256
/* An analysis takes up to so many batches at a time: its own tables and code stay in the cache. */
#define MAX_FED 4

enum task_type { TASK_NONE, TASK_FILL, TASK_MERGE, TASK_FEED };

struct task {
	enum task_type type;
	struct kma_lane *lane;
	struct kma_consumer *consumer;
	uint64_t end; /* of the batches to feed */
};

static inline struct kma_merged *batch_at(struct kma_flow *flow, uint64_t number)
{
	return &flow->batches[number % KMA_FLOW_BATCHES];
}

/* ---- picking: the lock is held ---- */

/* The consumer with the most to do, if any; batches that say nothing to one are behind it at once.
 */
static struct kma_consumer *find_consumer(struct kma_flow *flow, uint64_t *oldest)
{
	struct kma_consumer *found = NULL;

	*oldest = flow->made;
	for (size_t i = 0; i < flow->nr_consumers; i++) {
		struct kma_consumer *consumer = &flow->consumers[i];

		while (!consumer->busy && consumer->taken < flow->made) {
			const struct kma_merged *batch = batch_at(flow, consumer->taken);

			if (batch->has_gap || batch->kinds & consumer->kinds)
				break;
			consumer->taken++;
		}
		if (consumer->taken < *oldest)
			*oldest = consumer->taken;
		if (!consumer->busy && consumer->taken < flow->made &&
		    (!found || consumer->taken < found->taken))
			found = consumer;
	}
	return found;
}

static bool can_merge(const struct kma_flow *flow, uint64_t oldest)
{
	return !flow->merging && !flow->ended && flow->made - oldest < KMA_FLOW_BATCHES &&
	       !(flow->merge.want && kma_ahead_is_filling(&flow->ahead, flow->merge.heap[0].lane));
}

/* Whoever is far behind comes first, then what the others will wait for. */
static struct task pick(struct kma_flow *flow)
{
	struct task task = { .type = TASK_NONE };
	uint64_t oldest;

	task.consumer = find_consumer(flow, &oldest);
	if (task.consumer && flow->made - task.consumer->taken >= KMA_FLOW_BATCHES / 2) {
		task.type = TASK_FEED;
	} else if (can_merge(flow, oldest)) {
		task.type = TASK_MERGE;
		flow->merging = true;
	} else if ((task.lane = kma_ahead_pick(&flow->ahead))) {
		task.type = TASK_FILL;
	} else if (task.consumer) {
		task.type = TASK_FEED;
	}
	if (task.type == TASK_FEED) {
		task.consumer->busy = true;
		task.end = task.consumer->taken + MAX_FED < flow->made
				   ? task.consumer->taken + MAX_FED
				   : flow->made;
	}
	return task;
}

/* Would pick() find something? */
static bool is_more(struct kma_flow *flow)
{
	uint64_t oldest;

	return find_consumer(flow, &oldest) || can_merge(flow, oldest) || flow->ahead.queued;
}

static bool is_done(const struct kma_flow *flow)
{
	if (flow->failed)
		return true;
	if (!flow->ended)
		return false;
	for (size_t i = 0; i < flow->nr_consumers; i++)
		if (flow->consumers[i].taken < flow->made)
			return false;
	return true;
}

/* ---- work: the lock is not held ---- */

static int feed(struct kma_flow *flow, const struct task *task)
{
	const struct kma_consumer *consumer = task->consumer;

	for (uint64_t i = consumer->taken; i < task->end; i++) {
		const struct kma_merged *merged = batch_at(flow, i);
		const struct kma_batch batch = { .events = merged->events,
						 .nr = merged->nr,
						 .stacks = merged->stacks };

		if (merged->kinds & consumer->kinds &&
		    consumer->analysis->feed(consumer->state, &batch) < 0)
			return -1;
		if (merged->has_gap && consumer->analysis->lost(consumer->state, &merged->gap) < 0)
			return -1;
	}
	return 0;
}

static void count_late(struct kma_flow *flow, const struct kma_merged *merged)
{
	for (uint32_t i = 0; i < merged->nr; i++) {
		if (merged->events[i].ts < flow->newest)
			flow->late++;
		else
			flow->newest = merged->events[i].ts;
	}
}

/* Makes the next batch. 1; 0 when it has to wait for a lane; -1 when out of memory. */
static int merge(struct kma_flow *flow)
{
	struct kma_merged *merged = batch_at(flow, flow->made);

	if (!flow->merge.want) {
		merged->nr = 0;
		merged->kinds = 0;
		merged->nr_stacks = 0;
		merged->has_gap = false;
	}
	if (!kma_merge_next(&flow->merge, merged))
		return 0;
	if (flow->live)
		count_late(flow, merged);
	if (merged->has_gap && flow->lost && flow->lost(flow, &merged->gap) < 0)
		return -1;
	if (flow->progress && flow->made % PROGRESS_BATCHES == PROGRESS_BATCHES - 1)
		flow->progress(flow, flow->ahead.bytes);
	return 1;
}

static void run_task(struct kma_flow *flow, const struct task *task)
{
	int ret = 0;

	kma_crew_unlock(&flow->crew);
	if (task->type == TASK_FILL)
		kma_ahead_fill(&flow->ahead, task->lane);
	else
		ret = task->type == TASK_MERGE ? merge(flow) : feed(flow, task);
	kma_crew_lock(&flow->crew);
	if (ret < 0)
		flow->failed = true;
	if (task->type == TASK_MERGE) {
		const struct kma_merged *merged = batch_at(flow, flow->made);

		flow->merging = false;
		if (ret > 0 && (merged->nr || merged->has_gap))
			flow->made++;
		else if (ret > 0)
			flow->ended = true;
	} else if (task->type == TASK_FEED) {
		task->consumer->taken = task->end;
		task->consumer->busy = false;
	}
}

static void *work(void *of)
{
	struct kma_flow *flow = of;

	kma_crew_lock(&flow->crew);
	while (!is_done(flow)) {
		struct task task = pick(flow);

		if (task.type == TASK_NONE) {
			/* picking may have found that the last batches say nothing to anybody */
			if (!is_done(flow))
				kma_crew_sleep(&flow->crew);
			continue;
		}
		if (flow->crew.asleep && is_more(flow))
			kma_crew_wake_one(&flow->crew);
		run_task(flow, &task);
	}
	kma_crew_wake_all(&flow->crew);
	kma_crew_unlock(&flow->crew);
	return NULL;
}

/* This thread, and as many more as asked for and to be had. */
static int work_together(struct kma_flow *flow, struct kma_error *err)
{
	unsigned int nr = 0, more = flow->jobs > 1 ? flow->jobs - 1 : 0;
	pthread_t *threads = calloc(more + 1, sizeof(*threads));

	if (!threads)
		return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
	while (nr < more && !pthread_create(&threads[nr], NULL, work, flow))
		nr++;
	work(flow);
	while (nr)
		pthread_join(threads[--nr], NULL);
	free(threads);
	return flow->failed ? kma_fail(err, KMA_ERR_INTERNAL, "out of memory") : 0;
}

int kma_flow_run(struct kma_flow *flow, struct kma_error *err)
{
	int ret = 0;

	kma_crew_init(&flow->crew);
	for (size_t i = 0; i < KMA_FLOW_BATCHES && !ret; i++)
		ret = kma_merged_open(&flow->batches[i], err);
	if (!ret)
		ret = kma_ahead_open(&flow->ahead, &flow->crew, flow->lanes, flow->nr_lanes,
				     flow->eager && flow->jobs > 1, err);
	if (!ret)
		ret = kma_merge_open(&flow->merge, &flow->ahead, err);
	if (!ret)
		ret = work_together(flow, err);
	flow->bytes = flow->ahead.bytes;
	kma_merge_close(&flow->merge);
	kma_ahead_close(&flow->ahead);
	for (size_t i = 0; i < KMA_FLOW_BATCHES; i++)
		kma_merged_close(&flow->batches[i]);
	kma_crew_destroy(&flow->crew);
	return ret;
}
