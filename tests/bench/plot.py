# SPDX-License-Identifier: GPL-2.0-or-later
"""The ratios as a picture: one line per workload, one dot per mode, on a
logarithmic scale; a tick where the goal of a mode is."""
import math
from xml.sax.saxutils import escape

LEFT, RIGHT, TOP, LINE = 170, 30, 70, 22
WIDTH = 860
# Colours that most colour-blind people tell apart.
COLOURS = {
    "plain": "#000000", "icount7": "#e69f00", "icount-auto": "#f0b94d",
    "record7": "#0072b2", "record-auto": "#56b4e9",
    "replay7": "#d55e00", "replay-auto": "#cc79a7",
}


class Scale:
    def __init__(self, values):
        self.low = math.log10(min(values + [0.5]) / 1.3)
        self.high = math.log10(max(values + [1.5]) * 1.3)

    def x(self, ratio):
        part = (math.log10(ratio) - self.low) / (self.high - self.low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def marks(self):
        for power in range(-4, 4):
            for digit in (1, 2, 5):
                value = digit * 10.0 ** power
                if self.low <= math.log10(value) <= self.high:
                    yield value


def text(x, y, what, more=""):
    return '<text x="%.1f" y="%.1f" %s>%s</text>' % (x, y, more,
                                                     escape(what))


def line(x1, y1, x2, y2, colour, width=1):
    return ('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" '
            'stroke-width="%s"/>' % (x1, y1, x2, y2, colour, width))


def legend(modes):
    out = []
    x = LEFT
    for mode in modes:
        out.append('<circle cx="%d" cy="44" r="5" fill="%s"/>'
                   % (x, COLOURS[mode]))
        out.append(text(x + 9, 48, mode))
        x += 30 + 7 * len(mode)
    return out


def svg(data):
    rows = [r for r in data["rows"]
            if r["ratio"] and r["class"] != "startup"]
    names = list(dict.fromkeys(r["workload"] for r in rows))
    modes = [m for m in COLOURS if any(r["mode"] == m for r in rows)]
    scale = Scale([r["ratio"] for r in rows] + [r["goal"] for r in rows
                                                if r["goal"]])
    bottom = TOP + LINE * len(names)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'font-family="sans-serif" font-size="12">' % (WIDTH, bottom + 50),
           '<rect width="100%" height="100%" fill="#ffffff"/>',
           text(LEFT, 22, "CPU time, %s / %s" % (
               data["ours"], data["reference"]), 'font-weight="bold"')]
    out += legend(modes)
    for value in scale.marks():
        x = scale.x(value)
        strong = value == 1
        out.append(line(x, TOP - 8, x, bottom, "#555" if strong else "#ddd",
                        1.5 if strong else 1))
        out.append(text(x, bottom + 16, "%g" % value,
                        'text-anchor="middle"'))
    out.append(text(scale.x(1), bottom + 34, "left of 1: less time than the "
                    "reference", 'text-anchor="middle" fill="#555"'))
    for i, name in enumerate(names):
        y = TOP + LINE * i + LINE / 2
        out.append(text(LEFT - 10, y + 4, name, 'text-anchor="end"'))
        out.append(line(LEFT, y, WIDTH - RIGHT, y, "#eee"))
        for r in (r for r in rows if r["workload"] == name):
            colour = COLOURS[r["mode"]]
            if r["goal"]:
                x = scale.x(r["goal"])
                out.append(line(x, y - 8, x, y + 8, colour, 2))
            out.append('<circle cx="%.1f" cy="%.1f" r="4.5" fill="%s">'
                       '<title>%s, %s: %.3f</title></circle>' % (
                           scale.x(r["ratio"]), y, colour, escape(name),
                           r["mode"], r["ratio"]))
    out.append("</svg>")
    return "\n".join(out) + "\n"
