# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns what `trace-cmd report -R -t` prints into a list of records, in the order the reports take them.

A buffer other than the top one is printed as a right-aligned prefix before the 16 columns of the task name. Lost
records come as a line of their own just before the record that follows the gap; that line takes the buffer's prefix
and the record's own line is then printed without one.
"""

import re
import subprocess
import sys

RECORD = re.compile(r"^(?P<prefix>.*?)(?P<comm>.{16})-(?P<pid>\d+)\s*\[(?P<cpu>\d+)\]\s+"
                    r"(?P<seconds>\d+)(?:\.(?P<fraction>\d+))?:\s+(?P<event>\S+?):(?:\s+(?P<body>.*))?$")
DROPPED = re.compile(r"^(?P<prefix>.*?)CPU:(?P<cpu>\d+) \[(?:(?P<count>\d+) )?EVENTS DROPPED\]$")
FIELD = re.compile(r"(\w+)=(.*?)\s*(?=\s\w+=|$)")


class Record:
    """One record. lost_before: None, or how many were lost before it on its CPU (-1: the number was not stored)."""

    def __init__(self, ts, cpu, buffer, pid, event, body, lost_before):
        self.ts = ts
        self.cpu = cpu
        self.buffer = buffer
        self.pid = pid
        self.event = event
        self.body = body
        self.lost_before = lost_before
        self.fields = {}

    def text(self, name):
        return self.fields[name].strip()

    def number(self, name):
        return int(self.fields[name].strip(), 0)

    def pointer(self, name):
        """A null pointer is printed as a word."""
        return 0 if self.text(name) in ("(nil)", "(null)") else self.number(name)

    def signed(self, name):
        """A field that is an int in C: printed as a negative number, or as a large one of 32 or 64 bits."""
        value = self.number(name)
        if value >= 1 << 63:
            value -= 1 << 64
        elif 1 << 31 <= value < 1 << 32:
            value -= 1 << 32
        return value


def run(*arguments):
    done = subprocess.run(("trace-cmd",) + arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit("slow.py: trace-cmd %s: %s" % (" ".join(arguments), done.stderr.decode("latin-1").strip()))
    return done.stdout.decode("latin-1").split("\n")


def timestamp(match):
    """Nanoseconds; a clock that does not count seconds is printed as one plain number."""
    if match["fraction"] is None:
        return int(match["seconds"])
    return int(match["seconds"]) * 10 ** 9 + int(match["fraction"].ljust(9, "0")[:9])


def buffer_of(prefix):
    return prefix.strip().rstrip(":")


def parse(lines):
    """The records in printed order, and the lines that are none."""
    records, other = [], []
    gap = None
    for line in lines:
        dropped = DROPPED.match(line)
        if dropped:
            gap = dropped
            continue
        match = RECORD.match(line)
        if not match:
            if line:
                other.append(line)
            continue
        cpu, buffer, lost_before = int(match["cpu"]), buffer_of(match["prefix"]), None
        if gap is not None:
            if int(gap["cpu"]) != cpu:
                sys.exit("slow.py: the gap of CPU %s is followed by: %s" % (gap["cpu"], line))
            buffer = buffer_of(gap["prefix"])
            lost_before = -1 if gap["count"] is None else int(gap["count"])
            gap = None
        records.append(Record(timestamp(match), cpu, buffer, int(match["pid"]), match["event"],
                              match["body"] or "", lost_before))
    return records, other


def in_order(records):
    """(timestamp, CPU, buffer, position): the sort keeps the position, the top buffer comes first."""
    buffers = [""]
    for record in records:
        if record.buffer not in buffers:
            buffers.append(record.buffer)
    return sorted(records, key=lambda record: (record.ts, record.cpu, buffers.index(record.buffer)))


def load(path, wanted):
    """The records of a trace in order; the fields of the events in `wanted` are split."""
    records, other = parse(run("report", "-R", "-t", "-i", path))
    other = [line for line in other if not line.startswith(("cpus=", "version ="))]
    if other:
        print("slow.py: %d lines are no records, the first: %s" % (len(other), other[0]), file=sys.stderr)
    for record in records:
        if record.event in wanted:
            record.fields = dict(FIELD.findall(record.body))
    return in_order(records)


def systems(path):
    """Which system each event belongs to; an event of that name in two systems has no single answer."""
    found = {}
    for line in run("report", "-E", "-i", path):
        system, colon, event = line.strip().partition(":")
        if colon and " " not in system and " " not in event:
            found.setdefault(event, []).append(system)
    return {event: names[0] for event, names in found.items() if len(names) == 1}
