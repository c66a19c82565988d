# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics of the page report, computed from the records by the definitions in docs/reports.md."""

ALLOC, FREE, BATCHED, LOCKED = "mm_page_alloc", "mm_page_free", "mm_page_free_batched", "mm_page_alloc_zone_locked"
EVENTS = (ALLOC, FREE, BATCHED, LOCKED)
NO_PFN = ((1 << 32) - 1, (1 << 64) - 1)         # -1UL of both sizes
MAX_ORDER, MAX_FOLLOWED_ORDER = 31, 14
NAMES = ["page." + name for name in (
    "alloc_total", "alloc_pages_total", "alloc_failed_total", "free_total", "free_pages_total", "free_batched_total",
    "free_unbatched_total", "batched_ratio", "zone_locked_total", "direct_buddy_ratio", "outstanding_pages",
    "peak_outstanding_pages", "missed_free_pages_total", "free_unknown_pages_total", "lifetime_ns")]



def order_of(record):
    return min(record.number("order"), MAX_ORDER)


def has_failed(record):
    """Old kernels record the address of the struct page, not its number."""
    if "pfn" in record.fields:
        return record.number("pfn") in NO_PFN
    return record.pointer("page") == 0


def by_order(record):
    return [{}, {"order": order_of(record)}]


def by_allocation(record):
    return by_order(record) + [{"migratetype": record.signed("migratetype")}]


def count_allocations(records, metrics):
    for record in records:
        if record.event != ALLOC:
            continue
        metrics.add("page.alloc_total", {}, 0)
        metrics.add("page.alloc_failed_total", {}, 0)
        if has_failed(record):
            metrics.add_to_all("page.alloc_failed_total", by_order(record), 1)
        else:
            metrics.add_to_all("page.alloc_total", by_allocation(record), 1)
            metrics.add_to_all("page.alloc_pages_total", by_allocation(record), 1 << order_of(record))


def count_frees(records, metrics):
    for record in records:
        if record.event == FREE:
            metrics.add_to_all("page.free_total", by_order(record), 1)
            metrics.add_to_all("page.free_pages_total", by_order(record), 1 << order_of(record))
        elif record.event == BATCHED:
            metrics.add("page.free_batched_total", {}, 1)
    freed, batched = metrics.get("page.free_total", {}), metrics.get("page.free_batched_total", {})
    if freed and batched:
        unbatched = max(freed - batched, 0)
        metrics.set("page.free_unbatched_total", {}, unbatched)
        metrics.ratio("page.batched_ratio", {}, freed - unbatched, freed)


def is_percpu_refill(record):
    if "percpu_refill" in record.fields:
        return 1 if record.number("percpu_refill") else 0
    return 1 if record.number("order") == 0 else 0


def count_locked(records, metrics):
    locked = [is_percpu_refill(record) for record in records if record.event == LOCKED]
    for refill in locked:
        metrics.add_to_all("page.zone_locked_total", [{}, {"percpu_refill": refill}], 1)
    metrics.ratio("page.direct_buddy_ratio", {}, locked.count(0), len(locked))


def follow_pages(records, metrics):
    """live: the allocation of each base page that is not freed yet, by its pfn."""
    live, peak = {}, 0
    for name in ("outstanding_pages", "missed_free_pages_total", "free_unknown_pages_total"):
        metrics.set("page." + name, {}, 0)
    for record in records:
        if record.event not in (ALLOC, FREE) or record.number("order") > MAX_FOLLOWED_ORDER:
            continue
        if record.event == ALLOC and has_failed(record):
            continue
        first = record.number("pfn")
        for pfn in range(first, first + (1 << record.number("order"))):
            if record.event == ALLOC:
                if pfn in live:
                    metrics.add("page.missed_free_pages_total", {}, 1)
                live[pfn] = record
            elif pfn in live:
                metrics.sample("page.lifetime_ns", [{}], record.ts - live.pop(pfn).ts)
            else:
                metrics.add("page.free_unknown_pages_total", {}, 1)
        peak = max(peak, len(live))
    metrics.set("page.peak_outstanding_pages", {}, peak)
    for allocation in live.values():
        metrics.add_to_all("page.outstanding_pages", by_allocation(allocation), 1)


def compute(records, metrics):
    count_allocations(records, metrics)
    count_frees(records, metrics)
    count_locked(records, metrics)
    followed = [record.event for record in records if record.event in (ALLOC, FREE) and "pfn" in record.fields]
    if ALLOC in followed and FREE in followed:
        follow_pages(records, metrics)
