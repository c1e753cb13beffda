"""The document as Markdown."""


def figure(value):
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def middle(spread):
    return figure(spread["median"] if spread else None)


def range_of(spread):
    return f"{figure(spread['least'])}–{figure(spread['most'])}" if spread else "–"


def table(header, lines, left=1):
    marks = ["---"] * left + ["---:"] * (len(header) - left)
    return [f"| {' | '.join(header)} |", f"| {' | '.join(marks)} |", *(f"| {' | '.join(line)} |" for line in lines)]


def about(doc):
    machine, settings = doc["machine"], doc["settings"]
    lines = [
        f"{machine['date']}: {machine['processor']}, {machine['processors']} processors, Linux {machine['kernel']}, "
        f"{machine['system']}. {settings['rounds']} rounds of {settings['seconds']:g} s, relay on processor "
        f"{settings['relay_cpu']}, generator on {', '.join(map(str, settings['load_cpus']))}."]
    if doc["foreign_share"] is not None:
        lines += ["", f"Other programs took {doc['foreign_share']:.0%} of these processors (median of all slices)"
                  + (": expect noise." if doc["foreign_share"] > 0.05 else ".")]
    return lines


def versions(doc):
    return [*(f"- {name}: {version}" for name, version in doc["relays"].items()),
            *(f"- left out: {name}: {why}" for name, why in doc["left_out"].items())]


def left_out_of_rows(doc):
    """One line a reason: most of them hold for many rows."""
    reasons = {}
    for row, by_relay in doc["left_out_of_rows"].items():
        for name, why in by_relay.items():
            reasons.setdefault((name, why), []).append(row)
    return [f"- left out of {', '.join(rows)}: {name}: {why}" for (name, why), rows in reasons.items()]


def ratio_table(doc, key):
    """Rows down, relays across; `key` is ratio or subject_ratio."""
    shown = [name for name in doc["relays"]
             if any(entry["relays"].get(name, {}).get(key) for entry in doc["summary"].values())]
    return table(["work", *shown], [
        [row, *(middle(entry["relays"].get(name, {}).get(key)) for name in shown)] for row, entry in doc["summary"].items()])


def figures(doc):
    lines = []
    for row, entry in doc["summary"].items():
        for name, it in entry["relays"].items():
            if entry["kind"] != "load":
                continue
            latencies = [figure(it.get(key)) for key in ("p50_us", "p99_us", "p999_us")]
            broken = f", {it['errors']} streams broke" if it["errors"] else ""
            lines.append([row, name + broken, f"{middle(it['cost'])} {entry['cost_unit']}" if it["cost"] else "–",
                          range_of(it["cost"]),
                          middle(it["ratio"]), range_of(it["ratio"]), f"{figure(it['rate'])} {entry['rate_unit']}",
                          *latencies, f"{it['relay_busy']:.0%}"])
    header = ["work", "relay", "cost", "least–most", f"to {doc['reference']}", "least–most", "throughput", "p50 µs", "p99 µs",
              "p999 µs", "relay busy"]
    return table(header, lines, left=2) if lines else []


def standing(doc):
    lines = [[row, name, range_of(it["cost"]), figure(it["user_bytes"]), figure(it["slab_bytes"]), figure(it["descriptors"]),
              figure(it["pipes"])]
             for row, entry in doc["summary"].items() if entry["kind"] == "idle" for name, it in entry["relays"].items()]
    ready = [[row, name, f"{middle(it['cost'])}", range_of(it["cost"])]
             for row, entry in doc["summary"].items() if entry["kind"] == "ready" for name, it in entry["relays"].items()]
    found = []
    if lines:
        found += ["", "What an idle connection takes (slab: the machine's growth less that of a direct run):", "", *table(
            ["work", "relay", "user B least–most", "user B", "kernel slab B", "descriptors", "pipes"], lines, left=2)]
    if ready:
        found += ["", "Milliseconds from exec until every port mapping accepts:", "",
                  *table(["work", "relay", "ms", "least–most"], ready, left=2)]
    return found


def growth(doc):
    """Cost of a round trip with thousands of connections as a multiple of that with 64; the second figure is that multiple
    over the reference's."""
    base = doc["summary"].get("ping-pong-64-64", {}).get("relays", {})
    crowds = [row for row in doc["summary"] if row in ("ping-pong-64-1000", "ping-pong-64-4000", "ping-pong-64-9000")]
    lines = []
    for name in base:
        cells = [growth_of(doc, row, name) for row in crowds]
        if any(cells):
            lines.append([name, *(f"{figure(own)} ({figure(relative)})" if own else "–"
                                  for own, relative in (cell or (None, None) for cell in cells))])
    return ["", f"Cost of a round trip as a multiple of that at 64 connections (and over the multiple of {doc['reference']}):",
            "", *table(["relay", *crowds], lines)] if lines else []


def growth_of(doc, row, name):
    def cost(at, of):
        spread = doc["summary"].get(at, {}).get("relays", {}).get(of, {}).get("cost")
        return spread["median"] if spread else None

    many, few = cost(row, name), cost("ping-pong-64-64", name)
    if not many or not few:
        return None
    yard_many, yard_few = cost(row, doc["reference"]), cost("ping-pong-64-64", doc["reference"])
    return many / few, (many / few) / (yard_many / yard_few) if yard_many and yard_few else None


def mix(doc, alone="ping-pong-64-64"):
    lines = []
    for row, entry in doc["summary"].items():
        if not row.startswith("mix"):
            continue
        for name, it in entry["relays"].items():
            without = doc["summary"].get(alone, {}).get("relays", {}).get(name)
            keys = ("p50_us", "p99_us", "p999_us")
            lines.append([row, name, *(figure(it[key]) for key in keys),
                          *(figure(without[key]) if without else "–" for key in keys),
                          figure(it["p99_us"] / without["p99_us"]) if without and without["p99_us"] else "–",
                          f"{figure(it['gib_a_second'])} GiB/s"])
    return ["", f"The mix: latency of the ping-pong in µs beside the bulk, and in {alone}, which is the same without it:", "",
            *table(["work", "relay", "p50", "p99", "p999", "p50 alone", "p99 alone", "p999 alone", "p99 ratio", "moved"],
                   lines, left=2)] if lines else []


def markdown(doc):
    lines = [*about(doc), "", *versions(doc), *left_out_of_rows(doc)]
    if any(it["ratio"] for entry in doc["summary"].values() for it in entry["relays"].values()):
        lines += ["", f"Cost a unit of work, median of the per-round ratios to {doc['reference']}:", "",
                  *ratio_table(doc, "ratio")]
    if any(it["subject_ratio"] for entry in doc["summary"].values() for it in entry["relays"].values()):
        lines += ["", f"Cost of {doc['subject']} over that of each relay, median of the per-round ratios (lower is better "
                  f"for {doc['subject']}):", "", *ratio_table(doc, "subject_ratio")]
    lines += [*mix(doc), *growth(doc), *standing(doc), "", *figures(doc)]
    return "\n".join(lines).rstrip("\n") + "\n"
