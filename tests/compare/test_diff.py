#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""diff: verdicts, explanations and statistics against a slow computation over the single results.
Usage: test_diff.py KMEM_ANALYZE MKTRACE TESTDATA SCHEMA"""

import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile

import jsonschema

from common import ERROR, INCONCLUSIVE, OK, VIOLATED, Test, metrics

TOOL, MKTRACE, TESTDATA, SCHEMA = (os.path.abspath(a) for a in sys.argv[1:5])
test = Test(TOOL, MKTRACE)
check = test.check
with open(SCHEMA, encoding="utf-8") as schema_file:
    VALIDATOR = jsonschema.Draft7Validator(json.load(schema_file))


def diff(*args):
    out = test.json("diff", *args)
    errors = list(VALIDATOR.iter_errors(out))
    check("diff %s is valid" % " ".join(args)[-60:], not errors, errors[:1])
    return out


def change(out, metric, stat="value"):
    return next(c for c in out["changes"] if c["metric"] == metric and c["stat"] == stat and not c["labels"])


def locks(counts, wait=0, hold=500, uname="Linux a", symbol="f"):
    """A trace with so many acquisitions by each caller; each begins on the second."""
    lines = ["file clock=mono cpus=2", 'option uname "%s"' % uname,
             "symbol ffffffff81000000 %s" % symbol, "symbol ffffffff81001000 g"]
    ns = 10**9
    for caller in sorted(counts):
        for i in range(counts[caller]):
            ns += 1000000
            where = "node_id=0 name=Normal"
            lines.append("%d cpu%d pid7 mm_zone_locked %s count=1 contended=%d caller=%s wait_ns=%d"
                         % (ns, i % 2, where, wait > 0, caller, wait))
            lines.append("%d cpu%d pid7 mm_zone_lock_unlock %s count=0 caller=%s"
                         % (ns + hold, i % 2, where, caller))
    return "\n".join(lines) + "\n"


def stat_of(metric, stat):
    if metric["status"] == "unavailable":
        return None
    return metric.get(stat)


# The slow computations

def ranksum_u(a, b):
    return sum(1 if y > x else 0.5 if y == x else 0 for x in a for y in b)


def exact_p(a, b):
    """Every split of the values at hand into sides of these sizes"""
    both, u = a + b, ranksum_u(a, b)
    order = sorted(both)
    rank = {v: (order.index(v) + 1 + len(order) - order[::-1].index(v)) / 2 for v in set(both)}
    ranks = [rank[v] for v in both]
    least = len(b) * (len(b) + 1) / 2
    below = above = total = 0
    for chosen in itertools.combinations(ranks, len(b)):
        total += 1
        below += sum(chosen) - least <= u
        above += sum(chosen) - least >= u
    return min(1, 2 * min(below, above) / total)


def interval(a, b):
    """The narrowest pair of differences that all orders without ties leave sure enough"""
    nr, pairs = len(a) + len(b), len(a) * len(b)
    us = [sum(chosen) - len(b) * (len(b) + 1) // 2 for chosen in itertools.combinations(range(1, nr + 1), len(b))]
    rank, sure = 1, None
    for k in range(1, (pairs + 1) // 2 + 1):
        holds = sum(k <= u <= pairs - k for u in us) / len(us)
        if k == 1 or holds >= 0.95 - 1e-12:
            rank, sure = k, holds
    steps = sorted(y - x for x in a for y in b)
    return steps[rank - 1], steps[pairs - rank], sure


def spread(values):
    middle = statistics.median(values)
    return 1.4826 * statistics.median(abs(v - middle) for v in values)


def near(a, b):
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1e-9)


def check_statistics(title, out, base, new):
    """Each number's test, from the values of the single results"""
    tested = []
    for c in out["changes"]:
        if c["verdict"] == "unknown":
            continue
        key = c["metric"], tuple(c["labels"].items())
        a, b = ([v for v in (stat_of(metrics(r)[key], c["stat"]) for r in side if key in metrics(r)) if v is not None]
                for side in (base, new))
        t, name = c["test"], "%s: %s %s" % (title, key, c["stat"])
        low, high, sure = interval(a, b)
        wanted = {"n_base": len(a), "n_new": len(b), "u": ranksum_u(a, b), "p": exact_p(a, b),
                  "delta": 2 * ranksum_u(a, b) / len(a) / len(b) - 1, "low": low, "high": high, "confidence": sure,
                  "shift": statistics.median(y - x for x in a for y in b), "spread": max(spread(a), spread(b)),
                  "floor": max(spread(a), spread(b), 0.01 * abs(statistics.median(a)))}
        for what, value in wanted.items():
            check("%s: %s" % (name, what), near(t[what], value), (t[what], value, a, b))
        check(name + ": base", near(c["base"], statistics.median(a)), (c["base"], a))
        check(name + ": new", near(c["new"], statistics.median(b)), (c["new"], b))
        called = wanted["p"] <= 0.05 and abs(wanted["shift"]) > wanted["floor"]
        check(name + ": called only when significant and more than noise", (c["verdict"] != "same") == called,
              (c["verdict"], wanted))
        if called and c["better"] != "none":
            rises = statistics.median(b) > statistics.median(a)
            check(name + ": direction", c["verdict"] == ("worse" if rises == (c["better"] == "lower") else "better"))
        tested.append((wanted["p"], t["q"]))
    for p, q in tested:
        wanted = min(min(1, other * len(tested) / sum(x <= other for x, _ in tested)) for other, _ in tested
                     if other >= p)
        check(title + ": false discovery rate", near(q, wanted), (p, q, wanted))
    return len(tested)


def test_several():
    for seed, (nr_base, nr_new) in enumerate([(5, 5), (6, 4), (3, 3), (2, 6), (1, 5)]):
        rng = random.Random(seed)
        sides = []
        for side, nr in enumerate((nr_base, nr_new)):
            files = []
            for i in range(nr):
                # few different numbers, so that many are equal
                counts = {"f+0x10": rng.randrange(8, 12) * (1 + side), "g+0x20": 5 + rng.randrange(2)}
                files.append(test.trace("s%d.%d.%d.dat" % (seed, side, i),
                                        locks(counts, wait=100 * rng.randrange(1, 4) + 300 * side)))
            sides.append(files)
        out = diff("--base", *sides[0], "--new", *sides[1])
        results = [[test.json(f) for f in files] for files in sides]
        title = "%d against %d" % (nr_base, nr_new)
        check(title + ": has numbers", check_statistics(title, out, *results) > 10)
        check(title + ": weak is said", out["weak"] == (min(nr_base, nr_new) < 5))
        c = change(out, "zone_lock.acquisitions_total")
        check_explained(title, out, means=True)
        status = test.run("diff", "-q", "--fail-on-worse", "--base", *sides[0], "--new", *sides[1])[0]
        check(title + ": --fail-on-worse", status == (INCONCLUSIVE if (nr_base, nr_new) in ((3, 3), (2, 6), (1, 5)) else
                                                     VIOLATED if out["counts"]["worse"] else OK), status)
        if (nr_base, nr_new) == (5, 5):
            check("a clear change is called", c["verdict"] == "changed" and c["test"]["p"] < 0.01, c)
            split = next(s for s in c["explained"] if s["by"] == "caller")
            check("the caller that makes it leads", split["parts"][0]["labels"] == {"caller": "f+0x10"} and
                  split["parts"][0]["share"] > 0.8, split)
        text = test.good("diff", "--base", *sides[0], "--new", *sides[1])
        check(title + ": text fits", all(len(line) <= 100 for line in text.split("\n")), text)
        check(title + ": text says weak", ("\nWeak" in text) == out["weak"], text)
        if (nr_base, nr_new) == (3, 3):
            check("three against three call nothing", out["counts"]["worse"] + out["counts"]["better"] +
                  out["counts"]["changed"] == 0 and "nothing can be called" in text, text)


def check_explained(title, out, means=False):
    """What adds up is wholly explained: the parts' steps are the whole's."""
    seen = 0
    for c in out["changes"]:
        step = (c["new"] or 0) - (c["base"] or 0)
        for split in c["explained"]:
            parts = sum(p["new"] - p["base"] for p in split["parts"])
            name = "%s: %s by %s" % (title, c["metric"], split["by"])
            if means: # the change's own numbers are medians, and those of the parts add up
                step = parts
            check(name, abs(parts - step) <= 0.02 * max(abs(c["new"]), abs(c["base"])), (parts, step))
            for p in split["parts"]:
                check(name + ": share", near(p["share"], (p["new"] - p["base"]) / step), p)
            steps = [abs(p["new"] - p["base"]) for p in split["parts"]]
            check(name + ": largest first", steps == sorted(steps, reverse=True), steps)
            seen += 1
    return seen


def test_real():
    """The same load, once with tiny per-CPU lists"""
    base, new = (os.path.join(TESTDATA, "zone-%s.dat" % n) for n in ("base", "regressed"))
    if not os.path.exists(new):
        new = os.path.join(os.environ.get("KMA_TRACES", "/nowhere"), "zone-regressed.dat")
    if not os.path.exists(new):
        print("without zone-regressed.dat")
        return
    out = diff(base, new)
    single = [metrics(test.json(f)) for f in (base, new)]
    for name in ("pcp.refill_events_total", "pcp.drain_events_total", "pcp.refill_batches_total",
                 "zone_lock.contended_total", "page.zone_locked_total"):
        c = change(out, name)
        check(name + " is worse", c["verdict"] == "worse", c)
        check(name + " has its numbers", (c["base"], c["new"]) == tuple(s[name, ()]["value"] for s in single), c)
    c = change(out, "pcp.refill_events_total")
    check("refills as recorded", (c["base"], c["new"]) == (7045, 83182), c)
    check("acquisitions rise", change(out, "zone_lock.acquisitions_total")["verdict"] == "changed")
    first = [c["metric"] for c in out["changes"][:8]]
    check("refills and drains lead", sum(m.startswith(("pcp.refill", "pcp.drain")) for m in first) >= 4, first)
    check("changes are explained", check_explained("regressed", out) > 30)
    scores = [c["score"] for c in out["changes"] if c["verdict"] == "worse"]
    check("sorted by importance", scores == sorted(scores, reverse=True), scores)
    check("thrashing is a new finding", any(f["id"].startswith("pcp.") and f["in_new"] and not f["in_base"]
                                            for f in out["findings"]), out["findings"])
    unknown = [c for c in out["changes"] if c["verdict"] == "unknown"]
    check("what cannot be compared has its reason", all(c["reason"] for c in unknown), unknown)
    back = diff(new, base)
    check("backwards it is better", change(back, "pcp.refill_events_total")["verdict"] == "better")
    same = diff(base, base)
    check("base against itself", same["counts"]["same"] > 40 and sum(same["counts"][v] for v in
                                                                    ("worse", "better", "changed")) == 0 and
          not same["appeared"] + same["vanished"] + same["moved"] + same["findings"] + same["differences"], same)
    files = [test.save(n + ".json", p) for n, p in (("base", base), ("new", new))]
    check("results in JSON give the same", test.json("diff", *files) == out)
    text = test.good("diff", base, new)
    check("text fits", all(len(line) <= 100 for line in text.split("\n")))
    check("text begins with what is worse", text.index("\nWorse") < text.index("\nBetter") < text.index("\nDistrib"))
    check("histograms stand side by side", "zone_lock.hold_ns (lock held)" in text and "█" in text)


def test_single():
    few, more = test.trace("few.dat", locks({"f+0x10": 3})), test.trace("more.dat", locks({"f+0x10": 4}))
    out = diff(few, more)
    check("3 and 4 are no change", change(out, "zone_lock.acquisitions_total")["verdict"] == "same", out["counts"])
    f, g = test.trace("f.dat", locks({"f+0x10": 100})), test.trace("g.dat", locks({"g+0x20": 60, "f+0x10": 40}))
    out = diff(f, g)
    check("a caller appeared", [(p["labels"], p["value"]) for p in out["appeared"]] ==
          [({"caller": "g+0x20"}, 60)], out["appeared"])
    check("a caller vanished", [p["labels"] for p in diff(g, f)["vanished"]] == [{"caller": "g+0x20"}])
    moved = [m for m in out["moved"] if m["by"] == "caller"]
    check("60 moved between callers", len(moved) == 1 and moved[0]["moved"] == 60 and near(moved[0]["share"], 0.6),
          out["moved"])
    newer = test.trace("newer.dat", locks({"f+0x18": 100}, uname="Linux b"))
    out = diff(f, newer)
    check("another kernel's offsets are no other callers", not out["appeared"] and not out["vanished"], out)
    check("kernels are said to differ", any(d.startswith("kernel: ") for d in out["differences"]))
    slow = test.trace("slow.dat", locks({"f+0x10": 100}, hold=50000))
    c = change(diff(f, slow), "zone_lock.hold_ns", "mean")
    check("longer holds are worse", c["verdict"] == "worse" and (c["base"], c["new"]) == (500, 50000), c)

    # events that one side does not have: not zero, and not vanished
    pages = test.trace("pages.dat", locks({"f+0x10": 100}) + "+1000 cpu0 pid7 mm_page_alloc pfn=7 order=0\n" * 50)
    out = diff(pages, f)
    c = change(out, "page.alloc_total")
    check("what one side does not tell cannot be compared", c["verdict"] == "unknown" and c["new"] is None and
          c["base"] == 50 and c["reason"].startswith("new: "), c)
    check("nor did it vanish", not out["vanished"], out["vanished"])
    check("the events are named", any("events only in base: kmem:mm_page_alloc" in d for d in out["differences"]),
          out["differences"])
    files = [os.path.join(TESTDATA, n) for n in ("slab.dat", "percpu.dat")]
    found = [test.json(f)["findings"] for f in files]
    out = json.loads(test.run("diff", "--json", *files)[1])
    check("findings of reports that one side cannot make are no news", found[0] and found[1] and not out["findings"],
          out["findings"])
    lost = test.trace("lost.dat", locks({"f+0x10": 30}) + "lost cpu0 count=10\n"
                      "+1000 cpu0 pid7 mm_zone_locked node_id=0 name=Normal caller=f+0x10\n")
    c = change(diff(lost, f), "zone_lock.acquisitions_total")
    check("more than a lower bound is not sure", c["unsure"] and c["status"] == "lower-bound", c)
    c = change(diff(f, lost), "zone_lock.acquisitions_total")
    check("less than exact may be less still", c["unsure"], c)


def test_pipe():
    """A pipe with a name, as bash's <(...) makes it: nothing of it is lost by looking what it is."""
    want = test.good("diff", "f.dat", "g.dat")
    os.mkfifo("pipe")
    with subprocess.Popen(["sh", "-c", "cat f.dat >pipe"]) as cat:
        got = test.good("diff", "pipe", "g.dat")
        cat.kill()
    check("the same through a pipe", got.split("\n")[1:] == want.split("\n")[1:], got)


def test_text():
    """Each kind of label has words, those of one trace alone too."""
    files = [os.path.join(TESTDATA, n) for n in ("extfrag.dat", "pcp-cross-cpu.dat")]
    status, text, errors = test.run("diff", *files)[:3]
    check("a text", status == OK and not errors, (status, errors))
    check("of migratetypes", re.search(r"by migratetype: \d [+-]", text), text)


def test_command_line():
    test.bad(ERROR, "diff", says=["no two files"])
    test.bad(ERROR, "diff", "f.dat", says=["no two files"])
    test.bad(ERROR, "diff", "f.dat", "g.dat", "few.dat", says=["--base"])
    test.bad(ERROR, "diff", "--base", "f.dat", says=["no file to compare with"])
    test.bad(ERROR, "diff", "f.dat", "--base", "f.dat", "--new", "g.dat", says=["f.dat"])
    test.bad(ERROR, "diff", "--base", "--new", "g.dat", says=["--base takes files"])
    test.bad(ERROR, "--base", "f.dat", "g.dat", says=["--base", "kmem-analyze diff"])
    test.bad(ERROR, "diff", "-", "-", says=["twice", "standard input"])
    test.bad(ERROR, "diff", "--base", "f.dat", "-", "--new", "-", says=["twice"])
    test.bad(ERROR, "--threshold", "trace.span_ns: value <= base", "--baseline", "-", "-", says=["twice"])
    test.bad(INCONCLUSIVE, "diff", "f.dat", "missing.dat", says=["missing.dat"])
    test.bad(INCONCLUSIVE, "diff", "-q", "-r", "slab", "f.dat", "g.dat", says=["no number is in both"])
    a = test.good("diff", "--base", "f.dat", "few.dat", "--top", "3", "--new", "g.dat", "more.dat")
    b = test.good("diff", "--new", "g.dat", "more.dat", "--top=3", "--base", "f.dat", "few.dat")
    check("lists in either order", a == b)
    check("a list goes on behind an option", diff("--base", "f.dat", "--cpu", "0", "few.dat", "--new", "g.dat")
          ["several"])
    check("worse fails", test.run("diff", "-q", "--fail-on-worse", "f.dat", "slow.dat")[0] == VIOLATED)
    check("better does not", test.run("diff", "-q", "--fail-on-worse", "slow.dat", "f.dat")[0] == OK)
    cma = [os.path.join(TESTDATA, n) for n in ("cma-ok.dat", "cma-pin.dat")]
    status, _, err = test.run("diff", "-q", "--fail-on-worse", *cma)
    check("a new error fails, once is enough", status == VIOLATED and "a new error (cma.allocation_failed)" in err, err)
    check("an error that is gone does not", "new error" not in test.run("diff", "-q", "--fail-on-worse", *cma[::-1])[2])
    names = {c["report"] for c in diff("-r", "zone_lock", "f.dat", "g.dat")["changes"]}
    check("-r", names == {"zone_lock"}, names)


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        test_single()
        test_several()
        test_real()
        test_text()
        test_pipe()
        test_command_line()
        os.chdir("/")
    return test.end()


if __name__ == "__main__":
    sys.exit(main())
