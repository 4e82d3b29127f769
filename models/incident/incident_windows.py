"""Windows of arrival time in which copies are far more frequent than usual."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median, quantiles
from typing import NamedTuple

MINUTE = timedelta(minutes=1)
LARGEST_GAP = timedelta(minutes=10)
FEWEST_COPIES = 10
SMALLEST_SHARE = 0.01


class Minute(NamedTuple):
    """Rows and copies that arrived in one minute."""

    start: datetime
    row_count: int
    copy_count: int

    @property
    def rate(self) -> float:
        """Share of the minute's rows that are copies."""
        return self.copy_count / self.row_count


class Window(NamedTuple):
    """A detected window; its end is exclusive."""

    start: datetime
    end: datetime
    base_rate: float
    incident_rate: float
    row_count: int
    copy_count: int

    @property
    def evidence(self) -> str:
        """The finding in one sentence."""
        return (
            f"{self.copy_count} copies in {self.row_count} rows ({self.incident_rate:.2%}), "
            f"against a base rate of {self.base_rate:.2%}"
        )


def detect_windows(minutes: Sequence[Minute], min_rate: float) -> list[Window]:
    """Find the windows whose rate of copies exceeds the base rate by more than `min_rate`.

    The base rate is the lower quartile over all minutes, so that it is the usual rate even where
    an incident fills most of them. Minutes above the threshold that lie no further
    apart than ten minutes form one window. Its edges are where the rate has risen to half of the
    window's own level, so that the thin tail of late copies after an incident doesn't stretch it;
    bumps in that tail, with under a hundredth of the largest window's copies, are left out.
    """
    filled = sorted((m for m in minutes if m.row_count > 0), key=lambda m: m.start)
    if not filled:
        return []
    base_rate = _lower_quartile([m.rate for m in filled])
    windows = []
    for hot in _runs([m for m in filled if m.rate > base_rate + min_rate]):
        level = median(m.rate for m in hot if m.rate >= max(n.rate for n in hot) / 2)
        edges = [m.start for m in hot if m.rate - base_rate >= (level - base_rate) / 2]
        start, end = min(edges), max(edges) + MINUTE
        inside = [m for m in filled if start <= m.start < end]
        row_count = sum(m.row_count for m in inside)
        copy_count = sum(m.copy_count for m in inside)
        if copy_count >= FEWEST_COPIES:
            windows.append(
                Window(start, end, base_rate, copy_count / row_count, row_count, copy_count)
            )
    largest = max((window.copy_count for window in windows), default=0)
    return [window for window in windows if window.copy_count >= SMALLEST_SHARE * largest]


def _lower_quartile(rates: Sequence[float]) -> float:
    """The rate that a quarter of the minutes don't exceed."""
    return quantiles(rates, n=4, method="inclusive")[0] if len(rates) > 1 else min(rates)


def _runs(hot: Sequence[Minute]) -> list[list[Minute]]:
    """Split minutes in order wherever the gap between two is too large."""
    runs: list[list[Minute]] = []
    for minute in hot:
        if runs and minute.start - runs[-1][-1].start <= LARGEST_GAP:
            runs[-1].append(minute)
        else:
            runs.append([minute])
    return runs


COLUMNS = (
    "window_number",
    "detected_start",
    "detected_end",
    "base_rate",
    "incident_rate",
    "row_count",
    "copy_count",
    "evidence",
)


def as_row(number: int, window: Window) -> tuple:
    """The window as a row of the model, in the order of COLUMNS."""
    return (
        number,
        window.start,
        window.end,
        window.base_rate,
        window.incident_rate,
        window.row_count,
        window.copy_count,
        window.evidence,
    )


def model(dbt, session):
    """Adapter: a few thousand minutes in, a few windows out, on DuckDB and on Snowflake."""
    dbt.config(materialized="table", python_version="3.11")
    min_rate = float(dbt.config.meta_get("detection_min_rate"))
    rates = dbt.ref("incident_duplicate_rate")
    on_snowflake = type(session).__module__.startswith("snowflake.")
    read = _read_snowpark if on_snowflake else _read_duckdb
    write = _write_snowpark if on_snowflake else _write_duckdb
    windows = detect_windows([Minute(*row) for row in read(rates)], min_rate)
    rows = [as_row(number, window) for number, window in enumerate(windows, start=1)]
    return write(session, rows)


def _read_duckdb(rates) -> list[tuple]:
    return rates.aggregate(
        "arrival_minute, sum(row_count)::bigint, sum(copy_count)::bigint", "arrival_minute"
    ).fetchall()


def _write_duckdb(_session, rows):
    import pyarrow as pa

    text, number, share, time = pa.string(), pa.int64(), pa.float64(), pa.timestamp("us")
    types = (number, time, time, share, share, number, number, text)
    columns = list(zip(*rows, strict=True)) if rows else [[] for _ in types]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(COLUMNS))


def _read_snowpark(rates) -> list[tuple]:
    from snowflake.snowpark import functions as F  # noqa: N812 -- Snowpark's own convention

    minutes = rates.group_by("ARRIVAL_MINUTE").agg(F.sum("ROW_COUNT"), F.sum("COPY_COUNT"))
    return [(row[0], int(row[1]), int(row[2])) for row in minutes.collect()]


def _write_snowpark(session, rows):
    from snowflake.snowpark import types as T  # noqa: N812 -- Snowpark's own convention

    time = T.TimestampType(T.TimestampTimeZone.NTZ)
    text, number, share = T.StringType(), T.LongType(), T.DoubleType()
    types = (number, time, time, share, share, number, number, text)
    fields = [T.StructField(name.upper(), kind) for name, kind in zip(COLUMNS, types, strict=True)]
    return session.create_dataframe(rows, schema=T.StructType(fields))
