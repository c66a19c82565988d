#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs what docs/fleet.md shows: with GNU parallel where it is installed, with Slurm where a cluster answers.
Usage: test_fleet.py KMEM_ANALYZE MKTRACE TESTDATA FLEET.MD; exit status 77 when neither is there"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from common import OK, Test, metrics

TOOL, MKTRACE, TESTDATA, PAGE = (os.path.abspath(a) for a in sys.argv[1:5])
NAMES = ("percpu.dat", "slab.dat", "zone-base.dat", "pcp-cross-cpu.dat")
test = Test(TOOL, MKTRACE)
with open(PAGE, encoding="utf-8") as page:
    BLOCKS = re.findall(r"^```sh (\S+)(?: (\S+))?\n(.*?)^```$", page.read(), re.M | re.S)


def answers(*command):
    return shutil.which(command[0]) and subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                                       check=False).returncode == 0


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def same(what, a, b):
    """The sums of two ways; order of files, and with it texts that name the first, may differ"""
    a, b = metrics(a), metrics(b)
    test.check(what + ": the same metrics", set(a) == set(b) and a, set(a) ^ set(b))
    for key in a:
        if a[key]["kind"] != "gauge":
            for part in ("value", "count", "sum", "buckets", "p99", "status"):
                test.check("%s: %s %s" % (what, key, part), a[key].get(part) == b.get(key, {}).get(part))


def run_blocks(engine):
    """The page's blocks for @engine, in a folder as the page describes it"""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "traces"))
        for name in NAMES:
            shutil.copy(os.path.join(TESTDATA, name), os.path.join(folder, "traces"))
        commands = [text for kind, file, text in BLOCKS if kind == engine and not file]
        for kind, file, text in BLOCKS:
            if kind == engine and file:
                with open(os.path.join(folder, file), "w", encoding="utf-8") as script:
                    script.write(text)
        test.check("the page has blocks for " + engine, commands)
        done = subprocess.run(["sh", "-eu"], input="\n".join(commands), cwd=folder, check=False, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                              env=dict(os.environ, PATH=os.path.dirname(TOOL) + ":" + os.environ["PATH"]))
        if not test.check(engine + " works", done.returncode == OK, done.stdout):
            return
        os.chdir(folder)
        direct = json.loads(test.good("merge", "--json", *("traces/" + n for n in NAMES)))
        same(engine, load("fleet.json"), direct)
        if engine == "parallel":
            same("in steps", load("steps.json"), direct)
            with open("zone_lock.txt", encoding="utf-8") as text:
                test.check("printed again", "zone->lock: who held it" in text.read())
            with open("fleet.txt", encoding="utf-8") as text:
                test.check("text", "results of 4 traces as one" in " ".join(text.read().split()))
        os.chdir("/")


def main():
    engines = [engine for engine, command in (("parallel", ("parallel", "--version")), ("slurm", ("sinfo",)))
               if answers(*command)]
    for engine in engines:
        print("running the blocks for " + engine)
        run_blocks(engine)
    if not engines:
        print("skipped: neither GNU parallel nor a Slurm cluster is here")
        return 77
    return test.end()


if __name__ == "__main__":
    sys.exit(main())
