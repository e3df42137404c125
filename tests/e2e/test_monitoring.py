"""Prometheus itself reads what we give it: rules, queries, and the page of metrics."""

import re
import shutil
import subprocess

import pytest
import yaml
from fakes.monitoring import MONITORING, QUERIES, busy

pytestmark = pytest.mark.e2e


def promtool(*arguments, stdin=""):
    program = shutil.which("promtool")
    assert program, "promtool is missing: apt-get install prometheus"
    done = subprocess.run([program, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_rules_and_their_unit_tests_pass():
    """promtool, from the distribution's package `prometheus`."""
    promtool("check", "rules", MONITORING / "rules.yaml")
    promtool("test", "rules", MONITORING / "rules_test.yaml")


def test_prometheus_can_read_every_query_of_every_panel(tmp_path):
    """As recording rules, which is how promtool reads an expression."""
    filled = [re.sub(r"\$__(rate_interval|range)", "5m", query) for _, query in QUERIES]
    rules = [{"record": f"panel:number{n}", "expr": query} for n, query in enumerate(filled)]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    promtool("check", "rules", tmp_path / "panels.yaml")


def test_what_we_serve_is_well_formed_to_prometheus():
    """promtool check metrics, on a page with every family."""
    promtool("check", "metrics", stdin=busy().render().decode())
