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
import xml.etree.ElementTree
from pathlib import Path

sys.dont_write_bytecode = True
from comparison import peers, rows, standing  # noqa: E402
from comparison.metering import Cgroup, Family, Processes  # noqa: E402
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
             "--serve", str(self.relay.target), "--warmup", "0.05", "--seconds", "0.5",
             "--meter", str(self.relay.process.pid)], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return row, json.loads(done.stdout)

    def test_every_kind_of_row_does_work_without_an_error(self):
        for name in ["bulk-down-2", "bulk-up-1", "bulk-both-2", "ping-pong-64-8", "ping-pong-300000-2", "short-8",
                     "short-8-client-closes", "mix-2-4"]:
            with self.subTest(name):
                row, report = self.load(name)
                self.assertGreater(row.units(report), 0)
                self.assertEqual(report["errors"], 0)
                self.assertGreater(report["relay_cpu_seconds"], 0)
                self.assertLess(report["relay_cpu_seconds"], report["wall_seconds"] * 1.1)
                if name.startswith("mix"):
                    self.assertGreater(report["bytes"], report["round_trips"] * 64 * 10, "no bulk beside the ping-pong")
                if not name.startswith("bulk"):
                    latency = report["latency_us"]
                    self.assertTrue(0 < latency["p50"] <= latency["p99"] <= latency["p999"])

    def test_nine_hundred_connections_all_get_their_turn(self):
        row, report = self.load("ping-pong-64-900")
        self.assertEqual(report["errors"], 0)
        self.assertGreater(report["whole_run"]["round_trips"], 900)

    def test_idle_connections_are_counted_and_hold_no_pipe(self):
        cpus = os.sched_getaffinity(0)
        report = standing.idle(rows.parse("idle-50"), "yardstick", peers.epoll_relay(PROGRAMS), self.directory.name,
                               PROGRAMS / "bench_load", cpus, min(cpus))
        self.assertAlmostEqual(report["descriptors"] - 2 * report["pipes"], 2.0)
        self.assertLessEqual(report["pipes"], 1 / 50, "one is pooled, none is held")
        self.assertTrue(0 <= report["user_bytes"] == report["cost"] < 20_000)

    def test_an_idle_connection_that_ends_fails_its_row(self):
        load = subprocess.Popen(
            [PROGRAMS / "bench_load", "idle", "--connections", "3", "--connect", str(self.relay.listen), "--serve",
             str(self.relay.target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(load.stdout.readline(), "held\n")
        self.relay.process.kill()
        self.relay.process.wait()
        threading.Event().wait(0.2)  # for the kernel to end the sockets of a process that is gone
        self.assertEqual(json.loads(load.communicate()[0])["errors"], 3)

    def test_ready_is_when_every_mapping_accepts(self):
        report = standing.ready(rows.parse("ready-5"), "yardstick", peers.epoll_relay(PROGRAMS), self.directory.name,
                                min(os.sched_getaffinity(0)))
        self.assertTrue(0 < report["cost"] < 5000)

    def test_without_a_relay_there_is_work_and_nothing_is_metered(self):
        nobody = Running("direct", peers.direct(), self.directory.name, 0)
        for name in ["ping-pong-64-4", "mix-1-4", "bulk-down-1"]:
            row = rows.parse(name)
            done = subprocess.run([PROGRAMS / "bench_load", *row.load_arguments, "--connect", str(nobody.listen), "--serve",
                                   str(nobody.target), "--warmup", "0", "--seconds", "0.5", *nobody.meter().arguments()],
                                  capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 0, done.stderr)
            report = json.loads(done.stdout)
            self.assertGreater(row.units(report), 0)
            self.assertEqual((report["relay_cpu_seconds"], report["errors"]), (0, 0))

    def test_the_driver_writes_all_three_results_and_leaves_out_what_is_not_there(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("needs two processors")
        results = Path(self.directory.name) / "results"
        done = subprocess.run(
            [HERE / "compare", "--programs", PROGRAMS, "--relays", "epoll_relay,absent", "--sluice", "absent=/no/such",
             "--rows", "ping-pong-64-4,short-4", "--rounds", "2", "--seconds", "0.3", "--warmup", "0.02",
             "--results", results], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("left out: absent: /no/such is not built", done.stdout)
        document = json.loads(next(results.glob("*.json")).read_text())
        self.assertEqual(set(document["summary"]), {"ping-pong-64-4", "short-4"})
        self.assertEqual(document["summary"]["short-4"]["relays"]["epoll_relay"]["ratio"]["median"], 1.0)
        self.assertEqual(len(document["slices"]["short-4"]["epoll_relay"]), 2)
        xml.etree.ElementTree.parse(next(results.glob("*.svg")))
        self.assertEqual(next(results.glob("*.md")).read_text(), done.stdout.rstrip("\n") + "\n")


class MeterTest(unittest.TestCase):
    """Children that end before anybody looks: their time is in no process that is still there."""

    ONE_CHILD = 0.02  # seconds; how many of them a busy machine lets run is its own affair
    FORKS = """
import os, time
while True:
    if (child := os.fork()) == 0:
        end = time.process_time() + 0.02
        while time.process_time() < end: pass
        os._exit(0)
    os.waitpid(child, 0)
"""

    def metered(self, arguments):
        port = str(Running("direct", peers.direct(), tempfile.mkdtemp(dir=self.directory.name), 0).listen)
        done = subprocess.run([PROGRAMS / "bench_load", "ping-pong", "--connect", port, "--serve", port, "--warmup", "0",
                               "--seconds", "0.5", *arguments], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["relay_cpu_seconds"]

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.cgroup = None
        try:
            self.cgroup = Cgroup()
            self.addCleanup(self.cgroup.remove)
        except OSError:
            pass
        self.forker = subprocess.Popen([sys.executable, "-c", self.FORKS],
                                       preexec_fn=self.cgroup.join if self.cgroup else None)
        self.addCleanup(self.forker.wait)
        self.addCleanup(self.forker.kill)
        alone = Processes([self.forker.pid])
        while alone.seconds() == 0 or Family(self.forker.pid).seconds() < 0.1:
            self.assertIsNone(self.forker.poll())

    def test_a_family_counts_children_that_were_waited_for(self):
        whole = self.metered(Family(self.forker.pid).arguments())
        alone = self.metered(Processes([self.forker.pid]).arguments())
        self.assertGreater(whole, self.ONE_CHILD)
        self.assertGreater(whole, 5 * alone, "the children do the work")

    def test_a_cgroup_counts_them_too(self):
        if not self.cgroup:
            self.skipTest("no cgroup can be made here")
        before = self.cgroup.seconds()
        self.assertGreater(self.metered(self.cgroup.arguments()), self.ONE_CHILD)
        self.assertGreater(self.cgroup.seconds() - before, self.ONE_CHILD)


if __name__ == "__main__":
    parse = argparse.ArgumentParser()
    parse.add_argument("--programs", type=Path, default=PROGRAMS)
    options, rest = parse.parse_known_args()
    PROGRAMS = options.programs
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
