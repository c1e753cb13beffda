"""The document as one SVG: a group of horizontal bars a row, each relay's cost over the reference's. Readable on light and
on dark pages, with no font or script from elsewhere."""

from html import escape

WIDTH = 860
NAME_WIDTH = 170
BAR_WIDTH = 520
BAR = 14
STEP = 18
GROUP_GAP = 34
CUT = 4.0  # a longer bar is cut, its figure tells

STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 17px; font-weight: 600 }
  .work { font-weight: 600 }
  .note, .tick { fill: #59636e; font-size: 11px }
  .value { font-variant-numeric: tabular-nums }
  .bar { fill: #9aa4b0 } .own { fill: #0969da } .yard { fill: #57606a }
  .grid { stroke: #d1d9e0; stroke-width: 1 } .one { stroke: #59636e; stroke-dasharray: 3 3 }
  .page { fill: #ffffff } .break { stroke: #ffffff; stroke-width: 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .note, .tick { fill: #9198a1 }
    .bar { fill: #5b6672 } .own { fill: #4493f8 } .yard { fill: #aeb8c3 }
    .grid { stroke: #3d444d } .one { stroke: #9198a1 }
    .page { fill: #0d1117 } .break { stroke: #0d1117 }
  }
"""


def place(ratio):
    return NAME_WIDTH + BAR_WIDTH * min(ratio, CUT) / CUT


def text(x, y, words, kind="", anchor="start"):
    mark = f' class="{kind}"' if kind else ""
    at = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{mark}{at}>{escape(words)}</text>'


def bar(y, name, spread, kind):
    ratio = spread["median"]
    parts = [text(NAME_WIDTH - 8, y + 11, name, anchor="end"),
             f'<rect class="{kind}" x="{NAME_WIDTH}" y="{y}" width="{max(place(ratio) - NAME_WIDTH, 1):.1f}" height="{BAR}" rx="2"/>']
    if ratio > CUT:
        cut = NAME_WIDTH + BAR_WIDTH - 24
        parts.append(f'<path class="break" d="M{cut} {y + BAR + 1} l8 {-BAR - 2}"/>')
    parts.append(text(place(ratio) + 6, y + 11, f"{ratio:.2f}  ({spread['least']:.2f}–{spread['most']:.2f})", "value"))
    return parts


def kind_of(name, doc):
    return "own" if name == doc["subject"] else "yard" if name == doc["reference"] else "bar"


def shown(entry):
    return {name: it["ratio"] for name, it in entry["relays"].items() if it["ratio"]}


def svg(doc):
    machine, settings = doc["machine"], doc["settings"]
    lines, y = [], 84
    for row, entry in doc["summary"].items():
        relays = shown(entry)
        if not relays:
            continue
        unit = entry["cost_unit"]
        own = entry["relays"].get(doc["reference"], {}).get("cost")
        scale = f"1.00 is {own['median']:.3g} {unit}" if own else unit
        lines += [text(NAME_WIDTH, y + 12, row, "work"), text(WIDTH - 20, y + 12, scale, "note", "end")]
        top, y = y + 18, y + 22
        lines += [f'<path class="{"grid one" if tick == 1 else "grid"}" d="M{place(tick):.1f} {top} v{STEP * len(relays) + 4}"/>'
                  for tick in range(int(CUT) + 1)]
        for name, spread in relays.items():
            lines += bar(y, name, spread, kind_of(name, doc))
            y += STEP
        lines += [text(place(tick), y + 12, f"{tick}×", "tick", "middle") for tick in range(int(CUT) + 1)]
        y += GROUP_GAP
    head = [text(20, 30, f"CPU cost a unit of work, {doc['reference']} = 1 (shorter is better)", "title"),
            text(20, 50, f"{machine['date']} · {machine['processor']} · Linux {machine['kernel']} · {machine['system']}", "note"),
            text(20, 66, f"median of {settings['rounds']} per-round ratios of {settings['seconds']:g} s (least–most); idle rows: user "
                 "memory a connection; mix: p99; ready rows: time", "note")]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" role="img">',
        f"<title>CPU cost of relays a unit of work, {escape(machine['date'])}</title>", f"<style>{STYLE}</style>",
        '<rect class="page" width="100%" height="100%"/>', *head, *lines, "</svg>", ""])
