# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics of the slab report, computed from the records by the definitions in docs/reports.md."""

ALLOCS = {"kmalloc": "kmalloc", "kmalloc_node": "kmalloc", "kmem_cache_alloc": "kmem_cache",
          "kmem_cache_alloc_node": "kmem_cache"}
FREES = {"kfree": "kmalloc", "kmem_cache_free": "kmem_cache"}
EVENTS = tuple(ALLOCS) + tuple(FREES)
NULL, ZERO_SIZE_PTR = 0, 16
NAMES = ["slab." + name for name in (
    "alloc_total", "free_total", "req_bytes_total", "alloc_bytes_total", "waste_bytes_total", "waste_ratio",
    "outstanding_objects", "outstanding_bytes", "peak_objects", "peak_bytes", "lifetime_ns", "cross_cpu_free_total",
    "cross_cpu_free_ratio", "free_unknown_total", "missed_free_total", "alloc_failed_total", "zero_size_alloc_total",
    "noop_free_total", "dedicated_cache_saving_bytes")]


def site(record):
    return {"call_site": record.text("call_site")}


def is_allocation(record):
    return record.event in ALLOCS and record.pointer("ptr") not in (NULL, ZERO_SIZE_PTR)


def is_free(record):
    return record.event in FREES and record.pointer("ptr") not in (NULL, ZERO_SIZE_PTR)


def kind(record):
    return ALLOCS[record.event], record.text("call_site"), record.number("bytes_req"), record.number("bytes_alloc")


def count_others(records, metrics):
    """What allocates or frees nothing."""
    for record in records:
        if record.event in ALLOCS:
            metrics.add("slab.alloc_failed_total", {}, 0)
            metrics.add("slab.zero_size_alloc_total", {}, 0)
        elif record.event in FREES:
            metrics.add("slab.noop_free_total", {}, 0)
        else:
            continue
        if record.event in FREES and not is_free(record):
            metrics.add_to_all("slab.noop_free_total", [{}, site(record)], 1)
        elif record.event in ALLOCS and record.pointer("ptr") == NULL:
            metrics.add_to_all("slab.alloc_failed_total", [{}, site(record)], 1)
        elif record.event in ALLOCS and record.pointer("ptr") == ZERO_SIZE_PTR:
            metrics.add("slab.zero_size_alloc_total", {}, 1)


def caches_of_kinds(records):
    """The cache of each kind of allocation that names none: all kmem_cache_free records of its objects name it."""
    live, names = {}, {}
    for record in records:
        if is_allocation(record):
            live[record.pointer("ptr")] = record
        elif is_free(record):
            allocation = live.pop(record.pointer("ptr"), None)
            if allocation is not None and record.event == "kmem_cache_free" and "name" in record.fields:
                names.setdefault(kind(allocation), set()).add(record.text("name"))
    return {one: min(found) for one, found in names.items() if len(found) == 1}


def cache_of(allocation, caches):
    """None for what kmalloc allocates, and where no free or more than one name tells."""
    if ALLOCS[allocation.event] == "kmalloc":
        return None
    return allocation.text("name") if "name" in allocation.fields else caches.get(kind(allocation))


def labels_of(allocation, caches):
    cache = cache_of(allocation, caches)
    labels = [{}, site(allocation), {"family": ALLOCS[allocation.event]}]
    return labels + ([{"cache": cache}] if cache is not None else [])


def count_allocations(records, caches, metrics):
    for record in records:
        if not is_allocation(record):
            continue
        labels, requested, given = labels_of(record, caches), record.number("bytes_req"), record.number("bytes_alloc")
        metrics.add_to_all("slab.alloc_total", labels, 1)
        metrics.add_to_all("slab.req_bytes_total", labels, requested)
        metrics.add_to_all("slab.alloc_bytes_total", labels, given)
        metrics.add_to_all("slab.waste_bytes_total", labels, given - requested)
    for labels in metrics.labels_of("slab.alloc_total"):
        metrics.ratio("slab.waste_ratio", labels, metrics.get("slab.waste_bytes_total", labels),
                      metrics.get("slab.alloc_bytes_total", labels))


def count_frees(records, metrics):
    for record in records:
        if is_free(record):
            metrics.add_to_all("slab.free_total", [{}, site(record), {"family": FREES[record.event]}], 1)
            if "name" in record.fields:
                metrics.add("slab.free_total", {"cache": record.text("name")}, 1)


def follow_objects(records, caches, metrics):
    """live: the allocation of each object that is not freed yet, by its address."""
    live, live_bytes, most, most_bytes, freed = {}, 0, 0, 0, 0
    for name in ("outstanding_objects", "outstanding_bytes", "free_unknown_total", "missed_free_total",
                 "cross_cpu_free_total"):
        metrics.set("slab." + name, {}, 0)
    for record in records:
        if not is_allocation(record) and not is_free(record):
            continue
        allocation = live.pop(record.pointer("ptr"), None)
        if allocation is not None:
            live_bytes -= allocation.number("bytes_alloc")
        if is_allocation(record):
            if allocation is not None:
                metrics.add_to_all("slab.missed_free_total", labels_of(allocation, caches), 1)
            live[record.pointer("ptr")] = record
            live_bytes += record.number("bytes_alloc")
            most, most_bytes = max(most, len(live)), max(most_bytes, live_bytes)
        elif allocation is None:
            metrics.add_to_all("slab.free_unknown_total", [{}, site(record)], 1)
        else:
            freed += 1
            metrics.sample("slab.lifetime_ns", [{}], record.ts - allocation.ts)
            if allocation.cpu != record.cpu:
                metrics.add_to_all("slab.cross_cpu_free_total", labels_of(allocation, caches), 1)
    metrics.set("slab.peak_objects", {}, most)
    metrics.set("slab.peak_bytes", {}, most_bytes)
    metrics.ratio("slab.cross_cpu_free_ratio", {}, metrics.get("slab.cross_cpu_free_total", {}), freed)
    recorded = {FREES[record.event] for record in records if record.event in FREES}
    for allocation in live.values():
        if ALLOCS[allocation.event] not in recorded:
            continue        # never "all of it is outstanding"
        metrics.add_to_all("slab.outstanding_objects", labels_of(allocation, caches), 1)
        metrics.add_to_all("slab.outstanding_bytes", labels_of(allocation, caches), allocation.number("bytes_alloc"))


def most_alive(records, wanted):
    """The most allocations of the list @wanted that are alive at once."""
    live, most = set(), 0
    pointers = {id(record): record.pointer("ptr") for record in wanted}
    for record in records:
        if is_allocation(record) or is_free(record):
            live.discard(record.pointer("ptr"))
        if id(record) in pointers:
            live.add(record.pointer("ptr"))
            most = max(most, len(live))
    return most


def dedicated_caches(records, span, page_size, metrics):
    name, sites = "slab.dedicated_cache_saving_bytes", {}
    for record in records:
        if is_allocation(record) and ALLOCS[record.event] == "kmalloc":
            sites.setdefault(record.text("call_site"), {}).setdefault(record.number("bytes_req"), []).append(record)
    metrics.set(name, {}, 0)
    for call_site, sizes in sites.items():
        requested, same = max(sizes.items(), key=lambda pair: len(pair[1]))
        given, rounded = same[0].number("bytes_alloc"), (requested + 7) // 8 * 8
        if len(same) < 500 or len(same) * 10 ** 9 < 100 * span:
            continue
        if len(same) * 10 < 9 * sum(len(records_of_size) for records_of_size in sizes.values()):
            continue
        if given > 2 * page_size or given * 5 < rounded * 6:
            continue
        saved = (given - rounded) * most_alive(records, same)
        if saved >= page_size:
            metrics.add_to_all(name, [{}, {"call_site": call_site}], saved)


def compute(records, span, page_size, metrics):
    caches = caches_of_kinds(records)
    count_others(records, metrics)
    count_allocations(records, caches, metrics)
    count_frees(records, metrics)
    follow_objects(records, caches, metrics)
    dedicated_caches(records, span, page_size, metrics)
