"""The schema as an editor uses it: it takes what sluice takes, and marks what a schema can."""
import json
import os
import subprocess
import tomllib
import unittest
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]
SLUICE = os.environ["SLUICE_BIN"]
SCHEMA = json.loads(subprocess.run([SLUICE, "config", "schema"], check=True, capture_output=True, text=True).stdout)

# What no schema can tell: it knows neither other values nor what an address may be.
OUT_OF_REACH = {"address", "conflict", "missing-weights", "missing-everything", "value-variable", "value-mode-on-tcp",
                "file-ending", "resolve-literal", "srv-", "reply-missing", "maglev-", "health-address", "health-expects",
                "health-hex", "health-path", "health-port", "health-regex", "health-status", "health-two"}


def complaints(document):
    return [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(document)]


class Schema(unittest.TestCase):
    def test_it_is_a_schema(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)

    def test_it_takes_every_sample(self):
        samples = sorted((ROOT / "conf").glob("*.toml"))
        self.assertGreaterEqual(len(samples), 4)
        for sample in samples:
            with self.subTest(sample.name):
                self.assertEqual(complaints(tomllib.loads(sample.read_text())), [])

    def test_it_takes_what_config_show_prints(self):
        for arguments in (["8080=10.0.0.5:80"], ["-c", str(ROOT / "conf/balance.toml")]):
            shown = subprocess.run([SLUICE, "config", "show", *arguments], check=True, capture_output=True, text=True).stdout
            self.assertEqual(complaints(tomllib.loads(shown)), [])

    def test_it_marks_the_mistakes_within_its_reach(self):
        marked = 0
        for path in sorted((ROOT / "test/config/mistakes").glob("*.toml")):
            if path.stem.startswith("toml-"):
                continue  # no TOML: the editor says so itself
            with self.subTest(path.name):
                found = complaints(tomllib.loads(path.read_text()))
                self.assertEqual(bool(found), not path.stem.startswith(tuple(OUT_OF_REACH)))
                marked += bool(found)
        self.assertGreaterEqual(marked, 25)


if __name__ == "__main__":
    unittest.main()
