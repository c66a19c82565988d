/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a step happened, for a reader: the names of its stack, and what its task was about. Knows
 * functions' names, and nothing of pages and objects.
 */
#include <stdlib.h>
#include <string.h>

#include "story_internal.h"

/* What a function in the stack tells. The innermost of them counts. */
static const struct {
	const char *function;
	const char *entry;
} entries[] = {
	{ "migrate_pages", "migration" },
	{ "isolate_migratepages_block", "isolation" },
	{ "compact_zone", "compaction" },
	{ "shrink_folio_list", "reclaim" },
	{ "__cma_alloc", "cma_alloc()" },
	{ "cma_alloc", "cma_alloc()" },
	{ "cma_release", "cma_release()" },
	{ "exc_page_fault", "page fault" },
	{ "do_page_fault", "page fault" },
	{ "do_user_addr_fault", "page fault" },
	{ "do_exit", "exit" },
	{ "begin_new_exec", "exec" },
	{ "handle_softirqs", "softirq" },
	{ "__do_softirq", "softirq" },
	{ "process_one_work", "work queue" },
	{ "worker_thread", "work queue" },
	{ "kswapd", "kswapd" },
	{ "kcompactd", "kcompactd" },
	{ "ret_from_fork", "kernel thread" },
};

/* What stands before a system call's name, whatever the architecture. */
static const char *const syscalls[] = {
	"__do_sys_",	  "__se_sys_",	  "__x64_sys_",	      "__ia32_sys_",
	"__arm64_sys_",	  "__s390x_sys_", "__s390_sys_",      "__riscv_sys_",
	"__powerpc_sys_", "ksys_",	  "__do_compat_sys_",
};

static size_t function_length(const char *name)
{
	return strcspn(name, "+");
}

static const char *entry_of(const char *name, struct kma_report *report)
{
	size_t length = function_length(name);

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (strlen(entries[i].function) == length &&
		    !memcmp(entries[i].function, name, length))
			return entries[i].entry;
	for (size_t i = 0; i < sizeof(syscalls) / sizeof(syscalls[0]); i++) {
		size_t prefix = strlen(syscalls[i]);

		if (length > prefix && !memcmp(name, syscalls[i], prefix))
			return kma_report_printf(report, "%.*s()",
						 (int)strcspn(name + prefix, "+."), name + prefix);
	}
	return NULL;
}

/* "a < b", innermost first. */
static const char *chain(const char *const *names, uint32_t nr, bool offsets,
			 struct kma_report *report)
{
	char *text, *to;
	const char *kept;
	size_t size = 1;

	for (uint32_t i = 0; i < nr; i++)
		size += strlen(names[i]) + 3;
	text = to = malloc(size);
	if (!text)
		return NULL;
	for (uint32_t i = 0; i < nr; i++) {
		size_t length = offsets ? strlen(names[i]) : function_length(names[i]);

		if (i)
			to = stpcpy(to, " < ");
		memcpy(to, names[i], length);
		to += length;
	}
	*to = '\0';
	kept = kma_report_printf(report, "%s", text);
	free(text);
	return kept;
}

static int describe(struct story_where *where, const char *const *names, uint32_t nr,
		    uint32_t depth, struct kma_report *report)
{
	if (!nr)
		return 0;
	for (uint32_t i = 0; i < nr && !where->entry; i++)
		where->entry = entry_of(names[i], report);
	where->leaf = kma_report_printf(report, "%.*s", (int)function_length(names[0]), names[0]);
	where->chain = chain(names, nr < 8 ? nr : 8, false, report);
	where->stack = chain(names, depth && depth < nr ? depth : nr, true, report);
	return where->chain && where->stack ? 0 : -1;
}

/* All addresses of all sites at once: naming reads all of the trace's symbols. */
static const char **name_all(const struct kma_state *state, struct kma_report *report)
{
	uint32_t nr_sites = kma_sites_nr(state->sites), nr;
	size_t total = 0, used = 0;
	const char **names = NULL;
	uint64_t *addresses;

	for (uint32_t site = 1; site < nr_sites; site++) {
		kma_sites_addresses(state->sites, site, &nr);
		total += nr;
	}
	addresses = calloc(total + 1, sizeof(*addresses));
	if (addresses)
		names = calloc(total + 1, sizeof(*names));
	for (uint32_t site = 1; names && site < nr_sites; site++) {
		const uint64_t *from = kma_sites_addresses(state->sites, site, &nr);

		memcpy(addresses + used, from, nr * sizeof(*addresses));
		used += nr;
	}
	if (names && total &&
	    kma_name_addresses(state->trace->namer, addresses, names, total) < 0) {
		free(names);
		names = NULL;
	}
	for (size_t i = 0; names && i < total; i++)
		if (!names[i])
			names[i] = kma_report_printf(report, "0x%" PRIx64, addresses[i]);
	free(addresses);
	return names;
}

struct story_where *story_wheres(const struct kma_state *state, struct kma_report *report)
{
	uint32_t nr_sites = kma_sites_nr(state->sites), nr;
	struct story_where *wheres = calloc(nr_sites, sizeof(*wheres));
	const char **names = wheres ? name_all(state, report) : NULL;
	bool failed = !names;
	size_t at = 0;

	for (uint32_t site = 1; !failed && site < nr_sites; site++, at += nr) {
		kma_sites_addresses(state->sites, site, &nr);
		failed = describe(&wheres[site], names + at, nr, state->trace->stack_depth,
				  report) < 0;
	}
	free(names);
	if (!failed)
		return wheres;
	free(wheres);
	return NULL;
}
