"""What TLS costs dsp, beside TCP without it: on its listener, and to the engine."""
import re
import subprocess
import sys

from loads import wrk
from machine import ROOT
from proxies import LIST, profile

PIECE = 1 << 20
PORTS = {"none": 7490, "clients": 7491, "engine over TCP": 7492, "engine": 7493}
ENGINE_TCP, ENGINE_TLS = 7494, 7495

# A proxy that gives the engine an address with TLS, and one without.
ENGINE = """
global
    maxconn 4096
defaults
    mode tcp
    timeout connect 10s
    timeout client 10m
    timeout server 10m
backend engine
    server engine unix@{folder}/engine.sock
frontend plain
    bind 127.0.0.1:{tcp}
    default_backend engine
frontend tls
    bind 127.0.0.1:{tls} ssl crt {folder}/both.pem
    default_backend engine
"""


def documented():
    """The first two commands of docs/tls.md that make certificates."""
    text = (ROOT / "docs/tls.md").read_text().split("## Making certificates")[1]
    return re.findall(r"(?s)^openssl .*?[^\\]$", text, re.M)[:2]


def make_certificates(folder):
    for command in documented():
        subprocess.run(command, shell=True, check=True, cwd=folder, stderr=subprocess.DEVNULL)
    both = (folder / "server-cert.pem").read_text() + (folder / "server-key.pem").read_text()
    (folder / "both.pem").write_text(both)


def start(bench, name):
    port, folder = PORTS[name], bench.folder
    file = folder / "tls.yaml"
    file.write_text(profile(100))
    options = []
    if name == "clients":
        options = ["--tls-cert", folder / "server-cert.pem", "--tls-key", folder / "server-key.pem"]
    engine = {"engine over TCP": f"tcp://127.0.0.1:{ENGINE_TCP}",
              "engine": f"tcp://127.0.0.1:{ENGINE_TLS}"}.get(name, bench.engine)
    variables = [f"DOCKER_HOST={engine}", f"DOCKER_CERT_PATH={folder}"]
    if name == "engine":
        variables.append("DOCKER_TLS_VERIFY=1")
    proxy = bench.start([bench.dsp, "enforce", "-q", "--audit-log", bench.fresh(f"tls-{port}.jsonl"),
                         "--listen", f"tcp://127.0.0.1:{port}", *options, file], ["env", *variables])
    proxy.name, proxy.tcp = name, f"tcp://127.0.0.1:{port}"
    proxy.wait_for(proxy.tcp)
    return proxy


def measured(proxy, seconds):
    scheme = "https" if proxy.name == "clients" else "http"
    kept = wrk(proxy, seconds, scheme=scheme)
    new = wrk(proxy, seconds, scheme=scheme, headers=["Connection: close"])
    large = wrk(proxy, seconds, f"/v1.41/images/get?names={PIECE}", 4, scheme=scheme)
    for figures in (kept, new, large):
        if figures["other"]:
            sys.exit(f"scripts/bench: TLS, {proxy.name}: wrong answers")
    return {"cpu": kept["cpu"], "p50": kept["p50"], "new cpu": new["cpu"], "new p50": new["p50"],
            "speed": large["rate"] * PIECE / 1e9, "bulk cpu": large["cpu"] * (1 << 30) / PIECE / 1e6}


def tls(bench, options):
    make_certificates(bench.folder)
    config = bench.folder / "tls.cfg"
    config.write_text(ENGINE.format(folder=bench.folder, tcp=ENGINE_TCP, tls=ENGINE_TLS))
    bench.start(["haproxy", "-f", config]).wait_for(
        f"tcp://127.0.0.1:{ENGINE_TCP}", f"tcp://127.0.0.1:{ENGINE_TLS}")
    proxies = [start(bench, name) for name in PORTS]
    found = {name: [] for name in PORTS}
    for _ in range(options.rounds):
        for proxy in proxies:
            found[proxy.name].append(measured(proxy, options.seconds))
    return found


TLS = {"tls": tls}
