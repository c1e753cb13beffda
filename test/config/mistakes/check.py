"""The mistakes people make in configuration files, and what sluice answers.

A mistake is a file NAME.toml here. Its first line says where it is, what it is, and for a misspelt key in parentheses what was
meant:

    # 4:10: a duration without a unit

NAME.expected is what `sluice check` and the start of `sluice` write to standard error. `check.py --write` writes these files
anew: read the difference as somebody who has never seen sluice.
"""
import functools
import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SLUICE = os.environ["SLUICE_BIN"]
BAD_CONFIG = 78


class Mistake:
    def __init__(self, path):
        self.path = path
        head = re.fullmatch(r"# (?:(\d+):(\d+)|-): [^()]+(?:\((.+)\))?", path.read_text().splitlines()[0])
        self.place = (int(head[1]), int(head[2])) if head[1] else None
        self.meant = head[3]
        self.expected = path.with_suffix(".expected")

    def answer(self, *verb):
        return subprocess.run([SLUICE, *verb, "-c", self.path.name], cwd=FOLDER, capture_output=True, text=True, timeout=60)

    @functools.cached_property
    def findings(self):
        return json.loads(self.answer("check", "--json").stdout)["findings"]


@functools.cache
def mistakes():
    return [Mistake(path) for path in sorted(FOLDER.glob("*.toml"))]


class Mistakes(unittest.TestCase):
    maxDiff = None

    def test_every_mistake_is_answered_as_it_says(self):
        for mistake in mistakes():
            with self.subTest(mistake.path.name):
                checked = mistake.answer("check")
                self.assertEqual(checked.returncode, BAD_CONFIG)
                self.assertEqual(checked.stdout, "")
                self.assertEqual(checked.stderr, mistake.expected.read_text())

    def test_a_start_gives_the_same_answer(self):
        for mistake in mistakes():
            with self.subTest(mistake.path.name):
                started = mistake.answer()
                self.assertEqual(started.returncode, BAD_CONFIG)
                self.assertEqual(started.stderr, mistake.expected.read_text())

    def test_the_first_finding_is_where_the_mistake_is(self):
        exact = 0
        for mistake in mistakes():
            with self.subTest(mistake.path.name):
                found = mistake.findings[0]
                self.assertEqual(found["file"], mistake.path.name)
                if mistake.place:
                    self.assertEqual((found["line"], found["column"]), mistake.place)
                    exact += 1
        self.assertGreaterEqual(exact, len(mistakes()) * 38 // 40)

    def test_one_mistake_is_one_error_with_a_hint(self):
        for mistake in mistakes():
            with self.subTest(mistake.path.name):
                found = mistake.findings
                self.assertEqual(len(found), 1)
                self.assertNotEqual(found[0]["hint"], "")

    def test_misspelt_keys_are_suggested(self):
        misspelt = [mistake for mistake in mistakes() if mistake.meant]
        self.assertGreaterEqual(len(misspelt), 12)
        for mistake in misspelt:
            with self.subTest(mistake.path.name):
                self.assertEqual(mistake.findings[0]["hint"], f"did you mean `{mistake.meant}`?")

    def test_there_are_forty_and_no_answer_without_a_mistake(self):
        names = {mistake.path.stem for mistake in mistakes()}
        self.assertGreaterEqual(len(names), 40)
        self.assertEqual(names, {path.stem for path in FOLDER.glob("*.expected")})


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        for each in mistakes():
            each.expected.write_text(each.answer("check").stderr)
    else:
        unittest.main()
