#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What live records, against what is known of it: the exit status of its command, the raw recording as trace-cmd and
both readers see it, itself left out, losses counted, lines of JSON. Usage: live_record.py KMEM_ANALYZE SOURCE_DIR"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tracefs  # noqa: E402

TOOL, SOURCE = (os.path.abspath(a) for a in sys.argv[1:3])
WORK = tempfile.mkdtemp()


def live(*args, **kw):
    done = subprocess.run([TOOL, "live", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100,
                          universal_newlines=True, check=False, **kw)
    return done.returncode, done.stdout, done.stderr


def metric(document, name, labels=None):
    report = name.split(".")[0]
    metrics = document["trace"]["metrics"] if report == "trace" else next(
        r["metrics"] for r in document["reports"] if r["name"] == report)
    return next(m for m in metrics if m["name"] == name and m["labels"] == (labels or {}))


def command_status():
    """The command's end is in the JSON; its output is not in it."""
    for script, exit_status, by_signal in (("exit 0", 0, None), ("echo noise; exit 41", 41, None),
                                           ("kill -KILL $$", None, 9)):
        status, out, err = live("--json", "--", "sh", "-c", "cat /proc/self/maps >/dev/null; " + script)
        assert status == 0, (status, err)
        document = json.loads(out)
        tracefs.check_json([document], SOURCE)
        facts = document["trace"]["live"]
        assert facts["ended_by"] == "command", facts
        assert facts["command"]["ended"] and facts["command"]["words"][0] == "sh", facts
        assert facts["command"]["exit_status"] == exit_status and facts["command"]["signal"] == by_signal, facts
        assert ("noise" in err) == ("noise" in script)
    status, out, err = live("--json", "--for", "300ms", "--", "sh", "-c", "cat /proc/self/maps >/dev/null; exec sleep 2 2>&-")
    facts = json.loads(out)["trace"]["live"]
    assert status == 0 and facts["ended_by"] == "time", (status, facts)
    assert facts["command"]["ended"] is False and facts["command"]["exit_status"] is None, facts
    assert 0.3e9 <= facts["elapsed_ns"] < 1.5e9, facts
    status, out, err = live("--", os.path.join(WORK, "no-such-command"))
    assert status == 2 and not out and err.count("\n") == 1 and "no-such-command" in err, (status, out, err)


def command_is_seen():
    """A known number of allocations: each file made and removed again is one of alloc_empty_file's cache."""
    script = "i=0; while [ $i -lt 500 ]; do : >%s/file; i=$((i+1)); done" % WORK
    status, out, err = live("--json", "-r", "slab", "--", "sh", "-c", script)
    assert status == 0, err
    made = metric(json.loads(out), "slab.alloc_total", {"cache": "filp"})["value"]
    assert made >= 500, made


def recording(stacks):
    """The same records in the recording as trace-cmd, both readers and the live report have seen."""
    path = os.path.join(WORK, "live.dat")
    args = ["--stacks"] if stacks else []
    with tracefs.Load():
        status, out, err = live("--for", "1500ms", "--json", "--save", path, *args)
    assert status == 0, err
    now = json.loads(out)
    tracefs.check_json([now], SOURCE)
    assert now["quality"]["lost_events"] == 0, "the buffer was too small"
    assert not [n for n in now["quality"]["notes"] if "so late" in n], now["quality"]["notes"]
    total = metric(now, "trace.events_total")["value"]
    assert total > 1000, total
    for reader in ("own", "libtracecmd"):
        # libtraceevent and libtracecmd leak while they parse what this kernel has
        done = subprocess.run([TOOL, "--json", "--reader", reader, *args, path], stdout=subprocess.PIPE, check=True,
                              env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0") if reader != "own" else None)
        later = json.loads(done.stdout)
        assert later["trace"]["metrics"] == now["trace"]["metrics"], reader
        assert later["trace"]["clock"] == now["trace"]["clock"] and later["trace"]["kernel"] == now["trace"]["kernel"]
        assert later["quality"]["cpus"] == [c for c in now["quality"]["cpus"]], reader
        assert [r["name"] for r in later["reports"]] == [r["name"] for r in now["reports"]]
        # but for the places of bins, which begin with the recording, or with its first record
        for one, other in zip(now["reports"], later["reports"]):
            counters = [[m for m in r["metrics"] if m["kind"] != "gauge"] for r in (one, other)]
            assert counters[0] == counters[1], (reader, one["name"])
    if not shutil.which("trace-cmd"):
        print("no trace-cmd: the recording is not read with it")
        return
    # the flags tell interrupts: h, H and s behind the word of irqs and resched
    report = subprocess.run(["trace-cmd", "report", "-l", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            universal_newlines=True, errors="replace", check=True).stdout
    line = re.compile(r"^ *(.*)-(\d+) +(\d+)(\S+) +\d+\.\d+: +(\w+):")
    records = [m for m in map(line.match, report.splitlines()) if m]
    assert len(records) == total, (len(records), total)
    own = [m.group(0) for m in records if int(m.group(2)) == now["trace"]["live"]["own_pid"] and
           not set(m.group(4)[2:3]) & set("hHszZ")]
    assert not own, own[:3]


def stacks_of_one_event():
    """Without --stacks only waits for locks have one: a trigger of that event records it."""
    if not os.path.isdir(tracefs.DIR + "/events/lock/contention_begin") or not shutil.which("trace-cmd"):
        print("no lock:contention_begin, or no trace-cmd: its stacks are not tested")
        return
    path = os.path.join(WORK, "locks.dat")
    script = "for i in 1 2 3 4; do (n=0; while [ $n -lt 40 ]; do head -c 8000000 /dev/zero >%s/$i; rm %s/$i; " \
             "n=$((n+1)); done) & done; wait" % (WORK, WORK)
    status, out, err = live("--json", "--save", path, "-r", "alloc_lock,percpu", "--", "sh", "-c", script)
    assert status == 0, err
    begun = metric(json.loads(out), "trace.events_total", {"event": "lock:contention_begin"})["value"]
    report = subprocess.run(["trace-cmd", "report", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            universal_newlines=True, errors="replace", check=True).stdout
    before, stacks = {}, 0
    for match in re.finditer(r"^ *.*-\d+ +\[(\d+)\] +\d+\.\d+: +(\w+):", report, re.M):
        if match.group(2) == "kernel_stack":
            stacks += 1
            assert before[match.group(1)] == "contention_begin", match.group(0)
        before[match.group(1)] = match.group(2)
    print("%d waits for locks, %d stacks" % (begun, stacks))
    # the kernel leaves some out, where one interrupts another
    assert 0.9 * begun <= stacks <= begun or not stacks


def lines():
    """Each line is a document, nothing of what it counts goes down, and the last one says that it is the last."""
    with tracefs.Load():
        status, out, err = live("--for", "2s", "--interval", "250ms", "--json")
    assert status == 0, err
    documents = [json.loads(line) for line in out.splitlines()]
    # as many as are due, or fewer where this takes its time, but never more
    assert 3 <= len(documents) <= 9, len(documents)
    tracefs.check_json(documents, SOURCE)
    assert [d["trace"]["live"]["ended_by"] for d in documents] == [None] * (len(documents) - 1) + ["time"]
    counts = [metric(d, "trace.events_total")["value"] for d in documents]
    assert counts == sorted(counts) and counts[0] < counts[-1], counts


def losses():
    """While it cannot read, the kernel's small buffer overflows: counted, told, and memory does not grow."""
    with tracefs.Load():
        tool = subprocess.Popen([TOOL, "live", "--buffer-size", "64K", "--json"], stdout=subprocess.PIPE,
                                universal_newlines=True)
        time.sleep(0.7)
        tool.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        tool.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        with open("/proc/%d/status" % tool.pid, encoding="ascii") as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        tool.send_signal(signal.SIGINT)
        out = tool.communicate()[0]
    document = json.loads(out)
    assert tool.returncode == 0 and document["trace"]["live"]["ended_by"] == "signal"
    lost = document["quality"]["lost_events"]
    assert lost > 100, lost
    assert sum(c["overrun"] for c in document["quality"]["cpus"]) >= lost * 0.9
    assert document["quality"]["lost_ranges"]
    assert metric(document, "trace.lost_events_total")["value"] == lost
    assert metric(document, "slab.alloc_total")["status"] == "lower-bound"
    print("%d events lost and counted, %d KiB at most" % (lost, peak))
    assert peak < 200000 or "asan" in TOOL, peak


tracefs.need()
before = tracefs.snapshot()
try:
    command_status()
    command_is_seen()
    recording(False)
    recording(True)
    stacks_of_one_event()
    lines()
    losses()
    changed = tracefs.difference(before, tracefs.snapshot())
    assert not changed, changed
finally:
    shutil.rmtree(WORK)
