#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Times kmem-analyze against libtracecmd's counting loop on one file, in pairs, and prints the ratios.

Pairs in one run, as machines drift; the median of several, as they are noisy. Also the largest anonymous
memory, which is what grows with what is alive (the mapped file is the page cache's).
"""
import argparse
import os
import statistics
import subprocess
import sys
import time


def run(command):
    """Returns (wall seconds, user + system seconds, peak anonymous KiB, standard output)."""
    start = time.monotonic()
    before = os.times()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    anonymous = 0
    while process.poll() is None:
        try:
            with open("/proc/%d/status" % process.pid, encoding="ascii") as status:
                for line in status:
                    if line.startswith("RssAnon:"):
                        anonymous = max(anonymous, int(line.split()[1]))
        except (FileNotFoundError, ProcessLookupError):
            pass
        time.sleep(0.005)
    output = process.stdout.read()
    wall = time.monotonic() - start
    after = os.times()
    if process.returncode not in (0, 3):  # 3: a report that was asked for has no events here
        sys.exit("%s: exit status %d" % (" ".join(command), process.returncode))
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, anonymous, output


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--reports", default="", help="reports to time, as for -r; all by default")
    parser.add_argument("analyze", help="the kmem-analyze to time")
    parser.add_argument("count", help="the count_tracecmd to time it against")
    parser.add_argument("trace")
    arguments = parser.parse_args()
    ours = [arguments.analyze, "--quiet"]
    if arguments.reports:
        ours += ["-r", arguments.reports]
    ours.append(arguments.trace)
    theirs = [arguments.count, arguments.trace]

    events = int(run(theirs)[3])
    run(ours)
    rows = []
    print("%s: %d events, %d MiB; reports: %s" % (
        os.path.basename(arguments.trace), events, os.path.getsize(arguments.trace) >> 20,
        arguments.reports or "all"))
    print("pair  kmem-analyze          tracecmd_iterate_events  ratio  anonymous memory")
    for pair in range(arguments.pairs):
        mine, loop = run(ours), run(theirs)
        rows.append((mine, loop))
        print("%4d  %6.2f s %5.1f M/s     %6.2f s %5.1f M/s        %5.1f  %.1f MiB" % (
            pair + 1, mine[1], events / mine[1] / 1e6, loop[1], events / loop[1] / 1e6,
            loop[1] / mine[1], mine[2] / 1024))
    cpu = statistics.median(mine[1] for mine, _ in rows)
    ratio = statistics.median(loop[1] / mine[1] for mine, loop in rows)
    memory = max(mine[2] for mine, _ in rows) / 1024
    print("median: %.2f s of CPU, %.1f million events a second, %.1f times the counting loop; "
          "at most %.1f MiB anonymous" % (cpu, events / cpu / 1e6, ratio, memory))


if __name__ == "__main__":
    main()
