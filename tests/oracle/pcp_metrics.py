# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics of the pcp report, computed from the records by the definitions in docs/reports.md."""

REFILL, DRAIN, FALLBACK = "mm_page_pcpu_refill", "mm_page_pcpu_drain", "mm_page_alloc_zone_locked"
OPENERS = {"mm_page_pcpu_refill_zone_locked": "refill", "mm_page_pcpu_drain_zone_locked": "drain"}
SECTION_ENDS = ("mm_zone_locked", "mm_zone_lock_unlock")
EVENTS = (REFILL, DRAIN, FALLBACK)
NAMES = ["pcp." + name for name in (
    "refill_events_total", "drain_events_total", "refill_pages_total", "drain_pages_total", "refill_batches_total",
    "drain_batches_total", "refill_batch_pages", "drain_batch_pages", "net_pages", "imbalance_ratio",
    "swing_pages", "turnover", "moved_pages_total", "cross_cpu_ratio", "residency_ns", "correlation")]


def is_percpu_refill(record):
    if "percpu_refill" in record.fields:
        return record.number("percpu_refill") == 1
    return record.number("order") == 0


def directions(records):
    """The direction of each record, by its place in the list: refill, drain or None."""
    real_refills = any(record.event == REFILL for record in records)
    found = []
    for record in records:
        if record.event == DRAIN:
            found.append("drain")
        elif record.event == REFILL:
            found.append("refill")
        elif record.event == FALLBACK and not real_refills and is_percpu_refill(record):
            found.append("refill")
        else:
            found.append(None)
    return found


def moves_of(records):
    """The refills and drains, each with its direction."""
    return [(record, direction) for record, direction in zip(records, directions(records)) if direction is not None]


def count_moves(moves, metrics):
    for record, direction in moves:
        labels = [{}, {"cpu": record.cpu}, {"order": record.number("order")},
                  {"migratetype": record.signed("migratetype")}]
        metrics.add_to_all("pcp.%s_events_total" % direction, labels, 1)
        metrics.add_to_all("pcp.%s_pages_total" % direction, labels, 1 << record.number("order"))


def balance(moves, metrics):
    net, volume = {}, 0
    for record, direction in moves:
        pages = 1 << record.number("order")
        net[record.cpu] = net.get(record.cpu, 0) + (pages if direction == "refill" else -pages)
        volume += pages
    for cpu, pages in net.items():
        metrics.set("pcp.net_pages", {"cpu": cpu}, pages)
    metrics.set("pcp.net_pages", {}, sum(net.values()))
    metrics.ratio("pcp.imbalance_ratio", {}, sum(abs(pages) for pages in net.values()), volume)


def turnover(moves, metrics):
    """How far the balance of each CPU swings, beginning at 0, and how often pages went both ways through that room."""
    balance_of, lowest, highest, volume = {}, {}, {}, {}
    for record, direction in moves:
        cpu, pages = record.cpu, 1 << record.number("order")
        net = balance_of[cpu] = balance_of.get(cpu, 0) + (pages if direction == "refill" else -pages)
        lowest[cpu], highest[cpu] = min(lowest.get(cpu, 0), net), max(highest.get(cpu, 0), net)
        volume[(cpu, direction)] = volume.get((cpu, direction), 0) + pages
    swings, smaller = 0, 0
    for cpu in balance_of:
        swing = highest[cpu] - lowest[cpu]
        both_ways = min(volume.get((cpu, "refill"), 0), volume.get((cpu, "drain"), 0))
        metrics.set("pcp.swing_pages", {"cpu": cpu}, swing)
        metrics.ratio("pcp.turnover", {"cpu": cpu}, both_ways, swing)
        swings, smaller = swings + swing, smaller + both_ways
    metrics.set("pcp.swing_pages", {}, swings)
    metrics.ratio("pcp.turnover", {}, smaller, swings)


class Batch:
    """A run in one direction on one CPU; pid is None as long as only its *_zone_locked record was seen."""

    def __init__(self, direction, pid):
        self.direction = direction
        self.pid = pid
        self.pages = 0


def batches(records, found, metrics):
    current = {}

    def end(cpu):
        batch = current.pop(cpu, None)
        if batch is not None:
            labels = [{}, {"cpu": cpu}]
            metrics.add_to_all("pcp.%s_batches_total" % batch.direction, labels, 1)
            metrics.sample("pcp.%s_batch_pages" % batch.direction, [{}], batch.pages)

    for record, direction in zip(records, found):
        if record.lost_before is not None:
            current.pop(record.cpu, None)       # cut: no batch
        if record.event in SECTION_ENDS:
            end(record.cpu)
        elif record.event in OPENERS:
            end(record.cpu)
            current[record.cpu] = Batch(OPENERS[record.event], record.pid)
        elif direction is not None:
            batch = current.get(record.cpu)
            if batch is None or batch.direction != direction or batch.pid != record.pid:
                end(record.cpu)
                batch = current[record.cpu] = Batch(direction, record.pid)
            batch.pages += 1 << record.number("order")
    for cpu in list(current):
        end(cpu)


def match_pages(moves, metrics):
    """A page is live from its refill to its drain, by pfn."""
    live, all_moved, crossed = {}, 0, 0
    for record, direction in moves:
        first = record.number("pfn")
        for pfn in range(first, first + (1 << record.number("order"))):
            if direction == "refill":
                live[pfn] = record
            elif pfn in live:
                refill = live.pop(pfn)
                metrics.add("pcp.moved_pages_total", {"from": refill.cpu, "to": record.cpu}, 1)
                metrics.sample("pcp.residency_ns", [{}], record.ts - refill.ts)
                all_moved += 1
                if refill.cpu != record.cpu:
                    crossed += 1
    metrics.set("pcp.moved_pages_total", {}, all_moved)
    metrics.ratio("pcp.cross_cpu_ratio", {}, crossed, all_moved)


def compute(records, metrics):
    found = directions(records)
    moves = moves_of(records)
    batches(records, found, metrics)
    if not moves:
        return
    count_moves(moves, metrics)
    balance(moves, metrics)
    turnover(moves, metrics)
    match_pages(moves, metrics)
