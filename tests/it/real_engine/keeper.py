"""Keeps the sockets of `dsp serve` open, as systemd does, and starts, ends and kills dsp on request.

  keeper.py FOLDER FIRST SOCKET PORT...    dsp is FOLDER/dsp, and FIRST the process whose namespace it gets

Reads one word a line, and answers each with `done` and the ID of dsp: start, stop (TERM), kill, hang-up.
"""

import os
import signal
import socket
import subprocess
import sys

folder, first, path, port = sys.argv[1:]

# The machine's /proc is visible until dsp gets its own, so the first ID is the one on the machine.
BEGIN = """
read -r pid _ </proc/self/stat
echo "$pid" >"$0/dsp.pid"
export LISTEN_PID=$$ LISTEN_FDS=3
cd "$0" && exec unshare --mount --mount-proc -- "$0/dsp" serve dsp.yaml 2>>"$0/dsp.log"
"""


def listening(kind, address):
    listener = socket.socket(kind)
    listener.bind(address)
    listener.listen(128)
    return listener


listeners = [
    listening(socket.AF_UNIX, path),
    listening(socket.AF_UNIX, f"{folder}/ci.sock"),
    listening(socket.AF_INET, ("127.0.0.1", int(port))),
]
os.chmod(path, 0o666)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(f"{folder}/notify.sock")
notify.settimeout(60)
dsp = None


def place_sockets():
    # Numbers that are free first, so that no copy replaces another one.
    copies = [os.dup2(listener.fileno(), 50 + at) for at, listener in enumerate(listeners)]
    for at, copy in enumerate(copies):
        os.dup2(copy, 3 + at)


def process():
    with open(f"{folder}/dsp.pid") as file:
        return int(file.read())


def told(what):
    while not notify.recv(1024).decode().startswith(what):
        pass


def forget():
    """What dsp has said before, also about reloads that others asked for."""
    notify.setblocking(False)
    try:
        while notify.recv(1024):
            pass
    except BlockingIOError:
        notify.settimeout(60)


def start():
    global dsp
    forget()
    enter = ["nsenter", "--target", first, "--pid", "--"] if first else []
    environment = {**os.environ, "NOTIFY_SOCKET": f"{folder}/notify.sock"}
    dsp = subprocess.Popen(
        [*enter, "sh", "-c", BEGIN, folder], close_fds=False, preexec_fn=place_sockets, env=environment
    )
    told("READY=1")


def end(signal_):
    os.kill(process(), signal_)
    dsp.wait()


def hang_up():
    forget()
    os.kill(process(), signal.SIGHUP)
    told("RELOADING=1")
    told("READY=1")


orders = {
    "start": start,
    "stop": lambda: end(signal.SIGTERM),
    "kill": lambda: end(signal.SIGKILL),
    "hang-up": hang_up,
}
try:
    for line in sys.stdin:
        orders[line.strip()]()
        print("done", process(), flush=True)
finally:
    if dsp and dsp.poll() is None:
        end(signal.SIGKILL)
