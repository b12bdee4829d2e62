"""The plots of docs/performance.md, drawn by gnuplot."""
import statistics
import subprocess

from figures import column
from machine import ROOT

FOLDER = ROOT / "docs/performance"
INK, PAPER, GRID = "#1f2328", "#fefefe", "#c8ccd1"
COLOURS = {"dsp": "#0072b2", "HAProxy": "#d55e00", "relay": "#7a7f85"}
# Where the page is dark the plot is, too; the paper is opaque, so that it is legible in any case.
STYLE = """<style>
@media (prefers-color-scheme: dark) {
  [fill="#fefefe"] { fill: #0d1117 }
  [fill="#1f2328"] { fill: #e6edf3 }
  [stroke="#1f2328"] { stroke: #e6edf3 }
  [stroke="#c8ccd1"] { stroke: #3d444d }
  [stroke="#0072b2"] { stroke: #58a6ff }
  [fill="#0072b2"] { fill: #58a6ff }
  [stroke="#d55e00"] { stroke: #f0883e }
  [fill="#d55e00"] { fill: #f0883e }
  [stroke="#7a7f85"] { stroke: #9ea7b3 }
  [fill="#7a7f85"] { fill: #9ea7b3 }
}
</style>"""


def median(figures, key, by=1):
    return statistics.median(column(figures, key)) / by


def draw_file(name, across, panels, logarithmic=("x",)):
    """Panels side by side; each is a title and the points of each line."""
    lines = [
        f"set terminal svg size {300 * len(panels)},280 font 'sans,12' linewidth 1.5 "
        f"background '{PAPER}'",
        f"set multiplot layout 1,{len(panels)}",
        f"set border 3 linecolor '{INK}'", f"set tics nomirror textcolor '{INK}'",
        f"set grid linecolor '{GRID}'", f"set key textcolor '{INK}' bottom right",
        f"set xlabel '{across}' textcolor '{INK}'", f"set title textcolor '{INK}'",
        "set format x '%.0s%c'", "set offsets graph 0, graph 0, graph 0.1, 0",
    ]
    for number, (title, points, log_y) in enumerate(panels):
        lines.append("set logscale x" if "x" in logarithmic else "unset logscale x")
        lines += [f"set title \"{title}\"", "unset key" if number else "set key"]
        lines += ["set logscale y", "set yrange [*:*]", "set format y '%g'"] if log_y else [
            "unset logscale y", "set yrange [0:*]", "set format y '%.0s%c'"]
        parts = []
        for at, (label, pairs) in enumerate(points.items()):
            data = f"$data_{number}_{at}"
            lines += [f"{data} << END", *(f"{x} {y}" for x, y in pairs), "END"]
            parts.append(f"{data} with linespoints pointtype {(7, 5, 9)[at]} pointsize 0.6 "
                         f"linecolor rgb '{list(COLOURS.values())[at]}' title \"{label}\"")
        if len(points) == 1:
            lines.append("unset key")
        lines.append("plot " + ", ".join(parts))
    lines.append("unset multiplot")
    done = subprocess.run(["gnuplot"], input="\n".join(lines) + "\n", text=True,
                          capture_output=True, check=True)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.svg").write_text(painted(done.stdout))


def painted(text):
    """gnuplot writes colours in three ways; one is enough to name them in a style sheet."""
    for colour in (INK, PAPER, GRID, *COLOURS.values()):
        parts = [int(colour[at:at + 2], 16) for at in (1, 3, 5)]
        for spelling in ("rgb({}, {}, {})", "rgb( {}, {}, {})", "rgb({:3}, {:3}, {:3})",
                         "rgb( {:2},  {:2},  {:2})"):
            text = text.replace(spelling.format(*parts), colour)
    text = "\n".join(line.rstrip() for line in text.split("\n") if line.strip()) + "\n"
    return text.replace("<defs>", f"{STYLE}\n<defs>", 1)


def draw(found):
    if "connections" in found:
        rows = found["connections"]
        lines = lambda key, by=1: {
            name: [(row["connections"], median(row["figures"][name], key, by)) for row in rows]
            for name in rows[0]["figures"]}
        draw_file("connections", "connections", [
            ("requests/s", lines("rate"), False), ("CPU µs a request", lines("cpu"), False),
            ("MiB resident", lines("memory", 1024), True)])
    if "rules" in found:
        rows = found["rules"]
        line = lambda kind, key, by=1: [
            (row["rules"], median(row[kind], key, by)) for row in rows]
        draw_file("rules", "rules", [
            ("CPU µs a request", {"rules of other operations": line("other", "cpu"),
                                  "names of this operation": line("same", "cpu")}, False),
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
            ("CPU µs a request", {"dsp": line("cpu")}, False),
            ("MiB resident, each", {"dsp": line("memory", 1024)}, False)], logarithmic=())
