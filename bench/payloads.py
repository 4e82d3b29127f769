"""Judging payloads: groups of three of 1 KB, by this package and by plain Python.

python -m bench.payloads warehouse.duckdb is the plain one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from bench.dbt import ROOT, dbt

JUDGE = "judging the payloads of groups of three of a kilobyte"
PLAIN = "plain Python: parse each payload, compare without what is volatile"
OURS = "exactly_once: incident_payload_variance, with what feeds it"
NOTE = (
    "Of the groups 1% differ in an amount, the others in volatile paths alone. Plain Python says "
    "whether they differ; ours\nsays where, how far, of which class, and what becomes of them. "
    "Seconds of ours are those that dbt gives for the model,\nafter incident_windows, "
    "which has loaded the libraries of Python models, as in the job."
)
JUDGED = ("incident_windows", "incident_payload_variance")
WINDOW = {
    "incident_id": "PAYLOADS",
    "incident_start": "2026-03-01 10:00:00",
    "incident_end": "2026-03-01 14:00:00",
}
# delivery.* and producer.host are volatile in this package's seed; amount is material
EVENTS = """
create table raw.events as
select
    'evt_' || number || '_' || copy as event_id,
    'pay_' || number as payment_id,
    'mer_' || number % 100 as merchant_id,
    'captured' as event_type,
    cast(number as bigint) as amount_cents,
    'EUR' as currency,
    timestamp '2026-03-01 12:00:00' + to_microseconds(number * 1000) as event_ts,
    timestamp '2026-03-01 12:00:01' + to_microseconds(number * 1000 + copy) as ingest_ts,
    cast(json_object(
        'producer', json_object('name', 'checkout', 'host', 'checkout-' || copy),
        'delivery', json_object('attempt', copy, 'trace_id', md5(number || '_' || copy)),
        'amount', case when number % 100 = 0 then number + copy else number end,
        'items', [json_object('sku', md5(number || '/' || place), 'price', place * 1.25)
            for place in range(14)],
        'description', 'Order ' || number
    ) as json) as payload
from range(?) as numbers (number), range(3) as copies (copy)
"""


def _build(folder: Path, groups: int, memory: str) -> Path:
    """A warehouse whose events have three copies each, found but not judged."""
    warehouse = folder / "payloads.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw")
        connection.execute(EVENTS, [groups])
    dbt(warehouse, memory, "seed")
    dbt(warehouse, memory, "run", "--select", "+incident_payload_differences", **WINDOW)
    return warehouse


def measure_payloads(
    folder: Path, groups: int, repeats: int, memory: str, tell: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Each in turns; medians. Rows are the groups that were judged."""
    tell(f"make {groups:,} groups of three payloads")
    warehouse = _build(folder, groups, memory)
    taken: dict[str, list[float]] = {PLAIN: [], OURS: []}
    for number in range(repeats):
        tell(f"{number + 1} of {repeats}: {OURS}")
        judged = dbt(warehouse, memory, "run", "--select", *JUDGED, **WINDOW)
        taken[OURS].append(judged["incident_payload_variance"])
        tell(f"{number + 1} of {repeats}: {PLAIN}")
        done = subprocess.run(
            [sys.executable, "-m", "bench.payloads", str(warehouse)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        plain = json.loads(done.stdout)
        taken[PLAIN].append(plain["seconds"])
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            found = connection.execute(
                "select count(*) from main_incident.incident_payload_variance"
            ).fetchall()[0][0]
        if found != plain["differing"]:
            raise SystemExit(f"Ours finds {found} groups that differ, plain Python {plain}.")
    warehouse.unlink()
    return {name: {"seconds": median(seconds), "rows": groups} for name, seconds in taken.items()}


def differing(warehouse: Path) -> int:
    """Count the groups that differ, as one would in a notebook."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select payment_id, cast(payload as varchar) from raw.events order by payment_id"
        ).fetchall()
    return sum(
        len({_comparable(payload) for _, payload in group}) > 1
        for _, group in groupby(rows, key=lambda row: row[0])
    )


def _comparable(payload: str) -> str:
    document: dict[str, Any] = json.loads(payload)
    del document["delivery"], document["producer"]["host"]
    return json.dumps(document, sort_keys=True)


def main() -> int:
    """Measure plain Python, and print what it took, as JSON."""
    began = time.perf_counter()
    found = differing(Path(sys.argv[1]))
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "differing": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
