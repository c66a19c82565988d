#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An independent, slow computation of the metrics of the trace and of each report from the text of `trace-cmd report`.

slow.py FILE                      prints the metrics as JSON lines
slow.py FILE --compare OUT.json   compares them with a kmem-analyze document: exit 0 all agree, 1 some differ,
                                  3 nothing could be compared
"""

import argparse
import json
import sys
from fractions import Fraction

import alloc_lock_metrics
import cma_metrics
import extfrag_metrics
import formats
import page_metrics
import pcp_metrics
import percpu_metrics
import records
import series_metrics
import slab_metrics
import zone_metrics
from compare import compare, load
from metrics import describe, label_key, Metrics

MODULES = (zone_metrics, pcp_metrics, page_metrics, extfrag_metrics, slab_metrics, percpu_metrics,
           cma_metrics, alloc_lock_metrics)
TRACE_NAMES = ["trace.events_total", "trace.lost_events_total", "trace.span_ns"]


def trace_metrics(listed, systems, metrics):
    """Returns the span. A gap of unknown size makes the lost records, of the CPU and in all, a minimum."""
    metrics.set("trace.lost_events_total", {}, 0)
    metrics.set("trace.events_total", {}, len(listed))
    for record in listed:
        event = "%s:%s" % (systems.get(record.event, "?"), record.event)
        metrics.add("trace.events_total", {"event": event}, 1)
        if record.lost_before is not None:
            for labels in ({}, {"cpu": record.cpu}):
                metrics.add("trace.lost_events_total", labels, max(record.lost_before, 1))
                if record.lost_before < 0:
                    metrics.at_least.add(("trace.lost_events_total", label_key(labels)))
    if not listed:
        return 0
    span = max(record.ts for record in listed) - min(record.ts for record in listed)
    metrics.set("trace.span_ns", {}, span)
    return span


def read(path):
    return records.load(path, {event for module in MODULES for event in module.EVENTS} | set(zone_metrics.OTHER_EVENTS))


def compute(path, listed):
    metrics = Metrics()
    span = trace_metrics(listed, records.systems(path), metrics)
    zone_metrics.compute(listed, span, metrics)
    pcp_metrics.compute(listed, metrics)
    page_metrics.compute(listed, metrics)
    page_size = formats.page_size(path)
    pageblock_order = formats.printed_constant(path, extfrag_metrics.EXTFRAG, "pageblock_order")
    extfrag_metrics.compute(listed, pageblock_order, page_size, metrics)
    slab_metrics.compute(listed, span, page_size, metrics)
    percpu_metrics.compute(listed, metrics)
    cma_metrics.compute(listed, metrics)
    alloc_lock_metrics.compute(path, listed, metrics)
    return metrics


def plain(value):
    return float(value) if isinstance(value, Fraction) else value


def print_lines(metrics):
    for (name, labels), value in sorted(metrics.values.items()):
        line = {"name": name, "labels": dict(labels)}
        if isinstance(value, list):
            line.update({field: plain(number) for field, number in describe(value).items()})
        else:
            line["value"] = plain(value)
        print(json.dumps(line))


def main():
    parser = argparse.ArgumentParser(description="slow computation of the metrics")
    parser.add_argument("trace")
    parser.add_argument("--compare", metavar="OUT.json")
    arguments = parser.parse_args()
    listed = read(arguments.trace)
    metrics = compute(arguments.trace, listed)
    if arguments.compare is None:
        print_lines(metrics)
        return 0
    document = load(arguments.compare)
    series_metrics.correlate(document, metrics)
    names = TRACE_NAMES + [name for module in MODULES for name in module.NAMES]
    return compare(metrics, names, document,
                   series_metrics.check(document, pcp_metrics.moves_of(listed)) + cma_metrics.check(document, listed))


if __name__ == "__main__":
    sys.exit(main())
