#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the jobs of docs/ci.md as they stand there: base against base passes, the regression is caught and explained.

ci_page.py KMEM-ANALYZE
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import jsonschema
import yaml

from common import BASE, DOCS, REGRESSED, Test


def blocks(page, language):
    """The fenced blocks of that language, in order."""
    return [text for name, text in re.findall(r"^```(\w*)\n(.*?)^```$", page, re.M | re.S) if name == language]


def shell(test, script, trace, *options):
    """Runs a script of the page with @trace as trace.dat; (exit status, all that it said)."""
    shutil.copyfile(trace, test.path("trace.dat"))
    done = subprocess.run(["bash", *options, "-c", script], cwd=test.directory,
                          env=test.environment(GITHUB_STEP_SUMMARY=test.path("step.md"), LC_ALL="C"),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
    return done.returncode, done.stdout


def check_thresholds(test, text):
    with open(os.path.join(DOCS, "kmem-analyze-thresholds-1.schema.json"), encoding="utf-8") as stream:
        schema = json.load(stream)
    errors = list(jsonschema.validators.validator_for(schema)(schema).iter_errors(json.loads(text)))
    test.check(not errors, "the thresholds of the page are as their schema says: %s" % errors)
    test.write("thresholds.json", text)


def check_job(test, title, script, options, said):
    """@said: words for the base, and for the regression"""
    for trace, wanted, words in ((BASE, 0, said[0]), (REGRESSED, 1, said[1])):
        status, out = shell(test, script, trace, *options)
        name = os.path.basename(trace)
        test.check(status == wanted, "%s with %s: exit status %d: %s" % (title, name, status, out[-2000:]))
        for word in words:
            test.check(word in out, "%s with %s: no \"%s\" in %s" % (title, name, word, out[-3000:]))
    status, out = shell(test, script, __file__, *options)
    test.check(status == 3, "%s with no trace: exit status %d: %s" % (title, status, out[-500:]))


def main(analyze):
    with open(os.path.join(DOCS, "ci.md"), encoding="utf-8") as stream:
        page = stream.read()
    (thresholds,), (save, job), (workflow,), (excerpt,) = (blocks(page, name) for name in ("json", "sh", "yaml", ""))
    explained = ["VIOLATED      pcp.refill_pages_total",
                 "cpu 1: 2,107 pages/s, 215 pages/s in the baseline: 27 % of the change",
                 "found, and not in the baseline: The lists of 4 CPUs are too small for the load",
                 "VIOLATED      zone_lock.acquisitions_total", "WARNING       zone_lock.hold_ns",
                 "it is there because: per-CPU lists that are too small are refilled all the time"]
    with tempfile.TemporaryDirectory() as directory:
        test = Test(analyze, directory)
        check_thresholds(test, thresholds)
        shutil.copyfile(BASE, test.path("baseline.dat"))
        status, out = shell(test, save, BASE, "-eu")
        test.check(status == 0 and not out, "the baseline is saved: " + out)
        check_job(test, "the shell job", job, ["-eu"],
                  (["5 of 5 thresholds held", "no regression"], explained + ["a regression, explained above", *excerpt.splitlines()]))
        test.check("violated" in test.read("summary.md") or "held" in test.read("summary.md"), "the summary is written")
        steps = yaml.safe_load(workflow)["jobs"]["memory"]["steps"]
        judge = next(step["run"] for step in steps if step.get("name") == "Judge")
        # as GitHub runs it: bash -e
        check_job(test, "the GitHub job", judge, ["-e"],
                  (["::notice title=kmem-analyze::5 of 5 thresholds held"],
                   explained + ["::error title=Threshold violated%3A pcp.refill_pages_total"]))
        test.check(all(os.path.getsize(test.path(name)) for name in ("junit.xml", "memory.sarif", "step.md")),
                   "the files of the job are written")
    print("%d checks of docs/ci.md, %d failures" % (test.checks, test.failures))
    return 1 if test.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
