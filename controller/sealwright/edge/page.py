"""Status -> the page that a person opens first: is it ready, what does it do, what went wrong last.

Plain HTML with one style sheet and no script. All text comes through `_text`: names of runs and messages of servers are
foreign (T52), and the page's own policy forbids a browser to run anything in it.
"""

import base64
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

from sealwright.core.errors import Reason
from sealwright.core.model import Finding, Kind
from sealwright.edge.status import Status

_KINDS: tuple[Kind, ...] = ("TaskRun", "PipelineRun")
# What stands in the columns, in this order; what a look came to otherwise is no news to a person.
_STATES = ("signed", "skipped", "failed", "kept", "released")
REFRESH_S = 30

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2128; --soft: #59636e; --paper: #f6f7f9; --card: #fff; --line: #d9dee4;
  --good: #1a7f4b; --bad: #b42318; --warn: #8a5a00; --link: #0b5cad }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #9aa4af; --paper: #111519; --card: #1a2026;
  --line: #2d353e; --good: #4cc38a; --bad: #ff8a80; --warn: #e2b34d; --link: #79b8ff } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.25rem 1rem 2rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline }
h1 { margin: 0; font-size: 1.5rem }
h2 { margin: 0 0 .5rem; font-size: 1rem }
p { margin: .25rem 0 }
ul { margin: .25rem 0; padding-left: 1.25rem }
a { color: var(--link) }
code { font: .85em ui-monospace, monospace }
.soft { color: var(--soft) }
.good { color: var(--good) }
.bad { color: var(--bad) }
.warn { color: var(--warn) }
section { margin-top: 1rem; padding: .9rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
section.state { border-left: .35rem solid currentColor }
section.state > * { color: var(--ink) }
section.state strong { color: inherit; font-size: 1.25rem }
section.state.good strong { color: var(--good) }
section.state.bad strong { color: var(--bad) }
.pair { display: grid; column-gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)) }
table { width: 100%; border-collapse: collapse }
th, td { padding: .3rem 0 .3rem .75rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line) }
thead th, thead td { border-top: 0 }
thead th { color: var(--soft); font-weight: 500; font-size: .875rem }
tbody th { font-weight: 500 }
th:first-child, td:first-child { padding-left: 0 }
th, .number, .word { overflow-wrap: normal; white-space: nowrap }
.number { text-align: right; font-variant-numeric: tabular-nums }
footer { margin-top: 1rem; font-size: .875rem }
@media (max-width: 40rem) { .stacked thead { display: none }
  .stacked tr { display: block; padding: .4rem 0; border-top: 1px solid var(--line) }
  .stacked tr:first-child { border-top: 0 }
  .stacked td { display: block; padding: 0; border: 0 } }
"""

_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def status_page(now: Status) -> str:
    """The page at `/`."""
    body = [
        f"<header><h1>Sealwright</h1><span class=soft>{_text(now.version)} · up {_span(now.at_s - now.started_s)}",
        "</span></header>",
        _readiness(now),
        f"<div class=pair>{_section('Runs', _runs(now))}<div>",
        f"{_section('Configuration', _config(now))}{_section('Signers', _signers(now))}</div></div>",
        _section("Last failures", _failures(now)),
        f"<footer class=soft>As of {_time(now.at_s)} UTC, again every {REFRESH_S} s. Counts are looks since the start. ",
        "<a href=/reasons>What the reasons mean</a> · <a href=/metrics>Metrics</a></footer>",
    ]
    return _document("Sealwright", "".join(body), f"<meta http-equiv=refresh content={REFRESH_S}>")


def reasons_page() -> str:
    """The page at `/reasons`: each Reason with its meaning, so that it needs no other server to be explained."""
    rows = "".join(
        f"<tr id={_text(word)}><td><code>{_text(word)}</code></td><td>{_text(word.meaning)}</td></tr>" for word in Reason
    )
    table = f"<table class=stacked><thead><tr><th>reason<th>meaning</thead><tbody>{rows}</tbody></table>"
    body = f"<header><h1>Reasons</h1><a href=/>back to the status</a></header>{_section('', table)}"
    return _document("Sealwright: reasons", body)


def _document(title: str, body: str, head: str = "") -> str:
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{_text(title)}</title>{head}"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def _readiness(now: Status) -> str:
    if not now.obstacles:
        return "<section class='state good'><strong>Ready</strong><p>A run that finishes now is signed.</p></section>"
    word = "Stuck" if now.stuck else "Stopping" if now.is_stopping else "Not ready"
    said = "What is at hand is brought to an end." if now.is_stopping else "Nothing is signed while this lasts; no run is lost."
    return f"<section class='state bad'><strong>{word}</strong><p>{said}</p>{_findings(now.obstacles)}</section>"


def _runs(now: Status) -> str:
    rows = [(state, [_count(now.looks.get((kind, state), 0), state) for kind in _KINDS]) for state in _STATES]
    waiting = {kind: [found for found in now.waiting if found.kind == kind and found.count] for kind in _KINDS}
    rows.append(("waiting", [_count(sum(found.count for found in waiting[kind])) for kind in _KINDS]))
    oldest = [max((found.oldest_s for found in waiting[kind]), default=None) for kind in _KINDS]
    rows.append(("oldest waits", [_cell("" if each is None else _span(each)) for each in oldest]))
    heads = "".join(f"<th class=number scope=col>{kind}" for kind in _KINDS)
    body = "".join(f"<tr><th scope=row>{word}{''.join(cells)}" for word, cells in rows)
    lanes = ", ".join(f"{found.kind} {_text(found.lane)} {found.count:,}" for kind in _KINDS for found in waiting[kind])
    return f"<table><thead><tr><td>{heads}</thead><tbody>{body}</tbody></table><p class=soft>By lane: {lanes or 'none waits'}</p>"


def _count(count: int, state: str = "") -> str:
    return _cell(f"{count:,}", "bad" if count and state in ("failed", "released") else "")


def _cell(text: str, colour: str = "") -> str:
    return f"<td class='number {colour}'>{text}"


def _config(now: Status) -> str:
    if not now.generation:
        return "<p class=bad>None was read yet.</p>"
    count = len(now.warnings)
    told = f"<p class=warn>{count} warning{'s' if count > 1 else ''}</p>{_findings(now.warnings)}"
    return f"<p>Generation <code>{_text(now.generation)}</code></p>" + (told if count else "<p class=soft>No warnings.</p>")


def _signers(now: Status) -> str:
    if not now.keys:
        return "<p class=bad>None is usable.</p>"
    return "".join(f"<p>{_text(word)}<br><code>{_text(key_id)}</code></p>" for word, key_id in now.keys.items())


def _failures(now: Status) -> str:
    if not now.failures:
        return "<p class=soft>None since the start.</p>"
    rows = "".join(
        f"<tr><td class='soft word'>{_time(failed.at_s)}<td>{_text(failed.key)}"
        f"<td class=word><a href='/reasons#{_text(failed.reason)}'>{_text(failed.reason)}</a><td>{_text(failed.message)}"
        for failed in now.failures
    )
    heads = "".join(f"<th scope=col>{word}" for word in ("when (UTC)", "run", "reason", "what was found"))
    return f"<table class=stacked><thead><tr>{heads}</thead><tbody>{rows}</tbody></table>"


def _section(title: str, body: str) -> str:
    return f"<section>{f'<h2>{title}</h2>' if title else ''}{body}</section>"


def _findings(found: Iterable[Finding]) -> str:
    return f"<ul>{''.join(f'<li><code>{_text(each.where)}</code>: {_text(each.message)}' for each in found)}</ul>"


def _text(foreign: object) -> str:
    """Text as text, whatever it says; what steers a terminal or turns the writing direction is shown by its number."""
    shown = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in str(foreign))
    return escape(shown, quote=True)


def _time(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S}"


def _span(seconds: float) -> str:
    """A length of time in its two largest units."""
    whole = int(seconds)
    for size, unit, smaller, smaller_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {smaller_unit}" if rest else "")
    return f"{max(0.0, seconds):.1f} s" if whole < 10 else f"{whole} s"
