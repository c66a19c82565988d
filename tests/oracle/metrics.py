# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds computed metrics: whole numbers, exact fractions and plain lists of samples, by name and labels."""

import re
from fractions import Fraction

PERCENTILES = (("p50", 500), ("p90", 900), ("p99", 990), ("p999", 999))


def label_text(value):
    """Addresses without a symbol compare by number, however they are padded."""
    text = str(value)
    return hex(int(text, 16)) if re.fullmatch(r"0[xX][0-9a-fA-F]+", text) else text


def label_key(labels):
    return tuple(sorted((name, label_text(value)) for name, value in labels.items()))


def nearest_rank(ordered, per_mille):
    """The smallest sample with at least per_mille / 1000 of all samples at or below it."""
    rank = (len(ordered) * per_mille + 999) // 1000
    return ordered[max(rank, 1) - 1]


def describe(samples):
    """A distribution as the fields of the JSON form."""
    if not samples:
        return {"count": 0, "sum": 0}
    ordered = sorted(samples)
    fields = {"count": len(ordered), "sum": sum(ordered), "min": ordered[0], "max": ordered[-1],
              "mean": Fraction(sum(ordered), len(ordered))}
    for name, per_mille in PERCENTILES:
        fields[name] = nearest_rank(ordered, per_mille)
    return fields


class Metrics:
    """values: (name, labels) -> int, Fraction or list of samples. at_least: keys whose value is only a minimum."""

    def __init__(self):
        self.values = {}
        self.at_least = set()

    def set(self, name, labels, value):
        self.values[(name, label_key(labels))] = value

    def add(self, name, labels, amount):
        key = (name, label_key(labels))
        self.values[key] = self.values.get(key, 0) + amount

    def add_to_all(self, name, label_sets, amount):
        for labels in label_sets:
            self.add(name, labels, amount)

    def sample(self, name, label_sets, value):
        for labels in label_sets:
            self.values.setdefault((name, label_key(labels)), []).append(value)

    def get(self, name, labels, default=0):
        return self.values.get((name, label_key(labels)), default)

    def labels_of(self, name):
        return [dict(labels) for found, labels in self.values if found == name]

    def ratio(self, name, labels, numerator, denominator):
        if denominator:
            self.set(name, labels, Fraction(numerator, denominator))
