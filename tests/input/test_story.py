#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The story command: what it refuses, and a story longer than what is kept of it, whose numbers are
known. Usage: test_story.py KMEM_ANALYZE MKTRACE TESTDATA"""

import json
import os
import subprocess
import sys
import tempfile

TOOL, MKTRACE, TESTDATA = (os.path.abspath(a) for a in sys.argv[1:4])
KEPT = 100000  # steps of each end
ADDRESS = "0xff11000110dc4098"
failures = []


def check(what, good, detail=""):
    if not good:
        failures.append(what)
        print(f"FAILED: {what}: {detail}", file=sys.stderr)


def run(*args):
    done = subprocess.run([TOOL, "story", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, encoding="utf-8", check=False,
                          env={**os.environ, "LC_ALL": "C"})
    return done.returncode, done.stdout, done.stderr


def bad(status, *args, says):
    got, out, err = run(*args)
    name = " ".join(args)[-60:]
    check(f"{name}: exit status {status}", got == status, f"{got}, {err!r}")
    check(f"{name}: one line", err.count("\n") == 1 and err.startswith("kmem-analyze: "), repr(err))
    check(f"{name}: no output", status == 3 or not out, repr(out[:80]))
    for word in says:
        check(f"{name}: says {word!r}", word in err, repr(err))


def story(*args):
    status, out, err = run("--json", *args)
    check(f"{args} works", status == 0 and not err, f"status {status}, {err!r}")
    report = json.loads(out)["reports"][0]
    tables = {table["name"]: [dict(zip((c["name"] for c in table["columns"]), row)) for row in table["rows"]]
              for table in report["tables"]}
    return report, tables, {metric["name"]: metric["value"] for metric in report["metrics"]}


def test_usage(trace):
    bad(2, trace, says=["--pfn", "--ptr"])
    bad(2, "--pfn", "1", "--ptr", "1", trace, says=["one of the two"])
    bad(2, "--pfn", "1", says=["no trace", "kmem-analyze story"])
    bad(2, "--pfn", "1", trace, "b.dat", says=["b.dat"])
    for pfn in ("1-2", "0x1000+4"):
        bad(2, "--pfn", pfn, trace, says=["one page"])
    for pfn in ("", "x", "-1", "0x", "5-4", "1+0", "1 ", "99999999999999999999", "18446744073709551615"):
        bad(2, "--pfn=" + pfn, trace, says=["--pfn", f'"{pfn}"'])
    for ptr in ("", "0x", "-1", "12345678901234567", "0xfg", "0x0x1"):
        bad(2, "--ptr=" + ptr, trace, says=["--ptr", f'"{ptr}"'])
    for option in ("--report=page", "--nodes=1", "--list"):
        bad(2, option, "--pfn", "1", trace, says=[option.split("=")[0], "story"])
    bad(3, "--pfn", "1", "missing.dat", says=["missing.dat", "No such file"])
    bad(3, "--pfn", "1", trace, says=["none of the events that story needs", "page_ref:page_ref_mod"])
    bad(3, "--pfn", "010", os.path.join(TESTDATA, "zone-base.dat"), says=["no event concerns page 0xa:", "between"])
    bad(3, "--ptr", "123", trace, says=["no event concerns object 0x123", "between"])


def test_same(trace):
    """Either reader, and with or without 0x."""
    for args in (["--reader=libtracecmd", "--ptr", ADDRESS], ["--ptr", ADDRESS[2:]], ["--ptr", ADDRESS.upper()[2:]]):
        check(f"{args} tells the same", story("--ptr", ADDRESS, trace) == story(*args, trace))


def test_long():
    """Lives of three steps each, so that the ends of what is kept fall into a life."""
    lives = 2 * KEPT // 3 + 5001
    with open("long.scn", "w", encoding="ascii") as scenario:
        scenario.write("file version=7 compression=zstd clock=mono cpus=1\n")
        for life in range(lives):
            for at, text in enumerate(("page_ref_set pfn=0x10 count=1 val=1", "page_ref_mod pfn=0x10 count=2 val=1",
                                       "page_ref_mod_and_test pfn=0x10 count=0 val=-2 ret=1")):
                scenario.write(f"{1000 + 30 * life + 10 * at} cpu0 pid1 {text}\n")
    subprocess.run([MKTRACE, "long.scn", "long.dat"], check=True)
    report, tables, metrics = story("--pfn", "0x10", "long.dat")
    check("all steps are counted", metrics == {
        "story.steps_total": 3 * lives, "story.lives_total": lives, "story.references_taken_total": 2 * lives,
        "story.references_given_back_total": 2 * lives}, metrics)
    steps = tables["steps"]
    check("both ends are kept", len(steps) == 2 * KEPT + 1, len(steps))
    check("a row tells of those between", steps[KEPT]["event"] is None and
          f"{3 * lives - 2 * KEPT:,} steps" in steps[KEPT]["what"], steps[KEPT])
    check("the report says so", any(f"{3 * lives - 2 * KEPT:,} steps" in r for r in report["reasons"]), report["reasons"])
    check("the first step", steps[0]["time"] == 1000 and steps[0]["life"] == 1, steps[0])
    check("the last step", steps[-1]["time"] == 1000 + 30 * lives - 10 and steps[-1]["life"] == lives, steps[-1])
    for at, step in enumerate(steps[KEPT + 1:]):
        number = 3 * lives - KEPT + at
        if step["time"] != 1000 + 10 * number or step["life"] != number // 3 + 1 or step["count"] != (1, 2, 0)[number % 3]:
            check(f"step {number}", False, step)
            break
    whole = [life for life in tables["lives"] if life["steps"] is not None]
    check("lives told in full are whole", all(
        (life["steps"], life["references_taken"], life["most_references"], life["lasted_ns"]) == (3, 2, 2, 20)
        for life in whole), whole[:1])
    check("lives that are cut have no sums", len(tables["lives"]) - len(whole) == 2,
          len(tables["lives"]) - len(whole))
    text = run("--pfn", "0x10", "--top", "6", "long.dat")[1]
    check("the text is short", len(text.splitlines()) < 60 and "33,332 times more" in text, text)


def main():
    slab = os.path.join(TESTDATA, "slab.dat")
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        test_usage(slab)
        test_same(slab)
        test_long()
        os.chdir("/")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
