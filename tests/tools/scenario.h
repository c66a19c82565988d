/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a text that says what a trace contains, and hands it to the trace.dat writer. Must not
 * know how that is written to a file.
 *
 * One statement per line; '#' begins a comment; words with blanks stand in "double quotes".
 *
 *   file version=7 endian=little long=8 page=4096 compression=zstd clock=mono cpus=4
 *                       first, if there; also userlong= bufferpage= chunk= (pages compressed
 *                       together) padding=none|null flags=wide|narrow cpustat=on|off
 *   option uname "Linux test 6.12.0 x86_64"
 *                       also version date offset clock cpustat (text), traceid N,
 *                       tsc2nsec MULT SHIFT OFFSET, timeshift PEER OFFSET... (of CPU 0 and on,
 *                       the last one for those behind it)
 *   symbol ffffffff81000100 get_page_from_freelist [MODULE]
 *   task 148 wl
 *   printk ffffffff81b641f5 "End context switch"
 *   buffer zones clock=mono
 *                       what follows goes there; "buffer top" goes back
 *   text "# tracer: wakeup"
 *                       the buffer holds latency text: adds a line
 *   event kmem:name id=300 int node_id, __data_loc char[] name
 *                       declares an event, or another form of a known one; without fields a
 *                       known event is written to the file though it may never occur
 *   printfmt name "x=%d", REC->x
 *                       the rest of the line is the print format of a declared event
 *   15.893765461 cpu0 pid148 mm_zone_locked node_id=1 name=Normal caller=symbol+0x7
 *                       TIME is ns, s.fraction, or +ns after the record before; flags=N and
 *                       preempt=N may stand before the event; fields left out are 0 or ""
 *   discard TIME ...    a record that the kernel discarded
 *   stack cpu0 a+0x1 b  the kernel_stack of the record before on that CPU
 *   lost cpu0 count=126 the next record begins a page with events lost before; count=? unknown
 *   page cpu0           the next record begins a page
 *   timestamp cpu0      an absolute time stamp precedes the next record, which may be older
 *
 * Values are decimal, hexadecimal, negative, true, false, symbols with or without offset, or text.
 */
#ifndef KMA_TESTS_SCENARIO_H
#define KMA_TESTS_SCENARIO_H

#include <stdio.h>

struct dat_writer;

/*
 * Reads @in, called @name in messages; @sets are key=value words that override those of the
 * "file" line. Returns a writer ready for dat_finish(), or NULL after one message on @errors.
 */
struct dat_writer *scenario_read(FILE *in, const char *name, char *const *sets,
				 unsigned int nr_sets, FILE *errors);

#endif
