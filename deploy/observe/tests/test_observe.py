"""Dashboard, alerts and scraping: they name metrics and processes that exist."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from deploy.docker.tests.compose_model import compose
from shared.chassis import metrics

FOLDER = Path(__file__).parents[1]
SERVICES = compose(VETWIRE_PUBLIC_URL="https://portal.example")["services"]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana/dashboards/vetwire.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((FOLDER / "prometheus/alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
PANEL_QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
SHOWN = (
    "http_requests_total",
    "http_request_seconds_bucket",
    "projection_lag_events",
    "projection_lag_seconds",
    "projection_events_total",
    "relay_lag_seconds",
    "relay_published_total",
    "parked_events",
    "outbox_pending",
)
QUERIES = [*PANEL_QUERIES, *(rule["expr"] for rule in ALERTS)]


def _exposed() -> set[str]:
    """Every name under which the chassis' metrics are scraped."""
    made = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    families = [family for metric in made for family in metric.describe()]
    endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
    return {family.name + ending for family in families for ending in endings[family.type]}


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_asks_for_metrics_that_exist(query: str) -> None:
    assert set(re.findall(r"vetwire_\w+", query)) <= _exposed()


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_closes_what_it_opens(query: str) -> None:
    for opening, closing in ("()", "{}", "[]"):
        assert query.count(opening) == query.count(closing)


def test_the_dashboard_shows_what_an_operator_needs_first() -> None:
    shown = " ".join(PANEL_QUERIES)
    for name in SHOWN:
        assert f"vetwire_{name}" in shown
    assert "process_resident_memory_bytes" in shown


def test_operations_md_tells_every_metric_and_none_that_is_not() -> None:
    told = (FOLDER.parents[1] / "docs/operations.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(vetwire_\w+)`", told))
    assert {name.removesuffix("_bucket") for name in _exposed() if not name.endswith(("_sum", "_count"))} == listed


def test_panels_are_titled_explained_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] and panel["description"] for panel in panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)


def test_every_process_of_ours_is_scraped() -> None:
    jobs = yaml.safe_load((FOLDER / "prometheus/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    targets = {target for job in jobs for config in job["static_configs"] for target in config["targets"]}
    ours = {f"{name}:8080" for name in SERVICES if name.endswith(("-api", "-worker"))}
    assert ours < targets
    assert {target.partition(":")[0] for target in targets} <= SERVICES.keys()


def test_the_collectors_pipelines_use_what_is_defined() -> None:
    config = yaml.safe_load((FOLDER / "collector/config.yaml").read_text(encoding="utf-8"))
    defined = {name for part in ("receivers", "processors", "exporters", "connectors") for name in config[part]}
    used = {name for pipe in config["service"]["pipelines"].values() for names in pipe.values() for name in names}
    assert used == defined


def test_the_dashboards_source_of_data_is_provisioned() -> None:
    sources = yaml.safe_load((FOLDER / "grafana/provisioning/datasources/vetwire.yaml").read_text(encoding="utf-8"))
    asked = {target["datasource"]["uid"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
    assert asked <= {source["uid"] for source in sources["datasources"]}
    hosts = {re.sub(r"https?://([^:]+):.*", r"\1", source["url"]) for source in sources["datasources"]}
    assert hosts <= SERVICES.keys()
