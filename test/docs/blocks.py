"""Every shell and TOML block of the pages is run (CONTRIBUTING.md, "Docs", says by which rules)."""
import collections
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import sandbox

ROOT = Path(__file__).resolve().parents[2]
SLUICE = os.environ["SLUICE_BIN"]

Block = collections.namedtuple("Block", "page line language text before")

FENCE = re.compile(r"(?:^<!-- before:\n(?P<before>.*?)^-->\n\n?)?^(?P<indent> *)```(?P<language>[a-z]*)[^\n`]*\n(?P<text>.*?)^ *```$",
                   re.M | re.S)


def pages():
    found = []
    for folder, below, files in os.walk(ROOT):
        below[:] = [name for name in below if name != "build" and not name.startswith(".")]
        found += [Path(folder) / name for name in files if name.endswith(".md")]
    return sorted(found)


def blocks_of(page, text):
    return [Block(page, text.count("\n", 0, found.start("text")) + 1, found["language"],
                  re.sub(f"^{found['indent']}", "", found["text"], flags=re.M), found["before"] or "")
            for found in FENCE.finditer(text)]


def all_blocks():
    return [block for page in pages() for block in blocks_of(str(page.relative_to(ROOT)), page.read_text())]


def check_toml(block):
    """What is wrong with a TOML block; empty if nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(block.before + block.text)
        file.flush()
        said = subprocess.run([SLUICE, "check", "-c", file.name], capture_output=True, text=True)
        return said.stderr if said.returncode or said.stderr else ""


def script_of(block):
    """The commands of a block; those of a console block stand behind `$ `."""
    if block.language == "sh":
        return block.text
    return "\n".join(line[2:] for line in block.text.splitlines() if line.startswith("$ ")) + "\n"


def console_pattern(block):
    """What a console block must say: its lines without the commands, `...` for anything."""
    said = "".join(line + "\n" for line in block.text.splitlines() if not line.startswith("$ "))
    return ".*".join(map(re.escape, said.split("..."))) + r"\Z"


def complaints(block, done):
    if done["code"] != 0:
        return f"it ends with {done['code']}:\n{done['output']}"
    if block.language == "console" and not re.match(console_pattern(block), done["output"], re.S):
        return f"it says something else:\n{done['output']}"
    return ""


def run_page(page, blocks):
    return [(block, complaints(block, done), done["stood_in"])
            for block, done in zip(blocks, sandbox.run([script_of(block) for block in blocks], page))]


def planted(markdown):
    """The complaints about a page of shell blocks, one a block."""
    blocks = blocks_of("planted.md", markdown)
    return [complaint for _, complaint, _ in run_page("planted.md", blocks)]


class Toml(unittest.TestCase):
    def test_every_block_is_a_good_configuration(self):
        blocks = [block for block in all_blocks() if block.language == "toml"]
        self.assertGreaterEqual(len(blocks), 3)
        for block in blocks:
            with self.subTest(f"{block.page}:{block.line}"):
                self.assertEqual(check_toml(block), "")

    def test_a_bad_block_is_found_and_a_fragment_completed(self):
        bad, fragment, _, completed = blocks_of("planted.md", (
            '```toml\n[forward]\n"8080" = "10.0.0.5"\n```\n'
            '```toml\n[log]\nlevel = "debug"\n```\n'
            '```cpp example\nint main() {}\n```\n'
            '<!-- before:\n[forward]\n"8080" = "10.0.0.5:80"\n-->\n```toml\n[log]\nlevel = "debug"\n```\n'))
        self.assertIn("has no port", check_toml(bad))
        self.assertIn("nothing to forward", check_toml(fragment))
        self.assertEqual(check_toml(completed), "")


class Shell(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            sandbox.run([])
        except sandbox.Unavailable as reason:
            print(f"left out: {reason}", file=sys.stderr)
            sys.exit(77)

    def test_every_block_runs(self):
        by_page = collections.defaultdict(list)
        for block in all_blocks():
            if block.language in ("sh", "console"):
                by_page[block.page].append(block)
        self.assertGreaterEqual(sum(map(len, by_page.values())), 7)
        stood_in = collections.Counter()
        for page, blocks in by_page.items():
            for block, complaint, names in run_page(page, blocks):
                stood_in.update(names)
                with self.subTest(f"{page}:{block.line}"):
                    self.assertEqual(complaint, "")
        print(f"{sum(map(len, by_page.values()))} shell blocks of {len(by_page)} pages; stand-ins called: {dict(stood_in)}",
              file=sys.stderr)

    def test_a_block_that_fails_is_found(self):
        wrong_option, no_such_file, unknown, fine = planted(
            "```sh\nsluice --no-such-option\n```\n```sh\nsluice check -c nowhere.toml\necho not here\n```\n"
            "```sh\nno-such-program\n```\n```sh\nsluice 8080=10.0.0.5:80\n```\n")
        self.assertIn("ends with 2", wrong_option)
        self.assertIn("ends with 78", no_such_file)
        self.assertNotIn("not here", no_such_file)
        self.assertIn("ends with 127", unknown)
        self.assertEqual(fine, "")

    def test_a_sluice_in_the_background_serves_the_rest_of_its_block(self):
        served, gone = planted(
            "```sh\nsluice demo --listen 127.0.0.1:8080 &\nsluice 9090=127.0.0.1:8080 &\ncurl -sS http://127.0.0.1:9090/\n```\n"
            "```sh\ncurl -sS http://127.0.0.1:9090/\n```\n")
        self.assertEqual(served, "")
        self.assertIn("ends with 7", gone)  # curl: could not connect

    def test_a_console_block_must_say_what_stands_there(self):
        right, elided, wrong = planted("```console\n$ echo one\none\n$ echo two\ntwo\n```\n"
                                       "```console\n$ sluice version\nsluice ...\n```\n"
                                       "```console\n$ echo one\ntwo\n```\n")
        self.assertEqual((right, elided), ("", ""))
        self.assertIn("something else", wrong)

    def test_stand_ins_do_nothing_and_nothing_leaves_the_sandbox(self):
        trace = "/etc/sluice-docs-was-here"
        (block, complaint, stood_in), = run_page("planted.md", blocks_of(
            "planted.md", f"```sh\nsudo systemctl stop everything\n./dev test\ntouch {trace} README.md.new\n"
                          "! curl -sS --max-time 5 http://192.0.2.1/\n```\n"))
        self.assertEqual((complaint, stood_in), ("", ["systemctl", "dev"]))
        self.assertFalse(os.path.exists(trace))
        self.assertFalse((ROOT / "README.md.new").exists())


if __name__ == "__main__":
    unittest.main()
