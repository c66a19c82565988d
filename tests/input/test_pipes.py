#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What people pipe into kmem-analyze: traces, printed events, the output of a command under
trace-cmd record. Usage: test_pipes.py KMEM_ANALYZE TESTDATA"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter

TOOL, TESTDATA = (os.path.abspath(a) for a in sys.argv[1:3])
HERE = os.path.dirname(os.path.abspath(__file__))
BASE = os.path.join(TESTDATA, "zone-base.dat")
OK, ERROR, INCONCLUSIVE = 0, 2, 3
failures = []
checks = 0


def check(what, good, detail=""):
    global checks
    checks += 1
    if not good:
        failures.append(what)
        print(f"FAILED: {what}: {detail}", file=sys.stderr)


def feed(data, *args, env=None):
    """@data through a pipe: exit status, JSON (or None), stderr."""
    done = subprocess.run([TOOL, "-", "--json", "--quiet", *args], input=data, timeout=120,
                          capture_output=True, env={**os.environ, **(env or {})})
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr.decode()


def shell(command, env=None):
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=120,
                          stdin=subprocess.DEVNULL,
                          env={**os.environ, "TOOL": TOOL, "BASE": BASE,
                               "PATH": HERE + ":" + os.environ["PATH"], **(env or {})})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def read(path):
    with open(path, "rb") as f:
        return f.read()


def one_line(what, err, *words):
    lines = [line for line in err.split("\n") if line.startswith("kmem-analyze: ")]
    check(f"{what}: one line", len(lines) == 1, repr(err))
    for word in words:
        check(f"{what}: says {word!r}", word in err, repr(err))


def by_function(listed):
    """Printed stacks have no offsets: the callers of one function are one. Percentiles do not add up."""
    added = {}
    for metric in listed:
        labels = dict(metric["labels"], caller=metric["labels"]["caller"].partition("+")[0])
        key = json.dumps(labels, sort_keys=True)
        one = added.setdefault(key, {"unit": metric["unit"], "status": metric["status"], "labels": labels,
                                     "name": metric["name"], "value": 0, "count": 0, "sum": 0})
        for part in ("value", "count", "sum"):
            one[part] += metric.get(part) or 0
    return list(added.values())


def metrics(result):
    listed, stacked = [], {}
    for metric in (m for report in result["reports"] for m in report["metrics"]):
        if metric["name"].startswith("alloc_lock.") and "caller" in metric["labels"]:
            stacked.setdefault(metric["name"], []).append(metric)
        else:
            listed.append(metric)
    for callers in stacked.values():
        listed += by_function(callers)
    return {(m["name"], json.dumps(m["labels"], sort_keys=True)): m for m in listed}


def events(result):
    """By name: text does not tell the system."""
    counts = Counter()
    for event in result["trace"]["events"]:
        counts[event["event"].split(":")[1]] += event["count"]
    return counts


def numbers(metric):
    return {k: v for k, v in metric.items() if k not in ("status", "reason", "labels", "name")}


def test_printed_traces():
    """trace-cmd report FILE | kmem-analyze - gives what FILE gives, as far as text carries it."""
    if not shutil.which("trace-cmd"):
        print("printed traces: not tested, as there is no trace-cmd")
        return
    for name in sorted(os.listdir(TESTDATA)):
        if not name.endswith(".dat"):
            continue
        path = os.path.join(TESTDATA, name)
        whole = json.loads(subprocess.run([TOOL, path, "--json", "--quiet"],
                                          capture_output=True).stdout)
        for form in ([], ["-t"]):
            text = subprocess.run(["trace-cmd", "report", *form, path], capture_output=True).stdout
            status, printed, err = feed(text)
            what = f"{name} {form}"
            check(f"{what}: status", status == OK and not err, f"{status} {err}")
            seen, there = events(printed), events(whole)
            # of kinds that no report needs, the names of those that come late are not known
            late = sum((there - seen).values()) if seen["not-described"] else 0
            check(f"{what}: events", late == seen.pop("not-described", 0) and not seen - there,
                  seen - there)
            ours, theirs = metrics(printed), metrics(whole)
            check(f"{what}: metrics", set(ours) >= set(theirs), set(theirs) - set(ours))
            exact = 0
            for key, metric in theirs.items():
                other = ours.get(key, metric)
                if not form and (metric["unit"] in ("ns", "ns/page") or
                                 key[0] in ("zone_lock.utilization_ratio", "zone_lock.fit_r2")):
                    check(f"{what}: {key}: not exact", other["status"] != "exact" or
                          other == metric, other)
                    continue
                exact += 1
                if not form and key[0] == "pcp.correlation" and "value" in metric:
                    # the time bins have edges, and times have few digits
                    check(f"{what}: {key}", abs(metric["value"] - other["value"]) < 0.01, other)
                    continue
                check(f"{what}: {key}", numbers(metric) == numbers(other),
                      f"{numbers(metric)} {numbers(other)}")
            check(f"{what}: enough is compared", exact > 50, exact)
            lost = {c["cpu"]: c["lost"] for c in printed["quality"]["cpus"]}
            for cpu in whole["quality"]["cpus"]:
                # where a gap was not counted, only the file has the kernel's own counter
                check(f"{what}: lost on CPU {cpu['cpu']}", lost.get(cpu["cpu"], 0) == cpu["lost"] if
                      cpu["lost_counted"] else 0 < lost[cpu["cpu"]] <= cpu["lost"], lost)


def test_captures():
    """What the kernel, trace-cmd and perf printed: counted by regular expressions."""
    for name in sorted(os.listdir(os.path.join(TESTDATA, "pipes"))):
        text = read(os.path.join(TESTDATA, "pipes", name))
        status, result, err = feed(text)
        lines = text.decode().split("\n")
        found = Counter(m.group(1) for m in (re.match(
            r".*?\[\d+\] +(?:[^ ]+ +)?\d+\.\d+: +(?:\w+:)?(\w+):", line) for line in lines) if m)
        lost = sum(int(m.group(1)) for m in (re.match(r"CPU:\d+ \[LOST (\d+) EVENTS", line)
                                             for line in lines) if m)
        check(f"{name}: status", status == OK and not err, f"{status} {err}")
        check(f"{name}: some events", sum(found.values()) > 100, found)
        check(f"{name}: events", events(result) == found, f"{events(result)} {found}")
        check(f"{name}: lost", sum(c["lost"] for c in result["quality"]["cpus"]) == lost, lost)
        notes = " ".join(result["quality"]["notes"])
        check(f"{name}: says the resolution", "microseconds" in notes, notes)
        check(f"{name}: says hashed", ("hashed" in notes) == (name == "trace_pipe.txt"), notes)
        # the same from a file
        done = subprocess.run([TOOL, os.path.join(TESTDATA, "pipes", name), "--json", "--quiet"],
                              capture_output=True)
        result["trace"].pop("source")
        other = json.loads(done.stdout)
        other["trace"].pop("source")
        check(f"{name}: the same from a file", other == result)


def test_spool():
    data = read(BASE)
    status, piped, err = feed(data)
    done = subprocess.run([TOOL, BASE, "--json", "--quiet"], capture_output=True)
    whole = json.loads(done.stdout)
    check("a trace through a pipe works", status == OK and not err, f"{status} {err}")
    check("it is called standard input", piped["trace"].pop("source") == "standard input")
    whole["trace"].pop("source")
    check("a trace through a pipe is the same", piped == whole)
    status, other, err = feed(data, "--reader=libtracecmd")
    check("also for libtracecmd", status == OK and metrics(other) == metrics(whole), err)
    with tempfile.TemporaryDirectory() as empty:
        feed(data, env={"TMPDIR": empty})
        check("nothing is left behind", not os.listdir(empty), os.listdir(empty))
    status, out, err = feed(data, env={"TMPDIR": "/nonexistent"})
    check("no place for it", status == INCONCLUSIVE and not out, status)
    one_line("no place for it", err, "/nonexistent", "TMPDIR")
    status, out, err = feed(data, "--spool-limit", "100K")
    check("limit", status == INCONCLUSIVE and not out, status)
    one_line("limit", err, "102400 bytes", "--spool-limit")
    status, out, err = feed(data, "--spool-limit", str(len(data)))
    check("just within the limit", status == OK, err)
    status, out, err = feed(data, "--spool-limit", "many")
    check("bad limit", status == ERROR and "500M" in err, err)
    status, out, err = feed(data[:len(data) * 3 // 4])
    check("cut", status == INCONCLUSIVE, status)
    one_line("cut", err, "standard input")
    status, out, err = feed(read(os.path.join(TESTDATA, "record-v7.bin")))
    check("-o /dev/stdout", status == INCONCLUSIVE and not out, status)
    one_line("-o /dev/stdout", err, "pipe", "-o FILE")
    for name, command in (("zcat", "gzip -c $BASE | zcat"), ("slow", "(head -c 5 $BASE; sleep 0.2; "
                                                             "tail -c +6 $BASE)")):
        status, out, err = shell(f"{command} | $TOOL - --quiet")
        check(f"{name} works", status == OK and not err, err)
    status, out, err = shell("$TOOL <(cat $BASE) --quiet && mkfifo f && (cat $BASE >f & "
                             "$TOOL f --quiet)")
    check("a pipe by name works", status == OK and not err, err)


def test_bad_pipes():
    for what, data, words in (("empty", b"", ["nothing came", "trace.dat"]),
                              ("prose", b"hello\n" * 9, ["neither", "trace.dat"]),
                              ("noise", bytes(range(256)) * 999, ["neither"]),
                              ("gzip", b"\x1f\x8b" + bytes(99), ["zcat"]),
                              ("header only", b"# tracer: nop\n#\n" +
                               b"# entries-in-buffer/entries-written: 0/0   #P:4\n",
                               ["no event"])):
        status, out, err = feed(data)
        check(f"{what}: status", status == INCONCLUSIVE and not out, f"{status} {out}")
        one_line(what, err, *words)
    text = read(os.path.join(TESTDATA, "pipes", "trace_pipe.txt"))
    status, result, err = feed(text[:20000])
    check("cut line: status", status == INCONCLUSIVE and result, status)
    one_line("cut line", err, "ends within a line")
    check("cut line: what came is told", sum(events(result).values()) > 100, events(result))
    status, out, err = feed(text, "--reader=libtracecmd")
    check("text needs no libtracecmd", status == ERROR and "--reader" in err, err)
    status, result, err = feed(text.replace(b"ptr=", b"ptr=x"))
    check("values that cannot be read", status == INCONCLUSIVE and "cannot be read" in err, err)


def line(ts, cpu, pid=7):
    return f"            task-{pid}     [{cpu:03}] .....  {ts:.6f}: kfree: call_site=f+0x1/0x2 ptr=0x10\n"


def fits(text, kilobytes):
    """Can it be read within so much memory? None where that cannot be told."""
    with open("memory.txt", "wb") as f:
        f.write(text)
    limit = f"ulimit -v {kilobytes}; "
    if shell(limit + "$TOOL --version")[0]:
        return None
    return not shell(limit + "cat memory.txt | $TOOL - -q")[0]


def test_rounds():
    """Much text: blocks, CPUs that come late, lines in the wrong order, memory."""
    count = 150000
    # CPU 3 comes late; every other CPU 1 line is 5 lines too late
    times = [1 + i / 1e4 for i in range(count)]
    lines = [line(t, 3 if i > count * 2 / 3 and i % 7 == 0 else i % 3) for i, t in enumerate(times)]
    for i in range(0, count - 10, 40):
        lines[i], lines[i + 5] = lines[i + 5], lines[i]
    text = "".join(lines).encode()
    status, result, err = feed(text)
    check("rounds: status", status == OK and not err, err)
    check("rounds: all events", events(result) == {"kfree": count}, events(result))
    want = Counter(int(re.search(r"\[(\d+)\]", entry).group(1)) for entry in lines)
    check("rounds: by CPU", {c["cpu"]: c["records"] for c in result["quality"]["cpus"]} == want,
          result["quality"]["cpus"])
    status, result, err = feed(text, "--cpu", "3")
    check("rounds: a CPU that comes late", events(result) == {"kfree": want[3]}, events(result))
    # what an allocation and its free need: the right order, also where lines have changed places
    pairs = []
    for i in range(50000):
        at = 1 + i / 1e4
        alloc = (f"            task-7     [000] .....  {at:.6f}: kmalloc: call_site=f+0x1/0x2 "
                 f"ptr={0x1000 + i:016x} bytes_req=8 bytes_alloc=8 gfp_flags=GFP_KERNEL node=-1 "
                 "accounted=false\n")
        free = line(at + 0.00001, 1).replace("ptr=0x10", f"ptr={0x1000 + i:016x}")
        pairs.append(free + alloc if i % 3 == 0 else alloc + free)
    status, result, err = feed("".join(pairs).encode())
    lives = metrics(result)[("slab.lifetime_ns", "{}")]
    check("rounds: every free finds its allocation", lives["count"] == 50000, lives)
    check("rounds: lifetimes", (lives["min"], lives["max"]) == (10000, 10000), lives)
    for times in (1, 8):
        fit = fits(text * times, 80000)
        if fit is None:
            print("memory: not tested, as the program needs more than that by itself")
        else:
            check(f"rounds: {times * len(text) >> 20} MiB of text in 80 MB", fit)


def test_contention():
    """Waits for locks as kernels, perf and trace-cmd -R print them: the address has no key, and may be hashed."""
    head = "            task-7     [%03d] d....  %.6f: "
    stack = " => __traceiter_contention_begin\n => native_queued_spin_lock_slowpath\n => _raw_spin_lock\n => rmqueue_bulk\n"
    text = (head % (0, 1) + "contention_begin: 00000000d2f6a8f2 (flags=SPIN)\n" +
            head % (0, 1) + "<stack trace>\n" + stack +
            head % (0, 1.000003) + "contention_end: 00000000d2f6a8f2 (ret=0)\n" +
            # a mutex that turns to sleeping, and its end by a signal on another CPU
            head % (0, 2) + "contention_begin: 0xffff888100000040 (flags=SPIN|MUTEX)\n" +
            head % (0, 2.000001) + "contention_begin: 0xffff888100000040 (flags=MUTEX)\n" +
            head % (1, 2.000009) + "contention_end: 0xffff888100000040 (ret=-4)\n" +
            # a flag of a later kernel, and numbers
            head % (1, 3) + "contention_begin: lock_addr=0xffff888100000080 flags=0x21\n" +
            head % (1, 3.000002) + "contention_begin: 0xffff888100000080 (flags=MUTEX|0x40)\n" +
            head % (1, 3.000005) + "contention_end: lock_addr=0xffff888100000080 ret=0\n" +
            # not printed at all: one that nobody knows
            head % (1, 4) + "contention_begin: (____ptrval____) (flags=SPIN)\n").encode()
    status, result, err = feed(text, "-r", "alloc_lock")
    found = {key: m for key, m in metrics(result).items()}
    waits = found["alloc_lock.contended_total", "{}"]
    check("contention: waits", status == OK and waits["value"] == 4, f"{status} {err} {waits}")
    dist = found["alloc_lock.wait_ns", "{}"]
    check("contention: time", (dist["count"], dist["sum"]) == (3, 3000 + 9000 + 5000), dist)
    zone = found.get(("alloc_lock.wait_ns", '{"caller": "rmqueue_bulk", "lock": "zone"}'), {})
    check("contention: caller", zone.get("sum") == 3000, zone)


def test_recording():
    """trace-cmd record ... COMMAND | kmem-analyze -, by a stand-in for trace-cmd."""
    os.mkdir("rec")
    os.chdir("rec")
    env = {"FAKE_TRACE": BASE}
    tail = "| $TOOL - --json --quiet"
    for options, path in (("", "trace.dat"), ("-o other.dat", "other.dat"),
                          ("-C mono -o sub/../x.dat", "x.dat")):
        os.makedirs("sub", exist_ok=True)
        status, out, err = shell(f"trace-cmd record -e kmem {options} sh -c 'echo hello; sleep 0.1; "
                                 f"echo -o no.dat' {tail}", env)
        check(f"record {options}: status", status == OK, f"{status} {err}")
        check(f"record {options}: output is passed on", "hello\n" in err and
              "-o no.dat\n" in err, err)
        result = json.loads(out) if out else {"trace": {"source": ""}, "quality": {"notes": []}}
        check(f"record {options}: its file", os.path.realpath(result["trace"]["source"]) ==
              os.path.realpath(path), result["trace"]["source"])
        check(f"record {options}: says so", path in " ".join(result["quality"]["notes"]))
    # an older file is never taken for a new one
    time.sleep(0.05)
    for options in ("", "-o other.dat"):
        status, out, err = shell(f"trace-cmd record {options} echo hello {tail}")
        check(f"record {options} fails: status", status == INCONCLUSIVE and not out, status)
        one_line(f"record {options} fails", err, "older", "kmem-analyze ")
    status, out, err = shell(f"trace-cmd record -o none.dat true {tail}")
    check("record leaves nothing: status", status == INCONCLUSIVE and not out, status)
    one_line("record leaves nothing", err, "there is no", "none.dat")
    # Ctrl-C, which all of the pipeline gets
    os.remove("trace.dat")
    job = subprocess.Popen(["bash", "-c", f"trace-cmd record sleep 30 {tail}"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, start_new_session=True,
                           env={**os.environ, **env, "TOOL": TOOL,
                                "PATH": HERE + ":" + os.environ["PATH"]})
    time.sleep(0.7)
    os.killpg(job.pid, signal.SIGINT)
    out, err = job.communicate(timeout=60)
    check("record and Ctrl-C", out and json.loads(out)["trace"]["source"].endswith("trace.dat"),
          err.decode())
    # a script that records
    status, out, err = shell(f"(echo begin; sleep 0.2; trace-cmd record -o new.dat sleep 0.3) {tail}",
                             env)
    check("record in a script", status == OK and "new.dat" in out and "begin\n" in err, err)
    # where /proc does not tell
    status, out, err = shell(f"(sleep 0.1; echo made; cat $BASE >trace.dat) {tail}")
    check("somebody made trace.dat: status", status == OK and "made\n" in err, f"{status} {err}")
    time.sleep(0.05)
    for command in ("sleep 0.1", "(sleep 0.1; echo done)"):
        status, out, err = shell(f"{command} {tail}")
        check(f"{command}: status", status == INCONCLUSIVE and not out, status)
        one_line(command, err, "kmem-analyze trace.dat")
    status, out, err = shell(f"trace-cmd record -N host:1 true {tail}", env)
    check("record -N: status", status == INCONCLUSIVE and not out, status)
    one_line("record -N", err, "another machine")
    status, out, err = shell(f"trace-cmd stream -e kmem {tail}")
    check("an empty stream: status", status == INCONCLUSIVE and not out, status)
    one_line("an empty stream", err, "trace-cmd stream printed no event")
    status, out, err = shell(f"trace-cmd stream -e kmem {tail}", {
        "FAKE_STREAM": os.path.join(TESTDATA, "pipes", "trace-cmd-stream.txt")})
    check("a stream: status", status == OK and not err, err)
    os.chdir("..")


def test_interrupts():
    text = read(os.path.join(TESTDATA, "pipes", "trace_pipe.txt"))
    for presses, ends in ((1, True), (2, False)):
        tool = subprocess.Popen([TOOL, "-", "--json", "--quiet"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        tool.stdin.write(text)
        tool.stdin.flush()
        for _ in range(presses):
            time.sleep(0.3)
            tool.send_signal(signal.SIGINT)
        if ends:  # the producer got it too
            time.sleep(0.2)
            tool.stdin.close()
        out, err = tool.stdout.read(), tool.stderr.read().decode()
        status = tool.wait(20)
        if not ends:
            tool.stdin.close()
        check(f"{presses} interrupts: status", status == (OK if ends else INCONCLUSIVE),
              f"{status} {err}")
        check(f"{presses} interrupts: what came is told",
              sum(events(json.loads(out)).values()) == 349 if out else False, out[:100])
        if not ends:
            one_line("interrupts", err, "interrupted")


def main():
    tests = [f for name, f in sorted(globals().items()) if name.startswith("test_")]
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        for test in tests:
            test()
        os.chdir("/")
    print(f"{checks} checks, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
