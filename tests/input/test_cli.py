#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: what each option does, and that every bad input gives one clear line and the
right exit status. Usage: test_cli.py KMEM_ANALYZE MKTRACE MKBIG TESTDATA [terminal]
With "terminal", only what depends on one, which takes longer."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile

TOOL, MKTRACE, MKBIG, TESTDATA = (os.path.abspath(a) for a in sys.argv[1:5])
OK, ERROR, INCONCLUSIVE = 0, 2, 3
CLEAN = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "LC_ALL", "LANG")}
failures = []
checks = 0


def check(what, good, detail=""):
    global checks
    checks += 1
    if not good:
        failures.append(what)
        print(f"FAILED: {what}: {detail}", file=sys.stderr)


def run(*args, env=None, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL)
    kw.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run([TOOL, *args], stderr=subprocess.PIPE, timeout=120,
                          env={**CLEAN, **(env or {})}, **kw)
    return done.returncode, done.stdout or b"", done.stderr.decode("utf-8", "replace")


def good(*args, **kw):
    status, out, err = run(*args, **kw)
    check(f"{args} works", status == OK and not err, f"status {status}, {err!r}")
    return out.decode()


def bad(expected, *args, says=(), empty=True, **kw):
    """One line that says what is wrong; by default with nothing on standard output."""
    status, out, err = run(*args, **kw)
    name = " ".join(args)[-70:]
    check(f"{name}: exit status {expected}", status == expected, f"{status}, {err!r}")
    lines = err.split("\n")
    check(f"{name}: one line", len(lines) == 2 and lines[1] == "", repr(err))
    check(f"{name}: printable", lines[0].isprintable(), repr(err))
    check(f"{name}: begins with the program", lines[0].startswith("kmem-analyze: "), repr(err))
    for word in says:
        check(f"{name}: says {word!r}", word in lines[0], repr(err))
    if empty:
        check(f"{name}: no output", not out, repr(out[:80]))
    return out.decode()


def write(name, data):
    with open(name, "wb") as out:
        out.write(data)
    return name


def trace(name, text, *sets):
    args = [MKTRACE]
    for word in sets:
        args += ["--set", word]
    done = subprocess.run([*args, "-", name], input=text.encode(), stderr=subprocess.PIPE,
                          env={**CLEAN, "ASAN_OPTIONS": "detect_leaks=0"})
    if done.returncode:
        sys.exit(f"mktrace: {done.stderr.decode()}")
    return name


def section(second, cpu):
    where = "node_id=0 name=Normal count=1"
    return (f"{second}.000000100 cpu{cpu} pid7 mm_zone_locked {where} contended=0 caller=0x1000 "
            f"wait_ns=0\n{second}.000000200 cpu{cpu} pid7 mm_page_pcpu_refill pfn={second} order=0 "
            f"migratetype=1\n{second}.000000300 cpu{cpu} pid7 mm_zone_lock_unlock {where} "
            f"caller=0x1000\n")


# ten sections, one a second from 101 on, on CPUs 0, 1, 2, 0, ...
KNOWN = "file clock=mono cpus=3\n" + "".join(section(101 + i, i % 3) for i in range(10))


def acquisitions(*args):
    report = json.loads(good("--json", *args))
    return sum(e["count"] for e in report["trace"]["events"]
               if e["event"] == "kmem:mm_zone_locked")


def migratetypes(*args):
    document = json.loads(good("--json", *args))
    return [(m["number"], m["name"], m["from"]) for m in document["trace"].get("migratetypes", [])]


def test_migratetypes():
    """The traced kernel's /proc/pagetypeinfo: Unmovable Movable Reclaimable HighAtomic CMA Isolate."""
    path = os.path.join(TESTDATA, "extfrag.dat")
    proven = [(0, "Unmovable", "trace"), (1, "Movable", "trace"), (2, "Reclaimable", "trace")]
    check("names by page", migratetypes("-r", "page", path) == proven)
    check("no names without page", migratetypes("-r", "extfrag", path) == [])
    check("--migratetypes from 0",
          migratetypes("-r", "page", "--migratetypes", "Unmovable,Movable", path) ==
          [(0, "Unmovable", "user"), (1, "Movable", "user"), proven[2]])
    check("--migratetypes with numbers",
          migratetypes("-r", "page", "--migratetypes=5=Isolate,1=Movable", path) ==
          [proven[0], (1, "Movable", "user"), proven[2], (5, "Isolate", "user")])
    check("--migratetypes goes first",
          migratetypes("-r", "page", "--migratetypes=1=Reclaimable", path) ==
          [proven[0], (1, "Reclaimable", "user")])
    text = good("-r", "page", "--migratetypes=1=Reclaimable", path)
    check("contradiction is told", "Movable is 1, Reclaimable is 2" in " ".join(text.split()), text)
    text = good("-r", "extfrag", "--migratetypes=0=Un,1=Mo", path)
    check("names in the text", "\n    0 Un        1 Mo " in text, text)
    check("metrics keep numbers",
          good("-r", "page", "--json", path).split('"metrics"')[1:] ==
          good("-r", "page", "--json", "--migratetypes=3=X", path).split('"metrics"')[1:])


def test_options():
    trace("known.dat", KNOWN)
    check("all", acquisitions("known.dat") == 10)
    check("--cpu 0", acquisitions("--cpu", "0", "known.dat") == 4)
    check("--cpu 1-2", acquisitions("--cpu", "1-2", "known.dat") == 6)
    check("--cpu 0,2", acquisitions("--cpu=0,2", "known.dat") == 7)
    check("--from", acquisitions("--from", "104", "known.dat") == 7)
    check("--to", acquisitions("--to", "104", "known.dat") == 3)
    check("--to is inclusive", acquisitions("--to", "104.0000001", "known.dat") == 4)
    check("--from --to", acquisitions("--from", "103", "--to", "107.5", "known.dat") == 5)
    check("+ from the start", acquisitions("--from", "+1", "known.dat") == 9)
    check("+ to the nanosecond",
          acquisitions("--from", "+1.000000001", "--to", "+2", "known.dat") == 1)
    check("own reader", acquisitions("--reader=own", "known.dat") == 10)
    check("libtracecmd", acquisitions("--reader", "libtracecmd", "known.dat") == 10)

    text = good("known.dat")
    check("text", text.startswith("Trace ") and "zone->lock" in text, text[:100])
    check("no escapes off a terminal", "\x1b" not in text)
    only = good("-r", "pcp", "known.dat")
    check("-r", len(only) < len(text), f"{len(only)} of {len(text)}")
    names = [r["name"] for r in json.loads(good("--json", "-r", "pcp", "known.dat"))["reports"]]
    check("-r pcp", names == ["pcp"], names)
    names = [r["name"] for r in json.loads(
        good("--json", "--report=pcp,zone_lock", "known.dat"))["reports"]]
    check("-r in fixed order", names == ["zone_lock", "pcp"], names)
    check("--quiet", good("--quiet", "known.dat") == "")
    check("-q", good("-q", "known.dat") == "")
    check("--top", len(good("--top", "1", "known.dat")) < len(good("--top=0", "known.dat")))
    check("--no-color", good("--no-color", "known.dat") == text)

    beside = good("--json=beside.json", "known.dat")
    check("--json=FILE beside the text", beside == text)
    with open("beside.json") as f:
        check("the same JSON", f.read() == good("--json", "known.dat"))
    check("--json=FILE -q", good("-q", "--json=beside.json", "known.dat") == "")
    check("--json=-", good("--json=-", "known.dat") == good("--json", "known.dat"))
    check("options behind the trace", good("known.dat", "--json") == good("--json", "known.dat"))
    check("JSON again is the same", good("--json", "known.dat") == good("--json", "known.dat"))

    shutil.copy("known.dat", "-q")
    check("--", good("--", "-q").startswith("Trace    -q"))
    with open("known.dat") as f:
        check("- is standard input", "Events" in good("-", stdin=f))

    check("--version", good("--version").startswith("kmem-analyze "))
    check("-V", good("-V") == good("--version"))
    usage = good("--help")
    check("--help", usage.startswith("Usage: kmem-analyze") and "Exit status" in usage)
    check("-h", good("-h") == usage)
    check("--list", "zone_lock.wait_ns" in good("--list") and "kmem:mm_zone_locked" in
          good("--list"))


def test_usage():
    bad(ERROR, says=["no trace", "--help"])
    bad(ERROR, "known.dat", "b.dat", says=["b.dat"])
    bad(ERROR, "live", "ls", "known.dat", says=['"--"', "ls"])
    for value in ("", "x", "-1s", "0", "10d", "1ns", "inf"):
        bad(ERROR, "live", "--for", value, says=["--for", "10s"])
        bad(ERROR, "live", "--interval", value, says=["--interval"])
    for value in ("", "x", "0", "1K", "8T", "-8M", "99999999999999999999"):
        bad(ERROR, "live", "--buffer-size", value, says=["--buffer-size", "8M"])
    bad(ERROR, "live", "--cpu", "0", says=["--cpu", "live"])
    bad(ERROR, "--save", "out.dat", "known.dat", says=["--save"])
    bad(ERROR, "doctor", "--top", "3", says=["--top", "doctor"])
    bad(ERROR, "doctor", "known.dat", "b.dat", says=["b.dat"])
    bad(ERROR, "--foo", "known.dat", says=["--foo", "--help"])
    bad(ERROR, "--t", "3", "known.dat", says=["--t", "ambiguous"])
    bad(ERROR, "-x", "known.dat", says=["-x"])
    bad(ERROR, "-qx", "known.dat", says=["-x"])
    bad(ERROR, "--quiet=3", "known.dat", says=["--quiet", "no value"])
    bad(ERROR, "known.dat", "--top", says=["--top", "value"])
    bad(ERROR, "known.dat", "-r", says=["-r", "value"])
    for value in ("", "-1", "x", "3x", "99999999999", "1.5"):
        bad(ERROR, f"--top={value}", "known.dat", says=["--top", f'"{value}"'])
    for value in ("", "x", "1-", "-1", "3-2", "1,,2", "70000", "1 2"):
        bad(ERROR, f"--cpu={value}", "known.dat", says=["--cpu", f'"{value}"'])
    for option in ("--from", "--to"):
        for value in ("", "x", "+", ".", "1e3", "-1", "1s", "99999999999999999999"):
            bad(ERROR, f"{option}={value}", "known.dat", says=[option, f'"{value}"'])
    for value in ("", "A,", "A,1=B", "0=A,0=B", "256=A", "A B"):
        bad(ERROR, f"--migratetypes={value}", "known.dat", says=["--migratetypes", f'"{value}"'])
    bad(ERROR, "--reader=perf", "known.dat", says=["--reader", "perf", "libtracecmd"])
    bad(ERROR, "-r", "zone_lock,bogus", "known.dat", says=["bogus", "--list"])
    bad(ERROR, "-r", "", "known.dat", says=["--list"])
    bad(ERROR, "--buffer", "nope", "known.dat", says=["known.dat", "nope"])
    bad(INCONCLUSIVE, "--cpu", "77", "known.dat", says=["--cpu"], empty=False)
    bad(INCONCLUSIVE, "--from", "999", "known.dat", says=["--from"], empty=False)


def test_no_trace():
    bad(INCONCLUSIVE, "missing.dat", says=["missing.dat", "No such file"])
    bad(INCONCLUSIVE, write("line\nbreak\x1b[31m", b"x"), says=["line?break?[31m"])
    bad(INCONCLUSIVE, ".", says=["directory"])
    bad(INCONCLUSIVE, write("empty.dat", b""), says=["empty.dat", "empty", "trace-cmd"])
    bad(INCONCLUSIVE, write("text.dat", b"hello, world\n" * 99),
        says=["neither a trace.dat", "record"])
    bad(INCONCLUSIVE, write("short.dat", b"\x17\x08\x44trac"), says=["neither a trace.dat"])
    bad(INCONCLUSIVE, "/dev/null", says=["nothing came", "trace.dat"])
    bad(INCONCLUSIVE, write("gzip.dat", b"\x1f\x8b" + bytes(99)), says=["gzip", "zcat FILE"])
    bad(INCONCLUSIVE, write("perf.data", b"PERFILE2" + bytes(99)), says=["perf script -i FILE"])

    os.chmod("known.dat", 0)
    if os.geteuid():
        bad(INCONCLUSIVE, "known.dat", says=["Permission denied"])
    elif shutil.which("setpriv"):
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        done = subprocess.run([*drop, TOOL, "--version"], capture_output=True)
        os.chmod(".", 0o755)
        if done.returncode == 0:
            done = subprocess.run([*drop, TOOL, os.path.abspath("known.dat")], capture_output=True)
            check("no permission", done.returncode == INCONCLUSIVE and
                  b"Permission denied" in done.stderr, done.stderr)
        else:
            print("no permission: not tested, as nobody may not run the program here")
    else:
        print("no permission: not tested, as this is root and there is no setpriv")
    os.chmod("known.dat", 0o644)


def test_poor_traces():
    for version in ("6", "7"):
        name = trace(f"latency{version}.dat", "file\ntext \"# tracer: wakeup\"\n",
                     f"version={version}")
        bad(INCONCLUSIVE, name, says=["latency", "record"])
    bad(INCONCLUSIVE, os.path.join(TESTDATA, "record-v7.bin"), says=["header", "pipe", "-o FILE"])

    # what trace-cmd writes into a pipe: everything but the table of CPU data
    data = bytearray(open(trace("v6.dat", KNOWN, "version=6"), "rb").read())
    table = data.index(b"flyrecord\0") + 10
    data[table:table + 16 * 3] = bytes(16 * 3)
    bad(INCONCLUSIVE, write("pipe6.dat", bytes(data)), empty=False,
        says=["no event data", "30 events", "pipe", "-o FILE"])

    other = trace("other.dat", "file clock=mono\n1.0 cpu0 pid1 kmalloc ptr=1\n"
                  "1.1 cpu0 pid1 kfree ptr=1\n1.2 cpu0 pid1 kfree ptr=1\n")
    bad(INCONCLUSIVE, "-r", "zone_lock", other, empty=False,
        says=["zone_lock", "kmem:kfree (2)", "kmem:kmalloc (1)", "trace-cmd record"])
    bad(INCONCLUSIVE, "-r", "zone_lock",
        trace("none.dat", "file clock=mono\nevent mm_zone_locked\n"), empty=False,
        says=["no event at all", "trace-cmd record"])

    trace("field.dat", "file clock=mono\n"
          "event kmem:mm_zone_locked id=300 int node_id, int count\n"
          "1.0 cpu0 pid1 mm_zone_locked node_id=1 count=2\n")
    status, out, err = run("-r", "zone_lock", "field.dat")
    check("a format without a field is told", b"has no field name" in out, out)
    check("a format without a field: status", status in (OK, INCONCLUSIVE), (status, err))

    clocks = trace("clocks.dat", KNOWN + "buffer other clock=global\n" + section(200, 0))
    bad(ERROR, clocks, says=["mono", "global", "--buffer"])
    check("one buffer", acquisitions("--buffer=other", clocks) == 1)
    check("the top buffer", acquisitions("--buffer=", clocks) == 10)


def test_damaged():
    data = bytearray(open("known.dat", "rb").read())
    for version in (5, 8):
        changed = bytearray(data)
        changed[10] = ord("0") + version
        bad(INCONCLUSIVE, write("version.dat", bytes(changed)),
            says=[f"version {version}", "6 and 7", "trace-cmd"])
    changed = data[:18] + b"lzma\0" + data[data.index(0, 18) + 1:]
    bad(INCONCLUSIVE, write("lzma.dat", bytes(changed)), says=["lzma", "zstd"])
    for size in range(10, 60, 7):
        bad(INCONCLUSIVE, write("cut.dat", bytes(data[:size])), empty=False, says=["cut.dat"])
    out = bad(INCONCLUSIVE, write("cut.dat", bytes(data[:len(data) * 2 // 3])), empty=False,
              says=["cut.dat", "only partly readable"])
    check("what is there of a cut file is shown", out.startswith("Trace "), out[:60])
    json.loads(bad(INCONCLUSIVE, "--json", "cut.dat", empty=False, says=["cut.dat"]))
    bad(INCONCLUSIVE, "--quiet", "cut.dat", says=["cut.dat"])
    long = "d" * 250
    bad(INCONCLUSIVE, f"{long}/../{long}/{long}/x.dat", says=["ddd"])


def test_output():
    for args in (["known.dat"], ["--json", "known.dat"], ["--help"], ["--list"], ["--version"]):
        with open("/dev/full", "w") as full:
            bad(ERROR, *args, stdout=full, says=["standard output", "No space left"])
    bad(ERROR, "--json=/dev/full", "known.dat", empty=False, says=["/dev/full", "No space left"])
    bad(ERROR, "--json=missing/x.json", "known.dat", empty=False, says=["missing/x.json"])
    bad(ERROR, "--json=.", "known.dat", empty=False, says=["directory"])


def on_terminal(args, env=None):
    """Runs the tool with standard output and error on a terminal; what appears on it."""
    master, slave = pty.openpty()
    process = subprocess.Popen([TOOL, *args], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                               env={**CLEAN, "TERM": "xterm", **(env or {})})
    os.close(slave)
    shown = b""
    while select.select([master], [], [], 120)[0]:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(master)
    return process.wait(), shown


def test_terminal():
    status, shown = on_terminal(["known.dat"])
    check("colour on a terminal", status == OK and b"\x1b[" in shown)
    for args, env in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
        status, shown = on_terminal([*args, "known.dat"], env)
        check(f"no colour with {args or env}", status == OK and b"\x1b[" not in shown)
    status, shown = on_terminal(["known.dat"], {"NO_COLOR": ""})
    check("an empty NO_COLOR counts for nothing", b"\x1b[" in shown)

    # long enough for the progress line, which waits for a second
    events = 400000
    while events < 30000000:
        subprocess.run([MKBIG, "--events", str(events), "big.dat"], check=True)
        status, shown = on_terminal(["big.dat"])
        check("a big file is read", status == OK, status)
        if b"reading:" in shown:
            break
        events *= 4
    check("progress on a terminal", b"reading:" in shown and b"%" in shown, shown[:200])
    status, shown = on_terminal(["--quiet", "big.dat"])
    check("no progress with --quiet", status == OK and shown == b"", shown[:200])
    status, out, err = run("big.dat")
    check("no progress off a terminal", status == OK and err == "", err[:200])
    os.unlink("big.dat")


def main():
    with tempfile.TemporaryDirectory(prefix="kma-cli-") as where:
        os.chdir(where)
        if sys.argv[5:] == ["terminal"]:
            trace("known.dat", KNOWN)
            test_terminal()
        else:
            test_options()
            test_migratetypes()
            test_usage()
            test_no_trace()
            test_poor_traces()
            test_damaged()
            test_output()
        os.chdir("/")
    print(f"{checks} checks, {len(failures)} failed")
    return 1 if failures else 0


sys.exit(main())
