# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of diff and merge share: running the tool, checking, and results taken apart."""

import json
import os
import subprocess
import sys

OK, VIOLATED, ERROR, INCONCLUSIVE = 0, 1, 2, 3


class Test:
    def __init__(self, tool, mktrace):
        self.tool, self.mktrace = os.path.abspath(tool), os.path.abspath(mktrace)
        self.checks, self.failures = 0, 0

    def check(self, what, good, detail=""):
        self.checks += 1
        if not good:
            self.failures += 1
            print("FAILED: %s: %s" % (what, str(detail)[:600]), file=sys.stderr)
        return good

    def run(self, *args):
        done = subprocess.run([self.tool, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120, check=False,
                              env=dict(os.environ, LC_ALL="C.UTF-8"))
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def good(self, *args):
        status, out, err = self.run(*args)
        self.check("%s works" % " ".join(args)[-90:], status == OK and not err, "%d, %s" % (status, err))
        return out

    def bad(self, expected, *args, says=()):
        status, _, err = self.run(*args)
        name = " ".join(args)[-90:]
        self.check("%s: status %d" % (name, expected), status == expected, "%d, %s" % (status, err))
        self.check("%s: one line" % name, err.count("\n") == 1 and err.startswith("kmem-analyze: "), err)
        for word in says:
            self.check("%s: says %s" % (name, word), word in err, err)

    def json(self, *args):
        out = self.good("--json", *args) if args[0] not in ("diff", "merge") \
            else self.good(args[0], "--json", *args[1:])
        return json.loads(out)

    def save(self, path, *args):
        """The JSON result of a trace in a file, whatever the trace's state"""
        self.run("--quiet", "--json=" + path, *args)
        return path

    def trace(self, path, text):
        done = subprocess.run([self.mktrace, "-", path], input=text.encode(), stderr=subprocess.PIPE,
                              check=False, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        if done.returncode:
            sys.exit("mktrace: " + done.stderr.decode())
        return path

    def end(self):
        print("%d checks, %d failed" % (self.checks, self.failures))
        return 1 if self.failures or not self.checks else 0


def metrics(result):
    """All metrics of a JSON result by name and labels"""
    found = {}
    for metric in [m for r in [result["trace"]] + result["reports"] for m in r["metrics"]]:
        found[metric["name"], tuple(metric["labels"].items())] = metric
    return found


def bucket_of(value):
    """The first value of the bucket that holds it: the seven leading bits"""
    shift = max(value.bit_length() - 7, 0)
    return value >> shift << shift


def percentile(buckets, count, least, most, per_mille):
    """The nearest rank's bucket's middle, kept between the least and the most"""
    rank = -(-count * per_mille // 1000)
    if rank >= count:
        return most
    seen = 0
    for low in sorted(buckets):
        seen += buckets[low]
        if seen >= rank:
            width = 1 << max(low.bit_length() - 7, 0)
            return min(max(low + (width - 1) // 2, least), most)
    return most
