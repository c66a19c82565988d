# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics of the percpu report, computed from the records by the definitions in docs/reports.md."""

ALLOC, FREE, FAIL = "percpu_alloc_percpu", "percpu_free_percpu", "percpu_alloc_percpu_fail"
CREATE, DESTROY = "percpu_create_chunk", "percpu_destroy_chunk"
EVENTS = (ALLOC, FREE, FAIL, CREATE, DESTROY)
NAMES = ["percpu." + name for name in (
    "alloc_total", "free_total", "net_objects", "failed_total", "alloc_bytes_total", "outstanding_objects",
    "outstanding_bytes", "outstanding_bytes_per_cpu", "max_objects", "free_unknown_total", "missed_free_total",
    "chunks_created_total", "chunks_destroyed_total", "size_bytes", "lifetime_ns")]


def place_of(record):
    return record.pointer("base_addr"), record.signed("off")


def site_labels(record):
    """Without labels, and by the call site where the event has one."""
    return [{}] + ([{"call_site": record.text("call_site")}] if "call_site" in record.fields else [])


def count_records(records, metrics):
    for record in records:
        if record.event == ALLOC:
            metrics.add_to_all("percpu.alloc_total", site_labels(record), 1)
            metrics.sample("percpu.size_bytes", site_labels(record), record.number("size"))
            if "bytes_alloc" in record.fields:
                metrics.add_to_all("percpu.alloc_bytes_total", site_labels(record), record.number("bytes_alloc"))
        elif record.event == FAIL:
            metrics.add("percpu.failed_total", {}, 1)
        elif record.event == CREATE:
            metrics.add("percpu.chunks_created_total", {}, 1)
        elif record.event == DESTROY:
            metrics.add("percpu.chunks_destroyed_total", {}, 1)


def follow_areas(records, metrics):
    """live: the allocation of each live area by its place."""
    live, most = {}, 0
    with_sites = any("call_site" in record.fields for record in records if record.event == ALLOC)
    for name in ("free_unknown_total", "missed_free_total", "outstanding_objects", "outstanding_bytes",
                 "outstanding_bytes_per_cpu"):
        metrics.set("percpu." + name, {}, 0)
    for record in records:
        if record.event == ALLOC:
            if place_of(record) in live:
                metrics.add("percpu.missed_free_total", {}, 1)
            live[place_of(record)] = record
            most = max(most, len(live))
        elif record.event == FREE:
            metrics.add("percpu.free_total", {}, 1)
            allocation = live.pop(place_of(record), None)
            if allocation is None:
                metrics.add("percpu.free_unknown_total", {}, 1)
                if with_sites:
                    metrics.add("percpu.free_total", {"call_site": "other"}, 1)
                continue
            metrics.sample("percpu.lifetime_ns", [{}], record.ts - allocation.ts)
            metrics.add_to_all("percpu.free_total", site_labels(allocation)[1:], 1)
        elif record.event in (CREATE, DESTROY):
            for place in [place for place in live if place[0] == record.pointer("base_addr")]:
                del live[place]
                metrics.add("percpu.missed_free_total", {}, 1)
    metrics.set("percpu.max_objects", {}, most)
    for allocation in live.values():
        metrics.add_to_all("percpu.outstanding_objects", site_labels(allocation), 1)
        metrics.add_to_all("percpu.outstanding_bytes_per_cpu", site_labels(allocation), allocation.number("size"))
        if "bytes_alloc" in allocation.fields:
            metrics.add_to_all("percpu.outstanding_bytes", site_labels(allocation), allocation.number("bytes_alloc"))


def compute(records, metrics):
    present = {record.event for record in records}
    count_records(records, metrics)
    if ALLOC in present and FREE in present:
        follow_areas(records, metrics)
        metrics.set("percpu.net_objects", {}, metrics.get("percpu.alloc_total", {}) -
                    metrics.get("percpu.free_total", {}))
    elif FREE in present:
        metrics.set("percpu.free_total", {}, sum(1 for record in records if record.event == FREE))
