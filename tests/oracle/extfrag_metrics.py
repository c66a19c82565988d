# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics of the extfrag report, computed from the records by the definitions in docs/reports.md."""

EXTFRAG = "mm_page_alloc_extfrag"
NODE_FIELDS = {"mm_zone_locked": "node_id", "mm_zone_lock_contended": "node_id", "mm_zone_lock_unlock": "node_id",
               "mm_page_pcpu_refill_zone_locked": "nid", "mm_page_pcpu_drain_zone_locked": "nid"}
EVENTS = (EXTFRAG,) + tuple(NODE_FIELDS)
SEVERE_ORDER, MAX_ORDER = 3, 31
NAMES = ["extfrag." + name for name in (
    "events_total", "fragmenting_total", "severe_total", "ownership_changes_total",
    "advised_min_free_kbytes_increase")]


def order_of(record, field):
    order = record.signed(field)
    return order if 0 <= order <= MAX_ORDER else MAX_ORDER


def count_fallbacks(fallbacks, pageblock_order, metrics):
    for record in fallbacks:
        alloc_order, fallback_order = order_of(record, "alloc_order"), order_of(record, "fallback_order")
        metrics.add_to_all("extfrag.events_total", [
            {}, {"alloc_order": alloc_order}, {"fallback_order": fallback_order},
            {"alloc_migratetype": record.signed("alloc_migratetype"),
             "fallback_migratetype": record.signed("fallback_migratetype")}], 1)
        metrics.add("extfrag.severe_total", {}, 1 if fallback_order <= SEVERE_ORDER else 0)
        if "change_ownership" in record.fields:
            metrics.add("extfrag.ownership_changes_total", {}, 1 if record.signed("change_ownership") else 0)
        if pageblock_order is not None:
            metrics.add("extfrag.fragmenting_total", {}, 1 if fallback_order < pageblock_order else 0)


def compute(records, pageblock_order, page_size, metrics):
    fallbacks = [record for record in records if record.event == EXTFRAG]
    count_fallbacks(fallbacks, pageblock_order, metrics)
    if fallbacks and pageblock_order is not None:
        nodes = {record.signed(NODE_FIELDS[record.event]) for record in records if record.event in NODE_FIELDS}
        metrics.set("extfrag.advised_min_free_kbytes_increase", {},
                    3 * (page_size << pageblock_order) * max(len(nodes), 1))
