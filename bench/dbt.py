"""dbt in a process of its own, on a warehouse of the benchmark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
DBT = Path(sys.executable).parent / "dbt"


def dbt(database: Path, memory: str, *arguments: str, **variables: Any) -> dict[str, float]:
    """Run a command; the seconds that dbt gives for each node, its own start left out."""
    return _seconds(_run(database, memory, arguments, ROOT, variables))


def run_peers(database: Path, memory: str) -> dict[str, float]:
    """The same for the models of bench/peers, which run one after the other."""
    return _seconds(_run(database, memory, ("run", "--threads", "1"), PEERS, {}))


def compiled(database: Path, memory: str, text: str) -> str:
    """What dbt makes of a query."""
    target = _run(database, memory, ("compile", "--inline", text), ROOT, {})
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    return str(results[-1]["compiled_code"])


def model_to_run(database: Path, memory: str, model: str) -> str:
    """The query of a model as the next run would have it."""
    target = _run(database, memory, ("compile", "--select", model), ROOT, {})
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    (found,) = (one for one in results if one["unique_id"] == f"model.exactly_once.{model}")
    return str(found["compiled_code"])


def _seconds(target: Path) -> dict[str, float]:
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    return {one["unique_id"].split(".")[2]: one["execution_time"] for one in results}


def operate(
    database: Path, memory: str, verb: str, variables: dict[str, str], **arguments: Any
) -> tuple[float, list[tuple[str, float]], list[str]]:
    """Run a verb: the seconds of its statements, each of them with its own, and what it said."""
    target = database.parent / "dbt"
    (target / "dbt.log").unlink(missing_ok=True)
    given = json.dumps({"incident_id": variables["incident_id"]} | arguments)
    _run(database, memory, ("run-operation", verb, "--args", given), ROOT, variables)
    statements, said, sent = [], [], ""
    for line in (target / "dbt.log").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        name, data = event["info"]["name"], event["data"]
        if name == "SQLQuery":
            sent = data["sql"]
        elif name == "SQLQueryStatus":
            statements.append((sent, data["elapsed"]))
        elif name == "JinjaLogInfo":
            said.append(data["msg"])
    return sum(seconds for _, seconds in statements), statements, said


def approve(database: Path) -> None:
    """Approve the incident in force for its window."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "insert into main_seeds.incident_register select incident_id, window_start, "
            "window_end, 'alice', 'bob', 'BENCH-1' from main_incident.incident_scope"
        )


def _run(
    database: Path, memory: str, arguments: tuple[str, ...], project: Path, variables: Any
) -> Path:
    target = database.parent / "dbt" / (project.name if project != ROOT else "")
    done = subprocess.run(
        [
            *(str(DBT), "--quiet", *arguments, "--vars", json.dumps(variables)),
            *("--project-dir", str(project), "--profiles-dir", str(ROOT)),
            *("--target-path", str(target), "--log-path", str(target)),
            *("--log-format-file", "json", "--log-level-file", "debug"),
        ],
        env=os.environ
        | {
            "EXACTLY_ONCE_DUCKDB_PATH": str(database),
            "EXACTLY_ONCE_DUCKDB_MEMORY": memory,
            # a machine may name no user, and nobody may run what he approves
            "EXACTLY_ONCE_ACTOR": "operator",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"dbt {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return target
