"""Rules, alerts and dashboards ask for metrics that exist, and lead somewhere."""

import re

import pytest
import yaml
from fakes.manifests import ROOT
from fakes.monitoring import ALERTS, BOARDS, MONITORING, PANELS, QUERIES, RULES, busy

from sealwright.edge.metrics import Metrics

METRIC = re.compile(r"\b(?:sealwright|watcher|kn|process|python)_[a-z0-9_]+|\bsealwright:[a-z0-9_:]+")


def served():
    """Every series name that /metrics can have, read from the code that writes it."""
    families = re.findall(r"^# TYPE (\S+) (\S+)$", busy().render().decode(), re.MULTILINE)
    histograms = {f"{name}_{part}" for name, sort in families if sort == "histogram" for part in ("bucket", "sum", "count")}
    return {name for name, _ in families} | histograms | {rule["record"] for rule in RULES if "record" in rule}


@pytest.mark.parametrize(("where", "query"), [*((rule.get("alert") or rule["record"], rule["expr"]) for rule in RULES), *QUERIES])
def test_every_query_asks_for_metrics_that_are_served(where, query):
    """A name that was mistyped, or that the code does not write any more, gives an empty panel or an alert that never fires."""
    asked = set(METRIC.findall(query))

    assert asked
    assert asked <= served(), where


def test_the_promise_of_60_seconds_is_a_bucket_of_the_histogram():
    """Labels are compared as text: `60` would match nothing."""
    used = {
        edge
        for query in [*(rule["expr"] for rule in RULES), *dict(QUERIES).values()]
        for edge in re.findall(r'le="([^"]+)"', query)
    }

    assert used == {"60.0"}
    assert 'le="60.0"' in Metrics("1", list).render().decode()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}-{alert['labels'].get('window', '')}")
def test_each_alert_says_how_bad_it_is_what_is_wrong_and_what_to_do(alert):
    """And the address leads to a section that is there."""
    page = (ROOT / "docs/runbooks.md").read_text()
    anchors = {heading.lower() for heading in re.findall(r"^## (\w+)$", page, re.MULTILINE)}
    address, _, anchor = alert["annotations"]["runbook_url"].partition("#")

    assert alert["labels"]["severity"] in ("warning", "critical")
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert address.endswith("docs/runbooks.md")
    assert anchor == alert["alert"].lower()
    assert anchor in anchors


def test_the_runbook_has_no_section_without_an_alert():
    """What was renamed there is renamed here."""
    headings = set(re.findall(r"^## (Sealwright\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE))

    assert headings == {alert["alert"] for alert in ALERTS}


def test_each_alert_is_tested_firing_and_not_firing():
    """rules_test.yaml has both for each."""
    cases = [
        case
        for test in yaml.safe_load((MONITORING / "rules_test.yaml").read_text())["tests"]
        for case in test.get("alert_rule_test", [])
    ]
    for name in {alert["alert"] for alert in ALERTS}:
        fires = {bool(case["exp_alerts"]) for case in cases if case["alertname"] == name}
        assert fires == {True, False}, name


@pytest.mark.parametrize(("title", "panel"), PANELS, ids=[title for title, _ in PANELS])
def test_each_panel_has_a_unit_and_says_what_it_shows(title, panel):
    """And asks the data source, cluster and job that the viewer chose."""
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert len(panel["description"]) > 10
    assert panel["datasource"]["uid"] == "${datasource}"
    assert panel["targets"]
    for target in panel["targets"]:
        assert target["expr"].count("{") == target["expr"].count('cluster=~"$cluster", job=~"$job"}')
        assert re.findall(r"\brate\([^\[]+\[([^\]]+)\]", target["expr"]) in ([], ["$__rate_interval"])


@pytest.mark.parametrize("name", BOARDS)
def test_each_dashboard_keeps_its_address_and_is_found_by_its_tag(name):
    """Links and bookmarks hang on the uid; nothing is asked at import."""
    board = BOARDS[name]

    assert board["uid"] == f"sealwright-{name}"
    assert board["tags"] == ["sealwright"]
    assert [variable["name"] for variable in board["templating"]["list"]] == ["datasource", "cluster", "job"]
    assert board["links"][0]["tags"] == ["sealwright"]
    assert "__inputs" not in board
    assert (board["refresh"], board["timezone"]) == ("30s", "utc")


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_numbers_of_their_own_and_do_not_overlap(name):
    """Grafana draws what overlaps on top of each other."""
    cells, numbers = [], [panel["id"] for panel in BOARDS[name]["panels"]]
    for panel in BOARDS[name]["panels"]:
        at = panel["gridPos"]
        cells += [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]

    assert len(cells) == len(set(cells))
    assert len(numbers) == len(set(numbers))
    assert max(x for x, _ in cells) < 24


def test_the_service_monitor_scrapes_the_port_that_the_service_has():
    """deploy/base has the Service."""
    monitor = yaml.safe_load((MONITORING / "servicemonitor.yaml").read_text())["spec"]

    assert monitor["selector"]["matchLabels"] == {"app": "tekton-chains-controller"}
    assert monitor["endpoints"][0]["port"] == "http-metrics"
