"""Medians, spreads and ratios of the slices: everything that the pages and plots are made of."""

import datetime
import os
import platform
from pathlib import Path
from statistics import median


def machine():
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return {"processor": model, "processors": os.cpu_count(), "kernel": platform.release(),
            "system": release.get("PRETTY_NAME", "").strip('"'),
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")}


def spread(values):
    return {"median": median(values), "least": min(values), "most": max(values)} if values else None


def ratios(row, slices, others):
    """Round by round, so that a drifting machine cancels out; None where there is nothing to divide."""
    pairs = [(row.cost(slices[r]), row.cost(others[r])) for r in slices if r in others]
    return spread([mine / theirs for mine, theirs in pairs if mine is not None and theirs])


def without_the_generator(row, by_relay, slices):
    """An idle row's slab a connection less what the generator's own ends take, which a direct run shows."""
    base = by_relay.get("direct")
    if row.kind != "idle" or not base:
        return slices
    generator = median(report["slab_bytes"] for report in base.values())
    return {turn: {**report, "slab_bytes": report["slab_bytes"] - generator} for turn, report in slices.items()}


def summarize(row, slices, by_relay, reference, subject):
    """`slices` maps the round to its report."""
    costs = [cost for report in slices.values() if (cost := row.cost(report)) is not None]
    it = {"cost": spread(costs), "ratio": ratios(row, slices, by_relay.get(reference, {})),
          "subject_ratio": ratios(row, by_relay.get(subject, {}), slices), "rounds": len(slices)}
    if row.kind == "load":
        reports = list(slices.values())
        it |= {"rate": median(row.rate(report) for report in reports),
               "gib_a_second": median(report["bytes"] / report["wall_seconds"] for report in reports) / (1 << 30),
               "relay_busy": median(r["relay_cpu_seconds"] / r["wall_seconds"] for r in reports),
               "errors": sum(report["errors"] for report in reports)}
        if any(report["latency_us"]["count"] for report in reports):
            it |= {f"{key}_us": median(r["latency_us"][key] for r in reports) for key in ("p50", "p99", "p999")}
    for key in row.extras:
        it[key] = median(report[key] for report in without_the_generator(row, by_relay, slices).values())
    return it


def document(rows, relays, slices, settings, left_out, left_out_of_rows, reference="epoll_relay", subject="sluice"):
    """Everything that is known. `slices[row][relay][round]` is a report; costs are compared with those of the reference,
    and those of the subject with everybody's."""
    summary = {}
    for row in rows:
        by_relay = slices[row.name]
        summary[row.name] = {"kind": row.kind, "cost_unit": row.cost_label, "rate_unit": row.rate_unit, "relays": {
            name: summarize(row, by_relay[name], by_relay, reference, subject) for name in relays if by_relay.get(name)}}
    foreign = [r["foreign_share"] for by_relay in slices.values() for rounds in by_relay.values() for r in rounds.values()
               if "foreign_share" in r]
    return {"machine": machine(), "settings": settings, "reference": reference, "subject": subject, "relays": relays,
            "left_out": left_out, "left_out_of_rows": left_out_of_rows,
            "foreign_share": median(foreign) if foreign else None, "summary": summary}
