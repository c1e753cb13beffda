"""The relays: how each is configured and started. Each forwards 127.0.0.1:listen to 127.0.0.1:target, logs nothing a
session, and is told to use one thread. One that isn't there is left out with the reason, never replaced."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

NGINX_MODULES = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules"]


class Missing(Exception):
    """The relay cannot run here; the text says why."""


@dataclass
class Launch:
    command: list
    version: str
    files: dict = field(default_factory=dict)        # name in the work directory: text
    environment: dict = field(default_factory=dict)  # added to ours


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
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


def epoll_relay(programs):
    def launch(listen, target, directory):
        path = built(Path(programs) / "epoll_relay")
        return Launch([path, str(listen), str(target)], "the yardstick, bench/peers/epoll_relay.cpp")
    return launch


def sluice(path):
    def launch(listen, target, directory):
        binary = built(path)
        command = [binary, "--workers", "1", "-q", f"127.0.0.1:{listen}=127.0.0.1:{target}"]
        return Launch(command, first_line([binary, "version"]), environment={"SLUICE_LOG_ACCESS": "false"})
    return launch


def haproxy(global_lines=(), option_lines=()):
    def launch(listen, target, directory):
        binary = program("haproxy")
        text = "\n".join([
            "global", "  nbthread 1", "  maxconn 4000", *(f"  {line}" for line in global_lines),
            "defaults", "  mode tcp", "  timeout connect 10s", "  timeout client 1h", "  timeout server 1h",
            *(f"  {line}" for line in option_lines),
            "listen relay", f"  bind 127.0.0.1:{listen} backlog 4096", f"  server backend 127.0.0.1:{target}", ""])
        command = [binary, "-q", "-db", "-f", f"{directory}/haproxy.cfg"]
        return Launch(command, first_line([binary, "-v"]), files={"haproxy.cfg": text})
    return launch


def nginx(server_lines=()):
    def launch(listen, target, directory):
        binary = program("nginx")
        module = next((f"{d}/ngx_stream_module.so" for d in NGINX_MODULES
                       if Path(f"{d}/ngx_stream_module.so").exists()), None)
        flags = subprocess.run([binary, "-V"], capture_output=True, text=True, timeout=10).stderr.split()
        if module is None and "--with-stream" not in flags:
            raise Missing("nginx has no stream module")
        text = "\n".join([
            *([f"load_module {module};"] if module and "--with-stream" not in flags else []),
            "daemon off;", "worker_processes 1;", "worker_rlimit_nofile 16384;", f"pid {directory}/nginx.pid;",
            "error_log stderr crit;", "events { worker_connections 8192; }",
            "stream {", "  access_log off;", "  proxy_timeout 1h;", "  server {",
            f"    listen 127.0.0.1:{listen} backlog=4096;", f"    proxy_pass 127.0.0.1:{target};",
            *(f"    {line};" for line in server_lines), "  }", "}", ""])
        command = [binary, "-e", "stderr", "-p", str(directory), "-c", f"{directory}/nginx.conf"]
        return Launch(command, first_line([binary, "-v"]), files={"nginx.conf": text})
    return launch


TUNED_SPLICE = ("option splice-request", "option splice-response")

QUICK = ["epoll_relay", "epoll_relay-again", "sluice", "haproxy-tuned", "haproxy-auto", "nginx"]


def all_peers(programs, sluices):
    """Every relay known, by name, in the order of the tables. `sluices` maps names to binaries."""
    return {
        "epoll_relay": epoll_relay(programs),
        "epoll_relay-again": epoll_relay(programs),  # the same beside itself: how far from 1.00 it lands is the noise
        **{name: sluice(path) for name, path in sluices.items()},
        "haproxy-tuned": haproxy(("tune.pipesize 1048576", "maxpipes 2000"), TUNED_SPLICE),
        "haproxy-auto": haproxy((), ("option splice-auto",)),
        "haproxy-nosplice": haproxy(("nosplice",)),
        "nginx": nginx(),
        "nginx-64k": nginx(("proxy_buffer_size 64k",)),
    }
