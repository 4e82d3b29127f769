"""incident_root_cause names what repeated events have in common, not what only goes along."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from demo.generate import IncidentSettings, generate
from demo.load import load
from demo.render import FAULTY_VERSION
from python_tests.laws import HOUR, NOON, Row, event
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import EVENT_COLUMNS, Project, Warehouse

CAUSES = "main_incident.incident_root_cause"
WINDOW: dict[str, Any] = {
    "incident_id": "INC-1",
    "incident_start": NOON.isoformat(),
    "incident_end": (NOON + HOUR).isoformat(),
}
EVENTS = 1500
USUAL, FAULTY = "3.1.0", "3.2.0"


def planted(payload_of: Any, is_repeated: Any, seed: int = 1) -> Iterator[Row]:
    """Events over an hour: their payloads, and whether they come twice, by two functions."""
    rng = random.Random(seed)
    for number in range(EVENTS):
        moment = NOON + timedelta(seconds=number * 2)
        payload = payload_of(rng)
        row = event(
            f"pay_{number}",
            moment,
            event_ts=moment,
            event_type=rng.choice(["authorized", "captured"]),
            currency=rng.choice(["USD", "EUR"]),
            merchant_id=f"mer_{rng.randrange(40)}",
            payload=json.dumps(payload),
        )
        yield row
        if is_repeated(rng, payload, row):
            yield row


def with_distractor(rng: random.Random) -> dict[str, Any]:
    """The faulty version is mostly, not always, on one channel and one host."""
    is_faulty = rng.random() < 0.3
    return {
        "producer": {"version": FAULTY if is_faulty else USUAL, "host": f"h{rng.randrange(5)}"},
        "channel": "web" if rng.random() < (0.9 if is_faulty else 0.15) else "app",
        "rollout": {"ring": 2 if rng.random() < (0.95 if is_faulty else 0.05) else 1.50},
        "tags": ["a", "b"],
    }


def by_version(rng: random.Random, payload: Any, _row: Row) -> bool:
    """Nearly every event of the faulty version, and now and then another."""
    return rng.random() < (0.95 if payload["producer"]["version"] == FAULTY else 0.01)


def causes(warehouse: Warehouse, rows: Sequence[Row], **settings: Any) -> list[dict[str, Any]]:
    """What the package finds in them, best first."""
    warehouse.write_events(rows)
    warehouse.dbt("seed")
    warehouse.dbt("run", "--select", "+incident_root_cause", **WINDOW, **settings)
    return sorted(warehouse.read(CAUSES), key=lambda row: row["cause_rank"])


@pytest.mark.parametrize("seed", range(3))
def test_the_version_comes_before_what_goes_along_with_it(warehouse: Warehouse, seed: int) -> None:
    found = causes(warehouse, list(planted(with_distractor, by_version, seed)))
    assert found[0]["conditions"] == f"payload.producer.version = {FAULTY}"
    assert found[0]["condition_count"] == 1
    alone = {row["conditions"]: row["association"] for row in found if row["condition_count"] == 1}
    assert alone["payload.rollout.ring = 2"] < found[0]["association"]
    assert alone["payload.channel = web"] < alone["payload.rollout.ring = 2"]


def test_the_numbers_are_those_of_the_rows(warehouse: Warehouse) -> None:
    rows = list(planted(with_distractor, by_version))
    first = causes(warehouse, rows)[0]
    payments = [row["payment_id"] for row in rows]
    repeated = {one for one, other in pairwise(payments) if one == other}
    faulty = {row["payment_id"] for row in rows if FAULTY in row["payload"]}
    both, n = len(repeated & faulty), len(set(payments))
    assert first["sampled_events"] == n
    assert first["sampled_repeated_events"] == len(repeated)
    assert first["matching_events"] == len(faulty)
    assert first["repeated_events"] == both
    assert first["support"] == pytest.approx(both / len(repeated), abs=1e-6)
    assert first["repeat_rate"] == pytest.approx(both / len(faulty), abs=1e-6)
    assert first["lift"] == pytest.approx(both * n / len(faulty) / len(repeated), abs=1e-6)
    phi = (n * both - len(repeated) * len(faulty)) / (
        len(repeated) * (n - len(repeated)) * len(faulty) * (n - len(faulty))
    ) ** 0.5
    assert first["association"] == pytest.approx(phi, abs=1e-6)


def test_a_window_within_a_minute_is_sampled(warehouse: Warehouse) -> None:
    """Its first minute counts among what arrived, of which about 20,000 events are taken."""
    columns = "event_id, payment_id, event_type, amount_cents, currency, event_ts, ingest_ts"
    warehouse.execute(
        f"""
        insert into raw.events ({columns})
        select number, number, if(number < 4000, 'refunded', 'captured'), 1000, 'USD', happened,
            happened
        from (
            select
                number % 40000 as number,
                timestamp '2026-03-01 12:00:10'
                + number % 40000 * interval '1 millisecond' as happened
            from range(44000) as numbers (number)
        )
        """
    )
    warehouse.dbt("seed")
    warehouse.dbt(
        "run",
        "--select",
        "+incident_root_cause",
        incident_id="INC-1",
        incident_start="2026-03-01 12:00:10",
        incident_end="2026-03-01 12:00:50",
    )
    sampled = {row["sampled_events"] for row in warehouse.read(CAUSES)}
    assert len(sampled) == 1
    assert abs(sampled.pop() - 40_000 * 20_000 / 44_000) < 1000


def test_other_columns_of_the_source_are_suspects(project: Project, tmp_path: Path) -> None:
    """A producer that is a column, not a path of the payload; what numbers the rows is none."""
    rng = random.Random(3)
    once = planted(lambda _: {}, lambda *_: False)
    rows: list[Row] = [
        {**row, "producer": rng.choice("ab"), "batch_number": number // 100, "is_replay": False}
        for number, row in enumerate(once)
    ]
    copies = [row for row in rows if row["producer"] == "b" and rng.random() < 0.9]
    others = {"producer": "varchar", "batch_number": "integer", "is_replay": "boolean"}
    found = causes(Warehouse(project, tmp_path, columns=EVENT_COLUMNS | others), rows + copies)
    assert found[0]["conditions"] == "producer = b"
    assert found[0]["association"] > 0.8


def test_the_smallest_combination_that_explains_the_copies_comes_first(
    warehouse: Warehouse,
) -> None:
    """The faulty version repeats captures of one channel only."""

    def repeats(rng: random.Random, payload: Any, row: Row) -> bool:
        return (
            by_version(rng, payload, row)
            and row["event_type"] == "captured"
            and payload["channel"] == "web"
        )

    def payload(rng: random.Random) -> dict[str, Any]:
        return {
            "producer": {"version": rng.choice([FAULTY, USUAL])},
            "channel": rng.choice(["web", "app"]),
        }

    found = causes(warehouse, list(planted(payload, repeats)))
    assert found[0]["condition_count"] == 3
    assert set(found[0]["conditions"].split(" and ")) == {
        f"payload.producer.version = {FAULTY}",
        "event_type = captured",
        "payload.channel = web",
    }


def with_libraries(rng: random.Random) -> dict[str, Any]:
    """More fields that go along with the faulty version than are extended by others."""
    is_faulty = rng.random() < 0.3
    libraries = {
        f"lib_{number}": "2" if is_faulty == (rng.random() < 0.97) else "1" for number in range(14)
    }
    version = FAULTY if is_faulty else USUAL
    return {"producer": {"version": version}, "channel": rng.choice(["web", "app"]), **libraries}


def test_a_pair_is_named_among_fields_that_go_along_with_one_of_them(warehouse: Warehouse) -> None:
    rows = planted(with_libraries, lambda *of: of[1]["channel"] == "web" and by_version(*of))
    first, *others = causes(warehouse, list(rows))
    assert set(first["conditions"].split(" and ")) == {
        f"payload.producer.version = {FAULTY}",
        "payload.channel = web",
    }
    assert first["association"] > 0.9
    assert all(other["association"] < first["association"] for other in others)


def test_a_triple_is_named_among_fields_that_go_along_with_one_of_them_on_both_engines(
    warehouse: Warehouse, snowflake_warehouse: SnowflakeWarehouse
) -> None:
    def repeats(rng: random.Random, payload: Any, row: Row) -> bool:
        is_planted = payload["channel"] == "web" and row["event_type"] == "captured"
        return is_planted and by_version(rng, payload, row)

    rows = list(planted(with_libraries, repeats))
    found = causes(warehouse, rows)
    assert set(found[0]["conditions"].split(" and ")) == {
        f"payload.producer.version = {FAULTY}",
        "payload.channel = web",
        "event_type = captured",
    }
    assert causes(snowflake_warehouse, rows) == found


def sent_again(rows: Sequence[Row], version: str) -> list[Row]:
    """The same; copies, which follow their events, come from this version, with marks of theirs."""
    found: list[Row] = []
    for before, row in pairwise([{}, *rows]):
        payload, copy = json.loads(row["payload"]), {"batch": "first", "attempt": 1}
        if before.get("event_id") == row["event_id"]:
            payload["producer"]["version"] = version
            payload["delivery"] = {"attempt": 2}
            copy = {
                **{"batch": "replay", "attempt": 2, "event_id": f"again {row['event_id']}"},
                "ingest_ts": row["ingest_ts"] + timedelta(minutes=90),
            }
        found.append({**row, "payload": json.dumps(payload), **copy})
    return found


MARKS = {"batch": "varchar", "attempt": "integer"}


def test_what_only_the_copies_carry_is_named_on_both_engines(
    new_warehouse: Any, new_snowflake_warehouse: Any
) -> None:
    """Where nothing else explains them; not what is volatile."""

    def usual(rng: random.Random) -> dict[str, Any]:
        version = FAULTY if rng.random() < 0.02 else USUAL
        return {"producer": {"version": version}, "delivery": {"attempt": 1}}

    rows = sent_again(list(planted(usual, lambda rng, *_: rng.random() < 0.3)), FAULTY)
    found = causes(new_warehouse(columns=EVENT_COLUMNS | MARKS), rows)
    assert [row["conditions"] for row in found[:3]] == [
        "copies only: attempt = 2",
        "copies only: batch = replay",
        f"copies only: payload.producer.version = {FAULTY}",
    ]
    assert [row["association"] for row in found[:2]] == [1, 1]
    assert 0.9 < found[2]["association"] < 1
    assert not [row for row in found if "delivery" in row["conditions"]]
    assert causes(new_snowflake_warehouse(columns=EVENT_COLUMNS | MARKS), rows) == found


def test_a_mark_of_sending_again_is_not_taken_for_the_cause(new_warehouse: Any) -> None:
    rows = sent_again(list(planted(with_distractor, by_version)), FAULTY)
    first, *others = causes(new_warehouse(columns=EVENT_COLUMNS | MARKS), rows)
    assert first["conditions"] == f"payload.producer.version = {FAULTY}"
    marks = [row for row in others if row["conditions"].startswith("copies only: ")]
    assert {"copies only: attempt = 2", "copies only: batch = replay"} <= {
        row["conditions"] for row in marks
    }
    assert max(row["association"] for row in marks) > first["association"]


def test_copies_without_a_cause_have_none_of_weight(warehouse: Warehouse) -> None:
    found = causes(warehouse, list(planted(with_distractor, lambda rng, *_: rng.random() < 0.1)))
    assert all(abs(row["association"]) < 0.15 for row in found)


def test_paths_of_more_names_are_left_out(warehouse: Warehouse) -> None:
    rows = list(planted(with_distractor, by_version))
    found = causes(warehouse, rows, exactly_once__cause_path_names=1)
    assert not [row for row in found if "producer" in row["conditions"]]
    assert found[0]["conditions"] == "payload.channel = web"


def test_a_payload_that_is_no_json_and_a_source_without_one(
    warehouse: Warehouse, new_warehouse: Any
) -> None:
    rows = [dict(row, payload="{broken") for row in planted(with_distractor, by_version)]
    text = new_warehouse("text", columns=warehouse.columns | {"payload": "varchar"})
    assert all("payload" not in row["conditions"] for row in causes(text, rows))
    settings = {"exactly_once__payload_column": None}
    assert causes(
        new_warehouse("none", settings=settings), [dict(row, payload="{}") for row in rows]
    )


def without_key(rng: random.Random) -> dict[str, Any]:
    """A faulty producer leaves a field out; some have the word for it as their value."""
    key = rng.choice(["missing", f"k{rng.random()}"])
    return {"channel": rng.choice("ab")} | ({} if rng.random() < 0.3 else {"key": key})


def test_what_is_missing_is_named_on_both_engines(
    new_warehouse: Any, new_snowflake_warehouse: Any
) -> None:
    """A path that the payload lacks, or has as null, and a column without a value."""

    def repeats(rng: random.Random, payload: Any, _row: Row) -> bool:
        return rng.random() < (0.01 if "key" in payload else 0.95)

    rows: list[Row] = [
        {**row, "region": None if "key" not in row["payload"] else "eu"}
        for row in planted(without_key, repeats)
    ]
    rows = [
        dict(row, payload=row["payload"].replace("}", ', "key": null}'))
        if number % 2 and "key" not in row["payload"]
        else row
        for number, row in enumerate(rows)
    ]
    columns = EVENT_COLUMNS | {"region": "varchar"}
    found = causes(new_warehouse(columns=columns), rows)
    assert found[0]["association"] > 0.9
    assert [row["conditions"] for row in found[:2]] == [
        "payload.key is missing",
        "region is missing",
    ]
    assert not [
        row for row in found[2:] if row["condition_count"] == 1 and row["association"] > 0.3
    ]
    assert causes(new_snowflake_warehouse(columns=columns), rows) == found


def nasty(rng: random.Random) -> str:
    """A payload with names in need of quotes, and with keys that come twice."""
    names = ["a.b", "a", "b", "a b", "", "[0]", "x-y", "é", "it's"]

    def written(levels: int) -> str:
        if not levels or rng.random() < 0.3:
            return rng.choice(
                ["1", "1.0", '"1"', "null", "[1, 1]", "{}", "true", '"' + "x" * 101 + '"']
            )
        members = (f"{json.dumps(rng.choice(names))}: {written(levels - 1)}" for _ in range(4))
        return "{" + ", ".join(members) + "}"

    return written(3)


def test_no_payload_counts_an_event_twice(new_warehouse: Any) -> None:
    rng = random.Random(5)
    once = list(planted(lambda _: {}, lambda *_: False))
    payloads = [nasty(rng) for _ in range(30)]
    rows = [dict(row, payload=rng.choice(payloads)) for row in once]
    copies = [row for row in rows if row["payload"] in payloads[:10]]
    text = EVENT_COLUMNS | {"payload": "varchar"}
    found = causes(new_warehouse(columns=text), rows + copies)
    assert len(found) > 10
    for row in found:
        assert 0 <= row["support"] <= 1, row
        assert 0 <= row["repeat_rate"] <= 1, row
        assert 0 < row["association"] <= 1, row


def test_a_name_with_a_point_is_no_path_on_both_engines(
    new_warehouse: Any, new_snowflake_warehouse: Any
) -> None:
    def payload(rng: random.Random) -> dict[str, Any]:
        is_faulty = rng.random() < 0.3
        return {"a.b": 2 if is_faulty else 1, "a": {"b": rng.choice([1, 2]), "x-y": 1, "é": 1}}

    rows = list(
        planted(payload, lambda rng, payload, _: payload["a.b"] == 2 and rng.random() < 0.9)
    )
    found = causes(new_warehouse(), rows)
    assert found[0]["conditions"] == 'payload."a.b" = 2'
    assert causes(new_snowflake_warehouse(), rows) == found


def test_both_engines_find_the_same(
    new_warehouse: Any, new_snowflake_warehouse: Callable[..., SnowflakeWarehouse]
) -> None:
    """Also in columns of numbers, of which the whole ones are suspects."""
    numbers = {"kafka_partition": "integer", "shard": "decimal(9, 0)", "fee": "decimal(9, 2)"}
    columns = EVENT_COLUMNS | numbers
    rows = [
        dict(row, kafka_partition=place, shard=place, fee=place)
        for row in planted(with_distractor, by_version)
        for place in [3 if FAULTY in row["payload"] else 1]
    ]
    on_duckdb = causes(new_warehouse(columns=columns), rows)
    assert causes(new_snowflake_warehouse(columns=columns), rows) == on_duckdb
    named = {row["conditions"] for row in on_duckdb if row["condition_count"] == 1}
    assert named >= {"kafka_partition = 3", "shard = 3", "payload.channel = web"}
    assert not [name for name in named if name.startswith("fee")]


@pytest.mark.parametrize("distractor_share", [0.0, 0.9])
def test_the_generated_day_names_the_version_that_was_planted(
    warehouse: Warehouse, tmp_path: Path, distractor_share: float
) -> None:
    """Also where nearly all of its events, and few others, come through one channel."""
    settings = IncidentSettings(events=20_000, seed=3, distractor_share=distractor_share)
    load(warehouse.path, generate(settings, tmp_path / "day").bronze)
    warehouse.dbt("seed")
    warehouse.dbt("run", "--select", "+incident_root_cause")
    found = sorted(warehouse.read(CAUSES), key=lambda row: row["cause_rank"])
    assert found[0]["conditions"] == f"payload.producer.version = {FAULTY_VERSION}"
    goes_along = [row for row in found if row["conditions"] == "payload.channel = api"]
    assert bool(goes_along) == (distractor_share > 0)
    assert all(0.3 < row["association"] < found[0]["association"] for row in goes_along)
