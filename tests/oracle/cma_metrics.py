# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics of the cma report, computed from the records by the definitions in docs/reports.md.

Which reference is given back is told only where there is one candidate. Where there are more somewhere in the trace,
held_ns and leaked_refs_total are not computed at all.
"""

FINISH, OLD_FINISH = "cma_alloc_finish", "cma_alloc"
START, RETRY, RELEASE, ISOLATION = "cma_alloc_start", "cma_alloc_busy_retry", "cma_release", "test_pages_isolated"
MOD = ("page_ref_mod", "page_ref_mod_and_test", "page_ref_mod_and_return", "page_ref_mod_unless")
SET, FREEZE, UNFREEZE = "page_ref_set", "page_ref_freeze", "page_ref_unfreeze"
REFERENCES = MOD + (SET, FREEZE, UNFREEZE)
EVENTS = REFERENCES + (FINISH, OLD_FINISH, START, RETRY, RELEASE, ISOLATION)
NO_PFN = (0, (1 << 32) - 1, (1 << 64) - 1)
NAMES = ["cma." + name for name in (
    "alloc_total", "failed_total", "delayed_total", "busy_retry_total", "alloc_ns", "isolation_total",
    "isolation_failed_total", "ref_events_total", "missed_refs_total", "held_ns", "leaked_refs_total")]


def area(record):
    return {"area": record.text("name") if record.fields.get("name", "").strip() else "?"}


def has_failed(record):
    if record.event == FINISH and "errorno" in record.fields:
        return record.signed("errorno") != 0
    return record.number("pfn") in NO_PFN or record.number("count") == 0 or record.pointer("page") == 0


def isolation_failed(record):
    return record.event == ISOLATION and record.number("fin_pfn") < record.number("end_pfn")


def count_allocations(records, metrics):
    """running: the start of each task's allocation, and whether an attempt of it failed."""
    running = {}
    for name in ("alloc_total", "failed_total", "delayed_total", "busy_retry_total", "isolation_total",
                 "isolation_failed_total"):
        metrics.set("cma." + name, {}, 0)
    for record in records:
        if record.event == START:
            running[record.pid] = [record, False]
        elif record.event == RETRY:
            metrics.add_to_all("cma.busy_retry_total", [{}, area(record)], 1)
            if record.pid in running:
                running[record.pid][1] = True
        elif record.event == ISOLATION:
            metrics.add("cma.isolation_total", {}, 1)
            metrics.add("cma.isolation_failed_total", {}, int(isolation_failed(record)))
            if isolation_failed(record) and record.pid in running:
                running[record.pid][1] = True
        elif record.event in (FINISH, OLD_FINISH):
            labels = [{}, area(record)]
            metrics.add_to_all("cma.alloc_total", labels, 1)
            metrics.add_to_all("cma.failed_total", labels, int(has_failed(record)))
            start, tried_again = running.pop(record.pid, (None, False))
            metrics.add_to_all("cma.delayed_total", labels, int(tried_again and not has_failed(record)))
            if start is not None:
                metrics.sample("cma.alloc_ns", labels, record.ts - start.ts)


def ranges_of(records):
    """The pages of the areas, and all pages to follow, as sets of ranges."""
    seen, followed = set(), set()
    for record in records:
        if record.event in (RETRY, RELEASE) or record.event in (FINISH, OLD_FINISH) and not has_failed(record):
            first = record.number("pfn")
            if first:
                seen.add((first, first + record.number("count")))
        elif isolation_failed(record):
            followed.add((record.number("start_pfn"), record.number("end_pfn")))
    return seen, seen | followed


def is_in(ranges, pfn):
    return any(first <= pfn < end for first, end in ranges)


def followed_references(records):
    """(record, {task: start} of the allocations that run) of each reference operation that matters. Pages elsewhere do
    too from when an area's pages have shown CMA's migratetype: outside of allocations, which change it."""
    seen, followed = ranges_of(records)
    if not followed:
        return
    running, migratetype = {}, None
    for record in records:
        if record.event == START:
            running[record.pid] = record.ts
        elif record.event in (FINISH, OLD_FINISH):
            running.pop(record.pid, None)
        elif record.event in REFERENCES:
            kind = record.signed("mt")
            if not is_in(followed, record.number("pfn")) and (migratetype is None or kind != migratetype):
                continue
            if migratetype is None and not running and is_in(seen, record.number("pfn")):
                migratetype = kind
            yield record, running


def change_of(record, count):
    """By how much the operation changes a count of @count."""
    if record.event == SET:
        return record.signed("val") - count
    if record.event in MOD:
        return 0 if record.event == "page_ref_mod_unless" and not record.number("ret") else record.signed("val")
    if record.event == UNFREEZE:
        return record.signed("val") - count
    return -count if record.number("ret") else 0    # freeze


def count_missed(operations, metrics):
    """An operation that comes in between can make one event disagree; what two in a row say is true."""
    counts, last = {}, {}
    metrics.set("cma.missed_refs_total", {}, 0)
    for record in operations:
        pfn, shown = record.number("pfn"), record.signed("count")
        if pfn not in counts:
            counts[pfn] = shown
            continue
        if record.event == SET:
            metrics.add("cma.missed_refs_total", {}, abs(counts[pfn]))
        counts[pfn] += change_of(record, counts[pfn])
        difference = shown - counts[pfn]
        if record.event == "page_ref_mod_and_test" and record.number("ret"):
            difference = last[pfn] = -counts[pfn]
        if difference and difference == last.get(pfn):
            metrics.add("cma.missed_refs_total", {}, abs(difference))
            counts[pfn] += difference
            difference = 0
        last[pfn] = difference


class Ambiguous(Exception):
    """More than one reference could be the one given back."""


class Page:
    """The references of a page that are beside those of its mappings, and how many mappings it had."""

    def __init__(self):
        self.taken = []
        self.mapped = -1


def follow(page, record, running, held):
    mapped, change = record.signed("mapcount"), change_of(record, 0)
    if record.event in (SET, FREEZE, UNFREEZE):
        if record.event != SET:
            raise Ambiguous
        page.taken, page.mapped = [], mapped
        return
    fell, page.mapped = mapped < page.mapped, mapped
    if change > 0:
        page.taken.append(record)
    if change >= 0 or fell or not page.taken:       # the mapping's own reference, or that of the allocation
        return
    if change != -1 or len(page.taken) > 1:
        candidates = [taken for taken in page.taken if taken.pid == record.pid]
        if change != -1 or len(candidates) != 1 and not is_attempt(page.taken[-1], record, running):
            raise Ambiguous
        taken = page.taken[-1] if len(candidates) != 1 else candidates[0]
        page.taken.remove(taken)
    else:
        taken = page.taken.pop()
    if not is_attempt(taken, record, running):
        held.append(record.ts - taken.ts)


def is_attempt(taken, record, running):
    """Taken by who was emptying the range then, and still is."""
    return taken.pid == record.pid and running.get(taken.pid, taken.ts + 1) <= taken.ts


def match(operations, metrics):
    pages, held = {}, []
    try:
        for record, running in operations:
            pfn = record.number("pfn")
            if pfn not in pages and record.event != SET:
                raise Ambiguous
            follow(pages.setdefault(pfn, Page()), record, running, held)
    except Ambiguous:
        return
    metrics.set("cma.held_ns", {}, held)
    metrics.set("cma.leaked_refs_total", {}, sum(len(page.taken) for page in pages.values()))


def is_at(cell, ts):
    """Cells have microseconds."""
    seconds, _, fraction = (cell or "").partition(".")
    return fraction != "" and abs(int(seconds) * 10 ** 9 + int(fraction) * 1000 - ts) <= 1000


def culprits(records):
    """Each failed isolation, and the operations that took and gave back what was in the way: the last that raised the
    count to what it was at the failure, and the first that lowers it after that."""
    for failure in filter(isolation_failed, records):
        steps = [record for record in records
                 if record.event in REFERENCES and record.number("pfn") == failure.number("fin_pfn")]
        before = [record for record in steps if record.ts <= failure.ts]
        after = [record for record in steps if record.ts > failure.ts]
        if not before:
            continue
        count = before[-1].signed("count")
        taken = next((record for record in reversed(before) if record.signed("count") < count
                      or change_of(record, 0) > 0 and record.signed("count") == count), None)
        given = next((record for record in after if record.signed("count") < count), None)
        if taken is not None and given is not None and taken.event in MOD:
            yield failure, taken, given


def check(document, records):
    """Lines on the failures whose culprit is another one than the counts alone say."""
    tables = [table for report in document["reports"] if report["name"] == "cma"
              for table in report.get("tables", []) if table["name"] in ("failures", "delays")]
    rows = [dict(zip((column["name"] for column in table["columns"]), cells)) for table in tables
            for cells in table["rows"]]
    lines = []
    for failure, taken, given in culprits(records):
        pfn = hex(failure.number("fin_pfn"))
        told = [row for row in rows if row["blocked_by"] == pfn and is_at(row["time"], failure.ts)]
        if tables and len(told) != 1:
            lines.append("cma: page %s's failure at %d is told %d times" % (pfn, failure.ts, len(told)))
        for row in told:
            if not is_at(row["taken_at"], taken.ts) or not is_at(row["given_back_at"], given.ts) or \
                    row["held_ns"] != given.ts - taken.ts:
                lines.append("cma: what blocked page %s at %d was taken at %d and given back at %d, not %s and %s"
                             % (pfn, failure.ts, taken.ts, given.ts, row["taken_at"], row["given_back_at"]))
    return lines


def compute(records, metrics):
    count_allocations(records, metrics)
    operations = list((record, dict(running)) for record, running in followed_references(records))
    if operations:
        metrics.set("cma.ref_events_total", {}, len(operations))
        count_missed([record for record, _ in operations], metrics)
        match(operations, metrics)
