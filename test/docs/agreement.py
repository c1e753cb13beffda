"""Do --help, the man pages, completion, the schema, reference.toml and the pages of docs/ tell of the same options and keys?

Each is read as people get it: what the built program prints, what man shows, what stands in the tree. disagreements() takes
their texts, so that a test can plant a drift into any of them and see it found.
"""
import json
import os
import re
import subprocess
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SLUICE = os.environ["SLUICE_BIN"]
MAN_PAGES = Path(os.environ["SLUICE_BUILD_DIR"]) / "docs/man"
SHELLS = ("bash", "zsh", "fish")


def printed(*arguments):
    return subprocess.run([SLUICE, *arguments], check=True, capture_output=True, text=True).stdout


def shown_by_man(page):
    """The page as on a terminal wide enough that no entry is folded."""
    made = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=500", str(MAN_PAGES / page)],
                          check=True, capture_output=True, text=True).stdout
    return re.sub(".\b", "", made)


def gathered():
    verbs = verbs_of(printed("help"))
    return {
        "help": printed("help"),
        **{f"help {verb}": printed("help", *verb.split()) for verb in verbs},
        "sluice(8)": shown_by_man("sluice.8"),
        "sluice.toml(5)": shown_by_man("sluice.toml.5"),
        **{f"completion {shell}": printed("completion", shell) for shell in SHELLS},
        "schema": printed("config", "schema"),
        "config show": printed("config", "show", "8080=10.0.0.5:80"),
        "reference.toml": (ROOT / "conf/reference.toml").read_text(),
        "configuration.md": (ROOT / "docs/configuration.md").read_text(),
        "operations.md": (ROOT / "docs/operations.md").read_text(),
    }


# --- Options: {verb: {option, ...}}

def verbs_of(overview):
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", overview.split("Verbs:")[1].split("Examples:")[0], re.M)


def options_in_help(texts):
    return {verb: set(re.findall(r"^  (?:-\w, |    )--([a-z-]+)", texts[f"help {verb}"], re.M))
            for verb in verbs_of(texts["help"])}


def options_in_man(page, reading):
    """`reading` are the verbs that read a configuration: the page has their options once."""
    def of(heading):
        part = re.search(rf"^ +{re.escape(heading)}\n(.*?)(?=^ {{0,4}}\S|\Z)", page, re.M | re.S)
        return set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", part[1], re.M)) if part else set()
    verbs = re.findall(r"^ {1,4}sluice ([a-z ]+)$", page, re.M)
    common, sources = of("Of every verb"), of("Of the verbs that read a configuration")
    return {verb: of(f"sluice {verb}") | common | (sources if verb in reading else set()) for verb in verbs}


def options_in_bash(script):
    blocks = re.findall(r"^    '([a-z ]+)'\)\n(.*?)^      ;;", script, re.M | re.S)
    return {verb: set(re.findall(r"--([a-z-]+)", re.search(r"-\* \]\]; then offer='([^']*)'", block)[1]))
            for verb, block in blocks}


def options_in_zsh(script):
    blocks = re.findall(r"^    '([a-z ]+)'\)\n(.*?)^      ;;", script.split("case $verb in")[1], re.M | re.S)
    return {verb: set(re.findall(r"[',]--([a-z-]+)", block)) for verb, block in blocks}


def options_in_fish(script):
    found = {}
    for verb, name in re.findall(r"""-n "__sluice_at (?:'' )?'([a-z ]+)'" -l ([a-z-]+)""", script):
        found.setdefault(verb, set()).add(name)
    return found


# --- Keys: {name: default}, None where there is none. Names as in the table of keys: defaults.relay, service.NAME.listen.

def keys_in_schema(text):
    schema = json.loads(text)
    found = {}

    def walk(table, prefix):
        for name, value in table.get("properties", {}).items():
            if "properties" in value:
                walk(value, f"{prefix}{name}.")
            elif not (prefix == "" and name == "service"):
                found[prefix + name] = value.get("default")
    walk(schema, "")
    definitions = schema["definitions"]
    for name in definitions["service"]["properties"]:
        if f"defaults.{name}" not in found and not any(key.startswith(f"defaults.{name}.") for key in found):
            found[f"service.NAME.{name}"] = definitions["service"]["properties"][name].get("default")
    walk(definitions["listener"]["anyOf"][1], "service.NAME.listen.")
    walk(definitions["backend"]["anyOf"][1], "service.NAME.backends.")
    return found


def toml_value(text):
    return tomllib.loads(f"x = {text}")["x"]


def keys_in_man(page):
    prefixes = {"THE FILE AND ITS MAPPINGS": "", "KEYS OF A SERVICE": "defaults.",
                "ONLY IN [service.NAME]": "service.NAME.", "KEYS OF THE PROGRAM": ""}
    found = {}
    for heading, prefix in prefixes.items():
        part = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^\S)", page, re.M | re.S)[1]
        for name, doc in re.findall(r"^ +([a-z0-9_.]+) = [^\n]*\n((?: {9,}.*\n)+)", part, re.M):
            default = re.search(r"Default: (.*?)\.(?: Variable:|$)", doc, re.M)
            found[prefix + name] = toml_value(default[1]) if default else None
    return found


def flattened(table, prefix=""):
    found = {}
    for name, value in table.items():
        if isinstance(value, dict) and prefix + name != "forward":
            found |= flattened(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def keys_in_reference(text):
    """The file's own keys, and those of the service that stands in it as a comment: its listener and its backends of many keys."""
    found = flattened(tomllib.loads(text))
    found["forward"] = None
    commented = re.search(r"^# \[service\.web\]\n((?:# .*\n)+)", text, re.M)[1]
    service = tomllib.loads(re.sub(r"^# ", "", commented, flags=re.M))
    for name in ("listen", "backends"):
        found[f"service.NAME.{name}"] = None
        for table in (item for item in service[name] if isinstance(item, dict)):
            found |= {f"service.NAME.{name}.{key}": value for key, value in table.items()}
    if "backends_file" in service:
        found["service.NAME.backends_file"] = None
    for without_default in ("listen.address", "listen.owner", "backends.address"):
        if f"service.NAME.{without_default}" in found:
            found[f"service.NAME.{without_default}"] = None
    return found


def keys_in_show(text):
    found = flattened(tomllib.loads(text))
    found["forward"] = None
    return found


def keys_in_docs(text):
    """The two tables of keys with defaults."""
    found = {}
    for heading, prefix in (("Keys of a service", "defaults."), ("Keys of the program", "")):
        part = re.search(rf"^## {heading}\n(.*?)(?=^## )", text, re.M | re.S)[1]
        for names, default in re.findall(r"^\| ((?:`[a-z0-9_.]+`(?:, )?)+) \| `([^`]+)` \|", part, re.M):
            for name in re.findall(r"`([a-z0-9_.]+)`", names):
                found[prefix + name] = toml_value(default)
    return found


def exit_codes_in_man(page):
    part = re.search(r"^EXIT STATUS\n(.*?)(?=^\S)", page, re.M | re.S)[1]
    return set(re.findall(r"^ +(\d+)$", part, re.M))


def exit_codes_in_docs(text):
    return set(re.findall(r"^\| (\d+) \|", re.search(r"^## Exit codes\n(.*?)(?=^## )", text, re.M | re.S)[1], re.M))


# --- The verdict

def differences(what, ours, place, theirs):
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            yield f"{place} lacks {what} {name}"
        elif name not in ours:
            yield f"{place} has {what} {name}, which --help and the schema do not know"
        elif ours[name] != theirs[name]:
            yield f"{place} has {theirs[name]!r} at {what} {name}, not {ours[name]!r}"


def disagreements(texts):
    options = options_in_help(texts)
    reading = {verb for verb, names in options.items() if "config" in names}
    found = []
    for place, theirs in (
            ("sluice(8)", options_in_man(texts["sluice(8)"], reading)),
            ("completion bash", options_in_bash(texts["completion bash"])),
            ("completion zsh", options_in_zsh(texts["completion zsh"])),
            ("completion fish", options_in_fish(texts["completion fish"]))):
        found += differences("the options of", options, place, theirs)

    keys = keys_in_schema(texts["schema"])
    found += differences("the key", keys, "sluice.toml(5)", keys_in_man(texts["sluice.toml(5)"]))
    found += differences("the key", keys, "reference.toml", keys_in_reference(texts["reference.toml"]))
    outside = {name: value for name, value in keys.items() if not name.startswith("service.")}
    found += differences("the key", outside, "config show", keys_in_show(texts["config show"]))
    tabled = {name: value for name, value in outside.items() if "." in name}
    found += differences("the key", tabled, "configuration.md", keys_in_docs(texts["configuration.md"]))
    for name in keys:
        if name.startswith("service.NAME.") and f"`{name.split('.')[-1]}`" not in texts["configuration.md"] \
                and f"{name.split('.')[-1]} = " not in texts["configuration.md"]:
            found.append(f"configuration.md lacks the key {name}")
    for word in allowed_words(texts["schema"]):
        if word not in texts["reference.toml"]:
            found.append(f"reference.toml does not tell of the word {word}")

    codes = exit_codes_in_man(texts["sluice(8)"]) ^ exit_codes_in_docs(texts["operations.md"])
    found += [f"sluice(8) and operations.md do not agree on exit code {code}" for code in sorted(codes)]
    return found


def allowed_words(schema):
    return {f'"{word}"' for words in re.findall(r'"enum": \[([^\]]*)\]', schema) for word in re.findall(r'"([^"]+)"', words)}


# What somebody may forget. Text, what stands there, what stands there then.
DRIFTS = [
    ("help check", r"^ +--json.*\n", ""),
    ("help check", r"--json", "--jsonl"),
    ("help", r"^  demo .*\n", ""),
    ("sluice(8)", r"^ +--origin\n", ""),
    ("sluice(8)", r"--workers", "--threads"),
    ("sluice(8)", r"^   sluice demo\n", ""),
    ("sluice(8)", r"^ +78\n", ""),
    ("completion bash", r"--json ", ""),
    ("completion zsh", r"'--origin", "'--orgin"),
    ("completion fish", r"^.* -l listen .*\n", ""),
    ("schema", r'"idle"', '"idel"'),
    ("schema", r'"default": "1h"', '"default": "2h"'),
    ("schema", r'"round-robin"', '"rr"'),
    ("sluice.toml(5)", r"timeouts\.half_close = ", "timeouts.halfclose = "),
    ("sluice.toml(5)", r'Default: "1m"', 'Default: "2m"'),
    ("sluice.toml(5)", r"^ +backends\.weight = .*\n", ""),
    ("reference.toml", r'^connect = "3s"\n', ""),
    ("reference.toml", r"^backlog = 4096", "backlog = 1024"),
    ("reference.toml", r', mode = "0666"', ""),
    ("reference.toml", r'"debug", ', ""),
    ("config show", r"^access = true\n", ""),
    ("configuration.md", r"^\| `drain\.grace`.*\n", ""),
    ("configuration.md", r"`log\.level` \| `\"info\"`", '`log.level` | `"debug"`'),
    ("configuration.md", r"`mode`|mode = ", "moed"),
    ("operations.md", r"^\| 3 \|", "| 33 |"),
]


class Agreement(unittest.TestCase):
    maxDiff = None

    def test_the_man_pages_are_clean(self):
        pages = sorted(map(str, MAN_PAGES.glob("*.[58]")))
        self.assertEqual(len(pages), 2)
        lint = subprocess.run(["mandoc", "-T", "lint", *pages], capture_output=True, text=True)
        self.assertEqual((lint.returncode, lint.stdout), (0, ""))

    def test_everything_tells_of_the_same(self):
        self.assertEqual(disagreements(gathered()), [])

    def test_what_is_compared_is_there(self):
        texts = gathered()
        options = options_in_help(texts)
        self.assertGreaterEqual(len(options), 8)
        self.assertGreaterEqual(sum(map(len, options.values())), 40)
        self.assertGreaterEqual(len(keys_in_schema(texts["schema"])), 37)

    def test_each_planted_drift_is_found(self):
        texts = gathered()
        for place, pattern, replacement in DRIFTS:
            with self.subTest(place=place, pattern=pattern):
                drifted, times = re.subn(pattern, replacement, texts[place], flags=re.M)
                self.assertGreater(times, 0, "the drift could not be planted")
                self.assertNotEqual(disagreements(texts | {place: drifted}), [])


if __name__ == "__main__":
    unittest.main()
