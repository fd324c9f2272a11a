#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every member of a struct that has a state table has a row, once.
state_rows.py ROOT"""
import posixpath
import re
import sys

import tree as t

TABLE = re.compile(r"\bconst\s+StateField\s+(\w+)\s*\[[^\]]*\]\s*=\s*\{")


def matching(text, at, pair="{}"):
    """Index of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        if text[i] == pair[0]:
            depth += 1
        elif text[i] == pair[1]:
            depth -= 1
            if depth == 0:
                return i
    return len(text)


def split_top(text, separator):
    """Split where no bracket is open."""
    parts, depth, start = [], 0, 0
    for i, ch in enumerate(text):
        if ch in "({[":
            depth += 1
        elif ch in ")}]":
            depth -= 1
        elif ch == separator and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return parts


def declarator_name(text):
    text = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", text, flags=re.S)
    text = text.split("=")[0]
    pointer = re.search(r"\(\s*\*+\s*(?:const\s+)?(\w+)", text)
    if pointer:
        return pointer.group(1)
    text = re.sub(r"\[[^\]]*\]", "", text)
    text = re.sub(r":[^:]*$", "", text)
    names = re.findall(r"\w+", text)
    return names[-1] if names else None


def members(body):
    """[(name, type text)] of a struct body, anonymous parts flattened"""
    out = []
    body = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", body, flags=re.M)
    for part in split_top(body, ";"):
        part = part.strip()
        if not part or re.match(r"_Static_assert|static_assert", part):
            continue
        brace = part.find("{")
        if brace >= 0 and re.match(r"(const\s+)?(struct|union|enum)\b", part):
            close = matching(part, brace)
            tail = part[close + 1:].strip()
            if tail:
                for piece in split_top(tail, ","):
                    out.append((declarator_name(piece), "struct"))
            elif not part.startswith("enum"):
                out += members(part[brace + 1:close])
            continue
        pieces = split_top(part, ",")
        first = declarator_name(pieces[0])
        kind = pieces[0][:pieces[0].rfind(first)].strip() if first else ""
        for piece in pieces:
            out.append((declarator_name(piece), kind))
    return out


def structs(text):
    """{type name: (line, members)} of all struct definitions in a file"""
    out = {}
    for m in re.finditer(r"\bstruct\s*(\w*)\s*"
                         r"(?:__attribute__\s*\(\(.*?\)\)\s*)?\{", text):
        close = matching(text, m.end() - 1)
        tail = re.match(r"\s*(?:__attribute__\s*\(\(.*?\)\)\s*)?(\w+)\s*;",
                        text[close + 1:])
        typedef = re.search(r"\btypedef\s+$", text[:m.start()])
        for name in {m.group(1), tail.group(1) if typedef and tail else ""}:
            if name:
                out[name] = (t.line_of(text, m.start()),
                             members(text[m.end():close]))
    return out


def rows(body):
    """[(offset, macro, type, member)]"""
    out = []
    at = 0
    while True:
        m = re.compile(r"\b([A-Z][A-Z0-9_]*)\s*\(").search(body, at)
        if not m:
            return out
        close = matching(body, m.end() - 1, "()")
        args = [a.strip() for a in split_top(body[m.end():close], ",")]
        if (len(args) >= 2 and re.fullmatch(r"[A-Za-z_]\w*", args[0])
                and re.match(r"[a-z_]\w*", args[1])):
            out.append((m.start(), m.group(1), args[0], args[1]))
        at = close


def with_shared_rows(body, files):
    """Replace NAME_STATE_ROWS(T) by the rows that its #define lists for T."""
    def expand(m):
        define = re.compile(r"#\s*define\s+" + m.group(1)
                            + r"\((\w+)\)((?:[^\n]*\\\n)*[^\n]*)")
        for text in files.values():
            found = define.search(text)
            if found:
                return re.sub(r"\b%s\b" % found.group(1), m.group(2),
                              found.group(2)).replace("\\\n", " ")
        return m.group(0)
    return re.sub(r"\b([A-Z]\w*_STATE_ROWS)\((\w+)\)", expand, body)


def find_struct(name, path, defined):
    """In the same file, else in the folder, else in a public header."""
    places = [p for p in defined if name in defined[p]]
    folder = posixpath.dirname(path)

    def rank(place):
        return (place != path, posixpath.dirname(place) != folder,
                not place.startswith("include/"), place)
    return min(places, key=rank, default=None)


def check(tree):
    out = []
    files = {p: t.strip(x) for p, x in
             t.c_files(tree, (".c", ".h", ".def")).items()}
    defined = {p: structs(x) for p, x in files.items()}
    covered = {}  # (path of the struct, type): {member}
    first_row = {}
    for path, text in files.items():
        if path == "include/core/state.h":
            continue
        for m in TABLE.finditer(text):
            body = with_shared_rows(
                text[m.end():matching(text, m.end() - 1)], files)
            seen = set()
            for at, macro, kind, member in rows(body):
                where = f"{path}:{t.line_of(text, m.end() + at)}"
                place = find_struct(kind, path, defined)
                if place is None:
                    out.append(f"{where}: struct {kind} is not to be found")
                    continue
                key = (place, kind)
                first_row.setdefault(key, f"{path}:"
                                     f"{t.line_of(text, m.start())}")
                if (kind, member) in seen:
                    out.append(f"{where}: {kind}.{member} has two rows")
                seen.add((kind, member))
                outer, _, inner = member.partition(".")
                outer = re.match(r"\w+", outer).group(0)
                covered.setdefault(key, set()).add(outer)
                part = dict(defined[place][kind][1]).get(outer)
                where_part = part and find_struct(part, place, defined)
                if inner and where_part:
                    covered.setdefault((where_part, part), set()).add(inner)
                    first_row.setdefault((where_part, part), where)
    for (place, kind), have in covered.items():
        line, fields = defined[place][kind]
        for i, (name, type_text) in enumerate(fields):
            if i == 0 and type_text == "Device":
                continue  # the base: its own code saves it
            if name not in have:
                out.append(f"{place}:{line}: {kind}.{name} has no row in the "
                           f"table at {first_row[(place, kind)]}")
    return out


STRUCT = """
typedef struct Dog {
    Device dev; /* first */
    uint32_t load, ctrl[4]; // int no;
    bool on : 1;
    void (*hook)(struct Dog *dog, int n);
    struct { uint8_t a; } part[2];
    union { uint8_t lo; uint16_t both; };
} Dog;
"""
ROWS = """static const StateField dog_state[] = {
    REG(Dog, load, 0x00, .writable = F(1, 2), .doc = "a, b) {"),
    STATE(Dog, ctrl), STATE(Dog, on), WIRE(Dog, hook),
    STATE_GROUP(Dog, part, part_rows, Part), REG_FN("left", 0x08, dog_left),
    STATE(Dog, lo), DERIVED(Dog, both), %s
    STATE_END,
};
"""
FULL = STRUCT + ROWS % ""
SHARED = """typedef struct Part {
    uint8_t a, b;
} Part;
typedef struct Whole {
    Part p;
} Whole;
#define PART_STATE_ROWS(T) STATE(T, p.a), \\
    %s
static const StateField whole_state[] = {PART_STATE_ROWS(Whole) STATE_END};
"""
t.prove(check, wrong=[
    ({"hw/d.c": FULL.replace("STATE(Dog, " + n + "),", "")}, f"Dog.{n} has no")
    for n in ("ctrl", "on", "lo")
] + [
    ({"hw/d.c": FULL.replace("WIRE(Dog, hook),", "")}, "Dog.hook has no row"),
    ({"hw/d.c": FULL.replace("DERIVED(Dog, both),", "")}, "Dog.both has no"),
    ({"hw/d.c": FULL.replace("Dog, part, part_rows", "Dog, on, x")},
     "Dog.part has no row"),
    ({"hw/d.c": STRUCT + ROWS % "STATE(Dog, on),"}, "Dog.on has two rows"),
    ({"hw/d.c": ROWS % ""}, "struct Dog is not to be found"),
    ({"hw/d.c": ROWS % "", "hw/d_priv.h": STRUCT.replace(
        "uint32_t load", "uint32_t extra, load")}, "Dog.extra has no row"),
    ({"hw/d.c": SHARED % ""}, "Part.b has no row"),
], right=[
    {"hw/d.c": SHARED % "STATE(T, p.b),"},
    {"hw/d.c": FULL},
    {"hw/d.c": ROWS % "", "hw/d_priv.h": STRUCT,
     "net/d.c": "struct Dog { int other; };"},
])

if __name__ == "__main__":
    t.finish(check(t.load(sys.argv[1])), "every member has a state row")
