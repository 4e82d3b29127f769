"""incident_impact_by_dimension: which dimensions a source has, and what becomes of the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from python_tests.laws import HOUR, NOON, event, steady_events
from python_tests.warehouse import EVENT_COLUMNS, Project, Warehouse

WINDOW: dict[str, Any] = {
    "incident_id": "INC-1",
    "incident_start": NOON.isoformat(),
    "incident_end": (NOON + HOUR).isoformat(),
}


def test_a_dimension_is_a_column_else_a_path_of_the_payload(
    project: Project, tmp_path: Path
) -> None:
    """A column goes before a path of its name; a path may have the payload's name before it."""
    warehouse = Warehouse(project, tmp_path, columns=EVENT_COLUMNS | {"Country": "varchar"})
    payload = {"country": "not this", "device": {"os": "ios"}, "channel": "web"}
    copied = event("copied", NOON, payload=json.dumps(payload), Country="DE")
    warehouse.write_events([*steady_events(NOON), copied, copied, copied])
    warehouse.dbt("seed")
    warehouse.dbt("run", "--select", "staging")
    warehouse.dbt(
        *("run", "--select", "+incident_impact_by_dimension", "--exclude", "staging"),
        exactly_once__impact_dimensions=["country", "payload.device.os", "channel", "nowhere"],
        **WINDOW,
    )
    found = warehouse.read(
        "main_incident.incident_impact_by_dimension", "dimension, value, removed_count"
    )
    assert sorted(found, key=lambda row: row["dimension"]) == [
        {"dimension": "channel", "value": "web", "removed_count": 2},
        {"dimension": "country", "value": "DE", "removed_count": 2},
        {"dimension": "payload.device.os", "value": "ios", "removed_count": 2},
    ]
