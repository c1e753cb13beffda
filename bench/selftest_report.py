#!/usr/bin/env python3
"""What the comparison says about figures that are known: ratios, targets, tables, plot, the block of the README."""

import json
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

sys.dont_write_bytecode = True
from comparison import plot, publish, report, rows, tables, targets  # noqa: E402

SETTINGS = {"rounds": 3, "seconds": 0.5, "warmup": 0.1, "relay_cpu": 0, "load_cpus": [1]}


def traffic(cpu_seconds, p99=100.0, units=1000, **more):
    """A report of bench_load over one second in which `units` round trips and sessions were made."""
    return {"relay_cpu_seconds": cpu_seconds, "wall_seconds": 1.0, "bytes": units << 20, "round_trips": units, "sessions": units,
            "errors": 0, "foreign_share": 0.0, "latency_us": {"count": units, "p50": 50.0, "p99": p99, "p999": 2 * p99}, **more}


def idle(user_bytes, slab_bytes):
    return {"user_bytes": user_bytes, "slab_bytes": slab_bytes, "descriptors": 2.0, "pipes": 0.0, "cost": user_bytes}


def document(taken, left_out_of_rows=None):
    relays = dict.fromkeys((name for by_relay in taken.values() for name in by_relay), "version 1 <&>")
    return report.document([rows.parse(name) for name in taken], relays, taken, SETTINGS, {"gone": "not installed"},
                           left_out_of_rows or {})


def constant(**costs):
    return {name.replace("_", "-") if name != "epoll_relay" else name: {turn: it for turn in range(3)}
            for name, it in costs.items()}


class ReportTest(unittest.TestCase):
    def test_the_ratio_is_taken_round_by_round(self):
        # The machine gets ten times slower, and each round ten times dearer; the relation stays.
        taken = {"short-1": {"epoll_relay": {0: traffic(0.1), 1: traffic(1.0), 2: traffic(10.0)},
                             "sluice": {0: traffic(0.2), 1: traffic(1.9), 2: traffic(21.0)}}}
        it = document(taken)["summary"]["short-1"]["relays"]["sluice"]
        self.assertAlmostEqual(it["ratio"]["median"], 2.0)
        self.assertAlmostEqual(it["ratio"]["least"], 1.9)
        self.assertAlmostEqual(it["ratio"]["most"], 2.1)
        self.assertAlmostEqual(it["cost"]["median"], 1900.0)

    def test_a_round_that_one_side_lacks_is_in_no_ratio(self):
        taken = {"short-1": {"epoll_relay": {1: traffic(1.0)}, "sluice": {0: traffic(9.0), 1: traffic(2.0)}}}
        it = document(taken)["summary"]["short-1"]["relays"]["sluice"]
        self.assertEqual((it["ratio"]["least"], it["ratio"]["most"]), (2.0, 2.0))

    def test_the_subject_is_compared_with_every_relay(self):
        doc = document({"short-1": constant(epoll_relay=traffic(1.0), sluice=traffic(1.2), nginx=traffic(2.4))})
        self.assertAlmostEqual(doc["summary"]["short-1"]["relays"]["nginx"]["subject_ratio"]["median"], 0.5)

    def test_no_relay_has_throughput_and_no_cost(self):
        doc = document({"short-1": constant(epoll_relay=traffic(1.0), direct=traffic(0.0, units=7000))})
        it = doc["summary"]["short-1"]["relays"]["direct"]
        self.assertEqual((it["cost"], it["ratio"], it["rate"]), (None, None, 7000))
        self.assertIn("7,000 session/s", tables.markdown(doc))

    def test_the_generators_own_slab_is_taken_off(self):
        doc = document({"idle-10": constant(epoll_relay=idle(100, 9000), direct=idle(0, 4000) | {"cost": None})})
        self.assertEqual(doc["summary"]["idle-10"]["relays"]["epoll_relay"]["slab_bytes"], 5000)

    def test_the_figure_of_the_mix_is_the_p99_beside_that_without_the_bulk(self):
        doc = document({"ping-pong-64-64": constant(epoll_relay=traffic(1.0, p99=200.0)),
                        "mix": constant(epoll_relay=traffic(1.0, p99=500.0))})
        self.assertEqual(doc["summary"]["mix"]["relays"]["epoll_relay"]["cost"]["median"], 500.0)
        line = next(line for line in tables.mix(doc) if line.startswith("| mix"))
        self.assertIn("| 2.50 |", line)

    def test_growth_is_held_against_that_of_the_reference(self):
        doc = document({"ping-pong-64-64": constant(epoll_relay=traffic(1.0), sluice=traffic(1.0)),
                        "ping-pong-64-4000": constant(epoll_relay=traffic(2.0), sluice=traffic(3.0))})
        self.assertEqual(tables.growth_of(doc, "ping-pong-64-4000", "sluice"), (3.0, 1.5))
        self.assertIn("| sluice | 3.00 (1.50) |", tables.markdown(doc))

    def test_the_page_says_who_was_left_out_and_why(self):
        page = tables.markdown(document({"short-1": constant(epoll_relay=traffic(1.0))},
                                        {"idle-4000": {"socat": "too many"}, "idle-9000": {"socat": "too many"}}))
        self.assertIn("- left out: gone: not installed\n", page)
        self.assertIn("- left out of idle-4000, idle-9000: socat: too many\n", page)


class TargetsTest(unittest.TestCase):
    def checks(self, row, **relays):
        return targets.verdicts(document({row: constant(**relays)}))

    def test_each_cell_knows_its_bound(self):
        found = self.checks("bulk-down-1", sluice=traffic(1.0), haproxy_tuned=traffic(1.0), haproxy_auto=traffic(1.9))
        self.assertEqual(found["bulk-down-1: cost over HAProxy tuned"].met, True)
        self.assertEqual(found["bulk-down-1: cost over HAProxy default splice-auto"].met, False)
        self.assertEqual(found["bulk-down-1: cost over Go io.Copy"].met, None)

    def test_of_two_configurations_the_leaner_one_counts(self):
        found = self.checks("bulk-up-8", sluice=traffic(1.0), nginx=traffic(10.0), nginx_64k=traffic(2.0))
        self.assertEqual(found["bulk-up-8: cost over nginx"].value, 0.5)
        self.assertFalse(found["bulk-up-8: cost over nginx"].met)

    def test_the_best_peer_is_neither_yardstick_nor_no_relay(self):
        found = self.checks("ping-pong-64-1", sluice=traffic(1.0, p99=109.0, units=960), nginx=traffic(1.0, p99=100.0),
                            epoll_relay=traffic(1.0, p99=50.0, units=5000), direct=traffic(0.0, p99=10.0, units=9000))
        self.assertAlmostEqual(found["ping-pong-64-1: p99 over the best peer's"].value, 1.09)
        self.assertAlmostEqual(found["ping-pong-64-1: throughput over the best peer's"].value, 0.96)
        self.assertTrue(found["ping-pong-64-1: throughput over the best peer's"].met)

    def test_access_log_rinetd_and_idle_memory_have_bounds(self):
        found = self.checks("short-64", sluice=traffic(1.0), sluice_log=traffic(1.1), rinetd=traffic(0.95))
        self.assertAlmostEqual(found["short-64: cost with the access log over that without"].value, 1.1)
        self.assertFalse(found["short-64: cost with the access log over that without"].met)
        self.assertTrue(found["short-64: cost over rinetd's"].met)
        self.assertFalse(self.checks("idle-10", sluice=idle(1025, 0))["idle-10: user memory of a connection in KiB"].met)

    def test_the_page_marks_what_is_missed(self):
        page = targets.page(document({"bulk-down-1": constant(sluice=traffic(1.0), haproxy_tuned=traffic(0.5), go=traffic(2.0))}))
        self.assertIn("| bulk-down-1 | 2.00 <= 1.00 **MISS** | – | – | 0.500 <= 0.90 ok | – |", page)

    def test_two_runs_of_three_decide(self):
        def run(cost):
            return document({"short-1": constant(sluice=traffic(cost), haproxy_tuned=traffic(1.0), go=traffic(1.0))})

        page = targets.together([run(0.5), run(0.8), run(2.0)])
        self.assertIn("| short-1: cost over HAProxy tuned | 0.500 0.800 2.00 | <= 0.88 | 2 of 3 | ok |", page)
        self.assertIn("| short-1: cost over Go io.Copy | 0.500 0.800 2.00 | <= 0.70 | 1 of 3 | **MISS** |", page)


class PublishTest(unittest.TestCase):
    DOC = document({"short-1": constant(epoll_relay=traffic(1.0), sluice=traffic(1.2), socat=traffic(30.0))})

    def test_the_plot_is_well_formed_and_has_a_bar_for_every_relay(self):
        root = xml.etree.ElementTree.fromstring(plot.svg(self.DOC))
        bars = [rect for rect in root.iter("{http://www.w3.org/2000/svg}rect") if rect.get("class") != "page"]
        self.assertEqual([bar.get("class") for bar in bars], ["yard", "own", "bar"])
        yard, own, longest = (float(bar.get("width")) for bar in bars)
        self.assertAlmostEqual(own / yard, 1.2, places=2)
        self.assertEqual(longest, plot.BAR_WIDTH, "cut, and its figure tells")
        self.assertIn("prefers-color-scheme: dark", plot.svg(self.DOC))

    def test_only_what_is_between_the_marks_of_the_readme_changes(self):
        page = f"before\n{publish.BEGIN}\nold \\1\n{publish.END}\nafter\n"
        new = publish.rewritten(page, "new \\1")
        self.assertEqual(new, f"before\n{publish.BEGIN}\nnew \\1\n{publish.END}\nafter\n")
        self.assertEqual(publish.rewritten(new, "new \\1"), new)

    def test_a_readme_without_marks_is_refused_and_nothing_is_written(self):
        with tempfile.TemporaryDirectory() as directory:
            readme, results = Path(directory) / "README.md", Path(directory) / "results"
            readme.write_text(f"{publish.END} {publish.BEGIN}")
            with self.assertRaises(ValueError):
                publish.publish(self.DOC, results, readme)
            self.assertFalse(results.exists())

    def test_published_are_the_page_the_plot_and_a_summary_without_slices(self):
        with tempfile.TemporaryDirectory() as directory:
            readme, results = Path(directory) / "README.md", Path(directory) / "results"
            readme.write_text(f"{publish.BEGIN}{publish.END}")
            publish.publish({**self.DOC, "slices": {"many": 1}}, results, readme)
            self.assertEqual({path.name for path in results.iterdir()}, {"latest.json", "latest.md", "latest.svg"})
            self.assertEqual(json.loads((results / "latest.json").read_text()), self.DOC)
            for words in ["bench/results/latest.svg", self.DOC["machine"]["kernel"], self.DOC["machine"]["date"], "| short-1 | 1.20"]:
                self.assertIn(words, readme.read_text())

    def test_the_readme_of_this_tree_has_its_block(self):
        publish.rewritten((Path(__file__).resolve().parent.parent / "README.md").read_text(), "")


class RowsTest(unittest.TestCase):
    def test_every_row_of_every_set_is_one(self):
        for name, names in rows.SETS.items():
            self.assertEqual([row.name for row in rows.chosen(name)], names)

    def test_the_mix_brings_what_it_is_compared_with_and_nothing_comes_twice(self):
        self.assertEqual([row.name for row in rows.chosen("short-1,mix,short-1")], ["short-1", "ping-pong-64-64", "mix"])

    def test_a_name_that_is_no_row_is_refused(self):
        for name in ["bulk-down", "ping-pong-64", "idle-", "fast", ""]:
            with self.assertRaises(ValueError):
                rows.chosen(name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
