#!/usr/bin/env python3
"""The laboratory, tested at tiny sizes: every technique is there, the calls are as many as they must be, nothing stays
behind. Judges no speed."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "build" / "release" / "bench" / "lab" / "bench_lab"
PATIENCE = 60
KIB, MIB = 1024, 1024 * 1024

TECHNIQUES = {
    "file_to_file": ["read + write", "mmap + write", "sendfile", "splice through a pipe", "copy_file_range"],
    "file_to_socket": ["read + write", "mmap + write", "sendfile", "splice through a pipe"],
    "socket_to_socket": ["read + write", "splice, a pipe a call", "splice, pooled pipe"],
    "user_to_socket": ["write", "vmsplice + splice", "MSG_ZEROCOPY"],
    "one_to_two": ["read + two writes", "tee + two splices"],
    "message_sizes": [f"{family}: {how}" for family in ("TCP", "unix") for how in ("read + write", "splice, pooled pipe")],
}


def lab(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE, check=False)


class WholeRunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as directory:
            files = Path(directory, "files")
            files.mkdir()
            json_file = Path(directory, "figures.json")
            cls.run_done = lab("--bytes", "4MiB", "--repeat", 1, "--directory", files, "--json", json_file)
            cls.left_behind = list(files.iterdir())
            cls.figures = json.loads(json_file.read_text()) if cls.run_done.returncode == 0 else {"tables": []}
        cls.tables = {table["name"]: table for table in cls.figures["tables"]}

    def setUp(self):
        self.assertEqual(self.run_done.returncode, 0, self.run_done.stderr)

    def row(self, table, technique, piece_bytes):
        found = [row for row in self.tables[table]["rows"]
                 if row["technique"] == technique and row["piece_bytes"] == piece_bytes]
        self.assertEqual(len(found), 1, (table, technique, piece_bytes))
        return found[0]

    def test_every_technique_is_in_its_table_with_figures_or_a_reason(self):
        self.assertEqual(sorted(self.tables), sorted(TECHNIQUES))
        for name, techniques in TECHNIQUES.items():
            rows = self.tables[name]["rows"]
            self.assertEqual({row["technique"] for row in rows}, set(techniques), name)
            for row in rows:
                if "refused" in row:
                    self.assertTrue(row["refused"], row)
                    continue
                self.assertEqual(row["bytes"], 4 * MIB, row)
                self.assertGreater(row["calls"], 0, row)
                self.assertGreater(row["cpu_seconds"], 0, row)
                self.assertGreater(row["wall_seconds"], 0, row)

    def test_what_every_kernel_does_is_not_refused(self):
        for name, table in self.tables.items():
            for row in table["rows"]:
                if "read" in row["technique"] or row["technique"] == "write":
                    self.assertNotIn("refused", row, name)

    def test_calls_on_files_are_as_many_as_the_pieces_ask_for(self):
        for piece in (4 * KIB, MIB):
            pieces = 4 * MIB // piece
            self.assertEqual(self.row("file_to_file", "read + write", piece)["calls"], 2 * pieces)
            self.assertEqual(self.row("file_to_file", "mmap + write", piece)["calls"], pieces + 2)
            self.assertIn(self.row("file_to_file", "sendfile", piece)["calls"], (pieces, pieces + 1))
            self.assertEqual(self.row("file_to_socket", "read + write", piece)["calls"], 2 * pieces)
            self.assertIn(self.row("file_to_socket", "sendfile", piece)["calls"], (pieces, pieces + 1))
            self.assertEqual(self.row("user_to_socket", "write", piece)["calls"], pieces)

    def test_a_pipe_a_call_is_three_calls_more_a_fill(self):
        # pipe2 and two closes; how often a fill is short is the kernel's affair.
        a_call = self.row("socket_to_socket", "splice, a pipe a call", 64 * KIB)["calls"]
        self.assertGreaterEqual(a_call, 5 * 4 * MIB // (64 * KIB))

    def test_each_zero_copy_send_has_its_notice(self):
        for row in self.tables["user_to_socket"]["rows"]:
            if row["technique"] != "MSG_ZEROCOPY" or "refused" in row:
                continue
            sends, notices, copied = [int(part.split()[0]) for part in row["note"].split(", ")[:3]]
            self.assertGreaterEqual(sends, 4 * MIB // row["piece_bytes"])
            self.assertTrue(1 <= notices <= sends, row)
            self.assertTrue(0 <= copied <= sends, row)

    def test_truncation_kills_who_looks_at_the_map(self):
        self.assertIn("killed by SIGBUS", " ".join(self.tables["file_to_socket"]["remarks"]))

    def test_the_markdown_has_each_table_and_says_why_there_is_no_af_xdp(self):
        for name in TECHNIQUES:
            self.assertIn(f"({name})", self.run_done.stdout)
        self.assertIn("AF_XDP", self.run_done.stdout)
        self.assertEqual(self.run_done.stderr, "")

    def test_no_file_is_left(self):
        self.assertEqual(self.left_behind, [])


class EndingTest(unittest.TestCase):
    def test_no_file_is_left_by_a_run_that_is_killed(self):
        with tempfile.TemporaryDirectory() as directory:
            running = subprocess.Popen([PROGRAM, "--only", "file_to_file", "--bytes", "64MiB", "--repeat", "1000",
                                        "--directory", directory], stdout=subprocess.DEVNULL)
            try:
                time.sleep(0.5)
                self.assertIsNone(running.poll())
            finally:
                running.kill()
                running.wait(PATIENCE)
            self.assertEqual(os.listdir(directory), [])

    def test_what_cannot_be_written_is_an_error(self):
        done = lab("--only", "file_to_file", "--bytes", "1MiB", "--json", "/nonexistent/figures.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/figures.json", done.stderr)


class OptionsTest(unittest.TestCase):
    def test_bad_options_exit_2_with_a_reason(self):
        for arguments, reason in [(["--bytes", "many"], "--bytes"), (["--bytes", "4"], "1MiB"),
                                  (["--bytes", "4TiB"], "KiB, MiB, GiB"), (["--bytes", "-4MiB"], "--bytes"),
                                  (["--bytes"], "--bytes"), (["--only", "nothing"], "no such table: nothing"),
                                  (["--only", "one_to_two,"], "no such table"), (["--repeat", "0"], "--repeat"),
                                  (["--repeat", "3x"], "--repeat"), (["--directory", "/nonexistent"], "/nonexistent"),
                                  (["--speed", "1"], "--speed"), (["faster"], "faster"), (["--json", ""], "--json")]:
            done = lab(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(reason, done.stderr)
            self.assertIn("usage: bench_lab", done.stderr)
            self.assertEqual(done.stdout, "")

    def test_help_names_each_table(self):
        done = lab("--help")
        self.assertEqual(done.returncode, 0)
        for name in TECHNIQUES:
            self.assertIn(name, done.stdout)

    def test_only_the_wanted_tables_are_measured(self):
        done = lab("--only", "one_to_two", "--bytes", "1MiB", "--repeat", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([name for name in TECHNIQUES if f"({name})" in done.stdout], ["one_to_two"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, default=PROGRAM)
    known, rest = parser.parse_known_args()
    PROGRAM = known.program
    unittest.main(argv=[sys.argv[0], *rest])
