"""dbt in a process of its own, on a warehouse of the benchmark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DBT = Path(sys.executable).parent / "dbt"


def dbt(database: Path, memory: str, *arguments: str, **variables: Any) -> dict[str, float]:
    """Run a command; the seconds that dbt gives for each node, its own start left out."""
    target = database.parent / "dbt"
    done = subprocess.run(
        [
            *(str(DBT), "--quiet", *arguments, "--vars", json.dumps(variables)),
            *("--project-dir", str(ROOT), "--profiles-dir", str(ROOT)),
            *("--target-path", str(target), "--log-path", str(target)),
        ],
        env=os.environ
        | {"EXACTLY_ONCE_DUCKDB_PATH": str(database), "EXACTLY_ONCE_DUCKDB_MEMORY": memory},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"dbt {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    return {one["unique_id"].split(".")[2]: one["execution_time"] for one in results}
