"""Medians, spreads and ratios of the slices, as a Markdown page and as JSON."""

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


def summarize(row, slices, reference_slices):
    """`slices` maps the round to its report; the ratio is taken round by round, so that a drifting machine cancels out."""
    costs = [row.cost(report) for report in slices.values()]
    ratios = [row.cost(slices[r]) / row.cost(reference_slices[r]) for r in slices if r in reference_slices]

    def latency(key):
        return median(report["latency_us"][key] for report in slices.values())

    return {"cost": median(costs), "cost_least": min(costs), "cost_most": max(costs),
            "ratio": median(ratios) if ratios else None,
            "ratio_least": min(ratios) if ratios else None, "ratio_most": max(ratios) if ratios else None,
            "rate": median(row.rate(report) for report in slices.values()),
            "p50_us": latency("p50"), "p99_us": latency("p99"), "p999_us": latency("p999"),
            "relay_busy": median(r["relay_cpu_seconds"] / r["wall_seconds"] for r in slices.values()),
            "errors": sum(report["errors"] for report in slices.values()), "rounds": len(slices)}


def document(rows, relays, slices, reference, settings, left_out):
    """Everything that is known. `slices[row][relay][round]` is a report of bench_load."""
    summary = {}
    for row in rows:
        by_relay = slices[row.name]
        summary[row.name] = {"cost_unit": f"{row.cost_unit}/{row.unit}", "rate_unit": row.rate_unit, "relays": {
            name: summarize(row, by_relay[name], by_relay.get(reference, {})) for name in relays if by_relay.get(name)}}
    every = [r for by_relay in slices.values() for rounds in by_relay.values() for r in rounds.values()]
    return {"machine": machine(), "settings": settings, "reference": reference, "relays": relays, "left_out": left_out,
            "foreign_share": median(r["foreign_share"] for r in every) if every else None,
            "summary": summary, "slices": slices}


def figure(value):
    if value is None:
        return "–"
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def spread(low, high):
    return f"{figure(low)}–{figure(high)}"


def markdown(doc):
    about, settings, relays = doc["machine"], doc["settings"], doc["relays"]
    lines = [
        f"{about['date']}: {about['processor']}, {about['processors']} processors, Linux {about['kernel']}, "
        f"{about['system']}. {settings['rounds']} rounds of {settings['seconds']:g} s, relay on processor "
        f"{settings['relay_cpu']}, generator on {settings['load_cpus']}.", "",
        *(f"- {name}: {version}" for name, version in relays.items()),
        *(f"- left out: {name}: {why}" for name, why in doc["left_out"].items())]
    if doc["foreign_share"] is not None:
        lines += ["", f"Other programs took {doc['foreign_share']:.0%} of these processors (median of all slices)"
                  + (": expect noise." if doc["foreign_share"] > 0.05 else ".")]

    lines += ["", f"CPU cost a unit of work, median of the per-round ratios to {doc['reference']}:", "",
              f"| work | {' | '.join(relays)} |", "| --- |" + " ---: |" * len(relays)]
    for row, entry in doc["summary"].items():
        cells = [figure(entry["relays"][name]["ratio"]) if name in entry["relays"] else "–" for name in relays]
        lines.append(f"| {row} | {' | '.join(cells)} |")

    lines += ["", "| work | relay | CPU cost | least–most | ratio | least–most | throughput | p50 µs | p99 µs | p999 µs | relay busy |",
              "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for row, entry in doc["summary"].items():
        for name, it in entry["relays"].items():
            latencies = [figure(it[key]) if it["p50_us"] else "–" for key in ("p50_us", "p99_us", "p999_us")]
            lines.append(
                f"| {row} | {name} | {figure(it['cost'])} {entry['cost_unit']} | {spread(it['cost_least'], it['cost_most'])} "
                f"| {figure(it['ratio'])} | {spread(it['ratio_least'], it['ratio_most'])} "
                f"| {figure(it['rate'])} {entry['rate_unit']} | {' | '.join(latencies)} | {it['relay_busy']:.0%} |")
            if it["errors"]:
                lines.append(f"| {row} | {name} | {it['errors']} streams broke | | | | | | | | |")
    return "\n".join(lines) + "\n"
