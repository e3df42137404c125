"""The Grafana dashboards, as Python: hack/deploy writes them to deploy/monitoring/dashboards/, where nobody edits them.

A panel is a title, a description, a unit and queries. What every dashboard has (variables, links, refresh, places on the grid)
stands here once.
"""

import json
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
# What every query begins with: which cluster, which scrape job, as the viewer chose.
CHOSEN = 'cluster=~"$cluster", job=~"$job"'
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GRID = 24
# 99.5 % of the runs that finish are signed within 60 s, over 30 days; rules.yaml has the same promise.
OBJECTIVE = 0.995
WITHIN = 'sealwright_time_to_signed_seconds_bucket{le="60.0", %s}'
ALL = "sealwright_time_to_signed_seconds_count{%s}"


@dataclass(frozen=True)
class Panel:
    """`queries` maps a legend to PromQL, in which `%s` stands for the viewer's choice of cluster and job."""

    title: str
    description: str
    unit: str
    queries: dict[str, str]
    kind: str = "timeseries"
    width: int = 8
    thresholds: tuple[tuple[str, float | None], ...] = (("green", None),)
    bounds: tuple[float | None, float | None] = (0, None)

    def render(self, number: int, x: int, y: int, height: int) -> Json:
        low, high = self.bounds
        steps = [{"color": color, "value": value} for color, value in self.thresholds]
        defaults: Json = {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": steps}}
        defaults |= {key: value for key, value in (("min", low), ("max", high)) if value is not None}
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": height},
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": OPTIONS[self.kind],
            "targets": [self.target(n, legend, query) for n, (legend, query) in enumerate(self.queries.items())],
        }

    def target(self, n: int, legend: str, query: str) -> Json:
        format_ = {"heatmap": "heatmap", "table": "table"}.get(self.kind, "time_series")
        target = {"refId": "ABCDEFGH"[n], "datasource": SOURCE, "expr": query.replace("%s", CHOSEN), "legendFormat": legend}
        # A number or table of now needs one value, not a curve.
        instant = {"instant": True, "range": False} if self.kind in ("stat", "table") else {}
        return target | {"format": format_} | instant


@dataclass(frozen=True)
class Row:
    """Panels beside each other; what does not fit begins a new line."""

    title: str
    panels: tuple[Panel, ...]
    height: int = 7


OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
    },
    "heatmap": {"calculate": False, "yAxis": {"unit": "s"}, "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64}},
    "table": {"showHeader": True},
    "state-timeline": {"mergeValues": True, "showValue": "never", "legend": {"displayMode": "list", "placement": "bottom"}},
}
LINK = {
    "type": "dashboards",
    "title": "Sealwright",
    "tags": ["sealwright"],
    "asDropdown": True,
    "keepTime": True,
    "includeVars": True,
}
BAD_WHEN_LOW = (("red", None), ("orange", 0.99), ("green", OBJECTIVE))
BAD_WHEN_ZERO = (("red", None), ("green", 1.0))
BAD_WHEN_OLD = (("green", None), ("orange", 60.0), ("red", 300.0))
BAD_WHEN_SPENT = (("red", None), ("orange", 0.1), ("green", 0.5))


def per_second(counter: str, by: str = "", only: str = "") -> str:
    chosen = f"{only}, %s" if only else "%s"
    total = f"sum by ({by})" if by else "sum"
    return f"{total} (rate({counter}{{{chosen}}}[$__rate_interval]))"


def per_minute(counter: str, by: str, only: str = "") -> str:
    return f"60 * {per_second(counter, by, only)}"


TOOK = per_second("sealwright_time_to_signed_seconds_bucket", "le")
OVERVIEW = (
    Row(
        "Is it well?",
        (
            Panel(
                "Signed in time",
                "Of the runs that were signed in the chosen time, the share that was signed within 60 s of its end. "
                "The promise is 99.5 %.",
                "percentunit",
                {"": f"sum(increase({WITHIN}[$__range])) / sum(increase({ALL}[$__range]))"},
                "stat",
                4,
                BAD_WHEN_LOW,
                (0, 1),
            ),
            Panel(
                "Error budget left",
                "What is left of the 0.5 % of runs that may be late in 30 days. Below zero the promise is broken.",
                "percentunit",
                {"": f"1 - (1 - sum(increase({WITHIN}[30d])) / sum(increase({ALL}[30d]))) / {1 - OBJECTIVE:.3f}"},
                "stat",
                4,
                BAD_WHEN_SPENT,
                (None, 1),
            ),
            Panel(
                "Oldest unsigned run",
                "How long the run that waits longest has waited.",
                "s",
                {"": "max(sealwright_oldest_pending_age_seconds{%s})"},
                "stat",
                4,
                BAD_WHEN_OLD,
            ),
            Panel(
                "Configuration",
                "1: the newest chains-config is in force. 0: it is bad, and the one before stays in force.",
                "none",
                {"": "min(sealwright_config_last_reload_successful{%s})"},
                "stat",
                4,
                BAD_WHEN_ZERO,
                (0, 1),
            ),
            Panel(
                "Replicas",
                "Replicas that answer the scrape.",
                "none",
                {"": "count(sealwright_build_info{%s})"},
                "stat",
                4,
                BAD_WHEN_ZERO,
            ),
            Panel(
                "Restarts",
                "Starts of a replica in the chosen time, beyond the first.",
                "none",
                {"": "sum(changes(process_start_time_seconds{%s}[$__range]))"},
                "stat",
                4,
                (("green", None), ("orange", 1.0)),
            ),
        ),
        4,
    ),
    Row(
        "What comes and goes",
        (
            Panel(
                "Signed per minute",
                "Runs that were signed and marked, by kind.",
                "cpm",
                {"{{kind}}": per_minute("sealwright_sign_attempts_total", "kind", 'result="success"')},
            ),
            Panel(
                "Failures per minute",
                "Attempts that failed, by the reason in docs/reasons.md. Each is tried again.",
                "cpm",
                {"{{reason}}": per_minute("sealwright_sign_attempts_total", "reason", 'result="failure"')},
            ),
            Panel(
                "Waiting runs",
                "Runs in the queue, by lane: live runs go before the backlog, runs being deleted before both.",
                "short",
                {"{{lane}}": "sum by (lane) (sealwright_runs_pending{%s})"},
            ),
            Panel(
                "Marked, not signed, per minute",
                "Runs for which there was nothing to do or no way to, by reason.",
                "cpm",
                {"{{reason}}": per_minute("sealwright_skipped_total", "reason")},
            ),
            Panel(
                "Spoofed per hour",
                "Marks, receipts and children that are not what they say. All were found out and overruled.",
                "short",
                {"{{type}}": "sum by (type) (increase(sealwright_spoof_attempts_total{%s}[1h]))"},
            ),
            Panel(
                "Dependencies",
                "Whether what signing needs answered last time, worst replica: 1 yes, 0 no.",
                "none",
                {"{{dependency}}": "min by (dependency) (sealwright_dependency_up{%s})"},
                "state-timeline",
                8,
                BAD_WHEN_ZERO,
                (0, 1),
            ),
        ),
    ),
    Row(
        "Who does it",
        (
            Panel(
                "Version",
                "What runs, and where.",
                "none",
                {"": "count by (cluster, job, version) (sealwright_build_info{%s})"},
                "table",
                8,
            ),
            Panel(
                "Configuration in force",
                "Replicas by the generation of chains-config that they use; more than one only while it changes.",
                "none",
                {"": "count by (generation) (sealwright_config_info{%s})"},
                "table",
                8,
            ),
            Panel(
                "Shards held",
                "Shards of the work by replica. Their sum is the number of shards; less means that runs wait for an owner.",
                "none",
                {"{{instance}}": 'sealwright_shards{state="held", %s}'},
            ),
        ),
    ),
)
SIGNING = (
    Row(
        "How long it takes",
        (
            Panel(
                "Time to signed",
                "From a run's end to its mark, for runs that ended while the controller watched.",
                "s",
                {f"p{percent}": f"histogram_quantile({percent / 100}, {TOOK})" for percent in (50, 95, 99)},
                width=12,
            ),
            Panel(
                "Time to signed, spread",
                "The same, all of it: each cell is the number of runs that took so long.",
                "short",
                {"{{le}}": "sum by (le) (increase(sealwright_time_to_signed_seconds_bucket{%s}[$__rate_interval]))"},
                "heatmap",
                12,
            ),
        ),
        8,
    ),
    Row(
        "What it does",
        (
            Panel(
                "Looks at runs",
                "Looks per second, by what they came to. A look is cheap; most of a run's looks find it unfinished.",
                "ops",
                {"{{kind}} {{outcome}}": per_second("sealwright_runs_observed_total", "kind, outcome")},
            ),
            Panel(
                "Attempts",
                "Attempts to sign per second, by result. A failed one is a retry to come.",
                "ops",
                {"{{kind}} {{result}}": per_second("sealwright_sign_attempts_total", "kind, result")},
            ),
            Panel(
                "Stored",
                "Attestations per second, by store and result.",
                "ops",
                {"{{backend}} {{result}}": per_second("sealwright_store_total", "backend, result")},
            ),
            Panel(
                "Marked signed, in Chains' words",
                "Tekton Chains' own counters, which its dashboards and alerts use.",
                "ops",
                {
                    "TaskRun": per_second("watcher_taskrun_marked_signed_total"),
                    "PipelineRun": per_second("watcher_pipelinerun_marked_signed_total"),
                },
            ),
            Panel(
                "Signed and stored, in Chains' words",
                "One for each message that was signed, and for each write of a store.",
                "ops",
                {
                    "TaskRun signed": per_second("watcher_taskrun_sign_created_total"),
                    "TaskRun stored": per_second("watcher_taskrun_payload_stored_total"),
                    "PipelineRun signed": per_second("watcher_pipelinerun_sign_created_total"),
                    "PipelineRun stored": per_second("watcher_pipelinerun_payload_stored_total"),
                },
            ),
            Panel(
                "Failures, in Chains' words",
                "By the step that failed: payload_creation, signing, tlog, storage.",
                "ops",
                {
                    "TaskRun {{error_type}}": per_second("watcher_taskrun_signing_failures_total", "error_type"),
                    "PipelineRun {{error_type}}": per_second("watcher_pipelinerun_signing_failures_total", "error_type"),
                },
            ),
        ),
    ),
    Row(
        "Queue",
        (
            Panel(
                "Queue depth",
                "Waiting runs, by kind and lane.",
                "short",
                {"{{kind}} {{lane}}": "sum by (kind, lane) (sealwright_runs_pending{%s})"},
            ),
            Panel(
                "Oldest waiting run",
                "By kind. It grows in a straight line while nothing gets done.",
                "s",
                {"{{kind}}": "max by (kind) (sealwright_oldest_pending_age_seconds{%s})"},
            ),
            Panel(
                "Kubernetes Events",
                "Written, and dropped because there were too many; no signature hangs on them.",
                "ops",
                {"{{result}}": per_second("sealwright_events_total", "result")},
            ),
        ),
    ),
    Row(
        "The process",
        (
            Panel(
                "Memory",
                "Resident, by replica. The limit is 256 MiB; it does not grow with the number of runs.",
                "bytes",
                {"{{instance}}": "process_resident_memory_bytes{%s}"},
            ),
            Panel(
                "Processor time",
                "Cores in use, by replica.",
                "none",
                {"{{instance}}": "rate(process_cpu_seconds_total{%s}[$__rate_interval])"},
            ),
            Panel("Open files", "Files and connections, by replica.", "short", {"{{instance}}": "process_open_fds{%s}"}),
            Panel(
                "Audit lines",
                "Lines written to the audit log per second.",
                "ops",
                {"lines": per_second("sealwright_audit_records_total")},
            ),
            Panel(
                "Garbage collections",
                "Of Python, per second, by generation.",
                "ops",
                {"{{generation}}": per_second("python_gc_collections_total", "generation")},
            ),
        ),
    ),
)
BOARDS = {"overview": ("Sealwright / Overview", OVERVIEW), "signing": ("Sealwright / Signing", SIGNING)}


def rendered() -> dict[str, str]:
    """File name without ending -> the dashboard as Grafana's JSON, with one line feed at the end."""
    return {name: json.dumps(board(name, title, rows), indent=1) + "\n" for name, (title, rows) in BOARDS.items()}


def board(name: str, title: str, rows: tuple[Row, ...]) -> Json:
    return {
        "uid": f"sealwright-{name}",
        "title": title,
        "tags": ["sealwright"],
        "schemaVersion": 39,
        "editable": False,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": [
            {
                "type": "dashboards",
                "title": "Sealwright",
                "tags": ["sealwright"],
                "asDropdown": True,
                "keepTime": True,
                "includeVars": True,
            }
        ],
        "templating": {"list": variables()},
        "annotations": {"list": []},
        "panels": placed(rows),
    }


def variables() -> list[Json]:
    """Data source, cluster and scrape job. Without a `cluster` label all series have the empty one, which `.*` matches."""
    query = {"type": "query", "datasource": SOURCE, "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".*"}
    query |= {"current": {"text": ["All"], "value": ["$__all"]}}
    jobs = 'label_values(sealwright_build_info{cluster=~"$cluster"}, job)'
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
        query | {"name": "cluster", "label": "Cluster", "query": "label_values(sealwright_build_info, cluster)"},
        query | {"name": "job", "label": "Job", "query": jobs},
    ]


def placed(rows: tuple[Row, ...]) -> list[Json]:
    """Left to right, top to bottom, with a heading over each row."""
    panels: list[Json] = []
    y = 0
    for row in rows:
        panels.append({"id": len(panels) + 1, "type": "row", "title": row.title, "collapsed": False, "panels": []})
        panels[-1]["gridPos"] = {"x": 0, "y": y, "w": GRID, "h": 1}
        x, y = 0, y + 1
        for panel in row.panels:
            if x + panel.width > GRID:
                x, y = 0, y + row.height
            panels.append(panel.render(len(panels) + 1, x, y, row.height))
            x += panel.width
        y += row.height
    return panels
