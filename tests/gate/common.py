# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of thresholds share: running the tool in a directory of its own, and counting what fails."""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BASE = os.path.join(ROOT, "testdata", "zone-base.dat")
REGRESSED = os.path.join(ROOT, "testdata", "zone-regressed.dat")
LOST = os.path.join(ROOT, "testdata", "zone-tiny-buffer.dat")
DOCS = os.path.join(ROOT, "docs")


class Test:
    def __init__(self, analyze, directory):
        self.analyze = os.path.abspath(analyze)
        self.directory = directory
        self.failures = 0
        self.checks = 0

    def check(self, good, what):
        self.checks += 1
        if not good:
            self.failures += 1
            print("FAIL " + what)
        return good

    def path(self, name):
        return os.path.join(self.directory, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as stream:
            return stream.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as stream:
            stream.write(text)
        return name

    def environment(self, **more):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
        environment.update(LC_ALL="C.UTF-8", NO_COLOR="1", PATH=os.path.dirname(self.analyze) + ":" + environment["PATH"])
        environment.update(more)
        return environment

    def run(self, *arguments):
        """(exit status, standard output, standard error)"""
        done = subprocess.run([self.analyze] + list(arguments), cwd=self.directory, env=self.environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
        return done.returncode, done.stdout, done.stderr

    def status(self, wanted, words, *arguments):
        """Runs, and looks for the exit status and words in what is said; gives standard output."""
        status, out, err = self.run(*arguments)
        title = " ".join(os.path.basename(word) for word in arguments)
        self.check(status == wanted, "%s: exit status %d, not %d: %s" % (title, status, wanted, err.strip()))
        for word in [words] if isinstance(words, str) else words:
            self.check(word in out + err, "%s: no \"%s\" in: %s" % (title, word, (out[-1500:] + err)))
        self.check(len(err.splitlines()) <= 1, "%s: more than one line of errors: %s" % (title, err))
        return out
