"""Starts dsp with a unix socket and a TCP socket that are open already, as systemd does, and restarts it."""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time

dsp, folder = sys.argv[1:3]


def listening(kind, address):
    listener = socket.socket(kind)
    listener.bind(address)
    listener.listen(16)
    return listener


unix = listening(socket.AF_UNIX, f"{folder}/lists.sock")
tcp = listening(socket.AF_INET, ("127.0.0.1", 0))
port = tcp.getsockname()[1]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(f"{folder}/notify.sock")
notify.settimeout(30)
with open(f"{folder}/dsp.yaml") as file:
    text = file.read().replace("PORT", str(port))
with open(f"{folder}/dsp.yaml", "w") as file:
    file.write(text)


children = []


# A dsp that is left over would keep the test's pipes open.
def kill_children():
    for pid in children:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


atexit.register(kill_children)


def start():
    pid = os.fork()
    if pid:
        children.append(pid)
    if pid == 0:
        # Numbers that are free, so that neither copy replaces the other.
        copies = [os.dup2(listener.fileno(), number) for listener, number in [(unix, 50), (tcp, 51)]]
        for number, copy in enumerate(copies, start=3):
            os.dup2(copy, number)
        own = str(os.getpid())
        activated = {"LISTEN_FDS": "2", "LISTEN_PID": own, "NOTIFY_SOCKET": f"{folder}/notify.sock"}
        watched = {"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": own}
        os.chdir(folder)
        os.execve(dsp, ["dsp", "serve", "dsp.yaml"], {**os.environ, **activated, **watched})
    return pid


def ended(pid):
    os.waitpid(pid, 0)
    children.remove(pid)


def told(what):
    while True:
        message = notify.recv(1024).decode()
        if message.startswith(what):
            return


def status(*where):
    curl = subprocess.run(
        ["curl", "-s", "-m", "30", "-o", "/dev/null", "-w", "%{http_code}", *where, "http://d/containers/json"],
        capture_output=True,
        text=True,
    )
    return curl.stdout


over_unix, over_tcp = ["--unix-socket", f"{folder}/lists.sock"], ["--connect-to", f"::127.0.0.1:{port}"]
first = start()
told("READY=1")
assert status(*over_unix) == "200"
assert status("-H", "Host: localhost", *over_tcp) == "200"
told("WATCHDOG=1")
os.kill(first, signal.SIGHUP)
told("RELOADING=1")
told("READY=1")

# Under load, restarts and reloads that fail lose no request.
answers, is_done = {}, threading.Event()


def ask_again_and_again():
    request = b"GET /containers/json HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
    while not is_done.is_set():
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(30)
        try:
            client.connect(f"{folder}/lists.sock")
            client.sendall(request)
            answer = client.recv(64)[9:12].decode()
        except OSError as error:
            answer = str(error)
        client.close()
        answers[answer] = answers.get(answer, 0) + 1


threads = [threading.Thread(target=ask_again_and_again, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
for round in range(5):
    with open(f"{folder}/dsp.yaml", "w") as file:
        file.write("version: 1\nprograms: nonsense\n")
    os.kill(first, signal.SIGHUP)
    told("RELOADING=1")
    told("READY=1")
    with open(f"{folder}/dsp.yaml", "w") as file:
        file.write(text)
    os.kill(first, signal.SIGTERM)
    ended(first)
    first = start()
    told("READY=1")
is_done.set()
for thread in threads:
    thread.join()
assert list(answers) == ["200"] and answers["200"] > 20, answers
print(answers["200"], "answers", file=sys.stderr)

# Endless answers do not hold up the end, and a client that connects meanwhile waits for the next dsp.
events = subprocess.Popen(
    ["curl", "-sN", *over_unix, "http://d/events"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
)
events.stdout.read(1)
begun = time.monotonic()
os.kill(first, signal.SIGTERM)
ended(first)
took = time.monotonic() - begun
assert took < 5, took
events.wait()
waiting = subprocess.Popen(
    ["curl", "-s", "-m", "30", "-o", "/dev/null", "-w", "%{http_code}", *over_unix, "http://d/containers/json"],
    stdout=subprocess.PIPE,
    text=True,
)
second = start()
told("READY=1")
assert waiting.communicate()[0] == "200"
assert os.path.exists(f"{folder}/lists.sock")
os.kill(second, signal.SIGTERM)
ended(second)
assert os.path.exists(f"{folder}/lists.sock"), "the file belongs to whoever opened the socket"
print("done")
