"""The pure function of the Python model incident_windows: minutes in, windows out."""

from __future__ import annotations

import importlib.util
import random
from datetime import datetime, timedelta
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_tests.warehouse import ROOT

START = datetime(2026, 3, 1)
MINUTE = timedelta(minutes=1)
MIN_RATE = 0.02


def load_model() -> ModuleType:
    """The model's file as a module: dbt doesn't make it importable."""
    path = ROOT / "models" / "incident" / "incident_windows.py"
    spec = importlib.util.spec_from_file_location("incident_windows", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODEL = load_model()


def minutes(rates: list[float], rows: int = 1000, first: int = 0) -> list:
    """Minutes in order, with the given rates of copies."""
    return [
        MODEL.Minute(START + (first + number) * MINUTE, rows, round(rate * rows))
        for number, rate in enumerate(rates)
    ]


def found(rates: list[float], rows: int = 1000) -> list[tuple[int, int]]:
    """First minute and the minute after the last, of each window."""
    windows = MODEL.detect_windows(minutes(rates, rows), MIN_RATE)
    return [((w.start - START) // MINUTE, (w.end - START) // MINUTE) for w in windows]


QUIET = [0.001] * 600


def test_no_minutes_have_no_window() -> None:
    assert found([]) == []


def test_a_quiet_day_has_no_window() -> None:
    assert found(QUIET) == []


def test_a_day_of_noise_below_the_threshold_has_no_window() -> None:
    noise = random.Random(1)
    assert found([noise.uniform(0, MIN_RATE) for _ in range(1440)]) == []


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


def test_a_tail_of_late_copies_does_not_stretch_the_window() -> None:
    assert found([*QUIET, *[0.4] * 240, *[0.04] * 120, *QUIET]) == [(600, 840)]


def test_a_high_base_rate_is_not_an_incident() -> None:
    assert found([0.3] * 600) == []
    assert found([*[0.1] * 600, *[0.5] * 60, *[0.1] * 600]) == [(600, 660)]


def test_a_handful_of_copies_is_not_an_incident() -> None:
    assert found([0.0] * 100 + [0.5] + [0.0] * 100, rows=4) == []


def test_minutes_without_rows_are_ignored() -> None:
    empty = [MODEL.Minute(START - MINUTE, 0, 0)]
    windows = MODEL.detect_windows([*empty, *minutes([*QUIET, *[0.4] * 60])], MIN_RATE)
    assert len(windows) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_minutes_does_not_matter(seed: int) -> None:
    ordered = minutes([*QUIET, *[0.4] * 60, *QUIET])
    shuffled = random.Random(seed).sample(ordered, len(ordered))
    assert MODEL.detect_windows(shuffled, MIN_RATE) == MODEL.detect_windows(ordered, MIN_RATE)


@settings(max_examples=200)
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
