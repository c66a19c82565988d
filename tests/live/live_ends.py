#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever ends a live recording, and whenever: tracefs is as it was, and what SIGKILL leaves the next run removes.
Usage: live_ends.py KMEM_ANALYZE SOURCE_DIR [SEED]"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tracefs  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
COMMAND = ["--", "sh", "-c", "while :; do cat /proc/self/maps >/dev/null; done"]


def start(*args):
    """In a group of its own: a command that the tool leaves running is found by it."""
    return subprocess.Popen([TOOL, "live", *args], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            universal_newlines=True, start_new_session=True)


def child_of(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def end(tool, how, after):
    """Returns what the tool leaves of itself on standard error."""
    time.sleep(after)
    children = child_of(tool.pid)
    if how == "child":
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        if not children:
            tool.send_signal(signal.SIGTERM)
    else:
        tool.send_signal(how)
    tool.wait(timeout=60)
    # a command that the signal was not meant for goes on
    try:
        os.killpg(tool.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return tool.communicate()[1]


def settle(before):
    changed = tracefs.difference(before, tracefs.snapshot())
    assert not changed, changed


def signals(before, rounds):
    ways = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, "child"]
    for i in range(rounds):
        how = ways[i % len(ways)]
        # most of what there is to be undone is done in the first tenths
        after = random.choice((random.uniform(0, 0.15), random.uniform(0, 0.8)))
        tool = start("--json", *(COMMAND if how == "child" or random.random() < 0.5 else []))
        err = end(tool, how, after)
        # before it catches them, signals end it as they end any program, with nothing made yet
        assert tool.returncode in (0, 3, -how if isinstance(how, int) else -signal.SIGTERM), (how, after, tool.returncode, err)
        assert "Sanitizer" not in err, err
        settle(before)


def killed(before, rounds):
    left = 0
    for _ in range(rounds):
        tool = start("--json", "--for", "20s")
        end(tool, signal.SIGKILL, random.uniform(0, 0.5))
        left += len(tracefs.instances()) > 0
        assert len(tracefs.instances()) <= 1, tracefs.instances()
    # one that is in use is nobody's leftover
    tool = start("--json", "--for", "20s")
    while not any(str(tool.pid) in name for name in tracefs.instances()):
        time.sleep(0.01)
    time.sleep(0.3)
    done = subprocess.run([TOOL, "live", "--json", "--", "cat", "/dev/null"], stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.returncode
    assert [str(tool.pid) in name for name in tracefs.instances()] == [True], tracefs.instances()
    end(tool, signal.SIGINT, 0)
    settle(before)
    assert left, "no killed run has left anything: nothing was tested"


def errors(before):
    """Output that cannot be written, at once or midway."""
    with open("/dev/full", "w", encoding="ascii") as full:
        for args in (["--json", "--for", "300ms"], ["--json", "--for", "2s", "--interval", "100ms"]):
            done = subprocess.run([TOOL, "live", *args], stdout=full, stderr=subprocess.PIPE, check=False,
                                  universal_newlines=True)
            assert done.returncode == 2 and done.stderr.count("\n") == 1, (done.returncode, done.stderr)
            settle(before)
    for path in ("/no/such/directory/live.dat", "/dev/full"):
        done = subprocess.run([TOOL, "live", "--for", "300ms", "--quiet", "--save", path], check=False,
                              stderr=subprocess.PIPE, universal_newlines=True)
        assert done.returncode == 2 and path in done.stderr, (done.returncode, done.stderr)
        settle(before)
    # a reader that goes away
    reader, writer = os.pipe()
    tool = subprocess.Popen([TOOL, "live", "--json", "--interval", "100ms", "--for", "20s"], stdout=writer,
                            stderr=subprocess.DEVNULL)
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    assert tool.wait(timeout=30) == 2
    settle(before)


tracefs.need()
print("seed", SEED)
random.seed(SEED)
with tempfile.TemporaryDirectory() as directory:
    os.chdir(directory)
    # what a run before this one has left is not to be counted
    subprocess.run([TOOL, "live", "--quiet", "--", "true"], stderr=subprocess.DEVNULL, check=False)
    first = tracefs.snapshot()
    assert not first["instances"], first["instances"]
    signals(first, 25)
    killed(first, 8)
    errors(first)
print("tracefs is as it was")
