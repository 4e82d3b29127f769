"""Windows of arrival time, to the minute, in which more events are copied than usual.

Penalised likelihood segmentation of binomial counts (Jackson et al. 2005), with the penalty of a
CUSUM (Lorden 1971): docs/decisions/0015-window-detection.md.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import log, sqrt
from operator import itemgetter
from statistics import quantiles
from typing import Any, NamedTuple

# runs [first, after) of places, the last one first, each with those before it
_Runs = tuple[int, int, Any] | None

MINUTE = timedelta(minutes=1)
MINUTES_OF_A_DAY = 1440
LARGEST_GAP = timedelta(minutes=10)
# At most this many false windows a day, where copies are independent and the base rate is known.
FALSE_ALARMS_A_DAY = 0.01
HIGHEST_SHARE = 0.95
# At the first look the base is the lower quartile over blocks of so many events, or of more, until
# they are expected to hold a few copied ones; at least so many blocks.
BLOCK_EVENTS = 100
EXPECTED_COPIED = 3
FEWEST_BLOCKS = 8
LOWER_QUARTILE_OF_CHI_SQUARE = 0.1015
LOWER_QUARTILE_OF_NORMAL = 0.6745
LIKENESS_SCALES = (1, 10)
MOST_ROUNDS = 6
# An edge is looked for by second as far as the minutes leave it odds of e^-12, and so far at least;
# an end as much further inwards as events arrive late, since their arrivals go on after it.
EDGE_EVIDENCE = 12.0
EDGE_REACH = timedelta(minutes=10)
# An event type speaks against being part of an incident by odds of e^3, or 20 to 1; not every type
# is part of it where such types have a thousandth of the events.
EVIDENCE_AGAINST = 3.0
SMALLEST_PART = 0.001


class Minute(NamedTuple):
    """Events of one type that were seen first in one minute, and what became of them."""

    start: datetime
    event_type: str | None
    event_count: int
    copied_event_count: int
    event_copy_count: int


class Counts(NamedTuple):
    """Sums over minutes or types."""

    events: int
    copied: int
    copies: int

    @property
    def share(self) -> float:
        """Share of the events that are copied; neither 0 nor 1."""
        return (self.copied + 0.5) / (self.events + 1)


class Base(NamedTuple):
    """The usual share of copied events, and how much events of one minute are alike in it.

    A binomial variance times `dispersion`: Williams (1982), extra-binomial variation.
    """

    share: float
    likeness: float

    def dispersion(self, events: float) -> float:
        """The variance of so many events of a minute, over that of a binomial."""
        return 1 + max(events - 1, 0) * self.likeness

    @property
    def shape(self) -> float:
        """The shape of a gamma distribution that varies as the shares of minutes do; 0 if none."""
        return self.share / ((1 - self.share) * self.likeness) if self.likeness > 0 else 0.0

    def evidence(self, counts: Counts, share: float) -> float:
        """Log-likelihood ratio of a share against the base, in one minute."""
        uncopied = counts.events - counts.copied
        ratio = counts.copied * log(share / self.share)
        ratio += uncopied * log((1 - share) / (1 - self.share))
        return ratio / self.dispersion(counts.events)


class Series(NamedTuple):
    """Minutes in order, and the counts in each."""

    starts: list[datetime]
    counts: list[Counts]

    def between(self, start: datetime, end: datetime) -> Counts:
        """The sums over the minutes from start to before end."""
        return _total(self.within(start, end))

    def within(self, start: datetime, end: datetime) -> list[Counts]:
        """The counts of the minutes from start to before end."""
        return self.counts[self.place(start) : self.place(end)]

    def place(self, moment: datetime) -> int:
        """The number of minutes before a moment."""
        return bisect_left(self.starts, moment)


class Span(NamedTuple):
    """A span of whole minutes; its end is exclusive."""

    start: datetime
    end: datetime


class Candidate(NamedTuple):
    """A window to the minute, and the spans in which its edges are looked for by second."""

    window: Span
    starts: Span
    ends: Span
    event_types: tuple[str | None, ...]
    is_every_type: bool
    base: Base
    dispersion: float
    base_rate: float
    incident_share: float
    core: Counts


def find_candidates(
    minutes: Iterable[Minute], min_rate: float, lateness: timedelta
) -> list[Candidate]:
    """Find the windows in which the share of copied events is above its base by `min_rate`.

    Each event type and all of them together are cut into base and windows. What overlaps, or lies
    no further apart than ten minutes, is one window. Events arrive up to `lateness` late.
    """
    by_type: dict[str | None, list[Minute]] = {}
    for minute in minutes:
        if minute.event_count > 0:
            by_type.setdefault(minute.event_type, []).append(minute)
    if not by_type:
        return []
    types = {name: _series(by_type[name]) for name in sorted(by_type, key=_by_name)}
    penalty = log(
        MINUTES_OF_A_DAY * len(_levels(0, min_rate)) * (len(types) + 1) / FALSE_ALARMS_A_DAY
    )
    cuts = {name: _cut(series, min_rate, penalty) for name, series in types.items()}
    pooled, _ = _cut(_series(m for part in by_type.values() for m in part), min_rate, penalty)
    hulls = _joined([*pooled, *(span for spans, _ in cuts.values() for span in spans)])
    found = []
    for hull in hulls:
        names, is_every_type = _affected(hull, types, cuts)
        series = _series(m for name in names for m in by_type[name])
        spans, base = _cut(series, min_rate, penalty)
        overlapping = [s for s in spans if s.start < hull.end and hull.start < s.end]
        window = Span(overlapping[0].start, overlapping[-1].end) if overlapping else hull
        found.append((window, names, is_every_type, series, base))
    windows = [window for window, *_ in found]
    candidates = [_candidate(*one, windows=windows, lateness=lateness) for one in found]
    return [c for c in candidates if c.incident_share - c.base.share >= min_rate]


def _by_name(name: str | None) -> tuple[bool, str]:
    return name is None, name or ""


def _series(minutes: Iterable[Minute]) -> Series:
    """The minutes of some event types, added up and in order."""
    sums: dict[datetime, list[int]] = {}
    for start, _, events, copied, copies in minutes:
        of_minute = sums.setdefault(start, [0, 0, 0])
        of_minute[0] += events
        of_minute[1] += copied
        of_minute[2] += copies
    starts = sorted(sums)
    return Series(starts, [Counts(*sums[start]) for start in starts])


def _total(counts: Sequence[Counts]) -> Counts:
    return Counts(*(sum(one) for one in zip(*counts, strict=True))) if counts else Counts(0, 0, 0)


def _levels(base_share: float, min_rate: float) -> list[float]:
    """The shares that a window may have, each twice as far from the base as the one before."""
    levels = [base_share + min_rate]
    while base_share + 2 * (levels[-1] - base_share) < HIGHEST_SHARE:
        levels.append(base_share + 2 * (levels[-1] - base_share))
    return [*levels, HIGHEST_SHARE] if levels[-1] < HIGHEST_SHARE else [(1 + base_share) / 2]


def _cut(series: Series, min_rate: float, penalty: float) -> tuple[list[Span], Base]:
    """Cut a series, and estimate the base from what lies outside the windows, until both agree."""
    base = _first_base(series)
    runs: list[tuple[int, int]] = []
    for _ in range(MOST_ROUNDS):
        before, runs = runs, _runs(series.counts, base, min_rate, penalty)
        inside = {place for first, after in runs for place in range(first - 1, after + 1)}
        outside = [c for place, c in enumerate(series.counts) if place not in inside]
        if outside:
            base = _base(outside)
        if runs == before:
            break
    starts = series.starts
    return _joined(Span(starts[first], starts[after - 1] + MINUTE) for first, after in runs), base


def _first_base(series: Series) -> Base:
    """A base that holds even where windows have most of the events: quartiles, not means."""
    least_events = BLOCK_EVENTS
    blocks = _blocks(series, least_events)
    while len(blocks) >= 2 * FEWEST_BLOCKS and _quartile(blocks) * least_events < EXPECTED_COPIED:
        least_events *= 2
        blocks = _blocks(series, least_events)
    quartile = _quartile(blocks)
    events = sum(events for _, events, _ in blocks)
    # of what is by chance less than usual, a quarter is so by this much
    usual = quartile + LOWER_QUARTILE_OF_NORMAL * sqrt(
        quartile * (1 - quartile) * len(blocks) / events
    )
    share = (min(usual, 1.0) * events + 0.5) / (events + 1)
    if share * least_events < EXPECTED_COPIED:
        return Base(share, 0.0)
    likeness = _lower_quartile(
        [
            (_misfit(events, copied, share) / LOWER_QUARTILE_OF_CHI_SQUARE - 1) * minutes / events
            for minutes, events, copied in blocks
        ]
    )
    return Base(share, max(0.0, likeness))


def _blocks(series: Series, least_events: int) -> list[tuple[int, int, int]]:
    """Neighbouring minutes up to so many events: their number, events and copied events."""
    blocks: list[tuple[int, int, int]] = []
    minutes = block_events = block_copied = 0
    for events, copied, _ in series.counts:
        minutes, block_events, block_copied = (
            minutes + 1,
            block_events + events,
            block_copied + copied,
        )
        if block_events >= least_events:
            blocks.append((minutes, block_events, block_copied))
            minutes = block_events = block_copied = 0
    return blocks or [(minutes, block_events, block_copied)]


def _quartile(blocks: Sequence[tuple[int, int, int]]) -> float:
    """The lower quartile of their shares of copied events."""
    return _lower_quartile([copied / events for _, events, copied in blocks])


def _base(outside: Sequence[Counts]) -> Base:
    """The base by what lies outside all windows; the likeness of minutes, or of longer blocks."""
    share = _total(outside).share
    likeness = 0.0
    events = [counts.events for counts in outside]
    copied = [counts.copied for counts in outside]
    for scale in LIKENESS_SCALES:
        blocks = [
            (sum(events[at : at + scale]), sum(copied[at : at + scale]))
            for at in range(0, len(outside), scale)
        ]
        excess = sum((_misfit(*block, share) - 1) * block[0] for block in blocks)
        pairs = sum(block_events * (block_events - 1) for block_events, _ in blocks)
        if pairs > 0:
            likeness = max(likeness, scale * excess / pairs)
    return Base(share, likeness)


def _misfit(events: int, copied: int, share: float) -> float:
    """Pearson's squared residual."""
    expected = events * share
    return (copied - expected) ** 2 / (expected * (1 - share))


def _lower_quartile(values: Sequence[float]) -> float:
    """The value that a quarter of them don't exceed."""
    return quantiles(values, n=4, method="inclusive")[0] if len(values) > 1 else values[0]


def _runs(
    counts: Sequence[Counts], base: Base, min_rate: float, penalty: float
) -> list[tuple[int, int]]:
    """The runs [first, after) outside the base in the most likely segmentation.

    Each segment above the base has the level that fits it best, and costs the penalty.
    """
    levels = _levels(base.share, min_rate)
    gains = [log(level * (1 - base.share) / ((1 - level) * base.share)) for level in levels]
    losses = [log((1 - level) / (1 - base.share)) for level in levels]
    # up to this share a minute speaks against every level, so that no run begins there
    lowest_share = -losses[0] / gains[0]
    shape = base.shape
    # the best up to now that is back at the base, its likelihood and its runs; and the best at each
    # level, with where the current run began and the runs before it
    base_likelihood = 0.0
    base_runs: _Runs = None
    at_level: list[tuple[float, int, _Runs]] = []
    for place, (events, copied, _) in enumerate(counts):
        if not at_level and copied <= events * lowest_share:
            continue
        spread = base.dispersion(events)
        usual = shape + events * base.share
        entered = (base_likelihood - penalty, place, base_runs)
        stays = at_level or [entered] * len(levels)
        at_level = []
        for stay, level, gain, loss in zip(stays, levels, gains, losses, strict=True):
            likelihood, first, runs = stay if stay[0] > entered[0] else entered
            evidence = (copied * gain + events * loss) / spread
            if shape > 0:
                # where shares vary as a gamma distribution does, which has a longer tail
                ratio = (shape + events * level) / usual
                by_gamma = copied * log(level / base.share / ratio) - shape * log(ratio)
                evidence = min(evidence, by_gamma)
            at_level.append((likelihood + evidence, first, runs))
        best = max(at_level, key=itemgetter(0))
        if best[0] > base_likelihood:
            base_likelihood, base_runs = best[0], (best[1], place + 1, best[2])
        elif best[0] <= base_likelihood - penalty:
            at_level = []
    return _in_order(base_runs)


def _in_order(runs: _Runs) -> list[tuple[int, int]]:
    """Linked runs, the last one first, as a list in order of time."""
    found: list[tuple[int, int]] = []
    while runs is not None:
        first, after, runs = runs
        found.insert(0, (first, after))
    return found


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans that overlap, or lie no further apart than the largest gap, as one."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start - joined[-1].end <= LARGEST_GAP:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _affected(
    hull: Span,
    types: dict[str | None, Series],
    cuts: dict[str | None, tuple[list[Span], Base]],
) -> tuple[list[str | None], bool]:
    """The event types that a window concerns, and whether none speaks against being one of them."""
    own = [
        name
        for name, (spans, _) in cuts.items()
        if any(s.start < hull.end and hull.start < s.end for s in spans)
    ]
    inside = {name: series.between(*hull) for name, series in types.items()}
    share = _total([inside[name] for name in own or types]).share
    speaks = {
        name: sum(cuts[name][1].evidence(counts, share) for counts in series.within(*hull))
        for name, series in types.items()
    }
    against = [n for n in types if n not in own and speaks[n] < -EVIDENCE_AGAINST]
    others = sum(inside[name].events for name in against)
    if others < SMALLEST_PART * sum(counts.events for counts in inside.values()):
        return list(types), True
    affected = [name for name in types if name in own or speaks[name] > 0]
    return affected or list(types), not affected


def _candidate(
    window: Span,
    names: Sequence[str | None],
    is_every_type: bool,
    series: Series,
    base: Base,
    *,
    windows: Sequence[Span],
    lateness: timedelta,
) -> Candidate:
    inside = series.between(*window)
    spread = _spread(base, series.within(*window), inside.share)
    evidence = [spread.evidence(counts, inside.share) for counts in series.counts]
    first, after = series.place(window.start), series.place(window.end)
    earliest = max((_middle(w.end, window.start) for w in windows if w < window), default=None)
    latest = min((_middle(window.end, w.start) for w in windows if w > window), default=None)
    before = range(first - 1, series.place(earliest) - 1 if earliest else -1, -1)
    behind = range(after, series.place(latest) if latest else len(series.starts))
    within = range(first, after)
    starts = Span(window.start, window.start)
    if before:
        starts = _edge(series, window.start, before, within, evidence, EDGE_REACH)
    ends = _edge(series, window.end, behind, within[::-1], evidence, EDGE_REACH + lateness)
    if starts.end >= ends.start:
        starts = ends = Span(starts.start, ends.end)
    outside = _total(
        [
            counts
            for start, counts in zip(series.starts, series.counts, strict=True)
            if not any(w.start <= start < w.end for w in windows)
        ]
    )
    return Candidate(
        window=window,
        starts=starts,
        ends=ends,
        event_types=tuple(names),
        is_every_type=is_every_type,
        base=base,
        dispersion=spread.dispersion(inside.events / (after - first)),
        base_rate=outside.copies / max(outside.events + outside.copies, 1),
        incident_share=inside.share,
        core=series.between(starts.end, ends.start),
    )


def _spread(base: Base, inside: Sequence[Counts], share: float) -> Base:
    """The base, where minutes of the window are alike as much as those outside, or more.

    By what differs from minute to minute: a slow rise, as where events arrive late, is no spread.
    """
    excess = pairs = 0.0
    for one, other in pairwise(inside[1:-1]):
        weight = 1 / (1 / one.events + 1 / other.events)
        gap = one.copied / one.events - other.copied / other.events
        excess += 2 * weight * (gap**2 * weight / (share * (1 - share)) - 1)
        pairs += 2 * weight * max(2 * weight - 1, 0)
    return base._replace(likeness=max(base.likeness, excess / pairs)) if pairs > 0 else base


def _middle(one: datetime, other: datetime) -> datetime:
    return one + (other - one) // 2


def _edge(
    series: Series,
    edge: datetime,
    outside: Sequence[int],
    inside: Sequence[int],
    evidence: Sequence[float],
    inwards: timedelta,
) -> Span:
    """Where an edge may lie, from the minutes on both sides, the nearest first."""
    reached = [inside[0]]
    for places, sign, reach in ((outside, -1, EDGE_REACH), (inside, 1, inwards)):
        total = 0.0
        for place in places:
            total += sign * evidence[place]
            reached.append(place)
            if total >= EDGE_EVIDENCE and abs(series.starts[place] - edge) >= reach:
                break
    return Span(series.starts[min(reached)], series.starts[max(reached)] + MINUTE)


COLUMNS = (
    ("window_number", "integer"),
    ("event_type", "text"),
    ("is_every_type", "boolean"),
    ("window_start", "time"),
    ("window_end", "time"),
    ("start_from", "time"),
    ("start_to", "time"),
    ("end_from", "time"),
    ("end_to", "time"),
    ("base_share", "number"),
    ("incident_share", "number"),
    ("dispersion", "number"),
    ("base_rate", "number"),
    ("core_event_count", "integer"),
    ("core_copied_event_count", "integer"),
    ("core_event_copy_count", "integer"),
)


def as_rows(number: int, candidate: Candidate) -> list[tuple]:
    """The rows of the model for one candidate, one an event type, in the order of COLUMNS."""
    return [
        (
            number,
            event_type,
            candidate.is_every_type,
            *candidate.window,
            *candidate.starts,
            *candidate.ends,
            candidate.base.share,
            candidate.incident_share,
            candidate.dispersion,
            candidate.base_rate,
            *candidate.core,
        )
        for event_type in candidate.event_types
    ]


READ = ("arrival_minute", "event_type", "event_count", "copied_event_count", "event_copy_count")


def as_minute(row: Sequence[Any]) -> Minute:
    """A row of incident_duplicate_rate; its event type may be a number."""
    start, event_type, *counts = row
    return Minute(start, None if event_type is None else str(event_type), *map(int, counts))


def model(dbt, session):
    """Adapter: minutes in, candidates out, on DuckDB and on Snowflake."""
    dbt.config(materialized="table", python_version="3.11")
    min_rate = float(dbt.config.meta_get("detection_min_rate"))
    lateness = timedelta(hours=float(dbt.config.meta_get("late_arrival_hours")))
    rates = dbt.ref("exactly_once", "incident_duplicate_rate")
    on_snowflake = type(session).__module__.startswith("snowflake.")
    read = _read_snowpark if on_snowflake else _read_duckdb
    write = _write_snowpark if on_snowflake else _write_duckdb
    candidates = find_candidates(map(as_minute, read(rates)), min_rate, lateness)
    numbered = enumerate(candidates, start=1)
    return write(session, [row for number, one in numbered for row in as_rows(number, one)])


def _read_duckdb(rates) -> list[tuple]:
    return rates.project(", ".join(READ)).fetchall()


def _write_duckdb(_session, rows):
    import pyarrow as pa

    kinds = {
        "boolean": pa.bool_(),
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


def _read_snowpark(rates) -> list[tuple]:
    return rates.select(*[name.upper() for name in READ]).collect()


def _write_snowpark(session, rows):
    from snowflake.snowpark import types as T  # noqa: N812 -- Snowpark's own convention

    kinds = {
        "boolean": T.BooleanType(),
        "integer": T.LongType(),
        "number": T.DoubleType(),
        "text": T.StringType(),
        "time": T.TimestampType(T.TimestampTimeZone.NTZ),
    }
    fields = [T.StructField(name.upper(), kinds[kind]) for name, kind in COLUMNS]
    return session.create_dataframe(rows, schema=T.StructType(fields))
