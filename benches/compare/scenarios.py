"""The comparison: each scenario gives the figures of each proxy, round by round."""
import sys

from loads import Held, ours, wrk
from machine import most_connections
from proxies import DENIED, EVENTS, FIVE, LIST

WITHOUT_RELAY = tuple(name for name in FIVE if name != "relay")
IDS = 100_000


def in_turns(bench, names, rounds, measure):
    """The figures of proxies that take turns, so that a change of the machine affects all of them."""
    proxies = [bench.proxy(name) for name in names]
    found = {name: [] for name in names}
    for _ in range(rounds):
        for proxy in proxies:
            found[proxy.name].append(measure(proxy))
    for proxy in proxies:
        bench.end(proxy)
    return found


def afresh(bench, names, rounds, measure):
    """The same, each time with a newly started proxy: memory that a proxy returned to its own heap
    would not be visible."""
    found = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            proxy = bench.proxy(name)
            found[name].append(measure(proxy))
            bench.end(proxy)
    return found


def answered(figures, refused=False):
    """Checks that a scenario measured what it claims."""
    wrong = figures["requests"] - figures["other"] if refused else figures["other"]
    if wrong:
        sys.exit(f"scripts/bench: {wrong} of {figures['requests']} answers are wrong")
    return figures


def keepalive(bench, options):
    return in_turns(bench, FIVE, options.rounds, lambda proxy: answered(wrk(proxy, options.seconds)))


def unix(bench, options):
    found = in_turns(bench, FIVE, options.rounds, lambda proxy: answered(
        ours(bench, proxy, "get", proxy.unix, seconds=options.seconds)))
    found["no proxy"] = [ours(bench, None, "get", bench.engine, seconds=options.seconds)]
    return found


def connect(bench, options):
    return in_turns(bench, FIVE, options.rounds, lambda proxy: answered(
        ours(bench, proxy, "connect", proxy.tcp, seconds=options.seconds)))


def connect_unix(bench, options):
    return in_turns(bench, FIVE, options.rounds, lambda proxy: answered(
        ours(bench, proxy, "connect", proxy.unix, seconds=options.seconds)))


def denied(bench, options):
    return in_turns(bench, WITHOUT_RELAY, options.rounds, lambda proxy: answered(
        wrk(proxy, options.seconds, DENIED), refused=True))


def distinct(bench, options):
    return in_turns(bench, FIVE, options.rounds, lambda proxy: answered(
        ours(bench, proxy, "get", proxy.unix, seconds=options.seconds, ids=IDS)))


def record(bench, options):
    found = {}
    for what, ids in (("one request", 0), (f"{IDS:,} different requests", IDS)):
        rounds = in_turns(bench, ("dsp", "dsp record", "relay"), options.rounds, lambda proxy: answered(
            ours(bench, proxy, "get", proxy.unix, seconds=options.seconds, ids=ids)))
        for name, label in (("dsp", "dsp enforce"), ("dsp record", "dsp record"), ("relay", "relay")):
            found[f"{label}, {what}"] = rounds[name]
    return found


def held(bench, command, path, connections):
    def measure(proxy):
        # One connection first, so that one-time costs are not counted per connection.
        with Held(bench, proxy.unix, command, path, 1):
            before = proxy.memory()
            with Held(bench, proxy.unix, command, path, connections):
                after = proxy.memory()
        return {"before": before, "memory": after, "each": (after - before) / connections,
                "connections": connections}
    return measure


def streams(bench, options):
    return afresh(bench, FIVE, options.few, held(bench, "streams", EVENTS, 1000))


def idle(bench, options):
    found = {}
    for connections in (1000, most_connections(options.most)):
        bench.connections = connections
        rounds = afresh(bench, FIVE, options.few, held(bench, "idle", LIST, connections))
        found.update({f"{name}, {connections:,}": figures for name, figures in rounds.items()})
    return found


def bulk(command, size):
    def measure(bench, options):
        amount = int(size * options.bulk)
        def both(proxy):
            over = {kind: ours(bench, proxy, command, address, bytes=amount)
                    for kind, address in (("tcp", proxy.tcp), ("unix", proxy.unix))}
            return {"speed": over["unix"]["speed"], "cpu": over["unix"]["cpu"],
                    "tcp speed": over["tcp"]["speed"], "tcp cpu": over["tcp"]["cpu"],
                    "memory": proxy.memory(), "bytes": amount}
        return in_turns(bench, FIVE, options.rounds, both)
    return measure


def echo(bench, options):
    return in_turns(bench, FIVE, options.rounds, lambda proxy:
                    ours(bench, proxy, "echo", proxy.unix, seconds=options.seconds))


SCENARIOS = {
    "keepalive": keepalive, "unix": unix, "connect": connect, "connect-unix": connect_unix,
    "denied": denied, "distinct": distinct, "record": record, "streams": streams, "idle": idle,
    "hijack": bulk("hijack", 4 << 30), "download": bulk("download", 4 << 30),
    "upload": bulk("upload", 1 << 30), "echo": echo,
}
