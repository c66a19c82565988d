# SPDX-License-Identifier: GPL-2.0-or-later
"""The series of pages over time in a kmem-analyze document: held against the records, and correlated anew.

How wide a bin is, only the document says; what is in it is counted here.
"""

from fractions import Fraction
from math import sqrt

MAX_FLOWS = 64
SERIES = {"refill_pages": "refill", "drain_pages": "drain"}


def series_of(document):
    """(direction, cpu) -> series."""
    found = {}
    for report in document.get("reports", []):
        if report["name"] == "pcp":
            for series in report.get("series", []):
                if series["name"] in SERIES:
                    found[(SERIES[series["name"]], int(series["labels"]["cpu"]))] = series
    return found


def count_bins(series, moves, direction, cpu):
    bins = [0] * len(series["values"])
    for record, way in moves:
        if way == direction and record.cpu == cpu:
            at = (record.ts - series["start_ns"]) // series["bin_ns"]
            if not 0 <= at < len(bins):
                return None
            bins[at] += 1 << record.number("order")
    return bins


def check(document, moves):
    """A line for each series that is missing, or holds other pages than the records."""
    lines, found = [], series_of(document)
    wanted = {(way, record.cpu) for record, way in moves}
    for key in sorted(wanted - set(found)) if found else []:
        lines.append("the %s series of CPU %d is missing" % key)
    for (direction, cpu), series in sorted(found.items()):
        if count_bins(series, moves, direction, cpu) != series["values"]:
            lines.append("the %s series of CPU %d holds other pages than its records" % (direction, cpu))
    return lines


def pearson(xs, ys):
    """None if either does not vary."""
    number = len(xs)
    mean_x, mean_y = Fraction(sum(xs), number), Fraction(sum(ys), number)
    xx = sum((x - mean_x) ** 2 for x in xs)
    yy = sum((y - mean_y) ** 2 for y in ys)
    xy = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys))
    return float(xy) / (sqrt(xx) * sqrt(yy)) if xx and yy else None


def correlate(document, metrics):
    """From the document's own series: each CPU with itself, and the largest flows between two."""
    found, name = series_of(document), "pcp.moved_pages_total"
    cpus = {cpu for _, cpu in found}
    flows = [(int(labels["from"]), int(labels["to"])) for labels in metrics.labels_of(name) if labels]
    flows = [flow for flow in flows if flow[0] != flow[1]]
    flows.sort(key=lambda flow: (-metrics.get(name, {"from": flow[0], "to": flow[1]}), flow))
    for source, target in [(cpu, cpu) for cpu in sorted(cpus)] + flows[:MAX_FLOWS]:
        refills, drains = found.get(("refill", source)), found.get(("drain", target))
        if refills is None or drains is None:
            continue
        coefficient = pearson([int(value) for value in refills["values"]], [int(value) for value in drains["values"]])
        if coefficient is not None:
            metrics.set("pcp.correlation", {"from": source, "to": target}, coefficient)
