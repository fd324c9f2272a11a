#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that knows nothing but query-qmp-schema: it calls every command with
right and with wrong arguments and holds every value and event against its type,
in a plain machine, while recording and in replay, for i386, and where there is
no machine at all. schema.py BUILD"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import common as c

# Not called with good arguments: they end the program or this client's reading.
LAST = ("quit",)
# What changes the guest is refused in replay with this reason.
REFUSED = "in replay it comes from the recording"
ACTIONS = ("system_reset", "system_powerdown", "inject-nmi", "send-key",
           "input-send-event")
# These take more arguments than their rows name.
OPEN = ("device_add", "object-add", "blockdev-add", "blockdev-reopen")
# Values that lead somewhere, by the name of the argument.
WORDS = {
    "path": "/machine", "property": "type", "typename": "isa-serial",
    "driver": "isa-serial", "command-line": "info status", "qom-type": "x",
    "protocol": "file:%s/core", "uri": "tcp:0:0", "name": "*",
}


class Client:
    def __init__(self, path, pretty=False):
        self.s = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + c.ANSWER_S
        while self.s.connect_ex(path):
            if time.monotonic() > end:
                raise OSError("nobody listens at " + path)
            time.sleep(0.05)
        self.s.settimeout(6 * c.ANSWER_S)
        self.f = self.s.makefile("rw")
        self.events = []
        self.count = 0
        self.greeting = json.loads(self.f.readline())["QMP"]
        assert self.ask("qmp_capabilities", {"enable": ["oob"]}) == {
            "return": {}}

    def ask(self, command, arguments=None, how="execute"):
        self.count += 1
        message = {how: command, "id": self.count}
        if arguments is not None:
            message["arguments"] = arguments
        self.f.write(json.dumps(message) + "\n")
        self.f.flush()
        while True:
            line = self.f.readline()
            if not line:
                raise EOFError(command)
            answer = json.loads(line)
            if "event" in answer:
                self.events.append(answer)
            elif answer.pop("id") == self.count:
                return answer


class Schema:
    def __init__(self, entries):
        self.types = {e["name"]: e for e in entries
                      if e["meta-type"] not in ("command", "event")}
        self.commands = {e["name"]: e for e in entries
                         if e["meta-type"] == "command"}
        self.events = {e["name"]: e for e in entries
                       if e["meta-type"] == "event"}

    def members(self, t, value):
        """Members of an object; of a union, those that its tag adds too."""
        out = {m["name"]: m for m in t["members"]}
        if "tag" in t and t["tag"] in value:
            for v in t["variants"]:
                if v["case"] == value[t["tag"]]:
                    out.update(self.members(self.types[v["type"]], value))
        return out

    def fault(self, name, value, at="value"):
        """Why @value is not of type @name; None: it is."""
        t = self.types[name]
        meta = t["meta-type"]
        if meta == "builtin":
            kinds = {"string": str, "int": int, "number": (int, float),
                     "boolean": bool, "null": type(None), "value": object}
            good = isinstance(value, kinds[t["json-type"]])
            if isinstance(value, bool) and t["json-type"] in ("int", "number"):
                good = False
            return None if good else "%s: %r is no %s" % (at, value, name)
        if meta == "enum":
            if value in t["values"]:
                return None
            return "%s: %r is not in %s" % (at, value, name)
        if meta == "array":
            if not isinstance(value, list):
                return "%s: %r is no array" % (at, value)
            faults = [self.fault(t["element-type"], v, "%s[%d]" % (at, i))
                      for i, v in enumerate(value)]
            return next((f for f in faults if f), None)
        if meta == "alternate":
            faults = [self.fault(m["type"], value, at) for m in t["members"]]
            return None if None in faults else faults[0]
        if not isinstance(value, dict):
            return "%s: %r is no object" % (at, value)
        members = self.members(t, value)
        for key in value:
            if key not in members:
                return "%s: member %s is not in %s" % (at, key, name)
        for key, m in members.items():
            if key in value:
                bad = self.fault(m["type"], value[key], at + "." + key)
                if bad:
                    return bad
            elif "default" not in m:
                return "%s: member %s of %s is missing" % (at, key, name)
        return None

    def samples(self, name, word, tmp, depth=0):
        """A few good values of type @name."""
        t = self.types[name]
        meta = t["meta-type"]
        if meta == "builtin":
            text = WORDS.get(word, "x")
            if "file" in word:
                text = "%s/out"
            text = text % tmp if "%s" in text else text
            return {"string": [text], "int": [0, 1], "number": [1, 0.5],
                    "boolean": [True, False], "null": [None],
                    "value": [{} if word == "props" else 1],
                    }[t["json-type"]]
        if meta == "enum":
            return t["values"][:8]
        if meta == "array":
            of = self.samples(t["element-type"], word, tmp, depth + 1)
            return [[], of[:1], of[:3]] if of else [[]]
        if meta == "alternate":
            return [v for m in t["members"]
                    for v in self.samples(m["type"], word, tmp, depth + 1)]
        if depth > 6:
            return []
        if "tag" in t:
            return [dict(self.object(self.types[v["type"]], tmp, depth),
                         **dict(self.object(t, tmp, depth),
                                **{t["tag"]: v["case"]}))
                    for v in t["variants"]]
        return [self.object(t, tmp, depth, True),
                self.object(t, tmp, depth, False)]

    def object(self, t, tmp, depth, optional=False):
        out = {}
        for m in t["members"]:
            if "default" not in m or optional:
                values = self.samples(m["type"], m["name"], tmp, depth + 1)
                if values:
                    out[m["name"]] = values[0]
        return out

    def wrong(self, name):
        """A value that is of another kind than @name; None: anything goes."""
        t = self.types[name]
        if t["meta-type"] == "object":
            return 3.5
        for v in ({"no": 1}, 3.5):
            if self.fault(name, v):
                return v
        return None


class Run:
    def __init__(self, build, tmp, mode):
        self.tmp = tmp
        self.mode = mode
        self.faults = []
        path = os.path.join(tmp, "qmp-" + mode)
        args = ["%s/reprise-system-%s" % (
            build, "i386" if mode == "i386" else "x86_64"),
                "-display", "none", "-m",
                "16", "-name", "schema", "-chardev", "null,id=spare",
                "-qmp", "unix:%s,server=on,wait=off" % path,
                "-monitor", "none", "-serial", "none", "-no-shutdown"]
        if mode == "empty":
            args += ["-S", "-machine", "none"]
        else:
            args += ["-device", "isa-debug-exit,id=exit"]
        if mode in ("record", "replay"):
            args += c.icount("3", mode, os.path.join(tmp, "log"))
        self.err = open(os.path.join(tmp, "err-" + mode), "w+b")
        self.proc = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                                     stdout=self.err, stderr=self.err)
        self.q = Client(path)
        self.schema = Schema(self.q.ask("query-qmp-schema")["return"])

    def complain(self, command, arguments, why):
        self.faults.append("%s: %s %s: %s" % (self.mode, command,
                                              json.dumps(arguments), why))

    def check_schema(self):
        s = self.schema
        for e in list(s.commands.values()) + list(s.events.values()):
            for part in ("arg-type", "ret-type"):
                if part in e and e[part] not in s.types:
                    self.complain(e["name"], None, "no type " + e[part])
        listed = {o["name"] for o in self.q.ask("query-commands")["return"]}
        if listed != set(s.commands) | {"qmp_capabilities"}:
            self.complain("query-commands", None, "not what the schema has")

    def call(self, name, arguments, how="execute"):
        answer = self.q.ask(name, arguments, how)
        entry = self.schema.commands[name]
        if "return" in answer:
            bad = self.schema.fault(entry["ret-type"], answer["return"])
            if bad:
                self.complain(name, arguments, bad)
            return None
        error = answer["error"]
        if sorted(error) != ["class", "desc"] or not error["desc"]:
            self.complain(name, arguments, "odd error %r" % error)
        return error

    def right(self, name):
        entry = self.schema.commands[name]
        t = self.schema.types[entry["arg-type"]]
        calls = [self.schema.object(t, self.tmp, 0, False),
                 self.schema.object(t, self.tmp, 0, True)]
        for m in t["members"]:
            for v in self.schema.samples(m["type"], m["name"], self.tmp):
                calls.append(dict(calls[0], **{m["name"]: v}))
        refused = 0
        for arguments in calls:
            error = self.call(name, arguments)
            desc = error["desc"] if error else ""
            if desc.startswith("Invalid parameter type") \
                    or desc.endswith("is missing") and name not in OPEN:
                if name != "dump-guest-memory":
                    self.complain(name, arguments, desc)
            refused += REFUSED in desc
        if name in ACTIONS and self.mode == "replay" and not refused:
            self.complain(name, None, "was not refused in replay")
        if refused and self.mode != "replay":
            self.complain(name, None, "refused though nothing is replayed")

    def expect(self, name, arguments, desc):
        error = self.call(name, arguments)
        if not error or not error["desc"].startswith(desc) \
                or error["class"] != "GenericError":
            self.complain(name, arguments, "expected '%s', got %r"
                          % (desc, error))

    def wrong(self, name):
        entry = self.schema.commands[name]
        t = self.schema.types[entry["arg-type"]]
        good = self.schema.object(t, self.tmp, 0)
        if name not in OPEN:
            self.expect(name, dict(good, **{"no-such": 1}),
                        "Parameter 'no-such' is unexpected")
        for m in t["members"]:
            bad = self.schema.wrong(m["type"])
            if "default" not in m:
                self.expect(name, {k: v for k, v in good.items()
                                   if k != m["name"]},
                            "Parameter '%s' is missing" % m["name"])
            if bad is not None:
                self.expect(name, dict(good, **{m["name"]: bad}),
                            "Invalid parameter type for '%s" % m["name"])
            if self.schema.types[m["type"]]["meta-type"] == "enum":
                self.expect(name, dict(good, **{m["name"]: "no such"}),
                            "Parameter '%s' does not accept value 'no such'"
                            % m["name"])

    def out_of_band(self):
        for name, entry in self.schema.commands.items():
            if name == "qmp_capabilities":
                continue
            error = self.call(name, {}, "exec-oob")
            bad = error and "does not support OOB" in error["desc"]
            if bool(bad) == bool(entry.get("allow-oob")):
                self.complain(name, None, "out of band: %r" % error)

    def check_events(self):
        for e in self.q.events:
            entry = self.schema.events.get(e["event"])
            bad = "unknown event" if not entry else self.schema.fault(
                entry["arg-type"], e.get("data", {}))
            if bad:
                self.complain(e["event"], e.get("data"), bad)

    def everything(self):
        self.check_schema()
        self.out_of_band()
        for name in sorted(self.schema.commands):
            if name == "qmp_capabilities":
                continue
            try:
                self.wrong(name)
                if name not in LAST:
                    self.right(name)
            except (EOFError, OSError) as e:
                self.complain(name, None, "no answer: %r" % e)
                return
        self.check_events()

    def end(self):
        try:
            self.q.ask("quit")
        except (EOFError, OSError) as e:
            self.complain("quit", None, "no answer: %r" % e)
        try:
            status = self.proc.wait(c.ANSWER_S)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            status = self.proc.wait()
        if status:
            self.err.seek(0)
            self.complain("quit", None, "status %d, %s" % (
                status, self.err.read().decode(errors="replace")[-500:]))
        return len(self.schema.commands), self.q.count


def main():
    build = sys.argv[1]
    tmp = tempfile.mkdtemp(prefix="reprise-schema-")
    faults = []
    for mode in ("plain", "record", "replay", "i386", "empty"):
        r = Run(build, tmp, mode)
        r.everything()
        commands, calls = r.end()
        print("%s: %d commands, %d calls, %d events" % (
            mode, commands, calls, len(r.q.events)))
        faults += r.faults
    for f in faults:
        print("FAULT " + f[:400])
    if faults:
        c.die("%d fault(s)" % len(faults), [tmp])
    shutil.rmtree(tmp)


main()
