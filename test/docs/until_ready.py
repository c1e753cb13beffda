"""Stands for sluice in the blocks of docs: the built one, but one that would run on is ended as soon as it is ready.

A page says `sluice 8080=10.0.0.5:80`; its reader presses Ctrl-C at some time, here SIGTERM comes at READY. What a block started
with `&` is left running. The exit code is sluice's own.
"""
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

tools = Path(os.environ["SLUICE_DOCS"])
in_background = os.fstat(0).st_rdev == os.stat("/dev/null").st_rdev

notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notified.bind(f"\0sluice-docs-{os.getpid()}")
program = subprocess.Popen([tools / "built-sluice", *sys.argv[1:]],
                           env={**os.environ, "NOTIFY_SOCKET": f"@sluice-docs-{os.getpid()}"})
signal.signal(signal.SIGTERM, lambda *_: program.send_signal(signal.SIGTERM))
while program.poll() is None:
    if select.select([notified], [], [], 0.02)[0] and b"READY=1" in notified.recv(4096):
        (tools / "settled" / str(os.getpid())).touch()
        if not in_background:
            program.send_signal(signal.SIGTERM)
        break
sys.exit(program.wait())
