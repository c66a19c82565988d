# SPDX-License-Identifier: GPL-2.0-or-later
"""What the live tests share: whether they can run here, all settings of tracefs as text, and some load. Changes nothing
in tracefs itself. Exit status 77 means: not possible here, and why."""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading

DIR = next((d for d in ("/sys/kernel/tracing", "/sys/kernel/debug/tracing") if os.path.isdir(d + "/instances")), None)
SETTINGS = ("tracing_on", "trace_clock", "buffer_size_kb", "buffer_total_size_kb", "buffer_percent",
            "buffer_subbuf_size_kb", "current_tracer", "trace_options", "set_event", "set_event_pid",
            "set_event_notrace_pid", "set_ftrace_pid", "tracing_cpumask", "tracing_thresh", "saved_cmdlines_size",
            "dynamic_events", "kprobe_events", "uprobe_events", "events/enable", "enabled_functions")


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def need():
    """Skips where no instance can be made."""
    if os.geteuid():
        skip("needs root")
    if not DIR:
        skip("tracefs is not mounted")
    if not os.path.isdir(DIR + "/events/kmem/kmalloc"):
        skip("the kernel has no kmem events")
    probe = "%s/instances/kmem-analyze-test-%d" % (DIR, os.getpid())
    try:
        os.mkdir(probe)
        with open(probe + "/tracing_on", "w", encoding="ascii") as f:
            f.write("0")
    except OSError as e:
        skip("no instance: %s" % e)
    finally:
        if os.path.isdir(probe):
            os.rmdir(probe)


def instances():
    """Those of the tool, not those of other tests."""
    return sorted(name for name in os.listdir(DIR + "/instances")
                  if name.startswith("kmem-analyze-") and name.split("-")[2].isdigit())


def snapshot():
    """Every setting that anybody could have changed, but nothing that changes by itself."""
    taken = {}
    paths = [DIR + "/" + name for name in SETTINGS] + glob.glob(DIR + "/options/*")
    for kind in ("enable", "filter", "trigger"):
        paths += glob.glob(DIR + "/events/*/" + kind) + glob.glob(DIR + "/events/*/*/" + kind)
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                taken[path] = f.read()
        except OSError as e:
            taken[path] = "errno %s" % e.errno
    taken["instances"] = " ".join(instances())
    return taken


def difference(before, after):
    return ["%s: %.60r became %.60r" % (key, before.get(key), after.get(key))
            for key in sorted(set(before) | set(after)) if before.get(key) != after.get(key)]


def check_json(documents, source, name="kmem-analyze-1.schema.json"):
    try:
        import jsonschema
    except ImportError:
        print("python3-jsonschema is not installed: the JSON is not validated")
        return
    with open(os.path.join(source, "docs", name), encoding="utf-8") as f:
        validator = jsonschema.Draft7Validator(json.load(f))
    for document in documents:
        validator.validate(document)


class Load:
    """Files, names and processes, until it is left."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp()
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()
        return self

    def work(self):
        while not self.end.is_set():
            for i in range(200):
                with open("%s/%d" % (self.dir, i), "w", encoding="ascii") as f:
                    f.write("x" * 10000)
            for i in range(200):
                os.unlink("%s/%d" % (self.dir, i))
            subprocess.run(["true"], check=True)

    def __exit__(self, *unused):
        self.end.set()
        self.thread.join()
        shutil.rmtree(self.dir)
