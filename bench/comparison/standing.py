"""What a relay is while it does nothing: the memory and descriptors of idle connections, and the time until it is ready. Each
look takes a process of its own, so that no relay profits from memory it kept."""

import json
import os
import select
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from .running import Running
from .slices import PATIENCE, SliceFailed, complaint, load_command

SETTLE_SECONDS = 0.3  # sockets are freed, workers return to their sleep
PROBE_EVERY_SECONDS = 0.0002


def user_bytes(pids):
    """Proportional set size: a page that several share is counted once in all. Pages of files are left out: a library's
    share gets smaller whenever another program starts that uses it, the generator for one."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                    total += int(line.split()[1]) * 1024
    return total


def slab_bytes():
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("Slab:"))
    return int(line.split()[1]) * 1024


def descriptors(pids):
    """How many descriptors are open, and how many pipes they are ends of."""
    count, pipes = 0, set()
    for pid in pids:
        with suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                count += 1
                with suppress(OSError):
                    if (name := os.readlink(f"/proc/{pid}/fd/{fd}")).startswith("pipe:"):
                        pipes.add(name)
    return count, len(pipes)


def _look(relay):
    pids = relay.pids()
    count, pipes = descriptors(pids)
    return {"user_bytes": user_bytes(pids), "slab_bytes": slab_bytes(), "descriptors": count, "pipes": pipes}


def _await_held(load):
    ready, _, _ = select.select([load.stdout], [], [], PATIENCE)
    line = load.stdout.readline() if ready else ""
    if line.strip() != "held":
        load.kill()
        raise SliceFailed(complaint(load.communicate()[1], load.returncode))


def idle(row, name, peer, directory, load_program, load_cpus, relay_cpu):
    """Growth a connection, over what the fresh relay had. The kernel's memory is the whole machine's, both ends of the
    generator included: slab_bytes of a direct run is what those take."""
    with Running(name, peer, directory, relay_cpu) as relay:
        time.sleep(SETTLE_SECONDS)
        before = _look(relay)
        with subprocess.Popen(load_command(row, relay, load_program), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, load_cpus)) as load:
            _await_held(load)
            time.sleep(SETTLE_SECONDS)
            after = _look(relay)
            out, _ = load.communicate(timeout=PATIENCE)
        if load.returncode != 0 or json.loads(out)["errors"]:
            raise SliceFailed("connections broke while they were idle")
    report = {key: (after[key] - before[key]) / row.connections for key in before}
    return {**report, "cost": None if peer.direct else max(report["user_bytes"], 0.0)}


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ready(row, name, peer, directory, relay_cpu):
    """Milliseconds from before the fork to the moment the last mapping that had refused a connection took one. The last
    port comes first, because most relays open theirs in order."""
    with Running(name, peer, directory, relay_cpu, ports=row.ports, wait=False) as relay, \
            socket.create_server(("127.0.0.1", relay.target), backlog=4096):
        last = time.monotonic()
        for port in reversed(relay.ports):
            had_refused = False
            while not accepts(port):
                had_refused = True
                if not relay.alive() or time.monotonic() > relay.started + PATIENCE:
                    raise SliceFailed(relay.why_not())
                time.sleep(PROBE_EVERY_SECONDS)
            if had_refused:
                last = time.monotonic()
        return {"cost": (last - relay.started) * 1000}
