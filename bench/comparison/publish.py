"""The newest run where readers look: results/latest.* and the block of README.md between its two marks."""

import json
import re

from . import plot, tables

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def block(doc, link="bench/results/latest"):
    return "\n".join([
        *tables.about(doc), "",
        f"Cost of {doc['subject']} over that of each relay, median of the per-round ratios: below 1.00 {doc['subject']} is the "
        f"cheaper one. {doc['reference']} is a bare relay that only splices, the floor.", "",
        *tables.ratio_table(doc, "subject_ratio"), "",
        f"![CPU cost of each relay a unit of work]({link}.svg)", "",
        f"All figures: [{link}.md]({link}.md). Versions:", "", *tables.versions(doc)])


def rewritten(page, inside):
    """`page` with what is between the marks replaced. Raises ValueError unless each mark is there once, in order."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"no block between {BEGIN} and {END}")
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{inside}\n{END}", page, flags=re.DOTALL)


def write(doc, stem):
    """stem.json, .md and .svg. `stem` is a path without its ending."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".json").write_text(json.dumps(doc, indent=1, ensure_ascii=False) + "\n")
    stem.with_suffix(".md").write_text(tables.markdown(doc))
    stem.with_suffix(".svg").write_text(plot.svg(doc))


def publish(doc, results, readme):
    page = rewritten(readme.read_text(), block(doc))  # before anything is written
    write({key: value for key, value in doc.items() if key != "slices"}, results / "latest")
    readme.write_text(page)
