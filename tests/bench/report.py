# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables of a finished measurement, as text and as Markdown."""
import workloads

COLUMNS = ["workload", "mode", "ours s", "reference s", "ratio", "goal", ""]
CLASS_COLUMNS = ["class", "mode", "mean", "worst", "of", "goal", ""]


def number(value, form="%.2f"):
    return "-" if value is None else form % value


def verdict(value, goal):
    if value is None:
        return "failed"
    if goal is None:
        return ""
    return "yes" if value <= goal else "NO"


def spread(side):
    """Median with half the distance from the least to the greatest."""
    if side["value"] is None:
        return "-"
    half = (max(side["cpu"]) - min(side["cpu"])) / 2
    return "%.2f ±%.2f" % (side["value"], half)


def row_cells(r):
    return [r["workload"], r["mode"], spread(r["ours"]),
            spread(r["reference"]), number(r["ratio"], "%.3f"), number(r["goal"]),
            verdict(r["ratio"], r["goal"])]


def class_cells(c):
    mark = verdict(c["mean"], c["goal"])
    if c["failed"] and c["mean"] is not None:
        mark = (mark + ", %d failed" % c["failed"]).lstrip(", ")
    return [c["class"], c["mode"], number(c["mean"], "%.3f"), number(c["worst"], "%.3f"),
            c["worst_workload"] or "-", number(c["goal"]), mark]


def text_table(head, rows):
    widths = [max(len(r[i]) for r in [head] + rows)
              for i in range(len(head))]
    lines = []
    for r in [head] + rows:
        cells = [c.ljust(w) if i < 2 else c.rjust(w)
                 for i, (c, w) in enumerate(zip(r, widths))]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)


def markdown_table(head, rows):
    def line(cells):
        return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"

    rule = ["---"] * 2 + ["---:"] * (len(head) - 2)
    return "\n".join([line(head), line(rule)] + [line(r) for r in rows])


def figure_rows(figures):
    return [[f["name"], f["mode"], f["value"],
             "-" if f["goal"] is None else f["goal"],
             {True: "yes", False: "NO", None: ""}[f["met"]]]
            for f in figures]


FIGURE_COLUMNS = ["figure", "where", "value", "goal", ""]


def heading(data):
    m = data["machine"]
    out = ["command:   " + data["command"], "date:      " + data["date"],
           "machine:   %s, %s CPUs, %s, Linux %s, %s; load %s" % (
               m["cpu"], m["cpus"], m["memory"], m["kernel"], m["system"],
               m["load"]),
           "ours:      " + data["ours"]]
    if "reference" in data:
        out.append("reference: " + data["reference"])
    out.append("method:    %d alternating runs, median of the CPU time of "
               "all threads, -cpu %s" % (data["runs"], data["cpu_model"]))
    if data["quick"]:
        out.append("           --quick: a check that all runs, not a "
                   "measurement")
    return out


NOTE = """Bare-metal kernels without the start-up (row `empty`); Linux rows
are whole runs from start to power-off. ratio = ours / reference; ± is half
the distance between the least and the greatest run."""


def faults(data):
    return ["%s, %s, %s: %s" % (r["workload"], r["mode"], side,
                                r[side]["wrong"])
            for r in data.get("rows", []) for side in ("ours", "reference")
            if r[side]["wrong"]]


def text(data):
    out = heading(data)
    if data.get("rows"):
        out += ["", text_table(COLUMNS, [row_cells(r) for r in data["rows"]]),
                "", text_table(CLASS_COLUMNS,
                               [class_cells(c) for c in data["classes"]]),
                "", NOTE]
    if data.get("figures"):
        out += ["", text_table(FIGURE_COLUMNS,
                               figure_rows(data["figures"]))]
    bad = faults(data)
    if bad:
        out += ["", "Failed runs:"] + ["  " + b for b in bad]
    return "\n".join(out)


def markdown(data):
    out = ["```text"] + heading(data) + ["```", ""]
    if data.get("rows"):
        names = {k: v[0] for k, v in workloads.CLASSES.items()}
        classes = [[names[c["class"]]] + class_cells(c)[1:]
                   for c in data["classes"]]
        out += [NOTE, "", markdown_table(CLASS_COLUMNS, classes), "",
                markdown_table(COLUMNS, [row_cells(r)
                                         for r in data["rows"]]), ""]
    if data.get("figures"):
        out += [markdown_table(FIGURE_COLUMNS,
                               figure_rows(data["figures"])), ""]
    bad = faults(data)
    if bad:
        out += ["Failed runs:", ""] + ["- " + b for b in bad] + [""]
    return "\n".join(out)


def listing(work, classes):
    for w in work:
        print("%-14s %-8s %-40s %s" % (w.name, w.kind, classes[w.kind][0],
                                       " ".join(w.modes)))
