#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What live costs: its own CPU time while this kernel writes about so many events a second, which files made and
removed in a memory file system give. Usage: bench/live.py KMEM_ANALYZE [EVENTS_PER_SECOND [SECONDS]]"""

import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import time


class Load(threading.Thread):
    """Files made and removed at a rate that is set until the events come at the wanted one."""

    def __init__(self):
        super().__init__(daemon=True)
        self.rate, self.count = 2000.0, 0

    def run(self):
        with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
            path = directory + "/file"
            last = time.monotonic()
            while True:
                for _ in range(20):
                    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                    os.unlink(path)
                last = max(last + 20 / self.rate, time.monotonic() - 0.1)
                time.sleep(max(0.0, last - time.monotonic()))


def live(tool, seconds, args, screen=False):
    """Events a second, and the share of one CPU, that is used by all of it, start and last report included."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [tool, "live", "--for", "%fs" % seconds, *args]
        begin = time.monotonic()
        if screen:
            pid, main = pty.fork()
            if not pid:
                os.execv(tool, command)
            text = b""
            try:
                while chunk := os.read(main, 65536):
                    text += chunk
            except OSError:
                pass
            _, status, usage = os.wait4(pid, 0)
            rate = float(text.split(b" events/s")[-2].split()[-1].replace(b",", b""))
        else:
            process = subprocess.Popen(command, stdout=out)
            _, status, usage = os.wait4(process.pid, 0)
            with open(out.name, encoding="utf-8") as f:
                document = json.loads(f.readlines()[-1]) if "--interval" in args else json.load(f)
            rate = next(m["value"] for m in document["trace"]["metrics"]
                        if m["name"] == "trace.events_total" and not m["labels"]) / seconds
            if document["quality"]["lost_events"]:
                print("lost %d events" % document["quality"]["lost_events"])
        if status:
            sys.exit("%s: status %d" % (" ".join(command), status))
        return rate, (usage.ru_utime + usage.ru_stime) / (time.monotonic() - begin), usage.ru_maxrss


def main():
    tool = os.path.abspath(sys.argv[1])
    wanted = float(sys.argv[2]) if len(sys.argv) > 2 else 100000
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    load = Load()
    load.start()
    for _ in range(4):
        load.rate *= wanted / max(live(tool, 1, ["--json"])[0], 1)
    with tempfile.TemporaryDirectory() as directory:
        for what, args, screen in (("report at the end", ["--json"], False),
                                   ("a line a second", ["--json", "--interval", "1s"], False),
                                   ("the screen", [], True),
                                   ("kept as a file", ["--json", "--save", directory + "/live.dat"], False)):
            rate, share, kbytes = live(tool, seconds, args, screen)
            print("%-18s %9.0f events/s  %5.2f %% of a CPU  %6d KiB" % (what, rate, 100 * share, kbytes))


main()
