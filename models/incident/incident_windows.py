"""Windows in which more events are copied than usual, their edges to the second, with intervals.

Likelihood-ratio confidence sets for a change point, after Siegmund (1988):
docs/decisions/0015-window-detection.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from math import log
from typing import NamedTuple

SECOND = timedelta(seconds=1)
CLOCKS = ("arrival", "event")
# An edge is outside its interval with a probability of at most 5%: on either side of the truth, the
# likelihood exceeds that of the truth by a factor of 40 with a probability of 1 to 40 at most.
MOST_LIKELIHOOD_LOST = log(2 / 0.05)


class Counts(NamedTuple):
    """Events, those of them that are copied, and their further copies."""

    events: int
    copied: int
    copies: int

    def __add__(self, other: tuple) -> "Counts":
        """The sums."""
        return Counts(*(one + another for one, another in zip(self, other, strict=True)))


NOTHING = Counts(0, 0, 0)


class Candidate(NamedTuple):
    """A window to the minute, and the spans in which its edges are; all ends are exclusive."""

    number: int
    event_types: str
    start: datetime
    end: datetime
    start_from: datetime
    start_to: datetime
    end_from: datetime
    end_to: datetime
    base_share: float
    incident_share: float
    dispersion: float
    base_rate: float
    core: Counts


class Second(NamedTuple):
    """Counts of events in one second of a span, by the time that a clock gives them."""

    clock: str
    start: datetime
    counts: Counts


class Bucket(NamedTuple):
    """Counts of a second, or of the midst of a window."""

    start: datetime
    end: datetime
    counts: Counts


class Edge(NamedTuple):
    """A moment, and the interval in which it lies."""

    moment: datetime
    low: datetime
    high: datetime


class Window(NamedTuple):
    """A detected window; its end is exclusive."""

    start: Edge
    end: Edge
    clock: str
    counts: Counts
    log_likelihood_ratio: float

    @property
    def incident_share(self) -> float:
        """Share of the events that are copied; neither 0 nor 1."""
        return (self.counts.copied + 0.5) / (self.counts.events + 1)

    @property
    def row_count(self) -> int:
        """Number of rows of the events in the window."""
        return self.counts.events + self.counts.copies

    @property
    def incident_rate(self) -> float:
        """Share of those rows that are further copies."""
        return self.counts.copies / self.row_count


def refine(candidate: Candidate, seconds: Iterable[Second]) -> Window:
    """Find the most likely edges, by the clock that makes the window likelier.

    An incident of the producers begins and ends by the time of the events, one of the loaders by
    their arrival. By the other clock its edges are blurred by the delays between them.
    """
    by_clock: dict[str, list[Second]] = {clock: [] for clock in CLOCKS}
    for second in sorted(seconds, key=lambda second: second.start):
        by_clock[second.clock].append(second)
    windows = []
    for clock in CLOCKS:
        buckets = _buckets(candidate, by_clock[clock])
        window = _window(candidate, clock, buckets, candidate.incident_share)
        # the minutes at the edges are in part base: the share once more, from the seconds
        windows.append(_window(candidate, clock, buckets, window.incident_share))
    return max(windows, key=lambda window: window.log_likelihood_ratio)


def _buckets(candidate: Candidate, seconds: Sequence[Second]) -> list[Bucket]:
    """The seconds, and in their midst, as one, the minutes that are in the window anyway.

    What arrived after these minutes may have happened within them.
    """
    buckets = [Bucket(s.start, s.start + SECOND, s.counts) for s in seconds]
    if candidate.start_to >= candidate.end_from:
        return buckets
    before = [bucket for bucket in buckets if bucket.start < candidate.start_to]
    behind = buckets[len(before) :]
    end = min([candidate.end_from, *(bucket.start for bucket in behind[:1])])
    return [*before, Bucket(candidate.start_to, end, candidate.core), *behind]


def _window(candidate: Candidate, clock: str, buckets: Sequence[Bucket], incident: float) -> Window:
    """The run of buckets with the most evidence, and how far either edge may be moved."""
    base = candidate.base_share
    gain = log(incident * (1 - base) / ((1 - incident) * base)) / candidate.dispersion
    loss = log((1 - incident) / (1 - base)) / candidate.dispersion
    weights = [b.counts.copied * gain + b.counts.events * loss for b in buckets]
    sums = list(accumulate(weights, initial=0.0))
    first, after = _largest_run(sums)
    least = sums[after] - sums[first] - MOST_LIKELIHOOD_LOST
    starts = [at for at in range(after) if sums[after] - sums[at] >= least]
    ends = [at for at in range(first + 1, len(sums)) if sums[at] - sums[first] >= least]
    # an edge lies within the second on either side of where the run is cut
    start = Edge(
        buckets[first].start,
        buckets[starts[0] - 1].end - SECOND
        if starts[0] > 0
        else min(candidate.start_from, buckets[0].start),
        buckets[starts[-1]].start + SECOND,
    )
    end = Edge(
        buckets[after - 1].end,
        buckets[ends[0] - 1].start,
        buckets[ends[-1]].start + SECOND if ends[-1] < len(buckets) else candidate.end_to,
    )
    inside = sum((bucket.counts for bucket in buckets[first:after]), NOTHING)
    return Window(start, end, clock, inside, sums[after] - sums[first])


def _largest_run(sums: Sequence[float]) -> tuple[int, int]:
    """The places between which the sums rise most; the shortest such run."""
    best, least = (0, 1), 0
    for at in range(1, len(sums)):
        if sums[at] - sums[least] > sums[best[1]] - sums[best[0]]:
            best = (least, at)
        if sums[at] <= sums[least]:
            least = at
    return best


COLUMNS = (
    ("window_number", "integer"),
    ("detected_start", "time"),
    ("detected_start_low", "time"),
    ("detected_start_high", "time"),
    ("detected_end", "time"),
    ("detected_end_low", "time"),
    ("detected_end_high", "time"),
    ("clock", "text"),
    ("event_types", "text"),
    ("base_rate", "number"),
    ("incident_rate", "number"),
    ("row_count", "integer"),
    ("copy_count", "integer"),
    ("log_likelihood_ratio", "number"),
    ("evidence", "text"),
)


def as_row(candidate: Candidate, window: Window) -> tuple:
    """The window as a row of the model, in the order of COLUMNS."""
    copies, rows = window.counts.copies, window.row_count
    evidence = (
        f"{copies} copies in {rows} rows ({window.incident_rate:.2%}), against a base rate of "
        f"{candidate.base_rate:.2%}; log-likelihood ratio {window.log_likelihood_ratio:.0f}"
    )
    return (
        candidate.number,
        *window.start,
        *window.end,
        window.clock,
        candidate.event_types,
        candidate.base_rate,
        window.incident_rate,
        rows,
        copies,
        window.log_likelihood_ratio,
        evidence,
    )


OF_CANDIDATES = (
    "window_number",
    "event_type",
    "is_every_type",
    "window_start",
    "window_end",
    "start_from",
    "start_to",
    "end_from",
    "end_to",
    "base_share",
    "incident_share",
    "dispersion",
    "base_rate",
    "core_event_count",
    "core_copied_event_count",
    "core_event_copy_count",
)
OF_SECONDS = (
    "window_number",
    "clock",
    "second_start",
    "event_count",
    "copied_event_count",
    "event_copy_count",
)


def as_candidates(rows: Iterable[Sequence]) -> list[Candidate]:
    """Rows of incident_window_candidates, of OF_CANDIDATES, which has one an event type."""
    by_number: dict[int, list[Sequence]] = defaultdict(list)
    for row in rows:
        by_number[int(row[0])].append(row)
    candidates = []
    for number, of_window in sorted(by_number.items()):
        _, _, is_every_type, *values = of_window[0][:13]
        names = sorted("(none)" if row[1] is None else row[1] for row in of_window)
        event_types = "all" if is_every_type else ", ".join(names)
        core = Counts(*map(int, of_window[0][13:]))
        candidates.append(Candidate(number, event_types, *values, core))
    return candidates


def as_seconds(rows: Iterable[Sequence]) -> dict[int, list[Second]]:
    """Rows of incident_duplicate_rate_by_second, of OF_SECONDS, by the number of their window."""
    by_number: dict[int, list[Second]] = defaultdict(list)
    for number, clock, start, *counts in rows:
        by_number[int(number)].append(Second(clock, start, Counts(*map(int, counts))))
    return by_number


def model(dbt, session):
    """Adapter: candidates and the seconds around their edges in, windows out, on both engines."""
    dbt.config(materialized="table", python_version="3.11")
    on_snowflake = type(session).__module__.startswith("snowflake.")
    read = _read_snowpark if on_snowflake else _read_duckdb
    write = _write_snowpark if on_snowflake else _write_duckdb
    found = dbt.ref("exactly_once", "incident_window_candidates")
    rates = dbt.ref("exactly_once", "incident_duplicate_rate_by_second")
    candidates = as_candidates(read(found, OF_CANDIDATES))
    seconds = as_seconds(read(rates, OF_SECONDS))
    return write(session, [as_row(one, refine(one, seconds[one.number])) for one in candidates])


def _read_duckdb(relation, columns) -> list[tuple]:
    return relation.project(", ".join(columns)).fetchall()


def _write_duckdb(_session, rows):
    import pyarrow as pa

    kinds = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "text": pa.string(),
        "time": pa.timestamp("us"),
    }
    columns = list(zip(*rows, strict=True)) if rows else [[] for _ in COLUMNS]
    arrays = [
        pa.array(values, kinds[kind]) for values, (_, kind) in zip(columns, COLUMNS, strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=[name for name, _ in COLUMNS])


def _read_snowpark(frame, columns) -> list[tuple]:
    return frame.select(*[name.upper() for name in columns]).collect()


def _write_snowpark(session, rows):
    from snowflake.snowpark import types as T  # noqa: N812 -- Snowpark's own convention

    kinds = {
        "integer": T.LongType(),
        "number": T.DoubleType(),
        "text": T.StringType(),
        "time": T.TimestampType(T.TimestampTimeZone.NTZ),
    }
    fields = [T.StructField(name.upper(), kinds[kind]) for name, kind in COLUMNS]
    return session.create_dataframe(rows, schema=T.StructType(fields))
