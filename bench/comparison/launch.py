"""What it takes to start a relay: its command, files and environment, and what it can do."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


class Missing(Exception):
    """The relay cannot run here; the text says why."""


@dataclass
class Launch:
    command: list
    version: str
    files: dict = field(default_factory=dict)        # name in the work directory: text
    environment: dict = field(default_factory=dict)  # added to ours


@dataclass(frozen=True)
class Peer:
    start: Callable              # (listening ports, target port, directory) -> Launch; raises Missing
    maps_many: bool = False      # any number of listening ports in one process
    most_connections: int = 10_000
    limit: str = ""              # why no more than that
    descriptors_each: int = 2    # of one connection
    forks: bool = False          # a process a connection: CPU time is counted over all that ever were
    activated: bool = False      # is given its listener instead of making it, as systemd does
    direct: bool = False         # no relay at all: nothing to start, nothing to meter


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/lib/systemd")
    if not found:
        raise Missing(f"{name} is not installed")
    return found


def first_line(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "version unknown"


def built(path):
    if not os.access(path, os.X_OK):
        raise Missing(f"{path} is not built")
    return str(Path(path).resolve())


def descriptor_limit():
    """What a process may have open; every relay is started with as much."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 1 << 30 if hard == resource.RLIM_INFINITY else hard


def descriptors():
    """What relays that plan are told to plan for: enough for 9,000 connections, and the same on every larger machine."""
    return min(descriptor_limit(), 20_000)
