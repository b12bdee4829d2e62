"""The engine and the proxies: how each is started, and what the kernel reports about it."""
import os
import re
import socket
import string
import subprocess
import sys
import time
from pathlib import Path

from machine import ROOT

LIST = "/v1.41/containers/json"
DENIED = "/v1.41/secrets"
EVENTS = "/v1.41/events"
ALLOWED = (
    "GET /_ping", "GET /version", "GET /events", "GET /containers/json", "GET /containers/*/json",
    "POST /containers/*/attach", "GET /images/get", "POST /images/load",
)


def profile(rules):
    """A profile with this many rules: one for the request, and others for names of containers."""
    if rules < len(ALLOWED):
        return written(["GET /containers/json"])
    names = (f"POST /containers/name-{number}/start" for number in range(rules - len(ALLOWED)))
    return written([*ALLOWED, *names])


def written(rules):
    return "\n".join(["version: 1", "name: bench", "allow:", *(f"  - {rule}" for rule in rules)]) + "\n"


class Running:
    """A running program."""

    def __init__(self, command, prefix=()):
        self.command = [*map(str, prefix), *map(str, command)]
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_for(self, *addresses):
        """Milliseconds from the start until all of these are served."""
        deadline = self.started + 20
        for address in addresses:
            while not is_served(address):
                if self.process.poll() is not None:
                    sys.exit(f"scripts/bench: this ended: {' '.join(self.command)}")
                if time.monotonic() > deadline:
                    self.terminate()
                    sys.exit(f"scripts/bench: {address} is not served: {' '.join(self.command)}")
                time.sleep(0.0002)
        return (time.monotonic() - self.started) * 1000

    def ids(self):
        ids = [self.process.pid]
        for process in ids:
            children = Path(f"/proc/{process}/task/{process}/children")
            ids += map(int, children.read_text().split())
        return ids

    def cpu(self):
        """Seconds of CPU so far, for all of its processes."""
        ticks = 0
        for process in self.ids():
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def exact_cpu(self):
        """The same in nanoseconds, for the current threads: to measure little work."""
        return sum(int(file.read_text().split()[0]) for process in self.ids()
                   for file in Path(f"/proc/{process}/task").glob("*/schedstat")) / 1e9

    def memory(self, kind=None):
        """Resident KiB; memory that several processes share counts once."""
        ids = self.ids()
        kind = kind or ("Rss" if len(ids) == 1 else "Pss")
        return sum(int(re.search(rf"^{kind}:\s+(\d+)", text, re.M).group(1)) for text in
                   (Path(f"/proc/{process}/smaps_rollup").read_text() for process in ids))

    def terminate(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def is_served(address):
    kind, place = address.split("://")
    try:
        if kind == "unix":
            with socket.socket(socket.AF_UNIX) as stream:
                stream.connect(place)
        else:
            host, port = place.split(":")
            socket.create_connection((host, int(port))).close()
        return True
    except OSError:
        return False


class Bench:
    """A folder with an engine and the proxies in front of it."""

    def __init__(self, dsp, load, folder, connections=1000):
        self.dsp, self.load, self.folder, self.running = dsp, load, folder, []
        self.engine = f"unix://{folder}/engine.sock"
        running = self.start([load, "serve", self.engine])
        running.wait_for(self.engine)
        os.chmod(folder / "engine.sock", 0o666)
        self.connections = connections

    def start(self, command, prefix=()):
        running = Running(command, prefix)
        self.running.append(running)
        return running

    def end(self, running):
        running.terminate()
        self.running.remove(running)

    def end_all(self):
        for running in reversed(self.running):
            running.terminate()
        self.running = []

    def config(self, file, port):
        text = string.Template((ROOT / "benches/proxies" / file).read_text())
        made = self.folder / file
        made.write_text(text.safe_substitute(
            DIR=self.folder, PORT=port, CONNECTIONS=max(self.connections + 20, 4096),
            WORKER_CONNECTIONS=max(2 * self.connections + 100, 1024)))
        return made

    def proxy(self, name, rules=None):
        """Starts this proxy; dsp with its own rules if there are any."""
        number = list(NAMES).index(name)
        port = 7480 + number
        tcp, unix = f"tcp://127.0.0.1:{port}", f"unix://{self.folder}/{name.replace(' ', '-')}.sock"
        if is_served(tcp):
            sys.exit(f"scripts/bench: another program listens on port {port}")
        if name == "dsp":
            file = self.folder / "dsp.yaml"
            file.write_text(rules or profile(100))
            command = [self.dsp, "enforce", "-q", "-H", self.engine, "--audit-log",
                       self.fresh("audit.jsonl"), "--listen", tcp, "--listen", unix, file]
        elif name == "dsp record":
            command = [self.dsp, "record", "-q", "-H", self.engine, "-o",
                       self.fresh("recording.jsonl"), "--listen", tcp, "--listen", unix]
        elif name == "nginx":
            command = ["nginx", "-c", self.config("nginx.conf", port)]
        elif name == "Caddy":
            command = ["caddy", "run", "--adapter", "caddyfile", "--config",
                       self.config("Caddyfile", port)]
        else:
            command = ["haproxy", "-f", self.config(f"{name.lower()}.cfg", port)]
        # A server that was ended may have left its socket.
        Path(unix.removeprefix("unix://")).unlink(missing_ok=True)
        running = self.start(command)
        running.name, running.tcp, running.unix = name, tcp, unix
        running.listening = running.wait_for(unix)
        running.wait_for(tcp)
        return running

    def fresh(self, name):
        file = self.folder / name
        file.unlink(missing_ok=True)
        return file


NAMES = ("dsp", "HAProxy", "relay", "nginx", "Caddy", "dsp record")
FIVE = NAMES[:5]
