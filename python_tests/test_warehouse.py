"""What the tests lean on when they parse the project once for many vars."""

from __future__ import annotations

import json
from typing import Any

import pytest

from python_tests.warehouse import READ_WHEN_RUN, Project

OTHER_VALUES = {
    "exactly_once__alert_thresholds": {"chargeback_rate": 0.5, "captures_per_authorization": 2},
    "exactly_once__detection_hours": 24,
    "exactly_once__event_types": {
        "authorized": ["auth"],
        "captured": ["captured", "settled"],
        "refunded": ["refunded"],
        "chargeback": ["chargeback"],
    },
    "exactly_once__impact_dimensions": ["region"],
    "exactly_once__max_copy_rate": 0.1,
    "exactly_once__project_commit": "abc",
    "exactly_once__reprocess_from": "2026-01-01",
    "incident_id": "INC-1",
    "incident_start": "2026-01-01 00:00",
    "incident_end": "2026-01-01 02:00",
}
# this one is not for runs that read the source again
PIECES = {"exactly_once__max_hours_per_run": 5}


def parsed(project: Project, **settings: Any) -> dict[str, Any]:
    """The manifest that dbt makes with these vars, without what differs though no run does."""
    environment = {"EXACTLY_ONCE_TEST_PORT": "1", "EXACTLY_ONCE_DUCKDB_PATH": "none.duckdb"}
    manifest = project.invoke(
        "parse", environment=environment, given=json.dumps(settings), fresh=True
    ).to_dict()
    del manifest["metadata"], manifest["state_check"]
    # how often a model is named, and by way of which macros; depends_on.nodes says which
    return without(manifest, {"created_at", "refs", "macros"})


def without(part: Any, names: set[str]) -> Any:
    """A mapping without the members of these names, however deep."""
    if isinstance(part, dict):
        return {key: without(value, names) for key, value in part.items() if key not in names}
    return [without(value, names) for value in part] if isinstance(part, list) else part


@pytest.mark.parametrize("engine", ["project", "snowflake_project"])
def test_vars_that_are_read_when_run_change_nothing_that_dbt_parses(
    engine: str, request: pytest.FixtureRequest
) -> None:
    project = request.getfixturevalue(engine)
    assert OTHER_VALUES.keys() | PIECES.keys() == READ_WHEN_RUN
    usual = parsed(project)
    assert usual == parsed(project, **OTHER_VALUES) == parsed(project, **PIECES)
    assert usual != parsed(project, exactly_once__deduplicate=False)
