#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what the tool prints with what the manual page, the completion, the README and reports.md say of it.

usage: check_options.py KMEM-ANALYZE SOURCE-FOLDER

Exit status: 0 when all agree, else 1 after one line for each difference.
"""
import os
import re
import subprocess
import sys

OPTION_IN_HELP = re.compile(r"^ +(?:-(\w), )?--([\w-]+)(?: ([A-Z]+)|\[=([A-Z]+)\])?(?: |$)", re.M)
OPTION_IN_MANUAL = re.compile(r"^(?:\*-(\w)\*, )?\*--([\w-]+)\*(?: _([A-Z]+)_|\[=_([A-Z]+)_\])?::$", re.M)
OPTION_IN_README = re.compile(r"^\| (?:`-(\w)`, )?`--([\w-]+)(?: ([A-Z]+)|\[=([A-Z]+)\])?` \|", re.M)
COMMAND_IN_HELP = re.compile(r"^(?:Usage:|      ) kmem-analyze ([a-z]+) ", re.M)
REPORT_IN_LIST = re.compile(r"^(\w+): ", re.M)
METRIC_IN_LIST = re.compile(r"^    (\w+\.\w+) ", re.M)
STATUS_IN_HELP = re.compile(r"(?:^Exit status: |; )(\d) ", re.M)
STATUS_IN_MANUAL = re.compile(r"^\*(\d)\*::$", re.M)
STATUS_IN_README = re.compile(r"^\| (\d) \|", re.M)

COMPLETE = r"""
complete() { :; }
compopt() { :; }
. "$1"
shift
COMP_WORDS=(kmem-analyze "$@")
COMP_CWORD=$#
_kmem_analyze
printf '%s\n' "${COMPREPLY[@]}"
"""

differences = []


def differ(text):
    differences.append(text)


def same(what, where, wanted, found):
    """Complains of what is in only one of the two sets, and of an empty set, which compares nothing."""
    if not wanted:
        differ("the tool names no %s: does this test still read it right?" % what)
    for item in sorted(wanted - found, key=str):
        differ("%s: %s is missing: %s" % (where, what, show(item)))
    for item in sorted(found - wanted, key=str):
        differ("%s: %s that the tool does not have: %s" % (where, what, show(item)))


def show(item):
    if isinstance(item, str):
        return item
    short, name, argument, optional = item
    text = "--" + name + (" " + argument if argument else "") + ("[=%s]" % optional if optional else "")
    return "-%s, %s" % (short, text) if short else text


def section(text, title):
    """The lines of an AsciiDoc or Markdown section."""
    match = re.search(r"^(=+|#+) %s\n(.*?)(?=^\1 |\Z)" % re.escape(title), text, re.M | re.S)
    if not match:
        differ("no section \"%s\"" % title)
        return ""
    return match.group(2)


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          universal_newlines=True)


def complete(script, *words):
    done = run("bash", "--norc", "-c", COMPLETE, "bash", script, *words)
    if done.returncode or done.stderr:
        differ("completion of %s failed: %s" % (" ".join(words), done.stderr.strip()))
    return set(done.stdout.split())


def check_excerpt(tool, source, readme):
    """Each part of the README's first block, between lines of [...], must be in the report word for word."""
    match = re.search(r"^```\n(Trace +(\S+) .*?)^```$", readme, re.M | re.S)
    if not match:
        differ("README.md: no report")
        return
    report = subprocess.run([tool, match.group(2)], cwd=source, stdout=subprocess.PIPE, check=False,
                            env=dict(os.environ, LC_ALL="C.UTF-8")).stdout.decode()
    if not report:
        differ("README.md: the tool says nothing of %s" % match.group(2))
        return
    for part in match.group(1).split("[...]\n"):
        if part not in report:
            for line in part.splitlines():
                if line not in report.splitlines():
                    differ("README.md: not in the report of %s: %s" % (match.group(2), line))
            differ("README.md: the report does not have these lines in a row:\n" + part.rstrip())


def findings(source, metrics):
    """Ids of findings look like names of metrics, and --list does not know them."""
    ids = set()
    folder = os.path.join(source, "plugins")
    for name in os.listdir(folder):
        if name.endswith(".c"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                ids |= set(re.findall(r'"(\w+\.\w+)"', file.read()))
    return ids - metrics


def main(tool, source):
    def read(*path):
        with open(os.path.join(source, *path), encoding="utf-8") as file:
            return file.read()

    manual, readme, pages = read("docs", "kmem-analyze.1.adoc"), read("README.md"), read("docs", "reports.md")
    script = os.path.join(source, "docs", "completion", "kmem-analyze.bash")
    help_text, listing = run(tool, "--help").stdout, run(tool, "--list").stdout

    options = set(OPTION_IN_HELP.findall(help_text))
    same("option", "manual page", options, set(OPTION_IN_MANUAL.findall(section(manual, "OPTIONS"))))
    same("option", "README.md", options, set(OPTION_IN_README.findall(readme)))
    spelled = {"-" + short for short, _, _, _ in options if short} | {"--" + name for _, name, _, _ in options}
    spelled |= {"--%s=" % name for _, name, _, optional in options if optional}
    same("option", "completion", spelled, complete(script, "-"))

    for line in help_text.splitlines():
        if len(line) > 100:
            differ("help: %d columns: %s" % (len(line), line))

    commands = set(COMMAND_IN_HELP.findall(help_text))
    same("command", "help's list", commands,
         set(re.findall(r"^  ([a-z]+) ", help_text.partition("\nCommands:\n")[2].partition("\n\n")[0], re.M)))
    same("command", "manual page", commands, set(re.findall(r"^\*([a-z]+)\*::$", section(manual, "COMMANDS"), re.M)))
    same("command", "manual page's synopsis", commands,
         set(re.findall(r"^\*kmem-analyze ([a-z]+)\* ", section(manual, "SYNOPSIS"), re.M)))
    same("command", "README.md", commands, set(re.findall(r"^\| `([a-z]+)` \|", section(readme, "Options"), re.M)))
    same("command", "completion", commands, commands & complete(script, ""))
    for command in sorted(commands):
        if complete(script, command[:2]) != {command}:
            differ("completion of %s: not %s" % (command[:2], command))
        # a word too much, so that nothing is recorded
        wrong = ["x"] if command == "live" else ["x", "y"] if command == "doctor" else []
        usage = run(tool, command, *wrong)
        if usage.returncode != 2 or (command != "doctor" and "kmem-analyze %s " % command not in usage.stderr):
            differ("the tool does not know the command %s" % command)
        if command in complete(script, command, command[:2]):
            differ("completion: %s as the word behind %s" % (command, command))
        # the options that the manual names with the command are those that the tool takes with it
        text = re.search(r"^\*%s\*::\n((?:\t.*\n)+)" % command, section(manual, "COMMANDS"), re.M)
        named = set(re.findall(r"\*--([\w-]+)\*", text.group(1))) if text else set()
        named |= set(re.findall(r"--([\w-]+)", help_text.partition("kmem-analyze %s " % command)[2].partition("\n")[0]))
        taken = {name for _, name, argument, _ in options
                 if "says nothing to" not in run(tool, command, "--" + name, *(["1"] if argument else []), *wrong).stderr}
        same("option of " + command, "manual page", taken - {"help", "version"}, named - {"help", "version"})

    reports = set(REPORT_IN_LIST.findall(listing))
    same("report", "manual page", reports, set(re.findall(r"^\*(\w+)\*::$", section(manual, "REPORTS"), re.M)))
    same("report", "README.md", reports, set(re.findall(r"\| `(\w+)` \|$", readme, re.M)))
    for words in (["-r", ""], ["--report", "="], ["--report", "=", ""]):
        same("report", "completion of " + " ".join(words), reports, complete(script, *words))
    first = sorted(reports)[0] if reports else ""
    same("report", "completion of a list", {first + "," + name for name in reports},
         complete(script, "-r", first + ","))
    same("report", "docs/reports.md", reports, reports & set(re.findall(r"^## (\w+)$", pages, re.M)))

    metrics = set(METRIC_IN_LIST.findall(listing))
    named = set(re.findall(r"\b(?:%s)\.[a-z0-9_]+\b(?<!\.dat)(?<!\.md)" % "|".join(reports), pages)) - findings(source, metrics)
    same("metric", "docs/reports.md", metrics, named)

    for reader in complete(script, "--reader", ""):
        if run(tool, "--reader", reader, "--help").returncode:
            differ("completion: no reader %s" % reader)
        if "*%s*" % reader not in section(manual, "OPTIONS"):
            differ("manual page: reader %s is missing" % reader)

    statuses = set(STATUS_IN_HELP.findall(help_text))
    same("exit status", "manual page", statuses, set(STATUS_IN_MANUAL.findall(section(manual, "EXIT STATUS"))))
    same("exit status", "README.md", statuses, set(STATUS_IN_README.findall(section(readme, "Exit status"))))
    check_excerpt(os.path.abspath(tool), source, readme)
    for difference in differences:
        print(difference)
    return 1 if differences else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
