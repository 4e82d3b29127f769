"""The demo's data holds what it promises, its ground truth is true, and it loads once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from demo import generate as generate_module
from demo import load as load_module
from demo.generate import IncidentSettings, IncidentTruth, generate, write_originals_only
from demo.load import LoadError, load
from demo.traits import TRAITS

KEY = ("payment_id", "event_type", "amount_cents", "currency", "event_ts")
COLUMNS = (
    "event_id",
    "payment_id",
    "merchant_id",
    "event_type",
    "amount_cents",
    "currency",
    "event_ts",
    "ingest_ts",
    "payload",
)
SETTINGS = IncidentSettings(events=5000, seed=11)
TIMES = {
    "incident_start": SETTINGS.incident_start,
    "incident_end": SETTINGS.incident_end,
    "day_end": SETTINGS.end,
}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> IncidentTruth:
    """A generated day."""
    return generate(SETTINGS, tmp_path_factory.mktemp("day"))


@pytest.fixture(scope="module")
def rows(day: IncidentTruth) -> duckdb.DuckDBPyConnection:
    """Tables `bronze`, `truth`, `labelled` (both joined), `pairs` (of copy and original)."""
    connection = duckdb.connect()
    _read_day(connection, day)
    return connection


def _read_day(connection: duckdb.DuckDBPyConnection, day: IncidentTruth) -> None:
    connection.execute(
        """
        create table bronze as
        select * exclude (filename), filename[length(?) + 2:] as file
        from read_parquet(?, filename = true, file_row_number = true, hive_partitioning = false)
        """,
        [str(day.bronze), str(day.bronze / "*" / "*.parquet")],
    )
    connection.execute(
        "create table truth as from read_parquet(?)", [str(day.truth / "rows.parquet")]
    )
    connection.execute(
        """
        create table labelled as
        select *, payload::json as content from bronze join truth using (file, file_row_number)
        """
    )
    connection.execute(
        """
        create table pairs as
        select copies as c, originals as o
        from labelled as copies join labelled as originals using (true_event_number)
        where copies.is_copy and not originals.is_copy
        """
    )


def _value(rows: duckdb.DuckDBPyConnection, query: str) -> object:
    """Return the one value of a query, which may name the times of `TIMES` as $name."""
    used = {name: moment for name, moment in TIMES.items() if "$" + name in query}
    found = rows.execute(query, used).fetchone()
    assert found is not None
    return found[0]


# What a label claims, as a condition on the labelled row itself.
ROW_LABELS = {
    "late": "arrived_at > emitted_at + interval 60 second "
    "and arrived_at <= emitted_at + interval 2 hour",
    "straggler": "arrived_at > emitted_at + interval 2 hour",
    "before_window": "emitted_at >= $incident_start and emitted_at < $incident_end "
    "and arrived_at < $incident_start",
    "after_window": "emitted_at >= $incident_start and emitted_at < $incident_end "
    "and arrived_at >= $incident_end",
    "clock_ahead": "ingest_ts < event_ts",
    "no_op": "(content->'op') is null",
    "null_payment_id": "payment_id is null",
    "null_event_type": "event_type is null",
    "null_amount_cents": "amount_cents is null",
    "null_currency": "currency is null",
    "null_event_ts": "event_ts is null",
    "null_event_id": "event_id is null",
    "null_ingest_ts": "ingest_ts is null",
    "future_event_ts": "year(event_ts) = 2031",
    "future_ingest_ts": "year(ingest_ts) = 2031",
    "near_future_event_ts": "event_ts > $day_end and event_ts < $day_end + interval 7 day",
    "near_future_ingest_ts": "ingest_ts > arrived_at + interval 1 day "
    "and ingest_ts < $day_end + interval 7 day",
    "unicode": "strlen(coalesce(payment_id, '') || event_id) "
    "> length(coalesce(payment_id, '') || event_id)",
    "empty_string": "payment_id = '' or event_id = ''",
    "tilde": "payment_id = '~' or event_id = '~'",
    "planted": "payload like '%planted%' or payload like '%| : , ~%'",
    "json_escapes": "contains(payload, '\\u')",
}

SAME_KEY = " and ".join(f"c.{column} is not distinct from o.{column}" for column in KEY)
SAME_ROW = " and ".join(f"c.{column} is not distinct from o.{column}" for column in COLUMNS)
INCOMPLETE = " or ".join(f"c.{column} is null" for column in KEY)
WITHOUT_DELIVERY = """regexp_replace({row}.payload, '"delivery":[{{][^}}]*[}}]', '')"""

# What a label claims, as a condition on a copy (c) and its original (o).
PAIR_LABELS = {
    "shared_event_id": "c.event_id = o.event_id",
    "fresh_event_id": "c.event_id is distinct from o.event_id and c.event_id is not null",
    "copy_before_original": "c.arrived_at < o.arrived_at",
    "arrival_tie": "c.ingest_ts = o.ingest_ts and c.event_id is distinct from o.event_id",
    "byte_identical": SAME_ROW,
    "volatile_only": "c.payload <> o.payload and "
    f"{WITHOUT_DELIVERY.format(row='c')} = {WITHOUT_DELIVERY.format(row='o')}",
    "unprovable": f"({INCOMPLETE}) and (c.event_id = o.event_id) is not true and not ({SAME_ROW})",
}


def _both(conditions: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(conditions.items())


@pytest.mark.parametrize("label", sorted(TRAITS))
def test_every_situation_is_present(day: IncidentTruth, label: str) -> None:
    assert day.traits.get(label, 0) > 0


@pytest.mark.parametrize(("label", "condition"), _both(ROW_LABELS))
def test_labelled_rows_are_what_the_label_says(
    rows: duckdb.DuckDBPyConnection, label: str, condition: str
) -> None:
    query = f"select count(*) from labelled where list_contains(traits, '{label}')"
    assert _value(rows, query) == _value(rows, f"{query} and ({condition})") != 0


@pytest.mark.parametrize(("label", "condition"), _both(PAIR_LABELS))
def test_labelled_copies_are_what_the_label_says(
    rows: duckdb.DuckDBPyConnection, label: str, condition: str
) -> None:
    query = f"select count(*) from pairs where list_contains(c.traits, '{label}')"
    assert _value(rows, query) == _value(rows, f"{query} and ({condition})") != 0


# Labels of which no row that deserves them may lack them.
COMPLETE_ROW_LABELS = [
    label
    for label in ROW_LABELS
    if label.startswith(("null", "future")) or label in ("late", "straggler", "no_op")
]


@pytest.mark.parametrize("label", COMPLETE_ROW_LABELS)
def test_no_row_lacks_a_label(rows: duckdb.DuckDBPyConnection, label: str) -> None:
    query = f"select count(*) from labelled where not list_contains(traits, '{label}')"
    assert _value(rows, f"{query} and ({ROW_LABELS[label]})") == 0


@pytest.mark.parametrize("label", sorted(PAIR_LABELS))
def test_no_copy_lacks_a_label(rows: duckdb.DuckDBPyConnection, label: str) -> None:
    query = f"select count(*) from pairs where not list_contains(c.traits, '{label}')"
    assert _value(rows, f"{query} and ({PAIR_LABELS[label]})") == 0


SITUATIONS_AT_ANY_TIME = [
    "late",
    "straggler",
    "shared_event_id",
    "fresh_event_id",
    "copy_before_original",
    "arrival_tie",
    "byte_identical",
    "key_order",
    "number_format",
    "equal_business_key",
    "unicode",
    "separator",
    "lookalike",
    "unprovable",
    "null_event_id",
    "null_ingest_ts",
    "future_event_ts",
    "future_ingest_ts",
    "near_future_event_ts",
    "near_future_ingest_ts",
    *(f"null_{column}" for column in KEY),
]


@pytest.mark.parametrize("label", SITUATIONS_AT_ANY_TIME)
def test_situation_occurs_inside_and_outside_the_incident(
    rows: duckdb.DuckDBPyConnection, label: str
) -> None:
    query = f"""
        select count(distinct emitted_at between $incident_start and $incident_end)
        from labelled where list_contains(traits, '{label}')
    """
    assert _value(rows, query) == 2


def test_every_bronze_row_has_one_true_row(
    rows: duckdb.DuckDBPyConnection, day: IncidentTruth
) -> None:
    counts = [_value(rows, f"select count(*) from {name}") for name in ("bronze", "truth")]
    assert counts == [day.counts["physical_rows"]] * 2
    assert _value(rows, "select count(*) from labelled") == counts[0]
    assert _value(rows, "select count(distinct (file, file_row_number)) from truth") == counts[0]


def test_every_event_has_exactly_one_original(
    rows: duckdb.DuckDBPyConnection, day: IncidentTruth
) -> None:
    query = """
        select count(*) from (
            select count_if(not is_copy) as originals from truth group by true_event_number
        ) where originals = 1
    """
    assert _value(rows, query) == day.counts["logical_events"]
    assert _value(rows, "select count(*) from truth where is_copy <> (kind <> 'original')") == 0


def test_copies_agree_with_their_original_on_the_key(rows: duckdb.DuckDBPyConnection) -> None:
    assert _value(rows, f"select count(*) from pairs where not ({SAME_KEY})") == 0


def test_copies_agree_with_their_original_on_op_and_amount(
    rows: duckdb.DuckDBPyConnection,
) -> None:
    same = """
        (c.content->>'$.op.id') is not distinct from (o.content->>'$.op.id')
        and (c.content->>'amount')::double is not distinct from (o.content->>'amount')::double
    """
    assert _value(rows, f"select count(*) from pairs where not ({same})") == 0


def test_op_id_names_one_event(rows: duckdb.DuckDBPyConnection) -> None:
    query = """
        select count(*) from (
            select (content->>'$.op.id') as op from labelled where op is not null
            group by op having count(distinct true_event_number) > 1
        )
    """
    assert _value(rows, query) == 0


def test_complete_key_with_op_id_names_one_event(rows: duckdb.DuckDBPyConnection) -> None:
    key = ", ".join(KEY)
    complete = " and ".join(f"{column} is not null" for column in KEY)
    shared = f"""
        select unnest(list(distinct true_event_number)) as number from labelled
        where {complete} group by {key} %s having count(distinct true_event_number) > 1
    """
    assert _value(rows, f"select count(*) from ({shared % ', (content->>$$$.op.id$$)'})") == 0
    # Without op.id exactly the labelled twins share a key.
    twins = "select distinct true_event_number from truth where traits::text like '%equal_busi%'"
    difference = f"select count(*) from ((select number from ({shared % ''})) except ({twins}))"
    assert _value(rows, difference) == 0
    assert _value(rows, f"select count(*) from (({twins}) except ({shared % ''}))") == 0


def test_event_id_names_one_event_and_fresh_ones_one_row(
    rows: duckdb.DuckDBPyConnection,
) -> None:
    names_two = """
        select count(*) from (
            select event_id from labelled where event_id is not null
            group by event_id having count(distinct true_event_number) > 1
        )
    """
    assert _value(rows, names_two) == 0
    fresh = "from labelled where list_contains(traits, 'fresh_event_id')"
    assert _value(rows, f"select count(*) - count(distinct event_id) {fresh}") == 0


def test_bulk_keys_name_one_event_at_any_rate(tmp_path: Path) -> None:
    rates = {"twin_rate": 0.4, "no_op_rate": 0.5, "incomplete_key_rate": 0.1, "stray_rate": 0.3}
    day = generate(IncidentSettings(events=3000, planted=False, **rates), tmp_path)  # type: ignore[arg-type]
    key = ", ".join(KEY) + ", content->>'$.op.id'"
    complete = " and ".join(f"{column} is not null" for column in KEY)
    with duckdb.connect() as connection:
        _read_day(connection, day)
        shared = f"""
            select count(*) from (
                select 1 from labelled where {complete}
                group by {key} having count(distinct true_event_number) > 1
            )
        """
        assert _value(connection, shared) == 0
        assert _value(connection, f"select count(*) from pairs where not ({SAME_KEY})") == 0


def test_twins_have_copies_sometimes(rows: duckdb.DuckDBPyConnection) -> None:
    query = "select count(*) from truth where list_contains(traits, 'equal_business_key') and "
    assert _value(rows, query + "is_copy") != 0


def test_copies_with_another_key_order_hold_the_same_content(
    rows: duckdb.DuckDBPyConnection,
) -> None:
    for label in ("key_order", "number_format", "json_escapes"):
        found = rows.execute(
            "select c.payload, o.payload from pairs where list_contains(c.traits, ?)", [label]
        ).fetchall()
        for copy, original in found:
            mine, theirs = json.loads(copy), json.loads(original)
            mine.pop("delivery"), theirs.pop("delivery")
            assert copy != original
            assert mine == theirs
            if label == "key_order":
                assert json.dumps(mine) != json.dumps(theirs)
            if label == "number_format":
                exact_amount = [
                    json.loads(text, parse_float=str, parse_int=str)["amount"]
                    for text in (copy, original)
                ]
                assert exact_amount[0] != exact_amount[1]


def test_separators_make_careless_joins_equal(rows: duckdb.DuckDBPyConnection) -> None:
    labelled = "labelled where list_contains(traits, 'separator') and not is_copy"
    for separator in ("|", ":", ",", "~", '"', "\n", "-"):
        rows.execute("set variable separator = ?", [separator])
        ids = "concat_ws(getvariable('separator'), payment_id, merchant_id)"
        key = "concat_ws(getvariable('separator'), payment_id, event_type, amount_cents, event_ts)"
        for joined in (ids, key):
            collisions = f"select {joined} as j from {labelled} group by j having count(*) > 1"
            assert _value(rows, f"select count(*) from ({collisions})") != 0


def test_lookalikes_differ_only_in_ids(rows: duckdb.DuckDBPyConnection) -> None:
    query = """
        select count(*) from (
            select event_ts, count(distinct (payment_id, merchant_id, event_type)) as events
            from labelled where list_contains(traits, 'lookalike') and not is_copy
            group by event_ts, amount_cents, currency
        ) where events < 2
    """
    assert _value(rows, query) == 0


def test_lookback_edges_are_met_to_the_microsecond(rows: duckdb.DuckDBPyConnection) -> None:
    query = """
        select list(distinct epoch_us(ingest_ts) - epoch_us(event_ts) - 7200000000)
        from labelled where list_contains(traits, 'lookback_edge') and is_copy
    """
    assert {-1, 0, 1} <= set(_value(rows, query))  # type: ignore[call-overload]


def test_window_edges_are_met_to_the_microsecond(rows: duckdb.DuckDBPyConnection) -> None:
    query = """
        select list(distinct least(
            abs(epoch_us(emitted_at) - epoch_us($incident_start::timestamp)),
            abs(epoch_us(emitted_at) - epoch_us($incident_end::timestamp))
        )) from labelled where list_contains(traits, 'window_edge')
    """
    distances = _value(rows, query)
    assert isinstance(distances, list)
    assert {0, 1} <= set(distances)
    assert max(distances) <= 60_000_000
    at_the_end = "select max(is_copy) from labelled where emitted_at = $incident_end"
    assert _value(rows, at_the_end) is False


def test_incident_is_one_version_inside_the_window(rows: duckdb.DuckDBPyConnection) -> None:
    inside = "emitted_at >= $incident_start and emitted_at < $incident_end"
    faulty = "(content->>'$.producer.version') = '4.2.0'"
    assert _value(rows, f"select count(*) from labelled where {faulty} and not ({inside})") == 0
    copies = "select count(*) from labelled where kind = 'incident_copy'"
    assert _value(rows, f"{copies} and not ({faulty})") == 0
    query = f"""
        select list(distinct copies order by copies) from (
            select count(*) as copies from labelled where {faulty} group by true_event_number
        )
    """
    assert _value(rows, query) == [2, 3, 4, 5]
    hosts = f"""
        select count(*) from (
            select (content->>'$.producer.host') as host from labelled where {inside}
            group by host having count(distinct (content->>'$.producer.version')) > 1
        )
    """
    assert _value(rows, hosts) == 0


def test_shares_are_as_configured(rows: duckdb.DuckDBPyConnection) -> None:
    bulk = "labelled where not list_contains(traits, 'planted') and not is_copy"
    inside = "emitted_at >= $incident_start and emitted_at < $incident_end"

    def share(condition: str, among: str = "true") -> float:
        found = _value(rows, f"select avg(({condition})::int) from {bulk} and ({among})")
        assert isinstance(found, float)
        return found

    assert share("(content->>'$.producer.version') = '4.2.0'", inside) == pytest.approx(
        0.3, abs=0.05
    )
    assert share("list_contains(traits, 'late')") == pytest.approx(0.01, abs=0.006)
    authorized = share("event_type = 'authorized'")
    assert share("event_type = 'captured'") / authorized == pytest.approx(0.9, abs=0.08)
    assert share("event_type = 'refunded'") / authorized == pytest.approx(0.05, abs=0.025)
    assert 0 < share("event_type = 'chargeback'") / authorized < 0.02
    copies = "pairs where not list_contains(c.traits, 'planted')"
    fresh = _value(rows, f"select avg((c.event_id <> o.event_id)::int) from {copies}")
    assert fresh == pytest.approx(0.5, abs=0.1)
    near = "abs(epoch(c.arrived_at) - epoch(o.arrived_at)) < 60"
    assert _value(rows, f"select avg(({near})::int) from {copies}") > 0.9  # type: ignore[operator]


def test_size_and_traffic_are_as_configured(
    rows: duckdb.DuckDBPyConnection, day: IncidentTruth
) -> None:
    assert day.counts["logical_events"] == pytest.approx(SETTINGS.events, rel=0.1)
    by_hour = """
        select count(*) from labelled where not is_copy and hour(emitted_at) = {hour}
        and not list_contains(traits, 'planted')
    """
    busy, quiet = (_value(rows, by_hour.format(hour=hour)) for hour in (15, 3))
    assert isinstance(busy, int)
    assert isinstance(quiet, int)
    assert busy > 2 * quiet
    top = """
        select max(n) / sum(n) from (select count(*) as n from labelled group by merchant_id)
    """
    assert _value(rows, top) > 0.05  # type: ignore[operator]
    currencies = "select list(distinct currency order by currency) from labelled"
    assert _value(rows, currencies + " where currency is not null") == ["EUR", "GBP", "JPY", "USD"]
    types = "select list(distinct event_type order by event_type) from labelled"
    expected = ["authorized", "captured", "chargeback", "refunded"]
    assert _value(rows, types + " where event_type is not null") == expected
    several = """
        select count(*) from (
            select 1 from labelled group by merchant_id having count(distinct currency) > 1
        )
    """
    assert _value(rows, several) == 0


def test_strays_occur_all_day(tmp_path: Path) -> None:
    day = generate(IncidentSettings(events=5000, stray_rate=0.05, planted=False), tmp_path)
    query = """
        select count(distinct hour(emitted_at)), count(*) from read_parquet(?)
        where kind = 'stray_copy'
    """
    path = str(day.truth / "rows.parquet")
    hours, strays = duckdb.connect().execute(query, [path]).fetchall()[0]
    assert hours > 20
    assert strays == pytest.approx(0.05 * 5000 * 0.93, rel=0.25)


def test_rows_lie_in_the_hour_in_which_they_arrived(rows: duckdb.DuckDBPyConnection) -> None:
    folder = "strftime(arrived_at, 'arrival_hour=%Y-%m-%dT%H/')"
    assert _value(rows, f"select count(*) from labelled where not starts_with(file, {folder})") == 0
    usual = "ingest_ts is null or ingest_ts = arrived_at or traits::text like '%future_ingest_ts%'"
    assert _value(rows, f"select count(*) from labelled where not ({usual})") == 0
    delay = "select max(arrived_at) < $day_end + interval 31 hour from labelled"
    assert _value(rows, delay) is True


def test_payloads_are_json_of_a_realistic_size(rows: duckdb.DuckDBPyConnection) -> None:
    assert 300 < _value(rows, "select avg(strlen(payload)) from bronze") < 500  # type: ignore[operator]
    members = "select count(*) from labelled where (content->>'$.delivery.trace_id') is null"
    assert _value(rows, members) == 0


@pytest.mark.parametrize("events", [200, 1000])
def test_small_days_hold_every_situation(tmp_path: Path, events: int) -> None:
    day = generate(IncidentSettings(events=events, seed=3), tmp_path)
    assert set(TRAITS) <= set(day.traits)


def test_equal_settings_give_equal_rows(day: IncidentTruth, tmp_path: Path) -> None:
    again = generate(SETTINGS, tmp_path / "again")
    other = generate(replace(SETTINGS, seed=12), tmp_path / "other")
    for name in ("bronze", "truth"):
        files = sorted(path.relative_to(day.bronze.parent) for path in _files(day, name))
        assert files == sorted(
            path.relative_to(again.bronze.parent) for path in _files(again, name)
        )
        for file in files:
            mine, theirs = (pq.ParquetFile(made.bronze.parent / file) for made in (day, again))
            assert mine.read().equals(theirs.read())
    assert again.counts == day.counts
    assert other.traits != day.traits


def _files(day: IncidentTruth, name: str) -> list[Path]:
    return list((day.bronze.parent / name).glob("**/*.parquet"))


def test_small_chunks_keep_truth_and_conservation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate_module, "CHUNK_ROWS", 100)
    day = generate(
        IncidentSettings(
            events=3000, hours=6, incident_start=datetime(2026, 3, 1, 2), incident_hours=1.5
        ),
        tmp_path,
    )
    with duckdb.connect() as connection:
        _read_day(connection, day)
        wrong = f"select count(*) from pairs where not ({SAME_KEY})"
        folder = "strftime(arrived_at, 'arrival_hour=%Y-%m-%dT%H/')"
        assert _value(connection, wrong) == 0
        assert _value(connection, "select count(*) from labelled") == day.counts["physical_rows"]
        assert day.counts["files"] > 60
        misplaced = f"select count(*) from labelled where not starts_with(file, {folder})"
        assert _value(connection, misplaced) == 0


def test_incident_json_says_what_was_made(day: IncidentTruth) -> None:
    content = json.loads((day.truth / "incident.json").read_text(encoding="utf-8"))
    assert content["incident_start"] == "2026-03-01T10:00:00"
    assert content["incident_end"] == "2026-03-01T14:00:00"
    assert content["seed"] == SETTINGS.seed
    assert content["counts"] == day.counts
    assert content["settings"]["events"] == SETTINGS.events


def test_originals_only_holds_each_event_once(
    rows: duckdb.DuckDBPyConnection, day: IncidentTruth, tmp_path: Path
) -> None:
    written = write_originals_only(day.bronze.parent, tmp_path / "clean")
    assert written == day.counts["logical_events"]
    rows.execute(
        "create or replace table clean as from read_parquet(?, hive_partitioning = false)",
        [str(tmp_path / "clean" / "*" / "*.parquet")],
    )
    columns = ", ".join(COLUMNS)
    originals = f"select {columns} from labelled where not is_copy"
    for one, other in ((originals, "from clean"), ("from clean", originals)):
        assert _value(rows, f"select count(*) from (({one}) except all ({other}))") == 0


def test_a_quiet_day_has_no_copies(tmp_path: Path) -> None:
    day = generate(
        IncidentSettings(events=1000, incident_share=0, stray_rate=0, planted=False), tmp_path
    )
    assert day.counts["physical_rows"] == day.counts["logical_events"]


@pytest.mark.parametrize(
    ("field", "value", "accepted"),
    [
        ("events", 0, "1 to"),
        ("stray_rate", 1.5, "a share from 0 to 1"),
        ("incident_share", -0.1, "a share from 0 to 1"),
        ("incident_start", datetime(2026, 3, 2, 1), "inside the day"),
        ("incident_start", datetime(2026, 2, 28), "inside the day"),
        ("incident_hours", 15.0, "at most 14"),
        ("incident_hours", 0.0, "more than 0"),
        ("start", datetime(2026, 3, 1, 0, 30), "a whole hour"),
        ("hours", 1, "2 to"),
    ],
)
def test_impossible_settings_are_refused(field: str, value: object, accepted: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: got .*accepted is .*{accepted}") as error:
        replace(SETTINGS, **{field: value})  # type: ignore[arg-type]
    assert str(value) in str(error.value)


def test_generate_never_mixes_two_runs(tmp_path: Path) -> None:
    small = IncidentSettings(events=200)
    generate(small, tmp_path)
    with pytest.raises(FileExistsError, match="exists already"):
        generate(small, tmp_path)
    day = generate(replace(small, seed=8), tmp_path, replace=True)
    assert day.settings.seed == 8
    (day.truth / "incident.json").unlink()
    with pytest.raises(FileExistsError, match="exists already"):
        generate(small, tmp_path, replace=True)


def test_command_lines_generate_and_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, database = str(tmp_path / "day"), str(tmp_path / "x.duckdb")
    options = ["--events", "300", "--incident-start", "2026-03-01T08:00:00", "--no-planted"]
    assert generate_module.main(["--folder", folder, *options]) == 0
    assert "incident 2026-03-01 08:00:00 to 2026-03-01 12:00:00" in capsys.readouterr().out
    assert generate_module.main(["--folder", folder, *options]) == 2
    assert "exists already" in capsys.readouterr().err
    assert load_module.main(["--database", database, "--bronze", f"{folder}/bronze"]) == 0
    assert "files loaded, 0 were loaded before" in capsys.readouterr().out
    assert load_module.main(["--database", database, "--bronze", f"{folder}/none"]) == 2
    assert "found no such folder" in capsys.readouterr().err


def test_loading_twice_loads_once(
    rows: duckdb.DuckDBPyConnection, day: IncidentTruth, tmp_path: Path
) -> None:
    database, lines = tmp_path / "x.duckdb", list[str]()
    first = load(database, day.bronze, progress=lines.append)
    second = load(database, day.bronze)
    files, count = day.counts["files"], day.counts["physical_rows"]
    assert (first.files_loaded, first.files_skipped, first.rows_loaded) == (files, 0, count)
    assert (second.files_loaded, second.files_skipped, second.rows_loaded) == (0, files, 0)
    assert lines[-1].startswith(f"files {files}/{files}")
    rows.execute(f"attach '{database}' as loaded (read_only)")
    try:
        columns = ", ".join(COLUMNS).replace("payload", "payload::varchar")
        same = (
            f"(select {columns} from bronze) except all (select {columns} from loaded.raw.events)"
        )
        assert _value(rows, f"select count(*) from ({same})") == 0
        assert _value(rows, "select count(*) from loaded.raw.events") == count
        assert _value(rows, "select typeof(payload) from loaded.raw.events limit 1") == "JSON"
        assert _value(rows, "select sum(row_count) from loaded.raw.load_history") == count
        assert _value(rows, "select min(file_size_bytes) from loaded.raw.load_history") > 0  # type: ignore[operator]
        assert _value(rows, "select count(loaded_at) from loaded.raw.load_history") == files
    finally:
        rows.execute("detach loaded")


def test_batches_by_hour_of_arrival_load_everything_once(
    day: IncidentTruth, tmp_path: Path
) -> None:
    database, moment, loaded = tmp_path / "x.duckdb", SETTINGS.start, 0
    first = load(database, day.bronze, until=datetime(2026, 3, 1, 2))
    assert first.files_loaded == 2
    # Moments that are no whole hours must not lose the hour that they cut.
    for minutes in (0, 615, 1000, 1440, 4000):
        later = SETTINGS.start + timedelta(minutes=minutes)
        loaded += load(database, day.bronze, since=moment, until=later).files_loaded
        moment = later
    assert first.files_loaded + loaded == day.counts["files"]


def test_a_second_table_has_its_own_history(day: IncidentTruth, tmp_path: Path) -> None:
    database, until = tmp_path / "x.duckdb", datetime(2026, 3, 1, 1)
    assert load(database, day.bronze, until=until).files_loaded == 1
    assert load(database, day.bronze, until=until, table="other events").files_loaded == 1
    assert load(database, day.bronze, until=until, table="other events").files_loaded == 0


def test_a_load_that_dies_leaves_whole_files_only(day: IncidentTruth, tmp_path: Path) -> None:
    database, done = tmp_path / "x.duckdb", []

    def die_at_the_third(line: str) -> None:
        done.append(line)
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(database, day.bronze, progress=die_at_the_third)
    with duckdb.connect(str(database)) as connection:
        recorded = _value(connection, "select sum(row_count) from raw.load_history")
        assert _value(connection, "select count(*) from raw.events") == recorded
        assert _value(connection, "select count(*) from raw.load_history") == 3
    load(database, day.bronze)
    with duckdb.connect(str(database)) as connection:
        count = _value(connection, "select count(*) from raw.events")
        assert count == day.counts["physical_rows"]


def test_rows_without_their_record_are_not_kept(
    day: IncidentTruth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class DyingClock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> DyingClock:
            raise KeyboardInterrupt

    database = tmp_path / "x.duckdb"
    with monkeypatch.context() as patched:
        # The clock is read after the rows are in and before they are recorded.
        patched.setattr(load_module, "datetime", DyingClock)
        with pytest.raises(KeyboardInterrupt):
            load(database, day.bronze)
    with duckdb.connect(str(database)) as connection:
        assert _value(connection, "select count(*) from raw.events") == 0
    assert load(database, day.bronze).rows_loaded == day.counts["physical_rows"]


def _one_row(change: Callable[[dict[str, str]], None]) -> str:
    values = dict.fromkeys(COLUMNS, "'x'") | {
        "amount_cents": "1::bigint",
        "event_ts": "timestamp '2026-03-01 00:00:01'",
        "ingest_ts": "timestamp '2026-03-01 00:00:02'",
        "payload": "'{}'",
    }
    change(values)
    return "select " + ", ".join(f"{value} as {name}" for name, value in values.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda v: v.pop("currency"),
            "found no column currency, expected currency of type VARCHAR",
        ),
        (
            lambda v: v.pop("payload"),
            "expected payload of type VARCHAR or JSON; its columns are ev",
        ),
        (
            lambda v: v.update(amount_cents="1.5::double"),
            "column amount_cents has type DOUBLE, expected BIGINT",
        ),
        (
            lambda v: v.update(event_ts="'2026'"),
            "column event_ts has type VARCHAR, expected TIMESTAMP",
        ),
        (lambda v: v.update(payload="'no json'"), "nothing of it was loaded: .*JSON"),
    ],
)
def test_a_file_of_another_form_is_refused(
    tmp_path: Path, change: Callable[[dict[str, str]], None], message: str
) -> None:
    hour = tmp_path / "bronze" / "arrival_hour=2026-03-01T00"
    hour.mkdir(parents=True)
    target = hour / "part-000.parquet"
    duckdb.connect().execute(f"copy ({_one_row(change)}) to '{target}' (format parquet)")
    with pytest.raises(LoadError, match=f"part-000.parquet: .*{message}"):
        load(tmp_path / "x.duckdb", tmp_path / "bronze")
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        assert _value(connection, "select count(*) from raw.events") == 0
        assert _value(connection, "select count(*) from raw.load_history") == 0


def test_a_folder_without_bronze_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="found no such folder, expected the folder of the bronze"):
        load(tmp_path / "x.duckdb", tmp_path / "missing")
    with pytest.raises(LoadError, match="found no Parquet file, expected arrival_hour="):
        load(tmp_path / "x.duckdb", tmp_path)
    (tmp_path / "broken.parquet").write_text("no parquet")
    with pytest.raises(LoadError, match=r"broken\.parquet: expected a Parquet file, found"):
        load(tmp_path / "x.duckdb", tmp_path)
    with pytest.raises(LoadError, match="expected arrival_hour=YYYY-MM-DDTHH"):
        load(tmp_path / "x.duckdb", tmp_path, until=datetime(2026, 3, 1))
