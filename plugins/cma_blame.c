/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose reference stood in the way of an isolation, and of what kind it was. Reads what cma_pages.c
 * kept; says nothing itself.
 */
#include <stdlib.h>
#include <string.h>

#include "cma_internal.h"

/* ---- functions by name ---- */

struct cma_names {
	const struct kma_sites *stacks;
	struct kma_u64map numbers; /* address to number */
	uint64_t *addresses;
	const char **names; /* "function+0xoff", or NULL */
	size_t nr, max;
};

void cma_names_free(struct cma_names *names)
{
	if (!names)
		return;
	kma_u64map_free(&names->numbers);
	free(names->addresses);
	free(names->names);
	free(names);
}

static int add_address(struct cma_names *names, uint64_t address)
{
	if (address == KMA_U64MAP_FREE || kma_u64map_get(&names->numbers, address))
		return 0;
	if (names->nr == names->max) {
		size_t max = names->max ? 2 * names->max : 256;
		uint64_t *addresses = reallocarray(names->addresses, max, sizeof(*addresses));

		if (!addresses)
			return -1;
		names->addresses = addresses;
		names->max = max;
	}
	names->addresses[names->nr] = address;
	return kma_u64map_put(&names->numbers, address, names->nr++, NULL);
}

struct cma_names *cma_names_new(const struct kma_state *state)
{
	struct cma_names *names = calloc(1, sizeof(*names));
	bool failed = !names;

	if (failed)
		return NULL;
	names->stacks = state->stacks;
	for (uint32_t site = 1; !failed && site < kma_sites_nr(state->stacks); site++) {
		uint32_t nr;
		const uint64_t *addresses = kma_sites_addresses(state->stacks, site, &nr);

		for (uint32_t i = 0; !failed && i < nr; i++)
			failed = add_address(names, addresses[i]) < 0;
	}
	if (!failed) {
		names->names = calloc(names->nr ? names->nr : 1, sizeof(*names->names));
		failed = !names->names || kma_name_addresses(state->trace->namer, names->addresses,
							     names->names, names->nr) < 0;
	}
	if (!failed)
		return names;
	cma_names_free(names);
	return NULL;
}

/* "function+0xoff" at @address; NULL: no name. *@length is that of the function alone, without
 * what the compiler put behind it (".constprop.0"). */
static const char *function_at(const struct cma_names *names, uint64_t address, size_t *length)
{
	const uint64_t *number = address == KMA_U64MAP_FREE
					 ? NULL
					 : kma_u64map_get(&names->numbers, address);
	const char *name = number ? names->names[*number] : NULL;

	*length = name ? strcspn(name, "+.") : 0;
	return name;
}

static bool is_one_of(const char *name, size_t length, const char *const *list)
{
	for (; *list; list++)
		if (strlen(*list) == length && !memcmp(*list, name, length))
			return true;
	return false;
}

/* How every stack of a system call or a fault ends. */
static const char *const entry_functions[] = {
	"do_syscall_64", "x64_sys_call",   "entry_SYSCALL_64_after_hwframe",
	"do_el0_svc",	 "invoke_syscall", "asm_exc_page_fault",
	"__do_syscall",	 "system_call",	   NULL,
};

const char *cma_names_text(const struct cma_names *names, struct kma_report *report, uint32_t stack,
			   unsigned int depth)
{
	const char *text = NULL, *name;
	const uint64_t *addresses;
	size_t length;
	uint32_t nr;

	addresses = kma_sites_addresses(names->stacks, stack, &nr);
	for (uint32_t i = 0; i < nr && i < depth; i++) {
		name = function_at(names, addresses[i], &length);
		if (i && name && is_one_of(name, length, entry_functions))
			break;
		if (name)
			text = kma_report_printf(report, "%s%s%.*s", text ? text : "",
						 text ? " < " : "", (int)length, name);
		else
			text = kma_report_printf(report, "%s%s0x%" PRIx64, text ? text : "",
						 text ? " < " : "", addresses[i]);
		if (!text)
			return NULL;
	}
	return text;
}

static bool stack_has(const struct cma_names *names, uint32_t stack, const char *const *list)
{
	uint32_t nr;
	const uint64_t *addresses = kma_sites_addresses(names->stacks, stack, &nr);

	for (uint32_t i = 0; i < nr; i++) {
		size_t length;
		const char *name = function_at(names, addresses[i], &length);

		if (name && is_one_of(name, length, list))
			return true;
	}
	return false;
}

/* ---- batches ---- */

/* Unmapped pages are gathered and freed together, when the page tables are done. */
static const char *const gather_functions[] = {
	"tlb_finish_mmu",
	"tlb_flush_mmu",
	"tlb_flush_mmu_free",
	"tlb_batch_pages_flush",
	"__tlb_batch_free_encoded_pages",
	"free_pages_and_swap_cache",
	NULL,
};

static const char *const exit_functions[] = {
	"exit_mmap", "mmput", "__mmput", "exit_mm", "do_exit", NULL,
};

/* Each CPU gathers pages before it puts them on the LRU lists, or moves them there. */
static const char *const lru_functions[] = {
	"folio_batch_move_lru", "__folio_batch_add_and_move",
	"folio_add_lru",	"lru_add_drain",
	"lru_add_drain_cpu",	"pagevec_lru_move_fn",
	"__pagevec_lru_add",	"__lru_cache_add",
	"lru_cache_add",	NULL,
};

/* ---- the culprit ---- */

/* How much a holding is to blame; 0: not at all. */
enum weight { WEIGHT_NONE, WEIGHT_EARLY, WEIGHT_UNMAPPED, WEIGHT_HELD };

static enum weight weigh(const struct cma_failure *failure, const struct cma_holding *holding)
{
	if (holding->early)
		return holding->put_role == PAGEREF_MAPPING ? WEIGHT_NONE : WEIGHT_EARLY;
	if (holding->ref.role == PAGEREF_OTHER)
		return WEIGHT_HELD;
	if (holding->ref.role == PAGEREF_UNMAPPED)
		return WEIGHT_UNMAPPED;
	/* the mapping was seen to be gone only when the reference was given back, soon after; in a
	 * migration others still hold the page then */
	if (holding->put_role == PAGEREF_UNMAPPED && holding->put_last && holding->put_ts &&
	    holding->put_ts - failure->ts <= CMA_BATCH_NS)
		return WEIGHT_UNMAPPED;
	return WEIGHT_NONE;
}

/* Whether @a is more to blame than @b. The younger reference is: the older one is more likely to
 * be what every page in use has. */
static bool is_worse(const struct cma_holding *a, enum weight weight_a, const struct cma_holding *b,
		     enum weight weight_b)
{
	if (weight_a != weight_b)
		return weight_a > weight_b;
	if (weight_a == WEIGHT_EARLY && a->put_ts != b->put_ts)
		return a->put_ts > b->put_ts;
	return a->ref.ts > b->ref.ts;
}

/* Without a test that names the page, the first in the range that is held. */
static uint64_t first_held(const struct kma_state *state, const struct cma_failure *failure)
{
	uint64_t first = CMA_NO_PFN;

	for (uint32_t h = failure->holdings; h != CMA_NOTHING; h = state->holdings[h].next)
		if (state->holdings[h].pfn < first &&
		    weigh(failure, &state->holdings[h]) > WEIGHT_EARLY)
			first = state->holdings[h].pfn;
	return first;
}

static enum cma_verdict judge(const struct kma_state *state, const struct cma_names *names,
			      const struct cma_failure *failure, const struct cma_holding *holding)
{
	uint64_t since = holding->ref.ts ? holding->ref.ts : state->trace->start_ts;

	if (!holding->put_ts)
		return stack_has(names, holding->ref.stack, lru_functions) ? CMA_VERDICT_BATCH_LRU
									   : CMA_VERDICT_LEAKED;
	if (weigh(failure, holding) == WEIGHT_UNMAPPED ||
	    stack_has(names, holding->put_stack, gather_functions))
		return stack_has(names, holding->put_stack, exit_functions)
			       ? CMA_VERDICT_BATCH_EXIT
			       : CMA_VERDICT_BATCH_UNMAP;
	if (stack_has(names, holding->put_stack, lru_functions))
		return CMA_VERDICT_BATCH_LRU;
	if (state->trace->clock == KMA_CLOCK_TICKS)
		return CMA_VERDICT_PIN;
	if (holding->put_ts - since >= CMA_SHORT_PIN_NS)
		return CMA_VERDICT_LONG_PIN;
	/* of one from before the trace only the end is known */
	return holding->ref.ts ? CMA_VERDICT_SHORT_PIN : CMA_VERDICT_PIN;
}

struct cma_blame cma_blame(const struct kma_state *state, const struct cma_names *names,
			   const struct cma_failure *failure)
{
	struct cma_blame blame = { .verdict = CMA_VERDICT_NOT_VISIBLE,
				   .pfn = failure->fin_pfn,
				   .others = failure->nr_pages };
	enum weight worst = WEIGHT_NONE;

	if (!failure->tested && failure->start_pfn == failure->end_pfn) {
		blame.verdict = CMA_VERDICT_NO_RANGE;
		return blame;
	}
	if (!state->ref_events) {
		blame.verdict = CMA_VERDICT_UNKNOWN;
		return blame;
	}
	if (blame.pfn == CMA_NO_PFN) {
		blame.pfn = first_held(state, failure);
		blame.approximate = true;
		blame.others -= blame.pfn != CMA_NO_PFN && blame.others;
	}
	for (uint32_t h = failure->holdings; h != CMA_NOTHING; h = state->holdings[h].next) {
		const struct cma_holding *holding = &state->holdings[h];
		enum weight weight = weigh(failure, holding);

		if (holding->pfn != blame.pfn || weight == WEIGHT_NONE)
			continue;
		blame.more += weight != WEIGHT_EARLY;
		if (blame.holding && !is_worse(holding, weight, blame.holding, worst))
			continue;
		blame.holding = holding;
		worst = weight;
	}
	if (!blame.holding)
		return blame;
	blame.more -= worst != WEIGHT_EARLY;
	blame.approximate |= blame.more || blame.holding->ref.pid == PAGEREF_NOBODY ||
			     (blame.holding->put_ts && !blame.holding->sure);
	blame.verdict = judge(state, names, failure, blame.holding);
	return blame;
}

/* ---- in words ---- */

static const struct {
	const char *id, *text;
} verdicts[] = {
	[CMA_VERDICT_BATCH_EXIT] = { "transient_batch_exit",
				     "a transient batch: pages of a task that exits" },
	[CMA_VERDICT_BATCH_UNMAP] = { "transient_batch_unmap",
				      "a transient batch: pages just unmapped" },
	[CMA_VERDICT_BATCH_LRU] = { "transient_batch_lru",
				    "a transient batch: pages on their way to the LRU lists" },
	[CMA_VERDICT_SHORT_PIN] = { "short_pin", "a short pin" },
	[CMA_VERDICT_LONG_PIN] = { "long_pin", "a long pin" },
	[CMA_VERDICT_PIN] = { "pin", "a pin of unknown length" },
	[CMA_VERDICT_LEAKED] = { "leaked", "leaked, as far as the trace goes" },
	[CMA_VERDICT_NOT_VISIBLE] = { "no_visible_reference", "no visible reference" },
	[CMA_VERDICT_NO_RANGE] = { "no_free_range", "no free range in the area" },
	[CMA_VERDICT_UNKNOWN] = { "not_recorded", "page references were not recorded" },
};

const char *cma_verdict_id(enum cma_verdict verdict)
{
	return verdicts[verdict].id;
}

const char *cma_verdict_text(enum cma_verdict verdict)
{
	return verdicts[verdict].text;
}
