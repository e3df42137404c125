"""The page that a person opens first."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from fakes import looks, statuses
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.errors import Reason
from sealwright.core.model import Finding
from sealwright.edge import page
from sealwright.edge.status import FAILURES_SHOWN, History, Waiting
from sealwright.flow.reconcile import State

HOSTILE = [
    "<script>alert(1)</script>",
    "'><img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "</style><script>1</script>",
    "javascript:alert(1)",
    "&lt;b&gt;",
    "\x1b[2J\x07\x00\r\n",
    "\u202egpj.exe",
]


class Reader(HTMLParser):
    """Tags with their attributes, and the text that a person sees."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self._hidden = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in ("style", "title")

    def handle_endtag(self, tag):  # noqa: ARG002  the parser's own signature
        self._hidden = False

    def handle_data(self, data):
        if not self._hidden:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def read(status):
    return Reader(page.status_page(status))


def test_well_controller_says_so_at_a_glance():
    """Ready, version, generation, key, counts and the oldest that waits."""
    text = read(statuses.WELL).text

    for part in (
        "0.1.0 · up 3 d 4 h",
        "Ready",
        "3f9c1e07",
        statuses.KEY_ID,
        "signed 12,480 3,120",
        "waiting 2 0",
        "oldest waits 0.4 s",
    ):
        assert part in text


def test_ill_controller_names_each_reason():
    """What is unmet, what is odd in the configuration, and what failed last, with the time."""
    text = read(statuses.ILL).text

    assert "Not ready" in text
    for finding in (*statuses.ILL.unmet, *statuses.ILL.warnings):
        assert finding.message in text
    for failed in statuses.ILL.failures:
        assert f"taskrun team-a/{failed.key.name}" in text
    assert "None is usable." in text
    assert "2026-09-21 14:13:20" in text


@pytest.mark.parametrize(
    ("change", "word"), [({"stuck": "no worker moved for 60 s"}, "Stuck"), ({"is_stopping": True}, "Stopping")]
)
def test_end_of_work_is_named(change, word):
    """A controller that is stuck or stopping is not ready, and says which."""
    text = read(replace(statuses.WELL, **change)).text

    assert word in text
    assert "A run that finishes now is signed" not in text


def everywhere(text):
    """This text wherever foreign text can come from."""
    finding = Finding(where=text, message=text)
    return replace(
        statuses.WELL,
        version=text,
        generation=text or "g",
        unmet=[finding],
        stuck=text,
        warnings=[finding],
        keys={text: text},
        waiting=[Waiting(kind="TaskRun", lane=text, count=1, oldest_s=3)],
        failures=[replace(statuses.failed(text, text, namespace=text), reason=text)],
    )


def shape(status):
    """The tags with their attributes, but for where links to reasons lead: that is text."""
    found = [
        (tag, {name: value for name, value in attributes.items() if name != "href"}) for tag, attributes in read(status).tags
    ]
    return [(tag, attributes) for tag, attributes in found if tag != "p"]


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_is_shown_as_text(text):
    """Whatever a name or a message says, the page has the same elements, and nothing that steers a reader."""
    status = everywhere(text)
    html = page.status_page(status)

    assert shape(status) == shape(everywhere("plain"))
    assert "<script" not in html
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069]", html)


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_no_text_changes_what_the_page_is_made_of(text):
    """T52, for any text."""

    assert shape(everywhere(text)) == shape(everywhere("plain"))


def test_page_runs_nothing_and_loads_nothing():
    """No script, no image, no address but our own; the style sheet is the one that the policy names."""
    for html in (page.status_page(statuses.ILL), page.reasons_page()):
        tags = Reader(html).tags
        assert not {"script", "img", "link", "iframe", "object", "form"} & {tag for tag, _ in tags}
        assert all(attributes["href"].startswith("/") for tag, attributes in tags if tag == "a")
        assert html.count("<style>") == 1
        assert "style=" not in html


def test_every_reason_is_explained_at_its_own_place():
    """A failure links to the meaning of its reason."""
    reader = Reader(page.reasons_page())

    assert {attributes["id"] for tag, attributes in reader.tags if "id" in attributes} == {str(word) for word in Reason}
    assert Reason.STORE_FAILED.meaning in reader.text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (-3, "0.0 s"),
        (9.94, "9.9 s"),
        (42.7, "42 s"),
        (60, "1 min"),
        (3599, "59 min 59 s"),
        (7260, "2 h 1 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_length_of_time_has_its_two_largest_units(seconds, words):
    """Short enough to be read at a glance."""

    assert page._span(seconds) == words


def test_history_keeps_counts_and_the_last_failures_only():
    """The newest failure stands first, and memory does not grow."""
    history = History()
    for number in range(100):
        history.run(looks.look(State.FAILED, about=looks.key(name=f"run-{number}"), failures=(looks.failure(),)), 1000.0 + number)
    history.run(looks.signed(), 2000)

    assert history.looks == {("TaskRun", "failed"): 100, ("TaskRun", "signed"): 1}
    assert [failed.key.name for failed in history.failures] == [f"run-{number}" for number in range(99, 99 - FAILURES_SHOWN, -1)]
    assert history.failures[0].message == "store: oci: no answer"
