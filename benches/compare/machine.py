"""The machine: missing packages, its description, and its limit of open files."""
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = {
    "haproxy": "haproxy", "nginx": "nginx-light", "caddy": "caddy", "wrk": "wrk",
    "gnuplot": "gnuplot-nox", "ip": "iproute2",
}


def install():
    missing = [package for name, package in PACKAGES.items() if not shutil.which(name)]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"scripts/bench: missing, and no root or no apt-get: {' '.join(missing)}")
    # Packages with a service must not start it.
    policy = Path("/usr/sbin/policy-rc.d")
    made = not policy.exists()
    if made:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        for words in (["update", "-q"], ["install", "-qy", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", *words], check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if made:
            policy.unlink()


def build(dsp):
    """Builds the measured program and the load generator."""
    load = ROOT / "target/load"
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path",
                    ROOT / "benches/load/Cargo.toml", "--target-dir", load], check=True)
    if dsp is None:
        subprocess.run(["cargo", "build", "--profile", "dist", "--locked", "--quiet"], cwd=ROOT, check=True)
        dsp = ROOT / "target/dist/dsp"
    return dsp.resolve(), load / "release/dsp-load"


def raise_open_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 65536), max(hard, 65536)))
    except (OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections(wanted):
    """The wanted number, or fewer if the limit of open files requires it: a proxy needs two for each."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return min(wanted, (limit - 200) // 2)


def facts(dsp):
    """The facts that belong to every figure."""
    said = lambda *command: subprocess.run(command, capture_output=True, text=True)
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1))
    release = Path("/etc/os-release").read_text()
    wrk = re.search(r"wrk (\S+)", said("wrk", "-v").stdout)
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "cores": os.cpu_count(),
        "model": model.group(1).strip() if model else platform.machine(),
        "memory": f"{memory / 1048576:.0f} GiB",
        "kernel": platform.release(),
        "system": re.search(r'PRETTY_NAME="([^"]*)"', release).group(1),
        "open files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "load": round(os.getloadavg()[0], 2),
        "dsp": said(dsp, "--version").stdout.split()[-1],
        "commit": said("git", "-C", ROOT, "rev-parse", "--short", "HEAD").stdout.strip(),
        "haproxy": said("haproxy", "-v").stdout.split()[2],
        "nginx": said("nginx", "-v").stderr.strip().split("/")[-1],
        "caddy": said("caddy", "version").stdout.split()[0],
        "wrk": wrk.group(1) if wrk else "",
        "gnuplot": said("gnuplot", "--version").stdout.split(" ", 1)[-1].strip(),
        "rustc": said("rustc", "--version").stdout.split()[1],
    }
