"""Rows of the comparison. A row's name says the work: bulk-down-8, ping-pong-64-1000 (bytes, connections), short-64."""

import re
from dataclasses import dataclass

QUICK = ["bulk-down-1", "bulk-down-8", "ping-pong-64-1", "ping-pong-64-64", "short-64"]

GIB = float(1 << 30)


@dataclass(frozen=True)
class Row:
    name: str
    load_arguments: tuple  # of bench_load
    unit: str              # what one unit of work is called
    cost_unit: str         # of CPU time a unit of work
    counted: str           # the field of bench_load's report that counts the work
    units_each: float      # how many of that field make one unit
    cost_scale: float      # from seconds to cost_unit

    def units(self, report):
        return report[self.counted] / self.units_each

    def cost(self, report):
        return report["relay_cpu_seconds"] * self.cost_scale / self.units(report)

    def rate(self, report):
        return self.units(report) / report["wall_seconds"]

    @property
    def rate_unit(self):
        return f"{self.unit}/s"


def parse(name):
    """Raises ValueError for a name that is no row."""
    if match := re.fullmatch(r"(bulk-down|bulk-up|bulk-both)-(\d+)", name):
        arguments = (match[1], "--connections", match[2])
        return Row(name, arguments, "GiB", "s", "bytes", GIB, 1.0)
    if match := re.fullmatch(r"ping-pong-(\d+)-(\d+)", name):
        arguments = ("ping-pong", "--bytes", match[1], "--connections", match[2])
        return Row(name, arguments, "round trip", "µs", "round_trips", 1.0, 1e6)
    if match := re.fullmatch(r"short-(\d+)(-client-closes)?", name):
        arguments = ("short", "--connections", match[1], "--closer", "client" if match[2] else "server")
        return Row(name, arguments, "session", "µs", "sessions", 1.0, 1e6)
    raise ValueError(
        f"no such row: {name} (rows: bulk-down-N, bulk-up-N, bulk-both-N, ping-pong-BYTES-N, short-N, short-N-client-closes)")
