"""Make target/lint.duckdb: a few raw events and every model built from them.

The linter compiles the models, and a compile looks at the source's columns and at what exists.
Built models make it see the incremental branches, which are the ones that run every day.
"""

import os
import subprocess
import sys
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
WAREHOUSE = ROOT / "target" / "lint.duckdb"

RAW_EVENTS = """
create schema raw;
create table raw.events (
    event_id varchar,
    payment_id varchar,
    merchant_id varchar,
    event_type varchar,
    amount_cents bigint,
    currency varchar,
    event_ts timestamp,
    ingest_ts timestamp,
    payload json
);
insert into raw.events
select 'e' || n, p, m, t, a, c, '2026-01-01'::timestamp + s, '2026-01-01'::timestamp + s + d, j
from (
    values
    (1, 'p1', 'm1', 'authorized', 1000, 'USD', interval 0 minute, interval 1 second, '{}'),
    (2, 'p1', 'm1', 'captured', 1000, 'USD', interval 5 minute, interval 2 second, '{"try": 1}'),
    (3, 'p1', 'm1', 'captured', 1000, 'USD', interval 5 minute, interval 60 second, '{"try": 2}'),
    (4, 'p2', null, 'authorized', 250, 'EUR', interval 7 minute, interval 1 second, null)
) as events (n, p, m, t, a, c, s, d, j);
"""


def make_raw_events() -> None:
    WAREHOUSE.parent.mkdir(exist_ok=True)
    WAREHOUSE.unlink(missing_ok=True)
    WAREHOUSE.with_name(WAREHOUSE.name + ".wal").unlink(missing_ok=True)
    with duckdb.connect(str(WAREHOUSE)) as warehouse:
        warehouse.execute(RAW_EVENTS)


def build_models() -> None:
    """Everything but the tests: they are for real data."""
    command = [
        str(Path(sys.executable).parent / "dbt"),
        "build",
        "--quiet",
        *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
        *("--profiles-dir", str(ROOT), "--project-dir", str(ROOT)),
    ]
    environment = os.environ | {"EXACTLY_ONCE_DUCKDB_PATH": str(WAREHOUSE)}
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        raise SystemExit("The models can't be built on the linter's rows: see above.")


if __name__ == "__main__":
    make_raw_events()
    build_models()
