"""Many hosts on one machine: each has its own network, with an engine, a profile and a log."""
import json
import os
import subprocess
import sys

from proxies import Bench, profile

RATE = 1000
CONNECTIONS = 8
ADDRESS = "tcp://127.0.0.1:2375"


class Host:
    """A network namespace with one engine and one dsp, as on a separate machine."""

    def __init__(self, bench, name, has_dsp):
        self.has_dsp = has_dsp
        self.name = f"dsp-bench-{os.getpid()}-{name}"
        self.inside = ["ip", "netns", "exec", self.name]
        self.folder = bench.folder / self.name
        self.outside, self.bench, self.loading = bench, None, None

    def begin(self):
        self.folder.mkdir()
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        subprocess.run(["ip", "-n", self.name, "link", "set", "lo", "up"], check=True)
        self.bench = Bench(self.outside.dsp, self.outside.load, self.folder)
        if not self.has_dsp:
            return
        file = self.folder / "profile.yaml"
        file.write_text(profile(100).replace("name: bench", f"name: {self.name}"))
        # `ip` becomes the program that it starts, so that this is dsp itself.
        unix = f"unix://{self.folder}/dsp.sock"
        self.dsp = self.bench.start(
            [self.bench.dsp, "enforce", "-q", "-H", self.bench.engine, "--audit-log",
             self.folder / "audit.jsonl", "--listen", ADDRESS, "--listen", unix, file], self.inside)
        self.dsp.wait_for(unix)

    def load(self, seconds):
        address = ADDRESS if self.has_dsp else self.bench.engine
        self.loading = subprocess.Popen(
            [*self.inside, self.bench.load, "get", address, "--rate", str(RATE), "--connections",
             str(CONNECTIONS), "--seconds", str(seconds)],
            stdout=subprocess.PIPE, text=True)

    def end(self):
        if self.loading:
            self.loading.kill()
            self.loading.wait()
        if self.bench:
            self.bench.end_all()
        if os.path.exists(f"/run/netns/{self.name}"):
            subprocess.run(["ip", "netns", "del", self.name], check=False)


def fleet(bench, options):
    """The figures of every host, for increasing numbers of hosts."""
    if os.geteuid() != 0:
        print("scripts/bench: the fleet is left out: it needs root", file=sys.stderr)
        return None
    # The last one shows the effect of the machine: the same load next to one dsp, but no other dsp.
    rows = [{"hosts": number, "bare": bare, "figures": []}
            for number, bare in ((1, 0), (2, 0), (4, 0), (8, 0), (1, 7))]
    for turn in range(options.few):
        for row in rows:
            row["figures"] += fleet_round(bench, turn, row["hosts"], row["bare"], options.seconds)
    return rows


def fleet_round(bench, turn, number, bare, seconds):
    hosts = [Host(bench, f"{turn}-{number}-{bare}-{one}", one < number) for one in range(number + bare)]
    try:
        for host in hosts:
            host.begin()
        return loaded(hosts, seconds)
    finally:
        for host in hosts:
            host.end()


def loaded(hosts, seconds):
    watched = [host for host in hosts if host.has_dsp]
    before = [host.dsp.exact_cpu() for host in watched]
    for host in hosts:
        host.load(seconds)
    told = [json.loads(host.loading.communicate()[0]) for host in hosts]
    found = []
    for host, cpu, one in zip(watched, before, told):
        if one["errors"] or one["other"]:
            sys.exit(f"scripts/bench: {host.name}: not every request was answered")
        found.append({
            "cpu": (host.dsp.exact_cpu() - cpu) / one["requests"] * 1e6, "p50": one["p50"],
            "p99": one["p99"], "rate": one["requests"] / one["seconds"],
            "memory": host.dsp.memory("Rss"), "own": host.dsp.memory("Pss"),
        })
    return found


FLEET = {"fleet": fleet}
