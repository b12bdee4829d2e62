"""What programs do with aiodocker."""

import asyncio
import io
import time

from aiodocker import Docker, DockerError

from transcript import BULK, DOCKERFILE, IMAGE, TALKER, archive, build_steps, certain, contents, digest, say


async def refused(step: str, call) -> None:
    """The error that a program gets to see."""
    try:
        say(step, "no error", await call)
    except DockerError as error:
        say(step, type(error).__name__, error.status, error.message)


async def read_all(stream) -> str:
    streams = {1: b"", 2: b""}
    while message := await stream.read_out():
        streams[message.stream] += message.data
    return f"stdout {streams[1]!r}, stderr {streams[2]!r}"


async def engine(docker: Docker) -> None:
    version = await docker.version()
    say("version", version["ApiVersion"], sorted(version))
    say("info", (await docker.system.info())["OSType"])


async def images(docker: Docker) -> None:
    copy = "aio-tag:1"
    say("images", any(IMAGE in (image["RepoTags"] or []) for image in await docker.images.list()))
    say("history", len(await docker.images.history(IMAGE)))
    say("tag", await docker.images.tag(IMAGE, "aio-tag", tag="1"))
    async with docker.images.export_image(copy) as exported:
        saved = await exported.read()
    say("untag", await docker.images.delete(copy))
    say("load", [line["stream"] for line in await docker.images.import_image(saved) if "stream" in line])
    await docker.images.delete(copy)
    await refused("absent image", docker.images.inspect("no-such-image"))
    await refused("pull from nowhere", docker.images.pull("127.0.0.1:1/no-such-image:1"))


async def build(docker: Docker) -> None:
    context = archive(Dockerfile=DOCKERFILE, data=BULK)
    lines = docker.images.build(
        fileobj=io.BytesIO(context), encoding="identity", tag="aio-build", nocache=True, stream=True
    )
    say("build", build_steps([line async for line in lines]))
    await docker.images.delete("aio-build")
    broken = archive(Dockerfile=b"FROM busybox\nRUN exit 9\n")
    await refused("build that fails", docker.images.build(fileobj=io.BytesIO(broken), encoding="identity"))


async def life(docker: Docker) -> None:
    config = {"Image": IMAGE, "Cmd": TALKER, "OpenStdin": True, "StdinOnce": True}
    container = await docker.containers.create(config, name="aio-life")
    await refused("a second of that name", docker.containers.create(config, name="aio-life"))
    waiting = asyncio.create_task(container.wait(condition="next-exit"))
    async with container.attach(stdin=True, stdout=True, stderr=True) as stream:
        await container.start()
        await stream.write_in(b"hello\n")
        say("attached", await read_all(stream))
    say("wait", await waiting)
    say("logs", sorted(await container.log(stdout=True, stderr=True)))
    say("logs of one stream", await container.log(stderr=True))
    await container.rename("aio-renamed")
    say("renamed", (await container.show())["Name"] == "/aio-renamed")
    await container.delete()
    await refused("absent container", docker.containers.get("aio-renamed"))


async def websocket(docker: Docker) -> None:
    config = {"Image": IMAGE, "Cmd": ["sh", "-c", "read line; echo got $line; read line"], "OpenStdin": True}
    container = await docker.containers.create(config, name="aio-ws")
    await container.start()
    socket = await container.websocket()
    await socket.send_bytes(b"over a websocket\n")
    received = b""
    while b"\n" not in received:
        message = await socket.receive(timeout=20)
        received += message.data if isinstance(message.data, bytes) else message.data.encode()
    say("websocket", received)
    await socket.close()
    await container.delete(force=True)


async def running(docker: Docker) -> None:
    name = "aio-run"
    command = ["sh", "-c", "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.1; done"]
    since = int(time.time())
    watched = docker.events.subscribe(since=str(since), filters=f'{{"container":["{name}"]}}')
    container = await docker.containers.run({"Image": IMAGE, "Cmd": command}, name=name)
    listed = await docker.containers.list(filters={"name": [name]})
    say("list", [found["Names"] == [f"/{name}"] for found in listed])
    followed = []
    async for line in container.log(stdout=True, follow=True):
        followed.append(line)
        if len(followed) == 5:
            break
    say("followed while it runs", followed)
    say("top", (await container.top())["Titles"])
    await executions(container)
    await bytes_survive(container)
    await statistics(container)
    await container.pause()
    say("paused", (await container.show())["State"]["Status"])
    await container.unpause()
    await container.restart(timeout=20)
    await container.stop(timeout=20)
    say("stopped", await container.wait())
    await container.delete(v=True)
    seen = []
    while "destroy" not in seen:
        seen.append((await asyncio.wait_for(watched.get(), 20))["Action"].split(":")[0])
    say("watched", certain(seen))
    await docker.events.stop()


async def executions(container) -> None:
    run = await container.exec(["sh", "-c", "echo out; read line; echo got $line >&2; exit 5"], stdin=True)
    async with run.start() as stream:
        await stream.write_in(b"typed\n")
        say("exec with input", await read_all(stream))
    say("status", (await run.inspect())["ExitCode"])
    run = await container.exec(["sh", "-c", "test -t 1 && read line && echo terminal"], stdin=True, tty=True)
    async with run.start() as stream:
        await stream.write_in(b"\n")
        # A terminal echoes the input, at an unpredictable moment.
        say("exec in a terminal", "terminal" in await read_all(stream))
    run = await container.exec(["true"])
    say("exec detached", await run.start(detach=True))
    run = await container.exec(["no-such-program"])
    async with run.start() as stream:
        say("exec of an absent program", await read_all(stream))


async def bytes_survive(container) -> None:
    await container.put_archive("/tmp", archive(bulk=BULK))
    with await container.get_archive("/tmp/bulk") as tar:
        say("archive", digest(tar.extractfile("bulk").read()))
    run = await container.exec(["cat", "/tmp/bulk"])
    async with run.start() as stream:
        out = b""
        while message := await stream.read_out():
            out += message.data
    say("cat", digest(out))
    await refused("get what is absent", container.get_archive("/tmp/no-such-file"))


async def statistics(container) -> None:
    say("stats", [sorted(sample) for sample in await container.stats(stream=False)])
    samples = 0
    async for _ in container.stats(stream=True):
        samples += 1
        if samples == 2:
            break
    say("streamed stats", samples)


async def networks_and_volumes(docker: Docker) -> None:
    network = await docker.networks.create({"Name": "aio-net", "Driver": "bridge", "Internal": True})
    container = await docker.containers.create({"Image": IMAGE, "Cmd": ["true"]}, name="aio-net")
    say("connect", await network.connect({"Container": container.id}))
    say("network", (await network.show())["Name"] == "aio-net")
    await network.disconnect({"Container": container.id, "Force": True})
    await container.delete()
    say("remove network", await network.delete())
    await refused("absent network", network.show())
    volume = await docker.volumes.create({"Name": "aio-vol", "Labels": {"a": "b"}})
    say("volume", (await volume.show())["Labels"])
    say("remove volume", await volume.delete())
    await refused("absent volume", volume.show())


async def main() -> None:
    async with Docker() as docker:
        for step in [engine, images, build, life, websocket, running, networks_and_volumes]:
            await step(docker)


asyncio.run(main())
