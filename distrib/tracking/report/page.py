"""The page that holds a report: its style, its policy, plotly.js and the figures, in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from distrib.files import finite
from distrib.tracking.report.figure import Figure

STYLE = """
:root { --ink: #1c2430; --soft: #5d6b7c; --line: #e3e8ee; --blue: #1f5fa8; }
* { box-sizing: border-box; }
html { overflow-y: scroll; }
body { margin: 0; background: #f5f7f9; color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1680px; margin: 0 auto; padding: 28px 20px 60px; }
main p, main ul { max-width: 1120px; }
h1 { margin: 0; font-size: 30px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 0 0 10px; font-size: 18px; }
header p { margin: 4px 0 18px; color: var(--soft); }
section { background: white; border: 1px solid var(--line); border-radius: 10px;
  padding: 20px 22px; margin-top: 18px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; }
.tiles div { background: white; border: 1px solid var(--line); border-radius: 10px;
  padding: 10px 18px; min-width: 104px; }
.tiles b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
.tiles span, .caption, .none, small { color: var(--soft); font-size: 13px; }
small { font-weight: normal; }
.pair { display: flex; flex-wrap: wrap; gap: 16px 48px; align-items: flex-start; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px 5px 6px; text-align: left; border-bottom: 1px solid var(--line);
  white-space: nowrap; max-width: 340px; overflow: hidden; text-overflow: ellipsis; }
th { font-weight: 600; font-size: 13px; vertical-align: bottom; }
.reasons td:last-child { white-space: normal; max-width: 700px; overflow-wrap: anywhere; }
.figures th, .figures td { text-align: right; }
th, .figures td { white-space: normal; }
.figures th:first-child, .figures td:first-child { text-align: left; white-space: nowrap;
  position: sticky; left: 0; background: white; }
.figures.first tbody tr:first-child td:first-child { background: #eef5fc; }
.figures td { vertical-align: top; } .figures small { font-size: 12px; }
@media (max-width: 600px) { .figures th:first-child, .figures td:first-child { position: static; } }
.first tbody tr:first-child { font-weight: 650; background: #eef5fc; }
.COMPLETE { color: #1f5fa8; } .PRUNED { color: #6b7785; } .FAIL { color: #c0362c; }
.RUNNING { color: #b45309; } .PAUSED { color: #6457a6; }
code, pre { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }
pre { background: #f5f7f9; border-radius: 8px; padding: 12px 14px; margin: 0 0 8px;
  white-space: pre-wrap; overflow-wrap: anywhere; }
abbr { text-decoration: underline dotted var(--soft); cursor: help; }
details { margin-top: 12px; } summary { color: var(--soft); font-size: 13px; cursor: pointer; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 8px 0 0;
  font-size: 13px; }
dt { font-weight: 600; } dd { margin: 0; }
.plot { width: 100%; }
.pictures { display: flex; flex-wrap: wrap; gap: 14px; margin-top: 14px; }
figure { margin: 0; flex: 1 1 420px; max-width: 560px; } figure img { width: 100%; }
figcaption { color: var(--soft); font-size: 13px; text-align: center; }
.caption { margin: 6px 0 0; }
"""

DRAW = """
const drawn = JSON.parse(document.getElementById("figures").textContent);
for (const [name, figure] of Object.entries(drawn)) {
  Plotly.newPlot(name, figure.data, figure.layout,
    {responsive: true, displayModeBar: false});
}
"""


def page(title: str, body: str, figures: Mapping[str, Figure], nonce: str) -> str:
    """The whole file.

    Args:
        title, body: HTML, everything in it escaped.
        nonce: letters and digits nobody can guess: only scripts that bear them are run.
    """
    from plotly.offline import get_plotlyjs

    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    scripts = ""
    if figures:
        plain = {name: {"data": f.data, "layout": f.layout} for name, f in figures.items()}
        scripts = (
            f'<script type="application/json" id="figures">{script_json(plain)}</script>\n'
            f'<script nonce="{nonce}">{get_plotlyjs()}</script>\n'
            f'<script nonce="{nonce}">{DRAW}</script>\n'
        )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title><style>{STYLE}</style></head>\n"
        f"<body><main>{body}</main>\n{scripts}</body></html>\n"
    )


def script_json(value: Any) -> str:
    """JSON that can stand inside a script element; what is not finite becomes null."""
    written = json.dumps(finite(value, digits=6), separators=(",", ":"), allow_nan=False)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
