"""Rows of the comparison. A row's name says the work: bulk-down-8, ping-pong-64-1000 (bytes, connections), short-64, mix,
idle-4000 (connections), ready-100 (port mappings)."""

import re
from dataclasses import dataclass

QUICK = ["bulk-down-1", "bulk-down-8", "ping-pong-64-1", "ping-pong-64-64", "short-64"]
BULK = [f"bulk-{way}-{count}" for way in ("down", "up", "both") for count in (1, 8, 64)]
PING_PONG = [f"ping-pong-{size}-{count}" for size in (64, 4096, 65536) for count in (1, 64, 1000)]
CROWDS = ["ping-pong-64-4000", "ping-pong-64-9000"]
SHORT = ["short-1", "short-64"]
STANDING = ["idle-1000", "idle-4000", "idle-9000", "ready-1", "ready-100", "ready-1000"]

SETS = {
    "quick": QUICK,
    "targets": [*BULK, "ping-pong-64-1", "ping-pong-64-64", "ping-pong-4096-64", *CROWDS, *SHORT, "mix", "idle-1000", "idle-4000",
                "idle-9000"],
    "all": [*BULK, *PING_PONG, *CROWDS, *SHORT, "mix", *STANDING],
}

MIX_ALONE = "ping-pong-64-64"  # what the mix is without its bulk
MIX_BULK = 8

GIB = float(1 << 30)


@dataclass(frozen=True)
class Row:
    name: str
    load_arguments: tuple    # of bench_load
    connections: int         # at a time
    unit: str                # what one unit of work is called
    cost_unit: str           # of what is compared, a unit of work
    counted: str = ""        # the field of a report that counts the work
    units_each: float = 1.0  # how many of that field make one unit
    cost_scale: float = 1.0  # from seconds of CPU time to cost_unit
    kind: str = "load"       # load: a slice of traffic; idle and ready: a process of its own, looked at
    ports: int = 1
    most_rounds: int = 1000
    extras: tuple = ()       # further fields of a report that are shown

    def units(self, report):
        return report[self.counted] / self.units_each

    def cost(self, report):
        """None if there is no relay whose cost it could be."""
        if self.kind != "load":
            return report["cost"]
        if self.name.startswith("mix"):
            return report["latency_us"]["p99"]
        if not report["relay_cpu_seconds"]:
            return None
        return report["relay_cpu_seconds"] * self.cost_scale / self.units(report)

    def rate(self, report):
        return self.units(report) / report["wall_seconds"] if self.kind == "load" else None

    @property
    def rate_unit(self):
        return f"{self.unit}/s" if self.kind == "load" else ""

    @property
    def cost_label(self):
        return f"{self.cost_unit}/{self.unit}" if self.unit and not self.name.startswith("mix") else self.cost_unit


def parse(name):
    """Raises ValueError for a name that is no row."""
    if match := re.fullmatch(r"(bulk-down|bulk-up|bulk-both)-(\d+)", name):
        arguments = (match[1], "--connections", match[2])
        return Row(name, arguments, int(match[2]), "GiB", "s", "bytes", GIB, 1.0)
    if match := re.fullmatch(r"ping-pong-(\d+)-(\d+)", name):
        arguments = ("ping-pong", "--bytes", match[1], "--connections", match[2])
        return Row(name, arguments, int(match[2]), "round trip", "µs", "round_trips", 1.0, 1e6)
    if match := re.fullmatch(r"short-(\d+)(-client-closes)?", name):
        arguments = ("short", "--connections", match[1], "--closer", "client" if match[2] else "server")
        return Row(name, arguments, int(match[1]), "session", "µs", "sessions", 1.0, 1e6)
    if match := re.fullmatch(r"mix(?:-(\d+)-(\d+))?", name):
        bulk, others = match[1] or str(MIX_BULK), match[2] or "64"
        arguments = ("mix", "--connections", others, "--bulk-beside", bulk)
        return Row(name, arguments, int(bulk) + int(others), "round trip", "µs p99", "round_trips", 1.0, 1e6)
    if match := re.fullmatch(r"idle-(\d+)", name):
        return Row(name, ("idle", "--connections", match[1]), int(match[1]), "connection", "B", kind="idle", most_rounds=3,
                   extras=("user_bytes", "slab_bytes", "descriptors", "pipes"))
    if match := re.fullmatch(r"ready-(\d+)", name):
        return Row(name, (), 0, "", "ms", kind="ready", ports=int(match[1]), most_rounds=3)
    raise ValueError(
        f"no such row: {name} (rows: bulk-down-N, bulk-up-N, bulk-both-N, ping-pong-BYTES-N, short-N, short-N-client-closes, "
        f"mix, mix-BULK-N, idle-N, ready-PORTS; sets: {', '.join(SETS)})")


def chosen(words):
    """The rows of a comma separated list of names and sets, each once; the mix brings along what it is compared with."""
    names = [name for word in words.split(",") for name in SETS.get(word, [word])]
    if "mix" in names and MIX_ALONE not in names:
        names.insert(names.index("mix"), MIX_ALONE)
    return [parse(name) for name in dict.fromkeys(names)]
