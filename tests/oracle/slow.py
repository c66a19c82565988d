#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An independent, slow computation of the trace, zone_lock and pcp metrics from the text of `trace-cmd report`.

slow.py FILE                      prints the metrics as JSON lines
slow.py FILE --compare OUT.json   compares them with a kmem-analyze document: exit 0 all agree, 1 some differ,
                                  3 nothing could be compared
"""

import argparse
import json
import sys
from fractions import Fraction

import pcp_metrics
import records
import zone_metrics
from compare import compare
from metrics import describe, Metrics

TRACE_NAMES = ["trace.events_total", "trace.lost_events_total", "trace.span_ns"]


def trace_metrics(listed, systems, metrics):
    """Returns the span. A gap of unknown size makes the CPU's lost records a minimum."""
    metrics.set("trace.events_total", {}, len(listed))
    for record in listed:
        event = "%s:%s" % (systems.get(record.event, "?"), record.event)
        metrics.add("trace.events_total", {"event": event}, 1)
        if record.lost_before is not None:
            metrics.add("trace.lost_events_total", {"cpu": record.cpu}, max(record.lost_before, 0))
            if record.lost_before < 0:
                metrics.at_least.add(("trace.lost_events_total", (("cpu", str(record.cpu)),)))
    if not listed:
        return 0
    span = max(record.ts for record in listed) - min(record.ts for record in listed)
    metrics.set("trace.span_ns", {}, span)
    return span


def compute(path):
    wanted = zone_metrics.EVENTS + zone_metrics.OTHER_EVENTS + pcp_metrics.EVENTS
    listed = records.load(path, wanted)
    metrics = Metrics()
    span = trace_metrics(listed, records.systems(path), metrics)
    zone_metrics.compute(listed, span, metrics)
    pcp_metrics.compute(listed, metrics)
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
    parser = argparse.ArgumentParser(description="slow computation of zone_lock and pcp metrics")
    parser.add_argument("trace")
    parser.add_argument("--compare", metavar="OUT.json")
    arguments = parser.parse_args()
    metrics = compute(arguments.trace)
    if arguments.compare is None:
        print_lines(metrics)
        return 0
    return compare(metrics, TRACE_NAMES + zone_metrics.NAMES + pcp_metrics.NAMES, arguments.compare)


if __name__ == "__main__":
    sys.exit(main())
