"""remediation_plan says beforehand what a remediation changes, reads and writes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from python_tests import oracle
from python_tests.laws import (
    HOUR,
    INCIDENT,
    NOON,
    WINDOW,
    Row,
    assert_recorded,
    contaminate,
    contaminated_rows,
    event,
    ledger,
    steady_events,
)
from python_tests.snowflake_simulator.views import information_schema_sql
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import EVENT_COLUMNS, DbtError, Project, Warehouse

LOOKBACK = 2 * HOUR
CURATED = ("payments", "fraud_features")
KEYS = {"payments": ["payment_id"], "fraud_features": ["merchant_id", "event_hour"]}
# Whole tables that the checks read, of each curated one: live, candidate, and the candidate's keys
CHECKED = 4
SIZES = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def plan(warehouse: Warehouse, **arguments: Any) -> list[str]:
    """What the plan prints."""
    given = json.dumps({"incident_id": INCIDENT} | arguments)
    warehouse.dbt("run-operation", "remediation_plan", "--args", given)
    return warehouse.project.logged


def table(lines: Sequence[str], header: str) -> dict[str, list[str]]:
    """The rows of a printed table by their first cell, or by the first two where they tell more."""
    start = next(n for n, line in enumerate(lines) if line.startswith(f"  {header}"))
    found: dict[str, list[str]] = {}
    for line in lines[start + 1 :]:
        if not line.startswith("  ") or re.match(r"  (and|raw:|a day)", line):
            break
        first, *others = re.split(r"  +", line.strip())
        found[first] = [cell.replace(",", "") for cell in others]
    return found


def steps(lines: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Rows read and rows written, by step."""
    return {name: (int(cells[0]), int(cells[1])) for name, cells in table(lines, "step").items()}


def size(text: str) -> float:
    """1.2 kB as a number of bytes."""
    number, unit = text.split()
    return float(number) * SIZES[unit]


def hour(moment: datetime) -> datetime:
    """The hour that a moment lies in."""
    return moment.replace(minute=0, second=0, microsecond=0)


class Expected:
    """The figures of the plan, from the rows and the contract."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        by_hash = {oracle.row_hash(row): row for row in rows}
        decided = list(oracle.decisions(rows, *WINDOW).elements())
        self.copies = [(decision.decision, by_hash[decision.row_hash]) for decision in decided]
        self.removed = [row for decision, row in self.copies if decision == "remove"]
        repaired = {one.event_fingerprint for one in decided if one.decision == "remove"}
        grouped = {one.event_fingerprint for one in decided}

        found = oracle.watermark(rows)
        assert found is not None
        self.watermark = found.replace(tzinfo=None)
        complete = [row for row in rows if oracle.has_complete_key(row)]
        self.events = [
            row for row in oracle.deduplicated(rows).values() if oracle.has_complete_key(row)
        ]
        arrived = [
            row
            for row in complete
            if row["ingest_ts"] is None or row["ingest_ts"] >= self.watermark - LOOKBACK
        ]
        again = [*arrived, *(row for row in complete if oracle.fingerprint(row) in repaired)]
        group_hours = {
            hour(row["event_ts"]) for row in complete if oracle.fingerprint(row) in grouped
        }
        in_reach = [row for row in complete if hour(row["event_ts"]) in group_hours]
        self.copies_read = len(arrived) + sum(row not in arrived for row in in_reach)
        self.payments, self.hours = payments_of(again), hours_of(again)
        self.regular = [
            row
            for row in complete
            if row["ingest_ts"] is not None
            and self.watermark - LOOKBACK - timedelta(minutes=15)
            < row["ingest_ts"]
            <= self.watermark
        ]

        self.live = {
            "payments": len(oracle.payments(rows)),
            "fraud_features": len(oracle.fraud_features(rows)),
        }
        slices = {row["ingest_ts"] and hour(row["ingest_ts"]) for row in self.removed}
        self.slices = len(slices)
        self.in_slices = sum(
            (row["ingest_ts"] and hour(row["ingest_ts"])) in slices for row in rows
        )

    def events_read(self, keys: Iterable[Any]) -> int:
        """The deduplicated events that are read to compute these payments, or hours, again."""
        keys = set(keys)
        if all(isinstance(key, tuple) for key in keys):
            hours = {found for _, found in keys}
            return sum(hour(row["event_ts"]) in hours for row in self.events)
        first = min(
            row["event_ts"]
            for row in self.rows
            if row["payment_id"] in keys and oracle.has_complete_key(row)
        )
        return sum(row["event_ts"] >= first for row in self.events)

    def check_figures(self, lines: Sequence[str]) -> None:
        """Copies, amounts, keys."""
        counts = Counter(decision for decision, _ in self.copies)
        by_type = table(lines, "event type")
        assert by_type.pop("all") == [str(counts[name]) for name in ("keep", "remove", "review")]
        types = {row["event_type"] for _, row in self.copies}
        assert set(by_type) == types
        for name in types:
            of_type = Counter(kind for kind, row in self.copies if row["event_type"] == name)
            amount = sum(row["amount_cents"] for row in self.removed if row["event_type"] == name)
            expected = [of_type["keep"], of_type["remove"], of_type["review"], amount]
            assert by_type[name] == ["USD", *map(str, expected)]

        merchants: Counter[str] = Counter()
        for row in self.removed:
            merchants[row["merchant_id"]] += row["amount_cents"]
        found = {name: int(cells[-1]) for name, cells in table(lines, "merchant").items()}
        assert found == dict(merchants.most_common(10))

        assert table(lines, "curated table") == {
            "payments": [str(len(self.payments)), str(self.live["payments"])],
            "fraud_features": [str(len(self.hours)), str(self.live["fraud_features"])],
        }
        assert (
            f"  raw: {len(self.removed)} copies to remove, in {self.slices} hours of arrival"
            in lines
        )

    def steps(self, clones_rows: bool, rewrites: bool) -> dict[str, tuple[int, int]]:
        """Rows read and written by each step."""
        live = sum(self.live.values())
        cloned = live if clones_rows else 0
        found = {
            "clone": (cloned, cloned),
            "candidate payments": (
                self.copies_read + self.events_read(self.payments) + self.live["payments"],
                len(self.payments),
            ),
            "candidate fraud_features": (
                self.copies_read + self.events_read(self.hours) + self.live["fraud_features"],
                len(self.hours),
            ),
            "checks and swap": (
                CHECKED * live + 2 * self.events_read(self.payments) + self.events_read(self.hours),
                0,
            ),
            "raw quarantine": (
                self.in_slices,
                self.in_slices if rewrites else len(self.removed),
            ),
        }
        found["total"] = (
            sum(read for read, _ in found.values()),
            sum(written for _, written in found.values()),
        )
        return found

    def check_share(self, warehouse: Warehouse, lines: Sequence[str]) -> None:
        """The bytes, and the share of a day of the regular job, from rows and widths."""
        whole = width(warehouse, "raw.events", EVENT_COLUMNS, self.watermark)
        narrow = width(
            warehouse,
            "raw.events",
            [name for name in EVENT_COLUMNS if name not in ("event_id", "payload")],
            self.watermark,
        )
        widths = {name: width(warehouse, f"main_analytics.{name}") for name in CURATED}
        searched = {
            name: self.live[name] * width(warehouse, f"main_analytics.{name}", KEYS[name])
            for name in CURATED
        }
        day = [
            row
            for row in self.rows
            if row["ingest_ts"] is not None
            and self.watermark - 24 * HOUR < row["ingest_ts"] <= self.watermark
            and abs(row["ingest_ts"] - row["event_ts"]) <= LOOKBACK
        ]
        new_events = len([row for row in oracle.deduplicated(self.rows).values() if row in day])
        keys = {"payments": payments_of(self.regular), "fraud_features": hours_of(self.regular)}
        events_of_a_run = sum(self.events_read(found) for found in keys.values())
        read = new_events * whole + 96 * (
            narrow * (3 * len(day) * 2.25 / 24 + events_of_a_run) + sum(searched.values())
        )
        written = new_events * whole + 96 * sum(
            len(found) * widths[name] for name, found in keys.items()
        )
        said = next(line for line in lines if line.startswith("  a day of the regular job"))
        found = re.match(rf".*: {len(day)} arrivals to (.*) UTC, (.*) read, (.*) written", said)
        assert found
        assert found[1] == str(self.watermark)
        assert size(found[2]) == pytest.approx(read, rel=0.01)
        assert size(found[3]) == pytest.approx(written, rel=0.01)

        printed = table(lines, "step")
        raw = printed["raw quarantine"]
        assert size(raw[2]) == pytest.approx(self.in_slices * whole, rel=0.02)
        for name, keyed in (("payments", self.payments), ("fraud_features", self.hours)):
            rows_read = self.copies_read + self.events_read(keyed)
            cells = printed[f"candidate {name}"]
            assert size(cells[2]) == pytest.approx(rows_read * narrow + searched[name], rel=0.02)
            assert size(cells[3]) == pytest.approx(len(keyed) * widths[name], rel=0.05)
        checked = (
            sum(3 * self.live[name] * widths[name] + searched[name] for name in CURATED)
            + (2 * self.events_read(self.payments) + self.events_read(self.hours)) * narrow
        )
        assert size(printed["checks and swap"][2]) == pytest.approx(checked, rel=0.02)
        total = size(printed["total"][2]) + size(printed["total"][3])
        share = float(printed["total"][4].rstrip("%")) / 100
        assert share == pytest.approx(total / (read + written), rel=0.02)


def width(
    warehouse: Warehouse,
    relation: str,
    columns: Iterable[str] | None = None,
    watermark: datetime | None = None,
) -> float:
    """The average length of a row as text, of those that arrived in the day before, or of all."""
    names = list(columns or warehouse.read(relation)[0])
    text = " || ".join(f"coalesce(cast({name} as varchar), '')" for name in names)
    bounds = (
        "true"
        if watermark is None
        else f"ingest_ts > '{watermark - 24 * HOUR}' and ingest_ts <= '{watermark}'"
    )
    found = warehouse.query(
        f"select sum(length({text})) as chars, count(*) as n from {relation} where {bounds}"
    )[0]
    return float(found["chars"]) / int(found["n"])


def payments_of(rows: Iterable[Row]) -> set[Any]:
    """The payments of events."""
    return {row["payment_id"] for row in rows}


def hours_of(rows: Iterable[Row]) -> set[tuple[Any, datetime]]:
    """The merchants and hours of events."""
    return {(row["merchant_id"], hour(row["event_ts"])) for row in rows}


@pytest.fixture(scope="module")
def before_repair(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """An incident that is decided and not repaired."""
    made = Warehouse(project, tmp_path_factory.mktemp("before_repair"))
    contaminate(made)
    return made


@pytest.fixture
def contaminated(before_repair: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of that warehouse."""
    return before_repair.copied(tmp_path)


def test_the_plan_says_what_the_rows_say(contaminated: Warehouse) -> None:
    lines = plan(contaminated)
    expected = Expected(contaminated_rows())
    expected.check_figures(lines)
    assert steps(lines) == expected.steps(clones_rows=True, rewrites=False)
    expected.check_share(contaminated, lines)
    assert lines[1] == f"  window  {WINDOW[0]} to {WINDOW[1]} UTC, declared"
    assert lines[2] == f"  scope   {WINDOW[0] - LOOKBACK} to {WINDOW[1] + LOOKBACK} UTC"
    assert lines[-1] == ("Next: dbt run-operation remediation_clone --args '{incident_id: INC-1}'")


def test_on_snowflake_the_plan_says_the_same_but_for_clone_and_delete(
    snowflake_warehouse: SnowflakeWarehouse,
) -> None:
    """A clone shares the storage; a delete writes what stays in its micro-partitions anew."""
    contaminate(snowflake_warehouse)
    lines = plan(snowflake_warehouse)
    expected = Expected(contaminated_rows())
    expected.check_figures(lines)
    assert steps(lines) == expected.steps(clones_rows=False, rewrites=True)
    assert table(lines, "step")["clone"][2:4] == ["0 B", "0 B"]

    # the simulator's catalogue gives no bytes; with them a row is as wide as it says
    told = information_schema_sql("ANALYTICS").replace("null::bigint as", "row_count * 100 as")
    snowflake_warehouse.simulator.account.duck_conn.cursor().execute(told)
    cells = table(plan(snowflake_warehouse), "step")
    assert size(cells["raw quarantine"][2]) == pytest.approx(100 * expected.in_slices, rel=0.02)
    assert size(cells["candidate payments"][3]) == pytest.approx(
        100 * len(expected.payments), rel=0.02
    )


def test_the_keys_of_the_plan_are_those_that_the_candidates_compute_again(
    contaminated: Warehouse,
) -> None:
    """Each row of the clone is marked; what the build leaves unmarked or deletes, it computed."""
    planned = table(plan(contaminated), "curated table")
    contaminated.operate("remediation_clone", INCIDENT)
    assert table(plan(contaminated), "curated table") == planned
    marks = {"payments": "status = 'MARK'", "fraud_features": "chargeback_count = -1"}
    for name, mark in marks.items():
        contaminated.execute(f"update main_analytics.{name}__candidate set {mark}")
    contaminated.dbt("run", "--selector", "remediation", exactly_once__build_candidate=True)
    for name, mark in marks.items():
        found = contaminated.query(
            f"select (select count(*) from main_analytics.{name}) as before, count(*) as after, "
            f"count(case when {mark} then 1 end) as marked from main_analytics.{name}__candidate"
        )[0]
        assert int(planned[name][0]) == found["before"] - found["marked"]
        assert found["after"] <= found["before"]


def test_what_is_next_is_what_the_status_says(contaminated: Warehouse) -> None:
    contaminated.execute("update main_seeds.incident_register set approved_by = null")
    for step in ("seeds/incident_register.csv", "remediation_clone", "--selector remediation"):
        said = plan(contaminated)[-1]
        contaminated.operate("remediation_status", INCIDENT)
        assert said == contaminated.project.logged[-1]
        assert step in said
        if step == "remediation_clone":
            contaminated.operate("remediation_clone", INCIDENT)
        contaminated.execute("update main_seeds.incident_register set approved_by = 'bob'")


def test_the_plan_writes_nothing(contaminated: Warehouse) -> None:
    before = md5(contaminated.path.read_bytes()).hexdigest()
    plan(contaminated, dry_run=True)
    assert md5(contaminated.path.read_bytes()).hexdigest() == before


def test_a_share_above_the_limit_is_refused_with_the_command_that_allows_it(
    contaminated: Warehouse,
) -> None:
    with pytest.raises(DbtError, match=r"of a day of the regular job .* at most 0\.10%") as error:
        plan(contaminated, max_share=0.001)
    assert table(contaminated.project.logged, "step"), "the figures are said before the refusal"
    allowed = re.search(r"max_share: ([\d.]+)}", str(error.value))
    assert allowed
    assert plan(contaminated, max_share=float(allowed[1]))[-1].startswith("Next: ")


def test_a_plan_that_is_let_past_the_limit_is_on_record(contaminated: Warehouse) -> None:
    """One that is below the limit, or refused, decides nothing."""
    plan(contaminated, max_share=0.9)
    before = ledger(contaminated)
    contaminated.execute(
        "insert into main_analytics.payments "
        "select one.* replace ('padding_' || number as payment_id) "
        "from (select * from main_analytics.payments limit 1) as one, range(20000) as n (number)"
    )
    with pytest.raises(DbtError, match=r"at most 20\.00%"):
        plan(contaminated)
    lines = plan(contaminated, max_share=0.9, dry_run=True)
    assert ledger(contaminated) == before
    assert plan(contaminated, max_share=0.9)[-1] == lines[-1]
    entries = ledger(contaminated)
    assert entries[:-2] == before
    begun, written = entries[-2:]
    assert (begun["step"], begun["phase"]) == ("remediation_plan", "begun")
    assert json.loads(begun["arguments"]) == {"max_share": 0.9}
    assert (written["step"], written["phase"]) == ("remediation_plan", "ended")
    said = float(table(lines, "step")["total"][-1].rstrip("%")) / 100
    assert said > 0.2
    assert json.loads(written["counts"]) == {"share": pytest.approx(said, abs=0.0001)}
    assert_recorded(contaminated)


@pytest.mark.parametrize("max_share", [0, -1, 1001, "0.2", True, None])
def test_a_limit_that_is_no_share_is_refused(contaminated: Warehouse, max_share: Any) -> None:
    with pytest.raises(DbtError, match=r"max_share: found .*; accepted: a number above 0"):
        plan(contaminated, max_share=max_share)


def test_another_incident_than_the_decided_one_is_refused(contaminated: Warehouse) -> None:
    with pytest.raises(DbtError, match="the incident that incident_decisions holds: INC-1"):
        plan(contaminated, incident_id="INC-2")


def test_a_window_without_copies_has_nothing_to_repair(contaminated: Warehouse) -> None:
    """The candidates would take in what has arrived, and that is all."""
    quiet = str(NOON + 20 * HOUR), str(NOON + 21 * HOUR)
    contaminated.dbt(
        "run", "--selector", "detection",
        incident_id=INCIDENT, incident_start=quiet[0], incident_end=quiet[1],
    )  # fmt: skip
    lines = plan(contaminated)
    assert table(lines, "event type") == {"all": ["0", "0", "0"]}
    assert steps(lines)["raw quarantine"] == (0, 0)
    assert "  raw: 0 copies to remove, in 0 hours of arrival" in lines
    assert not any(line.startswith("Next") for line in lines)
    assert lines[-1].startswith("Nothing to repair")


def test_without_a_watermark_everything_is_computed_again_and_the_share_is_unknown(
    contaminated: Warehouse,
) -> None:
    """As the build itself would."""
    contaminated.execute(
        "update main_analytics.incremental_watermarks set arrival_watermark = null"
    )
    lines = plan(contaminated)
    found = table(lines, "curated table")
    assert all(keys == of_rows for keys, of_rows in found.values())
    assert table(lines, "step")["total"][-1] == "unknown"
    assert (
        "  a day of the regular job: unknown, for the curated tables have no watermark yet" in lines
    )


def test_what_it_costs_does_not_grow_with_the_history(
    contaminated: Warehouse, tmp_path: Path
) -> None:
    """Law 7: four times the rows, all of long before; more only for what reads curated tables."""
    rows = contaminated_rows()
    long_ago = NOON - 400 * HOUR
    history = [
        event(f"old_{number}", long_ago + number * HOUR, event_ts=long_ago + number * HOUR)
        for number in range(3 * len(rows))
    ]
    grown = Warehouse(contaminated.project, tmp_path / "grown")
    grown.write_events([*history, *steady_events(long_ago)])
    contaminate(grown)
    lines = plan(contaminated, max_share=1000)
    lines_grown = plan(grown, max_share=1000)
    before, after = steps(lines), steps(lines_grown)
    more = {
        name: int(table(lines_grown, "curated table")[name][1])
        - int(table(lines, "curated table")[name][1])
        for name in CURATED
    }
    assert after["clone"][0] - before["clone"][0] == sum(more.values())
    assert after["checks and swap"][0] - before["checks and swap"][0] == CHECKED * sum(
        more.values()
    )
    for name in CURATED:
        step = f"candidate {name}"
        assert after[step] == (before[step][0] + more[name], before[step][1])
    assert after["raw quarantine"] == before["raw quarantine"]
    day = [
        line.split(" UTC")[0]  # the curated tables are larger, and their rows of another length
        for line in (*lines, *lines_grown)
        if line.startswith("  a day of")
    ]
    assert day[0] == day[1]
