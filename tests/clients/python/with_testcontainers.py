"""What a test suite does with testcontainers, without the container that it starts to clean up."""

import tempfile
from pathlib import Path

from testcontainers.core.container import DockerContainer
from testcontainers.core.image import DockerImage
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import HealthcheckWaitStrategy, LogMessageWaitStrategy
from testcontainers.core.waiting_utils import wait_for_logs

from transcript import BULK, DOCKERFILE, IMAGE, digest, say


def service() -> DockerContainer:
    command = ["sh", "-c", "echo starting; sleep 0.3; echo warned >&2; echo ready $WHO; exec sleep 1000"]
    return DockerContainer(IMAGE).with_command(command).with_env("WHO", "you")


def a_container() -> None:
    with service().with_name("tc-one") as container:
        wait_for_logs(container, LogMessageWaitStrategy("ready you"))
        say("logs", container.get_logs())
        status, output = container.exec(["sh", "-c", "echo out; echo err >&2; exit 4"])
        say("exec", status, sorted(output.splitlines()))
        container.copy_into_container(BULK, "/tmp/bulk")
        with tempfile.TemporaryDirectory() as folder:
            container.copy_from_container("/tmp/bulk", Path(folder, "bulk"))
            say("copied", digest(Path(folder, "bulk").read_bytes()))
        say("status", container.status)
        say("info", container.get_container_info().Name == "/tc-one")


def strategies() -> None:
    by_log = service().waiting_for(LogMessageWaitStrategy("ready").with_startup_timeout(20))
    with by_log as container:
        say("waited for a line", container.status)
    check = {"test": ["CMD", "true"], "interval": 1_000_000_000}
    by_health = service().with_kwargs(healthcheck=check).waiting_for(HealthcheckWaitStrategy())
    with by_health as container:
        say("waited for health", container.get_wrapped_container().health)


def together() -> None:
    with Network() as network, service().with_network(network).with_network_aliases("one") as one:
        wait_for_logs(one, LogMessageWaitStrategy("ready"))
        with service().with_network(network) as two:
            wait_for_logs(two, LogMessageWaitStrategy("ready"))
            say("asks the engine for names", two.exec(["grep", "nameserver", "/etc/resolv.conf"]))


def built() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_bytes(DOCKERFILE)
        Path(folder, "data").write_bytes(BULK)
        with DockerImage(path=folder, tag="tc-image:1", buildargs={}) as image:
            with DockerContainer(str(image)) as container:
                say("built and run", container.wait(), container.get_logs())


for step in [a_container, strategies, together, built]:
    step()
