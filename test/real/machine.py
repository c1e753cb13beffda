"""A Debian tree booted by systemd-nspawn, with a network of its own, and what can be done in it from outside."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TRAFFIC = [sys.executable, str(HERE / "traffic.py")]


class Trouble(Exception):
    """What a check found, for a person."""


def check(holds, text):
    if not holds:
        raise Trouble(text)


def wait_until(holds, what, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise Trouble(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


class Machine:
    """`with Machine(tree) as machine:` boots a copy of the tree; everything of it is gone afterwards."""

    def __init__(self, tree):
        self.tree = pathlib.Path(tree)

    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="machine-", dir=self.tree.parent))
        subprocess.run(["cp", "-a", "--reflink=auto", f"{self.tree}/.", str(self.root)], check=True)
        self.helpers = []
        self.nspawn = None
        return self

    def __exit__(self, *_):
        for helper in self.helpers:
            helper.kill()
            helper.wait()
        if self.nspawn and self.nspawn.poll() is None:
            self.nspawn.terminate()  # nspawn powers the machine off
            try:
                self.nspawn.wait(30)
            except subprocess.TimeoutExpired:
                for child in self._children():
                    os.kill(int(child), signal.SIGKILL)  # the machine's PID 1, which takes everything in it along
                self.nspawn.kill()
                self.nspawn.wait()
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.with_suffix(".log").unlink(missing_ok=True)

    def install(self, source, path, mode=0o644):
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(mode)

    def write(self, path, text):
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def boot(self):
        # Where /run is not a tmpfs nspawn finds no room to keep its propagation directory.
        pathlib.Path("/run/systemd/nspawn").mkdir(parents=True, exist_ok=True)
        with open(self.root.with_suffix(".log"), "wb") as log:
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--boot", "--keep-unit", "--register=no", "--private-network",
                 "--link-journal=no", "--machine=sluice-real", "-D", str(self.root)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self._leader() is not None, "systemd runs as PID 1")
        self.leader = self._leader()
        wait_until(lambda: self.run("systemctl", "is-system-running", may_fail=True).strip() in ("running", "degraded"),
                   "the machine is up", 60)

    def _children(self):
        return pathlib.Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()

    def _leader(self):
        if self.nspawn.poll() is not None:
            raise Trouble("systemd-nspawn ended: " + self.root.with_suffix(".log").read_text(errors="replace")[-2000:])
        for child in self._children():
            try:
                if os.path.basename(os.readlink(f"/proc/{child}/exe")) == "systemd":
                    return child
            except FileNotFoundError:
                pass  # one of nspawn's helpers, which has just ended
        return None

    def run(self, *argv, may_fail=False):
        done = subprocess.run(["nsenter", "--target", self.leader, "--all", "--wd", *argv], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0 and not may_fail:
            raise Trouble(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}")
        return done.stdout

    def show(self, unit, *names):
        lines = self.run("systemctl", "show", unit, *(f"--property={name}" for name in names)).splitlines()
        values = dict(line.split("=", 1) for line in lines if "=" in line)
        return values[names[0]] if len(names) == 1 else [values[name] for name in names]

    def journal(self, *words):
        return self.run("journalctl", "--no-pager", "--output=cat", *words)

    def start_traffic(self, *words):
        """traffic.py in the machine's network, running."""
        helper = subprocess.Popen(["nsenter", "--target", self.leader, "--net", *TRAFFIC, *words], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.helpers.append(helper)
        helper.stdout.readline()
        return helper

    def ask(self, address, text="hello"):
        done = subprocess.run(["nsenter", "--target", self.leader, "--net", *TRAFFIC, "ask", address, text], text=True,
                              capture_output=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else "error: " + done.stderr.strip().splitlines()[-1]
