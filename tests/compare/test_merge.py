#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""merge: parts of a trace make the whole, machines add up as a slow computation adds them, and what
some do not tell is never a zero. Usage: test_merge.py KMEM_ANALYZE MKTRACE TESTDATA SCHEMA"""

import itertools
import json
import os
import random
import sys
import tempfile

import jsonschema

from common import ERROR, INCONCLUSIVE, Test, metrics, percentile

TOOL, MKTRACE, TESTDATA, SCHEMA = (os.path.abspath(a) for a in sys.argv[1:5])
test = Test(TOOL, MKTRACE)
check = test.check
with open(SCHEMA, encoding="utf-8") as schema_file:
    VALIDATOR = jsonschema.Draft7Validator(json.load(schema_file))

# Gauges that add up; the others are looked at one by one.
BALANCES = {"pcp.net_pages", "page.outstanding_pages", "slab.outstanding_objects", "slab.outstanding_bytes",
            "percpu.net_objects", "percpu.outstanding_objects", "percpu.outstanding_bytes",
            "percpu.outstanding_bytes_per_cpu", "slab.leak_suspects_total", "slab.leak_suspect_bytes",
            "slab.dedicated_cache_saving_bytes"}


def merged(*files, validate=False):
    out = test.json("merge", *files)
    if not validate: # it takes long
        return out
    errors = list(VALIDATOR.iter_errors(out))
    check("merge of %d files is a valid result" % len(files), not errors, errors[:1])
    return out


def second(rng, at, cpus):
    """Records that leave nothing open: everything taken is given back within the second."""
    lines, ns = [], at * 1000000000 + 1000

    def put(cpu, text, step=None):
        nonlocal ns
        ns += step or rng.randrange(100, 200000)
        lines.append("%d cpu%d pid%d %s" % (ns, cpu, 100 + cpu, text))

    for _ in range(rng.randrange(3, 9)):
        cpu, pages = rng.randrange(cpus), rng.randrange(1, 6)
        pfns = [0x1000 + 64 * at + i for i in range(pages)]
        where = "node_id=%d name=Normal" % rng.randrange(2)
        for event, caller in (("mm_page_pcpu_refill", 0x1000), ("mm_page_pcpu_drain", 0x2000)):
            wait = rng.randrange(100, 90000) if rng.random() < 0.3 else 0
            caller += 16 * rng.randrange(3)
            put(cpu, "mm_zone_locked %s count=%d contended=%d caller=%d wait_ns=%d"
                % (where, pages, wait > 0, caller, wait), wait + 1000)
            for pfn in pfns:
                put(cpu, "%s pfn=%d order=0 migratetype=%d" % (event, pfn, pfn % 3))
            put(cpu, "mm_zone_lock_unlock %s count=0 caller=%d" % (where, caller))
        size = 1 << rng.randrange(4, 9)
        ptr = 0xffff0000 + 4096 * at
        put(cpu, "kmalloc call_site=%d ptr=%d bytes_req=%d bytes_alloc=%d"
            % (0x3000 + 16 * rng.randrange(4), ptr, size - rng.randrange(8), size))
        put(rng.randrange(cpus), "kfree call_site=%d ptr=%d" % (0x4000, ptr))
        put(cpu, "mm_page_alloc pfn=%d order=%d migratetype=1" % (0x90000 + at, at % 3))
        put(cpu, "mm_page_free pfn=%d order=%d" % (0x90000 + at, at % 3))
        put(cpu, "percpu_alloc_percpu call_site=%d size=%d align=8 base_addr=4096 off=%d bytes_alloc=%d"
            % (0x5000, 8 * (1 + at % 3), 64 * at, 32 * (1 + at % 3)))
        put(cpu, "percpu_free_percpu base_addr=4096 off=%d" % (64 * at))
        put(cpu, "mm_page_alloc_extfrag pfn=%d alloc_order=%d fallback_order=%d alloc_migratetype=0 "
            "fallback_migratetype=1 change_ownership=1" % (at, at % 4, at % 9))
    return lines


def same_dist(name, part, whole):
    for key in ("count", "sum", "min", "max", "p50", "p90", "p99", "p999", "buckets"):
        check("%s %s" % (name, key), part[key] == whole[key], (part[key], whole[key]))


def compare_additive(title, parts, whole):
    """Every counter, distribution and balance of the whole is that of the merged parts."""
    seen = 0
    for (name, labels), m in metrics(whole).items():
        if m["kind"] == "gauge" and name not in BALANCES:
            continue
        p = metrics(parts).get((name, labels))
        key = "%s: %s%s" % (title, name, dict(labels))
        if m["status"] == "unavailable":
            # a cut may hide more, and never tells what the whole does not
            check(key + " is not known", p is None or p["status"] == "unavailable", p)
            continue
        if not check(key + " is there", p is not None and p["status"] != "unavailable", p):
            continue
        seen += 1
        if m["kind"] == "distribution":
            same_dist(key, p, m)
        else:
            check(key, p["value"] == m["value"], (p["value"], m["value"]))
    check("%s: nothing is invented" % title, set(metrics(parts)) <= set(metrics(whole)),
          set(metrics(parts)) - set(metrics(whole)))
    return seen


def test_split_by_time():
    for seed in range(4):
        rng = random.Random(seed)
        cpus = 1 + seed
        lines = ["file version=7 clock=mono cpus=%d" % cpus, "option traceid %d" % (seed + 1)]
        for at in range(100, 112):
            lines += second(rng, at, cpus)
        trace = test.trace("split%d.dat" % seed, "\n".join(lines) + "\n")
        whole = test.json(trace)
        cuts = sorted(rng.sample(range(101, 112), 1 + seed))
        files = []
        for i, (start, end) in enumerate(zip([0] + cuts, cuts + [200])):
            files.append(test.save("split%d.%d.json" % (seed, i), "--from", str(start), "--to",
                                   "%d.999999999" % (end - 1), trace))
        parts = merged(*files)
        seen = compare_additive("split by time", parts, whole)
        check("a split trace has much to add up", seen > 80, seen)
        check("the span of one trace is its own",
              parts["trace"]["span_ns"] == whole["trace"]["span_ns"] and
              parts["trace"]["first_ts"] == whole["trace"]["first_ts"], parts["trace"]["span_ns"])
        check("one trace keeps its id", parts["trace"]["trace_id"] == whole["trace"]["trace_id"])
        for name in ("zone_lock.contended_ratio", "page.batched_ratio", "slab.waste_ratio", "pcp.cross_cpu_ratio",
                     "zone_lock.utilization_ratio", "page.direct_buddy_ratio"):
            for key, m in metrics(whole).items():
                if key[0] != name or m["status"] == "unavailable":
                    continue
                p = metrics(parts)[key]
                check("split by time: %s" % (key,), abs(p["value"] - m["value"]) <= 1e-8 * m["value"],
                      (p["value"], m["value"]))


# What single records tell, wherever a real trace is cut.
LOCAL = {"trace.events_total", "zone_lock.acquisitions_total", "zone_lock.contended_total", "zone_lock.wait_ns",
         "pcp.refill_events_total", "pcp.refill_pages_total", "pcp.drain_events_total", "pcp.drain_pages_total",
         "pcp.net_pages", "page.alloc_total", "page.alloc_pages_total", "page.alloc_failed_total", "page.free_total",
         "page.free_pages_total", "page.zone_locked_total", "extfrag.events_total", "extfrag.fragmenting_total",
         "extfrag.severe_total", "extfrag.ownership_changes_total", "slab.alloc_total", "slab.req_bytes_total",
         "slab.alloc_bytes_total", "slab.waste_bytes_total", "slab.alloc_failed_total", "percpu.alloc_total",
         "percpu.free_total", "percpu.net_objects", "percpu.failed_total", "percpu.alloc_bytes_total",
         "percpu.size_bytes", "percpu.chunks_created_total", "percpu.chunks_destroyed_total"}


def compare_local(title, parts, whole):
    """Wherever a trace is cut: exact means the same as in the whole, a lower bound no more."""
    exact, parts = 0, metrics(parts)
    for (name, labels), m in metrics(whole).items():
        key = "%s: %s%s" % (title, name, dict(labels))
        p = parts.get((name, labels))
        if name not in LOCAL or m["status"] == "unavailable" or (m.get("value") == 0 and p is None):
            continue
        if p is None or p["status"] == "unavailable":
            # learned from addresses that a part no longer sees go together
            check(key + " depends on pairs", "cache" in dict(labels) or
                  "call_site" in dict(labels) or name in BALANCES, p)
        elif p["status"] == "exact" and m["status"] == "exact":
            exact += 1
            if m["kind"] == "distribution":
                same_dist(key, p, m)
            else:
                check(key, p["value"] == m["value"], (p["value"], m["value"]))
        elif p["status"] == "lower-bound":
            check(key + " is no more", p.get("value", p.get("count")) <= m.get("value", m.get("count")), (p, m))
    for key, p in parts.items():
        if key[0] in LOCAL and p["status"] == "exact" and p.get("value"):
            check("%s: %s is no invention" % (title, key), key in metrics(whole), p)
    return exact


def test_split_of_real_traces():
    for name in sorted(os.listdir(TESTDATA)):
        trace = os.path.join(TESTDATA, name)
        # with gaps, a status and a count depend on which side of the cut they lie
        if not name.endswith(".dat") or "lost" in name or "tiny" in name:
            continue
        whole = test.json(trace)
        first, last = whole["trace"]["first_ts"], whole["trace"]["last_ts"]
        cuts = [first + (last - first) * i // 3 for i in (1, 2)]
        seconds = ["%d.%09d" % divmod(c, 10**9) for c in cuts]
        after = ["%d.%09d" % divmod(c + 1, 10**9) for c in cuts]
        files = [test.save("real0.json", "--to", seconds[0], trace),
                 test.save("real1.json", "--from", after[0], "--to", seconds[1], trace),
                 test.save("real2.json", "--from", after[1], trace)]
        seen = compare_local(name + " by time", merged(*files), whole)
        check("%s has something to add up" % name, seen > 3, seen)
        cpus = sorted({c["cpu"] for c in whole["quality"]["cpus"] if c["records"]})
        files = [test.save("cpu%d.json" % cpu, "--cpu", str(cpu), trace) for cpu in cpus]
        seen = compare_local(name + " by CPU", merged(*files), whole)
        check("%s has something to add up over CPUs" % name, seen > 3, seen)
        test.bad(ERROR, "merge", files[0], trace, says=["twice"])


def test_split_by_buffer():
    lines = ["file version=7 clock=mono cpus=2", "option traceid 77"]
    rng = random.Random(5)
    for buffer in ("one", "two"):
        lines.append("buffer " + buffer)
        for at in (100, 103) if buffer == "one" else (101, 105):
            lines += second(rng, at, 2)
    trace = test.trace("buffers.dat", "\n".join(lines) + "\n")
    files = [test.save(b + ".json", "--buffer", b, trace) for b in ("one", "two")]
    parts = merged(*files, validate=True)
    seen = compare_additive("split by buffer", parts, test.json(trace))
    check("split buffers have much to add up", seen > 60, seen)
    check("both buffers are named", [b["name"] for b in parts["trace"]["buffers"] if b["analysed"]] ==
          ["one", "two"], parts["trace"]["buffers"])


def slow_sum(machines, key):
    found = [m[key] for m in machines if key in m and m[key]["status"] != "unavailable"]
    if found[0]["kind"] != "distribution":
        return sum(m["value"] for m in found)
    buckets = {}
    for low, count in itertools.chain(*(m["buckets"] for m in found)):
        buckets[low] = buckets.get(low, 0) + count
    filled = [m for m in found if m["count"]]
    out = {"count": sum(m["count"] for m in found), "sum": sum(m["sum"] for m in found),
           "buckets": [[low, buckets[low]] for low in sorted(buckets)]}
    for name, choose in (("min", min), ("max", max)):
        out[name] = choose(m[name] for m in filled) if filled else None
    for name, p in (("p50", 500), ("p90", 900), ("p99", 990), ("p999", 999)):
        out[name] = percentile(buckets, out["count"], out["min"], out["max"], p) if filled else None
    return out


def test_machines():
    """Different traces: every metric against a slow computation over the single results."""
    names = sorted(n for n in os.listdir(TESTDATA) if n.endswith(".dat"))
    files = [test.save(n + ".json", os.path.join(TESTDATA, n)) for n in names]
    machines = []
    for path in files:
        with open(path, encoding="utf-8") as file:
            machines.append(metrics(json.load(file)))
    all_of_them = merged(*files, validate=True)
    combined = metrics(all_of_them)
    wanted = set().union(*machines)
    check("no metric is lost or invented", wanted == set(combined), wanted ^ set(combined))
    for key in sorted(wanted):
        m, singles = combined[key], [s[key] for s in machines if key in s]
        known = [s for s in singles if s["status"] != "unavailable"]
        if not known:
            check("%s stays unavailable" % (key,), m["status"] == "unavailable" and m["reason"], m)
            continue
        if m["kind"] == "gauge" and key[0] not in BALANCES:
            continue
        if not check("%s is there" % (key,), m["status"] != "unavailable", m):
            continue
        if m["kind"] == "distribution":
            same_dist(key, m, slow_sum(machines, key))
        else:
            check("%s" % (key,), m["value"] == slow_sum(machines, key), m)
        if m["status"] == "exact":
            check("%s is exact only if all are" % (key,), all(s["status"] == "exact" for s in singles), singles)
        if key[1] == () and len(known) < len(machines):
            check("%s is no more than a bound" % (key,), m["status"] in ("lower-bound", "approximate") and
                  "results" in m["reason"], m)
        if any(s["status"] == "approximate" for s in singles):
            check("%s stays approximate" % (key,), m["status"] == "approximate", m)
    for name in ("page.peak_outstanding_pages", "slab.peak_bytes", "percpu.max_objects"):
        values = [s[name, ()]["value"] for s in machines if s.get((name, ()), {}).get("value") is not None]
        m = combined[name, ()]
        check("%s is the largest" % name, m["value"] == max(values), (m, values))
        check("%s is a bound" % name, m["status"] != "exact" and (len(values) < 2 or str(sum(values)) in m["reason"]
                                                                   ), m)
    check("the spans add up", all_of_them["trace"]["span_ns"] ==
          sum(m["trace.span_ns", ()]["value"] for m in machines), all_of_them["trace"]["span_ns"])
    check("events add up", {e["event"]: e["count"] for e in all_of_them["trace"]["events"]} ==
          {k[1][0][1]: v["value"] for k, v in combined.items() if k[0] == "trace.events_total" and k[1]})
    for name in ("pcp.turnover", "pcp.imbalance_ratio", "zone_lock.hold_ns_per_page"):
        check("%s is not made up" % name, combined[name, ()]["status"] == "unavailable" and
              combined[name, ()]["reason"], combined[name, ()])
    over, under = (combined["zone_lock." + n, ()] for n in ("contended_total", "acquisitions_total"))
    check("a ratio is computed again", abs(combined["zone_lock.contended_ratio", ()]["value"] -
                                           over["value"] / under["value"]) < 1e-9, over)
    return files


def test_merging_further(files):
    """One by one or all at once: the same sums."""
    with open("first.json", "w", encoding="utf-8") as out:
        out.write(test.good("merge", "--json", *files[:3]))
    with open("rest.json", "w", encoding="utf-8") as out:
        out.write(test.good("merge", "--json", *files[3:]))
    steps, once = metrics(merged("first.json", "rest.json", validate=True)), metrics(merged(*files))
    back = metrics(merged(*reversed(files)))
    check("the same metrics", set(steps) == set(once) == set(back), set(steps) ^ set(once))
    for key, m in once.items():
        if m["kind"] == "gauge" and key[0] not in BALANCES:
            continue
        for other, how in ((steps[key], "in steps"), (back[key], "backwards")):
            if m["kind"] == "distribution" and m["status"] != "unavailable":
                same_dist("%s %s" % (key, how), other, m)
            else:
                check("%s %s" % (key, how), other.get("value") == m.get("value"), (other, m))
            check("%s %s: status" % (key, how), other["status"] == m["status"], (other, m))
    check("the same bytes again", test.good("merge", "--json", *files) == test.good("merge", "--json", *files))
    one = test.json("merge", files[0])
    with open(files[0], encoding="utf-8") as file:
        alone = json.load(file)
    check("one result alone stays what it is", metrics(one) == metrics(alone) and
          one["quality"] == alone["quality"] and
          {k: v for k, v in one["trace"].items()} == {k: v for k, v in alone["trace"].items()})


def test_absent():
    """What is not recorded on one machine makes a bound, and a part that is not there a zero."""
    lock = ("%d.000000100 cpu0 pid7 mm_zone_locked node_id=0 name=Normal count=1 contended=0 caller=%d wait_ns=0\n"
            "%d.000000300 cpu0 pid7 mm_zone_lock_unlock node_id=0 name=Normal count=0 caller=%d\n")
    head = "file clock=mono cpus=1\noption uname \"Linux %s\"\n"
    a = test.trace("a.dat", head % "a" + "".join(lock % (i, 4096, i, 4096) for i in range(101, 105)))
    b = test.trace("b.dat", head % "b" + "".join(lock % (i, 8192, i, 8192) for i in range(101, 104)))
    c = test.trace("c.dat", head % "c" + "101.000000100 cpu0 pid7 kmalloc call_site=4096 ptr=4096 bytes_req=8 "
                   "bytes_alloc=8\n")
    out = metrics(merged(a, b))
    for caller, value in (("0x1000", 4), ("0x2000", 3)):
        m = out["zone_lock.acquisitions_total", (("caller", caller),)]
        check("a caller of one machine is exact", m["status"] == "exact" and m["value"] == value, m)
    m = metrics(merged(a, c))["zone_lock.acquisitions_total", ()]
    check("an absent event is a bound", m["status"] == "lower-bound" and m["value"] == 4 and
          m["reason"].startswith("not known in 1 of 2 results: "), m)
    out = merged(a, c)
    check("the ledger says who lacks what", any("1 of 2 results hold no kmem:mm_zone_locked" in n
                                                for n in out["quality"]["notes"]), out["quality"]["notes"])
    check("a kernel is named only if all have it", out["trace"]["kernel"] is None)
    check("the clock is that of all", out["trace"]["clock"] == "mono")


def test_bad_input():
    a = test.save("a.json", "a.dat")
    test.bad(ERROR, "merge", says=["no result given"])
    test.bad(ERROR, "merge", a, a, says=["twice"])
    test.bad(INCONCLUSIVE, "merge", a, "missing.json", says=["missing.json"])
    with open("broken.json", "w", encoding="utf-8") as out:
        out.write('{"schema":"kmem-analyze/1"')
    test.bad(INCONCLUSIVE, "merge", a, "broken.json", says=["broken.json"])
    test.bad(ERROR, "merge", "--cpu", "0", a, says=["--cpu needs a trace"])
    with open(os.path.join(TESTDATA, "slab.dat"), "rb") as whole, open("cut.dat", "wb") as cut:
        cut.write(whole.read()[:400000])
    test.bad(INCONCLUSIVE, "merge", "--quiet", a, "cut.dat", says=["cut.dat: only partly readable"])
    text = test.good("merge", a, "b.dat")
    check("text fits", all(len(line) <= 100 for line in text.split("\n")))
    check("text has the parts", "All results by caller" in text, text)
    check("-r keeps only that report", [r["name"] for r in test.json("merge", "-r", "slab", a)["reports"]] == ["slab"])


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        test_split_by_time()
        test_split_by_buffer()
        test_split_of_real_traces()
        test_merging_further(test_machines())
        test_absent()
        test_bad_input()
        os.chdir("/")
    return test.end()


if __name__ == "__main__":
    sys.exit(main())
