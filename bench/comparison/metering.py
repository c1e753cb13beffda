"""Whose CPU time is a relay's: processes named one by one where they stay, a cgroup where they come and go. Each meter can
read itself and tell bench_load how to."""

import os
import tempfile
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")

# Of version 1 the accounting hierarchy, of version 2 the unified one, alone or beside version 1; and the file that counts.
CGROUPS = [("/sys/fs/cgroup/cpuacct", "cpuacct.usage"), ("/sys/fs/cgroup/cpu,cpuacct", "cpuacct.usage"),
           ("/sys/fs/cgroup", "cpu.stat"), ("/sys/fs/cgroup/unified", "cpu.stat")]


class Processes:
    """To the nanosecond: the process CPU clocks, as clock_getcpuclockid(3) names them."""

    def __init__(self, pids):
        self.pids = list(pids)

    def arguments(self):
        return ["--meter", ",".join(map(str, self.pids))] if self.pids else []

    def seconds(self):
        total = 0.0
        for pid in self.pids:
            try:
                total += time.clock_gettime((~pid << 3) | 2)
            except OSError:
                pass
        return total


class Family:
    """One process and all it ever started and waited for; what ended is known to a kernel tick."""

    def __init__(self, root):
        self.root = root

    def arguments(self):
        return ["--meter-family", str(self.root)]

    def seconds(self):
        total = 0.0
        for pid in family(self.root):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            total += (int(fields[13]) + int(fields[14])) / TICKS + Processes([pid]).seconds()
        return total


class Cgroup:
    """A cgroup of our own: counts processes however short they live. join() is for the child, between fork and exec."""

    def __init__(self):
        for parent, counter in CGROUPS:
            try:
                made = Path(tempfile.mkdtemp(prefix="sluice-bench-", dir=parent))
            except OSError:
                continue
            if (made / counter).exists():
                self.directory, self.file = made, made / counter
                return
            made.rmdir()
        raise OSError("no cgroup can be made here")

    def join(self):
        (self.directory / "cgroup.procs").write_text("0")

    def arguments(self):
        return ["--meter-cgroup", str(self.file)]

    def seconds(self):
        words = self.file.read_text().split()
        return int(words[1]) / 1e6 if words[0] == "usage_usec" else int(words[0]) / 1e9

    def remove(self):
        deadline = time.monotonic() + 2
        while True:
            try:
                return self.directory.rmdir()
            except OSError:  # a process in it is still ending
                if time.monotonic() > deadline:
                    return None
                time.sleep(0.02)


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
