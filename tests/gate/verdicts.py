#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Exit statuses and what is said for each verdict, with real traces: verdicts.py KMEM-ANALYZE"""

import json
import os
import subprocess
import sys
import tempfile

from common import BASE, LOST, REGRESSED, Test

HOLD = "zone_lock.hold_ns: p99 <= base + 5%"


def statuses(test):
    base = ["--baseline", "base.json"]
    test.status(0, [], "-q", "--save-baseline", "base.json", BASE)
    test.check(json.loads(test.read("base.json"))["schema"] == "kmem-analyze/1", "the baseline is a result")
    # base against base: a result, and a trace
    test.status(0, "Thresholds: 1 of 1 thresholds held", *base, "--threshold", HOLD, BASE)
    test.status(0, "Thresholds: 1 of 1 thresholds held", "--baseline", BASE, "--threshold", HOLD, BASE)
    # caught, and explained
    out = test.status(1, ["1 of 1 thresholds violated", "p99 is 1.65 ms, must be at most 1.16 ms",
                          "1.11 ms in the baseline (+49 %)"], *base, "--threshold", HOLD, REGRESSED)
    test.check("cpu 3: 4.42 ms, 1.27 ms in the baseline" in out, "the parts behind it are named")
    out = test.status(1, "2.21 ms in the baseline", *base, "--threshold", "zone_lock.wait_ns: sum <= base", REGRESSED)
    test.check("node,zone 1,Normal: 117 ms, 2.05 ms in the baseline: 100 % of the change" in out, "shares are named")
    test.check("caller get_page_from_freelist+0x27f: 61.7 ms, 0 ns in the baseline: 54 % of the change" in out,
               "shares of callers are named")
    out = test.status(1, [], *base, "--threshold", "zone_lock.irqs_off_ns: max <= base", REGRESSED)
    test.check("found: Interrupts were off for up to 14.7 ms around the lock" in " ".join(out.split()),
               "what the report found is named")
    # quiet: still one line that says why
    test.status(1, "zone_lock.hold_ns: p99 is 1.65 ms", "-q", *base, "--threshold", HOLD, REGRESSED)
    # a warning fails nothing
    test.status(0, "1 of 1 thresholds violated (1 only a warning)", *base, "--threshold", "warn:" + HOLD, REGRESSED)
    # a violation outweighs a doubt
    test.status(1, "1 of 2 thresholds violated, 1 inconclusive", *base, "--threshold", HOLD, "--threshold",
                "zone_lock.wait_ns{caller=nobody}: count < 1", REGRESSED)


def doubts(test):
    absent = ["--threshold", "zone_lock.wait_ns{caller=nobody}: count < 1"]
    test.status(3, "1 inconclusive", *absent, BASE)
    test.status(3, "no such part; there are {node=0,zone=Normal}, {node=1",
                "--threshold", "zone_lock.wait_ns{node=0,zone=DMA}: count < 1", BASE)
    test.status(0, "1 inconclusive", "--inconclusive=pass", *absent, BASE)
    test.status(1, "1 inconclusive", "--inconclusive=fail", *absent, BASE)
    few = ["--threshold", "zone_lock.wait_ns: p99 <= 1s"]
    test.status(0, [], *few, BASE)
    test.status(3, "too few samples: 13, and --min-samples asks for 14", "--min-samples", "14", *few, BASE)
    lost = ["--threshold", "zone_lock.acquisitions_total: value > 0"]
    test.status(3, "the trace lost", *lost, LOST)
    test.status(3, "the trace lost", *lost, "--max-lost", "1255", LOST)
    test.status(0, "1 of 1 thresholds held", *lost, "--max-lost", "1256", LOST)
    test.status(0, "1 of 1 thresholds held", *lost, "--max-lost", "5%", LOST)
    test.status(3, "the trace lost", *lost, "--max-lost", "0.1%", LOST)
    # the reason that is nearest: a trace without the events, a cut one
    test.status(3, "holds none of the events", "-r", "slab", "--threshold", "slab.free_total: value > 0", BASE)
    # thresholds that hold do not hide that a report picked by name has nothing to say
    held = ["--threshold", "zone_lock.acquisitions_total: value > 0"]
    test.status(3, "holds none of the events that slab needs", "-r", "slab,zone_lock", *held, BASE)
    test.status(0, [], "-r", "slab,zone_lock", "--inconclusive=pass", *held, BASE)
    with open(BASE, "rb") as whole, open(test.path("cut.dat"), "wb") as cut:
        cut.write(whole.read()[:300000])
    test.status(3, "only partly readable", *lost, "cut.dat")
    test.status(3, "only partly readable", *lost, "--inconclusive=pass", "cut.dat")
    test.status(3, "missing.dat", *lost, "missing.dat")


def mistakes(test):
    test.status(2, ["column 20", "a statistic must stand here"], "--threshold", "zone_lock.hold_ns: p9 < 1ms", BASE)
    test.status(2, ["column 1 ", "is it zone_lock.hold_ns?"], "--threshold", "zone_lock.hold_n: p99 < 1ms", BASE)
    test.status(2, "no label \"zon\"", "--threshold", "zone_lock.hold_ns{zon=Normal}: p99 < 1ms", BASE)
    test.status(2, "give one with --baseline", "--threshold", HOLD, BASE)
    test.status(2, "--report leaves out", "-r", "pcp", "--threshold", "zone_lock.hold_ns: p99 < 1ms", BASE)
    test.status(2, "says nothing without --threshold", "--baseline", "base.json", BASE)
    test.status(2, "says nothing without --threshold", "--junit", "x.xml", BASE)
    test.status(2, "--max-lost takes", "--max-lost", "x", "--threshold", HOLD, BASE)
    test.status(2, "--max-lost takes", "--max-lost", "101%", "--threshold", HOLD, BASE)
    test.status(2, "--min-samples takes", "--min-samples", "-1", "--threshold", HOLD, BASE)
    test.status(2, "--inconclusive takes", "--inconclusive=maybe", "--threshold", HOLD, BASE)
    test.status(2, "--annotate takes", "--annotate=gitlab", "--threshold", HOLD, BASE)
    test.status(2, "cannot read none.json", "--thresholds", "none.json", BASE)
    test.status(2, "cannot write", "--junit", "no/such/x.xml", "--threshold", "zone_lock.hold_ns: p99 < 1s", BASE)
    test.status(2, "cannot write", "--save-baseline", "no/such/x.json", BASE)
    # a baseline that cannot be read is missing input
    test.status(3, "none.json", "--baseline", "none.json", "--threshold", HOLD, BASE)
    test.write("other.json", "{}")
    test.status(3, "other.json: is no result of kmem-analyze", "--baseline", "other.json", "--threshold", HOLD, BASE)


def baselines(test):
    """What differs is said; saved only when all is well, and whole or not at all."""
    document = json.loads(test.read("base.json"))
    document["trace"].update(kernel="Linux other 6.6.0 x86_64", cpus=8, clock="mono")
    document["tool"]["version"] = "0.0.9"
    document["trace"]["events"].append({"event": "kmem:zz_other", "count": 1})
    test.write("other.json", json.dumps(document))
    out = test.status(0, [], "--baseline", "other.json", "--threshold", HOLD, BASE)
    differences = [line for line in out.splitlines() if "differs:" in line]
    for word in ("6.6.0", "8", "mono", "0.0.9", "zz_other"):
        test.check(any(word in line for line in differences), "the baseline's %s is said: %s" % (word, differences))
    del document["reports"]
    test.write("other.json", json.dumps(document))
    test.status(3, "lacks \"reports\"", "--baseline", "other.json", "--threshold", HOLD, BASE)
    document["schema"] = "kmem-analyze/2"
    test.write("other.json", json.dumps(document))
    test.status(3, "its schema is \"kmem-analyze/2\"", "--baseline", "other.json", "--threshold", HOLD, BASE)

    before = test.read("base.json")
    test.status(1, [], "-q", "--baseline", "base.json", "--save-baseline", "base.json", "--threshold", HOLD, REGRESSED)
    test.check(test.read("base.json") == before, "a violated trace is no baseline")
    test.status(3, [], "-q", "--save-baseline", "cut.json", "cut.dat")
    test.check(not os.path.exists(test.path("cut.json")), "a cut trace is no baseline")
    test.status(0, [], "-q", "--baseline", "base.json", "--save-baseline", "base.json", "--threshold", HOLD, BASE)
    test.check(test.read("base.json") == before, "the same trace gives the same baseline")
    os.symlink("base.json", test.path("link.json"))
    test.status(0, [], "-q", "--save-baseline", "link.json", BASE)
    test.check(os.path.islink(test.path("link.json")) and test.read("base.json") == before, "a link stays one")
    os.unlink(test.path("link.json"))
    out = test.status(0, [], "-q", "--save-baseline", "/dev/stdout", BASE)
    test.check(out == before and os.path.islink("/dev/stdout"), "standard output stays what it is")
    test.check(sorted(os.listdir(test.directory)) ==
               ["base.json", "cut.dat", "other.json"], "nothing is left behind: %s" % os.listdir(test.directory))


def results(test):
    """A JSON result, of one trace or of several, is an input like a trace: as a file, and through a pipe."""
    limit = "zone_lock.hold_ns: p99 <= %s"
    test.status(0, [], "-q", "--json=one.json", BASE)
    test.status(0, "1 of 1 thresholds held", "one.json", "--threshold", limit % "1.2ms")
    test.status(1, "zone-base.dat: 1 of 1 thresholds violated", "-q", "one.json", "--threshold", limit % "1ms")
    test.check(test.status(0, [], "--json", "one.json") == test.read("one.json"), "written again it is the same")
    test.status(2, "--cpu needs a trace, and one.json is a JSON result", "--cpu", "1", "one.json")
    test.status(3, "one.json: is neither a trace.dat", "story", "--pfn", "1", "one.json")
    shell = ('set -eu; "$0" merge --json "$1" "$2" | "$0" -q --threshold "%s" - && '
             '"$0" merge <("$0" -q --json "$1") <("$0" -q --json "$2") | grep -q "results of 2 traces as one" && '
             '! head -c 999 one.json | "$0" -' % limit % "2ms")
    done = subprocess.run(["bash", "-c", shell, test.analyze, BASE, REGRESSED], cwd=test.directory, encoding="utf-8",
                          env=test.environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, check=False)
    test.check(done.returncode == 0, "through pipes: %s %s" % (done.stdout, done.stderr))
    test.check(done.stderr == "kmem-analyze: standard input: no valid JSON: it ends too early\n", done.stderr)
    for text in ('{"schema":"other"}', '{"a":"kmem-analyze/1"}', "{", " \n{\"schema\":\"kmem-analyze/1\""):
        for command in ('"$0" wrong.json', 'cat wrong.json | "$0" -'):
            test.write("wrong.json", text)
            done = subprocess.run(["bash", "-c", command, test.analyze], cwd=test.directory, encoding="utf-8",
                                  env=test.environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, check=False)
            test.check(done.returncode == 3 and len(done.stderr.splitlines()) == 1 and not done.stdout,
                       "%s of %s: %d %s" % (command, text, done.returncode, done.stderr))
    os.unlink(test.path("wrong.json"))
    os.unlink(test.path("one.json"))


def hostile(test):
    """Each broken document is refused, with the place that is wrong."""
    def change(path, value):
        document = json.loads(test.read("base.json"))
        place = document
        for step in path[:-1]:
            place = place[step]
        if value is KeyError:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        return json.dumps(document)

    reports = json.loads(test.read("base.json"))["reports"]
    metrics = reports[0]["metrics"]
    dist = next(i for i, metric in enumerate(metrics) if metric["kind"] == "distribution" and metric.get("count"))
    plain = next(i for i, metric in enumerate(metrics) if metric["kind"] == "counter" and "value" in metric)
    table = next(i for i, table in enumerate(reports[0]["tables"]) if table["rows"])
    in_dist, in_plain = ["reports", 0, "metrics", dist], ["reports", 0, "metrics", plain]
    cases = [
        (["trace"], [], "trace: must be an object, is array"),
        (["trace", "cpus"], -1, "trace.cpus: is below 0"),
        (["trace", "cpus"], 1 << 40, "trace.cpus: is above"),
        (["trace", "endian"], "middle", "trace.endian: is \"middle\""),
        (["trace", "last_ts"], 1, "trace: ends before it begins"),
        (["trace", "trace_id"], "x", "trace_id must be 16"),
        (["trace", "events", 0, "event"], "x", "trace.events[0]: the event \"x\" is not SYSTEM:NAME"),
        (["trace", "kernel"], "a\0b", "trace.kernel: holds a zero byte"),
        (["quality", "lost_events"], 1.5, "quality.lost_events: must be an int, is double"),
        (["quality", "cpus", 0, "cpu"], None, "quality.cpus[0].cpu: must be an int, is null"),
        (in_plain + ["value"], "7", "metrics[%d].value: must be a finite number" % plain),
        (in_plain + ["value"], KeyError, "metrics[%d]: lacks \"value\"" % plain),
        (in_plain + ["name"], "x", "\"x\" is no name of a metric"),
        (in_plain + ["status"], "approximate", "metrics[%d]: lacks \"reason\"" % plain),
        (in_plain + ["unit"], "furlong", "metrics[%d].unit: is \"furlong\"" % plain),
        (in_plain + ["labels"], {"a": "1", "b": "2", "c": "3"}, "metrics[%d].labels: more than 2 labels" % plain),
        (in_plain + ["labels"], {"a": 1}, "labels.a: must be a string"),
        (in_dist + ["count"], 1, "metrics[%d].buckets: hold " % dist),
        (in_dist + ["buckets", 0], [1], "buckets[0][1]: must be an int, is null"),
        (in_dist + ["buckets", 0, 1], 0, "buckets[0]: impossible number of samples"),
        (in_dist + ["buckets", 1, 0], 0, "buckets[1]: buckets must ascend"),
        (in_dist + ["min"], 1 << 60, "min, percentiles and max must ascend"),
        (in_dist + ["p50"], 1 << 60, "min, percentiles and max must ascend"),
        (["reports", 1, "name"], reports[0]["name"], "reports[1]: a second report"),
        (["reports", 0, "tables", table, "rows", 0], [], "rows[0]: has 0 cells"),
        (["findings", 0, "report"], "x", "findings[0]: belongs to the report \"x\""),
    ]
    for path, value, words in cases:
        test.write("other.json", change(path, value))
        test.status(3, words, "-q", "--baseline", "other.json", "--threshold", HOLD, BASE)
    test.write("other.json", "{\"a\":" * 5000)
    test.status(3, "nesting too deep", "-q", "--baseline", "other.json", "--threshold", HOLD, BASE)
    whole = test.read("base.json")
    test.write("other.json", whole[:len(whole) // 2])
    test.status(3, "it ends too early", "-q", "--baseline", "other.json", "--threshold", HOLD, BASE)
    test.write("other.json", whole.replace("[", "]", 1))
    test.status(3, "no valid JSON: line ", "-q", "--baseline", "other.json", "--threshold", HOLD, BASE)
    # what a later version adds is no reason to refuse
    document = json.loads(whole)
    document["later"] = document["trace"]["later"] = {"x": [1]}
    document["reports"][0]["metrics"][0]["later"] = 1
    document["reports"][0]["metrics"].append(dict(document["reports"][0]["metrics"][plain], name="zone_lock.later"))
    test.write("other.json", json.dumps(document))
    test.status(0, [], "-q", "--baseline", "other.json", "--threshold", HOLD, BASE)


def main(analyze):
    with tempfile.TemporaryDirectory() as directory:
        test = Test(analyze, directory)
        for part in (statuses, doubts, mistakes, baselines, results, hostile):
            part(test)
    print("%d checks of verdicts, %d failures" % (test.checks, test.failures))
    return 1 if test.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
