// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines of printed events: heads, losses, stacks, and values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decode/printed.h"
#include "source/textline.h"
#include "util/names.h"

static struct kma_text_line parse(const char *text)
{
	struct kma_text_line line;

	kma_text_line(text, text + strlen(text), &line);
	return line;
}

static void assert_span(const struct kma_text_span *span, const char *text)
{
	assert_int_equal(span->length, strlen(text));
	assert_memory_equal(span->at, text, span->length);
}

static void test_heads(void **unused)
{
	static const struct {
		const char *text, *comm, *system, *name, *buffer;
		int pid;
		unsigned int cpu;
		uint64_t ts;
		unsigned int digits;
	} heads[] = {
		{ "          <idle>-0       [003] d.h..   275.532274: kfree: ptr=1", "<idle>", "",
		  "kfree", "", 0, 3, 275532274000, 6 },
		{ "            bash-428     (    428) [012] .....   5.000001: kfree: ptr=1", "bash",
		  "", "kfree", "", 428, 12, 5000001000, 6 },
		{ "              wl-224   [000]    39.064062: print:   tracing_mark_write: a [b]",
		  "wl", "", "print", "", 224, 0, 39064062000, 6 },
		{ "              wl-148   [000]    15.893765461: mm_zone_locked:  node=1", "wl", "",
		  "mm_zone_locked", "", 148, 0, 15893765461, 9 },
		{ " pcpu:               sh-255   [000]    56.788260: kfree:  ptr=1", "sh", "",
		  "kfree", "pcpu", 255, 0, 56788260000, 6 },
		{ "                     sh-255   [000]    56.788260: kfree:  ptr=1", "sh", "",
		  "kfree", "", 255, 0, 56788260000, 6 },
		{ "   nginx: worker-7     [001] ..... 1.5: kfree: ptr=1", "nginx: worker", "",
		  "kfree", "", 7, 1, 1500000000, 1 },
		{ "     kworker/0:1-12    [001] ..... 12345: kfree: ptr=1", "kworker/0:1", "",
		  "kfree", "", 12, 1, 12345, 0 },
		{ "      odd [001] -99    [002] .N.1.  1.000000: kfree: ptr=1", "odd [001]", "",
		  "kfree", "", 99, 2, 1000000000, 6 },
		{ "            perf   659 [000]   328.516821:     kmem:kmalloc: call_site=x+0x1",
		  "perf", "kmem", "kmalloc", "", 659, 0, 328516821000, 6 },
		{ "some thing   659/660 [000]   328.516821123:  1   kmem:kmalloc: call_site=x",
		  "some thing", "kmem", "kmalloc", "", 660, 0, 328516821123, 9 },
		{ "            bash-428     [003] .....   1.000000: <stack trace>", "bash", "ftrace",
		  "kernel_stack", "", 428, 3, 1000000000, 6 },
		{ "            bash-428     [003] 1.000000: kernel_stack:         <stack trace >",
		  "bash", "", "kernel_stack", "", 428, 3, 1000000000, 6 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct kma_text_line line = parse(heads[i].text);

		assert_int_equal(line.type, KMA_TEXT_EVENT);
		assert_span(&line.comm, heads[i].comm);
		assert_span(&line.system, heads[i].system);
		assert_span(&line.name, heads[i].name);
		assert_span(&line.buffer, heads[i].buffer);
		assert_int_equal(line.pid, heads[i].pid);
		assert_int_equal(line.cpu, heads[i].cpu);
		assert_int_equal(line.ts, heads[i].ts);
		assert_int_equal(line.digits, heads[i].digits);
	}
}

static void test_losses(void **unused)
{
	struct kma_text_line line = parse("CPU:2 [LOST 771 EVENTS]");

	(void)unused;
	assert_int_equal(line.type, KMA_TEXT_LOST);
	assert_int_equal(line.cpu, 2);
	assert_int_equal(line.lost, 771);
	assert_true(line.lost_counted);
	line = parse("CPU:13 [LOST EVENTS]");
	assert_int_equal(line.type, KMA_TEXT_LOST);
	assert_int_equal(line.cpu, 13);
	assert_int_equal(line.lost, 1);
	assert_false(line.lost_counted);
	line = parse("CPU:1 [241 EVENTS DROPPED]");
	assert_int_equal(line.type, KMA_TEXT_LOST);
	assert_int_equal(line.lost, 241);
	line = parse(" pcpu: CPU:1 [EVENTS DROPPED]");
	assert_int_equal(line.type, KMA_TEXT_LOST);
	assert_span(&line.buffer, "pcpu");
	assert_false(line.lost_counted);
	line = parse("   swapper     0 [002]   1.000000: PERF_RECORD_LOST lost 17");
	assert_int_equal(line.type, KMA_TEXT_LOST);
	assert_int_equal(line.cpu, 2);
	assert_int_equal(line.lost, 17);
	assert_int_equal(parse("CPU:1 [SUBBUFFER START]").type, KMA_TEXT_OTHER);
	assert_int_equal(parse("[LOST 3 EVENTS]").type, KMA_TEXT_OTHER);
}

static void test_others(void **unused)
{
	static const char *const no_events[] = {
		"[", "[]", "[1]", "a-1 [1]", "a-1 [1] 1.0", "a-1 [1] 1.0:", "a-1 [99999] 1.0: b: c",
		"a-x [1] 1.0: b: c", "a-1 [1] 1.0000000000: b: c",
		"a-1 [1] 99999999999999999999.0: b: c", "a-1 [1] 1.0: function <-caller",
		"plain words", "a-1 [1] d.. 1.0: :",
	};
	struct kma_text_line line;

	(void)unused;
	for (size_t i = 0; i < sizeof(no_events) / sizeof(no_events[0]); i++)
		assert_int_equal(parse(no_events[i]).type, KMA_TEXT_OTHER);
	assert_int_equal(parse("").type, KMA_TEXT_EMPTY);
	assert_int_equal(parse("   ").type, KMA_TEXT_EMPTY);
	assert_int_equal(parse("# tracer: nop").type, KMA_TEXT_EMPTY);
	line = parse("cpus=4");
	assert_int_equal(line.type, KMA_TEXT_CPUS);
	assert_int_equal(line.cpu, 4);
	line = parse("# entries-in-buffer/entries-written: 295/300   #P:8");
	assert_int_equal(line.type, KMA_TEXT_CPUS);
	assert_int_equal(line.cpu, 8);
	assert_int_equal(line.lost, 5);
}

static void test_frames(void **unused)
{
	struct kma_text_line line = parse(" => do_page+0x12/0x34");

	(void)unused;
	assert_int_equal(line.type, KMA_TEXT_FRAME);
	assert_span(&line.name, "do_page+0x12/0x34");
	assert_false(line.perf);
	line = parse("=> __page_ref_set (ffffffff812b8346)");
	assert_int_equal(line.type, KMA_TEXT_FRAME);
	assert_span(&line.name, "__page_ref_set");
	line = parse("\tffffffff812b8346 do_page+0x12 ([kernel.kallsyms])");
	assert_int_equal(line.type, KMA_TEXT_FRAME);
	assert_span(&line.name, "do_page+0x12");
	assert_true(line.perf);
	/* the task's own part of a stack has no names of the kernel */
	line = parse("\t    7f1234567890 read+0x12 (/usr/lib/libc.so.6)");
	assert_int_equal(line.type, KMA_TEXT_FRAME);
	assert_int_equal(line.name.length, 0);
}

struct values {
	struct kma_event event;
	uint32_t seen;
	struct kma_printed_doubts doubts;
	uint8_t record[KMA_PRINTED_MAX];
	size_t size;
	struct kma_names *symbols;
};

static struct values read_values(enum kma_kind kind, const char *text)
{
	struct kma_printed printed;
	struct values v = { .symbols = kma_names_new(16) };

	assert_non_null(v.symbols);
	kma_printed_init(&printed, kind);
	/* twice: the second time by the order that the first one taught */
	for (int i = 0; i < 2; i++) {
		v.doubts = (struct kma_printed_doubts){ 0 };
		v.size = kma_printed_read(&printed, text, text + strlen(text), v.symbols,
					  &v.doubts, v.record, &v.seen);
	}
	memcpy(v.event.words, v.record + KMA_PRINTED_HEAD, sizeof(v.event.words));
	return v;
}

static void test_zone_lock_values(void **unused)
{
	struct values v = read_values(KMA_ZONE_LOCKED,
				      " node=1 zone=Normal   count=-3   contended=1 "
				      "caller=free_it+0x207/0x2e0 wait=1234567 ns");
	const struct kma_zone_lock *lock = &v.event.zone_lock;

	(void)unused;
	assert_int_equal(v.seen, 0x3f);
	assert_int_equal(lock->node_id, 1);
	assert_int_equal(lock->count, -3);
	assert_int_equal(lock->contended, 1);
	assert_int_equal(lock->wait_ns, 1234567);
	assert_int_equal(lock->caller, KMA_PRINTED_SYMBOLS);
	assert_string_equal(kma_names_text(v.symbols, 0), "free_it+0x207");
	assert_int_equal(lock->name >> 16, strlen("Normal"));
	assert_memory_equal(v.record + (lock->name & 0xffff), "Normal", 6);
	kma_names_free(v.symbols);
}

static void test_page_values(void **unused)
{
	struct values v = read_values(KMA_PAGE_ALLOC,
				      "page=0xffffffff81cd1194 pfn=0x110fac order=2 migratetype=1 "
				      "gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_ZERO");
	const struct kma_flag_name *name = kma_printed_gfp_flags;

	(void)unused;
	assert_int_equal(v.event.page.pfn, 0x110fac);
	assert_int_equal(v.event.page.order, 2);
	assert_int_equal(v.event.page.migratetype, 1);
	while (strcmp(name->name, "GFP_KERNEL_ACCOUNT"))
		name++;
	assert_int_equal(v.event.page.gfp_flags & name->mask, name->mask);
	while (strcmp(name->name, "__GFP_ZERO"))
		name++;
	assert_int_equal(v.event.page.gfp_flags & name->mask, name->mask);
	assert_int_equal(v.doubts.other_flags, 0);
	kma_names_free(v.symbols);
	v = read_values(KMA_PAGE_ALLOC, "page=(nil) pfn=0x0 order=9 migratetype=1 "
					"gfp_flags=GFP_NEW|0x80000000");
	assert_true(v.event.page.pfn == UINT64_MAX);
	assert_int_equal(v.doubts.other_flags, 2);
	kma_names_free(v.symbols);
}

/* A damaged line may hold any byte; ends of names are where they are said to be. */
static void test_zeros(void **unused)
{
	static const char text[] = "pfn=0x1000 order=0 gfp_flags=GFP_NOFS\0\0\0";
	struct kma_printed printed;
	struct kma_printed_doubts doubts = { 0 };
	uint8_t record[KMA_PRINTED_MAX];
	struct kma_names *names = kma_names_new(4);
	uint32_t seen;

	(void)unused;
	assert_non_null(names);
	kma_printed_init(&printed, KMA_PAGE_ALLOC);
	kma_printed_read(&printed, text, text + sizeof(text) - 1, names, &doubts, record, &seen);
	assert_int_equal(doubts.other_flags, 1);
	assert_int_equal(kma_names_number(names, "a\0b", 3), 0);
	assert_int_equal(kma_names_number(names, "a\0b", 3), 0);
	assert_int_equal(kma_names_number(names, "a", 1), 0);
	assert_int_equal(kma_names_number(names, "ab", 2), 1);
	kma_names_free(names);
}

static void test_pointers(void **unused)
{
	static const struct {
		const char *text;
		uint64_t value;
		unsigned int hashed, unprinted;
	} pointers[] = {
		{ "ptr=00000000d88ca96a", 0xd88ca96a, 1, 0 },
		{ "ptr=ff110001102163f0", 0xff110001102163f0, 0, 0 },
		{ "ptr=0xff110001102163f0", 0xff110001102163f0, 0, 0 },
		{ "ptr=0x1f22000", 0x1f22000, 0, 0 },
		{ "ptr=(nil)", 0, 0, 0 },
		{ "ptr=(null)", 0, 0, 0 },
		{ "ptr=0000000000000000", 0, 0, 0 },
		{ "ptr=(____ptrval____)", 0, 0, 1 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
		struct values v = read_values(KMA_KFREE, pointers[i].text);

		assert_int_equal(v.seen, 2);
		assert_true(v.event.slab_free.ptr == pointers[i].value);
		assert_int_equal(v.doubts.hashed, pointers[i].hashed);
		assert_int_equal(v.doubts.unprinted, pointers[i].unprinted);
		kma_names_free(v.symbols);
	}
}

static void test_other_values(void **unused)
{
	struct values v = read_values(KMA_MIGRATE_PAGES,
				      "nr_succeeded=32 nr_failed=1 nr_thp_succeeded=0 "
				      "mode=MIGRATE_SYNC reason=contig_range");

	(void)unused;
	assert_int_equal(v.event.migrate.succeeded, 32);
	assert_int_equal(v.event.migrate.failed, 1);
	assert_int_equal(v.event.migrate.mode, 2);
	assert_int_equal(v.event.migrate.reason, 6);
	kma_names_free(v.symbols);
	v = read_values(KMA_KFREE, "call_site=x+0x1 ptr=nonsense");
	assert_int_equal(v.seen, 1);
	kma_names_free(v.symbols);
	v = read_values(KMA_KFREE, "");
	assert_int_equal(v.seen, 0);
	kma_names_free(v.symbols);
	/* the first of a name counts */
	v = read_values(KMA_KMEM_CACHE_FREE, "(f+0x1) call_site=f+0x1 ptr=0x10 name=a ptr=0x20");
	assert_int_equal(v.event.slab_free.ptr, 0x10);
	kma_names_free(v.symbols);
	v = read_values(KMA_CMA_ALLOC_START, "name=reserved request_count=8 align=0");
	assert_int_equal(v.event.cma.count, 8);
	kma_names_free(v.symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),	  cmocka_unit_test(test_losses),
		cmocka_unit_test(test_others),	  cmocka_unit_test(test_frames),
		cmocka_unit_test(test_zone_lock_values), cmocka_unit_test(test_page_values),
		cmocka_unit_test(test_zeros),	  cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_other_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
