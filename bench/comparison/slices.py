"""One short slice of one row on one relay, and how much of the machine others took meanwhile."""

import json
import os
import resource
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60


class SliceFailed(Exception):
    pass


def busy_seconds(cpus):
    """CPU time spent on these processors by anybody, stolen time included."""
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cpus:
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, rest.split()[:8])
            total += user + nice + system + irq + softirq + steal
    return total / TICKS


def load_command(row, relay, load_program):
    return [load_program, *row.load_arguments, "--connect", str(relay.listen), "--serve", str(relay.target)]


def complaint(stderr, code):
    return stderr.strip().splitlines()[0] if stderr.strip() else f"exit {code}"


def run(row, relay, load_program, load_cpus, relay_cpu, warmup, seconds):
    """bench_load's report, with `foreign_share`: what share of the processors used went to neither relay nor generator."""
    if not relay.alive():
        raise SliceFailed("it has died")
    cpus = {relay_cpu, *load_cpus}
    meter = relay.meter()
    command = [*load_command(row, relay, load_program), "--warmup", str(warmup), "--seconds", str(seconds),
               *meter.arguments()]
    wall, busy, ours = time.monotonic(), busy_seconds(cpus), _ours(meter)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + warmup + PATIENCE,
                              preexec_fn=lambda: os.sched_setaffinity(0, load_cpus))
    except subprocess.TimeoutExpired:
        raise SliceFailed("the generator did not end") from None
    wall, busy, ours = time.monotonic() - wall, busy_seconds(cpus) - busy, _ours(meter) - ours
    if done.returncode != 0:
        raise SliceFailed(complaint(done.stderr, done.returncode))
    report = json.loads(done.stdout)
    if report["errors"]:
        raise SliceFailed(f"{report['errors']} streams broke")
    if row.units(report) == 0:
        raise SliceFailed("no work was done")
    report["foreign_share"] = max(0.0, busy - ours) / (wall * len(cpus))
    return report


def _ours(meter):
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    return meter.seconds() + children.ru_utime + children.ru_stime + own.ru_utime + own.ru_stime
