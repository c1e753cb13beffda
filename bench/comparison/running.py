"""A relay as processes: started pinned, waited for until it listens, stopped by pid."""

import os
import random
import socket
import subprocess
import time
from pathlib import Path

from .peers import Missing

START_PATIENCE = 10.0


def free_ports(count):
    """Ports nobody listens on, below the range that outgoing connections take theirs from."""
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = list(range(10_000, max(first_ephemeral, 10_200)))
    random.shuffle(candidates)
    found = []
    for port in candidates:
        if len(found) == count:
            return found
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    raise RuntimeError("no free ports")


def listens(port):
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if os.path.exists(table) else []:
            fields = line.split()
            if fields[3] == "0A" and fields[1].endswith(wanted):
                return True
    return False


def family(root):
    """The process and its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(entry))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_seconds(pids):
    """To the nanosecond: the process CPU clocks, as clock_getcpuclockid(3) names them."""
    total = 0.0
    for pid in pids:
        try:
            total += time.clock_gettime((~pid << 3) | 2)
        except OSError:
            pass
    return total


class Running:
    """Owns the processes of one relay; `with` ends them. Raises Missing if it cannot be started."""

    def __init__(self, name, launcher, directory, cpu):
        self.name = name
        self.listen, self.target = free_ports(2)
        self.directory = Path(directory) / name
        self.directory.mkdir()
        launch = launcher(self.listen, self.target, self.directory)
        self.version = launch.version
        for file, text in launch.files.items():
            (self.directory / file).write_text(text)
        self.errors = self.directory / "stderr"
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                launch.command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                env={**os.environ, **launch.environment}, preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_PATIENCE
        while not listens(self.listen):
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.errors.read_text(errors="replace").strip().splitlines()
                raise Missing(f"did not start: {said[-1] if said else 'no word why'}")
            time.sleep(0.02)
        before = -1
        while before != len(self.pids()):  # workers fork soon after the port is bound
            before = len(self.pids())
            time.sleep(0.2)

    def pids(self):
        return family(self.process.pid)

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                for pid in self.pids():
                    os.kill(pid, 9)
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
