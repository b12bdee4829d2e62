"""The load on a proxy, and what it costs."""
import json
import re
import subprocess
import sys

from proxies import LIST


def microseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1000, "s": 1_000_000}[unit]


def wrk(proxy, seconds, path=LIST, connections=32, scheme="http", headers=()):
    """Over TCP, by wrk."""
    before = proxy.cpu()
    text = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
         *(word for header in headers for word in ("-H", header)),
         f"{proxy.tcp.replace('tcp', scheme)}{path}"],
        check=True, capture_output=True, text=True).stdout
    used = proxy.cpu() - before
    found = lambda pattern: re.search(pattern, text)
    errors = found(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
    other = found(r"Non-2xx or 3xx responses: (\d+)")
    requests, seconds = found(r"(\d+) requests in ([\d.]+)s").groups()
    return figures(proxy, used, {
        "requests": int(requests), "seconds": float(seconds),
        "errors": sum(map(int, errors.groups())) if errors else 0,
        "other": int(other.group(1)) if other else 0,
        "p50": microseconds(found(r"(?m)^ +50%\s+(\S+)").group(1)),
        "p99": microseconds(found(r"(?m)^ +99%\s+(\S+)").group(1)),
    })


def ours(bench, proxy, command, address, prefix=(), **options):
    """By benches/load, for everything that wrk does not support."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    before = proxy.cpu() if proxy else 0
    done = subprocess.run([*prefix, bench.load, command, address, *words], capture_output=True,
                          text=True)
    used = proxy.cpu() - before if proxy else 0
    if done.returncode:
        name = proxy.name if proxy else "no proxy"
        sys.exit(f"scripts/bench: {name}: {done.stderr.strip()}")
    if done.stderr:
        print(f"scripts/bench: {proxy.name if proxy else 'no proxy'}: {done.stderr.strip()}",
              file=sys.stderr)
    told = json.loads(done.stdout)
    if "bytes" in told:
        return {"speed": told["bytes"] / told["seconds"] / 1e9,
                "cpu": used / (told["bytes"] / (1 << 30)), "memory": proxy.memory()}
    return figures(proxy, used, told)


def figures(proxy, used, told):
    answered = told["requests"]
    if answered == 0:
        sys.exit(f"scripts/bench: {proxy.name} answered nothing")
    return {
        "rate": answered / told["seconds"], "p50": told["p50"], "p99": told["p99"],
        "errors": told["errors"], "other": told["other"], "requests": answered,
        "cpu": used / answered * 1e6 if proxy else None,
        "memory": proxy.memory() if proxy else None,
    }


class Held:
    """Connections that are open as long as this object."""

    def __init__(self, bench, address, command, path, connections):
        self.process = subprocess.Popen(
            [bench.load, command, address, "--path", path, "--connections", str(connections)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        if not self.process.stdout.readline():
            sys.exit(f"scripts/bench: {self.process.stderr.read().strip()}")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
