"""What the Python clients share: a transcript of what a program sees, the same on every run."""

import hashlib
import io
import re
import tarfile

IMAGE = "busybox:latest"

# Some megabytes that do not repeat within any buffer on the way.
BULK = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(100_000))

# Talks on both streams, waits for a line of input, and ends with a distinctive status.
TALKER = ["sh", "-c", "echo out; echo err >&2; read line; echo got $line; exit 3"]

DOCKERFILE = b"FROM busybox\nCOPY data /data\nRUN wc -c /data && echo built >/made\nCMD [\"cat\", \"/made\"]\n"


def say(step: str, *values: object) -> None:
    line = " ".join([f"{step}:", *map(str, values)])
    print(re.sub("[0-9a-f]{64}", "ID", line), flush=True)


def digest(data: bytes) -> str:
    return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}"


def archive(**files: bytes) -> bytes:
    """A tar archive whose bytes depend on the files only."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def contents(data: bytes) -> list[str]:
    """The files of a tar archive with what is in them."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [f"{entry.name}: {digest(tar.extractfile(entry).read())}" for entry in tar if entry.isfile()]


def demultiplexed(data: bytes) -> str:
    """The streams of a container without a terminal, each joined."""
    streams = {1: b"", 2: b""}
    while data:
        length = int.from_bytes(data[4:8], "big")
        streams[data[0]] += data[8 : 8 + length]
        data = data[8 + length :]
    return f"stdout {streams[1]!r}, stderr {streams[2]!r}"


def build_steps(lines: list[dict]) -> list[str]:
    """What a classic build says, without the ids of what it makes."""
    text = "".join(line.get("stream", line.get("error", "")) for line in lines)
    ids = (" ---> ", "Removing intermediate", "Successfully built")
    return [line for line in text.splitlines() if line and not line.startswith(ids)]


def certain(actions: list[str]) -> list[str]:
    """The events whose order and number the engine keeps: it tells of a pause a second time when its
    runtime is late, of execs as they end, and Engine 28 of a stop before or after the death."""
    return [action for action in actions if not action.startswith(("exec", "pause", "unpause", "stop"))]
