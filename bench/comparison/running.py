"""A relay as processes: started pinned, waited for until it listens, stopped by pid."""

import contextlib
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from .launch import Missing
from .metering import Cgroup, Family, Processes, family

START_PATIENCE = 10.0

# What systemd does for a service with a socket: descriptor 3 is the listener, and the environment says whose it is.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def free_ports(count):
    """Ports nobody listens on, below the range that outgoing connections take theirs from."""
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = list(range(10_000, max(first_ephemeral, 12_000)))
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


class Running:
    """Owns the processes of one relay; `with` ends them. Raises Missing if it cannot be started. `wait` false returns as soon
    as it is started; then `started` is the moment before."""

    def __init__(self, name, peer, directory, cpu, ports=1, wait=True):
        self.name, self.peer = name, peer
        *self.ports, self.target = free_ports(ports + 1)
        self.listen = self.target if peer.direct else self.ports[0]
        self.directory = Path(directory) / name
        self.directory.mkdir(exist_ok=True)
        launch = peer.start(self.ports, self.target, self.directory)
        self.version = launch.version
        for file, text in launch.files.items():
            (self.directory / file).write_text(text)
        self.errors = self.directory / "stderr"
        self.process, self.cgroup = None, None
        if peer.direct:
            return
        with contextlib.ExitStack() as stack:
            self._start(launch, cpu, stack)
        try:
            if wait:
                self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _start(self, launch, cpu, stack):
        command, passed = launch.command, ()
        if self.peer.activated:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", self.listen), backlog=4096))
            command = [sys.executable, "-c", ACTIVATE, str(listener.fileno()), *command]
            passed = (listener.fileno(),)
        if self.peer.forks:
            with contextlib.suppress(OSError):
                self.cgroup = Cgroup()
        errors = stack.enter_context(open(self.errors, "wb"))

        def prepare():
            os.sched_setaffinity(0, {cpu})
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            if self.cgroup:
                self.cgroup.join()

        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, pass_fds=passed,
            env={**os.environ, **launch.environment}, preexec_fn=prepare)

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_PATIENCE
        while not listens(self.listen):
            if not self.alive() or time.monotonic() > deadline:
                raise Missing(self.why_not())
            time.sleep(0.02)
        before = -1
        while before != len(self.pids()):  # workers fork soon after the port is bound
            before = len(self.pids())
            time.sleep(0.2)
        if not self.alive():
            raise Missing(self.why_not())

    def why_not(self):
        said = self.errors.read_text(errors="replace").strip().splitlines()
        return f"did not start: {said[-1] if said else 'no word why'}"

    def pids(self):
        return family(self.process.pid) if self.process else []

    def meter(self):
        if self.cgroup:
            return self.cgroup
        return Family(self.process.pid) if self.peer.forks else Processes(self.pids())

    def alive(self):
        return self.process is None or self.process.poll() is None

    def stop(self):
        if self.process:
            if self.alive():
                if self.peer.forks:  # its children would outlive it
                    self._kill_children()
                self.process.terminate()
                try:
                    self.process.wait(3)
                except subprocess.TimeoutExpired:
                    self._kill_children()
                    self.process.kill()
                    self.process.wait()
        if self.cgroup:
            self.cgroup.remove()
            self.cgroup = None

    def _kill_children(self):
        for pid in self.pids():
            if pid != self.process.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
