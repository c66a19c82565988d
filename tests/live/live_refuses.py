#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where live recording is not possible the one line says what is missing and what helps; and doctor says the same
beforehand. Usage: live_refuses.py KMEM_ANALYZE SOURCE_DIR"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tracefs  # noqa: E402

TOOL, SOURCE = (os.path.abspath(a) for a in sys.argv[1:3])
NOBODY = 65534
# without it, libraries of another place do not help either
CLEAN = {"PATH": os.environ["PATH"], "LC_ALL": "C", **{k: v for k, v in os.environ.items() if "SAN" in k}}


def run(*args, **kw):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=60,
                          check=False, env=CLEAN, stdin=subprocess.DEVNULL, **kw)
    return done.returncode, done.stdout, done.stderr


def refused(answer, *words):
    status, out, err = answer
    assert status == 3 and not out, (status, out, err)
    assert err.count("\n") == 1 and err.startswith("kmem-analyze: "), err
    for word in words:
        assert word in err, (word, err)


def without_tracefs(command):
    """In a mount namespace of its own."""
    script = "for d in /sys/kernel/tracing /sys/kernel/debug; do umount -l $d 2>/dev/null; done; " \
             "grep -q ' tracefs ' /proc/mounts && exit 99; exec \"$0\" \"$@\""
    answer = run("unshare", "-m", "sh", "-c", script, TOOL, *command)
    if answer[0] == 99 or "unshare" in answer[2]:
        print("tracefs cannot be hidden here:", answer)
        return
    refused(answer, "tracefs is not mounted", "mount -t tracefs nodev /sys/kernel/tracing")


def read_only():
    script = "mount -o remount,bind,ro %s || exit 99; exec \"$0\" \"$@\"" % tracefs.DIR
    answer = run("unshare", "-m", "sh", "-c", script, TOOL, "live", "--for", "100ms")
    if answer[0] == 99 or "unshare" in answer[2]:
        print("tracefs cannot be made read-only here:", answer)
        return
    refused(answer, "Read-only file system", "mount -o remount,rw")


def without_privilege():
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        tool = shutil.copy(TOOL, directory)
        os.chmod(tool, 0o755)
        for command in ("live", "doctor"):
            try:
                answer = run(tool, command, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/")
            except OSError as e:
                print("another user cannot be tried here:", e)
                return
            refused(answer, "ermission denied", "sudo kmem-analyze")


def missing_events(document):
    """What doctor calls impossible live refuses, and the other way round."""
    for report in document["reports"]:
        name, impossible = report["name"], report["verdict"] == "impossible"
        answer = run(TOOL, "live", "-r", name, "--json", "--for", "1ms")
        assert impossible == ("this kernel has none of the events that %s needs" % name in answer[2]), (report, answer)
        if name == "cma" and not impossible and "page_ref:page_ref_set" in json.dumps(report["reasons"]):
            # possible, but hardly: nothing isolates pages within a millisecond
            assert answer[0] == 3 and answer[2].count("\n") == 1, answer
            for word in ("this kernel has no ", "page_ref:page_ref_set", "kmem-analyze doctor -r cma"):
                assert word in answer[2], (word, answer)
        if impossible:
            refused(answer, "kmem-analyze doctor")
            assert run(TOOL, "doctor", "-r", name)[0] == 3
            assert report["record"] == {"trace_cmd": None, "perf": None, "live": None}


def doctor():
    status, text, err = run(TOOL, "doctor")
    assert status == 0 and not err, (status, err)
    assert max(map(len, text.splitlines())) <= 100
    status, out, err = run(TOOL, "doctor", "--json")
    document = json.loads(out)
    assert status == 0 and document["source"] == "this kernel"
    tracefs.check_json([document], SOURCE, "kmem-analyze-doctor-1.schema.json")
    for report in document["reports"]:
        for event in report["events"]:
            assert os.path.isdir("%s/events/%s" % (tracefs.DIR, event.replace(":", "/"))), event
            assert "-e %s " % event in report["record"]["trace_cmd"]
            assert "-e %s " % event in report["record"]["perf"]
        if report["name"] == "alloc_lock" and report["events"]:
            assert " -T " in report["record"]["trace_cmd"] and " -g " in report["record"]["perf"]
        # what the text shows in several lines is the same command
        if report["record"]["trace_cmd"]:
            assert report["record"]["trace_cmd"] in re.sub(r" \\\n +", " ", text)
    if "-e lock:contention_begin" in text:
        # for all reports at once, stacks behind that event only
        assert " -e lock:contention_begin -R stacktrace " in document["record"]["trace_cmd"], document["record"]
        assert " -e lock:contention_begin/call-graph=fp/ " in document["record"]["perf"], document["record"]
    clock = document["clock"]
    with open(tracefs.DIR + "/trace_clock", encoding="ascii") as f:
        assert clock in f.read().replace("[", "").replace("]", "").split()
    return document


def doctor_trace():
    """Of a trace it says what the reports over that trace say."""
    for name in sorted(os.listdir(os.path.join(SOURCE, "testdata"))):
        path = os.path.join(SOURCE, "testdata", name)
        if not name.endswith(".dat"):
            continue
        status, out, _ = run(TOOL, "doctor", "--json", path)
        assert status == 0, name
        document, reports = json.loads(out), json.loads(run(TOOL, "--json", path)[1])["reports"]
        tracefs.check_json([document], SOURCE, "kmem-analyze-doctor-1.schema.json")
        for verdict, report in zip(document["reports"], reports):
            assert verdict["name"] == report["name"]
            assert (verdict["verdict"] == "impossible") == (report["status"] == "unavailable"), (name, verdict)
            if verdict["verdict"] == "exact":
                assert all(m["status"] == "exact" for m in report["metrics"] if not m["labels"]), (name, verdict)
            cheap = verdict["cheap"]
            assert (cheap is not None) == (verdict["name"] == "zone_lock")
            if cheap:
                assert cheap["events"] == ["kmem:mm_zone_lock_contended"], cheap
                assert "-e kmem:mm_zone_lock_contended COMMAND" in cheap["record"]["trace_cmd"]
        text = run(TOOL, "doctor", path)[1]
        assert max(map(len, text.splitlines())) <= 100, name
    text = " ".join(run(TOOL, "doctor", os.path.join(SOURCE, "testdata", "zone-base.dat"))[1].split())
    assert "kmem:kmalloc, kmem:kfree, kmem:kmem_cache_alloc and kmem:kmem_cache_free are not in the trace" in text
    assert "extfrag impossible kmem:mm_page_alloc_extfrag is not in the trace: the kernel lacks it" in text
    assert "-e page_ref:page_ref_freeze" in text and "-e cma:cma_alloc " not in text
    refused(run(TOOL, "doctor", "/no/such/trace.dat"), "/no/such/trace.dat")


doctor_trace()
tracefs.need()
before = tracefs.snapshot()
missing_events(doctor())
without_tracefs(["live", "--for", "100ms"])
without_tracefs(["doctor"])
read_only()
without_privilege()
changed = tracefs.difference(before, tracefs.snapshot())
assert not changed, changed
