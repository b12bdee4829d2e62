"""How costs grow with connections, rules and recordings, and what a start costs."""
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from loads import ours
from machine import most_connections
from proxies import LIST, Running, profile, written
from scenarios import answered, in_turns

GROWING = ("dsp", "HAProxy", "relay")
LISTENING = 1000
STARTS = 50


def connections(bench, options):
    """The figures for each number of busy connections."""
    rows = []
    for number in sorted({most_connections(count) for count in (1, 10, 100, 1000, options.most)}):
        bench.connections = number
        rounds = in_turns(bench, GROWING, options.few, lambda proxy: answered(ours(
            bench, proxy, "get", proxy.unix, seconds=options.seconds, connections=number)))
        rows.append({"connections": number, "figures": rounds})
    return rows


def programs(bench, options):
    """Many busy connections of one `dsp serve`: of one program, and of four with a profile, a socket and a
    log each."""
    # One user gets at most fifteen of sixteen connections.
    number = most_connections(options.most) * 9 // 10
    found = {1: [], 4: []}
    for _ in range(options.few):
        for count, figures in found.items():
            figures.append(of_programs(bench, count, number, options.seconds))
    return [{"programs": count, "connections": number, "figures": figures}
            for count, figures in found.items()]


def of_programs(bench, count, connections, seconds):
    sockets, lines = [], ["version: 1", f"engine: {bench.engine}", "programs:"]
    for one in range(count):
        file = bench.folder / f"program-{one}.yaml"
        file.write_text(profile(100).replace("name: bench", f"name: bench-{one}"))
        sockets.append(f"unix://{bench.folder}/program-{one}.sock")
        lines += [f"  program-{one}:", f"    profile: {file.name}", f"    listen: {sockets[-1]}",
                  f"    audit_log: {bench.fresh(f'program-{one}.jsonl')}"]
    file = bench.folder / "dsp-serve.yaml"
    file.write_text("\n".join(lines) + "\n")
    proxy = bench.start([bench.dsp, "serve", "-q", file])
    proxy.wait_for(*sockets)
    before = proxy.cpu()
    # The same four loads for both.
    loads = [subprocess.Popen([bench.load, "get", sockets[one % count], "--seconds", str(seconds),
                               "--connections", str(connections // 4)], stdout=subprocess.PIPE)
             for one in range(4)]
    told = [json.loads(load.communicate()[0]) for load in loads]
    used, memory, requests = proxy.cpu() - before, proxy.memory(), sum(one["requests"] for one in told)
    bench.end(proxy)
    if any(one["errors"] or one["other"] for one in told):
        sys.exit(f"scripts/bench: {count} programs: not every request was answered")
    return {"cpu": used / requests * 1e6, "memory": memory, "rate": sum(
        one["requests"] / one["seconds"] for one in told), "p99": max(one["p99"] for one in told)}


def rules(bench, options):
    """Rules for other operations, and names and patterns for the requested one."""
    rows = []
    for number in (1, 10, 100, 1000, 10_000):
        names = written(f"GET /containers/name-{one}/json" for one in range(number))
        patterns = written(f"GET /containers/name-{one}-*/json" for one in range(number))
        last, row = f"/v1.41/containers/name-{number - 1}", {"rules": number}
        for kind, text, path in (("other", profile(number), LIST), ("same", names, f"{last}/json"),
                                 ("patterns", patterns, f"{last}-a/json")):
            row[kind] = []
            for _ in range(options.few):
                proxy = bench.proxy("dsp", text)
                figures = answered(ours(bench, proxy, "get", proxy.unix, seconds=options.seconds,
                                        path=path))
                row[kind].append({**figures, "listening": proxy.listening})
                bench.end(proxy)
        rows.append(row)
    return rows


def recording(lines):
    """Half of the lines are requests: four operations on 100,000 containers, in random order, as in
    scripts/million."""
    start = '"2026-01-01T00:00:00Z"'
    yield f'{{"session":{{"version":1,"id":"m","start":{start},"dsp":"0.1.0"}}}}\n'
    kinds, state = ("json", "stats", "logs", "top"), 1
    for number in range(1, lines // 2 + 1):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        identity = f"{(state >> 33) % 100_000:064x}"
        path = f"/v1.41/containers/{identity}/{kinds[(state >> 20) % 4]}"
        yield (f'{{"request":{{"session":"m","seq":{number},"time":{start},"connection":1,'
               f'"method":"GET","path":"{path}","parameters":{{"id":"{identity}"}},'
               f'"query":[["stream","1"]],"agent":"Docker-Client/28.2.2 (linux)"}}}}\n'
               f'{{"response":{{"session":"m","seq":{number},"status":200,"milliseconds":6,'
               f'"received":0,"sent":1600}}}}\n')
    yield f'{{"end":{{"session":"m","time":{start},"requests":{lines // 2},"dropped":0}}}}\n'


def generate(bench, file):
    """Seconds, and the peak resident memory, which the kernel reports until the process has ended;
    what it reports later includes this script's own memory before the program was loaded."""
    start, most = time.monotonic(), 0
    process = subprocess.Popen([bench.dsp, "generate", "--quiet", file], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        found = re.search(r"^VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text(), re.M)
        most = max(most, int(found.group(1)) if found else 0)
        time.sleep(0.0005)
    if process.returncode:
        sys.exit(f"scripts/bench: dsp generate ended with {process.returncode}")
    return {"seconds": time.monotonic() - start, "memory": most or None}


def recordings(bench, options):
    """Seconds and MiB of `dsp generate`."""
    rows, file = [], bench.folder / "growing.jsonl"
    for lines in (10 ** power for power in range(3, options.recording + 1)):
        if shutil.disk_usage(bench.folder).free < lines * 400:
            print(f"scripts/bench: no room for a recording of {lines:,} lines", file=sys.stderr)
            break
        with open(file, "w", encoding="ascii") as out:
            out.writelines(recording(lines))
        runs = []
        for _ in range(options.few if lines < 10 ** 7 else 1):
            runs.append(generate(bench, file))
        rows.append({"lines": lines, "bytes": file.stat().st_size, "generate": runs})
    file.unlink(missing_ok=True)
    return rows


def timed(command):
    start = time.monotonic()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return (time.monotonic() - start) * 1000


def start(bench, options):
    """Milliseconds that `record` adds, and until `enforce` listens; also measured in turns."""
    bare, recorded, listening = [], [], []
    file = bench.folder / "listening.yaml"
    file.write_text(profile(LISTENING))
    address = f"unix://{bench.folder}/listening.sock"
    for _ in range(STARTS):
        bare.append(timed(["true"]))
        recorded.append(timed([bench.dsp, "record", "-q", "-H", bench.engine, "-o",
                               bench.fresh("start.jsonl"), "--", "true"]))
        running = Running([bench.dsp, "enforce", "-q", "-H", bench.engine, "--listen", address, file])
        listening.append(running.wait_for(address))
        running.terminate()
    return {"true": bare, "record": recorded, "listening": listening, "rules": LISTENING,
            "added": statistics.median(recorded) - statistics.median(bare)}


GROWTH = {"connections": connections, "programs": programs, "rules": rules, "recording": recordings,
          "start": start}
