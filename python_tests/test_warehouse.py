"""What the tests lean on when they parse the project once for many vars."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from itertools import product
from typing import Any

import pytest
from dbt.clients.jinja import MacroStack
from dbt.context.macros import MacroNamespaceBuilder
from dbt.context.manifest import ManifestContext
from dbt_common.clients.jinja import get_environment
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.logger import LoggerConfig
from dbt_common.events.types import Note

from python_tests import faster_dbt
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
ENVIRONMENT = {"EXACTLY_ONCE_TEST_PORT": "1", "EXACTLY_ONCE_DUCKDB_PATH": "none.duckdb"}
INTERNAL_PACKAGES = ["dbt_duckdb", "dbt"]
ROOTS = ["exactly_once", "dbt_utils"]
PACKAGES = [*ROOTS, *INTERNAL_PACKAGES]
# this one is not for runs that read the source again
PIECES = {"exactly_once__max_hours_per_run": 5}


def parsed(project: Project, **settings: Any) -> dict[str, Any]:
    """The manifest that dbt makes with these vars, without what differs though no run does."""
    manifest = project.invoke(
        "parse", environment=ENVIRONMENT, given=json.dumps(settings), fresh=True
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


class Context(ManifestContext):
    """A context with nothing but macros."""

    def __init__(self, build: Any, project: str, package: str, macros: dict[str, Any]) -> None:
        self._ctx: dict[str, Any] = {}
        builder = MacroNamespaceBuilder(project, package, MacroStack(), INTERNAL_PACKAGES, "node")
        self.namespace = build(builder, macros, self._ctx)

    def generate_builtins(self) -> dict[str, Any]:
        """None."""
        return {}

    def called(self, name: str, found: Any) -> Any:
        """What a name of this context calls: a package's macros, or one macro."""
        if isinstance(found, dict):
            return {inner: self.called(inner, macro) for inner, macro in found.items()}
        assert found.context is self._ctx
        assert found.node == "node"
        assert found.stack.depth == 0
        return found.macro.unique_id


def test_macros_are_found_as_dbt_finds_them(project: Project) -> None:
    manifest = project.invoke("parse", environment=ENVIRONMENT, given="{}", fresh=True)
    macros = {
        package: {**named, "in_all": replace(next(iter(named.values())), name="in_all")}
        for package, named in manifest.get_macros_by_package().items()
    }
    for root, package in product(ROOTS, PACKAGES):
        found = []
        for build, to_dict in (
            (faster_dbt.build_namespace, faster_dbt.to_dict),
            (MacroNamespaceBuilder.build_namespace, ManifestContext.to_dict),
        ):
            context = Context(build, root, package, macros)
            names = {**to_dict(context)}
            assert names.pop("context") is context._ctx
            found.append({name: context.called(name, macro) for name, macro in names.items()})
        assert found[0] == found[1], (root, package)
        assert len(found[0]) > 500


def test_each_kind_of_template_has_its_own_code() -> None:
    for _ in range(2):
        templates = [
            get_environment(native=native).from_string("{{ '1' | as_native }}")
            for native in (False, True)
        ]
        assert [template.render({}) for template in templates] == ["1", 1]


@pytest.mark.parametrize("level", [EventLevel.DEBUG, EventLevel.INFO])
def test_an_event_for_debugging_is_heard_where_it_is_logged(level: EventLevel) -> None:
    manager, log = EventManager(), StringIO()
    for name, shown in (("errors", EventLevel.ERROR), ("all", level)):
        manager.add_logger(LoggerConfig(name=name, level=shown, output_stream=log))
    manager.fire_event(Note(msg="for debugging"), EventLevel.DEBUG)
    manager.fire_event(Note(msg="for everybody"))
    heard = [line.split()[-1] for line in log.getvalue().splitlines()]
    assert heard == ["debugging", "everybody"][level is EventLevel.INFO :]
