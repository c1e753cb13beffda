#!/usr/bin/env python3
"""The tools of the comparison, tested: the yardstick delivers what it is given, the generator counts what it should, the
driver runs from end to end. Judges no speed."""

import argparse
import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
from comparison import peers, rows  # noqa: E402
from comparison.running import Running  # noqa: E402

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE.parent / "build" / "release" / "bench"
PATIENCE = 20.0


class YardstickTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        cpu = min(os.sched_getaffinity(0))
        self.relay = Running("epoll_relay", peers.epoll_relay(PROGRAMS), self.directory.name, cpu)
        self.addCleanup(self.relay.stop)

    def sockets(self):
        directory = f"/proc/{self.relay.process.pid}/fd"
        return sum(os.readlink(f"{directory}/{fd}").startswith("socket:") for fd in os.listdir(directory))

    def pair(self):
        """A client and what the relay connected for it."""
        with socket.create_server(("127.0.0.1", self.relay.target)) as listener:
            listener.settimeout(PATIENCE)
            client = socket.create_connection(("127.0.0.1", self.relay.listen), PATIENCE)
            backend, _ = listener.accept()
        backend.settimeout(PATIENCE)
        self.addCleanup(client.close)
        self.addCleanup(backend.close)
        return client, backend

    def test_both_ways_at_once_arrive_exactly_and_each_end_of_file_is_relayed(self):
        client, backend = self.pair()
        sent, received = {}, {}

        def send(name, into, seed):
            pieces, digest = random.Random(seed), hashlib.sha256()
            for _ in range(600):
                piece = pieces.randbytes(pieces.choice([1, 7, 300, 5_000, 70_000]))
                into.sendall(piece)
                digest.update(piece)
            into.shutdown(socket.SHUT_WR)
            sent[name] = digest.hexdigest()

        def receive(name, source):
            digest = hashlib.sha256()
            while piece := source.recv(33_333):
                digest.update(piece)
            received[name] = digest.hexdigest()

        threads = [threading.Thread(target=send, args=("up", client, 1)),
                   threading.Thread(target=send, args=("down", backend, 2)),
                   threading.Thread(target=receive, args=("up", backend)),
                   threading.Thread(target=receive, args=("down", client))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(set(sent), {"up", "down"})
        self.assertEqual(sent, received)

    def test_after_a_half_close_the_other_direction_still_works(self):
        client, backend = self.pair()
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(backend.recv(100), b"last words")
        self.assertEqual(backend.recv(100), b"")
        backend.sendall(b"reply")
        self.assertEqual(client.recv(100), b"reply")
        backend.close()
        self.assertEqual(client.recv(100), b"")

    def test_a_reset_is_passed_on_and_nothing_stays_open(self):
        client, backend = self.pair()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        client.close()
        with self.assertRaises(ConnectionResetError):
            backend.recv(100)
        self.pair()  # by now the relay has left the first session's turn
        self.assertEqual(self.sockets(), 3, "a listener and the second session")

    def test_nobody_at_the_target_resets_the_client(self):
        with self.assertRaises(ConnectionResetError):  # as early as in connect()
            with socket.create_connection(("127.0.0.1", self.relay.listen), PATIENCE) as client:
                client.recv(1)

    def load(self, row):
        row = rows.parse(row)
        done = subprocess.run(
            [PROGRAMS / "bench_load", *row.load_arguments, "--connect", str(self.relay.listen),
             "--serve", str(self.relay.target), "--warmup", "0.05", "--seconds", "0.2",
             "--meter", str(self.relay.process.pid)], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return row, json.loads(done.stdout)

    def test_every_kind_of_row_does_work_without_an_error(self):
        for name in ["bulk-down-2", "bulk-up-1", "bulk-both-2", "ping-pong-64-8", "ping-pong-300000-2", "short-8",
                     "short-8-client-closes"]:
            with self.subTest(name):
                row, report = self.load(name)
                self.assertGreater(row.units(report), 0)
                self.assertEqual(report["errors"], 0)
                self.assertGreater(report["relay_cpu_seconds"], 0)
                self.assertLess(report["relay_cpu_seconds"], report["wall_seconds"] * 1.1)
                if not name.startswith("bulk"):
                    latency = report["latency_us"]
                    self.assertTrue(0 < latency["p50"] <= latency["p99"] <= latency["p999"])

    def test_the_driver_writes_both_results_and_leaves_out_what_is_not_there(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("needs two processors")
        results = Path(self.directory.name) / "results"
        done = subprocess.run(
            [HERE / "compare", "--programs", PROGRAMS, "--relays", "epoll_relay,absent", "--sluice", "absent=/no/such",
             "--rows", "ping-pong-64-4,short-4", "--rounds", "2", "--seconds", "0.1", "--warmup", "0.02",
             "--results", results], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("left out: absent: /no/such is not built", done.stdout)
        document = json.loads(next(results.glob("*.json")).read_text())
        self.assertEqual(set(document["summary"]), {"ping-pong-64-4", "short-4"})
        self.assertEqual(document["summary"]["short-4"]["relays"]["epoll_relay"]["ratio"], 1.0)
        self.assertEqual(next(results.glob("*.md")).read_text(), done.stdout.rstrip("\n") + "\n")


if __name__ == "__main__":
    parse = argparse.ArgumentParser()
    parse.add_argument("--programs", type=Path, default=PROGRAMS)
    options, rest = parse.parse_known_args()
    PROGRAMS = options.programs
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
