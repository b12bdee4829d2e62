"""The plots of docs/performance.md, drawn by gnuplot."""
import math
import re
import statistics
import subprocess

from figures import column
from machine import ROOT

FOLDER = ROOT / "docs/performance"
INK, PAPER, GRID = "#1f2328", "#fefefe", "#c8ccd1"
COLOURS = {"dsp": "#0072b2", "HAProxy": "#d55e00", "relay": "#7a7f85"}
# For light and dark pages. The paper is opaque, so that a plot is legible on any page.
DARK = {INK: "#e6edf3", PAPER: "#0d1117", GRID: "#3d444d", "#0072b2": "#58a6ff",
        "#d55e00": "#f0883e", "#7a7f85": "#9ea7b3"}
STYLE = "\n".join([
    "<style>", "@media (prefers-color-scheme: dark) {",
    *(f'  [{attribute}="{light}"] {{ {attribute}: {dark} }}'
      for light, dark in DARK.items() for attribute in ("fill", "stroke", "color")),
    "}", "</style>"])


def median(figures, key, by=1):
    return statistics.median(column(figures, key)) / by


def draw_file(name, across, panels, logarithmic=True):
    """Panels side by side; each is a title, the points of each line, and whether y is logarithmic."""
    has_key = len(panels[0][1]) > 1
    lines = [
        f"set terminal svg size {300 * len(panels)},{290 if has_key else 260} font 'sans,12' linewidth 1.5 "
        f"background '{PAPER}'",
        f"set multiplot layout 1,{len(panels)}", "set lmargin 8", "set rmargin 3",
        f"set bmargin {6 if has_key else 4}", "set tmargin 3",
        f"set border 3 linecolor '{INK}'", f"set tics nomirror scale 0.5,0 textcolor '{INK}'",
        f"set grid linecolor '{GRID}'", f"set xlabel '{across}' textcolor '{INK}'",
        f"set title textcolor '{INK}'", "set format x '%.0s%c'", "unset key",
        "set logscale x" if logarithmic else "set xtics 1",
    ]
    for number, (title, points, is_logarithmic) in enumerate(panels):
        lines.append(f"set title \"{title}\"")
        across_all = [x for pairs in points.values() for x, _ in pairs]
        most = 10 ** math.ceil(math.log10(max(across_all))) if logarithmic else max(across_all)
        lines.append(f"set xrange [{min(across_all)}:{most}]")
        lines += ["set logscale y", "set yrange [*:*]", "set format y '%g'"] if is_logarithmic else [
            "unset logscale y", "set yrange [0:*]", "set format y '%.0s%c'"]
        parts = []
        for at, (label, pairs) in enumerate(points.items()):
            data = f"$data_{number}_{at}"
            lines += [f"{data} << END", *(f"{x} {y}" for x, y in pairs), "END"]
            colour = list(COLOURS.values())[at]
            look = f"pointtype {(7, 5, 9)[at]} pointsize 0.6 linecolor rgb '{colour}'"
            parts.append(f"{data} with linespoints {look}")
            # One legend, below all of them.
            if has_key and number == 0:
                place = 0.5 + 0.25 * (at - (len(points) - 1) / 2) - 0.04
                lines.append(f"set label {at + 1} \"{label}\" at screen {place},0.05 offset 1,0 "
                             f"point {look} textcolor '{INK}'")
            elif has_key and at == 0:
                lines.append("unset label")
        lines.append("plot " + ", ".join(parts))
    lines.append("unset multiplot")
    done = subprocess.run(["gnuplot"], input="\n".join(lines) + "\n", text=True,
                          capture_output=True, check=True)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.svg").write_text(painted(done.stdout))


def painted(text):
    """Normalizes the spelling of colours, so that a style sheet can find them."""
    for colour in DARK:
        parts = [int(colour[at:at + 2], 16) for at in (1, 3, 5)]
        spelling = r"rgb\(\s*{}\s*,\s*{}\s*,\s*{}\s*\)".format(*parts)
        text = re.sub(f"{spelling}|{colour}", colour, text, flags=re.IGNORECASE)
    text = re.sub(r"(fill|stroke|color)='([^']*)'", r'\1="\2"', text)
    text = "\n".join(line.rstrip() for line in text.split("\n") if line.strip()) + "\n"
    return text.replace("<defs>", f"{STYLE}\n<defs>", 1)


def draw(found):
    if "connections" in found:
        rows = found["connections"]
        lines = lambda key, by=1: {
            name: [(row["connections"], median(row["figures"][name], key, by)) for row in rows]
            for name in rows[0]["figures"]}
        draw_file("connections", "connections", [
            ("requests/s", lines("rate"), False), ("CPU µs per request", lines("cpu"), False),
            ("MiB resident", lines("memory", 1024), True)])
    if "rules" in found:
        rows = found["rules"]
        line = lambda kind, key, by=1: [
            (row["rules"], median(row[kind], key, by)) for row in rows]
        draw_file("rules", "rules", [
            ("CPU µs per request", {"rules of other operations": line("other", "cpu"),
                                  "names of this operation": line("same", "cpu"),
                                  "patterns of this operation": line("patterns", "cpu")}, True),
            ("ms until it listens", {"dsp": line("other", "listening")}, False),
            ("MiB resident", {"dsp": line("other", "memory", 1024)}, False)])
    if "recording" in found:
        rows = found["recording"]
        line = lambda key, by=1: [
            (row["lines"], median(row["generate"], key, by)) for row in rows]
        draw_file("recording", "lines", [
            ("seconds", {"dsp generate": line("seconds")}, True),
            ("MiB resident at most", {"dsp generate": line("memory", 1024)}, True)])
    if "fleet" in found:
        rows = [row for row in found["fleet"] if not row["bare"]]
        line = lambda key, by=1: [
            (row["hosts"], median(row["figures"], key, by)) for row in rows]
        draw_file("fleet", "hosts", [
            ("CPU µs per request", {"dsp": line("cpu")}, False),
            ("MiB resident, each", {"dsp": line("memory", 1024)}, False)], logarithmic=False)
