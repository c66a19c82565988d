#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What CI reads, read by others' programs: formats.py KMEM-ANALYZE MKTRACE WORK_DIR

JUnit XML goes through python3-junitparser, Markdown through cmark-gfm, SARIF through its schema. That schema comes
from the npm registry (a package of 23 KB, kept in WORK_DIR); without npm only the members that everybody needs are
checked, and it is said. GitHub has no program to check annotations with: they are taken apart as its documentation
says.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import jsonschema
import junitparser

from common import BASE, DOCS, REGRESSED, Test

SARIF_PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
SARIF_FILE = "package/lib/schemas/sarif-2.1.0-rtm.5.json"

# a caller's name with all that one format or another gives a meaning to
NASTY = "<b>&amp;|`*_[x](y)%:@you\\"
SCENARIO = """file version=7 compression=zstd clock=mono cpus=2
symbol c1000000 %s
1000 cpu0 pid10 mm_zone_locked node_id=0 name=Normal count=1 caller=0xc1000030
2000 cpu0 pid10 mm_zone_lock_unlock node_id=0 name=Normal count=1 caller=0xc1000030
""" % NASTY

# one of each kind: violated, warned of, inconclusive, held
THRESHOLDS = ["zone_lock.hold_ns: p99 <= base + 5%", "warn: zone_lock.wait_ns: sum <= base",
              "zone_lock.wait_ns{cpu=99}: count < 1", "zone_lock.hold_ns{node=*,zone=Normal}: p50 < 1s"]
WHY = "<why> & \"because\" | *so* ]]> \u00e9\nsecond line"


def sarif_schema(work):
    """The schema, or None where it cannot be had."""
    path = os.path.join(work, os.path.basename(SARIF_FILE))
    if not os.path.exists(path):
        try:
            with tempfile.TemporaryDirectory() as directory:
                done = subprocess.run(["npm", "pack", "--silent", SARIF_PACKAGE], cwd=directory, check=True, timeout=60,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
                package = os.path.join(directory, done.stdout.split()[-1])
                subprocess.run(["tar", "-xzf", package, "-C", work, "--strip-components=3", SARIF_FILE], check=True)
        except (OSError, subprocess.SubprocessError, IndexError):
            return None
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def arguments(trace, *more):
    return ["--baseline", BASE, "--thresholds", "limits.json", "--junit", "junit.xml", "--sarif", "out.sarif",
            "--markdown", "out.md", "--annotate", "github", "--quiet"] + list(more) + [trace]


def write_thresholds(test, thresholds):
    document = {"schema": "kmem-analyze-thresholds/1",
                "thresholds": [{"threshold": text, "why": WHY} for text in thresholds]}
    with open(os.path.join(DOCS, "kmem-analyze-thresholds-1.schema.json"), encoding="utf-8") as stream:
        schema = json.load(stream)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    test.check(not list(kind(schema).iter_errors(document)), "the file of thresholds is as its schema says")
    test.write("limits.json", json.dumps(document))


def junit(test, wanted):
    """@wanted: for each case, the words of its elements"""
    suites = junitparser.JUnitXml.fromfile(test.path("junit.xml"))
    cases = [case for suite in suites for case in suite]
    found = [[type(result).__name__ for result in case.result] for case in cases]
    test.check(found == wanted, "JUnit: %s, not %s" % (found, wanted))
    flat = [word for words in wanted for word in words]
    for suite in suites:
        test.check((suite.tests, suite.failures, suite.errors, suite.skipped) ==
                   (len(wanted), flat.count("Failure"), flat.count("Error"), flat.count("Skipped")),
                   "JUnit: the counts of %s" % suite)
    root = ElementTree.parse(test.path("junit.xml")).getroot()
    test.check(all(case.get("name") and case.get("classname") for case in root.iter("testcase")), "JUnit: names")
    return root


def sarif(test, schema, kinds):
    document = json.loads(test.read("out.sarif"))
    if schema:
        kind = jsonschema.validators.validator_for(schema)
        for error in list(kind(schema).iter_errors(document))[:3]:
            test.check(False, "SARIF: %s: %s" % (list(error.absolute_path), error.message))
    run = document["runs"][0]
    test.check(document["version"] == "2.1.0" and run["tool"]["driver"]["name"] == "kmem-analyze", "SARIF: its head")
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    test.check(len(set(rules)) == len(rules) and {result["ruleId"] for result in run["results"]} == set(rules),
               "SARIF: each result has its rule")
    found = [(result["kind"], result["level"]) for result in run["results"]]
    test.check(found == kinds, "SARIF: %s, not %s" % (found, kinds))
    return run["results"]


def markdown(test, rows):
    done = subprocess.run(["cmark-gfm", "--extension", "table", "--to", "xml", test.path("out.md")], check=True,
                          stdout=subprocess.PIPE, encoding="utf-8")
    root = ElementTree.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", done.stdout).replace(' xmlns="http://commonmark.org/xml/1.0"', ""))
    table = root.findall(".//table_row")
    test.check(len(table) == rows, "Markdown: %d rows, not %d" % (len(table), rows))
    test.check(all(len(row.findall("table_cell")) == 6 for row in table), "Markdown: each row has six cells")
    for tag in ("html_inline", "html_block", "link", "image", "code", "code_block", "emph"):
        test.check(root.find(".//" + tag) is None, "Markdown: no %s came of a text" % tag)
    return ["".join(part.text for part in cell.iter("text")) for row in table for cell in row.findall("table_cell")]


def annotations(test, out, wanted):
    """Workflow commands, taken apart as GitHub's runner does."""
    found = []
    for line in out.splitlines():
        match = re.fullmatch(r"::(\w+) (\w+=[^:,]*(?:,\w+=[^:,]*)*)::(.*)", line)
        if test.check(match, "annotations: no command: " + line):
            for code in re.findall(r"%(.{2})", match[2] + match[3]):
                test.check(code in ("25", "0A", "0D", "3A", "2C"), "annotations: %%%s is escaped" % code)
            text = match[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
            found.append((match[1], text))
    kinds = [kind for kind, _ in found]
    test.check(kinds == wanted, "annotations: %s, not %s" % (kinds, wanted))
    return [text for _, text in found]


def one_of_each(test, schema):
    write_thresholds(test, THRESHOLDS)
    out = test.status(1, [], *arguments(REGRESSED))
    # hold_ns violated; wait_ns only warned of; wait_ns{cpu=99} inconclusive; hold_ns of two nodes held
    root = junit(test, [["Failure"], [], ["Error"], [], []])
    failure = next(root.iter("failure"))
    test.check("1.65 ms, must be at most 1.16 ms" in failure.get("message"), "JUnit: the failure says why")
    test.check("cpu 3: 4.42 ms, 1.27 ms in the baseline" in failure.text, "JUnit: the failure names the parts")
    test.check(WHY in failure.text, "JUnit: the reason is there as it was given")
    results = sarif(test, schema, [("fail", "error"), ("fail", "warning"), ("open", "none"), ("pass", "none"),
                                   ("pass", "none")])
    test.check("cpu 3: 4.42 ms, 1.27 ms" in results[0]["message"]["text"], "SARIF: the result names the parts")
    cells = markdown(test, 5)
    test.check("zone_lock.hold_ns" in cells and "1.11 ms (+49 %)" in cells and "1.65 ms" in cells,
               "Markdown: the numbers: %s" % cells)
    texts = annotations(test, out, ["error", "warning", "error", "notice"])
    test.check("cpu 3: 4.42 ms, 1.27 ms in the baseline" in texts[0] and WHY in texts[0], "annotations say why")
    test.check(texts[-1].startswith("2 of 5 thresholds violated (1 only a warning), 1 inconclusive"),
               "annotations: the sum: " + texts[-1])

    # what is inconclusive, as told
    write_thresholds(test, THRESHOLDS[2:])
    out = test.status(0, [], *arguments(REGRESSED, "--inconclusive=pass"))
    junit(test, [["Skipped"], [], []])
    annotations(test, out, ["warning", "notice"])
    out = test.status(1, [], *arguments(REGRESSED, "--inconclusive=fail"))
    junit(test, [["Failure"], [], []])
    annotations(test, out, ["error", "notice"])


def nasty_names(test, schema, mktrace):
    test.write("nasty.scn", SCENARIO)
    subprocess.run([mktrace, test.path("nasty.scn"), test.path("nasty <&>.dat")], check=True)
    write_thresholds(test, ["zone_lock.hold_ns{caller=*}: max <= 1ns"])
    out = test.status(1, [], *arguments("nasty <&>.dat", "--min-samples", "1"))
    key = "zone_lock.hold_ns{caller=%s+0x30}" % NASTY
    root = junit(test, [["Failure"]])
    test.check(next(root.iter("failure")).get("message").startswith(key + ": "), "JUnit: the name survives")
    results = sarif(test, schema, [("fail", "error")])
    location = results[0]["locations"][0]
    test.check(location["logicalLocations"][0]["fullyQualifiedName"] == key, "SARIF: the name survives")
    test.check(location["physicalLocation"]["artifactLocation"]["uri"] == "nasty%20%3C%26%3E.dat", "SARIF: the URI")
    cells = markdown(test, 1)
    test.check(key in cells, "Markdown: the name survives: %s" % cells)
    annotations(test, out, ["error", "notice"])
    title = next(re.finditer(r"title=([^:]*)::", out))[1]
    title = title.replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    test.check(title == "Threshold violated: " + key, "annotations: the name survives: " + title)
    # JSON on standard output stays JSON: annotations make room
    status, out, err = test.run(*[word for word in arguments("nasty <&>.dat", "--min-samples=1", "--json")
                                  if word != "--quiet"])
    test.check(status == 1 and json.loads(out)["schema"] == "kmem-analyze/1" and "::error" in err,
               "annotations beside JSON go to standard error")


def main(analyze, mktrace, work):
    schema = sarif_schema(work)
    if not schema:
        print("SARIF: its schema cannot be fetched (no npm?): only its main members are checked")
    with tempfile.TemporaryDirectory() as directory:
        test = Test(analyze, directory)
        one_of_each(test, schema)
        nasty_names(test, schema, os.path.abspath(mktrace))
    print("%d checks of formats, %d failures" % (test.checks, test.failures))
    return 1 if test.failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
