# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares computed metrics with those of a kmem-analyze JSON document.

A part (a metric with labels) that is zero or empty may stand in one and be left out of the other.
"""

import json
from fractions import Fraction

from metrics import describe, label_key, PERCENTILES

REPORTS = ("zone_lock", "pcp", "page", "extfrag", "slab", "percpu", "cma", "alloc_lock")
# what is made of sums of squares, or of square roots, has no more digits than this
ROUGH = ("zone_lock.fit_fixed_ns", "zone_lock.fit_ns_per_page", "zone_lock.fit_r2", "pcp.correlation")


def show(name, labels):
    return name + ("{%s}" % ",".join("%s=%s" % pair for pair in labels) if labels else "")


def load(path):
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def read_document(document):
    """The metrics of the trace section and of the reports by (name, labels), the reports, the duplicates."""
    listed = list(document.get("trace", {}).get("metrics", []))
    present = {"trace"} if listed else set()
    for report in document.get("reports", []):
        if report["name"] in REPORTS and available(report):
            present.add(report["name"])
            listed += report.get("metrics", [])
    theirs, duplicates = {}, []
    for metric in listed:
        key = (metric["name"], label_key(metric.get("labels", {})))
        if key in theirs:
            duplicates.append(key)
        theirs[key] = metric
    return theirs, present, duplicates


def available(metric):
    return metric.get("status") != "unavailable"


def is_zero(metric):
    return metric.get("count") == 0 if "count" in metric else metric.get("value") == 0


def close(mine, theirs, tolerance=Fraction(1, 10 ** 9)):
    """Whole numbers exactly, other numbers within @tolerance of their size."""
    if isinstance(theirs, bool) or not isinstance(theirs, (int, float)):
        return False
    if isinstance(mine, int):
        return mine == theirs
    return abs(Fraction(theirs) - Fraction(mine)) <= (abs(Fraction(mine)) + Fraction(1, 10 ** 6)) * tolerance


def bucket_differences(samples, buckets):
    """Each bucket [low, count] is checked by the samples below its low, which the earlier buckets must hold."""
    if sum(count for low, count in buckets) != len(samples):
        return ["buckets hold %d of %d samples" % (sum(count for low, count in buckets), len(samples))]
    ordered, position, before, last = sorted(samples), 0, 0, None
    for low, count in buckets:
        if last is not None and low <= last:
            return ["bucket %s is not above bucket %s" % (low, last)]
        while position < len(ordered) and ordered[position] < low:
            position += 1
        if position != before:
            return ["%d samples below bucket %s, its predecessors hold %d" % (position, low, before)]
        before, last = before + count, low
    return []


def distribution_differences(samples, theirs):
    mine, differences = describe(samples), []
    for field in ("count", "sum", "min", "max", "mean"):
        if field in mine and not close(mine[field], theirs.get(field)):
            differences.append("%s is %s, not %s" % (field, theirs.get(field), number(mine[field])))
    for field, _ in PERCENTILES:
        if field not in mine:
            continue
        value = theirs.get(field)
        if not isinstance(value, (int, float)) or abs(value - mine[field]) * 100 > abs(mine[field]):
            differences.append("%s is %s, not %s" % (field, value, mine[field]))
    if "buckets" in theirs:
        differences += bucket_differences(samples, theirs["buckets"])
    return differences


def differences_of(key, mine, theirs, at_least):
    if isinstance(mine, list):
        if "count" not in theirs:
            return ["is no distribution"]
        return distribution_differences(mine, theirs)
    value = theirs.get("value")
    if key in at_least:
        if not isinstance(value, int) or value < mine or theirs.get("status") != "lower-bound":
            return ["is %s (%s), not at least %s (lower-bound)" % (value, theirs.get("status"), mine)]
        return []
    tolerance = Fraction(1, 10 ** 6 if key[0] in ROUGH else 10 ** 9)
    return [] if close(mine, value, tolerance) else ["is %s, not %s" % (value, number(mine))]


def number(value):
    return value if isinstance(value, int) else float(value)


def compare(metrics, names, document, lines):
    """Prints every mismatch, with those of @lines, and a summary; the exit status."""
    theirs, present, duplicates = read_document(document)
    others = len(lines)
    lines = lines + ["%s appears twice" % show(*key) for key in duplicates]
    given = {name for (name, _), metric in theirs.items() if available(metric)}
    refused = {name for name, _ in theirs} - given
    compared = differ = unavailable = 0
    for key, mine in sorted(metrics.values.items()):
        name, labels = key
        metric = theirs.get(key)
        if name.split(".")[0] not in present or name not in names:
            continue
        if metric is None:
            if name in refused:
                unavailable += 1
            elif mine or key in metrics.at_least:
                lines.append("%s is missing" % show(name, labels))
                compared, differ = compared + 1, differ + 1
            continue
        if not available(metric):
            unavailable += 1
            continue
        compared += 1
        found = differences_of(key, mine, metric, metrics.at_least)
        if found:
            differ += 1
            lines.append("%s %s" % (show(name, labels), "; ".join(found)))
    for key, metric in sorted(theirs.items()):
        if key[0] in names and key not in metrics.values and available(metric) and not is_zero(metric):
            lines.append("%s is not in the slow computation" % show(*key))
            compared, differ = compared + 1, differ + 1
    for line in lines:
        print(line)
    unknown = sorted({name for name, _ in theirs} - set(names))
    if unknown:
        print("not checked: " + ", ".join(unknown))
    if unavailable:
        print("%d metrics are unavailable" % unavailable)
    print("%d metrics compared, %d differ" % (compared, differ + len(duplicates) + others))
    if differ or duplicates or others:
        return 1
    return 0 if compared else 3
