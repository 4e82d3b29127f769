"""The pure functions of the Python models that find windows: counts in, windows out."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_tests.detection import (
    CANDIDATES,
    DAY,
    LATENESS,
    MIN_RATE,
    MINUTE,
    SECOND,
    SHARE_OF_TYPES,
    START,
    WINDOWS,
    Base,
    Incident,
    day,
    seconds,
)

STEADY = Base(peak=30_000, share=0.002)
# Busy and slow; steady, and with retries that come in bursts
CLEAN = {
    "steady": STEADY,
    "slow": Base(peak=60, share=0.005),
    "without copies": Base(peak=3000, share=0.0),
    "bursts": Base(peak=30_000, share=0.004, variation=0.7),
    "bursts of few": Base(peak=1000, share=0.005, variation=0.7),
}
MIXED = ["steady", "slow", "bursts", "bursts of few"]


def minutes(rates: list[float], rows: int = 1000, first: int = 0) -> list[Any]:
    """Minutes in order, with the given shares of copied events."""
    return [
        CANDIDATES.Minute(
            START + (first + number) * MINUTE, "captured", rows, round(rate * rows), 0
        )
        for number, rate in enumerate(rates)
    ]


def spans(counts: list[Any]) -> list[tuple[int, int]]:
    """First minute and the minute after the last, of each window."""
    windows = [one.window for one in CANDIDATES.find_candidates(counts, MIN_RATE, LATENESS)]
    return [((w.start - START) // MINUTE, (w.end - START) // MINUTE) for w in windows]


def found(rates: list[float], rows: int = 1000) -> list[tuple[int, int]]:
    return spans(minutes(rates, rows))


QUIET = [0.001] * 600


def test_no_minutes_have_no_window() -> None:
    assert found([]) == []


def test_a_quiet_day_has_no_window() -> None:
    assert found(QUIET) == []


def test_a_day_of_noise_below_the_threshold_has_no_window() -> None:
    noise = random.Random(1)
    assert found([noise.uniform(0, MIN_RATE) for _ in range(DAY)]) == []


def test_one_incident_is_one_window_to_the_minute() -> None:
    assert found([*QUIET, *[0.4] * 240, *QUIET]) == [(600, 840)]


def test_an_incident_that_wavers_is_one_window_to_the_minute() -> None:
    noise = random.Random(2)
    wavering = [noise.uniform(0.3, 0.5) for _ in range(240)]
    assert found([*QUIET, *wavering, *QUIET]) == [(600, 840)]


def test_a_short_lull_does_not_split_a_window() -> None:
    assert found([*QUIET, *[0.4] * 30, *[0.0] * 5, *[0.4] * 30, *QUIET]) == [(600, 665)]


def test_two_incidents_are_two_windows() -> None:
    assert found([*QUIET, *[0.4] * 60, *[0.0] * 60, *[0.3] * 60, *QUIET]) == [
        (600, 660),
        (720, 780),
    ]


def test_a_strong_incident_does_not_hide_a_weak_one() -> None:
    assert found([*QUIET, *[0.8] * 60, *QUIET, *[0.04] * 30, *QUIET]) == [(600, 660), (1260, 1290)]


def test_a_high_base_is_not_an_incident() -> None:
    assert found([0.3] * 600) == []
    assert found([*[0.1] * 600, *[0.5] * 60, *[0.1] * 600]) == [(600, 660)]


def test_an_incident_of_most_of_the_time_is_a_window() -> None:
    assert found([*[0.001] * 100, *[0.4] * 240]) == [(100, 340)]


def test_a_handful_of_copies_is_not_an_incident() -> None:
    assert found([0.0] * 100 + [0.5] + [0.0] * 100, rows=4) == []


def test_minutes_without_events_are_ignored() -> None:
    empty = [CANDIDATES.Minute(START - MINUTE, "captured", 0, 0, 0)]
    assert spans([*empty, *minutes([*QUIET, *[0.4] * 60])]) == [(600, 660)]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_minutes_does_not_matter(seed: int) -> None:
    ordered = day(STEADY, seed, [Incident(600, 660, 0.3)])
    shuffled = random.Random(seed).sample(ordered, len(ordered))
    assert CANDIDATES.find_candidates(shuffled, MIN_RATE, LATENESS) == CANDIDATES.find_candidates(
        ordered, MIN_RATE, LATENESS
    )


@settings(max_examples=100)
@given(
    before=st.integers(0, 500),
    after=st.integers(0, 500),
    length=st.integers(1, 240),
    level=st.floats(0.1, 0.8),
)
def test_clean_minutes_change_nothing(before: int, after: int, length: int, level: float) -> None:
    quiet = [0.0] * 300
    plain = found([*quiet, *[level] * length, *quiet])
    padded = found([*[0.0] * before, *quiet, *[level] * length, *quiet, *[0.0] * after])
    assert plain == [(300, 300 + length)]
    assert padded == [(start + before, end + before) for start, end in plain]


@settings(max_examples=30)
@given(
    share=st.floats(0, 0.3),
    rows=st.integers(1, 100_000),
    seed=st.integers(0, 2**32),
    shift=st.integers(-(10**6), 10**6),
)
def test_a_pure_base_has_no_window_and_a_later_day_the_same(
    share: float, rows: int, seed: int, shift: int
) -> None:
    """Binomial counts at any base; the day moved in time gives the same windows, moved."""
    clean = day(Base(rows, share), seed)
    assert spans(clean) == []
    faulty = day(Base(1000, min(share, 0.1)), seed, [Incident(700, 760, 0.5)])
    moved = [minute._replace(start=minute.start + shift * MINUTE) for minute in faulty]
    assert spans(moved) == [(start + shift, end + shift) for start, end in spans(faulty)]
    assert len(spans(faulty)) == 1


@pytest.mark.parametrize(
    ("name", "most"),
    [("steady", 0), ("slow", 5), ("without copies", 0), ("bursts", 1), ("bursts of few", 3)],
)
def test_false_alarms_of_each_kind_of_traffic_are_no_more_than_stated(
    name: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None in 40 days; at three hundred times the rate stated, as often as was measured."""
    days = [day(CLEAN[name], seed) for seed in range(40)]
    assert [one for one in days if spans(one)] == []
    monkeypatch.setattr(CANDIDATES, "FALSE_ALARMS_A_DAY", 300 * CANDIDATES.FALSE_ALARMS_A_DAY)
    assert sum(len(spans(one)) for one in days) <= most


@pytest.mark.soak
@pytest.mark.parametrize("name", CLEAN)
def test_false_windows_in_seven_hundred_clean_days(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One in a hundred days at most; in days that no other test uses."""
    false = sum(len(spans(day(CLEAN[name], seed))) for seed in range(10_000, 10_700))
    with capsys.disabled():
        print(f"\n{name}: {false} false windows in 700 days")
    assert false <= 7


@pytest.mark.parametrize("name", MIXED)
def test_several_incidents_are_found_among_traffic_of_all_kinds(name: str) -> None:
    """All types, one type, and a short one; in a day with a campaign and a quiet hour."""
    incidents = [
        Incident(300, 420, 0.3),
        Incident(700, 820, 0.35, ["captured"]),
        Incident(1000, 1030, 0.5),
    ]
    hits = 0
    for seed in range(6):
        found = CANDIDATES.find_candidates(day(CLEAN[name], seed, incidents), MIN_RATE, LATENESS)
        near = [
            abs((one.window.start - START) / MINUTE - incident.first) <= 10
            and abs((one.window.end - START) / MINUTE - incident.after) <= 10
            for one, incident in zip(found, incidents, strict=False)
        ]
        hits += len(found) == len(incidents) and all(near)
    assert hits >= 5


def test_a_partial_incident_names_its_event_types() -> None:
    for event_types in (["captured"], ["chargeback"], ["captured", "refunded"]):
        counts = day(STEADY, 1, [Incident(600, 720, 0.2, event_types)])
        (one,) = CANDIDATES.find_candidates(counts, MIN_RATE, LATENESS)
        assert (list(one.event_types), one.is_every_type) == (event_types, False)
    (one,) = CANDIDATES.find_candidates(
        day(STEADY, 1, [Incident(600, 720, 0.2)]), MIN_RATE, LATENESS
    )
    assert (list(one.event_types), one.is_every_type) == (sorted(SHARE_OF_TYPES), True)


@pytest.mark.parametrize(
    ("peak", "hours", "event_type", "share"),
    [
        (4500, (11, 19), "captured", 0.3),
        (1600, (13, 17), "captured", 0.3),
        (28_000, (11, 19), "refunded", 0.3),
        (28_000, (8, 20), "refunded", 0.9),
        (26_000, (13, 17), "refunded", 0.3),
        (30_000, (5, 20), "chargeback", 0.5),
    ],
)
def test_one_event_type_in_the_busy_hours_of_one_day_is_found(
    peak: int, hours: tuple[int, int], event_type: str, share: float
) -> None:
    """Among other types and by itself; the busy minutes, which prove most, are the incident."""
    first, after = (60 * hour for hour in hours)
    for seed in range(3, 6):
        counts = day(Base(peak, 0.002), seed, [Incident(first, after, share, [event_type])])
        (one,) = CANDIDATES.find_candidates(counts, MIN_RATE, LATENESS)
        assert (one.event_types, one.is_every_type) == ((event_type,), False)
        assert one.window == (START + first * MINUTE, START + after * MINUTE)
        (alone,) = spans([minute for minute in counts if minute.event_type == event_type])
        assert alone == (first, after)


def test_a_window_that_no_type_has_by_itself_is_of_all_types() -> None:
    """Each type's own base, of three minutes, speaks against it."""
    counts = [
        CANDIDATES.Minute(START + at * MINUTE, event_type, events, copied, copied)
        for at in range(3)
        for event_type, events, copied in (("captured", 200, 0), ("refunded", 20, 10 * (at == 0)))
    ]
    (one,) = CANDIDATES.find_candidates(counts, MIN_RATE, LATENESS)
    assert (one.event_types, one.is_every_type) == (("captured", "refunded"), True)


@settings(max_examples=100)
@given(
    counts=st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from(["captured", "refunded", None]),
            st.integers(0, 10_000),
            st.floats(0, 1),
        ),
        max_size=12,
    ),
    min_rate=st.floats(0.001, 0.9),
)
def test_counts_of_any_kind_have_windows_or_none(
    counts: list[tuple[int, str | None, int, float]], min_rate: float
) -> None:
    candidates = CANDIDATES.find_candidates(
        [
            CANDIDATES.Minute(START + at * MINUTE, event_type, events, round(events * share), 0)
            for at, event_type, events, share in counts
        ],
        min_rate,
        LATENESS,
    )
    for one in candidates:
        assert one.event_types
        assert one.starts.start <= one.window.start < one.window.end <= one.ends.end


def test_one_producer_among_many_is_found_by_what_it_adds() -> None:
    """A tenth of the traffic is copied half the time: 5% of the events."""
    assert spans(day(STEADY, 3, [Incident(600, 660, 0.05)])) == [(600, 660)]


def test_an_edge_at_an_end_of_the_data_is_that_end() -> None:
    (one,) = CANDIDATES.find_candidates(minutes([*[0.4] * 180, *QUIET]), MIN_RATE, LATENESS)
    assert one.starts == (START, START)
    assert one.ends.start < START + 180 * MINUTE < one.ends.end


def test_neighbouring_windows_share_no_second() -> None:
    rates = [*QUIET, *[0.4] * 60, *[0.0] * 12, *[0.4] * 60, *QUIET]
    first, second = CANDIDATES.find_candidates(minutes(rates), MIN_RATE, LATENESS)
    assert first.ends.end <= second.starts.start


@pytest.mark.parametrize("rate", [500, 1000])
def test_edges_are_right_to_the_second_at_500_events_a_second(rate: int) -> None:
    for seed in range(10):
        edges = (1200.0 + seed * 7 / 20, 2400.0 + seed * 13 / 20)
        window = WINDOWS.refine(*seconds(rate, 0.002, 0.3, edges, seed))
        assert window.clock == "event"
        for edge, truth in zip((window.start, window.end), edges, strict=True):
            assert edge.low <= edge.moment <= edge.high
            assert abs((edge.moment - START) / SECOND - truth) <= 1


@pytest.mark.parametrize(("rate", "share"), [(0.5, 0.3), (5.0, 0.1), (5.0, 0.9), (50.0, 0.05)])
def test_edges_lie_within_their_intervals_at_any_rate(rate: float, share: float) -> None:
    """Of 120 edges, 95% or more are stated; 91% leave room for chance."""
    held = 0
    for seed in range(60):
        edges = (1500.0 + seed / 3, 3300.0 - seed / 7)
        window = WINDOWS.refine(*seconds(rate, 0.002, share, edges, seed, length=4200))
        for edge, truth in zip((window.start, window.end), edges, strict=True):
            assert edge.low <= edge.moment <= edge.high
            held += edge.low <= START + truth * SECOND <= edge.high
    assert held >= 109


@pytest.mark.parametrize("rate", [5.0, 20.0])
def test_edges_lie_within_their_intervals_where_the_share_wavers(rate: float) -> None:
    """From minute to minute, between 5% and 55%; 90% of 60 edges leave room for chance."""
    held = 0
    for seed in range(30):
        edges = (5400.0 + seed / 3, 10_800.0 - seed / 7)
        window = WINDOWS.refine(*seconds(rate, 0.002, 0.3, edges, seed, 16_200, wavering=0.25))
        for edge, truth in zip((window.start, window.end), edges, strict=True):
            held += edge.low <= START + truth * SECOND <= edge.high
    assert held >= 54


@pytest.mark.parametrize(
    ("late", "share", "hours", "most"),
    [(0.3, 0.3, 1, 3), (0.3, 0.3, 4, 3), (1.0, 0.3, 4, 3), (1.0, 0.05, 4, 90)],
)
def test_events_that_arrive_late_move_no_edge(
    late: float, share: float, hours: int, most: float
) -> None:
    """Up to two hours late, so that by arrival the edges are off by minutes and more."""
    for seed in range(2):
        edges = (10_800.0 + seed / 3, 10_800.0 + 3600 * hours - seed / 7)
        window = WINDOWS.refine(*seconds(20.0, 0.002, share, edges, seed, length=36_000, late=late))
        assert window.clock == "event"
        for edge, truth in zip((window.start, window.end), edges, strict=True):
            assert edge.low <= START + truth * SECOND <= edge.high
            assert abs((edge.moment - START) / SECOND - truth) <= most


@pytest.mark.parametrize("lasting", [600, 2400])
def test_the_end_of_an_incident_whose_events_still_arrive_is_found(lasting: float) -> None:
    """It ended ten minutes ago; a fifth of its events are late, so that some are yet to come."""
    edges = (13_800.0 - lasting, 13_800.0)
    window = WINDOWS.refine(
        *seconds(50.0, 0.002, 0.6, edges, 1, length=14_400, late=0.2, until=14_400)
    )
    assert window.clock == "event"
    assert abs((window.end.moment - START) / SECOND - edges[1]) <= 3


def test_an_incident_of_half_a_minute_has_edges_too() -> None:
    for seed in range(10):
        window = WINDOWS.refine(*seconds(500, 0.001, 0.3, (1810.4, 1840.6), seed))
        assert abs((window.start.moment - START) / SECOND - 1810.4) <= 1
        assert abs((window.end.moment - START) / SECOND - 1840.6) <= 1


def test_the_sharper_clock_tells_the_edges() -> None:
    """The same seconds with the clocks' names exchanged: arrival is the sharp one."""
    other = {"event": "arrival", "arrival": "event"}
    candidate, counts = seconds(500, 0.002, 0.3, (1200.0, 2400.0), 1)
    exchanged = [second._replace(clock=other[second.clock]) for second in counts]
    by_event, by_arrival = WINDOWS.refine(candidate, counts), WINDOWS.refine(candidate, exchanged)
    assert by_arrival == by_event._replace(clock="arrival")
    assert by_event.start.moment == START + timedelta(minutes=20)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_seconds_does_not_matter(seed: int) -> None:
    candidate, counts = seconds(50, 0.002, 0.3, (1200.0, 2400.0), seed)
    shuffled = random.Random(seed).sample(counts, len(counts))
    assert WINDOWS.refine(candidate, shuffled) == WINDOWS.refine(candidate, counts)
