"""The tables and plots of docs/performance.md, generated from the figures in target/bench."""
import json

import plots
from figures import column, ratio, replace, spread, table
from machine import ROOT

DOCUMENT = ROOT / "docs/performance.md"


def text(result):
    """The text for a scenario, on the terminal and in the document."""
    return TEXTS.get(result["scenario"], requests)(result)


def mib(figures, key="memory", digits=1):
    return spread([one / 1024 for one in column(figures, key)], digits)


def requests(result):
    found = result["figures"]
    usual, relay = found.get("HAProxy", []), found.get("relay", [])
    rows, failed = [], []
    for name, figures in found.items():
        if ", " in name:
            # A scenario with two workloads has a relay for each.
            relay = found["relay, " + name.split(", ", 1)[1]]
        rows.append([
            name, spread(column(figures, "cpu"), 1), ratio(figures, usual, "cpu"),
            ratio(figures, relay, "cpu"), spread(column(figures, "rate"), 0),
            spread(column(figures, "p50"), 0), spread(column(figures, "p99"), 0),
            ratio(figures, usual, "p99"), mib(figures),
        ])
        errors = sum(column(figures, "errors"))
        if errors:
            failed.append(f"{name}: {errors:,} requests failed.")
    head = ["proxy", "CPU µs per request", "of HAProxy", "of the relay", "requests/s", "p50 µs",
            "p99 µs", "p99 of HAProxy", "MiB"]
    # Drop empty columns.
    full = [at for at in range(len(head)) if any(row[at] for row in rows)]
    rows = [[row[at] for at in full] for row in rows]
    return "\n\n".join([table([head[at] for at in full], rows), *failed])


def memory(result):
    rows = []
    for name, figures in result["figures"].items():
        name, _, number = name.partition(", ")
        rows.append([name, number or f"{figures[0]['connections']:,}", mib(figures, "before"),
                     mib(figures), spread(column(figures, "each"), 1)])
    what = "streams" if result["scenario"] == "streams" else "connections"
    return table(["proxy", what, "MiB before", "MiB with them", "KiB each"], rows)


def bulk(result):
    found = result["figures"]
    rows = []
    for name, figures in found.items():
        row = [name]
        for kind in ("", "tcp "):
            row += [spread(column(figures, f"{kind}speed"), 2),
                    ratio(figures, found["HAProxy"], f"{kind}speed"),
                    spread(column(figures, f"{kind}cpu"), 2)]
        rows.append([*row, mib(figures)])
    return table(["proxy", "unix: GB/s", "of HAProxy", "CPU s per GiB", "TCP: GB/s", "of HAProxy",
                  "CPU s per GiB", "MiB"], rows)


def connections(result):
    rows = []
    for row in result["figures"]:
        for name, figures in row["figures"].items():
            rows.append([f"{row['connections']:,}", name, spread(column(figures, "rate"), 0),
                         spread(column(figures, "cpu"), 1),
                         ratio(figures, row["figures"]["HAProxy"], "cpu"),
                         spread(column(figures, "p99"), 0), mib(figures)])
    return table(["connections", "proxy", "requests/s", "CPU µs per request", "of HAProxy", "p99 µs",
                  "MiB"], rows)


def programs(result):
    rows = [[row["programs"], f"{row['connections']:,}", spread(column(row["figures"], "cpu"), 1),
             spread(column(row["figures"], "rate"), 0), spread(column(row["figures"], "p99"), 0),
             mib(row["figures"])] for row in result["figures"]]
    return table(["programs", "connections", "CPU µs per request", "requests/s", "p99 µs", "MiB"], rows)


TLS = {"none": "clients over TCP, engine on a unix socket", "clients": "clients over TLS",
       "engine over TCP": "engine over TCP", "engine": "engine over TLS"}


def tls(result):
    rows = [[TLS[name], spread(column(figures, "cpu"), 1), spread(column(figures, "p50"), 0),
             spread(column(figures, "new cpu"), 1), spread(column(figures, "new p50"), 0),
             spread(column(figures, "speed"), 2), spread(column(figures, "bulk cpu"), 2)]
            for name, figures in result["figures"].items()]
    return table(["", "CPU µs per request", "p50 µs", "CPU µs with a new connection", "p50 µs",
                  "GB/s", "CPU s per GiB"], rows)


def rules(result):
    rows = [[f"{row['rules']:,}", spread(column(row["other"], "cpu"), 1),
             spread(column(row["same"], "cpu"), 1), spread(column(row["patterns"], "cpu"), 1),
             spread(column(row["other"], "listening"), 1),
             mib(row["other"])] for row in result["figures"]]
    return table(["rules", "CPU µs per request: of other operations",
                  "names of this one", "patterns of this one",
                  "ms until it listens", "MiB"], rows)


def recording(result):
    rows = [[f"{row['lines']:,}", f"{row['bytes'] / 1048576:,.1f}",
             spread(column(row["generate"], "seconds"), 2), mib(row["generate"])]
            for row in result["figures"]]
    return table(["lines", "MiB of recording", "seconds", "MiB resident at most"], rows)


def start(result):
    found = result["figures"]
    rows = [["`true`", spread(found["true"], 1)],
            ["`dsp record -- true`", spread(found["record"], 1)],
            ["what `dsp record` adds, of the medians", f"{found['added']:.1f}"],
            [f"`dsp enforce` with {found['rules']:,} rules, until its socket accepts",
             spread(found["listening"], 1)]]
    return table(["", "ms"], rows)


def fleet(result):
    name = lambda row: f"{row['hosts']} next to {row['bare']} without dsp" if row["bare"] else row["hosts"]
    rows = [[name(row), spread(column(row["figures"], "cpu"), 1),
             spread(column(row["figures"], "rate"), 0), spread(column(row["figures"], "p50"), 0),
             spread(column(row["figures"], "p99"), 0), mib(row["figures"]),
             mib(row["figures"], "own")] for row in result["figures"]]
    return table(["hosts", "CPU µs per request", "requests/s each", "p50 µs", "p99 µs", "MiB each",
                  "MiB each, what they share counted once"], rows)


TEXTS = {
    "streams": memory, "idle": memory, "hijack": bulk, "download": bulk, "upload": bulk,
    "connections": connections, "programs": programs, "rules": rules, "recording": recording,
    "start": start, "fleet": fleet, "tls": tls,
}


def machine(results):
    """The machine, the programs and the amounts of load; several if the figures come from different ones."""
    told = {}
    for result in results:
        facts = result["machine"]
        quick = ", with --quick" if result["quick"] else ""
        key = (
            f"{facts['cores']} cores ({facts['model']}), {facts['memory']}, {facts['system']}, Linux "
            f"{facts['kernel']}, {facts['open files']:,} open files. dsp {facts['dsp']} at "
            f"{facts['commit']}, built by rustc {facts['rustc']}; HAProxy {facts['haproxy']}, nginx "
            f"{facts['nginx']}, Caddy {facts['caddy']}, wrk {facts['wrk']}. {facts['day']}, "
            f"{result['rounds']} rounds of {result['seconds']} s{quick}; three at most for memory, "
            "growth and many hosts.")
        told.setdefault(key, []).append(result)
    lines = []
    for key, group in told.items():
        load = max(result["machine"]["load"] for result in group)
        names = "" if len(told) == 1 else f"{', '.join(result['scenario'] for result in group)}: "
        lines.append(f"{names}{key} Load of the machine before it: {load}.")
    return lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)


def write(folder):
    results = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    document = DOCUMENT.read_text()
    document = replace(document, "machine", machine(results))
    for result in results:
        document = replace(document, result["scenario"], text(result))
    DOCUMENT.write_text(document)
    plots.draw({result["scenario"]: result["figures"] for result in results})
