"""What sluice has to reach, and whether a run says it does. A run says so for itself: a target is met when two runs of three
say ok."""

import re
from dataclasses import dataclass

from .tables import figure, growth_of, table

# Columns of the target table. Where a peer has a default and a better configuration for the work, the leaner one counts.
COLUMNS = {
    "HAProxy tuned": ("haproxy-tuned",),
    "HAProxy default splice-auto": ("haproxy-auto",),
    "nginx": ("nginx", "nginx-64k"),
    "Go io.Copy": ("go",),
    "systemd-socket-proxyd": ("socket-proxyd",),
}

# Rows, and the most that sluice's cost may be of each column's.
BOUNDS = [
    (r"bulk-(down|up|both)-1", (1.00, 0.50, 0.30, 0.90, 0.90)),
    (r"bulk-(down|up|both)-(8|64)", (0.95, 0.45, 0.35, 0.95, 1.00)),
    (r"ping-pong-(64|4096)-64", (0.85, 0.95, 1.00, 0.75, 0.70)),
    (r"ping-pong-64-1", (0.85, 0.90, 1.10, 0.70, 0.85)),
    (r"short-\d+", (0.88, 0.92, 1.00, 0.70, 0.60)),
    (r"idle-\d+", (0.30, 0.30, 0.10, 0.05, 0.05)),
]
SMALL_WORK = r"ping-pong-(64|4096)-(1|64)|short-\d+"

IDLE_BYTES = 1024
RINETD = 1.10
ACCESS_LOG = 1.08
P99 = 1.10
THROUGHPUT = 0.95
MIX_P99 = 1.50
GROWTH = 1.10

NOT_PEERS = ("epoll_relay", "epoll_relay-again", "direct")


@dataclass(frozen=True)
class Check:
    value: float  # None: not measured
    bound: float
    least: bool = False  # the bound is the least allowed, not the most

    @property
    def met(self):
        if self.value is None:
            return None
        return self.value >= self.bound if self.least else self.value <= self.bound

    def __str__(self):
        if self.value is None:
            return "–"
        return f"{figure(self.value)} {'>=' if self.least else '<='} {self.bound:.2f} {'ok' if self.met else '**MISS**'}"


def bounds_of(row):
    return next((bounds for pattern, bounds in BOUNDS if re.fullmatch(pattern, row)), None)


def ratio(entry, name):
    spread = entry["relays"].get(name, {}).get("subject_ratio")
    return spread["median"] if spread else None


def cost_checks(doc):
    """{row: {column: Check}}"""
    found = {}
    for row, entry in doc["summary"].items():
        if not (bounds := bounds_of(row)):
            continue
        found[row] = {}
        for (column, names), bound in zip(COLUMNS.items(), bounds):
            known = [value for name in names if (value := ratio(entry, name)) is not None]
            found[row][column] = Check(max(known) if known else None, bound)
    return found


def peers_of(doc, entry):
    """Relays other than sluice's own builds and the yardsticks."""
    own = (doc["subject"], f"{doc['subject']}-log")
    return {name: it for name, it in entry["relays"].items() if name not in NOT_PEERS and name not in own}


def best_peer_checks(doc):
    """{row: (p99 over the best peer's, throughput over the best peer's)}"""
    found = {}
    for row, entry in doc["summary"].items():
        subject, peers = entry["relays"].get(doc["subject"]), peers_of(doc, entry)
        if entry["kind"] != "load" or not subject or not peers:
            continue
        latencies = [it["p99_us"] for it in peers.values() if it.get("p99_us")]
        fastest = max(it["rate"] for it in peers.values())
        found[row] = (Check(subject["p99_us"] / min(latencies) if latencies and subject.get("p99_us") else None, P99),
                      Check(subject["rate"] / fastest if fastest else None, THROUGHPUT, least=True))
    return found


def other_checks(doc):
    """[(what, Check)]"""
    found = []
    log, alone = f"{doc['subject']}-log", doc["summary"].get("ping-pong-64-64", {}).get("relays", {}).get(doc["subject"])
    for row, entry in doc["summary"].items():
        subject = entry["relays"].get(doc["subject"])
        if not subject:
            continue
        if re.fullmatch(SMALL_WORK, row):
            found.append((f"{row}: cost over rinetd's", Check(ratio(entry, "rinetd"), RINETD)))
        if re.fullmatch(r"short-\d+", row):
            without = ratio(entry, log)
            found.append((f"{row}: cost with the access log over that without", Check(1 / without if without else None, ACCESS_LOG)))
        if row.startswith("mix") and alone:
            found.append((f"{row}: p99 of the ping-pong over that without the bulk",
                          Check(subject["p99_us"] / alone["p99_us"] if alone["p99_us"] else None, MIX_P99)))
        if row in ("ping-pong-64-4000", "ping-pong-64-9000"):
            grown = growth_of(doc, row, doc["subject"])
            found.append((f"{row}: growth of the cost from 64 connections over that of {doc['reference']}",
                          Check(grown[1] if grown else None, GROWTH)))
        if entry["kind"] == "idle":
            found.append((f"{row}: user memory of a connection in KiB", Check(subject["user_bytes"] / IDLE_BYTES, 1.0)))
    return found


def verdicts(doc):
    """Every check there is, by a name that two runs share."""
    found = {f"{row}: cost over {column}": check for row, checks in cost_checks(doc).items() for column, check in checks.items()}
    for row, (p99, rate) in best_peer_checks(doc).items():
        found |= {f"{row}: p99 over the best peer's": p99, f"{row}: throughput over the best peer's": rate}
    return found | dict(other_checks(doc))


def page(doc):
    costs, best, others, every = cost_checks(doc), best_peer_checks(doc), other_checks(doc), verdicts(doc)
    lines = [f"Targets, as one run sees them: cost of {doc['subject']} over that of each peer, median of the per-round ratios.", "",
             *table(["work", *COLUMNS], [[row, *map(str, checks.values())] for row, checks in costs.items()])]
    if best:
        lines += ["", "Beside the best peer of each row (medians):", "",
                  *table(["work", "p99", "throughput"], [[row, *map(str, checks)] for row, checks in best.items()])]
    if others:
        lines += ["", *table(["other targets", "measured"], [[what, str(check)] for what, check in others])]
    known = [check for check in every.values() if check.met is not None]
    lines += ["", f"{sum(check.met for check in known)} of {len(known)} checks are met; {len(every) - len(known)} could not be made."]
    return "\n".join(lines) + "\n"


def together(docs):
    """Over several runs: what was met in more than half of those that could tell, and what not."""
    runs = [verdicts(doc) for doc in docs]
    lines = []
    for name in dict.fromkeys(name for run in runs for name in run):
        checks = [run[name] for run in runs if name in run and run[name].met is not None]
        if checks:
            met = sum(check.met for check in checks)
            lines.append([name, " ".join(figure(check.value) for check in checks),
                          f"{'>=' if checks[0].least else '<='} {checks[0].bound:.2f}",
                          f"{met} of {len(checks)}", "ok" if 2 * met > len(checks) else "**MISS**"])
    missed = [line for line in lines if line[-1] != "ok"]
    return "\n".join([f"{len(docs)} runs, {len(lines)} targets, {len(missed)} missed:", "",
                      *table(["target", "measured", "bound", "met in", "verdict"], [*missed, *(x for x in lines if x not in missed)])]) + "\n"
