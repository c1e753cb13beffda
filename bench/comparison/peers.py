"""The relays: how each is configured and started. Each forwards 127.0.0.1:port, one or many, to 127.0.0.1:target, logs nothing
a session, and is told to use one thread. One that isn't there is left out with the reason, never replaced."""

import json
import re
import subprocess
from pathlib import Path

from .launch import Launch, Missing, Peer, built, descriptors, first_line, program

NGINX_MODULES = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules"]
SPARE_DESCRIPTORS = 100  # epoll sets, files, standard streams


def epoll_relay(programs):
    def start(ports, target, directory):
        path = built(Path(programs) / "epoll_relay")
        return Launch([path, str(target), *map(str, ports)], "the yardstick, bench/peers/epoll_relay.cpp")
    return Peer(start, maps_many=True)


def go_relay(programs):
    def start(ports, target, directory):
        path = built(Path(programs) / "go_relay")
        return Launch([path, str(target), *map(str, ports)], first_line([path, "version"]))
    return Peer(start, maps_many=True, descriptors_each=6)  # two pipes, idle or not


def sluice(path, access_log=False, backends=1):
    """`backends`: over how many it balances. The generator answers at every loopback address."""
    def start(ports, target, directory):
        binary = built(path)
        if access_log:
            how = ["--log-level", "error"]
            environment = {"SLUICE_LOG_ACCESS": "true", "SLUICE_LOG_OUTPUT": f"{directory}/access.log"}
        else:
            how, environment = ["-q"], {"SLUICE_LOG_ACCESS": "false"}
        if backends > 1:
            service = {"listen": [f"127.0.0.1:{port}" for port in ports],
                       "backends": [f"127.0.0.{1 + i}:{target}" for i in range(backends)]}
            what = ["-c", f"{directory}/sluice.toml"]
            files = {"sluice.toml": "".join(["[service.all]\n", *(f"{key} = {json.dumps(it)}\n" for key, it in service.items())])}
        else:
            what, files = [f"127.0.0.1:{port}=127.0.0.1:{target}" for port in ports], {}
        command = [binary, "--workers", "1", *how, *what]
        version = first_line([binary, "version"]) + (", access log to a file" if access_log else "")
        return Launch(command, version, files=files, environment=environment)
    return Peer(start, maps_many=True)


def haproxy(global_lines=(), option_lines=(), pipes=0):
    """`pipes`: how many it may keep. They count against the descriptors, and so bound what is left for connections."""
    def start(ports, target, directory):
        binary = program("haproxy")
        connections = (descriptors() - 2 * pipes - len(ports) - SPARE_DESCRIPTORS) // 2
        text = "\n".join([
            "global", "  nbthread 1", f"  maxconn {connections}",
            *([f"  maxpipes {pipes}"] if pipes else []), *(f"  {line}" for line in global_lines),
            "  no strict-limits",  # the default number of pipes, a quarter of maxconn, is counted on top and never had
            "defaults", "  mode tcp", f"  maxconn {connections}",
            "  timeout connect 10s", "  timeout client 1h", "  timeout server 1h",
            *(f"  {line}" for line in option_lines),
            *(line for port in ports for line in (
                f"listen relay-{port}", f"  bind 127.0.0.1:{port} backlog 4096", f"  server backend 127.0.0.1:{target}")), ""])
        command = [binary, "-q", "-db", "-f", f"{directory}/haproxy.cfg"]
        return Launch(command, first_line([binary, "-v"]), files={"haproxy.cfg": text})
    return Peer(start, maps_many=True)


def nginx(server_lines=()):
    def start(ports, target, directory):
        binary = program("nginx")
        module = next((f"{d}/ngx_stream_module.so" for d in NGINX_MODULES
                       if Path(f"{d}/ngx_stream_module.so").exists()), None)
        flags = subprocess.run([binary, "-V"], capture_output=True, text=True, timeout=10).stderr.split()
        if module is None and "--with-stream" not in flags:
            raise Missing("nginx has no stream module")
        text = "\n".join([
            *([f"load_module {module};"] if module and "--with-stream" not in flags else []),
            "daemon off;", "worker_processes 1;", f"worker_rlimit_nofile {descriptors()};", f"pid {directory}/nginx.pid;",
            "error_log stderr crit;", f"events {{ worker_connections {descriptors() - SPARE_DESCRIPTORS}; }}",
            "stream {", "  access_log off;", "  proxy_timeout 1h;", *(f"  {line};" for line in server_lines),
            *(line for port in ports for line in (
                "  server {", f"    listen 127.0.0.1:{port} backlog=4096;", f"    proxy_pass 127.0.0.1:{target};", "  }")),
            "}", ""])
        command = [binary, "-e", "stderr", "-p", str(directory), "-c", f"{directory}/nginx.conf"]
        return Launch(command, first_line([binary, "-v"]), files={"nginx.conf": text})
    return Peer(start, maps_many=True)


def rinetd():
    def start(ports, target, directory):
        binary = program("rinetd")
        text = "".join(f"127.0.0.1 {port} 127.0.0.1 {target}\n" for port in ports)
        return Launch([binary, "-f", "-c", f"{directory}/rinetd.conf"], first_line([binary, "-v"]),
                      files={"rinetd.conf": text})
    return Peer(start, maps_many=True)


def socket_proxyd():
    def start(ports, target, directory):
        binary = program("systemd-socket-proxyd")
        command = [binary, "--connections-max=20000", "--exit-idle-time=infinity", f"127.0.0.1:{target}"]
        return Launch(command, f"systemd-socket-proxyd, {first_line([binary, '--version'])}")
    return Peer(start, activated=True, descriptors_each=6)  # two pipes from the beginning


def socat(buffer_bytes=None):
    def start(ports, target, directory):
        binary = program("socat")
        told = re.search(r"version (\S+)", subprocess.run([binary, "-V"], capture_output=True, text=True, timeout=10).stdout)
        size = ["-b", str(buffer_bytes)] if buffer_bytes else []
        command = [binary, *size, f"TCP-LISTEN:{ports[0]},bind=127.0.0.1,reuseaddr,fork,backlog=4096,nodelay",
                   f"TCP:127.0.0.1:{target},nodelay"]
        return Launch(command, f"socat {told[1] if told else ''}".strip())
    return Peer(start, forks=True, most_connections=1_000, limit="a process a connection")


def direct():
    def start(ports, target, directory):
        return Launch([], "no relay at all: the generator against itself")
    return Peer(start, direct=True)


TUNED_SPLICE = ("option splice-request", "option splice-response")


def all_peers(programs, sluices):
    """Every relay known, by name, in the order of the tables. `sluices` maps names to binaries."""
    return {
        "epoll_relay": epoll_relay(programs),
        "epoll_relay-again": epoll_relay(programs),  # the same beside itself: how far from 1.00 it lands is the noise
        **{name: sluice(path) for name, path in sluices.items()},
        **{f"{name}-log": sluice(path, access_log=True) for name, path in sluices.items()},
        **{f"{name}-of-ten": sluice(path, backends=10) for name, path in sluices.items()},
        "haproxy-tuned": haproxy(("tune.pipesize 1048576",), TUNED_SPLICE, pipes=700),
        "haproxy-auto": haproxy((), ("option splice-auto",)),
        "haproxy-nosplice": haproxy(("nosplice",)),
        "nginx": nginx(),
        "nginx-64k": nginx(("proxy_buffer_size 64k",)),
        "go": go_relay(programs),
        "socket-proxyd": socket_proxyd(),
        "socat": socat(),
        "socat-64k": socat(65_536),
        "rinetd": rinetd(),
        "direct": direct(),
    }
