#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The live screen on a terminal of 80 by 24 and of other sizes: it fits, keys work, and the terminal is as before.
Usage: live_screen.py KMEM_ANALYZE SOURCE_DIR"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tracefs  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])
ESCAPE = re.compile(r"\033\[[0-9;?]*[A-Za-z]")


class Terminal:
    def __init__(self, rows, columns, locale, *args):
        self.rows, self.columns = rows, columns
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(side)
        self.side = side
        self.tool = subprocess.Popen([TOOL, "live", *args], stdin=side, stdout=side, stderr=side,
                                     env=dict(os.environ, LC_ALL=locale, NO_COLOR=""), start_new_session=True)
        self.text = ""

    def watch(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.main], [], [], 0.05)[0]:
                self.text += os.read(self.main, 65536).decode("utf-8", "replace")

    def first(self):
        for _ in range(100):
            self.watch(0.1)
            if "\033[J" in self.text:
                break
        self.watch(0.1)
        return self.picture()

    def picture(self):
        """The lines of the picture drawn last, all of which fit."""
        drawn = [part.split("\033[J")[0] for part in self.text.split("\033[H")[1:] if "\033[J" in part]
        assert drawn, self.text[-300:]
        lines = [line.rstrip("\r") for line in ESCAPE.sub("", drawn[-1]).split("\n")]
        assert len(lines) <= self.rows, (len(lines), lines)
        for line in lines:
            assert len(line) <= self.columns, (len(line), repr(line))
        return lines

    def press(self, keys, seconds=0.4):
        os.write(self.main, keys.encode())
        self.watch(seconds)
        return self.picture()

    def end(self, status=0):
        for _ in range(100):
            self.watch(0.1)
            if self.tool.poll() is not None:
                break
        self.watch(0.2)
        assert self.tool.returncode == status, self.tool.returncode
        assert termios.tcgetattr(self.side) == self.before, "the terminal is not as before"
        assert "\033[?1049h" in self.text and "\033[?25h\033[?1049l" in self.text
        os.close(self.main)
        os.close(self.side)
        return ESCAPE.sub("", self.text.split("\033[?1049l")[-1])


def usual():
    t = Terminal(24, 80, "C.UTF-8")
    t.first()
    t.watch(1.5)
    lines = t.picture()
    assert len(lines) == 24, len(lines)
    assert re.match(r"kmem-analyze 00:00:0\d  [\d,]+ events/s  own CPU \d+\.\d %  lost 0", lines[0]), lines[0]
    assert "[0 overview]" in lines[1] and "q quit" in lines[-1], lines
    body = "\n".join(lines)
    for word in ("per second", "kmem:kmem_cache_alloc", "zone->lock", "slab call sites"):
        assert word in body, (word, body)
    reports = dict(re.findall(r"(\d) (\w+)", lines[1]))
    number = {name: key for key, name in reports.items()}
    for name, key in number.items():
        shown = t.press(key, 0.6)
        assert "[%s %s]" % (key, name) in shown[1] and any(line.strip() for line in shown[2:-1]), (name, shown)
    # the last one has no room beside the others, unless it is shown
    t.press("0")
    assert re.search(r"\[\d alloc_lock\]$", t.press("\033[D", 0.6)[1]), t.picture()
    assert "[0 overview]" in t.press("\033[C")[1]
    slab = t.press(number["slab"])
    assert "[%s slab]" % number["slab"] in slab[1] and any("allocations" in line for line in slab), slab
    scrolled = t.press("jjj", 0.2)
    assert scrolled[2:10] != slab[2:10], scrolled
    assert "[0 overview]" in t.press("0")[1]
    assert "[1 " in t.press("\t")[1] and "[0 " in t.press("\033[D")[1]
    still = t.press("p")
    assert "PAUSED" in still[0], still[0]
    t.watch(2.2)
    assert t.picture()[2:] == still[2:], "it goes on although paused"
    assert "PAUSED" not in t.press("p", 1.5)[0]
    # a smaller window is drawn anew
    t.rows, t.columns = 16, 60
    fcntl.ioctl(t.side, termios.TIOCSWINSZ, struct.pack("HHHH", 16, 60, 0, 0))
    t.tool.send_signal(signal.SIGWINCH)
    t.watch(0.4)
    t.picture()
    os.write(t.main, b"q")
    report = t.end()
    assert re.search(r"^Trace    this kernel, live\r?\nLive ", report, re.M), report[:200]


def other_ends():
    """Time, a signal, and a terminal that goes away; no UTF-8, no room."""
    t = Terminal(12, 40, "C", "--for", "3s", "--interval", "200ms")
    assert all(line.isascii() for line in t.first())
    t.end()
    t = Terminal(50, 200, "C.UTF-8")
    t.first()
    t.tool.send_signal(signal.SIGTERM)
    t.end()
    t = Terminal(24, 80, "C.UTF-8")
    t.first()
    os.close(t.side)
    os.close(t.main)
    t.tool.wait(timeout=20)


tracefs.need()
before = tracefs.snapshot()
with tracefs.Load():
    usual()
    other_ends()
changed = tracefs.difference(before, tracefs.snapshot())
assert not changed, changed
