#!/usr/bin/env python3
"""The installed package, as other programs see it: found by find_package and by pkg-config, linked with no more than it
needs, and bytes go through. The programs of docs/library.md are cut out of the text and tried, so that it can't drift."""

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs" / "library.md"
CONSUMER = HERE / "consumer"
PATIENCE = 20.0
OPTIONS = argparse.Namespace()


def run(*command, **how):
    """The output of a command that must succeed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}")
    return done.stdout


def documented_programs():
    """Name and text of every ```cpp block: each is a whole program."""
    return dict(re.findall(r"^```cpp (\w+)\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL))


def needed(program):
    """The shared libraries that a program or library names itself."""
    return set(re.findall(r"\(NEEDED\).*\[(.+?)\]", run("readelf", "-d", program)))


class Echo:
    """A backend that sends back what it gets, and the end of file behind it. Resets a client that says "reset me"."""

    def __init__(self, family=socket.AF_INET, address=("127.0.0.1", 0)):
        self.listener = socket.socket(family)
        self.listener.bind(address)
        self.listener.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(client,), daemon=True).start()

    @staticmethod
    def _echo(client):
        with client:
            while piece := client.recv(65536):
                if piece == b"reset me":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    return
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)

    def close(self):
        self.listener.close()


def exchange(client, payload):
    """Sends it all and the end of file; what comes back until the other end of file."""
    client.settimeout(PATIENCE)
    sender = threading.Thread(target=lambda: (client.sendall(payload), client.shutdown(socket.SHUT_WR)))
    sender.start()
    got = bytearray()
    while piece := client.recv(65536):
        got += piece
    sender.join()
    return bytes(got)


class InstalledTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="sluice-install-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.top = Path(cls.scratch.name)
        cls.prefix = cls.top / "prefix"
        run(OPTIONS.cmake, "--install", OPTIONS.build, "--prefix", cls.prefix, "--component", "development")
        cls.libraries = next(cls.prefix.rglob("pkgconfig")).parent
        cls.flags = f"-fsanitize={OPTIONS.sanitize}" if OPTIONS.sanitize else ""
        cls.environment = dict(os.environ, LD_LIBRARY_PATH=str(cls.libraries),
                               PKG_CONFIG_PATH=str(cls.libraries / "pkgconfig"), CXXFLAGS=cls.flags)
        cls.programs = documented_programs()
        for name, text in cls.programs.items():
            (cls.top / f"{name}.cpp").write_text(text)
        cls.built = cls.top / "built"
        sources = ";".join(str(cls.top / f"{name}.cpp") for name in cls.programs)
        run(OPTIONS.cmake, "-S", CONSUMER, "-B", cls.built, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={cls.prefix}",
            f"-DCMAKE_CXX_COMPILER={OPTIONS.compiler}", f"-DDOCUMENTED={sources}", env=cls.environment)
        run(OPTIONS.cmake, "--build", cls.built, env=cls.environment)

    def pkg_config(self, *words):
        return run("pkg-config", *words, env=self.environment).split()

    def start(self, program, *words):
        """A running program and the first line it writes."""
        process = subprocess.Popen([str(program), *map(str, words)], stdout=subprocess.PIPE, text=True,
                                   env=self.environment)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, process.stdout.readline().strip()

    def test_found_by_cmake_a_program_relays(self):
        self.assertEqual(run(self.built / "relay_bytes", env=self.environment), "client_fin, spliced 1048576 of 1048576\n")

    def test_found_by_pkg_config_a_program_relays(self):
        program = self.top / "relay_bytes"
        run(OPTIONS.compiler, "-std=c++20", *self.flags.split(), CONSUMER / "relay_bytes.cpp", "-o", program,
            *self.pkg_config("--cflags", "--libs", "sluice-splice"))
        self.assertEqual(run(program, env=self.environment), "client_fin, spliced 1048576 of 1048576\n")

    def test_the_primitives_bring_no_library_along(self):
        allowed = re.compile(r"lib(c|m|stdc\+\+|gcc_s|[at]san|ubsan|sluice_splice)\.so|ld-linux")
        for program in ["relay_bytes", *self.programs]:
            foreign = {name for name in needed(self.built / program) if not allowed.match(name)}
            self.assertEqual(foreign, set(), program)
        words = self.pkg_config("--libs", "sluice-splice")
        self.assertEqual([word for word in words if word.startswith("-l")], ["-lsluice_splice"])

    def test_the_primitives_are_found_where_nothing_of_the_proxy_is(self):
        hidden = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in ("fmt", "spdlog", "PkgConfig")]
        configure = [OPTIONS.cmake, "-S", CONSUMER, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}",
                     f"-DCMAKE_CXX_COMPILER={OPTIONS.compiler}", *hidden]
        run(*configure, "-B", self.top / "without", "-DWITH_PROXY=OFF", env=self.environment)
        with self.assertRaisesRegex(AssertionError, "(?s)the component proxy needs what is\\s+not\\s+there:\\s+.*fmt"):
            run(*configure, "-B", self.top / "lacking", env=self.environment)

    def test_another_minor_version_is_refused(self):
        project = self.top / "newer"
        project.mkdir()
        (project / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.25)\nproject(newer LANGUAGES CXX)\n"
                                                "find_package(sluice 0.99 REQUIRED COMPONENTS splice)\n")
        with self.assertRaisesRegex(AssertionError, "0.99"):
            run(OPTIONS.cmake, "-S", project, "-B", project / "built", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def embedded(self, program):
        """The proxy inside somebody else's program: bytes there and back, and a clean end."""
        names = [f"@sluice-install-{os.getpid()}-{program.name}-{word}" for word in ("in", "out")]
        echo = Echo(socket.AF_UNIX, "\0" + names[1][1:])
        self.addCleanup(echo.close)
        process, line = self.start(program, f"unix:{names[0]}=unix:{names[1]}")
        self.assertEqual(line, "ready")
        payload = os.urandom(1 << 20)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("\0" + names[0][1:])
            self.assertEqual(exchange(client, payload), payload)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(process.stdout.readline().strip(), f"accepted 1, spliced {2 << 20}, copied 0")

    def test_found_by_cmake_a_program_embeds_the_proxy(self):
        self.embedded(self.built / "embed_proxy")

    def test_found_by_pkg_config_a_program_embeds_the_proxy(self):
        program = self.top / "embed_by_pkg_config"
        run(OPTIONS.compiler, "-std=c++20", *self.flags.split(), CONSUMER / "embed_proxy.cpp", "-o", program,
            *self.pkg_config("--cflags", "--libs", "sluice"))
        self.embedded(program)

    def test_pkg_config_names_what_an_archive_needs_and_hides_it_behind_a_shared_library(self):
        plain = self.pkg_config("--libs", "sluice")
        self.assertEqual({"-lfmt", "-lspdlog", "-lcares"}.issubset(plain), not OPTIONS.shared)
        self.assertTrue({"-lfmt", "-lspdlog", "-lcares"}.issubset(self.pkg_config("--static", "--libs", "sluice")))

    def test_headers_compile_alone(self):
        for header in sorted((self.prefix / "include" / "sluice").glob("*.hpp")):
            run(OPTIONS.compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-x", "c++",
                *self.pkg_config("--cflags", "sluice-splice"), "-", input=f"#include <sluice/{header.name}>\n")

    def test_every_program_of_the_document_forwards(self):
        self.assertEqual(len(self.programs), DOCUMENT.read_text().count("```cpp"))
        self.assertGreaterEqual(len(self.programs), 2)
        echo = Echo()
        self.addCleanup(echo.close)
        payload = os.urandom(3 << 20)
        for name in self.programs:
            process, line = self.start(self.built / name, 0, echo.listener.getsockname()[1])
            port = int(re.fullmatch(r"listening on (\d+)", line)[1])
            with socket.create_connection(("127.0.0.1", port)) as client:
                self.assertEqual(exchange(client, payload), payload, name)
            self.assertIn(f"{len(payload)} bytes up, {len(payload)} down", process.stdout.readline(), name)
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"reset me")
                client.settimeout(PATIENCE)
                with self.assertRaises(ConnectionResetError, msg=name):
                    client.recv(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--compiler", default="c++")
    parser.add_argument("--sanitize", default="")
    parser.add_argument("--shared", action="store_true")
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
