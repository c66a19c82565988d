#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Times kmem-analyze against its limits and its peers, and writes the tables of docs/performance.md.

Machines drift and are noisy: what is compared runs in turns, and each ratio is the median of those of one turn.
"""
import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(TOP, "docs", "performance.md")
COUNTS = os.path.join(TOP, "bench", "instructions.txt")
TOLERANCE = 0.05  # of instructions
REPORT_LINES = 300000
SMALL = ("pcp-cross-cpu", "extfrag", "slab", "cma-ok", "zone-base")  # the first has most records: 72,273


def run(command, shell=False):
    """Wall seconds, CPU seconds, and the largest anonymous memory seen, in KiB."""
    before, start, anonymous = os.times(), time.monotonic(), 0
    process = subprocess.Popen(command, shell=shell, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            with open("/proc/%d/status" % process.pid, encoding="ascii") as status:
                found = re.search(r"RssAnon:\s+(\d+)", status.read())
            anonymous = max(anonymous, int(found.group(1)) if found else 0)
            process.wait(0.002 if time.monotonic() - start < 0.1 else 0.02)
        except (OSError, subprocess.TimeoutExpired):
            pass
    wall, after = time.monotonic() - start, os.times()
    if process.returncode not in (0, 3):  # 3: a report that was asked for has no events here
        sys.exit("%s: exit status %d" % (command, process.returncode))
    return wall, after.children_user + after.children_system - before.children_user - before.children_system, anonymous


def quick(command):
    """Wall seconds without looking at the memory."""
    start = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.monotonic() - start


def warm(path):
    """Into the page cache: some machines take unused pages out of it within seconds."""
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(1 << 20)
        while file.readinto(buffer):
            pass


def run_warm(command):
    warm(command[-1])
    return run(command)


def turns(commands, rounds, how=run):
    """For each command the list of its runs; the first round only warms up."""
    results = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            result = how(command)
            if turn:
                results[name].append(result)
    return results


def median(runs, at=0):
    return statistics.median(r[at] for r in runs)


def ratio(runs, others):
    return statistics.median(a[0] / b[0] for a, b in zip(runs, others))


class Bench:
    def __init__(self, options):
        self.build, self.rounds, self.tmp = options.build, options.rounds, options.tmp
        self.analyze = self.path("src/kmem-analyze")
        self.lines = []

    def path(self, name):
        return os.path.join(self.build, name)

    def say(self, *lines):
        for line in lines:
            print(line, flush=True)
            self.lines.append(line)

    def tool(self, *arguments):
        return [self.analyze, "--quiet", *arguments]

    def big(self, trace):
        events = int(subprocess.run([self.path("bench/walk_pages"), trace], stdout=subprocess.PIPE, check=True).stdout)
        commands = {
            "walk": [self.path("bench/walk_pages"), trace],
            "all": self.tool(trace),
            "one": self.tool("--jobs", "1", trace),
            "zone_lock": self.tool("--report", "zone_lock", trace),
            "libtracecmd": [self.path("bench/count_tracecmd"), trace],
            "kbuffer": [self.path("bench/walk_pages"), "--kbuffer", trace],
        }
        packed = self.pack(trace)
        if packed:
            commands["zstd"] = self.tool(packed)
            commands["unpack"] = [self.path("bench/unpack_chunks"), "2", packed]
        r = turns(commands, self.rounds, run_warm)
        report = self.report_rate(trace)
        self.say("", "%.1f million records, %d MiB, %d CPUs." % (
            events / 1e6, os.path.getsize(trace) >> 20, os.cpu_count()), "",
            "| what | seconds | CPU seconds | million records/s | times the page walk |", "|---|---|---|---|---|")
        for name, title in (
                ("walk", "walk the pages, count records by id (`bench/walk_pages`)"),
                ("kbuffer", "the same through libtraceevent's kbuffer (`walk_pages --kbuffer`)"),
                ("all", "**all reports**"), ("one", "all reports, `--jobs 1`"),
                ("zone_lock", "**zone_lock alone**"),
                ("libtracecmd", "count with `tracecmd_iterate_events` (`bench/count_tracecmd`)"),
                ("zstd", "**all reports, the same compressed with zstd**"),
                ("unpack", "unpack its chunks with two threads (`bench/unpack_chunks`)")):
            if name in r:
                self.say("| %s | %.2f | %.2f | %.1f | %.2f |" % (
                    title, median(r[name]), median(r[name], 1), events / median(r[name]) / 1e6,
                    ratio(r[name], r["walk"])))
        self.say("| `trace-cmd report`, its first %d lines | | | %.2f | |" % (REPORT_LINES, report / 1e6))
        anonymous = max(a for name in ("all", "one", "zstd") if name in r for _, _, a in r[name])
        rows = [("all reports / page walk", ratio(r["all"], r["walk"]), "at most 5"),
                ("libtracecmd's loop / all reports", ratio(r["libtracecmd"], r["all"]), "at least 8"),
                ("all reports / trace-cmd report, records/s", events / median(r["all"]) / report, "at least 150"),
                ("zone_lock alone / page walk", ratio(r["zone_lock"], r["walk"]), "at most 2.5"),
                ("anonymous memory, MiB, with what is alive", anonymous / 1024, "48 and what is alive")]
        if packed:
            rows.insert(3, ("zstd / (1.3 uncompressed + unpacking)", statistics.median(
                z[0] / (1.3 * a[0] + u[0]) for z, a, u in zip(r["zstd"], r["all"], r["unpack"])), "at most 1"))
        self.say("", "| ratio | measured | wanted |", "|---|---|---|")
        for title, value, wanted in rows:
            self.say("| %s | %.2f | %s |" % (title, value, wanted))

    def pack(self, trace):
        """The same trace, compressed, or None."""
        packed = os.path.join(self.tmp, "zstd.dat")
        if not shutil.which("trace-cmd") or quick(
                ["trace-cmd", "convert", "-i", trace, "-o", packed, "--compression", "zstd"]) == 0:
            return None
        return packed if os.path.exists(packed) else None

    @staticmethod
    def report_rate(trace):
        command = "trace-cmd report -i %s 2>/dev/null | head -n %d" % (trace, REPORT_LINES)
        return REPORT_LINES / run(command, shell=True)[0]

    def small(self):
        traces = {name: os.path.join(TOP, "testdata", name + ".dat") for name in SMALL}
        commands = {"kmem-analyze %s (%d KiB)" % (name, os.path.getsize(trace) >> 10): [self.analyze, trace]
                    for name, trace in traces.items()}
        commands["trace-cmd report " + SMALL[0]] = ["trace-cmd", "report", "-i", traces[SMALL[0]]]
        data = os.path.join(self.tmp, "perf.data")
        quick(["perf", "kmem", "--slab", "record", "-o", data, "sleep", "0.05"])
        if os.path.exists(data):
            commands["perf kmem stat --slab (on a recording of its own, %d KiB)" % (os.path.getsize(data) >> 10)] = [
                "perf", "kmem", "--slab", "stat", "-i", data]
        commands = {name: c for name, c in commands.items() if os.path.exists(c[0]) or shutil.which(c[0])}
        results = turns(commands, 3 * self.rounds, quick)
        self.say("", "Small traces of testdata, from start to exit:", "", "| what | milliseconds |", "|---|---|")
        for name, runs in results.items():
            self.say("| %s | %.1f |" % (name, 1000 * statistics.median(runs)))

    def curve(self, title, column, points):
        """@points: (label, arguments of mkbig, of kmem-analyze, events)."""
        traces = {}
        for label, make, extra, _ in points:
            trace = os.path.join(self.tmp, "curve-%s.dat" % label)
            subprocess.run([self.path("tests/tools/mkbig"), *make, trace], check=True)
            traces[label] = self.tool(*extra, trace)
        results = turns(traces, self.rounds, run_warm)
        self.say("", title, "", "| %s | CPU ns a record | records/s, relative | anonymous MiB |" % column, "|---|---|---|---|")
        first = None
        for label, _, _, events in points:
            cost = median(results[label], 1) / events * 1e9
            first = first or cost
            self.say("| %s | %.1f | %.2f | %.1f |" % (
                label, cost, first / cost, max(a for _, _, a in results[label]) / 1024))
        for label in traces:
            os.remove(os.path.join(self.tmp, "curve-%s.dat" % label))

    def curves(self, most):
        self.curve("Length of the trace (written, 4 CPUs, all reports):", "million records", [
            ("%d" % n, ["--events", str(n * 1000000), "--cpus", "4"], [], n * 1000000)
            for n in (1, 4, 16, 64) if n <= most])
        self.curve("CPUs (written, 16 million records, all reports):", "CPUs", [
            ("%d" % n, ["--events", "16000000", "--cpus", str(n)], [], 16000000) for n in (2, 8, 64, 256)])
        self.curve("Live slab objects (written; twice as many records, and 4 million; the slab report):", "objects", [
            ("%d" % n, ["--events", str(2 * n + 4000000), "--cpus", "2", "--live", str(n)],
             ["--report", "slab"], 2 * n + 4000000) for n in (1000, 10000, 100000, 1000000, 10000000)])

    def instructions(self, update):
        """Instructions for a fixed trace: they do not depend on the machine's mood. False if there are more."""
        compiler = subprocess.run(["cc", "-dumpfullversion"], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
        trace = os.path.join(self.tmp, "fixed.dat")
        subprocess.run([self.path("tests/tools/mkbig"), "--events", "300000", "--cpus", "4", trace], check=True)
        counted = {}
        for reports in ("zone_lock", "pcp", "page", "slab", "zone_lock,pcp,page,slab,extfrag,percpu"):
            done = subprocess.run(
                ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *self.tool(
                    "--jobs", "1", "--report", reports, trace)], stderr=subprocess.PIPE, text=True, check=False)
            found = re.search(r"Collected : (\d+)", done.stderr)
            if not found:
                sys.exit("callgrind counted nothing:\n" + done.stderr)
            counted[reports] = int(found.group(1)) / 300000
        known = {}
        if os.path.exists(COUNTS):
            with open(COUNTS, encoding="ascii") as file:
                known = dict(line.rsplit(None, 1) for line in file if not line.startswith("#"))
        self.say("", "Instructions a record (callgrind, 300,000 written records, one thread, gcc %s):" % compiler, "",
                 "| reports | instructions | kept in bench/instructions.txt |", "|---|---|---|")
        fine = True
        for reports, count in counted.items():
            self.say("| %s | %.0f | %s |" % (reports.replace(",", ", "), count, known.get(reports, "")))
            fine &= compiler != known.get("compiler") or reports not in known or \
                count <= float(known[reports]) * (1 + TOLERANCE)
        if update:
            with open(COUNTS, "w", encoding="ascii") as file:
                file.write("# Instructions a record of a fixed trace, as script/bench --update counted them.\n")
                file.write("compiler %s\n" % compiler)
                file.writelines("%s %.0f\n" % item for item in counted.items())
        elif not fine:
            print("MORE INSTRUCTIONS than bench/instructions.txt allows", file=sys.stderr)
        return fine or update


def write_page(lines):
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    begin, end = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"
    before, rest = text.split(begin)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(before + begin + "\n".join(lines) + "\n\n" + end + rest.split(end)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=int, default=64, help="million records of the longest written trace")
    parser.add_argument("--update", action="store_true", help="write docs/performance.md and bench/instructions.txt")
    parser.add_argument("--instructions", action="store_true", help="count instructions only")
    parser.add_argument("--build", default=os.path.join(TOP, "build", "release"))
    parser.add_argument("trace", nargs="?", help="a large uncompressed trace")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kmem-analyze-bench.") as options.tmp:
        bench = Bench(options)
        if options.trace:
            with open("/proc/cpuinfo", encoding="utf-8") as file:
                model = re.search(r"model name\s*: (.*)", file.read())
            bench.say("%s, %d CPUs, Linux %s. Medians of %d turns, files in the page cache." % (
                model.group(1) if model else platform.machine(), os.cpu_count(), platform.release().split("-")[0],
                options.rounds))
            bench.big(options.trace)
        if not options.instructions:
            bench.small()
            bench.curves(options.most)
        fine = bench.instructions(options.update)
    if options.update:
        write_page(bench.lines)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
