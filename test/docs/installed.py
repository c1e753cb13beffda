"""`cmake --install` puts everything that belongs to the program where it belongs."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = os.environ["SLUICE_BUILD_DIR"]


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.prefix = Path(cls.folder.name)
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix, "--component", "program"], check=True,
                       capture_output=True)

    def test_every_file_is_in_its_place(self):
        found = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if path.is_file()}
        self.assertEqual(found, {
            "bin/sluice",
            "share/bash-completion/completions/sluice",
            "share/fish/vendor_completions.d/sluice.fish",
            "share/man/man5/sluice.toml.5",
            "share/man/man8/sluice.8",
            "share/sluice/sluice.schema.json",
            "share/zsh/site-functions/_sluice",
            *(f"share/doc/sluice/examples/{path.name}" for path in (ROOT / "conf").glob("*.toml")),
            *(f"lib/systemd/system/{path.name}" for path in (ROOT / "conf").glob("*.socket")),
            *(f"lib/systemd/system/{path.name}" for path in (ROOT / "conf").glob("*.service")),
        })

    def test_the_installed_program_is_the_built_one(self):
        def version(program):
            return subprocess.run([program, "version", "--verbose"], check=True, capture_output=True, text=True).stdout
        self.assertEqual(version(self.prefix / "bin/sluice"), version(os.environ["SLUICE_BIN"]))

    def test_what_is_printed_into_files_is_what_the_program_prints(self):
        for file, words in (("share/bash-completion/completions/sluice", ["completion", "bash"]),
                            ("share/zsh/site-functions/_sluice", ["completion", "zsh"]),
                            ("share/fish/vendor_completions.d/sluice.fish", ["completion", "fish"]),
                            ("share/sluice/sluice.schema.json", ["config", "schema"])):
            said = subprocess.run([os.environ["SLUICE_BIN"], *words], check=True, capture_output=True, text=True).stdout
            self.assertEqual((self.prefix / file).read_text(), said)


if __name__ == "__main__":
    unittest.main()
