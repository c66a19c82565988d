# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics of the zone_lock report, computed from the records by the definitions in docs/reports.md."""

from fractions import Fraction

MOVES = ("mm_page_pcpu_refill", "mm_page_pcpu_drain")
EVENTS = ("mm_zone_locked", "mm_zone_lock_unlock", "mm_zone_lock_contended") + MOVES
OTHER_EVENTS = ("zone_lock_start_locking", "zone_lock_acquire_returned", "zone_lock_released")
NAMES = ["zone_lock." + name for name in (
    "acquisitions_total", "contended_total", "contended_ratio", "wait_ns", "hold_ns", "irqs_off_ns", "pages_total",
    "hold_ns_per_page", "utilization_ratio", "unpaired_unlocks_total", "unpaired_locks_total",
    "blamed_wait_ns_total", "unattributed_wait_ns_total", "max_waiters", "convoys_total", "convoy_max_length",
    "fit_fixed_ns", "fit_ns_per_page", "fit_r2")]


class Acquisition:
    """One mm_zone_locked record, and what its unlock adds to it."""

    def __init__(self, record):
        self.lock = record.ts
        self.cpu = record.cpu
        self.zone = (record.text("node_id"), record.text("name"))
        self.caller = record.text("caller")
        self.count = record.signed("count")
        self.contended = record.number("contended") != 0
        self.wait = record.number("wait_ns") if self.contended else 0
        self.moved = []
        self.unlock = None
        self.pages = None

    def labels(self):
        return label_sets(self.zone, self.caller, self.cpu)


def label_sets(zone, caller, cpu):
    return [{}, zone_labels(zone), {"caller": caller}, {"cpu": cpu}]


def zone_labels(zone):
    return {"node": zone[0], "zone": zone[1]}


def section_pages(acquisition, unlock_count, have_drains):
    if acquisition.moved:
        return sum(acquisition.moved)
    if unlock_count > 0:
        return unlock_count
    if have_drains:
        return 0
    return acquisition.count - unlock_count


def pair(records, metrics):
    """Walk the records once; returns every acquisition in order, the paired ones with unlock and pages."""
    acquisitions, open_ones = [], {}
    have_drains = any(record.event == "mm_page_pcpu_drain" for record in records)

    def unpaired(acquisition):
        metrics.add_to_all("zone_lock.unpaired_locks_total", acquisition.labels(), 1)

    for record in records:
        if record.lost_before is not None:
            for key in [key for key in open_ones if key[0] == record.cpu]:
                unpaired(open_ones.pop(key))
        if record.event in MOVES:
            for key, acquisition in open_ones.items():
                if key[0] == record.cpu:
                    acquisition.moved.append(1 << record.number("order"))
        elif record.event == "mm_zone_locked":
            acquisition = Acquisition(record)
            acquisitions.append(acquisition)
            key = (record.cpu, acquisition.zone)
            if key in open_ones:
                unpaired(open_ones.pop(key))
            open_ones[key] = acquisition
        elif record.event == "mm_zone_lock_unlock":
            zone = (record.text("node_id"), record.text("name"))
            acquisition = open_ones.pop((record.cpu, zone), None)
            if acquisition is None:
                metrics.add_to_all("zone_lock.unpaired_unlocks_total",
                                   label_sets(zone, record.text("caller"), record.cpu), 1)
            else:
                acquisition.unlock = record.ts
                acquisition.pages = section_pages(acquisition, record.signed("count"), have_drains)
    for acquisition in open_ones.values():
        unpaired(acquisition)
    return acquisitions


def count_acquisitions(acquisitions, metrics):
    for acquisition in acquisitions:
        metrics.add_to_all("zone_lock.acquisitions_total", acquisition.labels(), 1)
        metrics.add_to_all("zone_lock.contended_total", acquisition.labels(), 1 if acquisition.contended else 0)
        if acquisition.contended:
            metrics.sample("zone_lock.wait_ns", acquisition.labels(), acquisition.wait)
    for labels in metrics.labels_of("zone_lock.acquisitions_total"):
        metrics.ratio("zone_lock.contended_ratio", labels, metrics.get("zone_lock.contended_total", labels),
                      metrics.get("zone_lock.acquisitions_total", labels))


def measure_pairs(pairs, span, metrics):
    held_moving, moved, held_in_zone = {}, {}, {}
    for one in pairs:
        hold = one.unlock - one.lock
        metrics.sample("zone_lock.hold_ns", one.labels(), hold)
        metrics.sample("zone_lock.irqs_off_ns", one.labels(), one.wait + hold)
        metrics.add_to_all("zone_lock.pages_total", one.labels(), one.pages)
        held_in_zone[one.zone] = held_in_zone.get(one.zone, 0) + hold
        if one.pages >= 1:
            for labels in one.labels():
                key = tuple(labels.items())
                held_moving[key] = held_moving.get(key, 0) + hold
                moved[key] = moved.get(key, 0) + one.pages
    for key, pages in moved.items():
        metrics.ratio("zone_lock.hold_ns_per_page", dict(key), held_moving[key], pages)
    for zone, hold in held_in_zone.items():
        metrics.ratio("zone_lock.utilization_ratio", zone_labels(zone), hold, span)


def fit_lines(pairs, metrics):
    """Least squares per caller: hold = fixed + per_page * pages."""
    points = {}
    for one in pairs:
        if one.pages >= 1:
            points.setdefault(one.caller, []).append((one.pages, one.unlock - one.lock))
    for caller, samples in points.items():
        mean_x = Fraction(sum(x for x, y in samples), len(samples))
        mean_y = Fraction(sum(y for x, y in samples), len(samples))
        xx = sum((x - mean_x) ** 2 for x, y in samples)
        xy = sum((x - mean_x) * (y - mean_y) for x, y in samples)
        yy = sum((y - mean_y) ** 2 for x, y in samples)
        if xx == 0:
            continue
        metrics.set("zone_lock.fit_ns_per_page", {"caller": caller}, xy / xx)
        metrics.set("zone_lock.fit_fixed_ns", {"caller": caller}, mean_y - mean_x * xy / xx)
        metrics.set("zone_lock.fit_r2", {"caller": caller}, xy * xy / (xx * yy) if yy else 1.0)


def overlap(start, end, segments):
    """How much of [start, end] lies in the segments, and what is left of them without it."""
    taken, left = 0, []
    for low, high in segments:
        inner_low, inner_high = max(low, start), min(high, end)
        if inner_low >= inner_high:
            left.append((low, high))
            continue
        taken += inner_high - inner_low
        if low < inner_low:
            left.append((low, inner_low))
        if inner_high < high:
            left.append((inner_high, high))
    return taken, left


def blame(waits, pairs, metrics):
    name = "zone_lock.blamed_wait_ns_total"
    metrics.add(name, {}, 0)
    latest_first = sorted(pairs, key=lambda one: (one.unlock, one.lock), reverse=True)
    for waiter in waits:
        segments = [(waiter.lock - waiter.wait, waiter.lock)]
        for holder in latest_first:
            if holder.zone != waiter.zone or holder.cpu == waiter.cpu:
                continue
            taken, segments = overlap(holder.lock, holder.unlock, segments)
            if taken:
                metrics.add(name, {}, taken)
                metrics.add(name, zone_labels(waiter.zone), taken)
                metrics.add(name, {"waiter": waiter.caller, "holder": holder.caller}, taken)
        rest = sum(high - low for low, high in segments)
        metrics.add_to_all("zone_lock.unattributed_wait_ns_total", waiter.labels(), rest)


def queue(waits, metrics):
    """At the start of each wait, how many waits of that zone are on; the most is reached at some start."""
    for zone in {one.zone for one in waits}:
        here = [(one.lock - one.wait, one.lock) for one in waits if one.zone == zone]
        most = max(sum(1 for low, high in here if low <= start <= high) for start, _ in here)
        metrics.set("zone_lock.max_waiters", zone_labels(zone), most)


def convoys(acquisitions, metrics):
    for zone in {one.zone for one in acquisitions}:
        here = [one for one in acquisitions if one.zone == zone]
        lengths, run = [], 0
        for before, one in zip(here, here[1:]):
            if one.contended and before.unlock is not None and one.lock - one.wait < before.unlock:
                run += 1
                continue
            lengths.append(run)
            run = 0
        lengths = [length for length in lengths + [run] if length >= 2]
        metrics.set("zone_lock.convoys_total", zone_labels(zone), len(lengths))
        metrics.set("zone_lock.convoy_max_length", zone_labels(zone), max(lengths, default=0))


def contended_only(records, metrics):
    for record in records:
        if record.event == "mm_zone_lock_contended":
            zone = (record.text("node_id"), record.text("name"))
            metrics.add_to_all("zone_lock.contended_total", label_sets(zone, record.text("caller"), record.cpu), 1)


def other_events(records, metrics):
    """The zone_lock:* events know a zone and a CPU only: without labels and by CPU."""
    started, open_ones = {}, {}
    for record in records:
        labels = [{}, {"cpu": record.cpu}]
        if record.lost_before is not None:
            for key in [key for key in started if key[0] == record.cpu]:
                del started[key]
            for key in [key for key in open_ones if key[0] == record.cpu]:
                del open_ones[key]
                metrics.add_to_all("zone_lock.unpaired_locks_total", labels, 1)
        if record.event not in OTHER_EVENTS:
            continue
        key = (record.cpu, record.text("zone"))
        if record.event == "zone_lock_start_locking":
            started[key] = record.ts
        elif record.event == "zone_lock_acquire_returned":
            start = started.pop(key, None)
            if record.fields.get("success", "1").strip() in ("0", "false"):
                continue
            metrics.add_to_all("zone_lock.acquisitions_total", labels, 1)
            if start is not None:
                metrics.sample("zone_lock.wait_ns", labels, record.ts - start)
            if key in open_ones:
                metrics.add_to_all("zone_lock.unpaired_locks_total", labels, 1)
            open_ones[key] = (record.ts, None if start is None else record.ts - start)
        elif key in open_ones:
            lock, wait = open_ones.pop(key)
            metrics.sample("zone_lock.hold_ns", labels, record.ts - lock)
            if wait is not None:
                metrics.sample("zone_lock.irqs_off_ns", labels, wait + record.ts - lock)
        else:
            metrics.add_to_all("zone_lock.unpaired_unlocks_total", labels, 1)
    for key in open_ones:
        metrics.add_to_all("zone_lock.unpaired_locks_total", [{}, {"cpu": key[0]}], 1)


def compute(records, span, metrics):
    present = {record.event for record in records}
    if not present & set(EVENTS[:3]) and present & set(OTHER_EVENTS):
        other_events(records, metrics)
        return
    acquisitions = pair(records, metrics)
    if not acquisitions:
        contended_only(records, metrics)
        return
    pairs = [one for one in acquisitions if one.unlock is not None]
    waits = [one for one in acquisitions if one.contended]
    metrics.add("zone_lock.unpaired_locks_total", {}, 0)
    metrics.add("zone_lock.unattributed_wait_ns_total", {}, 0)
    if "mm_zone_lock_unlock" in present:
        metrics.add("zone_lock.unpaired_unlocks_total", {}, 0)
    count_acquisitions(acquisitions, metrics)
    measure_pairs(pairs, span, metrics)
    fit_lines(pairs, metrics)
    blame(waits, pairs, metrics)
    queue(waits, metrics)
    convoys(acquisitions, metrics)
