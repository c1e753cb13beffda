"""A shell whose doings leave no trace: the machine's own files under a layer that is thrown away, loopback as its only network.

run(blocks) runs scripts one after the other in one sandbox, in the root of the source tree, with the built sluice on PATH, and
gives what each did. Programs that need a real machine, or that CI runs elsewhere, have stand-ins that do nothing: STAND_INS is
all of them. Needs root (a plain user may not put a layer over the whole machine); Unavailable says that something is missing.
"""
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SLUICE = os.environ["SLUICE_BIN"]
TOOLS = Path("/run/sluice-docs")  # inside: the stand-ins, and what they note
PATIENCE = 60  # seconds for a block

STAND_INS = {
    "packages": ["apt", "apt-get", "dpkg", "lintian"],
    "services": ["systemctl", "journalctl", "systemd-analyze", "sysctl"],
    "containers": ["docker", "podman", "buildah", "kubectl", "helm"],
    "builds": ["cmake", "ctest", "ninja", "c++", "g++", "git"],
    "this tree's own commands": ["./dev", ".ci/run", "bench/compare", "bench/syscalls", "bench/selftest.py", "bench/lab/run",
                                 "bench/lab/selftest.py"],
}

STAND_IN = """#!/bin/sh
echo "$0" >>{tools}/stood-in
"""

# `sudo CMD` is CMD: the sandbox's user is root there.
SUDO = """#!/bin/sh
exec "$@"
"""

# Before a command that follows `sluice ... &` (or another server), a reader would have waited until it is up.
PROLOGUE = """
settle() {{
  local job tries
  for job in $(jobs -rp); do
    for ((tries = 0; tries < 200; tries++)); do
      [[ -e {tools}/settled/$job || ! -e /proc/$job ]] && break
      [[ $(tr '\\0' ' ' </proc/$job/cmdline) == *{tools}/sluice* ]] || ((tries += 15))
      sleep 0.1
    done
    : >{tools}/settled/$job
  done
}}
trap settle DEBUG
"""


class Unavailable(Exception):
    pass


def run(blocks, page="page"):
    """[{"code": exit code, "output": what it said, "stood_in": [names]}, ...] for the scripts in `blocks`."""
    if os.geteuid() != 0:
        raise Unavailable("only root can make the sandbox")
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
    inside = subprocess.run([*unshare, sys.executable, __file__], input=json.dumps(blocks), capture_output=True, text=True,
                            timeout=PATIENCE * (len(blocks) + 1))
    if inside.returncode == 77:
        raise Unavailable(inside.stderr.strip())
    if inside.returncode != 0:
        raise (Unavailable if inside.stderr.startswith("unshare") else RuntimeError)(f"{page}: {inside.stderr.strip()}")
    return json.loads(inside.stdout)


# --- Inside

def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)


def enter_throwaway_root():
    scratch = tempfile.mkdtemp()
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "tmpfs", scratch)

    def overlay(lower, place, name):
        for part in ("upper", "work"):
            os.makedirs(f"{scratch}/{name}/{part}")
        os.makedirs(place, exist_ok=True)
        mount("-t", "overlay", "overlay", "-o",
              f"lowerdir={lower},upperdir={scratch}/{name}/upper,workdir={scratch}/{name}/work", place)

    root = f"{scratch}/root"
    overlay("/", root, "machine")
    for empty in ("tmp", "run"):
        mount("-t", "tmpfs", "tmpfs", f"{root}/{empty}")
    # The tree may be on another file system, or below /tmp.
    overlay(str(ROOT), f"{root}{ROOT}", "tree")
    mount("--rbind", "/dev", f"{root}/dev")
    mount("-t", "proc", "proc", f"{root}/proc")
    os.makedirs(f"{root}{TOOLS}/settled")
    shutil.copy(SLUICE, f"{root}{TOOLS}/built-sluice")
    os.makedirs(f"{root}/etc/sluice", exist_ok=True)
    shutil.copy(ROOT / "conf/minimal.toml", f"{root}/etc/sluice/sluice.toml")  # as an administrator has one
    os.chroot(root)
    os.chdir(ROOT)


def write_program(path, text):
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def put_stand_ins():
    for names in STAND_INS.values():
        for name in names:
            if "/" not in name or (ROOT / name).exists():  # a page must not name what is no longer there
                write_program(ROOT / name if "/" in name else TOOLS / name, STAND_IN.format(tools=TOOLS))
    write_program(TOOLS / "sudo", SUDO)
    write_program(TOOLS / "sluice", f"#!{sys.executable}\n" + (Path(__file__).parent / "until_ready.py").read_text())


def raise_loopback():
    import fcntl
    import socket
    import struct
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running


def reap_all():
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def run_block(script):
    noted = TOOLS / "stood-in"
    noted.write_text("")
    path = TOOLS / "block.sh"
    path.write_text(PROLOGUE.format(tools=TOOLS) + script)
    environment = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}", "HOME": "/root", "SLUICE_DOCS": str(TOOLS)}
    # What is started with & gets /dev/null as its standard input, all else this pipe: until_ready.py tells them apart by it.
    # What it says goes to a file, because what is started with & would hold a pipe open.
    said = TOOLS / "said"
    with said.open("w") as output:
        block = subprocess.Popen(["bash", "-eu", path], stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
                                 env=environment, start_new_session=True)
        try:
            code = block.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            code = -1
            output.write(f"it still ran after {PATIENCE} s\n")
    for running in Path("/proc").iterdir():  # what it left running, and nothing else: this process is the namespace's first
        if running.name.isdigit() and int(running.name) != os.getpid():
            try:
                os.kill(int(running.name), 9)
            except ProcessLookupError:
                pass
    block.wait()
    reap_all()  # what was killed goes on listening until it is gone
    return {"code": code, "output": said.read_text(errors="replace"), "stood_in": [Path(line).name for line in noted.read_text().splitlines()]}


def main():
    blocks = json.load(sys.stdin)
    try:
        enter_throwaway_root()
    except (OSError, subprocess.CalledProcessError) as problem:
        print(getattr(problem, "stderr", "") or problem, file=sys.stderr)
        sys.exit(77)
    raise_loopback()
    put_stand_ins()
    json.dump([run_block(block) for block in blocks], sys.stdout)


if __name__ == "__main__":
    main()
