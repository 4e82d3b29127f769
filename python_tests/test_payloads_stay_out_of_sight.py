"""Runs that fail show no payload: in dbt's logs and artifacts, the query history or the ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from python_tests.laws import (
    DECIDE,
    INCIDENT,
    LEDGER,
    NOON,
    WINDOW,
    approve,
    contaminated_rows,
    event,
)
from python_tests.snowflake_statements import is_ours
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.snowflake_wire import PAYLOAD_MARK
from python_tests.warehouse import EVENT_COLUMNS, Project, Row, Warehouse

DBT = Path(sys.executable).with_name("dbt")
JOB = ("run", "--selector", "fifteen_minute")
MALFORMED = (
    PAYLOAD_MARK,
    f'{{"note": "{PAYLOAD_MARK}"',
    f'{{"note": "{PAYLOAD_MARK}", "note": "{PAYLOAD_MARK}"}}',
    f'{{"note": NaN, "card": "{PAYLOAD_MARK}"}}',
    "[" * 200 + f'"{PAYLOAD_MARK}"',
)


class Shown:
    """What dbt, run as a command of its own, leaves for people to read."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        """`folder` gets the logs, the artifacts and the console's output of each command."""
        self.warehouse = warehouse
        self.folder = folder

    def by(
        self, *command: str, project: Path | None = None, settings: Mapping[str, Any] | None = None
    ) -> tuple[int, str]:
        """Run a command with everything logged; its exit code and what it printed."""
        folder = self.folder / str(len(list(self.folder.iterdir())))
        folder.mkdir()
        options = {
            "--project-dir": project or self.warehouse.project.folder,
            "--profiles-dir": self.warehouse.project.work,
            "--target-path": folder / "target",
            "--log-path": folder / "logs",
            "--log-level": "debug",
            "--log-level-file": "debug",
            "--vars": json.dumps(settings or {}),
        }
        arguments = [str(part) for option in options.items() for part in option]
        ended = subprocess.run(
            [DBT, *command, *arguments],
            env=os.environ | self.warehouse.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        (folder / "console.txt").write_text(ended.stdout)
        assert (folder / "logs" / "dbt.log").stat().st_size > 1000
        return ended.returncode, ended.stdout

    def places_of(self, mark: str) -> list[str]:
        """The files, statements, errors and entries of the ledger that have the mark."""
        found = [
            str(file.relative_to(self.folder))
            for file in self.folder.rglob("*")
            if file.is_file() and mark.encode() in file.read_bytes()
        ]
        found += [str(row) for row in self.warehouse.read(LEDGER) if mark in str(row)]
        if isinstance(self.warehouse, SnowflakeWarehouse):
            for one in filter(is_ours, self.warehouse.simulator.history()):
                found += [text for text in (one.text, one.error or "") if mark in text]
        return found


def with_mark(rows: Iterable[Row]) -> list[Row]:
    """The same rows with the mark in every payload."""
    payload = json.dumps({"note": PAYLOAD_MARK, "delivery": {"attempt": 1}})
    return [{**row, "payload": payload} for row in rows]


def malformed_rows() -> list[Row]:
    """Copies that differ in payloads which are no JSON."""
    return [
        event(f"malformed {number // 2}", NOON, event_id=f"{number}", payload=payload)
        for number, payload in enumerate([*MALFORMED, *MALFORMED])
    ]


def failing_function(work: Path) -> Path:
    """A copy of the project whose Python model meets payloads that it can't read."""
    project = Project.copy(work)
    model = project.folder / "models" / "incident" / "incident_payload_variance.py"
    text, reads = model.read_text(), "texts = json.loads(payloads)"
    assert text.count(reads) == 1
    model.write_text(text.replace(reads, "texts = json.loads(payloads + '}')"))
    return project.folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine", ["new_warehouse", pytest.param("new_snowflake_warehouse", marks=pytest.mark.soak)]
)
def test_failing_runs_show_no_payload(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    make: Callable[..., Warehouse] = request.getfixturevalue(engine)
    warehouse = make()
    (tmp_path / "shown").mkdir()
    shown = Shown(warehouse, tmp_path / "shown")
    differing = {"note": PAYLOAD_MARK, "amount": 2}
    copies = [
        event("differing", NOON, event_id="a", payload=json.dumps(differing)),
        event("differing", NOON, event_id="b", payload=json.dumps(differing | {"amount": 3})),
    ]
    warehouse.write_events([*with_mark(contaminated_rows()), *copies])
    warehouse.dbt(*JOB)
    warehouse.dbt("seed")
    window: dict[str, Any] = {"incident_start": str(WINDOW[0]), "incident_end": str(WINDOW[1])}
    warehouse.dbt(*DECIDE, incident_id=INCIDENT, **window)
    approve(warehouse)

    # a data test
    kept = "main_staging.stg_events_deduplicated"
    warehouse.execute(f"insert into {kept} select * from {kept} limit 1")
    code, said = shown.by("test", "--select", "stg_events_deduplicated")
    assert (code, "got 1 result, configured to fail" in said.lower()) == (1, True), said

    # a function in Python
    code, said = shown.by(
        *("run", "--select", "incident_payload_variance"), project=failing_function(tmp_path)
    )
    assert (code, "JSONDecodeError" in said) == (1, True), said

    # text that is no JSON, where JSON was; and as text
    warehouse.source, warehouse.columns = "raw.texts", EVENT_COLUMNS | {"payload": "varchar"}
    columns = ", ".join(f"{name} {kind}" for name, kind in warehouse.columns.items())
    if isinstance(warehouse, SnowflakeWarehouse):
        columns = columns.replace(" timestamp", " timestamp_ntz")
    warehouse.execute(f"create table raw.texts ({columns})")
    warehouse.write_events([*with_mark(contaminated_rows()), *malformed_rows()])
    texts = {"exactly_once__source_table": "texts"}
    code, said = shown.by(*JOB, settings=texts)
    assert (code, "one kind of type for payloads" in said) == (1, True), said
    arguments = ("--args", json.dumps({"incident_id": INCIDENT}))
    code, said = shown.by("run-operation", "raw_quarantine", *arguments, settings=texts)
    assert (code, "other types than those of the source" in said) == (1, True), said
    code, said = shown.by(*JOB, "--full-refresh", settings=texts)
    assert code == 0, said
    code, said = shown.by(
        "run", "--selector", "detection", settings={"incident_id": INCIDENT} | window | texts
    )
    assert code == 0, said

    # a payload in the key
    key: list[Any] = ["payment_id", "event_type", "amount_cents", "currency", "event_ts"]
    key.append({"name": "payload", "cast": "integer"})
    code, said = shown.by(*JOB, settings={"exactly_once__fingerprint_columns": key} | texts)
    # before anything is built, which dbt takes for an error of its own
    assert (code, "the payload, with a cast to integer" in said) == (2, True), said

    assert len(list(shown.folder.iterdir())) == 7
    assert shown.places_of(PAYLOAD_MARK) == []
    assert shown.places_of(INCIDENT), "the places are read"
