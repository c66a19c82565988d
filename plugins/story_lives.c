/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A number or an address is used again and again: which life a step belongs to, what it begins and
 * what it ends. Reads no trace and tells nothing.
 */
#include "story_internal.h"

static void begin(struct kma_state *state, struct story_step *step, bool unseen)
{
	state->lives++;
	state->alive = true;
	state->freed = state->freed_batched = false;
	state->has_count = false;
	step->begins = true;
	step->unseen = unseen;
}

static void end(struct kma_state *state, struct story_step *step)
{
	state->alive = false;
	step->ends = true;
}

/* The page is said to be free: it lives no more, though nobody said when it ended. */
static void is_free(struct kma_state *state)
{
	state->alive = false;
	state->has_count = false;
}

static bool is_refused(const struct kma_event *e)
{
	return (e->kind == KMA_PAGE_REF_MOD_UNLESS || e->kind == KMA_PAGE_REF_FREEZE) &&
	       !e->page_ref.ret;
}

static bool is_put(const struct kma_event *e)
{
	return (e->kind == KMA_PAGE_REF_MOD || e->kind == KMA_PAGE_REF_MOD_AND_TEST ||
		e->kind == KMA_PAGE_REF_MOD_AND_RETURN) &&
	       e->page_ref.val < 0;
}

/* What the operation did to the count; a page's first count is taken, too. */
static void set_change(struct kma_state *state, struct story_step *step)
{
	const struct kma_page_ref *ref = &step->e.page_ref;

	switch (step->e.kind) {
	case KMA_PAGE_REF_SET:
		step->has_change = step->begins || state->has_count;
		step->change = ref->count - (step->begins ? 0 : state->count);
		break;
	case KMA_PAGE_REF_FREEZE:
	case KMA_PAGE_REF_UNFREEZE:
		break;
	default:
		step->has_change = true;
		step->change = is_refused(&step->e) ? 0 : ref->val;
		break;
	}
	if (!step->has_change)
		step->change = 0;
	state->gets += step->change > 0 ? step->change : 0;
	state->puts += step->change < 0 ? -(int64_t)step->change : 0;
}

static void reference(struct kma_state *state, struct story_step *step)
{
	const struct kma_page_ref *ref = &step->e.page_ref;
	bool set = step->e.kind == KMA_PAGE_REF_SET;
	bool put = is_put(&step->e);

	if (set && ref->count > 0 &&
	    (!state->alive || (state->has_count && !state->count) ||
	     (state->doubtful && ref->count == 1)))
		begin(state, step, false);
	else if (!state->alive && !set && !is_refused(&step->e) && (ref->count > 0 || put))
		begin(state, step, true);
	set_change(state, step);
	step->life = state->alive ? state->lives : 0;
	step->has_count = true;
	step->count = ref->count;
	step->mapcount = ref->mapcount;
	state->doubtful = false;
	state->just_set = set;
	state->set_pid = step->e.pid;
	state->has_count = true;
	state->count = ref->count;
	state->mapcount = ref->mapcount;
	/* frozen at 0 is no end: whoever froze it goes on with it */
	if (state->alive && put && ref->count <= 0)
		end(state, step);
}

static void page_freed(struct kma_state *state, struct story_step *step)
{
	bool *said = step->e.kind == KMA_PAGE_FREE ? &state->freed : &state->freed_batched;

	if (!state->alive && (!state->lives || *said))
		begin(state, step, true);
	if (state->alive)
		end(state, step);
	*said = true;
	step->life = state->lives;
	state->has_count = false;
}

void story_page_life(struct kma_state *state, struct story_step *step)
{
	bool was_set = state->just_set && state->set_pid == step->e.pid;

	state->just_set = false;
	switch (step->e.kind) {
	case KMA_PAGE_ALLOC:
		/* the count is set first, and then the allocation told */
		if (!state->alive || !was_set)
			begin(state, step, false);
		break;
	case KMA_PAGE_FREE:
	case KMA_PAGE_FREE_BATCHED:
		page_freed(state, step);
		return;
	case KMA_PAGE_ALLOC_ZONE_LOCKED:
	case KMA_PCPU_REFILL:
	case KMA_PCPU_DRAIN:
		is_free(state);
		return;
	case KMA_PAGE_ALLOC_EXTFRAG:
	case KMA_TEST_PAGES_ISOLATED:
	case KMA_CMA_ALLOC_FINISH:
	case KMA_CMA_ALLOC_BUSY_RETRY:
	case KMA_CMA_ALLOC:
	case KMA_CMA_RELEASE:
		break;
	default:
		reference(state, step);
		return;
	}
	if (!step->life && state->alive)
		step->life = state->lives;
	step->has_count = state->has_count && step->life;
	step->count = state->count;
	step->mapcount = state->mapcount;
}

void story_object_life(struct kma_state *state, struct story_step *step)
{
	const struct kma_event *e = &step->e;

	switch (e->kind) {
	case KMA_KFREE:
	case KMA_KMEM_CACHE_FREE:
	case KMA_PERCPU_FREE:
		if (!state->alive)
			begin(state, step, true);
		end(state, step);
		break;
	case KMA_PERCPU_ALLOC:
		begin(state, step, false);
		state->start = e->percpu_alloc.ptr;
		break;
	default:
		begin(state, step, false);
		state->start = e->slab_alloc.ptr;
		break;
	}
	step->life = state->lives;
}
