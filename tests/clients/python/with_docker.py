"""What programs do with docker-py."""

import io
import json
import socket
import time

import docker
from docker.errors import APIError, ContainerError

from transcript import BULK, DOCKERFILE, IMAGE, TALKER
from transcript import archive, build_steps, certain, contents, demultiplexed, digest, say

client = docker.from_env()
api = client.api


def refused(step: str, call, *args, **kwargs) -> None:
    """The error that a program gets to see."""
    try:
        say(step, "no error", call(*args, **kwargs))
    except (APIError, ContainerError) as error:
        status = getattr(error, "status_code", None) or getattr(error, "exit_status", None)
        say(step, type(error).__name__, status, getattr(error, "explanation", error))


def drained(stream) -> bytes:
    """All of a hijacked connection until the other side ends it."""
    data = b""
    while chunk := stream.recv(65536):
        data += chunk
    return data


def engine() -> None:
    say("ping", client.ping())
    version = client.version()
    say("version", version["ApiVersion"], version["Os"], sorted(version))
    say("info", client.info()["OSType"], client.info()["Driver"])
    say("disk use", sorted(client.df()))
    refused("login", client.login, "user", "password", registry="127.0.0.1:1")


def images() -> None:
    say("images", [image.tags for image in client.images.list()])
    busybox, copy = client.images.get(IMAGE), "py-tag:1"
    say("history", len(busybox.history()))
    say("tag", busybox.tag("py-tag", "1"))
    saved = b"".join(client.images.get(copy).save(named=copy))
    say("untag", client.images.remove(copy))
    say("load", [image.id == busybox.id and copy in image.tags for image in client.images.load(saved)])
    client.images.remove(copy)
    imported = json.loads(api.import_image_from_data(archive(made=BULK), repository="py-import").splitlines()[-1])
    say("import", imported["status"].startswith("sha256:"), client.images.get("py-import").tags)
    client.images.remove("py-import")
    refused("absent image", client.images.get, "no-such-image")
    refused("remove absent image", client.images.remove, "no-such-image")
    refused("pull from nowhere", client.images.pull, "127.0.0.1:1/no-such-image", tag="1")


def build() -> None:
    context = archive(Dockerfile=DOCKERFILE, data=BULK)
    lines = api.build(
        fileobj=io.BytesIO(context), custom_context=True, tag="py-build", network_mode="none",
        nocache=True, rm=True, decode=True, buildargs={"SECRET": "x"},
    )
    say("build", build_steps([line for line in lines]))
    say("run built", client.containers.run("py-build", network_mode="none", remove=True))
    client.images.remove("py-build")


def run() -> None:
    say("run", client.containers.run(IMAGE, ["echo", "ran"], remove=True))
    refused("run that fails", client.containers.run, IMAGE, ["sh", "-c", "echo no >&2; exit 7"], remove=True)
    refused("run of an absent program", client.containers.run, IMAGE, ["no-such-program"], remove=True)


def life() -> None:
    container = client.containers.create(
        IMAGE, TALKER, name="py-life", stdin_open=True, labels={"dsp": "py"}, environment={"A": "b"}
    )
    refused("a second of that name", client.containers.create, IMAGE, name="py-life")
    stdin = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    container.start()
    follow = container.logs(stream=True, follow=True)
    wire = getattr(stdin, "_sock", stdin)
    wire.sendall(b"hello\n")
    wire.shutdown(socket.SHUT_WR)
    say("attached", demultiplexed(drained(wire)))
    stdin.close()
    say("wait", container.wait())
    say("followed", sorted(b"".join(follow).splitlines()))
    say("logs", container.logs(stdout=True, stderr=False), container.logs(stdout=False, stderr=True, tail=1))
    say("diff", container.diff())
    container.rename("py-renamed")
    container.reload()
    say("renamed", container.name == "py-renamed", container.status, container.attrs["State"]["ExitCode"])
    say("export", len(contents(b"".join(container.export()))) > 1)
    say("commit", container.commit("py-commit", "1").tags)
    client.images.remove("py-commit:1")
    say("prune", len(client.containers.prune({"label": "dsp=py"})["ContainersDeleted"]))
    refused("absent container", client.containers.get, "py-renamed")


def running() -> None:
    since = int(time.time())
    container = client.containers.run(IMAGE, ["sleep", "1000"], name="py-run", detach=True, tty=True)
    say("list", [found.name for found in client.containers.list(filters={"name": "py-run"})] == ["py-run"])
    say("top", [process[-1] for process in container.top()["Processes"]])
    say("resize", container.resize(40, 100))
    say("update", container.update(cpu_shares=512))
    executions(container)
    bytes_survive(container)
    container.pause()
    say("paused", client.containers.get(container.id).status)
    container.unpause()
    statistics(container)
    say("kill", container.kill("KILL"), container.wait())
    container.start()
    container.restart(timeout=0)
    container.stop(timeout=0)
    container.remove(v=True, force=True)
    events = client.events(since=since, until=int(time.time()) + 1, filters={"container": container.id}, decode=True)
    seen = [event["Action"].split(":")[0] for event in events]
    say("events", certain(seen))
    say("exec events", sorted({action for action in seen if action.startswith("exec")}))


def executions(container) -> None:
    both = ["sh", "-c", "echo out; echo err >&2; exit 5"]
    say("exec", container.exec_run(both, demux=True))
    say("exec as a stream", sorted(b"".join(container.exec_run(both, stream=True).output).splitlines()))
    say("exec detached", container.exec_run(["true"], detach=True).output)
    say("exec in a terminal", container.exec_run(["sh", "-c", "test -t 1 && echo terminal"], tty=True))
    say("exec of an absent program", container.exec_run(["no-such-program"]))
    exec_id = api.exec_create(container.id, ["sh", "-c", "cat; echo end >&2"], stdin=True)
    stream = api.exec_start(exec_id, socket=True)
    wire = getattr(stream, "_sock", stream)
    wire.sendall(b"typed\n")
    wire.shutdown(socket.SHUT_WR)
    say("exec with input", demultiplexed(drained(wire)), api.exec_inspect(exec_id)["ExitCode"])
    stream.close()
    refused("absent exec", api.exec_start, "no-such-exec")


def bytes_survive(container) -> None:
    say("put archive", container.put_archive("/tmp", archive(bulk=BULK)))
    stream, stat = container.get_archive("/tmp/bulk")
    say("get archive", stat["name"], stat["size"], contents(b"".join(stream)) == contents(archive(bulk=BULK)))
    say("cat", digest(container.exec_run(["cat", "/tmp/bulk"]).output))
    refused("get what is absent", container.get_archive, "/tmp/no-such-file")


def statistics(container) -> None:
    once = container.stats(stream=False)
    say("stats", sorted(once))
    stream = container.stats(stream=True, decode=True)
    say("streamed stats", sorted(next(stream)), sorted(next(stream)) == sorted(once))
    stream.close()


def networks_and_volumes() -> None:
    network = client.networks.create("py-net", driver="bridge", internal=True, labels={"a": "b"})
    container = client.containers.create(IMAGE, name="py-net", network_mode="none")
    refused("connect", network.connect, container)
    container.remove()
    network.reload()
    say("network", network.name == "py-net", network.attrs["Driver"], network.attrs["Labels"])
    network.remove()
    refused("absent network", client.networks.get, "py-net")
    volume = client.volumes.create("py-vol", labels={"a": "b"})
    say("volume", volume.name == "py-vol", volume.attrs["Driver"], volume.attrs["Labels"])
    command = ["sh", "-c", "echo kept >/v/f; cat /v/f"]
    say("volume in use", client.containers.run(IMAGE, command, volumes={"py-vol": {"bind": "/v"}}, remove=True))
    volume.remove()
    refused("absent volume", client.volumes.get, "py-vol")


for step in [engine, images, build, run, life, running, networks_and_volumes]:
    step()
client.close()
