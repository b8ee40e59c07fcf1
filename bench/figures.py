#!/usr/bin/env python3
"""The figures of doc/performance.md, from reports of `gattn bench --device cuda --json`: SVG, without other modules.

    python3 bench/figures.py --growth growth.json --roofline forward.json [--peers peers.json] doc/pictures

Writes growth.svg and roofline.svg into the folder.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import math
import os

import tables

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 440, 70, 240, 20, 50
COLOURS = ["#1b6ca8", "#c8553d", "#3a7d44", "#7b4b94", "#b8860b", "#444444"]


class Chart:
    """Two logarithmic axes."""

    def __init__(self, x, y, x_label, y_label):
        self.x, self.y, self.parts, self.legend = x, y, [], 0
        self.axis(x, y, x_label, y_label)

    def at(self, x, y):
        part_x = (math.log(x) - math.log(self.x[0])) / (math.log(self.x[1]) - math.log(self.x[0]))
        part_y = (math.log(y) - math.log(self.y[0])) / (math.log(self.y[1]) - math.log(self.y[0]))
        return LEFT + part_x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - part_y * (HEIGHT - TOP - BOTTOM)

    def text(self, x, y, words, more=""):
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" {more}>{words}</text>')

    def line(self, points, style):
        self.parts.append('<polyline fill="none" points="' +
                          " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + f'" {style}/>')

    def axis(self, x, y, x_label, y_label):
        for at in powers(x):
            across, _ = self.at(at, y[0])
            self.line([(across, TOP), (across, HEIGHT - BOTTOM)], 'stroke="#e4e4e4"')
            self.text(across, HEIGHT - BOTTOM + 18, label(at), 'text-anchor="middle"')
        for at in powers(y):
            _, down = self.at(x[0], at)
            self.line([(LEFT, down), (WIDTH - RIGHT, down)], 'stroke="#e4e4e4"')
            self.text(LEFT - 8, down + 4, label(at), 'text-anchor="end"')
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_label, 'text-anchor="middle"')
        middle = (TOP + HEIGHT - BOTTOM) / 2
        self.text(18, middle, y_label, f'text-anchor="middle" transform="rotate(-90 18 {middle:.0f})"')

    def key(self, words, colour, mark="circle"):
        down = TOP + 14 + 18 * self.legend
        self.mark(WIDTH - RIGHT + 20, down - 4, colour, mark)
        self.text(WIDTH - RIGHT + 32, down, words)
        self.legend += 1

    def mark(self, x, y, colour, mark):
        if mark == "circle":
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        else:
            self.line([(x - 4, y - 4), (x + 4, y + 4)], f'stroke="{colour}" stroke-width="2"')
            self.line([(x - 4, y + 4), (x + 4, y - 4)], f'stroke="{colour}" stroke-width="2"')

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                       'font-family="sans-serif" font-size="12">\n'
                       f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


def powers(bounds):
    """Round numbers between the bounds: of ten, or of two where those are many."""
    base = 10 if bounds[0] < 1000 else 4
    first = math.ceil(math.log(bounds[0], base) - 1e-9)
    last = math.floor(math.log(bounds[1], base) + 1e-9)
    return [float(base)**power for power in range(first, last + 1)]


def label(value):
    return tables.size(int(value)) if value >= 4096 else f"{value:g}"


def growth(report, path):
    """Time against tokens."""
    works = report["workloads"]
    times = [1e3 * work["seconds"] for work in works]
    chart = Chart((min(work["n"] for work in works), max(work["n"] for work in works)),
                  (min(times) / 2, max(times) * 2), "tokens", "ms")
    for number, mask in enumerate(dict.fromkeys(work["mask"] for work in works)):
        points = [chart.at(work["n"], 1e3 * work["seconds"]) for work in works if work["mask"] == mask]
        chart.line(points, f'stroke="{COLOURS[number]}" stroke-width="1.5"')
        for point in points:
            chart.mark(*point, COLOURS[number], "circle")
        chart.key(f"{mask}: edges^{tables.exponents(report)[mask]:.3f}", COLOURS[number])
    chart.write(path)


def roofline(report, rows, path):
    """Operations a second against operations a byte: ours, the fastest of theirs, and what the device allows."""
    limits = tables.rates(report)
    products = max(limits.get(name, 0) for name in ("wgmma", "mma_sync", "multiply_add")) / 1e12
    copy = limits["copy_bytes"] / 1e12
    works = [work for work in report["workloads"] if work["frontier"] == "all"]
    intensity = [work["operations"] / work["bytes"] for work in works]
    least = min(work["operations"] / work["seconds"] for work in works) / 1e13
    chart = Chart((min(intensity) / 2, max(intensity) * 2), (least, 2 * products), "operations a byte of Q, K, V and O",
                  "Tflop/s on edges")
    ridge = products / copy
    roof = [(x, min(products, x * copy)) for x in (max(chart.x[0], least / copy), ridge, chart.x[1])]
    chart.line([chart.at(*point) for point in roof], 'stroke="black" stroke-width="1.5"')
    chart.key(f"{copy:.2f} TB/s, {products:.0f} Tflop/s", "black", "circle")
    for number, d in enumerate((64, 128)):
        chart.key(f"gattn, d = {d}", COLOURS[number])
        chart.key(f"fastest peer, d = {d}", COLOURS[number], "cross")
        for x, work in zip(intensity, works):
            if work["d"] != d:
                continue
            chart.mark(*chart.at(x, work["operations"] / work["seconds"] / 1e12), COLOURS[number], "circle")
            for peer in tables.peers_of(rows, work)[:1]:
                chart.mark(*chart.at(x, work["operations"] / peer["ms"] / 1e9), COLOURS[number], "cross")
    chart.write(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--growth", help="report of the suite growth")
    parser.add_argument("--roofline", help="report of the suite forward")
    parser.add_argument("--peers", help="of peers_cuda.py --json")
    options = parser.parse_args()
    if options.growth:
        growth(tables.load(options.growth), os.path.join(options.folder, "growth.svg"))
    if options.roofline:
        rows = tables.load(options.peers)["peers"] if options.peers else []
        roofline(tables.load(options.roofline), rows, os.path.join(options.folder, "roofline.svg"))


if __name__ == "__main__":
    main()
