# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics of the alloc_lock report, computed from the records by the definitions in docs/reports.md.

Which lock it is follows from the functions on the stack that are known here: those of mm/page_alloc.c, mm/swap.c and so
on. It is a list of its own: a function that only one of the two computations knows makes them differ.
"""

import bisect
import re

from records import run

BEGIN, END, STACK = "contention_begin", "contention_end", "kernel_stack"
EVENTS = (BEGIN, END)
NAMES = ["alloc_lock." + name for name in (
    "contended_total", "wait_ns", "unfinished_waits_total", "unpaired_ends_total")]
SPIN, MUTEX = 1, 32
ARRAY = re.compile(r"ARRAY\[(.*)\]")
# taking a lock, and the tracing
PASSED = re.compile(r"(trace_event_raw_event_|__traceiter_|(native|__pv|resilient)_?queued_|queued_(spin|read|write)_lock|"
                    r"_raw_(spin|read|write)_lock|(__)?(ww_)?mutex_lock|rwsem_down_|down_(read|write)|(__)?percpu_down_|"
                    r"percpu_rwsem_wait|(__)?rt_mutex_|rtlock_|rt_spin_lock|compact_lock_irqsave|folio_lruvec_lock)")
ACCESSOR = re.compile("folio_lruvec_lock")
SURE = (
    ("zone", re.compile(r"(__rmqueue_pcplist|rmqueue(_bulk|_buddy)?|get_page_from_freelist|free_pcppages_bulk|free_one_page|"
                        r"__free_pages_ok|isolate_freepages_block|pagetypeinfo_show|walk_zones_in_node|split_large_buddy)$")),
    ("lruvec", re.compile(r"(folio_batch_move_lru|__page_cache_release|release_pages|folios_put_refs|folio_isolate_lru|"
                          r"isolate_migratepages_block|shrink_(in)?active_list|mlock_folio_batch)$")),
    ("slab_node", re.compile(r"(get_partial_node|__slab_free|__put_partials|barn_\w+|put_cpu_partial|deactivate_slab)$")),
    ("percpu", re.compile(r"(pcpu_alloc(_noprof)?|free_percpu|pcpu_balance_\w+)$")),
)
LIKELY = (
    ("zone", re.compile(r"(free_unref_page(_commit)?|free_frozen_page_commit|free_unref_folios)$")),
    ("slab_node", re.compile(r"___slab_alloc$")),
    ("pcp", re.compile(r"(drain_pages_zone|drain_zone_pages|decay_pcp_high|drain_pages)$")),
)


class Wait:
    def __init__(self, record):
        self.record = record
        self.stack = []
        self.ended = None
        self.lock = record.number("lock_addr")


def addresses(body):
    """As trace-cmd prints them: bytes, the least first."""
    found = ARRAY.search(body)
    digits = [int(byte, 16) for byte in found[1].split(",")] if found else []
    return [int.from_bytes(digits[at:at + 8], "little") for at in range(0, len(digits) - 7, 8)]


def stacks_of(listed):
    """The stack of each contention_begin: of the records on a CPU, the last of that task that has none yet."""
    lanes, found = {}, {}
    for record in listed:
        lane = lanes.setdefault((record.buffer, record.cpu), [])
        if record.event != STACK:
            lane.append(record)
            continue
        for before in reversed(lane[-4:]):
            if before.pid == record.pid and id(before) not in found:
                found[id(before)] = addresses(record.body)
                break
    return found


def task(record):
    return ("task", record.pid) if record.pid else ("idle", record.cpu)


def histories(listed):
    """What happened to each pair of task and lock, in order; a gap happens to all."""
    keys = {(task(record), record.number("lock_addr")) for record in listed if record.event in EVENTS}
    by_key = {key: [] for key in keys}
    for record in listed:
        if record.lost_before is not None:
            for history in by_key.values():
                history.append(("gap", record.cpu))
        if record.event in EVENTS:
            by_key[(task(record), record.number("lock_addr"))].append((record.event, record))
    return by_key.values()


def waits_of(listed):
    """All waits, and the ends that belong to none."""
    waits, lone = [], []
    for history in histories(listed):
        now, sleeps = None, False
        for what, record in history:
            if what == "gap":
                if now is not None and (sleeps or now.record.cpu == record):
                    now = None
            elif what == END:
                if now is None:
                    lone.append(record)
                else:
                    now.ended, now = record, None
            else:
                flags = record.number("flags")
                if now is None or not flags & MUTEX:
                    now = Wait(record)
                    waits.append(now)
                sleeps = not flags & SPIN
    return waits, lone


class Functions:
    def __init__(self, path):
        self.known = sorted((int(words[0], 16), words[1]) for words in
                            (line.split() for line in run("report", "-f", "-i", path))
                            if len(words) > 1 and re.fullmatch("[0-9a-f]+", words[0]))
        self.starts = [start for start, _ in self.known]

    def name(self, address):
        at = bisect.bisect_right(self.starts, address) - 1
        return self.known[at] if at >= 0 else (None, None)

    def caller(self, stack):
        """(address, its function, the accessor that was passed over), all None where the stack does not tell."""
        accessor = None
        for address in stack[:7]:
            name = (self.name(address)[1] or "").split(".")[0]
            if ACCESSOR.match(name):
                accessor = name
            if not PASSED.match(name):
                return address, name, accessor
        return None, None, accessor

    def text(self, address):
        start, name = self.name(address)
        return "%s+0x%x" % (name, address - start) if name else hex(address)


def first(table, name):
    return next((lock for lock, names in table if name and names.match(name)), None)


def only(locks):
    return next(iter(locks)) if len(locks) == 1 else None


def classify(waits, functions):
    """Yields each wait with its lock and its caller's address."""
    sure, likely, judged = {}, {}, []
    for wait in waits:
        address, name, accessor = functions.caller(wait.stack)
        mine, guess = "lruvec" if accessor else first(SURE, name), first(LIKELY, name)
        judged.append((wait, address, mine, guess))
        if mine:
            sure.setdefault(wait.lock, set()).add(mine)
        elif guess:
            likely.setdefault(wait.lock, set()).add(guess)
    for wait, address, mine, guess in judged:
        named = sure.get(wait.lock) or likely.get(wait.lock, ())
        by_address = only(named) if wait.lock in sure or not guess else None
        yield wait, address, mine or by_address or guess or "other"


def compute(path, listed, metrics):
    if not any(record.event == BEGIN for record in listed):
        return
    waits, lone = waits_of(listed)
    stacks = stacks_of(listed)
    for wait in waits:
        wait.stack = stacks.get(id(wait.record), [])
    functions = Functions(path)
    for name in ("contended_total", "unfinished_waits_total", "unpaired_ends_total"):
        metrics.set("alloc_lock." + name, {}, 0)
    metrics.set("alloc_lock.wait_ns", {}, [])
    for wait, address, lock in classify(waits, functions):
        caller = functions.text(address) if address and lock != "other" else "other"
        cpu = {"cpu": wait.record.cpu}
        labels = [{}, {"lock": lock}, {"lock": lock, "caller": caller}, cpu]
        metrics.add_to_all("alloc_lock.contended_total", labels, 1)
        if wait.ended:
            metrics.sample("alloc_lock.wait_ns", labels, wait.ended.ts - wait.record.ts)
        else:
            metrics.add_to_all("alloc_lock.unfinished_waits_total", [{}, cpu], 1)
    for record in lone:
        metrics.add_to_all("alloc_lock.unpaired_ends_total", [{}, {"cpu": record.cpu}], 1)
