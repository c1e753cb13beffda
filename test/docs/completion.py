"""The shells themselves complete sluice's command lines: bash and zsh on a terminal by their TAB key, fish by `complete -C`."""
import os
import pty
import re
import select
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

SLUICE = os.environ["SLUICE_BIN"]
PATIENCE = 60  # seconds


def script(shell):
    return subprocess.run([SLUICE, "completion", shell], check=True, capture_output=True, text=True).stdout


class Terminal:
    """An interactive shell."""

    def __init__(self, argv, environment, setup):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, {**os.environ, **environment, "TERM": "dumb", "COLUMNS": "500"})
        self.type(setup + "\n")
        self.type("echo set-up-is-$((1 + 1))\n")
        self.until("set-up-is-2")

    def type(self, text):
        os.write(self.fd, text.encode())

    def until(self, text):
        """What it says until the text comes."""
        said, deadline = "", time.monotonic() + PATIENCE
        while text not in said:
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"no {text!r} in what the shell said: {said!r}")
            said += os.read(self.fd, 65536).decode(errors="replace")
        return said

    def completed(self, line):
        """The words of the line after a TAB."""
        self.type(f"{line}\t")
        self.type("\x01show \x05 end\n")  # to its beginning, a command that shows it, to its end, run
        said = self.until("<end>")
        return re.findall(r"<([^<>]*)>", said)[:-1]

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


# `show` prints its arguments between < and >: the completed line as words.
SHOW = r"""show() { printf '<%s>' "$@"; echo; }"""

CASES = [
    ("sluice ch", ["sluice", "check"]),
    ("sluice check --js", ["sluice", "check", "--json"]),
    ("sluice config sh", ["sluice", "config", "show"]),
    ("sluice config show --or", ["sluice", "config", "show", "--origin"]),
    ("sluice completion f", ["sluice", "completion", "fish"]),
    ("sluice help dem", ["sluice", "help", "demo"]),
    ("sluice --log-level w", ["sluice", "--log-level", "warning"]),
    ("sluice --workers 3 --log-f", ["sluice", "--workers", "3", "--log-format"]),
    ("sluice check -c FOLDER/slu", ["sluice", "check", "-c", "FOLDER/sluice.toml"]),
]


class Completion(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.here = Path(self.folder.name)
        (self.here / "sluice.toml").touch()

    def write(self, name, text):
        path = self.here / name
        path.write_text(text)
        return str(path)

    def cases(self):
        for line, words in CASES:
            yield line.replace("FOLDER", self.folder.name), [word.replace("FOLDER", self.folder.name) for word in words]

    def check_terminal(self, terminal):
        self.addCleanup(terminal.close)
        for line, words in self.cases():
            with self.subTest(line=line):
                self.assertEqual(terminal.completed(line), words)

    def test_every_script_is_one_of_its_shell(self):
        for shell in ("bash", "zsh", "fish"):
            with self.subTest(shell=shell):
                subprocess.run([shell, "-n", self.write(shell, script(shell))], check=True)

    def test_bash_completes(self):
        self.check_terminal(Terminal(["bash", "--norc", "--noprofile", "-i"], {"PS1": "$ "},
                                     f"source {self.write('bash', script('bash'))}; {SHOW}"))

    def test_bash_takes_an_option_apart_at_its_equals_sign(self):
        terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], {"PS1": "$ "},
                            f"source {self.write('bash', script('bash'))}; {SHOW}")
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.completed("sluice --color=al"), ["sluice", "--color=always"])
        self.assertEqual(terminal.completed("sluice --color=never conf"), ["sluice", "--color=never", "config"])

    def test_zsh_completes_from_fpath(self):
        self.write("_sluice", script("zsh"))
        self.check_terminal(Terminal(["zsh", "-f", "-i"], {"ZDOTDIR": self.folder.name, "PS1": "$ "},
                                     f"fpath=({self.folder.name} $fpath); autoload -Uz compinit; "
                                     f"compinit -u -d {self.folder.name}/dump; unsetopt zle_bracketed_paste; bindkey -e; {SHOW}"))

    def test_zsh_completes_from_a_sourced_script(self):
        self.check_terminal(Terminal(["zsh", "-f", "-i"], {"ZDOTDIR": self.folder.name, "PS1": "$ "},
                                     f"autoload -Uz compinit; compinit -u -d {self.folder.name}/dump; "
                                     f"source {self.write('zsh', script('zsh'))}; bindkey -e; {SHOW}"))

    def test_fish_completes(self):
        path = self.write("fish", script("fish"))
        for line, words in self.cases():
            with self.subTest(line=line):
                said = subprocess.run(["fish", "--no-config", "-c", f"source {path}; complete -C '{line}'"],
                                      check=True, capture_output=True, text=True, env={**os.environ, "HOME": self.folder.name})
                # Newer ones also offer what has the letters somewhere else, behind what begins with them.
                answers = [answer.split("\t")[0] for answer in said.stdout.splitlines()]
                self.assertEqual([answer for answer in answers if answer.startswith(line.split()[-1])], words[-1:])


if __name__ == "__main__":
    unittest.main()
